//! Draws that stop early, over 20 samples of GPT-3.5 about each reply of Topical-Chat, and second orders, over scores of
//! GPT-4 for pairs of answers in both orders (QLoRA).

use serde_json::Value;
use tribunal::{Judgment, judging::StopDraws, prompt::Order, report::Paired};

use super::{
    Record, changed, judge, judged, on_the_page, real, records, right, share, text, votes,
};

/// The rules by which a sample announces its number, as `docs/readers.md` measures them.
const NUMBER: [&str; 3] = [
    r"{regex: 'Rating: *(?<verdict>[0-9][^\n]*)'VALUES}",
    r"{regex: '(?m)^[-0-9. ]*(?:Score|Naturalness|Coherence|Engagingness|Groundedness)(?: \([^)]*\))?: *(?<verdict>[0-9][^\n]*)$'VALUES}",
    r"{regex: '\A\s*(?<verdict>[0-9]+(?:\.[0-9]+)?)(?:[.:,]? [^\n]*|\.)?\s*\z'VALUES}",
];

/// The front matter of a kind of verdict that is announced in one of these ways.
fn front(head: &str, values: &str) -> String {
    let rules: Vec<String> =
        NUMBER.iter().map(|rule| format!("  - {}", rule.replace("VALUES", values))).collect();
    format!("{head}\nverdict:\n{}\nsampling: {{temperature: 1}}", rules.join("\n"))
}

/// The samples of these dimensions, with what people say, in words and as a number.
pub(super) fn samples(
    takes: impl Fn(&Value) -> bool,
    gold: impl Fn(f64) -> &'static str,
) -> Vec<Record> {
    let record = |line: &Value| {
        let human = line["human"].as_f64().unwrap();
        let texts = line["raw_samples"].as_array().unwrap().iter().map(text).collect();
        Record {
            id: text(&line["id"]),
            texts: [texts, Vec::new()],
            gold: gold(human).into(),
            human,
        }
    };
    records("topical_chat_geval").iter().filter(|line| takes(line)).map(record).collect()
}

pub(super) fn is_grounded() -> String {
    front("kind: label", r#", values: {"0": "no", "1": "yes"}"#)
}

pub(super) fn quality(more: &str) -> String {
    front(&format!("kind: score\nscale: {{min: 1, max: 3}}{more}"), "")
}

const RULES: &[&str] = &["never", "decided", "0.99", "0.95", "0.9", "window:5"];

/// How well the scores follow those of people, by rank.
fn spearman(judgments: &[Judgment], records: &[Record]) -> f64 {
    let pairs = judgments.iter().zip(records);
    let pairs: Paired =
        pairs.filter_map(|(judgment, record)| Some((judgment.score()?, record.human))).collect();
    pairs.spearman().unwrap()
}

/// The rows of all rules over these records.
async fn rows(
    what: &str,
    records: &[Record],
    front: &str,
    (draws, rules): (u32, &[&str]),
) -> Vec<String> {
    let (mut rows, mut full) = (Vec::new(), Vec::new());
    for &rule in rules {
        let builder = judge(records, front).draws(draws);
        let judge = builder.stop_draws(rule.parse::<StopDraws>().unwrap()).build().await.unwrap();
        let own = judged(&judge, records).await;
        if rule == "never" {
            full.clone_from(&own);
        }
        let (asked, planned) = (votes(&own), votes(&full));
        let (changed, lost) = changed(&full, &own);
        assert_eq!(lost, 0, "draws only stop after one could be read");
        if rule == "decided" {
            assert_eq!(changed, 0, "`decided` changes no verdict");
        }
        let agreement = if records[0].gold.is_empty() {
            format!("ρ {:.3}", spearman(&own, records))
        } else {
            share(right(&own, records), records.len())
        };
        rows.push(format!(
            "| {what} | `{rule}` | {asked} of {planned} | {:.1} % | {} | {agreement} |",
            100.0 * (1.0 - real(asked) / real(planned)),
            share(changed, records.len()),
        ));
    }
    rows
}

#[tokio::test]
#[ignore = "needs ../shared/data"]
async fn draws_that_stop_early_save_most_of_the_calls_and_change_few_verdicts() {
    let is_label = |line: &Value| line["dimension"] == "groundedness";
    let grounded = samples(is_label, |human| if human >= 0.5 { "yes" } else { "no" });
    let mut all = rows("label, 20 draws", &grounded, &is_grounded(), (20, RULES)).await;
    all.extend(rows("label, 5 draws", &grounded, &is_grounded(), (5, &["never", "decided"])).await);
    let graded = |line: &Value| !is_label(line);
    let passing = samples(graded, |human| if human >= 2.0 { "passes" } else { "fails" });
    let rule = quality("\npass: score >= 2");
    all.extend(rows("score ≥ 2, 20 draws", &passing, &rule, (20, RULES)).await);
    let plain = samples(graded, |_| "");
    let rule = quality("\naggregate: majority");
    all.extend(rows("most frequent score, 20 draws", &plain, &rule, (20, RULES)).await);
    on_the_page("docs/adaptive.md", &all);
}

/// The pairs that GPT-4 scored in both orders. Nobody else compared them.
fn scored_twice() -> Vec<Record> {
    let all = records("qlora_relative_scores");
    let pair = |line: &Value| {
        let name = |key: &str| text(&line["meta"][key]);
        (text(&line["group"]), name("file_first"), name("file_second"))
    };
    let both = |line: &Value| {
        let (group, first, second) = pair(line);
        // Each pair once, under the order of its names.
        let turned =
            all.iter().find(|other| pair(other) == (group.clone(), second.clone(), first.clone()));
        let turned = turned.filter(|_| first < second)?;
        let id = format!("{group} {first} {second}");
        let texts = [vec![text(&line["raw"])], vec![text(&turned["raw"])]];
        Some(Record { id, texts, gold: String::new(), human: 0.0 })
    };
    all.iter().filter_map(both).collect()
}

/// Two scores on the first line, as the prompt `vicuna-pair` asks for them.
const TWO_SCORES: &str = r"kind: scores
scale: {min: 1, max: 10}
verdict: {regex: '\A\s*(?<verdict>[0-9.]+[ ,]+[0-9.]+)\s*(?:\n|\z)'}";

/// The rows of all rules for second orders over these records, the first of which asks both: the rule, the orders that were
/// asked, what was saved, and the verdicts that changed, with those that prefer the other answer.
async fn second_orders(records: &[Record], front: &str, withins: &[f64]) -> Vec<String> {
    let both = judge(records, front).order(Order::Both).build().await.unwrap();
    let full = judged(&both, records).await;
    let mut rows = Vec::new();
    for within in std::iter::once(None).chain(withins.iter().copied().map(Some)) {
        let builder = judge(records, front);
        let (rule, builder) = match within {
            None => ("`both`".to_owned(), builder.order(Order::Both)),
            Some(within) => (
                format!("`close_within = {within}`"),
                builder.order(Order::BothIfClose).close_within(within),
            ),
        };
        let own = judged(&builder.build().await.unwrap(), records).await;
        let (asked, planned) = (votes(&own), votes(&full));
        let (changed, lost) = changed(&full, &own);
        assert_eq!(lost, 0);
        let reversed = full.iter().zip(&own).filter(|(all, own)| {
            let sides = [super::word(all), super::word(own)].map(Option::unwrap_or_default);
            sides == ["first", "second"] || sides == ["second", "first"]
        });
        rows.push(format!(
            "| {rule} | {asked} of {planned} | {:.1} % | {} | {} |",
            100.0 * (1.0 - real(asked) / real(planned)),
            share(changed, records.len()),
            reversed.count(),
        ));
    }
    println!("{} pairs", records.len());
    rows
}

#[tokio::test]
#[ignore = "needs ../shared/data"]
async fn a_second_order_that_is_left_out_where_scores_differ_changes_few_verdicts() {
    let rows = second_orders(&scored_twice(), TWO_SCORES, &[2.0, 1.0, 0.0]).await;
    on_the_page("docs/adaptive.md", &rows);
}
