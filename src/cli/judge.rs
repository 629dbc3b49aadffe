//! `tribunal judge`
//!
//! The command goes through these steps, each in a module of its own:
//!
//! 1. `settings` puts flags, variables and tribunal.toml together, and `trust` refuses what the user has not allowed.
//! 2. `beginning` opens the records, and reads up to the first one that can be judged.
//! 3. `opening` opens the models, and `choose` picks a prompt by that record where none is named.
//! 4. What a user should know before paying is printed: which fields the judge reads, warnings of the prompt file, a
//!    pair that always shows the better answer first. With `--dry-run` the command ends here.
//! 5. `run::judge` of the library drives the records, with journal and resume; `output` prints what ends.
//! 6. The summary is printed, and the exit code follows from how the run ended and from the gates.
//!
//! Everything that can be refused is refused before the first request is sent: files that cannot be written, rules
//! that cannot be met, fields that no prompt reads.

use std::path::{Path, PathBuf};

use super::{
    Exit,
    beginning::{Beginning, Begun},
    dry_run, engines, fields,
    gates::{self, GateOutcome},
    independence, input, manifest, note,
    opening::{self, Opening},
    output,
    progress::Progress,
    running,
    settings::{self, Sources},
    width,
};
use tribunal::{
    Hint,
    config::Resolved,
    error::{Error, ErrorKind, Result, near},
    files::Plan,
    item::Item,
    judge::{Judge, is_file},
    metrics::{Figure, Gate},
    models::Models,
    prompt::{Need, Order},
    report::{Comparison, Significance, Summary, escaped},
    run,
};

/// Judge records, and print one line of results for each.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = VARIABLES)]
pub(super) struct Args {
    #[command(flatten)]
    input: input::Args,
    #[command(flatten)]
    judge: settings::Args,
    #[command(flatten)]
    models: opening::Args,
    #[command(flatten)]
    output: output::Args,
    /// File to write the prompt to, ready to be edited.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    save: Option<PathBuf>,
    /// File to record the model's answers in, for -m replay:FILE.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    record: Option<PathBuf>,
    /// Results of an earlier run: exit 1 on significant drops.
    #[arg(long, value_name = "RESULTS", hide_short_help = true)]
    baseline: Option<PathBuf>,
    /// Print the first request, cost and time; send nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Below the short help.
const EXAMPLES: &str = "\
Examples:
  tribunal judge answers.jsonl --criteria 'Correct, and admits what it does not know' -m qwen.gguf
  tribunal judge 'drafts/*.md' --criteria @style.md --scale 1-5 --pass 'score >= 4' --fail-under 0.9
  tribunal judge pairs.csv -m openai/gpt-5-mini --draws 3 -o judged.csv
  cat traces.jsonl | tribunal judge - -m tiny | jq .first_error
More options: tribunal help judge";

/// Below the long help.
const VARIABLES: &str = "\
Settings: every option under Judge is also a key of tribunal.toml and a variable: --max-tokens, max_tokens, \
TRIBUNAL_MAX_TOKENS. Flags take precedence over variables, variables over the file. `tribunal config` prints the \
effective settings.

Variables:
  OPENAI_API_KEY, OPENROUTER_API_KEY, …  keys of APIs; `tribunal models list` names them
  TRIBUNAL_ENV_FILE                      file of variables to read instead of .env
  TRIBUNAL_SECRET                        makes the marks in verdict lines unpredictable
  NO_COLOR, CLICOLOR=0                   turn colours off

Exit codes:
  0    done, and passed where --fail-under, --max-unreadable or --baseline was set
  1    fewer records passed, more were unreadable, or figures are worse than these allow
  2    an error in the command, the configuration or a prompt
  3    something could not be done; finished results are saved
  130  interrupted; finished results are saved";

/// Runs `tribunal judge`: see the steps above.
///
/// # Errors
/// Settings, prompt, model or files cannot be used. What fails for one record alone is a line of results, not
/// an error of the command.
pub(super) async fn run(args: Args, sources: &Sources) -> Result<Exit> {
    let resolved = args.judge.resolve(sources)?;
    let beginning = Beginning {
        settings: &args.judge,
        input: &args.input,
        models: args.models.setup(args.output.quiet, args.dry_run),
    };
    let Begun { input, models, stopping, .. } =
        beginning.open(&resolved, args.plan(&resolved)).await?;
    if !args.output.quiet {
        note_default_model(&resolved);
    }
    let models = models.recorded(args.record.clone().filter(|_| !args.dry_run));
    let (judge, later) = args.open(&resolved, input.first.as_ref(), models.clone()).await?;
    if let (Some(item), false) = (&input.first, args.output.quiet) {
        warn(&judge, item, &resolved);
    }
    let first = input.first.as_ref();
    let mut watch = (!args.output.quiet).then(|| fields::Watch::new(&judge, first));
    if let Some(path) = &args.save {
        save(&judge, path)?;
    }
    let baseline = args.baseline.as_deref().map(super::diff::read).transpose()?;
    baseline.iter().try_for_each(|before| Comparison::check(before, &judge))?;
    if args.dry_run {
        let limits = args.models.limits();
        dry_run::run(&judge, input.records, &limits, watch.as_mut()).await?;
        if let Some(watch) = watch {
            watch.print();
        }
        return Ok(Exit::Done);
    }
    let options = running::options(&input, args.output.redo(), stopping);
    let progress = Progress::new(input.total, args.output.quiet, models.clone());
    let (mut sink, output) = args.output.open(judge.clone(), progress, watch)?;
    let manifest = args.output.manifest();
    let manifest = manifest
        .map(|path| {
            manifest::write(path, &judge, &resolved, (args.input.names(), input.total), None)
        })
        .transpose()?;
    if baseline.is_some() {
        sink.collect();
    }
    if !later.is_empty() {
        sink.measure(settings::labels(&resolved));
    }
    let work = run::JudgeWork::new(judge).labels(settings::labels(&resolved));
    let work = if args.output.no_item { work.without_items() } else { work };
    let (summary, left) = run::judge(work, input.records, options, output, &mut sink).await?;
    let compared = baseline.map(|before| Comparison::new(before, sink.collected()));
    let measured = gates::joined(sink.measured(), later);
    sink.finish(&summary, left.as_ref(), &models)?;
    let rules = gates(&resolved, &summary, measured, compared.as_ref());
    let kept = rules.as_deref().unwrap_or_default();
    manifest.map(|manifest| manifest.finish(&models, &summary.ending, kept)).transpose()?;
    if !args.output.quiet {
        note(&summary.to_string());
        if let Some(columns) = width::of_stderr() {
            summary.bars(columns).iter().for_each(|bar| note(bar));
        }
        engines::print(&models);
    }
    running::note_kept(summary.kept_failed, summary.kept_unreadable);
    let gated = exit(&summary, &rules?);
    Ok(running::exit(&summary.ending.end, || gated))
}

impl Args {
    /// Whether `--verbose` was given.
    pub(super) fn is_verbose(&self) -> bool {
        self.output.verbose
    }

    /// The files that are read and written, except the inputs.
    fn plan(&self, resolved: &Resolved) -> Plan {
        let plan = self.output.writing(self.judge.reading(Plan::default(), resolved));
        let plan = self.baseline.iter().fold(plan, |plan, path| plan.reads("--baseline", path));
        output::writing_named(plan, [("--save", &self.save), ("--record", &self.record)])
    }

    /// Opens the models and builds the judge or jury. With it come the figures of rules that are measured by the agreement
    /// with labels.
    ///
    /// # Errors
    /// A model cannot be opened, settings contradict each other, or a rule cannot be kept by any result.
    async fn open(
        &self,
        resolved: &Resolved,
        first: Option<&Item>,
        models: Models,
    ) -> Result<(Judge, Vec<Figure>)> {
        let opening =
            Opening { first, quiet: self.output.quiet, models, limits: self.models.limits() };
        let judge = opening.judge(resolved).await?;
        let later = checked(&resolved.settings.fail_under, &judge)?;
        Ok((judge, later))
    }
}

/// Refuses rules that no result of this judge could keep, before anything is paid for; figures of agreement are returned.
///
/// # Errors
/// There is no such figure, it has no interval, or it needs a pass rule or prices.
fn checked(gates: &[Gate], judge: &Judge) -> Result<Vec<Figure>> {
    let about = |names: &[&str]| gates.iter().find(|gate| names.contains(&gate.figure()));
    if about(&[PASS_RATE]).is_some() && judge.pass().is_none() {
        let error = Error::new(ErrorKind::Config, "--fail-under needs a pass rule");
        return Err(error.hint("add one, such as --pass 'score >= 7'"));
    }
    if let Some(gate) = about(&["cost", "cost_per_record"]).filter(|_| !judge.is_priced()) {
        let message = format!("the rule {gate} needs the price of the model, which is not known");
        return Err(Error::new(ErrorKind::Config, message).hint(
            Hint::from("set the price of a million tokens: ")
                .setting("price", "{ prompt = 0.25, completion = 2.0 }"),
        ));
    }
    let kind = judge.prompt().front().verdict_kind().into();
    gates::checked(gates, &Summary::default().figures(), kind)
}

/// Prints what the model can do that judges where none was named.
pub(super) fn note_default_model(resolved: &Resolved) {
    let mut judges = std::iter::once(resolved).chain(&resolved.members);
    if judges.any(|one| !one.is_jury() && one.settings.model.is_none()) {
        note(
            "no model named: using the built-in `tiny`, which only checks sums and differences of whole numbers up to 999; name another with -m model.gguf or -m openai/MODEL",
        );
    }
}

/// Prints what a user should know before any request is sent.
fn warn(judge: &Judge, item: &Item, resolved: &Resolved) {
    let compares = judge.prompt().compares();
    if compares && item.names_the_winner() && judge.order() == Order::Given {
        note(
            "warning: the better answer (`chosen`) is always shown first; --order both shows each pair in both orders",
        );
    }
    if item.cleaned() > 0 {
        note("warning: Unicode noncharacters (U+FDD0 and others) are removed from the records");
    }
    independence::warn_of_authors(judge, item);
    warn_of_prompts(judge, resolved);
    let Ok(seen) = judge.seen(item) else { return };
    fields::print_with_label(
        judge.prompt(),
        &seen,
        &settings::labelled(judge.field_map(), resolved),
    );
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
                "warning: the records have no field `{name}` but a field `{near}`: --map {name}={near} reads it"
            ));
        }
    }
}

/// Prints the warnings that `prompts check` prints, for prompts of files.
fn warn_of_prompts(judge: &Judge, resolved: &Resolved) {
    let settings = std::iter::once(resolved).filter(|one| !one.is_jury()).chain(&resolved.members);
    for (one, (member, _)) in settings.zip(judge.members()) {
        let Some(name) = one.settings.prompt.as_deref().filter(|name| is_file(name)) else {
            continue;
        };
        for warning in member.prompt().warnings() {
            note(&format!("warning: {}: {}", escaped(name), escaped(&warning)));
        }
    }
}

/// Writes the prompt to a new file; an existing one is never overwritten.
fn save(judge: &Judge, path: &Path) -> Result<()> {
    use std::io::Write;
    let cannot = |cause: std::io::Error| {
        let error = Error::new(
            ErrorKind::Config,
            format!("cannot save the prompt as `{}`", path.display()),
        );
        error.because(cause).hint("name a file that does not exist yet")
    };
    let text = judge.saved_prompt()?;
    let mut file = std::fs::File::create_new(path).map_err(cannot)?;
    file.write_all(text.as_bytes()).map_err(cannot)?;
    note(&format!("wrote the prompt to {0}: edit it, then judge with -p {0}", path.display()));
    Ok(())
}

/// The figure of a rule that is a number alone.
const PASS_RATE: &str = "pass_rate";

/// The outcomes of the rules of the settings, and of the comparison with the earlier run.
///
/// # Errors
/// The earlier run has no record in common, or verdicts that are neither better nor worse.
fn gates(
    resolved: &Resolved,
    summary: &Summary,
    measured: Vec<Figure>,
    compared: Option<&Comparison>,
) -> Result<Vec<GateOutcome>> {
    let (rules, most) = (&resolved.settings.fail_under, resolved.settings.max_unreadable);
    // Some intervals take a while.
    let is_needed = most.is_some() || !rules.is_empty();
    let figures = if is_needed { summary.figures() } else { Vec::new() };
    let figures = gates::joined(figures, measured);
    let mut all = gates::outcomes(rules, &figures)?;
    if let Some(most) = most {
        let rate = summary.unreadable_rate();
        let why = || format!("{rate:.3} of all verdicts are unreadable, more than {most}");
        let figure = figures.iter().find(|figure| figure.name == "unreadable_rate");
        all.extend(figure.map(|figure| {
            let rule = format!("unreadable_rate<={most}");
            GateOutcome::new(rule, figure, (rate > most).then(why))
        }));
    }
    all.extend(compared.map(drop_of).transpose()?);
    Ok(all)
}

/// The exit code by these outcomes; each rule that is not kept is printed.
fn exit(summary: &Summary, gates: &[GateOutcome]) -> Exit {
    let failed = gates.iter().filter(|gate| !gate.is_kept()).count();
    match (summary.failed, failed) {
        (1.., _) => Exit::Incomplete,
        (0, 1..) => Exit::GateFailed,
        (0, 0) => Exit::Done,
    }
}

/// Whether the verdicts are worse than those of the earlier run, by more than chance.
///
/// # Errors
/// No record is in both runs, or their verdicts are neither better nor worse.
fn drop_of(compared: &Comparison) -> Result<GateOutcome> {
    if compared.joined() == 0 {
        let error = Error::new(ErrorKind::Config, "the baseline has no record in common");
        return Err(error.hint("records are matched by id: judge the same input for both"));
    }
    if let Some(test) = compared.readability().filter(Significance::is_drop) {
        let name = "as readable as the baseline";
        let figure = Figure::new(name, name, None, None, compared.joined());
        let why = format!("fewer records have a verdict than in the baseline ({test})");
        return Ok(GateOutcome::new(name, &figure, Some(why)));
    }
    let Some(test) = compared.directed() else {
        let message = "the verdicts are neither passes nor numbers, so that none is worse than in the baseline";
        return Err(Error::new(ErrorKind::Config, message).hint(
            "add a pass rule to both runs, or compare with labels: tribunal agree --baseline",
        ));
    };
    let name = "not worse than the baseline";
    let change = compared.change();
    let (value, interval) = (change.map(|(mean, _)| mean), change.map(|(_, interval)| interval));
    let figure = Figure::new(name, name, value, interval, compared.joined());
    let why = || format!("the verdicts are worse than in the baseline ({test})");
    Ok(GateOutcome::new(name, &figure, test.is_drop().then(why)))
}
