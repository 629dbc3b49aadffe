//! Layers as methods, for models that the registry does not open.

use std::path::Path;

use super::{Backend, Budget, Budgeted, Limit, Limited, Priced, Recorded, Retried, Retry};
use crate::{completion::Price, error::Result};

/// Puts layers around a backend, in reading order. A custom client gets everything that the registry gives to
/// its models.
///
/// # Order
/// Each call wraps the result of the previous ones: the first layer is the innermost, and the last one sees a
/// request first. The order matters:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{
///     Completion,
///     backend::{Backend, BackendExt, Budget, BudgetLimits, Retry, from_fn},
///     request::Request,
/// };
///
/// let budget = Budget::new(BudgetLimits { max_requests: Some(100), ..BudgetLimits::default() });
/// let retry = Retry { budget: Some(budget.clone()), ..Retry::default() };
/// let model = from_fn("mine", async |_: Request| Ok(Completion::text("Score: 7")))
///     .limited(8)             // 8 requests in flight; a retry gets a new permit
///     .retried(retry)         // while it waits, it holds none
///     .budgeted(budget.clone()); // one request, however often it was tried
/// # #[cfg(feature = "store")]
/// let model = model.cached(&tribunal::backend::cache::Cache::in_memory(Default::default()));
/// // Outermost: a cached answer needs no permit, no retry and no budget.
/// # #[cfg(feature = "store")]
/// for _ in 0..3 {
///     model.complete(&Request::generate(Vec::new())).await?;
/// }
/// # #[cfg(feature = "store")]
/// assert_eq!(budget.spent().requests, 1);
/// # Ok(())
/// # }
/// ```
///
/// With `retried` inside `limited`, a request would hold its permit while it waits for the next try. With
/// `cached` inside `budgeted`, cached answers would count against the budget.
pub trait BackendExt: Backend + Sized {
    /// Adds the cost to answers: see [`Priced`].
    fn priced(self, price: Price) -> Priced<Self> {
        Priced::new(self, price)
    }

    /// Limits the requests in flight: see [`Limited`].
    fn limited(self, limit: impl Into<Limit>) -> Limited<Self> {
        Limited::new(self, limit)
    }

    /// Sends the first of the requests with a common beginning ahead: see [`Warmed`](super::Warmed).
    #[cfg(feature = "openai")]
    fn warmed(self) -> super::Warmed<Self> {
        super::Warmed::new(self)
    }

    /// Retries temporary failures: see [`Retried`].
    fn retried(self, retry: Retry) -> Retried<Self> {
        Retried::new(self, retry)
    }

    /// Counts requests against a budget: see [`Budgeted`].
    fn budgeted(self, budget: Budget) -> Budgeted<Self> {
        Budgeted::new(self, budget)
    }

    /// Caches answers: see [`Cache`](super::cache::Cache).
    #[cfg(feature = "store")]
    fn cached(self, cache: &super::cache::Cache) -> super::cache::Cached
    where
        Self: 'static,
    {
        cache.over(std::sync::Arc::new(self))
    }

    /// Writes every answer to a file, for [`Replay`](super::Replay): see [`Recorded`].
    ///
    /// # Errors
    /// The file cannot be written, or is not a recording.
    fn recorded(self, path: impl AsRef<Path>) -> Result<Recorded<Self>> {
        Recorded::new(self, path, Vec::new())
    }
}

impl<B: Backend> BackendExt for B {}
