//! Checks that need no model: an answer against a reference, decided by rules.
//!
//! A check is a backend like any other, so that its verdicts have the same lines, gates and votes as
//! those of models. It is asked with the prompt `check`, and reads the answer and the reference out of
//! what that prompt shows. A check is never unsure: an answer in which nothing can be found is wrong.

mod schema;

use std::sync::LazyLock;

use async_trait::async_trait;
use regex::{Regex, RegexBuilder};

use super::{Backend, Capabilities};
use crate::{
    error::{Error, ErrorKind, Result, unknown},
    request::{Completion, Origin, Request},
    verdict::{CORRECT, INCORRECT},
};

/// A check by rules.
#[derive(Clone, Debug)]
pub struct Check {
    name: String,
    identity: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Exact,
    Number,
    Boxed,
    Choice,
    Regex,
    Schema,
}

const KINDS: [(&str, Kind); 6] = [
    ("exact", Kind::Exact),
    ("number", Kind::Number),
    ("boxed", Kind::Boxed),
    ("choice", Kind::Choice),
    ("regex", Kind::Regex),
    ("json-schema", Kind::Schema),
];

impl Check {
    /// The check of this name: `exact`, `number`, `boxed`, `choice`, `regex` or
    /// `json-schema`.
    ///
    /// - `exact`: the same text, blanks at the ends left out.
    /// - `number`: the same number, `1,234` = `1234.0`, `1/2` = `0.5` = `50%`; of the answer the number
    ///   that is boxed or announced, else the last one.
    /// - `boxed`: what stands in the last `\boxed{…}`, as a number or as text without blanks.
    /// - `choice`: the letter that is boxed or announced, else the last one that stands alone.
    /// - `regex`: the reference is a regular expression that the answer must match somewhere.
    /// - `json-schema`: the reference is a JSON schema; the answer, or the last fenced block in it, is JSON
    ///   that fits it. References to other documents are refused.
    ///
    /// # Errors
    /// There is no such check.
    pub fn named(name: &str) -> Result<Self> {
        let names = KINDS.map(|(name, _)| name);
        let (_, kind) = KINDS
            .into_iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| unknown(ErrorKind::Config, "check", name, names))?;
        Ok(Self { name: format!("check:{name}"), identity: format!("check|{name}|v1"), kind })
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
        Capabilities::TEXT
    }

    fn concurrency(&self) -> usize {
        64
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        let (answer, reference) = sides(request)?;
        let Finding { holds, why } = self.kind.check(&answer, &reference)?;
        let verdict = if holds { CORRECT } else { INCORRECT };
        Ok(Completion { attempts: 0, ..Completion::text(format!("{why}\nVerdict: {verdict}")) })
    }
}

/// The answer and the reference, told apart by the author's words between them.
fn sides(request: &Request) -> Result<(String, String)> {
    let (mut answer, mut reference, mut behind) = (String::new(), String::new(), false);
    for span in request.messages.iter().flat_map(|message| &message.spans) {
        match span.origin {
            Origin::Prompt => behind |= span.text.contains("\nReference\n"),
            _ if behind => reference.push_str(&span.text),
            _ => answer.push_str(&span.text),
        }
    }
    if behind {
        return Ok((answer, reference));
    }
    Err(Error::new(ErrorKind::Unsupported, "a check cannot follow this prompt")
        .hint("leave -p out, or give -p check"))
}

struct Finding {
    holds: bool,
    why: String,
}

impl Kind {
    fn check(self, answer: &str, reference: &str) -> Result<Finding> {
        match self {
            Self::Exact => {
                let holds = answer.trim() == reference.trim();
                let why = if holds {
                    "The answer is the reference."
                } else {
                    "The answer differs from the reference."
                };
                Ok(Finding { holds, why: why.into() })
            }
            Self::Number => {
                let wanted = number(reference.trim()).or_else(|| last_number(reference));
                let wanted = wanted.ok_or_else(|| unfit(reference, "holds no number"))?;
                Ok(compared("number", answered_number(answer), &wanted, |a, b| same(*a, *b)))
            }
            Self::Boxed => {
                let wanted = boxed(reference).unwrap_or(reference).to_owned();
                Ok(compared(
                    "boxed answer",
                    boxed(answer).map(ToOwned::to_owned),
                    &wanted,
                    |a, b| alike(a, b),
                ))
            }
            Self::Choice => {
                let wanted =
                    choice(reference).ok_or_else(|| unfit(reference, "names no choice"))?;
                Ok(compared("choice", choice(answer), &wanted, |a, b| a == b))
            }
            Self::Schema => schema::check(answer, reference),
            Self::Regex => {
                let built = RegexBuilder::new(reference.trim()).size_limit(1 << 20).build();
                let pattern = built
                    .map_err(|cause| unfit(reference, "is no regular expression").because(cause))?;
                let holds = pattern.is_match(answer);
                let why = if holds {
                    "The answer matches the pattern."
                } else {
                    "The answer does not match the pattern."
                };
                Ok(Finding { holds, why: why.into() })
            }
        }
    }
}

fn unfit(reference: &str, what: &str) -> Error {
    let excerpt: String = reference.trim().chars().take(60).collect();
    Error::new(ErrorKind::Record, format!("the reference `{excerpt}` {what}"))
        .hint("another check may fit: exact, number, boxed, choice, regex, json-schema")
}

/// The reference itself is never told: whoever writes a better answer by this would only copy it.
fn compared<T: std::fmt::Display>(
    what: &str,
    found: Option<T>,
    wanted: &T,
    same: impl Fn(&T, &T) -> bool,
) -> Finding {
    match found {
        Some(found) if same(&found, wanted) => Finding {
            holds: true,
            why: format!("The answer's {what} is `{found}`, as the reference's."),
        },
        Some(found) => Finding {
            holds: false,
            why: format!("The answer's {what} is `{found}`, which is not the reference's."),
        },
        None => Finding { holds: false, why: format!("The answer holds no {what}.") },
    }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
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
    match (number(a.trim()), number(b.trim())) {
        (Some(a), Some(b)) => same(a, b),
        _ => bare(a) == bare(b),
    }
}

/// What stands in the last `\boxed{…}`.
fn boxed(text: &str) -> Option<&str> {
    const OPEN: &str = "\\boxed{";
    let inner = &text[text.rfind(OPEN)? + OPEN.len()..];
    let mut depth = 0_usize;
    let end = inner.char_indices().find(|(_, c)| {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return true,
            '}' => depth -= 1,
            _ => (),
        }
        false
    });
    end.map(|(end, _)| inner[..end].trim())
}

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    // \frac{1}{2}, 1/2, 1,234.5, 1e-3, with a sign, a currency and a per cent.
    Regex::new(r"[-−+]?\s*[$€£]?\s*(?:\\[dt]?frac\{\d+\}\{\d+\}|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+(?:[eE][-+]?\d+)?)(?:\s*/\s*\d+(?:\.\d+)?)?\s*(?:\\?%)?").unwrap()
});

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static ANNOUNCED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:####|\banswer\b(?:\s+is)?\s*[:=]?)\s*[*_$(]*([^\n]*)").unwrap()
});

/// The number that an answer gives: boxed, else announced, else the last one.
fn answered_number(text: &str) -> Option<f64> {
    let announced = || {
        ANNOUNCED
            .captures_iter(text)
            .filter_map(|found| first_number(found.get(1)?.as_str()))
            .last()
    };
    boxed(text).and_then(last_number).or_else(announced).or_else(|| last_number(text))
}

fn first_number(text: &str) -> Option<f64> {
    NUMBER.find_iter(text).find_map(|found| number(found.as_str().trim()))
}

fn last_number(text: &str) -> Option<f64> {
    NUMBER.find_iter(text).filter_map(|found| number(found.as_str().trim())).last()
}

/// A text that is one number.
fn number(text: &str) -> Option<f64> {
    let text = text.trim_end_matches('.');
    let negative = text.starts_with(['-', '−']);
    let text = text.trim_start_matches(['-', '−', '+', '$', '€', '£', ' ']);
    let (text, percent) = match text.strip_suffix('%') {
        Some(text) => (text.trim_end_matches('\\').trim_end(), true),
        None => (text, false),
    };
    let value = match (fraction(text), text.split_once('/')) {
        (Some(value), _) => value,
        (None, Some((above, below))) => plain(above)? / plain(below)?,
        (None, None) => plain(text)?,
    };
    let value = if percent { value / 100.0 } else { value };
    value.is_finite().then_some(if negative { -value } else { value })
}

fn fraction(text: &str) -> Option<f64> {
    let inner =
        ["\\frac{", "\\dfrac{", "\\tfrac{"].iter().find_map(|open| text.strip_prefix(open))?;
    let (above, below) = inner.strip_suffix('}')?.split_once("}{")?;
    Some(plain(above)? / plain(below)?)
}

/// Digits with commas at thousands only.
fn plain(text: &str) -> Option<f64> {
    let text = text.trim();
    let (whole, _) = text.split_once('.').unwrap_or((text, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let grouped = groups.len() == 1
        || (groups[1..].iter().all(|group| group.len() == 3) && (1..=3).contains(&groups[0].len()));
    let digits = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    text.replace(',', "").parse().ok().filter(|_| grouped && digits)
}

#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static LETTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:^|[^\pL\pN'’])([A-Ja-j])(?:$|[^\pL\pN'’])").unwrap());

/// The letter that a text picks: boxed, else announced, else the last capital that stands alone.
fn choice(text: &str) -> Option<char> {
    let single = |text: &str| {
        let letters = text.trim().trim_matches(['(', ')', '[', ']', '*', '.', ':', '$', ' ']);
        let mut letters = letters.chars();
        letters.next().filter(|c| letters.next().is_none() && c.is_ascii_alphabetic())
    };
    let leading = |text: &str| single(text.split([' ', '.', ',', ')', ':', ';']).next()?);
    let announced =
        || ANNOUNCED.captures_iter(text).filter_map(|found| leading(found.get(1)?.as_str())).last();
    let alone = || {
        LETTER
            .captures_iter(text)
            .filter_map(|found| found.get(1)?.as_str().chars().next())
            .filter(char::is_ascii_uppercase)
            .last()
    };
    let found = single(text).or_else(|| {
        boxed(text)
            .and_then(|inner| single(inner.trim_start_matches("\\text{").trim_end_matches('}')))
    });
    found.or_else(announced).or_else(alone).map(|letter| letter.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(kind: Kind, answer: &str, reference: &str) -> bool {
        kind.check(answer, reference).unwrap().holds
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
            ("It is 12 and not 13.\nAnswer: 12 apples", "12"),
            ("#### 7", "7"),
            ("12 or 13, so \\boxed{13}.", "13"),
            ("First 4, then 5.", "5"),
            ("42.", "42"),
        ];
        for (answer, reference) in equal {
            assert!(holds(Kind::Number, answer, reference), "{answer} {reference}");
        }
        for (answer, reference) in
            [("12", "13"), ("50", "50%"), ("no number", "1"), ("", "1"), ("1/0", "0")]
        {
            assert!(!holds(Kind::Number, answer, reference), "{answer} {reference}");
        }
        assert!(Kind::Number.check("1", "none").is_err());
    }

    #[test]
    fn boxes_and_choices_are_found_where_they_are_announced() {
        assert!(holds(Kind::Boxed, "so \\boxed{x^{2} + 1}", "x^{2}+1"));
        assert!(holds(Kind::Boxed, "\\boxed{1} no, \\boxed{1,000}", "\\boxed{1000}"));
        assert!(!holds(Kind::Boxed, "1000", "1000"));
        for answer in [
            "B",
            "(b)",
            "Answer: B",
            "The answer is (B) because A is wrong",
            "I think\n\\boxed{\\text{B}}",
            "It is B.",
        ] {
            assert!(holds(Kind::Choice, answer, "B"), "{answer}");
        }
        assert!(!holds(Kind::Choice, "A", "B") && !holds(Kind::Choice, "because", "B"));
    }

    #[test]
    fn texts_are_the_same_or_match_a_pattern() {
        assert!(holds(Kind::Exact, " Paris\n", "Paris") && !holds(Kind::Exact, "paris", "Paris"));
        assert!(
            holds(Kind::Regex, "call 555-1234", r"\d{3}-\d{4}")
                && !holds(Kind::Regex, "none", "^some$")
        );
        assert!(Kind::Regex.check("x", "(").is_err());
    }

    #[test]
    fn a_check_that_is_not_there_names_the_near_one() {
        assert!(format!("{:?}", Check::named("numbr").unwrap_err()).contains("`number`"));
    }
}
