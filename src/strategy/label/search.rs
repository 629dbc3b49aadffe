//! Which beginnings of a solution are tried, and what their values come to. No I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::verdict::{CORRECT, INCORRECT, Reason, StepLabel, Steps, Unreadable};

/// How steps are labelled.
///
/// Both read a value for the beginning of a solution up to a step: the share of completions from there that end right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum LabelMethod {
    /// Every step gets a value (Wang et al. 2024, Math-Shepherd).
    #[default]
    EveryStep,
    /// Binary search for the first wrong step, of solutions that end wrong (Luo et al. 2024, OmegaPRM). A solution
    /// that ends right counts as right throughout, and needs no completions.
    FirstError,
}

/// The value of a beginning: the share of its completions that ended right, 0 to 1; `None` if none could be judged.
pub(super) type Value = Option<f64>;

/// The search for the labels of one solution.
///
/// A beginning is named by the number of its steps: 0 is the problem alone, and all steps are the whole solution.
#[derive(Clone, Debug)]
pub(super) struct LabelSearch {
    method: LabelMethod,
    steps: usize,
    threshold: f64,
    values: BTreeMap<usize, Value>,
}

impl LabelSearch {
    /// The search over a solution of so many steps. A step is right if the value after it is above `threshold`.
    pub(super) fn new(method: LabelMethod, steps: usize, threshold: f64) -> Self {
        Self { method, steps, threshold, values: BTreeMap::new() }
    }

    /// The beginnings to try next, which may be tried at once; empty when the search is over.
    pub(super) fn next(&self) -> Vec<usize> {
        let missing = |kept: &usize| !self.values.contains_key(kept);
        let open: Vec<usize> = match self.method {
            LabelMethod::EveryStep => (1..=self.steps).filter(missing).collect(),
            LabelMethod::FirstError => self.middle().into_iter().collect(),
        };
        if !open.is_empty() {
            return open;
        }
        // A first step that is wrong cannot be told from a problem that the policy cannot solve.
        let blames_first = self.steps > 0 && self.fails(1);
        (0..usize::from(blames_first)).filter(missing).collect()
    }

    /// Stores the value of a beginning.
    pub(super) fn take(&mut self, kept: usize, value: Value) {
        self.values.insert(kept, value);
    }

    /// The value of a beginning, if it was tried.
    pub(super) fn value(&self, kept: usize) -> Option<Value> {
        self.values.get(&kept).copied()
    }

    /// The next beginning of the binary search; `None` when it has ended, or a value that it needs is not known.
    fn middle(&self) -> Option<usize> {
        if self.steps == 0 {
            return None;
        }
        // The error lies in the steps low..high: what ends before `low` is right, what ends with `high` is wrong.
        let (mut low, mut high) = (0, self.steps);
        match self.values.get(&high) {
            None => return Some(high),
            Some(_) if self.fails(high) => (),
            Some(_) => return None,
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            match self.values.get(&middle) {
                None => return Some(middle),
                Some(None) => return None,
                Some(Some(_)) if self.fails(middle) => high = middle,
                Some(Some(_)) => low = middle,
            }
        }
        None
    }

    /// Whether a beginning was tried, and is wrong.
    fn fails(&self, kept: usize) -> bool {
        matches!(self.values.get(&kept), Some(Some(value)) if *value <= self.threshold)
    }

    /// Whether a beginning was tried, and is right.
    fn holds(&self, kept: usize) -> bool {
        matches!(self.values.get(&kept), Some(Some(value)) if *value > self.threshold)
    }

    /// The labels, once [`next`](Self::next) has no more to try.
    ///
    /// A step after which no completion could be judged has no label. If it stands before the first error, the
    /// first error is not known.
    ///
    /// # Errors
    /// The first error is not known, or the policy solves the problem in none of its completions.
    pub(super) fn labels(&self) -> Result<Steps, Unreadable> {
        let first = (1..=self.steps).find(|kept| self.fails(*kept));
        let ends = first.unwrap_or(self.steps);
        let is_sought = self.method == LabelMethod::FirstError;
        let sure = |kept: usize| {
            self.holds(kept) || (is_sought && !matches!(self.value(kept), Some(None)))
        };
        if let Some(unsure) =
            (1..ends).chain(first.is_none().then_some(ends)).find(|kept| !sure(*kept))
        {
            let detail = format!("no completion after step {} could be judged", unsure - 1);
            return Err(Unreadable::new(Reason::Missing, detail));
        }
        if first == Some(1) && !self.holds(0) {
            let detail = "no completion of the problem itself ends right, so a wrong first step cannot be told from a problem that is too hard for the policy";
            return Err(Unreadable::new(Reason::Unsure, detail));
        }
        let last = if is_sought { ends } else { self.steps };
        let label = |kept: usize| {
            let value = self.value(kept).flatten();
            // The search takes the steps before the first error for right.
            let is_right = if is_sought {
                Some(kept) < first || first.is_none()
            } else {
                value? > self.threshold
            };
            let label = StepLabel::new(kept - 1, if is_right { CORRECT } else { INCORRECT });
            Some(StepLabel { value, ..label })
        };
        let steps = (1..=last).filter_map(label).collect();
        Ok(Steps { first_error: first.map(|kept| kept - 1), steps, ..Steps::default() })
    }

    /// How many beginnings `method` completes if it meets the same values. The whole solution is not completed.
    pub(super) fn tries(&self, method: LabelMethod) -> usize {
        if method == LabelMethod::EveryStep {
            return self.steps.saturating_sub(1) + usize::from(self.fails(1));
        }
        let mut other = Self::new(method, self.steps, self.threshold);
        loop {
            let open = other.next();
            if open.is_empty() {
                return other.values.keys().filter(|kept| **kept < self.steps).count();
            }
            for kept in open {
                other.take(kept, self.value(kept).flatten());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches over these values of the beginnings, the problem alone first.
    fn searched(method: LabelMethod, values: &[Value]) -> LabelSearch {
        let mut search = LabelSearch::new(method, values.len() - 1, 0.0);
        loop {
            let open = search.next();
            if open.is_empty() {
                return search;
            }
            for kept in open {
                search.take(kept, values[kept]);
            }
        }
    }

    /// The values of a solution of so many steps whose first error is known: right beginnings have one.
    fn monotone(steps: usize, first_error: Option<usize>) -> Vec<Value> {
        let ends = first_error.unwrap_or(steps);
        (0..=steps).map(|kept| Some(if kept <= ends { 0.5 } else { 0.0 })).collect()
    }

    fn labels(steps: &Steps) -> Vec<(usize, &str, Option<f64>)> {
        steps.steps.iter().map(|step| (step.index, step.label.as_str(), step.value)).collect()
    }

    #[test]
    fn every_step_gets_the_label_of_its_own_value() {
        let values = [Some(1.0), Some(0.75), Some(0.0), Some(0.25)];
        let found = searched(LabelMethod::EveryStep, &values).labels().unwrap();
        assert_eq!(found.first_error, Some(1));
        let all = [(0, CORRECT, Some(0.75)), (1, INCORRECT, Some(0.0)), (2, CORRECT, Some(0.25))];
        assert_eq!(labels(&found), all);
    }

    #[test]
    fn a_higher_threshold_wants_more_completions_that_end_right() {
        let mut search = LabelSearch::new(LabelMethod::EveryStep, 2, 0.5);
        search.take(1, Some(0.75));
        search.take(2, Some(0.5));
        assert_eq!(search.labels().unwrap().first_error, Some(1));
    }

    #[test]
    fn a_solution_that_ends_right_is_not_searched() {
        let search = searched(LabelMethod::FirstError, &monotone(5, None));
        assert_eq!((search.values.len(), search.tries(LabelMethod::FirstError)), (1, 0));
        let found = search.labels().unwrap();
        assert_eq!((found.first_error, found.steps.len()), (None, 5));
    }

    #[test]
    fn a_wrong_first_step_is_believed_only_if_the_policy_can_solve_the_problem() {
        for method in [LabelMethod::EveryStep, LabelMethod::FirstError] {
            let able = searched(method, &[Some(0.5), Some(0.0), Some(0.0)]);
            assert_eq!(able.labels().unwrap().first_error, Some(0), "{method:?}");
            let unable = searched(method, &[Some(0.0), Some(0.0), Some(0.0)]);
            assert_eq!(unable.labels().unwrap_err().reason, Reason::Unsure, "{method:?}");
            let unknown = searched(method, &[None, Some(0.0), Some(0.0)]);
            assert_eq!(unknown.labels().unwrap_err().reason, Reason::Unsure, "{method:?}");
        }
    }

    #[test]
    fn a_value_that_could_not_be_had_hides_the_first_error_only_if_it_comes_before() {
        let before = [Some(1.0), None, Some(0.0)];
        let found = searched(LabelMethod::EveryStep, &before).labels();
        assert_eq!(found.unwrap_err().reason, Reason::Missing);
        let after = [Some(1.0), Some(0.5), Some(0.0), None, Some(0.0)];
        let found = searched(LabelMethod::EveryStep, &after).labels().unwrap();
        assert_eq!(labels(&found).iter().map(|(at, ..)| *at).collect::<Vec<_>>(), [0, 1, 3]);
        let last = [Some(1.0), Some(0.5), None];
        for method in [LabelMethod::EveryStep, LabelMethod::FirstError] {
            let found = searched(method, &last).labels();
            assert_eq!(found.unwrap_err().reason, Reason::Missing, "{method:?}");
        }
    }

    proptest! {
        #[test]
        fn both_methods_find_the_same_first_error_and_the_search_tries_few(
            steps in 1_usize..200,
            at in any::<prop::sample::Index>(),
            has_error in any::<bool>(),
        ) {
            let first_error = has_error.then(|| at.index(steps));
            let values = monotone(steps, first_error);
            let each = searched(LabelMethod::EveryStep, &values);
            let search = searched(LabelMethod::FirstError, &values);
            prop_assert_eq!(each.labels().unwrap().first_error, first_error);
            prop_assert_eq!(search.labels().unwrap().first_error, first_error);
            // Each method knows what the other would have cost.
            let tried = search.values.keys().filter(|kept| **kept < steps).count();
            let each_tries = steps - 1 + usize::from(first_error == Some(0));
            for one in [&each, &search] {
                prop_assert_eq!(one.tries(LabelMethod::EveryStep), each_tries);
                prop_assert_eq!(one.tries(LabelMethod::FirstError), tried);
            }
            let most = usize::try_from(steps.next_power_of_two().ilog2()).unwrap() + 1;
            prop_assert!(tried <= most, "{tried} of {steps}");
        }
    }
}
