//! Beam search over steps, and diverse verifier tree search.

use super::{
    algorithm::{Algorithm, Ask, Found, distinct, ranked},
    tree::Tree,
};

/// Keeps the best N/M of N steps, and draws N steps after them (Beeching et al. 2024, huggingface/search-and-learn;
/// Zhou et al. 2025, JETTS).
///
/// Solutions that end leave the beam, whose other paths are drawn more often, up to N again. Equal steps are one. The
/// search is over when N solutions have ended, or no path is left.
pub(super) struct Beam {
    width: u32,
    expand: u32,
    ended: u32,
}

impl Beam {
    pub(super) fn new(width: u32, expand: u32) -> Self {
        Self { width, expand, ended: 0 }
    }
}

impl Algorithm for Beam {
    fn next(&mut self, tree: &Tree, found: &[Found]) -> Vec<Ask> {
        if found.is_empty() {
            return vec![Ask::Steps { after: 0, draws: self.width }];
        }
        let found = found.iter().flatten().copied();
        let (ends, open): (Vec<_>, Vec<_>) = found.partition(|at| tree[*at].is_end);
        self.ended = self.ended.saturating_add(u32::try_from(ends.len()).unwrap_or(u32::MAX));
        if self.ended >= self.width {
            return Vec::new();
        }
        let mut kept = ranked(tree, &distinct(open));
        kept.truncate((self.width / self.expand).max(1) as usize);
        shares(self.width, &kept).collect()
    }
}

/// So many draws over these nodes, the first ones with one more where they cannot be equal.
fn shares(draws: u32, nodes: &[usize]) -> impl Iterator<Item = Ask> {
    let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX).max(1);
    let share = move |place: u32| draws / count + u32::from(place < draws % count);
    let asks = nodes.iter().zip(0..).map(move |(after, place)| (*after, share(place)));
    asks.filter(|(_, draws)| *draws > 0).map(|(after, draws)| Ask::Steps { after, draws })
}

/// N/M subtrees, of which each draws M steps and keeps the best one, independently of the others (Beeching et al. 2024,
/// DVTS in huggingface/search-and-learn).
///
/// A subtree is over when its best step ends the solution. The other ends that it met are candidates too.
pub(super) struct Dvts {
    trees: u32,
    expand: u32,
}

impl Dvts {
    pub(super) fn new(width: u32, expand: u32) -> Self {
        Self { trees: (width / expand).max(1), expand }
    }
}

impl Algorithm for Dvts {
    fn next(&mut self, tree: &Tree, found: &[Found]) -> Vec<Ask> {
        let ask = |after| Ask::Steps { after, draws: self.expand };
        if found.is_empty() {
            return (0..self.trees).map(|_| ask(0)).collect();
        }
        let best = |found: &Found| ranked(tree, &distinct(found.iter().copied())).first().copied();
        found.iter().filter_map(best).filter(|at| !tree[*at].is_end).map(ask).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_draws_of_a_beam_are_spread_over_all_paths() {
        let asks: Vec<_> = shares(7, &[3, 5, 9]).map(|ask| (ask.after(), ask.draws())).collect();
        assert_eq!(asks, [(3, 3), (5, 2), (9, 2)]);
        assert_eq!(shares(4, &[]).count(), 0);
        assert_eq!(shares(1, &[2, 3]).count(), 1);
    }
}
