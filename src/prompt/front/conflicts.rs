//! Contradictions between the keys of a prompt file.

use super::{super::yaml::wrong, Each, FrontMatter};
use crate::{
    aggregate::Reduce,
    error::{Error, ErrorKind, unknown},
    item::Splitting,
    parse::{self, Kind, Rule, StepLabelling},
    request::Chat,
    scale::Scale,
};

impl FrontMatter {
    /// Contradictions between keys, each with the key to blame.
    pub(super) fn problems(&self) -> Vec<(&'static str, Error)> {
        let text = matches!(self.kind, Kind::Critique | Kind::Revision);
        let mut problems = Vec::new();
        if self.rules.is_empty() && !text {
            let error = wrong("the prompt has no rule that reads its verdict".into());
            problems.push(("kind", error.hint("add a key such as `verdict: \"Score: *\"`")));
        }
        if !self.abstain.is_empty() && text {
            let kind = self.kind.name();
            let error = wrong(format!("`abstain` needs a verdict, and `kind: {kind}` has none"));
            problems.push(("abstain", error.hint("leave it out")));
        }
        if !self.roles.is_empty() && self.chat == Chat::Raw {
            let error = wrong("`roles` need turns, and `chat: raw` has none".into());
            problems.push(("roles", error.hint("leave one of the two keys out")));
        }
        if !self.template.is_empty() && self.chat == Chat::Raw {
            let error = wrong(
                "`template` sets variables of the chat template, and `chat: raw` uses none".into(),
            );
            problems.push(("template", error.hint("leave one of the two keys out")));
        }
        if self.until.is_some() && self.each != Some(Each::Steps) {
            problems.push(("until", wrong("`until` needs `each: steps`".into())));
        }
        if self.criteria.is_some() && self.verdict_kind() != Kind::Criteria {
            let error = wrong("`criteria` needs `kind: criteria`".into());
            problems.push(("criteria", error.hint("write them into the body, or under `fields`")));
        }
        if self.per_call.is_some() && self.each != Some(Each::Criteria) {
            problems.push(("per_call", wrong("`per_call` needs `each: criteria`".into())));
        }
        if self.value.is_some() && (self.kind != Kind::Steps || self.each.is_some()) {
            problems.push((
                "value",
                wrong("`value` needs `kind: steps` without `each`".into())
                    .hint("it is read beside the verdict on every step, in one conversation"),
            ));
        }
        problems.extend(self.split_problem().map(|error| ("split_steps", error)));
        problems.extend(self.reduce_problem().map(|error| ("reduce", error)));
        problems.extend(self.scale_problem().map(|error| ("scale", error)));
        problems.extend(
            self.rules
                .iter()
                .filter_map(|rule| self.value_problem(rule))
                .map(|error| ("verdict", error)),
        );
        problems
    }

    /// What is wrong with `split_steps`.
    pub(in crate::prompt) fn split_problem(&self) -> Option<Error> {
        let asks_first = matches!(self.split, Some(Splitting::Confidence(_)));
        (asks_first && self.each.is_some()).then(|| {
            wrong(
                "`split_steps: confidence` needs one conversation about all steps, and `each` is set"
                    .into(),
            )
            .hint("leave `each` out, or use another rule: latex, sentences, step-markers")
        })
    }

    /// What is wrong with `reduce`, or with an `each` that needs it.
    pub(in crate::prompt) fn reduce_problem(&self) -> Option<Error> {
        let Some(reduce) = self.reduce else {
            let needed = self.each == Some(Each::Contexts);
            return needed.then(|| {
                wrong("`each: contexts` needs `reduce`".into())
                    .hint("write `reduce: average-precision`, or mean, min or max")
            });
        };
        let ends = self.scale.as_ref().and_then(Scale::ends);
        let is_share = ends == Some((0.0, 1.0));
        if !self.judges_steps() && !self.reduces_scores() {
            let error =
                wrong("`reduce` needs verdicts on steps, or `each` and `kind: score`".into());
            return Some(error.hint("the score is that of one element; `scale: {labels: {\"yes\": 1, \"no\": 0}}` gives words for it"));
        }
        let has_probabilities = self.picks() || self.weighs_texts();
        if self.judges_steps() && self.each.is_none() && !has_probabilities {
            return Some(
                wrong("`reduce` needs a probability for every step".into()).hint(
                    "read the steps by `{choose: NAME}`, or judge each of them: `each: steps`",
                ),
            );
        }
        if self.until.is_some() || self.per_call.is_some() {
            let key = if self.until.is_some() { "until" } else { "per_call" };
            return Some(
                wrong(format!("`reduce` needs a score for each element, and `{key}` is set"))
                    .hint("leave one of the two keys out"),
            );
        }
        if self.judges_steps() && reduce == Reduce::AveragePrecision {
            return Some(
                wrong("`reduce: average-precision` is for scores of relevance".into())
                    .hint("for steps: last, min, product, mean, soft-min or max"),
            );
        }
        (reduce == Reduce::AveragePrecision && !is_share).then(|| {
            wrong("`reduce: average-precision` needs a scale from 0 to 1".into())
                .hint("write `scale: {labels: {\"yes\": 1, \"no\": 0}}`: above 0.5 is relevant")
        })
    }

    /// What is wrong with the scale for this kind of verdict.
    fn scale_problem(&self) -> Option<Error> {
        let kind = self.kind.name();
        let Some(scale) = &self.scale else {
            let needed = self.kind == Kind::Score;
            return needed.then(|| wrong("a score needs its `scale`: {min: 1, max: 10}".into()));
        };
        let (fits, other) = match self.kind {
            Kind::Score | Kind::Scores => (
                !matches!(scale, Scale::Preference(_) | Scale::Assessment(_)),
                "numbers such as {min: 1, max: 10}, or {labels: {Good: 1, Bad: 0}}",
            ),
            Kind::Criteria => (
                !matches!(scale, Scale::Preference(_)),
                "[met, unmet, cannot assess], numbers such as {min: 1, max: 5}, or {labels: {Good: 1, Bad: 0}}",
            ),
            Kind::Label => (matches!(scale, Scale::Labels { .. }), "{labels: {Good: 1, Bad: 0}}"),
            Kind::Preference => {
                (matches!(scale, Scale::Preference(_)), "[first, second] or [first, second, tie]")
            }
            Kind::Steps | Kind::Ranking | Kind::Critique | Kind::Revision => (false, ""),
        };
        if fits {
            return scale.check().err();
        }
        let error = wrong(format!("`kind: {kind}` has no scale {scale}"));
        Some(match other {
            "" => error.hint("leave `scale` out"),
            other => error.hint(format!("its scale is {other}")),
        })
    }

    /// What is wrong with a rule that reads the log-probabilities of texts with these names.
    fn logprobs_problem(&self, names: &[String], threshold: f64) -> Option<Error> {
        let has_threshold = matches!(self.kind, Kind::Steps | Kind::Label);
        if !has_threshold && (threshold - 0.5).abs() > 0.0 {
            let kind = self.kind.name();
            let error =
                wrong(format!("`threshold` under `verdict` does not belong to `kind: {kind}`"));
            return Some(error.hint("use `kind: steps` or `kind: label`, or leave it out"));
        }
        let needed = if self.kind == Kind::Preference { 2 } else { 1 };
        let fits = matches!(self.kind, Kind::Score | Kind::Steps | Kind::Label | Kind::Preference);
        if !fits || (self.kind == Kind::Steps && self.each.is_some()) {
            let kind = self.kind.name();
            let error = wrong(format!("`kind: {kind}` is not read by `logprobs` here"));
            return Some(
                error.hint("use `kind: steps` without `each`, or score, label or preference"),
            );
        }
        (names.len() != needed).then(|| {
            let kind = self.kind.name();
            wrong(format!(
                "`kind: {kind}` needs {needed} under `logprobs`, and {} are there",
                names.len()
            ))
            .hint("a preference compares two texts: `{logprobs: [one, other], beta: 0.1}`")
        })
    }

    /// What is wrong with the keys of a rule that are about the steps of a whole solution.
    fn steps_problem(&self, rule: &Rule) -> Option<Error> {
        let key = match &rule.labelling {
            Some(StepLabelling::Above { .. }) => "above",
            Some(StepLabelling::Listed { .. }) => "listed",
            Some(StepLabelling::PerStep) => "per_step",
            None if rule.first_step > 0 => "first_step",
            None => return None,
        };
        if self.kind != Kind::Steps || self.each.is_some() {
            let error =
                wrong(format!("`{key}` under `verdict` belongs to `kind: steps` without `each`"));
            return Some(error.hint("with `each: steps` every step has a conversation of its own"));
        }
        if rule.labelling == Some(StepLabelling::PerStep) && rule.values.is_empty() {
            let error = wrong("`per_step` under `verdict` needs `values`".into());
            return Some(
                error.hint("write `values: {\"correct\": correct, \"incorrect\": incorrect}`"),
            );
        }
        None
    }

    /// What is wrong with a meaning under `values` of a rule for this kind of verdict.
    fn value_problem(&self, rule: &Rule) -> Option<Error> {
        if rule.items.is_some() && (self.kind != Kind::Criteria || self.each.is_some()) {
            return Some(
                wrong("`items` under `verdict` belongs to `kind: criteria` without `each`".into())
                    .hint("with `each: criteria`, the criteria of the record are the items"),
            );
        }
        if rule.best && self.kind != Kind::Ranking {
            return Some(wrong("`best` under `verdict` belongs to `kind: ranking`".into()));
        }
        if let parse::Place::Logprobs { names, threshold, .. } = &rule.place {
            return self.logprobs_problem(names, *threshold);
        }
        if let Some(error) = self.steps_problem(rule) {
            return Some(error);
        }
        let lists = matches!(self.kind, Kind::Preference | Kind::Scores);
        let several = matches!(rule.place, parse::Place::Several(_) | parse::Place::Numbered(_));
        if several && !lists {
            let kind = self.kind.name();
            return Some(
                wrong(format!("`kind: {kind}` cannot be read from several numbers"))
                    .hint("use `kind: scores`, or `kind: preference` for the larger of two"),
            );
        }
        let offered: Vec<&str> = match (self.kind, &self.scale) {
            (Kind::Preference, Some(scale)) if !scale.allows_tie() => vec!["first", "second"],
            (Kind::Preference, _) => vec!["first", "second", "tie"],
            (Kind::Label, Some(scale)) => scale.levels().map(|(name, _)| name).collect(),
            (Kind::Criteria, Some(Scale::Assessment(words))) => {
                words.iter().map(|word| word.name()).collect()
            }
            _ => return None,
        };
        let meaning = rule.values.meanings().find(|meaning| !offered.contains(meaning))?;
        Some(unknown(ErrorKind::Prompt, "meaning under `values`:", meaning, offered))
    }
}
