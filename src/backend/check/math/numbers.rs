//! Exact numbers: small functions on rationals.

use num_bigint::BigInt;
use num_rational::BigRational;

/// The most binary digits of a coefficient: those of 4,000 decimal digits.
pub(super) const MOST_BITS: u64 = 13_300;

/// The number of binary digits of numerator and denominator.
pub(super) fn bits(number: &BigRational) -> u64 {
    number.numer().bits() + number.denom().bits()
}

/// The number 0.
pub(super) fn zero() -> BigRational {
    BigRational::from_integer(BigInt::from(0))
}

/// The number 1.
pub(super) fn one() -> BigRational {
    whole(1)
}

/// A whole number.
pub(super) fn whole(number: i64) -> BigRational {
    BigRational::from_integer(BigInt::from(number))
}

/// A number to a whole power; `None` if the result is too large, or divides by 0.
pub(super) fn power(base: &BigRational, exponent: i64) -> Option<BigRational> {
    let times = u32::try_from(exponent.unsigned_abs()).ok()?;
    if *base == zero() {
        return (exponent > 0).then(zero);
    }
    let is_unit = base.denom() == &BigInt::from(1) && base.numer().bits() <= 1;
    if !is_unit && bits(base).checked_mul(u64::from(times))? > MOST_BITS {
        return None;
    }
    // The powers of 1 and −1 are found by the parity of the exponent.
    let times = if is_unit { times % 2 } else { times };
    let result = BigRational::new_raw(base.numer().pow(times), base.denom().pow(times));
    Some(if exponent < 0 { result.recip() } else { result })
}

/// The prime factors of a positive number with their exponents; `None` if it is too large to be factored
/// quickly.
///
/// A power is factored by its root, so that `10^40` is not too large.
pub(super) fn factors(number: &BigInt) -> Option<Vec<(u64, i64)>> {
    /// The largest divisor that is tried.
    const LARGEST: u64 = 1_000_000;
    let (root, power) = (2..=64)
        .rev()
        .map(|power| (number.nth_root(power), power))
        .find(|(root, power)| root > &BigInt::from(1) && &root.pow(*power) == number)
        .unwrap_or_else(|| (number.clone(), 1));
    let mut rest = u64::try_from(&root).ok()?;
    let mut found = Vec::new();
    let mut divisor = 2;
    while divisor <= LARGEST && divisor * divisor <= rest {
        let mut times = 0;
        while rest.is_multiple_of(divisor) {
            rest /= divisor;
            times += 1;
        }
        if times > 0 {
            found.push((divisor, times * i64::from(power)));
        }
        divisor += if divisor == 2 { 1 } else { 2 };
    }
    if rest > 1 {
        if divisor > LARGEST {
            return None;
        }
        found.push((rest, i64::from(power)));
    }
    Some(found)
}

/// The factorial of a whole number up to 1,000.
pub(super) fn factorial(number: &BigRational) -> Option<BigRational> {
    let number = u32::try_from(number.is_integer().then(|| number.to_integer())?).ok()?;
    (number <= 1000).then(|| BigRational::from_integer((1..=number).map(BigInt::from).product()))
}
