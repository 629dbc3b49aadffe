//! `tribunal batch write`

use std::{
    collections::HashSet,
    io::Write,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{
    super::{
        Exit, console, input, note,
        opening::Opening,
        output, print_error,
        settings::{self, Sources},
    },
    asked::{Asked, Notes},
};
use tribunal::{
    backend::{
        BudgetLimits,
        cache::{Cache, CacheStore},
        openai::batch::{BatchFormat, batch_line},
    },
    environment::Environment,
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::Item,
    judge::{Judge, MissingAnswer},
    judging::AskId,
    models::Models,
    request::{CacheKey, Request},
};

/// Write the requests that judging needs and the cache cannot answer.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    input: input::Args,
    #[command(flatten)]
    judge: settings::Args,
    /// File to write the requests to [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Format of the requests: openai or anthropic [default: by the model].
    #[arg(long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    format: Option<BatchFormat>,
    /// Print no messages.
    #[arg(short, long)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  tribunal batch write records.jsonl -p score -m openai/gpt-5-mini -o requests.jsonl
  tribunal batch read answers.jsonl
  tribunal judge records.jsonl -p score -m openai/gpt-5-mini -o verdicts.jsonl";

/// The most requests in a file that OpenAI accepts.
const MOST: usize = 50_000;

/// What was written, and what is left.
#[derive(Default)]
struct Count {
    records: usize,
    /// Records that no request can be made of.
    failed: usize,
    /// Records that lack answers.
    open: usize,
    /// Requests in the file.
    written: HashSet<CacheKey>,
    /// Those of them that ask again, because the limit of tokens cut an answer off.
    longer: usize,
}

/// Runs `tribunal batch write`.
///
/// # Errors
/// Settings, prompts, models or files cannot be used, or a model has no OpenAI-compatible API.
pub(super) async fn run(args: Args, sources: &Sources) -> Result<Exit> {
    let resolved = args.judge.resolve(sources)?;
    if !args.quiet {
        args.judge.introduce(&resolved)?;
    }
    let plan = args.judge.reading(Plan::default(), &resolved);
    let plan = match &args.output {
        Some(_) => output::writing_named(plan, [("--output", &args.output)]),
        None => plan.writes_stdout(),
    };
    let files = args.input.sources(plan, args.quiet).await?;
    let input = args.input.open(files, &resolved.fields());
    let folder = Cache::folder()?;
    let store = CacheStore::open(&folder)?;
    let judge = Opening {
        first: input.first.as_ref(),
        quiet: args.quiet,
        models: Models::new(Environment::process()),
        limits: BudgetLimits::default(),
    };
    let judge = judge.judge(&resolved).await?;
    let mut file = File::create(&args, &judge, &folder)?;
    for record in input.records {
        file.count.records += 1;
        let added = match record.item {
            Ok(item) => file.add(&judge, &item, &store).await?,
            Err(error) => Err(error),
        };
        if let Err(error) = added {
            file.count.failed += 1;
            print_error(&error.within(&record.place));
        }
    }
    let count = file.finish()?;
    if !args.quiet {
        note(&count.text());
    }
    Ok(if count.failed > 0 { Exit::Incomplete } else { Exit::Done })
}

/// The file of requests, while it is written.
struct File {
    out: Box<dyn Write + Send>,
    notes: Notes,
    format: Option<BatchFormat>,
    count: Count,
}

impl File {
    /// # Errors
    /// A model has no OpenAI-compatible API, or a file cannot be written.
    fn create(args: &Args, judge: &Judge, cache: &Path) -> Result<Self> {
        let probe = Request::generate(Vec::new());
        if let Some((_, model)) = judge.members().find(|(_, model)| model.fields(&probe).is_none())
        {
            let message = format!("`{}` answers no files of requests", model.name());
            return Err(Error::new(ErrorKind::Config, message)
                .hint("name a model with an OpenAI-compatible API, such as -m openai/gpt-5-mini"));
        }
        let out: Box<dyn Write + Send> = match &args.output {
            Some(path) => Box::new(std::io::BufWriter::new(output::create(path)?)),
            None => console::stdout(),
        };
        Ok(Self { out, notes: Notes::create(cache)?, format: args.format, count: Count::default() })
    }

    /// Adds the requests that a record needs. The inner error is that of the record.
    ///
    /// # Errors
    /// The file cannot be written, or the cache cannot be read.
    async fn add(&mut self, judge: &Judge, item: &Item, store: &CacheStore) -> Result<Result<()>> {
        // A damaged answer is missing, with a warning. If the cache cannot be read at all, everything would be asked
        // for again.
        let unread = OnceLock::new();
        let known = |key: &CacheKey| match store.get(&key.hex()) {
            Ok(answer) => answer,
            Err(error) => {
                unread.get_or_init(|| error);
                None
            }
        };
        let missing = judge.missing(item, known).await;
        if let Some(error) = unread.into_inner() {
            return Err(error);
        }
        let missing = match missing {
            Ok(missing) => missing,
            Err(error) => return Ok(Err(error)),
        };
        for MissingAnswer { id, key, request, is_longer, .. } in &missing {
            let before = self.count.written.len();
            if let Err(error) = self.write(judge, id, key, request)? {
                return Ok(Err(error));
            }
            let is_new = self.count.written.len() > before;
            self.count.longer += usize::from(*is_longer && is_new);
        }
        // A record that no request can be made of has failed, and is not open.
        self.count.open += usize::from(!missing.is_empty());
        Ok(Ok(()))
    }

    /// Writes a request, unless an equal one was written.
    fn write(
        &mut self,
        judge: &Judge,
        id: &AskId,
        key: &CacheKey,
        request: &Request,
    ) -> Result<Result<()>> {
        let Some(model) = judge.backend_of(id) else { return Ok(Ok(())) };
        if self.count.written.contains(key) {
            return Ok(Ok(()));
        }
        let fields = match model.fields(request) {
            Some(Ok(fields)) => fields,
            Some(Err(error)) => return Ok(Err(error)),
            // Every member was looked at before the first record.
            None => return Ok(Ok(())),
        };
        let is_anthropic = model.name().starts_with("anthropic/");
        let usual = if is_anthropic { BatchFormat::Anthropic } else { BatchFormat::OpenAi };
        let line = batch_line(key, &fields, self.format.unwrap_or(usual));
        self.notes.add(&Asked::of(key, model.name(), request))?;
        writeln!(self.out, "{line}").map_err(console::cannot_print)?;
        self.count.written.insert(*key);
        Ok(Ok(()))
    }

    /// Writes what is left.
    fn finish(mut self) -> Result<Count> {
        self.out.flush().map_err(console::cannot_print)?;
        self.notes.finish(self.count.written.len())?;
        Ok(self.count)
    }
}

impl Count {
    /// What was written, in words.
    fn text(&self) -> String {
        let Self { records, failed, open, written, longer } = self;
        let whole = records - failed - open;
        if written.is_empty() {
            let mut text = format!(
                "nothing to ask: all answers for {whole} of {records} records are in the cache"
            );
            if *failed > 0 {
                text += &format!(", and {failed} cannot be asked about");
            }
            return text;
        }
        let longer = match longer {
            0 => String::new(),
            longer => format!(
                " ({longer} of them ask again with twice the tokens, since the answers were cut off)"
            ),
        };
        let mut text = format!(
            "{} requests{longer} for {open} of {records} records; after `tribunal batch read`, run this again for what \
             follows from the answers, until there is nothing to ask",
            written.len()
        );
        if written.len() > MOST {
            text +=
                &format!("; OpenAI accepts {MOST} requests in a file: split -l {MOST} divides it");
        }
        text
    }
}
