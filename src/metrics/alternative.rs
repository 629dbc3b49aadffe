//! The alternative annotator test: whether a judge may take the place of a person (Calderon, Reichart and Dror 2025,
//! arXiv:2501.10970).
//!
//! Each person is left out in turn, and on each record the judge and that person are compared by how near they are to the
//! others. The judge wins against a person if it is significantly more often as near or nearer than that person is, less
//! a handicap ε of the person, who costs more. The winning rate ω is the share of people against whom it wins.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{clustered, mean, ratio, real, standard_error};

/// The judge beside one person who is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct AdvantageTest {
    /// The number of records.
    pub count: usize,
    /// The share on which the judge is as near to the others as the person or nearer: ρ_f.
    pub judge: f64,
    /// The share on which the person is as near as the judge or nearer: ρ_h.
    pub person: f64,
    /// The probability of such a difference, or a larger one in favour of the judge, if ρ_f were ρ_h − ε: a paired t-test,
    /// one-sided.
    pub p: f64,
}

impl AdvantageTest {
    /// The fewest records of a person for which Student's t is meant.
    pub const LEAST_RECORDS: usize = 30;

    /// The test on the nearness of the person and of the judge, record by record. Records of one cluster, which are named
    /// beside them, belong together. `None` with fewer than two records or clusters, or if a nearness is not finite.
    ///
    /// ```
    /// use tribunal::metrics::AdvantageTest;
    ///
    /// // The judge is nearer in 6 of 40 records, the person in 10, and both are as near in the others.
    /// let of = |n: u32| if n < 6 { (0.0, 1.0) } else if n < 16 { (1.0, 0.0) } else { (0.5, 0.5) };
    /// let all: Vec<(f64, f64)> = (0..40).map(of).collect();
    /// let strict = AdvantageTest::new(&all, None, 0.1).unwrap();
    /// let lenient = AdvantageTest::new(&all, None, 0.3).unwrap();
    /// assert_eq!((strict.judge, strict.person), (0.75, 0.85));
    /// assert!((strict.p - 0.5).abs() < 1e-9 && lenient.p < 0.03);
    /// ```
    pub fn new(nearness: &[(f64, f64)], clusters: Option<&[usize]>, epsilon: f64) -> Option<Self> {
        if nearness.iter().any(|(one, other)| !one.is_finite() || !other.is_finite()) {
            return None;
        }
        let count = nearness.len();
        let is_ahead = |one: f64, other: f64| one > other - super::NOISE;
        let share = |of: &dyn Fn(&(f64, f64)) -> bool| {
            ratio(nearness.iter().filter(|pair| of(pair)).count(), count)
        };
        let number = |is: bool| f64::from(u8::from(is));
        let differences: Vec<f64> = nearness
            .iter()
            .map(|(person, judge)| {
                number(is_ahead(*person, *judge)) - number(is_ahead(*judge, *person))
            })
            .collect();
        let (error, units) = match clusters {
            Some(clusters) => {
                clustered(&differences, clusters).map(|mean| (mean.error, mean.clusters))?
            }
            None => (standard_error(&differences)?, count),
        };
        Some(Self {
            count,
            judge: share(&|(person, judge)| is_ahead(*judge, *person)),
            person: share(&|(person, judge)| is_ahead(*person, *judge)),
            p: below(mean(&differences)? - epsilon, error, real(units) - 1.0)?,
        })
    }
}

/// The probability of Student's t with these degrees of freedom below a number of standard errors. Without a spread, any
/// distance is beyond all.
fn below(distance: f64, error: f64, freedom: f64) -> Option<f64> {
    if error <= 0.0 {
        return Some(if distance < -super::NOISE { 0.0 } else { 1.0 });
    }
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some(distribution.cdf(distance / error)).filter(|p| p.is_finite())
}

/// p-values of several tests that may depend on each other in any way, adjusted so that a limit for them is one for the
/// share of false discoveries (Benjamini and Yekutieli 2001, Annals of Statistics 29).
///
/// The i-th smallest of m is multiplied by m · (1 + 1/2 + … + 1/m) / i, and no adjusted one is above a later one, or 1.
///
/// ```
/// use tribunal::metrics::benjamini_yekutieli;
///
/// let adjusted = benjamini_yekutieli(&[0.02, 0.01]);
/// assert!(adjusted.iter().all(|p| (p - 0.03).abs() < 1e-12));
/// ```
pub fn benjamini_yekutieli(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len();
    let harmonic: f64 = (1..=count).map(|n| 1.0 / real(n)).sum();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|one, other| p_values[*one].total_cmp(&p_values[*other]));
    let mut adjusted = vec![1.0; count];
    let mut least: f64 = 1.0;
    for (before, place) in order.iter().enumerate().rev() {
        least = least.min(p_values[*place] * harmonic * real(count) / real(before + 1));
        adjusted[*place] = least;
    }
    adjusted
}
