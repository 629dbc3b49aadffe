//! Making one vote from its conversations.

use std::sync::Arc;

use super::Member;
use crate::{
    completion::Completion,
    parse::{
        Chosen, Place, ReadVerdict, Reader, Reply, Slot, Transcript, find_label, opening_label,
    },
    prompt::Prompt,
    text::{JudgedTexts, TurnEnd, before_control, visible_part},
    verdict::{Call, Vote},
};

/// The member, the draw and the order of a vote.
pub(super) struct VoteOf {
    /// The name of the member.
    pub(super) by: Arc<str>,
    /// Index of the draw, from 0.
    pub(super) draw: u32,
    /// The indexes of the item's answers in the order in which they were shown.
    pub(super) order: Vec<usize>,
    /// The marker around judged texts, if the prompt uses one.
    pub(super) mark: Option<String>,
}

/// Adds the label of each `choose` of the prompt to the transcript of a text that was written elsewhere.
///
/// It is the label that follows the words before the `choose`.
pub(super) fn chosen(prompt: &Prompt, text: &str, mut transcript: Transcript) -> Transcript {
    let judged = JudgedTexts::new(&transcript.data);
    let mark = transcript.mark.as_deref();
    let end = TurnEnd::Token(mark);
    for rule in prompt.verdict_spec().rules {
        let Place::Choose(name) = rule.place else { continue };
        let Some((literal, labels)) = prompt.marked_choice(&name, mark) else { continue };
        let found = if literal.trim().is_empty() {
            opening_label(visible_part(text, &judged, end), labels).cloned()
        } else {
            find_label(text, &literal, mark, labels, &judged, end).map(|found| found.label)
        };
        transcript.results.push(Reply {
            slot: Slot { name, at: None },
            chosen: Some(Chosen::FromText(None)),
            may_be_cut: true,
            completion: Completion::text(found.unwrap_or_default()),
        });
    }
    transcript
}

/// The vote with the verdict that was read from these conversations.
pub(super) fn vote(
    of: VoteOf,
    conversations: Vec<(Option<usize>, Transcript)>,
    read: ReadVerdict,
    member: &Member,
) -> Vote {
    let last = match conversations.as_slice() {
        [(None, transcript)] => transcript.last_turn,
        _ => 0,
    };
    let reader = member.reader();
    let calls = conversations
        .into_iter()
        .flat_map(|(element, conversation)| calls(element, conversation, reader));
    let VoteOf { by, draw, order, mark } = of;
    let calls = calls.collect();
    let ReadVerdict { verdict, rule, span, distribution } = read;
    let mut vote = Vote { by, draw, order, calls, rule, distribution, mark, ..Vote::new(verdict) };
    vote.span = span.and_then(|span| in_critique(span, &vote, last));
    vote
}

/// The texts of one conversation as calls, with the part of each text that readers see.
fn calls(element: Option<usize>, transcript: Transcript, reader: &Reader) -> Vec<Call> {
    let visible = reader.visible_ranges(&transcript);
    let call = |(answer, visible): (Reply, _)| Call {
        name: answer.slot.name,
        at: answer.slot.at.or(element),
        chosen: answer.chosen.is_some(),
        announcement: answer.chosen.as_ref().and_then(Chosen::announcement).map(str::to_owned),
        in_process: answer.completion.in_process && holds_control(&answer.completion.text),
        text: answer.completion.text,
        thinking: answer.completion.thinking,
        finish: answer.completion.finish,
        usage: answer.completion.usage,
        distribution: answer.completion.distribution,
        sums: answer.completion.sums,
        max_tokens: answer.completion.max_tokens,
        cut: answer.completion.cut,
        visible_range: Some(visible),
    };
    transcript.results.into_iter().zip(visible).map(call).collect()
}

/// Whether a text contains something that looks like a control token.
fn holds_control(text: &str) -> bool {
    before_control(text).len() < text.len()
}

/// The position of a verdict in the critique, from its position in the text of the last turn, in
/// characters.
///
/// The critique may also contain earlier turns. `None` if the position is not in it.
fn in_critique(
    (start, end): (usize, usize),
    vote: &Vote,
    last_turn: usize,
) -> Option<(usize, usize)> {
    let critique = vote.critique().chars().count();
    let before = vote.calls.get(..last_turn)?.iter().filter(|call| !call.chosen).count();
    let shift = if before == 0 {
        0
    } else {
        let last = Vote { calls: vote.calls.get(last_turn..)?.to_vec(), ..vote.clone() };
        critique.checked_sub(last.critique().chars().count())?
    };
    (end + shift <= critique).then_some((start + shift, end + shift))
}
