//! Auto-J (Li et al. 2023): pairs of 58 scenarios, in both orders, with human labels.

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields},
    convention::Convention,
    credit::{both_orders, by_subset, first_order},
    judged::Judged,
    row::Row,
};
use crate::{error::Result, verdict::Preference};

pub(in super::super) static AUTO_J: Benchmark = Benchmark {
    name: "auto-j",
    title: "Auto-J pairwise",
    summary: "Which of two answers people prefer, or a tie, in both orders.",
    fields: &[
        needs("prompt", "the question"),
        needs("response 1", "one answer"),
        needs("response 2", "the other answer"),
        needs("label", "0 for the first, 1 for the second, 2 for a tie"),
        may("scenario", "one of 58 scenarios"),
    ],
    protocol: "two games, one in each order",
    prompt: "auto-j-pair",
    failure: "neither agrees nor is consistent",
    metric: "agreement: share of pairs on which both orders agree with each other and with the label",
    source: "Li et al. 2023, arXiv:2310.05470; GAIR-NLP/auto-j@2ae17a3",
    licence: "none stated",
    reproduced: "agreement, consistency and accuracy of Auto-J in all eight groups (52.39, 82.73, 57.76)",
    case,
    score,
    ..PLAIN
};

fn case(fields: &Fields<'_>) -> Result<Case> {
    let names = ["prompt", "response 1", "response 2", "label"];
    let pair = fields.labelled_pair(names, [&["0"], &["1"], &["2"]])?;
    Ok(pair.within(fields.text_or_empty("scenario")))
}

/// What both orders say, in the order of the record.
fn sides(one: &Judged) -> [Option<Preference>; 2] {
    both_orders(one).unwrap_or_else(|| {
        let only = one.games(0, 1).first().and_then(|game| game.side);
        [only, only]
    })
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let agrees = |one: &Judged| {
        let better = one.case.preference()?;
        let [first, second] = sides(one);
        let known = first.zip(second).map(|(one, two)| one == better && two == better);
        convention.credit(known.map(|is| f64::from(u8::from(is))), Some(0.0))
    };
    let is_consistent = |one: &Judged| {
        let [first, second] = sides(one);
        let known = first.zip(second).map(|(one, two)| f64::from(u8::from(one == two)));
        convention.credit(known, Some(0.0))
    };
    let is_right = |one: &Judged| first_order(one, convention);
    let subsets = by_subset(judged);
    let mut rows = vec![
        Row::mean("agreement", judged.iter().map(|one| agrees(one))),
        Row::mean("consistency", judged.iter().map(|one| is_consistent(one))),
        Row::mean("accuracy of the first order", judged.iter().map(|one| is_right(one))),
    ];
    for (name, all) in subsets.iter().filter(|(name, _)| !name.is_empty()) {
        rows.push(Row::mean(*name, all.iter().map(|one| agrees(one))).indented());
        let named = format!("{name} (consistency)");
        rows.push(Row::mean(named, all.iter().map(|one| is_consistent(one))).indented());
        let named = format!("{name} (first order)");
        rows.push(Row::mean(named, all.iter().map(|one| is_right(one))).indented());
    }
    rows
}
