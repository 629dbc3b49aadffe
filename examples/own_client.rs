//! Bring a client of your own: any async function that answers a request is a model.
//!
//! ```sh
//! cargo run --release --example own_client
//! ```

#![expect(clippy::print_stdout, reason = "an example shows something")]

use tribunal::{Completion, Error, Item, Judge, Request, backend};

/// Imitates the client of an agent framework, which has errors of its own.
fn client(question: &str) -> Result<String, std::io::Error> {
    if question.is_empty() {
        return Err(std::io::Error::other("there is nothing to answer"));
    }
    let polite = question.contains("please");
    Ok(if polite { "Well put.\nScore: 9" } else { "Curt.\nScore: 4" }.to_owned())
}

/// `Error::other` takes over any error of the client.
async fn ask(request: Request) -> tribunal::Result<Completion> {
    let question = request.messages.last().map(tribunal::request::Message::text);
    let said = client(&question.unwrap_or_default()).map_err(Error::other)?;
    Ok(Completion::text(said))
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
