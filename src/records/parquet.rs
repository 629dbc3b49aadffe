//! Parquet files, row by row.
//!
//! Rows are read on a thread of their own, a few ahead, because the readers of the library cannot move
//! between threads. A damaged file can make the library panic: the panic is caught and becomes an error
//! of the file.

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    thread,
};

use parquet::{
    basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::{ParquetError, Result},
    file::{
        properties::WriterProperties,
        reader::{FileReader, SerializedFileReader},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::Type,
};
use serde_json::{Map, Value};

/// The type of a column.
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

/// One row: its cells by the names of their columns.
type Row = Map<String, Value>;

/// The number of rows that are read ahead, so that reading and judging overlap.
const AHEAD: usize = 64;

/// The number of rows in a row group. They are held in memory until the group is written.
const GROUP: usize = 10_000;

/// The rows of a file, one at a time.
///
/// # Errors
/// The file is not a Parquet file. Damage further on is an error in place of the row.
///
/// # Cancellation
/// The thread that reads the rows ends when the iterator is dropped.
pub(super) fn rows(file: File) -> Result<impl Iterator<Item = Result<Row>> + Send> {
    // Opening the file here reports a file that is not Parquet before the first row.
    let reader = guarded(|| SerializedFileReader::new(file))??;
    let (sender, receiver) = mpsc::sync_channel(AHEAD);
    let reading = move || {
        let failed = match guarded(|| send_rows(&reader, &sender)) {
            Ok(result) => result.err(),
            Err(panicked) => Some(panicked),
        };
        // If the iterator was dropped, the error has no reader and is ignored.
        failed.map(|error| sender.send(Err(error)))
    };
    thread::Builder::new().name("parquet".into()).spawn(reading)?;
    Ok(receiver.into_iter())
}

/// Sends the rows of a file until the receiver is dropped.
fn send_rows(
    reader: &SerializedFileReader<File>,
    rows: &mpsc::SyncSender<Result<Row>>,
) -> Result<()> {
    for row in reader.get_row_iter(None)? {
        let record = match row?.to_json_value() {
            Value::Object(record) => record,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        if rows.send(Ok(record)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Calls the library, and turns a panic into an error of the file.
fn guarded<T>(read: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read))
        .map_err(|_| ParquetError::General("the file is damaged".into()))
}

/// Writes rows under these columns, compressed with zstd. A cell that does not fit its column is null.
///
/// # Errors
/// Writing fails, or `rows` returns an error.
pub(super) fn write<E: std::error::Error + Send + Sync + 'static>(
    file: File,
    columns: &[(String, ColumnType)],
    rows: impl Iterator<Item = std::result::Result<Row, E>>,
) -> Result<()> {
    let fields = columns.iter().map(|(name, kind)| Ok(Arc::new(field(name, *kind)?)));
    let schema = Type::group_type_builder("verdicts").with_fields(fields.collect::<Result<_>>()?);
    let packed = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(packed).build();
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema.build()?), Arc::new(properties))?;
    let mut group = Vec::new();
    for row in rows {
        group.push(row.map_err(|cause| ParquetError::External(Box::new(cause)))?);
        if group.len() == GROUP {
            write_group(writer.next_row_group()?, columns, &group)?;
            group.clear();
        }
    }
    if !group.is_empty() {
        write_group(writer.next_row_group()?, columns, &group)?;
    }
    writer.close().map(drop)
}

/// A column of the schema; every cell may be null.
fn field(name: &str, kind: ColumnType) -> Result<Type> {
    let (physical, logical) = match kind {
        ColumnType::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnType::Number => (Physical::DOUBLE, None),
        ColumnType::Whole => (Physical::INT64, None),
        ColumnType::Truth => (Physical::BOOLEAN, None),
    };
    Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

/// Writes one group of rows, column by column.
///
/// # Errors
/// The file cannot be written.
fn write_group(
    mut group: SerializedRowGroupWriter<'_, File>,
    columns: &[(String, ColumnType)],
    rows: &[Row],
) -> Result<()> {
    for (name, _) in columns {
        let Some(mut column) = group.next_column()? else { break };
        let cells = rows.iter().map(|row| row.get(name).unwrap_or(&Value::Null));
        match column.untyped() {
            ColumnWriter::ByteArrayColumnWriter(out) => {
                let (levels, values) = filled(cells.map(text));
                out.write_batch(&values, Some(&levels), None)?;
            }
            ColumnWriter::DoubleColumnWriter(out) => {
                let (levels, values) = filled(cells.map(Value::as_f64));
                out.write_batch(&values, Some(&levels), None)?;
            }
            ColumnWriter::Int64ColumnWriter(out) => {
                let (levels, values) = filled(cells.map(Value::as_i64));
                out.write_batch(&values, Some(&levels), None)?;
            }
            ColumnWriter::BoolColumnWriter(out) => {
                let (levels, values) = filled(cells.map(Value::as_bool));
                out.write_batch(&values, Some(&levels), None)?;
            }
            _ => (),
        }
        column.close()?;
    }
    group.close().map(drop)
}

/// The cells as Parquet writes them: the definition level of each cell (1 if it has a value, 0 if null),
/// and the values.
fn filled<T>(cells: impl Iterator<Item = Option<T>>) -> (Vec<i16>, Vec<T>) {
    let mut values = Vec::new();
    let level = |cell: Option<T>| {
        let held = i16::from(cell.is_some());
        values.extend(cell);
        held
    };
    let levels = cells.map(level).collect();
    (levels, values)
}

/// A cell of a column of texts; any other value as JSON.
fn text(value: &Value) -> Option<ByteArray> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.as_str().into()),
        other => Some(other.to_string().as_str().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn columns() -> Vec<(String, ColumnType)> {
        [
            ("id", ColumnType::Text),
            ("score. ä", ColumnType::Number),
            ("n", ColumnType::Whole),
            ("pass", ColumnType::Truth),
        ]
        .map(|(name, kind)| (name.to_owned(), kind))
        .to_vec()
    }

    fn row(value: Value) -> Row {
        serde_json::from_value(value).unwrap()
    }

    fn written(rows: &[Row]) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let rows = rows.iter().cloned().map(Ok::<_, std::io::Error>);
        write(file.reopen().unwrap(), &columns(), rows).unwrap();
        std::fs::read(file.path()).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<Row>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        rows(file.reopen().unwrap())?.collect()
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let rows = [
            row(json!({"id": "a", "score. ä": 4.5, "n": 3, "pass": true})),
            row(json!({"id": null, "score. ä": null, "n": null, "pass": null})),
        ];
        assert_eq!(read(&written(&rows)).unwrap(), rows);
        let odd = row(json!({"id": ["x"], "score. ä": "four", "n": 1.5}));
        let expected = row(json!({"id": "[\"x\"]", "score. ä": null, "n": null, "pass": null}));
        assert_eq!(read(&written(&[odd])).unwrap(), [expected]);
    }

    #[test]
    fn more_rows_than_a_group_holds_are_written_in_several() {
        let rows: Vec<Row> = (0..GROUP + 5)
            .map(|n| row(json!({"id": n.to_string(), "score. ä": null, "n": n, "pass": false})))
            .collect();
        assert_eq!(read(&written(&rows)).unwrap(), rows);
    }

    #[test]
    fn a_list_in_a_column_is_a_list() {
        use parquet::{data_type::ByteArrayType, schema::parser::parse_message_type};
        let schema = "message m { optional group answers (LIST) { repeated group list { optional binary element (STRING); } } }";
        let file = tempfile::NamedTempFile::new().unwrap();
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut writer =
            SerializedFileWriter::new(file.reopen().unwrap(), schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let values: Vec<ByteArray> = ["a", "b"].map(Into::into).to_vec();
        column.typed::<ByteArrayType>().write_batch(&values, Some(&[3, 3]), Some(&[0, 1])).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        let rows = rows(file.reopen().unwrap()).unwrap().collect::<Result<Vec<_>>>().unwrap();
        assert_eq!(rows, [row(json!({"answers": ["a", "b"]}))]);
    }

    #[test]
    fn a_damaged_file_is_an_error_or_a_shorter_one_and_never_a_panic() {
        let rows: Vec<Row> =
            (0..50).map(|n| row(json!({"id": format!("id {n}"), "n": n}))).collect();
        let whole = written(&rows);
        for cut in (0..whole.len()).step_by(7) {
            assert!(read(&whole[..cut]).is_err(), "cut at {cut}");
        }
        for at in (0..whole.len()).step_by(3) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x5A;
            // Most of these changes make the file unreadable, some change a value.
            let _ = read(&flipped);
        }
    }
}
