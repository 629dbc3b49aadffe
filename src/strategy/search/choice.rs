//! Which of the solutions that ended is the answer. No I/O.

use serde::{Deserialize, Serialize};

use super::super::answers::{AnswerGroup, AnswerGroups, Weighing, first_best};
use super::tree::Tree;

/// How the answer is chosen among the solutions that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// The solution with the best value.
    #[default]
    Best,
    /// The final answer whose solutions have the largest sum of values; each time that a solution was drawn counts.
    Vote,
    /// The final answer that was drawn most often.
    Majority,
}

impl Choice {
    /// The index of the chosen one among these ends, which have these canonical answers; `None` if none has what
    /// the rule needs. An answer that won a vote is represented by its solution with the best value.
    pub(super) fn choose(
        self,
        tree: &Tree,
        ends: &[usize],
        forms: &[Option<String>],
    ) -> Option<usize> {
        let values: Vec<Option<f64>> = ends.iter().map(|at| tree[*at].value).collect();
        let all: Vec<usize> = (0..ends.len()).collect();
        let best = |of: &[usize]| first_best(of.iter().map(|place| (*place, values[*place])));
        let groups = AnswerGroups::of(forms.iter().cloned());
        let of = |group: Option<&AnswerGroup>| {
            let members = &group?.members;
            best(members).or_else(|| members.first().copied())
        };
        match self {
            Self::Best => best(&all),
            Self::Vote => of(groups.best(&values, Weighing::Sum)).or_else(|| best(&all)),
            Self::Majority => of(groups.majority()).or_else(|| best(&all)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of solutions of one step with these values.
    fn ends(values: &[Option<f64>]) -> (Tree, Vec<usize>) {
        let mut tree = Tree::new("\n");
        let add = |(number, value): (usize, &Option<f64>)| {
            let (at, _) = tree.add(0, &format!("solution {number}"));
            (tree.node(at).value, tree.node(at).is_end) = (*value, true);
            at
        };
        let ends = values.iter().enumerate().map(add).collect();
        (tree, ends)
    }

    fn forms(forms: &[&str]) -> Vec<Option<String>> {
        forms.iter().map(|form| Some((*form).to_owned()).filter(|form| !form.is_empty())).collect()
    }

    #[test]
    fn each_rule_has_its_own_winner() {
        let (tree, ends) = ends(&[Some(0.9), Some(0.6), Some(0.5), None, None, None]);
        let forms = forms(&["a", "b", "b", "c", "c", "c"]);
        assert_eq!(Choice::Best.choose(&tree, &ends, &forms), Some(0));
        assert_eq!(Choice::Vote.choose(&tree, &ends, &forms), Some(1));
        assert_eq!(Choice::Majority.choose(&tree, &ends, &forms), Some(3));
    }

    #[test]
    fn a_vote_without_answers_falls_back_to_the_best_value() {
        let (tree, ends) = ends(&[Some(0.2), Some(0.4)]);
        let forms = forms(&["", ""]);
        for choice in [Choice::Best, Choice::Vote, Choice::Majority] {
            assert_eq!(choice.choose(&tree, &ends, &forms), Some(1), "{choice:?}");
        }
    }

    #[test]
    fn without_any_value_only_the_majority_can_choose() {
        let (tree, ends) = ends(&[None, None, None]);
        let forms = forms(&["a", "b", "b"]);
        assert_eq!(Choice::Best.choose(&tree, &ends, &forms), None);
        assert_eq!(Choice::Majority.choose(&tree, &ends, &forms), Some(1));
        assert_eq!(Choice::Majority.choose(&tree, &[], &[]), None);
    }
}
