//! Judge with answers from a file: no model, no network, no runtime.
//!
//! ```sh
//! cargo run --release --example judging
//! ```

use std::{collections::BTreeMap, sync::Arc};

use tribunal::{
    Completion, Error, Item, Result, judge,
    judging::{AskId, Facts, Member, Panel},
    request::Capabilities,
};

pub(crate) fn main() -> Result<()> {
    let member = Member::new("batch", judge::load("score")?)?.drawing(2);
    let panel = Arc::new(Panel::single(member));
    let item = Item::new().question("What is 2 + 2?").answer("4");
    let file = include_str!("judging-answers.json");
    let mut answers: BTreeMap<AskId, Completion> =
        serde_json::from_str(file).map_err(Error::other)?;

    let mut judging = panel.judging(&item, &Facts::all(Capabilities::TEXT))?;
    let mut asks = judging.start();
    while let Some((id, _request)) = asks.pop() {
        let answer = answers.remove(&id).ok_or_else(|| Error::other(format!("no answer to {id}")));
        asks.extend(judging.answer(&id, answer));
    }
    let judgment = judging.judgment()?;
    assert_eq!((judgment.score(), judgment.votes.len()), (Some(8.5), 2));
    Ok(())
}
