//! The request as the program reads it.

use serde::Serialize;

use crate::request::{Message, Origin, Part, Request, Sampling};

/// The request as the program reads it.
#[derive(Serialize)]
pub(super) struct Asked<'r> {
    v: u32,
    ask: &'static str,
    messages: Vec<Turn<'r>>,
    record: Vec<&'r str>,
    sampling: &'r Sampling,
    draw: u32,
    reask: u32,
}

/// A turn as the program reads it.
#[derive(Serialize)]
struct Turn<'r> {
    role: &'r str,
    content: String,
    parts: Vec<Piece<'r>>,
}

/// A piece of a turn, and who wrote it.
#[derive(Serialize)]
struct Piece<'r> {
    origin: &'static str,
    text: &'r str,
}

impl<'r> Asked<'r> {
    pub(super) fn new(request: &'r Request) -> Self {
        let mut record: Vec<&str> = Vec::new();
        for part in request.messages.iter().flat_map(|message| &message.parts) {
            let is_new = part.origin == Origin::Data && !record.contains(&part.as_text());
            record.extend(is_new.then(|| part.as_text()));
        }
        Self {
            v: 1,
            ask: request.ask.name(),
            messages: request.messages.iter().map(Turn::new).collect(),
            record,
            sampling: &request.sampling,
            draw: request.draw,
            reask: request.reask,
        }
    }
}

impl<'r> Turn<'r> {
    fn new(message: &'r Message) -> Self {
        let parts = message.parts.iter();
        let piece = |part: &'r Part| Piece { origin: part.origin.name(), text: part.as_text() };
        Self {
            role: message.role.name(),
            content: message.text(),
            parts: parts.map(piece).collect(),
        }
    }
}
