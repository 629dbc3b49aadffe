//! Compared answers in another order.
//!
//! Judges prefer the answer that they read first or last (Wang et al. 2023, "Large Language Models are not Fair
//! Evaluators"; Zheng et al. 2023). Comparisons are therefore asked in several orders, and an item must show
//! its answers, under whatever names, in each of them.

use serde_json::{Map, Value};

use super::{
    Item,
    names::{ANSWERS, COMPANIONS, partners},
};

impl Item {
    /// The same item with its answers in another order, under every name, with the lists that go with them
    /// (`models`, `steps`, `images`).
    ///
    /// `order[i]` is the 0-based index in this item of the answer that is shown at position `i`: `[1, 0]`
    /// swaps two answers. Lists of another length than `order` stay as they are.
    ///
    /// ```
    /// use tribunal::Item;
    ///
    /// let item = Item::new().answers(["a", "b"]).permuted(&[1, 0]);
    /// assert_eq!(item.candidates(), ["b", "a"]);
    /// ```
    #[must_use]
    pub fn permuted(&self, order: &[usize]) -> Self {
        let mut shown = self.clone();
        if order.iter().enumerate().all(|(i, &from)| i == from) {
            return shown;
        }
        for name in ANSWERS.iter().chain(&COMPANIONS) {
            let Some(Value::Array(list)) = self.own(name) else { continue };
            // The steps of one answer are a list too, but a list of texts.
            let of_all = *name != "steps" || list.iter().all(Value::is_array);
            if list.len() == order.len() && of_all {
                let moved: Vec<_> = order.iter().filter_map(|&i| list.get(i).cloned()).collect();
                shown.overlay.insert((*name).to_owned(), moved.into());
            }
        }
        if order == [1, 0] {
            self.swap_sides(&mut shown.overlay);
        }
        shown
    }

    /// Exchanges every field that is named after one of two answers with its partner: `response_a` with
    /// `response_b`, `model_1` with `model_2`, `chosen` with `rejected`.
    fn swap_sides(&self, overlay: &mut Map<String, Value>) {
        for name in self.record.keys().chain(self.overlay.keys()) {
            let other = partners(name).into_iter().find(|other| self.own(other).is_some());
            if let (Some(other), Some(one)) = (other, self.own(name)) {
                let two = self.own(&other).cloned().unwrap_or_default();
                overlay.insert(other, one.clone());
                overlay.insert(name.clone(), two);
            }
        }
    }
}
