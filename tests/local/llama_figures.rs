//! What a model in this process takes for its work, printed: for a real instruct model, of which none is shipped.
//!
//! `TRIBUNAL_TEST_GGUF=model.gguf cargo test --release --test local figures -- --ignored --nocapture`

#![cfg(feature = "llama")]
#![expect(clippy::print_stdout, reason = "a table is what this is for")]

use std::{future::Future, time::Instant};

use crate::support::instruct_model;
use futures_util::future::join_all;
use tribunal::{
    backend::{
        Backend,
        llama::{Llama, LlamaOptions},
    },
    completion::Completion,
    request::{Ask, Message, Origin, Part, Request, Role, Sampling},
};

const RUBRIC: &str = "You judge answers to questions. Read the question and the answer, say in two or three sentences what is right and what is wrong with the answer, and then give a score from 1 (useless) to 9 (perfect). Be strict about facts, and do not mind the style.";

fn asks(n: usize) -> Request {
    let text = format!(
        "{RUBRIC}\n\nQuestion: What is {n} times 7, and what is the capital of France?\nAnswer: {n} times 7 is {}, and Paris is the capital of France.",
        n * 7
    );
    let sampling = Sampling::default().temperature(0.0).max_tokens(48);
    Request::generate(vec![Message::new(Role::User, text, Origin::Data)]).sampling(sampling)
}

/// The values of a menu, weighed after what the model wrote and an announcement.
fn scored(n: usize, critique: &Completion, values: impl Iterator<Item = usize>) -> Request {
    let mut request = asks(n);
    let mut written = Part::text(critique.text.as_str(), Origin::Model);
    written.token_ids.clone_from(&critique.token_ids);
    let mut turn = Message::new(Role::Assistant, "", Origin::Model);
    turn.parts = vec![written, Part::text("\nScore:", Origin::Prompt)];
    request.messages.push(turn);
    request.open = true;
    request.ask(Ask::Choose { labels: values.map(|value| format!(" {value}")).collect() })
}

/// Seconds that all cores have worked for this process, in hundredths, where the system says so.
fn worked() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

async fn timed<T>(what: &str, count: u32, work: impl Future<Output = T>) -> T {
    let (started, before) = (Instant::now(), worked());
    let done = work.await;
    let each = |seconds: f64| seconds * 1_000.0 / f64::from(count);
    let cores = worked().zip(before).map_or(f64::NAN, |(after, before)| each(after - before));
    println!(
        "{what:<52} {:>9.1} ms, {cores:>8.1} ms of a core",
        each(started.elapsed().as_secs_f64())
    );
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs TRIBUNAL_TEST_GGUF, the path of an instruct model"]
async fn figures() {
    const RECORDS: usize = 8;
    const COUNT: u32 = 8;
    let model = Llama::load(LlamaOptions::file(instruct_model())).await.unwrap();
    let model = &model;
    let ask = async |request: Request| model.complete(&request).await.unwrap();
    ask(asks(0)).await;

    let critiques = timed("write 48 tokens", COUNT, async {
        let mut critiques = Vec::new();
        for n in 1..=RECORDS {
            critiques.push(ask(asks(n)).await);
        }
        critiques
    })
    .await;
    timed("weigh Yes and No", COUNT, async {
        for n in 1..=RECORDS {
            let labels = vec![" Yes".to_owned(), " No".to_owned()];
            ask(asks(n).ask(Ask::Choose { labels })).await;
        }
    })
    .await;
    timed("weigh 1 to 9 after a critique of another record", COUNT, async {
        for (n, critique) in (1..=RECORDS).zip(&critiques) {
            ask(scored(n, critique, 1..10)).await;
        }
    })
    .await;
    timed("weigh 0 to 100 at one place", 1, ask(scored(8, &critiques[7], 0..101))).await;
    let long = Message::new(Role::User, "The same again and again. ".repeat(200), Origin::Data);
    let mut request = asks(1);
    request.messages.insert(0, long);
    ask(request.clone()).await;
    let labels = (0..50).map(|n| format!("{n}")).collect();
    timed(
        "weigh 50 values after a long prompt that is held",
        1,
        ask(request.ask(Ask::Choose { labels })),
    )
    .await;
    timed("write, then weigh 1 to 9", COUNT, async {
        for n in 1..=RECORDS {
            let critique = ask(asks(n)).await;
            let scored = ask(scored(n, &critique, 1..10)).await;
            if n == RECORDS {
                println!("  {:?}", scored.usage);
            }
        }
    })
    .await;
    timed("the same, all records at once", COUNT, async {
        let one = async |n: usize| {
            let critique = ask(asks(n)).await;
            ask(scored(n, &critique, 1..10)).await.usage
        };
        let all = join_all((1..=RECORDS).map(one)).await;
        let read: u64 = all.iter().map(|usage| usage.prompt.unwrap_or(0)).sum();
        let cached: u64 = all.iter().map(|usage| usage.cached.unwrap_or(0)).sum();
        println!("  {cached} of {read} tokens of the prompts were held");
    })
    .await;
}
