//! What is saved by draws that stop, second orders that are left out, and cascades, and what is lost by it: measured on
//! recorded judgments of real models.
//!
//! A backend answers with the recorded texts, so that everything else is what a run does: prompts, readers, rules and
//! thresholds. The figures are those of `docs/adaptive.md`, and the tests keep the page true.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and tell what it measured"
)]

mod cascades;
mod draws;
mod selection;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use crate::support::collected::records;
use serde_json::{Value, json};
use tribunal::{
    Completion, Item, Judge, Judgment, Prompt, Request, Verdict,
    backend::{Backend, from_fn},
    judge::JudgeBuilder,
    metrics::wilson,
    request::Message,
};

/// A record with what a model wrote about it.
#[derive(Clone, Debug)]
struct Record {
    id: String,
    /// The texts of all draws, of the given order of the answers and of the reverse one.
    texts: [Vec<String>; 2],
    /// The verdict that people gave, in the words of [`word`]; empty if nobody did.
    gold: String,
    /// The mean of the numbers that people gave.
    human: f64,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A model that answers with the recorded texts.
fn recorded(name: &str, records: &[Record]) -> impl Backend + use<> {
    let texts = records.iter().map(|one| (one.id.clone(), one.texts.clone()));
    let texts: Arc<BTreeMap<String, [Vec<String>; 2]>> = Arc::new(texts.collect());
    from_fn(name, move |request: Request| {
        let shown: String = request.messages.iter().map(Message::text).collect();
        let id = shown.split("<<").nth(1).unwrap().split(">>").next().unwrap();
        let (one, two) = (shown.find("Output one."), shown.find("Output two."));
        let turned = one.zip(two).is_some_and(|(one, two)| two < one);
        let said = texts[id][usize::from(turned)][request.draw as usize].clone();
        async move { Ok(Completion::text(said)) }
    })
}

/// The item of a record: its texts are found by its id, and their order by the answers.
fn item(record: &Record) -> Item {
    let answers = ["Output one.", "Output two."];
    let question = format!("<<{}>>", record.id);
    if record.texts[1].is_empty() {
        Item::from(json!({"id": record.id, "question": question, "answer": "It."}))
    } else {
        Item::from(json!({"id": record.id, "question": question, "answers": answers}))
    }
}

/// A judge that answers with the recorded texts. Nothing is asked again.
fn judge(records: &[Record], front: &str) -> JudgeBuilder {
    let body = if records[0].texts[1].is_empty() {
        "user:\n{{ question }} {{ answer }}\n"
    } else {
        "user:\n{{ question }} {{ answers[0] }} {{ answers[1] }}\n"
    };
    let prompt = Prompt::parse("own", &format!("---\n{front}\n---\n{body}")).unwrap();
    Judge::builder().backend(recorded("recorded", records)).with_prompt(prompt).reasks(0)
}

/// The judgments of all records, in their order.
async fn judged(judge: &Judge, records: &[Record]) -> Vec<Judgment> {
    let mut all = Vec::new();
    for record in records {
        all.push(judge.judge(&item(record)).await.unwrap());
    }
    all
}

/// The verdict as a word: whether it passes, if there is a rule; else the verdict itself. `None` without one.
fn word(judgment: &Judgment) -> Option<String> {
    let verdict = judgment.verdict.as_ref().ok()?;
    Some(match (verdict, judgment.pass) {
        (_, Some(pass)) => if pass { "passes" } else { "fails" }.into(),
        (Verdict::Scores(scores), _) => match scores[0].total_cmp(&scores[1]) {
            std::cmp::Ordering::Greater => "first".into(),
            std::cmp::Ordering::Less => "second".into(),
            std::cmp::Ordering::Equal => "tie".into(),
        },
        (Verdict::Label(label), _) => label.label.clone(),
        (Verdict::Preference(side), _) => side.name().to_owned(),
        (other, _) => other.to_string(),
    })
}

fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// A share in per cent, with its 95 % interval.
fn share(part: usize, of: usize) -> String {
    let interval = wilson(part, of);
    let [share, low, high] =
        [real(part) / real(of), interval.low, interval.high].map(|share| 100.0 * share);
    format!("{share:.1} % ({low:.1}–{high:.1})")
}

/// How many verdicts agree with people.
fn right(judgments: &[Judgment], records: &[Record]) -> usize {
    let agrees = |(judgment, record): &(&Judgment, &Record)| {
        word(judgment).as_deref() == Some(&*record.gold)
    };
    judgments.iter().zip(records).filter(agrees).count()
}

/// How many verdicts differ from those of full spending, and how many are missing that it has.
fn changed(full: &[Judgment], spared: &[Judgment]) -> (usize, usize) {
    let words = || full.iter().map(word).zip(spared.iter().map(word));
    (
        words().filter(|(all, own)| all != own).count(),
        words().filter(|(all, own)| all.is_some() && own.is_none()).count(),
    )
}

fn votes(judgments: &[Judgment]) -> usize {
    judgments.iter().map(|judgment| judgment.votes.len()).sum()
}

/// Prints the rows of a table, and checks that the page has each of them.
fn on_the_page(page: &str, rows: &[String]) {
    println!("{}", rows.join("\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let shown = fs::read_to_string(path).unwrap();
    let stale: Vec<&str> =
        rows.iter().map(String::as_str).filter(|row| !shown.contains(*row)).collect();
    assert!(stale.is_empty(), "{page} lacks these rows:\n{}", stale.join("\n"));
}
