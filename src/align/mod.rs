//! Repairs the prompt of a judge by labelled records that it gets wrong.
//!
//! Labelled records are divided into three parts. A model reads disagreements of the *training* part and proposes
//! changed prompts; the *validation* part chooses among them; the *held-out* part is judged last, by the original and
//! the chosen prompt alone, and a paired test on it decides whether the new one is better. If it does not, the original
//! stays.
//!
//! | module | what it holds |
//! |---|---|
//! | `parts` | the division of the records |
//! | `marks` | how far a judge agrees with the labels of a part |
//! | `proposal` | what the writer is shown, and whether what it wrote may be used |
//! | `drive` | the rounds |
//! | `outcome` | the result, for people and for programs |
//!
//! A proposal may change the text of the prompt and nothing else: it keeps every setting of the front matter, reads no
//! further field, and runs no code. Everything is asked through the backends of the caller, so that a cache makes a
//! stopped run continue.

mod drive;
mod marks;
mod outcome;
mod parts;
mod proposal;

pub use {
    drive::{AlignOptions, Aligner},
    marks::Marks,
    outcome::{Alignment, Candidate, CandidateOutcome, Decision},
    parts::{Case, Parts},
};
