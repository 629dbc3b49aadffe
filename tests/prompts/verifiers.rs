//! Verifiers and judges of steps: what is asked in which order, where texts are cut, and what the draws come to.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::Arc;

use serde_json::json;
use tribunal::{
    Completion, Item, Judge, Judgment,
    backend::{Backend, Capabilities, Script},
    completion::Distribution,
    judge::{Aggregate, JudgeBuilder},
    prompt::{self, Supplied},
    request::{Ask, Logprobs, Message, Normalize, Request},
};

/// A problem with a solution of two steps.
fn solution() -> Item {
    Item::from(
        json!({"problem": "What is 17 + 25 - 2?", "steps": ["17 + 25 = 42.", "42 - 2 = 41."]}),
    )
}

/// A judge with a built-in prompt, on a script whose requests are kept.
fn judge(name: &str, script: &Arc<Script>) -> JudgeBuilder {
    Judge::builder().backend(script.clone() as Arc<dyn Backend>).prompt(name).reasks(0)
}

/// A script that answers by a function, and keeps its requests.
fn script(answer: impl Fn(&Request) -> Completion + Send + Sync + 'static) -> Arc<Script> {
    Arc::new(Script::answering(move |request| Ok(answer(request))).remembering())
}

/// A text, or a label with its probability where one is asked for.
fn answered(request: &Request, text: &str, p: f64) -> Completion {
    let Ask::Choose { labels } = &request.ask else { return Completion::text(text) };
    let shares = vec![(labels[0].clone(), p), (labels[1].clone(), 1.0 - p)];
    let label = if p < 0.5 { &labels[1] } else { &labels[0] };
    Completion::text(label).distribution(Distribution::new(shares))
}

/// The text of the turn that is being written.
fn last(request: &Request) -> String {
    request.messages.last().map(Message::text).unwrap_or_default()
}

/// The stops of a request for a text; none for a choice.
fn stops(request: &Request) -> Vec<&str> {
    request.sampling.stop.iter().map(String::as_str).collect()
}

fn close(found: Option<f64>, right: f64) {
    assert!((found.unwrap() - right).abs() < 1e-9, "{found:?}, not {right}");
}

#[tokio::test]
async fn p_of_a_verifier_is_the_mean_over_its_draws() {
    for name in ["gen-rm-cot", "sc-gen-rm", "sc-gen-rm-tuned"] {
        let script = script(|request| {
            let p = [0.9, 0.4, 0.5][request.draw as usize];
            answered(request, "It adds up.\n\nVerification: ", p)
        });
        let judge = judge(name, &script).draws(3).build().await.unwrap();
        let item = Item::new().question("What is 17 + 25?").answer("It is 42.");
        let judgment = judge.judge(&item).await.unwrap();
        close(judgment.p(), 0.6);
        assert_eq!(judgment.label(), Some("correct"), "{name}");
        assert_eq!(judgment.votes.len(), 3, "{name}");
    }
}

#[tokio::test]
async fn a_verification_is_cut_at_its_question_and_the_words_are_weighed_there() {
    let script = script(|request| answered(request, "It adds up.\n\nVerification: ", 0.9));
    let judge = judge("gen-rm-cot", &script).draws(1).build().await.unwrap();
    judge.judge(&Item::new().question("What is 17 + 25?").answer("It is 42.")).await.unwrap();
    let asked = script.asked();
    assert_eq!(stops(&asked[0]), ["Is the answer correct (Yes/No)?"]);
    assert!(last(&asked[0]).ends_with("Verification: Let's verify step by step."));
    let turn = "It adds up.\n\nVerification: Is the answer correct (Yes/No)?";
    assert_eq!(last(&asked[1]), turn);
    assert_eq!(asked[1].ask, Ask::Choose { labels: vec![" Yes".into(), " No".into()] });
}

#[tokio::test]
async fn a_direct_verifier_is_asked_once_at_the_place_it_was_trained_on() {
    let script = script(|request| answered(request, "", 0.75));
    let judge = judge("gen-rm", &script).build().await.unwrap();
    let item = Item::new().question("What is 17 + 25?").answer("It is 42.");
    let judgment = judge.judge(&item).await.unwrap();
    close(judgment.p(), 0.75);
    let asked = script.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(last(&asked[0]), "Verification: Is the answer correct (Yes/No)?");
}

#[tokio::test]
async fn a_service_that_cannot_continue_a_turn_is_read_in_every_wording_of_the_question() {
    let able = Capabilities::ALL.prefill(false).logprobs(Logprobs::None);
    for text in [
        "Step 1 holds.\n\nVerification: Is the answer correct (Yes/No)? No",
        "Step 1 fails.\n\n**Is the solution correct? (Yes/No)** No\n\nThe sum is 42.",
        "Step 1 fails.\n\nVerification: Is the answer correct (Yes/No)? **No**.\n\nThat is all.",
        "Is the answer correct (Yes/No)? Yes\n\nWait.\nVerification: Is the answer correct (Yes/No)? No",
    ] {
        let script = Arc::new(Script::always(text).capable(able));
        let judge = judge("sc-gen-rm", &script).draws(1).build().await.unwrap();
        let item = Item::new().question("What is 17 + 25?").answer("It is 41.");
        let judgment = judge.judge(&item).await.unwrap();
        assert_eq!(judgment.label(), Some("incorrect"), "{text}: {:?}", judgment.verdict);
    }
}

#[tokio::test]
async fn a_critique_of_a_step_is_cut_at_the_first_question_or_gets_one() {
    for (text, ending) in [
        ("Conclusion: wrong.\nVerification: ", "Verification: Is the step correct (Yes/No)?"),
        ("The text breaks off", "off\nBased on your analysis. Is the step correct (Yes/No)?"),
    ] {
        let script = script(move |request| answered(request, text, 0.25));
        let judge = judge("r-prm", &script).build().await.unwrap();
        let judgment = judge.judge(&solution()).await.unwrap();
        let asked = script.asked();
        let critiques: Vec<&Request> =
            asked.iter().filter(|request| matches!(request.ask, Ask::Generate { .. })).collect();
        assert_eq!(critiques.len(), 2, "one for each step");
        assert_eq!(stops(critiques[0]), ["Is the step correct (Yes/No)?"]);
        let choice = asked.iter().find(|request| matches!(request.ask, Ask::Choose { .. }));
        assert!(last(choice.unwrap()).ends_with(ending), "{}", last(choice.unwrap()));
        assert_eq!(judgment.first_error(), Some(Some(0)));
    }
}

#[tokio::test]
async fn a_step_is_wrong_if_the_mean_of_its_critiques_is_below_one_half() {
    let script = script(|request| {
        let is_second = request.messages[1].text().contains("Now Step: 42 - 2 = 41.");
        let p = match (is_second, request.draw) {
            (false, _) => 0.9,
            (true, 0) => 0.6,
            (true, _) => 0.3,
        };
        answered(request, "Conclusion.\nVerification: ", p)
    });
    let judge = judge("r-prm", &script).draws(2).build().await.unwrap();
    let judgment = judge.judge(&solution()).await.unwrap();
    assert_eq!(judgment.first_error(), Some(Some(1)));
    let steps = &judgment.steps().unwrap().steps;
    close(steps[0].p, 0.9);
    close(steps[1].p, 0.45);
}

#[tokio::test]
async fn a_critique_of_a_service_that_cannot_continue_a_turn_keeps_its_own_answer() {
    let able = Capabilities::ALL.prefill(false).logprobs(Logprobs::None);
    let text = "Calculation: 17 + 25 is 42.\nVerification: Is the step correct (Yes/No)? Yes";
    let script = Arc::new(Script::always(text).capable(able));
    let judge = judge("r-prm", &script).build().await.unwrap();
    assert_eq!(judge.judge(&solution()).await.unwrap().first_error(), Some(None));
}

#[tokio::test]
async fn a_long_thought_goes_on_for_so_many_rounds_and_then_must_decide() {
    for (rounds, turn) in [
        ("1", "Let's verify step by step: hm.\nIs the solution correct? "),
        (
            "3",
            "Let's verify step by step: hm.Let me double check hm.Let's verify again hm.\nIs the solution correct? ",
        ),
    ] {
        let script = script(|request| answered(request, " hm.", 0.8));
        let judge = judge("think-prm", &script).build().await.unwrap();
        let judgment = judge.judge(&solution().set("rounds", rounds)).await.unwrap();
        close(judgment.p(), 0.8);
        let asked = script.asked();
        assert_eq!(asked.len().to_string(), (rounds.parse::<usize>().unwrap() + 1).to_string());
        assert_eq!(stops(&asked[0]), ["Is the solution correct?", "</think>"]);
        let choice = asked.last().unwrap();
        assert_eq!(last(choice), turn);
        assert_eq!(choice.ask, Ask::Choose { labels: vec!["yes".into(), "no".into()] });
        assert_eq!(choice.normalize, Normalize::Mean, "as the published code");
    }
}

#[tokio::test]
async fn a_forced_decision_counts_however_little_the_labels_hold() {
    let script = script(|request| {
        let mut answer = answered(request, " hm.", 0.5);
        if let Ask::Choose { labels } = &request.ask {
            let shares = vec![(labels[0].clone(), 0.003), (labels[1].clone(), 0.001)];
            answer.distribution = Some(Distribution::new(shares));
        }
        answer
    });
    let judge = judge("think-prm", &script).build().await.unwrap();
    close(judge.judge(&solution()).await.unwrap().p(), 0.75);
}

#[tokio::test]
async fn the_critique_of_cloud_continues_the_users_turn_and_its_head_reads_the_closed_one() {
    let script = script(|request| match (&request.ask, request.draw) {
        (Ask::Reward, 0) => Completion::text("Reward: 2.5"),
        (Ask::Reward, _) => Completion::text("Reward: -1.5"),
        (_, draw) => Completion::text(format!("Critique {draw}.")),
    });
    let judge = judge("cloud", &script).draws(2).build().await.unwrap();
    let item = Item::new().question("What is 17 + 25?").answer("It is 42.");
    let judgment = judge.judge(&item).await.unwrap();
    close(judgment.score(), 0.5);
    let lead = "<|start_header_id|>user<|end_header_id|>\n\nWhat is 17 + 25?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nIt is 42.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nThe following is a break down on the correctness and usefulness of the assistant's response to my question: ";
    let asked = script.asked();
    let critique = asked.iter().find(|request| request.draw == 0).unwrap();
    assert_eq!(last(critique), lead);
    let head = asked.iter().find(|request| request.ask == Ask::Reward && request.draw == 0);
    assert_eq!(last(head.unwrap()), format!("{lead}Critique 0.<|eot_id|>"));
}

#[tokio::test]
async fn a_model_without_a_reward_head_is_told_which_prompt_needs_none() {
    let able = Capabilities::TEXT.prefill(true).logprobs(Logprobs::Exact);
    let script = Arc::new(Script::always("It is right.").capable(able));
    let error = match judge("cloud", &script).build().await {
        Err(error) => error,
        Ok(judge) => judge
            .judge(&Item::new().question("What is 17 + 25?").answer("It is 42."))
            .await
            .unwrap_err(),
    };
    assert!(format!("{error:?}{error}").contains("cloud-choose"), "{error:?}");
}

/// The first request about a solution, by what changes its answer.
async fn key(name: &str) -> String {
    let script = script(|request| answered(request, "Nothing.", 0.5));
    judge(name, &script).build().await.unwrap().judge(&solution()).await.unwrap();
    script.asked()[0].key("model").to_string()
}

#[tokio::test]
async fn two_readings_of_one_answer_cost_one_request() {
    assert_eq!(key("prm-bench").await, key("prm-bench-redundancy").await);
    assert_eq!(key("mr-gsm8k").await, key("mr-gsm8k-solution").await);
    assert_ne!(key("mr-gsm8k").await, key("reason-eval").await);
}

/// The judgment of critics that name these paragraphs, one in each draw.
async fn voted(boxes: &'static [&'static str]) -> Judgment {
    let script = script(move |request| {
        Completion::text(format!("Hm. \\boxed{{{}}}", boxes[request.draw as usize]))
    });
    let draws = u32::try_from(boxes.len()).unwrap();
    let judge = judge("process-bench", &script).draws(draws).aggregate(Aggregate::Majority);
    judge.build().await.unwrap().judge(&solution()).await.unwrap()
}

#[tokio::test]
async fn the_first_error_of_several_critics_is_the_one_that_most_of_them_name() {
    assert_eq!(voted(&["1", "-1", "1"]).await.first_error(), Some(Some(1)));
    assert_eq!(voted(&["-1", "\\text{-1}", "0"]).await.first_error(), Some(None));
    assert_eq!(voted(&["1", "unclear", "2"]).await.first_error(), Some(Some(1)));
    assert!(voted(&["unclear", "7"]).await.verdict.is_err());
}

#[tokio::test]
async fn classes_of_steps_come_with_the_probability_of_each() {
    let script = script(|request| {
        let Ask::Choose { labels } = &request.ask else { return Completion::text("Hm.") };
        let shares = labels.iter().cloned().zip([0.2, 0.7, 0.1]).collect();
        Completion::text(" neutral").distribution(Distribution::new(shares))
    });
    let judge = judge("reason-eval-classes", &script).build().await.unwrap();
    let judgment = judge.judge(&solution()).await.unwrap();
    assert_eq!(judgment.first_error(), Some(None), "a step that is redundant is not wrong");
    let step = &judgment.steps().unwrap().steps[0];
    let share = |class: &str| step.distribution.as_ref().unwrap().of(class);
    assert_eq!(step.label, "redundant");
    close(share("correct").zip(share("redundant")).map(|(one, two)| one + two), 0.9);
    close(share("redundant"), 0.7);
}

#[test]
fn the_layouts_of_trained_judges_are_the_default_for_their_models() {
    for (model, name) in [
        ("R-PRM-7B-DPO.Q4_K_M.gguf", "r-prm"),
        ("ThinkPRM-1.5B-Q8_0.gguf", "think-prm"),
        ("FAPO-GenRM-4B.gguf", "fapo"),
        ("Llama3-8B-CLoud-RM.gguf", "cloud"),
    ] {
        let item = match name {
            "cloud" => Item::new().question("2 + 2?").answer("4"),
            _ => solution().set("reference", "40"),
        };
        let found = prompt::default_for(&[model.to_owned()], &item, Supplied::Nothing).unwrap();
        assert_eq!(found.name(), name, "{model}");
    }
}

#[tokio::test]
async fn steps_that_name_themselves_are_not_named_twice() {
    let steps = ["Step 1: 17 + 25 = 42.", "42 - 2 = 41."].map(str::to_owned).to_vec();
    for name in ["mr-gsm8k", "reason-eval", "reason-eval-redundancy", "prm-bench"] {
        let script = script(|request| answered(request, "Nothing.", 0.5));
        let judge = judge(name, &script).build().await.unwrap();
        judge.judge(&solution().set("steps", steps.clone())).await.unwrap();
        let asked: String = script.asked()[0].messages.iter().map(Message::text).collect();
        assert!(asked.contains("\nStep 1: 17 + 25 = 42."), "{name}: {asked}");
        assert!(asked.contains("\nStep 2: 42 - 2 = 41."), "{name}: {asked}");
    }
}
