//! Settings of the engine: which of them change answers, and that answers do not depend on other requests where that
//! is asked for.

#![cfg(all(feature = "llama", feature = "tiny"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use futures_util::{StreamExt as _, stream};
use tribunal::{
    backend::{
        Backend, FlashAttention, KvType, Split,
        llama::{Llama, LlamaOptions},
    },
    completion::Completion,
    request::{Ask, Request, Sampling},
};

use crate::{
    shipped::{self, tiny},
    support::instruct_model,
};

fn asks(text: &str) -> Request {
    shipped::asks(text, 40)
}

fn sum(n: usize) -> Request {
    asks(&format!(
        "Review the solution.\nProblem: {n} + {}\nSolution\nParagraph 0: {n} + {} = {}",
        7 * n % 50,
        7 * n % 50,
        8 * n
    ))
}

/// The answers to these requests, so many of them at once, in the order of the requests.
async fn answers(
    model: &Llama,
    requests: &[Request],
    order: impl Iterator<Item = usize>,
    at_once: usize,
) -> Vec<Completion> {
    let asked = stream::iter(order);
    let asked = asked.map(async |n| (n, model.complete(&requests[n]).await.unwrap()));
    let mut all: Vec<_> = asked.buffer_unordered(at_once).collect().await;
    all.sort_by_key(|(n, _)| *n);
    all.into_iter().map(|(_, answer)| answer).collect()
}

/// Equal to the last bit.
fn assert_same(a: &[Completion], b: &[Completion]) {
    for (n, (a, b)) in a.iter().zip(b).enumerate() {
        assert_eq!((&a.text, &a.token_ids), (&b.text, &b.token_ids), "{n}");
        assert_eq!(a.logprobs, b.logprobs, "{n}");
        let shares = |one: &Completion| format!("{:?} {:?}", one.distribution, one.distributions);
        assert_eq!(shares(a), shares(b), "{n}");
    }
}

#[tokio::test]
async fn only_what_changes_texts_is_part_of_the_identity() {
    let plain = tiny(|_| ()).await.identity().to_owned();
    let same = tiny(|options| {
        options.context = Some(512);
        options.threads = Some(2);
        options.width = Some(3);
        options.kv_type = KvType::F16;
        options.device = Some("CPU".into());
        options.split = Some(Split::None);
    });
    assert_eq!(same.await.identity(), plain);
    let quantized = tiny(|options| options.kv_type = KvType::Q8_0).await;
    assert_eq!(quantized.identity(), format!("{plain}|kv:q8_0"));
    let alone = tiny(|options| options.deterministic = true).await;
    assert_eq!(alone.identity(), format!("{plain}|deterministic"));
    let flash = tiny(|options| options.flash_attention = FlashAttention::On).await;
    assert_ne!(flash.identity(), alone.identity());
}

#[tokio::test]
async fn the_width_is_what_is_set() {
    let model = tiny(|options| options.width = Some(3)).await;
    assert_eq!(model.concurrency(), 3);
    assert_eq!(model.engine().unwrap().width, 3);
}

#[tokio::test]
async fn a_request_that_fits_into_the_trained_context_is_refused_with_the_setting_that_opens_it() {
    let model = tiny(|options| options.context = Some(256)).await;
    let fits = asks(&"12 + 30 ".repeat(100));
    let tokens = model.prompt_tokens(&fits).unwrap();
    assert!((256..1024).contains(&tokens), "{tokens}");
    let error = model.complete(&fits).await.unwrap_err();
    assert!(error.hints().iter().any(|hint| hint.to_string().contains("`context`")), "{error}");
    assert!(tiny(|options| options.context = Some(0)).await.complete(&fits).await.is_ok());
    let error = model.complete(&asks(&"12 + 30 ".repeat(1000))).await.unwrap_err();
    let names = |words: &str| error.hints().iter().any(|hint| hint.to_string().contains(words));
    assert!(names("shorten the record") && names("`transcript(max=…)`"), "{error}");
    assert!(names("a model with a longer context"), "{error}");
}

#[tokio::test]
async fn a_cache_of_every_type_holds_what_the_model_has_read() {
    let solve = asks("Review the solution.\nProblem: 12 + 30\nSolution\nParagraph 0: 12 + 30 = 42");
    let expected = tiny(|_| ()).await.complete(&solve).await.unwrap().text;
    for kind in [KvType::F32, KvType::Bf16, KvType::Q8_0] {
        let model = tiny(|options| options.kv_type = kind).await;
        assert_eq!(model.complete(&solve).await.unwrap().text, expected, "{kind:?}");
    }
    for kind in [KvType::Q5_1, KvType::Q5_0, KvType::Q4_1, KvType::Q4_0] {
        // So few bits may change the text; it is a text all the same.
        let model = tiny(|options| options.kv_type = kind).await;
        assert!(!model.complete(&solve).await.unwrap().text.is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn with_deterministic_neighbours_change_nothing() {
    let model = tiny(|options| {
        options.deterministic = true;
        options.width = Some(6);
    });
    let model = model.await;
    let requests: Vec<Request> = (0..30)
        .map(|n| match n % 3 {
            0 => sum(n),
            1 => sum(n).sampling(Sampling::default().temperature(1.5).max_tokens(30)),
            _ => sum(n).ask(Ask::Choose { labels: vec![" Yes".into(), " No".into()] }),
        })
        .collect();
    let first = answers(&model, &requests, 0..30, 6).await;
    let reversed = answers(&model, &requests, (0..30).rev(), 4).await;
    assert_same(&first, &reversed);
    let other = tiny(|options| options.deterministic = true).await;
    assert_same(&first, &answers(&other, &requests, 0..30, 1).await);
}

#[tokio::test]
#[ignore = "needs TRIBUNAL_TEST_GGUF, the path of an instruct model"]
async fn with_deterministic_texts_of_a_real_model_are_those_that_it_writes_alone() {
    let load = async || {
        let mut options = LlamaOptions::file(instruct_model());
        options.deterministic = true;
        options.context = Some(1024);
        options.width = Some(8);
        Llama::load(options).await.unwrap()
    };
    let rubric = "You judge answers. Say in two sentences what is right and what is wrong.";
    let requests: Vec<Request> = (0..12)
        .map(|n| asks(&format!("{rubric}\nQuestion: What is {n} times 7?\nAnswer: {}", n * 7)))
        .collect();
    let alone = answers(&load().await, &requests, 0..12, 1).await;
    let shuffled = (0..12).map(|n| n * 5 % 12);
    let together = answers(&load().await, &requests, shuffled, 8).await;
    assert_same(&alone, &together);
}
