//! Requests and answers as JSON, for clients that send them themselves.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    answer,
    body::{Body, BodySettings},
    quirks::Quirks,
};
use crate::{
    completion::Completion,
    error::Result,
    request::{Ask, Request},
};

/// The body of a chat completion request for `model`, for a client that sends it itself: an SDK, a gateway or
/// a queue. [`chat_answer`] reads the response. Together they support texts and choices, JSON schemas, and
/// all sampling settings. `quirks` are those of the server software, or [`Quirks::PLAIN`].
///
/// Look-alikes of control tokens in judged text are broken up for servers that would interpret them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use serde_json::{Map, Value, json};
/// use tribunal::{
///     Item, Judge, Request, Result,
///     backend::{from_fn, openai::{Quirks, chat_answer, chat_body}},
/// };
///
/// /// The client of a gateway: it sends the fields, and returns the answer.
/// async fn send(fields: Map<String, Value>) -> Result<Value> {
///     assert_eq!(fields["model"], "my-model");
///     Ok(json!({
///         "choices": [{"message": {"content": "Right.\nScore: 9"}, "finish_reason": "stop"}],
///         "usage": {"prompt_tokens": 120, "completion_tokens": 7},
///     }))
/// }
///
/// let model = from_fn("my-model", async |request: Request| {
///     let answer = send(chat_body(&request, "my-model", &Quirks::PLAIN)?).await?;
///     Ok(chat_answer(&answer, &request))
/// });
/// let judge = Judge::builder().backend(model).prompt("score").build().await?;
/// let judgment = judge.judge(&Item::new().question("2 + 2?").answer("4")).await?;
/// assert_eq!((judgment.score(), judgment.usage.prompt), (Some(9.0), 120));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ErrorKind::Unsupported`](crate::ErrorKind): such an API cannot express something that the request needs.
pub fn chat_body(request: &Request, model: &str, quirks: &Quirks) -> Result<Map<String, Value>> {
    if !matches!(request.ask, Ask::Generate { .. } | Ask::Choose { .. }) {
        return Err(request.ask.unsupported_by(model));
    }
    let (extra, refused) = (Map::new(), BTreeSet::new());
    let defang = quirks.reads_control_tokens;
    let target =
        BodySettings { model, quirks, defang, stream: false, extra: &extra, refused: &refused };
    Ok(Body::new(request, target)?.fields)
}

/// Reads the JSON of a chat completion as the answer to `request`: text, thinking, finish reason and usage;
/// for a choice, the label and the probability of each label. What the server leaves out stays unknown.
///
/// A response without choices becomes an empty text, which is unreadable for every parser.
pub fn chat_answer(answer: &Value, request: &Request) -> Completion {
    Completion { attempts: 1, ..answer::completion(answer, request) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::ErrorKind,
        request::{Message, Origin, Role},
    };

    fn asking(ask: Ask) -> Request {
        let question = Message::new(Role::User, "Is 7 prime?", Origin::Prompt);
        Request { ask, ..Request::generate(vec![question]) }
    }

    #[test]
    fn a_choice_is_one_token_with_its_alternatives_and_comes_back_as_a_label() {
        let request = asking(Ask::Choose { labels: vec!["Yes".into(), "No".into()] });
        let body = chat_body(&request, "m", Quirks::of("openai")).unwrap();
        assert_eq!((&body["logprobs"], &body["max_completion_tokens"]), (&true.into(), &1.into()));
        let answer = serde_json::json!({"choices": [{
            "message": {"content": "Yes"},
            "finish_reason": "length",
            "logprobs": {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": [
                {"token": "Yes", "logprob": -0.105}, {"token": "No", "logprob": -2.303},
            ]}]},
        }]});
        let chosen = chat_answer(&answer, &request);
        assert_eq!((chosen.text.as_str(), chosen.attempts), ("Yes", 1));
        assert!((chosen.distribution.unwrap().of("No").unwrap() - 0.1).abs() < 1e-3);
    }

    #[test]
    fn what_such_an_api_cannot_be_asked_is_refused() {
        let refused = chat_body(&asking(Ask::Reward), "m", Quirks::PLAIN).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
    }
}
