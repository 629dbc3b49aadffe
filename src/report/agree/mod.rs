//! How far a judge agrees with labels of people, and by what it may be biased.
//!
//! [`AgreementSample`] collects result lines with their labels; [`AgreementReport`] is what `tribunal agree` prints.
//! Every number is a [`Figure`](crate::metrics::Figure) with a name, so that rules on it can be written. Records without
//! a verdict are counted, and bound the agreement; they are in no figure.
//!
//! | module | what it holds |
//! |---|---|
//! | `row` | what is kept of one result line |
//! | `sample` | lines and labels, joined |
//! | `matched` | verdicts beside their labels: classes or numbers |
//! | `measured` | figures with intervals, of records that may belong together |
//! | `classes`, `numbers` | agreement, by kind of verdict |
//! | `bias` | order, length, own family, repetition |
//! | `report` | all figures together, and the disagreements |
//! | `print` | the report, for people and for programs |

mod bias;
mod classes;
mod matched;
mod measured;
mod numbers;
mod print;
mod report;
mod row;
mod sample;
#[cfg(test)]
mod tests;

pub use {
    classes::ClassFigures,
    report::{AgreementCoverage, AgreementReport, Disagreement},
    sample::AgreementSample,
};
