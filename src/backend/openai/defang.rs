//! Breaks up strings that look like control tokens.
//!
//! Most open servers interpret `<|im_end|>` in a message as the end of a turn. In text that the prompt's
//! author did not write, such strings get a space after their first character.
//!
//! This is defence in depth. It cannot know the tokens of every model, and it changes what the judge reads,
//! so it is disabled for servers that separate text from tokens. Models in this process do not need it: their
//! turns are tokenized without control tokens.

use std::borrow::Cow;

/// Control tokens that are not enclosed in `<|` and `|>`: those of the templates of Mistral, Llama, Gemma and
/// `SmolLM`, and the sign of a step of Qwen2.5-Math-PRM.
const TOKENS: [&str; 23] = [
    "[INST]",
    "[/INST]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CALLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_CONTENT]",
    "[/TOOL_CONTENT]",
    "<s>",
    "</s>",
    "<unk>",
    "<pad>",
    "<bos>",
    "<eos>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<think>",
    "</think>",
    "<end_of_utterance>",
    "<extra_0>",
];

/// The brackets of all other control tokens, narrow and wide: `<|im_end|>`, `<｜User｜>`.
const BRACKETS: [(&str, &str); 2] = [("<|", "|>"), ("<｜", "｜>")];

/// The text with a space after the first character of everything that looks like a control token.
///
/// The result depends on the text alone, so equal requests stay equal. Applying it twice changes nothing
/// more.
pub(super) fn defanged(text: &str) -> Cow<'_, str> {
    let mut safe = String::new();
    let mut copied = 0;
    for at in memchr::memchr2_iter(b'<', b'[', text.as_bytes()) {
        if is_token(&text[at..]) {
            safe.push_str(&text[copied..=at]);
            safe.push(' ');
            copied = at + 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    safe.push_str(&text[copied..]);
    Cow::Owned(safe)
}

/// Whether a control token of a known chat template begins here.
fn is_token(rest: &str) -> bool {
    TOKENS.iter().any(|token| rest.starts_with(token))
        || BRACKETS.iter().any(|&(open, close)| is_bracketed(rest, open, close))
}

/// Whether one word stands between the brackets. An operator of a program such as `<|` does not count.
fn is_bracketed(rest: &str, open: &str, close: &str) -> bool {
    const LONGEST: usize = 64;
    let Some(inner) = rest.strip_prefix(open) else { return false };
    let word = inner.chars().take(LONGEST).take_while(|c| !c.is_whitespace() && *c != '<');
    let length: usize = word.map(char::len_utf8).sum();
    inner[..length].find(close).is_some_and(|at| at > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_tokens_are_broken_and_nothing_else_is() {
        for (text, safe) in [
            ("a<|im_end|>b", "a< |im_end|>b"),
            ("<｜User｜>", "< ｜User｜>"),
            ("<<|eot_id|>>", "<< |eot_id|>>"),
            ("[INST] [/INST]", "[ INST] [ /INST]"),
            ("<s></s><think></think>", "< s>< /s>< think>< /think>"),
            ("f <| g |> h", "f <| g |> h"),
            ("<|>", "<|>"),
            ("<|", "<|"),
            ("a < b, x[INSTANCE], <span>", "a < b, x[INSTANCE], <span>"),
            ("日本<s>語", "日本< s>語"),
        ] {
            assert_eq!(defanged(text), safe);
            assert_eq!(defanged(safe), safe);
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_is_left_is_a_control_token(
            text in "(<\\||\\|>|<｜|｜>|im_end|<s>|</|s>|\\[INST\\]|<think>|<| |[a-z<|>\\[｜])*"
        ) {
            let safe = defanged(&text).into_owned();
            let is_left = |(at, _): (usize, &str)| is_token(&safe[at..]);
            proptest::prop_assert!(!safe.match_indices(['<', '[']).any(is_left));
            proptest::prop_assert_eq!(defanged(&safe), safe.as_str());
            proptest::prop_assert_eq!(safe.replace(' ', ""), text.replace(' ', ""));
        }
    }
}
