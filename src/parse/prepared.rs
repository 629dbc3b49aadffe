//! A transcript whose texts are ready to be read.

use super::{Answer, Rule, Transcript};
use crate::{
    completion::Finish,
    text::{Judged, TurnEnd, spoken},
    verdict::{Reason, Unreadable},
};

/// The parts of all results that count, beside the judged texts.
pub(super) struct Prepared<'t> {
    pub(super) transcript: &'t Transcript,
    pub(super) judged: Judged<'t>,
    /// Of every result, in order.
    pub(super) spoken: Vec<&'t str>,
}

impl<'t> Prepared<'t> {
    /// Prepares every result; a draft is a text that is itself the result.
    pub(super) fn new(transcript: &'t Transcript, is_draft: bool) -> Self {
        let judged = Judged::new(&transcript.data);
        let end = |outcome: &Answer| match (outcome.completion.in_process, is_draft) {
            (true, _) => TurnEnd::Exact,
            (_, true) => TurnEnd::Draft,
            _ => TurnEnd::Token(transcript.mark.as_deref()),
        };
        let part = |outcome: &'t Answer| spoken(&outcome.completion.text, &judged, end(outcome));
        let spoken = transcript.results.iter().map(part).collect();
        Self { transcript, judged, spoken }
    }

    /// The text of the last turn, or of the result that a rule names.
    pub(super) fn text(&self, within: Option<&str>) -> String {
        if let Some(name) = within {
            let named = self.results(0).rfind(|(outcome, _)| outcome.spot.name == name);
            return named.map_or_else(String::new, |(_, spoken)| spoken.to_owned());
        }
        let written = self.last_turn().filter(|(outcome, _)| outcome.chosen.is_none());
        written.map(|(_, spoken)| spoken).collect::<Vec<_>>().join("\n")
    }

    /// What makes a conversation unreadable whatever it says.
    pub(super) fn fault(&self, rules: &[Rule]) -> Option<Unreadable> {
        let filtered = |outcome: &Answer| outcome.completion.finish == Finish::Filtered;
        if self.last_turn().any(|(outcome, _)| filtered(outcome)) {
            return Some(Unreadable::new(
                Reason::Refused,
                "a filter or a refusal of the service ended the answer",
            ));
        }
        let cut = |(outcome, _): &(&Answer, &str)| match outcome.completion.finish {
            Finish::Length | Finish::ToolCalls => !outcome.cut_ok && outcome.chosen.is_none(),
            // Even one token may be none of the model's where nobody knows how it ended.
            Finish::Other(_) => !outcome.cut_ok || outcome.chosen.is_some(),
            _ => false,
        };
        // A rule may read a result of an earlier turn.
        let named = |(outcome, _): &(&Answer, &str)| {
            rules.iter().any(|rule| rule.within.as_deref() == Some(outcome.spot.name.as_str()))
        };
        let read = self.last_turn().chain(self.results(0).filter(named));
        if let Some((outcome, spoken)) = read.into_iter().find(cut) {
            return Some(cut_off(outcome, spoken));
        }
        let said = self.last_turn().any(|(_, spoken)| !spoken.trim().is_empty());
        (!said).then(|| Unreadable::new(Reason::Empty, "there is no text outside of thinking"))
    }

    fn last_turn(&self) -> impl DoubleEndedIterator<Item = (&'t Answer, &'t str)> {
        self.results(self.transcript.last_turn)
    }

    /// Results with their parts that count, from this one on.
    fn results(&self, from: usize) -> impl DoubleEndedIterator<Item = (&'t Answer, &'t str)> {
        let results = self.transcript.results.iter().zip(self.spoken.iter().copied());
        results.skip(from)
    }
}

/// Why an answer counts as cut off.
fn cut_off(outcome: &Answer, spoken: &str) -> Unreadable {
    let Answer { spot, completion, .. } = outcome;
    match &completion.finish {
        Finish::ToolCalls if spoken.trim().is_empty() => Unreadable::new(
            Reason::Empty,
            format!("`{}` consists of tool calls only, and holds no text", spot.name),
        ),
        Finish::ToolCalls => Unreadable::new(
            Reason::Truncated,
            format!("`{}` ended with a tool call instead of a verdict", spot.name),
        ),
        Finish::Other(word) => Unreadable::new(
            Reason::Truncated,
            format!("`{}` ended with `{word}`, which is not known as a clean end", spot.name),
        ),
        _ => Unreadable::new(
            Reason::Truncated,
            format!("`{}` ran into its limit of tokens", spot.name),
        ),
    }
}
