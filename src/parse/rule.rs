//! How a prompt says where its verdict stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    error::{Error, ErrorKind, Result, unknown},
    item::kind_of,
    scale::Scale,
    verdict::CORRECT,
};

/// What a prompt's verdict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A number on a scale.
    Score,
    /// A named outcome.
    Label,
    /// Every step of a solution, or its first error.
    Steps,
    /// Which of two answers is better.
    Preference,
    /// Several answers, best first.
    Ranking,
    /// A number per candidate.
    Scores,
    /// A number per named criterion.
    Criteria,
    /// Nothing: the text is the result.
    Critique,
    /// Nothing: the text is a better answer.
    Revision,
}

impl Kind {
    /// The word in prompt files and reports.
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

/// One way to read a verdict, and the words that it may find.
///
/// Its JSON form names it in identities, and never changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// Where the verdict stands.
    pub place: Place,
    /// The judge's words and what they mean; words are compared without case and markdown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// The result that is read, by the name of its `gen`; `None` reads the whole last turn.
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// What stands around a value after the mark; `None` is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Form>,
}

/// What stands around a value: `[[` and `]]` of `[[*]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Form {
    /// What stands before it.
    pub open: String,
    /// What stands after it.
    pub close: String,
}

/// Where verdicts come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum VerdictFrom {
    /// From the text, and from the probabilities of the values where the text holds no verdict. The
    /// probabilities stand beside the verdict wherever they can be had.
    #[default]
    Auto,
    /// From the text alone.
    Text,
    /// From the probabilities alone: the likeliest value.
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

/// Where a verdict stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// At the `*` of an announcement such as `Rating: [[*]]`; the last one counts.
    #[serde(rename = "pattern")]
    Announced(String),
    /// At a JSON pointer into the last JSON object, fenced or bare.
    Json(String),
    /// In the label that a `choose` of this name picked.
    Choose(String),
    /// Behind our own marker.
    Mark,
    /// So many numbers on the first or last line with text.
    Numbers {
        /// How many.
        count: usize,
        /// On which line.
        line: AnswerLine,
    },
    /// In the group `verdict` of the last match of a regular expression.
    Regex(String),
}

/// A line of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerLine {
    /// The first line that is not blank.
    First,
    /// The last line that is not blank.
    Last,
}

/// The `verdict` key as it stands in a file: one rule or a list.
pub(crate) fn rules(json: serde_json::Value) -> Result<Vec<Rule>> {
    match json {
        serde_json::Value::Array(list) if list.is_empty() => {
            Err(Error::new(ErrorKind::Prompt, "`verdict` lists no rule"))
        }
        serde_json::Value::Array(list) => list.into_iter().map(rule).collect(),
        one => Ok(vec![rule(one)?]),
    }
}

const KEYS: [&str; 10] =
    ["pattern", "json", "choose", "mark", "form", "numbers", "line", "regex", "values", "in"];

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Prompt, message)
}

fn rule(json: Value) -> Result<Rule> {
    let mut map = match json {
        Value::String(pattern) => Map::from_iter([("pattern".to_owned(), pattern.into())]),
        Value::Object(map) => map,
        other => {
            return Err(wrong(format!("`verdict` cannot be {other}"))
                .hint("write an announcement such as `verdict: \"Score: *\"`, or a rule such as `verdict: {json: /score}`"));
        }
    };
    if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown(ErrorKind::Prompt, "key of `verdict`", key, KEYS));
    }
    let line = line(map.get("line"))?;
    let numbers = count(map.remove("numbers"))?;
    let mark = mark(map.get("mark"))?;
    let mut text = |key: &str| text(key, map.remove(key));
    let places: Vec<Place> = [
        text("pattern")?.map(Place::Announced),
        text("json")?.map(Place::Json),
        text("choose")?.map(Place::Choose),
        mark.then_some(Place::Mark),
        numbers.map(|count| Place::Numbers { count, line: line.unwrap_or(AnswerLine::First) }),
        text("regex")?.map(Place::Regex),
    ]
    .into_iter()
    .flatten()
    .collect();
    let within = text("in")?;
    let form = text("form")?;
    let values = values(map.remove("values"))?;
    let [place] = <[Place; 1]>::try_from(places).map_err(|places| {
        let wrong = if places.is_empty() { "no place" } else { "several places" };
        Error::new(ErrorKind::Prompt, format!("a rule under `verdict` names {wrong} to read"))
            .hint("give exactly one of pattern, json, choose, mark, numbers, regex")
    })?;
    check(&place)?;
    let form = form.map(|form| form_of(&form, &place)).transpose()?;
    Ok(Rule { place, values, within, form })
}

fn text(key: &str, value: Option<Value>) -> Result<Option<String>> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong(format!(
            "`{key}` under `verdict` must be a text, and is {}",
            kind_of(&other)
        ))),
    }
}

fn mark(value: Option<&Value>) -> Result<bool> {
    match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        Some(_) => {
            Err(wrong("`mark` under `verdict` must be true").hint("write `verdict: {mark: true}`"))
        }
    }
}

/// What stands around the `*` of a form.
fn form_of(form: &str, place: &Place) -> Result<Form> {
    if *place != Place::Mark {
        return Err(wrong("`form` under `verdict` belongs to `mark`")
            .hint("an announcement holds its own form: \"Rating: [[*]]\""));
    }
    match form.split('*').collect::<Vec<_>>().as_slice() {
        [open, close] if !open.contains('\n') && !close.contains('\n') => {
            Ok(Form { open: open.trim().to_owned(), close: close.trim().to_owned() })
        }
        _ => Err(wrong(format!("the form `{form}` under `verdict` needs exactly one `*`"))
            .hint("write it around the value: `form: \"[[*]]\"`")),
    }
}

fn line(value: Option<&Value>) -> Result<Option<AnswerLine>> {
    match value.map(Value::as_str) {
        None => Ok(None),
        Some(Some("first")) => Ok(Some(AnswerLine::First)),
        Some(Some("last")) => Ok(Some(AnswerLine::Last)),
        Some(_) => Err(wrong("`line` under `verdict` must be first or last")),
    }
}

fn count(value: Option<Value>) -> Result<Option<usize>> {
    let Some(value) = value else { return Ok(None) };
    let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
    count.map(Some).ok_or_else(|| {
        wrong("`numbers` under `verdict` must be how many numbers there are, 2 or more")
            .hint("write `verdict: {numbers: 2, line: first}`")
    })
}

/// The judge's words and what they mean; numbers and booleans that lack their quotes are taken as texts.
fn values(value: Option<Value>) -> Result<BTreeMap<String, String>> {
    let map = match value {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map,
        Some(other) => {
            return Err(wrong(format!(
                "`values` must give each word its meaning, and is {}",
                kind_of(&other)
            ))
            .hint("write `values: {\"A\": first, \"B\": second}`"));
        }
    };
    let meaning = |(word, meaning): (String, Value)| match meaning {
        Value::String(meaning) => Ok((word, meaning)),
        Value::Number(_) | Value::Bool(_) => Ok((word, meaning.to_string())),
        other => Err(wrong(format!(
            "the word `{word}` under `values` means {}, and must mean a text",
            kind_of(&other)
        ))),
    };
    map.into_iter().map(meaning).collect()
}

fn check(place: &Place) -> Result<()> {
    let wrong = |message: String| Err(Error::new(ErrorKind::Prompt, message));
    match place {
        Place::Announced(pattern) => match pattern.split('*').collect::<Vec<_>>().as_slice() {
            [before, _] if before.chars().any(|c| !c.is_whitespace()) => Ok(()),
            [_, _] => Err(Error::new(
                ErrorKind::Prompt,
                format!("the announcement `{pattern}` has no words before its `*`"),
            )
            .hint("ask for a line such as `Score: 7` and read it by \"Score: *\"; a bare number is read by `{choose: NAME}` or by a regex")),
            _ => wrong(format!("the announcement `{pattern}` needs exactly one `*`")),
        },
        Place::Json(pointer) if !pointer.starts_with('/') => {
            wrong(format!("the JSON pointer `{pointer}` does not begin with `/`"))
        }
        Place::Numbers { count, .. } if *count < 2 => Err(Error::new(
            ErrorKind::Prompt,
            "`numbers` is 2 or more",
        )
        .hint("a bare number is read by `{choose: NAME}` or by a regex; better ask for a line such as `Score: 7`")),
        Place::Regex(pattern) => {
            let compiled = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
            match compiled {
                Err(cause) => {
                    // The last line of the reader's drawing says what is wrong.
                    let cause = cause.to_string();
                    let what = cause.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    wrong(format!("the regex under `verdict` cannot be used: {what}"))
                }
                Ok(regex) if !regex.capture_names().flatten().any(|name| name == "verdict") => {
                    wrong(format!("the regex `{pattern}` has no group `(?<verdict>…)`"))
                }
                Ok(_) => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

impl Rule {
    /// The name under which this rule is given as provenance.
    pub fn name(&self) -> String {
        match &self.place {
            Place::Announced(pattern) => pattern.clone(),
            Place::Json(pointer) => format!("json {pointer}"),
            Place::Choose(name) => format!("choose {name}"),
            Place::Mark => "mark".into(),
            Place::Numbers { count, .. } => format!("{count} numbers"),
            Place::Regex(_) => "regex".into(),
        }
    }
}

/// All that is needed to read verdicts of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct VerdictSpec {
    /// What the verdict is about.
    pub kind: Kind,
    /// The rules, tried in this order.
    pub rules: Vec<Rule>,
    /// What values may be.
    pub scale: Option<Scale>,
    /// The labels that a verdict may have; empty where any word may come.
    pub labels: Vec<String>,
    /// The label whose probability is `p`, where it is named; see [`VerdictSpec::positive`].
    pub positive: Option<String>,
    /// The least probability that the values on offer hold together: with less, the model was about to say
    /// something else.
    pub mass: f64,
    /// Whether the text decides, or the probabilities of the values.
    pub from: VerdictFrom,
}

/// Words for a good outcome, of which one is positive where nothing else is said.
const POSITIVE: [&str; 5] = ["correct", "yes", "pass", "true", "good"];

/// Words for a bad one.
const NEGATIVE: [&str; 6] = ["incorrect", "no", "fail", "false", "bad", "wrong"];

fn is_one_of(words: &[&str], label: &str) -> bool {
    words.contains(&label.to_lowercase().as_str())
}

/// The labels that rules and scale offer, in the order in which they are written.
fn labels(kind: Kind, rules: &[Rule], scale: Option<&Scale>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let is_named = matches!(kind, Kind::Label | Kind::Steps);
    let levels = scale.filter(|_| is_named).into_iter().flat_map(Scale::levels);
    let values = rules.iter().flat_map(|rule| rule.values.values().cloned());
    for label in levels.map(|(name, _)| name.to_owned()).chain(values) {
        if !all.contains(&label) {
            all.push(label);
        }
    }
    all
}

impl VerdictSpec {
    /// The least mass where a prompt says nothing: 5 %.
    pub const MASS: f64 = 0.05;

    /// A reading by these rules.
    pub fn new(kind: Kind, rules: Vec<Rule>, scale: Option<Scale>) -> Self {
        let labels = labels(kind, &rules, scale.as_ref());
        let from = VerdictFrom::default();
        Self { kind, rules, scale, labels, positive: None, mass: Self::MASS, from }
    }

    /// The label whose probability is `p`: the one that is named, else the only one of the labels that is
    /// `correct`, `yes`, `pass`, `true` or `good`, in any case.
    pub fn positive(&self) -> Option<&str> {
        let mut good = self.labels.iter().filter(|label| is_one_of(&POSITIVE, label));
        let only = || good.next().filter(|_| good.next().is_none());
        self.positive.as_ref().or_else(only).map(String::as_str)
    }

    /// Whether a step with this label is wrong: where the labels have a word for that (`incorrect`, `no`,
    /// `fail`, `false`, `bad`, `wrong`), one with that word, else one that is not positive.
    pub fn is_error(&self, label: &str) -> bool {
        let has_a_word = self.labels.iter().any(|label| is_one_of(&NEGATIVE, label));
        match (has_a_word, self.positive()) {
            (_, Some(positive)) if label == positive => false,
            (true, _) => is_one_of(&NEGATIVE, label),
            (false, Some(_)) => true,
            (false, None) => label != CORRECT,
        }
    }

    /// Whether the labels say which steps are right.
    pub(crate) fn tells_errors(&self) -> bool {
        self.labels.is_empty()
            || self.positive().is_some()
            || self.labels.iter().any(|label| is_one_of(&NEGATIVE, label))
    }

    /// A reading as a prompt's front matter writes it.
    ///
    /// # Errors
    /// One of the rules is malformed, or the scale is.
    pub fn from_json(
        kind: &str,
        scale: Option<serde_json::Value>,
        verdict: serde_json::Value,
    ) -> Result<Self> {
        let kind: Kind = serde_json::from_value(kind.into()).map_err(|_| {
            Error::new(ErrorKind::Prompt, format!("`{kind}` is not a kind of verdict"))
        })?;
        let scale = scale.map(Scale::from_json).transpose()?;
        let rules = if verdict.is_null() { Vec::new() } else { rules(verdict)? };
        Ok(Self::new(kind, rules, scale))
    }
}
