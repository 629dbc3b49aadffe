//! Rules on the figures of a benchmark (`--fail-under`, `--max-unreadable`), which decide the exit code.

use super::super::gates::{self, GateOutcome};
use tribunal::{
    bench::Figures,
    config::{Resolved, SettingOrigin},
    error::Result,
    metrics::Gate,
};

/// The rules of the command line. Those of a configuration are about runs over records, in which some pass: they have no
/// part here.
pub(super) fn of(resolved: &Resolved) -> Result<Vec<Gate>> {
    let is_flag = |key: &str| matches!(resolved.origin(key), SettingOrigin::Flag(_));
    let rules = resolved.settings.fail_under.iter().filter(|_| is_flag("fail_under"));
    let mut all: Vec<Gate> = rules.cloned().map(|gate| gate.about(Figures::HEADLINE)).collect();
    if let Some(most) = resolved.settings.max_unreadable.filter(|_| is_flag("max_unreadable")) {
        all.push(format!("{}<={most}", Figures::UNREADABLE).parse()?);
    }
    Ok(all)
}

/// Checks rules before anything is asked: what figures there are follows from the records alone.
///
/// # Errors
/// A rule is about a figure that there is not, or about the end of an interval that its figure cannot have.
pub(super) fn check(rules: &[Gate], expected: &Figures) -> Result<()> {
    let all = expected.figures();
    rules.iter().try_for_each(|rule| rule.find(&all).map(|_| ()))
}

/// The outcomes of rules on these figures.
///
/// # Errors
/// Those of [`check`].
pub(super) fn outcomes(rules: &[Gate], figures: &Figures) -> Result<Vec<GateOutcome>> {
    gates::outcomes(rules, &figures.figures())
}
