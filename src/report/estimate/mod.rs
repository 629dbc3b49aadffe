//! Estimates of a rate or a mean from result lines and the labels of some records.
//!
//! | module | what it holds |
//! |---|---|
//! | `collect` | values of the judge and labels from result lines |
//! | `report` | every estimator on a sample, and what is known about it |
//! | `print` | the report, for people and for programs |

mod collect;
mod print;
mod report;

pub use {
    collect::{Estimand, EstimateCoverage, EstimateSample},
    report::{EstimateMethod, EstimateReport, MethodEstimate},
};
