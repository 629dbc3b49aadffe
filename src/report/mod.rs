//! What a run came to, for people, terminals and programs.

mod comparison;
#[cfg(feature = "cli")]
mod junit;
mod summary;
mod table;
mod terminal;

#[cfg(feature = "cli")]
pub use junit::Junit;
pub use {
    comparison::{Comparison, Significance, Told},
    summary::{Bounds, Summary},
    table::Table,
    terminal::escaped,
};
