//! `strategy::best_of` over real solutions and recorded judgments.

#![cfg(feature = "checks")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use serde_json::Value;
use tribunal::{
    Completion, Item, Judge, Request,
    backend::{Check, from_fn},
    strategy::{
        Measure,
        best_of::{Preset, RankOptions, Ranker, Rule},
    },
};

/// The records of a file of real judgments and answers, which stand beside the project and are not part of it.
fn real(name: &str) -> Vec<Value> {
    let path = format!("{}/../shared/data/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let path = std::env::var("SHARED_DATA").map_or(path, |folder| format!("{folder}/{name}.jsonl"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The solutions of four models to each problem of GSM8K, with their own labels (Cobbe et al. 2021).
fn gsm8k() -> Vec<(Item, Vec<bool>)> {
    let mut groups: std::collections::BTreeMap<String, Vec<Value>> =
        std::collections::BTreeMap::new();
    for solution in real("gsm8k_solutions") {
        let group = solution["group"].as_str().unwrap().to_owned();
        groups.entry(group).or_default().push(solution);
    }
    let item = |(group, solutions): (String, Vec<Value>)| {
        let texts = solutions.iter().map(|one| one["solution"].as_str().unwrap());
        let item = Item::new().with_id(group).question("?").answers(texts);
        let item = item.reference(solutions[0]["final_answer"].as_str().unwrap());
        (item, solutions.iter().map(|one| one["is_correct"] == true).collect())
    };
    groups.into_iter().map(item).collect()
}

/// Best-of-4 over real solutions with the answer as an oracle: the check finds a right solution wherever there is one, and
/// the votes of the solutions lie between a random solution and that.
#[tokio::test]
#[ignore = "needs ../shared/data"]
async fn an_oracle_finds_the_right_ones_among_real_solutions() {
    let check = Judge::builder().backend(Check::named("math").unwrap()).prompt("check");
    let check = check.build().await.unwrap();
    let oracle = RankOptions::default().measure(Measure::Pass);
    let oracle = Ranker::new(Some(check.clone()), oracle).unwrap();
    let votes = Ranker::new(None, RankOptions::default().rule(Rule::Majority)).unwrap();
    let (mut any, mut found, mut by_vote, mut right, mut all) = (0, 0, 0, 0, 0);
    for (item, labels) in gsm8k() {
        any += usize::from(labels.contains(&true));
        let ranked = oracle.rank(&item).await.unwrap();
        found += usize::from(labels[ranked.selection.chosen.unwrap()]);
        let ranked = votes.rank(&item).await.unwrap();
        by_vote += usize::from(labels[ranked.selection.chosen.unwrap()]);
        right += labels.iter().filter(|label| **label).count();
        all += labels.len();
    }
    assert_eq!((all, any), (2_976, 501));
    assert_eq!(found, any);
    // 37.8 % of all solutions are right, and 44.4 % of the most frequent answers of four.
    assert_eq!((right, by_vote), (1_124, 330));
}

/// The texts of a judge about two outputs of LLMBar by the order in which they were shown, with the verdict that a
/// careful reader takes from each (Zeng et al. 2024).
type Shown = [(String, Option<f64>); 2];

/// The recorded comparisons of LLMBar with a prompt that asks for reasons first: by judge and pair, and whether the first
/// output is the better one.
fn llmbar() -> Vec<(Shown, bool)> {
    let mut pairs: std::collections::BTreeMap<String, Vec<Value>> =
        std::collections::BTreeMap::new();
    for one in real("llmbar_judgments") {
        if one["prompt_kind"] == "CoT" {
            pairs.entry(format!("{} {}", one["judge"], one["group"])).or_default().push(one);
        }
    }
    let pair = |mut both: Vec<Value>| {
        both.sort_by_key(|one| one["order"].as_i64());
        let first_is_better = both[0]["gold"] == "A";
        let shown = both.iter().map(|one| {
            let share = match one["reader_verdict"].as_str() {
                Some("A") => Some(1.0),
                Some("B") => Some(0.0),
                _ => None,
            };
            (one["raw"].as_str().unwrap().to_owned(), share)
        });
        (shown.collect::<Vec<_>>().try_into().unwrap(), first_is_better)
    };
    pairs.into_values().filter(|both| both.len() == 2).map(pair).collect()
}

/// Both presets of JETTS that compare, over recorded judgments of real models: the share of the win is what its formula
/// makes of both orders, and the choice is the right one as often as the formula says.
#[tokio::test]
#[ignore = "needs ../shared/data"]
async fn the_rules_of_jetts_are_those_of_its_formula_on_recorded_judgments() {
    let pairs = llmbar();
    let texts: Vec<Shown> = pairs.iter().map(|(shown, _)| shown.clone()).collect();
    let recorded = from_fn("recorded", move |request: Request| {
        let text: String = request.messages.iter().map(tribunal::request::Message::text).collect();
        let number: usize =
            text.split("pair ").nth(1).unwrap().split('.').next().unwrap().parse().unwrap();
        let swapped = text.find("Output two of").unwrap() < text.find("Output one of").unwrap();
        let answer = Completion::text(&*texts[number][usize::from(swapped)].0);
        async move { Ok(answer) }
    });
    let judge = Judge::builder().backend(recorded).prompt("llmbar-cot").reasks(0);
    let judge = judge.build().await.unwrap();
    let preset = |name: &str| {
        let options = Preset::named(name).unwrap().options();
        Ranker::new(Some(judge.clone()), options).unwrap()
    };
    let (all_pairs, knockout) = (preset("jetts-round-robin"), preset("jetts-knockout"));
    let (mut differ, mut by_formula, mut by_choice) = (0, 0.0, 0.0);
    for (number, (shown, first_is_better)) in pairs.iter().enumerate() {
        let outputs = ["one", "two"].map(|which| format!("Output {which} of pair {number}."));
        let item = Item::new().with_id(number.to_string()).question("Which?").answers(outputs);
        let share = match (shown[0].1, shown[1].1) {
            (Some(given), Some(swapped)) => f64::midpoint(given, 1.0 - swapped),
            (Some(given), None) => given,
            (None, Some(swapped)) => 1.0 - swapped,
            (None, None) => 0.5,
        };
        let ranked = all_pairs.rank(&item).await.unwrap();
        let found = ranked.compared[0].played.share.unwrap();
        differ += usize::from((found - share).abs() > 1e-9);
        let of = |share: f64| if *first_is_better { share } else { 1.0 - share };
        by_formula += of(share);
        let chosen = ranked.selection.chosen.unwrap();
        by_choice += f64::from(u8::from((chosen == 0) == *first_is_better));
        // A winner in both orders wins the knockout too.
        if (found - 0.5).abs() > 0.1 {
            let winner = knockout.rank(&item).await.unwrap().selection.chosen;
            assert_eq!(winner, Some(chosen), "{number}");
        }
    }
    let count = u32::try_from(pairs.len()).unwrap();
    assert_eq!(count, 1_240);
    assert!(differ * 100 < pairs.len(), "{differ}");
    // Ties are drawn, so that the choice is right about as often as the shares say.
    assert!((by_formula - by_choice).abs() < 40.0, "{by_formula} and {by_choice}");
}
