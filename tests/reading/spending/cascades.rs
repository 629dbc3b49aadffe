//! Cascades over recorded judgments: a direct prompt before one that asks for reasons, a small model before a large one,
//! and thresholds that are fitted on one half of the records and checked on the other one.

use std::collections::BTreeMap;

use crate::support::collected;
use serde_json::Value;
use tribunal::{
    Judge, Judgment,
    judge::JudgeBuilder,
    report::{CascadeAnswer, CascadeFigures, fit_cascade},
};

use super::{Record, draws, judged, on_the_page, real, recorded, right, share, text, votes, word};

/// The comparisons of LLMBar by a model with a prompt, in both orders; the gold label is objective or that of people.
fn llmbar(judge: &str, prompt: &str) -> Vec<Record> {
    let mut pairs: BTreeMap<String, [Value; 2]> = BTreeMap::new();
    for line in collected::records("llmbar_judgments") {
        if line["judge"] == judge && line["prompt_kind"] == prompt {
            let at = usize::try_from(line["order"].as_u64().unwrap()).unwrap();
            let both = pairs.entry(text(&line["group"])).or_default();
            both[at] = line;
        }
    }
    let record = |(id, both): (String, [Value; 2])| {
        let gold = if both[0]["gold"] == "A" { "first" } else { "second" };
        let texts = [0, 1].map(|at| vec![text(&both[at]["raw"])]);
        Record { id, texts, gold: gold.into(), human: 0.0 }
    };
    pairs.into_iter().map(record).collect()
}

/// A judge of LLMBar by a built-in prompt, in both orders.
fn of_llmbar(records: &[Record], prompt: &str) -> JudgeBuilder {
    Judge::builder().backend(recorded(prompt, records)).prompt(prompt).reasks(0)
}

/// One cascade of two judges.
struct Cascade {
    /// As the table names it.
    what: &'static str,
    records: Vec<Record>,
    judges: [Judge; 2],
    certainty: f64,
}

impl Cascade {
    /// The row: what the first judge decides, calls of the last one, and agreement of both alone and together.
    async fn row(&self) -> String {
        let [small, large] = &self.judges;
        let both = Judge::cascade([("small", small.clone()), ("large", large.clone())]);
        let both = both.certainty([self.certainty]).build().await.unwrap();
        let (own, alone) = (judged(&both, &self.records).await, judged(large, &self.records).await);
        let first = judged(small, &self.records).await;
        let by = |judgments: &[Judgment], name: &str| {
            let votes = judgments.iter().flat_map(|judgment| &judgment.votes);
            votes.filter(|vote| &*vote.by == name).count()
        };
        let decided =
            own.iter().filter(|one| one.stage.as_ref().is_some_and(|stage| stage.judge == "small"));
        let all = self.records.len();
        format!(
            "| {} | {all} | {} | {} of {} | {} | {} | {} |",
            self.what,
            share(decided.count(), all),
            by(&own, "large"),
            votes(&alone),
            share(right(&first, &self.records), all),
            share(right(&alone, &self.records), all),
            share(right(&own, &self.records), all),
        )
    }
}

/// Judges of LLMBar in a row: each a model and a kind of prompt, with the built-in prompt that reads it.
async fn compared(what: &'static str, judges: [(&str, &str, &str); 2]) -> Cascade {
    let [first, last] = judges.map(|(model, kind, prompt)| (llmbar(model, kind), prompt));
    let judges = [
        of_llmbar(&first.0, first.1).build().await.unwrap(),
        of_llmbar(&last.0, last.1).build().await.unwrap(),
    ];
    Cascade { what, records: last.0, judges, certainty: 0.9 }
}

/// A number alone before an analysis and a number, by the same model, each five times.
async fn rated(certainty: f64, what: &'static str) -> Cascade {
    let of = |kind: &'static str| {
        let takes =
            move |line: &Value| line["dimension"] == "naturalness" && line["prompt_kind"] == kind;
        let mut records =
            draws::samples(takes, |human| if human >= 2.0 { "passes" } else { "fails" });
        // Both prompts are about the same replies.
        let items = collected::records("topical_chat_geval");
        for record in &mut records {
            let line = items.iter().find(|line| line["id"] == record.id).unwrap();
            record.id = text(&line["item"]);
        }
        records.sort_by(|one, other| one.id.cmp(&other.id));
        records
    };
    let (direct, reasoned) = (of("llm_eval_no_cot"), of("analyze_rate"));
    let front = draws::quality("\npass: score >= 2\naggregate: majority");
    let judges = [
        super::judge(&direct, &front).draws(5).build().await.unwrap(),
        super::judge(&reasoned, &front).draws(5).build().await.unwrap(),
    ];
    Cascade { what, records: reasoned, judges, certainty }
}

#[tokio::test]
#[ignore = "needs ../shared/data"]
async fn a_cascade_saves_calls_of_its_last_judge() {
    const DIRECT: (&str, &str, &str) = ("GPT-4", "Vanilla_NoRules", "llmbar-vanilla");
    const REASONED: (&str, &str, &str) = ("GPT-4", "CoT", "llmbar-cot");
    let small = |model: &'static str| (model, "CoT", "llmbar-cot");
    let all = [
        compared("GPT-4 without reasons, then with reasons", [DIRECT, REASONED]).await,
        compared("PaLM 2, then GPT-4", [small("PaLM2"), REASONED]).await,
        compared("LLaMA 2, then GPT-4", [small("LLaMA2"), REASONED]).await,
        compared("ChatGPT, then GPT-4", [small("ChatGPT"), REASONED]).await,
        rated(0.9, "GPT-3.5 without reasons, then with an analysis, 5 of 5").await,
        rated(0.8, "GPT-3.5 without reasons, then with an analysis, 4 of 5").await,
    ];
    let mut rows = Vec::new();
    for cascade in &all {
        rows.push(cascade.row().await);
    }
    on_the_page("docs/adaptive.md", &rows);
}

/// What a judge answered about all records, as thresholds are fitted on it.
async fn answers(judge: &Judge, records: &[Record]) -> Vec<CascadeAnswer> {
    let answer = |(judgment, record): (Judgment, &Record)| CascadeAnswer {
        agrees: word(&judgment).map(|word| word == record.gold),
        certainty: judgment.certainty(),
        calls: judgment.calls as usize,
        cost: None,
    };
    judged(judge, records).await.into_iter().zip(records).map(answer).collect()
}

/// The number of random halves.
const SPLITS: u64 = 500;

/// What thresholds of one half do on the other one: how often the agreement there is what was asked for, the mean
/// agreement, and the mean shares that are decided, and decided by the first judge.
async fn halves(what: &str, cascade: &Cascade, agree: f64) -> String {
    let [small, large] = &cascade.judges;
    let small = answers(small, &cascade.records).await;
    let mut all: Vec<[CascadeAnswer; 2]> = small
        .into_iter()
        .zip(answers(large, &cascade.records).await)
        .map(|(one, other)| [one, other])
        .collect();
    let (mut kept, mut agreement, mut decided, mut by_small, mut fitted) = (0, 0.0, 0.0, 0.0, 0);
    let mut random = fastrand::Rng::with_seed(18);
    for _ in 0..SPLITS {
        random.shuffle(&mut all);
        let (labelled, others) = all.split_at(all.len() / 2);
        let thresholds = fit_cascade(2, labelled, agree, 0.1);
        let own: Vec<Option<f64>> = thresholds.judges.iter().map(|judge| judge.threshold).collect();
        let figures = CascadeFigures::of(&own, others);
        if figures.decided() == 0 {
            kept += 1;
            continue;
        }
        fitted += 1;
        let share = real(figures.agreed()) / real(figures.decided());
        kept += usize::from(share >= agree);
        agreement += share;
        decided += real(figures.decided()) / real(others.len());
        by_small += real(figures.judges[0].decided) / real(others.len());
    }
    let splits = usize::try_from(SPLITS).unwrap();
    assert!(real(kept) >= 0.9 * real(splits), "{what} at {agree}: only {kept} of {splits}");
    let mean = |sum: f64| {
        if fitted == 0 { "–".to_owned() } else { format!("{:.1} %", 100.0 * sum / real(fitted)) }
    };
    format!(
        "| {what} | {agree} | {fitted} of {splits} | {:.1} % | {} | {} | {} |",
        100.0 * real(kept) / real(splits),
        mean(agreement),
        mean(decided),
        mean(by_small),
    )
}

#[tokio::test]
#[ignore = "needs ../shared/data"]
async fn thresholds_of_one_half_keep_the_agreement_on_the_other_half() {
    const REASONED: (&str, &str, &str) = ("GPT-4", "CoT", "llmbar-cot");
    let palm = compared("", [("PaLM2", "CoT", "llmbar-cot"), REASONED]).await;
    let label_first =
        compared("", [("GPT-4", "Vanilla_NoRules", "llmbar-vanilla"), REASONED]).await;
    let chat = compared("", [("ChatGPT", "CoT", "llmbar-cot"), REASONED]).await;
    let mut rows = Vec::new();
    for (what, cascade) in [
        ("GPT-4 without reasons, then with reasons", &label_first),
        ("PaLM 2, then GPT-4", &palm),
        ("ChatGPT, then GPT-4", &chat),
    ] {
        for agree in [0.7, 0.75, 0.8] {
            rows.push(halves(what, cascade, agree).await);
        }
    }
    on_the_page("docs/adaptive.md", &rows);
}
