//! The loop of `tribunal revise` as flags describe it: policy, critic, limits of a record, accept rule.
//!
//! A preset sets several options at once; a flag wins over it, and without both the library's default is used. The
//! limits here are those of one record, and part of the method: they decide when a loop stops. The budget of
//! the whole run is in [`super::budget`] and ends the command.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    super::{choose, independence, manifest, settings},
    models::{Context, Opened, comparison, judge_of, with_prompt},
};
use tribunal::{
    Hint,
    backend::Backend,
    config::Resolved,
    environment::Environment,
    error::{Error, ErrorKind, Result},
    files::Plan,
    judge::{self, Judge},
    prompt::{self, PolicyTask, Prompt},
    report::Dependence,
    request::Sampling,
    run::ReviseWork,
    strategy::revise::{
        Accept, AcceptRule, FinalCheck, PRESETS, Preset, ReviseLimits, ReviseOptions, Writer,
    },
    units,
};

/// Flags of the loop: who writes, how long it goes on, and what it accepts.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Loop")]
pub(super) struct Args {
    /// Model that revises [default: the judge's].
    #[arg(long, value_name = "MODEL", env = "TRIBUNAL_POLICY")]
    policy: Option<String>,
    /// Address of the policy's API, up to /v1.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    policy_base_url: Option<String>,
    /// Maximum number of tokens in a draft.
    #[arg(long, value_name = "N", hide_short_help = true)]
    policy_max_tokens: Option<u32>,
    /// Sampling temperature of the policy.
    #[arg(long, value_name = "T", hide_short_help = true, value_parser = crate::cli::budget::not_negative)]
    policy_temperature: Option<f64>,
    /// Prompt that writes revisions [default: by model].
    #[arg(long, value_name = "NAME|FILE", hide_short_help = true)]
    revise_prompt: Option<String>,
    /// Prompt that writes missing first drafts [default: by model].
    #[arg(long, value_name = "NAME|FILE", hide_short_help = true)]
    draft_prompt: Option<String>,
    /// Published method, such as self-refine or reflexion (see help revise).
    #[arg(long, value_name = "NAME", value_parser = PRESETS.map(|preset| preset.name), hide_possible_values = true)]
    preset: Option<String>,
    /// Maximum number of revisions per record [default: 4].
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// Maximum number of model calls per record.
    #[arg(long, value_name = "N", hide_short_help = true)]
    calls: Option<u32>,
    /// Maximum number of tokens per record, read and written.
    #[arg(long, value_name = "N", hide_short_help = true)]
    tokens: Option<u64>,
    /// Maximum cost per record, where prices are known.
    #[arg(long, value_name = "AMOUNT", hide_short_help = true)]
    cost: Option<f64>,
    /// Maximum time per record, such as 90s or 5m.
    #[arg(long, value_name = "TIME", value_parser = units::duration, hide_short_help = true)]
    time: Option<Duration>,
    /// Accept drafts by: always, score, score+MARGIN or prefer [default: score].
    #[arg(long, value_name = "RULE")]
    accept: Option<String>,
    /// Rounds without improvement before stopping; 0 never stops [default: 3].
    #[arg(long, value_name = "N", hide_short_help = true)]
    patience: Option<u32>,
    /// Number of past critiques that the policy reads [default: 1].
    #[arg(long, value_name = "N", hide_short_help = true)]
    memory: Option<usize>,
    /// Keep the steps before the first error, and continue there.
    #[arg(long, hide_short_help = true)]
    keep_steps: bool,
    /// Prompt that writes critiques instead of the judge.
    #[arg(long, value_name = "NAME|FILE", hide_short_help = true)]
    critic: Option<String>,
    /// Principle for the critic; repeatable, one per round in turn.
    #[arg(long, value_name = "TEXT|@FILE", hide_short_help = true)]
    principle: Vec<String>,
    /// Judge of the result: fresh, none, JUDGE or MODEL [default: fresh].
    #[arg(long, value_name = "JUDGE")]
    final_judge: Option<String>,
}

/// The effective settings of the loop, for the run's manifest.
pub(super) fn parts(work: &ReviseWork) -> Value {
    let ReviseOptions { limits, accept, patience, memory, keep_steps, critic, principles, .. } =
        work.options();
    let named = manifest::of_writer;
    let comparison = match accept {
        Accept::Preferred(judge) if judge.members().count() == 1 => Some(named(judge)),
        _ => None,
    };
    let check = match &work.options().final_check {
        FinalCheck::None => json!("none"),
        FinalCheck::Fresh => json!("fresh"),
        FinalCheck::Judge(judge) => named(judge),
    };
    json!({
        "reviser": named(work.writer().reviser()),
        "drafter": work.writer().drafter().map(named),
        "critic": critic.as_ref().map(named),
        "comparison": comparison,
        "principles": principles,
        "accept": accept.rule().to_string(),
        "rounds": limits.rounds,
        "calls": limits.calls,
        "tokens": limits.tokens,
        "cost": limits.cost,
        "seconds": limits.time.map(|time| time.as_secs_f64()),
        "patience": patience,
        "memory": memory,
        "keep_steps": keep_steps,
        "final_judge": check,
    })
}

/// Every prompt of the loop that reads fields of records.
pub(super) fn prompts(work: &ReviseWork) -> Vec<&Prompt> {
    let writer = work.writer();
    let judges = [Some(work.judge()), Some(writer.reviser()), writer.drafter()];
    let all = judges.into_iter().chain([work.options().critic.as_ref()]).flatten();
    all.flat_map(|judge| judge.members().map(|(member, _)| &**member.prompt())).collect()
}

/// The warning about a policy that judges itself, or is judged by a model of its own family; `None` if another judge
/// decides in the end, or nothing tells that the two depend on each other.
pub(super) fn dependence(work: &ReviseWork) -> Option<String> {
    let policy = work.writer().reviser();
    if let FinalCheck::Judge(last) = &work.options().final_check
        && Dependence::between(last, policy).is_none()
    {
        return None;
    }
    independence::of_policy(work.judge(), policy, "--policy or --final-judge names another model")
}

/// Whether the limits of a record count tokens.
pub(super) fn counts_tokens(work: &ReviseWork) -> bool {
    let limits = &work.options().limits;
    limits.tokens.is_some() || limits.cost.is_some()
}

impl Args {
    /// The plan with all files that these flags name: none of them may be written.
    pub(super) fn reading(&self, plan: Plan) -> Plan {
        let principles = self.principle.iter().filter_map(|text| text.strip_prefix('@'));
        let plan = principles.fold(plan, |plan, path| plan.reads("read by `@`", path.as_ref()));
        let Self { policy, revise_prompt, draft_prompt, critic, final_judge, .. } = self;
        let names = [policy, revise_prompt, draft_prompt, critic, final_judge];
        settings::reading_named(plan, names.into_iter().flatten().map(String::as_str))
    }

    /// Opens the models, and builds the loop.
    ///
    /// # Errors
    /// A model cannot be opened, or settings contradict each other.
    pub(super) async fn open(
        &self,
        resolved: &mut Resolved,
        context: Context<'_>,
    ) -> Result<ReviseWork> {
        let preset = self.preset.as_deref().and_then(Preset::named);
        check_model(preset, resolved)?;
        let mut opened = context.open(resolved).await?;
        let judge = judge_of(resolved, &mut opened, &context).await?;
        let (policy, policy_backend) = self.policy(resolved, &opened, &context).await?;
        let writer = self.writer(&policy, &policy_backend).await?;
        let critic = self.critic.as_deref().or(preset.and_then(|preset| preset.critic));
        let critic = match critic {
            Some(name) => Some(with_prompt(&policy, &policy_backend, judge::load(name)?).await?),
            None => None,
        };
        let options = ReviseOptions {
            limits: self.limits(preset),
            accept: self.accept(preset, resolved, &opened).await?,
            patience: match self.patience {
                Some(0) => None,
                Some(rounds) => Some(rounds),
                None => preset.map_or(ReviseOptions::default().patience, |preset| preset.patience),
            },
            memory: self.memory.or(preset.map(|preset| preset.memory)).unwrap_or(1),
            keep_steps: self.keep_steps,
            principles: self.principles(critic.as_ref())?,
            critic,
            final_check: self.final_check(resolved, &context).await?,
            ..ReviseOptions::default()
        };
        ReviseWork::new(judge, writer, &options)
    }

    /// The limits of one record: flags over the preset over the default.
    fn limits(&self, preset: Option<&Preset>) -> ReviseLimits {
        let rounds = self.rounds.or(preset.map(|preset| preset.rounds));
        ReviseLimits {
            rounds: rounds.unwrap_or(ReviseLimits::default().rounds),
            calls: self.calls,
            tokens: self.tokens,
            cost: self.cost,
            time: self.time,
        }
    }

    /// The policy's settings and model: one of its own, or the judge's.
    async fn policy(
        &self,
        resolved: &Resolved,
        opened: &[Opened],
        context: &Context<'_>,
    ) -> Result<(Resolved, Arc<dyn Backend>)> {
        let Some(name) = self.policy.as_ref().or(resolved.settings.policy.as_ref()) else {
            let [Opened { resolved, backend }] = opened else {
                return Err(Error::new(
                    ErrorKind::Config,
                    "no model to revise with: the jury has several models",
                )
                .hint(Hint::from("name one: ").setting("policy", "openai/MODEL")));
            };
            let name = backend.name();
            if name.starts_with("check:") {
                let message = format!("no model to revise with: `{name}` only judges");
                return Err(Error::new(ErrorKind::Config, message)
                    .hint(Hint::from("name one: ").setting("policy", "openai/MODEL")));
            }
            return Ok((resolved.clone(), backend.clone()));
        };
        let policy = context.settings.model(name, self.policy_base_url.as_deref())?;
        let backend = context.model(&policy).await?;
        Ok((policy, backend))
    }

    /// The prompts that write drafts and revisions, on the policy's model.
    async fn writer(&self, policy: &Resolved, backend: &Arc<dyn Backend>) -> Result<Writer> {
        let names = choose::names(&**backend);
        let prompt = |named: Option<&String>, task| match named {
            Some(name) => judge::load(name),
            None => prompt::writer_for(&names, task),
        };
        let task = if self.keep_steps { PolicyTask::Continuation } else { PolicyTask::Revision };
        let reviser = prompt(self.revise_prompt.as_ref(), task)?;
        if self.keep_steps && !reviser.reads("kept") {
            let message =
                format!("--keep-steps: the prompt `{}` has no field `kept`", reviser.name());
            return Err(Error::new(ErrorKind::Config, message)
                .hint("remove --revise-prompt, or read the field `kept` in that prompt"));
        }
        let drafter = prompt(self.draft_prompt.as_ref(), PolicyTask::Draft)?;
        let mut sampling = Sampling::default();
        sampling.temperature = self.policy_temperature;
        sampling.max_tokens = self.policy_max_tokens;
        let build = |prompt: Arc<Prompt>| {
            let builder = Judge::builder().backend(backend.clone()).with_prompt(prompt);
            let builder = builder.sampling(sampling.clone());
            match policy.model.price {
                Some(price) => builder.price(price),
                None => builder,
            }
        };
        Writer::new(build(reviser).build().await?)?.drafting(build(drafter).build().await?)
    }

    /// The accept rule, with the judge that compares drafts where the rule needs one.
    async fn accept(
        &self,
        preset: Option<&Preset>,
        resolved: &Resolved,
        opened: &[Opened],
    ) -> Result<Accept> {
        let asked = self.accept.as_deref().map(str::parse).transpose()?;
        match asked.or(preset.map(|preset| preset.accept)).unwrap_or_default() {
            AcceptRule::Always => Ok(Accept::Always),
            AcceptRule::Better { margin } => Ok(Accept::Better { margin }),
            AcceptRule::Preferred => comparison(resolved, opened).await.map(Accept::Preferred),
        }
    }

    /// The texts of `--principle`, which only a critic that reads them can use.
    fn principles(&self, critic: Option<&Judge>) -> Result<Vec<String>> {
        let reads = critic.is_some_and(|critic| critic.prompt().reads("principle"));
        let environment = Environment::process();
        let texts = self.principle.iter().map(|text| environment.text_or_file("principle", text));
        let principles: Vec<String> = texts.collect::<Result<_>>()?;
        match (reads, principles.is_empty()) {
            (true, true) => Err(Error::new(ErrorKind::Config, "the critic needs principles")
                .hint("add --principle TEXT or --principle @FILE, once for each")),
            (false, false) => Err(Error::new(ErrorKind::Config, "no critic reads --principle")
                .hint("add --critic constitution, or --preset constitutional")),
            _ => Ok(principles),
        }
    }

    /// The judge of what is returned.
    async fn final_check(&self, resolved: &Resolved, context: &Context<'_>) -> Result<FinalCheck> {
        let name = match self.final_judge.as_deref() {
            None | Some("fresh") => return Ok(FinalCheck::Fresh),
            Some("none") => return Ok(FinalCheck::None),
            Some(name) => name,
        };
        let config = context.settings.config()?;
        let other = if config.judges().contains(&name) {
            let mut named = context.settings.judge(name)?;
            let mut opened = context.open(&named).await?;
            judge_of(&mut named, &mut opened, context).await?
        } else {
            let mut named = resolved.on_model_of(&context.settings.model(name, None)?);
            let mut opened = context.open(&named).await?;
            judge_of(&mut named, &mut opened, context).await?
        };
        Ok(FinalCheck::Judge(other))
    }
}

/// Checks that a preset which needs a check has one.
fn check_model(preset: Option<&Preset>, resolved: &Resolved) -> Result<()> {
    let Some((preset, wanted)) = preset.and_then(|preset| Some((preset, preset.model?))) else {
        return Ok(());
    };
    if resolved.model_name().starts_with(wanted) {
        return Ok(());
    }
    let message = format!("--preset {} needs a check as its judge", preset.name);
    Err(Error::new(ErrorKind::Config, message)
        .hint("name a check, and a model that writes: -m check:number --policy openai/MODEL"))
}
