//! Finds the parameters that a server refuses, in any wording.
//!
//! A request that is refused because of an optional parameter is sent again without it. That is another
//! request with another body, not another try of the same one.
//!
//! An error is about a parameter if a field such as `param` or `loc` names it, or if its message names it
//! next to a word such as "unsupported" or "deprecated". A limit on the length of the answer is left out only
//! if the message is unambiguous, because an answer without it may cost more than intended. Names such as
//! `stop` that are also ordinary English count only next to such a word.

use super::error_body::{ErrorBody, contains_any};

/// A parameter that some servers or models refuse, and that a request can be sent without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Parameter {
    /// The randomness of sampling. Models that think first often have a fixed temperature.
    Temperature,
    /// Nucleus sampling.
    TopP,
    /// Sampling from the k most likely tokens.
    TopK,
    /// Sampling from tokens with at least this relative probability.
    MinP,
    /// The seed of sampling, which does not matter at temperature 0.
    Seed,
    /// Texts that end the answer; without them it may be longer.
    Stop,
    /// Whether log-probabilities are reported; left out together with their number.
    Logprobs,
    /// How many alternatives are reported.
    TopLogprobs,
    /// The schema that the answer must fit; the parser checks it in any case.
    ResponseFormat,
    /// The limit on the length of the answer, under its usual name.
    MaxTokens,
    /// The same limit under OpenAI's newer name, which includes hidden thinking.
    MaxCompletionTokens,
    /// How long the model thinks, if it was set as an additional field.
    ReasoningEffort,
    /// Variables of the model's chat template.
    ChatTemplateKwargs,
    /// Whether the answer is streamed.
    Stream,
    /// What a stream reports at its end.
    StreamOptions,
}

impl Parameter {
    /// All parameters.
    pub(super) const ALL: [Self; 15] = [
        Self::Temperature,
        Self::TopP,
        Self::TopK,
        Self::MinP,
        Self::Seed,
        Self::Stop,
        Self::Logprobs,
        Self::TopLogprobs,
        Self::ResponseFormat,
        Self::MaxTokens,
        Self::MaxCompletionTokens,
        Self::ReasoningEffort,
        Self::ChatTemplateKwargs,
        Self::Stream,
        Self::StreamOptions,
    ];

    /// The name of its field in a request.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::TopK => "top_k",
            Self::MinP => "min_p",
            Self::Seed => "seed",
            Self::Stop => "stop",
            Self::Logprobs => "logprobs",
            Self::TopLogprobs => "top_logprobs",
            Self::ResponseFormat => "response_format",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::ReasoningEffort => "reasoning_effort",
            Self::ChatTemplateKwargs => "chat_template_kwargs",
            Self::Stream => "stream",
            Self::StreamOptions => "stream_options",
        }
    }

    /// The parameters that a text names, in order, in the spelling of any API: `topP`, `json schema`.
    pub(super) fn all_in(text: &str) -> Vec<Self> {
        const PHRASES: [(&str, &str); 8] = [
            ("json schema", "json_schema"),
            ("structured output", "json_schema"),
            ("response format", "response_format"),
            ("log probabilities", "logprobs"),
            ("stop sequence", "stop_sequence"),
            ("max tokens", "max_tokens"),
            ("top-p", "top_p"),
            ("top-k", "top_k"),
        ];
        let text = PHRASES
            .iter()
            .fold(text.to_lowercase(), |text, (phrase, name)| text.replace(phrase, name));
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut found = Vec::new();
        for parameter in text.split(|c| !is_of_word(c)).filter_map(Self::of_word) {
            if !found.contains(&parameter) {
                found.push(parameter);
            }
        }
        found
    }

    /// The parameter of this name in the spelling of any API.
    fn of_word(word: &str) -> Option<Self> {
        let other = match word {
            "topp" => Self::TopP,
            "topk" => Self::TopK,
            "minp" => Self::MinP,
            "stop_sequence" | "stop_sequences" | "stopsequences" => Self::Stop,
            "logprob" | "log_probs" => Self::Logprobs,
            "toplogprobs" => Self::TopLogprobs,
            "json_schema" | "json_schemas" | "responseformat" | "response_schema"
            | "responseschema" => Self::ResponseFormat,
            "maxtokens" | "max_output_tokens" | "maxoutputtokens" => Self::MaxTokens,
            _ => return Self::ALL.into_iter().find(|parameter| parameter.name() == word),
        };
        Some(other)
    }

    /// Whether its name is also an ordinary word, so that a text with it need not mean the parameter.
    pub(super) fn is_a_common_word(self) -> bool {
        matches!(self, Self::Stop | Self::Seed | Self::Stream)
    }

    /// Whether it limits the length of an answer: without it an answer may cost more than intended.
    pub(super) fn is_limit(self) -> bool {
        self.twin().is_some()
    }

    /// The other name of the same limit, `max_tokens` or `max_completion_tokens`.
    pub(super) fn twin(self) -> Option<Self> {
        match self {
            Self::MaxTokens => Some(Self::MaxCompletionTokens),
            Self::MaxCompletionTokens => Some(Self::MaxTokens),
            _ => None,
        }
    }
}

/// The parameters that an error refuses; empty if it is about something else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The parameters in the order in which the error names them.
    pub(super) parameters: Vec<Parameter>,
    /// Whether the error is about a value out of its range.
    pub(super) is_about_range: bool,
    /// Whether only the combination of the parameters is refused.
    pub(super) is_about_pair: bool,
    /// Whether the error states that a parameter is unknown or unsupported.
    is_certain: bool,
}

impl Refusal {
    /// The parameters that an error names: first those in its fields, then those in its messages.
    pub(super) fn of(error: &ErrorBody) -> Self {
        const CODES: [&str; 3] = ["unsupported_parameter", "unsupported_value", "extra_forbidden"];
        const PAIR: [&str; 4] = ["both", "mutually exclusive", "together", "at the same time"];
        let text = error.text();
        let is_certain =
            CODES.iter().any(|code| error.has_code(code)) || contains_any(&text, &REFUSED);
        let mut parameters = Parameter::all_in(&error.fields.join(" "));
        for parameter in Parameter::all_in(&text) {
            let is_meant = is_certain || !parameter.is_a_common_word();
            if is_meant && !parameters.contains(&parameter) {
                parameters.push(parameter);
            }
        }
        if !is_certain {
            parameters.retain(|parameter| !parameter.is_limit());
        }
        Self {
            parameters,
            is_about_range: is_about_range(error, &text),
            is_about_pair: contains_any(&text, &PAIR),
            is_certain,
        }
    }

    /// Whether such an error justifies another request without the parameter, although the server reports an
    /// internal error.
    pub(super) fn is_certain(&self) -> bool {
        self.is_certain && !self.is_about_range && !self.parameters.is_empty()
    }
}

/// Whether an error is about a value that is too large, too small or of the wrong type.
fn is_about_range(error: &ErrorBody, text: &str) -> bool {
    const CODES: [&str; 4] = ["above_max", "below_min", "invalid_type", "out_of_range"];
    const WORDS: [&str; 14] = [
        "too large",
        "too small",
        "less than",
        "greater than",
        "above maximum",
        "below minimum",
        "out of range",
        "between",
        "valid range",
        "range of",
        "at most",
        "at least",
        "exceed",
        "<=",
    ];
    CODES.iter().any(|code| error.codes.iter().any(|other| other.contains(code)))
        || contains_any(text, &WORDS)
}

/// Words which state that something is not accepted, whatever its value.
const REFUSED: [&str; 27] = [
    "unsupported",
    "not supported",
    "not support",
    "n't support",
    "unrecognized",
    "unrecognised",
    "unknown",
    "not permitted",
    "deprecated",
    "unavailable",
    "not available",
    "not allowed",
    "is allowed",
    "unexpected",
    "extra inputs",
    "no longer",
    "removed",
    "cannot be",
    "can't be",
    "incompatible",
    "not compatible",
    "not implemented",
    "not accept",
    "disabled",
    "instead",
    "only the default",
    "ignored",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> Refusal {
        Refusal::of(&ErrorBody::new(body, &super::super::secrets::Secrets::default()))
    }

    fn named(body: &str) -> Vec<&'static str> {
        refusal(body).parameters.into_iter().map(Parameter::name).collect()
    }

    #[test]
    fn a_refused_parameter_is_known_in_any_wording_that_names_it() {
        let of = |message: &str, param: &str, code: &str| {
            let error = serde_json::json!({"message": message, "param": param, "code": code});
            named(&serde_json::json!({ "error": error }).to_string())
        };
        let unsupported = "Unsupported parameter: 'max_tokens' is not supported with this model. \
             Use 'max_completion_tokens' instead.";
        let both = ["max_tokens", "max_completion_tokens"];
        assert_eq!(of(unsupported, "max_tokens", "unsupported_parameter"), both);
        assert_eq!(of(unsupported, "", ""), both);
        assert_eq!(of("no", "temperature", ""), ["temperature"]);
        assert_eq!(of("unknown field `seed`", "", ""), ["seed"]);
        assert_eq!(of("invalid temperature: only 1 is allowed for this model", "", "").len(), 1);
        assert_eq!(of("`temperature` is deprecated for this model.", "", ""), ["temperature"]);
        assert_eq!(of("temperature: must be 1 here", "", ""), ["temperature"]);
        assert_eq!(of("This response_format type is unavailable now", "", ""), ["response_format"]);
        assert_eq!(of("JSON schema is not supported", "", ""), ["response_format"]);
        assert_eq!(of("topP: unexpected", "", ""), ["top_p"]);
        let loc = r#"{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"no"}]}"#;
        assert_eq!(named(loc), ["seed"]);
        let raw = r#"{"error":{"message":"Provider returned error","metadata":{"raw":"{\"error\":{\"message\":\"top_k: not permitted\"}}"}}}"#;
        assert_eq!(named(raw), ["top_k"]);
        // Words that are not parameters here, and values that the user must correct.
        assert_eq!(of("unknown error, stopped", "", ""), Vec::<&str>::new());
        assert_eq!(of("please stop", "", ""), Vec::<&str>::new());
        assert_eq!(of("max_tokens is too large: 9", "max_tokens", "x"), Vec::<&str>::new());
        let above = "Invalid 'temperature': decimal above maximum value";
        assert!(refusal(&format!("{{\"error\":\"{above}\"}}")).is_about_range);
        let pair = "`temperature` and `top_p` cannot both be specified";
        assert!(refusal(&format!("{{\"error\":\"{pair}\"}}")).is_about_pair);
    }
}
