//! A layer that keeps a run within its budget.

mod budget;

pub use budget::{Budget, BudgetLimits, Spending};

use async_trait::async_trait;

use self::budget::{Amount, Taken};
use super::{
    Backend, Layer,
    estimate::{answer_tokens, prompt_tokens, text_tokens},
};
use crate::{
    completion::{Completion, Price, Usage, UsageTotal},
    error::Result,
    request::Request,
};

/// Counts requests against a [`Budget`], which other models may share.
///
/// # Order
/// Below a cache, because a cached answer costs nothing. Above retries, because they belong to their request.
///
/// # Errors
/// [`ErrorKind::Budget`](crate::ErrorKind::Budget) if the request would exceed a limit, or if money is
/// limited and the price of the model is unknown; the error [is interrupted](crate::Error::is_interrupted).
/// Otherwise those of the wrapped backend.
///
/// # Cancellation
/// A request that is dropped in flight counts with its expected usage.
#[derive(Debug)]
pub struct Budgeted<B> {
    inner: B,
    budget: Budget,
}

impl<B: Backend> Budgeted<B> {
    /// Counts requests to `inner` against a budget.
    pub fn new(inner: B, budget: Budget) -> Self {
        Self { inner, budget }
    }

    /// The expected usage of a request.
    fn planned(&self, request: &Request) -> Amount {
        let prompt = prompt_tokens(&self.inner, request);
        let completion = answer_tokens(self.budget.mean_answer(), request);
        let price = self.inner.price();
        let cost = price.map_or(0.0, |price| price.at_least(UsageTotal::new(prompt, completion)));
        Amount { tokens: prompt.saturating_add(completion), cost }
    }

    /// The usage of an answer, estimated if it is not reported.
    fn taken(&self, request: &Request, completion: &Completion) -> Taken {
        let Usage { prompt, completion: written, .. } = completion.usage;
        let thinking = completion.thinking.as_deref().map_or(0, text_tokens);
        let usage = UsageTotal {
            prompt: prompt.unwrap_or_else(|| prompt_tokens(&self.inner, request)),
            completion: written.unwrap_or_else(|| text_tokens(&completion.text) + thinking),
            cached: completion.usage.cached.unwrap_or_default(),
            ..UsageTotal::default()
        };
        let is_estimated = !completion.usage.is_known();
        let of_price = |price: Price| price.at_least(usage);
        let nothing = self.inner.is_in_process().then_some(0.0);
        let cost = completion.cost.or_else(|| self.inner.price().map(of_price)).or(nothing);
        Taken { usage, is_estimated, cost, attempts: completion.attempts }
    }
}

#[async_trait]
impl<B: Backend> Layer for Budgeted<B> {
    fn below(&self) -> &dyn Backend {
        &self.inner
    }

    async fn through(&self, request: &Request) -> Result<Completion> {
        let reserved = self.budget.reserve(|| self.planned(request)).await?;
        let answer = self.inner.complete(request).await;
        let taken = match &answer {
            Ok(completion) => self.taken(request, completion),
            // Failed requests are not charged.
            Err(error) => Taken { cost: Some(0.0), attempts: error.attempts(), ..Taken::default() },
        };
        reserved.land(&taken, self.inner.name());
        answer
    }
}
