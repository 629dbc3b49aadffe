//! The tree of a record in the terminal.

use termtree::Tree;

use tribunal::records::TreeLine;

/// The most characters of a step in a line.
const SHOWN: usize = 72;

/// The tree as lines of text: each step with its value, `*` before those of the chosen solution.
pub(super) fn shown(lines: &[TreeLine]) -> String {
    let id = lines.first().map(|line| line.id.as_str()).unwrap_or_default();
    let steps = branches(lines, 0);
    Tree::new(id.to_owned()).with_leaves(steps).to_string().trim_end().to_owned()
}

/// The steps after a node.
fn branches(lines: &[TreeLine], parent: usize) -> Vec<Tree<String>> {
    let children = lines.iter().filter(|line| line.parent == parent);
    children.map(|line| Tree::new(label(line)).with_leaves(branches(lines, line.node))).collect()
}

/// One step in one line.
fn label(line: &TreeLine) -> String {
    let mark = if line.chosen { "* " } else { "" };
    let step = line.step.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = step.chars().take(SHOWN).collect();
    let more = if cut.len() < step.len() { "…" } else { "" };
    let value = line.value.map(|value| format!("  {value:.2}")).unwrap_or_default();
    let times = if line.times > 1 { format!("  x{}", line.times) } else { String::new() };
    let end = if line.end { "  end" } else { "" };
    format!("{mark}{cut}{more}{value}{times}{end}")
}
