//! The policy of `tribunal search`: its model, and its prompts for a step and for the rest of a solution.

use std::sync::Arc;

use super::super::{budget, choose, settings};
use tribunal::{
    backend::BudgetLimits,
    config::Resolved,
    error::{Error, ErrorKind, Result},
    judge::{self, Judge},
    models::Models,
    prompt::{self, PolicyTask, Prompt},
    request::Sampling,
};

/// Flags of the policy.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Policy")]
pub(super) struct Args {
    /// Model that writes steps [default: the judge's].
    #[arg(long, value_name = "MODEL", env = "TRIBUNAL_POLICY")]
    policy: Option<String>,
    /// Address of the policy's API, up to /v1.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    policy_base_url: Option<String>,
    /// Maximum number of tokens in a step.
    #[arg(long, value_name = "N", hide_short_help = true)]
    policy_max_tokens: Option<u32>,
    /// Sampling temperature of the policy [default: by prompt].
    #[arg(long, value_name = "T", value_parser = crate::cli::budget::not_negative)]
    policy_temperature: Option<f64>,
    /// Prompt that writes one step [default: by model].
    #[arg(long, value_name = "NAME|FILE", hide_short_help = true)]
    policy_prompt: Option<String>,
    /// Prompt that writes solutions to their end [default: by model].
    #[arg(long, value_name = "NAME|FILE", hide_short_help = true)]
    finish_prompt: Option<String>,
}

/// The policy with both of its prompts.
pub(super) struct Policy {
    /// Writes one step.
    pub(super) step: Judge,
    /// Writes the rest of a solution.
    pub(super) rest: Judge,
}

impl Args {
    /// The models and prompts that may be files.
    pub(super) fn files(&self) -> impl Iterator<Item = &String> {
        self.policy.iter().chain(&self.policy_prompt).chain(&self.finish_prompt)
    }

    /// Opens the policy.
    ///
    /// # Errors
    /// Its model cannot be opened, or a prompt is wrong.
    pub(super) async fn open(
        &self,
        judge: &Resolved,
        settings: &settings::Args,
        models: &Models,
        limits: BudgetLimits,
    ) -> Result<Policy> {
        let resolved = match self.policy.as_ref().or(judge.settings.policy.as_ref()) {
            Some(name) => settings.model(name, self.policy_base_url.as_deref())?,
            None if judge.is_jury() || judge.model_name().starts_with("check:") => {
                let message = "no model to write steps with: the judge has none, or several";
                return Err(Error::new(ErrorKind::Config, message).hint("name one: --policy MODEL"));
            }
            None => judge.clone(),
        };
        let backend = models.open(resolved.model_spec()).await?;
        budget::check_price(&limits, &resolved, &*backend)?;
        let names = choose::names(&*backend);
        let prompt = |named: Option<&String>, task| match named {
            Some(name) => judge::load(name),
            None => prompt::writer_for(&names, task),
        };
        let mut sampling = Sampling::default();
        sampling.temperature = self.policy_temperature;
        sampling.max_tokens = self.policy_max_tokens;
        let build = |prompt: Arc<Prompt>| {
            let builder = Judge::builder().backend(backend.clone()).with_prompt(prompt);
            let builder = builder.sampling(sampling.clone()).fields(judge.fields());
            match resolved.model.price {
                Some(price) => builder.price(price),
                None => builder,
            }
        };
        let step = build(prompt(self.policy_prompt.as_ref(), PolicyTask::Step)?).build().await?;
        let rest = build(prompt(self.finish_prompt.as_ref(), PolicyTask::Completion)?);
        Ok(Policy { step, rest: rest.build().await? })
    }
}
