//! A work that the crate does not know gets concurrency, a graceful stop, lines and resume from the runner:
//! it says what is done with one record and how that looks, and nothing about files.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::support::Folder;
use serde_json::{Value, json};
use tokio::sync::watch;
use tribunal::{
    Error, Item, Judge, Request, Result, backend,
    error::ErrorKind,
    line::ResultLine,
    records::{self, End, Output, Record, Source},
    run::{self, Finished, JudgeWork, Ran, Redo, Reuse, RunOptions, Stop, Task, Work, run},
};

type Meanwhile = Arc<dyn Fn(&str) -> Result<()> + Send + Sync>;

/// All that a new kind of work has to write.
struct Length {
    /// What happens while a record is worked on.
    meanwhile: Meanwhile,
}

impl Work for Length {
    type Done = usize;
    type Line = Value;

    fn key(&self, item: &Item) -> String {
        format!("length of {}", item.text("answer").unwrap_or_default())
    }

    fn reuse(&self, line: &Value, _: Redo) -> Reuse<usize> {
        match line["length"].as_u64() {
            Some(length) => Reuse::Keep(Ok(usize::try_from(length).unwrap())),
            None => Reuse::Nothing,
        }
    }

    async fn work(&self, task: Task<'_, Value>) -> Result<usize> {
        let answer = task.item.text("answer").unwrap_or_default();
        tokio::task::yield_now().await;
        (self.meanwhile)(&answer)?;
        Ok(answer.len())
    }

    fn line(&self, finished: &Finished<usize>, key: &str) -> Value {
        finished.line_with(key, |length| json!({"length": length}))
    }
}

fn length(meanwhile: impl Fn(&str) -> Result<()> + Send + Sync + 'static) -> Length {
    Length { meanwhile: Arc::new(meanwhile) }
}

/// Records whose answers are so long.
fn records(folder: &Folder, lengths: impl Iterator<Item = usize>) -> Vec<Source> {
    let record = |length| json!({"id": length, "question": "q", "answer": "x".repeat(length)});
    let line = |length| record(length).to_string() + "\n";
    let path = folder.path("records.jsonl");
    std::fs::write(&path, lengths.map(line).collect::<String>()).unwrap();
    vec![Source::File(path)]
}

fn options() -> RunOptions {
    let mut options = RunOptions::default();
    options.concurrency = Some(4);
    options.counts_rest = true;
    options
}

async fn done(work: Length, sources: &[Source], options: RunOptions, path: &Path) -> Ran {
    let records = records::read(sources.to_vec(), records::ReadOptions::default());
    let output = Output::to_file(path).unwrap();
    run(work, records, options, Some(output), &mut ()).await.unwrap()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn it_has_a_line_for_each_record_in_their_order_and_is_done_once() {
    let folder = Folder::new("third-once");
    let (asked, path) = (Arc::new(AtomicUsize::new(0)), folder.path("out.jsonl"));
    let counting = || {
        let asked = asked.clone();
        length(move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    };
    let ran = done(counting(), &records(&folder, 0..20), options(), &path).await;
    assert_eq!((ran.ending.end, ran.records, ran.kept), (End::Whole, 20, 0));
    let more = records(&folder, (0..30).rev());
    let ran = done(counting(), &more, options(), &path).await;
    assert_eq!((ran.records, ran.kept, asked.load(Ordering::Relaxed)), (30, 20, 30));
    let lengths: Vec<Value> = lines(&path).iter().map(|line| line["length"].clone()).collect();
    assert_eq!(lengths, (0..30).rev().map(Value::from).collect::<Vec<_>>());
    assert_eq!(lines(&path)[0]["index"], 0, "a line moves with its record");
    let mut again = options();
    again.redo = Redo::Everything;
    let ran = done(counting(), &more, again, &path).await;
    assert_eq!((ran.kept, asked.load(Ordering::Relaxed), lines(&path).len()), (0, 60, 30));
}

/// Counts how many records are worked on at once, and how many were at most.
struct Slow(Arc<AtomicUsize>, Arc<AtomicUsize>);
impl Work for Slow {
    type Done = ();
    type Line = Value;

    fn key(&self, item: &Item) -> String {
        item.id().unwrap()
    }

    fn reuse(&self, _: &Value, _: Redo) -> Reuse<()> {
        Reuse::Keep(Ok(()))
    }

    async fn work(&self, _: Task<'_, Value>) -> Result<()> {
        self.1.fetch_max(1 + self.0.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.0.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    fn line(&self, finished: &Finished<()>, key: &str) -> Value {
        finished.line_with(key, |()| json!({}))
    }
}

#[tokio::test]
async fn so_many_records_are_in_flight_at_once_and_no_more() {
    let folder = Folder::new("third-flight");
    let (flying, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let read = records::read(records(&folder, 0..50), records::ReadOptions::default());
    let work = Slow(flying, most.clone());
    run(work, read, options(), None, &mut ()).await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn stopped_it_keeps_what_it_did_and_counts_what_it_never_tried() {
    let folder = Folder::new("third-stop");
    let path = folder.path("out.csv");
    let sources = records(&folder, 0..100);
    let (sender, stop) = watch::channel(Stop::No);
    let stopping = length(move |answer| {
        if answer.len() == 10 {
            sender.send(Stop::Soon).unwrap();
        }
        Ok(())
    });
    let mut options = options();
    options.stop = Some(stop);
    let ran = done(stopping, &sources, options.clone(), &path).await;
    assert_eq!(ran.ending.end, End::Stopped);
    assert!((11..20).contains(&ran.records), "{}", ran.records);
    assert_eq!(ran.ending.not_tried(), Some(100 - ran.records));
    let left = ran.left.unwrap();
    assert!(!left.is_final && !path.exists(), "a table is written whole or not at all");
    assert_eq!(lines(&left.results).len(), ran.records);
    options.stop = None;
    let again = done(length(|_| Ok(())), &sources, options, &path).await;
    assert_eq!((again.ending.end, again.kept), (End::Whole, ran.records));
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 101);
    assert!(!left.results.exists());
}

#[tokio::test]
async fn an_error_that_all_others_would_meet_ends_it_and_is_met_again_only_if_it_is_still_there() {
    let folder = Folder::new("third-fatal");
    let path = folder.path("out.jsonl");
    let sources = records(&folder, 0..100);
    let refusing = length(|answer| match answer.len() {
        10.. => Err(Error::new(ErrorKind::Unauthorized, "the key was refused")),
        _ => Ok(()),
    });
    let ran = done(refusing, &sources, options(), &path).await;
    assert!(matches!(&ran.ending.end, End::GaveUp(error) if error.message().contains("refused")));
    assert_eq!(ran.ending.not_tried(), Some(100 - ran.records));
    let again = done(length(|_| Ok(())), &sources, options(), &path).await;
    assert_eq!((again.ending.end, again.records, again.kept), (End::Whole, 100, 10));
}

#[tokio::test]
async fn a_pipe_is_not_read_only_to_be_counted() {
    let read = (0..100).map(|index| {
        let item = Ok(Item::new().answer("x".repeat(index)));
        Record { index, place: format!("line {index}"), item }
    });
    let refusing = length(|_| Err(Error::new(ErrorKind::Quota, "empty")));
    let mut options = options();
    options.counts_rest = false;
    let ran = run(refusing, read, options, None, &mut ()).await.unwrap();
    assert_eq!(ran.ending.not_tried(), None);
    assert_eq!(ran.ending.to_string(), "; the rest of the input was never tried");
}

#[tokio::test]
async fn a_listener_hears_of_every_record_once_and_may_end_the_run() {
    let folder = Folder::new("third-listener");
    let sources = records(&folder, 0..10);
    let read = || records::read(sources.clone(), records::ReadOptions::default());
    let mut heard = Vec::new();
    let mut listener = |finished: &Finished<usize>, line: &Value| {
        assert_eq!(line["length"], *finished.outcome.as_ref().unwrap());
        heard.push(finished.index);
        Ok(())
    };
    run(length(|_| Ok(())), read(), options(), None, &mut listener).await.unwrap();
    heard.sort_unstable();
    assert_eq!(heard, (0..10).collect::<Vec<_>>());
    let full = || Error::new(ErrorKind::Io, "the disk is full");
    let mut listener = |_: &Finished<usize>, _: &Value| Err(full());
    let error = run(length(|_| Ok(())), read(), options(), None, &mut listener).await.unwrap_err();
    assert_eq!(error, full());
}

#[tokio::test]
async fn a_kept_failure_comes_back_with_its_kind_and_its_hints_and_ends_nothing() {
    let folder = Folder::new("third-kept");
    let path = folder.path("out.jsonl");
    let sources = records(&folder, 1..4);
    let long = || Error::new(ErrorKind::TooLong, "the request is too long").hint("cut it");
    let judge = async |calls: Arc<AtomicUsize>| {
        let backend = backend::from_fn("fails", move |_: Request| {
            calls.fetch_add(1, Ordering::Relaxed);
            async move { Err(long()) }
        });
        Judge::builder().backend(backend).prompt("score").build().await.unwrap()
    };
    let calls = Arc::new(AtomicUsize::new(0));
    let mut kinds = Vec::new();
    for _ in 0..2 {
        let read = records::read(sources.clone(), records::ReadOptions::default());
        let output = Some(Output::to_file(&path).unwrap());
        let work = JudgeWork::new(judge(calls.clone()).await);
        let mut listener = |finished: &Finished, _: &ResultLine| {
            let error = finished.outcome.as_ref().unwrap_err();
            kinds.push((finished.kept, error.kind(), error.hints().to_vec()));
            Ok(())
        };
        let (summary, _) = run::judge(work, read, options(), output, &mut listener).await.unwrap();
        assert_eq!((summary.failed, summary.ending.end), (3, End::Whole));
    }
    let failed = |kept| (kept, ErrorKind::TooLong, vec![tribunal::Hint::from("cut it")]);
    let all =
        [failed(false), failed(false), failed(false), failed(true), failed(true), failed(true)];
    assert_eq!((kinds.as_slice(), calls.load(Ordering::Relaxed)), (&all[..], 3));
}
