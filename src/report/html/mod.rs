//! A report as one page of HTML, and its first screen as Markdown.
//!
//! | file | what it holds |
//! |---|---|
//! | `entry` | one record: its outcome in the common form, its label, what is remarkable about it |
//! | `run` | the records of one file, with the summary that its command prints |
//! | `figure`, `figures`, `strategies`, `gates`, `trust`, `look` | the first screen: coverage, what came out, whether it is good enough, how far it can be trusted, what to look at |
//! | `together` | the same records in several files: which verdicts differ, and whether that is more than chance |
//! | `pictures`, `courses`, `votes` | which charts a run has |
//! | `detail`, `difference`, `data` | the records as JSON for the page |
//! | `page` | the page: template, style and script, and the policy that lets nothing else run |
//! | `markdown`, `events` | the same for a pull request, and as events of OpenTelemetry |
//!
//! Nothing of a record is ever markup: the template escapes what it prints, charts escape their words, and the data of
//! records is JSON in a block that is no script, from which the script makes texts and never elements.

mod entry;
mod run;
mod figure;
mod strategies;
mod figures;
mod gates;
mod trust;
mod picture;
mod courses;
mod votes;
mod pictures;
mod look;
mod together;
mod difference;
mod detail;
mod data;
mod page;
mod markdown;
mod events;

pub use {
    entry::{SentRequest, SentRequests},
    run::RunFile,
};

use self::run::{Run, take_trees};
use super::{Comparison, Labels};
use crate::{error::Result, line::ResultLine};

/// What a report shows.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Where the records' own labels are.
    pub labels: Labels,
    /// The field by which records are grouped; the first usual one without it.
    pub group: Option<String>,
    /// Whether the texts of records and judges are in it.
    pub with_items: bool,
    /// The command that makes the report again.
    pub command: String,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self { labels: Labels::default(), group: None, with_items: true, command: String::new() }
    }
}

/// A report on files of results.
///
/// ```
/// use tribunal::{records::AnyLine, report::{Report, ReportOptions, RunFile}};
///
/// let line = AnyLine::read(r#"{"id": "q7", "kind": "score", "verdict": "8", "score": 8}"#)?;
/// let file = RunFile { name: "verdicts.jsonl".into(), lines: vec![line], ..RunFile::default() };
/// let page = Report::new(ReportOptions::default(), vec![file]).html()?;
/// assert!(page.starts_with("<!doctype html>") && page.contains("q7"));
/// # Ok::<_, tribunal::Error>(())
/// ```
#[expect(missing_debug_implementations, reason = "it holds every record of a run")]
pub struct Report {
    options: ReportOptions,
    runs: Vec<Run>,
    /// The first run compared with each other one that has records of the same ids: its place, and the comparison.
    comparisons: Vec<(usize, Comparison)>,
}

impl Report {
    /// A report on these files. The first one is compared with each other that has records of the same ids.
    pub fn new(options: ReportOptions, mut files: Vec<RunFile>) -> Self {
        let mut trees = take_trees(&mut files);
        let group = options.group.as_deref();
        let run = |file| Run::new(file, &options.labels, group, &mut trees);
        let mut runs: Vec<Run> = files.into_iter().map(run).collect();
        name_addresses(&mut runs);
        together::join(&mut runs);
        let comparisons = together::compare(&runs);
        Self { options, runs, comparisons }
    }

    /// The page, as text of HTML that needs no other file.
    ///
    /// # Errors
    /// The page cannot be laid out.
    pub fn html(&self) -> Result<String> {
        page::html(self)
    }

    /// The first screen as Markdown.
    pub fn markdown(&self) -> String {
        markdown::text(self)
    }

    /// The judgments as events of OpenTelemetry, one line of OTLP/JSON each.
    pub fn events(&self) -> impl Iterator<Item = String> {
        events::lines(self)
    }

    /// The outcome of every record, as a line of `judge` has it.
    pub fn results(&self) -> impl Iterator<Item = &ResultLine> {
        self.runs.iter().flat_map(|run| &run.entries).map(|entry| &entry.result)
    }

    /// The number of records.
    pub fn len(&self) -> usize {
        self.runs.iter().map(Run::len).sum()
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Gives every record an address of its own: its id, with its number where several have the same.
fn name_addresses(runs: &mut [Run]) {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for entry in runs.iter_mut().flat_map(|run| &mut run.entries) {
        let count = seen.entry(entry.result.id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            entry.slug = format!("{}~{count}", entry.result.id);
        }
    }
}
