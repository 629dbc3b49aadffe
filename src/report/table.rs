//! Verdicts as rows that fit a terminal.

use super::terminal::{cut_inside, escaped, padded, shortened};
use crate::{error::Error, verdict::Judgment};

/// Verdicts as rows for a terminal: name, verdict and reason, each cut to the width of its column.
///
/// ```
/// use tribunal::report::VerdictTable;
///
/// let table = VerdictTable { width: 60, colour: false };
/// assert!(table.header().starts_with("record   verdict      reason"));
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
#[derive(Clone, Copy)]
enum Tone {
    /// No colour: a verdict without a pass rule.
    Plain,
    /// Green: the record passes.
    Good,
    /// Red: the record does not pass, or failed.
    Bad,
    /// Yellow: the answer is unreadable.
    Doubtful,
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
    /// The names of the columns, without a line break.
    pub fn header(&self) -> String {
        let [first, second, _] = self.columns();
        format!("{} {} reason", padded("record", first), padded("verdict", second))
    }

    /// One row for one record: its name, its verdict, and the last reason of the critique, without a line
    /// break.
    ///
    /// A record that failed has its error as the reason. All texts are [`escaped`].
    pub fn row(&self, id: &str, outcome: Result<&Judgment, &Error>) -> String {
        let (verdict, tone) = verdict(outcome);
        let why = match outcome {
            Ok(judgment) => deciding(judgment),
            // A record that could not be read is named by its place, and its error begins with the place too.
            Err(error) => {
                let message = error.to_string();
                let place = format!("{id}: ");
                message.strip_prefix(&place).unwrap_or(&message).to_owned()
            }
        };
        let [first, second, rest] = self.columns();
        let cell = |text: &str, columns: usize| shortened(&escaped(text), columns);
        let verdict = padded(&cell(&verdict, second), second);
        let verdict = if self.colour { tone.paint(&verdict) } else { verdict };
        let name = padded(&cut_inside(&escaped(id), first), first);
        let row = format!("{name} {verdict} {}", cell(&why, rest));
        row.trim_end().to_owned()
    }

    /// The widths of name, verdict and reason in columns of the terminal, without the blanks between
    /// them.
    fn columns(&self) -> [usize; 3] {
        let first = (self.width / 8).clamp(8, 24);
        let second = (self.width * 3 / 14).clamp(12, 28);
        [first, second, self.width.saturating_sub(first + second + 2)]
    }
}

/// The cell of a verdict, and its colour. It notes if the two orders disagree, or if only one was
/// readable.
fn verdict(outcome: Result<&Judgment, &Error>) -> (String, Tone) {
    match outcome {
        Ok(judgment @ Judgment { verdict: Ok(verdict), pass, consistent, .. }) => {
            let (pass, tone) = match pass {
                Some(true) => ("  pass", Tone::Good),
                Some(false) => ("  fail", Tone::Bad),
                None => ("", Tone::Plain),
            };
            let order = match consistent {
                Some(false) => " (by order)",
                _ if judgment.one_order_unreadable() => " (half)",
                _ => "",
            };
            (format!("{verdict}{order}{pass}"), tone)
        }
        Ok(Judgment { verdict: Err(why), .. }) => {
            (format!("unreadable: {}", why.reason.name()), Tone::Doubtful)
        }
        Err(_) => ("failed".into(), Tone::Bad),
    }
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
            let row = VerdictTable { width, colour: false }.row(&"name".repeat(20), Err(&error));
            assert!(row.width() <= width, "{width}: {row}");
            assert!(!row.contains('\u{1b}'));
        }
    }

    #[test]
    fn colours_are_for_those_who_welcome_them() {
        let error = Error::new(ErrorKind::Record, "x");
        assert!(
            VerdictTable { width: 80, colour: true }
                .row("a", Err(&error))
                .contains("\u{1b}[31mfailed")
        );
        assert!(!VerdictTable::default().row("a", Err(&error)).contains('\u{1b}'));
    }
}
