//! Results as rows that fit a terminal.

use super::terminal::{cut_inside, escaped, padded, shortened};
use crate::{
    error::Error,
    records::{LabelLine, RankLine, SearchLine},
    strategy::label::Rollouts,
    verdict::Judgment,
};

/// Results as rows for a terminal: the name of the record, what was found and why, each cut to the width of its column.
///
/// ```
/// use tribunal::{report::VerdictTable, verdict::Judgment};
///
/// let table = VerdictTable { width: 60, colour: false };
/// assert!(table.header::<Judgment>().starts_with("record   verdict      reason"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictTable {
    /// The width of a row, in columns of the terminal.
    pub width: usize,
    /// Whether verdicts are coloured: green for a pass, red for a fail, yellow for unreadable.
    pub colour: bool,
}

/// The width of a row if the output is not a terminal, in columns.
const WIDTH: usize = 112;

impl Default for VerdictTable {
    fn default() -> Self {
        Self { width: WIDTH, colour: false }
    }
}

/// The meaning of a colour.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Tone {
    /// No colour: a verdict without a pass rule, or an answer of which nothing is known.
    Plain,
    /// Green: the record passes, or its answer is right.
    Good,
    /// Red: the record does not pass, its answer is wrong, or it failed.
    Bad,
    /// Yellow: the answer is unreadable, or none was chosen.
    Doubtful,
}

impl Tone {
    /// That of an answer that is right or wrong, if it is known.
    fn of(right: Option<bool>) -> Self {
        match right {
            Some(true) => Self::Good,
            Some(false) => Self::Bad,
            None => Self::Plain,
        }
    }
}

/// What a row shows beside the name of the record.
#[derive(Clone, Debug)]
pub struct TableCells {
    /// What was found, in a few words.
    pub found: String,
    /// Its colour.
    pub tone: Tone,
    /// The reason or the text, on one line.
    pub text: String,
}

/// A result that is a row of a [`VerdictTable`].
pub trait TableRow {
    /// The names of the two columns beside the name of the record.
    const COLUMNS: [&'static str; 2];

    /// What stands in them. Texts need not be escaped.
    fn cells(&self) -> TableCells;
}

impl Tone {
    /// The text with the escape codes of this colour (ANSI SGR).
    fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Good => 32,
            Self::Bad => 31,
            Self::Doubtful => 33,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

impl VerdictTable {
    /// The names of the columns of such rows, without a line break.
    pub fn header<R: TableRow>(&self) -> String {
        let [first, second, _] = self.columns();
        let [found, text] = R::COLUMNS;
        format!("{} {} {text}", padded("record", first), padded(found, second))
    }

    /// One row for one record: its name, what was found, and the reason or the text, without a line break.
    ///
    /// A record that failed has its error as the reason. All texts are [`escaped`].
    pub fn row<R: TableRow>(&self, id: &str, outcome: Result<&R, &Error>) -> String {
        let cells = outcome.map_or_else(|error| failed(id, error), TableRow::cells);
        let [first, second, rest] = self.columns();
        let cell = |text: &str, columns: usize| shortened(&escaped(text), columns);
        let found = padded(&cell(&cells.found, second), second);
        let found = if self.colour { cells.tone.paint(&found) } else { found };
        let name = padded(&cut_inside(&escaped(id), first), first);
        let row = format!("{name} {found} {}", cell(&cells.text, rest));
        row.trim_end().to_owned()
    }

    /// The widths of the three columns of the terminal, without the blanks between them.
    fn columns(&self) -> [usize; 3] {
        let first = (self.width / 8).clamp(8, 24);
        let second = (self.width * 3 / 14).clamp(12, 28);
        [first, second, self.width.saturating_sub(first + second + 2)]
    }
}

/// The cells of a record that failed. One that could not be read is named by its place, and its error begins with the
/// place too.
fn failed(id: &str, error: &Error) -> TableCells {
    let message = error.to_string();
    let place = format!("{id}: ");
    let text = message.strip_prefix(&place).unwrap_or(&message).to_owned();
    TableCells { found: "failed".into(), tone: Tone::Bad, text }
}

/// The verdict, which notes if the two orders disagree or only one was readable, and the last reason of the critique.
impl TableRow for Judgment {
    const COLUMNS: [&'static str; 2] = ["verdict", "reason"];

    fn cells(&self) -> TableCells {
        let (found, tone) = match &self.verdict {
            Ok(verdict) => {
                let (pass, tone) = match self.pass {
                    Some(true) => ("  pass", Tone::Good),
                    Some(false) => ("  fail", Tone::Bad),
                    None => ("", Tone::Plain),
                };
                let order = match self.consistent {
                    Some(false) => " (by order)",
                    _ if self.one_order_unreadable() => " (half)",
                    _ => "",
                };
                (format!("{verdict}{order}{pass}"), tone)
            }
            Err(why) => (format!("unreadable: {}", why.reason.name()), Tone::Doubtful),
        };
        TableCells { found, tone, text: deciding(self) }
    }
}

/// The chosen answer with its value, and its text.
impl TableRow for RankLine {
    const COLUMNS: [&'static str; 2] = ["answer (value)", "text"];

    fn cells(&self) -> TableCells {
        let Some(chosen) = self.chosen else {
            let count = self.candidates.len();
            let text = format!("none of {count} answers was chosen");
            return TableCells { found: "none".into(), tone: Tone::Doubtful, text };
        };
        let value = self.candidates.get(chosen).and_then(|one| one.value);
        let value = value.map_or(String::new(), |value| format!(" ({value:.2})"));
        TableCells {
            found: format!("{chosen}{value}{}", truth(self.right)),
            tone: Tone::of(self.right),
            text: one_line(self.text.as_deref().unwrap_or_default()),
        }
    }
}

/// The value of the chosen solution, and its text.
impl TableRow for SearchLine {
    const COLUMNS: [&'static str; 2] = ["value", "solution"];

    fn cells(&self) -> TableCells {
        let Some(value) = self.value else {
            let text = self.limit.map_or_else(
                || "no solution ended".to_owned(),
                |limit| format!("no solution ended before the limit of {}", limit.name()),
            );
            return TableCells { found: "none".into(), tone: Tone::Doubtful, text };
        };
        TableCells {
            found: format!("{value:.2}{}", truth(self.right)),
            tone: Tone::of(self.right),
            text: one_line(self.result.verdict.verdict.as_deref().unwrap_or_default()),
        }
    }
}

/// The first wrong step, and how many completions of each beginning end right.
impl TableRow for LabelLine {
    const COLUMNS: [&'static str; 2] = ["label", "right completions after so many steps"];

    fn cells(&self) -> TableCells {
        let judgment = Judgment::try_from(self.result.clone());
        let label = judgment.as_ref().map(TableRow::cells);
        let after = |one: &Rollouts| {
            format!("{}: {}/{}", one.steps, one.correct, one.correct + one.incorrect)
        };
        let text = self.rollouts.iter().map(after).collect::<Vec<_>>().join(", ");
        match label {
            Ok(cells) => TableCells { text, ..cells },
            Err(error) => failed(&self.result.id, error),
        }
    }
}

/// Whether an answer is right, behind what was found.
fn truth(right: Option<bool>) -> &'static str {
    match right {
        Some(true) => "  right",
        Some(false) => "  wrong",
        None => "",
    }
}

/// A text with one blank between its words.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The last line of the critique that gives a reason, which is the line before the verdict if it has one.
fn deciding(judgment: &Judgment) -> String {
    let critique = judgment.critique();
    let mut lines = critique.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.next_back().unwrap_or_default();
    let announces = judgment.speaker().is_some_and(|vote| vote.span.is_some());
    let reason = if announces { lines.next_back().unwrap_or(last) } else { last };
    reason.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn a_row_fits_its_terminal_whatever_stands_in_it() {
        let error =
            Error::new(ErrorKind::Record, format!("漢字 \u{1b}[31m {}", "long ".repeat(80)));
        for width in [30, 80, 112, 300] {
            let row = VerdictTable { width, colour: false }
                .row::<Judgment>(&"name".repeat(20), Err(&error));
            assert!(row.width() <= width, "{width}: {row}");
            assert!(!row.contains('\u{1b}'));
        }
    }

    #[test]
    fn colours_are_for_those_who_welcome_them() {
        let error = Error::new(ErrorKind::Record, "x");
        assert!(
            VerdictTable { width: 80, colour: true }
                .row::<Judgment>("a", Err(&error))
                .contains("\u{1b}[31mfailed")
        );
        assert!(!VerdictTable::default().row::<Judgment>("a", Err(&error)).contains('\u{1b}'));
    }
}
