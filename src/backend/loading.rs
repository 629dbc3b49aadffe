//! How a model in this process is loaded: the settings that have a word for each value.
//!
//! They belong to every build, so that a configuration file is checked in the same way in all of them.

use serde::{Deserialize, Serialize};

/// The type of the numbers in the key-value cache (setting `kv_type`).
///
/// Types with fewer bits need less memory for each token of context, and change texts a little. Those below 16 bits
/// need flash attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum), value(rename_all = "snake_case"))]
#[serde(rename_all = "snake_case")]
pub enum KvType {
    /// 32 bits.
    F32,
    /// 16 bits: the default.
    #[default]
    F16,
    /// 16 bits with the range of 32.
    Bf16,
    /// 8.5 bits.
    Q8_0,
    /// 6 bits.
    Q5_1,
    /// 5.5 bits.
    Q5_0,
    /// 5 bits.
    Q4_1,
    /// 4.5 bits.
    Q4_0,
}

impl KvType {
    /// The word in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q5_1 => "q5_1",
            Self::Q5_0 => "q5_0",
            Self::Q4_1 => "q4_1",
            Self::Q4_0 => "q4_0",
        }
    }

    /// Whether numbers are rounded in blocks of 32.
    pub fn is_quantized(self) -> bool {
        !matches!(self, Self::F32 | Self::F16 | Self::Bf16)
    }

    /// The memory for so many numbers, in bytes.
    pub fn bytes(self, numbers: u64) -> u64 {
        let half_bits = match self {
            Self::F32 => 64,
            Self::F16 | Self::Bf16 => 32,
            Self::Q8_0 => 17,
            Self::Q5_1 => 12,
            Self::Q5_0 => 11,
            Self::Q4_1 => 10,
            Self::Q4_0 => 9,
        };
        numbers * half_bits / 16
    }
}

/// Whether attention is computed in blocks, without the matrix of all weights (Dao et al. 2022; setting
/// `flash_attention`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum FlashAttention {
    /// On a GPU, and where the type of the cache needs it. On a CPU it is slower, and changes probabilities.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// How a model is divided among several GPUs (setting `split`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// It is on one GPU.
    None,
    /// Each GPU has some of the layers, with their part of the cache: the default.
    Layer,
    /// Each GPU has some of the rows of every matrix.
    Row,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_32_numbers_holds_its_bits_and_its_scale() {
        assert_eq!(KvType::F32.bytes(32), 128);
        assert_eq!(KvType::default().bytes(32), 64);
        assert_eq!(KvType::Q8_0.bytes(32), 34);
        assert_eq!(KvType::Q4_0.bytes(32), 18);
    }

    #[test]
    fn words_are_those_of_files() {
        for kind in [KvType::F32, KvType::Bf16, KvType::Q8_0, KvType::Q5_1, KvType::Q4_0] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
