//! Find the first wrong step of several solutions, as many at once as the model takes.
//!
//! ```sh
//! cargo run --release --example steps
//! ```

#![expect(clippy::print_stdout, reason = "an example shows something")]

use futures_util::{StreamExt, stream};
use tribunal::{Item, Judge};

#[tokio::main]
async fn main() -> tribunal::Result<()> {
    let judge = Judge::builder().model("tiny").prompt("tiny-steps").build().await?;
    let solutions = [
        ["74 + 96 = 170", "170 + 630 = 800", "Answer: 800"],
        ["74 + 96 = 160", "160 + 630 = 790", "Answer: 790"],
        ["74 + 96 = 170", "170 + 630 = 800", "Answer: 810"],
    ];
    let items = solutions.map(|steps| {
        Item::new().question("74 + 96 + 630").set("steps", steps.map(str::to_owned).to_vec())
    });
    let mut judged = std::pin::pin!(judge.judge_all(stream::iter(items)));
    while let Some((item, judgment)) = judged.next().await {
        let judgment = judgment?;
        match judgment.first_error() {
            Some(None) => println!("all right: {:?}", item.steps()),
            Some(Some(index)) => println!("step {index} is wrong: {:?}", item.steps()),
            None => println!("no verdict: {:?}", judgment.unreadable()),
        }
    }
    Ok(())
}
