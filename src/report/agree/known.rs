//! The names of all figures, for rules on results that are not there yet.

use super::{
    alternative,
    names::{FIGURES, ranged},
    numbers,
    reader::named,
    report::AgreementReport,
};
use crate::{
    error::{Error, ErrorKind, Result},
    metrics::Figure,
    verdict::VerdictKind,
};

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
        let Some((_, needs, _)) = FIGURES.iter().find(|(one, ..)| *one == known) else {
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
        let fitting = FIGURES.iter().filter(|(_, needs, _)| needs.fits(kind));
        fitting.map(|(name, ..)| undefined(name)).collect()
    }
}

/// A figure without a value.
fn undefined(name: &str) -> Figure {
    let figure = ranged(Figure::new(name, name, None, None, 0));
    match name {
        "winning_rate" => figure.without_interval(alternative::COUNTED),
        _ if name.starts_with("levels_of_") => figure.without_interval(numbers::COUNTED),
        _ => figure,
    }
}
