//! Models in this process, in the real llama.cpp.

#[path = "../support/mod.rs"]
mod support;

mod batching;
mod best_of;
mod engine_faults;
mod engine_settings;
mod exactness;
mod llama;
mod probe;
mod process_rewards;
mod random;
mod remote_labels;
mod llama_figures;
mod look_ahead;
mod model_by_model;
mod schema;
mod shipped;
mod tiny_prompts;
mod verifiers;
