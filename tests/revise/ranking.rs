//! `tribunal rank` and `strategy::best_of`: the best of several answers, with real servers and a real model.

#![cfg(all(feature = "cli", feature = "openai", feature = "store", feature = "tiny", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::{Place, Ran, Server, obedient};
use serde_json::{Value, json};
use tribunal::{
    Completion, Item, Judge, Request,
    backend::from_fn,
    records::RankLine,
    strategy::{
        Measure,
        best_of::{RankOptions, Ranker, Rule},
    },
};

/// Answers that say what they are worth.
fn worth(all: &[u32]) -> Vec<String> {
    all.iter().map(|one| format!("This is worth {one}.")).collect()
}

/// The numbers of the answers that a prompt shows, in their order.
fn shown(text: &str) -> Vec<u32> {
    let after = text.split("worth ").skip(1);
    after.filter_map(|rest| rest.split('.').next()?.parse().ok()).collect()
}

/// The better of two answers, in the letters of the prompt.
fn better(text: &str) -> String {
    let [first, second] = shown(text)[..] else { return "no verdict".into() };
    let letter = match first.cmp(&second) {
        std::cmp::Ordering::Greater => "[[A]]",
        std::cmp::Ordering::Less => "[[B]]",
        std::cmp::Ordering::Equal => "[[C]]",
    };
    letter.into()
}

fn lines(text: &str) -> Vec<RankLine> {
    text.lines().map(|line| RankLine::read(line).unwrap()).collect()
}

/// Runs `rank` over one record with these answers.
async fn rank(place: &Place, server: &Server, answers: &[String], args: &[&str]) -> Ran {
    let record = json!({"id": "q", "question": "What is it worth?", "answers": answers});
    place.file("records.jsonl", format!("{record}\n"));
    obedient::run(place, server, &[&["rank", "records.jsonl"], args].concat()).await
}

#[tokio::test]
async fn the_answer_with_the_largest_score_is_chosen_and_everything_is_in_the_line() {
    let place = Place::new("rank-best");
    let server = obedient::server(|text| shown(text)[0].to_string()).await;
    let answers = worth(&[3, 9, 4]);
    let args = ["-p", "score", "-o", "ranked.jsonl"];
    let ran = rank(&place, &server, &answers, &args).await.passed();
    let line = &lines(&place.read("ranked.jsonl"))[0];
    assert_eq!((line.chosen, line.text.as_deref()), (Some(1), Some("This is worth 9.")));
    assert_eq!(line.ranking, [[1], [2], [0]]);
    assert_eq!(line.rewards, [Some(3.0), Some(9.0), Some(4.0)]);
    assert_eq!((line.model.as_str(), line.prompt.name.as_str()), ("judge-1", "score"));
    let one = &line.candidates[1];
    assert_eq!((one.judgment.verdict.score, one.text.as_deref()), (Some(9.0), None));
    assert_eq!(one.judged.as_ref().unwrap().calls, Some(1));
    assert_eq!(line.spent.calls, Some(3));
    assert!(ran.err.contains("chosen by `best` from 3 candidates"), "{}", ran.err);
    // The same again asks nothing, and changes nothing.
    let before = place.read("ranked.jsonl");
    let again = rank(&place, &server, &answers, &args).await.passed();
    assert!(
        again.err.contains("1 of 1 records ranked; 1 of them by an earlier run"),
        "{}",
        again.err
    );
    assert_eq!((server.requests(), place.read("ranked.jsonl")), (3, before));
}

#[tokio::test]
async fn a_verdict_that_cannot_be_read_is_no_number_and_its_answer_is_not_chosen() {
    let place = Place::new("rank-unreadable");
    let value = |text: &str| match shown(text)[0] {
        9 => "cannot say".to_owned(),
        worth => worth.to_string(),
    };
    let server = obedient::server(value).await;
    let args = ["-p", "score", "--reask", "0"];
    let ran = rank(&place, &server, &worth(&[3, 9, 4]), &args).await.passed();
    let line = &lines(&ran.out)[0];
    assert_eq!((line.chosen, &line.rewards), (Some(2), &vec![Some(3.0), None, Some(4.0)]));
    assert_eq!(line.ranking, [[2], [0]]);
    assert!(line.candidates[1].judgment.unreadable.is_some());
    assert!(ran.err.contains("3 judgments, 1 unreadable (33.3 %)"), "{}", ran.err);
    // Where nothing can be read, the first answer is chosen, and the line says why.
    let ran = rank(&place, &server, &worth(&[9, 9]), &args).await.passed();
    let line = serde_json::to_value(&lines(&ran.out)[0]).unwrap();
    assert_eq!((&line["chosen"], &line["chosen_by"]), (&json!(0), &json!("default")));
    assert!(
        ran.err.contains("the first one in 1 record, where the rule had no value"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn every_tournament_costs_what_its_formula_and_its_dry_run_say() {
    let place = Place::new("rank-pairs");
    let server = obedient::server(better).await;
    let answers = worth(&[5, 3, 8, 1, 7, 2]);
    let mut sent = 0;
    for (pairs, comparisons) in
        [("all", 15), ("circular", 6), ("knockout", 5), ("bubble", 5), ("swiss", 9)]
    {
        let args = ["-p", "pair", "--pairs", pairs, "--cache", "off"];
        let dry = rank(&place, &server, &answers, &[&args[..], &["--dry-run"]].concat()).await;
        let requests = format!("requests to judge-1: {}", 2 * comparisons);
        assert!(dry.passed().err.contains(&requests), "{pairs}");
        let ran = rank(&place, &server, &answers, &args).await.passed();
        let line = &lines(&ran.out)[0];
        assert_eq!(line.comparisons.len(), comparisons, "{pairs}");
        assert_eq!(server.requests() - sent, 2 * comparisons, "{pairs}: both orders");
        sent = server.requests();
        // In a circle the first answer wins both of its comparisons too.
        assert_eq!(line.chosen, Some(if pairs == "circular" { 0 } else { 2 }), "{pairs}");
        assert!(line.comparisons.iter().all(|one| one.consistent == Some(true)));
        // N roll-outs give N rewards.
        assert_eq!(line.rewards.iter().flatten().count(), 6, "{pairs}");
        assert_eq!(line.rewards[2], Some(1.0), "{pairs}");
    }
}

#[tokio::test]
async fn comparisons_are_rated_by_strength_with_intervals() {
    let place = Place::new("rank-strength");
    let server = obedient::server(better).await;
    let args = ["-p", "pair", "--rating", "bradley-terry"];
    let ran = rank(&place, &server, &worth(&[1, 2, 3]), &args).await.passed();
    let line = &lines(&ran.out)[0];
    let of = |at: usize| line.candidates[at].value.unwrap();
    assert!(of(0) < of(1) && of(1) < of(2), "{:?}", line.rewards);
    for one in &line.candidates {
        let (low, high) = one.interval.unwrap();
        assert!(low < one.value.unwrap() && one.value.unwrap() < high);
    }
}

#[tokio::test]
async fn all_answers_may_be_ranked_at_once() {
    let place = Place::new("rank-list");
    let ranking = |text: &str| {
        let mut all: Vec<(usize, u32)> = shown(text).into_iter().enumerate().collect();
        all.sort_by_key(|(_, worth)| std::cmp::Reverse(*worth));
        all.iter().map(|(at, _)| (at + 1).to_string()).collect::<Vec<_>>().join(" > ")
    };
    let server = obedient::server(ranking).await;
    let ran = rank(&place, &server, &worth(&[3, 9, 4]), &["-p", "rank"]).await.passed();
    let line = &lines(&ran.out)[0];
    assert_eq!((line.chosen, server.requests()), (Some(1), 1));
    assert_eq!(line.rewards, [Some(0.0), Some(1.0), Some(0.5)]);
    assert_eq!(line.listwise.as_ref().unwrap().verdict.verdict.as_deref(), Some("1 > 2 > 0"));
}

#[tokio::test]
async fn more_answers_than_fit_are_ranked_in_windows_from_the_back_to_the_front() {
    let place = Place::new("rank-windows");
    let ranking = |text: &str| {
        let mut all: Vec<(usize, u32)> = shown(text).into_iter().enumerate().collect();
        // A window with a 5 cannot be read.
        if all.iter().any(|(_, worth)| *worth == 5) {
            return "hm".into();
        }
        all.sort_by_key(|(_, worth)| std::cmp::Reverse(*worth));
        all.iter().map(|(at, _)| (at + 1).to_string()).collect::<Vec<_>>().join(" > ")
    };
    let server = obedient::server(ranking).await;
    let args = ["-p", "rank", "--order", "given", "--window", "3:2", "--reask", "0"];
    let dry = [&args[..], &["--dry-run"]].concat();
    let ran = rank(&place, &server, &worth(&[1, 2, 6, 3, 9, 4, 8]), &dry).await.passed();
    assert!(ran.err.contains("requests to judge-1: 3"), "{}", ran.err);
    let ran = rank(&place, &server, &worth(&[1, 2, 6, 3, 9, 4, 8]), &args).await.passed();
    let line = &lines(&ran.out)[0];
    assert_eq!((server.requests(), line.chosen, line.spent.calls), (3, Some(4), Some(3)));
    let windows: Vec<_> = line.windows.iter().map(|one| one.shown.clone()).collect();
    assert_eq!(windows, [[4, 5, 6], [2, 3, 4], [0, 1, 4]]);
    assert_eq!(line.window.as_deref(), Some("3:2"));
    assert_eq!(line.ranking, [[4], [1], [0], [2], [3], [6], [5]]);
    assert!(ran.err.contains("3 judgments"), "{}", ran.err);
    // A window that cannot be read leaves its order; the answers that only it showed have no value.
    let ran = rank(&place, &server, &worth(&[1, 2, 7, 3, 9, 4, 5]), &args).await.passed();
    let line = &lines(&ran.out)[0];
    assert_eq!((line.chosen, &line.rewards[5..]), (Some(4), &[None, None][..]));
    assert!(ran.err.contains("3 judgments, 1 unreadable"), "{}", ran.err);
    // Answers that fit are ranked at once, and other prompts have no windows.
    let ran = rank(&place, &server, &worth(&[1, 9, 2]), &args).await.passed();
    assert_eq!(lines(&ran.out)[0].windows.len(), 1);
    let ran = rank(&place, &server, &worth(&[1, 9]), &["-p", "score", "--window", "3"]).await;
    assert!(ran.code == 2 && ran.err.contains("ranks no windows"), "{}", ran.err);
}

#[tokio::test]
async fn votes_count_final_answers_and_need_no_judge_where_their_number_decides() {
    let place = Place::new("rank-votes");
    let server = obedient::server(|_| "5".into()).await;
    let answers = ["The answer is 12.", "\\boxed{\\frac{1}{2}}", "So 0.5.\n#### 0.5", "No idea."];
    let answers = answers.map(str::to_owned);
    let ran = rank(&place, &server, &answers, &["--select", "majority"]).await.passed();
    let line = &lines(&ran.out)[0];
    assert_eq!((line.chosen, server.requests()), (Some(1), 0));
    assert_eq!(line.groups[1].members, [1, 2]);
    // One of the two would lose to the first answer by its value, and together they win.
    let server = obedient::server(|text| if text.contains("12") { "8" } else { "5" }.into()).await;
    let args = ["-p", "score", "--select", "weighted"];
    let ran = rank(&place, &server, &answers, &args).await.passed();
    let line = &lines(&ran.out)[0];
    assert_eq!((line.chosen, line.candidates[1].worth), (Some(1), Some(10.0)));
    let args = ["-p", "score", "--select", "weighted:max"];
    let ran = rank(&place, &server, &answers, &args).await.passed();
    assert_eq!(lines(&ran.out)[0].chosen, Some(0));
}

#[tokio::test]
async fn a_threshold_leaves_records_without_an_answer() {
    let place = Place::new("rank-threshold");
    let server = obedient::server(|text| shown(text)[0].to_string()).await;
    let args = ["-p", "score", "--threshold", "9.5"];
    let ran = rank(&place, &server, &worth(&[3, 9]), &args).await.passed();
    let line = serde_json::to_value(&lines(&ran.out)[0]).unwrap();
    assert_eq!((&line["chosen"], &line["chosen_by"]), (&Value::Null, &json!("rejected")));
    assert!(
        ran.err.contains("none in 1 record, where no value reaches the threshold"),
        "{}",
        ran.err
    );
}

#[tokio::test]
async fn a_run_that_ends_early_is_continued_and_pays_only_the_rest() {
    let place = Place::new("rank-resume");
    let server = obedient::server(better).await;
    let answers = worth(&[5, 3, 8, 1]);
    let args = ["-p", "pair", "-o", "ranked.jsonl"];
    let less = [&args[..], &["--max-requests", "5"]].concat();
    let ran = rank(&place, &server, &answers, &less).await;
    assert_eq!(ran.code, 3, "{}", ran.err);
    let paid = server.requests();
    assert!(paid <= 5 && place.read("ranked.jsonl").is_empty());
    let _ = rank(&place, &server, &answers, &args).await.passed();
    assert_eq!(server.requests(), 12, "{paid} of them in the first run");
    assert_eq!(lines(&place.read("ranked.jsonl"))[0].chosen, Some(2));
}

/// A judge that tosses a coin is not better than a random candidate, and the summary says so.
#[tokio::test]
async fn a_judge_that_tosses_a_coin_is_reported_as_no_better_than_chance() {
    let place = Place::new("rank-coin");
    let records: String = (0..40)
        .map(|n| {
            let answers: Vec<String> =
                (0..4).map(|k| format!("Attempt {k} of {n}.\n#### {}", if k == n % 4 { 7 } else { k + 20 })).collect();
            format!("{}\n", json!({"id": format!("q{n}"), "question": "?", "answers": answers, "reference": "7"}))
        })
        .collect();
    place.file("many.jsonl", records);
    let toss = |text: &str| format!("{}", 1 + blake3::hash(text.as_bytes()).as_bytes()[0] % 10);
    let server = obedient::server(toss).await;
    let args = ["rank", "many.jsonl", "-p", "score", "-o", "r.jsonl", "--summary", "s.json"];
    let ran = obedient::run(&place, &server, &args).await.passed();
    assert!(ran.err.contains("not significantly different from a random candidate"), "{}", ran.err);
    assert!(ran.err.contains("pass@1 25.0 %") && ran.err.contains("oracle 100.0 %"), "{}", ran.err);
    let summary: Value = serde_json::from_str(&place.read("s.json")).unwrap();
    let interval = &summary["accuracy_interval"];
    assert!(
        interval[0].as_f64().unwrap() < 0.25 && interval[1].as_f64().unwrap() > 0.25,
        "{interval}"
    );
    // A perfect judge is reported as better.
    let server =
        obedient::server(|text| if text.contains("#### 7") { "9" } else { "2" }.into()).await;
    let args = ["rank", "many.jsonl", "-p", "score", "-o", "p.jsonl"];
    let ran = obedient::run(&place, &server, &args).await.passed();
    assert!(ran.err.contains("right: 40 of 40 chosen answers (100.0 %"), "{}", ran.err);
    assert!(ran.err.contains("better than a random candidate: +75.0 points"), "{}", ran.err);
}

#[test]
fn what_cannot_rank_is_refused_before_anything_is_sent() {
    let place = Place::new("rank-refused");
    place.file("records.jsonl", "{\"question\": \"1 + 1\", \"answers\": [\"2\", \"3\"]}\n");
    for (args, said) in [
        (&["--select", "bst"][..], "unknown rule `bst`"),
        (&["--select", "penalized", "-p", "tiny-score"], "needs several draws about each answer"),
        (&["-p", "tiny-score", "--pairs", "all"], "does not compare answers"),
        (&["-p", "tiny-solve"], "gives no verdict to rank by"),
        (&["-p", "tiny-score", "--measure", "p"], "have no value `p`"),
        (&["-p", "tiny-pair", "--measure", "score"], "is for judges of one answer"),
        (&["--policy-temperature", "1"], "--policy-temperature needs a model that writes answers"),
        (&["--candidates", "2", "--draft-prompt", "tiny-revise"], "does not write answers"),
        (&["-o", "ranked.csv"], "unknown format"),
    ] {
        let all = [&["rank", "records.jsonl", "-m", "tiny"][..], args].concat();
        let ran = place.run(&all);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
    place.file("empty.jsonl", "{\"question\": \"1 + 1\"}\n");
    let ran = place.run(&["rank", "empty.jsonl", "-m", "tiny", "-p", "tiny-score"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("the record has no answers to choose from"), "{}", ran.err);
}

/// The shipped model writes sums and judges them, and what was paid for is not paid for again.
#[test]
fn the_shipped_model_writes_candidates_and_chooses_one() {
    let place = Place::new("rank-tiny");
    place.file(
        "sums.jsonl",
        "{\"id\": \"a\", \"problem\": \"27 - 1 - 8\", \"reference\": \"18\"}\n{\"id\": \"b\", \"problem\": \"45 + 483\", \"reference\": \"528\"}\n",
    );
    let args = ["rank", "sums.jsonl", "-m", "tiny", "-p", "tiny-correct", "--candidates", "3"];
    let dry = place.run(&[&args[..], &["--dry-run"]].concat()).passed();
    assert!(dry.err.contains("policy:\n  requests to tiny: 6\n"), "{}", dry.err);
    // A critique and a verdict for each candidate.
    assert!(dry.err.contains("judge:\n  requests to tiny: 12\n"), "{}", dry.err);
    let ran = place.run(&args).passed();
    for line in lines(&ran.out) {
        assert_eq!((line.right, line.candidates.len()), (Some(true), 3), "{line}");
        let one = &line.candidates[0];
        assert!(one.written.unwrap().completion > 10 && one.value.unwrap() > 0.9, "{line}");
        assert_eq!(line.spent.calls, Some(3 + 2 * 3));
        assert_eq!((line.policy.as_deref(), one.right), (Some("tiny"), Some(true)));
    }
    assert!(ran.err.contains("right: 2 of 2 chosen answers"), "{}", ran.err);
    // Another rule asks nothing that is known.
    let again = place.run(&[&args[..], &["--select", "weighted"]].concat()).passed();
    assert!(again.err.contains("\n0 requests"), "{}", again.err);
}

/// A plan counts tokens exactly, needs known answers, and is drawn.
#[tokio::test]
async fn a_plan_shows_what_fewer_candidates_would_have_come_to() {
    let place = Place::new("rank-plan");
    let server = obedient::server(|text| shown(text)[0].to_string()).await;
    let answers = worth(&[3, 9, 4, 5]);
    let args = ["-p", "score", "--plan"];
    let ran = rank(&place, &server, &answers, &args).await;
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("no record tells which of its answers are right"), "{}", ran.err);
    let labels = [false, true, false, false];
    let record = json!({"id": "q", "question": "?", "answers": answers, "label": labels});
    place.file("known.jsonl", format!("{record}\n"));
    let args = ["rank", "known.jsonl", "-p", "score", "--draws", "2", "--plan"];
    let files = ["--chart", "plan.svg", "--summary", "summary.json", "-o", "known.out.jsonl"];
    let ran = obedient::run(&place, &server, &[&args[..], &files].concat()).await.passed();
    assert!(ran.err.contains("accuracy against compute, 1 question,"), "{}", ran.err);
    let figures: Value = serde_json::from_str(&place.read("summary.json")).unwrap();
    let splits = figures["plan"]["splits"].as_array().unwrap();
    // One, two and four candidates: alone, and by two rules with one and two verdicts on each.
    assert_eq!(splits.len(), 3 * (1 + 2 * 2));
    let last = splits.last().unwrap();
    assert_eq!((&last["candidates"], &last["verdicts"]), (&json!(4), &json!(2)));
    let judged: u64 = lines(&place.read("known.out.jsonl"))[0]
        .candidates
        .iter()
        .flat_map(|one| one.draws.iter().map(|draw| draw.tokens))
        .sum();
    assert!(judged > 0);
    assert_eq!(last["tokens"].as_f64(), Some(f64::from(u32::try_from(judged).unwrap())));
    let best = splits.iter().find(|split| split["rule"] == "best" && split["candidates"] == 4);
    assert_eq!(best.unwrap()["accuracy"], json!(1.0));
    assert!(place.read("plan.svg").starts_with("<svg"));
    // Pairs give no candidate a verdict of its own.
    let args = ["rank", "known.jsonl", "-p", "pair", "--pairs", "circular", "--plan"];
    let ran = obedient::run(&place, &server, &args).await;
    assert!(ran.err.contains("--plan shows majority votes only"), "{}", ran.err);
    // A chart needs a plan.
    let chart = place.run(&["rank", "known.jsonl", "-p", "score", "--chart", "x.svg"]);
    assert_eq!(chart.code, 2, "{}", chart.err);
}

/// A judge that only names the first wrong step ranks by how far an answer is right.
#[test]
fn answers_are_ranked_by_their_first_wrong_step() {
    let place = Place::new("rank-steps");
    let answers =
        ["12 + 30 = 41\n41 - 5 = 36", "12 + 30 = 42\n42 - 5 = 36", "12 + 30 = 42\n42 - 5 = 37"];
    let record = json!({"problem": "12 + 30 - 5", "answers": answers});
    place.file("one.jsonl", format!("{record}\n"));
    let ran = place.run(&["rank", "one.jsonl", "-m", "tiny", "-p", "tiny-steps"]).passed();
    let line = &lines(&ran.out)[0];
    assert_eq!((line.chosen, &line.ranking), (Some(2), &vec![vec![2], vec![1], vec![0]]), "{line}");
}

#[tokio::test]
async fn draws_that_differ_are_penalized() {
    // The first answer is scored 9 or 1, the second always 6, by turns of its draws.
    let judge = from_fn("turns", |request: Request| async move {
        let text: String = request.messages.iter().map(tribunal::request::Message::text).collect();
        let score = if shown(&text) == [6] { 6 } else { [9, 9, 9, 1][request.draw as usize % 4] };
        Ok(Completion::text(format!("Score: {score}")))
    });
    let judge = Judge::builder().backend(judge).prompt("score").draws(4).build().await.unwrap();
    let item = Item::new().question("?").answers(worth(&[9, 6]));
    let chosen = async |rule: Rule| {
        let options = RankOptions::default().rule(rule).measure(Measure::Score);
        let ranked = Ranker::new(Some(judge.clone()), options).unwrap().rank(&item).await.unwrap();
        assert_eq!(ranked.candidates[0].deviation.map(f64::round), Some(4.0));
        ranked.selection.chosen
    };
    assert_eq!(chosen(Rule::Best).await, Some(0));
    assert_eq!(chosen(Rule::Penalized { deviations: 1.0 }).await, Some(1));
}

#[tokio::test]
async fn a_flag_that_the_rule_or_the_judge_cannot_use_is_refused_before_a_request() {
    let place = Place::new("rank-idle");
    let server = obedient::server(|_| "5".into()).await;
    for (args, said) in [
        (["--select", "majority", "--pairs", "all"], "--pairs has no effect: the rule `majority`"),
        (["--select", "majority", "--window", "4"], "--window has no effect"),
        (["--select", "majority", "--measure", "p"], "--measure has no effect"),
        (["--select", "majority", "--rating", "elo"], "--rating has no effect"),
        (["-p", "score", "--rating", "elo"], "the rating `elo` is for comparisons"),
        (["-p", "rank", "--rating", "elo"], "the rating `elo` is for comparisons"),
    ] {
        let ran = rank(&place, &server, &worth(&[1, 2]), &args).await;
        assert!(ran.code == 2 && ran.err.contains(said), "{args:?}\n{}", ran.err);
    }
    assert_eq!(server.requests(), 0);
    // With a threshold, votes ask the judge too.
    let args = ["--select", "majority", "--threshold", "3", "-p", "score", "--measure", "score"];
    let ran = rank(&place, &server, &worth(&[1, 2]), &args).await.passed();
    assert_eq!((lines(&ran.out)[0].chosen, server.requests()), (Some(0), 2));
}

#[tokio::test]
async fn a_dry_run_counts_the_requests_of_a_check_that_asks_a_model() {
    let place = Place::new("rank-check");
    let server =
        obedient::server(|text| if text.contains("[[A]]") { "[[A]]" } else { "5" }.into()).await;
    let record = |id: &str, more: Value| {
        let mut record = json!({"id": id, "question": "q", "answers": ["a", "b", "c"]});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        format!("{record}\n")
    };
    // One has a reference, one knows the best answer, and one knows nothing.
    let all = record("r", json!({"reference": "a"})) + &record("l", json!({"label": 1}));
    place.file("records.jsonl", all + &record("n", json!({})));
    place.file(
        "c.toml",
        "[judge.truth]\nmodel = \"judge-1\"\nprompt = \"score\"\npass = \"score >= 5\"\n\
        [judge.other]\nmodel = \"judge-1\"\nprompt = \"pair\"\n[model.judge-1]\nbase_url = \"URL\"\n"
            .replace("URL", &server.url),
    );
    let args = ["rank", "records.jsonl", "--judge", "other", "--check", "truth", "-c", "c.toml"];
    let off = [&args[..], &["--cache", "off"]].concat();
    let dry = Ran::ended(place.start(&[&off[..], &["--dry-run"]].concat())).await.passed();
    let (judge, check) = ("requests to judge-1: 18", "check:\n  requests to judge-1: 3");
    assert!(dry.err.contains(judge) && dry.err.contains(check), "{}", dry.err);
    let ran = Ran::ended(place.start(&off)).await.passed();
    assert_eq!(server.requests(), 18 + 3, "{}", ran.err);
}
