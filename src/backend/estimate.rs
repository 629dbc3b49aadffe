//! Estimates of the tokens that a request will use, before they are counted.

use super::Backend;
use crate::request::Request;

/// The assumed length of an answer in tokens, before there has been one.
pub(super) const USUAL_ANSWER: u64 = 256;

/// The estimated tokens of a text: one for every four bytes.
pub(super) fn text_tokens(text: &str) -> u64 {
    const BYTES: usize = 4;
    text.len().div_ceil(BYTES) as u64
}

/// The tokens of the messages of a request: counted if the backend has the tokenizer, otherwise estimated.
pub(super) fn prompt_tokens(backend: &(impl Backend + ?Sized), request: &Request) -> u64 {
    if let Some(tokens) = backend.prompt_tokens(request) {
        return tokens as u64;
    }
    request.messages.iter().map(|message| text_tokens(&message.text())).sum()
}

/// The expected tokens of an answer to this request: the mean length so far, up to the limit of the request.
pub(super) fn answer_tokens(mean: Option<u64>, request: &Request) -> u64 {
    let most = request.sampling.max_tokens.map_or(u64::MAX, u64::from);
    mean.unwrap_or(USUAL_ANSWER).min(most)
}
