//! Conversations that a prompt shows shortened: that this happens is reported once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{prompt::is_shortened, request::Request};

/// Whether it was reported. Clones of a judge share it.
#[derive(Debug, Default)]
pub(super) struct Shortened(AtomicBool);

impl Shortened {
    /// Reports the first request in which parts of a conversation are left out.
    pub(super) fn note(&self, request: &Request, prompt: &str) {
        if !self.0.load(Ordering::Relaxed)
            && is_shortened(request)
            && !self.0.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                "{prompt}: long conversations are shown shortened (`transcript(max=…)` in the prompt); the judge is told what is left out, and --dry-run counts the records"
            );
        }
    }
}
