//! The replies so far, and the transcripts that are made of them.

use super::taint;
use crate::parse::{ItemShape, Reply, Transcript};

/// The replies so far, and what is needed to read them.
#[derive(Clone, Debug, Default)]
pub(super) struct ProgramState {
    /// Every reply, in the order in which it was asked for.
    pub(super) results: Vec<Reply>,
    /// Where each of them was asked for.
    pub(super) places: Vec<AskedAt>,
    /// The item's mark, where the prompt prints it.
    pub(super) mark: Option<String>,
    /// The shape of the item.
    pub(super) shape: ItemShape,
}

/// The place in a conversation where a reply was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct AskedAt {
    /// The 0-based turn of the conversation.
    pub(super) turn: usize,
    /// The length in bytes of the marked text before it: what the model had been shown.
    pub(super) shown: usize,
}

impl ProgramState {
    /// The replies that count, ready to be read; `marked` is the whole text so far.
    pub(super) fn transcript(&self, marked: &str, counts: impl Fn(&Reply) -> bool) -> Transcript {
        let both = self.results.iter().zip(&self.places);
        let (results, places): (Vec<Reply>, Vec<AskedAt>) =
            both.filter(|(reply, _)| counts(reply)).map(|(o, place)| (o.clone(), *place)).unzip();
        let last = places.last().map(|place| place.turn);
        Transcript {
            results,
            last_turn: places.iter().position(|place| Some(place.turn) == last).unwrap_or(0),
            mark: self.mark.clone(),
            data: taint::data(marked),
            shape: self.shape.clone(),
        }
    }

    /// The same while the body still runs. Only judged texts that the model had been shown before the last of these
    /// replies can be quoted in them.
    pub(super) fn so_far(&self, sent: &str, counts: impl Fn(&Reply) -> bool) -> Transcript {
        let both = self.results.iter().zip(&self.places);
        let last = both.into_iter().rfind(|(reply, _)| counts(reply));
        let shown = last.and_then(|(_, place)| sent.get(..place.shown)).unwrap_or_default();
        self.transcript(shown, counts)
    }
}
