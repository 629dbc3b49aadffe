//! A random sample of records that is the same in every run.

use std::collections::BinaryHeap;

use super::Record;
use crate::request::Hasher;

/// Picks `count` of the records at random, in their order.
///
/// Every record is equally likely. An equal seed over equally many records picks the same ones, and a
/// larger sample contains a smaller one. All records are read, and at most `count` are held in memory:
/// the sample is the records with the smallest random keys (Efraimidis and Spirakis 2006, Information
/// Processing Letters 97).
///
/// ```
/// use tribunal::{Item, records::{Record, sample}};
///
/// let record = |index| Record { index, place: format!("line {index}"), item: Ok(Item::new()) };
/// let picked: Vec<usize> =
///     sample((0..100).map(record), 3, 1).iter().map(|record| record.index).collect();
/// assert!(picked.len() == 3 && picked.is_sorted());
/// ```
pub fn sample(records: impl Iterator<Item = Record>, count: usize, seed: u64) -> Vec<Record> {
    let mut drawn: BinaryHeap<Drawn> = BinaryHeap::new();
    for record in records {
        drawn.push(Drawn { chance: chance(seed, record.index), record });
        if drawn.len() > count {
            drawn.pop();
        }
    }
    let mut records: Vec<Record> = drawn.into_iter().map(|drawn| drawn.record).collect();
    records.sort_by_key(|record| record.index);
    records
}

/// A record with its random key. The record with the largest key is removed first.
struct Drawn {
    /// The random key: a hash of the seed and the index.
    chance: [u8; 32],
    /// The record.
    record: Record,
}

impl Ord for Drawn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.chance.cmp(&other.chance)
    }
}

impl PartialOrd for Drawn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Drawn {
    fn eq(&self, other: &Self) -> bool {
        self.chance == other.chance
    }
}

impl Eq for Drawn {}

/// The random key of the record with this index. Changing the name of the hash would change every user's
/// samples.
fn chance(seed: u64, index: usize) -> [u8; 32] {
    let mut hasher = Hasher::new("sample-v1");
    hasher.json(&(seed, index));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Item;

    fn drawn(count: usize, seed: u64) -> Vec<usize> {
        let record = |index| Record { index, place: String::new(), item: Ok(Item::new()) };
        sample((0..1_000).map(record), count, seed).iter().map(|record| record.index).collect()
    }

    #[test]
    fn the_same_seed_draws_the_same_records_in_their_order() {
        let ten = drawn(10, 1);
        assert_eq!((ten.len(), drawn(10, 1)), (10, ten.clone()));
        assert!(ten.is_sorted() && drawn(10, 2) != ten);
        assert!(ten.iter().all(|index| drawn(20, 1).contains(index)));
        assert_eq!(drawn(5_000, 1).len(), 1_000);
    }

    #[test]
    fn every_record_is_as_likely_as_any_other() {
        let below: usize =
            (0..50).map(|seed| drawn(20, seed).iter().filter(|&&n| n < 500).count()).sum();
        assert!((400..600).contains(&below), "{below} of 1000 in the first half");
    }
}
