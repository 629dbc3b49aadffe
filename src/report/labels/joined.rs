//! Labels in a file of their own, joined to results by the ids of their records.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Labels;
use crate::{
    item::{Item, text_of},
    metrics::mean,
};

/// The field with the name of the person who labelled.
const ANNOTATOR: &str = "annotator";

/// A label, and who gave it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GivenLabel {
    /// The name of the person; a number where the label has no name.
    pub(crate) person: String,
    /// The label.
    pub(crate) label: Value,
}

/// Labelled records by their ids, where several people may have labelled one record.
///
/// The last label of a person counts, as `tribunal annotate` writes it. Records without the name of a person are of one
/// person each.
#[derive(Clone, Debug, Default)]
pub(crate) struct JoinedLabels(BTreeMap<String, Vec<Item>>);

impl JoinedLabels {
    /// Adds a labelled record under the id of its record.
    pub(crate) fn add(&mut self, id: String, item: Item) {
        let all = self.0.entry(id).or_default();
        let person = person(&item);
        let earlier =
            all.iter().position(|known| person.is_some() && self::person(known) == person);
        match earlier {
            Some(place) => all[place] = item,
            None => all.push(item),
        }
    }

    /// Whether no record was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labelled records of this id.
    pub(crate) fn of(&self, id: &str) -> &[Item] {
        self.0.get(id).map_or(&[], Vec::as_slice)
    }

    /// The labels of the record with this id, each with who gave it.
    pub(crate) fn labels(&self, labels: &Labels, id: &str) -> Vec<GivenLabel> {
        let numbered = (1..).zip(self.of(id));
        let given = numbered.filter_map(|(number, item)| {
            let person = person(item).unwrap_or_else(|| number.to_string());
            Some(GivenLabel { person, label: labels.find(item)? })
        });
        given.collect()
    }

    /// The number of labelled records of which none has one of these ids.
    pub(crate) fn without(&self, met: &BTreeSet<String>) -> usize {
        self.0.keys().filter(|id| !met.contains(*id)).count()
    }
}

/// Who labelled a record.
fn person(item: &Item) -> Option<String> {
    item.record().get(ANNOTATOR).map(text_of).filter(|name| !name.trim().is_empty())
}

/// The label that several people gave to one record: the most frequent one, or for verdicts that are `numbers` their mean.
/// The last label of each person counts; `None` if two labels are equally frequent, or there is none.
///
/// ```
/// use tribunal::{Item, report::{Labels, consensus}};
///
/// let items = ["good", "bad", "Good"].map(|label| Item::new().set("label", label));
/// let labels = Labels::new(None, []);
/// assert_eq!(consensus(&labels, items.clone(), false), Some("good".into()));
/// assert_eq!(consensus(&labels, items.into_iter().take(2), false), None);
/// ```
pub fn consensus(
    labels: &Labels,
    labelled: impl IntoIterator<Item = Item>,
    numbers: bool,
) -> Option<Value> {
    let mut joined = JoinedLabels::default();
    labelled.into_iter().for_each(|item| joined.add(String::new(), item));
    let given: Vec<Value> =
        joined.labels(labels, "").into_iter().map(|given| given.label).collect();
    if let [one] = given.as_slice() {
        return Some(one.clone());
    }
    let parsed = |label: &Value| text_of(label).trim().parse().ok();
    if let Some(all) = given.iter().map(parsed).collect::<Option<Vec<f64>>>().filter(|_| numbers) {
        return mean(&all).map(Value::from);
    }
    let words: Vec<String> =
        given.iter().map(|label| text_of(&labels.meaning(label)).trim().to_lowercase()).collect();
    let chosen = majority(&words.iter().map(String::as_str).collect::<Vec<_>>())?;
    given.into_iter().zip(&words).find(|(_, word)| *word == chosen).map(|(label, _)| label)
}

/// The most frequent value; `None` if two are equally frequent.
pub(crate) fn majority<T: PartialEq + Copy>(values: &[T]) -> Option<T> {
    let count = |value: &T| values.iter().filter(|other| *other == value).count();
    let most = values.iter().map(count).max()?;
    let winners: Vec<&T> = values.iter().filter(|value| count(value) == most).collect();
    winners.iter().all(|winner| *winner == winners[0]).then(|| *winners[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_label_of_each_person_counts() {
        let mut joined = JoinedLabels::default();
        for (person, label) in [("ada", "good"), ("bob", "bad"), ("ada", "bad")] {
            let item = Item::from(json!({"id": "a", "label": label, "annotator": person}));
            joined.add("a".into(), item);
        }
        joined.add("b".into(), Item::from(json!({"label": "good"})));
        joined.add("b".into(), Item::from(json!({"label": "good"})));
        let of = |id: &str| -> Vec<(String, Value)> {
            let all = joined.labels(&Labels::default(), id).into_iter();
            all.map(|one| (one.person, one.label)).collect()
        };
        assert_eq!(of("a"), [("ada".into(), json!("bad")), ("bob".into(), json!("bad"))]);
        assert_eq!(of("b").len(), 2, "without names, every label is of another person");
        assert_eq!(joined.without(&["a".to_owned()].into()), 1);
    }

    #[test]
    fn the_most_frequent_value_wins_and_a_tie_has_no_winner() {
        assert_eq!(majority(&[1, 2, 1]), Some(1));
        assert_eq!(majority(&[1, 2, 3, 3]), Some(3));
        assert_eq!((majority(&[1, 2]), majority::<usize>(&[])), (None, None));
    }
}
