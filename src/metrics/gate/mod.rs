//! Rules on figures, such as `agreement>=0.85@lower`: they decide whether a run is good enough.
//!
//! | module | what it holds |
//! |---|---|
//! | `figure` | a number with its interval |
//! | `names` | what figures are called elsewhere, and misspelt |
//! | `text` | rules as people write them |

mod figure;
mod names;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use self::figure::Figure;
use self::names::{sibling, unknown_figure};
use crate::error::{Error, ErrorKind, Result};

/// How a figure is compared with the number of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    AtLeast,
    AtMost,
    Above,
    Below,
}

impl Comparison {
    /// The signs, the longer ones first.
    const ALL: [(&'static str, Self); 4] =
        [(">=", Self::AtLeast), ("<=", Self::AtMost), (">", Self::Above), ("<", Self::Below)];

    fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(sign, _)| sign)
    }

    /// Whether a number passes. A difference of rounding noise is none.
    fn holds(self, number: f64, bound: f64) -> bool {
        const NOISE: f64 = 1e-12;
        match self {
            Self::AtLeast => number >= bound - NOISE,
            Self::AtMost => number <= bound + NOISE,
            Self::Above => number > bound + NOISE,
            Self::Below => number < bound - NOISE,
        }
    }
}

/// Which number of a figure is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Value,
    Lower,
    Upper,
}

/// A rule that a figure must keep.
///
/// It is the name of a figure, one of `>=`, `<=`, `>` and `<`, and a number, which of a share may be a percentage. `@lower` or
/// `@upper` at its end takes the end of the figure's 95 % interval in place of its value, so that a good number of few
/// records does not pass. A number alone is a share of records that must pass: `0.9` is `pass_rate>=0.9`.
///
/// ```
/// use tribunal::metrics::{Figure, Gate, wilson};
///
/// let agreement = Figure::new("agreement", "agreement", Some(0.9), Some(wilson(18, 20)), 20);
/// let holds = |gate: &str| gate.parse::<Gate>()?.failure(&[agreement.clone()]).map(|why| why.is_none());
/// assert!(holds("agreement >= 0.85")?);
/// assert!(!holds("agreement>=0.85@lower")?);
/// assert!(holds("kappa>0.5").is_err());
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// The name of the figure; `None` for a number alone.
    name: Option<String>,
    comparison: Comparison,
    bound: f64,
    /// The number as a percentage, if it is written as one.
    percent: Option<f64>,
    side: Side,
}

/// The figure that a number alone is about.
const USUAL: &str = "pass_rate";

impl Gate {
    /// The least share of records that pass.
    pub fn least(share: f64) -> Self {
        Self {
            name: None,
            comparison: Comparison::AtLeast,
            bound: share,
            percent: None,
            side: Side::Value,
        }
    }

    /// The name of the figure.
    pub fn figure(&self) -> &str {
        self.name.as_deref().unwrap_or(USUAL)
    }

    /// The number, if the rule is a number alone: the least share of records.
    pub fn share(&self) -> Option<f64> {
        self.name.is_none().then_some(self.bound)
    }

    /// The same rule, where a number alone is about this figure.
    #[must_use]
    pub fn about(self, usual: &str) -> Self {
        Self { name: self.name.or_else(|| Some(usual.to_owned())), ..self }
    }

    /// The figure that the rule is about, among figures that need not be measured yet.
    ///
    /// # Errors
    /// There is no figure of this name; the error names a similar one, or those that there are. The rule is about the end
    /// of an interval that the figure cannot have, or about a number that it cannot have, such as 90 for a share.
    pub fn find<'f>(&self, figures: &'f [Figure]) -> Result<&'f Figure> {
        let name = self.figure();
        let Some(figure) = figures.iter().find(|figure| figure.name == name) else {
            let names: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
            return Err(unknown_figure(name, &names));
        };
        match figure.without_interval {
            Some(why) if self.side != Side::Value => {
                let value = Self { side: Side::Value, ..self.clone() };
                Err(Error::new(ErrorKind::Config, format!("`{name}` has no interval: {why}"))
                    .hint(format!("compare its value: '{value}'")))
            }
            _ => self.check_bound(figure.range).map(|()| figure),
        }
    }

    /// # Errors
    /// The number is none that a figure in this range could have, or a percentage of something that is no share.
    fn check_bound(&self, range: Option<(f64, f64)>) -> Result<()> {
        let (name, bound) = (self.figure(), self.bound);
        let refused =
            |why: String, hint: String| Err(Error::new(ErrorKind::Config, why).hint(hint));
        let is_share = range.is_some_and(|(_, high)| high <= 1.0);
        if self.percent.is_some() && !is_share {
            let why = format!("`{name}` is not a share, and has no percentage");
            return refused(why, "write the number itself, without %".to_owned());
        }
        let Some((low, high)) = range else { return Ok(()) };
        let lies = match high {
            f64::INFINITY => format!("`{name}` is never below {low}"),
            _ => format!("`{name}` lies between {low} and {high}"),
        };
        if !(low..=high).contains(&bound) {
            let error = Error::new(ErrorKind::Config, format!("{lies}, and the rule says {bound}"));
            let percent = Self { bound: bound / 100.0, percent: None, ..self.clone() };
            return Err(match bound {
                1.0..=100.0 if is_share => {
                    error.hint(format!("if {bound} percent is meant, write '{percent}'"))
                }
                _ => error,
            });
        }
        let end = match self.comparison {
            Comparison::Above => high,
            Comparison::Below => low,
            _ => return Ok(()),
        };
        if (bound - end).abs() > 0.0 {
            return Ok(());
        }
        let comparison = match self.comparison {
            Comparison::Above => Comparison::AtLeast,
            _ => Comparison::AtMost,
        };
        let equal = Self { comparison, ..self.clone() };
        let why = format!("{lies}, so that no result can keep the rule {self}");
        refused(why, format!("the end itself passes with '{equal}'"))
    }

    /// Why the rule is not kept, in words; `None` if it is kept. A figure that is not defined or is about nothing keeps no
    /// rule, and one without an interval keeps no rule on its ends.
    ///
    /// # Errors
    /// As for [`find`](Self::find).
    pub fn failure(&self, figures: &[Figure]) -> Result<Option<String>> {
        let (name, figure) = (self.figure(), self.find(figures)?);
        let (number, what) = match self.side {
            Side::Value => (figure.value, ""),
            Side::Lower => (figure.interval.map(|interval| interval.low), "the lower end of "),
            Side::Upper => (figure.interval.map(|interval| interval.high), "the upper end of "),
        };
        let Some(number) = number.filter(|_| figure.count > 0) else {
            let has_none = match figure.value.filter(|_| figure.count > 0) {
                Some(_) => "has no interval: there are too few records, or they are all alike",
                None => "is not defined for these records",
            };
            let meant = figure.value.is_none().then(|| sibling(name, figures)).flatten();
            let meant = meant.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
            return Ok(Some(format!("{name} {has_none}; the rule is {self}{meant}")));
        };
        if self.comparison.holds(number, self.bound) {
            return Ok(None);
        }
        Ok(Some(match self.share() {
            Some(least) => format!("{number:.3} of all records passed, fewer than {least}"),
            None => format!("{what}{name} is {number:.3}; the rule is {self}"),
        }))
    }
}

/// The rule as it is written.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.side {
            Side::Value => "",
            Side::Lower => "@lower",
            Side::Upper => "@upper",
        };
        let (name, sign) = (self.figure(), self.comparison.sign());
        // A product such as 0.55 · 100 is not exact.
        if let Some(percent) = self.percent {
            return write!(f, "{name}{sign}{percent}%{end}");
        }
        write!(f, "{name}{sign}{}{end}", self.bound)
    }
}

/// A share as a number, any other rule as a text.
impl Serialize for Gate {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        match self.share() {
            Some(share) => share.serialize(to),
            None => self.to_string().serialize(to),
        }
    }
}

/// A number, or a text.
impl<'de> Deserialize<'de> for Gate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(f64),
            Text(String),
        }
        let text = match Form::deserialize(from)? {
            Form::Number(number) => number.to_string(),
            Form::Text(text) => text,
        };
        text.parse().map_err(D::Error::custom)
    }
}
