//! The requests of `judge` and `bench`: whole conversations, made again by giving the judge its stored answers.

use std::collections::BTreeMap;

use serde_json::Value;

use tribunal::{
    completion::Completion,
    error::Result,
    item::Item,
    judging::AskId,
    line::{ResultLine, VoteLine},
    report::{SentRequest, SentRequests},
    request::Request,
};

use super::{
    member::{Member, members, messages},
    no, record,
};

/// The members of a judge; of a benchmark, those of both of its judges.
pub(super) struct Judged {
    members: Vec<Member>,
    /// The judge that rated some of the answers, if it was another one.
    rated: Option<Rated>,
}

/// The judge of a benchmark that rated some of the answers.
struct Rated {
    /// The hash of its prompt, by which its lines are known.
    hash: String,
    /// Its members, or why its requests cannot be made again: then those of the other judge still can.
    members: Result<Vec<Member>>,
}

impl Judged {
    /// The judge of a manifest, or both judges.
    ///
    /// # Errors
    /// The manifest lacks a part, or the judge runs code.
    pub(super) async fn new(manifest: &Value) -> Result<Self> {
        let part = &manifest["rated"];
        let rated = match part["prompt"]["hash"].as_str() {
            Some(hash) => Some(Rated { hash: hash.to_owned(), members: members(part).await }),
            None => None,
        };
        Ok(Self { members: members(manifest).await?, rated })
    }

    /// The members that judged the record of a line.
    ///
    /// # Errors
    /// They cannot be built again.
    fn members_of(&self, line: &ResultLine) -> Result<&[Member]> {
        match self.rated.as_ref().filter(|rated| rated.hash == line.prompt.hash) {
            Some(rated) => rated.members.as_deref().map_err(Clone::clone),
            None => Ok(&self.members),
        }
    }

    /// The requests for the record of a line.
    ///
    /// # Errors
    /// The line holds no record, or another prompt was asked.
    pub(super) fn of_line(&self, line: &ResultLine) -> Result<SentRequests> {
        let item = record(line.item.as_ref())?;
        let mut shown = Vec::new();
        for member in self.members_of(line)? {
            shown.extend(member.requests(line, &item)?);
        }
        Ok(SentRequests { shown, note: String::new() })
    }
}

impl Member {
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
        messages: messages(request),
    }
}
