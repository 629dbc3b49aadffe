//! The requests of a run, made again from its records and its manifest.
//!
//! Results hold what models wrote, and not what they were asked, which would repeat every prompt and every record. The
//! manifest beside them holds the prompts and the settings, so that the same judges and policies can be built without
//! their models. Their requests are made again from what a line holds.
//!
//! | file | lines | what is made again |
//! |---|---|---|
//! | `judged` | `judge` | whole conversations, with the stored answers |
//! | `ranked`, `labelled`, `searched`, `revised` | the other commands | the request with which each conversation begins |
//! | `member` | all | a judge or a policy without its model |
//!
//! What is shown is therefore rebuilt, and a report says so. What cannot be rebuilt has a reason in its place: nothing is
//! shown that may not have been sent.

mod member;
mod judged;
mod labelled;
mod ranked;
mod revised;
mod searched;

use std::collections::BTreeMap;

use serde_json::Value;

use tribunal::{
    error::{Error, ErrorKind, Result},
    item::Item,
    records::{AnyLine, TreeLine},
    report::{RunFile, SentRequests},
};

use self::{
    judged::Judged, labelled::Labelled, ranked::Ranked, revised::Revised, searched::Searched,
};

/// The nodes of the trees of a search, by the id of their record.
pub(super) type Trees = BTreeMap<String, Vec<TreeLine>>;

/// What makes the requests of one command again.
enum Maker {
    Judged(Judged),
    Ranked(Ranked),
    Labelled(Labelled),
    Searched(Searched),
    Revised(Revised),
}

/// The nodes of trees in all files.
pub(super) fn trees(files: &[RunFile]) -> Trees {
    let mut trees = Trees::new();
    for line in files.iter().flat_map(|file| &file.lines) {
        if let AnyLine::Node(node) = line {
            trees.entry(node.id.clone()).or_default().push((**node).clone());
        }
    }
    trees
}

/// Adds to a file of results the requests of its first `most` records, or the reason why there are none.
pub(super) async fn add(file: &mut RunFile, trees: &Trees, most: usize) {
    let is_record = |line: &&AnyLine| !matches!(line, AnyLine::Node(_));
    let Some(first) = file.lines.iter().find(is_record).filter(|_| most > 0) else { return };
    let maker = match &file.manifest {
        Some(manifest) => Maker::new(first, manifest).await,
        None => Err(no(format!("`{}.run.json` is not there", file.name))),
    };
    let maker = match maker {
        Ok(maker) => maker,
        Err(error) => {
            file.requests_note = refused(&error);
            return;
        }
    };
    let mut all = BTreeMap::new();
    for line in file.lines.iter().filter(is_record).take(most) {
        let key = line.key();
        if key.is_empty() {
            continue;
        }
        let made = maker.of_line(line, trees).await.unwrap_or_else(|error| SentRequests {
            note: refused(&error) + ".",
            ..SentRequests::default()
        });
        all.insert(key.to_owned(), made);
    }
    file.requests = all;
    file.requests_note =
        format!("not kept, and rebuilt for the first {most} records only; --requests N sets more");
}

/// Why requests are not shown.
fn refused(error: &Error) -> String {
    format!("not kept, and not rebuilt: {}", error.to_string().trim_end_matches('.'))
}

/// The error for requests that cannot be made again.
fn no(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Record, why)
}

impl Maker {
    /// What makes the requests of lines like this one again, by the manifest of their run.
    ///
    /// # Errors
    /// The manifest lacks a part, is one of another run, or a prompt runs code.
    async fn new(line: &AnyLine, manifest: &Value) -> Result<Self> {
        Ok(match line {
            AnyLine::Ranked(_) => Self::Ranked(Ranked::new(manifest).await?),
            AnyLine::Labelled(_) => Self::Labelled(Labelled::new(manifest).await?),
            AnyLine::Searched(_) => Self::Searched(Searched::new(manifest).await?),
            AnyLine::Revised(_) => Self::Revised(Revised::new(manifest).await?),
            _ => Self::Judged(Judged::new(manifest).await?),
        })
    }

    /// The requests about the record of a line.
    ///
    /// # Errors
    /// The line holds no record, or is one of another prompt.
    async fn of_line(&self, line: &AnyLine, trees: &Trees) -> Result<SentRequests> {
        match (self, line) {
            (Self::Judged(judged), AnyLine::Judged(line)) => judged.of_line(line),
            (Self::Ranked(ranked), AnyLine::Ranked(line)) => ranked.of_line(line).await,
            (Self::Labelled(labelled), AnyLine::Labelled(line)) => labelled.of_line(line).await,
            (Self::Searched(searched), AnyLine::Searched(line)) => {
                searched.of_line(line, trees.get(&line.result.id).map_or(&[], Vec::as_slice)).await
            }
            (Self::Revised(revised), AnyLine::Revised(line)) => revised.of_line(line).await,
            _ => Err(no("the file holds results of several commands")),
        }
    }
}

/// The record of a line.
///
/// # Errors
/// The line holds none.
fn record(item: Option<&serde_json::Map<String, Value>>) -> Result<Item> {
    item.cloned().map(Item::from).ok_or_else(|| no("the results hold no records"))
}
