//! `tribunal revise`

mod policy;
mod results;
mod rounds;

use std::{sync::Arc, time::Duration};

use self::{
    policy::Loops,
    results::{Results, Revised},
};
use super::{
    GRACE, Outcome, choose, fields, input,
    judge::note_kept,
    manifest, note,
    progress::Progress,
    settings::{self, Sources},
    signals,
};
use crate::{
    error::{Error, Result},
    files::Plan,
    records::{Ids, Record},
    report::Revisions,
    run,
    strategy::revise::Outcome as Ended,
};

/// Revise answers until a judge passes them, and print a line for each.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = METHODS)]
pub(super) struct Args {
    #[command(flatten)]
    input: input::Args,
    #[command(flatten)]
    judge: settings::Args,
    #[command(flatten)]
    policy: policy::Args,
    #[command(flatten)]
    results: results::Args,
    #[cfg(feature = "store")]
    #[command(flatten)]
    cache: super::cache::Paid,
}

const EXAMPLES: &str = "\
Examples:
  tribunal revise draft.md --criteria @brief.md --pass 'score >= 8' -m judge.gguf -o final.md
  tribunal revise answers.jsonl -m openai/gpt-5-mini --policy openai/gpt-5 --final-judge strict
  tribunal revise answers.csv -m check:number --policy openai/gpt-5-mini --preset critic
More options, presets and outcomes: tribunal help revise";

const METHODS: &str = "\
Each record is judged; while the pass rule does not hold, the policy is told what was said and writes a \
better answer, which is judged in turn. The best draft that was accepted is returned, and judged once \
more by a fresh draw or by --final-judge.

Outcomes: passed, exhausted (the budget is spent), stalled (nothing gets better), oscillating (a draft \
came back), judge-unreadable, failed. Remembered answers count in budgets as if they had been paid for, \
so that a rerun ends where the first run did.

Presets set --rounds, --accept, --patience, --memory and --critic; what is given beside them wins:
  self-refine     Madaan et al. 2023: feedback on every draft, all accepted, all remembered
  reflexion       Shinn et al. 2023: a reflection on every failure, the last three remembered
  constitutional  Bai et al. 2022: critiques by one --principle after the other
  refine-n-judge  2025: a draft must be preferred in both orders; the first rejection is the end
  jetts           Zhou et al. 2025: nine refinements, the best of all versions
  critic          Gou et al. 2023: a check without a model decides, such as -m check:number

Exit codes: 0 all passed; 1 something did not; 2 usage or configuration; 3 something could not be done, \
and what was done is kept.";

pub(super) async fn run(args: Args, sources: &Sources) -> Result<Outcome> {
    let mut resolved = args.judge.resolve(sources)?;
    if !args.results.quiet {
        args.judge.introduce(&resolved)?;
    }
    let touched = args.policy.reading(args.judge.reading(Plan::default(), &resolved));
    let files = args.input.sources(args.results.writing(touched), args.results.quiet)?;
    let total = args.input.count(&files);
    let plain = args.results.plain_file(&files)?;
    let mut records = args.input.read(files);
    let first = choose::first_item(&mut records, &resolved.fields()?);
    #[cfg(feature = "store")]
    let cache = args.cache.open()?;
    let (stopping, stops) = tokio::sync::watch::channel(false);
    let loops = args
        .policy
        .open(
            &mut resolved,
            policy::Surroundings {
                settings: &args.judge,
                first: first.as_ref(),
                quiet: args.results.quiet,
                stops,
                #[cfg(feature = "store")]
                cache,
            },
        )
        .await?;
    let seen = first.as_ref().and_then(|item| loops.judge.seen(item).ok());
    fields::check_names(&resolved, &loops.prompts(), seen.as_ref(), args.results.quiet)?;
    if let (Some(seen), false) = (&seen, args.results.quiet) {
        fields::say(loops.judge.prompt(), seen, loops.judge.field_map());
    }
    let loops = Arc::new(loops);
    let options = run::Options {
        concurrency: resolved.model.concurrency.map_or(loops.judge.concurrency(), usize::from),
        stop: signals::listen(stopping),
        grace: GRACE,
        labels: settings::labels(&resolved),
    };
    let shows = args.results.shows_rounds();
    let progress = Progress::new(total, args.results.quiet || shows.is_some());
    let manifest = args.results.manifest(plain.as_ref());
    let mut work = Revising {
        results: args.results.open(plain, progress)?,
        shows,
        ids: Ids::default(),
        summary: Revisions { priced: loops.priced(), ..Revisions::default() },
        loops,
        unheld: false,
    };
    if let Some(path) = manifest {
        let loops = &work.loops;
        manifest::write(&path, &loops.judge, &resolved, &args.input.files, Some(loops.manifest()))?;
    }
    let started = std::time::Instant::now();
    let stopped = run::each(records, options, &mut work).await?;
    let Revising { results, mut summary, .. } = work;
    summary.stopped = stopped;
    summary.total = total.and_then(|total| usize::try_from(total).ok());
    summary.time = started.elapsed();
    results.finish(&summary)?;
    if !args.results.quiet {
        note(&summary.to_string());
    }
    note_kept(summary.kept_failed, summary.kept_unreadable);
    Ok(if stopped { Outcome::Interrupted } else { gate(&resolved, &summary) })
}

/// Everything must pass, or the share that was asked for.
fn gate(resolved: &crate::config::Resolved, summary: &Revisions) -> Outcome {
    let least = resolved.settings.fail_under.unwrap_or(1.0);
    let most = resolved.settings.max_unreadable.unwrap_or(1.0);
    match summary.ended(Ended::Failed) {
        1.. => Outcome::Incomplete,
        0 if summary.pass_rate() < least => Outcome::GateFailed,
        0 if summary.share(Ended::JudgeUnreadable) > most => Outcome::GateFailed,
        0 => Outcome::Done,
    }
}

/// Revising as work.
struct Revising {
    loops: Arc<Loops>,
    results: Results,
    shows: Option<rounds::Style>,
    ids: Ids,
    summary: Revisions,
    /// Whether a budget of tokens or money was reported as one that cannot be held.
    unheld: bool,
}

impl Revising {
    /// Says once that tokens which no server reports are in no budget.
    fn mind(&mut self, revised: &Revised) {
        let Some(Ok(revision)) = &revised.outcome else { return };
        let usage = [revision.spent.usage, revision.spent.saved];
        let unknown = usage.iter().any(|usage| !usage.is_known());
        if unknown && !self.unheld && self.loops.counts_tokens() {
            self.unheld = true;
            note(
                "warning: a server does not report its tokens: --tokens and --cost cannot be held",
            );
            note("hint: --calls and --rounds can");
        }
    }
}

impl run::Work for Revising {
    type Done = Revised;

    fn begin(&mut self, record: Record) -> impl Future<Output = Revised> + Send + 'static {
        let record = run::seen(&self.loops.judge, &mut self.ids, record);
        let key = self.loops.key(&record);
        let known = self.results.known(&record, &key);
        let (loops, shows) = (self.loops.clone(), self.shows);
        async move {
            let Record { index, place, item } = record;
            let outcome = match (&item, known) {
                (_, true) => None,
                (Err(error), false) => Some(Err(error.clone())),
                (Ok(item), false) => {
                    let options = loops.options_for(item, index, shows);
                    let revised = loops.writer.revise(&loops.judge, item, &options).await;
                    Some(revised.map_err(|error| error.within(&place)))
                }
            };
            Revised { index, place, item: item.ok(), key, outcome }
        }
    }

    fn end(&mut self, revised: Revised) -> Result<bool> {
        let error = match &revised.outcome {
            Some(Ok(revision)) => revision.error.as_ref(),
            Some(Err(error)) => Some(error),
            None => None,
        };
        // As good as never begun: the next run revises it.
        if error.is_some_and(Error::is_interrupted) {
            return Ok(false);
        }
        let goes_on = !error.is_some_and(Error::is_fatal);
        self.mind(&revised);
        self.summary.gave_up |= !goes_on;
        let priced = self.summary.priced;
        self.results.take(revised, priced, &mut self.summary)?;
        Ok(goes_on)
    }
}

/// Seconds, or minutes and hours such as `90s`, `5m`, `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3600.0),
        _ => (text, 1.0),
    };
    let seconds = number.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0);
    let seconds = seconds.and_then(|n| Duration::try_from_secs_f64(n * unit).ok());
    seconds.ok_or_else(|| "write a time such as 90s, 5m or 2h".into())
}
