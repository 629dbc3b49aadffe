//! The servers that the name of a model can refer to: a table with one entry for each.
//!
//! To add a provider, add an entry to [`SERVERS`]; what it leaves out is as in [`COMMON`].

use super::quirks::{AskJson, AskLogprobs, Continues, LengthLimit, PLAIN, Quirks, WeighLabels};

/// What is known about a provider in advance.
#[derive(Debug)]
pub(super) struct ServerPreset {
    /// The word before the first `/` or `:` of a model's name.
    pub(super) id: &'static str,
    /// The address of the server unless another one is configured; empty if there is no usual one.
    pub(super) address: &'static str,
    /// Variables that may give another address, in order of precedence.
    pub(super) address_variables: &'static [&'static str],
    /// What those variables contain.
    pub(super) address_form: AddressForm,
    /// The environment variable with the key.
    pub(super) key_variable: &'static str,
    /// Another variable with the key, which is read if the first one is not set.
    pub(super) other_key_variable: Option<&'static str>,
    /// Whether the server at [`address`](Self::address) requires a key.
    pub(super) needs_key: bool,
    /// The environment variables that name the organization and the project to charge.
    pub(super) payer_variables: Option<[&'static str; 2]>,
    /// Whether a server at another address, reached under this name, runs the same software. Many servers
    /// copy OpenAI's API, so the name `openai` does not prove it.
    pub(super) is_same_elsewhere: bool,
    /// How such a server names itself as the owner of its models in `GET /models`.
    pub(super) owners: &'static [&'static str],
    /// Prefixes of models that write hidden thinking first, so that their first token does not belong to the
    /// answer.
    pub(super) thinks_first: &'static [&'static str],
    /// Whether it keeps the beginnings of prompts without being asked, and charges less for them.
    pub(super) discounts_prompts: bool,
    /// How many concurrent requests it handles well, if it is not on this machine.
    pub(super) concurrency: usize,
    /// How the server differs from others.
    pub(super) quirks: Quirks,
}

/// What a variable with an address contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressForm {
    /// A whole address, up to and including `/v1`.
    Whole,
    /// A host, a host and a port, or an address, as in `OLLAMA_HOST`.
    Host,
    /// The address of an Azure resource, without the path of the API.
    AzureResource,
}

/// How many concurrent requests a server on this machine handles well: it is one model on one device.
pub(super) const LOCAL_CONCURRENCY: usize = 4;

/// Models of OpenAI that think first, at any provider.
const OPENAI_THINKERS: &[&str] = &["o1", "o3", "o4", "gpt-5"];

/// The API of llama.cpp's server; Ollama runs the same engine.
const LLAMACPP: Quirks = Quirks {
    software: "llama.cpp",
    continues: Continues::Always,
    has_top_k: true,
    repeat_penalty: Some("repeat_penalty"),
    most_stops: None,
    ..PLAIN
};

/// What most presets have in common, and what applies to a server without a preset.
const COMMON: ServerPreset = ServerPreset {
    id: "server",
    address: "",
    address_variables: &[],
    address_form: AddressForm::Whole,
    key_variable: "OPENAI_API_KEY",
    other_key_variable: None,
    needs_key: false,
    payer_variables: None,
    is_same_elsewhere: true,
    owners: &[],
    thinks_first: &[],
    discounts_prompts: false,
    concurrency: 16,
    quirks: PLAIN,
};

/// A server without a preset, which is reached by its address.
pub(super) static UNNAMED: ServerPreset = COMMON;

/// The servers that a model's name can refer to: first services, then servers of one's own.
///
/// A new entry needs its name, its address and the variable of its key; the differences of its API belong in
/// `quirks`. Its models are then called `NAME/MODEL`, keys and addresses are looked up, and any address other
/// than the preset's own counts as foreign. The entries follow the public documentation of the providers, of
/// 2025 and 2026.
pub(super) static SERVERS: [ServerPreset; 17] = [
    ServerPreset {
        id: "openai",
        address: "https://api.openai.com/v1",
        address_variables: &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
        key_variable: "OPENAI_API_KEY",
        needs_key: true,
        discounts_prompts: true,
        payer_variables: Some(["OPENAI_ORG_ID", "OPENAI_PROJECT_ID"]),
        is_same_elsewhere: false,
        thinks_first: OPENAI_THINKERS,
        quirks: Quirks {
            software: "OpenAI",
            limit: LengthLimit::MaxCompletionTokens,
            has_template: false,
            reads_control_tokens: false,
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "azure",
        address_variables: &["AZURE_OPENAI_ENDPOINT"],
        address_form: AddressForm::AzureResource,
        key_variable: "AZURE_OPENAI_API_KEY",
        needs_key: true,
        discounts_prompts: true,
        thinks_first: OPENAI_THINKERS,
        quirks: Quirks {
            software: "Azure OpenAI",
            limit: LengthLimit::MaxCompletionTokens,
            has_template: false,
            key_header: Some("api-key"),
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "openrouter",
        address: "https://openrouter.ai/api/v1",
        key_variable: "OPENROUTER_API_KEY",
        needs_key: true,
        discounts_prompts: true,
        thinks_first: OPENAI_THINKERS,
        quirks: Quirks {
            software: "OpenRouter",
            continues: Continues::ForModels("anthropic/"),
            has_template: false,
            has_top_k: true,
            repeat_penalty: Some("repeat_penalty"),
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "anthropic",
        address: "https://api.anthropic.com/v1",
        key_variable: "ANTHROPIC_API_KEY",
        needs_key: true,
        concurrency: 8,
        quirks: Quirks { software: "Anthropic", has_template: false, logprobs: None, ..PLAIN },
        ..COMMON
    },
    ServerPreset {
        id: "gemini",
        address: "https://generativelanguage.googleapis.com/v1beta/openai",
        key_variable: "GEMINI_API_KEY",
        other_key_variable: Some("GOOGLE_API_KEY"),
        needs_key: true,
        discounts_prompts: true,
        thinks_first: &["gemini-2.5", "gemini-3"],
        concurrency: 8,
        quirks: Quirks { software: "Gemini", has_template: false, most_stops: Some(5), ..PLAIN },
        ..COMMON
    },
    ServerPreset {
        id: "groq",
        address: "https://api.groq.com/openai/v1",
        key_variable: "GROQ_API_KEY",
        needs_key: true,
        discounts_prompts: true,
        concurrency: 8,
        quirks: Quirks {
            software: "Groq",
            has_template: false,
            limit: LengthLimit::MaxCompletionTokens,
            logprobs: None,
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "together",
        address: "https://api.together.xyz/v1",
        key_variable: "TOGETHER_API_KEY",
        needs_key: true,
        quirks: Quirks {
            software: "Together",
            has_top_k: true,
            repeat_penalty: Some("repetition_penalty"),
            logprobs: Some(AskLogprobs::Count(20)),
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "deepseek",
        address: "https://api.deepseek.com/v1",
        key_variable: "DEEPSEEK_API_KEY",
        needs_key: true,
        discounts_prompts: true,
        thinks_first: &["deepseek-reasoner"],
        quirks: Quirks {
            software: "DeepSeek",
            has_template: false,
            json: AskJson::Object,
            most_stops: Some(16),
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "mistral",
        address: "https://api.mistral.ai/v1",
        key_variable: "MISTRAL_API_KEY",
        needs_key: true,
        thinks_first: &["magistral"],
        concurrency: 8,
        quirks: Quirks {
            software: "Mistral",
            has_template: false,
            continues: Continues::Prefix,
            seed: "random_seed",
            logprobs: None,
            most_stops: None,
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "xai",
        address: "https://api.x.ai/v1",
        key_variable: "XAI_API_KEY",
        needs_key: true,
        discounts_prompts: true,
        thinks_first: &["grok-3-mini", "grok-4"],
        quirks: Quirks {
            software: "xAI",
            has_template: false,
            limit: LengthLimit::MaxCompletionTokens,
            logprobs: Some(AskLogprobs::Top(8)),
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "fireworks",
        address: "https://api.fireworks.ai/inference/v1",
        key_variable: "FIREWORKS_API_KEY",
        needs_key: true,
        discounts_prompts: true,
        quirks: Quirks {
            software: "Fireworks",
            has_top_k: true,
            repeat_penalty: Some("repetition_penalty"),
            logprobs: Some(AskLogprobs::Top(5)),
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "ollama",
        address: "http://127.0.0.1:11434/v1",
        address_variables: &["OLLAMA_HOST"],
        address_form: AddressForm::Host,
        key_variable: "OLLAMA_API_KEY",
        owners: &["library"],
        concurrency: LOCAL_CONCURRENCY,
        quirks: Quirks { software: "Ollama", has_template: false, ..LLAMACPP },
        ..COMMON
    },
    ServerPreset {
        id: "vllm",
        address: "http://127.0.0.1:8000/v1",
        address_variables: &["VLLM_BASE_URL"],
        key_variable: "VLLM_API_KEY",
        owners: &["vllm"],
        quirks: Quirks {
            software: "vLLM",
            continues: Continues::OnRequest,
            labels: WeighLabels::AsVllm,
            has_top_k: true,
            repeat_penalty: Some("repetition_penalty"),
            most_stops: None,
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "sglang",
        address: "http://127.0.0.1:30000/v1",
        address_variables: &["SGLANG_BASE_URL"],
        key_variable: "SGLANG_API_KEY",
        owners: &["sglang"],
        quirks: Quirks {
            software: "SGLang",
            continues: Continues::OnRequest,
            labels: WeighLabels::AsSglang,
            has_top_k: true,
            repeat_penalty: Some("repetition_penalty"),
            most_stops: None,
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "llamacpp",
        address: "http://127.0.0.1:8080/v1",
        address_variables: &["LLAMACPP_BASE_URL"],
        key_variable: "LLAMA_API_KEY",
        owners: &["llamacpp"],
        concurrency: LOCAL_CONCURRENCY,
        quirks: Quirks { labels: WeighLabels::AsLlamaCpp, ..LLAMACPP },
        ..COMMON
    },
    ServerPreset {
        id: "lmstudio",
        address: "http://127.0.0.1:1234/v1",
        address_variables: &["LMSTUDIO_BASE_URL"],
        key_variable: "LMSTUDIO_API_KEY",
        owners: &["organization_owner"],
        concurrency: LOCAL_CONCURRENCY,
        quirks: Quirks {
            software: "LM Studio",
            has_top_k: true,
            repeat_penalty: Some("repeat_penalty"),
            most_stops: None,
            ..PLAIN
        },
        ..COMMON
    },
    ServerPreset {
        id: "litellm",
        address: "http://127.0.0.1:4000/v1",
        address_variables: &["LITELLM_BASE_URL", "LITELLM_PROXY_API_BASE"],
        key_variable: "LITELLM_API_KEY",
        other_key_variable: Some("LITELLM_PROXY_API_KEY"),
        thinks_first: OPENAI_THINKERS,
        quirks: Quirks { software: "LiteLLM", ..PLAIN },
        ..COMMON
    },
];

impl Quirks {
    /// The quirks of the server with this preset, such as `vllm`; [`Quirks::PLAIN`] for any other word.
    pub fn of(id: &str) -> &'static Self {
        SERVERS.iter().find(|preset| preset.id == id).map_or(Self::PLAIN, |preset| &preset.quirks)
    }

    /// The quirks of the software that names itself as the owner of its models in `GET /models`.
    pub(super) fn of_owner(owner: &str) -> Option<&'static Self> {
        let preset = SERVERS.iter().find(|preset| preset.owners.contains(&owner))?;
        Some(&preset.quirks)
    }
}

impl ServerPreset {
    /// The preset with which the name of a model begins.
    pub(super) fn of_name(name: &str) -> Option<&'static Self> {
        let (prefix, _) = name.split_once(['/', ':'])?;
        SERVERS.iter().find(|preset| preset.id == prefix)
    }

    /// The variables with the key, in order of precedence.
    pub(super) fn key_variables(&self) -> impl Iterator<Item = &'static str> + use<> {
        [Some(self.key_variable), self.other_key_variable].into_iter().flatten()
    }

    /// Whether a model of this name writes hidden thinking before its first visible token.
    pub(super) fn thinks_first(&self, model: &str) -> bool {
        let model = model.rsplit('/').next().unwrap_or_default();
        let is_of = |family: &&str| {
            let rest = model.strip_prefix(*family);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', ':']))
        };
        !model.contains("chat") && self.thinks_first.iter().any(is_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_whole_entry() {
        for (at, preset) in SERVERS.iter().enumerate() {
            let has_address = reqwest::Url::parse(preset.address).is_ok();
            assert_ne!(has_address, preset.address.is_empty(), "{}", preset.id);
            assert!(has_address || !preset.address_variables.is_empty(), "{}", preset.id);
            assert!(preset.key_variable.ends_with("_API_KEY"), "{}", preset.id);
            assert!(preset.concurrency > 0, "{}", preset.id);
            assert!(SERVERS[..at].iter().all(|other| other.id != preset.id), "{}", preset.id);
            assert_eq!(Quirks::of(preset.id), &preset.quirks);
            assert!(preset.owners.iter().all(|it| Quirks::of_owner(it) == Some(&preset.quirks)));
        }
    }

    #[test]
    fn families_that_think_first_are_told_from_names_that_look_alike() {
        let openai = &SERVERS[0];
        for model in ["o3-mini", "o1", "gpt-5", "gpt-5.1", "openai/gpt-5-mini", "o4-mini:free"] {
            assert!(openai.thinks_first(model), "{model}");
        }
        for model in ["gpt-5-chat-latest", "gpt-50", "o30", "gpt-4o", "olmo"] {
            assert!(!openai.thinks_first(model), "{model}");
        }
        assert!(!UNNAMED.thinks_first("o3-mini"));
    }
}
