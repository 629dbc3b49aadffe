//! Some of many records, drawn by chance that repeats itself.

use std::collections::BinaryHeap;

use super::Record;
use crate::request::Hasher;

/// So many of the records, in their order: every record is as likely as any other, and an equal seed over
/// an equal number of records takes the same ones. Reads all of them, and holds no more than it takes.
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

struct Drawn {
    chance: [u8; 32],
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
