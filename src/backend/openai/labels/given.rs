//! A given text in the tokens of a server: which of them belong to it, and where they end.

use super::{
    question::{GivenTokens, Question, Weighed},
    route::{Miss, Server},
    sglang, vllm,
};
use crate::{
    backend::choice::shared,
    completion::{Completion, Usage},
};

/// The software of a server that reports the log-probabilities of prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::backend::openai) enum PromptLogprobs {
    /// `prompt_logprobs` of vLLM's completions.
    Vllm,
    /// `input_token_logprobs` of SGLang's `/generate`.
    Sglang,
}

/// The log-probabilities of the tokens of a text after a conversation. The text is the only label of the question.
///
/// # Errors
/// A route is missing, the answer lacks a token, or the server failed.
pub(in crate::backend::openai) async fn weigh(
    kind: PromptLogprobs,
    server: Server<'_>,
    question: &Question<'_>,
) -> Result<Completion, Miss> {
    let (plain, mut with) = match kind {
        PromptLogprobs::Vllm => vllm::tokens(server, question).await?,
        PromptLogprobs::Sglang => sglang::tokens(server, question).await?,
    };
    let tokens = with.pop().unwrap_or_default();
    let before = shared(&plain, &tokens);
    if before == 0 || before == tokens.len() {
        return Err(Miss::NotThis("the text adds no token to the conversation".to_owned()));
    }
    let given = GivenTokens { tokens, before };
    let (weighed, usage) = match kind {
        PromptLogprobs::Vllm => vllm::of_text(server, question, &given).await?,
        PromptLogprobs::Sglang => sglang::of_text(server, &given).await?,
    };
    let ids = weighed.iter().map(|token| token.id);
    if !ids.eq(given.tokens[before..].iter().copied()) {
        return Err(Miss::unreadable("log-probability for every token of the text"));
    }
    let text = question.labels.first().map(String::as_str).unwrap_or_default();
    Ok(completion(&weighed, text, usage))
}

/// The answer about a text.
fn completion(weighed: &[Weighed], text: &str, usage: Usage) -> Completion {
    let words: Vec<&str> = weighed.iter().map(|token| token.text.as_str()).collect();
    Completion {
        logprobs: weighed.iter().map(|token| token.log).collect(),
        ends: ends(&words, text),
        usage,
        ..Completion::text(text)
    }
}

/// For each token the number of characters of the text up to its end; empty if the tokens do not spell the text.
///
/// The first token may begin before the text. Some vocabularies report a token without the blank before it. Tokens that
/// are parts of a character have no text of their own: they end where the next one with a text begins.
fn ends(words: &[&str], text: &str) -> Vec<usize> {
    let is_part = |word: &str| word.is_empty() || word.contains('\u{FFFD}');
    let mut ends: Vec<usize> = Vec::with_capacity(words.len());
    let mut at = 0;
    for (n, word) in words.iter().enumerate() {
        if is_part(word) {
            ends.push(at);
            continue;
        }
        let rest = &text[at..];
        let after_part = n > 0 && is_part(words[n - 1]);
        let length = if after_part {
            let skipped = rest.chars().next().map_or(0, char::len_utf8);
            let place = rest[skipped..].find(word).map(|place| skipped + place);
            if let (Some(place), Some(last)) = (place, ends.last_mut()) {
                *last = at + place;
            }
            place.map(|place| place + word.len())
        } else {
            after_blank(rest, word).or_else(|| (n == 0).then(|| overlap(word, rest)))
        };
        let Some(length) = length else { return Vec::new() };
        at += length;
        ends.push(at);
    }
    match (words.last().is_some_and(|word| is_part(word)), ends.last_mut()) {
        (true, Some(last)) => *last = text.len(),
        _ if !text[at..].trim().is_empty() => return Vec::new(),
        _ => (),
    }
    ends.into_iter().map(|end| text[..end].chars().count()).collect()
}

/// The length of a word at the start of a text, with the blanks before it.
fn after_blank(rest: &str, word: &str) -> Option<usize> {
    if rest.starts_with(word) {
        return Some(word.len());
    }
    let trimmed = rest.trim_start();
    trimmed.starts_with(word).then(|| rest.len() - trimmed.len() + word.len())
}

/// The length of the longest end of a word with which a text begins.
fn overlap(word: &str, rest: &str) -> usize {
    let ends = word.char_indices().map(|(at, _)| &word[at..]);
    ends.into_iter().find(|end| rest.starts_with(end)).map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use super::ends;

    #[test]
    fn tokens_end_where_their_words_do() {
        assert_eq!(ends(&["ab", " c", "d"], "ab cd"), [2, 4, 5]);
        assert_eq!(ends(&[": ab", " c"], "ab c"), [2, 4], "the first one begins before the text");
        assert_eq!(ends(&["ab", "c", "d"], "ab\n cd"), [2, 5, 6], "blanks are not reported");
    }

    #[test]
    fn a_part_of_a_character_has_no_end_of_its_own() {
        let shown = "a\u{221a}b\u{2264}";
        assert_eq!(
            ends(&["a", "\u{FFFD}", "\u{FFFD}", "b", "", "\u{FFFD}"], shown),
            [1, 1, 2, 3, 3, 4]
        );
    }

    #[test]
    fn tokens_of_another_text_have_no_ends() {
        assert!(ends(&["ab", "x"], "abc").is_empty());
        assert!(ends(&["ab"], "abc").is_empty());
        assert!(ends(&["\u{FFFD}", "x"], "\u{221a}y").is_empty());
    }
}
