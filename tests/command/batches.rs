//! Requests as files that a service answers later.

#![cfg(all(unix, feature = "cli", feature = "openai", feature = "store"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::process::Stdio;

use crate::support::{Place, Ran, Reply, Server, records};
use serde_json::{Value, json};

/// A place with three records, whose settings name a server that answers nothing.
async fn place(name: &str) -> (Place, Server) {
    let place = Place::new(&format!("batches-{name}"));
    place.file("r.jsonl", records(3));
    (place, Server::start(|_| Reply::error(500, &json!({}))).await)
}

async fn run(place: &Place, server: &Server, args: &[&str]) -> Ran {
    let mut command = place.command(args);
    command.env("OPENAI_API_KEY", "k").env("OPENAI_BASE_URL", &server.url).stdin(Stdio::null());
    Ran::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
}

/// The requests in a file.
fn requests(place: &Place, name: &str) -> Vec<Value> {
    place.read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A file of answers, as OpenAI, vLLM and LiteLLM write them: the text is made of the request's.
fn answer(place: &Place, requests: &[Value], text: impl Fn(&Value) -> Value) {
    let line = |request: &Value| {
        let body = json!({
            "id": "c", "object": "chat.completion", "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text(request)}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105},
        });
        let line = json!({
            "id": "batch_req_1", "custom_id": request["custom_id"],
            "response": {"status_code": 200, "request_id": "r", "body": body}, "error": null,
        });
        line.to_string() + "\n"
    };
    // Services answer in any order.
    place.file("answers.jsonl", requests.iter().rev().map(line).collect::<String>());
}

const SCORE: [&str; 4] = ["-p", "score", "-m", "openai/gpt-5-mini"];

#[tokio::test]
async fn answers_of_a_batch_make_the_run_free() {
    let (place, server) = place("free").await;
    let write = [&["batch", "write", "r.jsonl", "-o", "requests.jsonl"][..], &SCORE].concat();
    let written = run(&place, &server, &write).await.passed();
    assert!(written.err.contains("3 requests for 3 of 3 records"), "{}", written.err);
    let requests = requests(&place, "requests.jsonl");
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert_eq!(
            (&request["method"], &request["url"]),
            (&"POST".into(), &"/v1/chat/completions".into())
        );
        assert_eq!(request["body"]["model"], "gpt-5-mini");
        assert_eq!(request["custom_id"].as_str().unwrap().len(), 64);
    }

    answer(&place, &requests, |_| "Fine.\nScore: 7".into());
    let read = run(&place, &server, &["batch", "read", "answers.jsonl"]).await.passed();
    assert!(read.err.contains("put 3 answers into the cache"), "{}", read.err);
    let again = run(&place, &server, &write).await.passed();
    assert!(again.err.contains("nothing to ask"), "{}", again.err);
    assert_eq!(place.read("requests.jsonl"), "");

    let judge = [&["judge", "r.jsonl", "--summary", "s.json"][..], &SCORE].concat();
    let lines = run(&place, &server, &judge).await.passed().lines();
    assert_eq!(
        lines.iter().map(|line| line["score"].as_f64().unwrap()).collect::<Vec<_>>(),
        [7.0; 3]
    );
    let summary: Value = serde_json::from_str(&place.read("s.json")).unwrap();
    assert_eq!((&summary["requests"], &summary["cached"]["answers"]), (&0.into(), &3.into()));
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn equal_requests_are_one_line_and_draws_are_several() {
    let (place, server) = place("equal").await;
    let record = "{\"question\": \"q\", \"answer\": \"a\"}\n";
    place.file("r.jsonl", [record, record].concat());
    let write = ["batch", "write", "r.jsonl", "--draws", "3"];
    let written = run(&place, &server, &[&write[..], &SCORE].concat()).await.passed();
    assert_eq!(written.out.lines().count(), 3, "{}", written.out);
}

#[tokio::test]
async fn later_turns_follow_when_the_first_are_answered() {
    let (place, server) = place("turns").await;
    let prompt = "---\nkind: score\nscale: {min: 1, max: 9}\nverdict: 'Score: *'\n---\nuser:\nThink about {{ question }} {{ answer }}\n\
                  assistant:\n{{ gen('thought') }}\nuser:\nNow the score.\nassistant:\n{{ gen('score') }}\n";
    place.file("two.jinja", prompt);
    let both = ["r.jsonl", "-p", "two.jinja", "-m", "openai/m"];
    let write = [&["batch", "write", "-o", "requests.jsonl"][..], &both].concat();
    for (turn, text) in ["Hm.", "Score: 4"].into_iter().enumerate() {
        run(&place, &server, &write).await.assert_passed();
        let requests = requests(&place, "requests.jsonl");
        assert_eq!(requests.len(), 3, "turn {turn}");
        let turns = requests[0]["body"]["messages"].as_array().unwrap().len();
        assert_eq!(turns, 2 * turn + 1);
        answer(&place, &requests, |_| text.into());
        run(&place, &server, &["batch", "read", "answers.jsonl"]).await.assert_passed();
    }
    let done = run(&place, &server, &write).await.passed();
    assert!(done.err.contains("nothing to ask"), "{}", done.err);
    let lines = run(&place, &server, &[&["judge"][..], &both].concat()).await.passed().lines();
    assert!(lines.iter().all(|line| line["score"] == 4.0), "{lines:?}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn answers_that_were_cut_off_are_asked_for_with_twice_the_tokens() {
    let (place, server) = place("cut").await;
    let judge = ["r.jsonl", "-p", "score", "-m", "openai/m", "--max-tokens", "50"];
    let write = [&["batch", "write", "-o", "requests.jsonl"][..], &judge].concat();
    for (most, text, finish) in [(50, "", "length"), (100, "Fine.\nScore: 4", "stop")] {
        let written = run(&place, &server, &write).await.passed();
        let again = written.err.contains("(3 of them ask again with twice the tokens");
        assert_eq!(again, most == 100, "{}", written.err);
        let requests = requests(&place, "requests.jsonl");
        assert_eq!(requests.len(), 3);
        assert!(requests.iter().all(|r| r["body"]["max_tokens"] == most), "{requests:?}");
        answer(&place, &requests, |_| text.into());
        let answers = place.read("answers.jsonl");
        let finished = format!("\"finish_reason\":\"{finish}\"");
        place.file("answers.jsonl", answers.replace("\"finish_reason\":\"stop\"", &finished));
        run(&place, &server, &["batch", "read", "answers.jsonl"]).await.assert_passed();
    }
    let done = run(&place, &server, &write).await.passed();
    assert!(done.err.contains("nothing to ask"), "{}", done.err);
    let lines = run(&place, &server, &[&["judge"][..], &judge].concat()).await.passed().lines();
    assert!(lines.iter().all(|line| line["score"] == 4.0), "{lines:?}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn answers_that_failed_are_named_and_asked_for_again() {
    let (place, server) = place("failed").await;
    let write = [&["batch", "write", "r.jsonl", "-o", "requests.jsonl"][..], &SCORE].concat();
    run(&place, &server, &write).await.assert_passed();
    let requests = requests(&place, "requests.jsonl");
    answer(&place, &requests[..2], |request| {
        if request == &requests[0] { "".into() } else { "Score: 3".into() }
    });
    let fault = json!({
        "custom_id": requests[2]["custom_id"], "error": null,
        "response": {"status_code": 400, "body": {"error": {"message": "context \u{1b}[2J too long"}}},
    });
    let stranger = json!({"custom_id": "f".repeat(64), "response": {"status_code": 200, "body": {"choices": [{}]}}});
    place.file(
        "answers.jsonl",
        format!("{}{fault}\n{stranger}\nnot json\n", place.read("answers.jsonl")),
    );
    let read = run(&place, &server, &["batch", "read", "answers.jsonl"]).await;
    assert_eq!(read.code, 3, "{}", read.err);
    for words in [
        "answers.jsonl:2: the answer has no text",
        "answers.jsonl:3: the service did not answer: context",
        "answers.jsonl:4",
        "is not the key of a request that was written here",
        "answers.jsonl:5: the line is not an answer of a batch",
        "put 1 answer into the cache; 4 cannot be used",
    ] {
        assert!(read.err.contains(words), "{words} is not in: {}", read.err);
    }
    assert!(!read.err.contains('\u{1b}'), "{}", read.err);
    let again = run(&place, &server, &write).await.passed();
    assert!(again.err.contains("2 requests for 2 of 3 records"), "{}", again.err);
}

#[tokio::test]
async fn anthropic_has_requests_of_its_own_and_local_models_have_none() {
    let (place, server) = place("anthropic").await;
    let mut command =
        place.command(&["batch", "write", "r.jsonl", "-p", "score", "-m", "anthropic/claude"]);
    command.env("ANTHROPIC_API_KEY", "k").stdin(Stdio::null());
    let written = Ran::of(command.output().unwrap()).passed();
    let first: Value = serde_json::from_str(written.out.lines().next().unwrap()).unwrap();
    assert_eq!(first["params"]["model"], "claude");
    assert!(first["params"]["max_tokens"].is_number(), "{first}");
    let script = ["batch", "write", "r.jsonl", "-p", "score", "-m", "script:Score: 3"];
    let refused = run(&place, &server, &script).await;
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("answers no files of requests"), "{}", refused.err);
}

/// `batch write` for a model at OpenAI's own address; nothing is sent.
fn written_for(place: &Place, model: &str, args: &[&str]) -> Ran {
    let mut command = place.command(&[&["batch", "write", "-m", model], args].concat());
    command.env("OPENAI_API_KEY", "k").stdin(Stdio::null());
    Ran::of(command.output().unwrap())
}

#[tokio::test]
async fn a_model_that_thinks_first_writes_its_label_in_a_text() {
    let (place, _) = place("thinks").await;
    let prompt = "---\nkind: label\nfields: {answer: required}\nverdict: {choose: v, values: {'Yes': correct, 'No': incorrect}}\n---\nuser:\nIs {{ answer }} right?\n\
                  assistant:\n{{ choose('v', ['Yes', 'No']) }}\n";
    place.file("choose.jinja", prompt);
    let body = |model: &str| {
        let ran = written_for(&place, model, &["r.jsonl", "-p", "choose.jinja"]).passed();
        let line = ran.out.lines().next().unwrap();
        serde_json::from_str::<Value>(line).unwrap()["body"].clone()
    };
    // Its first token would belong to its thinking.
    let thinks = body("openai/gpt-5-mini");
    assert_eq!((thinks.get("logprobs"), thinks.get("max_completion_tokens")), (None, None));
    let plain = body("openai/gpt-4o");
    assert_eq!(
        (&plain["logprobs"], &plain["max_completion_tokens"]),
        (&true.into(), &1.into()),
        "{plain}"
    );
}

#[tokio::test]
async fn what_an_api_cannot_be_asked_fails_its_record_and_no_other() {
    let (place, _) = place("cannot").await;
    let prompt = "---\nkind: score\nchat: raw\nscale: {min: 1, max: 9}\nfields: {answer: required}\nverdict: 'Score: *'\n---\n\
                  Rate {{ answer }}. Score: {{ gen('score') }}\n";
    place.file("raw.jinja", prompt);
    let args = ["r.jsonl", "-p", "raw.jinja", "-o", "requests.jsonl"];
    let ran = written_for(&place, "openai/gpt-5-mini", &args);
    assert_eq!(ran.code, 3, "{}", ran.err);
    for words in [
        "r.jsonl:3: openai/gpt-5-mini: this API does not accept text without a chat template",
        "nothing to ask: all answers for 0 of 3 records are in the cache, and 3 cannot be asked about",
    ] {
        assert!(ran.err.contains(words), "{words} is not in: {}", ran.err);
    }
    assert_eq!(place.read("requests.jsonl"), "");
}

#[tokio::test]
async fn a_damaged_answer_is_asked_for_again_with_a_warning_and_a_broken_cache_ends_the_command() {
    let (place, server) = place("damaged").await;
    let write = [&["batch", "write", "r.jsonl", "-o", "requests.jsonl"][..], &SCORE].concat();
    run(&place, &server, &write).await.assert_passed();
    answer(&place, &requests(&place, "requests.jsonl"), |_| "Score: 3".into());
    run(&place, &server, &["batch", "read", "answers.jsonl"]).await.assert_passed();
    let store = place.folder.path("home/.cache/tribunal/answers.sqlite");
    let store = rusqlite::Connection::open(store).unwrap();
    let damage = "UPDATE answers SET value = x'00' WHERE key = (SELECT min(key) FROM answers)";
    assert_eq!(store.execute(damage, []).unwrap(), 1);
    let again = run(&place, &server, &write).await.passed();
    assert!(again.err.contains("a damaged answer in"), "{}", again.err);
    assert!(again.err.contains("1 requests for 1 of 3 records"), "{}", again.err);

    store.execute("ALTER TABLE answers RENAME COLUMN value TO worth", []).unwrap();
    drop(store);
    let broken = run(&place, &server, &write).await;
    assert_ne!(broken.code, 0, "{}", broken.out);
    assert!(!broken.err.contains("requests for"), "{}", broken.err);
}
