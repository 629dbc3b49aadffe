//! Recognizes files that Tribunal itself wrote by their content.
//!
//! If a folder or a pattern is judged, results of earlier runs in it are not meant to be records.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::IgnoredAny};

use super::format::{BOM, InputFormat, JOURNAL};
use crate::line::Lenient;

/// The ending of the file with the description of a run, which earlier versions wrote beside results.
const MANIFEST: &str = ".run.json";

/// The ending of the file with the history of a revised text.
const LINEAGE: &str = ".revision.json";

/// The path of the file with the history of a revised text: `draft.md.revision.json` for `draft.md`.
pub fn lineage_of(text: &Path) -> PathBuf {
    let mut name = text.file_name().unwrap_or_default().to_os_string();
    name.push(LINEAGE);
    text.with_file_name(name)
}

/// The largest part of a file that is read to recognize it, in bytes.
const LOOKED_AT: u64 = 64 << 20;

/// Whether Tribunal wrote this file: results, the files beside them, recordings, summaries, reports.
///
/// Files are recognized by the keys of their first object or by their header, not by their names. A
/// revised text is not recognized: it is a draft like any other. Nor is a Parquet file.
pub fn is_tribunal_output(path: &Path) -> bool {
    let beside = |end: &str| {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(end);
        path.with_file_name(name)
    };
    let is_ours = |path: PathBuf| path.is_file() && holds(&path, InputFormat::Json);
    if is_ours(beside(MANIFEST)) {
        return true;
    }
    let name = path.to_string_lossy();
    let is_empty = || path.metadata().is_ok_and(|meta| meta.len() == 0);
    if [MANIFEST, LINEAGE, JOURNAL].iter().any(|end| name.ends_with(end)) && is_empty() {
        return true;
    }
    holds(path, InputFormat::of(path))
}

/// Whether `tribunal report` wrote this file, or it is empty: a page, Markdown, JUnit or events. A table is not
/// recognized: it may hold the results of a run.
pub fn is_report(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut text = Vec::new();
    let is_read = BufReader::new(file.take(1 << 10)).read_to_end(&mut text).is_ok();
    let text = String::from_utf8_lossy(&text);
    let is_events = text.starts_with("{\"resourceLogs\":") && text.contains("\"tribunal\"");
    let is_ours = text.starts_with(REPORT) || is_events || is_page_or_junit(&text);
    is_read && (text.is_empty() || is_ours)
}

/// The first line of a report in Markdown, which its readers do not see.
pub const REPORT: &str = "<!-- tribunal report -->\n";

/// Whether the beginning of a file of this format is one that Tribunal writes.
fn holds(path: &Path, format: InputFormat) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut start = BufReader::new(file.take(LOOKED_AT));
    match format {
        InputFormat::Jsonl | InputFormat::Json => {
            first(&mut start).is_some_and(|seen| seen.is_tribunal_output())
        }
        InputFormat::Csv => is_table(&mut start, ','),
        InputFormat::Tsv => is_table(&mut start, '\t'),
        InputFormat::Text => is_text_report(&mut start),
        InputFormat::Parquet => false,
    }
}

/// Whether a file is a report of Tribunal: JUnit, a page, or Markdown.
fn is_text_report(start: &mut impl Read) -> bool {
    let mut text = Vec::new();
    let is_read = start.take(200).read_to_end(&mut text).is_ok();
    let text = String::from_utf8_lossy(&text);
    is_read && (text.starts_with(REPORT) || is_page_or_junit(&text))
}

/// Whether a text begins as a page or a file of JUnit.
fn is_page_or_junit(text: &str) -> bool {
    let is_page = text.starts_with("<!doctype html>") && text.contains("content=\"tribunal ");
    is_page || text.contains("<testsuites name=\"tribunal\"")
}

/// The first object of a file, in a list or not.
fn first(start: &mut impl BufRead) -> Option<KnownKeys> {
    loop {
        let byte = *start.fill_buf().ok()?.first()?;
        if !(byte.is_ascii_whitespace() || byte == b'[' || BOM.contains(&byte)) {
            break;
        }
        start.consume(1);
    }
    let mut json = serde_json::Deserializer::from_reader(start);
    KnownKeys::deserialize(&mut json).ok()
}

/// The keys by which files of Tribunal are recognized. Their values do not matter.
#[derive(Deserialize)]
struct KnownKeys {
    index: Option<IgnoredAny>,
    key: Option<IgnoredAny>,
    prompt: Option<Lenient<PromptHash>>,
    model: Option<IgnoredAny>,
    outcome: Option<IgnoredAny>,
    passed: Option<IgnoredAny>,
    identity: Option<IgnoredAny>,
    capabilities: Option<IgnoredAny>,
    completion: Option<IgnoredAny>,
    version: Option<IgnoredAny>,
    command: Option<IgnoredAny>,
    judge: Option<IgnoredAny>,
    records: Option<IgnoredAny>,
    judged: Option<IgnoredAny>,
    failed: Option<IgnoredAny>,
    unreadable: Option<IgnoredAny>,
    regressions: Option<IgnoredAny>,
    outcomes: Option<IgnoredAny>,
}

/// A prompt with its hash, as in results and manifests.
#[derive(Deserialize)]
struct PromptHash {
    #[serde(rename = "hash")]
    _hash: String,
}

impl KnownKeys {
    /// Whether the keys are those of a result, a revision, a recording, a manifest or a summary.
    fn is_tribunal_output(&self) -> bool {
        let hashed = matches!(self.prompt, Some(Lenient::Known(_)));
        let line = self.index.is_some() && self.key.is_some();
        let result = line && hashed && self.model.is_some();
        let revision = line && self.outcome.is_some() && self.passed.is_some();
        let recorded = self.identity.is_some()
            && self.capabilities.is_some()
            && self.completion.is_some()
            && self.key.is_some();
        let is_of_judge = self.judge.is_some() && hashed;
        let repeats = self.command.is_some() && self.records.is_some();
        let manifest = self.version.is_some() && (is_of_judge || repeats);
        let judged = self.judged.is_some() && self.unreadable.is_some() && self.failed.is_some();
        let revised = self.outcomes.is_some() && self.regressions.is_some();
        let figures = self.records.is_some() && (judged || revised);
        result || revision || recorded || manifest || figures
    }
}

/// Whether a header is that of a table of results.
fn is_table(start: &mut impl BufRead, delimiter: char) -> bool {
    const OURS: [&str; 5] = ["model", "prompt", "latency_ms", "attempts", "key"];
    let mut header = String::new();
    if start.take(64 << 10).read_line(&mut header).is_err() {
        return false;
    }
    let names: Vec<&str> =
        header.trim().split(delimiter).map(|name| name.trim_matches('"')).collect();
    let has = |ours: &str| {
        names.iter().any(|name| {
            let name = name.trim_start_matches("judge_");
            name == ours
        })
    };
    OURS.iter().all(|name| has(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_ours_are_known_by_what_they_hold_and_by_what_is_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let is_own = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            is_tribunal_output(&path)
        };
        let line = r#"{"id": "a", "index": 0, "error": {}, "model": "m", "prompt": {"hash": "h"}, "key": "k"}"#;
        assert!(is_own("a.jsonl", line) && is_own("a.json", &format!("[\n{line}\n]")));
        let revised = r#"{"id": "a", "index": 0, "outcome": "passed", "passed": true, "key": "k"}"#;
        assert!(is_own("b.jsonl", revised) && is_own("c.md.revision.json", revised));
        assert!(is_own("x.csv.partial.jsonl", ""));
        assert!(is_own("d.csv", "answer,judge_model,prompt,latency_ms,attempts,key\n"));
        let record =
            r#"{"id": 1, "index": 0, "model": "m", "prompt": "Why?", "key": "k", "answer": "a"}"#;
        assert!(!is_own("e.jsonl", record) && !is_own("e.json", record));
        assert!(!is_own("f.run.json", record) && !is_own("g.csv", "model,prompt,answer,key\n"));
        assert!(!is_own("c.md", "a text that was revised") && !is_own("h.md", ""));
        assert!(!is_own("d.parquet", "PAR1"));
        assert!(is_own("i.run.json", r#"{"version": "1", "command": ["tribunal"], "records": 3}"#));
        let manifest = r#"{"version": "1", "judge": {}, "prompt": {"hash": "h"}, "model": {}}"#;
        assert!(is_own("d.parquet.run.json", manifest));
        assert!(super::is_tribunal_output(&folder.path().join("d.parquet")));
    }
}
