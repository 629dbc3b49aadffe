//! Any bytes, read as a JSONL file: a record or an error for every line, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tribunal::records::{FieldMap, Source, read};

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("tribunal-fuzz-{}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace)).count();
    let records = read(vec![Source::File(path.clone())], FieldMap::default()).unwrap();
    assert_eq!(records.map(Result::unwrap).count(), lines);
    std::fs::remove_file(path).unwrap();
});
