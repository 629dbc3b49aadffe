//! The tree of a search: steps of solutions, their values, and what is known about them. No I/O.

use serde::{Deserialize, Serialize};

/// The steps that a search has written, as a tree. Node 0 is the problem, without a step.
///
/// Equal steps after the same node are one node, which counts how often it was drawn. So the text up to a node belongs
/// to this node alone.
///
/// ```
/// use tribunal::strategy::search::Tree;
///
/// let mut tree = Tree::new("\n");
/// let (first, _) = tree.add(0, "1 + 2 = 3");
/// let (end, _) = tree.add(first, "Answer: 3");
/// assert_eq!(tree.add(first, "Answer: 3"), (end, false));
/// assert_eq!((tree.text(end).as_str(), tree[end].times, tree[end].depth), ("1 + 2 = 3\nAnswer: 3", 2, 2));
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tree {
    nodes: Vec<Node>,
    between: String,
}

/// One step of a solution, after the steps that lead to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Node {
    /// The node before it; `None` for the problem.
    pub parent: Option<usize>,
    /// The text of the step.
    pub step: String,
    /// The number of steps up to this one, which counts.
    pub depth: usize,
    /// The value of the solution up to here, if the judge gave one that can be read.
    pub value: Option<f64>,
    /// Whether the judge was asked about it.
    pub is_judged: bool,
    /// The mean probability of a token of the step under the policy, 0 to 1, where a method needs it: the geometric mean.
    pub likelihood: Option<f64>,
    /// Whether the solution ends here.
    pub is_end: bool,
    /// How often it was drawn.
    pub times: u32,
    /// The tokens that the policy wrote for it.
    pub tokens: u64,
    /// The nodes after it, in the order in which they were first drawn.
    pub children: Vec<usize>,
    /// How many steps after it were drawn.
    pub drawn: u32,
    /// How many solutions were written from here to their end.
    pub completed: u32,
}

impl Tree {
    /// The tree of a problem without any step. `between` stands between the steps of a solution.
    pub fn new(between: impl Into<String>) -> Self {
        Self { nodes: vec![Node::default()], between: between.into() }
    }

    /// The number of nodes, including the problem.
    #[expect(clippy::len_without_is_empty, reason = "a tree always has its root")]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// All nodes, each after its parent.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node that may be changed.
    pub(super) fn node(&mut self, at: usize) -> &mut Node {
        &mut self.nodes[at]
    }

    /// Adds a step after a node, and returns its node, and whether it is new.
    pub fn add(&mut self, parent: usize, step: &str) -> (usize, bool) {
        if let Some(at) = self.child(parent, step) {
            self.nodes[at].times += 1;
            return (at, false);
        }
        let at = self.nodes.len();
        let node = Node {
            parent: Some(parent),
            step: step.to_owned(),
            depth: self[parent].depth + 1,
            times: 1,
            ..Node::default()
        };
        self.nodes.push(node);
        self.nodes[parent].children.push(at);
        (at, true)
    }

    /// The node of a step after a node, if it was written before.
    pub fn child(&self, parent: usize, step: &str) -> Option<usize> {
        self[parent].children.iter().copied().find(|child| self[*child].step == step)
    }

    /// The nodes from the first step to this one.
    pub fn path(&self, at: usize) -> Vec<usize> {
        let before = |at: &usize| self[*at].parent.filter(|parent| *parent != 0);
        let mut path: Vec<usize> =
            std::iter::successors(Some(at).filter(|at| *at != 0), before).collect();
        path.reverse();
        path
    }

    /// The solution up to a node.
    pub fn text(&self, at: usize) -> String {
        let steps: Vec<&str> = self.path(at).into_iter().map(|at| &*self[at].step).collect();
        steps.join(&self.between)
    }

    /// The solution up to a node, with more text after it.
    pub(super) fn text_with(&self, at: usize, more: &str) -> String {
        let text = self.text(at);
        if text.is_empty() || more.is_empty() { text + more } else { text + &self.between + more }
    }

    /// The ends of solutions, in the order in which they were first written.
    pub fn ends(&self) -> impl Iterator<Item = usize> {
        (0..self.nodes.len()).filter(|at| self[*at].is_end)
    }

    /// The steps of a text, as this tree joins them. `most` is their largest number; the last one holds the rest.
    pub(super) fn steps_of(&self, text: &str, most: usize) -> Vec<String> {
        let mut steps: Vec<String> = text
            .split(&self.between)
            .map(str::trim)
            .filter(|step| !step.is_empty())
            .map(str::to_owned)
            .collect();
        if steps.len() > most.max(1) {
            let rest = steps.split_off(most.max(1) - 1).join(&self.between);
            steps.push(rest);
        }
        steps
    }
}

impl std::ops::Index<usize> for Tree {
    type Output = Node;

    fn index(&self, at: usize) -> &Node {
        &self.nodes[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_holds_the_steps_up_to_its_node() {
        let mut tree = Tree::new("\n\n");
        let (a, _) = tree.add(0, "a");
        let (b, _) = tree.add(a, "b");
        let (other, is_new) = tree.add(0, "b");
        assert!(is_new && other != b, "equal steps after other nodes are other nodes");
        assert_eq!((tree.path(b), tree.text(b)), (vec![a, b], "a\n\nb".to_owned()));
        assert_eq!((tree.path(0), tree.text(0)), (vec![], String::new()));
        assert_eq!((tree.text_with(a, "c"), tree.text_with(0, "c")), ("a\n\nc".into(), "c".into()));
    }

    #[test]
    fn a_text_is_cut_where_the_tree_joins_steps() {
        let tree = Tree::new("\n");
        assert_eq!(tree.steps_of("a\n\nb\nc\n", 9), ["a", "b", "c"]);
        assert_eq!(tree.steps_of("a\nb\nc", 2), ["a", "b\nc"]);
        assert_eq!(tree.steps_of(" \n", 2), [""; 0]);
    }
}
