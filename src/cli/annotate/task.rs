//! What a person is asked about a record, and how an answer is typed.

use serde_json::{Value, json};

use tribunal::{
    Scale,
    error::{Error, ErrorKind, Result},
    item::Item,
    line::ResultLine,
    report::{escaped, scale_ends},
    verdict::{CORRECT, INCORRECT, VerdictKind},
};

/// What a label of a record can be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Task {
    /// One of these words.
    Words(Vec<String>),
    /// A number of a scale.
    Number(Scale),
    /// Which of two answers is better.
    Preference,
    /// The first wrong step, or none.
    FirstError,
}

/// What a person typed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Typed {
    /// A label.
    Label(Value),
    /// Go on without a label.
    Skip,
    /// Take the last label back.
    Undo,
    /// End; what was labelled is saved.
    Quit,
    /// Anything else.
    Unknown,
}

/// The words and keys that are commands for every task.
const COMMANDS: [(&str, &str, Typed); 3] =
    [("s", "skip", Typed::Skip), ("u", "undo", Typed::Undo), ("q", "quit", Typed::Quit)];

impl Task {
    /// The task of these records: as their verdicts are, or as the records themselves look.
    ///
    /// # Errors
    /// The verdicts are of a kind for which the values have to be named.
    pub(super) fn of(lines: &[ResultLine], items: &[&Item]) -> Result<Self> {
        let kind = lines.iter().find_map(|line| line.verdict.kind);
        match kind {
            Some(VerdictKind::Label) => Ok(Self::Words(names(lines))),
            Some(VerdictKind::Preference | VerdictKind::Ranking | VerdictKind::Scores) => {
                Ok(Self::Preference)
            }
            Some(VerdictKind::Steps) => Ok(Self::FirstError),
            Some(_) => scale(lines).map(Self::Number).ok_or_else(unknown_values),
            None => Ok(match items.first() {
                Some(item) if item.candidates().len() == 2 => Self::Preference,
                Some(item) if item.record().contains_key("steps") => Self::FirstError,
                _ => Self::Words(vec![CORRECT.into(), INCORRECT.into()]),
            }),
        }
    }

    /// The label, or the command, that a text or a key means for a record with so many steps.
    pub(super) fn read(&self, typed: &str, steps: usize) -> Typed {
        let typed = typed.trim();
        if let Some(value) = self.value(typed, steps) {
            return Typed::Label(value);
        }
        let command = COMMANDS.iter().find(|(key, word, _)| {
            typed.eq_ignore_ascii_case(key) || typed.eq_ignore_ascii_case(word)
        });
        command.map_or(Typed::Unknown, |(_, _, command)| command.clone())
    }

    fn value(&self, typed: &str, steps: usize) -> Option<Value> {
        let keys = self.keys();
        let of_key = keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(typed));
        match self {
            Self::Words(words) => {
                let whole = words.iter().find(|word| word.trim().eq_ignore_ascii_case(typed));
                whole.or_else(|| of_key.map(|(_, word)| word)).map(|word| json!(word))
            }
            Self::Preference => {
                let whole = keys.iter().find(|(_, word)| word.eq_ignore_ascii_case(typed));
                whole.or(of_key).map(|(_, word)| json!(word))
            }
            Self::Number(scale) => {
                let number: f64 = of_key.map_or(typed, |(_, word)| word).parse().ok()?;
                scale.accept(number).ok().map(tidy)
            }
            Self::FirstError => match typed {
                "n" | "none" | "-1" => Some(json!(-1)),
                _ => {
                    typed.parse::<usize>().ok().filter(|step| *step < steps).map(|step| json!(step))
                }
            },
        }
    }

    /// The single keys of all values, each with its word; empty if not every value has one.
    pub(super) fn keys(&self) -> Vec<(String, String)> {
        match self {
            Self::Words(words) if words.len() <= 9 => {
                let numbered = words.iter().enumerate();
                numbered.map(|(n, word)| ((n + 1).to_string(), word.clone())).collect()
            }
            Self::Preference => [("1", "first"), ("2", "second"), ("t", "tie")]
                .map(|(key, word)| (key.to_owned(), word.to_owned()))
                .to_vec(),
            Self::Number(scale) => digits(scale).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// The line that says what can be typed about a record with so many steps.
    pub(super) fn menu(&self, steps: usize) -> String {
        let mut parts: Vec<String> = match (self, self.keys()) {
            (Self::Number(scale), keys) if keys.is_empty() => vec![format!("a number {scale}")],
            (Self::Words(words), keys) if keys.is_empty() => vec![words.join(", ")],
            (Self::FirstError, _) => {
                vec![
                    format!("the first wrong step, 0 to {}", steps.saturating_sub(1)),
                    "[n] none".into(),
                ]
            }
            (_, keys) => keys
                .into_iter()
                .map(
                    |(key, word)| {
                        if key == word { format!("[{key}]") } else { format!("[{key}] {word}") }
                    },
                )
                .collect(),
        };
        parts.extend(COMMANDS.iter().map(|(key, word, _)| format!("[{key}] {word}")));
        escaped(&parts.join("  "))
    }
}

/// Every value of a scale of whole numbers with its key: a digit, and 0 for 10.
fn digits(scale: &Scale) -> Option<Vec<(String, String)>> {
    let (low, high) = scale.ends()?;
    let is_whole = |number: f64| (number - number.round()).abs() < 1e-9;
    if !is_whole(low) || !is_whole(high) || high - low > 9.0 || low < 0.0 || high > 10.0 {
        return None;
    }
    let mut all = Vec::new();
    let mut value = low;
    while value <= high {
        let word = tidy(scale.accept(value).ok()?).to_string();
        let key = if word == "10" { "0".to_owned() } else { word.clone() };
        all.push((key, word));
        value += 1.0;
    }
    // A scale of halves has values that no digit is the key of.
    let has_more = scale.accept(low + 0.5).is_ok_and(|between| !is_whole(between));
    (!has_more).then_some(all)
}

/// A number as JSON, without a fraction if it has none.
fn tidy(number: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "values of a scale, checked by their own rounding"
    )]
    let whole = number.round() as i64;
    if (number - number.round()).abs() < 1e-9 { json!(whole) } else { json!(number) }
}

/// Every label that the lines have, or could have.
fn names(lines: &[ResultLine]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for line in lines {
        let values = line.distribution.iter().flat_map(|shares| &shares.values);
        let own = values.map(|(name, _)| name.trim()).chain(line.verdict.label.as_deref());
        for name in own {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    match names.as_slice() {
        [one] if one == CORRECT => names.push(INCORRECT.into()),
        [one] if one == INCORRECT => names.insert(0, CORRECT.into()),
        // The order must not depend on which verdict comes first: it would give it away.
        _ => names.sort_by_key(|name| (name != CORRECT, name.clone())),
    }
    names
}

/// The scale of the scores, if two lines show it.
fn scale(lines: &[ResultLine]) -> Option<Scale> {
    let places = lines.iter().filter_map(|line| line.verdict.score.zip(line.normalized));
    let (low, high) = scale_ends(places)?;
    format!("{low}-{high}").parse().ok()
}

/// The error where nothing shows what labels can be.
fn unknown_values() -> Error {
    Error::new(ErrorKind::Config, "the results do not show which values a label can have")
        .hint("name them: --scale 1-5, or --choices good,bad")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_words_and_commands_are_read() {
        let words = Task::Words(vec!["good".into(), "bad".into()]);
        assert_eq!(words.read("2", 0), Typed::Label(json!("bad")));
        assert_eq!(words.read(" Good ", 0), Typed::Label(json!("good")));
        assert_eq!((words.read("3", 0), words.read("", 0)), (Typed::Unknown, Typed::Unknown));
        assert_eq!((words.read("u", 0), words.read("QUIT", 0)), (Typed::Undo, Typed::Quit));
        assert_eq!(Task::Preference.read("t", 0), Typed::Label(json!("tie")));
        let ten = Task::Number("1-10".parse().unwrap());
        assert_eq!(
            (ten.read("0", 0), ten.read("10", 0)),
            (Typed::Label(json!(10)), Typed::Label(json!(10)))
        );
        assert_eq!((ten.read("11", 0), ten.keys().len()), (Typed::Unknown, 10));
        let steps = Task::FirstError;
        assert_eq!(
            (steps.read("2", 3), steps.read("3", 3)),
            (Typed::Label(json!(2)), Typed::Unknown)
        );
        assert_eq!(
            (steps.read("n", 3), steps.read("none", 3)),
            (Typed::Label(json!(-1)), Typed::Label(json!(-1)))
        );
    }

    #[test]
    fn a_scale_without_a_key_for_each_value_is_typed() {
        let wide = Task::Number("0-100".parse().unwrap());
        assert!(wide.keys().is_empty());
        assert_eq!(
            (wide.read("77", 0), wide.read("101", 0)),
            (Typed::Label(json!(77)), Typed::Unknown)
        );
        assert_eq!(wide.menu(0), "a number from 0 to 100  [s] skip  [u] undo  [q] quit");
    }
}
