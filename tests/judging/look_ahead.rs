//! A run may begin records in another order than that of the input, if that costs less. Everything else about a run
//! stays as it is: its results, its stop, its resume, its memory.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::support::Folder;
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::watch;
use tribunal::{
    Completion, Error, Item, Judge, Request, Result,
    backend::{Backend, BackendExt},
    error::ErrorKind,
    records::{End, Output, Record},
    request::Capabilities,
    run::{self, Finished, JudgeWork, Ran, Redo, Reuse, RunOptions, Stop, Task, Work, run},
};

/// Work that costs less if records of one group follow each other. It notes which records it worked on.
struct Grouped {
    began: Arc<Mutex<Vec<usize>>>,
    meanwhile: Box<dyn Fn(usize) + Send + Sync>,
}

impl Grouped {
    fn new() -> Self {
        Self { began: Arc::default(), meanwhile: Box::new(|_| ()) }
    }
}

impl Work for Grouped {
    type Done = ();
    type Line = Value;

    fn key(&self, item: &Item) -> String {
        item.text("answer").unwrap()
    }

    fn prefix(&self, item: &Item) -> Option<String> {
        Some(item.text("question")?.repeat(20) + &item.text("answer")?)
    }

    fn reuse(&self, _: &Value, redo: Redo) -> Reuse<()> {
        if redo == Redo::Everything { Reuse::Nothing } else { Reuse::Keep(Ok(())) }
    }

    async fn work(&self, task: Task<'_, Value>) -> Result<()> {
        self.began.lock().unwrap().push(task.index);
        tokio::task::yield_now().await;
        (self.meanwhile)(task.index);
        Ok(())
    }

    fn line(&self, finished: &Finished<()>, key: &str) -> Value {
        finished.line_with(key, |()| json!({}))
    }
}

/// A record of one of ten groups.
fn grouped(index: usize) -> Record {
    let item = Item::new().question(format!("group {}", index % 10)).answer(index.to_string());
    Record { index, place: format!("item {index}"), item: Ok(item) }
}

fn options() -> RunOptions {
    let mut options = RunOptions::default();
    options.concurrency = Some(2);
    options.counts_rest = true;
    options
}

async fn done(
    work: Grouped,
    records: impl Iterator<Item = Record> + Send + 'static,
    options: RunOptions,
    path: &Path,
) -> Ran {
    let output = Output::to_file(path).unwrap();
    run(work, records, options, Some(output), &mut ()).await.unwrap()
}

/// The index of each line, in the order of the lines.
fn indexes(path: &Path) -> Vec<usize> {
    let text = std::fs::read_to_string(path).unwrap();
    let index =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap();
    text.lines().map(|line| usize::try_from(index(line)).unwrap()).collect()
}

/// How many times a record is not of the group of the record before.
fn changes(order: &[usize]) -> usize {
    order.windows(2).filter(|pair| pair[0] % 10 != pair[1] % 10).count()
}

#[tokio::test]
async fn records_with_a_common_beginning_follow_each_other_and_results_are_in_the_order_of_the_input()
 {
    let folder = Folder::new("ahead-order");
    let path = folder.path("out.jsonl");
    let work = Grouped::new();
    let began = work.began.clone();
    let ran = done(work, (0..500).map(grouped), options(), &path).await;
    assert_eq!((ran.ending.end, ran.records), (End::Whole, 500));
    let began = began.lock().unwrap();
    // Two records are in flight at once, so that neighbours may change places.
    assert!(changes(&began) < 30, "{began:?}");
    assert_eq!(indexes(&path), (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_record_at_a_time_is_worked_on_in_the_order_of_the_input() {
    let folder = Folder::new("ahead-one");
    let work = Grouped::new();
    let began = work.began.clone();
    let mut options = options();
    options.concurrency = Some(1);
    done(work, (0..100).map(grouped), options, &folder.path("out.jsonl")).await;
    assert_eq!(*began.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn stopped_within_a_window_it_counts_what_it_never_began_and_resumes_without_repeating_anything()
 {
    let folder = Folder::new("ahead-stop");
    let path = folder.path("out.jsonl");
    let (sender, stop) = watch::channel(Stop::No);
    let (first, second) = (Grouped::new(), Grouped::new());
    let (began, resumed) = (first.began.clone(), second.began.clone());
    let count = AtomicUsize::new(0);
    let stops = move |_| {
        if count.fetch_add(1, Ordering::Relaxed) == 120 {
            sender.send(Stop::Soon).unwrap();
        }
    };
    let first = Grouped { meanwhile: Box::new(stops), ..first };
    let mut stopping = options();
    stopping.stop = Some(stop);
    let ran = done(first, (0..300).map(grouped), stopping, &path).await;
    assert_eq!(ran.ending.end, End::Stopped);
    assert_eq!(ran.ending.not_tried(), Some(300 - ran.records));
    assert_eq!(began.lock().unwrap().len(), ran.records);
    let again = done(second, (0..300).map(grouped), options(), &path).await;
    assert_eq!((again.ending.end, again.kept), (End::Whole, ran.records));
    let (began, resumed) = (began.lock().unwrap(), resumed.lock().unwrap());
    let all: BTreeSet<usize> = began.iter().chain(&*resumed).copied().collect();
    assert_eq!((began.len() + resumed.len(), all.len()), (300, 300));
    assert!(changes(&resumed) < 30, "{resumed:?}");
    assert_eq!(indexes(&path), (0..300).collect::<Vec<_>>());
}

#[tokio::test]
async fn broken_records_and_second_uses_of_an_id_fail_as_they_do_in_the_order_of_the_input() {
    let records = (0..60).map(|index| {
        let mut record = grouped(index);
        // The record that comes second in the input fails, although the prompts of its group begin first.
        let id = if matches!(index, 23 | 31) { "twice".to_owned() } else { index.to_string() };
        record.item = record.item.map(|item| {
            let mut fields = item.record().clone();
            fields.insert("id".into(), id.into());
            Item::from(Value::Object(fields))
        });
        if index == 7 {
            record.item = Err(Error::new(ErrorKind::Record, "a quote is never closed"));
        }
        record
    });
    let mut failed = Vec::new();
    let mut listener = |finished: &Finished<()>, _: &Value| {
        if let Err(error) = &finished.outcome {
            failed.push((finished.index, error.kind()));
        }
        Ok(())
    };
    run(Grouped::new(), records, options(), None, &mut listener).await.unwrap();
    failed.sort_by_key(|(index, _)| *index);
    assert_eq!(failed, [(7, ErrorKind::Record), (31, ErrorKind::Record)]);
}

#[tokio::test]
async fn few_records_are_held_however_long_the_input_is() {
    const MOST: usize = 4096 + 16;
    let read = Arc::new(AtomicUsize::new(0));
    let (reading, ended) = (read.clone(), AtomicUsize::new(0));
    let records = (0..10_000).map(move |index| {
        reading.fetch_add(1, Ordering::SeqCst);
        grouped(index)
    });
    let held = Arc::new(AtomicUsize::new(0));
    let most = held.clone();
    let meanwhile = move |_| {
        let ended = ended.fetch_add(1, Ordering::SeqCst);
        most.fetch_max(read.load(Ordering::SeqCst) - ended, Ordering::SeqCst);
    };
    let work = Grouped { meanwhile: Box::new(meanwhile), ..Grouped::new() };
    let began = work.began.clone();
    run(work, records, options(), None, &mut ()).await.unwrap();
    assert!(held.load(Ordering::SeqCst) <= MOST, "{held:?}");
    let began = began.lock().unwrap();
    assert!((began.len(), changes(&began) < 300) == (10_000, true), "{}", changes(&began));
}

/// Notes the questions that it is asked.
#[derive(Debug)]
struct Keeping {
    keeps: bool,
    asked: Arc<Mutex<Vec<usize>>>,
}

#[async_trait]
impl Backend for Keeping {
    fn name(&self) -> &'static str {
        "keeping"
    }

    fn identity(&self) -> &'static str {
        "keeping"
    }

    fn concurrency(&self) -> usize {
        2
    }

    fn keeps_prompts(&self) -> bool {
        self.keeps
    }

    async fn capabilities(&self) -> Capabilities {
        Capabilities::TEXT
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        let text: String = request.messages.iter().map(tribunal::request::Message::text).collect();
        let number = text.split("number ").nth(1).unwrap().split('.').next().unwrap();
        self.asked.lock().unwrap().push(number.parse().unwrap());
        tokio::task::yield_now().await;
        Ok(Completion::text("Score: 7"))
    }
}

/// A question that is long enough for servers to keep it.
fn long_question(group: usize) -> String {
    format!("What does the long text of group {group} say? {}", "It says more. ".repeat(300))
}

/// The order in which a judge asks about records of ten groups.
async fn asked(keeps: bool) -> Vec<usize> {
    let model = Keeping { keeps, asked: Arc::default() };
    let asked = model.asked.clone();
    // A layer says what the model says.
    let judge = Judge::builder().backend(model.limited(2)).prompt("score").build().await.unwrap();
    let items = (0..100).map(|n| {
        let question = long_question(n % 10);
        Item::new().question(question).answer(format!("It says number {n}."))
    });
    let work = JudgeWork::new(judge);
    run::judge(work, run::items(items), options(), None, &mut ()).await.unwrap();
    asked.lock().unwrap().clone()
}

/// The same for the second member of a jury, whose first member keeps no prompts.
async fn asked_of_a_jury(keeps: bool) -> Vec<usize> {
    let model = Keeping { keeps, asked: Arc::default() };
    let asked = model.asked.clone();
    let of = async |model: Keeping| {
        Judge::builder().backend(model.limited(2)).prompt("score").build().await.unwrap()
    };
    let first = of(Keeping { keeps: false, asked: Arc::default() }).await;
    let jury = Judge::panel([("first", first), ("second", of(model).await)]);
    let jury = jury.build().await.unwrap();
    let items = (0..100).map(|n| {
        let question = long_question(n % 10);
        Item::new().question(question).answer(format!("It says number {n}."))
    });
    run::judge(JudgeWork::new(jury), run::items(items), options(), None, &mut ()).await.unwrap();
    asked.lock().unwrap().clone()
}

#[tokio::test]
async fn a_jury_looks_ahead_for_a_member_whose_model_keeps_prompts() {
    assert!(changes(&asked_of_a_jury(true).await) < 30);
    assert!(changes(&asked_of_a_jury(false).await) > 90);
}

#[tokio::test]
async fn prompts_that_are_too_short_to_be_kept_are_asked_in_the_order_of_the_input() {
    let model = Keeping { keeps: true, asked: Arc::default() };
    let asked = model.asked.clone();
    let judge = Judge::builder().backend(model).prompt("score").build().await.unwrap();
    let answer =
        |n: usize| Item::new().question(format!("{}?", n % 10)).answer(format!("number {n}."));
    let items = run::items((0..100).map(answer));
    run::judge(JudgeWork::new(judge), items, options(), None, &mut ()).await.unwrap();
    assert!(changes(&asked.lock().unwrap()) > 90);
}

#[tokio::test]
async fn a_judge_looks_ahead_only_for_models_that_keep_prompts() {
    assert!(changes(&asked(true).await) < 30);
    assert!(changes(&asked(false).await) > 90);
}
