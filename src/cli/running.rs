//! What the commands that ask models share: how a run is set up, and what is printed when it has ended.
//!
//! A run stops in order: at the first Ctrl-C no new record begins and requests in flight have [`GRACE`] to end; at the
//! second they are given up. Either way the results so far are complete lines, and the same command continues.

use std::time::Duration;

use tokio::sync::watch;

use super::{Exit, input::Input, note, print_error, signals};
use tribunal::{
    records::End,
    run::{Redo, RunOptions},
    units::counted,
};

/// Time for requests in flight to finish after the first Ctrl-C.
const GRACE: Duration = Duration::from_secs(30);

/// The options of a run over this input. `stopping` becomes true at the first Ctrl-C: no failed
/// request is sent again from then on.
pub(super) fn options(input: &Input, redo: Redo, stopping: watch::Sender<bool>) -> RunOptions {
    let mut options = RunOptions::default();
    options.stop = Some(signals::listen(stopping));
    options.grace = GRACE;
    options.redo = redo;
    options.total = input.total.and_then(|total| usize::try_from(total).ok());
    options.counts_rest = input.are_files;
    options
}

/// The exit code of a run that ended this way; `gate` decides where nothing else does. Where a budget ended the run,
/// its error is printed: which limit was met, and that the same command with a larger one continues.
pub(super) fn exit(end: &End, gate: impl FnOnce() -> Exit) -> Exit {
    match end {
        End::Stopped => Exit::Interrupted,
        End::OutOfBudget(error) => {
            print_error(error);
            Exit::Incomplete
        }
        _ => gate(),
    }
}

/// Prints that records which failed in an earlier run were not tried again, and how to do that.
pub(super) fn note_kept(failed: usize, unreadable: usize) {
    let counts = [(failed, "failed"), (unreadable, "could not be read")];
    let what = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", counted(count, "record")));
    let them = if failed + unreadable == 1 { "it" } else { "them" };
    let what: Vec<String> = what.collect();
    if !what.is_empty() {
        let what = what.join(" and ");
        note(&format!("{what} in an earlier run; --retry-errors tries {them} again"));
    }
}
