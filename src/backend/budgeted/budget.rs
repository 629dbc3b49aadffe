//! The budget of a run, and what has been spent.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{
    completion::UsageTotal,
    error::{Error, ErrorKind, Result},
    hint::Hint,
    units::counted,
};

/// The limits on what a run may spend; `None` means no limit.
///
/// The names are those of the command line and of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BudgetLimits {
    /// The most money, in the currency of the prices.
    pub max_cost: Option<f64>,
    /// The most requests to models, including retries. Cached answers are not requests.
    pub max_requests: Option<u64>,
    /// The most tokens of prompts and answers together, including thinking.
    pub max_total_tokens: Option<u64>,
    /// The time from the creation of the budget to the last request.
    pub deadline: Option<Duration>,
}

impl BudgetLimits {
    /// Whether no limit is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One budget for all models of a run: judges, members, policies, critics and final checks.
///
/// It is cheap to clone, and all clones share one budget. [`Budgeted`](super::Budgeted) asks it before every
/// request, and reports the usage of each answer to it. The end is graceful: the request that would exceed a
/// limit is not sent, and no later one either. Its error [is interrupted](Error::is_interrupted), so a run
/// leaves that record to the next run. Requests in flight are completed and counted.
///
/// ```
/// use tribunal::backend::{Budget, BudgetLimits};
///
/// let limits = BudgetLimits { max_cost: Some(5.0), ..BudgetLimits::default() };
/// let budget = Budget::new(limits);
/// assert_eq!(budget.spent().to_string(), "0 requests, 0 tokens");
/// assert!(budget.exhausted().is_none());
/// ```
///
/// # How exact it is
/// Requests are counted when they are sent. Tokens and money are known only when an answer arrives. Until
/// then, a request reserves its expected usage (its prompt, and an answer of the mean length so far). A
/// request that only fits without the reservations of others waits until their answers have arrived. A limit
/// is therefore exceeded at most by the amount by which the answers in flight are longer than the mean.
///
/// Unreported tokens are estimated from the texts, and counted as [estimated](Spending::estimated_tokens). A
/// model in this process costs no money unless it has a price.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: BudgetLimits,
    started: Instant,
    state: Mutex<State>,
    /// Signals that an answer arrived, or that the budget ended.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    spent: Spending,
    /// The retries as counted by the layer that sends them, and as reported by the answers; both count the
    /// same retries.
    retries: (u64, u64),
    reserved: Amount,
    /// Tokens of all answers so far, and the number of these answers.
    written: (u64, u64),
    /// Why nothing more is sent, once that is so.
    ended: Option<Error>,
}

/// Tokens and money.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Amount {
    pub(super) tokens: u64,
    pub(super) cost: f64,
}

/// The usage of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    pub(super) usage: UsageTotal,
    /// Whether the tokens are estimated.
    pub(super) is_estimated: bool,
    /// The cost; `None` if the price is unknown.
    pub(super) cost: Option<f64>,
    pub(super) attempts: u32,
}

/// What was spent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Spending {
    /// The requests that were sent, including retries.
    pub requests: u64,
    /// The tokens of prompts and answers.
    pub tokens: u64,
    /// The tokens that were estimated, because a server did not report them.
    pub estimated_tokens: u64,
    /// The money, as far as prices are known.
    pub cost: f64,
    /// The number of answers with an unknown price; their cost is missing in `cost`.
    pub unpriced: u64,
}

impl Budget {
    /// A new budget; its deadline counts from now.
    pub fn new(limits: BudgetLimits) -> Self {
        let (started, state) = (Instant::now(), Mutex::default());
        Self(Arc::new(Shared { limits, started, state, changed: Notify::new() }))
    }

    /// The limits.
    pub fn limits(&self) -> &BudgetLimits {
        &self.0.limits
    }

    /// What was spent so far: the usage of the received answers, and the number of all requests.
    pub fn spent(&self) -> Spending {
        self.state().spent
    }

    /// Why nothing more is sent: an error of the kind [`ErrorKind::Budget`] with the limit that was reached
    /// and what was spent. `None` while requests are sent.
    pub fn exhausted(&self) -> Option<Error> {
        self.state().ended.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The mean length of an answer in tokens, if there has been one.
    pub(super) fn mean_answer(&self) -> Option<u64> {
        let (tokens, answers) = self.state().written;
        tokens.checked_div(answers)
    }

    /// Counts a request and reserves its expected usage, which is computed again after each answer. Waits
    /// while only the reservations of requests in flight prevent it.
    ///
    /// # Errors
    /// The budget is spent: [`ErrorKind::Budget`], interrupted.
    pub(super) async fn reserve(&self, planned: impl Fn() -> Amount) -> Result<Reserved> {
        loop {
            let changed = self.0.changed.notified();
            if let Some(reserved) = self.try_reserve(planned())? {
                return Ok(reserved);
            }
            changed.await;
        }
    }

    fn try_reserve(&self, planned: Amount) -> Result<Option<Reserved>> {
        let state = &mut *self.state();
        self.check(state, planned)?;
        let Amount { tokens, cost } = state.reserved;
        let all = Amount { tokens: tokens + planned.tokens, cost: cost + planned.cost };
        if self.limit_met(&state.spent, all).is_some() {
            return Ok(None);
        }
        state.reserved = all;
        state.spent.requests += 1;
        Ok(Some(Reserved { budget: self.clone(), planned, has_landed: false }))
    }

    /// Counts a retry before it is sent.
    ///
    /// # Errors
    /// The budget is spent: [`ErrorKind::Budget`], interrupted.
    pub(crate) fn retry(&self) -> Result<()> {
        let state = &mut *self.state();
        self.check(state, Amount::default())?;
        state.retries.0 += 1;
        state.spent.requests += u64::from(state.retries.0 > state.retries.1);
        Ok(())
    }

    /// Ends the budget if one more request of this size would exceed it.
    fn check(&self, state: &mut State, planned: Amount) -> Result<()> {
        if state.ended.is_none()
            && let Some(limit) = self.limit_met(&state.spent, planned)
        {
            self.end(state, self.over(limit, &state.spent));
        }
        match &state.ended {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    fn end(&self, state: &mut State, error: Error) {
        state.ended.get_or_insert(error);
        self.0.changed.notify_waiters();
    }

    /// The limit that one more request would exceed, after what was spent.
    fn limit_met(&self, spent: &Spending, planned: Amount) -> Option<LimitKind> {
        let BudgetLimits { max_cost, max_requests, max_total_tokens, deadline } = self.0.limits;
        if max_requests.is_some_and(|most| spent.requests >= most) {
            return Some(LimitKind::Requests);
        }
        if max_total_tokens.is_some_and(|most| spent.tokens + planned.tokens > most) {
            return Some(LimitKind::TotalTokens);
        }
        if max_cost.is_some_and(|most| spent.cost + planned.cost > most) {
            return Some(LimitKind::Cost);
        }
        let is_late = deadline.is_some_and(|time| self.0.started.elapsed() >= time);
        is_late.then_some(LimitKind::Deadline)
    }

    /// The error that ends a run.
    fn over(&self, limit: LimitKind, spent: &Spending) -> Error {
        let BudgetLimits { max_cost, max_requests, max_total_tokens, deadline } = self.0.limits;
        let (most, setting, example) = match limit {
            LimitKind::Cost => {
                let most = max_cost.unwrap_or_default();
                (format!("cost budget of {most}"), "max_cost", (most * 2.0).to_string())
            }
            LimitKind::Requests => {
                let most = max_requests.unwrap_or_default();
                let requests = counted(most, "request");
                (format!("budget of {requests}"), "max_requests", (most * 2).to_string())
            }
            LimitKind::TotalTokens => {
                let most = max_total_tokens.unwrap_or_default();
                (
                    format!("budget of {}", counted(most, "token")),
                    "max_total_tokens",
                    (most * 2).to_string(),
                )
            }
            LimitKind::Deadline => {
                let most = humantime::format_duration(deadline.unwrap_or_default()).to_string();
                let twice = deadline.unwrap_or_default().saturating_mul(2);
                let twice = humantime::format_duration(twice).to_string();
                (format!("time budget of {most}"), "deadline", twice)
            }
        };
        let message = format!("the {most} is used up: {spent} so far");
        let hint = Hint::from(
            "finished results are saved: to continue, run the same command with a larger limit, such as ",
        )
        .setting(setting, example);
        Error::new(ErrorKind::Budget, message).hint(hint).interrupted()
    }

    /// Counts the usage of an answer.
    fn land(&self, planned: Amount, taken: &Taken, model: &str) {
        let state = &mut *self.state();
        state.reserved.tokens = state.reserved.tokens.saturating_sub(planned.tokens);
        state.reserved.cost = (state.reserved.cost - planned.cost).max(0.0);
        let spent = &mut state.spent;
        let tokens = taken.usage.prompt + taken.usage.completion;
        spent.tokens += tokens;
        spent.estimated_tokens += if taken.is_estimated { tokens } else { 0 };
        spent.cost += taken.cost.unwrap_or_default();
        spent.unpriced += u64::from(taken.cost.is_none());
        let (announced, landed) = state.retries;
        let known = landed + u64::from(taken.attempts.saturating_sub(1));
        spent.requests += known.saturating_sub(announced.max(landed));
        state.retries.1 = known;
        if taken.usage.completion > 0 {
            state.written.0 += taken.usage.completion;
            state.written.1 += 1;
        }
        if taken.cost.is_none() && self.0.limits.max_cost.is_some() {
            self.end(state, unpriced(model));
        }
        self.0.changed.notify_waiters();
    }
}

/// The error of a limit on cost if the price of a model is unknown.
pub(super) fn unpriced(model: &str) -> Error {
    let message = format!("a limit on cost needs the price of {model}, which is not known");
    let price = "{ prompt = 0.25, completion = 2.0 }";
    Error::new(ErrorKind::Budget, message)
        .hint(Hint::from("set the price of a million tokens: ").setting("price", price))
        .interrupted()
}

/// One of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LimitKind {
    Cost,
    Requests,
    TotalTokens,
    Deadline,
}

/// What a request on its way is expected to take. Dropped before an answer came, it counts as spent, because
/// a server may have answered meanwhile.
#[derive(Debug)]
pub(super) struct Reserved {
    budget: Budget,
    planned: Amount,
    has_landed: bool,
}

impl Reserved {
    /// Counts the usage of the answer in place of the reservation.
    pub(super) fn land(mut self, taken: &Taken, model: &str) {
        self.has_landed = true;
        self.budget.land(self.planned, taken, model);
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.has_landed {
            let Amount { tokens, cost } = self.planned;
            let usage = UsageTotal::new(tokens, 0);
            let taken = Taken { usage, is_estimated: true, cost: Some(cost), attempts: 1 };
            self.budget.land(self.planned, &taken, "");
        }
    }
}

/// A clause: `120 requests, 45210 tokens (300 of them estimated), cost 0.1200`.
impl fmt::Display for Spending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, tokens, estimated_tokens, cost, unpriced } = *self;
        write!(f, "{}, {}", counted(requests, "request"), counted(tokens, "token"))?;
        if estimated_tokens > 0 {
            write!(f, " ({estimated_tokens} of them estimated)")?;
        }
        match (cost > 0.0, unpriced > 0) {
            (true, false) => write!(f, ", cost {cost:.4}"),
            (true, true) => write!(f, ", cost at least {cost:.4}"),
            (false, _) => Ok(()),
        }
    }
}
