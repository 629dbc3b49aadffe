//! Connections that break, hang or lead elsewhere, and what the layer of retries makes of them.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{net::TcpStream, sync::atomic::Ordering, time::Duration};

use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};
use tribunal::{
    backend::{
        Backend,
        openai::{OpenAi, OpenAiOptions},
    },
    error::ErrorKind::{NotFound, Overloaded, TimedOut, Unreachable},
};

use crate::{
    openai_faults::{
        Class::{Passes, Run},
        class_of,
    },
    support::{
        End, Reply, Server, chat_reply,
        openai::{again, asked, model, question, retried, settings, shown},
        raw,
    },
};

#[tokio::test]
async fn connections_that_break_pass() {
    let partial = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"choices\"".to_vec();
    for (name, bytes, end) in [
        ("closed before an answer", Vec::new(), End::Close),
        ("reset before an answer", Vec::new(), End::Reset),
        ("closed within a body", partial.clone(), End::Close),
        ("reset within a body", partial, End::Reset),
        ("another protocol", b"what?\r\n\r\n".to_vec(), End::Close),
        ("half a head", b"HTTP/1.1 200".to_vec(), End::Close),
    ] {
        let good = chat_reply("fine").to_string();
        let length = good.len();
        let good = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{good}"
        );
        let (url, connections) = raw(move |index| match index {
            0..=2 => (bytes.clone(), end),
            _ => (good.clone().into_bytes(), End::Close),
        })
        .await;
        let backend = OpenAi::new(settings(&url, Some("openai"))).unwrap();
        let error = backend.complete(&question()).await.unwrap_err();
        assert_eq!((error.kind(), class_of(&error)), (Unreachable, Passes), "{name}: {error:?}");
        assert_eq!((error.status(), error.attempts()), (None, 1), "{name}");
        assert_eq!(connections.load(Ordering::Relaxed), 1, "{name}");
        // With the layer above, the same model answers.
        let answer = again(backend).complete(&question()).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.attempts), ("fine", 3), "{name}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_passes() {
    let options = settings("http://127.0.0.1:1/v1", Some("openai"));
    let error = OpenAi::new(options).unwrap().complete(&question()).await.unwrap_err();
    assert_eq!((error.kind(), class_of(&error)), (Unreachable, Passes));
    assert!(shown(&error).contains("is the server running"), "{error:?}");
}

#[tokio::test]
async fn a_server_without_tls_behind_https_ends_the_run() {
    let server = Server::start(|_| Reply::says("fine")).await;
    let options = settings(&server.url.replace("http:", "https:"), Some("openai"));
    let error = OpenAi::new(options).unwrap().complete(&question()).await.unwrap_err();
    assert_eq!((error.kind(), class_of(&error)), (Unreachable, Run), "{error:?}");
    assert!(shown(&error).contains("no secure connection"), "{error:?}");
}

/// A listener that accepts nothing and whose queue is full, so that the next connection hangs. The streams
/// keep the queue full.
fn full() -> (TcpListener, Vec<TcpStream>) {
    const MOST: usize = 64;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let wait = Duration::from_millis(300);
    let connect = || TcpStream::connect_timeout(&address, wait).ok();
    let queue: Vec<TcpStream> = std::iter::from_fn(connect).take(MOST).collect();
    assert!(queue.len() < MOST, "the queue of a listener is never full here");
    (listener, queue)
}

/// The clock is paused, so that the ten seconds of the limit pass at once.
#[tokio::test(start_paused = true)]
async fn a_connection_that_is_not_established_ends_at_a_limit_of_its_own() {
    let (listener, _queue) = full();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let options = settings(&url, Some("openai"));
    let error = OpenAi::new(options).unwrap().complete(&question()).await.unwrap_err();
    assert_eq!((error.kind(), class_of(&error)), (TimedOut, Passes), "{error:?}");
    assert!(shown(&error).contains("no connection within 10s"), "{error:?}");
}

#[tokio::test]
async fn each_timeout_has_its_own_message() {
    let (long, short) = (Duration::from_secs(60), Duration::from_millis(100));
    let piece = r#"{"choices":"#;
    for (does, timeout, idle_timeout, stream, says) in [
        (Reply::Hang, short, long, false, "no answer within 100ms"),
        (Reply::Stall(piece), long, short, false, "the answer stopped for 100ms"),
        (
            Reply::Trickle(piece, Duration::from_millis(1)),
            short,
            long,
            false,
            "the answer was not complete within 100ms",
        ),
        (Reply::Stall(piece), short, long, true, "the answer stopped for 100ms"),
    ] {
        let server = Server::start(move |_| does.clone()).await;
        let options = settings(&server.url, Some("openai"));
        let options = OpenAiOptions { timeout, idle_timeout, stream, ..options };
        let error = OpenAi::new(options).unwrap().complete(&question()).await.unwrap_err();
        assert_eq!((error.kind(), class_of(&error)), (TimedOut, Passes), "{error:?}");
        assert!(shown(&error).contains(says), "{says}: {error:?}");
        assert!(shown(&error).contains("timeout"), "{error:?}");
    }
}

#[tokio::test]
async fn no_body_takes_more_memory_than_it_may() {
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse::<usize>().ok()
    };
    let before = peak();
    for status in [200, 500] {
        let (answer, server) = asked(&question(), move |_| match status {
            200 => Reply::Flood(300 << 20),
            _ => Reply::Text(status, Vec::new(), vec![b'x'; 9 << 20]),
        })
        .await;
        answer.unwrap_err();
        // What was read, and what the buffers of two sockets hold.
        assert!(server.flooded() < 40 << 20, "{}", server.flooded());
    }
    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after - before < 128 << 10, "{} kB", after - before);
    }
}

#[tokio::test]
async fn what_passes_is_survived_with_the_layer_above() {
    for status in [429, 503] {
        let server = Server::start(move |seen| match seen.index {
            0 => Reply::error(status, &json!({})),
            1 => Reply::Cut("{\"choices\":"),
            _ => Reply::says("fine"),
        })
        .await;
        let answer = retried(&server, "openai").complete(&question()).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.attempts, server.requests()), ("fine", 3, 3));
    }
}

#[tokio::test]
async fn the_key_follows_no_redirect() {
    let other = Server::start(|_| Reply::says("gotcha")).await;
    let target = format!("{}/chat/completions?secret=1", other.url);
    let (answer, server) = asked(&question(), move |_| {
        Reply::Text(307, vec![("location", target.clone())], Vec::new())
    })
    .await;
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), class_of(&error)), (NotFound, Run));
    assert_eq!((server.requests(), other.requests()), (1, 0));
    assert!(!shown(&error).contains("secret"), "{error:?}");
}

#[tokio::test]
async fn a_request_without_a_refused_parameter_counts_as_another_attempt() {
    let server = Server::start(|seen| match seen.body.get("temperature") {
        Some(_) => Reply::error(400, &json!({"error": "unsupported: temperature"})),
        None => Reply::error(503, &json!({"error": "busy"})),
    })
    .await;
    let mut request = question();
    request.sampling.temperature = Some(0.0);
    let error = model(&server, "openai").complete(&request).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), server.requests()), (Overloaded, 2, 2));
}
