//! The command line: one file per command.
//!
//! Stdout is data, stderr is talk, the exit code is the answer.

#![expect(clippy::print_stderr, reason = "this is where the program speaks")]

mod judge;
mod models;
mod parse;
mod progress;
mod prompts;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::{
    error::{Error, ErrorKind, Result},
    report,
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
    Parse(parse::Args),
    Prompts(prompts::Args),
    Models(models::Args),
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line of JSON per record.
    Jsonl,
    /// One short line per record, for people.
    Pretty,
}

/// What a command came to, when nothing broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Done, and passed where a gate was set.
    Done,
    /// A gate failed.
    GateFailed,
    /// Something could not be done; what was done is kept.
    Incomplete,
}

/// Runs the program and says how it went.
pub async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Writing help to a closed pipe is nobody's failure.
            let _ = usage.print();
            return ExitCode::from(if usage.use_stderr() { 2 } else { 0 });
        }
    };
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,llama-cpp-2=off,async_openai=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .init();
    let outcome = match cli.command {
        Command::Judge(args) => judge::run(*args).await,
        Command::Parse(args) => parse::run(args).await,
        Command::Prompts(args) => prompts::run(args),
        Command::Models(args) => models::run(args),
    };
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::GateFailed) => ExitCode::from(1),
        Ok(Outcome::Incomplete) => ExitCode::from(3),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(code(error.kind()))
        }
    }
}

/// 2 for what the caller can mend in the command, 3 for what could not be done.
fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Config | ErrorKind::Prompt | ErrorKind::Unsupported | ErrorKind::Record => 2,
        _ => 3,
    }
}

fn complain(error: &Error) {
    eprintln!("error: {}", report::escaped(&error.to_string()));
    for hint in error.hints() {
        eprintln!("hint: {}", report::escaped(hint));
    }
}

/// Says something that is no result.
fn note(text: &str) {
    eprintln!("{text}");
}

const CLOSED: &str = "the output was closed";

/// Writes a line of results and lets it go at once.
fn emit(out: &mut dyn Write, line: &str) -> Result<()> {
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|cause| match cause.kind() {
        io::ErrorKind::BrokenPipe => Error::new(ErrorKind::Io, CLOSED),
        _ => Error::new(ErrorKind::Io, "cannot write results")
            .because(cause)
            .hint("what was written before is kept; make room and run again"),
    })
}

/// A reader that has seen enough, such as `head`, is a success.
fn is_closed_pipe(error: &Error) -> bool {
    error.message() == CLOSED
}
