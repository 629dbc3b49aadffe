//! The requests of a run, made again from its records and its manifest.
//!
//! Results hold what models wrote, and not what they were asked, which would repeat every prompt and every record. The
//! manifest beside them holds the prompts and the settings, so that the same judge can be built without its models. Its
//! requests are made again by giving it the stored answers.
//!
//! What is shown is therefore rebuilt, and a report says so. Where something is missing it gives the reason in place of a
//! request.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use tribunal::{
    backend::Script,
    completion::Completion,
    config::{Resolved, Settings},
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::Judge,
    judging::{AskId, Facts},
    line::{ResultLine, VoteLine},
    prompt::Prompt,
    records::AnyLine,
    report::{RunFile, SentRequest},
    request::Request,
};

/// One member of a judge without its model.
struct Seat {
    /// The name of a member of a jury; `None` for a judge of one member.
    name: Option<String>,
    judge: Judge,
    facts: Facts,
}

/// Adds to a file of results the requests of its first `most` records, or the reason why there are none.
pub(super) async fn add(file: &mut RunFile, most: usize) {
    if !file.lines.iter().any(|line| matches!(line, AnyLine::Judged(_))) || most == 0 {
        return;
    }
    let seats = match &file.manifest {
        Some(manifest) => seats(manifest).await,
        None => Err(no(format!("`{}.run.json` is not there", file.name))),
    };
    let seats = match seats {
        Ok(seats) => seats,
        Err(error) => {
            file.requests_note = format!("not kept, and not rebuilt: {error}");
            return;
        }
    };
    let judged = file.lines.iter().filter_map(|line| match line {
        AnyLine::Judged(line) if !line.key.is_empty() => Some(line),
        _ => None,
    });
    let (mut requests, mut failed) = (BTreeMap::new(), None);
    for line in judged.take(most) {
        match of_line(&seats, line) {
            Ok(sent) => drop(requests.insert(line.key.clone(), sent)),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    file.requests = requests;
    file.requests_note = match failed {
        Some(error) => format!("not kept, and not rebuilt: {error}"),
        None => format!(
            "not kept, and rebuilt for the first {most} records only; --requests N sets more"
        ),
    };
}

/// The error for requests that cannot be made again.
fn no(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Record, why)
}

/// The members of the judge of a manifest.
///
/// # Errors
/// The manifest lacks a part, or its judge runs code.
async fn seats(manifest: &Value) -> Result<Vec<Seat>> {
    let Some(members) = manifest.get("members").and_then(Value::as_array) else {
        return Ok(vec![seat(None, &manifest["judge"]["settings"], &manifest["prompt"]).await?]);
    };
    let mut all = Vec::new();
    for member in members {
        let name = member["name"].as_str().map(ToOwned::to_owned);
        all.push(seat(name, &member["settings"], &member["prompt"]).await?);
    }
    Ok(all)
}

/// One member.
///
/// # Errors
/// The settings or the prompt cannot be read, or it runs code.
async fn seat(name: Option<String>, settings: &Value, prompt: &Value) -> Result<Seat> {
    let settings: Settings = serde_json::from_value(settings.clone())
        .map_err(|_| no("the manifest has no settings that this version reads"))?;
    if settings.allow_code {
        return Err(no("the prompt runs code"));
    }
    let text = |key: &str| prompt[key].as_str().ok_or_else(|| no("the manifest has no prompt"));
    let parsed = Arc::new(Prompt::parse(text("name")?, text("source")?)?);
    let resolved = Resolved::stored(settings, parsed);
    let mut builder = resolved.builder()?.backend(Script::always(""));
    if let Ok(secret) = std::env::var("TRIBUNAL_SECRET") {
        builder = builder.secret(secret);
    }
    let judge = builder.build().await?;
    let facts = judge.facts().await;
    Ok(Seat { name, judge, facts })
}

/// The requests for the record of a line.
///
/// # Errors
/// The line holds no record, or another prompt was asked.
fn of_line(seats: &[Seat], line: &ResultLine) -> Result<Vec<SentRequest>> {
    let item = line.item.clone().map(Item::from);
    let item = item.ok_or_else(|| no("the results hold no records"))?;
    let mut all = Vec::new();
    for seat in seats {
        all.extend(seat.requests(line, &item)?);
    }
    Ok(all)
}

impl Seat {
    /// The conversations of this member about a record, each as its last request, which holds the others.
    ///
    /// # Errors
    /// Another prompt was asked, or the record lacks a field.
    fn requests(&self, line: &ResultLine, item: &Item) -> Result<Vec<SentRequest>> {
        let asked = match &self.name {
            None => Some(&line.prompt),
            Some(name) => {
                let members = line.members.iter().flatten();
                members.into_iter().find(|one| one.name == *name).map(|one| &one.prompt)
            }
        };
        let own = self.judge.prompt_hash();
        if asked.is_some_and(|asked| !asked.hash.is_empty() && asked.hash != own) {
            return Err(no("the manifest is of another prompt"));
        }
        let votes = line.votes.iter().flatten();
        let votes: Vec<&VoteLine> =
            votes.filter(|vote| self.name.as_ref().is_none_or(|name| vote.by == *name)).collect();
        let mut sent: BTreeMap<(u32, u32, Option<u32>), (Request, &VoteLine)> = BTreeMap::new();
        let mut judging = self.judge.judging(item, &self.facts)?;
        judging.answer_all(|id, request| {
            let vote = vote_of(&votes, id).ok_or_else(|| no("it was not asked"))?;
            sent.insert((id.draw, id.order, id.element), (request.clone(), vote));
            answer(vote, id).ok_or_else(|| no("its answer is not kept"))
        });
        let is_marked = |(request, vote): &(Request, &VoteLine)| {
            let mark = vote.mark.as_ref().or(line.mark.as_ref());
            let holds = |mark: &String| {
                request.messages.iter().any(|message| message.text().contains(mark.as_str()))
            };
            mark.is_none_or(holds)
        };
        if !sent.values().all(is_marked) {
            return Err(no("the run had another TRIBUNAL_SECRET, from which its marks are made"));
        }
        let all = sent.into_iter();
        Ok(all.map(|((.., element), (request, vote))| shown(&request, vote, element)).collect())
    }
}

/// The vote that a request is for: of the same draw, and of the same place among the orders.
fn vote_of<'v>(votes: &[&'v VoteLine], id: &AskId) -> Option<&'v VoteLine> {
    let order = usize::try_from(id.order).ok()?;
    votes.iter().filter(|vote| vote.draw == id.draw).nth(order).copied()
}

/// The stored answer to a request.
fn answer(vote: &VoteLine, id: &AskId) -> Option<Completion> {
    let element = id.element.and_then(|element| usize::try_from(element).ok());
    let mut calls = vote.calls.iter().filter(|call| element.is_none() || call.at == element);
    let call = calls.nth(usize::try_from(id.step).ok()?)?;
    Some(Completion::text(call.text.clone()))
}

/// A request as a report shows it.
fn shown(request: &Request, vote: &VoteLine, element: Option<u32>) -> SentRequest {
    let order = serde_json::to_value(&vote.order).unwrap_or_default();
    let order = order.as_str().map_or_else(|| order.to_string(), ToOwned::to_owned);
    let element = element.map_or(String::new(), |at| format!(", part {at}"));
    SentRequest {
        name: format!("{}, draw {}, {order} order{element}", vote.by, vote.draw),
        messages: request
            .messages
            .iter()
            .map(|message| (message.role.name().to_owned(), message.text()))
            .collect(),
    }
}
