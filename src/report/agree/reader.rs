//! Reads labels as verdicts: as one of a few classes, or as numbers.

use serde_json::Value;

use super::{row::Row, sample::AgreementSample};
use crate::{
    item::Item,
    metrics::Figure,
    report::labels::{Compared, Labels, add_names, side_of},
    verdict::{CORRECT, INCORRECT, Judgment, Label, Preference, Steps, Verdict, VerdictKind},
};

/// The label and the verdict in one form.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// The classes of both, and whether they agree: of first errors, the step must be the same too.
    Classes { truth: usize, judged: usize, agrees: bool },
    /// Numbers of the label and of the verdict by the name of the criterion; scores have the empty name.
    Numbers(Vec<(String, (f64, f64))>),
}

/// What a label means.
enum Meant {
    Class { truth: usize, bare: bool },
    Zero,
    Nothing,
}

/// Reads labels as verdicts of one kind.
pub(super) struct Reader<'s> {
    labels: Labels,
    /// The verdicts that a label may mean, with their names.
    candidates: Vec<(String, Verdict)>,
    /// Any verdict, which shows the names of criteria.
    example: Option<&'s Verdict>,
}

impl<'s> Reader<'s> {
    /// The reader of labels for verdicts of this kind.
    pub(super) fn of(sample: &'s AgreementSample, kind: VerdictKind) -> Self {
        let names = names(sample, kind);
        let labels = sample.labels.clone().about(kind).naming(names.iter().cloned());
        let example = sample.rows.iter().find_map(|row| row.verdict.as_ref());
        Self { labels, candidates: candidates(kind, &names), example }
    }

    /// The names of the classes; none if verdicts are numbers.
    pub(super) fn classes(&self) -> Vec<String> {
        self.candidates.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The outcome of one record, and whether its label is a bare number. The error says whether it is a bare 0.
    pub(super) fn matched(
        &self,
        label: &Value,
        row: &Row,
        verdict: &Verdict,
    ) -> Result<(Outcome, bool), bool> {
        let compared = self.compare(label, &row.item, verdict);
        if let Some(Compared::Numbers(pairs)) = compared {
            return Ok((Outcome::Numbers(pairs), false));
        }
        if let Verdict::Steps(steps) = verdict {
            let Some(Compared::Outcome { agrees, .. }) = compared else { return Err(false) };
            let named = self.labels.first_error(label).map(|first| first.0.is_none());
            let is_right = named.unwrap_or(agrees == steps.first_error.is_none());
            let class = |is_right: bool| usize::from(!is_right);
            let judged = class(steps.first_error.is_none());
            return Ok((Outcome::Classes { truth: class(is_right), judged, agrees }, false));
        }
        let judged = self.class(verdict).ok_or(false)?;
        match self.meant(label, &row.item) {
            Meant::Class { truth, bare } => {
                Ok((Outcome::Classes { truth, judged, agrees: truth == judged }, bare))
            }
            Meant::Zero => Err(true),
            Meant::Nothing => Err(false),
        }
    }

    /// The class of a verdict.
    fn class(&self, verdict: &Verdict) -> Option<usize> {
        let plain = side_of(verdict).map(Verdict::Preference);
        let name = match plain.as_ref().unwrap_or(verdict) {
            Verdict::Label(label) => label.label.as_str(),
            Verdict::Preference(side) => side.name(),
            _ => "",
        };
        self.candidates.iter().position(|(known, _)| known == name)
    }

    /// The class that a label means.
    fn meant(&self, label: &Value, item: &Item) -> Meant {
        for (truth, (_, candidate)) in self.candidates.iter().enumerate() {
            match self.compare(label, item, candidate) {
                Some(Compared::Outcome { agrees: true, bare, .. }) => {
                    return Meant::Class { truth, bare };
                }
                Some(Compared::Zero) => return Meant::Zero,
                _ => (),
            }
        }
        Meant::Nothing
    }

    fn compare(&self, label: &Value, item: &Item, verdict: &Verdict) -> Option<Compared> {
        self.labels.compare(label, item, &Judgment::new(Ok(verdict.clone())))
    }

    /// A label as numbers by the names of criteria; scores have the empty name.
    pub(super) fn numbers(&self, label: &Value, row: &Row) -> Option<Vec<(String, f64)>> {
        match self.compare(label, &row.item, row.verdict.as_ref().or(self.example)?)? {
            Compared::Numbers(pairs) => {
                Some(pairs.into_iter().map(|(name, (label, _))| (name, label)).collect())
            }
            _ => None,
        }
    }

    /// Whether verdicts are numbers.
    pub(super) fn has_numbers(&self) -> bool {
        self.candidates.is_empty()
    }

    /// The number of the class that a label means. Of first errors, every step is a class.
    pub(super) fn class_of_label(&self, label: &Value, item: &Item) -> Option<usize> {
        if matches!(self.example, Some(Verdict::Steps(_))) {
            let step = |step: usize| step + 1;
            let named = self.labels.first_error(label).map(|first| first.0.map_or(0, step));
            let no_error = Verdict::Steps(Steps::default());
            return named
                .or_else(|| self.labels.agrees(label, item, no_error).filter(|is| *is).map(|_| 0));
        }
        match self.meant(label, item) {
            Meant::Class { truth, .. } => Some(truth),
            Meant::Zero | Meant::Nothing => None,
        }
    }

    /// The same for a verdict.
    pub(super) fn class_of_verdict(&self, verdict: &Verdict) -> Option<usize> {
        match verdict {
            Verdict::Steps(steps) => Some(steps.first_error.map_or(0, |step| step + 1)),
            _ => self.class(verdict),
        }
    }

    /// A verdict as numbers by the names of criteria.
    pub(super) fn numbers_of_verdict(&self, label: &Value, row: &Row) -> Vec<(String, f64)> {
        let compared = row.verdict.as_ref().and_then(|it| self.compare(label, &row.item, it));
        match compared {
            Some(Compared::Numbers(pairs)) => {
                pairs.into_iter().map(|(name, (_, verdict))| (name, verdict)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The names of labels that verdicts have or could have.
fn names(sample: &AgreementSample, kind: VerdictKind) -> Vec<String> {
    let mut names = Vec::new();
    if kind != VerdictKind::Label {
        return names;
    }
    for row in &sample.rows {
        if let Some(Verdict::Label(label)) = &row.verdict {
            add_names(&mut names, std::iter::once(label.label.as_str()));
        }
        add_names(&mut names, row.names.iter().map(String::as_str));
    }
    add_names(&mut names, sample.labels.meanings());
    if names.len() < 2 {
        // A judge that always says the same.
        let other =
            if names.first().is_some_and(|name| name == INCORRECT) { CORRECT } else { INCORRECT };
        names.push(other.to_owned());
    }
    names.sort();
    names
}

/// The verdicts that a label may mean, with their names.
fn candidates(kind: VerdictKind, names: &[String]) -> Vec<(String, Verdict)> {
    let steps = |first_error| Verdict::Steps(Steps { first_error, ..Steps::default() });
    match kind {
        VerdictKind::Label => {
            names.iter().map(|name| (name.clone(), Verdict::Label(Label::new(name)))).collect()
        }
        VerdictKind::Preference | VerdictKind::Ranking | VerdictKind::Scores => {
            let sides = [Preference::First, Preference::Second, Preference::Tie];
            sides.map(|side| (side.name().to_owned(), Verdict::Preference(side))).into()
        }
        VerdictKind::Steps => {
            [(CORRECT.to_owned(), steps(None)), (INCORRECT.to_owned(), steps(Some(usize::MAX)))]
                .into()
        }
        _ => Vec::new(),
    }
}

/// The figure of a criterion.
pub(super) fn named(criterion: &str, mut figure: Figure) -> Figure {
    figure.name = format!("{criterion}.{}", figure.name);
    figure.title = format!("{criterion}: {}", figure.title);
    figure
}
