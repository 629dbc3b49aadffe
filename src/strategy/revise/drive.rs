//! Runs a loop with a policy.

use std::future::Future;

use super::{Critique, Draft, Loop, LoopStep, Policy, ReviseOptions, Revision, rounds::within};
use crate::{error::Result, item::Item, judge::Judge};

/// Revises the answer of `item` until `judge` passes it, or until the loop ends for another reason.
///
/// The policy is an async closure. For an item without an answer it first writes a draft (`critique.round` is
/// 0). Every draft and every judgment is kept in [`Revision::rounds`]. A policy that is a type of its own, or
/// that generic code must spawn, implements [`Policy`] and is passed to [`revise_with`]. To keep every draft
/// yourself, or to wait between rounds, use a [`Loop`].
///
/// To be spawned, the closure must own what it uses: `async move |critique: &Critique| …`.
///
/// # Cancellation
/// Dropping the future cancels the pending requests. Earlier answers are in the caches of the models, so the
/// same call continues from there. When the time limit is reached, the future of the policy is dropped too.
///
/// # Errors
/// The judge has no pass rule, or its verdicts cannot guide a loop. Later failures are not errors but
/// [`RevisionOutcome::Failed`](super::RevisionOutcome::Failed), with the reason in [`Revision::error`]; the
/// drafts so far are kept. If not even a first draft could be written, [`Revision::text`] is empty.
pub fn revise<P>(
    mut policy: P,
    judge: &Judge,
    item: &Item,
    options: &ReviseOptions,
) -> impl Future<Output = Result<Revision>> + use<P>
where
    P: AsyncFnMut(&Critique) -> Result<Draft>,
{
    let begun = Loop::new(judge, item, options);
    async move {
        let mut work = begun?;
        let mut draft = None;
        loop {
            match work.next(draft).await {
                LoopStep::Write(critique) => {
                    draft = within(work.deadline(), policy(&critique)).await;
                }
                LoopStep::Done(revision) => return Ok(*revision),
            }
        }
    }
}

/// Revises as [`revise`] does, with a [`Policy`]; generic code can spawn the future.
///
/// # Cancellation
/// That of [`revise`].
///
/// # Errors
/// Those of [`revise`].
pub fn revise_with<P: Policy>(
    mut policy: P,
    judge: &Judge,
    item: &Item,
    options: &ReviseOptions,
) -> impl Future<Output = Result<Revision>> + Send + use<P> {
    // This repeats the loop of `revise`. Through a closure around `policy`, the compiler cannot prove for a
    // generic `P` that the future is `Send` ("`P` does not live long enough"; rust-lang/rust#110338).
    let begun = Loop::new(judge, item, options);
    async move {
        let mut work = begun?;
        let mut draft = None;
        loop {
            match work.next(draft).await {
                LoopStep::Write(critique) => {
                    draft = within(work.deadline(), policy.write(*critique)).await;
                }
                LoopStep::Done(revision) => return Ok(*revision),
            }
        }
    }
}
