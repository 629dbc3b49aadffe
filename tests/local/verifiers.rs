//! Verifiers and judges of steps on models in this process: the shipped one, and a real instruct model.

#![cfg(all(feature = "llama", feature = "tiny"))]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop at what it did not expect, and tell what it measured"
)]

use std::sync::Arc;

use serde_json::Value;
use tribunal::{
    Item, Judge, Judgment,
    backend::{
        Backend,
        llama::{Llama, LlamaOptions},
    },
    judge::{Aggregate, JudgeBuilder},
    request::{Ask, Message, Origin, Request, Role, Sampling},
    verdict::{Reason, Unreadable},
};

use crate::{shipped::tiny, support::instruct_model};

/// The records of an example file.
fn examples(name: &str) -> Vec<Item> {
    let text = std::fs::read_to_string(format!("examples/{name}.jsonl")).unwrap();
    text.lines().map(|line| Item::from(serde_json::from_str::<Value>(line).unwrap())).collect()
}

fn judge(model: &Arc<Llama>, name: &str) -> JudgeBuilder {
    Judge::builder().backend(model.clone() as Arc<dyn Backend>).prompt(name)
}

/// The probability of every vote.
fn shares(judgment: &Judgment) -> Vec<f64> {
    let p = |vote: &tribunal::Vote| vote.outcome.verdict().unwrap().p().unwrap();
    judgment.votes.iter().map(p).collect()
}

#[tokio::test]
async fn p_of_several_verifications_is_the_mean_of_what_each_came_to() {
    let model = Arc::new(tiny(|_| ()).await);
    let sampling = Sampling::default().temperature(1.0);
    let judge = judge(&model, "tiny-correct").draws(3).sampling(sampling).build().await.unwrap();
    for item in examples("arithmetic-correct").iter().take(4) {
        let judgment = judge.judge(item).await.unwrap();
        let shares = shares(&judgment);
        assert_eq!(shares.len(), 3);
        let mean = shares.iter().sum::<f64>() / 3.0;
        assert!((judgment.p().unwrap() - mean).abs() < 1e-9, "{shares:?}");
        let label = item.field("label").unwrap().into_owned();
        assert_eq!(judgment.label(), label.as_str());
    }
}

#[tokio::test]
async fn most_of_several_critics_find_the_first_error_of_a_sum() {
    let model = Arc::new(tiny(|_| ()).await);
    let sampling = Sampling::default().temperature(1.0);
    let judge = judge(&model, "tiny-steps").draws(3).aggregate(Aggregate::Majority);
    let judge = judge.sampling(sampling).build().await.unwrap();
    for item in examples("arithmetic-steps").iter().take(4) {
        let judgment = judge.judge(item).await.unwrap();
        let label = item.field("label").unwrap().as_i64().unwrap();
        assert_eq!(judgment.first_error(), Some(usize::try_from(label).ok()));
    }
}

/// The share of ` Yes` among both words, by a plain choice after this turn.
async fn weighed(model: &Llama, messages: Vec<Message>) -> f64 {
    let mut request = Request::generate(messages);
    request.open = true;
    let labels = vec![" Yes".to_owned(), " No".to_owned()];
    let answer = model.complete(&request.ask(Ask::Choose { labels })).await.unwrap();
    let seen = answer.distribution.unwrap();
    seen.of(" Yes").unwrap() / (seen.of(" Yes").unwrap() + seen.of(" No").unwrap())
}

/// What `gen-rm` sends about this solution.
fn turns() -> Vec<Message> {
    let user = "You are given a problem and a student's solution. Decide whether the final answer of the solution is correct.\n\nQ: What is 17 + 25?\nA: Let's think step by step. 17 + 25 = 42.";
    let open = "Verification: Is the answer correct (Yes/No)?";
    vec![
        Message::new(Role::User, user, Origin::Prompt),
        Message::new(Role::Assistant, open, Origin::Prompt),
    ]
}

/// What differs on a real model is rounding, in calls of other lengths.
async fn p_is_that_of_a_plain_choice(model: Arc<Llama>, tolerance: f64) {
    let item = Item::new().question("What is 17 + 25?").answer("17 + 25 = 42.");
    let judge = Judge::builder().backend(model.clone() as Arc<dyn Backend>).prompt("gen-rm");
    let judgment = judge.build().await.unwrap().judge(&item).await.unwrap();
    let expected = weighed(&model, turns()).await;
    let distribution = judgment.distribution.clone();
    println!("gen-rm: p {:?}, mass {:?}", judgment.p(), distribution.map(|seen| seen.mass()));
    match judgment.p() {
        Some(p) => assert!((p - expected).abs() < tolerance, "{p}, not {expected}"),
        // Both words hold too little of the probability, and the vote says so.
        None => assert!(judgment.verdict.is_err()),
    }
}

#[tokio::test]
async fn a_direct_verifier_reports_what_a_plain_choice_of_both_words_holds() {
    p_is_that_of_a_plain_choice(Arc::new(tiny(|_| ()).await), 1e-4).await;
}

/// A real instruct model.
async fn instruct() -> Arc<Llama> {
    let mut options = LlamaOptions::file(instruct_model());
    options.context = Some(4096);
    Arc::new(Llama::load(options).await.unwrap())
}

#[tokio::test]
#[ignore = "needs TRIBUNAL_TEST_GGUF, the path of an instruct model"]
async fn a_direct_verifier_reports_what_a_plain_choice_holds_on_a_real_model() {
    p_is_that_of_a_plain_choice(instruct().await, 0.02).await;
}

/// A small model writes no verification of use, but decides where it is forced to, or is unsure.
#[tokio::test]
#[ignore = "needs TRIBUNAL_TEST_GGUF, the path of an instruct model"]
async fn a_real_model_decides_or_is_unsure_wherever_its_text_is_cut() {
    let model = instruct().await;
    let item = Item::new()
        .question("What is 17 + 25 - 2?")
        .answer("17 + 25 = 42. 42 - 2 = 40.")
        .set("steps", vec!["17 + 25 = 42.".to_owned(), "42 - 2 = 40.".to_owned()]);
    let sampling = Sampling::default().temperature(0.0).max_tokens(48);
    let mut unreadable = Vec::new();
    for name in [
        "gen-rm-cot",
        "sc-gen-rm",
        "sc-gen-rm-tuned",
        "think-prm",
        "r-prm",
        "reason-eval-classes",
        "cloud-choose",
    ] {
        let judge = judge(&model, name).draws(1).sampling(sampling.clone()).build().await.unwrap();
        let judgment = judge.judge(&item).await.unwrap();
        println!(
            "{name}: {}",
            judgment.verdict.as_ref().map_or_else(|why| format!("{why:?}"), ToString::to_string)
        );
        match judgment.steps() {
            Some(steps) => {
                println!("  {:?}", steps.steps.iter().map(|step| step.p).collect::<Vec<_>>());
            }
            None => println!("  p {:?}, expected {:?}", judgment.p(), judgment.expected_score),
        }
        // Where both words hold too little of the probability, a vote says so.
        let is_unsure = |why: &Unreadable| why.reason == Reason::Unsure;
        if !judgment.verdict.as_ref().err().is_none_or(is_unsure) {
            unreadable.push(name);
        }
    }
    assert!(unreadable.is_empty(), "{unreadable:?}");
}
