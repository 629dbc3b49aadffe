//! A policy that writes with a prompt.

use serde_json::json;

use super::{Critique, Draft, Loop, Next, Options, Revision, Spent, drive::within};
use crate::{
    error::{Error, ErrorKind, Result},
    item::Item,
    judge::Judge,
    parse::Judges,
    verdict::Verdict,
};

/// A policy that is a model and a prompt of the kind `revision`.
///
/// The prompt sees the fields of the record, the draft as `answer`, what was said of it as `critique`,
/// other drafts as `earlier` (each with `draft`, `critique`, `verdict`), and `kept` where steps are kept.
#[derive(Clone, Debug)]
pub struct Writer {
    reviser: Judge,
    drafter: Option<Judge>,
}

impl Writer {
    /// A writer that revises with this prompt and model.
    ///
    /// # Errors
    /// The prompt writes no text.
    pub fn new(reviser: Judge) -> Result<Self> {
        Ok(Self { reviser: writes(reviser)?, drafter: None })
    }

    /// The same with a prompt for first drafts, where records bring none.
    ///
    /// # Errors
    /// The prompt writes no text.
    pub fn drafting(self, drafter: Judge) -> Result<Self> {
        Ok(Self { drafter: Some(writes(drafter)?), ..self })
    }

    /// The prompt and model for revisions.
    pub fn reviser(&self) -> &Judge {
        &self.reviser
    }

    /// The prompt and model for first drafts.
    pub fn drafter(&self) -> Option<&Judge> {
        self.drafter.as_ref()
    }

    /// Writes what is wanted; every round is a draw of its own.
    ///
    /// # Errors
    /// The model gave no answer, or one that is no text: cut off, empty, a refusal.
    pub async fn write(&self, critique: &Critique) -> Result<Draft> {
        if critique.round == 0 {
            let drafter = self.drafter.as_ref().ok_or_else(|| {
                Error::new(ErrorKind::Record, "the record has no answer to begin with")
                    .hint("name a prompt that writes first drafts: --draft-prompt draft")
            })?;
            return draft(drafter, critique).await;
        }
        draft(&self.reviser.redrawn(critique.round), critique).await
    }

    /// [`revise`](super::revise()) with this writer as the policy.
    ///
    /// # Errors
    /// Those of [`revise`](super::revise()).
    pub async fn revise(&self, judge: &Judge, item: &Item, options: &Options) -> Result<Revision> {
        let mut work = Loop::new(judge, item, options)?;
        let mut draft = None;
        loop {
            match work.next(draft).await {
                Next::Write(critique) => {
                    draft = within(work.deadline(), self.write(&critique)).await;
                }
                Next::Done(revision) => return Ok(*revision),
            }
        }
    }
}

fn writes(judge: Judge) -> Result<Judge> {
    let judges = judge.prompt().front().judges;
    if judges == Judges::Revision {
        return Ok(judge);
    }
    let message =
        format!("`{}` judges {} and writes no text", judge.prompt().name(), judges.name());
    Err(Error::new(ErrorKind::Config, message)
        .hint("a policy needs a prompt with `judges: revision`, such as `revise`"))
}

async fn draft(writer: &Judge, critique: &Critique) -> Result<Draft> {
    let earlier: Vec<_> = critique
        .earlier
        .iter()
        .map(|one| json!({"draft": one.draft, "critique": one.critique, "verdict": one.verdict}))
        .collect();
    let item = critique.item.clone().filled("critique", critique.text.as_str());
    let item = if earlier.is_empty() { item } else { item.filled("earlier", earlier) };
    let item = match &critique.kept {
        Some(kept) => item.filled("kept", kept.as_str()),
        None => item,
    };
    let judgment = writer.judge(&item).await?;
    let spent = Spent::of(&judgment, writer.price());
    match judgment.verdict {
        Ok(Verdict::Text(text)) => Ok(Draft { text, spent }),
        Ok(other) => Err(failed(writer, &format!("it wrote the verdict {other}"))),
        Err(why) => Err(failed(writer, &why.to_string())
            .hint("a text that is cut off needs a higher --policy-max-tokens")),
    }
}

fn failed(writer: &Judge, why: &str) -> Error {
    Error::new(ErrorKind::Model, format!("the policy wrote nothing to judge: {why}"))
        .within(writer.prompt().name())
}
