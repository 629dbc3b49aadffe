//! What a run came to, for people, terminals and programs.

mod agreement;
mod comparison;
mod histogram;
#[cfg(feature = "cli")]
mod junit;
mod labels;
mod menus;
mod revisions;
mod statistics;
mod summary;
mod table;
mod terminal;
#[cfg(feature = "cli")]
mod words;

pub use {
    agreement::Agreement,
    comparison::{Comparison, RecordVerdict, Significance},
    labels::Labels,
    revisions::Revisions,
    statistics::Paired,
    summary::{Bounds, Reasked, Summary},
    table::VerdictTable,
    terminal::{escaped, escaped_lines, is_hidden},
};
#[cfg(feature = "cli")]
pub use {junit::Junit, words::changes};
