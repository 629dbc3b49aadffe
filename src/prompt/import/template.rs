//! Templates of other tools as bodies of prompt files.
//!
//! Text is the author's and stays as it is; only what Jinja would take for its own is written as an expression. The
//! values of a record are printed as they are, as the other tool does.

use std::collections::BTreeSet;

/// A template as a body, and what it reads.
#[derive(Debug, Default)]
pub(super) struct Template {
    /// The body.
    pub(super) body: String,
    /// The fields that it reads, in the order of their first place.
    pub(super) fields: Vec<String>,
    /// What has no equivalent.
    pub(super) lost: Vec<String>,
}

/// Names that mean something else in a body.
const RESERVED: [&str; 12] = [
    "scale", "mark", "gen", "choose", "read", "compare", "probe", "loop", "index", "self", "none",
    "true",
];

impl Template {
    /// Adds text of the author.
    pub(super) fn say(&mut self, text: &str) {
        let escaped = |open: &str| format!("{{{{ \"{open}\" }}}}");
        let mut rest = text;
        while let Some(at) = ["{{", "{%", "{#"].iter().filter_map(|open| rest.find(open)).min() {
            self.body.push_str(&rest[..at]);
            self.body.push_str(&escaped(&rest[at..at + 2]));
            rest = &rest[at + 2..];
        }
        self.body.push_str(rest);
    }

    /// Adds the value of a field, or of a path into it (`question`, `item.text`, `answers[0]`).
    pub(super) fn print(&mut self, path: &str) {
        let path = path.trim();
        let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let rest = &path[name.len()..];
        let is_path = rest.chars().all(|c| c.is_alphanumeric() || "_.[]\"'".contains(c))
            && (rest.is_empty() || rest.starts_with(['.', '[']));
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !is_path {
            self.lose(format!("the expression `{path}`"));
            return;
        }
        if RESERVED.contains(&name.as_str()) {
            self.lose(format!(
                "the field `{name}`, whose name has a meaning of its own in a body: rename it"
            ));
            return;
        }
        self.body.push_str(&format!("{{{{ {name}{rest} }}}}"));
        if !self.fields.contains(&name) {
            self.fields.push(name);
        }
    }

    /// Records what has no equivalent, once.
    pub(super) fn lose(&mut self, what: String) {
        if !self.lost.contains(&what) {
            self.lost.push(what);
        }
    }

    /// Adds another template after this one.
    pub(super) fn extend(&mut self, other: Self) {
        self.body.push_str(&other.body);
        for field in other.fields {
            if !self.fields.contains(&field) {
                self.fields.push(field);
            }
        }
        other.lost.into_iter().for_each(|lost| self.lose(lost));
    }

    /// Records lines of the text that would begin a turn.
    pub(super) fn check_turns(&mut self, text: &str) {
        let role = |line: &&str| matches!(line.trim(), "system:" | "user:" | "assistant:");
        let lines: BTreeSet<&str> = text.lines().filter(role).map(str::trim).collect();
        for line in lines {
            self.lose(format!("the line `{line}`, which would begin a turn: reword it"));
        }
    }
}

/// A template of Python's `str.format`: `{name}`, `{name.key}`, `{name[key]}`; `{{` and `}}` are braces.
///
/// # Errors
/// A brace is not closed, or closes nothing; the text says which.
pub(super) fn of_python(text: &str) -> Result<Template, String> {
    let mut template = Template::default();
    template.check_turns(text);
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let line = || text[..text.len() - rest.len() + at].matches('\n').count() + 1;
        let (sign, after) = (&rest[at..=at], &rest[at + 1..]);
        if let Some(after) = after.strip_prefix(sign) {
            literal.push_str(sign);
            rest = after;
            continue;
        }
        if sign == "}" {
            return Err(format!("line {}: `}}` closes nothing (write `}}}}` for a brace)", line()));
        }
        let end = after.find(['}', '\n']).filter(|&end| after[end..].starts_with('}'));
        let end = end.ok_or_else(|| {
            format!("line {}: `{{` is not closed (write `{{{{` for a brace)", line())
        })?;
        template.say(&std::mem::take(&mut literal));
        python_field(&mut template, &after[..end]);
        rest = &after[end + 1..];
    }
    literal.push_str(rest);
    template.say(&literal);
    Ok(template)
}

/// Adds what stands between the braces of a Python template.
fn python_field(template: &mut Template, field: &str) {
    let (path, formatted) = match field.find(['!', ':']) {
        Some(at) => (&field[..at], true),
        None => (field, false),
    };
    if formatted {
        template.lose(format!("the format of `{{{field}}}`: write it as a filter"));
    }
    if path.is_empty() {
        template.lose("`{}` without a name: name the field".into());
        return;
    }
    template.print(&python_path(path));
}

/// A path of Python's format strings: `name[key]` has no quotation marks around its key.
fn python_path(path: &str) -> String {
    let mut parts = path.split('[');
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (key, rest) = part.split_once(']').unwrap_or((part, ""));
        match key.parse::<usize>() {
            Ok(index) => all.push_str(&format!("[{index}]{rest}")),
            Err(_) => all.push_str(&format!("[\"{key}\"]{rest}")),
        }
    }
    all
}

/// A template with `{{ … }}`: mustache, Nunjucks, or that of the OpenAI graders. `path` is what to print for what
/// stands between the braces, or why that is impossible.
pub(super) fn of_braces(text: &str, path: impl Fn(&str) -> Result<String, String>) -> Template {
    let mut template = Template::default();
    template.check_turns(text);
    let mut rest = text;
    while let Some(at) = ["{{", "{%"].iter().filter_map(|open| rest.find(open)).min() {
        template.say(&rest[..at]);
        let closing = if rest[at..].starts_with("{{{") {
            "}}}"
        } else if rest[at..].starts_with("{{") {
            "}}"
        } else {
            "%}"
        };
        let open = if closing == "}}}" { 3 } else { 2 };
        let inner = &rest[at + open..];
        let Some(end) = inner.find(closing) else {
            template.say(&rest[at..]);
            return template;
        };
        let inside = inner[..end].trim();
        match if closing == "%}" {
            Err(format!("the block `{{% {inside} %}}`"))
        } else {
            path(inside)
        } {
            Ok(path) => template.print(&path),
            Err(why) => template.lose(why),
        }
        rest = &inner[end + closing.len()..];
    }
    template.say(rest);
    template
}

/// A simple path, as mustache and Nunjucks print it. Sections, partials, comments and filters have no equivalent.
pub(super) fn plain_path(inside: &str) -> Result<String, String> {
    let inside = inside.trim_matches('-').trim().trim_start_matches('&').trim();
    let is_simple =
        !inside.is_empty() && inside.chars().all(|c| c.is_alphanumeric() || "_.[]\"'".contains(c));
    if is_simple {
        Ok(inside.to_owned())
    } else {
        Err(format!("the expression `{{{{{inside}}}}}`"))
    }
}
