//! Text that fits its terminal: lines break between words, and keep their indentation.
//!
//! Widths count columns and not characters: a wide character counts as two, a combining one as none.
//!
//! Only terminals get wrapped text. In a pipe or a file a line stays whole, so that it can be searched for.

use std::io;

use terminal_size::{Width, terminal_size_of};
use textwrap::{Options, WordSplitter, WrapAlgorithm, wrap};
use unicode_width::UnicodeWidthStr;

/// The columns of the terminal that shows standard error; `None` where it is not a terminal.
pub(super) fn of_stderr() -> Option<usize> {
    terminal_size_of(io::stderr()).map(|(Width(columns), _)| usize::from(columns))
}

/// The columns of the terminal that shows standard output; `None` where it is not a terminal.
pub(super) fn of_stdout() -> Option<usize> {
    terminal_size_of(io::stdout()).map(|(Width(columns), _)| usize::from(columns))
}

/// Every line wrapped at so many columns, with its indentation before each part; a row of a table between its cells.
/// Without a terminal lines stay unchanged.
pub(super) fn fitted(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return text.to_owned() };
    let lines = text.split('\n').map(|line| {
        let words = line.trim_start_matches([' ', '│']);
        let indent = &line[..line.len() - words.len()];
        match cells(words) {
            row if row.len() > 2 && line.width() > columns => broken_row(&row, indent, columns),
            _ => broken(words, indent, columns),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A line of a list, whose last column is wrapped below its own beginning.
pub(super) fn listed(name: &str, text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return format!("{name}{text}") };
    let indent = " ".repeat(name.chars().count().min(columns / 2));
    let below = options(columns).initial_indent(name).subsequent_indent(&indent);
    wrap(text, below).join("\n")
}

/// One line wrapped at so many columns, each part with the same indentation.
fn broken(words: &str, indent: &str, columns: usize) -> String {
    let all = options(columns).initial_indent(indent).subsequent_indent(indent);
    let lines = wrap(words, all);
    if lines.is_empty() { indent.trim_end().to_owned() } else { lines.join("\n") }
}

/// The cells of a row, each with the blanks before it: what two blanks or more divide.
fn cells(row: &str) -> Vec<(usize, &str)> {
    let (mut cells, mut gap, mut rest) = (Vec::new(), 0, row);
    while !rest.is_empty() {
        let (cell, after) = rest.split_at(rest.find("  ").unwrap_or(rest.len()));
        cells.push((gap, cell));
        rest = after.trim_start_matches(' ');
        gap = after.len() - rest.len();
    }
    cells
}

/// A row of a table. Cells that do not fit stand in lines below it, four blanks deeper.
fn broken_row(row: &[(usize, &str)], indent: &str, columns: usize) -> String {
    let deeper = format!("{indent}    ");
    let mut lines = vec![indent.to_owned()];
    for (gap, cell) in row {
        let last = lines.len() - 1;
        if lines[last].width() + gap + cell.width() <= columns || *gap == 0 {
            lines[last] += &format!("{:gap$}{cell}", "");
        } else {
            lines.extend(broken(cell, &deeper, columns).lines().map(ToOwned::to_owned));
        }
    }
    lines.join("\n")
}

/// Options by which a word longer than a line stays whole, so that it can be copied.
fn options(columns: usize) -> Options<'static> {
    Options::new(columns.max(20))
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_keep_what_stands_before_them() {
        let text = "── a: 7\n   one two three four five six\n   │ seven eight nine ten eleven\n";
        let shown =
            "── a: 7\n   one two three\n   four five six\n   │ seven eight\n   │ nine ten eleven\n";
        assert_eq!(fitted(text, Some(20)), shown);
        assert_eq!(fitted(text, None), text);
    }

    #[test]
    fn a_row_of_a_table_breaks_between_its_cells() {
        let table = "method        estimate  95 % interval\nisotonic      0.481     0.432 to 0.530   63 % from labels";
        let shown = "method        estimate\n    95 % interval\nisotonic      0.481\n    0.432 to 0.530\n    63 % from labels";
        assert_eq!(fitted(table, Some(30)), shown);
        assert_eq!(fitted(table, Some(60)), table);
    }

    #[test]
    fn a_long_word_stays_whole() {
        let path = "/a/very/long/path/that/no/terminal/shows.jsonl";
        assert!(fitted(&format!("written to {path}"), Some(20)).ends_with(&format!("\n{path}")));
    }

    #[test]
    fn a_list_is_wrapped_below_its_own_column() {
        let shown = listed("name      ", "what it is and what it does", Some(30));
        assert_eq!(shown, "name      what it is and what\n          it does");
        assert_eq!(listed("name  ", "text", None), "name  text");
    }
}
