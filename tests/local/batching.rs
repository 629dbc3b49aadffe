//! Many requests at once: they share what they have in common, and get the answers that they get alone.

#![cfg(all(feature = "llama", feature = "tiny"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::time::Duration;

use futures_util::{StreamExt as _, future::join_all, stream};
use tribunal::{
    backend::{
        Backend,
        llama::{Llama, LlamaOptions},
    },
    completion::Completion,
    request::{Ask, Message, Origin, Part, Request, Role, Sampling},
};

use crate::{shipped, support::instruct_model};

/// The shipped model, answering so many requests at once.
async fn tiny(width: usize) -> Llama {
    shipped::tiny(|options| options.width = Some(width)).await
}

fn asks(text: &str) -> Request {
    shipped::asks(text, 24)
}

/// The n-th of many requests of every kind, which share beginnings of all lengths.
fn request(n: usize) -> Request {
    let (first, second) = (n % 17, n % 5);
    let review = "Review the solution, then say Yes if it is correct, or No.";
    let text = match n % 3 {
        0 => format!(
            "{review}\nProblem: {first} + {second}\nSolution\nParagraph 0: {first} + {second} = {n}"
        ),
        1 => format!(
            "{review}\nProblem: 12 + {second}\nSolution\nParagraph 0: 12 + {second} = {first}"
        ),
        _ => format!("Solve the problem step by step.\nProblem: {first} + {} - 1", 7 * second),
    };
    let mut request = asks(&text);
    let opened = |mut request: Request, turn: &str, ask: Ask| {
        request.messages.push(Message::new(Role::Assistant, turn, Origin::Prompt));
        request.open = true;
        request.ask(ask)
    };
    let labels = [" Yes", " No", " 42", " 4"].map(ToOwned::to_owned).to_vec();
    match n % 7 {
        0 => opened(request, "Verdict:", Ask::Choose { labels }),
        1 => opened(
            request,
            "Verdict: Yes, no, 42",
            Ask::ChooseAt { labels, places: vec![8, 12], turns: Vec::new() },
        ),
        2 => opened(
            request,
            "Verdict:",
            Ask::Logprobs { of: " Yes, it is correct".into(), reference: false },
        ),
        3 => {
            request.sampling = Sampling::default().temperature(1.5).max_tokens(24);
            request.draw(u32::try_from(n % 4).unwrap())
        }
        _ => request,
    }
}

/// What may not differ: texts to the letter, probabilities to the precision of sums in another order.
fn assert_same(n: usize, together: &Completion, alone: &Completion) {
    assert_eq!(together.text, alone.text, "{n}");
    assert_eq!(together.finish, alone.finish, "{n}");
    assert_eq!(together.token_ids, alone.token_ids, "{n}");
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-3, "{n}: {a} {b}");
    together.logprobs.iter().zip(&alone.logprobs).for_each(|(a, b)| near(*a, *b));
    let shares = |completion: &Completion| -> Vec<f64> {
        let all = completion.distribution.iter().chain(&completion.distributions);
        all.flat_map(|one| one.labels.iter().map(|(_, p)| *p)).collect()
    };
    assert_eq!(shares(together).len(), shares(alone).len(), "{n}");
    shares(together).iter().zip(shares(alone)).for_each(|(a, b)| near(*a, b));
}

#[tokio::test]
async fn hundreds_of_mixed_requests_get_the_answers_that_they_get_alone() {
    const COUNT: usize = 400;
    let (alone, wide) = (tiny(1).await, tiny(8).await);
    assert_eq!((alone.concurrency(), wide.concurrency()), (1, 8));
    // In another order, so that nothing depends on what was read before.
    let asked = stream::iter((0..COUNT).rev());
    let together = asked.map(async |n| (n, wide.complete(&request(n)).await.unwrap()));
    let mut together: Vec<_> = together.buffer_unordered(64).collect().await;
    together.sort_by_key(|(n, _)| *n);
    for (n, together) in &together {
        assert_same(*n, together, &alone.complete(&request(*n)).await.unwrap());
    }
    let figures = wide.figures();
    assert_eq!(figures.requests, COUNT as u64);
    let (minimum, evaluated) =
        (figures.prompt_tokens_minimum.unwrap(), figures.prompt_tokens_evaluated);
    assert!(minimum * 2 < figures.prompt_tokens, "they share most of their tokens: {figures:?}");
    assert!(evaluated < figures.prompt_tokens * 6 / 10, "{figures:?}");
    assert!(figures.decode_calls < alone.figures().decode_calls, "{figures:?}");
}

#[tokio::test]
async fn draws_of_one_prompt_read_it_once() {
    let tiny = tiny(4).await;
    let mut question = request(11);
    question.sampling = Sampling::default().temperature(1.0).max_tokens(12);
    let draws: Vec<Request> = (0..12).map(|n| question.clone().draw(n)).collect();
    let answers = join_all(draws.iter().map(|draw| tiny.complete(draw))).await;
    let prompt = answers[0].as_ref().unwrap().usage.prompt.unwrap();
    assert_eq!(tiny.figures().prompt_tokens_evaluated, prompt, "{:?}", tiny.figures());
    assert_eq!(tiny.figures().prompt_tokens, prompt * 12);
}

#[tokio::test]
async fn a_continued_text_is_not_read_again_while_others_wait() {
    let tiny = tiny(2).await;
    let judged = async |n: usize| {
        let question = asks(&format!("Review the solution.\nProblem: {n} + 30\nSolution\n{n}"));
        let written = tiny.complete(&question).await.unwrap();
        let mut part = Part::text(written.text, Origin::Model);
        part.token_ids = written.token_ids;
        let mut turn = Message::new(Role::Assistant, "", Origin::Model);
        turn.parts = vec![part, Part::text("\nVerdict:", Origin::Prompt)];
        let mut scored = question.ask(Ask::Choose { labels: vec![" Yes".into(), " No".into()] });
        scored.messages.push(turn);
        scored.open = true;
        let usage = tiny.complete(&scored).await.unwrap().usage;
        usage.prompt.unwrap() - usage.cached.unwrap()
    };
    let read = stream::iter(0..40).map(judged).buffer_unordered(16).collect::<Vec<u64>>().await;
    // The announcement, the last token of the text, and what is cut off to a multiple of four.
    assert!(read.iter().all(|tokens| *tokens <= 16), "{read:?}");
}

#[tokio::test]
async fn callers_that_leave_free_their_sequences() {
    let tiny = tiny(2).await;
    let mut endless = request(4);
    endless.sampling = Sampling::default().temperature(5.0).max_tokens(100_000);
    let patience = Duration::from_millis(30);
    let left = join_all((0..10).map(|draw| {
        let endless = endless.clone().draw(draw);
        let tiny = &tiny;
        async move { tokio::time::timeout(patience, tiny.complete(&endless)).await.is_err() }
    }));
    assert!(left.await.into_iter().any(|left| left));
    let answers = join_all((0..20).map(|n| async move { request(n) })).await;
    for request in answers {
        tiny.complete(&request).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs TRIBUNAL_TEST_GGUF, the path of an instruct model"]
async fn labels_of_several_tokens_have_the_same_values_in_branches_as_one_after_another() {
    let load = async |width: usize| {
        let mut options = LlamaOptions::file(instruct_model());
        options.context = Some(512);
        options.width = Some(width);
        Llama::load(options).await.unwrap()
    };
    // A menu that is asked alone has free sequences to borrow in the first model, and none in the second.
    let (wide, narrow) = (load(8).await, load(1).await);
    let verdicts = ["Ambivalent", "Indefensible", "Plausibly", "Falsifiable", "Falsified", "No"];
    for question in ["Is 12 + 30 = 42?", "Does water boil at 50 degrees?"] {
        let mut request = asks(question);
        request.messages.push(Message::new(Role::Assistant, "Verdict:", Origin::Prompt));
        request.open = true;
        let labels = verdicts.iter().map(|verdict| format!(" {verdict}")).collect();
        let request = request.ask(Ask::Choose { labels });
        let branched = wide.complete(&request).await.unwrap().distribution.unwrap();
        let expected = narrow.complete(&request).await.unwrap().distribution.unwrap();
        for ((label, p), (_, expected)) in branched.labels.iter().zip(&expected.labels) {
            assert!((p.ln() - expected.ln()).abs() < 0.05, "{label}: {p} {expected}");
        }
    }
    assert_eq!(
        wide.figures().prompt_tokens_evaluated,
        narrow.figures().prompt_tokens_evaluated,
        "every token of a label is evaluated once"
    );
}
