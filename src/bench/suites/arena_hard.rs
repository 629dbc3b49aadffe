//! Arena-Hard (Li et al. 2024): wins over a baseline in two games, also at equal style.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields},
    convention::Convention,
    credit::{by_subset, grouped},
    fit::{self, Sample},
    judged::{Game, Judged},
    row::Row,
    style::{FEATURES, Style, differences},
};
use crate::{
    error::Result,
    metrics::{mean, real},
    verdict::Preference,
};

pub(in super::super) static ARENA_HARD: Benchmark = Benchmark {
    name: "arena-hard",
    title: "Arena-Hard",
    summary: "How often models beat a baseline on hard questions, in two games, also at equal style.",
    fields: &[
        needs("prompt", "the question"),
        needs("answer", "the answer of the model"),
        needs("baseline_answer", "the answer of the baseline"),
        may("uid", "the name of the question; a record with a model is called UID:MODEL"),
        may("category", "hard_prompt or creative_writing"),
        may("model", "the name of the model"),
        may("metadata", "counts of the answer: token_len, header_count, list_count, bold_count"),
        may("baseline_metadata", "the same of the baseline"),
    ],
    protocol: "two games: the baseline as A, then the model as A; the judge answers the question first. `>>` counts as three games",
    prompt: "arena-hard",
    failure: "the record is left out, with both games",
    metric: "win rate: mean over games, a tie counts 0.5; style-controlled: e^m/(e^m + e^b) of a Bradley-Terry model of all models (m) and the baseline (b) with the differences of length, headers, lists and bold, which all models share (the authors publish each category by itself: --subset)",
    source: "Li et al. 2024, arXiv:2406.11939; lmarena/arena-hard-auto@196f6b8. The authors keep questions and answers in separate files; a record here joins them",
    licence: "Apache-2.0",
    reproduced: "the counts of headers, lists and bold of 22 published answers; style-controlled figures as scikit-learn computes them by the published model; no judgment was recorded",
    has_strength: true,
    headline: Some(|judged, convention| win_rate("win rate", judged, convention)),
    case,
    score,
    ..PLAIN
};

fn case(fields: &Fields<'_>) -> Result<Case> {
    let (answer, baseline) = (fields.text("answer")?, fields.text("baseline_answer")?);
    let style = |name: &str, text: &str| match fields.find(name) {
        Some(_) => {
            let counts = fields.object(name)?;
            let has_length = counts.get("token_len").is_some_and(Value::is_number);
            let wrong = || fields.wrong(name, "no object with a number `token_len`");
            has_length.then(|| Style::stored(&counts)).ok_or_else(wrong)
        }
        None => Ok(Style::of(text)),
    };
    let own = style("metadata", &answer)?;
    let other = style("baseline_metadata", &baseline)?;
    let model = fields.text_or_empty("model");
    let case = fields.pair(fields.text("prompt")?, baseline, answer);
    let case = case.within(fields.text_or_empty("category"));
    // Answers of several models to one question are records of their own.
    let id = match model.as_str() {
        "" => case.id.clone(),
        model => format!("{}:{model}", case.id),
    };
    let case = Case { id, ..case }.fact("model", model);
    Ok(case.fact("style", differences(own, other).to_vec()))
}

/// How often a strong verdict counts.
const STRONG: usize = 3;

/// The outcomes of the games of a record for the model, each as often as it counts; none if a game is left out.
fn outcomes(one: &Judged, convention: Convention) -> Vec<f64> {
    let outcome = |game: &Game| {
        let won = game.side.map(|side| match side {
            Preference::Second => 1.0,
            Preference::Tie => 0.5,
            Preference::First => 0.0,
        });
        let is_strong = game.words.contains(">>") || game.words.contains("<<");
        let times = if is_strong { STRONG } else { 1 };
        convention.credit(won, None).map(|won| vec![won; times])
    };
    let games: Option<Vec<Vec<f64>>> = one.games(0, 1).iter().map(outcome).collect();
    games.unwrap_or_default().concat()
}

fn win_rate(name: &str, judged: &[&Judged], convention: Convention) -> Row {
    let games: Vec<f64> = judged.iter().flat_map(|one| outcomes(one, convention)).collect();
    Row { count: judged.len(), ..Row::share(name, mean(&games), games.len()) }
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let controlled_row = |name: &str, all: &[&Judged]| {
        // Of several models the mean: each counts once.
        let rates: Vec<f64> = controlled(all, convention).into_values().collect();
        Row::share(name, mean(&rates), all.len())
    };
    let mut rows = vec![
        win_rate("win rate", judged, convention),
        controlled_row("style-controlled win rate", judged),
    ];
    let rates = controlled(judged, convention);
    for (model, all) in grouped(judged, |one| one.case.text("model")) {
        if !model.is_empty() {
            rows.push(win_rate(model, &all, convention).indented());
            let name = format!("{model} (style-controlled)");
            rows.push(Row::share(name, rates.get(model).copied(), all.len()).indented());
        }
    }
    for (category, all) in by_subset(judged) {
        if !category.is_empty() {
            rows.push(win_rate(category, &all, convention).indented());
            let name = format!("{category} (style-controlled)");
            rows.push(controlled_row(&name, &all).indented());
        }
    }
    rows
}

/// One game of a model.
struct Played<'j> {
    model: &'j str,
    style: Vec<f64>,
    won: f64,
}

/// The win rate of each model at equal style: a Bradley–Terry model with one weight for each model, whose other features are
/// the differences of style, each in units of its standard deviation over the games. They have the same weights for all models.
fn controlled<'j>(judged: &[&'j Judged], convention: Convention) -> BTreeMap<&'j str, f64> {
    let style = |one: &Judged| -> Vec<f64> {
        let list = one.case.facts.get("style").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_f64).collect()
    };
    let games: Vec<Played<'j>> = judged
        .iter()
        .flat_map(|one| {
            let (model, style) = (one.case.text("model"), style(one));
            let played = move |won| Played { model, style: style.clone(), won };
            outcomes(one, convention).into_iter().map(played)
        })
        .collect();
    let models: BTreeSet<&str> = games.iter().map(|game| game.model).collect();
    let scaled: Vec<(f64, f64)> = (0..FEATURES).map(|place| scale(&games, place)).collect();
    let sample = |game: &Played<'_>| {
        let own = models.iter().map(|model| f64::from(u8::from(*model == game.model)));
        let features = game.style.iter().zip(&scaled).map(|(value, (middle, spread))| {
            if *spread > 0.0 { (value - middle) / spread } else { 0.0 }
        });
        Sample { features: own.chain(features).collect(), share: game.won }
    };
    let samples: Vec<Sample> = games.iter().map(sample).collect();
    // The weight of the baseline is only known beside those of the models, and 0.
    let weights = fit::logistic(&samples, 1e-6).unwrap_or_default();
    models.into_iter().zip(weights.into_iter().map(fit::sigmoid)).collect()
}

/// The mean and the standard deviation of a feature over the games.
fn scale(games: &[Played<'_>], place: usize) -> (f64, f64) {
    let values: Vec<f64> = games.iter().filter_map(|game| game.style.get(place).copied()).collect();
    let middle = mean(&values).unwrap_or(0.0);
    let squares: f64 = values.iter().map(|value| (value - middle).powi(2)).sum();
    let others = real(values.len()) - 1.0;
    (middle, if others > 0.0 { (squares / others).sqrt() } else { 0.0 })
}
