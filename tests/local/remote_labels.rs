//! Labels weighed by llama.cpp's server, beside the same labels weighed by the same model in this process.
//!
//! `TRIBUNAL_TEST_LLAMA_SERVER=…/llama-server cargo test --test local remote_labels -- --ignored --nocapture`

#![cfg(all(feature = "llama", feature = "openai"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
#![expect(clippy::print_stdout, reason = "the measured difference is what this shows")]

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use crate::support::{instruct_model, listen, logged};
use tribunal::{
    Item, Judge, Judgment,
    backend::{
        Backend,
        llama::{Llama, LlamaOptions},
        openai::{OpenAi, OpenAiOptions},
    },
    completion::Distribution,
    request::{Ask, Message, Origin, Part, Request, Role, Sampling},
};

/// A server of the instruct model on this machine, which ends with the test.
struct LlamaServer {
    process: Child,
    url: String,
}

impl LlamaServer {
    async fn start() -> Self {
        let program = PathBuf::from(std::env::var_os("TRIBUNAL_TEST_LLAMA_SERVER").unwrap());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(&program)
            .env("LD_LIBRARY_PATH", program.parent().unwrap())
            .arg("--model")
            .arg(instruct_model())
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args([
                "--ctx-size",
                "4096",
                "--parallel",
                "2",
                "--threads",
                "1",
                "--flash-attn",
                "off",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, url: format!("http://127.0.0.1:{port}/v1") };
        let model = server.model();
        // It refuses connections until it listens, and requests until the model is loaded.
        while model.complete(&turns("Hello", "Hi")).await.is_err() {
            pause().await;
        }
        server
    }

    fn model(&self) -> OpenAi {
        let options = OpenAiOptions::new("llamacpp/model", Some(&self.url), &|_| None).unwrap();
        OpenAi::new(options).unwrap()
    }
}

impl Drop for LlamaServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[expect(clippy::disallowed_methods, reason = "another program is waited for")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// A question, and what the model has written of its answer; nothing if it has not begun.
fn turns(question: &str, begun: &str) -> Request {
    let mut messages = vec![Message::new(Role::User, question, Origin::Data)];
    let open = !begun.is_empty();
    if open {
        messages.push(Message::new(Role::Assistant, begun, Origin::Prompt));
    }
    let mut request = Request::generate(messages);
    request.open = open;
    request.sampling.max_tokens = Some(1);
    request
}

fn choice(question: &str, begun: &str, labels: &[&str]) -> Request {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    turns(question, begun).ask(Ask::Choose { labels })
}

/// The labels of one token, of several, of which one begins another, that join the text before them, and that no model
/// would write.
fn questions() -> Vec<(&'static str, Request)> {
    let scores: Vec<String> = (1..=10).map(|score| format!(" {score}")).collect();
    let scores: Vec<&str> = scores.iter().map(String::as_str).collect();
    let forms = ["[[A]]", "[[B]]", "[[C]]"];
    let sums = "Is 12 + 30 = 42? Answer Yes or No.";
    let mut spoken = choice(sums, "Sure.", &[" Yes", " No"]);
    let written = Part::text("I add the tens first, then the ones.\n", Origin::Model);
    let turn = spoken.messages.last_mut().unwrap();
    turn.parts = vec![written, Part::text("Verdict:", Origin::Prompt)];
    vec![
        ("one token", choice(sums, "Answer:", &[" Yes", " No"])),
        ("a new turn", choice(sums, "", &["Yes", "No"])),
        ("after a text of the model", spoken),
        ("one begins another", choice("Rate this answer: 12 + 30 = 42.", "Score:", &scores)),
        ("several tokens", choice("Which is better?\nA: 42\nB: 43", "Verdict: ", &forms)),
        ("joined to the text", choice(sums, "The answer is ", &["Yes", "No"])),
        ("unlikely", choice(sums, "Answer:", &[" Ambivalent", " Falsified", " Indefensible"])),
        ("a line of its own", choice(sums, "My verdict", &[":\nYes\n", ":\nNo\n"])),
    ]
}

/// The largest difference of probabilities, and of their logarithms, of two distributions over the same labels.
fn difference(one: &Distribution, other: &Distribution) -> (f64, f64) {
    assert_eq!(one.labels.len(), other.labels.len());
    let pairs = || one.labels.iter().zip(&other.labels);
    let of = |by: fn(f64) -> f64| {
        pairs().map(|((_, p), (_, q))| (by(*p) - by(*q)).abs()).fold(0.0, f64::max)
    };
    (of(|p| p), of(f64::ln))
}

#[tokio::test]
#[ignore = "needs TRIBUNAL_TEST_LLAMA_SERVER, the path of llama.cpp's llama-server, and an instruct model"]
async fn a_server_of_llamacpp_weighs_labels_as_the_model_in_this_process_does() {
    listen();
    let server = LlamaServer::start().await;
    let remote = server.model();
    let mut options = LlamaOptions::file(instruct_model());
    options.context = Some(1024);
    let local = Llama::load(options).await.unwrap();
    for (name, request) in questions() {
        let here = local.complete(&request).await.unwrap();
        let there = remote.complete(&request).await.unwrap();
        let (expected, seen) = (here.distribution.unwrap(), there.distribution.unwrap());
        let (p, log) = difference(&expected, &seen);
        println!(
            "{name:<26} mass {:.1e}, difference of p {p:.1e}, of log p {log:.1e}, {} requests",
            expected.mass(),
            there.attempts
        );
        assert!(p < 5e-3 && log < 2e-2, "{name}: {expected:?} {seen:?}");
        assert_eq!(here.text, there.text, "{name}");
    }
    assert!(!logged().contains("likeliest"), "{}", logged());
}

/// A record with a short critique of the model, and its verdict.
async fn judged(model: Arc<dyn Backend>, prompt: &str, item: Item) -> Judgment {
    let sampling = Sampling::default().temperature(0.0).max_tokens(48);
    let judge = Judge::builder().backend(model).prompt(prompt).sampling(sampling);
    judge.build().await.unwrap().judge(&item).await.unwrap()
}

#[tokio::test]
#[ignore = "needs TRIBUNAL_TEST_LLAMA_SERVER, the path of llama.cpp's llama-server, and an instruct model"]
async fn a_verdict_that_the_model_did_not_write_has_its_probabilities_on_a_server_too() {
    let server = LlamaServer::start().await;
    let mut options = LlamaOptions::file(instruct_model());
    options.context = Some(2048);
    let local: Arc<dyn Backend> = Arc::new(Llama::load(options).await.unwrap());
    let remote: Arc<dyn Backend> = Arc::new(server.model());
    for prompt in ["score", "correct"] {
        let item = || match prompt {
            "score" => Item::new().question("What is 12 + 30?").answer("It is 42."),
            _ => Item::new().set("problem", "What is 12 + 30?").set("solution", "12 + 30 = 42"),
        };
        let here = judged(local.clone(), prompt, item()).await;
        let there = judged(remote.clone(), prompt, item()).await;
        let same = here.votes[0].calls[0].text == there.votes[0].calls[0].text;
        let (one, other) = (&here.votes[0].distribution, &there.votes[0].distribution);
        let (expected, seen) = (one.as_ref().unwrap(), other.as_ref().unwrap());
        let (p, log) = difference(expected, seen);
        println!(
            "{prompt:<10} mass {:.3} and {:.3}, difference of p {p:.1e}, of log p {log:.1e}, same text: {same}",
            expected.mass(),
            seen.mass()
        );
        // Another text is another question.
        assert!(!same || p < 5e-2, "{expected:?} {seen:?}");
        assert_eq!(seen.top, None, "every value was weighed");
    }
}
