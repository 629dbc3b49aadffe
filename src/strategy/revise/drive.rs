//! Driving a loop with a policy.

use std::{future::Future, time::Instant};

use super::{Critique, Draft, FinalCheck, Loop, LoopStep, ReviseOptions, Revision};
use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::Judge,
    parse::Kind,
};

/// Revises the answer of `item` until `judge` passes it, or says why that cannot be.
///
/// Without an answer the policy is asked for a first draft (`critique.round` is 0). Every draft and every
/// judgment is kept in [`Revision::rounds`].
///
/// # Cancellation
/// Dropping the future gives up what is in flight; what was answered before is in the judges' caches, so
/// that the same call goes on from there. When the budget of time is spent, the policy's own future is
/// dropped too.
///
/// To be spawned the policy must own what it uses: `async move |critique: &Critique| …`. Who wants to
/// hold each draft in hands of their own, or to wait between rounds, drives a [`Loop`].
///
/// # Errors
/// The judge has no pass rule, or judges what no loop can follow. What goes wrong later is not an error but
/// [`RevisionOutcome::Failed`](super::RevisionOutcome::Failed) with its reason in [`Revision::error`]: the drafts so far
/// are kept. Where not even a first draft could be had, [`Revision::text`] is empty.
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
                    draft = within(work.deadline(), policy(&critique)).await
                }
                LoopStep::Done(revision) => return Ok(*revision),
            }
        }
    }
}

/// The options as the loop follows them: a final judge of the same kind without a rule of its own passes
/// what the loop's judge passes. Fails where no loop can be, before anything is paid for.
pub(crate) fn settled(judge: &Judge, options: &ReviseOptions) -> Result<ReviseOptions> {
    check(judge, options)?;
    let kind = |judge: &Judge| judge.prompt().front().kind;
    let final_check = match (&options.final_check, judge.pass()) {
        (FinalCheck::Judge(other), Some(rule)) if other.pass().is_none() => {
            if kind(other) != kind(judge) {
                let name = other.prompt().name();
                let message = format!("nothing says what passes for the final judge `{name}`");
                return Err(Error::new(ErrorKind::Config, message).hint(
                    "give it a rule of its own: it judges another kind than the loop's judge",
                ));
            }
            let passing = other.passing(rule);
            FinalCheck::Judge(passing.map_err(|error| error.within("the final judge"))?)
        }
        (same, _) => same.clone(),
    };
    Ok(ReviseOptions { final_check, ..options.clone() })
}

/// Fails where no loop can be.
fn check(judge: &Judge, options: &ReviseOptions) -> Result<()> {
    let kind = judge.prompt().front().kind;
    let config = |message: String| Error::new(ErrorKind::Config, message);
    if !matches!(kind, Kind::Score | Kind::Label | Kind::Steps) {
        return Err(config(format!("a loop cannot follow verdicts of the kind {}", kind.name()))
            .hint("take a prompt that judges one answer: score, label or steps"));
    }
    if judge.pass().is_none() {
        return Err(config("nothing says what passes".into())
            .hint("add a rule, such as --pass 'score >= 8' or .pass(\"label = correct\")"));
    }
    if !judge.maps_alike() {
        return Err(config("the members of the judge read different fields of a record".into())
            .hint("a loop revises one answer: map it in the same way for every member"));
    }
    if options.keep_steps && kind != Kind::Steps {
        return Err(config(format!("`{}` judges no steps to keep", judge.prompt().name()))
            .hint("take a prompt that finds the first error, such as `first-error`"));
    }
    if let Some(critic) = &options.critic {
        let kind = critic.prompt().front().kind;
        if kind != Kind::Critique {
            let name = critic.prompt().name();
            return Err(config(format!("`{name}` judges {}: it is no critic", kind.name()))
                .hint("a critic needs a prompt with `kind: critique`, such as `feedback`"));
        }
    }
    if options.budget.cost.is_some() && !judge.is_priced() {
        return Err(config("a budget of money needs the price of tokens".into())
            .hint("give it in tribunal.toml: price = { prompt = 0.25, completion = 2 }"));
    }
    options.accept.check()
}

/// What came of `work` before the deadline.
pub(super) async fn within<T>(
    deadline: Option<Instant>,
    work: impl Future<Output = T>,
) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline.into(), work).await.ok(),
        None => Some(work.await),
    }
}
