//! The template engine: Jinja that can print, compute and ask, and nothing else.
//!
//! Templates cannot include files, escape text or call into Rust. Undefined names are errors. Every printed value goes
//! through [`print`], which marks its origin, and everything that grows is charged to [`limits`].

use minijinja::{
    AutoEscape, Environment, Output, State, UndefinedBehavior, Value, syntax::SyntaxConfig,
    value::Kwargs,
};

use super::{
    FrontMatter, cut, functions,
    limits::{self, BoundedBuffer},
    printable::{Fenced, MixedText, Trusted, text_of},
    rendering::Rendering,
    taint::write_marked,
};
use crate::{
    error::{Error, ErrorKind, unknown},
    item::split_steps,
    request::Origin,
    scale::Scale,
};

/// The size of the largest rendered prompt: 4 MiB.
pub(super) const LARGEST: usize = 4 << 20;

/// Filters that are removed because they would blur which text is the author's.
const REMOVED: [&str; 3] = ["safe", "escape", "e"];

/// An engine with the functions and filters of prompts, and the scale of this front matter.
///
/// Beside those of Jinja, a body may use:
///
/// | name | what it does |
/// |---|---|
/// | `gen("name", …)` | lets the model write; see [`functions::generate`] |
/// | `choose("name", labels)` | lets the model pick one of the labels |
/// | `probe("name", labels, shown=…)` | weighs the labels here, and prints `shown` |
/// | `run("name", text)` | runs the last block of Python code in the text, and prints what that prints |
/// | `compare("name", answer, reference)` | compares by rule, for checks without a model |
/// | `reward("name", shown=…)` | the output of a reward head for the turns before it, or at the sign of a step |
/// | `logprobs("name", text)` | the log-probability of a given text |
/// | `read()` | the verdict of the replies so far, or none |
/// | `scale`, `scale.min`, `scale.max` | the scale as text, and its ends |
/// | `mark` | the item's mark |
/// | `x \| fenced` | a text between fences that do not occur in it |
/// | `x \| steps` | a text cut into steps |
/// | `x \| numbered("Step {}: ")` | texts with their numbers in front; those that have them stay as they are |
/// | `x \| transcript(max=N)` | messages as a numbered transcript, of at most N characters; see [`cut`] |
/// | `x \| tojson(indent=2)` | a value as JSON |
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
    environment.set_formatter(print);
    for filter in REMOVED {
        environment.remove_filter(filter);
    }
    environment.add_filter("fenced", |value: Value| -> Result<Value, minijinja::Error> {
        Fenced::value(&value)
    });
    environment.add_filter("steps", |text: Value| -> Result<Vec<String>, minijinja::Error> {
        text_of(&text).map(|text| split_steps(&text))
    });
    environment
        .add_filter("numbered", |texts: Vec<String>, pattern: &str| numbered(&texts, pattern));
    environment.add_filter("transcript", |messages: Value, options: Kwargs| {
        cut::filter(&messages, &options)
    });
    environment.add_function("gen", functions::generate);
    environment.add_function("choose", functions::choose);
    environment.add_function("probe", functions::probe);
    environment.add_function("run", functions::run);
    environment.add_function(
        "compare",
        |state: &State, name: &str, answer: Value, reference: Value| {
            functions::compare(state, name, &answer, &reference)
        },
    );
    environment.add_function("reward", functions::reward);
    environment.add_function("logprobs", functions::logprobs);
    environment.add_function("read", functions::read);
    if let Some(scale) = &front.scale {
        environment.add_global("scale", scale_value(scale));
    }
    environment
}

/// The texts with their number, from 1, in place of `{}` in a pattern before each; a text that begins so stays as it is.
///
/// # Errors
/// The pattern has no `{}`.
fn numbered(texts: &[String], pattern: &str) -> Result<Vec<String>, minijinja::Error> {
    if !pattern.contains("{}") {
        let message = "`numbered` needs a pattern with {} in it, such as \"Step {}: \"";
        return Err(minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, message));
    }
    let one = |(n, text): (usize, &String)| {
        let prefix = pattern.replace("{}", &n.to_string());
        if text.starts_with(prefix.trim_end()) { text.clone() } else { format!("{prefix}{text}") }
    };
    Ok((1..).zip(texts).map(one).collect())
}

/// Prints a value between marks of its origin: the formatter of the template engine.
fn print(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    if value.is_undefined() {
        return Err(minijinja::Error::from(minijinja::ErrorKind::UndefinedError));
    }
    if let Some(trusted) = value.downcast_object_ref::<Trusted>() {
        return Ok(out.write_str(&trusted.text)?);
    }
    if let Some(Fenced { fence, parts }) = value.downcast_object_ref::<Fenced>() {
        out.write_str(fence)?;
        out.write_str("\n")?;
        write_parts(out, parts)?;
        return Ok(out.write_str(&format!("\n{fence}"))?);
    }
    if let Some(MixedText { parts }) = value.downcast_object_ref::<MixedText>() {
        return write_parts(out, parts);
    }
    let text = text_of(value)?;
    if value.is_safe() {
        Rendering::of(state)?.printed(&text);
        return Ok(write_marked(out, Origin::Model, &text)?);
    }
    Ok(write_marked(out, Origin::Data, &text)?)
}

/// Prints pieces, each between marks of its origin.
fn write_parts(out: &mut Output, parts: &[(Origin, String)]) -> Result<(), minijinja::Error> {
    parts.iter().try_for_each(|(origin, text)| Ok(write_marked(out, *origin, text)?))
}

/// The filters that prompts may use, for error messages.
const FILTERS: [&str; 39] = [
    "fenced",
    "steps",
    "numbered",
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

/// The tests that prompts may use, for error messages.
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

/// The functions that prompts may use, for error messages.
const FUNCTIONS: [&str; 11] = [
    "gen",
    "choose",
    "probe",
    "run",
    "compare",
    "reward",
    "logprobs",
    "read",
    "range",
    "namespace",
    "dict",
];

/// The error of a filter, test or function that does not exist, with the near name; `None` for other errors.
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
            Error::new(ErrorKind::Prompt, format!("the filter `{name}` cannot be used in prompts"));
        return Some(error.hint("nothing in a prompt is escaped: remove it"));
    }
    Some(unknown(ErrorKind::Prompt, what, name, known.iter().copied()))
}

/// The error of a call of something that is not a function, such as `gne("x")`.
pub(super) fn uncallable(call: &str) -> Error {
    let name = call.split('(').next().unwrap_or(call).trim();
    if name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return unknown(ErrorKind::Prompt, "function", name, FUNCTIONS);
    }
    Error::new(ErrorKind::Prompt, format!("`{name}` cannot be called"))
}

/// The scale as prompts print it, with its ends as `scale.min` and `scale.max`.
pub(super) fn scale_value(scale: &Scale) -> Value {
    let ends =
        scale.ends().map(|(min, max)| vec![("min", min.to_string()), ("max", max.to_string())]);
    Value::from_object(Trusted { text: scale.to_string(), parts: ends.unwrap_or_default() })
}

/// The buffer that a prompt is rendered into.
pub(super) type PromptBuffer = BoundedBuffer<LARGEST>;
