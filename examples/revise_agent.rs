//! A loop in an agent, whose policy calls a tool: `cargo run --release --example revise_agent`.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use tribunal::strategy::revise::{Critique, ReviseOptions, revise};
use tribunal::{Item, Judge, Result};

/// The agent's tool: it calculates `a + b - c`, one operation at a time.
fn calculator(sum: &str) -> String {
    let numbers: Vec<i64> = sum.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [a, b, c] = numbers[..] else { return "I cannot work that out.".into() };
    format!("{a} + {b} = {0}\n{0} - {c} = {1}\nAnswer: {1}", a + b, a + b - c)
}

#[tokio::main]
pub(crate) async fn main() -> Result<()> {
    let judge = Judge::builder().model("tiny").prompt("tiny-steps").pass("first_error = -1");
    let item = Item::new().question("12 + 30 - 5").answer("12 + 30 = 42\n42 - 5 = 38\nAnswer: 38");
    // The agent reads the critique of its draft, and calls the tool.
    let policy = async |critique: &Critique| {
        println!("round {}: {}", critique.round, critique.text);
        Ok(calculator(&critique.item.text("question").unwrap_or_default()).into())
    };
    let options = ReviseOptions::default();
    let revision = revise(policy, &judge.build().await?, &item, &options).await?;
    println!("{}: {}", revision.outcome.name(), revision.text().replace('\n', "; "));
    assert!(revision.passed());
    Ok(())
}
