//! Model files that are damaged: whatever is wrong with one, the program ends with an error and its name.

#![cfg(all(feature = "cli", feature = "llama", feature = "tiny", unix))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]

use std::{fs, os::unix::process::ExitStatusExt, process::Stdio};

use crate::support::Place;

/// A GGUF file as bytes, with the places of its values.
struct Gguf {
    bytes: Vec<u8>,
    /// Key, type, and where the value is.
    values: Vec<(String, u32, usize)>,
    /// Name, and where its dimensions, type and offset are.
    tensors: Vec<(String, usize)>,
}

const TEXT: u32 = 8;
const ARRAY: u32 = 9;

impl Gguf {
    fn tiny() -> Self {
        let mut gguf =
            Self { bytes: fs::read("models/tiny.gguf").unwrap(), values: vec![], tensors: vec![] };
        let (tensors, keys) = (gguf.large(8), gguf.large(16));
        let mut at = 24;
        for _ in 0..keys {
            let key = gguf.text(at);
            at += 8 + key.len();
            let kind = gguf.small(at);
            at += 4;
            gguf.values.push((key, kind, at));
            at += gguf.length(kind, at);
        }
        for _ in 0..tensors {
            let name = gguf.text(at);
            at += 8 + name.len();
            gguf.tensors.push((name, at));
            at += 4 + 8 * usize::try_from(gguf.small(at)).unwrap() + 4 + 8;
        }
        gguf
    }

    fn small(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    fn large(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap())
    }

    fn text(&self, at: usize) -> String {
        let length = usize::try_from(self.large(at)).unwrap();
        String::from_utf8(self.bytes[at + 8..at + 8 + length].to_vec()).unwrap()
    }

    fn length(&self, kind: u32, at: usize) -> usize {
        let count = |at| usize::try_from(self.large(at)).unwrap();
        match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            10..=12 => 8,
            TEXT => 8 + count(at),
            ARRAY => {
                let (kind, mut end) = (self.small(at), at + 12);
                for _ in 0..count(at + 4) {
                    end += self.length(kind, end);
                }
                end - at
            }
            _ => panic!("type {kind}"),
        }
    }

    fn value(&self, key: &str) -> usize {
        self.values.iter().find(|(known, ..)| known == key).unwrap().2
    }

    /// The file with these bytes written over.
    fn with(&self, at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut changed = self.bytes.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    }
}

/// How the program ended with this file.
struct Ended {
    signal: Option<i32>,
    code: Option<i32>,
    err: String,
}

fn judged(place: &Place, bytes: &[u8]) -> Ended {
    let record = r#"{"question": "12 + 30 - 5", "answer": "12 + 30 = 42\n42 - 5 = 37"}"#;
    let model = place.file("m.gguf", bytes);
    place.file("r.jsonl", record);
    let args = ["judge", "r.jsonl", "-m", &model, "-p", "tiny-score"];
    let ended = place.command(&args).stdin(Stdio::null()).output().unwrap();
    Ended {
        signal: ended.status.signal(),
        code: ended.status.code(),
        err: String::from_utf8_lossy(&ended.stderr).into_owned(),
    }
}

#[test]
fn values_that_no_model_has_are_refused_by_their_key() {
    let place = Place::new("engine-values");
    let gguf = Gguf::tiny();
    let tokens = gguf.value("tokenizer.ggml.token_type") + 4;
    for (key, bytes) in [
        ("llama.block_count", 0_u32.to_le_bytes()),
        ("llama.block_count", 1_000_u32.to_le_bytes()),
        ("llama.block_count", u32::MAX.to_le_bytes()),
        ("llama.context_length", 0_u32.to_le_bytes()),
        ("llama.embedding_length", 0_u32.to_le_bytes()),
        ("llama.attention.head_count", 0_u32.to_le_bytes()),
        ("llama.attention.head_count_kv", 3_u32.to_le_bytes()),
        ("llama.rope.dimension_count", 4_096_u32.to_le_bytes()),
        ("llama.rope.dimension_count", 31_u32.to_le_bytes()),
        ("llama.rope.freq_base", f32::NAN.to_le_bytes()),
        ("llama.rope.freq_base", 0_f32.to_le_bytes()),
        ("llama.attention.layer_norm_rms_epsilon", (-1_f32).to_le_bytes()),
        ("llama.attention.layer_norm_rms_epsilon", f32::NAN.to_le_bytes()),
        ("llama.attention.layer_norm_rms_epsilon", f32::INFINITY.to_le_bytes()),
    ] {
        let ended = judged(&place, &gguf.with(gguf.value(key), &bytes));
        assert_eq!(ended.code, Some(2), "{key} {bytes:?}: {:?} {}", ended.signal, ended.err);
        assert!(ended.err.contains("m.gguf`: `") && ended.err.contains(key), "{}", ended.err);
    }
    let shorter = judged(&place, &gguf.with(tokens, &500_u64.to_le_bytes()));
    assert_eq!(shorter.code, Some(2), "{:?} {}", shorter.signal, shorter.err);
}

#[test]
fn files_that_are_cut_are_refused() {
    let place = Place::new("engine-cut");
    let gguf = Gguf::tiny();
    let header = gguf.tensors[0].1;
    for length in [24, 100, gguf.value("tokenizer.ggml.tokens") + 40, header, gguf.bytes.len() - 1]
    {
        let ended = judged(&place, &gguf.bytes[..length]);
        assert!(matches!(ended.code, Some(2 | 3)), "{length}: {:?} {}", ended.signal, ended.err);
        assert!(ended.err.contains("m.gguf"), "{}", ended.err);
    }
}

#[test]
fn a_file_that_ends_llama_cpp_is_an_error_with_its_reason() {
    let place = Place::new("engine-aborts");
    let gguf = Gguf::tiny();
    // Two tokens with one text: llama.cpp asserts that there are none.
    let first = gguf.value("tokenizer.ggml.tokens") + 12;
    let length = usize::try_from(gguf.large(first)).unwrap();
    let second = first + 8 + length;
    assert_eq!(gguf.large(second), gguf.large(first), "neighbours of one length");
    let twin = gguf.bytes[first + 8..first + 8 + length].to_vec();
    let ended = judged(&place, &gguf.with(second + 8, &twin));
    assert_eq!((ended.signal, ended.code), (None, Some(3)), "{}", ended.err);
    assert!(ended.err.contains("llama.cpp does not survive") && ended.err.contains("m.gguf"));
    assert!(ended.err.contains("GGML_ASSERT"), "{}", ended.err);
}

/// Every number in the header, each changed in three ways, and every tensor: minutes, so that only a
/// sample runs by default.
fn mutants(gguf: &Gguf) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (key, kind, at) in &gguf.values {
        let changes: Vec<Vec<u8>> = match *kind {
            4 | 5 => [0, 1, u32::MAX].iter().map(|n| n.to_le_bytes().to_vec()).collect(),
            6 => [-1.0, f32::NAN, 1e30].iter().map(|n: &f32| n.to_le_bytes().to_vec()).collect(),
            7 => vec![vec![1], vec![255]],
            TEXT => vec![u64::MAX.to_le_bytes().to_vec(), 0_u64.to_le_bytes().to_vec()],
            _ => vec![12_u32.to_le_bytes().to_vec(), 99_u32.to_le_bytes().to_vec()],
        };
        all.extend(
            changes.into_iter().map(|bytes| (format!("{key} {bytes:?}"), gguf.with(*at, &bytes))),
        );
    }
    for (name, at) in &gguf.tensors {
        let dimensions = usize::try_from(gguf.small(*at)).unwrap();
        let kind = at + 4 + 8 * dimensions;
        for (what, at, bytes) in [
            ("dimensions", *at, 9_u32.to_le_bytes().to_vec()),
            ("a dimension", at + 4, 0_u64.to_le_bytes().to_vec()),
            ("a dimension", at + 4, u64::MAX.to_le_bytes().to_vec()),
            ("a type", kind, 77_u32.to_le_bytes().to_vec()),
            ("an offset", kind + 4, u64::MAX.to_le_bytes().to_vec()),
            ("an offset", kind + 4, 33_u64.to_le_bytes().to_vec()),
        ] {
            all.push((format!("{name} {what}"), gguf.with(at, &bytes)));
        }
    }
    all
}

#[test]
fn no_damage_of_the_header_ends_the_program_by_a_signal() {
    let place = Place::new("engine-mutants");
    let gguf = Gguf::tiny();
    let all = std::env::var_os("TRIBUNAL_ALL_MUTANTS").is_some();
    for (n, (what, bytes)) in mutants(&gguf).into_iter().enumerate() {
        if !all && n % 13 != 0 {
            continue;
        }
        let ended = judged(&place, &bytes);
        assert_eq!(ended.signal, None, "{what}: {}", ended.err);
        // Some damage changes nothing that matters.
        assert!(ended.code == Some(0) || ended.err.contains("error: "), "{what}: {}", ended.err);
    }
}
