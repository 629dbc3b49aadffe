//! The line of results: the outcome of one record as JSON, typed and versioned.
//!
//! A run writes one line for each record. Everything that writes or reads results uses [`ResultLine`], and its
//! JSON schema describes it to other programs. Judgments become lines, and lines become judgments again:
//!
//! ```
//! use tribunal::{Judgment, Verdict, line::ResultLine};
//!
//! let line = ResultLine::read(r#"{"v": 1, "id": "q7", "kind": "score", "verdict": "8", "score": 8}"#)?;
//! let judgment = Judgment::try_from(line)?;
//! assert_eq!(judgment.verdict, Ok(Verdict::Score(8.0)));
//! # Ok::<_, tribunal::Error>(())
//! ```

mod partial;
mod number;
mod verdict;
mod probabilities;
mod fault;
mod json;
mod vote;
mod result;
mod judgment;
#[cfg(feature = "schema")]
mod schema;

#[cfg(feature = "schema")]
pub(crate) use schema::of as schema_of;
pub use {
    fault::ErrorLine,
    probabilities::Probabilities,
    result::{Consistent, MemberLine, PromptLine, ResultLine},
    verdict::VerdictLine,
    vote::VoteLine,
};
#[doc(hidden)]
pub use {
    fault::ErrorWord,
    json::writer_of,
    vote::{NamedOrder, ShownOrder},
};
pub(crate) use {
    json::{unlike, written},
    number::{optional as whole_or_none, plain},
    partial::{Lenient, TextLike, text},
};

/// The version of lines that this program writes. A line that an older version cannot read has a higher one.
pub const VERSION: u32 = 1;
