//! Errors and hints of a run, as they are printed: records, files, servers and budgets.

#![cfg(all(feature = "cli", feature = "openai", feature = "llama", feature = "store"))]

use super::snapshots_errors::{judge, place};
use crate::support::{Place, Ran, Reply, Server};
use insta::assert_snapshot;
use serde_json::json;

/// What `tribunal judge` prints when the server answers every request with this status and message.
async fn refused(name: &str, status: u16, error: serde_json::Value) -> String {
    let server = Server::start(move |_| Reply::error(status, &json!({"error": error}))).await;
    let place = place(name);
    let args =
        ["judge", "r.jsonl", "-p", "score", "-m", "openai/m", "-q", "--base-url", &server.url];
    let ran = Ran::ended(place.start(&args)).await;
    place.messages(&ran)
}

#[test]
fn records() {
    let place = place("records");
    let judge = |file: &str, text: &str| {
        place.file(file, text);
        let args = ["judge", file, "-m", "script:Fine.\nScore: 7", "-p", "score", "-q"];
        place.messages(&place.run(&args))
    };
    assert_snapshot!(place.shown(&["judge", "absent.jsonl"]), @r#"
    exit code 2
    ----- stderr
    error: there is no file `absent.jsonl`
    hint: name a file, a folder, a pattern such as 'drafts/*.md', or - for standard input
    "#);
    assert_snapshot!(judge("broken.jsonl", "{\"question\": \"q\", \"answer\": \"a\"\n"), @r#"
    exit code 3
    ----- stderr
    error: broken.jsonl:1: the line breaks off at column 31
    "#);
    assert_snapshot!(judge("empty.jsonl", "{}\n"), @r#"
    exit code 3
    ----- stderr
    error: empty.jsonl:1: score: the record has no field `answer`
    hint: the record is empty
    "#);
    assert_snapshot!(judge("null.jsonl", "{\"question\": \"q\", \"answer\": null}\n"), @r#"
    exit code 3
    ----- stderr
    error: null.jsonl:1: score: the record's field `answer` is empty, or has the wrong type
    "#);
    assert_snapshot!(judge("number.jsonl", "7\n"), @r#"
    exit code 3
    ----- stderr
    error: number.jsonl:1: a record is a JSON object, and this line is a number
    "#);
    assert_snapshot!(judge("columns.json", "{\"question\": [\"q\", \"r\"], \"answer\": [\"a\", \"b\"]}"), @r#"
    exit code 3
    ----- stderr
    error: columns.json:1: it holds columns, and a record has one value in each field
    hint: write one record per line: in pandas df.to_json('x.jsonl', orient='records', lines=True)
    "#);
    assert_snapshot!(judge("nothing.jsonl", ""), @r#"
    exit code 3
    ----- stderr
    error: nothing.jsonl: it holds no records
    hint: a record is a line of JSON, a row below a header, or a plain file with text in it
    "#);
    assert_snapshot!(judge("short.csv", "question,answer\nq\n"), @r#"
    exit code 3
    ----- stderr
    error: short.csv:2: the row has 1 cell, and the header names 2 columns
    hint: put cells that hold the delimiter in double quotes, or name another one with --delimiter ';'
    "#);
    assert_snapshot!(place.shown(&["judge", "*.md", "-m", "script:x"]), @r#"
    exit code 2
    ----- stderr
    error: no file matches `*.md`
    hint: ** matches folders of any depth, as in 'drafts/**/*.md'
    "#);
}

#[test]
fn files_that_are_written() {
    let place = place("files");
    assert_snapshot!(judge(&place, &["-o", "absent/v.jsonl"]), @r#"
    exit code 2
    ----- stderr
    error: cannot write `absent/v.jsonl`: there is no folder `absent`
    hint: create the folder first, or name another one
    "#);
    assert_snapshot!(judge(&place, &["-o", "v.xlsx"]), @r#"
    exit code 2
    ----- stderr
    shown to the judge: question, answer
    error: results cannot be written as `.xlsx`
    hint: name a file that ends in .jsonl, .json, .csv, .tsv or .parquet
    "#);
    assert_snapshot!(judge(&place, &["-o", "r.jsonl"]), @r#"
    exit code 2
    ----- stderr
    error: -o would write to `r.jsonl`, which is an input
    hint: name another file
    "#);
    assert_snapshot!(judge(&place, &["-o", "v.csv", "--format", "json"]), @r#"
    exit code 2
    ----- stderr
    shown to the judge: question, answer
    error: --format cannot be used with -o
    hint: the file name sets the format, such as -o verdicts.csv
    "#);
    place.file("taken.csv", "a,b\n");
    assert_snapshot!(judge(&place, &["-o", "taken.csv"]), @r#"
    exit code 2
    ----- stderr
    shown to the judge: question, answer
    error: `[FOLDER]/taken.csv` exists already
    hint: name another file, or move it away
    "#);
    place.file("taken.jinja", "");
    assert_snapshot!(judge(&place, &["--save", "taken.jinja"]), @r#"
    exit code 2
    ----- stderr
    shown to the judge: question, answer
    error: cannot save the prompt as `taken.jinja`: File exists
    hint: name a file that does not exist yet
    "#);
    assert!(place.run(&["init"]).passed().out.is_empty());
    assert_snapshot!(place.shown(&["init"]), @r#"
    exit code 2
    ----- stderr
    error: `tribunal.toml` exists already
    hint: name another folder, such as: tribunal init my-judge
    "#);
    place.file("one.jsonl", "{\"id\": \"x\", \"score\": 1}\n");
    place.file("two.jsonl", "{\"id\": \"y\", \"score\": 2}\n");
    assert_snapshot!(place.shown(&["diff", "one.jsonl", "two.jsonl"]), @r#"
    exit code 2
    ----- stderr
    error: the two files have no record in common
    hint: records are matched by id: judge the same input for both files
    "#);
    place.file("words.jsonl", "{\"id\": \"x\", \"label\": \"good\"}\n{\"id\": \n");
    let words = place.run(&["diff", "one.jsonl", "words.jsonl"]);
    assert!(words.code == 2 && words.err.contains("words.jsonl:2: the line is not a result"));
    assert!(words.err.contains("one file holds numbers and the other words"), "{}", words.err);
    assert_snapshot!(place.shown(&["diff", "one.jsonl", "taken.csv"]), @r#"
    exit code 2
    ----- stderr
    error: `taken.csv` is a table; `diff` reads lines of JSON
    hint: judge into a .jsonl file: tribunal judge … -o verdicts.jsonl
    hint: verdicts from other tools need an id and a value: {"id": "q7", "score": 8}
    "#);
    assert_snapshot!(place.shown(&["reparse", "r.jsonl", "-p", "score"]), @r#"
    exit code 2
    ----- stderr
    error: r.jsonl:1: the line is not a result: it holds no verdict, no `unreadable` and no `error`
    hint: use a .jsonl file that `tribunal judge` wrote
    "#);
}

#[tokio::test]
async fn servers() {
    let message = |text: &str| json!({"message": text});
    assert_snapshot!(refused("401", 401, message("Incorrect API key provided: k.")).await, @r#"
    exit code 3
    ----- stderr
    error: r.jsonl:1: http://[ADDRESS]/v1 answered 401 Unauthorized: Incorrect API key provided: k.
    hint: the key was read from OPENAI_API_KEY
    "#);
    assert_snapshot!(refused("404", 404, json!({"message": "The model `m` does not exist", "code": "model_not_found"})).await, @r#"
    exit code 3
    ----- stderr
    error: r.jsonl:1: http://[ADDRESS]/v1 answered 404 Not Found: The model `m` does not exist
    hint: does the server have a model `m`?
    hint: is this the address of an OpenAI-compatible API? It usually ends in /v1: see --base-url
    "#);
    assert_snapshot!(refused("429", 429, json!({"message": "You exceeded your current quota", "code": "insufficient_quota"})).await, @r#"
    exit code 3
    ----- stderr
    error: r.jsonl:1: http://[ADDRESS]/v1 answered 429 Too Many Requests: You exceeded your current quota
    hint: the account has no credit left for this model
    "#);
    assert_snapshot!(refused("400", 400, message("messages: too many")).await, @r#"
    exit code 3
    ----- stderr
    error: r.jsonl:1: http://[ADDRESS]/v1 answered 400 Bad Request: messages: too many
    "#);
}

/// The messages of a run, without how often a server was tried.
fn untried(place: &Place, ran: &Ran) -> String {
    let messages = place.messages(ran);
    let lines = messages.lines().filter(|line| !line.contains("it was tried"));
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_server_that_is_slow() {
    let slow = Server::start(|_| Reply::Hang).await;
    let place = place("slow");
    let args = ["judge", "r.jsonl", "-p", "score", "-m", "openai/m", "-q", "--timeout", "50ms"];
    let ran = Ran::ended(place.start(&[&args[..], &["--base-url", &slow.url]].concat())).await;
    assert_snapshot!(untried(&place, &ran), @r#"
    exit code 3
    ----- stderr
    error: r.jsonl:1: http://[ADDRESS]/v1: no answer within 50ms
    hint: is the server running on this machine, at this address?
    hint: allow more time with --timeout 20m
    "#);
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let place = place("unreachable");
    let args = ["judge", "r.jsonl", "-p", "score", "-m", "ollama/m", "-q", "--base-url"];
    let ran = Ran::ended(place.start(&[&args[..], &["localhost"]].concat())).await;
    assert_snapshot!(place.messages(&ran), @r#"
    exit code 2
    ----- stderr
    error: the base URL is not the address of an API
    hint: write it like `http://[ADDRESS]/v1`
    "#);
    let ran = Ran::ended(place.start(&[&args[..], &["http://127.0.0.1:1/v1"]].concat())).await;
    assert_snapshot!(untried(&place, &ran), @r#"
    exit code 3
    ----- stderr
    error: r.jsonl:1: http://[ADDRESS]/v1: cannot connect: Connection refused
    hint: is the server running on this machine, at this address?
    "#);
}

#[tokio::test]
async fn budgets() {
    let server = Server::start(|_| Reply::says("Fine.\nScore: 7")).await;
    let place = place("budgets");
    place.file("r.jsonl", "{\"id\": 1, \"answer\": \"a\"}\n{\"id\": 2, \"answer\": \"b\"}\n");
    let args =
        ["judge", "r.jsonl", "-p", "score", "-m", "openai/m", "-q", "--base-url", &server.url];
    let run = async |limit: [&str; 2]| {
        let ran = Ran::ended(place.start(&[&args[..], &limit, &["-j", "1"]].concat())).await;
        // A request that is stopped on its way counts with its estimated tokens.
        let tokens = regex::Regex::new(r", \d+ tokens").unwrap();
        tokens.replace_all(&place.messages(&ran), "[…]").into_owned()
    };
    assert_snapshot!(run(["--max-requests", "1"]).await, @r#"
    exit code 3
    ----- stderr
    error: the budget of 1 request is used up: 1 request[…] so far
    hint: finished results are saved: to continue, run the same command with a larger limit, such as --max-requests 2
    "#);
    assert_snapshot!(run(["--max-cost", "1"]).await, @r#"
    exit code 2
    ----- stderr
    error: --max-cost needs the price of `openai/m`, which is not known
    hint: set the price of a million tokens: `price = { prompt = 0.25, completion = 2.0 }` in tribunal.toml
    hint: or list it in a table of your own: --prices prices.csv
    "#);
    assert_snapshot!(run(["--max-cost", "0"]).await, @r#"
    exit code 2
    ----- stderr
    error: invalid value '0' for '--max-cost <AMOUNT>': expected an amount above 0, such as 2.50

    For more information, try '--help'.
    "#);
    assert_snapshot!(run(["--deadline", "60"]).await, @r#"
    exit code 2
    ----- stderr
    error: invalid value '60' for '--deadline <TIME>': `60` is not a duration: write a time such as 90s, 5m, 12h or 30d

    For more information, try '--help'.
    "#);
}
