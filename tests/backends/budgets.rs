//! A budget for all models of a run: what fits is sent, what does not is left to the next run.

#![expect(clippy::disallowed_methods, reason = "servers of tests take their time")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tribunal::{
    Error, ErrorKind, Item, Judge, Result,
    backend::{Backend, Budget, BudgetLimits, Budgeted, Retried, Retry, from_fn},
    completion::{Completion, Usage},
    records::{End, Record},
    request::{Message, Origin, Request, Role},
    run,
};

/// A request of about 60 tokens.
fn request() -> Request {
    let text = "abc ".repeat(60);
    Request::generate(vec![Message::new(Role::User, text, Origin::Prompt)])
}

/// A model that takes a second and answers with so many tokens, and the count of its requests.
fn model(usage: Option<(u64, u64)>) -> (Arc<AtomicU64>, Arc<dyn Backend>) {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = sent.clone();
    let backend = from_fn("model", move |_: Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let answer = Completion::text("Because.\nScore: 7");
            Ok(match usage {
                Some((prompt, completion)) => answer.usage(Usage::new(prompt, completion)),
                None => answer,
            })
        }
    });
    (sent, Arc::new(backend))
}

async fn many(layer: &impl Backend, count: usize) -> Vec<Result<Completion>> {
    join_all((0..count).map(async |_| layer.complete(&request()).await)).await
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_are_sent_than_the_budget_holds() {
    let (sent, model) = model(Some((10, 10)));
    let limits = BudgetLimits { max_requests: Some(10), ..BudgetLimits::default() };
    let budget = Budget::new(limits);
    let layer = Budgeted::new(model, budget.clone());
    let answers = many(&layer, 20).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    let over = answers.into_iter().find_map(Result::err).unwrap();
    assert_eq!(over.kind(), ErrorKind::Budget);
    assert!(over.is_interrupted());
    assert_eq!(
        over.to_string(),
        "the budget of 10 requests is used up: 10 requests, 0 tokens so far"
    );
    assert!(over.hints()[0].to_string().contains("`max_requests` (`20`)"), "{over:?}");
    assert_eq!((sent.load(Ordering::Relaxed), budget.spent().requests), (10, 10));
    assert_eq!(budget.spent().tokens, 200);
}

#[tokio::test(start_paused = true)]
async fn retries_are_requests_too() {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = sent.clone();
    let busy = from_fn("busy", move |_: Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Err(Error::new(ErrorKind::Overloaded, "busy")) }
    });
    let limits = BudgetLimits { max_requests: Some(5), ..BudgetLimits::default() };
    let budget = Budget::new(limits);
    let retry = Retry { budget: Some(budget.clone()), ..Retry::default() };
    let layer = Budgeted::new(Retried::new(busy, retry), budget.clone());
    let error = layer.complete(&request()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Budget, 5));
    assert!(error.is_interrupted());
    assert_eq!((sent.load(Ordering::Relaxed), budget.spent().requests), (5, 5));
}

#[tokio::test(start_paused = true)]
async fn tokens_are_counted_as_reported_and_estimated_where_they_are_not() {
    let limits = BudgetLimits { max_total_tokens: Some(1000), ..BudgetLimits::default() };
    let (_, reports) = model(Some((60, 40)));
    let budget = Budget::new(limits);
    let answers = many(&Budgeted::new(reports, budget.clone()), 64).await;
    // What is on its way is waited for before a request is refused.
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    assert_eq!((budget.spent().tokens, budget.spent().estimated_tokens), (1000, 0));
    assert!(budget.exhausted().unwrap().message().contains("budget of 1000 tokens"));
    let (_, silent) = model(None);
    let budget = Budget::new(limits);
    Budgeted::new(silent, budget.clone()).complete(&request()).await.unwrap();
    assert_eq!(budget.spent().to_string(), "1 request, 65 tokens (65 of them estimated)");
}

#[tokio::test(start_paused = true)]
async fn money_needs_prices_and_unknown_is_not_nothing() {
    let limits = BudgetLimits { max_cost: Some(1.0), ..BudgetLimits::default() };
    let (sent, model) = model(Some((1000, 1000)));
    let budget = Budget::new(limits);
    let layer = Budgeted::new(model, budget.clone());
    layer.complete(&request()).await.unwrap();
    let error = layer.complete(&request()).await.unwrap_err();
    assert!(error.to_string().contains("needs the price of model"), "{error}");
    assert_eq!((sent.load(Ordering::Relaxed), budget.spent().unpriced), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_the_deadline_and_what_is_on_its_way_lands() {
    let deadline = Some(Duration::from_millis(2500));
    let (sent, model) = model(Some((1, 1)));
    let budget = Budget::new(BudgetLimits { deadline, ..BudgetLimits::default() });
    let layer = Budgeted::new(model, budget.clone());
    let mut answered = 0;
    while layer.complete(&request()).await.is_ok() {
        answered += 1;
    }
    assert_eq!((answered, sent.load(Ordering::Relaxed)), (3, 3));
    assert!(budget.exhausted().unwrap().message().contains("time budget of 2s 500ms"));
}

#[tokio::test(start_paused = true)]
async fn one_budget_holds_for_all_models_and_for_requests_that_are_dropped() {
    let limits = BudgetLimits { max_requests: Some(4), ..BudgetLimits::default() };
    let budget = Budget::new(limits);
    let [one, other] = [model(None).1, model(None).1].map(|it| Budgeted::new(it, budget.clone()));
    one.complete(&request()).await.unwrap();
    other.complete(&request()).await.unwrap();
    let dropped = request();
    let dropped = tokio::time::timeout(Duration::from_millis(10), one.complete(&dropped));
    assert!(dropped.await.is_err());
    other.complete(&request()).await.unwrap();
    assert!(one.complete(&request()).await.is_err());
    assert!(budget.spent().estimated_tokens > 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_with_its_budget_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let ran = async |max_requests: u64| {
        let (sent, model) = model(Some((10, 10)));
        let limits = BudgetLimits { max_requests: Some(max_requests), ..BudgetLimits::default() };
        let model = Budgeted::new(model, Budget::new(limits));
        let judge = Judge::builder().backend(model).prompt("score").build().await.unwrap();
        let records = (0..20).map(|index| {
            let item = Item::new().question("Why?").answer(format!("Because {index}."));
            Record { index, place: index.to_string(), item: Ok(item) }
        });
        let mut options = run::RunOptions::default();
        options.concurrency = Some(4);
        options.total = Some(20);
        let output = tribunal::records::Output::to_file(&path).unwrap();
        let work = run::JudgeWork::new(judge);
        let (summary, _) = run::judge(work, records, options, Some(output), &mut ()).await.unwrap();
        (summary, sent.load(Ordering::Relaxed))
    };
    let (summary, sent) = ran(8).await;
    let End::OutOfBudget(error) = &summary.ending.end else { panic!("{:?}", summary.ending) };
    assert!(error.message().contains("budget of 8 requests is used up"), "{error}");
    assert_eq!(sent, 8);
    let judged = summary.judged;
    assert_eq!(summary.ending.not_tried(), Some(20 - summary.records));
    // The record whose re-asking was refused is not half done: it is done by the next run.
    let (summary, _) = ran(1000).await;
    assert_eq!(summary.ending.end, End::Whole);
    assert!(summary.judged > judged);
}
