//! llama.cpp's server: `/completion` reports the likeliest tokens before sampling, and the token that is sampled.
//!
//! A request reports [`REPORTED`] tokens. A label's token that is not among them is forced in a request of its own: the
//! sampled token is reported with its probability before sampling, however unlikely it is. The cache of the server keeps
//! the prompt, so that each further request costs one token.
//!
//! ```text
//! POST /apply-template  {"messages": […]}                      → {"prompt": "<|im_start|>user…"}
//! POST /tokenize        {"content": "…", "add_special": false} → {"tokens": [1, 520, …]}
//! POST /completion      {"prompt": [1, 520, …], "n_predict": 1, "n_probs": 64, "logit_bias": [[9230, 10000.0]], …}
//!     → {"completion_probabilities": [{"id": 9230, "logprob": -1.2, "top_logprobs": [{"id": …, "logprob": …}]}]}
//! ```
//!
//! Versions before December 2024 report probabilities after sampling, as `probs`; these are not used. Ollama runs the
//! same engine, but has none of these routes.

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::{
    question::{Place, Question, tokens_in},
    route::{Miss, Server},
};
use crate::completion::{Completion, Usage};

/// How many tokens are reported in the first request for a place.
const REPORTED: usize = 64;

/// What a forced token gets on top of its log-odds.
const FORCED: f64 = 1e4;

/// Weighs labels token by token, one place after another: a place extends the prompt of an earlier one, which the server
/// then has in its cache.
///
/// # Errors
/// A route is missing, the chat template changes the begun text, or the server failed.
pub(super) async fn weigh(server: Server<'_>, question: &Question<'_>) -> Result<Completion, Miss> {
    let text = rendered(server, question).await?;
    let (plain, with) = tokens(server, question, &text).await?;
    let mut weighing = question.tree(&plain, with)?;
    let places = weighing.places();
    let mut usage = Usage::new(0, 0);
    let mut cached = 0;
    for place in &places {
        let mut known: Vec<(i64, f64)> = Vec::new();
        while let Some(next) =
            place.tokens.iter().find(|token| !known.iter().any(|it| it.0 == **token))
        {
            let reported = if known.is_empty() { REPORTED } else { 1 };
            let answer = completion(server, place, *next, reported).await?;
            known.extend(logs(&answer, *next)?);
            cached += answer["timings"]["cache_n"].as_u64().unwrap_or_default();
            usage.prompt = usage.prompt.map(|sum| sum + place.prefix.len() as u64);
            usage.completion = usage.completion.map(|sum| sum + 1);
        }
        let log =
            |token| known.iter().find(|it| it.0 == token).map_or(f64::NEG_INFINITY, |it| it.1);
        weighing.weigh(place.node, log);
    }
    usage.cached = Some(cached);
    weighing.answer(usage)
}

/// The conversation as one text, as the server's own chat template renders it. It ends with the begun text, or where the
/// model's turn begins.
async fn rendered(server: Server<'_>, question: &Question<'_>) -> Result<String, Miss> {
    let answer = server.native("/apply-template", &Value::Object(question.fields.clone())).await?;
    let text = answer["prompt"].as_str().ok_or_else(|| Miss::unreadable("`prompt`"))?;
    match &question.begun {
        Some(begun) if !text.ends_with(begun.as_str()) && !text.ends_with(begun.trim()) => {
            Err(Miss::NotThis("the chat template changes the text that is continued".to_owned()))
        }
        None if text.trim_end().ends_with("<think>") => {
            Err(Miss::NotThis("the chat template opens a thinking block".to_owned()))
        }
        _ => Ok(text.to_owned()),
    }
}

/// The tokens of the conversation, and of the conversation with each label. In a new turn a label is tokenized by itself,
/// because no text precedes it; control tokens are recognized in the template only.
async fn tokens(
    server: Server<'_>,
    question: &Question<'_>,
    text: &str,
) -> Result<(Vec<i64>, Vec<Vec<i64>>), Miss> {
    let tokenize = |content: String, whole: bool, special: bool| async move {
        let body = json!({ "content": content, "add_special": whole, "parse_special": special });
        tokens_in(&server.native("/tokenize", &body).await?, "tokens")
    };
    // The server puts its first token before a text, and some models have a last one, which would end the text.
    let whole = tokenize(text.to_owned(), true, true).await?;
    let plain = tokenize(text.to_owned(), false, true).await?;
    let Some(first) = whole.strip_suffix(&plain[..]) else {
        return Err(Miss::NotThis("the vocabulary puts a token after every text".to_owned()));
    };
    let is_open = question.begun.is_some();
    let labels = question.labels.iter().map(|label| async move {
        let joined = if is_open { format!("{text}{label}") } else { label.clone() };
        tokenize(joined, false, is_open).await
    });
    let before = if is_open { first } else { &whole[..] };
    let with = try_join_all(labels).await?;
    let with = with.into_iter().map(|label| [before, &label[..]].concat()).collect();
    Ok((whole, with))
}

/// Evaluates a place, samples the token `forced`, and has this many tokens reported.
async fn completion(
    server: Server<'_>,
    place: &Place,
    forced: i64,
    reported: usize,
) -> Result<Value, Miss> {
    let body = json!({
        "prompt": place.prefix,
        "n_predict": 1,
        "n_probs": reported,
        "post_sampling_probs": false,
        "logit_bias": [[forced, FORCED]],
        "temperature": 0.0,
        "cache_prompt": true,
    });
    server.counted().native("/completion", &body).await
}

/// The tokens of an answer with their natural-log probabilities before sampling.
fn logs(answer: &Value, forced: i64) -> Result<Vec<(i64, f64)>, Miss> {
    let token = &answer["completion_probabilities"][0];
    let log = |it: &Value| Some((it["id"].as_i64()?, it["logprob"].as_f64()?));
    let others = token["top_logprobs"].as_array().into_iter().flatten().filter_map(log);
    let sampled = log(token).filter(|(id, _)| *id == forced);
    let sampled = sampled.ok_or_else(|| Miss::unreadable("`logprob` of a forced token"))?;
    Ok(std::iter::once(sampled).chain(others).collect())
}
