//! The rules of `--fail-under` and their like, as the manifest of a run keeps them: whether the run was good enough.

use serde::{Deserialize, Serialize};

use super::run::Run;
use crate::report::escaped;

/// A rule with what came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct GateView {
    pub(super) rule: String,
    pub(super) value: String,
    /// The 95 % interval in words; empty without one.
    pub(super) interval: String,
    pub(super) n: usize,
    pub(super) is_kept: bool,
}

/// All rules of a run, and what they decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct GatesView {
    /// The decision in words.
    pub(super) outcome: String,
    /// The word for its colour.
    pub(super) tone: &'static str,
    pub(super) rules: Vec<GateView>,
}

/// A rule in the manifest.
#[derive(Deserialize)]
struct Kept {
    rule: String,
    value: Option<f64>,
    interval: Option<(f64, f64)>,
    count: usize,
    why: Option<String>,
}

/// The rules of a run; `None` if it had none, or if its manifest is not there.
pub(super) fn gates(run: &Run) -> Option<GatesView> {
    let manifest = run.manifest.as_ref()?;
    let kept = manifest.pointer("/outcome/gates").cloned().unwrap_or_default();
    let Ok(Some(kept)) = serde_json::from_value::<Option<Vec<Kept>>>(kept) else {
        return undecided(run);
    };
    if kept.is_empty() {
        return None;
    }
    let rules: Vec<GateView> = kept.iter().map(view).collect();
    let failed = rules.iter().filter(|rule| !rule.is_kept).count();
    let (outcome, tone) = match failed {
        0 => ("passed".to_owned(), "good"),
        _ => (format!("failed: {failed} of {} rules not kept", rules.len()), "bad"),
    };
    Some(GatesView { outcome, tone, rules })
}

/// What is shown where a run has rules and did not end.
fn undecided(run: &Run) -> Option<GatesView> {
    let settings = run.manifest.as_ref()?.pointer("/judge/settings")?;
    let rules = settings.get("fail_under").and_then(|rules| rules.as_array());
    let has_rules = rules.is_some_and(|rules| !rules.is_empty())
        || settings.get("max_unreadable").is_some_and(|most| !most.is_null());
    let outcome = "not decided: the run did not end".to_owned();
    has_rules.then(|| GatesView { outcome, tone: "doubtful", rules: Vec::new() })
}

fn view(kept: &Kept) -> GateView {
    let interval = kept.interval.map(|(low, high)| format!("{low:.3} to {high:.3}"));
    GateView {
        rule: escaped(&kept.rule),
        value: kept.value.map_or("not defined".into(), |value| format!("{value:.3}")),
        interval: interval.unwrap_or_default(),
        n: kept.count,
        is_kept: kept.why.is_none(),
    }
}
