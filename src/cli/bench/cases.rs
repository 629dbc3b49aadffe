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
            let mut case = |item: Item| -> Result<Case> {
                let path = place.rsplit_once(':').map_or(place.as_str(), |(path, _)| path);
                let item = benchmark.with_path(names.apply(&item)?, path);
                let case = benchmark.case(&item, record.index)?;
                seen.insert(case.subset.clone());
                Ok(case)
            };
            // Errors of reading name their place.
            match record.item.map(|item| case(item).map_err(|error| error.within(place))) {
                Ok(Ok(case)) if subsets.is_empty() || subsets.contains(&case.subset) => {
                    cases.add(case, place);
                }
                Ok(Ok(_)) => (),
                Ok(Err(error)) | Err(error) => cases.fail(&error),
            }
        }
        if cases.failed > MOST_PRINTED {
            note(&format!("{} could not be used", counted(cases.failed, "record")));
        }
        if cases.all.is_empty() {
            return Err(none(benchmark, subsets, &seen));
        }
        Ok(cases)
    }

    /// Adds a case. Judgments belong to cases by their ids, so that two different cases of one id cannot be told apart.
    fn add(&mut self, case: Case, place: &str) {
        let known = self.ids.get(&case.id).map(|at| (&self.all[*at], &self.places[*at]));
        let is_same = |one: &Case| {
            (&one.question, &one.answers, &one.steps)
                == (&case.question, &case.answers, &case.steps)
        };
        match known {
            Some((one, first)) if !is_same(one) => {
                let message = format!("{place}: the id `{}` is that of {first}", case.id);
                let error = Error::new(ErrorKind::Record, message);
                self.fail(&error.hint("give each record its own id, or leave the ids out"));
            }
            _ => {
                self.ids.entry(case.id.clone()).or_insert(self.all.len());
                self.places.push(place.to_owned());
                self.all.push(case);
            }
        }
    }

    fn fail(&mut self, error: &Error) {
        self.failed += 1;
        if self.failed <= MOST_PRINTED {
            print_error(error);
        }
    }
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
