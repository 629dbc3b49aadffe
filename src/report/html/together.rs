//! The same records in several files: which verdicts differ, and whether one file is better than another.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Report,
    figure::{Figure, share},
    run::Run,
};
use crate::{
    metrics::{Interval, p_value},
    report::{Comparison, RecordVerdict, Significance, escaped},
};

/// Two files compared, as figures.
#[derive(Serialize)]
pub(super) struct ComparedView {
    pub(super) title: String,
    pub(super) figures: Vec<Figure>,
}

/// Notes at every record where the other files have it, and whether their verdicts differ. Of several records with one
/// id, the first belongs to the first, as in [`Comparison`].
pub(super) fn join(runs: &mut [Run]) {
    let mut places: BTreeMap<(String, usize), Vec<(usize, usize)>> = BTreeMap::new();
    for (at, run) in runs.iter().enumerate() {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, entry) in run.entries.iter().enumerate() {
            let count = seen.entry(&entry.result.id).or_default();
            places.entry((entry.result.id.clone(), *count)).or_default().push((at, place));
            *count += 1;
        }
    }
    let starts: Vec<usize> = runs
        .iter()
        .scan(0, |start, run| Some(std::mem::replace(start, *start + run.len())))
        .collect();
    for same in places.into_values().filter(|same| same.len() > 1) {
        let of =
            |(at, place): &(usize, usize)| RecordVerdict::from(&runs[*at].entries[*place].result);
        let verdicts: Vec<RecordVerdict> = same.iter().map(of).collect();
        let alike = is_alike(same.iter().map(|(at, _)| &runs[*at]));
        let differs = verdicts.iter().any(|one| {
            if alike { !one.agrees(&verdicts[0]) } else { one.pass != verdicts[0].pass }
        });
        for (at, place) in &same {
            let others = same.iter().filter(|other| *other != &(*at, *place));
            let entry = &mut runs[*at].entries[*place];
            entry.peers = others.map(|(at, place)| starts[*at] + place).collect();
            entry.differs = differs;
        }
    }
}

/// Whether the verdicts of runs mean the same: not where candidates or solutions are the runs' own, of which only
/// whether they are right can be compared.
fn is_alike<'r>(mut runs: impl Iterator<Item = &'r Run>) -> bool {
    let Some(first) = runs.next() else { return true };
    let is_own = matches!(first.command, "rank" | "search");
    !is_own && runs.all(|run| run.command == first.command)
}

/// The first run compared with each other one that has records of the same ids.
pub(super) fn compare(runs: &[Run]) -> Vec<(usize, Comparison)> {
    let verdicts = |run: &Run| -> Vec<RecordVerdict> {
        run.entries.iter().map(|entry| RecordVerdict::from(&entry.result)).collect()
    };
    let Some((first, others)) = runs.split_first() else { return Vec::new() };
    let compared = others
        .iter()
        .zip(1..)
        .map(|(other, at)| (at, Comparison::new(verdicts(first), verdicts(other))));
    compared.filter(|(_, comparison)| comparison.joined() > 0).collect()
}

/// The comparisons of a report.
pub(super) fn views(report: &Report) -> Vec<ComparedView> {
    let view = |(at, comparison): &(usize, Comparison)| {
        let name = |at: usize| escaped(&report.runs[at].name);
        ComparedView {
            title: format!("{} compared with {}", name(*at), name(0)),
            figures: figures(
                comparison,
                report.comparisons.len(),
                is_alike([&report.runs[0], &report.runs[*at]].into_iter()),
            ),
        }
    };
    report.comparisons.iter().map(view).collect()
}

/// The name of a figure, and its value with its interval in every file; `None` where a file does not have it.
type Beside = (String, Vec<Option<(String, String)>>);

/// The figures of all files in one table.
#[derive(Serialize)]
pub(super) struct BesideView {
    /// The names of the files.
    files: Vec<String>,
    rows: Vec<Beside>,
}

/// The figures that at least two files have, beside each other; `None` of one file.
pub(super) fn beside<'f>(
    runs: impl Iterator<Item = (&'f str, Vec<&'f Figure>)>,
) -> Option<BesideView> {
    let mut files = Vec::new();
    let mut rows: Vec<Beside> = Vec::new();
    for (at, (file, figures)) in runs.enumerate() {
        files.push(file.to_owned());
        for Figure { name, value, interval, .. } in figures {
            let place = rows.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
                rows.push((name.clone(), Vec::new()));
                rows.len() - 1
            });
            rows[place].1.resize(at, None);
            rows[place].1.push(Some((value.clone(), interval.clone())));
        }
    }
    rows.iter_mut().for_each(|(_, cells)| cells.resize(files.len(), None));
    rows.retain(|(_, cells)| cells.iter().flatten().count() > 1);
    (files.len() > 1 && !rows.is_empty()).then_some(BesideView { files, rows })
}

/// The figures of a comparison; `count` is how many there are in the report, and verdicts that are not alike are
/// compared by whether they pass.
fn figures(comparison: &Comparison, count: usize, alike: bool) -> Vec<Figure> {
    let (equal, decided) = comparison.equal();
    let (first, second) = comparison.alone;
    let (read_first, read_second) = comparison.read_by_one();
    let notes = [
        ("records only in the first file", first),
        ("only in the second file", second),
        ("with a verdict only in the first file", read_first),
        ("with a verdict only in the second file", read_second),
    ];
    let notes = notes.iter().filter(|(_, count)| *count > 0);
    let note: Vec<String> = notes.map(|(words, count)| format!("{count} {words}")).collect();
    let note = note.join(", ");
    let mut all = vec![if alike {
        let name = "records with the same verdict in both files";
        Figure { note, filter: "flag:differs".into(), ..share(name, equal, decided) }
    } else {
        let joined = comparison.joined();
        let name = "records in both files".to_owned();
        Figure { name, value: joined.to_string(), n: joined, note, ..Figure::default() }
    }];
    all.extend(beyond_chance(comparison, decided).filter(|_| alike));
    if let (criteria @ 1.., changed) = comparison.criteria() {
        all.push(share("criteria with another verdict", changed, criteria));
    }
    all.extend(difference(comparison, count));
    all
}

/// The agreement beyond chance.
fn beyond_chance(comparison: &Comparison, n: usize) -> Option<Figure> {
    let weighted = comparison.scores().map(|scores| scores.weighted_kappa());
    let (name, kappa) = match weighted {
        Some(kappa) => ("quadratic weighted kappa", kappa?),
        None => ("Cohen's kappa", comparison.kappa()?),
    };
    Some(Figure { name: name.into(), value: format!("{kappa:.3}"), n, ..Figure::default() })
}

/// The difference of pass rates or mean scores with its test; without either, the test of verdicts with two values.
fn difference(comparison: &Comparison, count: usize) -> Option<Figure> {
    let test = comparison.significance()?;
    let change = comparison.change();
    let several = if count > 1 { "; each comparison has its own 5 % error" } else { "" };
    let n = comparison.joined();
    Some(match (test, change) {
        (Significance::Bootstrap { .. }, Some((mean, interval))) => Figure {
            name: "difference of the mean scores".into(),
            value: format!("{mean:+.3}"),
            interval: signed(interval, 1.0),
            n: comparison.equal().1,
            note: format!("{}{several}", by_interval(interval)),
            ..Figure::default()
        },
        (Significance::McNemar { first, second, p }, Some((mean, interval))) => Figure {
            name: "difference of the pass rates, in points".into(),
            value: format!("{:+.1}", 100.0 * mean),
            interval: signed(interval, 100.0),
            n,
            note: format!(
                "{first} pass only in the first file, {second} only in the second; McNemar's exact {}: {}{several}",
                p_value(p),
                by_p(p, second > first)
            ),
            filter: "flag:differs".into(),
        },
        (Significance::McNemar { first, second, p }, None) => {
            let changed = share("records with another verdict", first + second, n);
            let words = if p < 0.05 {
                "more change in one direction than chance explains"
            } else {
                "as many change in each direction as chance explains"
            };
            Figure {
                note: format!(
                    "{first} in one direction, {second} in the other; McNemar's exact {}: {words}{several}",
                    p_value(p)
                ),
                filter: "flag:differs".into(),
                ..changed
            }
        }
        (Significance::Bootstrap { .. }, None) => return None,
    })
}

/// An interval of differences in words.
fn signed(Interval { low, high }: Interval, factor: f64) -> String {
    if factor > 1.0 {
        return format!("{:+.1} to {:+.1}", factor * low, factor * high);
    }
    format!("{low:+.3} to {high:+.3}")
}

/// Whether a difference is more than chance, by its interval.
fn by_interval(Interval { low, high }: Interval) -> &'static str {
    if low > 0.0 {
        "higher in the second file, by more than chance (paired bootstrap)"
    } else if high < 0.0 {
        "lower in the second file, by more than chance (paired bootstrap)"
    } else {
        "no difference is shown: the interval contains 0 (paired bootstrap)"
    }
}

/// Whether a difference is more than chance, by a test.
fn by_p(p: f64, is_more: bool) -> &'static str {
    match (p < 0.05, is_more) {
        (true, true) => "better by more than chance",
        (true, false) => "worse by more than chance",
        (false, _) => "no difference is shown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_several_files_have_stand_in_one_row() {
        let figure = |name: &str, value: &str| Figure {
            name: name.into(),
            value: value.into(),
            ..Figure::default()
        };
        let (one, other) = ([figure("mean", "1"), figure("cost", "2")], [figure("mean", "3")]);
        let files = [("a", one.iter().collect()), ("b", other.iter().collect())];
        let view = beside(files.into_iter()).unwrap();
        let cell = |value: &str| Some((value.to_owned(), String::new()));
        assert_eq!(view.files, ["a", "b"]);
        assert_eq!(view.rows, [("mean".to_owned(), vec![cell("1"), cell("3")])]);
        assert!(beside([("a", one.iter().collect())].into_iter()).is_none());
    }

    #[test]
    fn nothing_is_called_better_without_a_test() {
        let of = |low, high| by_interval(Interval { low, high });
        assert!(of(0.1, 0.4).starts_with("higher") && of(-0.4, -0.1).starts_with("lower"));
        assert!(of(-0.1, 0.4).starts_with("no difference"));
        assert_eq!(by_p(0.05, true), "no difference is shown");
        assert_eq!(
            (by_p(0.01, true), by_p(0.01, false)),
            ("better by more than chance", "worse by more than chance")
        );
    }
}
