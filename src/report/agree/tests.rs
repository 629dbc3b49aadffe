//! Results with labels whose figures are known by hand.

use serde_json::{Value, json};

use super::*;
use crate::{item::Item, line::ResultLine, metrics::Interval, report::Labels};

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

fn interval(report: &AgreementReport, name: &str) -> Interval {
    let found = report.figure(name).unwrap_or_else(|| panic!("no {name}"));
    found.interval.unwrap_or_else(|| panic!("no interval of {name}"))
}

/// Every figure is one that rules know, and has an interval unless it counts, or is a perfect correlation.
fn assert_whole(report: &AgreementReport) {
    for figure in &report.figures {
        let known = AgreementReport::expected(&figure.name, report.kind.unwrap());
        let known = known.unwrap().unwrap_or_else(|| panic!("rules do not know {}", figure.name));
        assert_eq!(known.without_interval, figure.without_interval, "{}", figure.name);
        let is_perfect = figure.value.is_none_or(|value| value.abs() > 1.0 - 1e-9);
        let has_interval = figure.interval.is_some() || is_perfect;
        assert!(has_interval || figure.without_interval.is_some(), "{figure:?}");
    }
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
    // Both raters together gave 55 of 100 ratings to one class: 1 - 99 * 2 * 15 / (10000 - 55² - 45²).
    close(value(&report, "krippendorff_alpha"), 1.0 - 99.0 * 30.0 / (10_000.0 - 3_025.0 - 2_025.0));
    let agreement = report.figure("agreement").unwrap();
    assert_eq!(agreement.interval, Some(crate::metrics::wilson(35, 50)));
    assert_whole(&report);
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
fn three_right_verdicts_are_no_certainty_and_four_hundred_are_nearly_one() {
    let report = |count: usize| {
        let line = |n: usize| {
            let (verdict, gold) = [("correct", "yes"), ("incorrect", "no")][n % 2];
            label(&format!("r{n}"), verdict, gold)
        };
        sample(&(0..count).map(line).collect::<Vec<_>>()).report(0)
    };
    for name in ["kappa", "ac1", "krippendorff_alpha", "balanced_accuracy", "macro_f1"] {
        let (few, many) = (interval(&report(4), name), interval(&report(400), name));
        assert!(few.low < 0.6 && few.high > 0.999, "{name}: {few:?}");
        assert!(many.low > 0.95, "{name}: {many:?}");
    }
    let scores = |count: usize| {
        let line = |n: usize| score(&format!("r{n}"), f64_of(n % 5), f64_of(n % 5), "x");
        sample(&(0..count).map(line).collect::<Vec<_>>()).report(0)
    };
    for name in ["quadratic_kappa", "krippendorff_alpha"] {
        let (few, many) = (interval(&scores(5), name), interval(&scores(800), name));
        assert!(few.low < 0.2 && many.low > 0.95, "{name}: {few:?} {many:?}");
    }
    let error = interval(&scores(5), "mean_absolute_error");
    assert!(error.low.abs() < 1e-12 && error.high > 1.0, "{error:?}");
    assert_whole(&report(400));
}

fn f64_of(number: usize) -> f64 {
    crate::metrics::real(number)
}

#[test]
fn scores_without_a_verdict_bound_agreement_and_error_by_the_scale() {
    let judged = |id: &str, score: f64, gold: f64| json!({"id": id, "kind": "score", "score": score, "normalized": (score - 1.0) / 4.0, "item": {"answer": "a", "gold": gold}});
    let unread = |id: &str, gold: f64| json!({"id": id, "unreadable": {"reason": "missing", "detail": ""}, "item": {"gold": gold}});
    let lines = [judged("a", 2.0, 2.0), judged("b", 5.0, 4.0), unread("c", 2.0), unread("d", 3.0)];
    let report = sample(&lines).report(9);
    let (agreement, error) = (report.bounds.unwrap(), report.error_bounds.unwrap());
    close(agreement.low, 0.25);
    close(agreement.high, 0.75);
    // The distances 0 and 1; of the others none, or 3 and 2 on the scale from 1 to 5.
    close(error.low, 0.25);
    close(error.high, 6.0 / 4.0);
    let text = report.to_string();
    assert!(
        text.contains("mean absolute error of all labelled records is between 0.250 and 1.500"),
        "{text}"
    );
    // Without two places on the scale, its ends are not known.
    assert_eq!(sample(&[lines[0].clone(), lines[2].clone()]).report(0).error_bounds, None);
}

#[test]
fn probabilities_have_their_figures_with_intervals_and_grades_have_none() {
    let line = |n: usize| {
        let p = 0.05 + 0.9 * f64_of(n % 20) / 20.0;
        let gold = if n * 7 % 20 <= n % 20 { "yes" } else { "no" };
        json!({"id": format!("r{n}"), "kind": "label", "label": if p > 0.5 { "correct" } else { "incorrect" },
            "p": p, "confidence": p.max(1.0 - p), "item": {"answer": "a", "gold": gold, "question": n / 4}})
    };
    let lines: Vec<Value> = (0..200).map(line).collect();
    let report = sample(&lines).report(0);
    for name in ["ece", "brier", "log_loss", "auc"] {
        let figure = report.figure(name).unwrap();
        let interval = interval(&report, name);
        assert!(interval.contains(figure.value.unwrap()), "{figure:?}");
        assert!(interval.width() > 0.01 && interval.width() < 0.5, "{figure:?}");
    }
    assert_whole(&report);
    assert!(report.to_string().contains("probabilities, in bins of equal width"));
    // A score of 1 to 5 predicts no outcome, whatever its lowest label is called.
    let grade = |n: usize| {
        let score = f64_of(n % 5) + 1.0;
        json!({"id": format!("r{n}"), "kind": "score", "score": score, "normalized": (score - 1.0) / 4.0, "item": {"gold": score}})
    };
    let grades = sample(&(0..20).map(grade).collect::<Vec<_>>()).report(0);
    assert!(grades.calibration.is_none() && grades.figure("ece").is_none());
}

/// Answers of questions that are judged alike: ten to each question.
fn alike(n: usize) -> Value {
    let question = n / 10;
    let prefers = if question.is_multiple_of(3) { "second" } else { "first" };
    let mut line =
        pair(&format!("r{n}"), prefers, "A", ("long answer", "x"), !question.is_multiple_of(4));
    line["item"]["question_id"] = json!(question);
    line
}

#[test]
fn every_figure_of_bias_follows_the_clusters() {
    let lines: Vec<Value> = (0..200).map(alike).collect();
    let labels = Labels::new(Some("gold".into()), []);
    let alone = sample(&lines).report(0);
    let together = AgreementSample::new(labels).clustered_by(Some("question_id".into()));
    let together = with(together, &lines).report(0);
    for name in ["consistency", "first_wins", "longer_wins", "own_family_wins", "agreement"] {
        let (narrow, wide) = (interval(&alone, name).width(), interval(&together, name).width());
        assert!(wide > 1.4 * narrow, "{name}: {narrow} and {wide}");
    }
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
    assert_whole(&report);
}

#[test]
fn single_answers_of_the_own_family_may_get_more_than_their_labels() {
    let line = |n: usize| {
        let (author, extra) =
            if n.is_multiple_of(2) { ("gpt-4o-mini", 1.0) } else { ("claude-3", 0.0) };
        let gold = f64_of(n / 2 % 4) + 1.0;
        let noise = f64_of(n % 7 % 2);
        json!({"id": format!("r{n}"), "score": gold + extra + noise, "model": "gpt-4o",
            "item": {"answer": "x".repeat(n + 1), "model": author, "gold": gold}})
    };
    let report = sample(&(0..84).map(line).collect::<Vec<_>>()).report(0);
    let bonus = interval(&report, "own_family_bonus");
    assert!(bonus.contains(1.0) && bonus.low > 0.5 && bonus.high < 1.5, "{bonus:?}");
    assert!(interval(&report, "length_correlation").contains(0.0));
    assert_whole(&report);
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
    assert!(interval(&report, "first_error_f1").width() > 0.3);
    assert_whole(&report);
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

/// A result with the labels of several people.
fn shared(sample: &mut AgreementSample, id: &str, labels: &[(&str, Value)]) {
    for (person, label) in labels {
        sample.label(id.into(), Item::new().set("gold", label.clone()).set("annotator", *person));
    }
}

#[test]
fn the_label_of_most_people_counts_and_a_tie_counts_apart() {
    let mut all = AgreementSample::new(Labels::new(Some("gold".into()), []));
    let people = |labels: [&str; 3]| -> Vec<(&'static str, Value)> {
        ["ada", "bob", "cy"].into_iter().zip(labels.map(|label| json!(label))).collect()
    };
    shared(&mut all, "a", &people(["yes", "correct", "no"]));
    shared(&mut all, "b", &people(["no", "no", "yes"]));
    shared(&mut all, "c", &people(["yes", "yes", "yes"]));
    shared(&mut all, "d", &people(["yes", "no", "no"])[..2]);
    // The last label of a person counts.
    shared(&mut all, "c", &[("cy", json!("no"))]);
    let judged = |id: &str, verdict: &str| json!({"id": id, "kind": "label", "label": verdict, "item": {"answer": "x"}});
    let lines = [
        judged("a", "correct"),
        judged("b", "correct"),
        judged("c", "correct"),
        judged("d", "correct"),
        judged("e", "incorrect"),
    ];
    let report = with(all, &lines).report(9);
    let coverage = &report.coverage;
    assert_eq!((coverage.compared, coverage.without_label), (3, 1));
    let people = coverage.people.unwrap();
    assert_eq!((people.people, people.records, people.tied), (3, 4, 1));
    close(value(&report, "agreement"), 2.0 / 3.0);
    // Pairs of people: 1 of 3 in a, b and c each, and none in d.
    close(value(&report, "people_agreement"), 3.0 / 10.0);
    // The judge says correct: 2, 1, 2 of 3, and 1 of 2.
    close(value(&report, "judge_person_agreement"), 6.0 / 11.0);
    // In a and c: the judge agrees with 1/2, 1/2 and 1 of the others, in b with 1/2, 1/2 and 0.
    close(value(&report, "left_out_judge"), 5.0 / 9.0);
    // In each of the three: 1/2, 1/2 and 0.
    close(value(&report, "left_out_person"), 3.0 / 9.0);
    close(value(&report, "left_out_difference"), 2.0 / 9.0);
    close(value(&report, "judge_advantage"), 9.0 / 9.0);
    let unlike = &report.disagreements[0];
    assert_eq!((unlike.id.as_str(), unlike.label.as_str()), ("b", "no (no, no, yes)"));
    let text = report.to_string();
    assert!(
        text.contains("4 records have the labels of several people, 3 in all; 1 of these records has no most frequent label"),
        "{text}"
    );
}

#[test]
fn people_who_agree_as_by_chance_have_a_kappa_and_an_alpha_near_0() {
    let mut all = AgreementSample::new(Labels::new(Some("gold".into()), []));
    let word = |is: bool| json!(if is { "yes" } else { "no" });
    let mut lines = Vec::new();
    for n in 0..200_usize {
        let id = format!("r{n}");
        // Ada and the judge say the same, and Bob says it in half of the cases.
        shared(&mut all, &id, &[("ada", word(n % 2 == 0)), ("bob", word(n / 2 % 2 == 0))]);
        lines.push(label(&id, if n % 2 == 0 { "correct" } else { "incorrect" }, ""));
    }
    let report = with(all, &lines).report(0);
    assert_eq!(report.coverage.people.unwrap().tied, 100);
    for name in ["people_kappa", "people_alpha"] {
        assert!(value(&report, name).abs() < 0.01, "{name}");
        let interval = interval(&report, name);
        assert!(interval.low < -0.05 && interval.high > 0.05, "{name}: {interval:?}");
    }
    close(value(&report, "judge_person_kappa"), 0.5);
    close(value(&report, "kappa"), 1.0);
    assert_eq!(
        report.figure("left_out_judge"),
        None,
        "two people have no third to be compared with"
    );
    assert_whole(&report);
}

#[test]
fn scores_of_several_people_count_with_their_mean() {
    let mut all = AgreementSample::new(Labels::new(Some("gold".into()), []));
    let mut lines = Vec::new();
    for n in 0..40_usize {
        let (id, low) = (format!("r{n}"), f64_of(n % 3) + 1.0);
        let people = [("ada", json!(low)), ("bob", json!(low + 2.0)), ("cy", json!(low + 1.0))];
        shared(&mut all, &id, &people);
        lines.push(json!({"id": id, "score": low + 1.0, "item": {"answer": "x"}}));
    }
    let report = with(all, &lines).report(0);
    close(value(&report, "mean_absolute_error"), 0.0);
    // The distances 2, 1 and 1 of people; 1, 1 and 0 of the judge.
    close(value(&report, "people_distance"), 4.0 / 3.0);
    close(value(&report, "judge_person_distance"), 2.0 / 3.0);
    assert!(value(&report, "people_judge_alpha") > value(&report, "people_alpha"));
    assert!(value(&report, "left_out_judge") > value(&report, "left_out_person"));
    close(value(&report, "judge_advantage"), 1.0);
    assert!(interval(&report, "left_out_difference").low > 0.0);
    assert_whole(&report);
}

#[test]
fn records_of_one_question_are_one_change_of_a_later_run() {
    let run = |wrong: usize| {
        let lines: Vec<Value> = (0..40)
            .map(|n| {
                let verdict = if n < wrong { "incorrect" } else { "correct" };
                let mut line = label(&format!("r{n}"), verdict, "yes");
                line["item"]["question_id"] = json!(n / 10);
                line
            })
            .collect();
        let labels = Labels::new(Some("gold".into()), []);
        let alone = with(AgreementSample::new(labels.clone()), &lines).report(0);
        let sample = AgreementSample::new(labels).clustered_by(Some("question_id".into()));
        (alone, with(sample, &lines).report(0))
    };
    let (before, after) = (run(0), run(10));
    assert!(after.0.since(&before.0).unwrap().is_drop(), "ten of ten changes for the worse");
    let together = after.1.since(&before.1).unwrap();
    assert!(!together.is_drop(), "one of four questions: {together}");
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
