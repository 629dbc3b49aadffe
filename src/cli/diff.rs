//! `tribunal diff`: two files of results compared record by record.
//!
//! Records are matched by their ids. Changed verdicts go to standard output, one per line; agreement, kappa,
//! correlations and a paired bootstrap of the difference go to standard error, as every summary does.
//!
//! ```text
//! $ tribunal diff before.jsonl after.jsonl
//! q7                   3 → 8
//! 2 records in both, 1 only in the first, 1 only in the second
//! ```

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{Exit, console::FewErrors, emit, manifest, note};
use tribunal::{
    error::{Error, ErrorKind, Result},
    files::Plan,
    line::ResultLine,
    records::{self, InputFormat, LineOwner, Source},
    report::{Comparison, RecordVerdict, escaped},
    units::counted,
};

/// Compare two result files: changed verdicts, agreement, kappa, significance.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tribunal diff before.jsonl after.jsonl")]
pub(super) struct Args {
    /// Results of `tribunal judge`, as .jsonl.
    first: PathBuf,
    /// Results to compare them with, as .jsonl.
    second: PathBuf,
    /// Print the figures only, not each changed verdict.
    #[arg(short, long)]
    quiet: bool,
}

/// Runs `tribunal diff`.
///
/// # Errors
/// A file cannot be read or is not a file of results, or the two have no record, or no kind of verdict, in common.
pub(super) fn run(args: &Args) -> Result<Exit> {
    let plan = Plan::default().writes_stdout().reads("an input", &args.first);
    plan.reads("an input", &args.second).check()?;
    let (first, broken) = readable(&args.first)?;
    let (second, others) = readable(&args.second)?;
    let failed = broken + others;
    let are_apart = are_of_other_kinds(&first, &second);
    let comparison = Comparison::new(first, second);
    if comparison.joined() == 0 {
        let error = Error::new(ErrorKind::Config, "the two files have no record in common");
        return Err(error.hint("records are matched by id: judge the same input for both files"));
    }
    if are_apart && comparison.equal().0 == 0 {
        let message = "one file holds numbers and the other words, and none of them are equal";
        return Err(
            Error::new(ErrorKind::Config, message).hint("compare runs of the same kind of judge")
        );
    }
    let mut out = io::stdout();
    let flips: &mut dyn Iterator<Item = _> = &mut comparison.flips();
    for (one, other) in flips.take(if args.quiet { 0 } else { usize::MAX }) {
        let shown = |side: &RecordVerdict| escaped(side.verdict.as_deref().unwrap_or("(none)"));
        emit(&mut out, &format!("{:<20} {} → {}", escaped(&one.id), shown(one), shown(other)))?;
        for (name, before, after) in one.changed(other) {
            let name = format!("  {}", escaped(name));
            emit(&mut out, &format!("{name:<20} {} → {}", escaped(before), escaped(after)))?;
        }
    }
    note(&comparison.to_string());
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}

/// The verdicts of a file of results, and how many lines are none.
///
/// # Errors
/// The file cannot be read, or no line is a result.
fn readable(path: &Path) -> Result<(Vec<RecordVerdict>, usize)> {
    let mut errors = Vec::new();
    let verdicts = verdicts(path, |error| {
        errors.push(error);
        Ok(())
    })?;
    if let (true, Some(first)) = (verdicts.is_empty(), errors.first()) {
        return Err(first.clone());
    }
    let mut few = FewErrors::default();
    errors.iter().for_each(|error| few.print(error));
    Ok((verdicts, few.ended("lines")))
}

/// Whether all verdicts of one file are numbers, and all of the other words. A rubric is neither: where none of its
/// criteria can be assessed, it has words in place of a score.
fn are_of_other_kinds(first: &[RecordVerdict], second: &[RecordVerdict]) -> bool {
    let kinds = |all: &[RecordVerdict]| -> BTreeSet<bool> {
        let read = all.iter().filter(|one| one.verdict.is_some() && one.criteria.is_empty());
        read.map(|one| one.number.is_some()).collect()
    };
    let (one, other) = (kinds(first), kinds(second));
    !one.is_empty() && !other.is_empty() && one.is_disjoint(&other)
}

/// The verdicts of a file of results, every line of which must be one.
///
/// # Errors
/// The file cannot be read, or a line is not a result.
pub(super) fn read(path: &Path) -> Result<Vec<RecordVerdict>> {
    verdicts(path, Err)
}

/// The verdicts of a file of results. A file may hold lines of several judges: those of the last one count. What is no
/// result is given to `broken`.
fn verdicts(
    path: &Path,
    mut broken: impl FnMut(Error) -> Result<()>,
) -> Result<Vec<RecordVerdict>> {
    if let Some(what) = other_format(path) {
        let message = format!("`{}` is {what}; `diff` reads lines of JSON", path.display());
        return Err(Error::new(ErrorKind::Config, message)
            .hint("judge into a .jsonl file: tribunal judge … -o verdicts.jsonl")
            .hint(
                "verdicts from other tools need an id and a value: {\"id\": \"q7\", \"score\": 8}",
            ));
    }
    let (mut verdicts, mut whose) = (Vec::new(), Vec::new());
    let source = Source::File(path.to_owned());
    let second = manifest::second_prompt(&source);
    let is_by = |line: &str, hash: &String| {
        ResultLine::read(line).is_ok_and(|line| line.prompt.hash == *hash)
    };
    for (number, line) in records::lines(&source)? {
        let place = format!("{}:{number}", path.display());
        match line.and_then(|line| Ok((RecordVerdict::read(&line)?, line))) {
            Ok((verdict, line)) => {
                whose.push((LineOwner::of(&line), second.iter().any(|hash| is_by(&line, hash))));
                verdicts.push(verdict);
            }
            Err(error) => broken(error.within(&place))?,
        }
    }
    let counts = records::current_of_two(&whose);
    let others = counts.iter().filter(|counts| !**counts).count();
    if others > 0 {
        note(&escaped(&format!(
            "{}: left out {} of another judge or of older records",
            path.display(),
            counted(others, "line")
        )));
    }
    Ok(verdicts
        .into_iter()
        .zip(counts)
        .filter_map(|(verdict, counts)| counts.then_some(verdict))
        .collect())
}

/// What a file is where it is not lines of JSON. A `.json` file is often lines, so its first character decides.
fn other_format(path: &Path) -> Option<&'static str> {
    match InputFormat::of(path) {
        InputFormat::Csv | InputFormat::Tsv | InputFormat::Parquet => Some("a table"),
        InputFormat::Json => {
            let mut start = [0; 64];
            let read = File::open(path).and_then(|mut file| file.read(&mut start)).ok()?;
            let first = start[..read].iter().find(|byte| !byte.is_ascii_whitespace());
            (first == Some(&b'[')).then_some("a list of JSON")
        }
        _ => None,
    }
}
