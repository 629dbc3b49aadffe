//! Everything about one record, as JSON for the page: texts as they are, which the page shows as text.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Value, json};

use super::{
    difference::difference,
    entry::{Entry, More, SentRequest},
    figure::milliseconds,
};
use crate::{
    item::{Criteria, Item, text_of},
    line::{ResultLine, ShownOrder, VoteLine},
    records::{RankLine, RevisionLine, SearchLine, TreeLine},
    verdict::StepLabel,
};

/// What the page shows about a record. Without its texts, only the verdict and what it cost. Texts of requests are
/// replaced by their places in `shared`, for most of their lines are those of the prompt.
pub(super) fn of(entry: &Entry, with_items: bool, shared: &mut SharedLines) -> Value {
    let mut all = Map::new();
    let result = &entry.result;
    all.insert("facts".into(), facts(result));
    if let Some(shares) = &result.distribution {
        let values: Vec<_> = shares.values.iter().map(|(name, p)| json!([name, p])).collect();
        all.insert("values".into(), values.into());
        all.insert("missing".into(), shares.missing.into());
    }
    if with_items {
        texts(entry, &mut all);
        judgment(entry, &mut all);
        if let Some(sent) = &entry.sent {
            if !sent.shown.is_empty() {
                let shown = sent.shown.iter().map(|one| conversation(one, shared));
                all.insert("sent".into(), shown.collect());
            }
            all.insert("unsent".into(), sent.note.as_str().into());
        }
        match &entry.more {
            More::Nothing => (),
            More::Revised(line) => revision(line, &mut all),
            More::Ranked(line) => ranking(line, entry, &mut all),
            More::Searched(line) => search(line, &entry.tree, &mut all),
            More::Labelled(line) => {
                all.insert("rollouts".into(), json!(line.rollouts));
            }
        }
    }
    all.into()
}

/// Facts about a record, as pairs of words.
fn facts(result: &ResultLine) -> Value {
    let mut all: Vec<(&str, String)> = vec![("id", result.id.clone())];
    let mut add = |name, value: Option<String>| {
        all.extend(value.filter(|value| !value.is_empty()).map(|value| (name, value)));
    };
    add("model", Some(result.model.clone()));
    add("prompt", Some(result.prompt.name.clone()));
    add("rule", result.rule.clone());
    add("judge of the cascade", result.stage.as_ref().map(|stage| stage.judge.clone()));
    add("mark", result.mark.clone());
    add("time", result.latency_ms.map(milliseconds));
    let tokens = |usage: &crate::completion::UsageTotal| {
        format!("{} read ({} cached), {} written", usage.prompt, usage.cached, usage.completion)
    };
    add("tokens", result.usage.as_ref().map(tokens));
    add("cost", result.cost.map(|cost| format!("{cost:.6}")));
    add("requests", result.attempts.map(|count| count.to_string()));
    add("answers", result.cached.filter(|cached| *cached).map(|_| "all from the cache".into()));
    add("key", Some(result.key.clone()));
    json!(all)
}

/// The record: its question, its answers, and its other fields.
fn texts(entry: &Entry, all: &mut Map<String, Value>) {
    let Some(item) = &entry.item else { return };
    let mut shown: Vec<&str> = item.sources("question");
    if let Some(question) = item.text("question") {
        all.insert("question".into(), question.into());
    }
    let is_written = match &entry.more {
        More::Ranked(line) => line.candidates.iter().any(|one| one.text.is_some()),
        More::Revised(_) | More::Searched(_) => true,
        More::Nothing | More::Labelled(_) => false,
    };
    let candidates = item.candidates();
    if !is_written && candidates.len() > 1 {
        let name = |at: usize| match (candidates.len(), at) {
            (2, 0) => "first".to_owned(),
            (2, _) => "second".to_owned(),
            (_, at) => at.to_string(),
        };
        let answers: Vec<_> = candidates
            .iter()
            .enumerate()
            .map(|(at, one)| json!([name(at), text_of(one)]))
            .collect();
        all.insert("answers".into(), answers.into());
        shown.extend(item.sources("answers"));
    } else if let Some(answer) =
        item.text("answer").filter(|_| !matches!(entry.more, More::Ranked(_)))
    {
        let name = if is_written { "the record's answer" } else { "answer" };
        all.insert("answers".into(), json!([[name, answer]]));
        shown.extend(item.sources("answer"));
    }
    if entry.result.verdict.steps.is_some() || entry.result.verdict.first_error.is_some() {
        shown.extend(item.sources("steps"));
        all.remove("answers");
    }
    let other = |(name, _): &(&String, &Value)| !shown.contains(&name.as_str()) && *name != "id";
    let fields = item.record().iter().filter(other);
    let fields: Vec<_> = fields.map(|(name, value)| json!([name, text_of(value)])).collect();
    all.insert("fields".into(), fields.into());
}

/// What the judge wrote, and what is in its verdict.
fn judgment(entry: &Entry, all: &mut Map<String, Value>) {
    let result = &entry.result;
    if let Some(critique) = result.critique.as_ref().filter(|critique| !critique.is_empty()) {
        all.insert("critique".into(), critique.clone().into());
        if let Some(span) = result.span.and_then(|span| units(critique, span)) {
            all.insert("span".into(), json!(span));
        }
    }
    if let Some(error) = &result.error {
        all.insert("error".into(), json!([error.kind.name(), error.message, error.hints]));
    }
    if let Some(why) = &result.unreadable {
        all.insert("unreadable".into(), json!([why.reason.name(), why.detail]));
    }
    let steps = result.verdict.steps.as_deref().unwrap_or_default();
    // A revision's verdict is on its own draft.
    let own = entry.item.as_ref().filter(|_| !matches!(entry.more, More::Revised(_)));
    if let (Some(item), Some(first)) = (own, result.verdict.first_error) {
        all.insert("steps".into(), of_steps(&item.steps(), steps, first));
    }
    if let Some(criteria) = rubric(entry) {
        all.insert("criteria".into(), criteria);
    }
    let votes = entry.votes();
    if votes.len() > 1 {
        all.insert("votes".into(), votes.iter().map(vote).collect());
    }
    let raw: Vec<Value> = votes.iter().flat_map(|vote| raw(vote, result)).collect();
    if !raw.is_empty() {
        all.insert("raw".into(), raw.into());
    }
}

/// Lines of texts that several requests have in common, each with its place.
#[derive(Default)]
pub(super) struct SharedLines {
    places: BTreeMap<String, usize>,
}

impl SharedLines {
    /// The place of a line.
    fn place(&mut self, line: &str) -> usize {
        if let Some(place) = self.places.get(line) {
            return *place;
        }
        let place = self.places.len();
        self.places.insert(line.to_owned(), place);
        place
    }

    /// All lines, in the order of their places.
    pub(super) fn all(&self) -> Vec<&str> {
        let mut all: Vec<(&String, &usize)> = self.places.iter().collect();
        all.sort_by_key(|(_, place)| **place);
        all.into_iter().map(|(line, _)| line.as_str()).collect()
    }
}

/// A conversation with the places of its lines.
fn conversation(sent: &SentRequest, shared: &mut SharedLines) -> Value {
    let mut message = |(role, text): &(String, String)| {
        let lines: Vec<usize> = text.split('\n').map(|line| shared.place(line)).collect();
        json!([role, lines])
    };
    let messages: Vec<Value> = sent.messages.iter().map(&mut message).collect();
    json!([sent.name, messages])
}

/// A place in characters as one in UTF-16, as scripts count; `None` if the text has no such place.
fn units(text: &str, (start, end): (usize, usize)) -> Option<(usize, usize)> {
    let mut at = (None, None);
    let mut seen = 0;
    for (n, c) in text.chars().chain(std::iter::once(' ')).enumerate() {
        if n == start {
            at.0 = Some(seen);
        }
        if n == end {
            at.1 = Some(seen);
        }
        seen += c.len_utf16();
    }
    at.0.zip(at.1)
}

/// Every step with its text and what was found about it.
fn of_steps(texts: &[String], found: &[StepLabel], first: i64) -> Value {
    let step = |(at, text): (usize, &String)| {
        let own = found.iter().find(|step| step.index == at);
        json!({
            "text": text,
            "label": own.map(|step| step.label.clone()),
            "p": own.and_then(|step| step.p.or(step.value)),
            "wrong": i64::try_from(at) == Ok(first),
            "known": known(at, first),
        })
    };
    texts.iter().enumerate().map(step).collect()
}

/// Whether a step is right where only the first error is known, as 1 or 0: those before it are; `None` after it.
fn known(at: usize, first: i64) -> Option<u8> {
    match usize::try_from(first) {
        Ok(first) if at > first => None,
        Ok(first) => Some(u8::from(at < first)),
        Err(_) => Some(1),
    }
}

/// The criteria of a rubric, with the words of the record about each.
fn rubric(entry: &Entry) -> Option<Value> {
    let verdict = &entry.result.verdict;
    let own = entry.item.as_ref().and_then(|item| item.field("criteria").map(Cow::into_owned));
    let own = own.and_then(|own| Criteria::read(&own, crate::ErrorKind::Record).ok());
    let words =
        |at: usize| own.as_ref().and_then(|own| own.all.get(at)).map(|one| one.requirement.clone());
    if let Some(rubric) = &verdict.rubric {
        let one = |(at, one): (usize, &crate::verdict::CriterionVerdict)| {
            json!({
                "name": one.name, "text": words(at),
                "verdict": one.shown(), "weight": one.weight, "required": one.required,
                "met": one.is_met(), "p": one.p,
            })
        };
        return Some(rubric.iter().enumerate().map(one).collect());
    }
    let criteria = verdict.criteria.as_ref()?;
    let one =
        |(name, number): (&String, &f64)| json!({"name": name, "verdict": number.to_string()});
    Some(criteria.iter().map(one).collect())
}

/// One vote: who gave it, of which draw and order, and its text.
fn vote(vote: &VoteLine) -> Value {
    let text: Vec<&str> =
        vote.calls.iter().filter(|call| !call.chosen).map(|call| call.shown().trim()).collect();
    let order = match &vote.order {
        ShownOrder::Named(order) => {
            serde_json::to_value(order).map(|name| text_of(&name)).unwrap_or_default()
        }
        ShownOrder::Places(places) => format!("{places:?}"),
    };
    let text = text.join("\n");
    let verdict = match (&vote.unreadable, &vote.error) {
        (Some(why), _) => why.to_string(),
        (_, Some(error)) => format!("failed: {}", error.message),
        _ => vote.verdict.verdict.clone().unwrap_or_default(),
    };
    let span = vote.span.and_then(|span| units(&text, span));
    json!({"by": vote.by, "draw": vote.draw, "order": order, "verdict": verdict, "text": text, "span": span})
}

/// The texts of a vote as the model wrote them; null for one that is the critique, character by character.
fn raw(vote: &VoteLine, result: &ResultLine) -> Vec<Value> {
    let call = |call: &crate::verdict::Call| {
        let thinking = call.thinking.as_deref().unwrap_or_default();
        let name = format!("{}, draw {}, {}", vote.by, vote.draw, call.name);
        let is_shown = thinking.is_empty() && Some(&call.text) == result.critique.as_ref();
        let text = match (is_shown, thinking.is_empty()) {
            (true, _) => None,
            (false, true) => Some(call.text.clone()),
            (false, false) => Some(format!("{thinking}\n\n{}", call.text)),
        };
        (!call.chosen).then(|| json!([name, text]))
    };
    vote.calls.iter().filter_map(call).collect()
}

/// The rounds of a revision, each with what it changed.
fn revision(line: &RevisionLine, all: &mut Map<String, Value>) {
    let rounds = line.rounds.as_deref().unwrap_or_default();
    let first = rounds.first().map(|round| round.draft.as_str());
    if first.is_some() && all.get("answers").is_some_and(|own| own[0][1].as_str() == first) {
        all.remove("answers");
    }
    let mut before: Option<&str> = None;
    let mut shown = Vec::new();
    for round in rounds {
        let verdict = round.verdict.verdict.clone();
        let unreadable = round.unreadable.as_ref().map(ToString::to_string);
        shown.push(json!({
            "round": round.round,
            "verdict": verdict.or(unreadable).unwrap_or_default(),
            "pass": round.pass,
            "accepted": round.accepted,
            "critique": round.critique,
            "diff": difference(before.unwrap_or(&round.draft), &round.draft),
        }));
        if round.accepted || before.is_none() {
            before = Some(&round.draft);
        }
    }
    all.remove("critique");
    all.remove("span");
    all.insert("rounds".into(), shown.into());
    all.insert("ended".into(), line.outcome.name().into());
    if let Some(check) = &line.final_check {
        let verdict = check.verdict.verdict.clone().unwrap_or_else(|| "unreadable".into());
        all.insert("final".into(), json!([check.by, verdict, check.pass, check.flipped]));
    }
}

/// The candidates of a record, with their values.
fn ranking(line: &RankLine, entry: &Entry, all: &mut Map<String, Value>) {
    let own = entry.item.as_ref().map(Item::candidates).unwrap_or_default();
    let one = |one: &crate::records::CandidateLine| {
        let text = one.text.clone().or_else(|| own.get(one.index).map(text_of));
        json!({
            "index": one.index,
            "text": text.or_else(|| one.unwritten.clone()).unwrap_or_default(),
            "value": one.value,
            "worth": one.worth,
            "interval": one.interval,
            "answer": one.answer,
            "right": one.right,
            "chosen": line.chosen == Some(one.index),
            "verdict": one.judgment.verdict.verdict,
            "critique": one.judgment.critique,
        })
    };
    ["answers", "critique", "span"].into_iter().for_each(|shown| drop(all.remove(shown)));
    all.insert("candidates".into(), line.candidates.iter().map(one).collect());
    let games = line.comparisons.iter();
    let games: Vec<_> =
        games.map(|one| json!([one.pair.0, one.pair.1, one.share, one.consistent])).collect();
    if !games.is_empty() {
        all.insert("games".into(), games.into());
    }
}

/// The solutions of a search, and its tree.
fn search(line: &SearchLine, tree: &[TreeLine], all: &mut Map<String, Value>) {
    // Two ends may have the same text; the answer is one of them.
    let chosen = line.result.verdict.text.as_ref();
    let chosen = chosen.and_then(|text| line.paths.iter().position(|path| path.text == *text));
    let path = |(at, path): (usize, &crate::strategy::search::FinishedPath)| {
        json!({
            "text": path.text, "value": path.value, "answer": path.answer, "times": path.times,
            "right": path.right, "chosen": chosen == Some(at),
        })
    };
    all.insert("paths".into(), line.paths.iter().enumerate().map(path).collect());
    let node = |node: &TreeLine| {
        json!([node.node, node.parent, node.step, node.value, node.chosen, node.end, node.times])
    };
    if !tree.is_empty() {
        all.insert("tree".into(), tree.iter().map(node).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_scripts_count() {
        assert_eq!(units("a𝔸b: 7", (5, 6)), Some((6, 7)));
        assert_eq!(units("ab", (1, 2)), Some((1, 2)));
        assert_eq!(units("ab", (1, 9)), None);
    }
}
