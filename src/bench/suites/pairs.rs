//! Benchmarks of pairs that differ in their fields alone: RAG-RewardBench, VL-RewardBench, Multimodal RewardBench,
//! MJ-Bench.

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields, Gold},
    convention::Convention,
    credit::{mean_rows, pair_credit, win},
    judged::{Game, Judged},
    row::{NO_SUBSET, Row},
    shape::larger,
};
use crate::{error::Result, prompt::Order, verdict::Preference};

pub(in super::super) static RAG_REWARD_BENCH: Benchmark = Benchmark {
    name: "rag-rewardbench",
    title: "RAG-RewardBench",
    summary: "Which of two answers from retrieved passages is better, in six scenarios.",
    fields: &[
        needs("question", "the question with its passages"),
        needs("chosen", "the better answer"),
        needs("rejected", "the other answer"),
        may(
            "scenario",
            "abstain, citation, conflict, harmless, helpful or reason; otherwise by the name of the file",
        ),
    ],
    of_path: Some(("scenario", scenario)),
    is_verified: false,
    protocol: "each pair once, in a random order; the authors' prompt is not known",
    prompt: "pair",
    order: Some(Order::Hash),
    failure: "not known: here 0.5, as a tie",
    metric: "accuracy over pairs, and for each scenario; whether the published mean is over pairs or scenarios is not known",
    source: "Jin et al. 2024, arXiv:2412.13746; jinzhuoran/RAG-RewardBench@dd6df58 (fields not seen)",
    licence: "Apache-2.0",
    fixed_place: true,
    case: |fields| {
        let pair =
            fields.pair(fields.text("question")?, fields.text("chosen")?, fields.text("rejected")?);
        let known = pair.known(Gold::Preference(Preference::First));
        Ok(known.within(fields.text_or_empty("scenario")))
    },
    score: |judged, convention| {
        let mut rows =
            mean_rows("accuracy", judged, |one| pair_credit(one, convention, 0.5, Some(0.5)));
        let sets: Vec<Row> = rows[1..].to_vec();
        if !sets.is_empty() {
            rows.push(Row::mean_of("mean of scenarios", &sets));
        }
        rows
    },
    ..PLAIN
};

pub(in super::super) static VL_REWARD_BENCH: Benchmark = Benchmark {
    name: "vl-rewardbench",
    title: "VL-RewardBench",
    summary: "Which of two answers about an image is better; the judge here reads the text alone.",
    fields: &[
        needs("query", "the question"),
        needs("response", "list of two answers"),
        needs("human_ranking", "[0, 1] if the first is better, otherwise [1, 0]"),
        may("query_source", "the source, by which records are grouped"),
        may("id", "the name of the record"),
    ],
    protocol: "several draws, each in a random order; more than half of them decide (as published: --draws 10 --temperature 0.2)",
    prompt: "pair",
    order: Some(Order::Shuffle),
    failure: "left out, as an even split is",
    metric: "agree/(agree + reject), over all records and as the mean of general, hallucination and reasoning",
    source: "Li et al. 2024, arXiv:2411.17451; vl-rewardbench/VL_RewardBench@9b10abd (cal.py)",
    licence: "MIT",
    case: vision_case,
    score: vision_score,
    ..PLAIN
};

/// The scenario of RAG-RewardBench that a file is named after.
fn scenario(path: &str) -> Option<String> {
    const ALL: [&str; 6] = ["abstain", "citation", "conflict", "harmless", "helpful", "reason"];
    let name = path.rsplit(['/', '\\']).next()?.split('.').next()?;
    ALL.contains(&name).then(|| name.to_owned())
}

/// The sources of each group of VL-RewardBench, by the beginning of their names.
const GROUPS: [(&str, &[&str]); 3] = [
    ("general", &["vlfeedback", "wildvision"]),
    ("hallucination", &["povid", "rlaif-v", "rlhf-v"]),
    ("reasoning", &["mathverse", "mmmu"]),
];

fn vision_case(fields: &Fields<'_>) -> Result<Case> {
    let answers = fields.texts("response")?;
    let ranking = fields.numbers("human_ranking")?;
    let ([first, second], [one, two]) = (&answers[..], &ranking[..]) else {
        return Err(fields.wrong("response", "not two answers with two ranks"));
    };
    let label = match larger(*one, *two) {
        Preference::Tie => return Err(fields.wrong("human_ranking", "both ranks are equal")),
        // The first rank is the best.
        side => side.swapped(),
    };
    let pair = fields.pair(fields.text("query")?, first.clone(), second.clone());
    let source = fields.text_or_empty("query_source").to_lowercase();
    let in_group = |(_, sources): &&(&str, &[&str])| {
        sources
            .iter()
            .any(|name| source.contains(name) || fields.id().to_lowercase().contains(name))
    };
    let group = GROUPS.iter().find(in_group).map_or("", |(group, _)| group);
    Ok(pair.within(group).known(Gold::Preference(label)))
}

/// Whether more than half of the draws agree with the label; `None` if neither side has so many.
fn by_majority(one: &Judged, convention: Convention) -> Option<f64> {
    let better = one.case.preference()?;
    let games = one.games(0, 1);
    let count =
        |wanted: Preference| games.iter().filter(|Game { side, .. }| *side == Some(wanted)).count();
    let known = if 2 * count(better) > games.len() {
        Some(1.0)
    } else if 2 * count(better.swapped()) > games.len() {
        Some(0.0)
    } else {
        None
    };
    convention.credit(known, None)
}

fn vision_score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let mut rows = mean_rows("overall", judged, |one| by_majority(one, convention));
    let groups: Vec<Row> =
        rows[1..].iter().filter(|row| row.name.trim() != NO_SUBSET).cloned().collect();
    rows.push(Row::mean_of("mean of groups", &groups));
    rows
}

pub(in super::super) static MULTIMODAL_REWARD_BENCH: Benchmark = Benchmark {
    name: "multimodal-rewardbench",
    title: "Multimodal RewardBench",
    summary: "Which of two answers about an image is better; the judge here reads the text alone.",
    fields: &[
        may("ID", "the name of the record, by whose beginning safety and reasoning are divided"),
        needs("Text", "the question"),
        needs("Output1", "one answer"),
        needs("Output2", "the other answer"),
        needs("Better", "Output1 or Output2"),
        needs("Category", "such as safety, reasoning or open_generation/correctness_task"),
    ],
    protocol: "each pair once in the order of the record",
    prompt: "mt-bench-pair",
    order: Some(Order::Given),
    failure: "a coin (here its mean, 0.5)",
    metric: "accuracy over all records, and for each category (safety is bias where ID begins with pairs, and otherwise toxicity; reasoning is math or coding in the same way)",
    source: "Yasunaga et al. 2025, arXiv:2502.14191; facebookresearch/multimodal_rewardbench@b4b92cd",
    licence: "CC-BY-NC",
    ids: &["ID"],
    case: |fields| {
        let label = fields.side("Better", &["Output1"], &["Output2"], &[])?;
        let pair =
            fields.pair(fields.text("Text")?, fields.text("Output1")?, fields.text("Output2")?);
        let category = fields.text("Category")?;
        let id = fields.id().to_lowercase();
        let named = |start: &str| id.starts_with(start);
        let part = match category.as_str() {
            "safety" if named("pairs") => "safety/bias",
            "safety" => "safety/toxicity",
            "reasoning" if named("math") => "reasoning/math",
            "reasoning" => "reasoning/coding",
            other => other,
        };
        Ok(pair.within(part).known(Gold::Preference(label)))
    },
    score: |judged, convention| {
        mean_rows("accuracy", judged, |one| pair_credit(one, convention, 0.5, Some(0.5)))
    },
    ..PLAIN
};

pub(in super::super) static MJ_BENCH: Benchmark = Benchmark {
    name: "mj-bench",
    title: "MJ-Bench",
    summary: "Which of two images fits a caption better; here from recorded scores, since images are not shown yet.",
    fields: &[
        needs("caption", "the caption"),
        may("image0", "one image; only a name is shown"),
        may("image1", "the other image"),
        needs("label", "0, 1, or 0.5 for a tie"),
        may("perspective", "alignment, safety, quality or bias"),
    ],
    protocol: "a score for each image; a tie if the scores differ by no more than a threshold (0 here); give --results with `scores`",
    prompt: "pair",
    failure: "the official run ends; here wrong",
    metric: "accuracy, with a tie as its own outcome; without ties below it",
    source: "Chen et al. 2024, arXiv:2407.04842; MJ-Bench/MJ-Bench@eb269ad (the accuracy is computed outside of that code)",
    licence: "MIT",
    reproduced: "the stored choice of four scorers on 30 pairs",
    case: |fields| {
        let label = fields.side("label", &["0", "0.0"], &["1", "1.0"], &["0.5", "tie"])?;
        let name = |field: &str, usual: &str| match fields.find(field) {
            Some(serde_json::Value::String(name)) => name,
            _ => usual.to_owned(),
        };
        let (one, two) = (name("image0", "image 0"), name("image1", "image 1"));
        let pair = fields.pair(fields.text("caption")?, one, two);
        Ok(pair.within(fields.text_or_empty("perspective")).known(Gold::Preference(label)))
    },
    score: |judged, convention| {
        let is_right = |one: &Judged| {
            let better = one.case.preference()?;
            convention.credit(one.duel(0, 1).map(|side| win(side, better, 0.0)), Some(0.0))
        };
        let mut rows = mean_rows("accuracy", judged, is_right);
        let decided = |one: &&Judged| {
            let is_tie = one.duel(0, 1) == Some(Preference::Tie);
            if is_tie { None } else { is_right(one) }
        };
        rows.push(Row::mean("accuracy without ties of the judge", judged.iter().map(decided)));
        rows
    },
    ..PLAIN
};
