//! How a judgment comes about: requests, draws, orders, members, aggregates and pass rules.

#[path = "../support/mod.rs"]
mod support;

mod abstentions;
mod adaptive;
mod aggregation;
mod aggregation_properties;
mod code;
mod criteria;
mod grouped_criteria;
mod independence;
mod judge;
mod judging;
mod jury;
mod keys;
mod length;
mod look_ahead;
mod panels;
mod pass_rules;
mod probabilities;
mod probabilities_of_servers;
mod reduced;
mod replacements;
mod rubrics;
mod third_work;
mod values;
mod voting;
mod weights;
