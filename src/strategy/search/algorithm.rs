//! What all methods have in common: which steps are written next, and how nodes are compared. No I/O.

use super::tree::Tree;

/// Texts that a method wants to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// So many draws of the next step after a node.
    Steps { after: usize, draws: u32 },
    /// So many draws of the rest of a solution after a node, each written to its end at once.
    Rest { after: usize, draws: u32 },
}

impl Ask {
    /// The node after which is written.
    pub(super) fn after(self) -> usize {
        let (Self::Steps { after, .. } | Self::Rest { after, .. }) = self;
        after
    }

    /// The number of draws.
    pub(super) fn draws(self) -> u32 {
        let (Self::Steps { draws, .. } | Self::Rest { draws, .. }) = self;
        draws
    }

    /// The same with another number of draws.
    pub(super) fn drawing(self, draws: u32) -> Self {
        match self {
            Self::Steps { after, .. } => Self::Steps { after, draws },
            Self::Rest { after, .. } => Self::Rest { after, draws },
        }
    }
}

/// The nodes that were written for one [`Ask`], in the order of its draws. A node that was drawn twice is there twice; a
/// draw that cannot be used is missing. For [`Ask::Rest`] they are the ends of the solutions.
pub(super) type Found = Vec<usize>;

/// A method of search, as a state machine without I/O: it says what is to be written next, and is given what was found.
pub(super) trait Algorithm: Send + Sync {
    /// What is to be written next; empty when the search is over. `found` belongs to the asks of the last call, one for
    /// each, and is empty in the first call.
    fn next(&mut self, tree: &Tree, found: &[Found]) -> Vec<Ask>;

    /// Whether steps before the end of a solution are judged.
    fn judges_steps(&self) -> bool {
        true
    }

    /// Whether nodes need their likelihood.
    fn needs_likelihood(&self) -> bool {
        false
    }

    /// The ends of solutions that are candidates for the answer, where they are not all ends of the tree.
    fn candidates(&self) -> Option<Vec<usize>> {
        None
    }
}

/// The nodes from the best value to the worst; equal ones stay in their order. Nodes without a value are left out, unless
/// none has one.
pub(super) fn ranked(tree: &Tree, nodes: &[usize]) -> Vec<usize> {
    ranked_by(nodes, |at| tree[at].value)
}

/// The same by another value.
pub(super) fn ranked_by(nodes: &[usize], value: impl Fn(usize) -> Option<f64>) -> Vec<usize> {
    let mut known: Vec<(usize, f64)> =
        nodes.iter().filter_map(|at| Some((*at, value(*at)?))).collect();
    if known.is_empty() {
        return nodes.to_vec();
    }
    known.sort_by(|one, other| other.1.total_cmp(&one.1));
    known.into_iter().map(|(at, _)| at).collect()
}

/// The nodes without repetitions, in their order.
pub(super) fn distinct(nodes: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut seen = Vec::new();
    for at in nodes {
        if !seen.contains(&at) {
            seen.push(at);
        }
    }
    seen
}
