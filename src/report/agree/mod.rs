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
//! | `reader` | what labels and verdicts mean: classes or numbers |
//! | `numbers` | agreement of numbers |
//! | `people` | records that several people labelled |
//! | `matched` | verdicts beside their labels |
//! | `classes` | agreement of classes |
//! | `bias` | order, length, own family, repetition |
//! | `report` | all figures together, and the disagreements |
//! | `known` | the names of all figures, for rules on what is not measured yet |
//! | `print` | the report, for people and for programs |

mod bias;
mod classes;
mod known;
mod matched;
mod numbers;
mod people;
mod print;
mod reader;
mod report;
mod row;
mod sample;
#[cfg(test)]
mod tests;

pub use {
    classes::ClassFigures,
    people::PeopleCoverage,
    report::{AgreementCoverage, AgreementReport, Disagreement},
    sample::AgreementSample,
};
