//! The whole judgment as a state machine, without I/O.
//!
//! A judge asks one or more *members*, each a prompt and a model, and each of them for several *draws* in
//! several *orders*, perhaps about every *element* of the item, and again where an answer cannot be read.
//! [`Judging`] is all of that: it says what may be asked, takes the answers in whatever order they come, and
//! ends with the [`Judgment`](crate::Judgment). It is pure and owned, so that anything may drive it: an async
//! [`Judge`](crate::Judge), a file of answers, a dry run, a test.
//!
//! [`Panel`] is the judge as data, [`Member`] one member of it, [`Facts`] what is known of the models, and
//! [`AskId`] names a request in every process.

mod pending;
mod decide;
mod ids;
mod machine;
mod member;
mod order;
mod panel;
mod stored;
mod conversation;
mod usage;
mod vote;

pub use {
    ids::AskId,
    machine::Judging,
    member::Member,
    panel::{Facts, Panel},
};

pub(crate) use {member::REASKS, panel::Asking};
