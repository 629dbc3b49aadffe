//! JSON objects that contain many records instead of one: columns, tables by index, wrappers.
//!
//! Data frames and APIs write such objects, and a judge would see one as a single odd answer. They are
//! rejected, and the hint shows how to turn them into records.
//!
//! | shape | as written by |
//! |---|---|
//! | `{"question": ["q", "r"], "answer": ["a", "b"]}` | `df.to_dict("list")` |
//! | `{"question": {"0": "q"}, "answer": {"0": "a"}}` | `df.to_json()` |
//! | `{"columns": […], "index": […], "data": [[…]]}` | `df.to_json(orient="split")` |
//! | `{"0": {"question": "q"}, "1": {…}}` | `df.to_json(orient="index")` |
//! | `{"data": [{"question": "q"}, …]}` | many APIs |

use serde_json::{Map, Value};

use super::input::wrong;
use crate::{error::Result, item};

/// Rejects a JSON object that contains many records.
///
/// # Errors
/// It contains columns, or records under numbers or under one name; the hint shows how to convert it.
pub(super) fn check(record: &Map<String, Value>) -> Result<()> {
    if are_columns(record) || are_indexed_columns(record) || is_split(record) {
        return Err(wrong("it holds columns, and a record has one value in each field").hint(
            "write one record per line: in pandas df.to_json('x.jsonl', orient='records', lines=True)",
        ));
    }
    if !record.is_empty() && are_numbers(record) && record.values().all(Value::is_object) {
        return Err(wrong("it holds records under numbers, and is not one record itself")
            .hint("write them one by one: jq -c '.[]' FILE"));
    }
    if let Some(name) = wrapped(record) {
        return Err(wrong(format!("it holds its records in the field `{name}`"))
            .hint(format!("write them one by one: jq -c '.{name}[]' FILE")));
    }
    Ok(())
}

/// Whether a field of this name contains one text in a well-formed record.
fn is_single(name: &str) -> bool {
    let may_be_list = ["chosen", "rejected"].contains(&name) || name.contains("context");
    item::is_known(name) && !item::is_list(name) && !may_be_list
}

/// The length of a list of plain values; `None` for anything else, including an empty list.
fn texts(value: &Value) -> Option<usize> {
    let list = value.as_array()?;
    let is_cell = |cell: &Value| !cell.is_array() && !cell.is_object();
    (!list.is_empty() && list.iter().all(is_cell)).then_some(list.len())
}

/// Whether two fields that should contain one text contain lists of equal length.
///
/// Every other list in the record must have the same length too.
fn are_columns(record: &Map<String, Value>) -> bool {
    let single = || record.iter().filter(|(name, _)| is_single(name));
    let lengths: Vec<_> = single().map(|(_, value)| texts(value)).collect();
    let Some(Some(first)) = lengths.first() else { return false };
    let alike = lengths.iter().all(|length| length.as_ref() == Some(first));
    let whole = || {
        record.len() > 1
            && record.iter().all(|(name, value)| {
                !item::is_list(name) && value.as_array().is_some_and(|list| list.len() == *first)
            })
    };
    alike && (lengths.len() > 1 || whole())
}

/// Whether the object has the shape `{"question": {"0": …, "1": …}, "answer": {"0": …, "1": …}}`.
fn are_indexed_columns(record: &Map<String, Value>) -> bool {
    let is_column = |value: &Value| {
        value.as_object().is_some_and(|column| !column.is_empty() && are_numbers(column))
    };
    record.keys().any(|name| is_single(name)) && record.values().all(is_column)
}

/// Whether the object has the shape `{"columns": […], "index": […], "data": [[…]]}`.
fn is_split(record: &Map<String, Value>) -> bool {
    let rows = record.get("data").and_then(Value::as_array);
    let rows = rows.is_some_and(|rows| rows.iter().all(Value::is_array));
    rows && record.get("columns").is_some_and(Value::is_array)
}

/// Whether every key is a number.
fn are_numbers(map: &Map<String, Value>) -> bool {
    map.keys().all(|key| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The name of the only list of records, in an object that has no field of a record itself.
fn wrapped(record: &Map<String, Value>) -> Option<&str> {
    let is_record = |value: &Value| {
        value.as_object().is_some_and(|inner| inner.keys().any(|name| is_single(name)))
    };
    let holds_records = |value: &Value| {
        value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(is_record))
    };
    let is_part = |name: &str| item::is_known(name) || item::is_list(name);
    // A record may hold messages or answers as objects beside a list of others.
    let holds_an_answer = record.values().any(is_record);
    if holds_an_answer || record.keys().any(|name| is_part(name)) {
        return None;
    }
    let mut lists = record.iter().filter(|(_, value)| holds_records(value));
    let (name, _) = lists.next()?;
    lists.next().is_none().then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fault(record: Value) -> String {
        let Value::Object(record) = record else { return String::new() };
        check(&record).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn columns_and_wrappers_are_refused_and_records_are_not() {
        for columns in [
            json!({"question": ["q", "r"], "answer": ["a", "b"]}),
            json!({"question": ["q"], "answer": ["a"], "name": "set"}),
            json!({"answer": ["a", "b"], "who": ["x", "y"]}),
            json!({"question": {"0": "q", "1": "r"}, "answer": {"0": "a", "1": "b"}}),
            json!({"columns": ["question"], "index": [0], "data": [["q"]]}),
        ] {
            assert!(fault(columns.clone()).contains("it holds columns"), "{columns}");
        }
        assert!(
            fault(json!({"0": {"answer": "a"}, "1": {"answer": "b"}})).contains("under numbers")
        );
        let wrapped = json!({"version": 1, "data": [{"answer": "a"}, {"answer": "b"}]});
        assert!(fault(wrapped).contains("in the field `data`"));
        for record in [
            json!({"question": "q", "answer": ["a", "b"]}),
            json!({"question": "q", "answers": ["a", "b"], "models": ["x", "y"]}),
            json!({"steps": ["a", "b"], "labels": [1, 0]}),
            json!({"prompt": [{"role": "user"}], "chosen": [{"role": "assistant"}]}),
            json!({"chosen": ["a", "b"], "rejected": ["c", "d"], "prompt": "p"}),
            json!({"answer": {"text": "a"}, "question": {"text": "q"}}),
            json!({"bon_uid": 7, "bon_best": {"answer": "a"}, "loser_list": [{"answer": "b"}, {"answer": "c"}]}),
            json!({"answer": ["a", "b"]}),
            json!({"messages": [{"role": "user", "content": "x"}]}),
            json!({}),
        ] {
            assert_eq!(fault(record.clone()), "", "{record}");
        }
    }
}
