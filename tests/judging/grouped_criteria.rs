//! Several criteria in one call, and checklists: each of them needs a verdict.

use std::{num::NonZeroUsize, sync::Arc};

use serde_json::{Value, json};
use tribunal::{
    Completion, Item, Judge,
    backend::Script,
    judging::{Facts, Member, Panel},
    prompt,
    request::{Capabilities, Message},
    verdict::{Assessment, Reason},
};

/// A grader that answers every criterion of its call, by the numbers that the call shows; 7 is unmet.
fn grouped() -> Script {
    Script::answering(|request| {
        let text = request.messages.last().map(Message::text).unwrap_or_default();
        let names = text.lines().filter_map(|line| line.strip_prefix("Criterion "));
        let verdicts: serde_json::Map<String, Value> = names
            .map(|name| (name.to_owned(), if name == "7" { "unmet" } else { "met" }.into()))
            .collect();
        Ok(Completion::text(json!({"explanations": {}, "verdicts": verdicts}).to_string()))
    })
}

#[tokio::test]
async fn several_criteria_in_one_call_are_read_by_their_names() {
    let prompt = prompt::named("rubric-items-grouped").unwrap().unwrap();
    let criteria: Vec<Value> =
        (1..=23).map(|n| json!({"requirement": format!("Number {n}"), "weight": 1})).collect();
    let item = Item::new().answer("a").set("criteria", criteria);
    let panel = Arc::new(Panel::single(Member::new("me", prompt.clone()).unwrap()));
    let asks = panel.judging(&item, &Facts::all(Capabilities::TEXT)).unwrap().start();
    assert_eq!(asks.len(), 3, "23 criteria, ten in each call");
    let judge = Judge::builder().backend(grouped()).with_prompt(prompt).build().await.unwrap();
    let judgment = judge.judge(&item).await.unwrap();
    let rubric = judgment.rubric().unwrap();
    let names: Vec<&str> = rubric.criteria().iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, (1..=23).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(rubric.get("7").unwrap().verdict, Some(Assessment::Unmet));
    assert_eq!(rubric.count(Assessment::Met), 22);
}

#[tokio::test]
async fn the_number_of_criteria_in_a_call_can_be_set_where_they_are_grouped() {
    let of = |prompt: &str, count: usize| {
        let builder = Judge::builder().backend(grouped()).prompt(prompt);
        builder.per_call(NonZeroUsize::new(count).unwrap())
    };
    let criteria: Vec<Value> =
        (1..=7).map(|n| json!({"requirement": format!("Number {n}"), "weight": 1})).collect();
    let item = Item::new().answer("a").set("criteria", criteria);
    for (count, calls) in [(3, 3), (1, 7), (100, 1)] {
        let judge = of("rubric-items-grouped", count).build().await.unwrap();
        let judgment = judge.judge(&item).await.unwrap();
        assert_eq!(judgment.calls, calls, "{count}");
        assert_eq!(judgment.rubric().unwrap().count(Assessment::Met), 6, "{count}");
    }
    let three = of("rubric-items-grouped", 3).build().await.unwrap();
    let ten = of("rubric-items-grouped", 10).build().await.unwrap();
    assert_ne!(three.identity(), ten.identity(), "other requests have other keys");
    let error = of("rubric-items", 3).build().await.unwrap_err();
    assert!(error.to_string().contains("about one criterion, and 3 were asked for"), "{error}");
    assert!(format!("{error:?}").contains("rubric-items-grouped"), "{error:?}");
    assert!(of("rubric-items", 1).build().await.is_ok());
    let error = of("score", 1).build().await.unwrap_err();
    assert!(error.to_string().contains("runs over no criteria"), "{error}");
    let usual = Judge::builder().backend(grouped()).prompt("score");
    assert!(usual.usual_per_call(NonZeroUsize::new(3)).build().await.is_ok());
}

#[tokio::test]
async fn a_checklist_of_which_an_item_is_left_out_is_not_read() {
    let judged = async |record: Value, items: &'static str, said: &'static str| {
        let grader = Script::answering(move |request| {
            let shown: String = request.messages.iter().map(Message::text).collect();
            let writes = shown.contains("Write a checklist") && !shown.contains("Now judge");
            Ok(Completion::text(if writes { items } else { said }))
        });
        let builder = Judge::builder().backend(grader).prompt("checklist").reasks(0);
        builder.build().await.unwrap().judge(&Item::from(record)).await.unwrap()
    };
    let given = |checklist: Value| json!({"question": "Add 1 and 2.", "answer": "3", "checklist": checklist});
    let list = || given(json!(["Is the sum right?", "Is it in words?"]));
    let both = "{\"checklist\": {\"1\": \"YES\", \"2\": \"NO\"}}";
    let first = "{\"checklist\": {\"1\": \"YES\"}}";
    for record in [list(), given(json!("Is the sum right?\nIs it in words?"))] {
        let whole = judged(record.clone(), "", both).await;
        assert_eq!(whole.verdict.unwrap().to_string(), "1 1, 2 0");
        let part = judged(record, "", first).await;
        let why = part.unreadable().unwrap();
        assert_eq!(why.reason, Reason::OffScale);
        assert!(why.detail.contains("`2` has no"), "{why}");
    }
    let more =
        judged(list(), "", "{\"checklist\": {\"1\": \"YES\", \"2\": \"NO\", \"3\": \"NO\"}}");
    assert!(more.await.unreadable().unwrap().detail.contains("`3` is not a criterion"));
    // The items that the judge wrote itself are counted too.
    let own = || json!({"question": "Add 1 and 2.", "answer": "3"});
    let items = "1. Is the sum right?\n2. Is it in words?";
    assert!(judged(own(), items, both).await.verdict.is_ok());
    let part = judged(own(), items, first).await;
    assert!(part.unreadable().unwrap().detail.contains("`2` has no"));
    let loose = judged(own(), "- Is the sum right?\n- Is it in words?", both).await;
    assert!(loose.unreadable().unwrap().detail.contains("no numbered items"));
}

#[tokio::test]
async fn a_group_with_a_missing_or_an_unknown_name_is_off_scale() {
    for verdicts in [json!({"1": "met"}), json!({"1": "met", "2": "met", "3": "met"})] {
        let grader = Script::always(json!({"verdicts": verdicts}).to_string());
        let builder = Judge::builder().backend(grader).prompt("rubric-items-grouped").reasks(0);
        let judge = builder.build().await.unwrap();
        let criteria =
            json!([{"requirement": "A", "weight": 1}, {"requirement": "B", "weight": 1}]);
        let judgment =
            judge.judge(&Item::new().answer("a").set("criteria", criteria)).await.unwrap();
        assert_eq!(judgment.unreadable().unwrap().reason, Reason::OffScale, "{verdicts}");
    }
}
