//! A toy model behind the routes of vLLM, SGLang and llama.cpp's server, as their documentation describes them.
//!
//! Its tokens are pieces of text, and the probability of each token after each text is known, so that the probability of
//! any label can be computed by hand. Two of its tokens join a blank with what follows, as real vocabularies do.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

/// Tokens of several characters; all other characters are tokens of their own.
const WORDS: [&str; 12] = [
    "<|begin|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
    " Yes",
    " No",
    "Yes",
    "No",
    "Answer",
    " [[",
    "]]",
];

/// The number of tokens: the words, and the characters of ASCII.
const TOKENS: usize = WORDS.len() + 128;

/// The tokens of a text: the longest word at each place, otherwise the character.
pub fn tokens(text: &str) -> Vec<i64> {
    let mut rest = text;
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let fits = WORDS.iter().enumerate().filter(|(_, word)| rest.starts_with(**word));
        let (id, length) = match fits.max_by_key(|(_, word)| word.len()) {
            Some((id, word)) => (id, word.len()),
            None => (WORDS.len() + first as usize, first.len_utf8()),
        };
        tokens.push(i64::try_from(id).unwrap());
        rest = &rest[length..];
    }
    tokens
}

/// The text of a token.
fn text(token: i64) -> String {
    let id = usize::try_from(token).unwrap();
    WORDS.get(id).map_or_else(
        || char::from(u8::try_from(id - WORDS.len()).unwrap()).to_string(),
        |word| (*word).to_owned(),
    )
}

/// The natural-log probability of every token after these.
fn logs(prefix: &[i64]) -> Vec<f64> {
    let hash = |token: i64| {
        let all = prefix.iter().chain([&token]);
        all.fold(0xcbf2_9ce4_8422_2325_u64, |hash, token| {
            (hash ^ token.unsigned_abs()).wrapping_mul(0x0100_0000_01b3)
        })
    };
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let odds = |token: usize| ((hash(i64::try_from(token).unwrap()) >> 17) % 700) as f64 / 100.0;
    let odds: Vec<f64> = (0..TOKENS).map(odds).collect();
    let total = odds.iter().map(|odds| odds.exp()).sum::<f64>().ln();
    odds.into_iter().map(|odds| odds - total).collect()
}

/// The natural-log probability of a token after these.
pub fn log(prefix: &[i64], token: i64) -> f64 {
    logs(prefix)[usize::try_from(token).unwrap()]
}

/// The likeliest tokens after these.
fn top(prefix: &[i64], count: usize) -> Vec<(i64, f64)> {
    let logs = logs(prefix).into_iter().enumerate();
    let mut all: Vec<(i64, f64)> =
        logs.map(|(id, log)| (i64::try_from(id).unwrap(), log)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(count);
    all
}

/// A conversation as text; the last turn is continued, or another one begun.
fn rendered(body: &Value, is_open: bool) -> String {
    let turns = body["messages"].as_array().unwrap();
    let mut text = String::new();
    for turn in turns {
        let (role, content) = (turn["role"].as_str().unwrap(), turn["content"].as_str().unwrap());
        text += &format!("<|{role}|>{content}<|end|>");
    }
    if is_open { text.trim_end_matches("<|end|>").to_owned() } else { text + "<|assistant|>" }
}

/// What a server lacks, or does in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Without {
    /// The routes beside `/v1`, which a gateway does not forward.
    Native,
    /// `logprob_token_ids`, which older versions of vLLM ignore.
    ChosenTokens,
    /// `prompt_logprobs`, which are refused.
    PromptLogprobs,
    /// Conversations in `/v1/tokenize`: only texts.
    TokenizedTurns,
    /// Ids of the tokens of a prompt in answers of SGLang.
    PromptTokens,
    /// Scores without a token between items.
    PlainScores,
    /// Probabilities before sampling in llama.cpp's server, as before December 2024.
    PlainProbabilities,
    /// Memory at the first request, so that it fails for a moment.
    Patience,
    /// A head of rewards: it is a model that writes.
    Head,
}

/// The software of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    Vllm,
    Sglang,
    LlamaCpp,
}

/// A server of the toy model.
#[derive(Clone)]
pub struct Toy {
    /// Up to and including `/v1`.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    software: Software,
    without: Vec<Without>,
    seen: Mutex<Vec<(String, Value)>>,
}

type Answer = Result<Value, (u16, &'static str)>;

const MISSING: (u16, &str) = (404, "Not Found");

impl Toy {
    /// Starts a server of this software, which lacks these.
    pub async fn start(software: Software, without: &[Without]) -> Self {
        let shared = Shared { software, without: without.to_vec(), seen: Mutex::default() };
        let shared = Arc::new(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let routes = Router::new().fallback(answered).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, shared }
    }

    /// The requests of a route so far.
    pub fn seen(&self, path: &str) -> Vec<Value> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|(other, _)| other == path).map(|(_, body)| body.clone()).collect()
    }

    /// How many requests a route got so far.
    pub fn count(&self, path: &str) -> usize {
        self.seen(path).len()
    }
}

async fn answered(State(shared): State<Arc<Shared>>, uri: Uri, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let path = uri.path().to_owned();
    let index = {
        let mut seen = shared.seen.lock().unwrap();
        seen.push((path.clone(), body.clone()));
        seen.iter().filter(|(other, _)| *other == path).count() - 1
    };
    let without = |what| shared.without.contains(&what);
    let answer = match (shared.software, path.as_str()) {
        (Software::Vllm, "/v1/models") => {
            Ok(json!({ "data": [{ "id": "m", "owned_by": "vllm" }] }))
        }
        (_, path) if !path.starts_with("/v1/") && without(Without::Native) => Err(MISSING),
        (_, path) if path != "/v1/models" && index == 0 && without(Without::Patience) => {
            Err((503, "loading"))
        }
        (Software::Vllm, path) => vllm(path, &body, &without),
        (Software::Sglang, path) => sglang(path, &body, &without),
        (Software::LlamaCpp, path) => llamacpp(path, &body, &without),
    };
    match answer {
        Ok(answer) => Json(answer).into_response(),
        Err((status, message)) => {
            let error = Json(json!({ "error": { "message": message, "code": status } }));
            (StatusCode::from_u16(status).unwrap(), error).into_response()
        }
    }
}

/// One token of an answer with its likeliest alternatives, as chat completions report them.
fn chat(prefix: &[i64], alternatives: usize) -> Value {
    let all = top(prefix, alternatives.max(1));
    let listed: Vec<_> =
        all.iter().map(|(id, log)| json!({ "token": text(*id), "logprob": log })).collect();
    let logprobs = (alternatives > 0).then(|| {
        json!({ "content": [{ "token": text(all[0].0), "logprob": all[0].1, "top_logprobs": listed }] })
    });
    json!({
        "object": "chat.completion",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text(all[0].0) },
            "finish_reason": "length",
            "logprobs": logprobs,
        }],
        "usage": { "prompt_tokens": prefix.len(), "completion_tokens": 1 },
    })
}

fn alternatives(body: &Value) -> usize {
    usize::try_from(body["top_logprobs"].as_u64().unwrap_or(0)).unwrap()
}

fn ids(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

fn vllm(path: &str, body: &Value, without: &dyn Fn(Without) -> bool) -> Answer {
    let is_open = body["continue_final_message"] == true;
    if is_open && body["add_generation_prompt"] != false {
        return Err((400, "Cannot set both `continue_final_message` and `add_generation_prompt`"));
    }
    let wants_prompt = !body["prompt_logprobs"].is_null();
    if wants_prompt && without(Without::PromptLogprobs) {
        return Err((400, "prompt_logprobs is not supported here"));
    }
    match path {
        "/tokenize" => {
            let text = match body["prompt"].as_str() {
                Some(prompt) => prompt.to_owned(),
                None => rendered(body, is_open),
            };
            let tokens = tokens(&text);
            Ok(json!({ "count": tokens.len(), "max_model_len": 4096, "tokens": tokens }))
        }
        "/v1/chat/completions" => {
            let prompt = tokens(&rendered(body, is_open));
            let mut answer = chat(&prompt, alternatives(body));
            if wants_prompt {
                answer["prompt_logprobs"] = of_prompt(&prompt);
            }
            Ok(answer)
        }
        "/v1/completions" => {
            let prompts: Vec<Vec<i64>> = match body["prompt"][0].as_i64() {
                Some(_) => vec![ids(&body["prompt"])],
                None => body["prompt"].as_array().unwrap().iter().map(ids).collect(),
            };
            let choice = |(index, prompt): (usize, &Vec<i64>)| {
                let prompt_logprobs = wants_prompt.then(|| of_prompt(prompt));
                let logprobs = body["logprobs"].as_u64().map(|count| {
                    let named = |(id, log): (i64, f64)| (format!("token_id:{id}"), json!(log));
                    let most = usize::try_from(count).unwrap();
                    let chosen = &body["logprob_token_ids"];
                    let reported: Map<String, Value> =
                        if chosen.is_array() && !without(Without::ChosenTokens) {
                            let chosen = ids(chosen).into_iter().map(|id| (id, log(prompt, id)));
                            chosen.chain(top(prompt, 1)).map(named).collect()
                        } else {
                            top(prompt, most).into_iter().map(named).collect()
                        };
                    json!({ "top_logprobs": [reported] })
                });
                json!({
                    "index": index, "text": "", "finish_reason": "length",
                    "logprobs": logprobs, "prompt_logprobs": prompt_logprobs,
                })
            };
            let choices: Vec<_> = prompts.iter().enumerate().map(choice).collect();
            let count: usize = prompts.iter().map(Vec::len).sum();
            let usage = json!({ "prompt_tokens": count, "completion_tokens": prompts.len() });
            Ok(json!({ "object": "text_completion", "choices": choices, "usage": usage }))
        }
        "/pooling" | "/classify" if without(Without::Head) => {
            Err((400, "The model does not support Pooling API"))
        }
        "/pooling" => Err((404, "The model does not support Pooling API")),
        "/classify" => {
            let text = body["input"].as_str().map_or_else(|| rendered(body, false), str::to_owned);
            let text = text.trim_end_matches("<|assistant|>");
            let reward = reward(text);
            let shown = if body["use_activation"] == false { reward } else { 1.0 };
            let data =
                json!([{ "index": 0, "label": "LABEL_0", "probs": [shown], "num_classes": 1 }]);
            Ok(json!({ "object": "list", "data": data, "usage": { "prompt_tokens": 7 } }))
        }
        _ => Err(MISSING),
    }
}

/// The output of the toy's reward head after a text.
#[expect(clippy::cast_precision_loss, reason = "a short text")]
pub fn reward(text: &str) -> f64 {
    tokens(text).len() as f64 / 8.0 - 5.0
}

/// The tokens of a prompt with their log-probabilities, as vLLM reports them.
fn of_prompt(prompt: &[i64]) -> Value {
    let token = |at: usize| {
        let id = prompt[at];
        let entry =
            json!({ "logprob": log(&prompt[..at], id), "rank": 1, "decoded_token": text(id) });
        json!(BTreeMap::from([(id.to_string(), entry)]))
    };
    let rest = (1..prompt.len()).map(token);
    std::iter::once(Value::Null).chain(rest).collect()
}

fn sglang(path: &str, body: &Value, without: &dyn Fn(Without) -> bool) -> Answer {
    let is_open = body["continue_final_message"] == true;
    match path {
        "/v1/tokenize" => {
            let text = match body["prompt"].as_str() {
                Some(prompt) => prompt.to_owned(),
                None if without(Without::TokenizedTurns) => {
                    return Err((422, "prompt: Field required"));
                }
                None => rendered(body, is_open),
            };
            let tokens = tokens(&text);
            Ok(json!({ "tokens": tokens, "count": tokens.len(), "max_model_len": 4096 }))
        }
        "/v1/chat/completions" => {
            let prompt = tokens(&rendered(body, is_open));
            let mut answer = chat(&prompt, alternatives(body));
            if body["return_prompt_token_ids"] == true && !without(Without::PromptTokens) {
                answer["choices"][0]["prompt_token_ids"] = json!(prompt);
            }
            Ok(answer)
        }
        "/generate" => {
            let prompts: Vec<Vec<i64>> = match body["input_ids"][0].as_i64() {
                Some(_) => vec![ids(&body["input_ids"])],
                None => body["input_ids"].as_array().unwrap().iter().map(ids).collect(),
            };
            let answer = |(at, prompt): (usize, &Vec<i64>)| {
                if let Some(start) = body["logprob_start_len"]
                    .as_u64()
                    .filter(|_| body["return_text_in_logprobs"] == true)
                {
                    let start = usize::try_from(start).unwrap();
                    let token = |at: usize| {
                        let log = (at > start).then(|| log(&prompt[..at], prompt[at]));
                        json!([log, prompt[at], text(prompt[at])])
                    };
                    let all: Vec<_> = (start..prompt.len()).map(token).collect();
                    return json!({ "text": "", "meta_info": {
                        "prompt_tokens": prompt.len(), "completion_tokens": 1, "input_token_logprobs": all,
                    }});
                }
                let chosen = ids(&body["token_ids_logprob"][at]);
                let chosen: Vec<_> =
                    chosen.into_iter().map(|id| json!([log(prompt, id), id, null])).collect();
                json!({ "text": "", "meta_info": {
                    "prompt_tokens": prompt.len(), "completion_tokens": 1,
                    "output_token_ids_logprobs": [chosen],
                }})
            };
            Ok(prompts.iter().enumerate().map(answer).collect())
        }
        "/v1/score" => {
            let query = ids(&body["query"]);
            let items: Vec<Vec<i64>> = body["items"].as_array().unwrap().iter().map(ids).collect();
            assert!(items.iter().all(|item| !item.is_empty()), "items must hold tokens");
            let joined = without(Without::PlainScores);
            let count: usize =
                items.iter().map(|item| query.len() + item.len() + usize::from(joined)).sum();
            let score = |item: &Vec<i64>| {
                let between = if joined { vec![0] } else { Vec::new() };
                let prompt = [&query[..], &between, item].concat();
                let chosen = ids(&body["label_token_ids"]);
                chosen.into_iter().map(|id| log(&prompt, id).exp()).collect::<Vec<_>>()
            };
            let scores: Vec<_> = items.iter().map(score).collect();
            Ok(
                json!({ "scores": scores, "usage": { "prompt_tokens": count }, "object": "scoring" }),
            )
        }
        "/classify" if !without(Without::Head) => {
            let reward = reward(body["text"].as_str().unwrap());
            Ok(json!([{ "embedding": [reward], "meta_info": { "prompt_tokens": 9 } }]))
        }
        _ => Err(MISSING),
    }
}

fn llamacpp(path: &str, body: &Value, without: &dyn Fn(Without) -> bool) -> Answer {
    let is_open = body["messages"]
        .as_array()
        .is_some_and(|turns| turns.last().is_some_and(|turn| turn["role"] == "assistant"));
    match path {
        "/apply-template" => Ok(json!({ "prompt": rendered(body, is_open) })),
        "/tokenize" => {
            let begin = if body["add_special"] == true { "<|begin|>" } else { "" };
            Ok(
                json!({ "tokens": tokens(&format!("{begin}{}", body["content"].as_str().unwrap())) }),
            )
        }
        "/v1/chat/completions" => {
            let prompt = tokens(&format!("<|begin|>{}", rendered(body, is_open)));
            Ok(chat(&prompt, alternatives(body)))
        }
        "/completion" => {
            let prompt = ids(&body["prompt"]);
            let forced = body["logit_bias"][0][0].as_i64().unwrap();
            let count = usize::try_from(body["n_probs"].as_u64().unwrap()).unwrap();
            let listed =
                |(id, log): (i64, f64)| json!({ "id": id, "token": text(id), "logprob": log });
            let others: Vec<_> = top(&prompt, count).into_iter().map(listed).collect();
            let sampled = if without(Without::PlainProbabilities) {
                json!({ "content": text(forced), "probs": [{ "tok_str": text(forced), "prob": 1.0 }] })
            } else {
                let log = log(&prompt, forced);
                json!({ "id": forced, "token": text(forced), "logprob": log, "top_logprobs": others })
            };
            Ok(json!({ "content": text(forced), "completion_probabilities": [sampled] }))
        }
        _ => Err(MISSING),
    }
}
