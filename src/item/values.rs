//! JSON values of records: filled or blank, their type, their steps, and characters that none may hold.

use serde_json::Value;

/// Whether a value holds something: it is neither null, nor a blank text, nor an empty list or object.
///
/// Numbers and booleans always do. A record's blank field does not win over a filled one of the same meaning.
pub fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// How many bytes all texts of a value have, however deeply nested.
pub(crate) fn text_length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(text_length).sum(),
        Value::Object(map) => map.values().map(text_length).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// The type of a value with its article, for error messages: `a number`, `a list` …
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Cuts a text into steps: its paragraphs between blank lines; where it has only one, its lines.
///
/// Steps have no blanks at their ends, and none is empty. The lines of a paragraph stay together. Step-level
/// protocols such as ProcessBench (Zheng et al. 2024) count these, from 0.
///
/// ```
/// use tribunal::item::split_steps;
///
/// assert_eq!(split_steps("a\nb\n\nc"), ["a\nb", "c"]);
/// assert_eq!(split_steps("a\nb"), ["a", "b"]);
/// ```
pub fn split_steps(text: &str) -> Vec<String> {
    let filled = |steps: Vec<String>| -> Vec<String> {
        steps.into_iter().filter(|step| !step.is_empty()).collect()
    };
    let mut paragraphs = vec![String::new()];
    for line in text.lines() {
        match paragraphs.last_mut() {
            Some(last) if !line.trim().is_empty() => {
                if !last.is_empty() {
                    last.push('\n');
                }
                last.push_str(line.trim_end());
            }
            _ => paragraphs.push(String::new()),
        }
    }
    let paragraphs = filled(paragraphs);
    if paragraphs.len() > 1 {
        return paragraphs;
    }
    filled(text.lines().map(|line| line.trim().to_owned()).collect())
}

/// Whether a character is one of the Unicode noncharacters (U+FDD0 to U+FDEF) that mark the origin of each
/// piece of a rendered prompt. Unicode assigns them no text, and no record may contain one.
pub(crate) fn is_noncharacter(c: char) -> bool {
    ('\u{FDD0}'..='\u{FDEF}').contains(&c)
}

/// Removes noncharacters from every text of a value, however deeply nested; the number that was removed.
pub(super) fn clean(value: &mut Value) -> usize {
    match value {
        Value::String(text) => {
            let found = text.chars().filter(|&c| is_noncharacter(c)).count();
            if found > 0 {
                text.retain(|c| !is_noncharacter(c));
            }
            found
        }
        Value::Array(list) => list.iter_mut().map(clean).sum(),
        Value::Object(map) => map.values_mut().map(clean).sum(),
        _ => 0,
    }
}
