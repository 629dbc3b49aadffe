//! What a record knows about its candidates: labels, scores of its source, or a reference to compare with.

use serde_json::Value;

use super::candidate::Candidate;
use crate::{
    error::Result,
    item::Item,
    judge::Judge,
    strategy::Spent,
    verdict::{CORRECT, INCORRECT},
};

/// Notes what is known about each candidate, and returns what finding it cost.
///
/// The first of these that the record has decides: for candidates that the record holds, a number beside each of them
/// (`metadata.score`, `score`, `is_correct`), and the field `label`, with one entry for each candidate or the index of the
/// best one; otherwise its reference, with which a check compares every candidate.
///
/// # Errors
/// The check asks a model that gave no answer.
pub(super) async fn found(
    check: Option<&Judge>,
    item: &Item,
    candidates: &mut [Candidate],
) -> Result<Spent> {
    if let Some(known) = known(item, candidates) {
        candidates.iter_mut().zip(known).for_each(|(one, truth)| one.truth = truth);
        return Ok(Spent::default());
    }
    let mut spent = Spent::default();
    let Some(check) = asked(check, item, candidates) else { return Ok(spent) };
    for (at, one) in candidates.iter_mut().enumerate() {
        let Some(text) = &one.text else { continue };
        let judgment = match check.judge(&item.alone(at).revised(text)).await {
            Ok(judgment) => judgment,
            Err(error) if error.is_interrupted() || error.is_fatal() => return Err(error),
            // The record is ranked all the same.
            Err(_) => continue,
        };
        let passes = judgment.verdict.is_ok().then_some(judgment.pass).flatten();
        one.truth = passes.map(|passes| f64::from(u8::from(passes)));
        // A check without a model asks nobody.
        if judgment.attempts > 0 || judgment.cached > 0 {
            spent += Spent::of(&judgment, check.price());
        }
    }
    Ok(spent)
}

/// The check, if it is asked about these candidates: there is a reference, and the record says nothing by itself.
pub(super) fn asked<'c>(
    check: Option<&'c Judge>,
    item: &Item,
    candidates: &[Candidate],
) -> Option<&'c Judge> {
    check.filter(|_| known(item, candidates).is_none() && item.text("reference").is_some())
}

/// What the record itself says about these candidates: nothing about those of a policy.
fn known(item: &Item, candidates: &[Candidate]) -> Option<Vec<Option<f64>>> {
    let is_given = candidates.iter().all(|one| one.written.is_none());
    if is_given { of_record(item, candidates.len()) } else { None }
}

/// What the record itself says about each of its candidates; `None` if it says nothing.
fn of_record(item: &Item, count: usize) -> Option<Vec<Option<f64>>> {
    let record = Item::from(item.record().clone());
    let beside: Vec<Option<f64>> = record.candidates().iter().map(beside).collect();
    if beside.len() == count && beside.iter().any(Option::is_some) {
        return Some(beside);
    }
    match item.field("label")?.as_ref() {
        Value::Array(labels) if labels.len() == count => Some(labels.iter().map(number).collect()),
        label => {
            let best = best(label).filter(|best| *best < count)?;
            Some((0..count).map(|at| Some(f64::from(u8::from(at == best)))).collect())
        }
    }
}

/// The number that stands beside the text of a candidate.
fn beside(candidate: &Value) -> Option<f64> {
    let places = ["/metadata/score", "/score", "/is_correct", "/correct", "/label"];
    places.into_iter().find_map(|place| candidate.pointer(place).and_then(number))
}

/// A label of a candidate as a number: 1 for right, 0 for wrong.
fn number(label: &Value) -> Option<f64> {
    match label {
        Value::Bool(right) => Some(f64::from(u8::from(*right))),
        Value::Number(number) => number.as_f64(),
        Value::String(word) if word == CORRECT => Some(1.0),
        Value::String(word) if word == INCORRECT => Some(0.0),
        _ => None,
    }
}

/// The 0-based index of the best candidate, by a label that names it.
fn best(label: &Value) -> Option<usize> {
    match label {
        Value::Number(index) => usize::try_from(index.as_u64()?).ok(),
        Value::String(word) if word == "first" => Some(0),
        Value::String(word) if word == "second" => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn truth(record: Value, count: usize) -> Option<Vec<Option<f64>>> {
        of_record(&Item::from(record), count)
    }

    #[test]
    fn labels_of_candidates_are_read_in_the_shapes_of_data_sets() {
        let jetts = json!({"query": {"content": "q"}, "responses": [
            {"content": "a", "metadata": {"score": 0.0}}, {"content": "b", "metadata": {"score": 0.75}}]});
        assert_eq!(truth(jetts, 2), Some(vec![Some(0.0), Some(0.75)]));
        let listed = json!({"answers": ["a", "b"], "label": [true, "incorrect"]});
        assert_eq!(truth(listed, 2), Some(vec![Some(1.0), Some(0.0)]));
        let index = json!({"answers": ["a", "b", "c"], "label": 2});
        assert_eq!(truth(index, 3), Some(vec![Some(0.0), Some(0.0), Some(1.0)]));
        let named = json!({"response_a": "a", "response_b": "b", "label": "first"});
        assert_eq!(truth(named, 2), Some(vec![Some(1.0), Some(0.0)]));
    }

    #[test]
    fn a_label_that_is_about_something_else_says_nothing() {
        assert_eq!(truth(json!({"answers": ["a", "b"], "label": 7}), 2), None);
        assert_eq!(truth(json!({"answers": ["a", "b"], "label": "tie"}), 2), None);
        assert_eq!(truth(json!({"answers": ["a", "b"]}), 2), None);
    }
}
