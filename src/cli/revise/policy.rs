//! The loop as the command line describes it: judge, policy, critic, budgets.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    super::{choose, note, settings},
    duration,
};
use tribunal::{
    backend::{self, Backend},
    config::{Models, Resolved},
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::Item,
    judge::{self, Judge},
    parse::Kind,
    prompt::{self, Prompt, Writing},
    request::Sampling,
    run::ReviseWork,
    scale::Scale,
    strategy::revise::{
        Accept, AcceptRule, Budget, FinalCheck, PRESETS, Preset, ReviseOptions, Writer,
    },
};

/// Who writes, how far the loop goes, and what it accepts.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Loop")]
pub(super) struct Args {
    /// Revising model [default: `policy` of tribunal.toml, or the judge].
    #[arg(long, value_name = "MODEL", env = "TRIBUNAL_POLICY")]
    policy: Option<String>,
    /// Address of the policy's API, where tribunal.toml does not say it.
    #[arg(long, value_name = "URL", hide_short_help = true)]
    policy_base_url: Option<String>,
    /// Most tokens of a draft.
    #[arg(long, value_name = "N", hide_short_help = true)]
    policy_max_tokens: Option<u32>,
    /// Temperature of the policy.
    #[arg(long, value_name = "T", hide_short_help = true)]
    policy_temperature: Option<f64>,
    /// The prompt that revises [default: by model].
    #[arg(long, value_name = "NAME|FILE", hide_short_help = true)]
    revise_prompt: Option<String>,
    /// The prompt that writes first drafts, where records bring none [default: by model].
    #[arg(long, value_name = "NAME|FILE", hide_short_help = true)]
    draft_prompt: Option<String>,
    /// A published loop: self-refine, reflexion, constitutional, refine-n-judge, jetts, critic.
    #[arg(long, value_name = "NAME", value_parser = PRESETS.map(|preset| preset.name), hide_possible_values = true)]
    preset: Option<String>,
    /// Most revisions of a record [default: 4].
    #[arg(long, value_name = "N")]
    rounds: Option<u32>,
    /// Most calls of models for a record.
    #[arg(long, value_name = "N", hide_short_help = true)]
    calls: Option<u32>,
    /// Most tokens for a record, read and written.
    #[arg(long, value_name = "N", hide_short_help = true)]
    tokens: Option<u64>,
    /// Most money for a record, where prices are known.
    #[arg(long, value_name = "AMOUNT", hide_short_help = true)]
    cost: Option<f64>,
    /// Most time for a record, such as 90s or 5m.
    #[arg(long, value_name = "TIME", value_parser = duration, hide_short_help = true)]
    time: Option<Duration>,
    /// Which drafts are accepted: always, score, score+MARGIN, prefer [default: score].
    #[arg(long, value_name = "RULE")]
    accept: Option<String>,
    /// Rounds without a gain that end the loop; 0 spends the budget [default: 3].
    #[arg(long, value_name = "N", hide_short_help = true)]
    patience: Option<u32>,
    /// How many critiques the policy sees [default: 1].
    #[arg(long, value_name = "N", hide_short_help = true)]
    memory: Option<usize>,
    /// Keep the steps before the first error, and write on from there.
    #[arg(long, hide_short_help = true)]
    keep_steps: bool,
    /// A prompt that writes the critiques, in the place of the judge's own.
    #[arg(long, value_name = "NAME|FILE", hide_short_help = true)]
    critic: Option<String>,
    /// A principle for the critic, one per round in turn.
    #[arg(long, value_name = "TEXT|@FILE", hide_short_help = true)]
    principle: Vec<String>,
    /// Judges what is returned: fresh, none, a judge of tribunal.toml, or a model [default: fresh].
    #[arg(long, value_name = "JUDGE")]
    final_judge: Option<String>,
}

/// What a loop is opened in.
pub(super) struct Surroundings<'a> {
    pub(super) settings: &'a settings::Args,
    pub(super) first: Option<&'a Item>,
    pub(super) quiet: bool,
    /// Says when the run is to stop.
    pub(super) stops: watch::Receiver<bool>,
    #[cfg(feature = "store")]
    pub(super) cache: Option<backend::cache::Cache>,
}

/// What the loop is, for the file that says what the run was.
pub(super) fn manifest(work: &ReviseWork) -> Value {
    let ReviseOptions { budget, accept, patience, memory, keep_steps, critic, principles, .. } =
        work.options();
    let named = |judge: &Judge| {
        let (prompt, backend) = (judge.prompt(), judge.backend());
        json!({
            "prompt": {"name": prompt.name(), "hash": judge.prompt_hash(), "source": prompt.source()},
            "model": {"name": backend.name(), "identity": backend.identity()},
        })
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
        "principles": principles,
        "accept": accept.rule().to_string(),
        "rounds": budget.rounds,
        "calls": budget.calls,
        "tokens": budget.tokens,
        "cost": budget.cost,
        "seconds": budget.time.map(|time| time.as_secs_f64()),
        "patience": patience,
        "memory": memory,
        "keep_steps": keep_steps,
        "final_judge": check,
    })
}

/// Every prompt that reads fields of records.
pub(super) fn prompts(work: &ReviseWork) -> Vec<&Prompt> {
    let writer = work.writer();
    let judges = [Some(work.judge()), Some(writer.reviser()), writer.drafter()];
    let all = judges.into_iter().chain([work.options().critic.as_ref()]).flatten();
    all.flat_map(|judge| judge.members().map(|(member, _)| &**member.prompt())).collect()
}

/// Whether a budget counts tokens.
pub(super) fn counts_tokens(work: &ReviseWork) -> bool {
    let budget = &work.options().budget;
    budget.tokens.is_some() || budget.cost.is_some()
}

impl Args {
    /// The plan with all files that the loop is made of: none of them may be written.
    pub(super) fn reading(&self, plan: Plan) -> Plan {
        let principles = self.principle.iter().filter_map(|text| text.strip_prefix('@'));
        let plan = principles.fold(plan, |plan, path| plan.reads("read by `@`", path.as_ref()));
        let Self { policy, revise_prompt, draft_prompt, critic, final_judge, .. } = self;
        let names = [policy, revise_prompt, draft_prompt, critic, final_judge];
        settings::reading_named(plan, names.into_iter().flatten().map(String::as_str))
    }

    /// Opens the models, and puts the loop together.
    ///
    /// # Errors
    /// A model cannot be opened, or settings contradict each other.
    pub(super) async fn open(
        &self,
        resolved: &mut Resolved,
        around: Surroundings<'_>,
    ) -> Result<ReviseWork> {
        let preset = self.preset.as_deref().and_then(Preset::named);
        check_model(preset, resolved)?;
        let mut seats = around.seats(resolved).await?;
        let judge = judge_of(resolved, &mut seats, &around).await?;
        let (policy, policy_backend) = self.policy(resolved, &seats, &around).await?;
        let writer = self.writer(&policy, &policy_backend).await?;
        let critic = self.critic.as_deref().or(preset.and_then(|preset| preset.critic));
        let critic = match critic {
            Some(name) => Some(speaking(&policy, &policy_backend, judge::load(name)?).await?),
            None => None,
        };
        let options = ReviseOptions {
            budget: self.budget(preset),
            accept: self.accept(preset, &seats).await?,
            patience: match self.patience {
                Some(0) => None,
                Some(rounds) => Some(rounds),
                None => preset.map_or(ReviseOptions::default().patience, |preset| preset.patience),
            },
            memory: self.memory.or(preset.map(|preset| preset.memory)).unwrap_or(1),
            keep_steps: self.keep_steps,
            principles: self.principles(critic.as_ref())?,
            critic,
            final_check: self.final_check(resolved, &around).await?,
            ..ReviseOptions::default()
        };
        ReviseWork::new(judge, writer, &options)
    }

    fn budget(&self, preset: Option<&Preset>) -> Budget {
        let rounds = self.rounds.or(preset.map(|preset| preset.rounds));
        Budget {
            rounds: rounds.unwrap_or(Budget::default().rounds),
            calls: self.calls,
            tokens: self.tokens,
            cost: self.cost,
            time: self.time,
        }
    }

    /// The policy's model: that of the judge, or one of its own.
    async fn policy(
        &self,
        resolved: &Resolved,
        seats: &[Seat],
        around: &Surroundings<'_>,
    ) -> Result<(Resolved, Arc<dyn Backend>)> {
        let Some(name) = self.policy.as_ref().or(resolved.settings.policy.as_ref()) else {
            let [Seat { resolved, backend }] = seats else {
                return Err(Error::new(ErrorKind::Config, "a jury judges, and none of its models is the one that revises")
                    .hint("name the model that revises: --policy openai/MODEL, or `policy` in the jury's table"));
            };
            let name = backend.name();
            if name.starts_with("check:") {
                let message = format!("`{name}` judges, and writes nothing");
                return Err(Error::new(ErrorKind::Config, message)
                    .hint("name the model that revises: --policy openai/MODEL"));
            }
            return Ok((resolved.clone(), backend.clone()));
        };
        let policy = around.settings.model(name, self.policy_base_url.as_deref())?;
        let backend = around.open(&policy).await?;
        Ok((policy, backend))
    }

    async fn writer(&self, policy: &Resolved, backend: &Arc<dyn Backend>) -> Result<Writer> {
        let names = names(&**backend);
        let prompt = |named: Option<&String>, writing| match named {
            Some(name) => judge::load(name),
            None => prompt::writer_for(&names, writing),
        };
        let writing = if self.keep_steps { Writing::Rest } else { Writing::Revision };
        let reviser = prompt(self.revise_prompt.as_ref(), writing)?;
        if self.keep_steps && !reviser.reads("kept") {
            let message = format!("`{}` does not read the steps that are `kept`", reviser.name());
            return Err(Error::new(ErrorKind::Config, message)
                .hint("leave --revise-prompt out, or declare a field `kept` in it"));
        }
        let drafter = prompt(self.draft_prompt.as_ref(), Writing::Draft)?;
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

    async fn accept(&self, preset: Option<&Preset>, seats: &[Seat]) -> Result<Accept> {
        let asked = self.accept.as_deref().map(str::parse).transpose()?;
        match asked.or(preset.map(|preset| preset.accept)).unwrap_or_default() {
            AcceptRule::Always => Ok(Accept::Always),
            AcceptRule::Better { margin } => Ok(Accept::Better { margin }),
            AcceptRule::Preferred => comparing(seats).await.map(Accept::Preferred),
        }
    }

    fn principles(&self, critic: Option<&Judge>) -> Result<Vec<String>> {
        let reads = critic.is_some_and(|critic| critic.prompt().reads("principle"));
        let texts = self.principle.iter().map(|text| tribunal::config::text_or_file(text));
        let principles: Vec<String> = texts.collect::<Result<_>>()?;
        match (reads, principles.is_empty()) {
            (true, true) => Err(Error::new(ErrorKind::Config, "the critic needs principles")
                .hint("add --principle TEXT, or --principle @FILE, once for each of them")),
            (false, false) => Err(Error::new(ErrorKind::Config, "no critic reads the principles")
                .hint("add --critic constitution, or --preset constitutional")),
            _ => Ok(principles),
        }
    }

    async fn final_check(
        &self,
        resolved: &Resolved,
        around: &Surroundings<'_>,
    ) -> Result<FinalCheck> {
        let name = match self.final_judge.as_deref() {
            None | Some("fresh") => return Ok(FinalCheck::Fresh),
            Some("none") => return Ok(FinalCheck::None),
            Some(name) => name,
        };
        let config = around.settings.config()?;
        let other = if config.judges().contains(&name) {
            let mut named = around.settings.judge(name)?;
            let mut seats = around.seats(&named).await?;
            judge_of(&mut named, &mut seats, around).await?
        } else {
            let mut named = around.settings.model(name, None)?;
            let model = named.settings.model.take();
            named.settings = tribunal::config::Settings { model, ..resolved.settings.clone() };
            let mut seats = around.seats(&named).await?;
            judge_of(&mut named, &mut seats, around).await?
        };
        Ok(FinalCheck::Judge(other))
    }
}

/// A judge, or one member of a jury, with its model.
struct Seat {
    resolved: Resolved,
    backend: Arc<dyn Backend>,
}

impl Surroundings<'_> {
    /// What is the same for all models: the answers that were paid for before stand in front of them.
    fn options(&self) -> backend::Options {
        backend::Options {
            #[cfg(feature = "store")]
            cache: self.cache.clone(),
            stopping: Some(self.stops.clone()),
            ..backend::Options::default()
        }
    }

    /// Opens a model.
    async fn open(&self, resolved: &Resolved) -> Result<Arc<dyn Backend>> {
        Models::default().open(resolved, &self.options()).await
    }

    /// Opens the model of a judge, or those of a jury.
    async fn seats(&self, resolved: &Resolved) -> Result<Vec<Seat>> {
        let mut models = Models::default();
        let mut seats = Vec::new();
        let single = std::iter::once(resolved).filter(|one| !one.is_jury());
        for one in single.chain(&resolved.members) {
            let backend = models.open(one, &self.options()).await?;
            seats.push(Seat { resolved: one.clone(), backend });
        }
        Ok(seats)
    }
}

/// The names by which prompts may know a model.
fn names(backend: &dyn Backend) -> Vec<String> {
    let mut names = backend.aliases();
    names.push(backend.name().to_owned());
    names
}

/// A judge with another prompt, on the same model.
async fn speaking(
    resolved: &Resolved,
    backend: &Arc<dyn Backend>,
    prompt: Arc<Prompt>,
) -> Result<Judge> {
    let builder = Judge::builder().backend(backend.clone()).with_prompt(prompt);
    let builder = match resolved.model.price {
        Some(price) => builder.price(price),
        None => builder,
    };
    builder.build().await
}

/// The record with a draft, which the loop asks for where it has none: prompts are chosen by what the
/// judge will see.
fn drafted(item: &Item) -> Item {
    let judged = !item.candidates().is_empty() || !item.steps().is_empty();
    if judged || item.text("messages").is_some() {
        return item.clone();
    }
    item.clone().filled("answer", "a draft")
}

/// A judge that compares two answers, on the models of the loop's judge.
async fn comparing(seats: &[Seat]) -> Result<Judge> {
    let pair = Item::new().question("").answers(["", ""]);
    let mut judges = Vec::new();
    for Seat { resolved, backend } in seats {
        let prompt = prompt::default_for(&names(&**backend), &pair, prompt::Wish::Any)?;
        let judge = speaking(resolved, backend, prompt).await?;
        judges.push((resolved.name.clone().unwrap_or_default(), judge));
    }
    match judges.as_slice() {
        [(_, only)] => Ok(only.clone()),
        _ => Judge::panel(judges).build().await,
    }
}

/// The judge of a loop, or the jury. What passes is said by a rule: by the user's, by the prompt's, else by
/// the strict one that goes with the kind of verdict.
async fn judge_of(
    resolved: &mut Resolved,
    seats: &mut [Seat],
    around: &Surroundings<'_>,
) -> Result<Judge> {
    let mut judges = Vec::new();
    for seat in seats.iter_mut() {
        let own = &mut seat.resolved.settings.pass;
        // Where the jury has a rule, those of its members decide nothing.
        *own = own.take().or_else(|| resolved.settings.pass.clone());
        judges.push(seated(seat, around).await?);
    }
    if resolved.is_jury() {
        resolved.members = seats.iter().map(|seat| seat.resolved.clone()).collect();
        let jury = resolved.panel(judges).build().await?;
        return if jury.pass().is_some() { Ok(jury) } else { Err(without_rule(resolved)) };
    }
    if let Some(seat) = seats.first() {
        resolved.settings.pass.clone_from(&seat.resolved.settings.pass);
    }
    let config = || Error::new(ErrorKind::Config, "there is no judge");
    judges.into_iter().next().ok_or_else(config)
}

fn without_rule(resolved: &Resolved) -> Error {
    let name = resolved.name.as_deref().unwrap_or_default();
    let message = format!("the members of `{name}` have unlike pass rules, and the jury has none");
    Error::new(ErrorKind::Config, message)
        .hint("say what passes: --pass 'score >= 8', or `pass` in the jury's table")
}

/// The judge of one seat, with a rule for passing.
async fn seated(seat: &mut Seat, around: &Surroundings<'_>) -> Result<Judge> {
    let Seat { resolved, backend } = seat;
    let backend = &*backend;
    let first = around.first.map(drafted);
    let own = || {
        let free = resolved.settings.prompt.is_none() && resolved.wish() == prompt::Wish::Any;
        let names = free.then(|| names(&**backend))?;
        let seen = resolved.fields().ok()?.apply(first.as_ref()?).ok()?;
        prompt::own_for(&names, Kind::Steps, &seen)
    };
    let prompt = match own() {
        Some(prompt) => prompt,
        None => choose::prompt(resolved, &**backend, first.as_ref(), around.quiet)?,
    };
    if resolved.settings.pass.is_none() && prompt.front().pass.is_none() {
        resolved.settings.pass = default_rule(resolved, &prompt)?;
        if let (Some(rule), false) = (&resolved.settings.pass, around.quiet) {
            note(&format!("no pass rule: `{rule}` is taken; --pass takes another"));
        }
    }
    let mut builder = resolved.builder()?.backend(backend.clone()).with_prompt(prompt);
    if let Ok(secret) = std::env::var("TRIBUNAL_SECRET") {
        builder = builder.secret(secret);
    }
    builder.build().await
}

/// No wrong step, or four fifths of the scale.
fn default_rule(resolved: &Resolved, prompt: &Prompt) -> Result<Option<String>> {
    let front = prompt.front();
    Ok(match front.kind {
        Kind::Steps => Some("first_error = -1".into()),
        Kind::Score => {
            let scale = resolved.settings.scale.as_deref().map(str::parse::<Scale>).transpose()?;
            let ends = scale.as_ref().or(front.scale.as_ref()).and_then(Scale::ends);
            ends.map(|(low, high)| {
                format!("score >= {}", (low + 0.8 * (high - low)).ceil().min(high))
            })
        }
        _ => None,
    })
}

fn check_model(preset: Option<&Preset>, resolved: &Resolved) -> Result<()> {
    let Some((preset, wanted)) = preset.and_then(|preset| Some((preset, preset.model?))) else {
        return Ok(());
    };
    if resolved.model_name().starts_with(wanted) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Config, format!("in `{}` a check judges", preset.name))
        .hint("name one, and the model that writes: -m check:number --policy MODEL"))
}
