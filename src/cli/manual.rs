//! `tribunal completions` and `tribunal man`, generated from the definitions of the help.
//!
//! Both are printed on standard output, for the shell or `man` to read; packagers call them when they build.

use std::io;

use clap_complete::Shell;

use super::{Exit, console::cannot_print};
use tribunal::error::Result;

/// Print a completion script for a shell.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  tribunal completions bash > ~/.local/share/bash-completion/completions/tribunal"
)]
pub(super) struct Completions {
    /// Shell to complete for.
    shell: Shell,
}

/// Print the man page.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tribunal man | man -l -")]
pub(super) struct Man;

/// Prints the completion script of a shell.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn completions(args: &Completions) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "tribunal", &mut script);
    print(&script)
}

/// One page for the program, with a section for every command.
pub(super) fn man() -> Result<Exit> {
    let mut page = Vec::new();
    let mut command = super::command();
    command.build();
    render(&command, &mut page)?;
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        render(command, &mut page)?;
    }
    print(&page)
}

/// Appends the section of one command to the page.
fn render(command: &clap::Command, page: &mut Vec<u8>) -> Result<()> {
    clap_mangen::Man::new(command.clone()).render(page).map_err(cannot_print)
}

/// Writes everything to standard output at once.
fn print(bytes: &[u8]) -> Result<Exit> {
    let written = io::Write::write_all(&mut io::stdout(), bytes);
    written.map(|()| Exit::Done).map_err(cannot_print)
}
