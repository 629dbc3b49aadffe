//! Rubrics: criteria with weights, faults, requirements and abstentions, in the shapes in which they are
//! published; and what lines, tables, reports, comparisons and rules make of them.

#![cfg(all(feature = "cli", feature = "openai"))]

use std::sync::Arc;

use serde_json::{Value, json};
use tribunal::{
    Completion, ErrorKind, Item, Judge, Prompt, Verdict,
    backend::Script,
    item::Criterion,
    judge::Aggregate,
    request::Message,
    verdict::{Assessment, Reason},
};

use crate::support::{Place, obedient};

/// A record as HealthBench publishes it, with an answer; the points are those of its own test.
fn health() -> Value {
    json!({
        "prompt_id": "h1",
        "prompt": [
            {"role": "user", "content": "My child has a fever."},
            {"role": "assistant", "content": "How old is it?"},
            {"role": "user", "content": "Two months."},
        ],
        "completion": "See a doctor today. Give 500 mg of paracetamol.",
        "rubrics": [
            {"criterion": "Advises to see a doctor today.", "points": 7, "tags": ["axis:accuracy"]},
            {"criterion": "Names warning signs.", "points": 5, "tags": []},
            {"criterion": "Uses plain words.", "points": 10, "tags": []},
            {"criterion": "Names a dose without a weight.", "points": -6, "tags": []},
        ],
        "example_tags": ["theme:context_seeking"],
    })
}

/// Finds a criterion met unless its words hold this text.
fn unless(missing: &'static str, met: &'static str, unmet: &'static str) -> Script {
    Script::answering(move |request| {
        let text = request.messages.last().map(Message::text).unwrap_or_default();
        let asked = text.split("# Rubric item").last().unwrap_or_default().to_owned();
        Ok(Completion::text(if asked.contains(missing) { unmet } else { met }))
    })
}

#[tokio::test]
async fn a_healthbench_record_gets_the_published_score_in_the_published_format() {
    let seen: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let texts = seen.clone();
    let grader = Script::answering(move |request| {
        let text = request.messages.last().map(Message::text).unwrap_or_default();
        let is_met = !text.contains("Names warning signs.");
        texts.lock().unwrap().push(text);
        let reply =
            format!("```json\n{{\"explanation\": \"Looked.\", \"criteria_met\": {is_met}}}\n```");
        Ok(Completion::text(reply))
    });
    let judge = Judge::builder().backend(grader).prompt("health-bench").build().await.unwrap();
    let judgment = judge.judge(&Item::from(health())).await.unwrap();
    let rubric = judgment.rubric().unwrap();
    assert_eq!((judgment.score(), rubric.raw()), (Some(0.5), Some(0.5)), "11 of 22 points");
    assert!((rubric.get("4").unwrap().weight + 6.0).abs() < 1e-9);
    assert_eq!(rubric.count(Assessment::Met), 3);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4, "one call for each criterion");
    let first = seen.iter().find(|text| text.contains("[7] Advises")).unwrap();
    let conversation = "# Conversation\nuser: My child has a fever.\n\nassistant: How old is it?\n\nuser: Two months.\n\nassistant: See a doctor today.";
    assert!(first.contains(conversation), "{first}");
    assert!(seen.iter().any(|text| text.contains("# Rubric item\n[-6] Names a dose")));
}

#[tokio::test]
async fn a_reply_that_is_no_boolean_is_unreadable_and_never_a_number() {
    let grader = Script::always("{\"explanation\": \"?\", \"criteria_met\": \"partly\"}");
    let judge =
        Judge::builder().backend(grader).prompt("health-bench").reasks(0).build().await.unwrap();
    let judgment = judge.judge(&Item::from(health())).await.unwrap();
    assert_eq!(judgment.unreadable().unwrap().reason, Reason::OffScale);
    assert_eq!(judgment.score(), None);
}

#[tokio::test]
async fn what_cannot_be_assessed_is_counted_and_left_out() {
    let grader =
        unless("warning signs", "Verdict: met", "Nothing decides it.\nVerdict: cannot assess");
    let judge = Judge::builder().backend(grader).prompt("rubric-items").build().await.unwrap();
    let item = Item::new().answer("a").set(
        "criteria",
        json!([
            {"name": "doctor", "requirement": "Sends to a doctor", "weight": 3},
            {"name": "signs", "requirement": "Names warning signs", "weight": 5, "required": true},
        ]),
    );
    let judgment = judge.judge(&item).await.unwrap();
    assert_eq!(judgment.score(), Some(1.0));
    assert_eq!(judgment.rubric().unwrap().count(Assessment::CannotAssess), 1);
    assert_eq!(judgment.criteria().unwrap().len(), 1, "it has no number");
    assert_eq!(judgment.pass, Some(false), "a required criterion is not known to be met");
}

#[tokio::test]
async fn a_required_criterion_fails_the_record_whatever_its_score() {
    for (unmet, pass) in [("Is short", true), ("Is right", false)] {
        let grader = unless(unmet, "Verdict: met", "Verdict: unmet");
        let rubric = [
            Criterion::new("Is right").named("facts").required(),
            Criterion::new("Is short").weighing(2.0),
        ];
        let builder = Judge::builder().backend(grader).prompt("rubric-items");
        let judge = builder.rubric(rubric).pass("score >= 0.3").build().await.unwrap();
        let judgment = judge.judge(&Item::new().answer("a")).await.unwrap();
        assert_eq!(judgment.pass, Some(pass), "{unmet}");
        assert!(judgment.rubric().unwrap().get("2").is_some(), "called by its number");
    }
}

#[tokio::test]
async fn a_prompt_may_hold_its_own_rubric_and_a_scale_for_every_criterion() {
    let file = "---\nkind: criteria\neach: criteria\nscale: {min: 1, max: 5}\nverdict: 'Score: *'\n\
        criteria:\n  tone: Is kind.\n  facts: {requirement: Is right., weight: 3}\n---\n\
        user:\n{{ criterion_name }} ({{ weight }}): {{ criterion }} {{ answer }}\nScore: <n>\n";
    let prompt = Prompt::parse("mine", file).unwrap();
    let grader = unless("tone (1): Is kind.", "Score: 5", "Score: 1");
    let builder = Judge::builder().backend(grader).with_prompt(prompt).pass("score >= 0.7");
    let judge = builder.build().await.unwrap();
    let judgment = judge.judge(&Item::new().answer("a")).await.unwrap();
    assert_eq!((judgment.score(), judgment.pass), (Some(0.75), Some(true)));
    assert!((judgment.criteria().unwrap()["facts"] - 5.0).abs() < 1e-9);
    let own = Item::new().answer("a").set("criteria", json!({"brevity": "Is short."}));
    let judgment = judge.judge(&own).await;
    let error = judgment.unwrap_err();
    assert!(error.to_string().contains("needs a score, and no criterion has a weight"), "{error}");
}

#[tokio::test]
async fn the_majority_of_the_draws_decides_and_abstentions_have_no_vote() {
    let verdicts = ["met", "cannot assess", "unmet", "met", "cannot assess"];
    for (draws, expected) in [(5, Assessment::Met), (3, Assessment::CannotAssess)] {
        let grader = Script::answering(move |request| {
            Ok(Completion::text(format!("Verdict: {}", verdicts[request.draw as usize])))
        });
        let builder = Judge::builder().backend(grader).prompt("rubric-items").draws(draws);
        let judge = builder.build().await.unwrap();
        let item = Item::new()
            .answer("a")
            .set("criteria", json!({"tone": {"requirement": "Kind", "weight": 2}}));
        let judgment = judge.judge(&item).await.unwrap();
        let tone = judgment.rubric().unwrap().get("tone").unwrap();
        assert_eq!((tone.verdict, tone.weight), (Some(expected), 2.0), "{draws} draws");
    }
}

#[tokio::test]
async fn under_min_one_vote_against_a_criterion_is_enough() {
    let grader = Script::answering(|request| {
        Ok(Completion::text(if request.draw == 2 { "Verdict: unmet" } else { "Verdict: met" }))
    });
    let builder = Judge::builder().backend(grader).prompt("rubric-items").draws(3);
    let judge = builder.aggregate(Aggregate::Min).build().await.unwrap();
    let item = Item::new().answer("a").set("criteria", json!({"tone": "Kind"}));
    assert_eq!(judge.judge(&item).await.unwrap().score(), Some(0.0));
}

#[tokio::test]
async fn a_tree_is_judged_by_its_leaves_and_comes_to_the_published_score() {
    let tree = json!({"id": "paper", "requirements": "All", "weight": 1, "sub_tasks": [
        {"requirements": "Data", "weight": 1, "sub_tasks": []},
        {"requirements": "Models", "weight": 3, "sub_tasks": [
            {"requirements": "First model", "weight": 2, "sub_tasks": []},
            {"requirements": "Second model", "weight": 1, "sub_tasks": []},
        ]},
    ]});
    let grader = unless("First model", "Verdict: met", "Verdict: unmet");
    let judge = Judge::builder().backend(grader).prompt("rubric-items").build().await.unwrap();
    let inside = Item::new().answer("the code").set("rubric", tree.clone());
    let itself = Item::from(tree).set("answer", "the code");
    for item in [inside, itself] {
        let judgment = judge.judge(&item).await.unwrap();
        assert_eq!(judgment.score(), Some(0.5));
        let weight = judgment.rubric().unwrap().get("2.1").unwrap().weight;
        assert!((weight - 0.5).abs() < 1e-9);
    }
}

#[test]
fn rules_about_criteria_compare_words_and_numbers_and_are_checked_first() {
    let place = Place::new("rubrics-rules");
    let record = json!({"id": "a", "answer": "x", "rubrics": [{"name": "tone", "criterion": "c", "points": 2}]});
    place.file("r.jsonl", format!("{record}\n"));
    let judged = |rule: &str| {
        let judge = ["judge", "r.jsonl", "-m", "script:Verdict: met", "--pass", rule];
        place.run(&judge)
    };
    for (rule, pass) in [
        ("criteria.tone = met", true),
        ("criteria.tone != 'cannot assess' and score >= 0.7", true),
        ("all criteria = met", true),
        ("any criterion = unmet", false),
        ("criteria.tone >= 1", true),
        ("raw > 1", false),
    ] {
        let ran = judged(rule);
        assert_eq!(ran.lines()[0]["pass"], pass, "{rule}: {}", ran.err);
    }
    for (rule, says) in [
        ("score >= 7", "7 is off the scale: `score` is 0 to 1"),
        ("criteria.tone = good", "compared with a number, and `good` is not one"),
        ("criteria.tone > met", "compared with `=` or `!=`"),
        ("first_error = -1", "write it like `score >= 0.7` or `raw >= 0` or `criteria.NAME = met`"),
    ] {
        let ran = judged(rule);
        assert!(ran.code == 2 && ran.err.contains(says), "{rule}: {}", ran.err);
    }
    let unknown = judged("criteria.tune = met");
    assert!(unknown.code == 3 && unknown.err.contains("did you mean `tone`?"), "{}", unknown.err);
}

#[tokio::test]
async fn a_rubric_stands_in_lines_tables_reports_and_comparisons() {
    let place = Place::new("rubrics-surfaces");
    let record = json!({"id": "q1", "question": "Why?", "answer": "So.", "rubrics": [
        {"name": "facts", "criterion": "Is right.", "points": 3, "required": true},
        {"name": "harm", "criterion": "Is harmful.", "points": -2},
    ]});
    place.file("r.jsonl", format!("{record}\n"));
    let kind =
        obedient::server(
            |text| {
                if text.contains("Is harmful.") { "unmet".into() } else { "met".into() }
            },
        )
        .await;
    let args =
        ["judge", "r.jsonl", "--pass", "score >= 0.9", "-o", "kind.jsonl", "--summary", "s.json"];
    let ran = obedient::run(&place, &kind, &args).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("using `rubric-items`, which fits the first record"), "{}", ran.err);
    assert!(ran.err.contains("\n1: 1  facts: mean 1.000  harm: mean 0.000\n"), "{}", ran.err);
    assert!(ran.err.contains("\ncriteria: 1 met, 1 unmet\n"), "{}", ran.err);
    let line: Value =
        serde_json::from_str(place.read("kind.jsonl").lines().next().unwrap()).unwrap();
    assert_eq!(line["kind"], "criteria");
    assert_eq!(line["verdict"], "1 (1 met, 1 unmet)");
    assert_eq!((&line["score"], &line["raw"], &line["pass"]), (&json!(1), &json!(1), &json!(true)));
    assert_eq!(line["criteria"], json!({"facts": 1, "harm": 0}));
    assert_eq!(
        line["rubric"],
        json!([
            {"name": "facts", "verdict": "met", "value": 1, "weight": 3, "required": true},
            {"name": "harm", "verdict": "unmet", "value": 0, "weight": -2},
        ])
    );
    let summary: Value = serde_json::from_str(&place.read("s.json")).unwrap();
    assert_eq!(summary["mean"], json!({"value": 1.0, "lowest": 1.0, "highest": 1.0}));
    assert_eq!(summary["assessed"], json!({"met": 1, "unmet": 1, "cannot assess": 0}));

    let harsh =
        obedient::server(
            |text| {
                if text.contains("Is harmful.") { "met".into() } else { "unmet".into() }
            },
        )
        .await;
    let args = ["judge", "r.jsonl", "--pass", "score >= 0.9", "-o", "t.csv", "--junit", "j.xml"];
    let ran = obedient::run(&place, &harsh, &args).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let table = place.read("t.csv");
    let header = table.lines().next().unwrap();
    assert!(
        header.contains(",score,raw,") && header.ends_with(",criteria.facts,criteria.harm"),
        "{table}"
    );
    assert!(table.trim_end().ends_with(",unmet,met"), "{table}");
    let xml = place.read("j.xml");
    assert!(xml.contains("0 (1 met, 1 unmet) does not meet"), "{xml}");
    assert!(xml.contains("required and not met: `facts`"), "{xml}");
    assert!(xml.contains("value=\"unmet (weight 3, required)\""), "{xml}");

    let args = ["judge", "r.jsonl", "--pass", "score >= 0.9", "-o", "harsh.jsonl"];
    obedient::run(&place, &harsh, &args).await.assert_passed();
    let diff = place.run(&["diff", "kind.jsonl", "harsh.jsonl"]).passed();
    assert!(diff.out.contains("1 (1 met, 1 unmet) → 0 (1 met, 1 unmet)"), "{}", diff.out);
    assert!(diff.out.contains("  facts              met → unmet"), "{}", diff.out);
    assert!(diff.err.contains("criteria: 2 of 2 changed"), "{}", diff.err);
    let again = place.run(&["reparse", "harsh.jsonl", "--pass", "raw >= -1"]).passed();
    let line = &again.lines()[0];
    assert_eq!(line["rubric"][1]["weight"], -2, "{}", again.err);
    assert_eq!((&line["pass"], &line["raw"]), (&json!(false), &json!(-0.666_666_667)));
}

#[test]
fn the_configuration_and_the_command_line_hold_rubrics() {
    let place = Place::new("rubrics-configuration");
    place.file("r.jsonl", "{\"id\": \"a\", \"answer\": \"x\"}\n");
    place.file(
        "rubric.yaml",
        "rubric:\n  sections:\n    - name: Accuracy\n      criteria:\n        - {name: facts, weight: 10.0, requirement: Is right.}\n    - name: Errors\n      criteria:\n        - {weight: -15.0, requirement: Is wrong.}\n",
    );
    place.file("tribunal.toml", "[judge.listed]\ncriterion = [{name = 'facts', requirement = 'Is right.', weight = 10}, {requirement = 'Is wrong.', weight = -15}]\n[judge.named.criterion]\nfacts = {requirement = 'Is right.', weight = 10}\n2 = {requirement = 'Is wrong.', weight = -15}\n[judge.file]\ncriterion = '@rubric.yaml'\n");
    let facts = r#"facts={"requirement": "Is right.", "weight": 10}"#;
    let wrong = r#"2={"requirement": "Is wrong.", "weight": -15}"#;
    let ways: [&[&str]; 5] = [
        &["--criterion", "@rubric.yaml"],
        &["--criterion", facts, "--criterion", wrong],
        &["-j", "listed"],
        &["-j", "named"],
        &["-j", "file"],
    ];
    let mut keys = Vec::new();
    for way in ways {
        let way: Vec<&str> =
            way.iter().map(|arg| if *arg == "-j" { "--judge" } else { arg }).collect();
        let ran =
            place.run(&[&["judge", "r.jsonl", "-m", "script:Verdict: met"], &way[..]].concat());
        assert_eq!(ran.code, 0, "{way:?}: {}", ran.err);
        let line = &ran.lines()[0];
        assert_eq!(line["raw"], -0.5, "{way:?}");
        assert_eq!(line["rubric"][0]["name"], "facts", "{way:?}");
        assert_eq!(line["rubric"][1]["name"], "2", "{way:?}");
        keys.push(line["prompt"]["name"].clone());
    }
    assert!(keys.iter().all(|name| name == "rubric-items"), "{keys:?}");
    let group = |way: &[&str]| {
        let reply = r#"script:{"verdicts": {"facts": "met", "2": "met"}}"#;
        let grouped =
            ["judge", "r.jsonl", "-m", reply, "--criterion", "@rubric.yaml", "--reask", "0"];
        place.run(&[&grouped[..], way].concat())
    };
    for (way, calls) in [(&["--per-call", "2"][..], 1), (&[], 1)] {
        let ran = group(&[&["-p", "rubric-items-grouped"], way].concat());
        assert_eq!(ran.lines()[0]["votes"][0]["calls"].as_array().unwrap().len(), calls);
        assert_eq!(ran.lines()[0]["raw"], -0.5, "{}", ran.err);
    }
    let ran = group(&["-p", "rubric-items-grouped", "--per-call", "1"]);
    assert_eq!(ran.lines()[0]["votes"][0]["calls"].as_array().unwrap().len(), 2, "{}", ran.err);
    let ran = group(&["--per-call", "2"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("-p rubric-items-grouped judges several"), "{}", ran.err);
    place.file("broken.yaml", "- {weight: [\n");
    let ran = place.run(&["judge", "r.jsonl", "-m", "script:x", "--criterion", "@broken.yaml"]);
    assert!(ran.code == 2 && ran.err.contains("not valid YAML or JSON"), "{}", ran.err);
    let ran = place.run(&[
        "judge",
        "r.jsonl",
        "-m",
        "script:x",
        "--criterion",
        r#"a={"requirement": "b", "weight": -1}"#,
    ]);
    assert!(ran.code == 2 && ran.err.contains("no criterion has a weight above 0"), "{}", ran.err);
}

#[test]
fn a_rubric_that_cannot_be_used_fails_its_record_and_says_what_to_do() {
    let place = Place::new("rubrics-hostile");
    let many: Vec<Value> =
        (0..10_000).map(|n| json!({"criterion": n.to_string(), "points": 1})).collect();
    let deep = (0..40).fold(
        json!({"requirements": "leaf"}),
        |inner, _| json!({"requirements": "node", "sub_tasks": [inner]}),
    );
    let cases = [
        (
            json!([{"criterion": "x", "points": "many"}]),
            "the weight of the criterion `1` is the text `many`",
        ),
        (json!([{"criterion": "x", "points": null}]), "the weight of the criterion `1` is null"),
        (
            json!([{"criterion": "x", "points": 1e308}, {"criterion": "y", "points": 1e308}]),
            "add up to infinity",
        ),
        (json!([{"criterion": "x", "points": -1}]), "no criterion has a weight above 0"),
        (json!([{"criterion": "x", "points": 0}]), "no criterion has a weight above 0"),
        (
            json!([{"name": "a", "criterion": "x"}, {"name": "a", "criterion": "y"}]),
            "the record names the criterion `a` twice",
        ),
        (json!([{"points": 3}]), "the criterion `1` has no requirement"),
        (many.into(), "more than 2000 criteria"),
        (json!({"rubric": deep}), "nested more than 32 deep"),
    ];
    let mut records = String::new();
    for (n, (rubrics, _)) in cases.iter().enumerate() {
        records +=
            &format!("{}\n", json!({"id": n.to_string(), "answer": "a", "rubrics": rubrics}));
    }
    records += &format!(
        "{}\n",
        json!({"id": "good", "answer": "a", "rubrics": [{"criterion": "x", "points": 2}]})
    );
    place.file("r.jsonl", records);
    let ran = place.run(&["judge", "r.jsonl", "-p", "rubric-items", "-m", "script:Verdict: met"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let lines = ran.lines();
    for ((_, says), line) in cases.iter().zip(&lines) {
        let message = line["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(says), "{says}: {line}");
        assert!(!line["error"]["hints"].as_array().unwrap().is_empty(), "{line}");
    }
    assert_eq!(lines.last().unwrap()["score"], 1);
}

#[test]
fn lines_of_a_rubric_are_read_back_as_they_were_written() {
    let place = Place::new("rubrics-lines");
    place.file("r.jsonl", format!("{}\n", health()));
    let ran = place.run(&["judge", "r.jsonl", "-m", "script:Verdict: met"]);
    let line = tribunal::line::ResultLine::read(ran.out.trim()).unwrap();
    let judgment = tribunal::Judgment::try_from(line).unwrap();
    let Ok(Verdict::Rubric(rubric)) = &judgment.verdict else { panic!("{judgment:?}") };
    assert_eq!(rubric.raw(), Some(0.727_272_727));
    assert_eq!(judgment.votes[0].outcome.verdict().unwrap().score(), rubric.score());
    let error = Prompt::parse("p", "---\nkind: score\ncriteria: {a: b}\nscale: 1-5\nverdict: 'S: *'\n---\nuser:\n{{ answer }} S: <n>\n").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Prompt);
    assert!(error.to_string().contains("`criteria` needs `kind: criteria`"), "{error}");
}
