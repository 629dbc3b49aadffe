//! Judgments that are there already: lines of an earlier run, or recorded texts of another judge.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::{
    super::{note, result_lines},
    judges::{Judges, rated_ids},
};
use tribunal::{
    bench::{Case, Figures, Judged, Judgments, RecordedText, replayed},
    error::Result,
    line::ResultLine,
    records::{self, Source},
    report::escaped,
};

/// The judgments of these files of result lines, without those of other judges or of older records, and how many lines
/// could not be read. Answers that are only rated may have a judge of their own.
///
/// # Errors
/// A file cannot be read.
pub(super) fn lines(paths: &[PathBuf], cases: &[Case]) -> Result<(Judgments, usize)> {
    let (mut judgments, mut failed) = (Judgments::default(), 0);
    let rated = rated_ids(cases);
    for path in paths {
        let is_rated = |line: &ResultLine| rated.contains(&line.id);
        let (lines, unread) = result_lines::current(&Source::named(path), None, slimmer, is_rated)?;
        lines.into_iter().for_each(|line| judgments.add(line));
        failed += unread;
    }
    Ok((judgments, failed))
}

/// How many missing results are named.
const MOST_NAMED: usize = 3;

/// Prints which results are missing, if there are any: they count like verdicts that could not be read.
pub(super) fn note_missing(figures: &Figures, judged: &[Judged]) {
    let Figures { missing, judgments, .. } = figures;
    let named = judged.iter().flat_map(Judged::missing).take(MOST_NAMED);
    let named: Vec<String> = named.map(|id| format!("`{}`", escaped(&id))).collect();
    let more = match missing.saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    if *missing > 0 {
        let named = named.join(", ");
        note(&format!("no result for {missing} of {judgments} judgments: {named}{more}"));
    }
}

/// The line without the record, which the benchmark has.
fn slimmer(mut line: ResultLine) -> ResultLine {
    line.item = None;
    line
}

/// The judgments that these judges read from recorded texts.
///
/// # Errors
/// The file cannot be read, or a line is not a recorded text.
pub(super) fn texts(path: &Path, judges: &Judges, cases: &[Case]) -> Result<Judgments> {
    let mut of: HashMap<String, Vec<RecordedText>> = HashMap::new();
    for (place, line) in numbered(path)? {
        let text = RecordedText::read(&line).map_err(|error| error.within(&place))?;
        of.entry(text.id.clone()).or_default().push(text);
    }
    let mut judgments = Judgments::default();
    let items = |case| judges.items(std::slice::from_ref(case)).into_iter();
    for (judge, item) in
        cases.iter().flat_map(|case| items(case).map(|item| (judges.of(case), item)))
    {
        let id = item.own_id().unwrap_or_default();
        let Some(texts) = of.get(&id) else { continue };
        let mut line = ResultLine::of(replayed(judge, &item, texts).as_ref());
        line.id = id;
        judgments.add(line);
    }
    Ok(judgments)
}

/// The lines of a file, each with its place.
fn numbered(path: &Path) -> Result<Vec<(String, String)>> {
    let place = |number: usize| format!("{}:{number}", path.display());
    let line = |(number, line): (usize, Result<String>)| {
        let place = place(number);
        line.map_err(|error| error.within(&place)).map(|line| (place, line))
    };
    records::lines(&Source::named(path))?.map(line).collect()
}
