//! The turns of a conversation, and who wrote each piece of them.

use serde::{Deserialize, Serialize};

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The author of the turn in the conversation.
    pub role: Role,
    /// The content, piece by piece.
    pub parts: Vec<Part>,
}

/// The role of a turn. In JSON it is its [name](Role::name).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
#[non_exhaustive]
pub enum Role {
    /// Standing instructions.
    System,
    /// The user of the model.
    User,
    /// The model.
    Assistant,
    /// A role that only the chat templates of some models know, such as `response_1` of Qwen3-Nemotron-GenRM.
    Other(String),
}

/// A piece of a turn and its author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Part {
    /// The author.
    pub origin: Origin,
    /// The content.
    #[serde(flatten)]
    pub content: Content,
    /// For a text that the model wrote: its own tokens, so that the text can be continued exactly where it
    /// was cut. Another tokenization of the same text would be a different question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_ids: Vec<i32>,
}

/// The content of a piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Text.
    Text(String),
    /// The end of an open thinking block, as the model's own token if it has one. Only the prompt's author
    /// can write it.
    EndOfThinking,
}

/// The author of a piece of a turn. Only [`Origin::Prompt`] is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The author of the prompt.
    Prompt,
    /// The record, which can never change a role, a template or a control token.
    Data,
    /// A model, earlier in the conversation.
    Model,
}

impl Role {
    /// The roles that every chat template knows, or that are merged into those it knows.
    pub const COMMON: [Self; 3] = [Self::System, Self::User, Self::Assistant];

    /// The word in prompts and requests.
    pub fn name(&self) -> &str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for Role {
    fn from(name: String) -> Self {
        let common = Self::COMMON.into_iter().find(|role| role.name() == name);
        common.unwrap_or(Self::Other(name))
    }
}

impl From<Role> for String {
    fn from(role: Role) -> Self {
        match role {
            Role::Other(name) => name,
            common => common.name().to_owned(),
        }
    }
}

impl Origin {
    /// The word in requests and keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Data => "data",
            Self::Model => "model",
        }
    }
}

impl Message {
    /// A turn in one piece.
    pub fn new(role: Role, text: impl Into<String>, origin: Origin) -> Self {
        Self { role, parts: vec![Part::text(text, origin)] }
    }

    /// The turn as one text.
    pub fn text(&self) -> String {
        self.parts.iter().map(Part::as_text).collect()
    }

    /// The beginning of the turn, of this many characters.
    #[cfg(any(feature = "llama", feature = "openai"))]
    pub(super) fn up_to(&self, characters: usize) -> Self {
        let mut left = characters;
        let mut parts = self.parts.clone();
        for text in parts.iter_mut().filter_map(Part::text_mut) {
            let end = text.char_indices().nth(left).map_or(text.len(), |(at, _)| at);
            text.truncate(end);
            left -= text.chars().count();
        }
        parts.retain(|part| !part.is_empty());
        Self { role: self.role.clone(), parts }
    }
}

impl Part {
    /// A piece of text.
    pub fn text(text: impl Into<String>, origin: Origin) -> Self {
        Self { origin, content: Content::Text(text.into()), token_ids: Vec::new() }
    }

    /// The end of an open thinking block.
    pub fn end_of_thinking() -> Self {
        Self { origin: Origin::Prompt, content: Content::EndOfThinking, token_ids: Vec::new() }
    }

    /// The text; empty if the piece is not text.
    pub fn as_text(&self) -> &str {
        match &self.content {
            Content::Text(text) => text,
            Content::EndOfThinking => "",
        }
    }

    /// The text for modification; `None` if the piece is not text.
    pub fn text_mut(&mut self) -> Option<&mut String> {
        match &mut self.content {
            Content::Text(text) => Some(text),
            Content::EndOfThinking => None,
        }
    }

    /// Whether the piece has no content.
    pub fn is_empty(&self) -> bool {
        matches!(&self.content, Content::Text(text) if text.is_empty())
    }
}
