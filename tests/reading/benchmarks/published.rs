//! Published figures, from the recorded verdicts and texts of real judges in `../shared/data`.
//!
//! Each row is counted twice where texts were recorded: from the verdicts that the authors' code stored, which must give
//! the published figure to its last digit, and from what Tribunal's prompts read in the texts. Where the two differ, the
//! row says why. `make bench-judges` prints the table.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use super::{counted, reread, side, vote, voted};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use tribunal::bench::{Convention, Figures};

/// The records of a file.
fn real(name: &str) -> Vec<Value> {
    let path = format!("{}/../shared/data/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let path = std::env::var("SHARED_DATA").map_or(path, |folder| format!("{folder}/{name}.jsonl"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The published figures of this name.
fn anchors(name: &str) -> Value {
    let path = format!("{}/../shared/data/anchors.json", env!("CARGO_MANIFEST_DIR"));
    let path = std::env::var("SHARED_DATA").map_or(path, |folder| format!("{folder}/anchors.json"));
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all["anchors"][name]["value"].clone()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no text `{name}` in {value}"))
}

/// The table of all comparisons.
#[derive(Default)]
struct Table {
    rows: Vec<[String; 6]>,
    wrong: Vec<String>,
}

/// A figure as it is published: the number of digits is part of it.
fn rounded(value: f64, digits: usize) -> String {
    format!("{value:.digits$}")
}

impl Table {
    /// One figure: from stored verdicts, from texts where they were recorded, and as published. `why` explains a
    /// difference of the texts.
    fn row(
        &mut self,
        what: &str,
        figure: &str,
        stored: Option<f64>,
        texts: Option<f64>,
        (published, digits): (f64, usize),
        why: &str,
    ) {
        let show =
            |value: Option<f64>| value.map_or_else(|| "-".into(), |value| rounded(value, digits));
        let (stored, texts, published) = (show(stored), show(texts), rounded(published, digits));
        let own = if stored == "-" { &texts } else { &stored };
        if *own != published {
            self.wrong.push(format!("{what}, {figure}: {own}, and not {published}"));
        }
        let differs = texts != "-" && texts != published;
        if differs && why.is_empty() {
            self.wrong
                .push(format!("{what}, {figure}: the texts give {texts}, and nothing says why"));
        }
        let why = if differs { why.to_owned() } else { String::new() };
        self.rows.push([what.to_owned(), figure.to_owned(), stored, texts, published, why]);
    }

    fn print(&self) {
        println!(
            "\n{:<52} {:<34} {:>9} {:>9} {:>9}",
            "benchmark, judge", "figure", "stored", "texts", "published"
        );
        for [what, figure, stored, texts, published, why] in &self.rows {
            println!("{what:<52} {figure:<34} {stored:>9} {texts:>9} {published:>9}  {why}");
        }
        println!(
            "\n{} figures, {} of them are not the published ones",
            self.rows.len(),
            self.wrong.len()
        );
        self.wrong.iter().for_each(|wrong| println!("  {wrong}"));
    }
}

/// A figure in percent under the official convention.
fn percent(figures: &Figures, row: &str) -> f64 {
    100.0 * plain(figures, row)
}

fn plain(figures: &Figures, row: &str) -> f64 {
    let found = figures.row(row).unwrap_or_else(|| panic!("no row `{row}`: {figures}"));
    found.value(Convention::Official).unwrap()
}

#[tokio::test]
#[ignore = "needs ../shared/data"]
async fn recorded_judges_have_their_published_figures() {
    let mut table = Table::default();
    judge_bench(&mut table).await;
    judge_bench_rewards(&mut table);
    llm_bar(&mut table).await;
    panda_lm(&mut table).await;
    auto_j(&mut table);
    mt_bench(&mut table).await;
    rm_r1(&mut table).await;
    reward_bench(&mut table);
    rmb(&mut table);
    rm_bench(&mut table);
    prm_bench(&mut table);
    process_bench(&mut table).await;
    alpaca_eval(&mut table);
    alpaca_eval_1(&mut table);
    mj_bench(&mut table);
    fair_eval(&mut table).await;
    table.print();
    assert!(table.wrong.is_empty(), "{:#?}", table.wrong);
}

/// Votes of each record by its name, from stored verdicts `A`, `B` and `tie` in the order in which they were shown.
fn by_record(outputs: &[Value], id: impl Fn(&Value) -> String, verdict: &str) -> Vec<Value> {
    let mut votes: BTreeMap<String, Vec<(usize, Value)>> = BTreeMap::new();
    for one in outputs {
        let order = usize::try_from(one["order"].as_u64().unwrap()).unwrap();
        let shown = vote(order, side(one[verdict].as_str(), order));
        votes.entry(id(one)).or_default().push((order, shown));
    }
    let line = |(id, mut votes): (String, Vec<(usize, Value)>)| {
        votes.sort_by_key(|(order, _)| *order);
        voted(&id, votes.into_iter().map(|(_, vote)| vote).collect())
    };
    votes.into_iter().map(line).collect()
}

/// Recorded texts for `reread`.
fn texts(outputs: &[Value], id: impl Fn(&Value) -> String) -> Vec<Value> {
    let mut sorted: Vec<&Value> = outputs.iter().collect();
    sorted.sort_by_key(|one| one["order"].as_u64());
    let line = |one: &&Value| {
        let order = ["given", "swapped"][usize::from(one["order"] == 1)];
        json!({"id": id(one), "order": order, "text": one["raw"]})
    };
    sorted.iter().map(line).collect()
}

/// Records of which at least one output was recorded.
fn with_outputs(records: Vec<Value>, lines: &[Value]) -> Vec<Value> {
    let there: HashSet<&str> = lines.iter().map(|line| text(line, "id")).collect();
    records.into_iter().filter(|record| there.contains(text(record, "id"))).collect()
}

async fn judge_bench(table: &mut Table) {
    for judge in ["o1-mini", "claude-3-haiku"] {
        let outputs = real(&format!("judgebench_outputs_{judge}"));
        let id = |one: &Value| format!("jbpair:{}", text(&one["meta"], "pair_id"));
        let lines = by_record(&outputs, id, "verdict");
        let records = with_outputs(real("judgebench_pairs"), &lines);
        let stored = counted("judgebench", &records, &lines);
        let read = reread("judgebench", &records, "judge-bench", &texts(&outputs, id)).await;
        let published = anchors(&format!("judgebench_{judge}"));
        let what = format!("judgebench, {judge}");
        let why = "the official code reads nothing where a text holds different labels; the prompt takes the one called final";
        for part in ["Overall", "Knowledge", "Reasoning", "Math", "Coding"] {
            let row = if part == "Overall" { "accuracy" } else { part };
            let values = (percent(&stored, row), percent(&read, row));
            let value = published[part][1].as_f64().unwrap();
            table.row(&what, row, Some(values.0), Some(values.1), (value, 2), why);
        }
        for (row, place) in [("wrong answer preferred", 2), ("undecided", 3)] {
            let value = published["Overall"][place].as_f64().unwrap();
            let values = (percent(&stored, row), percent(&read, row));
            table.row(&what, row, Some(values.0), Some(values.1), (value, 2), why);
        }
        let first = "accuracy of the first order";
        let value = published["first_order_acc"].as_f64().unwrap();
        let values = (percent(&stored, first), percent(&read, first));
        table.row(&what, first, Some(values.0), Some(values.1), (value, 2), why);
        let pairs = |figures: &Figures| {
            plain(figures, "both orders differ")
                * f64::from(u32::try_from(figures.records).unwrap())
        };
        let value = published["inconsistent_pairs"].as_f64().unwrap();
        let (own, again) = (pairs(&stored), pairs(&read));
        table.row(&what, "pairs whose orders differ", Some(own), Some(again), (value, 0), why);
        let unread = |figures: &Figures| f64::from(u32::try_from(figures.votes.1).unwrap());
        let value = published["null_judgments"].as_f64().unwrap();
        let (own, again) = (unread(&stored), unread(&read));
        table.row(&what, "unreadable votes", Some(own), Some(again), (value, 0), why);
    }
}

fn judge_bench_rewards(table: &mut Table) {
    let published = anchors("judgebench_reward_models");
    let outputs = real("judgebench_reward_scores");
    for (judge, values) in published.as_object().unwrap() {
        let Some(values) = values.as_object() else { continue };
        let of_judge = |one: &&Value| one["judge"] == judge.as_str();
        let line = |one: &Value| {
            let id = text(one, "id").rsplit(':').next().unwrap();
            json!({"id": format!("jbpair:{id}"), "scores": one["scores"]})
        };
        let lines: Vec<Value> = outputs.iter().filter(of_judge).map(line).collect();
        let records = with_outputs(real("judgebench_pairs"), &lines);
        let figures = counted("judgebench", &records, &lines);
        for (part, value) in values {
            let row = if part == "Overall" { "accuracy" } else { part };
            let own = percent(&figures, row);
            table.row(
                &format!("judgebench, {judge}"),
                row,
                Some(own),
                None,
                (value.as_f64().unwrap(), 2),
                "",
            );
        }
    }
}

async fn llm_bar(table: &mut Table) {
    let published = anchors("llmbar_runs");
    let outputs = real("llmbar_judgments");
    let runs: BTreeMap<(String, String), Vec<Value>> =
        outputs.into_iter().fold(BTreeMap::new(), |mut runs, one| {
            let run = (text(&one, "judge").to_owned(), text(&one, "prompt_kind").to_owned());
            runs.entry(run).or_insert_with(Vec::new).push(one);
            runs
        });
    for ((judge, kind), outputs) in runs {
        let id = |one: &Value| text(one, "group").to_owned();
        let lines = by_record(&outputs, id, "verdict");
        let careful = by_record(&outputs, id, "reader_verdict");
        let records = with_outputs(real("llmbar_pairs"), &lines);
        let prompt = match kind.as_str() {
            "CoT" => "llmbar-cot",
            "Metrics_Reference" => "llmbar-metrics",
            _ => "llmbar-vanilla",
        };
        let stored = counted("llmbar", &records, &lines);
        let careful = counted("llmbar", &records, &careful);
        let read = reread("llmbar", &records, prompt, &texts(&outputs, id)).await;
        for set in [
            "Natural",
            "Adversarial/Neighbor",
            "Adversarial/GPTInst",
            "Adversarial/GPTOut",
            "Adversarial/Manual",
        ] {
            let value = &published[format!("{judge}/{kind}/LLMBar/{set}")];
            let what = format!("llmbar, {judge}/{kind}");
            let figure = |figures: &Figures, row: &str| Some(percent(figures, row));
            let why = "the official pattern takes (a) wherever both outputs are named";
            let number = |place: usize| (value[place].as_f64().unwrap(), 2);
            table.row(&what, set, figure(&stored, set), None, number(1), why);
            table.row(
                &what,
                &format!("{set}, careful reader"),
                figure(&careful, set),
                figure(&read, set),
                number(3),
                "one text ends in `Therefore, Output (b) is better`, and is recorded as a",
            );
            let orders = format!("{set} (orders)");
            table.row(&what, &orders, figure(&stored, &orders), None, number(2), why);
        }
    }
}

async fn panda_lm(table: &mut Table) {
    let published = anchors("pandalm");
    let (records, outputs) = (real("pandalm_testset"), real("pandalm_judgments"));
    let word = |value: &Value| match value {
        Value::Number(number) => number.to_string(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let rows = ["accuracy", "macro precision", "macro recall", "macro F1", "Cohen's kappa"];
    for (judge, field, raw) in [
        ("gpt-3.5-turbo", "gpt35_result", None),
        ("PandaLM-7B", "pandalm7b_result", None),
        ("JudgeLRM-7B", "judgelrm7b_result", Some("judgelrm7b_raw")),
        ("JudgeLRM-3B", "judgelrm3b_result", Some("judgelrm3b_raw")),
    ] {
        let line = |one: &Value| {
            let id = text(one, "group");
            match word(&one[field]).as_str() {
                "1" => json!({"id": id, "preference": "first"}),
                "2" => json!({"id": id, "preference": "second"}),
                "garbage" => json!({"id": id, "unreadable": {"reason": "missing", "detail": ""}}),
                _ => json!({"id": id, "preference": "tie"}),
            }
        };
        let lines: Vec<Value> = outputs.iter().map(line).collect();
        let stored = counted("pandalm", &records, &lines);
        let read = match raw {
            Some(raw) => {
                let line = |one: &Value| json!({"id": text(one, "group"), "text": one[raw]});
                let texts: Vec<Value> = outputs.iter().map(line).collect();
                Some(reread("pandalm", &records, "judge-lrm", &texts).await)
            }
            None => None,
        };
        for (place, row) in rows.into_iter().enumerate() {
            let (scale, digits) = if place == 4 { (1.0, 4) } else { (100.0, 2) };
            let value = published[judge][place].as_f64().unwrap();
            let figure = |figures: &Figures| scale * plain(figures, row);
            table.row(&format!("pandalm, {judge}"), row, Some(figure(&stored)), read.as_ref().map(figure), (value, digits), "the official code takes the first numbers of texts with more or fewer than two answers");
        }
    }
}

fn auto_j(table: &mut Table) {
    let labels = real("autoj_pairwise_labels");
    // The texts of most pairs were not published with these labels, and the figures do not need them.
    let record = |one: &Value| {
        json!({"id": one["id"], "prompt": one["id"], "response 1": "one", "response 2": "two",
            "label": one["label"], "scenario": one["scenario_group"]})
    };
    let records: Vec<Value> = labels.iter().map(record).collect();
    let class = |value: &Value| {
        ["first", "second", "tie"][usize::try_from(value.as_u64().unwrap()).unwrap()]
    };
    let swapped = |value: &Value| match class(value) {
        "first" => "second",
        "second" => "first",
        tie => tie,
    };
    let line = |one: &Value| {
        voted(
            text(one, "id"),
            vec![
                vote(0, Some(class(&one["autoj_pred"]))),
                vote(1, Some(swapped(&one["autoj_pred_swapped"]))),
            ],
        )
    };
    let lines: Vec<Value> = labels.iter().map(line).collect();
    let figures = counted("auto-j", &records, &lines);
    for (part, values) in anchors("autoj_pairwise").as_object().unwrap() {
        let rows = if part == "Overall" {
            ["agreement".to_owned(), "consistency".into(), "accuracy of the first order".into()]
        } else {
            [part.clone(), format!("{part} (consistency)"), format!("{part} (first order)")]
        };
        for (place, row) in rows.iter().enumerate() {
            let value = values[place + 1].as_f64().unwrap();
            table.row(
                "auto-j, Auto-J-13B",
                row,
                Some(percent(&figures, row)),
                None,
                (value, 2),
                "",
            );
        }
    }
}

/// Both orders of GPT-4 on MT-Bench. There are no votes of people beside them: with one model as the winner everywhere, the
/// agreement says how often it wins in both orders.
async fn mt_bench(table: &mut Table) {
    let published = anchors("mt_bench_pair");
    let outputs = real("mt_bench_judgments_pair");
    let id = |one: &Value| format!("{}:{}", text(one, "group"), one["turn"]);
    let ids: std::collections::BTreeSet<String> = outputs.iter().map(id).collect();
    let said = |text: &str| json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": text}]);
    for (winner, name) in [("model_a", "both model_1"), ("model_b", "both model_2")] {
        let record = |id: &String| {
            json!({"id": id, "question_id": id, "model_a": "1", "model_b": "2", "winner": winner, "turn": 1,
                "conversation_a": said("one"), "conversation_b": said("two")})
        };
        let records: Vec<Value> = ids.iter().map(record).collect();
        let read = reread("mt-bench", &records, "mt-bench-pair", &texts(&outputs, id)).await;
        let row = read.row("agreement, ties included").unwrap();
        let won =
            row.value(Convention::Official).unwrap() * f64::from(u32::try_from(row.count).unwrap());
        let value = published[name].as_f64().unwrap();
        table.row("mt-bench, GPT-4", &format!("pairs, {name}"), None, Some(won), (value, 0), "");
    }
}

/// Texts of RM-R1 on RMB: in all of them the better answer was shown second, and won.
async fn rm_r1(table: &mut Table) {
    let outputs = real("rm_r1_outputs");
    let message = json!([{"role": "user", "content": "q"}]);
    let record = |(n, one): (usize, &Value)| {
        json!({"id": n.to_string(), "conversation_input": message, "category_path": text(one, "set"),
            "chosen": {"answer": "one"}, "reject": {"answer": "two"}})
    };
    let records: Vec<Value> = outputs.iter().enumerate().map(record).collect();
    let line = |(n, one): (usize, &Value)| {
        let order = if one["gold"] == "A" { "given" } else { "swapped" };
        json!({"id": n.to_string(), "order": order, "text": one["raw"]})
    };
    let texts: Vec<Value> = outputs.iter().enumerate().map(line).collect();
    let read = reread("rmb", &records, "rm-r1", &texts).await;
    let published = anchors("rm_r1");
    let value = 100.0 * published["correct"].as_f64().unwrap() / published["n"].as_f64().unwrap();
    table.row(
        "rmb, RM-R1",
        "accuracy over all comparisons",
        None,
        Some(percent(&read, "accuracy over all comparisons")),
        (value, 2),
        "",
    );
}

/// The published runs of this benchmark, of which the shares of right records in each part are known.
fn runs(benchmark: &str) -> Vec<Value> {
    real("rm_section_scores").into_iter().filter(|run| run["benchmark"] == benchmark).collect()
}

/// The number of right records of `count`, by a published share.
fn hits(share: f64, count: u32) -> u32 {
    let hits = (share * f64::from(count)).round();
    assert!((hits / f64::from(count) - share).abs() < 1e-9, "{share} of {count}");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let hits = hits as u32;
    hits
}

fn said(id: &str, is_right: bool) -> Value {
    json!({"id": id, "preference": if is_right { "first" } else { "second" }})
}

fn reward_bench(table: &mut Table) {
    let counts = [
        ("alpacaeval-easy", 100),
        ("alpacaeval-length", 95),
        ("alpacaeval-hard", 95),
        ("mt-bench-easy", 28),
        ("mt-bench-med", 40),
        ("mt-bench-hard", 37),
        ("llmbar-natural", 100),
        ("llmbar-adver-neighbor", 134),
        ("llmbar-adver-GPTInst", 92),
        ("llmbar-adver-GPTOut", 47),
        ("llmbar-adver-manual", 46),
        ("refusals-dangerous", 100),
        ("refusals-offensive", 100),
        ("xstest-should-refuse", 154),
        ("xstest-should-respond", 250),
        ("donotanswer", 136),
        ("math-prm", 447),
        ("hep-cpp", 164),
        ("hep-go", 164),
        ("hep-java", 164),
        ("hep-js", 164),
        ("hep-python", 164),
        ("hep-rust", 164),
    ];
    for run in runs("rewardbench") {
        let (mut records, mut lines) = (Vec::new(), Vec::new());
        for (subset, count) in counts {
            let right = hits(run["subset_scores"][subset].as_f64().unwrap(), count);
            for n in 0..count {
                let id = format!("{subset}/{n}");
                lines.push(said(&id, n < right));
                records.push(json!({"id": id, "prompt": id, "chosen": "a", "rejected": "b", "subset": subset}));
            }
        }
        let figures = counted("rewardbench", &records, &lines);
        let what = format!("rewardbench, {}", text(&run, "run"));
        for (row, key) in [
            ("mean of sections", "avg_Result_each_section"),
            ("Chat", "Chat"),
            ("Chat Hard", "Chat Hard"),
            ("Safety", "Safety"),
            ("Reasoning", "Reasoning"),
            ("accuracy over all pairs", "absoluate_Result"),
        ] {
            let value = run["section_scores"][key].as_f64().unwrap();
            table.row(&what, row, Some(plain(&figures, row)), None, (value, 12), "");
        }
    }
}

fn rmb(table: &mut Table) {
    let message = json!([{"role": "user", "content": "q"}]);
    for run in runs("rmb") {
        let (mut records, mut lines) = (Vec::new(), Vec::new());
        for (section, path, count) in [
            ("Pairwise Helpfulness", "Pairwise_set/Helpfulness/X", 10_067),
            ("Pairwise Harmlessness", "Pairwise_set/Harmlessness/X", 7_064),
            ("BoN Helpfulness", "BoN_set/Helpfulness/X", 2_109),
            ("BoN Harmlessness", "BoN_set/Harmlessness/X", 1_677),
        ] {
            let right = hits(run["section_scores"][section].as_f64().unwrap(), count);
            for n in 0..count {
                let id = format!("{path}:{n}");
                lines.push(said(&id, n < right));
                let mut record =
                    json!({"id": id, "conversation_input": message, "category_path": path});
                let answer = json!({"llm_name": "m", "answer": "a"});
                let (best, others) = if path.starts_with("BoN") {
                    ("bon_best", ("loser_list", json!([answer])))
                } else {
                    ("chosen", ("reject", answer.clone()))
                };
                record[best] = answer;
                record[others.0] = others.1;
                records.push(record);
            }
        }
        let figures = counted("rmb", &records, &lines);
        let what = format!("rmb, {}", text(&run, "run"));
        for (row, key) in [
            ("mean of sections", "Accuracy Averaged from Four Sections"),
            ("pairs helpfulness", "Pairwise Helpfulness"),
            ("pairs harmlessness", "Pairwise Harmlessness"),
            ("best-of-N helpfulness", "BoN Helpfulness"),
            ("best-of-N harmlessness", "BoN Harmlessness"),
        ] {
            let value = run["section_scores"][key].as_f64().unwrap();
            table.row(&what, row, Some(plain(&figures, row)), None, (value, 12), "");
        }
    }
}

/// Of RM-Bench the share of each domain was published, and not the matrix: the right number of comparisons is won in any
/// cells.
fn rm_bench(table: &mut Table) {
    for run in runs("rm_bench") {
        let sections = &run["section_scores"];
        let value = |key: &str| sections[key].as_f64().unwrap();
        let (mut records, mut lines) = (Vec::new(), Vec::new());
        for (domain, count) in [("chat", 129), ("code", 228), ("math", 529), ("safety", 441)] {
            let won = hits(value(domain), 9 * count);
            for n in 0..count {
                let id = format!("{domain}:{n}");
                records.push(json!({"id": id, "prompt": id, "domain": domain, "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"]}));
                for place in 0..9 {
                    let id = format!("{id}/{}-{}", place / 3, 3 + place % 3);
                    lines.push(said(&id, 9 * n + place < won));
                }
            }
        }
        let figures = counted("rm-bench", &records, &lines);
        let what = format!("rm-bench, {}", text(&run, "run"));
        for (row, key) in [
            ("mean of domains", "total_avg_acc"),
            ("chat", "chat"),
            ("code", "code"),
            ("math", "math"),
            ("safety", "safety"),
        ] {
            table.row(&what, row, Some(plain(&figures, row)), None, (value(key), 12), "");
        }
        let identity = (value("hard_acc") + value("normal_acc") + value("easy_acc")) / 3.0;
        table.row(
            &what,
            "mean of the three difficulties",
            Some(identity),
            None,
            (value("total_avg_acc"), 12),
            "",
        );
    }
}

fn prm_bench(table: &mut Table) {
    let published = anchors("prmbench_rprm");
    let outputs = real("prmbench_rprm_scores");
    let record = |one: &Value| {
        let steps = one["labels"].as_array().unwrap().len();
        let steps: Vec<String> = (0..steps).map(|n| n.to_string()).collect();
        json!({"id": one["id"], "modified_question": one["id"], "modified_process": steps,
            "error_steps": one["error_steps"], "classification": one["classification"]})
    };
    let line = |one: &Value| {
        let labels = one["labels"].as_array().unwrap();
        let step = |(n, label): (usize, &Value)| json!({"index": n, "label": if label == 1 { "correct" } else { "incorrect" }});
        let steps: Vec<Value> = labels.iter().enumerate().map(step).collect();
        json!({"id": one["id"], "first_error": -1, "steps": steps})
    };
    let records: Vec<Value> = outputs.iter().map(record).collect();
    let lines: Vec<Value> = outputs.iter().map(line).collect();
    let figures = counted("prmbench", &records, &lines);
    for (class, counts) in published.as_object().unwrap() {
        let value = |place: usize| counts[place].as_f64().unwrap();
        let row = if class == "total" { "PRMScore" } else { class };
        table.row("prmbench, R-PRM-7B", row, Some(percent(&figures, row)), None, (value(6), 2), "");
        if class == "total" {
            for (row, place) in [("F1 of valid steps", 4), ("F1 of wrong steps", 5)] {
                table.row(
                    "prmbench, R-PRM-7B",
                    row,
                    Some(percent(&figures, row)),
                    None,
                    (value(place), 2),
                    "",
                );
            }
        }
    }
}

/// No judge of ProcessBench itself was recorded; two judges of MR-MATH are counted by its formula.
async fn process_bench(table: &mut Table) {
    let published = anchors("reasoneval");
    let items = real("reasoneval_mrmath_items");
    let first = |value: &Value| match value {
        Value::Number(number) => number.as_i64().map(|step| step - 1),
        Value::String(text) => {
            let digits: String = text
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse::<i64>().ok().map(|step| step - 1)
        }
        _ => None,
    };
    let record = |one: &Value| {
        json!({"id": one["id"], "problem": one["question"], "steps": one["steps"], "subset": "mr-math",
            "label": first(&one["first_error_step"]).unwrap_or(-1)})
    };
    let records: Vec<Value> = items.iter().map(record).collect();
    for judge in ["gpt3_5_turbo", "gpt4"] {
        let of_judge = |one: &Value| one["judge"] == judge && one["set"] == "mr-math_invalid";
        let outputs: Vec<Value> =
            real("reasoneval_judgments").into_iter().filter(of_judge).collect();
        let line = |one: &Value| {
            let recorded = &one["recorded"];
            let verdict = recorded["correctness"].as_str().unwrap_or_default().to_lowercase();
            let verdict = verdict.trim_end_matches('.');
            let step = first(&recorded["first_error_step"]);
            let id = text(one, "group");
            match (verdict, step) {
                ("correct", _) => json!({"id": id, "first_error": -1}),
                ("wrong", Some(step)) => json!({"id": id, "first_error": step}),
                _ => json!({"id": id, "unreadable": {"reason": "missing", "detail": ""}}),
            }
        };
        let lines: Vec<Value> = outputs.iter().map(line).collect();
        let stored = counted("processbench", &records, &lines);
        let text_of = |one: &Value| json!({"id": text(one, "group"), "text": one["raw"]});
        let texts: Vec<Value> = outputs.iter().map(text_of).collect();
        let read = reread("processbench", &records, "reason-eval", &texts).await;
        let value =
            published[format!("{judge}/invalid")]["processbench_style_F1"].as_f64().unwrap();
        table.row(&format!("processbench formula on MR-MATH, {judge}"), "mean F1", Some(plain(&stored, "mean F1")), Some(plain(&read, "mean F1")), (value, 4), "the official code takes the first number after the words; the reader wants a step that exists");
    }
    // Of the benchmark itself: its labels.
    let labels = real("processbench");
    let of = |subset: &str, wrong: bool| {
        let is = |one: &&Value| one["subset"] == subset && (one["label"] != -1) == wrong;
        f64::from(u32::try_from(labels.iter().filter(is).count()).unwrap())
    };
    let published = anchors("processbench");
    for (name, place, wrong) in [("right solutions", 1, false), ("with an error", 2, true)] {
        table.row(
            "processbench, labels of gsm8k",
            name,
            Some(of("gsm8k", wrong)),
            None,
            (published["gsm8k"][place].as_f64().unwrap(), 0),
            "",
        );
    }
}

fn alpaca_eval(table: &mut Table) {
    let outputs = real("alpacaeval_logprobs");
    for (model, values) in anchors("alpacaeval_weighted").as_object().unwrap() {
        if values.get("win_rate").is_none() {
            continue;
        }
        let own: Vec<&Value> =
            outputs.iter().filter(|one| one["model"] == model.as_str()).collect();
        let record = |one: &&Value| json!({"id": one["id"], "instruction": one["group"], "output_1": "one", "output_2": "two"});
        let line = |one: &&Value| {
            let p = |token: &str| one["top_logprobs"][token].as_f64().map_or(0.0, f64::exp);
            let (m, other) = (p("m"), p("M"));
            let (first, second) = match one["m_is_output_2"].as_bool() {
                Some(true) => (other, m),
                Some(false) => (m, other),
                None => (0.5, 0.5),
            };
            let side = if second > first { "second" } else { "first" };
            json!({"id": one["id"], "preference": side, "distribution": {"first": first, "second": second}})
        };
        let records: Vec<Value> = own.iter().map(record).collect();
        let lines: Vec<Value> = own.iter().map(line).collect();
        let figures = counted("alpacaeval", &records, &lines);
        let what = format!("alpacaeval, {model}");
        let value = |name: &str| values[name].as_f64().unwrap();
        table.row(
            &what,
            "win rate",
            Some(percent(&figures, "win rate")),
            None,
            (value("win_rate"), 6),
            "",
        );
        table.row(
            &what,
            "standard error",
            Some(percent(&figures, "standard error of the win rate")),
            None,
            (value("standard_error"), 6),
            "",
        );
        table.row(&what, "wins", Some(plain(&figures, "wins")), None, (value("n_wins"), 0), "");
        table.row(
            &what,
            "losses",
            Some(plain(&figures, "losses")),
            None,
            (value("n_wins_base"), 0),
            "",
        );
        table.row(&what, "draws", Some(plain(&figures, "draws")), None, (value("n_draws"), 0), "");
    }
}

fn alpaca_eval_1(table: &mut Table) {
    let outputs = real("alpacaeval1_preferences");
    for (model, values) in anchors("alpacaeval1").as_object().unwrap() {
        let own: Vec<&Value> =
            outputs.iter().filter(|one| one["model"] == model.as_str()).collect();
        let long = |one: &Value, name: &str| {
            "x".repeat(usize::try_from(one[name].as_u64().unwrap_or(0)).unwrap())
        };
        let record = |one: &&Value| json!({"id": one["id"], "instruction": one["group"], "output_1": long(one, "len_1") + "x", "output_2": long(one, "len_2") + "x"});
        let line = |one: &&Value| match one["preference"].as_f64() {
            Some(side) if (side - 1.0).abs() < 0.1 => {
                json!({"id": one["id"], "preference": "first"})
            }
            Some(side) if (side - 2.0).abs() < 0.1 => {
                json!({"id": one["id"], "preference": "second"})
            }
            Some(_) => json!({"id": one["id"], "preference": "tie"}),
            None => json!({"id": one["id"], "unreadable": {"reason": "missing", "detail": ""}}),
        };
        let records: Vec<Value> = own.iter().map(record).collect();
        let lines: Vec<Value> = own.iter().map(line).collect();
        let figures = counted("alpacaeval", &records, &lines);
        let what = format!("alpacaeval 1, {model}");
        let value = |place: usize| values[place].as_f64().unwrap();
        table.row(&what, "win rate", Some(percent(&figures, "win rate")), None, (value(1), 6), "");
        table.row(
            &what,
            "standard error",
            Some(percent(&figures, "standard error of the win rate")),
            None,
            (value(2), 6),
            "",
        );
        println!(
            "{what}: length-controlled {:.2} (not published for this judge)",
            percent(&figures, "length-controlled win rate")
        );
    }
}

fn mj_bench(table: &mut Table) {
    let outputs = real("mjbench_scorer_sample");
    let record = |(n, one): (usize, &Value)| {
        let mut record = one.clone();
        record["id"] = n.to_string().into();
        // The stored prediction in place of the label: how often the scores give it.
        record["label"] = one["pred"].clone();
        record
    };
    let records: Vec<Value> = outputs.iter().enumerate().map(record).collect();
    let line = |(n, one): (usize, &Value)| json!({"id": n.to_string(), "scores": [one["score_0"], one["score_1"]]});
    let lines: Vec<Value> = outputs.iter().enumerate().map(line).collect();
    let figures = counted("mj-bench", &records, &lines);
    table.row(
        "mj-bench, four scorers",
        "scores that give the stored choice",
        Some(percent(&figures, "accuracy")),
        None,
        (100.0, 2),
        "",
    );
}

/// No judge of FairEval was recorded with its answers; the reviews of GPT-4 in the Vicuna blog compare answers of the same
/// two models to the same questions.
async fn fair_eval(table: &mut Table) {
    let records = real("faireval_human");
    let of = |label: &str| {
        f64::from(
            u32::try_from(records.iter().filter(|one| one["human"] == label).count()).unwrap(),
        )
    };
    let published = anchors("faireval_human");
    for (label, count) in published.as_object().unwrap() {
        table.row(
            "faireval, labels of people",
            label,
            Some(of(label)),
            None,
            (count.as_f64().unwrap(), 0),
            "",
        );
    }
    let reviews: Vec<Value> = real("vicuna_blog_reviews")
        .into_iter()
        .filter(|one| one["meta"]["pair"] == "gpt35_vicuna-13b")
        .collect();
    let id = |one: &Value| text(one, "group").replace("vicuna80:", "fe:");
    let line = |one: &Value| json!({"id": id(one), "text": one["raw"]});
    let texts: Vec<Value> = reviews.iter().map(line).collect();
    let read = reread("faireval", &records, "vicuna-pair", &texts).await;
    println!("\nfaireval, GPT-4 of the Vicuna blog (no published figure):\n{read}");
}
