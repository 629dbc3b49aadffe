//! Any bytes, read in every format: records or errors, at least one, and never a panic or a hang.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tribunal::records::{InputFormat, ReadOptions, Source, read};

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("tribunal-fuzz-{}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    for format in [InputFormat::Jsonl, InputFormat::Json, InputFormat::Csv, InputFormat::Tsv, InputFormat::Text] {
        for delimiter in [None, Some(b';')] {
            let options = ReadOptions { format: Some(format), delimiter };
            let records = read(vec![Source::File(path.clone())], options).count();
            assert!((1..=bytes.len() + 1).contains(&records));
        }
    }
    std::fs::remove_file(path).unwrap();
});
