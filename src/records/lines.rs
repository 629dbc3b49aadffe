//! The lines of any file, compressed or not, for commands that read results.

use super::{
    Source,
    input::{self, Lines},
};
use crate::error::Result;

/// The lines of a source that are not blank, each with its number, counted from 1.
///
/// A line that is too long or is not UTF-8 is an error, and the next line follows. Memory is bounded by
/// one line.
///
/// # Errors
/// The source cannot be opened, or is not text.
pub fn lines(source: &Source) -> Result<impl Iterator<Item = (usize, Result<String>)> + use<>> {
    let mut bytes = input::open(source)?;
    input::check_text(&mut bytes).map_err(|error| error.within(source))?;
    let (mut lines, mut over) = (Lines::new(bytes), false);
    let next = move || {
        while !over {
            match lines.next() {
                Ok(Some(line)) if line.is_blank() => (),
                Ok(Some(line)) => return Some((line.number, line.text().map(ToOwned::to_owned))),
                Ok(None) => over = true,
                Err(error) => {
                    over = true;
                    return Some((lines.number() + 1, Err(error)));
                }
            }
        }
        None
    };
    Ok(std::iter::from_fn(next))
}
