//! Which labels are positive, where verdicts and labels are 1 or 0.

use serde_json::Value;

use super::{Compared, Labels};
use crate::{
    item::{Item, text_of},
    verdict::{CORRECT, Judgment, Label, Verdict},
};

/// Where labels are, and which of them are positive: a word, or the numbers from a threshold on.
///
/// ```
/// use tribunal::report::{LabelRule, Labels};
///
/// let rule = LabelRule::from(Labels::new(Some("gold".into()), [])).threshold(Some(4.0));
/// assert!(format!("{rule:?}").contains("4.0"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct LabelRule {
    pub(crate) labels: Labels,
    pub(crate) positive: Option<String>,
    pub(crate) threshold: Option<f64>,
}

impl From<Labels> for LabelRule {
    fn from(labels: Labels) -> Self {
        Self { labels, positive: None, threshold: None }
    }
}

impl LabelRule {
    /// The same rule with the label that is positive; without it, it follows from the results.
    #[must_use]
    pub fn positive(self, positive: Option<String>) -> Self {
        Self { positive, ..self }
    }

    /// The same rule, in which a label that is a number is positive from this threshold on.
    #[must_use]
    pub fn threshold(self, threshold: Option<f64>) -> Self {
        Self { threshold, ..self }
    }

    /// The name among these that usually is the positive one.
    pub(crate) fn usual(names: &[String]) -> Option<String> {
        const USUAL: [&str; 5] = [CORRECT, "yes", "pass", "true", "good"];
        let called =
            |usual: &&str| names.iter().find(|name| name.eq_ignore_ascii_case(usual)).cloned();
        USUAL.iter().find_map(called)
    }

    /// Whether a label is the positive one of these labels; `None` if it means neither outcome.
    pub(crate) fn outcome(
        &self,
        labels: &Labels,
        label: &Value,
        item: &Item,
        positive: &str,
    ) -> Option<bool> {
        match self.threshold {
            Some(threshold) => {
                let number = text_of(label).trim().parse::<f64>().ok();
                Some(number.filter(|number| number.is_finite())? >= threshold)
            }
            None => labels.agrees(label, item, Verdict::Label(Label::new(positive))),
        }
    }
}

impl Labels {
    /// Whether a label means this verdict; `None` if it cannot be compared.
    pub(crate) fn agrees(&self, label: &Value, item: &Item, verdict: Verdict) -> Option<bool> {
        match self.compare(label, item, &Judgment::new(Ok(verdict)))? {
            Compared::Outcome { agrees, .. } => Some(agrees),
            _ => None,
        }
    }
}

/// Adds the names that are not known yet.
pub(crate) fn add_names<'n>(known: &mut Vec<String>, names: impl Iterator<Item = &'n str>) {
    for name in names {
        if !known.iter().any(|one| one == name) {
            known.push(name.to_owned());
        }
    }
}
