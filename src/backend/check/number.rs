//! Finds the number that an answer gives, exact to its last digit, or reports that it is unclear.
//!
//! Numbers are rationals (`num-rational`), so 0.1 + 0.2 equals 0.3, and 9007199254740993 is not rounded to a
//! neighbour. A number is searched for in these places, in this order:
//!
//! 1. in the last `\boxed{…}`,
//! 2. in the announced text (`Answer: 12 apples`, `#### 12`, `the result is 3 + 4 = 7`),
//! 3. at the end of the text: its last number.
//!
//! A text that offers two different numbers (`12 or 13`, `3-5`), or writes a number in a way that readers
//! understand differently (`1,5`), is unclear. That is reported; the check does not guess.
//!
//! | answer | number |
//! |---|---|
//! | `So it is $1,234.` | 1234 |
//! | `\boxed{\frac{1}{2}}` | 1/2 |
//! | `Answer: 50%` | 0.5 |
//! | `3 + 4 = 7` | 7 |
//! | `12 or 13` | unclear |
//! | `1,5` | unclear |
//! | `many` | none |

use std::{fmt, sync::LazyLock};

use num_bigint::BigInt;
use num_rational::BigRational;
use regex::Regex;

use super::{FoundValue, announced, before_reasons, boxed};

/// A number together with how it was written, which decides what counts as rounding.
#[derive(Clone, Debug)]
pub(super) struct Number {
    /// The exact value.
    value: BigRational,
    /// Digits after the decimal point, as written; 0 for fractions.
    decimals: usize,
    /// All significant digits, as written; 0 for fractions.
    digits: usize,
    /// Whether it was written as a fraction, such as `1/3`.
    is_fraction: bool,
}

impl Number {
    /// The exact value.
    pub(super) fn value(&self) -> &BigRational {
        &self.value
    }

    /// Whether it is exactly a hundredth of another number.
    pub(super) fn is_hundredth_of(&self, other: &Self) -> bool {
        &self.value * power(2) == other.value
    }

    /// Whether two numbers are equal.
    ///
    /// The comparison is exact, with two exceptions: the noise that programs print for binary fractions
    /// (`0.30000000000000004`), and a decimal that rounds a fraction to nine places or more.
    pub(super) fn is(&self, other: &Self) -> bool {
        /// From this many significant digits on, the last digits may be noise of a binary fraction.
        const NOISY: usize = 16;
        /// From this many decimal places on, a decimal may be a rounded fraction.
        const ROUNDED: usize = 9;
        if self.value == other.value {
            return true;
        }
        let away = absolute(&self.value - &other.value);
        let whole = self.value.is_integer() && other.value.is_integer();
        let larger = absolute(self.value.clone()).max(absolute(other.value.clone()));
        let noise = !whole
            && self.digits.max(other.digits) >= NOISY
            && self.decimals.max(other.decimals) > 0
            && &away * power(14) <= larger;
        let rounds = |fraction: &Self, decimal: &Self| {
            fraction.is_fraction
                && decimal.decimals >= ROUNDED
                && &away * power(decimal.decimals) * BigInt::from(2) <= power(0)
        };
        noise || rounds(self, other) || rounds(other, self)
    }
}

/// Prints the number without thousands separators.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_fraction || self.value.is_integer() {
            return write!(f, "{}", self.value);
        }
        let scaled = (&self.value * power(self.decimals)).to_integer();
        let digits = format!("{:0>1$}", scaled.magnitude(), self.decimals + 1);
        let sign = if self.value < zero() { "-" } else { "" };
        match digits.split_at_checked(digits.len() - self.decimals) {
            Some((whole, decimals)) if !decimals.is_empty() => {
                write!(f, "{sign}{whole}.{decimals}")
            }
            _ => write!(f, "{sign}{digits}"),
        }
    }
}

/// Ten to this power; exponents above [`LARGEST`] are cut to it.
fn power(exponent: usize) -> BigRational {
    let exponent = u32::try_from(exponent).unwrap_or(u32::MAX).min(LARGEST);
    BigRational::from_integer(BigInt::from(10).pow(exponent))
}

/// The number 0.
fn zero() -> BigRational {
    BigRational::from_integer(BigInt::from(0))
}

/// The value without its sign.
fn absolute(value: BigRational) -> BigRational {
    if value < zero() { -value } else { value }
}

/// The largest power of ten that is computed. `1e999999999` is never a meaningful answer, and its digits
/// would use up all memory.
const LARGEST: u32 = 4000;

/// The number that the whole text consists of; `None` if anything else stands beside it.
pub(super) fn whole(text: &str) -> Option<Number> {
    let text = plain(text.trim());
    let text = text.trim().trim_matches('$').trim_end_matches('.').trim();
    match tokens(text).as_slice() {
        [NumberToken { start: 0, end, number: Some(number) }] if *end == text.len() => {
            Some(number.clone())
        }
        _ => None,
    }
}

/// The number that an answer gives: boxed, announced, or the last one in the text.
pub(super) fn of_answer(text: &str) -> FoundValue<Number> {
    let text = &plain(text);
    if let Some(inner) = boxed(text) {
        let found = only(&tokens(inner));
        if !matches!(found, FoundValue::Nothing) {
            return found;
        }
    }
    let segments: Vec<&str> = announced(text).collect();
    for segment in segments.into_iter().rev().flat_map(|all| [before_aside(all), all]) {
        let found = only(&tokens(result(segment)));
        if !matches!(found, FoundValue::Nothing) {
            return found;
        }
    }
    last(text)
}

/// The number of a passage whose numbers are all equal, or of the result of its calculation.
pub(super) fn of_passage(text: &str) -> FoundValue<Number> {
    let text = plain(text);
    only(&tokens(result(&text)))
}

/// The announced text without reasons and without a remark in parentheses.
fn before_aside(segment: &str) -> &str {
    let head = before_reasons(segment);
    head.split_once(" (").map_or(head, |(head, _)| head)
}

/// The result of a calculation: for `2 + 2 = 4` the text after the last `=`.
///
/// A text with `or` or `and` is left whole, since it may give several results.
fn result(segment: &str) -> &str {
    if AND.is_match(segment) {
        return segment;
    }
    segment.rsplit('=').next().filter(|result| !result.trim().is_empty()).unwrap_or(segment)
}

/// The number of a text whose numbers are all equal.
fn only(tokens: &[NumberToken]) -> FoundValue<Number> {
    let Some((first, others)) = tokens.split_first() else { return FoundValue::Nothing };
    match &first.number {
        Some(number) if others.iter().all(|token| token.is(number)) => {
            FoundValue::One(number.clone())
        }
        _ => FoundValue::Unclear,
    }
}

/// The last number of a text. It is unclear if the text offers another number beside it, as in `12 or 13`.
fn last(text: &str) -> FoundValue<Number> {
    let tokens = tokens(text);
    let Some(last) = tokens.last() else { return FoundValue::Nothing };
    let Some(number) = &last.number else { return FoundValue::Unclear };
    let before = tokens.len().checked_sub(2).and_then(|at| tokens.get(at));
    let offered = before.is_some_and(|before| {
        let between = text.get(before.end..last.start).unwrap_or_default();
        !before.is(number) && OR.is_match(between)
    });
    if offered { FoundValue::Unclear } else { FoundValue::One(number.clone()) }
}
/// Matches a word that joins two results.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static AND: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)\b(?:or|and)\b").unwrap());
/// Matches the text between two numbers that are offered as alternatives or as a range.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static OR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W{0,3}(?:(?:or|to)\W{0,3}(?:maybe\W{0,3}|perhaps\W{0,3})?|[-–])$").unwrap()
});

/// A number in a text, or something that looks like a number but cannot be read.
#[derive(Debug)]
struct NumberToken {
    /// The byte offset at which it begins.
    start: usize,
    /// The byte offset after its end.
    end: usize,
    /// Its value; `None` if it cannot be read.
    number: Option<Number>,
}

impl NumberToken {
    /// Whether it can be read and equals this number.
    fn is(&self, other: &Number) -> bool {
        self.number.as_ref().is_some_and(|number| number.is(other))
    }
}

/// The text without layout commands of LaTeX, and with ASCII digits and signs in place of full-width and
/// typographic ones.
fn plain(text: &str) -> String {
    let text = text.replace("{,}", ",").replace("\\,", "\u{2009}").replace("\\!", "");
    let text = text.replace("\\$", "$").replace("\\%", "%");
    let mut read = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '０'..='９' | '．' | '，' | '％' | '－' | '＋' | '／' => {
                read.extend(char::from_u32(u32::from(c) - 0xFEE0));
            }
            '−' | '﹣' => read.push('-'),
            '½' => read.push_str(" 1/2"),
            '¼' => read.push_str(" 1/4"),
            '¾' => read.push_str(" 3/4"),
            '⅓' => read.push_str(" 1/3"),
            '⅔' => read.push_str(" 2/3"),
            '⁄' => read.push('/'),
            '’' => read.push('\''),
            '\u{a0}' | '\u{202f}' => read.push('\u{2009}'),
            c => read.push(c),
        }
    }
    read
}

/// A regular expression for digits with separators between them; after a plain space only groups of three.
const RUN: &str = r"(?:\d+(?:[.,'_\u{2009}]\d+)*(?:\x20\d{3}\b)*(?:[.,]\d+)*|\.\d+)";
/// Matches one number with its sign, exponent, percent sign or scale word. [`read()`] interprets the groups.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?x)
        (?P<sign>[-+–]?)[$€£]?(?P<late>-?)
        (?:
          \\[dt]?frac\s*(?:\{{\s*(?P<a>-?\d+)\s*\}}\s*\{{\s*(?P<b>\d+)\s*\}}|(?P<c>\d)\s*(?P<d>\d))
        | (?P<mixed>\d+)\ (?P<above>\d+)/(?P<below>\d+)
        | (?P<run>{RUN})(?P<exponent>[eE][-+]?\d+)?
          (?:\s*(?:×|x|\*|·|\\times|\\cdot)\s*10\s*(?:\^|\*\*)\s*\{{?(?P<ten>-?\d+)\}}?)?
          (?:\s?/\s?(?P<under>{RUN}))?
        )
        (?P<percent>\s?%)?(?P<scale>\s(?:thousand|million|billion|trillion)\b)?"
    ))
    .unwrap()
});

/// Every number of a text, and everything that looks like one, in order.
///
/// Digits that belong to a word (`H2O`, `x2`) are skipped. Characters that touch a number may change its
/// meaning (`2^5`, `12:30`, `5k`); such a token has no value.
fn tokens(text: &str) -> Vec<NumberToken> {
    let mut tokens = Vec::new();
    let mut from = 0;
    while let Some(found) = NUMBER.captures_at(text, from) {
        let Some(all) = found.get(0) else { break };
        let before = text.get(..all.start()).unwrap_or_default();
        let after = text.get(all.end()..).unwrap_or_default();
        let sign = found.name("sign").map_or("", |sign| sign.as_str());
        let late = found.name("late").map_or("", |sign| sign.as_str());
        from = all.end().max(from + 1);
        let operand = before.chars().next_back().filter(|c| ends_operand(*c));
        // `3-5` is a range, `x-5` a difference, and `H2O` contains no number.
        let is_joined = !sign.is_empty() && operand.is_some();
        if sign.is_empty() && is_part_of_word(before, all.as_str()) {
            continue;
        }
        let readable = glues_nothing(before, after)
            && (!is_joined || operand.is_some_and(|c| c.is_ascii_digit()));
        let is_negative =
            !is_joined && (matches!(sign, "-" | "–") || late == "-" || NEGATIVE.is_match(before));
        let number = if readable { read(&found) } else { None };
        let number = number.map(|number| if is_negative { negated(number) } else { number });
        let start = all.start() + if is_joined { sign.len() } else { 0 };
        tokens.push(NumberToken { start, end: all.end(), number });
    }
    tokens
}

/// Matches a minus sign that is separated from its number by a space, or is written as a word.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static NEGATIVE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:(?:^|[(:=]|\bis|\bequals)\s*(?:minus|-)|\bnegative) $").unwrap()
});

/// Whether a sign after this character joins two numbers, as in `3-5`.
fn ends_operand(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, ')' | '}' | '%')
}

/// Whether these digits belong to a word, such as `x2`. A currency code before them is not part of a word.
fn is_part_of_word(before: &str, digits: &str) -> bool {
    const CURRENCIES: [&str; 9] = ["USD", "EUR", "GBP", "CHF", "JPY", "INR", "CNY", "CAD", "AUD"];
    before.ends_with(|c: char| c.is_alphabetic() || c == '_')
        && !digits.starts_with(['$', '€', '£', '\\', ' '])
        && !CURRENCIES.iter().any(|currency| before.ends_with(currency))
}

/// Whether the neighbouring characters leave the number unchanged: they make it neither a power, a time, a
/// date nor a multiple of a thousand.
fn glues_nothing(before: &str, after: &str) -> bool {
    let mut next = after.chars();
    let (first, second) = (next.next(), next.next());
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let follows = match first {
        Some('^' | '!' | '²' | '³' | '⁴' | '⁵' | '⁶' | '⁷' | '⁸' | '⁹' | '⁰' | '¹') => {
            true
        }
        Some(':' | '/' | '.' | ',' | '_' | '\'') => digit(second),
        Some('k' | 'K') => !second.is_some_and(char::is_alphanumeric),
        Some('b' | 'm') => second == Some('n'),
        _ => false,
    };
    let mut last = before.chars().rev();
    let (last, one_before) = (last.next(), last.next());
    let leads = match last {
        Some('^' | '√') => true,
        Some(':' | '/' | '.') => digit(one_before),
        Some('{') => one_before == Some('^'),
        _ => false,
    };
    !follows && !leads
}

/// The number with the opposite sign.
fn negated(number: Number) -> Number {
    Number { value: -number.value, ..number }
}

/// The value of a match of [`NUMBER`]; `None` if it is not one clear number, such as `1/0` or `1,5`.
fn read(found: &regex::Captures<'_>) -> Option<Number> {
    let text = |name: &str| found.name(name).map(|part| part.as_str());
    let whole = |name: &str| text(name)?.parse::<BigInt>().ok();
    let over = |above: &str, below: &str| ratio(whole(above)?.into(), whole(below)?.into());
    let mut number = if text("a").is_some() {
        over("a", "b")?
    } else if text("c").is_some() {
        over("c", "d")?
    } else if text("mixed").is_some() {
        let part = over("above", "below")?;
        Number { value: part.value + BigRational::from_integer(whole("mixed")?), ..part }
    } else {
        let above = decimal(text("run")?)?;
        match text("under") {
            Some(below) => ratio(above.value, decimal(below)?.value)?,
            None => above,
        }
    };
    let exponents =
        ["exponent", "ten"].map(|name| text(name).map(|t| t.trim_start_matches(['e', 'E'])));
    for exponent in exponents.into_iter().flatten() {
        number = shifted(number, exponent.trim_start_matches('+').parse().ok()?)?;
    }
    if text("percent").is_some() {
        number = shifted(number, -2)?;
    }
    match text("scale").map(str::trim) {
        Some("thousand") => shifted(number, 3),
        Some("million") => shifted(number, 6),
        Some("billion") => shifted(number, 9),
        Some("trillion") => shifted(number, 12),
        _ => Some(number),
    }
}

/// A fraction of two values; `None` if it divides by zero.
fn ratio(above: BigRational, below: BigRational) -> Option<Number> {
    (below != zero()).then(|| Number {
        value: above / below,
        decimals: 0,
        digits: 0,
        is_fraction: true,
    })
}

/// The number times ten to the power `by`; `None` if the exponent exceeds [`LARGEST`].
fn shifted(number: Number, by: i32) -> Option<Number> {
    let places = by.unsigned_abs();
    if places > LARGEST {
        return None;
    }
    let power = power(places as usize);
    let value = if by < 0 { number.value / power } else { number.value * power };
    let decimals = i64::try_from(number.decimals).ok()? - i64::from(by);
    Some(Number { value, decimals: usize::try_from(decimals.max(0)).ok()?, ..number })
}

/// The value of digits with thousands separators, if their meaning is beyond doubt.
///
/// `1,234.5`, `1.234,5`, `1 234,5` and `1'234.5` are one number each. `1.234` has a decimal point, and
/// `1,234` a thousands separator. `1,5` may be one number or two, so it has no value.
fn decimal(run: &str) -> Option<Number> {
    /// The most characters that are read.
    const MOST: usize = 2000;
    if run.len() > MOST {
        return None;
    }
    let marks: Vec<char> = run.chars().filter(|c| !c.is_ascii_digit()).collect();
    let point = match marks.as_slice() {
        ['.'] => Some('.'),
        [first, .., last] if first != last && matches!(last, '.' | ',') => Some(*last),
        _ => None,
    };
    let (whole, decimals) = match point {
        Some(point) => run.rsplit_once(point)?,
        None => (run, ""),
    };
    let groups: Vec<&str> = whole.split(|c: char| !c.is_ascii_digit()).collect();
    let mut between = whole.chars().filter(|c| !c.is_ascii_digit());
    let mark = between.next();
    let grouped = match groups.as_slice() {
        [_] => true,
        [first, others @ ..] => {
            (1..=3).contains(&first.len())
                && !first.starts_with('0')
                && others.iter().all(|group| group.len() == 3)
        }
        [] => false,
    };
    if !grouped || !between.all(|other| Some(other) == mark) {
        return None;
    }
    let digits = groups.concat() + decimals;
    let value = BigRational::new(digits.parse().ok()?, power(decimals.len()).to_integer());
    let significant = digits.trim_start_matches('0').len();
    let decimals = decimals.len();
    Some(Number { value, decimals, digits: significant, is_fraction: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match of_answer(text) {
            FoundValue::One(number) => number.to_string(),
            FoundValue::Unclear => "unclear".into(),
            FoundValue::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn a_number_is_read_as_it_is_written_or_not_at_all() {
        for (text, number) in [
            ("1,234", "1234"),
            ("1 000 000", "1000000"),
            ("1\u{202f}000\u{a0}000", "1000000"),
            ("1'000'000.5", "1000000.5"),
            ("1.234,50", "1234.50"),
            ("1.234.567", "1234567"),
            ("1,234,567.8", "1234567.8"),
            ("1_000", "1000"),
            ("1{,}000", "1000"),
            ("−5", "-5"),
            ("–5", "-5"),
            ("- 5", "-5"),
            ("negative 5", "-5"),
            ("-$5.25", "-5.25"),
            ("１２", "12"),
            ("1 1/2", "3/2"),
            ("1½", "3/2"),
            ("\\dfrac{3}{4}", "3/4"),
            ("\\frac12", "1/2"),
            ("2.5 × 10^3", "2500"),
            ("3 million", "3000000"),
            ("12.5%", "0.125"),
            ("9007199254740993", "9007199254740993"),
            ("0.10", "0.10"),
            ("-0.5", "-0.5"),
            ("EUR100", "100"),
            // Texts that may hold two numbers, or a different one.
            ("1,5", "unclear"),
            ("1,23,456", "unclear"),
            ("1.2.3", "unclear"),
            ("12/05/2024", "unclear"),
            ("3:30", "unclear"),
            ("10^5", "unclear"),
            ("10²", "unclear"),
            ("5k", "unclear"),
            ("3-5", "unclear"),
            ("1/0", "unclear"),
            ("1e99999", "unclear"),
            ("12 or 13", "unclear"),
            ("H2O", "nothing"),
            ("none", "nothing"),
            ("", "nothing"),
        ] {
            assert_eq!(read(text), number, "{text}");
        }
    }

    #[test]
    fn an_announced_number_is_one_number() {
        for (text, number) in [
            ("It is 12 and not 13.\nAnswer: 12 apples", "12"),
            ("The answer is 42 since 40 + 2 is that.", "42"),
            ("**Answer:** 2 + 2 = 4", "4"),
            ("Answer:\n\n42\n\nNote that 7 is prime", "42"),
            ("Answer: it is (5)", "5"),
            ("#### 7", "7"),
            ("10 - 5 = 5", "5"),
            ("12 or 13, so \\boxed{13}.", "13"),
            ("I will answer 3 questions. In all: 7", "7"),
            ("Answer: 12 or 13", "unclear"),
            ("Answer: x = 3 or x = 4", "unclear"),
            ("\\boxed{3, 4}", "unclear"),
            ("First 4, then 5.", "5"),
        ] {
            assert_eq!(read(text), number, "{text}");
        }
    }

    #[test]
    fn numbers_are_the_same_to_the_last_digit() {
        let one = |text: &str| match of_answer(text) {
            FoundValue::One(number) => number,
            _ => panic!("{text}"),
        };
        for (a, b) in [
            ("5.0", "5"),
            ("0.30000000000000004", "0.3"),
            ("1/3", "0.333333333"),
            ("50%", "1/2"),
            ("1e3", "1000"),
        ] {
            assert!(one(a).is(&one(b)) && one(b).is(&one(a)), "{a} {b}");
        }
        for (a, b) in [
            ("9007199254740993", "9007199254740992"),
            ("12345678901234.1", "12345678901234.2"),
            ("1/3", "0.33"),
            ("50", "50%"),
        ] {
            assert!(!one(a).is(&one(b)), "{a} {b}");
        }
    }
}
