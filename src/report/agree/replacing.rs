//! The alternative annotator test of results, against values of scipy.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{AgreementReport, AgreementSample};
use crate::{
    item::Item,
    line::ResultLine,
    metrics::{AdvantageTest, benjamini_yekutieli},
    report::Labels,
};

/// A generated case; `tests/data/metrics/alternative.py` made them.
#[derive(Deserialize)]
struct Reference {
    metric: String,
    epsilon: f64,
    /// The labels of each person.
    labels: Vec<Vec<Option<u8>>>,
    judge: Vec<u8>,
    tests: Vec<Expected>,
    winning_rate: f64,
    advantage: f64,
}

#[derive(Deserialize)]
struct Expected {
    count: usize,
    judge: f64,
    person: f64,
    p: Option<f64>,
    #[serde(default)]
    adjusted: Option<f64>,
}

fn references() -> Vec<Reference> {
    #[derive(Deserialize)]
    struct All {
        cases: Vec<Reference>,
    }
    let text = include_str!("../../../tests/data/metrics/alternative.json");
    serde_json::from_str::<All>(text).unwrap().cases
}

fn close(found: f64, right: f64, what: &str) {
    assert!((found - right).abs() < 1e-7, "{what}: {found}, not {right}");
}

/// The results of the judge, with the labels of the people.
fn report(case: &Reference) -> AgreementReport {
    let is_score = case.metric == "rmse";
    let of = |label: u8| if is_score { json!(label) } else { json!(format!("class {label}")) };
    let mut sample = AgreementSample::new(Labels::default()).epsilon(case.epsilon);
    for (person, labels) in case.labels.iter().enumerate() {
        for (record, label) in labels.iter().enumerate().filter(|(_, label)| label.is_some()) {
            let record = format!("r{record}");
            let item = json!({"label": of(label.unwrap()), "annotator": format!("p{person}")});
            sample.label(record, Item::from(item));
        }
    }
    for (record, verdict) in case.judge.iter().enumerate() {
        let key = if is_score { "score" } else { "label" };
        sample.push(line(&json!({"id": format!("r{record}"), key: of(*verdict)})));
    }
    sample.report(0)
}

fn line(fields: &Value) -> ResultLine {
    ResultLine::read(fields.to_string()).unwrap()
}

#[test]
fn every_person_is_tested_as_scipy_tests_them() {
    for (number, case) in references().iter().enumerate() {
        let report = report(case);
        let found = report.alternative.as_ref().unwrap();
        close(found.epsilon, case.epsilon, "epsilon");
        assert_eq!(found.people.len(), case.tests.len());
        for (left_out, expected) in found.people.iter().zip(&case.tests) {
            let what = format!("case {number}, {}", left_out.person);
            assert_eq!(left_out.records, expected.count, "{what}");
            assert_eq!(left_out.test.is_some(), expected.p.is_some(), "{what}");
            let Some(test) = left_out.test else { continue };
            close(test.judge, expected.judge, &what);
            close(test.person, expected.person, &what);
            close(test.p, expected.p.unwrap(), &what);
            close(left_out.adjusted.unwrap(), expected.adjusted.unwrap(), &what);
        }
        let value = |name: &str| report.figure(name).unwrap().value.unwrap();
        close(value("winning_rate"), case.winning_rate, "winning rate");
        close(value("judge_advantage"), case.advantage, "advantage");
        let interval = report.figure("judge_advantage").unwrap().interval.unwrap();
        assert!(interval.contains(case.advantage) && interval.width() < 0.4, "{interval:?}");
    }
}

#[test]
fn people_with_fewer_than_thirty_records_are_not_tested() {
    let mut case = references().remove(0);
    case.labels.iter_mut().for_each(|labels| labels.truncate(29));
    let report = report(&case);
    assert!(report.alternative.as_ref().unwrap().people.iter().all(|one| one.test.is_none()));
    assert_eq!(report.figure("winning_rate").unwrap().value, None);
    // The advantage has an interval that says how little is known.
    assert!(report.figure("judge_advantage").unwrap().value.is_some());
    let text = report.to_string();
    assert!(text.contains("not tested: fewer than 30 records"), "{text}");
    assert!(!text.contains("the judge wins against"), "{text}");
}

#[test]
fn criteria_are_tested_together_and_each_has_a_winning_rate() {
    // Three people agree on both criteria; the judge agrees with them on the first alone.
    let mut sample = AgreementSample::new(Labels::default()).epsilon(0.1);
    for n in 0..40 {
        for person in ["ada", "bob", "cy"] {
            let label = json!({"clear": n % 3, "true": n % 4});
            let item = json!({"label": label, "annotator": person});
            sample.label(format!("r{n}"), Item::from(item));
        }
        let criteria = json!({"clear": n % 3, "true": (n + 1) % 4});
        sample.push(line(&json!({"id": format!("r{n}"), "criteria": criteria})));
    }
    let report = sample.report(0);
    let rate = |name: &str| report.figure(name).unwrap().value.unwrap();
    close(rate("clear.winning_rate"), 1.0, "clear");
    close(rate("true.winning_rate"), 0.0, "true");
    let text = report.to_string();
    for words in [
        "clear: the judge wins against 3 of 3: it may take the place of a person",
        "true: the judge wins against 0 of 3: it may not take the place of a person",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn records_of_one_cluster_prove_less() {
    let nearness: Vec<(f64, f64)> =
        (0..60).map(|n| if n / 6 % 5 == 0 { (1.0, 0.0) } else { (0.5, 0.5) }).collect();
    let clusters: Vec<usize> = (0..60).map(|n| n / 6).collect();
    let p = |clusters| AdvantageTest::new(&nearness, clusters, 0.35).unwrap().p;
    assert!(p(None) < 0.01 && p(Some(&clusters)) > 0.1, "{} {}", p(None), p(Some(&clusters)));
    assert_eq!(AdvantageTest::new(&nearness[..1], None, 0.2), None);
}

#[test]
fn without_a_spread_any_distance_is_beyond_chance() {
    let alike =
        |pair: (f64, f64), epsilon| AdvantageTest::new(&[pair; 30], None, epsilon).unwrap().p;
    close(alike((0.5, 0.5), 0.2), 0.0, "as near in every record");
    close(alike((0.5, 0.5), 0.0), 1.0, "no handicap, and no difference");
    close(alike((1.0, 0.0), 0.2), 1.0, "farther in every record");
    close(alike((0.0, 1.0), 0.0), 0.0, "nearer in every record");
}

#[test]
fn adjusted_p_values_keep_the_order_and_never_exceed_one() {
    assert_eq!(benjamini_yekutieli(&[]), Vec::<f64>::new());
    close(benjamini_yekutieli(&[0.04])[0], 0.04, "one test");
    let adjusted = benjamini_yekutieli(&[0.9, 0.001, 0.04, 0.04]);
    assert!(adjusted.iter().all(|p| (0.0..=1.0).contains(p)));
    close(adjusted[1], 0.001 * (1.0 + 0.5 + 1.0 / 3.0 + 0.25) * 4.0, "the smallest");
    close(adjusted[2], adjusted[3], "equal ones");
}
