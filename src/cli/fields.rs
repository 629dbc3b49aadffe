//! Messages about the fields of records: which the judge reads, which nothing reads, and which are empty.
//!
//! A judge that silently ignores half of a record is the most common way to judge the wrong thing. So before a run the
//! fields that are read and not read are printed, a field that is mapped and not read is an error. Warnings about
//! later records are printed at the end, each once with its first place. With `--quiet` records are not watched.
//!
//! ```text
//! shown to the judge: question, bot_reply (answer); not shown: user_message
//! warning: `gold` looks like a reference, which the prompt `score` does not read
//! ```

use std::collections::BTreeSet;

use super::{console::worded, note};
use tribunal::{
    Hint,
    config::{Resolved, SettingOrigin},
    error::{Error, ErrorKind, Result, near},
    item::{FieldMap, Item, are_synonyms, is_filled, is_read_anyway},
    judge::Judge,
    prompt::{Prompt, RecordView},
    report,
};

/// Prints which fields of a record the judge reads and which it does not, and warnings about them.
pub(super) fn print(prompt: &Prompt, item: &Item, map: &FieldMap) {
    print_view(&prompt.view(item, map).uncompared(), prompt, item, map);
}

/// The same where verdicts are compared with the records' own labels.
pub(super) fn print_with_label(prompt: &Prompt, item: &Item, map: &FieldMap) {
    print_view(&prompt.view(item, map), prompt, item, map);
}

/// Prints one line about the fields, and the warnings below it.
fn print_view(view: &RecordView, prompt: &Prompt, item: &Item, map: &FieldMap) {
    note(&report::escaped(&view.to_string()));
    for notice in prompt.notices(item, map) {
        warn(&worded(&notice));
    }
}

/// Prints a warning, which may hold names of fields from a record.
fn warn(notice: &str) {
    note(&format!("warning: {}", report::escaped(notice)));
}

/// Rejects mapped or set fields that no prompt reads. In a configuration file, which may serve several prompts, they
/// are only a warning.
///
/// # Errors
/// A flag or a variable maps or sets a field that nothing reads.
pub(super) fn check_names(
    resolved: &Resolved,
    prompts: &[&Prompt],
    item: Option<&Item>,
    quiet: bool,
) -> Result<()> {
    if resolved.is_jury() {
        let mut members = resolved.members.iter();
        return members.try_for_each(|member| check_names(member, prompts, item, quiet));
    }
    let map = resolved.fields();
    for (table, name) in map.names() {
        let Some(error) = unused(table, name, prompts, item) else { continue };
        match resolved.origin(&format!("{table}.{name}")) {
            SettingOrigin::File { .. } if quiet => (),
            SettingOrigin::File { .. } => warn(&error.to_string()),
            _ => return Err(error),
        }
    }
    Ok(())
}

/// The same for one prompt whose fields are mapped by flags alone.
///
/// # Errors
/// The prompt does not read a field that is mapped.
pub(super) fn check_mapped(map: &FieldMap, prompt: &Prompt, item: &Item) -> Result<()> {
    let problem = |(table, name)| unused(table, name, &[prompt], Some(item));
    map.names().find_map(problem).map_or(Ok(()), Err)
}

/// The error for a mapped or set field that no prompt reads.
fn unused(table: &str, name: &str, prompts: &[&Prompt], item: Option<&Item>) -> Option<Error> {
    if is_read_anyway(name) {
        return None;
    }
    let use_of = |prompt: &&Prompt| FieldUse::of(prompt, name, item);
    match prompts.iter().map(use_of).max()? {
        FieldUse::Read => None,
        FieldUse::Shadowed(other) => Some(shadowed(table, name, &other)),
        FieldUse::None => Some(unread(table, name, prompts)),
    }
}

/// What a prompt does with a field that was mapped or set, from the least to the most.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum FieldUse {
    /// It ignores the field.
    None,
    /// It reads this field of the same meaning instead.
    Shadowed(String),
    /// It reads the field.
    Read,
}

impl FieldUse {
    /// What this prompt does with the field `name` of a record like `item`.
    ///
    /// A prompt that reads the field under its own name, or accepts it as a synonym, reads it. Of two synonyms that a
    /// record has, only one is read: the other one is shadowed.
    fn of(prompt: &Prompt, name: &str, item: Option<&Item>) -> Self {
        let mut found = Self::None;
        for read in prompt.read_names() {
            let sources = item.map(|item| item.sources(read)).unwrap_or_default();
            if read == name || sources.contains(&name) {
                return Self::Read;
            }
            if are_synonyms(read, name) {
                match sources.first() {
                    Some(other) => found = Self::Shadowed((*other).to_owned()),
                    None => return Self::Read,
                }
            }
        }
        found
    }
}

/// The error for a field of the same meaning as another one that the record has.
fn shadowed(table: &str, name: &str, other: &str) -> Error {
    let done = if table == "map" { "mapped" } else { "set" };
    Error::new(
        ErrorKind::Config,
        format!("the field `{name}` is {done}, but the record's own field `{other}` is read"),
    )
    .hint(Hint::from("use the name that is read: ").setting(table.to_owned(), format!("{other}=…")))
}

/// The error for a field that no prompt reads.
fn unread(table: &str, name: &str, prompts: &[&Prompt]) -> Error {
    let done = if table == "map" { "mapped" } else { "set" };
    let names: Vec<&str> = prompts.iter().map(|prompt| prompt.name()).collect();
    let list = names.join("`, `");
    let message = match names.len() {
        1 => format!("the field `{name}` is {done}, but the prompt `{list}` does not read it"),
        _ => format!("the field `{name}` is {done}, but none of the prompts `{list}` reads it"),
    };
    let fields: BTreeSet<&str> = prompts.iter().flat_map(|prompt| prompt.read_names()).collect();
    let error = Error::new(ErrorKind::Config, message);
    if let Some(near) = near(name, fields.iter().copied()) {
        return error.hint(format!("did you mean `{near}`?"));
    }
    let all = fields.into_iter().collect::<Vec<_>>().join("`, `");
    error.hint(format!("fields that are read: `{all}`; -p names another prompt"))
}

/// Checks records while they are judged for what the first one did not have: empty answers, and other fields.
#[derive(Debug)]
pub(super) struct Watch {
    judge: Judge,
    /// Names of the filled fields so far.
    names: BTreeSet<String>,
    /// The number of empty answers, and the place of the first.
    empty: Option<(usize, String)>,
    /// Warnings so far, with those of the first record.
    known: BTreeSet<String>,
    /// Warnings to print, each with its first place.
    warnings: Vec<String>,
}

impl Watch {
    /// Starts with the first record, whose own warnings are printed elsewhere.
    pub(super) fn new(judge: &Judge, first: Option<&Item>) -> Self {
        let mut watch = Self {
            judge: judge.clone(),
            names: BTreeSet::new(),
            empty: None,
            known: BTreeSet::new(),
            warnings: Vec::new(),
        };
        if let Some(Ok(seen)) = first.map(|item| judge.seen(item)) {
            watch.names.extend(filled(&seen).map(ToOwned::to_owned));
            let notices = judge.prompt().notices(&seen, judge.field_map());
            watch.known.extend(notices.iter().map(worded));
        }
        watch
    }

    /// Checks one record as the judge reads it.
    pub(super) fn check(&mut self, seen: &Item, place: &str) {
        let prompt = self.judge.prompt();
        if prompt.shows_empty_answer(seen) {
            self.empty.get_or_insert_with(|| (0, place.to_owned())).0 += 1;
        }
        if filled(seen).all(|name| self.names.contains(name)) {
            return;
        }
        self.names.extend(filled(seen).map(ToOwned::to_owned));
        for notice in prompt.notices(seen, self.judge.field_map()).iter().map(worded) {
            if self.known.insert(notice.clone()) {
                self.warnings.push(format!("{place}: {notice}"));
            }
        }
    }

    /// Prints the warnings, each with its first place.
    pub(super) fn print(&self) {
        if let Some((count, place)) = &self.empty {
            let (answers, are) = if *count == 1 { ("answer", "is") } else { ("answers", "are") };
            warn(&format!(
                "{count} {answers} {are} empty and judged as such; the first is {place}"
            ));
        }
        self.warnings.iter().for_each(|notice| warn(notice));
    }
}

/// The names of the fields that hold something.
fn filled(item: &Item) -> impl Iterator<Item = &str> {
    item.record().iter().filter(|(_, value)| is_filled(value)).map(|(name, _)| name.as_str())
}
