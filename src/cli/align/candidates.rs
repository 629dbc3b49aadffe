//! The file of candidates: those of this run, after those of earlier runs with other labels, another prompt or other
//! models, which are kept.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::cannot_write;
use crate::cli::note;
use tribunal::{
    align::Candidate,
    error::{Error, ErrorKind, Result},
    units::counted,
};

/// The file of candidates, open for those of one run.
pub(super) struct Candidates {
    path: PathBuf,
    file: File,
    /// What tells this run from others.
    run: String,
}

impl Candidates {
    /// Opens the file. The candidates of this run are written again, for each is asked for again and found in the cache;
    /// those of other runs are kept.
    ///
    /// # Errors
    /// The file holds something else, or cannot be written.
    pub(super) fn open(path: &Path, run: String) -> Result<Self> {
        let cannot = |cause| cannot_write(path, cause);
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(cause) => return Err(cannot(cause)),
        };
        let mut kept = Vec::new();
        let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
        while let Some(line) = lines.next() {
            match serde_json::from_str::<Value>(line) {
                Ok(candidate) if is_candidate(&candidate) => {
                    if candidate["run"] != json!(run) {
                        kept.push(line);
                    }
                }
                // A run that was killed may have left half a line.
                Err(_) if lines.peek().is_none() && !text.ends_with('\n') => (),
                _ => {
                    let message =
                        format!("`{}` exists already, and holds no candidates", path.display());
                    return Err(Error::new(ErrorKind::Config, message).hint(
                        "name another file with --candidates-file, or delete this one first",
                    ));
                }
            }
        }
        // What is kept is never missing from the disk, even if this run is killed now.
        let mut next = path.as_os_str().to_owned();
        next.push(".next");
        let all: String = kept.iter().flat_map(|line| [*line, "\n"]).collect();
        fs::write(&next, all).map_err(cannot)?;
        fs::rename(&next, path).map_err(cannot)?;
        if !kept.is_empty() {
            let count = counted(kept.len(), "candidate");
            note(&format!("kept {count} of other labels, prompts or models in {}", path.display()));
        }
        let file = File::options().append(true).open(path).map_err(cannot)?;
        Ok(Self { path: path.to_owned(), file, run })
    }

    /// Writes a candidate.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn add(&mut self, candidate: &Candidate) -> Result<()> {
        let cannot = |cause| cannot_write(&self.path, cause);
        let mut line =
            serde_json::to_value(candidate).map_err(std::io::Error::other).map_err(cannot)?;
        line["run"] = json!(self.run);
        self.file.write_all(format!("{line}\n").as_bytes()).map_err(cannot)
    }
}

/// Whether a line is one of a candidate.
fn is_candidate(line: &Value) -> bool {
    ["number", "round", "outcome", "prompt"].iter().all(|key| line.get(key).is_some())
}
