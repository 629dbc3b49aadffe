//! The figures of a run of `search`.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

use super::{Labels, Summary, significance::mean_difference};
use crate::{
    error::Error,
    item::Item,
    metrics::{ratio, real},
    records::{Ending, SearchCost, SearchLine},
    strategy::search::FinishedPath,
    units::counted,
    verdict::Judgment,
};

/// The figures of a run of `search`: how often the chosen solution is right, and what policy and judge cost.
///
/// Its `Display` output is a few lines for people; [`SearchSummary::to_json`] returns the same figures for programs.
///
/// ```
/// use tribunal::report::SearchSummary;
///
/// assert_eq!(SearchSummary::new(false).accuracy(), None);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SearchSummary {
    /// The records, their solutions and their cost.
    pub records: Summary,
    /// Records with a reference.
    pub referenced: usize,
    /// Those whose chosen solution is right.
    pub right: usize,
    /// Those with a right solution among all that ended.
    pub reached: usize,
    /// The share of right ones among all solutions of a record that ended, each as often as it was drawn: the sum over
    /// records with a reference.
    share_right: f64,
    /// For each record with a reference, by its place in the input: whether the chosen solution is right, less the share
    /// of right ones in its tree.
    gains: Vec<(usize, f64)>,
    /// Different solutions that ended.
    pub paths: usize,
    /// Different steps that were written.
    pub nodes: usize,
    /// Draws without a usable text.
    pub unusable: u64,
    /// Judgments without a value.
    pub unreadable_values: u64,
    /// Records whose search was cut short by a limit.
    pub limited: usize,
    /// What the policy cost, cached answers included.
    pub policy: SearchCost,
    /// What the judge cost, cached answers included.
    pub judge: SearchCost,
    method: String,
    cost: Option<f64>,
    saved_cost: Option<f64>,
}

impl SearchSummary {
    /// An empty summary.
    pub fn new(priced: bool) -> Self {
        let records = Summary::of_steps(priced, Labels::default());
        Self { records, cost: Some(0.0), saved_cost: Some(0.0), ..Self::default() }
    }

    /// Counts one record by its line.
    pub fn count(&mut self, name: &str, item: Option<&Item>, line: &SearchLine, kept: bool) {
        let result = line.result.clone();
        let outcome = Judgment::try_from(if kept { result.paid_earlier() } else { result });
        let outcome: Result<&Judgment, &Error> = outcome.as_ref();
        // A label of the record is about its own answer, and not about the one that was found.
        self.records.count(name, None, outcome);
        if kept {
            self.records.count_kept(outcome);
        }
        if let Ok(judgment) = outcome {
            self.cost = self.cost.zip(judgment.cost).map(|(sum, more)| sum + more);
            let saved = judgment.saved_cost.or(Some(0.0));
            self.saved_cost = self.saved_cost.zip(saved).map(|(sum, more)| sum + more);
        }
        self.method = line.method.to_string();
        if item.is_some_and(|item| item.text("reference").is_some()) {
            self.referenced += 1;
            self.right += usize::from(line.right == Some(true));
            self.reached += usize::from(line.paths.iter().any(|path| path.right == Some(true)));
            let share = share_right(&line.paths);
            self.share_right += share;
            let gain = f64::from(u8::from(line.right == Some(true))) - share;
            self.gains.push((line.result.index, gain));
        }
        self.paths += line.paths.len();
        self.nodes += line.nodes;
        self.unusable += u64::from(line.unusable);
        self.unreadable_values += u64::from(line.unreadable_values);
        self.limited += usize::from(line.limit.is_some());
        self.policy += line.policy_cost;
        self.judge += line.judge_cost;
    }

    /// Notes how the run ended, and how long it took.
    pub fn ended(&mut self, ending: Ending, time: Duration) {
        (self.records.ending, self.records.time) = (ending, time);
        // The interval does not depend on the order in which records ended.
        self.gains.sort_by_key(|(place, _)| *place);
        (self.records.cost, self.records.saved_cost) = (self.cost, self.saved_cost);
    }

    /// The share of records with a reference whose chosen solution is right, 0 to 1; a record without a solution is not
    /// right. `None` without references.
    pub fn accuracy(&self) -> Option<f64> {
        (self.referenced > 0).then(|| ratio(self.right, self.referenced))
    }

    /// By how much the chosen solutions are better than random ones of their trees, with a 95 % interval (paired
    /// percentile bootstrap over records): what the judge gains by its choice alone. `None` for fewer than ten records
    /// with a reference, which say too little.
    pub fn gain(&self) -> Option<(f64, (f64, f64))> {
        let gains: Vec<f64> = self.gains.iter().map(|(_, gain)| *gain).collect();
        (gains.len() >= 10).then(|| mean_difference(&gains, None))
    }

    /// The figures as JSON.
    pub fn to_json(&self) -> Value {
        let mut figures = self.records.to_json();
        figures["method"] = json!(self.method);
        figures["accuracy"] = json!({
            "right": self.right,
            "of": self.referenced,
            "share": self.accuracy(),
            "reached": self.reached,
            "mean_of_paths": self.mean_of_paths(),
            "gain": self.gain().map(|(mean, interval)| json!({"mean": mean, "interval": interval})),
        });
        figures["policy"] = json!(self.policy);
        figures["judge"] = json!(self.judge);
        figures["tree"] =
            json!({"nodes": self.nodes, "paths": self.paths, "limited": self.limited});
        figures["unusable"] = json!(self.unusable);
        figures["unreadable_values"] = json!(self.unreadable_values);
        figures
    }

    /// The mean over records of the share of right solutions among those that ended.
    fn mean_of_paths(&self) -> Option<f64> {
        (self.referenced > 0).then(|| self.share_right / real(self.referenced))
    }
}

/// The share of right ones among solutions, each as often as it was drawn; 0 without any.
fn share_right(paths: &[FinishedPath]) -> f64 {
    let times = |right: bool| {
        let counted = paths.iter().filter(|path| !right || path.right == Some(true));
        counted.map(|path| f64::from(path.times)).sum::<f64>()
    };
    let all = times(false);
    if all > 0.0 { times(true) / all } else { 0.0 }
}

/// A few lines for people: those of a run of `judge`, how many are right, and what both models cost.
impl fmt::Display for SearchSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.records.fmt(f)?;
        if let Some(accuracy) = self.accuracy() {
            let Self { right, referenced, reached, .. } = self;
            write!(f, "\n{right} of {referenced} right ({:.1} %)", 100.0 * accuracy)?;
            write!(f, "; trees with a right solution: {reached}")?;
        }
        if let Some((mean, (low, high))) = self.gain() {
            let words = match () {
                () if low > 0.0 => "better than a random solution of its tree",
                () if high < 0.0 => "worse than a random solution of its tree",
                () => "not significantly different from a random solution of its tree",
            };
            let [mean, low, high] = [mean, low, high].map(|share| 100.0 * share);
            write!(f, "\nthe choice is {words}: {mean:+.1} points")?;
            write!(f, " (95 % interval {low:+.1} to {high:+.1})")?;
        }
        write!(f, "\n{}, {}", counted(self.nodes, "step"), counted(self.paths, "solution"))?;
        for (count, one, many) in [
            (self.unusable, "draw", "draws without a usable text"),
            (self.unreadable_values, "judgment", "judgments without a value"),
            (self.limited as u64, "search", "searches cut short by a limit"),
        ] {
            match count {
                0 => {}
                1 => write!(f, ", 1 {one}{}", &many[many.find(' ').unwrap_or(0)..])?,
                _ => write!(f, ", {count} {many}")?,
            }
        }
        for (name, cost) in [("policy", self.policy), ("judge", self.judge)] {
            let SearchCost { calls, prompt, completion, .. } = cost;
            write!(
                f,
                "\n{name}: {}, {}, {completion} written",
                counted(calls, "call"),
                counted(prompt, "prompt token")
            )?;
        }
        Ok(())
    }
}
