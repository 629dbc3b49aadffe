//! Verdicts from the log-probabilities of given texts: implicit rewards (Rafailov et al. 2024, "From r to Q*"; Yuan et al.
//! 2024, Implicit PRM).
//!
//! The reward of a text is β·(log π(text) − log π_ref(text)), or β·log π(text) without a reference model. Texts that were
//! joined have one sum each, so that a solution has a reward for every step.
//!
//! | kind | verdict |
//! |---|---|
//! | steps | each step by the sum of the rewards up to its end: its `value`; `p` is the sigmoid of it, and a step is right from the threshold |
//! | preference | the text with the larger reward; the probability of the first is the sigmoid of the difference (Bradley and Terry) |
//! | label | correct from the threshold; `p` is the sigmoid of the reward |
//! | score | the reward |

use super::{Kind, Reader, Reply, Slot, Transcript, unreadable::ReadResult};
use crate::{
    completion::Distribution,
    verdict::{
        CORRECT, INCORRECT, Label, Preference, Reason, StepLabel, Steps, Unreadable, Verdict,
    },
};

impl Reader {
    /// The verdict of the texts that were weighed under these names; `None` if none was.
    pub(super) fn by_log_ratio(
        &self,
        names: &[String],
        beta: f64,
        threshold: f64,
        transcript: &Transcript,
    ) -> Option<(ReadResult<Verdict>, Option<Distribution>)> {
        let weighed = |name: &String| {
            transcript
                .results
                .iter()
                .find(|reply| reply.slot.name == *name && reply.chosen.is_some())
        };
        let replies: Vec<&Reply> = names.iter().map(weighed).collect::<Option<_>>()?;
        let rewards: ReadResult<Vec<Vec<f64>>> =
            replies.iter().map(|reply| rewards(reply, beta, transcript)).collect();
        Some(match rewards {
            Ok(rewards) => self.of_rewards(&rewards, threshold),
            Err(why) => (Err(why), None),
        })
    }

    /// The verdict of the rewards of each named list of texts.
    fn of_rewards(
        &self,
        rewards: &[Vec<f64>],
        threshold: f64,
    ) -> (ReadResult<Verdict>, Option<Distribution>) {
        let total = |n: usize| rewards.get(n).map_or(0.0, |texts| texts.iter().sum());
        let one: f64 = total(0);
        match self.spec.kind {
            Kind::Steps => {
                let first = rewards.first().map(Vec::as_slice).unwrap_or_default();
                (Ok(steps(first, threshold)), None)
            }
            Kind::Preference => {
                let difference = one - total(1);
                let seen = shares(["first", "second"], sigmoid(difference));
                (self.preferred(difference), Some(seen))
            }
            Kind::Label => {
                let p = sigmoid(one);
                let (name, sure) = if p >= threshold { (CORRECT, p) } else { (INCORRECT, 1.0 - p) };
                let seen = shares([CORRECT, INCORRECT], p);
                let distribution = Some(seen.clone());
                let (p, confidence) = (Some(p), Some(sure));
                let label = Label { p, confidence, distribution, ..Label::new(name) };
                (Ok(Verdict::Label(label)), Some(seen))
            }
            _ => (self.scored_reward(one), None),
        }
    }

    /// The answer with the larger reward; a tie only where it was offered.
    fn preferred(&self, difference: f64) -> ReadResult<Verdict> {
        let offers_tie = self.spec.scale.as_ref().is_none_or(crate::scale::Scale::allows_tie);
        let side = match difference.total_cmp(&0.0) {
            _ if difference == 0.0 && offers_tie => Preference::Tie,
            _ if difference == 0.0 => {
                let why = "both answers have the same reward, and no tie was offered";
                return Err(Unreadable::new(Reason::Ambiguous, why));
            }
            std::cmp::Ordering::Less => Preference::Second,
            _ => Preference::First,
        };
        Ok(Verdict::Preference(side))
    }

    /// The reward as a score, which must be on the scale.
    fn scored_reward(&self, reward: f64) -> ReadResult<Verdict> {
        let is_on = |scale: &crate::scale::Scale| scale.accept(reward).is_ok();
        if self.spec.scale.as_ref().is_none_or(is_on) {
            return Ok(Verdict::Score(reward));
        }
        Err(Unreadable::new(Reason::OffScale, format!("the reward {reward} is off the scale")))
    }
}

/// The reward of each text of a reply: of the model, less that of the reference model if it was asked.
fn rewards(reply: &Reply, beta: f64, transcript: &Transcript) -> ReadResult<Vec<f64>> {
    let none = |by: &str| {
        let why = format!("{by} reported no log-probabilities of `{}`", reply.slot.name);
        Unreadable::new(Reason::Missing, why)
    };
    let own = &reply.completion.sums;
    if own.is_empty() || own.iter().any(|sum| !sum.is_finite()) {
        return Err(none("the model"));
    }
    let slot: Slot = reply.slot.of_reference();
    let Some(reference) = transcript.results.iter().find(|other| other.slot == slot) else {
        return Ok(own.iter().map(|sum| beta * sum).collect());
    };
    let others = &reference.completion.sums;
    if others.len() != own.len() || others.iter().any(|sum| !sum.is_finite()) {
        return Err(none("the reference model"));
    }
    Ok(own.iter().zip(others).map(|(own, other)| beta * (own - other)).collect())
}

/// The verdict on steps from the reward of each.
fn steps(rewards: &[f64], threshold: f64) -> Verdict {
    let mut value = 0.0;
    let step = |(index, reward): (usize, &f64)| {
        value += reward;
        let p = sigmoid(value);
        let label = if p >= threshold { CORRECT } else { INCORRECT };
        StepLabel { p: Some(p), value: Some(value), ..StepLabel::new(index, label) }
    };
    let steps: Vec<StepLabel> = rewards.iter().enumerate().map(step).collect();
    let first_error = steps.iter().position(|step| step.label == INCORRECT);
    Verdict::Steps(Steps { first_error, steps, ..Steps::default() })
}

/// 1 / (1 + exp(−x)).
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The probabilities of two outcomes, of which the first has the probability `p`.
fn shares(names: [&str; 2], p: f64) -> Distribution {
    let [one, other] = names;
    Distribution::new(vec![(one.to_owned(), p), (other.to_owned(), 1.0 - p)])
}
