//! What the line of a judged record is made of.

use crate::{
    backend::Backend,
    error::Error,
    item::Item,
    judge::Judge,
    judging::Member,
    line::{MemberLine, PromptLine, ResultLine},
    verdict::Judgment,
};

/// What a [`ResultLine`] is made of.
#[derive(Debug)]
pub struct Line<'a> {
    /// The name of the record.
    pub id: String,
    /// Counts all records of a run from 0.
    pub index: usize,
    /// The record; absent where the input held none.
    pub item: Option<&'a Item>,
    /// What came of it.
    pub outcome: Ended<'a>,
    /// Whether the record itself is repeated in the line.
    pub with_item: bool,
}

/// What came of a record.
#[derive(Debug)]
pub enum Ended<'a> {
    /// An answer, readable or not.
    Judged(&'a Judgment),
    /// No answer.
    Failed(&'a Error),
}

impl Line<'_> {
    /// Names the line in results: equal records under an equal judge have equal keys; what is no record
    /// goes by its place.
    pub fn key(&self, judge: &Judge) -> String {
        match self.item {
            Some(item) => judge.line_key(item),
            None => Self::key_without_record(&self.id),
        }
    }

    /// The key of a line whose record could not be read, by its place.
    pub fn key_without_record(place: &str) -> String {
        format!("no record: {place}")
    }

    /// The line.
    pub fn typed(&self, judge: &Judge) -> ResultLine {
        let outcome = match self.outcome {
            Ended::Judged(judgment) => Ok(judgment),
            Ended::Failed(error) => Err(error),
        };
        let prompt = judge.prompt();
        let item = self.item.filter(|_| self.with_item);
        ResultLine {
            id: self.id.clone(),
            index: self.index,
            model: judge.name().into(),
            prompt: PromptLine::new(prompt.name(), judge.prompt_hash(), judge.reading()),
            members: members(judge),
            key: self.key(judge),
            item: item.map(|item| item.record().clone()),
            ..ResultLine::of(outcome)
        }
    }
}

/// The members of a judge that has several.
fn members(judge: &Judge) -> Option<Vec<MemberLine>> {
    let member = |(member, model): (&Member, &dyn Backend)| {
        let (prompt, reading) = (member.prompt(), member.reading());
        let prompt = PromptLine::new(prompt.name(), prompt.hash(), reading);
        MemberLine::new(member.name(), model.name(), prompt)
    };
    let members: Vec<MemberLine> = judge.members().map(member).collect();
    (members.len() > 1).then_some(members)
}
