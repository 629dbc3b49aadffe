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

/// How many results are named.
const MOST_NAMED: usize = 3;

/// Prints which results are missing or of another kind, if there are any: they count like verdicts that could not be read.
pub(super) fn note_missing(figures: &Figures, judged: &[Judged]) {
    let Figures { missing, judgments, .. } = figures;
    if *missing > 0 {
        let named = some_of(judged.iter().flat_map(Judged::missing));
        note(&format!("no result for {missing} of {judgments} judgments: {named}"));
    }
    let other = || judged.iter().flat_map(Judged::of_other_kind);
    let count = other().count();
    if count > 0 {
        note(&format!(
            "warning: {count} of {judgments} verdicts say nothing about what was to be judged, and count as unreadable: {}",
            some_of(other())
        ));
    }
}

/// The first of these names, and how many more there are.
pub(super) fn some_of(names: impl Iterator<Item = String>) -> String {
    let mut names = names.map(|id| format!("`{}`", escaped(&id)));
    let first: Vec<String> = names.by_ref().take(MOST_NAMED).collect();
    match names.count() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// Prints how many verdicts count as weak because their words are not there, where strong ones count more.
pub(super) fn note_weak(figures: &Figures) {
    let Figures { without_strength, votes, .. } = figures;
    if *without_strength > 0 {
        note(&format!(
            "warning: verdicts without their words: {without_strength} of {}. A strong one (`>>`) counts like a weak one; \
             write {{\"verdict\": \"A>>B\"}} into each line or vote, or read the texts: --texts",
            votes.0
        ));
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
