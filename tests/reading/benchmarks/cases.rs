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
