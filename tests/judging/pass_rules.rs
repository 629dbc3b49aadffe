//! What passes: rules that fit the verdict, and a probability that means one thing.

#![cfg(all(feature = "cli", feature = "openai", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::{Place, Ran, Reply, Server};
use serde_json::{Value, json};
use tribunal::{
    Completion, Item, Judge, Judgment, Prompt, Result, Verdict,
    aggregate::Aggregate,
    backend::{Script, from_fn},
    completion::Distribution,
    error::Error,
    pass::Pass,
    prompt::Order,
    request::{Ask, Request},
    verdict::{Preference, Reason},
};

fn prompt(keys: &str, body: &str) -> Prompt {
    Prompt::parse("p", &format!("---\n{keys}\n---\n{body}")).unwrap()
}

fn refusal(keys: &str, body: &str) -> String {
    format!("{:?}", Prompt::parse("p", &format!("---\n{keys}\n---\n{body}")).unwrap_err())
}

const FREE: &str = "kind: label\nverdict: 'Label: *'";
const SCORE: &str = "kind: score\nscale: {min: 1, max: 10}\nverdict: 'Score: *'";
const LABEL: &str = "kind: label\nscale: {labels: {kind: 1, unkind: 0}}\nverdict: 'Label: *'";
const PICK: &str = "kind: label\nverdict: {choose: v, values: {'Yes': correct, 'No': incorrect}}";
const CRITERIA: &str =
    "kind: criteria\neach: criteria\nscale: {min: 1, max: 5}\nverdict: 'Score: *'";
const PAIR: &str = "kind: preference\nscale: [first, second, tie]\nverdict: {pattern: '[[*]]', values: {'A': first, 'B': second, 'C': tie}}";
const STEPS: &str = "kind: steps\nverdict: '\\boxed{*}'";
const ASK: &str = "user:\n{{ answer }}";
const CHOOSE: &str = "user:\n{{ answer }}\nassistant:\nRight? {{ choose('v', ['Yes', 'No']) }}";

async fn built(prompt: Prompt, script: Script, rule: &str) -> Result<Judge> {
    Judge::builder().backend(script).with_prompt(prompt).pass(rule).reasks(0).build().await
}

async fn judged(prompt: Prompt, said: &str, rule: &str) -> Judgment {
    let judge = built(prompt, Script::always(said), rule).await.unwrap();
    judge.judge(&Item::new().answer("a")).await.unwrap()
}

async fn refused(keys: &str, body: &str, rule: &str) -> String {
    let error = built(prompt(keys, body), Script::always("x"), rule).await.unwrap_err();
    format!("{error:?}")
}

/// Picks a label with these probabilities.
fn picking(yes: f64, no: f64) -> Script {
    Script::answering(move |request| {
        let Ask::Choose { labels } = &request.ask else { return Ok(Completion::text("Hm.")) };
        let all = labels.iter().cloned().zip([yes, no]).collect();
        let distribution = Distribution::new(all);
        let label = labels[usize::from(no > yes)].clone();
        Ok(Completion::text(label).distribution(distribution))
    })
}

async fn picked(keys: &str, yes: f64, no: f64) -> Judgment {
    let judge =
        Judge::builder().backend(picking(yes, no)).with_prompt(prompt(keys, CHOOSE)).reasks(0);
    judge.build().await.unwrap().judge(&Item::new().answer("a")).await.unwrap()
}

#[tokio::test]
async fn p_is_the_probability_of_the_positive_label_whichever_was_picked() {
    for (yes, no, label, p, confidence) in
        [(0.9, 0.1, "correct", 0.9, 0.9), (0.2, 0.6, "incorrect", 0.25, 0.75)]
    {
        let judgment = picked(PICK, yes, no).await;
        assert_eq!(judgment.label(), Some(label));
        assert!((judgment.p().unwrap() - p).abs() < 1e-12);
        assert!((judgment.confidence().unwrap() - confidence).abs() < 1e-12);
    }
    let named = format!("{PICK}\npositive: incorrect");
    let judgment = picked(&named, 0.2, 0.8).await;
    assert!((judgment.p().unwrap() - 0.8).abs() < 1e-12);
    // Kind and unkind: neither is positive until it is named.
    let plain = "kind: label\nverdict: {choose: v, values: {'Yes': kind, 'No': unkind}}";
    let judgment = picked(plain, 0.2, 0.8).await;
    assert_eq!((judgment.p(), judgment.confidence()), (None, Some(0.8)));
    let judgment = picked(&format!("{plain}\npositive: kind"), 0.2, 0.8).await;
    assert_eq!((judgment.p(), judgment.confidence()), (Some(0.2), Some(0.8)));
    // The labels of the body are the menu where no words are given for them.
    let own = "kind: label\nverdict: {choose: v}";
    assert_eq!(picked(own, 0.25, 0.75).await.p(), Some(0.25));
    assert!(refusal(&format!("{PICK}\npositive: corect"), CHOOSE).contains("mean `correct`"));
}

#[tokio::test]
async fn a_rule_about_p_never_passes_what_is_surely_wrong() {
    for rule in ["p >= 0.9", "label = correct and confidence >= 0.9"] {
        for (yes, no, passes) in [(0.95, 0.05, true), (0.05, 0.95, false), (0.6, 0.4, false)] {
            let judge = built(prompt(PICK, CHOOSE), picking(yes, no), rule).await.unwrap();
            let judgment = judge.judge(&Item::new().answer("a")).await.unwrap();
            assert_eq!(judgment.pass, Some(passes), "{rule}: {yes} to {no}");
        }
    }
}

#[cfg(all(feature = "llama", feature = "tiny"))]
#[test]
fn the_gate_fails_for_a_wrong_sum_however_sure_the_judge_is() {
    let place = Place::new("sure-and-wrong");
    let judge = |answer: &str| {
        place.pipe(
            &[
                "judge",
                "-",
                "-m",
                "tiny",
                "-p",
                "tiny-correct",
                "--pass",
                "p >= 0.9",
                "--fail-under",
                "1",
            ],
            &json!({"question": "12 + 30", "answer": answer}).to_string(),
        )
    };
    let wrong = judge("12 + 30 = 43");
    assert_eq!(wrong.code, 1, "{}", wrong.err);
    let line = &wrong.lines()[0];
    assert!(line["p"].as_f64().unwrap() < 0.1 && line["confidence"].as_f64().unwrap() > 0.9);
    assert_eq!(judge("12 + 30 = 42").code, 0);
}

#[tokio::test]
async fn rules_that_no_verdict_of_the_kind_can_keep_are_refused_before_the_run() {
    for (keys, body, rule, says) in [
        (LABEL, ASK, "score >= 7", "a verdict of kind `label` has no `score`"),
        (LABEL, ASK, "label = kin", "did you mean `kind`?"),
        (FREE, ASK, "p >= 0.9", "`p` needs labels with probabilities"),
        (FREE, ASK, "confidence >= 0.9", "needs labels with probabilities"),
        (LABEL, ASK, "p >= 0.9", "this prompt names none"),
        (LABEL, ASK, "normalized > 0.5", "has no `normalized`"),
        (SCORE, ASK, "score >= 70", "70 is off the scale: `score` is 1 to 10"),
        (SCORE, ASK, "score > 0", "0 is off the scale"),
        (SCORE, ASK, "normalized >= 7", "`normalized` is 0 to 1"),
        (SCORE, ASK, "preference = first", "has no `preference`"),
        (SCORE, ASK, "label = good", "has no `label`"),
        (SCORE, ASK, "score >= 3 and criteria.tone >= 3", "has no `criteria.tone`"),
        (PICK, CHOOSE, "p >= 90", "`p` is 0 to 1"),
        (PICK, CHOOSE, "label = corect", "did you mean `correct`?"),
        (STEPS, "user:\n{{ steps }}", "first_error = 0.5", "not the index of a step"),
        (STEPS, "user:\n{{ steps }}", "p >= 0.5", "has no `p`"),
        (PAIR, "user:\n{{ answers }}", "preference = A", "there are `first`, `second`, `tie`"),
        (CRITERIA, ASK, "score >= 3", "`score` is 0 to 1"),
        (CRITERIA, ASK, "normalized >= 0.3", "has no `normalized`"),
        (CRITERIA, ASK, "all criteria >= 30", "`all criteria` is 1 to 5"),
        (
            "kind: ranking\nverdict: 'R: *'",
            "user:\n{{ answers }}",
            "score >= 1",
            "nothing that a rule could compare",
        ),
    ] {
        let said = refused(keys, body, rule).await;
        assert!(said.contains(says), "{rule}: {said}");
        assert!(said.starts_with("Config"), "{said}");
        // A prompt's own rule is checked when the prompt is read.
        let own = refusal(&format!("{keys}\npass: {}", json!(rule)), body);
        assert!(own.contains(says), "{rule}: {own}");
    }
    let plain = "kind: label\nverdict: {choose: v, values: {'Yes': kind, 'No': unkind}}";
    let said = refused(plain, CHOOSE, "p >= 0.9").await;
    assert!(said.contains("`positive: LABEL`, one of kind, unkind"), "{said}");
}

#[tokio::test]
async fn a_prompts_own_rule_is_refused_with_the_scale_that_leaves_it_behind() {
    let own = prompt(&format!("{SCORE}\npass: score >= 7"), "user:\n{{ answer }} {{ scale }}");
    let judge = Judge::builder()
        .backend(Script::always("Score: 3"))
        .with_prompt(own)
        .scale("1-5".parse().unwrap());
    let error = format!("{:?}", judge.build().await.unwrap_err());
    assert!(error.contains("7 is off the scale") && error.contains("the rule of `p` itself"));
}

#[tokio::test]
async fn named_criteria_are_known_before_the_run_and_those_of_records_before_they_are_judged() {
    let judge = |rule: &str| {
        let named = [("tone of voice", "kind"), ("facts", "right")];
        Judge::builder()
            .backend(Script::always("Score: 4"))
            .with_prompt(prompt(CRITERIA, "user:\n{{ answer }}: {{ criterion }}"))
            .named_criteria(named)
            .pass(rule)
            .build()
    };
    let item = Item::new().answer("a");
    for (rule, passes) in [
        ("criteria.\"tone of voice\" >= 3", true),
        ("criteria.tone of voice >= 3 and criteria.facts >= 5", false),
        ("criteria.'Tone of voice' >= 5 or criteria.facts = 4", true),
        ("all criteria >= 4", true),
        ("any criterion >= 5", false),
        ("any criteria < 5", true),
    ] {
        let judgment = judge(rule).await.unwrap().judge(&item).await.unwrap();
        assert_eq!(judgment.pass, Some(passes), "{rule}");
    }
    let error = format!("{:?}", judge("criteria.fact >= 3").await.unwrap_err());
    assert!(error.contains("unknown criterion `fact`") && error.contains("`facts`"), "{error}");
    let of_records = prompt(CRITERIA, "user:\n{{ answer }}: {{ criterion }}");
    let judge = built(of_records, Script::always("Score: 4"), "criteria.tone >= 3").await.unwrap();
    let record = |criteria: Value| Item::new().answer("a").set("criteria", criteria);
    assert!(judge.judge(&record(json!({"tone": "kind"}))).await.unwrap().passed());
    let error = judge.judge(&record(json!({"tones": "kind"}))).await.unwrap_err();
    assert!(error.to_string().contains("unknown criterion `tone`"), "{error}");
}

#[tokio::test]
async fn rules_are_joined_by_and_and_or_and_grouped_by_parentheses() {
    for (rule, passes) in [
        ("score >= 7 and score < 9", true),
        ("score >= 9 or score = 8", true),
        ("score >= 9 or score >= 7 and score < 8", false),
        ("(score >= 9 or score >= 7) and score <= 8", true),
        ("score>=7 AND normalized>=0.5", true),
        ("score ≥ 8 and score ≤ 8 and score ≠ 7", true),
        ("score != 8", false),
    ] {
        let judgment = judged(prompt(SCORE, ASK), "Score: 8", rule).await;
        assert_eq!(judgment.pass, Some(passes), "{rule}");
        let read: Pass = rule.parse().unwrap();
        assert_eq!(read.to_string().parse::<Pass>().unwrap(), read, "{rule}");
    }
    let menu = "kind: label\nscale: {labels: {salt and pepper: 1, plain: 0, 'no \"x\"': 2}}\nverdict: 'Label: *'";
    for (rule, passes) in [
        ("label = 'salt and pepper'", true),
        ("label = \"Salt and Pepper\" or label = plain", true),
        ("label = plain or label = 'no \"x\"'", false),
    ] {
        let judgment = judged(prompt(menu, ASK), "Label: salt and pepper", rule).await;
        assert_eq!(judgment.pass, Some(passes), "{rule}");
    }
}

#[test]
fn a_malformed_rule_says_what_is_wrong_with_it() {
    for (rule, says) in [
        ("", "a test is missing"),
        ("score", "needs an operator"),
        ("score >=", "a value is missing after its operator"),
        (">= 7", "a name is missing before its operator"),
        ("score >= 7 score < 9", "`7 score` is not one"),
        ("score >= 7 and", "a test is missing"),
        ("(score >= 7", "a parenthesis is never closed"),
        ("score >= 7)", "closes a parenthesis"),
        ("score >= 7 && score < 9", "written `and` and `or`"),
        ("score >= high", "is compared with a number"),
        ("p >= 90%", "written as a number"),
        ("score ~ 7", "needs an operator"),
        ("label >= correct", "is compared with `=` or `!=`"),
        ("label = 'correct", "a quotation mark is never closed"),
        ("1 <= score <= 5", "unknown value"),
        ("scroe >= 7", "did you mean `score`?"),
        ("engaging >= 3", "a criterion is called `criteria.engaging`"),
        ("score >= nan", "is compared with a number"),
    ] {
        let error: Error = rule.parse::<Pass>().unwrap_err();
        assert!(format!("{error:?}").contains(says), "{rule}: {error:?}");
    }
    let deep = format!("{}score > 1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(deep.parse::<Pass>().unwrap_err().to_string().contains("too deep"));
}

#[tokio::test]
async fn a_rule_about_probabilities_needs_a_model_that_reports_them() {
    let mute = || from_fn("mute", |_: Request| async { Ok(Completion::text("Yes")) });
    let alone = "user:\n{{ answer }} Right?\nassistant:\n{{ choose('v', ['Yes', 'No']) }}";
    let builder =
        |keys: &str| Judge::builder().backend(mute()).with_prompt(prompt(keys, alone)).reasks(0);
    let error = builder(PICK).pass("p >= 0.5").build().await.unwrap_err();
    assert!(error.to_string().contains("`mute` reports none"), "{error}");
    let error = builder(&format!("{PICK}\naggregate: expected")).build().await.unwrap_err();
    assert!(error.to_string().contains("`mute` reports none"), "{error}");
    assert!(builder(PICK).pass("label = correct").build().await.is_ok());
    let keys = "kind: score\nscale: {min: 1, max: 5}\nverdict: 'Score: *'";
    let error = builder(&format!("{keys}\naggregate: expected")).build().await.unwrap_err();
    assert!(error.to_string().contains("`mute` reports none"), "{error}");
    let keys = "kind: score\nscale: {min: 1, max: 5}\nverdict: {json: /score}";
    let why = "this verdict does not have";
    assert!(refusal(&format!("{keys}\naggregate: expected"), ASK).contains(why));
    let by_hand = Judge::builder().backend(Script::always("x")).with_prompt(prompt(keys, ASK));
    let error = by_hand.aggregate(Aggregate::Expected).build().await.unwrap_err();
    assert!(error.to_string().contains(why), "{error}");
}

/// A choice of a number from 1 to 3 with no probabilities, though the model promises them.
#[tokio::test]
async fn an_expected_score_without_probabilities_is_no_score() {
    let keys = "kind: score\nscale: {min: 1, max: 3}\naggregate: expected\nverdict: {choose: s}";
    let body = "user:\n{{ answer }}\nassistant:\n{{ choose('s', ['1', '2', '3']) }}";
    let script = Script::answering(|_| Ok(Completion::text("3")));
    let judge = Judge::builder().backend(script).with_prompt(prompt(keys, body)).reasks(0);
    let judgment = judge.build().await.unwrap().judge(&Item::new().answer("a")).await.unwrap();
    let why = judgment.unreadable().unwrap();
    assert_eq!(why.reason, Reason::Unsure);
    assert!(why.detail.contains("`expected` needs probabilities"), "{why}");
}

#[tokio::test]
async fn the_best_of_n_is_told_by_expected_values_of_each_answer() {
    let keys = "kind: scores\neach: answers\nscale: {min: 0, max: 1}\naggregate: expected\nverdict: {choose: v, values: {'Yes': '1', 'No': '0'}}";
    let body = "user:\n{{ answer }}\nassistant:\nRight? {{ choose('v', ['Yes', 'No']) }}";
    let script = Script::answering(|request| {
        let Ask::Choose { labels } = &request.ask else { return Ok(Completion::text("")) };
        let good = request.messages[0].text().contains("good");
        let p = if good { [0.7, 0.1] } else { [0.1, 0.3] };
        let all = labels.iter().cloned().zip(p).collect();
        let distribution = Distribution::new(all);
        Ok(Completion::text(labels[usize::from(!good)].clone()).distribution(distribution))
    });
    let judge = Judge::builder().backend(script).with_prompt(prompt(keys, body));
    let item = Item::new().answers(["bad", "good"]);
    let judgment = judge.build().await.unwrap().judge(&item).await.unwrap();
    assert_eq!(judgment.verdict, Ok(Verdict::Scores(vec![0.25, 0.875])));
}

#[tokio::test]
async fn a_label_on_negligible_mass_is_no_verdict() {
    let judgment = picked(PICK, 0.0004, 0.0001).await;
    let why = judgment.unreadable().unwrap();
    assert_eq!((why.reason, why.reason.name()), (Reason::Unsure, "unsure"));
    assert!(why.detail.contains("0.05 % of the probability"), "{why}");
    assert!(picked(PICK, 0.04, 0.02).await.verdict.is_ok());
    assert!(picked(&format!("{PICK}\nmass: 0.5"), 0.3, 0.1).await.verdict.is_err());
    assert!(picked(&format!("{PICK}\nmass: 0"), 0.0004, 0.0001).await.verdict.is_ok());
    assert!(refusal(&format!("{PICK}\nmass: 5"), CHOOSE).contains("`mass` must be a share"));
}

#[cfg(all(feature = "llama", feature = "tiny"))]
#[tokio::test]
async fn a_model_that_was_about_to_say_something_else_makes_no_choice() {
    let judge = Judge::builder().model("tiny").prompt("correct-direct").build().await.unwrap();
    let item = Item::new().question("What is the capital of France?").answer("Paris");
    let judgment = judge.judge(&item).await.unwrap();
    assert_eq!(judgment.unreadable().map(|why| why.reason), Some(Reason::Unsure), "{judgment:?}");
}

#[tokio::test]
async fn draws_of_judges_that_compare_nothing_are_no_orders() {
    let script = Script::answering(|request| {
        Ok(Completion::text(format!(
            "Label: {}",
            if request.draw == 0 { "kind" } else { "unkind" }
        )))
    });
    let judge = Judge::builder()
        .backend(script)
        .with_prompt(prompt(LABEL, ASK))
        .usual(Some(Order::Both), None)
        .draws(3)
        .build()
        .await
        .unwrap();
    let judgment = judge.judge(&Item::new().answer("a")).await.unwrap();
    assert_eq!((judgment.label(), judgment.consistent), (Some("unkind"), None));
    let asked = Judge::builder()
        .backend(Script::always("x"))
        .with_prompt(prompt(SCORE, ASK))
        .order(Order::Both);
    let error = asked.build().await.unwrap_err().to_string();
    assert!(error.contains("`both` is for answers that are compared"), "{error}");
    assert!(refusal(&format!("{SCORE}\norder: both"), ASK).contains("`order` needs a prompt"));
    let each =
        "kind: scores\neach: answers\nscale: {min: 1, max: 5}\norder: rotate\nverdict: 'S: *'";
    assert!(refusal(each, ASK).contains("`order` needs a prompt"));
}

#[test]
fn an_order_for_all_judges_breaks_none_and_one_that_is_asked_for_is_refused() {
    let place = Place::new("orders");
    place.file("tribunal.toml", "[defaults]\norder = 'both'\n");
    place.file("r.jsonl", "{\"question\": \"q\", \"answer\": \"a\"}\n");
    let judge = |more: &[&str]| {
        place.run(&[&["judge", "r.jsonl", "-p", "score", "-m", "script:Score: 3"], more].concat())
    };
    let usual = judge(&[]);
    assert_eq!(usual.code, 0, "{}", usual.err);
    assert!(usual.lines()[0].get("consistent").is_none());
    let asked = judge(&["--order", "both"]);
    assert_eq!(asked.code, 2);
    assert!(asked.err.contains("`score` compares none"), "{}", asked.err);
    place.file("tribunal.toml", "[judge.strict]\norder = 'both'\nprompt = 'score'\n");
    let named = place.run(&["judge", "r.jsonl", "-m", "script:Score: 3", "--judge", "strict"]);
    assert_eq!(named.code, 2, "{}", named.err);
}

#[tokio::test]
async fn a_pair_with_one_unreadable_order_is_no_full_preference() {
    let once = || {
        Script::answering(|request| {
            let given = request.messages[0].text().starts_with("good");
            Ok(Completion::text(if given { "[[A]]" } else { "I cannot tell." }))
        })
    };
    let pair = || prompt(PAIR, "user:\n{{ answers[0] }} or {{ answers[1] }}");
    let item = Item::new().answers(["good", "bad"]);
    let judge = Judge::builder().backend(once()).with_prompt(pair()).reasks(0).build();
    let judgment = judge.await.unwrap().judge(&item).await.unwrap();
    assert_eq!(judgment.preference(), Some(Preference::First));
    assert_eq!((judgment.consistent, judgment.one_order_unreadable()), (None, true));
    let fair = Judge::builder().backend(Script::always("[[C]]")).with_prompt(pair()).build();
    assert!(!fair.await.unwrap().judge(&item).await.unwrap().one_order_unreadable());
}

#[tokio::test]
async fn a_pair_with_one_unreadable_order_is_reported_as_such() {
    let place = Place::new("half");
    let body = "user:\n{{ answers[0] }} or {{ answers[1] }}";
    place.file("pair.jinja", format!("---\n{PAIR}\n---\n{body}"));
    place.file("r.jsonl", "{\"id\": \"x\", \"answers\": [\"good\", \"bad\"]}\n");
    let server = Server::start(|seen| {
        let said = seen.body["messages"][0]["content"].as_str().unwrap();
        Reply::says(if said.starts_with("good") { "[[A]]" } else { "I cannot tell." })
    })
    .await;
    let run = async |more: &[&str]| {
        let url = ["--base-url", &server.url, "-m", "openai/x", "-p", "pair.jinja", "--reask", "0"];
        Ran::ended(place.start(&[&["judge", "r.jsonl"], &url[..], more].concat())).await
    };
    let ran = run(&[]).await;
    let line = &ran.lines()[0];
    assert_eq!((&line["preference"], &line["consistent"]), (&json!("first"), &Value::Null));
    assert!(line.as_object().unwrap().contains_key("consistent"));
    assert!(ran.err.contains("readable in one order only, counted as half: 1"), "{}", ran.err);
    let table = run(&["--format", "pretty"]).await;
    assert!(table.out.contains("first is better (hal"), "{}", table.out);
}
