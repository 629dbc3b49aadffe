//! What is left to ask about an item, when some answers are known already.

use std::collections::VecDeque;

use super::Judge;
use crate::{
    completion::Completion,
    error::Result,
    item::Item,
    judging::AskId,
    request::{CacheKey, Request},
};

/// A request whose answer is not known yet.
#[doc(hidden)]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MissingAnswer {
    /// The name of the request in its judgment.
    pub id: AskId,
    /// The key of the answer.
    pub key: CacheKey,
    /// The request.
    pub request: Request,
    /// Whether it repeats a request whose answer its limit of tokens cut off, with a higher limit.
    pub is_longer: bool,
}

impl Judge {
    /// The requests that the judgment of an item needs next, with their keys, without those whose answers `known` returns. Nothing is
    /// sent. For files of requests that are answered elsewhere.
    ///
    /// Requests that depend on missing answers (later turns, repeated requests) are not among them: when nothing is
    /// missing any more, [`judge`](Self::judge) needs no answer that `known` does not have.
    ///
    /// # Errors
    /// No request can be made for the item, because the record lacks a field.
    #[doc(hidden)]
    pub async fn missing(
        &self,
        item: &Item,
        known: impl Fn(&CacheKey) -> Option<Completion>,
    ) -> Result<Vec<MissingAnswer>> {
        let mut judging = self.judging(item, &self.facts().await)?;
        let first = judging.start().into_iter().map(|(id, request)| (id, request, false));
        let mut ready: VecDeque<_> = first.collect();
        let mut missing = Vec::new();
        while let Some((id, request, is_longer)) = ready.pop_front() {
            let Some(model) = self.backend_of(&id) else { continue };
            let key = request.key(model.identity());
            match known(&key) {
                Some(answer) => {
                    let answer = Completion { attempts: 0, cached: true, ..answer };
                    let more = judging.answer(&id, Ok(answer)).into_iter();
                    ready.extend(more.map(|(id, next)| {
                        let is_longer = lengthens(&next, &request);
                        (id, next, is_longer)
                    }));
                }
                None => missing.push(MissingAnswer { id, key, request, is_longer }),
            }
        }
        Ok(missing)
    }
}

/// Whether a request differs from the one before by a higher limit of tokens alone.
fn lengthens(next: &Request, before: &Request) -> bool {
    let most = |request: &Request| request.sampling.max_tokens;
    next.messages == before.messages
        && next.reask == before.reask
        && next.ask == before.ask
        && most(next) > most(before)
}
