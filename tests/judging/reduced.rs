//! One score from those of all elements: the passages that were retrieved, steps, answers or criteria.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use serde_json::{Value, json};
use tribunal::{
    Completion, Item, Judge, Judgment, Prompt,
    backend::Script,
    error::ErrorKind,
    request::{Message, Request},
    verdict::Reason,
};

/// A judge that finds an element useful if its text contains `useful`, and says nothing about one that is `vague`.
fn script() -> Script {
    Script::answering(|request: &Request| {
        let shown: String = request.messages.iter().map(Message::text).collect();
        let last = shown.split("Passage\n").last().unwrap_or_default();
        Ok(Completion::text(match () {
            () if last.contains("vague") => "Hm.",
            () if last.contains("good passage") => "It names the author.\nUseful: yes",
            () => "It contributes nothing.\nUseful: no",
        }))
    })
}

async fn judged(prompt: Prompt, record: Value) -> Judgment {
    let judge = Judge::builder().backend(script()).with_prompt(prompt).reasks(0);
    judge.build().await.unwrap().judge(&Item::from(record)).await.unwrap()
}

async fn precision(contexts: Value) -> tribunal::Result<Judgment> {
    let judge = Judge::builder().backend(script()).prompt("metrics/context-precision").reasks(0);
    let record = json!({"question": "Who wrote Emma?", "reference": "Austen", "retrieved_contexts": contexts});
    judge.pass("score >= 0.8").build().await.unwrap().judge(&Item::from(record)).await
}

#[tokio::test]
async fn context_precision_is_higher_where_useful_passages_come_first() {
    let (good, bad) = ("a good passage", "another passage");
    for (contexts, score) in [
        (vec![good, bad, good], f64::midpoint(1.0, 2.0 / 3.0)),
        (vec![good, good, bad], 1.0),
        (vec![bad, bad, good], 1.0 / 3.0),
        (vec![bad, bad], 0.0),
    ] {
        let judgment = precision(json!(contexts)).await.unwrap();
        assert_eq!((judgment.score(), judgment.normalized), (Some(score), Some(score)));
        assert_eq!(judgment.pass, Some(score >= 0.8), "{contexts:?}");
        assert_eq!(judgment.calls, u32::try_from(contexts.len()).unwrap());
    }
    assert_eq!(precision(json!(good)).await.unwrap().score(), Some(1.0), "a text is one passage");
}

#[tokio::test]
async fn a_passage_without_a_verdict_leaves_none_and_is_named() {
    let judgment = precision(json!(["a good passage", "a vague one", "a good passage"])).await;
    let judgment = judgment.unwrap();
    let why = judgment.unreadable().unwrap();
    assert_eq!(why.reason, Reason::Missing);
    assert!(why.detail.starts_with("contexts 1: no `mark`"), "{why}");
}

#[tokio::test]
async fn a_record_without_passages_is_not_judged() {
    let error = precision(json!([])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Record);
    assert!(error.to_string().contains("contexts"), "{error}");
}

const KEYS: &str = "kind: score\nscale: {labels: {\"yes\": 1, \"no\": 0}}\nverdict: 'Useful: *'";

fn parse(keys: &str, body: &str) -> tribunal::Result<Prompt> {
    Prompt::parse("mine", &format!("---\n{keys}\n---\n{body}\nUseful:"))
}

#[tokio::test]
async fn the_scores_of_any_elements_can_be_reduced() {
    let of = async |each: &str, how: &str, body: &str, record: Value| {
        let prompt = parse(&format!("{KEYS}\neach: {each}\nreduce: {how}"), body).unwrap();
        judged(prompt, record).await.score().unwrap()
    };
    let body = "Passage\n{{ step }}";
    let steps = || json!({"steps": ["a", "a good passage", "a good passage", "a good passage"]});
    assert!((of("steps", "mean", body, steps()).await - 0.75).abs() < 1e-12);
    assert!(of("steps", "min", body, steps()).await.abs() < 1e-12);
    assert!((of("steps", "max", body, steps()).await - 1.0).abs() < 1e-12);
    let answers = json!({"answers": ["a", "a good passage"]});
    let rank = of("answers", "average-precision", "Passage\n{{ answer }}", answers).await;
    assert!((rank - 0.5).abs() < 1e-12);
    let criteria = json!({"criteria": {"x": "a good passage", "y": "b"}});
    assert!(
        (of("criteria", "mean", "Passage\n{{ criterion }}", criteria).await - 0.5).abs() < 1e-12
    );
}

#[test]
fn what_cannot_be_reduced_is_refused() {
    for (keys, why) in [
        (format!("{KEYS}\neach: contexts"), "`each: contexts` needs `reduce`"),
        (format!("{KEYS}\nreduce: mean"), "`reduce` needs verdicts on steps, or `each` and `kind: score`"),
        (
            "kind: label\neach: contexts\nreduce: mean\nverdict: 'Useful: *'".to_owned(),
            "`reduce` needs verdicts on steps, or `each` and `kind: score`",
        ),
        (
            "kind: score\nscale: 1-5\nverdict: 'Useful: *'\neach: contexts\nreduce: average-precision".to_owned(),
            "needs a scale from 0 to 1",
        ),
        (format!("{KEYS}\neach: criteria\nper_call: 3\nreduce: mean"), "`per_call` is set"),
        (format!("{KEYS}\neach: contexts\nreduce: first"), "`first`"),
    ] {
        let error = format!("{:?}", parse(&keys, "{{ context }}").unwrap_err());
        assert!(error.contains(why), "{keys}: {error}");
    }
}

/// Other rules about the same answers are another reading, and ask no model again.
#[tokio::test]
async fn the_way_to_reduce_is_part_of_the_reading_and_not_of_the_requests() {
    let of = |how: &str| {
        let keys = format!("{KEYS}\neach: contexts\nreduce: {how}");
        parse(&keys, "{{ context }}").unwrap()
    };
    assert_eq!(of("mean").hash(), of("min").hash());
    let judge = async |how: &str| {
        Judge::builder().backend(script()).with_prompt(of(how)).build().await.unwrap()
    };
    let (mean, min) = (judge("mean").await, judge("min").await);
    assert_eq!(mean.identity(), min.identity());
    assert_ne!(mean.reading(), min.reading());
}
