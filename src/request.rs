//! What is asked of a backend, and the name under which its answer is remembered.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

#[cfg(any(feature = "llama", feature = "openai"))]
use crate::error::{Error, ErrorKind};

/// A conversation and what is wanted next: all that changes the answer, and nothing that does not.
///
/// Timeouts, retries, parsers and thresholds are deliberately absent: changing them never makes a
/// remembered answer worthless.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
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
    /// Variables of the model's chat template, such as `enable_thinking`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub template: BTreeMap<String, serde_json::Value>,
    /// How many alternatives of every token to report beside a text, where the server can. They change nothing
    /// of the text, and are not part of the key: a remembered text may come without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternatives: Option<u8>,
    /// Whether the answer must be the same whenever it is asked for; `None` leaves it to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deterministic: Option<bool>,
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
    pub parts: Vec<Part>,
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

/// A piece of a turn and who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Part {
    /// Who wrote it.
    pub origin: Origin,
    /// What it is.
    #[serde(flatten)]
    pub content: Content,
    /// For a text that the model wrote: its own tokens, which may go on where the text was cut. Another
    /// spelling of the same text would be another question to the model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub token_ids: Vec<i32>,
}

/// What a piece of a turn is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Text.
    Text(String),
    /// The end of an open thinking block, in the model's own token where it has one. Only the prompt's author
    /// writes it.
    EndOfThinking,
}

/// Who wrote a piece of a turn. Only [`Origin::Prompt`] is trusted.
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
#[non_exhaustive]
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
    /// Say how likely each of these labels is at each of these places of the conversation: process rewards.
    ChooseAt {
        /// The labels, exactly as they would be written.
        labels: Vec<String>,
        /// Places in the last turn, in characters from its start, in ascending order.
        places: Vec<usize>,
    },
    /// Say how likely a given text is, token by token: implicit rewards.
    Logprobs {
        /// The text that would follow the conversation.
        of: String,
    },
    /// Say the number of a reward head for the conversation.
    Reward,
    /// Say whether an answer is what the reference says: checks without a model.
    Compare {
        /// The answer.
        answer: String,
        /// What it is held against.
        reference: String,
    },
}

/// How tokens are picked; `None` leaves a setting to the model or its server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
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
    /// Random seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What the odds of a token that was written already are divided by; 1 changes nothing (Keskar et al.
    /// 2019, CTRL).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat_penalty: Option<f64>,
    /// What is taken off the log-odds of a token that was written already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// The same for every time that it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
    /// At most so many tokens of thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_tokens: Option<u32>,
}

/// What an answer must look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Constraint {
    /// A JSON value of this JSON schema.
    Schema(serde_json::Value),
}

/// Names a [`Request`] to one model, across runs and machines.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

/// Whether a model can do something: yes, no, or not known.
///
/// Not known is neither: a server may not have been asked yet, or did not answer. What follows from it is
/// decided where the ability is used, and documented with it in [`Capabilities`].
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
    /// Nobody knows yet.
    #[default]
    Unknown,
}

impl Ability {
    /// [`Yes`](Self::Yes) or [`No`](Self::No).
    pub const fn known(can: bool) -> Self {
        if can { Self::Yes } else { Self::No }
    }

    /// Whether it is known to be there.
    pub const fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }

    /// Whether it is known to be missing.
    pub const fn is_no(self) -> bool {
        matches!(self, Self::No)
    }
}

impl From<bool> for Ability {
    fn from(can: bool) -> Self {
        Self::known(can)
    }
}

/// As recordings write it: true, false or null.
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

/// What a model can be asked.
///
/// Each ability stands for itself: none is inferred from another. Where one is [unknown](Ability::Unknown), it
/// is used as its field says.
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
    /// Which probabilities of tokens and labels are reported.
    pub logprobs: Logprobs,
    /// Whether an assistant turn that the request opened is continued. Unknown counts as no: a server that begins
    /// a new turn instead would answer another question without saying so.
    pub prefill: Ability,
    /// Whether answers can be constrained to a JSON schema. Unknown is tried: a server that cannot refuses it.
    pub schema: Ability,
    /// Whether a seed makes sampling repeatable. Unknown is tried.
    pub seed: Ability,
    /// Whether the same request gives the same text, apart from the draw of tokens at a temperature. Unknown
    /// counts as no: an unreadable answer is worth asking for again.
    #[serde(default = "no")]
    pub deterministic: Ability,
    /// Whether the values of a verdict can be scored in the place where it is announced, at the price of a few
    /// tokens. Unknown counts as no.
    #[serde(default = "no")]
    pub score_verdict: Ability,
    /// Whether labels can be weighed at many places of one text: [`Ask::ChooseAt`]. Unknown is tried.
    #[serde(default = "no")]
    pub choose_at: Ability,
    /// Whether the log-probability of a given text can be had: [`Ask::Logprobs`]. Unknown is tried.
    #[serde(default = "no")]
    pub text_logprobs: Ability,
    /// Whether there is a reward head: [`Ask::Reward`]. Unknown is tried.
    #[serde(default = "no")]
    pub reward: Ability,
    /// Whether answers are compared with references by rule: [`Ask::Compare`]. Unknown counts as no.
    #[serde(default = "no")]
    pub compare: Ability,
    /// Whether the model's chat template opens a thinking block: what it writes first is thinking, without a tag
    /// that says so, until it ends the block. Unknown counts as no.
    #[serde(default = "no")]
    pub opens_thinking: Ability,
}

/// Recordings of earlier versions lack what their models could not do.
const fn no() -> Ability {
    Ability::No
}

/// Which probabilities a model reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Logprobs {
    /// None.
    None,
    /// Those of the likeliest tokens of each place.
    Top,
    /// That of any label, by teacher forcing.
    Exact,
    /// Not known yet: they are asked for as if it were [`Top`](Self::Top), and used where they come.
    Unknown,
}

impl Logprobs {
    /// Whether a request may ask for the likeliest tokens of each place.
    pub const fn may_be_top(self) -> bool {
        matches!(self, Self::Top | Self::Unknown)
    }
}

impl Capabilities {
    /// A model that only writes text.
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

    /// A model in this process that writes and chooses whatever may be asked: for dry runs and scripts.
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

    /// The error of a model that cannot be asked this.
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
    /// The same with or without answers that are held to a JSON schema.
    #[must_use]
    pub const fn schema(self, schema: bool) -> Self {
        Self { schema: Ability::known(schema), ..self }
    }

    /// The same with this much told of probabilities.
    #[must_use]
    pub const fn logprobs(self, logprobs: Logprobs) -> Self {
        Self { logprobs, ..self }
    }

    /// The same with or without the continuing of a turn.
    #[must_use]
    pub const fn prefill(self, prefill: bool) -> Self {
        Self { prefill: Ability::known(prefill), ..self }
    }

    /// The same with or without equal texts for equal requests.
    #[must_use]
    pub const fn deterministic(self, deterministic: bool) -> Self {
        Self { deterministic: Ability::known(deterministic), ..self }
    }

    /// The same with or without a chat template that opens a thinking block.
    #[must_use]
    pub const fn opens_thinking(self, opens_thinking: bool) -> Self {
        Self { opens_thinking: Ability::known(opens_thinking), ..self }
    }

    /// The same with or without the scoring of verdicts in their place.
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

    /// The text; empty for what is none.
    pub fn as_text(&self) -> &str {
        match &self.content {
            Content::Text(text) => text,
            Content::EndOfThinking => "",
        }
    }

    /// The text, to be changed; `None` for what is none.
    pub fn text_mut(&mut self) -> Option<&mut String> {
        match &mut self.content {
            Content::Text(text) => Some(text),
            Content::EndOfThinking => None,
        }
    }

    /// Whether nothing is said by it.
    pub fn is_empty(&self) -> bool {
        matches!(&self.content, Content::Text(text) if text.is_empty())
    }
}

impl Sampling {
    /// The same at this temperature; 0 is greedy.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        Self { temperature: Some(temperature), ..self }
    }

    /// The same with at most so many new tokens.
    #[must_use]
    pub fn max_tokens(self, most: u32) -> Self {
        Self { max_tokens: Some(most), ..self }
    }

    /// The same ended by one more text.
    #[must_use]
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.stop.push(text.into());
        self
    }

    /// The same with this random seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
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
            template: BTreeMap::new(),
            alternatives: None,
            deterministic: None,
        }
    }

    /// The same with tokens picked like this.
    #[must_use]
    pub fn sampling(self, sampling: Sampling) -> Self {
        Self { sampling, ..self }
    }

    /// The same question of another kind.
    #[must_use]
    pub fn ask(self, ask: Ask) -> Self {
        Self { ask, ..self }
    }

    /// The same question as another sample.
    #[must_use]
    pub fn draw(self, draw: u32) -> Self {
        Self { draw, ..self }
    }

    /// The name of this request when sent to the model that `identity` names.
    ///
    /// Messages count as text: where a text is cut in two changes nothing, as long as both parts are of one
    /// origin. The encoding is versioned, and made of words: no place in an enum and no name of a type is in
    /// it. A field that is absent by default is no part of it while it is absent, so that a new one changes no
    /// key that exists.
    pub fn key(&self, identity: &str) -> CacheKey {
        // A new field breaks this line, so that nobody forgets to decide about it.
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
            // What is reported beside the text changes nothing of it.
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

/// Neighbouring texts of one origin joined, where no tokens of their own tell them apart.
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

    /// Hashes a number of things that follow.
    pub(crate) fn count(&mut self, count: usize) {
        self.part(&(count as u64).to_le_bytes());
    }

    /// Hashes a value under its name: what is absent by default is named where it is there.
    pub(crate) fn named(&mut self, name: &str, value: &impl Serialize) {
        self.part(name.as_bytes());
        self.json(value);
    }

    /// Hashes a value in its JSON form; maps keep the order of their owner.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        // Only maps whose keys are no strings cannot be written, and we hash none.
        self.part(&serde_json::to_vec(value).unwrap_or_default());
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The first `BYTES` bytes in hex.
    pub(crate) fn hex<const BYTES: usize>(self) -> String {
        self.0.finalize().to_hex()[..2 * BYTES].to_owned()
    }
}

/// The first 128 bits in hex: enough to name every record of the world.
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
    /// The key that these 64 hex digits are.
    pub fn parse(hex: &str) -> Option<Self> {
        const_hex::decode_to_array(hex).ok().map(Self)
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
