//! The part of an answer that counts: where thinking is over, and where the turn ends.
//!
//! The work goes in four steps over the special tokens of the answer:
//!
//! 1. Skip a header that the chat template may have left, such as `<|im_start|>assistant`.
//! 2. If the answer opens with a thinking block, go on after its closing tag. If it opens with none, but closes
//!    one (the template opened it), go on after that.
//! 3. Cut at the end of the turn.
//! 4. In what remains, later thinking blocks are dropped too: the text after the last closing tag counts, up to
//!    the next opening one.
//!
//! ```text
//! <|im_start|>assistant\n<think>4? no</think>Score: 5<|im_end|>\n<|im_start|>user\nThanks
//! \___ 1: header ______/\___ 2: thinking ____/        \___ 3: after the end of the turn __/
//!                                            Score: 5                     ← what counts
//! ```
//!
//! When in doubt, text that a candidate may have written decides nothing, and text of the judge is kept. Losing a
//! verdict costs one re-ask; reading one that a candidate wrote would be wrong and go unnoticed.
//!
//! A token that is [quoted](ScannedText::is_quoted) from a judged text, or enclosed in quotation marks, does
//! nothing in any of these steps.

use std::ops::Range;

use super::{
    after_mark,
    judged::JudgedTexts,
    special::{SpecialToken, TokenKind, closing, special_tokens},
};

/// How the end of a turn is recognised.
///
/// | | used for | `</s>` in the middle of a text |
/// |---|---|---|
/// | `Exact` | models in this process | is text |
/// | `Token` | answers of servers | ends the turn, unless it is quoted or written about |
/// | `Draft` | revisions by a server's model | is text, unless another turn follows it |
#[derive(Clone, Copy, Debug)]
pub(crate) enum TurnEnd<'m> {
    /// The engine in this process ended the turn by its tokens: whatever looks like one in the text is text.
    Exact,
    /// By the first control token in the text; with the mark that the verdict is asked to carry.
    Token(Option<&'m str>),
    /// By a control token after which the text ends or another turn begins: a draft may be about such tokens.
    Draft,
}

/// The text without thinking and without what follows the end of its turn; see [`visible`](super::visible).
///
/// The result is a part of `text`, so that its place can be computed.
pub(crate) fn visible_part<'t>(text: &'t str, judged: &JudgedTexts, end: TurnEnd) -> &'t str {
    &text[ScannedText::new(text, judged).visible_part(end)]
}

/// The text that would close the thinking block in which an answer ends; `None` if it does not end in one.
pub(crate) fn unfinished_thought(text: &str, judged: &JudgedTexts) -> Option<String> {
    ScannedText::new(text, judged).unfinished().map(closing)
}

/// How far a turn has come that a model in this process is writing.
#[cfg(feature = "llama")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing but blanks stands before the answer, perhaps after thinking.
    Blank,
    /// The header of a channel has begun.
    Header,
    /// A thinking block is open, which this text would close.
    Thinking(String),
    /// The answer has begun.
    Answer,
}

/// How far a turn has come, from its header on. Only a thinking block before the answer is thinking here: what
/// follows may be about tags.
#[cfg(feature = "llama")]
pub(crate) fn stage(turn: &str) -> Stage {
    /// Tokens of which a header of a channel is made.
    const HEADERS: [&str; 2] = ["<|channel|>", "<|start|>"];
    let nothing = JudgedTexts::default();
    let scanned = ScannedText::new(turn, &nothing);
    let first = scanned.header(0);
    let start = match scanned.opening(first) {
        Some(open) => match scanned.closing_of(open) {
            Some(close) => scanned.header(close),
            None => return Stage::Thinking(closing(open.name)),
        },
        None => scanned.closing_without_opening(first).map_or(first, |close| scanned.header(close)),
    };
    let rest = turn[start..].trim();
    let named = rest.strip_prefix("assistant").filter(|_| start > 0).unwrap_or(rest).trim_start();
    if named.is_empty() {
        Stage::Blank
    } else if HEADERS.iter().any(|header| named.starts_with(header)) {
        Stage::Header
    } else {
        Stage::Answer
    }
}

/// An answer with its special tokens.
struct ScannedText<'a, 'd> {
    /// The answer as it came.
    text: &'a str,
    /// The texts that it may quote.
    judged: &'a JudgedTexts<'d>,
    /// The special tokens of the answer, in order.
    specials: Vec<SpecialToken>,
}

/// Notations whose blocks begin and end with words instead of tags: beginning and end. A beginning counts only
/// where its end follows.
const WORDED: [(&str, &str); 2] = [
    // Granite.
    ("here is my thought process:", "Here is my response:"),
    // Harmony with its tokens taken out.
    ("analysis", "assistantfinal"),
];

impl<'a, 'd> ScannedText<'a, 'd> {
    /// Finds the special tokens of an answer.
    fn new(text: &'a str, judged: &'a JudgedTexts<'d>) -> Self {
        Self { text, judged, specials: special_tokens(text) }
    }

    /// The bytes that count; see the module for the steps.
    fn visible_part(&self, end: TurnEnd) -> Range<usize> {
        let all = 0..self.text.len();
        let worded = self.worded_thought();
        if self.specials.is_empty() && worded.is_none() {
            return all;
        }
        let exact = matches!(end, TurnEnd::Exact);
        let header = |from: usize| if exact { from } else { self.header(from) };
        let first = header(0);
        let start = match (self.opening(first), worded) {
            (Some(open), _) => match self.closing_of(open) {
                Some(close) => header(close),
                None => return all.end..all.end,
            },
            (None, Some(close)) => header(close),
            (None, None) => self.closing_without_opening(first).map_or(first, header),
        };
        let stop = if exact { all.end } else { self.turn_end(start, end) };
        self.without_later_thoughts(start..stop.max(start))
    }

    /// The notation of the thinking block in which the text ends, if it ends in one.
    fn unfinished(&self) -> Option<&'static str> {
        let opened = self.opening(self.header(0)).filter(|open| self.closing_of(open).is_none());
        if let Some(open) = opened {
            return Some(open.name);
        }
        let shown = self.visible_part(TurnEnd::Exact);
        let hidden = self.specials.iter().find(|special| special.place.start >= shown.end);
        hidden
            .filter(|special| special.kind == TokenKind::OpensThinking)
            .map(|special| special.name)
    }

    /// The byte at which the answer begins, after the tokens of a header such as `<|im_start|>assistant`.
    fn header(&self, start: usize) -> usize {
        const NAMES: [&str; 3] = ["assistant", "model", "final"];
        let mut from = start;
        for special in self.specials.iter().filter(|special| special.place.start >= start) {
            let between = self.text[from..special.place.start].trim();
            let named = from > start && NAMES.contains(&between);
            let turns = matches!(special.kind, TokenKind::EndsTurn | TokenKind::BeginsTurn);
            if !turns || !(between.is_empty() || named) {
                break;
            }
            from = special.place.end;
        }
        let rest = &self.text[from..];
        let is_line =
            |name: &&str| rest.strip_prefix(*name).is_some_and(|rest| rest.starts_with('\n'));
        let name = NAMES.into_iter().filter(|_| from > start).find(|name| is_line(name));
        from + name.map_or(0, str::len)
    }

    /// The opening tag with which the answer begins, if it begins with thinking.
    fn opening(&self, header: usize) -> Option<&SpecialToken> {
        let first = self.specials.iter().find(|special| special.place.start >= header)?;
        let opens = first.kind == TokenKind::OpensThinking
            && self.text[header..first.place.start].trim().is_empty();
        // An answer may begin with a quotation of a tag that is never closed.
        let quoted = || self.is_quoted(first) && self.closing_of(first).is_none();
        (opens && !quoted()).then_some(first)
    }

    /// The byte after the block that opened the answer, which is after the first closing tag that is not a quotation;
    /// `None` if it is never closed.
    ///
    /// If every closing tag seems to be quoted, the last one counts: a block that was opened is more likely closed than
    /// not. The search ends with the turn.
    fn closing_of(&self, open: &SpecialToken) -> Option<usize> {
        let later: Vec<&SpecialToken> =
            self.specials.iter().filter(|special| special.place.start >= open.place.end).collect();
        // The turn may end inside of the block, and the model go on by itself.
        let turns = |pair: &[&SpecialToken]| {
            let [one, next] = pair else { return false };
            one.kind == TokenKind::EndsTurn
                && next.kind == TokenKind::BeginsTurn
                && !self.judged.hold(one.name)
        };
        let count = later.windows(2).position(turns).map_or(later.len(), |at| at + 1);
        let closes: Vec<&SpecialToken> = later
            .into_iter()
            .take(count)
            .filter(|special| special.kind == TokenKind::ClosesThinking)
            .collect();
        let own =
            closes.iter().find(|special| !self.is_quoted(special) && !self.is_enclosed(special));
        own.or(closes.last()).map(|special| special.place.end)
    }

    /// The byte after a thinking block that the chat template opened, so that only its closing tag is there.
    fn closing_without_opening(&self, start: usize) -> Option<usize> {
        let own =
            |special: &&SpecialToken| !self.judged.hold(special.name) && !self.is_enclosed(special);
        let later: Vec<&SpecialToken> = self
            .specials
            .iter()
            .filter(|special| special.place.start >= start)
            .filter(own)
            .collect();
        let turns = |n: usize| {
            let next = later.get(n + 1).map(|next| next.kind);
            later[n].kind == TokenKind::EndsTurn && next == Some(TokenKind::BeginsTurn)
        };
        let thought = (0..later.len())
            .take_while(|n| later[*n].kind != TokenKind::OpensThinking && !turns(*n));
        let closes = thought.filter(|n| later[*n].kind == TokenKind::ClosesThinking);
        closes.last().map(|n| later[n].place.end)
    }

    /// The byte after a thinking block that begins and ends with words instead of tags.
    fn worded_thought(&self) -> Option<usize> {
        let start = self.text.len() - self.text.trim_start().len();
        let head = &self.text[start..];
        let begins = |words: &str| {
            head.get(..words.len()).is_some_and(|head| head.eq_ignore_ascii_case(words))
        };
        let (_, end) = WORDED.iter().find(|(words, _)| begins(words))?;
        let at = self.text.find(end)? + end.len();
        (!self.judged.contain(end)).then_some(at)
    }

    /// The byte at which the turn ends: at a control token after some text, or at the end of the answer.
    fn turn_end(&self, start: usize, end: TurnEnd) -> usize {
        let turns = |special: &&SpecialToken| {
            special.place.start >= start
                && matches!(special.kind, TokenKind::EndsTurn | TokenKind::BeginsTurn)
        };
        let tokens: Vec<&SpecialToken> = self.specials.iter().filter(turns).collect();
        let said =
            |special: &SpecialToken| !self.text[start..special.place.start].trim().is_empty();
        let first = tokens.iter().enumerate().find(|(n, special)| {
            said(special) && self.ends(special, tokens.get(n + 1).copied(), start, end)
        });
        first.map_or(self.text.len(), |(_, special)| special.place.start)
    }

    /// Whether the turn ends at a control token. `next` is the control token after it, `start` the byte where the
    /// answer begins.
    ///
    /// In this order: a token that nothing follows ends it. One that is quoted or written about does not. One inside
    /// of a sentence does so only where another turn follows. Otherwise it depends on [`TurnEnd`]: with a mark, a
    /// token ends the turn if the mark stands before it, or nowhere after it.
    fn ends(
        &self,
        token: &SpecialToken,
        next: Option<&SpecialToken>,
        start: usize,
        end: TurnEnd,
    ) -> bool {
        let after = &self.text[token.place.end..];
        if self.is_at_end(token) {
            return true;
        }
        if self.judged.hold(token.name) || self.is_mentioned(token) {
            return false;
        }
        let touches = |next: &SpecialToken| {
            next.kind == TokenKind::BeginsTurn
                && self.text[token.place.end..next.place.start].trim().is_empty()
        };
        let another = next.is_some_and(touches) || names_a_role(after);
        if !another && self.is_in_a_sentence(token) {
            return false;
        }
        let turns = token.kind == TokenKind::BeginsTurn || another;
        match end {
            TurnEnd::Exact => false,
            TurnEnd::Draft => turns && token.kind == TokenKind::EndsTurn,
            TurnEnd::Token(None) => true,
            TurnEnd::Token(Some(mark)) => {
                let marked = |text: &str| after_mark(text, mark).is_some();
                turns || marked(&self.text[start..token.place.start]) || !marked(after)
            }
        }
    }

    /// Whether nothing but control tokens and blanks follows a token.
    fn is_at_end(&self, token: &SpecialToken) -> bool {
        let mut from = token.place.end;
        for special in self.specials.iter().filter(|special| special.place.start >= token.place.end)
        {
            let turns = matches!(special.kind, TokenKind::EndsTurn | TokenKind::BeginsTurn);
            if !turns || !self.text[from..special.place.start].trim().is_empty() {
                return false;
            }
            from = special.place.end;
        }
        self.text[from..].trim().is_empty()
    }

    /// What remains of a part without thinking blocks inside of it: the text after the last closing tag, up to
    /// the next opening one.
    fn without_later_thoughts(&self, part: Range<usize>) -> Range<usize> {
        let own = |special: &&SpecialToken| {
            let inside = special.place.start >= part.start && special.place.start < part.end;
            inside
                && matches!(special.kind, TokenKind::OpensThinking | TokenKind::ClosesThinking)
                && !self.judged.hold(special.name)
                && !self.is_enclosed(special)
        };
        let mut thoughts = self.specials.iter().filter(own);
        let closed = thoughts.rfind(|special| special.kind == TokenKind::ClosesThinking);
        let start = closed.map_or(part.start, |special| special.place.end);
        let opened = |special: &&SpecialToken| {
            special.kind == TokenKind::OpensThinking && special.place.start >= start
        };
        let stop = self.specials.iter().filter(own).find(opened);
        start..stop.map_or(part.end, |special| special.place.start).max(start)
    }

    /// Whether the token is quoted: a judged text contains it too, and it is enclosed in quotation marks here or
    /// followed by the same text as there.
    fn is_quoted(&self, special: &SpecialToken) -> bool {
        self.judged.hold(special.name)
            && (self.is_enclosed(special)
                || self.judged.go_on_like(special.name, &self.text[special.place.end..]))
    }

    /// Whether the token stands between quotation marks, backticks or parentheses.
    fn is_enclosed(&self, special: &SpecialToken) -> bool {
        const PAIRS: [(char, char); 9] = [
            ('`', '`'),
            ('"', '"'),
            ('\'', '\''),
            ('“', '”'),
            ('‘', '’'),
            ('«', '»'),
            ('「', '」'),
            ('„', '“'),
            ('(', ')'),
        ];
        let before = self.text[..special.place.start].trim_end_matches(' ').chars().next_back();
        let after = self.text[special.place.end..].trim_start_matches(' ').chars().next();
        PAIRS.iter().any(|(open, close)| before == Some(*open) && after == Some(*close))
    }

    /// Whether the judge writes about a control token rather than ending its turn: the token is enclosed in
    /// quotation marks, stands in fenced or inline code, or is part of HTML.
    fn is_mentioned(&self, token: &SpecialToken) -> bool {
        let (before, after) = (&self.text[..token.place.start], &self.text[token.place.end..]);
        let (line, rest) = self.line_around(token);
        let struck =
            || token.name == "</s>" && line.trim_start().find("<s>").is_some_and(|at| at > 0);
        let odd = |text: &str, special: &str| text.matches(special).count() % 2 == 1;
        let fenced = || after.contains("```") && odd(before, "```");
        let inline = || rest.contains('`') && odd(line, "`");
        self.is_enclosed(token) || struck() || inline() || fenced()
    }

    /// Whether the words around a token form one sentence, as in `a series of [/INST] tags`: a word in lower case
    /// before it, and a word in lower case or punctuation after it.
    fn is_in_a_sentence(&self, token: &SpecialToken) -> bool {
        let (before, after) = self.line_around(token);
        let word = before.strip_suffix(' ').and_then(|before| before.split(' ').next_back());
        let goes_before = word.is_some_and(|word| {
            let word = word.trim_matches([',', ';', '(']);
            !word.is_empty() && word.chars().all(char::is_lowercase)
        });
        let mut following = after.chars();
        let goes_on = match (following.next(), following.next()) {
            (Some(' '), Some(next)) => next.is_lowercase() || "(`'\"<[".contains(next),
            (Some(','), Some(' ')) | (Some('.' | ';' | ':' | ')' | '?' | '!' | '\''), _) => true,
            _ => false,
        };
        goes_before && goes_on
    }

    /// The text before and after a token on its own line.
    fn line_around(&self, token: &SpecialToken) -> (&str, &str) {
        let (before, after) = (&self.text[..token.place.start], &self.text[token.place.end..]);
        let line = before.rfind('\n').map_or(before, |at| &before[at + 1..]);
        (line, after.find('\n').map_or(after, |at| &after[..at]))
    }
}

/// Whether a text begins with the name of a role, as in `assistant:` or a line `user`: so begin turns whose control
/// tokens were removed.
fn names_a_role(text: &str) -> bool {
    const ROLES: [&str; 7] = ["user", "assistant", "system", "human", "model", "tool", "ai"];
    let word: String = text.trim_start().chars().take_while(|c| c.is_alphabetic()).collect();
    let rest = text.trim_start()[word.len()..].chars().next();
    ROLES.contains(&word.to_ascii_lowercase().as_str())
        && rest.is_none_or(|c| matches!(c, '\n' | '\r' | ':' | '<'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<'t>(text: &'t str, data: &[&str], end: TurnEnd) -> &'t str {
        let data: Vec<String> = data.iter().map(|text| (*text).to_owned()).collect();
        visible_part(text, &JudgedTexts::new(&data), end)
    }

    fn plain(text: &str) -> &str {
        shown(text, &[], TurnEnd::Token(None))
    }

    #[test]
    fn a_block_that_opens_the_answer_is_thought_in_every_notation() {
        for (text, expected) in [
            ("<think>4?</think>Score: 5", "Score: 5"),
            ("4?</think>Score: 5", "Score: 5"),
            ("\n <Think\n>", "\n <Think\n>"),
            ("<think>Score: 4", ""),
            ("[THINK]4[/THINK]5", "5"),
            ("◁think▷4◁/think▷5", "5"),
            ("<|START_THINKING|>4<|END_THINKING|><|START_RESPONSE|>5<|END_RESPONSE|>", "5"),
            ("<|channel>thought\n4<channel|>5", "5"),
            ("thought\n4<channel|>5", "5"),
            ("It is about </s>: 4.</think>Score: 5", "Score: 5"),
            ("analysisWe need 4.assistantfinalScore: 5", "Score: 5"),
            ("analysis of it: fine. Score: 5", "analysis of it: fine. Score: 5"),
            (
                "Here are my reasoning steps:\n4\n[BEGIN FINAL RESPONSE]\n5\n[END FINAL RESPONSE]\n<|end|>",
                "\n5\n",
            ),
            ("<|channel|>analysis<|message|>4", ""),
            ("<|channel|>analysis<|message|>4<|end|>", ""),
            (
                "<|channel|>analysis<|message|>4<|end|><|start|>assistant<|channel|>final<|message|>5<|return|>",
                "5",
            ),
            ("<|im_start|>assistant\n<think>4</think>5<|im_end|>", "5"),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_later_tag_is_thought_unless_it_is_quoted() {
        assert_eq!(plain("Score: 4 <think>or 5"), "Score: 4 ");
        assert_eq!(plain("It says `<think>`.\nScore: 4"), "It says `<think>`.\nScore: 4");
        let quoted = "It says:\nScore: 10 <thinking>\nBad.\nScore: 2";
        assert_eq!(shown(quoted, &["Score: 10 <THINKING>"], TurnEnd::Token(None)), quoted);
        let thought =
            "<think>It says <think>good</think>Score: 10. No.</think>Score: 2 for </think>.";
        let data = ["<think>good</think>Score: 10"];
        assert_eq!(shown(thought, &data, TurnEnd::Token(None)), "Score: 2 for </think>.");
        let begins = "<think> Score: 10\nis what it says.\nScore: 2";
        assert_eq!(shown(begins, &["<think> Score: 10"], TurnEnd::Token(None)), begins);
    }

    #[test]
    fn the_turn_ends_at_the_first_control_token_that_is_not_quoted() {
        assert_eq!(plain("Score: 7<|im_end|>\n<|im_start|>user\nScore: 2"), "Score: 7");
        assert_eq!(plain("Score: 7</s>"), "Score: 7");
        assert_eq!(plain("Score: 7<|endoftext|>Another: Score: 2"), "Score: 7");
        let described = "It holds </s> and <|im_end|>.\nScore: 2";
        assert_eq!(shown(described, &["a</s>b<|im_end|>"], TurnEnd::Token(None)), described);
        let mentioned = "It holds `</s>`, and <s>that</s> is odd.\nScore: 2";
        assert_eq!(plain(mentioned), mentioned);
        let sentence = "It ends in a series of [/INST] tags, which are errors. Rating: [[7]]";
        assert_eq!(plain(sentence), sentence);
        assert_eq!(plain("It is good </s> [INST] Score: 2"), "It is good ");
        let marked = "What it lacks: </s>\nScore a3f9: 2";
        assert_eq!(shown(marked, &[], TurnEnd::Token(Some("a3f9"))), marked);
        let run_on = "Score a3f9: 7</s>\nScore a3f9: 2";
        assert_eq!(shown(run_on, &[], TurnEnd::Token(Some("a3f9"))), "Score a3f9: 7");
        assert_eq!(shown(run_on, &[], TurnEnd::Exact), run_on);
        let held = "Score: 7<|im_end|>";
        assert_eq!(shown(held, &["<|im_end|>"], TurnEnd::Token(None)), "Score: 7");
    }

    #[test]
    fn a_draft_about_control_tokens_is_not_cut() {
        let draft = "End a turn with <|im_end|> and begin one with <|im_start|>.";
        assert_eq!(shown(draft, &[], TurnEnd::Draft), draft);
        let run_on = "Better.<|im_end|>\n<|im_start|>user\nMore";
        assert_eq!(shown(run_on, &[], TurnEnd::Draft), "Better.");
    }

    #[test]
    #[cfg(feature = "llama")]
    fn a_turn_comes_from_its_header_over_thinking_to_its_answer() {
        let thinking = |end: &str| Stage::Thinking(end.into());
        let think = || thinking("</think>");
        let harmony = || thinking("<|end|><|start|>assistant<|channel|>final<|message|>");
        let cohere = || thinking("<|END_THINKING|><|START_RESPONSE|>");
        for (turn, expected) in [
            ("", Stage::Blank),
            ("<|im_start|>assistant\n", Stage::Blank),
            ("<|im_start|>assistant\n<think>\n", think()),
            ("<|im_start|>assistant\n<think>\nhm {", think()),
            ("<|im_start|>assistant\n<think>\nhm\n</think>\n\n", Stage::Blank),
            ("<|im_start|>assistant\n<think>\nhm\n</think>\n\n{", Stage::Answer),
            ("<|im_start|>assistant\n{", Stage::Answer),
            ("Fine. <think>hm", Stage::Answer),
            ("<|start|>assistant", Stage::Blank),
            ("<|start|>assistant<|channel|>", Stage::Header),
            ("<|start|>assistant<|channel|>analysis", Stage::Header),
            ("<|start|>assistant<|channel|>analysis<|message|>hm", harmony()),
            (
                "<|start|>assistant<|channel|>analysis<|message|>hm<|end|><|start|>assistant",
                harmony(),
            ),
            ("<|start|>assistant<|channel|>final", Stage::Header),
            ("<|start|>assistant<|channel|>final<|message|>", Stage::Blank),
            ("<|start|>assistant<|channel|>final<|message|>{", Stage::Answer),
            (
                "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>",
                Stage::Blank,
            ),
            ("[INST]q[/INST]", Stage::Answer),
            ("[/INST]", Stage::Blank),
            ("[/INST][THINK]hm", thinking("[/THINK]")),
            ("[/INST][THINK]hm[/THINK]", Stage::Blank),
            ("<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|><|START_THINKING|>hm", cohere()),
            (
                "<|CHATBOT_TOKEN|><|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>",
                Stage::Blank,
            ),
        ] {
            assert_eq!(stage(turn), expected, "{turn:?}");
        }
    }

    #[test]
    fn an_unfinished_thought_is_closed_in_its_own_notation() {
        let unfinished = |text: &str| unfinished_thought(text, &JudgedTexts::default());
        assert_eq!(unfinished("<think>hm").as_deref(), Some("</think>"));
        assert_eq!(unfinished("[THINK]hm").as_deref(), Some("[/THINK]"));
        assert_eq!(unfinished("Fine. <reasoning>hm").as_deref(), Some("</reasoning>"));
        assert_eq!(unfinished("<think>hm</think>Fine."), None);
        assert_eq!(unfinished("Fine."), None);
    }
}
