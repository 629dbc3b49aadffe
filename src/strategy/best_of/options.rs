//! The settings of a ranking, and whether a judge can serve them.

use serde::{Deserialize, Serialize};

use super::{Rule, Window};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    judge::Judge,
    parse::Kind,
    strategy::{
        Measure,
        tournament::{Pairing, Rating},
    },
};

/// How candidates are measured, and how one is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RankOptions {
    /// How a candidate is chosen.
    pub rule: Rule,
    /// Which number of a judgment of one candidate is its value.
    pub measure: Measure,
    /// Which pairs a judge that compares two answers compares; `None` compares all. For a judge that ranks or scores
    /// several answers at once, a pairing shows it two at a time.
    pub pairing: Option<Pairing>,
    /// How many answers a judge that ranks them sees at once; `None` shows it all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// How the results of comparisons become values.
    pub rating: Rating,
    /// Candidates with a smaller value are rejected; if all are, none is chosen.
    pub threshold: Option<f64>,
    /// What an unreadable verdict counts for.
    pub unreadable: WhenUnreadable,
    /// Whether one of several equally good candidates is drawn; otherwise the first one is chosen.
    pub draws_ties: bool,
    /// The seed of shuffles and draws. Every record has its own, made of this one and its id.
    pub seed: u64,
}

/// What a verdict counts for that could not be read. It is counted as unreadable in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WhenUnreadable {
    /// Nothing: the candidate or the comparison has no value.
    #[default]
    LeftOut,
    /// A comparison is a tie, and a candidate gets a whole number of the scale at random. Published rules do so, and their
    /// figures are only reproduced in this way; a judge looks better by it than it is.
    FilledIn,
}

/// How candidates are shown to the judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Each alone.
    Alone,
    /// Two at a time.
    Pairs,
    /// All at once.
    Together,
    /// So many at a time, from the back to the front.
    Windows(Window),
}

impl RankOptions {
    /// The same options with this rule.
    #[must_use]
    pub fn rule(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }

    /// The same options with this measure.
    #[must_use]
    pub fn measure(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }

    /// The same options with these comparisons.
    #[must_use]
    pub fn pairing(self, pairing: Pairing) -> Self {
        Self { pairing: Some(pairing), ..self }
    }

    /// The same options with windows of answers.
    #[must_use]
    pub fn window(self, window: Window) -> Self {
        Self { window: Some(window), ..self }
    }

    /// The same options with this rating.
    #[must_use]
    pub fn rating(self, rating: Rating) -> Self {
        Self { rating, ..self }
    }

    /// The same options with this threshold.
    #[must_use]
    pub fn threshold(self, threshold: f64) -> Self {
        Self { threshold: Some(threshold), ..self }
    }

    /// The same options with this seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Whether candidates are measured: the rule or a threshold needs their values.
    pub fn asks_judge(&self) -> bool {
        self.rule.needs_values() || self.threshold.is_some()
    }

    /// How this judge measures candidates.
    pub(super) fn method(&self, judge: &Judge) -> Method {
        match (judge.prompt().front().verdict_kind(), self.pairing) {
            (Kind::Preference, _) | (Kind::Ranking | Kind::Scores, Some(_)) => Method::Pairs,
            (Kind::Ranking, None) => self.window.map_or(Method::Together, Method::Windows),
            (Kind::Scores, None) => Method::Together,
            _ => Method::Alone,
        }
    }

    /// Checks that a judge gives the values that these options need.
    ///
    /// # Errors
    /// It writes texts, gives no such number, has a single draw where deviations are needed, or cannot compare.
    pub(super) fn check(&self, judge: &Judge) -> Result<()> {
        let (prompt, method) = (judge.prompt(), self.method(judge));
        let kind = prompt.front().verdict_kind();
        let refused =
            |message: String, hint: Hint| Err(Error::new(ErrorKind::Config, message).hint(hint));
        if matches!(kind, Kind::Critique | Kind::Revision) {
            let message = format!("the prompt `{}` gives no verdict to rank by", prompt.name());
            return refused(
                message,
                Hint::from("use one with a verdict, such as ").setting("prompt", "score"),
            );
        }
        if self.pairing.is_some() && method != Method::Pairs {
            let message = format!("the prompt `{}` does not compare answers", prompt.name());
            return refused(
                message,
                Hint::from("compare with ")
                    .setting("prompt", "pair")
                    .text(", or leave out the pairs"),
            );
        }
        if self.window.is_some() && !matches!(method, Method::Windows(_)) {
            let message = format!("the prompt `{}` ranks no windows of answers", prompt.name());
            return refused(
                message,
                Hint::from("rank with ").setting("prompt", "rank").text(", and without pairs"),
            );
        }
        if method == Method::Alone {
            self.check_measure(judge, kind)?;
        } else if self.measure != Measure::Auto {
            let message = format!("the measure `{}` is for judges of one answer", self.measure);
            return refused(
                message,
                Hint::from("leave it out: comparisons and rankings have one kind of value"),
            );
        }
        if self.rating != Rating::default() && method != Method::Pairs {
            let message = format!("the rating `{}` is for comparisons of two answers", self.rating);
            return refused(
                message,
                Hint::from("compare with ").setting("prompt", "pair").text(", or leave it out"),
            );
        }
        let draws: u32 = judge.members().map(|(member, _)| member.draws).sum();
        if matches!(self.rule, Rule::Penalized { .. }) && (method != Method::Alone || draws < 2) {
            let message = format!("the rule `{}` needs several draws about each answer", self.rule);
            return refused(
                message,
                Hint::from("use a judge of one answer, and set ").setting("draws", "4"),
            );
        }
        Ok(())
    }

    /// Checks that verdicts of this kind have the number that is to be measured.
    ///
    /// # Errors
    /// They do not.
    fn check_measure(&self, judge: &Judge, kind: Kind) -> Result<()> {
        let fits = match self.measure {
            Measure::P => kind == Kind::Label,
            Measure::Expected => kind == Kind::Score,
            Measure::Score => matches!(kind, Kind::Score | Kind::Criteria | Kind::Steps),
            Measure::Steps(_) => kind == Kind::Steps,
            Measure::Pass => judge.pass().is_some(),
            Measure::Auto => true,
        };
        if fits {
            return Ok(());
        }
        let message =
            format!("verdicts of `{}` have no value `{}`", judge.prompt().name(), self.measure);
        Err(Error::new(ErrorKind::Config, message)
            .hint("auto takes the finest number that they have"))
    }
}
