//! The program as people use it: commands, settings, texts on a terminal.

#[path = "../support/mod.rs"]
mod support;

mod agreeing;
mod gating;
mod annotations;
mod batches;
mod bench_requests;
mod budget_command;
mod calibration;
mod cascades;
mod checks;
mod cli;
mod code;
mod command_lines;
mod configuration;
mod data_sets;
mod downloads;
mod dry_runs;
mod engine_settings;
mod engines;
mod escaping;
mod estimates;
mod programs;
mod report;
mod report_browser;
mod report_requests;
mod report_runs;
mod secrets;
mod settings;
mod several_judges;
mod several_models;
mod snapshots_errors;
mod snapshots_failures;
mod snapshots_help;
mod snapshots_runs;
mod terminal;
mod trust;
