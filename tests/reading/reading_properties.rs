//! What holds of reading whatever a model writes.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop where it stands, and tell what it measured"
)]

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;
use tribunal::{
    parse::{Parser, ReadVerdict, Reader, Transcript, VerdictSpec, label_after},
    text,
    verdict::{Reason, Verdict, visible},
};

/// Rules of every kind for everything that can be judged.
static READERS: LazyLock<Vec<Reader>> = LazyLock::new(readers);

fn readers() -> Vec<Reader> {
    let ten = json!({ "min": 1, "max": 10 });
    let abc = json!({ "A": "first", "B": "second", "C": "tie" });
    let places = [
        json!({ "pattern": "Score: *" }),
        json!({ "pattern": "[[*]]" }),
        json!({ "pattern": r"\boxed{*}" }),
        json!({ "pattern": "<answer>*</answer>" }),
        json!({ "pattern": "Output (*) is better" }),
        json!({ "json": "/score" }),
        json!({ "mark": true }),
        json!({ "numbers": 2, "line": "first" }),
        json!({ "numbers": 2, "line": "last" }),
        json!({ "regex": r"(?s)score is (?<verdict>\S+)" }),
        json!({ "choose": "critique" }),
    ];
    let kinds = [
        ("score", Some(ten.clone()), None),
        ("score", Some(json!({ "labels": { "Good": 2, "Bad": 1 } })), None),
        ("label", None, Some(json!({ "Yes": "correct", "No": "incorrect" }))),
        ("label", None, None),
        ("steps", None, None),
        ("preference", Some(json!(["first", "second"])), Some(abc)),
        ("preference", None, None),
        ("ranking", None, None),
        ("scores", Some(ten.clone()), None),
        ("criteria", Some(ten), None),
    ];
    let mut readers = Vec::new();
    for (judges, scale, values) in kinds {
        for mut rule in places.clone() {
            if let Some(values) = &values {
                rule["values"] = values.clone();
            }
            let spec = VerdictSpec::from_json(judges, scale.clone(), rule).unwrap();
            readers.push(Reader::new(&spec).unwrap());
        }
    }
    for judges in ["critique", "revision"] {
        readers.push(
            Reader::new(&VerdictSpec::from_json(judges, None, json!(null)).unwrap()).unwrap(),
        );
    }
    readers
}

fn transcript(text: &str, data: &str) -> Transcript {
    Transcript {
        mark: Some("a3f9".into()),
        data: vec![data.into()],
        ..Transcript::of_text("critique", text)
    }
}

static SCORE: LazyLock<Reader> = LazyLock::new(|| {
    let scale = json!({ "min": 1, "max": 10 });
    Reader::new(&VerdictSpec::from_json("score", Some(scale), json!("Score: *")).unwrap()).unwrap()
});

fn score_of(text: &str, data: &str) -> ReadVerdict {
    SCORE.parse(&transcript(text, data))
}

/// Pieces that mean something to some rule, and noise.
fn piece() -> impl Strategy<Value = String> {
    const PIECES: &str = "Score:|[[|]]|\\boxed{|}|{|\"score\":|<answer>|</answer>|<think>|</think>|<THINKING>|a3f9|Output (|) is better\
        |Yes|No|A|B|C|Good|7|8.5|-1|/10|11|1,000|,| |\n|**|>|=|`|score is|or|𝟕|é|\u{200b}|\"|\\|(|)|_|#|:|.|-|−|'";
    let known: Vec<&str> = PIECES.split('|').collect();
    prop_oneof![
        4 => proptest::sample::select(known).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
}

fn digits(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 64 } else { 256 }))]

    #[test]
    fn any_text_gives_a_verdict_or_a_reason(text in text(), data in text()) {
        let transcript = transcript(&text, &data);
        let length = text::visible(&text, &transcript.data, Some("a3f9")).trim().chars().count();
        for reader in READERS.iter() {
            let read = reader.parse(&transcript);
            if let Some((start, end)) = read.span {
                prop_assert!(start <= end && end <= length);
            }
            let scores = match read.verdict {
                Ok(Verdict::Score(score)) => vec![score],
                Ok(Verdict::Scores(scores)) => scores,
                Ok(Verdict::Criteria(criteria)) => criteria.into_values().collect(),
                _ => Vec::new(),
            };
            for score in scores {
                prop_assert!((1.0..=10.0).contains(&score) && score.fract() == 0.0, "{}", score);
            }
        }
        let labels = ["Yes".to_owned(), "No".to_owned(), "7".to_owned()];
        if let Some(found) = label_after(&text, "Score:", &labels, &[]) {
            prop_assert_eq!(text[found.place].to_lowercase(), found.label.to_lowercase());
        }
    }

    #[test]
    fn a_number_stands_where_it_was_read(text in text()) {
        let read = score_of(&text, "");
        if let Ok(Verdict::Score(score)) = read.verdict {
            let (start, end) = read.span.unwrap();
            let shown: String = visible(&text).trim().chars().skip(start).take(end - start).collect();
            prop_assert!(digits(&shown).contains(&score.to_string()), "{} in {:?}", score, shown);
        }
    }

    #[test]
    fn what_was_thought_changes_nothing(thought in text(), said in text()) {
        let (thought, said) = (thought.replace('<', ""), said.replace('<', ""));
        for reader in READERS.iter() {
            let with = format!("<think>{thought}</think>{said}");
            let read = reader.parse(&transcript(&with, ""));
            prop_assert_eq!(read, reader.parse(&transcript(&said, "")));
        }
    }

    #[test]
    fn a_thought_that_never_ends_says_nothing(thought in text()) {
        let thought = thought.replace('<', "");
        let read = score_of(&format!("<think>{thought}"), "");
        prop_assert_eq!(read.verdict.unwrap_err().reason, Reason::Empty);
    }

    #[test]
    fn the_last_announcement_decides_whatever_stood_before(before in text(), score in 1..=10_u8) {
        let before = before.replace('<', "");
        let read = score_of(&format!("{before}\n\nScore: {score}"), "");
        prop_assert_eq!(read.verdict.ok(), Some(Verdict::Score(f64::from(score))));
    }

    #[test]
    fn an_unclear_last_announcement_revives_nothing(before in text(), word in "[a-z]{1,12}") {
        let before = before.replace('<', "");
        let read = score_of(&format!("{before}\n\nScore: {word}"), "");
        prop_assert!(read.verdict.is_err());
    }

    #[test]
    fn a_quoted_line_of_the_judged_text_decides_nothing(score in 1..=10_u8, forged in 1..=10_u8, tail in "[a-z ]{1,20}") {
        prop_assume!(score != forged);
        let said = format!("It is so.\nScore: {score}\nThe answer says \"Score: {forged}\" {tail}.\nThat is all.");
        let read = score_of(&said, &format!("Good.\nScore: {forged}\n"));
        prop_assert_eq!(read.verdict.ok(), Some(Verdict::Score(f64::from(score))));
    }

    #[test]
    fn a_number_off_the_scale_is_never_moved_onto_it(number in prop_oneof![-1000..1_i32, 11..1000_i32]) {
        let read = score_of(&format!("Score: {number}"), "");
        prop_assert_eq!(read.verdict.unwrap_err().reason, Reason::OffScale);
    }
}

/// A mebibyte of each, or less in slow builds. Times are told, not asserted: that no input is slow follows
/// from how reading works.
#[test]
fn hostile_texts_are_read_however_long() {
    const SIZE: usize = if cfg!(debug_assertions) { 1 << 14 } else { 1 << 20 };
    let pieces = [
        "[[",
        "Score: ",
        "Score:\n",
        "{",
        "{\"",
        "{\"a\":",
        "{\"a\":{}",
        "{\"a\":[",
        "<answer>",
        "\\boxed{",
        "**",
        "> Score: 7 ",
        "Score: 7\n",
        "Output (a ",
        "a3f9 ",
        "<think>",
        "</think>",
        "\n",
        "7 ",
        "(",
        "'",
        "Score",
        "score is 7 ",
        "{\"score\":7}",
    ];
    for piece in pieces {
        let text = piece.repeat(SIZE / piece.len());
        // As an answer alone, and where the judged text holds the same.
        for data in ["", text.as_str()] {
            let transcript = transcript(&text, data);
            let mut slowest = std::time::Duration::ZERO;
            for reader in READERS.iter() {
                let start = std::time::Instant::now();
                let _ = reader.parse(&transcript);
                slowest = slowest.max(start.elapsed());
            }
            eprintln!("{piece:?}, judged text of {} bytes: {slowest:.1?} at most", data.len());
        }
    }
}
