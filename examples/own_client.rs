//! Bring a client of your own: any async function that answers a request is a model.
//!
//! ```sh
//! cargo run --release --example own_client
//! ```

#![expect(clippy::print_stdout, reason = "an example shows something")]

use tribunal::{Completion, Item, Judge, Request, backend};

/// Stands for the client of an agent framework.
async fn ask(request: Request) -> tribunal::Result<Completion> {
    let question = request.messages.last().map(tribunal::request::Message::text);
    let polite = question.is_some_and(|text| text.contains("please"));
    Ok(Completion::text(if polite { "Well put.\nScore: 9" } else { "Curt.\nScore: 4" }))
}

#[tokio::main]
async fn main() -> tribunal::Result<()> {
    let judge =
        Judge::builder().backend(backend::from_fn("my-llm", ask)).prompt("score").build().await?;
    for answer in ["Close the door, please.", "Door!"] {
        let item = Item::new().question("Ask somebody to close the door.").answer(answer);
        println!("{answer}: {:?}", judge.judge(&item).await?.score());
    }
    Ok(())
}
