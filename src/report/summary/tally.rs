//! The counts of a summary: numbers, labels and steps.

use crate::{
    metrics::{Interval, real, student_quantile},
    report::histogram::Histogram,
};

/// Numbers by their count, their sum and the sum of their squares.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub(super) count: usize,
    pub(super) sum: f64,
    squares: f64,
}

impl Moments {
    /// Counts a number.
    pub(super) fn add(&mut self, number: f64) {
        self.count += 1;
        self.sum += number;
        self.squares += number * number;
    }

    /// The 95 % interval of the mean, by Student's t; `None` with fewer than two numbers.
    pub(super) fn interval(&self) -> Option<Interval> {
        let count = real(self.count);
        let freedom = real(self.count.checked_sub(1)?);
        let quantile = student_quantile(0.975, freedom)?;
        let variance = (self.squares - self.sum * self.sum / count).max(0.0) / freedom;
        Some(Interval::around(self.mean(), quantile * (variance / count).sqrt()))
    }

    /// The mean of the numbers.
    pub(super) fn mean(&self) -> f64 {
        self.sum / real(self.count)
    }
}

/// Numbers with their histogram.
#[derive(Clone, Debug, Default)]
pub(super) struct Scores {
    moments: Moments,
    pub(super) values: Histogram,
}

impl std::ops::Deref for Scores {
    type Target = Moments;

    fn deref(&self) -> &Moments {
        &self.moments
    }
}

impl Scores {
    /// Counts a number.
    pub(super) fn add(&mut self, score: f64) {
        self.moments.add(score);
        self.values.add(score);
    }
}

/// Counts of verdicts that are a label or about steps.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    /// Verdicts that are a label.
    pub(super) labels: usize,
    /// Verdicts about steps.
    pub(super) steps: usize,
    /// Verdicts about steps that found no error.
    pub(super) without_error: usize,
}
