//! `transcript(max=…)`: a long conversation with less in it, and with lines that say what was left out.
//!
//! The unit is characters, so that the same record is cut in the same way for every model and on every machine. Until the
//! conversation has at most `max` of them, these are left out, in this order:
//!
//! 1. the outputs of tools, whole, the oldest first;
//! 2. messages in the middle, the oldest first: the first ones up to the user's first, and the last one, stay;
//! 3. the middle of the messages that are left.
//!
//! ```text
//! [left out 3fa2: 2 tool outputs and messages 5 to 9, 48210 characters; each place is a line that begins like this one]
//!
//! [1] user
//! Find the fault.
//!
//! [2] assistant
//! calls read({"file":"a.log"})
//!
//! [3] tool read
//! [left out 3fa2: a tool output of 31044 characters]
//! ```
//!
//! The lines are the author's text. The four digits after `left out` are derived from the conversation and occur nowhere in
//! it, so that no message can imitate such a line.

use minijinja::{Error, ErrorKind, Value, value::Kwargs};

use super::printable::{MixedText, text_of};
use crate::{
    item::{Turn, transcript, turns},
    request::{Hasher, Origin, Request},
    text::JudgedTexts,
};

/// What lines about what was left out begin with.
const LEFT_OUT: &str = "[left out ";

/// The least characters that a conversation can be cut to: the lines that say what was left out need some.
const LEAST: usize = 1_000;

/// Characters that are kept for the first line.
const FIRST_LINE: usize = 200;

/// Outputs of tools that are not longer than the line in their place stay.
const SHORT: usize = 80;

/// The user's first message is kept with what stands before it, if it is one of so many messages.
const OPENING: usize = 4;

/// Filter `transcript`: messages as a numbered transcript, with `max` of at most so many characters.
///
/// # Errors
/// `max` is too small or not a number, or another option is given.
pub(super) fn filter(messages: &Value, options: &Kwargs) -> Result<Value, Error> {
    let wrong = |message: String| Error::new(ErrorKind::InvalidOperation, message);
    let max: Option<usize> = options
        .get("max")
        .map_err(|_| wrong("`max` of `transcript` must be a number of characters".into()))?;
    options.assert_all_used()?;
    let json = serde_json::to_value(messages).unwrap_or_default();
    let Some(max) = max else { return Ok(transcript(&json).into()) };
    if max < LEAST {
        return Err(wrong(format!(
            "`max` of `transcript` is {max} characters, and must be at least {LEAST}"
        )));
    }
    let whole = if json.is_array() { transcript(&json) } else { text_of(messages)? };
    if length(&whole) <= max {
        return Ok(whole.into());
    }
    let conversation = turns(&json).unwrap_or_else(|| vec![Turn::of_text(whole.clone())]);
    Ok(MixedText::value(Cut::new(conversation, &whole, max).parts()))
}

/// Whether a conversation in a request lacks parts that its prompt left out.
pub fn is_shortened(request: &Request) -> bool {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let mut own = parts.filter(|part| part.origin == Origin::Prompt);
    own.any(|part| part.as_text().contains(LEFT_OUT))
}

/// A conversation that is being cut.
struct Cut {
    turns: Vec<Turn>,
    /// The beginning of lines that say what was left out.
    opening: String,
    /// The characters of the conversation as it is now, without the first line.
    length: usize,
    /// What it may have.
    most: usize,
    /// How many characters were left out.
    left_out: usize,
    /// How many outputs of tools were left out, in messages that are shown.
    outputs: usize,
    /// The messages that were left out.
    gap: std::ops::Range<usize>,
    /// How many messages lack their middle.
    shortened: usize,
}

impl Cut {
    /// A conversation, cut to at most `max` characters; `whole` is all of its text.
    fn new(turns: Vec<Turn>, whole: &str, max: usize) -> Self {
        let mut cut = Self {
            opening: format!("{LEFT_OUT}{}: ", digits(whole)),
            length: length(whole),
            most: max - FIRST_LINE,
            left_out: 0,
            outputs: 0,
            gap: 0..0,
            shortened: 0,
            turns,
        };
        cut.leave_out_outputs();
        cut.leave_out_messages();
        cut.shorten_messages();
        cut
    }

    /// Puts a line in the place of each output of a tool, the oldest first, while there is too much.
    fn leave_out_outputs(&mut self) {
        for turn in &mut self.turns {
            for line in turn.lines.iter_mut().filter(|line| line.is_output) {
                if self.length <= self.most {
                    return;
                }
                let characters = length(&line.text);
                if characters <= SHORT {
                    continue;
                }
                let note = format!("{}a tool output of {characters} characters]", self.opening);
                self.length -= characters - length(&note);
                self.left_out += characters;
                self.outputs += 1;
                line.text = note;
                line.is_note = true;
            }
        }
    }

    /// Leaves out messages in the middle, the oldest first, while there is too much.
    fn leave_out_messages(&mut self) {
        let is_user = |turn: &Turn| turn.is_user;
        let user = self.turns.iter().take(OPENING).position(is_user).unwrap_or(0);
        let (start, last) = (user + 1, self.turns.len().saturating_sub(1));
        self.gap = start..start;
        for at in start..last {
            if self.length <= self.most {
                return;
            }
            if self.gap.is_empty() {
                // The line in their place.
                self.length += FIRST_LINE / 2;
            }
            let turn = &self.turns[at];
            // What was left out of it before is counted already.
            let (notes, texts): (Vec<_>, Vec<_>) = turn.lines.iter().partition(|line| line.is_note);
            self.outputs -= notes.len();
            self.left_out += texts.iter().map(|line| length(&line.text)).sum::<usize>();
            self.length = self.length.saturating_sub(length(&turn.text()) + BETWEEN.len());
            self.gap.end = at + 1;
        }
    }

    /// Leaves out the middle of the messages that are still shown, if there is too much.
    fn shorten_messages(&mut self) {
        if self.length <= self.most {
            return;
        }
        let shown: Vec<usize> = (0..self.turns.len()).filter(|at| !self.gap.contains(at)).collect();
        let mut lengths: Vec<usize> =
            shown.iter().map(|at| length(&self.turns[*at].text())).collect();
        let between = (shown.len() + 1) * BETWEEN.len() + FIRST_LINE / 2;
        let mut room = self.most.saturating_sub(between);
        lengths.sort_unstable();
        let mut share = room;
        for (n, one) in lengths.iter().enumerate() {
            share = room / (lengths.len() - n);
            if *one > share {
                break;
            }
            room -= one;
        }
        for at in shown {
            let text = self.turns[at].text();
            if length(&text) <= share {
                continue;
            }
            let kept = share.saturating_sub(SHORT) / 2;
            let characters: Vec<char> = text.chars().collect();
            let gone = characters.len().saturating_sub(2 * kept);
            self.left_out += gone;
            self.shortened += 1;
            let note = format!("{}{gone} characters of this message]", self.opening);
            let start = characters[..kept].iter().collect();
            let end = characters[kept + gone..].iter().collect();
            self.turns[at] = Turn::shortened(start, note, end);
        }
    }

    /// The texts of the record and the lines between them, in order.
    fn parts(&self) -> Vec<(Origin, String)> {
        let mut parts = vec![(Origin::Prompt, format!("{}{}", self.summary(), BETWEEN))];
        for (at, turn) in self.turns.iter().enumerate() {
            if at == self.gap.start && !self.gap.is_empty() {
                parts.push((Origin::Prompt, format!("{}{}", self.line_of_gap(), BETWEEN)));
            }
            if self.gap.contains(&at) {
                continue;
            }
            for (n, line) in turn.lines.iter().enumerate() {
                let origin = if line.is_note { Origin::Prompt } else { Origin::Data };
                parts.push((origin, line.text.clone()));
                if n + 1 < turn.lines.len() {
                    parts.push((Origin::Data, "\n".into()));
                }
            }
            if at + 1 < self.turns.len() {
                parts.push((Origin::Data, BETWEEN.into()));
            }
        }
        parts
    }

    /// The first line: all that was left out.
    fn summary(&self) -> String {
        let of = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        };
        let what = [
            of(self.outputs, "tool output", "tool outputs"),
            of(self.gap.len(), "message", "messages"),
            of(self.shortened, "middle of a message", "middles of messages"),
        ];
        let what: Vec<String> = what.into_iter().flatten().collect();
        let Self { opening, left_out, .. } = self;
        format!(
            "{opening}{}, {left_out} characters; each place is a line that begins like this one]",
            what.join(" and ")
        )
    }

    /// The line in the place of messages.
    fn line_of_gap(&self) -> String {
        let (first, last) = (self.gap.start + 1, self.gap.end);
        if first == last {
            format!("{}message {first}]", self.opening)
        } else {
            format!("{}messages {first} to {last}]", self.opening)
        }
    }
}

/// What stands between messages.
const BETWEEN: &str = "\n\n";

/// Hex digits, usually four, that are derived from a text and occur in no form of it.
fn digits(text: &str) -> String {
    const TRIES: usize = 64;
    let forms = [text.to_owned()];
    let forms = JudgedTexts::new(&forms).forms().concat().to_lowercase();
    let digits = |counter: u32| {
        let mut hasher = Hasher::new("left-out-v1");
        hasher.part(text.as_bytes());
        hasher.part(&counter.to_le_bytes());
        let bytes = 2 + counter as usize / TRIES;
        Some(const_hex::encode(hasher.finish().get(..bytes)?))
    };
    (0..).map_while(digits).find(|digits| !forms.contains(digits)).unwrap_or_default()
}

/// The length of a text in characters.
fn length(text: &str) -> usize {
    text.chars().count()
}
