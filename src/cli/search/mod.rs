//! `tribunal search`
//!
//! A policy writes solutions step by step, a judge scores their beginnings and their ends, and a method decides which
//! steps are written next. The methods are `strategy::search` of the library. This command opens the models, and writes
//! lines, trees and pictures of trees.
//!
//! | part | flag | default |
//! |---|---|---|
//! | policy, which writes | `--policy`, `--policy-prompt`, `--policy-temperature`, … | the judge's model; the prompt by model |
//! | judge, which scores | `-m`, `-p`, `--judge`, … | as for `tribunal judge` |
//! | method | `--method`, `--paths`, `--expand`, `--depth`, … | beam search of 8 paths |

mod policy;
mod results;
mod tree;

use clap::builder::RangedU64ValueParser;
use serde_json::{Value, json};

use super::{
    Exit,
    beginning::{Beginning, Begun},
    emit, emit_figures, engines, independence,
    input::{self, Records},
    manifest, note,
    opening::{self, Opening},
    print_error,
    progress::Progress,
    running,
    settings::{self, Sources},
};
use tribunal::{
    config::Resolved,
    error::{ErrorKind, Result},
    files::Plan,
    item::Item,
    judge::Judge,
    models::Models,
    run::{self, SearchWork},
    strategy::{
        Measure,
        search::{Choice, SearchLimits, SearchMethod, SearchOptions, Searcher},
    },
};

/// Search for solutions step by step, guided by a judge.
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
    search: Search,
    #[command(flatten)]
    models: opening::Args,
    #[command(flatten)]
    results: results::Args,
}

/// How solutions are searched for.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Search")]
struct Search {
    /// Method, such as beam, rebase or mcts (see help search) [default: beam].
    #[arg(long, value_name = "METHOD")]
    method: Option<SearchMethod>,
    /// Number of paths at each level, or of chains [default: 8].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    paths: Option<u32>,
    /// Number of draws after each step [default: 4].
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(1..))]
    expand: Option<u32>,
    /// Maximum number of steps of a solution [default: 25].
    #[arg(long, value_name = "D", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    depth: Option<usize>,
    /// Number of rounds of best-first, mcts, puct, mcmc [default: 16].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Number of further steps that are judged with a step.
    #[arg(long, value_name = "K", hide_short_help = true)]
    lookahead: Option<u32>,
    /// Value of a judgment, such as score, p or min [default: auto].
    #[arg(long, value_name = "MEASURE", hide_short_help = true)]
    measure: Option<Measure>,
    /// Choice of the answer: best, vote or majority [default: by method].
    #[arg(long, value_enum, value_name = "RULE", hide_possible_values = true)]
    choose: Option<Choice>,
    /// States of a chain that do not count [default: 0].
    #[arg(long, value_name = "N", hide_short_help = true)]
    burn_in: Option<u32>,
    /// Random seed of the chains of mcmc.
    #[arg(long, value_name = "N", hide_short_help = true)]
    chain_seed: Option<u64>,
    /// Text in a step that ends the solution; repeatable.
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    end: Vec<String>,
    /// Check that compares solutions with the reference [default: check:math].
    #[arg(long, value_name = "JUDGE|MODEL", hide_short_help = true)]
    check: Option<String>,
    /// Maximum number of model calls per record.
    #[arg(long, value_name = "N", hide_short_help = true)]
    calls: Option<u32>,
    /// Maximum number of tokens per record, read and written.
    #[arg(long, value_name = "N", hide_short_help = true)]
    tokens: Option<u64>,
    /// Maximum number of steps in the tree of a record.
    #[arg(long, value_name = "N", hide_short_help = true)]
    nodes: Option<usize>,
    /// Print the largest possible number of calls; send nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Below the short help.
const EXAMPLES: &str = "\
Examples:
  tribunal search problems.jsonl --policy qwen.gguf -m openai/gpt-5-mini -o found.jsonl
  tribunal search problems.jsonl --method rebase --paths 16 --choose vote -o found.jsonl
  tribunal search problems.jsonl --limit 1 --show-tree --tree tree.svg
More options and methods: tribunal help search";

/// Below the long help.
const METHODS: &str = "\
Records need a question. The policy writes steps, and the judge scores the solution up to each of them, from 0 to 1. \
Equal steps are judged once.

Methods (N is --paths, M is --expand; a number after a colon changes a parameter, as in rebase:0.2):
  greedy          best of M draws of each step (Ma et al. 2023, HGS-PRM)
  grace:0.5       the same by (1 - B)*p + B*value, p being the policy's (Khalifa et al. 2023)
  reset:0.5       up to M draws until the value is 0.5, then the best (StepWiser, chunk reset)
  backtrack:0.5   the same, then back to the step before (Ma et al. 2023, HGS-PRM)
  beam            the best N/M of N steps at each level (search-and-learn; JETTS)
  dvts            N/M independent greedy searches (search-and-learn)
  rebase:0.1      N draws shared by exp(value/T) (Wu et al. 2024)
  best-first      the best step of the whole tree is continued, for --rounds rounds
  mcts:1          Monte Carlo tree search: UCT, roll-outs to the end, --rounds rounds
  puct:1          the same with PUCT
  mcmc:0.1        N chains of --rounds proposals over whole solutions (QAlign)

The answer (--choose):
  best      the solution with the best value
  vote      the final answer with the largest sum of values
  majority  the final answer that was written most often; usual for mcmc

Exit codes:
  0    done
  2    an error in the command, the configuration or a prompt
  3    something could not be done; finished results are saved
  130  interrupted; finished results are saved";

/// Runs `tribunal search`.
///
/// # Errors
/// Settings, prompts, models or files cannot be used. What fails for one record alone is a line of results, not
/// an error of the command.
pub(super) async fn run(args: Args, sources: &Sources) -> Result<Exit> {
    let resolved = args.judge.resolve(sources)?;
    let quiet = args.results.lines.quiet;
    let read = args.judge.reading(Plan::default(), &resolved);
    let named = args.search.check.iter().chain(args.policy.files());
    let read = settings::reading_named(read, named.map(String::as_str));
    let beginning = Beginning {
        settings: &args.judge,
        input: &args.input,
        models: args.models.setup(quiet, args.search.dry_run),
    };
    let begun = beginning.open(&resolved, args.results.writing(read)).await?;
    let Begun { input, models, stopping, .. } = begun;
    let searcher = args.searcher(&resolved, input.first.as_ref(), &models).await?;
    if !quiet {
        independence::warn_of_policy(searcher.judge(), searcher.policy());
        args.search.warn_of_idle(searcher.options().method);
    }
    if let Some(first) = &input.first
        && let Err(error) = searcher.most_calls(first).await
        && error.kind() == ErrorKind::Unsupported
    {
        // A method that these models cannot follow is refused before the first request.
        return Err(error);
    }
    if args.search.dry_run {
        return planned(&searcher, input.records).await;
    }
    let options = running::options(&input, args.results.lines.redo(), stopping);
    let progress = Progress::new(input.total, quiet, models.clone());
    let parts = parts(&searcher, &resolved);
    let (mut results, output) = args.results.open(progress, parts)?;
    let work = SearchWork::new(searcher);
    let work = if args.results.lines.no_item { work.without_items() } else { work };
    let work = if args.results.needs_trees() { work.with_trees() } else { work };
    let (summary, left) = run::search(work, input.records, options, output, &mut results).await?;
    results.finish(&summary, left.as_ref(), &models)?;
    if !quiet {
        note(&summary.to_string());
        engines::print(&models);
    }
    let records = &summary.records;
    running::note_kept(records.kept_failed, records.kept_unreadable);
    let done = if records.failed > 0 { Exit::Incomplete } else { Exit::Done };
    Ok(running::exit(&records.ending.end, || done))
}

/// What a manifest says about a search: its judge, its policy with both prompts, its check, and what decides how its tree
/// is read.
fn parts(searcher: &Searcher, resolved: &Resolved) -> Value {
    let options = searcher.options();
    let mut parts = manifest::of_judge(searcher.judge(), resolved);
    parts["policy"] = manifest::of_writer(searcher.policy());
    parts["finish"] = manifest::of_writer(searcher.finisher());
    parts["check"] = searcher.check().map(manifest::of_writer).into();
    parts["search"] = json!({
        "depth": options.limits.depth,
        "lookahead": options.lookahead,
        "ends": options.ends,
        "between": searcher.between(),
    });
    parts
}

/// Prints the largest number of calls that the records can need.
async fn planned(searcher: &Searcher, records: Records) -> Result<Exit> {
    let (mut count, mut failed, mut all, mut most) = (0_u64, 0_u64, 0_u64, 0_u64);
    for record in records {
        count += 1;
        let calls = match record.item {
            Ok(item) => match searcher.policy().seen(&item) {
                Ok(seen) => searcher.most_calls(&seen).await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        match calls {
            Ok(calls) => (all, most) = (all.saturating_add(calls), most.max(calls)),
            Err(error) => {
                failed += 1;
                print_error(&error.within(&record.place));
            }
        }
    }
    let name = searcher.options().method;
    emit(&mut std::io::stdout(), &format!("{count} records, method {name}"))?;
    if failed > 0 {
        emit(&mut std::io::stdout(), &format!("{failed} of them cannot be searched"))?;
    }
    let text = format!("at most {all} calls of policy and judge, at most {most} for one record");
    emit_figures(&text, false)?;
    if let Some(check) = searcher.check().filter(|check| !check.name().starts_with("check:")) {
        let name = check.name();
        note(&format!("each solution that ends is also compared with its reference by {name}"));
    }
    note("nothing was sent");
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}

impl Search {
    /// Says which flags the method has no use for.
    fn warn_of_idle(&self, method: SearchMethod) {
        let flags = [
            ("paths", self.paths.is_some()),
            ("expand", self.expand.is_some()),
            ("rounds", self.rounds.is_some()),
            ("lookahead", self.lookahead.is_some()),
            ("burn-in", self.burn_in.is_some()),
            ("chain-seed", self.chain_seed.is_some()),
        ];
        for (flag, _) in flags.iter().filter(|(flag, is_set)| *is_set && method.ignores(flag)) {
            note(&format!(
                "warning: --{flag} changes nothing: the method `{method}` does not use it"
            ));
        }
    }
}

impl Args {
    /// Whether `--verbose` was given.
    pub(super) fn is_verbose(&self) -> bool {
        self.results.lines.verbose
    }

    /// Opens the policy, the judge and the check.
    ///
    /// # Errors
    /// A model cannot be opened, or settings contradict each other.
    async fn searcher(
        &self,
        resolved: &Resolved,
        first: Option<&Item>,
        models: &Models,
    ) -> Result<Searcher> {
        let (quiet, limits) = (self.results.lines.quiet, self.models.limits());
        let judged = first.map(|item| item.revised("a step"));
        let opening = Opening { first: judged.as_ref(), quiet, models: models.clone(), limits };
        let judge = opening.judge(resolved).await?;
        let policy = self.policy.open(resolved, &self.judge, models, limits).await?;
        let searcher = Searcher::new(policy.step, judge, self.options())?;
        let searcher = searcher.finishing(policy.rest)?;
        searcher.checking(self.check(first, models).await?)
    }

    /// The flags as options of the library.
    fn options(&self) -> SearchOptions {
        let flags = &self.search;
        let mut options = SearchOptions::default().method(flags.method.unwrap_or_default());
        let set = |own: &mut u32, flag: Option<u32>| *own = flag.unwrap_or(*own);
        set(&mut options.width, flags.paths);
        set(&mut options.expand, flags.expand);
        set(&mut options.rounds, flags.rounds);
        set(&mut options.burn_in, flags.burn_in);
        set(&mut options.lookahead, flags.lookahead);
        // A beam of few paths keeps one of them.
        options.expand = flags.expand.unwrap_or(options.expand.min(options.width.max(1)));
        options.measure = flags.measure.unwrap_or_default();
        options.choice = flags.choose;
        options.seed = flags.chain_seed.unwrap_or_default();
        if !flags.end.is_empty() {
            options.ends.clone_from(&flags.end);
        }
        let usual = SearchLimits::default();
        options.limits(SearchLimits {
            depth: flags.depth.unwrap_or(usual.depth),
            nodes: flags.nodes.map(|nodes| nodes.saturating_add(1)),
            calls: flags.calls,
            tokens: flags.tokens,
        })
    }

    /// What compares solutions with references.
    async fn check(&self, first: Option<&Item>, models: &Models) -> Result<Judge> {
        let name = self.search.check.as_deref().unwrap_or("check:math");
        let resolved = if self.judge.config()?.judges().contains(&name) {
            self.judge.judge(name)?
        } else {
            self.judge.model(name, None)?
        };
        // Records without a reference are searched too, so the first one need not have one.
        let first = first.map(|item| {
            let reference = item.text("reference").unwrap_or_else(|| "a reference".into());
            item.revised("a solution").filled("reference", reference)
        });
        let (quiet, limits) = (true, self.models.limits());
        let opening = Opening { first: first.as_ref(), quiet, models: models.clone(), limits };
        opening.judge(&resolved).await
    }
}
