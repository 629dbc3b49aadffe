//! The Swiss system: answers with equally many wins meet, and no two meet twice as far as that is possible.

use super::{Pair, Played};

/// The number of rounds after which only one answer can be unbeaten.
pub(super) fn rounds(answers: usize) -> usize {
    answers.next_power_of_two().trailing_zeros() as usize
}

/// The pairs of the next round: `order` decides among answers with equally many points. Empty after the last round.
///
/// With an odd number of answers, the last one that has not yet been free is free, and gets the points of a win.
pub(super) fn pairs(order: &[usize], played: &[Played], round: usize) -> Vec<Pair> {
    if round >= rounds(order.len()) {
        return Vec::new();
    }
    let met = |a: usize, b: usize| {
        played.iter().any(|one| {
            (one.pair.first, one.pair.second) == (a, b)
                || (one.pair.first, one.pair.second) == (b, a)
        })
    };
    let games = |answer: usize| {
        let of = |one: &&Played| one.pair.first == answer || one.pair.second == answer;
        played.iter().filter(of).count()
    };
    let mut standing = order.to_vec();
    // A stable sort: `order` decides among equals.
    standing.sort_by(|&a, &b| {
        let points = |answer| points(played, answer) + real(round - games(answer));
        points(b).total_cmp(&points(a))
    });
    let unbeaten =
        |answer: usize| points(played, answer) + real(round - games(answer)) >= real(round);
    // Who is free: the last one that has not been, if the others can be matched then.
    let is_odd = standing.len() % 2 == 1;
    let mut free: Vec<Option<usize>> = if is_odd {
        let unrested = standing.iter().rev().filter(|&&answer| games(answer) == round);
        unrested.copied().map(Some).collect()
    } else {
        vec![None]
    };
    if is_odd && free.is_empty() {
        free.push(standing.last().copied());
    }
    let playing = |free: Option<usize>| -> Vec<usize> {
        standing.iter().copied().filter(|answer| Some(*answer) != free).collect()
    };
    let found = free.iter().find_map(|free| {
        let playing = playing(*free);
        let (leaders, others) = split(&playing, &unbeaten);
        Some([in_pairs(leaders), matched(others, &met)?].concat())
    });
    found.unwrap_or_else(|| in_pairs(&playing(free.first().copied().flatten())))
}

/// The unbeaten answers, an even number of them, and the others. The unbeaten ones meet each other, so that only one is
/// left in the end.
fn split<'s>(
    standing: &'s [usize],
    unbeaten: &impl Fn(usize) -> bool,
) -> (&'s [usize], &'s [usize]) {
    let leaders = standing.iter().take_while(|answer| unbeaten(**answer)).count();
    standing.split_at(leaders - leaders % 2)
}

/// Neighbours as pairs.
fn in_pairs(standing: &[usize]) -> Vec<Pair> {
    standing.chunks_exact(2).map(|two| Pair { first: two[0], second: two[1] }).collect()
}

/// Pairs of answers that stand as close to each other as possible and have not met.
fn matched(standing: &[usize], met: &impl Fn(usize, usize) -> bool) -> Option<Vec<Pair>> {
    let Some((&first, others)) = standing.split_first() else { return Some(Vec::new()) };
    for (at, &second) in others.iter().enumerate() {
        if met(first, second) {
            continue;
        }
        let rest: Vec<usize> = others.iter().copied().filter(|&one| one != others[at]).collect();
        if let Some(mut pairs) = matched(&rest, met) {
            pairs.insert(0, Pair { first, second });
            return Some(pairs);
        }
    }
    None
}

/// The points of an answer in comparisons: 1 for a win, 0.5 for a tie; none without a result.
fn points(played: &[Played], answer: usize) -> f64 {
    let of = |one: &Played| match one.share {
        Some(share) if one.pair.first == answer => share,
        Some(share) if one.pair.second == answer => 1.0 - share,
        _ => 0.0,
    };
    played.iter().map(of).sum()
}

/// A count as a float.
#[expect(clippy::cast_precision_loss, reason = "no tournament has 2^52 rounds")]
fn real(count: usize) -> f64 {
    count as f64
}
