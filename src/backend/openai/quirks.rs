//! How server software differs from the API of OpenAI: what it accepts, and under which names.
//!
//! No other code depends on which software it talks to. What an entry leaves out is as in [`Quirks::PLAIN`].

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
    /// The field for the seed of sampling.
    pub(super) seed: &'static str,
    /// How log-probabilities are requested; `None` if the server reports none.
    pub(super) logprobs: Option<AskLogprobs>,
    /// How labels are weighed.
    pub(super) labels: WeighLabels,
    /// How JSON of a given schema is requested.
    pub(super) json: AskJson,
    /// The header with the key; `None` for `Authorization: Bearer KEY`.
    pub(super) key_header: Option<&'static str>,
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
    /// If the last message sets `prefix`.
    Prefix,
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

/// How log-probabilities are requested. The number is the most alternatives of a token that are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AskLogprobs {
    /// By `logprobs: true`, and their number as `top_logprobs`.
    Top(u8),
    /// By their number as `logprobs`.
    Count(u8),
}

/// How labels are weighed: the routes that the software has beside chat completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WeighLabels {
    /// By the likeliest first tokens of an answer.
    ByFirstToken,
    /// By the routes of llama.cpp's server.
    AsLlamaCpp,
    /// By the routes of vLLM.
    AsVllm,
    /// By the routes of SGLang.
    AsSglang,
}

/// How JSON of a given schema is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AskJson {
    /// With the schema, as `response_format` of the type `json_schema`.
    Schema,
    /// As any JSON object: `response_format` of the type `json_object`. The prompt describes it.
    Object,
}

/// What is assumed of an unknown server: the features that all servers share.
pub(super) const PLAIN: Quirks = Quirks {
    software: "plain",
    continues: Continues::Never,
    limit: LengthLimit::MaxTokens,
    has_top_k: false,
    repeat_penalty: None,
    seed: "seed",
    logprobs: Some(AskLogprobs::Top(20)),
    labels: WeighLabels::ByFirstToken,
    json: AskJson::Schema,
    key_header: None,
    most_stops: Some(4),
    has_template: true,
    reads_control_tokens: true,
};

impl Quirks {
    /// What is assumed of an unknown server: the features that all servers share.
    pub const PLAIN: &'static Self = &PLAIN;

    /// Whether this model continues a turn that the prompt has begun.
    pub(super) fn continues(&self, model: &str) -> bool {
        match self.continues {
            Continues::Never => false,
            Continues::Always | Continues::OnRequest | Continues::Prefix => true,
            Continues::ForModels(prefix) => model.starts_with(prefix),
        }
    }
}

impl fmt::Debug for Quirks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.software)
    }
}
