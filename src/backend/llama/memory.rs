//! What the model has read: the tokens of every sequence in the cache, and copies of earlier sequences.
//!
//! Prompts of judges share long beginnings: the rubric, the question, or all of the prompt in another draw. Every
//! shared token is evaluated once. A prompt begins from the sequence that shares most of it: the one that it
//! replaces, another one, or a parked copy of an earlier one.

use std::{collections::VecDeque, sync::Arc};

use llama_cpp_2::token::LlamaToken;

use super::evaluator::{Evaluator, GRAIN, Row};
use crate::{backend::choice::shared, error::Result};

/// How precisely prompts share what they have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// To the token.
    Exact,
    /// In multiples of the grain of the evaluator, and of what was read in whole pieces where those matter. The rest of a
    /// prompt then has bitwise the same logits as in one piece.
    Bitwise,
}

/// A sequence with fewer tokens of its own than this is not parked: evaluating them again is as quick as copying.
const WORTH_PARKING: usize = 16;

/// The sequences of an evaluator.
pub(super) struct Memory<E: Evaluator> {
    evaluator: E,
    held: Vec<Held>,
    /// Copies of earlier sequences, the least recently used first.
    parked: Vec<Parked<E::Saved>>,
    /// The most bytes of all copies together.
    budget: usize,
    /// The most tokens that were in the cache at once.
    peak: usize,
}

/// The content of a sequence.
#[derive(Clone, Debug, Default)]
struct Held {
    tokens: Vec<LlamaToken>,
    /// How many of its first tokens were evaluated in the pieces in which a prompt that shares nothing is read.
    pieces: usize,
    /// The logits after the prompt of the sequence.
    end: Option<End>,
    /// The logits after its last tokens, the oldest first.
    recent: VecDeque<End>,
}

/// The logits after a token of a sequence. A request that begins there needs no evaluation at all: another draw of a
/// prompt, or the values of a verdict at the end of a text.
#[derive(Clone, Debug)]
struct End {
    /// The number of tokens up to it.
    length: usize,
    logits: Arc<[f32]>,
}

/// The logits after the last tokens of a text take at most this much memory, in bytes.
const RECENT: usize = 1 << 20;

/// The most tokens of a text after which logits are kept.
const MOST_RECENT: usize = 16;

impl Held {
    /// The logits after its first `length` tokens, if they are kept.
    fn logits(&self, length: usize) -> Option<&Arc<[f32]>> {
        let mut all = self.end.iter().chain(&self.recent);
        all.find(|end| end.length == length).map(|end| &end.logits)
    }
}

/// A copy of a sequence.
struct Parked<S> {
    held: Held,
    saved: S,
    /// The bytes of the copy and of the logits.
    bytes: usize,
}

/// Where a prompt begins.
pub(super) struct Begun {
    /// How many of its tokens are in the cache.
    pub(super) kept: usize,
    /// The logits after it, if all of it is in the cache.
    pub(super) logits: Option<Arc<[f32]>>,
}

/// The sequence from which a prompt begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Held(usize),
    Parked(usize),
}

impl<E: Evaluator> Memory<E> {
    /// Memory for the sequences of an evaluator, which are empty. Copies take at most `budget` bytes.
    pub(super) fn new(evaluator: E, budget: usize) -> Self {
        let held = vec![Held::default(); evaluator.sequences()];
        Self { evaluator, held, parked: Vec::new(), budget, peak: 0 }
    }

    /// The number of sequences.
    pub(super) fn sequences(&self) -> usize {
        self.held.len()
    }

    /// The most tokens in a sequence.
    pub(super) fn limit(&self) -> usize {
        self.evaluator.limit()
    }

    /// The most tokens in a call.
    pub(super) fn most(&self) -> usize {
        self.evaluator.most()
    }

    /// The tokens of a sequence.
    pub(super) fn held(&self, sequence: usize) -> &[LlamaToken] {
        &self.held[sequence].tokens
    }

    /// The logits after the n-th token of the last call.
    pub(super) fn logits(&self, n: usize) -> &[f32] {
        self.evaluator.logits(n)
    }

    /// The most tokens that were in the cache at once.
    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    /// How many tokens a prompt shares with what the model has read.
    pub(super) fn shared(&self, prompt: &[LlamaToken]) -> usize {
        let read = self.held.iter().chain(self.parked.iter().map(|parked| &parked.held));
        read.map(|held| shared(&held.tokens, prompt)).max().unwrap_or(0)
    }

    /// The sequence to use for a prompt among those that are free: one from which it can begin without a copy, or
    /// the first one. Calls are quickest if the sequences in use stand together.
    pub(super) fn place(&self, free: &[usize], prompt: &[LlamaToken]) -> Option<usize> {
        let best = self.source(prompt, Sharing::Exact).map(|(source, _)| source);
        let same = free.iter().find(|&&sequence| best == Some(Source::Held(sequence)));
        same.or_else(|| free.first()).copied()
    }

    /// Makes a sequence begin as this prompt does, as far as possible. The content that it loses is parked.
    pub(super) fn begin(
        &mut self,
        sequence: usize,
        prompt: &[LlamaToken],
        sharing: Sharing,
    ) -> Begun {
        let kept = match self.source(prompt, sharing) {
            Some((Source::Held(from), kept)) if from == sequence => {
                self.park(sequence, kept, None);
                self.rewind(sequence, kept)
            }
            Some((Source::Held(from), kept)) => {
                self.park(sequence, 0, None);
                self.empty(sequence);
                if self.copied(from, sequence, self.held[from].clone()) {
                    self.rewind(sequence, kept)
                } else {
                    0
                }
            }
            Some((Source::Parked(n), kept)) => {
                // It is taken out, so that parking does not replace it, and is the most recently used one afterwards.
                let parked = self.parked.remove(n);
                self.park(sequence, 0, Some(&parked));
                let kept = self.restore(sequence, parked.held.clone(), &parked.saved, kept);
                self.parked.push(parked);
                kept
            }
            None => {
                self.park(sequence, 0, None);
                self.empty(sequence);
                0
            }
        };
        let logits = self.held[sequence].logits(kept).filter(|_| kept == prompt.len()).cloned();
        if logits.is_none() && kept == prompt.len() {
            // The last token must be evaluated, because its logits are needed.
            let kept = self.cut(sharing, &self.held[sequence], kept.saturating_sub(1));
            return Begun { kept: self.rewind(sequence, kept), logits };
        }
        Begun { kept, logits }
    }

    /// The sequence from which most of the prompt can be taken, and how many tokens that is.
    fn source(&self, prompt: &[LlamaToken], sharing: Sharing) -> Option<(Source, usize)> {
        let usable = |held: &Held| {
            let shared = shared(&held.tokens, prompt);
            if shared == prompt.len()
                && held.logits(shared).is_some()
                && self.is_alike(sharing, held, shared)
            {
                shared
            } else {
                self.cut(sharing, held, shared.min(prompt.len().saturating_sub(1)))
            }
        };
        let held = self.held.iter().enumerate().map(|(n, held)| (Source::Held(n), usable(held)));
        let parked = self.parked.iter().enumerate();
        let parked = parked.map(|(n, parked)| (Source::Parked(n), usable(&parked.held)));
        // The first of equals, so that copies are the last resort.
        let best = held.chain(parked).rev().max_by_key(|(_, kept)| *kept);
        best.filter(|(_, kept)| *kept > 0)
    }

    /// How many of the first tokens of a sequence may be shared, if so many are the same.
    fn cut(&self, sharing: Sharing, held: &Held, tokens: usize) -> usize {
        let grain = self.evaluator.grain();
        match sharing {
            Sharing::Exact => tokens,
            Sharing::Bitwise if grain <= GRAIN => tokens / grain * grain,
            Sharing::Bitwise => tokens.min(held.pieces) / grain * grain,
        }
    }

    /// Whether the logits after so many tokens of a sequence are those of a prompt that shares nothing.
    fn is_alike(&self, sharing: Sharing, held: &Held, tokens: usize) -> bool {
        sharing == Sharing::Exact || self.evaluator.grain() <= GRAIN || held.pieces == tokens
    }

    /// Copies a sequence, of which `held` is known, over an empty one. Returns whether the model can do this.
    fn copied(&mut self, from: usize, into: usize, held: Held) -> bool {
        let is_done = self.evaluator.copy(from, into);
        if is_done {
            self.held[into] = held;
        } else {
            self.empty(into);
        }
        is_done
    }

    /// Fills a sequence with the first `kept` tokens of a copy of `held`. Returns how many it has then: none if the
    /// model cannot restore copies.
    fn restore(&mut self, sequence: usize, held: Held, saved: &E::Saved, kept: usize) -> usize {
        self.empty(sequence);
        if !self.evaluator.restore(sequence, saved) {
            self.empty(sequence);
            return 0;
        }
        self.held[sequence] = held;
        self.rewind(sequence, kept)
    }

    /// Parks a copy of a sequence that will lose everything after its first `kept` tokens, unless little is lost.
    /// `taken` is a copy that is in use, and stays in memory.
    fn park(&mut self, sequence: usize, kept: usize, taken: Option<&Parked<E::Saved>>) {
        let tokens = &self.held[sequence].tokens;
        let in_taken = taken.map_or(0, |taken| shared(&taken.held.tokens, tokens));
        let known = self.elsewhere(sequence, &[]).max(in_taken).max(kept);
        if tokens.len() < known + WORTH_PARKING {
            return;
        }
        let held = Held { recent: VecDeque::new(), ..self.held[sequence].clone() };
        let logits = held.end.as_ref().map_or(0, |end| size_of_val(&*end.logits));
        let bytes = self.evaluator.bytes(sequence) + logits;
        let room = self.budget.saturating_sub(taken.map_or(0, |taken| taken.bytes));
        if bytes > room {
            return;
        }
        // Copies of its beginnings hold nothing more.
        self.parked.retain(|parked| !held.tokens.starts_with(&parked.held.tokens));
        // Room is made first, so that the copies never take more memory than they may.
        let mut all = bytes + self.parked.iter().map(|parked| parked.bytes).sum::<usize>();
        while all > room && !self.parked.is_empty() {
            all -= self.parked.remove(0).bytes;
        }
        if let Some(saved) = self.evaluator.save(sequence) {
            self.parked.push(Parked { held, saved, bytes });
        }
    }

    /// How many of a sequence's first tokens are also in another sequence, apart from `gone`, or in a parked copy.
    fn elsewhere(&self, sequence: usize, gone: &[usize]) -> usize {
        let tokens = &self.held[sequence].tokens;
        let others = self.held.iter().enumerate();
        let others = others.filter(|(n, _)| *n != sequence && !gone.contains(n));
        let parked = self.parked.iter().map(|parked| &parked.held);
        let all = others.map(|(_, held)| held).chain(parked);
        all.map(|held| shared(&held.tokens, tokens)).max().unwrap_or(0)
    }

    /// Those of these sequences that may be overwritten, because they hold hardly anything that is not also elsewhere.
    pub(super) fn spare(&self, free: &[usize]) -> Vec<usize> {
        let mut spare = Vec::new();
        for &sequence in free {
            let known = self.elsewhere(sequence, &spare);
            if self.held[sequence].tokens.len() < known + WORTH_PARKING {
                spare.push(sequence);
            }
        }
        spare
    }

    /// Makes other sequences like this one. Returns whether the model can do this.
    pub(super) fn copy(&mut self, from: usize, into: &[usize]) -> bool {
        let Held { tokens, pieces, .. } = self.held[from].clone();
        into.iter().all(|&sequence| {
            self.empty(sequence);
            let held = Held { tokens: tokens.clone(), pieces, ..Held::default() };
            self.copied(from, sequence, held)
        })
    }

    /// Whether a call is quicker if it has the same sequences as the one before.
    pub(super) fn reuses_graphs(&self) -> bool {
        self.evaluator.reuses_graphs()
    }

    /// The size of a copy of a sequence, in bytes.
    pub(super) fn bytes(&self, sequence: usize) -> usize {
        self.evaluator.bytes(sequence)
    }

    /// Removes everything after the first `keep` tokens of a sequence, and returns how many tokens are left. A
    /// recurrent model cannot be rewound, so its sequence is emptied.
    pub(super) fn rewind(&mut self, sequence: usize, keep: usize) -> usize {
        let most = self.evaluator.most();
        if keep < self.held[sequence].tokens.len() {
            if !self.evaluator.cut(sequence, keep) {
                self.empty(sequence);
                return 0;
            }
            let held = &mut self.held[sequence];
            held.tokens.truncate(keep);
            if keep < held.pieces {
                held.pieces = keep / most * most;
            }
            held.end = held.end.take().filter(|end| end.length <= keep);
            held.recent.retain(|end| end.length <= keep);
        }
        self.held[sequence].tokens.len()
    }

    /// Empties a sequence.
    pub(super) fn empty(&mut self, sequence: usize) {
        self.evaluator.clear(sequence);
        self.held[sequence] = Held::default();
    }

    /// The tokens of the next call that extends a sequence to `tokens`: calls end at multiples of the longest one.
    pub(super) fn chunk<'t>(&self, sequence: usize, tokens: &'t [LlamaToken]) -> &'t [LlamaToken] {
        let most = self.evaluator.most();
        let at = self.held[sequence].tokens.len();
        &tokens[at..((at / most + 1) * most).min(tokens.len())]
    }

    /// Evaluates tokens after those of a sequence, and keeps the logits of those that are `wanted`, by their index.
    ///
    /// # Errors
    /// As of [`round`](Self::round).
    pub(super) fn extend(
        &mut self,
        sequence: usize,
        tokens: &[LlamaToken],
        wanted: &[usize],
    ) -> Result<()> {
        let first = self.held[sequence].tokens.len();
        let row = |(n, &token): (usize, &LlamaToken)| Row {
            token,
            position: first + n,
            sequence,
            wanted: wanted.contains(&n),
        };
        let rows: Vec<Row> = tokens.iter().enumerate().map(row).collect();
        self.evaluate(&rows)?;
        let most = self.evaluator.most();
        let held = &mut self.held[sequence];
        if first == held.pieces && first.is_multiple_of(most) && tokens.len() <= most {
            held.pieces += tokens.len();
        }
        Ok(())
    }

    /// Evaluates one token after those of each of these sequences, in one call. Sequences must ascend. Those that are
    /// `idle` take part, and are as before afterwards. Returns the number of each token in the call.
    ///
    /// # Errors
    /// llama.cpp failed. The sequences are then empty, because their content is unknown.
    pub(super) fn round(
        &mut self,
        group: &[(usize, LlamaToken)],
        idle: &[usize],
    ) -> Result<Vec<usize>> {
        let any = group.first().map_or(LlamaToken(0), |(_, token)| *token);
        let row = |(sequence, token): (usize, LlamaToken)| Row {
            token,
            position: self.held[sequence].tokens.len(),
            sequence,
            // Also of those that are idle: calls are alike if they have equally many logits.
            wanted: true,
        };
        let idle_ones = idle.iter().map(|&sequence| (sequence, any));
        let mut rows: Vec<Row> = group.iter().copied().chain(idle_ones).map(row).collect();
        rows.sort_by_key(|row| row.sequence);
        self.evaluate(&rows)?;
        for &sequence in idle {
            self.rewind(sequence, self.held[sequence].tokens.len() - 1);
        }
        let number = |n: &usize| !idle.contains(&rows[*n].sequence);
        Ok((0..rows.len()).filter(number).collect())
    }

    /// Evaluates rows and notes what the sequences then hold.
    fn evaluate(&mut self, rows: &[Row]) -> Result<()> {
        let done = self.evaluator.evaluate(rows);
        if done.is_err() {
            rows.iter().for_each(|row| self.empty(row.sequence));
            return done;
        }
        rows.iter().for_each(|row| self.held[row.sequence].tokens.push(row.token));
        let all = self.held.iter().map(|held| held.tokens.len()).sum();
        self.peak = self.peak.max(all);
        Ok(())
    }

    /// Keeps the logits of the last call's token `n`, which end the prompt that a sequence holds.
    pub(super) fn note_end(&mut self, sequence: usize, n: usize) {
        let logits = Arc::from(self.evaluator.logits(n));
        let length = self.held[sequence].tokens.len();
        self.held[sequence].end = Some(End { length, logits });
    }

    /// Keeps the logits of the last call's token `n`, which end what a sequence holds, among those of its last tokens.
    pub(super) fn note_recent(&mut self, sequence: usize, n: usize) {
        let logits = self.evaluator.logits(n);
        let most = (RECENT / size_of_val(logits).max(1)).clamp(1, MOST_RECENT);
        let Held { tokens, recent, .. } = &mut self.held[sequence];
        let oldest = if recent.len() >= most { recent.pop_front() } else { None };
        let logits = copied(logits, oldest.map(|end| end.logits));
        recent.push_back(End { length: tokens.len(), logits });
    }

    #[cfg(test)]
    pub(super) fn evaluator(&self) -> &E {
        &self.evaluator
    }

    #[cfg(test)]
    pub(super) fn parked_bytes(&self) -> usize {
        self.parked.iter().map(|parked| parked.bytes).sum()
    }
}

/// A copy of logits, in memory that nothing else uses any more if there is some.
fn copied(logits: &[f32], unused: Option<Arc<[f32]>>) -> Arc<[f32]> {
    let mut unused = unused.filter(|unused| unused.len() == logits.len());
    if let Some(room) = unused.as_mut().and_then(Arc::get_mut) {
        room.copy_from_slice(logits);
    } else {
        unused = None;
    }
    unused.unwrap_or_else(|| Arc::from(logits))
}

/// The largest multiple of the grain.
pub(super) fn whole(tokens: usize) -> usize {
    tokens / GRAIN * GRAIN
}
