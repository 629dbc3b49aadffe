//! The best of several answers by recorded judgments of real models, beside a random answer and the best one, and rules of
//! which the right answer is known. The figures are those of `docs/selection.md`.

use std::collections::BTreeMap;

use serde_json::Value;
use tribunal::{
    Completion, Item, Judge, Request,
    backend::{Check, from_fn},
    report::{RankOutcome, RankSummary},
    request::Message,
    strategy::{
        Measure,
        best_of::{Preset, RankOptions, Ranked, Ranker, Rule},
    },
};

use super::{Record, draws, judge, on_the_page, real, records, share, text};

/// The answers to one question, with what people say about each.
type Group = Vec<Record>;

/// Groups records by what they are answers to.
fn grouped(records: impl IntoIterator<Item = (String, Record)>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    records.into_iter().for_each(|(group, record)| groups.entry(group).or_default().push(record));
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// What a choice comes to by the ratings of people: equally good answers are drawn, and count by their mean.
fn outcome(ranked: &Ranked, group: &Group) -> RankOutcome {
    let mean = |of: &[usize]| of.iter().map(|at| group[*at].human).sum::<f64>() / real(of.len());
    let all: Vec<usize> = (0..group.len()).collect();
    let mut outcome = RankOutcome::default();
    outcome.mean = mean(&all);
    outcome.chosen = ranked.selection.ranking.first().map_or(outcome.mean, |best| mean(best));
    outcome.best = group.iter().map(|one| one.human).fold(f64::NEG_INFINITY, f64::max);
    outcome
}

/// Ranks every group by this judge.
async fn outcomes(judge: &Judge, options: RankOptions, groups: &[Group]) -> Vec<RankOutcome> {
    let ranker = Ranker::new(Some(judge.clone()), options).unwrap();
    let mut all = Vec::new();
    for group in groups {
        let answers = group.iter().map(|one| format!("<<{}>>", one.id));
        let item = Item::new().with_id(group[0].id.clone()).question("Which?").answers(answers);
        all.push(outcome(&ranker.rank(&item).await.unwrap(), group));
    }
    all
}

/// The mean of a figure.
fn mean(outcomes: &[RankOutcome], of: impl Fn(&RankOutcome) -> f64) -> f64 {
    outcomes.iter().map(of).sum::<f64>() / real(outcomes.len())
}

/// The gain over a random answer, with its paired interval.
fn gain(outcomes: &[RankOutcome]) -> (f64, (f64, f64)) {
    let mut summary = RankSummary::new("best", false);
    summary.outcomes = outcomes.to_vec();
    summary.gain().unwrap()
}

/// One row of the table: the mean rating of a random answer, of the chosen one and of the best one.
fn row(what: &str, outcomes: &[RankOutcome]) -> String {
    let [random, chosen, best] = [
        mean(outcomes, |one| one.mean),
        mean(outcomes, |one| one.chosen),
        mean(outcomes, |one| one.best),
    ];
    let (gain, (low, high)) = gain(outcomes);
    format!(
        "| {what} | {} | {random:.2} | {chosen:.2} | {best:.2} | {gain:+.2} ({low:+.2} to {high:+.2}) | {:.0} % |",
        outcomes.len(),
        100.0 * gain / (best - random),
    )
}

/// The ratings of a judge of SummEval by one dimension, as a careful reader takes them from its texts.
fn summeval(judge: &str, dimension: &str) -> Vec<Group> {
    let record = |line: &Value| {
        let verdict = line["reader_verdict"].as_f64();
        let said =
            verdict.map_or_else(|| "No rating.".to_owned(), |score| format!("Rating: {score}"));
        let texts = [vec![said], Vec::new()];
        let human = line["human"].as_f64().unwrap();
        let record = Record { id: text(&line["id"]), texts, gold: String::new(), human };
        (text(&line["doc_id"]), record)
    };
    let all = records("summeval_llm_judgments");
    let own = all.iter().filter(|line| {
        line["judge"] == judge && line["dimension"] == dimension && line["prompt_kind"] == "rts"
    });
    grouped(own.map(record))
}

/// The samples of GPT-3.5 about the replies of Topical-Chat, each beside the others to the same conversation.
fn topical(dimension: &str) -> Vec<Group> {
    let takes =
        |line: &Value| line["dimension"] == dimension && line["prompt_kind"] == "llm_eval_no_cot";
    let items: BTreeMap<String, String> = records("topical_chat_geval")
        .iter()
        .map(|line| (text(&line["id"]), text(&line["group"])))
        .collect();
    let records = draws::samples(takes, |_| "");
    grouped(records.into_iter().map(|record| (items[&record.id].clone(), record)))
}

const FIVE: &str = "kind: score\nscale: {min: 1, max: 5}\nverdict: \"Rating: *\"";

/// The same ratings, tossed by a coin in place of read.
fn tossed(groups: &[Group]) -> Vec<Group> {
    let mut random = fastrand::Rng::with_seed(18);
    let toss = |record: &Record| {
        let texts = [vec![format!("Rating: {}", random.u8(1..=5))], Vec::new()];
        Record { texts, ..record.clone() }
    };
    let mut toss = toss;
    groups.iter().map(|group| group.iter().map(&mut toss).collect()).collect()
}

#[tokio::test]
#[ignore = "needs ../shared/data"]
async fn recorded_judges_choose_better_summaries_and_replies_than_chance() {
    let mut rows = Vec::new();
    let options = RankOptions::default().measure(Measure::Score);
    for (name, model, dimensions) in [
        ("GPT-4", "gpt-4-0314", &["coherence", "consistency", "fluency", "relevance"][..]),
        ("GPT-3.5", "gpt-3.5-turbo-0301", &["consistency"]),
        ("Llama 2 70B", "llama-2-70b-chat-hf", &["coherence", "consistency", "relevance"]),
    ] {
        for dimension in dimensions {
            let groups = summeval(model, dimension);
            let judge = judge(&groups.concat(), FIVE).build().await.unwrap();
            let all = outcomes(&judge, options, &groups).await;
            rows.push(row(&format!("summaries, {dimension}: {name}"), &all));
        }
    }
    let groups = tossed(&summeval("gpt-4-0314", "coherence"));
    let coin = judge(&groups.concat(), FIVE).build().await.unwrap();
    let all = outcomes(&coin, options, &groups).await;
    let (_, (low, high)) = gain(&all);
    assert!(low < 0.0 && high > 0.0, "a coin is no better than chance: {low} to {high}");
    rows.push(row("summaries, coherence: a coin", &all));
    for dimension in ["naturalness", "coherence", "engagingness"] {
        let groups = topical(dimension);
        for draws in [1, 5, 20] {
            let judge = judge(&groups.concat(), &draws::quality(""));
            let judge = judge.draws(draws).build().await.unwrap();
            let of = if draws == 1 { "1 draw".to_owned() } else { format!("{draws} draws") };
            let all = outcomes(&judge, options, &groups).await;
            rows.push(row(&format!("replies, {dimension}: GPT-3.5, {of}"), &all));
            if draws == 20 {
                let penalized = options.rule(Rule::Penalized { deviations: 1.0 });
                let all = outcomes(&judge, penalized, &groups).await;
                rows.push(row(
                    &format!("replies, {dimension}: GPT-3.5, {of}, `penalized:1`"),
                    &all,
                ));
            }
        }
    }
    on_the_page("docs/selection.md", &rows);
}

/// The solutions of four models to each problem of GSM8K, with their own labels (Cobbe et al. 2021).
fn gsm8k() -> Vec<(Item, Vec<bool>)> {
    let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for solution in records("gsm8k_solutions") {
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
    let (mut mixed, mut right_of_mixed, mut vote_of_mixed) = (0, 0, 0);
    for (item, labels) in gsm8k() {
        any += usize::from(labels.contains(&true));
        let is_mixed = labels.contains(&true) && labels.contains(&false);
        mixed += usize::from(is_mixed);
        let ranked = oracle.rank(&item).await.unwrap();
        found += usize::from(labels[ranked.selection.chosen.unwrap()]);
        let ranked = votes.rank(&item).await.unwrap();
        let is_right = labels[ranked.selection.chosen.unwrap()];
        by_vote += usize::from(is_right);
        if is_mixed {
            vote_of_mixed += usize::from(is_right);
            right_of_mixed += labels.iter().filter(|label| **label).count();
        }
        right += labels.iter().filter(|label| **label).count();
        all += labels.len();
    }
    assert_eq!((all, any), (2_976, 501));
    assert_eq!(found, any);
    // 37.8 % of all solutions are right, and 44.4 % of the most frequent answers of four.
    assert_eq!((right, by_vote), (1_124, 330));
    let row = |what: &str, questions: usize, [one, vote, best]: [(usize, usize); 3]| {
        let [one, vote, best] = [one, vote, best].map(|(part, of)| share(part, of));
        format!("| {what} | {questions} | {one} | {vote} | {best} |")
    };
    let rows = [
        row("all", 744, [(right, all), (by_vote, 744), (found, 744)]),
        row(
            "with right and wrong solutions",
            mixed,
            [(right_of_mixed, 4 * mixed), (vote_of_mixed, mixed), (mixed, mixed)],
        ),
    ];
    on_the_page("docs/selection.md", &rows);
}

/// The texts of a judge about two outputs of LLMBar by the order in which they were shown, with the verdict that a
/// careful reader takes from each (Zeng et al. 2024).
type Shown = [(String, Option<f64>); 2];

/// The recorded comparisons of LLMBar with a prompt that asks for reasons first: by judge and pair, and whether the first
/// output is the better one.
fn llmbar() -> Vec<(Shown, bool)> {
    let mut pairs: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for one in records("llmbar_judgments") {
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
        let text: String = request.messages.iter().map(Message::text).collect();
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
