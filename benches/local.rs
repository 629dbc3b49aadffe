//! What judging in this process costs, beside what the machine can do at best: judgments that share a rubric and
//! questions, in order and shuffled, one at a time and together, with a critique and without.
//!
//! `make bench-local` runs it on the model of `make models`; `cargo bench --bench local -- MODEL.gguf [JUDGMENTS]` on
//! another one. With the path of llama.cpp's own server in `LLAMA_SERVER`, the same judgments run there, too: as the
//! server starts by default with eight slots, and as it is tuned best for this work. All figures are per second of a
//! CPU core, and compared within one run.

#![expect(clippy::print_stdout, reason = "a table is what this is for")]
#![expect(clippy::disallowed_methods, reason = "a server needs time to start")]
#![expect(clippy::cast_precision_loss, reason = "rates need no 52 bits")]

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use tribunal::{
    Backend, Error, ErrorKind, Request, Result,
    backend::{
        llama::{EngineFigures, Llama, LlamaOptions},
        openai::{OpenAi, OpenAiOptions, Quirks},
    },
    request::{Ask, Message, Origin, Role, Sampling},
};

/// The judge's instructions, the same for every record.
const RUBRIC: &str = "You judge answers to questions. Read the question and the answer. Look at facts first: is what the answer claims true, and does it follow from what was asked? Then look at completeness: does the answer cover all parts of the question? Then look at clarity: can a reader without special knowledge follow it? Do not reward length, confident words or politeness. Do not punish small mistakes of spelling. Say in two or three sentences what is right and what is wrong with the answer, and then give a score from 1 (useless) to 9 (perfect) on a line of its own.";

/// How many answers are judged for each question.
const PER_QUESTION: usize = 8;

/// How many requests are in flight, for every engine.
const IN_FLIGHT: usize = 16;

const WRITTEN: u32 = 48;

/// The n-th judgment: question n / 8, with an answer of its own.
fn judgment(n: usize, has_critique: bool) -> Request {
    let (question, answer) = (n / PER_QUESTION, n);
    let filler = |seed: usize, words: usize| -> String {
        const WORDS: [&str; 16] = [
            "river", "engine", "because", "seven", "quickly", "paper", "holds", "green", "music",
            "when", "stone", "under", "measure", "bright", "carries", "often",
        ];
        let word = |k: usize| WORDS[(seed * 31 + k * 7 + k * k * seed) % WORDS.len()];
        (0..words).map(word).collect::<Vec<_>>().join(" ")
    };
    let text = format!(
        "{RUBRIC}\n\nQuestion {question}: what follows from this? {}\n\nAnswer {answer}: {}",
        filler(question + 1, 60),
        filler(answer + 100, 80),
    );
    let sampling = Sampling::default().temperature(0.0).max_tokens(WRITTEN);
    let mut request =
        Request::generate(vec![Message::new(Role::User, text, Origin::Data)]).sampling(sampling);
    if !has_critique {
        request.messages.push(Message::new(Role::Assistant, "Score:", Origin::Prompt));
        request.open = true;
        request.ask = Ask::Choose { labels: (1..=9).map(|score| format!(" {score}")).collect() };
    }
    request
}

/// The seconds that all cores have worked for a process.
fn worked(process: &str) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).map_err(Error::other)?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<f64>().ok());
    let all = ticks(11).zip(ticks(12)).map(|(user, system)| (user + system) / 100.0);
    all.ok_or_else(|| Error::new(ErrorKind::Io, "the system does not report CPU time"))
}

/// What a run came to.
struct Ran {
    /// Judgments per second of a core.
    rate: f64,
    seconds: f64,
    figures: EngineFigures,
}

/// Asks all of these, so many at a time, and measures the work of a process.
async fn all(
    model: &(impl Backend + ?Sized),
    requests: Vec<Request>,
    in_flight: usize,
    process: &str,
) -> Result<f64> {
    let before = worked(process)?;
    let answers =
        stream::iter(requests).map(|request| async move { model.complete(&request).await });
    let answers: Vec<_> = answers.buffer_unordered(in_flight).collect().await;
    answers.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(worked(process)? - before)
}

/// A fresh model of this width, so that nothing is in its cache.
async fn fresh(path: &PathBuf, width: Option<usize>) -> Result<Llama> {
    let mut options = LlamaOptions::file(path);
    options.context = Some(2048);
    options.threads = Some(1);
    options.width = width;
    Llama::load(options).await
}

async fn run(path: &PathBuf, width: Option<usize>, requests: Vec<Request>) -> Result<Ran> {
    let model = fresh(path, width).await?;
    let count = requests.len();
    let in_flight = if width == Some(1) { 1 } else { IN_FLIGHT };
    let seconds = all(&model, requests, in_flight, "self").await?;
    Ok(Ran { rate: count as f64 / seconds, seconds, figures: model.figures() })
}

/// The seconds of a core that llama.cpp needs at least: the tokens of the tree of all prompts at the rate of long
/// prompts, and the written tokens at the rate of full calls. Both rates are measured here.
async fn limit(path: &PathBuf, figures: &EngineFigures) -> Result<f64> {
    // Long prompts that share nothing, and nothing written.
    let mut long: Vec<Request> = (0..4).map(|n| judgment(n * 1000, false)).collect();
    for (n, request) in long.iter_mut().enumerate() {
        let text = format!("{n} {}", judgment(n * 977 + 5, true).messages[0].text().repeat(3));
        request.messages[0] = Message::new(Role::User, text, Origin::Data);
        request.ask = Ask::Choose { labels: vec![" 1".into()] };
    }
    let reading = run(path, Some(1), long).await?;
    let per_token = reading.seconds / reading.figures.prompt_tokens_evaluated as f64;
    // Many draws of one prompt: it is read once, and all calls are full.
    let mut draws = judgment(0, true);
    draws.sampling = Sampling::default().temperature(1.0).max_tokens(256);
    let width = fresh(path, None).await?.concurrency();
    let count = u32::try_from(width).unwrap_or(1);
    let draws: Vec<Request> = (0..count).map(|n| draws.clone().draw(n)).collect();
    let writing = run(path, None, draws).await?;
    let read = writing.figures.prompt_tokens_evaluated as f64 * per_token;
    let per_written = (writing.seconds - read) / writing.figures.generated_tokens.max(1) as f64;
    println!(
        "{:<44} {:>8.0} tokens read, {:.0} written at width {width}, per second of a core",
        "raw rates",
        1.0 / per_token,
        1.0 / per_written
    );
    let minimum = figures.prompt_tokens_minimum.unwrap_or(0) as f64;
    Ok(minimum * per_token + figures.generated_tokens as f64 * per_written)
}

fn report(name: &str, ran: &Ran, reference: f64) {
    let figures = &ran.figures;
    let minimum = figures.prompt_tokens_minimum.unwrap_or(1).max(1) as f64;
    println!(
        "{name:<44} {:>6.3} judgments/s {:>5.2} × one at a time, {:.3} × the fewest prompt tokens, {:>4} calls, {:.1} % outside llama.cpp",
        ran.rate,
        ran.rate / reference,
        figures.prompt_tokens_evaluated as f64 / minimum,
        figures.decode_calls,
        100.0 * figures.overhead(),
    );
}

/// Deterministically shuffled.
fn shuffled(mut requests: Vec<Request>) -> Vec<Request> {
    for n in (1..requests.len()).rev() {
        requests.swap(n, (n * 7919 + 13) % (n + 1));
    }
    requests
}

/// llama.cpp's own server on a port of its own.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    async fn start(program: &str, path: &PathBuf, port: u16, extra: &[&str]) -> Result<Self> {
        let child = Command::new(program)
            .arg("-m")
            .arg(path)
            .args(["--port", &port.to_string(), "-t", "1", "-tb", "1", "--no-webui"])
            .args(extra)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::other)?;
        let server = Self { child, url: format!("http://127.0.0.1:{port}/v1") };
        let until = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > until {
                return Err(Error::new(ErrorKind::Unreachable, "the server does not start"));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // It listens before the model is loaded.
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok(server)
    }

    async fn rate(&self, requests: Vec<Request>) -> Result<f64> {
        let none = |_: &str| None;
        let mut options = OpenAiOptions::new("m", Some(&self.url), &none)?;
        options.provider.quirks = Some(Quirks::PLAIN);
        let model = Arc::new(OpenAi::new(options)?);
        let count = requests.len() as f64;
        let seconds = all(&*model, requests, IN_FLIGHT, &self.child.id().to_string()).await?;
        Ok(count / seconds)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A judgment that writes one token: what a server without exact labels does for a score alone.
fn one_token(mut request: Request) -> Request {
    request.messages.truncate(1);
    request.open = false;
    request.ask = Request::generate(Vec::new()).ask;
    request.sampling.max_tokens = Some(1);
    request
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|one| !one.starts_with("--")).collect();
    let default = || std::env::var("TRIBUNAL_TEST_GGUF").ok();
    let Some(path) = arguments.first().cloned().or_else(default).map(PathBuf::from) else {
        println!("left out: needs a GGUF file as its argument or in TRIBUNAL_TEST_GGUF");
        return Ok(());
    };
    let count: usize = arguments.get(1).and_then(|count| count.parse().ok()).unwrap_or(64);
    let judgments =
        |has_critique| -> Vec<Request> { (0..count).map(|n| judgment(n, has_critique)).collect() };
    println!(
        "{count} judgments, {PER_QUESTION} answers a question, {WRITTEN} tokens written at most, 1 thread"
    );

    let one = run(&path, Some(1), judgments(true)).await?;
    report("critique, one at a time", &one, one.rate);
    let sorted = run(&path, None, judgments(true)).await?;
    report(&format!("critique, together ({} at once)", sorted.figures.width), &sorted, one.rate);
    let mixed = run(&path, None, shuffled(judgments(true))).await?;
    report("critique, together, shuffled", &mixed, one.rate);
    let alone = run(&path, Some(1), judgments(false)).await?;
    report("score alone, one at a time", &alone, alone.rate);
    let scores = run(&path, None, judgments(false)).await?;
    report("score alone, together", &scores, alone.rate);

    let least = limit(&path, &sorted.figures).await?;
    println!(
        "{:<44} {:>5.2} × the limit of the machine",
        "critique, together",
        least / sorted.seconds
    );
    println!(
        "{:<44} {:>5.2} × the limit of the machine",
        "critique, shuffled",
        least / mixed.seconds
    );
    let least = limit(&path, &scores.figures).await?;
    println!(
        "{:<44} {:>5.2} × the limit of the machine",
        "score alone, together",
        least / scores.seconds
    );

    if let Ok(program) = std::env::var("LLAMA_SERVER") {
        let tuned =
            ["-np", "8", "-c", "16384", "--no-kv-unified", "-fa", "off", "--cache-ram", "0"];
        for (port, name, extra) in [
            (18_731, "as started, -np 8", &["-np", "8", "-c", "16384"][..]),
            (18_732, "tuned", &tuned[..]),
        ] {
            let server = Server::start(&program, &path, port, extra).await?;
            let rate = server.rate(judgments(true)).await?;
            println!(
                "{:<44} {rate:>6.3} judgments/s; here {:.2} × that",
                format!("llama.cpp's server, {name}"),
                sorted.rate / rate
            );
            let server = Server::start(&program, &path, port + 2, extra).await?;
            let rate = server.rate(judgments(true).into_iter().map(one_token).collect()).await?;
            println!(
                "{:<44} {rate:>6.3} judgments/s; here {:.2} × that",
                "  one token each",
                scores.rate / rate
            );
        }
    }
    Ok(())
}
