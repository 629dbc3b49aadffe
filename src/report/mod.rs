//! What a run came to, for people, terminals and programs.

mod comparison;
#[cfg(feature = "cli")]
mod junit;
mod revisions;
mod summary;
mod table;
mod terminal;
#[cfg(feature = "cli")]
mod words;

pub use {
    comparison::{Comparison, Significance, Told},
    revisions::Revisions,
    summary::{Bounds, Summary},
    table::Table,
    terminal::{escaped, escaped_lines, is_hidden},
};
#[cfg(feature = "cli")]
pub use {junit::Junit, words::changes};
