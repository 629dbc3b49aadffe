//! `tribunal judge --dry-run`: what a run would send, and what it would cost at least and at most.
//!
//! The judge is driven as in a run, with made-up answers in place of the model's, so that later turns, draws, orders and
//! members are counted too. Prompts are counted by the model's own tokenizer where it runs in process, and estimated
//! from their characters elsewhere. What answers cost is only bounded: by their maximum length. Records that do not fit
//! into the context are named, and a short trial of models in this process shows about how long the run takes.
//!
//! ```text
//! 3 of 3 records
//! requests to openai/gpt-5-mini: 6
//! prompt tokens: about 412 (estimated from 1650 characters), plus the answers that later requests repeat
//! answer tokens: at most 3072
//! cost: about 0.0001 for the prompts; at most 0.0062 with the longest answers
//! nothing was sent
//! ```

mod misfits;
mod time;

use std::io::{self, IsTerminal};

use self::{misfits::Misfits, time::Workloads};
use super::{console::emit_coloured, fields::Watch, input::Records, note, print_error, prompts};
use tribunal::{
    backend::{Backend, BudgetLimits},
    completion::UsageTotal,
    error::{Error, ErrorKind, Result},
    judge::Judge,
    judging::{AskId, Facts},
    prompt::is_shortened,
    request::{Ask, Request},
    units::counted,
};

/// What a run would send.
pub(super) struct Estimate {
    records: usize,
    /// Records that no request can be made of.
    failed: usize,
    calls: usize,
    /// Requests that are sent whatever the answers are.
    least: usize,
    /// Tokens of all prompts, as far as the model can count them.
    tokens: u64,
    characters: u64,
    /// Whether some prompts could not be counted in tokens.
    uncounted: bool,
    /// Whether later requests contain earlier answers, whose length is unknown.
    grows: bool,
    /// Maximum number of tokens in all answers; `None` where a request has no limit.
    written: Option<u64>,
    /// Records with conversations that are shown shortened.
    shortened: usize,
    /// Records with requests that are longer than the context.
    misfits: Misfits,
    /// The work of models in this process.
    work: Workloads,
}

/// Characters of a token, on average, where the model cannot count tokens.
const PER_TOKEN: u64 = 4;

/// Prints the first request, and how many requests and tokens all records need. Nothing is sent.
///
/// # Errors
/// Standard output cannot be written.
pub(super) async fn run(
    judge: &Judge,
    records: Records,
    limits: &BudgetLimits,
    watch: Option<&mut Watch>,
) -> Result<()> {
    let mut watch = watch;
    let mut estimate = Estimate::default();
    estimate.add_records(judge, records, &mut watch).await?;
    estimate.print(judge, limits).await;
    Ok(())
}

/// The same for records that two judges of the same models share: the first request of each, and what both need.
///
/// # Errors
/// Standard output cannot be written.
pub(super) async fn run_both(
    [(judge, records), (other, others)]: [(&Judge, Records); 2],
    limits: &BudgetLimits,
) -> Result<()> {
    let mut estimate = Estimate::default();
    estimate.add_records(judge, records, &mut None).await?;
    estimate.add_records(other, others, &mut None).await?;
    estimate.print(judge, limits).await;
    Ok(())
}

/// Prints the first request, as it would be sent.
fn show(first: Option<&Request>) -> Result<()> {
    let Some(request) = first else { return Ok(()) };
    note("first request:");
    emit_coloured(&mut io::stdout(), &prompts::shown(request, io::stdout().is_terminal()))
}

impl Default for Estimate {
    fn default() -> Self {
        Self {
            records: 0,
            failed: 0,
            calls: 0,
            least: 0,
            tokens: 0,
            characters: 0,
            uncounted: false,
            grows: false,
            written: Some(0),
            shortened: 0,
            misfits: Misfits::default(),
            work: Workloads::default(),
        }
    }
}

impl Estimate {
    /// Adds these records, and prints the first request of the judge.
    ///
    /// # Errors
    /// Standard output cannot be written.
    async fn add_records(
        &mut self,
        judge: &Judge,
        records: Records,
        watch: &mut Option<&mut Watch>,
    ) -> Result<()> {
        let facts = judge.facts().await;
        let mut is_shown = false;
        for record in records {
            self.records += 1;
            let item = match record.item {
                Ok(item) => item,
                Err(error) => {
                    self.failed += 1;
                    print_error(&error);
                    continue;
                }
            };
            if let (Some(watch), Ok(seen)) = (&mut *watch, judge.seen(&item)) {
                watch.check(&seen, &record.place);
            }
            match judge.rehearse(&item).await {
                Ok(requests) => {
                    if !is_shown {
                        show(requests.first().map(|(_, request)| request))?;
                        is_shown = true;
                    }
                    self.add_all(judge, &facts, &requests, &record.place);
                }
                Err(error) => {
                    self.failed += 1;
                    print_error(&error.within(&record.place));
                }
            }
        }
        Ok(())
    }

    /// Prints what was counted.
    async fn print(&self, judge: &Judge, limits: &BudgetLimits) {
        note(&self.text(judge));
        let models: Vec<&dyn Backend> = judge.members().map(|(_, model)| model).collect();
        if let Some(time) = self.work.text(&models).await {
            note(&time);
        }
        if self.shortened > 0 {
            let count = self.shortened;
            note(&format!(
                "conversations shown shortened by `transcript(max=…)`: {}",
                counted(count, "record")
            ));
        }
        self.misfits.print();
        self.over(judge, limits).iter().for_each(|line| note(line));
        note("nothing was sent");
    }

    /// Adds the requests of a record at this place.
    pub(super) async fn add_record(
        &mut self,
        judge: &Judge,
        requests: &[(AskId, Request)],
        place: &str,
    ) {
        self.records += 1;
        self.add_all(judge, &judge.facts().await, requests, place);
    }

    /// Adds the requests of a record. All of them are counted, and the first that is too long is named.
    fn add_all(
        &mut self,
        judge: &Judge,
        facts: &Facts,
        requests: &[(AskId, Request)],
        place: &str,
    ) {
        let is_shortened = requests.iter().any(|(_, request)| is_shortened(request));
        self.shortened += usize::from(is_shortened);
        self.grows |= requests.iter().any(|(_, request)| request.messages.len() > 3);
        let added = requests.iter().map(|(id, request)| self.add(judge, facts, id, request));
        let errors: Vec<Error> = added.filter_map(Result::err).collect();
        if let Some(error) = errors.first() {
            self.misfits.add(&place, error);
        }
    }

    /// The requests, tokens and costs in words, line by line.
    pub(super) fn requests_text(&self, judge: &Judge) -> String {
        let text = self.text(judge);
        let lines = text.lines().skip(1).map(|line| format!("  {line}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Adds one request.
    ///
    /// # Errors
    /// It is longer than the context of its model, as far as both are known.
    fn add(&mut self, judge: &Judge, facts: &Facts, id: &AskId, request: &Request) -> Result<()> {
        let Some(model) = judge.backend_of(id) else { return Ok(()) };
        let characters = |message: &tribunal::request::Message| message.text().chars().count();
        let characters: usize = request.messages.iter().map(characters).sum();
        let context = facts.of(&id.member).context;
        fits(model, request, characters as u64, context)?;
        self.calls += 1;
        self.least += usize::from(judge.is_certain(id));
        self.characters += characters as u64;
        match model.prompt_tokens(request) {
            Some(tokens) => {
                self.tokens += tokens as u64;
                self.work.add(model, request, tokens as u64, longest_answer(request));
            }
            None => self.uncounted = true,
        }
        self.grows |= request.open
            && request.messages.last().is_some_and(|message| !message.parts.is_empty());
        let most = longest_answer(request);
        self.written = self.written.zip(most).map(|(sum, most)| sum + most);
        Ok(())
    }

    /// The estimate in words, line by line.
    fn text(&self, judge: &Judge) -> String {
        let Self { records, failed, .. } = self;
        let model = judge.name();
        let able = records - failed;
        let broken =
            if *failed > 0 { format!("; {failed} cannot be judged") } else { String::new() };
        let lines = [
            format!("{able} of {records} records{broken}"),
            format!("requests to {model}: {}", self.requests()),
            format!("prompt tokens: {}", self.prompts()),
            match self.written {
                Some(most) => format!("answer tokens: at most {most}"),
                None => "answer tokens: no limit (--max-tokens sets one)".into(),
            },
            format!("cost: {}", self.cost(judge)),
        ];
        lines.join("\n")
    }

    /// The number of requests, or their least and greatest number, in words. What follows is about all of them.
    fn requests(&self) -> String {
        let Self { calls, least, .. } = self;
        if least == calls {
            return calls.to_string();
        }
        format!(
            "at least {least}, at most {calls}: draws, orders or judges may be left out; below, all of them"
        )
    }

    /// The limits that the run would exceed, in words: those of requests and tokens surely, that of cost by the prompts
    /// alone.
    fn over(&self, judge: &Judge, limits: &BudgetLimits) -> Vec<String> {
        let BudgetLimits { max_cost, max_requests, max_total_tokens, .. } = *limits;
        let (requests, tokens) = (self.least as u64, self.prompt_tokens());
        let mut over = Vec::new();
        if let Some(most) = max_requests.filter(|most| requests > *most) {
            over.push(format!("over budget: {requests} requests, and --max-requests is {most}"));
        }
        if let Some(most) = max_total_tokens.filter(|most| tokens > *most) {
            over.push(format!(
                "over budget: the prompts alone have {tokens} tokens, and --max-total-tokens is {most}"
            ));
        }
        let least = judge.price().map(|price| price.at_least(UsageTotal::new(tokens, 0)));
        if let Some((least, most)) = least.zip(max_cost).filter(|(least, most)| least > most) {
            over.push(format!(
                "over budget: the prompts alone cost about {least:.4}, and --max-cost is {most}"
            ));
        }
        over
    }

    /// The tokens of all prompts, estimated where the model cannot count them.
    fn prompt_tokens(&self) -> u64 {
        if self.uncounted { self.characters / PER_TOKEN } else { self.tokens }
    }

    /// The tokens of all prompts, in words.
    fn prompts(&self) -> String {
        let more = if self.grows { ", plus the answers that later requests repeat" } else { "" };
        if self.uncounted {
            let about = self.characters / PER_TOKEN;
            return format!("about {about} (estimated from {} characters){more}", self.characters);
        }
        format!("{}{more}", self.tokens)
    }

    /// The least and the most that the run can cost, in words.
    fn cost(&self, judge: &Judge) -> String {
        let Some(price) = judge.price() else {
            if !self.uncounted {
                return "none (the model runs in this process)".into();
            }
            return "unknown (set `price` in [model.NAME] of tribunal.toml, or --prices)".into();
        };
        let prompt = self.prompt_tokens();
        let least = price.at_least(UsageTotal::new(prompt, 0));
        match self.written {
            Some(completion) => {
                let most = price.at_least(UsageTotal::new(prompt, completion));
                format!(
                    "about {least:.4} for the prompts; at most {most:.4} with the longest answers"
                )
            }
            None => format!("about {least:.4} for the prompts; answers have no limit"),
        }
    }
}

/// Checks that a request fits into the context of its model: exactly in this process, and by an estimate of its tokens
/// where the context of a server is known.
///
/// # Errors
/// [`ErrorKind::TooLong`].
fn fits(
    model: &dyn Backend,
    request: &Request,
    characters: u64,
    context: Option<u32>,
) -> Result<()> {
    if let Err(error) = model.fits(request)
        && misfits::is_too_long(&error)
    {
        return Err(error);
    }
    let about = characters / PER_TOKEN;
    let Some(context) = context.filter(|context| u64::from(*context) <= about) else {
        return Ok(());
    };
    if model.is_in_process() {
        return Ok(());
    }
    let message = format!(
        "the request has about {about} tokens (estimated from {characters} characters), and the context of {} holds {context}",
        model.name()
    );
    Err(Error::new(ErrorKind::TooLong, message).hint(
        "shorten the record, or cut long conversations with `transcript(max=…)` in the prompt",
    ))
}

/// The most tokens that an answer can have; `None` without a limit. A label is not written.
fn longest_answer(request: &Request) -> Option<u64> {
    match request.ask {
        Ask::Generate { .. } => request.sampling.max_tokens.map(u64::from),
        _ => Some(0),
    }
}
