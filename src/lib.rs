//! Tribunal judges answers with language models.
//!
//! A prompt file asks a model, in this process or behind an API, for a critique and a verdict; rules
//! read the verdict out of the text; bad text is an outcome and never a number.
//!
//! ```
//! # #[cfg(all(feature = "llama", feature = "tiny"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> tribunal::Result<()> {
//! use tribunal::{Item, Judge};
//!
//! let judge = Judge::builder().model("tiny").prompt("tiny-score").pass("score >= 4").build().await?;
//! let item = Item::new().question("12 + 30 - 5").answer("12 + 30 = 42\n42 - 5 = 37");
//! let judgment = judge.judge(&item).await?;
//! match judgment.score() {
//!     Some(score) => println!("{score}\n{}", judgment.critique()),
//!     None => println!("no verdict: {:?}", judgment.unreadable()),
//! }
//! # assert_eq!(judgment.score(), Some(5.0));
//! # assert!(judgment.passed());
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "llama", feature = "tiny")))]
//! # fn main() {}
//! ```
//!
//! The names that a newcomer meets first are [`Judge`], [`Item`], [`Judgment`], [`Verdict`] and
//! [`Error`]; then [`Prompt`], [`Scale`], [`Backend`], [`Request`], [`Completion`] and [`Unreadable`].
//!
//! Loops over judges, such as revising an answer until it passes, are in [`strategy`].
//!
//! The modules below stand in reading order: each names only those above it. Down to [`judging`] all
//! are pure functions of their arguments; from [`backend`] on there are clocks, disks and networks.

#![cfg_attr(
    not(feature = "files"),
    expect(
        dead_code,
        unused_imports,
        reason = "what only files of records need stands in pure modules too"
    )
)]

mod hint;
#[doc(hidden)]
pub mod error;
pub mod units;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod scale;
pub mod completion;
pub mod verdict;
pub mod line;
#[doc(hidden)]
pub mod aggregate;
pub mod item;
pub mod request;
#[doc(hidden)]
pub mod parse;
#[doc(hidden)]
pub mod pass;
pub mod prompt;
pub mod judging;
#[doc(hidden)]
pub mod files;
pub mod environment;
pub mod backend;
pub mod models;
pub mod judge;
pub mod strategy;
pub mod blocking;
#[cfg(feature = "config")]
#[doc(hidden)]
pub mod config;
#[cfg(feature = "files")]
pub mod records;
#[cfg(feature = "files")]
#[doc(hidden)]
pub mod report;
#[cfg(feature = "files")]
pub mod run;

#[doc(inline)]
pub use {
    backend::Backend,
    completion::Completion,
    error::{Error, ErrorKind, Result},
    hint::Hint,
    item::Item,
    judge::{Judge, JudgeBuilder, PanelBuilder},
    prompt::Prompt,
    request::Request,
    scale::Scale,
    verdict::{Judgment, Unreadable, Verdict, Vote},
};
