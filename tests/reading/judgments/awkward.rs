//! Judgments that are hard to read, each with the verdicts that a careful reader would accept: none is read as
//! another one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Case, Corpus, Readers,
    Reads::{self, Own},
    cases::{groups, score, side},
    corpora::CORPORA,
    records, same,
};

/// What reads a record: the corpus of its data set and prompt, or a rule for those that belong to none.
fn reads(record: &Value) -> Reads {
    let (data, kind) =
        (record["dataset"].as_str().unwrap(), record["prompt_kind"].as_str().unwrap_or_default());
    if data.starts_with("criticeval") {
        return Own("kind: score\nscale: {min: 1, max: 7}\nverdict: \"Decision: *\"");
    }
    let of_data = |corpus: &&Corpus| corpus.file == data;
    let fits = |corpus: &&Corpus| (corpus.takes)(record);
    let found = CORPORA.iter().filter(of_data).find(fits).or_else(|| CORPORA.iter().find(of_data));
    found.unwrap_or_else(|| panic!("{data}, {kind}")).reads
}

/// A verdict of the file as output files write it; null for none.
fn verdict(value: &Value, kind: &str) -> Value {
    match (value, kind) {
        (Value::String(word), _) if word == "unparsable" => Value::Null,
        (Value::String(word), "binary") => {
            json!({ "label": if word == "Yes" { "correct" } else { "incorrect" } })
        }
        (Value::String(_), _) => side(value),
        (Value::Array(pair), "pairwise_scores") => {
            let number = |at: usize| pair[at].as_f64().unwrap();
            let name = match number(0).total_cmp(&number(1)) {
                std::cmp::Ordering::Greater => "first",
                std::cmp::Ordering::Less => "second",
                std::cmp::Ordering::Equal => "tie",
            };
            json!({ "preference": name })
        }
        (Value::Array(_), _) => groups(value),
        (Value::Object(parts), _) => match parts["correctness"].as_str() {
            Some("wrong") => json!({ "label": "incorrect" }),
            Some(word) => json!({ "label": word }),
            None => Value::Null,
        },
        (number, _) => score(number),
    }
}

#[tokio::test]
#[ignore = "needs TRIBUNAL_TEST_DATA, a folder of collected texts"]
async fn no_awkward_judgment_is_read_as_another_verdict() {
    let (mut wrong, mut unread) = (Vec::new(), BTreeMap::new());
    let all = records("awkward");
    let (mut right, mut none) = (0, 0);
    for record in &all {
        let answers = vec!["an answer"; record["verdict"].as_array().map_or(2, Vec::len)];
        let case = Case {
            id: record["id"].as_str().unwrap().to_owned(),
            text: record["raw"].as_str().unwrap_or_default().to_owned(),
            item: json!({ "question": "q", "answers": answers }),
            ..Case::default()
        };
        let kind = record["kind"].as_str().unwrap();
        let acceptable: Vec<Value> =
            record["acceptable"].as_array().unwrap().iter().map(|one| verdict(one, kind)).collect();
        match Readers::of(reads(record)).await.read(&case) {
            Ok(found) if acceptable.iter().any(|one| same(one, &found)) => right += 1,
            Ok(found) => wrong
                .push(format!("{} {}: {found}, not {acceptable:?}", case.id, record["category"])),
            Err(_) if acceptable.contains(&Value::Null) => none += 1,
            Err(why) => {
                let names = unread.entry(why).or_insert_with(Vec::new);
                names.push(record["category"].as_str().unwrap().to_owned());
            }
        }
    }
    println!(
        "awkward: {} texts, {right} read, {none} without a verdict, unread {unread:?}",
        all.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
