//! `tribunal align`: repairs the prompt of a judge by labelled records that it gets wrong.
//!
//! A model proposes changed prompts from disagreements, and labelled records that it has not seen decide. All requests go
//! through the cache and the budget of the run, so that the same command continues a run that was stopped.

mod candidates;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use tokio::sync::watch;

use self::candidates::Candidates;
use super::{
    Exit, budget, emit_figures, engines,
    input::reading,
    label_file, note, opening, print_error, result_lines,
    settings::{self, Sources},
};
use tribunal::{
    align::{AlignOptions, Aligner, Candidate, Case},
    backend::Backend,
    config::{Pair, Resolved},
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::Item,
    judge::{self, Judge},
    models::Models,
    parse::Kind,
    prompt::Prompt,
    records::Source,
    report::{Labels, consensus, escaped},
    request::Sampling,
    units::counted,
};

/// Repair a judge's prompt by labelled disagreements.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tribunal align judge.jinja labelled.jsonl -m openai/gpt-5-mini --writer openai/gpt-5 -o better.jinja
  tribunal align judge.jinja labels.jsonl --records verdicts.jsonl -m judge.gguf -o better.jinja

Three of ten labelled records are for training, three choose among candidates, and four are held out:
only a significant difference on these replaces the prompt.")]
pub(super) struct Args {
    /// Prompt file of the judge, or the name of a prompt.
    #[arg(value_name = "JUDGE")]
    judge_prompt: String,
    /// Records with labels, or labels with --records.
    #[arg(value_name = "LABELS")]
    labelled: PathBuf,
    /// Records that the labels belong to, by id.
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// File for the better prompt.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// File for all candidates [default: FILE.candidates.jsonl].
    #[arg(long, value_name = "FILE")]
    candidates_file: Option<PathBuf>,
    /// Model that proposes prompts [default: the judge's].
    #[arg(long, value_name = "MODEL")]
    writer: Option<String>,
    /// Address of the writer's API, up to /v1.
    #[arg(long, value_name = "URL")]
    writer_base_url: Option<String>,
    /// Prompt of the writer.
    #[arg(long, value_name = "PROMPT", default_value = "align")]
    writer_prompt: String,
    /// Maximum tokens of a proposal.
    #[arg(long, value_name = "N")]
    writer_max_tokens: Option<u32>,
    /// Number of rounds.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Candidates of each round.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    candidates: u32,
    /// Disagreements that the writer sees for each candidate.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=100))]
    shown: u16,
    /// Random seed of the parts, and of what is shown.
    #[arg(long, value_name = "N", default_value_t = 0)]
    parts_seed: u64,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    judge: settings::Args,
    #[command(flatten)]
    models: opening::Args,
}

/// Runs `tribunal align`.
///
/// # Errors
/// Settings, prompts, models or files cannot be used, labels are too few, or a model gives no answer.
pub(super) async fn run(args: Args, sources: &Sources) -> Result<Exit> {
    let resolved = args.judge.resolve(sources)?;
    if resolved.settings.prompt.is_some() || resolved.is_jury() {
        return Err(Error::new(ErrorKind::Config, "`align` repairs one prompt file of one judge")
            .hint("name the prompt first, without -p: tribunal align judge.jinja labels.jsonl -o better.jinja"));
    }
    args.judge.introduce(&resolved)?;
    args.plan(&resolved).check()?;
    let original = judge::load(&args.judge_prompt)?;
    let labels = labels_of(&resolved);
    let numbers = matches!(original.front().verdict_kind(), Kind::Score | Kind::Criteria);
    let (cases, failed) = args.cases(&labels, numbers)?;
    // An interrupt ends the program at once: answers are cached, and candidates are on disk.
    let (_, never) = watch::channel(false);
    let opener = Box::pin(args.models.setup(false, false).models(&[&resolved], never)).await?;
    let limits = args.models.limits();
    let backend = opener.open(resolved.model_spec()).await?;
    budget::check_price(&limits, &resolved, &*backend)?;
    let writer = args.writer(&resolved, &backend, &opener).await?;
    let open = async |prompt: Arc<Prompt>| {
        let builder = resolved.with_reference(resolved.builder()?).models(&opener);
        builder.backend(backend.clone()).with_prompt(prompt).build().await
    };
    let mut options = AlignOptions::default();
    (options.rounds, options.candidates) = (args.rounds, args.candidates);
    (options.shown, options.seed) = (args.shown.into(), args.parts_seed);
    let aligner = Aligner::new(open, writer, labels, options)?;
    let run = aligner.fingerprint(backend.name(), &original, &cases);
    let mut candidates = Candidates::open(&args.candidates_path(), run)?;
    let keep = |candidate: &Candidate| {
        note(&told(candidate));
        candidates.add(candidate)
    };
    let found = Box::pin(aligner.align(original, cases, keep)).await?;
    fs::write(&args.output, &found.prompt).map_err(|cause| cannot_write(&args.output, cause))?;
    let text = if args.json { format!("{:#}", found.to_json()) } else { found.to_string() };
    emit_figures(&text, args.json)?;
    let what = if found.is_better() { "the better prompt" } else { "the prompt as it was" };
    note(&format!("wrote {what} to {}", args.output.display()));
    engines::print(&opener);
    let failed = failed + found.left_out.len();
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}

/// One line about a candidate.
fn told(candidate: &Candidate) -> String {
    use tribunal::align::CandidateOutcome::{Judged, Rejected};
    let Candidate { number, round, outcome, .. } = candidate;
    match outcome {
        Rejected { reason } => {
            format!("round {round}, candidate {number}: rejected: {}", escaped(reason))
        }
        Judged { agreement, .. } => {
            format!("round {round}, candidate {number}: validation agreement {agreement:.3}")
        }
    }
}

impl Args {
    /// Everything that is read and written.
    fn plan(&self, resolved: &Resolved) -> Plan {
        let mut read = vec![Source::named(&self.labelled)];
        read.extend(self.records.as_deref().map(Source::named));
        let plan = self.judge.reading(Plan::default(), resolved);
        let plan = settings::reading_named(plan, std::iter::once(self.judge_prompt.as_str()));
        let plan = reading(plan, &read).writes_stdout();
        plan.writes("-o", &self.output).writes("the candidates", &self.candidates_path())
    }

    fn candidates_path(&self) -> PathBuf {
        self.candidates_file.clone().unwrap_or_else(|| {
            let mut name = self.output.clone().into_os_string();
            name.push(".candidates.jsonl");
            name.into()
        })
    }

    /// The labelled records without their labels, and how many records could not be read. `numbers` are labels of scores.
    ///
    /// # Errors
    /// No label, or no record, can be read.
    fn cases(&self, labels: &Labels, numbers: bool) -> Result<(Vec<Case>, usize)> {
        let (labelled, mut failed) = label_file::read(Source::named(&self.labelled))?;
        let mut items: BTreeMap<String, Item> = BTreeMap::new();
        if let Some(path) = &self.records {
            let (records, unread) = label_file::read(Source::named(path))?;
            failed += unread;
            items.extend(records.into_iter().map(|(id, item)| (id, record_of(item))));
        }
        let labelled = match self.records {
            Some(_) => label_file::joined(labelled, items.keys().map(String::as_str)),
            None => labelled,
        };
        let mut by_id: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        for (id, item) in labelled {
            let item = if self.records.is_some() { item } else { record_of(item) };
            if labels.find(&item).is_some() {
                by_id.entry(id).or_default().push(item);
            }
        }
        let (mut cases, mut without, mut tied) = (Vec::new(), 0, 0);
        for (id, labelled) in by_id {
            let own = labelled.first().cloned();
            let record = if self.records.is_some() { items.get(&id).cloned() } else { own };
            let Some(record) = record else {
                without += 1;
                continue;
            };
            match consensus(labels, labelled, numbers) {
                Some(label) => {
                    cases.push(Case { item: without_label(&record, labels), id, label });
                }
                None => tied += 1,
            }
        }
        if tied > 0 {
            note(&format!(
                "left out {} on whose label people do not agree",
                counted(tied, "record")
            ));
        }
        if without > 0 {
            print_error(&Error::new(
                ErrorKind::Record,
                format!("no record has the id of {}", counted(without, "label")),
            ));
            failed += without;
        }
        Ok((cases, failed))
    }

    /// The judge that writes proposals.
    async fn writer(
        &self,
        resolved: &Resolved,
        backend: &Arc<dyn Backend>,
        opener: &Models,
    ) -> Result<Judge> {
        let (policy, backend) = match &self.writer {
            Some(name) => {
                let policy = self.judge.model(name, self.writer_base_url.as_deref())?;
                let backend = opener.open(policy.model_spec()).await?;
                budget::check_price(&self.models.limits(), &policy, &*backend)?;
                (policy, backend)
            }
            None => (resolved.clone(), backend.clone()),
        };
        let mut sampling = Sampling::default();
        sampling.max_tokens = self.writer_max_tokens;
        let prompt = judge::load(&self.writer_prompt)?;
        let builder = Judge::builder().backend(backend).with_prompt(prompt).sampling(sampling);
        match policy.model.price {
            Some(price) => builder.price(price),
            None => builder,
        }
        .build()
        .await
    }
}

/// Where the labels of records are, and what their words mean.
fn labels_of(resolved: &Resolved) -> Labels {
    let meanings = resolved.settings.label_map.iter();
    let meanings = meanings.map(|Pair(word, meaning)| (word.clone(), meaning.clone()));
    Labels::new(resolved.settings.label.clone(), meanings)
}

/// The record of a result line; any other record as it is.
fn record_of(item: Item) -> Item {
    result_lines::of_item(&item).and_then(|line| line.item).map_or(item, Item::from)
}

/// The record without its label, so that no prompt can print it.
fn without_label(item: &Item, labels: &Labels) -> Item {
    let mut record = item.record().clone();
    let mut path: Vec<&str> = labels.name().split('.').collect();
    if record.shift_remove(labels.name()).is_none()
        && let Some(last) = path.pop()
        && let Some((first, rest)) = path.split_first()
    {
        let mut inner = record.get_mut(*first);
        for name in rest {
            inner = inner.and_then(|value| value.get_mut(*name));
        }
        if let Some(Value::Object(object)) = inner {
            object.shift_remove(last);
        }
    }
    Item::from(record)
}

fn cannot_write(path: &Path, cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
}
