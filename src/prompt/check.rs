//! What can be known of a prompt file without a record.
//!
//! Mistakes that would make every verdict unreadable are errors when the file is loaded: a `choose` that the body never
//! asks for, a label without a meaning, a mark that is never printed. What is allowed but probably not meant is a
//! warning of `tribunal prompts check`: a line `User:` that begins no turn, a field that is never used, two labels that
//! differ only by case.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::{Each, Need, Prompt};
use crate::{
    error::{Error, ErrorKind, Result, near},
    parse::{Kind, Place, Rule, value_place},
    request::Chat,
    scale::Scale,
    text::before_control,
};

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
/// Compiles a constant expression.
pub(super) fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// The name in `gen("name"`, `choose("name"` and the like; no group matches where the name is computed.
static ASKED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r#"\b(gen|choose|probe|run|logprobs|compare|reward)\s*\(\s*(?:"([^"]*)"|'([^']*)')?"#)
});

/// A line that names a role and nothing else, in any of the ways in which people write one.
static ROLE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)^[ \t]*([#*\[<|_]*)[ \t]*(system|user|human|assistant|ai|bot)[ \t]*([\]>|*_]*)[ \t]*(:?)[ \t]*[*_]*[ \t]*$",
    )
});

/// A heading in brackets, such as `[Question]`.
static HEADING: LazyLock<Regex> = LazyLock::new(|| compiled(r"^\[[^\[\]]+\]\s*$"));

/// Control tokens of chat templates.
static CONTROL: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"<\|[a-z_]+\|>|\[/?INST\]|<(?:start|end)_of_turn>"));

impl Prompt {
    /// Refuses rules that could never read a verdict.
    ///
    /// # Errors
    /// A rule reads a name that the body never asks for, a label means nothing, or only the mark is read and the body
    /// never prints it.
    pub(super) fn check_rules(&self) -> Result<()> {
        let asked = self.asked();
        for rule in &self.front.rules {
            if let (Place::Choose(name), Some(names)) = (&rule.place, &asked.choices) {
                self.check_asked(
                    name,
                    names,
                    "choice",
                    "{{ choose(\"NAME\", [\"Yes\", \"No\"]) }}",
                )?;
            }
            if let (Place::Logprobs { names: read, .. }, Some(names)) =
                (&rule.place, &asked.choices)
            {
                let example = "{{ logprobs(\"NAME\", answer) }}";
                read.iter().try_for_each(|name| self.check_asked(name, names, "text", example))?;
            }
            if let (Some(name), Some(names)) = (&rule.within, &asked.all) {
                self.check_asked(name, names, "result", "{{ gen(\"NAME\") }}")?;
            }
            if let (Some(name), Some(names)) = (&rule.items, &asked.all)
                && !self.reads(name)
            {
                self.check_asked(name, names, "list", "{{ gen(\"NAME\") }}")?;
            }
            self.check_menu(rule)?;
        }
        let value = self.front.value.as_ref().map(|value| &value.place);
        if let (Some(Place::Choose(name)), Some(names)) = (value, &asked.choices) {
            let example = "{{ probe(\"NAME\", [\"+\", \"-\"], at=loop.index0, shown=\"+\") }}";
            self.check_asked(name, names, "choice", example)?;
        }
        let marked_only = self.front.rules.iter().all(|rule| rule.place == Place::Mark);
        if marked_only && !self.front.rules.is_empty() && !self.marks() {
            return Err(self
                .wrong("`verdict` reads the mark, and the body never prints it".into())
                .hint("ask for a line with it at the end: Score {{ mark }}: <number>"));
        }
        Ok(())
    }

    /// An error of this prompt.
    fn wrong(&self, message: String) -> Error {
        Error::new(ErrorKind::Prompt, message).within(&self.name)
    }

    /// Refuses a name that the body never asks for; `example` is how it would.
    fn check_asked(
        &self,
        name: &str,
        names: &BTreeSet<String>,
        what: &str,
        example: &str,
    ) -> Result<()> {
        if names.contains(name) {
            return Ok(());
        }
        let error = self.wrong(format!(
            "`verdict` reads the {what} `{name}`, and nothing in the body asks for it"
        ));
        Err(match near(name, names.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => {
                error.hint(format!("write {} in an assistant turn", example.replace("NAME", name)))
            }
        })
    }

    /// The names that the body asks for.
    fn asked(&self) -> AskedNames {
        let (mut choices, mut all) = (Some(BTreeSet::new()), Some(BTreeSet::new()));
        for found in ASKED.captures_iter(&self.body) {
            let name = found.get(2).or(found.get(3)).map(|name| name.as_str().to_owned());
            let is_choice = |word: &str| ["choose", "probe", "logprobs", "reward"].contains(&word);
            let chooses = found.get(1).is_some_and(|word| is_choice(word.as_str()));
            for names in [Some(&mut all), chooses.then_some(&mut choices)].into_iter().flatten() {
                match (&name, names.as_mut()) {
                    (Some(name), Some(names)) => drop(names.insert(name.clone())),
                    _ => *names = None,
                }
            }
        }
        AskedNames { choices, all }
    }

    /// Refuses a choice with a label that has no meaning.
    fn check_menu(&self, rule: &Rule) -> Result<()> {
        let Place::Choose(name) = &rule.place else { return Ok(()) };
        let Some((_, labels)) = self.choice(name) else { return Ok(()) };
        let means = |label: &str| match (rule.values.is_empty(), &self.front.scale) {
            (false, _) => rule.values.words().any(|word| word.trim().eq_ignore_ascii_case(label)),
            (true, Some(scale @ (Scale::Numbers(_) | Scale::Labels { .. }))) => {
                let number = label.parse().ok().is_some_and(|number| scale.accept(number).is_ok());
                number || scale.level(label).is_some()
            }
            _ => true,
        };
        let Some(label) = labels.iter().map(|label| label.trim()).find(|label| !means(label))
        else {
            return Ok(());
        };
        let error =
            self.wrong(format!("the choice `{name}` offers `{label}`, which is not a verdict"));
        Err(if rule.values.is_empty() {
            error.hint("offer what is on the scale, or give each label its meaning under `values`")
        } else {
            error.hint(format!("give it a meaning: values: {{\"{label}\": …}}"))
        })
    }

    /// Warnings about what is allowed but probably not meant, one line each; empty for a prompt without any.
    ///
    /// ```
    /// use tribunal::Prompt;
    ///
    /// let file = "---\nkind: label\nverdict: 'Label: *'\n---\nUser:\nLabel: {{ answer }}\n";
    /// let prompt = Prompt::parse("mine.jinja", file)?;
    /// assert_eq!(
    ///     prompt.warnings(),
    ///     ["line 5: `User:` begins no turn, and is sent as text; `user:` begins one"]
    /// );
    /// # Ok::<_, tribunal::Error>(())
    /// ```
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.role_lines();
        warnings.extend(self.unused_roles());
        warnings.extend(self.unused_fields());
        for rule in &self.front.rules {
            warnings.extend(self.unoffered(rule));
            let words = rule.values.words().filter(|_| !self.offers_all(rule));
            warnings.extend(alike(words).map(|(one, two)| {
                format!("the words `{one}` and `{two}` under `values` differ only by case")
            }));
        }
        let levels = self.front.scale.iter().flat_map(Scale::levels).map(|(name, _)| name);
        warnings.extend(
            alike(levels)
                .map(|(one, two)| format!("the labels `{one}` and `{two}` differ only by case")),
        );
        warnings.extend(self.unannounced());
        warnings
    }

    /// Warnings about lines that look like the beginning of a turn but are sent as text. In a body with other headings in
    /// brackets, such as `[Question]`, a line `[System]` is one too.
    fn role_lines(&self) -> Vec<String> {
        if self.front.chat == Chat::Raw {
            return Vec::new();
        }
        let is_heading = |line: &str| HEADING.is_match(line);
        let headed = self.body.lines().any(|line| is_heading(line) && !ROLE.is_match(line));
        let warning = |(n, line): (usize, &str)| {
            let place = self.lines_before + n + 1;
            let line = line.trim();
            // Tags such as `<|begin_of_history|>` look like control tokens, and no chat template has them.
            let is_known = |token: &regex::Match| before_control(&line[token.start()..]).is_empty();
            if let Some(token) = CONTROL.find(line).filter(is_known) {
                return Some(format!(
                    "line {place}: `{}` is a control token of a chat template, and is sent as text; turns begin with a line `user:`",
                    token.as_str()
                ));
            }
            let found = ROLE.captures(line).filter(|_| !(headed && is_heading(line)))?;
            let group = |n: usize| found.get(n).map_or("", |part| part.as_str());
            let marked = !(group(1).is_empty() && group(3).is_empty() && group(4).is_empty());
            let exact =
                ["system:", "user:", "assistant:"].contains(&line) && is_flush(&self.body, n);
            let role = match group(2).to_lowercase().as_str() {
                "system" => "system:",
                "user" | "human" => "user:",
                _ => "assistant:",
            };
            (marked && !exact).then(|| {
                format!("line {place}: `{line}` begins no turn, and is sent as text; `{role}` begins one")
            })
        };
        self.body.lines().enumerate().filter_map(warning).collect()
    }

    /// Warnings about declared roles whose turns never begin.
    fn unused_roles(&self) -> impl Iterator<Item = String> {
        let begins = |name: &str| {
            self.body.lines().any(|line| line.trim_end().strip_suffix(':') == Some(name))
        };
        let unused = self.front.roles.iter().filter(move |name| !begins(name));
        unused.map(|name| format!("`roles` names `{name}`, and no line `{name}:` begins a turn"))
    }

    /// Warnings about declared fields that the body never uses.
    fn unused_fields(&self) -> Vec<String> {
        let declared = self.front.fields.iter().flatten();
        let each = self.front.each.map(Each::field);
        let unused =
            declared.filter(|field| !self.prints(&field.name) && each != Some(field.name.as_str()));
        let warning = |field: &super::Field| {
            let need = match field.need {
                Need::Required => "is required",
                Need::Optional | Need::Default(_) => "is declared",
            };
            format!("the field `{}` {need}, and the body never uses it", field.name)
        };
        unused.map(warning).collect()
    }

    /// Whether a rule reads a choice that offers its words exactly as they are written, so that case distinguishes
    /// them.
    fn offers_all(&self, rule: &Rule) -> bool {
        let Place::Choose(name) = &rule.place else { return false };
        let offered = self.choice(name).map(|(_, labels)| labels).unwrap_or_default();
        rule.values.words().all(|word| offered.iter().any(|label| label.trim() == word.trim()))
    }

    /// A warning about a word with a meaning that the choice never offers.
    fn unoffered(&self, rule: &Rule) -> Option<String> {
        let Place::Choose(name) = &rule.place else { return None };
        let (_, labels) = self.choice(name)?;
        let offered =
            |word: &str| labels.iter().any(|label| label.trim().eq_ignore_ascii_case(word.trim()));
        let word = rule.values.words().find(|word| !offered(word))?;
        Some(format!("`values` gives `{word}` a meaning, and the choice `{name}` never offers it"))
    }

    /// A warning about rules for words that the body never asks for. A prompt for certain models is exempt: they were
    /// trained on its form.
    fn unannounced(&self) -> Option<String> {
        if !self.front.models.is_empty() {
            return None;
        }
        let body = self.body.to_lowercase();
        let asks = |pattern: &str| {
            let before = value_place(pattern).map_or("", |(before, _)| before).to_lowercase();
            let words: Vec<&str> = before
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .collect();
            let signs = before.rsplit(char::is_alphanumeric).next().unwrap_or_default();
            let signs = signs.trim_matches(|c: char| c.is_whitespace() || c == '*');
            words.iter().any(|word| body.contains(word))
                || (signs.len() > 1 && body.contains(signs))
        };
        let announced = |rule: &Rule| match &rule.place {
            Place::Announced(pattern) | Place::Numbered(pattern) => asks(pattern),
            Place::Several(patterns) => patterns.iter().all(|pattern| asks(pattern)),
            Place::Mark => self.marks(),
            Place::Json(pointer) => pointer
                .split('/')
                .all(|key| key.parse::<usize>().is_ok() || body.contains(&key.to_lowercase())),
            Place::Choose(_) | Place::Numbers { .. } | Place::Regex(_) | Place::Logprobs { .. } => {
                true
            }
        };
        let rules = &self.front.rules;
        let unmarked = rules.iter().any(|rule| rule.place == Place::Mark) && !self.marks();
        match rules.iter().find(|rule| !announced(rule)) {
            _ if unmarked => {
                Some("`verdict` reads the mark, and the body never prints `{{ mark }}`".into())
            }
            Some(rule) if !rules.iter().any(announced) && self.front.kind != Kind::Critique => {
                Some(format!("`verdict` reads `{}`, and the body never asks for it", rule.name()))
            }
            _ => None,
        }
    }
}

/// Whether a line of the body, by its 0-based index, is not indented.
fn is_flush(body: &str, line: usize) -> bool {
    body.lines().nth(line).is_some_and(|line| !line.starts_with([' ', '\t']))
}

/// The names that a body asks for; `None` if some of them are computed, so that they are not known.
struct AskedNames {
    /// Those of every function whose reply a rule can name: `choose`, `probe`, `reward`, `logprobs`.
    choices: Option<BTreeSet<String>>,
    /// Those of every function that the model answers.
    all: Option<BTreeSet<String>>,
}

/// Pairs of words that differ only by case.
fn alike<'w>(words: impl Iterator<Item = &'w str>) -> impl Iterator<Item = (&'w str, &'w str)> {
    let words: Vec<&str> = words.collect();
    let pairs = words.iter().enumerate().flat_map(|(n, one)| {
        let later = words[n + 1..]
            .iter()
            .filter(|two| one.trim().to_lowercase() == two.trim().to_lowercase());
        later.map(|two| (*one, *two)).collect::<Vec<_>>()
    });
    pairs.collect::<Vec<_>>().into_iter()
}
