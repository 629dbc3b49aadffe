//! SGLang: `/generate` reports the log-probabilities of chosen tokens (`token_ids_logprob`); `/v1/score` reports their
//! probabilities, and is what a gateway may show that forwards nothing but `/v1`.
//!
//! A server that was started to score several items at once puts a token of its own between them. The number of
//! tokens that it reports tells, and its scores are then not used.
//!
//! ```text
//! POST /v1/tokenize  {"messages": […], "continue_final_message": true} → {"tokens": [1, 520, …]}
//! POST /generate     {"input_ids": [[1, 520, …], …], "return_logprob": true, "token_ids_logprob": [[9230, …], …],
//!                     "sampling_params": {"max_new_tokens": 1, "temperature": 1.0, …}}
//!     → [{"meta_info": {"prompt_tokens": 31, "output_token_ids_logprobs": [[[-1.2, 9230, null], …]]}}, …]
//! POST /v1/score     {"query": [1, …], "items": [[520, …], …], "label_token_ids": [9230, …], "apply_softmax": false}
//!     → {"scores": [[0.3, …], …], "usage": {"prompt_tokens": 31}}
//! ```
//!
//! Log-probabilities are those at the temperature of the request, which is 1. Older versions tokenize texts only; versions
//! from 0.5.13 on report the tokens of a prompt with an answer.

use futures_util::future::try_join_all;
use serde_json::{Map, Value, json};

use super::{
    question::{GivenTokens, Place, Question, Weighed, Weighing, tokens_in, usage_of},
    route::{Miss, Server},
};
use crate::completion::{Completion, Usage};

/// Weighs labels by `/generate`; the tokens are those of `/v1/tokenize`.
///
/// # Errors
/// One of both routes is missing, a label would be trimmed, or the server failed.
pub(super) async fn by_generate(
    server: Server<'_>,
    question: &Question<'_>,
) -> Result<Completion, Miss> {
    generate(server, question, tokens(server, question).await?).await
}

/// Weighs labels by `/generate`; the tokens are those that chat completions report for their prompts, so that each
/// label costs a request.
///
/// # Errors
/// The tokens are not reported, `/generate` is missing, a label would be trimmed, or the server failed.
pub(super) async fn by_chat_tokens(
    server: Server<'_>,
    question: &Question<'_>,
) -> Result<Completion, Miss> {
    question.check_ends()?;
    let ask = |fields: Map<String, Value>, is_open: bool| async move {
        let mut body = fields;
        continued(&mut body, is_open);
        body.insert("return_prompt_token_ids".into(), true.into());
        body.insert("max_tokens".into(), 1.into());
        let answer = server.counted().below_v1("/chat/completions", &Value::Object(body)).await?;
        tokens_in(&answer["choices"][0], "prompt_token_ids")
    };
    let plain = ask(question.fields.clone(), question.begun.is_some()).await?;
    let with = try_join_all(question.labels.iter().map(|label| ask(question.with(label), true)));
    generate(server, question, (plain, with.await?)).await
}

/// Weighs labels by `/v1/score`, all places in one request.
///
/// # Errors
/// The route is missing, or the server joins items by a token of its own.
pub(super) async fn by_score(
    server: Server<'_>,
    question: &Question<'_>,
) -> Result<Completion, Miss> {
    let (plain, with) = tokens(server, question).await?;
    let mut weighing = question.tree(&plain, with)?;
    let places = weighing.places();
    let tokens = Weighing::tokens(&places);
    // An item has one token at least, so the last one that all share belongs to the items.
    let query = weighing.shared() - 1;
    let items: Vec<&[i64]> = places.iter().map(|place| &place.prefix[query..]).collect();
    let body = json!({
        "model": question.fields.get("model"),
        "query": plain[..query],
        "items": items,
        "label_token_ids": tokens,
        "apply_softmax": false,
    });
    let answer = server.counted().below_v1("/score", &body).await?;
    let sent: usize = places.iter().map(|place| place.prefix.len()).sum();
    let seen = answer["usage"]["prompt_tokens"].as_u64();
    if seen.is_some_and(|seen| seen != sent as u64) {
        return Err(Miss::Absent("it joins items by a token of its own".to_owned()));
    }
    for (at, place) in places.iter().enumerate() {
        let scores = answer["scores"][at].as_array().map(|all| all.iter().map(Value::as_f64));
        let scores: Option<Vec<f64>> = scores.and_then(Iterator::collect);
        let scores = scores.filter(|scores| scores.len() == tokens.len());
        let scores = scores.ok_or_else(|| Miss::unreadable("score for every label"))?;
        let log =
            |token| tokens.binary_search(&token).map_or(f64::NEG_INFINITY, |n| scores[n].ln());
        weighing.weigh(place.node, log);
    }
    weighing.answer(Usage::new(sent as u64, 0))
}

/// The tokens of a given text with their log-probabilities.
///
/// # Errors
/// `/generate` is missing, the log-probabilities are not reported, or the server failed.
pub(super) async fn of_text(
    server: Server<'_>,
    given: &GivenTokens,
) -> Result<(Vec<Weighed>, Usage), Miss> {
    let body = json!({
        "input_ids": given.tokens,
        "sampling_params": { "max_new_tokens": 1, "temperature": 1.0, "top_p": 1.0, "top_k": -1 },
        "return_logprob": true,
        // The first token from here has no log-probability.
        "logprob_start_len": given.before - 1,
        "return_text_in_logprobs": true,
    });
    let answer = server.counted().native("/generate", &body).await?;
    let answer = if answer.is_array() { &answer[0] } else { &answer };
    let all = answer["meta_info"]["input_token_logprobs"].as_array();
    let all = all.ok_or_else(|| Miss::unreadable("`input_token_logprobs`"))?;
    let count = given.tokens.len() - given.before;
    let token = |entry: &Value| {
        let text = entry[2].as_str().unwrap_or_default().to_owned();
        Some(Weighed { log: entry[0].as_f64()?, id: entry[1].as_i64()?, text })
    };
    let weighed: Option<Vec<Weighed>> =
        all[all.len().saturating_sub(count)..].iter().map(token).collect();
    let weighed = weighed.ok_or_else(|| Miss::unreadable("log-probability for every token"))?;
    let info = json!({ "usage": answer["meta_info"] });
    Ok((weighed, usage_of(std::iter::once(&info))))
}

/// The tokens of the conversation, and of the conversation with each label.
pub(super) async fn tokens(
    server: Server<'_>,
    question: &Question<'_>,
) -> Result<(Vec<i64>, Vec<Vec<i64>>), Miss> {
    let tokenize = |fields: Map<String, Value>| async move {
        tokens_in(&server.below_v1("/tokenize", &Value::Object(fields)).await?, "tokens")
    };
    question.tokens(continued, tokenize).await
}

/// Whether the last turn is continued.
fn continued(fields: &mut Map<String, Value>, is_open: bool) {
    fields.insert("continue_final_message".into(), is_open.into());
}

/// Weighs tokens by `/generate`, all places in one request.
async fn generate(
    server: Server<'_>,
    question: &Question<'_>,
    (plain, with): (Vec<i64>, Vec<Vec<i64>>),
) -> Result<Completion, Miss> {
    let mut weighing = question.tree(&plain, with)?;
    let places = weighing.places();
    let prompts: Vec<&Vec<i64>> = places.iter().map(|place| &place.prefix).collect();
    let tokens: Vec<&Vec<i64>> = places.iter().map(|place| &place.tokens).collect();
    let body = json!({
        "input_ids": prompts,
        "sampling_params": { "max_new_tokens": 1, "temperature": 1.0, "top_p": 1.0, "top_k": -1 },
        "return_logprob": true,
        "logprob_start_len": -1,
        "token_ids_logprob": tokens,
    });
    let answer = server.counted().native("/generate", &body).await?;
    for (at, place) in places.iter().enumerate() {
        let logs = logs(&answer[at]["meta_info"], place)?;
        weighing.weigh_known(place.node, &logs);
    }
    let infos: Vec<Value> =
        (0..places.len()).map(|at| json!({ "usage": answer[at]["meta_info"] })).collect();
    weighing.answer(usage_of(infos.iter()))
}

/// The tokens of a place with their natural-log probabilities.
fn logs(info: &Value, place: &Place) -> Result<Vec<(i64, f64)>, Miss> {
    let all = info["output_token_ids_logprobs"][0].as_array().into_iter().flatten();
    let logs: Vec<_> = all.filter_map(|it| Some((it[1].as_i64()?, it[0].as_f64()?))).collect();
    let is_there = |token: &i64| logs.iter().any(|it| it.0 == *token);
    if place.tokens.iter().all(is_there) {
        Ok(logs)
    } else {
        Err(Miss::unreadable("`output_token_ids_logprobs`"))
    }
}
