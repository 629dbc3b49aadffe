//! `tribunal rank`
//!
//! The best of several answers is chosen by a judge, by the votes of the answers, or by both. The rules themselves are
//! `strategy::best_of` of the library. This command opens the models, runs the records and prints what was found.
//!
//! | part | flag | default |
//! |---|---|---|
//! | judge of the candidates | `-m`, `-p`, `--draws`, `--judge`, … | as for `tribunal judge`, one answer at a time |
//! | policy, which writes candidates | `--policy`, `--candidates` | none: the records hold them |
//! | check of the truth, for the summary | `--check` | `check:math` |

mod dry_run;
mod models;
mod results;

use super::{
    Exit,
    beginning::{Beginning, Begun},
    independence, input, note, opening,
    progress::Progress,
    running,
    settings::{self, Sources},
};
use tribunal::{
    error::{Error, ErrorKind, Result},
    files::Plan,
    run::{self, RankWork},
    strategy::{
        Measure,
        best_of::{PRESETS, Preset, RankOptions, Rule, Window},
        tournament::{Pairing, Rating},
    },
};

/// Choose the best of several answers.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = METHODS)]
pub(super) struct Args {
    #[command(flatten)]
    input: input::Args,
    #[command(flatten)]
    judge: settings::Args,
    #[command(flatten)]
    ranking: Ranking,
    #[command(flatten)]
    candidates: models::Args,
    #[command(flatten)]
    models: opening::Args,
    #[command(flatten)]
    results: results::Args,
}

/// How a candidate is chosen.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Ranking")]
struct Ranking {
    /// Rule: best, weighted, majority, penalized or pessimistic [default: best].
    #[arg(long, value_name = "RULE")]
    select: Option<Rule>,
    /// Pairs to compare: all, circular, knockout, bubble or swiss.
    #[arg(long, value_name = "PAIRS")]
    pairs: Option<Pairing>,
    /// Number of answers to rank at once, such as 20, or 20:10.
    #[arg(long, value_name = "W[:S]", hide_short_help = true)]
    window: Option<Window>,
    /// Rating of comparisons: wins, elo or bradley-terry [default: wins].
    #[arg(long, value_name = "RATING", hide_short_help = true)]
    rating: Option<Rating>,
    /// Number of a verdict to rank by [default: auto].
    #[arg(long, value_name = "MEASURE", hide_short_help = true)]
    measure: Option<Measure>,
    /// Smallest value of an answer that may be chosen.
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true, value_parser = super::budget::finite)]
    threshold: Option<f64>,
    /// Published rule, such as jetts-knockout (see help rank).
    #[arg(long, value_name = "NAME", value_parser = PRESETS.map(|preset| preset.name), hide_possible_values = true)]
    preset: Option<String>,
    /// Random seed of shuffles and draws [default: 0].
    #[arg(long, value_name = "N", hide_short_help = true)]
    shuffle_seed: Option<u64>,
    /// Print what would be sent, and its cost; send nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Below the short help.
const EXAMPLES: &str = "\
Examples:
  tribunal rank answers.jsonl -m openai/gpt-5-mini -p score -o ranked.jsonl
  tribunal rank answers.jsonl -m qwen.gguf -p pair --pairs knockout -o ranked.jsonl
  tribunal rank problems.jsonl -m qwen.gguf --candidates 16 --select weighted -o ranked.jsonl
  tribunal rank answers.jsonl -m qwen.gguf -p pair --pairs all --dry-run
More options, rules and presets: tribunal help rank";

/// Below the long help.
const METHODS: &str = "\
Records need a question and a list of answers; with --candidates a model writes the answers. A judge of one answer \
gives each a value, a judge of two compares them in pairs, and a judge of several ranks them all at once, or with \
--window W:S in windows of W answers that move by S from the last answer to the first (RankGPT; Sun et al. 2023).

Rules (--select):
  best           largest value
  weighted       final answer with the largest sum of values (also weighted:mean, weighted:max)
  majority       most frequent final answer; asks no judge (Wang et al. 2023)
  penalized:K    largest mean less K standard deviations over --draws
  pessimistic:B  drawn by regularized weight (Huang et al. 2025); B is in the unit of the values

Pairs (--pairs), for N answers; each pair is one judgment, in as many orders as the judge is asked:
  all            N(N-1)/2 comparisons (also round-robin)
  circular       N comparisons: each answer with its neighbours; rewards for all, no sure winner
  knockout       N-1 comparisons, shuffled; without a winner the first stays
  bubble         N-1 comparisons: the best so far meets the next (Jiang et al. 2023)
  swiss          rounds of answers with equally many wins

Measures (--measure): auto, score, expected, p, pass, or for steps: last, min, product, mean, soft-min

Presets (--preset; Zhou et al. 2025, JETTS), which fill in unreadable verdicts and draw ties as published:
  jetts-round-robin  all pairs in both orders, by wins
  jetts-knockout     a shuffled knockout in both orders
  jetts-single       one rating for each answer

Exit codes:
  0    done
  2    an error in the command, the configuration or a prompt
  3    something could not be done; finished results are saved
  130  interrupted; finished results are saved";

/// Runs `tribunal rank`.
///
/// # Errors
/// Settings, prompts, models or files cannot be used. What fails for one record alone is a line of results, not
/// an error of the command.
pub(super) async fn run(args: Args, sources: &Sources) -> Result<Exit> {
    let resolved = args.judge.resolve(sources)?;
    let quiet = args.results.lines.quiet;
    let read = args.candidates.reading(args.judge.reading(Plan::default(), &resolved));
    let beginning = Beginning {
        settings: &args.judge,
        input: &args.input,
        models: args.models.setup(quiet, args.ranking.dry_run),
    };
    let begun = beginning.open(&resolved, args.results.writing(read)).await?;
    let Begun { input, models, stopping, .. } = begun;
    let options = args.ranking.options();
    args.ranking.check_flags(&options)?;
    let context = models::Context {
        settings: &args.judge,
        first: input.first.as_ref(),
        quiet,
        models: models.clone(),
        limits: args.models.limits(),
    };
    let ranker = Box::pin(args.candidates.open(&resolved, options, &context)).await?;
    if let (Some(judge), false) = (ranker.judge(), quiet) {
        match (ranker.policy(), &input.first) {
            (Some(policy), _) => independence::warn_of_policy(judge, policy),
            (None, Some(first)) => independence::warn_of_authors(judge, first),
            (None, None) => (),
        }
    }
    if args.results.plan && ranker.judge().is_some() && !ranker.rates_alone() && !quiet {
        note(
            "warning: --plan shows majority votes only: this judge sees several answers at a time, so that none has a \
             verdict of its own",
        );
    }
    if args.ranking.dry_run {
        dry_run::run(&ranker, input.records).await?;
        return Ok(Exit::Done);
    }
    let parts = models::parts(&ranker, &resolved);
    let work = RankWork::new(ranker).labelled(resolved.settings.label.clone());
    let work = if args.results.lines.no_item { work.without_items() } else { work };
    let options = running::options(&input, args.results.lines.redo(), stopping);
    let progress = Progress::new(input.total, quiet, models.clone());
    let (mut results, output) = args.results.open(progress, parts)?;
    let (summary, left) = run::rank(work, input.records, options, output, &mut results).await?;
    results.finish(&summary, left.as_ref(), &models)?;
    running::note_kept(summary.kept_failed, 0);
    let done = if summary.failed > 0 { Exit::Incomplete } else { Exit::Done };
    Ok(running::exit(&summary.ending.end, || done))
}

impl Args {
    /// Whether `--verbose` was given.
    pub(super) fn is_verbose(&self) -> bool {
        self.results.lines.verbose
    }
}

impl Ranking {
    /// Checks that no flag about judgments comes with a rule that asks no judge.
    ///
    /// # Errors
    /// One does.
    fn check_flags(&self, options: &RankOptions) -> Result<()> {
        let idle = [
            ("--pairs", self.pairs.is_some()),
            ("--window", self.window.is_some()),
            ("--rating", self.rating.is_some()),
            ("--measure", self.measure.is_some()),
        ];
        let Some((flag, _)) = idle.into_iter().find(|(_, is_set)| *is_set && !options.asks_judge())
        else {
            return Ok(());
        };
        let message = format!("{flag} has no effect: the rule `{}` asks no judge", options.rule);
        Err(Error::new(ErrorKind::Config, message)
            .hint("leave it out, or choose by another rule, such as --select weighted"))
    }

    /// The options of a ranking: those of a preset, and flags over them.
    fn options(&self) -> RankOptions {
        let preset = self.preset.as_deref().and_then(Preset::named);
        let mut options = preset.map(Preset::options).unwrap_or_default();
        options.rule = self.select.unwrap_or(options.rule);
        options.measure = self.measure.unwrap_or(options.measure);
        options.pairing = self.pairs.or(options.pairing);
        options.rating = self.rating.unwrap_or(options.rating);
        options.window = self.window.or(options.window);
        options.threshold = self.threshold.or(options.threshold);
        options.seed = self.shuffle_seed.unwrap_or(options.seed);
        options
    }
}
