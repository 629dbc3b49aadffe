//! Judges and models by name, out of a file: `tribunal.toml`.
//!
//! ```toml
//! [defaults]
//! judge = "strict"                     # when none is named
//!
//! [judge.strict]
//! prompt = "prompts/strict.jinja"      # a built-in name, or a file beside this one
//! model = "fast"
//! draws = 3
//! pass = "score >= 7"
//!
//! [model.fast]
//! name = "openai/gpt-5-mini"
//! price = { prompt = 0.25, completion = 2.0 }   # a million tokens
//! ```
//!
//! ```no_run
//! # async fn example() -> tribunal::Result<()> {
//! use tribunal::config::Config;
//!
//! let config = Config::find(std::path::Path::new("."))?;
//! let judge = config.judge(Some("strict"))?.builder()?.build().await?;
//! # drop(judge);
//! # Ok(())
//! # }
//! ```
//!
//! Flags win over the environment, that over the file (a judge's own table over `[defaults]`), and the
//! file over what prompts and the program set by themselves.

mod file;
mod layers;
mod settings;

pub(crate) use layers::text_or_file;
pub use {
    file::{Config, schema},
    layers::{Layer, Origin, Resolved},
    settings::{ModelSettings, Pair, Settings},
};
