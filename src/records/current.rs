//! Which lines of a file of results are those of its last judge: a file may also hold lines of others.

use std::collections::HashMap;

use serde::Deserialize;

use super::ids::digest;
use crate::line::{Lenient, TextLike};

/// The judge and the record that a line of results belongs to.
///
/// Reading it never fails: a line that says nothing of a judge counts with whatever judge is current.
#[derive(Clone, Copy, Debug)]
pub struct LineOwner {
    /// A digest of model and prompt; `None` for a line that is not one of a judge.
    judge: Option<u64>,
    /// A digest of id and place in the input; a line without a place is only equal to itself.
    record: u64,
    /// Whether the line says that it belongs to another input or another judge.
    is_stale: bool,
}

/// What a line says of its judge and its record; the rest is not looked at, and may have any shape.
#[derive(Default, Deserialize)]
#[serde(default)]
struct LineFields {
    id: Lenient<TextLike>,
    index: Lenient<u64>,
    model: Lenient<String>,
    prompt: Lenient<Prompt>,
    stale: Lenient<bool>,
}

#[derive(Deserialize)]
struct Prompt {
    hash: String,
}

impl LineOwner {
    /// Looks at a line of results, as it stands in its file.
    pub fn of(line: &str) -> Self {
        let LineFields { id, index, model, prompt, stale } =
            serde_json::from_str(line).unwrap_or_default();
        let judge = model.known().zip(prompt.known().map(|prompt| prompt.hash));
        let judge = judge.map(|judge| digest(|hasher| hasher.json(&judge)));
        let record = match index.known() {
            Some(index) => digest(|hasher| hasher.json(&(id.known().map(TextLike::text), index))),
            None => digest(|hasher| hasher.part(line.as_bytes())),
        };
        Self { judge, record, is_stale: stale.known() == Some(true) }
    }
}

/// For each line of a file, whether it counts.
///
/// ```
/// use tribunal::records::{LineOwner, current};
///
/// let line = |model: &str, index: usize| {
///     let line = format!(r#"{{"id":"q","index":{index},"model":"{model}","prompt":{{"hash":"h"}}}}"#);
///     LineOwner::of(&line)
/// };
/// assert_eq!(current(&[line("old", 0), line("new", 0), line("new", 1)]), [false, true, true]);
/// ```
///
/// A line counts if the last whole run of its file did not mark it as one of another
/// input or judge, the judge of the last line judged it (the same model by the same prompt), and no later
/// line of this judge is about the same record of the input.
pub fn current(lines: &[LineOwner]) -> Vec<bool> {
    let last = lines.iter().rev().filter(|line| !line.is_stale).find_map(|line| line.judge);
    let is_current =
        |line: &LineOwner| !line.is_stale && (line.judge.is_none() || line.judge == last);
    let current = lines.iter().enumerate().filter(|(_, line)| is_current(line));
    let latest: HashMap<u64, usize> = current.map(|(n, line)| (line.record, n)).collect();
    let counts = |(n, line)| is_current(line) && latest.get(&line.record) == Some(&n);
    lines.iter().enumerate().map(counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn lines_of_the_last_judge_count_and_of_one_record_the_last() {
        let line = |id: &str, index: usize, model: &str| json!({"id": id, "index": index, "model": model, "prompt": {"hash": "h"}});
        let current = |lines: &[Value]| {
            current(&lines.iter().map(|line| LineOwner::of(&line.to_string())).collect::<Vec<_>>())
        };
        let lines = [
            line("a", 0, "old"),
            line("b", 1, "new"),
            line("a", 0, "new"),
            line("a", 0, "new"),
            // Two records may have one name, such as that of a question.
            line("a", 2, "new"),
        ];
        assert_eq!(current(&lines), [false, true, false, true, true]);
        let bare = [json!({"id": "a", "score": 1}), json!({"id": "a", "score": 2})];
        assert_eq!(current(&bare), [true, true]);
        assert!(current(&[]).is_empty());
        // What a whole run found to be of another input says so.
        let mut older = line("z", 9, "new");
        older["stale"] = json!(true);
        assert_eq!(current(&[older, line("a", 0, "new")]), [false, true]);
    }
}
