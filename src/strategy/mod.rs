//! What is done with judges: choices and loops that call a judge repeatedly.
//!
//! [`best_of()`] chooses one of several answers, and a [`tournament`] compares them in pairs. [`revise()`] rewrites an
//! answer until a judge passes it. A [`label::Labeler`] completes solutions to label their steps, and a
//! [`search::Searcher`] looks for a solution step by step. Runs over many records are in [`run`](crate::run).

mod chance;
mod measure;
mod spent;

pub mod answers;
pub mod tournament;
pub mod best_of;
pub mod label;
pub mod revise;
pub mod search;

pub use {best_of::best_of, measure::Measure, revise::revise, spent::Spent};
