//! Any two texts, compared as mathematics: no panic, no hang, and the same result in both directions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tribunal::{
    Backend, Request,
    backend::{Check, canonical_answer},
    request::Ask,
};

fuzz_target!(|input: (&str, &str)| {
    let (one, two) = input;
    let check = Check::named("math").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let verdict = |answer: &str, reference: &str| {
        let ask = Ask::Compare { answer: boxed(answer), reference: boxed(reference) };
        let request = Request::generate(Vec::new()).ask(ask);
        runtime.block_on(check.complete(&request)).map(|completion| completion.text.contains("Verdict: correct"))
    };
    if let (Ok(there), Ok(back)) = (verdict(one, two), verdict(two, one)) {
        assert_eq!(there, back);
        if canonical_answer(&boxed(one)).is_some_and(|value| Some(value) == canonical_answer(&boxed(two))) {
            assert!(there || one.contains("\\boxed") || two.contains("\\boxed"));
        }
    }
    canonical_answer(one);
});

/// The text as the last box of an answer.
fn boxed(text: &str) -> String {
    format!("\\boxed{{{text}}}")
}
