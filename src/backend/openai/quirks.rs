//! The differences between servers with OpenAI's API: a table with one entry for each.
//!
//! No other code depends on which server it talks to. To add a provider, add an entry to [`PRESETS`]; what it
//! leaves out is as in [`Quirks::PLAIN`].

use std::fmt;

/// How one kind of server software differs from the API that all of them share.
///
/// ```
/// use tribunal::backend::openai::Quirks;
///
/// assert_ne!(Quirks::of("vllm"), Quirks::PLAIN);
/// assert_eq!(Quirks::of("an unknown server"), Quirks::PLAIN);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Quirks {
    /// The software, for debug output.
    pub(super) software: &'static str,
    /// How an assistant turn that the prompt has begun is continued.
    pub(super) continues: Continues,
    /// The field that limits the length of an answer in tokens.
    pub(super) limit: LengthLimit,
    /// Whether `top_k` and `min_p` can be sent.
    pub(super) has_top_k: bool,
    /// The field for the penalty on repeated tokens; `None` if there is none.
    pub(super) repeat_penalty: Option<&'static str>,
    /// The most `stop` texts per request; `None` if there is no limit.
    pub(super) most_stops: Option<usize>,
    /// Whether the server may accept variables of the model's chat template, as `chat_template_kwargs`. They are
    /// left out if it refuses them.
    pub(super) has_template: bool,
    /// Whether the server interprets strings such as `<|im_end|>` in a message as control tokens, so that
    /// they must be broken up in judged text.
    pub(super) reads_control_tokens: bool,
}

/// Whether and how a server continues a last assistant message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Continues {
    /// It does not; it begins a new turn.
    Never,
    /// Always, without a setting.
    Always,
    /// If the request sets `continue_final_message`.
    OnRequest,
    /// For models whose names begin with this prefix.
    ForModels(&'static str),
}

/// The two names of the limit on the length of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LengthLimit {
    /// `max_tokens`, which most servers accept.
    MaxTokens,
    /// `max_completion_tokens`, which includes hidden thinking.
    MaxCompletionTokens,
}

/// The most alternatives of a token that these APIs report.
pub(super) const MOST_ALTERNATIVES: u8 = 20;

/// What is assumed of an unknown server: the features that all servers share.
const PLAIN: Quirks = Quirks {
    software: "plain",
    continues: Continues::Never,
    limit: LengthLimit::MaxTokens,
    has_top_k: false,
    repeat_penalty: None,
    most_stops: Some(4),
    has_template: true,
    reads_control_tokens: true,
};

impl Quirks {
    /// What is assumed of an unknown server: the features that all servers share.
    pub const PLAIN: &'static Self = &PLAIN;

    /// The quirks of the server with this preset, such as `vllm`; [`Quirks::PLAIN`] for any other word.
    pub fn of(id: &str) -> &'static Self {
        PRESETS.iter().find(|preset| preset.id == id).map_or(Self::PLAIN, |preset| &preset.quirks)
    }

    /// The quirks of the software that names itself as the owner of its models in `GET /models`.
    pub(super) fn of_owner(owner: &str) -> Option<&'static Self> {
        let preset = PRESETS.iter().find(|preset| preset.owners.contains(&owner))?;
        Some(&preset.quirks)
    }

    /// Whether this model continues a turn that the prompt has begun.
    pub(super) fn continues(&self, model: &str) -> bool {
        match self.continues {
            Continues::Never => false,
            Continues::Always | Continues::OnRequest => true,
            Continues::ForModels(prefix) => model.starts_with(prefix),
        }
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.software)
    }
}

/// What is known about a provider in advance.
#[derive(Debug)]
pub(super) struct ServerPreset {
    /// The word before the first `/` or `:` of a model's name.
    pub(super) id: &'static str,
    /// The address of the server unless another one is configured.
    pub(super) address: &'static str,
    /// Variables variables that may give another address, in order of precedence.
    pub(super) address_variables: &'static [&'static str],
    /// Whether those variables may contain a bare host, as `OLLAMA_HOST` does.
    pub(super) has_bare_hosts: bool,
    /// The environment variable with the key.
    pub(super) key_variable: &'static str,
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
    /// How many concurrent requests it handles well, if it is not on this machine.
    pub(super) concurrency: usize,
    /// How the server differs from others.
    pub(super) quirks: Quirks,
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
    has_bare_hosts: false,
    key_variable: "OPENAI_API_KEY",
    needs_key: false,
    payer_variables: None,
    is_same_elsewhere: true,
    owners: &[],
    thinks_first: &[],
    concurrency: 16,
    quirks: PLAIN,
};

/// A server without a preset, which is reached by its address.
pub(super) static UNNAMED: ServerPreset = COMMON;

/// The servers that a model's name can refer to.
///
/// A new entry needs its name, its address and the variable of its key; the differences of its API belong in
/// `quirks`. Its models are then called `NAME/MODEL`, keys and addresses are looked up, and any address other
/// than the preset's own counts as foreign.
pub(super) static PRESETS: [ServerPreset; 5] = [
    ServerPreset {
        id: "openai",
        address: "https://api.openai.com/v1",
        address_variables: &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
        key_variable: "OPENAI_API_KEY",
        needs_key: true,
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
        id: "ollama",
        address: "http://127.0.0.1:11434/v1",
        address_variables: &["OLLAMA_HOST"],
        has_bare_hosts: true,
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
        quirks: LLAMACPP,
        ..COMMON
    },
    ServerPreset {
        id: "openrouter",
        address: "https://openrouter.ai/api/v1",
        key_variable: "OPENROUTER_API_KEY",
        needs_key: true,
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
];

impl ServerPreset {
    /// The preset with which the name of a model begins.
    pub(super) fn of_name(name: &str) -> Option<&'static Self> {
        let (prefix, _) = name.split_once(['/', ':'])?;
        PRESETS.iter().find(|preset| preset.id == prefix)
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
        for (at, preset) in PRESETS.iter().enumerate() {
            assert!(reqwest::Url::parse(preset.address).is_ok(), "{}", preset.id);
            assert!(preset.key_variable.ends_with("_API_KEY"), "{}", preset.id);
            assert!(preset.concurrency > 0, "{}", preset.id);
            assert!(PRESETS[..at].iter().all(|other| other.id != preset.id), "{}", preset.id);
            assert_eq!(Quirks::of(preset.id), &preset.quirks);
            assert!(preset.owners.iter().all(|it| Quirks::of_owner(it) == Some(&preset.quirks)));
        }
    }

    #[test]
    fn families_that_think_first_are_told_from_names_that_look_alike() {
        let openai = &PRESETS[0];
        for model in ["o3-mini", "o1", "gpt-5", "gpt-5.1", "openai/gpt-5-mini", "o4-mini:free"] {
            assert!(openai.thinks_first(model), "{model}");
        }
        for model in ["gpt-5-chat-latest", "gpt-50", "o30", "gpt-4o", "olmo"] {
            assert!(!openai.thinks_first(model), "{model}");
        }
        assert!(!UNNAMED.thinks_first("o3-mini"));
    }
}
