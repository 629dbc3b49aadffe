//! A plan as tables for people.

use std::fmt;

use super::{Budget, Plan, PlanRule, Split};
use crate::units::counted;

/// The name of a line of a chart, and of a split in a table.
pub(super) fn line_name(rule: PlanRule, verdicts: usize) -> String {
    let verdicts = counted(verdicts, "verdict");
    match rule {
        PlanRule::Majority => "majority".to_owned(),
        PlanRule::Best => format!("best, {verdicts}"),
        PlanRule::Weighted => format!("weighted, {verdicts}"),
    }
}

/// A share with its interval: `71.9 % (64.1–79.0)`.
fn percent(share: f64, (low, high): (f64, f64)) -> String {
    format!("{:.1} % ({:.1}–{:.1})", share * 100.0, low * 100.0, high * 100.0)
}

/// The table of all splits, and that of budgets.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let questions = counted(self.questions, "question");
        write!(f, "accuracy against compute, {questions}, 95 % intervals\n\n")?;
        writeln!(f, "{:>10}  {:<22}{:>9}  accuracy", "candidates", "picked by", "tokens")?;
        for split in &self.splits {
            let Split { candidates, verdicts, rule, tokens, accuracy, interval, .. } = split;
            let name = line_name(*rule, *verdicts);
            let accuracy = percent(*accuracy, *interval);
            writeln!(f, "{candidates:>10}  {name:<22}{tokens:>9.0}  {accuracy}")?;
        }
        write!(f, "\n{:>9}  {:<36}{:<24}gain", "tokens", "best split", "majority alone")?;
        for budget in &self.budgets {
            write!(f, "\n{budget}")?;
        }
        Ok(())
    }
}

/// A row of the table of budgets.
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, best, majority, gain: (gain, (low, high)) } = self;
        let name = line_name(best.rule, best.verdicts);
        let split = format!("{} × {name}: {:.1} %", best.candidates, best.accuracy * 100.0);
        let alone = format!("{} × {:.1} %", majority.candidates, majority.accuracy * 100.0);
        let points = |share: f64| share * 100.0;
        write!(
            f,
            "{tokens:>9.0}  {split:<36}{alone:<24}{:+.1} points ({:+.1} to {:+.1})",
            points(*gain),
            points(*low),
            points(*high)
        )
    }
}
