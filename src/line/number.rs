//! Numbers as people write scores: whole numbers without `.0`, so that `8` in a line is what the judge wrote. Numbers of
//! 2^53 and above keep their decimal point, since they may not be exact.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;

pub(crate) use crate::scale::whole;

/// A number that is written without `.0` if it is whole.
struct Plain(f64);

impl Serialize for Plain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        whole(&self.0, serializer)
    }
}

/// The number as JSON, without `.0` if it is whole.
pub(crate) fn plain(number: f64) -> Value {
    whole(&number, serde_json::value::Serializer).unwrap_or_default()
}

/// The same for a number that may be missing.
#[expect(clippy::ref_option, reason = "serde passes a reference")]
pub(crate) fn optional<S: Serializer>(
    number: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    number.map(Plain).serialize(serializer)
}

/// The same for a list that may be missing.
#[expect(clippy::ref_option, reason = "serde passes a reference")]
pub(super) fn list<S: Serializer>(
    numbers: &Option<Vec<f64>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let plain = |numbers: &Vec<f64>| numbers.iter().copied().map(Plain).collect::<Vec<_>>();
    numbers.as_ref().map(plain).serialize(serializer)
}

/// The same for named numbers that may be missing.
#[expect(clippy::ref_option, reason = "serde passes a reference")]
pub(super) fn named<S: Serializer>(
    numbers: &Option<BTreeMap<String, f64>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let plain = |numbers: &BTreeMap<String, f64>| {
        numbers
            .iter()
            .map(|(name, number)| (name.clone(), Plain(*number)))
            .collect::<BTreeMap<_, _>>()
    };
    numbers.as_ref().map(plain).serialize(serializer)
}
