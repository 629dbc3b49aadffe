//! What a person types: single keys on a terminal, lines from anywhere else.

use std::io::{self, BufRead, IsTerminal};

use console::{Key, Term};

use super::task::{Task, Typed};
use tribunal::error::{Error, ErrorKind, Result};

/// Where answers come from.
#[derive(Debug)]
pub(super) enum Answers {
    /// Single keys of a terminal.
    Keys(Unbuffered),
    /// Lines of standard input.
    Lines,
}

impl Answers {
    /// Keys, if both ends are a terminal and every label has a key; otherwise lines.
    ///
    /// # Errors
    /// The terminal cannot be set to single keys.
    pub(super) fn of(task: &Task) -> Result<Self> {
        let terminal = Term::stdout();
        let has_keys = !task.keys().is_empty();
        if has_keys && terminal.is_term() && io::stdin().is_terminal() {
            return Ok(Self::Keys(Unbuffered::new(terminal).map_err(unreadable)?));
        }
        Ok(Self::Lines)
    }

    /// The next answer, and whether Ctrl-C was pressed. The end of the input ends the labelling.
    ///
    /// # Errors
    /// The input cannot be read.
    pub(super) fn next(&self, task: &Task, steps: usize) -> Result<(Typed, bool)> {
        let typed = match self {
            Self::Keys(keys) => match keys.terminal.read_key_raw() {
                Ok(Key::Char(key)) => key.to_string(),
                Ok(Key::CtrlC) => return Ok((Typed::Quit, true)),
                Ok(Key::Backspace) => return Ok((Typed::Undo, false)),
                Ok(_) => return Ok((Typed::Unknown, false)),
                Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok((Typed::Quit, false));
                }
                Err(cause) => return Err(unreadable(cause)),
            },
            Self::Lines => {
                let mut line = String::new();
                if io::stdin().lock().read_line(&mut line).map_err(unreadable)? == 0 {
                    return Ok((Typed::Quit, false));
                }
                line
            }
        };
        Ok((task.read(&typed, steps), false))
    }
}

fn unreadable(cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, "cannot read answers").because(cause)
}

/// A terminal that passes every key on, from the first record to the last.
///
/// Between two reads the terminal would edit the line itself: Backspace would delete a key that was typed ahead in place
/// of taking back the last label.
#[derive(Debug)]
pub(super) struct Unbuffered {
    terminal: Term,
    /// The settings that it had.
    #[cfg(unix)]
    before: nix::sys::termios::Termios,
}

#[cfg(unix)]
impl Unbuffered {
    fn new(terminal: Term) -> io::Result<Self> {
        use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin())?;
        let mut keys = before.clone();
        keys.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG);
        tcsetattr(io::stdin(), SetArg::TCSADRAIN, &keys)?;
        Ok(Self { terminal, before })
    }
}

#[cfg(unix)]
impl Drop for Unbuffered {
    fn drop(&mut self) {
        use nix::sys::termios::{SetArg, tcsetattr};
        // A terminal that is gone needs no settings.
        let _ = tcsetattr(io::stdin(), SetArg::TCSADRAIN, &self.before);
    }
}

#[cfg(not(unix))]
impl Unbuffered {
    fn new(terminal: Term) -> io::Result<Self> {
        Ok(Self { terminal })
    }
}
