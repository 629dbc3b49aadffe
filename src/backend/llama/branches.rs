//! Labels of one place as branches of one prompt, which are evaluated together.
//!
//! Labels of several tokens continue the same prompt in different ways. In one sequence they are evaluated one token
//! after another, and every token reads all weights of the model. If other sequences are free for a moment, each branch
//! gets one of them: a copy of the prompt, and then the tokens of all branches at one depth in one call. Tokens that
//! labels begin with together are evaluated once, before their branches part.
//!
//! A copy costs time, too: it pays with large weights and short prompts, where a call takes hardly longer for several
//! tokens than for one.

use super::curve::Curve;

/// How fast a sequence is copied out of the cache or into it, in bytes per second of one core. Keys and values are
/// stored in small pieces, so it is a fraction of what the memory could do.
const COPIED: f64 = 2e9;

/// The calls that evaluate the branches of a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Branches {
    /// One call for every depth.
    pub(super) levels: Vec<Level>,
}

/// The nodes of one depth, and where they are evaluated.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Level {
    /// The copies before the call: a sequence, and those that become like it.
    pub(super) copies: Vec<(usize, Vec<usize>)>,
    /// The sequences that are extended, in ascending order, and their nodes.
    pub(super) rows: Vec<(usize, usize)>,
}

impl Branches {
    /// Branches with these nodes, from the first one after the prompt. Those that begin with the same nodes stand
    /// together. Each has a sequence; the last one has that which holds the prompt, so that what follows finds the
    /// beginning of its own branch there.
    pub(super) fn new(paths: &[Vec<usize>], sequences: &[usize]) -> Self {
        let depth = paths.iter().map(Vec::len).max().unwrap_or(0);
        // The sequence that holds the beginning of each branch.
        let mut at = vec![sequences.last().copied().unwrap_or(0); paths.len()];
        let levels = (0..depth).map(|depth| Level::new(paths, sequences, depth, &mut at));
        Self { levels: levels.collect() }
    }

    /// The seconds that these calls save on a machine with this curve, beside calls for one token after another that
    /// other sequences share; negative if they take longer. A copy of the prompt has so many `bytes`.
    pub(super) fn saves(&self, curve: &Curve, others: usize, bytes: usize) -> f64 {
        let level = |level: &Level| {
            let width = level.rows.len();
            let alone = real(width) * (curve.cost(others + 1) - curve.cost(others));
            let copies: usize = level.copies.iter().map(|(_, into)| 1 + into.len()).sum();
            alone - curve.cost(width) - real(copies) * real(bytes) / COPIED
        };
        self.levels.iter().map(level).sum()
    }
}

impl Level {
    /// The nodes at this depth; `at` then names the sequences that hold them.
    fn new(paths: &[Vec<usize>], sequences: &[usize], depth: usize, at: &mut [usize]) -> Self {
        let mut level = Self::default();
        let mut first = 0;
        for group in paths.chunk_by(|a, b| a.get(depth) == b.get(depth)) {
            let last = first + group.len() - 1;
            if let Some(&node) = group[0].get(depth) {
                let (from, into) = (at[last], sequences[last]);
                if from != into {
                    level.copy(from, into);
                }
                at[first..=last].fill(into);
                level.rows.push((into, node));
            }
            first = last + 1;
        }
        level.rows.sort_unstable();
        level
    }

    /// Adds a copy.
    fn copy(&mut self, from: usize, into: usize) {
        match self.copies.iter_mut().find(|(sequence, _)| *sequence == from) {
            Some((_, all)) => all.push(into),
            None => self.copies.push((from, vec![into])),
        }
    }
}

/// A number for arithmetic.
#[expect(clippy::cast_precision_loss, reason = "an estimate of time")]
fn real(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(copies: &[(usize, &[usize])], rows: &[(usize, usize)]) -> Level {
        let copies = copies.iter().map(|(from, into)| (*from, into.to_vec())).collect();
        Level { copies, rows: rows.to_vec() }
    }

    #[test]
    fn each_branch_has_a_copy_and_all_nodes_of_a_depth_one_call() {
        let branches = Branches::new(&[vec![1], vec![2], vec![3]], &[4, 0, 2]);
        assert_eq!(branches.levels, [level(&[(2, &[4, 0])], &[(0, 2), (2, 3), (4, 1)])]);
    }

    #[test]
    fn what_labels_begin_with_together_is_evaluated_before_they_part() {
        // Node 1 is followed by 2 and 3, and node 4 by 5.
        let branches = Branches::new(&[vec![1, 2], vec![1, 3], vec![4, 5]], &[0, 1, 2]);
        let first = level(&[(2, &[1])], &[(1, 1), (2, 4)]);
        let second = level(&[(1, &[0])], &[(0, 2), (1, 3), (2, 5)]);
        assert_eq!(branches.levels, [first, second]);
    }

    #[test]
    fn branches_pay_where_wide_calls_are_cheap_and_copies_small() {
        let branches = Branches::new(&[vec![1], vec![2], vec![3], vec![4]], &[0, 1, 2, 3]);
        let large = Curve::new(vec![(1, 0.4), (4, 0.5)]);
        assert!(branches.saves(&large, 0, 80 << 20) > 0.5);
        // A small model copies longer than it computes, and without a gain by width nothing is saved.
        let small = Curve::new(vec![(1, 0.010), (4, 0.035)]);
        assert!(branches.saves(&small, 0, 14 << 20) < 0.0);
        assert!(branches.saves(&Curve::flat(), 0, 0) <= 0.0);
        // Others share the calls for single tokens.
        assert!(branches.saves(&large, 3, 80 << 20) < 0.0);
    }
}
