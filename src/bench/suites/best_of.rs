//! The best of many answers, by their ratings: AceMath-RewardBench and ViLBench.

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields, Gold},
    convention::Convention,
    credit::by_subset,
    judged::Judged,
    row::Row,
};
use crate::{error::Result, metrics::mean, request::Hasher};

pub(in super::super) static ACE_MATH: Benchmark = Benchmark {
    name: "acemath-rewardbench",
    title: "AceMath-RewardBench",
    summary: "The best of 8 solutions, drawn 100 times from 64, of seven sets of mathematical problems.",
    fields: &[
        needs("question", "the problem"),
        needs("responses", "list of solutions, 64 as published"),
        needs("scores", "whether each is right, as 0 and 1"),
        may("dataset", "one of seven sets, such as gsm8k"),
    ],
    is_verified: false,
    protocol: "a rating of each solution by itself",
    prompt: "score",
    failure: "not known: here the rating is the lowest",
    metric: "rm@8: for each of 100 seeds the first of the best-rated solutions among 8 drawn; mean over problems and seeds, then over the sets",
    source: "Liu et al. 2024, arXiv:2412.15084; card of nvidia/AceMath-RewardBench (fields not seen; ties and seeds of the authors are not known)",
    licence: "CC-BY-NC-4.0",
    case,
    score: |judged, convention| drawn(judged, convention, 8),
    ..PLAIN
};

pub(in super::super) static VIL_BENCH: Benchmark = Benchmark {
    name: "vilbench",
    title: "ViLBench",
    summary: "The best of 24 solutions of a question about an image; the judge here reads the text alone.",
    fields: &[
        needs("question", "the question"),
        needs("responses", "list of solutions, 24 as published"),
        needs("scores", "whether each is right, as 0 and 1"),
        may("dataset", "the source of the question"),
    ],
    is_verified: false,
    protocol: "a rating of each solution, or of each of its steps from 1 to 5",
    prompt: "score",
    failure: "not known: here the rating is the lowest",
    metric: "share of questions whose best-rated solution is right, the first of equals",
    source: "Tu et al. 2025, arXiv:2503.20271 (fields, prompt and tie rule not seen)",
    licence: "not known",
    case,
    score: |judged, convention| drawn(judged, convention, usize::MAX),
    ..PLAIN
};

fn case(fields: &Fields<'_>) -> Result<Case> {
    let answers = fields.texts("responses")?;
    let scores = fields.numbers("scores")?;
    if scores.len() != answers.len() {
        let why = format!("{} numbers for {} answers", scores.len(), answers.len());
        return Err(fields.wrong("scores", &why));
    }
    let case = fields.answers(fields.text("question")?, answers);
    let case = Case { only_rated: true, ..case.known(Gold::Values(scores)) };
    Ok(case.within(fields.text_or_empty("dataset")))
}

/// How many times answers are drawn.
const SEEDS: usize = 100;

/// The value of the best-rated of `size` answers, on average over draws; all of them are one draw.
fn credit(one: &Judged, convention: Convention, size: usize) -> Option<f64> {
    let values = one.case.values();
    let ratings: Vec<Option<f64>> = one
        .scores()
        .into_iter()
        .zip(&values)
        .map(|(rating, value)| rating.or_else(|| stand_in(convention, *value)))
        .collect();
    if ratings.iter().all(Option::is_none) {
        return None;
    }
    let seeds = if size < values.len() { SEEDS } else { 1 };
    let picked: Vec<f64> = (0..seeds)
        .filter_map(|seed| {
            let drawn = places(&one.case.id, seed, values.len(), size);
            first_best(&drawn, &ratings).map(|place| values[place])
        })
        .collect();
    mean(&picked)
}

/// The rating that stands for one that could not be read.
fn stand_in(convention: Convention, value: f64) -> Option<f64> {
    let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
    convention.stand_in(
        if value > 0.5 { high } else { low },
        if value > 0.5 { low } else { high },
        Some(low),
    )
}

/// The first place of the largest rating.
fn first_best(drawn: &[usize], ratings: &[Option<f64>]) -> Option<usize> {
    let rated = drawn.iter().filter_map(|place| Some((*place, ratings[*place]?)));
    let first = |best: (usize, f64), one: (usize, f64)| if one.1 > best.1 { one } else { best };
    rated.reduce(first).map(|(place, _)| place)
}

/// Places of answers without repetition, which follow from the record and the seed by a hash.
fn places(id: &str, seed: usize, count: usize, size: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    if size >= count {
        return places;
    }
    for at in 0..size {
        let mut hasher = Hasher::new("best-of-draw-v1");
        hasher.json(&(id, seed, at));
        let [a, b, c, d, ..] = hasher.finish();
        let chance = u32::from_le_bytes([a, b, c, d]) as usize;
        places.swap(at, at + chance % (count - at));
    }
    places.truncate(size);
    places
}

fn drawn(judged: &[&Judged], convention: Convention, size: usize) -> Vec<Row> {
    let row = |name: &str, all: &[&Judged]| {
        Row::mean(name, all.iter().map(|one| credit(one, convention, size)))
    };
    let sets: Vec<Row> = by_subset(judged).iter().map(|(name, all)| row(name, all)).collect();
    let name = if size < usize::MAX { format!("rm@{size}") } else { "best-of-N".to_owned() };
    let mut rows = vec![Row::mean_of(name, &sets)];
    if sets.len() > 1 {
        rows.extend(sets.into_iter().map(Row::indented));
    }
    let random = judged.iter().map(|one| mean(&one.case.values()));
    rows.push(Row::mean("random answer", random));
    let best = |one: &&Judged| one.case.values().into_iter().reduce(f64::max);
    rows.push(Row::mean("best answer", judged.iter().map(best)));
    rows
}
