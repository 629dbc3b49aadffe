//! Benchmarks of every step of a solution: VisualProcessBench and UniversalBench.

use super::{
    super::{
        about::{Benchmark, PLAIN, may, needs},
        case::{Case, Fields, Gold},
        convention::Convention,
        credit::grouped,
        judged::Judged,
        row::Row,
    },
    prm_bench::counted,
};
use crate::error::Result;

pub(in super::super) static VISUAL_PROCESS_BENCH: Benchmark = Benchmark {
    name: "visualprocessbench",
    title: "VisualProcessBench",
    summary: "Whether each step of a solution about an image is right; the judge here reads the text alone.",
    fields: &[
        needs("question", "the question"),
        needs("response", "{steps, process_correctness}: 1 right, -1 wrong, 0 neutral"),
        may("data_source", "MathVerse, MathVision, DynaMath, WeMath or MMMU"),
        may("policy_model", "the author of the solution"),
    ],
    protocol: "a verdict on every step, also after an error",
    prompt: "steps",
    failure: "not known: here the step is left out",
    metric: "mean of F1 of right steps and F1 of wrong steps, neutral steps left out; pooled over all records, and the mean over sources below it (which of both is published is not known)",
    source: "Wang et al. 2025, arXiv:2503.10291; card of OpenGVLab/VisualProcessBench",
    licence: "MIT",
    case: |fields| {
        let response = fields.object("response")?;
        let list = |name: &str| {
            let list = response.get(name).and_then(|list| list.as_array().cloned());
            list.ok_or_else(|| fields.wrong("response", &format!("no list `{name}`")))
        };
        let steps: Vec<String> = list("steps")?.iter().map(crate::item::text_of).collect();
        let labels = list("process_correctness")?;
        let labels = fields.labels("response", &labels, &[1.0, 0.0, -1.0])?;
        let labels: Vec<Option<bool>> = labels.into_iter().map(truth).collect();
        check_count(fields, "response", &labels, &steps)?;
        let known = fields.solution(fields.text("question")?, steps).known(Gold::Steps(labels));
        Ok(known.within(fields.text_or_empty("data_source")))
    },
    score: |judged, convention| score(judged, convention, "macro F1 of steps"),
    ..PLAIN
};

pub(in super::super) static UNIVERSAL_BENCH: Benchmark = Benchmark {
    name: "universalbench",
    title: "UniversalBench",
    summary: "Whether each step of a whole trajectory is right, also after the first error.",
    fields: &[
        needs("question", "the problem"),
        needs("steps", "list of steps"),
        needs("labels", "1 or 0 for each step; a step that rests on a wrong one is wrong"),
        may("policy", "the author of the solution"),
    ],
    is_verified: false,
    protocol: "a verdict on every step, also after an error",
    prompt: "steps",
    failure: "not known: here the step is left out",
    metric: "mean of F1 of right steps and F1 of wrong steps; the published metric is not known",
    source: "Tan et al. 2025, arXiv:2502.11520 (AURORA); no data were found",
    licence: "not known",
    case: universal,
    score: |judged, convention| score(judged, convention, "macro F1 of steps"),
    ..PLAIN
};

fn universal(fields: &Fields<'_>) -> Result<Case> {
    let steps = fields.texts("steps")?;
    let labels = fields.labels("labels", &fields.list("labels")?, &[1.0, 0.0])?;
    let labels: Vec<Option<bool>> = labels.into_iter().map(|label| Some(label > 0.5)).collect();
    check_count(fields, "labels", &labels, &steps)?;
    let solution = fields.solution(fields.text("question")?, steps);
    Ok(solution.within(fields.text_or_empty("policy")).known(Gold::Steps(labels)))
}

/// Checks that every step has a label.
fn check_count(
    fields: &Fields<'_>,
    name: &str,
    labels: &[Option<bool>],
    steps: &[String],
) -> Result<()> {
    if labels.len() == steps.len() {
        return Ok(());
    }
    Err(fields.wrong(name, &format!("{} labels for {} steps", labels.len(), steps.len())))
}

/// Whether a step is right; a neutral one is neither.
fn truth(label: f64) -> Option<bool> {
    match label {
        label if label > 0.5 => Some(true),
        label if label < -0.5 => Some(false),
        _ => None,
    }
}

fn score(judged: &[&Judged], convention: Convention, name: &str) -> Vec<Row> {
    let row = |name: &str, all: &[&Judged]| {
        let counts = counted(all, convention);
        Row::share(name, counts.macro_f1(), counts.count())
    };
    let mut rows = vec![row(name, judged)];
    let groups = grouped(judged, |one| one.case.subset.as_str());
    let parts: Vec<Row> = groups.iter().map(|(name, all)| row(name, all)).collect();
    if parts.len() > 1 {
        rows.extend(parts.iter().cloned().map(Row::indented));
        rows.push(Row::mean_of("mean of sources", &parts));
    }
    let all = counted(judged, convention);
    rows.push(Row::share("F1 of right steps", all.f1(), all.count()));
    rows.push(Row::share("F1 of wrong steps", all.negative_f1(), all.count()));
    rows
}
