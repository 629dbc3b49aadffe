//! RewardBench 2 in one run: its Ties are rated by a prompt of their own, and the best of four is chosen of the others.

use crate::support::{
    Place, Ran, Reply, Seen, Server,
    obedient::{asked, run},
};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Two subsets with three records to choose from, and Ties with two questions of three answers.
fn data() -> String {
    format!("{}/tests/data/benchmarks/rewardbench2.jsonl", env!("CARGO_MANIFEST_DIR"))
}

/// What is right in the records.
const RIGHT: [&str; 6] = ["Jupiter", "is 42", "is 32", "Mercury", "Venus", "Neptune"];

/// A judge that knows what is right, but has nothing to say about powers and about the Moon.
fn verdict(text: &str) -> String {
    let is_right = |answer: &str| RIGHT.iter().any(|right| answer.contains(right));
    let answer = |letter: char| {
        let begin = text.split_once(&format!("[The Start of Assistant {letter}'s Answer]"));
        begin.and_then(|(_, rest)| rest.split_once("[The End")).map(|(answer, _)| answer.to_owned())
    };
    let best =
        ['A', 'B', 'C', 'D'].into_iter().find(|one| is_right(&answer(*one).unwrap_or_default()));
    match best {
        _ if text.contains("2 ** 5") || text.contains("The Moon") => "I cannot say.".to_owned(),
        Some(letter) => format!("I looked closely. [[{letter}]]"),
        None if is_right(text) => "It is right.\n9".to_owned(),
        None => "It is wrong.\n2".to_owned(),
    }
}

async fn server() -> Server {
    Server::start(|seen: &Seen| Reply::says(&verdict(&asked(seen)))).await
}

fn figures(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap()
}

/// A row under the four rules, in percent.
fn row(ran: &Ran, name: &str) -> [String; 4] {
    let figures = figures(ran);
    let rows = figures["figures"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name).unwrap();
    ["official", "readable", "worst", "best"]
        .map(|rule| format!("{:.2}", 100.0 * row[rule].as_f64().unwrap()))
}

fn bench<'a>(data: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["bench", "rewardbench2", data, "-j", "1", "--reask", "0", "--json"], more].concat()
}

/// The figures of the run, computed by hand.
fn assert_figures(ran: &Ran) {
    assert_eq!(row(ran, "Factuality"), ["100.00"; 4]);
    // One right, and one that could not be read: a quarter.
    assert_eq!(row(ran, "Math"), ["62.50", "100.00", "50.00", "100.00"]);
    // An unreadable rating is -1, so that all is right: .30 + .30 + .20 + .20 + .01. If it were the largest, `ref:1` would
    // be wrong: .30 of `tied:1`, .20 for its margin, and -.01.
    assert_eq!(row(ran, "Ties"), ["101.00", "101.00", "49.00", "101.00"]);
    assert_eq!(row(ran, "mean of subsets"), ["87.83", "100.33", "66.33", "100.33"]);
    let figures = figures(ran);
    let counts = ["records", "judgments", "unreadable", "failed"].map(|name| &figures[name]);
    assert_eq!(counts, [&json!(5), &json!(9), &json!(2), &json!(0)]);
}

#[tokio::test]
async fn one_run_chooses_among_four_and_rates_ties() {
    let (place, server, data) = (Place::new("rated-run"), server().await, data());
    let args = bench(&data, &["-o", "lines.jsonl"]);
    let ran = run(&place, &server, &args).await.passed();
    assert_figures(&ran);
    assert!(ran.err.contains("using `reward-bench-2-four-way`; -p names another"), "{}", ran.err);
    let says = "using `reward-bench-2-ties`; --rated-prompt names another";
    assert!(ran.err.contains(says), "{}", ran.err);
    assert_eq!(server.requests(), 9);

    // Every part has a line, in the order of the records, with the prompt that judged it.
    let lines = place.read("lines.jsonl");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of =
        |line: &Value| (line["id"].as_str().unwrap().to_owned(), line["prompt"]["name"].clone());
    let ids: Vec<String> = lines.iter().map(|line| of(line).0).collect();
    let parts = ["ref:1/0", "ref:1/1", "ref:1/2", "tied:1/0", "tied:1/1", "tied:1/2"];
    assert_eq!(ids, [&["f1", "m1", "m2"][..], &parts].concat());
    for line in &lines {
        let (id, prompt) = of(line);
        let own = if id.contains('/') { "reward-bench-2-ties" } else { "reward-bench-2-four-way" };
        assert_eq!(prompt, own, "{id}");
    }

    // The lines give the figures again, those of both judges; and the same run asks nothing.
    let counted = ["bench", "rewardbench2", &data, "--results", "lines.jsonl", "--json"];
    assert_eq!(figures(&place.run(&counted).passed()), figures(&ran));
    let again = run(&place, &server, &args).await.passed();
    assert_eq!((figures(&again), server.requests()), (figures(&ran), 9));

    // A report shows the lines of both judges.
    let report = place.run(&["report", "lines.jsonl", "--format", "csv"]).passed();
    assert!(!report.err.contains("left out"), "{}", report.err);
    assert!(ids.iter().all(|id| report.out.contains(&format!("\n{id},"))), "{}", report.out);
}

#[tokio::test]
async fn the_plan_counts_the_requests_of_both_prompts() {
    let (place, server, data) = (Place::new("rated-plan"), server().await, data());
    let plan = bench(&data, &["--dry-run", "--max-requests", "8"]);
    let ran = run(&place, &server, &plan).await.passed();
    for says in [
        "9 of 9 records",
        "requests to judge-1: 9",
        "over budget: 9 requests, and --max-requests is 8",
        "nothing was sent",
    ] {
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
    }
    // The first request of each prompt.
    assert!(ran.out.contains("Jupiter is the largest planet."), "{}", ran.out);
    assert!(ran.out.contains("depth and level of detail need not count"), "{}", ran.out);
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_run_that_met_its_limit_goes_on_among_the_ratings() {
    let (place, server, data) = (Place::new("rated-budget"), server().await, data());
    let args = |most| bench(&data, &["-o", "lines.jsonl", "--max-requests", most]);
    let part = run(&place, &server, &args("5")).await;
    assert_eq!((part.code, server.requests()), (3, 5), "{}", part.err);
    assert!(part.err.contains("--max-requests"), "{}", part.err);
    let whole = run(&place, &server, &args("20")).await.passed();
    assert_figures(&whole);
    assert_eq!(server.requests(), 9);
}

#[tokio::test]
async fn a_run_that_was_killed_goes_on() {
    let (place, data) = (Place::new("rated-killed"), data());
    let is_silent = Arc::new(AtomicBool::new(true));
    let silent = is_silent.clone();
    let server = Server::start(move |seen: &Seen| {
        if seen.index == 5 && silent.load(Ordering::Relaxed) {
            return Reply::Hang;
        }
        Reply::says(&verdict(&asked(seen)))
    })
    .await;
    let args = bench(&data, &["-o", "lines.jsonl"]);
    let reach = ["-m", "judge-1", "--base-url", &server.url];
    let mut child = place.start(&[&args[..], &reach].concat());
    while server.requests() < 6 {
        tokio::task::yield_now().await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    is_silent.store(false, Ordering::Relaxed);
    let whole = run(&place, &server, &args).await.passed();
    assert_figures(&whole);
    // Of the first six requests one was not answered.
    assert_eq!(server.requests(), 10);
}

#[tokio::test]
async fn a_prompt_that_rates_judges_all_unless_another_is_named_for_ties() {
    let (place, server, data) = (Place::new("rated-prompts"), server().await, data());
    let ratings = ["-p", "reward-bench-ratings", "--cache", "off"];
    let one = run(&place, &server, &bench(&data, &ratings)).await.passed();
    // Four answers of three records, and three of two.
    assert_eq!(server.requests(), 18);
    let is_of_ties = |seen: &Seen| asked(seen).contains("depth and level of detail need not count");
    assert!(!server.seen().iter().any(is_of_ties));
    let official = [&ratings[..], &["--rated-prompt", "reward-bench-2-ties"]].concat();
    let two = run(&place, &server, &bench(&data, &official)).await.passed();
    assert_eq!(server.seen()[18..].iter().filter(|seen| is_of_ties(seen)).count(), 6);
    assert_eq!(row(&one, "Ties"), row(&two, "Ties"));

    // Ties alone need no prompt for four answers.
    let ties = run(&place, &server, &bench(&data, &["--subset", "Ties"])).await.passed();
    assert!(!ties.err.contains("four-way"), "{}", ties.err);
    assert_eq!(row(&ties, "mean of subsets"), row(&two, "Ties"));
}

#[test]
fn recorded_texts_of_both_prompts_are_read() {
    let (place, data) = (Place::new("rated-texts"), data());
    let texts = [
        json!({"id": "f1", "text": "[[A]]", "order": "given"}),
        json!({"id": "m1", "text": "[[B]]"}),
        json!({"id": "m2", "text": "[[C]]", "order": [1, 2, 0, 3]}),
        json!({"id": "ref:1/0", "text": "9"}),
        json!({"id": "ref:1/1", "text": "1"}),
        json!({"id": "ref:1/2", "text": "1"}),
        json!({"id": "tied:1/0", "text": "9"}),
        json!({"id": "tied:1/1", "text": "7"}),
        json!({"id": "tied:1/2", "text": "8"}),
    ];
    place.file("texts.jsonl", texts.map(|text| text.to_string()).join("\n"));
    let ran = place.run(&["bench", "rewardbench2", &data, "--texts", "texts.jsonl", "--json"]);
    let ran = ran.passed();
    assert_eq!(row(&ran, "Factuality")[0], "100.00");
    assert_eq!(row(&ran, "Math")[0], "50.00");
    // `tied:1` is not accurate: .30 for `ref:1`, and .01 · tanh(-1/2 - 1).
    assert_eq!(row(&ran, "Ties")[0], "29.09");
}

#[test]
fn every_member_of_a_jury_rates() {
    let (place, data) = (Place::new("rated-jury"), data());
    let members = ["-m", "script:[[A]]\n7", "-m", "script:[[A]]\n9", "-o", "lines.jsonl"];
    let ran = place.run(&bench(&data, &members)).passed();
    assert_eq!(figures(&ran)["failed"], 0, "{}", ran.err);
    let lines = place.read("lines.jsonl");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // Without -p, all of them use the prompts of the benchmark.
    let of =
        |name: &str| lines.iter().filter(|line| line["prompt"]["name"] == name).collect::<Vec<_>>();
    let (chosen, rated) = (of("reward-bench-2-four-way"), of("reward-bench-2-ties"));
    assert_eq!((chosen.len(), rated.len(), lines.len()), (3, 6, 9), "{}", ran.err);
    assert!(rated.iter().all(|line| line["scores"] == json!([8])));
    assert_eq!(ran.err.matches("no prompt named").count(), 2, "{}", ran.err);
}

#[test]
fn prompts_that_cannot_rate_are_refused_before_any_request() {
    let (place, data) = (Place::new("rated-refusals"), data());
    let refused = |args: &[&str]| {
        let ran = place.run(&[args, &["-m", "script:[[A]]"]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        ran.err
    };
    let err = refused(&bench(&data, &["--rated-prompt", "pair"]));
    assert!(err.contains("the prompt `pair` does not rate answers"), "{err}");
    let pairs = format!("{}/examples/arithmetic-rewardbench.jsonl", env!("CARGO_MANIFEST_DIR"));
    let err = refused(&["bench", "rewardbench", &pairs, "--rated-prompt", "score"]);
    assert!(err.contains("one prompt judges all records of rewardbench"), "{err}");
    let record = json!({"question": "q", "responses": ["a", "b"], "scores": [0, 1]}).to_string();
    let solutions = place.file("solutions.jsonl", record);
    let err = refused(&["bench", "acemath-rewardbench", &solutions, "-p", "pair"]);
    assert!(err.contains("can be judged by the prompt `pair`"), "{err}");
    assert!(err.contains("use a prompt that rates, such as `score`"), "{err}");
    let judge = |name: &str| format!("[judge.{name}]\nprompt = 'pair'\nmodel = 'script:[[A]]'\n");
    let both = "[judge.both]\ncascade = ['small', 'large']\n";
    place.file("tribunal.toml", [&judge("small"), &judge("large"), both].concat());
    let ran = place.run(&bench(&data, &["--judge", "both"]));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("a cascade cannot judge the records of rewardbench2"), "{}", ran.err);
}

#[tokio::test]
async fn texts_of_both_judges_are_read_again_each_by_its_own_prompt() {
    let (place, server, data) = (Place::new("rated-reparse"), server().await, data());
    let ran = run(&place, &server, &bench(&data, &["-o", "lines.jsonl"])).await.passed();
    let prompts = |ran: &Ran| -> Vec<String> {
        let of = |line: Value| line["prompt"]["name"].as_str().unwrap().to_owned();
        ran.lines().into_iter().map(of).collect()
    };
    let (four, ties) = ("reward-bench-2-four-way", "reward-bench-2-ties");
    let all = [[four; 3].as_slice(), &[ties; 6]].concat();

    let again = place.run(&["reparse", "lines.jsonl"]).passed();
    assert_eq!(prompts(&again), all);
    assert_eq!(again.err, "read 9 lines again: 0 verdicts changed, 0 lines could not be read\n");
    place.file("again.jsonl", &again.out);
    let counted = ["bench", "rewardbench2", &data, "--results", "again.jsonl", "--json"];
    assert_eq!(figures(&place.run(&counted).passed()), figures(&ran));
    // Lines of a pipe name their prompts too.
    let piped = place.pipe(&["reparse", "-"], &place.read("lines.jsonl")).passed();
    assert_eq!(piped.out, again.out);

    // One of them alone, by its own prompt or by another one.
    let rated = place.run(&["reparse", "lines.jsonl", "--only", ties]);
    assert_eq!((rated.code, prompts(&rated)), (0, vec![ties.to_owned(); 6]), "{}", rated.err);
    assert!(rated.err.contains("left out 3 lines of another judge"), "{}", rated.err);
    let other =
        place.run(&["reparse", "lines.jsonl", "--only", ties, "-p", "reward-bench-ratings"]);
    assert_eq!(prompts(&other), ["reward-bench-ratings"; 6], "{}", other.err);
}

#[tokio::test]
async fn one_prompt_or_rule_does_not_read_the_texts_of_two_judges() {
    let (place, server, data) = (Place::new("rated-refused"), server().await, data());
    run(&place, &server, &bench(&data, &["-o", "lines.jsonl"])).await.assert_passed();
    let (four, ties) = ("reward-bench-2-four-way", "reward-bench-2-ties");
    for (args, says) in [
        (["-p", ties], "one prompt cannot read lines of two judges"),
        (["--pass", "score >= 5"], "judge `reward-bench-2-four-way`"),
    ] {
        let ran = place.run(&[&["reparse", "lines.jsonl"], &args[..]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        assert!(ran.err.contains(says), "{}", ran.err);
        for only in [four, ties] {
            assert!(ran.err.contains(&format!("--only {only}")), "{}", ran.err);
        }
    }
    let unknown = place.run(&["reparse", "lines.jsonl", "--only", "reward-bench-2-tie"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    assert!(unknown.err.contains("did you mean `reward-bench-2-ties`?"), "{}", unknown.err);
}
