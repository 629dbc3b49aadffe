//! The built-in prompts as a table, and as the page `docs/catalogue.md`.

use std::{fmt::Write as _, io};

use super::{Exit, emit, width};
use tribunal::{
    error::Result,
    prompt::{self, CheckedOn, Need, Order, Prompt},
};

/// Prints the built-in prompts, one per line with its kind and summary.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn list() -> Result<Exit> {
    let names = prompt::names().map(|name| name.chars().count());
    let longest = names.max().unwrap_or(0);
    for prompt in prompt::built_in()? {
        let front = prompt.front();
        let summary = front.summary.as_deref().unwrap_or_default();
        let name = format!("{:<longest$} {:<11} ", prompt.name(), front.kind.name());
        emit(&mut io::stdout(), &width::listed(&name, summary, width::of_stdout()))?;
    }
    Ok(Exit::Done)
}

/// The columns of the table.
const COLUMNS: [&str; 7] =
    ["name", "kind", "needs", "format", "probabilities", "checked on", "source"];

/// Prints the built-in prompts with everything that one chooses them by.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn table() -> Result<Exit> {
    let heads = COLUMNS.map(ToOwned::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(heads)
        .chain(prompt::built_in()?.iter().map(|prompt| row(prompt)))
        .collect();
    let width = |n: usize| rows.iter().map(|row| row[n].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    for row in &rows {
        let mut line = String::new();
        for (text, width) in row.iter().zip(&widths) {
            // Writing to a string never fails.
            let _ = write!(line, "{text:<width$}  ");
        }
        emit(&mut io::stdout(), line.trim_end())?;
    }
    Ok(Exit::Done)
}

fn row(prompt: &Prompt) -> [String; 7] {
    let front = prompt.front();
    [
        prompt.name().to_owned(),
        front.kind.name().to_owned(),
        fields_of(prompt),
        format_of(prompt),
        if prompt.has_probabilities() { "yes" } else { "no" }.to_owned(),
        front.about.checked_on.map_or("", CheckedOn::name).to_owned(),
        front.source.clone().unwrap_or_default(),
    ]
}

/// The fields that a prompt reads, optional ones with a question mark.
pub(super) fn fields_of(prompt: &Prompt) -> String {
    let name = |field: &prompt::Field| match field.need {
        Need::Required => field.name.clone(),
        Need::Optional | Need::Default(_) => format!("{}?", field.name),
    };
    prompt.fields().iter().map(name).collect::<Vec<_>>().join(", ")
}

/// How the verdict is written: the rules that read it.
fn format_of(prompt: &Prompt) -> String {
    let rules = &prompt.front().rules;
    if rules.is_empty() {
        return "the whole text".into();
    }
    rules.iter().map(tribunal::parse::Rule::name).collect::<Vec<_>>().join(" or ")
}

/// Prints the page about all built-in prompts, as Markdown.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn page() -> Result<Exit> {
    let mut page = String::from(
        "# The catalogue\n\n\
         The built-in prompts, printed by `tribunal prompts list --markdown`. `-p NAME` uses one; `tribunal prompts show NAME` prints its text, ready to be edited. \
         *Needs* are the fields of a record that it reads, optional ones with a question mark; other names of a field are found, too ([prompt files](prompts.md)). \
         *Format* is how the judge writes its verdict. *Checked on* says how far a prompt was checked: `reader`, its rules were run on collected answers of judges; `model`, it was run on a model that it is for; nothing, neither was done. No figure about the quality of a judge is implied.\n",
    );
    for prompt in prompt::built_in()? {
        describe(&mut page, prompt);
    }
    emit(&mut io::stdout(), page.trim_end())?;
    Ok(Exit::Done)
}

/// Adds the section about one prompt.
fn describe(page: &mut String, prompt: &Prompt) {
    let front = prompt.front();
    let about = &front.about;
    let code = |text: String| if text.is_empty() { text } else { format!("`{text}`") };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let facts = [
        ("use it for", text(&about.use_for)),
        ("not for", text(&about.not_for)),
        ("needs", code(fields_of(prompt))),
        ("format", code(format_of(prompt))),
        ("probabilities", if prompt.has_probabilities() { "yes" } else { "no" }.into()),
        ("order", front.order.map_or("", Order::name).into()),
        ("draws", if front.draws > 1 { front.draws.to_string() } else { String::new() }),
        ("models", code(front.models.join(", "))),
        (
            "an unreadable answer in the official code",
            about.failure.map(|failure| failure.to_string()).unwrap_or_default(),
        ),
        ("checked on", about.checked_on.map_or("", CheckedOn::name).into()),
        ("source", text(&front.source)),
    ];
    let (name, summary, kind) = (prompt.name(), text(&front.summary), front.kind.name());
    // Writing to a string never fails.
    let _ = writeln!(page, "\n## {name}\n\n{summary} (`{kind}`)\n");
    for (what, fact) in facts.iter().filter(|(_, fact)| !fact.is_empty()) {
        let _ = writeln!(page, "- {what}: {fact}");
    }
}
