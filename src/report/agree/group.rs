//! How far several people agree with each other, and the judge with them.
//!
//! Each person is left out in turn, and is compared with the others, as the judge is (Calderon, Reichart and Dror 2025,
//! arXiv:2501.10970).

use super::people::{Rating, Unit};
use crate::{
    metrics::{Figure, RatedUnits, RatingLevel, Weights, cohen_kappa, fleiss_kappa, real},
    report::clusters::Clusters,
};

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

/// One person on one record, beside the judge: how near both are to the labels of the others.
pub(super) struct Case<'u> {
    /// The place of the unit among those of the group.
    pub(super) place: usize,
    pub(super) person: &'u str,
    /// The nearness of the person.
    pub(super) own: f64,
    /// The nearness of the judge.
    pub(super) judge: f64,
}

impl Case<'_> {
    /// Whether the judge is as near as the person or nearer.
    pub(super) fn is_ahead(&self) -> bool {
        self.judge > self.own - crate::metrics::NOISE
    }
}

/// The units of one criterion.
pub(super) struct Group<'u> {
    units: Vec<&'u Unit<'u>>,
    pub(super) clusters: Clusters,
    has_classes: bool,
    people: usize,
}

impl<'u> Group<'u> {
    pub(super) fn new(
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

    pub(super) fn figures(&self) -> Vec<Figure> {
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

    /// Each person of so many or more is left out in turn: how near that person is to the others, and how near the judge.
    pub(super) fn cases(&self, least: usize) -> Vec<Case<'u>> {
        let mut cases = Vec::new();
        for (place, unit) in self.units.iter().enumerate() {
            let ratings = unit.ratings();
            let Some(judged) = unit.judge.filter(|_| ratings.len() >= least) else { continue };
            for (n, (person, own)) in unit.people.iter().enumerate() {
                let others: Vec<Rating> = [&ratings[..n], &ratings[n + 1..]].concat();
                let (own, judge) = (self.nearness(*own, &others), self.nearness(judged, &others));
                cases.push(Case { place, person, own, judge });
            }
        }
        cases
    }

    /// The mean nearness of people and judge, of records with three labels or more.
    fn left_out(&self) -> Vec<Figure> {
        let cases = self.cases(3);
        if cases.is_empty() {
            return Vec::new();
        }
        let places: Vec<usize> = cases.iter().map(|case| case.place).collect();
        let clusters = self.clusters.only(&places);
        let ends = self.range().map_or((0.0, 1.0), |range| (-range, 0.0));
        let width = ends.1 - ends.0;
        let of = |number: fn(&Case<'_>) -> f64| cases.iter().map(number).collect::<Vec<f64>>();
        let (person, judge) = (of(|case| case.own), of(|case| case.judge));
        let differences = of(|case| case.judge - case.own);
        vec![
            clusters.mean("left_out_person", "a person left out, to the others", &person, ends),
            clusters.mean("left_out_judge", "the judge, to the same others", &judge, ends),
            clusters.mean(
                "left_out_difference",
                "difference, judge - person",
                &differences,
                (-width, width),
            ),
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
