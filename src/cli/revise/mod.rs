//! `tribunal revise`

mod policy;
mod results;
mod rounds;

use std::time::Duration;

use super::{
    GRACE, Outcome, choose, fields, input,
    judge::note_kept,
    manifest, note,
    progress::Progress,
    settings::{self, Sources},
    signals,
};
use tribunal::{
    error::Result, files::Plan, report::Revisions, run, strategy::revise::RevisionOutcome as Ended,
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
    let (total, counts_rest) = (args.input.count(&files), input::are_files(&files));
    let plain = args.results.plain_file(&files)?;
    let mut records = args.input.read(files);
    let first = choose::first_item(&mut records, &resolved.fields()?);
    #[cfg(feature = "store")]
    let cache = args.cache.open()?;
    let (stopping, stops) = tokio::sync::watch::channel(false);
    let work = args
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
    let judge = work.judge();
    let seen = first.as_ref().and_then(|item| judge.seen(item).ok());
    fields::check_names(&resolved, &policy::prompts(&work), seen.as_ref(), args.results.quiet)?;
    if let (Some(seen), false) = (&seen, args.results.quiet) {
        fields::say(judge.prompt(), seen, judge.field_map());
    }
    let mut options = run::RunOptions::default();
    options.concurrency = resolved.model.concurrency.map_or(judge.concurrency(), usize::from);
    options.stop = Some(signals::listen(stopping));
    options.grace = GRACE;
    options.redo = args.results.redo();
    options.total = total.and_then(|total| usize::try_from(total).ok());
    options.counts_rest = counts_rest;
    let shows = args.results.shows_rounds();
    let progress = Progress::new(total, args.results.quiet || shows.is_some());
    let manifest = args.results.manifest(plain.as_ref());
    let counts_tokens = policy::counts_tokens(&work);
    let (mut results, output) = args.results.open(plain, progress, counts_tokens)?;
    if let Some(path) = manifest {
        let of_the_loop = Some(policy::manifest(&work));
        manifest::write(&path, judge, &resolved, &args.input.files, of_the_loop)?;
    }
    let work = match shows {
        Some(style) => work.on_rounds(move |id| rounds::shown(id, style)),
        None => work,
    };
    let work = if args.results.no_item { work.without_items() } else { work };
    let (summary, left) = run::revise(work, records, options, output, &mut results).await?;
    results.finish(&summary, left.as_ref())?;
    if !args.results.quiet {
        note(&summary.to_string());
    }
    note_kept(summary.kept_failed, summary.kept_unreadable);
    Ok(if summary.ending.end.is_stopped() {
        Outcome::Interrupted
    } else {
        gate(&resolved, &summary)
    })
}

/// Everything must pass, or the share that was asked for.
fn gate(resolved: &tribunal::config::Resolved, summary: &Revisions) -> Outcome {
    let least = resolved.settings.fail_under.unwrap_or(1.0);
    let most = resolved.settings.max_unreadable.unwrap_or(1.0);
    match summary.ended(Ended::Failed) {
        1.. => Outcome::Incomplete,
        0 if summary.pass_rate() < least => Outcome::GateFailed,
        0 if summary.share(Ended::JudgeUnreadable) > most => Outcome::GateFailed,
        0 => Outcome::Done,
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
