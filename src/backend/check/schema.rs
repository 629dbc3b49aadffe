//! `check:json-schema`: whether the answer is JSON that fits the schema in the reference.
//!
//! Every draft that the crate `jsonschema` supports is accepted. References to other documents are refused: a
//! schema from a record can load nothing from the network or the disk.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::{Finding, unfit};
use crate::error::{Result, json_fault};

/// The most violations that a critique lists.
const MOST: usize = 5;

/// Checks an answer. The critique lists the violations, so that a policy can revise the answer.
///
/// # Errors
/// The reference is not a JSON schema, or refers to another document.
pub(super) fn check(answer: &str, reference: &str) -> Result<Finding> {
    let schema = serde_json::from_str(reference.trim())
        .map_err(|cause| unfit(reference, "is not a JSON schema").because(json_fault(&cause)))?;
    let validator = validator(&schema, reference)?;
    let Some(value) = json_of(answer) else {
        return Ok(Finding::new(false, "The answer is not valid JSON."));
    };
    let mistakes: Vec<String> = validator
        .iter_errors(&value)
        .take(MOST)
        .map(|error| match error.instance_path().to_string() {
            path if path.is_empty() => format!("- {error}"),
            path => format!("- at {path}: {error}"),
        })
        .collect();
    Ok(match mistakes.as_slice() {
        [] => Finding::new(true, "The answer is JSON that fits the schema."),
        _ => Finding::new(
            false,
            format!("The answer does not fit the schema:\n{}", mistakes.join("\n")),
        ),
    })
}

/// Builds the validator. Patterns of the schema are matched in time linear in the text.
///
/// # Errors
/// The schema is invalid, or refers to another document.
fn validator(schema: &Value, reference: &str) -> Result<Validator> {
    let built = jsonschema::options().with_pattern_options(PatternOptions::regex()).build(schema);
    built.map_err(|cause| {
        unfit(reference, "is not a JSON schema that can be used").because(cause.to_string())
    })
}

/// The answer as JSON: all of it, or its last fenced code block.
fn json_of(answer: &str) -> Option<Value> {
    let fenced = || {
        let (before, _) = answer.trim_end().rsplit_once("```")?;
        let (_, block) = before.rsplit_once("```")?;
        let block = block.strip_prefix("json").unwrap_or(block);
        serde_json::from_str(block.trim()).ok()
    };
    serde_json::from_str(answer.trim()).ok().or_else(fenced)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"{"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}}}"#;

    fn checked(answer: &str) -> (bool, String) {
        let finding = check(answer, SCHEMA).unwrap();
        (finding.holds == Some(true), finding.why)
    }

    #[test]
    fn the_answer_or_its_last_fenced_block_fits_the_schema() {
        assert!(checked(r#"{"name": "ada"}"#).0);
        assert!(checked("Here:\n```json\n{\"name\": \"ada\"}\n```\n").0);
        assert!(checked("```\n{}\n```\nbetter:\n```\n{\"name\": \"ada\"}\n```").0);
        assert_eq!(checked("name: ada"), (false, "The answer is not valid JSON.".into()));
        let (holds, why) = checked(r#"{"name": "Ada"}"#);
        assert!(!holds && why.contains("at /name:"), "{why}");
    }

    #[test]
    fn a_reference_that_is_no_schema_costs_its_record_and_nothing_is_fetched() {
        for reference in
            ["nonsense", "{\"type\": 3}", "{\"$ref\": \"http://127.0.0.1:9/schema.json\"}"]
        {
            let refused = check("{}", reference).map(|finding| finding.why).unwrap_err();
            assert!(refused.to_string().contains("schema"), "{refused}");
        }
    }
}
