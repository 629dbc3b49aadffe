//! `tribunal annotate`: a person labels records, without seeing what the judge says.
//!
//! Every label is on the disk before the next record is shown. The same command continues where it was stopped.

mod agreement;
mod answers;
mod labels;
mod shown;
mod task;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
};

use self::{
    answers::Answers,
    labels::{LabelFile, LabelLine},
    shown::{laid_out, parts},
    task::{Task, Typed},
};
use super::{
    Exit,
    console::{FewErrors, emit_coloured},
    input, note, print_error, result_lines,
};
use tribunal::{
    Scale,
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::Item,
    line, records,
    report::escaped,
};

/// Label records by hand, without seeing the verdicts.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tribunal annotate verdicts.jsonl --sample 100 -o labels.jsonl
  tribunal annotate pairs.jsonl --annotator ada -o labels.jsonl
  tribunal annotate answers.jsonl --choices good,bad -o labels.jsonl
  tribunal estimate verdicts.jsonl --labels labels.jsonl")]
pub(super) struct Args {
    /// File for the labels, as .jsonl; it is continued.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Name of the person who labels.
    #[arg(
        long,
        value_name = "NAME",
        env = "USER",
        default_value = "annotator",
        hide_env_values = true,
        value_parser = named
    )]
    annotator: String,
    /// Words to choose from [default: by the verdicts].
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "scale")]
    choices: Vec<String>,
    /// Scale of numbers, such as 1-5 [default: by the verdicts].
    #[arg(long, value_name = "SCALE")]
    scale: Option<Scale>,
    /// Further fields to show.
    #[arg(long, value_name = "FIELD", value_delimiter = ',')]
    show: Vec<String>,
    /// Random seed of the order in which answers are shown.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    seed: u64,
    #[command(flatten)]
    input: input::Args,
}

/// The name of a person: labels without one are of nobody.
fn named(text: &str) -> std::result::Result<String, String> {
    let name = text.trim();
    if name.is_empty() { Err("write the name of a person".into()) } else { Ok(name.to_owned()) }
}

/// A record that can be labelled.
struct Entry {
    id: String,
    /// The record with its answers in the order in which they are shown.
    item: Item,
    order: Option<Vec<usize>>,
    parts: Vec<(String, String)>,
}

/// How labelling ended.
struct Labelled {
    count: usize,
    interrupted: bool,
}

/// Runs `tribunal annotate`.
///
/// # Errors
/// The input or the file of labels cannot be used, or a label cannot be saved.
pub(super) async fn run(args: &Args) -> Result<Exit> {
    let plan = Plan::default().writes_stdout().writes("the labels", &args.output);
    let sources = args.input.sources(plan, false).await?;
    let (entries, task, failed) = entries(args, sources)?;
    let mut labels = LabelFile::open(&args.output)?;
    let waiting = waiting(&entries, &labels, args);
    let done = entries.len() - waiting.len();
    if done > 0 {
        note(&format!("{done} of {} records are labelled by {}", entries.len(), args.annotator));
    }
    let Labelled { count: labelled, interrupted } =
        label(&entries, &waiting, &task, args, &mut labels)?;
    let all = waiting.len();
    let more = if labelled < all { ": the same command continues" } else { "" };
    note(&format!("labelled {labelled} of {all} records in {}{more}", args.output.display()));
    if let Some(agreement) = agreement::told(labels.lines(), &task) {
        note(&agreement);
    }
    Ok(match (interrupted, failed) {
        (true, _) => Exit::Interrupted,
        (false, 0) => Exit::Done,
        (false, _) => Exit::Incomplete,
    })
}

/// The records with what is shown of them, what is asked, and how many records could not be read.
fn entries(args: &Args, sources: Vec<records::Source>) -> Result<(Vec<Entry>, Task, usize)> {
    let (mut found, mut lines, mut failed) = (Vec::new(), Vec::new(), 0);
    let mut without = FewErrors::default();
    for record in args.input.open(sources, &tribunal::item::FieldMap::default()).records {
        let index = record.index;
        match record.item {
            Ok(item) => {
                if let Some(command) = line::writer_of(item.record()) {
                    let message = format!("{}: it is a line of `tribunal {command}`", record.place);
                    let error = Error::new(ErrorKind::Record, message);
                    without.print(
                        &error.hint("name the records themselves, or results of `tribunal judge`"),
                    );
                    continue;
                }
                let (id, item) = match result_lines::of_item(&item) {
                    // A line of another judge or of an older record.
                    Some(line) if line.stale => continue,
                    Some(mut line) => {
                        let item = line.item.take().map(Item::from);
                        let id = line.id.clone();
                        lines.push(line);
                        // A line without its record shows nothing that could be labelled.
                        let Some(item) = item else {
                            let message =
                                format!("the result of `{}` holds no record", escaped(&id));
                            let error = Error::new(ErrorKind::Record, message);
                            without.print(&error.hint("name the records themselves"));
                            continue;
                        };
                        (id, item)
                    }
                    None => (item.id().unwrap_or_else(|| index.to_string()), item),
                };
                found.push((id, item));
            }
            Err(error) => {
                failed += 1;
                print_error(&error);
            }
        }
    }
    failed += without.ended("results");
    if found.is_empty() {
        return Err(Error::new(ErrorKind::Config, "there is no record to label")
            .hint("name records, or results that hold their records"));
    }
    let task = match (&args.scale, args.choices.as_slice()) {
        (Some(scale), _) => Task::Number(scale.clone()),
        (None, []) => Task::of(&lines, &found.iter().map(|(_, item)| item).collect::<Vec<_>>())?,
        (None, words) => Task::Words(different(words)?),
    };
    let entry = |(id, item): (String, Item)| Entry::new(id, &item, &task, args);
    let (entries, refused) = one_of_each(found.into_iter().map(entry));
    Ok((entries, task, failed + refused))
}

/// Records that can be shown and have an id of their own, and how many cannot, or have that of another one. Labels belong to records by their
/// ids; a record that comes again is asked for once.
fn one_of_each(all: impl Iterator<Item = Entry>) -> (Vec<Entry>, usize) {
    let mut digests: BTreeMap<String, String> = BTreeMap::new();
    let (mut kept, mut errors) = (Vec::new(), FewErrors::default());
    for entry in all {
        if entry.parts.is_empty() {
            let message = format!("the record `{}` has nothing to show", escaped(&entry.id));
            let error = Error::new(ErrorKind::Record, message);
            errors.print(&error.hint("name the fields to show: --show FIELD"));
            continue;
        }
        let digest = entry.digest();
        match digests.get(&entry.id) {
            None => {
                digests.insert(entry.id.clone(), digest);
                kept.push(entry);
            }
            Some(first) if *first == digest => (),
            Some(_) => {
                let message = format!("the id `{}` is that of another record", entry.id);
                let error = Error::new(ErrorKind::Record, message);
                errors.print(&error.hint("give each record its own id, or leave the ids out"));
            }
        }
    }
    (kept, errors.ended("records"))
}

/// The words of `--choices`.
///
/// # Errors
/// There are fewer than two, or two are equal.
fn different(words: &[String]) -> Result<Vec<String>> {
    let all: BTreeSet<String> = words.iter().map(|word| word.trim().to_lowercase()).collect();
    if all.len() < 2 || all.len() < words.len() {
        return Err(Error::new(ErrorKind::Config, "--choices needs words that differ")
            .hint("write two or more: --choices good,bad"));
    }
    Ok(words.to_vec())
}

impl Entry {
    fn new(id: String, item: &Item, task: &Task, args: &Args) -> Self {
        let count = item.candidates().len();
        let order = (*task == Task::Preference && count == 2).then(|| order(args.seed, &id));
        let item = order.as_ref().map_or_else(|| item.clone(), |order| item.permuted(order));
        let parts = parts(&item, task, &args.show);
        Self { id, item, order, parts }
    }

    /// A digest of what is shown, in which the order of the answers does not count.
    fn digest(&self) -> String {
        let mut texts: Vec<&str> = self.parts.iter().map(|(_, text)| text.as_str()).collect();
        texts.sort_unstable();
        let json = serde_json::to_vec(&texts).unwrap_or_default();
        blake3::hash(&json).to_hex()[..16].to_owned()
    }

    /// The label in the order of the record.
    fn in_record_order(&self, label: serde_json::Value) -> serde_json::Value {
        let is_swapped = self.order.as_deref() == Some(&[1, 0]);
        match label.as_str() {
            Some("first") if is_swapped => "second".into(),
            Some("second") if is_swapped => "first".into(),
            _ => label,
        }
    }
}

/// The order in which two answers are shown: a coin that seed and record toss.
fn order(seed: u64, id: &str) -> Vec<usize> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"annotate-order-v1").update(&seed.to_le_bytes()).update(id.as_bytes());
    if hasher.finalize().as_bytes()[0].is_multiple_of(2) { vec![0, 1] } else { vec![1, 0] }
}

/// The places of the records that this person has not labelled as they are now.
fn waiting(entries: &[Entry], labels: &LabelFile, args: &Args) -> Vec<usize> {
    let own = labels.of(&args.annotator);
    let is_done = |entry: &Entry| {
        own.get(entry.id.as_str())
            .is_some_and(|line| line.shown.is_empty() || line.shown == entry.digest())
    };
    (0..entries.len()).filter(|place| !is_done(&entries[*place])).collect()
}

/// Shows one record after another, and saves what is typed.
///
/// # Errors
/// The answers cannot be read, or a label cannot be saved.
fn label(
    entries: &[Entry],
    waiting: &[usize],
    task: &Task,
    args: &Args,
    labels: &mut LabelFile,
) -> Result<Labelled> {
    let answers = Answers::of(task)?;
    let mut out = io::stdout();
    // Where in `waiting` the labels are that were given since the start, for undo.
    let mut done: Vec<usize> = Vec::new();
    let mut at = 0;
    let mut is_shown = false;
    while let Some(entry) = waiting.get(at).and_then(|place| entries.get(*place)) {
        let steps = entry.item.steps().len();
        if !is_shown {
            let name = format!("\n── {} of {}  {}", at + 1, waiting.len(), escaped(&entry.id));
            emit_coloured(&mut out, &name)?;
            emit_coloured(&mut out, &laid_out(&entry.parts))?;
            emit_coloured(&mut out, &format!("\n{}", task.menu(steps)))?;
            is_shown = true;
        }
        let (typed, interrupted) = answers.next(task, steps)?;
        match typed {
            Typed::Label(label) => {
                let label = entry.in_record_order(label);
                labels.add(LabelLine {
                    id: entry.id.clone(),
                    label,
                    annotator: args.annotator.clone(),
                    order: entry.order.clone(),
                    shown: entry.digest(),
                })?;
                done.push(at);
                (at, is_shown) = (at + 1, false);
            }
            Typed::Skip => (at, is_shown) = (at + 1, false),
            Typed::Undo => match done.pop() {
                Some(last) if labels.undo()? => (at, is_shown) = (last, false),
                _ => emit_coloured(&mut out, "nothing to undo")?,
            },
            Typed::Quit => return Ok(Labelled { count: done.len(), interrupted }),
            Typed::Unknown => emit_coloured(&mut out, &task.menu(steps))?,
        }
    }
    Ok(Labelled { count: done.len(), interrupted: false })
}
