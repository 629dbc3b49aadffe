//! `tribunal label`
//!
//! The steps of each solution get labels by completing it: a policy goes on from a step several times, and a check
//! compares the ends with the reference. The search itself is `strategy::label` of the library. This command opens the
//! policy and the check, and writes lines of labels, or training data for process reward models.
//!
//! | part | flag | default |
//! |---|---|---|
//! | policy, which completes | `-m`, `-p`, `--draws`, `--temperature`, … | as for `tribunal judge`; the prompt by model |
//! | check of the ends | `--check` | `check:math` |

mod results;

use std::sync::Arc;

use serde_json::json;

use super::{
    Exit,
    beginning::{Beginning, Begun},
    budget, choose, engines, input, manifest, note,
    opening::{self, Opening},
    progress::Progress,
    running,
    settings::{self, Sources},
    width,
};
use tribunal::{
    config::{Resolved, SettingOrigin},
    error::Result,
    files::Plan,
    item::Item,
    judge::Judge,
    models::Models,
    parse::Kind,
    prompt::{self, PolicyTask, Prompt},
    run::{self, LabelWork},
    strategy::label::{LabelMethod, LabelOptions, Labeler},
};

/// Label the steps of solutions by completing them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = METHODS)]
pub(super) struct Args {
    #[command(flatten)]
    input: input::Args,
    #[command(flatten)]
    policy: settings::Args,
    #[command(flatten)]
    labels: Labels,
    #[command(flatten)]
    models: opening::Args,
    #[command(flatten)]
    results: results::Args,
}

/// How labels are found.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Labels")]
struct Labels {
    /// Method: every-step or first-error [default: every-step].
    #[arg(long, value_enum, value_name = "METHOD", hide_possible_values = true)]
    method: Option<LabelMethod>,
    /// Check or judge of completed solutions [default: check:math].
    #[arg(long, value_name = "JUDGE|MODEL")]
    check: Option<String>,
    /// Largest share of right completions after a wrong step [default: 0].
    #[arg(long, value_name = "SHARE")]
    threshold: Option<f64>,
}

/// Below the short help.
const EXAMPLES: &str = "\
Examples:
  tribunal label solutions.jsonl -m openai/gpt-5-mini --draws 8 -o labels.jsonl
  tribunal label solutions.jsonl -m qwen.gguf --method first-error -o labels.jsonl
  tribunal label solutions.jsonl -m qwen.gguf -o labels.jsonl --training prm.jsonl
More options and methods: tribunal help label";

/// Below the long help.
const METHODS: &str = "\
Records need a question, steps (or an answer, which is split into steps) and a reference. The model of -m completes \
each solution from its steps, and --check compares the ends with the reference. A step is correct if more than \
--threshold of the completions after it end right; its `value` is that share.

Methods:
  every-step   Wang et al. 2024, Math-Shepherd: every step gets a value
  first-error  Luo et al. 2024, OmegaPRM: binary search for the first wrong step, of solutions that end wrong

Training data (--training, --training-format):
  trl      stepwise supervision of TRL: prompt, completions, labels
  prm800k  the shape of PRM800K: question, label.steps with ratings 1 and -1

Exit codes:
  0    done
  2    an error in the command, the configuration or a prompt
  3    something could not be done; finished results are saved
  130  interrupted; finished results are saved";

/// Runs `tribunal label`.
///
/// # Errors
/// Settings, prompts, models or files cannot be used. What fails for one record alone is a line of results, not
/// an error of the command.
pub(super) async fn run(args: Args, sources: &Sources) -> Result<Exit> {
    let resolved = args.policy.resolve(sources)?;
    let quiet = args.results.lines.quiet;
    let read = args.policy.reading(Plan::default(), &resolved);
    let read = settings::reading_named(read, args.labels.check.iter().map(String::as_str));
    let beginning = Beginning {
        settings: &args.policy,
        input: &args.input,
        models: args.models.setup(quiet, false),
    };
    let begun = beginning.open(&resolved, args.results.writing(read)).await?;
    let Begun { input, models, stopping, .. } = begun;
    let labeler = args.labeler(&resolved, input.first.as_ref(), &models).await?;
    let options = running::options(&input, args.results.lines.redo(), stopping);
    let progress = Progress::new(input.total, quiet, models.clone());
    let mut parts = json!({"policy": manifest::of_writer(labeler.policy())});
    parts["policy"]["settings"] = json!(resolved.settings);
    parts["check"] = manifest::of_writer(labeler.check());
    let (mut results, output) = args.results.open(progress, labeler.options(), parts)?;
    let work = LabelWork::new(labeler).labels(settings::labels(&resolved));
    let work = if args.results.lines.no_item { work.without_items() } else { work };
    let (summary, left) = run::label(work, input.records, options, output, &mut results).await?;
    results.finish(&summary, left.as_ref(), &models)?;
    if !quiet {
        note(&summary.to_string());
        if let Some(columns) = width::of_stderr() {
            summary.records.bars(columns).iter().for_each(|bar| note(bar));
        }
        engines::print(&models);
    }
    let records = &summary.records;
    running::note_kept(records.kept_failed, records.kept_unreadable);
    let done = if records.failed > 0 { Exit::Incomplete } else { Exit::Done };
    Ok(running::exit(&records.ending.end, || done))
}

impl Args {
    /// Whether `--verbose` was given.
    pub(super) fn is_verbose(&self) -> bool {
        self.results.lines.verbose
    }

    /// Opens the policy and the check.
    ///
    /// # Errors
    /// A model cannot be opened, or settings contradict each other.
    async fn labeler(
        &self,
        resolved: &Resolved,
        first: Option<&Item>,
        models: &Models,
    ) -> Result<Labeler> {
        let backend = models.open(resolved.model_spec()).await?;
        budget::check_price(&self.models.limits(), resolved, &*backend)?;
        let mut resolved = resolved.clone();
        let prompt = match own_prompt(&resolved) {
            Some(prompt) => prompt.clone(),
            None => prompt::writer_for(&choose::names(&*backend), PolicyTask::Completion)?,
        };
        let split = resolved.settings.split_steps.take().unwrap_or_default();
        // The file may say these about its judges; what a policy writes is no verdict.
        (resolved.settings.scale, resolved.settings.pass) = (None, None);
        resolved.settings.labels.clear();
        let policy = resolved.builder()?.backend(backend).with_prompt(prompt).build().await?;
        let options = LabelOptions::default()
            .method(self.labels.method.unwrap_or_default())
            .threshold(self.labels.threshold.unwrap_or_default())
            .split(split);
        Labeler::new(policy, self.check(first, models).await?, options)
    }

    /// The judge of completed solutions: one of the configuration, or a model.
    async fn check(&self, first: Option<&Item>, models: &Models) -> Result<Judge> {
        let name = self.labels.check.as_deref().unwrap_or("check:math");
        let resolved = if self.policy.config()?.judges().contains(&name) {
            self.policy.judge(name)?
        } else {
            self.policy.model(name, None)?
        };
        let first = first.map(|item| item.revised("a solution"));
        let (quiet, limits) = (true, self.models.limits());
        let opening = Opening { first: first.as_ref(), quiet, models: models.clone(), limits };
        opening.judge(&resolved).await
    }
}

/// The prompt that was named for the policy. Prompts that judge are not meant, where the configuration names them for
/// its judges: one that was named in the command is refused later.
fn own_prompt(resolved: &Resolved) -> Option<&Arc<Prompt>> {
    let is_flag = matches!(resolved.origin("prompt"), SettingOrigin::Flag(_));
    let writes = |prompt: &&Arc<Prompt>| is_flag || prompt.front().kind == Kind::Revision;
    resolved.prompt().filter(writes)
}
