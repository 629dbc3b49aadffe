//! Prompt files: what they may contain, and how mistakes in them are reported.

#[path = "../support/mod.rs"]
mod support;

mod catalogue;
mod front_matter;
mod imports;
mod long_conversations;
mod origins;
mod prompt_check;
mod prompts;
mod verifiers;
mod views;
mod warnings;
