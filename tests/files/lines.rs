//! The line of results: typed, versioned, described by a schema, and the same after it was read again.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::collections::BTreeMap;

use crate::support::Place;
use jsonschema::Validator;
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};
use tribunal::{
    Item, Judge, Judgment, Unreadable, Verdict,
    backend::Script,
    completion::{Distribution, UsageTotal},
    error::{Error, ErrorKind},
    line::{ErrorWord, ResultLine, VoteLine},
    records::{JudgedRecord, RevisionLine},
    verdict::{Label, Outcome, Preference, Reason, StepLabel, Steps, Vote},
};

const RECORD: &str = r#"{"id": "r0", "question": "Why?", "problem": "Why?", "answer": "So.", "answers": ["a", "b", "c"], "steps": ["s", "t"], "criteria": {"tone": "kind", "facts": "right"}}"#;

/// Front matter and an answer for every kind of verdict.
const KINDS: [(&str, &str, &str); 9] = [
    ("score", "scale: {min: 1, max: 10}\nverdict: 'Score: *'\npass: score >= 7", "Fine.\nScore: 7"),
    (
        "label",
        "verdict: {pattern: 'Label: *', values: {Yes: correct, No: incorrect}}",
        "Label: Yes",
    ),
    ("steps", "verdict: 'First error: *'", "First error: 1"),
    ("preference", "scale: [first, second, tie]\nverdict: 'Better: *'\norder: both", "Better: A"),
    ("ranking", "verdict: 'Ranking: *'\norder: rotate", "Ranking: 2 > 1 > 3"),
    ("scores", "scale: {min: 1, max: 5}\nverdict: 'Scores: *'", "Scores: 3, 4, 5"),
    ("criteria", "each: criteria\nscale: {min: 1, max: 5}\nverdict: 'Score: *'", "Score: 4"),
    ("critique", "", "It could be shorter."),
    ("steps", "each: steps\nverdict: {choose: v, values: {Yes: correct, No: incorrect}}", "Yes"),
];

fn schema(place: &Place, of: &str) -> (Value, Validator) {
    let ran = place.run(&["schema", of]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let schema: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    (schema, validator)
}

fn assert_valid(validator: &Validator, line: &Value) {
    let wrong: Vec<String> = validator.iter_errors(line).map(|e| format!("{e}")).collect();
    assert_eq!(wrong, Vec::<String>::new(), "{line:#}");
}

#[test]
fn every_line_of_a_run_is_as_its_schema_says_and_reads_back_as_it_was_written() {
    let place = Place::new("lines-schema");
    let (_, validator) = schema(&place, "result");
    place.file("r.jsonl", format!("{RECORD}\n{{\"id\": \"r1\", \"x\": 1}}\nnonsense\n"));
    let mut kinds = Vec::new();
    for (n, (kind, keys, answer)) in KINDS.into_iter().enumerate() {
        let body = match (keys.contains("each: steps"), keys.contains("each: criteria"), kind) {
            (true, ..) => "user:\n{{ step }}\nassistant:\n{{ choose('v', ['Yes', 'No']) }}\n",
            (_, true, _) => "user:\n{{ answer }} {{ criterion }}\n",
            (.., "steps") => "user:\n{{ problem }} {{ steps }}\n",
            (.., "preference") => "user:\n{{ answers[0] }} {{ answers[1] }}\n",
            (.., "ranking" | "scores") => "user:\n{{ answers }}\n",
            _ => "user:\n{{ answer }}\n",
        };
        place.file("k.jinja", format!("---\nkind: {kind}\n{keys}\n---\n{body}"));
        let script = format!("script:{answer}");
        let record = if kind == "preference" { "pair.jsonl" } else { "r.jsonl" };
        place.file("pair.jsonl", RECORD.replace(", \"c\"]", "]"));
        let out = format!("out{n}.jsonl");
        let ran = place.run(&["judge", record, "-m", &script, "-p", "k.jinja", "-o", &out]);
        let lines = place.read(&out);
        let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        kinds.push(
            first["kind"].as_str().unwrap_or_else(|| panic!("{first} {}", ran.err)).to_owned(),
        );
        for line in lines.lines() {
            assert_valid(&validator, &serde_json::from_str(line).unwrap());
            assert_eq!(ResultLine::read(line).unwrap().to_string(), line);
        }
    }
    let words =
        ["score", "label", "steps", "preference", "ranking", "scores", "criteria", "text", "steps"];
    assert_eq!(kinds, words);
    let unreadable = place.run(&["judge", "pair.jsonl", "-m", "script:Well.", "-p", "score"]);
    assert!(unreadable.lines()[0]["unreadable"]["reason"].is_string(), "{}", unreadable.out);
    assert_valid(&validator, &unreadable.lines()[0]);
}

#[test]
fn every_line_of_revisions_is_as_its_schema_says_and_reads_back_as_it_was_written() {
    let place = Place::new("lines-revisions");
    let (schema, validator) = schema(&place, "revision");
    assert!(schema["properties"]["rounds"]["description"].is_string(), "{schema}");
    let answer = r#"{"id": "r0", "question": "Why?", "answer": "So."}"#;
    place.file("r.jsonl", format!("{answer}\n{{\"id\": \"r1\", \"x\": 1}}\n"));
    for (out, answer) in [("a.jsonl", "script:Good.\nScore: 7"), ("b.jsonl", "script:Well.")] {
        let args = ["revise", "r.jsonl", "-m", answer, "-p", "score", "--pass", "score >= 9"];
        let ran = place.run(&[&args[..], &["-o", out, "-q"]].concat());
        for line in place.read(out).lines() {
            let json: Value = serde_json::from_str(line).unwrap();
            assert_valid(&validator, &json);
            assert_eq!(json["v"], 1, "{}", ran.err);
            assert_eq!(RevisionLine::read(line).unwrap().to_string(), line);
        }
    }
    let lines = place.read("a.jsonl");
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["rounds"][0]["score"], 7);
}

#[test]
fn every_key_of_a_line_is_documented_in_its_order_and_described_in_the_schema() {
    let place = Place::new("lines-described");
    let described = |of: &str, keys: &[&str]| {
        let (schema, _) = schema(&place, of);
        let properties = schema["properties"].as_object().unwrap();
        let names: Vec<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(names, keys, "{of}");
        for (name, property) in properties {
            assert!(property["description"].is_string(), "{of}: {name}: {property}");
        }
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            for (key, property) in definition["properties"].as_object().into_iter().flatten() {
                assert!(property["description"].is_string(), "{of}: {name}: {key}: {property}");
            }
        }
    };
    let tables = include_str!("../../docs/results.md").split("| key |").skip(1);
    let keys = tables.map(|table| {
        let rows = table.split("\n\n").next().unwrap().lines();
        rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect::<Vec<&str>>()
    });
    let keys: Vec<Vec<&str>> = keys.collect();
    described("result", &keys[0]);
    described("revision", &keys[1]);
}

#[tokio::test]
async fn the_votes_of_several_members_say_who_cast_them_and_which_failed() {
    let place = Place::new("lines-panel");
    let (_, validator) = schema(&place, "result");
    let member = async |answer: tribunal::Result<&str>| {
        let script = Script::once([answer]);
        Judge::builder().backend(script).prompt("score").build().await.unwrap()
    };
    let gone = Err(Error::new(ErrorKind::Refused, "the policy refuses it").hint("ask another"));
    let members = [("strict", member(Ok("Score: 4")).await), ("kind", member(gone).await)];
    let judge = Judge::panel(members).quorum(1).build().await.unwrap();
    let item = Item::new().set("id", "q1").question("Why?").answer("So.");
    let judgment = judge.judge(&item).await.unwrap();
    let outcome = Ok(&judgment);
    let line =
        JudgedRecord { id: "q1".into(), index: 0, item: Some(&item), outcome, with_item: true };
    let line = line.typed(&judge);
    let json: Value = serde_json::from_str(&line.to_string()).unwrap();
    assert_valid(&validator, &json);
    assert_eq!(
        (&json["votes"][0]["by"], &json["votes"][0]["score"]),
        (&json!("strict"), &json!(4))
    );
    assert_eq!(
        (&json["votes"][1]["by"], &json["votes"][1]["error"]["kind"]),
        (&json!("kind"), &json!("refused"))
    );
    assert_eq!(json["members"][1]["name"], "kind");
    assert_eq!(json["members"][1]["prompt"]["name"], "score");
    let read = Judgment::try_from(ResultLine::read(line.to_string()).unwrap()).unwrap();
    assert_eq!((read.verdict, read.votes.len()), (judgment.verdict.clone(), 2));
    assert_eq!(read.votes[1].outcome, judgment.votes[1].outcome);
}

#[test]
fn a_schema_refuses_what_is_not_a_line() {
    let place = Place::new("lines-refused");
    let (_, validator) = schema(&place, "result");
    let line = json!({
        "v": 1, "id": "a", "index": 0, "kind": "score", "verdict": "7", "score": 7, "model": "m",
        "prompt": {"name": "p", "hash": "h", "reading": "r"}, "cost": null, "key": "k",
    });
    assert_valid(&validator, &line);
    let without = |key: &str| {
        let mut line = line.clone();
        line.as_object_mut().unwrap().remove(key);
        line
    };
    let with = |key: &str, value: Value| {
        let mut line = line.clone();
        line[key] = value;
        line
    };
    for wrong in [
        without("v"),
        without("kind"),
        with("index", json!(-1)),
        with("score", json!("7")),
        with("pass", Value::Null),
        with("error", json!({"kind": "io", "message": "m", "hints": []})),
        with("unreadable", json!({"reason": "odd", "detail": "d"})),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
    assert_valid(&validator, &with("consistent", Value::Null));
    assert_valid(&validator, &with("of another version", json!(1)));
}

#[test]
fn a_line_holds_exactly_one_of_a_verdict_unreadable_and_error() {
    let line = |more: &str| ResultLine::read(format!("{{\"id\": \"a\"{more}}}"));
    let error = line("").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Record);
    assert_eq!(
        error.to_string(),
        "the line is not a result: it holds no verdict, no `unreadable` and no `error`"
    );
    let both = line(r#", "score": 7, "error": {"kind": "io", "message": "m", "hints": []}"#);
    assert_eq!(
        both.unwrap_err().to_string(),
        "the line is not a result: it holds a verdict and `error` at once"
    );
    for one in [
        r#", "score": 7"#,
        r#", "unreadable": {"reason": "missing", "detail": "d"}"#,
        r#", "error": {"kind": "io", "message": "m", "hints": []}"#,
    ] {
        assert!(line(one).is_ok(), "{one}");
    }
}

#[test]
fn a_newer_line_is_read_as_far_as_it_is_known_and_an_older_one_has_no_version() {
    let newer = r#"{"v": 2, "id": 7, "score": 8, "hue": "blue", "error_rate": {"x": 1}}"#;
    let line = ResultLine::read(newer).unwrap();
    assert_eq!((line.v, line.id.as_str(), line.verdict.score), (2, "7", Some(8.0)));
    assert_eq!(ResultLine::read(r#"{"id": "a", "score": 8}"#).unwrap().v, 1);
    let changed = ResultLine::read(r#"{"v": 2, "id": "a", "score": {"mean": 8}}"#).unwrap_err();
    assert_eq!(changed.to_string(), "the line is of version 2, and this program reads up to 1");
    assert!(changed.hints()[0].to_string().contains("update tribunal"), "{changed:?}");
    let broken = ResultLine::read(r#"{"v": 1, "id": "a", "score": "#).unwrap_err();
    assert!(broken.to_string().starts_with("the line is not a result: it is not valid JSON"));
}

#[test]
fn a_field_that_holds_something_else_is_named_with_what_it_should_hold() {
    for (fields, says) in [
        (
            r#""preference": "A""#,
            "`preference` holds something else than in a result: `A` is not one of `first`, `second`, \
             `tie`",
        ),
        (
            r#""votes": [{}]"#,
            "`votes` holds something else than in a result: `draw` is missing in it",
        ),
        (r#""score": "7""#, "`score` holds something else than in a result: it is not a number"),
        (r#""critique": 7"#, "`critique` holds something else than in a result: it is not a text"),
        (r#""votes": 7"#, "`votes` holds something else than in a result: it is not a list"),
        (
            r#""v": 1, "index": 0, "rule": "best", "measure": "auto", "cached": 0"#,
            "it is a line of `tribunal rank`",
        ),
        (
            r#""v": 1, "index": 0, "outcome": "passed", "rounds": [], "cached": 0"#,
            "it is a line of `tribunal revise`",
        ),
    ] {
        let error = ResultLine::read(format!(r#"{{"id": "q1", {fields}}}"#)).unwrap_err();
        let said = error.to_string();
        assert!(said.ends_with(says), "{fields}: {said}");
    }
}

#[test]
fn a_line_that_cannot_be_read_is_named_with_what_to_do() {
    let place = Place::new("lines-newer");
    place.file("v.jsonl", "{\"v\": 2, \"id\": \"a\", \"score\": {\"mean\": 8}}\n");
    let ran = place.run(&["reparse", "v.jsonl", "-p", "score"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("v.jsonl:1: the line is of version 2"), "{}", ran.err);
    assert!(ran.err.contains("update tribunal"), "{}", ran.err);
}

#[test]
fn the_class_of_an_error_is_a_type_and_the_word_of_another_version_is_kept() {
    let read = |kind: &str| {
        let line = json!({"id": "a", "error": {"kind": kind, "message": "m", "hints": ["h"]}});
        ResultLine::read(line.to_string()).unwrap()
    };
    for kind in ErrorKind::ALL {
        let error = read(kind.name()).error.unwrap();
        assert_eq!(error.kind, ErrorWord::Known(kind));
        assert_eq!(Error::from(error).kind(), kind);
    }
    let line = read("moonstruck");
    assert_eq!(line.error.as_ref().unwrap().kind.name(), "moonstruck");
    assert!(line.to_string().contains("\"kind\":\"moonstruck\""));
    let error = Judgment::try_from(line).unwrap_err();
    assert_eq!((error.kind(), error.hints()), (ErrorKind::Record, &["h".into()][..]));
}

#[test]
fn whole_numbers_are_written_as_people_write_them() {
    let written = |verdict| ResultLine::of(Ok(&Judgment::new(Ok(verdict)))).to_string();
    assert!(written(Verdict::Score(7.0)).contains("\"score\":7,"));
    assert!(written(Verdict::Score(7.5)).contains("\"score\":7.5,"));
    assert!(written(Verdict::Scores(vec![3.0, 4.5])).contains("\"scores\":[3,4.5],"));
    let criteria = BTreeMap::from([("tone".to_owned(), 4.0)]);
    assert!(written(Verdict::Criteria(criteria)).contains("\"criteria\":{\"tone\":4},"));
}

#[test]
fn a_judgment_is_written_in_the_shape_of_its_line() {
    let vote = Vote::new(Outcome::Verdict(Verdict::Score(7.0)));
    let mut judgment = Judgment::new(Ok(Verdict::Score(7.0)));
    judgment.votes = vec![vote];
    judgment.pass = Some(true);
    let json = serde_json::to_value(&judgment).unwrap();
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "kind",
            "verdict",
            "score",
            "pass",
            "critique",
            "votes",
            "usage",
            "cost",
            "latency_ms",
            "cached",
            "attempts"
        ]
    );
    assert_eq!(json["votes"][0]["score"], 7);
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![(-9_i32..9).prop_map(f64::from), -1e3..1e3, 0.0..1.0]
}

fn share() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), 0.0..1.0]
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,6}", "\\PC{1,8}"].prop_filter("a name of its own", |word| {
        word != "missing" && !word.trim().is_empty() && word.trim() == word
    })
}

fn distribution(first: &str) -> impl Strategy<Value = Distribution> + use<> {
    let first = first.to_owned();
    (share(), vec(share(), 0..3), share()).prop_map(move |(p, others, missing)| {
        let others = others.into_iter().enumerate().map(|(n, p)| (format!("other {n}"), p));
        let labels = std::iter::once((first.clone(), p)).chain(others).collect();
        let mut distribution = Distribution::new(labels);
        distribution.missing = missing;
        distribution
    })
}

fn label() -> impl Strategy<Value = Verdict> {
    let parts = (word(), option::of(share()), option::of(share()));
    parts.prop_map(|(word, p, confidence)| {
        let mut label = Label::new(word);
        (label.p, label.confidence) = (p, confidence);
        Verdict::Label(label)
    })
}

fn steps() -> impl Strategy<Value = Verdict> {
    let step = (word(), option::of(share()), option::of(distribution("correct")));
    (option::of(0_usize..9), vec(step, 0..4)).prop_map(|(first_error, all)| {
        let mut steps = Steps::default();
        steps.first_error = first_error;
        steps.steps = all
            .into_iter()
            .enumerate()
            .map(|(index, (label, p, distribution))| {
                let mut step = StepLabel::new(index, label);
                (step.p, step.distribution) = (p, distribution);
                step
            })
            .collect();
        Verdict::Steps(steps)
    })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let side =
        prop_oneof![Just(Preference::First), Just(Preference::Second), Just(Preference::Tie)];
    prop_oneof![
        number().prop_map(Verdict::Score),
        label(),
        steps(),
        side.prop_map(Verdict::Preference),
        vec(vec(0_usize..9, 1..3), 1..4).prop_map(Verdict::Ranking),
        vec(number(), 0..4).prop_map(Verdict::Scores),
        proptest::collection::btree_map(word(), number(), 0..3).prop_map(Verdict::Criteria),
        "\\PC{0,20}".prop_map(Verdict::Text),
    ]
}

fn unreadable() -> impl Strategy<Value = Unreadable> {
    let reasons = [
        Reason::Missing,
        Reason::Ambiguous,
        Reason::OffScale,
        Reason::Truncated,
        Reason::Refused,
        Reason::Empty,
        Reason::Unsure,
    ];
    (prop::sample::select(reasons.to_vec()), "\\PC{0,12}")
        .prop_map(|(reason, detail)| Unreadable::new(reason, detail))
}

fn failure() -> impl Strategy<Value = Error> {
    (prop::sample::select(ErrorKind::ALL.to_vec()), "\\PC{1,12}", vec("\\PC{1,12}", 0..3)).prop_map(
        |(kind, message, hints)| hints.into_iter().fold(Error::new(kind, message), Error::hint),
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => verdict().prop_map(Outcome::Verdict),
        1 => unreadable().prop_map(Outcome::Unreadable),
        1 => failure().prop_map(Outcome::Failed),
    ]
}

fn vote() -> impl Strategy<Value = Vote> {
    // Orders of three answers, none of them that of the record: a line does not say how many answers
    // there are where all votes saw them in their own order.
    let order = prop::sample::select(vec![vec![2, 0, 1], vec![1, 2, 0], vec![2, 1, 0]]);
    let call = ("\\PC{0,12}", option::of(distribution("Yes")), option::of(0_usize..4));
    let about = (prop_oneof![Just(String::new()), word()], 0_u32..4, order, 0_u32..3);
    let more = (
        option::of(word()),
        option::of((0_usize..99, 0_usize..99)),
        option::of(distribution("a value")),
        option::of("[0-9a-f]{4}"),
    );
    (outcome(), about, vec(call, 0..3), more).prop_map(
        |(outcome, (by, draw, order, reask), calls, (rule, span, distribution, mark))| {
            let mut vote = Vote::new(outcome);
            vote.by = by.as_str().into();
            (vote.draw, vote.order, vote.reask) = (draw, order, reask);
            (vote.rule, vote.span, vote.distribution) = (rule, span, distribution);
            vote.mark = mark;
            vote.calls = calls
                .into_iter()
                .map(|(text, distribution, at)| {
                    serde_json::from_value(json!({
                        "name": "critique", "at": at, "text": text, "finish": "stop",
                        "usage": {"prompt": 3, "completion": 2}, "distribution": distribution,
                    }))
                    .unwrap()
                })
                .collect();
            vote
        },
    )
}

fn judgment() -> impl Strategy<Value = Judgment> {
    let said = prop_oneof![4 => verdict().prop_map(Ok), 1 => unreadable().prop_map(Err)];
    let about = (option::of(any::<bool>()), option::of(any::<bool>()), option::of(share()));
    let more = (option::of(number()), option::of("[0-9a-f]{4}"), 0_u32..9, 0_u64..9999);
    let usage = (0_u64..99, 0_u64..99, 0_u64..3);
    let cost = (option::of(share()), distribution("a value"));
    (said, about, more, usage, vec(vote(), 0..4), cost).prop_map(
        |(
            said,
            (consistent, pass, normalized),
            (expected, mark, attempts, latency),
            usage,
            votes,
            (cost, mean),
        )| {
            let mut judgment = Judgment::new(said);
            (judgment.consistent, judgment.pass) = (consistent, pass);
            (judgment.normalized, judgment.expected_score) = (normalized, expected);
            (judgment.mark, judgment.attempts, judgment.latency_ms) = (mark, attempts, latency);
            let mut total = UsageTotal::default();
            (total.prompt, total.completion, total.unknown) = usage;
            judgment.usage = total;
            judgment.votes = votes;
            judgment.cost = cost;
            for vote in &mut judgment.votes {
                vote.mark = vote.mark.take().or_else(|| judgment.mark.clone());
            }
            // The mean over all readable votes is there where all of them have probabilities.
            let has = |vote: &Vote| !vote.outcome.is_verdict() || vote.distribution.is_some();
            let is_whole = judgment.verdict.is_ok() && judgment.votes.iter().all(has);
            judgment.distribution = Some(mean).filter(|_| is_whole);
            let calls = judgment.votes.iter().map(|vote| vote.calls.len()).sum::<usize>();
            judgment.calls = u32::try_from(calls).unwrap();
            judgment
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_judgment_comes_back_from_its_line_as_it_was(judgment in judgment()) {
        let line = ResultLine::of(Ok(&judgment));
        let text = line.to_string();
        let read = ResultLine::read(&text).unwrap();
        prop_assert_eq!(&read, &line, "{}", text);
        prop_assert_eq!(read.to_string(), text);
        prop_assert_eq!(Judgment::try_from(read).unwrap(), judgment);
    }

    #[test]
    fn a_label_keeps_the_probabilities_of_what_it_was_chosen_from(
        (label, distribution) in word().prop_flat_map(|word| {
            let distribution = distribution(&word);
            (Just(word), distribution)
        }),
    ) {
        let mut said = Label::new(label);
        said.confidence = distribution.share(&said.label);
        said.distribution = distribution.among_labels();
        let mut vote = Vote::new(Outcome::Verdict(Verdict::Label(said.clone())));
        vote.distribution = Some(distribution.clone());
        let mut judgment = Judgment::new(Ok(Verdict::Label(said)));
        judgment.distribution = Some(distribution);
        judgment.votes = vec![vote.clone()];
        let line = ResultLine::of(Ok(&judgment)).to_string();
        let read = Judgment::try_from(ResultLine::read(line).unwrap()).unwrap();
        prop_assert_eq!(&read.verdict, &judgment.verdict);
        prop_assert_eq!(&read.votes, &judgment.votes);
        let line = serde_json::to_string(&VoteLine::from(&vote)).unwrap();
        prop_assert_eq!(serde_json::from_str::<VoteLine>(&line).unwrap().to_vote(0).unwrap(), vote);
    }

    #[test]
    fn a_failure_comes_back_from_its_line_as_it_was(error in failure()) {
        let line = ResultLine::of(Err(&error)).to_string();
        prop_assert_eq!(Judgment::try_from(ResultLine::read(line).unwrap()).unwrap_err(), error);
    }
}
