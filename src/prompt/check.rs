//! What can be known of a prompt file without a record: mistakes that would make every verdict unreadable,
//! and warnings about what is probably not meant.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::{Each, Need, Prompt};
use crate::{
    error::{Error, ErrorKind, Result, near},
    parse::{Kind, Place, Rule},
    request::Chat,
    scale::Scale,
};

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// The name in `gen("name"` and `choose("name"`; nothing where the name is computed.
static ASKED: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"\b(gen|choose)\s*\(\s*(?:"([^"]*)"|'([^']*)')?"#));

/// A line that is a role and nothing else, in any of the ways in which people write one.
static ROLE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"(?i)^[ \t]*([#*\[<|_]*)[ \t]*(system|user|human|assistant|ai|bot)[ \t]*([\]>|*_]*)[ \t]*(:?)[ \t]*[*_]*[ \t]*$",
    )
});

/// Control tokens of chat templates.
static CONTROL: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"<\|[a-z_]+\|>|\[/?INST\]|<(?:start|end)_of_turn>"));

impl Prompt {
    /// Refuses rules that could never read a verdict.
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
            if let (Some(name), Some(names)) = (&rule.within, &asked.all) {
                self.check_asked(name, names, "result", "{{ gen(\"NAME\") }}")?;
            }
            self.check_menu(rule)?;
        }
        let marked_only = self.front.rules.iter().all(|rule| rule.place == Place::Mark);
        if marked_only && !self.front.rules.is_empty() && !self.marks() {
            return Err(self
                .wrong("`verdict` reads the mark, and the body never prints it".into())
                .hint("ask for a line with it at the end: Score {{ mark }}: <number>"));
        }
        Ok(())
    }

    fn wrong(&self, message: String) -> Error {
        Error::new(ErrorKind::Prompt, message).within(&self.name)
    }

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

    /// Names that the body asks for; `None` where some of them are computed.
    fn asked(&self) -> AskedNames {
        let (mut choices, mut all) = (Some(BTreeSet::new()), Some(BTreeSet::new()));
        for found in ASKED.captures_iter(&self.body) {
            let name = found.get(2).or(found.get(3)).map(|name| name.as_str().to_owned());
            let chooses = found.get(1).is_some_and(|word| word.as_str() == "choose");
            for names in [Some(&mut all), chooses.then_some(&mut choices)].into_iter().flatten() {
                match (&name, names.as_mut()) {
                    (Some(name), Some(names)) => drop(names.insert(name.clone())),
                    _ => *names = None,
                }
            }
        }
        AskedNames { choices, all }
    }

    /// Every label that can be picked must mean something.
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
            self.wrong(format!("the choice `{name}` offers `{label}`, which is no verdict"));
        Err(if rule.values.is_empty() {
            error.hint("offer what is on the scale, or give each label its meaning under `values`")
        } else {
            error.hint(format!("give it a meaning: values: {{\"{label}\": …}}"))
        })
    }

    /// What is allowed and probably not meant, one line each.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.role_lines();
        warnings.extend(self.unused_fields());
        for rule in &self.front.rules {
            warnings.extend(self.unoffered(rule));
            let words = rule.values.words();
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

    /// Lines that look like a turn and are sent as text.
    fn role_lines(&self) -> Vec<String> {
        if self.front.chat == Chat::Raw {
            return Vec::new();
        }
        let warning = |(n, line): (usize, &str)| {
            let place = self.lines_before + n + 1;
            let line = line.trim();
            if let Some(token) = CONTROL.find(line) {
                return Some(format!(
                    "line {place}: `{}` is a control token of a chat template, and is sent as text; turns begin with a line `user:`",
                    token.as_str()
                ));
            }
            let found = ROLE.captures(line)?;
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

    /// Words with a meaning that the choice never offers.
    fn unoffered(&self, rule: &Rule) -> Option<String> {
        let Place::Choose(name) = &rule.place else { return None };
        let (_, labels) = self.choice(name)?;
        let offered =
            |word: &str| labels.iter().any(|label| label.trim().eq_ignore_ascii_case(word.trim()));
        let word = rule.values.words().find(|word| !offered(word))?;
        Some(format!("`values` gives `{word}` a meaning, and the choice `{name}` never offers it"))
    }

    /// Rules for words that the body never asks for. Models with a prompt of their own know its form.
    fn unannounced(&self) -> Option<String> {
        if !self.front.models.is_empty() {
            return None;
        }
        let body = self.body.to_lowercase();
        let announced = |rule: &Rule| match &rule.place {
            Place::Announced(pattern) => {
                let before = pattern.split('*').next().unwrap_or_default().to_lowercase();
                let words: Vec<&str> = before
                    .split(|c: char| !c.is_alphanumeric())
                    .filter(|word| !word.is_empty())
                    .collect();
                let signs = before.rsplit(char::is_alphanumeric).next().unwrap_or_default().trim();
                words.iter().any(|word| body.contains(word))
                    || (signs.len() > 1 && body.contains(signs))
            }
            Place::Mark => self.marks(),
            Place::Json(pointer) => pointer
                .split('/')
                .all(|key| key.parse::<usize>().is_ok() || body.contains(&key.to_lowercase())),
            Place::Choose(_) | Place::Numbers { .. } | Place::Regex(_) => true,
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

/// Whether a line of the body begins at its margin.
fn is_flush(body: &str, line: usize) -> bool {
    body.lines().nth(line).is_some_and(|line| !line.starts_with([' ', '\t']))
}

/// Names that a body asks for; `None` where some of them are computed.
struct AskedNames {
    choices: Option<BTreeSet<String>>,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(front: &str, body: &str) -> Result<Prompt> {
        Prompt::parse("mine", &format!("---\n{front}\n---\n{body}"))
    }

    fn refusal(front: &str, body: &str) -> String {
        format!("{:?}", prompt(front, body).unwrap_err())
    }

    fn warnings(front: &str, body: &str) -> String {
        prompt(front, body).unwrap().warnings().join("\n")
    }

    const YES_NO: &str =
        "user:\n{{ answer }}\nassistant:\n{{ choose(\"verdict\", [\"Yes\", \"No\"]) }}";

    #[test]
    fn a_choice_that_nothing_asks_for_is_refused() {
        let message = refusal("kind: label\nverdict: {choose: verdit}", YES_NO);
        assert!(
            message.contains("reads the choice `verdit`, and nothing")
                && message.contains("did you mean `verdict`?"),
            "{message}"
        );
        let message = refusal("kind: label\nverdict: {choose: v}", "user:\n{{ answer }}");
        assert!(message.contains("{{ choose(\"v\""), "{message}");
        let message = refusal("kind: label\nverdict: {pattern: 'Label: *', in: nobody}", YES_NO);
        assert!(message.contains("reads the result `nobody`"), "{message}");
        // A choice behind a condition that the sample does not meet is asked for all the same.
        let behind = "user:\n{{ answer }}\nassistant:\n{% if answer == 'x' %}{{ choose('v', ['Yes', 'No']) }}{% else %}{{ gen('g') }}{% endif %}";
        assert!(prompt("kind: label\nverdict: {choose: v}", behind).is_ok());
    }

    #[test]
    fn a_label_without_a_meaning_is_refused() {
        let message =
            refusal("kind: label\nverdict: {choose: verdict, values: {\"Yes\": correct}}", YES_NO);
        assert!(message.contains("offers `No`, which is no verdict"), "{message}");
        let message = refusal("kind: score\nscale: 1-5\nverdict: {choose: verdict}", YES_NO);
        assert!(message.contains("offers `Yes`, which is no verdict"), "{message}");
        let message = warnings(
            "kind: label\nverdict: {choose: verdict, values: {\"Yes\": y, \"No\": n, \"Maybe\": m}}",
            YES_NO,
        );
        assert!(message.contains("`Maybe`"), "{message}");
        assert_eq!(warnings("kind: label\nverdict: {choose: verdict}", YES_NO), "");
    }

    #[test]
    fn a_mark_that_is_never_printed_is_refused_or_reported() {
        let body = "user:\n{{ answer }} Score: <n>";
        assert!(
            refusal("kind: score\nscale: 1-5\nverdict: {mark: true}", body)
                .contains("never prints it")
        );
        let message =
            warnings("kind: score\nscale: 1-5\nverdict: [{mark: true}, 'Score: *']", body);
        assert!(message.contains("never prints `{{ mark }}`"), "{message}");
    }

    #[test]
    fn lines_that_only_look_like_turns_are_reported_with_their_line() {
        for (line, role) in [
            ("User:", "user:"),
            ("human:", "user:"),
            ("### user", "user:"),
            ("Assistant:", "assistant:"),
            ("**Assistant**:", "assistant:"),
            ("[system]", "system:"),
        ] {
            let message = warnings(
                "kind: label\nverdict: 'Label: *'",
                &format!("{line}\nLabel: {{{{ answer }}}}"),
            );
            assert!(
                message.contains(&format!("line 5: `{}` begins no turn", line.trim())),
                "{line}: {message}"
            );
            assert!(message.contains(&format!("`{role}` begins one")), "{line}: {message}");
        }
        for text in ["Human reply", "User: {{ answer }}", "Assistant", "The user:"] {
            let message = warnings(
                "kind: label\nverdict: 'Label: *'",
                &format!("user:\n{text}\nLabel: {{{{ answer }}}}"),
            );
            assert_eq!(message, "", "{text}");
        }
        let message = warnings(
            "kind: label\nverdict: 'Label: *'",
            "user:\nHi.\n  assistant:\nLabel: {{ answer }}",
        );
        assert!(message.contains("line 7: `assistant:` begins no turn"), "{message}");
        let message = warnings(
            "kind: label\nverdict: 'Label: *'",
            "user:\n<|im_start|>system\nLabel: {{ answer }}",
        );
        assert!(message.contains("control token"), "{message}");
    }

    #[test]
    fn fields_and_words_that_are_probably_not_meant_are_reported() {
        let message = warnings(
            "kind: label\nfields: {answer: required, question: required}\nverdict: 'Label: *'",
            "user:\nLabel: {{ answer }}",
        );
        assert_eq!(message, "the field `question` is required, and the body never uses it");
        let message = warnings(
            "kind: preference\nverdict: {pattern: 'Best: *', values: {\"m\": first, \"M\": second}}",
            "user:\nBest: {{ answers }}",
        );
        assert!(message.contains("`M` and `m` under `values` differ only by case"), "{message}");
        let message = warnings(
            "kind: score\nscale: {labels: {Pass: 1, PASS: 0}}\nverdict: 'V: *'",
            "user:\nV: {{ answer }}",
        );
        assert!(message.contains("`Pass` and `PASS` differ only by case"), "{message}");
    }

    #[test]
    fn a_pattern_that_the_body_never_asks_for_is_reported() {
        let message = warnings(
            "kind: score\nscale: 1-5\nverdict: 'RESULT: *'",
            "user:\nRate {{ answer }} from 1 to 5.",
        );
        assert_eq!(message, "`verdict` reads `RESULT: *`, and the body never asks for it");
        assert_eq!(
            warnings(
                "kind: score\nscale: 1-5\nverdict: '[RESULT] *'",
                "user:\nRate {{ answer }}. End with [RESULT] (1 to 5)."
            ),
            ""
        );
    }

    #[test]
    fn scales_and_meanings_that_the_verdict_cannot_have_are_refused() {
        let body = "user:\nV: {{ answers }}";
        for (front, part) in [
            (
                "kind: preference\nscale: {min: 1, max: 5}\nverdict: 'V: *'",
                "has no scale from 1 to 5",
            ),
            (
                "kind: score\nscale: [first, second]\nverdict: 'V: *'",
                "has no scale first or second",
            ),
            ("kind: label\nscale: {min: 1, max: 5}\nverdict: 'V: *'", "has no scale"),
            ("kind: ranking\nscale: 1-5\nverdict: 'V: *'", "leave `scale` out"),
            (
                "kind: preference\nverdict: {pattern: 'V: *', values: {A: frist, B: second}}",
                "did you mean `first`?",
            ),
            (
                "kind: preference\nscale: [first, second]\nverdict: {pattern: 'V: *', values: {C: tie}}",
                "`tie`",
            ),
            (
                "kind: label\nscale: {labels: {Good: 1, Bad: 0}}\nverdict: {pattern: 'V: *', values: {g: Goood}}",
                "did you mean `Good`?",
            ),
        ] {
            let message = refusal(front, body);
            assert!(message.contains(part), "{front}: {message}");
        }
    }

    #[test]
    fn no_built_in_prompt_has_a_warning() {
        for prompt in super::super::built_in().unwrap() {
            assert_eq!(prompt.warnings(), [""; 0], "{}", prompt.name());
        }
    }
}
