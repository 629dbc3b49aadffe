//! Exact values: quotients of polynomials in lowest terms.
//!
//! The denominator contains no roots: it is multiplied by its conjugates, so `1/(1 + √2)` is `√2 − 1`. It
//! has the leading coefficient 1 and no divisor in common with the numerator, so equal values are equal as
//! data, and print as the same text.

use std::fmt;

use num_rational::BigRational;

use super::{
    fuel::Fuel,
    numbers::{factors, one, power, zero},
    poly::{Atom, Exponent, LARGEST_EXPONENT, Monomial, Poly},
};

/// A value: a number, or an expression of symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quotient {
    above: Poly,
    /// Without roots, and with the leading coefficient 1.
    below: Poly,
}

impl From<BigRational> for Quotient {
    fn from(number: BigRational) -> Self {
        Self { above: number.into(), below: one().into() }
    }
}

impl From<Atom> for Quotient {
    fn from(atom: Atom) -> Self {
        Self { above: Poly::atom(atom), below: one().into() }
    }
}

impl Quotient {
    /// The value, if it is a rational number.
    pub(super) fn rational(&self) -> Option<BigRational> {
        self.polynomial()?.rational()
    }

    /// The value, if it divides by nothing.
    fn polynomial(&self) -> Option<&Poly> {
        self.below.rational().map(|_| &self.above)
    }

    /// The numerator.
    pub(super) fn above(&self) -> &Poly {
        &self.above
    }

    /// Whether it is 0.
    pub(super) fn is_zero(&self) -> bool {
        self.above.is_zero()
    }

    /// Whether it is a number, without any symbol.
    pub(super) fn is_number(&self) -> bool {
        let pi = Atom::Symbol("pi".into());
        let atoms = self.above.atoms().into_iter().chain(self.below.atoms());
        atoms.into_iter().all(|atom| atom.is_number() || *atom == pi)
    }

    /// Whether a part of it is compared by its text only, so that it may equal a different text.
    pub(super) fn is_opaque(&self) -> bool {
        let atoms = self.above.atoms().into_iter().chain(self.below.atoms());
        atoms.into_iter().any(|atom| matches!(atom, Atom::Opaque(_)))
    }

    /// The name, if it is one symbol.
    pub(super) fn symbol(&self) -> Option<&str> {
        let (factor, name) = self.multiple_of_symbol()?;
        (factor == one()).then_some(name)
    }

    /// The number and the symbol, if it is a number times a symbol.
    pub(super) fn multiple_of_symbol(&self) -> Option<(BigRational, &str)> {
        let (monomial, number) = self.polynomial()?.single()?;
        match monomial.0.as_slice() {
            [(Atom::Symbol(name), exponent)] if *exponent == Exponent::from_integer(1) => {
                Some((number.clone(), name))
            }
            _ => None,
        }
    }

    /// Whether the symbol occurs in it.
    pub(super) fn contains(&self, symbol: &str) -> bool {
        let mut atoms = self.above.atoms().into_iter().chain(self.below.atoms());
        // An opaque part may contain the symbol.
        atoms.any(|atom| match atom {
            Atom::Symbol(name) => name == symbol,
            Atom::Opaque(_) => true,
            _ => false,
        })
    }

    /// The sum of both.
    pub(super) fn plus(&self, other: &Self, fuel: &Fuel) -> Option<Self> {
        if self.below == other.below && self.polynomial().is_some() {
            return Some(Self { above: self.above.plus(&other.above), ..self.clone() });
        }
        let one = self.above.times(&other.below, fuel)?;
        let two = other.above.times(&self.below, fuel)?;
        Self::of(&one.plus(&two), &self.below.times(&other.below, fuel)?, fuel)
    }

    /// The value times a number.
    pub(super) fn scaled(&self, factor: &BigRational) -> Self {
        if *factor == zero() {
            return zero().into();
        }
        Self { above: self.above.scaled(factor), ..self.clone() }
    }

    /// The value with the opposite sign.
    pub(super) fn negated(&self) -> Self {
        Self { above: self.above.negated(), ..self.clone() }
    }

    /// The difference of both.
    pub(super) fn minus(&self, other: &Self, fuel: &Fuel) -> Option<Self> {
        self.plus(&other.negated(), fuel)
    }

    /// The product of both.
    pub(super) fn times(&self, other: &Self, fuel: &Fuel) -> Option<Self> {
        let above = self.above.times(&other.above, fuel)?;
        Self::of(&above, &self.below.times(&other.below, fuel)?, fuel)
    }

    /// The quotient of both; `None` if it divides by 0.
    pub(super) fn over(&self, other: &Self, fuel: &Fuel) -> Option<Self> {
        let above = self.above.times(&other.below, fuel)?;
        Self::of(&above, &self.below.times(&other.above, fuel)?, fuel)
    }

    /// A quotient in lowest terms.
    fn of(above: &Poly, below: &Poly, fuel: &Fuel) -> Option<Self> {
        let (above, below) = without_roots(above, below, fuel)?;
        if let Some(number) = below.rational() {
            let inverse = (number != zero()).then(|| number.recip())?;
            return Some(Self { above: above.scaled(&inverse), below: one().into() });
        }
        let parts = above.by_roots();
        let mut common = below.clone();
        for part in parts.values() {
            common = common.common_divisor(part, fuel)?;
        }
        let mut reduced = Poly::default();
        for (roots, part) in &parts {
            let part = part.over(&common, fuel)?;
            reduced = reduced.plus(&part.times(&Poly::term(one(), roots.clone()), fuel)?);
        }
        let below = below.over(&common, fuel)?;
        let (_, leading) = below.leading()?;
        let inverse = leading.recip();
        Some(Self { above: reduced.scaled(&inverse), below: below.monic() })
    }

    /// The value to a power with a rational exponent; `None` if it is too large or not defined.
    ///
    /// Roots are taken of products of numbers only; other roots are opaque.
    pub(super) fn power(&self, exponent: &BigRational, fuel: &Fuel) -> Option<Self> {
        let top = i64::try_from(exponent.numer()).ok()?;
        let bottom = i64::try_from(exponent.denom()).ok().filter(|bottom| *bottom <= 64)?;
        if bottom == 1 {
            return self.whole_power(top, fuel);
        }
        if top.abs() > LARGEST_EXPONENT {
            return None;
        }
        match self.polynomial().and_then(Poly::single) {
            _ if self.is_zero() => (top > 0).then(|| zero().into()),
            Some((monomial, number)) if monomial.0.iter().all(|(atom, _)| is_prime(atom)) => {
                root(monomial, number, Exponent::new(top, bottom), fuel)
            }
            _ => Some(Atom::Opaque(format!("({self})^({exponent})")).into()),
        }
    }

    fn whole_power(&self, exponent: i64, fuel: &Fuel) -> Option<Self> {
        if let Some(number) = self.rational() {
            return Some(power(&number, exponent)?.into());
        }
        if exponent.abs() > LARGEST_EXPONENT {
            return None;
        }
        let mut result: Self = one().into();
        for _ in 0..exponent.unsigned_abs() {
            result = result.times(self, fuel)?;
        }
        if exponent < 0 { Self::from(one()).over(&result, fuel) } else { Some(result) }
    }
}

/// Whether an atom is a prime under a root.
fn is_prime(atom: &Atom) -> bool {
    matches!(atom, Atom::Prime(_))
}

/// A number and a product of roots to a power that is not whole.
///
/// An even root of a negative number is imaginary. An odd root of one is the real root, as schools teach it.
fn root(monomial: &Monomial, number: &BigRational, to: Exponent, fuel: &Fuel) -> Option<Quotient> {
    let is_negative = *number < zero();
    let sign: Quotient = match (is_negative, *to.denom()) {
        (false, _) => one().into(),
        (true, 2) => Quotient::from(Atom::Imaginary).whole_power(*to.numer(), fuel)?,
        (true, bottom) if bottom % 2 == 0 => return None,
        (true, _) if to.numer() % 2 == 0 => one().into(),
        (true, _) => Quotient::from(-one()),
    };
    let above = factors(&number.numer().magnitude().clone().into())?;
    let below = factors(number.denom())?;
    let above = above.into_iter().map(|(prime, times)| (prime, Exponent::from_integer(times)));
    let below = below.into_iter().map(|(prime, times)| (prime, Exponent::from_integer(-times)));
    let roots = monomial.0.iter().filter_map(|(atom, exponent)| match atom {
        Atom::Prime(prime) => Some((*prime, *exponent)),
        _ => None,
    });
    let mut result = sign;
    for (prime, exponent) in above.chain(below).chain(roots) {
        let exponent = exponent * to;
        let (whole, rest) = (exponent.floor(), exponent - exponent.floor());
        let factor = power(&BigRational::from_integer(prime.into()), whole.to_integer())?;
        let mut term = Poly::from(factor);
        if rest != Exponent::from_integer(0) {
            let prime = Monomial::of(Atom::Prime(prime), rest);
            term = term.times(&Poly::term(one(), prime), fuel)?;
        }
        result = result.times(&Quotient { above: term, below: one().into() }, fuel)?;
    }
    Some(result)
}

/// Numerator and denominator, multiplied so that the denominator contains no roots.
///
/// Square roots and the imaginary unit are removed one after another by conjugates. Other roots are removed
/// only from a product; `None` for a sum with one.
fn without_roots(above: &Poly, below: &Poly, fuel: &Fuel) -> Option<(Poly, Poly)> {
    let (mut above, mut below) = (above.clone(), below.clone());
    if let Some((monomial, _)) = below.single() {
        for (atom, exponent) in monomial.0.clone().into_iter().filter(|(atom, _)| atom.is_number())
        {
            // √p·√p is p, and i·i is −1.
            let whole = if is_prime(&atom) { 1 } else { 2 };
            let missing = Exponent::from_integer(whole) - exponent;
            let missing = Poly::term(one(), Monomial::of(atom, missing));
            above = above.times(&missing, fuel)?;
            below = below.times(&missing, fuel)?;
        }
        return Some((above, below));
    }
    let root_of = |poly: &Poly| poly.atoms().into_iter().find(|atom| atom.is_number()).cloned();
    while let Some(root) = root_of(&below) {
        let half = |(monomial, _): (&Monomial, _)| {
            let exponent = monomial.exponent(&root);
            exponent == Exponent::from_integer(0) || exponent == Exponent::new(1, 2)
        };
        if is_prime(&root) && !below.0.iter().all(half) {
            return None;
        }
        let conjugate = below.conjugate(&root);
        above = above.times(&conjugate, fuel)?;
        below = below.times(&conjugate, fuel)?;
    }
    Some((above, below))
}

/// `3/4`, `2*x + 1` or `(x + 1)/(x - 1)`.
impl fmt::Display for Quotient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.polynomial().is_some() {
            return write!(f, "{}", self.above);
        }
        write!(f, "({})/({})", self.above, self.below)
    }
}
