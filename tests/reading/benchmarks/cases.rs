//! What published records become: parts, labels and names.

use super::{counted, figures::official};
use serde_json::{Value, json};
use tribunal::bench;

#[test]
fn a_record_of_ties_says_to_which_group_it_belongs() {
    let record = |id: &str| json!({"id": id, "prompt": "q", "chosen": ["a"], "rejected": ["b"], "subset": "Ties"});
    let ties = bench::named("rewardbench2").unwrap();
    for id in ["ref:1", "tied:1"] {
        assert!(ties.case(&record(id).into(), 0).is_ok(), "{id}");
    }
    for id in ["1", "other:1"] {
        let error = ties.case(&record(id).into(), 0).unwrap_err();
        assert!(error.to_string().contains("in Ties it is `ref:N` or `tied:N`"), "{error}");
    }
}

#[test]
fn parts_of_multimodal_rewardbench_follow_from_ids_in_any_case() {
    let record = |id: &str, category: &str| json!({"ID": id, "Text": "q", "Output1": "a", "Output2": "b", "Better": "Output2", "Category": category});
    let bench = bench::named("multimodal-rewardbench").unwrap();
    let part =
        |id: &str, category: &str| bench.case(&record(id, category).into(), 0).unwrap().subset;
    for (id, category, expected) in [
        ("pairs_1", "safety", "safety/bias"),
        ("PAIRS_1", "safety", "safety/bias"),
        ("hateful_1", "safety", "safety/toxicity"),
        ("math_1", "reasoning", "reasoning/math"),
        ("Math_1", "reasoning", "reasoning/math"),
        ("code_1", "reasoning", "reasoning/coding"),
        ("pairs_1", "vqa", "vqa"),
    ] {
        assert_eq!(part(id, category), expected, "{id}");
    }
}

#[test]
fn every_step_of_a_solution_about_an_image_has_a_label() {
    let record = |labels: Value| json!({"question": "q", "response": {"steps": ["a", "b", "c"], "process_correctness": labels}});
    let bench = bench::named("visualprocessbench").unwrap();
    let error = |labels: Value| bench.case(&record(labels).into(), 0).unwrap_err().to_string();
    assert!(error(json!([1, -1])).contains("2 labels for 3 steps"));
    assert!(error(json!([1, -1, "wrong"])).contains("`wrong` is not a number"));
    let step = |index: usize, label: &str| json!({"index": index, "label": label});
    let line = json!({"id": "0", "first_error": 0, "steps": [step(0, "incorrect"), step(1, "incorrect"), step(2, "correct")]});
    // The neutral step does not count; of the others one is found wrong that is right.
    for labels in [json!([1, -1, 0]), json!(["1", "-1", "0"])] {
        let figures = counted("visualprocessbench", &[record(labels)], std::slice::from_ref(&line));
        assert_eq!(official(&figures, "F1 of right steps"), "0.00");
        assert_eq!(official(&figures, "F1 of wrong steps"), "66.67");
        assert_eq!(official(&figures, "macro F1 of steps"), "33.33");
    }
}

#[test]
fn records_of_prmbench_are_called_by_their_idx() {
    let record = json!({"idx": "circular_7", "modified_question": "q", "modified_process": ["a"], "error_steps": [1], "classification": "circular"});
    let figures = counted("prmbench", &[record], &[json!({"id": "circular_7", "first_error": 0})]);
    assert_eq!(official(&figures, "F1 of wrong steps"), "100.00");
}

#[test]
fn records_of_rmb_are_called_by_their_category_and_uid() {
    let message = json!([{"role": "user", "content": "q"}]);
    let answer = |text: &str| json!({"llm_name": "m", "answer": text});
    let pair = json!({"pair_uid": "7", "conversation_input": message, "chosen": answer("a"), "reject": answer("b"), "category_path": "Pairwise_set/Helpfulness/Chat"});
    let best = json!({"bon_uid": 7, "conversation_input": message, "bon_best": answer("a"), "loser_list": [answer("b"), answer("c")], "category_path": "BoN_set/Helpfulness/Chat"});
    let rmb = bench::named("rmb").unwrap();
    let id = |record: &Value| rmb.case(&record.clone().into(), 3).unwrap().id;
    assert_eq!(id(&pair), "Pairwise_set/Helpfulness/Chat:7");
    assert_eq!(id(&best), "BoN_set/Helpfulness/Chat:7");
    // Its own id goes first, and without any it is its place.
    let with = |key: &str, value: Value| {
        let mut record = pair.clone();
        record[key] = value;
        id(&record)
    };
    assert_eq!(
        (with("id", json!("mine")), with("pair_uid", Value::Null)),
        ("mine".into(), "3".into())
    );
    let lines = [
        json!({"id": "Pairwise_set/Helpfulness/Chat:7", "preference": "first"}),
        json!({"id": "BoN_set/Helpfulness/Chat:7/0-1", "preference": "first"}),
        json!({"id": "BoN_set/Helpfulness/Chat:7/0-2", "preference": "second"}),
    ];
    let figures = counted("rmb", &[pair.clone(), best], &lines);
    assert_eq!(official(&figures, "pairs helpfulness"), "100.00");
    assert_eq!(official(&figures, "best-of-N helpfulness"), "0.00");
}

#[test]
fn a_field_that_holds_something_else_is_refused_and_named() {
    let message = json!([{"role": "user", "content": "q"}]);
    let answer = |text: &str| json!({"llm_name": "m", "answer": text});
    let rewardbench = json!({"prompt": "q", "chosen": "a", "rejected": "b", "subset": "hep-go"});
    let four = json!({"id": "x", "prompt": "q", "chosen": ["a"], "rejected": ["b", "c"], "subset": "Math"});
    let rmb = json!({"conversation_input": message, "chosen": answer("a"), "reject": answer("b"), "category_path": "Harmlessness/S1"});
    let best = json!({"conversation_input": message, "bon_best": answer("a"), "loser_list": [answer("b")], "category_path": "BoN_set/Helpfulness/Chat"});
    let steps = json!({"id": "gsm8k-1", "problem": "q", "steps": ["a", "b"], "label": 1});
    let classes = json!({"modified_question": "q", "modified_process": ["a", "b"], "error_steps": [2], "classification": "circular"});
    let vision = json!({"query": "q", "response": ["a", "b"], "human_ranking": [0, 1]});
    let images = json!({"question": "q", "response": {"steps": ["a"], "process_correctness": [1]}});
    let whole = json!({"question": "q", "steps": ["a", "b"], "labels": [1, 0]});
    let pairs = json!({"prompt": "q", "response_1": "a", "response_2": "b", "scores": [true, false], "sampled_conflict_pairs": [[0, 1]]});
    let talk = json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]);
    let turns = json!({"question_id": 1, "model_a": "m", "model_b": "n", "winner": "tie", "turn": 1, "conversation_a": talk, "conversation_b": talk});
    let styled = json!({"uid": "x", "prompt": "q", "answer": "a", "baseline_answer": "b", "metadata": {"token_len": 3}});
    for (name, record, field, value, says) in [
        ("rewardbench", &rewardbench, "chosen", Value::Null, "no field `chosen`"),
        ("rewardbench", &rewardbench, "chosen", json!(["a"]), "a list where a text belongs"),
        ("rewardbench", &rewardbench, "prompt", json!({"x": 1}), "an object where a text belongs"),
        ("rewardbench2", &four, "chosen", json!([]), "the list is empty"),
        ("rewardbench2", &four, "rejected", json!(["b", null]), "null where a text belongs"),
        ("rewardbench2", &four, "rejected", json!("['b', 'c']"), "no JSON"),
        ("rmb", &rmb, "category_path", json!("S1"), "neither Helpfulness nor Harmlessness"),
        ("rmb", &best, "loser_list", json!([]), "the list is empty"),
        ("processbench", &steps, "label", json!(-2), "`-2` is no index of a step"),
        ("processbench", &steps, "label", json!(0.5), "`0.5` is no index of a step"),
        ("processbench", &steps, "label", json!(2), "2 is not one of 2 steps"),
        ("processbench", &steps, "steps", json!("['a', 'b']"), "no JSON"),
        ("prmbench", &classes, "error_steps", json!([0]), "the first is 1"),
        ("vl-rewardbench", &vision, "human_ranking", json!([1, 1]), "both ranks are equal"),
        (
            "visualprocessbench",
            &images,
            "response",
            json!({"steps": ["a"], "process_correctness": [2]}),
            "`2` is none of 1, 0, -1",
        ),
        ("universalbench", &whole, "labels", json!([1, 0.5]), "`0.5` is none of 1, 0"),
        (
            "ppe-correctness",
            &pairs,
            "sampled_conflict_pairs",
            json!([[0, 0]]),
            "of which one is right",
        ),
        ("mt-bench", &turns, "turn", json!(3), "`3` is neither 1 nor 2"),
        ("arena-hard", &styled, "metadata", json!({"h1": 2}), "token_len"),
    ] {
        let known = bench::named(name).unwrap();
        assert!(known.case(&record.clone().into(), 0).is_ok(), "{name}");
        let mut wrong = record.clone();
        wrong[field] = value;
        let error = known.case(&wrong.clone().into(), 0).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains(field), "{name}: {error}: {wrong}");
    }
}

#[test]
fn lists_and_objects_of_tables_are_their_json() {
    for (name, record) in [
        ("processbench", json!({"id": "gsm8k-1", "problem": "q", "steps": ["a", "b"], "label": 1})),
        (
            "rm-bench",
            json!({"prompt": "q", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"], "domain": "chat"}),
        ),
        (
            "visualprocessbench",
            json!({"question": "q", "response": {"steps": ["a"], "process_correctness": [-1]}}),
        ),
        (
            "jetts",
            json!({"query": {"content": "q", "metadata": {"dataset": "x"}}, "responses": [{"content": "a", "metadata": {"score": 1}}]}),
        ),
        (
            "jetts-beam",
            json!({"query": {"content": "q"}, "N": 2, "M": 1, "nodes": [{"id": "0", "children": ["1"]}, {"id": "1", "text": "t", "children": [], "metadata": {"score": 1}}]}),
        ),
        (
            "arena-hard",
            json!({"prompt": "q", "answer": "a", "baseline_answer": "b", "metadata": {"token_len": 3}}),
        ),
    ] {
        let known = bench::named(name).unwrap();
        let cell = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let fields = record.as_object().unwrap().iter();
        let row: Value = fields
            .map(|(field, value)| (field.clone(), cell(value).into()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(
            known.case(&row.into(), 0).unwrap(),
            known.case(&record.into(), 0).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn a_verdict_of_another_kind_counts_as_one_that_could_not_be_read() {
    let pair =
        json!({"id": "x", "prompt": "q", "chosen": "a", "rejected": "b", "subset": "hep-go"});
    let steps = json!({"id": "gsm8k-1", "problem": "q", "steps": ["a", "b"], "label": 1});
    let four = json!({"id": "x", "prompt": "q", "chosen": ["a"], "rejected": ["b", "c", "d"], "subset": "Math"});
    for (name, record, line, expected) in [
        ("rewardbench", &pair, json!({"id": "x", "score": 7}), 1),
        ("rewardbench", &pair, json!({"id": "x", "scores": [7]}), 1),
        ("rewardbench", &pair, json!({"id": "x", "scores": [7, 3]}), 0),
        ("rewardbench2", &four, json!({"id": "x", "scores": [7, 3]}), 1),
        ("rewardbench2", &four, json!({"id": "x", "preference": "first"}), 1),
        ("rewardbench2", &four, json!({"id": "x", "ranking": [[0], [7]]}), 1),
        ("rewardbench2", &four, json!({"id": "x", "ranking": [[0], [1, 2, 3]]}), 0),
        ("processbench", &steps, json!({"id": "gsm8k-1", "score": 1}), 1),
    ] {
        let figures = counted(name, std::slice::from_ref(record), std::slice::from_ref(&line));
        assert_eq!((figures.unreadable, figures.failed), (expected, 0), "{name}: {line}");
    }
}

#[test]
fn what_no_verdict_of_one_kind_of_solution_met_is_nothing_in_processbench() {
    let record = |id: &str, label: i64| json!({"id": id, "problem": "q", "steps": ["a", "b"], "label": label});
    let said = |id: &str, found: i64| json!({"id": id, "first_error": found});
    let unread = |id: &str| json!({"id": id, "unreadable": {"reason": "missing"}});
    let both = [record("gsm8k-1", 1), record("gsm8k-2", -1)];
    let f1 = |records: &[Value], lines: &[Value]| {
        official(&counted("processbench", records, lines), "mean F1")
    };
    assert_eq!(f1(&both, &[unread("gsm8k-1"), unread("gsm8k-2")]), "0.00");
    assert_eq!(f1(&both[..1], &[unread("gsm8k-1")]), "0.00");
    assert_eq!(f1(&both[1..], &[said("gsm8k-2", 0)]), "0.00");
    // Ids of other forms name no subset.
    let other = counted("processbench", &[record("x", 1)], &[said("x", 1)]);
    assert_eq!(other.rows[1].name, "  (no subset)");
    // A right verdict on one kind alone says nothing about the other.
    assert_eq!(counted("processbench", &both[..1], &[said("gsm8k-1", 1)]).headline(), None);
    let all = [said("gsm8k-1", 1), said("gsm8k-2", -1)];
    assert_eq!(f1(&both, &all), "100.00");
}
