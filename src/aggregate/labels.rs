//! Votes with labels.

use std::cmp::Reverse;

use super::{
    Aggregate, Rules,
    average::mean,
    weighted::{WeightedVerdict, averaged},
};
use crate::{
    completion::Distribution,
    scale::without_noise,
    verdict::{Label, Verdict},
};

/// Combines labels. If every vote has a distribution over the labels, the most likely label of the mean
/// distribution wins (for two labels: Zhang et al. 2024, `GenRM`). Otherwise, and under `majority`, the label
/// with most votes wins.
///
/// Of equally likely labels the most frequent one wins, and of equally frequent ones the most likely; then
/// the first one in the order of the prompt, then by name.
pub(super) fn label(verdicts: &[WeightedVerdict], rules: &Rules<'_>) -> Verdict {
    let votes: Vec<(Label, f64)> =
        verdicts.iter().filter_map(|one| Some((seen(one, rules)?, one.weight))).collect();
    let distribution =
        averaged(votes.iter().map(|(vote, weight)| (vote.distribution.as_ref(), *weight)));
    let guessed = distribution.clone().or_else(|| of_two(&votes, rules));
    let label = chosen(&votes, guessed.as_ref(), rules);
    let confidence = guessed.as_ref().and_then(|seen| seen.of(&label));
    let p: Option<Vec<_>> = votes.iter().map(|(vote, weight)| Some((vote.p?, *weight))).collect();
    Verdict::Label(Label { p: p.and_then(mean), confidence, distribution, ..Label::new(label) })
}

/// The label of a vote with its distribution: its own, or under `expected` that over the prompt's labels. A
/// distribution without the label itself belongs to something else and is ignored.
fn seen(verdict: &WeightedVerdict, rules: &Rules<'_>) -> Option<Label> {
    let Verdict::Label(label) = &verdict.verdict else { return None };
    let expected = rules.how == Some(Aggregate::Expected);
    let beside = verdict.distribution.clone().filter(|_| expected);
    let own = label.distribution.clone().or(beside);
    let distribution = own.filter(|seen| seen.of(&label.label).is_some());
    Some(Label { distribution, ..label.clone() })
}

/// The winning label: by the mean distribution if there is one, otherwise by counting.
fn chosen(votes: &[(Label, f64)], seen: Option<&Distribution>, rules: &Rules<'_>) -> String {
    let mut given: Vec<&str> = votes.iter().map(|(vote, _)| vote.label.as_str()).collect();
    given.sort_unstable();
    given.dedup();
    if let [only] = given.as_slice() {
        return (*only).to_owned();
    }
    let p = |label: &str| without_noise(seen.and_then(|seen| seen.of(label)).unwrap_or(0.0));
    let count = |label: &str| {
        let votes = votes.iter().filter(|(vote, _)| vote.label == label);
        without_noise(votes.map(|(_, weight)| weight).sum())
    };
    let by_probability = seen.filter(|_| rules.how != Some(Aggregate::Majority));
    let offered = by_probability.into_iter().flat_map(|seen| &seen.labels);
    let all = given.iter().copied().chain(offered.map(|(label, _)| label.as_str()));
    let weight = |label: &str| match by_probability {
        Some(_) => (p(label), count(label)),
        None => (count(label), p(label)),
    };
    let best = all.max_by(|a, b| {
        let ((a1, a2), (b1, b2)) = (weight(a), weight(b));
        let by_menu =
            || (Reverse(place(a, rules)), Reverse(a)).cmp(&(Reverse(place(b, rules)), Reverse(b)));
        a1.total_cmp(&b1).then(a2.total_cmp(&b2)).then_with(by_menu)
    });
    best.unwrap_or_default().to_owned()
}

/// The position of a label in the order of the prompt; an unknown label comes last.
pub(super) fn place(label: &str, rules: &Rules<'_>) -> usize {
    rules.labels.iter().position(|known| known == label).unwrap_or(usize::MAX)
}

/// With two labels, the probability of one determines that of the other.
fn of_two(votes: &[(Label, f64)], rules: &Rules<'_>) -> Option<Distribution> {
    let given = votes.iter().map(|(vote, _)| &vote.label);
    let mut names: Vec<&String> = given.chain(rules.labels).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > 2 {
        return None;
    }
    let of_vote = |vote: &Label| {
        let sure = vote.confidence?;
        let p = |name: &String| if *name == vote.label { sure } else { 1.0 - sure };
        Some(Distribution::new(names.iter().map(|name| ((*name).clone(), p(name))).collect()))
    };
    let all: Vec<_> = votes.iter().map(|(vote, weight)| (of_vote(vote), *weight)).collect();
    averaged(all.iter().map(|(seen, weight)| (seen.as_ref(), *weight)))
}
