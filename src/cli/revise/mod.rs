//! `tribunal revise`
//!
//! Each record is judged; while it does not pass, the policy model revises it by the judge's critique. The loop itself
//! is `strategy::revise` of the library. This command turns flags into its options, opens the models that take part,
//! and shows the rounds:
//!
//! | part | flag | default |
//! |---|---|---|
//! | judge | `-m`, `-p`, `--pass`, … | as for `tribunal judge` |
//! | policy, which writes | `--policy` | the judge's own model |
//! | critic, which may write the critiques | `--critic` | none: the judge's critique is used |
//! | final judge of what is returned | `--final-judge` | a fresh sample of the judge |
//!
//! All of them share the cache and the budget of the run.

mod models;
mod policy;
mod results;
mod rounds;

use super::{
    Exit,
    beginning::{Beginning, Begun},
    engines, fields,
    gates::GateOutcome,
    input, manifest, note, opening,
    progress::Progress,
    running,
    settings::{self, Sources},
    width,
};
use tribunal::{
    config::Resolved,
    error::{Error, ErrorKind, Result},
    files::Plan,
    metrics::{Figure, Gate, wilson},
    report::Revisions,
    run,
    strategy::revise::RevisionOutcome as Ended,
};

/// Revise answers until a judge passes them.
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
    models: opening::Args,
    #[command(flatten)]
    results: results::Args,
}

/// Below the short help.
const EXAMPLES: &str = "\
Examples:
  tribunal revise draft.md --criteria @brief.md --pass 'score >= 8' -m judge.gguf -o final.md
  tribunal revise answers.jsonl -m openai/gpt-5-mini --policy openai/gpt-5 --final-judge strict
  tribunal revise answers.csv -m check:number --policy openai/gpt-5-mini --preset critic
More options, presets and outcomes: tribunal help revise";

/// Below the long help.
const METHODS: &str = "\
How it works: the judge scores each answer. While the pass rule is not met, the policy model reads the \
critique and writes a better answer, which is judged again. The best accepted draft is returned, and \
judged once more, by a fresh sample or by --final-judge.

Outcomes:
  passed            the pass rule is met
  exhausted         a limit of the record (--rounds, --calls, --tokens, --cost, --time) is reached
  stalled           --patience rounds brought no better draft
  oscillating       a draft repeated an earlier one
  judge-unreadable  the judge's verdict could not be read
  failed            a model gave no answer

Limits of a record count cached answers too: a second run ends where the first one did.

Presets set --rounds, --accept, --patience, --memory and --critic; your own flags take precedence:
  self-refine     Madaan et al. 2023: feedback on every draft, all accepted and shown to the policy
  reflexion       Shinn et al. 2023: a reflection on every failure; the policy sees the last three
  constitutional  Bai et al. 2022: critiques by one --principle after the other
  refine-n-judge  2025: a draft must be preferred in both orders; the first rejection ends the loop
  jetts           Zhou et al. 2025: nine refinements, the best of all versions
  critic          Gou et al. 2023: a check without a model judges, such as -m check:number

Exit codes:
  0    every record passed, or the share that --fail-under asks for
  1    fewer records passed
  2    an error in the command, the configuration or a prompt
  3    something could not be done; finished results are saved
  130  interrupted; finished results are saved";

impl Args {
    /// Whether `--verbose` was given.
    pub(super) fn is_verbose(&self) -> bool {
        self.results.verbose
    }
}

/// Runs `tribunal revise`.
///
/// # Errors
/// Settings, prompts, models or files cannot be used. What fails for one record alone is a line of results, not
/// an error of the command.
pub(super) async fn run(args: Args, sources: &Sources) -> Result<Exit> {
    let mut resolved = args.judge.resolve(sources)?;
    if let Some(rule) = resolved.settings.fail_under.iter().find(|rule| rule.share().is_none()) {
        let message = format!("a run of `revise` has no figure for the rule {rule}");
        return Err(Error::new(ErrorKind::Config, message)
            .hint("give a share of records that must pass, such as --fail-under 0.9"));
    }
    let quiet = args.results.quiet;
    let read = args.policy.reading(args.judge.reading(Plan::default(), &resolved));
    let beginning = Beginning {
        settings: &args.judge,
        input: &args.input,
        models: args.models.setup(quiet, false),
    };
    let begun = beginning.open(&resolved, args.results.writing(read)).await?;
    let Begun { sources, input, models: opener, stopping } = begun;
    let plain = args.results.plain_file(&sources)?;
    let context = models::Context {
        settings: &args.judge,
        first: input.first.as_ref(),
        quiet,
        models: opener.clone(),
        limits: args.models.limits(),
    };
    let work = args.policy.open(&mut resolved, context).await?;
    let judge = work.judge();
    let seen = input.first.as_ref().and_then(|item| judge.seen(item).ok());
    fields::check_names(&resolved, &policy::prompts(&work), seen.as_ref(), quiet)?;
    if let (Some(seen), false) = (&seen, quiet) {
        fields::print(judge.prompt(), seen, judge.field_map());
    }
    if let (Some(warning), false) = (policy::dependence(&work), quiet) {
        note(&warning);
    }
    let options = running::options(&input, args.results.redo(), stopping);
    let shows = args.results.shows_rounds();
    let progress = Progress::new(input.total, quiet || shows.is_some(), opener.clone());
    let manifest = args.results.manifest(plain.as_ref());
    let counts_tokens = policy::counts_tokens(&work);
    let (mut results, output) = args.results.open(plain, progress, counts_tokens)?;
    let write = |path| {
        let of_the_loop = Some(policy::parts(&work));
        let input = (args.input.names(), input.total);
        manifest::write(path, judge, &resolved, input, of_the_loop)
    };
    let manifest = manifest.map(write).transpose()?;
    let work = match shows {
        Some(style) => work.on_rounds(move |id| rounds::shown(id, style)),
        None => work,
    };
    let work = if args.results.no_item { work.without_items() } else { work };
    let (summary, left) = run::revise(work, input.records, options, output, &mut results).await?;
    results.finish(&summary, left.as_ref(), &opener)?;
    let gates = gates(&resolved, &summary);
    manifest.map(|manifest| manifest.finish(&opener, &summary.ending, &gates)).transpose()?;
    if !quiet {
        note(&summary.to_string());
        if let Some(columns) = width::of_stderr() {
            summary.bars(columns).iter().for_each(|bar| note(bar));
        }
        engines::print(&opener);
    }
    running::note_kept(summary.kept_failed, summary.kept_unreadable);
    Ok(running::exit(&summary.ending.end, || exit(&summary, &gates)))
}

/// The rules that decide the exit code: everything must pass, or the share that the settings allow.
fn gates(resolved: &Resolved, summary: &Revisions) -> Vec<GateOutcome> {
    let outcome = |rule: String, share: f64, part: usize, all: usize, is_kept: bool| {
        let figure = Figure::new(&rule, &rule, Some(share), Some(wilson(part, all)), all);
        let why = || format!("{share:.3}; the rule is {rule}");
        GateOutcome::new(rule.clone(), &figure, (!is_kept).then(why))
    };
    let shares = resolved.settings.fail_under.iter().filter_map(Gate::share);
    let least = shares.reduce(f64::max).unwrap_or(1.0);
    let (rate, all) = (summary.pass_rate(), summary.records + summary.not_tried());
    let passed = outcome(format!("pass_rate>={least}"), rate, summary.passed, all, rate >= least);
    let unread = resolved.settings.max_unreadable.map(|most| {
        let share = summary.share(Ended::JudgeUnreadable);
        let part = summary.ended(Ended::JudgeUnreadable);
        outcome(format!("unreadable_rate<={most}"), share, part, summary.records, share <= most)
    });
    std::iter::once(passed).chain(unread).collect()
}

/// The exit code by these outcomes.
fn exit(summary: &Revisions, gates: &[GateOutcome]) -> Exit {
    match summary.ended(Ended::Failed) {
        1.. => Exit::Incomplete,
        0 if gates.iter().any(|gate| gate.why.is_some()) => Exit::GateFailed,
        0 => Exit::Done,
    }
}
