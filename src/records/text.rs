//! Plain files: the whole text is the answer of one record, and the path is its id.

use std::io::Read;

use super::{
    Source,
    format::BOM,
    input::{Bytes, LONGEST, broken, text, wrong},
};
use crate::{error::Result, item::Item};

/// The one record of a plain file.
///
/// # Errors
/// The file is empty, too long, or not UTF-8.
pub(super) fn record(source: &Source, bytes: Bytes) -> Result<Item> {
    let mut all = Vec::new();
    bytes.take(LONGEST as u64 + 1).read_to_end(&mut all).map_err(broken)?;
    if all.len() > LONGEST {
        return Err(wrong(format!("the file is longer than {} MiB", LONGEST >> 20)));
    }
    let start = if all.starts_with(BOM) { BOM.len() } else { 0 };
    let answer = text(&all[start..], start as u64)?;
    if answer.trim().is_empty() {
        return Err(wrong("the file is empty").hint("there is nothing in it to judge"));
    }
    Ok(Item::new().set("id", source.to_string()).set("answer", answer))
}
