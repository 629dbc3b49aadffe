//! Probabilities by name, in the order in which the values were offered.
//!
//! A line holds them as one object, `{"A": 0.9, "B": 0.08, "missing": 0.02}`.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap,
};

use crate::completion::Distribution;

/// The name under which a line holds the probability of everything that was not offered.
const MISSING: &str = "missing";

/// The probability of every value that was offered, by its name, and of everything else as `missing`; a JSON object.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Probabilities {
    /// Value and probability, 0 to 1, in the order in which the values were offered.
    pub values: Vec<(String, f64)>,
    /// The probability of everything else.
    pub missing: f64,
}

impl From<&Distribution> for Probabilities {
    fn from(distribution: &Distribution) -> Self {
        let values = distribution.labels.iter().filter(|(name, _)| name != MISSING);
        Self { values: values.cloned().collect(), missing: distribution.missing }
    }
}

impl Probabilities {
    /// The probabilities of labels as they were offered, which may begin with a blank.
    pub(super) fn of_choice(distribution: &Distribution) -> Self {
        let mut shares = Self::from(distribution);
        shares.values.iter_mut().for_each(|(name, _)| *name = name.trim().to_owned());
        shares
    }
}

impl From<Probabilities> for Distribution {
    fn from(shares: Probabilities) -> Self {
        Self { labels: shares.values, missing: shares.missing, top: None }
    }
}

impl Serialize for Probabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len() + 1))?;
        for (name, p) in &self.values {
            map.serialize_entry(name, p)?;
        }
        map.serialize_entry(MISSING, &self.missing)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Probabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Probabilities;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("probabilities by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Probabilities, A::Error> {
                let mut shares = Probabilities::default();
                while let Some((name, p)) = map.next_entry::<String, f64>()? {
                    if name == MISSING {
                        shares.missing = p;
                    } else {
                        shares.values.push((name, p));
                    }
                }
                Ok(shares)
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Probabilities {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Shares".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "properties": {
                "missing": {
                    "description": "The probability of everything that was not offered.",
                    "type": "number", "minimum": 0,
                },
            },
            "required": ["missing"],
            "additionalProperties": {"type": "number", "minimum": 0},
        })
    }
}
