//! One vote out of its conversations.

use crate::{
    parse::{Chosen, Outcome, Place, Read, Spot, Transcript, label_after},
    prompt::Prompt,
    request::Completion,
    verdict::{Call, Reason, Unreadable, Verdict, Vote, visible},
};

/// A transcript of one text: what a `choose` would have picked is read behind the words before it.
pub(super) fn written(prompt: &Prompt, text: &str) -> Transcript {
    let mut transcript = Transcript::of_text("critique", text);
    for rule in prompt.reading().rules {
        let Place::Choose(name) = rule.place else { continue };
        let Some((literal, labels)) = prompt.choice(&name) else { continue };
        let bare = literal.trim().is_empty();
        let (before, text) =
            if bare { (":", format!(":{}", visible(text))) } else { (literal, text.to_owned()) };
        let label =
            label_after(&text, before, labels, &[]).map(|found| found.label).unwrap_or_default();
        transcript.results.push(Outcome {
            spot: Spot { name, at: None },
            chosen: Some(Chosen::Read(None)),
            cut_ok: true,
            completion: Completion::text(label),
        });
    }
    transcript
}

pub(super) fn vote(
    draw: u32,
    order: Vec<usize>,
    talks: Vec<(Option<usize>, Transcript)>,
    read: Read,
) -> Vote {
    let last = match talks.as_slice() {
        [(None, transcript)] => transcript.last_turn,
        _ => 0,
    };
    let calls: Vec<Call> = talks
        .into_iter()
        .flat_map(|(element, transcript)| {
            transcript.results.into_iter().map(move |outcome| (element, outcome))
        })
        .map(|(element, outcome)| Call {
            name: outcome.spot.name,
            at: outcome.spot.at.or(element),
            chosen: outcome.chosen.is_some(),
            text: outcome.completion.text,
            thinking: outcome.completion.thinking,
            finish: outcome.completion.finish.name().into(),
            usage: outcome.completion.usage,
            distribution: outcome.completion.distribution,
        })
        .collect();
    let mut vote =
        Vote { draw, order, reask: 0, calls, verdict: read.verdict, rule: read.rule, span: None };
    vote.span = read.span.and_then(|span| in_critique(span, &vote, last));
    vote
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
