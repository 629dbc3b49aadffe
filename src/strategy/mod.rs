//! What is done with judges: loops that call a judge repeatedly.
//!
//! [`revise()`] rewrites an answer until a judge passes it. A [`label::Labeler`] completes solutions to label their steps, and a
//! [`search::Searcher`] looks for a solution step by step. Runs over many records are in [`run`](crate::run).

mod measure;
mod spent;

pub mod answers;
pub mod label;
pub mod revise;
pub mod search;

pub use {measure::Measure, revise::revise, spent::Spent};
