//! The shipped model, and what it is asked.

#![cfg(all(feature = "llama", feature = "tiny"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use tribunal::{
    backend::llama::{Llama, LlamaOptions, Weights},
    request::{Message, Origin, Request, Role, Sampling},
};

/// The shipped model with some of its options changed.
pub(crate) async fn tiny(change: impl FnOnce(&mut LlamaOptions)) -> Llama {
    let weights = Weights::Embedded(include_bytes!("../../models/tiny.gguf"));
    let mut options = LlamaOptions { name: Some("tiny".into()), ..LlamaOptions::new(weights) };
    change(&mut options);
    Llama::load(options).await.unwrap()
}

/// A greedy request with this text and at most so many tokens.
pub(crate) fn asks(text: &str, most: u32) -> Request {
    let sampling = Sampling::default().temperature(0.0).max_tokens(most);
    Request::generate(vec![Message::new(Role::User, text, Origin::Data)]).sampling(sampling)
}
