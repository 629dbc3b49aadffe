//! The figures by which a reader sees how far the verdicts can be trusted.

use super::{
    entry::{Entry, Flag, More},
    figure::{Figure, share, shown},
    run::Run,
};
use crate::{
    line::ResultLine,
    metrics::{Interval, wilson},
    models::families,
    report::{EstimateMethod, EstimateReport, EstimateSample},
};

/// How far the verdicts can be trusted.
pub(super) fn trust(run: &Run) -> Vec<Figure> {
    let mut all = Vec::new();
    let ((both, consistent), (first, second)) = run.summary.by_order();
    if both > 0 {
        let figure = share("same verdict in both orders", consistent, both);
        all.push(Figure { filter: "flag:flipped".into(), ..figure });
    }
    if first + second > 0 {
        let figure = share("decided for the answer shown first", first, first + second);
        let lean = if figure_excludes_half(first, first + second) {
            "the judge leans to one position"
        } else {
            "no lean to a position is shown"
        };
        all.push(Figure { note: lean.into(), ..figure });
    }
    let games = run.entries.iter().flat_map(|entry| match &entry.more {
        More::Ranked(line) => line.comparisons.as_slice(),
        _ => &[],
    });
    let games: Vec<bool> = games.filter_map(|game| game.consistent).collect();
    if !games.is_empty() {
        let same = games.iter().filter(|same| **same).count();
        let figure = share("comparisons with one verdict in both orders", same, games.len());
        all.push(Figure { filter: "flag:flipped".into(), ..figure });
    }
    all.extend(longer(run));
    let retested: Vec<bool> = run.entries.iter().filter_map(Entry::retested).collect();
    if !retested.is_empty() {
        let stable = retested.iter().filter(|stable| **stable).count();
        let figure = share("same verdict in every draw", stable, retested.len());
        all.push(Figure { filter: "flag:flipped".into(), ..figure });
    }
    all.extend(scored(run));
    let masses: Vec<f64> = run.entries.iter().filter_map(|entry| entry.result.mass).collect();
    if !masses.is_empty() {
        let low = run.entries.iter().filter(|entry| entry.flags().contains(&Flag::LowMass)).count();
        let figure = share("low probability on the offered values", low, masses.len());
        all.push(Figure { filter: "flag:low mass".into(), ..figure });
    }
    all.extend(levels(run));
    all.extend(same_family(run));
    all.extend(corrected(run));
    all
}

/// The mean or rate of all records, corrected by the labels of some of them: what `tribunal estimate` prints first.
/// `None` where all records are labelled, or too few.
fn corrected(run: &Run) -> Option<Figure> {
    let mut sample = EstimateSample::new(run.labels().clone());
    for entry in run.entries.iter().filter(|entry| matches!(entry.more, More::Nothing)) {
        sample.push(ResultLine { votes: None, critique: None, ..entry.result.clone() });
    }
    let report = EstimateReport::new(&sample, Some(EstimateMethod::PredictionPowered)).ok()?;
    let coverage = report.coverage;
    if coverage.labelled == coverage.readable {
        return None;
    }
    let (method, estimate) =
        report.methods.iter().find_map(|one| Some((one.method, one.outcome.ok()?)))?;
    let as_text = |value: f64| format!("{value:.3}");
    let alone = report.naive.map_or(String::new(), |naive| {
        let Interval { low, high } = naive.interval;
        format!("; {:.3} ({low:.3} to {high:.3}) by the judge alone", naive.value)
    });
    let random = match report.shifted {
        Some(_) => "; the labelled records differ from the others, and were not chosen at random",
        None => "",
    };
    Some(Figure {
        name: format!("{}, corrected by labels", shown(&report.described)),
        value: as_text(estimate.value),
        interval: format!(
            "{} to {}",
            as_text(estimate.interval.low),
            as_text(estimate.interval.high)
        ),
        n: coverage.readable,
        note: format!("{} by {} labels{alone}{random}", method.name(), coverage.labelled),
        ..Figure::default()
    })
}

/// Whether the interval of a share leaves out one half.
fn figure_excludes_half(part: usize, whole: usize) -> bool {
    !wilson(part, whole).contains(0.5)
}

/// How often the longer of two answers wins.
fn longer(run: &Run) -> Option<Figure> {
    let wins = |entry: &Entry| {
        let lengths: Vec<usize> = answers(entry)?.iter().map(|text| text.chars().count()).collect();
        let [one, other] = *lengths.as_slice() else { return None };
        match entry.word()?.as_str() {
            "first" if one != other => Some(one > other),
            "second" if one != other => Some(other > one),
            _ => None,
        }
    };
    run.entries.iter().find(|entry| entry.result.verdict.preference.is_some())?;
    let wins: Vec<bool> = run.entries.iter().filter_map(wins).collect();
    let won = wins.iter().filter(|won| **won).count();
    (!wins.is_empty()).then(|| share("decided for the longer answer", won, wins.len()))
}

/// The answers of a record as texts; `None` without a record.
pub(super) fn answers(entry: &Entry) -> Option<Vec<String>> {
    let item = entry.item.as_ref()?;
    let candidates = item.candidates();
    if candidates.is_empty() {
        return item.text("answer").map(|answer| vec![answer]);
    }
    Some(candidates.iter().map(crate::item::text_of).collect())
}

/// The share of verdicts that were scored by their probabilities instead of written.
fn scored(run: &Run) -> Option<Figure> {
    let rules: Vec<&String> =
        run.entries.iter().filter_map(|entry| entry.result.rule.as_ref()).collect();
    let scored = rules.iter().filter(|rule| rule.ends_with(crate::verdict::SCORED)).count();
    (!rules.is_empty()).then(|| share("verdicts scored, not written", scored, rules.len()))
}

/// How many of the values of a whole-number scale are used.
fn levels(run: &Run) -> Option<Figure> {
    let numbers: Vec<f64> =
        run.entries.iter().filter_map(|entry| entry.result.verdict.score).collect();
    let (low, high) = run.ends?;
    let is_whole = numbers.iter().all(|number| (number - number.round()).abs() < 1e-9);
    if numbers.is_empty() || !is_whole || high - low < 2.0 || high - low > 100.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "numbers of a scale of at most 101 values")]
    let used: std::collections::BTreeSet<i64> =
        numbers.iter().map(|number| number.round() as i64).collect();
    let all = (high - low).round() + 1.0;
    Some(Figure {
        name: "values of the scale that are used".into(),
        value: format!("{} of {all:.0}", used.len()),
        n: numbers.len(),
        ..Figure::default()
    })
}

/// Records whose answers were written by a model of the judge's family.
fn same_family(run: &Run) -> Option<Figure> {
    let own = |entry: &Entry| {
        let members = entry.result.members.iter().flatten().map(|member| member.model.clone());
        let models: Vec<String> = members.chain([entry.result.model.clone()]).collect();
        models.iter().flat_map(|model| families(model)).collect::<std::collections::BTreeSet<_>>()
    };
    let is_same = |entry: &&Entry| {
        let Some(item) = &entry.item else { return false };
        let families_of_judge = own(entry);
        item.authors().into_iter().flat_map(families).any(|one| families_of_judge.contains(one))
    };
    let count = run.entries.iter().filter(is_same).count();
    (count > 0).then(|| Figure {
        note: "judges tend to prefer answers of their own family".into(),
        ..share("answers by a model of the judge's family", count, run.len())
    })
}
