//! The abilities of a model.

use serde::{Deserialize, Serialize};

/// Whether a model can do something: yes, no, or unknown.
///
/// It is unknown if a server has not been asked yet, or did not respond. The effect of an unknown ability is
/// documented with each ability in [`Capabilities`].
///
/// ```
/// use tribunal::request::Ability;
///
/// assert_eq!(Ability::from(true), Ability::Yes);
/// assert!(!Ability::Unknown.is_yes() && !Ability::Unknown.is_no());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Option<bool>", into = "Option<bool>")]
pub enum Ability {
    /// It can.
    Yes,
    /// It cannot.
    No,
    /// Not known yet.
    #[default]
    Unknown,
}

impl Ability {
    /// [`Yes`](Self::Yes) or [`No`](Self::No).
    pub const fn known(can: bool) -> Self {
        if can { Self::Yes } else { Self::No }
    }

    /// Whether the ability is known to exist.
    pub const fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }

    /// Whether the ability is known to be missing.
    pub const fn is_no(self) -> bool {
        matches!(self, Self::No)
    }
}

impl From<bool> for Ability {
    fn from(can: bool) -> Self {
        Self::known(can)
    }
}

/// The form in recordings: true, false or null.
impl From<Option<bool>> for Ability {
    fn from(can: Option<bool>) -> Self {
        can.map_or(Self::Unknown, Self::known)
    }
}

impl From<Ability> for Option<bool> {
    fn from(ability: Ability) -> Self {
        match ability {
            Ability::Yes => Some(true),
            Ability::No => Some(false),
            Ability::Unknown => None,
        }
    }
}

/// What a model can be asked to do.
///
/// The abilities are independent: none is inferred from another. Each field documents what happens if its
/// ability is [unknown](Ability::Unknown).
///
/// ```
/// use tribunal::{backend::Script, request::{Ability, Capabilities}};
///
/// let mut able = Capabilities::TEXT.deterministic(true);
/// able.prefill = Ability::Unknown;
/// let model = Script::always("Score: 4").capable(able);
/// # drop(model);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// Which probabilities of tokens and labels the model reports.
    pub logprobs: Logprobs,
    /// Whether the model continues an assistant turn that the request opened. Unknown counts as no: a server
    /// that begins a new turn instead would silently answer a different question.
    pub prefill: Ability,
    /// Whether answers can be constrained to a JSON schema. If unknown it is tried, because a server that
    /// cannot do it refuses the request.
    pub schema: Ability,
    /// Whether a seed makes sampling reproducible. If unknown it is tried.
    pub seed: Ability,
    /// Whether the same request gives the same text, apart from sampling at a temperature. Unknown counts as
    /// no: an unreadable answer is requested again.
    #[serde(default = "no")]
    pub deterministic: Ability,
    /// Whether the possible values of a verdict can be scored at the place where it is announced, for the
    /// cost of a few tokens. Unknown counts as no.
    #[serde(default = "no")]
    pub score_verdict: Ability,
    /// Whether labels can be weighed at many places of one text: [`Ask::ChooseAt`](super::Ask::ChooseAt). If unknown it is tried.
    #[serde(default = "no")]
    pub choose_at: Ability,
    /// Whether the log-probability of a given text is available: [`Ask::Logprobs`](super::Ask::Logprobs). If unknown it is tried.
    #[serde(default = "no")]
    pub text_logprobs: Ability,
    /// Whether there is a reference model beside the model, whose log-probabilities can be asked for in the same way.
    /// Unknown counts as no.
    #[serde(default = "no")]
    pub reference: Ability,
    /// Whether the model has a reward head: [`Ask::Reward`](super::Ask::Reward). If unknown it is tried.
    #[serde(default = "no")]
    pub reward: Ability,
    /// Whether the model has a reward head with an output at every step: [`Ask::RewardAt`](super::Ask::RewardAt). If
    /// unknown it is tried.
    #[serde(default = "no")]
    pub reward_at: Ability,
    /// Whether the backend compares answers with references by rules: [`Ask::Compare`](super::Ask::Compare). Unknown counts as no.
    #[serde(default = "no")]
    pub compare: Ability,
    /// Whether code can be run: [`Ask::Run`](super::Ask::Run). A sandbox around the model adds it; unknown counts as no.
    #[serde(default = "no")]
    pub run: Ability,
    /// Whether the chat template opens a thinking block. The answer then begins with thinking, without a tag,
    /// until the model closes the block. Unknown counts as no.
    #[serde(default = "no")]
    pub opens_thinking: Ability,
    /// How many tokens a prompt and its answer can have together, where that is known. Unknown counts as unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u32>,
}

/// The default in recordings of earlier versions, which lack the abilities that their models did not have.
const fn no() -> Ability {
    Ability::No
}

/// Which probabilities a model reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Logprobs {
    /// No probabilities.
    None,
    /// Those of the most likely tokens at each place.
    Top,
    /// That of any label, by teacher forcing.
    Exact,
    /// Not known yet: they are requested as for [`Top`](Self::Top), and used if they are reported.
    Unknown,
}

impl Logprobs {
    /// Whether a request may ask for the most likely tokens at each place.
    pub const fn may_be_top(self) -> bool {
        matches!(self, Self::Top | Self::Unknown)
    }
}

impl Capabilities {
    /// A model that can only write text.
    pub const TEXT: Self = Self {
        logprobs: Logprobs::None,
        prefill: Ability::No,
        schema: Ability::No,
        seed: Ability::No,
        deterministic: Ability::No,
        score_verdict: Ability::No,
        choose_at: Ability::No,
        text_logprobs: Ability::No,
        reference: Ability::No,
        reward: Ability::No,
        reward_at: Ability::No,
        compare: Ability::No,
        run: Ability::No,
        opens_thinking: Ability::No,
        context: None,
    };

    /// A model in this process with all abilities, for dry runs and scripts.
    pub const ALL: Self = Self {
        logprobs: Logprobs::Exact,
        prefill: Ability::Yes,
        schema: Ability::Yes,
        seed: Ability::Yes,
        deterministic: Ability::Yes,
        text_logprobs: Ability::Yes,
        reference: Ability::Yes,
        reward: Ability::Yes,
        reward_at: Ability::Yes,
        compare: Ability::Yes,
        run: Ability::Yes,
        ..Self::TEXT
    };
}

impl Capabilities {
    /// The same capabilities, with or without answers constrained to a JSON schema.
    #[must_use]
    pub const fn schema(self, schema: bool) -> Self {
        Self { schema: Ability::known(schema), ..self }
    }

    /// The same capabilities, with these reported probabilities.
    #[must_use]
    pub const fn logprobs(self, logprobs: Logprobs) -> Self {
        Self { logprobs, ..self }
    }

    /// The same capabilities, with or without continuing an assistant turn.
    #[must_use]
    pub const fn prefill(self, prefill: bool) -> Self {
        Self { prefill: Ability::known(prefill), ..self }
    }

    /// The same capabilities, with or without equal texts for equal requests.
    #[must_use]
    pub const fn deterministic(self, deterministic: bool) -> Self {
        Self { deterministic: Ability::known(deterministic), ..self }
    }

    /// The same capabilities, with or without a chat template that opens a thinking block.
    #[must_use]
    pub const fn opens_thinking(self, opens_thinking: bool) -> Self {
        Self { opens_thinking: Ability::known(opens_thinking), ..self }
    }

    /// The same capabilities, with room for this many tokens of a prompt and its answer together.
    #[must_use]
    pub const fn context(self, tokens: u32) -> Self {
        Self { context: Some(tokens), ..self }
    }

    /// The same capabilities, with or without scoring verdicts at their place.
    #[must_use]
    pub const fn score_verdict(self, score_verdict: bool) -> Self {
        Self { score_verdict: Ability::known(score_verdict), ..self }
    }
}
