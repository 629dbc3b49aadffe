//! Candidates: those of a record, and those that a policy writes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    completion::UsageTotal,
    error::{Error, ErrorKind, Result},
    hint::Hint,
    item::{Item, text_of},
    judge::Judge,
    strategy::{Spent, tournament::Played},
    verdict::{Judgment, Outcome, Unreadable, Verdict},
};

/// A candidate answer, and what is known about it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Candidate {
    /// Its text; `None` if the policy wrote nothing usable.
    pub text: Option<String>,
    /// Why the policy wrote nothing usable.
    pub unwritten: Option<String>,
    /// Its value; `None` if it could not be measured.
    pub value: Option<f64>,
    /// Whether the value stands for an unreadable verdict
    /// ([`FilledIn`](super::WhenUnreadable::FilledIn)).
    pub is_filled_in: bool,
    /// The value of each draw and member, if it was judged alone.
    pub draws: Vec<DrawnValue>,
    /// The standard deviation of these, where two or more could be read.
    pub deviation: Option<f64>,
    /// The 95 % interval of the value, where the rating has one.
    pub interval: Option<(f64, f64)>,
    /// The judgment, if it was judged alone.
    pub judgment: Option<Judgment>,
    /// Why there is no judgment.
    pub error: Option<Error>,
    /// Its final answer in canonical form.
    pub answer: Option<String>,
    /// What the record knows about it: 1 for right and 0 for wrong, or another number that its source gives it.
    pub truth: Option<f64>,
    /// The tokens of writing it, those of a cached answer included; `None` if the record holds it.
    pub written: Option<UsageTotal>,
    /// What judging it alone cost.
    pub judged: Spent,
}

/// The value of one draw of one member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DrawnValue {
    /// The value; `None` if the vote could not be read or failed.
    pub value: Option<f64>,
    /// The tokens that the judge wrote for it.
    #[serde(default)]
    pub tokens: u64,
}

impl DrawnValue {
    /// A value and the tokens that the judge wrote for it.
    pub fn new(value: Option<f64>, tokens: u64) -> Self {
        Self { value, tokens }
    }
}

impl Candidate {
    /// Whether it is right, as far as the record tells; `None` for graded truth between 0 and 1.
    pub fn is_right(&self) -> Option<bool> {
        self.truth.and_then(|truth| match truth {
            1.0 => Some(true),
            0.0 => Some(false),
            _ => None,
        })
    }
}

/// A comparison of two candidates.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Compared {
    /// The candidates and the result.
    pub played: Played,
    /// Whether both orders gave the same verdict; `None` unless both were asked and could be read.
    pub consistent: Option<bool>,
    /// Why the verdict could not be read.
    pub unreadable: Option<Unreadable>,
    /// Why there is no judgment.
    pub error: Option<Error>,
    /// What it cost.
    pub spent: Spent,
}

/// The candidates of a record: its list of answers, or two answers.
///
/// # Errors
/// The record holds no answers.
pub(super) fn given(item: &Item) -> Result<Vec<Candidate>> {
    let given = item.candidates();
    if given.is_empty() {
        return Err(Error::new(ErrorKind::Record, "the record has no answers to choose from")
            .hint(
                Hint::from("name the field with the list: ")
                    .setting("map", "answers=FIELD")
                    .text("; or let a model write them: ")
                    .setting("candidates", "8"),
            ));
    }
    let one = |value: &Value| Candidate { text: Some(spoken(value)), ..Candidate::default() };
    Ok(given.iter().map(one).collect())
}

/// The text of an answer. JETTS and others keep it beside facts about it, as `content`.
fn spoken(value: &Value) -> String {
    let of = |name: &&str| value.get(name).and_then(Value::as_str);
    let inner = ["content", "text", "answer", "response", "solution"].iter().find_map(of);
    inner.map_or_else(|| text_of(value), ToOwned::to_owned)
}

/// The candidates that a policy writes about an item.
///
/// # Errors
/// The policy gave no answer.
pub(super) async fn written(policy: &Judge, item: &Item) -> Result<(Vec<Candidate>, Spent)> {
    let judgment = policy.judge(item).await?;
    let candidates = judgment.votes.iter().map(|vote| {
        let mut tokens = UsageTotal::default();
        vote.calls.iter().for_each(|call| tokens += call.usage);
        let (text, unwritten) = match &vote.outcome {
            Outcome::Verdict(Verdict::Text(text)) => (Some(text.clone()), None),
            Outcome::Verdict(other) => (None, Some(format!("the verdict {other}"))),
            Outcome::Unreadable(why) => (None, Some(why.to_string())),
            Outcome::Failed(error) => (None, Some(error.to_string())),
        };
        Candidate { text, unwritten, written: Some(tokens), ..Candidate::default() }
    });
    Ok((candidates.collect(), Spent::of(&judgment, policy.price())))
}

/// The item as judges see it, with all candidates as its answers.
pub(super) fn shown(item: &Item, candidates: &[Candidate]) -> Item {
    let texts = candidates.iter().map(|one| one.text.clone().unwrap_or_default());
    let shown = item.clone().filled("answers", texts.collect::<Vec<_>>());
    // A question may be kept as the answers are: its text beside facts about it.
    match item.field("question").as_deref() {
        Some(question @ Value::Object(_)) => shown.filled("question", spoken(question)),
        _ => shown,
    }
}
