//! Converts text to tokens and back, without giving untrusted text any control.
//!
//! Special tokens are recognized only in the text of the template. Tokenizers also match user-defined markup
//! such as `<think>` in plain text, so the text of a record is cut inside such markup and stays characters.
//! Text that the model wrote returns to a prompt in the same tokens, because another tokenization of the same
//! text would be a different question.

use std::{collections::HashMap, sync::Arc};

use llama_cpp_2::{model::LlamaModel, token::LlamaToken, token_type::LlamaTokenAttr};

use super::{
    grammar::Rules,
    step::{Grammar, Words},
    template::Piece,
};
use crate::{
    error::{Error, ErrorKind, Result},
    request::{Origin, Part},
    text::{has_channels, marks_thinking},
};

/// A model's vocabulary, and the markup that must never become a token in untrusted text.
///
/// The callers' threads share it: tokenizing needs the model, but neither its context nor its engine.
pub(super) struct Vocabulary {
    /// The model that owns the tokenizer.
    model: Arc<LlamaModel>,
    /// Markup such as `<think>` that the tokenizer matches even with special tokens disabled.
    markup: Vec<String>,
    /// The texts of control tokens that look like markup, which the author of a raw prompt may write.
    control: Vec<String>,
    /// Control tokens that mark thinking. They are shown to readers, and are part of what the model wrote.
    thinking: HashMap<LlamaToken, String>,
    /// Whether the tokenizer inserts a space before every text.
    spaced: bool,
}

impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vocabulary").field("markup", &self.markup).finish_non_exhaustive()
    }
}

/// A conversation in tokens, except for the text at its end, which later text may be joined to.
#[derive(Clone, Debug, Default)]
pub(super) struct Input {
    /// The finished tokens.
    tokens: Vec<LlamaToken>,
    /// Text that is not tokenized yet.
    tail: String,
    /// Whether the turn began before the tail: text that continues other text gets no space before it.
    begun: bool,
}

impl Vocabulary {
    /// Searches the vocabulary once for markup and for control tokens that mark thinking.
    pub(super) fn new(model: Arc<LlamaModel>) -> Self {
        let vocab = model.vocab();
        let text = |token| String::from_utf8(vocab.token_to_piece(token, true, None)).ok();
        let user_defined = vocab.tokens().filter(|token| {
            let attributes = vocab.attr(*token);
            attributes.contains(LlamaTokenAttr::UserDefined)
        });
        let markup = user_defined.filter_map(text).filter(|text| is_markup(text)).collect();
        let control = vocab.tokens().filter(|token| vocab.is_control(*token));
        let mut thinking: HashMap<LlamaToken, String> =
            control.filter_map(|token| Some((token, text(token)?))).collect();
        let control = thinking.values().filter(|text| is_markup(text)).cloned().collect();
        let channels = has_channels(thinking.values().map(String::as_str));
        thinking.retain(|_, text| marks_thinking(text, channels));
        let first = vocab.tokenize(b"a", false, false).first().copied();
        let spaced =
            first.is_some_and(|token| vocab.token_to_piece(token, false, None).starts_with(b" "));
        Self { model, markup, control, thinking, spaced }
    }

    /// Whether the tokenizer inserts a space before every text, as that of Llama 2 does.
    pub(super) fn is_spaced(&self) -> bool {
        self.spaced
    }

    /// The tokens of a whole input, with the begin-of-sequence token if the model expects one.
    ///
    /// # Errors
    /// The tokenizer makes a control token from plain text, which would let judged text take over the
    /// conversation.
    pub(super) fn tokens(&self, pieces: &[Piece]) -> Result<Vec<LlamaToken>> {
        let mut input = self.input(pieces)?;
        self.flush(&mut input)?;
        Ok(input.tokens)
    }

    /// The tokens of an input except for the text at its end, the tokens of that text, and the tokens of that
    /// text joined with each of `texts`.
    #[expect(clippy::type_complexity, reason = "each part is a list of tokens")]
    pub(super) fn continued(
        &self,
        pieces: &[Piece],
        texts: &[String],
    ) -> Result<(Vec<LlamaToken>, Vec<LlamaToken>, Vec<Vec<LlamaToken>>)> {
        let Input { tokens, tail, begun } = self.input(pieces)?;
        let with = |text: &str| self.text(&format!("{tail}{text}"), !begun);
        let texts = texts.iter().map(|text| with(text)).collect::<Result<_>>()?;
        Ok((tokens, with("")?, texts))
    }

    /// Whether a token is a control token, which does not stand for text.
    pub(super) fn is_control(&self, token: i32) -> bool {
        self.model.vocab().is_control(LlamaToken(token))
    }

    /// The tokens of a text from this program, in which control tokens are recognized.
    fn special(&self, text: &str) -> Vec<LlamaToken> {
        self.model.vocab().tokenize(text.as_bytes(), false, true)
    }

    /// The tokens of all pieces, except for the text at the end.
    fn input(&self, pieces: &[Piece]) -> Result<Input> {
        let vocab = self.model.vocab();
        let mut input = Input::default();
        let mut goes_on = false;
        for piece in pieces {
            match piece {
                Piece::Template(text) | Piece::Closing(text) => {
                    self.flush(&mut input)?;
                    input.tokens.extend(self.special(text));
                    // What follows begins a turn, as it does when the turn is read again later.
                    input.begun = false;
                }
                Piece::Content(parts) => {
                    self.flush(&mut input)?;
                    input.begun = goes_on;
                    parts.iter().try_for_each(|part| self.add(&mut input, part))?;
                }
                Piece::Raw(parts) => {
                    self.flush(&mut input)?;
                    input.begun = goes_on;
                    for part in parts {
                        match part.origin {
                            Origin::Prompt => self.add_authored(&mut input, part.as_text())?,
                            Origin::Data | Origin::Model => self.add(&mut input, part)?,
                        }
                    }
                }
            }
            goes_on = matches!(piece, Piece::Closing(_));
            input.begun |= goes_on;
        }
        if vocab.should_add_bos() && input.tokens.first() != Some(&vocab.bos()) {
            input.tokens.insert(0, vocab.bos());
        }
        Ok(input)
    }

    /// Adds a part of a turn: in the model's own tokens as far as they spell the text, and with markup in
    /// data cut apart.
    fn add(&self, input: &mut Input, part: &Part) -> Result<()> {
        let mut rest = part.as_text();
        if part.origin == Origin::Model {
            let (tokens, length) = self.spelling(&part.token_ids, rest);
            if !tokens.is_empty() {
                self.flush(input)?;
                input.tokens.extend(tokens);
                input.begun = true;
                rest = &rest[length..];
            }
        }
        while let Some(at) = self.first_markup(rest).filter(|_| part.origin == Origin::Data) {
            // The cut is after the first character, so neither half is the token.
            let after = at + rest[at..].chars().next().map_or(1, char::len_utf8);
            input.tail.push_str(&rest[..after]);
            self.flush(input)?;
            rest = &rest[after..];
        }
        input.tail.push_str(rest);
        Ok(())
    }

    /// Adds text of the author of a raw prompt, in which control tokens are recognized. What follows one begins anew.
    fn add_authored(&self, input: &mut Input, text: &str) -> Result<()> {
        let first = |text: &str| {
            let found = self.control.iter().filter_map(|token| Some((text.find(token)?, token)));
            found.min_by_key(|(at, token)| (*at, std::cmp::Reverse(token.len())))
        };
        let mut rest = text;
        while let Some((at, token)) = first(rest) {
            input.tail.push_str(&rest[..at]);
            self.flush(input)?;
            input.tokens.extend(self.special(token));
            input.begun = false;
            rest = &rest[at + token.len()..];
        }
        input.tail.push_str(rest);
        Ok(())
    }

    /// The longest prefix of generated tokens that spells a prefix of a text, with its length in bytes.
    /// Control tokens are kept only if they mark thinking; a new turn that the model began is dropped.
    fn spelling(&self, ids: &[i32], text: &str) -> (Vec<LlamaToken>, usize) {
        let mut decoder = Decoder::default();
        let (mut count, mut length) = (0, 0);
        for (n, &id) in ids.iter().enumerate() {
            let token = LlamaToken(id);
            let seen = decoder.text().len();
            if !self.is_written(token) {
                break;
            }
            decoder.push(&self.piece(token));
            let spells =
                text.get(seen..).is_some_and(|rest| rest.starts_with(&decoder.text()[seen..]));
            if !spells {
                break;
            }
            if decoder.is_whole() {
                (count, length) = (n + 1, decoder.text().len());
            }
        }
        (ids[..count].iter().copied().map(LlamaToken).collect(), length)
    }

    /// Whether a token can be part of a text that the model wrote: it exists, does not end a turn, and is
    /// either text or marks thinking.
    fn is_written(&self, token: LlamaToken) -> bool {
        let vocab = self.model.vocab();
        (0..vocab.n_tokens()).contains(&token.0)
            && !vocab.is_eog(token)
            && (!vocab.is_control(token) || self.thinking.contains_key(&token))
    }

    /// Tokenizes the text at the end. Later text is not joined to it, because its origin differs.
    fn flush(&self, input: &mut Input) -> Result<()> {
        if !input.tail.is_empty() {
            input.tokens.extend(self.text(&input.tail, !input.begun)?);
            input.tail.clear();
            input.begun = true;
        }
        Ok(())
    }

    /// The tokens of a text without any special tokens. A text that continues another gets no space before
    /// it.
    fn text(&self, text: &str, first: bool) -> Result<Vec<LlamaToken>> {
        let vocab = self.model.vocab();
        let plain = || vocab.tokenize(text.as_bytes(), false, false);
        let tokens = if first || !self.spaced {
            plain()
        } else {
            let line = vocab.tokenize(b"\n", false, false);
            let both = vocab.tokenize(format!("\n{text}").as_bytes(), false, false);
            both.strip_prefix(line.as_slice()).map_or_else(plain, <[_]>::to_vec)
        };
        // Only a fault of the tokenizer can cause this; it must not go unnoticed.
        if tokens.iter().any(|token| vocab.is_control(*token)) {
            return Err(Error::new(
                ErrorKind::Model,
                "the tokenizer of this model makes control tokens of plain text",
            )
            .hint("judged text could take over the conversation: use another model file"));
        }
        Ok(tokens)
    }

    /// The byte offset of the first markup in a text.
    fn first_markup(&self, text: &str) -> Option<usize> {
        self.markup.iter().filter_map(|markup| text.find(markup.as_str())).min()
    }
}

impl Words for Vocabulary {
    /// Control tokens have no bytes, unless they mark thinking.
    fn piece(&self, token: LlamaToken) -> Vec<u8> {
        match self.thinking.get(&token) {
            Some(text) => text.as_bytes().to_vec(),
            None => self.model.vocab().token_to_piece(token, false, None),
        }
    }

    fn is_end(&self, token: LlamaToken) -> bool {
        self.model.vocab().is_eog(token)
    }

    /// The model's own token, if it has one. An end that is written as a tag stands on a line of its own; control
    /// tokens have nothing around them.
    fn end_of_thinking(&self, end: &str) -> Result<Vec<LlamaToken>> {
        if !end.starts_with("</") {
            return Ok(self.special(end));
        }
        let (line, paragraph) = (self.text("\n", false)?, self.text("\n\n", false)?);
        Ok([line, self.special(end), paragraph].concat())
    }

    fn grammar(&self, rules: &str) -> Result<Box<dyn Grammar>> {
        Ok(Box::new(Rules::new(self.model.clone(), rules)?))
    }
}

/// Whether a token looks like markup: `<think>`, `[INST]` and similar. Runs of spaces and single characters
/// are harmless.
fn is_markup(text: &str) -> bool {
    let text = text.trim();
    let wrapped = |open: char, close: char| text.starts_with(open) && text.ends_with(close);
    text.len() > 2
        && (wrapped('<', '>') || wrapped('[', ']') || wrapped('{', '}') || wrapped('◁', '▷'))
}

/// Collects the bytes of tokens, and provides them as text once they form whole characters.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The complete characters so far.
    text: String,
    /// The bytes of an incomplete character.
    pending: Vec<u8>,
}

impl Decoder {
    /// Adds the bytes of a token. Invalid bytes become U+FFFD as soon as further bytes cannot complete them.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        // The length of the longest UTF-8 character, in bytes.
        const LONGEST: usize = 4;
        self.pending.extend_from_slice(bytes);
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(text) => {
                    self.text.push_str(text);
                    return self.pending.clear();
                }
                Err(broken) => {
                    let valid = broken.valid_up_to();
                    self.text.push_str(&String::from_utf8_lossy(&self.pending[..valid]));
                    self.pending.drain(..valid);
                    match broken.error_len() {
                        Some(length) => {
                            self.text.push('\u{FFFD}');
                            self.pending.drain(..length);
                        }
                        None if self.pending.len() < LONGEST => return,
                        None => {
                            self.text.push('\u{FFFD}');
                            self.pending.clear();
                        }
                    }
                }
            }
        }
    }

    /// Whether no incomplete character is pending.
    pub(super) fn is_whole(&self) -> bool {
        self.pending.is_empty()
    }

    /// The text so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Cuts the text at the first stop text after byte `from`. Returns whether there was one.
    pub(super) fn cut_at(&mut self, stops: &[String], from: usize) -> bool {
        let longest = stops.iter().map(String::len).max().unwrap_or(0);
        let mut start = from.saturating_sub(longest);
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let found = stops
            .iter()
            .filter(|stop| !stop.is_empty())
            .filter_map(|stop| self.text[start..].find(stop.as_str()));
        let Some(at) = found.min() else { return false };
        self.text.truncate(start + at);
        true
    }

    /// The whole text, with U+FFFD in place of an incomplete character.
    pub(super) fn finish(mut self) -> String {
        if !self.pending.is_empty() {
            self.text.push('\u{FFFD}');
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_come_whole_out_of_bytes_that_come_in_pieces() {
        let mut decoder = Decoder::default();
        for byte in "a🧿é".bytes() {
            decoder.push(&[byte]);
        }
        assert_eq!(decoder.finish(), "a🧿é");
        let mut broken = Decoder::default();
        broken.push(b"a\xFFb\xF0");
        assert_eq!(broken.finish(), "a\u{FFFD}b\u{FFFD}");
    }

    #[test]
    fn a_stop_is_found_across_tokens_and_is_no_part_of_the_text() {
        let mut decoder = Decoder::default();
        decoder.push(b"so: Ver");
        let seen = decoder.text().len();
        assert!(!decoder.cut_at(&["Verdict:".into()], 0));
        decoder.push(b"dict: 5");
        assert!(decoder.cut_at(&["Verdict:".into()], seen));
        assert_eq!(decoder.finish(), "so: ");
    }

    #[test]
    fn markup_is_what_looks_like_a_tag() {
        assert!(is_markup("<think>") && is_markup("[TOOL_CALLS]"));
        assert!(!is_markup("\n\n") && !is_markup("<>") && !is_markup("abc"));
    }
}
