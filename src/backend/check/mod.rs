//! Checks that need no model: they compare an answer with a reference by fixed rules.
//!
//! A check is a backend like any other, so its verdicts have the same result lines, gates and votes as those
//! of models. It answers [`Ask::Compare`], which the built-in prompt `check` sends. An answer without any
//! value is incorrect. An answer with two values, or with a value that can be read in two ways, is
//! unreadable: a check never guesses. The critique never shows the reference, because a policy that revises
//! by it would only copy the reference.
//!
//! | module | what it finds in an answer |
//! |---|---|
//! | `number` | the number that it gives, exactly: no floating point |
//! | `math` | its mathematical value: fractions, roots, sets, intervals, units |
//! | `choice` | the letter of the option that it picks |
//! | `schema` | whether it is JSON of a schema |

mod choice;
mod math;
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

/// Compares an answer with a reference by rules: see [`Check::named`].
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
/// - [`ErrorKind::Record`]: the check cannot use the reference, such as a text for the check `number`.
/// - [`ErrorKind::Unsupported`]: the prompt asks for something other than a comparison.
#[derive(Clone, Debug)]
pub struct Check {
    /// The name in results: `check:` and the name of the rule.
    name: String,
    /// The identity in cache keys; its version is raised whenever a rule changes.
    identity: String,
    /// The rule.
    kind: CheckKind,
}

/// The rule of a check, named after the prefix `check:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CheckKind {
    /// The same text, without surrounding whitespace.
    Exact,
    /// The same number.
    Number,
    /// The same mathematical value.
    Math,
    /// The same content of the last box.
    Boxed,
    /// The same letter of an option.
    Choice,
    /// A match of the regular expression in the reference.
    Regex,
    /// Valid JSON for the schema in the reference.
    Schema,
}

/// Every rule by its name in settings, in the order in which errors list them.
const KINDS: [(&str, CheckKind); 7] = [
    ("exact", CheckKind::Exact),
    ("number", CheckKind::Number),
    ("math", CheckKind::Math),
    ("boxed", CheckKind::Boxed),
    ("choice", CheckKind::Choice),
    ("regex", CheckKind::Regex),
    ("json-schema", CheckKind::Schema),
];

impl Check {
    /// The check of this name: `exact`, `number`, `math`, `boxed`, `choice`, `regex` or `json-schema`.
    ///
    /// - `exact`: the same text, without whitespace at both ends.
    /// - `number`: exactly the same number: `1,234` = `1234.0`, `1/2` = `0.5` = `50%`. The number of an
    ///   answer is the one that is boxed or announced, otherwise the last one. `1,5` and `12 or 13` are
    ///   unreadable.
    /// - `math`: the same mathematical value, exactly: `\frac{1}{2}` = `0.5`, `2\sqrt{3}` = `\sqrt{12}`,
    ///   `(x+1)^2` = `x^2+2x+1`, sets, points, intervals, equations, matrices, units. What cannot be compared
    ///   is unreadable, such as `50` for `50%`.
    /// - `boxed`: the content of the last `\boxed{…}`, as a number or as text without whitespace.
    /// - `choice`: the letter that is boxed or announced, otherwise the only one that stands alone. `A or B`
    ///   is unreadable.
    /// - `regex`: the reference is a regular expression that matches somewhere in the answer.
    /// - `json-schema`: the reference is a JSON schema. The answer, or its last fenced code block, is JSON
    ///   that fits the schema. References to other documents are refused.
    ///
    /// A reference may be a JSON list of texts or numbers, each of which is a correct answer; for `math`, of
    /// texts, since `[1, 2]` is an interval. Texts are compared in Unicode normalization form C, so both
    /// encodings of é are equal.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the name is unknown; the error suggests a similar one or lists all names.
    pub fn named(name: &str) -> Result<Self> {
        let names = KINDS.map(|(name, _)| name);
        let (_, kind) = KINDS
            .into_iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| unknown(ErrorKind::Config, "check", name, names))?;
        Ok(Self { name: format!("check:{name}"), identity: format!("check|{name}|v2"), kind })
    }
}

impl Check {
    /// The value that an answer gives, as a text: equal for answers whose values are exactly equal by this
    /// check. Votes are counted by it (Wang et al. 2023, self-consistency).
    ///
    /// `None` if the answer gives no value, or several, and for `regex` and `json-schema`, which find no value.
    /// The text is exact, so rounding noise that [`number`](Self::named) forgives makes a different text. A
    /// unit is a part of it (`1 hour` and `60 minutes` are `3600 s`), apart from dollars and degrees.
    ///
    /// ```
    /// use tribunal::backend::Check;
    ///
    /// let math = Check::named("math")?;
    /// assert_eq!(math.canonical("So it is $\\frac{3}{6}$."), math.canonical("\\boxed{0.5}"));
    /// # Ok::<(), tribunal::Error>(())
    /// ```
    pub fn canonical(&self, answer: &str) -> Option<String> {
        let answer = &composed(answer);
        match self.kind {
            CheckKind::Exact => Some(answer.trim().to_owned()),
            CheckKind::Number => {
                one(number::of_answer(answer)).map(|number| number.value().to_string())
            }
            CheckKind::Math => math::canonical(answer),
            CheckKind::Boxed => boxed(answer).map(|inner| match number::whole(inner) {
                Some(number) => number.value().to_string(),
                None => bare(inner),
            }),
            CheckKind::Choice => one(choice::of(answer)).map(String::from),
            CheckKind::Regex | CheckKind::Schema => None,
        }
    }
}

/// The value that an answer gives, as a text by which answers of any kind are grouped: that of the check
/// `math`, or the letter of the check `choice` where the answer is no mathematics.
///
/// `None` if the answer gives no value, or several. See [`Check::canonical`].
///
/// ```
/// use tribunal::backend::canonical_answer;
///
/// assert_eq!(canonical_answer("#### 1,000").as_deref(), Some("1000"));
/// assert_eq!(canonical_answer("\\boxed{\\dfrac{2}{4}}").as_deref(), Some("1/2"));
/// assert_eq!(canonical_answer("B. Paris, because A is in Italy").as_deref(), Some("B"));
/// assert_eq!(canonical_answer("I do not know."), None);
/// ```
pub fn canonical_answer(answer: &str) -> Option<String> {
    let answer = &composed(answer);
    let value = math::canonical(answer);
    let is_text = value.as_ref().is_none_or(|value| value.starts_with(math::TEXT));
    let letter = || one(choice::of(answer)).map(String::from);
    if is_text { letter().or(value) } else { value }
}

/// The value, if there is exactly one.
fn one<T>(found: FoundValue<T>) -> Option<T> {
    match found {
        FoundValue::One(value) => Some(value),
        FoundValue::Unclear | FoundValue::Nothing => None,
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

/// The text in Unicode normalization form C, the form that most programs write.
fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// The result of a check.
struct Finding {
    /// Whether the answer is correct; `None` if that cannot be decided.
    holds: Option<bool>,
    /// The critique, without the reference.
    why: String,
}

impl Finding {
    /// The result of a check that could decide.
    fn new(holds: bool, why: impl Into<String>) -> Self {
        Self { holds: Some(holds), why: why.into() }
    }
}

/// The values that a rule finds in a text.
#[derive(Debug)]
enum FoundValue<T> {
    /// One value.
    One(T),
    /// Several values, or one that can be read in two ways.
    Unclear,
    /// No value.
    Nothing,
}

impl CheckKind {
    /// Checks the answer against the reference, or against each entry if the reference is a list.
    ///
    /// One match is enough. If nothing matches, an undecided result is returned in preference to an incorrect
    /// one.
    ///
    /// # Errors
    /// The check cannot use the reference, or one entry of it.
    fn check_any(self, answer: &str, reference: &str) -> Result<Finding> {
        let is_text = self == Self::Schema || answer.trim() == reference.trim();
        let Some(references) = listed(reference).filter(|_| !is_text) else {
            return self.check(answer, reference);
        };
        if self == Self::Math && !reference.contains('"') {
            return math::check_numbers(answer, reference, &references);
        }
        let mut all = Vec::new();
        for reference in &references {
            let finding = self.check(answer, reference)?;
            if finding.holds == Some(true) {
                return Ok(finding);
            }
            all.push(finding);
        }
        // The unclear value may be the correct one.
        let unclear = all.iter().position(|finding| finding.holds.is_none());
        Ok(all.swap_remove(unclear.unwrap_or_default()))
    }

    /// Checks the answer against one reference.
    ///
    /// # Errors
    /// The check cannot use the reference.
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
            Self::Math => math::check(answer, reference),
            Self::Boxed => {
                let wanted = boxed(reference).unwrap_or(reference);
                let found = boxed(answer).map_or(FoundValue::Nothing, FoundValue::One);
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

/// The entries of a reference that is a JSON list of texts or numbers.
///
/// `None` for any other reference, and for an empty list.
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

/// The value of the reference. `what` names the kind of value in errors.
///
/// # Errors
/// The reference has no such value, or more than one.
fn wanted<T>(found: FoundValue<T>, reference: &str, what: &str) -> Result<T> {
    match found {
        FoundValue::One(wanted) => Ok(wanted),
        FoundValue::Nothing => Err(unfit(reference, &format!("holds no {what}"))),
        FoundValue::Unclear => {
            Err(unfit(reference, &format!("can be read as more than one {what}")))
        }
    }
}

/// The error for a reference that the check cannot use. It shows the first 60 characters of the reference.
fn unfit(reference: &str, what: &str) -> Error {
    let excerpt: String = reference.trim().chars().take(60).collect();
    Error::new(ErrorKind::Record, format!("the reference `{excerpt}` {what}"))
        .hint("another check may fit: exact, number, math, boxed, choice, regex, json-schema")
}

/// Compares the value found in the answer; `same` decides whether it equals the reference.
///
/// The critique does not show the reference: a policy that revises by it would only copy it.
fn compared<T: std::fmt::Display>(
    what: &str,
    found: FoundValue<T>,
    same: impl Fn(&T) -> bool,
) -> Finding {
    match found {
        FoundValue::One(found) if same(&found) => {
            Finding::new(true, format!("The answer's {what} is `{found}`, as the reference's."))
        }
        FoundValue::One(found) => Finding::new(
            false,
            format!("The answer's {what} is `{found}`, which is not the reference's."),
        ),
        FoundValue::Nothing => Finding::new(false, format!("The answer holds no {what}.")),
        FoundValue::Unclear => {
            Finding { holds: None, why: format!("It is unclear which {what} the answer gives.") }
        }
    }
}

/// Whether two texts are equal as numbers. If one of them is not a number, they are compared as texts without
/// whitespace, `$` and a final full stop.
fn alike(a: &str, b: &str) -> bool {
    match (number::whole(a), number::whole(b)) {
        (Some(a), Some(b)) => a.is(&b),
        _ => bare(a) == bare(b),
    }
}

/// The text without whitespace, dollar signs, and a full stop at its end.
fn bare(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    text.chars().filter(|c| !c.is_whitespace() && *c != '$').collect()
}

/// The content of the last `\boxed{…}`, without surrounding whitespace.
fn boxed(text: &str) -> Option<&str> {
    const OPEN: &str = "\\boxed{";
    let inner = &text[text.rfind(OPEN)? + OPEN.len()..];
    closing_bracket(inner, '}').map(|end| inner[..end].trim())
}
/// Matches the words that announce an answer: `####`, `Answer:`, `the answer is`.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static ANNOUNCED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?im)(?:####|^\W*(?:(?:final|correct)\s+)?answer\b|\banswer\b\s*[*_]*\s*(?:(?:is|are)\b|(?:would|should|must)\s+be\b|=|:))\s*[*_]*\s*[:=]?[*_$\s--\n]*",
    )
    .unwrap()
});

/// Every announced answer, in order: the rest of the line, or the next line if the rest is empty.
fn announced(text: &str) -> impl Iterator<Item = &str> {
    ANNOUNCED.find_iter(text).filter_map(|found| {
        let rest = text.get(found.end()..)?;
        rest.lines().find(|line| line.contains(char::is_alphanumeric))
    })
}
/// Matches the end of the first sentence, or a word that begins a reason, such as `because`.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static REASONS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)[.!?;](?:\s|$)|(?:,\s*|\s|^)(?:because|since|as|given)\b|,\s*(?:which|so)\b")
        .unwrap()
});

/// The first sentence up to its reasons; it may be empty.
fn head(text: &str) -> &str {
    REASONS.find(text).and_then(|found| text.get(..found.start())).unwrap_or(text)
}

/// The first sentence up to its reasons, or the whole text if it begins with a reason.
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
