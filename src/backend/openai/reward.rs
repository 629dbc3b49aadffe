//! Rewards: the output of a head that was trained to score a conversation, on servers that have routes for it.
//!
//! | server | route | the reward |
//! |---|---|---|
//! | vLLM | `/classify`, without an activation | the only value in `probs` |
//! | vLLM | `/pooling` | the only value, or that of the last token |
//! | SGLang | `/classify`, `/v1/embeddings` | the only value of `embedding` |
//!
//! SGLang does not render conversations for these routes, so it is asked for texts without a chat template only. A head
//! with several outputs has no reward: which of them is meant, only its author knows. A single output of exactly 1 was
//! divided by itself (softmax), and is no reward either.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value, json};

use super::{
    labels::{Miss, Server},
    quirks::WeighLabels,
};
use crate::{
    completion::{Completion, Usage},
    error::{Error, ErrorKind, Result},
};

/// A conversation to score.
pub(super) enum Scored {
    /// Turns, and the other fields that belong to them, as JSON.
    Turns(Map<String, Value>),
    /// A text without a chat template.
    Text(String),
}

/// A route for rewards.
#[derive(Clone, Copy)]
enum Route {
    VllmClassify,
    VllmPooling,
    SglangClassify,
    SglangEmbeddings,
}

/// Which route of a server is known to answer.
#[derive(Debug, Default)]
pub(super) struct RewardRoute(AtomicUsize);

impl RewardRoute {
    /// Whether servers of this kind may have such a route.
    pub(super) fn may_exist(kind: WeighLabels) -> bool {
        !Route::all_of(kind).is_empty()
    }

    /// The reward of a conversation.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: the server has no route for rewards, or its model no reward head. Otherwise the server
    /// failed.
    pub(super) async fn ask(
        &self,
        kind: WeighLabels,
        server: Server<'_>,
        model: &str,
        scored: &Scored,
    ) -> Result<Completion> {
        if matches!((kind, scored), (WeighLabels::AsSglang, Scored::Turns(_))) {
            let message = format!("{}: SGLang scores texts, not conversations", server.name);
            return Err(Error::new(ErrorKind::Unsupported, message).hint(
                "write the layout of the reward model in the prompt, with `chat: raw`, or serve the model with vLLM",
            ));
        }
        let routes = Route::all_of(kind);
        let known = self.0.load(Ordering::Relaxed);
        let mut reasons = Vec::new();
        for (at, route) in routes.iter().enumerate().skip(known) {
            match route.ask(server, model, scored).await {
                Ok(completion) => {
                    self.0.fetch_max(at, Ordering::Relaxed);
                    return Ok(completion);
                }
                Err(Miss::Failed(error)) => return Err(error),
                Err(Miss::Absent(why) | Miss::NotThis(why)) => reasons.push(why),
            }
        }
        let why = if reasons.is_empty() {
            "its API has no route for rewards".to_owned()
        } else {
            reasons.join("; ")
        };
        Err(without_head(server.name, &why))
    }
}

/// The error for a model without a reward head.
fn without_head(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("`{name}` gives no reward: {why}"))
        .hint("serve a reward model with vLLM (`vllm serve MODEL --runner pooling`), and name it `vllm/MODEL`")
        .hint("or with SGLang (`--is-embedding`), and name it `sglang/MODEL`")
}

impl Route {
    /// The routes that a server may have, in the order in which they are tried.
    const fn all_of(kind: WeighLabels) -> &'static [Self] {
        match kind {
            WeighLabels::AsVllm => &[Self::VllmClassify, Self::VllmPooling],
            WeighLabels::AsSglang => &[Self::SglangClassify, Self::SglangEmbeddings],
            WeighLabels::ByFirstToken | WeighLabels::AsLlamaCpp => &[],
        }
    }

    /// Asks the route, and reads the reward.
    async fn ask(
        self,
        server: Server<'_>,
        model: &str,
        scored: &Scored,
    ) -> Result<Completion, Miss> {
        let server = server.counted();
        let body = Value::Object(self.body(model, scored));
        let answer = match self {
            Self::VllmClassify | Self::SglangClassify => server.native("/classify", &body).await?,
            Self::VllmPooling => server.native("/pooling", &body).await?,
            Self::SglangEmbeddings => server.below_v1("/embeddings", &body).await?,
        };
        let reward = only(self.outputs(&answer))?;
        let tokens = match self {
            Self::SglangClassify => &first(&answer)["meta_info"]["prompt_tokens"],
            _ => &answer["usage"]["prompt_tokens"],
        };
        let usage = tokens.as_u64().map_or_else(Usage::default, |read| Usage::new(read, 0));
        let text = format!("Reward: {reward}");
        Ok(Completion { reward: Some(reward), usage, ..Completion::text(text) })
    }

    /// The fields of a request.
    fn body(self, model: &str, scored: &Scored) -> Map<String, Value> {
        let mut body = match scored {
            Scored::Turns(fields) => fields.clone(),
            Scored::Text(text) => {
                let field = if matches!(self, Self::SglangClassify) { "text" } else { "input" };
                Map::from_iter([(field.to_owned(), json!(text))])
            }
        };
        body.insert("model".into(), model.into());
        if matches!(self, Self::VllmClassify | Self::VllmPooling) {
            // The second name is that of versions before 0.12.
            body.insert("use_activation".into(), false.into());
            body.insert("activation".into(), false.into());
        }
        body
    }

    /// The outputs of the head in an answer.
    fn outputs(self, answer: &Value) -> &Value {
        match self {
            Self::VllmClassify => &answer["data"][0]["probs"],
            Self::VllmPooling => match &answer["data"][0]["data"] {
                // One list for each token: the last one has read all of them.
                Value::Array(tokens) if tokens.iter().all(Value::is_array) => {
                    tokens.last().unwrap_or(&Value::Null)
                }
                outputs => outputs,
            },
            Self::SglangClassify => &first(answer)["embedding"],
            Self::SglangEmbeddings => &answer["data"][0]["embedding"],
        }
    }
}

/// The first of several answers, or the only one.
fn first(answer: &Value) -> &Value {
    if answer.is_array() { &answer[0] } else { answer }
}

/// The only output of a head.
fn only(outputs: &Value) -> Result<f64, Miss> {
    let Some(outputs) = outputs.as_array() else { return Err(Miss::unreadable("outputs")) };
    match &outputs[..] {
        [output] => match output.as_f64() {
            Some(one) if one.to_bits() == 1.0_f64.to_bits() => {
                Err(Miss::Absent("it divides the only output by itself".to_owned()))
            }
            Some(reward) => Ok(reward),
            None => Err(Miss::unreadable("number")),
        },
        many => {
            let count = many.len();
            Err(Miss::Absent(format!("its head has {count} outputs, and a reward is one")))
        }
    }
}
