//! Text for a terminal, into which nothing that was judged can reach.

use std::fmt::Write;

use crate::{error::Error, verdict::Judgment};

/// The text with everything that could move a cursor, recolour or reorder shown as an escape.
///
/// Control characters, C1 controls, bidirectional marks and invisible format characters become
/// `\u{…}`; line breaks and tabs become `⏎` and a space.
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push('⏎'),
            '\t' => shown.push(' '),
            '\r' => (),
            c if c.is_control() || is_invisible(c) => {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// One line for one record: its name, its verdict, and the end of the critique.
pub fn line(id: &str, outcome: Result<&Judgment, &Error>) -> String {
    let verdict = match outcome {
        Ok(Judgment { verdict: Ok(verdict), pass, consistent, .. }) => {
            let pass = match pass {
                Some(true) => "  pass",
                Some(false) => "  fail",
                None => "",
            };
            let order = if *consistent == Some(false) { "  (changes with the order)" } else { "" };
            format!("{verdict}{pass}{order}")
        }
        Ok(Judgment { verdict: Err(why), .. }) => format!("unreadable: {}", why.reason.name()),
        Err(error) => format!("failed: {error}"),
    };
    let why = match outcome {
        Ok(judgment) => deciding(judgment),
        Err(_) => String::new(),
    };
    let head =
        format!("{:<14} {:<24}", shortened(&escaped(id), 14), shortened(&escaped(&verdict), 60));
    format!("{head} {}", shortened(&escaped(&why), 72)).trim_end().to_owned()
}

/// The last line of the critique that gives a reason: the one before the announcement, if there is one.
fn deciding(judgment: &Judgment) -> String {
    let critique = judgment.critique();
    let mut lines = critique.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.next_back().unwrap_or_default();
    let announces = judgment.speaker().is_some_and(|vote| vote.span.is_some());
    let reason = if announces { lines.next_back().unwrap_or(last) } else { last };
    reason.to_owned()
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
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
    }
}
