//! A layer that sends one request ahead of those that begin like it.

mod beginnings;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::watch;

use self::beginnings::{Beginnings, Ended, beginnings};
use super::{Backend, Layer, pause::pause};
use crate::{completion::Completion, error::Result, request::Request};

/// How long a request waits for one that was sent ahead. A provider has read any prompt by then, also if a model that
/// thinks takes minutes to answer.
const LONGEST: Duration = Duration::from_secs(10);

/// Sends the first request of those with a common beginning ahead, and the others after its answer.
///
/// Services keep the beginnings of prompts that they have read, and charge a tenth to a half of the price for them in
/// later requests. Requests that are sent at the same time all pay the full price. This layer therefore lets the first
/// request pass, and the others whose prompts have the same first 1,024 tokens (estimated as 4,096 bytes) or more in
/// common with it wait until it is answered. Longer beginnings that only some of them share, such as a rubric and then
/// a document, are sent ahead in the same way.
///
/// No request is sent that would not be sent anyway, and requests with other beginnings wait for nothing. A beginning
/// that was not used for five minutes counts as forgotten.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use futures_util::future::try_join_all;
/// use tribunal::{
///     Completion, Request,
///     backend::{Backend, BackendExt, from_fn},
///     request::{Message, Origin, Role},
/// };
///
/// static IN_FLIGHT: AtomicUsize = AtomicUsize::new(0);
/// let model = from_fn("m", async |_: Request| {
///     let others = IN_FLIGHT.fetch_add(1, Ordering::SeqCst);
///     tokio::task::yield_now().await;
///     IN_FLIGHT.fetch_sub(1, Ordering::SeqCst);
///     Ok(Completion::text(format!("beside {others}")))
/// });
/// let model = model.warmed();
/// let rubric = Message::new(Role::System, "Judge strictly. ".repeat(300), Origin::Prompt);
/// let asked = (0..3).map(|n| Request::generate(vec![rubric.clone()]).draw(n));
/// let asked: Vec<_> = asked.collect();
/// let answers = try_join_all(asked.iter().map(|request| model.complete(request))).await?;
/// let texts: Vec<_> = answers.iter().map(|answer| answer.text.as_str()).collect();
/// assert_eq!(texts, ["beside 0", "beside 0", "beside 1"]); // the first alone, then the others
/// # Ok(())
/// # }
/// ```
///
/// # Order
/// Below a cache, so that a cached answer neither waits nor counts. Below retries, so that a try that fails lets the
/// next request go ahead at once. Above the limit, so that a waiting request holds no permit.
///
/// # Errors
/// Those of the wrapped backend. If a request that was sent ahead fails, the next one is sent ahead; if that fails
/// too, all others are sent.
///
/// # Cancellation
/// Dropping a request that was sent ahead is a failure for those that wait for it. Dropping one that waits affects no
/// other.
#[derive(Debug)]
pub struct Warmed<B> {
    inner: B,
    known: Mutex<Beginnings>,
}

impl<B: Backend> Warmed<B> {
    /// Sends the first of the requests to `inner` with a common beginning ahead.
    pub fn new(inner: B) -> Self {
        Self { inner, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Beginnings> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a request with these beginnings may be sent.
    async fn admitted(&self, path: Vec<u64>) -> InFlight<'_, B> {
        let (sender, own) = watch::channel(None);
        let (mut least, mut has_failed) = (1, false);
        loop {
            let ahead = self.known().join(&path, least, &own);
            let Some((steps, ahead)) = ahead else { break };
            match ended(ahead).await {
                // A longer beginning may be in flight by now.
                Some(true) => least = steps + 1,
                Some(false) if !has_failed => has_failed = true,
                Some(false) | None => least = usize::MAX,
            }
        }
        InFlight { layer: self, path, own, sender, is_answered: false }
    }
}

/// Whether the request that was sent ahead was answered; `None` if that is not known in time.
async fn ended(mut ahead: Ended) -> Option<bool> {
    tokio::select! {
        biased;
        ended = ahead.wait_for(Option::is_some) => Some(ended.is_ok_and(|ended| *ended == Some(true))),
        () = pause(LONGEST) => None,
    }
}

/// A request in flight, for which others may wait. They are released when it is dropped.
struct InFlight<'w, B: Backend> {
    layer: &'w Warmed<B>,
    path: Vec<u64>,
    own: Ended,
    sender: watch::Sender<Option<bool>>,
    is_answered: bool,
}

impl<B: Backend> Drop for InFlight<'_, B> {
    fn drop(&mut self) {
        self.layer.known().end(&self.path, &self.own, self.is_answered);
        self.sender.send_replace(Some(self.is_answered));
    }
}

#[async_trait]
impl<B: Backend> Layer for Warmed<B> {
    fn below(&self) -> &dyn Backend {
        &self.inner
    }

    async fn through(&self, request: &Request) -> Result<Completion> {
        let path = beginnings(request);
        if path.is_empty() {
            return self.inner.complete(request).await;
        }
        let mut in_flight = self.admitted(path).await;
        let answer = self.inner.complete(request).await;
        in_flight.is_answered = answer.is_ok();
        answer
    }
}
