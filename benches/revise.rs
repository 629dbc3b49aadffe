//! What a loop mends, and what a judge that errs does to it: the shipped model as policy and judge, over
//! sums whose answers are known. Prints the tables of the README.

#![expect(clippy::print_stdout, reason = "a table is what this is for")]
#![expect(clippy::cast_precision_loss, reason = "shares need no 52 bits")]

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tribunal::{
    Backend, Completion, Item, Judge, Request, Result,
    backend::cache::{Cache, Mode},
    models::Models,
    request::Capabilities,
    strategy::revise::{
        Accept, Critique, Draft, FinalCheck, ReviseLimits, ReviseOptions, RevisionOutcome, Writer,
        revise,
    },
};

/// Another model whose verdicts are turned round by chance: the same ones in every run, others for
/// another seed.
#[derive(Debug)]
struct Flipping {
    model: Arc<dyn Backend>,
    share: f64,
    seed: u64,
}

impl Flipping {
    fn new(model: &Arc<dyn Backend>, share: f64, seed: u64) -> Arc<Self> {
        Arc::new(Self { model: model.clone(), share, seed })
    }

    fn flips(&self, request: &Request) -> bool {
        chance(&(serde_json::to_string(request).unwrap_or_default(), self.seed)) < self.share
    }
}

#[async_trait]
impl Backend for Flipping {
    fn name(&self) -> &'static str {
        "flipping"
    }

    fn identity(&self) -> &'static str {
        "flipping"
    }

    async fn capabilities(&self) -> Capabilities {
        self.model.capabilities().await
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        let mut answer = self.model.complete(request).await?;
        if self.flips(request) {
            answer.text = turned(&answer.text);
        }
        Ok(answer)
    }
}

/// The opposite verdict: of the first error, of a pair.
fn turned(text: &str) -> String {
    let (before, verdict) = text.rsplit_once("Verdict: ").unwrap_or((text, ""));
    let opposite = match verdict.trim() {
        r"\boxed{-1}" => r"\boxed{0}",
        "[[A]]" => "[[B]]",
        "[[B]]" | "[[C]]" => "[[A]]",
        _ => r"\boxed{-1}",
    };
    format!("{before}Verdict: {opposite}")
}

/// A policy that does not always get it right: by chance its last number is another one.
struct Slipping {
    writer: Writer,
    share: f64,
    seed: u64,
}

impl Slipping {
    async fn write(&self, critique: &Critique) -> Result<Draft> {
        let mut draft = self.writer.write(critique).await?;
        if chance(&(&draft.text, critique.round, self.seed)) < self.share {
            draft.text = slipped(&draft.text);
        }
        Ok(draft)
    }
}

/// The text with another last number.
fn slipped(text: &str) -> String {
    let number = |c: char| c.is_ascii_digit();
    let end = text.rfind(number).map_or(0, |at| at + 1);
    let start = text[..end].rfind(|c: char| !number(c)).map_or(0, |at| at + 1);
    let last: i64 = text[start..end].parse().unwrap_or_default();
    format!("{}{}{}", &text[..start], last + 10, &text[end..])
}

/// A number from 0 to 1 that goes with a value.
fn chance(value: &impl Hash) -> f64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    (hasher.finish() >> 11) as f64 / ((1_u64 << 53) as f64)
}

/// What the sum in the record comes to.
fn truth(item: &Item) -> i64 {
    let question = item.text("question").unwrap_or_default();
    let sum: String =
        question.chars().filter(|c| c.is_ascii_digit() || "+-".contains(*c)).collect();
    sum.replace('-', "+-").split('+').filter_map(|part| part.parse::<i64>().ok()).sum()
}

/// Whether a text ends in the right number.
fn is_right(item: &Item, text: &str) -> bool {
    let last = text.split_whitespace().next_back().unwrap_or_default();
    last.trim_end_matches('.').parse() == Ok(truth(item))
}

fn read(path: &str) -> Vec<Item> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let records =
        text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    records.map(Item::from).collect()
}

async fn judge(model: &Arc<Flipping>, prompt: &str, draws: u32) -> Result<Judge> {
    let builder = Judge::builder().backend(model.clone()).prompt(prompt).draws(draws);
    if prompt == "tiny-pair" {
        return builder.build().await;
    }
    builder.pass("first_error = -1").build().await
}

/// As often is everything repeated with other errors of the judge.
const SEEDS: u64 = 5;

/// What came of many loops.
#[derive(Default)]
struct Tally {
    right: usize,
    last_right: usize,
    passed: usize,
    falsely: usize,
    seen: usize,
    rounds: usize,
    calls: u32,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.right += other.right;
        self.last_right += other.last_right;
        self.passed += other.passed;
        self.falsely += other.falsely;
        self.seen += other.seen;
        self.rounds += other.rounds;
        self.calls += other.calls;
    }

    fn row(&self, all: usize) -> String {
        let percent = |part: usize| 100.0 * part as f64 / all as f64;
        format!(
            "| {:.1} % | {:.1} % | {:.1} % | {:.1} % | {} of {} | {:.2} | {:.2} |",
            percent(self.right),
            percent(self.last_right),
            percent(self.passed),
            percent(self.falsely),
            self.seen,
            self.falsely,
            self.rounds as f64 / all as f64,
            f64::from(self.calls) / all as f64,
        )
    }
}

async fn run(
    items: &[Item],
    judge: &Judge,
    policy: &Slipping,
    options: &ReviseOptions,
) -> Result<Tally> {
    let loops = items.iter().map(|item| async move {
        let write = async move |critique: &Critique| policy.write(critique).await;
        revise(write, judge, item, options).await.map(|revision| (item, revision))
    });
    let mut tally = Tally::default();
    let all: Vec<_> = stream::iter(loops).buffer_unordered(8).collect().await;
    for one in all {
        let (item, revision) = one?;
        let right = is_right(item, revision.text());
        let last = revision.rounds.iter().rev().find(|round| round.accepted);
        let ends = revision.outcome == RevisionOutcome::Passed;
        tally.right += usize::from(right);
        tally.last_right += usize::from(last.is_some_and(|round| is_right(item, &round.draft)));
        tally.passed += usize::from(ends);
        tally.falsely += usize::from(ends && !right);
        tally.seen += usize::from(ends && !right && !revision.passed());
        tally.rounds += revision.rounds.len() - 1;
        tally.calls += revision.spent.calls;
    }
    Ok(tally)
}

#[tokio::main]
async fn main() -> Result<()> {
    // What the model says does not change with the judge's noise: it is asked once.
    let models = Models::default().cached(Cache::in_memory(Mode::On));
    let tiny = models.open("tiny").await?;
    let reviser = Judge::builder().backend(tiny.clone()).prompt("tiny-revise").build().await?;
    let writer = Writer::new(reviser)?;
    let mut items = read("examples/arithmetic-wrong.jsonl");
    items.extend(read("examples/arithmetic-correct.jsonl"));
    let first =
        items.iter().filter(|item| is_right(item, &item.text("answer").unwrap_or_default()));
    println!("{} drafts, {} of them right; 4 rounds; {SEEDS} seeds", items.len(), first.count());
    println!(
        "| judge flips | policy slips | accepts | right at the end | last draft right | passed | passed falsely | of these seen by a fresh draw | rounds | calls |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (flips, slips) in [(0.0, 0.0), (0.1, 0.0), (0.3, 0.0), (0.0, 0.4), (0.1, 0.4), (0.3, 0.4)] {
        for rule in ["always", "score", "prefer", "score, 3 draws"] {
            let mut sum = Tally::default();
            for seed in 0..SEEDS {
                let model = Flipping::new(&tiny, flips, seed);
                let accept = match rule {
                    "always" => Accept::Always,
                    "prefer" => Accept::Preferred(judge(&model, "tiny-pair", 1).await?),
                    _ => Accept::Better { margin: 0.0 },
                };
                let options = ReviseOptions {
                    accept,
                    limits: ReviseLimits { rounds: 4, ..ReviseLimits::default() },
                    final_check: FinalCheck::Fresh,
                    ..ReviseOptions::default()
                };
                let policy = Slipping { writer: writer.clone(), share: slips, seed };
                let draws = if rule.contains("draws") { 3 } else { 1 };
                let by_steps = judge(&model, "tiny-steps", draws).await?;
                sum.add(&run(&items, &by_steps, &policy, &options).await?);
            }
            let all = items.len() * usize::try_from(SEEDS).unwrap_or(1);
            println!("| {:.0} % | {:.0} % | {rule} {}", flips * 100.0, slips * 100.0, sum.row(all));
        }
    }
    Ok(())
}
