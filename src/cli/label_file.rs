//! Records with labels, which are joined to results by their ids.

use super::print_error;
use tribunal::{
    item::Item,
    records::{self, ReadOptions, Source},
};

/// The labelled records of a file by their ids, as result lines name them, and how many could not be read.
pub(super) fn read(source: Source) -> (Vec<(String, Item)>, usize) {
    let (mut labelled, mut failed) = (Vec::new(), 0);
    for record in records::read(vec![source], ReadOptions::default()) {
        match record.item {
            Ok(item) => {
                labelled.push((Item::id(&item).unwrap_or_else(|| record.index.to_string()), item));
            }
            Err(error) => {
                failed += 1;
                print_error(&error);
            }
        }
    }
    (labelled, failed)
}
