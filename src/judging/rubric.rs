//! The verdict over all criteria, from conversations about one or several of them, with their weights.

use std::collections::BTreeMap;

use crate::{
    item::Criteria,
    scale::Scale,
    verdict::{Assessment, CriterionVerdict, Label, Reason, Rubric, Unreadable, Verdict},
};

/// One verdict from those of all conversations, in the order of the criteria: each is about one criterion, or
/// about several.
///
/// # Errors
/// A conversation could not be read, so that the whole verdict cannot: no criterion is ever guessed.
pub(super) fn together(
    verdicts: impl Iterator<Item = Result<Verdict, Unreadable>>,
    criteria: &Criteria,
) -> Result<Verdict, Unreadable> {
    let mut numbers: BTreeMap<String, f64> = BTreeMap::new();
    let mut assessed: Vec<CriterionVerdict> = Vec::new();
    let mut names = criteria.all.iter().map(|one| one.name.as_str());
    for (index, verdict) in verdicts.enumerate() {
        match verdict {
            Ok(Verdict::Criteria(group)) => numbers.extend(group),
            Ok(Verdict::Rubric(group)) => assessed.extend(Vec::from(group)),
            Ok(Verdict::Score(score)) => {
                numbers.insert(names.next().unwrap_or_default().to_owned(), score);
            }
            Ok(Verdict::Label(label)) => {
                assessed.push(of_label(names.next().unwrap_or_default(), &label)?);
            }
            Ok(other) => {
                let detail = format!("{index}: {other} is not a verdict on a criterion");
                return Err(Unreadable::new(Reason::Ambiguous, detail));
            }
            Err(why) => {
                return Err(Unreadable::new(why.reason, format!("{index}: {}", why.detail)));
            }
        }
    }
    if assessed.is_empty() {
        return Ok(Verdict::Criteria(numbers));
    }
    Ok(Verdict::Rubric(Rubric::new(assessed)))
}

/// The verdict on one criterion from the label that it was given.
fn of_label(name: &str, label: &Label) -> Result<CriterionVerdict, Unreadable> {
    let Some(verdict) = Assessment::of(&label.label) else {
        let detail = format!("`{name}`: `{}` is not an assessment", label.label);
        return Err(Unreadable::new(Reason::Ambiguous, detail));
    };
    Ok(CriterionVerdict { p: label.p, ..CriterionVerdict::assessed(name, verdict) })
}

/// A verdict on criteria with their weights, in the order of the rubric. Numbers on a scale become a rubric only if
/// a criterion has a weight, or is required.
pub(super) fn weighed(verdict: Verdict, criteria: &Criteria, scale: Option<&Scale>) -> Verdict {
    let given = match verdict {
        Verdict::Rubric(rubric) => Vec::from(rubric),
        Verdict::Criteria(numbers) if criteria.are_weighted => {
            let one = |(name, number): (String, f64)| {
                let normalized = scale.and_then(|scale| scale.normalized(number));
                CriterionVerdict::scored(name, number, normalized.unwrap_or(number))
            };
            numbers.into_iter().map(one).collect()
        }
        verdict => return verdict,
    };
    let mut given: BTreeMap<String, CriterionVerdict> =
        given.into_iter().map(|one| (one.name.clone(), one)).collect();
    let own = criteria.all.iter().filter_map(|criterion| {
        let verdict = given.remove(&criterion.name)?;
        Some(CriterionVerdict { weight: criterion.weight, required: criterion.required, ..verdict })
    });
    let own: Vec<CriterionVerdict> = own.collect();
    // A text that was judged without its record names criteria that are not known here.
    Verdict::Rubric(Rubric::new(own.into_iter().chain(given.into_values()).collect()))
}
