//! All figures of records that several people labelled.

use std::collections::BTreeSet;

use super::{
    alternative::{AlternativeAnnotators, advantage},
    group::Group,
    people::{PeopleCoverage, Shared, Unit},
    reader::named,
};
use crate::{metrics::Figure, report::clusters::Clusters};

/// What is known of records that several people labelled.
#[derive(Default)]
pub(super) struct OfPeople {
    pub(super) coverage: Option<PeopleCoverage>,
    pub(super) figures: Vec<Figure>,
    /// The judge in the place of each person; `None` if no record has two labels and a verdict.
    pub(super) alternative: Option<AlternativeAnnotators>,
}

/// The figures of records that several people labelled; `clusters` are those of all rows, `epsilon` is the handicap of
/// people beside the judge.
pub(super) fn figures(
    shared: &[Shared<'_>],
    clusters: &Clusters,
    tied: usize,
    epsilon: f64,
) -> OfPeople {
    if shared.is_empty() {
        return OfPeople::default();
    }
    let names: BTreeSet<&str> = shared
        .iter()
        .flat_map(|one| &one.units)
        .flat_map(|unit| unit.people.iter().map(|(name, _)| *name))
        .collect();
    let coverage = PeopleCoverage { people: names.len(), records: shared.len(), tied };
    let has_classes = shared[0].classes.is_some();
    let criteria: BTreeSet<&str> =
        shared.iter().flat_map(|one| &one.units).map(|unit| unit.criterion.as_str()).collect();
    let group = |criterion: &'_ str| {
        let units: Vec<(usize, &Unit<'_>)> = shared
            .iter()
            .flat_map(|one| one.units.iter().map(|unit| (one.place, unit)))
            .filter(|(_, unit)| unit.criterion == criterion && unit.people.len() > 1)
            .collect();
        Group::new(&units, clusters, has_classes, names.len())
    };
    let groups: Vec<(&str, Group<'_>)> =
        criteria.into_iter().map(|criterion| (criterion, group(criterion))).collect();
    let alternative = AlternativeAnnotators::of(&groups, epsilon);
    let mut figures = Vec::new();
    for (criterion, group) in &groups {
        let rate = alternative.iter().map(|all| all.winning_rate(criterion));
        let found = group.figures().into_iter().chain(advantage(group)).chain(rate);
        figures.extend(found.map(|figure| match *criterion {
            "" => figure,
            name => named(name, figure),
        }));
    }
    OfPeople { coverage: Some(coverage), figures, alternative }
}
