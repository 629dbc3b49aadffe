//! `tribunal agree` on files of results, and rules on figures in `agree` and `judge`.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

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
    // What no result could keep is refused before anything is printed.
    let refused = under(&["quadratic_kappa>=0.5"]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{}", refused.err);
    let why = "`quadratic_kappa` is a figure of verdicts that are numbers, not of `label`";
    assert!(refused.err.contains(why), "{}", refused.err);
    // A figure that these verdicts may have, and these do not.
    let undefined = under(&["auc>=0.5@lower"]);
    assert_eq!(undefined.code, 1);
    assert!(undefined.err.contains("gate failed: auc is not defined"), "{}", undefined.err);
    let unknown = under(&["kapa>=0.9"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("unknown figure `kapa`"), "{}", unknown.err);
}

#[test]
fn a_rule_that_is_misspelt_is_refused_with_what_was_probably_meant() {
    let place = Place::new("agree-misspelt");
    results(&place, "v.jsonl", 4);
    for (rule, hint) in [
        ("agreement>=90", "if 90 percent is meant, write 'agreement>=0.9'"),
        ("kappa>=60@lower", "if 60 percent is meant, write 'kappa>=0.6@lower'"),
        ("unreadable_rate<=5", "if 5 percent is meant, write 'unreadable_rate<=0.05'"),
        ("recall.correct>=80", "if 80 percent is meant, write 'recall.correct>=0.8'"),
        ("mean_absolute_error<=10%", "is a figure of verdicts that are numbers"),
        ("90", "if 90 percent is meant, write 0.9 or 90%"),
        ("agreement=>0.9", "write 'agreement>=0.9'"),
        ("0.9<=agreement", "the name comes first: 'agreement>=0.9'"),
        ("agreement", "a shell takes > as a redirection: put the rule in quotes"),
        ("accuracy>=0.9", "did you mean `agreement`?"),
        ("Agreement>=0.9", "did you mean `agreement`?"),
        ("cost<=1", "give the rule to `tribunal judge`"),
        ("zzz>=0.9", "there are `agreement`, `base_rate`"),
    ] {
        let ran = agree(&place, &["--fail-under", rule]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{rule}: {}", ran.err);
        assert!(ran.err.contains(hint), "{rule}: {}", ran.err);
        assert!(ran.err.matches("`kappa`").count() < 2, "names are listed once: {}", ran.err);
    }
    for rule in ["agreement>=85%", "kappa>=60%", "agreement≥0.85"] {
        assert_eq!(agree(&place, &["--fail-under", rule]).code, 0, "{rule}");
    }
    // A label that no record has may occur in another run.
    let other = agree(&place, &["--fail-under", "recall.corect>=0.5"]);
    assert_eq!(other.code, 1);
    assert!(other.err.contains("did you mean `recall.correct`?"), "{}", other.err);
}

#[test]
fn a_run_of_judge_refuses_a_misspelt_rule_before_it_asks() {
    let place = Place::new("judge-misspelt");
    for (rule, hint) in [
        ("pass_rate>=95", "write 'pass_rate>=0.95'"),
        ("coverage>=99", "write 'coverage>=0.99'"),
        ("mean>=80%", "write the number itself, without %"),
        ("cost<=-1", "`cost` is never below 0"),
    ] {
        let more = ["--pass", "score >= 5", "--fail-under", rule];
        let ran = judge(&place, "script:Score: 7", &more);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{rule}: {}", ran.err);
        let is_priced = rule.starts_with("cost") && ran.err.contains("needs the price");
        assert!(ran.err.contains(hint) || is_priced, "{rule}: {}", ran.err);
    }
}

#[test]
fn a_baseline_of_another_kind_of_verdict_is_refused() {
    let place = Place::new("agree-kinds");
    results(&place, "v.jsonl", 4);
    let score = |n: usize| {
        let line = json!({"id": format!("r{n}"), "score": n % 2, "item": {"gold": n % 2}});
        format!("{line}\n")
    };
    place.file("scores.jsonl", (0..40).map(score).collect::<String>());
    let ran = agree(&place, &["--baseline", "scores.jsonl"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    let why =
        "the baseline has verdicts of the kind `score`, and these results of the kind `label`";
    assert!(ran.err.contains(why), "{}", ran.err);
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
        "dee            20  not tested: fewer than 30 records",
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
    assert!(
        near.out.contains("against the baseline (the first): only the first: 2"),
        "{}",
        near.out
    );
    place.file(
        "other.jsonl",
        "{\"id\": \"z\", \"label\": \"correct\", \"item\": {\"gold\": \"yes\"}}\n",
    );
    assert_eq!(agree(&place, &["--baseline", "other.jsonl"]).code, 2);
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
fn a_run_of_judge_keeps_rules_on_intervals_of_its_agreement_with_labels() {
    let place = Place::new("judge-intervals");
    let record = |n: usize| {
        let label = if n.is_multiple_of(3) { "no" } else { "yes" };
        format!(
            "{}\n",
            json!({"id": format!("r{n}"), "question": "q", "answer": "a", "label": label})
        )
    };
    place.file("words.jsonl", (0..30).map(record).collect::<String>());
    let prompt = "---\nkind: label\nfields: {answer: required}\nscale: {labels: {correct: 1, incorrect: 0}}\nverdict: 'Verdict: *'\n---\n{{ answer }}\nWrite `Verdict: correct` or `Verdict: incorrect`.\n";
    place.file("p.jinja", prompt);
    let words = |more: &[&str]| {
        let args = ["judge", "words.jsonl", "-p", "p.jinja", "-m", "script:Verdict: correct", "-q"];
        place.run(&[&args, more].concat())
    };
    let kept = ["--fail-under", "recall.correct>=0.8@lower,balanced_accuracy>=0.5,ac1>=0.2@lower"];
    let ran = words(&kept);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let low = words(&["--fail-under", "kappa>=0.1@lower"]);
    assert_eq!(low.code, 1);
    // A judge that always says the same has the kappa 0 in every sample.
    assert!(low.err.contains("gate failed: kappa has no interval"), "{}", low.err);
    // Records without their texts have the same figures.
    assert_eq!(words(&[&kept[..], &["--no-item"]].concat()).code, 0);
    for (rule, why) in [
        ("pearson>=0.5", "`pearson` is a figure of verdicts that are numbers, not of `label`"),
        ("cost<=1", "the rule cost<=1 needs the price of the model"),
        ("cost_per_record<=1@upper", "needs the price of the model"),
    ] {
        let refused = words(&["--fail-under", rule]);
        assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{rule}: {}", refused.err);
        assert!(refused.err.contains(why), "{rule}: {}", refused.err);
    }
    let near = ["--fail-under", "mean_absolute_error<=2@upper,within_1>=0.7@lower"];
    let scores = judge(&place, "script:Score: 6", &near);
    assert_eq!(scores.code, 0, "{}", scores.err);
}

#[test]
fn costs_are_sums_and_costs_of_records_have_intervals() {
    let place = Place::new("judge-costs");
    place.file(
        "tribunal.toml",
        "[defaults]\nmodel = \"m\"\n[model.m]\nname = \"script:Score: 6\"\nprice = { prompt = 1.0, completion = 2.0 }\n",
    );
    let record =
        |n: usize| format!("{}\n", json!({"id": format!("r{n}"), "answer": "a ".repeat(n + 1)}));
    place.file("r.jsonl", (0..12).map(record).collect::<String>());
    let judge = |rule: &str| {
        place.run(&["judge", "r.jsonl", "-p", "score", "-j", "1", "--fail-under", rule])
    };
    let refused = judge("cost<=1@upper");
    assert_eq!((refused.code, refused.out.as_str()), (2, ""), "{}", refused.err);
    assert!(
        refused.err.contains("`cost` has no interval: it is what was spent")
            && refused.err.contains("'cost<=1'"),
        "{}",
        refused.err
    );
}

#[test]
fn a_baseline_that_no_verdict_could_be_worse_than_is_refused_before_anything_is_judged() {
    let place = Place::new("judge-baseline-kind");
    place.file("labels.jsonl", "{\"id\": \"r0\", \"verdict\": \"good\"}\n");
    place.file("scores.jsonl", "{\"id\": \"r0\", \"score\": 7}\n");
    place.file("empty.jsonl", "");
    place.file("pairs.jsonl", "{\"question\": \"q\", \"chosen\": \"a\", \"rejected\": \"b\"}\n");
    let refused = |ran: Ran, why: &str| {
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{why}: {}", ran.err);
        assert!(ran.err.contains(why), "{}", ran.err);
    };
    let seven = |baseline: &str| judge(&place, "script:Score: 7", &["--baseline", baseline]);
    refused(seven("labels.jsonl"), "the verdicts of the baseline are neither passes nor numbers");
    refused(seven("empty.jsonl"), "the baseline has no verdict");
    let args =
        ["judge", "pairs.jsonl", "-p", "pair", "-m", "script:A", "--baseline", "scores.jsonl"];
    refused(place.run(&args), "the verdicts are neither passes nor numbers");
    assert_eq!(seven("scores.jsonl").code, 0);
    // One record of twelve that got one point less may be chance.
    place.file("scores.jsonl", "{\"id\": \"r0\", \"score\": 8}\n");
    let one = seven("scores.jsonl");
    assert_eq!(one.code, 0, "{}", one.err);
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

/// The same results, of which the answers from `from` on are unreadable.
fn unreadable(place: &Place, name: &str, from: usize) {
    results(place, name, 0);
    let lines = place.read(name);
    let line = |(n, line): (usize, &str)| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if n >= from {
            let fields = line.as_object_mut().unwrap();
            for key in ["kind", "verdict", "label"] {
                fields.remove(key);
            }
            line["unreadable"] = json!({"reason": "missing", "detail": ""});
        }
        format!("{line}\n")
    };
    place.file(name, lines.lines().enumerate().map(line).collect::<String>());
}

#[test]
fn a_judge_whose_answers_can_no_longer_be_read_is_worse_than_the_baseline() {
    let place = Place::new("agree-unreadable");
    results(&place, "old.jsonl", 2);
    unreadable(&place, "v.jsonl", 30);
    let dropped = agree(&place, &["--baseline", "old.jsonl"]);
    assert_eq!(dropped.code, 1, "{}", dropped.err);
    let says = "gate failed: fewer records have a verdict than in the baseline (only the first: 10, only the second: 0";
    assert!(dropped.err.contains(says), "{}", dropped.err);
    unreadable(&place, "v.jsonl", 38);
    let near = agree(&place, &["--baseline", "old.jsonl"]);
    assert_eq!(near.code, 0, "{}", near.err);
    let says = "records with a verdict in one run alone: only the first: 2, only the second: 0";
    assert!(near.out.contains(says), "{}", near.out);
    assert_eq!(judge(&place, "script:Score: 7", &["-o", "old-scores.jsonl"]).code, 0);
    let nothing = judge(&place, "script:Fine.", &["--baseline", "old-scores.jsonl"]);
    assert_eq!(nothing.code, 1, "{}", nothing.err);
    assert!(nothing.err.contains("fewer records have a verdict"), "{}", nothing.err);
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
