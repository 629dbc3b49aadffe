//! Benchmarks of judges: from published records to cases, and from judgments to published figures.
//!
//! A [`Benchmark`] is data: the fields of its records, its protocol, the rule for verdicts that cannot be read, its
//! formula, and the source in which all of that was read. Two functions belong to it. One makes a [`Case`] of a
//! record. The other computes the figures from cases and judgments, and depends on nothing else, so that the same
//! figures follow from a run, from the lines of an earlier one, and from the recorded texts of other judges.
//!
//! ```
//! use serde_json::json;
//! use tribunal::{Item, bench::{self, Convention, Figures, Judgments, Shape}, line::ResultLine};
//!
//! let rewardbench = bench::named("rewardbench")?;
//! let record = Item::from(json!({
//!     "id": 1, "prompt": "2 + 2?", "chosen": "4", "rejected": "5", "subset": "math-prm",
//! }));
//! let cases = vec![rewardbench.case(&record, 0)?];
//! let mut judgments = Judgments::default();
//! judgments.add(ResultLine::read(r#"{"id": "1", "preference": "first"}"#)?);
//! let judged = judgments.beside(&cases, Shape::Pairs);
//! let figures = Figures::of(rewardbench, &judged);
//! assert_eq!(figures.headline(), Some(1.0));
//! # Ok::<_, tribunal::Error>(())
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `convention` | how a verdict that could not be read counts |
//! | `case`, `shape` | a record as a case, and a case as the records that a judge of some kind judges |
//! | `judged` | judgments beside their cases: games, scores, steps |
//! | `row`, `credit`, `figures` | figures under all conventions, with the interval of the first |
//! | `table` | the figures as a table that fits a terminal |
//! | `fit`, `length_controlled`, `style` | win rates at equal length and style |
//! | `about` | a benchmark as data |
//! | `suites` | one file for each benchmark |
//! | `replay` | recorded texts of other judges |

mod convention;
mod row;
mod case;
mod shape;
mod judged;
mod credit;
mod fit;
mod length_controlled;
mod style;
mod about;
mod figures;
mod table;
mod suites;
mod replay;

pub use self::{
    about::{Benchmark, Field},
    case::{Case, Gold},
    convention::Convention,
    figures::Figures,
    judged::{Ballot, Ballots, Judged, Judgments},
    replay::{RecordedText, replayed},
    row::{FigureRow, Row},
    shape::Shape,
};

use self::case::Fields;
use crate::{
    error::{Error, ErrorKind, Result, near},
    item::{Item, text_of},
};

/// All benchmarks, in the order in which they are listed.
pub fn all() -> &'static [&'static Benchmark] {
    &suites::ALL
}

/// The benchmark of this name.
///
/// # Errors
/// There is none: the error names a similar one.
pub fn named(name: &str) -> Result<&'static Benchmark> {
    let is_named = |one: &&&Benchmark| one.name == name;
    all().iter().find(is_named).copied().ok_or_else(|| {
        let error = Error::new(ErrorKind::Config, format!("unknown benchmark `{name}`"));
        match near(name, all().iter().map(|one| one.name)) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("`tribunal bench list` names them all"),
        }
    })
}

impl Benchmark {
    /// The record with what the path of its file says about it, where the authors keep a part of each record there and the
    /// record does not have it.
    #[must_use]
    pub fn with_path(&self, record: Item, path: &str) -> Item {
        let lacks = |(name, _): &(&'static str, _)| record.field(name).is_none();
        let found = self.of_path.filter(lacks).and_then(|(name, of)| Some((name, of(path)?)));
        match found {
            Some((name, value)) => record.set(name, value),
            None => record,
        }
    }

    /// The case of a published record; `index` names one that has no name of its own.
    ///
    /// # Errors
    /// The record lacks a field, or a field holds something else.
    pub fn case(&self, record: &Item, index: usize) -> Result<Case> {
        let named = || self.ids.iter().find_map(|name| record.record().get(*name)).map(text_of);
        let id = record.own_id().or_else(named).unwrap_or_else(|| index.to_string());
        (self.case)(&Fields::new(record, &id))
    }
}
