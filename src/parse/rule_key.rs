//! The key `verdict` of a prompt file: one rule or a list, checked strictly.

use serde_json::{Map, Value};

use super::rule::{AnswerLine, Form, HALF, NUMBER, Place, Rule, StepLabelling, Words, value_place};
use crate::{
    error::{Error, ErrorKind, Result, unknown},
    item::kind_of,
    verdict::{CORRECT, INCORRECT},
};

/// Reads the key `verdict` of a prompt file: one rule or a list.
///
/// # Errors
/// A rule is malformed ([`ErrorKind::Prompt`]); the hint shows how to write it.
pub(crate) fn rules(json: serde_json::Value) -> Result<Vec<Rule>> {
    match json {
        serde_json::Value::Array(list) if list.is_empty() => {
            Err(Error::new(ErrorKind::Prompt, "the list under `verdict` is empty"))
        }
        serde_json::Value::Array(list) => list.into_iter().map(rule).collect(),
        one => Ok(vec![rule(one)?]),
    }
}

/// The keys of a rule.
pub(crate) const RULE_KEYS: [&str; 22] = [
    "pattern",
    "json",
    "choose",
    "mark",
    "form",
    "numbers",
    "line",
    "regex",
    "logprobs",
    "beta",
    "threshold",
    "values",
    "in",
    "items",
    "unique",
    "best",
    "first_step",
    "above",
    "listed",
    "per_step",
    "labels",
    "tail",
];

/// An error about the rules of a prompt file.
fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Prompt, message)
}

/// Reads one rule: an announcement, or an object with exactly one place.
fn rule(json: Value) -> Result<Rule> {
    let mut map = match json {
        Value::String(pattern) => Map::from_iter([("pattern".to_owned(), pattern.into())]),
        Value::Object(map) => map,
        other => {
            return Err(wrong(format!("`verdict` cannot be {other}"))
                .hint("write an announcement such as `verdict: \"Score: *\"`, or a rule such as `verdict: {json: /score}`"));
        }
    };
    if let Some(key) = map.keys().find(|key| !RULE_KEYS.contains(&key.as_str())) {
        return Err(unknown(ErrorKind::Prompt, "key of `verdict`", key, RULE_KEYS));
    }
    let line = line(map.get("line"))?;
    let numbers = numbers(map.remove("numbers"), line)?;
    let logprobs = logprobs(&mut map)?;
    let mark = flag("mark", map.get("mark"))?;
    let unique = flag("unique", map.get("unique"))?;
    let best = flag("best", map.get("best"))?;
    let first_step = first_step(map.remove("first_step"))?;
    let labelling = labelling(&mut map)?;
    let tail = tail(map.remove("tail"))?;
    let mut text = |key: &str| text(key, map.remove(key));
    let places: Vec<Place> = [
        text("pattern")?.map(Place::Announced),
        text("json")?.map(Place::Json),
        text("choose")?.map(Place::Choose),
        mark.then_some(Place::Mark),
        numbers,
        text("regex")?.map(Place::Regex),
        logprobs,
    ]
    .into_iter()
    .flatten()
    .collect();
    let within = text("in")?;
    let form = text("form")?;
    let items = text("items")?;
    let values = values(map.remove("values"))?;
    let [place] = <[Place; 1]>::try_from(places).map_err(|places| {
        let what = if places.is_empty() { "no place" } else { "several places" };
        wrong(format!("a rule under `verdict` names {what} to read"))
            .hint("give exactly one of pattern, json, choose, mark, numbers, regex, logprobs")
    })?;
    check(&place)?;
    let form = form.map(|form| form_of(&form, &place)).transpose()?;
    if unique && !matches!(place, Place::Announced(_) | Place::Regex(_)) {
        return Err(wrong("`unique` under `verdict` belongs to `pattern` or `regex`")
            .hint("the other rules read one place of the answer only"));
    }
    if items.is_some() && !matches!(place, Place::Json(_)) {
        return Err(wrong("`items` under `verdict` belongs to `json`")
            .hint("write `verdict: {json: /checklist, items: checklist}`"));
    }
    if labelling == Some(StepLabelling::PerStep) && !matches!(place, Place::Announced(_)) {
        return Err(wrong("`per_step` under `verdict` belongs to `pattern`")
            .hint("write `verdict: {pattern: '\\boxed{*}', per_step: true, values: {…}}`"));
    }
    if tail.is_some() && matches!(place, Place::Choose(_)) {
        return Err(wrong("`tail` under `verdict` reads a text, and `choose` has none")
            .hint("leave it out"));
    }
    Ok(Rule { place, values, within, form, unique, items, best, first_step, labelling, tail })
}

/// The key `first_step`: 0 or 1.
fn first_step(value: Option<Value>) -> Result<usize> {
    match value.map(|value| value.as_u64()) {
        None => Ok(0),
        Some(Some(first @ (0 | 1))) => Ok(usize::from(first == 1)),
        Some(_) => Err(wrong("`first_step` under `verdict` must be 0 or 1")
            .hint("it is the number that the judge gives the first step")),
    }
}

/// The key `tail`: how many characters are read.
fn tail(value: Option<Value>) -> Result<Option<usize>> {
    let Some(value) = value else { return Ok(None) };
    let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
    match count.filter(|count| *count > 0) {
        Some(count) => Ok(Some(count)),
        None => Err(wrong("`tail` under `verdict` must be a number of characters, 1 or more")
            .hint("write `tail: 300` to read only the last 300 characters of an answer")),
    }
}

/// The keys `above`, `listed`, `per_step` and `labels`: how every step is labelled.
fn labelling(map: &mut Map<String, Value>) -> Result<Option<StepLabelling>> {
    let above = map.remove("above").as_ref().map(threshold).transpose()?;
    let listed = flag("listed", map.remove("listed").as_ref())?;
    let per_step = flag("per_step", map.remove("per_step").as_ref())?;
    let labels = map.remove("labels").as_ref().map(two_labels).transpose()?;
    if usize::from(above.is_some()) + usize::from(listed) + usize::from(per_step) > 1 {
        return Err(wrong("a rule under `verdict` labels steps in several ways")
            .hint("give at most one of above, listed, per_step"));
    }
    if labels.is_some() && above.is_none() && !listed {
        return Err(wrong("`labels` under `verdict` belongs to `above` or `listed`")
            .hint("for other rules give each word its meaning under `values`"));
    }
    let or = |one: &str, other: &str| labels.unwrap_or_else(|| [one.into(), other.into()]);
    Ok(match above {
        Some(threshold) => Some(StepLabelling::Above { threshold, labels: or(CORRECT, INCORRECT) }),
        None if listed => Some(StepLabelling::Listed { labels: or(INCORRECT, CORRECT) }),
        None => per_step.then_some(StepLabelling::PerStep),
    })
}

/// The key `above`: a number.
fn threshold(value: &Value) -> Result<f64> {
    value.as_f64().ok_or_else(|| {
        wrong("`above` under `verdict` must be a number")
            .hint("a step whose number is above it has the first of `labels`")
    })
}

/// The key `labels`: two different texts.
fn two_labels(value: &Value) -> Result<[String; 2]> {
    let text = |one: &Value| one.as_str().map(ToOwned::to_owned);
    let texts: Option<Vec<String>> =
        value.as_array().and_then(|list| list.iter().map(text).collect());
    let both = texts.and_then(|texts| <[String; 2]>::try_from(texts).ok());
    both.filter(|[one, other]| one != other).ok_or_else(|| {
        wrong("`labels` under `verdict` must be two different texts").hint(
            "write `labels: [redundant, necessary]`: of the steps that are meant, and of the others",
        )
    })
}

/// The text of a key, if it is there.
fn text(key: &str, value: Option<Value>) -> Result<Option<String>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(format!(
            "`{key}` under `verdict` must be a text, and is {}",
            kind_of(&other)
        ))),
    }
}

/// The key `mark`, `unique` or `best`: true, or absent.
fn flag(key: &str, value: Option<&Value>) -> Result<bool> {
    match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        Some(_) => Err(wrong(format!("`{key}` under `verdict` must be true"))
            .hint(format!("write `{key}: true` in the rule"))),
    }
}

/// The brackets around the `*` of the key `form`, which only a mark may have.
fn form_of(form: &str, place: &Place) -> Result<Form> {
    if *place != Place::Mark {
        return Err(wrong("`form` under `verdict` belongs to `mark`")
            .hint("an announcement holds its own form: \"Rating: [[*]]\""));
    }
    match form.split('*').collect::<Vec<_>>().as_slice() {
        [open, close] if !open.contains('\n') && !close.contains('\n') => {
            Ok(Form { open: open.trim().to_owned(), close: close.trim().to_owned() })
        }
        _ => Err(wrong(format!("the form `{form}` under `verdict` needs exactly one `*`"))
            .hint("write it around the value: `form: \"[[*]]\"`")),
    }
}

/// The key `line`.
fn line(value: Option<&Value>) -> Result<Option<AnswerLine>> {
    match value.map(Value::as_str) {
        None => Ok(None),
        Some(Some("first")) => Ok(Some(AnswerLine::First)),
        Some(Some("last")) => Ok(Some(AnswerLine::Last)),
        Some(_) => Err(wrong("`line` under `verdict` must be first or last")),
    }
}

/// The key `numbers`: how many stand on the line, or the announcement of each.
fn numbers(value: Option<Value>, line: Option<AnswerLine>) -> Result<Option<Place>> {
    const EXAMPLE: &str = "write `verdict: {numbers: 2, line: first}`, or `verdict: {numbers: [\"Score A: *\", \"Score B: *\"]}`";
    let place = match value {
        None => return Ok(None),
        Some(Value::Array(list)) => {
            let patterns: Option<Vec<String>> =
                list.iter().map(|pattern| pattern.as_str().map(ToOwned::to_owned)).collect();
            patterns.filter(|_| line.is_none()).map(Place::Several)
        }
        Some(Value::String(pattern)) if pattern.contains(NUMBER) && line.is_none() => {
            Some(Place::Numbered(pattern))
        }
        Some(value) => {
            let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
            count.map(|count| Place::Numbers { count, line: line.unwrap_or(AnswerLine::First) })
        }
    };
    place.map(Some).ok_or_else(|| {
        wrong("`numbers` under `verdict` must be how many numbers there are on the line, a list of announcements, or one with `{n}` for the number of the answer")
            .hint(EXAMPLE)
    })
}

/// The key `logprobs`, with its `beta` and `threshold`: the name of one or two weighed texts.
fn logprobs(map: &mut Map<String, Value>) -> Result<Option<Place>> {
    let (beta, threshold) = (map.remove("beta"), map.remove("threshold"));
    let names = match map.remove("logprobs") {
        None => {
            let stray = beta.map(|_| "beta").or(threshold.map(|_| "threshold"));
            return match stray {
                Some(key) => Err(wrong(format!("`{key}` under `verdict` belongs to `logprobs`"))),
                None => Ok(None),
            };
        }
        Some(Value::String(name)) => Some(vec![name]),
        Some(Value::Array(list)) => {
            list.iter().map(|name| name.as_str().map(ToOwned::to_owned)).collect()
        }
        Some(_) => None,
    };
    let Some(names) = names.filter(|names: &Vec<String>| (1..=2).contains(&names.len())) else {
        return Err(wrong("`logprobs` under `verdict` must be a name, or a list of two names")
            .hint("write `verdict: {logprobs: reward, beta: 0.001}`"));
    };
    let number = |value: Option<Value>, default| value.map_or(Some(default), |v| v.as_f64());
    let beta = number(beta, 1.0).filter(|beta| *beta > 0.0);
    let threshold = number(threshold, HALF).filter(|threshold| (0.0..=1.0).contains(threshold));
    match (beta, threshold) {
        (Some(beta), Some(threshold)) => Ok(Some(Place::Logprobs { names, beta, threshold })),
        (None, _) => Err(wrong("`beta` under `verdict` must be a number above 0")),
        (_, None) => Err(wrong("`threshold` under `verdict` must be a probability from 0 to 1")),
    }
}

/// The key `values`: words and what they mean. Numbers and booleans without quotes are read as texts.
fn values(value: Option<Value>) -> Result<Words> {
    let map = match value {
        None | Some(Value::Null) => return Ok(Words::default()),
        Some(Value::Object(map)) => map,
        Some(other) => {
            return Err(wrong(format!(
                "`values` must give each word its meaning, and is {}",
                kind_of(&other)
            ))
            .hint("write `values: {\"A\": first, \"B\": second}`"));
        }
    };
    let meaning = |(word, meaning): (String, Value)| match meaning {
        Value::String(meaning) => Ok((word, meaning)),
        Value::Number(_) | Value::Bool(_) => Ok((word, meaning.to_string())),
        other => Err(wrong(format!(
            "the word `{word}` under `values` means {}, and must mean a text",
            kind_of(&other)
        ))),
    };
    map.into_iter().map(meaning).collect()
}

/// Refuses a place that could never be found, or that every answer would have.
fn check(place: &Place) -> Result<()> {
    let refused = |message: String| Err(wrong(message));
    match place {
        Place::Announced(pattern) => check_announcement(pattern),
        Place::Numbered(pattern) => check_announcement(&pattern.replace(NUMBER, "1")),
        Place::Several(patterns) if patterns.len() < 2 => {
            refused("`numbers` must list 2 announcements or more".into())
        }
        Place::Several(patterns) => {
            patterns.iter().try_for_each(|pattern| check_announcement(pattern))
        }
        Place::Json(pointer) if !pointer.starts_with('/') => {
            refused(format!("the JSON pointer `{pointer}` does not begin with `/`"))
        }
        Place::Numbers { count, .. } if *count < 2 => Err(wrong("`numbers` must be 2 or more").hint("a bare number is read by `{choose: NAME}` or by a regex; better ask for a line such as `Score: 7`")),
        Place::Regex(pattern) => {
            let compiled = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
            match compiled {
                Err(cause) => {
                    // The last line of the message is the reason; those before it draw the place.
                    let cause = cause.to_string();
                    let what = cause.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    refused(format!("the regex under `verdict` cannot be used: {what}"))
                }
                Ok(regex) if !regex.capture_names().flatten().any(|name| name == "verdict") => {
                    refused(format!("the regex `{pattern}` has no group `(?<verdict>…)`"))
                }
                Ok(_) => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Refuses an announcement that could never be found, or that every answer would have.
fn check_announcement(pattern: &str) -> Result<()> {
    match value_place(pattern) {
        Some((before, _)) if before.chars().any(|c| !c.is_whitespace() && c != '*') => Ok(()),
        Some(_) => Err(wrong(format!("the announcement `{pattern}` has no words before its `*`"))
            .hint("ask for a line such as `Score: 7` and read it by \"Score: *\"; a bare number is read by `{choose: NAME}` or by a regex")),
        None => Err(wrong(format!("the announcement `{pattern}` needs exactly one `*`"))
            .hint("it stands alone: `**` is emphasis, as in \"**Result:** *\"")),
    }
}
