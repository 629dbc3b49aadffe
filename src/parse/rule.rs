//! Rules: where the verdict of a prompt stands, and what it may be.
//!
//! The key `verdict` holds one rule or a list; rules are tried in order, and the first that finds an announcement
//! decides:
//!
//! ```text
//! rule = "Score: *"                                      an announcement; the last one counts; `**` is emphasis
//!      | {pattern: "Better: *", values: {A: first, B: second}}
//!      | {mark: true, form: "[[*]]"}                      after the item's mark
//!      | {json: /score}                                   a JSON pointer into the last object
//!      | {choose: verdict}                                the label that a `choose` picked
//!      | {numbers: 2, line: first}                        several numbers on a line
//!      | {numbers: ["A: *", "B: *"]}                      several numbers, each after its own announcement
//!      | {numbers: "Answer {n}: *"}                       the same, numbered from 1 for each answer
//!      | {regex: "score is (?<verdict>[0-9]+)"}
//!      | {logprobs: reward, beta: 0.001}                  the log-probabilities of given texts
//! ```
//!
//! Each may have `values` (what words mean) and `in` (the `gen` whose text is read); a JSON pointer to verdicts on
//! numbered items also `items` (the field, or the `gen`, that lists them); an announcement and a regex
//! `unique` (two different verdicts in one answer are none); a rule of a ranking `best` (the value names only the best
//! answer); a rule of steps `first_step` (the index that the judge gives the first one), and `above`, `listed` or
//! `per_step` where it labels every step instead of naming the first wrong one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

/// What kind of verdict a prompt asks for (key `kind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A number on a scale.
    Score,
    /// One of several named outcomes, such as `correct`.
    Label,
    /// The first wrong step of a solution, or a label for each step.
    Steps,
    /// Which of two answers is better.
    Preference,
    /// Several answers, best first.
    Ranking,
    /// A number for each of several answers.
    Scores,
    /// A number, or whether it is met, for each criterion.
    Criteria,
    /// No verdict: the text is the result.
    Critique,
    /// No verdict: the text is a new answer.
    Revision,
}

impl Kind {
    /// The word in prompt files, lines of results and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Label => "label",
            Self::Steps => "steps",
            Self::Preference => "preference",
            Self::Ranking => "ranking",
            Self::Scores => "scores",
            Self::Criteria => "criteria",
            Self::Critique => "critique",
            Self::Revision => "revision",
        }
    }
}

/// Both texts that are results are one kind of verdict.
impl From<Kind> for crate::verdict::VerdictKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Score => Self::Score,
            Kind::Label => Self::Label,
            Kind::Steps => Self::Steps,
            Kind::Preference => Self::Preference,
            Kind::Ranking => Self::Ranking,
            Kind::Scores => Self::Scores,
            Kind::Criteria => Self::Criteria,
            Kind::Critique | Kind::Revision => Self::Text,
        }
    }
}

/// One way to read a verdict: where it stands, and which words may stand there.
///
/// Its JSON form is part of identities and of stored lines, and never changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// Where the verdict stands.
    pub place: Place,
    /// The words that a judge may write, and what each means; empty if values mean themselves.
    #[serde(skip_serializing_if = "Words::is_empty")]
    pub values: Words,
    /// The name of the `gen` whose text is read; `None` reads the whole last turn.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// The brackets around a value after the mark; `None` if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
    /// Whether an answer that announces two different verdicts is unreadable, wherever they stand.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
    /// For verdicts on numbered items: the field of the record, or the `gen`, that lists them. Each needs a verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
    /// Whether the value of a ranking names only the best answer, so that the others are equal.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub best: bool,
    /// For steps: the index that the judge gives the first one; 0 or 1.
    #[serde(skip_serializing_if = "is_zero")]
    pub first_step: usize,
    /// For steps: how the judge labels every one of them; `None` if it names the first wrong one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labelling: Option<StepLabelling>,
    /// How many characters at the end of the answer are read; `None` for all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tail: Option<usize>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// How a judge labels every step of a solution.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepLabelling {
    /// The value is a list with one number for each step (Song et al. 2025, `PRMBench`).
    Above {
        /// A step whose number is above this one has the first label, any other step the second.
        threshold: f64,
        /// Both labels.
        labels: [String; 2],
    },
    /// The value lists steps: these have the first label, all others the second (Xia et al. 2024, `ReasonEval`).
    Listed {
        /// Both labels.
        labels: [String; 2],
    },
    /// Every announcement is about the next step (Khalifa et al. 2025, `ThinkPRM`).
    PerStep,
}

impl StepLabelling {
    /// The labels that steps may have; empty if the words of the rule say so.
    pub fn labels(&self) -> &[String] {
        match self {
            Self::Above { labels, .. } | Self::Listed { labels } => labels,
            Self::PerStep => &[],
        }
    }
}

/// Words that a judge may write and what each of them means, in the order of the prompt file (key `values`).
///
/// Words are compared without case and emphasis; `{"A": "first", "B": "second"}` reads `**a**` as `first`.
/// The order decides in which order probabilities are shown; identities of prompts do not depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<(String, String)>);

impl Words {
    /// Whether there are none, so that values mean themselves.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every word with its meaning.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(word, meaning)| (word.as_str(), meaning.as_str()))
    }

    /// The words that may be written.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(word, _)| word)
    }

    /// What the words mean; one meaning for each word, so that it may occur several times.
    pub fn meanings(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(_, meaning)| meaning)
    }
}

impl FromIterator<(String, String)> for Words {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// As an object in alphabetical order, so that the identity of a prompt does not depend on the order of words.
impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.iter().collect::<BTreeMap<_, _>>().serialize(serializer)
    }
}

/// The brackets around a value: `[[` and `]]` of `[[*]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Form {
    /// The text before the value.
    pub open: String,
    /// The text after the value.
    pub close: String,
}

/// Whether the text of an answer decides, or the probabilities of the values (key `verdict_from`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum VerdictFrom {
    /// The text; and where it lacks nothing but its verdict, the likeliest value. Probabilities are reported beside
    /// the verdict wherever the model has them.
    #[default]
    Auto,
    /// The text alone.
    Text,
    /// The probabilities alone: the likeliest value.
    Probabilities,
}

impl VerdictFrom {
    /// The word in prompt files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Probabilities => "probabilities",
        }
    }
}

/// The place where a rule looks for its value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// At the `*` of an announcement such as `Rating: [[*]]`; the last one counts.
    #[serde(rename = "pattern")]
    Announced(String),
    /// At a JSON pointer (RFC 6901) into the last JSON object, fenced or bare.
    Json(String),
    /// In the label that a `choose` of this name picked.
    Choose(String),
    /// After the item's mark, which no judged text can contain.
    Mark,
    /// Several numbers alone on the first or last line with text.
    Numbers {
        /// How many numbers, 2 or more.
        count: usize,
        /// On which line.
        line: AnswerLine,
    },
    /// At the `*` of several announcements, one for each number, in the order of the answers. The last one of each
    /// counts; an announcement that is listed several times is read as often.
    #[serde(rename = "patterns")]
    Several(Vec<String>),
    /// The same for any number of answers: `{n}` in the announcement is the number of the answer, from 1.
    Numbered(String),
    /// In the group `verdict` of the last match of a regular expression (syntax of the crate `regex`).
    Regex(String),
    /// In the log-probabilities of given texts: `logprobs`. With a reference model, in the log-ratios of both models.
    Logprobs {
        /// The names under which the body asks for them: one, or two for a preference.
        names: Vec<String>,
        /// What the sums are multiplied with: β of implicit rewards.
        beta: f64,
        /// The probability from which a step or an answer is right.
        #[serde(skip_serializing_if = "is_half")]
        threshold: f64,
    },
}

/// Whether a threshold is the default.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_half(threshold: &f64) -> bool {
    threshold.to_bits() == HALF.to_bits()
}

/// The threshold that implicit rewards have by default: there the reward is 0.
pub(super) const HALF: f64 = 0.5;

/// A line of an answer, for [`Place::Numbers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerLine {
    /// The first line that is not blank.
    First,
    /// The last line that is not blank.
    Last,
}

impl Rule {
    /// The name of this rule in results: the announcement itself, `json /score`, `mark`, `regex` …
    pub fn name(&self) -> String {
        match &self.place {
            Place::Announced(pattern) | Place::Numbered(pattern) => pattern.clone(),
            Place::Json(pointer) => format!("json {pointer}"),
            Place::Choose(name) => format!("choose {name}"),
            Place::Mark => "mark".into(),
            Place::Numbers { count, .. } => format!("{count} numbers"),
            Place::Several(patterns) => patterns.join(" "),
            Place::Regex(_) => "regex".into(),
            Place::Logprobs { names, .. } => format!("logprobs {}", names.join(" ")),
        }
    }
}

/// What stands for the number of an answer in the announcement of [`Place::Numbered`].
pub(crate) const NUMBER: &str = "{n}";

/// What a word under `values` means if the judge says by it that every step is right.
pub(crate) const NO_ERROR: &str = "-1";

/// The words before and after the value of an announcement. Its place is the only `*` that does not touch another one:
/// `**` is emphasis. `None` if there is no such `*`, or several.
pub(crate) fn value_place(pattern: &str) -> Option<(&str, &str)> {
    let stars = pattern.match_indices('*').map(|(at, _)| at);
    let mut alone =
        stars.filter(|&at| !pattern[..at].ends_with('*') && !pattern[at + 1..].starts_with('*'));
    let at = alone.next().filter(|_| alone.next().is_none())?;
    Some((&pattern[..at], &pattern[at + 1..]))
}
