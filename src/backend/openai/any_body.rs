//! Every reader of a response's body in turn, for tests that send any bytes.

use super::{
    answer,
    bytes::{decompress, to_text},
    error_body::ErrorBody,
    refused::Refusal,
    secrets::Secrets,
    stream::{self, Received},
    wait,
};
use crate::{completion::Completion, request::Request};

/// Reads the body of a response as an answer to `request`, and as the error of a server, whichever it is.
///
/// `encoding` is the header `Content-Encoding`, and `most` the largest body that is read, in bytes. Returns the
/// completion, `None` where the body holds no JSON or breaks off, and the message of the error.
#[doc(hidden)]
pub fn read_body(
    body: &[u8],
    encoding: &str,
    most: usize,
    request: &Request,
) -> (Option<Completion>, String) {
    let _ = stream::is_over(body);
    let Some(bytes) = decompress(body.to_vec(), encoding, most) else {
        return (None, String::new());
    };
    let text = to_text(&bytes);
    let completion = match stream::read(&text) {
        Received::Whole(value) => Some(answer::completion(&value, request)),
        Received::Incomplete | Received::NotJson => None,
    };
    let error = ErrorBody::new(&text, &Secrets::default());
    let refusal = Refusal::of(&error);
    let now = wait::clock();
    let _ = (refusal.is_certain(), error.wait(now), error.status(), error.lacks_credit(now));
    (completion, error.message())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::{Ask, Message, Origin, Role};

    fn asking(ask: Ask) -> Request {
        let question = Message::new(Role::User, "Is 7 prime?", Origin::Prompt);
        Request { ask, ..Request::generate(vec![question]) }
    }

    /// Pieces of answers, errors and streams, and any text between them.
    fn pieces() -> impl Strategy<Value = String> {
        let known = prop::sample::select(vec![
            "{\"choices\":[{\"message\":{\"content\":",
            "\"a\"",
            "},\"finish_reason\":\"stop\"}]}",
            "data: ",
            "\n\n",
            "[DONE]",
            "{\"error\":{\"message\":\"try again in 3s\",\"code\":429}}",
            "\"delta\":{\"content\":\"b\"}",
            "\\ud83d",
            "[",
            "{",
            "}",
        ]);
        let piece = prop_oneof![4 => known.prop_map(str::to_owned), 1 => ".{0,8}"];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_body_is_read_and_none_becomes_longer(body in pieces()) {
            let labels = vec!["Yes".to_owned(), "No".to_owned()];
            for ask in [Ask::Generate { top_logprobs: None }, Ask::Choose { labels }] {
                let (completion, _) = read_body(body.as_bytes(), "", 1 << 20, &asking(ask));
                if let Some(completion) = completion {
                    prop_assert!(completion.text.len() <= body.len());
                }
            }
        }
    }
}
