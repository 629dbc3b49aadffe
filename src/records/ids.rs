//! Checks that no two different records of a run have the same id.
//!
//! People and `tribunal diff` join results by their ids. Two records with one id would be confused there
//! without notice, so the second one is an error. Records without an id are identified by their place.

use std::collections::{HashMap, hash_map::Entry};

use super::input::wrong;
use crate::{error::Result, item::Item, request::Hasher};

/// The ids of the records so far, in 16 bytes each.
///
/// ```
/// use serde_json::json;
/// use tribunal::{Item, records::Ids};
///
/// let mut ids = Ids::default();
/// let record = |answer: &str| Item::from(json!({"id": "q1", "answer": answer}));
/// assert!(ids.note(&record("a"), 0).is_ok());
/// assert!(ids.note(&record("a"), 1).is_ok(), "an equal record may come again");
/// assert!(ids.note(&record("b"), 2).is_err());
/// ```
#[derive(Debug, Default)]
pub struct Ids {
    /// For the digest of each id: a digest of its record, and the index of the record.
    seen: HashMap<u64, (u32, u32)>,
}

impl Ids {
    /// Adds the record with this index, counted from 0. Equal records may occur again, and records
    /// without an id are always accepted.
    ///
    /// # Errors
    /// A different record has this id; the error names its index.
    pub fn note(&mut self, item: &Item, index: usize) -> Result<()> {
        let Some(id) = item.own_id() else { return Ok(()) };
        let name = digest(|hasher| hasher.part(id.as_bytes()));
        let content = digest(|hasher| hasher.json(item.record()));
        #[expect(
            clippy::cast_possible_truncation,
            reason = "32 bits tell two records of one id apart"
        )]
        let content = content as u32;
        match self.seen.entry(name) {
            Entry::Vacant(place) => {
                place.insert((content, u32::try_from(index).unwrap_or(u32::MAX)));
                Ok(())
            }
            Entry::Occupied(first) if first.get().0 == content => Ok(()),
            Entry::Occupied(first) => {
                let message =
                    format!("the id `{id}` is that of another record, number {}", first.get().1);
                Err(wrong(message).hint("give each its own id, or leave the ids out"))
            }
        }
    }
}

/// A digest of 64 bits that represents an id or a key in memory.
pub(super) fn digest(fill: impl FnOnce(&mut Hasher)) -> u64 {
    let mut hasher = Hasher::new("ids");
    fill(&mut hasher);
    hasher.finish().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_records_may_come_again_and_different_ones_need_their_own_id() {
        let mut ids = Ids::default();
        let first = Item::from(json!({"id": "q1", "answer": "a"}));
        assert!(ids.note(&first, 0).is_ok() && ids.note(&first, 1).is_ok());
        let other = ids.note(&Item::from(json!({"id": "q1", "answer": "b"})), 2).unwrap_err();
        assert!(other.to_string().contains("`q1` is that of another record, number 0"));
        for record in
            [json!({"question_id": 1, "answer": "a"}), json!({"question_id": 1, "answer": "b"})]
        {
            assert!(ids.note(&Item::from(record), 3).is_ok());
        }
    }
}
