//! Which charts a run has.

use std::collections::BTreeMap;

use super::{
    courses,
    entry::{Entry, More},
    figures::words,
    picture::{Picture, picture},
    run::Run,
    trust::answers,
    votes::{members, positions},
};
use crate::{
    line::ResultLine,
    metrics::{bootstrap_mean, mean, ratio, real, wilson},
    report::{
        CalibrationFigures, CalibrationSample, Quantity,
        charts::{
            Cell, GroupMean, Spent, bins, by_group, histogram, named_bars, over_tokens,
            reliability, scatter, square,
        },
        histogram::figure,
    },
    units::counted,
};

/// The charts of a run that have something to show.
pub(super) fn all(run: &Run) -> Vec<Picture> {
    let all = [
        scores(run),
        verdicts(run),
        confusion(run),
        calibration(run),
        positions(run),
        members(run),
        length(run),
        groups(run),
        times(run),
        costs(run),
    ];
    courses::all(run).chain(all.into_iter().flatten()).collect()
}

/// Scores, with the expected scores beside them.
fn scores(run: &Run) -> Option<Picture> {
    let numbers: Vec<f64> = run.entries.iter().filter_map(Entry::score).collect();
    let expected: Vec<f64> =
        run.entries.iter().filter_map(|entry| entry.result.expected_score).collect();
    let bins = bins(&numbers, run.ends.filter(|_| run.revised.is_none()));
    let outlined = if expected.is_empty() { None } else { Some(expected.as_slice()) };
    let note = match outlined {
        Some(expected) => format!(
            "{} written scores (bars) and {} expected scores (outlines)",
            numbers.len(),
            expected.len()
        ),
        None => format!("{} scores", numbers.len()),
    };
    let title = match run.command {
        "search" => "Values of the chosen solutions",
        "revise" => "Scores of the returned drafts",
        _ => "Scores",
    };
    let axis = if run.command == "search" { "value" } else { "score" };
    picture(title, note, histogram(&bins, outlined, (axis, "score")))
}

/// How often each verdict was given, where verdicts are words.
fn verdicts(run: &Run) -> Option<Picture> {
    const BARS: usize = 12;
    let is_word = |entry: &Entry| {
        let verdict = &entry.result.verdict;
        verdict.label.is_some() || verdict.preference.is_some() || verdict.first_error.is_some()
    };
    if run.revised.is_some() || !run.entries.iter().any(is_word) {
        return None;
    }
    let mut counts = words(&run.entries);
    counts.truncate(BARS);
    let is_steps = run.entries.iter().any(|entry| entry.result.verdict.first_error.is_some());
    if is_steps {
        // By the place of the error; solutions without one first.
        let place = |name: &str| name.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok());
        counts.sort_by_key(|(name, _)| place(name));
    }
    picture(
        if is_steps { "First errors" } else { "Verdicts" },
        format!("{} verdicts", run.summary.judged),
        named_bars(&counts, ("records", "verdict")),
    )
}

/// Labels against verdicts.
fn confusion(run: &Run) -> Option<Picture> {
    /// The most names that fit.
    const NAMES: usize = 10;
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for entry in &run.entries {
        let Some(label) = entry.label.as_ref().filter(|label| label.distance.is_some()) else {
            continue;
        };
        let number = || label.text.trim().parse::<f64>().ok().map(figure);
        let meant = label.meant.clone().or_else(number).unwrap_or_else(|| label.text.clone());
        let Some(word) = entry.word() else { continue };
        *counts.entry((meant, word)).or_default() += 1;
    }
    let mut names: Vec<String> =
        counts.keys().flat_map(|(label, word)| [label.clone(), word.clone()]).collect();
    names.sort_by(|one, other| match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => one.total_cmp(&other),
        _ => one.cmp(other),
    });
    names.dedup();
    if names.is_empty() || names.len() > NAMES {
        return None;
    }
    let all: usize = counts.values().sum();
    let cell = |label: &String, word: &String| {
        let count = counts.get(&(label.clone(), word.clone())).copied().unwrap_or(0);
        let of_label: usize = names
            .iter()
            .map(|word| counts.get(&(label.clone(), word.clone())).copied().unwrap_or(0))
            .sum();
        let words = format!("label {label}, verdict {word}: {}", counted(count, "record"));
        let filter = if count > 0 { format!("cell:{label}\u{1f}{word}") } else { String::new() };
        Cell { shade: ratio(count, of_label), text: count.to_string(), link: (filter, words) }
    };
    let cells: Vec<Vec<Cell>> =
        names.iter().map(|label| names.iter().map(|word| cell(label, word)).collect()).collect();
    let note = format!("{all} records with a label; darker is a larger share of the label");
    picture("Labels against verdicts", note, square(("label", &names), ("verdict", &names), &cells))
}

/// Whether probabilities are as often right as they say.
fn calibration(run: &Run) -> Option<Picture> {
    const BINS: usize = 10;
    let mut sample = CalibrationSample::new(run.labels().clone());
    for entry in run.entries.iter().filter(|entry| matches!(entry.more, More::Nothing)) {
        sample.push(&ResultLine { votes: None, critique: None, ..entry.result.clone() });
    }
    let quantity = sample.quantity().ok()?;
    // A grade is no outcome that a score could predict.
    let is_grade = |text: &String| text.trim().parse::<f64>().is_ok_and(|number| number > 1.0);
    let mut labels = run.entries.iter().filter_map(|entry| Some(&entry.label.as_ref()?.text));
    if quantity == Quantity::Score && labels.any(is_grade) {
        return None;
    }
    let (observed, _) = sample.observations(false).ok()?;
    if observed.is_empty() {
        return None;
    }
    let figures = CalibrationFigures::new(&observed, BINS);
    let note = format!(
        "{} predictions with 95 % intervals; on the line they come true as often as predicted; expected calibration error {:.3}, Brier score {:.3}",
        observed.len(),
        figures.ece,
        figures.brier
    );
    let what = match quantity {
        Quantity::P => "probability",
        Quantity::Score => "score",
        Quantity::Steps => "probability that a step is correct",
    };
    picture("Calibration", note, reliability(&figures.by_width, what))
}

/// Scores over the length of the answer.
fn length(run: &Run) -> Option<Picture> {
    let point = |entry: &Entry| {
        let texts = answers(entry)?;
        let [text] = texts.as_slice() else { return None };
        Some((real(text.chars().count()), entry.result.verdict.score?))
    };
    let judged = run.entries.iter().filter(|entry| matches!(entry.more, More::Nothing));
    let points: Vec<_> = judged.filter_map(point).collect();
    let note = format!("{} records; the line is the trend", points.len());
    // Answers of one length show nothing.
    let is_one = points.iter().all(|(length, _)| (length - points[0].0).abs() < 0.5);
    if points.len() < 3 || is_one {
        return None;
    }
    picture(
        "Score against length",
        note,
        scatter(&points, ("characters of the answer", "length"), "score"),
    )
}

/// Pass rates or mean scores by group.
fn groups(run: &Run) -> Option<Picture> {
    let mut groups: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in &run.entries {
        groups.entry(entry.group.as_deref()?).or_default().push(entry);
    }
    let has_pass = run.entries.iter().any(|entry| entry.result.pass.is_some());
    let share = |entries: &[&Entry], is: &dyn Fn(&Entry) -> bool| {
        let part = entries.iter().filter(|entry| is(entry)).count();
        (ratio(part, entries.len()), wilson(part, entries.len()).into())
    };
    let usual = words(&run.entries).into_iter().next().map(|(word, _)| word);
    let has_scores = run.entries.iter().any(|entry| entry.score().is_some());
    // Without any verdict, there is nothing of which a group could have a share.
    if !has_pass && !has_scores && usual.is_none() {
        return None;
    }
    let group = |(name, entries): (&&str, &Vec<&Entry>)| {
        let (mean, interval) = if has_pass {
            share(entries, &|entry| entry.result.pass == Some(true))
        } else if has_scores {
            let numbers: Vec<f64> = entries.iter().filter_map(|entry| entry.score()).collect();
            // What could not be read is no number, and a group of nothing else has no mean.
            let mean = mean(&numbers)?;
            let interval = bootstrap_mean(&numbers).filter(|_| numbers.len() > 1);
            (mean, interval.map_or((mean, mean), Into::into))
        } else {
            share(entries, &|entry| entry.word() == usual)
        };
        let filter = format!("group:{name}");
        let name = (*name).to_owned();
        Some(GroupMean { name, mean, interval, count: entries.len(), filter })
    };
    let means: Vec<GroupMean> = groups.iter().filter_map(group).collect();
    let what = match (has_pass, has_scores, usual) {
        (true, ..) => "pass rate".to_owned(),
        (false, true, _) => "mean score".to_owned(),
        (.., usual) => format!("share of {}", usual.clone().unwrap_or_default()),
    };
    if means.len() < 2 {
        return None;
    }
    let grouped: usize = means.iter().map(|group| group.count).sum();
    let note = format!("{grouped} records in {} groups; 95 % intervals", means.len());
    picture("By group", note, by_group(&means, &what, has_pass || !has_scores))
}

/// Accuracy against the tokens that were written: of every run in which answers were chosen or searched for, and of one
/// candidate alone.
pub(super) fn compute(runs: &[Run]) -> Option<Picture> {
    let all: Vec<Spent> = runs.iter().flat_map(spent).collect();
    if all.len() < 2 {
        return None;
    }
    let known = |run: &Run| match (&run.ranked, &run.searched) {
        (Some(ranked), _) => ranked.outcomes.len(),
        (_, Some(searched)) => searched.referenced,
        _ => 0,
    };
    let most = runs.iter().map(known).max().unwrap_or(0);
    let note = format!("up to {most} records with a known answer; 95 % intervals");
    picture("Accuracy against tokens", note, over_tokens(&all))
}

/// The points of one run.
fn spent(run: &Run) -> Vec<Spent> {
    let (accuracy, right, all) = match (&run.ranked, &run.searched) {
        (Some(ranked), _) => {
            let right = ranked.outcomes.iter().filter(|one| one.chosen > 0.999).count();
            let Some(accuracy) = ranked.accuracy() else { return Vec::new() };
            (accuracy, right, ranked.outcomes.len())
        }
        (_, Some(searched)) if searched.referenced > 0 => {
            (ratio(searched.right, searched.referenced), searched.right, searched.referenced)
        }
        _ => return Vec::new(),
    };
    let tokens: Vec<f64> = run.entries.iter().filter_map(tokens).collect();
    let name = match &run.ranked {
        Some(ranked) => format!("{} ({})", run.name, ranked.rule),
        None => run.name.clone(),
    };
    let chosen = Spent {
        name,
        tokens: mean(&tokens).unwrap_or_default(),
        accuracy,
        interval: Some(wilson(right, all)),
        filter: format!("run:{}", run.name),
    };
    let one = run.ranked.as_ref().and_then(|ranked| {
        let written: Vec<f64> = run.entries.iter().filter_map(written).collect();
        let each = ranked.candidates.div_ceil(run.len().max(1)).max(1);
        let chance: Vec<f64> = ranked.outcomes.iter().map(|one| one.mean).collect();
        let tokens = mean(&written)? / real(each);
        Some(Spent {
            name: "one candidate".into(),
            tokens,
            accuracy: mean(&chance)?,
            interval: None,
            filter: String::new(),
        })
    });
    std::iter::once(chosen).chain(one).collect()
}

/// The tokens that were written for a record, cached answers included.
fn tokens(entry: &Entry) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "no record has 2^52 tokens")]
    let number = |tokens: u64| tokens as f64;
    match &entry.more {
        More::Ranked(line) => {
            let both = line.spent.usage.unwrap_or_default().completion
                + line.spent.saved.unwrap_or_default().completion;
            Some(number(both))
        }
        More::Searched(line) => {
            Some(number(line.policy_cost.completion + line.judge_cost.completion))
        }
        _ => None,
    }
}

/// The tokens that the policy wrote for all candidates of a record.
fn written(entry: &Entry) -> Option<f64> {
    let More::Ranked(line) = &entry.more else { return None };
    let tokens: u64 = line.candidates.iter().filter_map(|one| Some(one.written?.completion)).sum();
    #[expect(clippy::cast_precision_loss, reason = "no record has 2^52 tokens")]
    (tokens > 0).then_some(tokens as f64)
}

/// The range of amounts, from nothing to the largest; `None` if all are 0.
fn up_to(amounts: &[f64]) -> Option<(f64, f64)> {
    let most = amounts.iter().copied().fold(0.0, f64::max);
    (most > 0.0).then_some((0.0, most))
}

/// How long records took.
fn times(run: &Run) -> Option<Picture> {
    #[expect(clippy::cast_precision_loss, reason = "no answer takes 2^52 ms")]
    let time = |entry: &Entry| Some(entry.result.latency_ms? as f64);
    let mut all: Vec<f64> = run.entries.iter().filter_map(time).collect();
    if all.len() < 2 {
        return None;
    }
    let is_short = all.iter().all(|time| *time < 1_000.0);
    if !is_short {
        all.iter_mut().for_each(|time| *time /= 1_000.0);
    }
    let axis = if is_short {
        ("milliseconds for a record", "milliseconds")
    } else {
        ("seconds for a record", "seconds")
    };
    let svg = histogram(&bins(&all, up_to(&all)), None, axis);
    picture("Time", format!("{} records", all.len()), svg)
}

/// What records cost.
fn costs(run: &Run) -> Option<Picture> {
    let all: Vec<f64> = run.entries.iter().filter_map(|entry| entry.result.cost).collect();
    if all.len() < 2 {
        return None;
    }
    let svg = histogram(&bins(&all, up_to(&all)), None, ("cost of a record", "cost"));
    picture("Cost", format!("{} records, {:.4} together", all.len(), all.iter().sum::<f64>()), svg)
}
