//! JSON as it was written: no digit is lost, no key occurs twice, and nesting is limited so that a line
//! of results can always be read back.
//!
//! Before the text is parsed, one pass over its bytes finds numbers that a float of 64 bits would change.
//! They are put in quotes, so that they arrive as texts with the same digits: `12345678901234567890123`
//! and `0.1000000000000000055511151231257827` are unchanged.

use std::{borrow::Cow, cell::RefCell, fmt, ops::Range};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::input::wrong;
use crate::error::Error;

/// How many levels of lists and objects a record may have.
///
/// A line of results contains the record two levels down, and JSON is read to a depth of 127.
pub(super) const DEEPEST: usize = 100;

/// The reason why a text is not a value.
#[derive(Debug)]
pub(super) enum JsonError {
    /// It is not valid JSON.
    Json(serde_json::Error),
    /// It is valid JSON, but cannot be a record.
    Record(Error),
}

/// The value of a text.
///
/// A number that a float of 64 bits cannot represent as written becomes a text with the same digits: an
/// integer of more than 64 bits, a fraction with too many digits, `1e400`.
///
/// # Errors
/// The text is not valid JSON, has too many levels, or an object has a key twice with different values.
pub(super) fn value(text: &str) -> Result<Value, JsonError> {
    let Survey { deepest, inexact } = look(text.as_bytes());
    if deepest > DEEPEST {
        return Err(JsonError::Record(too_deep()));
    }
    let twice = RefCell::new(None);
    let quoted = quoted(text, &inexact);
    let mut json = serde_json::Deserializer::from_str(&quoted);
    let read = UniqueKeys(&twice).deserialize(&mut json);
    let value = read.and_then(|value| json.end().map(|()| value)).map_err(|cause| {
        // Added quotes shift the position of the error, so it is computed again from the original text.
        let unquoted =
            (!inexact.is_empty()).then(|| serde_json::from_str::<IgnoredAny>(text).err());
        JsonError::Json(unquoted.flatten().unwrap_or(cause))
    })?;
    match twice.into_inner() {
        Some(key) => Err(JsonError::Record(
            wrong(format!("the key `{key}` occurs twice with different values"))
                .hint("remove one of the two"),
        )),
        None => Ok(value),
    }
}

/// The error of a record with too many levels.
fn too_deep() -> Error {
    wrong(format!("the record is nested deeper than {DEEPEST} levels"))
        .hint("put the inner part into a text, or leave it out")
}

/// Checks the depth of a record that was not read from JSON.
///
/// # Errors
/// It has more than [`DEEPEST`] levels.
#[cfg(feature = "parquet")]
pub(super) fn check_depth(record: &Map<String, Value>) -> crate::error::Result<()> {
    /// Whether a value has at most this many levels.
    fn within(value: &Value, levels: usize) -> bool {
        match value {
            Value::Array(list) => levels > 0 && list.iter().all(|value| within(value, levels - 1)),
            Value::Object(map) => levels > 0 && map.values().all(|value| within(value, levels - 1)),
            _ => true,
        }
    }
    let fits = record.values().all(|value| within(value, DEEPEST - 1));
    if fits { Ok(()) } else { Err(too_deep()) }
}

/// The result of one pass over the bytes of a text.
#[derive(Default)]
struct Survey {
    /// The largest number of open brackets.
    deepest: usize,
    /// The byte ranges of numbers that would lose digits.
    inexact: Vec<Range<usize>>,
}

/// Surveys a text in one pass. The text need not be valid JSON.
fn look(text: &[u8]) -> Survey {
    let (mut seen, mut depth, mut at) = (Survey::default(), 0_usize, 0);
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => at = end_of_text(text, at),
            b'[' | b'{' => {
                depth += 1;
                seen.deepest = seen.deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &&u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                let start = at - 1;
                at += text[at..].iter().take_while(is_part).count();
                let number = std::str::from_utf8(&text[start..at]).unwrap_or_default();
                if !is_exact(number) {
                    seen.inexact.push(start..at);
                }
            }
            _ => (),
        }
    }
    seen
}

/// The position after the closing quote of a string; `at` is after its opening quote.
fn end_of_text(text: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// The text with quotes around the numbers at these byte ranges.
fn quoted<'t>(text: &'t str, numbers: &[Range<usize>]) -> Cow<'t, str> {
    if numbers.is_empty() {
        return text.into();
    }
    let (mut quoted, mut at) = (String::with_capacity(text.len() + 2 * numbers.len()), 0);
    for number in numbers {
        quoted.push_str(&text[at..number.start]);
        quoted.push_str(&format!("\"{}\"", &text[number.clone()]));
        at = number.end;
    }
    quoted.push_str(&text[at..]);
    quoted.into()
}

/// Whether 64 bits represent a number without a change. True for texts that are not numbers of JSON.
fn is_exact(number: &str) -> bool {
    // Up to 15 digits are always exact, but an exponent can exceed the range of floats.
    const SURE: usize = 15;
    let is_whole = !number.contains(['.', 'e', 'E']);
    if number.len() <= SURE && !number.contains(['e', 'E']) {
        return true;
    }
    if is_whole {
        return number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() || !is_json(number);
    }
    let Some(written) = Decimal::of(number) else { return !is_json(number) };
    let kept = number.parse::<f64>().ok().and_then(|kept| Decimal::of(&format!("{kept:e}")));
    kept.as_ref() == Some(&written) || !is_json(number)
}

/// Whether a text that looks like a number is a number in JSON.
fn is_json(number: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(number).is_ok()
}

/// A number as significant digits and a power of ten, so that `1.50` and `15e-1` are equal.
#[derive(PartialEq, Eq)]
struct Decimal {
    /// The digits without leading and trailing zeros; empty for 0.
    digits: String,
    /// The power of ten by which the digits, as a whole number, are multiplied.
    exponent: i64,
}

impl Decimal {
    /// The digits of a number as JSON writes it; `None` if it is malformed. The sign is ignored.
    fn of(number: &str) -> Option<Self> {
        let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
        let exponent: i64 = exponent.parse().ok()?;
        let fits = digits.bytes().all(|byte| byte.is_ascii_digit());
        let significant = digits.trim_end_matches('0');
        let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)? + dropped;
        let digits = significant.trim_start_matches('0').to_owned();
        let exponent = if digits.is_empty() { 0 } else { exponent };
        fits.then_some(Self { digits, exponent })
    }
}

/// Reads a value, and stores the first key that an object has twice with different values.
#[derive(Clone, Copy)]
struct UniqueKeys<'a>(&'a RefCell<Option<String>>);

impl<'de> DeserializeSeed<'de> for UniqueKeys<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self)?;
            if let Some(other) = map.get(&key)
                && *other != value
            {
                self.0.borrow_mut().get_or_insert_with(|| key.clone());
            }
            map.insert(key, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<Value, String> {
        value(text).map_err(|fault| match fault {
            JsonError::Json(cause) => cause.to_string(),
            JsonError::Record(error) => error.to_string(),
        })
    }

    #[test]
    fn a_number_that_would_lose_digits_is_kept_as_a_text() {
        for (number, kept) in [
            ("12345678901234567890123", json!("12345678901234567890123")),
            ("-12345678901234567890123", json!("-12345678901234567890123")),
            ("18446744073709551615", json!(u64::MAX)),
            ("18446744073709551616", json!("18446744073709551616")),
            ("-9223372036854775808", json!(i64::MIN)),
            ("9007199254740993", json!(9_007_199_254_740_993_u64)),
            ("1e400", json!("1e400")),
            ("-1E400", json!("-1E400")),
            ("1e-400", json!("1e-400")),
            ("0.1", json!(0.1)),
            ("0.30000000000000004", json!(0.300_000_000_000_000_04)),
            ("3.14159265358979323846", json!("3.14159265358979323846")),
            ("100.000000000000000000", json!(100.0)),
            ("1.5e3", json!(1500.0)),
            ("1e23", json!(1e23)),
            ("0e0", json!(0.0)),
        ] {
            let read = read(&format!("{{\"n\": [{number}]}}")).unwrap();
            assert_eq!(read["n"][0], kept, "{number}");
        }
    }

    #[test]
    fn what_is_not_json_is_no_better_for_having_digits() {
        for text in ["{\"a\": 01234567890123456789}", "{\"a\": 1.2.3e4}", "{\"a\": 1e}", "1e400 1"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        // The error has the position in the original text.
        let error = read("{\"a\": 12345678901234567890123, \"b\": }").unwrap_err();
        assert!(error.ends_with("column 37"), "{error}");
        assert_eq!(read("{\"a \\\" 1e999\": \"1e999\"}").unwrap(), json!({"a \" 1e999": "1e999"}));
    }

    #[test]
    fn a_key_that_comes_twice_is_refused_unless_both_say_the_same() {
        let twice = read("{\"x\": {\"a\": 1, \"a\": 2}}").unwrap_err();
        assert!(twice.contains("the key `a` occurs twice"), "{twice}");
        assert_eq!(read("{\"a\": 1, \"a\": 1}").unwrap(), json!({"a": 1}));
    }

    #[test]
    fn what_is_nested_too_deeply_for_a_line_of_results_is_refused() {
        let nested = |levels: usize| {
            format!("{{\"a\": {}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
        };
        let fits = read(&nested(DEEPEST)).unwrap();
        let line = json!([{"item": fits}]).to_string();
        assert!(serde_json::from_str::<Value>(&line).is_ok());
        assert!(read(&nested(DEEPEST + 1)).unwrap_err().contains("deeper than 100 levels"));
        assert!(read(&format!("{{\"a\": \"{}\"}}", "[".repeat(500))).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn every_text_is_read_as_serde_reads_it(text in "[\\[\\]{}\",:a1.e0 \\\\-]{0,24}") {
            if let (Ok(ours), Ok(theirs)) = (read(&text), serde_json::from_str::<Value>(&text)) {
                proptest::prop_assert!(ours == theirs || text.contains('e') || text.len() > 15);
            }
            // Valid JSON is read or rejected by one of our rules; invalid JSON is never read.
            if serde_json::from_str::<IgnoredAny>(&text).is_err() {
                proptest::prop_assert!(read(&text).is_err());
            }
        }
    }
}
