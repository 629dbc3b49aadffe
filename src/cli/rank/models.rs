//! The models of a ranking: the judge, the policy that writes candidates, and the check of the truth.

use serde_json::{Value, json};

use super::super::{budget, choose, manifest, opening::Opening, settings};
use tribunal::{
    backend::BudgetLimits,
    config::Resolved,
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::Item,
    judge::{self, Judge},
    models::Models,
    parse::Kind,
    prompt::{self, PolicyTask},
    request::Sampling,
    strategy::best_of::{RankOptions, Ranker},
};

/// Flags of the candidates: who writes them, and what they are compared with.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Candidates")]
pub(super) struct Args {
    /// Number of answers that a model writes [default: 8].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    candidates: Option<u32>,
    /// Model that writes answers [default: the judge's].
    #[arg(long, value_name = "MODEL")]
    policy: Option<String>,
    /// Address of the policy's API, up to /v1.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    policy_base_url: Option<String>,
    /// Maximum number of tokens in an answer.
    #[arg(long, value_name = "N", hide_short_help = true)]
    policy_max_tokens: Option<u32>,
    /// Sampling temperature of the policy [default: 1].
    #[arg(long, value_name = "T", hide_short_help = true, value_parser = crate::cli::budget::not_negative)]
    policy_temperature: Option<f64>,
    /// Prompt that writes answers [default: by model].
    #[arg(long, value_name = "NAME|FILE", hide_short_help = true)]
    draft_prompt: Option<String>,
    /// Check or judge of the truth [default: check:math].
    #[arg(long, value_name = "JUDGE|MODEL")]
    check: Option<String>,
}

/// What all models of a ranking are opened with.
pub(super) struct Context<'a> {
    /// The judge's settings, and the file that other judges and models are found in.
    pub(super) settings: &'a settings::Args,
    /// The first record, by which prompts are chosen.
    pub(super) first: Option<&'a Item>,
    /// Whether the choice of a prompt is not printed.
    pub(super) quiet: bool,
    /// Opens the models, each once.
    pub(super) models: Models,
    /// What the run may spend.
    pub(super) limits: BudgetLimits,
}

/// What a manifest says about a ranking: its judge, its policy and its check, as far as there are any.
pub(super) fn parts(ranker: &Ranker, resolved: &Resolved) -> Value {
    let settings = || json!({"judge": {"settings": resolved.settings}});
    let judge = ranker.judge().map(|judge| manifest::of_judge(judge, resolved));
    let mut parts = judge.unwrap_or_else(settings);
    parts["policy"] = ranker.policy().map(manifest::of_writer).into();
    parts["check"] = ranker.check().map(manifest::of_writer).into();
    parts
}

/// How many answers a policy writes if no number is set.
const CANDIDATES: u32 = 8;

impl Args {
    /// The plan with all files that these flags name: none of them may be written.
    pub(super) fn reading(&self, plan: Plan) -> Plan {
        let names = [&self.policy, &self.draft_prompt, &self.check];
        settings::reading_named(plan, names.into_iter().flatten().map(String::as_str))
    }

    /// Whether a policy writes the candidates.
    fn writes(&self) -> bool {
        self.candidates.is_some() || self.policy.is_some()
    }

    /// Opens the models, and builds the ranker.
    ///
    /// # Errors
    /// A model cannot be opened, or settings contradict each other.
    pub(super) async fn open(
        &self,
        resolved: &Resolved,
        options: RankOptions,
        context: &Context<'_>,
    ) -> Result<Ranker> {
        self.check_flags()?;
        let judge = if options.asks_judge() {
            Some(self.judge(resolved, options, context).await?)
        } else {
            None
        };
        let ranker = Ranker::new(judge, options)?.checked(self.check(context).await?)?;
        if !self.writes() {
            return Ok(ranker);
        }
        ranker.writing(self.policy(resolved, context).await?)
    }

    /// Checks that flags of the policy come with a policy.
    ///
    /// # Errors
    /// They do not.
    fn check_flags(&self) -> Result<()> {
        let idle = [
            ("--policy-base-url", self.policy_base_url.is_some()),
            ("--policy-max-tokens", self.policy_max_tokens.is_some()),
            ("--policy-temperature", self.policy_temperature.is_some()),
            ("--draft-prompt", self.draft_prompt.is_some()),
        ];
        match idle.into_iter().find(|(_, is_set)| *is_set && !self.writes()) {
            Some((flag, _)) => {
                let message = format!("{flag} needs a model that writes answers");
                Err(Error::new(ErrorKind::Config, message)
                    .hint("add --candidates N, or --policy MODEL"))
            }
            None => Ok(()),
        }
    }

    /// The judge of the candidates. Where no prompt is named, one for a single answer is chosen, or one that compares two
    /// if pairs are to be compared.
    async fn judge(
        &self,
        resolved: &Resolved,
        options: RankOptions,
        context: &Context<'_>,
    ) -> Result<Judge> {
        let named = resolved.members.first().unwrap_or(resolved).prompt();
        let kind = named.map(|prompt| prompt.front().verdict_kind());
        let first = context.first.map(|item| {
            let item = if self.writes() {
                item.clone().filled("answers", vec!["An answer.", "Another answer."])
            } else {
                item.clone()
            };
            match kind {
                Some(Kind::Preference) => item.picked(&[0, 1]),
                Some(Kind::Ranking | Kind::Scores) => item,
                None if options.pairing.is_some() => item.picked(&[0, 1]),
                _ => item.alone(0),
            }
        });
        let Context { quiet, models, limits, .. } = context;
        let opening = Opening {
            first: first.as_ref(),
            quiet: *quiet,
            models: models.clone(),
            limits: *limits,
        };
        opening.judge(resolved).await
    }

    /// The policy: a model of its own, or the judge's.
    async fn policy(&self, resolved: &Resolved, context: &Context<'_>) -> Result<Judge> {
        let own = match &self.policy {
            Some(name) => context.settings.model(name, self.policy_base_url.as_deref())?,
            None => resolved.clone(),
        };
        if own.is_jury() || own.model_name().starts_with("check:") {
            let message = "no model to write answers with: the judge only judges";
            return Err(
                Error::new(ErrorKind::Config, message).hint("name one: --policy openai/MODEL")
            );
        }
        let backend = context.models.open(own.model_spec()).await?;
        budget::check_price(&context.limits, &own, &*backend)?;
        let prompt = match &self.draft_prompt {
            Some(name) => judge::load(name)?,
            None => prompt::writer_for(&choose::names(&*backend), PolicyTask::Draft)?,
        };
        let mut sampling = Sampling::default();
        sampling.temperature = self.policy_temperature;
        sampling.max_tokens = self.policy_max_tokens;
        let builder = Judge::builder().backend(backend).with_prompt(prompt).sampling(sampling);
        let builder =
            builder.fields(resolved.fields()).draws(self.candidates.unwrap_or(CANDIDATES));
        let builder = match own.model.price {
            Some(price) => builder.price(price),
            None => builder,
        };
        builder.build().await
    }

    /// The check of the truth: a judge of the configuration, or a model.
    async fn check(&self, context: &Context<'_>) -> Result<Judge> {
        let name = self.check.as_deref().unwrap_or("check:math");
        let settings = context.settings;
        let resolved = if settings.config()?.judges().contains(&name) {
            settings.judge(name)?
        } else {
            settings.model(name, None)?
        };
        // Records without a reference are ranked too, so the first one need not have one.
        let first = context.first.map(|item| {
            let reference = item.text("reference").unwrap_or_else(|| "a reference".into());
            item.alone(0).revised("an answer").filled("reference", reference)
        });
        let (models, limits) = (context.models.clone(), context.limits);
        let opening = Opening { first: first.as_ref(), quiet: true, models, limits };
        opening.judge(&resolved).await
    }
}
