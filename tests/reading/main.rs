//! What judges write and how it is read: verdicts, quotations, forgeries.

#[path = "../support/mod.rs"]
mod support;

mod benchmarks;
mod figures;
mod forgeries;
mod hostile;
mod judgments;
mod processes;
mod reading;
mod reading_properties;
mod reread;
mod rubrics;
mod spending;
mod verdicts;
