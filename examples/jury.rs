//! A jury of a model and a rule that vote: `cargo run --release --example jury`.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use tribunal::{Item, Judge, Result};

#[tokio::main]
pub(crate) async fn main() -> Result<()> {
    let member = async |model: &str, prompt: &str| {
        Judge::builder().model(model).prompt(prompt).build().await
    };
    let model = member("tiny", "tiny-correct").await?;
    let rule = member("check:number", "check").await?;
    let jury = Judge::panel([("model", model), ("rule", rule)]).quorum(2).build().await?;
    let item = Item::new().question("12 + 30 - 5").answer("12 + 30 = 42\n42 - 5 = 37\nAnswer: 37");
    let judgment = jury.judge(&item.set("reference", "37")).await?;
    for vote in &judgment.votes {
        println!("{}: {:?}", vote.by, vote.outcome.verdict().map(ToString::to_string));
    }
    println!("together: {:?}", judgment.label());
    assert_eq!((judgment.label(), judgment.votes.len()), (Some("correct"), 2));
    Ok(())
}
