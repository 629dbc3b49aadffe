//! A judged record, from which its line of results is made.

use crate::{
    backend::Backend,
    error::Error,
    item::Item,
    judge::Judge,
    judging::Member,
    line::{MemberLine, PromptLine, ResultLine},
    verdict::Judgment,
};

/// A record with its outcome, from which a [`ResultLine`] is made.
#[derive(Debug)]
pub struct JudgedRecord<'a> {
    /// The record's id, or its place in the input if it has none.
    pub id: String,
    /// The record's place in the run, counted from 0.
    pub index: usize,
    /// The record; `None` if the input could not be read as a record.
    pub item: Option<&'a Item>,
    /// The judgment, readable or not, or the error if there is no answer.
    pub outcome: Result<&'a Judgment, &'a Error>,
    /// Whether the line contains the record.
    pub with_item: bool,
}

impl JudgedRecord<'_> {
    /// The key of the line.
    ///
    /// Equal records under an equal judge have equal keys, so that a later run finds the line again.
    /// Input that is not a record is identified by its place.
    pub fn key(&self, judge: &Judge) -> String {
        match self.item {
            Some(item) => judge.line_key(item),
            None => Self::key_without_record(&self.id),
        }
    }

    /// The key of a line whose record could not be read.
    pub fn key_without_record(place: &str) -> String {
        format!("no record: {place}")
    }

    /// The line of results for this record.
    pub fn typed(&self, judge: &Judge) -> ResultLine {
        self.keyed(judge, self.key(judge))
    }

    /// The line of results for this record, whose [key](Self::key) is known.
    pub(crate) fn keyed(&self, judge: &Judge, key: String) -> ResultLine {
        let prompt = judge.prompt();
        let item = self.item.filter(|_| self.with_item);
        ResultLine {
            id: self.id.clone(),
            index: self.index,
            model: judge.name().into(),
            prompt: PromptLine::new(prompt.name(), judge.prompt_hash(), judge.reading()),
            members: members(judge),
            key,
            item: item.map(|item| item.record().clone()),
            ..ResultLine::of(self.outcome)
        }
    }
}

/// The members of the judge; `None` if there is only one.
fn members(judge: &Judge) -> Option<Vec<MemberLine>> {
    let member = |(member, model): (&Member, &dyn Backend)| {
        let (prompt, reading) = (member.prompt(), member.reading());
        let prompt = PromptLine::new(prompt.name(), prompt.hash(), reading);
        MemberLine::new(member.name(), model.name(), prompt)
    };
    (judge.members().count() > 1).then(|| judge.members().map(member).collect())
}
