//! Finish reasons that only the user can tell: those that end an answer cleanly, by name.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use crate::completion::{Completion, Finish};

/// What to make of finish reasons that are not known.
#[derive(Debug, Default)]
pub(super) struct Finishes {
    clean: Vec<String>,
    reported: Mutex<BTreeSet<String>>,
}

impl Finishes {
    /// Takes these words, in any case, for clean ends.
    pub(super) fn new(clean: Vec<String>) -> Self {
        Self { clean, reported: Mutex::default() }
    }

    /// The answer with a clean end where its word was listed; any other unknown word is reported once.
    pub(super) fn settled(&self, mut completion: Completion, model: &str) -> Completion {
        let Finish::Other(word) = &completion.finish else { return completion };
        if self.clean.iter().any(|clean| clean.trim().eq_ignore_ascii_case(word)) {
            completion.finish = Finish::Stop;
        } else {
            self.report(word, model);
        }
        completion
    }

    fn report(&self, word: &str, model: &str) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.insert(word.to_owned()) {
            let shown = word.escape_debug();
            tracing::warn!(
                "{model} ended an answer with the unknown finish reason `{shown}`: it counts as cut off; \
                 if it is a clean end, add it to `clean_finish` of the model in tribunal.toml"
            );
        }
    }
}
