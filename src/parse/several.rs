//! Several numbers, each after its own announcement: `<score_A>8</score_A> <score_B>6.5</score_B>`.
//!
//! The last announcement of each counts, as everywhere. An announcement that the rule lists several times, such as
//! `<answer>*</answer>` for either of two answers, is read as often: its last occurrences are the numbers, in order.

use super::{
    announced::{Announcement, Candidate},
    bare::bare,
    found::{FoundValue, unmarked},
    quoted::ReadValue,
};
use crate::{
    error::Result,
    text::JudgedTexts,
    units::counted,
    verdict::{Reason, Unreadable},
};

/// The announcements of several numbers.
#[derive(Clone, Debug)]
pub(super) struct Several {
    /// Each announcement once, with how many numbers it announces.
    announcements: Vec<(Announcement, usize)>,
    /// For each number its announcement, by index.
    order: Vec<usize>,
}

impl Several {
    /// Compiles the patterns of a rule.
    ///
    /// # Errors
    /// The words of one are too long for an expression ([`ErrorKind::Prompt`](crate::ErrorKind::Prompt)).
    pub(super) fn new(patterns: &[String]) -> Result<Self> {
        let mut several = Self { announcements: Vec::new(), order: Vec::new() };
        let mut known: Vec<&String> = Vec::new();
        for pattern in patterns {
            let at = known.iter().position(|one| *one == pattern).unwrap_or(known.len());
            if at == known.len() {
                known.push(pattern);
                several.announcements.push((Announcement::new(pattern)?, 0));
            }
            if let Some((_, times)) = several.announcements.get_mut(at) {
                *times += 1;
            }
            several.order.push(at);
        }
        Ok(several)
    }

    /// The numbers that are announced in a text, with commas between them; `None` if none is.
    ///
    /// With `demanded` the prompt asked for its mark, and these announcements are without.
    pub(super) fn find(
        &self,
        text: &str,
        judged: &JudgedTexts,
        demanded: bool,
        read: ReadValue,
    ) -> Option<FoundValue> {
        let mut all: Vec<Vec<Candidate>> = Vec::new();
        for (announcement, _) in &self.announcements {
            all.push(announcement.candidates(text, judged, read));
        }
        let last = all.iter().flatten().max_by_key(|candidate| candidate.found.place.end)?;
        let place = last.found.place.clone();
        if demanded && last.is_quoted {
            return Some(FoundValue { value: Err(unmarked()), place });
        }
        // Where one of them opens the last line, the whole line is the judge's own.
        let own_line = !demanded && all.iter().flatten().any(|candidate| candidate.opens);
        let is_own = |one: &Candidate| !one.is_quoted || (own_line && one.on_last_line);
        all.iter_mut().for_each(|list| list.retain(is_own));
        if all.iter().all(Vec::is_empty) {
            return None;
        }
        Some(self.joined(all, place))
    }

    /// The last numbers of each announcement, in the order of the rule; `last` is the place of the last one.
    fn joined(&self, all: Vec<Vec<Candidate>>, last: std::ops::Range<usize>) -> FoundValue {
        let mut start = last.start;
        let mut numbers = Vec::new();
        for (mut found, (_, times)) in all.into_iter().zip(&self.announcements) {
            let count = found.len();
            if count == 0 || count % times != 0 {
                let why =
                    format!("found {} where {times} were asked for", counted(count, "number"));
                let value = Err(Unreadable::new(Reason::Ambiguous, why));
                return FoundValue { value, place: last };
            }
            numbers.push(found.split_off(count - times).into_iter());
        }
        let mut values = Vec::new();
        for at in &self.order {
            let Some(Candidate { found, .. }) = numbers.get_mut(*at).and_then(Iterator::next)
            else {
                continue;
            };
            start = start.min(found.place.start);
            match found.value {
                Ok(value) => values.push(bare(&value).to_owned()),
                fault => return FoundValue { value: fault, place: found.place },
            }
        }
        FoundValue { value: Ok(values.join(", ")), place: start..last.end }
    }
}
