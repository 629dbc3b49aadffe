//! Judge a stream of items into a file, and continue after a stop: `cargo run --release --example resume`.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use tribunal::{Item, Judge, Result, run};

#[tokio::main]
pub(crate) async fn main() -> Result<()> {
    let judge = Judge::builder().model("tiny").prompt("tiny-score").build().await?;
    let sum =
        |n: usize| Item::new().question(format!("{n} + 4")).answer(format!("{n} + 4 = {}", n + 4));
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("verdicts.jsonl");
    // The first run is stopped after three items.
    run::judge_to(&judge, run::items((1..=3).map(sum)), &file).await?;
    let summary = run::judge_to(&judge, run::items((1..=9).map(sum)), &file).await?;
    println!("{} judged, {} of them by the first run", summary.judged, summary.kept);
    for line in std::fs::read_to_string(&file)?.lines() {
        let line = tribunal::line::ResultLine::read(line)?;
        println!("{}: {:?}", line.id, line.verdict.score);
    }
    assert_eq!((summary.judged, summary.kept), (9, 3));
    Ok(())
}
