//! The functions `gen`, `choose`, `probe`, `run`, `compare`, `reward`, `logprobs` and `read` of prompt bodies.
//!
//! Each returns the reply to its slot, or stops the [`Rendering`] where that is missing.

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{ArgType, Kwargs, Rest, ValueKind},
};

use super::{
    printable::{Trusted, text_of},
    rendering::{GenOptions, Probe, Probed, Rendering, TemplateCall, WeighedText},
    taint,
};
use crate::{
    parse::Slot,
    request::{Constraint, Normalize},
};

/// `gen("name", at=…, stop=…, max_tokens=…, temperature=…, top_p=…, cut="ok", schema=…)`: lets the model write here.
///
/// - `at`: the 0-based index in a loop, so that each pass of the loop has a slot of its own.
/// - `stop`: one text or several at which the model stops.
/// - `max_tokens`, `temperature`, `top_p`: in place of the prompt's `sampling`.
/// - `cut="ok"`: running into the limit of tokens is an expected end.
/// - `schema`: a JSON schema that the text must match.
///
/// # Errors
/// An option is unknown or has the wrong type, or the reply is still missing.
#[expect(clippy::needless_pass_by_value, reason = "the template engine hands arguments over")]
pub(super) fn generate(state: &State, name: &str, options: Kwargs) -> Result<Value, Error> {
    if options.args().next().is_none() {
        let slot = Slot { name: name.to_owned(), at: None };
        return Rendering::of(state)?.result(slot, TemplateCall::Gen(Box::default()));
    }
    let stop: Option<Value> = options.get("stop")?;
    let max_tokens: Option<u32> = option(&options, "max_tokens", "a whole number")?;
    let cut: Option<String> = option(&options, "cut", "the text \"ok\"")?;
    let schema: Option<Value> = options.get("schema")?;
    let generate = GenOptions {
        stop: stop.as_ref().map(texts).transpose()?.unwrap_or_default(),
        max_tokens,
        temperature: option(&options, "temperature", "a number")?,
        top_p: option(&options, "top_p", "a number")?,
        may_be_cut: may_be_cut(cut.as_deref(), max_tokens)?,
        constraint: schema.map(schema_of).transpose()?,
    };
    let slot = Slot { name: name.to_owned(), at: options.get("at")? };
    options.assert_all_used()?;
    Rendering::of(state)?.result(slot, TemplateCall::Gen(Box::new(generate)))
}

/// `choose("name", [" Yes", " No"], at=…, normalize="mean")`: lets the model pick one of two labels or more. By the mean,
/// labels are compared by the mean log-probability of their tokens, otherwise by the sum.
///
/// # Errors
/// An option is unknown or has the wrong value, there are fewer than two labels, one is empty, or one begins another, so that they could not be distinguished; or the
/// reply is still missing.
#[expect(clippy::needless_pass_by_value, reason = "the template engine hands arguments over")]
pub(super) fn choose(
    state: &State,
    name: &str,
    labels: Value,
    options: Kwargs,
) -> Result<Value, Error> {
    let labels = menu("choose", name, &labels)?;
    let slot = Slot { name: name.to_owned(), at: options.get("at")? };
    let normalize: Option<String> = option(&options, "normalize", "\"sum\" or \"mean\"")?;
    options.assert_all_used()?;
    let normalize = match normalize.as_deref() {
        None | Some("sum") => Normalize::Sum,
        Some("mean") => Normalize::Mean,
        Some(other) => {
            let message = format!("`normalize` is \"sum\" or \"mean\", not \"{other}\"");
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
    };
    Rendering::of(state)?.result(slot, TemplateCall::Choose { labels, normalize })
}

/// `probe("name", ["+", "-"], at=…, shown="+")`: weighs these labels here, and prints `shown` whatever the result is.
/// All places of a turn are weighed in one pass where the model can do that.
///
/// # Errors
/// As of [`choose`], or `shown` is missing.
#[expect(clippy::needless_pass_by_value, reason = "the template engine hands arguments over")]
pub(super) fn probe(
    state: &State,
    name: &str,
    labels: Value,
    options: Kwargs,
) -> Result<Value, Error> {
    let labels = menu("probe", name, &labels)?;
    let slot = Slot { name: name.to_owned(), at: options.get("at")? };
    let shown: String = options.get("shown")?;
    options.assert_all_used()?;
    Rendering::of(state)?.probe(Probe { slot, what: Probed::Labels(labels) });
    Ok(Trusted::value(taint::probed(&shown)))
}

/// The labels of a `choose` or `probe`.
///
/// # Errors
/// There are fewer than two labels, one is empty, or one begins another, so that they could not be distinguished.
fn menu(function: &str, name: &str, labels: &Value) -> Result<Vec<String>, Error> {
    let labels = texts(labels)?;
    let wrong = |message: String| Err(Error::new(ErrorKind::InvalidOperation, message));
    if labels.len() < 2 {
        return wrong(format!("{function}(\"{name}\") needs two labels or more"));
    }
    for (n, label) in labels.iter().enumerate() {
        let begins = |other: &String| other.trim().starts_with(label.trim());
        if label.trim().is_empty() || labels.iter().enumerate().any(|(m, l)| m != n && begins(l)) {
            return wrong(format!(
                "the label `{label}` of {function}(\"{name}\") is empty or is the beginning of another label, so they cannot be distinguished"
            ));
        }
    }
    Ok(labels)
}

/// `compare("name", answer, reference)`: compares two texts by rule, for models that are checks.
///
/// # Errors
/// One of the values is a list of answers, or the reply is still missing.
pub(super) fn compare(
    state: &State,
    name: &str,
    answer: &Value,
    reference: &Value,
) -> Result<Value, Error> {
    let (answer, reference) = (text_of(answer)?, text_of(reference)?);
    let slot = Slot { name: name.to_owned(), at: None };
    Rendering::of(state)?.result(slot, TemplateCall::Compare { answer, reference })
}

/// `reward("name")`: the output of a reward head for the turns before it, as `Reward: NUMBER`. With `shown` it prints
/// this sign, and notes its end as a place where the head is read while the text goes on:
/// `reward("name", at=loop.index0, shown="<extra_0>")`.
///
/// # Errors
/// The reply is still missing, the sign is empty, or there is an index without a sign.
#[expect(clippy::needless_pass_by_value, reason = "the template engine hands arguments over")]
pub(super) fn reward(state: &State, name: &str, options: Kwargs) -> Result<Value, Error> {
    let shown: Option<String> = option(&options, "shown", "a text")?;
    let slot = Slot { name: name.to_owned(), at: options.get("at")? };
    options.assert_all_used()?;
    let wrong = |message: String| Err(Error::new(ErrorKind::InvalidOperation, message));
    match shown {
        None if slot.at.is_some() => {
            wrong(format!("reward(\"{name}\", at=…) needs the sign of a step: shown=\"<extra_0>\""))
        }
        None => Rendering::of(state)?.result(slot, TemplateCall::Reward),
        Some(sign) if sign.is_empty() => wrong(format!(
            "`shown` of reward(\"{name}\") is the sign of a step, and may not be empty"
        )),
        Some(sign) => {
            Rendering::of(state)?.probe(Probe { slot, what: Probed::Reward });
            Ok(Trusted::value(taint::rewarded(&sign)))
        }
    }
}

/// `logprobs("name", text, reference=true, between="\n\n")`: the log-probability of a given text, or of several that are
/// joined, as the model's next words. With `reference` the reference model is asked too. The value is the text, so that
/// the conversation goes on after it.
///
/// # Errors
/// There is no text, one is empty, or the replies are still missing.
#[expect(clippy::needless_pass_by_value, reason = "the template engine hands arguments over")]
pub(super) fn logprobs(
    state: &State,
    name: &str,
    texts: Value,
    options: Kwargs,
) -> Result<Value, Error> {
    let slot = Slot { name: name.to_owned(), at: options.get("at")? };
    let between: Option<String> = option(&options, "between", "a text")?;
    let reference: Option<bool> = option(&options, "reference", "true or false")?;
    options.assert_all_used()?;
    let all: Vec<String> = match texts.kind() {
        ValueKind::Seq => texts.try_iter()?.map(|text| text_of(&text)).collect::<Result<_, _>>()?,
        _ => vec![text_of(&texts)?],
    };
    if all.is_empty() || all.iter().any(|text| text.trim().is_empty()) {
        let message = format!("logprobs(\"{name}\") needs texts, and none may be empty");
        return Err(Error::new(ErrorKind::InvalidOperation, message));
    }
    let text = all.join(between.as_deref().unwrap_or("\n\n"));
    let between = between.map_or(2, |between| between.chars().count());
    let mut end = 0;
    let ends = all.iter().enumerate().map(|(n, text)| {
        end += text.chars().count() + if n == 0 { 0 } else { between };
        end
    });
    let weighed = WeighedText { text: text.clone(), ends: ends.collect(), of_reference: false };
    let rendering = Rendering::of(state)?;
    if reference == Some(true) {
        let of_reference = WeighedText { of_reference: true, ..weighed.clone() };
        rendering.result(slot.clone(), TemplateCall::Logprobs(weighed))?;
        rendering.result(slot.of_reference(), TemplateCall::Logprobs(of_reference))?;
    } else {
        rendering.result(slot, TemplateCall::Logprobs(weighed))?;
    }
    Ok(Value::from(text))
}

/// `run("name", text, at=…)`: runs the last block ```` ```python ```` of a text, and returns what it prints. The block may
/// be open at the end. All blocks of the conversation that ran before it share its names.
///
/// A text without such a block gives [`NO_CODE`].
///
/// # Errors
/// An option is unknown or has the wrong type, or the code has not run yet.
#[expect(clippy::needless_pass_by_value, reason = "the template engine hands arguments over")]
pub(super) fn run(state: &State, name: &str, text: Value, options: Kwargs) -> Result<Value, Error> {
    let slot = Slot { name: name.to_owned(), at: options.get("at")? };
    options.assert_all_used()?;
    match last_block(&text_of(&text)?) {
        Some(code) => Rendering::of(state)?.output(slot, code.to_owned()),
        None => Ok(Trusted::value(NO_CODE)),
    }
}

/// What `run` returns for a text without code (Zhao et al. 2025, GenPRM).
const NO_CODE: &str = "Code format error: No code found.";

/// The last block of Python code in a text; one that is open reaches to the end.
fn last_block(text: &str) -> Option<&str> {
    const OPEN: &str = "```python";
    let code = &text[text.rfind(OPEN)? + OPEN.len()..];
    let code = code.split_once('\n').map_or("", |(_, code)| code);
    let end = code.starts_with("```").then_some(0).or_else(|| code.find("\n```"));
    let code = code[..end.unwrap_or(code.len())].trim_matches('\n').trim_end();
    Some(code).filter(|code| !code.is_empty())
}

/// `read()`: the verdict of the replies so far as text, or none.
pub(super) fn read(state: &State, _: Rest<Value>) -> Result<Value, Error> {
    let verdict = Rendering::of(state)?.verdict();
    Ok(verdict.map_or_else(|| Value::from(()), |verdict| Value::from(verdict.to_string())))
}

/// An option of `gen`; the error names the type that it must have.
fn option<'a, T: ArgType<'a, Output = T>>(
    options: &'a Kwargs,
    name: &'a str,
    kind: &str,
) -> Result<T, Error> {
    options
        .get(name)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, format!("`{name}` must be {kind}")))
}

/// A value that must be one text or a list of texts.
fn texts(value: &Value) -> Result<Vec<String>, Error> {
    if let Some(text) = value.as_str() {
        return Ok(vec![text.to_owned()]);
    }
    let text = |item: Value| item.as_str().map(ToOwned::to_owned);
    value.try_iter()?.map(text).collect::<Option<_>>().ok_or_else(|| {
        Error::new(ErrorKind::InvalidOperation, "stops and labels are texts or lists of texts")
    })
}

/// Whether a text may run into its limit of tokens: where `cut="ok"` is given, or the limit is so small that nothing
/// else is expected.
fn may_be_cut(cut: Option<&str>, max_tokens: Option<u32>) -> Result<bool, Error> {
    const A_FEW: u32 = 8;
    match cut {
        None => Ok(max_tokens.is_some_and(|limit| limit <= A_FEW)),
        Some("ok") => Ok(true),
        Some(other) => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("`cut` is \"ok\" or absent, not \"{other}\""),
        )),
    }
}

/// A JSON schema from a template's value.
fn schema_of(value: Value) -> Result<Constraint, Error> {
    let malformed = |cause| {
        Error::new(ErrorKind::InvalidOperation, "the schema cannot be written as JSON")
            .with_source(cause)
    };
    Ok(Constraint::Schema(serde_json::to_value(value).map_err(malformed)?))
}

#[cfg(test)]
mod tests {
    use super::last_block;

    #[test]
    fn the_last_block_of_python_is_run_closed_or_open() {
        let cases = [
            ("```python\nprint(1)\n```\n", Some("print(1)")),
            ("```python\nprint(1)", Some("print(1)")),
            ("```python\n1\n```\nNo: ```python\nif x:\n    2\n\n```\nso", Some("if x:\n    2")),
            ("```python\n    indented = 1\n", Some("    indented = 1")),
            ("```python\ns = '```'\nprint(s)\n```", Some("s = '```'\nprint(s)")),
            ("```python\n```", None),
            ("```\nprint(1)\n```", None),
            ("print(1)", None),
        ];
        for (text, code) in cases {
            assert_eq!(last_block(text), code, "{text}");
        }
    }
}
