//! Monte Carlo tree search with roll-outs.

use std::collections::BTreeMap;

use super::{
    algorithm::{Algorithm, Ask, Found},
    tree::Tree,
};

/// How a child is chosen on the way down.
#[derive(Clone, Copy, Debug)]
pub(super) enum Selection {
    /// Q + w·√(ln N(parent) / max(1, N)) (Kocsis and Szepesvári 2006, UCT; as in Hao et al. 2023, RAP, and
    /// llm-reasoners).
    Uct,
    /// Q + c·P·√N(parent) / (1 + N), where P is the share of the draws of the parent that wrote this child (Silver et
    /// al. 2017, PUCT).
    Puct,
}

/// Four phases, repeated: go down from the problem to a node without drawn children by [`Selection`]; draw M steps after
/// it; complete the most frequent of them once; add the value of that end to the mean Q of each node on the path.
///
/// Only ends of solutions are judged.
pub(super) struct Mcts {
    selection: Selection,
    exploration: f64,
    expand: u32,
    rounds: u32,
    visits: BTreeMap<usize, Visits>,
    phase: Phase,
}

/// How often a node was on the way, and the sum of the values of the ends.
#[derive(Clone, Copy, Debug, Default)]
struct Visits {
    count: u32,
    sum: f64,
}

impl Visits {
    fn mean(self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / f64::from(self.count) }
    }
}

/// What the last request was for.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Nothing: a new round begins.
    Idle,
    /// Steps after the node that was selected.
    Expanding,
    /// The rest of a solution after a node.
    Completing,
}

impl Mcts {
    pub(super) fn new(selection: Selection, exploration: f64, expand: u32, rounds: u32) -> Self {
        Self { selection, exploration, expand, rounds, visits: BTreeMap::new(), phase: Phase::Idle }
    }

    fn visits(&self, at: usize) -> Visits {
        self.visits.get(&at).copied().unwrap_or_default()
    }

    /// The node at which the way down from the problem ends.
    fn selected(&self, tree: &Tree) -> usize {
        let mut at = 0;
        while tree[at].drawn > 0 {
            let of_parent = f64::from(self.visits(at).count);
            let drawn = f64::from(tree[at].children.iter().map(|at| tree[*at].times).sum::<u32>());
            let merit = |child: usize| {
                let visits = self.visits(child);
                let count = f64::from(visits.count);
                let bonus = match self.selection {
                    Selection::Uct => (of_parent.max(1.0).ln() / count.max(1.0)).sqrt(),
                    Selection::Puct => {
                        f64::from(tree[child].times) / drawn * of_parent.sqrt() / (1.0 + count)
                    }
                };
                visits.mean() + self.exploration * bonus
            };
            // The first of equal ones.
            let children = tree[at].children.iter().map(|child| (*child, merit(*child)));
            let best = children.reduce(|best, one| if one.1 > best.1 { one } else { best });
            let Some((best, _)) = best else { break };
            at = best;
        }
        at
    }

    /// Adds the value of an end to all nodes on its way. An end without a value was a visit that found nothing.
    fn learn(&mut self, tree: &Tree, end: usize) {
        let value = tree[end].value.unwrap_or_default();
        for at in tree.path(end).into_iter().chain([0]) {
            let visits = self.visits.entry(at).or_default();
            visits.count += 1;
            visits.sum += value;
        }
    }

    /// Begins rounds until one of them needs a text.
    fn begin(&mut self, tree: &Tree) -> Vec<Ask> {
        while self.rounds > 0 {
            self.rounds -= 1;
            let at = self.selected(tree);
            if !tree[at].is_end && tree[at].drawn == 0 {
                self.phase = Phase::Expanding;
                return vec![Ask::Steps { after: at, draws: self.expand }];
            }
            // An end that was met before, or a node after which nothing usable was written.
            self.learn(tree, at);
        }
        Vec::new()
    }
}

impl Algorithm for Mcts {
    fn next(&mut self, tree: &Tree, found: &[Found]) -> Vec<Ask> {
        let found = found.first().map(Vec::as_slice).unwrap_or_default();
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle => {}
            Phase::Completing => found.iter().for_each(|end| self.learn(tree, *end)),
            Phase::Expanding => {
                let most = found.iter().copied().reduce(|best, one| {
                    if tree[one].times > tree[best].times { one } else { best }
                });
                match most {
                    Some(end) if tree[end].is_end => self.learn(tree, end),
                    Some(after) => {
                        self.phase = Phase::Completing;
                        return vec![Ask::Rest { after, draws: 1 }];
                    }
                    None => {}
                }
            }
        }
        self.begin(tree)
    }

    fn judges_steps(&self) -> bool {
        false
    }
}
