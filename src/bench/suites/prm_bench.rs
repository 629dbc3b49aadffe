//! PRMBench (Song et al. 2025): whether each step is valid, in nine classes of errors.

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields, Gold},
    convention::Convention,
    credit::by_subset,
    judged::Judged,
    row::Row,
};
use crate::{
    error::Result,
    metrics::Confusion,
    verdict::{CORRECT, INCORRECT, Steps},
};

pub(in super::super) static PRM_BENCH: Benchmark = Benchmark {
    name: "prmbench",
    title: "PRMBench",
    summary: "Whether each step of a solution is valid, in nine classes of errors.",
    fields: &[
        needs("modified_question", "the problem"),
        needs("modified_process", "list of steps"),
        needs("error_steps", "1-based places of the wrong steps"),
        needs("classification", "one of nine classes, such as circular"),
        may("idx", "the name of the record"),
    ],
    protocol: "a verdict on every step; the prompt prm-bench asks for all of them in one request. Of prompted models the authors read the classes redundency and circular from the list of redundancy in the same answer: run these two again with --subset redundency --subset circular -p prm-bench-redundancy, and count both files (--results all.jsonl --results two.jsonl: the later one counts)",
    prompt: "prm-bench",
    failure: "the record is left out",
    metric: "PRMScore: the mean of F1 of valid steps and F1 of wrong steps, over the steps of all records; in multi_solutions, where no step is wrong, F1 of valid steps",
    source: "Song et al. 2025, arXiv:2501.03124; ssmisya/PRMBench@a1ae4ea",
    licence: "Apache-2.0",
    reproduced: "PRMScore of R-PRM-7B in all nine classes and in total (65.12)",
    ids: &["idx"],
    case,
    score,
    ..PLAIN
};

fn case(fields: &Fields<'_>) -> Result<Case> {
    let steps = fields.texts("modified_process")?;
    // In multi_solutions no step is wrong.
    let errors = match fields.find("error_steps") {
        None if fields.has("error_steps") => Vec::new(),
        _ => fields.numbers("error_steps")?,
    };
    // Some published records name steps after the last one, which the authors pass over.
    if let Some(wrong) = errors.iter().find(|error| **error < 1.0 || error.fract() > 0.0) {
        return Err(fields.wrong("error_steps", &format!("`{wrong}` is no step: the first is 1")));
    }
    let is_wrong = |place: usize| {
        let number = crate::metrics::real(place + 1);
        errors.iter().any(|error| (error - number).abs() < 0.5)
    };
    let labels = (0..steps.len()).map(|place| Some(!is_wrong(place))).collect();
    let solution = fields.solution(fields.text("modified_question")?, steps);
    Ok(solution.within(fields.text("classification")?).known(Gold::Steps(labels)))
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let row = |name: &str, all: &[&Judged]| {
        let counts = counted(all, convention);
        Row::share(name, counts.prm_score(), counts.count())
    };
    let mut rows = vec![row("PRMScore", judged)];
    rows.extend(by_subset(judged).iter().map(|(name, all)| row(name, all).indented()));
    let all = counted(judged, convention);
    rows.push(Row::share("F1 of valid steps", all.f1(), all.count()));
    rows.push(Row::share("F1 of wrong steps", all.negative_f1(), all.count()));
    rows.push(Row::share("accuracy of steps", all.accuracy(), all.count()));
    rows
}

/// Steps by truth and verdict. A step without a verdict of its own counts as unreadable.
pub(super) fn counted(judged: &[&Judged], convention: Convention) -> Confusion {
    let mut counts = Confusion::default();
    for one in judged {
        let Gold::Steps(labels) = &one.case.gold else { continue };
        let said = said(one);
        for (place, truth) in labels.iter().enumerate() {
            let Some(truth) = *truth else { continue };
            let known = said.as_ref().and_then(|said| said.get(place).copied().flatten());
            if let Some(known) = known.or_else(|| convention.stand_in(truth, !truth, None)) {
                counts.add(truth, known);
            }
        }
    }
    counts
}

/// Whether the judge took each step for right; a judge that names the first error alone takes those before it for right
/// and those from it on for wrong.
fn said(one: &Judged) -> Option<Vec<Option<bool>>> {
    let steps = one.steps()?;
    let count = one.case.steps.len();
    if steps.steps.is_empty() {
        return Some(
            (0..count).map(|place| Some(steps.first_error.is_none_or(|at| place < at))).collect(),
        );
    }
    let mut said = vec![None; count];
    for step in &steps.steps {
        if let Some(slot) = said.get_mut(step.index) {
            *slot = Some(is_right(steps, &step.label));
        }
    }
    Some(said)
}

/// Whether a label is that of a right step. A prompt may have words of its own, such as those of redundant and necessary
/// steps: then the label of the first wrong step is the one that means wrong.
fn is_right(steps: &Steps, label: &str) -> bool {
    let first = steps.first_error.and_then(|at| steps.steps.iter().find(|step| step.index == at));
    match label {
        CORRECT => true,
        INCORRECT => false,
        other => first.is_none_or(|first| first.label != other),
    }
}
