//! One file of results: its records, and the summary that the command prints.

use std::{collections::BTreeMap, time::SystemTime};

use serde_json::Value;

use super::entry::{Entry, LabelReader, More, SentRequests};
use crate::{
    error::Error,
    records::{AnyLine, End, Ending, TreeLine},
    report::{LabelSummary, Labels, RankSummary, Revisions, SearchSummary, Summary, scale_ends},
    verdict::Judgment,
};

/// A file of results, as a report reads it.
#[derive(Clone, Debug, Default)]
pub struct RunFile {
    /// Its name, which heads its part of the report.
    pub name: String,
    /// Its current lines.
    pub lines: Vec<AnyLine>,
    /// When it was written.
    pub written: Option<SystemTime>,
    /// The manifest beside it, which tells how it was made.
    pub manifest: Option<Value>,
    /// What was sent for a record, made again, by the key of its line.
    pub requests: BTreeMap<String, SentRequests>,
    /// Why there are none for other records.
    pub requests_note: String,
}

/// The nodes of trees by the id of their record.
pub(super) type Trees = BTreeMap<String, Vec<TreeLine>>;

/// Takes the nodes of trees out of all files, of which those that held nothing else are left out.
pub(super) fn take_trees(files: &mut Vec<RunFile>) -> Trees {
    let mut trees = Trees::new();
    files.retain_mut(|file| {
        let is_node = |line: &mut AnyLine| matches!(line, AnyLine::Node(_));
        for line in file.lines.extract_if(.., is_node) {
            if let AnyLine::Node(node) = line {
                trees.entry(node.id.clone()).or_default().push(*node);
            }
        }
        !file.lines.is_empty()
    });
    trees
}

/// The records of one file with what is known about all of them.
pub(super) struct Run {
    pub(super) name: String,
    pub(super) written: Option<SystemTime>,
    pub(super) manifest: Option<Value>,
    /// Why there are no requests of some records.
    pub(super) requests_note: String,
    /// The command that wrote it.
    pub(super) command: &'static str,
    pub(super) entries: Vec<Entry>,
    /// The number of records of the input without a line, as far as the manifest tells.
    pub(super) untried: usize,
    /// The lowest and the highest score of the scale.
    pub(super) ends: Option<(f64, f64)>,
    /// The verdicts in figures, as `judge` counts them.
    pub(super) summary: Summary,
    /// Of ranked records.
    pub(super) ranked: Option<RankSummary>,
    /// Of searched records.
    pub(super) searched: Option<SearchSummary>,
    /// Of revised records.
    pub(super) revised: Option<Revisions>,
    /// Of labelled records.
    pub(super) labelled: Option<LabelSummary>,
    labels: Labels,
}

impl Run {
    /// The run of a file without nodes of trees; `group` is the field of a record by which records are grouped.
    pub(super) fn new(
        file: RunFile,
        labels: &Labels,
        group: Option<&str>,
        trees: &mut Trees,
    ) -> Self {
        let command = file.lines.first().map_or("judge", AnyLine::command);
        let mut entries: Vec<Entry> = file.lines.into_iter().filter_map(Entry::of).collect();
        let reader = LabelReader::new(labels.clone(), &entries);
        for entry in &mut entries {
            entry.label = reader.read(entry);
            if matches!(entry.more, More::Searched(_)) {
                entry.tree = trees.remove(&entry.result.id).unwrap_or_default();
            }
        }
        let mut requests = file.requests;
        for entry in &mut entries {
            entry.sent = requests.remove(&entry.result.key);
        }
        set_groups(&mut entries, group);
        let ends = ends(&entries);
        let mut run = Self {
            name: file.name,
            written: file.written,
            untried: untried(file.manifest.as_ref(), entries.len()),
            manifest: file.manifest,
            requests_note: file.requests_note,
            command,
            ends,
            summary: Summary::of_results(reader.labels(), ends),
            ranked: None,
            searched: None,
            revised: None,
            labelled: None,
            labels: reader.labels(),
            entries: Vec::new(),
        };
        entries.iter().for_each(|entry| run.count(entry));
        run.entries = entries;
        run.end();
        run
    }

    /// Notes in every summary how many records were never tried.
    fn end(&mut self) {
        if self.untried == 0 {
            return;
        }
        let ending = Ending { end: End::Stopped, left: Some(self.untried) };
        if let Some(summary) = &mut self.ranked {
            summary.ending = ending.clone();
        }
        if let Some(summary) = &mut self.searched {
            summary.records.ending = ending.clone();
        }
        if let Some(summary) = &mut self.labelled {
            summary.records.ending = ending.clone();
        }
        if let Some(summary) = &mut self.revised {
            summary.ending = ending.clone();
        }
        self.summary.ending = ending;
    }

    /// Counts a record in the summary of its command.
    fn count(&mut self, entry: &Entry) {
        let outcome = Judgment::try_from(entry.result.clone());
        let outcome: Result<&Judgment, &Error> = outcome.as_ref();
        let (name, item) = (entry.result.id.as_str(), entry.item.as_ref());
        let own = item.filter(|_| matches!(entry.more, More::Nothing | More::Labelled(_)));
        self.summary.count(name, own, outcome);
        match &entry.more {
            More::Nothing => (),
            More::Revised(line) => self.revised.get_or_insert_default().keep(line),
            More::Ranked(line) => {
                let summary = || RankSummary::new(line.rule.clone(), false);
                self.ranked.get_or_insert_with(summary).count(line, false);
            }
            More::Searched(line) => {
                let summary = || SearchSummary::new(false);
                self.searched.get_or_insert_with(summary).count(name, item, line, false);
            }
            More::Labelled(line) => {
                let summary = || LabelSummary::new(false, self.labels.clone());
                self.labelled.get_or_insert_with(summary).count(name, item, line, false);
            }
        }
    }

    /// The records' own labels, with the names that their verdicts have.
    pub(super) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The number of records with a line.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The number of records of the input: those with a line, and those that were never tried.
    pub(super) fn all(&self) -> usize {
        self.len() + self.untried
    }
}

/// The number of records of the input without a line: the manifest has the number of records, or else how many were left
/// when the run ended; 0 if neither is known.
fn untried(manifest: Option<&Value>, lines: usize) -> usize {
    let number = |path: &str| {
        let number = manifest?.pointer(path)?.as_u64()?;
        usize::try_from(number).ok()
    };
    match number("/records") {
        Some(records) => records.saturating_sub(lines),
        None => number("/outcome/not_tried").unwrap_or(0),
    }
}

/// The fields by which records are grouped, where no field is named.
const GROUPS: [&str; 8] =
    ["group", "category", "subset", "subject", "domain", "task", "source", "split"];

/// The most groups that are told apart.
const MOST_GROUPS: usize = 24;

/// Groups the records by a field: the one that is named, or the first usual one that makes a few groups.
fn set_groups(entries: &mut [Entry], field: Option<&str>) {
    let value = |entry: &Entry, field: &str| {
        let item = entry.item.as_ref()?;
        let value = item.at(field).ok()?;
        let text = crate::item::text_of(value);
        (!value.is_object() && !value.is_array() && !text.trim().is_empty()).then_some(text)
    };
    let suits = |field: &&str| {
        let seen: std::collections::BTreeSet<String> =
            entries.iter().filter_map(|entry| value(entry, field)).collect();
        (2..=MOST_GROUPS).contains(&seen.len())
    };
    let Some(field) = field.or_else(|| GROUPS.into_iter().find(suits)) else { return };
    let groups: Vec<_> = entries.iter().map(|entry| value(entry, field)).collect();
    entries.iter_mut().zip(groups).for_each(|(entry, group)| entry.group = group);
}

/// The ends of the scale, as scores and their places on it tell them; of shares and rubrics 0 and 1.
fn ends(entries: &[Entry]) -> Option<(f64, f64)> {
    if entries.iter().any(|entry| entry.result.verdict.rubric.is_some()) {
        return Some((0.0, 1.0));
    }
    let place = |entry: &Entry| Some((entry.result.verdict.score?, entry.result.normalized?));
    scale_ends(entries.iter().filter_map(place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn records_without_a_line_were_never_tried() {
        let of = |manifest: Value| untried(Some(&manifest), 4);
        assert_eq!(of(json!({"records": 10, "outcome": {"not_tried": 5}})), 6);
        assert_eq!(of(json!({"records": 3})), 0);
        assert_eq!(of(json!({"records": null, "outcome": {"not_tried": 5}})), 5);
        assert_eq!((of(json!({})), untried(None, 4)), (0, 0));
    }
}
