//! Models in this process that do not fit into memory together.

#![cfg(feature = "tiny")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use futures_util::{StreamExt, stream};
use tribunal::{
    Item, Judge,
    models::{Context, ModelSettings, ModelSpec, Models},
};

/// The shipped model with a context of this length: another one for the registry, with the same answers.
fn tiny(tokens: u32) -> ModelSpec {
    let context = Some(Context::Tokens(tokens));
    ModelSpec::new("tiny").settings(ModelSettings { context, ..ModelSettings::default() })
}

async fn jury(models: &Models) -> Judge {
    let mut members = Vec::new();
    for (name, tokens) in [("short", 512), ("long", 1024)] {
        let judge = Judge::builder().model(tiny(tokens)).models(models).prompt("tiny-score");
        members.push((name, judge.build().await.unwrap()));
    }
    Judge::panel(members).build().await.unwrap()
}

fn sums(count: u32) -> Vec<Item> {
    let sum = |n: u32| {
        let step = format!("{n} + 5 = {}", n + 5 + n % 2);
        Item::new().set("problem", format!("{n} + 5")).set("steps", vec![step])
    };
    (10..10 + count).map(sum).collect()
}

/// The scores of all votes, in the order of the items.
async fn scores(judge: &Judge, items: Vec<Item>) -> Vec<Vec<Option<f64>>> {
    let judged = judge.judge_all(stream::iter(items));
    let mut judged: Vec<_> = judged.map(|one| (one.index, one.judgment.unwrap())).collect().await;
    judged.sort_by_key(|(index, _)| *index);
    let votes = judged.into_iter().map(|(_, judgment)| judgment.votes);
    let score = |vote: &tribunal::Vote| vote.outcome.verdict().and_then(tribunal::Verdict::score);
    votes.map(|votes| votes.iter().map(score).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn models_that_do_not_fit_together_answer_one_after_another_and_say_the_same() {
    const RECORDS: u32 = 40;
    let (roomy, tight) = (Models::default(), Models::default().within_memory(1));
    let (at_once, in_turn) = (jury(&roomy).await, jury(&tight).await);
    assert_eq!(at_once.identity(), in_turn.identity());
    assert!(at_once.open_records() < in_turn.open_records(), "many records are in flight");
    let expected = scores(&at_once, sums(RECORDS)).await;
    assert!(expected.iter().flatten().all(Option::is_some));
    assert_eq!(scores(&in_turn, sums(RECORDS)).await, expected);
    // All records are in flight: each model answers about all of them, and is then exchanged.
    let exchanges = tight.exchanges();
    assert!((1..RECORDS as usize / 4).contains(&exchanges), "{exchanges}");
    assert_eq!(roomy.exchanges(), 0);
    let engines = tight.engines();
    assert_eq!(engines.len(), 2);
    for ((_, apart), (_, together)) in engines.iter().zip(roomy.engines()) {
        assert_eq!(apart.requests, together.requests, "also those before it was unloaded count");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fits_beside_another_one_stays() {
    let models = Models::default().within_memory(u64::MAX);
    let jury = jury(&models).await;
    scores(&jury, sums(4)).await;
    assert_eq!((models.loads(), models.exchanges()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judgment_that_is_given_up_leaves_the_models_to_the_others() {
    let models = Models::default().within_memory(1);
    let jury = jury(&models).await;
    for n in 0..6 {
        let given_up = {
            let jury = jury.clone();
            tokio::spawn(async move { jury.judge(&sums(1)[0]).await })
        };
        (0..n).for_each(|_| std::thread::yield_now());
        given_up.abort();
    }
    assert!(scores(&jury, sums(3)).await.iter().flatten().all(Option::is_some));
}
