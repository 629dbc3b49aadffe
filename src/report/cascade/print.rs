//! The report on the thresholds of a cascade: lines for people, JSON for programs.

use std::fmt;

use serde_json::{Value, json};

use super::{CascadeAnswer, CascadeFigures, collect::CascadeCoverage};
use crate::{
    metrics::ratio, report::terminal::escaped, units::counted, verdict::CascadeThresholds,
};

/// Everything that `tribunal calibrate --agree` prints.
#[derive(Clone, Debug)]
pub struct CascadeReport {
    /// The names of the judges.
    pub judges: Vec<String>,
    /// The thresholds.
    pub thresholds: CascadeThresholds,
    /// How many records were used.
    pub coverage: CascadeCoverage,
    /// What the cascade does with them.
    pub cascade: CascadeFigures,
    /// What the last judge alone does with them.
    pub last: CascadeFigures,
}

impl CascadeReport {
    /// The report on these thresholds and the labelled records.
    pub fn new(
        judges: Vec<String>,
        thresholds: CascadeThresholds,
        records: &[Vec<CascadeAnswer>],
        coverage: CascadeCoverage,
    ) -> Self {
        let own: Vec<Option<f64>> = thresholds.judges.iter().map(|judge| judge.threshold).collect();
        let cascade = CascadeFigures::of(&own, records);
        let of_last = |record: &Vec<CascadeAnswer>| record.last().copied().into_iter().collect();
        let last: Vec<Vec<CascadeAnswer>> = records.iter().map(of_last).collect();
        let last = CascadeFigures::of(&[Some(0.0)], &last);
        Self { judges, thresholds, coverage, cascade, last }
    }

    /// The figures as JSON.
    pub fn to_json(&self) -> Value {
        let judges = self.judges.iter().zip(&self.thresholds.judges).zip(&self.cascade.judges);
        let judge = |((name, own), figures): (
            (&String, &crate::verdict::JudgeThreshold),
            &super::JudgeFigures,
        )| {
            json!({
                "judge": name,
                "threshold": own.threshold,
                "asked": figures.asked,
                "decided": figures.decided,
                "agreed": figures.agreed,
            })
        };
        let all = |figures: &CascadeFigures| {
            json!({
                "decided": figures.decided(),
                "coverage": ratio(figures.decided(), figures.records),
                "agreement": ratio(figures.agreed(), figures.decided()),
                "calls": figures.calls,
                "cost": figures.cost,
            })
        };
        json!({
            "records": self.cascade.records,
            "without_label": self.coverage.without_label,
            "not_comparable": self.coverage.not_comparable,
            "agree": self.thresholds.agree,
            "delta": self.thresholds.delta,
            "judges": judges.map(judge).collect::<Vec<_>>(),
            "cascade": all(&self.cascade),
            "last_alone": all(&self.last),
        })
    }

    fn write_judges(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let judges = self.judges.iter().zip(&self.thresholds.judges).zip(&self.cascade.judges);
        for ((name, own), figures) in judges {
            let name = escaped(name);
            match own.threshold {
                None => write!(
                    f,
                    "\n{name}: never decides; no threshold passed on the {} records that reach it",
                    figures.asked
                )?,
                Some(least) => write!(
                    f,
                    "\n{name}: decides from a certainty of {least:.3} on: {} of {} ({}), agreement {}",
                    figures.decided,
                    figures.asked,
                    percent(figures.decided, figures.asked),
                    percent(figures.agreed, figures.decided)
                )?,
            }
        }
        Ok(())
    }
}

/// A share in percent.
fn percent(part: usize, whole: usize) -> String {
    format!("{:.1} %", 100.0 * ratio(part, whole))
}

/// What the figures of a cascade or of one judge come to.
fn written(figures: &CascadeFigures) -> String {
    let cost = figures.cost.filter(|cost| *cost > 0.0);
    let cost = cost.map_or_else(String::new, |cost| format!(", cost {cost:.4}"));
    let coverage = percent(figures.decided(), figures.records);
    let agreement = percent(figures.agreed(), figures.decided());
    format!("coverage {coverage}, agreement {agreement}, {}{cost}", counted(figures.calls, "call"))
}

impl fmt::Display for CascadeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CascadeThresholds { agree, delta, .. } = self.thresholds;
        write!(
            f,
            "{} with labels: agreement of at least {:.1} %, except with a probability of {:.1} %",
            counted(self.cascade.records, "record"),
            100.0 * agree,
            100.0 * delta
        )?;
        let left = [
            (self.coverage.without_label, "without a label"),
            (self.coverage.not_comparable, "with a label that cannot be compared"),
        ];
        for (count, what) in left.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "; left out {count} {what}")?;
        }
        self.write_judges(f)?;
        let abstains = self.cascade.records - self.cascade.decided();
        write!(f, "\nno judge decides: {abstains} ({})", percent(abstains, self.cascade.records))?;
        write!(f, "\ncascade: {}", written(&self.cascade))?;
        let last = self.judges.last().map(|name| escaped(name)).unwrap_or_default();
        write!(f, "\n{last} alone: {}", written(&self.last))?;
        if let (Some(asked), false) = (self.cascade.judges.last(), self.judges.len() < 2) {
            let saved = self.cascade.records - asked.asked;
            write!(
                f,
                "\nrecords that {last} need not judge: {saved} ({})",
                percent(saved, self.cascade.records)
            )?;
        }
        Ok(())
    }
}
