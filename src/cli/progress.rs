//! The progress of a run, on a terminal only.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::run::Finished;

/// A bar with rate and count of unreadable answers; nothing where stderr is no terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    unread: usize,
    failed: usize,
}

impl Progress {
    /// A bar for so many records, where the number is known.
    pub(super) fn new(records: Option<u64>, quiet: bool) -> Self {
        let bar = if quiet || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            records.map_or_else(ProgressBar::new_spinner, ProgressBar::new)
        };
        let style = match records {
            Some(_) => "{bar:30} {pos}/{len}  {rate}  {eta} left  {msg}",
            None => "{spinner} {pos} judged  {rate}  {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.with_key("rate", rate));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, unread: 0, failed: 0 }
    }

    pub(super) fn count(&mut self, finished: &Finished) {
        match &finished.outcome {
            Ok(judgment) if judgment.verdict.is_err() => self.unread += 1,
            Ok(_) => (),
            Err(_) => self.failed += 1,
        }
        if self.unread + self.failed > 0 {
            self.bar.set_message(format!("{} unreadable, {} failed", self.unread, self.failed));
        }
        self.bar.inc(1);
    }

    /// One more record is done.
    pub(super) fn step(&self) {
        self.bar.inc(1);
    }

    /// Lets something be printed without tearing the bar.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

fn rate(state: &ProgressState, out: &mut dyn std::fmt::Write) {
    // Writing to the bar's own buffer cannot fail.
    let _ = write!(out, "{:.1}/s", state.per_sec());
}
