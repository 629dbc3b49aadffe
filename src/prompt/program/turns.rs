//! The turns of a partly rendered prompt, ready to be sent.

use crate::{
    request::{Message, Origin, Part},
    text::{JudgedTexts, has_thinking_end, unfinished_thought},
};

/// The messages of a conversation so far.
pub(super) struct Turns {
    /// The turns, in order.
    pub(super) messages: Vec<Message>,
    /// Whether the last turn is the assistant's and is to be continued.
    pub(super) open: bool,
}

impl Turns {
    /// The judged texts that the model was shown.
    pub(super) fn data(&self) -> Vec<String> {
        let parts = self.messages.iter().flat_map(|message| &message.parts);
        let data = parts.filter(|part| part.origin == Origin::Data);
        data.map(|part| part.as_text().to_owned()).collect()
    }

    /// The same turns in which thinking is ended where the model's last text stopped inside of a thinking block: a label
    /// that is chosen next must not be a thought. With `opened` the chat template opened such a block.
    pub(super) fn with_thinking_ended(mut self, opened: bool) -> Self {
        let data = self.data();
        let Some(turn) = self.messages.last_mut().filter(|_| self.open) else { return self };
        let Some(last) = turn.parts.iter().rposition(|part| part.origin == Origin::Model) else {
            return self;
        };
        let text: String = turn.parts[..=last].iter().map(Part::as_text).collect();
        if stands_in_thought(&text, &data, opened) {
            let after = last + 1;
            turn.parts.splice(after..after, end_of_thought());
        }
        self
    }

    /// The 0-based index of the turn that is being written.
    pub(super) fn place(&self) -> usize {
        self.messages.len() - usize::from(self.open)
    }

    /// The number of characters of the turn that is being written.
    pub(super) fn length(&self) -> usize {
        let written = self.messages.last().filter(|_| self.open);
        written.map_or(0, |turn| turn.text().chars().count())
    }

    /// Whether these turns continue others: with the same finished turns, and a text that begins as the unfinished one.
    pub(super) fn continue_from(&self, others: &Self) -> bool {
        let place = others.place();
        let text = |turns: &Self| turns.messages.get(place).map(Message::text).unwrap_or_default();
        self.messages.len() >= others.messages.len()
            && self.messages.get(..place) == others.messages.get(..place)
            && text(self).starts_with(&text(others))
    }

    /// The author's text between the last reply and the end of the last turn; `None` if that has no reply.
    pub(super) fn since_result(&self) -> Option<String> {
        let parts = &self.messages.last()?.parts;
        let result = parts.iter().rposition(|part| part.origin == Origin::Model)?;
        Some(parts.get(result + 1..)?.iter().map(Part::as_text).collect())
    }
}

/// Whether a text ends inside of a thinking block: its own, or one that the chat template `opened`.
pub(super) fn stands_in_thought(text: &str, judged: &[String], opened: bool) -> bool {
    unfinished_thought(text, &JudgedTexts::new(judged)).is_some()
        || (opened && !has_thinking_end(text))
}

/// The parts that end a thinking block: a line break, and the model's own token for it.
pub(super) fn end_of_thought() -> [Part; 2] {
    [Part::text("\n", Origin::Prompt), Part::end_of_thinking()]
}
