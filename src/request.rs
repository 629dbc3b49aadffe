//! What is asked of a backend, and the name under which its answer is remembered.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::verdict::{Distribution, FORCED, Usage};

/// A conversation and what is wanted next: all that changes the answer, and nothing that does not.
///
/// Timeouts, retries, parsers and thresholds are deliberately absent: changing them never makes a
/// remembered answer worthless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The turns so far.
    pub messages: Vec<Message>,
    /// Whether the last message is an assistant turn to be continued.
    pub open: bool,
    /// Whether the model's chat template is used.
    pub chat: Chat,
    /// What is wanted.
    pub ask: Ask,
    /// How tokens are picked.
    pub sampling: Sampling,
    /// What the answer must look like.
    pub constraint: Option<Constraint>,
    /// Index of a repeated sample: the same question again is another question.
    pub draw: u32,
    /// How often an unreadable answer was asked again.
    pub reask: u32,
}

/// How messages become the model's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chat {
    /// The model's own chat template.
    #[default]
    Model,
    /// One text without a template: base models and judges trained on plain text.
    Raw,
}

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, piece by piece.
    pub spans: Vec<Span>,
}

/// Who speaks in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Standing instructions.
    System,
    /// The one who asks.
    User,
    /// The model.
    Assistant,
}

/// A piece of text and who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The text.
    pub text: String,
    /// Who wrote it.
    pub origin: Origin,
}

/// Who wrote a piece of text. Only [`Origin::Prompt`] is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The author of the prompt.
    Prompt,
    /// The record: it can never change a role, a template or a control token.
    Data,
    /// A model, earlier in this conversation.
    Model,
}

/// What is wanted of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Write on until the turn ends.
    Generate {
        /// How many alternatives of every token to report, where the label is to be read off them.
        top_logprobs: Option<u8>,
    },
    /// Say which of these continues the text, with the probability of each.
    Choose {
        /// The continuations, exactly as they would be written.
        labels: Vec<String>,
    },
}

/// How tokens are picked; `None` leaves a setting to the model or its server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sampling {
    /// 0 is greedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus: the smallest set of tokens with this much probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// The k likeliest tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Tokens at least this likely, relative to the likeliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f64>,
    /// At most so many new tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Texts that end the answer; they are not part of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Where chance starts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// What an answer must look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// A JSON value of this JSON schema.
    Schema(serde_json::Value),
}

/// What a backend wrote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Completion {
    /// The text, or the label that was chosen.
    pub text: String,
    /// What was thought, where the backend tells it apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// How it ended.
    pub finish: Finish,
    /// Tokens read and written.
    pub usage: Usage,
    /// Probabilities of the labels of a [`Ask::Choose`]; `None` where the server tells none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// Tokens with their alternatives, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<Token>,
    /// Parameters that the model refused and that were therefore not sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// Requests that this answer took, refused and repeated ones included.
    pub attempts: u32,
    /// Whether an engine in this process wrote it, and ended the turn by its tokens: what looks like a
    /// control token in the text is text.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_process: bool,
    /// Whether it was remembered, and cost nothing now.
    #[serde(skip)]
    pub cached: bool,
}

/// One written token and what could have stood there instead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// The token's text.
    pub text: String,
    /// Alternatives with natural-log probabilities, the written token among them.
    pub top: Vec<(String, f64)>,
}

/// How an answer ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Finish {
    /// The model ended its turn, or wrote a stop text.
    #[default]
    Stop,
    /// The limit of tokens was reached.
    Length,
    /// A filter or a refusal of the service ended it.
    Filtered,
    /// We wrote the words that announce the verdict, and the model the verdict alone.
    Forced,
    /// The model called tools: instead of a text, or after one.
    ToolCalls,
    /// A word of the server that is no known end: the answer counts as cut off.
    Other(String),
}

/// Names a [`Request`] to one model, across runs and machines.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

/// What a model can be asked, before the first paid call.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Whether the probabilities of labels can be had.
    pub logprobs: Logprobs,
    /// Whether an assistant turn that the request opened is continued.
    pub prefill: bool,
    /// Whether answers can be held to a JSON schema.
    pub schema: bool,
    /// Whether a seed makes sampling repeatable.
    pub seed: bool,
    /// Whether the same request gives the same text, but for the draw of tokens at a temperature.
    #[serde(default)]
    pub deterministic: bool,
}

/// How much a model tells of its probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Logprobs {
    /// Nothing.
    None,
    /// The likeliest tokens of each place.
    Top,
    /// Any label, by teacher forcing.
    Exact,
}

impl Capabilities {
    /// A model that only writes text.
    pub const TEXT: Self = Self {
        logprobs: Logprobs::None,
        prefill: false,
        schema: false,
        seed: false,
        deterministic: false,
    };

    /// A model in this process that does whatever may be asked: for rehearsals and scripts.
    pub const ALL: Self = Self {
        logprobs: Logprobs::Exact,
        prefill: true,
        schema: true,
        seed: true,
        deterministic: true,
    };
}

impl Completion {
    /// An ordinary answer of one attempt.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), attempts: 1, ..Self::default() }
    }
}

impl Finish {
    /// The word in files.
    pub fn name(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Filtered => "filtered",
            Self::Forced => FORCED,
            Self::ToolCalls => "tool_calls",
            Self::Other(word) => word,
        }
    }

    /// What a server's word means, in any case, with `_`, `-` or a blank between its parts.
    pub fn of_word(word: &str) -> Self {
        const CLEAN: [&str; 9] = [
            "",
            "stop",
            "eos",
            "eos_token",
            "end_turn",
            "stop_sequence",
            "complete",
            "completed",
            "done",
        ];
        const CUT: [&str; 15] = [
            "length",
            "max_length",
            "model_length",
            "max_tokens",
            "max_token",
            "max_new_tokens",
            "max_output_tokens",
            "max_completion_tokens",
            "max_tokens_reached",
            "token_limit",
            "context_length",
            "context_length_exceeded",
            "model_context_window_exceeded",
            "error_limit",
            "truncated",
        ];
        const FILTERED: [&str; 21] = [
            "filter",
            "filtered",
            "content_filter",
            "content_filtered",
            "content_policy",
            "content_policy_violation",
            "policy_violation",
            "safety",
            "image_safety",
            "refusal",
            "refused",
            "recitation",
            "blocklist",
            "blocked",
            "prohibited_content",
            "spii",
            "sensitive",
            "moderation",
            "flagged",
            "guardrail_intervened",
            "error_toxic",
        ];
        const TOOLS: [&str; 4] = ["tool_calls", "tool_call", "function_call", "tool_use"];
        let plain = word.trim().to_lowercase().replace(['-', ' '], "_");
        let plain = plain.strip_prefix("finish_reason_").unwrap_or(&plain);
        let is = |words: &[&str]| words.contains(&plain);
        match () {
            () if is(&CLEAN) => Self::Stop,
            () if is(&CUT) => Self::Length,
            () if is(&FILTERED) => Self::Filtered,
            () if is(&TOOLS) => Self::ToolCalls,
            // Our own word: no server ends an answer like this.
            () if plain == FORCED => Self::Other(format!("server: {FORCED}")),
            () => Self::Other(shortened(word.trim())),
        }
    }

    /// Whether the server gave up, so that the same request may be answered better.
    #[cfg(any(feature = "store", test))]
    pub(crate) fn is_accident(&self) -> bool {
        const PARTS: [&str; 7] =
            ["error", "fail", "abort", "cancel", "timeout", "interrupt", "resource"];
        let Self::Other(word) = self else { return false };
        let word = word.to_lowercase();
        PARTS.iter().any(|part| word.contains(part))
    }
}

/// A word and no essay.
fn shortened(word: &str) -> String {
    const LENGTH: usize = 40;
    word.chars().take(LENGTH).collect()
}

/// The word in files, or that of a server.
impl From<String> for Finish {
    fn from(word: String) -> Self {
        if word == FORCED { Self::Forced } else { Self::of_word(&word) }
    }
}

impl From<Finish> for String {
    fn from(finish: Finish) -> Self {
        finish.name().to_owned()
    }
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::System, Self::User, Self::Assistant];

    /// The word in prompts and requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl Message {
    /// A turn in one piece.
    pub fn new(role: Role, text: impl Into<String>, origin: Origin) -> Self {
        Self { role, spans: vec![Span { text: text.into(), origin }] }
    }

    /// The turn as one text.
    pub fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}

impl Request {
    /// Asks for an answer to these turns.
    pub fn generate(messages: Vec<Message>) -> Self {
        Self {
            messages,
            open: false,
            chat: Chat::Model,
            ask: Ask::Generate { top_logprobs: None },
            sampling: Sampling::default(),
            constraint: None,
            draw: 0,
            reask: 0,
        }
    }

    /// The name of this request when sent to the model that `identity` names.
    ///
    /// Messages count as text: where a span is cut changes the key only where it may change tokens,
    /// that is, never for equal text of equal trust.
    pub fn key(&self, identity: &str) -> CacheKey {
        // A new field breaks this line, so that nobody forgets to decide about it.
        let Self { messages, open, chat, ask, sampling, constraint, draw, reask } = self;
        let mut hasher = Hasher::new("tribunal-request-v1");
        hasher.part(identity.as_bytes());
        hasher.part(&(messages.len() as u64).to_le_bytes());
        for message in messages {
            hasher.part(message.role.name().as_bytes());
            hasher.part(&(merged(&message.spans).len() as u64).to_le_bytes());
            for (origin, text) in merged(&message.spans) {
                hasher.part(&[origin as u8]);
                hasher.part(text.as_bytes());
            }
        }
        hasher.json(&(open, chat, ask, sampling, constraint, draw, reask));
        CacheKey(hasher.finish())
    }
}

/// Neighbours of one origin joined.
fn merged(spans: &[Span]) -> Vec<(Origin, String)> {
    let mut joined: Vec<(Origin, String)> = Vec::new();
    for span in spans.iter().filter(|span| !span.text.is_empty()) {
        match joined.last_mut() {
            Some((origin, text)) if *origin == span.origin => text.push_str(&span.text),
            _ => joined.push((span.origin, span.text.clone())),
        }
    }
    joined
}

/// Hashes parts so that no two lists of parts collide: each is preceded by its length.
pub(crate) struct Hasher(blake3::Hasher);

impl Hasher {
    pub(crate) fn new(purpose: &str) -> Self {
        let mut hasher = Self(blake3::Hasher::new());
        hasher.part(purpose.as_bytes());
        hasher
    }

    pub(crate) fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Hashes a value in its JSON form; maps keep the order of their owner.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        // Only maps whose keys are no strings cannot be written, and we hash none.
        self.part(&serde_json::to_vec(value).unwrap_or_default());
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The first 128 bits in hex: enough to name every record of the world.
impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..16].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({self})")
    }
}

impl CacheKey {
    /// The key that these 64 hex digits are.
    pub fn parse(hex: &str) -> Option<Self> {
        let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect::<Option<_>>()?;
        bytes.try_into().ok().map(Self)
    }

    /// All 256 bits.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Request {
        Request::generate(vec![Message::new(Role::User, "2 + 2?", Origin::Prompt)])
    }

    #[test]
    fn everything_that_changes_the_answer_changes_the_key() {
        let asked = question();
        let key = asked.key("model");
        assert_eq!(key, question().key("model"));
        let mut others = vec![asked.key("other model")];
        let mut change = |edit: &dyn Fn(&mut Request)| {
            let mut request = question();
            edit(&mut request);
            others.push(request.key("model"));
        };
        change(&|r| r.messages[0].role = Role::System);
        change(&|r| r.messages[0].spans[0].origin = Origin::Data);
        change(&|r| r.messages[0].spans[0].text.push('!'));
        change(&|r| r.messages.push(Message::new(Role::Assistant, "", Origin::Prompt)));
        change(&|r| r.open = true);
        change(&|r| r.chat = Chat::Raw);
        change(&|r| r.ask = Ask::Choose { labels: vec!["a".into()] });
        change(&|r| r.sampling.temperature = Some(0.0));
        change(&|r| r.sampling.stop.push("\n".into()));
        change(&|r| r.constraint = Some(Constraint::Schema(serde_json::json!({}))));
        change(&|r| r.draw = 1);
        change(&|r| r.reask = 1);
        assert!(!others.contains(&key));
        others.sort_by_key(|key| *key.as_bytes());
        others.dedup();
        assert_eq!(others.len(), 13);
    }

    #[test]
    fn an_end_is_clean_only_where_its_word_is_known() {
        for word in ["stop", "STOP", "eos", "EOS_TOKEN", "end-turn", "stop_sequence", "", " Done "]
        {
            assert_eq!(Finish::of_word(word), Finish::Stop, "{word}");
        }
        for word in ["length", "MAX_TOKENS", "model_length", "max-output-tokens"] {
            assert_eq!(Finish::of_word(word), Finish::Length, "{word}");
        }
        for word in ["content_filter", "SAFETY", "refusal", "RECITATION", "PROHIBITED_CONTENT"] {
            assert_eq!(Finish::of_word(word), Finish::Filtered, "{word}");
        }
        for word in ["error", "OTHER", "stopped", "forced", "load", "2"] {
            let finish = Finish::of_word(word);
            assert!(matches!(&finish, Finish::Other(_)), "{word}");
            // It comes back from a file as it went there.
            assert_eq!(Finish::from(finish.name().to_owned()), finish, "{word}");
        }
        assert_eq!(Finish::from("forced".to_owned()), Finish::Forced);
        assert!(Finish::of_word("network_error").is_accident());
    }

    #[test]
    fn cutting_one_text_of_one_origin_in_two_is_the_same_request() {
        let mut cut = question();
        let span = |text: &str| Span { text: text.into(), origin: Origin::Prompt };
        cut.messages[0].spans = vec![span("2 + "), span(""), span("2?")];
        assert_eq!(cut.key("model"), question().key("model"));
    }
}
