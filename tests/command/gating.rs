//! Rules on figures and baselines in `tribunal agree` and `tribunal judge`: they decide the exit code.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use super::agreeing::{agree, results};
use crate::support::{Place, Ran};
use serde_json::{Value, json};

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
