//! `tribunal parse`

use std::io;

use serde_json::Value;

use super::{Outcome, complain, emit, input::reading, note, settings::reading_named};
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

/// Read verdicts out of critiques that you already have: no model is called.
///
/// Only the field with the text is needed; a pair is taken as it was shown. Fields that the prompt
/// reads count where they are there: what they say is no verdict where the text quotes it.
///
/// Example:
///   tribunal parse critiques.jsonl -p score --field raw
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    /// Files, folders or patterns; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The prompt by whose rules the texts are read.
    #[arg(short, long, value_name = "NAME|FILE")]
    prompt: String,
    /// The field that holds the text.
    #[arg(long, default_value = "raw")]
    field: String,
    /// The rule that sets `pass`, such as 'score >= 7'.
    #[arg(long, value_name = "RULE")]
    pass: Option<String>,
    /// Field or path of the record's own label [default: label].
    #[arg(long, value_name = "FIELD")]
    label: Option<String>,
    /// The meaning of a word in labels, such as Good=correct.
    #[arg(long, value_name = "WORD=MEANING", value_delimiter = ',', allow_hyphen_values = true)]
    label_map: Vec<Pair>,
    /// No summary.
    #[arg(short, long)]
    quiet: bool,
}

pub(super) async fn run(args: Args) -> Result<Outcome> {
    // No backend is ever asked; the judge wants one.
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
    for record in records::read(sources, records::Options::default()) {
        let finished = read(&judge, &args.field, record);
        summary.count(&finished.name(), finished.item.as_ref(), finished.outcome.as_ref());
        if let Err(error) = &finished.outcome {
            complain(error);
        }
        emit(&mut io::stdout(), &finished.line(&judge, true).to_string())?;
    }
    if !args.quiet {
        note(&summary.to_string());
    }
    Ok(if summary.failed > 0 { Outcome::Incomplete } else { Outcome::Done })
}

impl Args {
    fn labels(&self) -> Labels {
        let meanings = self.label_map.iter().map(|Pair(word, is)| (word.clone(), is.clone()));
        Labels::new(self.label.clone(), meanings)
    }
}

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

/// Reads the text beside what the rest of the record shows.
fn parsed(judge: &Judge, item: &Item, field: &str) -> Result<Judgment> {
    let text = item.at(field).map_err(|error| error.hint("--field names the one with the text"))?;
    let text = tribunal::item::text_of(text);
    // The text is no part of what it is about.
    let top = field.split('.').next().filter(|_| !item.record().contains_key(field));
    judge.parse_for(&item.clone().filled(top.unwrap_or(field), Value::Null), &text)
}
