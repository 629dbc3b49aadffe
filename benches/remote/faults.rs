//! What faults cost: the same run against a quiet server on loopback, against one that fails as servers under
//! load do, and against one that is gone for a while. Figures are ratios, because latency decides.
//!
//! 5,000 records at 200 ms, 64 requests in flight. The number of records and the seconds without a server may
//! follow on the command line.

use std::time::{Duration, Instant};

use tribunal::{
    Error, Item, Judge, Prompt, Result,
    backend::{
        BackendExt, Retry,
        openai::{OpenAi, OpenAiOptions, Quirks},
        records_open,
    },
    records::Record,
    run::{self, Finished, JudgeWork, RunOptions},
};

use crate::{
    faulty::{Faults, Faulty},
    score, start,
};

const PROMPT: &str = "---\nkind: score\nscale: {min: 1, max: 9}\nverdict: 'Score: *'\n---\n\
                      Rate the answer from 1 to 9.\n\n{{ answer }}\n";

const IN_FLIGHT: usize = 64;
const LATENCY: Duration = Duration::from_millis(200);

/// 5 % 429, 2 % 500, 1 % drops, 5 % garbled.
const FAULTS: Faults = Faults { rate_limited: 0.05, broken: 0.02, dropped: 0.01, garbled: 0.05 };

/// What a run came to.
struct Figures {
    judged: usize,
    wrong: usize,
    requests: usize,
    time: Duration,
}

async fn judged(server: &Faulty, records: usize) -> Result<Figures> {
    let none = |_: &str| None;
    let mut options = OpenAiOptions::new("m", Some(&server.url()), &none)?;
    options.provider.quirks = Some(Quirks::PLAIN);
    let model = OpenAi::new(options)?.limited(IN_FLIGHT).retried(Retry::default());
    let prompt = Prompt::parse("rate", PROMPT)?;
    let judge = Judge::builder().backend(model).with_prompt(prompt).build().await?;
    let all = (0..records).map(|index| {
        let item = Item::new().answer(format!("This is number {index}."));
        Record { index, place: index.to_string(), item: Ok(item) }
    });
    let mut options = RunOptions::default();
    options.concurrency = Some(records_open(IN_FLIGHT));
    let (mut judged, mut wrong) = (0, 0);
    let mut count = |finished: &Finished, _: &tribunal::line::ResultLine| {
        let score_of = |judgment: &tribunal::Judgment| judgment.score();
        match finished.outcome.as_ref().ok().and_then(score_of) {
            Some(given) => {
                judged += 1;
                wrong += usize::from((given - score(finished.index) as f64).abs() > 1e-9);
            }
            None => println!("  lost {}: {:?}", finished.index, finished.outcome.as_ref().err()),
        }
        Ok(())
    };
    let started = Instant::now();
    run::judge(JudgeWork::new(judge), all, options, None, &mut count).await?;
    Ok(Figures { judged, wrong, requests: server.requests(), time: started.elapsed() })
}

fn report(name: &str, figures: &Figures, records: usize, quiet: Duration) {
    let Figures { judged, wrong, requests, time } = figures;
    let share = |count: f64| 100.0 * count / records as f64;
    println!(
        "{name:<28} {:>7.2} % judged  {wrong} wrong  {:>5.1} % extra requests  {:>5.2} × the quiet run",
        share(*judged as f64),
        share(*requests as f64 - records as f64),
        time.as_secs_f64() / quiet.as_secs_f64(),
    );
}

/// Measures a quiet run, one with faults, and one whose server is gone for a while.
pub(crate) async fn run(numbers: &[usize]) -> Result<()> {
    let records = numbers.first().copied().unwrap_or(5000);
    let gone = numbers.get(1).copied().unwrap_or(20);
    let start = |faults| start(faults, LATENCY);
    println!("{records} records, {IN_FLIGHT} requests in flight, {LATENCY:?} each");

    let quiet = judged(&start(Faults::default()).await?, records).await?;
    let ideal = LATENCY.as_secs_f64() * (records as f64 / IN_FLIGHT as f64).ceil();
    report("quiet", &quiet, records, quiet.time);
    println!("{:<28} {:.2} × the ideal", "", quiet.time.as_secs_f64() / ideal);

    let faulty = judged(&start(FAULTS).await?, records).await?;
    report("5 % 429, 2 % 500, 1 % drops, 5 % garbled", &faulty, records, quiet.time);

    let server = start(Faults::default()).await?;
    let outage = async {
        tokio::time::sleep(quiet.time / 3).await;
        server.die_for(Duration::from_secs(gone as u64)).await.map_err(Error::other)
    };
    let (outlived, died) = tokio::join!(judged(&server, records), outage);
    died?;
    let outlived = outlived?;
    report(&format!("gone for {gone} s"), &outlived, records, quiet.time);
    let more = outlived.time.saturating_sub(quiet.time).as_secs_f64();
    println!("{:<28} {more:.1} s longer than the quiet run", "");
    Ok(())
}
