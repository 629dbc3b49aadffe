//! Process rewards as the built-in prompts read them: probabilities of signs after steps, and log-ratios of two models.

#![cfg(all(feature = "llama", feature = "tiny"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::Arc;

use serde_json::json;
use tribunal::{
    ErrorKind, Item, Judge, Judgment, Prompt,
    aggregate::Reduce,
    backend::{
        Backend,
        llama::{Llama, LlamaOptions},
    },
    item::Splitting,
    line::ResultLine,
    request::{Ask, Message, Origin, Request, Role},
};

use crate::{random::tiny_in_q5, shipped::tiny};

fn item() -> Item {
    let steps = ["12 + 30 = 42", "42 + 1 = 44", "44 - 2 = 42"];
    Item::from(json!({"problem": "12 + 30 + 1 - 2", "steps": steps}))
}

fn shares(judgment: &Judgment) -> Vec<f64> {
    judgment.steps().unwrap().steps.iter().map(|step| step.p.unwrap()).collect()
}

/// The judgment of the texts that were stored with it.
fn reread(judge: &Judge, item: &Item, judgment: &Judgment) -> Judgment {
    let votes = ResultLine::of(Ok(judgment)).votes.unwrap();
    judge.reread(item, &votes, None).unwrap()
}

async fn judged(model: Arc<Llama>, prompt: &str) -> Judgment {
    let judge = Judge::builder().backend(model).prompt(prompt).build().await.unwrap();
    judge.judge(&item()).await.unwrap()
}

#[tokio::test]
async fn every_step_is_weighed_by_one_request_and_comes_to_one_number() {
    for (prompt, reduce) in [("math-shepherd", Reduce::Min), ("rlhflow-prm", Reduce::Mean)] {
        let model = Arc::new(tiny(|_| ()).await);
        let judgment = judged(model.clone(), prompt).await;
        assert_eq!(model.figures().requests, 1, "{prompt}");
        let shares = shares(&judgment);
        assert_eq!(shares.len(), 3);
        assert_eq!(judgment.score(), reduce.of(&shares), "{prompt}");
        assert_eq!(judgment.normalized, judgment.score());
    }
}

/// The text of a request as the model reads it.
fn read(request: &Request) -> String {
    let turns =
        request.messages.iter().map(|turn| format!("{}: {}\n", turn.role.name(), turn.text()));
    turns.collect()
}

#[tokio::test]
async fn the_formats_are_those_of_the_protocols() {
    let asked = async |prompt: &str| {
        let log = Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = log.clone();
        let answer = move |request: Request| {
            seen.lock().unwrap().push(request.clone());
            async move { Ok(tribunal::Completion::text(" +")) }
        };
        let able = tribunal::request::Capabilities::TEXT
            .prefill(true)
            .logprobs(tribunal::request::Logprobs::Exact);
        let model = tribunal::backend::from_fn("signs", answer).capable(able);
        let judge = Judge::builder().backend(model).prompt(prompt).build().await.unwrap();
        judge.judge(&item()).await.unwrap();
        std::mem::take(&mut *log.lock().unwrap())
    };
    let shepherd = asked("math-shepherd").await;
    assert_eq!(
        shepherd[1].messages[0].text(),
        "12 + 30 + 1 - 2 Step 1: 12 + 30 = 42 ки\nStep 2: 42 + 1 = 44 ки"
    );
    assert!(matches!(&shepherd[1].ask, Ask::Choose { labels } if *labels == [" +", " -"]));
    let rlhflow = asked("rlhflow-prm").await;
    assert_eq!(
        read(&rlhflow[2]),
        "user: 12 + 30 + 1 - 2 12 + 30 = 42\nassistant: +\nuser: 42 + 1 = 44\nassistant: +\nuser: 44 - 2 = 42\n"
    );
    assert!(!rlhflow[2].open);
}

#[tokio::test]
async fn a_prompt_may_give_every_step_a_value_beside_its_verdict() {
    let file = "\
---
kind: steps
mass: 0
fields: {problem: required, steps: required}
verdict: {choose: sign, values: {\"+\": correct, \"-\": incorrect}}
value: {choose: outcome, values: {\"Yes\": correct, \"No\": incorrect}}
reduce: product
---
user:
{{ problem }}
assistant:
{% for step in steps %}{{ step }}{{ probe(\"sign\", [\" +\", \" -\"], at=loop.index0, shown=\"\") }}{{ probe(\"outcome\", [\" Yes\", \" No\"], at=loop.index0, shown=\"\") }}
{% endfor %}";
    let model = Arc::new(tiny(|_| ()).await);
    let prompt = Prompt::parse("both", file).unwrap();
    let judge = Judge::builder().backend(model.clone()).with_prompt(prompt).build().await.unwrap();
    let judgment = judge.judge(&item()).await.unwrap();
    let steps = &judgment.steps().unwrap().steps;
    assert!(steps.iter().all(|step| (0.0..=1.0).contains(&step.value.unwrap())));
    assert!(steps.iter().any(|step| step.value != step.p));
    assert_eq!(model.figures().requests, 2, "one for each kind of sign");
    assert_eq!(reread(&judge, &item(), &judgment).verdict, judgment.verdict);
    // The line holds both, and is read back.
    let mut line = ResultLine::of(Ok(&judgment));
    line.id = "a".into();
    let line = line.to_string();
    let read: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(read["steps"][1]["value"], json!(steps[1].value.unwrap()));
    assert_eq!(read["score"], json!(judgment.score().unwrap()));
    let back = Judgment::try_from(ResultLine::read(line).unwrap());
    assert_eq!(back.unwrap().verdict, judgment.verdict);
    let wrong = file.replace("value: {choose: outcome", "value: {choose: outcomes");
    let error = Prompt::parse("both", &wrong).unwrap_err();
    assert!(format!("{error:?}").contains("did you mean `outcome`?"), "{error:?}");
}

#[tokio::test]
async fn the_rule_for_one_number_can_be_set_and_passes_are_decided_by_it() {
    let model = Arc::new(tiny(|_| ()).await);
    for (reduce, pass) in [("last", "score >= 0"), ("soft-min:0.2", "normalized < 1")] {
        let how: Reduce = reduce.parse().unwrap();
        let builder = Judge::builder().backend(model.clone()).prompt("math-shepherd");
        let judge = builder.reduce(how).pass(pass).build().await.unwrap();
        let judgment = judge.judge(&item()).await.unwrap();
        assert_eq!(judgment.score(), how.of(&shares(&judgment)));
        assert_eq!(judgment.pass, Some(true));
    }
    let without = Judge::builder().backend(model.clone()).prompt("tiny-steps").pass("score >= 0.5");
    let error = without.build().await.unwrap_err();
    assert!(format!("{error:?}").contains("reduce"), "{error:?}");
    let score = Judge::builder().backend(model).prompt("score").reduce(Reduce::Min);
    assert_eq!(score.build().await.unwrap_err().kind(), ErrorKind::Prompt);
}

/// The log-probabilities of the tokens of a text after the problem, with the end of each in characters.
async fn weighed(model: &Llama, text: &str) -> Vec<(f64, usize)> {
    let problem = Message::new(Role::User, "12 + 30 + 1 - 2", Origin::Data);
    let ask = Ask::Logprobs { of: text.to_owned(), reference: false };
    let answer = model.complete(&Request::generate(vec![problem]).ask(ask)).await.unwrap();
    answer.logprobs.into_iter().zip(answer.ends).collect()
}

#[tokio::test]
async fn implicit_rewards_are_log_ratios_of_two_quantizations_summed_up_to_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(tiny(|_| ()).await);
    let reference = Llama::load(LlamaOptions::file(tiny_in_q5(folder.path()))).await.unwrap();
    let reference = Arc::new(reference);
    let text = "Step 1: 12 + 30 = 42\n\nStep 2: 42 + 1 = 44\n\nStep 3: 44 - 2 = 42";
    let (own, other) = (weighed(&model, text).await, weighed(&reference, text).await);
    assert_ne!(own, other, "the two models differ");
    let ends = [20, 20 + 21, text.len()];
    let builder = Judge::builder().backend(model.clone()).reference(reference.clone());
    let judge = builder.prompt("implicit-prm").build().await.unwrap();
    let judgment = judge.judge(&item()).await.unwrap();
    let steps = &judgment.steps().unwrap().steps;
    assert_eq!(steps.len(), 3);
    for (step, end) in steps.iter().zip(ends) {
        // Tokens that begin before the end of the step.
        let sum = |tokens: &[(f64, usize)]| -> f64 {
            let starts = [0].into_iter().chain(tokens.iter().map(|(_, end)| *end));
            let until = starts.zip(tokens).filter(|(start, _)| *start < end);
            until.map(|(_, (logprob, _))| logprob).sum()
        };
        let value = 0.001 * (sum(&own) - sum(&other));
        assert!((step.value.unwrap() - value).abs() < 1e-9, "{step:?} {value}");
        assert!((step.p.unwrap() - 1.0 / (1.0 + (-value).exp())).abs() < 1e-12);
    }
    assert_eq!(judgment.score(), Reduce::Min.of(&shares(&judgment)));
    assert_eq!(judgment.calls, 2, "one request for each model");
    // Reading the stored sums again gives the same.
    assert_eq!(reread(&judge, &item(), &judgment).verdict, judgment.verdict);
}

#[tokio::test]
async fn the_answer_with_the_larger_implicit_reward_is_preferred() {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(tiny(|_| ()).await);
    let reference = Llama::load(LlamaOptions::file(tiny_in_q5(folder.path()))).await.unwrap();
    let builder =
        Judge::builder().backend(model).reference(reference).prompt("implicit-preference");
    let judge = builder.build().await.unwrap();
    let pair = |one: &str, other: &str| Item::new().question("12 + 30").answers([one, other]);
    let judgment = judge.judge(&pair("It is 42.", "It is 43, I think.")).await.unwrap();
    let swapped = judge.judge(&pair("It is 43, I think.", "It is 42.")).await.unwrap();
    let first = |judgment: &Judgment| judgment.distribution.as_ref().unwrap().of("first").unwrap();
    assert!((first(&judgment) + first(&swapped) - 1.0).abs() < 1e-9);
    assert_ne!(judgment.preference(), swapped.preference());
    let same = judge.judge(&pair("It is 42.", "It is 42.")).await.unwrap();
    assert_eq!(same.preference().unwrap().name(), "tie");
}

#[tokio::test]
async fn without_a_reference_model_the_way_to_name_one_is_shown() {
    let model = tiny(|_| ()).await;
    let error = Judge::builder().backend(model).prompt("implicit-prm").build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(format!("{error:?}").contains("reference_model"), "{error:?}");
}

#[tokio::test]
async fn steps_begin_where_the_model_is_least_sure() {
    let model = Arc::new(tiny(|_| ()).await);
    let text = "12 + 30 = 42. 42 + 1 = 99. 99 - 2 = 97.";
    let item = Item::from(json!({"problem": "12 + 30 + 1 - 2", "answer": text}));
    let share = 0.1;
    let (logprobs, ends): (Vec<f64>, Vec<usize>) = weighed(&model, text).await.into_iter().unzip();
    let expected = Splitting::least_sure(share, &logprobs, &ends);
    let builder = Judge::builder().backend(model.clone()).prompt("math-shepherd");
    let judge = builder.split_steps(Splitting::Confidence(share)).build().await.unwrap();
    let before = model.figures().requests;
    let judgment = judge.judge(&item).await.unwrap();
    assert_eq!(model.figures().requests - before, 2, "one to read the text, one for all steps");
    let steps = Splitting::at_characters(text, &expected);
    assert!(steps.len() > 1, "{steps:?}");
    assert_eq!(judgment.steps().unwrap().steps.len(), steps.len(), "{steps:?}");
    assert_eq!(reread(&judge, &item, &judgment).verdict, judgment.verdict);
    let each =
        Judge::builder().backend(model).prompt("steps").split_steps(Splitting::Confidence(0.1));
    assert!(format!("{:?}", each.build().await.unwrap_err()).contains("each"));
}

#[cfg(feature = "config")]
#[tokio::test]
async fn the_reference_model_is_named_in_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let reference = tiny_in_q5(folder.path());
    let file = folder.path().join("tribunal.toml");
    let text = format!(
        "[judge.reward]\nprompt = 'implicit-prm'\nmodel = 'tiny'\nreference_model = 'base'\n\
         reduce = 'last'\nsplit_steps = 'latex'\n\n[model.base]\nname = '{}'\nkv_type = 'f32'\n",
        reference.display()
    );
    std::fs::write(&file, text).unwrap();
    let config = tribunal::config::Config::read(&file).unwrap();
    let judge = config.judge(Some("reward")).unwrap().build().await.unwrap();
    assert!(judge.identity().contains("|reference:gguf|"), "{}", judge.identity());
    let item = Item::from(json!({"problem": "12 + 30", "answer": "12 + 30 = 42. So it is 42."}));
    let judgment = judge.judge(&item).await.unwrap();
    let shares = shares(&judgment);
    assert_eq!((shares.len(), judgment.score()), (2, shares.last().copied()));
}
