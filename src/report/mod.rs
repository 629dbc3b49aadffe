//! Figures of a run, for people and for programs.
//!
//! | figure | type |
//! |---|---|
//! | verdicts, coverage, bounds, tokens, cost | [`Summary`] |
//! | the same for loops of `revise` | [`Revisions`] |
//! | agreement of several raters | [`Ratings`], and [`Jury`] for the members of one |
//! | how often the answers that `rank` chose are right | [`RankSummary`] |
//! | verdicts compared with the records' own labels | [`Agreement`], and [`AgreementReport`] with intervals and biases |
//! | ProcessBench F1, PRMScore, MR-Score | [`FirstErrors`], [`Confusion`], [`MrScore`] |
//! | whether probabilities are as often right as they say | [`CalibrationFigures`] |
//! | rates and means of all records, from labels of some | [`EstimateReport`] |
//! | two runs side by side | [`Comparison`] |
//! | accuracy against compute, from a sample, and as a picture | [`Plan`], `Chart` |
//! | rows on a terminal | [`VerdictTable`], of everything that is a [`TableRow`] |
//! | test cases for CI | `Junit` |
//!
//! Two rules hold for every figure. Records without a verdict are counted and never become a number, so that
//! a judge cannot look better by failing. Everything that comes from records, prompts or models is untrusted:
//! it is printed for people only after [`escaped`].

mod agree;
mod agreement;
mod calibration;
mod cascade;
#[cfg(feature = "cli")]
mod changes;
mod clusters;
mod comparison;
mod estimate;
pub(crate) mod grid;
mod histogram;
mod independence;
#[cfg(feature = "cli")]
mod junit;
mod labels;
mod menus;
mod orders;
mod plan;
mod record_verdict;
mod revisions;
mod significance;
mod statistics;
mod summary;
mod label_summary;
mod search_summary;
mod rank_summary;
#[cfg(feature = "charts")]
mod search_tree;
mod table;
mod terminal;
#[cfg(feature = "charts")]
mod charts;
#[cfg(feature = "cli")]
mod html;

pub use crate::metrics::{
    Auc, Bin, Confusion, Diagnosis, FirstErrors, MrScore, RatingLevel, Ratings,
};
#[cfg(feature = "charts")]
pub use charts::{Chart, Point, Series};
#[cfg(feature = "charts")]
pub use search_tree::tree_svg;
pub use {
    agree::{
        AgreementCoverage, AgreementReport, AgreementSample, AlternativeAnnotators, ClassFigures,
        Disagreement, LeftOut, PeopleCoverage,
    },
    agreement::Agreement,
    calibration::{
        BrierParts, CalibrationFigures, CalibrationReport, CalibrationSample, Coverage, FitMethod,
        Fitted, Observation, Quantity,
    },
    cascade::{
        CascadeAnswer, CascadeCoverage, CascadeFigures, CascadeReport, CascadeSample, JudgeFigures,
        disagreement_bound, fit_cascade, fit_threshold,
    },
    comparison::Comparison,
    estimate::{
        Estimand, EstimateCoverage, EstimateMethod, EstimateReport, EstimateSample, MethodEstimate,
    },
    independence::{Dependence, Independence},
    label_summary::LabelSummary,
    labels::{LabelRule, Labels, consensus},
    plan::{Budget, Plan, PlanCandidate, PlanRule, PlanSample, Split},
    rank_summary::{RankOutcome, RankSummary},
    record_verdict::RecordVerdict,
    revisions::Revisions,
    search_summary::SearchSummary,
    significance::Significance,
    statistics::{Paired, scale_ends},
    summary::{Bounds, Jury, Reasked, Summary},
    table::{TableCells, TableRow, Tone, VerdictTable},
    terminal::{escaped, escaped_lines, is_hidden},
};
#[cfg(feature = "cli")]
pub use {
    changes::changes,
    html::{Report, ReportOptions, RunFile, SentRequest, SentRequests},
    junit::Junit,
};
