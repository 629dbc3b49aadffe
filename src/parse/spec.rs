//! What kind of verdict a prompt asks for, and all that is needed to read it.

use super::{
    rule::{Kind, NO_ERROR, Rule, StepLabelling, VerdictFrom},
    rule_key::rules,
};
use crate::{
    error::{Error, ErrorKind, Result},
    scale::Scale,
    verdict::CORRECT,
};

/// What kind of verdict a prompt asks for, and all that is needed to read it.
///
/// [`Prompt::verdict_spec`](crate::Prompt::verdict_spec) gives that of a prompt, [`from_json`](Self::from_json) makes
/// one by hand, and a [`Reader`](super::Reader) reads by it.
#[derive(Clone, Debug, PartialEq)]
pub struct VerdictSpec {
    /// The kind of verdict.
    pub kind: Kind,
    /// The rules, tried in this order: the first that finds an announcement decides.
    pub rules: Vec<Rule>,
    /// The numbers, levels or sides that were offered.
    pub scale: Option<Scale>,
    /// The labels that were offered, in the order of the prompt file; empty if any word may come.
    pub labels: Vec<String>,
    /// The label whose probability is `p`, where the prompt names it; see [`VerdictSpec::positive`].
    pub positive: Option<String>,
    /// The least probability, 0 to 1, that the values must hold together. With less, the model was about to write
    /// something else, and the verdict is unreadable.
    pub mass: f64,
    /// Whether the text decides, or the probabilities of the values.
    pub from: VerdictFrom,
    /// Words by which the judge says that it cannot judge, and labels that mean this. They are never a verdict.
    pub abstain: Vec<String>,
    /// For steps: the choice whose positive label gives every step its second number,
    /// [`StepLabel::value`](crate::verdict::StepLabel::value).
    pub value: Option<Rule>,
}

/// Words for a good outcome. A label that is one of them is the positive one unless the prompt names another.
const POSITIVE: [&str; 5] = ["correct", "yes", "pass", "true", "good"];

/// Words for a bad outcome. A step with such a label is wrong.
const NEGATIVE: [&str; 6] = ["incorrect", "no", "fail", "false", "bad", "wrong"];

/// Whether a label is one of these words, in any case.
fn is_one_of(words: &[&str], label: &str) -> bool {
    words.contains(&label.to_lowercase().as_str())
}

/// The labels that rules and scale offer, in the order of the prompt file.
fn labels(kind: Kind, rules: &[Rule], scale: Option<&Scale>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let is_named = matches!(kind, Kind::Label | Kind::Steps);
    let levels = scale.filter(|_| is_named).into_iter().flat_map(Scale::levels);
    let values = rules.iter().flat_map(|rule| rule.values.meanings().map(str::to_owned));
    let listed = rules.iter().filter_map(|rule| rule.labelling.as_ref());
    let listed = listed.flat_map(StepLabelling::labels).cloned();
    for label in levels.map(|(name, _)| name.to_owned()).chain(values).chain(listed) {
        // In a rule for the first wrong step, a word may mean that there is none: that is no label.
        let is_label = kind != Kind::Steps || label != NO_ERROR;
        if is_label && !all.contains(&label) {
            all.push(label);
        }
    }
    all
}

impl VerdictSpec {
    /// The default of [`mass`](Self::mass): 5 %.
    pub const MASS: f64 = 0.05;

    /// A specification with these rules, and defaults for everything else.
    pub fn new(kind: Kind, rules: Vec<Rule>, scale: Option<Scale>) -> Self {
        let labels = labels(kind, &rules, scale.as_ref());
        let from = VerdictFrom::default();
        let (positive, abstain, value) = (None, Vec::new(), None);
        Self { kind, rules, scale, labels, positive, mass: Self::MASS, from, abstain, value }
    }

    /// The label whose probability is `p`: the one that the prompt names, or otherwise the only label that is
    /// `correct`, `yes`, `pass`, `true` or `good`, in any case. `None` if there is none or several.
    pub fn positive(&self) -> Option<&str> {
        let mut good = self.labels.iter().filter(|label| is_one_of(&POSITIVE, label));
        let only = || good.next().filter(|_| good.next().is_none());
        self.positive.as_ref().or_else(only).map(String::as_str)
    }

    /// Whether a step with this label is wrong: where the labels have a word for that (`incorrect`, `no`, `fail`,
    /// `false`, `bad`, `wrong`), a step with that word; otherwise any step whose label is not the positive one.
    pub fn is_error(&self, label: &str) -> bool {
        let has_a_word = self.labels.iter().any(|label| is_one_of(&NEGATIVE, label));
        match (has_a_word, self.positive()) {
            (_, Some(positive)) if label == positive => false,
            (true, _) => is_one_of(&NEGATIVE, label),
            (false, Some(_)) => true,
            (false, None) => label != CORRECT,
        }
    }

    /// Whether the labels distinguish right steps from wrong ones.
    pub(crate) fn distinguishes_errors(&self) -> bool {
        self.labels.is_empty()
            || self.positive().is_some()
            || self.labels.iter().any(|label| is_one_of(&NEGATIVE, label))
    }

    /// A specification as front matter writes it: the keys `kind`, `scale` and `verdict`.
    ///
    /// # Errors
    /// The kind is unknown, or one of the rules or the scale is malformed ([`ErrorKind::Prompt`]).
    pub fn from_json(
        kind: &str,
        scale: Option<serde_json::Value>,
        verdict: serde_json::Value,
    ) -> Result<Self> {
        let kind: Kind = serde_json::from_value(kind.into()).map_err(|_| {
            Error::new(ErrorKind::Prompt, format!("`{kind}` is not a kind of verdict"))
        })?;
        let scale = scale.map(Scale::from_json).transpose()?;
        let rules = if verdict.is_null() { Vec::new() } else { rules(verdict)? };
        Ok(Self::new(kind, rules, scale))
    }
}
