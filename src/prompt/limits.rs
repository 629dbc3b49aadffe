//! Limits on what a template may do. Prompt files and the chat templates inside of model files come from anywhere.
//!
//! The engine stops a template that runs too long or prints too much (its *fuel*). It misses three things: lists that
//! grow by `+`, values that are nested ever more deeply, and expressions so deep that the engine's own parser overflows
//! the stack. [`metered`] refuses the last before the parser runs. It also rewrites the template so that the operands of
//! `+`, literals and the values of `set` pass through a filter, which charges them to the fuel and refuses deep nesting:
//!
//! ```text
//! {% set ns.l = ns.l + [x] %}   becomes   {% set ns.l = ((ns.l)|__sum + (([x]|__kept))|__sum)|__held %}
//! ```
//!
//! The result of a template that stays within the limits does not change.

mod tag;

use std::{io, sync::LazyLock};

use minijinja::{Environment, Error, ErrorKind, State, Value, value::Kwargs, value::ValueKind};
use regex::Regex;

use self::tag::Tag;

/// The fuel of one rendering: enough for a long prompt with loops. An endless loop stops within milliseconds.
const FUEL: u64 = 1_000_000;

/// The deepest stack of loops, macros and blocks while a template renders.
const DEEPEST: usize = 64;

/// The deepest nesting of lists and maps.
const DEEPEST_VALUE: usize = 32;

/// The largest template, in bytes.
const LARGEST: usize = 512 << 10;

/// The largest JSON that `tojson` writes, in bytes.
const LARGEST_JSON: usize = 4 << 20;

/// The most tokens of one expression, brackets and what stands before them included. Earlier entries of a list do not
/// count, since they are not nested.
const LONGEST: usize = 400;

/// The most brackets inside of one another.
const BRACKETS: usize = 32;

/// The most `elif` of a template: the parser nests each in the one before.
const BRANCHES: usize = 256;

/// Why a template is refused before it is parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LimitExceeded {
    /// The line in the template, from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) message: String,
}

/// A template whose growing values are metered, for an environment that [`meter`] has prepared.
///
/// # Errors
/// The template, one of its expressions, or its nesting is larger than the limits.
pub(crate) fn metered(source: &str) -> Result<String, LimitExceeded> {
    let exceeded = |at: usize, message: String| LimitExceeded {
        line: source[..at].matches('\n').count() + 1,
        message,
    };
    if source.len() > LARGEST {
        let message = format!("the template has more than {} KiB", LARGEST >> 10);
        return Err(exceeded(0, message));
    }
    let mut insertions: Vec<(usize, &'static str)> = Vec::new();
    let mut branches = 0;
    let mut at = 0;
    while let Some(found) = find(&source[at..], &TAG) {
        let (start, end) = (at + found.0, at + found.1);
        let kind = &source[start..start + 2];
        at = match kind {
            "{#" => after(source, end, "#}"),
            "{%" if RAW.is_match(&source[start..]) => after_raw(source, end),
            _ => {
                let mut tag = Tag::new(source, kind == "{%", &mut insertions);
                let end = tag.read(end).map_err(|(at, message)| exceeded(at, message))?;
                branches += usize::from(tag.word == "elif");
                end
            }
        };
        if branches > BRANCHES {
            return Err(exceeded(start, format!("the template has more than {BRANCHES} `elif`")));
        }
    }
    insertions.sort_by_key(|(at, _)| *at);
    let mut text = String::with_capacity(source.len() + 16 * insertions.len());
    let mut from = 0;
    for (at, inserted) in insertions {
        text.push_str(&source[from..at]);
        text.push_str(inserted);
        from = at;
    }
    text.push_str(&source[from..]);
    Ok(text)
}

/// An expression of a metered template as its author wrote it, apart from brackets; for error messages.
pub(crate) fn as_written(expression: &str) -> String {
    let filters = ["|__sum", "|__held", "|__kept"];
    filters.iter().fold(expression.to_owned(), |text, name| text.replace(name, ""))
}

/// Sets the limits of an environment, and adds the filters that [`metered`] templates use.
pub(crate) fn meter(environment: &mut Environment<'_>) {
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEEPEST);
    environment.set_unknown_method_callback(method);
    environment.add_filter("__sum", summed);
    environment.add_filter("__held", |state: &State, value: Value| held(state, value, false));
    environment.add_filter("__kept", |state: &State, value: Value| held(state, value, true));
    environment.add_filter("tojson", json);
    environment.add_function("dict", |state: &State, value: Option<Value>, more: Kwargs| {
        held(state, minijinja::functions::dict(value, more)?, false)
    });
    let namespace = environment.globals().find(|(name, _)| *name == "namespace");
    if let Some(namespace) = namespace.map(|(_, value)| value) {
        let made = move |state: &mut State, value: Option<Value>, more: Kwargs| {
            let value = value.unwrap_or_else(|| Value::from(more));
            let made = namespace.call(state, &[value])?;
            held(state, made, true)
        };
        environment.add_function("namespace", made);
    }
    // They nest values outside of what is metered, and Jinja2 does not have them.
    for filter in ["zip", "chain"] {
        environment.remove_filter(filter);
    }
}

/// The beginning of a tag.
static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"\{[{%#]"));
/// A tag that begins text without tags.
static RAW: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\{%[-+]?\s*raw\s*[-+]?%\}"));
/// The tag that ends such text.
static END_OF_RAW: LazyLock<Regex> = LazyLock::new(|| pattern(r"\{%[-+]?\s*endraw\s*[-+]?%\}"));

/// Compiles a constant expression.
fn pattern(pattern: &str) -> Regex {
    #[expect(clippy::unwrap_used, reason = "the pattern is a constant")]
    Regex::new(pattern).unwrap()
}

/// The first match of an expression: its first byte, and the one after its last.
fn find(text: &str, pattern: &Regex) -> Option<(usize, usize)> {
    pattern.find(text).map(|found| (found.start(), found.end()))
}

/// The byte after the next `end`, or the end of the text.
fn after(text: &str, from: usize, end: &str) -> usize {
    text[from..].find(end).map_or(text.len(), |found| from + found + end.len())
}

/// The byte after the end of raw text.
fn after_raw(text: &str, from: usize) -> usize {
    find(&text[from..], &END_OF_RAW).map_or(text.len(), |(_, end)| from + end)
}

/// Filter `__sum`: an operand of `+`. A list is charged by its length, and copied, since the engine joins lists lazily.
fn summed(state: &State, value: Value) -> Result<Value, Error> {
    if value.is_tuple() || !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Ok(value);
    }
    let mut items = Vec::new();
    for item in value.try_iter()? {
        state.consume_fuel(1)?;
        items.push(item);
    }
    Ok(Value::from(items))
}

/// Filters `__held` and `__kept`: a value that is stored. Everything in it is charged, and it must not be nested deeply
/// or contain itself.
fn held(state: &State, value: Value, may_be_namespace: bool) -> Result<Value, Error> {
    if is_namespace(&value) && !may_be_namespace {
        return Err(refused("a namespace cannot be kept in another value"));
    }
    charge(state, &value, 0)?;
    Ok(value)
}

/// Charges a value and everything in it, and refuses deep nesting.
fn charge(state: &State, value: &Value, depth: usize) -> Result<(), Error> {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return Ok(());
    }
    if depth > DEEPEST_VALUE {
        return Err(refused(&format!("values are nested more than {DEEPEST_VALUE} deep")));
    }
    let is_map = value.kind() == ValueKind::Map;
    for (n, item) in value.try_iter()?.enumerate() {
        if n % 8 == 0 {
            state.consume_fuel(1)?;
        }
        let item = if is_map { value.get_item(&item)? } else { item };
        if is_namespace(&item) {
            return Err(refused("a namespace cannot be kept in another value"));
        }
        charge(state, &item, depth + 1)?;
    }
    state.consume_fuel(1)
}

/// Whether a value is a `namespace()`, which can be changed later and so contain itself.
fn is_namespace(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"))
}

/// The error of a value beyond the limits.
fn refused(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}

/// Methods of Python. Those whose results may grow are charged in the same way as the filters of the same name.
fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let is_text = value.kind() == ValueKind::String;
    match (name, args) {
        ("replace", [_, _] | [_, _, _]) if is_text => {
            let counted = args.get(2).is_some_and(|count| count.as_i64().is_some_and(|n| n >= 0));
            let args = if counted { args } else { &args[..2] };
            state.apply_filter("replace", &[std::slice::from_ref(value), args].concat())
        }
        ("join", [items]) if is_text => state.apply_filter("join", &[items.clone(), value.clone()]),
        ("format", _) if is_text && is_wide(value) => Err(refused("the width is too large")),
        _ => minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args),
    }
}

/// Whether a format string asks for more than 999 columns.
fn is_wide(format: &Value) -> bool {
    let text = format.as_str().unwrap_or_default().as_bytes();
    text.windows(4).any(|four| four.iter().all(u8::is_ascii_digit))
}

/// Filter `tojson`: the value as JSON, on one line unless an indentation is given.
#[expect(clippy::needless_pass_by_value, reason = "the template engine hands arguments over")]
fn json(
    state: &State,
    value: Value,
    indent: Option<Value>,
    options: Kwargs,
) -> Result<Value, Error> {
    let named: Option<Value> = options.get("indent")?;
    let indent = indent.or(named).filter(|indent| !indent.is_none());
    // Python's other options change the form of what no prompt compares.
    for option in ["ensure_ascii", "sort_keys", "separators"] {
        let _: Option<Value> = options.get(option)?;
    }
    options.assert_all_used()?;
    let mut page = BoundedBuffer::<LARGEST_JSON>::default();
    let written = match indent.and_then(|indent| indent.as_usize().map(|n| n.min(16))) {
        Some(width) => {
            let spaces = " ".repeat(width);
            let form = serde_json::ser::PrettyFormatter::with_indent(spaces.as_bytes());
            let mut writer = serde_json::Serializer::with_formatter(&mut page, form);
            serde::Serialize::serialize(&value, &mut writer)
        }
        None => serde_json::to_writer(&mut page, &value),
    };
    written.map_err(|cause| refused(&format!("the value cannot be written as JSON: {cause}")))?;
    state.consume_fuel(page.bytes.len() as u64 / 64)?;
    Ok(Value::from(String::from_utf8_lossy(&page.bytes).into_owned()))
}

/// A buffer of bytes that refuses to grow beyond `LIMIT`.
///
/// What fits is written; then writing fails with [`io::ErrorKind::FileTooLarge`].
#[derive(Debug, Default)]
pub(crate) struct BoundedBuffer<const LIMIT: usize> {
    /// What was written so far.
    pub(crate) bytes: Vec<u8>,
}

impl<const LIMIT: usize> io::Write for BoundedBuffer<LIMIT> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = LIMIT.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..room]);
        if room < bytes.len() { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(room) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
