//! Loops that are late, that lack something, or whose limits are nearly reached.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tribunal::{
    Completion, Error, Item, Judge, Prompt, Request,
    backend::{Backend, Script, from_fn},
    completion::{Price, Usage},
    error::ErrorKind,
    strategy::revise::{
        Accept, Critique, Draft, FinalCheck, Loop, LoopStep, ReviseLimits, ReviseOptions,
        RevisionOutcome, Writer, revise,
    },
};

const SCORE: &str = "---\nkind: score\nscale: {min: 0, max: 10}\nverdict: 'Score: *'\npass: score >= 9\n---\nuser:\n{{ question }}\n{{ answer }}\n";

async fn judge_of(backend: impl Backend + 'static, prompt: &str) -> Judge {
    let prompt = Prompt::parse("p", prompt).unwrap();
    Judge::builder().backend(backend).with_prompt(prompt).build().await.unwrap()
}

async fn says(text: &str) -> Judge {
    judge_of(Script::always(text), SCORE).await
}

/// A model that never answers what holds this text, and says `otherwise` to the rest.
fn hangs_on(text: &'static str, otherwise: &'static str) -> impl Backend + 'static {
    from_fn("hangs", move |request: Request| async move {
        if request.messages.iter().any(|message| message.text().contains(text)) {
            std::future::pending::<()>().await;
        }
        Ok(Completion::text(otherwise))
    })
}

fn within(time: Duration) -> ReviseOptions {
    ReviseOptions {
        limits: ReviseLimits { time: Some(time), ..ReviseLimits::default() },
        final_check: FinalCheck::None,
        ..ReviseOptions::default()
    }
}

const SHORT: Duration = Duration::from_millis(80);

fn question() -> Item {
    Item::new().question("q")
}

fn answered() -> Item {
    question().answer("the first draft")
}

async fn better(_: &Critique) -> tribunal::Result<Draft> {
    Ok(Draft::from("the second draft"))
}

#[tokio::test(start_paused = true)]
async fn a_first_draft_that_is_late_ends_the_loop_and_is_asked_for_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let policy = async move |_: &Critique| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<tribunal::Result<Draft>>().await
    };
    let revision =
        revise(policy, &says("Score: 3").await, &question(), &within(SHORT)).await.unwrap();
    assert_eq!((revision.outcome, revision.text()), (RevisionOutcome::Exhausted, ""));
    assert_eq!((revision.rounds.len(), asked.load(Ordering::Relaxed)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_writer_whose_first_draft_is_late_ends_the_loop_behind_a_cache_too() {
    let hangs: Arc<dyn Backend> = Arc::new(hangs_on("q", ""));
    #[cfg(feature = "store")]
    let hangs: Arc<dyn Backend> = {
        use tribunal::backend::cache::{Cache, Mode};
        Arc::new(Cache::in_memory(Mode::On).over(hangs))
    };
    let with = async |prompt: &str| {
        Judge::builder().backend(hangs.clone()).prompt(prompt).build().await.unwrap()
    };
    let writer = Writer::new(with("revise").await).unwrap().drafting(with("draft").await).unwrap();
    let options = within(Duration::from_secs(2));
    let revision = writer.revise(&says("Score: 3").await, &question(), &options).await.unwrap();
    assert_eq!((revision.outcome, revision.rounds.len()), (RevisionOutcome::Exhausted, 0));
}

#[tokio::test(start_paused = true)]
async fn judge_critic_comparison_and_final_check_are_cut_at_the_deadline() {
    let judge = judge_of(hangs_on("first", "Score: 9"), SCORE).await;
    let revision = revise(better, &judge, &answered(), &within(SHORT)).await.unwrap();
    assert_eq!(
        (revision.outcome, revision.text()),
        (RevisionOutcome::Exhausted, "the first draft")
    );

    let late = async |prompt: &str| {
        Judge::builder().backend(hangs_on("", "")).prompt(prompt).build().await.unwrap()
    };
    let options = ReviseOptions { critic: Some(late("feedback").await), ..within(SHORT) };
    let judge = says("Score: 3").await;
    let revision = revise(better, &judge, &answered(), &options).await.unwrap();
    assert_eq!((revision.outcome, revision.rounds.len()), (RevisionOutcome::Exhausted, 1));

    let options = ReviseOptions { accept: Accept::Preferred(late("pair").await), ..within(SHORT) };
    let revision = revise(better, &judge, &answered(), &options).await.unwrap();
    assert_eq!((revision.outcome, revision.rounds.len()), (RevisionOutcome::Exhausted, 2));
    assert_eq!(revision.text(), "the first draft");

    let checks = judge_of(hangs_on("", ""), SCORE).await;
    let options = ReviseOptions { final_check: FinalCheck::Judge(checks), ..within(SHORT) };
    let revision = revise(better, &says("Score: 9").await, &answered(), &options).await.unwrap();
    assert_eq!(
        (revision.outcome, revision.text()),
        (RevisionOutcome::Exhausted, "the first draft")
    );
    assert!(!revision.passed(), "what nobody checked has not passed");
    assert!(revision.final_verdict.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_is_over_stays_so() {
    let judge = says("Score: 9").await;
    let options = ReviseOptions { final_check: FinalCheck::None, ..ReviseOptions::default() };
    let mut work = Loop::new(&judge, &answered(), &options).unwrap();
    let LoopStep::Done(first) = work.next(None).await else { panic!("it passes at once") };
    for draft in [None, Some(Ok(Draft::from("another"))), None] {
        let LoopStep::Done(again) = work.next(draft).await else { panic!("it began again") };
        assert_eq!((again.outcome, again.text()), (RevisionOutcome::Passed, "the first draft"));
        assert_eq!(again.rounds, first.rounds);
    }
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_comes_after_the_deadline_is_kept_and_not_judged() {
    let judge = says("Score: 3").await;
    let mut work = Loop::new(&judge, &answered(), &within(SHORT)).unwrap();
    assert!(matches!(work.next(None).await, LoopStep::Write(_)));
    tokio::time::advance(SHORT * 2).await;
    let LoopStep::Done(revision) = work.next(Some(Ok(Draft::from("late")))).await else {
        panic!("the time is up")
    };
    assert_eq!(
        (revision.outcome, revision.text()),
        (RevisionOutcome::Exhausted, "the first draft")
    );
    assert_eq!((&*revision.rounds[1].draft, &revision.rounds[1].verdict), ("late", &None));

    let mut work = Loop::new(&judge, &question(), &within(SHORT)).unwrap();
    assert!(matches!(work.next(None).await, LoopStep::Write(_)));
    let LoopStep::Done(revision) = work.next(None).await else { panic!("there is no draft") };
    assert_eq!(revision.outcome, RevisionOutcome::Exhausted);
}

#[tokio::test]
async fn a_policy_that_fails_at_once_leaves_no_text_and_its_reason() {
    let fails = async |_: &Critique| Err(Error::other("the agent lost its key"));
    let revision = revise(fails, &says("Score: 3").await, &question(), &ReviseOptions::default())
        .await
        .unwrap();
    assert_eq!((revision.outcome, revision.text()), (RevisionOutcome::Failed, ""));
    let error = revision.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Model);
    assert_eq!(error.to_string(), "the model's client failed: the agent lost its key");
}

#[tokio::test]
async fn a_final_judge_without_a_rule_takes_that_of_the_loop() {
    let bare = SCORE.replace("pass: score >= 9\n", "");
    let judge = says("Score: 9").await;
    for (said, passes) in [("Score: 9", true), ("Score: 8", false)] {
        let other = judge_of(Script::always(said), &bare).await;
        let options =
            ReviseOptions { final_check: FinalCheck::Judge(other), ..ReviseOptions::default() };
        let revision = revise(better, &judge, &answered(), &options).await.unwrap();
        assert_eq!(revision.passed(), passes, "{said}");
    }
    let label = "---\nkind: label\nscale: {labels: {good: 1, bad: 0}}\nverdict: 'Label: *'\n---\nuser:\n{{ answer }}\n";
    let other = judge_of(Script::always("Label: good"), label).await;
    let options =
        ReviseOptions { final_check: FinalCheck::Judge(other), ..ReviseOptions::default() };
    let refused = revise(better, &judge, &answered(), &options).await.unwrap_err();
    assert!(refused.to_string().contains("has no pass rule"));
}

#[tokio::test]
async fn a_round_is_begun_where_its_final_check_fits_too() {
    let usage = Usage::new(900, 100);
    let costs = move |text: &str| Script::always(Completion::text(text).usage(usage));
    let priced = async |million: f64| {
        let prompt = Prompt::parse("p", SCORE).unwrap();
        let price = Price { prompt: million, cached: None, completion: million };
        let builder = Judge::builder().backend(costs("Score: 3")).with_prompt(prompt);
        builder.price(price).build().await.unwrap()
    };
    let policy = async |critique: &Critique| Ok(Draft::from(format!("draft {}", critique.round)));
    let run = async |limits: ReviseLimits, final_check: FinalCheck| {
        let options =
            ReviseOptions { limits, final_check, patience: None, ..ReviseOptions::default() };
        revise(policy, &priced(1.0).await, &answered(), &options).await.unwrap()
    };
    for most in [2_000, 2_999, 3_000, 4_500] {
        let limits = ReviseLimits { tokens: Some(most), rounds: 9, ..ReviseLimits::default() };
        let revision = run(limits, FinalCheck::Fresh).await;
        let usage = revision.spent.usage;
        assert!(usage.prompt + usage.completion <= most, "{most}: {usage:?}");
        let fits = usize::try_from(most / 1_000 - 1).unwrap();
        assert_eq!(revision.rounds.len(), fits, "{most} tokens");
    }
    // A judgment costs 0.001, and one of the other judge 0.1.
    let limits = ReviseLimits { cost: Some(0.1015), rounds: 9, ..ReviseLimits::default() };
    let revision = run(limits, FinalCheck::Judge(priced(100.0).await)).await;
    assert_eq!((revision.outcome, revision.rounds.len()), (RevisionOutcome::Exhausted, 1));
    assert!(revision.spent.cost <= 0.1015, "{}", revision.spent.cost);
}

#[tokio::test]
async fn a_first_error_that_the_draft_does_not_have_is_no_worth() {
    let steps = "---\nkind: steps\nfields: {question: required, steps: required}\nverdict: 'First error: *'\npass: first_error = -1\n---\nuser:\n{{ question }}\n{% for step in steps %}{{ step }}\n{% endfor %}\n";
    let says = Script::answering(|request| {
        let invents = request.messages[0].text().contains("invented");
        Ok(Completion::text(if invents { "First error: 57" } else { "First error: 1" }))
    });
    let judge = judge_of(says, steps).await;
    let item = Item::from(json!({"question": "q", "response": "a\nb\nc\nd"}));
    let policy = async |_: &Critique| Ok(Draft::from("an\ninvented\nthing"));
    let options = ReviseOptions { final_check: FinalCheck::None, ..ReviseOptions::default() };
    let revision = revise(policy, &judge, &item, &options).await.unwrap();
    assert_eq!((revision.rounds[0].worth, revision.rounds[1].worth), (Some(0.25), None));
    assert_eq!(revision.text(), "a\nb\nc\nd");
}

#[tokio::test]
async fn a_record_of_steps_is_revised_whole() {
    let finds = Script::answering(|request| {
        let text = request.messages.last().unwrap().text();
        let mark = text.split("First error ").nth(1).and_then(|rest| rest.get(..4)).unwrap();
        let found = if text.contains("2 + 2 = 5") { 1 } else { -1 };
        Ok(Completion::text(format!("Look.\nFirst error {mark}: \\boxed{{{found}}}")))
    });
    let judge = Judge::builder().backend(finds).prompt("first-error").pass("first_error = -1");
    let reviser = Judge::builder().backend(Script::always("1 + 1 = 2\n2 + 2 = 4"));
    let writer = Writer::new(reviser.prompt("revise").build().await.unwrap()).unwrap();
    let item = Item::from(json!({"problem": "q", "steps": ["1 + 1 = 2", "2 + 2 = 5"]}));
    let judge = judge.build().await.unwrap();
    let revision = writer.revise(&judge, &item, &ReviseOptions::default()).await.unwrap();
    assert_eq!(
        (revision.outcome, revision.text()),
        (RevisionOutcome::Passed, "1 + 1 = 2\n2 + 2 = 4"),
        "{:?}",
        revision.error
    );
}

#[cfg(all(feature = "cli", feature = "openai", feature = "store", unix))]
mod command {
    use serde_json::{Value, json};

    use crate::support::{Place, Ran, Reply, Seen, Server};

    async fn run(place: &Place, server: &Server, args: &[&str]) -> Ran {
        let address = ["-m", "openai/x", "--base-url", &server.url];
        let writer = ["--policy", "openai/writer", "--policy-base-url", &server.url];
        Ran::ended(place.start(&[&["revise"], args, &address, &writer].concat())).await
    }

    fn writes(seen: &Seen) -> Option<Reply> {
        (seen.body["model"] == "writer").then(|| Reply::says("A better answer"))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_record_without_an_answer_is_drafted_whatever_prompt_is_chosen() {
        let place = Place::new("revise-undrafted");
        let server =
            Server::start(|seen| writes(seen).unwrap_or_else(|| Reply::says("Score: 10"))).await;
        place.file("r.jsonl", "{\"id\": \"a\", \"question\": \"Why?\"}\n{\"id\": \"b\", \"prompt\": \"Who?\", \"reference\": \"Me\"}\n");
        let ran = run(&place, &server, &["r.jsonl"]).await;
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(
            ran.err.contains("no prompt named: using `score`, which fits the first record"),
            "{}",
            ran.err
        );
        let lines = ran.lines();
        assert_eq!((lines.len(), &lines[1]["final"]), (2, &json!("A better answer")));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_limit_of_time_ends_requests_that_are_on_their_way() {
        let place = Place::new("revise-cut");
        let server = Server::start(|seen| writes(seen).unwrap_or(Reply::Hang)).await;
        place.file("r.jsonl", "{\"question\": \"q\", \"answer\": \"a\"}\n");
        let args = ["r.jsonl", "-p", "score", "--pass", "score >= 9", "--time", "1s"];
        let ran = run(&place, &server, &args).await;
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert_eq!(ran.lines()[0]["outcome"], "exhausted");
        assert_eq!(ran.lines()[0]["final"], "a");

        let server = Server::start(|_| Reply::Hang).await;
        place.file("q.jsonl", "{\"question\": \"q\"}\n");
        let ran = run(&place, &server, &["q.jsonl", "--time", "1s"]).await;
        assert_eq!((ran.code, &ran.lines()[0]["outcome"]), (1, &json!("exhausted")), "{}", ran.err);
        assert_eq!(server.requests(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_limit_that_cannot_be_held_is_reported_once() {
        let place = Place::new("revise-unheld");
        let untold = |text: &str| {
            let choice = json!({"index": 0, "finish_reason": "stop",
                "message": {"role": "assistant", "content": text}});
            Reply::Json(json!({"choices": [choice]}))
        };
        let server = Server::start(move |seen| {
            if seen.body["model"] == "writer" {
                return untold(&format!("Draft {}", seen.index));
            }
            untold("Score: 3")
        })
        .await;
        let record =
            |n: u32| json!({"id": n, "question": "q", "answer": format!("a{n}")}).to_string();
        place.file("r.jsonl", format!("{}\n{}\n", record(1), record(2)));
        let args = ["r.jsonl", "-p", "score", "--pass", "score >= 9", "--tokens", "50"];
        let ran = run(&place, &server, &args).await;
        let said =
            "warning: the server reports no token counts: --tokens and --cost have no effect";
        assert_eq!(ran.err.matches(said).count(), 1, "{}", ran.err);
        let calls = run(&place, &server, &["r.jsonl", "-p", "score", "--calls", "3"]).await;
        assert!(!calls.err.contains(said), "{}", calls.err);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn steps_without_an_answer_are_revised() {
        let place = Place::new("revise-steps");
        let server = Server::start(|seen| {
            writes(seen).unwrap_or_else(|| {
                let said = seen.body["messages"].to_string();
                let mark = said.split("First error ").nth(1).and_then(|rest| rest.get(..4));
                let found = if said.contains("seven is odder") { 0 } else { -1 };
                Reply::says(&format!(
                    "First error {}: \\boxed{{{found}}}",
                    mark.unwrap_or_default()
                ))
            })
        })
        .await;
        let record: Value = json!({"problem": "p", "steps": ["seven is odder", "so it is"]});
        place.file("r.jsonl", format!("{record}\n"));
        let ran = run(&place, &server, &["r.jsonl", "-p", "first-error"]).await;
        assert_eq!(ran.code, 0, "{} {}", ran.err, ran.out);
        assert_eq!(ran.lines()[0]["final"], "A better answer");
    }
}
