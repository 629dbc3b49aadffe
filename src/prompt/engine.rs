//! The template engine: Jinja that can do nothing but print, count and ask.

use std::io;

use minijinja::{AutoEscape, Environment, State, UndefinedBehavior, Value, syntax::SyntaxConfig};

use super::{FrontMatter, functions, limits, taint};
use crate::{
    error::{Error, ErrorKind, unknown},
    item::{split_steps, transcript},
    scale::Scale,
};

/// The largest rendered prompt, in bytes.
pub(super) const LARGEST: usize = 4 << 20;

/// Filters that would blur who wrote what.
const REMOVED: [&str; 3] = ["safe", "escape", "e"];

/// An engine with our functions and filters, and without those that would blur who wrote what.
pub(super) fn environment(front: &FrontMatter) -> Environment<'static> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.keep_trailing_newline(true);
    if let Ok(syntax) = syntax.build() {
        environment.set_syntax(syntax);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    limits::meter(&mut environment);
    environment.set_formatter(taint::write);
    for filter in REMOVED {
        environment.remove_filter(filter);
    }
    environment.add_filter("fenced", |value: Value| -> Result<Value, minijinja::Error> {
        taint::text_of(&value).map(taint::Fenced::value)
    });
    environment.add_filter("steps", |text: Value| -> Result<Vec<String>, minijinja::Error> {
        taint::text_of(&text).map(|text| split_steps(&text))
    });
    environment.add_filter("transcript", |messages: Value| {
        transcript(&serde_json::to_value(&messages).unwrap_or_default())
    });
    environment.add_function("gen", functions::generate);
    environment.add_function("choose", functions::choose);
    environment.add_function(
        "compare",
        |state: &State, name: &str, answer: Value, reference: Value| {
            functions::compare(state, name, &answer, &reference)
        },
    );
    environment.add_function("read", functions::read);
    if let Some(scale) = &front.scale {
        environment.add_global("scale", scale_value(scale));
    }
    environment
}

const FILTERS: [&str; 38] = [
    "fenced",
    "steps",
    "transcript",
    "tojson",
    "abs",
    "capitalize",
    "count",
    "default",
    "dictsort",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "trim",
    "unique",
];

const TESTS: [&str; 18] = [
    "boolean",
    "defined",
    "divisibleby",
    "eq",
    "even",
    "false",
    "in",
    "integer",
    "iterable",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
];

const FUNCTIONS: [&str; 7] = ["gen", "choose", "compare", "read", "range", "namespace", "dict"];

/// The error for a filter, test or function that does not exist, with the near name.
pub(super) fn unknown_name(cause: &minijinja::Error) -> Option<Error> {
    let (what, known): (&str, &[&'static str]) = match cause.kind() {
        minijinja::ErrorKind::UnknownFilter => ("filter", &FILTERS),
        minijinja::ErrorKind::UnknownTest => ("test", &TESTS),
        minijinja::ErrorKind::UnknownFunction => ("function", &FUNCTIONS),
        _ => return None,
    };
    let detail = cause.detail()?.strip_suffix(" is unknown")?;
    let name = detail.strip_prefix(what).unwrap_or(detail).trim();
    if REMOVED.contains(&name) {
        let error =
            Error::new(ErrorKind::Prompt, format!("the filter `{name}` is not for prompts"));
        return Some(error.hint("nothing in a prompt is escaped: leave it out"));
    }
    Some(unknown(ErrorKind::Prompt, what, name, known.iter().copied()))
}

/// The error for a call of something that is no function: `gne("x")`.
pub(super) fn uncallable(call: &str) -> Error {
    let name = call.split('(').next().unwrap_or(call).trim();
    if name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return unknown(ErrorKind::Prompt, "function", name, FUNCTIONS);
    }
    Error::new(ErrorKind::Prompt, format!("`{name}` cannot be called"))
}

/// The scale as prompts print it, with its ends.
pub(super) fn scale_value(scale: &Scale) -> Value {
    let ends =
        scale.ends().map(|(min, max)| vec![("min", min.to_string()), ("max", max.to_string())]);
    Value::from_object(taint::Trusted { text: scale.to_string(), parts: ends.unwrap_or_default() })
}

/// A buffer that refuses to grow beyond the largest prompt.
pub(super) struct Page(pub(super) Vec<u8>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = LARGEST.saturating_sub(self.0.len()).min(bytes.len());
        self.0.extend_from_slice(&bytes[..room]);
        if room < bytes.len() { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(room) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
