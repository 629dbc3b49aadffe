//! Models in this process, in the real llama.cpp.

#[path = "../support/mod.rs"]
mod support;

mod batching;
mod engine_faults;
mod engine_settings;
mod llama;
mod probe;
mod remote_labels;
mod llama_figures;
mod look_ahead;
mod schema;
mod shipped;
mod tiny_prompts;
