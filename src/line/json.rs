//! Lines as JSON text, and the errors about text that is not one.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

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

/// Why an object is not a line of this type, of which only `id` is required: it has no `id`, or one of its fields holds
/// something else. `None` for other texts, and for lines of a newer version.
pub(super) fn culprit<T: DeserializeOwned>(line: &[u8]) -> Option<String> {
    let fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
    if fields.get("v").and_then(Value::as_u64).is_some_and(|v| v > u64::from(VERSION)) {
        return None;
    }
    if let Some(command) = writer_of(&fields) {
        return Some(format!("it is a line of `tribunal {command}`"));
    }
    if !fields.contains_key("id") {
        return Some("it has no `id`".to_owned());
    }
    let fault = |(name, value): (&String, &Value)| {
        let mut alone = json!({"id": "x"});
        alone[name] = value.clone();
        Some((name.clone(), serde_json::from_value::<T>(alone).err()?))
    };
    let (name, why) = fields.iter().find_map(fault)?;
    let why = value_fault(&why).map(|why| format!(": {why}")).unwrap_or_default();
    Some(format!("its field `{name}` holds something else than in a result{why}"))
}

/// The command that wrote a line which is no result of one judgment, by the fields that only its lines have: `rank` or
/// `revise`.
pub fn writer_of(line: &Map<String, Value>) -> Option<&'static str> {
    let has = |names: &[&str]| names.iter().all(|name| line.contains_key(*name));
    let commands = [("rank", ["rule", "measure"]), ("revise", ["outcome", "rounds"])];
    let is_of = |(_, own): &(&str, [&str; 2])| has(&["v", "index"]) && has(own);
    commands.into_iter().find(is_of).map(|(command, _)| command)
}

/// What is wrong with a value of the wrong shape, where that can be said plainly.
fn value_fault(cause: &serde_json::Error) -> Option<String> {
    // The messages of `serde` begin with these words.
    let said = cause.to_string();
    if let Some(name) = said.strip_prefix("missing field ") {
        return Some(format!("{name} is missing in it"));
    }
    let (found, wanted) = said.rsplit_once(", expected ")?;
    if let Some(word) = found.strip_prefix("unknown variant ") {
        return Some(format!("{word} is not {wanted}"));
    }
    let wanted = match wanted {
        "f32" | "f64" => "a number",
        "u32" | "u64" | "usize" => "a whole number",
        "a string" | "a borrowed string" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        _ => return None,
    };
    Some(format!("it is not {wanted}"))
}

pub(super) const HINT: &str = "use a .jsonl file that `tribunal judge` wrote";

/// An error about a line that this program would not write.
pub(super) fn not_a_line(message: &str) -> Error {
    Error::new(ErrorKind::Record, message).hint(HINT)
}
