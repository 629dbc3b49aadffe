//! About how long a run takes where models run in this process.
//!
//! The tokens of all prompts are counted, without the beginnings that they share: the engine reads these once. How quick
//! the model is, is measured with one short text to read, and with as many texts to write as the model writes at once.
//!
//! ```text
//! time: about 12 s for the prompts (34 % of their tokens are new), and at most 3 min for the longest answers
//! ```

use std::{collections::BTreeSet, time::Instant};

use futures_util::future::join_all;

use tribunal::{
    Completion,
    backend::Backend,
    request::{Chat, Message, Origin, Request, Role, Sampling},
};

/// The work of all models in this process.
#[derive(Default)]
pub(super) struct Workloads(Vec<Workload>);

/// The work of one model.
struct Workload {
    identity: String,
    /// The tokens of all prompts.
    prompts: u64,
    /// Those of them that begin no earlier prompt, as far as the texts show it.
    fresh: f64,
    /// The most tokens of all answers; `None` if a request has no limit.
    answers: Option<u64>,
    known: Known,
}

/// The texts of earlier requests.
#[derive(Default)]
struct Known {
    texts: BTreeSet<String>,
    bytes: usize,
    /// The bytes of all texts, and those that were new.
    seen: (u64, u64),
}

/// The speed of a model, in tokens a second.
#[derive(Clone, Copy)]
struct Speed {
    read: f64,
    /// In all texts that it writes at once.
    written: f64,
}

/// More bytes of texts than these are not compared: the later ones count as similar to those before.
const MOST_BYTES: usize = 64 << 20;

/// The words of the text that is read in a trial, and the most tokens that are written.
const TRIAL: (usize, u32) = (120, 24);

impl Workloads {
    /// Adds a request to a model in this process, whose prompt has so many tokens, and its answer at most so many.
    pub(super) fn add(
        &mut self,
        model: &dyn Backend,
        request: &Request,
        tokens: u64,
        answer: Option<u64>,
    ) {
        if !model.is_in_process() || model.engine().is_none() {
            return;
        }
        let found = self.0.iter().position(|work| work.identity == model.identity());
        let at = found.unwrap_or_else(|| {
            self.0.push(Workload::new(model.identity()));
            self.0.len() - 1
        });
        if let Some(work) = self.0.get_mut(at) {
            work.add(request, tokens, answer);
        }
    }

    /// How long all of it takes, in words; `None` if no model runs in this process, or none can be tried.
    pub(super) async fn text(&self, models: &[&dyn Backend]) -> Option<String> {
        let (mut reading, mut writing) = (0.0, Some(0.0));
        let (mut fresh, mut prompts) = (0.0, 0);
        for work in &self.0 {
            let model = models.iter().find(|model| model.identity() == work.identity)?;
            let speed = measured(*model).await?;
            reading += work.fresh / speed.read;
            writing = writing.zip(work.answers).map(|(sum, most)| sum + real(most) / speed.written);
            fresh += work.fresh;
            prompts += work.prompts;
        }
        if prompts == 0 {
            return None;
        }
        let share = (100.0 * fresh / real(prompts)).round();
        let answers = match writing {
            Some(seconds) => format!("and at most {} for the longest answers", human(seconds)),
            None => "without the answers, which have no limit".to_owned(),
        };
        Some(format!(
            "time: about {} for the prompts ({share} % of their tokens are new), {answers}; estimated from a short trial of this machine",
            human(reading)
        ))
    }
}

impl Workload {
    fn new(identity: &str) -> Self {
        Self {
            identity: identity.to_owned(),
            prompts: 0,
            fresh: 0.0,
            answers: Some(0),
            known: Known::default(),
        }
    }

    fn add(&mut self, request: &Request, tokens: u64, answer: Option<u64>) {
        self.prompts += tokens;
        self.fresh += real(tokens) * self.known.add(text(request));
        self.answers = self.answers.zip(answer).map(|(sum, most)| sum + most);
    }
}

impl Known {
    /// Adds a text. Returns the share of it that begins no earlier text, 0 to 1.
    fn add(&mut self, text: String) -> f64 {
        let length = text.len() as u64;
        if self.bytes + text.len() > MOST_BYTES {
            let (all, new) = self.seen;
            return real(new) / real(all.max(1));
        }
        // The texts that share most with it are its neighbours in order.
        let before = self.texts.range(..=text.clone()).next_back();
        let after = self.texts.range(text.clone()..).next();
        let same = [before, after].into_iter().flatten().map(|other| shared(other, &text));
        let new = length - same.max().unwrap_or(0);
        self.seen.0 += length;
        self.seen.1 += new;
        if new > 0 {
            self.bytes += text.len();
            self.texts.insert(text);
        }
        real(new) / real(length.max(1))
    }
}

/// The bytes with which both texts begin.
fn shared(a: &str, b: &str) -> u64 {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count() as u64
}

/// All turns of a request as one text.
fn text(request: &Request) -> String {
    let turn = |message: &Message| format!("{}\n{}\n", message.role.name(), message.text());
    request.messages.iter().map(turn).collect()
}

/// Measures how quick a model is; `None` if it cannot answer.
async fn measured(model: &dyn Backend) -> Option<Speed> {
    let (words, tokens) = TRIAL;
    let started = Instant::now();
    let answer = model.complete(&trial(0, words, 1)).await.ok()?;
    let read = answer.usage.prompt?.saturating_sub(answer.usage.cached.unwrap_or(0));
    let read = rate(read, started);
    let started = Instant::now();
    let requests: Vec<Request> = (1..=model.concurrency()).map(|n| trial(n, 4, tokens)).collect();
    let answers = join_all(requests.iter().map(|request| model.complete(request))).await;
    let length = |answer: Completion| answer.usage.completion;
    let written: u64 = answers.into_iter().flatten().filter_map(length).sum();
    Some(Speed { read: read?, written: rate(written, started)? })
}

/// Tokens a second; `None` without tokens.
fn rate(tokens: u64, started: Instant) -> Option<f64> {
    let seconds = started.elapsed().as_secs_f64().max(1e-6);
    (tokens > 0).then(|| real(tokens) / seconds)
}

/// A text of so many words, with which no other trial begins, to be continued by up to `most` tokens.
fn trial(number: usize, words: usize, most: u32) -> Request {
    let words: Vec<String> = (0..words).map(|n| format!("part {number} of {n}")).collect();
    let turn = Message::new(Role::User, words.join(", "), Origin::Data);
    let sampling = Sampling::default().temperature(1.0).max_tokens(most);
    let mut request = Request::generate(vec![turn]).sampling(sampling);
    (request.chat, request.open) = (Chat::Raw, true);
    request
}

/// A time in words, as precise as an estimate is.
fn human(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{:.0} s", s.max(1.0)),
        s if s < 6_000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn real(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_that_prompts_share_count_once() {
        let mut known = Known::default();
        let mut add = |text: &str| known.add(text.into());
        assert!((add("abcd") - 1.0).abs() < 1e-9);
        assert!((add("abxy") - 0.5).abs() < 1e-9);
        assert!(add("abcd") < 1e-9);
        assert!((add("abc.") - 0.25).abs() < 1e-9);
    }

    #[test]
    fn times_are_as_precise_as_an_estimate() {
        assert_eq!(human(0.2), "1 s");
        assert_eq!(human(41.6), "42 s");
        assert_eq!(human(250.0), "4 min");
        assert_eq!(human(9_000.0), "2.5 h");
    }
}
