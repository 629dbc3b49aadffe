//! Tournaments: the number of comparisons, the order of the answers, and judges that are perfect or toss a coin.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use proptest::prelude::*;
use tribunal::strategy::tournament::{Pair, Pairing, Played, Rating, Tournament};

const PAIRINGS: [Pairing; 5] =
    [Pairing::RoundRobin, Pairing::Circular, Pairing::Knockout, Pairing::Bubble, Pairing::Swiss];

/// Plays to the end: `share` gives the first answer's share of the win.
fn play(
    pairing: Pairing,
    answers: usize,
    seed: u64,
    mut share: impl FnMut(Pair) -> Option<f64>,
) -> Tournament {
    let mut tournament = Tournament::new(pairing, answers, seed);
    loop {
        let pairs = tournament.next();
        if pairs.is_empty() {
            return tournament;
        }
        // Results may come in any order.
        for pair in pairs.into_iter().rev() {
            let share = share(pair);
            tournament.take(pair, share);
        }
    }
}

/// Compares answers that are as good as their numbers.
fn perfect(worth: &[u32]) -> impl Fn(Pair) -> Option<f64> {
    move |pair| {
        let (first, second) = (worth[pair.first], worth[pair.second]);
        Some(if first == second { 0.5 } else { f64::from(u8::from(first > second)) })
    }
}

/// The best answer of a finished tournament: its winner, or the one with the largest rating.
fn best(tournament: &Tournament, answers: usize, rating: Rating) -> usize {
    let rated = rating.of(answers, tournament.played());
    let value = |at: &usize| rated[*at].value.unwrap_or(f64::NEG_INFINITY);
    let largest = (0..answers).reduce(|best, at| if value(&at) > value(&best) { at } else { best });
    tournament.winner().or(largest).unwrap()
}

/// Different numbers in any order.
fn worths() -> impl Strategy<Value = Vec<u32>> {
    (2_usize..13).prop_flat_map(|count| {
        Just((0..u32::try_from(count).unwrap()).collect::<Vec<_>>()).prop_shuffle()
    })
}

proptest! {
    #[test]
    fn the_number_of_comparisons_is_that_of_the_formula(answers in 0_usize..40, seed: u64, coin: u64) {
        for pairing in PAIRINGS {
            let mut random = fastrand::Rng::with_seed(coin);
            let played = play(pairing, answers, seed, |_| {
                // Also with results that are missing.
                [Some(0.0), Some(0.5), Some(1.0), None][random.usize(..4)]
            });
            prop_assert_eq!(played.played().len(), pairing.comparisons(answers), "{} of {}", pairing, answers);
        }
    }

    #[test]
    fn a_perfect_judge_finds_the_best_answer(worth in worths(), seed: u64) {
        let wanted = worth.iter().position(|one| *one as usize + 1 == worth.len()).unwrap();
        for pairing in PAIRINGS {
            let tournament = play(pairing, worth.len(), seed, perfect(&worth));
            let wins = Rating::Wins.of(worth.len(), tournament.played());
            prop_assert_eq!(wins[wanted].value, Some(1.0), "{}", pairing);
            // In a circle, others may win both of their comparisons too.
            if pairing != Pairing::Circular {
                prop_assert_eq!(best(&tournament, worth.len(), Rating::Wins), wanted, "{}", pairing);
            }
        }
        for rating in [Rating::Wins, Rating::BradleyTerry, Rating::Elo] {
            let tournament = play(Pairing::RoundRobin, worth.len(), seed, perfect(&worth));
            prop_assert_eq!(best(&tournament, worth.len(), rating), wanted, "{}", rating);
        }
    }

    #[test]
    fn the_order_of_the_answers_does_not_matter_to_a_consistent_judge(
        (worth, order) in worths().prop_flat_map(|worth| {
            let order: Vec<usize> = (0..worth.len()).collect();
            (Just(worth), Just(order).prop_shuffle())
        }),
        seed: u64,
    ) {
        let moved: Vec<u32> = order.iter().map(|at| worth[*at]).collect();
        for pairing in PAIRINGS.into_iter().filter(|pairing| *pairing != Pairing::Circular) {
            let best = |worth: &[u32]| {
                worth[best(&play(pairing, worth.len(), seed, perfect(worth)), worth.len(), Rating::Wins)]
            };
            prop_assert_eq!(best(&worth), best(&moved), "{}", pairing);
        }
        let values = |rating: Rating, worth: &[u32]| {
            let played = play(Pairing::RoundRobin, worth.len(), seed, perfect(worth));
            let rated = rating.of(worth.len(), played.played());
            let mut values: Vec<_> = worth.iter().zip(rated).map(|(worth, rated)| (*worth, rated.value.unwrap())).collect();
            values.sort_by_key(|(worth, _)| *worth);
            values
        };
        for rating in [Rating::Wins, Rating::BradleyTerry] {
            for ((_, one), (_, other)) in values(rating, &worth).into_iter().zip(values(rating, &moved)) {
                prop_assert!((one - other).abs() < 1e-8, "{}: {} and {}", rating, one, other);
            }
        }
    }

    #[test]
    fn nobody_meets_twice_where_that_can_be_avoided(answers in 2_usize..33, seed: u64, coin: u64) {
        let mut random = fastrand::Rng::with_seed(coin);
        for pairing in [Pairing::RoundRobin, Pairing::Knockout, Pairing::Bubble, Pairing::Swiss] {
            let played = play(pairing, answers, seed, |_| Some(f64::from(random.u8(..3)) / 2.0));
            let mut met: Vec<_> = played.played().iter().map(|one| {
                let Pair { first, second } = one.pair;
                (first.min(second), first.max(second))
            }).collect();
            met.sort_unstable();
            let all = met.len();
            met.dedup();
            prop_assert_eq!(met.len(), all, "{}", pairing);
        }
    }

    #[test]
    fn ratings_are_numbers_whatever_the_results(
        played in prop::collection::vec((0_usize..6, 0_usize..6, prop::option::of(0.0..=1.0_f64)), 0..40)
    ) {
        let played: Vec<Played> = played.into_iter().filter(|(a, b, _)| a != b)
            .map(|(a, b, share)| Played::new(a, b, share)).collect();
        for rating in [Rating::Wins, Rating::Elo, Rating::BradleyTerry] {
            for rated in rating.of(6, &played) {
                prop_assert!(rated.value.is_none_or(f64::is_finite));
                if let Some((low, high)) = rated.interval {
                    prop_assert!(low <= rated.value.unwrap() && rated.value.unwrap() <= high);
                }
            }
        }
    }
}

/// A coin gives every answer the same chance, whatever the tournament: what it finds is no better than the first answer.
#[test]
fn a_judge_that_tosses_a_coin_finds_the_best_answer_by_chance() {
    const TIMES: u64 = 4_000;
    for pairing in [Pairing::RoundRobin, Pairing::Knockout, Pairing::Bubble, Pairing::Swiss] {
        let mut random = fastrand::Rng::with_seed(11);
        let found = (0..TIMES).filter(|seed| {
            // The best of eight answers is anywhere.
            let wanted = random.usize(..8);
            let toss = |_| Some(f64::from(u8::from(random.bool())));
            best(&play(pairing, 8, *seed, toss), 8, Rating::Wins) == wanted
        });
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let share = found.count() as f64 / TIMES as f64;
        // Three standard errors around 1/8.
        assert!((share - 0.125).abs() < 0.016, "{pairing}: {share}");
    }
}

#[test]
fn a_knockout_without_a_result_keeps_the_answer_that_comes_first_in_the_bracket() {
    let mut order = Vec::new();
    let tournament = play(Pairing::Knockout, 4, 3, |pair| {
        order.push(pair);
        None
    });
    // The last comparison is the final; its first answer wins.
    assert_eq!(tournament.winner(), Some(order.last().unwrap().first));
    assert_eq!(order.len(), 3);
}

#[test]
fn a_shuffle_follows_from_its_seed_alone() {
    let first = |seed| Tournament::new(Pairing::Knockout, 9, seed).next();
    assert_eq!(first(1), first(1));
    assert!((2..12).any(|seed| first(seed) != first(1)));
    // Fixed, because results of earlier runs are read again by it.
    assert_eq!(
        first(0).iter().map(|pair| (pair.first, pair.second)).collect::<Vec<_>>(),
        [(0, 8), (3, 7), (1, 6)]
    );
}
