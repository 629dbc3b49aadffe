//! `tribunal judge`

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, IsTerminal, Write},
    path::PathBuf,
    sync::Arc,
};

use super::{Format, Outcome, complain, emit, note, progress::Progress};
use crate::{
    backend::{self, Backend},
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::{self, Judge, JudgeBuilder},
    prompt::{self, Order, Prompt},
    records::{self, FieldMap, Record, Source},
    report::{self, Summary},
    request::Sampling,
    run,
    scale::Scale,
};

/// Judge the records of JSONL files, and print a line of results for each.
///
/// Examples:
///   tribunal judge answers.jsonl -m qwen3-8b.gguf -o verdicts.jsonl
///   tribunal judge pairs.jsonl -p pair -m openai/gpt-5-mini --draws 3
///   cat traces.jsonl | tribunal judge - -m tiny | jq .first_error
///   tribunal judge answers.jsonl --criteria 'Correct, and admits what it does not know' --scale 1-5
///   tribunal judge answers.jsonl --pass 'score >= 7' --fail-under 0.9
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// JSONL files; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Built-in prompt or prompt file [default: by model and record].
    #[arg(short, long, value_name = "NAME|FILE")]
    prompt: Option<String>,
    /// tiny, FILE.gguf, openai/MODEL, ollama/MODEL, vllm/MODEL, replay:FILE … [default: tiny].
    #[arg(short, long, env = "TRIBUNAL_MODEL")]
    model: Option<String>,
    /// Where results go [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How results are printed [default: jsonl; pretty on a terminal].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Let the prompt's field NEW be the record's field OLD; repeatable.
    #[arg(long, value_name = "NEW=OLD")]
    map: Vec<FieldMap>,
    /// Fill the field NAME of every record, with a text or with a file's; repeatable.
    #[arg(long, value_name = "NAME=TEXT|@FILE")]
    set: Vec<String>,
    /// What a good answer is, in your own words.
    #[arg(long, value_name = "TEXT|@FILE")]
    criteria: Option<String>,
    /// Another scale than the prompt's own, such as 1-5.
    #[arg(long, value_name = "MIN-MAX", allow_hyphen_values = true)]
    scale: Option<Scale>,
    /// Samples of every question.
    #[arg(short = 'n', long, value_name = "N")]
    draws: Option<u32>,
    /// In which orders answers are shown.
    #[arg(long, value_enum)]
    order: Option<OrderArg>,
    /// Records judged at once [default: what the model takes well].
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: Option<u16>,
    /// Sampling temperature; 0 is greedy.
    #[arg(long)]
    temperature: Option<f64>,
    /// Most tokens of an answer.
    #[arg(long, value_name = "N")]
    max_tokens: Option<u32>,
    /// Where chance starts from.
    #[arg(long)]
    seed: Option<u64>,
    /// Address of an OpenAI-compatible API, up to /v1.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Field added to every request body; repeatable.
    #[arg(long, value_name = "KEY=JSON")]
    extra: Vec<String>,
    /// Stands for the model in keys.
    #[arg(long, value_name = "NAME")]
    model_id: Option<String>,
    /// Write every answer of the model to this file, for -m replay:FILE.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Judge only the first N records.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// The rule that sets `pass`, such as 'score >= 7'.
    #[arg(long, value_name = "RULE")]
    pass: Option<String>,
    /// Exit 1 if less than this share of all records passes, 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    fail_under: Option<f64>,
    /// Exit 1 if more than this share of answers is unreadable, 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    max_unreadable: Option<f64>,
    /// Leave the record out of its line.
    #[arg(long)]
    no_item: bool,
    /// No progress and no summary.
    #[arg(short, long)]
    quiet: bool,
}

/// In which orders answers are shown.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum OrderArg {
    Both,
    Given,
    Hash,
    Rotate,
    Shuffle,
}

impl From<OrderArg> for Order {
    fn from(order: OrderArg) -> Self {
        match order {
            OrderArg::Both => Self::Both,
            OrderArg::Given => Self::Given,
            OrderArg::Hash => Self::Hash,
            OrderArg::Rotate => Self::Rotate,
            OrderArg::Shuffle => Self::Shuffle,
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&number) {
        Ok(number)
    } else {
        Err("a share lies between 0 and 1".into())
    }
}

pub(super) async fn run(args: Args) -> Result<Outcome> {
    let mut records = args.records()?;
    let first = first_item(&mut records);
    let judge = args.judge(first.as_ref()).await?;
    if let Some(item) = &first {
        warn(&judge, item, args.quiet);
    }
    let mut out = args.output()?;
    let format = args.format(&out);
    let options = run::Options {
        concurrency: args.concurrency.map_or(judge.concurrency(), usize::from),
        with_item: !args.no_item,
    };
    let mut progress = Progress::new(args.count(), args.quiet);
    let reporter = judge.clone();
    let finished = |finished: run::Finished| {
        progress.count(&finished);
        if let Err(error) = &finished.outcome {
            progress.aside(|| complain(error));
        }
        let line = match format {
            Format::Jsonl => finished.line(&reporter, options.with_item).to_string(),
            Format::Pretty => {
                let id = finished.id();
                report::line(&id, finished.outcome.as_ref())
            }
        };
        progress.aside(|| emit(out.writer(), &line))
    };
    let summary = run::run(&judge, records, options, finished).await;
    progress.finish();
    let summary = summary?;
    if !args.quiet {
        note(&summary.to_string());
    }
    Ok(args.gate(&summary))
}

type Records = Box<dyn Iterator<Item = Result<Record>> + Send>;

impl Args {
    fn records(&self) -> Result<Records> {
        let sources = self.files.iter().map(|name| Source::named(name)).collect();
        let map = self.fields()?;
        let records = records::read(sources, map)?;
        Ok(match self.limit {
            Some(limit) => Box::new(records.take(limit)),
            None => Box::new(records),
        })
    }

    /// How prompts see the records' fields.
    fn fields(&self) -> Result<FieldMap> {
        let mut fields = FieldMap::joined(self.map.iter().cloned());
        for pair in &self.set {
            let (name, value) = pair.split_once('=').ok_or_else(|| {
                Error::new(ErrorKind::Config, format!("`--set {pair}` fills no field"))
                    .hint("write --set rubric='5: perfect, 1: wrong' or --set rubric=@rubric.txt")
            })?;
            fields = fields.filling(name, text_or_file(value)?);
        }
        match &self.criteria {
            Some(criteria) => Ok(fields.filling(CRITERIA, text_or_file(criteria)?)),
            None => Ok(fields),
        }
    }

    async fn judge(&self, first: Option<&Item>) -> Result<Judge> {
        let name = self.model.as_deref().unwrap_or(backend::DEFAULT_MODEL);
        if self.model.is_none() && self.base_url.is_some() {
            return Err(Error::new(ErrorKind::Config, "--base-url needs the name of a model")
                .hint("add -m MODEL"));
        }
        if self.model.is_none() && !self.quiet {
            note(
                "no model named: the shipped `tiny` judges, sums and differences of whole numbers up to 999 only; name a real one with -m model.gguf or -m openai/MODEL",
            );
        }
        let backend = backend::open(name, &self.options()?).await?;
        let prompt = self.prompt(&*backend, first)?;
        let reads_criteria = prompt.fields().iter().any(|field| field.name == CRITERIA);
        if self.criteria.is_some() && !reads_criteria {
            let message = format!("the prompt `{}` reads no criteria", prompt.name());
            return Err(Error::new(ErrorKind::Config, message).hint(
                "score, score-reference, pair, pair-reference and rank do: name one with -p",
            ));
        }
        let mut builder =
            Judge::builder().backend(backend).with_prompt(prompt).sampling(self.sampling());
        builder = apply(builder, self.scale.clone(), JudgeBuilder::scale);
        builder = apply(builder, self.draws, JudgeBuilder::draws);
        builder = apply(builder, self.order.map(Order::from), JudgeBuilder::order);
        builder = apply(builder, self.pass.clone(), JudgeBuilder::pass);
        builder = apply(builder, std::env::var("TRIBUNAL_SECRET").ok(), JudgeBuilder::secret);
        let judge = builder.build().await?;
        if self.fail_under.is_some() && judge.pass().is_none() {
            return Err(Error::new(
                ErrorKind::Config,
                "--fail-under needs a rule that says what passes",
            )
            .hint("add one, such as --pass 'score >= 7'"));
        }
        Ok(judge)
    }

    /// The prompt that was named, or the one that fits model and first record.
    fn prompt(&self, backend: &dyn Backend, first: Option<&Item>) -> Result<Arc<Prompt>> {
        if let Some(name) = &self.prompt {
            return judge::load(name);
        }
        let mut names = backend.aliases();
        names.push(backend.name().to_owned());
        let Some(item) = first else { return judge::load("score") };
        let prompt = prompt::default_for(&names, item)?;
        if !self.quiet {
            let summary = prompt.front().summary.as_deref().unwrap_or_default();
            note(&format!(
                "no prompt named: `{}` fits the records ({summary}); -p takes another",
                prompt.name()
            ));
        }
        Ok(prompt)
    }

    fn options(&self) -> Result<backend::Options> {
        let field = |pair: &String| {
            let (key, value) = pair.split_once('=').ok_or_else(|| {
                Error::new(ErrorKind::Config, format!("`--extra {pair}` is no KEY=JSON"))
                    .hint("write --extra reasoning_effort='\"low\"'")
            })?;
            // A word without quotes is a text.
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            Ok((key.to_owned(), value))
        };
        Ok(backend::Options {
            base_url: self.base_url.clone(),
            model_id: self.model_id.clone(),
            extra: self.extra.iter().map(field).collect::<Result<_>>()?,
            record: self.record.clone(),
        })
    }

    fn sampling(&self) -> Sampling {
        Sampling {
            temperature: self.temperature,
            max_tokens: self.max_tokens,
            seed: self.seed,
            ..Sampling::default()
        }
    }

    fn output(&self) -> Result<Out> {
        let Some(path) = &self.output else { return Ok(Out::Stdout(io::stdout())) };
        // Results cost money: a second run adds to them, and never writes over them.
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.map(Out::File).map_err(|cause| {
            Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause)
        })
    }

    fn format(&self, out: &Out) -> Format {
        let terminal = matches!(out, Out::Stdout(stdout) if stdout.is_terminal());
        self.format.unwrap_or(if terminal { Format::Pretty } else { Format::Jsonl })
    }

    /// How many records there are, where that can be told without using them up.
    fn count(&self) -> Option<u64> {
        if self.quiet || !io::stderr().is_terminal() {
            return None;
        }
        let lines = |name: &String| -> Option<u64> {
            let Source::File(path) = Source::named(name) else { return None };
            let mut file = BufReader::with_capacity(1 << 20, File::open(path).ok()?);
            let mut count = 0;
            while file.skip_until(b'\n').ok()? > 0 {
                count += 1;
            }
            Some(count)
        };
        let total = self.files.iter().map(lines).sum::<Option<u64>>()?;
        Some(self.limit.map_or(total, |limit| total.min(limit as u64)))
    }

    fn gate(&self, summary: &Summary) -> Outcome {
        if summary.failed > 0 {
            return Outcome::Incomplete;
        }
        let under = self.fail_under.is_some_and(|least| summary.pass_rate().unwrap_or(0.0) < least);
        let unread = self.max_unreadable.is_some_and(|most| summary.unreadable_rate() > most);
        if let (true, Some(least)) = (under, self.fail_under) {
            note(&format!(
                "gate failed: {:.3} of all records passed, less than {least}",
                summary.pass_rate().unwrap_or(0.0)
            ));
        }
        if let (true, Some(most)) = (unread, self.max_unreadable) {
            note(&format!(
                "gate failed: {:.3} of the answers are unreadable, more than {most}",
                summary.unreadable_rate()
            ));
        }
        if under || unread { Outcome::GateFailed } else { Outcome::Done }
    }
}

const CRITERIA: &str = "criteria";

/// The text itself, or what stands in the file behind an `@`.
fn text_or_file(value: &str) -> Result<String> {
    let Some(path) = value.strip_prefix('@') else { return Ok(value.to_owned()) };
    std::fs::read_to_string(path).map(|text| text.trim_end().to_owned()).map_err(|cause| {
        Error::new(ErrorKind::Config, format!("cannot read `{path}`")).because(cause)
    })
}

fn apply<T>(
    builder: JudgeBuilder,
    value: Option<T>,
    set: impl FnOnce(JudgeBuilder, T) -> JudgeBuilder,
) -> JudgeBuilder {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

/// Where results go.
enum Out {
    Stdout(io::Stdout),
    File(File),
}

impl Out {
    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stdout(stdout) => stdout,
            Self::File(file) => file,
        }
    }
}

/// The first record that can be read, without using it up.
fn first_item(records: &mut Records) -> Option<Item> {
    let mut seen = Vec::new();
    let mut first = None;
    for record in records.by_ref() {
        first = record.as_ref().ok().and_then(|record| record.item.as_ref().ok()).cloned();
        seen.push(record);
        if first.is_some() {
            break;
        }
    }
    let rest = std::mem::replace(records, Box::new(std::iter::empty()));
    *records = Box::new(seen.into_iter().chain(rest));
    first
}

/// What a user should know before anything is paid for.
fn warn(judge: &Judge, item: &Item, quiet: bool) {
    if quiet {
        return;
    }
    if item.names_the_winner() && judge.order() == Order::Given {
        note(
            "warning: `chosen` always stands first in these records; --order both shows each pair both ways",
        );
    }
    if item.cleaned() > 0 {
        note("warning: records hold Unicode noncharacters (U+FDD0…), which are taken out");
    }
}
