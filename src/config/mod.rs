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
//!
//! [judge.jury]
//! members = ["strict", "kind", "terse"]         # judges of this file
//! quorum = 2                                    # how many must give a verdict
//! aggregate = "median"
//! ```
//!
//! ```no_run
//! # async fn example() -> tribunal::Result<()> {
//! use tribunal::config::Config;
//!
//! let config = Config::read(std::path::Path::new("tribunal.toml"))?;
//! let judge = config.judge(Some("strict"))?.build().await?;
//! # drop(judge);
//! # Ok(())
//! # }
//! ```
//!
//! Flags take precedence over the environment, that over the file (a judge's own table over `[defaults]`), and the
//! file over what prompts and the program set by themselves.
//!
//! # Two steps
//! [`Effective`] settings stand as they were written, each with its [origin](SettingOrigin): this is what
//! `tribunal config` shows, and what permissions are asked for. [`Resolved`] settings are contents: every `@FILE` is
//! a text and every prompt file a prompt. Between the two everything that settings name is looked up once, in an
//! [`Environment`](crate::environment::Environment). A definition that came over a network goes through
//! [`Config::resolve_foreign`], and can name no file, no address and no variable.
//!
//! # Trust
//! [`Config::read`] trusts the file that it is given. [`Config::find`] looks for one in a folder and the
//! folders above, and does not: see there.

mod settings;
mod layers;
mod permission;
mod effective;
mod resolved;
mod check;
mod jury;
mod file;

pub use {
    effective::Effective,
    file::{Config, schema},
    layers::{SettingOrigin, SettingsLayer},
    permission::Permission,
    permission::{is_identity, outside},
    resolved::Resolved,
    settings::Settings,
};

#[doc(inline)]
pub use crate::models::{ModelSettings, Pair};
