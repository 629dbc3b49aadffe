//! Whether two judges of the same records differ by more than chance.

use super::real;

/// The two-sided p-value of McNemar's exact test (McNemar 1947, Psychometrika 12).
///
/// Only records that changed are used: `first` were better in the first run alone, `second` in the second alone. If the
/// runs were equally good, each change would be as likely in one direction as in the other: p is twice the probability
/// of min(b, c) or fewer heads in b + c tosses of a coin, at most 1. The exact form is used because its approximation by
/// chi-squared is poor for fewer than about 25 changes.
///
/// ```
/// use tribunal::metrics::mcnemar;
///
/// assert!((mcnemar(9, 1) - 22.0 / 1024.0).abs() < 1e-12);
/// ```
pub fn mcnemar(first: usize, second: usize) -> f64 {
    let changed = first + second;
    // Each term of the binomial distribution follows from the previous one. Logarithms avoid underflow.
    let mut term = -real(changed) * std::f64::consts::LN_2;
    let mut tail = term.exp();
    for n in 1..=first.min(second) {
        term += (real(changed - n + 1) / real(n)).ln();
        tail += term.exp();
    }
    (2.0 * tail).min(1.0)
}

/// A p-value in words: `p 0.0123`. Smaller ones than four decimals show are not 0.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.000_05 { "p < 0.0001".to_owned() } else { format!("p {p:.4}") }
}
