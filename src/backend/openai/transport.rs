//! Requests over the wire: bounded, timed, and sent again where that may help.
//!
//! It stands below async-openai, which builds the requests, and hands it nothing but clean answers.

use std::{
    error::Error as _,
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime},
};

use async_openai::middleware::HttpRequestFactory;
use reqwest::{
    Request, Response,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    fault::{Again, Fault},
    provider::{Provider, Secret},
    text::cleaned,
};
use crate::error::{Error, ErrorKind, Result};

/// The longest answer that is read.
const LONGEST: usize = 8 * 1024 * 1024;

/// The line to one server.
pub(super) struct Transport {
    pub(super) http: reqwest::Client,
    pub(super) provider: Provider,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    retries: u32,
    first_wait: Duration,
}

impl Transport {
    pub(super) fn new(
        provider: Provider,
        timeout: Duration,
        retries: u32,
        first_wait: Duration,
    ) -> Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_secs(10))
            .user_agent(concat!("tribunal/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|cause| {
                Error::new(ErrorKind::Config, "cannot set up the network").because(cause)
            })?;
        let authorization = authorization(&http, &provider)?;
        Ok(Self { http, provider, authorization, timeout, retries, first_wait })
    }

    /// Sends a request until there is an answer, or no hope; every try is added to `attempts`.
    pub(super) async fn send(
        &self,
        factory: HttpRequestFactory,
        attempts: &AtomicU32,
    ) -> Result<Response, Fault> {
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
            let wait = self.wait(tries, fault.after);
            tracing::debug!(tries, ?wait, error = %fault, "asking again");
            pause(wait).await;
        }
    }

    /// Reads the list of models, without a second try.
    pub(super) async fn models(&self, limit: Duration) -> Option<Value> {
        let url = format!("{}/models", self.provider.place());
        let request = self.addressed(self.http.get(url).build().ok()?);
        let read = async {
            let mut response = self.http.execute(request).await.ok()?;
            let body = read(&mut response).await.ok()?;
            serde_json::from_slice(&body).ok()
        };
        tokio::time::timeout(limit, read).await.ok()?
    }

    async fn attempt(&self, factory: &HttpRequestFactory) -> Result<String, Fault> {
        let late = || {
            let message = format!("no answer within {} s", self.timeout.as_secs_f32());
            Err(Fault::of_line(message, &self.provider))
        };
        tokio::time::timeout(self.timeout, self.exchange(factory)).await.unwrap_or_else(|_| late())
    }

    async fn exchange(&self, factory: &HttpRequestFactory) -> Result<String, Fault> {
        let request = factory.build().await.map_err(|cause| {
            Fault::of_line(format!("cannot write the request: {cause}"), &self.provider).final_one()
        })?;
        let mut response = self
            .http
            .execute(self.addressed(request))
            .await
            .map_err(|error| Fault::of_line(root(error), &self.provider))?;
        let status = response.status();
        let body = read(&mut response).await;
        if status.is_success() {
            let body = body.map_err(|cut| self.cut(cut))?;
            return self.checked(cleaned(&body, self.key()));
        }
        // Whatever became of the body, the status is known.
        let body = cleaned(&body.unwrap_or_default(), self.key());
        let body = if status.is_redirection() { target(response.headers()) } else { body };
        let after = wanted_wait(response.headers());
        Err(Fault::of_status(status, &body, after, &self.provider))
    }

    /// The body, if it is an answer.
    fn checked(&self, body: String) -> Result<String, Fault> {
        let garbage = |what: &str| Err(Fault::of_garbage(what, &body, &self.provider));
        let Ok(envelope) = serde_json::from_str::<Envelope>(&body) else {
            return garbage(if body.is_empty() { "nothing" } else { "what is no completion" });
        };
        if let Some(error) = envelope.error() {
            return Err(Fault::of_error_object(error, &self.provider));
        }
        if envelope.choices.as_ref().is_none_or(Vec::is_empty) {
            return garbage("without a choice");
        }
        Ok(body)
    }

    fn cut(&self, cut: Cut) -> Fault {
        match cut {
            Cut::Line(error) => Fault::of_line(root(error), &self.provider),
            Cut::Long => {
                let message = format!("an answer of more than {} MiB", LONGEST >> 20);
                Fault::of_line(message, &self.provider).final_one()
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

    fn key(&self) -> Option<&Secret> {
        self.provider.key.as_ref()
    }

    /// Full jitter below a doubling limit, so that those who failed together do not return together;
    /// above the time that the server names, if it names one.
    fn wait(&self, tries: u32, after: Option<Duration>) -> Duration {
        const LONGEST_STEP: Duration = Duration::from_secs(10);
        let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
        let jitter = |step: Duration| step.mul_f64(chance());
        match after {
            Some(after) => after + jitter(self.first_wait),
            None => jitter(self.first_wait.saturating_mul(doubled).min(LONGEST_STEP)),
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

/// Why a body was not read to its end.
enum Cut {
    Line(reqwest::Error),
    Long,
}

async fn read(response: &mut Response) -> Result<Vec<u8>, Cut> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Cut::Line)? {
        if body.len() + chunk.len() > LONGEST {
            return Err(Cut::Long);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The header that proves who asks: the key, else the credentials in the address.
fn authorization(http: &reqwest::Client, provider: &Provider) -> Result<Option<HeaderValue>> {
    let unusable = || {
        let message = format!("the key in {} is no key", provider.key_variable);
        Error::new(ErrorKind::Config, message).hint("it holds characters that no header may hold")
    };
    let mut header = if let Some(key) = &provider.key {
        let bearer = format!("Bearer {}", key.expose());
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
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
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
