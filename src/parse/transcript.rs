//! What was said while a prompt ran, ready to be read.

use crate::{completion::Completion, completion::Distribution};

/// What an item leaves to be said about it, where that is known: no verdict may name a step, an answer or a
/// criterion that it does not have.
///
/// [`Prompt::shape`](crate::Prompt::menu) makes one of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemShape {
    /// The number of steps.
    pub steps: Option<usize>,
    /// The number of answers that are compared.
    pub answers: Option<usize>,
    /// The names of the criteria.
    pub criteria: Option<Vec<String>>,
}

/// The results of one finished program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// Every answer, in the order in which it was asked for.
    pub results: Vec<Reply>,
    /// Where in `results` the last assistant turn begins.
    pub last_turn: usize,
    /// The marker that this conversation used.
    pub mark: Option<String>,
    /// The untrusted texts that the model was shown: an announcement that stands in one of them word
    /// for word may be a quotation.
    pub data: Vec<String>,
    /// What the item leaves to be said.
    pub shape: ItemShape,
}

/// The place of a `gen` or `choose`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Its place in a loop.
    pub at: Option<usize>,
}

/// One answer at its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Where it was asked for.
    pub slot: Slot,
    /// Whether a label was chosen here rather than a text written.
    pub chosen: Option<Chosen>,
    /// Whether running into the limit of tokens is an expected end here.
    pub may_be_cut: bool,
    /// The answer.
    pub completion: Completion,
}

/// How a label came about.
#[derive(Clone, Debug, PartialEq)]
pub enum Chosen {
    /// The model was asked for exactly this.
    Asked,
    /// It was read after the words that announce it; `None` where they or the label were missing.
    FromText(Option<Distribution>),
    /// The values of the verdict were scored after this announcement: the likeliest is the text.
    Scored {
        /// The end of the text after which they were scored.
        announcement: String,
    },
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
    /// Whether this only says how likely each value of the verdict is.
    pub fn is_scoring(&self) -> bool {
        self.chosen.as_ref().is_some_and(|chosen| chosen.announcement().is_some())
    }
}

impl Transcript {
    /// A transcript of one text that somebody already has.
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
