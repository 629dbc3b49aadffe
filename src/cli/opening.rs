//! Opening what settings describe: a judge with its model, or a jury with those of all members.

use super::{choose, fields};
use crate::{
    backend,
    config::{Models, Resolved},
    error::Result,
    item::Item,
    judge::Judge,
};

/// What judges are opened with, beside their own settings.
pub(super) struct Opening<'a> {
    /// The first record, by which prompts are chosen that nobody names.
    pub(super) first: Option<&'a Item>,
    pub(super) quiet: bool,
    /// What is the same for all models: the store of answers, the recording, the sign to stop.
    pub(super) options: backend::Options,
}

impl Opening<'_> {
    /// The judge of these settings, or the jury with all of its members.
    ///
    /// # Errors
    /// A model cannot be opened, settings contradict each other, or members cannot vote together.
    pub(super) async fn judge(&self, resolved: &Resolved) -> Result<Judge> {
        let mut models = Models::default();
        if !resolved.is_jury() {
            return self.one(resolved, &mut models).await;
        }
        let mut members = Vec::new();
        for member in &resolved.members {
            members.push(self.one(member, &mut models).await?);
        }
        resolved.panel(members).build().await
    }

    async fn one(&self, resolved: &Resolved, models: &mut Models) -> Result<Judge> {
        let backend = models.open(resolved, &self.options).await?;
        let prompt = choose::prompt(resolved, &*backend, self.first, self.quiet)?;
        let mut builder = resolved.builder()?.backend(backend).with_prompt(prompt);
        if let Ok(secret) = std::env::var("TRIBUNAL_SECRET") {
            builder = builder.secret(secret);
        }
        let judge = builder.build().await?;
        let seen = self.first.and_then(|item| judge.seen(item).ok());
        fields::check_names(resolved, &[judge.prompt()], seen.as_ref(), self.quiet)?;
        Ok(judge)
    }
}
