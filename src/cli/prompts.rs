//! `tribunal prompts`

use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use super::{Outcome, complain, emit, fields, note, talk::emit_coloured, width};
use tribunal::{
    error::{Error, ErrorKind, Result},
    item::{FieldMap, Item},
    judge,
    judging::{Facts, Member, Panel},
    prompt::{self, Need, Order, Prompt},
    records, report,
    request::{Ask, Capabilities, Origin, Request},
};

/// List, show, check and render prompts.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The built-in prompts.
    List {
        /// Show kind, fields and whether the verdict has probabilities.
        #[arg(long)]
        table: bool,
    },
    /// The text of a prompt, ready to be copied and edited.
    Show {
        /// Built-in name or file.
        prompt: String,
    },
    /// Read prompts and run them on a sample record, without a model.
    Check {
        /// Built-in names or files.
        #[arg(required = true)]
        prompts: Vec<String>,
        /// Exit with 2 where there is a warning.
        #[arg(long)]
        strict: bool,
    },
    /// Print exactly what would be sent for a record; data in another colour.
    Render {
        /// Built-in name or file.
        prompt: String,
        /// A file with records; - is standard input.
        file: String,
        /// Which record, counted from 0.
        #[arg(long, default_value_t = 0)]
        index: usize,
        /// Let the prompt's field NEW be the record's field OLD; repeatable.
        #[arg(long, value_name = "NEW=OLD")]
        map: Vec<FieldMap>,
    },
}

pub(super) fn run(args: Args) -> Result<Outcome> {
    match args.command {
        Command::List { table: false } => list(),
        Command::List { table: true } => table(),
        Command::Show { prompt } => {
            emit(&mut io::stdout(), judge::load(&prompt)?.source().trim_end())
                .map(|()| Outcome::Done)
        }
        Command::Check { prompts, strict } => check(&prompts, strict),
        Command::Render { prompt, file, index, map } => render(&prompt, &file, index, map),
    }
}

fn list() -> Result<Outcome> {
    for prompt in prompt::built_in()? {
        let front = prompt.front();
        let summary = front.summary.as_deref().unwrap_or_default();
        let name = format!("{:<16} {:<11} ", prompt.name(), front.kind.name());
        emit(&mut io::stdout(), &width::listed(&name, summary, width::of_stdout()))?;
    }
    Ok(Outcome::Done)
}

/// The built-in prompts with what they judge, what they read, and what their verdicts have.
fn table() -> Result<Outcome> {
    let row = |prompt: &std::sync::Arc<Prompt>| {
        let kind = prompt.front().kind.name().to_owned();
        [prompt.name().to_owned(), kind, fields_of(prompt), probabilities(prompt)]
    };
    let heads = ["name", "kind", "fields", "probabilities"].map(ToOwned::to_owned);
    let rows: Vec<[String; 4]> =
        std::iter::once(heads).chain(prompt::built_in()?.iter().map(row)).collect();
    let width = |n: usize| rows.iter().map(|row| row[n].chars().count()).max().unwrap_or(0);
    let (name, kind, fields) = (width(0), width(1), width(2));
    for [one, two, three, four] in &rows {
        emit(&mut io::stdout(), &format!("{one:name$}  {two:kind$}  {three:fields$}  {four}"))?;
    }
    Ok(Outcome::Done)
}

/// Whether the verdict of a prompt has probabilities, and of how many values.
fn probabilities(prompt: &Prompt) -> String {
    match prompt.evaluated() {
        Ok(menu) if menu.each_step => "yes, of every step and of none".into(),
        Ok(menu) => format!("yes, of {} values", menu.values.len()),
        Err(why) => format!("no: {why}"),
    }
}

/// The fields that a prompt reads; those that a record may lack with a question mark.
fn fields_of(prompt: &Prompt) -> String {
    let name = |field: &prompt::Field| match field.need {
        Need::Required => field.name.clone(),
        Need::Optional | Need::Default(_) => format!("{}?", field.name),
    };
    prompt.fields().iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The values of a verdict as they will be evaluated, or why they will not be.
fn evaluated(prompt: &Prompt) -> String {
    let menu = match prompt.evaluated() {
        Ok(menu) => menu,
        Err(why) => return format!("no probabilities: {why}"),
    };
    let mut values: Vec<String> =
        menu.values.iter().map(|value| format!("{:?}", value.text)).collect();
    if menu.each_step {
        values.push("… one for every step".into());
    }
    let place = match menu.announcement.as_str() {
        "" => "at the start of the answer".to_owned(),
        words => format!("after {words:?}"),
    };
    format!("values evaluated {place}: {}", values.join(", "))
}

/// Reads every prompt, also after one that is wrong.
fn check(prompts: &[String], strict: bool) -> Result<Outcome> {
    let (mut warned, mut wrong) = (0, Vec::new());
    for name in prompts {
        match judge::load(name) {
            Ok(prompt) => warned += describe(name, &prompt)?,
            Err(error) => wrong.push(error),
        }
    }
    let last = wrong.pop();
    wrong.iter().for_each(complain);
    match last {
        Some(error) => Err(error),
        None if strict && warned > 0 => Err(Error::new(
            ErrorKind::Prompt,
            format!("{warned} warnings, and --strict allows none"),
        )),
        None => Ok(Outcome::Done),
    }
}

/// Prints what a prompt judges and reads, and its warnings; gives their number.
fn describe(name: &str, prompt: &Prompt) -> Result<usize> {
    let judges = prompt.front().kind.name();
    let fields = fields_of(prompt);
    emit(&mut io::stdout(), &format!("{name}: judges {judges}, reads {fields}"))?;
    emit(&mut io::stdout(), &format!("  {}", evaluated(prompt)))?;
    let warnings = prompt.warnings();
    for warning in &warnings {
        note(&format!("warning: {}: {}", report::escaped(name), report::escaped(warning)));
    }
    Ok(warnings.len())
}

/// Shows every request of a run whose answers are made up.
fn render(name: &str, file: &str, index: usize, map: Vec<FieldMap>) -> Result<Outcome> {
    let prompt = judge::load(name)?;
    let mut all = records::read(records::sources(&[file])?, records::Options::default());
    let record = all.nth(index).ok_or_else(|| {
        Error::new(ErrorKind::Config, format!("`{file}` has no record {index}"))
            .hint("--index counts from 0")
    })?;
    let map = map.into_iter().fold(FieldMap::default(), FieldMap::and);
    let item: Item = map.apply(&record.item?).map_err(|error| error.within(&record.place))?;
    fields::check_mapped(&map, &prompt, &item)?;
    fields::say(&prompt, &item, &map);
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
        note(&format!("and so on for {rest} more"));
    }
    Ok(Outcome::Done)
}

/// The turns with their roles; data blue and the model's words green where colour is welcome.
pub(super) fn shown(request: &Request, terminal: bool) -> String {
    let coloured = terminal && std::env::var_os("NO_COLOR").is_none();
    let mut text = String::new();
    for message in &request.messages {
        text.push_str(&format!("{}:\n", message.role.name()));
        for part in &message.parts {
            let said = part.as_text();
            let clean = if terminal { report::escaped_lines(said) } else { said.to_owned() };
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
        Ask::Generate { .. } if request.open => text.push_str("⟨the model writes on here⟩"),
        Ask::Generate { .. } => text.push_str("assistant:\n⟨the model writes here⟩"),
        other => text.push_str(&format!("⟨{}⟩", other.name())),
    }
    text
}
