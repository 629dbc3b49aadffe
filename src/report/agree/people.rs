//! Records that several people labelled, and their consensus.

use serde_json::{Map, Value, json};

use super::{reader::Reader, row::Row};
use crate::{
    metrics::{mean, real},
    report::labels::majority,
};

/// One rating of a criterion, as a class or a number.
pub(super) type Rating = f64;

/// A record that several people labelled.
#[derive(Clone, Debug)]
pub(super) struct Shared<'r> {
    /// Its place among all rows.
    pub(super) place: usize,
    pub(super) units: Vec<Unit<'r>>,
    /// Every label that can be read, with its class; `None` if labels are numbers.
    pub(super) classes: Option<Vec<(usize, &'r Value)>>,
}

/// What people and the judge say about a record, or about one criterion of it.
#[derive(Clone, Debug)]
pub(super) struct Unit<'r> {
    pub(super) criterion: String,
    pub(super) people: Vec<(&'r str, Rating)>,
    pub(super) judge: Option<Rating>,
}

/// What several labels come to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Consensus {
    /// The most frequent label; of numbers their mean.
    Label(Value),
    /// Two labels are equally frequent.
    Tie,
    /// No label can be read as a verdict.
    Nothing,
}

impl<'r> Shared<'r> {
    /// The labels of a row; `None` unless several people gave one.
    pub(super) fn of(reader: &Reader<'_>, row: &'r Row, place: usize) -> Option<Self> {
        if row.labels.len() < 2 {
            return None;
        }
        if reader.has_numbers() {
            return Some(Self { place, units: of_numbers(reader, row), classes: None });
        }
        let read = |given: &'r crate::report::labels::GivenLabel| {
            let class = reader.class_of_label(&given.label, &row.item)?;
            Some((given.person.as_str(), class, &given.label))
        };
        let all: Vec<_> = row.labels.iter().filter_map(read).collect();
        let people = all.iter().map(|(person, class, _)| (*person, real(*class))).collect();
        let judge = row.verdict.as_ref().and_then(|it| reader.class_of_verdict(it)).map(real);
        let units = vec![Unit { criterion: String::new(), people, judge }];
        let classes = Some(all.into_iter().map(|(_, class, label)| (class, label)).collect());
        Some(Self { place, units, classes })
    }

    /// What the labels come to.
    pub(super) fn consensus(&self) -> Consensus {
        if let Some(classes) = &self.classes {
            let numbers: Vec<usize> = classes.iter().map(|(class, _)| *class).collect();
            let chosen = majority(&numbers);
            let label = classes.iter().find(|(class, _)| Some(*class) == chosen);
            return match label {
                Some((_, label)) => Consensus::Label((*label).clone()),
                None if classes.is_empty() => Consensus::Nothing,
                None => Consensus::Tie,
            };
        }
        let middle = |unit: &Unit| mean(&unit.ratings()).map(|mean| (unit.criterion.clone(), mean));
        let means: Vec<(String, f64)> = self.units.iter().filter_map(middle).collect();
        match means.as_slice() {
            [] => Consensus::Nothing,
            [(name, mean)] if name.is_empty() => Consensus::Label(json!(mean)),
            means => {
                let object: Map<String, Value> =
                    means.iter().map(|(name, mean)| (name.clone(), json!(mean))).collect();
                Consensus::Label(object.into())
            }
        }
    }
}

/// The numbers of people and judge by criterion.
fn of_numbers<'r>(reader: &Reader<'_>, row: &'r Row) -> Vec<Unit<'r>> {
    let mut units: Vec<Unit<'r>> = Vec::new();
    for given in &row.labels {
        let judged = reader.numbers_of_verdict(&given.label, row);
        for (criterion, number) in reader.numbers(&given.label, row).unwrap_or_default() {
            let judge = judged.iter().find(|(name, _)| *name == criterion).map(|one| one.1);
            let person = (given.person.as_str(), number);
            match units.iter_mut().find(|unit| unit.criterion == criterion) {
                Some(unit) => unit.people.push(person),
                None => units.push(Unit { criterion, people: vec![person], judge }),
            }
        }
    }
    units
}

impl Unit<'_> {
    pub(super) fn ratings(&self) -> Vec<Rating> {
        self.people.iter().map(|(_, rating)| *rating).collect()
    }
}

/// How many people labelled, and how many records several of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeopleCoverage {
    /// The number of people.
    pub people: usize,
    /// Records that several people labelled.
    pub records: usize,
    /// Those of them on which two labels are equally frequent, and that are in no figure of the judge alone.
    pub tied: usize,
}
