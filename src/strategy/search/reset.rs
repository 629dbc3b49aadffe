//! One path, whose steps are written again until the judge accepts them.

use super::{
    algorithm::{Algorithm, Ask, Found, ranked},
    tree::Tree,
};

/// Draws one step at a time. A step whose value is below the threshold is thrown away and drawn again, up to M times.
///
/// If no draw is accepted, the best of them is kept (Xiong et al. 2025, StepWiser: chunk reset), or the path goes back
/// to the step before, which is drawn again (Ma et al. 2023, HGS-PRM: heuristic greedy search).
pub(super) struct Reset {
    threshold: f64,
    attempts: u32,
    goes_back: bool,
    at: usize,
}

impl Reset {
    pub(super) fn new(threshold: f64, attempts: u32, goes_back: bool) -> Self {
        Self { threshold, attempts, goes_back, at: 0 }
    }

    /// Where the path goes on after one more draw, if it does not stay.
    fn moved(&self, tree: &Tree, found: Option<usize>) -> Option<usize> {
        let accepted = |at: &usize| tree[*at].value.is_some_and(|value| value >= self.threshold);
        if let Some(at) = found.filter(accepted) {
            return Some(at);
        }
        if tree[self.at].drawn < self.attempts {
            return None;
        }
        // A step that was drawn as often as allowed is not drawn again, so every way back ends.
        let before = std::iter::successors(tree[self.at].parent, |at| tree[*at].parent);
        let open = before.into_iter().find(|at| tree[*at].drawn < self.attempts);
        match open.filter(|_| self.goes_back) {
            Some(open) => Some(open),
            None => ranked(tree, &tree[self.at].children).first().copied(),
        }
    }
}

impl Algorithm for Reset {
    fn next(&mut self, tree: &Tree, found: &[Found]) -> Vec<Ask> {
        if let Some(found) = found.first() {
            match self.moved(tree, found.first().copied()) {
                Some(at) => self.at = at,
                None if tree[self.at].drawn >= self.attempts => return Vec::new(),
                None => {}
            }
        }
        if tree[self.at].is_end {
            return Vec::new();
        }
        vec![Ask::Steps { after: self.at, draws: 1 }]
    }
}
