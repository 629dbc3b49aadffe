//! Thresholds of cascades, with a guarantee: how sure each judge must be, so that what is decided agrees with labels.
//!
//! After Jung et al. 2024, "Trust or Escalate: LLM Judges with Provable Guarantees for Human Agreement". For each judge,
//! thresholds are tested from high to low on the labelled records that reach it. A threshold passes if so few of the
//! verdicts at or above it disagree that a judge with a higher risk than allowed would have done so with a probability
//! of at most `delta` (an exact binomial test). The first threshold that fails ends the sequence, and the last one that
//! passed is used: a sequence of tests in a fixed order needs no correction for their number.
//!
//! | module | what it holds |
//! |---|---|
//! | `fit` | the tests of one judge |
//! | `collect` | certainties and agreement from result lines |
//! | `print` | the report |

mod collect;
mod fit;
mod print;

pub use {
    collect::{CascadeCoverage, CascadeSample},
    fit::{disagreement_bound, fit_threshold},
    print::CascadeReport,
};

use crate::verdict::{CascadeThresholds, JudgeThreshold};

/// What one judge of a cascade answered about a labelled record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CascadeAnswer {
    /// Whether its verdict agrees with the label; `None` without a readable verdict.
    pub agrees: Option<bool>,
    /// How sure it is of its verdict, 0 to 1, where that is known.
    pub certainty: Option<f64>,
    /// The number of answers of its model.
    pub calls: usize,
    /// What these cost, where that is known.
    pub cost: Option<f64>,
}

/// What a cascade does with labelled records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CascadeFigures {
    /// The judges, in the order in which they are asked.
    pub judges: Vec<JudgeFigures>,
    /// The number of records.
    pub records: usize,
    /// The number of answers of all models.
    pub calls: usize,
    /// What these cost, where that is known.
    pub cost: Option<f64>,
}

/// What one judge of a cascade does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JudgeFigures {
    /// Records that reach it.
    pub asked: usize,
    /// Records that it decides.
    pub decided: usize,
    /// Decided records on which it agrees with the label.
    pub agreed: usize,
}

impl CascadeFigures {
    /// What judges with these thresholds do. Every record has one answer of each judge. Below its threshold, and
    /// without a verdict, a judge passes the record on; the last one abstains.
    ///
    /// ```
    /// use tribunal::report::{CascadeAnswer, CascadeFigures};
    ///
    /// let says = |agrees, certainty| CascadeAnswer {
    ///     agrees: Some(agrees),
    ///     certainty: Some(certainty),
    ///     calls: 1,
    ///     cost: None,
    /// };
    /// let records = [[says(true, 0.9), says(true, 0.8)], [says(false, 0.6), says(true, 0.7)]];
    /// let figures = CascadeFigures::of(&[Some(0.8), Some(0.0)], &records);
    /// assert_eq!((figures.decided(), figures.agreed(), figures.calls), (2, 2, 3));
    /// ```
    pub fn of<R: AsRef<[CascadeAnswer]>>(thresholds: &[Option<f64>], records: &[R]) -> Self {
        let judges = vec![JudgeFigures::default(); thresholds.len()];
        let mut figures = Self { judges, records: records.len(), calls: 0, cost: Some(0.0) };
        for record in records {
            for ((answer, least), judge) in
                record.as_ref().iter().zip(thresholds).zip(&mut figures.judges)
            {
                judge.asked += 1;
                figures.calls += answer.calls;
                figures.cost = figures.cost.zip(answer.cost).map(|(sum, more)| sum + more);
                if let Some(agrees) = answer.agrees.filter(|_| decides(answer, *least)) {
                    judge.decided += 1;
                    judge.agreed += usize::from(agrees);
                    break;
                }
            }
        }
        figures
    }

    /// The number of records that some judge decides.
    pub fn decided(&self) -> usize {
        self.judges.iter().map(|judge| judge.decided).sum()
    }

    /// The number of decided records on which the cascade agrees with the label.
    pub fn agreed(&self) -> usize {
        self.judges.iter().map(|judge| judge.agreed).sum()
    }
}

/// Whether a judge with a verdict decides.
fn decides(answer: &CascadeAnswer, least: Option<f64>) -> bool {
    least.is_some_and(|least| least <= 0.0 || answer.certainty.is_some_and(|own| own >= least))
}

/// The thresholds of a cascade that agrees with labels on at least the share `agree` of what it decides, except with
/// the probability `delta`. Every record has one answer of each judge.
///
/// Each judge has its share of `delta`, and is fitted on the records that those before it pass on. A judge for which no
/// threshold passes never decides.
///
/// ```
/// use tribunal::report::{CascadeAnswer, fit_cascade};
///
/// let says = |agrees, certainty| CascadeAnswer {
///     agrees: Some(agrees),
///     certainty: Some(certainty),
///     ..CascadeAnswer::default()
/// };
/// // A small judge that is right where it is sure, and a large one that is always right.
/// let small = |n: u32| if n % 2 == 0 { says(true, 0.95) } else { says(n % 4 == 1, 0.55) };
/// let records: Vec<_> = (0..400).map(|n| [small(n), says(true, 0.99)]).collect();
/// let thresholds = fit_cascade(2, &records, 0.9, 0.1);
/// assert_eq!(thresholds.certainty(), [0.95, 0.99]);
/// ```
pub fn fit_cascade<R: AsRef<[CascadeAnswer]>>(
    judges: usize,
    records: &[R],
    agree: f64,
    delta: f64,
) -> CascadeThresholds {
    let share = delta / f64::from(u32::try_from(judges.max(1)).unwrap_or(u32::MAX));
    let mut left: Vec<&[CascadeAnswer]> = records.iter().map(AsRef::as_ref).collect();
    let mut thresholds = Vec::new();
    for judge in 0..judges {
        let answers: Vec<(f64, bool)> = left
            .iter()
            .filter_map(|record| record.get(judge))
            .filter_map(|answer| Some((answer.certainty?, answer.agrees?)))
            .collect();
        let threshold = fit_threshold(&answers, agree, share);
        let decided = |record: &&[CascadeAnswer]| {
            record.get(judge).is_some_and(|one| one.agrees.is_some() && decides(one, threshold))
        };
        left.retain(|record| !decided(record));
        thresholds.push(JudgeThreshold { threshold, ..JudgeThreshold::default() });
    }
    let mut fitted = CascadeThresholds::new(agree, delta, thresholds);
    fitted.records = records.len();
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::ratio;

    /// A record of a made-up population: the small judge is right as often as it is sure, the large one in 96 of 100.
    fn record(random: &mut fastrand::Rng) -> [CascadeAnswer; 2] {
        let certainty = 0.5 + 0.5 * random.f64();
        let mut says = |certainty: f64, right: f64| CascadeAnswer {
            agrees: Some(random.f64() < right),
            certainty: Some(certainty),
            calls: 1,
            cost: None,
        };
        [says(certainty, certainty), says(1.0, 0.96)]
    }

    /// The share of splits in which a cascade that was fitted on one part agrees often enough on the other, and the mean
    /// share of records that the small judge decides there.
    fn kept(agree: f64, delta: f64) -> (f64, f64) {
        const SPLITS: u32 = 200;
        let mut random = fastrand::Rng::with_seed(18);
        let mut all: Vec<_> = (0..4000).map(|_| record(&mut random)).collect();
        let (mut met, mut by_small) = (0_u32, 0.0);
        for _ in 0..SPLITS {
            random.shuffle(&mut all);
            let (labelled, others) = all.split_at(500);
            let fitted = fit_cascade(2, labelled, agree, delta);
            let own: Vec<_> = fitted.judges.iter().map(|judge| judge.threshold).collect();
            let figures = CascadeFigures::of(&own, others);
            let agreement = ratio(figures.agreed(), figures.decided());
            met += u32::from(figures.decided() == 0 || agreement >= agree);
            by_small += ratio(figures.judges[0].decided, figures.records);
        }
        (f64::from(met) / f64::from(SPLITS), by_small / f64::from(SPLITS))
    }

    #[test]
    fn over_random_splits_the_agreement_is_kept_as_often_as_was_asked_for() {
        for (agree, delta) in [(0.85, 0.1), (0.9, 0.1), (0.9, 0.05)] {
            let (met, by_small) = kept(agree, delta);
            assert!(met >= 1.0 - delta, "{agree}, {delta}: {met}");
            assert!(by_small > 0.1, "{agree}, {delta}: the small judge decides {by_small}");
        }
    }
}
