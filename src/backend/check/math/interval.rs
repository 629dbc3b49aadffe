//! Intervals of real numbers and their unions.

use std::fmt;

use num_rational::BigRational;

use super::quotient::Quotient;

/// An end of an interval.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End {
    /// The number; `None` is infinity.
    pub(super) at: Option<Quotient>,
    /// Whether the interval contains the number.
    pub(super) is_closed: bool,
}

impl End {
    /// The number, if it is rational, and therefore in a known order.
    fn rational(&self) -> Option<BigRational> {
        self.at.as_ref()?.rational()
    }

    /// Whether two ends are the same; `None` if that cannot be decided.
    fn is(&self, other: &Self) -> Option<bool> {
        match (&self.at, &other.at) {
            (None, None) => Some(true),
            (Some(one), Some(two)) if one == two => Some(self.is_closed == other.is_closed),
            (Some(one), Some(two)) => (!one.is_opaque() && !two.is_opaque()).then_some(false),
            _ => Some(false),
        }
    }
}

/// One interval.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Interval {
    pub(super) low: End,
    pub(super) high: End,
}

impl Interval {
    /// Whether its ends are in order, as far as that is known.
    pub(super) fn is_ordered(&self) -> bool {
        match (self.low.rational(), self.high.rational()) {
            (Some(low), Some(high)) => {
                low < high || low == high && self.low.is_closed && self.high.is_closed
            }
            _ => true,
        }
    }

    /// The part that two intervals have in common; `None` if the order of their ends is not known, or if
    /// they have nothing in common.
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let low = later(&self.low, &other.low, |one, two| one > two)?;
        let high = later(&self.high, &other.high, |one, two| one < two)?;
        let both = Self { low, high };
        both.is_ordered().then_some(both)
    }

    /// Both as one interval, if this one begins first and they touch.
    fn joined(&self, next: &Self) -> Option<Self> {
        let touches = match (self.high.rational(), next.low.rational()) {
            (Some(end), Some(start)) => {
                start < end || start == end && (self.high.is_closed || next.low.is_closed)
            }
            _ => self.high.at.is_none() || next.low.at.is_none(),
        };
        if !touches {
            return None;
        }
        let high = match (self.high.rational(), next.high.rational()) {
            (Some(one), Some(two)) if one > two || one == two && self.high.is_closed => &self.high,
            (Some(_), Some(_)) => &next.high,
            _ if self.high.at.is_none() || next.high.at.is_none() => {
                &End { at: None, is_closed: false }
            }
            _ => return None,
        };
        Some(Self { low: self.low.clone(), high: high.clone() })
    }
}

/// The end that cuts off more. A number cuts off more than infinity, and an open end more than a closed one.
fn later(
    one: &End,
    two: &End,
    is_later: impl Fn(&BigRational, &BigRational) -> bool,
) -> Option<End> {
    if one.at.is_none() {
        return Some(two.clone());
    }
    if two.at.is_none() {
        return Some(one.clone());
    }
    let (first, second) = (one.rational()?, two.rational()?);
    let takes_one = is_later(&first, &second) || first == second && !one.is_closed;
    Some(if takes_one { one.clone() } else { two.clone() })
}

/// Intervals in order, none of which touch. Ends that are not rational are in the order of their texts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Intervals(pub(super) Vec<Interval>);

impl Intervals {
    /// The union of these intervals.
    pub(super) fn union(mut intervals: Vec<Interval>) -> Self {
        let start = |interval: &Interval| {
            let low = &interval.low;
            (
                low.at.is_some(),
                low.rational(),
                low.at.as_ref().map(Quotient::to_string),
                !low.is_closed,
            )
        };
        intervals.sort_by_key(start);
        let mut union: Vec<Interval> = Vec::new();
        for interval in intervals {
            match union.last().and_then(|last| last.joined(&interval)) {
                Some(joined) => {
                    union.pop();
                    union.push(joined);
                }
                None => union.push(interval),
            }
        }
        Self(union)
    }

    /// Whether both are the same intervals; `None` if that cannot be decided.
    pub(super) fn is(&self, other: &Self) -> Option<bool> {
        let ends = |all: &Self| -> Vec<End> {
            all.0.iter().flat_map(|one| [one.low.clone(), one.high.clone()]).collect()
        };
        let (one, two) = (ends(self), ends(other));
        let known = one.iter().chain(&two).all(|end| end.at.is_none() || end.rational().is_some());
        if one.len() != two.len() {
            return known.then_some(false);
        }
        let equal: Vec<_> = one.iter().zip(&two).map(|(one, two)| one.is(two)).collect();
        if equal.contains(&Some(false)) {
            // Unions whose order is not known may be the same in another order.
            return (known || one.len() == 2).then_some(false);
        }
        (!equal.contains(&None)).then_some(true)
    }
}

impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |end: &End, infinity: &str| {
            end.at.as_ref().map_or_else(|| infinity.to_owned(), Quotient::to_string)
        };
        let one = |Interval { low, high }: &Interval| {
            let open = if low.is_closed { '[' } else { '(' };
            let close = if high.is_closed { ']' } else { ')' };
            format!("{open}{}, {}{close}", at(low, "-oo"), at(high, "oo"))
        };
        f.write_str(&self.0.iter().map(one).collect::<Vec<_>>().join(" U "))
    }
}
