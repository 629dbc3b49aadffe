//! What becomes of a request when the server, the connection or the time fails: one try, one error, and in it
//! every fact that decides what happens next.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]

mod bodies;
mod lasting;
mod passing;

use std::time::Duration;

use serde_json::{Value, json};
use tribunal::{
    Error,
    backend::{Backend, openai::OpenAi},
    error::ErrorKind::{self, RateLimited, TimedOut},
};

use self::{
    bodies::{broken, garbled},
    lasting::{fatal, refused},
    passing::{busy, limited},
};
use crate::support::{
    Reply, Server, listen, logged,
    openai::{question, settings, shown},
};

/// What an error means for what happens next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Class {
    /// The same request may succeed later.
    Passes,
    /// It is worth one more try.
    Once,
    /// This request fails, and no other.
    Record,
    /// Every request of the run would fail.
    Run,
}

use Class::{Once, Passes, Record, Run};

/// One line of the table: what the server does, and what the error must say.
struct Fault {
    name: &'static str,
    does: Reply,
    kind: ErrorKind,
    status: Option<u16>,
    /// In seconds.
    retry_after: Option<f64>,
    class: Class,
    /// Part of the message or of its hints.
    says: &'static str,
}

fn row(
    name: &'static str,
    does: Reply,
    (kind, status, class): (ErrorKind, u16, Class),
    says: &'static str,
) -> Fault {
    Fault { name, does, kind, status: Some(status), retry_after: None, class, says }
}

/// A row for an answer that names a wait.
fn waits(name: &'static str, does: Reply, seconds: f64) -> Fault {
    let row = row(name, does, (RateLimited, 429, Passes), "429");
    Fault { retry_after: Some(seconds), ..row }
}

fn text(status: u16, body: &str) -> Reply {
    Reply::Text(status, Vec::new(), body.into())
}

fn headed(status: u16, headers: &[(&'static str, &str)], body: &str) -> Reply {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Reply::Text(status, headers, body.into())
}

/// An error as OpenAI writes it, with one more field.
fn error(status: u16, field: &str, value: impl Into<Value>) -> Reply {
    let value: Value = value.into();
    Reply::error(status, &json!({"error": {"message": "m", field: value}}))
}

fn said(status: u16, message: &str) -> Reply {
    Reply::error(status, &json!({"error": {"message": message}}))
}

async fn check(fault: &Fault) {
    let Fault { name, does, kind, status, retry_after, class, says } = fault;
    let does = does.clone();
    let server = Server::start(move |_| does.clone()).await;
    let mut options = settings(&server.url, Some("openai"));
    if *kind == TimedOut && status.is_none() {
        options.timeout = Duration::from_millis(100);
    }
    let error = OpenAi::new(options).unwrap().complete(&question()).await.unwrap_err();
    let seen = shown(&error);
    assert_eq!(error.kind(), *kind, "{name}: {seen}");
    assert_eq!(error.status(), *status, "{name}: {seen}");
    let wait = error.retry_after().map(|wait| wait.as_secs_f64());
    assert_eq!(wait, *retry_after, "{name}: {seen}");
    assert_eq!(class_of(&error), *class, "{name}: {seen}");
    assert_eq!((error.attempts(), server.requests()), (1, 1), "{name}");
    assert!(seen.contains(says), "{name}: {seen}");
    assert!(!seen.contains("CANARY") && !seen.contains('\u{1b}'), "{name}: {seen}");
    assert_eq!(ErrorKind::named(kind.name()), Some(*kind));
}

pub(crate) fn class_of(error: &Error) -> Class {
    match (error.is_worth_one_retry(), error.is_transient(), error.is_fatal()) {
        (true, ..) => Once,
        (_, true, false) => Passes,
        (_, false, false) => Record,
        (_, false, true) => Run,
        (_, true, true) => panic!("both transient and fatal: {error:?}"),
    }
}

#[tokio::test]
async fn every_fault_has_its_class_and_its_facts() {
    listen();
    let groups = [busy(), limited(), fatal(), refused(), garbled(), broken()];
    let all: Vec<Fault> = groups.into_iter().flatten().collect();
    assert!(all.len() >= 90, "{} faults", all.len());
    for fault in &all {
        check(fault).await;
    }
    assert!(!logged().contains("CANARY"));
}
