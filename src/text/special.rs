//! The tags around thinking and the control tokens of known chat templates, found in a text.
//!
//! There is no standard notation. Each family of models has its own (`<think>…</think>`, `[THINK]…[/THINK]`,
//! harmony channels, `◁think▷`), and models misspell them: `< think >`, `</Think`, full-width bars. The tables
//! below list what is known, by notation; [`special_tokens`] finds them all in one pass. Whether a token that was
//! found counts, or is quoted, is decided in [`visible`](super::visible).
//!
//! | notation | opens | closes | used by |
//! |---|---|---|---|
//! | XML-like tags | `<think>`, `<thinking>`, `<thought>`, `<seed:think>` … | the same with `/` | DeepSeek, Qwen, GLM, Claude, EXAONE, Gemini, Seed-OSS |
//! | `[THINK]` | `[THINK]` | `[/THINK]` | Mistral (Magistral) |
//! | triangles | `◁think▷` | `◁/think▷` | Kimi |
//! | Cohere | `<\|START_THINKING\|>` | `<\|END_THINKING\|>` | Command A, Command R |
//! | pipes | `<\|think\|>`, `<\|begin_of_thought\|>` | `<\|content\|>`, `<\|end_of_thought\|>` | Solar, OpenThinker |
//! | harmony | `<\|channel\|>analysis<\|message\|>` | `<\|channel\|>final<\|message\|>` | gpt-oss |
//! | channels | `<\|channel>thought` | `<channel\|>` | Gemma |
//! | unused tokens | `<unused94>thought` | `<unused95>` | MedGemma |
//! | details | `<details type="reasoning">` | `</details>` | Open WebUI |
//! | final response | (opens the answer) | `[BEGIN FINAL RESPONSE]` | Apriel |
//!
//! To add a family: add its XML-like name to `TAGS` or its tokens to the lists below, and a line to the tests.

use std::ops::Range;

/// A tag around thinking, or a control token, found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpecialToken {
    /// What it does.
    pub(super) kind: TokenKind,
    /// The notation of a tag, or the token itself.
    pub(super) name: &'static str,
    /// Its bytes in the text.
    pub(super) place: Range<usize>,
}

/// What a special token does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Begins a thinking block: what follows does not count.
    OpensThinking,
    /// Ends a thinking block: what follows counts.
    ClosesThinking,
    /// Ends a turn: what follows was not asked for.
    EndsTurn,
    /// Begins a turn, or belongs to its header.
    BeginsTurn,
}

/// Names of XML-like thinking tags: `<think>` (DeepSeek, Qwen, GLM and most others), `<thinking>`
/// (Claude's habit, Reflection), `<thought>` (EXAONE, Gemini), `<seed:think>` (Seed-OSS) and so on.
const TAGS: [&str; 14] = [
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reason",
    "reasoning",
    "reflection",
    "scratchpad",
    "seed:think",
    "longcat_think",
    "mm:think",
    "antml:thinking",
    "inner_thought",
    "chain_of_thought",
];

/// Tokens between `<|` and `|>` that end a turn: those of ChatML (`im_end`), Llama 3 (`eot_id`, `eom_id`), GPT-2
/// and its heirs (`endoftext`), Phi (`end`), harmony (`return`, `call`), Cohere (`end_of_turn_token`), DeepSeek
/// (`end▁of▁sentence`), EXAONE (`endofturn`), HyperCLOVA, Zephyr and Granite.
const PIPED_ENDS: [&str; 20] = [
    "im_end",
    "eot_id",
    "eom_id",
    "eot",
    "eom",
    "eos",
    "eod",
    "end",
    "end_of_text",
    "endoftext",
    "return",
    "call",
    "end_of_turn_token",
    "end_response",
    "end_of_sentence",
    "end▁of▁sentence",
    "endofturn",
    "endofassistant",
    "endofprompt",
    "extra_0",
];

/// Tokens between `<|` and `|>` that begin a turn or its header, of the same families.
///
/// In the middle of a text they end the turn too: the model went on and wrote the next one.
const PIPED_STARTS: [&str; 27] = [
    "im_start",
    "im_user",
    "im_assistant",
    "im_system",
    "im_middle",
    "im_sep",
    "start_header_id",
    "end_header_id",
    "header_start",
    "header_end",
    "begin_of_text",
    "startoftext",
    "start",
    "begin",
    "user",
    "assistant",
    "system",
    "observation",
    "start_of_turn_token",
    "user_token",
    "chatbot_token",
    "system_token",
    "start_response",
    "start_of_role",
    "end_of_role",
    "begin▁of▁sentence",
    "bos",
];

/// Control tokens of other shapes that end a turn: Llama 2 and Mistral (`</s>`), Gemma (`<end_of_turn>`), Seed-OSS,
/// Apriel, EXAONE.
const OTHER_ENDS: [&str; 10] = [
    "</s>",
    "<eos>",
    "<end_of_turn>",
    "<turn|>",
    "<seed:eos>",
    "<end_of_sentence>",
    "[EOS]",
    "[EOT]",
    "[END FINAL RESPONSE]",
    "[|endofturn|]",
];

/// Control tokens of other shapes that begin a turn; `<s>` is HTML too, and follows `</s>` where it is one.
const OTHER_STARTS: [&str; 12] = [
    "<bos>",
    "<start_of_turn>",
    "<|turn>",
    "<seed:bos>",
    "<extra_id_0>",
    "<extra_id_1>",
    "[INST]",
    "[/INST]",
    "[|user|]",
    "[|assistant|]",
    "[|system|]",
    "<<SYS>>",
];

/// The notation of harmony channels (gpt-oss).
const HARMONY: &str = "harmony";

/// The notation whose answer follows `[BEGIN FINAL RESPONSE]` (Apriel).
const FINAL_RESPONSE: &str = "final response";

/// The control tokens of harmony. None of them marks thinking alone: `<|channel|>` with a name does.
#[cfg(any(feature = "llama", test))]
const CHANNEL_TOKENS: [&str; 5] =
    ["<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|constrain|>"];

/// The notation of Mistral: `[THINK]…[/THINK]`.
const BRACKETS: &str = "[THINK]";
/// The notation of Kimi.
const TRIANGLES: &str = "◁think▷";
/// The notation of Cohere: `<|START_THINKING|>…<|END_THINKING|><|START_RESPONSE|>`.
const COHERE: &str = "<|START_THINKING|>";
/// The notation of OpenThinker: `<|begin_of_thought|>…<|end_of_thought|>`.
const THOUGHT: &str = "<|begin_of_thought|>";
/// The notation of Solar: `<|think|>…<|end|><|begin|>assistant<|content|>`.
const PIPES: &str = "<|think|>";
/// The notation of Gemma: `<|channel>thought … <channel|>`.
const CHANNEL: &str = "<|channel>";
/// The notation of MedGemma: `<unused94>thought … <unused95>`.
const UNUSED: &str = "<unused94>";
/// The notation of Open WebUI: `<details type="reasoning">…</details>`.
const DETAILS: &str = "<details>";

/// Every special token of a text, in order. They do not overlap.
///
/// This takes linear time: every `<`, `[` and `◁` is looked at once, and no token is longer than 200 characters.
pub(super) fn special_tokens(text: &str) -> Vec<SpecialToken> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = next_opening(text, from) {
        let first = text[at..].chars().next().map_or(1, char::len_utf8);
        from = match leading_token(&text[at..]) {
            Some((kind, name, length)) => {
                found.push(SpecialToken { kind, name, place: at..at + length });
                at + length
            }
            None => at + first,
        };
    }
    found
}

/// The place of the next `<`, `[` or `◁` at or after a byte.
fn next_opening(text: &str, mut from: usize) -> Option<usize> {
    const TRIANGLE: char = '◁';
    /// The first byte of `◁`, and of other symbols.
    const LEAD: u8 = 0xE2;
    loop {
        let at = from + memchr::memchr3(b'<', b'[', LEAD, &text.as_bytes()[from..])?;
        if text.as_bytes()[at] != LEAD || text[at..].starts_with(TRIANGLE) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The part of a text before its first control token; tags around thinking do not count.
pub(crate) fn before_control(text: &str) -> &str {
    let first = special_tokens(text)
        .into_iter()
        .find(|special| matches!(special.kind, TokenKind::EndsTurn | TokenKind::BeginsTurn));
    first.map_or(text, |special| &text[..special.place.start])
}

/// Whether a control token of a model's vocabulary begins or ends thinking. Such tokens are kept in the text that
/// is read, although they are control tokens. Where the vocabulary has harmony `channels`, their tokens count too.
#[cfg(any(feature = "llama", test))]
pub(crate) fn marks_thinking(token: &str, channels: bool) -> bool {
    let whole = |special: &SpecialToken| special.place == (0..token.len());
    let found = special_tokens(token);
    let mark = |special: &SpecialToken| {
        whole(special)
            && matches!(special.kind, TokenKind::OpensThinking | TokenKind::ClosesThinking)
    };
    found.iter().any(mark) || (channels && CHANNEL_TOKENS.contains(&token))
}

/// Whether a vocabulary with these control tokens has harmony channels (gpt-oss).
#[cfg(any(feature = "llama", test))]
pub(crate) fn has_channels<'t>(mut tokens: impl Iterator<Item = &'t str>) -> bool {
    tokens.any(|token| token == CHANNEL_TOKENS[0])
}

/// Whether a closing tag of thinking, in any notation, occurs in a text.
pub(crate) fn has_thinking_end(text: &str) -> bool {
    special_tokens(text).iter().any(|special| special.kind == TokenKind::ClosesThinking)
}

/// The text that closes a thinking block of this notation.
pub(super) fn closing(name: &str) -> String {
    match name {
        HARMONY => "<|end|><|start|>assistant<|channel|>final<|message|>".into(),
        FINAL_RESPONSE => "[BEGIN FINAL RESPONSE]".into(),
        BRACKETS => "[/THINK]".into(),
        TRIANGLES => "◁/think▷".into(),
        COHERE => "<|END_THINKING|><|START_RESPONSE|>".into(),
        THOUGHT => "<|end_of_thought|>".into(),
        PIPES => "<|end|><|begin|>assistant<|content|>".into(),
        CHANNEL => "<channel|>".into(),
        UNUSED => "<unused95>".into(),
        DETAILS => "</details>".into(),
        tag => format!("</{tag}>"),
    }
}

/// The special token with which a text begins: what it does, its name, and its length in bytes. `text` begins
/// with `<`, `[` or `◁`.
fn leading_token(text: &str) -> Option<(TokenKind, &'static str, usize)> {
    let (close, longest) = match text.chars().next()? {
        '<' => ('>', 200),
        '[' => (']', 40),
        _ => ('▷', 40),
    };
    let open = text.chars().next().map_or(1, char::len_utf8);
    if text.starts_with("<<SYS>>") {
        return Some((TokenKind::BeginsTurn, "<<SYS>>", 7));
    }
    let near = &text[open..];
    let end = near
        .char_indices()
        .take(longest)
        .find(|&(_, c)| c == close || matches!(c, '\n' | '<' | '[' | '◁'));
    let (inner, length) = match end {
        Some((end, c)) if c == close => (&near[..end], open + end + close.len_utf8()),
        // A closing tag that is broken off at its line's end closes all the same.
        Some((end, '\n')) if near.starts_with('/') => (&near[..end], open + end),
        None if near.starts_with('/') && near.len() < longest => (near, text.len()),
        _ => return None,
    };
    match close {
        '>' => angled(text, inner, length),
        ']' => squared(&text[..length], inner, length),
        _ => around(inner, "think").map(|kind| (kind, TRIANGLES, length)),
    }
}

/// Whether the text between two brackets is `name` (opens) or `/name` (closes), blanks aside.
fn around(inner: &str, name: &str) -> Option<TokenKind> {
    let inner = inner.trim();
    let bare = inner.trim_start_matches(['/', '\\']).trim();
    let kind = if bare.len() == inner.len() {
        TokenKind::OpensThinking
    } else {
        TokenKind::ClosesThinking
    };
    bare.eq_ignore_ascii_case(name).then_some(kind)
}

/// A token in square brackets; `inner` is the text between them.
fn squared(whole: &str, inner: &str, length: usize) -> Option<(TokenKind, &'static str, usize)> {
    if let Some(kind) = around(inner, "think") {
        return Some((kind, BRACKETS, length));
    }
    if inner.trim().eq_ignore_ascii_case("begin final response") {
        return Some((TokenKind::ClosesThinking, FINAL_RESPONSE, length));
    }
    control(whole).map(|(kind, name)| (kind, name, length))
}

/// A control token of the lists without pipes, by its whole text.
fn control(whole: &str) -> Option<(TokenKind, &'static str)> {
    let known = |list: &[&'static str]| list.iter().copied().find(|token| *token == whole);
    let end = known(&OTHER_ENDS).map(|token| (TokenKind::EndsTurn, token));
    end.or_else(|| known(&OTHER_STARTS).map(|token| (TokenKind::BeginsTurn, token)))
}

/// A token in angle brackets; `inner` is the text between them.
fn angled(text: &str, inner: &str, length: usize) -> Option<(TokenKind, &'static str, usize)> {
    if inner.contains(['|', '｜']) {
        return piped(text, &inner.replace('｜', "|").to_lowercase(), length);
    }
    if let Some((kind, token)) = text.get(..length).and_then(control) {
        return Some((kind, token, length));
    }
    match inner {
        "unused94" => return Some((TokenKind::OpensThinking, UNUSED, length)),
        "unused95" => return Some((TokenKind::ClosesThinking, UNUSED, length)),
        _ => (),
    }
    let bare = inner.trim_start_matches(|c: char| c.is_whitespace() || c == '/' || c == '\\');
    let closes = inner[..inner.len() - bare.len()].contains(['/', '\\']);
    let name = bare.split(|c: char| c.is_whitespace() || c == '/').next()?;
    if name.eq_ignore_ascii_case("details") {
        let reasons = !closes && bare.to_ascii_lowercase().contains("type=\"reasoning\"");
        return reasons.then_some((TokenKind::OpensThinking, DETAILS, length));
    }
    let name = TAGS.into_iter().find(|tag| tag.eq_ignore_ascii_case(name))?;
    // `<think/>` is empty, and opens nothing.
    let empty = !closes && bare.ends_with('/');
    let kind = if closes || empty { TokenKind::ClosesThinking } else { TokenKind::OpensThinking };
    Some((kind, name, length))
}

/// A token with pipes, such as `<|im_end|>`; `inner` is the text between its brackets, in lower case.
fn piped(text: &str, inner: &str, length: usize) -> Option<(TokenKind, &'static str, usize)> {
    let rest = &text[length..];
    let name = match (inner.strip_prefix('|'), inner.strip_suffix('|')) {
        (Some("channel"), _) => return Some(gemma(rest, length)),
        (_, Some("channel")) => return Some((TokenKind::ClosesThinking, CHANNEL, length)),
        (Some(_), Some(_)) if inner.len() > 2 => &inner[1..inner.len() - 1],
        _ => return control(text.get(..length)?).map(|(kind, token)| (kind, token, length)),
    };
    match name {
        "channel" => return channel(rest, length),
        "end" | "start" => {
            if let Some(found) = next_channel(rest, name == "end", length) {
                return Some(found);
            }
        }
        "content" => return Some((TokenKind::ClosesThinking, PIPES, length)),
        _ => (),
    }
    let bare = name.trim_start_matches('/');
    let words = ["begin_of_", "start_of_", "start_", "end_of_", "end_"];
    let begun = words.iter().find_map(|word| Some((*word, bare.strip_prefix(word)?)));
    let (word, thought) = begun.unwrap_or(("", bare));
    if ["think", "thinking", "thought"].contains(&thought) {
        let closes = word.starts_with("end") || bare.len() < name.len();
        let kind = if closes { TokenKind::ClosesThinking } else { TokenKind::OpensThinking };
        let notation = match (word, thought) {
            ("start_" | "end_", "thinking") => COHERE,
            ("begin_of_" | "end_of_", _) => THOUGHT,
            _ => PIPES,
        };
        return Some((kind, notation, length));
    }
    let known = |list: &[&'static str]| list.iter().copied().find(|token| *token == name);
    let end = known(&PIPED_ENDS).map(|token| (TokenKind::EndsTurn, token, length));
    end.or_else(|| known(&PIPED_STARTS).map(|token| (TokenKind::BeginsTurn, token, length)))
}

/// The beginning of thinking in Gemma's notation: `<|channel>thought`.
fn gemma(rest: &str, length: usize) -> (TokenKind, &'static str, usize) {
    let word = rest.trim_start_matches(' ');
    let blanks = rest.len() - word.len();
    let thought = ["thought", "thinking", "analysis"]
        .into_iter()
        .find(|name| word.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)));
    (TokenKind::OpensThinking, CHANNEL, length + thought.map_or(0, |name| blanks + name.len()))
}

/// A channel of harmony: `<|channel|>analysis<|message|>` begins thinking, `<|channel|>final<|message|>` ends it.
fn channel(rest: &str, length: usize) -> Option<(TokenKind, &'static str, usize)> {
    const LONGEST: usize = 120;
    const MESSAGE: &str = "<|message|>";
    let near = rest.char_indices().nth(LONGEST).map_or(rest, |(at, _)| &rest[..at]);
    let header = near.find(MESSAGE).map_or(near, |at| &near[..at]);
    let header = header.find('\n').map_or(header, |at| &header[..at]);
    let name = header.trim_start().to_ascii_lowercase();
    let message = if near[header.len()..].starts_with(MESSAGE) { MESSAGE.len() } else { 0 };
    let kind = if name.starts_with("final") {
        TokenKind::ClosesThinking
    } else {
        TokenKind::OpensThinking
    };
    (message > 0).then_some((kind, HARMONY, length + header.len() + message))
}

/// The change to another channel of the same turn: `<|end|><|start|>assistant<|channel|>…` ends no turn.
fn next_channel(
    rest: &str,
    ended: bool,
    length: usize,
) -> Option<(TokenKind, &'static str, usize)> {
    let mut next = rest.trim_start();
    if ended {
        next = next.strip_prefix("<|start|>")?.trim_start();
    }
    next = next.strip_prefix("assistant").unwrap_or(next).trim_start();
    next = next.strip_prefix("<|channel|>")?;
    channel(next, length + rest.len() - next.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<(TokenKind, &'static str, &str)> {
        special_tokens(text)
            .into_iter()
            .map(|special| (special.kind, special.name, &text[special.place]))
            .collect()
    }

    #[test]
    fn tags_around_thinking_are_found_in_every_notation() {
        use TokenKind::{ClosesThinking, OpensThinking};
        for (open, close) in [
            ("<think>", "</think>"),
            ("<Thinking budget=\"3\">", "</ THINKING >"),
            ("< think >", "</think"),
            ("<thought>", "<\\/thought>"),
            ("<reasoning>", "</reasoning>"),
            ("<seed:think>", "</seed:think>"),
            ("[THINK]", "[/THINK]"),
            ("[ think ]", "[ /think ]"),
            ("◁think▷", "◁/think▷"),
            ("<|START_THINKING|>", "<|END_THINKING|>"),
            ("<|begin_of_thought|>", "<|end_of_thought|>"),
            ("<|think|>", "<|content|>"),
            ("<|channel>thought", "<channel|>"),
            ("<unused94>", "<unused95>"),
            (
                "<|channel|>analysis<|message|>",
                "<|end|><|start|>assistant<|channel|>final<|message|>",
            ),
            (
                "<|start|>assistant<|channel|>commentary to=functions.f<|message|>",
                "<|channel|>final <|constrain|>json<|message|>",
            ),
        ] {
            let text = format!("{open}a {close}\nb");
            let found = named(&text);
            let whats: Vec<_> = found.iter().map(|(kind, _, piece)| (*kind, *piece)).collect();
            assert_eq!(whats, [(OpensThinking, open), (ClosesThinking, close)], "{text:?}");
            assert_eq!(found[0].1, found[1].1);
        }
        assert_eq!(closing("think"), "</think>");
        assert_eq!(closing(BRACKETS), "[/THINK]");
        assert_eq!(closing(COHERE), "<|END_THINKING|><|START_RESPONSE|>");
    }

    #[test]
    fn control_tokens_end_and_begin_turns() {
        for (token, kind) in [
            ("<|im_end|>", TokenKind::EndsTurn),
            ("<|eot_id|>", TokenKind::EndsTurn),
            ("<|end|>", TokenKind::EndsTurn),
            ("</s>", TokenKind::EndsTurn),
            ("<end_of_turn>", TokenKind::EndsTurn),
            ("<|END_OF_TURN_TOKEN|>", TokenKind::EndsTurn),
            ("<｜end▁of▁sentence｜>", TokenKind::EndsTurn),
            ("<|im_start|>", TokenKind::BeginsTurn),
            ("[INST]", TokenKind::BeginsTurn),
            ("<start_of_turn>", TokenKind::BeginsTurn),
        ] {
            let found = special_tokens(token);
            assert_eq!(found.len(), 1, "{token}");
            assert_eq!((found[0].kind, found[0].place.clone()), (kind, 0..token.len()));
        }
        assert_eq!(before_control("7<|im_end|>\n"), "7");
        assert_eq!(before_control("7 < 8 [a] <b> <|x|>"), "7 < 8 [a] <b> <|x|>");
    }

    #[test]
    fn control_tokens_that_mark_thinking_are_recognised() {
        for token in ["<think>", "</think>", "[THINK]", "<|START_THINKING|>", "<unused95>"] {
            assert!(marks_thinking(token, false), "{token}");
        }
        for token in ["<|im_end|>", "</s>", "<|channel|>", "<|fim_prefix|>", "<pad>"] {
            assert!(!marks_thinking(token, false), "{token}");
        }
        assert!(marks_thinking(
            "<|channel|>",
            has_channels(["<|end|>", "<|channel|>"].into_iter())
        ));
    }

    #[test]
    fn what_only_looks_like_a_tag_is_text() {
        for text in
            ["a < b", "<thinker>", "[thinking]", "<thinkable/>", "<", "[", "◁", "</b>", "a[0]"]
        {
            assert_eq!(named(text), [], "{text:?}");
        }
    }
}
