//! JudgeBench (Tan et al. 2024): which of two answers is objectively right, in two games.

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields},
    convention::Convention,
    credit::{both_orders, by_subset, first_order, win},
    judged::{Game, Judged},
    row::Row,
};
use crate::{error::Result, verdict::Preference};

pub(in super::super) static JUDGE_BENCH: Benchmark = Benchmark {
    name: "judgebench",
    title: "JudgeBench",
    summary: "Which of two answers is right, where one of them is objectively wrong.",
    fields: &[
        may("pair_id", "the name of the pair"),
        needs("question", "the question"),
        needs("response_A", "one answer"),
        needs("response_B", "the other answer"),
        needs("label", "A>B or B>A"),
        needs("source", "such as mmlu-pro-law, livebench-math or livecodebench"),
    ],
    protocol: "two games, one in each order",
    prompt: "judge-bench",
    failure: "the game counts for neither side",
    metric: "share of pairs with more games for the right answer than for the wrong one",
    source: "Tan et al. 2024, arXiv:2410.12784; ScalerLab/JudgeBench@e2c52c2",
    licence: "none stated",
    reproduced: "o1-mini (69.65), Claude 3 Haiku (29.38) and five reward models, each with all categories, from recorded verdicts; from the texts o1-mini exactly, and Claude 3 Haiku 28.81, since the prompt reads six texts that the official code does not",
    ids: &["pair_id"],
    case,
    score,
    ..PLAIN
};

fn case(fields: &Fields<'_>) -> Result<Case> {
    let names = ["question", "response_A", "response_B", "label"];
    let pair = fields.labelled_pair(names, [&["A>B"], &["B>A"], &[]])?;
    Ok(pair.within(category(&fields.text("source")?)))
}

/// The category of a source.
fn category(source: &str) -> &'static str {
    match source {
        _ if source.starts_with("mmlu-pro") => "Knowledge",
        _ if source.starts_with("livebench-reasoning") => "Reasoning",
        _ if source.starts_with("livebench-math") => "Math",
        _ if source.starts_with("livecodebench") => "Coding",
        _ => "Other",
    }
}

/// The games for the right answer less those for the wrong one; `None` if the pair is left out.
fn balance(one: &Judged, convention: Convention) -> Option<f64> {
    let better = one.case.preference()?;
    let point = |game: &Game| {
        let side = game.side;
        let side =
            side.or_else(|| convention.stand_in(better, better.swapped(), Some(Preference::Tie)));
        side.map(|side| win(side, better, 0.5) - 0.5)
    };
    let points: Vec<f64> = one.games(0, 1).iter().filter_map(point).collect();
    (!points.is_empty()).then(|| points.iter().sum())
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let share = |name: &str, all: &[&Judged], is: fn(f64) -> bool| {
        let credit = |one: &&Judged| {
            balance(one, convention).map(|balance| f64::from(u8::from(is(balance))))
        };
        Row::mean(name, all.iter().map(credit))
    };
    let right = |balance: f64| balance > 0.0;
    let mut rows = vec![share("accuracy", judged, right)];
    rows.extend(by_subset(judged).iter().map(|(name, all)| share(name, all, right).indented()));
    rows.push(share("wrong answer preferred", judged, |balance| balance < 0.0));
    rows.push(share("undecided", judged, |balance| balance == 0.0));
    rows.push(Row::mean("both orders differ", judged.iter().map(|one| differ(one, convention))));
    rows.push(Row::mean(
        "accuracy of the first order",
        judged.iter().map(|one| first_order(one, convention)),
    ));
    rows
}

/// Whether the verdicts of both orders differ; unreadable ones are equal to each other alone.
fn differ(one: &Judged, convention: Convention) -> Option<f64> {
    let [first, second] = both_orders(one)?;
    if convention == Convention::Readable && (first.is_none() || second.is_none()) {
        return None;
    }
    Some(f64::from(u8::from(first != second)))
}
