//! `align`, with judges and writers of every kind: what holds whatever they say.

#![cfg(feature = "store")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;
use serde_json::json;
use tokio::sync::Semaphore;
use tribunal::{
    Completion, Item, Judge, Prompt, Request, Result,
    align::{AlignOptions, Aligner, Alignment, Candidate, Case, Parts},
    backend::{
        Backend, BackendExt, Budget, BudgetLimits,
        cache::{Cache, Mode},
        from_fn,
    },
    error::ErrorKind,
    report::Labels,
    request::Message,
};

/// The prompt of a judge that says a word. `Rule 0.` is what proposals change.
const LABEL: &str = "---\nkind: label\nfields: {question: optional, answer: required}\nscale: {labels: {good: 1, bad: 0}}\nverdict: 'Verdict: *'\n---\nRule 0.\n{{ question }}\n{{ answer }}\nWrite `Verdict: good` or `Verdict: bad`.\n";
/// The prompt of a judge that gives a score.
const SCORE: &str = "---\nkind: score\nfields: {question: optional, answer: required}\nscale: {min: 0, max: 10}\nverdict: 'Verdict: *'\n---\nRule 0.\n{{ question }}\n{{ answer }}\nWrite `Verdict:` and a number.\n";

/// How records are about questions.
#[derive(Clone, Copy, Debug)]
enum Questions {
    /// Every record has its own.
    Own,
    /// Several records share an id.
    ById(usize),
    /// Several records share a text.
    ByText(usize),
    /// Each record is there twice, with two ids.
    Copied,
}

/// Records, people's labels, a judge whose verdicts depend on the rule in its prompt, and a writer of all sorts of things.
#[derive(Clone, Copy, Debug)]
struct World {
    seed: u64,
    records: usize,
    questions: Questions,
    scores: bool,
    /// How often a judge is right with each rule, of 100.
    skill: [u64; 4],
    /// How often it gives no verdict, of 100.
    silent: u64,
}

impl World {
    fn chance(self, about: &str) -> u64 {
        let hash = blake3::hash(format!("{}|{about}", self.seed).as_bytes());
        u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap()) >> 8
    }

    /// What is judged in a record: copies have the same content.
    fn content(self, n: usize) -> usize {
        if matches!(self.questions, Questions::Copied) { n / 2 } else { n }
    }

    /// The question of a record; records that share one may not be in two parts.
    fn question(self, n: usize) -> usize {
        match self.questions {
            Questions::Own => n,
            Questions::ById(each) | Questions::ByText(each) => n / each,
            Questions::Copied => n / 2,
        }
    }

    fn label(self, content: usize) -> u64 {
        self.chance(&format!("label {content}")) % if self.scores { 11 } else { 2 }
    }

    fn case(self, n: usize) -> Case {
        let content = self.content(n);
        let mut record = json!({"id": format!("r{n}"), "answer": format!("Number #{content}.")});
        match self.questions {
            Questions::ById(_) => record["question_id"] = json!(self.question(n)),
            Questions::ByText(_) => {
                record["question"] = json!(format!("Question @{}.", self.question(n)));
            }
            Questions::Own | Questions::Copied => (),
        }
        let label = match (self.scores, self.label(content)) {
            (true, score) => json!(score),
            (false, 1) => json!("good"),
            (false, _) => json!("bad"),
        };
        Case { id: format!("r{n}"), item: Item::from(record), label }
    }

    fn cases(self) -> Vec<Case> {
        (0..self.records).map(|n| self.case(n)).collect()
    }

    fn original(self) -> Arc<Prompt> {
        Arc::new(Prompt::parse("judge", if self.scores { SCORE } else { LABEL }).unwrap())
    }

    /// What the judge says about a record with a rule; `None` if that is no verdict.
    fn verdict(self, rule: usize, content: usize) -> Option<u64> {
        let chance = |about: &str| self.chance(&format!("{about} {rule} {content}")) % 100;
        if chance("silent") < self.silent {
            return None;
        }
        let label = self.label(content);
        let is_right = chance("right") < self.skill[rule % self.skill.len()];
        let size = if self.scores { 11 } else { 2 };
        Some(if is_right { label } else { (label + 1 + chance("how") % (size - 1)) % size })
    }

    fn judged(self, text: &str) -> String {
        match self.verdict(number(text, "Rule "), number(text, "Number #")) {
            None => "I cannot say.".to_owned(),
            Some(score) if self.scores => format!("Verdict: {score}"),
            Some(1) => "Verdict: good".to_owned(),
            Some(_) => "Verdict: bad".to_owned(),
        }
    }

    fn written(self, request: &Request) -> String {
        let text = request.messages.iter().map(Message::text).collect::<String>();
        let chance = self.chance(&format!("{text} {}", request.draw));
        let original = if self.scores { SCORE } else { LABEL };
        let ruled = original.replace("Rule 0.", &format!("Rule {}.", 1 + chance / 8 % 3));
        match chance % 8 {
            0 => "I would rather not.".to_owned(),
            1 => original.to_owned(),
            2 => ruled.replace("{{ answer }}", "{{ answer }} {{ gold }}"),
            3 => ruled.replace("kind:", "draws: 9\nkind:"),
            4 => format!("Here it is:\n```jinja\n{ruled}```\n"),
            _ => ruled,
        }
    }

    /// The mean agreement of a prompt with the labels of some records, from what the judge says.
    fn agreement(self, prompt: &str, cases: &[Case]) -> f64 {
        let close = |case: &Case| {
            let content = number(&case.item.text("answer").unwrap(), "Number #");
            match self.verdict(number(prompt, "Rule "), content) {
                None => 0.0,
                Some(said) => {
                    let distance = u32::try_from(said.abs_diff(self.label(content))).unwrap();
                    1.0 - f64::from(distance) / if self.scores { 10.0 } else { 1.0 }
                }
            }
        };
        cases.iter().map(close).sum::<f64>() / f64::from(u32::try_from(cases.len()).unwrap())
    }
}

/// The number behind these words.
fn number(text: &str, words: &str) -> usize {
    let rest = text.split(words).nth(1).unwrap();
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

/// All numbers behind these words.
fn numbers(text: &str, words: &str) -> BTreeSet<usize> {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    text.split(words).skip(1).filter_map(|rest| digits(rest).parse().ok()).collect()
}

/// The models of a world, and the texts that reached each.
#[derive(Clone)]
struct Models {
    world: World,
    judge: Arc<Mutex<Vec<String>>>,
    writer: Arc<Mutex<Vec<String>>>,
    /// What may still be answered; the rest waits.
    allowed: Arc<Semaphore>,
}

impl Models {
    fn new(world: World) -> Self {
        let allowed = Arc::new(Semaphore::new(1_000_000));
        Self { world, judge: Arc::default(), writer: Arc::default(), allowed }
    }

    fn backend(&self, is_writer: bool) -> impl Backend + 'static {
        let models = self.clone();
        from_fn(if is_writer { "writer" } else { "judge" }, move |request: Request| {
            let models = models.clone();
            async move {
                models.allowed.acquire().await.unwrap().forget();
                let text = request.messages.iter().map(Message::text);
                let text = text.collect::<String>();
                let kept = if is_writer { &models.writer } else { &models.judge };
                kept.lock().unwrap().push(text.clone());
                Ok(Completion::text(if is_writer {
                    models.world.written(&request)
                } else {
                    models.world.judged(&text)
                }))
            }
        })
    }

    fn calls(&self) -> u64 {
        let count = self.judge.lock().unwrap().len() + self.writer.lock().unwrap().len();
        u64::try_from(count).unwrap()
    }

    /// One alignment, with these answers known and these limits.
    async fn align(
        &self,
        options: AlignOptions,
        cache: &Cache,
        limits: BudgetLimits,
    ) -> Result<(Alignment, Vec<Candidate>)> {
        let budget = Budget::new(limits);
        let judge = Arc::new(self.backend(false).budgeted(budget.clone()).cached(cache));
        let writer = self.backend(true).budgeted(budget).cached(cache);
        let writer = Judge::builder().backend(writer).prompt("align").build().await?;
        let open = async |prompt: Arc<Prompt>| {
            Judge::builder().backend(judge.clone()).with_prompt(prompt).build().await
        };
        let labels = Labels::new(Some("gold".into()), []);
        let aligner = Aligner::new(open, writer, labels, options)?;
        let mut kept = Vec::new();
        let keep = |candidate: &Candidate| {
            kept.push(candidate.clone());
            Ok(())
        };
        let found = aligner.align(self.world.original(), self.world.cases(), keep).await?;
        Ok((found, kept))
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(future)
}

fn worlds() -> impl Strategy<Value = World> {
    let questions = prop_oneof![
        Just(Questions::Own),
        (2_usize..5).prop_map(Questions::ById),
        (2_usize..5).prop_map(Questions::ByText),
        Just(Questions::Copied),
    ];
    let skill = prop::array::uniform4(prop::sample::select(vec![0_u64, 40, 60, 80, 100]));
    let silent = prop::sample::select(vec![0_u64, 0, 10, 50]);
    (any::<u64>(), 80_usize..100, questions, any::<bool>(), skill, silent).prop_map(
        |(seed, records, questions, scores, skill, silent)| World {
            seed,
            records,
            questions,
            scores,
            skill,
            silent,
        },
    )
}

fn options() -> impl Strategy<Value = AlignOptions> {
    (1_u32..4, 1_u32..4, 1_usize..40, any::<u64>()).prop_map(|(rounds, candidates, shown, seed)| {
        let mut options = AlignOptions::default();
        (options.rounds, options.candidates) = (rounds, candidates);
        (options.shown, options.seed) = (shown, seed);
        options
    })
}

/// The whole of a result, to be compared.
fn whole((found, kept): &(Alignment, Vec<Candidate>)) -> String {
    format!("{} {} {}", found.to_json(), found.prompt, json!(kept))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_writer_sees_no_record_and_no_question_outside_the_training_part(
        world in worlds(),
        options in options(),
    ) {
        let models = Models::new(world);
        let cache = Cache::in_memory(Mode::On);
        let (found, _) = block_on(models.align(options, &cache, BudgetLimits::default())).unwrap();
        let parts = Parts::new(&world.cases(), options.seed).unwrap();
        let sizes = [&parts.training, &parts.validation, &parts.held_out].map(Vec::len);
        prop_assert_eq!(found.counts, sizes);
        prop_assert_eq!(sizes.iter().sum::<usize>(), world.records);
        let contents = |cases: &[Case]| -> BTreeSet<usize> {
            cases.iter().map(|case| number(&case.item.text("answer").unwrap(), "Number #")).collect()
        };
        let questions = |cases: &[Case]| -> BTreeSet<usize> {
            cases.iter().map(|case| world.question(case.id[1..].parse().unwrap())).collect()
        };
        let (training, held_out) = (contents(&parts.training), contents(&parts.held_out));
        prop_assert!(questions(&parts.training).is_disjoint(&questions(&parts.held_out)));
        prop_assert!(questions(&parts.validation).is_disjoint(&questions(&parts.held_out)));
        prop_assert!(training.is_disjoint(&held_out));
        for text in models.writer.lock().unwrap().iter() {
            let shown = numbers(text, "Number #");
            prop_assert!(!shown.is_empty() && shown.is_subset(&training), "{shown:?} {training:?}");
            let asked = numbers(text, "Question @");
            prop_assert!(asked.is_disjoint(&questions(&parts.held_out)), "{asked:?}");
        }
        // No judge saw a label.
        prop_assert!(models.judge.lock().unwrap().iter().all(|text| !text.contains("gold")));
    }

    #[test]
    fn the_prompt_is_the_original_unless_another_one_is_better_on_held_out_records(
        world in worlds(),
        options in options(),
    ) {
        let models = Models::new(world);
        let cache = Cache::in_memory(Mode::On);
        let (found, kept) = block_on(models.align(options, &cache, BudgetLimits::default())).unwrap();
        let held_out = Parts::new(&world.cases(), options.seed).unwrap().held_out;
        let original = world.original();
        let (before, after) =
            (world.agreement(original.source(), &held_out), world.agreement(&found.prompt, &held_out));
        prop_assert!((found.before.agreement() - before).abs() < 1e-9);
        prop_assert!(after >= before - 1e-9, "{before} {after}");
        match &found.decision {
            Some(decision) if decision.is_better => {
                let chosen = &kept[decision.candidate as usize - 1];
                prop_assert_eq!(&found.prompt, &chosen.prompt);
                prop_assert!((decision.after.agreement() - after).abs() < 1e-9);
                prop_assert!(decision.p.is_none_or(|p| p < 0.05) && decision.difference.low >= 0.0);
                prop_assert!(after > before);
            }
            _ => prop_assert_eq!(&found.prompt, original.source()),
        }
        // Every candidate is kept, and what was taken reads and does what the original does.
        prop_assert_eq!(kept.len(), found.candidates.len());
        prop_assert!(kept.len() <= (options.rounds * options.candidates) as usize);
        let prompt = Prompt::parse("judge", &found.prompt).unwrap();
        prop_assert_eq!(&prompt.front().scale, &original.front().scale);
        prop_assert!(!found.prompt.contains("gold") && !found.prompt.contains("draws"));
    }

}

// These run an alignment again and again.
proptest! {
    #![proptest_config(ProptestConfig::with_cases(5))]

    #[test]
    fn a_budget_is_never_exceeded_and_the_runs_together_pay_what_one_would(
        world in worlds(),
        options in options(),
        limit in 60_u64..300,
    ) {
        let whole_run = Models::new(world);
        let once = block_on(whole_run.align(
            options,
            &Cache::in_memory(Mode::On),
            BudgetLimits::default(),
        )).unwrap();
        let models = Models::new(world);
        let cache = Cache::in_memory(Mode::On);
        let limits = BudgetLimits { max_requests: Some(limit), ..BudgetLimits::default() };
        let (mut paid, mut runs) = (0, 0);
        let found = loop {
            let found = block_on(models.align(options, &cache, limits));
            prop_assert!(models.calls() - paid <= limit);
            match found {
                Ok(found) => break found,
                Err(error) => {
                    prop_assert_eq!(error.kind(), ErrorKind::Budget, "{}", error);
                    prop_assert_eq!(models.calls() - paid, limit, "a run that stops early stops at its limit");
                }
            }
            (paid, runs) = (models.calls(), runs + 1);
            prop_assert!(runs < 2_000);
        };
        prop_assert_eq!(whole(&found), whole(&once));
        prop_assert_eq!(models.calls(), whole_run.calls());
        // Once more, nothing is sent.
        let again = block_on(models.align(options, &cache, limits)).unwrap();
        prop_assert_eq!(whole(&again), whole(&once));
        prop_assert_eq!(models.calls(), whole_run.calls());
    }

    #[test]
    fn a_run_that_is_dropped_anywhere_goes_on_and_sends_nothing_twice(
        world in worlds(),
        options in options(),
        stops in prop::collection::vec(0_usize..80, 1..5),
    ) {
        let whole_run = Models::new(world);
        let cache = Cache::in_memory(Mode::On);
        let once = block_on(whole_run.align(options, &cache, BudgetLimits::default())).unwrap();
        let models = Models::new(world);
        let cache = Cache::in_memory(Mode::On);
        let (again, calls) = block_on(async {
            models.allowed.forget_permits(1_000_000);
            for stop in stops {
                models.allowed.add_permits(stop);
                let wait = std::time::Duration::from_secs(1);
                // A run that got all that it needed is repeated.
                let _ = tokio::time::timeout(wait, models.align(options, &cache, BudgetLimits::default())).await;
            }
            models.allowed.add_permits(1_000_000);
            let again = models.align(options, &cache, BudgetLimits::default()).await.unwrap();
            (again, models.calls())
        });
        prop_assert_eq!(whole(&again), whole(&once));
        prop_assert_eq!(calls, whole_run.calls());
    }
}
