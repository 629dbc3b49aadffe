//! Judge one answer with the shipped model: `cargo run --release --example judge`.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use tribunal::{Item, Judge, Result};

#[tokio::main]
pub(crate) async fn main() -> Result<()> {
    let judge =
        Judge::builder().model("tiny").prompt("tiny-score").pass("score >= 4").build().await?;
    let item = Item::new().question("12 + 30 - 5").answer("12 + 30 = 42\n42 - 5 = 38\nAnswer: 38");
    let judgment = judge.judge(&item).await?;
    match judgment.score() {
        Some(score) => println!("{score} ({})", if judgment.passed() { "pass" } else { "fail" }),
        None => println!("no verdict: {:?}", judgment.unreadable()),
    }
    println!("{}", judgment.critique());
    assert!(!judgment.passed());
    Ok(())
}
