//! One criterion of a rubric: what is required, and what it counts.

use serde_json::{Map, Value};

use crate::scale::whole;

/// A requirement that an answer meets or not, and what that counts.
///
/// ```
/// use tribunal::item::Criterion;
///
/// let harm = Criterion::new("Advises a dose above the limit").named("harm").weighing(-5.0);
/// assert_eq!((harm.weight, harm.required), (-5.0, false));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Criterion {
    /// Its name; empty if it is called by its number.
    pub name: String,
    /// What is required, in words that the judge is shown.
    pub requirement: String,
    /// What it counts in the score, 1 by default. A negative weight is a fault, which costs where it is met.
    pub weight: f64,
    /// Whether an answer that does not meet it fails.
    pub required: bool,
}

impl Criterion {
    /// A criterion without a name, with the weight 1.
    pub fn new(requirement: impl Into<String>) -> Self {
        let (name, requirement) = (String::new(), requirement.into());
        Self { name, requirement, weight: 1.0, required: false }
    }

    /// The same criterion under this name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The same criterion with this weight.
    #[must_use]
    pub fn weighing(self, weight: f64) -> Self {
        Self { weight, ..self }
    }

    /// The same criterion, which an answer must meet to pass.
    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The criterion as files write it. A weight that is not finite becomes null, which no reader accepts.
    pub fn to_json(&self) -> Value {
        let weight = whole(&self.weight, serde_json::value::Serializer).unwrap_or_default();
        let mut map = Map::new();
        if !self.name.is_empty() {
            map.insert("name".into(), self.name.clone().into());
        }
        map.insert("requirement".into(), self.requirement.clone().into());
        map.insert("weight".into(), weight);
        if self.required {
            map.insert("required".into(), true.into());
        }
        map.into()
    }
}
