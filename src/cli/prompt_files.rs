//! `tribunal prompts new` and `tribunal prompts import`: prompt files to begin with.
//!
//! Neither overwrites a file. An import that would change what the grader means stops, and says what it cannot carry over;
//! `--partial` writes the rest.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use super::{Exit, emit, note};
use tribunal::{
    error::{Error, ErrorKind, Result},
    parse::Kind,
    prompt::{self, ImportOptions, Imported, Source},
    report,
};

/// Write a commented prompt file for a kind of verdict.
#[derive(Debug, clap::Args)]
pub(super) struct NewArgs {
    /// File to write; it must not exist.
    file: PathBuf,
    /// Kind of verdict: score, label, steps, preference, ranking, scores, criteria, critique or revision.
    #[arg(long, default_value = "score", value_parser = kind)]
    kind: Kind,
}

/// Make prompt files from the graders of another tool.
#[derive(Debug, clap::Args)]
pub(super) struct ImportArgs {
    /// File of the other tool; - reads standard input.
    file: String,
    /// File to write, or folder (no extension) [default: print].
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Source: python, openai, autoevals or promptfoo [default: detected].
    #[arg(long, value_name = "SOURCE")]
    from: Option<Source>,
    /// Kind of verdict of a Python template [default: score].
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Scale of a Python template, such as 1-5.
    #[arg(long)]
    scale: Option<String>,
    /// Rule that reads its verdict, such as 'Score: *'.
    #[arg(long, value_name = "RULE")]
    verdict: Option<String>,
    /// Write what can be carried over, and report the rest.
    #[arg(long)]
    partial: bool,
}

/// A kind by its name in prompt files.
fn kind(name: &str) -> Result<Kind> {
    serde_json::from_value(name.into()).map_err(|_| {
        let kinds =
            "score, label, steps, preference, ranking, scores, criteria, critique, revision";
        Error::new(ErrorKind::Config, format!("`{name}` is not a kind of verdict"))
            .hint(format!("one of {kinds}"))
    })
}

/// Runs `tribunal prompts new`.
///
/// # Errors
/// The file exists already, or cannot be written.
pub(super) fn new(args: &NewArgs) -> Result<Exit> {
    write(&args.file, prompt::start_of(args.kind))?;
    let shown = args.file.display();
    note(&format!("wrote {shown}"));
    note(&format!("next: tribunal prompts check {shown}"));
    Ok(Exit::Done)
}

/// Runs `tribunal prompts import`.
///
/// # Errors
/// The file cannot be read, nothing in it can become a prompt, something cannot be carried over and `--partial` is not
/// set, or a file to write exists already.
pub(super) fn import(args: ImportArgs) -> Result<Exit> {
    let text = read(&args.file)?;
    let name = if args.file == "-" { "imported" } else { stem(&args.file) };
    let options = ImportOptions {
        source: args.from,
        kind: args.kind,
        scale: args.scale,
        verdict: args.verdict,
    };
    let found = prompt::import(name, &text, &options)?;
    let losses: Vec<String> = (found.left_out.iter().cloned())
        .chain(
            found
                .prompts
                .iter()
                .flat_map(|one| one.lost.iter().map(move |lost| format!("{}: {lost}", one.name))),
        )
        .collect();
    if !losses.is_empty() && !args.partial {
        let message =
            format!("`{}` cannot be carried over as a whole: {}", args.file, losses.join("; "));
        return Err(Error::new(ErrorKind::Prompt, message).hint("--partial writes the rest"));
    }
    place(&found.prompts, args.output.as_deref())?;
    for prompt in &found.prompts {
        for noted in &prompt.notes {
            note(&format!("note: {}: {}", report::escaped(&prompt.name), report::escaped(noted)));
        }
    }
    losses
        .iter()
        .for_each(|lost| note(&format!("warning: not carried over: {}", report::escaped(lost))));
    Ok(Exit::Done)
}

/// Prints a single prompt, or writes the files. Several prompts need a folder; none is written where one exists.
fn place(prompts: &[Imported], output: Option<&Path>) -> Result<()> {
    let named: Vec<(PathBuf, &Imported)> = match (prompts, output) {
        ([one], None) => return emit(&mut io::stdout(), one.text.trim_end()),
        (_, None) => {
            let names: Vec<&str> = prompts.iter().map(|one| one.name.as_str()).collect();
            let message = format!("{} prompts were found: {}", prompts.len(), names.join(", "));
            return Err(
                Error::new(ErrorKind::Config, message).hint("name a folder for them with --output")
            );
        }
        ([one], Some(path)) if path.extension().is_some() && !path.is_dir() => {
            vec![(path.to_owned(), one)]
        }
        (several, Some(folder)) => {
            let file = |one: &Imported| folder.join(format!("{}.jinja", one.name));
            several.iter().map(|one| (file(one), one)).collect()
        }
    };
    if let Some((path, _)) = named.iter().find(|(path, _)| path.exists()) {
        return Err(exists(path));
    }
    for (path, one) in named {
        write(&path, &one.text)?;
        note(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// The error for a file that is not overwritten.
fn exists(path: &Path) -> Error {
    Error::new(ErrorKind::Config, format!("`{}` exists already", path.display()))
        .hint("name another file")
}

/// Writes a new file, in folders that are created.
fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    let created =
        folder.and_then(|()| fs::OpenOptions::new().write(true).create_new(true).open(path));
    let written = created.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => Error::new(ErrorKind::Io, format!("cannot write `{}`", path.display())).because(cause),
    })
}

/// The text of a file, or of standard input.
fn read(file: &str) -> Result<String> {
    let text = if file == "-" { io::read_to_string(io::stdin()) } else { fs::read_to_string(file) };
    text.map_err(|cause| Error::new(ErrorKind::Io, format!("cannot read `{file}`")).because(cause))
}

/// The name of a file without folder and ending.
fn stem(file: &str) -> &str {
    Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or("imported")
}
