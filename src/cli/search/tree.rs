//! The tree of a record in the terminal.

use std::collections::BTreeSet;

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

/// What a line of a printed tree shows beside its step, in the order of the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Chosen,
    Value,
    NoValue,
    Repeated,
    End,
}

impl Mark {
    /// The marks of a line.
    fn of(line: &TreeLine) -> impl Iterator<Item = Self> {
        let value = if line.value.is_some() { Self::Value } else { Self::NoValue };
        let others =
            [(Self::Chosen, line.chosen), (Self::Repeated, line.times > 1), (Self::End, line.end)];
        let others = others.into_iter().filter_map(|(mark, is_there)| is_there.then_some(mark));
        others.chain([value])
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Chosen => "* chosen",
            Self::Value => "0.00 value of the solution up to there",
            Self::NoValue => "no number: without a value",
            Self::Repeated => "x2 drawn twice",
            Self::End => "end the last step",
        }
    }
}

/// The marks that occur in printed trees.
#[derive(Debug, Default)]
pub(super) struct Legend(BTreeSet<Mark>);

impl Legend {
    /// Notes the marks of a tree.
    pub(super) fn add(&mut self, lines: &[TreeLine]) {
        self.0.extend(lines.iter().flat_map(Mark::of));
    }

    /// What they mean, in one line; `None` without a tree.
    pub(super) fn text(&self) -> Option<String> {
        // Where no step has a value, nobody misses one.
        let explained = |mark: &&Mark| **mark != Mark::NoValue || self.0.contains(&Mark::Value);
        let meanings: Vec<&str> =
            self.0.iter().filter(explained).map(|mark| mark.meaning()).collect();
        (!meanings.is_empty()).then(|| format!("({})", meanings.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: serde_json::Value) -> TreeLine {
        serde_json::from_value(json).unwrap_or_else(|error| unreachable!("{error}"))
    }

    #[test]
    fn a_legend_explains_the_marks_that_occur() {
        let mut legend = Legend::default();
        assert_eq!(legend.text(), None);
        let step = |more: serde_json::Value| {
            let mut step = serde_json::json!({"id": "r", "node": 1, "parent": 0, "depth": 1,
                "step": "1 + 1 = 2", "value": 0.5, "end": false, "chosen": false, "times": 1, "tokens": 3});
            if let (Some(step), Some(more)) = (step.as_object_mut(), more.as_object()) {
                step.extend(more.clone());
            }
            line(step)
        };
        legend.add(&[step(serde_json::json!({}))]);
        assert_eq!(legend.text().as_deref(), Some("(0.00 value of the solution up to there)"));
        legend.add(&[
            step(serde_json::json!({"chosen": true, "times": 3})),
            step(serde_json::json!({"value": null, "end": true})),
        ]);
        let all = "(* chosen; 0.00 value of the solution up to there; no number: without a value; x2 drawn twice; end the last step)";
        assert_eq!(legend.text().as_deref(), Some(all));
    }
}
