//! `tribunal bench`
//!
//! A benchmark is a table of the library (`bench`): this command reads its records, has them judged as `tribunal judge`
//! does, with the same cache, resume, budget and lines, and prints the figures. With `--results` or `--texts` no model is
//! asked.
//!
//! ```text
//! $ tribunal bench rewardbench filtered.jsonl -m openai/gpt-5-mini -o lines.jsonl
//! $ tribunal bench rewardbench filtered.jsonl --results lines.jsonl --json
//! ```

mod cases;
mod catalogue;
mod gates;
mod judges;
mod recorded;
mod results;

use std::path::PathBuf;

use serde_json::json;
use tokio::sync::watch;

use self::{cases::Cases, judges::Prompts, results::Results};
use super::{
    Exit, emit_figures, engines,
    gates::GateOutcome,
    input::{self, Input, reading},
    judge::note_default_model,
    lines, note,
    opening::{self, Opening},
    progress::Progress,
    running,
    settings::{self, Sources},
    width,
};
use tribunal::{
    bench::{self, Benchmark, Figures, Judged, Judgments, Shape},
    config::Resolved,
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::FieldMap,
    metrics::Gate,
    records::Source,
    run,
};

/// Measure a judge on a published benchmark.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = EXAMPLES,
    after_long_help = FIGURES
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Name of the benchmark, such as rewardbench.
    #[arg(value_name = "NAME", required = true)]
    name: Option<String>,
    #[command(flatten)]
    input: input::Args,
    #[command(flatten)]
    judge: settings::Args,
    #[command(flatten)]
    figures: FigureArgs,
    #[command(flatten)]
    lines: lines::Args,
    #[command(flatten)]
    models: opening::Args,
    /// Print the first request, cost and time; send nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What to do instead of measuring.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the benchmarks.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Print everything about all of them, as Markdown.
        #[arg(long, conflicts_with = "json")]
        markdown: bool,
    },
    /// Print fields, protocol, formula and source of a benchmark.
    Show {
        /// Name of the benchmark.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Flags of what is counted.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Figures")]
struct FigureArgs {
    /// Results of an earlier run to count, without a model.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "summary", "texts", "dry_run"])]
    results: Vec<PathBuf>,
    /// Recorded texts of another judge, read by the prompt.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "summary", "dry_run"])]
    texts: Option<PathBuf>,
    /// Only records of this part of the benchmark.
    #[arg(long, value_name = "NAME")]
    subset: Vec<String>,
    /// Prompt for records whose answers are only rated.
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "results", hide_short_help = true)]
    rated_prompt: Option<String>,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Below the short help.
const EXAMPLES: &str = "\
Examples:
  tribunal bench list
  tribunal bench show rewardbench
  tribunal bench rewardbench filtered.jsonl -m openai/gpt-5-mini -o lines.jsonl
  tribunal bench rewardbench filtered.jsonl --results lines.jsonl --json
  tribunal bench rewardbench filtered.jsonl -m m.gguf --fail-under 'headline>=0.8@lower'
More options: tribunal help bench";

/// Below the long help.
const FIGURES: &str = "\
Every figure is printed under four rules for verdicts that could not be read:
  official  as the benchmark's own code counts them
  readable  left out
  lowest    all of them wrong
  highest   all of them right

A judge that compares gets pairs, a judge that ranks gets all answers at once, and a judge that rates gets each answer by \
itself. Result lines are those of `tribunal judge`; a record of which several parts are judged has one line for each, \
called ID/0-3 for answers 0 and 3, and ID/2 for answer 2.

Lines of --results may come from any program: {\"id\": \"q7\", \"preference\": \"first\"}, or `score`, `scores`, `ranking`, \
`first_error`. What has no line is named, and counts as a verdict that could not be read. Lines of --texts are {\"id\": \"q7\", \"text\": \"…\", \"order\": \"swapped\", \"draw\": 0}.

--fail-under is about the first figure if it is a number alone, and otherwise about `headline`, a row of the table (`Chat Hard>=0.7`) or `unreadable_rate`. Rules of a configuration are about other runs, and are ignored here.

Exit codes:
  0    done
  1    a rule of --fail-under or --max-unreadable is not kept
  2    an error in the command, the configuration or a prompt
  3    something could not be done, or a result is missing; finished results are saved
  130  interrupted; finished results are saved";

/// Runs `tribunal bench`.
///
/// # Errors
/// There is no such benchmark, or settings, prompt, model or files cannot be used. What fails for one record alone is
/// counted, and not an error of the command.
pub(super) async fn run(args: Args, sources: &Sources) -> Result<Exit> {
    match &args.command {
        Some(Command::List { json, markdown }) => return catalogue::list(*json, *markdown),
        Some(Command::Show { name, json }) => return catalogue::show(bench::named(name)?, *json),
        None => (),
    }
    let benchmark = bench::named(args.name.as_deref().unwrap_or_default())?;
    let resolved = args.judge.resolve(sources)?;
    let files = args.input.sources(args.plan(&resolved), args.lines.quiet).await?;
    let input = args.input.open(files, &FieldMap::default());
    let (records, input) = split(input);
    let cases = Cases::read(benchmark, records, &names(&resolved), &args.figures.subset)?;
    let rules = gates::of(&resolved)?;
    let counting =
        |shape: Shape| Counting { benchmark, cases: &cases, shape, rules: &rules, is_whole: true };
    // The fields are renamed once, where the cases are made.
    let resolved = unnamed(resolved);
    if !args.figures.results.is_empty() {
        let (judgments, unread) = recorded::lines(&args.figures.results, &cases.all)?;
        let shape = judgments.shape(&cases.all);
        let counting = counting(shape);
        let (counted, _) = args.count(&counting, &judgments)?;
        return Ok(if unread > 0 { Exit::Incomplete } else { counted });
    }
    let resolved = match benchmark.order() {
        Some(order) => resolved.usually_ordered(order),
        None => resolved,
    };
    let prompts = Prompts::new(benchmark, &resolved, args.figures.rated_prompt.as_deref())?;
    if let Some(path) = &args.figures.texts {
        let judges = prompts.silent(&cases.all).await?;
        let judgments = recorded::texts(path, &judges, &cases.all)?;
        return Ok(args.count(&counting(judges.shape()), &judgments)?.0);
    }
    Box::pin(args.measure(benchmark, &resolved, &prompts, cases, input, &rules)).await
}

/// What is counted, beside the judgments.
#[derive(Clone, Copy)]
struct Counting<'a> {
    benchmark: &'static Benchmark,
    cases: &'a Cases,
    shape: Shape,
    rules: &'a [Gate],
    /// Whether all records were judged: a part of them decides nothing.
    is_whole: bool,
}

/// The names of the fields in the records, as the settings map them.
fn names(resolved: &Resolved) -> FieldMap {
    let first = resolved.members.first().unwrap_or(resolved);
    let pairs = first.settings.map.iter();
    pairs.fold(FieldMap::default(), |map, pair| map.naming(&*pair.0, &*pair.1))
}

/// The settings without names of fields.
fn unnamed(mut resolved: Resolved) -> Resolved {
    resolved.settings.map.clear();
    resolved.members = resolved.members.into_iter().map(unnamed).collect();
    resolved
}

/// The records of an input, and the rest of it.
fn split(mut input: Input) -> (input::Records, Input) {
    let records = std::mem::replace(&mut input.records, Box::new(std::iter::empty()));
    (records, input)
}

impl Args {
    /// Whether `--verbose` was given.
    pub(super) fn is_verbose(&self) -> bool {
        self.lines.verbose
    }

    /// The files that are read and written, except the records.
    fn plan(&self, resolved: &Resolved) -> Plan {
        let FigureArgs { results, texts, .. } = &self.figures;
        let plan = self.lines.writing(self.judge.reading(Plan::default(), resolved));
        let rated = self.figures.rated_prompt.iter().map(String::as_str);
        let plan = settings::reading_named(plan, rated);
        let named: Vec<Source> = results.iter().chain(texts).map(|p| Source::named(p)).collect();
        reading(plan, &named)
    }

    /// Has the cases judged by the models, and prints the figures.
    async fn measure(
        &self,
        benchmark: &'static Benchmark,
        resolved: &Resolved,
        prompts: &Prompts<'_>,
        cases: Cases,
        input: Input,
        rules: &[Gate],
    ) -> Result<Exit> {
        let quiet = self.lines.quiet;
        if !quiet {
            self.judge.introduce(resolved)?;
            note_default_model(resolved);
        }
        let (stopping, stops) = watch::channel(false);
        let setup = self.models.setup(quiet, self.dry_run);
        let models = Box::pin(setup.models(&[resolved], stops)).await?;
        let limits = self.models.limits();
        let opening = Opening { first: None, quiet, models: models.clone(), limits };
        let judges = prompts.open(&cases.all, &opening).await?;
        if self.dry_run {
            judges.plan(&cases.all, &limits).await?;
            return Ok(Exit::Done);
        }
        let (shape, items) = (judges.shape(), judges.items(&cases.all));
        let none = Judgments::default().beside(&cases.all, shape);
        gates::check(rules, &Figures::counted(benchmark, &none))?;
        let input = Input { total: Some(items.len() as u64), are_files: true, ..input };
        let records = run::items(items);
        let options = running::options(&input, self.lines.redo(), stopping);
        let progress = Progress::new(input.total, quiet, models.clone());
        let manifest = judges.manifest(resolved);
        let (lines, output) = self.lines.open("result lines", progress, manifest)?;
        let work = judges.work(&cases.all);
        let work = if self.lines.no_item { work.without_items() } else { work };
        let mut results = Results::new(lines);
        let (summary, left) = run::judge(work, records, options, output, &mut results).await?;
        results.note_left(left.as_ref());
        if !quiet {
            note(&summary.to_string());
            engines::print(&models);
        }
        running::note_kept(summary.kept_failed, summary.kept_unreadable);
        if results.judgments().is_empty() {
            results.finish(&summary, &models, &[])?;
            return Ok(running::exit(&summary.ending.end, || Exit::Incomplete));
        }
        let is_whole = summary.ending.end.is_whole();
        let counting = Counting { benchmark, cases: &cases, shape, rules, is_whole };
        let counted = self.count(&counting, results.judgments());
        let gates = counted.as_ref().map_or(&[][..], |(_, gates)| gates);
        results.finish(&summary, &models, gates)?;
        let (exit, _) = counted?;
        let done = if summary.failed > 0 { Exit::Incomplete } else { exit };
        Ok(running::exit(&summary.ending.end, || done))
    }

    /// Prints the figures of these judgments, and the rules that they do not keep.
    ///
    /// # Errors
    /// No judgment is about a record, a rule is about a figure that there is not, or standard output cannot be written.
    fn count(
        &self,
        counting: &Counting<'_>,
        judgments: &Judgments,
    ) -> Result<(Exit, Vec<GateOutcome>)> {
        let Counting { benchmark, cases, shape, rules, is_whole } = *counting;
        let judged = judgments.beside(&cases.all, shape);
        let figures = Figures::of(benchmark, &judged);
        if figures.missing == figures.judgments {
            let message = match judgments.len() {
                0 => "no result or text is about a record".to_owned(),
                count => format!("none of {count} results is about a record"),
            };
            let names = recorded::some_of(judged.iter().flat_map(Judged::missing));
            return Err(Error::new(ErrorKind::Record, message)
                .hint(format!(
                    "they belong together by `id`; what is to be judged is called {names}"
                ))
                .hint("`tribunal help bench` shows how parts of records are called"));
        }
        let outcomes = gates::outcomes(rules, &figures)?;
        let text = if self.figures.json {
            let mut printed = figures.to_json();
            printed["data"] = self.input.names().into();
            printed["gates"] = json!(is_whole.then_some(&outcomes));
            format!("{printed:#}")
        } else {
            figures.table(width::of_stdout())
        };
        emit_figures(&text, self.figures.json)?;
        recorded::note_missing(&figures, &judged);
        recorded::note_weak(&figures);
        // Each rule that is not kept is printed.
        let broken = outcomes.iter().filter(|outcome| !outcome.is_kept()).count();
        let is_complete = cases.failed == 0 && figures.failed == 0;
        let exit = match (is_complete, broken) {
            (false, _) => Exit::Incomplete,
            (true, 1..) => Exit::GateFailed,
            (true, 0) => Exit::Done,
        };
        Ok((exit, outcomes))
    }
}
