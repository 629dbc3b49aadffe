//! How far the verdicts of a run agree with the records' own labels.
//!
//! Outcomes (labels, preferences, first errors) are counted as equal or not. Numbers are compared by their
//! distance: correlation, mean absolute error, share within 1, quadratic weighted kappa. A record without a
//! verdict neither agrees nor disagrees.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};

use super::{
    labels::{Compared, Labels},
    statistics::{Paired, ratio},
    terminal::{escaped, shortened},
};
use crate::{
    item::{Item, text_of},
    judge::Judge,
    verdict::Judgment,
};

/// Verdicts beside the records' own labels, counted one by one.
///
/// Displayed, it is the lines of the summary, each after a line break; nothing where no record has a label.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    labels: Labels,
    /// Records with a label.
    labelled: usize,
    /// Those of them without a verdict.
    unjudged: usize,
    /// Whether any record has a label field; otherwise the names of its answers (`chosen`) are the label.
    own: bool,
    outcomes: Outcomes,
    /// Outcomes whose label is a bare 1 or 2, which depends on where labels begin to count.
    bare: Outcomes,
    /// First errors that would agree if the label counted from 1.
    shifted: usize,
    numbers: BTreeMap<String, Paired>,
    not_comparable: NotComparable,
    zeros: NotComparable,
}

/// How many verdicts name the label's outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outcomes {
    compared: usize,
    agree: usize,
}

impl Outcomes {
    /// Counts one comparison.
    fn add(&mut self, agrees: bool) {
        self.compared += 1;
        self.agree += usize::from(agrees);
    }
}

/// Labels that cannot be compared: how many, and the first with its record.
#[derive(Clone, Debug, Default, PartialEq)]
struct NotComparable {
    count: usize,
    first: Option<(String, String)>,
}

impl NotComparable {
    fn add(&mut self, label: &Value, record: &str) {
        self.count += 1;
        self.first.get_or_insert_with(|| (text_of(label), record.to_owned()));
    }

    /// Both together, with the first label of the first.
    fn and(mut self, other: Self) -> Self {
        self.count += other.count;
        self.first = self.first.or(other.first);
        self
    }
}

impl Agreement {
    /// No verdicts yet, of this judge.
    pub(super) fn new(labels: Labels, judge: &Judge) -> Self {
        Self { labels: labels.of(judge), ..Self::default() }
    }

    /// Counts a record by its name; without a judgment it has no verdict.
    pub(super) fn count(&mut self, record: &str, item: &Item, judgment: Option<&Judgment>) {
        let own = self.labels.find(item);
        let Some(label) = own.clone().or_else(|| self.labels.winner(item)) else { return };
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

    /// Records with a label, their own or that of the names of their answers.
    pub fn labelled(&self) -> usize {
        self.labelled
    }

    /// How many verdicts name the outcome that the label names, and how many could be compared; `None`
    /// where none could, or where labels are no outcomes.
    pub fn agree(&self) -> Option<(usize, usize)> {
        let Outcomes { compared, agree } = self.outcomes();
        (compared > 0).then_some((agree, compared))
    }

    /// Verdicts and labels that are numbers, by criterion; under the empty name those of scores.
    pub fn numbers(&self) -> &BTreeMap<String, Paired> {
        &self.numbers
    }

    /// How many labels could not be compared with their verdicts.
    pub fn not_compared(&self) -> usize {
        self.not_comparable().count
    }

    /// A bare 1 names the first answer, unless there is a 0 anywhere: then nobody knows.
    fn outcomes(&self) -> Outcomes {
        match self.zeros.count {
            0 => Outcomes {
                compared: self.outcomes.compared + self.bare.compared,
                agree: self.outcomes.agree + self.bare.agree,
            },
            _ => self.outcomes,
        }
    }

    /// All labels that could not be compared; bare numbers too, where a bare 0 makes them ambiguous.
    fn not_comparable(&self) -> NotComparable {
        if self.zeros.count == 0 {
            return self.not_comparable.clone();
        }
        let numbered =
            NotComparable { count: self.zeros.count + self.bare.compared, ..self.zeros.clone() };
        numbered.and(self.not_comparable.clone())
    }

    /// What the labels are called.
    fn of_whom(&self) -> String {
        match (self.own, self.labels.is_named()) {
            (true, false) => "the records' own label".into(),
            (true, true) => format!("the records' own `{}`", escaped(self.labels.name())),
            (false, _) => "the records' `chosen`".into(),
        }
    }

    /// The same figures for programs; `None` without labels.
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
        let not_comparable = self.not_comparable();
        if let Some((label, record)) = not_comparable.first.filter(|_| not_comparable.count > 0) {
            all["not_compared"] = json!({"labels": not_comparable.count, "first": {"label": label, "record": record}});
        }
        Some(all)
    }
}

/// The figures of pairs of numbers; what is not defined is null.
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

/// One line for each thing that can be said, each after a line break.
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
            0 => "`label_map` can say what it means",
            _ => "0 may be a tie or the first answer: `label_map` can say which",
        })
    }
}

/// The lines of one set of numbers; `name` is the criterion, empty for a score.
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
