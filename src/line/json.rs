//! Lines as JSON text, and the errors about text that is not one.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::VERSION;
use crate::error::{Error, ErrorKind, json_fault};

/// Writes a line as JSON: on one line, or indented in the alternate form.
pub(crate) fn written(line: &impl Serialize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let json = if f.alternate() {
        serde_json::to_string_pretty(line)
    } else {
        serde_json::to_string(line)
    };
    f.write_str(&json.map_err(|_| fmt::Error)?)
}

/// The error of a text that is not the line that was expected: `what` names it, and `hint` helps if the text is
/// something else.
pub(crate) fn unlike(line: &[u8], cause: &serde_json::Error, what: &str, hint: &str) -> Error {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    match serde_json::from_slice(line) {
        Ok(Version { v }) if v > VERSION => {
            let message =
                format!("the line is of version {v}, and this program reads up to {VERSION}");
            Error::new(ErrorKind::Record, message)
                .hint("update tribunal, or judge the record again")
        }
        _ => {
            let message = format!("the line is not {what}: {}", json_fault(cause));
            Error::new(ErrorKind::Record, message).hint(hint.to_owned())
        }
    }
}

pub(super) const HINT: &str = "use a .jsonl file that `tribunal judge` wrote";

/// An error about a line that this program would not write.
pub(super) fn not_a_line(message: &str) -> Error {
    Error::new(ErrorKind::Record, message).hint(HINT)
}
