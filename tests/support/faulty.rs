//! A chat-completions server on loopback that fails by a draw of each request's body and its number, as servers
//! under load do; and that can be gone for a while.
//!
//! It is written on sockets, so that a dropped connection is one.

#![allow(dead_code, reason = "each program uses its own part")]
#![allow(unreachable_pub, reason = "each program includes it as a module of its own")]

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// Shares of requests, by what becomes of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// 429, without a time to wait.
    pub rate_limited: f64,
    /// 500.
    pub broken: f64,
    /// The connection is closed without an answer.
    pub dropped: f64,
    /// 200 with a text that holds no verdict.
    pub garbled: f64,
}

/// The server.
pub struct Faulty {
    address: SocketAddr,
    shared: Arc<Shared>,
    gone: watch::Sender<bool>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    faults: Faults,
    latency: Duration,
    requests: AtomicUsize,
    /// How often each body came.
    seen: Mutex<HashMap<u64, u64>>,
    /// The text for a body.
    answer: Box<dyn Fn(&str) -> String + Send + Sync>,
}

impl Faulty {
    /// Begins to answer each body with the text that `answer` makes of it, after `latency`.
    pub async fn start(
        faults: Faults,
        latency: Duration,
        answer: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            faults,
            latency,
            requests: AtomicUsize::new(0),
            seen: Mutex::default(),
            answer: Box::new(answer),
        });
        let (gone, is_gone) = watch::channel(false);
        let listening = tokio::spawn(listen(listener, shared.clone(), is_gone));
        Ok(Self { address, shared, gone, listening: Mutex::new(Some(listening)) })
    }

    /// Where it is, up to and including `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many requests came so far.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Ends every connection and refuses new ones for this time.
    pub async fn die_for(&self, time: Duration) -> io::Result<()> {
        self.gone.send_replace(true);
        let listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listening) = listening {
            listening.abort();
            let _ = listening.await;
        }
        tokio::time::sleep(time).await;
        self.gone.send_replace(false);
        let listener = TcpListener::bind(self.address).await?;
        let listening = tokio::spawn(listen(listener, self.shared.clone(), self.gone.subscribe()));
        *self.listening.lock().unwrap_or_else(PoisonError::into_inner) = Some(listening);
        Ok(())
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, gone: watch::Receiver<bool>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, mut gone) = (shared.clone(), gone.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = gone.wait_for(|gone| *gone) => (),
                _ = serve(stream, &shared) => (),
            }
        });
    }
}

/// Answers the requests of one connection.
async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let Some(body) = Box::pin(request(&mut stream, &mut buffer)).await? else { return Ok(()) };
        shared.requests.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(shared.latency).await;
        let Some((status, reply)) = shared.reply(&body) else {
            stream.set_zero_linger()?;
            return Ok(());
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            reply.len()
        );
        stream.write_all((head + &reply).as_bytes()).await?;
    }
}

/// The body of the next request; nothing at the end of the connection.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        let head = buffer.windows(4).position(|four| four == b"\r\n\r\n").map(|end| end + 4);
        if let Some(start) = head {
            let head = String::from_utf8_lossy(&buffer[..start]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let end = start + length.map_or(0, |length| length.trim().parse().unwrap_or(0));
            if buffer.len() >= end {
                let body = String::from_utf8_lossy(&buffer[start..end]).into_owned();
                buffer.drain(..end);
                return Ok(Some(body));
            }
        }
        let mut piece = [0; 16 * 1024];
        match stream.read(&mut piece).await? {
            0 => return Ok(None),
            count => buffer.extend_from_slice(&piece[..count]),
        }
    }
}

impl Shared {
    /// Status and body; nothing where the connection is dropped.
    fn reply(&self, body: &str) -> Option<(&'static str, String)> {
        let number = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let number = seen.entry(hash(&body)).or_default();
            *number += 1;
            *number
        };
        // Below 2^53, so that no digit is lost.
        #[allow(clippy::cast_precision_loss, reason = "a draw")]
        let draw = (hash(&(body, number, "draw")) >> 11) as f64 / (1_u64 << 53) as f64;
        let Faults { rate_limited, broken, dropped, garbled } = self.faults;
        let below = |shares: &[f64]| draw < shares.iter().sum();
        if below(&[rate_limited]) {
            let error = r#"{"error":{"message":"too many requests","type":"rate_limit"}}"#;
            return Some(("429 Too Many Requests", error.into()));
        }
        if below(&[rate_limited, broken]) {
            return Some(("500 Internal Server Error", "oops".into()));
        }
        if below(&[rate_limited, broken, dropped]) {
            return None;
        }
        let text = if below(&[rate_limited, broken, dropped, garbled]) {
            "I cannot tell.".to_owned()
        } else {
            (self.answer)(body)
        };
        let reply = serde_json::json!({
            "id": "1", "object": "chat.completion", "created": 0, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 60, "completion_tokens": 20, "total_tokens": 80},
        });
        Some(("200 OK", reply.to_string()))
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
