//! What stands between a judge and a model: endpoints, layers, budgets, the cache and the registry.

#[path = "../support/mod.rs"]
mod support;

mod backends;
mod budgets;
mod cache_faults;
mod command;
mod context;
mod counted;
mod endpoints;
mod given_texts;
mod labels;
mod layers;
mod limits;
mod models;
mod openai;
mod openai_connections;
mod openai_faults;
mod openai_requests;
mod providers;
mod remote_access;
mod remote_answers;
mod remote_refusals;
mod retries;
mod rewards;
mod sandbox;
mod step_rewards;
mod warming;
