//! `tribunal bench` as people run it.

use crate::support::Place;
use serde_json::{Value, json};

/// Pairs of sums in the shape of RewardBench: the chosen answer is right, and the rejected one is not.
pub(super) fn sums() -> String {
    let record = |(n, (question, right, wrong)): (usize, (&str, &str, &str))| {
        json!({"id": n, "prompt": question, "chosen": right, "rejected": wrong, "subset": "math-prm"})
            .to_string()
    };
    let sums = [
        ("What is 17 + 25?", "17 + 25 = 42\nAnswer: 42", "17 + 25 = 43\nAnswer: 43"),
        ("What is 90 - 31?", "90 - 31 = 59\nAnswer: 59", "90 - 31 = 61\nAnswer: 61"),
        ("What is 8 + 64?", "8 + 64 = 72\nAnswer: 72", "8 + 64 = 70\nAnswer: 70"),
    ];
    sums.into_iter().enumerate().map(record).collect::<Vec<_>>().join("\n")
}

pub(super) fn figures(out: &str) -> Value {
    serde_json::from_str(out).unwrap()
}

#[test]
fn a_run_prints_figures_and_its_lines_give_them_again_without_a_model() {
    let place = Place::new("bench-lines");
    place.file("pairs.jsonl", sums());
    let script = "script:I prefer [[A]]";
    let args = [
        "bench",
        "rewardbench",
        "pairs.jsonl",
        "-m",
        script,
        "-p",
        "reward-bench-pair",
        "-o",
        "lines.jsonl",
        "--json",
        "-q",
    ];
    let ran = place.run(&args).passed();
    let first = figures(&ran.out);
    assert_eq!(first["benchmark"], "rewardbench");
    assert_eq!((&first["records"], &first["unreadable"]), (&json!(3), &json!(0)));
    // The order of each pair follows from its content, so that the first place wins about half.
    let share = first["headline"]["official"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&share) && first["interval"][0].is_number());
    let again =
        place.run(&["bench", "rewardbench", "pairs.jsonl", "--results", "lines.jsonl", "--json"]);
    assert_eq!(figures(&again.passed().out), first);
    let lines = place.read("lines.jsonl");
    assert!(lines.lines().all(|line| figures(line)["votes"].is_array()));
}

#[test]
fn recorded_texts_are_read_by_the_prompt_in_the_order_in_which_answers_were_shown() {
    let place = Place::new("bench-texts");
    place.file("pairs.jsonl", sums());
    let texts = [
        json!({"id": "0", "text": "Fine. [[A]]"}),
        json!({"id": 1, "text": "Fine. [[B]]", "order": "swapped"}),
        json!({"id": "2", "text": "Nothing to say."}),
    ];
    place.file("texts.jsonl", texts.map(|text| text.to_string()).join("\n"));
    let ran =
        place.run(&["bench", "rewardbench", "pairs.jsonl", "--texts", "texts.jsonl"]).passed();
    assert!(ran.out.contains("unreadable: 1 judgment, 1 of 3 votes"), "{}", ran.out);
    assert!(ran.out.contains("official rule for them: 0.5, as a tie"), "{}", ran.out);
    let row = ran.out.lines().find(|line| line.starts_with("mean of sections")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().skip(3).collect();
    assert_eq!(cells, ["3", "83.33", "100.00", "66.67", "100.00"]);
}

#[test]
fn fields_of_other_names_are_mapped_once_and_a_broken_record_costs_itself() {
    let place = Place::new("bench-map");
    let records = [
        json!({"id": 1, "ask": "q1", "good": "a", "bad": "b", "subset": "hep-go"}),
        json!({"id": 2, "ask": "q2", "good": "a", "subset": "hep-go"}),
    ];
    place.file("pairs.jsonl", records.map(|record| record.to_string()).join("\n"));
    place.file("lines.jsonl", json!({"id": "1", "preference": "first"}).to_string());
    let ran = place.run(&[
        "bench",
        "rewardbench",
        "pairs.jsonl",
        "--results",
        "lines.jsonl",
        "--json",
        "--map",
        "prompt=ask",
        "--map",
        "chosen=good",
        "--map",
        "rejected=bad",
    ]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(figures(&ran.out)["headline"]["official"], 1.0);
    assert!(ran.err.contains("pairs.jsonl:2"), "{}", ran.err);
}

#[test]
fn what_cannot_be_a_figure_is_refused_before_any_request() {
    let place = Place::new("bench-refusals");
    place.file("pairs.jsonl", sums());
    let fixed = place.run(&[
        "bench",
        "rewardbench",
        "pairs.jsonl",
        "-m",
        "script:[[A]]",
        "--order",
        "given",
    ]);
    assert_eq!(fixed.code, 2);
    assert!(fixed.err.contains("the better answer always comes first"), "{}", fixed.err);
    let none = place.run(&[
        "bench",
        "rewardbench",
        "pairs.jsonl",
        "-m",
        "script:[[A]]",
        "--subset",
        "Chat",
    ]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("the subsets are `math-prm`"), "{}", none.err);
    let unknown = place.run(&["bench", "rewardbnech", "pairs.jsonl"]);
    assert!(unknown.err.contains("did you mean `rewardbench`?"), "{}", unknown.err);
    place.file("lines.jsonl", json!({"id": "other", "preference": "first"}).to_string());
    let foreign = place.run(&["bench", "rewardbench", "pairs.jsonl", "--results", "lines.jsonl"]);
    assert_eq!(foreign.code, 2);
    assert!(foreign.err.contains("none of 1 results is about a record"), "{}", foreign.err);
    assert!(
        foreign.err.contains("what is to be judged is called `0`, `1`, `2`"),
        "{}",
        foreign.err
    );
    place.file("texts.jsonl", json!({"id": "other", "text": "[[A]]"}).to_string());
    let foreign = place.run(&["bench", "rewardbench", "pairs.jsonl", "--texts", "texts.jsonl"]);
    assert_eq!(foreign.code, 2);
    assert!(foreign.err.contains("no result or text is about a record"), "{}", foreign.err);
}

#[test]
fn rules_on_the_figures_decide_the_exit_code() {
    let place = Place::new("bench-gates");
    place.file("pairs.jsonl", sums());
    let line = |id: &str, verdict: Value| {
        let key = if verdict.is_string() { "preference" } else { "unreadable" };
        json!({"id": id, key: verdict}).to_string()
    };
    let unread = json!({"reason": "missing"});
    let lines = [line("0", json!("first")), line("1", json!("first")), line("2", unread)];
    place.file("lines.jsonl", lines.join("\n"));
    let counted = |rules: &[&str]| {
        let args = ["bench", "rewardbench", "pairs.jsonl", "--results", "lines.jsonl"];
        place.run(&[&args, rules].concat())
    };
    // Two are right, and one that could not be read is half: 0.8333.
    for (rules, code) in [
        (&["--fail-under", "0.8"][..], 0),
        (&["--fail-under", "0.9"], 1),
        (&["--fail-under", "headline>=80%"], 0),
        (&["--fail-under", "headline>=0.8@lower"], 1),
        (&["--fail-under", "mean of sections>=0.8", "--fail-under", "math-prm>0.9"], 1),
        (&["--max-unreadable", "0.5"], 0),
        (&["--max-unreadable", "0.1"], 1),
    ] {
        let ran = counted(rules);
        assert_eq!(ran.code, code, "{rules:?}: {}", ran.err);
        assert_eq!(ran.err.contains("gate failed: "), code == 1, "{rules:?}: {}", ran.err);
        assert!(ran.out.contains("mean of sections"), "{}", ran.out);
    }
    let unknown = counted(&["--fail-under", "math_prm>=0.5"]);
    assert!(unknown.code == 2 && unknown.err.contains("math-prm"), "{}", unknown.err);
    // A rule of the configuration is about records that pass.
    place.file("tribunal.toml", "[defaults]\nfail_under = 0.99\n");
    counted(&[]).assert_passed();
    // A wrong rule costs no request.
    let model = ["bench", "rewardbench", "pairs.jsonl", "-m", "script:[[A]]", "-o", "out.jsonl"];
    let ran = place.run(&[&model[..], &["--fail-under", "chat>=0.5@lower"]].concat());
    assert!(ran.code == 2 && !place.folder.path("out.jsonl").exists(), "{}", ran.err);
}

#[test]
fn parts_that_authors_keep_in_folders_are_read_from_the_paths_of_files() {
    let place = Place::new("bench-folders");
    let record = json!([{"input": "i", "output_1": "a", "output_2": "b", "label": 1}]).to_string();
    let folders = ["LLMBar/Natural", "LLMBar/Adversarial/GPTInst", "LLMBar/Adversarial/Manual"];
    for folder in folders {
        std::fs::create_dir_all(place.folder.path(&format!("Dataset/{folder}"))).unwrap();
        place.file(&format!("Dataset/{folder}/dataset.json"), &record);
    }
    let line = |id: &str, side: &str| json!({"id": id, "preference": side}).to_string();
    place.file(
        "lines.jsonl",
        [line("0", "first"), line("1", "second"), line("2", "first")].join("\n"),
    );
    let files = folders.map(|folder| format!("Dataset/{folder}/dataset.json"));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let args = [&["bench", "llmbar"], &files[..], &["--results", "lines.jsonl", "--json"]].concat();
    let found = figures(&place.run(&args).passed().out);
    let names: Vec<&str> = found["figures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"Adversarial/GPTInst") && names.contains(&"Natural"), "{names:?}");
    // A field of the record goes first.
    let own = json!({"question": "q", "chosen": "a", "rejected": "b", "scenario": "mine"});
    place.file(
        "abstain.jsonl",
        [own, json!({"question": "r", "chosen": "a", "rejected": "b"})]
            .map(|one| one.to_string())
            .join("\n"),
    );
    place.file("lines.jsonl", line("0", "first"));
    let args = [
        "bench",
        "rag-rewardbench",
        "abstain.jsonl",
        "--results",
        "lines.jsonl",
        "--subset",
        "abstain",
    ];
    let part = place.run(&args);
    assert!(part.err.contains("none of 1 results"), "{}", part.err);
    let args = [
        "bench",
        "rag-rewardbench",
        "abstain.jsonl",
        "--results",
        "lines.jsonl",
        "--subset",
        "mine",
    ];
    place.run(&args).assert_passed();
}

/// A model is named, or it is said which one judges.
#[cfg(feature = "tiny")]
#[test]
fn without_a_model_the_shipped_one_is_named() {
    let place = Place::new("bench-default");
    place.file("pairs.jsonl", sums());
    let args = ["bench", "rewardbench", "pairs.jsonl", "--model-memory", "1GB"];
    let ran = place.run(&args).passed();
    assert!(ran.err.contains("no model named: using the built-in `tiny`"), "{}", ran.err);
}

#[test]
fn a_dry_run_counts_every_part_and_sends_nothing() {
    let place = Place::new("bench-dry");
    let record = json!({"id": "x", "prompt": "q", "domain": "chat", "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"]});
    place.file("rm.jsonl", record.to_string());
    let pairs = place
        .run(&["bench", "rm-bench", "rm.jsonl", "-m", "script:x", "-p", "pair", "--dry-run"])
        .passed();
    assert!(
        pairs.err.contains("9 of 9 records") && pairs.err.contains("nothing was sent"),
        "{}",
        pairs.err
    );
    let rated = place
        .run(&["bench", "rm-bench", "rm.jsonl", "-m", "script:x", "-p", "score", "--dry-run"])
        .passed();
    assert!(rated.err.contains("6 of 6 records"), "{}", rated.err);
}

#[test]
fn lists_and_pages_say_which_schema_nobody_saw() {
    let place = Place::new("bench-list");
    let list = place.run(&["bench", "list"]).passed();
    assert_eq!(list.out.lines().count(), 27);
    assert!(list.out.lines().any(|line| line.starts_with("universalbench") && line.ends_with("(schema unverified)")));
    let page = place.run(&["bench", "show", "rmb"]).passed();
    assert!(
        page.out.contains("loser_list") && page.out.contains("arXiv:2410.09893"),
        "{}",
        page.out
    );
    let json = figures(&place.run(&["bench", "show", "rmb", "--json"]).passed().out);
    assert_eq!(json["schema_verified"], true);
}

/// The shipped model, from records to the figure.
#[cfg(feature = "tiny")]
#[test]
fn a_real_model_is_measured_on_sums_in_the_shape_of_rewardbench() {
    let place = Place::new("bench-tiny");
    place.file("pairs.jsonl", sums());
    let ran = place.run(&["bench", "rewardbench", "pairs.jsonl", "-m", "tiny", "--json"]).passed();
    let figures = figures(&ran.out);
    assert!(ran.err.contains("no prompt named: using `tiny-pair`"), "{}", ran.err);
    assert_eq!(
        (&figures["judgments"], &figures["unreadable"]),
        (&json!(3), &json!(0)),
        "{}",
        ran.err
    );
    assert_eq!(figures["headline"]["official"], 1.0, "{}", ran.out);
}

#[test]
fn the_page_of_benchmarks_is_what_the_command_prints() {
    let place = Place::new("bench-page");
    let printed = place.run(&["bench", "list", "--markdown"]).passed().out;
    let page = include_str!("../../../docs/benchmarks.md");
    let hint = "print the sections again: tribunal bench list --markdown";
    assert!(page.ends_with(&printed), "{hint}");
}

#[test]
fn two_records_of_one_id_do_not_share_a_verdict() {
    let place = Place::new("bench-twice");
    let record = |question: &str, right: &str| {
        json!({"id": "q", "prompt": question, "chosen": right, "rejected": "5", "subset": "hep-go"})
            .to_string()
    };
    let same = record("2 + 2?", "4");
    place.file("pairs.jsonl", [same.clone(), record("3 + 3?", "6"), same].join("\n"));
    place.file("lines.jsonl", r#"{"id": "q", "preference": "first"}"#);
    let ran = place.run(&["bench", "rewardbench", "pairs.jsonl", "--results", "lines.jsonl"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.out.contains("2 records, 1 question, 2 judgments"), "{}", ran.out);
    let says = "error: pairs.jsonl:2: the id `q` is that of pairs.jsonl:1";
    assert!(ran.err.contains(says), "{}", ran.err);
}

#[test]
fn records_that_a_benchmark_names_alike_are_counted_apart() {
    let place = Place::new("bench-named-alike");
    let record = |wrong: &str| {
        let answer = |text: &str| json!({"llm_name": "m", "answer": text});
        let asked = json!([{"role": "user", "content": "q"}]);
        json!({"pair_uid": "7", "conversation_input": asked, "chosen": answer("a"), "reject": answer(wrong), "category_path": "P/Helpfulness"}).to_string()
    };
    place.file("r.jsonl", [record("b"), record("c"), record("b")].join("\n"));
    let line = |id: &str, side: &str| json!({"id": id, "preference": side}).to_string();
    let lines = [line("P/Helpfulness:7", "first"), line("P/Helpfulness:7:2", "second")];
    place.file("l.jsonl", lines.join("\n"));
    let args = ["bench", "rmb", "r.jsonl", "--results", "l.jsonl", "--json"];
    let found = figures(&place.run(&args).passed().out);
    // The last record is the first one again.
    assert_eq!((&found["records"], &found["missing"]), (&json!(3), &json!(0)));
    assert_eq!(found["headline"]["official"], 2.0 / 3.0);
}

#[test]
fn a_line_that_cannot_be_read_costs_itself_and_says_why() {
    let place = Place::new("bench-bad-lines");
    place.file("pairs.jsonl", sums());
    let lines = [
        r#"{"id": "0", "preference": "first"}"#,
        r#"{"id": "1", "unreadable": "missing"}"#,
        r#"{"preference": "first"}"#,
        r#"{"id": "2", "unreadable": {"reason": "missing"}}"#,
    ];
    place.file("lines.jsonl", lines.join("\n"));
    let ran = place.run(&["bench", "rewardbench", "pairs.jsonl", "--results", "lines.jsonl"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.out.contains("unreadable: 1 judgment"), "{}", ran.out);
    for says in [
        "lines.jsonl:2: the line is not a result: its field `unreadable` holds something else",
        "lines.jsonl:3: the line is not a result: it has no `id`",
    ] {
        assert!(ran.err.contains(says), "{says}: {}", ran.err);
    }
    let none = place.run(&["bench", "rewardbench", "empty.jsonl", "--results", "lines.jsonl"]);
    assert_eq!(none.code, 2, "{}", none.err);
    place.file("empty.jsonl", "");
    let empty = place.run(&["bench", "rewardbench", "empty.jsonl", "--results", "lines.jsonl"]);
    assert!(empty.err.contains("error: empty.jsonl: it holds no records"), "{}", empty.err);
}

#[test]
fn results_that_are_missing_are_named_and_set_the_exit_code() {
    let place = Place::new("bench-missing");
    place.file("pairs.jsonl", sums());
    place.file("lines.jsonl", r#"{"id": "1", "preference": "first"}"#);
    let counted = ["bench", "rewardbench", "pairs.jsonl", "--results", "lines.jsonl", "--json"];
    let ran = place.run(&counted);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("no result for 2 of 3 judgments: `0`, `2`"), "{}", ran.err);
    let found = figures(&ran.out);
    let counts = ["judgments", "failed", "missing"].map(|name| &found[name]);
    assert_eq!(counts, [&json!(3), &json!(2), &json!(2)]);
    // What is not asked for is not missing.
    let part = place.run(&[&counted[..], &["--limit", "2"]].concat());
    assert!(
        part.code == 3 && part.err.contains("no result for 1 of 2 judgments: `0`\n"),
        "{}",
        part.err
    );

    // A line that holds an error is there, but nothing was judged.
    let lines = [
        r#"{"id": "0", "preference": "first"}"#,
        r#"{"id": "1", "preference": "first"}"#,
        r#"{"id": "2", "error": {"kind": "http", "message": "gone"}}"#,
    ];
    place.file("lines.jsonl", lines.join("\n"));
    let failed = place.run(&counted);
    assert_eq!(failed.code, 3, "{}", failed.err);
    let found = figures(&failed.out);
    assert_eq!((&found["failed"], &found["missing"]), (&json!(1), &json!(0)), "{}", failed.out);
    // An unreadable verdict is a result.
    let lines = lines.map(|line| {
        line.replace(
            r#""error": {"kind": "http", "message": "gone"}"#,
            r#""unreadable": {"reason": "missing"}"#,
        )
    });
    place.file("lines.jsonl", lines.join("\n"));
    place.run(&counted).assert_passed();

    // The same holds for texts.
    place.file("texts.jsonl", r#"{"id": "0", "text": "[[A]]"}"#);
    let texts = place.run(&["bench", "rewardbench", "pairs.jsonl", "--texts", "texts.jsonl"]);
    assert_eq!(texts.code, 3, "{}", texts.err);
    assert!(texts.err.contains("no result for 2 of 3 judgments: `1`, `2`"), "{}", texts.err);
}

#[test]
fn verdicts_that_may_have_been_strong_are_named() {
    let place = Place::new("arena-weak");
    let record = json!({"uid": "x", "prompt": "q", "answer": "own", "baseline_answer": "base"});
    place.file("r.jsonl", record.to_string());
    place.file("l.jsonl", json!({"id": "x", "preference": "second"}).to_string());
    let ran = place.run(&["bench", "arena-hard", "r.jsonl", "--results", "l.jsonl"]).passed();
    let says =
        "warning: verdicts without their words: 1 of 1. A strong one (`>>`) counts like a weak one";
    assert!(ran.err.contains(says), "{}", ran.err);
    // Where every verdict counts alike, there is nothing to say.
    place.file("p.jsonl", sums());
    place.file("l.jsonl", json!({"id": "1", "preference": "first"}).to_string());
    let ran = place.run(&["bench", "rewardbench", "p.jsonl", "--results", "l.jsonl"]);
    assert!(!ran.err.contains("strong"), "{}", ran.err);
}
