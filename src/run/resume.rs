//! The lines of an earlier run, and which of them are reused.

use std::fmt::Display;

use serde::Deserialize;
use serde_json::Value;

use super::{Finished, Redo, Reuse, Work, window::size};
use crate::{
    error::Result,
    records::{End, JournalLine, Output, Written},
};

/// What happens to the earlier line of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineFate {
    /// A new line replaces it.
    Replaced,
    /// It was read again.
    Reread,
    /// It is kept.
    Kept,
}

/// The line of a record from an earlier run.
#[derive(Debug)]
pub(super) struct EarlierLine<L> {
    earlier: JournalLine,
    /// Its content; `None` if it is not a line of this work.
    pub(super) line: Option<L>,
}

impl<L> EarlierLine<L> {
    /// About how many bytes of memory it takes.
    pub(super) fn size(&self) -> usize {
        2 * size(&self.earlier.line)
    }
}

/// The lines of a run, and those of an earlier one.
#[derive(Debug)]
pub(super) struct ResultLines {
    output: Option<Output>,
    redo: Redo,
}

impl ResultLines {
    pub(super) fn new(output: Option<Output>, redo: Redo) -> Self {
        Self { output, redo }
    }

    /// The earlier line with this key, and how far it can be reused. Each of several equal records gets its
    /// own line.
    pub(super) fn earlier<W: Work>(
        &mut self,
        work: &W,
        key: &str,
    ) -> (Option<EarlierLine<W::Line>>, Reuse<W::Done>) {
        let earlier = self.output.as_mut().and_then(|output| output.earlier(key));
        let Some(earlier) = earlier else { return (None, Reuse::Nothing) };
        let line = W::Line::deserialize(&earlier.line).ok();
        let reuse = match &line {
            Some(line) if self.redo != Redo::Everything => work.reuse(line, self.redo),
            _ => Reuse::Nothing,
        };
        (Some(EarlierLine { earlier, line }), reuse)
    }

    /// Accepts the line of a record, or keeps the earlier one, and returns the line that counts. It is in the file
    /// after [`flush`](Self::flush).
    ///
    /// # Errors
    /// It cannot be written; the earlier one is kept.
    pub(super) fn put<W: Work>(
        &mut self,
        work: &W,
        finished: &Finished<W::Done>,
        key: &str,
        before: Option<EarlierLine<W::Line>>,
        old: LineFate,
    ) -> Result<W::Line> {
        let index = finished.index;
        match (before, old) {
            (Some(EarlierLine { earlier, line: Some(line) }), LineFate::Kept) => {
                self.keep::<W>(index, &earlier, line)
            }
            (Some(EarlierLine { earlier, line: Some(line) }), LineFate::Reread) => {
                match work.renewed(&line, work.line(finished, key)) {
                    Some(renewed) => self.write(index, Some(&earlier), renewed),
                    None => self.keep::<W>(index, &earlier, line),
                }
            }
            (before, _) => {
                let earlier = before.map(|before| before.earlier);
                self.write(index, earlier.as_ref(), work.line(finished, key))
            }
        }
    }

    /// Queues a line, in place of an earlier one if there is one.
    fn write<L: Display>(
        &mut self,
        index: usize,
        earlier: Option<&JournalLine>,
        line: L,
    ) -> Result<L> {
        match (&mut self.output, earlier) {
            (Some(output), Some(earlier)) => output.queue_in_place(index, earlier, &line)?,
            (Some(output), None) => output.queue(index, &line)?,
            (None, _) => (),
        }
        Ok(line)
    }

    /// Writes the lines that [`put`](Self::put) has accepted.
    ///
    /// # Errors
    /// They cannot be written.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.output.as_mut().map_or(Ok(()), Output::flush)
    }

    /// Keeps a line for the record with this index.
    fn keep<W: Work>(
        &mut self,
        index: usize,
        earlier: &JournalLine,
        line: W::Line,
    ) -> Result<W::Line> {
        if let Some(moved) = moved(&earlier.line, index) {
            let line = W::Line::deserialize(&moved).unwrap_or(line);
            self.write(index, Some(earlier), moved)?;
            return Ok(line);
        }
        if let Some(output) = &mut self.output {
            output.keep(index, earlier);
        }
        Ok(line)
    }

    /// Brings the file of results into its final form.
    ///
    /// # Errors
    /// It cannot be written; the results are kept as lines.
    pub(super) fn finish(self, end: &End, is_settled: bool) -> Result<Option<Written>> {
        self.output.map(|output| output.finish(end, is_settled)).transpose()
    }
}

/// The line with the current index of its record; `None` if the index is unchanged.
fn moved(line: &Value, index: usize) -> Option<Value> {
    let is_stale = line.get("stale").is_some();
    if line["index"] == index && !is_stale {
        return None;
    }
    let mut line = line.clone();
    line["index"] = index.into();
    if let Some(line) = line.as_object_mut() {
        line.shift_remove("stale");
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_moves_with_its_record_and_counts_again() {
        let line = json!({"id": "a", "index": 3, "key": "k"});
        assert_eq!(moved(&line, 3), None);
        assert_eq!(moved(&line, 4).unwrap()["index"], 4);
        let stale = json!({"id": "a", "index": 3, "key": "k", "stale": true});
        assert_eq!(moved(&stale, 3), Some(line));
    }
}
