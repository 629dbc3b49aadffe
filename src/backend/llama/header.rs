//! The header of a GGUF file, and the values in it that llama.cpp does not check.
//!
//! Some wrong values crash the process inside llama.cpp. Those that a damaged or faulty file is likely to
//! have are refused here, with the name of their key. Other crashes happen in a separate process (see
//! [`super::trial`]).

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use crate::error::{Error, ErrorKind, Result};

/// The most blocks that llama.cpp supports.
const BLOCKS: f64 = 512.0;

/// The sizes in bytes of all value types except strings and arrays.
const SIZES: [(u32, u64); 11] =
    [(0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (6, 4), (7, 1), (10, 8), (11, 8), (12, 8)];
/// The type of a string: its length in 8 bytes, then UTF-8.
const TEXT: u32 = 8;
/// The type of an array: the type of its elements, their number, and the elements.
const ARRAY: u32 = 9;

/// The metadata of a file, by type. Strings are skipped except for the architecture, because none of them can
/// crash the process.
#[derive(Debug, Default)]
struct Header {
    /// `general.architecture`, which prefixes the keys of the architecture.
    architecture: String,
    /// Numbers and booleans by key.
    numbers: HashMap<String, f64>,
    /// The number of elements of each array, by key.
    arrays: HashMap<String, u64>,
    /// The names of the outputs of a classifier; empty if it has none.
    labels: Vec<String>,
}

/// The classifier at the end of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Classifier {
    /// The architecture of the model.
    pub(super) architecture: String,
    /// The names of its outputs; llama.cpp takes their number from here, and 1 if there are none.
    pub(super) labels: Vec<String>,
}

/// The pooling of models that end in a classifier ("rank").
const RANK: f64 = 4.0;

/// The classifier of a model; `None` if it has none, or the header cannot be read.
///
/// The number of outputs that llama.cpp reports does not tell: it is 1 for models without a classifier too.
pub(super) fn classifier(path: &Path) -> Option<Classifier> {
    let header = Header::read(path).ok()?;
    header.number("pooling_type").filter(|pooling| (pooling - RANK).abs() < 0.5)?;
    Some(Classifier { architecture: header.architecture, labels: header.labels })
}

/// Why a header cannot be read.
enum Unread {
    /// It ends too early, or contains a length that exceeds the file.
    Damaged,
    /// Its version or a type is unknown here; llama.cpp may support it.
    Unknown,
    /// The file cannot be read.
    Io(io::Error),
}

impl From<io::Error> for Unread {
    fn from(cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged,
            _ => Self::Io(cause),
        }
    }
}

/// Refuses a file whose header would crash llama.cpp.
///
/// # Errors
/// The header is damaged, or a value fails an assertion of llama.cpp; the error names its key. A header of an
/// unknown version passes, because llama.cpp itself refuses what it does not support.
pub(super) fn check(path: &Path) -> Result<()> {
    let shown = path.display();
    let wrong = |message: String| {
        Error::new(ErrorKind::Config, format!("`{shown}`: {message}"))
            .hint("the file is damaged, or a faulty tool made it: get it again")
    };
    match Header::read(path) {
        Ok(header) => header.fault().map_or(Ok(()), |fault| Err(wrong(fault))),
        Err(Unread::Damaged) => Err(wrong("the file ends inside its header".into())),
        Err(Unread::Unknown) => Ok(()),
        Err(Unread::Io(cause)) => Err(wrong("the file cannot be read".into()).because(cause)),
    }
}

/// A file that is read from its start.
struct Reader {
    /// The file.
    file: BufReader<File>,
    /// The bytes that are left; no length in the file may exceed this number.
    left: u64,
}

impl Reader {
    /// The next `N` bytes.
    ///
    /// # Errors
    /// The file ends before.
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Unread> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        self.left = self.left.saturating_sub(N as u64);
        Ok(bytes)
    }

    /// The next 4 bytes as a little-endian number.
    fn small(&mut self) -> Result<u32, Unread> {
        self.bytes().map(u32::from_le_bytes)
    }

    /// The next 8 bytes as a little-endian number.
    fn large(&mut self) -> Result<u64, Unread> {
        self.bytes().map(u64::from_le_bytes)
    }

    /// Skips `count` bytes. A length that exceeds the file means damage; no memory is allocated for it.
    fn skip(&mut self, count: u64) -> Result<(), Unread> {
        self.left = self.left.checked_sub(count).ok_or(Unread::Damaged)?;
        match i64::try_from(count) {
            Ok(count) if count < 4096 => Ok(self.file.seek_relative(count)?),
            Ok(count) => {
                self.file.seek(SeekFrom::Current(count))?;
                Ok(())
            }
            Err(_) => Err(Unread::Damaged),
        }
    }

    /// The next string. Invalid UTF-8 is replaced, since the string is only compared and shown.
    fn text(&mut self) -> Result<String, Unread> {
        let length = self.large()?;
        if length > self.left {
            return Err(Unread::Damaged);
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| Unread::Damaged)?];
        self.file.read_exact(&mut bytes)?;
        self.left -= length;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The next number of this type, of any width.
    #[expect(clippy::cast_precision_loss, reason = "only small values are compared")]
    fn number(&mut self, kind: u32) -> Result<f64, Unread> {
        Ok(match kind {
            0 | 7 => f64::from(self.bytes::<1>()?[0]),
            1 => f64::from(i8::from_le_bytes(self.bytes()?)),
            2 => f64::from(u16::from_le_bytes(self.bytes()?)),
            3 => f64::from(i16::from_le_bytes(self.bytes()?)),
            4 => f64::from(self.small()?),
            5 => f64::from(i32::from_le_bytes(self.bytes()?)),
            6 => f64::from(f32::from_le_bytes(self.bytes()?)),
            10 => self.large()? as f64,
            11 => i64::from_le_bytes(self.bytes()?) as f64,
            12 => f64::from_le_bytes(self.bytes()?),
            _ => return Err(Unread::Unknown),
        })
    }

    /// The next array, of strings.
    fn texts(&mut self) -> Result<Vec<String>, Unread> {
        const MOST: u64 = 1024;
        let (kind, count) = (self.small()?, self.large()?);
        if kind != TEXT || count > MOST {
            return Err(Unread::Damaged);
        }
        (0..count).map(|_| self.text()).collect()
    }

    /// Skips an array, and returns its number of elements.
    fn array(&mut self) -> Result<u64, Unread> {
        let (kind, count) = (self.small()?, self.large()?);
        if kind == TEXT {
            for _ in 0..count {
                let length = self.large()?;
                self.skip(length)?;
            }
            return Ok(count);
        }
        let size = SIZES.iter().find(|(known, _)| *known == kind).ok_or(Unread::Unknown)?.1;
        self.skip(count.checked_mul(size).ok_or(Unread::Damaged)?)?;
        Ok(count)
    }
}

impl Header {
    /// Reads all keys of the header, but no tensors.
    ///
    /// The layout is that of the GGUF specification in the repository `ggml-org/ggml`, versions 2 and 3.
    fn read(path: &Path) -> Result<Self, Unread> {
        let file = File::open(path)?;
        let left = file.metadata()?.len();
        let mut reader = Reader { file: BufReader::new(file), left };
        reader.skip(4)?;
        if !matches!(reader.small()?, 2 | 3) {
            return Err(Unread::Unknown);
        }
        let (_, keys) = (reader.large()?, reader.large()?);
        let mut header = Self::default();
        for _ in 0..keys {
            let key = reader.text()?;
            match reader.small()? {
                TEXT => {
                    let text = reader.text()?;
                    if key == "general.architecture" {
                        header.architecture = text;
                    }
                }
                ARRAY if key.ends_with(".classifier.output_labels") => {
                    header.labels = reader.texts()?;
                }
                ARRAY => _ = header.arrays.insert(key, reader.array()?),
                kind => _ = header.numbers.insert(key, reader.number(kind)?),
            }
        }
        Ok(header)
    }

    /// The number under a key of the model's architecture.
    fn number(&self, key: &str) -> Option<f64> {
        self.numbers.get(&format!("{}.{key}", self.architecture)).copied()
    }

    /// The first fault of the header, with the name of its key.
    fn fault(&self) -> Option<String> {
        let own = &self.architecture;
        let outside = |key: &str, least: f64, most: f64, what: &str| {
            let value = self.number(key)?;
            let fits = (least..=most).contains(&value);
            (!fits).then(|| format!("`{own}.{key}` is {value}, and a model has {what}"))
        };
        let whole = f64::from(u32::MAX);
        outside("block_count", 1.0, BLOCKS, "1 to 512 blocks")
            .or_else(|| outside("context_length", 1.0, whole, "a context of 1 token or more"))
            .or_else(|| outside("embedding_length", 1.0, whole, "embeddings of 1 number or more"))
            .or_else(|| outside("rope.freq_base", f64::MIN_POSITIVE, f64::MAX, "a positive base"))
            .or_else(|| self.wrong_epsilon())
            .or_else(|| self.wrong_heads())
            .or_else(|| self.wrong_experts())
            .or_else(|| self.wrong_vocabulary())
    }

    /// An epsilon of a normalization that is negative, infinite or not a number.
    fn wrong_epsilon(&self) -> Option<String> {
        let wrong = |(key, value): &(&String, &f64)| {
            key.ends_with("epsilon") && !(value.is_finite() && **value >= 0.0)
        };
        let (key, value) = self.numbers.iter().find(wrong)?;
        Some(format!("`{key}` is {value}, and it must be a number from 0 up"))
    }

    /// Numbers of attention heads that do not divide one another, or a rotary dimension that is odd or
    /// exceeds the width of a head.
    fn wrong_heads(&self) -> Option<String> {
        let own = &self.architecture;
        let heads = self.number("attention.head_count")?;
        // Models without attention report 0 heads.
        let recurrent = |key: &String| key.contains(".ssm.") || key.contains(".wkv.");
        if heads < 1.0 {
            let attends = !self.numbers.keys().any(recurrent);
            return attends.then(|| format!("`{own}.attention.head_count` is {heads}"));
        }
        if let Some(shared) = self.number("attention.head_count_kv").filter(|n| *n > 0.0)
            && heads % shared != 0.0
        {
            return Some(format!(
                "`{own}.attention.head_count_kv` is {shared}, which does not divide the {heads} heads"
            ));
        }
        let width = self.number("attention.key_length");
        let width = width.or_else(|| self.number("embedding_length").map(|all| all / heads))?;
        let turned = self.number("rope.dimension_count")?;
        (turned > width || turned % 2.0 != 0.0).then(|| {
            format!("`{own}.rope.dimension_count` is {turned}, and a head has {width} dimensions")
        })
    }

    /// A number of used experts that exceeds the number of experts.
    fn wrong_experts(&self) -> Option<String> {
        let own = &self.architecture;
        let (all, used) = (self.number("expert_count"), self.number("expert_used_count")?);
        let all = all.unwrap_or(0.0);
        (used > all).then(|| format!("`{own}.expert_used_count` is {used} of {all} experts"))
    }

    /// Scores or token types whose number differs from the number of tokens.
    fn wrong_vocabulary(&self) -> Option<String> {
        let tokens = *self.arrays.get("tokenizer.ggml.tokens")?;
        let other = |key: &str| {
            let count = *self.arrays.get(key).filter(|count| **count != tokens)?;
            Some(format!("`{key}` has {count} entries, and there are {tokens} tokens"))
        };
        if tokens == 0 {
            return Some("`tokenizer.ggml.tokens` is empty".into());
        }
        other("tokenizer.ggml.token_type").or_else(|| other("tokenizer.ggml.scores"))
    }
}
