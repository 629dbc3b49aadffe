//! What every backend promises, checked on all of them.

#![cfg(feature = "openai")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::Arc;

use crate::support::{Folder, Reply, Server, token_reply};
use tribunal::{
    backend::{
        Backend, Capabilities, Check, Logprobs, Recorded, Replay, Script, from_fn,
        openai::{OpenAi, OpenAiOptions},
    },
    completion::{Completion, Distribution, Finish},
    error::ErrorKind,
    request::{Ask, Message, Origin, Request, Role, Sampling},
};

const SUM: &str = "Review the solution, then say Yes if it is correct, or No.\nProblem: 12 + 30\nSolution\nParagraph 0: 12 + 30 = 42";

fn question() -> Request {
    let sampling = Sampling::default().temperature(0.0).max_tokens(400);
    Request::generate(vec![Message::new(Role::User, SUM, Origin::Data)]).sampling(sampling)
}

fn choice() -> Request {
    question().ask(Ask::Choose { labels: vec![" Yes".into(), " No".into()] })
}

async fn server() -> Server {
    Server::start(|seen| {
        if seen.body["logprobs"] == true {
            Reply::Json(token_reply("Yes", &[("Yes", 0.75), ("No", 0.2)]))
        } else {
            Reply::says("Verdict: Yes")
        }
    })
    .await
}

fn openai(url: &str) -> OpenAi {
    OpenAi::new(OpenAiOptions::new("openai/m", Some(url), &|_| None).unwrap()).unwrap()
}

/// Everything that a judge relies on, whatever the model.
async fn keeps_the_contract(backend: &dyn Backend) {
    let name = backend.name().to_owned();
    assert!(!name.is_empty() && !backend.identity().is_empty());
    assert!(backend.concurrency() >= 1, "{name}");
    assert_eq!(backend.capabilities().await, backend.capabilities().await, "{name}");

    let first = backend.complete(&question()).await.unwrap();
    let again = backend.complete(&question()).await.unwrap();
    assert_eq!(
        first.text, again.text,
        "{name}: equal requests have equal answers at temperature 0"
    );
    assert!(first.text.contains("Verdict: Yes"), "{name}: {}", first.text);
    assert_eq!(first.finish, Finish::Stop, "{name}");
    assert!(first.attempts >= 1, "{name}");

    let asked = question();
    let (a, b) = tokio::join!(backend.complete(&asked), backend.complete(&asked));
    assert_eq!(a.unwrap().text, b.unwrap().text, "{name}: at once as one by one");

    drop(
        tokio::time::timeout(std::time::Duration::from_millis(1), backend.complete(&question()))
            .await,
    );
    assert!(
        backend.complete(&question()).await.is_ok(),
        "{name}: a dropped request harms no other"
    );

    if backend.capabilities().await.logprobs == Logprobs::None {
        return;
    }
    let chosen = backend.complete(&choice()).await.unwrap();
    let seen = chosen.distribution.unwrap();
    assert_eq!(
        seen.labels.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>(),
        [" Yes", " No"],
        "{name}"
    );
    let total: f64 = seen.labels.iter().map(|(_, p)| p).sum::<f64>() + seen.missing;
    assert!((total - 1.0).abs() < 1e-6, "{name}: {total}");
    let best = seen.labels.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!(best.0.trim(), chosen.text.trim(), "{name}: the text is the likeliest label");
}

#[tokio::test]
async fn a_script_keeps_it() {
    let script = Script::answering(|request| match request.ask {
        Ask::Choose { .. } => Ok(Completion::text(" Yes")
            .distribution(Distribution::new(vec![(" Yes".into(), 0.9), (" No".into(), 0.1)]))),
        _ => Ok(Completion::text("Verdict: Yes")),
    });
    keeps_the_contract(&script).await;
}

#[tokio::test]
async fn a_function_keeps_it() {
    let mine = from_fn("mine", |_: Request| async { Ok(Completion::text("Verdict: Yes")) });
    assert_eq!(mine.capabilities().await, Capabilities::TEXT);
    keeps_the_contract(&mine).await;
}

#[tokio::test]
async fn an_api_keeps_it() {
    keeps_the_contract(&openai(&server().await.url)).await;
}

#[tokio::test]
async fn a_recording_keeps_it_without_a_request() {
    let folder = Folder::new("contract");
    let path = folder.path("recording.jsonl");
    let server = server().await;
    let recorded = Recorded::new(Arc::new(openai(&server.url)), &path, Vec::new()).unwrap();
    keeps_the_contract(&recorded).await;
    drop(recorded);
    let asked = server.requests();
    keeps_the_contract(&Replay::open(&path).unwrap()).await;
    assert_eq!(server.requests(), asked);
}

#[cfg(all(feature = "llama", feature = "tiny"))]
#[tokio::test]
async fn the_model_in_this_process_keeps_it() {
    let tiny = tribunal::models::Models::default().open("tiny").await.unwrap();
    keeps_the_contract(&*tiny).await;
}

#[tokio::test]
async fn what_a_backend_cannot_be_asked_is_refused_by_its_name_before_anything_is_sent() {
    let server = server().await;
    let remote = openai(&server.url);
    let compare = Ask::Compare { answer: "4".into(), reference: "4".into() };
    let at =
        Ask::ChooseAt { labels: vec!["+".into(), "-".into()], places: vec![1], turns: Vec::new() };
    let refused: [(&dyn Backend, Ask); 3] = [
        (&remote, at),
        (&remote, Ask::Logprobs { of: "4".into(), reference: false }),
        (&remote, compare),
    ];
    for (backend, ask) in refused {
        let error = backend.complete(&question().ask(ask.clone())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        let said = format!("`{}` cannot be asked `{}`", backend.name(), ask.name());
        assert!(error.message().contains(&said), "{error:?}");
    }
    let error = remote.complete(&question().ask(Ask::Reward)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.message().contains("gives no reward"), "{error:?}");
    assert_eq!(server.requests(), 0);
    let check = Check::named("exact").unwrap();
    assert_eq!(check.complete(&question()).await.unwrap_err().kind(), ErrorKind::Unsupported);
}
