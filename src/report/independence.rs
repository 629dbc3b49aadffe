//! Whether judges judge answers of their own family of models.
//!
//! A judge prefers what it wrote itself, and what models like it wrote (Panickssery et al. 2024, "LLM Evaluators
//! Recognize and Favor Their Own Generations"). Families are told by names alone: see
//! [`families`](crate::models::families).

use std::collections::BTreeSet;

use crate::{backend::Backend, item::Item, judge::Judge, models::families};

/// The families of a judge's models, and how many records were written by a model of one of them.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Completion, Item, Judge, Request, backend::from_fn, report::Independence};
///
/// let model = from_fn("qwen2.5-7b", |_: Request| async { Ok(Completion::text("Score: 9")) });
/// let judge = Judge::builder().backend(model).prompt("score").build().await?;
/// let of = |author: &str| Independence::of(&judge).shared(&Item::new().answer("4").set("model", author));
/// assert_eq!(of("QwQ-32B").into_iter().collect::<Vec<_>>(), ["Qwen"]);
/// assert!(of("gpt-4o").is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Independence {
    families: BTreeSet<&'static str>,
    /// Records with an answer of a model of one of these families.
    records: usize,
    /// The families of these.
    met: BTreeSet<&'static str>,
}

impl Independence {
    /// The families of the models of a judge; those of all members of a jury.
    pub fn of(judge: &Judge) -> Self {
        let families = judge.members().flat_map(|(_, model)| families_of(model)).collect();
        Self { families, ..Self::default() }
    }

    /// The families that the judge shares with the models which wrote the answers of a record.
    pub fn shared(&self, item: &Item) -> BTreeSet<&'static str> {
        if self.families.is_empty() {
            return BTreeSet::new();
        }
        let authors = item.authors().into_iter().flat_map(families);
        authors.filter(|family| self.families.contains(family)).collect()
    }

    /// Counts one record.
    pub(super) fn count(&mut self, item: &Item) {
        let shared = self.shared(item);
        self.records += usize::from(!shared.is_empty());
        self.met.extend(shared);
    }

    /// The number of records with an answer of a model of the judge's family.
    pub fn records(&self) -> usize {
        self.records
    }

    /// The families of these.
    pub fn families(&self) -> Vec<&'static str> {
        self.met.iter().copied().collect()
    }
}

/// The families of a model, by all of its names.
fn families_of(model: &dyn Backend) -> BTreeSet<&'static str> {
    let aliases = model.aliases();
    let names = aliases.iter().map(String::as_str).chain([model.name()]);
    names.flat_map(families).collect()
}

/// Why two judges, or a judge and a policy, are not independent; `None` if nothing tells that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependence {
    /// They ask the same model, of this name.
    SameModel(String),
    /// Their models are of these families.
    SameFamily(Vec<&'static str>),
}

impl Dependence {
    /// How the models of two judges depend on each other. Checks and other rules depend on nothing.
    pub fn between(one: &Judge, other: &Judge) -> Option<Self> {
        let is_model = |model: &&dyn Backend| {
            const RULES: [&str; 2] = ["check:", "replay:"];
            !RULES.iter().any(|prefix| model.name().starts_with(prefix))
        };
        let models = |judge| Judge::members(judge).map(|(_, model)| model).filter(is_model);
        let same =
            models(one).find(|one| models(other).any(|other| one.identity() == other.identity()));
        if let Some(model) = same {
            return Some(Self::SameModel(model.name().to_owned()));
        }
        let all = |judge| models(judge).flat_map(families_of).collect::<BTreeSet<_>>();
        let shared: Vec<&str> = all(one).intersection(&all(other)).copied().collect();
        (!shared.is_empty()).then_some(Self::SameFamily(shared))
    }
}
