//! `tribunal prompts`: built-in prompts, and checks of your own.
//!
//! `render` and `check` run a prompt as the judge does, with made-up answers in place of a model's. So they show exactly
//! what would be sent: roles, marks and the order of answers included. On a terminal the parts of a message
//! are coloured by their origin. The library uses the same origins: only the prompt author's text may hold turns and
//! control tokens.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use super::{
    Exit, catalogue,
    console::{emit_coloured, is_coloured},
    emit, fields, note, print_error, prompt_files,
};
use tribunal::{
    error::{Error, ErrorKind, Result},
    item::{FieldMap, Item},
    judge,
    judging::{Facts, Member, Panel},
    prompt::{Order, Prompt},
    records, report,
    request::{Ask, Capabilities, Origin, Request},
    units::counted,
};

/// List, show, check, render, write and import prompts.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What to do with prompts.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the built-in prompts.
    List {
        /// Show fields, format, probabilities, checks and source.
        #[arg(long)]
        table: bool,
        /// Print the catalogue of all prompts, as Markdown.
        #[arg(long, conflicts_with = "table")]
        markdown: bool,
    },
    /// Print the text of a prompt, ready to be edited.
    Show {
        /// Built-in name or file.
        prompt: String,
    },
    /// Check prompts on a sample record, without a model.
    Check {
        /// Built-in names or files.
        #[arg(required = true)]
        prompts: Vec<String>,
        /// File of records, for warnings about prompt caches.
        #[arg(long, value_name = "FILE")]
        records: Option<String>,
        /// Exit with 2 if there are warnings.
        #[arg(long)]
        strict: bool,
    },
    /// Print exactly what would be sent for a record.
    Render {
        /// Built-in name or file.
        prompt: String,
        /// File of records; - reads standard input.
        file: String,
        /// Index of the record, counted from 0.
        #[arg(long, value_name = "N", default_value_t = 0)]
        index: usize,
        /// Read field NEW from the record's field OLD; repeatable.
        #[arg(long, value_name = "NEW=OLD")]
        map: Vec<FieldMap>,
    },
    /// Write a commented prompt file for a kind of verdict.
    New(prompt_files::NewArgs),
    /// Make prompt files from the graders of another tool.
    Import(prompt_files::ImportArgs),
}

/// Runs `tribunal prompts`.
///
/// # Errors
/// A prompt or a file cannot be read, a record does not fit, or `--strict` meets a warning.
pub(super) fn run(args: Args) -> Result<Exit> {
    match args.command {
        Command::List { markdown: true, .. } => catalogue::page(),
        Command::List { table: true, .. } => catalogue::table(),
        Command::List { .. } => catalogue::list(),
        Command::Show { prompt } => {
            emit(&mut io::stdout(), judge::load(&prompt)?.source().trim_end()).map(|()| Exit::Done)
        }
        Command::Check { prompts, records, strict } => check(&prompts, records.as_deref(), strict),
        Command::Render { prompt, file, index, map } => render(&prompt, &file, index, map),
        Command::New(args) => prompt_files::new(&args),
        Command::Import(args) => prompt_files::import(args),
    }
}

/// The values of a verdict as they will be evaluated, or why there are no probabilities.
fn evaluated(prompt: &Prompt) -> String {
    let menu = match prompt.evaluated() {
        Ok(menu) => menu,
        Err(why) => return format!("no probabilities: {why}"),
    };
    let mut values: Vec<String> =
        menu.values.iter().map(|value| format!("{:?}", value.text)).collect();
    if menu.each_step {
        values.push("… one per step".into());
    }
    let place = match menu.announcement.as_str() {
        "" => "at the start of the answer".to_owned(),
        words => format!("after {words:?}"),
    };
    format!("probabilities, {place}: {}", values.join(", "))
}

/// How many records are looked at.
const LOOKED_AT: usize = 200;

/// Checks every prompt, also after one that is wrong.
fn check(prompts: &[String], file: Option<&str>, strict: bool) -> Result<Exit> {
    let mut items: Vec<Item> = Vec::new();
    if let Some(file) = file {
        let all = records::read(records::sources(&[file])?, records::ReadOptions::default());
        items.extend(all.take(LOOKED_AT).filter_map(|record| record.item.ok()));
    }
    let (mut warned, mut wrong) = (0, Vec::new());
    for name in prompts {
        match judge::load(name) {
            Ok(prompt) => warned += describe(name, &prompt, &items)?,
            Err(error) => wrong.push(error),
        }
    }
    let last = wrong.pop();
    wrong.iter().for_each(print_error);
    match last {
        Some(error) => Err(error),
        None if strict && warned > 0 => {
            Err(Error::new(ErrorKind::Prompt, format!("--strict: {}", counted(warned, "warning"))))
        }
        None => Ok(Exit::Done),
    }
}

/// Prints what a prompt judges and reads, and its warnings; returns their number.
fn describe(name: &str, prompt: &Prompt, items: &[Item]) -> Result<usize> {
    let kind = match prompt.front().kind.name() {
        "scores" => "list of scores",
        "criteria" => "score per criterion",
        "steps" => "verdict on steps",
        other => other,
    };
    let fields = catalogue::fields_of(prompt);
    let optional = if fields.contains('?') { " (? is optional)" } else { "" };
    emit(&mut io::stdout(), &format!("{name}: gives a {kind}, reads {fields}{optional}"))?;
    emit(&mut io::stdout(), &format!("  {}", evaluated(prompt)))?;
    let variables: Vec<String> =
        prompt.front().template.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !variables.is_empty() {
        let variables = report::escaped(&variables.join(", "));
        emit(&mut io::stdout(), &format!("  variables of the chat template: {variables}"))?;
    }
    let mut warnings = prompt.warnings();
    warnings.extend(prompt.late_texts(items));
    for warning in &warnings {
        note(&format!("warning: {}: {}", report::escaped(name), report::escaped(warning)));
    }
    Ok(warnings.len())
}

/// Prints every request for one record, with made-up answers between them.
fn render(name: &str, file: &str, index: usize, map: Vec<FieldMap>) -> Result<Exit> {
    let prompt = judge::load(name)?;
    let mut all = records::read(records::sources(&[file])?, records::ReadOptions::default());
    let record = all.nth(index).ok_or_else(|| {
        Error::new(ErrorKind::Config, format!("`{file}` has no record {index}"))
            .hint("--index counts records from 0")
    })?;
    let map = map.into_iter().fold(FieldMap::default(), FieldMap::and);
    let item: Item = map.apply(&record.item?).map_err(|error| error.within(&record.place))?;
    fields::check_mapped(&map, &prompt, &item)?;
    fields::print(&prompt, &item, &map);
    let member = Member::new(prompt.name(), prompt.clone())?.drawing(1).ordering(Order::Given);
    let panel = Arc::new(Panel::single(member.keeping(std::env::var("TRIBUNAL_SECRET").ok())));
    let asks = panel.rehearse(&item, &Facts::all(Capabilities::ALL))?;
    let first = asks.iter().filter(|(id, _)| id.element.is_none_or(|element| element == 0));
    for (n, (_, request)) in first.enumerate() {
        note(&format!("request {}:", n + 1));
        emit_coloured(&mut io::stdout(), &shown(request, io::stdout().is_terminal()))?;
    }
    let rest = prompt.elements(&item).saturating_sub(1);
    if rest > 0 {
        note(&format!("… and the same for {rest} more"));
    }
    Ok(Exit::Done)
}

/// The turns of a request with their roles; on a terminal data is blue, and text of the model green.
pub(super) fn shown(request: &Request, terminal: bool) -> String {
    let coloured = is_coloured(terminal);
    let mut text = String::new();
    for message in &request.messages {
        text.push_str(&format!("{}:\n", message.role.name()));
        for part in &message.parts {
            let raw = part.as_text();
            let clean = if terminal { report::escaped_lines(raw) } else { raw.to_owned() };
            match part.origin {
                Origin::Data if coloured => text.push_str(&format!("\u{1b}[34m{clean}\u{1b}[0m")),
                Origin::Model if coloured => text.push_str(&format!("\u{1b}[32m{clean}\u{1b}[0m")),
                _ => text.push_str(&clean),
            }
        }
        text.push('\n');
    }
    match &request.ask {
        Ask::Choose { labels } => text.push_str(&format!("⟨choose among {labels:?}⟩")),
        Ask::Generate { .. } if request.open => text.push_str("⟨the model continues here⟩"),
        Ask::Generate { .. } => text.push_str("assistant:\n⟨the model writes here⟩"),
        other => text.push_str(&format!("⟨{}⟩", other.name())),
    }
    text
}
