//! The error of a record that lacks a field, with what can be done about it.
//!
//! Most first runs fail here: the data call the answer something else, or hold two answers where the prompt
//! judges one. The error therefore names what the record has, and proposes the settings that would make it
//! work. Settings are data in a [`Hint`]; the command line prints them as flags.

use super::{
    Item, is_filled,
    names::{FieldPurpose, looks_like},
};
use crate::{
    error::{Error, ErrorKind, near},
    hint::Hint,
};

/// How many field names an error lists at most.
const MOST_NAMES: usize = 20;

impl Item {
    /// The error of a record without the field `name`: it names the fields that are there.
    ///
    /// Its kind is [`ErrorKind::Record`]: it costs this record and no other.
    pub(crate) fn lacks(&self, name: &str) -> Error {
        if self.record.contains_key(name) || self.overlay.contains_key(name) {
            let message = format!("the record's field `{name}` is empty, or has the wrong type");
            return Error::new(ErrorKind::Record, message);
        }
        let error = Error::new(ErrorKind::Record, format!("the record has no field `{name}`"));
        error.hint(self.other_prompt(name).unwrap_or_else(|| self.proposal(name)))
    }

    /// The prompt to use for a record that holds one answer where several are compared, or the other way
    /// round; `None` if the record holds what the prompt is about.
    fn other_prompt(&self, name: &str) -> Option<Hint> {
        let has_messages = self.field("messages").is_some();
        let (content, prompt, what) = match (name, self.candidates().len()) {
            ("answer", 2) => ("two answers", "pair", "compares them"),
            ("answer", 3..) => ("several answers", "rank", "compares them"),
            ("answer" | "answers", 0) if has_messages => {
                ("a conversation", "trajectory", "judges it")
            }
            ("answers" | "messages", 1) => ("one answer", "score", "judges it"),
            _ => return None,
        };
        let hint = Hint::from(format!("this record holds {content}: "))
            .setting("prompt", prompt)
            .text(format!(" {what}; without "))
            .setting("prompt", "")
            .text(" the first record chooses the prompt of all, so that records for ")
            .text(format!("`{prompt}` need a file of their own"));
        Some(hint)
    }

    /// The fields that the record has, and how one of them may be read as `name`.
    fn proposal(&self, name: &str) -> Hint {
        // What was filled over the record's own field is one field, and what was taken away is none.
        let filled = self.overlay.iter().filter(|(_, value)| !value.is_null());
        let filled = filled.map(|(name, _)| name).filter(|name| !self.record.contains_key(*name));
        let names: Vec<&str> = self.record.keys().chain(filled).map(String::as_str).collect();
        if names.is_empty() {
            return "the record is empty".into();
        }
        if let Some(near) = near(name, names.iter().copied()) {
            return self.mapping("use it by another name: ".into(), name, near);
        }
        let known = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join("`, `");
        let more = match names.len().saturating_sub(MOST_NAMES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        match self.looking_like(looks_like(name)) {
            Some(found) => self.mapping(format!("it has `{known}`{more}; try "), name, found),
            None => Hint::from(format!("it has `{known}`{more}; "))
                .setting("map", format!("{name}=FIELD"))
                .text(" names the one to use"),
        }
    }

    /// The setting that reads `name` from the field `found`; beside an answer also the question, where the
    /// record seems to have one under another name.
    fn mapping(&self, text: String, name: &str, found: &str) -> Hint {
        let hint = Hint::from(text).setting("map", format!("{name}={found}"));
        let lacks_question = name == "answer" && self.field("question").is_none();
        let question = self.looking_like(Some(FieldPurpose::Question));
        match question.filter(|other| lacks_question && *other != found) {
            Some(other) => hint.text(" ").setting("map", format!("question={other}")),
            None => hint,
        }
    }

    /// The first filled field whose name seems to serve this purpose.
    fn looking_like(&self, purpose: Option<FieldPurpose>) -> Option<&str> {
        let purpose = purpose?;
        let fits = |(name, value): &(&String, &serde_json::Value)| {
            is_filled(value) && looks_like(name) == Some(purpose)
        };
        self.record.iter().find(fits).map(|(name, _)| name.as_str())
    }
}
