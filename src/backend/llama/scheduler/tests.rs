//! The scheduler against a model of a few lines, which is as strict as llama.cpp.

use std::sync::mpsc;

use proptest::prelude::*;

use super::*;
use crate::{
    backend::llama::{
        evaluator::{GRAIN, Row},
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
    /// The sequences of every call that extends them by a token each.
    rounds: Vec<Vec<usize>>,
    reuses_graphs: bool,
    /// For each token, how many were evaluated with it and before it in its call: on a GPU these change bits.
    marks: Vec<Vec<u32>>,
    is_gpu: bool,
    /// Callers that stop waiting at the call of this number.
    leaving: Vec<(usize, Answer)>,
}

impl Fake {
    fn new(sequences: usize) -> Self {
        let cells = vec![Vec::new(); sequences];
        Self {
            cells,
            rows: Vec::new(),
            calls: 0,
            rounds: Vec::new(),
            reuses_graphs: false,
            marks: vec![Vec::new(); sequences],
            is_gpu: false,
            leaving: Vec::new(),
        }
    }
}

impl Evaluator for Fake {
    type Saved = (Vec<LlamaToken>, Vec<u32>);

    fn sequences(&self) -> usize {
        self.cells.len()
    }

    fn limit(&self) -> usize {
        LIMIT
    }

    fn most(&self) -> usize {
        16
    }

    fn grain(&self) -> usize {
        if self.is_gpu { self.most() } else { GRAIN }
    }

    fn reuses_graphs(&self) -> bool {
        self.reuses_graphs
    }

    fn evaluate(&mut self, rows: &[Row]) -> Result<()> {
        self.calls += 1;
        let sequences: Vec<usize> = rows.iter().map(|row| row.sequence).collect();
        if sequences.is_sorted_by(|a, b| a < b) {
            self.rounds.push(sequences);
        }
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
            let in_call = |other: &&Row| other.sequence == row.sequence;
            let all = rows.iter().filter(in_call).count();
            let before = rows[..n].iter().filter(in_call).count();
            self.marks[row.sequence].push(u32::try_from(all * 100 + before).unwrap());
            if row.wanted {
                let mut text: Vec<u8> = cells.iter().flat_map(|t| t.0.to_le_bytes()).collect();
                if self.is_gpu {
                    text.extend(self.marks[row.sequence].iter().flat_map(|m| m.to_le_bytes()));
                }
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
        self.marks[sequence].truncate(keep);
        true
    }

    fn clear(&mut self, sequence: usize) {
        self.cells[sequence].clear();
        self.marks[sequence].clear();
    }

    fn save(&self, sequence: usize) -> Option<Self::Saved> {
        assert!(!self.cells[sequence].contains(&POISON), "unknown content is copied");
        Some((self.cells[sequence].clone(), self.marks[sequence].clone()))
    }

    fn restore(&mut self, sequence: usize, (cells, marks): &Self::Saved) -> bool {
        assert!(self.cells[sequence].is_empty(), "a sequence is restored over another");
        self.cells[sequence].clone_from(cells);
        self.marks[sequence].clone_from(marks);
        true
    }

    fn copy(&mut self, from: usize, into: usize) -> bool {
        self.save(from).is_some_and(|saved| self.restore(into, &saved))
    }

    fn bytes(&self, sequence: usize) -> usize {
        self.cells[sequence].len()
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

/// Turns without other engines: it needs no core of the machine.
fn alone() -> Turns {
    Turns::new(0, 0)
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
            Kind::Weigh { text } => Work::Weigh { prompt, text: tokens(text), of: String::new() },
        }
    }
}

/// The answers to these requests, asked together; `None` where the caller has gone.
fn answers(
    all: &[Asked],
    sequences: usize,
    budget: usize,
) -> (Vec<Option<Result<Completion>>>, Scheduler<'static, Fake>) {
    answers_of(Fake::new(sequences), all, budget)
}

/// The same with a given model.
fn answers_of(
    mut fake: Fake,
    all: &[Asked],
    budget: usize,
) -> (Vec<Option<Result<Completion>>>, Scheduler<'static, Fake>) {
    let (jobs, queue) = mpsc::channel();
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
    let widest = if fake.reuses_graphs { 1.05 } else { 2.0 };
    let curve = Curve::new(vec![(1, 1.0), (16, widest)]);
    let memory = Memory::new(fake, budget);
    let mut scheduler =
        Scheduler::new(memory, Queue::new(queue), Arc::new(Letters), curve, figures, alone());
    scheduler.run();
    let answered = waiting.into_iter().map(|answer| answer.map(|mut it| it.try_recv().unwrap()));
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
    let prompt = (0_i32..3, 0_usize..24, few(), 0_u8..12).prop_map(|(first, shared, own, bad)| {
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
        reuses_graphs in any::<bool>(),
    ) {
        let fake = Fake { reuses_graphs, ..Fake::new(sequences) };
        let (together, scheduler) = answers_of(fake, &all, budget);
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
        // A later prompt may begin with a token of a label, which was evaluated then.
        let weighed: usize = whole.iter().map(|asked| asked.work().weighed()).sum();
        prop_assert!(evaluated + weighed as u64 >= minimum, "{figures:?}");
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
    Scheduler::new(memory, Queue::new(queue), Arc::new(Letters), curve, figures, alone()).run();
    let answers: Vec<_> = waiting.into_iter().map(|mut it| it.try_recv().unwrap()).collect();
    assert!(answers[0].is_err() && answers[1].is_ok(), "{answers:?}");
}

#[test]
fn places_of_one_text_are_weighed_in_one_pass_over_it() {
    let places = [40, 12, 25, 13];
    let prompt: Vec<i32> = (0..40).map(|n| 5 + n % 3).collect();
    let one = |places: &[usize]| Asked {
        prompt: prompt.clone(),
        kind: Kind::ChooseAt { places: places.to_vec() },
        alone: false,
        leaves: None,
    };
    let (answer, scheduler) = answers(&[one(&places)], 1, 0);
    let answer = answer[0].as_ref().unwrap().as_ref().unwrap();
    // The beginning, pieces that end at 16, 32 and 40, and the second token of two labels at every place.
    assert_eq!(scheduler.memory.evaluator().calls, 1 + 3 + 4);
    assert_eq!(scheduler.figures.lock().unwrap().prompt_tokens_evaluated, 40 + 4);
    for (n, place) in places.into_iter().enumerate() {
        let (alone, _) = answers(&[one(&[place])], 1, 0);
        let alone = alone[0].as_ref().unwrap().as_ref().unwrap();
        assert_eq!(answer.distributions[n], alone.distributions[0], "place {n}");
    }
}

/// Labels of two tokens, of which two begin with the same one.
fn menu(alone: bool) -> Asked {
    let endings = [vec![1, 9], vec![2, 9], vec![3, 9], vec![4, 9], vec![4, 8, 7]];
    let prompt = (0..30).map(|n| 5 + n % 3).collect();
    Asked { prompt, kind: Kind::Choose { endings: endings.to_vec() }, alone, leaves: None }
}

#[test]
fn labels_of_several_tokens_are_branches_of_one_prompt() {
    let (together, scheduler) = answers(&[menu(false)], 4, 0);
    // Two pieces of the prompt, the first tokens of four labels, and the second one of the longest.
    assert_eq!(scheduler.memory.evaluator().calls, 2 + 1 + 1);
    assert_eq!(scheduler.figures.lock().unwrap().prompt_tokens_evaluated, 30 + 5);
    assert!(
        (1..4).all(|sequence| scheduler.memory.held(sequence).is_empty()),
        "all are free again"
    );
    // One after another where there is no sequence to borrow, and in calls of its own.
    for (asked, sequences) in [(menu(false), 1), (menu(true), 4)] {
        let (alone, scheduler) = answers(&[asked], sequences, 0);
        assert_eq!(scheduler.memory.evaluator().calls, 2 + 5);
        let distribution = |all: &[Option<Result<Completion>>]| {
            all[0].as_ref().unwrap().as_ref().unwrap().distribution.clone()
        };
        assert_eq!(distribution(&alone), distribution(&together));
    }
}

#[test]
fn sequences_are_borrowed_only_if_nothing_is_lost_with_them() {
    let mut memory = Memory::new(Fake::new(4), 0);
    for (sequence, first) in [(0, 100), (1, 200), (2, 200)] {
        let prompt: Vec<LlamaToken> = (first..first + 30).map(LlamaToken).collect();
        let Begun { kept, .. } = memory.begin(sequence, &prompt, Sharing::Exact);
        for rest in prompt[kept..].chunks(16) {
            memory.extend(sequence, rest, &[]).unwrap();
        }
    }
    assert_eq!(
        memory.spare(&[0, 1, 2, 3]),
        [1, 3],
        "one of two that are the same, and the empty one"
    );
    assert_eq!(memory.spare(&[0, 2]), [2]);
}

#[test]
fn calls_on_a_gpu_have_the_same_sequences_while_requests_come_and_go() {
    let write = |n: i32| Asked {
        prompt: vec![n, n + 1],
        kind: Kind::Write { most: 3 + 2 * n.unsigned_abs(), grammar: None },
        alone: false,
        leaves: None,
    };
    let all: Vec<Asked> = (1..6).map(write).collect();
    let fake = Fake { reuses_graphs: true, ..Fake::new(6) };
    let (answers, scheduler) = answers_of(fake, &all, 0);
    let rounds = &scheduler.memory.evaluator().rounds;
    let mut sizes: Vec<usize> = rounds.iter().map(Vec::len).collect();
    assert!(rounds.iter().all(|round| round.iter().copied().eq(0..round.len())), "{rounds:?}");
    sizes.sort_unstable();
    sizes.dedup();
    assert!(sizes.iter().all(|size| [1, 2, 4, 6].contains(size)), "{sizes:?}");
    let (alone, _) = answers_of(Fake::new(1), &all, 0);
    for (together, alone) in answers.into_iter().zip(alone) {
        assert_eq!(together.unwrap().unwrap().token_ids, alone.unwrap().unwrap().token_ids);
    }
}

#[test]
fn on_a_gpu_requests_in_calls_of_their_own_get_the_same_bits_whatever_was_read_before() {
    // Longer than one call, and with beginnings of all lengths in common.
    let prompt = |n: i32| (0..40).map(|at| 5 + i32::from(at > 3 * n) * n).collect();
    let kind = |n: i32| match n % 3 {
        0 => Kind::Write { most: 5, grammar: None },
        1 => Kind::Choose { endings: vec![vec![1, 9], vec![2], vec![3, 4]] },
        _ => Kind::Weigh { text: vec![1, 2, 3] },
    };
    let ask = |n: i32| Asked { prompt: prompt(n), kind: kind(n), alone: true, leaves: None };
    let gpu = |sequences| Fake { is_gpu: true, ..Fake::new(sequences) };
    let all: Vec<Asked> = (1..12).chain(1..12).map(ask).collect();
    // Requests that are answered together read in other pieces, and leave them in the cache.
    let mixed = |asked: &Asked| [Asked { alone: false, ..asked.clone() }, asked.clone()];
    let mixed: Vec<Asked> = all.iter().flat_map(mixed).collect();
    for (asked, sequences, copies) in
        [(&all, 1, 0), (&all, 1, 400), (&all, 4, 0), (&mixed, 1, 400), (&mixed, 5, 0)]
    {
        let (answers, scheduler) = answers_of(gpu(sequences), asked, copies);
        for (answer, asked) in answers.into_iter().zip(asked).filter(|(_, asked)| asked.alone) {
            let (fresh, _) = answers_of(gpu(1), std::slice::from_ref(asked), 0);
            let fresh = fresh[0].as_ref().unwrap().as_ref().unwrap();
            let answer = answer.unwrap().unwrap();
            assert_eq!(answer.token_ids, fresh.token_ids, "{asked:?}");
            assert_eq!(answer.distribution, fresh.distribution, "{asked:?}");
            assert_eq!(answer.logprobs, fresh.logprobs, "{asked:?}");
        }
        let figures = scheduler.figures.lock().unwrap();
        assert!(figures.prompt_tokens_evaluated < figures.prompt_tokens, "whole pieces are shared");
    }
}
