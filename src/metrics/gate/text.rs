//! Rules as people write them, and what they probably meant where a rule cannot be read.

use std::str::FromStr;

use super::{Comparison, Gate, Side};
use crate::error::{Error, ErrorKind, Result};

impl FromStr for Gate {
    type Err = Error;

    /// # Errors
    /// The text is neither a share nor a rule; a hint says what was probably meant.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim().replace('≥', ">=").replace('≤', "<=");
        let Some((left, comparison, right)) = Comparison::split(&text) else {
            return share_alone(&text);
        };
        let (name, inner) = ended(left);
        let (bound, end) = ended(right);
        if let Some(hint) = misspelt(left, comparison, right) {
            return Err(wrong("the rule cannot be read").hint(hint));
        }
        if name.is_empty() {
            return Err(wrong("the rule names no figure"));
        }
        let side = match (inner, end.map(str::to_lowercase).as_deref()) {
            (None, None) => Side::Value,
            (None, Some("lower")) => Side::Lower,
            (None, Some("upper")) => Side::Upper,
            _ => return Err(wrong("the ends of an interval are @lower and @upper")),
        };
        let percent = bound.strip_suffix('%').and_then(number);
        let bound = number(bound).ok_or_else(|| wrong("the rule compares with no number"))?;
        Ok(Self { name: Some(name.to_owned()), comparison, bound, percent, side })
    }
}

impl Comparison {
    /// What stands before the first sign, the sign, and what stands after it.
    fn split(text: &str) -> Option<(&str, Self, &str)> {
        let found = Self::ALL
            .into_iter()
            .filter_map(|(sign, comparison)| Some((text.find(sign)?, sign, comparison)))
            .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())))?;
        let (at, sign, comparison) = found;
        Some((text[..at].trim(), comparison, text[at + sign.len()..].trim()))
    }
}

/// A text before its `@`, and what stands after it.
fn ended(text: &str) -> (&str, Option<&str>) {
    text.split_once('@').map_or((text, None), |(text, end)| (text.trim(), Some(end.trim())))
}

/// The error of a rule.
fn wrong(why: &str) -> Error {
    let message = format!("{why}: write 0.9 or 90%, or a rule such as 'agreement>=0.85@lower'");
    Error::new(ErrorKind::Config, message)
}

/// The rule of a text without a sign: a share of records.
///
/// # Errors
/// It is not a share.
fn share_alone(text: &str) -> Result<Gate> {
    let Some(share) = number(text) else {
        let error = wrong("neither a share nor a rule");
        return Err(if text.contains('@') {
            error.hint(format!("name the figure: 'pass_rate>={text}'"))
        } else if text.contains('=') || text.contains(':') {
            error.hint("a rule compares by >=, <=, > or <")
        } else if text.starts_with(char::is_alphabetic) {
            error.hint("a shell takes > as a redirection: put the rule in quotes")
        } else {
            decimal(text).map_or(error.clone(), |number| error.hint(format!("write {number}")))
        });
    };
    match share {
        0.0..=1.0 => Ok(Gate::least(share)),
        1.0..=100.0 if !text.ends_with('%') => {
            let error = wrong("a share lies between 0 and 1");
            Err(error
                .hint(format!("if {share} percent is meant, write {} or {share}%", share / 100.0)))
        }
        _ => Err(wrong("a share lies between 0 and 1")),
    }
}

/// What to write in place of a rule that people misspell in a known way; `None` if it is none of these.
fn misspelt(left: &str, comparison: Comparison, right: &str) -> Option<String> {
    let has_sign = |text: &str| text.contains(['<', '>']);
    if has_sign(right) || [",", "&&", " and "].iter().any(|word| joins(right, word)) {
        return Some("write one comparison in each rule, and give several rules".to_owned());
    }
    let sign = comparison.sign();
    let bare = |text: &str| text.trim_matches(['=', ' ']).to_owned();
    // `=>` and `>==` and the like.
    if left.ends_with('=') || right.starts_with('=') {
        let sign = if sign.ends_with('=') { sign.to_owned() } else { format!("{sign}=") };
        return Some(format!("write '{}{sign}{}'", bare(left), bare(right)));
    }
    if number(left).is_some() && number(right).is_none() {
        let turned = match comparison {
            Comparison::AtLeast => "<=",
            Comparison::AtMost => ">=",
            Comparison::Above => "<",
            Comparison::Below => ">",
        };
        return Some(format!("the name comes first: '{right}{turned}{left}'"));
    }
    if let ((name, Some(end)), (bound, None)) = (ended(left), ended(right)) {
        return Some(format!("the end of the interval comes last: '{name}{sign}{bound}@{end}'"));
    }
    let (bound, end) = ended(right);
    let end = end.map_or_else(String::new, |end| format!("@{end}"));
    decimal(bound).map(|number| format!("write '{left}{sign}{number}{end}'"))
}

/// Whether a word joins this text with another rule.
fn joins(text: &str, word: &str) -> bool {
    text.split_once(word).is_some_and(|(_, rest)| rest.trim().starts_with(char::is_alphabetic))
}

/// A number whose decimals follow a comma, with a point.
fn decimal(text: &str) -> Option<String> {
    let pointed = text.replacen(',', ".", 1);
    (pointed != text && number(&pointed).is_some()).then_some(pointed)
}

/// A finite number, or a percentage.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    number.is_finite().then_some(number)
}
