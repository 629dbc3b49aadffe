//! Builds a judge from several judges.

use std::sync::Arc;

use super::{Judge, settled};
use crate::{
    aggregate::Aggregate,
    error::{Error, ErrorKind, Result, unknown},
    judging::Panel,
    verdict::Calibration,
};

/// Builds a judge with several members (a jury); created by [`Judge::panel`].
///
/// All members must give verdicts of one kind on one scale. Each votes with its own prompt, model, draws and
/// orders; then the verdicts of the members are combined, with equal weights unless [`weights`](Self::weights) sets
/// others.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Item, Judge, backend::Script};
///
/// let member = |says: &str| Judge::builder().backend(Script::always(says)).prompt("score").build();
/// let (strict, kind) = (member("Score: 4").await?, member("Score: 8").await?);
/// let jury = Judge::panel([("strict", strict), ("kind", kind)]).quorum(2).build().await?;
/// let judgment = jury.judge(&Item::new().question("2 + 2?").answer("4")).await?;
/// assert_eq!(judgment.score(), Some(6.0));
/// assert_eq!(&*judgment.votes[0].by, "strict");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct PanelBuilder {
    members: Vec<(Arc<str>, Judge)>,
    replacements: Vec<(Arc<str>, Judge)>,
    weights: Vec<(Arc<str>, f64)>,
    name: Option<String>,
    aggregate: Option<Aggregate>,
    quorum: Option<usize>,
    pass: Option<String>,
    calibration: Option<Calibration>,
}

impl PanelBuilder {
    pub(super) fn new(members: Vec<(Arc<str>, Judge)>) -> Self {
        Self {
            members,
            replacements: Vec::new(),
            weights: Vec::new(),
            name: None,
            aggregate: None,
            quorum: None,
            pass: None,
            calibration: None,
        }
    }

    /// Adds members that are asked only if another member has no verdict: because every request of it failed, or
    /// because no answer of it could be read. They are asked in this order, one for each such member. A member that
    /// abstained has answered, and is not replaced.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> tribunal::Result<()> {
    /// use tribunal::{Item, Judge, backend::Script};
    ///
    /// let member = |says: &str| Judge::builder().backend(Script::always(says)).prompt("score").build();
    /// let (one, vague, spare) = (member("Score: 4").await?, member("Hm.").await?, member("Score: 8").await?);
    /// let jury = Judge::panel([("one", one), ("vague", vague)]).replacements([("spare", spare)]).build().await?;
    /// let judgment = jury.judge(&Item::new().question("2 + 2?").answer("4")).await?;
    /// assert_eq!(judgment.score(), Some(6.0));
    /// assert_eq!(&*judgment.votes[2].by, "spare");
    /// # Ok(())
    /// # }
    /// ```
    pub fn replacements<N: Into<Arc<str>>>(
        mut self,
        members: impl IntoIterator<Item = (N, Judge)>,
    ) -> Self {
        self.replacements.extend(members.into_iter().map(|(name, judge)| (name.into(), judge)));
        self
    }

    /// Sets the weights of members and replacements by their names; that of every other one is 1. Only their ratios
    /// matter. `min`, `max` and `sum` know no weights.
    pub fn weights<N: Into<Arc<str>>>(
        mut self,
        weights: impl IntoIterator<Item = (N, f64)>,
    ) -> Self {
        self.weights = weights.into_iter().map(|(name, weight)| (name.into(), weight)).collect();
        self
    }

    /// Sets the name of the judge in results; by default it is composed of the names of its members.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets how the verdicts of the members are combined; each member combines its draws by its own setting.
    pub fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = Some(aggregate);
        self
    }

    /// Sets how many members must give a verdict; by default more than half of them. With fewer, the judgment
    /// is unreadable ([`Reason::Quorum`](crate::verdict::Reason)).
    pub fn quorum(mut self, members: usize) -> Self {
        self.quorum = Some(members);
        self
    }

    /// Sets the rule that decides [`Judgment::pass`](crate::Judgment::pass); by default that of the members,
    /// if all have the same one.
    pub fn pass(mut self, rule: impl Into<String>) -> Self {
        self.pass = Some(rule.into());
        self
    }

    /// Sets the map of the probability of the positive label of the combined verdict; see
    /// [`JudgeBuilder::calibration`](super::JudgeBuilder::calibration). Members cannot have one of their own.
    pub fn calibration(mut self, calibration: Calibration) -> Self {
        self.calibration = Some(calibration);
        self
    }

    /// Builds the judge.
    ///
    /// # Errors
    /// There is no member, two have the same name, one is a panel itself, their verdicts differ in kind or
    /// scale (the error names both), or the quorum, the aggregation, a weight or the pass rule does not fit.
    pub async fn build(self) -> Result<Judge> {
        let config = |message: String| Error::new(ErrorKind::Config, message);
        let (mut members, mut models) = (Vec::new(), Vec::new());
        for (name, judge) in self.members.iter().chain(&self.replacements) {
            let ([member], [model]) = (judge.0.panel.members(), judge.0.models.as_slice()) else {
                return Err(config(format!("the member `{name}` has members of its own"))
                    .hint("make its members members of this judge"));
            };
            if judge.0.panel.calibration.is_some() {
                let message = format!("the member `{name}` has a calibration of its own");
                return Err(config(message).hint("calibrate the combined verdict instead"));
            }
            members.push((**member).clone().named(name.clone()));
            models.push(model.clone());
        }
        let replacements = members.split_off(self.members.len());
        let mut panel = Panel::with_replacements(members, replacements)?;
        if let Some(quorum) = self.quorum {
            let count = self.members.len();
            if !(1..=count).contains(&quorum) {
                return Err(config(format!("a quorum of {quorum} is impossible"))
                    .hint(format!("write a number from 1 to {count}, the number of members")));
            }
            panel.quorum = quorum;
        }
        panel.aggregate = self.aggregate;
        panel.weights = self.checked_weights(&panel)?;
        if panel.aggregate == Some(Aggregate::Sum) {
            panel.first().prompt.check_sum(ErrorKind::Config)?;
        }
        panel.pass = match &self.pass {
            Some(rule) => {
                let first = panel.first();
                settled::fitted(Some(rule), &first.prompt, first.fields(), panel.summed())?
            }
            None => self.common_pass(),
        };
        panel.calibration = self.calibration.map(Arc::new);
        let judge = Judge::new(panel, models, self.name);
        settled::check_calibration(&judge)?;
        settled::check_probabilities(&judge).await?;
        Ok(judge)
    }

    /// The weights in the order of the members.
    ///
    /// # Errors
    /// One of them is not above 0, or is that of no member, or the aggregation knows no weights.
    fn checked_weights(&self, panel: &Panel) -> Result<Vec<(Arc<str>, f64)>> {
        let config = |message: String| Error::new(ErrorKind::Config, message);
        let names = || panel.members().iter().map(|member| member.name());
        for (name, weight) in &self.weights {
            if !names().any(|member| member == &**name) {
                return Err(unknown(ErrorKind::Config, "member under `weights`:", name, names()));
            }
            if !(weight.is_finite() && *weight > 0.0) {
                return Err(config(format!(
                    "the weight of `{name}` is {weight}, and must be above 0"
                ))
                .hint("leave out a member that is not to count"));
            }
        }
        let unweighed = match self.aggregate {
            Some(Aggregate::Min) => "min",
            Some(Aggregate::Max) => "max",
            Some(Aggregate::Sum) => "sum",
            _ => return Ok(self.weights.clone()),
        };
        if self.weights.is_empty() {
            return Ok(Vec::new());
        }
        Err(config(format!("`aggregate = \"{unweighed}\"` knows no weights"))
            .hint("leave out `weights`, or use mean, median or majority"))
    }

    /// The rule that all members share.
    fn common_pass(&self) -> Option<crate::pass::Pass> {
        let mut rules = self.members.iter().map(|(_, judge)| judge.pass());
        let first = rules.next()??;
        rules.all(|rule| rule == Some(first)).then(|| first.clone())
    }
}
