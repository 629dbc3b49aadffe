//! Takes turns: answers as many requests at once as pay, and evaluates what they share once.
//!
//! A turn is one of three things. A request is admitted to a free sequence, which begins as its prompt does. Or a
//! piece of one prompt is read, alone in its call: only one prompt is read at a time, so that the next one can begin
//! with it. Or all texts that are being written or weighed go on by one token, together in a call.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use llama_cpp_2::token::LlamaToken;
use tokio::sync::oneshot;

use super::{
    EngineFigures,
    curve::Curve,
    evaluator::Evaluator,
    known::Known,
    memory::{Begun, Memory},
    queue::Queue,
    step::{Seen, Step, Words},
    task::Task,
    work::{Job, shared},
};
use crate::{completion::Completion, error::Error, error::Result};

/// The engine of a model: its memory, and the requests that it answers.
pub(super) struct Scheduler<E: Evaluator> {
    memory: Memory<E>,
    queue: Queue,
    words: Arc<dyn Words>,
    /// What calls of several sequences cost.
    curve: Curve,
    /// The requests that are being answered, by sequence.
    active: Vec<Option<Active>>,
    /// The sequences that wait for the continuation of their text.
    resting: Vec<Option<Rest>>,
    figures: Arc<Mutex<EngineFigures>>,
    known: Known,
}

/// A request that is being answered.
struct Active {
    task: Task,
    phase: Phase,
    /// Whether its tokens are evaluated in calls of their own.
    alone: bool,
    started: Instant,
    /// The channel for the answer; closed when the caller stops waiting.
    reply: oneshot::Sender<Result<Completion>>,
}

/// What a request waits for.
#[derive(Debug)]
enum Phase {
    /// Its sequence is extended to these tokens, in pieces.
    Reads(Vec<LlamaToken>),
    /// These tokens are evaluated in one call, with the logits of all.
    Weighs(Vec<LlamaToken>),
    /// One token is evaluated.
    Token(LlamaToken),
}

/// A sequence whose text may be continued.
struct Rest {
    until: Instant,
    /// The number of tokens before the text.
    prompt: usize,
}

/// Which logits of the last call belong to a request.
enum Rows {
    /// Those of this token.
    One(usize),
    /// Those of every token.
    All,
    /// Those that were kept at the end of its prompt.
    Kept(Arc<[f32]>),
}

impl<E: Evaluator> Scheduler<E> {
    /// An engine without requests.
    pub(super) fn new(
        memory: Memory<E>,
        queue: Queue,
        words: Arc<dyn Words>,
        curve: Curve,
        figures: Arc<Mutex<EngineFigures>>,
    ) -> Self {
        let none = || (0..memory.sequences()).map(|_| None).collect();
        let (active, resting) = (none(), (0..memory.sequences()).map(|_| None).collect());
        let known = Known::default();
        let scheduler = Self { memory, queue, words, curve, active, resting, figures, known };
        scheduler.note(|figures| {
            figures.width = scheduler.active.len();
            figures.prompt_tokens_minimum = Some(0);
        });
        scheduler
    }

    /// Answers requests until the queue is closed and all are answered.
    pub(super) fn run(&mut self) {
        loop {
            let started = Instant::now();
            self.queue.drain();
            self.drop_cancelled();
            self.admit();
            let has_worked = self.step();
            self.note(|figures| figures.busy_seconds += started.elapsed().as_secs_f64());
            if has_worked {
                continue;
            }
            if !self.queue.is_empty() {
                // All that is free rests.
                let until = self.resting.iter().flatten().map(|rest| rest.until).min();
                self.queue.wait_until(until.unwrap_or_else(Instant::now));
            } else if !self.queue.wait() {
                return;
            }
        }
    }

    /// Frees the sequences of requests whose callers have stopped waiting.
    fn drop_cancelled(&mut self) {
        for active in &mut self.active {
            if active.as_ref().is_some_and(|active| active.reply.is_closed()) {
                *active = None;
            }
        }
    }

    /// Starts requests while there are free sequences, but not while a prompt is read.
    fn admit(&mut self) {
        while !self.active.iter().flatten().any(|active| matches!(active.phase, Phase::Reads(_))) {
            let best = self.queue.best(|prompt| self.memory.shared(prompt));
            let Some(n) = best else { return };
            let Some(sequence) = self.place(self.queue.prompt(n)) else { return };
            let job = self.queue.take(n);
            self.start(sequence, job);
        }
    }

    /// A free sequence for this prompt. One that rests is free for the continuation of its text only.
    fn place(&self, prompt: &[LlamaToken]) -> Option<usize> {
        let now = Instant::now();
        let is_free = |n: &usize| {
            let held = self.memory.held(*n);
            let rests = self.resting[*n]
                .as_ref()
                .is_some_and(|rest| rest.until > now && shared(held, prompt) <= rest.prompt);
            self.active[*n].is_none() && !rests
        };
        let free: Vec<usize> = (0..self.active.len()).filter(is_free).collect();
        self.memory.place(&free, prompt)
    }

    /// Starts a request in a free sequence.
    fn start(&mut self, sequence: usize, job: Job) {
        let Job { work, alone, reply, .. } = job;
        self.count(&work.texts());
        self.resting[sequence] = None;
        let mut task = match Task::new(work, &*self.words) {
            Ok(task) => task,
            // The caller may have stopped waiting, which is not an error.
            Err(error) => return drop(reply.send(Err(error))),
        };
        let prompt = task.prompt().to_vec();
        let Begun { kept, logits } = self.memory.begin(sequence, &prompt);
        task.begin(kept);
        self.note(|figures| figures.prompt_tokens += prompt.len() as u64);
        let phase = Phase::Reads(prompt);
        self.active[sequence] = Some(Active { task, phase, alone, started: Instant::now(), reply });
        if let Some(logits) = logits {
            self.go_on(sequence, &Rows::Kept(logits));
        }
    }

    /// Counts the fewest tokens that these texts need.
    fn count(&mut self, texts: &[Vec<LlamaToken>]) {
        for text in texts {
            let new = self.known.add(text.clone());
            self.note(|figures| {
                let sum = figures.prompt_tokens_minimum;
                figures.prompt_tokens_minimum = sum.zip(new).map(|(sum, new)| sum + new);
            });
        }
    }

    /// Evaluates what is needed next. Returns false if nothing is.
    fn step(&mut self) -> bool {
        let reads = |active: &Option<Active>| {
            active.as_ref().is_some_and(|active| !matches!(active.phase, Phase::Token(_)))
        };
        if let Some(sequence) = self.active.iter().position(reads) {
            self.read(sequence);
            return true;
        }
        let token = |(n, active): (usize, &Option<Active>)| match active {
            Some(Active { phase: Phase::Token(token), alone, .. }) => Some((n, *token, *alone)),
            _ => None,
        };
        let all: Vec<_> = self.active.iter().enumerate().filter_map(token).collect();
        let (alone, together): (Vec<_>, Vec<_>) = all.iter().partition(|(.., alone)| *alone);
        let pairs = |all: Vec<(usize, LlamaToken, bool)>| -> Vec<(usize, LlamaToken)> {
            all.into_iter().map(|(n, token, _)| (n, token)).collect()
        };
        for pair in pairs(alone) {
            self.round(&[pair]);
        }
        let mut together = pairs(together);
        for width in self.curve.calls(together.len()) {
            let rest = together.split_off(width);
            self.round(&std::mem::replace(&mut together, rest));
        }
        !all.is_empty()
    }

    /// Evaluates the next piece of a request that needs more than a token.
    fn read(&mut self, sequence: usize) {
        let Some(active) = &self.active[sequence] else { return };
        let (tokens, all, rows) = match &active.phase {
            Phase::Reads(target) => {
                (self.memory.chunk(sequence, target).to_vec(), false, Some(target.len()))
            }
            Phase::Weighs(tokens) => (tokens.clone(), true, None),
            Phase::Token(token) => (vec![*token], false, None),
        };
        let started = Instant::now();
        let done = self.memory.extend(sequence, &tokens, all);
        self.note(|figures| {
            figures.called(started.elapsed());
            figures.prompt_tokens_evaluated += tokens.len() as u64;
        });
        if let Err(error) = done {
            return self.fail(sequence, error);
        }
        match rows {
            // The prompt goes on in the next piece.
            Some(target) if self.memory.held(sequence).len() < target => (),
            Some(_) => {
                self.memory.note_end(sequence, tokens.len() - 1);
                self.go_on(sequence, &Rows::One(tokens.len() - 1));
            }
            None => self.go_on(sequence, &Rows::All),
        }
    }

    /// Extends several sequences by a token each, in one call.
    fn round(&mut self, group: &[(usize, LlamaToken)]) {
        let started = Instant::now();
        let done = self.memory.round(group);
        let weighed = group.iter().filter(|(n, _)| {
            let task = self.active[*n].as_ref().map(|active| &active.task);
            !matches!(task, Some(Task::Write(_)))
        });
        let weighed = weighed.count() as u64;
        self.note(|figures| {
            figures.called(started.elapsed());
            figures.prompt_tokens_evaluated += weighed;
        });
        for (row, (sequence, _)) in group.iter().enumerate() {
            match &done {
                Ok(()) => self.go_on(*sequence, &Rows::One(row)),
                Err(error) => self.fail(*sequence, error.clone()),
            }
        }
    }

    /// Gives a request the logits that it waited for, and notes what it needs next.
    fn go_on(&mut self, sequence: usize, rows_of_call: &Rows) {
        let mut kept: Option<Rows> = None;
        loop {
            let rows = kept.take();
            let rows = rows.as_ref().unwrap_or(rows_of_call);
            let Some(active) = &mut self.active[sequence] else { return };
            let memory = &self.memory;
            let logits = |n: usize| match rows {
                Rows::One(row) => memory.logits(*row),
                Rows::All => memory.logits(n),
                Rows::Kept(logits) => logits,
            };
            let seen = Seen {
                held: memory.held(sequence),
                logits: &logits,
                limit: memory.limit(),
                words: &*self.words,
            };
            let phase = match active.task.next(&seen) {
                Ok(Step::Done(answer)) => return self.finish(sequence, *answer),
                Ok(Step::Read(target)) => {
                    let begun = self.memory.begin(sequence, &target);
                    kept = begun.logits.map(Rows::Kept);
                    Phase::Reads(target)
                }
                Ok(Step::Evaluate { keep, tokens, all }) => self.after(sequence, keep, tokens, all),
                Err(error) => return self.fail(sequence, error),
            };
            if let Some(active) = &mut self.active[sequence] {
                active.phase = phase;
            }
            if kept.is_none() {
                return;
            }
        }
    }

    /// How tokens are evaluated after the first `keep` of a sequence.
    fn after(&mut self, sequence: usize, keep: usize, tokens: Vec<LlamaToken>, all: bool) -> Phase {
        let held = self.memory.held(sequence);
        let path = &held[..keep.min(held.len())];
        // A recurrent model cannot be rewound: it reads the beginning again.
        let whole = [path, &tokens].concat();
        if self.memory.rewind(sequence, keep) < keep {
            return Phase::Reads(whole);
        }
        match tokens.as_slice() {
            [token] if !all => Phase::Token(*token),
            _ if all => Phase::Weighs(tokens),
            _ => Phase::Reads(whole),
        }
    }

    /// Sends an answer, and lets the sequence rest if its text may be continued.
    fn finish(&mut self, sequence: usize, answer: Completion) {
        let Some(Active { task, started, reply, .. }) = self.active[sequence].take() else {
            return;
        };
        let mut written = 0;
        if let Task::Write(draft) = &task {
            written = draft.written() as u64;
            let rest = self.queue.rest(started.elapsed());
            let prompt = task.prompt().len();
            self.resting[sequence] = rest.map(|time| Rest { until: Instant::now() + time, prompt });
            // What was written need not be evaluated again.
            let _ = self.known.add(self.memory.held(sequence).to_vec());
        }
        let peak = self.memory.peak();
        self.note(|figures| {
            figures.requests += 1;
            figures.generated_tokens += written;
            figures.kv_cells_peak = peak;
        });
        // The caller may have stopped waiting, which is not an error.
        drop(reply.send(Ok(answer)));
    }

    /// Ends a request with an error.
    fn fail(&mut self, sequence: usize, error: Error) {
        if let Some(active) = self.active[sequence].take() {
            drop(active.reply.send(Err(error)));
        }
    }

    fn note(&self, change: impl FnOnce(&mut EngineFigures)) {
        let mut figures: MutexGuard<'_, EngineFigures> =
            self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut figures);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        backend::llama::{
            evaluator::Row,
            step::Grammar,
            work::{Choice, Work, Writing},
        },
        completion::Finish,
        request::Sampling,
    };

    /// Evaluating this token fails.
    const POISON: LlamaToken = LlamaToken(-7);

    const LIMIT: usize = 64;

    type Answer = oneshot::Receiver<Result<Completion>>;

    /// A model whose logits are a hash of the sequence. It is strict about what llama.cpp is strict about.
    struct Fake {
        cells: Vec<Vec<LlamaToken>>,
        rows: Vec<Vec<f32>>,
        calls: usize,
        /// Callers that stop waiting at the call of this number.
        leaving: Vec<(usize, Answer)>,
    }

    impl Fake {
        fn new(sequences: usize) -> Self {
            let cells = vec![Vec::new(); sequences];
            Self { cells, rows: Vec::new(), calls: 0, leaving: Vec::new() }
        }
    }

    impl Evaluator for Fake {
        type Saved = Vec<LlamaToken>;

        fn sequences(&self) -> usize {
            self.cells.len()
        }

        fn limit(&self) -> usize {
            LIMIT
        }

        fn most(&self) -> usize {
            16
        }

        fn evaluate(&mut self, rows: &[Row]) -> Result<()> {
            self.calls += 1;
            let now = self.calls;
            self.leaving.retain(|(call, _)| *call > now);
            assert!(!rows.is_empty() && rows.len() <= self.most());
            assert!(rows.is_sorted_by_key(|row| row.sequence), "{rows:?}");
            self.rows = vec![Vec::new(); rows.len()];
            for (n, row) in rows.iter().enumerate() {
                let cells = &mut self.cells[row.sequence];
                if row.token == POISON {
                    // What is in the cache now, nobody knows.
                    cells.push(POISON);
                    return Err(crate::backend::llama::failed("poison"));
                }
                assert_eq!(row.position, cells.len(), "a gap or a repeated position");
                cells.push(row.token);
                assert!(cells.len() <= LIMIT);
                if row.wanted {
                    let text: Vec<u8> = cells.iter().flat_map(|t| t.0.to_le_bytes()).collect();
                    let hash = blake3::hash(&text);
                    self.rows[n] = hash.as_bytes().iter().map(|b| f32::from(*b) / 16.0).collect();
                }
            }
            Ok(())
        }

        fn logits(&self, n: usize) -> &[f32] {
            assert!(!self.rows[n].is_empty(), "these logits were not wanted");
            &self.rows[n]
        }

        fn cut(&mut self, sequence: usize, keep: usize) -> bool {
            assert!(!self.cells[sequence].contains(&POISON), "unknown content is used");
            self.cells[sequence].truncate(keep);
            true
        }

        fn clear(&mut self, sequence: usize) {
            self.cells[sequence].clear();
        }

        fn save(&self, sequence: usize) -> Option<Vec<LlamaToken>> {
            assert!(!self.cells[sequence].contains(&POISON), "unknown content is copied");
            Some(self.cells[sequence].clone())
        }

        fn restore(&mut self, sequence: usize, saved: &Vec<LlamaToken>) -> bool {
            assert!(self.cells[sequence].is_empty(), "a sequence is restored over another");
            self.cells[sequence].clone_from(saved);
            true
        }

        fn bytes(saved: &Vec<LlamaToken>) -> usize {
            saved.len()
        }
    }

    struct Letters;

    impl Words for Letters {
        fn piece(&self, token: LlamaToken) -> Vec<u8> {
            vec![b'a' + u8::try_from(token.0.rem_euclid(26)).unwrap()]
        }

        fn is_end(&self, token: LlamaToken) -> bool {
            token.0 == 0
        }

        fn end_of_thinking(&self, _: &str) -> Result<Vec<LlamaToken>> {
            Ok(Vec::new())
        }

        fn grammar(&self, rules: &str) -> Result<Box<dyn Grammar>> {
            let step = rules.parse().map_err(|_| crate::backend::llama::failed("no grammar"))?;
            Ok(Box::new(Multiples { step, written: 0 }))
        }
    }

    /// Allows the multiples of a number, and the end after two of them.
    struct Multiples {
        step: i32,
        written: usize,
    }

    impl Grammar for Multiples {
        fn allows(&mut self, token: LlamaToken) -> bool {
            if token.0 == 0 { self.written >= 2 } else { token.0 % self.step == 0 }
        }

        fn mask(&mut self, logits: &mut [f32]) {
            for (id, logit) in (0..).zip(logits) {
                if !self.allows(LlamaToken(id)) {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }

        fn accept(&mut self, token: LlamaToken) -> Result<()> {
            assert!(self.allows(token), "a token is accepted that may not follow");
            self.written += 1;
            Ok(())
        }
    }

    /// A request: what it asks, and when its caller stops waiting.
    #[derive(Clone, Debug)]
    struct Asked {
        prompt: Vec<i32>,
        kind: Kind,
        alone: bool,
        leaves: Option<usize>,
    }

    #[derive(Clone, Debug)]
    enum Kind {
        Write { most: u32, grammar: Option<i32> },
        Choose { endings: Vec<Vec<i32>> },
        ChooseAt { places: Vec<usize> },
        Weigh { text: Vec<i32> },
    }

    fn tokens(ids: &[i32]) -> Vec<LlamaToken> {
        ids.iter().copied().map(LlamaToken).collect()
    }

    impl Asked {
        fn work(&self) -> Work {
            let prompt = tokens(&self.prompt);
            let choice = |prompt: Vec<LlamaToken>, endings: &[Vec<i32>]| {
                let labels = endings.iter().map(|ending| format!("{ending:?}")).collect();
                let endings = endings.iter().map(|ending| tokens(ending)).collect();
                Choice::new(labels, prompt, &[], endings)
            };
            match &self.kind {
                Kind::Write { most, grammar } => Work::Write(Writing {
                    prompt,
                    sampling: Sampling::default().temperature(0.0).max_tokens(*most),
                    seed: [0; 32],
                    turn: String::new(),
                    grammar: grammar.map(|step| step.to_string()),
                }),
                Kind::Choose { endings } => Work::Choose(choice(prompt, endings)),
                Kind::ChooseAt { places } => {
                    let labels = [vec![1], vec![2, 3], vec![2, 4]];
                    let at = |place: &usize| {
                        choice(prompt[..(*place).clamp(1, prompt.len())].to_vec(), &labels)
                    };
                    Work::ChooseAt(places.iter().map(at).collect())
                }
                Kind::Weigh { text } => {
                    Work::Weigh { prompt, text: tokens(text), of: String::new() }
                }
            }
        }
    }

    /// The answers to these requests, asked together; `None` where the caller has gone.
    fn answers(
        all: &[Asked],
        sequences: usize,
        budget: usize,
    ) -> (Vec<Option<Result<Completion>>>, Scheduler<Fake>) {
        let (jobs, queue) = mpsc::channel();
        let mut fake = Fake::new(sequences);
        let mut waiting = Vec::new();
        for asked in all {
            let (reply, answer) = oneshot::channel();
            let job = Job { work: asked.work(), goes_on: false, alone: asked.alone, reply };
            jobs.send(job).unwrap();
            match asked.leaves {
                Some(call) => {
                    fake.leaving.push((call, answer));
                    waiting.push(None);
                }
                None => waiting.push(Some(answer)),
            }
        }
        drop(jobs);
        let figures = Arc::new(Mutex::new(EngineFigures::default()));
        let curve = Curve::new(vec![(1, 1.0), (2, 1.1), (4, 1.3), (16, 2.0)]);
        let memory = Memory::new(fake, budget);
        let mut scheduler =
            Scheduler::new(memory, Queue::new(queue), Arc::new(Letters), curve, figures);
        scheduler.run();
        let answered =
            waiting.into_iter().map(|answer| answer.map(|mut it| it.try_recv().unwrap()));
        (answered.collect(), scheduler)
    }

    fn asked() -> impl Strategy<Value = Asked> {
        let few = || prop::collection::vec(1_i32..4, 1..8);
        let kind = prop_oneof![
            (1_u32..12, prop::option::of(1_i32..6))
                .prop_map(|(most, grammar)| Kind::Write { most, grammar }),
            prop::collection::vec(prop::collection::vec(1_i32..4, 1..4), 1..5)
                .prop_map(|endings| Kind::Choose { endings }),
            prop::collection::vec(1_usize..30, 1..4).prop_map(|places| Kind::ChooseAt { places }),
            few().prop_map(|text| Kind::Weigh { text }),
        ];
        // Long beginnings that many share, and ends that few share; now and then one that fails.
        let prompt =
            (0_i32..3, 0_usize..24, few(), 0_u8..12).prop_map(|(first, shared, own, bad)| {
                let mut prompt: Vec<i32> = (0..shared).map(|_| first + 5).collect();
                prompt.extend(own);
                if bad == 0 {
                    prompt.push(POISON.0);
                }
                prompt
            });
        let leaves = prop::option::weighted(0.2, 0_usize..40);
        (prompt, kind, any::<bool>(), leaves).prop_map(|(prompt, kind, alone, leaves)| Asked {
            prompt,
            kind,
            alone,
            leaves,
        })
    }

    proptest! {
        #[test]
        fn every_request_is_answered_as_if_it_were_alone_and_nothing_is_left_behind(
            all in prop::collection::vec(asked(), 1..30),
            sequences in 1_usize..6,
            budget in prop_oneof![Just(0), Just(60), Just(100_000)],
        ) {
            let (together, scheduler) = answers(&all, sequences, budget);
            for (asked, answer) in all.iter().zip(&together) {
                let Some(answer) = answer else { continue };
                let alone = Asked { leaves: None, ..asked.clone() };
                let (alone, _) = answers(&[alone], 1, 0);
                match (answer, alone[0].as_ref().unwrap()) {
                    (Ok(answer), Ok(alone)) => {
                        prop_assert_eq!(&answer.text, &alone.text);
                        prop_assert_eq!(&answer.token_ids, &alone.token_ids);
                        prop_assert_eq!(answer.finish.clone(), alone.finish.clone());
                        prop_assert_eq!(&answer.distribution, &alone.distribution);
                        prop_assert_eq!(&answer.distributions, &alone.distributions);
                        prop_assert_eq!(&answer.logprobs, &alone.logprobs);
                    }
                    (Err(_), Err(_)) => (),
                    // A call that failed costs the requests that shared it.
                    (Err(_), Ok(_)) => prop_assert!(all.iter().any(|a| a.prompt.contains(&POISON.0))),
                    (Ok(_), Err(_)) => prop_assert!(false, "{asked:?}"),
                }
            }
            prop_assert!(scheduler.active.iter().all(Option::is_none));
            let cells = &scheduler.memory.evaluator().cells;
            for (sequence, cells) in cells.iter().enumerate() {
                prop_assert_eq!(scheduler.memory.held(sequence), cells.as_slice());
            }
            prop_assert!(scheduler.memory.parked_bytes() <= budget);
        }

        #[test]
        fn what_prompts_share_is_evaluated_once(
            all in prop::collection::vec(asked(), 1..30),
            sequences in 1_usize..6,
        ) {
            let whole: Vec<Asked> = all
                .into_iter()
                .filter(|asked| !asked.prompt.contains(&POISON.0))
                .map(|asked| Asked { leaves: None, ..asked })
                .collect();
            let (_, scheduler) = answers(&whole, sequences, 100_000);
            let figures = scheduler.figures.lock().unwrap().clone();
            let (minimum, evaluated) =
                (figures.prompt_tokens_minimum.unwrap(), figures.prompt_tokens_evaluated);
            // What is cut off to a multiple of four, and sequences that are not worth a copy.
            let places = |asked: &Asked| match &asked.kind {
                Kind::ChooseAt { places } => places.len(),
                _ => 1,
            };
            let reads = whole.iter().map(places).sum::<usize>() as u64;
            prop_assert!(evaluated >= minimum, "{figures:?}");
            prop_assert!(evaluated <= minimum + 20 * reads, "{figures:?}");
            prop_assert_eq!(figures.requests, whole.len() as u64);
        }
    }

    #[test]
    fn a_text_keeps_to_its_grammar_and_ends_only_where_that_does() {
        let asked = |grammar, prompt: i32| Asked {
            prompt: vec![prompt],
            kind: Kind::Write { most: 40, grammar },
            alone: false,
            leaves: None,
        };
        let grammars = [Some(2), Some(5), None].into_iter().cycle();
        let all: Vec<Asked> = grammars.zip(1..30).map(|(step, n)| asked(step, n)).collect();
        let (answers, _) = answers(&all, 4, 100_000);
        for (asked, answer) in all.iter().zip(answers) {
            let answer = answer.unwrap().unwrap();
            let Kind::Write { grammar: Some(step), .. } = asked.kind else { continue };
            assert!(answer.token_ids.iter().all(|id| id % step == 0), "{answer:?}");
            let is_whole = answer.token_ids.len() >= 2;
            assert!(is_whole && answer.finish == Finish::Stop || answer.token_ids.len() == 40);
        }
    }

    #[test]
    fn a_grammar_that_cannot_be_read_costs_its_request_alone() {
        let (jobs, queue) = mpsc::channel();
        let mut waiting = Vec::new();
        for grammar in [Some("no number"), None] {
            let (reply, answer) = oneshot::channel();
            let work = Work::Write(Writing {
                prompt: tokens(&[1, 2]),
                sampling: Sampling::default().max_tokens(3),
                seed: [0; 32],
                turn: String::new(),
                grammar: grammar.map(ToOwned::to_owned),
            });
            jobs.send(Job { work, goes_on: false, alone: false, reply }).unwrap();
            waiting.push(answer);
        }
        drop(jobs);
        let figures = Arc::new(Mutex::new(EngineFigures::default()));
        let memory = Memory::new(Fake::new(2), 0);
        let curve = Curve::new(vec![(1, 1.0)]);
        Scheduler::new(memory, Queue::new(queue), Arc::new(Letters), curve, figures).run();
        let answers: Vec<_> = waiting.into_iter().map(|mut it| it.try_recv().unwrap()).collect();
        assert!(answers[0].is_err() && answers[1].is_ok(), "{answers:?}");
    }
}
