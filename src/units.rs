//! Durations, sizes and counts as people write them, in one grammar for files and flags.

use std::{fmt, str::FromStr, time::Duration};

use bytesize::ByteSize;

use crate::error::{Error, ErrorKind, Result};

/// A number with a noun: `1 record`, `2 records`.
///
/// ```
/// use tribunal::units::counted;
///
/// assert_eq!([0, 1, 2].map(|count| counted(count, "record")), ["0 records", "1 record", "2 records"]);
/// ```
pub fn counted<N: Copy + fmt::Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    format!("{count} {noun}{}", if count == N::from(1) { "" } else { "s" })
}

/// Reads a duration: numbers with units, such as `90s`, `5m`, `1h 30m`, `250ms` or `30d`.
///
/// A number without a unit is refused, because `90` could mean seconds or days.
///
/// ```
/// use std::time::Duration;
/// use tribunal::units::duration;
///
/// assert_eq!(duration("90s")?, Duration::from_secs(90));
/// assert_eq!(duration("1h 30m")?, Duration::from_secs(5_400));
/// assert!(duration("90").is_err() && duration("soon").is_err());
/// # Ok::<(), tribunal::Error>(())
/// ```
///
/// # Errors
/// The text is not a duration, or has no unit.
pub fn duration(text: &str) -> Result<Duration> {
    humantime::parse_duration(text.trim()).map_err(|_| {
        let message =
            format!("`{text}` is not a duration: write a time such as 90s, 5m, 12h or 30d");
        Error::new(ErrorKind::Config, message)
    })
}

/// Formats a duration so that [`duration`] can read it again.
///
/// ```
/// use tribunal::units::{duration, write_duration};
///
/// assert_eq!(write_duration(duration("90s")?), "1m 30s");
/// # Ok::<(), tribunal::Error>(())
/// ```
pub fn write_duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// Reads a size in bytes: `500MB`, `4 GB`, `1GiB`, or a bare number of bytes.
///
/// `kB`, `MB`, `GB` and `TB` count in thousands; `KiB`, `MiB`, `GiB` and `TiB` in 1,024.
///
/// ```
/// use tribunal::units::size;
///
/// assert_eq!(size("500MB")?, 500_000_000);
/// assert_eq!(size("1 GiB")?, 1 << 30);
/// assert!(size("large").is_err() && size("-1 MB").is_err());
/// # Ok::<(), tribunal::Error>(())
/// ```
///
/// # Errors
/// The text is not a size.
pub fn size(text: &str) -> Result<u64> {
    ByteSize::from_str(text.trim()).map(|size| size.as_u64()).map_err(|_| {
        let message = format!("`{text}` is not a size: write one such as 500MB, 4GB or 1GiB");
        Error::new(ErrorKind::Config, message)
    })
}

/// Durations in a configuration file are texts such as `"90s"`: for `#[serde(with = …)]` on an
/// `Option<Duration>`.
pub(crate) mod optional_duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "the signature is given by serde")]
    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(super::write_duration).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| super::duration(&text)).transpose().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["250ms", "1s", "90s", "5m", "12h", "30d", "1h 30m"] {
            let read = duration(text).unwrap();
            assert_eq!(duration(&write_duration(read)).unwrap(), read, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_duration_or_a_size_is_refused_with_an_example() {
        for text in ["", "soon", "90", "-5s", "5 parsecs"] {
            let error = duration(text).unwrap_err();
            assert!(error.to_string().contains("90s"), "{text}");
        }
        for text in ["", "large", "-1MB", "5 parsecs"] {
            let error = size(text).unwrap_err();
            assert!(error.to_string().contains("500MB"), "{text}");
        }
    }

    #[test]
    fn sizes_count_in_thousands_or_in_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("0MB", 0),
            ("10kB", 10_000),
            ("500mb", 500_000_000),
            ("4 GB", 4_000_000_000),
            ("1KiB", 1_024),
            ("1.5 GiB", 1_610_612_736),
        ] {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
    }
}
