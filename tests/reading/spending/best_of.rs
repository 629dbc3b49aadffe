//! Best-of-N over solutions of GSM8K, by recorded verifications of GenRM: several solutions of one question, each with one
//! verification that ends in Yes or No (Zhang et al. 2024).

use std::collections::BTreeMap;

use serde_json::json;
use tribunal::{
    Item, Judge,
    backend::Check,
    strategy::{
        Measure,
        best_of::{RankOptions, Ranker, Rule},
    },
};

use super::{Record, lines, on_the_page, share, text};

/// The last line of a verification, in every wording of its question.
const VERIFIED: &str = r#"kind: label
verdict: {regex: '(?i)is the (?:answer|solution) correct[* ]*\??[* ]*(?:\(?(?:yes|no)/(?:yes|no)\)?)?[*:?\s]*(?<verdict>[^\n?]+)', values: {"Yes": correct, "No": incorrect}}
pass: label = correct"#;

/// A question with its solutions, and which of them are right.
struct Question {
    item: Item,
    right: Vec<bool>,
}

/// The questions with two solutions or more, and all verifications.
fn questions() -> (Vec<Question>, Vec<Record>) {
    let mut by_question: BTreeMap<String, Vec<(String, bool, String)>> = BTreeMap::new();
    let mut verifications = Vec::new();
    for line in lines("genrm_critiques") {
        let id = text(&line["id"]);
        let solution = format!("<<{id}>>\n{}", text(&line["solution"]));
        let one = (solution, line["gold"] == "Yes", text(&line["target"]));
        by_question.entry(text(&line["question"])).or_default().push(one);
        let texts = [vec![text(&line["raw"])], Vec::new()];
        verifications.push(Record { id, texts, gold: String::new(), human: 0.0 });
    }
    by_question.retain(|_, solutions| solutions.len() > 1);
    let question = |(question, solutions): (String, Vec<(String, bool, String)>)| {
        let answers: Vec<&str> = solutions.iter().map(|(text, ..)| text.as_str()).collect();
        let item = json!({"question": question, "answers": answers, "reference": solutions[0].2});
        Question { item: Item::from(item), right: solutions.iter().map(|one| one.1).collect() }
    };
    (by_question.into_iter().map(question).collect(), verifications)
}

/// The row of a rule: how often the chosen solution is right.
async fn row(name: &str, ranker: Ranker, questions: &[Question]) -> String {
    let mut right = 0;
    for one in questions {
        let ranked = ranker.rank(&one.item).await.unwrap();
        right += usize::from(ranked.selection.chosen.is_some_and(|at| one.right[at]));
    }
    format!("| {name} | {right} of {} | {} |", questions.len(), share(right, questions.len()))
}

#[tokio::test]
#[ignore = "needs ../shared/data"]
async fn recorded_verifications_choose_among_solutions_of_gsm8k() {
    let (questions, verifications) = questions();
    let judge = super::judge(&verifications, VERIFIED).build().await.unwrap();
    let check = Judge::builder().backend(Check::named("math").unwrap()).prompt("check");
    let check = check.build().await.unwrap();
    let by = |judge: &Judge, rule| {
        let options = RankOptions::default().measure(Measure::Pass).rule(rule);
        Ranker::new(Some(judge.clone()), options).unwrap()
    };
    let votes = Ranker::new(None, RankOptions::default().rule(Rule::Majority)).unwrap();
    let any = questions.iter().filter(|one| one.right.contains(&true)).count();
    let solutions = questions.iter().map(|one| one.right.len()).sum();
    let all_right = questions.iter().flat_map(|one| &one.right).filter(|right| **right).count();
    let rows = [
        format!(
            "| a random solution | {all_right} of {solutions} solutions | {} |",
            share(all_right, solutions)
        ),
        row("`majority`", votes, &questions).await,
        row("`best` by GenRM", by(&judge, Rule::Best), &questions).await,
        row("`weighted` by GenRM", by(&judge, "weighted".parse().unwrap()), &questions).await,
        row("`best` by `check:math` (oracle)", by(&check, Rule::Best), &questions).await,
        format!(
            "| any solution is right | {any} of {} | {} |",
            questions.len(),
            share(any, questions.len())
        ),
    ];
    on_the_page("docs/commands/rank.md", &rows);
}
