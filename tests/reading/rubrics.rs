//! Published rubrics as they are: records of HealthBench, and trees of PaperBench with the scores of their own graders.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::collected;
use serde_json::Value;
use tribunal::{
    ErrorKind, Item, Prompt,
    item::Criteria,
    prompt,
    verdict::{Assessment, CriterionVerdict, Rubric},
};

/// The prompt that grades rubrics as they are published.
fn grader() -> std::sync::Arc<Prompt> {
    prompt::named("health-bench").unwrap().unwrap()
}

/// The verdict if every criterion has the one that this function gives it.
fn judged(criteria: &Criteria, verdict: impl Fn(usize) -> Assessment) -> Rubric {
    let one = |(n, criterion): (usize, &tribunal::item::Criterion)| CriterionVerdict {
        weight: criterion.weight,
        ..CriterionVerdict::assessed(&criterion.name, verdict(n))
    };
    Rubric::new(criteria.all.iter().enumerate().map(one).collect())
}

#[test]
#[ignore = "needs TRIBUNAL_TEST_DATA, a folder of collected texts"]
fn every_record_of_healthbench_is_read_with_its_points() {
    let records = collected::records("healthbench_sample");
    assert_eq!(records.len(), 20);
    for record in records {
        let rubrics = record["rubrics"].as_array().unwrap().clone();
        let item = Item::from(record).set("answer", "Rest.");
        assert!(grader().fits(&item));
        let criteria = grader().criteria(&item).unwrap();
        let points: Vec<f64> = rubrics.iter().map(|one| one["points"].as_f64().unwrap()).collect();
        let weights: Vec<f64> = criteria.all.iter().map(|one| one.weight).collect();
        assert_eq!(weights, points);
        let possible: f64 = points.iter().filter(|points| **points > 0.0).sum();
        let all = judged(&criteria, |_| Assessment::Met);
        let expected = points.iter().sum::<f64>() / possible;
        assert!((all.raw().unwrap() - expected).abs() < 1e-8);
        let good = |n: usize| if points[n] > 0.0 { Assessment::Met } else { Assessment::Unmet };
        assert_eq!(judged(&criteria, good).score(), Some(1.0));
    }
}

/// The score of every leaf of a graded tree, in order.
fn leaf_scores(node: &Value) -> Vec<f64> {
    match node["sub_tasks"].as_array().filter(|parts| !parts.is_empty()) {
        Some(parts) => parts.iter().flat_map(leaf_scores).collect(),
        None => vec![node["score"].as_f64().unwrap()],
    }
}

#[test]
#[ignore = "needs TRIBUNAL_TEST_DATA, a folder of collected texts"]
fn a_tree_of_paperbench_comes_to_the_score_of_its_root() {
    let trees = collected::records("paperbench_rubric_sample");
    let mut graded = 0;
    for tree in trees {
        let whole = Criteria::read(&tree, ErrorKind::Record).unwrap();
        let total: f64 = whole.all.iter().map(|one| one.weight).sum();
        assert!((total - 1.0).abs() < 1e-9, "{total}");
        let item = Item::from(tree.clone()).set("answer", "the code");
        assert_eq!(grader().criteria(&item).unwrap(), whole, "a record may be a tree itself");
        let Some(root) = tree["score"].as_f64() else { continue };
        let scores = leaf_scores(&tree);
        assert_eq!(scores.len(), whole.all.len());
        let met = |n: usize| if scores[n] > 0.5 { Assessment::Met } else { Assessment::Unmet };
        let score = judged(&whole, met).score().unwrap();
        assert!((score - root).abs() < 1e-8, "{score} is not {root}");
        graded += 1;
    }
    assert_eq!(graded, 3);
}
