//! The answer of a model: its text, how it ended, its cost and its probabilities.

use serde::{Deserialize, Serialize};

/// The answer of a model to one [`Request`](crate::Request).
///
/// A custom client creates one with [`Completion::text`], and adds what it knows: usage, finish reason,
/// probabilities. Values that a server does not report stay unknown, and never become 0.
///
/// ```
/// use tribunal::{Completion, completion::{Finish, Usage}};
///
/// let completion = Completion::text("Fine.\nScore: 7").finish(Finish::Stop).usage(Usage::new(120, 9));
/// assert_eq!(completion.usage.completion, Some(9));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Completion {
    /// The text, or the chosen label.
    pub text: String,
    /// The thinking, if the backend separates it from the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<String>,
    /// How it ended.
    pub finish: Finish,
    /// The tokens of the prompt and of the answer.
    pub usage: Usage,
    /// The probabilities of the labels of an [`Ask::Choose`](crate::request::Ask); `None` if the server does
    /// not report them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// The tokens with their alternatives, if they were requested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<Token>,
    /// Parameters that were not sent because the model refused them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// The token ids of the text, if a model in this process wrote it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token_ids: Vec<i32>,
    /// The probability of each label at each place of an [`Ask::ChooseAt`](crate::request::Ask), or of each step's being
    /// right at each place of an [`Ask::RewardAt`](crate::request::Ask).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<Distribution>,
    /// Natural-log probabilities of the tokens of an [`Ask::Logprobs`](crate::request::Ask), in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logprobs: Vec<f64>,
    /// For each of these tokens the number of characters of the text up to its end; empty if the tokens do not spell the
    /// text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<usize>,
    /// The sums of these log-probabilities over each of the texts that the prompt joined. A judgment sets them, a backend
    /// does not.
    #[serde(skip)]
    pub sums: Vec<f64>,
    /// The output of a reward head, for an [`Ask::Reward`](crate::request::Ask).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reward: Option<f64>,
    /// The cost of the answer that the server reports, in its currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// The number of requests that were sent for this answer, including failed ones.
    pub attempts: u32,
    /// Whether a model in this process wrote it and ended the turn by its tokens. Anything in the text that
    /// looks like a control token is then plain text.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_process: bool,
    /// Whether it came from a cache, and cost nothing this time.
    #[serde(skip)]
    pub cached: bool,
    /// For an answer that was asked for again because a lower limit of tokens had cut it off: the higher limit. A judgment
    /// sets it, a backend does not.
    #[serde(skip)]
    pub max_tokens: Option<u32>,
    /// For an answer that its limit of tokens cut off: why there is none with a higher limit. A judgment sets it, a backend
    /// does not.
    #[serde(skip)]
    pub cut: Option<String>,
}

/// One written token and its alternatives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Token {
    /// The token's text.
    pub text: String,
    /// Alternatives with natural-log probabilities, the written token among them.
    pub top: Vec<(String, f64)>,
}

/// Why an answer ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Finish {
    /// The model ended its turn, or wrote a stop text.
    #[default]
    Stop,
    /// The limit on tokens was reached.
    Length,
    /// A content filter or a refusal of the service ended it.
    Filtered,
    /// The words that announce the verdict were written for the model, and it wrote only the verdict.
    Forced,
    /// A greedy text repeated itself, and was stopped.
    Loop,
    /// The model called tools, instead of or after a text.
    ToolCalls,
    /// An unknown finish reason of the server; the answer counts as cut off.
    Other(String),
}

impl Completion {
    /// An ordinary answer from one attempt.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), attempts: 1, ..Self::default() }
    }

    /// The same answer with the probabilities of the offered labels.
    #[must_use]
    pub fn distribution(self, distribution: Distribution) -> Self {
        Self { distribution: Some(distribution), ..self }
    }

    /// The same answer with another finish reason.
    #[must_use]
    pub fn finish(self, finish: Finish) -> Self {
        Self { finish, ..self }
    }

    /// The same answer with this usage.
    #[must_use]
    pub fn usage(self, usage: Usage) -> Self {
        Self { usage, ..self }
    }
}

/// The words in files that no server uses.
const FORCED: &str = "forced";
const LOOP: &str = "loop";
const OWN: [&str; 2] = [FORCED, LOOP];

impl Finish {
    /// The word for the finish reason in files.
    pub fn name(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Filtered => "filtered",
            Self::Forced => FORCED,
            Self::Loop => LOOP,
            Self::ToolCalls => "tool_calls",
            Self::Other(word) => word,
        }
    }

    /// The finish reason for a word of a server, in any case, with `_`, `-` or a space between its parts.
    pub fn of_word(word: &str) -> Self {
        const CLEAN: [&str; 9] = [
            "",
            "stop",
            "eos",
            "eos_token",
            "end_turn",
            "stop_sequence",
            "complete",
            "completed",
            "done",
        ];
        const CUT: [&str; 15] = [
            "length",
            "max_length",
            "model_length",
            "max_tokens",
            "max_token",
            "max_new_tokens",
            "max_output_tokens",
            "max_completion_tokens",
            "max_tokens_reached",
            "token_limit",
            "context_length",
            "context_length_exceeded",
            "model_context_window_exceeded",
            "error_limit",
            "truncated",
        ];
        const FILTERED: [&str; 21] = [
            "filter",
            "filtered",
            "content_filter",
            "content_filtered",
            "content_policy",
            "content_policy_violation",
            "policy_violation",
            "safety",
            "image_safety",
            "refusal",
            "refused",
            "recitation",
            "blocklist",
            "blocked",
            "prohibited_content",
            "spii",
            "sensitive",
            "moderation",
            "flagged",
            "guardrail_intervened",
            "error_toxic",
        ];
        const TOOLS: [&str; 4] = ["tool_calls", "tool_call", "function_call", "tool_use"];
        let plain = word.trim().to_lowercase().replace(['-', ' '], "_");
        let plain = plain.strip_prefix("finish_reason_").unwrap_or(&plain);
        let is = |words: &[&str]| words.contains(&plain);
        match () {
            () if is(&CLEAN) => Self::Stop,
            () if is(&CUT) => Self::Length,
            () if is(&FILTERED) => Self::Filtered,
            () if is(&TOOLS) => Self::ToolCalls,
            // No server uses this program's own words as finish reasons.
            () if is(&OWN) => Self::Other(format!("server: {plain}")),
            () => Self::Other(shortened(word.trim())),
        }
    }

    /// Whether the server failed, so that the same request may get a better answer later.
    #[cfg(any(feature = "store", test))]
    pub(crate) fn is_accident(&self) -> bool {
        const PARTS: [&str; 7] =
            ["error", "fail", "abort", "cancel", "timeout", "interrupt", "resource"];
        let Self::Other(word) = self else { return false };
        let word = word.to_lowercase();
        PARTS.iter().any(|part| word.contains(part))
    }
}

/// The beginning of an overlong word.
fn shortened(word: &str) -> String {
    const LENGTH: usize = 40;
    word.chars().take(LENGTH).collect()
}

/// The finish reason for a word in files, or for a word of a server.
impl From<String> for Finish {
    fn from(word: String) -> Self {
        match word.as_str() {
            FORCED => Self::Forced,
            LOOP => Self::Loop,
            word => Self::of_word(word),
        }
    }
}

impl From<Finish> for String {
    fn from(finish: Finish) -> Self {
        finish.name().to_owned()
    }
}

/// The tokens of one answer. Unreported values are unknown, and never 0.
///
/// ```
/// use tribunal::completion::{Usage, UsageTotal};
///
/// let mut total = UsageTotal::from(Usage::new(100, 20));
/// total += Usage::default();
/// assert_eq!((total.prompt, total.completion, total.unknown), (100, 20, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<u64>,
    /// The prompt tokens that the server or the engine had cached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached: Option<u64>,
    /// Written tokens, including thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion: Option<u64>,
    /// The written tokens that were thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
}

impl Usage {
    /// The tokens of a prompt and of an answer; how many were cached is unknown.
    pub fn new(prompt: u64, completion: u64) -> Self {
        Self { prompt: Some(prompt), completion: Some(completion), ..Self::default() }
    }

    /// Whether the tokens that are charged are known.
    pub fn is_known(&self) -> bool {
        self.prompt.is_some() && self.completion.is_some()
    }
}

/// The tokens of many answers, and the number of answers with unknown tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct UsageTotal {
    /// Tokens of all prompts.
    pub prompt: u64,
    /// The prompt tokens that were reported as cached.
    pub cached: u64,
    /// Written tokens, including thinking.
    pub completion: u64,
    /// The written tokens that were reported as thinking.
    pub reasoning: u64,
    /// The number of answers without reported tokens; their tokens are missing in the other fields.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl UsageTotal {
    /// This many prompt tokens and written tokens, all of them reported.
    pub fn new(prompt: u64, completion: u64) -> Self {
        Self { prompt, completion, ..Self::default() }
    }

    /// Whether the tokens of every answer were reported.
    pub fn is_known(&self) -> bool {
        self.unknown == 0
    }
}

impl From<Usage> for UsageTotal {
    fn from(usage: Usage) -> Self {
        let mut total = Self::default();
        total += usage;
        total
    }
}

impl std::ops::AddAssign<Usage> for UsageTotal {
    fn add_assign(&mut self, one: Usage) {
        self.prompt += one.prompt.unwrap_or(0);
        self.cached += one.cached.unwrap_or(0);
        self.completion += one.completion.unwrap_or(0);
        self.reasoning += one.reasoning.unwrap_or(0);
        self.unknown += u64::from(!one.is_known());
    }
}

impl std::ops::AddAssign for UsageTotal {
    fn add_assign(&mut self, other: Self) {
        self.prompt += other.prompt;
        self.cached += other.cached;
        self.completion += other.completion;
        self.reasoning += other.reasoning;
        self.unknown += other.unknown;
    }
}

/// The price of a million tokens, in any currency.
///
/// ```
/// use tribunal::completion::{Price, UsageTotal};
///
/// let price = Price { prompt: 0.25, cached: None, completion: 2.0 };
/// assert_eq!(price.of(UsageTotal::new(2_000_000, 500_000)), Some(1.5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Price of prompt tokens.
    pub prompt: f64,
    /// Price of prompt tokens that the server had cached; the normal price if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<f64>,
    /// Price of written tokens.
    pub completion: f64,
}

impl Price {
    /// The cost of these tokens; `None` if the tokens of an answer are unknown.
    pub fn of(&self, usage: UsageTotal) -> Option<f64> {
        usage.is_known().then(|| self.at_least(usage))
    }

    /// What the cached prompt tokens cost less than others; `None` if they have no price of their own.
    ///
    /// ```
    /// use tribunal::completion::{Price, UsageTotal};
    ///
    /// let price = Price { prompt: 2.0, cached: Some(0.5), completion: 8.0 };
    /// let mut usage = UsageTotal::new(4_000_000, 0);
    /// usage.cached = 1_000_000;
    /// assert_eq!((price.of(usage), price.discount(usage)), (Some(6.5), Some(1.5)));
    /// ```
    pub fn discount(&self, usage: UsageTotal) -> Option<f64> {
        let [all, less] = [Self { cached: None, ..*self }, *self];
        self.cached.map(|_| all.at_least(usage) - less.at_least(usage))
    }

    /// The cost of the known tokens.
    pub fn at_least(&self, usage: UsageTotal) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
        let millions = |tokens: u64| tokens as f64 / 1e6;
        let fresh = usage.prompt.saturating_sub(usage.cached);
        millions(fresh) * self.prompt
            + millions(usage.cached) * self.cached.unwrap_or(self.prompt)
            + millions(usage.completion) * self.completion
    }
}

/// The probabilities of the labels that were offered at one place, at temperature 1.
///
/// ```
/// use tribunal::completion::Distribution;
///
/// let seen = Distribution::new(vec![("yes".into(), 0.6), ("no".into(), 0.2)]);
/// assert_eq!(seen.of("yes"), Some(0.6));
/// assert!((seen.mass() - 0.8).abs() < 1e-9 && (seen.missing - 0.2).abs() < 1e-9);
/// assert!((seen.share("yes").unwrap() - 0.75).abs() < 1e-9);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Distribution {
    /// Labels and probabilities, 0 to 1, in the order in which the labels were offered.
    pub labels: Vec<(String, f64)>,
    /// The probability of everything else that could follow.
    pub missing: f64,
    /// The number of likeliest tokens from which a server's report was read. What they do not show is
    /// [missing](Self::missing), also where it belongs to a label. `None` if every label was weighed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<u32>,
}

impl Token {
    /// A token with its alternatives.
    pub fn new(text: impl Into<String>, top: Vec<(String, f64)>) -> Self {
        Self { text: text.into(), top }
    }
}

impl Distribution {
    /// These probabilities; the rest belongs to everything else.
    pub fn new(labels: Vec<(String, f64)>) -> Self {
        let missing = (1.0 - labels.iter().map(|(_, p)| p).sum::<f64>()).clamp(0.0, 1.0);
        Self { labels, missing, top: None }
    }

    /// The probabilities of labels, derived from the alternatives of one token (natural logarithms).
    ///
    /// A label gets the probability of every token that is a prefix of it, or that it is a prefix of, if that
    /// holds for no other label. All other probability is missing. Upper and lower case matter only if labels
    /// differ in nothing else.
    pub fn of_alternatives(top: &[(String, f64)], labels: &[String]) -> Self {
        let mut masses = vec![0.0; labels.len()];
        for (token, logprob) in top {
            if let Some(mass) =
                label_of(token.trim(), labels).and_then(|index| masses.get_mut(index))
            {
                *mass += logprob.exp();
            }
        }
        let seen = Self::new(labels.iter().cloned().zip(masses).collect());
        Self { top: u32::try_from(top.len()).ok(), ..seen }
    }

    /// The total probability of the offered labels, 0 to 1.
    pub fn mass(&self) -> f64 {
        self.labels.iter().map(|(_, p)| p).sum()
    }

    /// The probability of this label; 0 if it was offered without any, `None` if it was not offered.
    pub fn of(&self, label: &str) -> Option<f64> {
        self.labels.iter().find(|(name, _)| name == label).map(|(_, p)| *p)
    }

    /// The label with the highest probability, the first one of equals; `None` without labels.
    pub fn likeliest(&self) -> Option<&str> {
        let best = self.labels.iter().rev().max_by(|(_, a), (_, b)| a.total_cmp(b));
        best.map(|(label, _)| label.as_str())
    }

    /// The probabilities normalized over the labels; `None` if all are 0.
    #[must_use]
    pub fn among_labels(&self) -> Option<Self> {
        let total = self.mass();
        let share = |(label, p): &(String, f64)| (label.clone(), p / total);
        (total > 0.0).then(|| Self {
            labels: self.labels.iter().map(share).collect(),
            missing: 0.0,
            top: self.top,
        })
    }

    /// The probability of `label` normalized over all labels; `None` if all are 0.
    pub fn share(&self, label: &str) -> Option<f64> {
        let total = self.mass();
        let (_, p) = self.labels.iter().find(|(name, _)| name.trim() == label.trim())?;
        (total > 0.0).then(|| p / total)
    }
}

/// The only label that a token equals or that fits it as a prefix in either direction: in exact case first,
/// then in any case.
fn label_of(token: &str, labels: &[String]) -> Option<usize> {
    if token.is_empty() {
        return None;
    }
    let only = |fits: &dyn Fn(&str) -> bool| {
        let all = labels.iter().enumerate().filter(|(_, label)| fits(label.trim()));
        let mut all = all.map(|(index, _)| index);
        (all.next(), all.next().is_some())
    };
    let fits = |label: &str, token: &str| label.starts_with(token) || token.starts_with(label);
    let low = token.to_lowercase();
    let tries: [&dyn Fn(&str) -> bool; 4] = [
        &|label| label == token,
        &|label| fits(label, token),
        &|label| label.to_lowercase() == low,
        &|label| fits(&label.to_lowercase(), &low),
    ];
    for fits in tries {
        match only(fits) {
            (Some(index), false) => return Some(index),
            (Some(_), true) => return None,
            (None, _) => (),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_for_the_one_label_that_it_begins() {
        let labels = [" Yes".to_owned(), " No".to_owned()];
        let top = [
            ("Yes".to_owned(), 0.5_f64.ln()),
            ("Y".into(), 0.1_f64.ln()),
            ("Nope".into(), 0.1_f64.ln()),
            (" ".into(), 0.2_f64.ln()),
        ];
        let seen = Distribution::of_alternatives(&top, &labels);
        assert!((seen.labels[0].1 - 0.6).abs() < 1e-12);
        assert!((seen.labels[1].1 - 0.1).abs() < 1e-12);
        assert!((seen.missing - 0.3).abs() < 1e-12);
    }

    #[test]
    fn labels_that_differ_by_case_alone_are_two_labels() {
        let masses = |labels: [&str; 2], token: &str| {
            let labels = labels.map(ToOwned::to_owned);
            let seen = Distribution::of_alternatives(&[(token.to_owned(), 0.0)], &labels);
            (seen.labels[0].1, seen.labels[1].1)
        };
        assert_eq!(masses(["m", "M"], "M"), (0.0, 1.0));
        assert_eq!(masses(["m", "M"], " m"), (1.0, 0.0));
        assert_eq!(masses([" Yes", " No"], "yes"), (1.0, 0.0));
        assert_eq!(masses([" Pass", " PASS"], "pass"), (0.0, 0.0), "it could be either");
    }

    #[test]
    fn shares_are_among_the_labels_offered() {
        let seen = Distribution::new(vec![("Yes".into(), 0.6), ("No".into(), 0.2)]);
        assert!((seen.share(" Yes").unwrap() - 0.75).abs() < 1e-12);
        assert_eq!(seen.share("Maybe"), None);
    }

    #[test]
    fn an_end_is_clean_only_where_its_word_is_known() {
        for word in ["stop", "STOP", "eos", "EOS_TOKEN", "end-turn", "stop_sequence", "", " Done "]
        {
            assert_eq!(Finish::of_word(word), Finish::Stop, "{word}");
        }
        for word in ["length", "MAX_TOKENS", "model_length", "max-output-tokens"] {
            assert_eq!(Finish::of_word(word), Finish::Length, "{word}");
        }
        for word in ["content_filter", "SAFETY", "refusal", "RECITATION", "PROHIBITED_CONTENT"] {
            assert_eq!(Finish::of_word(word), Finish::Filtered, "{word}");
        }
        for word in ["error", "OTHER", "stopped", "forced", "load", "2"] {
            let finish = Finish::of_word(word);
            assert!(matches!(&finish, Finish::Other(_)), "{word}");
            // The word is the same after writing and reading a file.
            assert_eq!(Finish::from(finish.name().to_owned()), finish, "{word}");
        }
        assert_eq!(Finish::from("forced".to_owned()), Finish::Forced);
        assert!(Finish::of_word("network_error").is_accident());
    }
}
