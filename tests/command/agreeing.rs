//! `tribunal agree` on files of results.

#![cfg(feature = "cli")]

use crate::support::{Place, Ran};
use serde_json::{Value, json};

/// Results of a judge of answers; of 40 answers, the first `wrong` are judged as they are not.
pub(crate) fn results(place: &Place, name: &str, wrong: usize) {
    let line = |n: usize| {
        let is_right = n.is_multiple_of(2);
        let verdict = if is_right == (n >= wrong) { "correct" } else { "incorrect" };
        let line = json!({"v": 1, "id": format!("r{n}"), "index": n, "kind": "label", "verdict": verdict, "label": verdict,
            "critique": format!("because {n}"), "model": "m", "prompt": {"name": "x", "hash": "h", "reading": "r"},
            "item": {"answer": "x".repeat(n + 1), "question_id": n / 4, "gold": if is_right { "yes" } else { "no" }}});
        format!("{line}\n")
    };
    place.file(name, (0..40).map(line).collect::<String>());
}

pub(crate) fn agree(place: &Place, more: &[&str]) -> Ran {
    place.run(&[&["agree", "v.jsonl", "--label", "gold"], more].concat())
}

#[test]
fn a_judge_is_compared_with_people() {
    let place = Place::new("agree-people");
    results(&place, "v.jsonl", 4);
    let ran = agree(&place, &["--show", "2"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for words in [
        "40 of 40 records compared with `gold`",
        "agreement                         0.900  0.769 to 0.960     40",
        "most frequent label               0.500",
        "labels in rows, verdicts in columns",
        "classes that occur: 2 in labels, 2 in verdicts, of 2",
        "disagreements, 2 of 4",
        "because 0",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(!ran.out.contains("because 2"), "{}", ran.out);
    let figures: Value = serde_json::from_str(&agree(&place, &["--json"]).out).unwrap();
    assert_eq!(figures["figures"]["agreement"]["value"], 0.9);
    assert_eq!(figures["figures"]["kappa"]["value"], 0.8);
    assert_eq!(figures["confusion"]["rows_are_labels"], json!([[18, 2], [2, 18]]));
    let clustered = agree(&place, &["--cluster", "question_id", "--json"]);
    let clustered: Value = serde_json::from_str(&clustered.out).unwrap();
    assert_eq!(clustered["clusters"], 10);
    let absent = agree(&place, &["--cluster", "question"]);
    assert!(
        absent.code == 2 && absent.err.contains("--cluster: the record has no field `question`"),
        "{}",
        absent.err
    );
}

#[test]
fn labels_of_another_file_are_joined_by_id() {
    let place = Place::new("agree-labels");
    results(&place, "v.jsonl", 0);
    let labels =
        (0..10).map(|n| format!("{}\n", json!({"id": format!("r{n}"), "person": "correct"})));
    place.file("people.jsonl", labels.collect::<String>());
    let ran =
        place.run(&["agree", "v.jsonl", "--labels", "people.jsonl", "--label", "person", "--json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["compared"], &report["without_label"]), (&json!(10), &json!(30)));
    assert_eq!(report["figures"]["agreement"]["value"], 0.5);
    let none = place.run(&["agree", "v.jsonl", "--label", "nothing"]);
    assert_eq!(none.code, 2);
    assert!(
        none.err.contains("nothing to compare") && none.err.contains("--labels FILE"),
        "{}",
        none.err
    );
    // Labels that mean no verdict need a meaning, and a file without results other results.
    place.file("odd.jsonl", format!("{}\n", json!({"id": "r1", "person": "banana"})));
    let odd = place.run(&["agree", "v.jsonl", "--labels", "odd.jsonl", "--label", "person"]);
    assert!(odd.code == 2 && odd.err.contains("--label-map WORD=MEANING"), "{}", odd.err);
    place.file("broken.jsonl", "{\"score\": NaN}\n");
    let broken = place.run(&["agree", "broken.jsonl"]);
    assert!(
        broken.err.contains("tribunal judge") && !broken.err.contains("--labels FILE"),
        "{}",
        broken.err
    );
}

#[test]
fn results_without_a_verdict_are_not_blamed_on_the_name_of_the_label() {
    let place = Place::new("agree-unreadable");
    let line = |n: usize| {
        let why = json!({"reason": "missing", "detail": ""});
        format!("{}\n", json!({"id": format!("r{n}"), "unreadable": why, "item": {"gold": "yes"}}))
    };
    place.file("v.jsonl", (0..5).map(line).collect::<String>());
    let ran = agree(&place, &[]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("5 unreadable") && ran.err.contains("says why in `unreadable`"),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("--label FIELD"), "{}", ran.err);
    for command in ["estimate", "calibrate"] {
        let ran = place.run(&[command, "v.jsonl", "--label", "gold"]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains("none of 5 results has a verdict"), "{command}: {}", ran.err);
    }
}

#[test]
fn the_judge_beside_each_person_decides_whether_it_may_take_the_place_of_one() {
    let place = Place::new("agree-alternative");
    results(&place, "v.jsonl", 4);
    let line = |n: usize, name: &str, every: usize| {
        let is_right = n.is_multiple_of(2) != (n + 1).is_multiple_of(every);
        let label = if is_right { "correct" } else { "incorrect" };
        format!("{}\n", json!({"id": format!("r{n}"), "label": label, "annotator": name}))
    };
    let of = |name, every, count| (0..count).map(|n| line(n, name, every)).collect::<String>();
    place.file(
        "labels.jsonl",
        of("ada", 4, 40) + &of("bob", 5, 40) + &of("cy", 3, 40) + &of("dee", 9, 20),
    );
    let people = |more: &[&str]| {
        place.run(&[&["agree", "v.jsonl", "--labels", "labels.jsonl"], more].concat())
    };
    let ran = people(&["--epsilon", "0.1"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for words in [
        "alternative annotator test, epsilon 0.1",
        "dee            20      -       -           -  not tested\nnot tested: fewer than 30 records",
        "the judge wins against 2 of 3: it may take the place of a person",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let report: Value = serde_json::from_str(&people(&["--json"]).out).unwrap();
    let test = &report["alternative_annotator_test"];
    assert_eq!((&test["epsilon"], test["people"].as_array().unwrap().len()), (&json!(0.2), 4));
    assert_eq!(test["people"][3]["judge_wins"], Value::Null);
    assert_eq!(people(&["--fail-under", "winning_rate>=0.5"]).code, 0);
    let end = people(&["--fail-under", "winning_rate>=0.5@lower"]);
    assert!(
        end.code == 2 && end.err.contains("it counts the tests that the judge wins"),
        "{}",
        end.err
    );
    for wrong in ["1", "-0.1", "20%", "NaN"] {
        let ran = people(&[&format!("--epsilon={wrong}")]);
        assert!(ran.code == 2 && ran.err.contains("from 0 to less than 1"), "{wrong}: {}", ran.err);
    }
}

#[test]
fn the_number_of_values_that_a_judge_uses_has_no_interval() {
    let place = Place::new("agree-levels");
    let line = |n: usize| {
        let line = json!({"id": format!("r{n}"), "score": 1 + n % 3, "item": {"gold": 1 + n % 5}});
        format!("{line}\n")
    };
    place.file("v.jsonl", (0..30).map(line).collect::<String>());
    assert_eq!(agree(&place, &["--fail-under", "levels_of_verdicts>=3"]).code, 0);
    let refused = agree(&place, &["--fail-under", "levels_of_verdicts>=3@lower"]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(
        refused.err.contains("`levels_of_verdicts` has no interval: it counts the values")
            && refused.err.contains("compare its value: 'levels_of_verdicts>=3'"),
        "{}",
        refused.err
    );
    let kept = agree(&place, &["--fail-under", "krippendorff_alpha>=-0.9@lower"]);
    assert_eq!(kept.code, 0, "{}", kept.err);
}

#[test]
fn the_labels_of_several_people_are_compared_with_each_other_and_with_the_judge() {
    let place = Place::new("agree-several");
    results(&place, "v.jsonl", 4);
    // Ada never errs, Bob errs in every fifth record, and Cy in every third.
    let line = |n: usize, name: &str, every: usize| {
        let is_right = n.is_multiple_of(2) != (n + 1).is_multiple_of(every);
        let label = if is_right { "correct" } else { "incorrect" };
        format!("{}\n", json!({"id": format!("r{n}"), "label": label, "annotator": name}))
    };
    let all = |people: &[(&str, usize)]| -> String {
        let of = |(name, every): &(&str, usize)| (0..40).map(|n| line(n, name, *every)).collect();
        people.iter().map(of).collect::<Vec<String>>().concat()
    };
    place.file("labels.jsonl", all(&[("ada", 1_000), ("bob", 5), ("cy", 3)]));
    let people = |more: &[&str]| {
        place.run(&[&["agree", "v.jsonl", "--labels", "labels.jsonl"], more].concat())
    };
    let ran = people(&[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for words in [
        "40 records have the labels of several people, 3 in all",
        "agreement of two people",
        "Fleiss' kappa of people",
        "a person left out, to the others",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let report: Value = serde_json::from_str(&people(&["--json"]).out).unwrap();
    assert_eq!(report["people"], json!({"people": 3, "records": 40, "tied": 0}));
    // Bob errs in 8 of 40 and Cy in 13, both of them in 2. Where one of three errs, two of three pairs differ, and where
    // two err in the same way, too.
    let apart = 2.0 * (6.0 + 11.0 + 2.0);
    let found = report["figures"]["people_agreement"]["value"].as_f64().unwrap();
    assert!((found - (120.0 - apart) / 120.0).abs() < 1e-9, "{found}");
    assert_eq!(people(&["--fail-under", "judge_advantage>=0.5@lower"]).code, 0);
    // Of two people who differ, neither has the most frequent label.
    place.file("labels.jsonl", all(&[("ada", 1_000), ("bob", 5)]));
    let two = people(&[]);
    assert!(
        two.out.starts_with("32 of 40 records compared")
            && two.out.contains("8 of these records have no most frequent label")
            && two.out.contains("Cohen's kappa of two people"),
        "{}",
        two.out
    );
}

#[test]
fn results_are_not_labels_of_themselves() {
    let place = Place::new("agree-itself");
    results(&place, "v.jsonl", 4);
    for command in ["agree", "estimate"] {
        let ran = place.run(&[command, "v.jsonl", "--labels", "v.jsonl"]);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains("--labels names the results"), "{}", ran.err);
        let absent = place.run(&[command, "v.jsonl", "--labels", "absent.csv"]);
        assert_eq!(absent.code, 3, "{}", absent.err);
        assert_eq!(absent.err.matches("error: ").count(), 1, "{}", absent.err);
    }
}

#[test]
fn a_file_of_something_else_is_refused_in_a_few_words() {
    let place = Place::new("agree-table");
    place.file("v.csv", "id,score\n".to_owned() + &"q,1\n".repeat(50));
    let ran = place.run(&["agree", "v.csv"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("51 lines could not be read"), "{}", ran.err);
    assert!(ran.err.lines().count() < 20, "{}", ran.err);
}

#[test]
fn numbers_beyond_every_scale_keep_columns_narrow() {
    let place = Place::new("agree-large");
    let lines = [(1e308, 2.0), (-1e308, 1e300), (3.0, 3.0), (4.0, 4.0)];
    let line = |(n, (gold, score)): (usize, (f64, f64))| {
        json!({"id": n.to_string(), "score": score, "item": {"gold": gold}}).to_string()
    };
    let all: Vec<String> = lines.into_iter().enumerate().map(line).collect();
    place.file("v.jsonl", all.join("\n"));
    let ran = agree(&place, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains("inf") && !ran.out.contains("NaN"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.len() < 120), "{}", ran.out);
}

#[test]
fn a_wrong_value_of_a_flag_has_the_hints_of_its_error() {
    let place = Place::new("agree-flag");
    results(&place, "v.jsonl", 0);
    for (window, says) in [("1", "a window of 1 answers"), ("4:4", "moves by 4")] {
        let ran = place.run(&["rank", "v.jsonl", "-p", "rank", "--window", window]);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(ran.err.contains(says), "{}", ran.err);
        assert!(ran.err.contains("hint: write how many answers are ranked at once"), "{}", ran.err);
    }
    place.file("r.jsonl", r#"{"question": "q", "answers": ["a", "b"]}"#);
    let judge = ["rank", "r.jsonl", "-m", "script:Score: 3", "-p", "score"];
    let ran = place.run(&[&judge[..], &["--plan", "--chart", "plan.png"]].concat());
    assert!(ran.code == 2 && ran.err.contains("ends in .svg"), "{}", ran.err);
}
