//! Tokens before they are counted: what a request is likely to take.

use super::Backend;
use crate::request::Request;

/// Tokens of an answer while none has been seen.
pub(super) const USUAL_ANSWER: u64 = 256;

/// Tokens of a text, as a rule of thumb: one for four bytes.
pub(super) fn text_tokens(text: &str) -> u64 {
    const BYTES: usize = 4;
    text.len().div_ceil(BYTES) as u64
}

/// Tokens of a request's messages: counted where the backend has the tokenizer, else estimated.
pub(super) fn prompt_tokens(backend: &(impl Backend + ?Sized), request: &Request) -> u64 {
    if let Some(tokens) = backend.prompt_tokens(request) {
        return tokens as u64;
    }
    request.messages.iter().map(|message| text_tokens(&message.text())).sum()
}

/// Tokens of an answer to this request, if it is as long as the mean of those before.
pub(super) fn answer_tokens(mean: Option<u64>, request: &Request) -> u64 {
    let most = request.sampling.max_tokens.map_or(u64::MAX, u64::from);
    mean.unwrap_or(USUAL_ANSWER).min(most)
}
