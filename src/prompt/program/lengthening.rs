//! Texts that their limit of tokens cut off: each is asked for once more, with twice the tokens.
//!
//! It is the first text of those that decide the verdict that is asked for again, and with it everything after it, which
//! followed from the cut text. Texts before it are kept. A text that was cut off and has a verdict all the same is not
//! asked for again. The second request is another one than the first, because its limit is part of its key.
//!
//! | what is known | the second limit |
//! |---|---|
//! | the first limit, or how many tokens the text has | twice as many tokens |
//! | also the context, and the tokens of the prompt | at most what the context has room for; nothing is asked if it is full |
//! | neither | nothing is asked |

use std::collections::BTreeMap;

use super::{Program, ProgramStage};
use crate::{
    completion::{Completion, Finish},
    error::Error,
    parse::{Reply, Slot, Transcript},
};

/// The limits of tokens of texts.
#[derive(Debug, Default)]
pub(super) struct Lengthening {
    /// The limits of the prompt, where it has any.
    first: BTreeMap<Slot, Option<u32>>,
    /// The higher limits of texts that are asked for again.
    second: BTreeMap<Slot, u32>,
    /// The conversation with the text that was cut off, if the second request fails.
    before: Option<Before>,
}

/// A conversation as it was before a text of it was asked for again.
#[derive(Debug)]
struct Before {
    transcript: Transcript,
    /// The index of the text among the replies.
    at: usize,
    /// The limit of the second request.
    most: u32,
}

impl Lengthening {
    /// The limit of tokens for a text whose limit in the prompt is `most`.
    pub(super) fn limit(&mut self, slot: &Slot, most: Option<u32>) -> Option<u32> {
        self.first.insert(slot.clone(), most);
        self.higher_limit(slot).or(most)
    }

    /// The higher limit of a text that was asked for again.
    pub(super) fn higher_limit(&self, slot: &Slot) -> Option<u32> {
        self.second.get(slot).copied()
    }

    /// The limit for a text that was cut off.
    ///
    /// # Errors
    /// Why it is not asked for again.
    fn higher(&self, slot: &Slot, cut: &Completion, context: Option<u32>) -> Result<u32, String> {
        let written = cut.usage.completion.and_then(|tokens| u32::try_from(tokens).ok());
        let first = self.first.get(slot).copied().flatten().or(written).filter(|most| *most > 0);
        let Some(first) = first else {
            return Err("its limit is the server's and not known, so that twice as many cannot be asked for: set max_tokens".into());
        };
        let twice = first.saturating_mul(2);
        let prompt = cut.usage.prompt.and_then(|tokens| u32::try_from(tokens).ok());
        let (Some(context), Some(prompt)) = (context, prompt) else { return Ok(twice) };
        let most = twice.min(context.saturating_sub(prompt));
        if most > first {
            return Ok(most);
        }
        Err(format!(
            "more cannot be asked for: the context holds {context} tokens, and the prompt has {prompt}"
        ))
    }
}

impl Program {
    /// Takes back the text that its limit of tokens cut off, and everything after it, so that it is asked for again with
    /// a higher limit. Returns whether there is such a text; one that cannot be asked for again is marked with the
    /// reason.
    pub(super) fn lengthen(&mut self, transcript: &mut Transcript) -> bool {
        // Few texts are cut off, and looking closer takes time.
        let is_cut = |reply: &Reply| reply.completion.finish == Finish::Length && !reply.may_be_cut;
        if !self.context.lengthen || !transcript.results.iter().any(is_cut) {
            return false;
        }
        let Some(at) = self.reader().cut_reply(transcript) else { return false };
        let (Some(reply), Some(place)) = (self.state.results.get(at), self.state.places.get(at))
        else {
            return false;
        };
        let (slot, shown) = (reply.slot.clone(), place.shown);
        if self.lengthening.second.contains_key(&slot) {
            return false;
        }
        let context = self.context.capabilities.context;
        let most = match self.lengthening.higher(&slot, &reply.completion, context) {
            Ok(most) => most,
            Err(why) => {
                let replies = [self.state.results.get_mut(at), transcript.results.get_mut(at)];
                replies
                    .into_iter()
                    .flatten()
                    .for_each(|reply| reply.completion.cut = Some(why.clone()));
                return false;
            }
        };
        self.lengthening.second.insert(slot, most);
        self.lengthening.before = Some(Before { transcript: transcript.clone(), at, most });
        self.state.results.truncate(at);
        self.state.places.truncate(at);
        // What the model had been shown before the text.
        self.sent.truncate(shown);
        self.stage = ProgramStage::Body;
        true
    }

    /// The conversation before a text of it was asked for again, where this has failed; `None` if none was.
    pub(crate) fn fall_back(&mut self, error: &Error) -> Option<Transcript> {
        let Before { mut transcript, at, most } = self.lengthening.before.take()?;
        let cut = &mut transcript.results.get_mut(at)?.completion.cut;
        *cut = Some(format!("asking again with up to {most} tokens failed: {error}"));
        self.stage = ProgramStage::Over;
        Some(transcript)
    }
}
