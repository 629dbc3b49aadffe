//! Named rules that cut a text into steps.

use std::{fmt, str::FromStr, sync::LazyLock};

use regex::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use super::{Item, messages::text_of, values::split_steps};
use crate::error::{Error, ErrorKind, Result, unknown};

/// How the text of an answer is cut into steps (key and setting `split_steps`). A list of steps in the record always stays as it
/// is.
///
/// ```
/// use tribunal::item::Splitting;
///
/// let steps = |rule: &str, text: &str| rule.parse::<Splitting>().unwrap().steps(text);
/// assert_eq!(steps("step-markers", "Step 1: a = 2.\nStep 2: b = 3."), ["a = 2.", "b = 3."]);
/// assert_eq!(steps("sentences", "So a = 2. Then b = 3."), ["So a = 2.", "Then b = 3."]);
/// assert_eq!(steps("latex", r"So $a = 2. B$ holds."), [r"So $a = 2. B$ holds."]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Splitting {
    /// At blank lines; a text without any at its line breaks.
    #[default]
    Paragraphs,
    /// At blank lines only.
    BlankLines,
    /// Before every line that begins with `Step 1:` or the like, in any case and with emphasis or as a heading. The
    /// marker is not part of the step; what stands before the first one is a step of its own.
    StepMarkers,
    /// After every sentence (Unicode Standard Annex 29) and at every line break.
    Sentences,
    /// The same, but never inside a formula or an environment of LaTeX.
    Latex,
    /// Not at all: the record must hold a list of steps.
    Given,
    /// Where the model is least sure of its next token (Liu et al. 2025, AdaptiveStep): before this share of the tokens
    /// of the text, those with the lowest probabilities. It costs one request, in which the model reads the text.
    Confidence(f64),
}

impl Splitting {
    /// The words in prompt files and settings. `confidence:0.05` sets the share of tokens.
    pub const NAMES: [&'static str; 7] =
        ["paragraphs", "blank-lines", "step-markers", "sentences", "latex", "given", "confidence"];

    /// The share of tokens before which `confidence` begins a step if none is given: 2 %.
    pub const SHARE: f64 = 0.02;

    /// The steps of a text: without blanks at their ends, none of them empty. Of rules that need more than the text, the
    /// whole text is one step.
    pub fn steps(self, text: &str) -> Vec<String> {
        match self {
            Self::Paragraphs => split_steps(text),
            Self::BlankLines => trimmed(cut(text, &blank_lines(text))),
            Self::StepMarkers => marked(text),
            Self::Sentences => trimmed(cut(text, &sentences(text))),
            Self::Latex => {
                let formulas = formulas(text);
                let is_inside =
                    |at: usize| formulas.iter().any(|(from, to)| *from < at && at < *to);
                let starts: Vec<usize> =
                    sentences(text).into_iter().filter(|at| !is_inside(*at)).collect();
                trimmed(cut(text, &starts))
            }
            Self::Given | Self::Confidence(_) => trimmed([text].into_iter()),
        }
    }

    /// The characters at which `confidence` begins a step, given the probabilities of the tokens of a text and the
    /// number of characters up to the end of each. The first step begins at 0.
    ///
    /// The first token is not counted: the first step begins there in any case.
    #[must_use]
    pub fn least_sure(share: f64, logprobs: &[f64], ends: &[usize]) -> Vec<usize> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count of tokens"
        )]
        let count = (logprobs.len() as f64 * share).round() as usize;
        let mut tokens: Vec<usize> = (1..logprobs.len().min(ends.len())).collect();
        tokens.sort_by(|one, other| logprobs[*one].total_cmp(&logprobs[*other]));
        let mut starts: Vec<usize> = tokens.into_iter().take(count).map(|n| ends[n - 1]).collect();
        starts.push(0);
        starts.sort_unstable();
        starts.dedup();
        starts
    }

    /// The steps of a text that begin at these characters.
    pub fn at_characters(text: &str, starts: &[usize]) -> Vec<String> {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let starts: Vec<usize> =
            starts.iter().filter_map(|start| places.get(*start).copied()).collect();
        trimmed(cut(text, &starts))
    }
}

impl Item {
    /// The same item with the steps of its answer by this rule. A list of steps stays as it is.
    ///
    /// # Errors
    /// The rule is `given`, and the record holds no list of steps ([`ErrorKind::Record`]).
    pub(crate) fn split_by(self, rule: Splitting) -> Result<Self> {
        let field = self.field("steps");
        let text = match field.as_deref() {
            _ if self.lists_steps() => return Ok(self),
            Some(Value::String(text)) if self.has("steps") => Some(text.clone()),
            _ => self.field("answer").as_deref().map(text_of),
        };
        let Some(text) = text else { return Ok(self) };
        match rule {
            Splitting::Given => {
                Err(Error::new(ErrorKind::Record, "the record holds no list of steps").hint(
                    "add a field `steps`, or let a rule split the answer: `split_steps: latex`",
                ))
            }
            Splitting::Confidence(_) => Ok(self),
            rule => Ok(self.filled("steps", rule.steps(&text))),
        }
    }

    /// Whether the record holds its steps as a list.
    pub(crate) fn lists_steps(&self) -> bool {
        self.own("steps").is_some_and(|steps| steps.as_array().is_some_and(|all| !all.is_empty()))
    }
}

/// The pieces of a text that begin at these bytes, and the one before the first of them.
fn cut<'t>(text: &'t str, starts: &[usize]) -> impl Iterator<Item = &'t str> {
    let inner = starts.iter().copied().filter(|at| *at > 0 && *at < text.len());
    let mut starts: Vec<usize> = [0].into_iter().chain(inner).collect();
    starts.dedup();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(|(from, to)| &text[from..to])
}

/// Pieces without blanks at their ends, and without empty ones.
fn trimmed<'t>(pieces: impl Iterator<Item = &'t str>) -> Vec<String> {
    pieces.map(str::trim).filter(|piece| !piece.is_empty()).map(ToOwned::to_owned).collect()
}

/// The bytes after blank lines.
fn blank_lines(text: &str) -> Vec<usize> {
    let mut at = 0;
    let mut starts = Vec::new();
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.trim().is_empty() {
            starts.push(at);
        }
    }
    starts
}

/// The bytes at which sentences begin. A line break ends a sentence.
fn sentences(text: &str) -> Vec<usize> {
    text.split_sentence_bound_indices().map(|(at, _)| at).collect()
}

/// A line that begins with the marker of a step: `Step 1:`, `**Step 2.**`, `### Step 3`.
static MARKER: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "the pattern is a constant")]
    Regex::new(r"(?im)^[ \t]*(?:[#>*_]+[ \t]*)*step[ \t]+[0-9]+[ \t]*[*_]*[ \t]*(?:[:.)][ \t]*[*_]*[ \t]*|$)")
        .unwrap()
});

/// The steps between markers, without these.
fn marked(text: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut from = 0;
    for marker in MARKER.find_iter(text) {
        steps.push(&text[from..marker.start()]);
        from = marker.end();
    }
    steps.push(&text[from..]);
    trimmed(steps.into_iter())
}

/// The bytes of the formulas and environments of a text: `$…$`, `$$…$$`, `\(…\)`, `\[…\]`, `\begin{x}…\end{x}`. One that is
/// never closed is none; a dollar sign before a digit, and without a second one in its paragraph, is money.
fn formulas(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].find(['$', '\\']).map(|n| at + n) {
        let rest = &text[next..];
        let length = formula(rest);
        if let Some(length) = length {
            found.push((next, next + length));
        }
        // An escaped sign opens nothing.
        let skipped =
            if rest.starts_with('\\') { rest.chars().take(2).map(char::len_utf8).sum() } else { 1 };
        at = next + length.unwrap_or(skipped);
    }
    found
}

/// The length of the formula or environment that a text begins with.
fn formula(text: &str) -> Option<usize> {
    let closed = |open: &str, close: &str| {
        let inner = text.strip_prefix(open)?;
        inner.find(close).map(|at| open.len() + at + close.len())
    };
    if let Some(rest) = text.strip_prefix(r"\begin{") {
        let name = rest.split('}').next()?;
        return closed(&format!(r"\begin{{{name}}}"), &format!(r"\end{{{name}}}"));
    }
    let display =
        closed(r"\(", r"\)").or_else(|| closed(r"\[", r"\]")).or_else(|| closed("$$", "$$"));
    display.or_else(|| {
        let inner = text.strip_prefix('$')?;
        let end = inner.find('$')?;
        let is_formula = end > 0 && !inner[..end].contains("\n\n");
        is_formula.then_some(end + 2)
    })
}

/// The word in prompt files: `latex`, or `confidence:0.05` with another share.
impl fmt::Display for Splitting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [paragraphs, blank_lines, step_markers, sentences, latex, given, confidence] =
            Self::NAMES;
        f.write_str(match self {
            Self::Paragraphs => paragraphs,
            Self::BlankLines => blank_lines,
            Self::StepMarkers => step_markers,
            Self::Sentences => sentences,
            Self::Latex => latex,
            Self::Given => given,
            Self::Confidence(share) if share.to_bits() == Self::SHARE.to_bits() => confidence,
            Self::Confidence(share) => return write!(f, "{confidence}:{share}"),
        })
    }
}

impl FromStr for Splitting {
    type Err = Error;

    /// Reads one of the [names](Self::NAMES); `confidence` may be followed by `:` and a share of tokens.
    fn from_str(word: &str) -> Result<Self> {
        let wrong = |message: String| {
            Error::new(ErrorKind::Config, message)
                .hint("write `confidence:0.02`: a share of tokens between 0 and 1")
        };
        let (name, share) = match word.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (word, None),
        };
        let share = match (name, share) {
            (_, None) => Self::SHARE,
            ("confidence", Some(number)) => match number.trim().parse::<f64>() {
                Ok(number) if number > 0.0 && number < 1.0 => number,
                _ => return Err(wrong(format!("`{number}` is not a share of tokens"))),
            },
            (name, Some(_)) => return Err(wrong(format!("`{name}` has no share of tokens"))),
        };
        Ok(match name {
            "paragraphs" => Self::Paragraphs,
            "blank-lines" => Self::BlankLines,
            "step-markers" => Self::StepMarkers,
            "sentences" => Self::Sentences,
            "latex" => Self::Latex,
            "given" => Self::Given,
            "confidence" => Self::Confidence(share),
            other => return Err(unknown(ErrorKind::Config, "`split_steps`", other, Self::NAMES)),
        })
    }
}

impl Serialize for Splitting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Splitting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn steps(rule: &str, text: &str) -> Vec<String> {
        rule.parse::<Splitting>().unwrap().steps(text)
    }

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for word in Splitting::NAMES.into_iter().chain(["confidence:0.1"]) {
            assert_eq!(word.parse::<Splitting>().unwrap().to_string(), word);
        }
        for wrong in ["lines", "confidence:0", "confidence:2", "latex:1", ""] {
            assert!(wrong.parse::<Splitting>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn blank_lines_cut_paragraphs_and_nothing_else() {
        assert_eq!(steps("blank-lines", "a\nb\n \nc\n\n\nd"), ["a\nb", "c", "d"]);
        assert_eq!(steps("blank-lines", "a\nb"), ["a\nb"]);
        assert_eq!(steps("paragraphs", "a\nb"), ["a", "b"]);
    }

    #[test]
    fn step_markers_are_found_in_the_forms_that_models_write() {
        let forms = "Let me think.\nStep 1: 1 + 1 = 2.\n**Step 2:** 2 + 1 = 3.\n### Step 3\nSo 3.\nstep 4) Done.";
        assert_eq!(
            steps("step-markers", forms),
            ["Let me think.", "1 + 1 = 2.", "2 + 1 = 3.", "So 3.", "Done."]
        );
        let mention = "Step 1: Use it.\nStep 3 gives us 4, as step 2: says.";
        assert_eq!(
            steps("step-markers", mention),
            ["Use it.\nStep 3 gives us 4, as step 2: says."]
        );
        assert_eq!(steps("step-markers", "no marker\n\nat all"), ["no marker\n\nat all"]);
    }

    #[test]
    fn a_number_with_decimals_is_no_end_of_a_sentence() {
        let text = "It costs 3.50 dollars. He has 2.\nSo 7 dollars!";
        assert_eq!(
            steps("sentences", text),
            ["It costs 3.50 dollars.", "He has 2.", "So 7 dollars!"]
        );
    }

    #[test]
    fn latex_is_never_cut_inside_a_formula() {
        let display = "We have \\[ x = 1. \\\\\ny = 2. \\] Then $a.\nB$ holds. Done.";
        assert_eq!(
            steps("latex", display),
            ["We have \\[ x = 1. \\\\\ny = 2. \\] Then $a.\nB$ holds.", "Done."]
        );
        let environment = "So\n\\begin{align}\na &= 1 \\\\\nb &= 2\n\\end{align}\nThen b. End.";
        assert_eq!(
            steps("latex", environment),
            ["So", "\\begin{align}\na &= 1 \\\\\nb &= 2\n\\end{align}", "Then b.", "End."]
        );
        let money = "It costs $5. He pays.\n\nNow $6. Later.";
        assert_eq!(steps("latex", money), ["It costs $5.", "He pays.", "Now $6.", "Later."]);
        assert_eq!(steps("latex", "It is \\$5. So \\$6."), ["It is \\$5.", "So \\$6."]);
    }

    #[test]
    fn a_list_in_the_record_stays_as_it_is() {
        let item = Item::from(json!({"steps": ["a. b.", "c"], "answer": "x"}));
        for name in Splitting::NAMES {
            let rule = name.parse().unwrap();
            assert_eq!(item.clone().split_by(rule).unwrap().steps(), ["a. b.", "c"], "{name}");
        }
        let answer = Item::new().answer("One. Two.");
        assert_eq!(
            answer.clone().split_by(Splitting::Sentences).unwrap().steps(),
            ["One.", "Two."]
        );
        let error = answer.split_by(Splitting::Given).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Record);
        let text = Item::from(json!({"steps": "One. Two.", "answer": "x. y."}));
        assert_eq!(text.split_by(Splitting::Sentences).unwrap().steps(), ["One.", "Two."]);
    }

    #[test]
    fn a_step_begins_before_the_least_likely_tokens() {
        let ends = [2, 4, 6, 8, 10];
        let logprobs = [-9.0, -0.1, -3.0, -0.2, -2.0];
        assert_eq!(Splitting::least_sure(0.2, &logprobs, &ends), [0, 4]);
        assert_eq!(Splitting::least_sure(0.4, &logprobs, &ends), [0, 4, 8]);
        assert_eq!(Splitting::least_sure(0.05, &logprobs, &ends), [0]);
        assert_eq!(Splitting::least_sure(0.5, &[], &[]), [0]);
        assert_eq!(Splitting::at_characters("äbcdefghij", &[0, 4, 8]), ["äbcd", "efgh", "ij"]);
    }

    fn bare(text: &str) -> String {
        text.split_whitespace().collect()
    }

    proptest! {
        #[test]
        fn no_text_is_lost_and_no_step_is_blank(text in "(?s)[a-zA-Z0-9 .!?\\n$\\\\\\[\\]{}äß]{0,80}") {
            for rule in ["paragraphs", "blank-lines", "sentences", "latex", "given"] {
                let steps = steps(rule, &text);
                prop_assert_eq!(bare(&steps.concat()), bare(&text), "{}", rule);
                let is_whole = |step: &String| !step.trim().is_empty() && step.trim_end() == step;
                prop_assert!(steps.iter().all(is_whole), "{}", rule);
            }
        }

        #[test]
        fn formulas_stay_whole(inner in "[a-z0-9 .=\\n]{1,12}", around in "[a-zA-Z. \\n]{0,20}") {
            let inner = inner.replace('\n', " \n ");
            let text = format!("{around} $x{inner}x$ {around}");
            let formula = format!("$x{inner}x$");
            prop_assert!(steps("latex", &text).iter().any(|step| step.contains(&formula)));
        }
    }
}
