//! Gates: rules on the figures of a run that decide its exit code.

use serde::Serialize;

use super::note;
use tribunal::{
    error::{Error, ErrorKind, Result},
    metrics::{Figure, Gate, Interval},
    report::{AgreementReport, Summary},
    verdict::VerdictKind,
};

/// A rule with its figure, as the manifest of a run keeps it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct GateOutcome {
    /// The rule as it is written.
    pub(super) rule: String,
    pub(super) value: Option<f64>,
    /// The 95 % interval of the value.
    pub(super) interval: Option<Interval>,
    /// The number of records.
    pub(super) count: usize,
    /// Why it is not kept; `None` if it is kept.
    pub(super) why: Option<String>,
}

impl GateOutcome {
    /// The outcome of a rule on a figure.
    pub(super) fn new(rule: impl Into<String>, figure: &Figure, why: Option<String>) -> Self {
        let Figure { value, interval, count, .. } = *figure;
        Self { rule: rule.into(), value, interval, count, why }
    }

    /// Whether the rule is kept; one that is not is printed.
    pub(super) fn is_kept(&self) -> bool {
        self.why.iter().for_each(|why| note(&format!("gate failed: {why}")));
        self.why.is_none()
    }
}

/// The outcomes of rules on these figures.
///
/// # Errors
/// A rule is about a figure that there is not.
pub(super) fn outcomes(gates: &[Gate], figures: &[Figure]) -> Result<Vec<GateOutcome>> {
    let outcome = |gate: &Gate| {
        let why = gate.failure(figures)?;
        let figure = figures.iter().find(|figure| figure.name == gate.figure());
        Ok(figure.map(|figure| GateOutcome::new(gate.to_string(), figure, why)))
    };
    gates.iter().filter_map(|gate| outcome(gate).transpose()).collect()
}

/// Checks rules before anything is measured. `figures` are those that the command measures itself; what else there is of
/// verdicts of this kind is measured by their agreement with labels, and is returned without values.
///
/// # Errors
/// A rule is about a figure that there is not, or about the end of an interval that its figure cannot have.
pub(super) fn checked(
    gates: &[Gate],
    figures: &[Figure],
    kind: VerdictKind,
) -> Result<Vec<Figure>> {
    let mut later = Vec::new();
    for gate in gates {
        let name = gate.figure();
        let is_known = figures.iter().any(|figure| figure.name == name);
        let found = if is_known { None } else { AgreementReport::expected(name, kind)? };
        if let Some(figure) = found {
            gate.find(std::slice::from_ref(&figure))?;
            later.push(figure);
        } else {
            let all = joined(figures.to_vec(), AgreementReport::expected_figures(kind));
            let is_own = all.iter().any(|figure| figure.name == name);
            gate.find(&all).map_err(|error| of_judge(name).filter(|_| !is_own).unwrap_or(error))?;
        }
    }
    Ok(later)
}

/// The error for a figure that a run of `judge` alone has; `None` if it has no such figure.
fn of_judge(name: &str) -> Option<Error> {
    let mut own = Summary::default().figures().into_iter();
    own.find(|figure| figure.name == name).map(|_| {
        let message = format!("`{name}` is a figure of a run, and labels have no part in it");
        Error::new(ErrorKind::Config, message).hint("give the rule to `tribunal judge`")
    })
}

/// The figures with others that are not among them.
pub(super) fn joined(mut figures: Vec<Figure>, others: Vec<Figure>) -> Vec<Figure> {
    for other in others {
        if !figures.iter().any(|figure| figure.name == other.name) {
            figures.push(other);
        }
    }
    figures
}

/// Whether a rule is not kept; each of those is printed. `of` names the judge, if there are several.
///
/// # Errors
/// A rule is about a figure that there is not.
pub(super) fn failed(gates: &[Gate], figures: &[Figure], of: &str) -> Result<bool> {
    let mut any = false;
    for gate in gates {
        if let Some(why) = gate.failure(figures)? {
            note(&format!("gate failed: {of}{why}"));
            any = true;
        }
    }
    Ok(any)
}
