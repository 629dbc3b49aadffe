//! `tribunal bench` uses the settings of models, servers and engines as `tribunal judge` does.

use super::command::{figures, sums};
use crate::support::{Place, Ran, Reply, Seen, Server, obedient::run};
use serde_json::{Value, json};

const BENCH: [&str; 5] = ["bench", "rewardbench", "pairs.jsonl", "--json", "-q"];

fn place(name: &str) -> Place {
    let place = Place::new(&format!("bench-settings-{name}"));
    place.file("pairs.jsonl", sums());
    place
}

fn bench<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&BENCH[..], more].concat()
}

/// Starts a run, and kills it once the server has seen so many requests.
async fn killed(place: &Place, server: &Server, args: &[&str], requests: usize) {
    let reach = ["-m", "judge-1", "--base-url", &server.url];
    let mut child = place.start(&[args, &reach].concat());
    while server.requests() < requests {
        tokio::task::yield_now().await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn no_request_begins_after_the_deadline_and_a_rerun_pays_for_the_rest() {
    let (place, server) = (place("deadline"), Server::start(|_| Reply::says("[[A]]")).await);
    let args = bench(&["-j", "1", "-o", "lines.jsonl"]);
    let ran = run(&place, &server, &[&args[..], &["--deadline", "1ms"]].concat()).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("--deadline ") && server.requests() < 3, "{}", ran.err);
    let whole = run(&place, &server, &args).await.passed();
    assert_eq!((figures(&whole.out)["missing"].clone(), server.requests()), (json!(0), 3));
}

#[tokio::test]
async fn a_killed_run_pays_only_for_what_is_left_also_within_a_record() {
    let place = place("killed");
    let server = Server::start(|seen: &Seen| match seen.index {
        3 => Reply::Hang,
        _ => Reply::says("[[A]]"),
    })
    .await;
    // Both orders of three pairs: the second pair has one answer when the run is killed.
    let args = bench(&["-j", "1", "--order", "both", "-o", "lines.jsonl"]);
    killed(&place, &server, &args, 4).await;
    let ran = run(&place, &server, &args).await.passed();
    assert_eq!(
        (figures(&ran.out)["votes"].clone(), figures(&ran.out)["failed"].clone()),
        (json!(6), json!(0))
    );
    assert_eq!(server.requests(), 7, "one request had no answer");
    let ids = place.read("lines.jsonl");
    let ids: Vec<Value> = ids.lines().map(|line| figures(line)["id"].clone()).collect();
    assert_eq!(ids, ["0", "1", "2"]);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_were_asked_for() {
    let (place, server) = (place("concurrency"), Server::start(|_| Reply::Hang).await);
    killed(&place, &server, &bench(&["-j", "2"]), 2).await;
    assert_eq!(server.requests(), 2);
    let server = Server::start(|_| Reply::Hang).await;
    killed(&place, &server, &bench(&["-j", "3"]), 3).await;
}

#[tokio::test]
async fn a_request_without_an_answer_is_given_up_and_sent_again() {
    let place = place("timeout");
    let server = Server::start(|seen: &Seen| match seen.index {
        0 => Reply::Hang,
        _ => Reply::says("[[A]]"),
    })
    .await;
    let ran = run(&place, &server, &bench(&["-j", "1", "--timeout", "300ms"])).await.passed();
    assert_eq!((figures(&ran.out)["failed"].clone(), server.requests()), (json!(0), 4));
}

#[tokio::test]
async fn settings_of_a_model_in_the_file_reach_its_requests() {
    let (place, server) = (place("file"), Server::start(|_| Reply::says("[[A]]")).await);
    let url = &server.url;
    place.file(
        "mine.toml",
        format!(
            "[judge.mine]\nmodel = 'm'\n\
             sampling = {{ temperature = 0.5, seed = 11, max_tokens = 3 }}\n\
             [model.m]\nname = 'openai/some-model'\nbase_url = '{url}'\nkey_variable = 'MY_KEY'\n\
             extra = {{ top_k = 5 }}\nprice = {{ prompt = 0.0, completion = 1000000.0 }}\n"
        ),
    );
    let run = |more: &[&str]| {
        let judge = ["-c", "mine.toml", "--judge", "mine", "-j", "1", "-o", "lines.jsonl"];
        let mut command = place.command(&[&BENCH[..], &judge, more].concat());
        command.env("MY_KEY", "a-key").stdin(std::process::Stdio::null());
        tokio::task::spawn_blocking(move || Ran::of(command.output().unwrap()))
    };
    // Three tokens of an answer cost 3: two answers fit.
    let part = run(&["--max-cost", "6"]).await.unwrap();
    assert_eq!((part.code, server.requests()), (3, 2), "{}", part.err);
    assert!(part.err.contains("--max-cost"), "{}", part.err);
    run(&[]).await.unwrap().assert_passed();
    assert_eq!(server.requests(), 3);
    for Seen { body, headers, .. } in server.seen() {
        assert_eq!(body["model"], "some-model");
        let sampling = ["temperature", "seed", "top_k"].map(|key| body[key].as_f64().unwrap());
        assert!(
            sampling.iter().zip([0.5, 11.0, 5.0]).all(|(one, two)| (one - two).abs() < 1e-6),
            "{body}"
        );
        assert!(body["max_tokens"] == 3 || body["max_completion_tokens"] == 3, "{body}");
        assert_eq!(headers["authorization"], "Bearer a-key");
    }
    let manifest = figures(&place.read("lines.jsonl.run.json"));
    assert_eq!(manifest["model"]["settings"]["base_url"], *url);
}

/// The same settings as in `judge`: they reach the engine, and wrong ones are refused.
#[cfg(all(feature = "llama", feature = "tiny"))]
#[test]
fn settings_of_a_model_in_this_process_reach_its_engine() {
    let place = place("engine");
    let flags =
        ["-m", "tiny", "--width", "3", "--kv-type", "q8_0", "--context", "512", "--threads", "1"];
    let args = ["bench", "rewardbench", "pairs.jsonl", "--summary", "s.json", "-v"];
    let ran = place.run(&[&args, &flags[..]].concat()).passed();
    let chosen = "tiny: context 512 tokens, width 3, threads 1, no layers on a GPU";
    assert!(ran.err.contains(chosen) && ran.err.contains("(q8_0)"), "{}", ran.err);
    assert_eq!(figures(&place.read("s.json"))["engine"]["width"], 3);
    let toml =
        |line: &str| format!("[judge.j]\nmodel = 'mine'\n[model.mine]\nname = 'tiny'\n{line}\n");
    place.file("tribunal.toml", toml("width = 2"));
    let of_file = ["--judge", "j", "--summary", "t.json", "-q"];
    place.run(&[&args[..3], &of_file].concat()).assert_passed();
    assert_eq!(figures(&place.read("t.json"))["engine"]["width"], 2);
    for (flags, says) in [
        (&["-m", "tiny", "--width", "300"][..], "300 is not a number from 1 to 256"),
        (&["-m", "tiny", "--kv-type", "q9"], "f32, f16, bf16, q8_0"),
        (&["-m", "script:[[A]]", "--width", "3"], "has no setting `width`"),
    ] {
        let ran = place.run(&bench(flags));
        assert!(ran.code == 2 && ran.err.contains(says), "{flags:?}: {} {}", ran.code, ran.err);
    }
}
