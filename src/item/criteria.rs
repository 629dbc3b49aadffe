//! The criteria by which one record is judged, checked together: names, weights and their number.

use serde_json::Value;

use super::{criterion::Criterion, rubric_shapes::Reading};
use crate::error::{Error, ErrorKind, Result};

/// The criteria of one record, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Criteria {
    /// The criteria; each has a name of its own.
    pub all: Vec<Criterion>,
    /// Whether one of them says what it counts: then they come to a score.
    pub are_weighted: bool,
}

impl Criteria {
    /// Reads criteria in any of the shapes of the module. Errors have the kind `kind`: that of the place where the
    /// criteria are written.
    ///
    /// # Errors
    /// A criterion has no requirement, or a weight that is not a finite number; two have the same name; no weight is
    /// above 0; there are too many, or they are nested too deeply.
    pub fn read(value: &Value, kind: ErrorKind) -> Result<Self> {
        let read = Self::part(value, kind)?;
        read.check(kind).map(|()| read)
    }

    /// The same for a part of a rubric, which may hold nothing but faults.
    ///
    /// # Errors
    /// Those of [`read`](Self::read) that are about one criterion.
    pub(crate) fn part(value: &Value, kind: ErrorKind) -> Result<Self> {
        let mut reading = Reading::new(kind);
        reading.whole(value, 0)?;
        let Reading { mut all, are_weighted, .. } = reading;
        for (n, criterion) in all.iter_mut().enumerate() {
            if criterion.name.trim().is_empty() {
                criterion.name = (n + 1).to_string();
            }
        }
        Ok(Self { all, are_weighted })
    }

    /// Checks names and weights.
    fn check(&self, kind: ErrorKind) -> Result<()> {
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = self.all.iter().find(|one| !seen.insert(one.name.as_str())) {
            let whose = if kind == ErrorKind::Record { "the record names" } else { "there is" };
            let message = format!("{whose} the criterion `{}` twice", twice.name);
            return Err(Error::new(kind, message).hint(
                "give each criterion a `name` of its own; without one it is called by its number",
            ));
        }
        let total: f64 = self.all.iter().map(|one| one.weight.abs()).sum();
        if !total.is_finite() {
            return Err(Error::new(kind, "the weights of the criteria add up to infinity")
                .hint("use smaller weights: only their ratio counts"));
        }
        if !self.all.is_empty() && !self.all.iter().any(|one| one.weight > 0.0) {
            return Err(Error::new(
                kind,
                "no criterion has a weight above 0, so that there is nothing to reach",
            )
            .hint(
                "give what an answer should do a positive weight; a negative one is for faults",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "cases are written where they are used")]
mod tests {
    use super::{super::rubric_shapes::is_rubric, *};
    use serde_json::json;

    fn read(value: Value) -> Criteria {
        Criteria::read(&value, ErrorKind::Record).unwrap()
    }

    fn refusal(value: Value) -> String {
        format!("{:?}", Criteria::read(&value, ErrorKind::Record).unwrap_err())
    }

    fn weights(criteria: &Criteria) -> Vec<(&str, f64)> {
        criteria.all.iter().map(|one| (one.name.as_str(), one.weight)).collect()
    }

    #[test]
    fn the_points_of_healthbench_are_weights_and_items_are_called_by_number() {
        let rubrics = json!([
            {"criterion": "Names a provider.", "points": 10, "tags": ["axis:completeness"]},
            {"criterion": "Advises to skip visits.", "points": -10},
        ]);
        let criteria = read(rubrics);
        assert_eq!(weights(&criteria), [("1", 10.0), ("2", -10.0)]);
        assert!(criteria.are_weighted);
        assert_eq!(criteria.all[1].requirement, "Advises to skip visits.");
    }

    #[test]
    fn texts_are_their_own_names_and_have_no_weights() {
        let list = read(json!(["Be kind.", "Be right."]));
        assert_eq!(weights(&list), [("Be kind.", 1.0), ("Be right.", 1.0)]);
        let object = read(json!({"tone": "Be kind.", "facts": "Be right."}));
        assert_eq!(weights(&object), [("tone", 1.0), ("facts", 1.0)]);
        assert!(!list.are_weighted && !object.are_weighted);
        assert_eq!(read(json!("Be kind.")).all.len(), 1);
    }

    #[test]
    fn an_object_may_mix_texts_and_criteria_with_weights() {
        let criteria = read(json!({
            "tone": "Be kind.",
            "facts": {"requirement": "Be right.", "weight": 3, "required": true},
        }));
        assert_eq!(weights(&criteria), [("tone", 1.0), ("facts", 3.0)]);
        assert!(criteria.are_weighted && criteria.all[1].required);
    }

    #[test]
    fn sections_of_autorubric_are_one_list() {
        let file = json!({"rubric": {"sections": [
            {"name": "Accuracy", "criteria": [
                {"name": "margin", "weight": 10.0, "requirement": "States the margin."},
            ]},
            {"name": "Errors", "criteria": [{"weight": -15.0, "requirement": "Is wrong."}]},
        ]}});
        assert!(is_rubric(&file));
        assert_eq!(weights(&read(file)), [("margin", 10.0), ("2", -15.0)]);
    }

    #[test]
    fn the_leaves_of_a_tree_share_its_weight() {
        let tree = json!({"requirements": "All is replicated", "weight": 1, "sub_tasks": [
            {"requirements": "Data are there", "weight": 1, "sub_tasks": []},
            {"requirements": "Models are trained", "weight": 3, "sub_tasks": [
                {"requirements": "One", "weight": 2, "sub_tasks": []},
                {"requirements": "Two", "weight": 1, "sub_tasks": []},
            ]},
        ]});
        assert_eq!(weights(&read(tree)), [("1", 0.25), ("2.1", 0.5), ("2.2", 0.25)]);
    }

    #[test]
    fn what_cannot_be_weighed_says_what_to_do() {
        let one = |weight: Value| json!([{"requirement": "x", "weight": weight}]);
        assert!(refusal(one(json!("heavy"))).contains("`1` is the text `heavy`"));
        assert!(refusal(one(json!(null))).contains("a weight is a number such as 2 or -5"));
        assert!(refusal(one(json!(0))).contains("no criterion has a weight above 0"));
        assert!(refusal(one(json!(-3))).contains("no criterion has a weight above 0"));
        let huge = json!([{"text": "a", "weight": 1e308}, {"text": "b", "weight": 1e308}]);
        assert!(refusal(huge).contains("add up to infinity"));
        assert!(refusal(json!([{"weight": 1}])).contains("`1` has no requirement"));
        assert!(
            refusal(json!([{"name": "a", "text": "x"}, {"name": "a", "text": "y"}]))
                .contains("the record names the criterion `a` twice")
        );
        let required = json!([{"text": "x", "required": "yes"}]);
        assert!(refusal(required).contains("write true or false"));
        let options = json!([{"name": "o", "text": "x", "options": []}]);
        assert!(refusal(options).contains("`options` of its own"));
    }

    #[test]
    fn too_many_and_too_deep_are_refused() {
        let many: Vec<Value> = (0..10_000).map(|n| json!({"requirement": n.to_string()})).collect();
        assert!(refusal(many.into()).contains("more than 2000 criteria"));
        let deep = (0..100).fold(
            json!({"requirements": "leaf"}),
            |inner, _| json!({"requirements": "node", "sub_tasks": [inner]}),
        );
        assert!(refusal(deep).contains("nested more than 32 deep"));
        let none = json!({"requirements": "r", "sub_tasks": [
            {"requirements": "a", "weight": 0}, {"requirements": "b", "weight": 0},
        ]});
        assert!(refusal(none).contains("the parts of `1` have no weight"));
        let fault =
            json!({"requirements": "r", "sub_tasks": [{"requirements": "a", "weight": -1}]});
        assert!(refusal(fault).contains("not below 0"));
    }
}
