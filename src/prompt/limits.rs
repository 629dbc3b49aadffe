//! Limits on what a template may do, for templates that nobody has checked: those of prompt files and
//! the chat templates inside model files.
//!
//! The engine stops a template that runs too long or prints too much (its *fuel*). It does not see three
//! things: lists that grow by `+`, values that are nested ever deeper, and expressions so deep that its
//! own parser overflows the stack. [`metered`] refuses the last before the parser runs, and writes the
//! operands of `+`, literals and the values of `set` so that they pass through a filter, which charges
//! them to the fuel and refuses deep nesting.

use std::{io, sync::LazyLock};

use minijinja::{Environment, Error, ErrorKind, State, Value, value::Kwargs, value::ValueKind};
use regex::Regex;

/// Enough for a long prompt with loops; a template that loops without end stops in milliseconds.
const FUEL: u64 = 1_000_000;

/// The deepest stack of loops, macros and blocks while a template renders.
const DEEPEST: usize = 64;

/// The deepest nesting of lists and maps.
const DEEPEST_VALUE: usize = 32;

/// The largest template, in bytes.
const LARGEST: usize = 512 << 10;

/// The largest JSON that `tojson` writes, in bytes.
const LARGEST_JSON: usize = 4 << 20;

/// The most parts of one expression, brackets and what stands before them included. Neighbours in a list
/// do not count, for they are not nested.
const LONGEST: usize = 400;

/// The most brackets inside one another.
const BRACKETS: usize = 32;

/// The most `elif` of a template: each is nested in the one before.
const BRANCHES: usize = 256;

/// Why a template is refused before it is parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitExceeded {
    /// The line in the template, from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) message: String,
}

/// The same template with its growing values metered, for an environment that [`meter`] prepared.
pub(crate) fn metered(source: &str) -> Result<String, LimitExceeded> {
    let exceeded = |at: usize, message: String| LimitExceeded {
        line: source[..at].matches('\n').count() + 1,
        message,
    };
    if source.len() > LARGEST {
        let message = format!("the template has more than {} KiB", LARGEST >> 10);
        return Err(exceeded(0, message));
    }
    let mut insertions: Vec<(usize, &'static str)> = Vec::new();
    let mut branches = 0;
    let mut at = 0;
    while let Some(found) = find(&source[at..], &TAG) {
        let (start, end) = (at + found.0, at + found.1);
        let kind = &source[start..start + 2];
        at = match kind {
            "{#" => after(source, end, "#}"),
            "{%" if RAW.is_match(&source[start..]) => after_raw(source, end),
            _ => {
                let mut tag = Tag::new(source, kind == "{%", &mut insertions);
                let end = tag.read(end).map_err(|(at, message)| exceeded(at, message))?;
                branches += usize::from(tag.word == "elif");
                end
            }
        };
        if branches > BRANCHES {
            return Err(exceeded(start, format!("the template has more than {BRANCHES} `elif`")));
        }
    }
    insertions.sort_by_key(|(at, _)| *at);
    let mut text = String::with_capacity(source.len() + 16 * insertions.len());
    let mut from = 0;
    for (at, inserted) in insertions {
        text.push_str(&source[from..at]);
        text.push_str(inserted);
        from = at;
    }
    text.push_str(&source[from..]);
    Ok(text)
}

/// An expression of a metered template as its author wrote it, but for brackets.
pub(crate) fn as_written(expression: &str) -> String {
    let filters = ["|__sum", "|__held", "|__kept"];
    filters.iter().fold(expression.to_owned(), |text, name| text.replace(name, ""))
}

/// Sets the limits, and adds the filters that [`metered`] templates use.
pub(crate) fn meter(environment: &mut Environment<'_>) {
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEEPEST);
    environment.set_unknown_method_callback(method);
    environment.add_filter("__sum", summed);
    environment.add_filter("__held", |state: &State, value: Value| held(state, value, false));
    environment.add_filter("__kept", |state: &State, value: Value| held(state, value, true));
    environment.add_filter("tojson", json);
    environment.add_function("dict", |state: &State, value: Option<Value>, more: Kwargs| {
        held(state, minijinja::functions::dict(value, more)?, false)
    });
    let namespace = environment.globals().find(|(name, _)| *name == "namespace");
    if let Some(namespace) = namespace.map(|(_, value)| value) {
        let made = move |state: &mut State, value: Option<Value>, more: Kwargs| {
            let value = value.unwrap_or_else(|| Value::from(more));
            let made = namespace.call(state, &[value])?;
            held(state, made, true)
        };
        environment.add_function("namespace", made);
    }
    // They nest values outside of what is metered, and Jinja2 does not have them.
    for filter in ["zip", "chain"] {
        environment.remove_filter(filter);
    }
}

static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"\{[{%#]"));
static RAW: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\{%[-+]?\s*raw\s*[-+]?%\}"));
static END_OF_RAW: LazyLock<Regex> = LazyLock::new(|| pattern(r"\{%[-+]?\s*endraw\s*[-+]?%\}"));

fn pattern(pattern: &str) -> Regex {
    #[expect(clippy::unwrap_used, reason = "the pattern is a constant")]
    Regex::new(pattern).unwrap()
}

fn find(text: &str, pattern: &Regex) -> Option<(usize, usize)> {
    pattern.find(text).map(|found| (found.start(), found.end()))
}

/// The place after the next `end`, or the end of the text.
fn after(text: &str, from: usize, end: &str) -> usize {
    text[from..].find(end).map_or(text.len(), |found| from + found + end.len())
}

fn after_raw(text: &str, from: usize) -> usize {
    find(&text[from..], &END_OF_RAW).map_or(text.len(), |(_, end)| from + end)
}

/// One `{{ … }}` or `{% … %}` as it is read.
struct Tag<'s, 'i> {
    source: &'s str,
    is_block: bool,
    /// The first word of a block: `set`, `for`, `if`.
    word: &'s str,
    /// The brackets that are open, the tag itself first.
    levels: Vec<Level>,
    /// The word or sign before, and where it ended.
    before: &'s str,
    end: usize,
    /// Whether a dot was seen.
    dotted: bool,
    /// Where the value of a `set` begins, and whether it goes into a namespace.
    value: Option<(usize, bool)>,
    insertions: &'i mut Vec<(usize, &'static str)>,
}

/// An open bracket and what is between it and the place that is read.
#[derive(Default)]
struct Level {
    /// Where the bracket is.
    at: usize,
    /// Whether it makes a list, a map or perhaps a tuple, and is no index and no call.
    makes: bool,
    /// Whether a comma was seen.
    comma: bool,
    /// Where the operand began that is being read.
    operand: Option<usize>,
    /// Whether a `+` stands before it.
    added: bool,
    /// Parts since the last comma.
    parts: usize,
}

type Refusal = (usize, String);

impl<'s, 'i> Tag<'s, 'i> {
    fn new(
        source: &'s str,
        is_block: bool,
        insertions: &'i mut Vec<(usize, &'static str)>,
    ) -> Self {
        Self {
            source,
            is_block,
            word: "",
            levels: vec![Level::default()],
            before: "",
            end: 0,
            dotted: false,
            value: None,
            insertions,
        }
    }

    /// Reads up to the end of the tag, and says where that is.
    fn read(&mut self, from: usize) -> Result<usize, Refusal> {
        let ends: &[&str] =
            if self.is_block { &["%}", "-%}", "+%}"] } else { &["}}", "-}}", "+}}"] };
        let mut at = from + usize::from(self.source[from..].starts_with(['-', '+']));
        self.end = at;
        loop {
            at += self.source[at..].len() - self.source[at..].trim_ascii_start().len();
            let rest = &self.source[at..];
            if rest.is_empty() {
                // The parser says what is missing.
                return Ok(at);
            }
            if self.levels.len() == 1
                && let Some(end) = ends.iter().find(|end| rest.starts_with(**end))
            {
                self.finish();
                return Ok(at + end.len());
            }
            let length = token(rest, self.before);
            self.take(at, &rest[..length])?;
            self.before = &rest[..length];
            at += length;
            self.end = at;
        }
    }

    fn finish(&mut self) {
        self.operand_ends(false);
        if let Some((start, in_namespace)) = self.value {
            self.insertions.push((start, "("));
            self.insertions.push((self.end, if in_namespace { ")|__held" } else { ")|__kept" }));
        }
    }

    fn take(&mut self, at: usize, token: &'s str) -> Result<(), Refusal> {
        if self.is_block && self.word.is_empty() {
            self.word = token;
            return Ok(());
        }
        match token {
            "(" | "[" | "{" => self.opens(at, token)?,
            ")" | "]" | "}" => self.closes(at, token)?,
            "," => {
                self.operand_ends(false);
                let level = self.level();
                (level.comma, level.parts) = (true, 0);
            }
            _ if self.is_boundary(token) => {
                self.operand_ends(token == "+");
                let in_set = self.word == "set" && self.levels.len() == 1;
                if token == "=" && in_set && self.value.is_none() {
                    self.value = Some((at + 1, self.dotted));
                }
            }
            _ => {
                self.dotted |= token == ".";
                self.level().operand.get_or_insert(at);
            }
        }
        self.level().parts += 1;
        let parts: usize = self.levels.iter().map(|level| level.parts).sum();
        if parts > LONGEST {
            return Err((at, format!("an expression has more than {LONGEST} parts")));
        }
        Ok(())
    }

    fn opens(&mut self, at: usize, token: &str) -> Result<(), Refusal> {
        let continues = self.ends_operand();
        if self.levels.len() > BRACKETS {
            return Err((at, format!("more than {BRACKETS} brackets are inside one another")));
        }
        self.level().operand.get_or_insert(at);
        self.levels.push(Level { at, makes: !continues || token == "{", ..Level::default() });
        Ok(())
    }

    fn closes(&mut self, at: usize, token: &str) -> Result<(), Refusal> {
        self.operand_ends(false);
        match self.levels.pop() {
            Some(level) if !self.levels.is_empty() => {
                if level.makes && (token != ")" || level.comma) {
                    self.insertions.push((level.at, "("));
                    self.insertions.push((at + 1, "|__kept)"));
                }
                Ok(())
            }
            _ => Err((at, format!("`{token}` closes nothing"))),
        }
    }

    /// Ends what is being read; both operands of a `+` are metered.
    fn operand_ends(&mut self, at_plus: bool) {
        let end = self.end;
        let level = self.level();
        let metered = (at_plus || level.added).then(|| level.operand.take()).flatten();
        (level.operand, level.added) = (None, at_plus);
        if let Some(start) = metered {
            self.insertions.push((start, "("));
            self.insertions.push((end, ")|__sum"));
        }
    }

    /// Whether a `+` on either side does not reach beyond this word or sign.
    fn is_boundary(&self, token: &str) -> bool {
        let begun = self.levels.last().is_some_and(|level| level.operand.is_some());
        match token {
            "+" | "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | ":" => true,
            "-" => self.ends_operand(),
            // The stars of `f(*list)`.
            "*" | "**" => !begun,
            "not" | "in" | "and" | "or" | "if" | "else" => {
                !matches!(self.before, "is" | "." | "is not")
            }
            "recursive" => self.word == "for" && self.before != ".",
            _ => false,
        }
    }

    /// Whether what was read last ends a value, so that a bracket after it is an index or a call.
    fn ends_operand(&self) -> bool {
        let begun = self.levels.last().is_some_and(|level| level.operand.is_some());
        let last = self.before.chars().next_back();
        begun && last.is_some_and(|last| last.is_alphanumeric() || "_)]}\"'".contains(last))
    }

    fn level(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }
}

/// The length of the word, number, string or sign at the beginning of `rest`.
fn token(rest: &str, before: &str) -> usize {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r#"^(?:"(?:\\(?s:.)|[^"\\])*"?|'(?:\\(?s:.)|[^'\\])*'?|0[xXoObB][0-9a-fA-F_]*|[0-9][0-9_]*(?:\.[0-9_]+)?(?:\.?[eE][-+]?[0-9_]+)?|is\s+not\b|[\p{L}_][\p{L}\p{N}\p{M}_]*|//|\*\*|==|!=|<=|>=|(?s:.))"#,
        )
    });
    static INDEX: LazyLock<Regex> = LazyLock::new(|| pattern("^[0-9_]+"));
    // After a dot a number is an index and has no fraction.
    let index = (before == ".").then(|| find(rest, &INDEX)).flatten();
    index.or_else(|| find(rest, &TOKEN)).map_or(1, |(_, end)| end)
}

/// An operand of `+`: a list is charged, and made flat, since the engine joins lists lazily.
fn summed(state: &State, value: Value) -> Result<Value, Error> {
    if value.is_tuple() || !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Ok(value);
    }
    let mut items = Vec::new();
    for item in value.try_iter()? {
        state.consume_fuel(1)?;
        items.push(item);
    }
    Ok(Value::from(items))
}

/// A value that stays: what it holds is charged, and it must not be nested deeply or in itself.
fn held(state: &State, value: Value, may_be_namespace: bool) -> Result<Value, Error> {
    if is_namespace(&value) && !may_be_namespace {
        return Err(refused("a namespace cannot be kept in another value"));
    }
    weigh(state, &value, 0)?;
    Ok(value)
}

fn weigh(state: &State, value: &Value, depth: usize) -> Result<(), Error> {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return Ok(());
    }
    if depth > DEEPEST_VALUE {
        return Err(refused(&format!("values are nested more than {DEEPEST_VALUE} deep")));
    }
    let is_map = value.kind() == ValueKind::Map;
    for (n, item) in value.try_iter()?.enumerate() {
        if n % 8 == 0 {
            state.consume_fuel(1)?;
        }
        let item = if is_map { value.get_item(&item)? } else { item };
        if is_namespace(&item) {
            return Err(refused("a namespace cannot be kept in another value"));
        }
        weigh(state, &item, depth + 1)?;
    }
    state.consume_fuel(1)
}

fn is_namespace(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"))
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}

/// Python's methods; those whose results grow are charged as the filters of the same name are.
fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let is_text = value.kind() == ValueKind::String;
    match (name, args) {
        ("replace", [_, _] | [_, _, _]) if is_text => {
            let counted = args.get(2).is_some_and(|count| count.as_i64().is_some_and(|n| n >= 0));
            let args = if counted { args } else { &args[..2] };
            state.apply_filter("replace", &[std::slice::from_ref(value), args].concat())
        }
        ("join", [items]) if is_text => state.apply_filter("join", &[items.clone(), value.clone()]),
        ("format", _) if is_text && is_wide(value) => Err(refused("the width is too large")),
        _ => minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args),
    }
}

/// Whether a format asks for more than 999 columns.
fn is_wide(format: &Value) -> bool {
    let text = format.as_str().unwrap_or_default().as_bytes();
    text.windows(4).any(|four| four.iter().all(u8::is_ascii_digit))
}

/// The value as JSON, on one line unless an indentation is asked for.
#[expect(clippy::needless_pass_by_value, reason = "the template engine hands arguments over")]
fn json(
    state: &State,
    value: Value,
    indent: Option<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    let named: Option<Value> = options.get("indent")?;
    let indent = indent.or(named).filter(|indent| !indent.is_none());
    // Python's other options change the form of what no prompt compares.
    for option in ["ensure_ascii", "sort_keys", "separators"] {
        let _: Option<Value> = options.get(option)?;
    }
    options.assert_all_used()?;
    let mut page = Page(Vec::new());
    let written = match indent.and_then(|indent| indent.as_usize().map(|n| n.min(16))) {
        Some(width) => {
            let spaces = " ".repeat(width);
            let form = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
            let mut writer = serde_json::Serializer::with_formatter(&mut page, form);
            serde::Serialize::serialize(&value, &mut writer)
        }
        None => serde_json::to_writer(&mut page, &value),
    };
    written.map_err(|cause| refused(&format!("the value cannot be written as JSON: {cause}")))?;
    state.consume_fuel(page.0.len() as u64 / 64)?;
    Ok(Value::from(String::from_utf8_lossy(&page.0).into_owned()))
}

/// A buffer that refuses to grow beyond the largest JSON.
struct Page(Vec<u8>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST_JSON {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(source: &str) -> Result<String, String> {
        let mut environment = Environment::new();
        meter(&mut environment);
        let metered = metered(source).map_err(|exceeded| exceeded.message)?;
        environment
            .render_str(&metered, minijinja::context! { l => vec![1, 2], s => "a", n => 3 })
            .map_err(|cause| format!("{cause}\n{metered}"))
    }

    fn unmetered(source: &str) -> String {
        let mut environment = Environment::new();
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment
            .render_str(source, minijinja::context! { l => vec![1, 2], s => "a", n => 3 })
            .unwrap()
    }

    #[test]
    fn metering_changes_no_result() {
        for source in [
            "{{ n + 1 }} {{ s + 'b' + \"c\" }} {{ l + [n] + l }} {{ 1 + n * 2 - -n + 4 }}",
            "{%- set x = l + [[n, 1], {'a': n + 1}] -%}{{ x }}{% set a, b = n + 1, 'x' %}{{ a }}{{ b }}",
            "{{ n + 1 if n + 1 > 3 and not n + 1 == 5 else s + 'z' }}",
            "{{ s + 'b' if s is string }} {{ n + 1 if n is not none }} {{ 4 not in l + l }}",
            "{% for x in l + [5] if x + 1 > 2 %}{{ loop.index0 + 1 }}{{ x }},{% endfor %}",
            "{% for x in l + [5] recursive %}{{ x }}{% endfor %}",
            "{% set ns = namespace(t='', k=1) %}{% for x in l %}{% set ns.t = ns.t + x|string + ';' %}{% set ns.k = ns.k + 1 %}{% endfor %}{{ ns.t }}{{ ns.k }}",
            "{{ (1, n) + (2,) }} {{ (n + 1) * 2 }} {{ [1, 2, 3][n - 2 + 0:] }} {{ l[0 + 1] }} {{ {'a': {'b': 1 + 1}}['a'] }}",
            "{{ 1e+2 + 1.5 + 0x1f + 1_0 }} {{ ('a' ~ 'b') + 'c' }} {{ 'a' + s|upper + s.upper() }}",
            "{% raw %}{{ a + b }}{% endraw %}{# {{ a + b #}{{ 'x + y' + '\\'' }}",
            "{% macro f(a, b=1 + 1) %}{{ a + b }}{% endmacro %}{{ f(1) }}{{ f(n + 1, b=2 + 3) }}",
            "{% if l + l %}y{% elif n + 1 %}z{% else %}w{% endif %}{% with q = n + 1, r = [n] %}{{ q }}{{ r }}{% endwith %}",
            "{{ 'a-b'.replace('-', '+').split('+') }}{{ ', '.join(l) }}{{ 'aaa'.replace('a', 'b', 1) }}",
            "{{ dict(a=n, b=[1]) }}{{ {'a': n}.items() | list }}{% set z %}t{{ n + 1 }}{% endset %}{{ z }}",
            "{{- n + 1 -}} {%- if n + 1 -%} q {%- endif -%} {{+ n +}} x ",
            "{{ l | map('string') | join('+') + '!' }}{{ -n + 1 }}{{ 2 ** -1 + 1 }}{% set ns = namespace() %}{% set ns.reset = n + 1 %}{{ ns.reset }}",
        ] {
            assert_eq!(rendered(source).as_deref(), Ok(&*unmetered(source)), "{source}");
        }
    }

    #[test]
    fn what_grows_without_end_is_stopped() {
        let forty = |text: &str| text.repeat(40);
        for source in [
            "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l | length }}".to_owned(),
            "{% set ns = namespace(l=[]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{% for x in range(90000) %}{{ x }}{% for y in range(900) %}{% endfor %}{% endfor %}".to_owned(),
            format!("{{% set l = [1] %}}{}{{{{ l | length }}}}", forty("{% set l = l + l %}")),
            format!("{{% set l = [1] %}}{}{{{{ l | length }}}}", forty("{% set l = (l + (l)) %}")),
            "{% macro f(l, n) %}{% if n %}{{ f(l + l, n - 1) }}{% else %}{{ l | length }}{% endif %}{% endmacro %}{{ f([1], 50) }}".to_owned(),
            "{% macro f(x, y, n) %}{% if n %}{{ f([x, x], [y, y], n - 1) }}{% else %}{{ x == y }}{% endif %}{% endmacro %}{{ f([1], [1], 30) }}".to_owned(),
            format!("{}{{{{ x == y }}}}{}", "{% with x = [x, x], y = [y, y] %}".repeat(30), "{% endwith %}".repeat(30)),
            "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}".to_owned(),
            "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}".to_owned(),
            "{% set ns = namespace(x=[1]) %}{% for i in range(100000) %}{% set ns.x = ns.x | batch(1) | list %}{% endfor %}".to_owned(),
            "{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}".to_owned(),
            "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}".to_owned(),
            "{% set ns = namespace() %}{% set a = [ns] %}{% set ns.me = a %}{{ ns }}".to_owned(),
            "{% set ns = namespace() %}{% set other = namespace(a=ns) %}{% set ns.me = other %}{{ ns }}".to_owned(),
            "{% set s = 'a' * 1000000 %}{{ s.replace('a', s) }}".to_owned(),
            "{% set s = 'a' * 1000000 %}{{ s.join(range(100000)) }}".to_owned(),
            "{{ '{:>999999999}'.format(1) }}".to_owned(),
            "{% set s = 'a' * 1000000 %}{{ s | replace('a', s) }}".to_owned(),
            "{{ [1] * 1000000000 + [1] }}".to_owned(),
            "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}".to_owned(),
        ] {
            assert!(rendered(&source).is_err(), "{source}");
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused_before_it_is_parsed() {
        for source in [
            format!("{{{{ {}n }}}}", "not ".repeat(50_000)),
            format!("{{{{ n{} }}}}", ".a".repeat(50_000)),
            format!("{{{{ {}n }}}}", "-".repeat(50_000)),
            format!("{{{{ n{} }}}}", "[0]".repeat(50_000)),
            format!("{{{{ n{} }}}}", "()".repeat(50_000)),
            format!("{{{{ n{} }}}}", "|upper".repeat(50_000)),
            format!("{{{{ n{} }}}}", "+n".repeat(50_000)),
            format!("{{{{ n{} }}}}", " is defined".repeat(50_000)),
            format!("{{{{ n{} }}}}", " if n else n".repeat(50_000)),
            format!("{{{{ {} }}}}", "[".repeat(50_000)),
            format!("{{% if n %}}{}{{% endif %}}", "{% elif n %}".repeat(50_000)),
            "x".repeat(LARGEST + 1),
        ] {
            let refused = rendered(&source).unwrap_err();
            assert!(refused.contains("more than"), "{refused}");
        }
        let line = metered(&format!("a\nb\n{{{{ n{} }}}}", ".a".repeat(50_000))).unwrap_err().line;
        assert_eq!(line, 3);
    }

    #[test]
    fn what_the_limits_allow_does_not_overflow_a_small_stack() {
        let deep = [
            format!("{{{{ {}n }}}}", "not ".repeat(LONGEST - 10)),
            format!("{{{{ {}n }}}}", "-".repeat(LONGEST - 10)),
            format!("{{{{ l{} }}}}", "[0]".repeat(LONGEST / 5)),
            format!("{{{{ n{} }}}}", "+n".repeat(LONGEST / 2 - 10)),
            format!("{{{{ {}n{} }}}}", "[".repeat(BRACKETS - 1), "]".repeat(BRACKETS - 1)),
            format!("{{% if n %}}{}{{% endif %}}", "{% elif n %}".repeat(BRANCHES)),
        ];
        let functions = move || deep.iter().for_each(|source| drop(rendered(source)));
        std::thread::Builder::new().stack_size(2 << 20).spawn(functions).unwrap().join().unwrap();
    }

    #[test]
    fn json_takes_the_options_of_python() {
        assert_eq!(rendered("{{ {'a': n} | tojson }}").unwrap(), r#"{"a":3}"#);
        assert_eq!(rendered("{{ {'a': n} | tojson(indent=2) }}").unwrap(), "{\n  \"a\": 3\n}");
        assert_eq!(rendered("{{ 'é' | tojson(ensure_ascii=False) }}").unwrap(), "\"é\"");
    }
}
