//! AlpacaEval 2 (Dubois et al. 2024): win rate against a baseline, and the same at equal length.

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields},
    convention::Convention,
    fit::{self, Sample},
    judged::Judged,
    row::Row,
};
use crate::{
    error::Result,
    metrics::{mean, real, standard_error},
    verdict::Preference,
};

pub(in super::super) static ALPACA_EVAL: Benchmark = Benchmark {
    name: "alpacaeval",
    title: "AlpacaEval 2",
    summary: "How often a model's answer is preferred to that of a baseline.",
    fields: &[
        needs("instruction", "the instruction"),
        needs("output_1", "the answer of the baseline"),
        needs("output_2", "the answer of the model"),
        may("generator_2", "the name of the model"),
        may("dataset", "the part of the instructions"),
    ],
    protocol: "one token, m or M, in an order by a hash; the preference is the probability of the model's answer",
    prompt: "alpaca-eval",
    failure: "the record is left out",
    metric: "win rate: mean probability that the model's answer is better, a tie counts 0.5; length-controlled: the same from a logistic model of the preference, at a difference in length of 0 (alpaca_eval's form without the difficulty of instructions, not regularized)",
    source: "Dubois et al. 2024, arXiv:2404.04475; tatsu-lab/alpaca_eval@cd543a1",
    licence: "code Apache-2.0, data CC-BY-NC-4.0",
    reproduced: "win rate, standard error, wins, losses and draws of three models (AlpacaEval 2) and win rate and standard error of four (AlpacaEval 1), to six digits; no length-controlled figure, since the difficulty of instructions and the rows of gamed baselines are not in the repository",
    case,
    score,
    ..PLAIN
};

fn case(fields: &Fields<'_>) -> Result<Case> {
    let pair = fields.pair(
        fields.text("instruction")?,
        fields.text("output_1")?,
        fields.text("output_2")?,
    );
    Ok(pair.within(fields.text_or_empty("generator_2")))
}

/// How far a record is won, 0 to 1: the probability where it is known.
fn won(one: &Judged, convention: Convention) -> Option<f64> {
    let by_side = || {
        one.duel(0, 1).map(|side| match side {
            Preference::Second => 1.0,
            Preference::Tie => 0.5,
            Preference::First => 0.0,
        })
    };
    convention.credit(one.second().or_else(by_side), None)
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let all: Vec<Option<f64>> = judged.iter().map(|one| won(one, convention)).collect();
    let known: Vec<f64> = all.iter().flatten().copied().collect();
    let decided: Vec<f64> = known.iter().map(|won| decided(*won)).collect();
    let count = known.len();
    let mut rows = vec![
        Row::share("win rate", mean(&known), count),
        Row::share("length-controlled win rate", controlled(judged, &all), count),
        Row::share("discrete win rate", mean(&decided), count),
        Row::share("standard error of the win rate", standard_error(&known), count),
    ];
    let total = |is: fn(f64) -> bool| Some(real(decided.iter().filter(|won| is(**won)).count()));
    rows.push(Row::number("wins", total(|won| won > 0.75), count));
    rows.push(Row::number("draws", total(|won| (0.25..=0.75).contains(&won)), count));
    rows.push(Row::number("losses", total(|won| won < 0.25), count));
    rows
}

/// A preference as a win, a draw or a loss.
fn decided(won: f64) -> f64 {
    match won.total_cmp(&0.5) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    }
}

/// The win rate at equal length: the preference is a logistic function of a constant and of tanh of the difference in
/// characters, in units of its standard deviation over all records.
fn controlled(judged: &[&Judged], won: &[Option<f64>]) -> Option<f64> {
    let length = |text: &str| real(text.chars().count());
    let differences: Vec<f64> = judged
        .iter()
        .map(|one| length(&one.case.answers[0]) - length(&one.case.answers[1]))
        .collect();
    let spread = standard_error(&differences)? * real(differences.len()).sqrt();
    let feature = |difference: f64| if spread > 0.0 { (difference / spread).tanh() } else { 0.0 };
    let samples: Vec<Sample> = differences
        .iter()
        .zip(won)
        .filter_map(|(difference, won)| {
            Some(Sample { features: vec![1.0, feature(*difference)], share: (*won)? })
        })
        .collect();
    let weights = fit::logistic(&samples, 1e-6)?;
    Some(fit::sigmoid(weights[0]))
}
