//! Code of models and answers on the command line: with permission, in the sandbox, and not at all without.

#![cfg(all(feature = "code", feature = "openai", target_os = "linux"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

use serde_json::{Value, json};

use crate::support::{Place, Ran, Reply, Seen, Server, token_reply};

/// Whether this machine has Python.
fn has_python() -> bool {
    let ran = std::process::Command::new("python3").arg("--version").output();
    let has = ran.is_ok_and(|ran| ran.status.success());
    if !has {
        eprintln!("left out: needs python3");
    }
    has
}

/// Problems with a right and a wrong step.
fn sums(place: &Place) {
    let record = json!({"id": "s", "problem": "Add up.", "steps": ["1 + 1 = 2", "2 + 2 = 5"]});
    place.file("sums.jsonl", format!("{record}\n"));
}

/// A server that plays GenPRM: it calculates each step, and judges by what the code printed.
fn plays_gen_prm(seen: &Seen) -> Reply {
    let messages = seen.body["messages"].as_array().unwrap();
    let content = |n: usize| messages[messages.len() - n]["content"].as_str().unwrap();
    let turn = content(1);
    if turn.ends_with("\\boxed{") {
        let yes = if turn.contains("```\nTrue\n```") { 0.9 } else { 0.2 };
        let likeliest = if yes > 0.5 { "Yes" } else { "No" };
        return Reply::Json(token_reply(likeliest, &[("Yes", yes), ("No", 1.0 - yes)]));
    }
    Reply::says(&if turn.ends_with("step by step: ") {
        "I add.\n".to_owned()
    } else if turn.ends_with("```python\n") {
        let step = content(2).lines().next_back().unwrap().replace('=', "==");
        format!("import os\nprint({step})\nassert 'OPENAI_API_KEY' not in os.environ")
    } else {
        "The code decides.\n</verify>\n<output>\n".to_owned()
    })
}

fn judge<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let own = ["judge", "sums.jsonl", "-p", "gen-prm", "-m", "vllm/GenPRM-7B", "--base-url", url];
    own.iter().chain(more).copied().collect()
}

/// Runs the program beside the server.
async fn run(place: &Place, args: &[&str]) -> Ran {
    let mut command = place.command(args);
    command.env("OPENAI_API_KEY", "sk-0123456789").env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let run = tokio::task::spawn_blocking(move || command.output().unwrap());
    Ran::of(run.await.unwrap())
}

#[tokio::test]
async fn gen_prm_runs_the_code_of_the_model_and_never_again() {
    if !has_python() {
        return;
    }
    let place = Place::new("code-gen-prm");
    sums(&place);
    let server = Server::start(plays_gen_prm).await;
    let allowed = judge(&server.url, &["--allow-code", "-o", "out.jsonl", "--record", "tape"]);
    run(&place, &allowed).await.assert_passed();
    let line: Value = serde_json::from_str(&place.read("out.jsonl")).unwrap();
    assert_eq!(line["first_error"], 1, "{line}");
    let steps = line["steps"].as_array().unwrap();
    let p = |n: usize| steps[n]["p"].as_f64().unwrap();
    assert!((p(0) - 0.9).abs() < 1e-6 && (p(1) - 0.2).abs() < 1e-6, "{line}");
    let calls = line["votes"][0]["calls"].as_array().unwrap();
    let outputs: Vec<&Value> =
        calls.iter().filter(|call| call["name"] == "output").map(|call| &call["text"]).collect();
    assert_eq!(outputs, ["True", "False"]);
    let asked = server.requests();
    // All answers are in the cache, those of the sandbox too: a Python that does not exist is not missed.
    let ran = run(&place, &["reparse", "out.jsonl", "--quiet"]).await.passed();
    assert_eq!(ran.lines()[0]["first_error"], 1);
    run(&place, &judge(&server.url, &["--allow-code", "-o", "again.jsonl"])).await.assert_passed();
    assert_eq!(server.requests(), asked);
    let replay = ["judge", "sums.jsonl", "-p", "gen-prm", "-m", "replay:tape"];
    let ran = run(&place, &replay).await.passed();
    assert_eq!(ran.lines()[0]["first_error"], 1, "a recording needs no sandbox");
}

#[tokio::test]
async fn a_benchmark_runs_the_code_of_its_judge_with_permission_alone() {
    if !has_python() {
        return;
    }
    let place = Place::new("code-bench");
    let record = json!({"id": "gsm8k-1", "problem": "Add up.", "steps": ["1 + 1 = 2", "2 + 2 = 5"], "label": 1});
    place.file("solutions.jsonl", record.to_string());
    let server = Server::start(plays_gen_prm).await;
    let model = ["-p", "gen-prm", "-m", "vllm/GenPRM-7B", "--base-url", &server.url, "--json"];
    let args = [&["bench", "processbench", "solutions.jsonl"][..], &model].concat();
    let refused = run(&place, &args).await;
    assert_eq!((refused.code, server.requests()), (2, 0), "{}", refused.err);
    assert!(refused.err.contains("--allow-code"), "{}", refused.err);
    let ran = run(&place, &[&args[..], &["--allow-code"]].concat()).await.passed();
    let figures: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&figures["judgments"], &figures["unreadable"]), (&json!(1), &json!(0)));
    let rows = figures["figures"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["official"] == 1.0), "{}", ran.out);
}

#[tokio::test]
async fn without_permission_nothing_is_sent_and_the_error_names_the_flag() {
    let place = Place::new("code-refused");
    sums(&place);
    let server = Server::start(plays_gen_prm).await;
    let ran = run(&place, &judge(&server.url, &[])).await;
    assert_eq!((ran.code, server.requests()), (2, 0), "{}", ran.err);
    assert!(
        ran.err.contains("needs your permission") && ran.err.contains("--allow-code"),
        "{}",
        ran.err
    );
    place.file("tests.jsonl", "{\"answer\": \"x = 1\", \"tests\": \"assert x == 1\"}\n");
    let ran = run(&place, &["judge", "tests.jsonl", "-m", "check:tests"]).await;
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("--allow-code"), "{}", ran.err);
}

#[tokio::test]
async fn a_found_file_may_not_allow_code_by_itself() {
    let place = Place::new("code-found");
    place.file("tests.jsonl", "{\"answer\": \"x = 1\", \"tests\": \"assert x == 1\"}\n");
    let toml = "[judge.j]\nmodel = 'check:tests'\nallow_code = true\npython = './python'\n";
    place.file("tribunal.toml", toml);
    let ran = run(&place, &["judge", "tests.jsonl"]).await;
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("allow_code runs code"), "{}", ran.err);
    assert!(ran.err.contains("python runs the program"), "{}", ran.err);
}

#[tokio::test]
async fn a_machine_without_python_says_so_before_the_first_record() {
    let place = Place::new("code-no-python");
    place.file("tests.jsonl", "{\"answer\": \"x = 1\", \"tests\": \"assert x == 1\"}\n");
    let args = ["judge", "tests.jsonl", "-m", "check:tests", "--allow-code"];
    let mut command = place.command(&args);
    command.env("PATH", place.folder.path("nothing"));
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("install Python 3") && ran.err.contains("--python"), "{}", ran.err);
}

/// Answers in the forms of common data sets, with the share of tests that they pass.
fn solutions() -> Vec<(Value, Option<f64>)> {
    let add = "Here it is:\n```python\ndef add(a, b):\n    return a + b\n```\n";
    let sub = "```python\ndef add(a, b):\n    return a - b\n```";
    let reads = "```python\nprint(sum(map(int, input().split())))\n```";
    let cases = json!([{"input": "1 2\n", "output": "3\n"}, {"input": "5 5\n", "output": "10"}]);
    let check = "def check(candidate):\n    assert candidate(1, 2) == 3\n";
    let calls =
        json!([{"input": "1\n2", "output": "3", "testtype": "functional", "function": "add"}]);
    let tests = json!(["assert add(1, 2) == 3", "assert add(2, 0) == 2"]);
    vec![
        (json!({"answer": add, "tests": tests}), Some(1.0)),
        (json!({"answer": sub, "tests": tests}), Some(0.5)),
        (json!({"answer": add, "test_list": tests, "test_setup_code": "import math"}), Some(1.0)),
        (json!({"answer": add, "test": check, "entry_point": "add"}), Some(1.0)),
        (
            json!({"answer": add, "tests": "def test_one():\n    assert add(1, 1) == 2\n\ndef test_two():\n    assert add(1, 1) == 3\n"}),
            Some(0.5),
        ),
        (json!({"answer": reads, "tests": cases.to_string()}), Some(1.0)),
        (json!({"answer": reads, "inputs": ["1 2", "x"], "outputs": ["3", "0"]}), Some(0.5)),
        (json!({"answer": add, "tests": calls}), Some(1.0)),
        (
            json!({"answer": "class Solution:\n    def add(self, a, b):\n        return a + b", "inputs": [[1, 2]], "outputs": [3], "fn_name": "add"}),
            Some(1.0),
        ),
        (json!({"answer": "```python\ndef add(a, b:\n```", "tests": tests}), Some(0.0)),
        (json!({"answer": "```python\nimport os\nos._exit(0)\n```", "tests": tests}), Some(0.0)),
        (json!({"answer": "```python\nraise SystemExit(0)\n```", "tests": tests}), Some(0.0)),
        (
            json!({"answer": "```python\ndef add(a, b):\n    while True:\n        pass\n```", "tests": ["assert add(1, 2) == 3"]}),
            Some(0.0),
        ),
        (json!({"answer": "I cannot write this function.", "tests": tests}), None),
        (json!({"answer": "", "tests": tests}), None),
        (json!({"answer": add, "tests": "assert add(1, 2) =="}), None),
    ]
}

#[tokio::test]
async fn code_is_right_if_all_tests_pass_and_without_code_there_is_no_verdict() {
    if !has_python() {
        return;
    }
    let place = Place::new("code-tests");
    let records: String = solutions().iter().map(|(record, _)| format!("{record}\n")).collect();
    place.file("tests.jsonl", records);
    let args = ["judge", "tests.jsonl", "-m", "check:tests", "--allow-code"];
    let labels = run(&place, &args).await;
    let shares = run(&place, &[&args[..], &["-p", "check-tests-share"]].concat()).await;
    assert_eq!((labels.code, shares.code), (0, 0), "{}{}", labels.err, shares.err);
    for ((record, share), (label, score)) in
        solutions().iter().zip(labels.lines().iter().zip(shares.lines()))
    {
        let verdict = share.map(|share| if share < 1.0 { "incorrect" } else { "correct" });
        assert_eq!(label["label"].as_str(), verdict, "{record}: {label}");
        assert_eq!(score["score"].as_f64(), *share, "{record}: {score}");
    }
    let slow = &labels.lines()[12];
    assert_eq!(
        slow["critique"].as_str().unwrap().lines().next(),
        Some("Passed 0 of 1 tests. Test 1 fails: it takes too long.")
    );
}

#[tokio::test]
async fn tests_of_no_known_form_cost_their_record() {
    if !has_python() {
        return;
    }
    let place = Place::new("code-odd-tests");
    place.file("tests.jsonl", "{\"answer\": \"x = 1\"}\n{\"answer\": \"x = 1\", \"tests\": [1]}\n{\"answer\": \"x = 1\", \"tests\": [\"assert x == 1\"]}\n");
    let ran = run(&place, &["judge", "tests.jsonl", "-m", "check:tests", "--allow-code"]).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    let lines = ran.lines();
    assert!(lines[..2].iter().all(|line| line["error"].is_object()), "{lines:?}");
    assert_eq!(lines[2]["label"], "correct");
}

#[tokio::test]
async fn what_confines_code_is_shown() {
    if !has_python() {
        return;
    }
    let place = Place::new("code-shown");
    let ran = run(&place, &["sandbox"]).await.passed();
    assert!(ran.out.contains("seccomp") && ran.out.contains("5s per block"), "{}", ran.out);
    let ran = run(&place, &["sandbox", "--python", "/nowhere/python3"]).await;
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("/nowhere/python3"), "{}", ran.err);
}
