//! Revise until it passes: draft, judge, critique, better draft, judge again.
//!
//! ```
//! # #[cfg(all(feature = "llama", feature = "tiny"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> tribunal::Result<()> {
//! use tribunal::{Item, Judge, strategy::revise::{Draft, ReviseOptions, revise}};
//!
//! let judge = Judge::builder().model("tiny").prompt("tiny-steps").pass("first_error = -1").build().await?;
//! let item = Item::new().question("12 + 30 - 5").answer("12 + 30 = 42\n42 - 5 = 36");
//! let policy = async |critique: &tribunal::strategy::revise::Critique| {
//!     assert!(critique.text.contains("Paragraph 1"));
//!     Ok(Draft::from("12 + 30 = 42\n42 - 5 = 37"))
//! };
//! let revision = revise(policy, &judge, &item, &ReviseOptions::default()).await?;
//! assert!(revision.passed());
//! assert_eq!(revision.text(), "12 + 30 = 42\n42 - 5 = 37");
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "llama", feature = "tiny")))]
//! # fn main() {}
//! ```
//!
//! The loop avoids three weaknesses of published loops. Models that correct themselves without an outer judge
//! turn right answers into wrong ones (Huang et al. 2023); the last draft is often not the best one; and a
//! judge that is asked repeatedly eventually passes a draft because of its own noise. Therefore the best
//! draft is returned, never one that the judge rates below the first; a repeated draft ends the loop; and the
//! returned draft is judged once more, by a fresh draw or by another judge.

mod accept;
mod critique;
mod drive;
mod limits;
mod policy;
mod preset;
mod rounds;
mod settled;
mod writer;

pub(crate) use settled::settled;
pub use {
    accept::{Accept, AcceptRule},
    critique::{Critique, EarlierDraft},
    drive::{revise, revise_with},
    limits::ReviseLimits,
    policy::Policy,
    preset::{PRESETS, Preset},
    rounds::{Loop, LoopStep},
    writer::Writer,
};

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

#[doc(inline)]
pub use super::Spent;
use crate::{
    error::Error,
    judge::Judge,
    verdict::{Unreadable, Verdict},
};

/// A text that a policy wrote.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draft {
    /// The text.
    pub text: String,
    /// The cost of writing it; 0 for a converted text.
    pub spent: Spent,
}

impl<T: Into<String>> From<T> for Draft {
    fn from(text: T) -> Self {
        Self { text: text.into(), spent: Spent::default() }
    }
}

/// The settings of a loop: its limits, which drafts it accepts, and who judges the last one.
///
/// ```
/// use std::time::Duration;
/// use tribunal::strategy::revise::{Accept, ReviseLimits, ReviseOptions};
///
/// let options = ReviseOptions {
///     limits: ReviseLimits { rounds: 8, time: Some(Duration::from_secs(60)), ..ReviseLimits::default() },
///     accept: Accept::Better { margin: 0.5 },
///     memory: 3,
///     ..ReviseOptions::default()
/// };
/// # drop(options);
/// ```
#[derive(Clone, Debug)]
pub struct ReviseOptions {
    /// The limits of the loop; four revisions by default.
    pub limits: ReviseLimits,
    /// Which drafts replace the previous one; by default better ones.
    pub accept: Accept,
    /// After this many rounds without a better draft, the loop ends as [`RevisionOutcome::Stalled`]. Default
    /// 3; with `None` only the limits end it.
    pub patience: Option<u32>,
    /// The number of critiques that the policy sees. 1, the default, is the critique of its draft only; more
    /// add those of earlier drafts.
    pub memory: usize,
    /// Whether the steps before the first error are kept and the policy continues from there. The judge must
    /// judge steps.
    pub keep_steps: bool,
    /// Writes the critiques for the policy in place of the judge.
    pub critic: Option<Judge>,
    /// Principles for the critic's field `principle`, one per round in rotation (Bai et al. 2022,
    /// Constitutional AI).
    pub principles: Vec<String>,
    /// Which judge checks the returned draft.
    pub final_check: FinalCheck,
    /// Is called with every round when it ends.
    pub on_round: OnRound,
}

impl Default for ReviseOptions {
    fn default() -> Self {
        Self {
            limits: ReviseLimits::default(),
            accept: Accept::Better { margin: 0.0 },
            patience: Some(3),
            memory: 1,
            keep_steps: false,
            critic: None,
            principles: Vec::new(),
            final_check: FinalCheck::default(),
            on_round: OnRound::default(),
        }
    }
}

/// Which judge checks the returned draft. The loop's own judge was asked until it passed a draft, so its last
/// verdict is weak evidence.
#[derive(Clone, Debug, Default)]
pub enum FinalCheck {
    /// No check.
    None,
    /// The same judge, with another draw.
    #[default]
    Fresh,
    /// Another judge. Without a pass rule of its own, it gets that of the loop's judge if both give verdicts
    /// of the same kind. If it is the loop's own judge, it is asked for another draw.
    Judge(Judge),
}

/// A listener for finished rounds: a user interface, or the sending end of a channel.
///
/// ```
/// use tribunal::strategy::revise::{OnRound, ReviseOptions};
///
/// let (sender, events) = std::sync::mpsc::channel();
/// let options = ReviseOptions {
///     on_round: OnRound::new(move |round| drop(sender.send(round.clone()))),
///     ..ReviseOptions::default()
/// };
/// # drop((options, events));
/// ```
#[derive(Clone, Default)]
pub struct OnRound(Option<Arc<RoundListener>>);

type RoundListener = dyn Fn(&Round) + Send + Sync;

impl OnRound {
    /// Calls `listener` with every round when it ends. It must return quickly, because the loop waits for it.
    pub fn new(listener: impl Fn(&Round) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    fn tell(&self, round: &Round) {
        if let Some(listener) = &self.0 {
            listener(round);
        }
    }
}

impl fmt::Debug for OnRound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "OnRound(…)" } else { "OnRound" })
    }
}

/// Why a loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RevisionOutcome {
    /// The pass rule of the judge holds.
    Passed,
    /// The limits do not allow another round, or the final check did not end in time.
    Exhausted,
    /// No progress: too many rounds without a better draft, or a policy that repeats its draft.
    Stalled,
    /// The policy wrote an earlier draft again.
    Oscillating,
    /// The judge's answer could not be read: for the first draft, or twice in a row.
    JudgeUnreadable,
    /// The judge or the policy did not answer.
    Failed,
}

impl RevisionOutcome {
    /// Every outcome, the best first.
    pub const ALL: [Self; 6] = [
        Self::Passed,
        Self::Exhausted,
        Self::Stalled,
        Self::Oscillating,
        Self::JudgeUnreadable,
        Self::Failed,
    ];

    /// The name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Exhausted => "exhausted",
            Self::Stalled => "stalled",
            Self::Oscillating => "oscillating",
            Self::JudgeUnreadable => "judge-unreadable",
            Self::Failed => "failed",
        }
    }
}

/// One draft and its judgment. Round 0 is the draft that the loop began with.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Its number, from 0.
    pub round: u32,
    /// The draft.
    pub draft: String,
    /// The decision of the judge; `None` if an equal draft was judged before.
    pub verdict: Option<Result<Verdict, Unreadable>>,
    /// Whether the pass rule of the judge holds.
    pub pass: bool,
    /// The verdict as a comparable number: the score in the units of its scale, the probability that a label
    /// passes (0 to 1), or the share of steps before the first error (0 to 1).
    pub worth: Option<f64>,
    /// The critique as the policy saw it: without the verdict line and without marks.
    pub critique: String,
    /// Whether the draft replaced the previous one.
    pub accepted: bool,
    /// The earlier round with the same draft.
    pub seen_in: Option<u32>,
    /// The cost of writing and judging it.
    pub spent: Spent,
}

impl Round {
    /// Whether the verdict is a bare label, which cannot distinguish a better failure from a worse one.
    fn is_two_valued(&self) -> bool {
        matches!(&self.verdict, Some(Ok(Verdict::Label(label))) if label.confidence.is_none())
    }
}

/// A fresh judgment of what a loop returned.
#[derive(Clone, Debug, PartialEq)]
pub struct FinalVerdict {
    /// The model that gave it.
    pub by: String,
    /// The decision.
    pub verdict: Result<Verdict, Unreadable>,
    /// Whether the pass rule holds.
    pub pass: bool,
    /// Whether it contradicts the loop's own judge.
    pub flipped: bool,
    /// Its cost.
    pub spent: Spent,
}

/// The result of a loop: every draft with its judgment, and which one is returned.
#[derive(Clone, Debug)]
pub struct Revision {
    /// Why the loop ended.
    pub outcome: RevisionOutcome,
    /// Every draft, in order; empty if not even a first one was written.
    pub rounds: Vec<Round>,
    /// The index of the round that is returned.
    pub best: usize,
    /// The fresh judgment of the returned draft.
    pub final_verdict: Option<FinalVerdict>,
    /// Why the loop failed; set if and only if the outcome is [`RevisionOutcome::Failed`].
    pub error: Option<Error>,
    /// The cost of all rounds and of the final check.
    pub spent: Spent,
    /// The duration of the loop.
    pub time: Duration,
}

impl Revision {
    /// The returned text: the best accepted draft. It is empty if not even a first draft was written; see
    /// [`error`](Self::error).
    pub fn text(&self) -> &str {
        self.returned().map_or("", |round| &round.draft)
    }

    /// The round whose draft is returned.
    pub fn returned(&self) -> Option<&Round> {
        self.rounds.get(self.best)
    }

    /// Whether the loop's judge passes the returned draft, and the fresh judgment does not contradict it.
    pub fn passed(&self) -> bool {
        let denied = self.final_verdict.as_ref().is_some_and(|check| !check.pass);
        self.outcome == RevisionOutcome::Passed && !denied
    }

    /// How many accepted drafts the judge rated lower than the previous one.
    pub fn regressions(&self) -> usize {
        let accepted: Vec<&Round> = self.rounds.iter().filter(|round| round.accepted).collect();
        let worse = |pair: &&[&Round]| match pair {
            [before, after] => after.worth < before.worth,
            _ => false,
        };
        accepted.windows(2).filter(worse).count()
    }
}
