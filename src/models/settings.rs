//! The settings of a model: the keys of `[model.NAME]`, and flags of the same names.
//!
//! One definition serves the file, its schema, the flags and their help, so that the three cannot drift
//! apart. `clap` is part of the build only with the feature `cli`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{
    backend::{FlashAttention, KvType, Split},
    completion::Price,
    error::{Error, ErrorKind, Result},
    units,
};

/// How a model is reached and loaded: the keys of `[model.NAME]`, and flags of the same names.
///
/// Which of them a model has depends on its scheme.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", derive(clap::Args), group(skip))]
#[serde(default)]
pub struct ModelSettings {
    /// The model's own name, such as `openai/gpt-5-mini`; without it the table's.
    #[cfg_attr(feature = "cli", arg(skip))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address of an OpenAI-compatible API, up to /v1.
    #[cfg_attr(feature = "cli", arg(long, value_name = "URL", env = "TRIBUNAL_BASE_URL"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Variable of the environment that holds the API key.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "NAME", env = "TRIBUNAL_KEY_VARIABLE")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_variable: Option<String>,
    /// Variable of the environment that a program may see.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "NAME", value_delimiter = ',')
    )]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[cfg_attr(feature = "schema", schemars(with = "OneOrMany"))]
    pub pass_env: Vec<String>,
    /// More servers or keys of the same model.
    #[cfg_attr(feature = "cli", arg(skip))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<EndpointSettings>,
    /// Name to use for this model in cache keys.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "NAME", env = "TRIBUNAL_MODEL_ID")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// Field to add to every request body.
    #[cfg_attr(feature = "cli", arg(hide_short_help = true, long, value_name = "KEY=JSON"))]
    #[serde(skip_serializing_if = "Vec::is_empty", with = "extras")]
    #[cfg_attr(feature = "schema", schemars(with = "std::collections::BTreeMap<String, Value>"))]
    pub extra: Vec<Pair>,
    /// Maximum requests in flight per model [default: by model].
    #[cfg_attr(feature = "cli", arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), env = "TRIBUNAL_CONCURRENCY"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub concurrency: Option<u16>,
    /// Maximum number of requests per minute and model.
    #[cfg_attr(feature = "cli", arg(hide_short_help = true, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), env = "TRIBUNAL_RPM"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub rpm: Option<u32>,
    /// Maximum number of tokens per minute and model, read and written.
    #[cfg_attr(feature = "cli", arg(hide_short_help = true, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), env = "TRIBUNAL_TPM"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub tpm: Option<u64>,
    /// Time limit of one request, such as 90s [default: 10m].
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "TIME", value_parser = units::duration, env = "TRIBUNAL_TIMEOUT")
    )]
    #[serde(skip_serializing_if = "Option::is_none", with = "units::optional_duration")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>", extend("format" = "duration")))]
    pub timeout: Option<Duration>,
    /// Stream answers; the time limit then applies to each piece.
    #[cfg_attr(
        feature = "cli",
        arg(
            hide_short_help = true,
            long,
            value_name = "BOOL",
            num_args = 0..=1,
            require_equals = true,
            default_missing_value = "true",
            value_parser = clap::builder::BoolishValueParser::new(),
            hide_possible_values = true,
            env = "TRIBUNAL_STREAM"
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Context length in tokens, or full [GGUF default: up to 8192].
    #[cfg_attr(
        feature = "cli",
        arg(
            hide_short_help = true,
            long,
            visible_alias = "ctx",
            value_name = "N|full",
            env = "TRIBUNAL_CONTEXT"
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
    /// CPU threads of a GGUF model [default: by model size].
    #[cfg_attr(feature = "cli", arg(hide_short_help = true, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), env = "TRIBUNAL_THREADS"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub threads: Option<u16>,
    /// Requests that a GGUF model answers at once [default: measured].
    #[cfg_attr(feature = "cli", arg(hide_short_help = true, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256), env = "TRIBUNAL_WIDTH"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 256)))]
    pub width: Option<u16>,
    /// Make a GGUF model's texts independent of other requests.
    #[cfg_attr(
        feature = "cli",
        arg(
            hide_short_help = true,
            long,
            value_name = "BOOL",
            num_args = 0..=1,
            require_equals = true,
            default_missing_value = "true",
            value_parser = clap::builder::BoolishValueParser::new(),
            hide_possible_values = true,
            env = "TRIBUNAL_DETERMINISTIC"
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deterministic: Option<bool>,
    /// Type of a GGUF model's cache, such as q8_0 [default: f16].
    #[cfg_attr(
        feature = "cli",
        arg(
            hide_short_help = true,
            long,
            value_enum,
            hide_possible_values = true,
            value_name = "TYPE",
            env = "TRIBUNAL_KV_TYPE"
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv_type: Option<KvType>,
    /// Flash attention of a GGUF model: auto, on or off.
    #[cfg_attr(
        feature = "cli",
        arg(
            hide_short_help = true,
            long,
            visible_alias = "flash-attn",
            value_enum,
            hide_possible_values = true,
            value_name = "WHEN",
            env = "TRIBUNAL_FLASH_ATTENTION"
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flash_attention: Option<FlashAttention>,
    /// Layers of a GGUF model to keep on a GPU [default: all].
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "N", env = "TRIBUNAL_GPU_LAYERS")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_layers: Option<u32>,
    /// GPUs of a GGUF model, such as CUDA0,CUDA1; or cpu.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "NAMES", env = "TRIBUNAL_DEVICE")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Division among several GPUs: none, layer or row.
    #[cfg_attr(
        feature = "cli",
        arg(
            hide_short_help = true,
            long,
            value_enum,
            hide_possible_values = true,
            value_name = "HOW",
            env = "TRIBUNAL_SPLIT"
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// LoRA adapter of a GGUF model, with its scale [default: 1].
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "FILE[:SCALE]", env = "TRIBUNAL_LORA")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora: Option<String>,
    /// Variable of a GGUF model's chat template, such as enable_thinking=false.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "KEY=JSON", env = "TRIBUNAL_TEMPLATE")
    )]
    #[serde(skip_serializing_if = "Vec::is_empty", with = "extras")]
    #[cfg_attr(feature = "schema", schemars(with = "std::collections::BTreeMap<String, Value>"))]
    pub template: Vec<Pair>,
    /// More finish reasons of the server that mean a complete answer.
    #[cfg_attr(feature = "cli", arg(skip))]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[cfg_attr(feature = "schema", schemars(with = "OneOrMany"))]
    pub clean_finish: Vec<String>,
    /// Price of a million tokens.
    #[cfg_attr(feature = "cli", arg(skip))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// Another server, or another key, of the same model: an entry of `endpoints`. What it leaves out is as for the
/// model itself, which is the first endpoint.
///
/// ```toml
/// [model.judge]
/// name = "openai/gpt-5-mini"
/// endpoints = [{ key_variable = "SECOND_KEY" }, { key_variable = "THIRD_KEY", weight = 2 }]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct EndpointSettings {
    /// Address of its API, up to /v1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Variable of the environment that holds its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_variable: Option<String>,
    /// Share of the requests, beside 1 for the model itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub weight: Option<u32>,
}

impl ModelSettings {
    /// The fields that are added to every request body.
    pub fn extra_fields(&self) -> Map<String, Value> {
        extras::table(&self.extra)
    }

    /// The variables of the model's chat template.
    pub fn template_variables(&self) -> Map<String, Value> {
        extras::table(&self.template)
    }

    /// The file and the scale of the LoRA adapter: what follows the last colon is the scale where it is a number.
    pub fn lora_file(&self) -> Option<(&str, f32)> {
        let lora = self.lora.as_deref()?;
        let scaled = lora.rsplit_once(':').and_then(|(file, scale)| {
            let scale = scale.parse().ok().filter(|scale: &f32| scale.is_finite())?;
            (!file.is_empty()).then_some((file, scale))
        });
        Some(scaled.unwrap_or((lora, 1.0)))
    }

    /// The settings that are set, by name.
    pub(crate) fn table(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(table)) => table,
            _ => Map::new(),
        }
    }
}

/// How long a context a model in this process gets, or a model on a server has.
///
/// Memory grows with it. On a server, `full` means what the server reports. In files it is a number of tokens or `"full"`; 0 means the same as `full`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// This many tokens, at least 1.
    Tokens(u32),
    /// All that the model was trained with.
    Full,
}

impl Context {
    /// The number of tokens; `None` for all of it.
    pub fn tokens(self) -> Option<u32> {
        match self {
            Self::Tokens(tokens) => Some(tokens),
            Self::Full => None,
        }
    }
}

impl FromStr for Context {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.trim() {
            "full" => Ok(Self::Full),
            number => number.parse::<u32>().map(Self::from).map_err(|_| {
                let message =
                    format!("`{text}` is not a context: write a number of tokens, or full");
                Error::new(ErrorKind::Config, message)
            }),
        }
    }
}

impl From<u32> for Context {
    fn from(tokens: u32) -> Self {
        if tokens == 0 { Self::Full } else { Self::Tokens(tokens) }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tokens(tokens) => tokens.fmt(f),
            Self::Full => f.write_str("full"),
        }
    }
}

/// A context as files write it.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
enum ContextForm {
    Tokens(u32),
    Word(FullWord),
}

/// The word for all of it.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum FullWord {
    Full,
}

impl Serialize for Context {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Tokens(tokens) => ContextForm::Tokens(*tokens),
            Self::Full => ContextForm::Word(FullWord::Full),
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        ContextForm::deserialize(from).map(|form| match form {
            ContextForm::Tokens(tokens) => tokens.into(),
            ContextForm::Word(FullWord::Full) => Self::Full,
        })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Context {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Context".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        ContextForm::json_schema(generator)
    }
}

/// A name and a text: `NAME=TEXT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair(pub String, pub String);

impl FromStr for Pair {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() && !value.is_empty() => {
                Ok(Self(name.trim().to_owned(), value.to_owned()))
            }
            _ => Err(Error::new(
                ErrorKind::Config,
                format!("`{text}` is not NAME=VALUE, such as answer=my_column"),
            )),
        }
    }
}

/// One text or a list of them.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// Reads one text as a list of one.
pub(crate) fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    OneOrMany::deserialize(from).map(|texts| match texts {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    })
}

/// Extras are a table of any values; as text a value is JSON, and a word without quotes a text.
mod extras {
    use super::{Deserialize, Deserializer, Map, Pair, Serialize, Serializer, Value};

    /// The values by name.
    pub(super) fn table(pairs: &[Pair]) -> Map<String, Value> {
        let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
        pairs.iter().map(|Pair(name, text)| (name.clone(), value(text))).collect()
    }

    pub(super) fn serialize<S: Serializer>(pairs: &[Pair], to: S) -> Result<S::Ok, S::Error> {
        table(pairs).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Pair>, D::Error> {
        let table = Map::deserialize(from)?;
        Ok(table.into_iter().map(|(name, value)| Pair(name, value.to_string())).collect())
    }
}
