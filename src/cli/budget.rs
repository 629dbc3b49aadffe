//! The budget of a run: flags that limit what it may spend, and the error when a limit ends it.
//!
//! One budget covers every request of a command: those of the judge, the members of a jury, the policy, the critic and
//! the final judge, retries included.
//! It is checked below the cache, so that cached answers are free. Where a limit is met, no further request is sent,
//! requests in flight end and are saved, and the command exits with 3. The same command with a larger limit continues.
//!
//! ```text
//! error: the budget of 7 requests is used up: 7 requests, 70 tokens so far
//! hint: finished results are saved: to continue, run the same command with a larger limit, such as --max-requests 14
//! ```

use std::time::Duration;

use tribunal::{
    Hint,
    backend::{Backend, Budget, BudgetLimits},
    config::Resolved,
    error::{Error, ErrorKind, Result},
    models::{Models, may_cost},
    units,
};

/// Limits for a whole run, over all of its models and records.
#[derive(Clone, Copy, Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Budget of the run")]
pub(super) struct Args {
    /// Maximum cost, in the currency of the model prices.
    #[arg(long, value_name = "AMOUNT", value_parser = amount, env = "TRIBUNAL_MAX_COST")]
    max_cost: Option<f64>,
    /// Maximum number of requests, retries included.
    #[arg(long, value_name = "N", env = "TRIBUNAL_MAX_REQUESTS")]
    max_requests: Option<u64>,
    /// Maximum number of tokens, read and written.
    #[arg(long, value_name = "N", env = "TRIBUNAL_MAX_TOTAL_TOKENS", hide_short_help = true)]
    max_total_tokens: Option<u64>,
    /// Maximum time of the run, such as 90s or 2h.
    #[arg(long, value_name = "TIME", value_parser = units::duration, env = "TRIBUNAL_DEADLINE", hide_short_help = true)]
    deadline: Option<Duration>,
    /// Memory for weights of models in this process [default: what is free].
    #[cfg(feature = "llama")]
    #[arg(long, value_name = "SIZE", value_parser = units::size, env = "TRIBUNAL_MODEL_MEMORY", hide_short_help = true)]
    model_memory: Option<u64>,
}

impl Args {
    /// The registry with the memory for models in this process, which are loaded one after another if they do not fit
    /// into it together.
    pub(super) fn in_memory(&self, models: &Models) -> Models {
        #[cfg(feature = "llama")]
        return models.within_memory(self.model_memory);
        #[cfg(not(feature = "llama"))]
        models.clone()
    }

    /// The limits that were set.
    pub(super) fn limits(&self) -> BudgetLimits {
        let Self { max_cost, max_requests, max_total_tokens, deadline, .. } = *self;
        BudgetLimits { max_cost, max_requests, max_total_tokens, deadline }
    }

    /// The budget that all models of the run share; `None` where nothing is limited.
    pub(super) fn open(&self) -> Option<Budget> {
        Some(self.limits()).filter(|limits| !limits.is_empty()).map(Budget::new)
    }
}

/// Rejects a limit on cost for a remote model or a program whose price is not known: it could never be checked.
///
/// # Errors
/// The price is not known.
pub(super) fn check_price(
    limits: &BudgetLimits,
    resolved: &Resolved,
    model: &dyn Backend,
) -> Result<()> {
    let may_cost = may_cost(resolved.model_name(), resolved.model.base_url.as_deref());
    if limits.max_cost.is_none() || !may_cost || model.price().is_some() {
        return Ok(());
    }
    let message = format!("--max-cost needs the price of `{}`, which is not known", model.name());
    Err(Error::new(ErrorKind::Config, message)
        .hint(
            Hint::from("set the price of a million tokens: ")
                .setting("price", "{ prompt = 0.25, completion = 2.0 }"),
        )
        .hint(Hint::from("or list it in a table of your own: ").setting("prices", "prices.csv")))
}

/// A number of the command line: neither infinite nor NaN.
pub(super) fn finite(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| "expected a number".into())
}

/// A number of 0 or above.
pub(super) fn not_negative(text: &str) -> Result<f64, String> {
    let number = finite(text).ok().filter(|number| *number >= 0.0);
    number.ok_or_else(|| "expected a number of 0 or above".into())
}

/// A share: a number or a percentage.
pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.trim().strip_suffix('%') {
        Some(percent) => finite(percent).map(|percent| percent / 100.0),
        None => finite(text),
    }
}

/// A cost: a positive number in the currency of the prices.
fn amount(text: &str) -> Result<f64, String> {
    let number =
        text.trim().parse::<f64>().ok().filter(|number| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "expected an amount above 0, such as 2.50".into())
}
