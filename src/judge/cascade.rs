//! Builds a judge that asks several judges one after another.

use std::sync::Arc;

use super::{Judge, settled, settled::reports};
use crate::{
    error::{Error, ErrorKind, Result},
    judging::{Panel, Thresholds},
    pass::Pass,
    prompt::Order,
    verdict::{CalibratedPrompt, CascadeThresholds},
};

/// Builds a judge that asks several judges one after another; created by [`Judge::cascade`].
///
/// The first judge whose [certainty](crate::Judgment::certainty) reaches its threshold decides. If it is not sure
/// enough, has no readable verdict or fails, the next one is asked. The last judge decides in any case, or abstains
/// below a threshold of its own ([`Reason::Unsure`](crate::verdict::Reason)). All judges must give verdicts of one kind
/// on one scale.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Item, Judge, backend::Script};
///
/// let judge = |says: &str| Judge::builder().backend(Script::always(says)).prompt("score").draws(3).build();
/// let (small, large) = (judge("Score: 4").await?, judge("Score: 8").await?);
/// let cascade = Judge::cascade([("small", small), ("large", large)]).certainty([0.9]).build().await?;
/// let judgment = cascade.judge(&Item::new().question("2 + 2?").answer("4")).await?;
/// // All three draws of the small judge agree, so that the large one is not asked.
/// assert_eq!((judgment.score(), judgment.votes.len()), (Some(4.0), 3));
/// assert_eq!(judgment.stage.unwrap().judge, "small");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct CascadeBuilder {
    judges: Vec<(Arc<str>, Judge)>,
    name: Option<String>,
    certainty: Vec<f64>,
    fitted: Option<CascadeThresholds>,
    pass: Option<String>,
}

/// The certainty that a judge needs to decide if none is set.
const LEAST: f64 = 0.9;

impl CascadeBuilder {
    pub(super) fn new(judges: Vec<(Arc<str>, Judge)>) -> Self {
        Self { judges, name: None, certainty: Vec::new(), fitted: None, pass: None }
    }

    /// Sets the name of the judge in results; by default it is composed of the names of its judges.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the certainty with which each judge decides, 0 to 1, in their order; 0.9 by default. The last judge decides
    /// in any case unless it has a number of its own. A number above 1 means that the judge never decides.
    ///
    pub fn certainty(mut self, least: impl IntoIterator<Item = f64>) -> Self {
        self.certainty = least.into_iter().collect();
        self
    }

    /// Sets the certainty with which each judge decides to what was fitted on a labelled set: a file of
    /// `tribunal calibrate`, or one of your own. It is refused if it was fitted for other
    /// judges.
    pub fn thresholds(mut self, fitted: &CascadeThresholds) -> Self {
        self.certainty = fitted.certainty();
        self.fitted = Some(fitted.clone());
        self
    }

    /// Sets the rule that decides [`Judgment::pass`](crate::Judgment::pass); by default that of the judges, if all have
    /// the same one.
    pub fn pass(mut self, rule: impl Into<String>) -> Self {
        self.pass = Some(rule.into());
        self
    }

    /// Builds the judge.
    ///
    /// # Errors
    /// There are fewer than two judges, two have the same name, one consists of judges itself, their verdicts differ in
    /// kind or scale, a judge that is to decide has neither probabilities nor several votes, or the numbers or the pass
    /// rule do not fit.
    pub async fn build(self) -> Result<Judge> {
        let (mut members, mut models) = (Vec::new(), Vec::new());
        for (name, judge) in &self.judges {
            let ([member], [model]) = (judge.0.panel.members(), judge.0.models.as_slice()) else {
                return Err(config(format!("the judge `{name}` has members of its own"))
                    .hint("a cascade consists of single judges"));
            };
            if judge.0.panel.calibration.is_some() {
                let message = format!("the judge `{name}` of a cascade has a calibration");
                return Err(config(message).hint("leave it out: thresholds are fitted without one"));
            }
            members.push((**member).clone().named(name.clone()));
            models.push(model.clone());
        }
        if members.len() < 2 {
            return Err(config("a cascade needs two judges or more".into()));
        }
        let mut panel = Panel::of(members)?;
        if let Some(fitted) = &self.fitted {
            let judges = self.judges.iter().map(|(_, judge)| {
                let prompt = CalibratedPrompt::new(judge.prompt().name(), judge.prompt_hash());
                (judge.name().to_owned(), prompt)
            });
            fitted.check_judges(&judges.collect::<Vec<_>>())?;
        }
        let thresholds = self.least()?;
        self.check_certainty(&thresholds).await?;
        panel.thresholds = Some(Thresholds(thresholds));
        panel.pass = match &self.pass {
            Some(rule) => {
                let first = panel.first();
                settled::fitted(Some(rule), &first.prompt, first.fields(), panel.summed())?
            }
            None => self.common_pass(),
        };
        let judge = Judge::new(panel, models, self.name);
        settled::check_probabilities(&judge).await?;
        Ok(judge)
    }

    /// The thresholds of all judges.
    fn least(&self) -> Result<Vec<f64>> {
        let count = self.judges.len();
        let given = &self.certainty;
        if given.len() > count {
            let message = format!("there are {} thresholds for {count} judges", given.len());
            return Err(config(message).hint("write one for each judge, the last one as you like"));
        }
        if let Some(wrong) = given.iter().find(|least| least.is_nan() || **least < 0.0) {
            return Err(config(format!("{wrong} is not a certainty"))
                .hint("write a number from 0 to 1, such as 0.9"));
        }
        let usual = |place: usize| if place + 1 == count { 0.0 } else { LEAST };
        let all = (0..count).map(|place| given.get(place).copied().unwrap_or(usual(place)));
        Ok(all.map(|least| if least > 1.0 { f64::INFINITY } else { least }).collect())
    }

    /// Checks that the certainty of each judge that has a threshold can be known.
    async fn check_certainty(&self, thresholds: &[f64]) -> Result<()> {
        for ((name, judge), least) in self.judges.iter().zip(thresholds) {
            let member = judge.0.panel.first();
            let is_alone = member.draws == 1
                && matches!(member.order, Order::Given | Order::Hash | Order::Shuffle);
            if *least <= 0.0 || least.is_infinite() || !is_alone {
                continue;
            }
            let weighs = member.prompt.has_probabilities();
            if !weighs || !reports(&member.prompt, judge.backend()).await {
                let message = format!(
                    "how sure `{name}` is cannot be known: it has one vote, and no probabilities"
                );
                return Err(config(message).hint(
                    "set `draws`, whose agreement is its certainty, or use a model that reports log-probabilities",
                ));
            }
        }
        Ok(())
    }

    /// The rule that all judges share.
    fn common_pass(&self) -> Option<Pass> {
        let mut rules = self.judges.iter().map(|(_, judge)| judge.pass());
        let first = rules.next()??;
        rules.all(|rule| rule == Some(first)).then(|| first.clone())
    }
}

/// An error of the configuration.
fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, message)
}
