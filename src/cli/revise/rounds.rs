//! Rounds of `tribunal revise` as they end: the verdict, what changed in the draft, and the critique.
//!
//! ```text
//! ── spain round 0: 2, to be revised
//!    Rome
//!    │ Rome is in Italy.
//! ── spain round 1: 9, pass
//!    [-Rome-]{+Madrid+}
//! ```

use std::sync::Mutex;

use super::super::console::note_coloured;
use tribunal::{
    report::{changes, escaped},
    strategy::revise::{OnRound, Round},
};

/// How rounds are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) colour: bool,
}

/// Prints each round of one record.
pub(super) fn shown(id: String, style: Style) -> OnRound {
    let before: Mutex<Option<String>> = Mutex::new(None);
    OnRound::new(move |round| {
        let mut before = before.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        note_coloured(&round_text(&id, round, before.as_deref(), style));
        if round.accepted {
            *before = Some(round.draft.clone());
        }
    })
}

/// One round as text: its parts are escaped, so that colours are the program's own.
fn round_text(id: &str, round: &Round, before: Option<&str>, style: Style) -> String {
    let verdict = match &round.verdict {
        Some(Ok(verdict)) => escaped(&verdict.to_string()),
        Some(Err(why)) => format!("unreadable: {}", why.reason.name()),
        None => "not judged".to_owned(),
    };
    let result = match round {
        Round { pass: true, .. } => "pass",
        Round { seen_in: Some(_), .. } => "repeated",
        Round { round: 0, .. } => "to be revised",
        Round { accepted: true, .. } => "accepted",
        Round { accepted: false, .. } => "rejected",
    };
    let result = match (style.colour, round) {
        (true, Round { pass: true, .. }) => format!("\u{1b}[32m{result}\u{1b}[0m"),
        (true, Round { accepted: false, .. }) => format!("\u{1b}[33m{result}\u{1b}[0m"),
        _ => result.to_owned(),
    };
    let draft = match before {
        Some(before) => changes(before, &round.draft, style.colour),
        None => round.draft.lines().map(escaped).collect::<Vec<_>>().join("\n"),
    };
    let mut lines = vec![format!("── {} round {}: {verdict}, {result}", escaped(id), round.round)];
    lines.extend(draft.lines().map(|line| format!("   {line}")));
    if !round.pass {
        lines.extend(round.critique.lines().map(|line| format!("   │ {}", escaped(line))));
    }
    lines.join("\n")
}
