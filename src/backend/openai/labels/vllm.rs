//! vLLM: tokens of a conversation from `/tokenize`, and log-probabilities of chosen tokens from `/v1/completions`.
//!
//! All places are one request, and share what the server has cached. Servers that know `logprob_token_ids` report every
//! label; others report the [`REPORTED`] likeliest tokens, and a label's token that is not among them is asked for in a
//! prompt of its own, whose tokens are reported with their log-probabilities (`prompt_logprobs`). These are taken before
//! sampling, and the sampling is neutral, so that no setting of the server changes them.
//!
//! ```text
//! POST /tokenize        {"messages": […], "continue_final_message": true, "add_generation_prompt": false}
//!     → {"tokens": [1, 520, …]}
//! POST /v1/completions  {"prompt": [[1, 520, …], …], "max_tokens": 1, "logprobs": 20, "logprob_token_ids": [9230, …],
//!                        "return_tokens_as_token_ids": true, …}
//!     → {"choices": [{"index": 0, "logprobs": {"top_logprobs": [{"token_id:9230": -1.2, …}]}}, …]}
//! POST /v1/completions  {"prompt": [1, 520, …, 9230], "prompt_logprobs": 0, …}
//!     → {"choices": [{"prompt_logprobs": [null, {"520": {"logprob": -0.1}}, …]}]}
//! ```
//!
//! vLLM ignores fields that it does not know, so an answer is checked for what was asked. A prompt with
//! `prompt_logprobs` is evaluated as a whole, without the cache: that is why it is the second choice.

use futures_util::future::try_join_all;
use serde_json::{Map, Value, json};

use super::{
    question::{GivenTokens, Place, Question, Weighed, Weighing, tokens_in, usage_of},
    route::{Miss, Server},
};
use crate::completion::{Completion, Usage};

/// How many tokens a server reports unless it was started with another `--max-logprobs`.
const REPORTED: usize = 20;

/// Weighs labels by their tokens: one request for all places, and one more for each token that is not reported.
///
/// # Errors
/// `/tokenize` is missing, as behind a gateway, tokens are not reported by their ids, or the server failed.
pub(super) async fn by_tokens(
    server: Server<'_>,
    question: &Question<'_>,
) -> Result<Completion, Miss> {
    let (plain, with) = tokens(server, question).await?;
    let mut weighing = question.tree(&plain, with)?;
    let places = weighing.places();
    let prompts: Vec<&Vec<i64>> = places.iter().map(|place| &place.prefix).collect();
    let mut body = neutral(question);
    body.insert("prompt".into(), json!(prompts));
    body.insert("logprobs".into(), REPORTED.into());
    body.insert("logprob_token_ids".into(), json!(Weighing::tokens(&places)));
    body.insert("return_tokens_as_token_ids".into(), true.into());
    let mut answers = vec![server.counted().below_v1("/completions", &Value::Object(body)).await?];
    for (at, place) in places.iter().enumerate() {
        let mut known = reported(&answers[0], at)?;
        for &token in &place.tokens {
            if known.iter().all(|(other, _)| *other != token) {
                let answer = after(server, question, place, token).await?;
                known.push((token, last_of_prompt(&answer, token)?));
                answers.push(answer);
            }
        }
        weighing.weigh_known(place.node, &known);
    }
    weighing.answer(usage_of(answers.iter()))
}

/// Weighs labels by the log-probabilities of a prompt that ends with the label: one request for each, and one for the
/// prompt without a label, which shows where the labels begin.
///
/// # Errors
/// `prompt_logprobs` is refused or not reported, a label would be trimmed, or the server failed.
pub(super) async fn by_prompt(
    server: Server<'_>,
    question: &Question<'_>,
) -> Result<Completion, Miss> {
    question.check_ends()?;
    let ask = |fields: Map<String, Value>, is_open: bool| async move {
        let mut body = neutral(question);
        body.extend(fields);
        body.insert("prompt_logprobs".into(), 0.into());
        continued(&mut body, is_open);
        server.counted().below_v1("/chat/completions", &Value::Object(body)).await
    };
    let plain = ask(question.fields.clone(), question.begun.is_some()).await?;
    let labels = question.labels.iter().map(|label| ask(question.with(label), true));
    let labels = try_join_all(labels).await?;
    let texts: Vec<_> = labels.iter().map(of_prompt).collect::<Result<_, _>>()?;
    let ids = |text: &Vec<(i64, f64)>| text.iter().map(|token| token.0).collect::<Vec<_>>();
    let mut weighing = question.tree(&ids(&of_prompt(&plain)?), texts.iter().map(ids).collect())?;
    for place in weighing.places() {
        let at = place.prefix.len();
        let log = |token| {
            let is_it = |text: &&Vec<(i64, f64)>| {
                text.get(at).is_some_and(|it| it.0 == token)
                    && text.iter().map(|it| it.0).take(at).eq(place.prefix.iter().copied())
            };
            texts.iter().find(is_it).map_or(f64::NEG_INFINITY, |text| text[at].1)
        };
        weighing.weigh(place.node, log);
    }
    weighing.answer(usage_of(labels.iter().chain([&plain])))
}

/// The fields of every request: one token, and sampling that changes no probability.
fn neutral(question: &Question<'_>) -> Map<String, Value> {
    let fields = json!({
        "model": question.fields.get("model"),
        "max_tokens": 1,
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
    });
    fields.as_object().cloned().unwrap_or_default()
}

/// Whether the last turn is continued, or another one begun.
fn continued(fields: &mut Map<String, Value>, is_open: bool) {
    fields.insert("continue_final_message".into(), is_open.into());
    fields.insert("add_generation_prompt".into(), (!is_open).into());
}

/// The tokens of a given text with their log-probabilities.
///
/// # Errors
/// `prompt_logprobs` is refused or not reported, or the server failed.
pub(super) async fn of_text(
    server: Server<'_>,
    question: &Question<'_>,
    given: &GivenTokens,
) -> Result<(Vec<Weighed>, Usage), Miss> {
    let mut body = neutral(question);
    body.insert("prompt".into(), json!(given.tokens));
    body.insert("prompt_logprobs".into(), 0.into());
    let answer = server.counted().below_v1("/completions", &Value::Object(body)).await?;
    let all = answer["choices"][0]["prompt_logprobs"].as_array();
    let all = all.filter(|all| all.len() == given.tokens.len());
    let all = all.ok_or_else(|| Miss::unreadable("`prompt_logprobs` for every token"))?;
    let token = |(entry, id): (&Value, &i64)| {
        let token = &entry[id.to_string()];
        let log = token["logprob"].as_f64()?;
        let text = token["decoded_token"].as_str().unwrap_or_default().to_owned();
        Some(Weighed { id: *id, log, text })
    };
    let texts = all.iter().zip(&given.tokens).skip(given.before);
    let weighed: Option<Vec<Weighed>> = texts.map(token).collect();
    let weighed = weighed.ok_or_else(|| Miss::unreadable("`logprob` for every token"))?;
    Ok((weighed, usage_of(std::iter::once(&answer))))
}

/// The tokens of the conversation, and of the conversation with each label.
pub(super) async fn tokens(
    server: Server<'_>,
    question: &Question<'_>,
) -> Result<(Vec<i64>, Vec<Vec<i64>>), Miss> {
    let tokenize = |fields: Map<String, Value>| async move {
        tokens_in(&server.native("/tokenize", &Value::Object(fields)).await?, "tokens")
    };
    question.tokens(continued, tokenize).await
}

/// Asks for the log-probability of a token at a place, as the last one of a prompt.
async fn after(
    server: Server<'_>,
    question: &Question<'_>,
    place: &Place,
    token: i64,
) -> Result<Value, Miss> {
    let mut body = neutral(question);
    body.insert("prompt".into(), json!([&place.prefix[..], &[token]].concat()));
    body.insert("prompt_logprobs".into(), 0.into());
    server.counted().below_v1("/completions", &Value::Object(body)).await
}

/// The tokens that were reported for the prompt at this index, with their natural-log probabilities.
fn reported(answer: &Value, index: usize) -> Result<Vec<(i64, f64)>, Miss> {
    let choices = answer["choices"].as_array().into_iter().flatten();
    let mut choices =
        choices.filter(|choice| choice["index"].as_u64() == u64::try_from(index).ok());
    let top = choices.next().and_then(|choice| choice["logprobs"]["top_logprobs"][0].as_object());
    let top = top.ok_or_else(|| Miss::unreadable("`top_logprobs`"))?;
    let token = |(name, log): (&String, &Value)| {
        Some((name.strip_prefix("token_id:")?.parse().ok()?, log.as_f64()?))
    };
    let known: Option<Vec<_>> = top.iter().map(token).collect();
    known.ok_or_else(|| Miss::unreadable("ids of tokens"))
}

/// The log-probability of the last token of a prompt.
fn last_of_prompt(answer: &Value, token: i64) -> Result<f64, Miss> {
    let last = answer["choices"][0]["prompt_logprobs"].as_array().and_then(|all| all.last());
    let log = last.and_then(|last| last[token.to_string()]["logprob"].as_f64());
    log.ok_or_else(|| Miss::NotThis("its answer has no `prompt_logprobs`".to_owned()))
}

/// The tokens of a prompt with their log-probabilities. The first one has none, and its id is not reported.
fn of_prompt(answer: &Value) -> Result<Vec<(i64, f64)>, Miss> {
    let all = answer["prompt_logprobs"].as_array().filter(|all| all.len() > 1);
    let all = all.ok_or_else(|| Miss::unreadable("`prompt_logprobs`"))?;
    let token = |entry: &Value| {
        let mut tokens = entry.as_object()?.iter();
        let (id, token) = tokens.next().filter(|_| tokens.next().is_none())?;
        Some((id.parse().ok()?, token["logprob"].as_f64()?))
    };
    let rest: Option<Vec<_>> = all[1..].iter().map(token).collect();
    let rest = rest.ok_or_else(|| Miss::unreadable("one token at each place of the prompt"))?;
    Ok(std::iter::once((-1, 0.0)).chain(rest).collect())
}
