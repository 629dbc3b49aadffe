//! Arena-Hard: games, models and style, on records made for them.

use super::{cases_of, counted, figures::official, reread, vote, voted};
use serde_json::{Value, json};
use tribunal::bench::{self, Convention, Figures};

/// Figures from what the official judge would have written: the verdicts of both games of each record.
fn played(records: &[Value], games: &[[&str; 2]]) -> Figures {
    let named = cases_of(bench::named("arena-hard").unwrap(), records);
    let text = |id: &str, order: &str, label: &str| json!({"id": id, "order": order, "text": format!("My final verdict is [[{label}]]")});
    // The baseline is A in the given order, and the model is A in the swapped one.
    let texts: Vec<Value> = named
        .iter()
        .zip(games)
        .flat_map(|(case, [one, two])| {
            [text(&case.id, "given", one), text(&case.id, "swapped", two)]
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(reread("arena-hard", records, "arena-hard", &texts))
}

fn record(uid: &str, model: &str) -> Value {
    json!({"uid": uid, "prompt": format!("q{uid}"), "answer": "own", "baseline_answer": "base", "model": model})
}

#[test]
fn a_strong_verdict_counts_three_times() {
    let figures = played(&[record("x", "m")], &[["A>B", "A>>B"]]);
    assert_eq!(official(&figures, "win rate"), "75.00");
}

#[test]
fn answers_of_several_models_to_one_question_are_records_of_their_own() {
    let records = [
        record("x", "m"),
        record("x", "n"),
        json!({"uid": "y", "prompt": "q", "answer": "a", "baseline_answer": "b"}),
    ];
    let all = cases_of(bench::named("arena-hard").unwrap(), &records);
    let ids: Vec<&str> = all.iter().map(|case| case.id.as_str()).collect();
    assert_eq!(ids, ["x:m", "x:n", "y"]);
    let figures = played(&records[..2], &[["B>A", "A>B"], ["A=B", "A=B"]]);
    assert_eq!(official(&figures, "m"), "100.00");
    assert_eq!(official(&figures, "n"), "50.00");
}

#[test]
fn a_game_without_a_verdict_leaves_out_its_record() {
    let records = [record("x", "m"), record("y", "m")];
    let lines = [
        voted("x:m", vec![vote(0, Some("second")), vote(1, None)]),
        voted("y:m", vec![vote(0, Some("first")), vote(1, Some("second"))]),
    ];
    let figures = counted("arena-hard", &records, &lines);
    assert_eq!(super::figures::all(&figures, "win rate"), ["50.00", "50.00", "50.00", "75.00"]);
}

#[test]
fn the_strength_of_a_verdict_may_stand_in_a_line_without_texts() {
    let game = |order, side: &str, words: Option<&str>| {
        let mut vote = vote(order, Some(side));
        if let Some(words) = words {
            vote["verdict"] = words.into();
        }
        vote
    };
    let record = [record("x", "m")];
    let strong =
        [voted("x:m", vec![game(0, "first", Some("A>B")), game(1, "second", Some("A>>B"))])];
    let figures = counted("arena-hard", &record, &strong);
    assert_eq!((official(&figures, "win rate"), figures.without_strength), ("75.00".into(), 0));
    // Without its words a verdict counts once, and the figures say of how many that is so.
    let plain = [voted("x:m", vec![game(0, "first", None), game(1, "second", Some("second"))])];
    let figures = counted("arena-hard", &record, &plain);
    assert_eq!((official(&figures, "win rate"), figures.without_strength), ("50.00".into(), 2));
    let tie = [voted("x:m", vec![game(0, "tie", None), game(1, "tie", None)])];
    assert_eq!(counted("arena-hard", &record, &tie).without_strength, 0);
    // A line may hold one verdict alone.
    let lone = [json!({"id": "x:m", "preference": "second", "verdict": "B>>A"})];
    assert_eq!(counted("arena-hard", &record, &lone).without_strength, 0);
}

/// Figures of scikit-learn on records that were made for it: `tests/data/benchmarks/style_controlled.py`.
#[test]
fn style_controlled_figures_are_those_of_scikit_learn() {
    let made: Value =
        serde_json::from_str(include_str!("../../data/benchmarks/style_controlled.json")).unwrap();
    for (name, case) in made.as_object().unwrap() {
        let own = case["records"].as_array().unwrap();
        let with = |(n, one): (usize, &Value)| {
            let mut record = record(&n.to_string(), one["model"].as_str().unwrap());
            for key in ["metadata", "baseline_metadata"] {
                record[key] = one[key].clone();
            }
            record["category"] = "hard_prompt".into();
            record
        };
        let records: Vec<Value> = own.iter().enumerate().map(with).collect();
        let game = |one: &Value| -> [String; 2] {
            [0, 1].map(|place| one["games"][place].as_str().unwrap().to_owned())
        };
        let games: Vec<[String; 2]> = own.iter().map(game).collect();
        let games: Vec<[&str; 2]> = games.iter().map(|[one, two]| [&**one, &**two]).collect();
        let figures = played(&records, &games);
        let value = |row: &str| {
            let row = figures.row(row).unwrap_or_else(|| panic!("no row `{row}`: {figures}"));
            row.value(Convention::Official).unwrap()
        };
        let near = |row: &str, expected: f64| {
            let found = value(row);
            assert!((found - expected).abs() < 1e-5, "{name}, {row}: {found}, not {expected}");
        };
        let mut sum = 0.0;
        let rates = case["reference"]["win_rate"].as_object().unwrap();
        for (model, rate) in rates {
            let rate = rate.as_f64().unwrap();
            near(&format!("{model} (style-controlled)"), rate);
            near(model, case["reference"]["plain"][model].as_f64().unwrap());
            sum += rate;
        }
        let count = f64::from(u32::try_from(rates.len()).unwrap());
        near("style-controlled win rate", sum / count);
        near("hard_prompt (style-controlled)", sum / count);
    }
}
