//! The project itself: its architecture, its pages and its examples.

#[path = "../support/mod.rs"]
mod support;

mod architecture;
mod catalogue;
mod examples;
mod planted;
mod readme;
mod setup;
