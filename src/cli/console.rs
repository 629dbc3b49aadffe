//! What the program prints: results on standard output, messages on standard error, and nothing that moves a
//! cursor.
//!
//! Anything printed may hold text of a record, a model, a server or a file name. Messages are always escaped.
//! Results are exact in pipes and files, and escaped on a terminal. Only text that this program has coloured
//! itself, out of escaped parts, is printed unchanged.
//!
//! Three functions print messages, and differ in where the text is escaped: [`print_error`] and [`note`] escape what they are
//! given, [`note_coloured`] does not. Three print results: [`emit`], [`emit_coloured`] and [`emit_figures`].

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
    sync::OnceLock,
};

use super::width::{fitted, of_stderr, of_stdout};
use tribunal::{
    Hint,
    error::{Error, ErrorKind, Result},
    report::{escaped, escaped_lines, is_hidden},
};

/// Texts that never appear on standard error, such as keys.
static SECRETS: OnceLock<Vec<String>> = OnceLock::new();

/// Replaces these texts by `***` in every message from now on.
pub(super) fn hide(secrets: Vec<String>) {
    let _ = SECRETS.set(secrets);
}

/// Whether an output is coloured: a terminal is, unless `NO_COLOR` (no-color.org) or `CLICOLOR=0` says otherwise, and
/// `CLICOLOR_FORCE` colours everything (bixense.com/clicolors).
pub(super) fn is_coloured(is_terminal: bool) -> bool {
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if value("NO_COLOR").is_some() {
        return false;
    }
    let is_forced = value("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    let is_off = value("CLICOLOR").is_some_and(|value| value == "0");
    is_forced || (is_terminal && !is_off)
}

/// Prints an error and its hints, each on a line of its own.
pub(super) fn print_error(error: &Error) {
    note_coloured(&format!("error: {}", escaped(&error.to_string())));
    for hint in error.hints() {
        note_coloured(&format!("hint: {}", escaped(&worded(hint))));
    }
}

/// Errors about many lines of one file, of which the first few are printed.
#[derive(Default)]
pub(super) struct FewErrors {
    count: usize,
}

impl FewErrors {
    /// How many are printed.
    const PRINTED: usize = 5;

    /// Counts an error, and prints it if it is one of the first.
    pub(super) fn print(&mut self, error: &Error) {
        self.count += 1;
        if self.count <= Self::PRINTED {
            print_error(error);
        }
    }

    /// The number of all errors; if some were not printed, this is said. `what` names what could not be read.
    pub(super) fn ended(self, what: &str) -> usize {
        if self.count > Self::PRINTED {
            note(&format!("{} {what} could not be read", self.count));
        }
        self.count
    }
}

/// A hint as the command line words it: the setting `map` is the flag `--map`, and one without a flag is a key of
/// tribunal.toml.
pub(super) fn worded(hint: &Hint) -> String {
    hint.worded(|name, value| {
        let long = name.replace('_', "-");
        // The short forms of these two are better known.
        let flag = match name {
            "prompt" => "-p".to_owned(),
            "model" => "-m".to_owned(),
            _ => format!("--{long}"),
        };
        match (is_flag(&long), value) {
            (true, "") => flag,
            // A shell would split it into words, or replace parts of it.
            (true, value) if value.contains([' ', '*', '<', '>', '|']) => {
                format!("{flag} '{value}'")
            }
            (true, value) => format!("{flag} {value}"),
            (false, "") => format!("`{name}` in tribunal.toml"),
            (false, value) => format!("`{name} = {value}` in tribunal.toml"),
        }
    })
}

/// Whether any command has this long flag.
fn is_flag(long: &str) -> bool {
    let command = super::command();
    command.get_subcommands().any(|one| one.get_arguments().any(|arg| arg.get_long() == Some(long)))
}

/// Prints a message of one line or more.
pub(super) fn note(text: &str) {
    note_coloured(&escaped_lines(text));
}

/// Prints a message whose parts are escaped already, such as a coloured one; on a terminal it breaks between words.
pub(super) fn note_coloured(text: &str) {
    let shown = without_secrets(text);
    // A closed standard error must not end the run.
    let _ = writeln!(io::stderr(), "{}", fitted(&shown, of_stderr()));
}

/// The text with `***` in place of every secret.
pub(super) fn without_secrets(text: &str) -> String {
    let secrets = SECRETS.get().into_iter().flatten();
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
}

/// Writes a line of results and flushes it.
///
/// # Errors
/// It cannot be written.
pub(super) fn emit(out: &mut dyn Write, line: &str) -> Result<()> {
    if io::stdout().is_terminal() {
        return emit_coloured(out, &shown(line));
    }
    emit_coloured(out, line)
}

/// Prints figures: as they are where programs read them, and broken between words on a terminal.
///
/// # Errors
/// They cannot be written.
pub(super) fn emit_figures(text: &str, is_json: bool) -> Result<()> {
    let columns = of_stdout().filter(|_| !is_json);
    emit(&mut io::stdout(), &fitted(text, columns))
}

/// Writes a line of results whose parts are escaped already, such as a coloured one.
///
/// # Errors
/// It cannot be written.
pub(super) fn emit_coloured(out: &mut dyn Write, line: &str) -> Result<()> {
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(cannot_print)
}

/// The error for results that cannot be printed.
pub(super) fn cannot_print(cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, "cannot write results")
        .because(cause)
        .hint("lines written before are complete; free some space, and run again")
}

/// Whether the reader of the output has closed its end, as `head` does when it has enough lines.
pub(super) fn is_closed_pipe(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|it| it.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Standard output for results: exact in a pipe, escaped on a terminal.
pub(super) fn stdout() -> Box<dyn Write + Send> {
    let out = io::stdout();
    if out.is_terminal() { Box::new(Shown { to: out, begun: Vec::new() }) } else { Box::new(out) }
}

/// The text with control characters as JSON escapes them, so that a line of JSON keeps its meaning.
fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Escapes everything that is written to it.
struct Shown<W> {
    to: W,
    /// The first bytes of a character whose other bytes have not come yet.
    begun: Vec<u8>,
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        let mut rest = std::mem::take(&mut self.begun);
        while let Some(chunk) = rest.utf8_chunks().next() {
            let (valid, broken) = (chunk.valid(), chunk.invalid());
            self.to.write_all(shown(valid).as_bytes())?;
            let read = valid.len() + broken.len();
            if read == rest.len() && begins_a_character(broken) {
                self.begun = broken.to_vec();
                break;
            }
            if !broken.is_empty() {
                self.to.write_all("\u{fffd}".as_bytes())?;
            }
            rest.drain(..read);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Whether these bytes at the end of a text may be the beginning of one character.
fn begins_a_character(bytes: &[u8]) -> bool {
    let length = match bytes.first() {
        Some(0xC2..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF4) => 4,
        _ => 0,
    };
    bytes.len() < length
}

/// Logs of the library: on standard error, escaped as all messages are.
pub(super) struct Logs;

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        note(String::from_utf8_lossy(bytes).trim_end_matches('\n'));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_shows_is_the_same_json() {
        let value = serde_json::json!({"a": "\u{9b}31m\u{202e}\u{7f}\u{e0041}ä\u{1b}]0;x\u{7}"});
        let line = shown(&value.to_string());
        assert!(!line.contains(is_hidden), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
        assert_eq!(shown("a\tb\nc"), "a\tb\nc");
    }

    #[test]
    fn characters_that_come_in_pieces_are_shown_whole() {
        let text = "ä\u{9b}漢\u{1b}[2J🙂\u{202e}end\n".as_bytes();
        for size in 1..6 {
            let mut out = Shown { to: Vec::new(), begun: Vec::new() };
            text.chunks(size).for_each(|piece| out.write_all(piece).unwrap());
            let shown = String::from_utf8(out.to).unwrap();
            assert_eq!(shown, "ä\\u009b漢\\u001b[2J🙂\\u202eend\n", "{size}");
        }
        let mut out = Shown { to: Vec::new(), begun: Vec::new() };
        out.write_all(b"a\xff\x9bb\xc2").unwrap();
        assert_eq!(out.to, "a\u{fffd}\u{fffd}b".as_bytes());
    }
}
