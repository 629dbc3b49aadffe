//! The replies of one conversation, ready to be read, and the shape of the item that it is about.

use crate::{completion::Completion, completion::Distribution};

/// The shape of an item: how many steps and answers and which criteria it has, where that is known.
///
/// No verdict may name a step, an answer or a criterion that the item does not have. What is `None` is not checked.
/// [`Prompt::shape`](crate::Prompt::shape) gives the shape of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemShape {
    /// The number of steps; a first error is below it.
    pub steps: Option<usize>,
    /// The number of answers that are compared; a ranking contains each of them.
    pub answers: Option<usize>,
    /// The names of the criteria; each of them needs a score.
    pub criteria: Option<Vec<String>>,
}

/// The replies of one finished conversation with a model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// Every reply, in the order in which it was asked for.
    pub results: Vec<Reply>,
    /// The index in `results` at which the last assistant turn begins.
    pub last_turn: usize,
    /// The mark that this conversation asked for, if its prompt shows one.
    pub mark: Option<String>,
    /// The untrusted texts that the model was shown. An announcement that also stands in one of them may be a
    /// quotation.
    pub data: Vec<String>,
    /// The shape of the item, with which values are checked.
    pub shape: ItemShape,
}

/// A slot of a prompt: the place of a `gen` or `choose`, which the model fills.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// The name that the prompt gives it.
    pub name: String,
    /// Its 0-based index in a loop (`at=loop.index0`).
    pub at: Option<usize>,
}

impl Slot {
    /// The slot of the reference model's log-probabilities, beside this one with those of the model.
    #[must_use]
    pub fn of_reference(&self) -> Self {
        Self { name: format!("{} (reference)", self.name), at: self.at }
    }
}

/// One reply of the model, in its slot.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The slot that it fills.
    pub slot: Slot,
    /// How its label came about; `None` for a text that the model wrote.
    pub chosen: Option<Chosen>,
    /// Whether running into the limit of tokens is an expected end here (`cut="ok"`).
    pub may_be_cut: bool,
    /// What the model answered.
    pub completion: Completion,
}

/// How a chosen label came about.
#[derive(Clone, Debug, PartialEq)]
pub enum Chosen {
    /// The model was asked to choose it ([`Ask::Choose`](crate::request::Ask)).
    Asked,
    /// It was read from the text before, after the words that announce it. With the probabilities at that place, where
    /// the server reported them.
    FromText(Option<Distribution>),
    /// Every value of the verdict was scored after this announcement; the likeliest is the text.
    Scored {
        /// The last line of the text after which the values were scored. For another text the scores do not count.
        announcement: String,
    },
    /// It is no label: code printed it ([`Ask::Run`](crate::request::Ask)). No verdict is read from it.
    Printed,
}

impl Chosen {
    /// The announcement after which the values of a verdict were scored.
    pub fn announcement(&self) -> Option<&str> {
        match self {
            Self::Scored { announcement } => Some(announcement),
            _ => None,
        }
    }
}

impl Reply {
    /// Whether this is not a text, but only the probability of each value of the verdict.
    pub fn is_scoring(&self) -> bool {
        self.chosen.as_ref().is_some_and(|chosen| chosen.announcement().is_some())
    }
}

impl Transcript {
    /// The transcript of a single text that already exists; `name` is the slot that it fills.
    pub fn of_text(name: &str, text: impl Into<String>) -> Self {
        let reply = Reply {
            slot: Slot { name: name.into(), at: None },
            chosen: None,
            may_be_cut: false,
            completion: Completion::text(text),
        };
        Self { results: vec![reply], ..Self::default() }
    }
}
