//! How long a server asks to wait: in headers, in fields of an error, and in its message.
//!
//! Servers write a time in many formats: seconds (`3`, `0.5`), milliseconds, `1m30s`, `{"seconds": 3}`, an
//! HTTP date, an RFC 3339 date, and seconds or milliseconds since 1970. Dates are compared with the server's
//! own `Date` header, because its clock may differ from the local one.
//!
//! | where | such as | servers |
//! |---|---|---|
//! | header | `Retry-After: 20`, or a date | most |
//! | header | `retry-after-ms: 250` | OpenAI, Azure |
//! | header | `x-ratelimit-reset-requests: 1m30s` beside `x-ratelimit-remaining-requests: 0` | OpenAI, Groq |
//! | header | `anthropic-ratelimit-tokens-reset: 2025-11-26T03:00:00Z` | Anthropic |
//! | field | `retryDelay: "22s"` | Google |
//! | field | `X-RateLimit-Reset` in milliseconds since 1970 | OpenRouter |
//! | words | `Please try again in 1m2.5s`, `Please retry after 26 seconds` | OpenAI, Groq, Azure |

use std::{
    sync::LazyLock,
    time::{Duration, SystemTime},
};

use http::HeaderMap;
use regex::Regex;
use serde_json::{Map, Value};

/// The time of the server that sent these headers; the local time without such a header. If one of the clocks
/// is wrong, a date would otherwise mean a wait of hours, or none at all.
pub(super) fn server_time(headers: &HeaderMap) -> SystemTime {
    let date = text(headers, "date").and_then(|date| httpdate::parse_http_date(date).ok());
    date.unwrap_or_else(clock)
}

/// The time of this machine.
#[expect(clippy::disallowed_methods, reason = "a server that names a date may not name its own")]
pub(super) fn clock() -> SystemTime {
    SystemTime::now()
}

/// The wait in `Retry-After` or `retry-after-ms`; the more precise one if both are present.
pub(super) fn in_headers(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let milliseconds = text(headers, "retry-after-ms").and_then(|text| seconds(text, 1000.0));
    milliseconds.or_else(|| span_or_moment(text(headers, "retry-after")?, now))
}

/// When the last of the exhausted limits is reset, by headers such as `x-ratelimit-reset-requests`,
/// `anthropic-ratelimit-tokens-reset` or `ratelimit`.
///
/// The time is later than necessary, because a limit that refills gradually is reset only when it is full.
/// Any other time that a server names is preferred.
pub(super) fn until_reset(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let of_pair = |name: &str| {
        let reset = span_or_moment(text(headers, name)?, now)?;
        let left = text(headers, &name.replacen("reset", "remaining", 1));
        let is_used_up = left.is_none_or(|left| left.parse().is_ok_and(|left: f64| left <= 0.0));
        is_used_up.then_some(reset)
    };
    let names = headers.keys().map(http::HeaderName::as_str);
    let pairs = names.filter(|name| name.contains("ratelimit") && name.contains("reset"));
    pairs.filter_map(of_pair).chain(until_combined_reset(headers)).max()
}

/// The same for a header with several values: `limit=9, remaining=0, reset=30`, or `"all";r=0;t=30`.
fn until_combined_reset(headers: &HeaderMap) -> Option<Duration> {
    let header = text(headers, "ratelimit")?;
    let fields = header.split([',', ';']).filter_map(|field| field.trim().split_once('='));
    let field = |names: [&str; 2]| {
        let found = fields.clone().find(|(name, _)| names.contains(name));
        found.map(|(_, value)| value)
    };
    (field(["remaining", "r"])? == "0").then(|| seconds(field(["reset", "t"])?, 1.0))?
}

/// The wait in a field of an error; `name` is in lower case, with underscores.
pub(super) fn in_field(name: &str, value: &Value, now: SystemTime) -> Option<Duration> {
    match name {
        "retrydelay"
        | "retry_delay"
        | "retry_after"
        | "retryafter"
        | "retry_after_seconds"
        | "retry_after_secs"
        | "x_ratelimit_reset"
        | "ratelimit_reset"
        | "reset_at"
        | "resets_at" => value_of(value, 1.0, now),
        "retry_after_ms" | "retryafterms" => value_of(value, 1000.0, now),
        _ => None,
    }
}

/// The wait in a message: `Please try again in 1m3.5s`, `Limit resets at 2025-11-26 03:00:00 UTC`.
pub(super) fn in_words(message: &str, now: SystemTime) -> Option<Duration> {
    let of_group = |pattern: &Regex| {
        let found = pattern.captures(message)?.get(1)?;
        Some(found.as_str().to_owned())
    };
    let moment = of_group(&MOMENT).and_then(|text| until_date(&text, now));
    moment.or_else(|| span_in(&of_group(&WAIT)?))
}

/// A header as text, without surrounding whitespace.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// A number of units, of which a second has `per_second`; a negative number is zero.
fn seconds(text: &str, per_second: f64) -> Option<Duration> {
    let number: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(number.max(0.0) / per_second).ok()
}

/// A wait in a field: a number, a text, or an object with seconds and nanoseconds. `per_second` is the unit
/// of numbers: 1 for seconds, 1000 for milliseconds.
fn value_of(value: &Value, per_second: f64, now: SystemTime) -> Option<Duration> {
    match value {
        Value::Number(number) if per_second > 1.0 => seconds(&number.to_string(), per_second),
        Value::Number(number) => span_or_moment(&number.to_string(), now),
        Value::String(text) if per_second > 1.0 => {
            seconds(text, per_second).or_else(|| span_in(text))
        }
        Value::String(text) => span_or_moment(text, now),
        Value::Object(fields) => protobuf(fields),
        _ => None,
    }
}

/// A duration as Google's libraries write it: seconds and nanoseconds.
fn protobuf(fields: &Map<String, Value>) -> Option<Duration> {
    let number = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_f64(),
        None => None,
    };
    let seconds: f64 = number("seconds")? + number("nanos").unwrap_or_default() / 1e9;
    Duration::try_from_secs_f64(seconds.max(0.0)).ok()
}

/// A time in any format; zero if it is past, `None` if the text is not a time.
///
/// Numbers are seconds, or a moment since 1970 if they are too large for a wait.
fn span_or_moment(text: &str, now: SystemTime) -> Option<Duration> {
    const SECONDS_SINCE_1970: f64 = 1e9;
    const MILLISECONDS_SINCE_1970: f64 = 1e12;
    let until = |since_1970: Option<Duration>| {
        let moment = SystemTime::UNIX_EPOCH.checked_add(since_1970?)?;
        Some(moment.duration_since(now).unwrap_or_default())
    };
    match text.trim().parse::<f64>() {
        Ok(number) if number >= MILLISECONDS_SINCE_1970 => until(seconds(text, 1000.0)),
        Ok(number) if number >= SECONDS_SINCE_1970 => until(seconds(text, 1.0)),
        Ok(_) => seconds(text, 1.0),
        Err(_) => until_date(text, now).or_else(|| span_in(text)),
    }
}

/// The time until a date in the format of HTTP or RFC 3339; zero if it is past.
fn until_date(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let rfc_3339 = text.strip_suffix("UTC").unwrap_or(text).trim_end();
    let date = httpdate::parse_http_date(text).ok();
    let date = date.or_else(|| humantime::parse_rfc3339_weak(rfc_3339).ok())?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Longer names come first, because the first alternative that matches is used.
const UNITS: &str = "milliseconds?|msecs?|ms|minutes?|mins?|m|hours?|hrs?|h|seconds?|secs?|s|days?";

/// Matches one number and its unit.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static SPAN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!(r"(?i)(\d+(?:\.\d+)?)\s*({UNITS})")).unwrap());

/// Matches a word about waiting, followed closely by a duration.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static WAIT: LazyLock<Regex> = LazyLock::new(|| {
    let span = format!(r"\d+(?:\.\d+)?\s*(?:{UNITS})(?:\s+and)?\s*");
    let words = "try again|trying again|retry|retrying|wait|waiting|resets?|available";
    Regex::new(&format!(r"(?i)\b(?:{words})\b[^\d.\n]{{0,40}}((?:{span})+)\b")).unwrap()
});

/// Matches a word about waiting, followed closely by a date.
#[expect(clippy::unwrap_used, reason = "the patterns are constants")]
static MOMENT: LazyLock<Regex> = LazyLock::new(|| {
    let date = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?";
    Regex::new(&format!(r"(?i)\b(?:resets?|available|again|retry)\b[^\d\n]{{0,20}}({date})"))
        .unwrap()
});

/// The sum of days, hours, minutes, seconds and milliseconds.
fn span_in(text: &str) -> Option<Duration> {
    let mut seconds = None;
    for found in SPAN.captures_iter(text) {
        let number: f64 = found.get(1)?.as_str().parse().ok()?;
        let unit = found.get(2)?.as_str().to_lowercase();
        let unit = match unit.as_bytes() {
            [b'm', b's', ..] | [b'm', b'i', b'l', ..] => 0.001,
            [b'm', ..] => 60.0,
            [b'h', ..] => 3600.0,
            [b'd', ..] => 86_400.0,
            _ => 1.0,
        };
        *seconds.get_or_insert(0.0) += number * unit;
    }
    Duration::try_from_secs_f64(seconds?).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOON: &str = "Wed, 21 Oct 2015 12:00:00 GMT";

    fn noon() -> SystemTime {
        httpdate::parse_http_date(NOON).unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    fn in_seconds(wait: Option<Duration>) -> Option<f64> {
        wait.map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn a_wait_is_read_off_headers_in_every_notation() {
        for (pairs, wait) in [
            (&[("retry-after", "3")][..], Some(3.0)),
            (&[("retry-after", "0.5")], Some(0.5)),
            (&[("retry-after", "-1")], Some(0.0)),
            (&[("retry-after", "1m30s")], Some(90.0)),
            (&[("retry-after-ms", "250"), ("retry-after", "9")], Some(0.25)),
            (&[("retry-after", "Wed, 21 Oct 2015 12:00:40 GMT")], Some(40.0)),
            (&[("retry-after", "Wed, 21 Oct 2015 11:00:40 GMT")], Some(0.0)),
            (&[("retry-after", "2015-10-21T12:01:00Z")], Some(60.0)),
            (&[("retry-after", "1445428805")], Some(5.0)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "1e400")], None),
            (&[], None),
        ] {
            let mut all = headers(pairs);
            all.insert("date", HeaderValue::from_static(NOON));
            assert_eq!(in_seconds(in_headers(&all, server_time(&all))), wait, "{pairs:?}");
        }
    }

    #[test]
    fn only_limits_that_are_used_up_are_waited_for() {
        for (pairs, wait) in [
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1m30s"),
                    ("x-ratelimit-remaining-tokens", "149984"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                ][..],
                Some(90.0),
            ),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1445428800500")], Some(0.5)),
            (&[("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "9")], None),
            (&[("ratelimitbysize-reset", "32")], Some(32.0)),
            (&[("x-ratelimit-remaining", "soon"), ("x-ratelimit-reset", "9")], None),
            (
                &[
                    ("anthropic-ratelimit-tokens-remaining", "0"),
                    ("anthropic-ratelimit-tokens-reset", "2015-10-21T12:00:07Z"),
                ],
                Some(7.0),
            ),
            (&[("ratelimit", "limit=9, remaining=0, reset=30")], Some(30.0)),
            (&[("ratelimit", "\"all\";r=0;t=20")], Some(20.0)),
            (&[("ratelimit", "limit=9, remaining=1, reset=30")], None),
        ] {
            assert_eq!(in_seconds(until_reset(&headers(pairs), noon())), wait, "{pairs:?}");
        }
    }

    #[test]
    fn a_wait_is_read_out_of_words() {
        for (message, wait) in [
            ("Rate limit reached. Please try again in 22s.", Some(22.0)),
            ("Please try again in 1m3.5s. Visit us", Some(63.5)),
            ("Please try again in 7m12s", Some(432.0)),
            ("Please try again in 350ms", Some(0.35)),
            ("Please retry in 37.06s.", Some(37.06)),
            ("Please retry after 26 seconds.", Some(26.0)),
            ("Please wait 60 seconds before retrying", Some(60.0)),
            ("Try again after 1 minute and 30 seconds", Some(90.0)),
            ("Your limit resets in 2 days", Some(172_800.0)),
            ("Limit resets at: 2015-10-21 12:00:09 UTC", Some(9.0)),
            ("Available again at 2015-10-21T12:01:00Z.", Some(60.0)),
            ("Limit 3 per min. Try again later", None),
            ("You have 5 more attempts; try again with 5 more", None),
        ] {
            assert_eq!(in_seconds(in_words(message, noon())), wait, "{message}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in r"(retry|after| |[0-9]{1,40}|\.|-|e|ms|m|s|T|:|Z|é)*") {
            in_words(&text, noon());
            span_or_moment(&text, noon());
            in_field("retry_after", &text.clone().into(), noon());
            in_field("retry_after_ms", &text.into(), noon());
        }
    }
}
