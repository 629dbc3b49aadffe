//! Times and sizes in flags: a number with a unit, in one grammar for all of them.

use std::{str::FromStr, time::Duration};

use bytesize::ByteSize;

/// A time such as `90s`, `5m`, `2h30m` or `30d`; a number alone is refused, for nobody agrees on its unit.
///
/// # Errors
/// It is not a time, or zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text.trim()).ok().filter(|time| !time.is_zero());
    let expected = || {
        format!(
            "expected a time with its unit, such as {}",
            with_unit(text, "s", "90s, 5m, 2h or 30d")
        )
    };
    time.ok_or_else(expected)
}

/// A size such as `500MB`, `4GB` or `1GiB`, in bytes; a number alone is refused.
///
/// # Errors
/// It is not a size.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let is_bare = text.ends_with(|c: char| c.is_ascii_digit());
    let size = ByteSize::from_str(text).ok().filter(|_| !is_bare);
    let expected = || {
        format!(
            "expected a size with its unit, such as {}",
            with_unit(text, "MB", "500MB, 4GB or 1GiB")
        )
    };
    size.map(|size| size.as_u64()).ok_or_else(expected)
}

/// The example for a number without a unit is that number with one.
fn with_unit(text: &str, unit: &str, examples: &str) -> String {
    let is_number =
        text.trim().parse::<f64>().is_ok_and(|number| number > 0.0 && number.is_finite());
    if is_number { format!("{}{unit}", text.trim()) } else { examples.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration(" 1h 30m"), Ok(Duration::from_secs(5_400)));
        assert_eq!(duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(
            (size("4GB"), size("1 GiB"), size("10kB")),
            (Ok(4_000_000_000), Ok(1 << 30), Ok(10_000))
        );
        for text in ["", "0s", "soon", "-1s", "1e400s", "9999999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(duration("90").unwrap_err(), "expected a time with its unit, such as 90s");
        assert_eq!(size("500").unwrap_err(), "expected a size with its unit, such as 500MB");
        assert!(size("large").unwrap_err().ends_with("500MB, 4GB or 1GiB"));
    }
}
