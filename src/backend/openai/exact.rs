//! What a model is asked by other routes than chat completions: probabilities of labels and of given texts, and
//! rewards.
//!
//! All need to know the software of the server. Which of its routes answers is remembered by the [`OpenAi`].

use std::sync::atomic::AtomicU32;

use serde_json::{Map, Value};

use super::{
    OpenAi,
    body::{Body, written},
    labels::{Miss, PromptLogprobs, Question, Server, weigh_text},
    quirks::{Quirks, WeighLabels},
    reward::Scored,
    step_rewards::{self, Steps},
};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::{Ask, Chat, Request},
};

impl OpenAi {
    /// The reward of a conversation.
    pub(super) async fn reward(
        &self,
        request: &Request,
        attempts: &AtomicU32,
    ) -> Result<Completion> {
        let quirks = self.quirks().await;
        self.context.check(request, &self.name)?;
        let scored = self.scored(request, quirks);
        self.rewards.ask(quirks.labels, self.server(attempts), self.model(), &scored).await
    }

    /// The rewards at these places of the last turn.
    pub(super) async fn step_rewards(
        &self,
        request: &Request,
        places: &[usize],
        attempts: &AtomicU32,
    ) -> Result<Completion> {
        let quirks = self.quirks().await;
        self.context.check(request, &self.name)?;
        if quirks.labels != WeighLabels::AsVllm {
            let why = "its API has no route for them";
            return Err(step_rewards::without_head(&self.name, why));
        }
        let last = request.messages.len().saturating_sub(1);
        let beginning = |place: &usize| self.scored(&request.up_to(last, *place), quirks);
        let steps = Steps {
            whole: self.scored(request, quirks),
            beginnings: places.iter().map(beginning).collect(),
        };
        step_rewards::ask(self.server(attempts), self.model(), &steps).await
    }

    /// The log-probabilities of the tokens of a given text.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: the server reports none. Otherwise it failed.
    pub(super) async fn text_logprobs(
        &self,
        request: &Request,
        of: &str,
        attempts: &AtomicU32,
    ) -> Result<Completion> {
        let quirks = self.quirks().await;
        let Some(kind) = prompt_logprobs(quirks.labels) else {
            return Err(request.ask.unsupported_by(&self.name));
        };
        self.context.check(request, &self.name)?;
        self.note_template(request, quirks);
        let labels = vec![of.to_owned()];
        let asked = request.clone().ask(Ask::Choose { labels: labels.clone() });
        let Body { fields, dropped } = self.body(&asked, quirks, &self.refused())?;
        let absent = |why: &str| {
            let message =
                format!("`{}` reports no probabilities of a given text: {why}", self.name);
            Error::new(ErrorKind::Unsupported, message)
                .hint("use a model in this process, or one behind vLLM or SGLang at its own address, without a gateway")
        };
        let Some(question) = Question::new(&asked, &fields, &labels) else {
            return Err(absent("the conversation ends with a closed turn of the model"));
        };
        match weigh_text(kind, self.server(attempts), &question).await {
            Ok(weighed) => Ok(Completion { dropped, ..weighed }),
            Err(Miss::Failed(error)) => Err(error),
            Err(Miss::Absent(why) | Miss::NotThis(why)) => Err(absent(&why)),
        }
    }

    /// The server of a request.
    fn server<'s>(&'s self, attempts: &'s AtomicU32) -> Server<'s> {
        Server { name: &self.name, transport: &self.transport, attempts }
    }

    /// A conversation to score.
    fn scored(&self, request: &Request, quirks: &Quirks) -> Scored {
        let defang = self.defang.unwrap_or(quirks.reads_control_tokens);
        let turns: Vec<Value> = request.messages.iter().map(|turn| written(turn, defang)).collect();
        match request.chat {
            Chat::Raw => {
                let texts = turns.iter().filter_map(|turn| turn["content"].as_str());
                Scored::Text(texts.collect())
            }
            Chat::Model => {
                let mut fields = Map::from_iter([("messages".to_owned(), Value::Array(turns))]);
                if !request.template.is_empty() {
                    let variables = request.template.clone().into_iter().collect();
                    fields.insert("chat_template_kwargs".into(), Value::Object(variables));
                }
                fields.extend(self.extra.clone());
                Scored::Turns(fields)
            }
        }
    }

    /// Weighs labels exactly, if the server has a way to do so.
    pub(super) async fn weigh(
        &self,
        request: &Request,
        attempts: &AtomicU32,
    ) -> Result<Option<Completion>> {
        let Ask::Choose { labels } = &request.ask else { return Ok(None) };
        let quirks = self.quirks().await;
        if !self.labels.is_exact(quirks.labels) {
            return Ok(None);
        }
        self.note_template(request, quirks);
        let Body { fields, dropped } = self.body(request, quirks, &self.refused())?;
        let Some(question) = Question::new(request, &fields, labels) else { return Ok(None) };
        let weighed = self.labels.weigh(quirks.labels, self.server(attempts), &question).await?;
        Ok(weighed.map(|completion| Completion { dropped, ..completion }))
    }
}

/// How software reports the log-probabilities of prompts; `None` if it does not.
pub(super) const fn prompt_logprobs(software: WeighLabels) -> Option<PromptLogprobs> {
    match software {
        WeighLabels::AsVllm => Some(PromptLogprobs::Vllm),
        WeighLabels::AsSglang => Some(PromptLogprobs::Sglang),
        WeighLabels::ByFirstToken | WeighLabels::AsLlamaCpp => None,
    }
}
