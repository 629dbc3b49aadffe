//! What a model is asked by other routes than chat completions: probabilities of labels, and rewards.
//!
//! Both need to know the software of the server. Which of its routes answers is remembered by the [`OpenAi`].

use std::sync::atomic::AtomicU32;

use serde_json::{Map, Value};

use super::{
    OpenAi,
    body::{Body, written},
    labels::{Question, Server},
    reward::Scored,
};
use crate::{
    completion::Completion,
    error::Result,
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
        let defang = self.defang.unwrap_or(quirks.reads_control_tokens);
        let turns: Vec<Value> = request.messages.iter().map(|turn| written(turn, defang)).collect();
        let scored = match request.chat {
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
        };
        let server = Server { name: &self.name, transport: &self.transport, attempts };
        self.rewards.ask(quirks.labels, server, self.model(), &scored).await
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
        let server = Server { name: &self.name, transport: &self.transport, attempts };
        let weighed = self.labels.weigh(quirks.labels, server, &question).await?;
        Ok(weighed.map(|completion| Completion { dropped, ..completion }))
    }
}
