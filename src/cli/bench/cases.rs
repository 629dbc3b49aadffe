//! The cases of a benchmark, from its records.

use super::super::{input::Records, note, print_error};
use tribunal::{
    bench::{Benchmark, Case},
    error::{Error, ErrorKind, Result},
    item::FieldMap,
};

/// The cases of a benchmark.
pub(super) struct Cases {
    /// Those that are counted.
    pub(super) all: Vec<Case>,
    /// The number of records that no case could be made of.
    pub(super) failed: usize,
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
        let mut cases = Self { all: Vec::new(), failed: 0 };
        let mut seen = std::collections::BTreeSet::new();
        for record in records {
            let item = record.item.and_then(|item| names.apply(&item));
            let case = item.and_then(|item| benchmark.case(&item, record.index));
            match case {
                Ok(case) => {
                    seen.insert(case.subset.clone());
                    if subsets.is_empty() || subsets.contains(&case.subset) {
                        cases.all.push(case);
                    }
                }
                Err(error) => cases.fail(&error.within(&record.place)),
            }
        }
        if cases.failed > MOST_PRINTED {
            note(&format!("{} records could not be used", cases.failed));
        }
        if cases.all.is_empty() {
            return Err(none(benchmark, subsets, &seen));
        }
        Ok(cases)
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
        let all: Vec<&str> = seen.iter().map(String::as_str).collect();
        let message = format!("no record is of the subset `{}`", subsets.join("`, `"));
        return Error::new(ErrorKind::Config, message)
            .hint(format!("the subsets are `{}`", all.join("`, `")));
    }
    let message = format!("no record can be used for {}", benchmark.name);
    Error::new(ErrorKind::Record, message)
        .hint(format!("`tribunal bench show {}` names the fields", benchmark.name))
}
