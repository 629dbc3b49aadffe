//! The same judge for programs without an async runtime.

use tokio::runtime::{Builder, Runtime};

use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::{JudgeBuilder, PanelBuilder},
    strategy::revise,
    verdict::Judgment,
};

/// A judge that waits for its answers.
///
/// Inside an async program use [`Judge`](crate::Judge): waiting there would block the runtime, and
/// tokio panics rather than let it happen.
///
/// ```
/// use tribunal::{Item, Judge, backend::Script, blocking};
///
/// let builder = Judge::builder().backend(Script::always("Score: 7")).prompt("score");
/// let judge = blocking::Judge::new(builder)?;
/// let judgment = judge.judge(&Item::new().question("2 + 2?").answer("4"))?;
/// assert_eq!(judgment.score(), Some(7.0));
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Debug)]
pub struct Judge {
    judge: crate::Judge,
    runtime: Runtime,
}

impl Judge {
    /// Builds a judge.
    ///
    /// # Errors
    /// As [`JudgeBuilder::build`].
    pub fn new(builder: JudgeBuilder) -> Result<Self> {
        let runtime = runtime()?;
        let judge = runtime.block_on(builder.build())?;
        Ok(Self { judge, runtime })
    }

    /// Builds a judge of several members; those of other judges that wait are their [`inner`](Self::inner).
    ///
    /// # Errors
    /// As [`PanelBuilder::build`].
    pub fn panel(builder: PanelBuilder) -> Result<Self> {
        let runtime = runtime()?;
        let judge = runtime.block_on(builder.build())?;
        Ok(Self { judge, runtime })
    }

    /// Judges one item.
    ///
    /// # Errors
    /// As [`Judge::judge`](crate::Judge::judge).
    pub fn judge(&self, item: &Item) -> Result<Judgment> {
        self.runtime.block_on(self.judge.judge(item))
    }

    /// Revises the answer of an item until this judge passes it: see [`revise`](revise::revise()).
    ///
    /// # Errors
    /// As [`revise`](revise::revise()).
    pub fn revise(
        &self,
        mut policy: impl FnMut(&revise::Critique) -> Result<revise::Draft>,
        item: &Item,
        options: &revise::ReviseOptions,
    ) -> Result<revise::Revision> {
        let policy = async |critique: &revise::Critique| policy(critique);
        self.runtime.block_on(revise::revise(policy, &self.judge, item, options))
    }

    /// The judge inside.
    pub fn inner(&self) -> &crate::Judge {
        &self.judge
    }
}

fn runtime() -> Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| Error::new(ErrorKind::Io, "the runtime did not start").because(cause))
}
