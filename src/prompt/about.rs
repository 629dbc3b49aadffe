//! What a prompt file says of itself, for those who choose one: no request depends on it.

use serde_json::Value;

use super::yaml::{Keys, wrong};
use crate::error::{ErrorKind, Result, unknown};

/// What a prompt file says of itself: when to use it, and how far it has been checked.
///
/// ```
/// use tribunal::Prompt;
///
/// let file = "---\nkind: score\nscale: 1-10\nverdict: 'Score: *'\nuse_for: open answers\nfailure: drop\n---\nScore: {{ answer }}\n";
/// let prompt = Prompt::parse("mine.jinja", file)?;
/// let about = &prompt.front().about;
/// assert_eq!(about.use_for.as_deref(), Some("open answers"));
/// assert_eq!(about.failure.unwrap().to_string(), "drop");
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// When to use the prompt, in a sentence.
    pub use_for: Option<String>,
    /// When not to use it, in a sentence.
    pub not_for: Option<String>,
    /// What the official code does with an answer that it cannot read.
    pub failure: Option<OfficialFailure>,
    /// What the prompt was checked on.
    pub checked_on: Option<CheckedOn>,
}

/// What the official code of a protocol does with an answer that it cannot read.
///
/// Here such an answer is unreadable. Only a benchmark that repeats published figures applies this rule.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum OfficialFailure {
    /// The record is left out.
    Drop,
    /// The model is asked again.
    Resample,
    /// It counts as a tie.
    Tie,
    /// It counts as a vote for the first answer.
    First,
    /// It counts as a vote for the second answer.
    Second,
    /// It counts as incorrect.
    Incorrect,
    /// It counts as a random verdict.
    Random,
    /// It ends the run.
    Error,
    /// It counts as this score.
    Value(f64),
}

/// The words of the key `failure`, beside numbers.
const FAILURES: [(&str, OfficialFailure); 8] = [
    ("drop", OfficialFailure::Drop),
    ("resample", OfficialFailure::Resample),
    ("tie", OfficialFailure::Tie),
    ("first", OfficialFailure::First),
    ("second", OfficialFailure::Second),
    ("incorrect", OfficialFailure::Incorrect),
    ("random", OfficialFailure::Random),
    ("error", OfficialFailure::Error),
];

impl std::fmt::Display for OfficialFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value}"),
            word => {
                let word = FAILURES.iter().find(|(_, failure)| failure == word);
                f.write_str(word.map_or("", |(word, _)| word))
            }
        }
    }
}

/// What a prompt was checked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CheckedOn {
    /// Its rules were checked on answers of judges; the judge that it is for was not run.
    Reader,
    /// It was run on the model, or on a model of the kind, that it is for.
    Model,
}

impl CheckedOn {
    /// The word in prompt files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Model => "model",
        }
    }
}

impl About {
    /// The keys of front matter that are read here.
    pub(super) const KEYS: [&'static str; 4] = ["use_for", "not_for", "failure", "checked_on"];

    /// Reads these keys.
    ///
    /// # Errors
    /// A value does not fit.
    pub(super) fn read(keys: &mut Keys<'_>) -> Result<Self> {
        Ok(Self {
            use_for: keys.text("use_for")?,
            not_for: keys.text("not_for")?,
            failure: keys.read("failure", |value| failure(&value))?,
            checked_on: keys.word("checked_on", &["reader", "model"])?,
        })
    }
}

/// The key `failure`.
fn failure(value: &Value) -> Result<OfficialFailure> {
    if let Some(number) = value.as_f64() {
        return Ok(OfficialFailure::Value(number));
    }
    let Some(word) = value.as_str() else {
        return Err(wrong("`failure` must be a word or a number".into())
            .hint("write `failure: drop`, or the score that the official code counts"));
    };
    let known = FAILURES.iter().find(|(name, _)| *name == word).map(|(_, failure)| *failure);
    known.ok_or_else(|| {
        let words = FAILURES.iter().map(|(word, _)| *word);
        unknown(ErrorKind::Prompt, "word under `failure`:", word, words)
    })
}

#[cfg(test)]
mod tests {
    use crate::prompt::Prompt;

    fn parsed(keys: &str) -> crate::error::Result<Prompt> {
        let file = format!(
            "---\nkind: score\nscale: 1-10\nverdict: 'Score: *'\n{keys}\n---\nScore: {{{{ answer }}}}\n"
        );
        Prompt::parse("mine.jinja", &file)
    }

    #[test]
    fn an_official_failure_is_a_known_word_or_a_score() {
        for (text, shown) in [("drop", "drop"), ("-1", "-1"), ("0.25", "0.25"), ("tie", "tie")] {
            let prompt = parsed(&format!("failure: {text}")).unwrap();
            assert_eq!(prompt.front().about.failure.unwrap().to_string(), shown);
        }
        let error = parsed("failure: dorp").unwrap_err();
        assert!(error.to_string().contains("mine.jinja:5"), "{error}");
        assert!(error.hints().iter().any(|hint| hint.to_string().contains("drop")), "{error:?}");
        assert!(parsed("failure: [1]").is_err());
        assert!(parsed("checked_on: paper").is_err());
        assert!(parsed("checked_on: reader").is_ok());
    }
}
