//! The figures of the first screen: what came out. Each has its number of records, and its interval where it has one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{entry::Entry, run::Run};
use crate::{
    metrics::{Interval, bootstrap_mean, ratio, real, wilson},
    report::{histogram::figure, summary::Bounds},
};

/// One figure with its interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) value: String,
    /// The 95 % interval in words; empty without one.
    pub(super) interval: String,
    /// The number of records or votes that it is made of.
    pub(super) n: usize,
    /// What a reader should know beside it.
    pub(super) note: String,
    /// The filter of its records; empty without one.
    pub(super) filter: String,
}

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
    all.extend(of_ranking(run));
    all.extend(of_revisions(run));
    all.extend(of_searches(run));
    all.extend(of_labels(run));
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

/// A mean and its interval in words (percentile bootstrap over records).
fn mean_of(numbers: &[f64]) -> (String, String) {
    let mean = numbers.iter().sum::<f64>() / real(numbers.len().max(1));
    // Equal numbers are no certainty: a record that was not seen may have another one.
    let interval = bootstrap_mean(numbers).filter(|interval| interval.width() > 5e-4);
    let interval = interval.map(|Interval { low, high }| format!("{low:.3} to {high:.3}"));
    let interval = interval.unwrap_or_default();
    (format!("{mean:.3}"), interval)
}

/// The share of all records that pass, or whose chosen answer is right.
fn passed(run: &Run) -> Option<Figure> {
    if run.ranked.is_some() || run.searched.is_some() {
        return None;
    }
    let passed = run.summary.passed?;
    Some(Figure { filter: "flag:passed".into(), ..share("pass rate", passed, run.all()) })
}

/// A share with its interval.
pub(super) fn share(name: impl Into<String>, part: usize, whole: usize) -> Figure {
    let interval = in_percent(wilson(part, whole));
    Figure {
        name: name.into(),
        value: percent(ratio(part, whole)),
        interval: if whole == 0 { String::new() } else { interval },
        n: whole,
        ..Figure::default()
    }
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

/// A word of a verdict as the name of a figure.
pub(super) fn shown(word: &str) -> String {
    crate::report::terminal::shortened(&crate::report::escaped(word), 40)
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

fn of_ranking(run: &Run) -> Vec<Figure> {
    let Some(summary) = &run.ranked else { return Vec::new() };
    let count = summary.outcomes.len();
    let mean = |of: fn(&crate::report::RankOutcome) -> f64| {
        summary.outcomes.iter().map(of).sum::<f64>() / real(count.max(1))
    };
    let mut all = Vec::new();
    if let Some(accuracy) = summary.accuracy() {
        let interval = summary.accuracy_interval();
        let interval = interval.map(|(low, high)| format!("{} to {}", bare(low), percent(high)));
        all.push(Figure {
            name: format!("chosen answers that are right (`{}`)", summary.rule),
            value: percent(accuracy),
            interval: interval.unwrap_or_default(),
            n: count,
            filter: "flag:passed".into(),
            ..Figure::default()
        });
        let beside: [(&str, f64); 3] = [
            ("right by chance (pass@1)", mean(|one| one.mean)),
            ("right by majority", mean(|one| one.majority)),
            ("right by the best candidate (oracle)", mean(|one| one.best)),
        ];
        all.extend(beside.into_iter().map(|(name, share)| Figure {
            name: name.into(),
            value: percent(share),
            n: count,
            ..Figure::default()
        }));
    }
    if let Some((gain, (low, high))) = summary.gain() {
        let note = if low > 0.0 {
            "better than chance"
        } else if high < 0.0 {
            "worse than chance"
        } else {
            "not significantly different from chance"
        };
        all.push(Figure {
            name: "gain over a random candidate".into(),
            value: format!("{:+.1} points", 100.0 * gain),
            interval: format!("{:+.1} to {:+.1}", 100.0 * low, 100.0 * high),
            n: count,
            note: note.into(),
            ..Figure::default()
        });
    }
    all
}

fn of_revisions(run: &Run) -> Vec<Figure> {
    let Some(summary) = &run.revised else { return Vec::new() };
    let mut all = vec![share("passed without a revision", summary.passed_at_once, run.all())];
    let changes: Vec<f64> = run.entries.iter().filter_map(Entry::change).collect();
    if !changes.is_empty() {
        let (value, interval) = mean_of(&changes);
        all.push(Figure {
            name: "change of the score, returned less first draft".into(),
            value: format!("{:+.3}", value.parse::<f64>().unwrap_or_default()),
            interval,
            n: changes.len(),
            filter: "flag:changed".into(),
            ..Figure::default()
        });
    }
    if summary.denied > 0 {
        all.push(share("passed the loop and not the final judgment", summary.denied, run.all()));
    }
    all
}

fn of_searches(run: &Run) -> Vec<Figure> {
    let Some(summary) = &run.searched else { return Vec::new() };
    if summary.referenced == 0 {
        return Vec::new();
    }
    vec![
        Figure {
            filter: "flag:passed".into(),
            ..share("chosen solutions that are right", summary.right, summary.referenced)
        },
        share("records with a right solution among all", summary.reached, summary.referenced),
    ]
}

fn of_labels(run: &Run) -> Vec<Figure> {
    let Some(summary) = &run.labelled else { return Vec::new() };
    let steps = summary.correct + summary.incorrect;
    vec![share("steps labelled correct", summary.correct, steps)]
}

/// Agreement with the records' own labels, beside the share that the most frequent label alone would reach.
fn agreement(run: &Run) -> Vec<Figure> {
    let summary = &run.summary.agreement;
    let mut all = Vec::new();
    if let Some((agree, compared)) = summary.agree() {
        let mut labels: BTreeMap<String, usize> = BTreeMap::new();
        let own = run.entries.iter().filter_map(|entry| entry.label.as_ref());
        own.for_each(|label| {
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
        if let Some(error) = pairs.mean_absolute_error() {
            all.push(Figure {
                name: format!("mean distance from labels{of}"),
                value: format!("{error:.3}"),
                n: pairs.len(),
                note: notes.join(", "),
                filter: "flag:disagrees".into(),
                ..Figure::default()
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

/// The value below which this many per cent of sorted values lie.
fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(at).copied()
}

/// A time in words.
pub(super) fn milliseconds(time: u64) -> String {
    match time {
        0..1_000 => format!("{time} ms"),
        #[expect(clippy::cast_precision_loss, reason = "no answer takes 2^52 ms")]
        time => format!("{:.1} s", time as f64 / 1_000.0),
    }
}

/// A share in per cent.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", bare(share))
}

/// An interval of shares in per cent.
pub(super) fn in_percent(interval: Interval) -> String {
    format!("{} to {}", bare(interval.low), percent(interval.high))
}

/// A share in per cent, without the sign.
fn bare(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_says_its_interval_and_its_number_of_records() {
        let figure = share("pass rate", 8, 10);
        assert_eq!((figure.value.as_str(), figure.n), ("80.0 %", 10));
        assert_eq!(figure.interval, "49.0 to 94.3 %");
        assert_eq!(share("none", 0, 0).interval, "");
    }

    #[test]
    fn quantiles_are_values_that_occur() {
        assert_eq!(quantile(&[1, 2, 3, 4], 50), Some(2));
        assert_eq!(quantile(&[1, 2, 3, 4], 95), Some(4));
        assert_eq!(quantile(&[], 50), None);
        assert_eq!((milliseconds(999), milliseconds(1500)), ("999 ms".into(), "1.5 s".into()));
    }
}
