//! Texts that are safe to print on a terminal, even if a judged text is hostile.
//!
//! A judged text can contain escape sequences that clear the screen, forge a verdict or reorder the line.
//! No character of it may reach the terminal as a command.

use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text in one line, with every character that could move the cursor, change colours or reorder text
/// as an escape.
///
/// Control characters, C1 controls, bidirectional marks and invisible format characters become `\u{…}`;
/// line breaks become `⏎`, tabs become a space, and carriage returns are removed.
///
/// ```
/// use tribunal::report::escaped;
///
/// assert_eq!(escaped("\u{1b}[2Jgone\nnext"), "\\u{1b}[2Jgone⏎next");
/// ```
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push('⏎'),
            '\t' => shown.push(' '),
            '\r' => (),
            c if is_hidden(c) => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// The text with its line breaks, where every line is [`escaped`].
pub fn escaped_lines(text: &str) -> String {
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n")
}

/// Whether a character is invisible and changes how others are shown.
///
/// These are the characters that [`escaped`] escapes or removes, except for line breaks and tabs.
pub fn is_hidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t')) || is_invisible(c)
}

/// Invisible characters that change how others are shown: joiners, fillers, direction marks, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// The text cut to `most` columns of a terminal, with `…` at its end. Wide characters occupy two columns.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    fitting(text.chars(), most.saturating_sub(1)) + "…"
}

/// The text cut in its middle to `most` columns of a terminal.
///
/// Names of records often differ only at their ends, so both ends are kept.
pub(super) fn cut_inside(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(1);
    let tail = room / 2;
    let start = fitting(text.chars(), room - tail);
    let mut end: Vec<char> = fitting(text.chars().rev(), tail).chars().collect();
    end.reverse();
    start + "…" + &end.into_iter().collect::<String>()
}

/// As many of these characters as fit into `room` columns.
fn fitting(chars: impl Iterator<Item = char>, mut room: usize) -> String {
    let fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        let fits = width <= room;
        room = room.saturating_sub(width);
        fits
    };
    chars.take_while(fits).collect()
}

/// The text with blanks at its end, up to `columns` columns.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let blanks = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(blanks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_reaches_the_terminal_as_a_command() {
        let hostile = "\u{1b}[2Jgone\u{7}\u{9b}31m\u{202e}txt.exe\u{200b}\r\nline";
        assert_eq!(
            escaped(hostile),
            "\\u{1b}[2Jgone\\u{7}\\u{9b}31m\\u{202e}txt.exe\\u{200b}⏎line"
        );
    }

    #[test]
    fn a_long_text_is_cut_at_whole_characters() {
        assert_eq!(shortened("äöüß", 3), "äö…");
        assert_eq!(shortened("漢字漢字", 5), "漢字…");
        assert_eq!(padded("漢", 4), "漢  ");
    }

    #[test]
    fn a_long_name_keeps_both_of_its_ends() {
        assert_eq!(cut_inside("llmbar:LLMBar_Natural-0001", 14), "llmbar:…l-0001");
        assert_eq!(cut_inside("short", 5), "short");
        assert_eq!(cut_inside("漢字漢字", 5), "漢…字");
        assert_eq!(cut_inside("abc", 1), "…");
    }
}
