//! Assertions of promptfoo that ask a model: `llm-rubric`, `factuality` and `g-eval`.
//!
//! The texts of the judge prompts are our own; the rubric, the reference and the criteria stay as they are. Assertions
//! that need no model have a place in tests, not in a prompt.

use serde_json::{Map, Value, json};

use super::{
    Import,
    draft::{Draft, SYSTEM},
    template::{self, Template},
};

/// The assertions that become prompts.
const TYPES: [&str; 4] = ["llm-rubric", "factuality", "model-graded-factuality", "g-eval"];

/// Whether a document is an assertion or a list of them.
pub(super) fn is_assertions(value: &Value) -> bool {
    let is_one = |value: &Value| {
        value.get("type").and_then(Value::as_str).is_some_and(|kind| TYPES.contains(&kind))
    };
    match value {
        Value::Array(list) => list.iter().any(is_one),
        one => is_one(one),
    }
}

/// The prompt files of every assertion in a configuration. An assertion that several tests share is one prompt.
pub(super) fn import(name: &str, value: &Value) -> Import {
    let mut all: Vec<&Value> = Vec::new();
    let mut found = Import::default();
    collect(value, &mut all, &mut found.left_out);
    for (n, assertion) in all.iter().enumerate() {
        if all[..n].contains(assertion) {
            continue;
        }
        let kind = assertion.get("type").and_then(Value::as_str).unwrap_or_default();
        let own = assertion
            .get("metric")
            .and_then(Value::as_str)
            .map_or_else(|| format!("{name}-{kind}"), ToOwned::to_owned);
        let made = match kind {
            "llm-rubric" => one_text(assertion).map(|value| vec![rubric(&own, assertion, value)]),
            "factuality" | "model-graded-factuality" => {
                one_text(assertion).map(|value| vec![factuality(&own, assertion, value)])
            }
            "g-eval" => texts(assertion)
                .map(|all| all.iter().map(|value| g_eval(&own, assertion, value)).collect()),
            other => Err(format!("`{other}` is not one of {}", TYPES.join(", "))),
        };
        match made {
            Ok(drafts) => found.prompts.extend(drafts.into_iter().map(Draft::finish)),
            Err(why) => found.left_out.push(format!("an assertion: {why}")),
        }
    }
    found.left_out.dedup();
    found
}

/// Gathers the assertions of a configuration, of its tests, and of sets of assertions.
fn collect<'v>(value: &'v Value, all: &mut Vec<&'v Value>, left_out: &mut Vec<String>) {
    if let Value::Array(list) = value {
        return list.iter().for_each(|value| collect(value, all, left_out));
    }
    if let Value::String(path) = value {
        return left_out.push(format!("`{path}`: import that file by itself"));
    }
    if let Some(path) = value.get("$ref") {
        return left_out.push(format!("a reference to {path}: import what it names"));
    }
    let inner: Vec<&Value> =
        ["assert", "defaultTest", "tests"].iter().filter_map(|key| value.get(key)).collect();
    if value.get("type").and_then(Value::as_str) == Some("assert-set")
        && value.get("threshold").is_some()
    {
        left_out.push("the threshold of a set of assertions".into());
    }
    if inner.is_empty() {
        if value.get("type").is_some() {
            all.push(value);
        }
        return;
    }
    inner.into_iter().for_each(|value| collect(value, all, left_out));
}

/// The value of an assertion as one text.
fn one_text(assertion: &Value) -> Result<&str, String> {
    let text =
        assertion.get("value").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let text = text.ok_or("its `value` must be a text")?;
    if text.starts_with("file://") {
        return Err(format!("its text is in `{text}`: write it into `value`"));
    }
    Ok(text)
}

/// The value of an assertion as one text or several.
fn texts(assertion: &Value) -> Result<Vec<&str>, String> {
    match assertion.get("value").and_then(Value::as_array) {
        Some(list) => {
            let all: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            all.filter(|all| !all.is_empty()).ok_or_else(|| "its `value` must be texts".into())
        }
        None => Ok(vec![one_text(assertion)?]),
    }
}

/// A draft with what all assertions share. `known` are the keys that this one carries over.
fn draft(name: &str, assertion: &Value, kind: &'static str) -> Draft {
    const KNOWN: [&str; 5] = ["type", "value", "threshold", "metric", "provider"];
    let own = assertion.get("type").and_then(Value::as_str).unwrap_or_default();
    let mut draft = Draft {
        name: name.to_owned(),
        summary: format!("Imported from a promptfoo assertion {own}"),
        source: format!("promptfoo ({own})"),
        kind,
        optional: vec!["input"],
        ..Draft::default()
    };
    draft.model(assertion.get("provider"));
    draft.notes.push("the verdict was JSON, and is a line of the answer here".into());
    for key in assertion.as_object().into_iter().flat_map(Map::keys) {
        if !KNOWN.contains(&key.as_str()) {
            draft.template.lose(format!("the key `{key}` of an assertion"));
        }
    }
    draft.template.body = format!("system:\n{SYSTEM}\nuser:\n");
    draft
}

/// Adds a heading and the text of the assertion, in which `{{ name }}` is a variable of the tests.
fn told(draft: &mut Draft, heading: &str, text: &str) {
    draft.template.body.push_str(&format!("{heading}\n"));
    draft.template.extend(template::of_braces(text.trim_end(), template::plain_path));
    draft.template.body.push_str("\n\n");
}

/// Adds a heading and a field of the record between fences.
fn shown(draft: &mut Draft, heading: &str, field: &str) {
    let fenced = format!("{heading}\n{{{{ {field} | fenced }}}}\n");
    let optional = draft.optional.contains(&field);
    let body =
        if optional { format!("{{%- if {field} %}}\n{fenced}\n{{% endif %}}") } else { fenced };
    draft.template.extend(Template { body, fields: vec![field.to_owned()], lost: Vec::new() });
}

/// A rubric in words: pass or fail, or with a threshold a score from 0 to 1.
fn rubric(name: &str, assertion: &Value, value: &str) -> Draft {
    let threshold = assertion.get("threshold").filter(|least| least.is_number());
    let mut draft = draft(name, assertion, if threshold.is_some() { "score" } else { "label" });
    told(&mut draft, "Judge the output by this rubric, and by nothing else.\n\nRubric", value);
    shown(&mut draft, "Output", "output");
    if let Some(least) = threshold {
        draft.notes.push("the score alone decides, not `pass` and the score together".into());
        draft.key("scale", json!({ "min": 0, "max": 1, "step": "any" }));
        draft.key("verdict", json!({ "mark": true })).key("pass", format!("score >= {least}"));
        draft.ask(
            "Score",
            "First say how far the output meets the rubric.",
            "a number {{ scale }}, where {{ scale.max }} means that it is met in full",
        );
    } else {
        draft.key("scale", json!({ "labels": { "pass": 1, "fail": 0 } }));
        draft.key("verdict", json!({ "mark": true })).key("pass", "label = pass");
        draft.ask(
            "Verdict",
            "First say whether the output meets the rubric, and why.",
            "pass or fail",
        );
    }
    draft
}

/// How an answer relates to a reference: five letters, of which only a contradiction is worth nothing.
fn factuality(name: &str, assertion: &Value, value: &str) -> Draft {
    const CASES: &str = "Compare the facts of the output with those of the reference, not their style:\n\
        A: the output states a part of the facts of the reference, and contradicts none of them.\n\
        B: the output states all facts of the reference and more, and contradicts none of them.\n\
        C: both state the same facts.\n\
        D: the output contradicts the reference.\n\
        E: they differ, but in nothing that matters for what is true.";
    let mut draft = draft(name, assertion, "score");
    shown(&mut draft, "Question", "input");
    told(&mut draft, "Reference, which is correct", value);
    shown(&mut draft, "Output", "output");
    draft.template.body.push_str(&format!("\n{CASES}\n"));
    draft.key("scale", json!({ "labels": { "A": 1, "B": 1, "C": 1, "D": 0, "E": 1 } }));
    draft.key("verdict", json!({ "mark": true })).key("pass", "score > 0");
    draft.ask("Category", "First compare them fact by fact.", "A, B, C, D or E");
    draft
}

/// One criterion of G-Eval, scored from 0 to 10.
fn g_eval(name: &str, assertion: &Value, value: &str) -> Draft {
    const THRESHOLD: f64 = 0.7;
    let mut draft = draft(name, assertion, "score");
    let least = assertion.get("threshold").and_then(Value::as_f64).unwrap_or(THRESHOLD);
    if assertion.get("value").is_some_and(Value::is_array) {
        draft.notes.push(
            "each criterion is a prompt of its own: promptfoo takes the mean of their scores"
                .into(),
        );
    }
    draft
        .notes
        .push("the steps of the evaluation are not written first in a request of their own".into());
    told(
        &mut draft,
        "Judge the output by this criterion, and by nothing else.\n\nCriterion",
        value,
    );
    shown(&mut draft, "Input", "input");
    shown(&mut draft, "Output", "output");
    draft.key("scale", json!({ "min": 0, "max": 10 }));
    draft.key("verdict", json!({ "mark": true })).key("pass", format!("normalized >= {least}"));
    draft.ask(
        "Score",
        "First list the steps by which to check the criterion, and take them one by one.",
        "a whole number {{ scale }}",
    );
    draft
}
