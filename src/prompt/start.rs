//! A commented prompt file for each kind of verdict, to begin with.

use crate::parse::Kind;

/// A prompt file of this kind that works as it is, with a comment for each key. `tribunal prompts new` writes it.
///
/// ```
/// use tribunal::{Prompt, parse::Kind, prompt::start_of};
///
/// let prompt = Prompt::parse("mine.jinja", start_of(Kind::Score))?;
/// assert_eq!(prompt.front().kind, Kind::Score);
/// # Ok::<_, tribunal::Error>(())
/// ```
pub fn start_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Score => include_str!("start/score.jinja"),
        Kind::Label => include_str!("start/label.jinja"),
        Kind::Steps => include_str!("start/steps.jinja"),
        Kind::Preference => include_str!("start/preference.jinja"),
        Kind::Ranking => include_str!("start/ranking.jinja"),
        Kind::Scores => include_str!("start/scores.jinja"),
        Kind::Criteria => include_str!("start/criteria.jinja"),
        Kind::Critique => include_str!("start/critique.jinja"),
        Kind::Revision => include_str!("start/revision.jinja"),
    }
}
