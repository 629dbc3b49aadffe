//! What every command that asks models about the records of an input begins with: its files, its records and its registry
//! of models.

use tokio::sync::watch;

use super::{
    input::{self, Input},
    opening::Setup,
    settings,
};
use tribunal::{config::Resolved, error::Result, files::Plan, models::Models, records::Source};

/// The flags of such a command.
pub(super) struct Beginning<'a> {
    /// The settings of the judge, or of the policy of a command that has no judge.
    pub(super) settings: &'a settings::Args,
    pub(super) input: &'a input::Args,
    pub(super) models: Setup<'a>,
}

/// What is open before the judges are.
pub(super) struct Begun {
    /// Where the records come from.
    pub(super) sources: Vec<Source>,
    pub(super) input: Input,
    pub(super) models: Models,
    /// Ends the requests in flight, once it says so.
    pub(super) stopping: watch::Sender<bool>,
}

impl Beginning<'_> {
    /// Names the settings, checks the files of `plan` and of the input, and opens the records up to the first, and the
    /// registry of models.
    ///
    /// # Errors
    /// No input is named or it cannot be read, a file is both read and written, or the cache cannot be opened.
    pub(super) async fn open(&self, resolved: &Resolved, plan: Plan) -> Result<Begun> {
        let quiet = self.models.quiet;
        if !quiet {
            self.settings.introduce(resolved)?;
        }
        let sources = self.input.sources(plan, quiet).await?;
        let input = self.input.open(sources.clone(), &resolved.fields());
        let (stopping, stops) = watch::channel(false);
        let models = Box::pin(self.models.models(&[resolved], stops)).await?;
        Ok(Begun { sources, input, models, stopping })
    }
}
