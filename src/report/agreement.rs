//! How far the verdicts of a run agree with the records' own labels.
//!
//! Outcomes (labels, preferences, first errors) are counted as equal or not. Numbers are compared by
//! their distance: correlation, mean absolute error, share within 1, quadratic weighted kappa. A record
//! without a verdict neither agrees nor disagrees; it is reported separately.
//!
//! Agreement with labels from people is the usual way to validate a judge (Zheng et al. 2023,
//! arXiv:2306.05685), and it is only as good as the labels. A label that could mean two things is
//! therefore never counted.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};

use super::{
    labels::{Compared, Labels},
    statistics::Paired,
    terminal::{escaped, shortened},
};
use crate::{
    item::{Item, text_of},
    judge::Judge,
    metrics::{FirstErrors, ratio},
    verdict::Judgment,
};

/// Verdicts compared with the records' own labels, counted record by record.
///
/// Its `Display` output is the lines of the summary, each after a line break. It is empty if no record
/// has a label.
///
/// Memory is one pair of numbers per compared score; outcomes are only counted.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    /// Where the labels are, and which words the judge's verdicts use.
    labels: Labels,
    /// Number of records with a label.
    labelled: usize,
    /// Number of records with a label and without a verdict.
    unjudged: usize,
    /// Whether any record has a label field; otherwise the names of its answers (`chosen`) are the label.
    own: bool,
    /// Comparisons of outcomes whose label is unambiguous.
    outcomes: Outcomes,
    /// Outcomes whose label is a bare 1 or 2, whose meaning depends on whether labels count from 0 or 1.
    bare: Outcomes,
    /// First errors that would agree if the label counted from 1.
    shifted: usize,
    /// First errors beside those of the labels; an unreadable verdict counts as one that missed.
    first_errors: FirstErrors,
    /// Pairs of (label, verdict) by the name of the criterion; scores have the empty name.
    numbers: BTreeMap<String, Paired>,
    /// Labels that have no meaning as a verdict.
    not_comparable: NotComparable,
    /// Labels of preferences that are a bare 0: a tie in some data sets, the first answer in others.
    zeros: NotComparable,
}

/// How many verdicts name the same outcome as their label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outcomes {
    /// Number of comparisons.
    compared: usize,
    /// Number of comparisons in which verdict and label are equal.
    agree: usize,
}

impl Outcomes {
    /// Counts one comparison.
    fn add(&mut self, agrees: bool) {
        self.compared += 1;
        self.agree += usize::from(agrees);
    }
}

/// The number of labels that cannot be compared, with the first of them as an example.
#[derive(Clone, Debug, Default, PartialEq)]
struct NotComparable {
    /// Number of labels.
    count: usize,
    /// The first label as text, and the name of its record.
    first: Option<(String, String)>,
}

impl NotComparable {
    /// Counts one label and keeps the first as the example.
    fn add(&mut self, label: &Value, record: &str) {
        self.count += 1;
        self.first.get_or_insert_with(|| (text_of(label), record.to_owned()));
    }

    /// The sum of both; the example is the first one that exists.
    fn and(mut self, other: Self) -> Self {
        self.count += other.count;
        self.first = self.first.or(other.first);
        self
    }
}

impl Agreement {
    /// An empty comparison for the verdicts of this judge.
    pub(super) fn new(labels: Labels, judge: &Judge) -> Self {
        Self { labels: labels.of(judge), ..Self::default() }
    }

    /// An empty comparison for labels of steps, whose words are the same in all judges.
    pub(super) fn of(labels: Labels) -> Self {
        Self { labels, ..Self::default() }
    }

    /// Compares the record called `record` with its label and counts the result.
    ///
    /// Without a judgment, or with an unreadable one, the record counts as labelled and without a
    /// verdict. A record without a label is not counted at all.
    pub(super) fn count(&mut self, record: &str, item: &Item, judgment: Option<&Judgment>) {
        let own = self.labels.find(item);
        let Some(label) = own.clone().or_else(|| self.labels.winner(item)) else { return };
        if let (Some(truth), Some(judgment)) = (self.labels.first_error(&label), judgment) {
            self.first_errors.add(truth.0, judgment.first_error());
        }
        let Some(judgment) = judgment.filter(|judgment| judgment.verdict.is_ok()) else {
            self.labelled += 1;
            self.unjudged += 1;
            self.own |= own.is_some();
            return;
        };
        let Some(compared) = self.labels.compare(&label, item, judgment) else { return };
        self.labelled += 1;
        self.own |= own.is_some();
        match compared {
            Compared::Outcome { agrees, bare, shifted } => {
                (if bare { &mut self.bare } else { &mut self.outcomes }).add(agrees);
                if bare {
                    self.zeros.first.get_or_insert_with(|| (text_of(&label), record.to_owned()));
                }
                self.shifted += usize::from(shifted);
            }
            Compared::Numbers(pairs) => {
                for (name, pair) in pairs {
                    self.numbers.entry(name).or_default().push(pair);
                }
            }
            Compared::Zero => self.zeros.add(&label, record),
            Compared::No => self.not_comparable.add(&label, record),
        }
    }

    /// The number of records with a label: a field of their own, or answers named `chosen` and
    /// `rejected`.
    pub fn labelled(&self) -> usize {
        self.labelled
    }

    /// The number of verdicts that equal their label, and the number that could be compared: `(agree,
    /// compared)`.
    ///
    /// `None` if no outcome could be compared, for example because verdicts and labels are numbers.
    pub fn agree(&self) -> Option<(usize, usize)> {
        let Outcomes { compared, agree } = self.outcomes();
        (compared > 0).then_some((agree, compared))
    }

    /// Pairs of (label, verdict) where both are numbers, by criterion. Scores are under the empty name.
    pub fn numbers(&self) -> &BTreeMap<String, Paired> {
        &self.numbers
    }

    /// The number of labels that could not be compared with their verdicts.
    pub fn not_compared(&self) -> usize {
        self.not_comparable().count
    }

    /// All comparisons of outcomes.
    ///
    /// A bare 1 means the first answer, unless some label is a bare 0: then counting may start at 0 or at
    /// 1, and no bare number is used.
    fn outcomes(&self) -> Outcomes {
        match self.zeros.count {
            0 => Outcomes {
                compared: self.outcomes.compared + self.bare.compared,
                agree: self.outcomes.agree + self.bare.agree,
            },
            _ => self.outcomes,
        }
    }

    /// All labels that could not be compared, with every bare number if a bare 0 makes them ambiguous.
    fn not_comparable(&self) -> NotComparable {
        if self.zeros.count == 0 {
            return self.not_comparable.clone();
        }
        let numbered =
            NotComparable { count: self.zeros.count + self.bare.compared, ..self.zeros.clone() };
        numbered.and(self.not_comparable.clone())
    }

    /// The name of the labels in the summary.
    fn of_whom(&self) -> String {
        match (self.own, self.labels.is_named()) {
            (true, false) => "the records' own label".into(),
            (true, true) => format!("the records' own `{}`", escaped(self.labels.name())),
            (false, _) => "the records' `chosen`".into(),
        }
    }

    /// The figures as JSON; `None` if no record has a label. Shares are between 0 and 1.
    pub(super) fn to_json(&self) -> Option<Value> {
        if self.labelled == 0 {
            return None;
        }
        let mut all = json!({
            "field": if self.own { self.labels.name() } else { "chosen" },
            "labelled": self.labelled,
            "without_verdict": self.unjudged,
        });
        if let Some((agree, compared)) = self.agree() {
            all["compared"] = compared.into();
            all["agree"] = agree.into();
            all["share"] = ratio(agree, compared).into();
        }
        for (name, pairs) in &self.numbers {
            let figures = figures(pairs);
            if name.is_empty() { all["scores"] = figures } else { all["criteria"][name] = figures }
        }
        if let Some(f1) = self.first_errors.f1() {
            let (wrong, found) = self.first_errors.of_wrong();
            let (right, cleared) = self.first_errors.of_right();
            all["first_errors"] = json!({"wrong": wrong, "found": found, "right": right, "cleared": cleared, "f1": f1});
        }
        let not_comparable = self.not_comparable();
        if let Some((label, record)) = not_comparable.first.filter(|_| not_comparable.count > 0) {
            all["not_compared"] = json!({"labels": not_comparable.count, "first": {"label": label, "record": record}});
        }
        Some(all)
    }
}

/// The figures of one set of pairs as JSON. A figure that is not defined is null.
fn figures(pairs: &Paired) -> Value {
    json!({
        "compared": pairs.len(),
        "equal": pairs.within(0.0),
        "within_1": pairs.within(1.0),
        "pearson": pairs.pearson(),
        "spearman": pairs.spearman(),
        "mean_absolute_error": pairs.mean_absolute_error(),
        "quadratic_weighted_kappa": pairs.weighted_kappa(),
    })
}

/// One line for each figure that is defined, each after a line break.
impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.labelled == 0 && self.labels.is_named() {
            return write!(f, "\nno record has a label in `{}`", escaped(self.labels.name()));
        }
        let with = self.of_whom();
        if let Some((agree, compared)) = self.agree() {
            let share = 100.0 * ratio(agree, compared);
            write!(f, "\n{agree} of {compared} agree with {with} ({share:.1} %)")?;
            if self.shifted > agree {
                let shifted = self.shifted;
                write!(f, "; {shifted} would agree if the labels count steps from 1")?;
            }
        }
        if let Some(f1) = self.first_errors.f1() {
            let (wrong, found) = self.first_errors.of_wrong();
            let (right, cleared) = self.first_errors.of_right();
            write!(
                f,
                "\nfirst errors: {found} of {wrong} found, and none named in {cleared} of {right} right solutions (F1 {f1:.3})"
            )?;
        }
        for (name, pairs) in &self.numbers {
            write_numbers(f, name, pairs, &with)?;
        }
        if self.unjudged > 0 {
            write!(f, "\nwithout a verdict to be compared with {with}: {}", self.unjudged)?;
        }
        self.write_not_comparable(f)
    }
}

impl Agreement {
    /// Writes how many labels could not be compared, with one example and the setting that helps.
    fn write_not_comparable(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const COLUMNS: usize = 40;
        let not_comparable = self.not_comparable();
        let Some((label, record)) = not_comparable.first.filter(|_| not_comparable.count > 0)
        else {
            return Ok(());
        };
        let label = shortened(&escaped(&label), COLUMNS);
        let (labels, is) = match not_comparable.count {
            1 => ("label", "it is"),
            _ => ("labels", "the first is"),
        };
        write!(
            f,
            "\n{} {labels} could not be compared: {is} `{label}` of record `{}`; ",
            not_comparable.count,
            escaped(&record)
        )?;
        f.write_str(match self.zeros.count {
            0 => "give it a meaning with `label_map`",
            _ => "0 may be a tie or the first answer: give it a meaning with `label_map`",
        })
    }
}

/// Writes the lines of one set of numbers; `name` is the criterion, empty for a score.
///
/// The share of equal pairs is shown only for whole numbers: expected scores are almost never equal to a
/// label.
fn write_numbers(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    pairs: &Paired,
    with: &str,
) -> fmt::Result {
    let (count, equal, near) = (pairs.len(), pairs.within(0.0), pairs.within(1.0));
    let percent = |part: usize| 100.0 * ratio(part, count);
    let of = if name.is_empty() { String::new() } else { format!("{}: ", escaped(name)) };
    if pairs.is_whole() {
        write!(f, "\n{of}{equal} of {count} agree with {with} ({:.1} %)", percent(equal))?;
    } else {
        write!(f, "\n{of}{count} compared with {with}")?;
    }
    if equal < count {
        write!(f, ", {:.1} % within 1", percent(near))?;
    }
    let figures = [
        ("Pearson", pairs.pearson()),
        ("Spearman", pairs.spearman()),
        ("mean absolute error", pairs.mean_absolute_error()),
        ("quadratic weighted kappa", pairs.weighted_kappa()),
    ];
    let shown: Vec<String> = figures
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {:.3}", value?)))
        .collect();
    write!(f, "\n{of}{}", shown.join(", "))
}
