//! Whether the first order of a comparison is close, so that the answers are shown in the other order too.

use crate::verdict::{Outcome, Preference, Verdict, Vote};

/// When the first order of a comparison is close.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Close {
    /// A preference is close if its probability is below this.
    pub(crate) below: f64,
    /// Scores of answers are close if the two best differ by no more than this.
    pub(crate) within: f64,
}

impl Default for Close {
    fn default() -> Self {
        Self { below: 0.9, within: 1.0 }
    }
}

impl Close {
    /// Whether a vote is close. A tie, a preference without probabilities, a ranking, and a vote without a verdict
    /// always are.
    pub(super) fn is_met(self, vote: &Vote) -> bool {
        let Outcome::Verdict(verdict) = &vote.outcome else { return true };
        match verdict {
            Verdict::Preference(Preference::Tie) => true,
            Verdict::Preference(side) => {
                let p = vote.distribution.as_ref().and_then(|seen| seen.of(side.name()));
                p.is_none_or(|p| p < self.below)
            }
            Verdict::Scores(scores) => lead(scores).is_none_or(|lead| lead <= self.within),
            _ => true,
        }
    }
}

/// By how much the best score is above the second one; `None` with fewer than two.
fn lead(scores: &[f64]) -> Option<f64> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    Some(sorted.first()? - sorted.get(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::Distribution;

    fn sure(side: Preference, p: f64) -> Vote {
        let seen = Distribution::new(vec![
            (side.name().into(), p),
            (side.swapped().name().into(), 1.0 - p),
        ]);
        Vote { distribution: Some(seen), ..Vote::new(Outcome::Verdict(Verdict::Preference(side))) }
    }

    #[test]
    fn a_preference_is_close_below_the_probability() {
        let close = Close { below: 0.8, within: 1.0 };
        for (p, is) in [(0.79, true), (0.8, false), (0.99, false)] {
            assert_eq!(close.is_met(&sure(Preference::Second, p)), is, "{p}");
        }
        assert!(close.is_met(&sure(Preference::Tie, 0.99)));
        let silent = Vote::new(Outcome::Verdict(Verdict::Preference(Preference::First)));
        assert!(close.is_met(&silent), "nothing is known about it");
    }

    #[test]
    fn scores_are_close_within_the_margin() {
        let close = Close { below: 0.8, within: 1.5 };
        for (scores, is) in [
            (vec![8.0, 6.5], true),
            (vec![6.0, 8.0], false),
            (vec![9.0, 2.0, 8.0], true),
            (vec![3.0], true),
        ] {
            assert_eq!(close.is_met(&Vote::new(Outcome::Verdict(Verdict::Scores(scores)))), is);
        }
    }
}
