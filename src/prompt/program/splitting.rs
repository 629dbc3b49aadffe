//! Steps where the model is least sure (Liu et al. 2025, AdaptiveStep): a request before the body, in which the model reads
//! the text.

use minijinja::{Value, value::Serde};

use super::{PendingReply, Program, ReplyKind, turns::Turns};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    item::{Item, Splitting},
    parse::Slot,
    prompt::state::AskedAt,
    request::{Ask, Chat, Message, Origin, Part, Request, Role, Sampling},
};

/// The name of the reply with the places of the steps.
const NAME: &str = "split";

/// What stands before the places in the reply.
const STARTS: &str = "steps begin at ";

/// A text to be cut into steps, and the question that it answers.
#[derive(Clone, Debug)]
pub(in crate::prompt) struct SplitText {
    question: String,
    text: String,
    /// The share of tokens before which a step begins.
    share: f64,
}

impl SplitText {
    /// The answer of an item, or its steps where these are one text.
    pub(in crate::prompt) fn of(item: &Item, share: f64) -> Self {
        let text = |name: &str| item.text(name).filter(|text| !text.trim().is_empty());
        let steps = item.has("steps").then(|| text("steps")).flatten();
        Self {
            question: text("question").unwrap_or_default(),
            text: steps.or_else(|| text("answer")).unwrap_or_default(),
            share,
        }
    }
}

impl Program {
    /// The same run, which cuts this text into steps first.
    pub(in crate::prompt) fn splitting(self, text: SplitText) -> Self {
        Self { split: Some(text).filter(|split| !split.text.is_empty()), ..self }
    }

    /// The request for the probabilities of the text that is cut into steps; `None` if that is done, or not needed.
    pub(super) fn ask_split(&mut self) -> Option<Request> {
        let split = self.split.take()?;
        let mut question = Message::new(Role::User, split.question.clone(), Origin::Data);
        if self.chat() == Chat::Raw {
            question.parts.push(Part::text("\n", Origin::Prompt));
        }
        let turns = Turns { messages: vec![question], open: false };
        let ask = Ask::Logprobs { of: split.text.clone(), reference: false };
        self.state.places.push(AskedAt { turn: 0, shown: 0 });
        let slot = Slot { name: NAME.to_owned(), at: None };
        self.asked = Some(PendingReply { slot, how: ReplyKind::Split(split), may_be_cut: true });
        Some(self.request(turns, ask, Sampling::default(), None))
    }

    /// Binds the steps of a text whose tokens were weighed. The reply is the places where they begin, so that a stored one
    /// gives the same steps.
    pub(super) fn take_split(&mut self, split: &SplitText, completion: Completion) -> Completion {
        let Completion { logprobs, ends, text, .. } = &completion;
        let starts = if logprobs.is_empty() || logprobs.len() != ends.len() {
            stored(text)
        } else {
            Splitting::least_sure(split.share, logprobs, ends)
        };
        if !starts.is_empty() {
            let steps = Splitting::at_characters(&split.text, &starts);
            self.state.shape.steps = self.state.shape.steps.map(|_| steps.len());
            self.fields.insert("steps".to_owned(), Value::from(Serde(steps)));
        }
        let starts: Vec<String> = starts.iter().map(ToString::to_string).collect();
        Completion {
            text: format!("{STARTS}{}", starts.join(", ")),
            logprobs: Vec::new(),
            ends: Vec::new(),
            token_ids: Vec::new(),
            ..completion
        }
    }

    /// Refuses a model that reports no probabilities of texts, where they decide how a text is cut into steps.
    ///
    /// # Errors
    /// The model reports none ([`ErrorKind::Unsupported`]).
    pub(in crate::prompt) fn check_split(&self) -> Result<()> {
        let needed = matches!(self.prompt.front.split, Some(Splitting::Confidence(_)));
        if !needed || !self.context.capabilities.text_logprobs.is_no() {
            return Ok(());
        }
        let message = format!(
            "{}: `split_steps: confidence` needs the probabilities of a given text, which this model does not report",
            self.prompt.name()
        );
        Err(Error::new(ErrorKind::Unsupported, message)
            .hint("use a model in this process, or another rule: latex, sentences, step-markers"))
    }
}

/// The places in a stored reply; empty if it holds none.
fn stored(text: &str) -> Vec<usize> {
    let places = text.strip_prefix(STARTS).unwrap_or_default().split(", ");
    places.map(str::parse).collect::<Result<_, _>>().unwrap_or_default()
}
