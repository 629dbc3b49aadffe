//! One request goes ahead of those with the same beginning: the layer on a clock that waits for nobody, and in its place
//! among the others.

#![cfg(feature = "openai")]
#![expect(clippy::disallowed_methods, reason = "servers of tests take their time")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::Instant;
use tribunal::{
    Completion, Error, ErrorKind, Item, Judge, Request, Result,
    backend::{Backend, BackendExt, from_fn},
    environment::Environment,
    models::Models,
    request::{Message, Origin, Role},
    run::{self, RunOptions},
};

use crate::support::{Reply, Server};

/// A text of more than a thousand tokens.
fn long(word: &str) -> String {
    format!("{word} ").repeat(5000 / word.len())
}

/// A request whose prompt consists of these texts and its name.
fn request(beginning: &[&str], name: &str) -> Request {
    let texts = beginning.iter().map(|word| long(word)).chain([name.to_owned()]);
    Request::generate(texts.map(|text| Message::new(Role::User, text, Origin::Data)).collect())
}

/// When each request was sent, in milliseconds, with the name at its end.
type Sent = Arc<Mutex<Vec<(u128, String)>>>;

/// A model that answers after 100 ms, or after as long and as well as `ends` says of the name of a request.
fn model(
    ends: impl Fn(&str) -> (u64, Result<()>) + Send + Sync + 'static,
) -> (Sent, impl Backend + 'static) {
    let sent = Sent::default();
    let (noted, started) = (sent.clone(), Instant::now());
    let model = from_fn("m", move |request: Request| {
        let name = request.messages.last().unwrap().text();
        noted.lock().unwrap().push((started.elapsed().as_millis(), name.clone()));
        let (time, end) = ends(&name);
        async move {
            tokio::time::sleep(Duration::from_millis(time)).await;
            end.map(|()| Completion::text(name))
        }
    });
    (sent, model)
}

fn fine(_: &str) -> (u64, Result<()>) {
    (100, Ok(()))
}

async fn ask_all(model: &impl Backend, requests: &[Request]) -> Vec<Result<Completion>> {
    join_all(requests.iter().map(|request| model.complete(request))).await
}

/// What was sent, as `TIME NAME NAME; TIME …`.
fn shown(sent: &Sent) -> String {
    let mut text = String::new();
    let mut last = None;
    for (time, name) in sent.lock().unwrap().drain(..) {
        if last == Some(time) {
            text.push_str(&format!(" {name}"));
        } else {
            let end = if last.is_some() { "; " } else { "" };
            text.push_str(&format!("{end}{time} {name}"));
        }
        last = Some(time);
    }
    text
}

#[tokio::test(start_paused = true)]
async fn the_first_of_a_group_goes_ahead_and_other_groups_and_short_prompts_go_on() {
    let (sent, model) = model(fine);
    let model = model.warmed();
    let mut requests: Vec<_> =
        ["a1", "a2", "a3"].map(|name| request(&["rubric"], name)).into_iter().collect();
    requests.extend(["b1", "b2"].map(|name| request(&["other"], name)));
    requests.extend(["short", "brief"].map(|name| request(&[], name)));
    assert!(ask_all(&model, &requests).await.iter().all(Result::is_ok));
    assert_eq!(shown(&sent), "0 a1 b1 short brief; 100 a2 a3 b2", "each once");
    // The beginning was read, so that nothing waits.
    ask_all(&model, &["a4", "a5"].map(|name| request(&["rubric"], name))).await;
    assert_eq!(shown(&sent), "200 a4 a5");
    // After five minutes without use it is forgotten.
    tokio::time::sleep(Duration::from_secs(301)).await;
    ask_all(&model, &["a6", "a7"].map(|name| request(&["rubric"], name))).await;
    assert_eq!(shown(&sent), "301300 a6; 301400 a7");
}

#[tokio::test(start_paused = true)]
async fn longer_beginnings_that_some_share_are_sent_ahead_in_turn() {
    let (sent, model) = model(fine);
    let model = model.warmed();
    let requests = [("x", "x1"), ("x", "x2"), ("y", "y1"), ("y", "y2"), ("y", "y3")]
        .map(|(document, name)| request(&["rubric", document], name));
    ask_all(&model, &requests).await;
    // `y1` needs the rubric only; the others wait for their document.
    assert_eq!(shown(&sent), "0 x1; 100 x2 y1; 200 y2 y3");
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_the_next_goes_ahead_and_after_another_one_all_go() {
    let fails = |names: &'static [&str]| {
        move |name: &str| {
            let error = || Err(Error::new(ErrorKind::Overloaded, "busy"));
            (100, if names.contains(&name) { error() } else { Ok(()) })
        }
    };
    let requests = ["1", "2", "3", "4"].map(|name| request(&["rubric"], name));
    let (sent, once) = model(fails(&["1"]));
    ask_all(&once.warmed(), &requests).await;
    assert_eq!(shown(&sent), "0 1; 100 2; 200 3 4");
    let (sent, twice) = model(fails(&["1", "2"]));
    ask_all(&twice.warmed(), &requests).await;
    assert_eq!(shown(&sent), "0 1; 100 2; 200 3 4");
    let (sent, always) = model(fails(&["1", "2", "3", "4"]));
    let answers = ask_all(&always.warmed(), &requests).await;
    assert_eq!(shown(&sent), "0 1; 100 2; 200 3 4");
    assert!(answers.iter().all(Result::is_err));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_or_never_ends_holds_up_no_other() {
    let slow = |name: &str| (if name == "slow" { 600_000 } else { 100 }, Ok(()));
    let (sent, first) = model(slow);
    let warmed = first.warmed();
    let requests = ["slow", "1", "2"].map(|name| request(&["rubric"], name));
    let given_up = tokio::time::timeout(Duration::from_secs(1), warmed.complete(&requests[0]));
    let others = async {
        tokio::task::yield_now().await;
        ask_all(&warmed, &requests[1..]).await
    };
    tokio::join!(async { drop(given_up.await) }, others);
    assert_eq!(shown(&sent), "0 slow; 1000 1; 1100 2");

    let (sent, second) = model(slow);
    let warmed = second.warmed();
    let started = Instant::now();
    tokio::select! {
        _ = ask_all(&warmed, &requests[..1]) => panic!("it takes ten minutes"),
        _ = async {
            tokio::task::yield_now().await;
            // A request that is dropped while it waits changes nothing.
            let dropped = warmed.complete(&requests[1]);
            drop(tokio::time::timeout(Duration::from_millis(1), dropped).await);
            ask_all(&warmed, &requests[1..]).await
        } => (),
    }
    assert_eq!(shown(&sent), "0 slow; 10001 1 2");
    assert!(started.elapsed() < Duration::from_secs(11));
}

#[cfg(feature = "store")]
#[tokio::test(start_paused = true)]
async fn a_cached_answer_waits_for_nothing_and_is_not_sent_ahead() {
    use tribunal::backend::cache::{Cache, Mode};
    let (sent, model) = model(|name| (if name == "slow" { 9_000 } else { 100 }, Ok(())));
    let model = model.warmed().cached(&Cache::in_memory(Mode::On));
    let of = |name: &str| request(&["rubric"], name);
    model.complete(&of("known")).await.unwrap();
    // The provider has forgotten the beginning, and the cache has not forgotten the answer.
    tokio::time::sleep(Duration::from_secs(600)).await;
    let before = Instant::now();
    let slow = async { model.complete(&of("slow")).await.unwrap() };
    let hit = async {
        tokio::task::yield_now().await;
        let hit = model.complete(&of("known")).await.unwrap();
        assert!(hit.cached && before.elapsed() < Duration::from_millis(1));
        model.complete(&of("next")).await.unwrap();
    };
    tokio::join!(slow, hit);
    assert_eq!(shown(&sent), "0 known; 600100 slow; 609100 next");
}

/// Judges eight records whose prompts begin with a long rubric, and returns how many requests a server at this name had
/// received when it gave its first answer, and in all.
async fn before_the_first_answer(name: &str) -> (usize, usize) {
    let received = Arc::new(Mutex::new((0, None)));
    let noted = received.clone();
    let server = Server::start(move |_| {
        let is_first = {
            let mut noted = noted.lock().unwrap();
            noted.0 += 1;
            noted.0 == 1
        };
        if is_first {
            // Long enough for any other request to arrive.
            std::thread::sleep(Duration::from_millis(300));
            let mut noted = noted.lock().unwrap();
            noted.1 = Some(noted.0);
        }
        Reply::says("Score: 7")
    })
    .await;
    let environment = Environment::of([("OPENAI_API_KEY", "sk-0123456789")]);
    let spec = tribunal::models::ModelSpec::new(name).base_url(server.url.clone());
    let judge = Judge::builder()
        .model(spec)
        .models(&Models::new(environment))
        .prompt("score")
        .build()
        .await
        .unwrap();
    let document = long("fact");
    let items = (0..8).map(move |n| {
        Item::from(json!({"question": document.clone(), "answer": format!("answer {n}")}))
    });
    let work = run::JudgeWork::new(judge);
    run::judge(work, run::items(items), RunOptions::default(), None, &mut ()).await.unwrap();
    let (all, first) = *received.lock().unwrap();
    (first.unwrap(), all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn services_that_discount_prompts_get_one_request_first_and_no_more_than_any_others() {
    assert_eq!(before_the_first_answer("deepseek/m").await, (1, 8));
    // A server of one's own charges nothing.
    let (_, all) = before_the_first_answer("lmstudio/m").await;
    assert_eq!(all, 8);
}

#[tokio::test]
async fn records_with_a_common_beginning_reach_a_server_one_after_another() {
    let server = Server::start(|_| Reply::says("Score: 7")).await;
    let spec = tribunal::models::ModelSpec::new("lmstudio/m").base_url(server.url.clone());
    let judge = Judge::builder()
        .model(spec)
        .models(&Models::new(Environment::of([("LMSTUDIO_API_KEY", "sk-0123456789")])))
        .prompt("score")
        .build()
        .await
        .unwrap();
    let items = (0..100).map(|n| {
        // Servers keep long beginnings only.
        let more = "It says more. ".repeat(300);
        let question = format!("What does the text of group {} say? {more}", n % 10);
        Item::new().question(question).answer(format!("It says {n}."))
    });
    let work = run::JudgeWork::new(judge);
    let mut options = RunOptions::default();
    // The whole input is read before the first record begins.
    options.counts_rest = true;
    run::judge(work, run::items(items), options, None, &mut ()).await.unwrap();
    let group = |body: &serde_json::Value| {
        let text = body["messages"].to_string();
        text.split("of group ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
    };
    let groups: Vec<_> = server.seen().iter().map(|seen| group(&seen.body)).collect();
    let changes = groups.windows(2).filter(|pair| pair[0] != pair[1]).count();
    // Requests in flight at the same time may change places.
    assert!(groups.len() == 100 && changes < 50, "{groups:?}");
}
