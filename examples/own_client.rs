//! Your own client, with the layers of this crate: `cargo run --release --example own_client`.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use std::{io, sync::atomic::AtomicBool, sync::atomic::Ordering::Relaxed};
use tribunal::backend::{BackendExt, Retry, from_fn};
use tribunal::{Completion, Item, Judge, Request, Result};

static IS_AWAKE: AtomicBool = AtomicBool::new(false);

/// Any async function can be a model; `?` converts errors, and keeps which of them can be retried.
async fn ask(request: Request) -> Result<Completion> {
    if !IS_AWAKE.swap(true, Relaxed) {
        Err(io::Error::from(io::ErrorKind::ConnectionReset))?;
    }
    let polite = request.messages.iter().any(|turn| turn.text().contains(", please"));
    Ok(Completion::text(if polite { "Well put.\nScore: 9" } else { "Curt.\nScore: 4" }))
}

#[tokio::main]
pub(crate) async fn main() -> Result<()> {
    let model = from_fn("my-llm", ask).identity("my-llm 2026-01");
    let model = model.limited(4).retried(Retry::default());
    let judge = Judge::builder().backend(model).prompt("score").build().await?;
    let item = Item::new().question("Ask somebody to close the door.").answer("The door, please.");
    let judgment = judge.judge(&item).await?;
    println!("{:?}: {}", judgment.score(), judgment.critique());
    assert_eq!(judgment.score(), Some(9.0));
    Ok(())
}
