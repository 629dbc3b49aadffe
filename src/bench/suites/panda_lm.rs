//! PandaLM (Wang et al. 2023): agreement with the majority of three annotators, ties included.

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields, Gold},
    convention::Convention,
    credit::classes,
    judged::Judged,
    row::Row,
};
use crate::{
    error::Result,
    item::text_of,
    metrics::{Weights, cohen_kappa},
    prompt::Order,
    verdict::Preference,
};

pub(in super::super) static PANDA_LM: Benchmark = Benchmark {
    name: "pandalm",
    title: "PandaLM test set",
    summary: "Which of two answers to an instruction three annotators prefer, or a tie.",
    fields: &[
        needs("instruction", "the instruction"),
        may("input", "its material"),
        needs("response1", "one answer"),
        needs("response2", "the other answer"),
        needs("annotator1", "0 for a tie, 1 or 2"),
        needs("annotator2", "the same of the second person"),
        needs("annotator3", "the same of the third"),
        may("idx", "a number"),
    ],
    protocol: "each pair once in the order of the record",
    prompt: "panda-lm",
    order: Some(Order::Given),
    failure: "a tie",
    metric: "accuracy against the majority; macro precision, recall and F1 over the three outcomes; Cohen's kappa",
    source: "Wang et al. 2023, arXiv:2306.05087; WeOpenML/PandaLM@3871806",
    licence: "Apache-2.0",
    reproduced: "accuracy, macro precision, recall, F1 and kappa of GPT-3.5, PandaLM-7B, JudgeLRM-7B and JudgeLRM-3B",
    ids: &["idx"],
    case,
    score,
    ..PLAIN
};

fn case(fields: &Fields<'_>) -> Result<Case> {
    let votes = ["annotator1", "annotator2", "annotator3"]
        .map(|name| fields.side(name, &["1"], &["2"], &["0", "tie"]));
    let [one, two, three] = votes;
    let (one, two, three) = (one?, two?, three?);
    // Without a majority the first annotator counts.
    let majority = if two == three { two } else { one };
    let instruction = fields.value("instruction")?;
    let input = fields.text_or_empty("input");
    let question = match text_of(&instruction) {
        instruction if input.is_empty() => instruction,
        instruction => format!("{instruction}\n\n{input}"),
    };
    let pair = fields.pair(question, fields.text("response1")?, fields.text("response2")?);
    Ok(pair.known(Gold::Preference(majority)))
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let pairs = classes(judged, convention, Some(Preference::Tie));
    let matrix = crate::metrics::ConfusionMatrix::of(3, pairs.iter().copied());
    let count = pairs.len();
    vec![
        Row::share("accuracy", matrix.accuracy(), count),
        Row::share("macro precision", matrix.macro_precision(), count),
        Row::share("macro recall", matrix.macro_recall(), count),
        Row::share("macro F1", matrix.macro_f1(), count),
        Row::number("Cohen's kappa", cohen_kappa(&pairs, Weights::Equal), count),
    ]
}
