//! Best-first search with backtracking.

use super::{
    algorithm::{Algorithm, Ask, Found, ranked},
    tree::Tree,
};

/// Draws M steps after the best node of the whole tree that has none yet. When the values of a path fall, the search goes
/// back to an earlier node (Yao et al. 2023, Tree of Thoughts, and Koh et al. 2024, Tree Search for Language Model
/// Agents, search best-first by a model's own values).
///
/// It is over when the best node is the end of a solution, after so many rounds, or when no node is left.
pub(super) struct BestFirst {
    expand: u32,
    rounds: u32,
    open: Vec<usize>,
}

impl BestFirst {
    pub(super) fn new(expand: u32, rounds: u32) -> Self {
        Self { expand, rounds, open: vec![0] }
    }
}

impl Algorithm for BestFirst {
    fn next(&mut self, tree: &Tree, found: &[Found]) -> Vec<Ask> {
        for at in found.iter().flatten() {
            if !self.open.contains(at) {
                // Of equal values, the newest node is first: it is the deepest.
                self.open.insert(0, *at);
            }
        }
        let best = ranked(tree, &self.open).first().copied();
        let Some(after) = best.filter(|at| !tree[*at].is_end && self.rounds > 0) else {
            return Vec::new();
        };
        self.rounds -= 1;
        self.open.retain(|at| *at != after);
        vec![Ask::Steps { after, draws: self.expand }]
    }
}
