//! What the program says about the fields of records: which are shown to the judge, and which nothing reads.

use std::collections::BTreeSet;

use super::note;
use tribunal::{
    config::{Origin, Resolved},
    error::{Error, ErrorKind, Result, near},
    item::{FieldMap, Item, are_synonyms, is_filled, is_read_anyway},
    judge::Judge,
    prompt::{Prompt, View},
    report,
};

/// Says which fields of a record the judge is shown and which it is not, and what is odd about them.
pub(super) fn say(prompt: &Prompt, item: &Item, map: &FieldMap) {
    say_view(&prompt.view(item, map).uncompared(), prompt, item, map);
}

/// The same where verdicts are compared with labels of the records.
pub(super) fn say_with_label(prompt: &Prompt, item: &Item, map: &FieldMap) {
    say_view(&prompt.view(item, map), prompt, item, map);
}

fn say_view(view: &View, prompt: &Prompt, item: &Item, map: &FieldMap) {
    note(&report::escaped(&view.to_string()));
    for notice in prompt.notices(item, map) {
        warn(&notice);
    }
}

fn warn(notice: &str) {
    note(&format!("warning: {}", report::escaped(notice)));
}

/// Refuses fields that were mapped or set and that no prompt reads; in a configuration file, which may be
/// for several prompts, they are only reported.
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
    let map = resolved.fields()?;
    for (table, name) in map.names() {
        let Some(error) = unused(table, name, prompts, item) else { continue };
        match resolved.origin(&format!("{table}.{name}")) {
            Origin::File { .. } if quiet => (),
            Origin::File { .. } => warn(&error.to_string()),
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

/// The error of a mapped or set field that no prompt reads.
fn unused(table: &str, name: &str, prompts: &[&Prompt], item: Option<&Item>) -> Option<Error> {
    if is_read_anyway(name) {
        return None;
    }
    let use_of = |prompt: &&Prompt| Use::of(prompt, name, item);
    match prompts.iter().map(use_of).max_by_key(Use::rank)? {
        Use::Read => None,
        Use::Behind(other) => Some(behind(table, name, &other)),
        Use::None => Some(unread(table, name, prompts)),
    }
}

/// What a prompt does with a field that was mapped or set.
enum Use {
    /// Nothing.
    None,
    /// It reads this field of the same meaning instead.
    Behind(String),
    /// It reads the field.
    Read,
}

impl Use {
    fn of(prompt: &Prompt, name: &str, item: Option<&Item>) -> Self {
        let mut found = Self::None;
        for read in prompt.read_names() {
            let sources = item.map(|item| item.sources(read)).unwrap_or_default();
            if read == name || sources.contains(&name) {
                return Self::Read;
            }
            if are_synonyms(read, name) {
                match sources.first() {
                    Some(other) => found = Self::Behind((*other).to_owned()),
                    None => return Self::Read,
                }
            }
        }
        found
    }

    fn rank(&self) -> u8 {
        match self {
            Self::None => 0,
            Self::Behind(_) => 1,
            Self::Read => 2,
        }
    }
}

fn behind(table: &str, name: &str, other: &str) -> Error {
    let done = if table == "map" { "mapped" } else { "set" };
    Error::new(
        ErrorKind::Config,
        format!("the field `{name}` is {done}, and the record's own `{other}` is read"),
    )
    .hint(format!("give it the name that is read: `{other}`"))
}

fn unread(table: &str, name: &str, prompts: &[&Prompt]) -> Error {
    let done = if table == "map" { "mapped" } else { "set" };
    let names: Vec<&str> = prompts.iter().map(|prompt| prompt.name()).collect();
    let reads = if names.len() == 1 { "the prompt" } else { "none of the prompts" };
    let not = if names.len() == 1 { " does not read it" } else { " reads it" };
    let message =
        format!("the field `{name}` is {done}, and {reads} `{}`{not}", names.join("`, `"));
    let fields: BTreeSet<&str> = prompts.iter().flat_map(|prompt| prompt.read_names()).collect();
    let error = Error::new(ErrorKind::Config, message);
    if let Some(near) = near(name, fields.iter().copied()) {
        return error.hint(format!("did you mean `{near}`?"));
    }
    let all = fields.into_iter().collect::<Vec<_>>().join("`, `");
    error.hint(format!("it reads `{all}`; -p names a prompt that reads other fields"))
}

/// What is noticed about records while they go by: empty answers, and fields that the first record did not
/// have.
#[derive(Debug)]
pub(super) struct Noticed {
    judge: Judge,
    /// Names of filled fields that were seen already.
    names: BTreeSet<String>,
    /// Where answers are empty: how often, and the first place.
    empty: Option<(usize, String)>,
    /// What is known already.
    known: BTreeSet<String>,
    /// What was noticed later, each once.
    said: Vec<String>,
}

impl Noticed {
    /// Nothing yet, but what is said of the first record anyway.
    pub(super) fn new(judge: &Judge, first: Option<&Item>) -> Self {
        let mut noticed = Self {
            judge: judge.clone(),
            names: BTreeSet::new(),
            empty: None,
            known: BTreeSet::new(),
            said: Vec::new(),
        };
        if let Some(Ok(seen)) = first.map(|item| judge.seen(item)) {
            noticed.names.extend(filled(&seen).map(ToOwned::to_owned));
            noticed.known.extend(judge.prompt().notices(&seen, judge.field_map()));
        }
        noticed
    }

    /// Looks at a record as the judge sees it.
    pub(super) fn look(&mut self, seen: &Item, place: &str) {
        let prompt = self.judge.prompt();
        if prompt.shows_empty_answer(seen) {
            self.empty.get_or_insert_with(|| (0, place.to_owned())).0 += 1;
        }
        if filled(seen).all(|name| self.names.contains(name)) {
            return;
        }
        self.names.extend(filled(seen).map(ToOwned::to_owned));
        for notice in prompt.notices(seen, self.judge.field_map()) {
            if self.known.insert(notice.clone()) {
                self.said.push(format!("{place}: {notice}"));
            }
        }
    }

    /// Says what was noticed, with the first place of each kind.
    pub(super) fn say(&self) {
        if let Some((count, place)) = &self.empty {
            let (answers, are) = if *count == 1 { ("answer", "is") } else { ("answers", "are") };
            warn(&format!(
                "{count} {answers} {are} empty, and judged as empty; the first: {place}"
            ));
        }
        self.said.iter().for_each(|notice| warn(notice));
    }
}

fn filled(item: &Item) -> impl Iterator<Item = &str> {
    item.record().iter().filter(|(_, value)| is_filled(value)).map(|(name, _)| name.as_str())
}
