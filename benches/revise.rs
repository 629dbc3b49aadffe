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
    backend::{
        self,
        cache::{Cache, Mode},
    },
    request::Capabilities,
    strategy::revise::{Accept, Budget, FinalCheck, Options, Outcome, Writer},
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
        let mut hasher = DefaultHasher::new();
        (serde_json::to_string(request).unwrap_or_default(), self.seed).hash(&mut hasher);
        (hasher.finish() >> 11) as f64 / ((1_u64 << 53) as f64) < self.share
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
        let answer = self.model.complete(request).await?;
        if !self.flips(request) {
            return Ok(answer);
        }
        Ok(Completion { text: turned(&answer.text), ..answer })
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

/// What the sum in the record comes to.
fn truth(item: &Item) -> i64 {
    let sum = item.text("question").unwrap_or_default().replace(' ', "").replace('-', "+-");
    sum.split('+').filter_map(|part| part.parse::<i64>().ok()).sum()
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

async fn judge(model: &Arc<Flipping>, prompt: &str) -> Result<Judge> {
    let builder = Judge::builder().backend(model.clone()).prompt(prompt);
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

async fn run(items: &[Item], judge: &Judge, writer: &Writer, options: &Options) -> Result<Tally> {
    let loops = items.iter().map(|item| async move {
        writer.revise(judge, item, options).await.map(|revision| (item, revision))
    });
    let mut tally = Tally::default();
    let all: Vec<_> = stream::iter(loops).buffer_unordered(8).collect().await;
    for one in all {
        let (item, revision) = one?;
        let right = is_right(item, revision.text());
        let last = revision.rounds.iter().rev().find(|round| round.accepted);
        let ends = revision.outcome == Outcome::Passed;
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
    let cache = Some(Cache::in_memory(Mode::On));
    let tiny = backend::open("tiny", &backend::Options { cache, ..Default::default() }).await?;
    let reviser = Judge::builder().backend(tiny.clone()).prompt("tiny-revise").build().await?;
    let writer = Writer::new(reviser)?;
    let wrong = read("examples/arithmetic-wrong.jsonl");
    let right: Vec<Item> = read("examples/arithmetic-correct.jsonl");
    let right: Vec<Item> =
        right.into_iter().filter(|item| item.text("label").as_deref() == Some("correct")).collect();
    let sets = [("wrong", &wrong), ("right", &right)];
    println!("{} wrong and {} right drafts; budget: 4 rounds", wrong.len(), right.len());
    println!(
        "| judge flips | drafts | accepts | right at the end | the last draft right | passed | passed falsely | of these seen by a fresh draw | rounds | calls |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for share in [0.0, 0.1, 0.3] {
        for (name, items) in sets {
            for rule in ["always", "score", "prefer"] {
                let mut sum = Tally::default();
                for seed in 0..SEEDS {
                    let model = Flipping::new(&tiny, share, seed);
                    let judge_steps = judge(&model, "tiny-steps").await?;
                    let accept = match rule {
                        "always" => Accept::Always,
                        "score" => Accept::Better { margin: 0.0 },
                        _ => Accept::Preferred(judge(&model, "tiny-pair").await?),
                    };
                    let options = Options {
                        accept,
                        budget: Budget { rounds: 4, ..Budget::default() },
                        final_check: FinalCheck::Fresh,
                        ..Options::default()
                    };
                    let tally = run(items, &judge_steps, &writer, &options).await?;
                    sum.right += tally.right;
                    sum.last_right += tally.last_right;
                    sum.passed += tally.passed;
                    sum.falsely += tally.falsely;
                    sum.seen += tally.seen;
                    sum.rounds += tally.rounds;
                    sum.calls += tally.calls;
                }
                let all = items.len() * usize::try_from(SEEDS).unwrap_or(1);
                let percent = |part: usize| 100.0 * part as f64 / all as f64;
                println!(
                    "| {:.0} % | {name} | {rule} | {:.1} % | {:.1} % | {:.1} % | {:.1} % | {} of {} | {:.2} | {:.2} |",
                    share * 100.0,
                    percent(sum.right),
                    percent(sum.last_right),
                    percent(sum.passed),
                    percent(sum.falsely),
                    sum.seen,
                    sum.falsely,
                    sum.rounds as f64 / all as f64,
                    f64::from(sum.calls) / all as f64,
                );
            }
        }
    }
    Ok(())
}
