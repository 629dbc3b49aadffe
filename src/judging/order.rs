//! The orders in which compared answers are shown, and the way back.

use super::Member;
use crate::{
    completion::Distribution,
    item::Item,
    prompt::Order,
    request::Hasher,
    verdict::{Preference, Verdict},
};

/// The orders in which one draw shows the answers.
pub(super) fn orders(member: &Member, item: &Item, draw: u32) -> Vec<Vec<usize>> {
    let count = item.candidates().len();
    let given: Vec<usize> = (0..count).collect();
    if !member.prompt.compares() || count < 2 {
        return vec![given];
    }
    let rotated = |by: usize| (0..count).map(|n| (n + by) % count).collect::<Vec<_>>();
    match member.order {
        Order::Given => vec![given],
        Order::Both => vec![given.clone(), given.into_iter().rev().collect()],
        Order::Rotate => (0..count).map(rotated).collect(),
        Order::Hash => vec![shuffled(member, item, 0, given)],
        Order::Shuffle => vec![shuffled(member, item, draw, given)],
    }
}

/// An order drawn from the item's content, so that it is the same on every machine (Fisher-Yates).
fn shuffled(member: &Member, item: &Item, draw: u32, mut order: Vec<usize>) -> Vec<usize> {
    let content = member.prompt.content(item);
    for last in (1..order.len()).rev() {
        let mut hasher = Hasher::new("order-v1");
        hasher.json(&(&content, draw, last));
        let [a, b, c, d, ..] = hasher.finish();
        let chance = u32::from_le_bytes([a, b, c, d]) as usize;
        order.swap(last, chance % (last + 1));
    }
    order
}

/// A verdict about shown answers as one about the item's own order.
pub(super) fn in_own_order(verdict: Verdict, order: &[usize]) -> Verdict {
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

/// Probabilities of verdicts about shown answers as those of verdicts about the item's own order, in the order of
/// the menu: first, second, tie.
pub(super) fn seen_in_own_order(seen: Distribution, order: &[usize]) -> Distribution {
    const SIDES: [Preference; 3] = [Preference::First, Preference::Second, Preference::Tie];
    let is_side = |name: &String| SIDES.into_iter().any(|side| side.name() == name);
    if order != [1, 0] || !seen.labels.iter().all(|(name, _)| is_side(name)) {
        return seen;
    }
    let own = |side: Preference| Some((side.name().to_owned(), seen.of(side.swapped().name())?));
    Distribution { labels: SIDES.into_iter().filter_map(own).collect(), ..seen }
}
