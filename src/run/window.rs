//! The records that wait to begin, and the choice of the next one.
//!
//! A model need not read the beginning of a prompt again that it has just read. The next record is therefore the one
//! whose prompt shares most with that of the record before. If none shares more than the oldest record does, it is
//! the oldest one: records without common beginnings keep the order of the input. Choosing the nearest record again
//! and again is a depth-first walk through the tree of all prompts that wait.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::{Map, Value};

/// The most records that wait, and the most bytes that they and their prompts take.
const MOST_RECORDS: usize = 4096;
const MOST_BYTES: usize = 64 << 20;

/// The most records that begin before an older one.
const MOST_PASSED: usize = MOST_RECORDS;

/// A record is chosen before an older one only if its prompt shares this many bytes more: about four tokens.
const WORTH_IT: usize = 16;

/// Records that wait to begin, each with the text of its prompt.
#[derive(Debug)]
pub(super) struct Window<R> {
    /// Records that begin before all others, in the order of the input.
    first: VecDeque<R>,
    /// Records in the order of their texts, and in the order of the input if these are equal.
    by_text: BTreeMap<(Arc<str>, usize), Waiting<R>>,
    /// Their texts in the order of the input.
    by_age: BTreeMap<usize, Arc<str>>,
    /// The bytes of all records and texts.
    bytes: usize,
    /// The number of records that ever waited with a text.
    added: usize,
    /// The text of the record that began last.
    last: Arc<str>,
    /// How many records in a row were chosen although an older one waits.
    passed: usize,
}

/// A record that waits.
#[derive(Debug)]
struct Waiting<R> {
    /// In a place of its own, since the tree moves its entries.
    record: Box<R>,
    bytes: usize,
}

impl<R> Default for Window<R> {
    fn default() -> Self {
        Self {
            first: VecDeque::new(),
            by_text: BTreeMap::new(),
            by_age: BTreeMap::new(),
            bytes: 0,
            added: 0,
            last: "".into(),
            passed: 0,
        }
    }
}

impl<R> Window<R> {
    /// Adds a record of this size. Without the text of its prompt it begins before all others.
    pub(super) fn add(&mut self, record: R, prefix: Option<String>, bytes: usize) {
        let Some(text) = prefix else {
            return self.first.push_back(record);
        };
        let text: Arc<str> = text.into();
        let bytes = bytes + text.len();
        self.bytes += bytes;
        self.by_age.insert(self.added, text.clone());
        let record = Box::new(record);
        self.by_text.insert((text, self.added), Waiting { record, bytes });
        self.added += 1;
    }

    /// Whether another record may be added: a record without a text is not kept waiting.
    pub(super) fn has_room(&self) -> bool {
        self.first.is_empty() && self.by_age.len() < MOST_RECORDS && self.bytes < MOST_BYTES
    }

    /// Whether a record waits that begins before all others.
    pub(super) fn begins_at_once(&self) -> bool {
        !self.first.is_empty()
    }

    /// Whether no record waits.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of records that wait.
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.by_age.len()
    }

    /// Takes the record that begins next; one without a text if `only_first` is set.
    pub(super) fn next(&mut self, only_first: bool) -> Option<R> {
        if only_first || !self.first.is_empty() {
            return self.first.pop_front();
        }
        let (text, age) = self.choice()?;
        self.by_age.remove(&age);
        let is_oldest = self.by_age.first_key_value().is_none_or(|(oldest, _)| age < *oldest);
        self.passed = if is_oldest { 0 } else { self.passed + 1 };
        self.last = text.clone();
        let Waiting { record, bytes } = self.by_text.remove(&(text, age))?;
        self.bytes -= bytes;
        Some(*record)
    }

    /// The record whose text shares most with the last one, or the oldest record if that is as good.
    fn choice(&self) -> Option<(Arc<str>, usize)> {
        let (&age, text) = self.by_age.first_key_value()?;
        let oldest = (text.clone(), age);
        if self.passed >= MOST_PASSED {
            return Some(oldest);
        }
        let last = (self.last.clone(), 0);
        let after = self.by_text.range(&last..).next();
        let before = self.by_text.range(..&last).next_back();
        let texts = [before, after].into_iter().flatten().map(|((text, _), _)| text);
        let (most, text) =
            texts.map(|text| (shared(text, &self.last), text)).max_by_key(|near| near.0)?;
        if most < shared(&oldest.0, &self.last) + WORTH_IT {
            return Some(oldest);
        }
        let mut equal = self.by_text.range((text.clone(), 0)..);
        equal.next().map(|(key, _)| key.clone())
    }
}

/// The number of bytes at the start that two texts share.
fn shared(one: &str, other: &str) -> usize {
    /// Pieces of this many bytes are compared at once.
    const PIECE: usize = 64;
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let pieces = one.chunks_exact(PIECE).zip(other.chunks_exact(PIECE));
    let whole = PIECE * pieces.take_while(|(one, other)| one == other).count();
    let rest = one[whole..].iter().zip(&other[whole..]);
    whole + rest.take_while(|(one, other)| one == other).count()
}

/// About how many bytes of memory a value takes.
pub(super) fn size(value: &Value) -> usize {
    let within = match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(size).sum(),
        Value::Object(fields) => size_of(fields),
        _ => 0,
    };
    size_of_val(value) + within
}

/// About how many bytes of memory the fields of a record take.
pub(super) fn size_of(fields: &Map<String, Value>) -> usize {
    fields.iter().map(|(name, value)| size_of_val(name) + name.len() + size(value)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts in the order in which they begin, if all of them wait.
    fn order(texts: &[&str]) -> Vec<String> {
        let mut window = Window::default();
        texts.iter().for_each(|text| window.add((*text).to_owned(), Some((*text).to_owned()), 1));
        let order = std::iter::from_fn(|| window.next(false)).collect();
        assert!(window.is_empty() && window.bytes == 0);
        order
    }

    #[test]
    fn records_with_a_common_beginning_stand_together() {
        let groups = ["red", "green", "blue"];
        let text = |n: usize| format!("rubric {} {n}", groups[n % 3].repeat(10));
        let mixed: Vec<String> = (0..12).map(text).collect();
        let walked = order(&mixed.iter().map(String::as_str).collect::<Vec<_>>());
        for (texts, group) in walked.chunks(4).zip(groups) {
            assert!(texts.iter().all(|text| text.contains(group)), "{walked:?}");
        }
    }

    #[test]
    fn nested_beginnings_are_walked_depth_first() {
        let at = |outer: &str, inner: &str, n: usize| {
            format!("{}{}{n}", outer.repeat(20), inner.repeat(20))
        };
        let mixed: Vec<String> =
            (0..8).map(|n| at(["a", "b"][n % 2], ["x", "y"][n / 2 % 2], n)).collect();
        let mixed: Vec<&str> = mixed.iter().map(String::as_str).collect();
        let walked: Vec<String> =
            [0, 4, 2, 6, 1, 5, 3, 7].map(|n: usize| mixed[n].to_owned()).into();
        assert_eq!(order(&mixed), walked);
    }

    #[test]
    fn without_long_common_beginnings_the_order_is_that_of_the_input() {
        let texts = ["What is b?", "Who is c?", "What is a?", "Where?", "Who is a?", "What is c?"];
        assert_eq!(order(&texts), texts);
        assert_eq!(order(&["", "", ""]), ["", "", ""]);
    }

    #[test]
    fn equal_texts_keep_the_order_of_the_input() {
        let mut window = Window::default();
        let text = |n: usize| ["one long beginning", "another long one"][n % 2].repeat(3);
        (0..6).for_each(|n| window.add(n, Some(text(n)), 1));
        let order: Vec<usize> = std::iter::from_fn(|| window.next(false)).collect();
        assert_eq!(order, [0, 2, 4, 1, 3, 5]);
    }

    #[test]
    fn a_record_without_a_text_begins_at_once_and_the_others_wait_until_they_may() {
        let mut window = Window::default();
        window.add("waits", Some("text".to_owned()), 1);
        assert!(window.has_room());
        window.add("first", None, 1 << 40);
        assert!(!window.has_room(), "it is not kept waiting");
        assert_eq!((window.next(true), window.next(true)), (Some("first"), None));
        assert_eq!((window.len(), window.next(false)), (1, Some("waits")));
    }

    #[test]
    fn it_holds_a_bounded_number_of_records_and_of_bytes() {
        let fill = |bytes: usize| {
            let mut window = Window::default();
            while window.has_room() {
                window.add((), Some("text".to_owned()), bytes);
            }
            window.len()
        };
        assert_eq!(fill(1), MOST_RECORDS);
        assert_eq!(fill(1 << 20), 64);
    }

    #[test]
    fn no_record_waits_forever() {
        let mut window = Window::default();
        let favoured = "a beginning that is favoured".repeat(2);
        window.add(0, Some(favoured.clone()), 1);
        assert_eq!(window.next(false), Some(0));
        window.add(1, Some("another one".to_owned()), 1);
        let others = (2..).take_while(|n| {
            window.add(*n, Some(format!("{favoured} {n}")), 1);
            window.next(false) != Some(1)
        });
        assert_eq!(others.count(), MOST_PASSED);
    }

    #[test]
    fn a_size_counts_all_texts() {
        let record = serde_json::json!({"a": "x".repeat(1000), "b": [{"c": "y".repeat(500)}, 1]});
        let size = size(&record);
        assert!((1500..2500).contains(&size), "{size}");
    }
}
