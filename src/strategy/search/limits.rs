//! The limits of one search.

use serde::{Deserialize, Serialize};

use super::{algorithm::Ask, tree::Tree};

/// The limits of the search for one record.
///
/// `depth`, `nodes` and `calls` are never exceeded, apart from calls that repeat an answer which could not be read, and
/// those of stand-ins for members of a jury. Where the calls that are left are too few for a judgment, there is none.
/// `tokens` is checked between the rounds of a search: nothing more is asked once they are spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchLimits {
    /// The most steps of a solution; the last one is written to the end.
    pub depth: usize,
    /// The most nodes of the tree.
    pub nodes: Option<usize>,
    /// The most calls of models, those of the judge included.
    pub calls: Option<u32>,
    /// The most tokens, read and written, those of the judge and of cached answers included.
    pub tokens: Option<u64>,
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self { depth: 25, nodes: None, calls: None, tokens: None }
    }
}

/// Which limit ended a search, or kept it from drawing as much as its method asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SearchLimit {
    /// [`SearchLimits::nodes`].
    Nodes,
    /// [`SearchLimits::calls`].
    Calls,
    /// [`SearchLimits::tokens`].
    Tokens,
}

impl SearchLimit {
    /// The word in lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Calls => "calls",
            Self::Tokens => "tokens",
        }
    }
}

/// The number of calls for a draw of a step and of a rest, and for the judgments of solutions: a judge that is asked
/// about each step needs the more, the longer a solution is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DrawCalls {
    /// What is written for a step and after it, and its likelihood.
    pub(super) step: u64,
    /// What is written for a rest.
    pub(super) rest: u64,
    /// The judgment of a solution of one step.
    pub(super) judgment: u64,
    /// What each further step adds to that.
    pub(super) more: u64,
    /// The steps that are written after a step and judged with it.
    pub(super) ahead: u64,
}

impl DrawCalls {
    /// The calls for the draw of a step at this depth.
    pub(super) fn of_step(self, depth: u64) -> u64 {
        self.step.saturating_add(self.judged(depth.saturating_add(self.ahead)))
    }

    /// The calls for the draw of a rest with which a solution has so many steps.
    pub(super) fn of_rest(self, depth: u64) -> u64 {
        self.rest.saturating_add(self.judged(depth))
    }

    /// The calls for one draw of a step at each depth up to this one.
    pub(super) fn of_path(self, depth: u64) -> u64 {
        let depth = u128::from(depth);
        let first = u128::from(self.of_step(1));
        let later = (depth * depth.saturating_sub(1) / 2).saturating_mul(self.more.into());
        u64::try_from(depth.saturating_mul(first).saturating_add(later)).unwrap_or(u64::MAX)
    }

    fn judged(self, steps: u64) -> u64 {
        self.judgment.saturating_add(self.more.saturating_mul(steps.saturating_sub(1)))
    }
}

/// What a search has spent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub(super) calls: u32,
    pub(super) tokens: u64,
}

impl SearchLimits {
    /// The asks with as many draws as the limits allow, and the limit that cut them. Their number and order stay.
    pub(super) fn cut(
        &self,
        asks: &mut [Ask],
        tree: &Tree,
        used: Used,
        calls: DrawCalls,
    ) -> Option<SearchLimit> {
        let mut met = None;
        let mut nodes_left = self.nodes.map(|most| most.saturating_sub(tree.len()) as u64);
        let mut calls_left = self.calls.map(|most| u64::from(most.saturating_sub(used.calls)));
        let is_spent = self.tokens.is_some_and(|most| used.tokens >= most);
        for ask in asks {
            let depth = tree[ask.after()].depth as u64 + 1;
            let each = match ask {
                Ask::Steps { .. } => calls.of_step(depth),
                Ask::Rest { .. } => calls.of_rest(depth),
            };
            let wanted = u64::from(ask.draws());
            let by_calls = calls_left.map_or(wanted, |left| wanted.min(left / each.max(1)));
            let draws = nodes_left.map_or(by_calls, |left| by_calls.min(left));
            let draws = if is_spent { 0 } else { draws };
            if draws < wanted {
                met = Some(match () {
                    () if is_spent => SearchLimit::Tokens,
                    () if draws < by_calls => SearchLimit::Nodes,
                    () => SearchLimit::Calls,
                });
            }
            nodes_left = nodes_left.map(|left| left - draws);
            calls_left = calls_left.map(|left| left - draws * each);
            *ask = ask.drawing(u32::try_from(draws).unwrap_or(u32::MAX));
        }
        met
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(limits: &SearchLimits, used: Used) -> (Vec<u32>, Option<SearchLimit>) {
        let mut asks = [Ask::Steps { after: 0, draws: 4 }, Ask::Rest { after: 0, draws: 4 }];
        let calls = DrawCalls { step: 1, rest: 2, judgment: 1, ..DrawCalls::default() };
        let met = limits.cut(&mut asks, &Tree::new("\n"), used, calls);
        (asks.iter().map(|ask| ask.draws()).collect(), met)
    }

    #[test]
    fn longer_solutions_cost_more_where_a_judge_is_asked_about_each_step() {
        let calls = DrawCalls { step: 3, rest: 2, judgment: 4, more: 5, ahead: 1 };
        assert_eq!((calls.of_step(1), calls.of_step(3), calls.of_rest(3)), (12, 22, 16));
        assert_eq!(calls.of_path(3), calls.of_step(1) + calls.of_step(2) + calls.of_step(3));
        assert_eq!((calls.of_path(0), calls.of_path(u64::MAX)), (0, u64::MAX));
    }

    #[test]
    fn a_limit_cuts_draws_and_names_itself() {
        let none = SearchLimits::default();
        let used = |calls, tokens| Used { calls, tokens };
        assert_eq!(cut(&none, used(900, 900)), (vec![4, 4], None));
        let calls = SearchLimits { calls: Some(20), ..none };
        assert_eq!(cut(&calls, used(0, 0)), (vec![4, 4], None));
        assert_eq!(cut(&calls, used(5, 0)), (vec![4, 2], Some(SearchLimit::Calls)));
        let nodes = SearchLimits { nodes: Some(6), ..none };
        assert_eq!(cut(&nodes, used(0, 0)), (vec![4, 1], Some(SearchLimit::Nodes)));
        let tokens = SearchLimits { tokens: Some(100), ..none };
        assert_eq!(cut(&tokens, used(0, 99)), (vec![4, 4], None));
        assert_eq!(cut(&tokens, used(0, 100)), (vec![0, 0], Some(SearchLimit::Tokens)));
    }
}
