//! What came out of rankings, revisions, searches and labelled steps.

use super::{
    entry::Entry,
    figure::{Figure, bare, mean_of, percent, share},
    run::Run,
};
use crate::metrics::real;

/// The figures of the command that wrote the results; none for judgments alone.
pub(super) fn strategies(run: &Run) -> Vec<Figure> {
    [of_ranking(run), of_revisions(run), of_searches(run), of_labels(run)].concat()
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
