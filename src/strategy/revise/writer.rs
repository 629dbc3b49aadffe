//! A policy that uses a model and a prompt.

use serde_json::json;

use super::{
    Critique, Draft, Loop, LoopStep, Policy, ReviseOptions, Revision, Spent, rounds::within,
};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    item::Item,
    judge::Judge,
    parse::Kind,
    verdict::Verdict,
};

/// A policy that writes with a model and a prompt of the kind `revision`.
///
/// The prompt sees the fields of the record, the draft as `answer`, its critique as `critique`, earlier drafts as
/// `earlier` (each with `draft`, `critique`, `verdict`), and `kept` if steps are kept.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Item, Judge, backend::Script, strategy::revise::{ReviseOptions, Writer}};
///
/// let script = Script::once([Ok("Wrong.\nScore: 2"), Ok("Right.\nScore: 9"), Ok("Score: 9")]);
/// let judge = Judge::builder().backend(script).prompt("score").pass("score >= 8").build().await?;
/// let reviser = Judge::builder().backend(Script::always("2 + 2 = 4")).prompt("revise").build().await?;
/// let item = Item::new().question("2 + 2?").answer("2 + 2 = 5");
/// let revision = Writer::new(reviser)?.revise(&judge, &item, &ReviseOptions::default()).await?;
/// assert_eq!(revision.text(), "2 + 2 = 4");
/// # Ok(())
/// # }
/// ```
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

    /// The same writer with a prompt for first drafts, for records without an answer.
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

    /// Writes a draft. Every round has its own draw, so that a cache does not return the previous draft.
    ///
    /// # Errors
    /// The model did not answer, or its answer is not a usable text: cut off, empty or refused.
    pub async fn write(&self, critique: &Critique) -> Result<Draft> {
        self.written(critique).await.map_err(|NoDraft { error, .. }| error)
    }

    async fn written(&self, critique: &Critique) -> std::result::Result<Draft, NoDraft> {
        let unpaid = |error| NoDraft { error, spent: Spent::default() };
        let writer = match (critique.round, &self.drafter) {
            (1.., _) => &self.reviser.redrawn(critique.round),
            (0, Some(drafter)) => drafter,
            (0, None) => {
                let error = Error::new(ErrorKind::Record, "the record has no answer to begin with")
                    .hint(
                        Hint::from("name a prompt that writes first drafts: ")
                            .setting("draft_prompt", "draft"),
                    );
                return Err(unpaid(error));
            }
        };
        let judgment = writer.judge(&record_for(critique)).await.map_err(unpaid)?;
        let spent = Spent::of(&judgment, writer.price());
        let failed = |why: &str| {
            Error::new(ErrorKind::Model, format!("the policy wrote nothing to judge: {why}"))
                .within(writer.prompt().name())
        };
        match judgment.verdict {
            Ok(Verdict::Text(text)) => Ok(Draft { text, spent }),
            Ok(other) => {
                Err(NoDraft { error: failed(&format!("it wrote the verdict {other}")), spent })
            }
            Err(why) => {
                let hint = Hint::from("a text that is cut off needs a higher limit: ")
                    .setting("policy_max_tokens", "4096");
                Err(NoDraft { error: failed(&why.to_string()).hint(hint), spent })
            }
        }
    }

    /// [`revise`](super::revise()) with this writer as the policy.
    ///
    /// # Errors
    /// Those of [`revise`](super::revise()).
    pub async fn revise(
        &self,
        judge: &Judge,
        item: &Item,
        options: &ReviseOptions,
    ) -> Result<Revision> {
        let mut work = Loop::new(judge, item, options)?;
        let mut draft = None;
        loop {
            match work.next(draft).await {
                LoopStep::Write(critique) => {
                    let written = within(work.deadline(), self.written(&critique)).await;
                    draft = written.map(|written| {
                        written.map_err(|NoDraft { error, spent }| {
                            work.waste(spent);
                            error
                        })
                    });
                }
                LoopStep::Done(revision) => return Ok(*revision),
            }
        }
    }
}

/// Drafts of this writer for [`revise_with`](super::revise_with). [`Writer::revise`] also counts the tokens
/// of texts that were not drafts.
impl Policy for Writer {
    async fn write(&mut self, critique: Critique) -> Result<Draft> {
        Self::write(self, &critique).await
    }
}

/// Why there is no draft, and its cost.
struct NoDraft {
    error: Error,
    spent: Spent,
}

fn writes(judge: Judge) -> Result<Judge> {
    let kind = judge.prompt().front().kind;
    if kind == Kind::Revision {
        return Ok(judge);
    }
    let message = format!("`{}` judges {} and writes no text", judge.prompt().name(), kind.name());
    Err(Error::new(ErrorKind::Config, message)
        .hint("a policy needs a prompt with `kind: revision`, such as `revise`"))
}

/// The record with everything that a prompt may show of the critique.
fn record_for(critique: &Critique) -> Item {
    let earlier: Vec<_> = critique
        .earlier
        .iter()
        .map(|one| json!({"draft": one.draft, "critique": one.critique, "verdict": one.verdict}))
        .collect();
    let item = critique.item.clone().filled("critique", critique.text.as_str());
    let item = if earlier.is_empty() { item } else { item.filled("earlier", earlier) };
    match &critique.kept {
        Some(kept) => item.filled("kept", kept.as_str()),
        None => item,
    }
}
