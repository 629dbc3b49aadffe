//! Any bytes, read as the body of an OpenAI-compatible API: an answer, an error or neither, and never a panic or a hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tribunal::{
    Request,
    backend::openai::read_body,
    request::{Ask, Message, Origin, Role},
};

/// The largest body that is decompressed.
const MOST: usize = 1 << 20;

fuzz_target!(|input: (&str, &[u8])| {
    let (encoding, body) = input;
    let question = || Request::generate(vec![Message::new(Role::User, "Is 7 prime?", Origin::Prompt)]);
    let choice = Ask::Choose { labels: vec!["Yes".into(), "No".into()] };
    for request in [question(), question().ask(choice)] {
        if let (Some(completion), _) = read_body(body, encoding, MOST, &request) {
            // Invalid UTF-8 takes three bytes for one.
            assert!(completion.text.len() <= 3 * MOST);
        }
    }
});
