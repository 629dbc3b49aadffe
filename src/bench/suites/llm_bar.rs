//! LLMBar (Zeng et al. 2023): which of two outputs follows the instruction.

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields},
    convention::Convention,
    credit::{both_orders, by_subset, win},
    judged::{Game, Judged},
    row::Row,
};
use crate::error::Result;

pub(in super::super) static LLM_BAR: Benchmark = Benchmark {
    name: "llmbar",
    title: "LLMBar",
    summary: "Which of two outputs follows the instruction; the other often reads better.",
    fields: &[
        needs("input", "the instruction"),
        needs("output_1", "one output"),
        needs("output_2", "the other output"),
        needs("label", "1 or 2"),
        may("set", "such as LLMBar/Adversarial/GPTInst; otherwise by the folder of the file"),
    ],
    of_path: Some(("set", set)),
    protocol: "two games, one in each order; no tie is offered",
    prompt: "llmbar-cot",
    failure: "wrong",
    metric: "mean of the accuracies of both orders",
    source: "Zeng et al. 2023, arXiv:2310.07641; princeton-nlp/LLMBar@900616b",
    licence: "MIT",
    reproduced: "seven runs of five judges in all five subsets, accuracy and agreement of both orders, from recorded verdicts and from the texts",
    case,
    score,
    ..PLAIN
};

/// The set by the folder of a file: `Dataset/LLMBar/Adversarial/GPTInst/dataset.json`.
fn set(path: &str) -> Option<String> {
    let folders: Vec<&str> = path.split(['/', '\\']).collect();
    let (_, folders) = folders.split_last()?;
    let begins = |name: &&&str| ["LLMBar", "Processed", "Adversarial", "Natural"].contains(*name);
    let at = folders.iter().position(|folder| begins(&folder))?;
    Some(folders[at..].join("/"))
}

fn case(fields: &Fields<'_>) -> Result<Case> {
    let names = ["input", "output_1", "output_2", "label"];
    let pair = fields.labelled_pair(names, [&["1"], &["2"], &[]])?;
    let set = fields.text_or_empty("set");
    let subset = set.strip_prefix("LLMBar/").unwrap_or(&set).to_owned();
    Ok(pair.within(subset))
}

/// The credit of each game.
fn credits(one: &Judged, convention: Convention) -> impl Iterator<Item = Option<f64>> {
    let better = one.case.preference();
    let credit = move |game: Game| {
        let known = game.side.zip(better).map(|(side, better)| win(side, better, 0.0));
        convention.credit(known, Some(0.0))
    };
    one.games(0, 1).into_iter().map(credit)
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let accuracy = |name: &str, all: &[&Judged]| {
        let row = Row::mean(name, all.iter().flat_map(|one| credits(one, convention)));
        Row { count: all.len(), ..row }
    };
    let mut subsets = by_subset(judged);
    subsets.retain(|(name, _)| !name.is_empty());
    let rows_of: Vec<Row> = subsets.iter().map(|(name, all)| accuracy(name, all)).collect();
    let traps: Vec<Row> =
        rows_of.iter().filter(|row| row.name.starts_with("Adversarial")).cloned().collect();
    let mut rows = vec![accuracy("accuracy", judged)];
    rows.extend(rows_of.into_iter().map(Row::indented));
    rows.push(Row::mean_of("mean of adversarial subsets", &traps));
    rows.push(agreement("agreement of both orders", judged, convention));
    let by = |(name, all): &(&str, Vec<&Judged>)| agreement(name, all, convention).indented();
    rows.extend(
        subsets.iter().map(by).map(|row| Row { name: format!("{} (orders)", row.name), ..row }),
    );
    rows
}

/// How often both orders name the same output; two unreadable verdicts agree in the official code.
fn agreement(name: &str, judged: &[&Judged], convention: Convention) -> Row {
    let agree = |one: &&Judged| {
        let [first, second] = both_orders(one)?;
        let known = first.zip(second).map(|(one, two)| f64::from(u8::from(one == two)));
        convention.credit(known, Some(f64::from(u8::from(first == second))))
    };
    Row::mean(name, judged.iter().map(agree))
}
