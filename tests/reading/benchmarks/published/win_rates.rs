//! Win rates, and scorers of images.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use super::super::counted;
use super::{Table, anchors, percent, plain, real};
use serde_json::{Value, json};
use tribunal::bench::Figures;

pub(super) fn alpaca_eval(table: &mut Table) {
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

/// The figures of this model on the instructions of AlpacaEval 1.
pub(super) fn alpaca_eval_1_of(model: &str) -> Figures {
    let outputs = real("alpacaeval1_preferences");
    let own: Vec<&Value> = outputs.iter().filter(|one| one["model"] == model).collect();
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
    counted("alpacaeval", &records, &lines)
}

pub(super) fn alpaca_eval_1(table: &mut Table) {
    for (model, values) in anchors("alpacaeval1").as_object().unwrap() {
        let figures = alpaca_eval_1_of(model);
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

pub(super) fn mj_bench(table: &mut Table) {
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
