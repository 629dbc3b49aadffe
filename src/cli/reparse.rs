//! `tribunal reparse`: stored texts read again by other rules.
//!
//! Input and output are lines of `tribunal judge`. What was asked, of which model and at what cost stays as it was;
//! verdict, pass and aggregate follow from the stored texts by the settings of this command. A line of a failed record
//! is printed unchanged, for it holds no text.
//!
//! ```text
//! $ tribunal reparse verdicts.jsonl --pass 'score >= 8' > stricter.jsonl
//! q7: 7, pass → 7, fail by `Score: *`
//! read 20 lines again: 1 verdict changed, 0 lines could not be read
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
};

use super::{
    Exit, emit,
    input::reading,
    manifest, note,
    opening::without_models,
    print_error, result_lines,
    settings::{self, Sources},
};
use tribunal::{
    config::{Resolved, SettingOrigin},
    error::{Error, ErrorKind, Result},
    files::Plan,
    item::Item,
    judge::Judge,
    line::ResultLine,
    records::{self, LineOwner, Source},
    report::escaped,
    run::Finished,
    units::counted,
    verdict::{CalibratedPrompt, Calibration, Judgment},
};

/// Apply other rules to stored results, without a model.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tribunal reparse verdicts.jsonl --pass 'score >= 8'
  tribunal reparse verdicts.jsonl -p mine.jinja > again.jsonl")]
pub(super) struct Args {
    /// Results of `tribunal judge`, as .jsonl; - reads standard input.
    results: PathBuf,
    /// Prompt whose results are read, if there are several.
    #[arg(long, value_name = "PROMPT")]
    only: Option<String>,
    #[command(flatten)]
    judge: settings::Args,
    /// Print the lines only, not each changed verdict.
    #[arg(short, long)]
    quiet: bool,
}

/// Counts of lines.
#[derive(Default)]
struct Count {
    lines: usize,
    /// Lines whose verdict or pass changed.
    changed: usize,
    failed: usize,
    /// Lines of another judge or of older records.
    others: usize,
}

/// Runs `tribunal reparse`.
///
/// Where no flag names a prompt, every line is read by the prompt that it names.
///
/// # Errors
/// Settings are wrong, the input is not a file of results, or one prompt is to read the lines of two judges.
pub(super) async fn run(args: Args, sources: &Sources) -> Result<Exit> {
    let resolved = args.judge.resolve(sources)?;
    let mut count = Count::default();
    let plan = args.judge.reading(Plan::default().writes_stdout(), &resolved);
    reading(plan, &[args.source()]).check()?;
    let mut judges = Judges::new(&resolved, manifest::second_prompt(&args.source()));
    let mut counts = args.counts(&mut judges).await?.into_iter();
    for (number, line) in records::lines(&args.source())? {
        let place = format!("{}:{number}", args.results.display());
        let line = line.map_err(|error| error.within(&place))?;
        if counts.next() == Some(false) {
            count.others += 1;
            continue;
        }
        let before = ResultLine::read(&line).map_err(|error| error.within(&place))?;
        if args.leaves_out(&before) {
            count.others += 1;
            continue;
        }
        let judge = judges.of(&before).await.map_err(|error| error.within(&place))?;
        count.lines += 1;
        let fits = resolved.calibration().map_or(Ok(()), |calibration| fits(calibration, &before));
        let again = match fits.and_then(|()| reread(judge, &before)) {
            Ok(None) => line,
            Ok(Some(again)) => {
                count.changed += usize::from(args.note_change(&before, &again));
                again.to_string()
            }
            Err(error) => {
                count.failed += 1;
                print_error(&error.within(&place));
                line
            }
        };
        emit(&mut io::stdout(), &again)?;
    }
    let Count { lines, changed, failed, others } = count;
    if others > 0 {
        let lines = counted(others, "line");
        note(&format!("left out {lines} of another judge or of older records"));
    }
    note(&format!(
        "read {} again: {} changed, {} could not be read",
        counted(lines, "line"),
        counted(changed, "verdict"),
        counted(failed, "line")
    ));
    Ok(if failed > 0 { Exit::Incomplete } else { Exit::Done })
}

impl Args {
    /// The file of results, or standard input.
    fn source(&self) -> Source {
        Source::named(&self.results)
    }

    /// Whether a line is of another prompt than the one that is named.
    fn leaves_out(&self, line: &ResultLine) -> bool {
        self.only.as_ref().is_some_and(|only| line.prompt.name != *only)
    }

    /// For every line, whether it counts: it is of the named prompt, if there is one, and of the last judge, or of the
    /// last of both where a benchmark has two. Their judges are built, so that nothing is printed before all of them are
    /// known to fit. Empty where the file cannot be read twice.
    ///
    /// # Errors
    /// No line is of the named prompt, or a judge cannot read the lines.
    async fn counts(&self, judges: &mut Judges<'_>) -> Result<Vec<bool>> {
        if !self.results.is_file() {
            return Ok(Vec::new());
        }
        let (mut counts, mut owners, mut prompts) = (Vec::new(), Vec::new(), Prompts::default());
        let mut others: BTreeSet<String> = BTreeSet::new();
        for (_, line) in records::lines(&self.source())? {
            let line = line.unwrap_or_default();
            let read = ResultLine::read(&line).ok();
            if let Some(name) = read.as_ref().filter(|one| self.leaves_out(one)) {
                others.insert(name.prompt.name.clone());
                counts.push(false);
                continue;
            }
            counts.push(true);
            let is_second = read.as_ref().is_some_and(|read| judges.is_second(read));
            owners.push((LineOwner::of(&line), is_second));
            prompts.add(read);
        }
        if let (Some(only), true, false) = (&self.only, owners.is_empty(), others.is_empty()) {
            let others = Vec::from_iter(others);
            return Err(result_lines::no_judge(only, &others).within(self.source()));
        }
        let current = records::current_of_two(&owners);
        judges.named = prompts.of(&current).map(|line| line.prompt.name.clone()).collect();
        for line in prompts.of(&current) {
            judges.of(line).await.map_err(|error| error.within(self.source()))?;
        }
        let mut current = current.into_iter();
        let counts = counts.into_iter().map(|counts| counts && current.next() == Some(true));
        Ok(counts.collect())
    }

    /// Prints a changed verdict and the rule that read it; returns whether it changed.
    fn note_change(&self, before: &ResultLine, after: &ResultLine) -> bool {
        let outcome = |line: &ResultLine| {
            let reason = line.unreadable.as_ref().map(|why| why.reason.name());
            let verdict = line.verdict.verdict.as_deref().or(reason).unwrap_or("none");
            match line.pass {
                Some(true) => format!("{verdict}, pass"),
                Some(false) => format!("{verdict}, fail"),
                None => verdict.to_owned(),
            }
        };
        let (one, other) = (outcome(before), outcome(after));
        if one != other && !self.quiet {
            let rule = after.rule.as_ref().map_or_else(String::new, |rule| format!(" by `{rule}`"));
            note(&escaped(&format!("{}: {one} → {other}{rule}", before.id)));
        }
        one != other
    }
}

/// The prompts of lines, each with one of its lines.
#[derive(Default)]
struct Prompts {
    lines: Vec<ResultLine>,
    /// The prompt of each line; `None` of one that cannot be read.
    places: Vec<Option<usize>>,
}

impl Prompts {
    /// Adds the next line.
    fn add(&mut self, line: Option<ResultLine>) {
        let place = line.map(|line| {
            let known = self.lines.iter().position(|one| one.prompt == line.prompt);
            known.unwrap_or_else(|| {
                let mut line = result_lines::slim(line);
                line.item = None;
                self.lines.push(line);
                self.lines.len() - 1
            })
        });
        self.places.push(place);
    }

    /// A line of each prompt of which one counts.
    fn of(&self, counts: &[bool]) -> impl Iterator<Item = &ResultLine> {
        let counting = self.places.iter().zip(counts).filter(|(_, counts)| **counts);
        let places: BTreeSet<usize> = counting.filter_map(|(place, _)| *place).collect();
        places.into_iter().map(|place| &self.lines[place])
    }
}

/// The judges that read the lines, one for each prompt that lines name.
struct Judges<'a> {
    resolved: &'a Resolved,
    /// The hash of the prompt of answers that a benchmark only rates, if it had one of its own.
    second: Option<String>,
    /// The prompts that lines name, as far as they are known.
    named: BTreeSet<String>,
    built: BTreeMap<String, Judge>,
}

impl<'a> Judges<'a> {
    fn new(resolved: &'a Resolved, second: Option<String>) -> Self {
        Self { resolved, second, named: BTreeSet::new(), built: BTreeMap::new() }
    }

    /// Whether a line is of the second judge of a benchmark.
    fn is_second(&self, line: &ResultLine) -> bool {
        self.second.as_ref().is_some_and(|hash| line.prompt.hash == *hash)
    }

    /// The judge of a line.
    ///
    /// # Errors
    /// The settings do not fit its prompt, or they name one prompt for lines of several.
    async fn of(&mut self, line: &ResultLine) -> Result<&Judge> {
        let name = match (line.prompt.name.as_str(), self.built.keys().next()) {
            // A line that was written by hand belongs to any judge.
            ("", Some(known)) => known.clone(),
            (name, _) => name.to_owned(),
        };
        if !self.built.contains_key(&name) {
            self.named.insert(name.clone());
            let judge = self.build(line).await.map_err(|error| self.of_several(&name, error))?;
            self.built.insert(name.clone(), judge);
        }
        Ok(&self.built[&name])
    }

    /// The name of another judge.
    fn other(&self) -> Option<&str> {
        self.built.keys().map(String::as_str).find(|name| !name.is_empty())
    }

    async fn build(&self, line: &ResultLine) -> Result<Judge> {
        let is_alone = self.other().is_none();
        match self.resolved.origin("prompt") {
            SettingOrigin::Flag(_) | SettingOrigin::Variable(_) if !is_alone => {
                Err(Error::new(ErrorKind::Config, "one prompt cannot read lines of two judges"))
            }
            SettingOrigin::Flag(_) | SettingOrigin::Variable(_) => {
                without_models(self.resolved, line).await
            }
            // A file describes the judge of what is compared.
            _ if self.is_second(line) && self.names_prompts() => {
                without_models(&self.resolved.with_prompt(None), line).await
            }
            _ => without_models(self.resolved, line).await,
        }
    }

    /// Whether the settings name a prompt.
    fn names_prompts(&self) -> bool {
        self.resolved.prompt().is_some() || self.resolved.is_jury()
    }

    /// The error about a judge; if there are several, with what to do.
    fn of_several(&self, name: &str, error: Error) -> Error {
        let named = self.named.iter().filter(|name| !name.is_empty());
        let named: Vec<String> = named.map(|name| format!("`--only {}`", escaped(name))).collect();
        if named.len() < 2 {
            return error;
        }
        error
            .within(format!("judge `{}`", escaped(name)))
            .hint(format!("read the lines of one prompt at a time: {}", named.join(" or ")))
    }
}

/// Checks that a calibration was fitted for the judge of a line.
///
/// # Errors
/// The model or the prompt is another one.
fn fits(calibration: &Calibration, line: &ResultLine) -> Result<()> {
    let prompt = CalibratedPrompt::new(&line.prompt.name, &line.prompt.hash);
    calibration.check_judge(&line.model, &prompt)
}

/// The line with the verdict that this judge reads in its texts; `None` for a line of a failed record.
fn reread(judge: &Judge, line: &ResultLine) -> Result<Option<ResultLine>> {
    if line.error.is_some() {
        return Ok(None);
    }
    let item = line.item.clone().map(Item::from);
    let votes = line.votes.as_deref().unwrap_or_default();
    let judgment: Judgment = match &item {
        Some(item) => judge.reread(item, votes, line.mark.as_deref())?,
        None => judge.parse(line.critique.as_deref().unwrap_or_default()),
    };
    let (index, with_item) = (line.index, item.is_some());
    let finished =
        Finished { index, item, place: String::new(), outcome: Ok(judgment), kept: true };
    let mut again = finished.line(judge, with_item);
    // The request, the model and the cost stay those of the stored line.
    again.id.clone_from(&line.id);
    again.model.clone_from(&line.model);
    again.key.clone_from(&line.key);
    again.keep_usage_of(line);
    if !with_item {
        again.votes.clone_from(&line.votes);
    }
    Ok(Some(again))
}
