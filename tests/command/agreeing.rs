//! `tribunal agree` on files of results, and rules on figures in `agree` and `judge`.

#![cfg(feature = "cli")]

use crate::support::{Place, Ran};
use serde_json::{Value, json};

/// Results of a judge of answers; of 40 answers, the first `wrong` are judged as they are not.
fn results(place: &Place, name: &str, wrong: usize) {
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

fn agree(place: &Place, more: &[&str]) -> Ran {
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
}

#[test]
fn rules_on_figures_decide_the_exit_code() {
    let place = Place::new("agree-rules");
    results(&place, "v.jsonl", 4);
    let under = |rules: &[&str]| {
        let flags: Vec<&str> = rules.iter().flat_map(|rule| ["--fail-under", rule]).collect();
        agree(&place, &flags)
    };
    assert_eq!(under(&["0.9", "kappa>=0.7", "unreadable_rate<=1%"]).code, 0);
    let low = under(&["agreement>=0.85@lower", "kappa>=0.9"]);
    assert_eq!(low.code, 1);
    for words in [
        "gate failed: the lower end of agreement is 0.769; the rule is agreement>=0.85@lower",
        "gate failed: kappa is 0.800; the rule is kappa>=0.9",
    ] {
        assert!(low.err.contains(words), "{}", low.err);
    }
    let unknown = under(&["kapa>=0.9"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("unknown figure `kapa`"), "{}", unknown.err);
}

#[test]
fn a_significant_drop_since_an_earlier_run_fails() {
    let place = Place::new("agree-baseline");
    results(&place, "old.jsonl", 2);
    results(&place, "v.jsonl", 14);
    let dropped = agree(&place, &["--baseline", "old.jsonl"]);
    assert_eq!(dropped.code, 1, "{}", dropped.err);
    assert!(
        dropped.err.contains("less than in the baseline (only the first: 12, only the second: 0"),
        "{}",
        dropped.err
    );
    results(&place, "v.jsonl", 4);
    let near = agree(&place, &["--baseline", "old.jsonl"]);
    assert_eq!(near.code, 0, "{}", near.err);
    assert!(near.out.contains("against the baseline: only the first: 2"), "{}", near.out);
    place.file(
        "other.jsonl",
        "{\"id\": \"z\", \"label\": \"correct\", \"item\": {\"gold\": \"yes\"}}\n",
    );
    assert_eq!(agree(&place, &["--baseline", "other.jsonl"]).code, 2);
}

/// Twelve records, judged with these answers of a script in turn.
fn judge(place: &Place, answers: &str, more: &[&str]) -> Ran {
    let record =
        |n: usize| format!("{}\n", json!({"id": format!("r{n}"), "answer": "a", "label": 7}));
    place.file("r.jsonl", (0..12).map(record).collect::<String>());
    place.run(&[&["judge", "r.jsonl", "-m", answers, "-p", "score", "-j", "1"], more].concat())
}

#[test]
fn a_run_of_judge_keeps_rules_on_any_of_its_figures() {
    let place = Place::new("judge-rules");
    let seven = "script:Score: 7";
    let kept = [
        "--fail-under",
        "agreement>=0.7@lower",
        "--fail-under",
        "mean>=6,coverage>=1,unreadable_rate<=0",
    ];
    assert_eq!(judge(&place, seven, &kept).code, 0);
    let low = judge(&place, "script:Score: 5", &kept);
    assert_eq!(low.code, 1);
    assert!(low.err.contains("gate failed: mean is 5.000; the rule is mean>=6"), "{}", low.err);
    assert!(low.err.contains("gate failed: the lower end of agreement is 0.000"), "{}", low.err);
    let unknown = judge(&place, seven, &["--fail-under", "meen>=6"]);
    assert!(unknown.code == 2 && unknown.err.contains("did you mean `mean`?"), "{}", unknown.err);
    assert_eq!(unknown.out, "", "nothing was judged");
    place.file("tribunal.toml", "[defaults]\nfail_under = ['mean>=6', 'spearman>=0.5']\n");
    let undefined = judge(&place, seven, &[]);
    assert_eq!(undefined.code, 1);
    assert!(undefined.err.contains("gate failed: spearman is not defined"), "{}", undefined.err);
}

#[test]
fn a_run_of_judge_is_compared_with_an_earlier_one() {
    let place = Place::new("judge-baseline");
    assert_eq!(judge(&place, "script:Score: 7", &["-o", "old.jsonl"]).code, 0);
    let lower = judge(&place, "script:Score: 6", &["--baseline", "old.jsonl"]);
    assert_eq!(lower.code, 1);
    assert!(
        lower.err.contains("worse than in the baseline (mean difference -1.000"),
        "{}",
        lower.err
    );
    assert_eq!(judge(&place, "script:Score: 8", &["--baseline", "old.jsonl"]).code, 0);
    // A table is no file of lines, and is refused before anything is asked.
    let refused = judge(&place, "script:Score: 8", &["--baseline", "r.csv"]);
    assert!(refused.code == 2 && refused.out.is_empty(), "{}", refused.err);
}
