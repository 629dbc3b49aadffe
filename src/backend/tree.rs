//! The tokens of labels as a tree, so that shared prefixes are evaluated once.
//!
//! The ten scores `[[1]]` to `[[10]]` share their first tokens: these are evaluated once, and each label
//! costs only its remaining tokens. If one label is a prefix of another (`1`, `10`), its probability is that
//! of the prefix minus that of the longer label.

/// The tree of some labels. Its root, node 0, stands for the text before them. `T` is the token of an engine, or of a
/// server.
pub(super) struct Tree<T> {
    /// The nodes: the root first, and each node after its parent.
    nodes: Vec<Node<T>>,
    /// The number of labels.
    labels: usize,
}

/// One token in the tree.
struct Node<T> {
    /// The token; `None` for the root.
    token: Option<T>,
    parent: usize,
    /// The number of tokens from the root to this node, inclusive.
    depth: usize,
    /// The child nodes, in the order in which the labels introduced them.
    children: Vec<usize>,
    /// The label that ends here; the first one if several labels are equal.
    label: Option<usize>,
    /// The natural logarithm of the probability of the tokens from the root to this node.
    log: f64,
}

impl<T: Copy + PartialEq> Tree<T> {
    /// Builds the tree of these labels, each given as a list of tokens.
    pub(super) fn new(labels: &[Vec<T>]) -> Self {
        let root = Node::new(None, 0, 0);
        let mut tree = Self { nodes: vec![root], labels: labels.len() };
        for (label, tokens) in labels.iter().enumerate() {
            let end = tokens.iter().fold(0, |node, token| tree.child(node, *token));
            tree.nodes[end].label.get_or_insert(label);
        }
        tree
    }

    /// The child of a node for this token, which is created if it does not exist.
    fn child(&mut self, parent: usize, token: T) -> usize {
        let known =
            self.nodes[parent].children.iter().find(|&&n| self.nodes[n].token == Some(token));
        if let Some(&known) = known {
            return known;
        }
        let node = self.nodes.len();
        self.nodes.push(Node::new(Some(token), parent, self.nodes[parent].depth + 1));
        self.nodes[parent].children.push(node);
        node
    }

    /// Every node with children, depth first: each after its parent.
    pub(super) fn inner(&self) -> Vec<usize> {
        self.depth_first().into_iter().filter(|&n| !self.nodes[n].children.is_empty()).collect()
    }

    /// The nodes with children, without the root, as paths: each from a child of the root to a node none of whose
    /// children has children. Paths that begin with the same nodes stand together.
    #[cfg(any(feature = "llama", test))]
    pub(super) fn branches(&self) -> Vec<Vec<usize>> {
        let mut paths: Vec<Vec<usize>> = Vec::new();
        for node in self.inner().into_iter().skip(1) {
            let parents = self.nodes[node].depth - 1;
            if let Some(path) = paths.last_mut().filter(|path| path.len() == parents) {
                path.push(node);
            } else {
                let before = paths.last().map_or(&[][..], |path| &path[..parents]);
                paths.push([before, &[node]].concat());
            }
        }
        paths
    }

    /// All nodes, depth first.
    fn depth_first(&self) -> Vec<usize> {
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut open = vec![0];
        while let Some(node) = open.pop() {
            order.push(node);
            open.extend(self.nodes[node].children.iter().rev());
        }
        order
    }

    /// The token of a node, `None` for the root, and the number of tokens from the root to it, inclusive.
    #[cfg(any(feature = "llama", test))]
    pub(super) fn place(&self, node: usize) -> (Option<T>, usize) {
        (self.nodes[node].token, self.nodes[node].depth)
    }

    /// The tokens from the root to a node, inclusive.
    #[cfg(feature = "openai")]
    pub(super) fn path(&self, mut node: usize) -> Vec<T> {
        let mut path = Vec::new();
        while let Some(token) = self.nodes[node].token {
            path.push(token);
            node = self.nodes[node].parent;
        }
        path.reverse();
        path
    }

    /// The tokens that may follow a node.
    #[cfg(feature = "openai")]
    pub(super) fn following(&self, node: usize) -> Vec<T> {
        self.nodes[node].children.iter().filter_map(|&child| self.nodes[child].token).collect()
    }

    /// Sets the probabilities of a node's children, given the log-probability of each token after the node.
    pub(super) fn weigh(&mut self, node: usize, log_probability: impl Fn(T) -> f64) {
        for child in self.nodes[node].children.clone() {
            if let Some(token) = self.nodes[child].token {
                self.nodes[child].log = self.nodes[node].log + log_probability(token);
            }
        }
    }

    /// The probability of each label: that the text begins with it, and not with a longer label. If a label
    /// occurs twice, only the first one has a probability. The sum is at most 1.
    pub(super) fn probabilities(&self) -> Vec<f64> {
        let mut labels = vec![0.0; self.labels];
        // For each node: the sum over the labels at it and below it.
        let mut sums = vec![0.0_f64; self.nodes.len()];
        for n in self.depth_first().into_iter().rev() {
            let node = &self.nodes[n];
            let longer: f64 = node.children.iter().map(|&child| sums[child]).sum();
            sums[n] = longer;
            if let Some(label) = node.label {
                labels[label] = (node.log.exp() - longer).max(0.0);
                sums[n] += labels[label];
            }
        }
        labels
    }
}

impl<T: Copy + PartialEq> Tree<T> {
    /// The share of each label if the mean log-probability of its tokens counts in place of their sum: exp(mean), divided
    /// by the sum over all labels. If a label occurs twice, only the first one has a share.
    pub(super) fn shares_by_mean(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.labels];
        for node in &self.nodes {
            if let (Some(label), 1..) = (node.label, node.depth) {
                #[expect(clippy::cast_precision_loss, reason = "a label has few tokens")]
                let tokens = node.depth as f64;
                shares[label] = (node.log / tokens).exp();
            }
        }
        let total: f64 = shares.iter().sum();
        if total > 0.0 {
            shares.iter_mut().for_each(|share| *share /= total);
        }
        shares
    }
}

impl<T> Node<T> {
    /// A node without children.
    fn new(token: Option<T>, parent: usize, depth: usize) -> Self {
        Self { token, parent, depth, children: Vec::new(), label: None, log: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The probabilities of labels if every token has a fixed probability, whatever precedes it.
    fn weighed(labels: &[&[i32]], p: impl Fn(i32) -> f64) -> (Vec<f64>, usize) {
        let mut tree = Tree::new(&labels.iter().map(|label| label.to_vec()).collect::<Vec<_>>());
        let inner = tree.inner();
        for node in &inner {
            tree.weigh(*node, |token| p(token).ln());
        }
        (tree.probabilities(), inner.len())
    }

    fn assert_near(seen: &[f64], expected: &[f64]) {
        let near = seen.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near && seen.len() == expected.len(), "{seen:?} {expected:?}");
    }

    #[test]
    fn shared_tokens_are_weighed_once() {
        let (p, evaluated) = weighed(&[&[1, 2, 3], &[1, 2, 4], &[5]], |_| 0.1);
        assert_near(&p, &[0.001, 0.001, 0.1]);
        // The root, 1, and 2.
        assert_eq!(evaluated, 3);
    }

    #[test]
    fn branches_are_the_paths_to_the_last_tokens_but_one() {
        let branches = |labels: &[&[i32]]| {
            let tree = Tree::new(&labels.iter().map(|label| label.to_vec()).collect::<Vec<_>>());
            let ids =
                |path: Vec<usize>| path.into_iter().map(|n| tree.place(n).0.unwrap()).collect();
            tree.branches().into_iter().map(ids).collect::<Vec<Vec<i32>>>()
        };
        assert_eq!(branches(&[&[1, 2], &[3, 4], &[5]]), [[1], [3]]);
        assert_eq!(branches(&[&[1, 2, 3], &[1, 4, 5], &[6, 7]]), [vec![1, 2], vec![1, 4], vec![6]]);
        assert_eq!(branches(&[&[1, 2, 3, 4], &[1, 5], &[1]]), [[1, 2, 3]]);
        assert!(branches(&[&[1], &[2]]).is_empty());
    }

    #[test]
    fn a_label_that_begins_another_has_what_does_not_go_on_into_it() {
        // The labels `1`, `10`, `100`, `12`: a 1 is followed by a 0 with probability one half.
        let p = |token| match token {
            1 => 0.8,
            0 => 0.5,
            2 => 0.1,
            _ => 0.0,
        };
        let (seen, _) = weighed(&[&[1], &[1, 0], &[1, 0, 0], &[1, 2]], p);
        assert_near(&seen, &[0.8 - 0.4 - 0.08, 0.4 - 0.2, 0.2, 0.08]);
    }

    #[test]
    fn by_the_mean_a_label_is_not_unlikely_for_its_length() {
        let shares = |labels: &[&[i32]]| {
            let mut tree =
                Tree::new(&labels.iter().map(|label| label.to_vec()).collect::<Vec<_>>());
            for node in tree.inner() {
                tree.weigh(node, |token| f64::from(token).recip().ln());
            }
            tree.shares_by_mean()
        };
        // exp((ln ½ + ln ⅛) / 2) = ¼, as one token of ¼ has.
        assert_near(&shares(&[&[2, 8], &[4]]), &[0.5, 0.5]);
        assert_near(&shares(&[&[2], &[4]]), &[2.0 / 3.0, 1.0 / 3.0]);
        assert_near(&shares(&[&[2, 2, 2], &[2, 8]]), &[2.0 / 3.0, 1.0 / 3.0]);
        assert_near(&shares(&[&[2], &[2]]), &[1.0, 0.0]);
    }

    #[test]
    fn a_label_that_comes_twice_counts_once() {
        let (seen, _) = weighed(&[&[1], &[1]], |_| 0.7);
        assert_near(&seen, &[0.7, 0.0]);
    }

    proptest! {
        #[test]
        fn the_probabilities_of_labels_never_exceed_one(
            labels in prop::collection::vec(prop::collection::vec(0_i32..4, 1..5), 1..20),
        ) {
            let labels: Vec<&[i32]> = labels.iter().map(Vec::as_slice).collect();
            let (seen, _) = weighed(&labels, |_| 0.25);
            prop_assert!(seen.iter().all(|p| (0.0..=1.0).contains(p)));
            prop_assert!(seen.iter().sum::<f64>() <= 1.0 + 1e-9);
        }
    }
}
