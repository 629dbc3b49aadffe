//! Lines of results as commands read them that compare verdicts with labels: the current ones, apart for each judge.
//!
//! One run has one judge, but for benchmarks that rate some answers with a prompt of their own. The manifest beside the
//! results names this prompt.

use serde_json::{Value, json};

use super::{
    console::{FewErrors, emit_figures},
    manifest, note, print_error,
};
use tribunal::{
    error::{Error, ErrorKind, Result, near},
    item::Item,
    line::ResultLine,
    records::{self, LineOwner, Source},
    report::escaped,
    units::counted,
};

/// The current lines of one judge.
pub(super) struct JudgeLines {
    /// The name of its prompt.
    pub(super) judge: String,
    pub(super) lines: Vec<ResultLine>,
}

/// What was read from a file of results.
pub(super) struct ReadResults {
    /// The judges, at least one.
    pub(super) judges: Vec<JudgeLines>,
    /// How many lines could not be read.
    pub(super) failed: usize,
}

impl ReadResults {
    /// The lines of the only judge.
    ///
    /// # Errors
    /// There are two; `why` says why there may be one only.
    pub(super) fn of_one(self, why: &str, hint: &'static str) -> Result<(Vec<ResultLine>, usize)> {
        let names: Vec<String> = self.judges.iter().map(|one| format!("`{}`", one.judge)).collect();
        let message = format!("the results are of two judges, {}: {why}", names.join(" and "));
        let only: Result<[_; 1], _> = self.judges.try_into();
        let [one] = only.map_err(|_| Error::new(ErrorKind::Config, message).hint(hint))?;
        Ok((one.lines, self.failed))
    }
}

/// The current lines of results, apart for each judge. `judge` is the prompt whose lines are read, if one is named; `kept`
/// is what is kept of a line.
///
/// # Errors
/// The results cannot be opened, or no line is of the prompt.
pub(super) fn read(
    source: &Source,
    judge: Option<&str>,
    kept: impl Fn(ResultLine) -> ResultLine,
) -> Result<ReadResults> {
    let second = manifest::second_prompt(source);
    let is_second =
        |line: &ResultLine| second.as_ref().is_some_and(|hash| line.prompt.hash == *hash);
    let (lines, failed) = current(source, judge, kept, is_second)?;
    let (second, first): (Vec<_>, Vec<_>) = lines.into_iter().partition(is_second);
    let mut judges: Vec<JudgeLines> = [first, second]
        .into_iter()
        .filter(|lines| !lines.is_empty())
        .map(|lines| JudgeLines { judge: lines[0].prompt.name.clone(), lines })
        .collect();
    if judges.is_empty() {
        judges.push(JudgeLines { judge: String::new(), lines: Vec::new() });
    }
    if judges.len() == 2 && judges[0].judge == judges[1].judge {
        judges[1].judge += " (rated)";
    }
    Ok(ReadResults { judges, failed })
}

/// The current lines of results where some have a judge of their own: those that `is_apart` names. The second number is
/// how many could not be read.
///
/// # Errors
/// Those of [`read`].
pub(super) fn current(
    source: &Source,
    judge: Option<&str>,
    kept: impl Fn(ResultLine) -> ResultLine,
    is_apart: impl Fn(&ResultLine) -> bool,
) -> Result<(Vec<ResultLine>, usize)> {
    let (mut owners, mut lines, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    let (mut errors, mut others) = (FewErrors::default(), Vec::new());
    for (number, line) in records::lines(source)? {
        let place = format!("{source}:{number}");
        let read = line.and_then(|line| Ok((LineOwner::of(&line), ResultLine::read(&line)?)));
        match read {
            Ok((_, line)) if judge.is_some_and(|judge| line.prompt.name != judge) => {
                if !others.contains(&line.prompt.name) {
                    others.push(line.prompt.name);
                }
            }
            Ok((owner, line)) => {
                owners.push((owner, is_apart(&line)));
                lines.push(kept(line));
                numbers.push(number);
            }
            Err(error) => errors.print(&error.within(&place)),
        }
    }
    if let (Some(judge), true, false) = (judge, lines.is_empty(), others.is_empty()) {
        return Err(no_judge(judge, &others).within(source));
    }
    let counts = records::current_of_two(&owners);
    let repeated = note_rewritten(&owners, &counts, &lines, &numbers);
    let left_out = counts.iter().filter(|counts| !**counts).count() - repeated;
    if left_out > 0 {
        let lines = counted(left_out, "line");
        note(&format!("left out {lines} of another judge or of older records"));
    }
    let current = lines.into_iter().zip(counts).filter(|(_, counts)| *counts);
    Ok((current.map(|(line, _)| line).collect(), errors.ended("lines")))
}

/// The error for a prompt that judged no line.
pub(super) fn no_judge(judge: &str, others: &[String]) -> Error {
    let error = Error::new(ErrorKind::Config, format!("no result is of the prompt `{judge}`"));
    if let Some(name) = near(judge, others.iter().map(String::as_str)) {
        return error.hint(format!("did you mean `{name}`?"));
    }
    let names: Vec<String> = others.iter().map(|name| format!("`{name}`")).collect();
    error.hint(format!("there are results of {}", names.join(", ")))
}

/// How many of the records with several lines are named.
const MOST_NAMED: usize = 3;

/// Says which lines that were written by hand do not count, because a later one is about the same record; returns how many
/// there are.
fn note_rewritten(
    owners: &[(LineOwner, bool)],
    counts: &[bool],
    lines: &[ResultLine],
    numbers: &[usize],
) -> usize {
    let owners: Vec<LineOwner> = owners.iter().map(|(owner, _)| *owner).collect();
    let found = records::rewritten(&owners, counts);
    for (earlier, later) in found.iter().take(MOST_NAMED) {
        note(&format!(
            "warning: lines {} and {} are about the same record, `{}`: the last one counts",
            numbers[*earlier],
            numbers[*later],
            escaped(&lines[*later].id)
        ));
    }
    let more = found.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        note(&format!("warning: left out {} of this kind", counted(more, "more line")));
    }
    found.len()
}

/// The line without its texts: a file of results may be large, and all of its lines are kept.
pub(super) fn slim(mut line: ResultLine) -> ResultLine {
    (line.votes, line.critique) = (None, None);
    line
}

/// What `work` finds in the lines of each judge. What fails for one of several judges is printed, and the others go on.
///
/// # Errors
/// The first error, if it fails for all.
pub(super) fn of_each<T>(
    judges: Vec<JudgeLines>,
    mut work: impl FnMut(Vec<ResultLine>) -> Result<T>,
) -> Result<Vec<(String, T)>> {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for JudgeLines { judge, lines } in judges {
        match work(lines) {
            Ok(one) => found.push((judge, one)),
            Err(error) => failed.push((judge, error)),
        }
    }
    if found.is_empty() {
        return failed.into_iter().next().map_or(Ok(found), |(_, error)| Err(error));
    }
    failed.into_iter().for_each(|(judge, error)| {
        print_error(&error.within(format!("judge `{}`", escaped(&judge))));
    });
    Ok(found)
}

/// Prints what was found about each judge; of several, each under its name.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn emit_each<T>(
    found: &[(String, T)],
    as_json: bool,
    json: impl Fn(&T) -> Value,
    text: impl Fn(&T) -> String,
) -> Result<()> {
    if let [(_, one)] = found {
        let text = if as_json { format!("{:#}", json(one)) } else { text(one) };
        return emit_figures(&text, as_json);
    }
    let named = |(judge, one): &(String, T)| {
        let mut all = json(one);
        all["judge"] = json!(judge);
        all
    };
    let headed = |(judge, one): &(String, T)| format!("judge `{}`\n{}", escaped(judge), text(one));
    let text = if as_json {
        format!("{:#}", json!({"judges": found.iter().map(named).collect::<Vec<_>>()}))
    } else {
        found.iter().map(headed).collect::<Vec<_>>().join("\n\n\n")
    };
    emit_figures(&text, as_json)
}

/// The line of results that a record is; `None` for a record itself.
///
/// Lines that were written by hand name no prompt: what holds a verdict and a whole record, and no question or answer of
/// its own, is one.
pub(super) fn of_item(item: &Item) -> Option<ResultLine> {
    const VERDICTS: [&str; 7] =
        ["kind", "verdict", "label", "score", "preference", "unreadable", "error"];
    let record = item.record();
    let has = |names: &[&str]| names.iter().any(|name| record.contains_key(*name));
    let is_judged = record.get("prompt").is_some_and(|prompt| prompt["hash"].is_string());
    let holds_record = record.get("item").is_some_and(Value::is_object);
    let is_bare =
        has(&["prompt"]) || item.field("question").is_none() && item.candidates().is_empty();
    let is_result = (is_judged && has(&["kind", "unreadable", "error"]))
        || (holds_record && is_bare && has(&VERDICTS));
    is_result.then(|| ResultLine::read(serde_json::to_vec(record).ok()?).ok()).flatten()
}
