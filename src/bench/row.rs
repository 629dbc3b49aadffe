//! One figure of a benchmark.

use super::convention::Convention;

/// The name of a row about the records that belong to no part of the benchmark.
pub(super) const NO_SUBSET: &str = "(no subset)";

/// One figure under one convention.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is; parts of a benchmark are indented by two blanks.
    pub name: String,
    /// The figure; `None` if nothing was counted.
    pub value: Option<f64>,
    /// The number of records, steps or votes that it is about.
    pub count: usize,
    /// Whether it is a share, which is printed in percent.
    pub is_share: bool,
}

impl Row {
    /// A share, printed in percent.
    pub(super) fn share(name: impl Into<String>, value: Option<f64>, count: usize) -> Self {
        Self { name: name.into(), value, count, is_share: true }
    }

    /// A number that is no share.
    pub(super) fn number(name: impl Into<String>, value: Option<f64>, count: usize) -> Self {
        Self { name: name.into(), value, count, is_share: false }
    }

    /// The mean of what each record counts; records without a value are left out.
    pub(super) fn mean(
        name: impl Into<String>,
        credits: impl IntoIterator<Item = Option<f64>>,
    ) -> Self {
        let known: Vec<f64> = credits.into_iter().flatten().collect();
        Self::share(name, crate::metrics::mean(&known), known.len())
    }

    /// The plain mean of these rows; those without a value are left out.
    pub(super) fn mean_of(name: impl Into<String>, rows: &[Self]) -> Self {
        let known: Vec<f64> = rows.iter().filter_map(|row| row.value).collect();
        let count = rows.iter().map(|row| row.count).sum();
        Self::share(name, crate::metrics::mean(&known), count)
    }

    /// The same row one level deeper.
    pub(super) fn indented(self) -> Self {
        let name = if self.name.is_empty() { NO_SUBSET } else { &self.name };
        Self { name: format!("  {name}"), ..self }
    }
}

/// A row and its values under all conventions.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FigureRow {
    /// What it is.
    pub name: String,
    /// The number of records, steps or votes.
    pub count: usize,
    /// Whether it is a share, which is printed in percent.
    pub is_share: bool,
    /// The value under each of [`Convention::ALL`].
    pub values: [Option<f64>; 4],
}

impl FigureRow {
    /// The value under a convention.
    pub fn value(&self, convention: Convention) -> Option<f64> {
        let place = Convention::ALL.iter().position(|one| *one == convention)?;
        self.values[place]
    }
}
