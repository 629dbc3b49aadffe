//! Records whose requests are longer than the context of a model.

use std::fmt::Display;

use super::super::note;
use tribunal::error::{Error, ErrorKind};

/// The records that do not fit.
#[derive(Default)]
pub(super) struct Misfits {
    count: usize,
    /// The first of them, in words.
    first: Vec<String>,
    /// What to do.
    hint: Option<String>,
}

/// How many of them are named.
const NAMED: usize = 10;

impl Misfits {
    /// Adds a record for which a model gave this error.
    pub(super) fn add(&mut self, place: &impl Display, error: &Error) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(format!("  {place}: {error}"));
        }
        let hint = || error.hints().first().map(ToString::to_string);
        self.hint = self.hint.take().or_else(hint);
    }

    /// Prints how many there are, the first ones, and what to do.
    pub(super) fn print(&self) {
        let Self { count, first, hint } = self;
        if *count == 0 {
            return;
        }
        let (records, verb) = if *count == 1 { ("record", "does") } else { ("records", "do") };
        note(&format!("{count} {records} {verb} not fit into the context:"));
        first.iter().for_each(|line| note(line));
        if *count > first.len() {
            note(&format!("  and {} more", count - first.len()));
        }
        if let Some(hint) = hint {
            note(&format!("hint: {hint}"));
        }
    }
}

/// Whether an error says that a request is too long.
pub(super) fn is_too_long(error: &Error) -> bool {
    error.kind() == ErrorKind::TooLong
}
