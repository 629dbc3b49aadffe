use serde_json::{Value, json};

use super::{display::place, *};
use crate::{
    error::{Error, ErrorKind},
    item::Item,
    records::End,
    verdict::{Judgment, Label, Reason, Steps, Unreadable, Verdict},
};

fn judgment(verdict: Result<Verdict, Unreadable>) -> Judgment {
    Judgment { calls: 1, attempts: 1, ..Judgment::new(verdict) }
}

fn unreadable() -> Judgment {
    judgment(Err(Unreadable::new(Reason::Refused, "")))
}

fn label(label: &str) -> Judgment {
    judgment(Ok(Verdict::Label(Label::new(label))))
}

fn named(summary: &mut Summary, names: &[&str]) {
    names.iter().for_each(|name| summary.count("r", None, Ok(&label(name))));
}

fn scale(ends: (f64, f64)) -> Summary {
    Summary { ends: Some(ends), ..Summary::default() }
}

#[test]
fn the_mean_skips_what_could_not_be_read_and_says_how_much_that_could_change() {
    let mut summary = scale((1.0, 5.0));
    for verdict in [Ok(Verdict::Score(5.0)), Ok(Verdict::Score(3.0))] {
        summary.count("r", None, Ok(&judgment(verdict)));
    }
    summary.count("r", None, Ok(&unreadable()));
    let bounds = summary.bounds().unwrap();
    assert_eq!((bounds.mean, bounds.lowest, bounds.highest), (4.0, 3.0, 13.0 / 3.0));
    assert!((summary.unreadable_rate() - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(summary.pass_rate(), None);
}

#[test]
fn what_failed_and_what_was_never_tried_is_not_covered_and_could_be_worst_or_best() {
    let mut summary = scale((1.0, 5.0));
    summary.count("a", None, Ok(&judgment(Ok(Verdict::Score(4.0)))));
    summary.count("b", None, Err(&Error::new(ErrorKind::Overloaded, "gone")));
    assert_eq!((summary.not_tried(), summary.coverage()), (0, 0.5), "the run is not over");
    let refused = End::GaveUp(Error::new(ErrorKind::Unauthorized, "no"));
    summary.ending = Ending { end: refused, left: Some(2) };
    assert_eq!((summary.not_tried(), summary.coverage()), (2, 0.25));
    let bounds = summary.bounds().unwrap();
    assert_eq!((bounds.mean, bounds.lowest, bounds.highest), (4.0, 1.75, 4.75));
    let text = summary.to_string();
    assert!(
        text.starts_with("1 of 4 records judged, 1 failed; 2 records were never tried\n"),
        "{text}"
    );
    assert!(text.contains("if the failed and untried were worst or best"), "{text}");
    assert_eq!(summary.to_json()["not_tried"], 2);
    assert_eq!(summary.to_json()["end"], "gave_up");
    summary.ending.left = None;
    let text = summary.to_string();
    assert!(text.contains("1 failed; the rest of the input was never tried\n"), "{text}");
    assert_eq!(summary.to_json()["not_tried"], Value::Null);
}

#[test]
fn only_labels_that_say_correct_or_incorrect_have_a_share_that_is_correct() {
    let mut summary = Summary::default();
    named(&mut summary, &["kind", "unkind", "unkind"]);
    assert_eq!(summary.bounds(), None);
    assert!(summary.to_string().contains("\nkind: 1 (33.3 %)  unkind: 2 (66.7 %)\n"));
    let mut summary = Summary::default();
    named(&mut summary, &["incorrect", "incorrect"]);
    assert!(summary.to_string().contains("share correct 0.000, coverage 100.0 %"));
    let mut summary = Summary::default();
    named(&mut summary, &["correct", "partly", "correct"]);
    assert!(summary.to_string().contains("share correct 0.667"));
}

#[test]
fn that_every_verdict_is_a_text_is_no_line_of_its_own() {
    let mut summary = Summary::default();
    summary.count("r", None, Ok(&judgment(Ok(Verdict::Text("42".into())))));
    assert!(!summary.to_string().contains("text: 1"), "{summary}");
    // A label of this name is one like any other.
    let mut summary = Summary::default();
    named(&mut summary, &["text"]);
    assert!(summary.to_string().contains("text: 1"), "{summary}");
}

#[test]
fn criteria_have_a_mean_each() {
    let mut summary = Summary::default();
    for (tone, facts) in [(3.0, 5.0), (4.0, 5.0)] {
        let criteria = [("tone".to_owned(), tone), ("facts".to_owned(), facts)];
        let verdict = Verdict::Criteria(criteria.into_iter().collect());
        summary.count("r", None, Ok(&judgment(Ok(verdict))));
    }
    assert!(summary.to_string().contains("\nfacts: mean 5.000  tone: mean 3.500\n"));
    assert_eq!(summary.to_json()["criteria"]["tone"], json!({"mean": 3.5, "records": 2}));
}

#[test]
fn any_name_may_be_listed_in_its_place() {
    let mut summary = Summary::default();
    for name in ["nan", "NaN 3", "inf", "-1", "first error at x"].iter().cycle().take(40) {
        summary.count("r", None, Ok(&label(&format!("{name}{}", summary.records))));
    }
    for index in [Some(10), Some(2), None] {
        let steps = Steps { first_error: index, ..Steps::default() };
        summary.count("r", None, Ok(&judgment(Ok(Verdict::Steps(steps)))));
    }
    assert!(summary.to_string().contains("more"));
    assert!(place("first error at 2") < place("first error at 10"));
    assert!(place("no error") < place("first error at 0"));
}

#[test]
fn scores_are_shown_beside_the_records_own_labels() {
    let mut summary = Summary::default();
    let item = Item::new().set("label", "4.0");
    for score in [4.0, 5.0] {
        summary.count("r", Some(&item), Ok(&judgment(Ok(Verdict::Score(score)))));
    }
    summary.count("r", Some(&item), Ok(&unreadable()));
    assert_eq!(summary.agreement.labelled(), 3);
    assert_eq!(summary.agreement.numbers()[""].within(0.0), 1);
    let text = summary.to_string();
    assert!(text.contains("1 of 2 agree with the records' own label (50.0 %)"), "{text}");
    assert!(text.contains("without a verdict to be compared"), "{text}");
}

#[test]
fn cached_prompt_tokens_are_shown_with_what_they_saved() {
    let mut summary = scale((1.0, 5.0));
    let mut one = judgment(Ok(Verdict::Score(4.0)));
    (one.usage.prompt, one.usage.cached) = (120_000, 80_000);
    summary.count("r", None, Ok(&one));
    let text = summary.to_string();
    assert!(text.contains("1 request, 120000 prompt tokens (80000 cached), 0 written"), "{text}");
    summary.discount = Some(0.018);
    let text = summary.to_string();
    assert!(text.contains("(80000 cached, which saved 0.0180), 0 written"), "{text}");
    assert_eq!(summary.to_json()["discount"], 0.018);
    assert_eq!(summary.to_json()["usage"]["cached"], 80_000);
}
