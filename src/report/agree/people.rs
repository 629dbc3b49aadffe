//! Records that several people labelled: their consensus, how far they agree, and whether the judge agrees with them as
//! they do with each other.
//!
//! Of records with three labels or more each person is left out in turn, and is compared with the others, as the judge is
//! (Calderon, Reichart and Dror 2025, arXiv:2501.10970).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    reader::{Reader, named},
    row::Row,
};
use crate::{
    metrics::{Figure, RatedUnits, RatingLevel, Weights, cohen_kappa, fleiss_kappa, mean, real},
    report::{clusters::Clusters, labels::majority},
};

/// One rating of a criterion, as a class or a number.
type Rating = f64;

/// A record that several people labelled.
#[derive(Clone, Debug)]
pub(super) struct Shared<'r> {
    /// Its place among all rows.
    place: usize,
    units: Vec<Unit<'r>>,
    /// Every label that can be read, with its class; `None` if labels are numbers.
    classes: Option<Vec<(usize, &'r Value)>>,
}

/// What people and the judge say about a record, or about one criterion of it.
#[derive(Clone, Debug)]
struct Unit<'r> {
    criterion: String,
    people: Vec<(&'r str, Rating)>,
    judge: Option<Rating>,
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
    fn ratings(&self) -> Vec<Rating> {
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

/// Pairs of ratings, each with the place of its unit among all units.
#[derive(Default)]
struct Pairs {
    places: Vec<usize>,
    pairs: Vec<(Rating, Rating)>,
}

impl Pairs {
    fn add(&mut self, place: usize, pair: (Rating, Rating)) {
        self.places.push(place);
        self.pairs.push(pair);
    }

    /// The share of pairs that are equal, or of numbers their mean distance.
    fn figure(&self, clusters: &Clusters, names: (&str, &str), range: Option<f64>) -> Figure {
        let clusters = clusters.only(&self.places);
        match range {
            None => {
                let hits: Vec<bool> = self.pairs.iter().map(|(a, b)| is_same(*a, *b)).collect();
                clusters.share(names.0, names.1, &hits)
            }
            Some(range) => {
                let apart: Vec<f64> = self.pairs.iter().map(|(a, b)| (a - b).abs()).collect();
                clusters.mean(names.0, names.1, &apart, (0.0, range))
            }
        }
    }
}

fn is_same(one: Rating, other: Rating) -> bool {
    (one - other).abs() < crate::metrics::NOISE
}

/// The figures of records that several people labelled; `clusters` are those of all rows.
pub(super) fn figures(
    shared: &[Shared<'_>],
    clusters: &Clusters,
    tied: usize,
) -> (Option<PeopleCoverage>, Vec<Figure>) {
    if shared.is_empty() {
        return (None, Vec::new());
    }
    let names: BTreeSet<&str> = shared
        .iter()
        .flat_map(|one| &one.units)
        .flat_map(|unit| unit.people.iter().map(|(name, _)| *name))
        .collect();
    let coverage = PeopleCoverage { people: names.len(), records: shared.len(), tied };
    let has_classes = shared[0].classes.is_some();
    let mut figures = Vec::new();
    let criteria: BTreeSet<&str> =
        shared.iter().flat_map(|one| &one.units).map(|unit| unit.criterion.as_str()).collect();
    for criterion in criteria {
        let units: Vec<(usize, &Unit<'_>)> = shared
            .iter()
            .flat_map(|one| one.units.iter().map(|unit| (one.place, unit)))
            .filter(|(_, unit)| unit.criterion == criterion && unit.people.len() > 1)
            .collect();
        let found = Group::new(&units, clusters, has_classes, names.len()).figures();
        figures.extend(found.into_iter().map(|figure| match criterion {
            "" => figure,
            name => named(name, figure),
        }));
    }
    (Some(coverage), figures)
}

/// The units of one criterion.
struct Group<'u> {
    units: Vec<&'u Unit<'u>>,
    clusters: Clusters,
    has_classes: bool,
    people: usize,
}

impl<'u> Group<'u> {
    fn new(
        units: &[(usize, &'u Unit<'u>)],
        clusters: &Clusters,
        has_classes: bool,
        people: usize,
    ) -> Self {
        let places: Vec<usize> = units.iter().map(|(place, _)| *place).collect();
        let units = units.iter().map(|(_, unit)| *unit).collect();
        Self { units, clusters: clusters.only(&places), has_classes, people }
    }

    /// The width of the numbers; `None` of classes.
    fn range(&self) -> Option<f64> {
        let all =
            || self.units.iter().flat_map(|unit| unit.ratings().into_iter().chain(unit.judge));
        let range = all().fold(f64::MIN, f64::max) - all().fold(f64::MAX, f64::min);
        (!self.has_classes).then(|| range.max(0.0))
    }

    fn figures(&self) -> Vec<Figure> {
        let (mut people, mut judge) = (Pairs::default(), Pairs::default());
        for (place, unit) in self.units.iter().enumerate() {
            let ratings = unit.ratings();
            for (n, one) in ratings.iter().enumerate() {
                ratings[n + 1..].iter().for_each(|other| people.add(place, (*one, *other)));
                unit.judge.iter().for_each(|judged| judge.add(place, (*one, *judged)));
            }
        }
        let names = if self.has_classes {
            [
                ("people_agreement", "agreement of two people"),
                ("judge_person_agreement", "agreement of judge and one person"),
            ]
        } else {
            [
                ("people_distance", "mean distance of two people"),
                ("judge_person_distance", "mean distance of judge and one person"),
            ]
        };
        let mut figures: Vec<Figure> = [&people, &judge]
            .into_iter()
            .zip(names)
            .map(|(pairs, names)| pairs.figure(&self.clusters, names, self.range()))
            .collect();
        if self.has_classes {
            figures.push(self.kappa());
            figures.push(self.kappa_with_judge());
        }
        figures.push(self.alpha("people_alpha", "Krippendorff's alpha of people", false));
        figures.push(self.alpha("people_judge_alpha", "the same with the judge", true));
        figures.extend(self.left_out());
        figures
    }

    /// The kappa of two people (Cohen's), or of more (Fleiss').
    fn kappa(&self) -> Figure {
        let classes: Vec<Vec<usize>> = self.units.iter().map(|unit| classes(unit)).collect();
        let most = classes.iter().flatten().max().map_or(0, |most| most + 1);
        let is_two = self.people == 2;
        let kappa = |drawn: &[usize]| {
            if is_two {
                let pairs: Vec<(usize, usize)> = drawn
                    .iter()
                    .filter_map(|place| Some((*classes[*place].first()?, *classes[*place].get(1)?)))
                    .collect();
                return cohen_kappa(&pairs, Weights::Equal);
            }
            let counts = |place: &usize| {
                let mut counts = vec![0; most];
                classes[*place].iter().for_each(|class| counts[*class] += 1);
                counts
            };
            fleiss_kappa(&drawn.iter().map(counts).collect::<Vec<_>>())
        };
        let title = if is_two { "Cohen's kappa of two people" } else { "Fleiss' kappa of people" };
        self.clusters.any("people_kappa", title, classes.len(), kappa, |_| None)
    }

    /// Cohen's kappa of the judge and each person, over all pairs.
    fn kappa_with_judge(&self) -> Figure {
        let pairs: Vec<Vec<(usize, usize)>> = self
            .units
            .iter()
            .map(|unit| {
                let judge = unit.judge.map(class);
                let people = classes(unit).into_iter();
                people.filter_map(|person| Some((person, judge?))).collect()
            })
            .collect();
        let kappa = |drawn: &[usize]| {
            let drawn: Vec<(usize, usize)> =
                drawn.iter().flat_map(|place| pairs[*place].iter().copied()).collect();
            cohen_kappa(&drawn, Weights::Equal)
        };
        let title = "Cohen's kappa of judge and one person";
        self.clusters.any("judge_person_kappa", title, pairs.len(), kappa, |_| None)
    }

    /// Krippendorff's alpha of the people, and the judge as one more of them.
    fn alpha(&self, name: &str, title: &str, with_judge: bool) -> Figure {
        let judge = |unit: &Unit| unit.judge.filter(|_| with_judge);
        let units: Vec<Vec<f64>> = self
            .units
            .iter()
            .map(|unit| unit.ratings().into_iter().chain(judge(unit)).collect())
            .collect();
        let level = if self.has_classes { RatingLevel::Nominal } else { RatingLevel::Interval };
        let rated = RatedUnits::new(units, level);
        let alpha = |drawn: &[usize]| rated.alpha(drawn);
        self.clusters.any(name, title, self.units.len(), alpha, |_| None)
    }

    /// Each person of three or more is left out in turn: how near that person is to the others, and how near the judge.
    fn left_out(&self) -> Vec<Figure> {
        let (mut places, mut person, mut judge) = (Vec::new(), Vec::new(), Vec::new());
        for (place, unit) in self.units.iter().enumerate() {
            let ratings = unit.ratings();
            let Some(judged) = unit.judge.filter(|_| ratings.len() > 2) else { continue };
            for (n, own) in ratings.iter().enumerate() {
                let others: Vec<Rating> = [&ratings[..n], &ratings[n + 1..]].concat();
                places.push(place);
                person.push(self.nearness(*own, &others));
                judge.push(self.nearness(judged, &others));
            }
        }
        if places.is_empty() {
            return Vec::new();
        }
        let clusters = self.clusters.only(&places);
        let ends = self.range().map_or((0.0, 1.0), |range| (-range, 0.0));
        let width = ends.1 - ends.0;
        let differences: Vec<f64> = judge.iter().zip(&person).map(|(j, p)| j - p).collect();
        let ahead: Vec<bool> = differences.iter().map(|it| *it > -crate::metrics::NOISE).collect();
        vec![
            clusters.mean("left_out_person", "a person left out, to the others", &person, ends),
            clusters.mean("left_out_judge", "the judge, to the same others", &judge, ends),
            clusters.mean(
                "left_out_difference",
                "difference, judge - person",
                &differences,
                (-width, width),
            ),
            clusters.share("judge_advantage", "judge as near as the person or nearer", &ahead),
        ]
    }

    /// The share of the others with the same class; of numbers minus the root mean square distance from them.
    fn nearness(&self, own: Rating, others: &[Rating]) -> f64 {
        let count = real(others.len());
        if self.has_classes {
            return real(others.iter().filter(|other| is_same(**other, own)).count()) / count;
        }
        -(others.iter().map(|other| (other - own).powi(2)).sum::<f64>() / count).sqrt()
    }
}

/// The classes that people gave.
fn classes(unit: &Unit<'_>) -> Vec<usize> {
    unit.people.iter().map(|(_, rating)| class(*rating)).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number of a class"
)]
fn class(rating: Rating) -> usize {
    rating.round() as usize
}
