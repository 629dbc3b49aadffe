//! Requests to a model behind an API, for the tests of that backend.

use std::time::Duration;

use tribunal::{
    backend::{
        Backend, Retried, Retry,
        openai::{OpenAi, OpenAiOptions, Quirks},
    },
    completion::Completion,
    error::Error,
    request::{Ask, Message, Origin, Request, Role},
};

use super::{Reply, Seen, Server};

/// A key that must never be seen.
pub const KEY: &str = "sk-CANARY-0123456789";

/// A key, and the quirks of this preset; without one the server is asked.
pub fn settings(url: &str, preset: Option<&str>) -> OpenAiOptions {
    let env = |name: &str| (name == "OPENAI_API_KEY").then(|| KEY.to_owned());
    let mut settings = OpenAiOptions::new("openai/m", Some(url), &env).unwrap();
    settings.provider.quirks = preset.map(Quirks::of);
    settings.timeout = Duration::from_secs(20);
    settings
}

/// A model of this server.
pub fn model(server: &Server, preset: &str) -> OpenAi {
    OpenAi::new(settings(&server.url, Some(preset))).unwrap()
}

/// The same with two quick retries.
pub fn retried(server: &Server, preset: &str) -> Retried<OpenAi> {
    again(model(server, preset))
}

/// A model whose requests are sent up to three times.
pub fn again(model: OpenAi) -> Retried<OpenAi> {
    let first_wait = Duration::from_millis(5);
    Retried::new(model, Retry { retries: 2, first_wait, ..Retry::default() })
}

/// A request of two turns.
pub fn question() -> Request {
    Request::generate(vec![
        Message::new(Role::System, "Judge.", Origin::Prompt),
        Message::new(Role::User, "2 + 2 = 4", Origin::Data),
    ])
}

/// A request whose answer is begun.
pub fn begun(text: &str) -> Request {
    let mut request = question();
    request.messages.push(Message::new(Role::Assistant, text, Origin::Prompt));
    request.open = true;
    request
}

/// A request for one of these labels.
pub fn choice(labels: &[&str]) -> Request {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    question().ask(Ask::Choose { labels })
}

/// One request, sent once, to a server that does what `handler` says.
pub async fn asked(
    request: &Request,
    handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> (Result<Completion, Error>, Server) {
    let server = Server::start(handler).await;
    (model(&server, "openai").complete(request).await, server)
}

/// Everything that a person may get to see of an error.
pub fn shown(error: &Error) -> String {
    format!("{error} {error:?} {:?}", error.hints())
}
