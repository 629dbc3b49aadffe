//! Judgments that are there already: lines of an earlier run, or recorded texts of another judge.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use super::super::{calibrate::current, opening::without_models_by};
use tribunal::{
    bench::{Benchmark, Case, Judgments, RecordedText, Shape, replayed},
    config::Resolved,
    error::Result,
    line::ResultLine,
    records::{self, Source},
};

/// The judgments of these files of result lines, without those of other judges or of older records, and how many lines
/// could not be read.
///
/// # Errors
/// A file cannot be read.
pub(super) fn lines(paths: &[PathBuf]) -> Result<(Judgments, usize)> {
    let (mut judgments, mut failed) = (Judgments::default(), 0);
    for path in paths {
        let (lines, unread) = current(&Source::named(path), slimmer)?;
        lines.into_iter().for_each(|line| judgments.add(line));
        failed += unread;
    }
    Ok((judgments, failed))
}

/// The line without the record, which the benchmark has.
fn slimmer(mut line: ResultLine) -> ResultLine {
    line.item = None;
    line
}

/// The judgments that the prompt reads from recorded texts, and their shape.
///
/// # Errors
/// The file cannot be read, a line is not a recorded text, or the prompt cannot be used.
pub(super) async fn texts(
    path: &Path,
    resolved: &Resolved,
    benchmark: &Benchmark,
    cases: &[Case],
) -> Result<(Judgments, Shape)> {
    let judge = without_models_by(resolved, benchmark.prompt).await?;
    let shape = Shape::of(judge.prompt().front());
    let mut of: HashMap<String, Vec<RecordedText>> = HashMap::new();
    for (place, line) in numbered(path)? {
        let text = RecordedText::read(&line).map_err(|error| error.within(&place))?;
        of.entry(text.id.clone()).or_default().push(text);
    }
    let mut judgments = Judgments::default();
    let items = cases.iter().flat_map(|case| case.items(shape));
    for item in items {
        let id = item.own_id().unwrap_or_default();
        let Some(texts) = of.get(&id) else { continue };
        let mut line = ResultLine::of(replayed(&judge, &item, texts).as_ref());
        line.id = id;
        judgments.add(line);
    }
    Ok((judgments, shape))
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
