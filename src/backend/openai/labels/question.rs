//! Labels after a conversation, in the tokens of a server.

use futures_util::future::try_join_all;
use serde_json::{Map, Value, json};

use super::route::Miss;
use crate::{
    backend::{choice::Choice, tree::Tree},
    completion::{Completion, Usage},
    request::{Normalize, Request, Role},
};

/// Labels to weigh after a conversation.
pub(in crate::backend::openai) struct Question<'q> {
    /// The labels, exactly as the model would write them.
    pub(super) labels: &'q [String],
    /// The turns as JSON, and every field that belongs to the conversation: the model, the variables of its chat
    /// template, and the fields that the user added.
    pub(super) fields: Map<String, Value>,
    /// The text of the open turn; `None` if the model begins a turn.
    pub(super) begun: Option<String>,
    /// How the log-probabilities of the tokens of a label become one number.
    normalize: Normalize,
}

impl<'q> Question<'q> {
    /// Labels after the conversation in these fields of a chat completion. `None` if a server could not tell the end of
    /// the conversation: its last turn is the model's own, and closed.
    pub(in crate::backend::openai) fn new(
        request: &Request,
        fields: &Map<String, Value>,
        labels: &'q [String],
    ) -> Option<Self> {
        const OTHER: [&str; 13] = [
            "stream",
            "stream_options",
            "max_tokens",
            "max_completion_tokens",
            "logprobs",
            "top_logprobs",
            "temperature",
            "top_p",
            "top_k",
            "min_p",
            "seed",
            "continue_final_message",
            "add_generation_prompt",
        ];
        let mut fields = fields.clone();
        fields.retain(|name, _| !OTHER.contains(&name.as_str()));
        let last = fields.get("messages")?.as_array()?.last()?;
        let is_own = last["role"] == Role::Assistant.name();
        let begun = is_own.then(|| last["content"].as_str().unwrap_or_default().to_owned());
        (is_own == (is_own && request.open)).then_some(Self {
            labels,
            fields,
            begun,
            normalize: request.normalize,
        })
    }

    /// The fields of the conversation with more text of the model at its end.
    pub(super) fn with(&self, more: &str) -> Map<String, Value> {
        let mut fields = self.fields.clone();
        let Some(Value::Array(turns)) = fields.get_mut("messages") else { return fields };
        match (&self.begun, turns.last_mut()) {
            (Some(begun), Some(last)) => last["content"] = format!("{begun}{more}").into(),
            _ => turns.push(json!({ "role": Role::Assistant.name(), "content": more })),
        }
        fields
    }

    /// Refuses labels that a chat template which trims the model's text would change.
    ///
    /// # Errors
    /// A label ends with a blank.
    pub(super) fn check_ends(&self) -> Result<(), Miss> {
        if self.labels.iter().any(|label| label.trim_end() != label) {
            return Err(Miss::NotThis(
                "a label ends with a blank, which chat templates trim".to_owned(),
            ));
        }
        Ok(())
    }

    /// The tokens of the conversation, and of the conversation with each label. `tokenize` asks the server for the tokens
    /// of a conversation or a text, and `continued` adds to a conversation whether its last turn is open.
    ///
    /// # Errors
    /// A label would be trimmed, or the server failed.
    pub(super) async fn tokens<F>(
        &self,
        continued: fn(&mut Map<String, Value>, bool),
        tokenize: impl Fn(Map<String, Value>) -> F,
    ) -> Result<(Vec<i64>, Vec<Vec<i64>>), Miss>
    where
        F: Future<Output = Result<Vec<i64>, Miss>>,
    {
        let is_open = self.begun.is_some();
        if is_open {
            self.check_ends()?;
        }
        let mut fields = self.fields.clone();
        continued(&mut fields, is_open);
        let plain = tokenize(fields).await?;
        let labels = self.labels.iter().map(|label| {
            let mut fields = Map::new();
            if is_open {
                fields = self.with(label);
                continued(&mut fields, true);
            } else {
                fields.insert("model".into(), json!(self.fields.get("model")));
                fields.insert("prompt".into(), label.as_str().into());
                fields.insert("add_special_tokens".into(), false.into());
            }
            tokenize(fields)
        });
        let mut with = try_join_all(labels).await?;
        if !is_open {
            with.iter_mut().for_each(|label| drop(label.splice(0..0, plain.iter().copied())));
        }
        Ok((plain, with))
    }

    /// The tree of the labels, given the tokens of the conversation and those of the conversation with each label. At
    /// most the last tokens may differ: anything else is another conversation.
    pub(super) fn tree(&self, plain: &[i64], with: Vec<Vec<i64>>) -> Result<Weighing, Miss> {
        const JOINED: usize = 4;
        let choice = Choice::new(self.labels.to_vec(), Vec::new(), plain, with);
        if choice.prompt.is_empty() || choice.prompt.len() + JOINED < plain.len() {
            return Err(Miss::NotThis(
                "the conversation has other tokens once a label follows".to_owned(),
            ));
        }
        let tree = Tree::new(&choice.endings);
        Ok(Weighing { choice: Choice { normalize: self.normalize, ..choice }, tree })
    }
}

/// Labels in the tokens of a server, and what is known of their probabilities.
pub(super) struct Weighing {
    choice: Choice<i64>,
    tree: Tree<i64>,
}

/// A place at which tokens are to be weighed.
pub(super) struct Place {
    /// Its number in the tree.
    pub(super) node: usize,
    /// All tokens before it.
    pub(super) prefix: Vec<i64>,
    /// The tokens to weigh.
    pub(super) tokens: Vec<i64>,
}

impl Weighing {
    /// The places where tokens are to be weighed, each after those that it continues. Labels of one token have one place,
    /// and each shared beginning of longer labels has one more.
    pub(super) fn places(&self) -> Vec<Place> {
        let place = |node| Place {
            node,
            prefix: [&self.choice.prompt[..], &self.tree.path(node)].concat(),
            tokens: self.tree.following(node),
        };
        self.tree.inner().into_iter().map(place).collect()
    }

    /// All tokens that are to be weighed, at any place.
    pub(super) fn tokens(places: &[Place]) -> Vec<i64> {
        let mut all: Vec<i64> = places.iter().flat_map(|place| place.tokens.clone()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The number of tokens that all places share.
    pub(super) fn shared(&self) -> usize {
        self.choice.prompt.len()
    }

    /// Sets the log-probabilities of the tokens at a place.
    pub(super) fn weigh(&mut self, node: usize, log_probability: impl Fn(i64) -> f64) {
        self.tree.weigh(node, log_probability);
    }

    /// The same with a list of tokens and their log-probabilities; a token that is not in it has none.
    pub(super) fn weigh_known(&mut self, node: usize, known: &[(i64, f64)]) {
        let log =
            |token| known.iter().find(|it| it.0 == token).map_or(f64::NEG_INFINITY, |it| it.1);
        self.weigh(node, log);
    }

    /// The distribution as an answer, with the likeliest label as its text. Probabilities of one place add up to 1 at most; those that add up to more are not
    /// probabilities before sampling.
    pub(super) fn answer(self, usage: Usage) -> Result<Completion, Miss> {
        const ROUNDED: f64 = 1e-2;
        let distribution = self.choice.distribution(&self.tree);
        if self.tree.probabilities().iter().sum::<f64>() > 1.0 + ROUNDED {
            return Err(Miss::Absent("it reports probabilities after sampling".to_owned()));
        }
        let label = distribution.likeliest().unwrap_or_default().to_owned();
        Ok(Completion { usage, ..Completion::text(label) }.distribution(distribution))
    }
}

/// A conversation with a given text at its end, in tokens.
pub(super) struct GivenTokens {
    /// All tokens.
    pub(super) tokens: Vec<i64>,
    /// The number of tokens before the text. A token that spans the end of the conversation and the start of the text
    /// belongs to the text.
    pub(super) before: usize,
}

/// A token of a given text, as a server reports it.
pub(super) struct Weighed {
    pub(super) id: i64,
    /// Its natural-log probability.
    pub(super) log: f64,
    /// Its text; that of a part of a character is empty or a replacement character.
    pub(super) text: String,
}

/// The tokens in a field of an answer.
pub(in crate::backend::openai) fn tokens_in(answer: &Value, field: &str) -> Result<Vec<i64>, Miss> {
    let tokens = answer[field].as_array().map(|all| all.iter().map(Value::as_i64).collect());
    tokens.flatten().ok_or_else(|| Miss::unreadable(format_args!("`{field}`")))
}

/// The usage of several answers of a server, if all of them report it.
pub(super) fn usage_of<'a>(answers: impl Iterator<Item = &'a Value>) -> Usage {
    let mut total = Usage::new(0, 0);
    for answer in answers {
        let usage = &answer["usage"];
        let count = |name: &str| usage[name].as_u64();
        let add = |sum: Option<u64>, more: Option<u64>| Some(sum? + more?);
        total.prompt = add(total.prompt, count("prompt_tokens"));
        total.completion = add(total.completion, count("completion_tokens").or(Some(0)));
        let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64();
        total.cached = cached.map_or(total.cached, |more| Some(total.cached.unwrap_or(0) + more));
    }
    total
}
