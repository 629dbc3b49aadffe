//! Recorded texts of other judges, read by the rules of a prompt: no model is asked.

use serde::Deserialize;

use crate::{
    aggregate::{Rules, decide},
    error::{Error, ErrorKind, Result, json_fault},
    item::Item,
    judge::Judge,
    judging::in_own_order,
    line::ShownOrder,
    verdict::{Judgment, Outcome, Vote},
};

/// One text that a judge wrote about a record: a line of the file of `--texts`.
///
/// ```
/// use tribunal::bench::RecordedText;
///
/// let line = RecordedText::read(r#"{"id": "q7", "order": "swapped", "text": "… [[B>A]]"}"#)?;
/// assert_eq!((line.id.as_str(), line.draw), ("q7", 0));
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct RecordedText {
    /// The name of the record, or of the part of it that was judged; it may be written as a number.
    #[serde(deserialize_with = "crate::line::text")]
    pub id: String,
    /// What the judge wrote.
    pub text: String,
    /// The order in which the answers were shown: `given`, `swapped`, or places such as `[2, 0, 1]`.
    #[serde(default = "given")]
    order: ShownOrder,
    /// The number of the sample, from 0.
    #[serde(default)]
    pub draw: u32,
}

fn given() -> ShownOrder {
    ShownOrder::of(&[])
}

impl RecordedText {
    /// Reads a line.
    ///
    /// # Errors
    /// It is not an object with `id` and `text`.
    pub fn read(line: &str) -> Result<Self> {
        serde_json::from_str(line).map_err(|cause| {
            let message = format!("the line is not a recorded text: {}", json_fault(&cause));
            Error::new(ErrorKind::Record, message).hint(
                r#"write {"id": "q7", "text": "…"}, and "order": "swapped" for the second order"#,
            )
        })
    }

    /// The vote that this judge reads from the text.
    fn vote(&self, judge: &Judge, item: &Item) -> Result<Vote> {
        let order = self.order.places(item.candidates().len());
        let read = judge.parse_for(&item.permuted(&order), &self.text)?;
        let vote = read.votes.into_iter().next().unwrap_or_else(|| Vote::new(read.verdict));
        let outcome = match vote.outcome {
            Outcome::Verdict(verdict) => Outcome::Verdict(in_own_order(verdict, &order)),
            other => other,
        };
        Ok(Vote { order, draw: self.draw, outcome, ..vote })
    }
}

/// The judgment about an item from all texts that were recorded about it.
///
/// # Errors
/// The item lacks what the prompt reads.
pub fn replayed(judge: &Judge, item: &Item, texts: &[RecordedText]) -> Result<Judgment> {
    let votes: Vec<Vote> =
        texts.iter().map(|text| text.vote(judge, item)).collect::<Result<_>>()?;
    let decision = decide(&votes, &Rules::new(None));
    let mut judgment = Judgment::new(decision.verdict);
    (judgment.votes, judgment.consistent) = (votes, decision.consistent);
    Ok(judgment)
}
