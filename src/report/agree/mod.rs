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
//! | `group` | how far they agree with each other, and the judge with them |
//! | `alternative` | whether the judge may take the place of one of them |
//! | `several` | all figures of such records |
//! | `matched` | verdicts beside their labels |
//! | `classes` | agreement of classes |
//! | `bias` | order, length, own family, repetition |
//! | `report` | all figures together, and the disagreements |
//! | `names` | the names of all figures, and what values they can have |
//! | `known` | figures without a value, for rules on what is not measured yet |
//! | `print` | the report, for people and for programs |

mod alternative;
mod bias;
mod classes;
mod group;
mod known;
mod matched;
mod names;
mod numbers;
mod people;
mod print;
mod reader;
mod report;
mod row;
mod sample;
mod several;
#[cfg(test)]
mod replacing;
#[cfg(test)]
mod tests;

pub use {
    alternative::{AlternativeAnnotators, LeftOut},
    classes::ClassFigures,
    people::PeopleCoverage,
    report::{AgreementCoverage, AgreementReport, Disagreement},
    sample::AgreementSample,
};
