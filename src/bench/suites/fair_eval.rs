//! FairEval (Wang et al. 2023): 80 questions of Vicuna, with the majority of people as the label.

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields},
    convention::Convention,
    credit::classes,
    judged::Judged,
    row::Row,
};
use crate::{
    error::Result,
    metrics::{ConfusionMatrix, Weights, cohen_kappa},
};

pub(in super::super) static FAIR_EVAL: Benchmark = Benchmark {
    name: "faireval",
    title: "FairEval",
    summary: "Whether people prefer ChatGPT, Vicuna-13B or neither, on 80 questions.",
    fields: &[
        needs("question", "the question"),
        needs("answer_chatgpt", "the answer of ChatGPT"),
        needs("answer_vicuna13b", "the answer of Vicuna-13B"),
        needs("human", "CHATGPT, VICUNA13B or TIE"),
        may("category", "one of nine categories"),
    ],
    protocol: "both orders, with several draws of evidence; the mean of all scores decides",
    prompt: "fair-eval",
    failure: "the record is left out",
    metric: "accuracy against the label; Cohen's kappa",
    source: "Wang et al. 2023, arXiv:2305.17926; i-Eval/FairEval@453c117. The authors keep answers and labels in separate files; a record here joins them",
    licence: "none stated",
    reproduced: "the counts of labels; no judge with a published figure was recorded",
    case,
    score,
    ..PLAIN
};

fn case(fields: &Fields<'_>) -> Result<Case> {
    let names = ["question", "answer_chatgpt", "answer_vicuna13b", "human"];
    fields.labelled_pair(names, [&["CHATGPT"], &["VICUNA13B"], &["TIE"]])
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let pairs = classes(judged, convention, None);
    let matrix = ConfusionMatrix::of(3, pairs.iter().copied());
    vec![
        Row::share("accuracy", matrix.accuracy(), pairs.len()),
        Row::number("Cohen's kappa", cohen_kappa(&pairs, Weights::Equal), pairs.len()),
        Row::share("most frequent label", matrix.base_rate(), pairs.len()),
    ]
}
