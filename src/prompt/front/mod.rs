//! The front matter of a prompt file: strict YAML in which every key is known.
//!
//! A misspelt key is an error that names the near one, with the line of the file. Values are checked one by one, then
//! against each other: a score needs a scale, `until` needs `each: steps`, and so on. Nothing is ignored, because a
//! setting that is silently ignored changes every verdict.

mod conflicts;
mod values;

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::values::{
    SAMPLING, criteria, draws, fields, mass, per_call, roles, sampling, template, value,
};
use super::{
    about::About,
    yaml::{Keys, text, texts, wrong},
};
use crate::{
    aggregate::{Aggregate, Reduce},
    error::{Error, ErrorKind, Result},
    item::Splitting,
    parse::{self, Kind, Rule, VerdictFrom, VerdictSpec},
    pass::Pass,
    request::{Chat, Sampling, TemplateVariables},
    scale::{SCALE_KEYS, Scale},
};

/// The front matter of a prompt file: what stands between its two `---` lines.
///
/// The fields are the keys of the file. [`Prompt::front`](super::Prompt::front) gives those of a prompt:
///
/// ```
/// use tribunal::{parse::Kind, prompt};
///
/// let pair = prompt::named("pair")?.expect("it is built in");
/// assert_eq!(pair.front().kind, Kind::Preference);
/// assert_eq!(pair.front().draws, 1);
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FrontMatter {
    /// What the prompt does, in one line.
    pub summary: Option<String>,
    /// The paper or project that the protocol comes from.
    pub source: Option<String>,
    /// The kind of verdict that one conversation gives.
    pub kind: Kind,
    /// The elements for each of which one conversation is run; `None` runs one for the whole record.
    pub each: Option<Each>,
    /// The label of a step after which no further step is judged.
    pub until: Option<String>,
    /// The criteria of records that have none of their own, as the file writes them.
    pub criteria: Option<Value>,
    /// How many criteria one conversation is about, 2 or more; `None` is one, which the body sees as `criterion`.
    pub per_call: Option<NonZeroUsize>,
    /// How the scores of all elements become the one score of the record, or how the probabilities of steps become
    /// one number beside them; `None` keeps one verdict for each element.
    pub reduce: Option<Reduce>,
    /// How the text of an answer is cut into steps; `None` is [`Splitting::Paragraphs`].
    pub split: Option<Splitting>,
    /// The fields that the body may name, in the order of the file; `None` means every name in the body, all required.
    pub fields: Option<Vec<Field>>,
    /// Globs over names of models; for these models this is the default prompt.
    pub models: Vec<String>,
    /// Whether the body is sent as messages (the model's chat template applies) or as one raw text.
    pub chat: Chat,
    /// Variables of the model's chat template, such as `enable_thinking`. Those that the user sets take precedence.
    pub template: TemplateVariables,
    /// Roles beside `system`, `user` and `assistant` whose lines begin turns, for models whose chat template knows them.
    pub roles: Vec<String>,
    /// The numbers, levels or sides that may be given.
    pub scale: Option<Scale>,
    /// The rules by which the verdict is read, tried in order (key `verdict`).
    pub rules: Vec<Rule>,
    /// The `probe` or `choose` whose positive label gives every step its second number, beside the verdict (key
    /// `value`).
    pub value: Option<Rule>,
    /// How tokens are sampled: temperature, limits, stop texts.
    pub sampling: Sampling,
    /// How many independent samples of the same question are drawn; 1 or more.
    pub draws: u32,
    /// How several votes become one verdict; `None` uses the default of the kind.
    pub aggregate: Option<Aggregate>,
    /// The orders in which compared answers are shown; `None` is `both` for preferences and `given` for everything else.
    pub order: Option<Order>,
    /// The rule under which a verdict passes.
    pub pass: Option<Pass>,
    /// The label whose probability is `p`; `None` looks for a label such as `correct` or `yes`.
    pub positive: Option<String>,
    /// Words by which the judge says that it cannot judge, and labels that mean this. Such an answer has no verdict,
    /// and is counted as an abstention.
    pub abstain: Vec<String>,
    /// Whether the text decides, or the probabilities of the values.
    pub verdict_from: VerdictFrom,
    /// The least probability, 0 to 1, that the values of the verdict must hold together; `None` is 5 %.
    pub mass: Option<f64>,
    /// When to use the prompt, and how far it has been checked.
    pub about: About,
}

/// The elements of a record for each of which one conversation is run (key `each`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Each {
    /// The steps of the solution; the body sees `step`, `index` (from 0) and `previous` (the text of earlier steps).
    Steps,
    /// The answers; the body sees one as `answer`, with its `index`.
    Answers,
    /// The criteria; the body sees one as `criterion`, with its `criterion_name`, `weight`, `required` and `index`.
    /// With `per_call` it sees several as `criteria`.
    Criteria,
    /// The retrieved passages; the body sees one as `context`, with its `index`. Their scores need a `reduce`.
    Contexts,
}

impl Each {
    /// The field of the record that holds these elements.
    pub fn field(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Answers => "answers",
            Self::Criteria => "criteria",
            Self::Contexts => "contexts",
        }
    }

    /// The field of a record under whose name the body sees one element.
    pub(super) fn shadowed(self) -> Option<&'static str> {
        match self {
            Self::Answers => Some("answer"),
            Self::Contexts => Some("context"),
            Self::Steps | Self::Criteria => None,
        }
    }
}

/// The orders in which the answers of an item are shown (key `order`).
///
/// Judges prefer an answer for its position (Wang et al. 2023; Zheng et al. 2023), so that several orders cost more
/// requests and buy fairness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// The item's own order and the reverse: two conversations. A verdict that changes with the order is a tie.
    Both,
    /// The item's own order, and the reverse only if the first verdict is close: a preference that is not likely
    /// enough, nearly equal scores, a tie, or nothing that could be read.
    #[serde(rename = "both-if-close")]
    BothIfClose,
    /// The item's own order.
    Given,
    /// One order that is derived from the item's content: random over items, and the same on every machine.
    Hash,
    /// Every rotation of the item's own order: as many conversations as answers.
    Rotate,
    /// Another order for every draw, derived from the item's content.
    Shuffle,
}

impl Order {
    /// The word in prompt files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::BothIfClose => "both-if-close",
            Self::Given => "given",
            Self::Hash => "hash",
            Self::Rotate => "rotate",
            Self::Shuffle => "shuffle",
        }
    }
}

/// A field that the body may name.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name in the body.
    pub name: String,
    /// What happens where a record lacks it.
    pub need: Need,
}

/// What happens where a record lacks a field.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// The record cannot be judged: an error of that record.
    Required,
    /// The body sees `none`.
    Optional,
    /// The body sees this value.
    Default(Value),
}

/// Cuts a file into its front matter, its body, and the number of lines before the body.
///
/// # Errors
/// One of the two `---` lines is missing.
pub(super) fn cut(source: &str) -> Result<(&str, &str, usize)> {
    let missing = || {
        Error::new(ErrorKind::Prompt, "the prompt has no front matter").hint(
            "begin the file with a line `---`, keys such as `kind: score`, and another line `---`",
        )
    };
    let rest = source.strip_prefix('\u{FEFF}').unwrap_or(source);
    let rest = rest.strip_prefix("---").ok_or_else(missing)?;
    let rest = rest.strip_prefix('\r').unwrap_or(rest).strip_prefix('\n').ok_or_else(missing)?;
    let mut at = 0;
    for (n, line) in rest.split_inclusive('\n').enumerate() {
        if line.trim_end() == "---" {
            return Ok((&rest[..at], &rest[at + line.len()..], n + 2));
        }
        at += line.len();
    }
    Err(missing())
}

/// Reads the YAML of the file `name`.
///
/// # Errors
/// The YAML is malformed, a key is unknown or repeated, or a value does not fit ([`ErrorKind::Prompt`]). The message
/// begins with the file, and with the line where that is known.
pub(super) fn read(name: &str, yaml: &str) -> Result<FrontMatter> {
    let mut keys = Keys::of(name, yaml)?;
    keys.check_names(&FrontMatter::KEYS)?;
    let kind = keys.word("kind", &KINDS)?.ok_or_else(|| no_kind().within(name))?;
    let front = FrontMatter {
        summary: keys.text("summary")?,
        source: keys.text("source")?,
        kind,
        each: keys.word("each", &["steps", "answers", "criteria", "contexts"])?,
        until: keys.text("until")?,
        criteria: keys.read("criteria", criteria)?,
        per_call: keys.read("per_call", |value| per_call(&value))?.filter(|count| count.get() > 1),
        reduce: keys.read("reduce", |value| text("`reduce`", value)?.parse())?,
        split: keys.read("split_steps", |value| text("`split_steps`", value)?.parse())?,
        fields: keys.read("fields", fields)?,
        models: keys.read("models", |value| texts("`models`", value))?.unwrap_or_default(),
        chat: keys.word("chat", &["model", "raw"])?.unwrap_or_default(),
        template: keys.read("template", template)?.unwrap_or_default(),
        roles: keys.read("roles", roles)?.unwrap_or_default(),
        scale: keys.read("scale", Scale::from_json)?,
        rules: keys.read("verdict", parse::rules)?.unwrap_or_default(),
        value: keys.read("value", value)?,
        sampling: keys.read("sampling", sampling)?.unwrap_or_default(),
        draws: keys.read("draws", |value| draws(&value))?.unwrap_or(1),
        aggregate: keys.word("aggregate", &AGGREGATES)?,
        order: keys.word("order", &ORDERS)?,
        pass: keys.read("pass", |value| text("`pass`", value)?.parse())?,
        positive: keys.text("positive")?,
        abstain: keys.read("abstain", |value| texts("`abstain`", value))?.unwrap_or_default(),
        verdict_from: keys.word("verdict_from", &FROM)?.unwrap_or_default(),
        mass: keys.read("mass", |value| mass(&value))?,
        about: About::read(&mut keys)?,
    };
    match front.problems().into_iter().next() {
        Some((key, problem)) => keys.at(key, Err(problem)),
        None => Ok(front),
    }
}

/// The words of the key `kind`.
pub(super) const KINDS: [&str; 9] = [
    "score",
    "label",
    "steps",
    "preference",
    "ranking",
    "scores",
    "criteria",
    "critique",
    "revision",
];

/// The words of the key `aggregate`.
const AGGREGATES: [&str; 7] = ["mean", "median", "majority", "min", "max", "expected", "sum"];

/// The words of the key `verdict_from`.
const FROM: [&str; 3] = ["auto", "text", "probabilities"];

/// The words of the key `order`.
const ORDERS: [&str; 5] = ["both", "given", "hash", "rotate", "shuffle"];

impl FrontMatter {
    /// Every key of front matter, in the order of the documentation.
    pub const KEYS: [&'static str; 30] = [
        "summary",
        "source",
        "kind",
        "each",
        "until",
        "criteria",
        "per_call",
        "reduce",
        "split_steps",
        "fields",
        "models",
        "chat",
        "template",
        "roles",
        "scale",
        "verdict",
        "verdict_from",
        "value",
        "sampling",
        "draws",
        "aggregate",
        "order",
        "pass",
        "positive",
        "abstain",
        "mass",
        About::KEYS[0],
        About::KEYS[1],
        About::KEYS[2],
        About::KEYS[3],
    ];

    /// The keys whose values are objects with known keys of their own.
    pub const NESTED: [(&'static str, &'static [&'static str]); 3] =
        [("verdict", &parse::RULE_KEYS), ("sampling", &SAMPLING), ("scale", &SCALE_KEYS)];

    /// The kind of verdict, and all that is needed to read it.
    pub fn verdict_spec(&self) -> VerdictSpec {
        VerdictSpec {
            positive: self.positive.clone(),
            mass: self.mass.unwrap_or(VerdictSpec::MASS),
            from: self.verdict_from,
            abstain: self.abstain.clone(),
            value: self.value.clone(),
            ..VerdictSpec::new(self.kind, self.rules.clone(), self.scale.clone())
        }
    }

    /// The kind of the verdict about a record: with `each`, that over all elements; with `reduce`, their one score.
    pub fn verdict_kind(&self) -> Kind {
        match self.each {
            None => self.kind,
            Some(_) if self.reduces_scores() => Kind::Score,
            Some(Each::Steps) => Kind::Steps,
            Some(Each::Answers) => Kind::Scores,
            Some(Each::Criteria) => Kind::Criteria,
            Some(Each::Contexts) => Kind::Score,
        }
    }

    /// Whether the scores of all elements become one score.
    pub(crate) fn reduces_scores(&self) -> bool {
        self.reduce.is_some() && self.each.is_some() && self.kind == Kind::Score
    }

    /// Whether the verdict is one on the steps of a solution: on all of them together, or on each.
    pub(crate) fn judges_steps(&self) -> bool {
        match self.each {
            None => self.kind == Kind::Steps,
            Some(each) => each == Each::Steps && self.kind != Kind::Score,
        }
    }

    /// Whether the verdict is a label that a `choose` picks.
    pub fn picks(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.place, parse::Place::Choose(_)))
    }

    /// Whether the verdict is made of the log-probabilities of given texts.
    pub fn weighs_texts(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.place, parse::Place::Logprobs { .. }))
    }
}

/// The error of front matter without the key `kind`.
fn no_kind() -> Error {
    wrong("the front matter lacks `kind`".into())
        .hint(format!("it names the kind of verdict: {}", KINDS.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(yaml: &str) -> String {
        format!("{:?}", read("mine", yaml).unwrap_err())
    }

    #[test]
    fn an_unknown_key_names_the_near_one() {
        assert!(refusal("kind: score\nsumary: x").contains("did you mean `summary`?"));
        assert!(refusal("kind: score\nsampling: {temprature: 0}").contains("`temperature`"));
    }

    #[test]
    fn a_duplicate_key_is_an_error() {
        assert!(refusal("kind: score\nkind: label").contains("mine:3: the key `kind` is repeated"));
    }

    #[test]
    fn a_prompt_says_what_it_judges_and_how_to_read_it() {
        assert!(refusal("summary: x").contains("lacks `kind`"));
        assert!(refusal("kind: label").contains("no rule that reads its verdict"));
        assert!(refusal("kind: score\nverdict: 'Score: *'").contains("scale"));
    }

    #[test]
    fn fields_are_required_optional_or_have_a_default() {
        let front = read(
            "mine",
            "kind: label\nverdict: 'Grade: *'\nfields: {q: required, r: optional, s: {default: none given}}",
        );
        let needs: Vec<Need> = front.unwrap().fields.unwrap().into_iter().map(|f| f.need).collect();
        assert_eq!(needs, [Need::Required, Need::Optional, Need::Default("none given".into())]);
        assert!(refusal("kind: label\nverdict: 'G: *'\nfields: {q: needed}").contains("`q`"));
    }

    #[test]
    fn the_body_knows_its_line() {
        let (yaml, body, lines) = cut("---\nkind: score\n---\nuser:\nhi\n").unwrap();
        assert_eq!((yaml, body, lines), ("kind: score\n", "user:\nhi\n", 3));
        assert!(cut("user:\nhi").is_err());
    }
}
