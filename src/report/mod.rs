//! Figures of a run, for people and for programs.
//!
//! | figure | type |
//! |---|---|
//! | verdicts, coverage, bounds, tokens, cost | [`Summary`] |
//! | the same for loops | [`Revisions`] |
//! | verdicts beside the records' own labels | [`Agreement`] |
//! | two runs side by side | [`Comparison`] |
//! | rows on a terminal | [`VerdictTable`] |
//! | test cases for CI | `Junit` |
//!
//! Everything that was judged, asked or answered is untrusted: what is printed for people goes through
//! [`escaped`] first.

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
