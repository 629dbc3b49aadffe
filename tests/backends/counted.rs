//! A model that counts what it is asked, for layers that ask again or elsewhere.

#![expect(clippy::disallowed_methods, reason = "servers of tests take their time")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tribunal::{
    Result,
    backend::{Backend, from_fn},
    completion::Completion,
    request::Request,
};

/// A model that does what `answer` says to the request of this number, after `time`, and the count of its requests.
pub(crate) fn counted(
    time: Duration,
    answer: impl Fn(u32) -> Result<Completion> + Send + Sync + 'static,
) -> (Arc<AtomicU32>, impl Backend + 'static) {
    let sent = Arc::new(AtomicU32::new(0));
    let counted = sent.clone();
    let answer = Arc::new(answer);
    let backend = from_fn("m", move |_: Request| {
        let answer = answer(counted.fetch_add(1, Ordering::Relaxed));
        async move {
            tokio::time::sleep(time).await;
            answer
        }
    });
    (sent, backend)
}
