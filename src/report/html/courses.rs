//! Charts of runs that choose among answers, revise them or search for them: what the choice or the loop was worth.

use std::collections::BTreeMap;

use super::{
    entry::{Entry, More},
    picture::{Picture, picture},
    run::Run,
};
use crate::{
    metrics::{bootstrap_mean, mean, ratio, wilson},
    records::RoundLine,
    report::charts::{GroupMean, by_group, named_bars},
};

/// The charts of a run, those that say most first; none of a run of `judge` without rankings.
pub(super) fn all(run: &Run) -> impl Iterator<Item = Picture> {
    [right(run), rounds(run), ends(run), places(run)].into_iter().flatten()
}

/// How often the chosen answer is right, beside what chance and a perfect choice would give.
fn right(run: &Run) -> Option<Picture> {
    let row = |name: &str, (share, interval): (f64, Option<(f64, f64)>), count, filter: &str| {
        let interval = interval.unwrap_or((share, share));
        GroupMean { name: name.into(), mean: share, interval, count, filter: filter.into() }
    };
    let (rows, count) = match (&run.ranked, &run.searched) {
        (Some(ranked), _) if !ranked.outcomes.is_empty() => {
            let all = &ranked.outcomes;
            let of = |worth: fn(&crate::report::RankOutcome) -> f64| {
                let numbers: Vec<f64> = all.iter().map(worth).collect();
                let interval = bootstrap_mean(&numbers).filter(|_| numbers.len() > 1);
                (mean(&numbers).unwrap_or_default(), interval.map(Into::into))
            };
            let chosen = (ranked.accuracy()?, ranked.accuracy_interval());
            let rows = vec![
                row("by chance", of(|one| one.mean), all.len(), ""),
                row("by majority", of(|one| one.majority), all.len(), ""),
                row("chosen", chosen, all.len(), "flag:passed"),
                row("best candidate", of(|one| one.best), all.len(), ""),
            ];
            (rows, all.len())
        }
        (_, Some(searched)) if searched.referenced > 0 => {
            let all = searched.referenced;
            let of = |part| (ratio(part, all), Some(wilson(part, all).into()));
            let rows = vec![
                row("chosen", of(searched.right), all, "flag:passed"),
                row("any solution", of(searched.reached), all, ""),
            ];
            (rows, all)
        }
        _ => return None,
    };
    let note = format!("{count} records with a known answer; 95 % intervals");
    picture("Right answers", note, by_group(&rows, "share of records", true))
}

/// The score of the current draft after each round, over all records: those that ended earlier keep theirs.
fn rounds(run: &Run) -> Option<Picture> {
    /// The most rounds that are drawn.
    const MOST: usize = 16;
    let lines = run.entries.iter().filter_map(|entry| match &entry.more {
        More::Revised(line) => line.rounds.as_deref().filter(|all| !all.is_empty()),
        _ => None,
    });
    let lines: Vec<&[RoundLine]> = lines.filter(|all| after(all, 0).is_some()).collect();
    let most = lines.iter().map(|all| all.len()).max().unwrap_or(0);
    if most < 2 {
        return None;
    }
    let group = |at: usize| {
        let worths: Vec<f64> = lines.iter().filter_map(|all| after(all, at)).collect();
        let mean = mean(&worths)?;
        let interval = bootstrap_mean(&worths).filter(|_| worths.len() > 1);
        Some(GroupMean {
            name: if at == 0 { "first draft".into() } else { format!("round {at}") },
            mean,
            interval: interval.map_or((mean, mean), Into::into),
            count: worths.len(),
            filter: String::new(),
        })
    };
    let groups: Vec<GroupMean> = (0..most.min(MOST)).filter_map(group).collect();
    let note = format!(
        "mean over {} records of the draft that counts after each round; 95 % intervals",
        lines.len()
    );
    let is_share = groups.iter().all(|group| (0.0..=1.0).contains(&group.interval.1));
    picture("Scores by round", note, by_group(&groups, "score", is_share))
}

/// The number for the draft that counts after a round.
fn after(rounds: &[RoundLine], at: usize) -> Option<f64> {
    let seen = rounds.iter().take(at + 1);
    seen.filter(|round| round.accepted).filter_map(|round| round.worth).next_back()
}

/// How loops ended.
fn ends(run: &Run) -> Option<Picture> {
    let is_revised = |entry: &&Entry| matches!(entry.more, More::Revised(_));
    let count = run.entries.iter().filter(is_revised).count();
    let mut counts: Vec<(String, usize)> = counted(run.entries.iter().filter(is_revised));
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let svg = named_bars(&counts, ("records", "outcome"));
    picture("How loops ended", format!("{count} records"), svg)
}

/// Which answer came first, by its place in the record: a judge may lean to a place.
fn places(run: &Run) -> Option<Picture> {
    const BARS: usize = 16;
    // Those that a policy wrote come in no order.
    let is_ranked = |entry: &&Entry| match &entry.more {
        More::Ranked(line) => line.candidates.iter().all(|one| one.written.is_none()),
        _ => entry.first_place().is_some(),
    };
    let mut counts = counted(run.entries.iter().filter(is_ranked));
    if counts.is_empty() || counts.len() > BARS {
        return None;
    }
    // By their numbers, several equal ones last.
    let number = |name: &str| name.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok());
    counts.sort_by_key(|(name, _)| number(name).unwrap_or(usize::MAX));
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    let note = format!("{all} records; answers are counted from 0 as the record lists them");
    picture("Answer in the first place", note, named_bars(&counts, ("records", "outcome")))
}

/// How often each outcome occurs.
fn counted<'e>(entries: impl Iterator<Item = &'e Entry>) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    entries.filter_map(Entry::outcome).for_each(|word| *counts.entry(word).or_default() += 1);
    counts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_counts_the_last_draft_that_was_accepted() {
        let round = |worth, accepted| RoundLine { worth, accepted, ..RoundLine::default() };
        let all = [round(Some(3.0), true), round(Some(2.0), false), round(Some(8.0), true)];
        let worths: Vec<Option<f64>> = (0..4).map(|at| after(&all, at)).collect();
        assert_eq!(worths, [Some(3.0), Some(3.0), Some(8.0), Some(8.0)]);
        assert_eq!(after(&[round(None, true)], 0), None);
    }
}
