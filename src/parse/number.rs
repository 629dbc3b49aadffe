//! Numbers as judges write them, read strictly: nothing is rounded or guessed.

use super::words::is_comment;
use crate::scale::nearly_equal;

/// The number that a whole text is; `None` if anything else stands in it.
pub(super) fn plain_number(text: &str) -> Option<f64> {
    leading_number(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// The number that a text begins with, and what follows it.
///
/// ```text
/// number = [ "+" | "-" | "−" ] digit+ [ "." digit+ ]
/// ```
///
/// ASCII digits only, without exponents and separators of thousands: a judge that writes `1e3` or `1,000` was
/// not asked for it.
pub(super) fn leading_number(text: &str) -> Option<(f64, &str)> {
    let unsigned = text.strip_prefix(['+', '-', '−']).unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let fraction = unsigned[digits..]
        .strip_prefix('.')
        .map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let length = if fraction > 0 { digits + 1 + fraction } else { digits };
    let number: f64 = unsigned.get(..length).filter(|_| digits > 0)?.parse().ok()?;
    let negative = text.starts_with(['-', '−']);
    Some((if negative { -number } else { number }, &unsigned[length..]))
}

/// Words after a score that change nothing.
pub(super) const UNITS: [&str; 7] = ["stars", "star", "points", "point", "pts", "★", "⭐"];

/// Words after a score that change nothing on a scale up to 100.
pub(super) const PERCENT: [&str; 3] = ["%", "percent", "per cent"];

/// Whether what follows a number leaves its meaning alone.
///
/// ```text
/// rest = [ closing marks ] [ ("/" | "out of" | "of") highest ] [ unit ] [ comment without digits ]
/// ```
///
/// `7/10`, `7 out of 10`, `7 stars` and `7 (good)` are 7 on a scale up to 10; `7/5`, `7 or 8` and `7%` are
/// not. `highest` is the highest value of the scale; NaN allows no denominator.
pub(super) fn ends_a_number(rest: &str, highest: Option<f64>, units: &[&str]) -> bool {
    let rest = rest.trim_start_matches(['*', '_', '`', '$', '}', ']', ')']);
    let of = ["/", "out of", "of"].iter().find_map(|word| rest.trim_start().strip_prefix(word));
    let rest = match of {
        Some(denominator) => match leading_number(denominator.trim_start()) {
            Some((number, rest))
                if highest.is_some_and(|highest| nearly_equal(highest, number)) =>
            {
                rest
            }
            _ => return false,
        },
        None => rest,
    };
    let low = rest.trim_start().to_lowercase();
    let after = |unit: &&str| {
        let rest = low.strip_prefix(unit)?;
        (!rest.starts_with(char::is_alphanumeric)).then(|| rest.trim_start_matches('\u{fe0f}'))
    };
    let rest = units.iter().find_map(after).unwrap_or(rest);
    is_comment(rest, true)
        && !rest.chars().any(char::is_numeric)
        && !rest.trim_start().starts_with('%')
}
