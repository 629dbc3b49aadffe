//! How a run over records ended, and how many records of its input were not tried.

use std::fmt;

use serde_json::{Value, json};

use crate::error::Error;

/// The reason why a run read no more records.
///
/// ```
/// use tribunal::{Error, ErrorKind, records::End};
///
/// assert!(End::default().is_whole());
/// let refused = End::GaveUp(Error::new(ErrorKind::Unauthorized, "the key was refused"));
/// assert_eq!(refused.name(), "gave_up");
/// ```
///
/// Only a run that tried every record writes a table or sorts lines into the order of the input. After
/// any other end, the results are kept where the same command finds them and continues.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum End {
    /// There were no more records.
    #[default]
    Whole,
    /// The run was stopped, for example by Ctrl-C.
    Stopped,
    /// Every later request would have failed with this error: a rejected key, an empty account.
    GaveUp(Error),
    /// The budget is used up; the error names the limit.
    OutOfBudget(Error),
}

impl End {
    /// Whether every record was tried.
    pub fn is_whole(&self) -> bool {
        matches!(self, Self::Whole)
    }

    /// Whether the run was stopped.
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped)
    }

    /// The name in summaries: `whole`, `stopped`, `gave_up` or `out_of_budget`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Stopped => "stopped",
            Self::GaveUp(_) => "gave_up",
            Self::OutOfBudget(_) => "out_of_budget",
        }
    }
}

/// How a run ended, and how much of its input was never tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    /// The reason why it read no more records.
    pub end: End,
    /// The number of records that were left; `None` if they could not be counted, as in a pipe.
    ///
    /// It is ignored for a run that tried every record.
    pub left: Option<usize>,
}

impl Ending {
    /// The number of records that were never tried; `None` if that is not known.
    pub fn not_tried(&self) -> Option<usize> {
        if self.end.is_whole() { Some(0) } else { self.left }
    }

    /// The same number as JSON; null if it is not known.
    pub fn not_tried_json(&self) -> Value {
        json!(self.not_tried())
    }
}

/// A clause that continues a sentence; empty if every record was tried.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.not_tried() {
            Some(0) => Ok(()),
            Some(1) => f.write_str("; 1 record was never tried"),
            Some(left) => write!(f, "; {left} records were never tried"),
            None => f.write_str("; the rest of the input was never tried"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn what_was_never_tried_is_a_number_or_the_rest_of_the_input() {
        let said = |end: End, left| Ending { end, left }.to_string();
        assert_eq!(said(End::Whole, None), "");
        assert_eq!(said(End::Stopped, Some(0)), "");
        assert_eq!(said(End::Stopped, Some(1)), "; 1 record was never tried");
        let refused = Error::new(ErrorKind::Unauthorized, "no");
        assert_eq!(said(End::GaveUp(refused), Some(9_500)), "; 9500 records were never tried");
        assert_eq!(said(End::Stopped, None), "; the rest of the input was never tried");
    }
}
