//! The orders in which compared answers are shown, and how verdicts are translated back.
//!
//! Judges tend to prefer an answer for its position (Wang et al. 2023, arXiv:2305.17926). Showing the
//! answers in several orders measures this bias and cancels much of it.

use crate::{
    completion::Distribution,
    item::Item,
    prompt::{Order, Prompt},
    request::Hasher,
    verdict::{Preference, Verdict},
};

/// The orders in which one draw shows the answers.
///
/// Each order lists indexes of the item's answers: `order[0]` is the answer that is shown first.
pub(super) fn orders(order: Order, prompt: &Prompt, item: &Item, draw: u32) -> Vec<Vec<usize>> {
    let count = item.answer_count();
    let given: Vec<usize> = (0..count).collect();
    if !prompt.compares() || count < 2 {
        return vec![given];
    }
    let rotated = |by: usize| (0..count).map(|n| (n + by) % count).collect::<Vec<_>>();
    match order {
        Order::Given => vec![given],
        Order::Both | Order::BothIfClose => vec![given.clone(), given.into_iter().rev().collect()],
        Order::Rotate => (0..count).map(rotated).collect(),
        Order::Hash => vec![shuffled(prompt, item, 0, given)],
        Order::Shuffle => vec![shuffled(prompt, item, draw, given)],
    }
}

/// A random order that depends only on the item's content and the draw, so that it is the same
/// everywhere.
///
/// This is the shuffle of Fisher and Yates, with a hash as the source of random numbers.
fn shuffled(prompt: &Prompt, item: &Item, draw: u32, mut order: Vec<usize>) -> Vec<usize> {
    let content = prompt.content(item);
    for last in (1..order.len()).rev() {
        let mut hasher = Hasher::new("order-v1");
        hasher.json(&(&content, draw, last));
        let [a, b, c, d, ..] = hasher.finish();
        let chance = u32::from_le_bytes([a, b, c, d]) as usize;
        order.swap(last, chance % (last + 1));
    }
    order
}

/// Translates a verdict about the answers as shown into one about the answers in the item's own order.
pub(crate) fn in_own_order(verdict: Verdict, order: &[usize]) -> Verdict {
    let own = |shown: usize| order.get(shown).copied().unwrap_or(shown);
    match verdict {
        Verdict::Preference(side) if order == [1, 0] => Verdict::Preference(side.swapped()),
        Verdict::Ranking(groups) => {
            let back = |group: Vec<usize>| {
                let mut group: Vec<usize> = group.into_iter().map(own).collect();
                group.sort_unstable();
                group
            };
            Verdict::Ranking(groups.into_iter().map(back).collect())
        }
        Verdict::Scores(shown) if shown.len() == order.len() => {
            let mut scores: Vec<(usize, f64)> =
                shown.into_iter().enumerate().map(|(n, s)| (own(n), s)).collect();
            scores.sort_by_key(|(place, _)| *place);
            Verdict::Scores(scores.into_iter().map(|(_, score)| score).collect())
        }
        other => other,
    }
}

/// The same for the probabilities of a preference: they are swapped if the answers were.
///
/// The result lists them as first, second, tie. Other probabilities are returned unchanged.
pub(super) fn seen_in_own_order(seen: Distribution, order: &[usize]) -> Distribution {
    const SIDES: [Preference; 3] = [Preference::First, Preference::Second, Preference::Tie];
    let is_side = |name: &String| SIDES.into_iter().any(|side| side.name() == name);
    if order != [1, 0] || !seen.labels.iter().all(|(name, _)| is_side(name)) {
        return seen;
    }
    let own = |side: Preference| Some((side.name().to_owned(), seen.of(side.swapped().name())?));
    Distribution { labels: SIDES.into_iter().filter_map(own).collect(), ..seen }
}
