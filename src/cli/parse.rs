//! `tribunal parse`: verdicts read out of texts that exist already.
//!
//! Nothing is sent: a judge without a model reads the verdict in each text by the rules of a prompt, and prints the same
//! lines and summary as `tribunal judge`. This is the way to compare rules on texts from another tool, and to measure how
//! many critiques of a model can be read.
//!
//! ```text
//! $ tribunal parse critiques.jsonl -p score --pass 'score >= 7' > verdicts.jsonl
//! 1 of 2 records judged, 1 unreadable (1 missing)
//! ```

use std::io;

use serde_json::Value;

use super::{Exit, emit, input::reading, note, print_error, settings::reading_named};
use tribunal::{
    backend::Script,
    config::Pair,
    error::Result,
    files::Plan,
    item::Item,
    judge::{self, Judge},
    records::{self, Record},
    report::{Labels, Summary},
    run::Finished,
    verdict::Judgment,
};

/// Read verdicts from existing critiques, without a model.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "\
Example:
  tribunal parse critiques.jsonl -p score --field raw",
    after_long_help = "\
Only the field with the text is required. Where a record also has the fields that the prompt reads, text that \
the critique quotes from them is not taken for a verdict. In a comparison the first answer of the record is \
the one that was shown first.

Example:
  tribunal parse critiques.jsonl -p score --field raw"
)]
pub(super) struct Args {
    /// Files, folders or patterns; - reads standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Prompt whose verdict rules read the texts.
    #[arg(short, long, value_name = "NAME|FILE")]
    prompt: String,
    /// Field that holds the text [default: raw].
    #[arg(long, default_value = "raw", hide_default_value = true)]
    field: String,
    /// Rule that decides what passes, such as 'score >= 7'.
    #[arg(long, value_name = "RULE")]
    pass: Option<String>,
    /// Field with the expected verdict of a record [default: label].
    #[arg(long, value_name = "FIELD")]
    label: Option<String>,
    /// Meaning of a word in that field, such as Good=correct.
    #[arg(long, value_name = "WORD=MEANING", value_delimiter = ',', allow_hyphen_values = true)]
    label_map: Vec<Pair>,
    /// Print no summary.
    #[arg(short, long)]
    quiet: bool,
}

/// Runs `tribunal parse`.
///
/// # Errors
/// The prompt or a file cannot be read, or the pass rule does not fit the prompt. A record without the text is a
/// failed line, and the exit code is 3.
pub(super) async fn run(args: Args) -> Result<Exit> {
    // No request is ever made; a judge needs a backend all the same.
    let mut builder =
        Judge::builder().backend(Script::always("")).with_prompt(judge::load(&args.prompt)?);
    if let Some(rule) = &args.pass {
        builder = builder.pass(rule);
    }
    let judge = builder.build().await?;
    let sources = records::sources(&args.files)?;
    let plan =
        reading_named(Plan::default().writes_stdout(), std::iter::once(args.prompt.as_str()));
    reading(plan, &sources).check()?;
    let mut summary = Summary::new(&judge, args.labels());
    for record in records::read(sources, records::ReadOptions::default()) {
        let finished = read(&judge, &args.field, record);
        summary.count(&finished.name(), finished.item.as_ref(), finished.outcome.as_ref());
        if let Err(error) = &finished.outcome {
            print_error(error);
        }
        emit(&mut io::stdout(), &finished.line(&judge, true).to_string())?;
    }
    if !args.quiet {
        note(&summary.to_string());
    }
    Ok(if summary.failed > 0 { Exit::Incomplete } else { Exit::Done })
}

impl Args {
    /// The field of the records' own labels, and what their words mean.
    fn labels(&self) -> Labels {
        let meanings = self.label_map.iter().map(|Pair(word, is)| (word.clone(), is.clone()));
        Labels::new(self.label.clone(), meanings)
    }
}

/// One record as a finished judgment.
fn read(judge: &Judge, field: &str, record: Record) -> Finished {
    let Record { index, place, item } = record;
    match item {
        Ok(item) => {
            let outcome = parsed(judge, &item, field).map_err(|error| error.within(&place));
            Finished { index, place, outcome, item: Some(item), kept: false }
        }
        Err(error) => Finished { index, place, item: None, outcome: Err(error), kept: false },
    }
}

/// Reads the text, with the other fields of the record as the judged text.
fn parsed(judge: &Judge, item: &Item, field: &str) -> Result<Judgment> {
    let text =
        item.at(field).map_err(|error| error.hint("--field names the field with the text"))?;
    let text = tribunal::item::text_of(text);
    // The critique is not part of the record that it judges.
    let top = field.split('.').next().filter(|_| !item.record().contains_key(field));
    judge.parse_for(&item.clone().filled(top.unwrap_or(field), Value::Null), &text)
}
