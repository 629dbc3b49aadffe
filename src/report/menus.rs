//! Verdicts compared with the probabilities of their possible values, counted over a run.
//!
//! At temperature 0, a text whose verdict is not the most probable value is a sign that the prompt does
//! not suit the model: it writes one value and would rather give another. The summary reports how many
//! there are.

use serde_json::{Value, json};

use crate::verdict::Vote;

/// Counts of the votes that have probabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Menus {
    /// Votes with probabilities.
    votes: usize,
    /// Votes whose text has no verdict, so that the most probable value is the verdict.
    scored: usize,
    /// Verdicts from a greedy text whose probability is known.
    written: usize,
    /// Verdicts from a greedy text that are not the most probable value.
    unlikely: usize,
}

impl Menus {
    /// Counts a vote. `greedy` means that every token of the text is the most probable one (temperature
    /// 0).
    pub(super) fn count(&mut self, vote: &Vote, greedy: bool) {
        let Some(seen) = &vote.distribution else { return };
        self.votes += 1;
        let Some(verdict) = vote.outcome.verdict() else { return };
        if vote.is_scored() {
            self.scored += 1;
            return;
        }
        let own = verdict.meaning().and_then(|meaning| seen.of(&meaning));
        let Some(own) = own.filter(|_| greedy) else { return };
        self.written += 1;
        self.unlikely += usize::from(seen.labels.iter().any(|(_, p)| *p > own));
    }

    /// The lines of the summary; none if both counts are 0.
    pub(super) fn lines(&self) -> Vec<String> {
        let Self { scored, written, unlikely, .. } = *self;
        let mut lines = Vec::new();
        if scored > 0 {
            lines.push(format!(
                "verdicts by the likeliest value, where the text lacked one: {scored}"
            ));
        }
        if unlikely > 0 {
            lines.push(format!(
                "verdicts of the text that are not the likeliest value, at temperature 0: {unlikely} of {written}"
            ));
        }
        lines
    }

    /// The counts as JSON; `None` if no vote has probabilities.
    pub(super) fn to_json(self) -> Option<Value> {
        let Self { votes, scored, unlikely, .. } = self;
        (votes > 0).then(|| json!({"votes": votes, "scored": scored, "not_likeliest": unlikely}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        completion::Distribution,
        verdict::{Outcome, Verdict},
    };

    #[test]
    fn greedy_texts_that_are_not_the_likeliest_value_are_counted() {
        let seen = Distribution::new(vec![("1".into(), 0.2), ("2".into(), 0.5)]);
        let vote = |score: f64, rule: &str| Vote {
            rule: Some(rule.into()),
            distribution: Some(seen.clone()),
            ..Vote::new(Outcome::Verdict(Verdict::Score(score)))
        };
        let mut menus = Menus::default();
        menus.count(&vote(1.0, "mark"), true);
        menus.count(&vote(2.0, "mark"), true);
        menus.count(&vote(1.0, "mark"), false);
        menus.count(&vote(2.0, "mark scored"), true);
        menus.count(&Vote::new(Outcome::Verdict(Verdict::Score(1.0))), true);
        assert_eq!(menus, Menus { votes: 4, scored: 1, written: 2, unlikely: 1 });
        assert!(menus.lines()[1].ends_with(": 1 of 2"));
    }
}
