//! Layers as methods, for models that the registry does not open.

use std::path::Path;

use super::{Backend, Budget, Budgeted, Limit, Limited, Priced, Recorded, Retried, Retry};
use crate::{completion::Price, error::Result};

/// Layers around a backend, in the order in which they are read: for a client of one's own, which then has what
/// the registry gives to every model.
///
/// # Order
/// Each call wraps what stands before it, so that the first layer named is the innermost, and the last one sees a
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
///     .limited(8)             // 8 requests in flight; a retry takes a new permit
///     .retried(retry)         // while it waits, it holds none
///     .budgeted(budget.clone()); // one request, however often it was tried
/// # #[cfg(feature = "store")]
/// let model = model.cached(&tribunal::backend::cache::Cache::in_memory(Default::default()));
/// // Outermost: an answer that is remembered takes no permit, no retry and no budget.
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
/// With `retried` inside `limited`, a request would hold its permit while it waits for the next try; with
/// `cached` inside `budgeted`, remembered answers would be paid for twice.
pub trait BackendExt: Backend + Sized {
    /// Puts a price on answers: see [`Priced`].
    fn priced(self, price: Price) -> Priced<Self> {
        Priced::new(self, price)
    }

    /// Keeps at most so many requests in flight: see [`Limited`].
    fn limited(self, limit: impl Into<Limit>) -> Limited<Self> {
        Limited::new(self, limit)
    }

    /// Tries again what failed in passing: see [`Retried`].
    fn retried(self, retry: Retry) -> Retried<Self> {
        Retried::new(self, retry)
    }

    /// Counts requests against a budget: see [`Budgeted`].
    fn budgeted(self, budget: Budget) -> Budgeted<Self> {
        Budgeted::new(self, budget)
    }

    /// Remembers answers: see [`Cache`](super::cache::Cache).
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
