//! Checks that need no model: an answer against a reference, decided by rules.
//!
//! A check is a backend like any other, so that its verdicts have the same lines, gates and votes as those of models.
//! It answers [`Ask::Compare`], which the prompt `check` asks by its `compare`. An answer in which nothing can be found
//! is incorrect; one that gives two values, or one that can be read in two ways, is unreadable. A check never guesses,
//! and its critique never shows the reference, which a policy that revises by it would only copy.
//!
//! | module | what it finds in an answer |
//! |---|---|
//! | `number` | the number that it gives, exactly: no floating point |
//! | `choice` | the letter of the option that it picks |
//! | `schema` | whether it is JSON of a schema |

mod choice;
mod number;
mod schema;

use std::sync::LazyLock;

use async_trait::async_trait;
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use super::{Ability, Backend, Capabilities};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result, unknown},
    hint::Hint,
    request::{Ask, Request},
    text::closing_bracket,
    verdict::{CORRECT, INCORRECT},
};

/// A check of an answer against a reference, by rules: see [`Check::named`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Item, Judge, backend::Check};
///
/// let judge = Judge::builder().backend(Check::named("number")?).prompt("check").build().await?;
/// let item = Item::new().answer("So it is $1,234.").reference("1234.0");
/// assert_eq!(judge.judge(&item).await?.label(), Some("correct"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ErrorKind::Record`]: the reference is not of the check's kind. [`ErrorKind::Unsupported`]: the prompt asks for
/// something else than a comparison.
#[derive(Clone, Debug)]
pub struct Check {
    name: String,
    identity: String,
    kind: CheckKind,
}

/// The rule of a check, by its name after `check:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CheckKind {
    Exact,
    Number,
    Boxed,
    Choice,
    Regex,
    Schema,
}

const KINDS: [(&str, CheckKind); 6] = [
    ("exact", CheckKind::Exact),
    ("number", CheckKind::Number),
    ("boxed", CheckKind::Boxed),
    ("choice", CheckKind::Choice),
    ("regex", CheckKind::Regex),
    ("json-schema", CheckKind::Schema),
];

impl Check {
    /// The check of this name: `exact`, `number`, `boxed`, `choice`, `regex` or
    /// `json-schema`.
    ///
    /// - `exact`: the same text, blanks at the ends left out.
    /// - `number`: the same number to its last digit, `1,234` = `1234.0`, `1/2` = `0.5` = `50%`; of the
    ///   answer the number that is boxed or announced, else the last one. `1,5` and `12 or 13` are
    ///   unreadable.
    /// - `boxed`: what stands in the last `\boxed{…}`, as a number or as text without blanks.
    /// - `choice`: the letter that is boxed or announced, else the only one that stands alone. `A or B` is
    ///   unreadable.
    /// - `regex`: the reference is a regular expression that the answer must match somewhere.
    /// - `json-schema`: the reference is a JSON schema; the answer, or the last fenced block in it, is JSON
    ///   that fits it. References to other documents are refused.
    ///
    /// A reference that is a JSON list of texts or numbers holds answers of which each is right. Texts are
    /// compared in Unicode's composed form, so that both ways to write é are one.
    ///
    /// # Errors
    /// There is no such check.
    pub fn named(name: &str) -> Result<Self> {
        let names = KINDS.map(|(name, _)| name);
        let (_, kind) = KINDS
            .into_iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| unknown(ErrorKind::Config, "check", name, names))?;
        Ok(Self { name: format!("check:{name}"), identity: format!("check|{name}|v2"), kind })
    }
}

#[async_trait]
impl Backend for Check {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    async fn capabilities(&self) -> Capabilities {
        Capabilities { deterministic: Ability::Yes, compare: Ability::Yes, ..Capabilities::TEXT }
    }

    fn concurrency(&self) -> usize {
        64
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        let Ask::Compare { answer, reference } = &request.ask else {
            return Err(Error::new(ErrorKind::Unsupported, "a check cannot answer this prompt")
                .hint(Hint::from("use the prompt for checks: ").setting("prompt", "check")));
        };
        let Finding { holds, why } =
            self.kind.check_any(&composed(answer), &composed(reference))?;
        let verdict = match holds {
            Some(true) => format!("\nVerdict: {CORRECT}"),
            Some(false) => format!("\nVerdict: {INCORRECT}"),
            None => String::new(),
        };
        Ok(Completion { attempts: 0, ..Completion::text(why + &verdict) })
    }
}

/// Characters in the form in which most programs write them.
fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// The result of a check.
struct Finding {
    /// Whether the answer is correct; `None` where that cannot be decided.
    holds: Option<bool>,
    /// The critique, without the reference.
    why: String,
}

impl Finding {
    fn new(holds: bool, why: impl Into<String>) -> Self {
        Self { holds: Some(holds), why: why.into() }
    }
}

/// What was found in a text.
#[derive(Debug)]
enum Found<T> {
    /// One value.
    One(T),
    /// Several values, or one that can be read in two ways.
    Unclear,
    /// No value.
    Nothing,
}

impl CheckKind {
    /// Checks against the reference, or against each of a list of references.
    fn check_any(self, answer: &str, reference: &str) -> Result<Finding> {
        let is_text = self == Self::Schema || answer.trim() == reference.trim();
        let Some(references) = listed(reference).filter(|_| !is_text) else {
            return self.check(answer, reference);
        };
        let mut all = Vec::new();
        for reference in &references {
            let finding = self.check(answer, reference)?;
            if finding.holds == Some(true) {
                return Ok(finding);
            }
            all.push(finding);
        }
        // An unclear one may be the right one.
        let unclear = all.iter().position(|finding| finding.holds.is_none());
        Ok(all.swap_remove(unclear.unwrap_or_default()))
    }

    fn check(self, answer: &str, reference: &str) -> Result<Finding> {
        match self {
            Self::Exact if answer.trim() == reference.trim() => {
                Ok(Finding::new(true, "The answer is the reference."))
            }
            Self::Exact => Ok(Finding::new(false, "The answer differs from the reference.")),
            Self::Number => {
                let wanted = wanted(number::of_answer(reference), reference, "number")?;
                Ok(compared("number", number::of_answer(answer), |found| found.is(&wanted)))
            }
            Self::Boxed => {
                let wanted = boxed(reference).unwrap_or(reference);
                let found = boxed(answer).map_or(Found::Nothing, Found::One);
                Ok(compared("boxed answer", found, |found| alike(found, wanted)))
            }
            Self::Choice => {
                let wanted = wanted(choice::of(reference), reference, "choice")?;
                Ok(compared("choice", choice::of(answer), |found| *found == wanted))
            }
            Self::Schema => schema::check(answer, reference),
            Self::Regex => {
                let built = RegexBuilder::new(reference.trim()).size_limit(1 << 20).build();
                let pattern = built.map_err(|cause| {
                    unfit(reference, "is not a valid regular expression").because(cause)
                })?;
                let holds = pattern.is_match(answer);
                let does = if holds { "matches" } else { "does not match" };
                Ok(Finding::new(holds, format!("The answer {does} the pattern.")))
            }
        }
    }
}

/// The references of a list, as JSON or as a prompt prints it.
fn listed(reference: &str) -> Option<Vec<String>> {
    let Ok(Value::Array(items)) = serde_json::from_str(reference.trim()) else { return None };
    let texts: Option<Vec<String>> = items
        .into_iter()
        .map(|item| match item {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .collect();
    texts.filter(|texts| !texts.is_empty())
}

fn wanted<T>(found: Found<T>, reference: &str, what: &str) -> Result<T> {
    match found {
        Found::One(wanted) => Ok(wanted),
        Found::Nothing => Err(unfit(reference, &format!("holds no {what}"))),
        Found::Unclear => Err(unfit(reference, &format!("can be read as more than one {what}"))),
    }
}

fn unfit(reference: &str, what: &str) -> Error {
    let excerpt: String = reference.trim().chars().take(60).collect();
    Error::new(ErrorKind::Record, format!("the reference `{excerpt}` {what}"))
        .hint("another check may fit: exact, number, boxed, choice, regex, json-schema")
}

/// Compares what was found. The reference itself is not shown: a policy that revises by this would only copy it.
fn compared<T: std::fmt::Display>(
    what: &str,
    found: Found<T>,
    same: impl Fn(&T) -> bool,
) -> Finding {
    match found {
        Found::One(found) if same(&found) => {
            Finding::new(true, format!("The answer's {what} is `{found}`, as the reference's."))
        }
        Found::One(found) => Finding::new(
            false,
            format!("The answer's {what} is `{found}`, which is not the reference's."),
        ),
        Found::Nothing => Finding::new(false, format!("The answer holds no {what}.")),
        Found::Unclear => {
            Finding { holds: None, why: format!("It is unclear which {what} the answer gives.") }
        }
    }
}

/// Equal as numbers, else as texts without blanks, `$` and a final stop.
fn alike(a: &str, b: &str) -> bool {
    let bare = |text: &str| -> String {
        text.trim()
            .trim_end_matches('.')
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '$')
            .collect()
    };
    match (number::whole(a), number::whole(b)) {
        (Some(a), Some(b)) => a.is(&b),
        _ => bare(a) == bare(b),
    }
}

/// What stands in the last `\boxed{…}`.
fn boxed(text: &str) -> Option<&str> {
    const OPEN: &str = "\\boxed{";
    let inner = &text[text.rfind(OPEN)? + OPEN.len()..];
    closing_bracket(inner, '}').map(|end| inner[..end].trim())
}

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static ANNOUNCED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?im)(?:####|^\W*(?:(?:final|correct)\s+)?answer\b|\banswer\b\s*[*_]*\s*(?:(?:is|are)\b|(?:would|should|must)\s+be\b|=|:))\s*[*_]*\s*[:=]?[*_$\s--\n]*",
    )
    .unwrap()
});

/// What is announced as the answer: the rest of its line, or the next one.
fn announced(text: &str) -> impl Iterator<Item = &str> {
    ANNOUNCED.find_iter(text).filter_map(|found| {
        let rest = text.get(found.end()..)?;
        rest.lines().find(|line| line.contains(char::is_alphanumeric))
    })
}

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static REASONS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)[.!?;](?:\s|$)|(?:,\s*|\s|^)(?:because|since|as|given)\b|,\s*(?:which|so)\b")
        .unwrap()
});

/// The first sentence up to where it gives reasons; it may be empty.
fn head(text: &str) -> &str {
    REASONS.find(text).and_then(|found| text.get(..found.start())).unwrap_or(text)
}

/// The first sentence up to where it gives reasons, or all of a text that begins with them.
fn before_reasons(text: &str) -> &str {
    Some(head(text)).filter(|head| !head.trim().is_empty()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(kind: CheckKind, answer: &str, reference: &str) -> Option<bool> {
        kind.check_any(answer, reference).unwrap().holds
    }

    fn holds(kind: CheckKind, answer: &str, reference: &str) -> bool {
        verdict(kind, answer, reference) == Some(true)
    }

    #[test]
    fn numbers_are_equal_however_they_are_written() {
        let equal = [
            ("1,234", "1234.0"),
            ("1/2", "0.5"),
            ("50%", "0.5"),
            ("50 \\%", "1/2"),
            ("-3", "−3"),
            ("\\frac{1}{4}", "0.25"),
            ("$3.50", "3.5"),
            ("1e3", "1000"),
            (".5", "0.5"),
            ("1 000 000", "1,000,000"),
            ("1.234,50", "1234.5"),
            ("It is 12 and not 13.\nAnswer: 12 apples", "12"),
            ("#### 7", "so 3 + 4 = 7\n#### 7"),
            ("42.", "[41, \"42\"]"),
        ];
        for (answer, reference) in equal {
            assert!(holds(CheckKind::Number, answer, reference), "{answer} {reference}");
        }
        for (answer, reference) in [
            ("12", "13"),
            ("50", "50%"),
            ("no number", "1"),
            ("", "1"),
            ("9007199254740993", "9007199254740992"),
        ] {
            assert_eq!(verdict(CheckKind::Number, answer, reference), Some(false), "{answer}");
        }
        for (answer, reference) in [("1/0", "0"), ("1,5", "1.5"), ("Answer: 12 or 13", "13")] {
            assert_eq!(verdict(CheckKind::Number, answer, reference), None, "{answer}");
        }
        assert!(
            CheckKind::Number.check("1", "none").is_err()
                && CheckKind::Number.check("1", "1,5").is_err()
        );
    }

    #[test]
    fn boxes_and_choices_are_found_where_they_are_announced() {
        assert!(holds(CheckKind::Boxed, "so \\boxed{x^{2} + 1}", "x^{2}+1"));
        assert!(holds(CheckKind::Boxed, "\\boxed{1} no, \\boxed{1,000}", "\\boxed{1000}"));
        assert!(!holds(CheckKind::Boxed, "1000", "1000"));
        for answer in [
            "B",
            "(b)",
            "Answer: B",
            "The answer is (B) because A is wrong",
            "I think\n\\boxed{\\text{B}}",
            "It is B.",
        ] {
            assert!(holds(CheckKind::Choice, answer, "B"), "{answer}");
        }
        for answer in ["A", "because"] {
            assert_eq!(verdict(CheckKind::Choice, answer, "B"), Some(false), "{answer}");
        }
        assert_eq!(verdict(CheckKind::Choice, "Answer: A or B", "B"), None);
        assert!(holds(CheckKind::Choice, "D", r#"["B", "D. Paris"]"#));
    }

    #[test]
    fn texts_are_the_same_or_match_a_pattern() {
        assert!(
            holds(CheckKind::Exact, " Paris\n", "Paris")
                && !holds(CheckKind::Exact, "paris", "Paris")
        );
        assert!(
            holds(CheckKind::Regex, "call 555-1234", r"\d{3}-\d{4}")
                && !holds(CheckKind::Regex, "none", "^some$")
        );
        assert!(CheckKind::Regex.check("x", "(").is_err());
        assert!(
            holds(CheckKind::Exact, "b", r#"["a", "b"]"#)
                && !holds(CheckKind::Exact, "c", r#"["a"]"#)
        );
        assert_eq!(composed("e\u{301}"), "é");
    }

    #[test]
    fn a_check_that_is_not_there_names_the_near_one() {
        assert!(format!("{:?}", Check::named("numbr").unwrap_err()).contains("`number`"));
    }
}
