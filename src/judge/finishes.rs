//! Unknown finish reasons of servers: each is reported once.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use crate::completion::{Completion, Finish};

/// The unknown finish reasons of a model that have been reported. Clones of a judge share them.
#[derive(Debug, Default)]
pub(super) struct Finishes(Mutex<BTreeSet<String>>);

impl Finishes {
    /// Reports a finish reason that is neither known nor listed as normal.
    pub(super) fn note(&self, completion: &Completion, clean: &[String], model: &str) {
        let Finish::Other(word) = &completion.finish else { return };
        if !clean.iter().any(|clean| clean.trim().eq_ignore_ascii_case(word)) {
            self.report(word, model);
        }
    }

    fn report(&self, word: &str, model: &str) {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.insert(word.to_owned()) {
            let shown = word.escape_debug();
            tracing::warn!(
                "{model} ended an answer with the unknown finish reason `{shown}`: it counts as cut off; \
                 if it is a clean end, add it to `clean_finish` of the model in tribunal.toml"
            );
        }
    }
}
