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
//! # Where to look
//!
//! | to | use |
//! |---|---|
//! | judge one item | [`Judge::builder`], [`Judge::judge`], [`Judgment`] |
//! | judge a stream of items | [`Judge::judge_all`] |
//! | judge many records into a file, and go on after a stop | [`run::judge_to`], [`run::judge`] |
//! | let several models vote | [`Judge::panel`] |
//! | revise an answer until it passes | [`strategy::revise()`](strategy::revise()), [`strategy::revise::Policy`] |
//! | open models by name, each once | [`models::Models`] |
//! | bring a client of your own | [`backend::from_fn`], the layers of [`backend::BackendExt`], [`Error`] |
//! | write a prompt file | [`Prompt`] |
//! | compute agreement, correlations, intervals, ratings | [`metrics`] |
//! | judge without async | [`blocking::Judge`], or [`judging::Judging`] with answers from anywhere |
//!
//! # Features
//!
//! With `default-features = false` the library needs no C or C++ compiler, reads and writes no file formats, and
//! talks to clients that you bring.
//!
//! | feature | adds |
//! |---|---|
//! | `llama` | models in this process, through llama.cpp; needs cmake, libclang and a C++ compiler |
//! | `tiny` | the shipped model, inside the library |
//! | `openai` | models behind OpenAI-compatible APIs |
//! | `store` | answers that were paid for, kept on disk and shared between processes |
//! | `files` | [`records`] in files of any format, and [`run`]s that go on where they ended |
//! | `charts` | charts of figures as SVG: `report::Chart` |
//! | `parquet` | Parquet among these formats |
//! | `checks` | answers compared with references by rules: [`backend::Check`] |
//! | `code` | Python code of judges and answers, run in a sandbox on Linux: [`backend::sandbox`], [`backend::TestsCheck`] |
//! | `command` | programs as judges: [`backend::Command`] |
//! | `config`, `schema` | `tribunal.toml`, and JSON schemas of it and of result lines |
//! | `cli` | what the program needs: `files`, `checks`, `code`, `command`, `config`, and a terminal |
//! | `cuda`, `metal`, `vulkan` | graphics cards for `llama` |
//!
//! # Order
//!
//! The modules in the source stand in reading order: each names only those above it. Down to [`judging`] all are
//! pure functions of their arguments; below it there are clocks, disks and networks.

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
#[doc(hidden)]
pub mod units;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod scale;
pub mod metrics;
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
#[doc(hidden)]
pub mod environment;
pub mod hub;
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
pub mod bench;
#[cfg(feature = "files")]
pub mod align;
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
