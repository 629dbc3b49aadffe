//! How a model is loaded, as callers set it.

use std::path::PathBuf;

use super::{FlashAttention, KvType, Split, process};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    request::TemplateVariables,
};

/// How a model is loaded.
///
/// ```no_run
/// # async fn example() -> tribunal::Result<()> {
/// use tribunal::backend::llama::{Llama, LlamaOptions};
///
/// let mut options = LlamaOptions::file("qwen3-8b-q4_k_m.gguf");
/// options.context = Some(32_768);
/// options.gpu_layers = Some(20);
/// let model = Llama::load(options).await?;
/// # drop(model);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LlamaOptions {
    /// Where the weights are.
    pub weights: Weights,
    /// The name of the model in results; by default the name of the file.
    pub name: Option<String>,
    /// The length of the context in tokens. By default it is the length in training, up to 8,192; 0 selects
    /// all of the length in training. llama.cpp rounds it up to a multiple of 256.
    pub context: Option<u32>,
    /// The number of threads; by default 1 for small models, and half of the machine's threads for others.
    pub threads: Option<i32>,
    /// The number of layers on the GPU; by default all, if the program was built with GPU support.
    pub gpu_layers: Option<u32>,
    /// The LoRA adapter to apply to the weights.
    pub lora: Option<Lora>,
    /// Variables of the chat template, such as `enable_thinking`. They take precedence over those of a request.
    pub template: TemplateVariables,
    /// How many requests are answered at once, at most 256; 0 counts as 1. By default as many as pay, which is
    /// measured when the model is loaded for the first time, and for which there is memory.
    pub width: Option<usize>,
    /// Whether every request is evaluated in calls of its own, so that no other request can change a bit of its
    /// answer. It is slower, because one call no longer extends the texts of several requests.
    pub deterministic: bool,
    /// The type of the numbers in the key-value cache.
    pub kv_type: KvType,
    /// Whether attention is computed in blocks.
    pub flash_attention: FlashAttention,
    /// The devices that the model is loaded to: `cpu`, or the names of GPUs in the words of llama.cpp, separated by
    /// commas, such as `CUDA0,CUDA1`. By default all GPUs that there are.
    pub device: Option<String>,
    /// How the model is divided among several GPUs; by default by layers.
    pub split: Option<Split>,
}

/// A LoRA adapter in a GGUF file of its own, and the strength of its effect (Hu et al. 2021).
///
/// llama-cpp-2 supports one adapter at a time, so a model has at most one.
#[derive(Clone, Debug, PartialEq)]
pub struct Lora {
    /// The file of the adapter, made by llama.cpp's `convert_lora_to_gguf.py`.
    pub file: PathBuf,
    /// The factor of its changes: 1 as trained, 0 without any effect.
    pub scale: f32,
}

/// The place of the weights.
#[derive(Clone)]
pub enum Weights {
    /// In a GGUF file.
    File(PathBuf),
    /// Inside this program.
    Embedded(&'static [u8]),
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Embedded(bytes) => write!(f, "{} embedded bytes", bytes.len()),
        }
    }
}

impl Weights {
    /// Their size in bytes; 0 if the file cannot be read.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::File(path) => path.metadata().map_or(0, |file| file.len()),
            Self::Embedded(bytes) => bytes.len() as u64,
        }
    }
}

impl LlamaOptions {
    /// Whether the weights are loaded to a GPU.
    pub(crate) fn is_on_gpu(&self) -> bool {
        self.uses_gpu()
    }

    /// Options for the weights in a file, with defaults for everything else.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(Weights::File(path.into()))
    }

    /// Options for these weights, with defaults for everything else.
    pub fn new(weights: Weights) -> Self {
        Self {
            weights,
            name: None,
            context: None,
            threads: None,
            gpu_layers: None,
            lora: None,
            template: TemplateVariables::new(),
            width: None,
            deterministic: false,
            kv_type: KvType::default(),
            flash_attention: FlashAttention::default(),
            device: None,
            split: None,
        }
    }

    /// What changes the cost of calls, beside the weights and the machine: a name for a file.
    ///
    /// # Errors
    /// As of [`flash`](Self::flash).
    pub(super) fn conditions(&self, threads: i32) -> Result<String> {
        let flash = if self.flash()? { "flash" } else { "plain" };
        let layers = self.gpu_layers.map_or_else(|| "all".into(), |layers| layers.to_string());
        let device = self.device.as_deref().unwrap_or(if self.uses_gpu() { "gpus" } else { "any" });
        let name = format!("{threads}-{}-{flash}-{layers}-{device}", self.kv_type.name());
        Ok(name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "_"))
    }

    /// Whether some of the model is on a GPU, as far as it is known before the model is loaded.
    pub(super) fn uses_gpu(&self) -> bool {
        self.gpu_layers != Some(0) && !self.is_on_cpu() && process::has_gpu()
    }

    /// The free memory of the GPUs that the model may use, in bytes; `None` if it uses none.
    pub(super) fn gpu_memory(&self) -> Option<u64> {
        let is_used = |name: &str| {
            let all = self.device.as_deref();
            all.is_none_or(|all| all.split(',').any(|one| one.trim().eq_ignore_ascii_case(name)))
        };
        let used = || process::gpus().into_iter().filter(|gpu| is_used(&gpu.name));
        self.uses_gpu().then(|| used().map(|gpu| gpu.memory_free as u64).sum())
    }

    /// Whether the device is set to the CPU.
    pub(super) fn is_on_cpu(&self) -> bool {
        self.device.as_deref().is_some_and(|device| device.trim().eq_ignore_ascii_case("cpu"))
    }

    /// Whether attention is computed in blocks.
    ///
    /// # Errors
    /// It is turned off, and the type of the cache needs it.
    pub(super) fn flash(&self) -> Result<bool> {
        let kv = self.kv_type;
        match self.flash_attention {
            FlashAttention::On => Ok(true),
            FlashAttention::Auto => Ok(self.flash_by_default()),
            FlashAttention::Off if !kv.is_quantized() => Ok(false),
            FlashAttention::Off => {
                let message = format!("a cache of type {} needs flash attention", kv.name());
                let hint = Hint::from("leave out ").setting("flash_attention", "off");
                Err(Error::new(ErrorKind::Config, message)
                    .hint(hint.text(", or choose another type with ").setting("kv_type", "f16")))
            }
        }
    }

    /// What llama.cpp is told about flash attention. On a GPU it decides where nothing is set: it has no such kernel for
    /// some sizes of heads, and would compute them on the CPU.
    ///
    /// # Errors
    /// As of [`flash`](Self::flash).
    pub(super) fn attention(&self) -> Result<FlashAttention> {
        let is_open = self.flash_attention == FlashAttention::Auto && !self.kv_type.is_quantized();
        Ok(match self.flash()? {
            true if is_open => FlashAttention::Auto,
            true => FlashAttention::On,
            false => FlashAttention::Off,
        })
    }

    /// What `auto` means for flash attention.
    fn flash_by_default(&self) -> bool {
        self.kv_type.is_quantized() || self.uses_gpu()
    }

    /// The part of a model's identity that stands for settings which change texts; empty where they are defaults.
    ///
    /// # Errors
    /// The settings contradict each other.
    pub(super) fn identity(&self) -> Result<String> {
        let kv = self.kv_type;
        let flash = self.flash()?;
        let mut identity = String::new();
        if kv != KvType::default() {
            identity += &format!("|kv:{}", kv.name());
        }
        if flash != self.flash_by_default() {
            identity += if flash { "|flash:on" } else { "|flash:off" };
        }
        if self.deterministic {
            identity += "|deterministic";
        }
        Ok(identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(change: impl FnOnce(&mut LlamaOptions)) -> LlamaOptions {
        let mut options = LlamaOptions::file("m.gguf");
        change(&mut options);
        options
    }

    #[test]
    fn only_settings_that_change_texts_are_part_of_the_identity() {
        let identity = |change: fn(&mut LlamaOptions)| options(change).identity().unwrap();
        assert_eq!(identity(|_| ()), "");
        let same = |options: &mut LlamaOptions| {
            options.context = Some(512);
            options.threads = Some(2);
            options.width = Some(3);
            options.kv_type = KvType::F16;
        };
        assert_eq!(identity(same), "");
        assert_eq!(identity(|options| options.kv_type = KvType::Q8_0), "|kv:q8_0");
        assert_eq!(identity(|options| options.deterministic = true), "|deterministic");
        if !options(|_| ()).uses_gpu() {
            assert_eq!(identity(|options| options.flash_attention = FlashAttention::Off), "");
            assert_eq!(
                identity(|options| options.flash_attention = FlashAttention::On),
                "|flash:on"
            );
        }
    }

    #[test]
    fn llama_cpp_decides_about_flash_attention_on_a_gpu_only() {
        let attention = |change: fn(&mut LlamaOptions)| options(change).attention().unwrap();
        let is_on_gpu = options(|_| ()).uses_gpu();
        let default = if is_on_gpu { FlashAttention::Auto } else { FlashAttention::Off };
        assert_eq!(attention(|_| ()), default);
        assert_eq!(attention(|options| options.device = Some("cpu".into())), FlashAttention::Off);
        assert_eq!(attention(|options| options.kv_type = KvType::Q8_0), FlashAttention::On);
        let on = |options: &mut LlamaOptions| options.flash_attention = FlashAttention::On;
        assert_eq!(attention(on), FlashAttention::On);
    }

    #[test]
    fn a_quantized_cache_needs_flash_attention() {
        let off = options(|options| {
            options.kv_type = KvType::Q4_0;
            options.flash_attention = FlashAttention::Off;
        });
        let error = off.identity().unwrap_err();
        assert!(error.to_string().contains("q4_0 needs flash attention"), "{error}");
        assert!(options(|options| options.kv_type = KvType::Q4_0).flash().unwrap());
    }
}
