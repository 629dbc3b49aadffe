//! Text to tokens and back, with untrusted text kept untrusted.

use std::sync::Arc;

use llama_cpp_2::{model::LlamaModel, token::LlamaToken, token_type::LlamaTokenAttr};

use super::template::Piece;
use crate::{
    error::{Error, ErrorKind, Result},
    request::{Origin, Part},
};

/// A model's vocabulary with what must never come out of untrusted text.
pub(super) struct Vocabulary {
    model: Arc<LlamaModel>,
    /// Markup such as `<think>` that tokenizers match even with special tokens off.
    markup: Vec<String>,
    /// Whether the tokenizer puts a space before every text.
    spaced: bool,
}

impl std::fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vocabulary").field("markup", &self.markup).finish_non_exhaustive()
    }
}

impl Vocabulary {
    pub(super) fn new(model: Arc<LlamaModel>) -> Self {
        let vocab = model.vocab();
        let user_defined = vocab.tokens().filter(|token| {
            let attributes = vocab.attr(*token);
            attributes.contains(LlamaTokenAttr::UserDefined)
        });
        let text = |token| String::from_utf8(vocab.token_to_piece(token, true, None)).ok();
        let markup = user_defined.filter_map(text).filter(|text| is_markup(text)).collect();
        let first = vocab.tokenize(b"a", false, false).first().copied();
        let spaced =
            first.is_some_and(|token| vocab.token_to_piece(token, false, None).starts_with(b" "));
        Self { model, markup, spaced }
    }

    /// The tokens of a whole input, its begin-of-sequence token included.
    pub(super) fn tokens(&self, pieces: &[Piece]) -> Result<Vec<LlamaToken>> {
        let vocab = self.model.vocab();
        let mut tokens = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Template(text) => {
                    tokens.extend(vocab.tokenize(text.as_bytes(), false, true));
                }
                Piece::Content(parts) => tokens.extend(self.content(parts)?),
            }
        }
        if vocab.should_add_bos() && tokens.first() != Some(&vocab.bos()) {
            tokens.insert(0, vocab.bos());
        }
        Ok(tokens)
    }

    pub(super) fn is_control(&self, token: i32) -> bool {
        self.model.vocab().is_control(LlamaToken(token))
    }

    /// One turn, tokenized as one text, and cut only where data holds markup.
    fn content(&self, parts: &[Part]) -> Result<Vec<LlamaToken>> {
        let vocab = self.model.vocab();
        let mut tokens: Vec<LlamaToken> = Vec::new();
        for text in self.cut(parts) {
            tokens.extend(self.continue_with(&text, tokens.is_empty()));
        }
        // Nothing but a fault of the tokenizer can make this true; it must not pass unseen.
        if tokens.iter().any(|token| vocab.is_control(*token)) {
            return Err(Error::new(
                ErrorKind::Model,
                "the tokenizer of this model makes control tokens of plain text",
            )
            .hint("judged text could take over the conversation: use another model file"));
        }
        Ok(tokens)
    }

    /// A text that continues another gets no space of its own before it.
    fn continue_with(&self, text: &str, first: bool) -> Vec<LlamaToken> {
        let vocab = self.model.vocab();
        if first || !self.spaced {
            return vocab.tokenize(text.as_bytes(), false, false);
        }
        let line = vocab.tokenize(b"\n", false, false);
        let both = vocab.tokenize(format!("\n{text}").as_bytes(), false, false);
        both.strip_prefix(line.as_slice())
            .map_or_else(|| vocab.tokenize(text.as_bytes(), false, false), <[_]>::to_vec)
    }

    /// The text in pieces such that no piece of data holds markup whole.
    fn cut(&self, parts: &[Part]) -> Vec<String> {
        let mut pieces = vec![String::new()];
        for part in parts {
            let mut rest = part.as_text();
            while let Some(at) = self.first_markup(rest).filter(|_| part.origin == Origin::Data) {
                // Behind its first character, so that neither half is the token.
                let behind = at + rest[at..].chars().next().map_or(1, char::len_utf8);
                append(&mut pieces, &rest[..behind]);
                pieces.push(String::new());
                rest = &rest[behind..];
            }
            append(&mut pieces, rest);
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    fn first_markup(&self, text: &str) -> Option<usize> {
        self.markup.iter().filter_map(|markup| text.find(markup.as_str())).min()
    }
}

fn append(pieces: &mut [String], text: &str) {
    if let Some(last) = pieces.last_mut() {
        last.push_str(text);
    }
}

/// `<think>`, `[INST]` and the like; runs of blanks and single signs are harmless.
fn is_markup(text: &str) -> bool {
    let text = text.trim();
    let wrapped = |open: char, close: char| text.starts_with(open) && text.ends_with(close);
    text.len() > 2
        && (wrapped('<', '>') || wrapped('[', ']') || wrapped('{', '}') || wrapped('◁', '▷'))
}

/// Bytes of tokens as they come, given out as soon as they are whole characters.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    text: String,
    pending: Vec<u8>,
}

impl Decoder {
    /// Adds a token's bytes; broken ones become U+FFFD as soon as no more could mend them.
    pub(super) fn push(&mut self, bytes: &[u8]) {
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

    /// The text so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Cuts the text at the first stop that stands in it behind byte `from`.
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

    /// Everything, with what never became a character as U+FFFD.
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
