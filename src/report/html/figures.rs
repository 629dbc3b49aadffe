//! The figures of the first screen: what came out. Each has its number of records, and its interval where it has one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    entry::Entry,
    figure::{Figure, in_percent, mean_of, milliseconds, percent, quantile, share, shown},
    run::Run,
    strategies::strategies,
};
use crate::{
    metrics::{bootstrap_mean, ratio, real},
    report::{histogram::figure, summary::Bounds},
};

/// Some records with the same outcome, as a part of all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) count: usize,
    /// Their share of all records, in words.
    pub(super) share: String,
    /// Where the part begins and how long it is, in thousandths of the bar.
    pub(super) from: usize,
    pub(super) length: usize,
    /// The word for its colour.
    pub(super) tone: &'static str,
    pub(super) filter: String,
}

/// The outcomes as shares of all records.
pub(super) fn coverage(run: &Run) -> Vec<Part> {
    let summary = &run.summary;
    let mut counts = vec![("judged".to_owned(), summary.judged, "good", String::new())];
    counts.push(("abstained".into(), summary.abstained, "quiet", "flag:abstained".into()));
    for (reason, count) in &summary.unreadable {
        let name = format!("unreadable: {reason}");
        counts.push((name, *count, "doubtful", format!("reason:{reason}")));
    }
    counts.push(("failed".into(), summary.failed, "bad", "flag:failed".into()));
    counts.push(("never tried".into(), run.untried, "untried", String::new()));
    let mut from = 0;
    let part = |(name, count, tone, filter): (String, usize, &'static str, String)| {
        let end = from + count;
        let place = |at: usize| at * 1000 / run.all().max(1);
        let (start, length) = (place(from), place(end) - place(from));
        from = end;
        let share = percent(ratio(count, run.all()));
        Part { name, count, share, from: start, length, tone, filter }
    };
    counts.into_iter().filter(|(_, count, ..)| *count > 0).map(part).collect()
}

/// What came out, by the kind of the verdicts.
pub(super) fn outcome(run: &Run) -> Vec<Figure> {
    let mut all = Vec::new();
    all.extend(mean(run));
    all.extend(passed(run));
    all.extend(shares(run));
    all.extend(criteria(run));
    all.extend(strategies(run));
    all.extend(agreement(run));
    all.extend(spent(run));
    all
}

/// The mean score, with its bounds where records have no verdict.
fn mean(run: &Run) -> Option<Figure> {
    let numbers: Vec<f64> = run.entries.iter().filter_map(Entry::score).collect();
    if numbers.is_empty() {
        return None;
    }
    let without = run.all() - run.summary.judged;
    let bounds = run.summary.bounds().filter(|_| without > 0 && run.revised.is_none());
    let note = bounds.map_or(String::new(), |Bounds { lowest, highest, .. }| {
        format!("between {lowest:.3} and {highest:.3} if the {without} without a verdict were worst or best")
    });
    let of = match run.command {
        "search" => "mean value of the chosen solution",
        "revise" => "mean score of the returned draft",
        _ => "mean score",
    };
    let scale = run.ends.map(|(low, high)| format!(" ({} to {})", figure(low), figure(high)));
    let (value, interval) = mean_of(&numbers);
    Some(Figure {
        name: format!("{of}{}", scale.filter(|_| run.command == "judge").unwrap_or_default()),
        value,
        interval,
        n: numbers.len(),
        note,
        ..Figure::default()
    })
}

/// The share of all records that pass, or whose chosen answer is right.
fn passed(run: &Run) -> Option<Figure> {
    if run.ranked.is_some() || run.searched.is_some() {
        return None;
    }
    let passed = run.summary.passed?;
    Some(Figure { filter: "flag:passed".into(), ..share("pass rate", passed, run.all()) })
}

/// The most labels that have a figure each.
const SHOWN: usize = 8;

/// The share of each label, preference or first error, most frequent first.
fn shares(run: &Run) -> Vec<Figure> {
    if run.ranked.is_some() || run.searched.is_some() || run.revised.is_some() {
        return Vec::new();
    }
    if run.entries.iter().any(|entry| entry.result.verdict.ranking.is_some()) {
        return first_places(run);
    }
    let mut counts = words(&run.entries);
    let has_numbers = run.entries.iter().any(|entry| entry.result.verdict.score.is_some());
    let is_steps = run.entries.iter().any(|entry| entry.result.verdict.first_error.is_some());
    if has_numbers && !is_steps {
        return Vec::new();
    }
    let judged = run.summary.judged;
    let mut all = Vec::new();
    let of =
        |word: &str| counts.iter().find(|(name, _)| name == word).map_or(0, |(_, count)| *count);
    let sides = ["first", "second", "tie"].map(of);
    if run.entries.iter().any(|entry| entry.result.verdict.preference.is_some()) {
        all.push(win_rate(run, sides));
    }
    let left = counts.split_off(counts.len().min(SHOWN));
    let rest: usize = left.iter().map(|(_, count)| count).sum();
    all.extend(counts.into_iter().map(|(word, count)| Figure {
        filter: format!("verdict:{word}"),
        ..share(format!("verdict {}", shown(&word)), count, judged)
    }));
    if rest > 0 {
        all.push(share(format!("{} other verdicts", left.len()), rest, judged));
    }
    all
}

/// How often each answer came first in a ranking, most frequent first.
fn first_places(run: &Run) -> Vec<Figure> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let first = run.entries.iter().filter_map(Entry::first_place);
    first.for_each(|name| *counts.entry(name).or_default() += 1);
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let figure = |(name, count): (String, usize)| Figure {
        filter: format!("outcome:{name}"),
        ..share(format!("{name} in the first place"), count, run.summary.judged)
    };
    counts.into_iter().take(SHOWN).map(figure).collect()
}

/// The share of the first answer, a tie as half a win, with the interval of the mean.
fn win_rate(run: &Run, [first, second, tie]: [usize; 3]) -> Figure {
    let points = [(first, 1.0), (second, 0.0), (tie, 0.5)];
    let wins: Vec<f64> =
        points.into_iter().flat_map(|(count, share)| std::iter::repeat_n(share, count)).collect();
    let mean = wins.iter().sum::<f64>() / real(wins.len().max(1));
    let interval = bootstrap_mean(&wins).filter(|_| wins.len() > 1);
    let interval = interval.map(in_percent).unwrap_or_default();
    Figure {
        name: "win rate of the first answer".into(),
        value: percent(mean),
        interval,
        n: run.summary.judged,
        note: format!("{first} wins, {second} losses, {tie} ties; a tie is half a win"),
        ..Figure::default()
    }
}

/// How many records have each verdict, most frequent first.
pub(super) fn words(entries: &[Entry]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    entries.iter().filter_map(Entry::word).for_each(|word| *counts.entry(word).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// The most criteria that have a figure each.
const CRITERIA: usize = 12;

/// How often each criterion of a rubric is met, of the records where it was assessed, in the order of the rubric.
fn criteria(run: &Run) -> Vec<Figure> {
    let mut all: Vec<(&str, usize, usize)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let verdicts =
        run.entries.iter().flat_map(|entry| entry.result.verdict.rubric.iter().flatten());
    for one in verdicts.filter(|one| one.share().is_some()) {
        let place = *places.entry(&one.name).or_insert_with(|| {
            all.push((&one.name, 0, 0));
            all.len() - 1
        });
        all[place].1 += usize::from(one.is_met());
        all[place].2 += 1;
    }
    let left = all.split_off(all.len().min(CRITERIA));
    let mut figures: Vec<Figure> =
        all.iter().map(|(name, met, all)| share(criterion(name), *met, *all)).collect();
    if !left.is_empty() {
        let sum = |of: fn(&(&str, usize, usize)) -> usize| left.iter().map(of).sum::<usize>();
        let name = format!("{} other criteria met", left.len());
        figures.push(share(name, sum(|one| one.1), sum(|one| one.2)));
    }
    figures
}

/// The name of the figure of a criterion.
fn criterion(name: &str) -> String {
    let is_said = name.to_lowercase().starts_with("criterion");
    format!("{}{} met", if is_said { "" } else { "criterion " }, shown(name))
}

/// Agreement with the records' own labels, beside the share that the most frequent label alone would reach.
fn agreement(run: &Run) -> Vec<Figure> {
    let summary = &run.summary.agreement;
    let mut all = Vec::new();
    if let Some((agree, compared)) = summary.agree() {
        let mut labels: BTreeMap<String, usize> = BTreeMap::new();
        let own = run.entries.iter().filter_map(|entry| entry.label.as_ref());
        // Of the records that are compared, as the agreement is.
        own.filter(|label| label.distance.is_some()).for_each(|label| {
            *labels.entry(label.shown()).or_default() += 1;
        });
        let most = labels.values().max().copied().unwrap_or(0);
        let base = percent(ratio(most, labels.values().sum()));
        all.push(Figure {
            note: format!("base rate: {base} if every verdict were the most frequent label"),
            filter: "flag:disagrees".into(),
            ..share("agreement with labels", agree, compared)
        });
    }
    for (name, pairs) in summary.numbers() {
        let of = if name.is_empty() { String::new() } else { format!(" ({})", shown(name)) };
        let spearman = pairs.spearman().map(|rho| format!("Spearman {rho:.3}"));
        let equal = pairs
            .is_whole()
            .then(|| format!("{} equal", percent(ratio(pairs.within(0.0), pairs.len()))));
        let near = format!("{} within 1", percent(ratio(pairs.within(1.0), pairs.len())));
        let notes: Vec<String> = spearman.into_iter().chain(equal).chain([near]).collect();
        if !pairs.is_empty() {
            let (value, interval) = mean_of(&pairs.distances());
            all.push(Figure {
                name: format!("mean distance from labels{of}"),
                value,
                interval,
                n: pairs.len(),
                note: notes.join(", "),
                filter: "flag:disagrees".into(),
            });
        }
    }
    all
}

/// What the run cost.
fn spent(run: &Run) -> Vec<Figure> {
    let costs: Vec<f64> = run.entries.iter().filter_map(|entry| entry.result.cost).collect();
    let mut times: Vec<u64> =
        run.entries.iter().filter_map(|entry| entry.result.latency_ms).collect();
    times.sort_unstable();
    let mut all = Vec::new();
    if !costs.is_empty() {
        all.push(Figure {
            name: "cost".into(),
            value: format!("{:.4}", costs.iter().sum::<f64>()),
            n: costs.len(),
            note: "in the currency of the prices".into(),
            ..Figure::default()
        });
    }
    if let (Some(median), Some(late)) = (quantile(&times, 50), quantile(&times, 95)) {
        all.push(Figure {
            name: "median time of a record".into(),
            value: milliseconds(median),
            n: times.len(),
            note: format!("95 % took at most {}", milliseconds(late)),
            ..Figure::default()
        });
    }
    all
}
