//! A loop inside an agent: the policy is a closure that calls a tool, the judge a model in this process.
//!
//! ```sh
//! cargo run --release --example revise_agent
//! ```

#![expect(clippy::print_stdout, reason = "an example shows something")]

use std::sync::mpsc;

use tribunal::{
    Item, Judge, Result,
    strategy::revise::{Critique, Draft, OnRound, ReviseOptions, revise},
};

/// The agent's tool: it works out `12 + 30 - 5`, one operation at a time.
fn calculator(sum: &str) -> String {
    let mut words = sum.split_whitespace();
    let mut total: i64 = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    let mut steps = Vec::new();
    while let (Some(sign), Some(number)) = (words.next(), words.next()) {
        let number: i64 = number.parse().unwrap_or_default();
        let next = if sign == "-" { total - number } else { total + number };
        steps.push(format!("{total} {sign} {number} = {next}"));
        total = next;
    }
    steps.push(format!("Answer: {total}"));
    steps.join("\n")
}

#[tokio::main]
async fn main() -> Result<()> {
    let judge = Judge::builder()
        .model("tiny")
        .prompt("tiny-steps")
        .pass("first_error = -1")
        .build()
        .await?;
    let (sender, rounds) = mpsc::channel();
    let options = ReviseOptions {
        on_round: OnRound::new(move |round| drop(sender.send(round.clone()))),
        ..ReviseOptions::default()
    };

    // The agent guesses first, and takes its tool when it is told that the guess is wrong.
    let mut tool_calls = 0;
    let policy = async move |critique: &Critique| {
        let sum = critique.item.text("question").unwrap_or_default();
        if critique.round == 0 {
            return Ok(Draft::from("Answer: 38"));
        }
        tool_calls += 1;
        println!("the agent reads:\n{}\nand calls its tool ({tool_calls})", critique.text);
        Ok(Draft::from(calculator(&sum)))
    };
    let item = Item::new().question("12 + 30 - 5");
    let revision = revise(policy, &judge, &item, &options).await?;

    for round in rounds.try_iter() {
        let verdict = round.verdict.and_then(std::result::Result::ok);
        println!("round {}: {}", round.round, verdict.map_or("?".into(), |one| one.to_string()));
    }
    println!("{}: {}", revision.outcome.name(), revision.text().replace('\n', "; "));
    Ok(())
}
