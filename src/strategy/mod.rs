//! What is done with judges: loops that call a judge repeatedly.
//!
//! [`revise()`] rewrites an answer until a judge passes it. A [`label::Labeler`] completes solutions to label their steps.
//! Runs over many records are in [`run`](crate::run).

mod measure;
mod spent;

pub mod answers;
pub mod label;
pub mod revise;

pub use {measure::Measure, revise::revise, spent::Spent};
