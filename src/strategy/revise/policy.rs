//! The trait for writers of drafts.

use std::future::Future;

use super::{Critique, Draft};
use crate::error::Result;

/// Writes the drafts of a loop.
///
/// [`revise`](super::revise()) accepts an async closure, which is the shortest way. A policy is for types
/// that own a client or a state, and for code that is generic over the writer: its futures are [`Send`], so a
/// loop around it can be spawned. [`Writer`](super::Writer) is a policy, and so is every closure that accepts
/// the critique by value and returns a future that is `Send`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Item, Judge, Result, backend::Script};
/// use tribunal::strategy::revise::{Critique, Draft, Policy, ReviseOptions, revise_with};
///
/// /// Appends what the critique asks for.
/// struct Appends(String);
///
/// impl Policy for Appends {
///     async fn write(&mut self, critique: Critique) -> Result<Draft> {
///         Ok(format!("{} {}", critique.draft, self.0).into())
///     }
/// }
///
/// let script = Script::once([Ok("Too curt.\nScore: 3"), Ok("Score: 9"), Ok("Score: 9")]);
/// let judge = Judge::builder().backend(script).prompt("score").pass("score >= 8").build().await?;
/// let item = Item::new().question("Ask for the door to be closed.").answer("Close the door,");
/// let options = ReviseOptions::default();
/// let revision = tokio::spawn(revise_with(Appends("please.".into()), &judge, &item, &options));
/// let revision = revision.await.map_err(tribunal::Error::other)??;
/// assert!(revision.passed());
/// assert_eq!(revision.text(), "Close the door, please.");
/// # Ok(())
/// # }
/// ```
pub trait Policy: Send {
    /// Writes a first draft, or a better one: see [`Critique`].
    ///
    /// # Errors
    /// There is no draft; the loop ends as [`Failed`](super::RevisionOutcome::Failed).
    ///
    /// # Cancellation
    /// The future is dropped when the time limit of the loop is reached, or when the loop itself is dropped.
    fn write(&mut self, critique: Critique) -> impl Future<Output = Result<Draft>> + Send;
}

impl<F, W> Policy for F
where
    F: FnMut(Critique) -> W + Send,
    W: Future<Output = Result<Draft>> + Send,
{
    fn write(&mut self, critique: Critique) -> impl Future<Output = Result<Draft>> + Send {
        self(critique)
    }
}
