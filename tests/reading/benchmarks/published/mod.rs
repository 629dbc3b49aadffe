//! Published figures, from the recorded verdicts and texts of real judges in `../shared/data`.
//!
//! Each row is counted twice where texts were recorded: from the verdicts that the authors' code stored, which must give
//! the published figure to its last digit, and from what Tribunal's prompts read in the texts. Where the two differ, the
//! row says why. `make bench-judges` prints the table.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod pairs;
mod sections;
mod steps;
mod win_rates;

use super::{side, vote, voted};
use crate::support::collected::{published as anchors, records as real};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use tribunal::bench::{Convention, Figures};

/// The records of a file that may be published, and is part of this repository.
fn sample(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/data/benchmarks/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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
    pairs::judge_bench(&mut table).await;
    pairs::judge_bench_rewards(&mut table);
    pairs::llm_bar(&mut table).await;
    pairs::panda_lm(&mut table).await;
    pairs::auto_j(&mut table);
    pairs::mt_bench(&mut table).await;
    sections::rm_r1(&mut table).await;
    sections::reward_bench(&mut table);
    sections::rmb(&mut table);
    sections::rm_bench(&mut table);
    steps::prm_bench(&mut table);
    steps::process_bench(&mut table).await;
    win_rates::alpaca_eval(&mut table);
    win_rates::alpaca_eval_1(&mut table);
    win_rates::mj_bench(&mut table);
    pairs::fair_eval(&mut table).await;
    table.print();
    assert!(table.wrong.is_empty(), "{:#?}", table.wrong);
}

#[test]
fn published_shares_of_parts_give_the_published_figures_of_sections() {
    let mut table = Table::default();
    sections::reward_bench(&mut table);
    sections::rmb(&mut table);
    sections::rm_bench(&mut table);
    assert_eq!((table.rows.len(), table.wrong.len()), (34, 0), "{:#?}", table.wrong);
}

/// Length-controlled win rates of alpaca_eval's minimal form, as scikit-learn computes them from the same records
/// (`tests/data/benchmarks/length_controlled.py`). For these runs none was published.
#[test]
#[ignore = "needs ../shared/data"]
fn length_controlled_win_rates_are_those_of_scikit_learn() {
    for (model, expected) in [
        ("alpaca-farm-ppo-human", 0.297_073_148_603_680_5),
        ("claude-2", 0.696_657_725_638_210_3),
        ("wizardlm-13b", 0.634_183_077_443_335_2),
        ("cohere", 0.366_701_177_156_413_9),
    ] {
        let figures = win_rates::alpaca_eval_1_of(model);
        let found = plain(&figures, "length-controlled win rate");
        assert!((found - expected).abs() < 1e-6, "{model}: {found}, not {expected}");
    }
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
