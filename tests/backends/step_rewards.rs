//! Rewards at the ends of steps, read from answers of vLLM's `/pooling` in the forms that its versions have.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tribunal::{
    Error, Item, Judge, Judgment, Prompt,
    backend::{Backend, Script, openai::OpenAi},
    error::ErrorKind,
    line::ResultLine,
};

use crate::support::openai::{settings, shown};

type Answer = Result<Value, (u16, Value)>;
type Handler = dyn Fn(&str, &Value) -> Answer + Send + Sync;

/// A server that answers with what a test wrote down, and notes what it was sent.
struct Recorded {
    url: String,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
}

#[derive(Clone)]
struct Shared {
    answer: Arc<Handler>,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Recorded {
    async fn start(answer: impl Fn(&str, &Value) -> Answer + Send + Sync + 'static) -> Self {
        let shared = Shared { answer: Arc::new(answer), seen: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = shared.seen.clone();
        let routes = Router::new().fallback(answered).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, seen }
    }

    /// One that answers every `/pooling` with these outputs, for a prompt of so many tokens.
    async fn pooling(data: Value, tokens: usize) -> Self {
        Self::start(move |path, _| match path {
            "/pooling" => Ok(pooled(&data, tokens)),
            _ => Err(missing()),
        })
        .await
    }

    fn bodies(&self, path: &str) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|(other, _)| other == path).map(|(_, body)| body.clone()).collect()
    }
}

async fn answered(State(shared): State<Shared>, uri: Uri, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    shared.seen.lock().unwrap().push((uri.path().to_owned(), body.clone()));
    match (shared.answer)(uri.path(), &body) {
        Ok(answer) => Json(answer).into_response(),
        Err((status, body)) => (StatusCode::from_u16(status).unwrap(), Json(body)).into_response(),
    }
}

/// An answer of `/pooling` as vLLM writes it.
fn pooled(data: &Value, tokens: usize) -> Value {
    json!({
        "id": "pool-1", "object": "list", "created": 1_764_000_000, "model": "m",
        "data": [{ "index": 0, "object": "pooling", "data": data }],
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0 },
    })
}

fn missing() -> (u16, Value) {
    (404, json!({ "detail": "Not Found" }))
}

fn refused(message: &str) -> (u16, Value) {
    (400, json!({ "error": { "message": message, "type": "BadRequestError", "code": 400 } }))
}

fn item() -> Item {
    let steps = ["17 + 20 = 37.", "37 + 5 = 43.", "So it is <extra_0>43."];
    Item::from(json!({ "problem": "What is 17 + 25?", "steps": steps }))
}

async fn judge(model: impl Backend + 'static) -> Result<Judge, Error> {
    Judge::builder().backend(Arc::new(model) as Arc<dyn Backend>).prompt("qwen-prm").build().await
}

async fn judged(server: &Recorded) -> Result<Judgment, Error> {
    let model = OpenAi::new(settings(&server.url, Some("vllm"))).unwrap();
    judge(model).await?.judge(&item()).await
}

fn shares(judgment: &Judgment) -> Vec<f64> {
    judgment.steps().unwrap().steps.iter().map(|step| step.p.unwrap()).collect()
}

fn near(seen: &[f64], expected: &[f64]) -> bool {
    seen.len() == expected.len() && seen.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9)
}

#[tokio::test]
async fn the_head_is_read_after_every_step_by_one_request() {
    let data = json!([[0.03125, 0.96875], [0.875, 0.125], [0.75, 0.25]]);
    let server = Recorded::pooling(data, 61).await;
    let judgment = judged(&server).await.unwrap();
    assert!(near(&shares(&judgment), &[0.96875, 0.125, 0.25]), "{judgment:?}");
    assert_eq!(judgment.first_error(), Some(Some(1)));
    assert!(near(&[judgment.score().unwrap()], &[0.96875 * 0.125 * 0.25]), "the product");
    let bodies = server.bodies("/pooling");
    assert_eq!(bodies.len(), 1);
    // The conversation of the model card. A judged text cannot hold the sign of a step.
    let turns = json!([
        { "role": "system", "content": "Please reason step by step, and put your final answer within \\boxed{}." },
        { "role": "user", "content": "What is 17 + 25?" },
        { "role": "assistant", "content":
            "17 + 20 = 37.<extra_0>37 + 5 = 43.<extra_0>So it is < extra_0>43.<extra_0>" },
    ]);
    assert_eq!(bodies[0]["messages"], turns);
    assert_eq!(bodies[0]["task"], "token_classify");
    assert_eq!(
        (&bodies[0]["use_activation"], &bodies[0]["add_generation_prompt"]),
        (&json!(false), &json!(false))
    );
}

#[tokio::test]
async fn logits_are_divided_here_and_one_output_is_a_logit() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    for (data, logits) in [
        (json!([[-2.0, 3.0], [1.5, -0.5], [0.25, 0.25]]), [5.0, -2.0, 0.0]),
        (json!([[4.0], [-1.0], [0.5]]), [4.0, -1.0, 0.5]),
        (json!([4.0, -1.0, 0.5]), [4.0, -1.0, 0.5]),
    ] {
        let server = Recorded::pooling(data, 61).await;
        let judgment = judged(&server).await.unwrap();
        assert!(near(&shares(&judgment), &logits.map(sigmoid)), "{judgment:?}");
    }
}

#[tokio::test]
async fn of_outputs_for_every_token_those_at_the_ends_of_the_steps_count() {
    // A token for every character; the sign of a step is one.
    let text = |turns: &Value| -> String {
        let turns = turns.as_array().unwrap().iter();
        turns.map(|turn| format!("|{}", turn["content"].as_str().unwrap())).collect()
    };
    let tokens = |text: &str| -> Vec<i64> {
        text.replace("<extra_0>", "\u{1}").chars().map(|c| i64::from(u32::from(c))).collect()
    };
    let server = Recorded::start(move |path, body| {
        let all = tokens(&text(&body["messages"]));
        match path {
            "/pooling" => {
                let mut step = 0;
                let output = |id: &i64| {
                    step += u8::from(*id == 1);
                    let right =
                        [0.5, 0.75, 0.25, 0.125][usize::from(if *id == 1 { step } else { 0 })];
                    json!([1.0 - right, right])
                };
                let data: Value = all.iter().map(output).collect();
                Ok(pooled(&data, all.len()))
            }
            "/tokenize" => Ok(json!({ "tokens": all, "count": all.len(), "max_model_len": 4096 })),
            _ => Err(missing()),
        }
    })
    .await;
    let judgment = judged(&server).await.unwrap();
    assert!(near(&shares(&judgment), &[0.75, 0.25, 0.125]), "{judgment:?}");
    let asked = server.bodies("/tokenize");
    assert_eq!(asked.len(), 4);
    assert!(asked[1]["messages"][2]["content"].as_str().unwrap().ends_with("37.<extra_0>"));
    let open: Vec<_> = asked.iter().map(|body| body["continue_final_message"] == true).collect();
    assert_eq!(open, [false, true, true, true]);
}

#[tokio::test]
async fn a_version_that_refuses_the_task_is_asked_without() {
    let server = Recorded::start(|_, body| match body["task"].as_str() {
        Some(_) => Err(refused("task: Input should be 'encode'")),
        None => Ok(pooled(&json!([[0.25, 0.75], [0.25, 0.75], [0.25, 0.75]]), 61)),
    })
    .await;
    let judgment = judged(&server).await.unwrap();
    assert!(near(&shares(&judgment), &[0.75; 3]));
    assert_eq!(server.bodies("/pooling").len(), 2);
}

#[tokio::test]
async fn outputs_that_do_not_belong_to_the_steps_fail_the_record_with_the_reason() {
    for (data, reason) in [
        (json!([[0.1, 0.9], [0.1, 0.9]]), "2 rewards for 3 steps"),
        (json!([[0.1, 0.9], [0.1, 0.9], [0.1, 0.9], [0.1, 0.9]]), "4 rewards for 3 steps"),
        (json!([[0.1, 0.9], [null, 0.9], [0.1, 0.9]]), "output 2 is null"),
        (json!([[0.1, 0.9], [0.1, 0.9], [0.1, "NaN"]]), "output 3 is \"NaN\""),
        (json!([]), "no outputs"),
        (json!("AAAAPw=="), "no outputs"),
    ] {
        let server = Recorded::pooling(data, 61).await;
        let error = judged(&server).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model, "{error:?}");
        let shown = shown(&error);
        assert!(shown.contains(reason) && shown.contains("prompts render"), "{shown}");
        assert!(!error.is_transient() && !error.is_fatal(), "another record may be read");
    }
}

#[tokio::test]
async fn a_server_without_such_a_head_is_an_error_with_the_way_out() {
    let embeddings = json!([[0.1, 0.2, 0.3], [0.1, 0.2, 0.3], [0.1, 0.2, 0.3]]);
    for server in [
        Recorded::start(|_, _| Err(missing())).await,
        Recorded::start(|_, _| Err(refused("The model does not support Pooling API"))).await,
        Recorded::pooling(embeddings, 61).await,
    ] {
        let error = judged(&server).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        let shown = shown(&error);
        assert!(shown.contains("--runner pooling") && shown.contains("math-shepherd"), "{shown}");
    }
}

#[tokio::test]
async fn models_that_cannot_have_such_a_head_are_refused_before_the_first_record() {
    let text = Script::always("7").capable(tribunal::backend::Capabilities::TEXT);
    let errors = [
        judge(text).await.unwrap_err(),
        judge(OpenAi::new(settings("http://127.0.0.1:9/v1", Some("sglang"))).unwrap())
            .await
            .unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(shown(&error).contains("vllm/MODEL"), "{error:?}");
    }
}

#[tokio::test]
async fn stored_rewards_are_read_again_without_a_request() {
    let server = Recorded::pooling(json!([[0.25, 0.75], [0.75, 0.25], [0.5, 0.5]]), 61).await;
    let model = OpenAi::new(settings(&server.url, Some("vllm"))).unwrap();
    let judge = judge(model).await.unwrap();
    let judgment = judge.judge(&item()).await.unwrap();
    let votes = ResultLine::of(Ok(&judgment)).votes.unwrap();
    let again = judge.reread(&item(), &votes, None).unwrap();
    assert_eq!(shares(&again), shares(&judgment));
    assert_eq!((again.score(), again.first_error()), (judgment.score(), judgment.first_error()));
    assert_eq!(server.bodies("/pooling").len(), 1);
}

#[test]
fn the_sign_of_a_step_must_be_shown_and_in_one_turn() {
    let prompt = |body: &str| {
        let keys = "kind: steps\nfields: {steps: required}\nverdict: {choose: r, values: {correct: correct, incorrect: incorrect}}";
        Prompt::parse("mine", &format!("---\n{keys}\n---\nuser:\n?\nassistant:\n{body}"))
    };
    let each = |call: &str| {
        prompt(&format!("{{% for step in steps %}}{{{{ step }}}}{call}{{% endfor %}}"))
    };
    assert!(each("{{ reward('r', at=loop.index0, shown='ки') }}").is_ok());
    for (body, reason) in [
        (each("{{ reward('r', at=loop.index0) }}"), "shown="),
        (each("{{ reward('r', at=loop.index0, shown='') }}"), "may not be empty"),
        (each("{{ reward('r', shown='ки') }}"), "called twice"),
        (
            each("{{ reward('r', at=loop.index0, shown='ки') }}\nuser:\n?\nassistant:\n"),
            "several turns",
        ),
    ] {
        let error = body.unwrap_err();
        assert!(format!("{error:?} {error}").contains(reason), "{reason}: {error:?}");
    }
}
