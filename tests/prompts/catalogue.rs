//! Every judge of the catalogue, end to end: a record goes in, a judge answers, and a verdict or a reason comes out.
//!
//! One [`Row`] per prompt says which record it judges, what a judge that follows its format answers, which verdict
//! that is, and which answer cannot be read and why. Rows stand in a module per group of prompts; the tests here go
//! over all of them, and look for prompts without a row.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]

mod code;
mod metrics;
mod prompted;
mod rewards;
mod rubrics;
mod trained;
mod verifiers;

use std::sync::Arc;

use serde_json::Value;
use tribunal::{
    Completion, Item, Judge, Judgment, Prompt,
    backend::{Capabilities, Script},
    completion::Distribution,
    prompt::{self, Order, ProgramContext, ProgramStep},
    request::{Ask, Message, Origin, Request},
    verdict::Reason,
};

/// One prompt of the catalogue: what it judges, and what becomes of a readable and of an unreadable answer.
pub(crate) struct Row {
    /// The name of the prompt.
    name: &'static str,
    /// The record that is judged. Where answers are compared, each must be a text that occurs nowhere else in it.
    record: Value,
    /// What a judge answers that follows the format: one text for each request of a conversation.
    said: Vec<&'static str>,
    /// The same where two answers are shown the other way round; empty if only the record's own order is judged.
    swapped: Vec<&'static str>,
    /// The verdict of these answers, as it is printed in results.
    verdict: &'static str,
    /// What a judge answers to every request that gives no verdict, and why it gives none.
    unreadable: (&'static str, Reason),
}

impl Row {
    /// A row for the prompt of this name, and the record that it judges.
    pub(crate) fn new(name: &'static str, record: Value) -> Self {
        Self {
            name,
            record,
            said: Vec::new(),
            swapped: Vec::new(),
            verdict: "",
            unreadable: ("", Reason::Empty),
        }
    }

    /// The judge's answers, one for each request of a conversation. A `choose` picks the label that the text is.
    pub(crate) fn said(self, texts: impl IntoIterator<Item = &'static str>) -> Self {
        Self { said: texts.into_iter().collect(), ..self }
    }

    /// The answers of the same judge where two answers are shown the other way round. Without this, a comparison is
    /// judged in the record's own order only.
    pub(crate) fn swapped(self, texts: impl IntoIterator<Item = &'static str>) -> Self {
        Self { swapped: texts.into_iter().collect(), ..self }
    }

    /// The verdict that results, as text: `7`, `first is better`, `0 > 1 = 2`.
    pub(crate) fn gives(self, verdict: &'static str) -> Self {
        Self { verdict, ..self }
    }

    /// An answer that gives no verdict, and the reason that is reported.
    pub(crate) fn unreadable(self, text: &'static str, reason: Reason) -> Self {
        Self { unreadable: (text, reason), ..self }
    }

    /// The prompt itself.
    fn prompt(&self) -> Arc<Prompt> {
        prompt::named(self.name).unwrap().unwrap_or_else(|| panic!("no prompt `{}`", self.name))
    }

    /// The judgment of this row's record by a judge that answers by a function.
    async fn judged(
        &self,
        answer: impl Fn(&Request) -> Completion + Send + Sync + 'static,
    ) -> Judgment {
        let script = Script::answering(move |request| Ok(answer(request)));
        let mut builder = Judge::builder().backend(script).prompt(self.name).reasks(0);
        if self.swapped.is_empty()
            && self.prompt().front().each.is_none()
            && self.prompt().reads("answers")
        {
            builder = builder.order(Order::Given);
        }
        let judge = builder.build().await.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let item = Item::from(self.record.clone());
        judge.judge(&item).await.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// The judgment by the judge that follows the format.
    async fn of_a_good_judge(&self) -> Judgment {
        let (said, swapped) = (self.said.clone(), self.swapped.clone());
        let candidates = Item::from(self.record.clone()).candidates();
        self.judged(move |request| {
            let texts = if is_swapped(request, &candidates) { &swapped } else { &said };
            let texts = if texts.is_empty() { &said } else { texts };
            let text = texts.get(replies(request)).or(texts.last()).copied().unwrap_or_default();
            answered(request, text)
        })
        .await
    }
}

/// How many texts of the model a request contains: the place of its answer in the conversation.
fn replies(request: &Request) -> usize {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    parts.filter(|part| part.origin == Origin::Model).count()
}

/// Whether two answers are shown in the reverse of the record's order.
fn is_swapped(request: &Request, candidates: &[Value]) -> bool {
    let [first, second] = candidates else { return false };
    let shown: String = request.messages.iter().map(Message::text).collect();
    let place = |answer: &Value| shown.find(&last_text(answer));
    place(second).is_some() && place(second) < place(first)
}

/// The text of an answer, or of the last message of a conversation.
fn last_text(answer: &Value) -> String {
    match answer {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.last().map(last_text).unwrap_or_default(),
        Value::Object(map) => map.get("content").map(last_text).unwrap_or_default(),
        other => other.to_string(),
    }
}

/// The answer to a request: the text, or the label that it is, with nine tenths of the probability.
fn answered(request: &Request, text: &str) -> Completion {
    let mut completion = Completion::text(text);
    if let Ask::Choose { labels } = &request.ask
        && let Some(label) = labels.iter().find(|label| label.trim() == text.trim())
    {
        #[expect(clippy::cast_precision_loss, reason = "a few labels")]
        let rest = 0.1 / (labels.len() - 1) as f64;
        let share = |other: &String| (other.clone(), if other == label { 0.9 } else { rest });
        completion.text.clone_from(label);
        completion.distribution = Some(Distribution::new(labels.iter().map(share).collect()));
    }
    if let Ask::RewardAt { places } = &request.ask
        && ["correct", "incorrect"].contains(&text)
    {
        let p = if text == "correct" { 0.9 } else { 0.1 };
        let step = vec![("correct".to_owned(), p), ("incorrect".to_owned(), 1.0 - p)];
        completion.distributions = vec![Distribution::new(step); places.len()];
    }
    if let Ask::Logprobs { of, reference } = &request.ask {
        // A token for every character, each with this log-probability.
        let mut each = text.split(' ').map(|number| number.parse::<f64>().unwrap());
        let each = if *reference { each.nth(1) } else { each.next() }.unwrap();
        completion.ends = (1..=of.chars().count()).collect();
        completion.logprobs = vec![each; completion.ends.len()];
    }
    completion
}

/// Every row, in the order of the groups.
fn rows() -> Vec<Row> {
    [
        prompted::rows(),
        rewards::rows(),
        trained::rows(),
        verifiers::rows(),
        metrics::rows(),
        rubrics::rows(),
        code::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[tokio::test]
async fn a_judge_that_follows_the_format_gives_the_verdict_that_it_wrote() {
    let mut wrong = Vec::new();
    for row in rows() {
        let judgment = row.of_a_good_judge().await;
        let verdict = match &judgment.verdict {
            Ok(verdict) => verdict.to_string(),
            Err(reason) => format!("unreadable: {reason:?}"),
        };
        let is_unsteady = judgment.preference().is_some() && judgment.consistent == Some(false);
        if verdict != row.verdict || is_unsteady {
            wrong.push(format!("{}: {verdict:?}, not {:?}", row.name, row.verdict));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn an_answer_without_a_verdict_is_reported_with_its_reason_and_never_gives_a_value() {
    let mut wrong = Vec::new();
    for row in rows() {
        let (text, reason) = row.unreadable;
        let judgment = row.judged(move |_| Completion::text(text)).await;
        match &judgment.verdict {
            Err(unreadable) if unreadable.reason == reason => (),
            other => wrong.push(format!("{}: {other:?}, not {reason:?}", row.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_prompt_of_the_catalogue_has_a_row() {
    let rows = rows();
    let rowless: Vec<&str> = prompt::names()
        .filter(|name| !GENERAL.contains(name) && !rows.iter().any(|row| row.name == *name))
        .collect();
    assert!(rowless.is_empty(), "no row in tests/prompts/catalogue for: {}", rowless.join(", "));
}

#[test]
fn every_prompt_of_the_catalogue_says_where_it_comes_from_and_when_to_use_it() {
    for row in rows() {
        let prompt = row.prompt();
        let front = prompt.front();
        assert!(front.source.is_some(), "{}: `source` is missing", row.name);
        let summary = front.summary.as_deref().unwrap_or_default();
        assert!((1..=75).contains(&summary.chars().count()), "{}: {summary}", row.name);
        assert!(front.about.use_for.is_some(), "{}: `use_for` is missing", row.name);
        assert!(front.about.not_for.is_some(), "{}: `not_for` is missing", row.name);
    }
}

#[test]
fn what_is_sent_for_a_record_is_as_recorded() {
    for row in rows() {
        let request = first_request(&row.prompt(), &Item::from(row.record.clone()));
        insta::assert_snapshot!(row.name.replace('/', "_"), request);
    }
}

/// The first request about a record, in its own order: every turn with its role, and what is asked for.
fn first_request(prompt: &Arc<Prompt>, item: &Item) -> String {
    let element = prompt.front().each.map(|_| 0);
    let context = ProgramContext::new(Capabilities::ALL);
    let mut program = prompt.program(item, element, context, prompt.mark(item, None)).unwrap();
    let ProgramStep::Ask(request) = program.next(None).unwrap() else {
        panic!("{} asks for nothing", prompt.name())
    };
    let turn = |message: &tribunal::request::Message| {
        format!("{}:\n{}\n", message.role.name(), message.text())
    };
    let turns: String = request.messages.iter().map(turn).collect();
    let asks = match &request.ask {
        Ask::Choose { labels } => format!("choose {labels:?}"),
        Ask::Generate { .. } if request.open => "continue".to_owned(),
        Ask::Generate { .. } => "write".to_owned(),
        other => format!("{other:?}"),
    };
    format!("{turns}=> {asks}")
}

/// The general prompts, which tests of their own cover.
const GENERAL: [&str; 36] = [
    "score",
    "score-reference",
    "rubric",
    "rubric-items",
    "rubric-items-grouped",
    "health-bench",
    "criteria",
    "label",
    "correct",
    "correct-direct",
    "pair",
    "pair-reference",
    "rank",
    "first-error",
    "steps",
    "trajectory",
    "draft",
    "revise",
    "continue",
    "complete",
    "step",
    "feedback",
    "reflection",
    "align",
    "constitution",
    "tiny-steps",
    "tiny-score",
    "tiny-correct",
    "tiny-pair",
    "tiny-solve",
    "tiny-revise",
    "tiny-patch",
    "tiny-complete",
    "tiny-step",
    "tiny-continue",
    "check",
];
