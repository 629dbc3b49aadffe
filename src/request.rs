//! What is asked of a backend, and the key under which its answer is cached.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

#[cfg(any(feature = "llama", feature = "openai"))]
use crate::error::{Error, ErrorKind};

/// A conversation and the question about it: everything that changes the answer, and nothing else.
///
/// Timeouts, retries, parsers and thresholds are deliberately absent, so changing them never invalidates a
/// cached answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// The turns so far.
    pub messages: Vec<Message>,
    /// Whether the last message is an assistant turn to be continued.
    pub open: bool,
    /// Whether the model's chat template is used.
    pub chat: Chat,
    /// What the model is asked to do.
    pub ask: Ask,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// The required format of the answer.
    pub constraint: Option<Constraint>,
    /// The index of a repeated sample; each index is a different question.
    pub draw: u32,
    /// How many times an unreadable answer was requested again.
    pub reask: u32,
    /// Variables of the model's chat template, such as `enable_thinking`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub template: BTreeMap<String, serde_json::Value>,
    /// How many alternatives of every token to report with a text, if the server can. They do not change the
    /// text and are not part of the key, so a cached text may have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternatives: Option<u8>,
    /// Whether the answer must be the same for every request; `None` leaves it to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deterministic: Option<bool>,
}

/// How messages are converted to the model's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chat {
    /// The model's own chat template.
    #[default]
    Model,
    /// Plain text without a template, for base models and judges that were trained on plain text.
    Raw,
}

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The author of the turn in the conversation.
    pub role: Role,
    /// The content, piece by piece.
    pub parts: Vec<Part>,
}

/// The role of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Standing instructions.
    System,
    /// The user of the model.
    User,
    /// The model.
    Assistant,
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

/// What the model is asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ask {
    /// Write a text until the turn ends.
    Generate {
        /// How many alternatives of every token to report, if the label is read from them.
        top_logprobs: Option<u8>,
    },
    /// Report which of these labels continues the text, with the probability of each.
    Choose {
        /// The continuations, exactly as the model would write them.
        labels: Vec<String>,
    },
    /// Report the probability of each label at each of these places of the conversation: process rewards.
    ChooseAt {
        /// The labels, exactly as the model would write them.
        labels: Vec<String>,
        /// Places in the last turn, in characters from its start, ascending.
        places: Vec<usize>,
    },
    /// Report the probability of a given text, token by token: implicit rewards.
    Logprobs {
        /// The text after the conversation.
        of: String,
    },
    /// Report the output of a reward head for the conversation.
    Reward,
    /// Report whether an answer matches a reference: checks without a model.
    Compare {
        /// The answer.
        answer: String,
        /// The reference to compare it with.
        reference: String,
    },
}

/// How tokens are chosen; `None` leaves a setting to the model or its server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Sampling {
    /// The temperature; 0 always chooses the most likely token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus sampling: the smallest set of tokens with this total probability, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Sample from this many of the most likely tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Sample from tokens with at least this probability relative to the most likely one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f64>,
    /// The most new tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Texts that end the answer, and are not part of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// The random seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The divisor for the odds of a token that was already written; 1 changes nothing (Keskar et al. 2019,
    /// CTRL).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_penalty: Option<f64>,
    /// The amount subtracted from the log-odds of a token that was already written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// The amount subtracted from the log-odds of a token for each time it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// The most tokens of thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_tokens: Option<u32>,
}

/// The required format of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Constraint {
    /// JSON that fits this JSON schema.
    Schema(serde_json::Value),
}

/// The key of a [`Request`] to one model, across runs and machines.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

/// Whether a model can do something: yes, no, or unknown.
///
/// It is unknown if a server has not been asked yet, or did not respond. The effect of an unknown ability is
/// documented with each ability in [`Capabilities`].
///
/// ```
/// use tribunal::request::Ability;
///
/// assert_eq!(Ability::from(true), Ability::Yes);
/// assert!(!Ability::Unknown.is_yes() && !Ability::Unknown.is_no());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Option<bool>", into = "Option<bool>")]
pub enum Ability {
    /// It can.
    Yes,
    /// It cannot.
    No,
    /// Not known yet.
    #[default]
    Unknown,
}

impl Ability {
    /// [`Yes`](Self::Yes) or [`No`](Self::No).
    pub const fn known(can: bool) -> Self {
        if can { Self::Yes } else { Self::No }
    }

    /// Whether the ability is known to exist.
    pub const fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }

    /// Whether the ability is known to be missing.
    pub const fn is_no(self) -> bool {
        matches!(self, Self::No)
    }
}

impl From<bool> for Ability {
    fn from(can: bool) -> Self {
        Self::known(can)
    }
}

/// The form in recordings: true, false or null.
impl From<Option<bool>> for Ability {
    fn from(can: Option<bool>) -> Self {
        can.map_or(Self::Unknown, Self::known)
    }
}

impl From<Ability> for Option<bool> {
    fn from(ability: Ability) -> Self {
        match ability {
            Ability::Yes => Some(true),
            Ability::No => Some(false),
            Ability::Unknown => None,
        }
    }
}

/// What a model can be asked to do.
///
/// The abilities are independent: none is inferred from another. Each field documents what happens if its
/// ability is [unknown](Ability::Unknown).
///
/// ```
/// use tribunal::{backend::Script, request::{Ability, Capabilities}};
///
/// let mut able = Capabilities::TEXT.deterministic(true);
/// able.prefill = Ability::Unknown;
/// let model = Script::always("Score: 4").capable(able);
/// # drop(model);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// Which probabilities of tokens and labels the model reports.
    pub logprobs: Logprobs,
    /// Whether the model continues an assistant turn that the request opened. Unknown counts as no: a server
    /// that begins a new turn instead would silently answer a different question.
    pub prefill: Ability,
    /// Whether answers can be constrained to a JSON schema. If unknown it is tried, because a server that
    /// cannot do it refuses the request.
    pub schema: Ability,
    /// Whether a seed makes sampling reproducible. If unknown it is tried.
    pub seed: Ability,
    /// Whether the same request gives the same text, apart from sampling at a temperature. Unknown counts as
    /// no: an unreadable answer is requested again.
    #[serde(default = "no")]
    pub deterministic: Ability,
    /// Whether the possible values of a verdict can be scored at the place where it is announced, for the
    /// cost of a few tokens. Unknown counts as no.
    #[serde(default = "no")]
    pub score_verdict: Ability,
    /// Whether labels can be weighed at many places of one text: [`Ask::ChooseAt`]. If unknown it is tried.
    #[serde(default = "no")]
    pub choose_at: Ability,
    /// Whether the log-probability of a given text is available: [`Ask::Logprobs`]. If unknown it is tried.
    #[serde(default = "no")]
    pub text_logprobs: Ability,
    /// Whether the model has a reward head: [`Ask::Reward`]. If unknown it is tried.
    #[serde(default = "no")]
    pub reward: Ability,
    /// Whether the backend compares answers with references by rules: [`Ask::Compare`]. Unknown counts as no.
    #[serde(default = "no")]
    pub compare: Ability,
    /// Whether the chat template opens a thinking block. The answer then begins with thinking, without a tag,
    /// until the model closes the block. Unknown counts as no.
    #[serde(default = "no")]
    pub opens_thinking: Ability,
}

/// The default in recordings of earlier versions, which lack the abilities that their models did not have.
const fn no() -> Ability {
    Ability::No
}

/// Which probabilities a model reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Logprobs {
    /// No probabilities.
    None,
    /// Those of the most likely tokens at each place.
    Top,
    /// That of any label, by teacher forcing.
    Exact,
    /// Not known yet: they are requested as for [`Top`](Self::Top), and used if they are reported.
    Unknown,
}

impl Logprobs {
    /// Whether a request may ask for the most likely tokens at each place.
    pub const fn may_be_top(self) -> bool {
        matches!(self, Self::Top | Self::Unknown)
    }
}

impl Capabilities {
    /// A model that can only write text.
    pub const TEXT: Self = Self {
        logprobs: Logprobs::None,
        prefill: Ability::No,
        schema: Ability::No,
        seed: Ability::No,
        deterministic: Ability::No,
        score_verdict: Ability::No,
        choose_at: Ability::No,
        text_logprobs: Ability::No,
        reward: Ability::No,
        compare: Ability::No,
        opens_thinking: Ability::No,
    };

    /// A model in this process with all abilities, for dry runs and scripts.
    pub const ALL: Self = Self {
        logprobs: Logprobs::Exact,
        prefill: Ability::Yes,
        schema: Ability::Yes,
        seed: Ability::Yes,
        deterministic: Ability::Yes,
        compare: Ability::Yes,
        ..Self::TEXT
    };
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

impl Ask {
    /// The word in requests, keys and errors.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Generate { .. } => "generate",
            Self::Choose { .. } => "choose",
            Self::ChooseAt { .. } => "choose_at",
            Self::Logprobs { .. } => "logprobs",
            Self::Reward => "reward",
            Self::Compare { .. } => "compare",
        }
    }

    /// The error for a model that cannot be asked this.
    #[cfg(any(feature = "llama", feature = "openai"))]
    pub(crate) fn unsupported_by(&self, model: &str) -> Error {
        let name = self.name();
        Error::new(ErrorKind::Unsupported, format!("`{model}` cannot be asked `{name}`"))
            .hint("use a model that can, or a prompt that reads its verdict out of a text")
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
}

impl Capabilities {
    /// The same capabilities, with or without answers constrained to a JSON schema.
    #[must_use]
    pub const fn schema(self, schema: bool) -> Self {
        Self { schema: Ability::known(schema), ..self }
    }

    /// The same capabilities, with these reported probabilities.
    #[must_use]
    pub const fn logprobs(self, logprobs: Logprobs) -> Self {
        Self { logprobs, ..self }
    }

    /// The same capabilities, with or without continuing an assistant turn.
    #[must_use]
    pub const fn prefill(self, prefill: bool) -> Self {
        Self { prefill: Ability::known(prefill), ..self }
    }

    /// The same capabilities, with or without equal texts for equal requests.
    #[must_use]
    pub const fn deterministic(self, deterministic: bool) -> Self {
        Self { deterministic: Ability::known(deterministic), ..self }
    }

    /// The same capabilities, with or without a chat template that opens a thinking block.
    #[must_use]
    pub const fn opens_thinking(self, opens_thinking: bool) -> Self {
        Self { opens_thinking: Ability::known(opens_thinking), ..self }
    }

    /// The same capabilities, with or without scoring verdicts at their place.
    #[must_use]
    pub const fn score_verdict(self, score_verdict: bool) -> Self {
        Self { score_verdict: Ability::known(score_verdict), ..self }
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

impl Sampling {
    /// The same sampling at this temperature; 0 always chooses the most likely token.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        Self { temperature: Some(temperature), ..self }
    }

    /// The same sampling with at most this many new tokens.
    #[must_use]
    pub fn max_tokens(self, most: u32) -> Self {
        Self { max_tokens: Some(most), ..self }
    }

    /// The same sampling with one more stop text.
    #[must_use]
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.stop.push(text.into());
        self
    }

    /// The same sampling with this random seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }
}

impl Request {
    /// A request for a text that answers these turns.
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
            template: BTreeMap::new(),
            alternatives: None,
            deterministic: None,
        }
    }

    /// The same request with this sampling.
    #[must_use]
    pub fn sampling(self, sampling: Sampling) -> Self {
        Self { sampling, ..self }
    }

    /// The same conversation with a question of another kind.
    #[must_use]
    pub fn ask(self, ask: Ask) -> Self {
        Self { ask, ..self }
    }

    /// The same question as another sample.
    #[must_use]
    pub fn draw(self, draw: u32) -> Self {
        Self { draw, ..self }
    }

    /// The key of this request for the model with this `identity`.
    ///
    /// Messages count as text: splitting a text into two parts changes nothing, as long as both have one
    /// origin. The encoding has a version and consists of words; it contains neither the order of enum
    /// variants nor type names. A field that is absent by default is only encoded if it is present, so a new
    /// field changes no existing key.
    pub fn key(&self, identity: &str) -> CacheKey {
        // Adding a field to `Request` breaks this line, so that it is not forgotten here.
        let Self {
            messages,
            open,
            chat,
            ask,
            sampling,
            constraint,
            draw,
            reask,
            template,
            // Reported alternatives do not change the text.
            alternatives: _,
            deterministic,
        } = self;
        let mut hasher = Hasher::new("tribunal-request-v2");
        hasher.part(identity.as_bytes());
        hasher.count(messages.len());
        for Message { role, parts } in messages {
            hasher.part(role.name().as_bytes());
            let parts = merged(parts);
            hasher.count(parts.len());
            for Part { origin, content, token_ids } in parts {
                hasher.part(origin.name().as_bytes());
                hasher.json(&content);
                hasher.json(&token_ids);
            }
        }
        hasher.json(&(open, chat, ask, sampling, constraint, draw, reask));
        if !template.is_empty() {
            hasher.named("template", template);
        }
        if let Some(deterministic) = deterministic {
            hasher.named("deterministic", deterministic);
        }
        CacheKey(hasher.finish())
    }
}

/// Adjacent texts of one origin, joined unless they have token ids.
fn merged(parts: &[Part]) -> Vec<Part> {
    let mut joined: Vec<Part> = Vec::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        match (joined.last_mut(), &part.content) {
            (
                Some(Part { origin, content: Content::Text(text), token_ids }),
                Content::Text(more),
            ) if *origin == part.origin && token_ids.is_empty() && part.token_ids.is_empty() => {
                text.push_str(more);
            }
            _ => joined.push(part.clone()),
        }
    }
    joined
}

/// Hashes parts so that different lists of parts never collide: each part is preceded by its length.
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

    /// Hashes the number of the parts that follow.
    pub(crate) fn count(&mut self, count: usize) {
        self.part(&(count as u64).to_le_bytes());
    }

    /// Hashes a value after its name, for fields that are absent by default.
    pub(crate) fn named(&mut self, name: &str, value: &impl Serialize) {
        self.part(name.as_bytes());
        self.json(value);
    }

    /// Hashes a value in its JSON form; maps keep the order of their type.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        // Only maps with keys other than strings cannot be serialized, and none is hashed.
        self.part(&serde_json::to_vec(value).unwrap_or_default());
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The first `BYTES` bytes, in hex.
    pub(crate) fn hex<const BYTES: usize>(self) -> String {
        self.0.finalize().to_hex()[..2 * BYTES].to_owned()
    }
}

/// The first 128 bits in hex, which are enough to distinguish all requests.
impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(&self.0[..16]))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({self})")
    }
}

impl CacheKey {
    /// Parses a key of 64 hex digits; `None` for any other text.
    pub fn parse(hex: &str) -> Option<Self> {
        const_hex::decode_to_array(hex).ok().map(Self)
    }

    /// All 256 bits of the key.
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
        change(&|r| r.messages[0].parts[0].origin = Origin::Data);
        change(&|r| r.messages[0].parts[0].text_mut().unwrap().push('!'));
        change(&|r| r.messages[0].parts[0].token_ids.push(1));
        change(&|r| r.messages[0].parts.push(Part::end_of_thinking()));
        change(&|r| r.messages.push(Message::new(Role::Assistant, "", Origin::Prompt)));
        change(&|r| r.open = true);
        change(&|r| r.chat = Chat::Raw);
        change(&|r| r.ask = Ask::Choose { labels: vec!["a".into()] });
        change(&|r| r.sampling.temperature = Some(0.0));
        change(&|r| r.sampling.stop.push("\n".into()));
        change(&|r| r.constraint = Some(Constraint::Schema(serde_json::json!({}))));
        change(&|r| r.draw = 1);
        change(&|r| r.reask = 1);
        change(&|r| drop(r.template.insert("enable_thinking".into(), false.into())));
        change(&|r| r.deterministic = Some(true));
        change(&|r| r.sampling.repeat_penalty = Some(1.1));
        change(&|r| r.sampling.thinking_tokens = Some(64));
        assert!(!others.contains(&key));
        others.sort_by_key(|key| *key.as_bytes());
        others.dedup();
        assert_eq!(others.len(), 19);
    }

    #[test]
    fn what_is_reported_beside_a_text_is_no_other_question() {
        let mut beside = question();
        beside.alternatives = Some(20);
        assert_eq!(beside.key("model"), question().key("model"));
    }

    #[test]
    fn cutting_one_text_of_one_origin_in_two_is_the_same_request() {
        let mut cut = question();
        let part = |text: &str| Part::text(text, Origin::Prompt);
        cut.messages[0].parts = vec![part("2 + "), part(""), part("2?")];
        assert_eq!(cut.key("model"), question().key("model"));
    }
}
