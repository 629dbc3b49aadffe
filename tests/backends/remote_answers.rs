//! How answers of servers end, what they are packed in, and what they lack: found in reports of people who met it.

#![cfg(all(feature = "cli", feature = "openai", feature = "store"))]

use std::{io::Write as _, process::Stdio};

use serde_json::{Value, json};
use tribunal::{
    backend::{Backend, Logprobs},
    completion::Finish,
    error::ErrorKind,
    request::Ask,
};

use crate::support::{
    Place, Ran, Reply, Server, chat_reply, listen, logged, obedient,
    openai::{asked, choice, model, question, retried, shown},
    token_reply,
};

const RECORDS: &str = "{\"id\":\"a\",\"question\":\"2+2?\",\"answer\":\"4\"}\n";

/// An answer of the model that ends with this finish reason.
fn ending(text: &str, reason: &Value) -> Value {
    let mut reply = chat_reply(text);
    reply["choices"][0]["finish_reason"] = reason.clone();
    reply
}

async fn judged(place: &Place, server: &Server, more: &[&str]) -> Ran {
    let file = place.file("r.jsonl", RECORDS);
    obedient::run(place, server, &[&["judge", &file, "-p", "score", "--reask", "0"], more].concat())
        .await
}

// ── how an answer ends ─────────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_text_is_whole_only_where_its_finish_reason_is_a_clean_end() {
    let clean = [
        json!("stop"),
        json!("STOP"),
        json!("eos"),
        json!("EOS_TOKEN"),
        json!("end_turn"),
        json!("stop_sequence"),
        json!("COMPLETE"),
        json!("completed"),
        json!("done"),
        json!(""),
        json!(null),
        json!({"type": "stop", "matched": 2}),
    ];
    let cut = ["length", "MAX_TOKENS", "model_length", "max_length", "max_output_tokens"];
    let filtered = ["content_filter", "SAFETY", "refusal", "RECITATION", "PROHIBITED_CONTENT"];
    let other = ["error", "OTHER", "weird", "2"];
    for reason in &clean {
        let reply = ending("Score: 9", reason);
        let (answer, _) = asked(&question(), move |_| Reply::Json(reply.clone())).await;
        assert_eq!(answer.unwrap().finish, Finish::Stop, "{reason}");
    }
    for (words, finish) in [(cut, Finish::Length), (filtered, Finish::Filtered)] {
        for word in words {
            let reply = ending("Score: 9", &word.into());
            let (answer, _) = asked(&question(), move |_| Reply::Json(reply.clone())).await;
            assert_eq!(answer.unwrap().finish, finish, "{word}");
        }
    }
    for word in other {
        let reply = ending("Score: 9", &word.into());
        let (answer, _) = asked(&question(), move |_| Reply::Json(reply.clone())).await;
        assert_eq!(answer.unwrap().finish, Finish::Other(word.into()), "{word}");
    }
}

#[tokio::test]
async fn half_a_text_is_unreadable_and_its_unknown_end_is_named() {
    let place = Place::new("remote-half");
    let half = "Score: 9 would be too kind, for";
    for (word, reason) in [
        ("MAX_TOKENS", "truncated"),
        ("model_length", "truncated"),
        ("error", "truncated"),
        ("weird", "truncated"),
        ("SAFETY", "refused"),
    ] {
        let server = Server::start(move |_| Reply::Json(ending(half, &word.into()))).await;
        let ran = judged(&place, &server, &["--cache", "off"]).await;
        assert_eq!(ran.lines()[0]["unreadable"]["reason"], reason, "{word}: {}", ran.out);
        let named = ran.err.matches(&format!("`{word}`")).count();
        let expected = if matches!(word, "error" | "weird") { 2 } else { 0 };
        assert_eq!(named, expected, "once as it comes and once in the summary: {}", ran.err);
    }
}

#[tokio::test]
async fn a_clean_end_of_ones_own_is_listed_in_the_configuration() {
    let place = Place::new("remote-clean");
    let server = Server::start(|_| Reply::Json(ending("Fine.\nScore: 9", &"Weird".into()))).await;
    place.file(
        "tribunal.toml",
        format!("[model.odd]\nname = \"m\"\nbase_url = \"{}\"\n", server.url),
    );
    let file = place.file("r.jsonl", RECORDS);
    let run = async |args: &[&str]| {
        let mut command = place.command(args);
        command.env("OPENAI_API_KEY", "k").stdin(Stdio::null());
        Ran::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
    };
    let judge = ["judge", &file, "-c", "tribunal.toml", "-m", "odd", "-p", "score", "--reask", "0"];
    let line = |ran: &Ran| ran.lines()[0].clone();

    let cut = run(&[judge.as_slice(), &["--record", "t.jsonl"]].concat()).await;
    assert_eq!(line(&cut)["unreadable"]["reason"], "truncated", "{}", cut.err);
    assert!(cut.err.contains("clean_finish"), "{}", cut.err);
    assert_eq!(line(&cut)["votes"][0]["calls"][0]["finish"], "Weird");
    let cached = run(&judge).await;
    assert_eq!(line(&cached)["unreadable"]["reason"], "truncated");
    let replayed = run(&["judge", &file, "-m", "replay:t.jsonl", "-p", "score"]).await;
    assert_eq!(line(&replayed)["unreadable"]["reason"], "truncated", "{}", replayed.err);
    place.file("old.jsonl", &cut.out);
    let reparsed = run(&["reparse", "old.jsonl"]).await;
    assert_eq!(line(&reparsed)["unreadable"]["reason"], "truncated", "{}", reparsed.err);

    let asked = server.requests();
    place.file(
        "tribunal.toml",
        format!(
            "[model.odd]\nname = \"m\"\nbase_url = \"{}\"\nclean_finish = [\"WEIRD\"]\n",
            server.url
        ),
    );
    let whole = run(&judge).await;
    assert_eq!(line(&whole)["score"], 9, "{}", whole.err);
    assert!(!whole.err.contains("eird"), "{}", whole.err);
    assert_eq!(server.requests(), asked, "the answer was cached with its own word");
    let reparsed = run(&["reparse", "old.jsonl", "-c", "tribunal.toml", "-m", "odd"]).await;
    assert_eq!(line(&reparsed)["score"], 9, "{}", reparsed.err);
}

#[tokio::test]
async fn an_answer_of_tool_calls_only_is_said_to_be_one() {
    let place = Place::new("remote-tools");
    let mut reply = ending("", &"tool_calls".into());
    reply["choices"][0]["message"] = json!({
        "content": null,
        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    });
    for reason in ["tool_calls", "stop", "function_call"] {
        reply["choices"][0]["finish_reason"] = reason.into();
        let sent = reply.clone();
        let server = Server::start(move |_| Reply::Json(sent.clone())).await;
        let ran = judged(&place, &server, &["--cache", "off"]).await;
        let why = &ran.lines()[0]["unreadable"];
        assert_eq!(why["reason"], "empty", "{reason}: {}", ran.out);
        assert!(why["detail"].as_str().unwrap().contains("tool calls only"), "{why}");
    }
}

// ── bodies ─────────────────────────────────────────────────────────────────────────────────────────

#[expect(clippy::needless_pass_by_value, reason = "cases read better without borrows")]
fn piece(delta: Value, end: Value) -> String {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": end});
    format!("data: {}\n\n", json!({"object": "chat.completion.chunk", "choices": [choice]}))
}

#[tokio::test]
async fn a_stream_that_nobody_asked_for_is_read() {
    let begun = piece(json!({"role": "assistant", "content": ""}), Value::Null)
        + &piece(json!({"reasoning_content": "hm"}), Value::Null)
        + &piece(json!({"content": "Sco"}), Value::Null);
    let ended = piece(json!({"content": "re: 7"}), "stop".into());
    let usage =
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\n";
    let stream = format!(": ping\n\n{begun}{ended}{usage}data: [DONE]\n\n");
    for body in [stream.clone(), stream.replace('\n', "\r\n")] {
        let headers = vec![("content-type", "text/event-stream".to_owned())];
        let (answer, server) = asked(&question(), move |_| {
            Reply::Text(200, headers.clone(), body.clone().into_bytes())
        })
        .await;
        let answer = answer.unwrap();
        assert_eq!((answer.text.as_str(), answer.thinking.as_deref()), ("Score: 7", Some("hm")));
        assert_eq!((answer.usage.prompt, answer.usage.completion), (Some(5), Some(2)));
        assert_eq!(server.seen()[0].body["stream"], false);
    }
    let whole = format!("{}\ndata: [DONE]\n\n", chat_reply("fine"));
    let (answer, _) =
        asked(&question(), move |_| Reply::Text(200, vec![], whole.clone().into_bytes())).await;
    assert_eq!(answer.unwrap().text, "fine");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_asked_for_again() {
    let begun = piece(json!({"content": "Score: 9"}), Value::Null);
    let server = Server::start(move |seen| match seen.index {
        0 => Reply::Text(200, vec![], begun.clone().into_bytes()),
        _ => Reply::says("fine"),
    })
    .await;
    let answer = retried(&server, "openai").complete(&question()).await;
    assert_eq!((answer.unwrap().text.as_str(), server.requests()), ("fine", 2));
}

#[tokio::test]
async fn an_error_within_a_stream_is_an_error() {
    let body = piece(json!({"content": "Sco"}), Value::Null)
        + "data: {\"error\":{\"message\":\"overloaded\",\"code\":429}}\n\n";
    let (answer, server) =
        asked(&question(), move |_| Reply::Text(200, vec![], body.clone().into_bytes())).await;
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::RateLimited, 1));
    assert!(shown(&error).contains("overloaded"), "{error:?}");
}

#[tokio::test]
async fn packed_answers_are_unpacked() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(chat_reply("fine").to_string().as_bytes()).unwrap();
    let body = gzip.finish().unwrap();
    let headers = vec![("content-encoding", "gzip".to_owned())];
    let (answer, _) =
        asked(&question(), move |_| Reply::Text(200, headers.clone(), body.clone())).await;
    assert_eq!(answer.unwrap().text, "fine");
    let headers = vec![("content-encoding", "br".to_owned())];
    let (answer, _) =
        asked(&question(), move |_| Reply::Text(200, headers.clone(), b"xyz".to_vec())).await;
    assert!(shown(&answer.unwrap_err()).contains("`br`"));
}

#[tokio::test]
async fn the_first_choice_is_the_one_of_the_least_index() {
    let choice = |index: u64, text: &str| json!({"index": index, "message": {"content": text}, "finish_reason": "stop"});
    let reply = json!({"choices": [choice(1, "second"), choice(0, "first")]});
    let (answer, _) = asked(&question(), move |_| Reply::Json(reply.clone())).await;
    assert_eq!(answer.unwrap().text, "first");
}

// ── what is not reported ───────────────────────────────────────────────────────────────────────────

#[tokio::test]
async fn tokens_that_are_not_reported_are_unknown_and_cost_nobody_knows_what() {
    let place = Place::new("remote-usage");
    for usage in [json!(null), json!({}), json!({"prompt_tokens": 0, "completion_tokens": 0})] {
        let mut reply = chat_reply("Fine.\nScore: 9");
        reply["usage"] = usage.clone();
        let server = Server::start(move |_| Reply::Json(reply.clone())).await;
        place.file(
            "tribunal.toml",
            format!(
                "[model.m]\nname = \"x\"\nbase_url = \"{}\"\nprice = {{ prompt = 1.0, completion = 2.0 }}\n",
                server.url
            ),
        );
        let file = place.file("r.jsonl", RECORDS);
        let mut command = place.command(&[
            "judge",
            &file,
            "-c",
            "tribunal.toml",
            "-m",
            "m",
            "-p",
            "score",
            "--cache",
            "off",
        ]);
        command.stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
        let ran = Ran::of(output.unwrap());
        let line = &ran.lines()[0];
        assert_eq!((&line["score"], &line["cost"]), (&json!(9), &Value::Null), "{usage}");
        assert!(ran.err.contains("cost unknown"), "{}", ran.err);
        assert!(ran.err.contains("did not report the tokens of 1 answer"), "{}", ran.err);
    }
}

#[tokio::test]
async fn log_probabilities_that_never_come_are_said_once() {
    listen();
    let mut reply = chat_reply("Yes");
    reply["choices"][0]["logprobs"] = Value::Null;
    let server = Server::start(move |_| Reply::Json(reply.clone())).await;
    let backend = model(&server, "openai");
    assert_eq!(backend.capabilities().await.logprobs, Logprobs::Top);
    let request = question().ask(Ask::Generate { top_logprobs: Some(20) });
    backend.complete(&request).await.unwrap();
    assert_eq!(backend.complete(&choice(&["Yes", "No"])).await.unwrap().distribution, None);
    assert_eq!(backend.capabilities().await.logprobs, Logprobs::None);
    assert_eq!(logged().matches("reports no log-probabilities").count(), 1);

    // One that came shows that they can be had.
    let server = Server::start(|seen| match seen.index {
        0 => Reply::Json(token_reply("Yes", &[("Yes", 0.8), ("No", 0.2)])),
        _ => Reply::says("Yes"),
    })
    .await;
    let backend = model(&server, "openai");
    backend.complete(&choice(&["Yes", "No"])).await.unwrap();
    backend.complete(&choice(&["Yes", "No"])).await.unwrap();
    assert_eq!(backend.capabilities().await.logprobs, Logprobs::Top);
}
