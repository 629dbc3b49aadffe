//! What a line of results is named by: everything that is judged, whoever declares it.

#![cfg(all(feature = "cli", feature = "openai", unix))]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::{Place, Ran, Reply, Server};
use serde_json::{Map, Value, json};
use tribunal::{
    Item, Judge, Prompt,
    backend::Script,
    prompt::built_in,
    request::{Ask, Message, Origin, Request, Role, Sampling},
};

async fn judge(prompt: &Prompt) -> Judge {
    Judge::builder().backend(Script::always("x")).with_prompt(prompt.clone()).build().await.unwrap()
}

fn parse(keys: &str, body: &str) -> Prompt {
    Prompt::parse("mine", &format!("---\n{keys}\n---\n{body}")).unwrap()
}

fn item(record: Value) -> Item {
    Item::from(record)
}

/// A record with something in every field that a built-in prompt may name.
fn whole() -> Map<String, Value> {
    let record = json!({
        "question": "q", "answer": "a", "reference": "r", "rubric": "u", "context": "c", "critique": "t",
        "answers": ["one", "two"], "steps": ["s", "t"], "criteria": {"tone": "kind"}, "messages": [
            {"role": "user", "content": "hello"},
        ],
        "principle": "p", "kept": "k", "earlier": [],
    });
    serde_json::from_value(record).unwrap()
}

#[tokio::test]
async fn records_that_differ_in_one_field_of_a_built_in_prompt_have_different_keys() {
    for prompt in built_in().unwrap() {
        let judge = judge(prompt).await;
        let first = Item::from(whole());
        for field in prompt.fields() {
            let mut record = whole();
            let own = match field.name.as_str() {
                "problem" => "question",
                name => name,
            };
            let value = match record.get(own).cloned().unwrap_or_else(|| "given".into()) {
                Value::Array(mut list) => {
                    list.push("more".into());
                    list.into()
                }
                Value::Object(_) => json!({"tone": "very kind"}),
                other => format!("{other} more").into(),
            };
            record.insert(own.into(), value);
            let second = Item::from(record);
            let name = prompt.name();
            assert_ne!(judge.line_key(&first), judge.line_key(&second), "{name}: {}", field.name);
        }
    }
}

/// Prompts whose bodies never name the field that is judged, without `fields` and with other ones.
fn each() -> Vec<(Prompt, Item, Item)> {
    let steps = |keys: &str| {
        parse(
            &format!(
                "kind: steps\neach: steps\n{keys}verdict: {{choose: v, values: {{'Yes': correct, 'No': incorrect}}}}"
            ),
            "user:\n{{ previous }} | {{ step }}\nassistant:\n{{ choose('v', ['Yes', 'No']) }}",
        )
    };
    let scores = |each: &str, kind: &str, body: &str, keys: &str| {
        parse(
            &format!(
                "kind: {kind}\neach: {each}\n{keys}scale: {{min: 1, max: 5}}\nverdict: 'Score: *'"
            ),
            body,
        )
    };
    let answers = |keys| scores("answers", "scores", "user:\nRate: {{ answer }}", keys);
    let criteria = |keys| scores("criteria", "criteria", "user:\nIs it so: {{ criterion }}", keys);
    let pair = |a: Value, b: Value| (item(a), item(b));
    let of = |prompt: Prompt, (one, two): (Item, Item)| (prompt, one, two);
    vec![
        of(steps(""), pair(json!({"steps": ["1", "2"]}), json!({"steps": ["1", "3"]}))),
        of(steps("fields: {}\n"), pair(json!({"steps": ["1"]}), json!({"steps": ["2"]}))),
        of(steps(""), pair(json!({"solution": "1\n2"}), json!({"solution": "1\n3"}))),
        of(answers(""), pair(json!({"answers": ["a", "b"]}), json!({"answers": ["a", "c"]}))),
        of(answers(""), pair(json!({"answer": "a"}), json!({"answer": "b"}))),
        of(
            answers("fields: {answer: required}\n"),
            pair(
                json!({"response_a": "a", "response_b": "b"}),
                json!({"response_a": "a", "response_b": "c"}),
            ),
        ),
        of(
            // The list is judged, whatever text goes by its first name.
            answers(""),
            pair(
                json!({"answers": "text", "responses": ["a", "b"]}),
                json!({"answers": "text", "responses": ["a", "c"]}),
            ),
        ),
        of(criteria(""), pair(json!({"criteria": {"x": "a"}}), json!({"criteria": {"x": "b"}}))),
        of(criteria(""), pair(json!({"criteria": {"x": "a"}}), json!({"criteria": {"y": "a"}}))),
        of(criteria("fields: {}\n"), pair(json!({"criterion": "a"}), json!({"criterion": "b"}))),
    ]
}

#[tokio::test]
async fn the_elements_that_a_prompt_runs_over_belong_to_its_keys() {
    for (prompt, one, two) in each() {
        let judge = judge(&prompt).await;
        assert_ne!(judge.line_key(&one), judge.line_key(&two), "{:?}", one.record());
        assert_eq!(judge.line_key(&one), judge.line_key(&one.clone()));
        assert!(prompt.fits(&one), "{:?}", one.record());
        judge.rehearse(&one).await.unwrap();
    }
}

#[test]
fn the_mark_of_a_record_never_stands_in_its_elements() {
    let prompt = parse(
        "kind: steps\neach: steps\nverdict: {mark: true}",
        "user:\nStep: {{ step }}\nEnd with {{ mark }}: correct, or {{ mark }}: incorrect",
    );
    let plain = item(json!({"steps": ["one", "two"]}));
    let mark = prompt.mark(&plain, None).unwrap();
    let other = prompt.mark(&item(json!({"steps": ["one", "three"]})), None).unwrap();
    assert_ne!(mark, other, "every record has a mark of its own");
    // Each of the marks in turn is put into a step: none is drawn again.
    let mut steps = vec!["one".to_owned()];
    for _ in 0..50 {
        let drawn = prompt.mark(&Item::new().set("steps", steps.clone()), None).unwrap();
        assert!(!steps.concat().contains(&drawn));
        steps.push(drawn);
    }
}

const STEPS: &str = "---
kind: steps
each: steps
verdict: {pattern: 'Verdict: *', values: {'good': correct, 'bad': incorrect}}
---
user:
{{ previous }} | {{ step }}
";

/// A server that calls a step bad where it says so.
async fn strict() -> Server {
    Server::start(|seen| {
        let said = seen.body["messages"][0]["content"].as_str().unwrap().to_owned();
        let wrong = said.rsplit('|').next().unwrap().contains("wrong");
        Reply::says(if wrong { "Verdict: bad" } else { "Verdict: good" })
    })
    .await
}

async fn run(place: &Place, server: &Server) -> Ran {
    let args = ["judge", "r.jsonl", "-o", "out.jsonl", "-p", "mine.jinja", "-m", "openai/x"];
    Ran::ended(place.start(&[&args[..], &["--base-url", &server.url]].concat())).await
}

fn verdicts(place: &Place) -> Vec<i64> {
    let lines = place.read("out.jsonl");
    let mut lines: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| line["index"].as_u64());
    lines.iter().map(|line| line["first_error"].as_i64().unwrap()).collect()
}

/// Solutions of three steps, wrong at the given place.
fn solutions(wrong: &[Option<usize>], with_ids: bool) -> String {
    let step = |n: usize, record: usize, at: Option<usize>| {
        if Some(n) == at { format!("wrong {record}") } else { format!("fine {record}.{n}") }
    };
    let record = |(n, at): (usize, &Option<usize>)| {
        let steps: Vec<String> = (0..3).map(|step_at| step(step_at, n, *at)).collect();
        let mut record = json!({"steps": steps});
        if with_ids {
            record["id"] = format!("r{n}").into();
        }
        format!("{record}\n")
    };
    wrong.iter().enumerate().map(record).collect()
}

#[tokio::test]
async fn a_rerun_with_reordered_records_gives_each_its_own_verdict() {
    let place = Place::new("reordered");
    place.file("mine.jinja", STEPS);
    let server = strict().await;
    let records = solutions(&[Some(0), Some(1), Some(2), None], false);
    place.file("r.jsonl", &records);
    assert_eq!(run(&place, &server).await.code, 0);
    assert_eq!(verdicts(&place), [0, 1, 2, -1]);
    let asked = server.seen().len();
    let mut turned: Vec<&str> = records.lines().collect();
    turned.reverse();
    place.file("r.jsonl", turned.join("\n"));
    let ran = run(&place, &server).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(verdicts(&place), [-1, 2, 1, 0]);
    assert_eq!(server.seen().len(), asked, "nothing is asked again");
}

#[tokio::test]
async fn records_that_keep_their_ids_and_change_their_steps_are_judged_again() {
    let place = Place::new("changed");
    place.file("mine.jinja", STEPS);
    let server = strict().await;
    place.file("r.jsonl", solutions(&[Some(0), Some(1)], true));
    assert_eq!(run(&place, &server).await.code, 0);
    place.file("r.jsonl", solutions(&[None, Some(2)], true));
    assert_eq!(run(&place, &server).await.code, 0);
    let lines = place.read("out.jsonl");
    let last: Vec<Value> =
        lines.lines().rev().take(2).map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut last: Vec<(&str, i64)> = last
        .iter()
        .map(|line| (line["id"].as_str().unwrap(), line["first_error"].as_i64().unwrap()))
        .collect();
    last.sort_unstable();
    assert_eq!(last, [("r0", -1), ("r1", 2)]);
}

#[tokio::test]
async fn loops_over_mapped_fields_are_named_by_what_is_revised() {
    let place = Place::new("mapped-loops");
    place.file(
        "mine.jinja",
        "---\nkind: score\nscale: {min: 1, max: 9}\nverdict: 'Score: *'\n---\nuser:\n{{ answer }}\n",
    );
    let server = Server::start(|seen| {
        let said = seen.body["messages"][0]["content"].as_str().unwrap().to_owned();
        Reply::says(&format!("Score: {}", said.trim().chars().last().unwrap()))
    })
    .await;
    let run = async |records: &[&str]| {
        let lines: String =
            records.iter().map(|text| format!("{}\n", json!({"reply": text}))).collect();
        place.file("r.jsonl", lines);
        let args = ["revise", "r.jsonl", "-o", "out.jsonl", "-p", "mine.jinja", "-m", "openai/x"];
        let more = ["--map", "answer=reply", "--pass", "score >= 1", "--final-judge", "none"];
        let url = ["--base-url", &server.url];
        Ran::ended(place.start(&[&args[..], &more, &url].concat())).await
    };
    let firsts = || {
        let lines = place.read("out.jsonl");
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .map(|line| {
                let reply = line["item"]["reply"].as_str().unwrap().to_owned();
                (reply, line["score_first"].as_u64().unwrap())
            })
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    let ran = run(&["is 3", "is 5"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = run(&["is 7", "is 3"]).await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("1 were revised by an earlier run"), "{}", ran.err);
    let all = firsts();
    assert_eq!((all.get("is 7"), all.get("is 3")), (Some(&7), Some(&3)), "{all:?}");
}

/// Stores and lines of results hold these names: a change of one of them asks everything again, so it is made
/// on purpose, with a new version in the encoding, or not at all.
#[tokio::test]
async fn names_that_are_kept_on_disk_do_not_change() {
    let mut request = Request::generate(vec![
        Message::new(Role::System, "Judge.", Origin::Prompt),
        Message::new(Role::User, "2 + 2 = 5", Origin::Data),
    ]);
    let plain = request.key("model").to_string();
    request.sampling = Sampling::default().temperature(0.7).max_tokens(64).stop("\n").seed(1);
    request.messages.push(Message::new(Role::Assistant, "Verdict:", Origin::Model));
    request.open = true;
    request.ask = Ask::Choose { labels: vec![" Yes".into(), " No".into()] };
    let prompt = parse(
        "kind: score\nscale: 1-5\nfields: {answer: required, tone: optional, hint: {default: none}}\nverdict: 'Score: *'",
        "user:\n{{ answer }} {{ tone }} {{ hint }} {{ scale }}\n",
    );
    let of_judge = judge(&prompt).await;
    let line = of_judge.line_key(&Item::new().answer("4").with_id("q7"));
    let blocks = vec!["x = 1".to_owned(), "print(x)".to_owned()];
    let code = Request::generate(Vec::new()).ask(Ask::Run { blocks }).key("python").to_string();
    let names = [
        plain,
        request.key("model").to_string(),
        prompt.hash(),
        of_judge.reading().into(),
        line,
        code,
    ];
    let kept = [
        "f208c4a5517eee57b81ce1a501343ea0",
        "e6844d494710c464bae2d7d4b5a3af79",
        "1f65972437dc42f7",
        "6b798656",
        "f75f1ce5057d6647d2b35f722cd4f3a5",
        "7c713804a68ca29db778ce829738de82",
    ];
    assert_eq!(names, kept);
}

#[tokio::test]
async fn another_rule_for_steps_is_another_key_and_another_reduction_another_reading() {
    let record = item(json!({"problem": "q", "answer": "One. Two.\nThree $a. b$."}));
    let builder = || Judge::builder().backend(Script::always("x")).prompt("math-shepherd");
    let plain = builder().build().await.unwrap();
    let split = builder().split_steps("latex".parse().unwrap()).build().await.unwrap();
    assert_ne!(plain.line_key(&record), split.line_key(&record));
    assert_ne!(plain.prompt_hash(), split.prompt_hash());
    let reduced = builder().reduce("product".parse().unwrap()).build().await.unwrap();
    assert_eq!(plain.prompt_hash(), reduced.prompt_hash());
    assert_ne!(plain.reading(), reduced.reading());
}
