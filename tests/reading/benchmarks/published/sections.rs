//! Figures of sections, from the published shares of right records in each part, and from texts of the same judges.

use super::super::{counted, reread};
use super::{Table, anchors, percent, plain, real, sample, text};
use serde_json::{Value, json};

/// Texts of RM-R1 on RMB: in all of them the better answer was shown second, and won.
pub(super) async fn rm_r1(table: &mut Table) {
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
    sample("rm_section_scores").into_iter().filter(|run| run["benchmark"] == benchmark).collect()
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

pub(super) fn reward_bench(table: &mut Table) {
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

pub(super) fn rmb(table: &mut Table) {
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
pub(super) fn rm_bench(table: &mut Table) {
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
