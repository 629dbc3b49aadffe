//! The value of an answer, and when two values are equal.

use std::fmt;

use super::{
    interval::Intervals,
    poly::{Atom, Poly},
    quotient::Quotient,
    units::Unit,
};

/// A value of mathematics, or a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A number or an expression.
    Scalar(Quotient),
    /// A number or an expression with a unit.
    Quantity(Quotient, Unit),
    /// An equation that does not give a value.
    Equation(Equation),
    /// A value with its name: `x = 5`.
    Named(String, Box<Value>),
    /// A point or another ordered list in parentheses; `(a, b)` may be an open interval.
    Tuple(Vec<Value>),
    /// An ordered list in square brackets that is not an interval.
    Bracket(Vec<Value>),
    /// Values in braces, without order.
    Set(Vec<Value>),
    /// Several values without braces, in any order: `2 and 3`.
    List(Vec<Value>),
    /// Intervals of real numbers.
    Intervals(Intervals),
    /// The rows of a matrix.
    Matrix(Vec<Vec<Quotient>>),
    /// Words.
    Text(String),
    /// Something that cannot be read, without blanks.
    Unparsed(String),
}

/// An equation between two expressions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Equation {
    /// The polynomial that is 0, with the leading coefficient 1.
    pub(super) zero: Poly,
    /// The symbol and its value, if the equation is solved for one: `y = 2x + 1`.
    pub(super) solved: Option<(String, Quotient)>,
}

/// The beginning of the canonical form of a text that is no mathematics.
pub(in super::super) const TEXT: &str = "text: ";

/// The canonical form: exactly equal values have the same text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |values: &[Self]| {
            let texts: Vec<String> = values.iter().map(Self::to_string).collect();
            texts.join(", ")
        };
        match self {
            Self::Scalar(value) => write!(f, "{value}"),
            Self::Quantity(value, unit) => write!(f, "{} {unit}", base(value, unit)),
            Self::Equation(equation) => write!(f, "{} = 0", equation.zero),
            Self::Named(name, value) => write!(f, "{name} = {value}"),
            Self::Tuple(values) => write!(f, "({})", joined(values)),
            Self::Bracket(values) => write!(f, "[{}]", joined(values)),
            Self::Set(values) | Self::List(values) => {
                let mut texts: Vec<String> = values.iter().map(Self::to_string).collect();
                texts.sort_unstable();
                texts.dedup();
                match texts.as_slice() {
                    // The set of one solution is the solution.
                    [one] => f.write_str(one),
                    _ => write!(f, "{{{}}}", texts.join(", ")),
                }
            }
            Self::Intervals(intervals) => write!(f, "{intervals}"),
            Self::Matrix(rows) => {
                let row = |row: &Vec<Quotient>| {
                    let cells: Vec<String> = row.iter().map(Quotient::to_string).collect();
                    format!("[{}]", cells.join(", "))
                };
                let rows: Vec<String> = rows.iter().map(row).collect();
                write!(f, "matrix [{}]", rows.join(", "))
            }
            Self::Text(text) | Self::Unparsed(text) => write!(f, "{TEXT}{text}"),
        }
    }
}

/// The value in base units.
fn base(value: &Quotient, unit: &Unit) -> Quotient {
    value.scaled(&unit.factor)
}

impl Value {
    /// The value as votes are grouped by it: without a name, and without a unit that is usually left out.
    pub(super) fn canonical(&self) -> String {
        match self {
            Self::Named(_, value) => value.canonical(),
            Self::Quantity(value, unit) if unit.is_usually_omitted() => {
                base(value, unit).to_string()
            }
            value => value.to_string(),
        }
    }

    /// Whether nothing of it could be read as mathematics.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Unparsed(_))
    }

    /// Whether two values are equal; `None` if that cannot be decided.
    pub(super) fn is(&self, other: &Self) -> Option<bool> {
        if self.to_string() == other.to_string() {
            return Some(true);
        }
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => contradict(one, two).then_some(false),
            (one, two) if one.is_text() || two.is_text() => None,
            (Self::Named(one, value), Self::Named(two, other)) => {
                (one == two).then(|| value.is(other)).flatten()
            }
            (Self::Named(_, value), other) | (other, Self::Named(_, value)) => value.is(other),
            (Self::Scalar(one), Self::Scalar(two)) => scalars(one, two),
            (Self::Quantity(one, unit), Self::Quantity(two, other)) => {
                quantities((one, unit), (two, other))
            }
            (Self::Quantity(one, unit), Self::Scalar(two))
            | (Self::Scalar(two), Self::Quantity(one, unit)) => without_unit(one, unit, two),
            (Self::Equation(equation), Self::Scalar(value))
            | (Self::Scalar(value), Self::Equation(equation)) => {
                let solution = equation.solved.as_ref().map(|(_, solution)| solution);
                (solution == Some(value)).then_some(true)
            }
            (Self::Equation(one), Self::Equation(two)) => one.is(two),
            // An equation gives no value, and `12 or 13` is not one value.
            (Self::Equation(_), _)
            | (_, Self::Equation(_))
            | (Self::List(_), Self::Scalar(_) | Self::Quantity(..))
            | (Self::Scalar(_) | Self::Quantity(..), Self::List(_)) => None,
            (Self::Set(one) | Self::List(one), Self::Set(two) | Self::List(two)) => {
                let equal = unordered(one, two);
                // Without their names, values may belong to other names.
                let is_clear = has_names(one) == has_names(two);
                equal.filter(|equal| is_clear || !equal)
            }
            (Self::Tuple(one), Self::Tuple(two)) | (Self::Bracket(one), Self::Bracket(two)) => {
                ordered(one, two)
            }
            // Brackets of the wrong kind are a matter of style where the values agree.
            (
                Self::Tuple(one) | Self::Bracket(one) | Self::Set(one) | Self::List(one),
                Self::Tuple(two) | Self::Bracket(two) | Self::Set(two) | Self::List(two),
            ) => unordered(one, two).filter(|equal| !equal),
            (Self::Matrix(one), Self::Matrix(two)) => matrices(one, two),
            (Self::Matrix(rows), Self::Tuple(values) | Self::Bracket(values))
            | (Self::Tuple(values) | Self::Bracket(values), Self::Matrix(rows)) => {
                let cells: Vec<Self> = rows.concat().into_iter().map(Self::Scalar).collect();
                ordered(&cells, values).filter(|equal| !equal)
            }
            (Self::Intervals(one), Self::Intervals(two)) => one.is(two),
            // A point may have been meant as an interval with other brackets.
            (Self::Intervals(_), Self::Tuple(_) | Self::Bracket(_))
            | (Self::Tuple(_) | Self::Bracket(_), Self::Intervals(_)) => {
                (!self.same_numbers(other)).then_some(false)
            }
            _ => Some(false),
        }
    }

    /// Whether the canonical forms differ in brackets at most.
    fn same_numbers(&self, other: &Self) -> bool {
        let inner = |value: &Self| {
            let text = value.to_string();
            text.trim_matches(['(', ')', '[', ']']).to_owned()
        };
        inner(self) == inner(other)
    }
}

impl Equation {
    /// Whether two equations are the same; they are known to differ only if both are solved for the same
    /// symbol, or both are linear.
    fn is(&self, other: &Self) -> Option<bool> {
        if let (Some((one, value)), Some((two, solution))) = (&self.solved, &other.solved)
            && one == two
        {
            return scalars(value, solution);
        }
        (is_linear(&self.zero) && is_linear(&other.zero)).then(|| self.zero == other.zero)
    }
}

/// Whether every term is a number times one symbol at most.
fn is_linear(poly: &Poly) -> bool {
    poly.0.keys().all(|monomial| match monomial.0.as_slice() {
        [] => true,
        [(Atom::Symbol(_), exponent)] => exponent.is_integer() && exponent.to_integer() == 1,
        _ => false,
    })
}

/// Whether two expressions are equal. Parts that are compared by their text may be equal anyway.
///
/// An expression of one symbol against a number may be a unit that is written as a variable (`5m`).
fn scalars(one: &Quotient, two: &Quotient) -> Option<bool> {
    if one == two {
        return Some(true);
    }
    if one.is_opaque() || two.is_opaque() {
        return None;
    }
    for (one, two) in [(one, two), (two, one)] {
        if let (Some((factor, _)), Some(number)) = (one.multiple_of_symbol(), two.rational())
            && factor == number
        {
            return None;
        }
    }
    Some(false)
}

/// Whether two quantities are equal; `None` if they measure different things.
fn quantities(one: (&Quotient, &Unit), two: (&Quotient, &Unit)) -> Option<bool> {
    one.1.is_like(two.1).then(|| scalars(&base(one.0, one.1), &base(two.0, two.1))).flatten()
}

/// Whether a quantity is equal to a number whose unit was left out.
///
/// Without its unit, an angle may be in degrees or in radians.
fn without_unit(value: &Quotient, unit: &Unit, number: &Quotient) -> Option<bool> {
    if value == number {
        return Some(true);
    }
    // `5m` is a product, or five metres.
    if let Some((factor, name)) = number.multiple_of_symbol() {
        let written = Unit::named(name).filter(|written| written.is_like(unit))?;
        return scalars(&base(value, unit), &base(&factor.into(), &written));
    }
    if unit.is_angle() {
        return number.rational().and(value.rational()).map(|_| false);
    }
    scalars(value, number)
}

/// Whether one of these values has a name.
fn has_names(values: &[Value]) -> bool {
    values.iter().any(|value| matches!(value, Value::Named(..)))
}

/// Whether the values are equal one by one.
fn ordered(one: &[Value], two: &[Value]) -> Option<bool> {
    if one.len() != two.len() {
        return Some(false);
    }
    all(one.iter().zip(two).map(|(one, two)| one.is(two)))
}

/// Whether the values are equal in some order. Values that occur several times count once.
fn unordered(one: &[Value], two: &[Value]) -> Option<bool> {
    let finds = |value: &Value, others: &[Value]| {
        let found: Vec<_> = others.iter().map(|other| value.is(other)).collect();
        if found.contains(&Some(true)) {
            Some(true)
        } else if found.contains(&None) {
            None
        } else {
            Some(false)
        }
    };
    let one_in_two = one.iter().map(|value| finds(value, two));
    all(one_in_two.chain(two.iter().map(|value| finds(value, one))))
}

/// Whether all hold: false if one is known not to, `None` if one is not known.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let parts: Vec<_> = parts.collect();
    if parts.contains(&Some(false)) {
        return Some(false);
    }
    (!parts.contains(&None)).then_some(true)
}

/// Whether two matrices are equal.
fn matrices(one: &[Vec<Quotient>], two: &[Vec<Quotient>]) -> Option<bool> {
    let shape = |rows: &[Vec<Quotient>]| rows.iter().map(Vec::len).collect::<Vec<_>>();
    if shape(one) != shape(two) {
        return Some(false);
    }
    let cells = one.iter().flatten().zip(two.iter().flatten());
    all(cells.map(|(one, two)| scalars(one, two)))
}

/// Whether two words exclude each other.
fn contradict(one: &str, two: &str) -> bool {
    const PAIRS: [(&str, &str); 6] = [
        ("yes", "no"),
        ("true", "false"),
        ("even", "odd"),
        ("neither", "even"),
        ("neither", "odd"),
        ("positive", "negative"),
    ];
    PAIRS.contains(&(one, two)) || PAIRS.contains(&(two, one))
}
