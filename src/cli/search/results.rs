//! The results of `tribunal search`: lines, and trees as lines, as pictures and in the terminal.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
};

use serde_json::Value;

use super::{
    super::{
        lines::{self, Lines},
        note, output,
        progress::Progress,
    },
    tree,
};
use tribunal::{
    error::{Error, ErrorKind, Result},
    files::Plan,
    models::Models,
    records::{Output, SearchLine, TreeLine, Written},
    report::SearchSummary,
    run::{Finished, Listener, SearchDone, SearchWork},
};

/// Flags that choose where results are written, and what is printed meanwhile.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Results")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) lines: lines::Args,
    /// File for the trees: .jsonl or .svg; repeatable.
    #[arg(long, value_name = "FILE")]
    tree: Vec<PathBuf>,
    /// Print the tree of each record.
    #[arg(long, conflicts_with = "quiet")]
    show_tree: bool,
}

/// The most trees in one picture.
const PICTURED: usize = 12;

impl Args {
    /// The plan with all files that are written.
    pub(super) fn writing(&self, plan: Plan) -> Plan {
        let plan = self.lines.writing(plan);
        let trees = self.tree.iter().cloned().map(Some);
        trees.fold(plan, |plan, path| output::writing_named(plan, [("--tree", &path)]))
    }

    /// Whether trees are written or printed.
    pub(super) fn needs_trees(&self) -> bool {
        self.show_tree || !self.tree.is_empty()
    }

    /// Opens everything that is written, before the first request.
    ///
    /// # Errors
    /// A file cannot be written, has content already, or has an unknown format.
    pub(super) fn open(
        &self,
        progress: Progress,
        parts: Value,
    ) -> Result<(Results, Option<Output>)> {
        let (lines, output) = self.lines.open("solutions", progress, parts)?;
        let mut trees = Trees::default();
        for path in &self.tree {
            match path.extension().and_then(|end| end.to_str()) {
                Some("jsonl") => {
                    let file = BufWriter::new(output::create(path)?);
                    trees.files.push((path.clone(), file));
                }
                #[cfg(feature = "charts")]
                Some("svg") => {
                    output::create(path)?;
                    trees.pictures.push(path.clone());
                }
                _ => {
                    let message =
                        format!("cannot write trees to `{}`: unknown format", path.display());
                    return Err(Error::new(ErrorKind::Config, message)
                        .hint("name a file that ends in .jsonl or .svg"));
                }
            }
        }
        let legend = tree::Legend::default();
        Ok((Results { trees, legend, lines, args: self.clone() }, output))
    }
}

/// Prints results as they end, and writes trees.
pub(super) struct Results {
    trees: Trees,
    /// What the marks of the printed trees mean.
    legend: tree::Legend,
    lines: Lines,
    args: Args,
}

/// The files of trees, in the order of the input.
#[derive(Default)]
struct Trees {
    files: Vec<(PathBuf, BufWriter<File>)>,
    pictures: Vec<PathBuf>,
    /// Trees of records that ended before one that comes earlier in the input.
    waiting: BTreeMap<usize, Vec<TreeLine>>,
    /// The index of the record to be written next.
    next: usize,
    /// The trees of pictures.
    pictured: Vec<Vec<TreeLine>>,
    left_out: usize,
}

impl Trees {
    /// Adds the tree of a record; empty if it has none.
    fn add(&mut self, index: usize, lines: Vec<TreeLine>) -> Result<()> {
        self.waiting.insert(index, lines);
        while let Some(lines) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.write(lines)?;
        }
        Ok(())
    }

    fn write(&mut self, lines: Vec<TreeLine>) -> Result<()> {
        for (path, file) in &mut self.files {
            for line in &lines {
                writeln!(file, "{line}").map_err(|cause| output::cannot_write(path, cause))?;
            }
        }
        if self.pictures.is_empty() || lines.is_empty() {
            return Ok(());
        }
        if self.pictured.len() < PICTURED {
            self.pictured.push(lines);
        } else {
            self.left_out += 1;
        }
        Ok(())
    }

    /// Writes what waits for records that were not tried, and the pictures.
    fn finish(mut self, quiet: bool) -> Result<()> {
        for (_, lines) in std::mem::take(&mut self.waiting) {
            self.write(lines)?;
        }
        for (path, mut file) in self.files {
            file.flush().map_err(|cause| output::cannot_write(&path, cause))?;
        }
        #[cfg(feature = "charts")]
        if let [_, ..] = self.pictures.as_slice() {
            let svg = tribunal::report::tree_svg(&self.pictured)?;
            for path in &self.pictures {
                std::fs::write(path, &svg).map_err(|cause| output::cannot_write(path, cause))?;
            }
        }
        if self.left_out > 0 && !quiet {
            let left_out = self.left_out;
            note(&format!(
                "the picture has the first {PICTURED} trees; {left_out} more are not in it"
            ));
        }
        Ok(())
    }
}

impl Listener<SearchWork> for Results {
    /// A record ended: it is counted, printed if there is no file, and its tree is written.
    ///
    /// # Errors
    /// Standard output or a file of trees cannot be written, which ends the run.
    fn finished(&mut self, finished: &Finished<SearchDone>, line: &SearchLine) -> Result<()> {
        if self.args.needs_trees() {
            let lines = match &finished.outcome {
                Ok(SearchDone::Now(searched)) => TreeLine::all(&line.result.id, searched),
                _ => Vec::new(),
            };
            if self.args.show_tree && !lines.is_empty() {
                self.legend.add(&lines);
                self.lines.progress.aside(|| note(&tree::shown(&lines)));
            }
            self.trees.add(finished.index, lines)?;
        }
        self.lines.add(finished, line)
    }

    /// No more records follow.
    fn over(&mut self) {
        self.lines.progress.finish();
        if let Some(legend) = self.legend.text() {
            note(&legend);
        }
    }
}

impl Results {
    /// Prints where the results are, and writes the trees and the figures.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn finish(
        self,
        summary: &SearchSummary,
        left: Option<&Written>,
        models: &Models,
    ) -> Result<()> {
        self.lines.note_left(left);
        self.trees.finish(self.args.lines.quiet)?;
        self.lines.write_summary(summary.to_json(), models)
    }
}
