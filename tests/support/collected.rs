//! Collected judgments and published figures. They stand beside the project and are no part of it, so that tests which
//! need them are ignored.

#![allow(clippy::panic, reason = "in tests a panic is the report")]

use std::{env, fs, path::Path};

use serde_json::Value;

/// The text of a collected file. The folder is `TRIBUNAL_TEST_DATA`, or `../shared/data` beside the checkout.
pub fn text(file: &str) -> String {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let path = env::var_os("TRIBUNAL_TEST_DATA").map_or_else(beside, Into::into).join(file);
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The records of `NAME.jsonl`.
pub fn records(name: &str) -> Vec<Value> {
    let text = text(&format!("{name}.jsonl"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The published figures of this name.
pub fn published(name: &str) -> Value {
    let all: Value = serde_json::from_str(&text("anchors.json")).unwrap();
    all["anchors"][name]["value"].clone()
}
