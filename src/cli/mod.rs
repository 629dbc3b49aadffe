//! The command line: one file per command.
//!
//! Stdout is data, stderr is talk, the exit code is the answer.

#[cfg(feature = "store")]
mod cache;
mod choose;
mod config;
mod diff;
mod dotenv;
mod dry_run;
mod env_file;
mod fields;
mod init;
mod input;
mod judge;
mod manifest;
mod manual;
mod models;
mod opening;
mod output;
mod parse;
mod progress;
mod prompts;
mod reparse;
mod revise;
mod rows;
mod schema;
mod secrets;
mod settings;
mod signals;
mod talk;
mod trust;
mod width;

use std::{process::ExitCode, time::Duration};

use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use self::talk::{complain, emit, note};
use tribunal::{
    backend,
    error::{Error, ErrorKind, near},
};

/// Judge answers with language models: on this machine, or through any OpenAI-compatible API.
#[derive(Debug, Parser)]
#[command(name = "tribunal", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Judge(Box<judge::Args>),
    Revise(Box<revise::Args>),
    Init(init::Args),
    Parse(parse::Args),
    Reparse(Box<reparse::Args>),
    Diff(diff::Args),
    Prompts(prompts::Args),
    Models(models::Args),
    Config(Box<config::Args>),
    Schema(schema::Args),
    Trust(trust::Args),
    #[cfg(feature = "store")]
    Cache(cache::Args),
    Completions(manual::Completions),
    Man(manual::Man),
}

/// How long answers that were asked for may take after a run was to stop.
const GRACE: Duration = Duration::from_secs(30);

/// What a command came to, when nothing broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Done, and passed where a gate was set.
    Done,
    /// A gate failed.
    GateFailed,
    /// Something could not be done; what was done is kept.
    Incomplete,
    /// Somebody stopped it; what was done is kept.
    Interrupted,
}

/// Runs the program and says how it went.
pub(crate) fn main() -> ExitCode {
    // Before the first thread: nothing else may look at the environment while it changes.
    let outcome = env_file::load().and_then(|()| {
        talk::hide(backend::secrets(&backend::Options::default()));
        let runtime = tokio::runtime::Runtime::new();
        let runtime = runtime
            .map_err(|cause| Error::new(ErrorKind::Io, "no threads to work with").because(cause))?;
        Ok(runtime.block_on(run()))
    });
    outcome.unwrap_or_else(|error| told(&error))
}

async fn run() -> ExitCode {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let parsed = matches.and_then(|matches| {
        let sources = matches.subcommand().and_then(|(name, matches)| {
            Some(settings::Sources::of(command.find_subcommand(name)?, matches))
        });
        Ok((Cli::from_arg_matches(&matches)?, sources.unwrap_or_default()))
    });
    let (cli, sources) = match parsed {
        Ok(parsed) => parsed,
        Err(usage) if usage.use_stderr() => {
            note(usage.format(&mut command).to_string().trim_end());
            return ExitCode::from(2);
        }
        Err(help) => {
            // Help that nobody reads to its end is not a failure.
            let _ = help.format(&mut command).print();
            return ExitCode::SUCCESS;
        }
    };
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,llama-cpp-2=off,async_openai=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| talk::Logs)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .init();
    #[cfg(feature = "llama")]
    models::Args::guard(&cli.command);
    warn_of_unknown(&command);
    let outcome = match cli.command {
        Command::Judge(args) => judge::run(*args, &sources).await,
        Command::Revise(args) => revise::run(*args, &sources).await,
        Command::Init(args) => init::run(&args),
        Command::Parse(args) => parse::run(args).await,
        Command::Reparse(args) => reparse::run(*args, &sources).await,
        Command::Diff(args) => diff::run(&args),
        Command::Prompts(args) => prompts::run(args),
        Command::Models(args) => models::run(args).await,
        Command::Config(args) => config::run(&args, &sources),
        Command::Schema(args) => schema::run(&args),
        Command::Trust(args) => trust::run(&args),
        #[cfg(feature = "store")]
        Command::Cache(args) => cache::run(args).await,
        Command::Completions(args) => manual::completions(&args),
        Command::Man(_) => manual::man(),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::GateFailed) => ExitCode::from(1),
        Ok(Outcome::Incomplete) => ExitCode::from(3),
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) => told(&error),
    }
}

/// All commands: `--help` fits a screen, `tribunal help COMMAND` tells everything. Variables are told in
/// one place, and not with every option.
fn command() -> clap::Command {
    let help =
        Arg::new("help").short('h').long("help").action(ArgAction::HelpShort).help("Print help");
    Cli::command().mut_subcommands(|command| {
        command.mut_args(|arg| arg.hide_env(true)).disable_help_flag(true).arg(help.clone())
    })
}

/// Variables of this program that are not options.
const VARIABLES: [&str; 4] =
    ["TRIBUNAL_SECRET", "TRIBUNAL_CACHE_DIR", trust::FOLDER, env_file::VARIABLE];

/// Names variables that look like settings and are none.
fn warn_of_unknown(command: &clap::Command) {
    const OURS: &str = "TRIBUNAL_";
    let options = command.get_subcommands().flat_map(clap::Command::get_arguments);
    let options = options.filter_map(|option| option.get_env()?.to_str());
    let known: Vec<&str> = options.chain(VARIABLES).collect();
    let mut unknown: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.to_ascii_uppercase().starts_with(OURS) && !known.contains(&&**name))
        .collect();
    unknown.sort_unstable();
    for name in unknown {
        // Of names that all begin the same way, the rest tells which is near.
        let rest = name.get(OURS.len()..).unwrap_or_default().to_ascii_uppercase();
        let near = near(&rest, known.iter().filter_map(|known| known.strip_prefix(OURS)));
        let meant = near.map_or(String::new(), |near| format!("; did you mean {OURS}{near}?"));
        note(&format!("warning: {name} is not a setting and is ignored{meant}"));
    }
    warn_of_keys();
}

/// Names variables that are nearly those of the presets, where the right one is not set.
fn warn_of_keys() {
    let bare = |name: &str| name.replace('_', "").to_ascii_uppercase();
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let names: Vec<String> = names.collect();
    let presets = backend::presets::key_variables().chain(backend::presets::address_variables());
    for right in presets.filter(|right| !is_set(right)) {
        let alike = |name: &&String| *name != right && bare(name) == bare(right);
        if let Some(name) = names.iter().find(alike) {
            note(&format!("warning: {name} is not used; did you mean {right}?"));
        }
    }
}

fn told(error: &Error) -> ExitCode {
    if talk::is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    complain(error);
    ExitCode::from(code(error.kind()))
}

/// 2 for what the caller can mend in the command, 3 for what could not be done.
fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Config | ErrorKind::Prompt | ErrorKind::Unsupported | ErrorKind::Record => 2,
        _ => 3,
    }
}
