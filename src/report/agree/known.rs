//! The names of all figures, for rules on results that are not there yet.

use super::{numbers::COUNTED, reader::named, report::AgreementReport};
use crate::{
    error::{Error, ErrorKind, Result},
    metrics::Figure,
    verdict::VerdictKind,
};

/// Which verdicts have a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
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

/// Every figure with the verdicts that have it.
const FIGURES: [(&str, Needs); 46] = [
    ("agreement", Needs::Any),
    ("base_rate", Needs::Any),
    ("krippendorff_alpha", Needs::Any),
    ("stability", Needs::Any),
    ("unreadable_rate", Needs::Any),
    ("people_alpha", Needs::Any),
    ("people_judge_alpha", Needs::Any),
    ("left_out_person", Needs::Any),
    ("left_out_judge", Needs::Any),
    ("left_out_difference", Needs::Any),
    ("judge_advantage", Needs::Any),
    ("kappa", Needs::Classes),
    ("ac1", Needs::Classes),
    ("balanced_accuracy", Needs::Classes),
    ("macro_f1", Needs::Classes),
    ("people_agreement", Needs::Classes),
    ("people_kappa", Needs::Classes),
    ("judge_person_agreement", Needs::Classes),
    ("judge_person_kappa", Needs::Classes),
    ("within_1", Needs::Numbers),
    ("quadratic_kappa", Needs::Numbers),
    ("pearson", Needs::Numbers),
    ("spearman", Needs::Numbers),
    ("kendall", Needs::Numbers),
    ("mean_absolute_error", Needs::Numbers),
    ("mean_difference", Needs::Numbers),
    ("levels_of_labels", Needs::Numbers),
    ("levels_of_verdicts", Needs::Numbers),
    ("people_distance", Needs::Numbers),
    ("judge_person_distance", Needs::Numbers),
    ("consistency", Needs::Pairs),
    ("first_wins", Needs::Pairs),
    ("longer_wins", Needs::Pairs),
    ("longer_wins_by_label", Needs::Pairs),
    ("own_family_wins", Needs::Pairs),
    ("own_family_wins_by_label", Needs::Pairs),
    ("length_correlation", Needs::Answers),
    ("length_correlation_by_label", Needs::Answers),
    ("own_family_bonus", Needs::Answers),
    ("first_error_f1", Needs::Steps),
    ("ece", Needs::Probabilities),
    ("brier", Needs::Probabilities),
    ("log_loss", Needs::Probabilities),
    ("auc", Needs::Probabilities),
    // Of each label.
    ("recall.LABEL", Needs::Classes),
    ("precision.LABEL", Needs::Classes),
];

impl Needs {
    /// Whether verdicts of a kind have the figure.
    fn fits(self, kind: VerdictKind) -> bool {
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
    fn described(self) -> &'static str {
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

impl AgreementReport {
    /// The figure of this name of verdicts of this kind, before it is measured: without a value. `None` if no verdicts
    /// have such a figure.
    ///
    /// ```
    /// use tribunal::{report::AgreementReport, verdict::VerdictKind};
    ///
    /// let expected = |name: &str| AgreementReport::expected(name, VerdictKind::Score);
    /// assert!(expected("quadratic_kappa")?.is_some() && expected("kapa")?.is_none());
    /// let error = expected("kappa").unwrap_err();
    /// assert_eq!(error.to_string(), "`kappa` is a figure of verdicts that are one of a few, not of `score`");
    /// # Ok::<_, tribunal::Error>(())
    /// ```
    ///
    /// # Errors
    /// Verdicts of another kind have the figure; the error names the figures of this kind.
    pub fn expected(name: &str, kind: VerdictKind) -> Result<Option<Figure>> {
        let of_class =
            |prefix: &str| name.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
        let known = match name.rsplit_once('.') {
            _ if of_class("recall.") => "recall.LABEL",
            _ if of_class("precision.") => "precision.LABEL",
            Some((criterion, rest)) if kind == VerdictKind::Criteria => {
                let found = Self::expected(rest, kind)?;
                return Ok(found.map(|figure| named(criterion, figure)));
            }
            _ => name,
        };
        let Some((_, needs)) = FIGURES.iter().find(|(one, _)| *one == known) else {
            return Ok(None);
        };
        if !needs.fits(kind) {
            let (needs, of) = (needs.described(), kind.name());
            let message = format!("`{name}` is a figure of {needs}, not of `{of}`");
            let names: Vec<String> = Self::expected_figures(kind)
                .into_iter()
                .map(|figure| format!("`{}`", figure.name))
                .collect();
            return Err(Error::new(ErrorKind::Config, message)
                .hint(format!("there are {}", names.join(", "))));
        }
        Ok(Some(undefined(name)))
    }

    /// Every figure of verdicts of this kind, before any is measured.
    pub fn expected_figures(kind: VerdictKind) -> Vec<Figure> {
        let fitting = FIGURES.iter().filter(|(_, needs)| needs.fits(kind));
        fitting.map(|(name, _)| undefined(name)).collect()
    }
}

/// A figure without a value.
fn undefined(name: &str) -> Figure {
    let figure = Figure::new(name, name, None, None, 0);
    if name.starts_with("levels_of_") { figure.without_interval(COUNTED) } else { figure }
}
