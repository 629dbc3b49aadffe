//! The names of figures, as people write them who know them from elsewhere.

use super::figure::Figure;
use crate::error::{Error, ErrorKind, near, unknown};

/// What figures are called elsewhere, beside what they are called here.
const OTHER_NAMES: [(&str, &str); 16] = [
    ("accuracy", "agreement"),
    ("acc", "agreement"),
    ("average", "mean"),
    ("avg", "mean"),
    ("cohen_kappa", "kappa"),
    ("cohens_kappa", "kappa"),
    ("weighted_kappa", "quadratic_kappa"),
    ("qwk", "quadratic_kappa"),
    ("f1", "macro_f1"),
    ("mae", "mean_absolute_error"),
    ("tau", "kendall"),
    ("gwet_ac1", "ac1"),
    ("roc_auc", "auc"),
    ("calibration_error", "ece"),
    ("expected_calibration_error", "ece"),
    ("position_consistency", "consistency"),
];

/// The error for a name that no figure has.
pub(super) fn unknown_figure(name: &str, names: &[&str]) -> Error {
    let plain = name.to_lowercase().replace(['-', ' '], "_").replace('\'', "");
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == plain).map(|(_, own)| *own);
    let meant = names.iter().find(|known| **known == plain || Some(**known) == other);
    match meant {
        Some(meant) => Error::new(ErrorKind::Config, format!("unknown figure `{name}`"))
            .hint(format!("did you mean `{meant}`?")),
        None => unknown(ErrorKind::Config, "figure", name, names.iter().copied()),
    }
}

/// The figure with a value that is most like one of a label or criterion, such as `recall.corect`.
pub(super) fn sibling<'f>(name: &str, figures: &'f [Figure]) -> Option<&'f str> {
    let (group, _) = name.split_once('.')?;
    let is_beside = |one: &&Figure| {
        one.value.is_some() && one.name.split_once('.').is_some_and(|(of, _)| of == group)
    };
    near(name, figures.iter().filter(is_beside).map(|one| one.name.as_str()))
}
