//! The ways of weighing labels that a server may have, from the best one down.
//!
//! A way that a server lacks is left for good: other questions would only be refused as well. A way that has worked
//! before is never left, because something in between may answer in the server's place for a moment; the question at hand
//! is then asked in the next way. A server that is busy is not asked in another way at all: that would only double its
//! work, and the same question can be sent again later.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{
    super::quirks::WeighLabels,
    llamacpp,
    question::Question,
    route::{Miss, Server},
    sglang, vllm,
};
use crate::{completion::Completion, error::Error};

/// A way of weighing labels. The table of routes is in the documentation of [`labels`](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rung {
    LlamaCpp,
    VllmTokens,
    VllmChat,
    SglangGenerate,
    SglangChat,
    SglangScore,
}

impl Rung {
    /// The ways that a server may have, the best one first.
    const fn all_of(server: WeighLabels) -> &'static [Self] {
        match server {
            WeighLabels::ByFirstToken => &[],
            WeighLabels::AsLlamaCpp => &[Self::LlamaCpp],
            WeighLabels::AsVllm => &[Self::VllmTokens, Self::VllmChat],
            WeighLabels::AsSglang => &[Self::SglangGenerate, Self::SglangChat, Self::SglangScore],
        }
    }

    /// The routes, for messages.
    const fn routes(self) -> &'static str {
        match self {
            Self::LlamaCpp => "`/completion`",
            Self::VllmTokens => "`/tokenize` and `/v1/completions`",
            Self::VllmChat => "`prompt_logprobs`",
            Self::SglangGenerate => "`/v1/tokenize` and `/generate`",
            Self::SglangChat => "`return_prompt_token_ids` and `/generate`",
            Self::SglangScore => "`/v1/score`",
        }
    }

    /// Weighs the labels of a question.
    async fn weigh(self, server: Server<'_>, question: &Question<'_>) -> Result<Completion, Miss> {
        match self {
            Self::LlamaCpp => llamacpp::weigh(server, question).await,
            Self::VllmTokens => vllm::by_tokens(server, question).await,
            Self::VllmChat => vllm::by_prompt(server, question).await,
            Self::SglangGenerate => sglang::by_generate(server, question).await,
            Self::SglangChat => sglang::by_chat_tokens(server, question).await,
            Self::SglangScore => sglang::by_score(server, question).await,
        }
    }
}

/// Which way of weighing a server is known to have.
#[derive(Debug, Default)]
pub(in crate::backend::openai) struct Ladder {
    /// The number of ways that were left.
    left: AtomicUsize,
    /// The number of questions that the present way has answered.
    answered: AtomicUsize,
}

impl Ladder {
    /// Whether labels can be weighed, as far as is known.
    pub(in crate::backend::openai) fn is_exact(&self, server: WeighLabels) -> bool {
        self.left.load(Ordering::Relaxed) < Rung::all_of(server).len()
    }

    /// Weighs labels in the best way that the server has; `None` if it has none for this question.
    ///
    /// # Errors
    /// The server is busy or unreachable, or the question is too long for it.
    pub(in crate::backend::openai) async fn weigh(
        &self,
        kind: WeighLabels,
        server: Server<'_>,
        question: &Question<'_>,
    ) -> Result<Option<Completion>, Error> {
        let rungs = Rung::all_of(kind);
        let mut at = self.left.load(Ordering::Relaxed);
        while let Some(rung) = rungs.get(at) {
            match rung.weigh(server, question).await {
                Ok(completion) => {
                    if self.left.load(Ordering::Relaxed) == at {
                        self.answered.fetch_add(1, Ordering::Relaxed);
                    }
                    return Ok(Some(completion));
                }
                Err(Miss::Failed(error)) => return Err(error),
                Err(Miss::NotThis(why)) => {
                    tracing::debug!("{}: {} cannot weigh this: {why}", server.name, rung.routes());
                }
                Err(Miss::Absent(why)) => self.leave(at, rungs, server.name, &why),
            }
            at += 1;
        }
        Ok(None)
    }

    /// Leaves a way for good, unless it has worked before; that is reported once.
    fn leave(&self, at: usize, rungs: &[Rung], name: &str, why: &str) {
        let is_present = self.left.load(Ordering::Relaxed) == at;
        if !is_present || self.answered.load(Ordering::Relaxed) > 0 {
            return;
        }
        let left = self.left.compare_exchange(at, at + 1, Ordering::Relaxed, Ordering::Relaxed);
        if left.is_err() {
            return;
        }
        let routes = rungs.get(at).map_or("", |rung| rung.routes());
        if let Some(next) = rungs.get(at + 1) {
            let next = next.routes();
            tracing::warn!(
                "{name} does not weigh labels by {routes} ({why}); {next} is used instead"
            );
        } else {
            tracing::warn!(
                "{name} does not weigh labels by {routes} ({why}): their probabilities are read from the likeliest \
                 first tokens, and everything else is missing"
            );
        }
    }
}
