//! `strategy::search`: methods over steps that scripted policies write and scripted judges score.

#![cfg(feature = "store")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use proptest::prelude::*;
use tokio::sync::Semaphore;
use tribunal::{
    Backend, Completion, Item, Judge, Prompt, Request,
    backend::{
        BackendExt,
        cache::{Cache, Mode},
        from_fn,
    },
    completion::Usage,
    request::{Ability, Ask, Capabilities},
    strategy::search::{
        Choice, FinishedPath, SearchLimit, SearchLimits, SearchMethod, SearchOptions, Searched,
        Searcher,
    },
};

/// The prompt of the policy: the steps so far, one a line.
const STEP: &str = "---\nkind: revision\nfields: {question: required, prefix: optional}\n---\nuser:\n{{ question }}\n{{ prefix }}\nassistant:\n{{ gen(\"step\") }}\n";
/// The prompt for the rest of a solution.
const REST: &str = "---\nkind: revision\nfields: {question: required, prefix: optional}\n---\nuser:\nALL {{ question }}\n{{ prefix }}\nassistant:\n{{ gen(\"rest\") }}\n";
/// The prompt of the judge.
const SCORE: &str = "---\nkind: score\nfields: {question: required, answer: required}\nscale: {min: 0, max: 10}\nverdict: \"Score: *\"\n---\nuser:\n{{ question }}\n{{ answer }}\nassistant:\n{{ gen(\"critique\") }}\n";

/// A world in which a solution is a number of so many digits, one a step, and one number is right.
#[derive(Clone, Copy, Debug)]
struct World {
    right: [u8; 3],
    seed: u64,
    /// How many digits there are to choose from.
    digits: u32,
    /// Whether each draw writes the digit after that of the draw before, so that as many draws write all of them.
    is_thorough: bool,
}

impl World {
    /// The digit that a draw after these steps writes.
    fn drawn(self, steps: &[&str], draw: u32) -> u32 {
        if self.is_thorough {
            return draw % self.digits;
        }
        let text = format!("{}|{}|{draw}", self.seed, steps.join("."));
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        u32::try_from((hash >> 32) % u64::from(self.digits)).unwrap()
    }

    /// The step after these steps.
    fn step(self, steps: &[&str], draw: u32) -> String {
        let digit = self.drawn(steps, draw);
        if steps.len() + 1 < self.right.len() {
            return format!("digit {digit}");
        }
        let digits: String = steps.iter().filter_map(|step| step.strip_prefix("digit ")).collect();
        format!("answer: 1{digits}{digit}")
    }

    fn answer(self) -> String {
        let digits: String = self.right.iter().map(u8::to_string).collect();
        format!("answer: 1{digits}")
    }

    /// Whether these steps lead to the right number.
    fn is_right(self, steps: &[&str]) -> bool {
        steps.iter().zip(0..).all(|(step, at)| match self.right.get(at) {
            Some(digit) if at + 1 < self.right.len() => *step == format!("digit {digit}"),
            Some(_) => *step == self.answer(),
            None => false,
        })
    }
}

fn lines(request: &Request) -> Vec<String> {
    let text = request.messages[0].text();
    text.lines().skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What a model can do that tells the probability of a given text.
fn weighs() -> Capabilities {
    let mut capabilities = Capabilities::TEXT;
    capabilities.text_logprobs = Ability::Yes;
    capabilities
}

fn policy_backend(world: World, calls: Arc<AtomicU32>) -> impl Backend + Clone + 'static {
    let policy = from_fn("policy", move |request: Request| {
        calls.fetch_add(1, Ordering::Relaxed);
        async move {
            if let Ask::Logprobs { of, .. } = &request.ask {
                // A digit is the likelier, the larger it is.
                let digit = of.chars().last().and_then(|last| last.to_digit(10)).unwrap_or(0);
                let mut weighed = Completion::text(of.as_str());
                weighed.logprobs = vec![f64::from(digit) / 10.0 - 1.0];
                return Ok(weighed);
            }
            let mut steps = lines(&request);
            let kept = steps.len();
            let is_whole = request.messages[0].text().starts_with("ALL");
            loop {
                let known: Vec<&str> = steps.iter().map(String::as_str).collect();
                let step = world.step(&known, request.draw);
                steps.push(step);
                if !is_whole || steps.len() == world.right.len() {
                    break;
                }
            }
            Ok(Completion::text(steps[kept..].join("\n")).usage(Usage::new(10, 5)))
        }
    });
    policy.capable(weighs())
}

fn judge_backend(world: World, calls: Arc<AtomicU32>) -> impl Backend + Clone + 'static {
    from_fn("judge", move |request: Request| {
        calls.fetch_add(1, Ordering::Relaxed);
        let steps = lines(&request);
        let known: Vec<&str> = steps.iter().map(String::as_str).collect();
        let score = if world.is_right(&known) { 10 } else { 0 };
        async move { Ok(Completion::text(format!("Score: {score}")).usage(Usage::new(20, 3))) }
    })
}

async fn judge_of(backend: impl Backend + 'static, source: &str) -> Judge {
    let prompt = Prompt::parse("scripted", source).unwrap();
    Judge::builder().backend(backend).with_prompt(prompt).build().await.unwrap()
}

async fn searcher(
    policy: impl Backend + Clone + 'static,
    judge: impl Backend + 'static,
    options: SearchOptions,
) -> Searcher {
    let step = judge_of(policy.clone(), STEP).await;
    let rest = judge_of(policy, REST).await;
    Searcher::new(step, judge_of(judge, SCORE).await, options).unwrap().finishing(rest).unwrap()
}

fn question() -> Item {
    Item::new().question("Which number?")
}

/// A search in a world, and how often the models were called.
async fn searched(world: World, options: SearchOptions) -> (Searched, u32) {
    let calls = Arc::new(AtomicU32::new(0));
    let (policy, judge) =
        (policy_backend(world, calls.clone()), judge_backend(world, calls.clone()));
    let searched = searcher(policy, judge, options).await.search(&question()).await.unwrap();
    (searched, calls.load(Ordering::Relaxed))
}

const METHODS: [&str; 11] = [
    "greedy",
    // The judge's value alone decides, unless it is equal.
    "grace:0.99",
    "reset",
    "backtrack",
    "beam",
    "dvts",
    "rebase",
    "best-first",
    "mcts",
    "puct",
    "mcmc:0.01",
];

fn worlds() -> impl Strategy<Value = World> {
    (prop::array::uniform3(0_u8..3), any::<u64>()).prop_map(|(right, seed)| World {
        right,
        seed,
        digits: 3,
        is_thorough: false,
    })
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_perfect_judge_finds_the_right_solution_whenever_it_is_in_the_tree(
        world in worlds(),
        method in prop::sample::select(&METHODS[..]),
        width in 4_u32..9,
        expand in 1_u32..5,
    ) {
        let options = SearchOptions::default().method(method.parse().unwrap());
        let mut options = options.width(width).expand(expand);
        options.choice = Some(Choice::Best);
        let (searched, calls) = block_on(searched(world, options));
        let right = searched.paths.iter().any(|path| path.text.ends_with(&world.answer()));
        let chosen = searched.chosen().is_some_and(|path| path.text.ends_with(&world.answer()));
        prop_assert_eq!(chosen, right, "{} {:?}", method, searched.paths);
        prop_assert_eq!(calls, searched.judgment.calls);
        prop_assert_eq!(calls, searched.policy.calls + searched.judge.calls);
    }

    #[test]
    fn limits_are_never_exceeded(
        world in worlds(),
        method in prop::sample::select(&METHODS[..]),
        calls in 1_u32..60,
        nodes in 2_usize..30,
        depth in 1_usize..5,
    ) {
        let limits = SearchLimits { depth, nodes: Some(nodes), calls: Some(calls), ..SearchLimits::default() };
        let options = SearchOptions::default().method(method.parse().unwrap()).limits(limits);
        let (searched, made) = block_on(searched(world, options));
        prop_assert!(made <= calls, "{made} of {calls}");
        prop_assert!(searched.tree.len() <= nodes, "{} of {nodes}", searched.tree.len());
        prop_assert!(searched.tree.nodes().iter().all(|node| node.depth <= depth));
    }

    #[test]
    fn equal_searches_are_equal(
        world in worlds(),
        method in prop::sample::select(&METHODS[..]),
    ) {
        let options = SearchOptions::default().method(method.parse().unwrap());
        let [(one, calls), (other, same)] =
            [options.clone(), options].map(|options| block_on(searched(world, options)));
        prop_assert_eq!(one.tree.nodes(), other.tree.nodes());
        prop_assert_eq!((one.paths, one.choice, calls), (other.paths, other.choice, same));
    }

    #[test]
    fn the_most_calls_are_an_upper_bound(
        world in worlds(),
        method in prop::sample::select(&METHODS[..]),
        depth in 1_usize..4,
    ) {
        let limits = SearchLimits { depth, ..SearchLimits::default() };
        let options = SearchOptions::default().method(method.parse().unwrap()).limits(limits);
        let calls = Arc::new(AtomicU32::new(0));
        let (policy, judge) = (policy_backend(world, calls.clone()), judge_backend(world, calls.clone()));
        let (most, made) = block_on(async {
            let searcher = searcher(policy, judge, options).await;
            let most = searcher.most_calls(&question()).await.unwrap();
            assert_eq!(calls.load(Ordering::Relaxed), 0, "planning asks nothing");
            searcher.search(&question()).await.unwrap();
            (most, calls.load(Ordering::Relaxed))
        });
        prop_assert!(u64::from(made) <= most, "{method}: {made} of {most}");
    }
}

/// The prompt of a judge that is asked about each step.
const EACH: &str = "---\nkind: label\neach: steps\nuntil: incorrect\nfields: {question: required, answer: required}\nscale: {labels: {correct: 1, incorrect: 0}}\nverdict: \"Verdict: *\"\n---\nuser:\n{{ question }}\n{{ step }}\nassistant:\n{{ gen(\"critique\") }}\n";

/// A search whose judge is asked about each step, and finds all of them right.
async fn by_steps(world: World, options: SearchOptions, calls: Arc<AtomicU32>) -> Searcher {
    let counted = calls.clone();
    let agrees = from_fn("agrees", move |_: Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { Ok(Completion::text("Verdict: correct")) }
    });
    let policy = policy_backend(world, calls);
    let (step, rest) = (judge_of(policy.clone(), STEP).await, judge_of(policy, REST).await);
    Searcher::new(step, judge_of(agrees, EACH).await, options).unwrap().finishing(rest).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_policy_that_knows_the_way_and_a_perfect_judge_always_find_it(
        right in prop::array::uniform3(0_u8..3),
        method in prop::sample::select(&METHODS[..]),
        seed in any::<u64>(),
    ) {
        let world = World { right, seed, digits: 3, is_thorough: true };
        let options = SearchOptions::default().method(method.parse().unwrap());
        let mut options = options.width(9).expand(3).rounds(60);
        (options.choice, options.seed) = (Some(Choice::Best), seed);
        let (searched, _) = block_on(searched(world, options));
        let found = searched.chosen().map(|path| path.text.clone()).unwrap_or_default();
        prop_assert!(found.ends_with(&world.answer()), "{method}: {found}");
    }

    #[test]
    fn nothing_is_asked_after_the_tokens_are_spent(
        world in worlds(),
        method in prop::sample::select(&METHODS[..]),
        tokens in 1_u64..2_000,
    ) {
        let all = SearchOptions::default().method(method.parse().unwrap()).rounds(6);
        let limits = SearchLimits { tokens: Some(tokens), ..SearchLimits::default() };
        let (full, _) = block_on(searched(world, all.clone()));
        let (cut, _) = block_on(searched(world, all.limits(limits)));
        let spent = |one: &Searched| {
            let usage = one.judgment.usage;
            usage.prompt + usage.completion
        };
        // A round has at most eight draws, each of 15 tokens, with judgments of 23, and GRACE weighs each step.
        prop_assert!(spent(&cut) < tokens + 8 * (15 + 23 + 15), "{method}: {} of {tokens}", spent(&cut));
        if spent(&full) < tokens {
            prop_assert_eq!(cut.tree.nodes(), full.tree.nodes());
            prop_assert_eq!(cut.limit, None);
        } else {
            prop_assert!(spent(&cut) >= tokens.min(spent(&full)), "it goes on until they are spent");
        }
    }

    #[test]
    fn a_judge_of_single_steps_keeps_to_the_bound_and_to_the_limit_on_calls(
        world in worlds(),
        method in prop::sample::select(&METHODS[..]),
        lookahead in 0_u32..3,
        most in 1_u32..80,
    ) {
        let options = SearchOptions::default().method(method.parse().unwrap());
        let mut options = options.width(4).expand(2).rounds(4);
        options.lookahead = lookahead;
        // Three steps are a solution here; the bound holds for each of them as one step.
        let limits = SearchLimits { depth: 4, ..SearchLimits::default() };
        let free = options.clone().limits(limits);
        let limited = options.limits(SearchLimits { calls: Some(most), ..limits });
        let (bound, made, cut) = block_on(async {
            let calls = Arc::new(AtomicU32::new(0));
            let search = by_steps(world, free, calls.clone()).await;
            let bound = search.most_calls(&question()).await.unwrap();
            search.search(&question()).await.unwrap();
            let made = calls.swap(0, Ordering::Relaxed);
            by_steps(world, limited, calls.clone()).await.search(&question()).await.unwrap();
            (bound, made, calls.load(Ordering::Relaxed))
        });
        prop_assert!(u64::from(made) <= bound, "{method}: {made} of {bound}");
        prop_assert!(cut <= most, "{method}: {cut} of {most}");
    }
}

/// A world in which no step is ever drawn twice, and none is accepted: a search draws as much as it ever can.
const NEW: World = World { right: [0, 0, 0], seed: 3, digits: 1_000_000, is_thorough: false };

/// What each method costs if no draw repeats a step, N = 8, M = 4, 3 rounds, for solutions of three steps: each draw is one
/// call, each judged step another one, and GRACE weighs each step once more.
#[tokio::test]
async fn every_method_costs_what_its_formula_says() {
    for (method, draws, calls) in [
        ("greedy", 3 * 4, 2),
        ("grace:0.5", 3 * 4, 3),
        ("reset", 3 * 4, 2),
        ("beam", 3 * 8, 2),
        ("dvts", 3 * 8, 2),
        ("rebase", 3 * 8, 2),
        ("best-first", 3 * 4, 2),
    ] {
        let limits = SearchLimits { depth: 3, ..SearchLimits::default() };
        let options = SearchOptions::default().method(method.parse().unwrap());
        let options = options.rounds(3).limits(limits);
        let counted = Arc::new(AtomicU32::new(0));
        let judge = judge_backend(NEW, counted.clone());
        let search = searcher(policy_backend(NEW, counted.clone()), judge, options).await;
        let most = search.most_calls(&question()).await.unwrap();
        search.search(&question()).await.unwrap();
        let made = counted.load(Ordering::Relaxed);
        assert_eq!((made, most), (draws * calls, u64::from(draws * calls)), "{method}");
    }
    // Each of N chains begins with a solution and gets a proposal in each round; each end is judged once.
    let chain = SearchOptions::default().method(SearchMethod::Mcmc(0.1)).rounds(3);
    let (chain, _) = searched(NEW, chain).await;
    let ends = u32::try_from(chain.tree.ends().count()).unwrap();
    assert_eq!((chain.policy.calls, chain.judge.calls), (8 * (1 + 3), ends));
    // Steps are not judged, and a roll-out follows each expansion: 3 rounds of 4 steps and a rest, whose end
    // is judged once.
    for method in ["mcts", "puct"] {
        let limits = SearchLimits { depth: 9, ..SearchLimits::default() };
        let options = SearchOptions::default().method(method.parse().unwrap());
        let (searched, made) = searched(NEW, options.rounds(3).limits(limits)).await;
        let ends = u32::try_from(searched.tree.ends().count()).unwrap();
        assert_eq!((searched.policy.calls, searched.judge.calls), (3 * 4 + 3, ends), "{method}");
        assert_eq!(made, 3 * 4 + 3 + ends);
    }
}

/// Each step of a solution is one call of a judge that is asked about each of them.
#[tokio::test]
async fn a_judge_of_single_steps_costs_what_the_bound_says() {
    for (method, draws) in [("greedy", 4), ("reset", 1), ("beam", 8), ("dvts", 8), ("rebase", 8)] {
        let limits = SearchLimits { depth: 3, ..SearchLimits::default() };
        let options = SearchOptions::default().method(method.parse().unwrap()).limits(limits);
        let counted = Arc::new(AtomicU32::new(0));
        let search = by_steps(NEW, options, counted.clone()).await;
        let most = search.most_calls(&question()).await.unwrap();
        search.search(&question()).await.unwrap();
        // A draw, and one, two and three steps that are judged; a step that is accepted at once is drawn once.
        let made = counted.load(Ordering::Relaxed);
        assert_eq!(made, draws * (3 + 1 + 2 + 3), "{method}");
        let of_reset = if method == "reset" { 4 } else { 1 };
        assert_eq!(most, u64::from(made * of_reset), "{method}");
    }
}

/// Going back draws the whole tree, where every step but the last of a path is accepted: M + M² + M³ draws.
#[tokio::test]
async fn a_search_that_goes_back_costs_at_most_the_whole_tree() {
    let counted = Arc::new(AtomicU32::new(0));
    let calls = counted.clone();
    let unfinished = from_fn("hopeful", move |request: Request| {
        calls.fetch_add(1, Ordering::Relaxed);
        let score = if lines(&request).len() < 3 { 10 } else { 0 };
        async move { Ok(Completion::text(format!("Score: {score}"))) }
    });
    let limits = SearchLimits { depth: 3, ..SearchLimits::default() };
    let options = SearchOptions::default().method("backtrack".parse().unwrap());
    let options = options.expand(2).limits(limits);
    let search = searcher(policy_backend(NEW, counted.clone()), unfinished, options).await;
    let most = search.most_calls(&question()).await.unwrap();
    search.search(&question()).await.unwrap();
    assert_eq!((counted.load(Ordering::Relaxed), most), (2 * (2 + 4 + 8), 2 * (2 + 4 + 8)));
}

/// A coin in place of a judge: the right number is chosen as often as any other one.
#[test]
fn a_judge_that_tosses_a_coin_finds_no_more_than_chance() {
    const WORLDS: u32 = 32;
    for method in METHODS {
        let mut found = 0;
        let mut random = fastrand::Rng::with_seed(5);
        for number in 0..WORLDS {
            let right = [(); 3].map(|()| random.u8(..2));
            let world = World { right, seed: random.u64(..), digits: 2, is_thorough: false };
            let toss = from_fn("coin", move |request: Request| {
                let text = format!("{number} {}", request.messages[0].text());
                let score = blake3::hash(text.as_bytes()).as_bytes()[0] % 11;
                async move { Ok(Completion::text(format!("Score: {score}"))) }
            });
            let options = SearchOptions::default().method(method.parse().unwrap());
            let options = options.width(4).expand(2).rounds(3);
            let searched = block_on(async {
                let policy = policy_backend(world, Arc::new(AtomicU32::new(0)));
                searcher(policy, toss, options).await.search(&question()).await.unwrap()
            });
            let is_right = |path: &FinishedPath| path.text.ends_with(&world.answer());
            found += u32::from(searched.chosen().is_some_and(is_right));
        }
        // One of eight numbers; three and a half standard errors.
        let share = f64::from(found) / f64::from(WORLDS);
        assert!((share - 0.125).abs() < 0.205, "{method}: {share}");
    }
}

const WORLD: World = World { right: [2, 0, 1], seed: 7, digits: 3, is_thorough: false };

#[tokio::test]
async fn a_beam_judges_each_step_once_however_often_it_was_drawn() {
    let options = SearchOptions::default().width(8).expand(4);
    let (searched, _) = searched(WORLD, options).await;
    // Three levels of eight draws; the last level is written to the end of solutions.
    assert_eq!(searched.policy.calls, 3 * 8);
    assert_eq!(searched.judge.calls as usize, searched.tree.len() - 1);
    let drawn: u32 = searched.tree.nodes().iter().map(|node| node.times).sum();
    assert_eq!(drawn, 24);
}

#[tokio::test]
async fn a_search_that_was_killed_continues_without_asking_again() {
    for method in METHODS {
        let options = SearchOptions::default().method(method.parse().unwrap());
        let (whole, needed) = searched(WORLD, options.clone()).await;
        let calls = Arc::new(AtomicU32::new(0));
        // After half of the answers, the models wait until the search was dropped.
        let allowed = Arc::new(Semaphore::new((needed / 2) as usize));
        let cache = Cache::in_memory(Mode::On);
        let stalling = |inner: Arc<dyn Backend>, name: &str| {
            let allowed = allowed.clone();
            from_fn(name, move |request: Request| {
                let (inner, allowed) = (inner.clone(), allowed.clone());
                async move {
                    allowed.acquire().await.unwrap().forget();
                    inner.complete(&request).await
                }
            })
            .capable(weighs())
            .cached(&cache)
        };
        let policy = stalling(Arc::new(policy_backend(WORLD, calls.clone())), "policy");
        let judge = stalling(Arc::new(judge_backend(WORLD, calls.clone())), "judge");
        let (policy, judge) = (Arc::new(policy), Arc::new(judge));
        let searcher = {
            let step = judge_of(policy.clone(), STEP).await;
            let rest = judge_of(policy, REST).await;
            let judge = judge_of(judge, SCORE).await;
            Searcher::new(step, judge, options).unwrap().finishing(rest).unwrap()
        };
        let item = question();
        let stop = std::time::Duration::from_millis(50);
        let cut = tokio::time::timeout(stop, searcher.search(&item)).await;
        assert!(cut.is_err(), "{method}: it hangs until it is dropped");
        allowed.add_permits(1_000_000);
        let again = searcher.search(&item).await.unwrap();
        assert_eq!(again.tree.nodes(), whole.tree.nodes(), "{method}");
        assert_eq!(again.choice, whole.choice, "{method}");
        assert_eq!(calls.load(Ordering::Relaxed), needed, "{method}: nothing was asked twice");
    }
}

#[tokio::test]
async fn lookahead_judges_a_step_with_those_that_follow_it() {
    // The right first digit cannot be told from the first step alone: the judge sees it in the third.
    let world = WORLD;
    let calls = Arc::new(AtomicU32::new(0));
    let judge = from_fn("late", |request: Request| {
        let steps = lines(&request);
        let score = if steps.len() == 3 { 10 } else { 0 };
        async move { Ok(Completion::text(format!("Score: {score}"))) }
    });
    let mut options = SearchOptions::default().method(SearchMethod::Greedy).expand(3);
    options.lookahead = 2;
    let looking = searcher(policy_backend(world, calls.clone()), judge, options).await;
    let searched = looking.search(&question()).await.unwrap();
    let values: Vec<_> = searched.tree.nodes()[1..].iter().map(|node| node.value).collect();
    assert!(values.iter().all(|value| *value == Some(1.0)), "{values:?}");
    // What was written ahead is not in the tree.
    assert!(searched.tree.nodes().iter().all(|node| node.depth <= 3 && node.times <= 3));
    assert!(searched.policy.calls > 9, "the steps ahead are paid for");
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_no_number_and_is_counted() {
    let calls = Arc::new(AtomicU32::new(0));
    let judge = from_fn("vague", |_: Request| async { Ok(Completion::text("Well.")) });
    let mut options = SearchOptions::default().width(4).expand(2);
    let policy = policy_backend(WORLD, calls);
    let found = searcher(policy.clone(), judge.clone(), options.clone()).await;
    let found = found.search(&question()).await.unwrap();
    assert_eq!(found.unreadable as usize, found.tree.len() - 1);
    assert!(
        found.judgment.unreadable().unwrap().detail.contains("no solution that ended has a value")
    );
    // A majority needs no values.
    options.choice = Some(Choice::Majority);
    let found = searcher(policy, judge, options).await.search(&question()).await.unwrap();
    assert!(found.judgment.verdict.is_ok() && found.chosen().unwrap().value.is_none());
}

#[tokio::test]
async fn a_search_without_an_end_says_which_limit_kept_it() {
    let limits = SearchLimits { calls: Some(9), ..SearchLimits::default() };
    let (searched, _) = searched(WORLD, SearchOptions::default().limits(limits)).await;
    assert_eq!(searched.limit, Some(SearchLimit::Calls));
    assert!(searched.judgment.unreadable().unwrap().detail.contains("limit on calls"));
    let limits = SearchLimits { tokens: Some(1), ..SearchLimits::default() };
    let (searched, made) = self::searched(WORLD, SearchOptions::default().limits(limits)).await;
    assert_eq!(searched.limit, Some(SearchLimit::Tokens));
    assert!(made > 0 && searched.tree.nodes().iter().all(|node| node.depth <= 1));
}

#[tokio::test]
async fn a_chain_answers_with_its_most_frequent_state_and_stays_where_values_are_high() {
    let options = SearchOptions::default().method(SearchMethod::Mcmc(0.01)).width(2).rounds(40);
    let (searched, _) = searched(WORLD, options).await;
    let states: u32 = searched.paths.iter().map(|path| path.times).sum();
    assert_eq!(states, 2 * (40 + 1));
    let chosen = searched.chosen().unwrap();
    assert!(chosen.text.ends_with(&WORLD.answer()), "{}", chosen.text);
    assert_eq!(searched.judge.calls as usize, searched.tree.ends().count());
}

#[tokio::test]
async fn an_answer_that_ends_at_once_ends_the_solution_before_it() {
    let policy = from_fn("short", |request: Request| {
        let text = if lines(&request).is_empty() { "It is 7." } else { "" };
        async move { Ok(Completion::text(text)) }
    });
    let judge = from_fn("sure", |_: Request| async { Ok(Completion::text("Score: 9")) });
    let options = SearchOptions::default().method(SearchMethod::Greedy).expand(2);
    let found = searcher(policy, judge, options).await.search(&question()).await.unwrap();
    assert_eq!(found.chosen().map(|path| path.text.as_str()), Some("It is 7."));
}

#[tokio::test]
async fn what_cannot_search_is_refused() {
    let calls = Arc::new(AtomicU32::new(0));
    let policy = policy_backend(WORLD, calls.clone());
    let score = || judge_of(judge_backend(WORLD, calls.clone()), SCORE);
    let step = || judge_of(policy.clone(), STEP);
    let options = SearchOptions::default;
    let said = |error: tribunal::Error| error.to_string();
    let refused = Searcher::new(score().await, score().await, options());
    assert!(said(refused.unwrap_err()).contains("does not write on from a solution"));
    let refused = Searcher::new(step().await, step().await, options());
    assert!(said(refused.unwrap_err()).contains("verdicts of the kind revision"));
    let refused = Searcher::new(step().await, score().await, options().width(2).expand(4));
    assert!(said(refused.unwrap_err()).contains("cannot keep 1 of 4 steps"));
    let plain = from_fn("plain", |_: Request| async { Ok(Completion::text("digit 1")) });
    let plain = judge_of(plain, STEP).await;
    let grace = Searcher::new(plain, score().await, options().method(SearchMethod::Grace(0.5)));
    let refused = grace.unwrap().search(&question()).await;
    assert!(said(refused.unwrap_err()).contains("does not report them"));
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}
