//! A record of every benchmark as its authors publish it is read from files of every format that holds lists.

use super::command::figures;
use crate::support::Place;
use serde_json::{Value, json};
use tribunal::bench;

/// A record of each benchmark with the fields that its page lists, in the forms of the authors' files.
#[expect(clippy::too_many_lines, reason = "a list of records")]
fn records() -> Vec<(&'static str, Value)> {
    let message = |role: &str, text: &str| json!({"role": role, "content": text});
    let talk = |answer: &str| json!([message("user", "Hi?"), message("assistant", answer)]);
    let scored = |text: &str| json!({"content": text, "metadata": {"score": 1.0}});
    let query = json!({"content": "q", "metadata": {"dataset": "gsm8k"}});
    let answer = |text: &str| json!({"llm_name": "m", "answer": text});
    let step = |id: &str, children: Value| json!({"id": id, "text": "t", "children": children, "metadata": {"score": 1}});
    vec![
        (
            "rewardbench",
            json!({"prompt": "q", "chosen": "a", "chosen_model": "m", "rejected": "b", "rejected_model": "n", "subset": "hep-go", "id": 7}),
        ),
        (
            "rewardbench2",
            json!({"id": "ref:0", "prompt": "q", "chosen": ["a"], "rejected": ["b", "c", "d"], "num_correct": 1, "num_incorrect": 3, "total_completions": 4, "models": ["m"], "subset": "Ties", "additional_metadata": {"category": null}}),
        ),
        (
            "rm-bench",
            json!({"id": 3, "prompt": "q", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"], "domain": "safety-refuse"}),
        ),
        (
            "rmb",
            json!({"pair_uid": "7", "conversation_input": [message("user", "q")], "chosen": answer("a"), "reject": answer("b"), "category_path": "Pairwise_set/Helpfulness/Chat/Discussion"}),
        ),
        (
            "rmb",
            json!({"bon_uid": "7", "conversation_input": [message("user", "q"), message("assistant", "a"), message("user", "r")], "bon_best": answer("a"), "loser_list": [answer("b"), answer("c")], "category_path": "BoN_set/Harmlessness/S1"}),
        ),
        (
            "ppe-human",
            json!({"question_id": "x", "model_a": "m", "model_b": "n", "winner": "tie (bothbad)", "prompt": "q", "response_1": "a", "response_2": "b", "language": "English", "is_code": false}),
        ),
        (
            "ppe-correctness",
            json!({"question_id": 1, "model_name": "m", "prompt": "q", "response_1": "a", "response_2": "b", "scores": [true, false], "mean_score": 0.5, "conflict_pairs": [[0, 1]], "sampled_conflict_pairs": [[0, 1]]}),
        ),
        ("rag-rewardbench", json!({"question": "q", "chosen": "a", "rejected": "b"})),
        (
            "acemath-rewardbench",
            json!({"question": "q", "responses": ["a", "b"], "scores": [0, 1], "dataset": "gsm8k"}),
        ),
        (
            "judgebench",
            json!({"pair_id": "x", "original_id": "1", "source": "mmlu-pro-law", "question": "q", "response_model": "m", "response_A": "a", "response_B": "b", "label": "A>B"}),
        ),
        ("llmbar", json!({"input": "q", "output_1": "a", "output_2": "b", "label": 2})),
        (
            "mt-bench",
            json!({"question_id": 81, "model_a": "m", "model_b": "n", "winner": "model_a", "judge": "author_1", "conversation_a": talk("a"), "conversation_b": talk("b"), "turn": 1}),
        ),
        (
            "alpacaeval",
            json!({"instruction": "q", "output_1": "a", "generator_1": "base", "output_2": "b", "generator_2": "m", "dataset": "koala"}),
        ),
        (
            "arena-hard",
            json!({"uid": "x", "category": "hard_prompt", "prompt": "q", "answer": "a", "baseline_answer": "b", "model": "m", "metadata": {"token_len": 1, "header_count": {"h1": 0}, "list_count": {"ordered": 0}, "bold_count": {"**": 0}}}),
        ),
        (
            "pandalm",
            json!({"idx": 2, "motivation_app": "Grammarly", "cmp_key": "m_n", "instruction": "i", "input": "x", "response1": "a", "response2": "b", "annotator1": 2, "annotator2": 0, "annotator3": 2}),
        ),
        (
            "auto-j",
            json!({"scenario": "planning", "label": 2, "prompt": "q", "response 1": "a", "response 2": "b"}),
        ),
        (
            "faireval",
            json!({"question": "q", "answer_chatgpt": "a", "answer_vicuna13b": "b", "human": "TIE", "category": "generic"}),
        ),
        ("jetts", json!({"query": query, "responses": [scored("a"), scored("b")]})),
        (
            "jetts-beam",
            json!({"query": query, "N": 2, "M": 2, "d": 0, "nodes": [step("0", json!(["1", "2"])), step("1", json!([])), step("2", json!([]))]}),
        ),
        ("jetts-refine", json!({"query": query, "responses": [scored("a"), scored("b")]})),
        (
            "processbench",
            json!({"id": "gsm8k-1", "generator": "m", "problem": "q", "steps": ["a", "b"], "final_answer_correct": false, "label": 1}),
        ),
        (
            "prmbench",
            json!({"idx": "circular_1", "original_question": "q", "modified_question": "q", "original_process": ["a", "b"], "modified_process": ["a", "b", "c"], "modified_steps": [2], "error_steps": [2, 3], "reason": "r", "classification": "circular"}),
        ),
        (
            "universalbench",
            json!({"question": "q", "steps": ["a", "b"], "labels": [1, 0], "policy": "m"}),
        ),
        (
            "vl-rewardbench",
            json!({"id": "x", "query": "q", "response": ["a", "b"], "human_ranking": [0, 1], "models": ["m", "n"], "judge": "h", "rationale": "r", "query_source": "povid", "ground_truth": null}),
        ),
        (
            "multimodal-rewardbench",
            json!({"ID": "pairs_1", "Text": "q", "Image": "x.png", "Output1": "a", "Output2": "b", "Better": "Output2", "Category": "safety"}),
        ),
        (
            "mj-bench",
            json!({"id": 0, "caption": "c", "image0": "a.jpg", "image1": "b.jpg", "label": 1, "info": "x"}),
        ),
        (
            "vilbench",
            json!({"question": "q", "responses": ["a", "b"], "scores": [0, 1], "dataset": "x"}),
        ),
        (
            "visualprocessbench",
            json!({"image": ["x.png"], "question": "q", "answer": "2", "response": {"steps": ["a", "b"], "process_correctness": [1, -1]}, "policy_model": "m", "data_source": "MathVista"}),
        ),
    ]
}

#[test]
fn a_record_of_every_benchmark_is_read_alone_and_in_a_list() {
    let all = records();
    for known in bench::all() {
        assert!(all.iter().any(|(name, _)| *name == known.name), "{}", known.name);
    }
    for (place_of, (name, record)) in all.iter().enumerate() {
        let place = Place::new(&format!("records-{place_of}-{name}"));
        place.file("one.jsonl", record.to_string());
        place.file("list.json", json!([record]).to_string());
        for file in ["one.jsonl", "list.json"] {
            let ran = place.run(&["bench", name, file, "-m", "script:x", "--dry-run"]);
            assert_eq!(ran.code, 0, "{name}, {file}: {}", ran.err);
            assert!(!ran.err.contains("error"), "{name}, {file}: {}", ran.err);
        }
        // Whatever the judge says, there is a figure of this record, and it is counted once.
        let args =
            ["bench", name, "one.jsonl", "-m", "script:no verdict", "--reask", "0", "--json", "-q"];
        let ran = place.run(&args);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        let found = figures(&ran.out);
        assert_eq!((&found["records"], &found["failed"]), (&json!(1), &json!(0)), "{name}");
        assert!(found["judgments"].as_u64() > Some(0), "{name}: {}", ran.out);
    }
}

#[test]
fn a_field_that_a_page_calls_needed_is_needed() {
    for (name, record) in records() {
        let benchmark = bench::named(name).unwrap();
        // Without the optional fields, of which one may stand for another. Of RMB either kind of record has its own.
        let mut lean = record.clone();
        let is_needed = |key: &str| {
            let mut fields = benchmark.fields.iter();
            name == "rmb"
                || key.starts_with("response_")
                || fields.any(|field| field.name == key && field.is_required)
        };
        lean.as_object_mut().unwrap().retain(|key, _| is_needed(key) || name == "rewardbench2");
        for field in benchmark.fields.iter().filter(|field| field.is_required) {
            let mut without = lean.clone();
            without.as_object_mut().unwrap().remove(field.name);
            let error = benchmark.case(&without.into(), 0).unwrap_err();
            assert!(error.to_string().contains(field.name), "{name}, {}: {error}", field.name);
        }
        for field in benchmark.fields.iter().filter(|field| !field.is_required) {
            // A record of Ties is known by its name.
            let is_special = name == "rmb" || (name == "rewardbench2" && field.name == "id");
            let mut without = record.clone();
            without.as_object_mut().unwrap().remove(field.name);
            let case = benchmark.case(&without.into(), 0);
            assert!(case.is_ok() || is_special, "{name}, {}: {case:?}", field.name);
        }
    }
}
