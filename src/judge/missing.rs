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
    ) -> Result<Vec<(AskId, CacheKey, Request)>> {
        let mut judging = self.judging(item, &self.facts().await)?;
        let mut ready: VecDeque<_> = judging.start().into();
        let mut missing = Vec::new();
        while let Some((id, request)) = ready.pop_front() {
            let Some(model) = self.backend_of(&id) else { continue };
            let key = request.key(model.identity());
            match known(&key) {
                Some(answer) => {
                    let answer = Completion { attempts: 0, cached: true, ..answer };
                    ready.extend(judging.answer(&id, Ok(answer)));
                }
                None => missing.push((id, key, request)),
            }
        }
        Ok(missing)
    }
}
