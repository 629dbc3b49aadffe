//! The beginnings of prompts: which ones a provider has read, and which ones it is reading.

use std::{collections::HashMap, time::Duration};

use tokio::{sync::watch, time::Instant};
use xxhash_rust::xxh3::Xxh3;

use crate::request::{Constraint, Request};

/// The bytes after which a beginning is worth waiting for: about 1,024 tokens, at the usual four bytes each.
///
/// OpenAI, Azure and the smaller models of Gemini keep beginnings from 1,024 tokens on, and the others charge the full
/// price for at most that much.
pub(super) const STEP: usize = 4096;

/// The most beginnings of one prompt that are looked at.
const MOST_STEPS: usize = 64;

/// How long a provider surely keeps a beginning after its last use: OpenAI names 5 to 10 minutes, Groq 2 hours.
const KEPT: Duration = Duration::from_secs(5 * 60);

/// How many beginnings are remembered; twice as many at most.
const MOST: usize = 4096;

/// How the request ended that was sent ahead: `None` until then, then whether it was answered.
pub(super) type Ended = watch::Receiver<Option<bool>>;

/// What is known of a beginning.
#[derive(Debug)]
enum State {
    /// The first request with it is in flight.
    InFlight(Ended),
    /// A request with it was answered at this time.
    Read(Instant),
}

/// The beginnings of the prompts that were sent to one model lately, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Beginnings {
    recent: HashMap<u64, State>,
    /// Those that were not used since `recent` was empty.
    older: HashMap<u64, State>,
}

impl Beginnings {
    /// Adds the beginnings of a prompt as in flight, unless another request in flight has a longer beginning in common
    /// with it that no answered one has. Then nothing is added, and this request and the number of their common steps
    /// are returned. `least` is the smallest number that is worth waiting for.
    pub(super) fn join(
        &mut self,
        path: &[u64],
        least: usize,
        own: &Ended,
    ) -> Option<(usize, Ended)> {
        let mut known = 0;
        for steps in (1..=path.len()).rev() {
            match self.state(path[steps - 1]) {
                Some(State::InFlight(ahead)) if steps >= least => {
                    return Some((steps, ahead.clone()));
                }
                Some(_) => {
                    known = steps;
                    break;
                }
                None => (),
            }
        }
        for hash in &path[known..] {
            self.set(*hash, State::InFlight(own.clone()));
        }
        None
    }

    /// Notes the end of a request: its beginnings were read if it was answered, and are unknown again if not.
    pub(super) fn end(&mut self, path: &[u64], own: &Ended, is_answered: bool) {
        for hash in path {
            if is_answered {
                self.set(*hash, State::Read(Instant::now()));
            } else if let Some(State::InFlight(ahead)) = self.state(*hash)
                && ahead.same_channel(own)
            {
                self.recent.remove(hash);
            }
        }
    }

    /// What is known of a beginning, unless the provider may have forgotten it.
    fn state(&mut self, hash: u64) -> Option<&State> {
        if let Some(state) = self.older.remove(&hash) {
            self.recent.entry(hash).or_insert(state);
        }
        self.recent.get(&hash).filter(|state| match state {
            State::Read(time) => time.elapsed() < KEPT,
            State::InFlight(_) => true,
        })
    }

    fn set(&mut self, hash: u64, state: State) {
        if self.recent.len() >= MOST {
            // A request in flight that is forgotten is only waited for by those that wait already.
            self.older = std::mem::take(&mut self.recent);
        }
        self.older.remove(&hash);
        self.recent.insert(hash, state);
    }
}

/// Hashes of the beginnings of a prompt: of its first [`STEP`] bytes, of twice as many, and so on. Empty for a short
/// prompt.
///
/// Equal path of different beginnings would only make a request wait, or not wait.
pub(super) fn beginnings(request: &Request) -> Vec<u64> {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let steps = parts.map(|part| part.as_text().len()).sum::<usize>() / STEP;
    if steps == 0 {
        return Vec::new();
    }
    let mut path = Vec::with_capacity(steps.min(MOST_STEPS));
    let mut hasher = Xxh3::new();
    // Providers put these before the messages.
    if let Some(Constraint::Schema(schema)) = &request.constraint {
        hasher.update(schema.to_string().as_bytes());
    }
    for (name, value) in &request.template {
        hasher.update(format!("{name}={value}").as_bytes());
    }
    let mut room = STEP;
    for message in &request.messages {
        hasher.update(message.role.name().as_bytes());
        for part in &message.parts {
            let mut rest = part.as_text().as_bytes();
            while let Some((step, more)) = rest.split_at_checked(room) {
                hasher.update(step);
                path.push(hasher.digest());
                if path.len() == MOST_STEPS {
                    return path;
                }
                (rest, room) = (more, STEP);
            }
            hasher.update(rest);
            room -= rest.len();
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Message, Origin, Part, Role};

    fn request(parts: &[&str]) -> Request {
        let part = |text: &&str| Part::text(*text, Origin::Prompt);
        let message = Message { role: Role::User, parts: parts.iter().map(part).collect() };
        Request::generate(vec![message])
    }

    #[test]
    fn prompts_share_the_steps_of_their_common_beginning_however_it_is_cut() {
        let (rubric, long) = ("r".repeat(STEP), "l".repeat(2 * STEP));
        let one = beginnings(&request(&[&rubric, &long, "a"]));
        let two = beginnings(&request(&[&rubric[1..], "r", &long, "b"]));
        assert_eq!((one.len(), &one[..]), (3, &two[..]));
        let other = beginnings(&request(&[&rubric, "x", &long]));
        assert_eq!((other[0], other[1] == one[1]), (one[0], false));
        assert!(beginnings(&request(&[&rubric[1..]])).is_empty());
        let endless = "x".repeat(STEP * (MOST_STEPS + 2));
        assert_eq!(beginnings(&request(&[&endless])).len(), MOST_STEPS);
    }

    #[test]
    fn what_stands_before_the_messages_is_part_of_the_beginning() {
        let long = "l".repeat(STEP);
        let plain = beginnings(&request(&[&long]));
        let mut system = request(&[&long]);
        system.messages[0].role = Role::System;
        let mut schema = request(&[&long]);
        schema.constraint = Some(Constraint::Schema(serde_json::json!({"type": "object"})));
        let mut template = request(&[&long]);
        template.template.insert("enable_thinking".into(), false.into());
        for other in [system, schema, template] {
            assert_ne!(beginnings(&other), plain);
        }
    }

    #[test]
    fn few_beginnings_are_remembered_however_many_there_were() {
        let (_sender, own) = watch::channel(None);
        let mut known = Beginnings::default();
        for hash in 0..100_000 {
            assert!(known.join(&[hash], 1, &own).is_none());
            // It is used again and again, and stays.
            if hash > 0 {
                assert!(known.state(0).is_some(), "{hash}");
            }
        }
        assert!(known.recent.len() + known.older.len() <= 2 * MOST);
    }
}
