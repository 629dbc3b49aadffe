//! Variables of the environment that are nearly the right ones.
//!
//! A misspelt variable has no effect and causes no error, so that a run uses other settings than the user expects. So
//! names that begin like this program's, or differ from a known name only in case or underscores, are reported. Their
//! values are never printed, for they may be keys.

use super::{env_file, note, permissions};
use tribunal::{error::near, models::presets};

/// How the names of this program's variables begin.
const PREFIX: &str = "TRIBUNAL_";

/// Variables of this program that are not options.
const OTHERS: [&str; 4] =
    ["TRIBUNAL_SECRET", "TRIBUNAL_CACHE_DIR", permissions::FOLDER, env_file::VARIABLE];

/// Warns of variables that look like settings and have no effect, and of misspelt names of keys and addresses.
pub(super) fn warn(command: &clap::Command) {
    unknown(command);
    misspelt();
}

/// Warns of `TRIBUNAL_…` variables that no option reads.
fn unknown(command: &clap::Command) {
    let options = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let options = options.filter_map(|option| option.get_env()?.to_str());
    let known: Vec<&str> = options.chain(OTHERS).collect();
    let mut unknown: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.to_ascii_uppercase().starts_with(PREFIX) && !known.contains(&&**name))
        .collect();
    unknown.sort_unstable();
    for name in unknown {
        // All names begin alike: only the rest can be near another name.
        let rest = name.get(PREFIX.len()..).unwrap_or_default().to_ascii_uppercase();
        let near = near(&rest, known.iter().filter_map(|known| known.strip_prefix(PREFIX)));
        let suggestion =
            near.map_or(String::new(), |near| format!("; did you mean {PREFIX}{near}?"));
        note(&format!(
            "warning: the variable {name} is not a setting and has no effect{suggestion}"
        ));
    }
}

/// Warns of names that differ from those of the presets only in case or underscores, where the right one is not set.
fn misspelt() {
    let bare = |name: &str| name.replace('_', "").to_ascii_uppercase();
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let names: Vec<String> = names.collect();
    let presets = presets::key_variables().chain(presets::address_variables());
    for right in presets.filter(|right| !is_set(right)) {
        let alike = |name: &&String| *name != right && bare(name) == bare(right);
        if let Some(name) = names.iter().find(alike) {
            note(&format!("warning: the variable {name} has no effect; did you mean {right}?"));
        }
    }
}
