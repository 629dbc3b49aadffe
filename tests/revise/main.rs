//! Loops that revise an answer until it passes.

#[path = "../support/mod.rs"]
mod support;

mod aligning;
mod aligning_properties;
mod revise;
mod revise_command;
mod revise_faults;
mod killed;
mod configured;
mod labelling;
mod searching;
mod ranking;
mod reranking;
mod tournaments;
mod search_command;
