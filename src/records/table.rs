//! Results as the rows of a table: the input's columns, then flat columns of the verdict.
//!
//! The columns are known only when all rows were seen. So the journal is read twice: first to find the
//! columns and their types, then to write the rows. Memory holds the names of the columns and one row.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    line::{ResultLine, plain},
    verdict::CriterionVerdict,
};

/// A column of the verdict: its name, and how its cell is made from a line.
type Column = (&'static str, fn(&ResultLine) -> Option<Value>);

/// The columns of the verdict in their order. Columns that no row has are left out.
///
/// The version of a line, its votes and what only programs read have no column.
const COLUMNS: [Column; 29] = [
    ("id", |line| Some(line.id.clone().into())),
    ("kind", |line| json(line.verdict.kind)),
    ("verdict", |line| text(line.verdict.verdict.as_ref())),
    ("score", |line| line.verdict.score.map(plain)),
    ("raw", |line| line.verdict.raw.map(plain)),
    ("normalized", |line| line.normalized.map(Value::from)),
    ("expected_score", |line| line.expected_score.map(Value::from)),
    ("label", |line| text(line.verdict.label.as_ref())),
    ("p", |line| line.verdict.p.map(Value::from)),
    ("confidence", |line| line.verdict.confidence.map(Value::from)),
    ("mass", |line| line.mass.map(Value::from)),
    ("first_error", |line| line.verdict.first_error.map(Value::from)),
    ("preference", |line| json(line.verdict.preference)),
    ("consistent", |line| json(line.consistent)),
    ("ranking", |line| json(line.verdict.ranking.as_ref())),
    ("scores", |line| Some(line.verdict.scores.as_ref()?.iter().copied().map(plain).collect())),
    ("text", |line| text(line.verdict.text.as_ref())),
    ("pass", |line| line.pass.map(Value::from)),
    ("critique", |line| text(line.critique.as_ref())),
    ("unreadable", |line| Some(line.unreadable.as_ref()?.reason.name().into())),
    ("error", |line| text(Some(&line.error.as_ref()?.message))),
    ("model", |line| filled(&line.model)),
    ("prompt", |line| filled(&line.prompt.name)),
    ("prompt_tokens", |line| Some(line.usage?.prompt.into())),
    ("completion_tokens", |line| Some(line.usage?.completion.into())),
    ("cost", |line| line.usage.map(|_| line.cost.into())),
    ("latency_ms", |line| line.latency_ms.map(Value::from)),
    ("attempts", |line| line.attempts.map(Value::from)),
    ("key", |line| filled(&line.key)),
];

/// A value as a cell; `None` if there is no value.
fn json(value: Option<impl Serialize>) -> Option<Value> {
    serde_json::to_value(value?).ok()
}

/// A text as a cell; `None` if there is no text.
fn text(text: Option<&String>) -> Option<Value> {
    text.cloned().map(Value::from)
}

/// A text as a cell; `None` if it is empty.
fn filled(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| text.into())
}

/// The prefix of the columns of criteria, which come after the other columns of the verdict.
const CRITERION: &str = "criteria.";

/// The type of a column: that of all its cells, or text if they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnType {
    /// Texts; any other value as JSON.
    Text,
    /// Floats of 64 bits.
    Number,
    /// Integers of 64 bits.
    Whole,
    /// Booleans.
    Truth,
}

/// The columns of a table, found in a first pass over all rows.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// The columns of the input, in the order in which they first occur, with their types.
    own: Vec<(String, Option<ColumnType>)>,
    /// The columns of the verdict with their types. A type is `None` while all cells are empty.
    verdict: Vec<(String, Option<ColumnType>)>,
}

/// One result as two flat maps.
struct FlatRow {
    /// The fields of the record.
    own: Map<String, Value>,
    /// The columns of the verdict.
    verdict: Map<String, Value>,
}

impl Columns {
    /// Adds the columns of a line of results, or widens their types.
    pub(super) fn note(&mut self, line: ResultLine) {
        let flat = FlatRow::of(line);
        note(&mut self.own, &flat.own);
        note(&mut self.verdict, &flat.verdict);
    }

    /// The names and types of all columns.
    ///
    /// A column of the verdict whose name is also a column of the input is called `judge_…`. The
    /// exception is `id`, of which only the input's column is written.
    pub(super) fn named(&self) -> Vec<(String, ColumnType)> {
        let own = self.own.iter().map(|(name, holds)| (name.clone(), *holds));
        let verdict = self.ordered().filter(|(name, _)| !self.serves_both(name));
        let verdict = verdict.map(|(name, holds)| (self.unlike_own(name), *holds));
        own.chain(verdict).map(|(name, holds)| (name, holds.unwrap_or(ColumnType::Text))).collect()
    }

    /// The cells of one line, in the order of the columns.
    pub(super) fn row(&self, line: ResultLine) -> Map<String, Value> {
        let mut flat = FlatRow::of(line);
        let mut row = Map::new();
        for (name, _) in &self.own {
            row.insert(name.clone(), flat.own.remove(name).unwrap_or_default());
        }
        for (name, _) in self.ordered().filter(|(name, _)| !self.serves_both(name)) {
            row.insert(self.unlike_own(name), flat.verdict.remove(name).unwrap_or_default());
        }
        row
    }

    /// Whether the input has a column with this name.
    fn has_own(&self, name: &str) -> bool {
        self.own.iter().any(|(own, _)| own == name)
    }

    /// Whether the input's column also stands for the verdict's column of the same name: true only for
    /// `id`.
    fn serves_both(&self, name: &str) -> bool {
        name == "id" && self.has_own(name)
    }

    /// The name of a verdict's column, with the prefix `judge_` as long as the input has this name.
    fn unlike_own(&self, name: &str) -> String {
        if self.has_own(name) { self.unlike_own(&format!("judge_{name}")) } else { name.to_owned() }
    }

    /// The columns of the verdict in their documented order, criteria last.
    fn ordered(&self) -> impl Iterator<Item = &(String, Option<ColumnType>)> {
        let place = |name: &str| COLUMNS.iter().position(|(known, _)| *known == name);
        let mut all: Vec<_> = self.verdict.iter().collect();
        all.sort_by_key(|(name, _)| place(name).unwrap_or(COLUMNS.len()));
        all.into_iter()
    }
}

/// Adds the names of these cells, and widens the types of their columns.
fn note(columns: &mut Vec<(String, Option<ColumnType>)>, cells: &Map<String, Value>) {
    for (name, value) in cells {
        let held = held(value);
        match columns.iter_mut().find(|(known, _)| known == name) {
            Some((_, holds)) => *holds = joined(*holds, held),
            None => columns.push((name.clone(), held)),
        }
    }
}

/// The type of one cell; `None` for an empty cell, which fits any column.
fn held(value: &Value) -> Option<ColumnType> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(ColumnType::Truth),
        Value::Number(number) if number.is_i64() => Some(ColumnType::Whole),
        Value::Number(_) => Some(ColumnType::Number),
        _ => Some(ColumnType::Text),
    }
}

/// The narrowest type for the cells of both types.
fn joined(one: Option<ColumnType>, other: Option<ColumnType>) -> Option<ColumnType> {
    match (one, other) {
        (None, holds) | (holds, None) => holds,
        (Some(one), Some(other)) if one == other => Some(one),
        (
            Some(ColumnType::Number | ColumnType::Whole),
            Some(ColumnType::Number | ColumnType::Whole),
        ) => Some(ColumnType::Number),
        _ => Some(ColumnType::Text),
    }
}

impl FlatRow {
    /// The cells of a line.
    fn of(line: ResultLine) -> Self {
        let cells = COLUMNS.iter().filter_map(|(name, of)| Some(((*name).to_owned(), of(&line)?)));
        let mut verdict: Map<String, Value> = cells.collect();
        let column = |name: &str| format!("{CRITERION}{name}");
        if let Some(rubric) = line.verdict.rubric {
            verdict.extend(rubric.iter().map(|one| (column(&one.name), cell(one))));
        } else {
            let criteria = line.verdict.criteria.into_iter().flatten();
            verdict.extend(criteria.map(|(name, n)| (column(&name), plain(n))));
        }
        Self { own: line.item.unwrap_or_default(), verdict }
    }
}

/// The verdict on one criterion of a rubric: `met`, `unmet` or `cannot assess`, or a number on its scale.
fn cell(one: &CriterionVerdict) -> Value {
    match (one.verdict, one.value) {
        (None, Some(value)) => plain(value),
        _ => one.shown().into(),
    }
}

/// Writes cells as one row of a table, as text. An empty cell is an empty text.
pub(super) fn write_row(
    out: &mut csv::Writer<impl Write>,
    cells: impl Iterator<Item = Value>,
) -> io::Result<()> {
    for cell in cells {
        let text = match cell {
            Value::String(text) => guarded(text),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        out.write_field(visible(text)).map_err(io::Error::other)?;
    }
    out.write_record(None::<&[u8]>).map_err(io::Error::other)
}

/// The text with control characters as escapes, except for tabs and line breaks: a NUL ends a cell in many programs, and
/// ESC begins a command in a terminal that shows the table.
fn visible(text: String) -> String {
    let is_left = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    if text.chars().all(is_left) {
        return text;
    }
    let shown = |c: char| {
        if is_left(c) { c.to_string() } else { format!("\\u{{{:x}}}", u32::from(c)) }
    };
    text.chars().map(shown).collect()
}

/// Prevents a judged text from becoming a formula in a spreadsheet (CSV injection).
///
/// A text that begins like a formula, perhaps after blanks or invisible characters, gets an apostrophe
/// before it. Plain numbers such as `-1` are unchanged.
fn guarded(text: String) -> String {
    const SIGNS: [char; 9] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\u{2212}'];
    let is_skipped = |c: char| c.is_whitespace() || c.is_control() || is_invisible(c);
    let begins =
        text.trim_start_matches(is_skipped).starts_with(SIGNS) || text.starts_with(['\t', '\r']);
    if begins && !is_number(&text) { format!("'{text}") } else { text }
}

/// Characters that a spreadsheet may ignore before a formula.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

/// Whether a text is only a number.
fn is_number(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    text.chars().all(is_part) && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(value: Value) -> ResultLine {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_inputs_columns_come_first_and_the_verdicts_never_hide_them() {
        let mut columns = Columns::default();
        let one = line(json!({
            "id": "a", "verdict": "4", "score": 4, "usage": {"prompt": 9, "completion": 3},
            "prompt": {"name": "score", "hash": "x"}, "item": {"id": "a", "score": "mine", "tags": ["x"]},
        }));
        let two = line(
            json!({"id": "b", "unreadable": {"reason": "missing", "detail": "no rule"}, "item": {"id": "b", "more": 1}}),
        );
        columns.note(one.clone());
        columns.note(two.clone());
        let names: Vec<String> = columns.named().into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "id",
                "score",
                "tags",
                "more",
                "verdict",
                "judge_score",
                "unreadable",
                "prompt",
                "prompt_tokens",
                "completion_tokens",
                "cost",
            ]
        );
        assert_eq!(columns.named()[5].1, ColumnType::Whole);
        let row = columns.row(two);
        assert_eq!(row["unreadable"], "missing");
        assert_eq!(
            (row["id"].clone(), row["tags"].clone(), row["more"].clone()),
            (json!("b"), json!(null), json!(1))
        );
    }

    #[test]
    fn every_criterion_has_a_column() {
        let mut columns = Columns::default();
        columns.note(line(json!({"id": "a", "criteria": {"facts": 2.5, "tone": 4}})));
        let named = columns.named();
        assert_eq!(
            named[1..],
            [
                ("criteria.facts".into(), ColumnType::Number),
                ("criteria.tone".into(), ColumnType::Whole)
            ]
        );
    }

    #[test]
    fn a_rubric_has_its_score_and_the_word_for_each_criterion() {
        let mut columns = Columns::default();
        let one = line(json!({
            "id": "a", "kind": "criteria", "verdict": "0 (1 unmet, 1 cannot assess)", "score": 0, "raw": -0.5,
            "criteria": {"1": 0}, "rubric": [
                {"name": "1", "verdict": "unmet", "value": 0, "weight": 3},
                {"name": "2", "verdict": "cannot assess", "weight": 2},
            ],
        }));
        columns.note(one.clone());
        let names: Vec<String> = columns.named().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["id", "kind", "verdict", "score", "raw", "criteria.1", "criteria.2"]);
        let row = columns.row(one);
        assert_eq!(
            (&row["criteria.1"], &row["criteria.2"]),
            (&json!("unmet"), &json!("cannot assess"))
        );
    }

    #[test]
    fn a_text_is_no_formula() {
        for (text, shown) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-5", "-5"),
            ("+1.5e-3", "+1.5e-3"),
            ("- an item", "'- an item"),
            ("- HYPERLINK(\"http://x\", A1)", "'- HYPERLINK(\"http://x\", A1)"),
            ("-2+cmd|' /C calc'!A0", "'-2+cmd|' /C calc'!A0"),
            ("-inf", "'-inf"),
            (" \n=1+1", "' \n=1+1"),
            ("\u{FEFF}\u{200B}=1", "'\u{FEFF}\u{200B}=1"),
            ("＝1+1", "'＝1+1"),
            ("＠SUM(A1)", "'＠SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("\nx", "\nx"),
            ("'=1", "'=1"),
            ("plain = text", "plain = text"),
        ] {
            assert_eq!(guarded(text.into()), shown);
        }
    }

    #[test]
    fn control_characters_are_shown_and_other_texts_are_exact() {
        let mut out = csv::Writer::from_writer(Vec::new());
        let cells =
            [json!("a\u{1b}[2J\u{0}\u{7f}\u{9b}b"), json!("one\ttwo\r\nthree"), json!(["\u{85}"])];
        write_row(&mut out, cells.into_iter()).unwrap();
        let row = String::from_utf8(out.into_inner().unwrap()).unwrap();
        assert_eq!(
            row,
            "a\\u{1b}[2J\\u{0}\\u{7f}\\u{9b}b,\"one\ttwo\r\nthree\",\"[\"\"\\u{85}\"\"]\"\n"
        );
    }
}
