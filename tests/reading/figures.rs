//! Metrics against figures that were published for recorded judges, recomputed from their records.
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::collections::BTreeMap;

use crate::support::collected::{published, records};
use serde_json::Value;
use tribunal::metrics::{
    ConfusionMatrix, Weights, auc, cohen_kappa, kendall_tau_b, mean, pearson, spearman,
    standard_error, win_rate,
};

fn text(record: &Value, field: &str) -> String {
    record[field].as_str().unwrap().to_owned()
}

/// Whether a figure is the published one, to so many digits after the point.
fn agrees(found: Option<f64>, right: &Value, digits: usize, what: &str) {
    let right = right.as_f64().unwrap();
    assert_eq!(format!("{:.digits$}", found.unwrap()), format!("{right:.digits$}"), "{what}");
}

#[test]
#[ignore = "needs ../shared/data"]
fn pandalm_has_its_accuracy_macro_f1_and_kappa() {
    let right = published("pandalm");
    let annotators: BTreeMap<String, [usize; 3]> = records("pandalm_testset")
        .iter()
        .map(|one| {
            let class = |n: &str| usize::try_from(one[n].as_u64().unwrap()).unwrap();
            (text(one, "group"), ["annotator1", "annotator2", "annotator3"].map(class))
        })
        .collect();
    for (n, (one, other)) in [(0, 1), (0, 2), (1, 2)].into_iter().enumerate() {
        let pairs: Vec<_> = annotators.values().map(|all| (all[one], all[other])).collect();
        let kappa = cohen_kappa(&pairs, Weights::Equal);
        agrees(kappa, &right["kappa_12_13_23"][n], 4, "two annotators");
    }
    let judgments = records("pandalm_judgments");
    for (judge, field) in [
        ("gpt-3.5-turbo", "gpt35_result"),
        ("PandaLM-7B", "pandalm7b_result"),
        ("JudgeLRM-7B", "judgelrm7b_result"),
        ("JudgeLRM-3B", "judgelrm3b_result"),
    ] {
        let class = |value: &Value| match value {
            Value::String(text) => text.parse().unwrap_or(0),
            number => usize::try_from(number.as_u64().unwrap_or(0)).unwrap(),
        };
        let pairs: Vec<(usize, usize)> =
            judgments.iter().map(|one| (class(&one["gold"]), class(&one[field]))).collect();
        let matrix = ConfusionMatrix::of(3, pairs.iter().copied());
        let percent =
            [matrix.accuracy(), matrix.macro_precision(), matrix.macro_recall(), matrix.macro_f1()];
        for (n, found) in percent.into_iter().enumerate() {
            agrees(found.map(|share| 100.0 * share), &right[judge][n], 2, judge);
        }
        agrees(cohen_kappa(&pairs, Weights::Equal), &right[judge][4], 4, judge);
    }
}

#[test]
#[ignore = "needs ../shared/data"]
fn process_rewards_have_their_macro_f1_and_area() {
    let mut judges: BTreeMap<String, Vec<(f64, bool)>> = BTreeMap::new();
    for record in records("reasoneval_prm_scores") {
        let scores = record["scores"].as_array().unwrap().iter().filter_map(Value::as_f64);
        let least = scores.reduce(f64::min).unwrap();
        let is_right = record["gold"]["solution_correctness"] == "correct";
        judges.entry(text(&record, "judge")).or_default().push((least, is_right));
    }
    let right = published("reasoneval_prm");
    assert_eq!(judges.len(), right.as_object().unwrap().len());
    for (judge, all) in judges {
        let classes = all
            .iter()
            .map(|(score, is_right)| (usize::from(*is_right), usize::from(*score >= 0.5)));
        agrees(ConfusionMatrix::of(2, classes).macro_f1(), &right[&judge][0], 4, &judge);
        agrees(auc(&all).map(|auc| auc.area), &right[&judge][1], 4, &judge);
    }
}

#[test]
#[ignore = "needs ../shared/data"]
fn summaries_have_their_three_correlations() {
    let mut judges: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for record in records("summeval_llm_judgments") {
        let [judge, prompt, dimension] =
            ["judge", "prompt_kind", "dimension"].map(|field| text(&record, field));
        // The official code takes −1 for what it cannot read.
        let score = record["verdict"].as_f64().unwrap_or(-1.0);
        let pair = (score, record["human"].as_f64().unwrap());
        judges.entry(format!("{judge}/{prompt}/{dimension}")).or_default().push(pair);
    }
    let right = published("summeval_llm_judges");
    let whole = judges.iter().filter(|(_, pairs)| pairs.len() == 768);
    let mut compared = 0;
    for (judge, pairs) in whole {
        agrees(spearman(pairs), &right[judge]["spearman"], 4, judge);
        agrees(pearson(pairs), &right[judge]["pearson"], 4, judge);
        agrees(kendall_tau_b(pairs), &right[judge]["kendall_b"], 4, judge);
        compared += 1;
    }
    assert_eq!(compared, 9);
}

#[test]
#[ignore = "needs ../shared/data"]
fn dialogues_have_their_correlations_over_all_and_within_contexts() {
    type Pairs = Vec<(f64, f64)>;
    let mut judges: BTreeMap<String, BTreeMap<String, Pairs>> = BTreeMap::new();
    for record in records("topical_chat_geval") {
        let name = format!("{}/{}", text(&record, "prompt_kind"), text(&record, "dimension"));
        let samples = record["verdicts"].as_array().unwrap().iter().filter_map(Value::as_f64);
        let Some(score) = mean(&samples.collect::<Vec<_>>()) else { continue };
        let pair = (score, record["human"].as_f64().unwrap());
        let contexts = judges.entry(name).or_default();
        contexts.entry(text(&record, "group")).or_default().push(pair);
    }
    let right = published("topical_chat_geval");
    for (judge, contexts) in &judges {
        let right = &right[judge];
        let all: Pairs = contexts.values().flatten().copied().collect();
        agrees(pearson(&all), &right["pearson_dataset"], 3, judge);
        let inside = |correlation: fn(&[(f64, f64)]) -> Option<f64>| {
            let found = contexts.values().filter_map(|pairs| correlation(pairs));
            mean(&found.collect::<Vec<_>>())
        };
        agrees(inside(kendall_tau_b), &right["kendall_doc_avg"], 3, judge);
        agrees(inside(pearson), &right["pearson_doc_avg"], 3, judge);
    }
    assert_eq!(judges.len(), 9);
}

#[test]
#[ignore = "needs ../shared/data"]
fn models_have_their_win_rates_and_standard_errors() {
    let mut models: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for record in records("alpacaeval1_preferences") {
        let Some(preference) = record["preference"].as_f64() else { continue };
        // 0 is an old code for a draw.
        let won = if preference < 0.5 { 0.5 } else { preference - 1.0 };
        models.entry(text(&record, "model")).or_default().push(won);
    }
    let right = published("alpacaeval1");
    assert_eq!(models.len(), 4);
    for (model, won) in models {
        let count = |value: f64| won.iter().filter(|one| (**one - value).abs() < 0.1).count();
        let percent = |share: Option<f64>| share.map(|share| 100.0 * share);
        let rate = win_rate(count(1.0), count(0.5), count(0.0));
        agrees(percent(rate), &right[&model][1], 6, &model);
        agrees(percent(standard_error(&won)), &right[&model][2], 6, &model);
    }
}
