//! What is done with judges: loops over the one line from an item to a verdict.

pub mod revise;

pub use revise::revise;
