//! MT-Bench (Zheng et al. 2023): agreement with the votes of people, per turn, with and without ties.

use serde_json::Value;

use super::super::{
    about::{Benchmark, PLAIN, may, needs},
    case::{Case, Fields, Gold},
    convention::Convention,
    judged::Judged,
    row::Row,
};
use crate::{
    error::Result,
    item::{text_of, transcript},
    verdict::Preference,
};
pub(in super::super) static MT_BENCH: Benchmark = Benchmark {
    name: "mt-bench",
    title: "MT-Bench human agreement",
    summary: "Which of two models a person preferred in a conversation of two turns.",
    fields: &[
        needs("question_id", "a number"),
        needs("model_a", "the name of one model"),
        needs("model_b", "the name of the other"),
        needs("winner", "model_a, model_b or tie"),
        needs("turn", "1 or 2"),
        needs("conversation_a", "messages up to the second answer"),
        needs("conversation_b", "the same of the other model"),
        may("judge", "the name of the person"),
    ],
    protocol: "both orders; orders that disagree are a tie",
    prompt: "mt-bench-pair",
    failure: "the vote is left out",
    metric: "share of votes of people that the judge shares, ties included; below it over votes without a tie on either side",
    source: "Zheng et al. 2023, arXiv:2306.05685; lm-sys/FastChat (llm_judge), card of lmsys/mt_bench_human_judgments",
    licence: "CC-BY-4.0",
    reproduced: "how often either model of a recorded pair wins in both orders, from the texts of GPT-4; no votes of people were at hand",
    case,
    score,
    ..PLAIN
};

fn case(fields: &Fields<'_>) -> Result<Case> {
    let turn = fields.number("turn")?;
    let is_first = match turn {
        1.0 => true,
        2.0 => false,
        _ => return Err(fields.wrong("turn", &format!("`{turn}` is neither 1 nor 2"))),
    };
    let (a, b) = (fields.list("conversation_a")?, fields.list("conversation_b")?);
    let label = fields.side(
        "winner",
        &["model_a"],
        &["model_b"],
        &["tie", "tie (inconsistent)", "tie (bothbad)"],
    )?;
    let said = |messages: &[Value], place: usize| {
        messages.get(place).map(|message| text_of(message.get("content").unwrap_or(message)))
    };
    let question = said(&a, 0).ok_or_else(|| fields.wrong("conversation_a", "no message"))?;
    let answer = |name: &str, messages: &[Value]| {
        let whole = || Some(transcript(&messages.to_vec().into()));
        let text = if is_first { said(messages, 1) } else { whole() };
        text.ok_or_else(|| fields.wrong(name, "no answer"))
    };
    let pair = fields.pair(question, answer("conversation_a", &a)?, answer("conversation_b", &b)?);
    let name = format!(
        "{}:{}:{}:{}:{}",
        fields.text("question_id")?,
        fields.text("model_a")?,
        fields.text("model_b")?,
        turn,
        fields.text_or_empty("judge"),
    );
    let subset = if is_first { "turn 1" } else { "turn 2" };
    let case = pair.within(subset).known(Gold::Preference(label));
    // Votes of several people are about the same pair.
    Ok(Case { id: if fields.has_own_id() { case.id.clone() } else { name }, ..case })
}

/// The winner of both orders, a tie if they disagree; nothing if one of them could not be read.
fn by_both_orders(one: &Judged) -> Option<Preference> {
    let sides: Vec<Preference> =
        one.games(0, 1).into_iter().map(|game| game.side).collect::<Option<_>>()?;
    let first = *sides.first()?;
    Some(if sides.iter().all(|side| *side == first) { first } else { Preference::Tie })
}

fn score(judged: &[&Judged], convention: Convention) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, turn) in [("", None), (" of turn 1", Some("turn 1")), (" of turn 2", Some("turn 2"))]
    {
        let all: Vec<&&Judged> =
            judged.iter().filter(|one| turn.is_none_or(|turn| one.case.subset == turn)).collect();
        if turn.is_some() && all.is_empty() {
            continue;
        }
        let agrees = |one: &Judged, with_ties: bool| {
            let better = one.case.preference()?;
            let side = by_both_orders(one);
            let is_tie = better == Preference::Tie || side == Some(Preference::Tie);
            if !with_ties && is_tie {
                return None;
            }
            let known = side.map(|side| f64::from(u8::from(side == better)));
            convention.credit(known, None)
        };
        let all_votes = all.iter().map(|one| agrees(one, true));
        rows.push(Row::mean(format!("agreement{name}, ties included"), all_votes));
        let decided = all.iter().map(|one| agrees(one, false));
        rows.push(Row::mean(format!("agreement{name}, without ties"), decided).indented());
    }
    rows
}
