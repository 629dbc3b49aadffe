//! Reads the answer of a server leniently: servers differ, and a missing field is never an error.
//!
//! | part of the answer | is read from |
//! |---|---|
//! | text | `message.content`, a string or parts; `delta.content`; `text` of the older API |
//! | thinking | `reasoning_content`, `reasoning` or `thinking`; parts of the type `thinking` |
//! | refusal | `message.refusal`, whose text counts as filtered |
//! | finish reason | `finish_reason`, a word or `{"type": …}` |
//! | probabilities | `logprobs.content[].top_logprobs`; `logprobs.tokens` with lists beside it, as in the older API |
//! | tokens and cost | `usage`; unknown if the server does not report it |

use serde_json::Value;

use crate::{
    completion::{Completion, Distribution, Finish, Token, Usage},
    request::{Ask, Normalize, Request},
};

/// The first choice of a chat completion, by its index, as an answer to `request`.
///
/// It accepts any JSON; missing fields stay empty. A label to choose is read from the alternatives of the
/// first token, or from the text if there are none.
pub(super) fn completion(answer: &Value, request: &Request) -> Completion {
    let place = |choice: &&Value| choice["index"].as_u64().unwrap_or_default();
    let choices = answer["choices"].as_array().into_iter().flatten();
    let choice = choices.min_by_key(place).unwrap_or(&Value::Null);
    let message = if choice["message"].is_null() { &choice["delta"] } else { &choice["message"] };
    let refusal = text(&message["refusal"]);
    let written = Completion {
        text: match &message["content"] {
            Value::Null => text(&choice["text"]),
            content => text(content),
        },
        thinking: thinking(message),
        finish: finish(choice),
        usage: usage(&answer["usage"]),
        cost: cost(&answer["usage"]),
        tokens: tokens(&choice["logprobs"]),
        ..Completion::default()
    };
    if !refusal.is_empty() {
        return Completion { text: refusal, finish: Finish::Filtered, ..written };
    }
    match &request.ask {
        Ask::Generate { .. } if request.alternatives.is_some() => with_last_alternatives(written),
        Ask::Generate { top_logprobs: None } => Completion { tokens: Vec::new(), ..written },
        Ask::Choose { labels } => chosen(written, labels, request.normalize),
        // Other kinds of questions are refused before they are sent.
        _ => written,
    }
}

/// Keeps the alternatives of the last tokens only. The verdict stands there, and the others would fill up
/// caches.
fn with_last_alternatives(mut written: Completion) -> Completion {
    const LAST: usize = 64;
    let before = written.tokens.len().saturating_sub(LAST);
    written.tokens.iter_mut().take(before).for_each(|token| token.top = Vec::new());
    written
}

/// Whether the model wrote thinking where it should have written a label.
pub(super) fn is_thought(completion: &Completion) -> bool {
    completion.text.trim().is_empty()
        && (completion.thinking.is_some()
            || completion.usage.reasoning.is_some_and(|count| count > 0))
}

/// Reads a label from the first token that is not blank. Alternatives are summed for each label that they
/// begin, and the most likely label becomes the text. By the mean, only labels that are one token can be compared.
fn chosen(written: Completion, labels: &[String], normalize: Normalize) -> Completion {
    if written.finish == Finish::Filtered {
        return Completion { tokens: Vec::new(), ..written };
    }
    let speaks = |token: &&Token| !token.text.trim().is_empty();
    let token = written.tokens.iter().find(speaks).or_else(|| written.tokens.first());
    let distribution =
        token.filter(|token| token.top.len() > 1).and_then(|token| match normalize {
            Normalize::Sum => Some(Distribution::of_alternatives(&token.top, labels)),
            Normalize::Mean => of_whole_tokens(&token.top, labels),
        });
    let label = match &distribution {
        Some(distribution) => likeliest(distribution),
        None => label_begun_by(&written.text, labels),
    };
    Completion {
        text: label.unwrap_or(written.text),
        // Only one token was requested, so a missing second token is not a cut.
        finish: if written.finish == Finish::Length { Finish::Stop } else { written.finish },
        tokens: Vec::new(),
        distribution,
        ..written
    }
}

/// The shares of labels that are one token each; `None` if one of them is not reported as a token.
fn of_whole_tokens(top: &[(String, f64)], labels: &[String]) -> Option<Distribution> {
    let log = |label: &String| top.iter().find(|(token, _)| token.trim() == label.trim());
    let all: Option<Vec<(String, f64)>> =
        labels.iter().map(|label| Some((label.clone(), log(label)?.1.exp()))).collect();
    Distribution::new(all?).among_labels()
}

/// The label with the highest probability; `None` if all are 0.
fn likeliest(distribution: &Distribution) -> Option<String> {
    let offered = distribution.labels.iter().filter(|(_, mass)| *mass > 0.0);
    // Of equally likely labels, the one that was offered first.
    let best = offered.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(label, _)| label.clone())
}

/// The label that the written text begins with.
fn label_begun_by(text: &str, labels: &[String]) -> Option<String> {
    let certain = Distribution::of_alternatives(&[(text.to_owned(), 0.0)], labels);
    likeliest(&certain)
}

/// A string, or the strings of an array of parts, without thinking parts.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter(|part| !is_thought_part(part)).map(part).collect()
        }
        _ => String::new(),
    }
}

/// The thinking parts of a text.
pub(super) fn thoughts(value: &Value) -> String {
    let parts = value.as_array().into_iter().flatten().filter(|part| is_thought_part(part));
    parts.map(|thought| text(&thought["thinking"]) + part(thought)).collect()
}

/// Whether this part is thinking, as models of Anthropic and Mistral write it.
fn is_thought_part(part: &Value) -> bool {
    matches!(part["type"].as_str(), Some("thinking" | "reasoning" | "thought"))
}

/// The text of one part: a string, or the `text` of an object.
fn part(part: &Value) -> &str {
    part.as_str().or_else(|| part["text"].as_str()).unwrap_or_default()
}

/// The thinking in a field of its own, otherwise the thinking within the text.
fn thinking(message: &Value) -> Option<String> {
    let places = [&message["reasoning_content"], &message["reasoning"], &message["thinking"]];
    let reported = places.into_iter().map(text).find(|text| !text.is_empty());
    reported.or_else(|| Some(thoughts(&message["content"])).filter(|text| !text.is_empty()))
}

/// The finish reason. SGLang sends an object with the type of the reason. A normal end
/// counts as [`Finish::ToolCalls`] if the answer only calls tools.
fn finish(choice: &Value) -> Finish {
    let reason = &choice["finish_reason"];
    let word = match reason {
        Value::Null => String::new(),
        Value::String(word) => word.clone(),
        Value::Object(_) => text(&reason["type"]),
        other => other.to_string(),
    };
    match Finish::of_word(&word) {
        Finish::Stop if only_calls_tools(&choice["message"]) => Finish::ToolCalls,
        finish => finish,
    }
}

/// Whether there is a tool call and no text.
fn only_calls_tools(message: &Value) -> bool {
    let calls = message["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
    (calls || message["function_call"].is_object()) && text(&message["content"]).trim().is_empty()
}

/// The reported usage. Every prompt has tokens, so a server that reports 0 does not count them, and the usage
/// is unknown.
fn usage(usage: &Value) -> Usage {
    let prompt = usage["prompt_tokens"].as_u64().filter(|count| *count > 0);
    let Some((prompt, completion)) = prompt.zip(usage["completion_tokens"].as_u64()) else {
        return Usage::default();
    };
    Usage {
        cached: cached(usage).map(|count| count.min(prompt)),
        reasoning: usage["completion_tokens_details"]["reasoning_tokens"].as_u64(),
        ..Usage::new(prompt, completion)
    }
}

/// The prompt tokens that the server had cached, under the names that OpenAI, `DeepSeek`, Anthropic and Moonshot give
/// them.
fn cached(usage: &Value) -> Option<u64> {
    let names = [
        &usage["prompt_tokens_details"]["cached_tokens"],
        &usage["prompt_cache_hit_tokens"],
        &usage["cache_read_input_tokens"],
        &usage["cached_tokens"],
    ];
    names.into_iter().find_map(Value::as_u64)
}

/// The cost that the server reports, as OpenRouter does. 0 may mean that somebody else is charged.
fn cost(usage: &Value) -> Option<f64> {
    usage["cost"].as_f64().filter(|cost| *cost > 0.0)
}

/// The tokens of the text with their alternatives; empty if the server does not report them.
fn tokens(logprobs: &Value) -> Vec<Token> {
    match &logprobs["content"] {
        Value::Array(tokens) => tokens.iter().filter_map(token).collect(),
        _ => tokens_in_lists(logprobs),
    }
}

/// The tokens in the format of the older API: texts, log-probabilities and alternatives in a list each.
fn tokens_in_lists(logprobs: &Value) -> Vec<Token> {
    let texts = logprobs["tokens"].as_array().into_iter().flatten().map_while(Value::as_str);
    let token = |(n, text): (usize, &str)| {
        let others = logprobs["top_logprobs"][n].as_object().into_iter().flatten();
        let others = others.filter_map(|(text, value)| Some((text.clone(), value.as_f64()?)));
        let mut top: Vec<_> = others.collect();
        if !top.iter().any(|(other, _)| other == text) {
            top.extend(
                logprobs["token_logprobs"][n].as_f64().map(|value| (text.to_owned(), value)),
            );
        }
        Token { text: text.to_owned(), top }
    };
    texts.enumerate().map(token).collect()
}

/// One token and its alternatives, itself included.
fn token(value: &Value) -> Option<Token> {
    let text = value["token"].as_str()?.to_owned();
    let alternatives = value["top_logprobs"].as_array().into_iter().flatten();
    let mut top: Vec<_> = alternatives.filter_map(alternative).collect();
    // A token that was unlikely when drawn is missing from the most likely ones.
    if !top.iter().any(|(other, _)| *other == text) {
        top.extend(alternative(value));
    }
    Some(Token { text, top })
}

/// A token and its natural-log probability.
fn alternative(value: &Value) -> Option<(String, f64)> {
    Some((value["token"].as_str()?.to_owned(), value["logprob"].as_f64()?))
}
