//! Which drafts take the place of the one before.

use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::Judge,
    parse::Kind,
    prompt::Order,
    verdict::{Judgment, Preference, Verdict},
};

/// Which drafts take the place of the one before.
#[derive(Clone, Debug)]
pub enum Accept {
    /// Every one, as most published loops have it. Under a judge that errs this makes things worse.
    Always,
    /// One that the judge says is worth more, by more than `margin` in the units of its verdict; one that
    /// passes always is. Of bare labels, which cannot tell a better failure from a worse one, equals are
    /// accepted too.
    Better {
        /// By how much.
        margin: f64,
    },
    /// One that a comparing judge prefers in both orders (Refine-n-Judge).
    Preferred(Judge),
}

impl Accept {
    /// Fails where the comparing judge cannot compare, or sees answers in one order only.
    pub(super) fn check(&self) -> Result<()> {
        let Self::Preferred(judge) = self else { return Ok(()) };
        if judge.prompt().front().kind == Kind::Preference && judge.order() == Order::Both {
            return Ok(());
        }
        let message =
            format!("`{}` does not compare two answers in both orders", judge.prompt().name());
        Err(Error::new(ErrorKind::Config, message).hint("take the prompt `pair`"))
    }
}

/// What a verdict says an answer is worth, in the units of the verdict; nothing for what cannot be read
/// and for verdicts about several answers.
pub(super) fn worth(judgment: &Judgment, item: &Item) -> Option<f64> {
    let passes = judgment.pass == Some(true);
    match judgment.verdict.as_ref().ok()? {
        Verdict::Score(score) => Some(*score),
        Verdict::Label(label) => {
            let sure = label.confidence.unwrap_or(1.0);
            Some(if passes { sure } else { 1.0 - sure })
        }
        Verdict::Steps(steps) => {
            let count = item.steps().len().max(steps.steps.len());
            match steps.first_error {
                None => Some(1.0),
                Some(first) => (count == 0 || first < count).then(|| share(first, count)),
            }
        }
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 steps")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Whether the answer `new` of two is preferred whichever of them is shown first.
pub(super) fn prefers(judgment: &Judgment) -> bool {
    judgment.preference() == Some(Preference::Second) && judgment.consistent == Some(true)
}
