//! Which lines of a file of results belong to its last judge. A file may also contain lines of other
//! judges.

use std::collections::HashMap;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use super::ids::digest;
use crate::line::{Lenient, TextLike};

/// The judge and the record that a line of results belongs to.
///
/// Reading it never fails: a line without a judge belongs to every judge.
#[derive(Clone, Copy, Debug)]
pub struct LineOwner {
    /// A digest of model and prompt; `None` if the line has none.
    judge: Option<u64>,
    /// A digest of id and index; without an index, of the id and the record in the line; without both, of the line.
    record: u64,
    /// Whether the line has an id and no index, as no run writes it.
    is_by_hand: bool,
    /// Whether the line is marked as one of another input or another judge.
    is_stale: bool,
}

/// The fields of a line that identify its judge and its record. All others are ignored and may have any
/// type.
#[derive(Default, Deserialize)]
#[serde(default)]
struct LineFields {
    /// That of a node of a tree, of which many have the id of one record.
    node: Option<IgnoredAny>,
    id: Lenient<TextLike>,
    index: Lenient<u64>,
    model: Lenient<String>,
    prompt: Lenient<PromptHash>,
    stale: Lenient<bool>,
}

/// A prompt, identified by its hash.
#[derive(Deserialize)]
struct PromptHash {
    hash: String,
}

impl LineOwner {
    /// Reads the owner from a line of results.
    pub fn of(line: &str) -> Self {
        let LineFields { node, id, index, model, prompt, stale } =
            serde_json::from_str(line).unwrap_or_default();
        let judge = model.known().zip(prompt.known().map(|prompt| prompt.hash));
        let judge = judge.map(|judge| digest(|hasher| hasher.json(&judge)));
        let (id, index) = (id.known().map(TextLike::text), index.known());
        let is_by_hand = index.is_none() && id.is_some() && node.is_none();
        let record = match index {
            Some(index) => digest(|hasher| hasher.json(&(id, index))),
            None if is_by_hand => digest(|hasher| hasher.json(&(id, item_of(line)))),
            None => digest(|hasher| hasher.part(line.as_bytes())),
        };
        Self { judge, record, is_by_hand, is_stale: stale.known() == Some(true) }
    }
}

/// The record in a line.
fn item_of(line: &str) -> Option<Value> {
    #[derive(Deserialize)]
    struct Held {
        item: Option<Value>,
    }
    serde_json::from_str::<Held>(line).ok()?.item
}

/// Whether each line of a file counts.
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
/// A line counts if three things are true: it is not marked as one of another input or another judge; its
/// judge (the model and the prompt) is that of the last line; and no later line of this judge is about
/// the same record.
pub fn current(lines: &[LineOwner]) -> Vec<bool> {
    let last = lines.iter().rev().filter(|line| !line.is_stale).find_map(|line| line.judge);
    let is_current =
        |line: &LineOwner| !line.is_stale && (line.judge.is_none() || line.judge == last);
    let current = lines.iter().enumerate().filter(|(_, line)| is_current(line));
    let latest: HashMap<u64, usize> = current.map(|(n, line)| (line.record, n)).collect();
    let counts = |(n, line)| is_current(line) && latest.get(&line.record) == Some(&n);
    lines.iter().enumerate().map(counts).collect()
}

/// The lines that were written by hand and do not count, because a later line is about the same record: for each its
/// place, and that of the line that counts. Of `counts`, each says whether the line of its place counts.
///
/// ```
/// use tribunal::records::{LineOwner, current, rewritten};
///
/// let lines = ["a", "b", "a"].map(|id| LineOwner::of(&format!(r#"{{"id":"{id}","score":1}}"#)));
/// assert_eq!(rewritten(&lines, &current(&lines)), [(0, 2)]);
/// ```
pub fn rewritten(lines: &[LineOwner], counts: &[bool]) -> Vec<(usize, usize)> {
    let own = || lines.iter().zip(counts).enumerate().filter(|(_, (line, _))| line.is_by_hand);
    let counting = own().filter(|(_, (_, counts))| **counts);
    let counting: HashMap<u64, usize> = counting.map(|(n, (line, _))| (line.record, n)).collect();
    let others = own().filter(|(_, (_, counts))| !**counts);
    let later = |(n, (line, _)): (usize, (&LineOwner, &bool))| {
        counting.get(&line.record).filter(|later| **later > n).map(|later| (n, *later))
    };
    others.filter_map(later).collect()
}

/// The same where two judges share the records of one run; beside each line stands whether it is one of the second.
pub fn current_of_two(lines: &[(LineOwner, bool)]) -> Vec<bool> {
    let of = |second: bool| {
        let own = lines.iter().filter(|(_, is_second)| *is_second == second);
        current(&own.map(|(line, _)| *line).collect::<Vec<_>>()).into_iter()
    };
    let mut counts = [of(false), of(true)];
    lines.iter().map(|(_, second)| counts[usize::from(*second)].next() == Some(true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            // Two records may have the same id, for example that of their question.
            line("a", 2, "new"),
        ];
        assert_eq!(current(&lines), [false, true, false, true, true]);
        // Of lines that were written by hand, too, the last one about a record counts.
        let bare = [
            json!({"id": "a", "score": 1}),
            json!({"id": 1, "score": 3}),
            json!({"id": "a", "score": 2}),
        ];
        assert_eq!(current(&bare), [false, true, true]);
        let of = |answer: &str| json!({"id": "a", "score": 1, "item": {"answer": answer}});
        assert_eq!(current(&[of("x"), of("y"), of("x")]), [false, true, true]);
        // Lines without an id are records of their own, and so are the nodes of a tree.
        assert_eq!(current(&[json!({"score": 1}), json!({"score": 2})]), [true, true]);
        let node = |node: usize| json!({"id": "a", "node": node, "step": "x"});
        assert_eq!(current(&[node(0), node(1)]), [true, true]);
        assert!(current(&[]).is_empty());
        // A complete run marks the lines of another input.
        let mut older = line("z", 9, "new");
        older["stale"] = json!(true);
        assert_eq!(current(&[older, line("a", 0, "new")]), [false, true]);
    }
}
