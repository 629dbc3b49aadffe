//! `probe`: a label is weighed after every step while the text goes on, as process reward models are used.

#![cfg(all(feature = "llama", feature = "tiny"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::{Arc, Mutex};

use tribunal::{
    Completion, Item, Judge, Judgment, Prompt,
    backend::{Backend, from_fn},
    completion::Distribution,
    request::{Ability, Ask, Capabilities, Logprobs, Request},
};

use crate::shipped::tiny;

/// The sign after a step is always `+`, whatever the model thinks of the step.
const PROMPT: &str = "\
---
kind: steps
mass: 0
fields: {problem: required, steps: required}
verdict: {choose: sign, values: {\"+\": correct, \"-\": incorrect}}
---
user:
{{ problem }}
assistant:
{% for step in steps %}{{ step }} {{ probe(\"sign\", [\"+\", \"-\"], at=loop.index0, shown=\"+\") }}
{% endfor %}";

/// The same with a request for every sign.
fn one_by_one() -> String {
    let probe = "{{ probe(\"sign\", [\"+\", \"-\"], at=loop.index0, shown=\"+\") }}";
    let choose = "{% set sign = choose(\"sign\", [\"+\", \"-\"], at=loop.index0) %}+";
    PROMPT.replace(probe, choose)
}

fn item() -> Item {
    let steps = ["12 + 30 = 42", "42 + 1 = 44", "44 - 2 = 42"];
    Item::new().set("problem", "12 + 30 + 1 - 2").set("steps", steps.map(String::from).to_vec())
}

async fn judged(model: Arc<dyn Backend>, prompt: &str) -> Judgment {
    let prompt = Prompt::parse("signs", prompt).unwrap();
    let judge = Judge::builder().backend(model).with_prompt(prompt).build().await.unwrap();
    judge.judge(&item()).await.unwrap()
}

/// The probability of every step.
fn shares(judgment: &Judgment) -> Vec<f64> {
    judgment.steps().unwrap().steps.iter().map(|step| step.p.unwrap()).collect()
}

#[tokio::test]
async fn all_steps_are_weighed_by_one_request_and_as_if_asked_one_by_one() {
    let model = Arc::new(tiny(|_| ()).await);
    let together = judged(model.clone(), PROMPT).await;
    assert_eq!(model.figures().requests, 1, "{:?}", model.figures());
    let alone = judged(model.clone(), &one_by_one()).await;
    assert_eq!(model.figures().requests, 1 + 3);
    let (together, alone) = (shares(&together), shares(&alone));
    assert_eq!(together.len(), 3);
    for (together, alone) in together.iter().zip(&alone) {
        assert!((together - alone).abs() < 1e-3, "{together} {alone}");
    }
}

#[tokio::test]
async fn a_model_that_weighs_one_place_is_asked_for_each() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let answer = move |request: Request| {
        let log = log.clone();
        async move {
            let text = request.messages.last().unwrap().text();
            assert!(matches!(request.ask, Ask::Choose { .. }), "{:?}", request.ask);
            let good = if text.contains("44") { 0.2 } else { 0.9 };
            log.lock().unwrap().push(text);
            let labels = vec![("+".to_owned(), good), ("-".to_owned(), 1.0 - good)];
            let likeliest = if good > 0.5 { "+" } else { "-" };
            Ok(Completion::text(likeliest).distribution(Distribution::new(labels)))
        }
    };
    let mut able = Capabilities::TEXT.prefill(true).logprobs(Logprobs::Exact);
    able.choose_at = Ability::No;
    let judgment = judged(Arc::new(from_fn("signs", answer).capable(able)), PROMPT).await;
    assert_eq!(
        *asked.lock().unwrap(),
        [
            "12 + 30 = 42 ",
            "12 + 30 = 42 +\n42 + 1 = 44 ",
            "12 + 30 = 42 +\n42 + 1 = 44 +\n44 - 2 = 42 "
        ]
    );
    assert_eq!(
        shares(&judgment).iter().map(|p| p > &0.5).collect::<Vec<_>>(),
        [true, false, false]
    );
    assert_eq!(judgment.first_error(), Some(Some(1)));
}

#[test]
fn a_probe_that_is_not_printed_or_printed_twice_is_refused_when_the_prompt_is_loaded() {
    let refusal = |body: &str| {
        let file = format!("{}\nassistant:\n{body}", PROMPT.split_once("\nassistant:").unwrap().0);
        Prompt::parse("signs", &file).unwrap_err().to_string()
    };
    let probe = "probe(\"sign\", [\"+\", \"-\"], shown=\"+\")";
    let hidden = refusal(&format!("{{% set a = {probe} %}}step"));
    assert!(hidden.contains("not printed"), "{hidden}");
    let twice = refusal(&format!("a {{{{ {probe} }}}} b {{{{ {probe} }}}}"));
    assert!(twice.contains("twice"), "{twice}");
    let silent = refusal("a {{ probe(\"sign\", [\"+\", \"-\"]) }}");
    assert!(silent.contains("shown"), "{silent}");
}
