//! Rules on figures, such as `agreement>=0.85@lower`: they decide whether a run is good enough.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::Interval;
use crate::error::{Error, ErrorKind, Result, unknown};

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
        Self { name, title, value, interval, count, without_interval: None }
    }

    /// A figure that estimates nothing, such as a sum: it has no interval, for this reason.
    #[must_use]
    pub fn without_interval(self, why: &'static str) -> Self {
        Self { interval: None, without_interval: Some(why), ..self }
    }
}

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
/// It is the name of a figure, one of `>=`, `<=`, `>` and `<`, and a number, which may be a percentage. `@lower` or
/// `@upper` at its end takes the end of the figure's 95 % interval in place of its value, so that a good number of few
/// records does not pass. A number alone is a share of records that must pass: `0.9` is `pass_rate>=0.9`.
///
/// ```
/// use tribunal::metrics::{Figure, Gate, wilson};
///
/// let agreement = Figure::new("agreement", "agreement", Some(0.9), Some(wilson(18, 20)), 20);
/// let holds = |gate: &str| gate.parse::<Gate>()?.failure(&[agreement.clone()]).map(|why| why.is_none());
/// assert!(holds("agreement >= 85%")?);
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
    side: Side,
}

/// The figure that a number alone is about.
const USUAL: &str = "pass_rate";

impl Gate {
    /// The least share of records that pass.
    pub fn least(share: f64) -> Self {
        Self { name: None, comparison: Comparison::AtLeast, bound: share, side: Side::Value }
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
    /// There is no figure of this name; the error names those that there are. Or the rule is about the end of an
    /// interval that the figure cannot have.
    pub fn find<'f>(&self, figures: &'f [Figure]) -> Result<&'f Figure> {
        let name = self.figure();
        let Some(figure) = figures.iter().find(|figure| figure.name == name) else {
            let names: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
            return Err(unknown(ErrorKind::Config, "figure", name, names));
        };
        match figure.without_interval {
            Some(why) if self.side != Side::Value => {
                let value = Self { side: Side::Value, ..self.clone() };
                Err(Error::new(ErrorKind::Config, format!("`{name}` has no interval: {why}"))
                    .hint(format!("compare its value: '{value}'")))
            }
            _ => Ok(figure),
        }
    }

    /// Why the rule is not kept, in words; `None` if it is kept. A figure that is not defined keeps no rule, and one
    /// without an interval keeps no rule on its ends.
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
        let Some(number) = number else {
            let has_none = match figure.value {
                Some(_) => "has no interval: there are too few records, or they are all alike",
                None => "is not defined for these records",
            };
            return Ok(Some(format!("{name} {has_none}; the rule is {self}")));
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
        write!(f, "{}{}{}{end}", self.figure(), self.comparison.sign(), self.bound)
    }
}

impl FromStr for Gate {
    type Err = Error;

    /// # Errors
    /// The text is neither a share nor a rule.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            let message =
                format!("{why}: write 0.9 or 90%, or a rule such as 'agreement>=0.85@lower'");
            Error::new(ErrorKind::Config, message)
        };
        let found = Comparison::ALL
            .into_iter()
            .filter_map(|(sign, comparison)| Some((text.find(sign)?, sign, comparison)))
            .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())));
        let Some((at, sign, comparison)) = found else {
            let share = number(text).ok_or_else(|| wrong("neither a share nor a rule"))?;
            if !(0.0..=1.0).contains(&share) {
                return Err(wrong("a share lies between 0 and 1"));
            }
            return Ok(Self::least(share));
        };
        let name = text[..at].trim();
        if name.is_empty() {
            return Err(wrong("the rule names no figure"));
        }
        let rest = &text[at + sign.len()..];
        let (bound, end) = rest.split_once('@').map_or((rest, None), |(a, b)| (a, Some(b.trim())));
        let side = match end {
            None => Side::Value,
            Some("lower") => Side::Lower,
            Some("upper") => Side::Upper,
            Some(_) => return Err(wrong("an interval has the ends @lower and @upper")),
        };
        let bound = number(bound).ok_or_else(|| wrong("the rule compares with no number"))?;
        Ok(Self { name: Some(name.to_owned()), comparison, bound, side })
    }
}

/// A finite number, or a percentage.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
        None => text.parse().ok()?,
    };
    number.is_finite().then_some(number)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(text: &str) -> Result<Gate> {
        text.parse()
    }

    fn figures() -> [Figure; 2] {
        let interval = Some(Interval { low: 0.7, high: 0.9 });
        [
            Figure::new("agreement", "agreement", Some(0.8), interval, 50),
            Figure::new("kappa", "Cohen's kappa", None, None, 50),
        ]
    }

    fn failure(text: &str) -> Option<String> {
        gate(text).unwrap().failure(&figures()).unwrap()
    }

    #[test]
    fn a_rule_is_kept_by_the_value_or_by_an_end_of_the_interval() {
        for kept in [
            "agreement>=0.8",
            "agreement > 79 %",
            "agreement<=0.8",
            "agreement<0.85",
            "agreement<1@upper",
        ] {
            assert_eq!(failure(kept), None, "{kept}");
        }
        assert_eq!(
            failure("agreement>=0.8@lower").as_deref(),
            Some("the lower end of agreement is 0.700; the rule is agreement>=0.8@lower")
        );
        assert_eq!(
            failure("agreement<0.8").as_deref(),
            Some("agreement is 0.800; the rule is agreement<0.8")
        );
    }

    #[test]
    fn what_is_not_defined_keeps_no_rule_and_what_is_not_known_is_an_error() {
        assert_eq!(
            failure("kappa>-1").as_deref(),
            Some("kappa is not defined for these records; the rule is kappa>-1")
        );
        let error = gate("kapa>0.5").unwrap().failure(&figures()).unwrap_err();
        assert!(error.to_string().contains("kapa"), "{error}");
    }

    #[test]
    fn the_end_of_an_interval_that_cannot_be_is_refused() {
        let cost = Figure::new("cost", "cost", Some(1.5), None, 10)
            .without_interval("it is a sum, and no estimate");
        let rule = |text: &str| gate(text).unwrap().failure(std::slice::from_ref(&cost));
        assert_eq!(rule("cost<=2").unwrap(), None);
        let error = rule("cost<=2@upper").unwrap_err();
        assert_eq!(error.to_string(), "`cost` has no interval: it is a sum, and no estimate");
        assert_eq!(error.hints()[0].to_string(), "compare its value: 'cost<=2'");
        // An interval that is missing for want of records fails the rule.
        let few = [Figure::new("ece", "ECE", Some(0.0), None, 1)];
        let why = gate("ece<=0.1@upper").unwrap().failure(&few).unwrap().unwrap();
        assert!(why.starts_with("ece has no interval: there are too few records"), "{why}");
    }

    #[test]
    fn a_number_alone_is_a_share_of_what_the_command_is_about() {
        assert_eq!(gate("0.9").unwrap(), gate(" 90% ").unwrap());
        assert_eq!(gate("0.9").unwrap().figure(), "pass_rate");
        assert_eq!(gate("0.9").unwrap().about("agreement").to_string(), "agreement>=0.9");
        assert_eq!(gate("kappa>0.5").unwrap().about("agreement").to_string(), "kappa>0.5");
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for wrong in [
            "",
            "most",
            "7",
            "900%",
            ">=0.5",
            "agreement>=",
            "agreement>=x",
            "a>=0.5@middle",
            "a>=NaN",
        ] {
            assert!(gate(wrong).is_err(), "{wrong}");
        }
    }
}
