//! A transcript whose texts are ready to be read, and what makes it unreadable whatever its words.

use super::{Chosen, ItemShape, Place, Reply, Rule, Transcript};
use crate::{
    completion::Finish,
    text::{JudgedTexts, TurnEnd, visible_part},
    verdict::{Reason, Unreadable},
};

/// A transcript, the parts of its replies that count, and the judged texts.
pub(super) struct Prepared<'t> {
    /// The conversation.
    pub(super) transcript: &'t Transcript,
    /// The texts that it may quote.
    pub(super) judged: JudgedTexts<'t>,
    /// The part of each reply that counts, in order.
    pub(super) visible: Vec<&'t str>,
}

impl<'t> Prepared<'t> {
    /// Prepares every reply. With `is_draft` the text itself is the result, such as a revision.
    pub(super) fn new(transcript: &'t Transcript, is_draft: bool) -> Self {
        let judged = JudgedTexts::new(&transcript.data);
        let end = |reply: &Reply| match (reply.completion.in_process, is_draft) {
            (true, _) => TurnEnd::Exact,
            (_, true) => TurnEnd::Draft,
            _ => TurnEnd::Token(transcript.mark.as_deref()),
        };
        let part = |reply: &'t Reply| visible_part(&reply.completion.text, &judged, end(reply));
        let visible = transcript.results.iter().map(part).collect();
        Self { transcript, judged, visible }
    }

    /// The text of the last turn, or of the last reply that a rule names (`in`). Labels that were picked are no part
    /// of it; several replies are joined by line breaks.
    pub(super) fn text(&self, within: Option<&str>) -> String {
        if let Some(name) = within {
            let named = self.results(0).rfind(|(reply, _)| reply.slot.name == name);
            return named.map_or_else(String::new, |(_, visible)| visible.to_owned());
        }
        let written = self.last_turn().filter(|(reply, _)| reply.chosen.is_none());
        written.map(|(_, visible)| visible).collect::<Vec<_>>().join("\n")
    }

    /// The shape of the item with the numbers of the items that a rule counts (`items`), where a reply lists them;
    /// `None` if the item itself does, or no reply of that name exists.
    ///
    /// # Errors
    /// No line of the reply has a number, so that a verdict that is left out would not be noticed.
    pub(super) fn listed(&self, rule: &Rule) -> Option<Result<ItemShape, Unreadable>> {
        let shape = &self.transcript.shape;
        let name = rule.items.as_deref().filter(|_| shape.criteria.is_none())?;
        let (_, text) = self.results(0).rfind(|(reply, _)| reply.slot.name == name)?;
        Some(match numbered_lines(text) {
            0 => Err(Unreadable::new(
                Reason::Ambiguous,
                format!("`{name}` has no numbered items, so that their verdicts cannot be counted"),
            )),
            count => {
                let names = (1..=count).map(|n| n.to_string()).collect();
                Ok(ItemShape { criteria: Some(names), ..shape.clone() })
            }
        })
    }

    /// The reply, by index, and the byte of its text that correspond to a byte of [`text`](Self::text) without the
    /// blanks around it.
    pub(super) fn located(&self, at: usize, within: Option<&str>) -> Option<(usize, usize)> {
        let written = |answer: &Reply| answer.chosen.is_none();
        let own = |(n, answer): &(usize, &Reply)| match within {
            Some(name) => answer.slot.name == name,
            None => *n >= self.transcript.last_turn && written(answer),
        };
        let mut answers: Vec<usize> =
            self.transcript.results.iter().enumerate().filter(own).map(|(n, _)| n).collect();
        if within.is_some() {
            answers.drain(..answers.len().saturating_sub(1));
        }
        let whole = self.text(within);
        let mut at = at + whole.len() - whole.trim_start().len();
        for n in answers {
            let visible = *self.visible.get(n)?;
            if at <= visible.len() {
                let hidden = visible.as_ptr() as usize
                    - self.transcript.results.get(n)?.completion.text.as_ptr() as usize;
                return Some((n, hidden + at));
            }
            at -= visible.len() + 1;
        }
        None
    }

    /// Whether nothing else than a limit of tokens cut the last turn off.
    pub(super) fn is_cut_by_length(&self) -> bool {
        let limit = |finish: &Finish| {
            matches!(finish, Finish::Stop | Finish::Length | Finish::Loop | Finish::Forced)
        };
        self.last_turn().all(|(answer, _)| limit(&answer.completion.finish))
    }

    /// What makes a conversation unreadable whatever its words: a filter or refusal, an unclean end, or no text.
    ///
    /// A text that ran into its limit of tokens is not a fault if the verdict was picked after it and its
    /// probabilities are looked at (`weighs`).
    pub(super) fn fault(&self, rules: &[Rule], weighs: bool) -> Option<Unreadable> {
        let filtered = |reply: &Reply| reply.completion.finish == Finish::Filtered;
        if self.last_turn().any(|(reply, _)| filtered(reply)) {
            return Some(Unreadable::new(
                Reason::Refused,
                "a filter or a refusal of the service ended the answer",
            ));
        }
        let picked = weighs && self.is_picked(rules);
        let cut = |(reply, _): &(&Reply, &str)| match reply.completion.finish {
            Finish::Length if picked => false,
            Finish::Length | Finish::ToolCalls => !reply.may_be_cut && reply.chosen.is_none(),
            // With an unknown end, even a single token may not be the model's choice.
            Finish::Other(_) => !reply.may_be_cut || reply.chosen.is_some(),
            _ => false,
        };
        if let Some((reply, visible)) = self.read_by(rules).find(cut) {
            return Some(cut_off(reply, visible));
        }
        let said = self.last_turn().any(|(_, visible)| !visible.trim().is_empty());
        (!said).then(|| Unreadable::new(Reason::Empty, "there is no text outside of thinking"))
    }

    /// The index of the first reply that the rules read, and that its limit of tokens cut off where that is not an
    /// expected end.
    pub(super) fn cut_by_length(&self, rules: &[Rule]) -> Option<usize> {
        let is_cut =
            |reply: &&Reply| reply.completion.finish == Finish::Length && !reply.may_be_cut;
        let read = self.read_by(rules).map(|(reply, _)| reply).filter(is_cut);
        let results = &self.transcript.results;
        let index = |reply: &Reply| results.iter().position(|one| std::ptr::eq(one, reply));
        read.filter_map(index).min()
    }

    /// The replies that decide the verdict: those of the last turn, and those of earlier turns that a rule names.
    fn read_by<'r>(
        &self,
        rules: &'r [Rule],
    ) -> impl Iterator<Item = (&'t Reply, &'t str)> + use<'_, 'r, 't> {
        let named = |(reply, _): &(&Reply, &str)| {
            rules.iter().any(|rule| rule.within.as_deref() == Some(reply.slot.name.as_str()))
        };
        self.last_turn().chain(self.results(0).filter(named))
    }

    /// Whether the verdict is a label that the model was asked to pick, with its probability.
    fn is_picked(&self, rules: &[Rule]) -> bool {
        let picks = |name: &str| {
            rules.iter().any(|rule| matches!(&rule.place, Place::Choose(own) if own == name))
        };
        let last = self.last_turn().next_back().map(|(answer, _)| answer);
        last.is_some_and(|answer| {
            answer.chosen == Some(Chosen::Asked)
                && answer.completion.distribution.is_some()
                && picks(&answer.slot.name)
        })
    }

    /// The replies of the last assistant turn, with their parts that count.
    fn last_turn(&self) -> impl DoubleEndedIterator<Item = (&'t Reply, &'t str)> {
        self.results(self.transcript.last_turn)
    }

    /// Replies from this index on, with their parts that count. Values that were only scored are not text.
    fn results(&self, from: usize) -> impl DoubleEndedIterator<Item = (&'t Reply, &'t str)> {
        let results = self.transcript.results.iter().zip(self.visible.iter().copied());
        results.skip(from).filter(|(answer, _)| !answer.is_scoring())
    }
}

/// How many lines are numbered `1.`, `2.` and so on, in this order; emphasis, brackets and other lines do not matter.
fn numbered_lines(text: &str) -> usize {
    let is_numbered = |line: &str, number: usize| {
        let line = line.trim_start_matches(|c: char| c.is_whitespace() || "*_#([-".contains(c));
        let rest = line.strip_prefix(&number.to_string());
        rest.is_some_and(|rest| rest.starts_with(['.', ')', ':', ']']))
    };
    text.lines().fold(0, |count, line| count + usize::from(is_numbered(line, count + 1)))
}

/// Why a reply counts as cut off.
fn cut_off(reply: &Reply, visible: &str) -> Unreadable {
    let Reply { slot, completion, .. } = reply;
    match &completion.finish {
        Finish::ToolCalls if visible.trim().is_empty() => Unreadable::new(
            Reason::Empty,
            format!("`{}` consists of tool calls only, and holds no text", slot.name),
        ),
        Finish::ToolCalls => Unreadable::new(
            Reason::Truncated,
            format!("`{}` ended with a tool call instead of a verdict", slot.name),
        ),
        Finish::Other(word) => Unreadable::new(
            Reason::Truncated,
            format!("`{}` ended with `{word}`, which is not known as a clean end", slot.name),
        ),
        _ => {
            let why = format!("`{}` ran into its limit of tokens", slot.name);
            let why = Unreadable::new(Reason::Truncated, why);
            match (completion.max_tokens, &completion.cut) {
                (Some(most), _) => why.and(&format!(
                    "asked again with up to {most} tokens, which were too few as well"
                )),
                (None, Some(cut)) => why.and(cut),
                (None, None) => why,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_their_numbers() {
        assert_eq!(numbered_lines("Checklist:\n1. One?\n\n**2.** Two?\n  3) Three?"), 3);
        assert_eq!(numbered_lines("1. In 1. FC or\n2024: a year?\n2. Two?"), 2);
        assert_eq!(numbered_lines("- One?\n- Two?"), 0);
    }
}
