//! A run looks ahead: records whose prompts begin in the same way are judged one after another.

#![cfg(all(feature = "llama", feature = "tiny", feature = "files"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::Arc;

use tribunal::{
    Item, Judge, Prompt,
    backend::{Backend, llama::EngineFigures},
    line::ResultLine,
    records::Output,
    run::{self, Finished, JudgeWork, RunOptions},
};

use crate::{shipped::tiny, support::Folder};

/// More different questions than the engine keeps copies of, and more records than it compares.
const QUESTIONS: usize = 160;
const ANSWERS: usize = 5;
const COUNT: usize = QUESTIONS * ANSWERS;

const PROMPT: &str = "\
---
kind: label
verdict: {choose: verdict, values: {\"Yes\": correct, \"No\": incorrect}}
---
user:
Review the solution, then say Yes if it is correct, or No.
Problem: {{ question }}
Solution
Paragraph 0: {{ answer }}
assistant:
Verdict:{{ choose(\"verdict\", [\" Yes\", \" No\"]) }}";

/// Several answers to each of many long questions, one question after another.
fn item(n: usize) -> Item {
    let (question, answer) = (n / ANSWERS, n % ANSWERS);
    let numbers: Vec<String> = (0..130).map(|k| (question * 7 + k * k % 83).to_string()).collect();
    Item::new().question(numbers.join(" + ")).answer(format!("the sum is {answer} and {n}"))
}

/// The same records in an order without neighbours.
fn shuffled(n: usize) -> Item {
    item(n * 337 % COUNT)
}

/// What the shipped model did to judge these records, and the order of the lines that it left.
async fn judged(items: Vec<Item>, options: RunOptions) -> (EngineFigures, Vec<usize>) {
    let folder = Folder::new("look-ahead");
    let path = folder.path("out.jsonl");
    let tiny = Arc::new(tiny(|options| options.width = Some(4)).await);
    assert!(tiny.keeps_prompts());
    let prompt = Prompt::parse("p", PROMPT).unwrap();
    let judge = Judge::builder().backend(tiny.clone()).with_prompt(prompt).build().await.unwrap();
    let count = items.len();
    let output = Some(Output::to_file(&path).unwrap());
    let mut asks_once = |finished: &Finished, _: &ResultLine| {
        assert_eq!(finished.outcome.as_ref().unwrap().attempts, 1);
        Ok(())
    };
    let work = JudgeWork::new(judge);
    let ran = run::judge(work, run::items(items), options, output, &mut asks_once).await.unwrap();
    assert_eq!(ran.0.judged, count);
    let lines = std::fs::read_to_string(path).unwrap();
    let index = |line: &str| serde_json::from_str::<ResultLine>(line).unwrap().index;
    (tiny.figures(), lines.lines().map(index).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shuffled_file_costs_what_a_sorted_one_costs_and_keeps_its_order() {
    let mut options = RunOptions::default();
    options.counts_rest = true;
    let shuffled: Vec<Item> = (0..COUNT).map(shuffled).collect();
    let (sorted, _) = judged((0..COUNT).map(item).collect(), options.clone()).await;
    let (figures, order) = judged(shuffled.clone(), options.clone()).await;
    assert_eq!(order, (0..COUNT).collect::<Vec<_>>());
    assert_eq!(figures.prompt_tokens_minimum, sorted.prompt_tokens_minimum);
    let (evaluated, least) = (figures.prompt_tokens_evaluated, sorted.prompt_tokens_evaluated);
    assert!(evaluated * 100 <= least * 102 + 6400, "{figures:?} {sorted:?}");
    // One record at a time begins in the order of the input: half of the records cost more than twice as much as all.
    options.concurrency = Some(1);
    let (figures, _) = judged(shuffled[..COUNT / 2].to_vec(), options).await;
    assert!(figures.prompt_tokens_evaluated > 2 * least, "{figures:?} {sorted:?}");
}
