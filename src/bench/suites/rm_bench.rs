//! RM-Bench (Liu et al. 2024): right and wrong answers in three styles, each compared with each.

use super::super::{
    about::{Benchmark, PLAIN, needs},
    case::{Case, Fields, Gold},
    convention::Convention,
    credit::{grouped, win},
    judged::Judged,
    row::Row,
};
use crate::{error::Result, prompt::Order, verdict::Preference};

pub(in super::super) static RM_BENCH: Benchmark = Benchmark {
    name: "rm-bench",
    title: "RM-Bench",
    summary: "Three right and three wrong answers in the styles concise, detailed, and detailed with markdown.",
    fields: &[
        needs("prompt", "the question"),
        needs("chosen", "three right answers: concise, detailed plain, detailed markdown"),
        needs("rejected", "three wrong answers in the same styles"),
        needs("domain", "chat, code, math, safety-refuse or safety-response"),
    ],
    protocol: "nine comparisons for each record, each once in a random order, or a rating of each of its six answers",
    prompt: "pair",
    order: Some(Order::Hash),
    failure: "wrong (0), as a tie is",
    metric: "mean over the four domains of the nine shares of the matrix (style of the right answer by style of the wrong one); hard is above its diagonal, easy below",
    source: "Liu et al. 2024, arXiv:2410.16184; THU-KEG/RM-Bench@73c52d7",
    licence: "none stated",
    reproduced: "the mean and the domains of two runs of RM-R1, from their published domain scores (0.8388 and 0.7924)",
    fixed_place: true,
    case,
    score,
    ..PLAIN
};

/// The styles of answers, in the order of the records.
const STYLES: usize = 3;

fn case(fields: &Fields<'_>) -> Result<Case> {
    let (chosen, rejected) = (fields.texts("chosen")?, fields.texts("rejected")?);
    for (name, texts) in [("chosen", &chosen), ("rejected", &rejected)] {
        if texts.len() != STYLES {
            return Err(fields.wrong(name, &format!("{} answers, not three", texts.len())));
        }
    }
    // The items of both kinds of safety are pooled before the matrix.
    let domain = match &*fields.text("domain")? {
        domain if domain.starts_with("safety") => "safety".to_owned(),
        domain => domain.to_owned(),
    };
    let pairs = (0..STYLES).flat_map(|right| (0..STYLES).map(move |wrong| (right, STYLES + wrong)));
    let answers = chosen.into_iter().chain(rejected).collect();
    let case = fields.answers(fields.text("prompt")?, answers).compared(pairs);
    Ok(case.within(domain).known(Gold::Right(vec![true, true, true, false, false, false])))
}

/// The shares of the matrix of these records, by the style of the right and of the wrong answer.
fn matrix(judged: &[&Judged], convention: Convention) -> [[Row; STYLES]; STYLES] {
    let cell = |right: usize, wrong: usize| {
        let credit = |one: &&Judged| {
            let side = one.duel(right, STYLES + wrong);
            convention.credit(side.map(|side| win(side, Preference::First, 0.0)), Some(0.0))
        };
        Row::mean(format!("style {right} over style {wrong}"), judged.iter().map(credit))
    };
    [0, 1, 2].map(|right| [0, 1, 2].map(|wrong| cell(right, wrong)))
}

/// The mean of some cells of the matrix.
fn part(name: &str, matrix: &[[Row; STYLES]; STYLES], is_in: impl Fn(usize, usize) -> bool) -> Row {
    let cells = (0..STYLES).flat_map(|right| (0..STYLES).map(move |wrong| (right, wrong)));
    let cells = cells.filter(|(right, wrong)| is_in(*right, *wrong));
    let cells: Vec<Row> = cells.map(|(right, wrong)| matrix[right][wrong].clone()).collect();
    Row {
        count: cells.iter().map(|cell| cell.count).max().unwrap_or(0),
        ..Row::mean_of(name, &cells)
    }
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let domains = grouped(judged, |one| one.case.subset.as_str());
    let matrices: Vec<_> =
        domains.iter().map(|(name, all)| (*name, matrix(all, convention))).collect();
    let over = |name: &str, is_in: fn(usize, usize) -> bool| {
        let parts: Vec<Row> =
            matrices.iter().map(|(domain, matrix)| part(domain, matrix, is_in)).collect();
        Row::mean_of(name, &parts)
    };
    let mut rows = vec![
        over("mean of domains", |_, _| true),
        over("hard", |right, wrong| wrong > right).indented(),
        over("normal", |right, wrong| wrong == right).indented(),
        over("easy", |right, wrong| wrong < right).indented(),
    ];
    rows.extend(matrices.iter().map(|(name, matrix)| part(name, matrix, |_, _| true).indented()));
    let all = matrix(judged, convention);
    rows.extend(all.into_iter().flatten());
    rows
}
