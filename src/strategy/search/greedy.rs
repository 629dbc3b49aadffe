//! Step-wise best-of-M, with the judge alone or mixed with the policy's own probabilities.

use super::{
    algorithm::{Algorithm, Ask, Found, distinct, ranked_by},
    tree::Tree,
};

/// Draws M steps, keeps the best one, and goes on from there (Ma et al. 2023, HGS-PRM, with all candidates of a step at
/// once).
///
/// With a weight β, a step counts by (1 − β)·p + β·value, where p is the mean probability of its tokens under the policy,
/// and not by its value alone (Khalifa et al. 2023, GRACE; mukhal/grace).
pub(super) struct Greedy {
    expand: u32,
    beta: Option<f64>,
}

impl Greedy {
    pub(super) fn new(expand: u32, beta: Option<f64>) -> Self {
        Self { expand, beta }
    }

    fn merit(&self, tree: &Tree, at: usize) -> Option<f64> {
        let value = tree[at].value?;
        let Some(beta) = self.beta else { return Some(value) };
        Some((1.0 - beta) * tree[at].likelihood? + beta * value)
    }
}

impl Algorithm for Greedy {
    fn next(&mut self, tree: &Tree, found: &[Found]) -> Vec<Ask> {
        let at = match found.first() {
            None => Some(0),
            Some(found) => {
                let steps = distinct(found.iter().copied());
                ranked_by(&steps, |at| self.merit(tree, at)).first().copied()
            }
        };
        let open = at.filter(|at| !tree[*at].is_end);
        open.map(|after| Ask::Steps { after, draws: self.expand }).into_iter().collect()
    }

    fn needs_likelihood(&self) -> bool {
        self.beta.is_some()
    }
}
