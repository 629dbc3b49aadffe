//! All layers together, in their order: recorded ▸ cached ▸ budgeted ▸ retried ▸ limited ▸ endpoints ▸ one try.

#![cfg(feature = "store")]
#![expect(clippy::disallowed_methods, reason = "servers of tests take their time")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tribunal::{
    Error, ErrorKind,
    backend::{
        Backend, BackendExt, Budget, BudgetLimits, Endpoints, Replay, Retry,
        cache::{Cache, Mode},
        from_fn,
    },
    completion::{Completion, Price, Usage},
    request::Request,
};

fn request(draw: u32) -> Request {
    let mut request = Request::generate(Vec::new());
    request.draw = draw;
    request
}

/// An endpoint that fails every fifth time, with the counts of requests that it has and had at most.
fn endpoint() -> (Arc<[AtomicU32; 3]>, impl Backend + 'static) {
    let counts: Arc<[AtomicU32; 3]> = Arc::default();
    let counted = counts.clone();
    let backend =
        from_fn("m", move |request: Request| {
            let counts = counted.clone();
            let number = counts[0].fetch_add(1, Ordering::Relaxed);
            let now = counts[1].fetch_add(1, Ordering::Relaxed) + 1;
            counts[2].fetch_max(now, Ordering::Relaxed);
            async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                counts[1].fetch_sub(1, Ordering::Relaxed);
                match number % 5 {
                    4 => Err(Error::new(ErrorKind::Overloaded, "busy").after_attempts(1)),
                    _ => Ok(Completion::text(format!("answer {}", request.draw))
                        .usage(Usage::new(100, 10))),
                }
            }
        });
    (counts, backend)
}

#[tokio::test(start_paused = true)]
async fn in_their_order_every_layer_does_its_part_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.jsonl");
    let budget = Budget::new(BudgetLimits { max_requests: Some(60), ..BudgetLimits::default() });
    let ((one, first), (two, second)) = (endpoint(), endpoint());
    let price = Price { prompt: 1.0, cached: None, completion: 10.0 };
    let model = Endpoints::new(first)
        .and(second, 1)
        .priced(price)
        .limited(4)
        .retried(Retry { budget: Some(budget.clone()), ..Retry::default() })
        .budgeted(budget.clone())
        .cached(&Cache::in_memory(Mode::On))
        .recorded(&path)
        .unwrap();
    assert_eq!((model.name(), model.concurrency(), model.price()), ("m", 4, Some(price)));
    // Every question four times.
    let answers =
        join_all((0..160).map(async |n| (n % 40, model.complete(&request(n % 40)).await)));
    let answers = answers.await;
    for (draw, answer) in &answers {
        let answer = answer.as_ref().unwrap();
        assert_eq!(answer.text, format!("answer {draw}"));
        assert_eq!(answer.cost, Some(0.0002));
    }
    let cached = answers.iter().filter(|(_, answer)| answer.as_ref().unwrap().cached).count();
    let sent = [&one, &two].map(|counts| counts[0].load(Ordering::Relaxed)).iter().sum::<u32>();
    assert_eq!(cached, 120);
    assert!((41..=60).contains(&sent), "{sent}");
    assert!(one[2].load(Ordering::Relaxed) <= 4 && two[2].load(Ordering::Relaxed) <= 4);
    // What the endpoints tried among themselves counts as well.
    assert_eq!(budget.spent().requests, u64::from(sent));
    assert_eq!(budget.spent().tokens, 40 * 110);
    assert!((budget.spent().cost - 0.008).abs() < 1e-9);
    // The budget ends what is asked, and nothing that is cached.
    let more = join_all((40..100).map(async |n| model.complete(&request(n)).await)).await;
    assert!(more.iter().any(Result::is_ok));
    let over = more.into_iter().find_map(Result::err).unwrap();
    assert_eq!((over.kind(), over.is_interrupted()), (ErrorKind::Budget, true));
    assert!(model.complete(&request(7)).await.unwrap().cached);
    // Everything that was answered was recorded.
    let replay = Replay::open(&path).unwrap();
    assert!(replay.len() > 40);
    assert_eq!(replay.complete(&request(7)).await.unwrap().text, "answer 7");
}
