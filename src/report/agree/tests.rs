//! Results with labels whose figures are known by hand.

use serde_json::{Value, json};

use super::*;
use crate::{item::Item, line::ResultLine, report::Labels};

fn sample(lines: &[Value]) -> AgreementSample {
    with(AgreementSample::new(Labels::new(Some("gold".into()), [])), lines)
}

fn with(mut sample: AgreementSample, lines: &[Value]) -> AgreementSample {
    lines.iter().for_each(|line| sample.push(ResultLine::read(line.to_string()).unwrap()));
    sample
}

fn label(id: &str, verdict: &str, gold: &str) -> Value {
    json!({"id": id, "kind": "label", "verdict": verdict, "label": verdict, "item": {"answer": "a", "gold": gold}})
}

fn value(report: &AgreementReport, name: &str) -> f64 {
    report.figure(name).unwrap_or_else(|| panic!("no {name}")).value.unwrap()
}

fn close(found: f64, right: f64) {
    assert!((found - right).abs() < 1e-9, "{found}, not {right}");
}

/// 20 and 15 agree, 5 and 10 do not.
fn fifty() -> Vec<Value> {
    let of = |verdict: &'static str, gold: &'static str, count: usize| {
        (0..count).map(move |n| label(&format!("{verdict}-{gold}-{n}"), verdict, gold))
    };
    of("correct", "yes", 20)
        .chain(of("incorrect", "yes", 5))
        .chain(of("correct", "no", 10))
        .chain(of("incorrect", "no", 15))
        .collect()
}

#[test]
fn labels_are_compared_class_by_class() {
    let report = sample(&fifty()).report(3);
    assert_eq!((report.coverage.records, report.coverage.compared), (50, 50));
    close(value(&report, "agreement"), 0.7);
    close(value(&report, "base_rate"), 0.5);
    close(value(&report, "kappa"), 0.4);
    close(value(&report, "recall.correct"), 0.8);
    close(value(&report, "precision.incorrect"), 0.75);
    let agreement = report.figure("agreement").unwrap();
    assert_eq!(agreement.interval, Some(crate::metrics::wilson(35, 50)));
    let kappa = report.figure("kappa").unwrap().interval.unwrap();
    assert!(kappa.contains(0.4) && kappa.low > 0.0 && kappa.high < 0.8, "{kappa:?}");
    assert_eq!((report.disagreements.len(), report.differing), (3, 15));
    assert_eq!(report.to_json()["confusion"]["rows_are_labels"], json!([[20, 5], [10, 15]]));
}

#[test]
fn what_has_no_verdict_or_no_label_is_counted_apart_and_bounds_the_agreement() {
    let mut lines = vec![
        label("a", "correct", "yes"),
        label("b", "correct", "no"),
        label("c", "correct", "maybe"),
    ];
    lines.push(json!({"id": "d", "unreadable": {"reason": "missing", "detail": ""}, "item": {"gold": "yes"}}));
    lines.push(json!({"id": "e", "error": {"kind": "timed_out", "message": "late"}, "item": {"gold": "no"}}));
    lines.push(json!({"id": "f", "label": "correct", "item": {"answer": "x"}}));
    let report = sample(&lines).report(10);
    let coverage = &report.coverage;
    assert_eq!((coverage.compared, coverage.unreadable, coverage.failed), (2, 1, 1));
    assert_eq!((coverage.without_label, coverage.not_comparable), (1, 1));
    assert_eq!(coverage.first, Some(("maybe".into(), "c".into())));
    let bounds = report.bounds.unwrap();
    close(bounds.low, 0.25);
    close(bounds.high, 0.75);
    let ids: Vec<&str> = report.disagreements.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["b", "d", "e"]);
    close(value(&report, "unreadable_rate"), 0.2);
}

#[test]
fn a_class_that_the_judge_never_says_can_be_named() {
    let lines = [label("a", "good", "good"), label("b", "bad", "ok"), label("c", "bad", "bad")];
    assert_eq!(sample(&lines).report(0).coverage.not_comparable, 1);
    let labels = Labels::new(Some("gold".into()), [("ok".into(), "ok".into())]);
    let report = with(AgreementSample::new(labels), &lines).report(0);
    assert_eq!((report.coverage.compared, report.classes.as_ref().unwrap().names.len()), (3, 3));
    close(value(&report, "agreement"), 2.0 / 3.0);
}

fn score(id: &str, score: f64, gold: f64, answer: &str) -> Value {
    json!({"id": id, "score": score, "item": {"answer": answer, "gold": gold}})
}

#[test]
fn scores_are_compared_by_their_distance_and_the_largest_comes_first() {
    let lines = [
        score("a", 2.0, 1.0, "x"),
        score("b", 2.0, 2.0, "xx"),
        score("c", 3.0, 3.0, "xxx"),
        score("d", 5.0, 4.0, "xxxx"),
        score("e", 2.0, 5.0, "xxxxx"),
    ];
    let report = sample(&lines).report(9);
    close(value(&report, "agreement"), 0.4);
    close(value(&report, "within_1"), 0.8);
    close(value(&report, "mean_absolute_error"), 1.0);
    close(value(&report, "mean_difference"), -0.2);
    close(value(&report, "levels_of_verdicts"), 3.0);
    close(value(&report, "levels_of_labels"), 5.0);
    close(value(&report, "length_correlation_by_label"), 1.0);
    let ids: Vec<&str> = report.disagreements.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["e", "a", "d"]);
    let text = report.to_string();
    assert!(
        text.contains("quadratic weighted kappa") && text.contains("disagreements, 3 of 3"),
        "{text}"
    );
}

#[test]
fn records_of_one_question_give_wider_intervals() {
    let line = |n: usize| {
        let is_right = !(n / 10).is_multiple_of(3);
        let mut line = label(&format!("r{n}"), "correct", if is_right { "yes" } else { "no" });
        line["item"]["question_id"] = json!(n / 10);
        line
    };
    let lines: Vec<Value> = (0..120).map(line).collect();
    let alone = sample(&lines).report(0);
    let labels = Labels::new(Some("gold".into()), []);
    let sample = AgreementSample::new(labels).clustered_by(Some("question_id".into()));
    let together = with(sample, &lines).report(0);
    assert_eq!((alone.clusters, together.clusters), (None, Some(12)));
    let width =
        |report: &AgreementReport| report.figure("agreement").unwrap().interval.unwrap().width();
    assert!(width(&together) > 2.0 * width(&alone), "{} {}", width(&together), width(&alone));
}

/// A comparison in both orders, whose first draw prefers what is shown first.
fn pair(
    id: &str,
    verdict: &str,
    gold: &str,
    (one, other): (&str, &str),
    consistent: bool,
) -> Value {
    let vote = |order: &str, side: &str| json!({"draw": 0, "order": order, "calls": [], "preference": side});
    let other_side = if consistent { verdict } else { "second" };
    json!({"id": id, "preference": verdict, "consistent": consistent, "model": "gpt-4o",
        "votes": [vote("given", verdict), vote("swapped", other_side)],
        "item": {"response_a": one, "response_b": other, "model_a": "gpt-4o-mini", "model_b": "claude-3", "gold": gold}})
}

#[test]
fn comparisons_tell_what_the_judge_leans_to() {
    let lines = [
        pair("a", "first", "A", ("long answer", "x"), true),
        pair("b", "first", "B", ("long answer", "x"), true),
        pair("c", "first", "B", ("long answer", "x"), false),
        pair("d", "second", "B", ("x", "long answer"), true),
    ];
    let report = sample(&lines).report(9);
    close(value(&report, "agreement"), 0.5);
    close(value(&report, "consistency"), 0.75);
    // Given: 3 first, 1 second. Swapped, as shown: a, b second; c first; d first.
    close(value(&report, "first_wins"), 5.0 / 8.0);
    close(value(&report, "longer_wins"), 1.0);
    close(value(&report, "longer_wins_by_label"), 0.5);
    close(value(&report, "own_family_wins"), 0.75);
    close(value(&report, "own_family_wins_by_label"), 0.25);
}

#[test]
fn draws_of_one_record_tell_how_stable_a_verdict_is() {
    let vote = |draw: u32, label: &str| json!({"draw": draw, "order": "given", "calls": [], "label": label});
    let line = |id: &str, third: &str| {
        let mut line = label(id, "correct", "yes");
        line["votes"] = json!([vote(0, "correct"), vote(1, "correct"), vote(2, third)]);
        line
    };
    let report = sample(&[line("a", "correct"), line("b", "incorrect")]).report(0);
    close(value(&report, "stability"), 4.0 / 6.0);
    assert_eq!(report.figure("stability").unwrap().count, 6);
}

#[test]
fn first_errors_agree_where_the_step_is_the_same() {
    let steps = |id: &str, found: i64, gold: Value| json!({"id": id, "first_error": found, "item": {"gold": gold}});
    let lines = [
        steps("a", 2, json!(2)),
        steps("b", 1, json!(2)),
        steps("c", -1, json!(-1)),
        steps("d", -1, json!("correct")),
    ];
    let report = sample(&lines).report(9);
    close(value(&report, "agreement"), 0.75);
    close(value(&report, "recall.incorrect"), 1.0);
    close(value(&report, "first_error_f1"), 2.0 / 3.0);
}

#[test]
fn labels_of_another_file_complete_the_records() {
    let mut sample = AgreementSample::new(Labels::new(Some("gold".into()), []));
    for (id, gold) in [("a", "yes"), ("z", "no")] {
        sample.label(id.into(), Item::new().set("gold", gold));
    }
    let sample = with(sample, &[json!({"id": "a", "label": "correct"})]);
    let report = sample.report(9);
    assert_eq!((report.coverage.compared, report.coverage.not_judged), (1, 1));
}

#[test]
fn a_later_run_is_tested_against_an_earlier_one_record_by_record() {
    let run = |wrong: usize| {
        let lines: Vec<Value> = (0..40)
            .map(|n| {
                label(&format!("r{n}"), if n < wrong { "incorrect" } else { "correct" }, "yes")
            })
            .collect();
        sample(&lines).report(0)
    };
    let (before, after, near) = (run(2), run(14), run(4));
    assert!(after.since(&before).unwrap().is_drop());
    assert!(!before.since(&after).unwrap().is_drop());
    assert!(!near.since(&before).unwrap().is_drop());
}
