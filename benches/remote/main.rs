//! What runs against a server cost, and what faults cost them.
//!
//! `make bench-remote` runs all of it. `cost` or `faults` on the command line runs a part; numbers after it are the
//! records of each run. Every client is a process of its own, and so is the server, so that each figure is of one
//! of them. Figures are ratios within one run, because machines differ.

#![expect(clippy::print_stdout, reason = "tables are what this is for")]
#![expect(clippy::disallowed_methods, reason = "a server that takes its time")]
#![expect(clippy::cast_precision_loss, reason = "shares need no 52 bits")]

mod cost;
mod faults;
#[path = "../../tests/support/faulty.rs"]
mod faulty;
mod minimal;
mod process;

use std::time::Duration;

use faulty::{Faults, Faulty};
use tribunal::{Error, Result};

/// Begins a server that answers after `latency` with the score of the record whose number is in the request.
async fn start(faults: Faults, latency: Duration) -> Result<Faulty> {
    Faulty::start(faults, latency, answer).await.map_err(Error::other)
}

/// The score that the server gives to a record.
fn score(number: usize) -> usize {
    1 + number.wrapping_mul(7919) % 9
}

/// The answer to a request: a critique of about 60 words, and the score.
fn answer(body: &str) -> String {
    const CRITIQUE: &str = "The answer names what was asked for and leaves little open. Its first step is right, \
        and the second follows from it; the third takes a rule for granted that the question does not state, \
        which a careful reader would want to see named. The result agrees with the question. Its language is \
        plain, and nothing in it is invented.";
    let number = body.split("number ").nth(1).and_then(|rest| rest.split('.').next());
    let number = number.and_then(|number| number.parse().ok()).unwrap_or(0);
    format!("{CRITIQUE}\nScore: {}", score(number))
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| *word != "--bench").collect();
    match words[..] {
        ["serve", latency] => process::serve(latency).await,
        ["minimal", url, records, out, in_flight] => {
            minimal::run(url, records, out, in_flight.parse().map_err(Error::other)?).await
        }
        ["cost", ref numbers @ ..] => cost::run(&parsed(numbers)),
        ["faults", ref numbers @ ..] => faults::run(&parsed(numbers)).await,
        _ => {
            cost::run(&[])?;
            println!();
            faults::run(&[]).await
        }
    }
}

fn parsed(words: &[&str]) -> Vec<usize> {
    words.iter().filter_map(|word| word.parse().ok()).collect()
}
