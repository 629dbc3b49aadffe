//! What is done with judges: loops that call a judge repeatedly.
//!
//! [`revise()`] rewrites an answer until a judge passes it. Runs over many records are in
//! [`run`](crate::run).

pub mod revise;

pub use revise::revise;
