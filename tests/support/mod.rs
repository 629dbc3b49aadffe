//! Servers with programmed answers, for tests of everything that sends requests to an API.
#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]
#![allow(unreachable_pub, reason = "each test file includes it as a module of its own")]
#![allow(clippy::unwrap_used, reason = "in tests a panic is the report")]

#[cfg(feature = "openai")]
pub mod openai;
#[cfg(feature = "openai")]
pub mod toy;
#[cfg(feature = "cli")]
pub mod obedient;
#[cfg(all(feature = "cli", feature = "hub"))]
pub mod hub;
#[cfg(feature = "cli")]
pub mod browser;
#[cfg(feature = "cli")]
mod program;
pub mod collected;
mod tools;

#[cfg(feature = "cli")]
pub use program::{Place, Ran, records};
pub use tools::{Folder, instruct_model, listen, logged};

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Response},
    response::IntoResponse,
    routing::{get, post},
};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What a server does with one request.
#[derive(Clone)]
pub enum Reply {
    /// Answers with 200 and this.
    Json(Value),
    /// Answers with this status, these headers and this body.
    Text(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Begins a body, and breaks off.
    Cut(&'static str),
    /// Begins a body, and sends nothing more.
    Stall(&'static str),
    /// Sends this piece again and again, after so long a pause each time.
    Trickle(&'static str, Duration),
    /// Never answers.
    Hang,
    /// Sends so many bytes, until the reader stops.
    Flood(usize),
}

impl Reply {
    /// An answer of the model.
    pub fn says(text: &str) -> Self {
        Self::Json(chat_reply(text))
    }

    /// An error with a JSON body.
    pub fn error(status: u16, body: &Value) -> Self {
        Self::Text(status, Vec::new(), body.to_string().into_bytes())
    }
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// How many came before it.
    pub index: usize,
    /// Its body.
    pub body: Value,
    /// Its headers.
    pub headers: HeaderMap,
}

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

/// An OpenAI-compatible server on this machine.
#[derive(Clone)]
pub struct Server {
    /// Up to and including `/v1`.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    handler: Box<Handler>,
    models: Value,
    seen: Mutex<Vec<Seen>>,
    probes: AtomicUsize,
    flooded: AtomicUsize,
}

impl Server {
    /// Starts a server that knows no models, and does what `handler` says.
    pub async fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_models(json!({ "data": [] }), handler).await
    }

    /// The same with an answer to `GET /v1/models`.
    pub async fn with_models(
        models: Value,
        handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::at("127.0.0.1:0", models, handler).await
    }

    /// The same at this address.
    pub async fn at(
        address: &str,
        models: Value,
        handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            models,
            seen: Mutex::default(),
            probes: AtomicUsize::new(0),
            flooded: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let routes = Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/models", get(models_list))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { url, shared }
    }

    /// The chat requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How many chat requests there were.
    pub fn requests(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }

    /// How often it was asked for its models.
    pub fn probes(&self) -> usize {
        self.shared.probes.load(Ordering::Relaxed)
    }

    /// Bytes of floods that left the server.
    pub fn flooded(&self) -> usize {
        self.shared.flooded.load(Ordering::Relaxed)
    }
}

async fn models_list(State(shared): State<Arc<Shared>>) -> Json<Value> {
    shared.probes.fetch_add(1, Ordering::Relaxed);
    Json(shared.models.clone())
}

async fn chat(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let seen = {
        let mut all = shared.seen.lock().unwrap();
        let seen = Seen { index: all.len(), body, headers };
        all.push(seen.clone());
        seen
    };
    match (shared.handler)(&seen) {
        Reply::Json(value) => Json(value).into_response(),
        Reply::Text(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        Reply::Cut(begun) => {
            let pieces = [Ok(Bytes::from(begun)), Err(io::Error::other("cut"))];
            Response::new(Body::from_stream(stream::iter(pieces)))
        }
        Reply::Stall(begun) => {
            let begun = stream::once(async move { Ok::<_, Infallible>(Bytes::from(begun)) });
            Response::new(Body::from_stream(begun.chain(stream::pending())))
        }
        Reply::Trickle(piece, pause) => {
            #[expect(clippy::disallowed_methods, reason = "a slow server")]
            let pieces = stream::unfold((), move |()| async move {
                tokio::time::sleep(pause).await;
                Some((Ok::<_, Infallible>(Bytes::from(piece)), ()))
            });
            Response::new(Body::from_stream(pieces))
        }
        Reply::Hang => std::future::pending().await,
        Reply::Flood(bytes) => Response::new(flood(shared, bytes)),
    }
}

fn flood(shared: Arc<Shared>, bytes: usize) -> Body {
    const PIECE: usize = 64 * 1024;
    let piece = Bytes::from(vec![b' '; PIECE]);
    let pieces = (0..bytes / PIECE).map(move |_| {
        shared.flooded.fetch_add(PIECE, Ordering::Relaxed);
        Ok::<_, Infallible>(piece.clone())
    });
    Body::from_stream(stream::iter(pieces))
}

/// A chat completion as OpenAI writes it.
pub fn chat_reply(text: &str) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    })
}

/// A chat completion of one token with its likeliest alternatives, as probabilities.
pub fn token_reply(token: &str, alternatives: &[(&str, f64)]) -> Value {
    let top: Vec<_> = alternatives
        .iter()
        .map(|(token, p)| json!({ "token": token, "logprob": p.ln(), "bytes": null }))
        .collect();
    let mut reply = chat_reply(token);
    reply["choices"][0]["finish_reason"] = "length".into();
    reply["choices"][0]["logprobs"] =
        json!({ "content": [{ "token": token, "logprob": -0.1, "top_logprobs": top }] });
    reply
}

/// How a raw server ends a connection.
#[derive(Clone, Copy)]
pub enum End {
    /// In order.
    Close,
    /// With a reset.
    Reset,
}

/// A server below HTTP: writes the bytes that `reply` gives for the n-th connection, and ends it.
/// Returns its address up to `/v1`, and the number of connections.
pub async fn raw(
    reply: impl Fn(usize) -> (Vec<u8>, End) + Send + 'static,
) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (bytes, end) = reply(counter.fetch_add(1, Ordering::Relaxed));
            heard(&mut stream).await;
            stream.write_all(&bytes).await.ok();
            stream.flush().await.ok();
            match end {
                End::Close => stream.shutdown().await.unwrap_or_default(),
                End::Reset => stream.set_zero_linger().unwrap(),
            }
        }
    });
    (url, connections)
}

/// Reads a request to its end, so that closing the connection does not reset it.
async fn heard(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return,
            Ok(length) => request.extend_from_slice(&piece[..length]),
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}
