//! The pieces of a model's input, and turns as pieces.

use crate::{
    request::{Content, Message, Origin, Part, Role},
    text::{JudgedTexts, TurnEnd, unfinished_thought, visible_part},
};

/// A part of the model's input.
///
/// The variants differ in which special tokens the tokenizer may recognize in them.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::backend::llama) enum Piece {
    /// Text of the template, whose special tokens are recognized.
    Template(String),
    /// Text of a turn, in which no special token is recognized.
    Content(Vec<Part>),
    /// Text of a raw prompt: special tokens are recognized in the text of the prompt's author.
    Raw(Vec<Part>),
    /// The end of a thinking block in the middle of a turn: a special token if the vocabulary has one.
    Closing(String),
}

/// The open turn that the model is to continue, including what the template prints before it.
pub(in crate::backend::llama) fn turn(pieces: &[Piece]) -> String {
    let is_template = |piece: &Piece| matches!(piece, Piece::Template(_));
    let start = pieces.iter().rposition(is_template).unwrap_or(0);
    pieces[start..].iter().map(Piece::text).collect()
}

/// Whether the open turn ends inside a thinking block.
pub(in crate::backend::llama) fn ends_in_thought(pieces: &[Piece]) -> bool {
    unfinished_thought(&turn(pieces), &JudgedTexts::default()).is_some()
}

/// The pieces of an open turn up to a place in it, given in characters from its start: the input of the model
/// before a label at that place.
pub(in crate::backend::llama) fn up_to(pieces: &[Piece], place: usize) -> Vec<Piece> {
    let is_template = |piece: &Piece| matches!(piece, Piece::Template(_));
    let start = pieces.iter().rposition(is_template).map_or(0, |at| at + 1);
    let mut cut = pieces[..start].to_vec();
    let mut left = place;
    for piece in &pieces[start..] {
        if let Piece::Content(parts) | Piece::Raw(parts) = piece {
            let mut kept = parts.clone();
            for text in kept.iter_mut().filter_map(Part::text_mut) {
                let end = text.char_indices().nth(left).map_or(text.len(), |(at, _)| at);
                text.truncate(end);
                left -= text.chars().count();
            }
            cut.push(match piece {
                Piece::Raw(_) => Piece::Raw(kept),
                _ => Piece::Content(kept),
            });
        } else if left > 0 {
            cut.push(piece.clone());
        }
    }
    cut
}

impl Piece {
    /// The text of the piece, as readers see it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Template(text) | Self::Closing(text) => text.clone(),
            Self::Content(parts) | Self::Raw(parts) => parts.iter().map(Part::as_text).collect(),
        }
    }
}

/// The texts of the turns that come from the record.
pub(super) fn data(turns: &[Message]) -> Vec<String> {
    let parts = turns.iter().flat_map(|turn| &turn.parts);
    let data = parts.filter(|part| part.origin == Origin::Data);
    data.map(|part| part.as_text().to_owned()).collect()
}

/// The turns with a blank line between them, for models without a template: a base model continues a
/// document.
pub(super) fn plain(turns: &[Message]) -> Vec<Part> {
    let between = || Part::text("\n\n", Origin::Prompt);
    let mut parts: Vec<Part> = Vec::new();
    for turn in turns {
        if !parts.is_empty() {
            parts.push(between());
        }
        parts.extend(turn.parts.iter().cloned());
    }
    // A single turn is a text that the model continues, so no blank line follows it.
    let ends_openly = matches!(turns, [_]);
    if !ends_openly {
        parts.push(between());
    }
    parts
}

/// The parts of a turn that follows `before`, split where the prompt's author ends a thinking block. The end
/// is written in the notation of the block that is open there.
pub(super) fn closed(parts: Vec<Part>, before: &str, judged: &JudgedTexts) -> Vec<Piece> {
    // The notation if no block is open that has its own.
    const USUAL: &str = "</think>";
    let mut pieces = Vec::new();
    let mut text = before.to_owned();
    let mut content = Vec::new();
    for part in parts {
        if part.content == Content::EndOfThinking {
            let end = unfinished_thought(&text, judged).unwrap_or_else(|| USUAL.into());
            text.push_str(&end);
            pieces.push(Piece::Content(std::mem::take(&mut content)));
            pieces.push(Piece::Closing(end));
        } else {
            text.push_str(part.as_text());
            content.push(part);
        }
    }
    pieces.push(Piece::Content(content));
    pieces
}

/// The pieces of a raw prompt, whose author may write special tokens.
pub(super) fn raw(pieces: Vec<Piece>) -> Vec<Piece> {
    let raw = |piece| match piece {
        Piece::Content(parts) => Piece::Raw(parts),
        other => other,
    };
    pieces.into_iter().map(raw).collect()
}

/// The visible part of a finished turn: models are trained on histories without earlier thinking.
///
/// `trims` is whether the template trims contents. It only trimmed the placeholder, so the text is trimmed
/// here as the template would do.
pub(super) fn content(turn: &Message, trims: bool, judged: &JudgedTexts) -> Vec<Part> {
    let mut parts = turn.parts.clone();
    let models = parts.iter_mut().filter(|part| part.origin == Origin::Model);
    for text in models.filter_map(Part::text_mut) {
        *text = visible_part(text, judged, TurnEnd::Exact).to_owned();
    }
    parts.retain(|part| !part.is_empty() && part.content != Content::EndOfThinking);
    if trims {
        if let Some(first) = parts.first_mut().and_then(Part::text_mut) {
            *first = first.trim_start().to_owned();
        }
        if let Some(last) = parts.last_mut().and_then(Part::text_mut) {
            *last = last.trim_end().to_owned();
        }
    }
    parts
}

/// The turns with the system text in the first user turn, and adjacent turns of one role joined.
pub(super) fn folded(turns: &[Message]) -> Vec<Message> {
    let mut folded: Vec<Message> = Vec::new();
    for turn in turns {
        let role = if turn.role == Role::System { Role::User } else { turn.role.clone() };
        match folded.last_mut() {
            Some(last) if last.role == role => {
                last.parts.push(Part::text("\n\n", Origin::Prompt));
                last.parts.extend(turn.parts.iter().cloned());
            }
            _ => folded.push(Message { role, parts: turn.parts.clone() }),
        }
    }
    folded
}
