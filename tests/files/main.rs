//! Records that are read and results that are written: tables, lines, folders, resumed runs, summaries.

#[path = "../support/mod.rs"]
mod support;

mod agreement;
mod broken_input;
mod fields;
mod kills;
mod lines;
mod mixed_lines;
mod paths;
mod results;
mod resume;
mod resume_tables;
mod summaries;
mod tables_in;
