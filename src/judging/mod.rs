//! The whole judgment as a state machine, without I/O.
//!
//! A judge has one or more *members*, each a prompt and a model. Each member is sampled in several *draws* and
//! several *orders*, possibly for every *element* of the item (its steps, answers, criteria or retrieved passages), and a request is
//! repeated if its answer cannot be read. [`Judging`] does all of that: it returns the requests that can be sent,
//! accepts their answers in any order, and ends with the [`Judgment`](crate::Judgment). It is pure and owns its
//! data, so that anything can drive it: an async [`Judge`](crate::Judge), a file of answers, a dry run, a test.
//!
//! | type | is |
//! |---|---|
//! | [`Panel`] | the judge as data: its members, and how their votes are combined |
//! | [`Member`] | one prompt with its settings; the model that answers is not part of it |
//! | [`Facts`] | the capabilities of the models, known before the first request |
//! | [`StopDraws`] | when draws stop before all of them are made |
//! | [`AskId`] | the name of a request, the same in every process |
//! | [`Judging`] | one judgment in progress |

mod begin;
mod cascade;
mod thresholds;
mod close;
mod pending;
mod decide;
mod replacements;
mod ids;
mod machine;
mod member;
mod order;
mod panel;
mod queue;
mod rubric;
mod stop;
mod stored;
mod conversation;
mod usage;
mod vote;
mod waves;

pub use {
    ids::AskId,
    machine::Judging,
    member::Member,
    panel::{Facts, Panel},
    stop::{StopDraws, leads},
};

pub(crate) use {
    close::Close,
    member::{REASKS, Spending},
    order::in_own_order,
    pending::Asking,
    thresholds::Thresholds,
};
