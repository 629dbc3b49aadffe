//! Requests over the wire: bounded, timed, and sent again where that may help.
//!
//! It stands below async-openai, which builds the requests, and hands it nothing but clean answers.

use std::{
    error::Error as _,
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::{Duration, Instant, SystemTime},
};

use async_openai::middleware::HttpRequestFactory;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{
    Request, Response,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION},
};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    OpenAiOptions,
    fault::{Again, Fault, Peer},
    provider::Provider,
    stream::{self, Content},
    text::{Secrets, cleaned, unpacked},
};
use crate::error::{Error, ErrorKind, Result};

/// The longest answer that is read.
const LONGEST: usize = 8 * 1024 * 1024;

/// The line to one server.
pub(super) struct Transport {
    pub(super) http: reqwest::Client,
    pub(super) provider: Provider,
    pub(super) secrets: Secrets,
    proxy: Option<String>,
    /// Whether a request was answered before.
    answered: AtomicBool,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    retries: u32,
    first_wait: Duration,
    stopping: Option<watch::Receiver<bool>>,
}

impl Transport {
    pub(super) fn new(settings: &OpenAiOptions) -> Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_secs(10))
            .user_agent(concat!("tribunal/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|cause| {
                Error::new(ErrorKind::Config, "cannot set up the network").because(cause)
            })?;
        let provider = settings.provider.clone();
        let authorization = authorization(&http, &provider)?;
        let (secrets, proxy) = (Secrets::new(provider.secrets()), proxy(&provider));
        Ok(Self {
            http,
            provider,
            secrets,
            proxy,
            answered: AtomicBool::new(false),
            authorization,
            timeout: settings.timeout,
            retries: settings.retries,
            first_wait: settings.first_wait,
            stopping: settings.stopping.clone(),
        })
    }

    /// Sends a request until there is an answer, or no hope; every try is added to `attempts`.
    pub(super) async fn send(
        &self,
        factory: HttpRequestFactory,
        attempts: &AtomicU32,
    ) -> Result<Response, Fault> {
        let started = Instant::now();
        let mut tries = 0;
        let mut accidents = 0;
        loop {
            attempts.fetch_add(1, Ordering::Relaxed);
            tries += 1;
            let fault = match self.attempt(&factory).await {
                Ok(body) => return Ok(http::Response::new(body).into()),
                Err(fault) => fault,
            };
            accidents += u32::from(fault.again == Again::Once);
            let is_over = tries > self.retries || fault.again == Again::Never || accidents > 1;
            if is_over {
                return Err(fault.after_tries(tries));
            }
            let wait = self.wait(tries, &fault);
            if started.elapsed() + wait > self.limit() {
                return Err(fault.after_tries(tries).out_of_time(self.limit()));
            }
            tracing::debug!(tries, ?wait, error = %fault, "asking again");
            if !self.waited(wait).await {
                return Err(fault.interrupted());
            }
        }
    }

    /// Waits before another try; `false` where the run is to stop.
    async fn waited(&self, wait: Duration) -> bool {
        let Some(mut stopping) = self.stopping.clone() else {
            pause(wait).await;
            return true;
        };
        tokio::select! {
            biased;
            Ok(_) = stopping.wait_for(|stopping| *stopping) => false,
            () = pause(wait) => true,
        }
    }

    /// Reads the list of models, without a second try.
    pub(super) async fn models(&self, limit: Duration) -> Probe {
        let url = format!("{}/models", self.provider.place());
        let Ok(request) = self.http.get(url).build() else { return Probe::Nothing };
        let read = async {
            let Ok(mut response) = self.http.execute(self.addressed(request)).await else {
                return Probe::Failed;
            };
            let status = response.status();
            let is_busy = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
            match read(&mut response).await {
                _ if is_busy => Probe::Failed,
                Ok(body) => serde_json::from_slice(&body).map_or(Probe::Nothing, Probe::Models),
                Err(Cut::Line(_)) => Probe::Failed,
                Err(_) => Probe::Nothing,
            }
        };
        tokio::time::timeout(limit, read).await.unwrap_or(Probe::Late)
    }

    async fn attempt(&self, factory: &HttpRequestFactory) -> Result<String, Fault> {
        let late = || {
            let message = format!("no answer within {} s", self.timeout.as_secs_f32());
            Err(Fault::of_time(message, self.peer()))
        };
        tokio::time::timeout(self.timeout, self.exchange(factory)).await.unwrap_or_else(|_| late())
    }

    async fn exchange(&self, factory: &HttpRequestFactory) -> Result<String, Fault> {
        let request = factory.build().await.map_err(|cause| {
            Fault::of_line(format!("cannot write the request: {cause}"), self.peer()).final_one()
        })?;
        let response = self.http.execute(self.addressed(request)).await;
        let mut response = response.map_err(|error| self.unsent(error))?;
        let status = response.status();
        let body = unpacked_body(&mut response).await;
        if status.is_success() {
            return self.checked(cleaned(&body.map_err(|cut| self.cut(cut))?));
        }
        // Whatever became of the body, the status is known.
        let body = cleaned(&body.unwrap_or_default());
        let body = if status.is_redirection() { target(response.headers()) } else { body };
        let after = wanted_wait(response.headers());
        Err(Fault::of_status(status, &body, after, self.peer()))
    }

    fn unsent(&self, error: reqwest::Error) -> Fault {
        let proxy = self.proxy.as_deref().filter(|_| error.is_connect());
        Fault::of_line(root(error), Peer { proxy, ..self.peer() })
    }

    pub(super) fn peer(&self) -> Peer<'_> {
        let answered = self.answered.load(Ordering::Relaxed);
        Peer { provider: &self.provider, secrets: &self.secrets, answered, proxy: None }
    }

    /// The body, if it is an answer.
    fn checked(&self, body: String) -> Result<String, Fault> {
        let garbage = |what: &str| Err(Fault::of_garbage(what, &body, self.peer()));
        let (whole, envelope) = match serde_json::from_str(&body) {
            Ok(envelope) => (None, Ok(envelope)),
            Err(_) => match stream::content(&body) {
                Content::Whole(whole) => (Some(whole.to_string()), serde_json::from_value(whole)),
                Content::Broken => {
                    return Err(Fault::of_line("the stream ended before the answer", self.peer()));
                }
                Content::Nothing if body.is_empty() => return garbage("nothing"),
                Content::Nothing => return garbage("what is not a completion"),
            },
        };
        let Ok::<Envelope, _>(envelope) = envelope else {
            return garbage("what is not a completion");
        };
        if let Some(error) = envelope.error() {
            return Err(Fault::of_error_object(error, self.peer()));
        }
        if envelope.choices.as_ref().is_none_or(Vec::is_empty) {
            return garbage("without a choice");
        }
        self.answered.store(true, Ordering::Relaxed);
        Ok(whole.unwrap_or(body))
    }

    fn cut(&self, cut: Cut) -> Fault {
        match cut {
            Cut::Line(error) => Fault::of_line(root(error), self.peer()),
            Cut::Long => {
                let message = format!("an answer of more than {} MiB", LONGEST >> 20);
                Fault::of_answer(message, self.peer())
            }
            Cut::Packed(encoding) => {
                let message = format!(
                    "an answer packed as `{}`, which was not asked for, cannot be read",
                    encoding.escape_debug()
                );
                Fault::of_answer(message, self.peer())
            }
        }
    }

    /// The request with what async-openai is not told: the key, and the query of the address.
    fn addressed(&self, mut request: Request) -> Request {
        request.headers_mut().remove(AUTHORIZATION);
        if let Some(value) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        if let Some(query) = self.provider.base_url.query() {
            request.url_mut().set_query(Some(query));
        }
        request
    }

    /// How long after the first try another one may begin: a server that hangs is tried three times.
    fn limit(&self) -> Duration {
        const LEAST: Duration = Duration::from_secs(300);
        self.timeout.saturating_mul(3).max(LEAST)
    }

    /// Full jitter below a doubling limit, so that those who failed together do not return together;
    /// above the time that the server names, if it names one. Limits of rates are counted in minutes, so
    /// that the steps before another try grow faster there: they outlast a minute.
    fn wait(&self, tries: u32, fault: &Fault) -> Duration {
        let (growth, longest): (u32, u64) = if fault.limited { (4, 30) } else { (2, 10) };
        let grown = growth.saturating_pow(tries.saturating_sub(1));
        let step = self.first_wait.saturating_mul(grown).min(Duration::from_secs(longest));
        match fault.after {
            Some(after) => after + self.first_wait.mul_f64(chance()),
            None if fault.limited => step.mul_f64(f64::midpoint(1.0, chance())),
            None => step.mul_f64(chance()),
        }
    }
}

/// What tells an answer from an error that calls itself a success.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    error: Value,
    choices: Option<Vec<Choice>>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    error: Value,
}

impl Envelope {
    fn error(&self) -> Option<&Value> {
        let choices = self.choices.iter().flatten().map(|choice| &choice.error);
        std::iter::once(&self.error).chain(choices).find(|error| match error {
            Value::String(text) => !text.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            _ => false,
        })
    }
}

/// What came of asking for the list of models.
pub(super) enum Probe {
    Models(Value),
    /// The server has no such list.
    Nothing,
    /// The server is not there, or busy: it may have one later.
    Failed,
    /// No answer in time.
    Late,
}

/// Why a body was not read to its end.
enum Cut {
    Line(reqwest::Error),
    Long,
    Packed(String),
}

async fn unpacked_body(response: &mut Response) -> Result<Vec<u8>, Cut> {
    let body = read(response).await?;
    let encoding = header(response.headers(), CONTENT_ENCODING.as_str());
    let encoding = encoding.unwrap_or_default().to_owned();
    unpacked(body, &encoding, LONGEST).ok_or(Cut::Packed(encoding))
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

async fn read(response: &mut Response) -> Result<Vec<u8>, Cut> {
    let is_stream = header(response.headers(), CONTENT_TYPE.as_str())
        .is_some_and(|kind| kind.to_lowercase().starts_with("text/event-stream"));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Cut::Line)? {
        if body.len() + chunk.len() > LONGEST {
            return Err(Cut::Long);
        }
        body.extend_from_slice(&chunk);
        // Some servers keep the line open after the end.
        if is_stream && stream::is_over(&body) {
            break;
        }
    }
    Ok(body)
}

/// The header that proves who asks: the key, else the credentials in the address.
fn authorization(http: &reqwest::Client, provider: &Provider) -> Result<Option<HeaderValue>> {
    let unusable = || {
        let message = format!("{} is not a valid header value", provider.key_variable);
        Error::new(ErrorKind::Config, message)
            .hint("a key holds letters, digits and punctuation: copy it again, on one line")
    };
    let mut header = if let Some(key) = &provider.key {
        let bearer = format!("Bearer {}", key.expose_secret());
        Some(HeaderValue::from_str(&bearer).map_err(|_| unusable())?)
    } else {
        let request = http.get(provider.base_url.clone()).build().ok();
        request.and_then(|request| request.headers().get(AUTHORIZATION).cloned())
    };
    if let Some(value) = &mut header {
        value.set_sensitive(true);
    }
    Ok(header)
}

/// The deepest cause: the layers above it only say that there was an error. Never the address.
fn root(error: reqwest::Error) -> String {
    let error = error.without_url();
    let what = match &error {
        error if error.is_timeout() => "the connection timed out",
        error if error.is_connect() => "cannot connect",
        error if error.is_body() || error.is_decode() => "the answer broke off",
        _ => "the connection broke",
    };
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    match causes.last() {
        Some(cause) => format!("{what}: {cause}"),
        None => what.to_owned(),
    }
}

/// The proxy between this program and the server, without credentials.
fn proxy(provider: &Provider) -> Option<String> {
    let url = provider.base_url.as_str().parse().ok()?;
    let found = Matcher::from_env().intercept(&url)?;
    found
        .uri()
        .authority()
        .map(|authority| authority.as_str().rsplit('@').next().unwrap_or_default().to_owned())
}

/// Where a redirect leads: the origin alone, since the rest may hold secrets.
fn target(headers: &HeaderMap) -> String {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    match location.and_then(|location| reqwest::Url::parse(location).ok()) {
        Some(url) => format!("to {}", url.origin().ascii_serialization()),
        None => String::new(),
    }
}

/// How long the server asks to wait.
fn wanted_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| header(headers, name);
    let seconds = |text: &str, unit: f64| {
        let number: f64 = text.parse().ok()?;
        Duration::try_from_secs_f64(number.max(0.0) / unit).ok()
    };
    let milliseconds = text("retry-after-ms").and_then(|text| seconds(text, 1000.0));
    milliseconds.or_else(|| {
        let after = text("retry-after")?;
        seconds(after, 1.0).or_else(|| {
            let date = httpdate::parse_http_date(after).ok()?;
            let now = text("date").and_then(|date| httpdate::parse_http_date(date).ok());
            Some(date.duration_since(now.unwrap_or_else(clock)).unwrap_or_default())
        })
    })
}

#[expect(clippy::disallowed_methods, reason = "a server that names a date may not name its own")]
fn clock() -> SystemTime {
    SystemTime::now()
}

/// A number from 0 to 1: good enough to spread requests, and for nothing else.
fn chance() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or_default();
    f64::from(bits) / f64::from(u32::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place that waits between tries")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_say_in_four_ways_how_long_to_wait() {
        let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
        for (headers, wait) in [
            (vec![("retry-after", "3")], Some(3.0)),
            (vec![("retry-after", "0.5")], Some(0.5)),
            (vec![("retry-after", "-1")], Some(0.0)),
            (vec![("retry-after-ms", "250"), ("retry-after", "9")], Some(0.25)),
            (vec![("retry-after", "Wed, 21 Oct 2015 07:28:40 GMT"), date], Some(40.0)),
            (vec![("retry-after", "Wed, 21 Oct 2015 07:28:40 GMT")], Some(0.0)),
            (vec![("retry-after", "soon")], None),
            (vec![("retry-after", "1e400")], None),
            (vec![], None),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(name, HeaderValue::from_static(value));
            }
            assert_eq!(wanted_wait(&map).map(|wait| wait.as_secs_f64()), wait);
        }
    }
}
