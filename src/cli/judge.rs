//! `tribunal judge`

use tokio::sync::watch;

use super::{
    GRACE, Outcome, choose, dry_run, fields, input, manifest, note,
    opening::Opening,
    output,
    progress::Progress,
    settings::{self, Sources},
};
use tribunal::{
    backend,
    config::Resolved,
    error::{Error, ErrorKind, Result, near},
    files::Plan,
    item::Item,
    judge::Judge,
    prompt::{Need, Order},
    report::Summary,
    run,
};

/// Judge records, and print a line of results for each.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = VARIABLES)]
pub(super) struct Args {
    #[command(flatten)]
    input: input::Args,
    #[command(flatten)]
    judge: settings::Args,
    #[command(flatten)]
    output: output::Args,
    /// Write the prompt that is used to a file, ready to be edited.
    #[arg(long, value_name = "FILE")]
    save: Option<std::path::PathBuf>,
    /// Write every answer of the model to a file, for -m replay:FILE.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    record: Option<std::path::PathBuf>,
    #[cfg(feature = "store")]
    #[command(flatten)]
    cache: super::cache::Paid,
    /// Say what would be asked and what it would cost, and ask nothing.
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str = "\
Examples:
  tribunal judge answers.jsonl --criteria 'Correct, and admits what it does not know' -m qwen.gguf
  tribunal judge 'drafts/*.md' --criteria @style.md --scale 1-5 --pass 'score >= 4' --fail-under 0.9
  tribunal judge pairs.csv -m openai/gpt-5-mini --draws 3 -o judged.csv
  cat traces.jsonl | tribunal judge - -m tiny | jq .first_error
More options: tribunal help judge";

const VARIABLES: &str = "\
Options under Judge are also read from the environment: --max-tokens from TRIBUNAL_MAX_TOKENS, and so on. \
They win over tribunal.toml, where the same names are keys; flags win over both. `tribunal config` shows \
what holds. Keys of APIs are read from OPENAI_API_KEY and the like, in the environment or in .env \
(TRIBUNAL_ENV_FILE names another file). TRIBUNAL_SECRET makes the marks of verdict lines impossible to \
compute. NO_COLOR turns colours off.

Exit codes: 0 done, and passed where a gate was set; 1 a gate failed; 2 usage or configuration; 3 something \
could not be done, and what was done is kept.";

pub(super) async fn run(args: Args, sources: &Sources) -> Result<Outcome> {
    let resolved = args.judge.resolve(sources)?;
    if !args.output.quiet {
        args.judge.introduce(&resolved)?;
    }
    let files = args.input.sources(args.plan(&resolved), args.output.quiet)?;
    let (total, counts_rest) = (args.input.count(&files), input::are_files(&files));
    let mut records = args.input.read(files);
    let first = choose::first_item(&mut records, &resolved.fields()?);
    let (stopping, stops) = watch::channel(false);
    let judge = args.open(&resolved, first.as_ref(), stops).await?;
    if let (Some(item), false) = (&first, args.output.quiet) {
        warn(&judge, item, &resolved);
    }
    let mut noticed = (!args.output.quiet).then(|| fields::Noticed::new(&judge, first.as_ref()));
    if let Some(path) = &args.save {
        save(&judge, path)?;
    }
    if args.dry_run {
        dry_run::run(&judge, records, noticed.as_mut()).await?;
        if let Some(noticed) = noticed {
            noticed.say();
        }
        return Ok(Outcome::Done);
    }
    let mut options = run::RunOptions::default();
    options.concurrency = resolved.model.concurrency.map_or(judge.concurrency(), usize::from);
    options.stop = Some(super::signals::listen(stopping));
    options.grace = GRACE;
    options.redo = args.output.redo();
    options.total = total.and_then(|total| usize::try_from(total).ok());
    options.counts_rest = counts_rest;
    let progress = Progress::new(total, args.output.quiet);
    let (mut sink, output) = args.output.open(judge.clone(), progress, noticed)?;
    if let Some(path) = args.output.manifest() {
        manifest::write(&path, &judge, &resolved, &args.input.files, None)?;
    }
    let work = run::JudgeWork::new(judge).labels(settings::labels(&resolved));
    let work = if args.output.no_item { work.without_items() } else { work };
    let (summary, left) = run::judge(work, records, options, output, &mut sink).await?;
    sink.finish(&summary, left.as_ref())?;
    if !args.output.quiet {
        note(&summary.to_string());
    }
    note_kept(summary.kept_failed, summary.kept_unreadable);
    Ok(if summary.ending.end.is_stopped() {
        Outcome::Interrupted
    } else {
        gate(&resolved, &summary)
    })
}

impl Args {
    /// What is read and written beside the inputs.
    fn plan(&self, resolved: &Resolved) -> Plan {
        let plan = self.output.writing(self.judge.reading(Plan::default(), resolved));
        let named = [("--save", &self.save), ("--record", &self.record)];
        let named = named.into_iter().filter_map(|(what, path)| Some((what, path.as_ref()?)));
        named.fold(plan, |plan, (what, path)| plan.writes(what, path))
    }

    async fn open(
        &self,
        resolved: &Resolved,
        first: Option<&Item>,
        stops: watch::Receiver<bool>,
    ) -> Result<Judge> {
        let mut judges = std::iter::once(resolved).chain(&resolved.members);
        let asks_tiny = |one: &Resolved| !one.is_jury() && one.settings.model.is_none();
        if judges.any(asks_tiny) && !self.output.quiet {
            note(
                "no model named: the shipped `tiny` judges, sums and differences of whole numbers up to 999 only; name a real one with -m model.gguf or -m openai/MODEL",
            );
        }
        let options = backend::Options {
            record: self.record.clone(),
            offline: self.dry_run,
            stopping: Some(stops),
            #[cfg(feature = "store")]
            cache: if self.dry_run { None } else { self.cache.open()? },
            ..backend::Options::default()
        };
        let opening = Opening { first, quiet: self.output.quiet, options };
        let judge = opening.judge(resolved).await?;
        if resolved.settings.fail_under.is_some() && judge.pass().is_none() {
            let message = "--fail-under needs a rule that says what passes";
            return Err(
                Error::new(ErrorKind::Config, message).hint("add one, such as --pass 'score >= 7'")
            );
        }
        Ok(judge)
    }
}

/// What a user should know before anything is paid for.
fn warn(judge: &Judge, item: &Item, resolved: &Resolved) {
    let compares = judge.prompt().compares();
    if compares && item.names_the_winner() && judge.order() == Order::Given {
        note(
            "warning: `chosen` always stands first in these records; --order both shows each pair both ways",
        );
    }
    if item.cleaned() > 0 {
        note("warning: records hold Unicode noncharacters (U+FDD0…), which are taken out");
    }
    let Ok(seen) = judge.seen(item) else { return };
    fields::say_with_label(judge.prompt(), &seen, &settings::labelled(judge.field_map(), resolved));
    if let Err(error) = settings::labels(resolved).check(&seen) {
        let hint = error.hints().first().map(|hint| format!("; {hint}")).unwrap_or_default();
        note(&format!("warning: --label: {error}{hint}"));
    }
    let missing = judge.prompt().fields().iter().filter(|field| field.need == Need::Optional);
    for field in missing.filter(|field| seen.field(&field.name).is_none()) {
        let unused =
            item.record().keys().map(String::as_str).filter(|name| !tribunal::item::is_known(name));
        if let Some(near) = near(&field.name, unused) {
            let name = &field.name;
            note(&format!(
                "warning: the records have no `{name}`, but `{near}`: --map {name}={near} uses it"
            ));
        }
    }
}

/// The prompt as a file of its own, never over another one.
fn save(judge: &Judge, path: &std::path::Path) -> Result<()> {
    use std::io::Write;
    let cannot = |cause: std::io::Error| {
        let error = Error::new(
            ErrorKind::Config,
            format!("cannot save the prompt as `{}`", path.display()),
        );
        error.because(cause).hint("name a file that is not there yet")
    };
    let text = judge.saved_prompt()?;
    let mut file = std::fs::File::create_new(path).map_err(cannot)?;
    file.write_all(text.as_bytes()).map_err(cannot)?;
    note(&format!("the prompt is in {0}: edit it, and judge with -p {0}", path.display()));
    Ok(())
}

/// What an earlier run left undone is not tried again unless that is asked for.
pub(super) fn note_kept(failed: usize, unreadable: usize) {
    let counts = [(failed, "failed"), (unreadable, "could not be read")];
    let what = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| {
        let records = if count == 1 { "record" } else { "records" };
        format!("{count} {records} {what}")
    });
    let (was, them) = if failed + unreadable == 1 { ("was", "it") } else { ("were", "them") };
    let what: Vec<String> = what.collect();
    if !what.is_empty() {
        let what = what.join(" and ");
        note(&format!(
            "{what} in an earlier run and {was} kept; --retry-errors judges {them} again"
        ));
    }
}

fn gate(resolved: &Resolved, summary: &Summary) -> Outcome {
    let passed = summary.pass_rate().unwrap_or(0.0);
    let under = resolved.settings.fail_under.filter(|least| passed < *least);
    let unread = resolved.settings.max_unreadable.filter(|most| summary.unreadable_rate() > *most);
    if let Some(least) = under {
        note(&format!("gate failed: {passed:.3} of all records passed, less than {least}"));
    }
    if let Some(most) = unread {
        let rate = summary.unreadable_rate();
        note(&format!("gate failed: {rate:.3} of the answers are unreadable, more than {most}"));
    }
    match (summary.failed, under.or(unread)) {
        (1.., _) => Outcome::Incomplete,
        (0, Some(_)) => Outcome::GateFailed,
        (0, None) => Outcome::Done,
    }
}
