//! The budget of a run: flags that limit what it may spend, and what is said when a limit ends it.
//!
//! One budget holds for everything that a command asks: judge, members of a jury, policy, critic, final judge, retries.
//! It is checked below the cache, so that cached answers are free. Where a limit is met, no further request is sent,
//! requests in flight end and are saved, and the command exits with 3. The same command with a larger limit continues.

use std::time::Duration;

use tribunal::{
    backend::{Budget, BudgetLimits},
    units,
};

/// Limits for a whole run, over all of its models and records.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Budget of the run")]
pub(super) struct Args {
    /// Maximum cost, where prices are known.
    #[arg(long, value_name = "AMOUNT", value_parser = amount, env = "TRIBUNAL_MAX_COST")]
    max_cost: Option<f64>,
    /// Maximum number of requests, retries included.
    #[arg(long, value_name = "N", env = "TRIBUNAL_MAX_REQUESTS")]
    max_requests: Option<u64>,
    /// Maximum number of tokens, read and written.
    #[arg(long, value_name = "N", env = "TRIBUNAL_MAX_TOTAL_TOKENS")]
    max_total_tokens: Option<u64>,
    /// Maximum time until the last request, such as 90s or 2h.
    #[arg(long, value_name = "TIME", value_parser = units::duration, env = "TRIBUNAL_DEADLINE")]
    deadline: Option<Duration>,
}

impl Args {
    /// The limits that were set.
    pub(super) fn limits(&self) -> BudgetLimits {
        let Self { max_cost, max_requests, max_total_tokens, deadline } = *self;
        BudgetLimits { max_cost, max_requests, max_total_tokens, deadline }
    }

    /// The budget that all models of the run share; `None` where nothing is limited.
    pub(super) fn open(&self) -> Option<Budget> {
        Some(self.limits()).filter(|limits| !limits.is_empty()).map(Budget::new)
    }
}

/// A cost: a positive number in the currency of the prices.
fn amount(text: &str) -> Result<f64, String> {
    let number =
        text.trim().parse::<f64>().ok().filter(|number| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "expected an amount above 0, such as 2.50".into())
}
