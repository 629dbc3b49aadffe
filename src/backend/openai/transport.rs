//! One try of one request over the network: with limits on size and time, and with classified errors.
//!
//! It runs below async-openai, which builds the requests, and returns only valid answers to it. It never
//! sends anything twice: retrying belongs to [`Retried`](crate::backend::Retried), which acts on the facts of
//! every error.

use std::{
    error::Error as _,
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_openai::middleware::HttpRequestFactory;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{
    Request, Response,
    header::{
        AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    },
};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value;

use super::{
    OpenAiOptions,
    bytes::{decompress, to_text},
    failure::Failure,
    peer::Peer,
    provider::Provider,
    secrets::Secrets,
    stream::{self, Received},
    timer::{Late, Timeouts, Timer},
};
use crate::error::{Error, ErrorKind, Result, without_codes};

/// The longest accepted answer, in bytes, before and after decompression.
const LONGEST: usize = 8 << 20;

/// The most bytes of an error that are read; the rest is ignored.
const LONGEST_ERROR: usize = 256 << 10;

/// The most JSON values in an answer. Each value needs many times its length in memory. An answer of 4,000
/// tokens with alternatives has half as many.
const MOST_VALUES: usize = 1 << 20;

/// The connection to one server.
pub(super) struct Transport {
    /// The HTTP client, which keeps connections open, follows no redirects and sends nothing twice.
    pub(super) http: reqwest::Client,
    /// The server.
    pub(super) provider: Provider,
    /// The secrets to remove from everything that the server sends.
    pub(super) secrets: Secrets,
    /// The proxy in between, for hints.
    proxy: Option<String>,
    /// Whether a request has been answered.
    has_answered: AtomicBool,
    /// The header that authorizes requests, which is sent to this server only.
    authorization: Option<(HeaderName, HeaderValue)>,
    /// How long a try may take.
    timeouts: Timeouts,
}

impl Transport {
    /// A connection that is established with the first request.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the key cannot be sent in a header.
    pub(super) fn new(options: &OpenAiOptions) -> Result<Self> {
        let timeouts = Timeouts::new(options);
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(timeouts.connect)
            .user_agent(concat!("tribunal/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|cause| {
                Error::new(ErrorKind::Config, "cannot set up the network").because(cause)
            })?;
        let provider = options.provider.clone();
        let authorization = authorization(&http, &provider)?;
        let (secrets, proxy) = (Secrets::new(provider.secrets()), proxy(&provider));
        let has_answered = AtomicBool::new(false);
        Ok(Self { http, provider, secrets, proxy, has_answered, authorization, timeouts })
    }

    /// Sends a request once. `is_streamed` is whether the answer was requested as a stream.
    ///
    /// # Errors
    /// Every response that is not an answer, with its class.
    ///
    /// # Cancellation
    /// Dropping the future closes the connection.
    pub(super) async fn send(
        &self,
        factory: HttpRequestFactory,
        is_streamed: bool,
    ) -> Result<Response, Failure> {
        let request = factory.build().await.map_err(|cause| {
            Failure::of_answer(format!("cannot write the request: {cause}"), self.peer())
        })?;
        let timer = self.timeouts.begin(is_streamed);
        let body = self.exchange(self.addressed(request), &timer).await?;
        Ok(http::Response::new(body).into())
    }

    /// Asks another route than chat completions once; the answer is any JSON.
    ///
    /// # Errors
    /// Every response that is not JSON with a successful status, with its class.
    pub(super) async fn post(&self, url: &str, body: &Value) -> Result<Value, Failure> {
        let request = self.http.post(url).header(CONTENT_TYPE, "application/json");
        let request = request.body(body.to_string()).build().map_err(|cause| {
            Failure::of_answer(format!("cannot write the request: {cause}"), self.peer())
        })?;
        let timer = self.timeouts.begin(false);
        let body = self.received(self.addressed(request), &timer).await?;
        if count_values(&body) > MOST_VALUES {
            let message = format!("an answer of more than {MOST_VALUES} values");
            return Err(Failure::of_answer(message, self.peer()));
        }
        let answer = serde_json::from_str(&body);
        let mut answer =
            answer.map_err(|_| Failure::of_garbage("what is not JSON", &body, self.peer()))?;
        self.secrets.redact_json(&mut answer);
        Ok(answer)
    }

    /// Sends a request and reads a chat completion, within limits on time and length.
    async fn exchange(&self, request: Request, timer: &Timer) -> Result<String, Failure> {
        self.checked(self.received(request, timer).await?)
    }

    /// Sends a request and reads a successful response, within limits on time and length.
    async fn received(&self, request: Request, timer: &Timer) -> Result<String, Failure> {
        let late = |late: Late| Failure::of_time(timer.message(late), self.peer());
        let response = timer.first(self.http.execute(request)).await.map_err(late)?;
        let mut response = response.map_err(|error| self.unsent(error))?;
        let status = response.status();
        if status.is_success() {
            let body = read_answer(&mut response, timer).await;
            return Ok(to_text(&body.map_err(|fault| self.unread(fault, timer))?));
        }
        // The status is known, even if the body cannot be read.
        let body = read_error(&mut response, timer).await;
        let body = if status.is_redirection() { target(response.headers()) } else { body };
        Err(Failure::of_status(status, response.headers(), &body, self.peer()))
    }

    /// Reads the list of models (`GET /models`), once and within `limit`; the owner of a model identifies the
    /// software of the server. It never fails, because not every server has such a list.
    pub(super) async fn models(&self, limit: Duration) -> ModelList {
        let url = format!("{}/models", self.provider.place());
        let Ok(request) = self.http.get(url).build() else { return ModelList::Missing };
        let timer = Timeouts::all(limit).begin(false);
        let Ok(response) = timer.first(self.http.execute(self.addressed(request))).await else {
            return ModelList::Late;
        };
        let Ok(mut response) = response else { return ModelList::Failed };
        let status = response.status();
        let is_busy = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        match read_answer(&mut response, &timer).await {
            _ if is_busy => ModelList::Failed,
            Ok(body) => serde_json::from_slice(&body).map_or(ModelList::Missing, ModelList::Is),
            Err(BodyFault::Late(_)) => ModelList::Late,
            Err(BodyFault::Broken(_)) => ModelList::Failed,
            Err(_) => ModelList::Missing,
        }
    }

    /// The server as errors describe it. Whether it has answered before decides what an error means: see
    /// [`Class`](super::classify::Class).
    pub(super) fn peer(&self) -> Peer<'_> {
        let has_answered = self.has_answered.load(Ordering::Relaxed);
        Peer { provider: &self.provider, secrets: &self.secrets, has_answered, proxy: None }
    }

    /// The failure of a request without a response head.
    fn unsent(&self, error: reqwest::Error) -> Failure {
        if error.is_connect() && error.is_timeout() {
            let late = self.timeouts.connect_message();
            return Failure::of_time(late, Peer { proxy: self.proxy.as_deref(), ..self.peer() });
        }
        if error.is_connect() && is_tls(&error) {
            return Failure::of_tls(deepest_cause(&error), self.peer());
        }
        let proxy = self.proxy.as_deref().filter(|_| error.is_connect());
        Failure::of_connection(described(error), Peer { proxy, ..self.peer() })
    }

    /// The failure of a response whose body was not read completely.
    fn unread(&self, fault: BodyFault, timer: &Timer) -> Failure {
        let peer = self.peer();
        match fault {
            BodyFault::Late(late) => Failure::of_time(timer.message(late), peer),
            BodyFault::Broken(error) => Failure::of_connection(described(error), peer),
            BodyFault::TooLong => {
                Failure::of_answer(format!("an answer of more than {} MiB", LONGEST >> 20), peer)
            }
            BodyFault::Compressed(encoding) => {
                let encoding = encoding.escape_debug();
                let message = format!(
                    "the answer cannot be decompressed: it is damaged, too long, or packed as \
                     `{encoding}`, which was not asked for"
                );
                Failure::of_answer(message, peer)
            }
        }
    }

    /// The body, if it is an answer; a stream is joined to one answer.
    fn checked(&self, body: String) -> Result<String, Failure> {
        const NOT_ONE: &str = "what is not a completion";
        let garbage = |what: &str| Err(Failure::of_garbage(what, &body, self.peer()));
        if count_values(&body) > MOST_VALUES {
            let message = format!("an answer of more than {MOST_VALUES} values");
            return Err(Failure::of_answer(message, self.peer()));
        }
        let (joined, envelope) = match serde_json::from_str(&body) {
            Ok(envelope) => (None, Ok(envelope)),
            Err(_) => match stream::read(&body) {
                Received::Whole(whole) => (Some(whole.to_string()), serde_json::from_value(whole)),
                Received::Incomplete => {
                    let message = "the stream ended before the answer did";
                    return Err(Failure::of_connection(message, self.peer()));
                }
                Received::NotJson if body.is_empty() => return garbage("nothing"),
                Received::NotJson => return garbage(NOT_ONE),
            },
        };
        let Ok::<Envelope, _>(envelope) = envelope else { return garbage(NOT_ONE) };
        if let Some(error) = envelope.error() {
            return Err(Failure::of_error_object(error, self.peer()));
        }
        match &envelope.choices {
            Some(choices) if !choices.is_empty() => (),
            None if envelope.is_error() => {
                let whole = serde_json::from_str(joined.as_ref().unwrap_or(&body));
                return Err(Failure::of_error_object(whole.unwrap_or_default(), self.peer()));
            }
            _ => return garbage("without a choice"),
        }
        self.has_answered.store(true, Ordering::Relaxed);
        Ok(joined.unwrap_or(body))
    }

    /// The request with what async-openai does not add: the key, and the query of the address.
    fn addressed(&self, mut request: Request) -> Request {
        request.headers_mut().remove(AUTHORIZATION);
        if let Some((name, value)) = &self.authorization {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        if let Some(query) = self.provider.base_url.query() {
            request.url_mut().set_query(Some(query));
        }
        request
    }
}

/// The fields that distinguish an answer from an error with a successful status.
#[derive(Deserialize)]
struct Envelope {
    /// An error, in most formats.
    #[serde(default)]
    error: Value,
    /// The choices, which an answer must have.
    choices: Option<Vec<ChoiceError>>,
    /// `error`, if the whole body is an error.
    #[serde(default)]
    object: Value,
    /// `false`, if the whole body is an error.
    #[serde(default)]
    success: Value,
    #[serde(default)]
    errors: Value,
    #[serde(default)]
    detail: Value,
}

/// One of the choices, of which only the error is read.
#[derive(Deserialize)]
struct ChoiceError {
    #[serde(default)]
    error: Value,
}

impl Envelope {
    /// The error in its usual place, or within a choice.
    fn error(&self) -> Option<Value> {
        let choices = self.choices.iter().flatten().map(|choice| &choice.error);
        let mut errors = std::iter::once(&self.error).chain(choices);
        let error = errors.find(|error| match error {
            Value::String(text) => !text.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            _ => false,
        })?;
        Some(serde_json::json!({ "error": error }))
    }

    /// Whether the whole body is an error, in the formats of vLLM, Cloudflare and `FastAPI`.
    fn is_error(&self) -> bool {
        self.object == "error"
            || self.success == false
            || self.error == true
            || !self.errors.is_null()
            || !self.detail.is_null()
    }
}

/// The result of asking for the list of models.
pub(super) enum ModelList {
    /// The list in the format of the server.
    Is(Value),
    /// The server has no such list.
    Missing,
    /// The server is unreachable or busy; it may have a list later.
    Failed,
    /// There was no response in time.
    Late,
}

/// Why a body was not read completely.
enum BodyFault {
    /// It did not arrive in time.
    Late(Late),
    /// The connection broke.
    Broken(reqwest::Error),
    /// It is longer than the limit.
    TooLong,
    /// It cannot be decompressed; the value names the compression.
    Compressed(String),
}

/// The body of an answer, decompressed.
async fn read_answer(response: &mut Response, timer: &Timer) -> Result<Vec<u8>, BodyFault> {
    if response.content_length().is_some_and(|length| length > LONGEST as u64) {
        return Err(BodyFault::TooLong);
    }
    let mut body = Vec::new();
    read(response, timer, LONGEST, &mut body).await?;
    let encoding = header(response.headers(), CONTENT_ENCODING.as_str()).unwrap_or_default();
    let encoding = encoding.to_owned();
    decompress(body, &encoding, LONGEST).ok_or(BodyFault::Compressed(encoding))
}

/// The body of an error, as far as it can be read up to a limit. The status is known anyway, and half a
/// message is better than none.
async fn read_error(response: &mut Response, timer: &Timer) -> String {
    let mut body = Vec::new();
    // What was read before the end is worth showing, whatever the end was.
    let _ = read(response, timer, LONGEST_ERROR, &mut body).await;
    let encoding = header(response.headers(), CONTENT_ENCODING.as_str()).unwrap_or_default();
    to_text(&decompress(body, encoding, LONGEST_ERROR).unwrap_or_default())
}

/// Reads a body piece by piece, up to `most` bytes.
async fn read(
    response: &mut Response,
    timer: &Timer,
    most: usize,
    body: &mut Vec<u8>,
) -> Result<(), BodyFault> {
    let is_stream = header(response.headers(), CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.to_lowercase().starts_with("text/event-stream"));
    let mut has_begun = false;
    loop {
        let next = timer.next(response.chunk(), has_begun).await.map_err(BodyFault::Late)?;
        let Some(chunk) = next.map_err(BodyFault::Broken)? else { return Ok(()) };
        // Some servers send blanks while they work; these do not start the answer.
        has_begun |= !chunk.trim_ascii().is_empty();
        let room = most - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Err(BodyFault::TooLong);
        }
        // Some servers keep the connection open after the end.
        if is_stream && stream::is_over(body) {
            return Ok(());
        }
    }
}

/// An upper bound of the number of JSON values in a text, counted by the separators.
fn count_values(body: &str) -> usize {
    body.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count()
}

/// A header as text, without surrounding whitespace.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// The header that authorizes requests: the key, in the header that the server wants it in, otherwise the
/// credentials in the address.
fn authorization(
    http: &reqwest::Client,
    provider: &Provider,
) -> Result<Option<(HeaderName, HeaderValue)>> {
    let unusable = || {
        let message = format!("{} is not a valid header value", provider.key_variable);
        Error::new(ErrorKind::Config, message)
            .hint("a key holds letters, digits and punctuation: copy it again, on one line")
    };
    let own = provider.preset.quirks.key_header.map(HeaderName::from_static);
    let (name, mut value) = match (&provider.key, own) {
        (Some(key), Some(name)) => (name, HeaderValue::from_str(key.expose_secret()).ok()),
        (Some(key), None) => {
            let bearer = format!("Bearer {}", key.expose_secret());
            (AUTHORIZATION, HeaderValue::from_str(&bearer).ok())
        }
        (None, _) => {
            let request = http.get(provider.base_url.clone()).build().ok();
            let value = request.and_then(|request| request.headers().get(AUTHORIZATION).cloned());
            (AUTHORIZATION, value)
        }
    };
    if let Some(value) = &mut value {
        value.set_sensitive(true);
    } else if provider.key.is_some() {
        return Err(unusable());
    }
    Ok(value.map(|value| (name, value)))
}

/// Whether the connection failed in the TLS handshake. The TLS library reports that as invalid data, inside
/// one or more I/O errors.
fn is_tls(error: &reqwest::Error) -> bool {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let of_io = causes.filter_map(|cause| cause.downcast_ref::<io::Error>());
    of_io
        .flat_map(|error| {
            std::iter::successors(Some(error), |error| error.get_ref()?.downcast_ref::<io::Error>())
        })
        .any(|error| error.kind() == io::ErrorKind::InvalidData)
}

/// The innermost cause; the outer errors only state that there was one.
fn deepest_cause(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}

/// What happened to a connection, without the address, which may contain secrets.
fn described(error: reqwest::Error) -> String {
    let error = error.without_url();
    let what = match &error {
        error if error.is_timeout() => "the connection timed out",
        error if error.is_connect() => "cannot connect",
        error if error.is_body() || error.is_decode() => "the answer broke off",
        _ => "the connection broke",
    };
    match deepest_cause(&error) {
        cause if cause.is_empty() => what.to_owned(),
        cause => format!("{what}: {}", without_codes(&cause)),
    }
}

/// The proxy between this program and the server, without credentials. reqwest reads the same variables, but
/// does not name the proxy in its errors.
fn proxy(provider: &Provider) -> Option<String> {
    let url = provider.base_url.as_str().parse().ok()?;
    let found = Matcher::from_env().intercept(&url)?;
    let authority = found.uri().authority()?.as_str();
    Some(authority.rsplit('@').next().unwrap_or_default().to_owned())
}

/// The target of a redirect: only the origin, because the rest may contain secrets.
fn target(headers: &HeaderMap) -> String {
    let location = header(headers, LOCATION.as_str());
    match location.and_then(|location| reqwest::Url::parse(location).ok()) {
        Some(url) => format!("to {}", url.origin().ascii_serialization()),
        None => String::new(),
    }
}
