//! ProcessBench (Zheng et al. 2024): the first wrong step of solutions to mathematical problems.

use std::collections::BTreeMap;

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields, FirstError, Gold},
    convention::Convention,
    credit::by_subset,
    judged::Judged,
    row::Row,
};
use crate::{error::Result, metrics::FirstErrors};

pub(in super::super) static PROCESS_BENCH: Benchmark = Benchmark {
    name: "processbench",
    title: "ProcessBench",
    summary: "The first wrong step of a solution, or that there is none.",
    fields: &[
        needs("problem", "the problem"),
        needs("steps", "list of paragraphs"),
        needs("label", "0-based index of the first wrong paragraph, -1 for none"),
        may("id", "such as gsm8k-12; its beginning is the subset"),
        may("subset", "gsm8k, math, olympiadbench or omnimath"),
        may("final_answer_correct", "whether the final answer is right"),
    ],
    protocol: "one request for each solution; with --draws 8 --temperature 1 the most frequent answer of the draws that could be read (vote@8)",
    prompt: "process-bench",
    failure: "wrong, for solutions with and without an error; among several draws it is left out",
    metric: "F1 of the accuracy on solutions with an error and of that on right solutions; the mean over the subsets. A subset with solutions of one kind alone has no F1, unless none of them is judged as it is (0)",
    source: "Zheng et al. 2024, arXiv:2412.06559; QwenLM/ProcessBench",
    licence: "Apache-2.0",
    reproduced: "the formula on the recorded verdicts of GPT-3.5 and GPT-4 about MR-MATH (0.3343 and 0.5792), and the counts of labels of gsm8k",
    case,
    score,
    ..PLAIN
};

fn case(fields: &Fields<'_>) -> Result<Case> {
    let label = fields.number("label")?;
    let steps = fields.texts("steps")?;
    if label < -1.0 || label.fract().abs() > 0.0 {
        return Err(fields.wrong("label", &format!("`{label}` is no index of a step, and not -1")));
    }
    let first = index(label);
    if first.is_some_and(|first| first >= steps.len()) {
        return Err(fields.wrong("label", &format!("{label} is not one of {} steps", steps.len())));
    }
    let of_id = fields.id().rsplit_once('-').map(|(name, _)| name.to_owned());
    let subset = match fields.text_or_empty("subset") {
        subset if subset.is_empty() => of_id.unwrap_or_default(),
        subset => subset,
    };
    let solution = fields.solution(fields.text("problem")?, steps);
    Ok(solution.within(subset).known(Gold::FirstError(first)))
}

/// A label as an index; a negative one is none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of a step")]
fn index(label: f64) -> Option<usize> {
    (label >= 0.0).then_some(label as usize)
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let subsets: Vec<(&str, FirstErrors)> = by_subset(judged)
        .into_iter()
        .map(|(name, all)| (name, counted(&all, convention)))
        .collect();
    let f1: Vec<Row> = subsets.iter().map(|(name, found)| f1(name, found)).collect();
    let mut rows = vec![Row::mean_of("mean F1", &f1)];
    for ((_, found), f1) in subsets.iter().zip(f1) {
        let share = |name: &str, (all, hits): (usize, usize)| {
            Row::share(name, crate::metrics::share(hits, all), all).indented().indented()
        };
        rows.push(f1.indented());
        rows.push(share("with an error", found.of_wrong()));
        rows.push(share("right solutions", found.of_right()));
    }
    rows
}

fn f1(name: &str, found: &FirstErrors) -> Row {
    let (wrong, right) = (found.of_wrong(), found.of_right());
    // Where no solution of one kind was judged as it is, a harmonic mean is 0 whatever the other kind would be.
    let none = [wrong, right].iter().any(|(all, hits)| *all > 0 && *hits == 0).then_some(0.0);
    Row::share(name, found.f1().or(none), wrong.0 + right.0)
}

fn counted(judged: &[&Judged], convention: Convention) -> FirstErrors {
    let mut found = FirstErrors::default();
    for one in judged {
        let Some(truth) = one.case.first_error() else { continue };
        // An index that no solution has stands for a wrong verdict.
        let said = voted(one).map(Some);
        let said = said.or_else(|| convention.stand_in(Some(truth), None, Some(None)));
        if let Some(said) = said {
            found.add(truth, said);
        }
    }
    found
}

/// The most frequent first error of all draws that could be read, the earliest of equals; that of the judgment if
/// there are no draws.
fn voted(one: &Judged) -> Option<FirstError> {
    let mut counts: BTreeMap<FirstError, (usize, usize)> = BTreeMap::new();
    for (place, said) in one.first_errors().into_iter().flatten().enumerate() {
        counts.entry(said).or_insert((0, place)).0 += 1;
    }
    let most =
        counts.into_iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)));
    most.map(|(said, _)| said).or_else(|| one.first_error())
}
