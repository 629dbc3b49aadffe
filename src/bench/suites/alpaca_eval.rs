//! AlpacaEval 2 (Dubois et al. 2024): win rate against a baseline, and the same at equal length.

use serde_json::Value;

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields},
    convention::Convention,
    credit::by_subset,
    judged::Judged,
    length_controlled::{Compared, Controlled, controlled},
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
        may(DIFFICULTY, "the difficulty of the instruction, as the authors estimated it"),
    ],
    protocol: "one token, m or M, in an order by a hash; the preference is the probability of the model's answer",
    prompt: "alpaca-eval",
    failure: "the record is left out",
    metric: "win rate: mean probability that the model's answer is better, a tie counts 0.5; length-controlled: the mean prediction of a logistic model of the preference at a difference in length of 0, with an L1 penalty by five folds (alpaca_eval; with the difficulty of instructions if all records have it, and otherwise its minimal form)",
    source: "Dubois et al. 2024, arXiv:2404.04475; tatsu-lab/alpaca_eval@cd543a1",
    licence: "code Apache-2.0, data CC-BY-NC-4.0",
    reproduced: "win rate, standard error, wins, losses and draws of three models (AlpacaEval 2) and win rate and standard error of four (AlpacaEval 1), to six digits; length-controlled figures as scikit-learn computes them by the published model, but no published one, since the difficulty of instructions and the rows of gamed baselines (which the authors add to the fit) are not in the repository",
    headline: Some(|judged, convention| win_rate("win rate", judged, convention)),
    case,
    score,
    ..PLAIN
};

/// The field of a record with a number for its instruction.
const DIFFICULTY: &str = "instruction_difficulty";

fn case(fields: &Fields<'_>) -> Result<Case> {
    let pair = fields.pair(
        fields.text("instruction")?,
        fields.text("output_1")?,
        fields.text("output_2")?,
    );
    let pair = pair.within(fields.text_or_empty("generator_2"));
    Ok(match fields.find(DIFFICULTY) {
        Some(_) => pair.fact(DIFFICULTY, fields.number(DIFFICULTY)?),
        None => pair,
    })
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

fn known(judged: &[&Judged], convention: Convention) -> Vec<f64> {
    judged.iter().filter_map(|one| won(one, convention)).collect()
}

fn win_rate(name: &str, judged: &[&Judged], convention: Convention) -> Row {
    let known = known(judged, convention);
    Row::share(name, mean(&known), known.len())
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let known = known(judged, convention);
    let decided: Vec<f64> = known.iter().map(|won| decided(*won)).collect();
    let count = known.len();
    // Each model has a fit of its own.
    let models = by_subset(judged);
    let fits: Vec<Option<Controlled>> =
        models.iter().map(|(_, all)| controlled(&compared(all, convention))).collect();
    let together = fits.iter().cloned().collect::<Option<Vec<_>>>().map(|fits| Controlled {
        predictions: fits.into_iter().flat_map(|fit| fit.predictions).collect(),
    });
    let of = |name: &str, fit: Option<&Controlled>, count: usize| {
        Row::share(name, fit.and_then(Controlled::win_rate), count)
    };
    let error = together.as_ref().and_then(Controlled::standard_error);
    let mut rows = vec![
        win_rate("win rate", judged, convention),
        of("length-controlled win rate", together.as_ref(), count),
        Row::share("discrete win rate", mean(&decided), count),
        Row::share("standard error of the win rate", standard_error(&known), count),
        Row::share("standard error, length-controlled", error, count),
    ];
    if models.len() > 1 {
        for ((model, all), fit) in models.iter().zip(&fits) {
            let own = win_rate(model, all, convention);
            let controlled = of(&format!("{model} (length-controlled)"), fit.as_ref(), own.count);
            rows.extend([own.indented(), controlled.indented()]);
        }
    }
    let total = |is: fn(f64) -> bool| Some(real(decided.iter().filter(|won| is(**won)).count()));
    rows.push(Row::number("wins", total(|won| won > 0.75), count));
    rows.push(Row::number("draws", total(|won| (0.25..=0.75).contains(&won)), count));
    rows.push(Row::number("losses", total(|won| won < 0.25), count));
    rows
}

/// The records as the model of lengths sees them.
fn compared(judged: &[&Judged], convention: Convention) -> Vec<Compared> {
    let length = |text: &str| real(text.chars().count());
    let one = |one: &&Judged| Compared {
        difference: length(&one.case.answers[0]) - length(&one.case.answers[1]),
        difficulty: one.case.facts.get(DIFFICULTY).and_then(Value::as_f64),
        won: won(one, convention),
    };
    judged.iter().map(one).collect()
}

/// A preference as a win, a draw or a loss.
fn decided(won: f64) -> f64 {
    match won.total_cmp(&0.5) {
        std::cmp::Ordering::Greater => 1.0,
        std::cmp::Ordering::Equal => 0.5,
        std::cmp::Ordering::Less => 0.0,
    }
}
