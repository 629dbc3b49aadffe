//! The protocols of benchmarks, as people run them: how often a record is judged, and in which orders.

use super::command::figures;
use crate::support::{Place, Ran};
use serde_json::{Value, json};

/// A record of each benchmark whose pairs are not judged in the orders of its prompt, with the number of its pairs.
fn records() -> [(&'static str, Value, usize); 6] {
    let asked = json!([{"role": "user", "content": "How?"}]);
    let answer = |text: &str| json!({"llm_name": "m", "answer": text});
    [
        (
            "rm-bench",
            json!({"prompt": "q", "domain": "chat", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"]}),
            9,
        ),
        (
            "rmb",
            json!({"conversation_input": asked, "category_path": "BoN_set/Harmlessness/S1",
            "bon_best": answer("a"), "loser_list": [answer("b"), answer("c")]}),
            2,
        ),
        ("rag-rewardbench", json!({"question": "q", "chosen": "a", "rejected": "b"}), 1),
        (
            "vl-rewardbench",
            json!({"query": "q", "response": ["a", "b"], "human_ranking": [0, 1]}),
            1,
        ),
        (
            "multimodal-rewardbench",
            json!({"ID": "x", "Text": "q", "Output1": "a", "Output2": "b",
            "Better": "Output1", "Category": "safety"}),
            1,
        ),
        (
            "pandalm",
            json!({"instruction": "i", "response1": "a", "response2": "b",
            "annotator1": 1, "annotator2": 1, "annotator3": 1}),
            1,
        ),
    ]
}

fn run(place: &Place, name: &str, more: &[&str]) -> Ran {
    let args =
        ["bench", name, "in.jsonl", "-m", "script:no verdict", "--json", "--reask", "0", "-q"];
    place.run(&[&args, more].concat()).passed()
}

fn lines(place: &Place) -> Vec<Value> {
    place.read("lines.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_pair_is_judged_as_often_as_the_protocol_of_its_benchmark_says() {
    for (name, record, pairs) in records() {
        let place = Place::new(&format!("protocol-{name}"));
        place.file("in.jsonl", record.to_string());
        let votes = |more: &[&str]| figures(&run(&place, name, more).out)["votes"].clone();
        assert_eq!(votes(&["-o", "lines.jsonl"]), json!(pairs), "{name}");
        let orders = lines(&place);
        let orders = orders.iter().map(|line| line["votes"][0]["order"].as_str().unwrap());
        let is_given = ["pandalm", "multimodal-rewardbench"].contains(&name);
        if is_given {
            assert!(orders.clone().all(|order| order == "given"), "{name}");
        }
        // What is set, and a prompt that is named, decide otherwise.
        assert_eq!(votes(&["--order", "both"]), json!(2 * pairs), "{name}");
        assert_eq!(votes(&["-p", "pair"]), json!(2 * pairs), "{name}");
        // A judge that rates has no order.
        run(&place, name, &["-p", "score"]).assert_passed();
        let page = place.run(&["bench", "show", name]).passed().out;
        assert!(page.contains(" with --order "), "{page}");
    }
}

#[test]
fn draws_of_vl_rewardbench_are_shown_in_several_orders() {
    let place = Place::new("protocol-draws");
    let (name, record, _) = &records()[3];
    place.file("in.jsonl", record.to_string());
    run(&place, name, &["--draws", "10", "--temperature", "0.2", "-o", "lines.jsonl"])
        .assert_passed();
    let votes = lines(&place)[0]["votes"].clone();
    let count = |order: &str| {
        votes.as_array().unwrap().iter().filter(|vote| vote["order"] == order).count()
    };
    let (given, swapped) = (count("given"), count("swapped"));
    assert!(given > 0 && swapped > 0 && given + swapped == 10, "{votes}");
}

#[test]
fn the_order_of_a_benchmark_does_not_reach_members_with_prompts_of_their_own() {
    let place = Place::new("protocol-jury");
    let (name, record, _) = &records()[2];
    place.file("in.jsonl", record.to_string());
    let judge =
        |name: &str, prompt: &str| format!("[judge.{name}]\nmodel = 'script:x'\n{prompt}\n");
    let jury = "[judge.all]\nmembers = ['own', 'usual']\n";
    let toml = [judge("own", "prompt = 'pair'"), judge("usual", ""), jury.to_owned()].concat();
    place.file("tribunal.toml", toml);
    let args = ["bench", name, "in.jsonl", "--judge", "all", "--json", "--reask", "0", "-q"];
    let ran = place.run(&args).passed();
    assert_eq!(figures(&ran.out)["votes"], 3, "{}", ran.err);
}

/// The report builds the requests again from the manifest, which holds the order.
#[test]
fn a_report_shows_one_request_of_each_pair() {
    let place = Place::new("protocol-report");
    let (name, record, _) = &records()[2];
    place.file("in.jsonl", record.to_string());
    run(&place, name, &["-o", "lines.jsonl"]).assert_passed();
    place.run(&["report", "lines.jsonl", "-o", "r.html"]).assert_passed();
    let page = place.read("r.html");
    assert_eq!(page.matches("\"sent\":[[\"script, draw 0, ").count(), 1, "one request is shown");
    assert!(page.contains("\"unsent\":\"\""));
}

#[test]
fn classes_of_redundancy_are_read_from_the_other_list_of_the_same_answer() {
    let place = Place::new("protocol-redundancy");
    let record = |n: usize, class: &str, errors: &[usize]| {
        json!({"idx": format!("{class}-{n}"), "modified_question": "q", "modified_process": ["a", "b"],
            "error_steps": errors, "classification": class})
        .to_string()
    };
    let records =
        [record(1, "redundency", &[2]), record(1, "circular", &[1]), record(1, "confidence", &[2])];
    place.file("in.jsonl", records.join("\n"));
    // The second step is wrong, and the first one redundant.
    let script = "script:{\"validity\": [1, -1], \"redundancy\": [0.5, -1]}";
    let judge = ["-m", script, "--json", "-q"];
    let all = ["bench", "prmbench", "in.jsonl", "-o", "all.jsonl"];
    place.run(&[&all[..], &judge].concat()).assert_passed();
    let two = [
        "--subset",
        "redundency",
        "--subset",
        "circular",
        "-p",
        "prm-bench-redundancy",
        "-o",
        "two.jsonl",
    ];
    place.run(&[&["bench", "prmbench", "in.jsonl"], &two[..], &judge].concat()).assert_passed();
    let counted = [
        "bench",
        "prmbench",
        "in.jsonl",
        "--results",
        "all.jsonl",
        "--results",
        "two.jsonl",
        "--json",
    ];
    let counted = figures(&place.run(&counted).passed().out);
    let value = |name: &str| {
        let rows = counted["figures"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap()["official"].as_f64().unwrap()
    };
    let rights = ["redundency", "circular", "confidence"].map(|name| value(name) > 0.99);
    assert_eq!(rights, [false, true, true]);
}
