//! What a run came to, for people.

mod summary;
mod terminal;

pub use {
    summary::{Bounds, Summary},
    terminal::{escaped, line},
};
