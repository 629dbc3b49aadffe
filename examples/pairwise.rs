//! Compare two answers in both orders.
//!
//! ```sh
//! cargo run --release --example pairwise
//! ```

#![expect(clippy::print_stdout, reason = "an example shows something")]

use tribunal::{Item, Judge};

#[tokio::main]
async fn main() -> tribunal::Result<()> {
    let judge = Judge::builder().model("tiny").prompt("tiny-pair").build().await?;
    let item = Item::new()
        .question("What is 402 - 6 + 56?")
        .answers(["402 - 6 = 396\n396 + 56 = 452", "402 - 6 = 396\n396 + 56 = 442"]);
    let judgment = judge.judge(&item).await?;
    println!("better: {:?}", judgment.preference());
    println!("the same in both orders: {:?}", judgment.consistent);
    for vote in &judgment.votes {
        println!("shown as {:?}:\n{}\n", vote.order, vote.critique());
    }
    Ok(())
}
