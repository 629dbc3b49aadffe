//! One vote out of its conversations.

use crate::{
    completion::Completion,
    parse::{Answer, Chosen, Place, Read, Reader, Spot, Transcript, labelled},
    prompt::Prompt,
    text::{Judged, TurnEnd, before_control, spoken},
    verdict::{Call, Reason, Unreadable, Verdict, Vote},
};

/// Adds what each `choose` would have picked to the transcript of one text: it is read behind the words
/// before it.
pub(super) fn chosen(prompt: &Prompt, text: &str, mut transcript: Transcript) -> Transcript {
    let judged = Judged::new(&transcript.data);
    let mark = transcript.mark.as_deref();
    let end = TurnEnd::Token(mark);
    for rule in prompt.reading().rules {
        let Place::Choose(name) = rule.place else { continue };
        let Some((literal, labels)) = prompt.marked_choice(&name, mark) else { continue };
        let found = if literal.trim().is_empty() {
            // Nothing stands before the label: it opens the text.
            let text = format!(":{}", spoken(text, &judged, end));
            labelled(&text, ":", None, labels, &Judged::default(), end)
        } else {
            labelled(text, &literal, mark, labels, &judged, end)
        };
        transcript.results.push(Answer {
            spot: Spot { name, at: None },
            chosen: Some(Chosen::Read(None)),
            cut_ok: true,
            completion: Completion::text(found.map(|found| found.label).unwrap_or_default()),
        });
    }
    transcript
}

pub(super) fn vote(
    draw: u32,
    order: Vec<usize>,
    talks: Vec<(Option<usize>, Transcript)>,
    read: Read,
    reader: &Reader,
) -> Vote {
    let last = match talks.as_slice() {
        [(None, transcript)] => transcript.last_turn,
        _ => 0,
    };
    let calls: Vec<Call> = talks
        .into_iter()
        .flat_map(|(element, transcript)| {
            let spoken = reader.spoken(&transcript);
            let results = transcript.results.into_iter().zip(spoken);
            results.map(move |(outcome, spoken)| (element, outcome, spoken))
        })
        .map(|(element, outcome, spoken)| Call {
            name: outcome.spot.name,
            at: outcome.spot.at.or(element),
            chosen: outcome.chosen.is_some(),
            in_process: outcome.completion.in_process && holds_control(&outcome.completion.text),
            text: outcome.completion.text,
            thinking: outcome.completion.thinking,
            finish: outcome.completion.finish,
            usage: outcome.completion.usage,
            distribution: outcome.completion.distribution,
            spoken: Some(spoken),
        })
        .collect();
    let mut vote = Vote { draw, order, calls, rule: read.rule, ..Vote::new(read.verdict) };
    vote.span = read.span.and_then(|span| in_critique(span, &vote, last));
    vote
}

/// Whether something in a text looks like a control token.
fn holds_control(text: &str) -> bool {
    before_control(text).len() < text.len()
}

/// A span of the last turn's text as a span of the critique, which may hold earlier turns too.
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

/// A verdict about shown answers as one about the item's own order.
pub(super) fn in_own_order(verdict: Verdict, order: &[usize]) -> Verdict {
    let own = |shown: usize| order.get(shown).copied().unwrap_or(shown);
    match verdict {
        Verdict::Preference(side) if order == [1, 0] => Verdict::Preference(side.swapped()),
        Verdict::Ranking(groups) => {
            let back = |group: Vec<usize>| {
                let mut group: Vec<usize> = group.into_iter().map(own).collect();
                group.sort_unstable();
                group
            };
            Verdict::Ranking(groups.into_iter().map(back).collect())
        }
        Verdict::Scores(shown) if shown.len() == order.len() => {
            let mut scores: Vec<(usize, f64)> =
                shown.into_iter().enumerate().map(|(n, s)| (own(n), s)).collect();
            scores.sort_by_key(|(place, _)| *place);
            Verdict::Scores(scores.into_iter().map(|(_, score)| score).collect())
        }
        other => other,
    }
}

pub(super) fn numbers(
    verdicts: impl Iterator<Item = Result<Verdict, Unreadable>>,
) -> Result<Vec<f64>, Unreadable> {
    verdicts
        .enumerate()
        .map(|(index, verdict)| match verdict {
            Ok(Verdict::Score(score)) => Ok(score),
            Ok(other) => {
                Err(Unreadable::new(Reason::Ambiguous, format!("{index}: {other} is no score")))
            }
            Err(why) => Err(Unreadable::new(why.reason, format!("{index}: {}", why.detail))),
        })
        .collect()
}
