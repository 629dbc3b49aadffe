//! The key under which an answer is cached, and the hash that it is made of.

use std::{borrow::Cow, fmt};

use serde::Serialize;

use super::{Content, Message, Normalize, Part, Request};

/// The key of a [`Request`] to one model, across runs and machines.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

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

    /// The key as 64 hex digits.
    pub fn hex(&self) -> String {
        const_hex::encode(self.0)
    }

    /// All 256 bits of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Request {
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
            normalize,
            deterministic,
        } = self;
        let mut hasher = Hasher::new("tribunal-request-v2");
        hasher.part(identity.as_bytes());
        hasher.count(messages.len());
        for Message { role, parts } in messages {
            hasher.part(role.name().as_bytes());
            let parts = merged(parts);
            hasher.count(parts.len());
            for part in parts {
                let Part { origin, content, token_ids } = &*part;
                hasher.part(origin.name().as_bytes());
                hasher.json(content);
                hasher.json(token_ids);
            }
        }
        hasher.json(&(open, chat, ask, sampling, constraint, draw, reask));
        if !template.is_empty() {
            hasher.named("template", template);
        }
        if *normalize != Normalize::Sum {
            hasher.named("normalize", normalize);
        }
        if let Some(deterministic) = deterministic {
            hasher.named("deterministic", deterministic);
        }
        CacheKey(hasher.finish())
    }
}

/// Adjacent texts of one origin, joined unless they have token ids.
fn merged(parts: &[Part]) -> Vec<Cow<'_, Part>> {
    let continues = |last: &Part, part: &Part| {
        let is_text = |part: &Part| matches!(part.content, Content::Text(_));
        let are_texts = is_text(last) && is_text(part);
        are_texts
            && last.origin == part.origin
            && last.token_ids.is_empty()
            && part.token_ids.is_empty()
    };
    let mut joined: Vec<Cow<Part>> = Vec::with_capacity(parts.len());
    for part in parts.iter().filter(|part| !part.is_empty()) {
        match joined.last_mut().filter(|last| continues(last, part)) {
            Some(last) => {
                if let Some(text) = last.to_mut().text_mut() {
                    text.push_str(part.as_text());
                }
            }
            None => joined.push(Cow::Borrowed(part)),
        }
    }
    joined
}

/// Hashes parts so that different lists of parts never collide: each part is preceded by its length.
pub(crate) struct Hasher {
    hasher: blake3::Hasher,
    /// What is not hashed yet: one long piece is hashed much faster than many short ones.
    pending: Vec<u8>,
}

/// How many bytes are collected before they are hashed.
const PIECE: usize = 64 << 10;

impl Hasher {
    pub(crate) fn new(purpose: &str) -> Self {
        let mut hasher = Self { hasher: blake3::Hasher::new(), pending: Vec::with_capacity(1024) };
        hasher.part(purpose.as_bytes());
        hasher
    }

    pub(crate) fn part(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.pending.extend_from_slice(bytes);
        self.hash_pieces();
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
        const LENGTH: usize = size_of::<u64>();
        let start = self.pending.len();
        self.pending.extend_from_slice(&[0; LENGTH]);
        // Only maps with keys other than strings cannot be serialized, and none is hashed.
        if serde_json::to_writer(&mut self.pending, value).is_err() {
            self.pending.truncate(start + LENGTH);
        }
        let length = (self.pending.len() - start - LENGTH) as u64;
        self.pending[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
        self.hash_pieces();
    }

    /// Hashes what was collected, once it is long enough.
    fn hash_pieces(&mut self) {
        if self.pending.len() >= PIECE {
            self.hasher.update(&self.pending);
            self.pending.clear();
        }
    }

    fn finalized(mut self) -> blake3::Hash {
        self.hasher.update(&self.pending);
        self.hasher.finalize()
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.finalized().into()
    }

    /// The first `BYTES` bytes, in hex.
    pub(crate) fn hex<const BYTES: usize>(self) -> String {
        self.finalized().to_hex()[..2 * BYTES].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Ask, Chat, Constraint, Origin, Role};

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
        change(&|r| r.messages[0].role = Role::from("response_1".to_owned()));
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
        change(&|r| r.normalize = Normalize::Mean);
        change(&|r| r.sampling.repeat_penalty = Some(1.1));
        change(&|r| r.sampling.thinking_tokens = Some(64));
        assert!(!others.contains(&key));
        others.sort_by_key(|key| *key.as_bytes());
        others.dedup();
        assert_eq!(others.len(), 21);
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
