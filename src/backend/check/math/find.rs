//! Finds the value that a text gives, as an answer or as a reference.

use std::sync::LazyLock;

use regex::Regex;

use super::{
    parse::{self, Words},
    token::Token,
    tokens::tokens,
    value::Value,
};
use crate::backend::check::{
    ANNOUNCED, FoundValue, bare, before_reasons, boxed,
    number::{self, Number},
};

/// The value of a text, with the words in which it was given.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    text: String,
    value: Value,
    /// The number as `check:number` reads it, if it is a plain number.
    number: Option<Number>,
    /// Whether it is an answer that announces nothing, and consists of words.
    is_only_words: bool,
}

impl Answer {
    /// The text that was read.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The value in canonical form.
    pub(super) fn canonical(&self) -> String {
        self.value.canonical()
    }

    /// Whether two answers have the same value; `None` if that cannot be decided.
    pub(super) fn is(&self, other: &Self) -> Option<bool> {
        if bare(&self.text) == bare(&other.text) {
            return Some(true);
        }
        match (&self.number, &other.number) {
            // Such an answer gives no value.
            _ if self.is_only_words && !other.value.is_text() => Some(false),
            _ if other.is_only_words && !self.value.is_text() => Some(false),
            (Some(one), Some(two)) if one.is(two) => Some(true),
            // The sign may have been left out.
            (Some(one), Some(two)) if self.is_percentage() != other.is_percentage() => {
                let (less, more) = if self.is_percentage() { (one, two) } else { (two, one) };
                (!less.is_hundredth_of(more)).then_some(false)
            }
            _ => self.value.is(&other.value),
        }
    }

    fn is_percentage(&self) -> bool {
        self.text.trim_end_matches(['$', '.', '}', ' ']).ends_with('%')
    }
}

/// The value of a reference: the whole text, or what a solution of several lines boxes or announces.
pub(super) fn of_reference(text: &str) -> FoundValue<Answer> {
    let text = text.trim();
    let is_solution = text.contains('\n') || text.contains("\\boxed");
    let is_solution = is_solution || announced(text).next().is_some();
    if is_solution {
        return of_answer(text);
    }
    let text = without_delimiters(text);
    if text.is_empty() {
        FoundValue::Nothing
    } else {
        FoundValue::One(read(text, true, Words::Belong))
    }
}

/// The value of an answer: boxed, announced, the whole text, or the last formula or number.
pub(super) fn of_answer(text: &str) -> FoundValue<Answer> {
    if let Some(inner) = boxed(text).filter(|inner| !inner.is_empty()) {
        return FoundValue::One(read(without_delimiters(inner), true, Words::Belong));
    }
    let segments: Vec<&str> = announced(text).collect();
    for segment in segments.into_iter().rev() {
        match of_segment(segment) {
            FoundValue::Nothing => (),
            found => return found,
        }
    }
    unannounced(text.trim())
}

/// Every announced answer, in order: the rest of the line, or the next line if the rest is empty.
fn announced(text: &str) -> impl Iterator<Item = &str> {
    ANNOUNCED.find_iter(text).filter_map(|found| {
        // A dollar sign may begin a formula.
        let start = found.as_str().find('$').map_or(found.end(), |at| found.start() + at);
        let rest = text.get(start..)?;
        rest.lines().find(|line| line.contains(char::is_alphanumeric))
    })
}

/// Matches a remark in parentheses: words, and not factors.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static REMARK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\s\((?:[A-Za-z]{2,}\b|[^()$\\]*\s[a-z]{2,}\b)").unwrap());

/// Matches a formula between dollar signs, or between LaTeX brackets. The formula is in group 1, 2, 3 or 4.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static FORMULA: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)\$\$(.+?)\$\$|\$([^\s$](?:[^$]*?[^\s$\\])?)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]")
        .unwrap()
});

/// A formula in a text: where it starts and ends, and its content.
struct Formula<'t> {
    start: usize,
    end: usize,
    inner: &'t str,
}

/// Every formula of a text. `$5 and $6` are amounts of money: a formula begins and ends without a blank, and
/// no digit follows it.
fn formulas(text: &str) -> Vec<Formula<'_>> {
    let formula = |found: regex::Captures<'_>| {
        let all = found.get(0)?;
        let inner = (1..=4).find_map(|group| found.get(group))?;
        let followed = text[all.end()..].starts_with(|c: char| c.is_ascii_digit());
        let range = inner.range();
        (!followed).then(|| Formula { start: all.start(), end: all.end(), inner: &text[range] })
    };
    FORMULA.captures_iter(text).filter_map(formula).collect()
}

/// The text without the delimiters of a formula around it, and without a full stop at its end.
fn without_delimiters(text: &str) -> &str {
    let text = text.trim().trim_matches('*').trim_end_matches(['.', ',', ';']).trim();
    match formulas(text).as_slice() {
        [formula] if formula.start == 0 && formula.end == text.len() => formula.inner.trim(),
        _ => text,
    }
}

/// The value of an announced text: up to its reasons, or all of it.
fn of_segment(segment: &str) -> FoundValue<Answer> {
    let head = before_reasons(segment);
    let head = REMARK.find(head).map_or(head, |remark| &head[..remark.start()]);
    for text in [head, segment] {
        match of_phrase(text, true) {
            FoundValue::Nothing => (),
            found => return found,
        }
    }
    FoundValue::Nothing
}

/// The value of a phrase; in one that is announced, words alone are a value too.
fn of_phrase(text: &str, is_announced: bool) -> FoundValue<Answer> {
    let text = text.trim().trim_matches('*').trim_end_matches(['.', ',', ';', ':']).trim();
    let formulas = formulas(text);
    if formulas.is_empty() {
        return of_words(text, is_announced);
    }
    if let [formula] = formulas.as_slice() {
        return of_formula(text, formula, is_announced);
    }
    let between = formulas.windows(2).map(|pair| &text[pair[0].end..pair[1].start]);
    let is_list = between
        .into_iter()
        .all(|between| matches!(between.trim().trim_start_matches(',').trim(), "" | "and" | "or"));
    if is_list {
        let all: Vec<&str> = formulas.iter().map(|formula| formula.inner.trim()).collect();
        return FoundValue::One(read(&all.join(" , "), true, Words::Prose));
    }
    // Only the words before it tell which of several formulas is the answer.
    match formulas.last() {
        Some(last) if INTRODUCES.is_match(&text[..last.start]) => {
            of_formula(text, last, is_announced)
        }
        _ => FoundValue::Unclear,
    }
}

/// Matches the words before a result: `is`, `=`, `equals`.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static INTRODUCES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:=|:|→|\b(?:is|are|be|equals?|get|gives?|to|by|yields?|obtain))\s*$")
        .unwrap()
});

/// Matches a word that denies a result.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static DENIES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:not|never|neither|cannot|than)\b|n['’]t\b").unwrap());

/// The value of a formula, with the unit in the words after it.
fn of_formula(text: &str, formula: &Formula<'_>, is_announced: bool) -> FoundValue<Answer> {
    let (before, after) = (&text[..formula.start], &text[formula.end..]);
    if DENIES.is_match(before) || after.contains(|c: char| c.is_ascii_digit()) && !is_announced {
        return FoundValue::Unclear;
    }
    let inner = formula.inner.trim();
    let unit: Vec<&str> = after.split_whitespace().take(3).collect();
    let unit = unit.join(" ");
    let is_unit = !unit.is_empty() && unit.chars().all(|c| c.is_alphabetic() || c == ' ');
    let answer = read(inner, true, Words::Prose);
    let is_symbol = matches!(&answer.value, Value::Scalar(value) if value.symbol().is_some());
    if is_symbol && !is_announced {
        return FoundValue::Unclear;
    }
    if is_unit
        && let Some(value) = parsed(&format!("{inner} \\text{{ {unit}}}"), true, Words::Prose)
    {
        return FoundValue::One(Answer { text: inner.to_owned(), value, ..answer });
    }
    FoundValue::One(answer)
}

/// The value of a phrase without formulas.
fn of_words(text: &str, is_announced: bool) -> FoundValue<Answer> {
    let answer = read(text, false, Words::Prose);
    if !answer.value.is_text() {
        let is_word = matches!(&answer.value, Value::Scalar(value) if value.symbol().is_some());
        return if is_word && !is_announced {
            FoundValue::Nothing
        } else {
            FoundValue::One(answer)
        };
    }
    if is_mathematics(text) {
        return FoundValue::One(answer);
    }
    match number::of_passage(text) {
        FoundValue::One(number) => FoundValue::One(read(&number.to_string(), true, Words::Belong)),
        FoundValue::Unclear => FoundValue::Unclear,
        FoundValue::Nothing if is_announced && !text.is_empty() => FoundValue::One(answer),
        FoundValue::Nothing => FoundValue::Nothing,
    }
}

/// Whether a text contains signs of mathematics beyond numbers, so that a number in it may be a part of a
/// larger value.
fn is_mathematics(text: &str) -> bool {
    text.contains(['\\', '^', '√', 'π', '_', '{', '°', '²', '³', '±', '∞', '≤', '≥', '≠', '∪'])
}

/// The value of a text that announces nothing: the whole text, or the result in its last sentence.
fn unannounced(text: &str) -> FoundValue<Answer> {
    /// Longer texts are prose.
    const SHORT: usize = 200;
    let whole = without_delimiters(text);
    let is_sentence = whole.contains('\n') || !formulas(whole).is_empty();
    if whole.len() <= SHORT && !is_sentence {
        // In a sentence, `So` is a word and not a product.
        let is_formula = whole.len() < text.trim_end_matches('.').len();
        let answer = read(whole, is_formula, Words::Belong);
        let is_word = is_words(whole);
        if !answer.value.is_text() || is_word && whole.split_whitespace().count() <= 2 {
            return FoundValue::One(Answer { is_only_words: is_word, ..answer });
        }
    }
    let last = text.lines().rev().find(|line| line.contains(char::is_alphanumeric));
    let last = last.unwrap_or_default().trim();
    let sentence = SENTENCE.find_iter(last.trim_end_matches('.')).last();
    let sentence = sentence.map_or(last, |end| &last[end.end()..]);
    if !formulas(sentence).is_empty() {
        return of_phrase(sentence, false);
    }
    match number::of_answer(text) {
        FoundValue::One(_) if is_mathematics(last) => FoundValue::Unclear,
        FoundValue::One(number) => FoundValue::One(read(&number.to_string(), true, Words::Belong)),
        FoundValue::Unclear => FoundValue::Unclear,
        FoundValue::Nothing if is_mathematics(text) => FoundValue::Unclear,
        FoundValue::Nothing => FoundValue::Nothing,
    }
}

/// Matches the end of a sentence inside a line.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static SENTENCE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[.!?;]\s+").unwrap());

/// The value of a text without delimiters: a plain number, mathematics, or words.
fn read(text: &str, is_math: bool, words: Words) -> Answer {
    let text = text.trim().trim_end_matches('.').trim();
    let value = parsed(text, is_math, words);
    let value = value.unwrap_or_else(|| unparsed(text));
    let number = match &value {
        Value::Scalar(value) => number::whole(text)
            .or_else(|| match number::of_passage(text) {
                FoundValue::One(number) => Some(number),
                _ => None,
            })
            .filter(|number| value.rational().as_ref() == Some(number.value())),
        _ => None,
    };
    Answer { text: text.to_owned(), value, number, is_only_words: false }
}

/// The value of a text as a plain number or as mathematics.
fn parsed(text: &str, is_math: bool, words: Words) -> Option<Value> {
    if is_words(text) {
        return None;
    }
    let has_currency = text.trim_start_matches('-').starts_with(['$', '€', '£', '\\']);
    if !has_currency && let Some(number) = number::whole(text) {
        return Some(Value::Scalar(number.value().clone().into()));
    }
    let value = parse::value(&tokens(text, is_math)?, words)?;
    (!value.is_text()).then_some(value)
}

/// Whether a text is words alone: letters and blanks, and not one letter or a constant.
fn is_words(text: &str) -> bool {
    let is_constant = ["pi", "inf", "infinity"].contains(&text.to_lowercase().as_str());
    text.chars().count() > 1
        && !is_constant
        && !text.contains('π')
        && text.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '\'' | '’' | '-'))
        // `x-y` is a difference.
        && (!text.contains('-') || text.split('-').all(|part| part.trim().chars().count() > 1))
}

/// A text that is not mathematics: its words, or its characters without blanks.
fn unparsed(text: &str) -> Value {
    let words: Option<Vec<String>> = tokens(text, false).map(|tokens| {
        let word = |token: Token| match token {
            Token::Word(word) | Token::Letter(word) => word.to_lowercase(),
            Token::Number { value, .. } => value.to_string(),
            _ => String::new(),
        };
        tokens.into_iter().map(word).collect()
    });
    match words {
        Some(words) if !words.is_empty() && words.iter().all(|word| !word.is_empty()) => {
            Value::Text(words.join(" "))
        }
        _ => Value::Unparsed(bare(text)),
    }
}
