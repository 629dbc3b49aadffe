//! Figures of judges that compare two answers.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use super::super::{counted, reread, vote, voted};
use super::{Table, anchors, by_record, percent, plain, real, text, texts, with_outputs};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tribunal::bench::{Convention, Figures};

pub(super) async fn judge_bench(table: &mut Table) {
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

pub(super) fn judge_bench_rewards(table: &mut Table) {
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

pub(super) async fn llm_bar(table: &mut Table) {
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

pub(super) async fn panda_lm(table: &mut Table) {
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

pub(super) fn auto_j(table: &mut Table) {
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
pub(super) async fn mt_bench(table: &mut Table) {
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

/// No judge of FairEval was recorded with its answers; the reviews of GPT-4 in the Vicuna blog compare answers of the same
/// two models to the same questions.
pub(super) async fn fair_eval(table: &mut Table) {
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
