//! GGUF files: checks before llama.cpp opens them, their digest, and their metadata.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use llama_cpp_2::model::{LlamaModel, params::LlamaModelParams};

use super::{
    KvType, LlamaOptions, Lora, Weights, curve::Curve, failed, fit, header, process, trial,
};
use crate::error::{Error, ErrorKind, Result};

/// Weights that llama.cpp can open. It only reads files, so embedded weights are written to a temporary one.
pub(super) struct Source {
    /// The file that llama.cpp opens.
    path: PathBuf,
    /// The digest, if it is known without reading the file again.
    digest: Option<String>,
    /// The temporary file of embedded weights, which is removed after loading.
    lent: Option<tempfile::NamedTempFile>,
}

/// The first bytes of every GGUF file.
const MAGIC: &[u8] = b"GGUF";

/// The size of the magic number, the version and the two counts, in bytes.
const SMALLEST: u64 = 24;

impl Source {
    /// Checks a file, or writes embedded weights to a temporary one.
    ///
    /// # Errors
    /// The file is missing, is not a GGUF file, is damaged, or crashes the process that tries it; or the
    /// temporary file cannot be written.
    pub(super) fn open(weights: &Weights) -> Result<Self> {
        match weights {
            Weights::File(path) => {
                check(path)?;
                header::check(path)?;
                tried(path)?;
                Ok(Self { path: path.clone(), digest: None, lent: None })
            }
            Weights::Embedded(bytes) => {
                let unwritten = |cause| {
                    Error::new(ErrorKind::Io, "the embedded model needs a temporary file")
                        .because(cause)
                        .hint("point TMPDIR to a directory with a few megabytes of room")
                };
                let mut lent =
                    tempfile::Builder::new().suffix(".gguf").tempfile().map_err(unwritten)?;
                lent.write_all(bytes).map_err(unwritten)?;
                Ok(Self {
                    path: lent.path().to_owned(),
                    digest: Some(digest_of(bytes)),
                    lent: Some(lent),
                })
            }
        }
    }

    /// The path that llama.cpp opens.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the file, or `embedded` for weights inside this program.
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        if self.lent.is_some() { "embedded".into() } else { name.to_string_lossy().into_owned() }
    }

    /// What calls of several sequences cost with these weights under these conditions, if it was measured before on
    /// this machine.
    pub(super) fn curve(&self, conditions: &str) -> Option<Curve> {
        let text = fs::read_to_string(self.note(&format!("widths/{conditions}"))?).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Stores what calls of several sequences cost under these conditions.
    pub(super) fn remember_curve(&self, conditions: &str, curve: &Curve) {
        let note = self.note(&format!("widths/{conditions}"));
        if let (Some(note), Ok(text)) = (note, serde_json::to_string(curve)) {
            remember(&note, &text);
        }
    }

    /// The path of a note about these weights; none for embedded ones.
    fn note(&self, folder: &str) -> Option<PathBuf> {
        let file = if self.lent.is_some() { None } else { fs::metadata(&self.path).ok() };
        note_of(&file?, folder)
    }

    /// The classifier at the end of the model, if it has one.
    pub(super) fn classifier(&self) -> Option<header::Classifier> {
        header::classifier(&self.path)
    }

    /// The digest of the weights: the first 128 bits of blake3, in hex.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn identity(&self) -> Result<String> {
        match &self.digest {
            Some(digest) => Ok(digest.clone()),
            None => digest(&self.path),
        }
    }
}

/// The first 128 bits of the blake3 hash of the bytes, in hex.
fn digest_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}

/// The part of a model's identity that stands for a LoRA adapter: its digest and its scale.
///
/// # Errors
/// The file is missing, is not a GGUF file, or is damaged.
pub(super) fn adapter(lora: &Lora) -> Result<String> {
    check(&lora.file)
        .and_then(|()| header::check(&lora.file))
        .and_then(|()| digest(&lora.file))
        .map(|digest| format!("|lora:{digest}:{}", lora.scale))
        .map_err(|error| error.within("lora"))
}

/// Refuses files for which llama.cpp would only report a null pointer.
///
/// # Errors
/// The file is missing, is not a GGUF file, or is truncated or damaged.
fn check(path: &Path) -> Result<()> {
    let shown = path.display();
    let wrong = |message: String| Error::new(ErrorKind::Config, message);
    let meta = fs::metadata(path).map_err(|cause| {
        wrong(format!("cannot open the model `{shown}`"))
            .because(cause)
            .hint("name a GGUF file, `tiny` for the shipped model, or an API such as openai/MODEL")
    })?;
    if meta.is_dir() {
        return Err(wrong(format!("`{shown}` is a directory, not a GGUF file")));
    }
    let mut magic = [0; 4];
    let read = crate::files::regular(path).and_then(|mut file| file.read_exact(&mut magic));
    if meta.len() < SMALLEST || read.is_err() || magic != *MAGIC {
        return Err(wrong(format!("`{shown}` is not a GGUF file"))
            .hint("llama.cpp's tools convert other formats to GGUF"));
    }
    Ok(())
}

/// Tries a file in another process before this machine loads it for the first time.
///
/// # Errors
/// The other process crashed by a signal or a failed assertion, as this process would have.
fn tried(path: &Path) -> Result<()> {
    let note = fs::metadata(path).ok().and_then(|meta| note_of(&meta, "loaded"));
    if note.as_ref().is_some_and(|note| note.exists()) {
        return Ok(());
    }
    // A file that was not tried is not remembered either.
    let survived = trial::survives(path)?;
    if let Some(note) = note.filter(|_| survived) {
        remember(&note, "");
    }
    Ok(())
}

/// Stores a note about a file. The note only saves time, so a read-only home directory is not an error.
fn remember(note: &Path, text: &str) {
    let written = note.parent().map(fs::create_dir_all).and_then(|_| fs::write(note, text).ok());
    tracing::debug!(?note, remembered = written.is_some(), "what is known of a model file");
}

/// The digest of a file. The whole file is read once, and the digest is stored by device, inode, size and
/// modification time: hashing 5 GB takes seconds, and a changed file differs in one of these.
fn digest(path: &Path) -> Result<String> {
    let unreadable = |cause| {
        Error::new(ErrorKind::Io, format!("cannot read `{}`", path.display())).because(cause)
    };
    let note = fs::metadata(path).ok().and_then(|meta| note_of(&meta, "digests"));
    if let Some(known) = note.as_ref().and_then(|note| fs::read_to_string(note).ok()) {
        return Ok(known);
    }
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut File::open(path).map_err(unreadable)?, &mut hasher).map_err(unreadable)?;
    let digest = hasher.finalize().to_hex()[..32].to_owned();
    if let Some(note) = note {
        remember(&note, &digest);
    }
    Ok(digest)
}

/// The path of the note about a file; it depends on everything that changes when the file changes.
#[cfg(unix)]
fn note_of(meta: &fs::Metadata, folder: &str) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    let place = format!(
        "{}-{}-{}-{}-{}",
        meta.dev(),
        meta.ino(),
        meta.size(),
        meta.mtime(),
        meta.mtime_nsec()
    );
    let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache =
        home.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))?;
    Some(cache.join("tribunal").join(folder).join(place))
}

#[cfg(not(unix))]
fn note_of(_: &fs::Metadata, _: &str) -> Option<PathBuf> {
    None
}

/// The metadata of a GGUF file.
///
/// Sizes are in bytes, and the context is in tokens.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Info {
    /// The first 128 bits of the blake3 hash of the weights, in hex.
    pub digest: String,
    /// Its title, `general.name`.
    pub title: String,
    /// Its architecture, `general.architecture`.
    pub architecture: String,
    /// The size of the file, in bytes.
    pub bytes: u64,
    /// The number of parameters.
    pub parameters: u64,
    /// The length of context in training, in tokens.
    pub context: u32,
    /// The number of tokens in the vocabulary.
    pub vocabulary: i32,
    /// The number of layers.
    pub layers: u32,
    /// Whether it has a chat template.
    pub chat_template: bool,
    /// Tokens per second by the number of texts that are written at once; empty until the model was loaded on this
    /// machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub widths: Vec<(usize, f64)>,
    /// How many requests at once fit into a share of the available memory of this machine, or of its GPUs, by the length of
    /// their contexts in tokens: for half of the default length, the default, and the length in training.
    pub fits: Vec<(u32, usize)>,
}

/// Reads the metadata of a model without loading its weights, which takes milliseconds.
///
/// # Errors
/// The file is missing, or is not a GGUF file.
pub fn inspect(weights: &Weights) -> Result<Info> {
    let source = Source::open(weights)?;
    let params = LlamaModelParams::default().with_vocab_only(true);
    let model = LlamaModel::load_from_file(process::backend()?, source.path(), &params)
        .map_err(|cause| failed("llama.cpp cannot read the file").because(cause))?;
    let meta = |key: &str| model.meta_val_str(key).unwrap_or_default();
    let number = |suffix: &str| {
        meta(&format!("{}.{suffix}", meta("general.architecture"))).parse().unwrap_or(0)
    };
    let bytes = fs::metadata(source.path()).map_or(0, |meta| meta.len());
    let usual = LlamaOptions::new(weights.clone());
    let curve = source.curve(&usual.conditions(process::default_threads(bytes))?);
    let gpu = usual.gpu_memory().map(|free| free.saturating_sub(bytes));
    let context = number("context_length");
    let usual = context.min(fit::LARGEST_CONTEXT);
    let mut lengths = vec![usual / 2, usual, context];
    lengths.retain(|length| *length > 0);
    lengths.dedup();
    let token = fit::bytes_per_token(&model, KvType::default());
    Ok(Info {
        digest: source.identity()?,
        title: meta("general.name"),
        architecture: meta("general.architecture"),
        bytes,
        parameters: model.n_params(),
        context,
        vocabulary: model.n_vocab(),
        layers: number("block_count"),
        chat_template: meta("tokenizer.chat_template").contains('{'),
        widths: curve.map(|curve| curve.rates()).unwrap_or_default(),
        fits: lengths
            .into_iter()
            .map(|length| (length, fit::sequences(token, length, gpu)))
            .collect(),
    })
}
