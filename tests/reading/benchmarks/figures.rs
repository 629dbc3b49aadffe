//! What each benchmark counts, on records made for it.

use super::{counted, vote, voted};
use serde_json::{Value, json};
use tribunal::bench::{self, Convention, Figures};

/// A figure in percent with two digits, under the official convention.
pub(super) fn official(figures: &Figures, row: &str) -> String {
    shown(figures, row, Convention::Official)
}

fn shown(figures: &Figures, row: &str, convention: Convention) -> String {
    let row = figures.row(row).unwrap_or_else(|| panic!("no row `{row}`: {figures}"));
    row.value(convention).map_or_else(|| "-".into(), |value| format!("{:.2}", 100.0 * value))
}

/// A figure under the four conventions.
pub(super) fn all(figures: &Figures, row: &str) -> [String; 4] {
    Convention::ALL.map(|convention| shown(figures, row, convention))
}

fn chosen(id: usize, subset: &str) -> Value {
    json!({"id": id, "prompt": format!("q{id}"), "chosen": "a", "rejected": "b", "subset": subset})
}

pub(super) fn said(id: &str, side: &str) -> Value {
    json!({"id": id, "preference": side})
}

fn unread(id: &str) -> Value {
    json!({"id": id, "unreadable": {"reason": "missing", "detail": ""}})
}

#[test]
fn every_benchmark_says_what_it_reads_and_where_that_stands() {
    let mut names = std::collections::BTreeSet::new();
    for one in bench::all() {
        assert!(names.insert(one.name), "{} is there twice", one.name);
        let texts = [one.summary, one.protocol, one.failure, one.metric, one.source, one.licence];
        assert!(texts.iter().all(|text| !text.is_empty()), "{}", one.name);
        assert!(one.fields.iter().any(|field| field.is_required), "{}", one.name);
        assert!(tribunal::judge::load(one.prompt).is_ok(), "{}: {}", one.name, one.prompt);
        assert!(one.page().contains(one.source));
    }
    let error = bench::named("rewardbnech").unwrap_err();
    assert_eq!(error.hints()[0].to_string(), "did you mean `rewardbench`?");
    let error = bench::named("LLMBar").unwrap_err();
    assert_eq!(error.hints()[0].to_string(), "did you mean `llmbar`?");
}

#[test]
fn labels_may_be_numbers_as_tables_write_them() {
    let record =
        |label: Value| json!({"input": "i", "output_1": "a", "output_2": "b", "label": label});
    let records = [record(json!(1)), record(json!("1")), record(json!(1.0)), record(json!("1.0"))];
    let lines = [said("0", "first"), said("1", "first"), said("2", "first"), said("3", "second")];
    let figures = counted("llmbar", &records, &lines);
    assert_eq!(official(&figures, "accuracy"), "75.00");
    assert!(figures.rows.iter().all(|row| !row.name.trim().is_empty()), "no row without a name");
}

#[test]
fn rewardbench_weighs_subsets_by_fixed_counts_and_a_failure_is_half() {
    let records = [
        chosen(1, "math-prm"),
        chosen(2, "hep-cpp"),
        chosen(3, "donotanswer"),
        chosen(4, "hep-cpp"),
    ];
    let lines = [said("1", "first"), said("2", "second"), said("3", "tie"), unread("4")];
    let figures = counted("rewardbench", &records, &lines);
    // Reasoning: (984 · 1 + 164 · 0.25) / (984 + 164); Safety: a tie.
    assert_eq!(official(&figures, "Reasoning"), "89.29");
    assert_eq!(official(&figures, "Safety"), "50.00");
    assert_eq!(official(&figures, "mean of sections"), "69.64");
    assert_eq!(all(&figures, "hep-cpp"), ["25.00", "0.00", "0.00", "50.00"]);
    assert_eq!(all(&figures, "accuracy over all pairs"), ["50.00", "50.00", "37.50", "62.50"]);
    assert_eq!((figures.records, figures.unreadable, figures.failed), (4, 1, 0));
}

#[test]
fn pairs_of_a_misspelt_subset_are_shown_as_those_of_no_section() {
    let records = [chosen(1, "math-prm"), chosen(2, "Math-PRM")];
    let figures = counted("rewardbench", &records, &[said("1", "first"), said("2", "second")]);
    assert_eq!(official(&figures, "mean of sections"), "100.00");
    assert_eq!(official(&figures, "pairs of unknown subsets, in no section"), "0.00");
}

#[test]
fn a_record_without_a_line_is_counted_as_failed() {
    let figures =
        counted("rewardbench", &[chosen(1, "hep-go"), chosen(2, "hep-go")], &[said("2", "first")]);
    assert_eq!((figures.judgments, figures.failed, figures.unreadable), (2, 1, 0));
    assert_eq!(all(&figures, "hep-go"), ["75.00", "100.00", "50.00", "100.00"]);
}

#[test]
fn rewardbench_2_counts_maxima_and_a_quarter_for_nothing() {
    let four = |id: &str| json!({"id": id, "prompt": id, "chosen": ["a"], "rejected": ["b", "c", "d"], "subset": "Math"});
    let records = [four("x"), four("y"), four("z")];
    let rated =
        |id: &str, place: usize, score: f64| json!({"id": format!("{id}/{place}"), "score": score});
    let lines = [
        rated("x", 0, 8.0),
        rated("x", 1, 8.0),
        rated("x", 2, 3.0),
        // The last of x, and all of y but one, are missing: officially they are the lowest. If they are not, the right
        // answer of x may lose, and that of y may win.
        rated("y", 1, 2.0),
    ];
    let figures = counted("rewardbench2", &records, &lines);
    assert_eq!(all(&figures, "Math"), ["25.00", "-", "0.00", "83.33"]);
    let ranked = [
        json!({"id": "x", "ranking": [[0], [1, 2, 3]]}),
        json!({"id": "y", "ranking": [[2], [0, 1, 3]]}),
        unread("z"),
    ];
    let figures = counted("rewardbench2", &records, &ranked);
    assert_eq!(all(&figures, "Math"), ["41.67", "50.00", "33.33", "66.67"]);
}

#[test]
fn ties_want_right_answers_close_together_and_above_all_wrong_ones() {
    let record = |id: &str, right: usize| {
        let answers = |count: usize, of: &str| -> Vec<String> {
            (0..count).map(|n| format!("{of}{n}")).collect()
        };
        json!({"id": id, "prompt": id, "chosen": answers(right, "r"), "rejected": answers(2, "w"), "subset": "Ties"})
    };
    let records = [record("ref:1", 1), record("tied:1", 2)];
    let rate = |id: &str, scores: &[i64]| -> Vec<Value> {
        let line =
            |(place, score): (usize, &i64)| json!({"id": format!("{id}/{place}"), "score": score});
        scores.iter().enumerate().map(line).collect()
    };
    let score = |single: &[i64], tied: &[i64]| {
        let lines = [rate("ref:1", single), rate("tied:1", tied)].concat();
        official(&counted("rewardbench2", &records, &lines), "Ties")
    };
    // Everything right, no spread: .30 + .30 + .20 + .20 + .01 · 1.
    assert_eq!(score(&[9, 2, 1], &[9, 9, 2, 1]), "101.00");
    // A spread of 4 and a margin of 3: only the accuracies, and .01 · tanh(3/4 − 1).
    assert_eq!(score(&[9, 2, 1], &[9, 5, 2, 1]), "59.76");
    // A wrong answer as high as a right one is not accurate, and the margin is 0.
    assert_eq!(score(&[9, 2, 1], &[9, 5, 5, 1]), "29.24");
}

#[test]
fn rm_bench_pools_both_kinds_of_safety_and_a_tie_is_wrong() {
    let record = |id: &str, domain: &str| json!({"id": id, "prompt": id, "domain": domain, "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"]});
    let records =
        [record("x", "safety-refuse"), record("y", "safety-response"), record("z", "chat")];
    let rate = |id: &str, scores: [i64; 6]| -> Vec<Value> {
        let line =
            |(place, score): (usize, i64)| json!({"id": format!("{id}/{place}"), "score": score});
        scores.into_iter().enumerate().map(line).collect()
    };
    let lines = [
        rate("x", [9, 9, 9, 1, 1, 1]),
        rate("y", [1, 1, 1, 9, 9, 9]),
        // Style wins: a better style of the wrong answer beats the right one.
        rate("z", [2, 4, 6, 1, 3, 6]),
    ]
    .concat();
    let figures = counted("rm-bench", &records, &lines);
    assert_eq!(official(&figures, "safety"), "50.00");
    assert_eq!(official(&figures, "chat"), "55.56");
    // Above the diagonal chat wins nothing, on it two of three, below it all.
    assert_eq!(official(&figures, "hard"), "25.00");
    assert_eq!(official(&figures, "normal"), "58.33");
    assert_eq!(official(&figures, "easy"), "75.00");
    assert_eq!(official(&figures, "mean of domains"), "52.78");
}

#[test]
fn the_best_answer_of_rmb_must_beat_every_loser() {
    let asked = json!([{"role": "user", "content": "How?"}]);
    let record = json!({
        "id": "b", "conversation_input": asked, "category_path": "BoN_set/Harmlessness/S1",
        "bon_best": {"llm_name": "m", "answer": "a"},
        "loser_list": [{"llm_name": "m", "answer": "b"}, {"llm_name": "m", "answer": "c"}],
    });
    let pair = json!({
        "id": "p", "conversation_input": asked, "category_path": "Pairwise_set/Helpfulness/Chat/X",
        "chosen": {"llm_name": "m", "answer": "a"}, "reject": {"llm_name": "m", "answer": "b"},
    });
    let lines = [said("b/0-1", "first"), said("b/0-2", "tie"), said("p", "first")];
    let figures = counted("rmb", &[record.clone(), pair.clone()], &lines);
    assert_eq!(official(&figures, "best-of-N harmlessness"), "0.00");
    assert_eq!(official(&figures, "pairs helpfulness"), "100.00");
    assert_eq!(official(&figures, "accuracy over all comparisons"), "66.67");
    let lines = [said("b/0-1", "first"), unread("b/0-2"), said("p", "first")];
    let figures = counted("rmb", &[record, pair], &lines);
    assert_eq!(all(&figures, "mean of sections"), ["50.00", "100.00", "50.00", "100.00"]);
}

#[test]
fn processbench_is_the_harmonic_mean_of_both_accuracies_and_draws_vote() {
    let solution = |id: &str, label: i64| json!({"id": id, "problem": id, "steps": ["a", "b", "c"], "label": label});
    let records = [solution("gsm8k-1", 1), solution("gsm8k-2", 2), solution("gsm8k-3", -1)];
    let step = |first: Option<i64>| match first {
        Some(first) => json!({"draw": 0, "order": "given", "calls": [], "first_error": first}),
        None => {
            json!({"draw": 0, "order": "given", "calls": [], "unreadable": {"reason": "missing", "detail": ""}})
        }
    };
    let drawn = |id: &str, draws: &[Option<i64>]| json!({"id": id, "first_error": draws[0].unwrap_or(-1), "votes": draws.iter().map(|one| step(*one)).collect::<Vec<_>>()});
    let lines = [
        drawn("gsm8k-1", &[Some(0), Some(1), None, Some(1)]),
        drawn("gsm8k-2", &[Some(0), Some(2)]),
        json!({"id": "gsm8k-3", "first_error": -1}),
    ];
    let figures = counted("processbench", &records, &lines);
    assert_eq!(official(&figures, "with an error"), "50.00", "the earliest of two equal counts");
    assert_eq!(official(&figures, "right solutions"), "100.00");
    assert_eq!(official(&figures, "mean F1"), "66.67");
    let wrong = bench::named("processbench").unwrap();
    let error = wrong.case(&solution("gsm8k-9", 3).into(), 0).unwrap_err();
    assert!(error.to_string().contains("3 is not one of 3 steps"), "{error}");
}

#[test]
fn prm_score_counts_every_step_and_leaves_out_what_was_not_judged() {
    let record = |id: &str, class: &str, errors: &[i64]| json!({"id": id, "modified_question": id, "modified_process": ["a", "b", "c", "d"], "error_steps": errors, "classification": class});
    let records = [record("x", "circular", &[3, 4]), record("y", "multi_solutions", &[])];
    let steps = |labels: &[bool]| -> Vec<Value> {
        let word = |right: bool| if right { "correct" } else { "incorrect" };
        labels
            .iter()
            .enumerate()
            .map(|(n, right)| json!({"index": n, "label": word(*right)}))
            .collect()
    };
    let lines = [
        json!({"id": "x", "first_error": 2, "steps": steps(&[true, true, false])}),
        json!({"id": "y", "first_error": 0, "steps": steps(&[false, true, true, true])}),
    ];
    let figures = counted("prmbench", &records, &lines);
    assert_eq!(official(&figures, "circular"), "100.00", "the last step was not judged");
    assert_eq!(shown(&figures, "circular", Convention::Worst), "73.33");
    assert_eq!(official(&figures, "multi_solutions"), "85.71", "F1 of valid steps alone");
}

#[test]
fn judgebench_adds_both_games_and_an_unreadable_one_counts_for_neither_side() {
    let pair = |id: &str, label: &str| json!({"pair_id": id, "question": id, "response_A": "a", "response_B": "b", "label": label, "source": "livecodebench"});
    let records = [pair("x", "A>B"), pair("y", "B>A"), pair("z", "A>B")];
    let lines = [
        voted("x", vec![vote(0, Some("first")), vote(1, None)]),
        voted("y", vec![vote(0, Some("first")), vote(1, Some("second"))]),
        voted("z", vec![vote(0, Some("tie")), vote(1, Some("second"))]),
    ];
    let figures = counted("judgebench", &records, &lines);
    assert_eq!(official(&figures, "accuracy"), "33.33");
    assert_eq!(official(&figures, "wrong answer preferred"), "33.33");
    assert_eq!(official(&figures, "undecided"), "33.33");
    assert_eq!(official(&figures, "Coding"), "33.33");
    assert_eq!(
        all(&figures, "both orders differ")[..2],
        ["100.00".to_owned(), "100.00".to_owned()]
    );
    assert_eq!(figures.votes, (6, 1));
    // The only unreadable game does not decide: with a vote for the other side it is undecided.
    assert_eq!(all(&figures, "accuracy"), ["33.33", "33.33", "0.00", "33.33"]);
}

#[test]
fn pandalm_counts_an_unreadable_verdict_as_a_tie() {
    let pair = |id: usize, votes: [i64; 3]| {
        json!({"idx": id, "instruction": "Do.", "input": format!("{id}"), "response1": "a", "response2": "b",
            "annotator1": votes[0], "annotator2": votes[1], "annotator3": votes[2]})
    };
    let records = [pair(1, [1, 2, 2]), pair(2, [0, 0, 1]), pair(3, [0, 1, 2])];
    let lines = [said("1", "second"), unread("2"), said("3", "tie")];
    let figures = counted("pandalm", &records, &lines);
    assert_eq!(all(&figures, "accuracy"), ["100.00", "100.00", "66.67", "100.00"]);
}

#[test]
fn a_judge_that_is_right_everywhere_has_an_interval_and_one_question_is_drawn_as_a_whole() {
    let judged = |questions: usize| {
        let benchmark = bench::named("rewardbench").unwrap();
        let records: Vec<Value> = (0..12)
            .map(|n| {
                let mut record = chosen(n, "hep-go");
                record["prompt"] = format!("q{}", n % questions).into();
                record
            })
            .collect();
        let mut judgments = bench::Judgments::default();
        for n in 0..12 {
            let line = said(&n.to_string(), if n % questions == 3 { "second" } else { "first" });
            judgments.add(tribunal::line::ResultLine::read(line.to_string()).unwrap());
        }
        let cases = super::cases_of(benchmark, &records);
        let shape = judgments.shape(&cases);
        Figures::of(benchmark, &judgments.beside(&cases, shape))
    };
    let all_right = judged(2).interval.unwrap();
    assert!((all_right.low - 0.3424).abs() < 1e-4 && all_right.high > 0.999, "{all_right:?}");
    let (few, many) = (judged(4).interval.unwrap(), judged(12).interval.unwrap());
    assert!(few.width() > many.width(), "{few:?} {many:?}");
}

#[test]
fn a_missing_field_is_named_with_the_flag_that_renames_it() {
    let rewardbench = bench::named("rewardbench").unwrap();
    let error = rewardbench.case(&json!({"prompt": "q", "chosen": "a"}).into(), 0).unwrap_err();
    assert_eq!(error.to_string(), "the record has no field `rejected`");
    assert_eq!(error.hints()[0].to_string(), "name yours: `map` (`rejected=my_field`)");
}

#[test]
fn alpaca_eval_weighs_probabilities_and_removes_the_effect_of_length() {
    let record = |id: usize, longer: usize| json!({"id": id, "instruction": format!("{id}"), "output_1": "x".repeat(10), "output_2": "x".repeat(10 + longer)});
    let records: Vec<Value> =
        (0..400).map(|id| record(id, if id.is_multiple_of(2) { 30 } else { 0 })).collect();
    let likely = |id: usize, second: f64| {
        json!({"id": format!("{id}"), "preference": if second > 0.5 { "second" } else { "first" },
            "distribution": {"first": 1.0 - second, "second": second}})
    };
    let lines: Vec<Value> =
        (0..400).map(|id| likely(id, if id.is_multiple_of(2) { 0.9 } else { 0.5 })).collect();
    let figures = counted("alpacaeval", &records, &lines);
    assert_eq!(official(&figures, "win rate"), "70.00");
    let controlled = figures.row("length-controlled win rate").unwrap();
    let controlled = controlled.value(Convention::Official).unwrap();
    // The penalty leaves a little.
    assert!((controlled - 0.5).abs() < 0.01, "{controlled}");
}

#[test]
fn alpaca_eval_fits_each_model_by_itself() {
    let record = |id: usize, model: &str| {
        let longer = if id.is_multiple_of(2) { 30 } else { 0 };
        json!({"id": format!("{model}{id}"), "instruction": format!("{id}"), "generator_2": model,
            "instruction_difficulty": 0.1 * f64::from(u32::try_from(id % 7).unwrap()),
            "output_1": "x".repeat(10), "output_2": "x".repeat(10 + longer)})
    };
    let of = |model: &str| (0..40).map(|id| record(id, model)).collect::<Vec<Value>>();
    let records = [of("good"), of("bad")].concat();
    let line = |record: &Value| {
        let side = if record["generator_2"] == "good" { "second" } else { "first" };
        json!({"id": record["id"], "preference": side})
    };
    let lines: Vec<Value> = records.iter().map(line).collect();
    let figures = counted("alpacaeval", &records, &lines);
    assert_eq!(
        (official(&figures, "good"), official(&figures, "bad")),
        ("100.00".into(), "0.00".into())
    );
    let of = |name: &str| figures.row(name).unwrap().value(Convention::Official).unwrap();
    assert!(
        of("good (length-controlled)") > 0.9 && of("bad (length-controlled)") < 0.1,
        "{figures}"
    );
    assert!((of("length-controlled win rate") - 0.5).abs() < 0.05, "{figures}");
}

#[test]
fn schemas_that_nobody_saw_are_marked() {
    let unverified: Vec<&str> =
        bench::all().iter().filter(|one| !one.is_verified).map(|one| one.name).collect();
    assert_eq!(
        unverified,
        [
            "ppe-human",
            "ppe-correctness",
            "rag-rewardbench",
            "acemath-rewardbench",
            "jetts-beam",
            "jetts-refine",
            "universalbench",
            "vilbench"
        ]
    );
}

#[test]
fn ratings_of_ppe_that_could_not_be_read_leave_bounds() {
    let record = |id: &str, right: &[bool], pairs: &[[usize; 2]]| {
        let mut record = json!({"question_id": id, "prompt": id, "scores": right, "sampled_conflict_pairs": pairs});
        for n in 1..=right.len() {
            record[format!("response_{n}")] = format!("answer {n}").into();
        }
        record
    };
    let rated =
        |id: &str, place: usize, score: i64| json!({"id": format!("{id}/{place}"), "score": score});
    let four = [record("x", &[true, false, true, false], &[[0, 1], [2, 3]])];
    let lines = [rated("x", 0, 9), rated("x", 1, 2), unread("x/2"), rated("x", 3, 5)];
    let figures = counted("ppe-correctness", &four, &lines);
    assert_eq!(all(&figures, "accuracy"), ["75.00", "100.00", "50.00", "100.00"]);
    // Of four pairs of a right and a wrong answer the judge read two, and got both right.
    let area = "area under the ROC curve";
    assert_eq!(all(&figures, area), ["75.00", "100.00", "50.00", "100.00"]);

    // The right one of two answers has no rating. If it were the highest, it would be the best wherever it is among the
    // first K: in half of the places more than if it were the lowest.
    let two = [record("y", &[true, false], &[[0, 1]])];
    let figures = counted("ppe-correctness", &two, &[unread("y/0"), rated("y", 1, 3)]);
    let best = figures.row("best of K").unwrap();
    let [official, readable, worst, highest] =
        Convention::ALL.map(|convention| best.value(convention).unwrap());
    assert_eq!((official, readable), (worst, 0.0));
    assert!((highest - worst - 0.5).abs() < 1e-9 && worst > 0.0, "{figures}");
    assert_eq!(all(&figures, area), ["50.00", "-", "0.00", "100.00"]);

    // With every rating the four figures agree, and a judge of pairs has none of both.
    let lines = [lines.to_vec(), vec![rated("x", 2, 4)]].concat();
    let figures = counted("ppe-correctness", &four, &lines);
    assert_eq!(all(&figures, area), ["75.00"; 4]);
    let [first, others @ ..] = all(&figures, "best of K");
    assert!(others.iter().all(|other| *other == first), "{figures}");
    let pairs = [said("x/0-1", "first"), unread("x/2-3")];
    let figures = counted("ppe-correctness", &four, &pairs);
    assert_eq!(all(&figures, "accuracy"), ["75.00", "100.00", "50.00", "100.00"]);
    assert_eq!(
        (all(&figures, area), all(&figures, "best of K")),
        (
            ["-".into(), "-".into(), "-".into(), "-".into()],
            ["-".into(), "-".into(), "-".into(), "-".into()]
        )
    );
}
