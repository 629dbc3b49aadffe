//! What is done with judges: loops that call them again and again.
//!
//! [`revise()`] rewrites an answer until a judge passes it. Runs over many records are in
//! [`run`](crate::run).

pub mod revise;

pub use revise::revise;
