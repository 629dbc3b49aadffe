//! A number of a run, with its interval.

use serde::Serialize;

use crate::metrics::Interval;

/// One figure of a run, with its 95 % interval where it has one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Figure {
    /// The name in rules and in JSON, such as `agreement`.
    pub name: String,
    /// The name for people.
    #[serde(skip)]
    pub title: String,
    /// The value; `None` where it is not defined.
    pub value: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<Interval>,
    /// The number of records, or of what else it is about.
    pub count: usize,
    /// Why no data give it an interval; `None` if data do.
    #[serde(skip)]
    pub without_interval: Option<&'static str>,
    /// The least and the largest value that it can have; `None` if that is not known.
    #[serde(skip)]
    pub range: Option<(f64, f64)>,
}

impl Figure {
    /// A figure of so many records.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        value: Option<f64>,
        interval: Option<Interval>,
        count: usize,
    ) -> Self {
        // Numbers beyond the range of floats have no mean.
        let value = value.filter(|value| value.is_finite());
        let is_finite = |one: &Interval| one.low.is_finite() && one.high.is_finite();
        let interval = interval.filter(|one| value.is_some() && is_finite(one));
        let (name, title) = (name.into(), title.into());
        Self { name, title, value, interval, count, without_interval: None, range: None }
    }

    /// A figure that estimates nothing, such as a sum: it has no interval, for this reason.
    #[must_use]
    pub fn without_interval(self, why: &'static str) -> Self {
        Self { interval: None, without_interval: Some(why), ..self }
    }

    /// A figure whose values lie between these ends, such as 0 and 1 for a share.
    #[must_use]
    pub fn between(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }
}
