//! The names of all figures, with the verdicts that have them and the values that they can have.

use crate::{metrics::Figure, verdict::VerdictKind};

/// Which verdicts have a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Verdicts of any kind.
    Any,
    /// Verdicts that are one of a few.
    Classes,
    /// Verdicts that are numbers.
    Numbers,
    /// Comparisons of two answers.
    Pairs,
    /// Verdicts about one answer.
    Answers,
    /// First errors.
    Steps,
    /// Verdicts that may have probabilities.
    Probabilities,
}

/// The least and the largest value of a figure; `None` if there is none, or it depends on the verdicts.
type Range = Option<(f64, f64)>;

const SHARE: Range = Some((0.0, 1.0));

/// Of correlations, and of agreement beyond chance.
const BEYOND_CHANCE: Range = Some((-1.0, 1.0));

const POSITIVE: Range = Some((0.0, f64::INFINITY));

const ANY: Range = None;

/// Every figure with the verdicts that have it, and its range.
pub(super) const FIGURES: [(&str, Needs, Range); 47] = [
    ("agreement", Needs::Any, SHARE),
    ("base_rate", Needs::Any, SHARE),
    ("krippendorff_alpha", Needs::Any, BEYOND_CHANCE),
    ("stability", Needs::Any, SHARE),
    ("unreadable_rate", Needs::Any, SHARE),
    ("people_alpha", Needs::Any, BEYOND_CHANCE),
    ("people_judge_alpha", Needs::Any, BEYOND_CHANCE),
    ("left_out_person", Needs::Any, ANY),
    ("left_out_judge", Needs::Any, ANY),
    ("left_out_difference", Needs::Any, ANY),
    ("judge_advantage", Needs::Any, SHARE),
    ("winning_rate", Needs::Any, SHARE),
    ("kappa", Needs::Classes, BEYOND_CHANCE),
    ("ac1", Needs::Classes, BEYOND_CHANCE),
    ("balanced_accuracy", Needs::Classes, SHARE),
    ("macro_f1", Needs::Classes, SHARE),
    ("people_agreement", Needs::Classes, SHARE),
    ("people_kappa", Needs::Classes, BEYOND_CHANCE),
    ("judge_person_agreement", Needs::Classes, SHARE),
    ("judge_person_kappa", Needs::Classes, BEYOND_CHANCE),
    ("within_1", Needs::Numbers, SHARE),
    ("quadratic_kappa", Needs::Numbers, BEYOND_CHANCE),
    ("pearson", Needs::Numbers, BEYOND_CHANCE),
    ("spearman", Needs::Numbers, BEYOND_CHANCE),
    ("kendall", Needs::Numbers, BEYOND_CHANCE),
    ("mean_absolute_error", Needs::Numbers, POSITIVE),
    ("mean_difference", Needs::Numbers, ANY),
    ("levels_of_labels", Needs::Numbers, POSITIVE),
    ("levels_of_verdicts", Needs::Numbers, POSITIVE),
    ("people_distance", Needs::Numbers, POSITIVE),
    ("judge_person_distance", Needs::Numbers, POSITIVE),
    ("consistency", Needs::Pairs, SHARE),
    ("first_wins", Needs::Pairs, SHARE),
    ("longer_wins", Needs::Pairs, SHARE),
    ("longer_wins_by_label", Needs::Pairs, SHARE),
    ("own_family_wins", Needs::Pairs, SHARE),
    ("own_family_wins_by_label", Needs::Pairs, SHARE),
    ("length_correlation", Needs::Answers, BEYOND_CHANCE),
    ("length_correlation_by_label", Needs::Answers, BEYOND_CHANCE),
    ("own_family_bonus", Needs::Answers, ANY),
    ("first_error_f1", Needs::Steps, SHARE),
    ("ece", Needs::Probabilities, SHARE),
    ("brier", Needs::Probabilities, SHARE),
    ("log_loss", Needs::Probabilities, POSITIVE),
    ("auc", Needs::Probabilities, SHARE),
    // Of each label.
    ("recall.LABEL", Needs::Classes, SHARE),
    ("precision.LABEL", Needs::Classes, SHARE),
];

impl Needs {
    /// Whether verdicts of a kind have the figure.
    pub(super) fn fits(self, kind: VerdictKind) -> bool {
        use VerdictKind::{Criteria, Label, Preference, Ranking, Score, Scores, Steps};
        match self {
            Self::Any => kind != VerdictKind::Text,
            Self::Classes => matches!(kind, Label | Preference | Ranking | Scores | Steps),
            Self::Numbers => matches!(kind, Score | Criteria),
            Self::Pairs => matches!(kind, Preference | Ranking | Scores),
            Self::Answers => matches!(kind, Score | Label | Criteria),
            Self::Steps => kind == Steps,
            Self::Probabilities => matches!(kind, Label | Score | Criteria | Steps),
        }
    }

    /// The verdicts in words.
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Any => "verdicts",
            Self::Classes => "verdicts that are one of a few",
            Self::Numbers => "verdicts that are numbers",
            Self::Pairs => "comparisons of two answers",
            Self::Answers => "verdicts about one answer",
            Self::Steps => "first errors",
            Self::Probabilities => "labels, scores and steps with probabilities",
        }
    }
}

/// The name in the table: `recall.LABEL` for the recall of a label, and the figure alone for one of a criterion.
fn known(name: &str) -> &str {
    let of_class = |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    match name.rsplit_once('.') {
        _ if of_class("recall.") => "recall.LABEL",
        _ if of_class("precision.") => "precision.LABEL",
        Some((_, figure)) => figure,
        None => name,
    }
}

/// The figure with the range that its name has.
pub(super) fn ranged(figure: Figure) -> Figure {
    let found = FIGURES.iter().find(|(name, ..)| *name == known(&figure.name));
    match found.and_then(|(_, _, range)| *range) {
        Some((low, high)) => figure.between(low, high),
        None => figure,
    }
}
