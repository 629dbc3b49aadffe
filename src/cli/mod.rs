//! The command line: one file per command, on top of the library's public API.
//!
//! Results go to standard output, messages to standard error, and the exit code tells success from failure: see [`Exit`].
//!
//! | file | what it holds |
//! |---|---|
//! | `judge`, `revise`, `label`, `rank`, `search`, `bench`, `annotate`, `align`, `parse`, `reparse`, `diff`, `agree`, `calibrate`, `estimate`, `report`, `prompts`, `models`, `config`, `schema`, `trust`, `sandbox`, `cache`, `init`, `manual` | one command each |
//! | `settings`, `input`, `output`, `lines`, `label_file`, `budget` | groups of flags that several commands share |
//! | `result_lines` | the current lines of results, apart for each judge |
//! | `gates` | rules on figures, which decide the exit code |
//! | `requests` | what was sent, made again from results and their manifest |
//! | `opening`, `choose`, `fields` | from flags and the first record to a judge, and what to warn about before it is asked |
//! | `running`, `progress`, `engines`, `rows`, `manifest`, `dry_run`, `signals` | one run: its options, what is shown of it, how it is stopped |
//! | `console`, `width`, `secrets` | what reaches a terminal, and in which shape |
//! | `env_file`, `dotenv`, `permissions` | variables from `.env`, and what found files may do |
//!
//! # What every command follows
//!
//! - Arguments are read in two stages: `Args` is what was typed, and the command turns it into settings and options of
//!   the library before anything is opened.
//! - Everything that can be rejected is rejected before the first request, with an error that gives the next step.
//! - A bad record, line or answer costs itself. It is reported on standard error, the rest goes on, and the exit code
//!   is 3.
//! - Nothing is asked interactively: a command that would destroy something wants a flag, such as `--yes`.
//! - Text of records, models, servers and file names is escaped before it reaches a terminal, see `console`.
//!
//! A flag that belongs to a judge or a model is a field of the library's settings, and not of a command; see `settings`.

mod agree;
mod align;
mod annotate;
#[cfg(all(feature = "openai", feature = "store"))]
mod batch;
mod beginning;
mod bench;
mod budget;
#[cfg(feature = "store")]
mod cache;
mod calibrate;
mod catalogue;
mod choose;
mod config;
mod console;
mod data_sets;
mod diff;
mod dotenv;
#[cfg(feature = "hub")]
mod downloads;
mod dry_run;
mod engines;
mod env_file;
mod estimate;
mod fields;
mod gates;
mod independence;
mod init;
mod input;
mod judge;
mod label;
mod label_file;
mod lines;
mod manifest;
mod manual;
mod models;
mod opening;
mod output;
mod parse;
mod permissions;
mod progress;
mod prompt_files;
mod prompts;
mod rank;
mod reparse;
mod report;
mod requests;
mod result_lines;
mod revise;
mod rows;
mod running;
mod sandbox;
mod schema;
mod search;
mod secrets;
mod settings;
mod signals;
mod trust;
mod variables;
mod width;

use std::process::ExitCode;

use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use self::console::{emit, emit_figures, note, print_error};
use tribunal::{
    environment::Environment,
    error::{Error, ErrorKind},
};

/// Judge answers with language models, on this machine or through any OpenAI-compatible API.
#[derive(Debug, Parser)]
#[command(
    name = "tribunal",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    after_help = "Start here: tribunal init my-judge\nMore on a command: tribunal help COMMAND"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// One command each; the boxes keep the enum small, for some commands have fifty flags.
#[derive(Debug, Subcommand)]
enum Command {
    Judge(Box<judge::Args>),
    Revise(Box<revise::Args>),
    Label(Box<label::Args>),
    Rank(Box<rank::Args>),
    Search(Box<search::Args>),
    Bench(Box<bench::Args>),
    #[cfg(all(feature = "openai", feature = "store"))]
    Batch(batch::Args),
    Init(init::Args),
    Parse(parse::Args),
    Reparse(Box<reparse::Args>),
    Diff(diff::Args),
    Agree(agree::Args),
    Annotate(annotate::Args),
    Align(Box<align::Args>),
    Calibrate(calibrate::Args),
    Estimate(estimate::Args),
    Report(Box<report::Args>),
    Prompts(prompts::Args),
    Models(models::Args),
    Config(Box<config::Args>),
    Schema(schema::Args),
    Trust(trust::Args),
    Sandbox(sandbox::Args),
    #[cfg(feature = "store")]
    Cache(cache::Args),
    Completions(manual::Completions),
    Man(manual::Man),
}

impl Command {
    /// Whether more is printed than usual.
    fn is_verbose(&self) -> bool {
        match self {
            Self::Judge(args) => args.is_verbose(),
            Self::Revise(args) => args.is_verbose(),
            Self::Label(args) => args.is_verbose(),
            Self::Rank(args) => args.is_verbose(),
            Self::Search(args) => args.is_verbose(),
            Self::Bench(args) => args.is_verbose(),
            _ => false,
        }
    }
}

/// How a command ended that met no error: the program's exit code.
///
/// An error has the code 2 where the command line, the configuration, a prompt or a record is to be changed, and 3
/// where something else could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// 0: everything was done, and passed where a gate was set.
    Done,
    /// 1: a gate failed.
    GateFailed,
    /// 3: something could not be done, or a budget ended the run; what was done is saved.
    Incomplete,
    /// 130: Ctrl-C or SIGTERM stopped the run; what was done is saved.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::GateFailed => Self::from(1),
            Exit::Incomplete => Self::from(3),
            Exit::Interrupted => Self::from(130),
        }
    }
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    // Before everything else: this process may be one that confines itself and then runs code.
    if let Some(exit) = tribunal::backend::sandbox::run_confined(std::env::args_os()) {
        return exit;
    }
    // Before the first thread: nothing else may look at the environment while it changes.
    let exit = env_file::load().and_then(|()| {
        console::hide(Environment::process().secrets());
        // One thread: handing a request from thread to thread costs more than what is done about it. Models in
        // this process, the cache and the reader of records have threads of their own.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        // Few answers at a time: each is dealt with, and the next request sent, before more are read. If hundreds were
        // read at once, the requests after them would wait for all of them.
        let runtime = runtime.enable_all().max_io_events_per_tick(4).build();
        let runtime = runtime
            .map_err(|cause| Error::new(ErrorKind::Io, "cannot start threads").because(cause))?;
        Ok(runtime.block_on(run()))
    });
    exit.unwrap_or_else(|error| failed(&error))
}

/// Reads the arguments, and runs their command.
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
            note(with_hints(&usage.format(&mut command)).trim_end());
            return ExitCode::from(2);
        }
        Err(help) => {
            // Help that is not read to its end, as with `| head`, is not a failure.
            let _ = help.format(&mut command).print();
            return ExitCode::SUCCESS;
        }
    };
    log(cli.command.is_verbose());
    #[cfg(feature = "llama")]
    models::Args::guard(&cli.command);
    variables::warn(&command);
    // Boxed, because the future of a command is large.
    Box::pin(dispatch(cli.command, &sources))
        .await
        .map_or_else(|error| failed(&error), ExitCode::from)
}

/// The message of a wrong argument, with the hints of the value's own error below its first paragraph.
fn with_hints(usage: &clap::Error) -> String {
    let own = std::error::Error::source(usage).and_then(|cause| cause.downcast_ref::<Error>());
    let hints = own.into_iter().flat_map(Error::hints);
    let hints: String = hints.map(|hint| format!("\nhint: {}", console::worded(hint))).collect();
    let message = plain_usage(&usage.to_string());
    let end = message.find("\n\n").unwrap_or(message.len());
    let (first, rest) = message.split_at(end);
    format!("{first}{hints}{rest}")
}

/// The message of a wrong argument, with the standard library's words for numbers in plain English.
fn plain_usage(message: &str) -> String {
    const WORDS: [(&str, &str); 5] = [
        ("invalid digit found in string", "expected a whole number"),
        ("invalid float literal", "expected a number"),
        ("number too large to fit in target type", "the number is too large"),
        ("number too small to fit in target type", "the number is too small"),
        (" is not in 1..=", " is not a number from 1 to "),
    ];
    WORDS.iter().fold(message.to_owned(), |message, (words, plain)| message.replace(words, plain))
}

/// Sends logs of the library to standard error; `RUST_LOG` chooses them. With `--verbose` they include how each model
/// in this process was loaded.
fn log(verbose: bool) {
    let usual = "warn,llama-cpp-2=off,async_openai=off";
    let more = if verbose { ",tribunal::backend::llama=info" } else { "" };
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{usual}{more}")));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| console::Logs)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .init();
}

/// Runs one command.
///
/// # Errors
/// Whatever the command cannot do as a whole. Mistakes of single records are not among them.
async fn dispatch(command: Command, sources: &settings::Sources) -> Result<Exit, Error> {
    match command {
        Command::Judge(args) => judge::run(*args, sources).await,
        Command::Revise(args) => Box::pin(revise::run(*args, sources)).await,
        Command::Label(args) => Box::pin(label::run(*args, sources)).await,
        Command::Rank(args) => Box::pin(rank::run(*args, sources)).await,
        Command::Search(args) => Box::pin(search::run(*args, sources)).await,
        Command::Bench(args) => Box::pin(bench::run(*args, sources)).await,
        #[cfg(all(feature = "openai", feature = "store"))]
        Command::Batch(args) => batch::run(args, sources).await,
        Command::Init(args) => init::run(&args),
        Command::Parse(args) => parse::run(args).await,
        Command::Reparse(args) => Box::pin(reparse::run(*args, sources)).await,
        Command::Diff(args) => diff::run(&args),
        Command::Agree(args) => agree::run(&args),
        Command::Annotate(args) => annotate::run(&args).await,
        Command::Align(args) => Box::pin(align::run(*args, sources)).await,
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Estimate(args) => estimate::run(&args),
        Command::Report(args) => Box::pin(report::run(&args)).await,
        Command::Prompts(args) => prompts::run(args),
        Command::Models(args) => models::run(args).await,
        Command::Config(args) => config::run(&args, sources),
        Command::Schema(args) => schema::run(&args),
        Command::Trust(args) => trust::run(&args),
        Command::Sandbox(args) => sandbox::run(&args).await,
        #[cfg(feature = "store")]
        Command::Cache(args) => cache::run(args).await,
        Command::Completions(args) => manual::completions(&args),
        Command::Man(_) => manual::man(),
    }
}

/// All commands: `--help` fits a screen, `tribunal help COMMAND` shows everything. Variables of the environment are
/// described in one place, and not with every option.
fn command() -> clap::Command {
    let command = plain(Cli::command());
    let command = command.mut_subcommand("reparse", |command| hiding(command, &ASKING));
    let command = command.mut_subcommand("rank", |command| hiding(command, &GATING));
    let command = command.mut_subcommand("search", |command| hiding(command, &GATING));
    let command = command.mut_subcommand("bench", |command| {
        hiding(command, &BENCHING)
            .mut_arg("fail_under", |arg| arg.help("Exit 1 if the figure is lower, or RULE fails"))
    });
    let command = command.mut_subcommand("align", |command| hiding(command, &ALIGNING));
    command.mut_subcommand("label", |command| {
        hiding(command, &JUDGING)
            .mut_arg("model", |arg| {
                arg.help("Model that completes solutions: tiny, FILE.gguf, … [default: tiny]")
            })
            .mut_arg("draws", |arg| arg.help("Number of completions from each step [default: 8]"))
    })
}

/// The command without these arguments in its help.
fn hiding(command: clap::Command, names: &[&str]) -> clap::Command {
    let hidden = |arg: &Arg| names.contains(&arg.get_id().as_str()) || arg.is_hide_set();
    command.mut_args(|arg| {
        let is_hidden = hidden(&arg);
        arg.hide(is_hidden)
    })
}

/// Arguments of a judge that only matter where a verdict is read: accepted by `label`, and hidden in its help.
const JUDGING: [&str; 22] = [
    "aggregate",
    "allow_code",
    "calibration",
    "certainty",
    "close_below",
    "close_within",
    "criteria",
    "criterion",
    "fail_under",
    "first_prompt",
    "labels",
    "max_unreadable",
    "order",
    "pass",
    "per_call",
    "python",
    "reask",
    "reduce",
    "reference_model",
    "scale",
    "stop_draws",
    "thresholds",
];

/// Arguments of a judge that only matter where verdicts are compared with a gate or a label: accepted by `rank`, and
/// hidden in its help.
const GATING: [&str; 3] = ["fail_under", "label_map", "max_unreadable"];

/// Arguments of a judge that only matter where the records' own labels or a pass rule decide: accepted by `bench`, and
/// hidden in its help.
const BENCHING: [&str; 3] = ["label", "label_map", "pass"];

/// Arguments of a judge that only matter where a prompt is chosen, or verdicts pass: accepted by `align`, and hidden in its
/// help.
const ALIGNING: [&str; 4] = ["fail_under", "max_unreadable", "pass", "prompt"];

/// Arguments of a judge that only matter where a model is asked: accepted by `reparse`, and hidden in its help.
const ASKING: [&str; 34] = [
    "allow_code",
    "base_url",
    "close_below",
    "close_within",
    "concurrency",
    "context",
    "deterministic",
    "device",
    "extra",
    "fail_under",
    "flash_attention",
    "gpu_layers",
    "key_variable",
    "kv_type",
    "lora",
    "max_tokens",
    "max_unreadable",
    "model_id",
    "pass_env",
    "prices",
    "python",
    "reask",
    "rpm",
    "seed",
    "split",
    "stop_draws",
    "stream",
    "temperature",
    "template",
    "thinking_tokens",
    "threads",
    "timeout",
    "tpm",
    "width",
];

/// The command and its subcommands with one `--help`, the short one.
fn plain(command: clap::Command) -> clap::Command {
    command.mut_subcommands(|command| {
        let help = Arg::new("help")
            .short('h')
            .long("help")
            .action(ArgAction::HelpShort)
            .help("Print help");
        // Several models are a jury: the settings hold the first one, and `settings::Sources` all of them.
        let several = |arg: Arg| match (arg.get_long(), arg.get_short()) {
            (Some("model"), Some('m')) => arg.action(ArgAction::Append),
            _ => arg,
        };
        let command = command.mut_args(|arg| several(arg.hide_env(true)));
        plain(command.disable_help_flag(true).arg(help))
    })
}

/// Prints the error of a command, and gives its exit code. A closed pipe is not an error: `tribunal … | head` ends with 0.
fn failed(error: &Error) -> ExitCode {
    if console::is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    print_error(error);
    ExitCode::from(code(error.kind()))
}

/// 2 for what the caller can change in the command, 3 for what could not be done.
fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Config | ErrorKind::Prompt | ErrorKind::Unsupported | ErrorKind::Record => 2,
        _ => 3,
    }
}
