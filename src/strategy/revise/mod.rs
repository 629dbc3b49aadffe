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
//! What published loops get wrong is what this one is built around: models that correct themselves
//! without an outer judge make right answers wrong (Huang et al. 2023), the last draft is often not the
//! best, and a judge that is asked again and again is satisfied by its own noise in the end. So the best
//! draft is returned and never one that the judge likes less than the first, drafts that come back end
//! the loop, and what is returned is judged once more by a fresh draw or by another judge.

mod accept;
mod budget;
mod critique;
mod drive;
mod policy;
mod preset;
mod rounds;
mod writer;

pub(crate) use drive::settled;
pub use {
    accept::{Accept, AcceptRule},
    budget::{Budget, Spent},
    critique::{Critique, EarlierDraft},
    drive::{revise, revise_with},
    policy::Policy,
    preset::{PRESETS, Preset},
    rounds::{Loop, LoopStep},
    writer::Writer,
};

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

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
    /// What it took.
    pub spent: Spent,
}

impl<T: Into<String>> From<T> for Draft {
    fn from(text: T) -> Self {
        Self { text: text.into(), spent: Spent::default() }
    }
}

/// How a loop goes.
#[derive(Clone, Debug)]
pub struct ReviseOptions {
    /// What it may take.
    pub budget: Budget,
    /// Which drafts take the place of the one before.
    pub accept: Accept,
    /// So many rounds without a gain end the loop as [`RevisionOutcome::Stalled`]; `None` spends the budget.
    pub patience: Option<u32>,
    /// How many critiques the policy sees, the latest first of all; 1 shows that of its draft only.
    pub memory: usize,
    /// Keep the steps before the first error, and let the policy write on from there. The judge must
    /// judge steps.
    pub keep_steps: bool,
    /// Writes the critiques that the policy sees, in the place of the judge's own.
    pub critic: Option<Judge>,
    /// Principles for the critic's field `principle`, one per round in turn (Bai et al. 2022,
    /// Constitutional AI).
    pub principles: Vec<String>,
    /// Who judges what is returned.
    pub final_check: FinalCheck,
    /// Told of every round when it ends.
    pub on_round: OnRound,
}

impl Default for ReviseOptions {
    fn default() -> Self {
        Self {
            budget: Budget::default(),
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

/// Who judges what a loop returns: the loop's own judge was asked until it was content, so its last
/// word says little.
#[derive(Clone, Debug, Default)]
pub enum FinalCheck {
    /// Nobody.
    None,
    /// The same judge, with another draw.
    #[default]
    Fresh,
    /// Another judge; the loop's own is asked for another draw. One without a rule that says what passes
    /// takes the rule of the loop's judge, if both judge the same kind.
    Judge(Judge),
}

/// Whoever wants to see rounds as they end: a user interface, or the sending end of a channel.
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
pub struct OnRound(Option<Arc<Listener>>);

type Listener = dyn Fn(&Round) + Send + Sync;

impl OnRound {
    /// Calls `listener` with every round when it ends; it must not wait.
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

/// How a loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RevisionOutcome {
    /// The judge's pass rule holds.
    Passed,
    /// The budget does not allow another round, or the final check did not end in time.
    Exhausted,
    /// Nothing got better any more: so many rounds without a gain, or a policy that repeats its draft.
    Stalled,
    /// A draft came back that was there before.
    Oscillating,
    /// The judge's answer could not be read: of the first draft, or twice in a row.
    JudgeUnreadable,
    /// The judge or the policy gave no answer.
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

    /// The word in results.
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

/// One draft and what was said of it. Round 0 is the draft that the loop began with.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    /// Its number.
    pub round: u32,
    /// The draft.
    pub draft: String,
    /// The judge's decision; `None` where the draft was there before and was not judged again.
    pub verdict: Option<Result<Verdict, Unreadable>>,
    /// Whether the judge's pass rule holds.
    pub pass: bool,
    /// What the verdict is worth, in its own units: a score, P(passes), or the share of steps before the
    /// first error.
    pub worth: Option<f64>,
    /// What the policy was told of this draft: without verdict lines and marks.
    pub critique: String,
    /// Whether the draft took the place of the one before.
    pub accepted: bool,
    /// The earlier round that had the same draft.
    pub seen_in: Option<u32>,
    /// What writing and judging it took.
    pub spent: Spent,
}

impl Round {
    /// Whether the verdict cannot tell a better failure from a worse one.
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
    /// Whether the loop's own judge said otherwise.
    pub flipped: bool,
    /// What it took.
    pub spent: Spent,
}

/// What a loop came to.
#[derive(Clone, Debug)]
pub struct Revision {
    /// How it ended.
    pub outcome: RevisionOutcome,
    /// Every draft, in the order in which they came; none where not even a first one could be had.
    pub rounds: Vec<Round>,
    /// Which of them is returned.
    pub best: usize,
    /// What a fresh judgment says of it.
    pub final_verdict: Option<FinalVerdict>,
    /// Why it failed; there is one exactly where the outcome is [`RevisionOutcome::Failed`].
    pub error: Option<Error>,
    /// What everything took.
    pub spent: Spent,
    /// How long it took.
    pub time: Duration,
}

impl Revision {
    /// The text that is returned: the best draft that was accepted. It is empty where not even a first
    /// draft could be had: [`error`](Self::error) says why.
    pub fn text(&self) -> &str {
        self.returned().map_or("", |round| &round.draft)
    }

    /// The round whose draft is returned.
    pub fn returned(&self) -> Option<&Round> {
        self.rounds.get(self.best)
    }

    /// Whether the loop's judge passes what is returned, and the fresh judgment does not deny it.
    pub fn passed(&self) -> bool {
        let denied = self.final_verdict.as_ref().is_some_and(|check| !check.pass);
        self.outcome == RevisionOutcome::Passed && !denied
    }

    /// How often a draft was accepted that the judge likes less than the one before.
    pub fn regressions(&self) -> usize {
        let accepted: Vec<&Round> = self.rounds.iter().filter(|round| round.accepted).collect();
        let worse = |pair: &&[&Round]| match pair {
            [before, after] => after.worth < before.worth,
            _ => false,
        };
        accepted.windows(2).filter(worse).count()
    }
}
