//! Some of the answers of a record, to judge one alone or to compare a few of many.

use serde_json::Value;

use super::{
    Item,
    names::{ANSWERS, COMPANIONS, PAIRS},
};

impl Item {
    /// The same item with only these of its answers, in this order, and with these entries of the lists that go with
    /// the answers (`models`, `steps`, `images`). An index without an answer is left out.
    ///
    /// ```
    /// use tribunal::Item;
    ///
    /// let item = Item::new().answers(["a", "b", "c"]).picked(&[2, 0]);
    /// assert_eq!(item.candidates(), ["c", "a"]);
    /// assert_eq!(item.text("response_a").as_deref(), Some("c"));
    /// ```
    #[must_use]
    pub fn picked(&self, indexes: &[usize]) -> Self {
        let all = self.candidates();
        let entries = |list: &[Value]| -> Value {
            indexes.iter().filter_map(|&at| list.get(at).cloned()).collect()
        };
        let shown = COMPANIONS.iter().fold(self.without_answers(), |shown, name| {
            match self.own(name) {
                // The steps of one answer are a list too, but a list of texts.
                Some(Value::Array(list)) if is_companion(name, list, all.len()) => {
                    shown.filled(name, entries(list))
                }
                _ => shown,
            }
        });
        shown.filled(ANSWERS[0], entries(&all))
    }

    /// The same item with one of its answers as the only one, under the names of a single answer; its steps are those
    /// that the record lists for it, or are cut from its text.
    ///
    /// ```
    /// use serde_json::json;
    /// use tribunal::Item;
    ///
    /// let item = Item::from(json!({"answers": ["a", "b"], "steps": [["1"], ["2", "3"]]})).alone(1);
    /// assert_eq!(item.text("answer").as_deref(), Some("b"));
    /// assert_eq!(item.steps(), ["2", "3"]);
    /// ```
    #[must_use]
    pub fn alone(&self, index: usize) -> Self {
        let all = self.candidates();
        let Some(answer) = all.get(index) else { return self.clone() };
        let shown = self.without_answers().revised(&super::text_of(answer));
        COMPANIONS.iter().fold(shown, |shown, name| match self.own(name) {
            Some(Value::Array(list)) if is_companion(name, list, all.len()) => {
                shown.filled(name, list[index].clone())
            }
            _ => shown,
        })
    }

    /// The same item without lists and pairs of answers.
    fn without_answers(&self) -> Self {
        let sides = PAIRS.iter().flat_map(|(one, two)| [*one, *two]);
        let there = ANSWERS.iter().copied().chain(sides).filter(|name| self.own(name).is_some());
        there.fold(self.clone(), |item, name| item.filled(name, Value::Null))
    }
}

/// Whether a list has an entry for each of so many answers.
fn is_companion(name: &str, list: &[Value], answers: usize) -> bool {
    list.len() == answers && (name != "steps" || list.iter().all(Value::is_array))
}
