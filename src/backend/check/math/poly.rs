//! Exact sums of products: polynomials over the rationals whose factors are symbols and roots of primes.
//!
//! Every constant root is a product of powers of primes with exponents between 0 and 1, so `√12` is
//! `2·3^(1/2)` and `√2·√3` is `√6`. Different such products are linearly independent over the rationals
//! (Besicovitch 1940), so two sums of them are equal exactly if their terms are.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt,
};

use num_bigint::BigInt;
use num_rational::{BigRational, Ratio};

use super::{
    fuel::Fuel,
    numbers::{MOST_BITS, bits, one, zero},
};

/// A factor that cannot be divided further.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Atom {
    /// A variable or a named constant, such as `x` or `pi`.
    Symbol(String),
    /// An expression that is compared by its text only, such as `sin(x)` or `sqrt(x + 1)`.
    Opaque(String),
    /// The imaginary unit; its exponent is 1.
    Imaginary,
    /// A prime under a root; its exponent is between 0 and 1.
    Prime(u64),
}

impl Atom {
    /// Whether it is a number and not a symbol.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Imaginary | Self::Prime(_))
    }
}

/// The exponent of an atom.
pub(super) type Exponent = Ratio<i64>;

/// A product of atoms with positive exponents, sorted by atom. The empty product is 1.
///
/// Products are in lexicographic order: the one with the higher exponent of the first atom is greater.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Monomial(pub(super) Vec<(Atom, Exponent)>);

impl Ord for Monomial {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut one, mut two) = (self.0.iter(), other.0.iter());
        loop {
            match (one.next(), two.next()) {
                (None, None) => return Ordering::Equal,
                (Some(_), None) => return Ordering::Greater,
                (None, Some(_)) => return Ordering::Less,
                (Some(a), Some(b)) => match b.0.cmp(&a.0).then(a.1.cmp(&b.1)) {
                    Ordering::Equal => (),
                    // The product without the smaller atom has its exponent 0.
                    order => return order,
                },
            }
        }
    }
}

impl PartialOrd for Monomial {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Monomial {
    /// The product of one atom.
    pub(super) fn of(atom: Atom, exponent: Exponent) -> Self {
        Self(vec![(atom, exponent)])
    }

    /// The exponent of an atom, 0 if it does not occur.
    pub(super) fn exponent(&self, atom: &Atom) -> Exponent {
        let found = self.0.iter().find(|(own, _)| own == atom);
        found.map_or(Exponent::from_integer(0), |(_, exponent)| *exponent)
    }

    /// The product of two products, and the rational number that is left over: `√2·√2` is 2.
    fn times(&self, other: &Self) -> Option<(BigRational, Self)> {
        let mut exponents: BTreeMap<&Atom, Exponent> = BTreeMap::new();
        for (atom, exponent) in self.0.iter().chain(&other.0) {
            let sum = exponents.entry(atom).or_default();
            *sum += exponent;
            if *sum > Exponent::from_integer(LARGEST_EXPONENT) {
                return None;
            }
        }
        let (mut factor, mut product) = (one(), Vec::new());
        for (atom, exponent) in exponents {
            let whole = exponent >= Exponent::from_integer(1);
            let rest = match atom {
                Atom::Prime(prime) if whole => {
                    factor *= BigInt::from(*prime);
                    exponent - 1
                }
                Atom::Imaginary if exponent > Exponent::from_integer(1) => {
                    factor = -factor;
                    exponent - 2
                }
                _ => exponent,
            };
            if rest != Exponent::from_integer(0) {
                product.push((atom.clone(), rest));
            }
        }
        Some((factor, Self(product)))
    }

    /// The product that, multiplied by `other`, gives this one; only for products of symbols.
    fn over(&self, other: &Self) -> Option<Self> {
        let mut left = self.0.clone();
        for (atom, exponent) in &other.0 {
            let own = left.iter_mut().find(|(own, _)| own == atom)?;
            own.1 -= exponent;
            if own.1 < Exponent::from_integer(0) {
                return None;
            }
        }
        left.retain(|(_, exponent)| *exponent != Exponent::from_integer(0));
        Some(Self(left))
    }

    /// The roots of this product, and its symbols.
    fn parts(&self) -> (Self, Self) {
        let (numbers, symbols) = self.0.iter().cloned().partition(|(atom, _)| atom.is_number());
        (Self(numbers), Self(symbols))
    }
}

/// The highest exponent of a symbol.
pub(super) const LARGEST_EXPONENT: i64 = 200;

/// The most terms of a polynomial.
const MOST_TERMS: usize = 400;

/// A sum of products with rational coefficients, none of which is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Poly(pub(super) BTreeMap<Monomial, BigRational>);

impl From<BigRational> for Poly {
    fn from(number: BigRational) -> Self {
        Self::term(number, Monomial::default())
    }
}

impl Poly {
    /// One term.
    pub(super) fn term(coefficient: BigRational, monomial: Monomial) -> Self {
        let terms = [(monomial, coefficient)].into_iter();
        Self(terms.filter(|(_, coefficient)| *coefficient != zero()).collect())
    }

    /// One atom.
    pub(super) fn atom(atom: Atom) -> Self {
        Self::term(one(), Monomial::of(atom, Exponent::from_integer(1)))
    }

    /// Whether it is 0.
    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// The number, if it is a rational number.
    pub(super) fn rational(&self) -> Option<BigRational> {
        match self.0.iter().next() {
            None => Some(zero()),
            Some((monomial, number)) if self.0.len() == 1 && monomial.0.is_empty() => {
                Some(number.clone())
            }
            Some(_) => None,
        }
    }

    /// The only term, if there is one.
    pub(super) fn single(&self) -> Option<(&Monomial, &BigRational)> {
        self.0.iter().next().filter(|_| self.0.len() == 1)
    }

    /// Every atom, once.
    pub(super) fn atoms(&self) -> BTreeSet<&Atom> {
        self.0.keys().flat_map(|monomial| monomial.0.iter().map(|(atom, _)| atom)).collect()
    }

    /// The greatest term.
    pub(super) fn leading(&self) -> Option<(&Monomial, &BigRational)> {
        self.0.iter().next_back()
    }

    /// The sum of both.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        other.0.iter().for_each(|(monomial, number)| sum.add(monomial.clone(), number.clone()));
        sum
    }

    /// The polynomial with the opposite sign.
    pub(super) fn negated(&self) -> Self {
        self.scaled(&-one())
    }

    /// The polynomial times a number.
    pub(super) fn scaled(&self, factor: &BigRational) -> Self {
        if *factor == zero() {
            return Self::default();
        }
        Self(self.0.iter().map(|(monomial, own)| (monomial.clone(), own * factor)).collect())
    }

    /// Adds one term, and removes it if its coefficient becomes 0.
    fn add(&mut self, monomial: Monomial, number: BigRational) {
        match self.0.entry(monomial) {
            Entry::Vacant(entry) if number != zero() => {
                entry.insert(number);
            }
            Entry::Vacant(_) => (),
            Entry::Occupied(mut entry) => {
                *entry.get_mut() += number;
                if *entry.get() == zero() {
                    entry.remove();
                }
            }
        }
    }

    /// The product of both; `None` if it is too large.
    pub(super) fn times(&self, other: &Self, fuel: &Fuel) -> Option<Self> {
        let mut product = Self::default();
        for (one, number) in &self.0 {
            for (two, factor) in &other.0 {
                let bits = bits(number) + bits(factor);
                if bits > MOST_BITS {
                    return None;
                }
                fuel.spend(1 + usize::try_from(bits / 64).ok()?)?;
                let (left, monomial) = one.times(two)?;
                product.add(monomial, number * factor * left);
            }
            if product.0.len() > MOST_TERMS {
                return None;
            }
        }
        Some(product)
    }

    /// The polynomial that, multiplied by `other`, gives this one; only for polynomials without roots.
    pub(super) fn over(&self, other: &Self, fuel: &Fuel) -> Option<Self> {
        let (divisor, number) = other.leading()?;
        let (mut rest, mut quotient) = (self.clone(), Self::default());
        while let Some((monomial, coefficient)) = rest.leading() {
            let term = Self::term(coefficient / number, monomial.over(divisor)?);
            rest = rest.plus(&term.times(other, fuel)?.negated());
            quotient = quotient.plus(&term);
        }
        Some(quotient)
    }

    /// The same polynomial with the leading coefficient 1.
    pub(super) fn monic(&self) -> Self {
        self.leading().map_or_else(Self::default, |(_, number)| self.scaled(&number.recip()))
    }

    /// The polynomials of symbols that stand before each product of roots.
    pub(super) fn by_roots(&self) -> BTreeMap<Monomial, Self> {
        let mut all: BTreeMap<Monomial, Self> = BTreeMap::new();
        for (monomial, number) in &self.0 {
            let (roots, symbols) = monomial.parts();
            all.entry(roots).or_default().add(symbols, number.clone());
        }
        all
    }

    /// The same sum with the opposite sign before every term that contains this root.
    pub(super) fn conjugate(&self, root: &Atom) -> Self {
        let of = |(monomial, number): (&Monomial, &BigRational)| {
            let contains = monomial.exponent(root) != Exponent::from_integer(0);
            (monomial.clone(), if contains { -number } else { number.clone() })
        };
        Self(self.0.iter().map(of).collect())
    }

    /// The coefficients of the powers of one symbol, from the power 0.
    fn coefficients(&self, symbol: &Atom) -> Vec<Self> {
        let mut all = Vec::new();
        for (monomial, number) in &self.0 {
            let power = usize::try_from(monomial.exponent(symbol).to_integer()).unwrap_or(0);
            let mut rest = monomial.clone();
            rest.0.retain(|(atom, _)| atom != symbol);
            if all.len() <= power {
                all.resize(power + 1, Self::default());
            }
            all[power].add(rest, number.clone());
        }
        all
    }

    /// The common divisor of the coefficients of the powers of one symbol.
    fn content(&self, symbol: &Atom, fuel: &Fuel) -> Option<Self> {
        let mut common = Self::default();
        for coefficient in self.coefficients(symbol) {
            common = common.common_divisor(&coefficient, fuel)?;
        }
        Some(common)
    }

    /// The greatest common divisor of two polynomials without roots, with the leading coefficient 1, by
    /// primitive remainders (Knuth, The Art of Computer Programming, volume 2, 4.6.1, algorithm E).
    pub(super) fn common_divisor(&self, other: &Self, fuel: &Fuel) -> Option<Self> {
        fuel.spend(1 + self.0.len() + other.0.len())?;
        if self.is_zero() {
            return Some(other.monic());
        }
        if other.is_zero() {
            return Some(self.monic());
        }
        let atoms: Vec<Atom> = self.atoms().into_iter().chain(other.atoms()).cloned().collect();
        let Some(symbol) = atoms.into_iter().min() else { return Some(one().into()) };
        let contents = [self.content(&symbol, fuel)?, other.content(&symbol, fuel)?];
        let common = contents[0].common_divisor(&contents[1], fuel)?;
        let mut large = self.over(&contents[0], fuel)?;
        let mut small = other.over(&contents[1], fuel)?;
        if large.degree(&symbol) < small.degree(&symbol) {
            std::mem::swap(&mut large, &mut small);
        }
        while !small.is_zero() {
            if small.degree(&symbol) == 0 {
                return Some(common.monic());
            }
            let rest = large.remainder(&small, &symbol, fuel)?;
            large = small;
            let content = rest.content(&symbol, fuel)?;
            small = if rest.is_zero() { rest } else { rest.over(&content, fuel)?.monic() };
        }
        Some(common.times(&large, fuel)?.monic())
    }

    /// The highest power of a symbol.
    fn degree(&self, symbol: &Atom) -> i64 {
        let powers = self.0.keys().map(|monomial| monomial.exponent(symbol).to_integer());
        powers.max().unwrap_or(0)
    }

    /// A multiple of the remainder of the division by `divisor` as polynomials in one symbol.
    fn remainder(&self, divisor: &Self, symbol: &Atom, fuel: &Fuel) -> Option<Self> {
        let degree = divisor.degree(symbol);
        let leading = divisor.coefficients(symbol).pop()?;
        let mut rest = self.clone();
        while !rest.is_zero() && rest.degree(symbol) >= degree {
            let shift = rest.degree(symbol) - degree;
            let head = rest.coefficients(symbol).pop()?;
            let power = if shift == 0 {
                Monomial::default()
            } else {
                Monomial::of(symbol.clone(), Exponent::from_integer(shift))
            };
            let taken = head.times(&Self::term(one(), power), fuel)?.times(divisor, fuel)?;
            rest = rest.times(&leading, fuel)?.plus(&taken.negated());
        }
        Some(rest)
    }
}

/// Terms from the greatest to the smallest: `2*x^2 - sqrt(3)*x + 1/2`.
impl fmt::Display for Poly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0");
        }
        for (place, (monomial, number)) in self.0.iter().rev().enumerate() {
            let is_negative = *number < zero();
            let size = if is_negative { -number } else { number.clone() };
            f.write_str(match (place, is_negative) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            })?;
            match (size == one(), monomial.0.is_empty()) {
                (_, true) => write!(f, "{size}")?,
                (true, false) => write!(f, "{monomial}")?,
                (false, false) => write!(f, "{size}*{monomial}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Monomial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = Exponent::new(1, 2);
        let mut squares = BigInt::from(1);
        let mut factors = Vec::new();
        for (atom, exponent) in &self.0 {
            let name = match atom {
                Atom::Symbol(name) | Atom::Opaque(name) => name.clone(),
                Atom::Imaginary => "i".to_owned(),
                Atom::Prime(prime) if *exponent == half => {
                    squares *= BigInt::from(*prime);
                    continue;
                }
                Atom::Prime(prime) => prime.to_string(),
            };
            factors.push(match exponent.is_integer() {
                true if exponent.to_integer() == 1 => name,
                true => format!("{name}^{exponent}"),
                false => format!("{name}^({exponent})"),
            });
        }
        if squares > BigInt::from(1) {
            factors.push(format!("sqrt({squares})"));
        }
        f.write_str(&factors.join("*"))
    }
}
