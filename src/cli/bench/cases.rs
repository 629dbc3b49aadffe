//! The cases of a benchmark, from its records.

use std::collections::HashMap;

use super::super::{input::Records, note, print_error};
use tribunal::{
    bench::{Benchmark, Case},
    error::{Error, ErrorKind, Result},
    item::{FieldMap, Item},
    units::counted,
};

/// The cases of a benchmark.
#[derive(Default)]
pub(super) struct Cases {
    /// Those that are counted.
    pub(super) all: Vec<Case>,
    /// The number of records that no case could be made of.
    pub(super) failed: usize,
    /// The place of the first case of each id.
    ids: HashMap<String, usize>,
    /// The place of each case in its file.
    places: Vec<String>,
}

/// How many errors of records are printed.
const MOST_PRINTED: usize = 3;

impl Cases {
    /// Reads all records; `names` renames their fields, and `subsets` leaves out all others if there are any.
    ///
    /// # Errors
    /// There is no record that a case could be made of.
    pub(super) fn read(
        benchmark: &Benchmark,
        records: Records,
        names: &FieldMap,
        subsets: &[String],
    ) -> Result<Self> {
        let mut cases = Self::default();
        let mut seen = std::collections::BTreeSet::new();
        for record in records {
            let place = &record.place;
            let mut case = |item: Item| -> Result<(Case, bool)> {
                let path = place.rsplit_once(':').map_or(place.as_str(), |(path, _)| path);
                let item = benchmark.with_path(names.apply(&item)?, path);
                let case = benchmark.case(&item, record.index)?;
                seen.insert(case.subset.clone());
                Ok((case, item.own_id().is_some()))
            };
            // Errors of reading name their place.
            match record.item.map(|item| case(item).map_err(|error| error.within(place))) {
                Ok(Ok((case, has_own_id)))
                    if subsets.is_empty() || subsets.contains(&case.subset) =>
                {
                    cases.add(case, has_own_id, place);
                }
                Ok(Ok(_)) => (),
                Ok(Err(error)) | Err(error) => cases.fail(&error),
            }
        }
        if cases.failed > MOST_PRINTED {
            note(&format!("{} could not be used", counted(cases.failed, "record")));
        }
        if cases.all.is_empty() {
            let is_chosen = cases.failed > 0 || !seen.is_empty();
            return Err(if is_chosen { none(benchmark, subsets, &seen) } else { not_chosen() });
        }
        Ok(cases)
    }

    /// Adds a case. Judgments belong to cases by their ids, so that two different cases of one id cannot be told apart. A
    /// name that a benchmark makes of other fields is none of the record's own: then a further case is called `NAME:2`.
    fn add(&mut self, case: Case, has_own_id: bool, place: &str) {
        let of = |number: usize| match number {
            1 => case.id.clone(),
            number => format!("{}:{number}", case.id),
        };
        let is_same = |one: &Case| {
            (&one.question, &one.answers, &one.steps)
                == (&case.question, &case.answers, &case.steps)
        };
        let taken = |id: &str| self.ids.get(id).copied().filter(|at| !is_same(&self.all[*at]));
        let mut number = 1;
        while let Some(at) = taken(&of(number)) {
            if has_own_id {
                let message =
                    format!("{place}: the id `{}` is that of {}", case.id, self.places[at]);
                let error = Error::new(ErrorKind::Record, message);
                return self.fail(&error.hint("give each record its own id, or leave the ids out"));
            }
            number += 1;
        }
        let id = of(number);
        let mut case = case;
        case.id = id;
        self.ids.entry(case.id.clone()).or_insert(self.all.len());
        self.places.push(place.to_owned());
        self.all.push(case);
    }

    fn fail(&mut self, error: &Error) {
        self.failed += 1;
        if self.failed <= MOST_PRINTED {
            print_error(error);
        }
    }
}

/// The error of a command that reads none of the records.
fn not_chosen() -> Error {
    Error::new(ErrorKind::Config, "no record is read")
        .hint("--limit and --sample say how many are: name a larger number")
}

/// The error of a benchmark without records.
fn none(
    benchmark: &Benchmark,
    subsets: &[String],
    seen: &std::collections::BTreeSet<String>,
) -> Error {
    if !subsets.is_empty() && !seen.is_empty() {
        let all: Vec<&str> =
            seen.iter().map(String::as_str).filter(|one| !one.is_empty()).collect();
        let message = format!("no record is of the subset `{}`", subsets.join("`, `"));
        let error = Error::new(ErrorKind::Config, message);
        return if all.is_empty() {
            error.hint("these records have no subsets: leave out --subset")
        } else {
            error.hint(format!("the subsets are `{}`", all.join("`, `")))
        };
    }
    let message = format!("no record can be used for {}", benchmark.name);
    Error::new(ErrorKind::Record, message)
        .hint(format!("`tribunal bench show {}` names the fields", benchmark.name))
}
