//! Rules: where the verdict of a prompt stands, and what it may be.
//!
//! The key `verdict` holds one rule or a list; rules are tried in order, and the first that finds an announcement
//! decides:
//!
//! ```text
//! rule = "Score: *"                                      an announcement; the last one counts
//!      | {pattern: "Better: *", values: {A: first, B: second}}
//!      | {mark: true, form: "[[*]]"}                      after the item's mark
//!      | {json: /score}                                   a JSON pointer into the last object
//!      | {choose: verdict}                                the label that a `choose` picked
//!      | {numbers: 2, line: first}                        several numbers on a line
//!      | {numbers: ["A: *", "B: *"]}                      several numbers, each after its own announcement
//!      | {regex: "score is (?<verdict>[0-9]+)"}
//! ```
//!
//! Each may have `values` (what words mean) and `in` (the `gen` whose text is read); an announcement and a regex also
//! `unique` (two different verdicts in one answer are none); a rule of a ranking `best` (the value names only the best
//! answer).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{
    error::{Error, ErrorKind, Result, unknown},
    item::kind_of,
    scale::Scale,
    verdict::CORRECT,
};

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
    /// Whether the value of a ranking names only the best answer, so that the others are equal.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub best: bool,
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
    /// In the group `verdict` of the last match of a regular expression (syntax of the crate `regex`).
    Regex(String),
}

/// A line of an answer, for [`Place::Numbers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerLine {
    /// The first line that is not blank.
    First,
    /// The last line that is not blank.
    Last,
}

/// Reads the key `verdict` of a prompt file: one rule or a list.
///
/// # Errors
/// A rule is malformed ([`ErrorKind::Prompt`]); the hint shows how to write it.
pub(crate) fn rules(json: serde_json::Value) -> Result<Vec<Rule>> {
    match json {
        serde_json::Value::Array(list) if list.is_empty() => {
            Err(Error::new(ErrorKind::Prompt, "the list under `verdict` is empty"))
        }
        serde_json::Value::Array(list) => list.into_iter().map(rule).collect(),
        one => Ok(vec![rule(one)?]),
    }
}

/// The keys of a rule.
pub(crate) const RULE_KEYS: [&str; 12] = [
    "pattern", "json", "choose", "mark", "form", "numbers", "line", "regex", "values", "in",
    "unique", "best",
];

/// An error about the rules of a prompt file.
fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Prompt, message)
}

/// Reads one rule: an announcement, or an object with exactly one place.
fn rule(json: Value) -> Result<Rule> {
    let mut map = match json {
        Value::String(pattern) => Map::from_iter([("pattern".to_owned(), pattern.into())]),
        Value::Object(map) => map,
        other => {
            return Err(wrong(format!("`verdict` cannot be {other}"))
                .hint("write an announcement such as `verdict: \"Score: *\"`, or a rule such as `verdict: {json: /score}`"));
        }
    };
    if let Some(key) = map.keys().find(|key| !RULE_KEYS.contains(&key.as_str())) {
        return Err(unknown(ErrorKind::Prompt, "key of `verdict`", key, RULE_KEYS));
    }
    let line = line(map.get("line"))?;
    let numbers = numbers(map.remove("numbers"), line)?;
    let mark = flag("mark", map.get("mark"))?;
    let unique = flag("unique", map.get("unique"))?;
    let best = flag("best", map.get("best"))?;
    let mut text = |key: &str| text(key, map.remove(key));
    let places: Vec<Place> = [
        text("pattern")?.map(Place::Announced),
        text("json")?.map(Place::Json),
        text("choose")?.map(Place::Choose),
        mark.then_some(Place::Mark),
        numbers,
        text("regex")?.map(Place::Regex),
    ]
    .into_iter()
    .flatten()
    .collect();
    let within = text("in")?;
    let form = text("form")?;
    let values = values(map.remove("values"))?;
    let [place] = <[Place; 1]>::try_from(places).map_err(|places| {
        let what = if places.is_empty() { "no place" } else { "several places" };
        wrong(format!("a rule under `verdict` names {what} to read"))
            .hint("give exactly one of pattern, json, choose, mark, numbers, regex")
    })?;
    check(&place)?;
    let form = form.map(|form| form_of(&form, &place)).transpose()?;
    if unique && !matches!(place, Place::Announced(_) | Place::Regex(_)) {
        return Err(wrong("`unique` under `verdict` belongs to `pattern` or `regex`")
            .hint("the other rules read one place of the answer only"));
    }
    Ok(Rule { place, values, within, form, unique, best })
}

/// The text of a key, if it is there.
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

/// The key `mark`, `unique` or `best`: true, or absent.
fn flag(key: &str, value: Option<&Value>) -> Result<bool> {
    match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        Some(_) => Err(wrong(format!("`{key}` under `verdict` must be true"))
            .hint(format!("write `{key}: true` in the rule"))),
    }
}

/// The brackets around the `*` of the key `form`, which only a mark may have.
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

/// The key `line`.
fn line(value: Option<&Value>) -> Result<Option<AnswerLine>> {
    match value.map(Value::as_str) {
        None => Ok(None),
        Some(Some("first")) => Ok(Some(AnswerLine::First)),
        Some(Some("last")) => Ok(Some(AnswerLine::Last)),
        Some(_) => Err(wrong("`line` under `verdict` must be first or last")),
    }
}

/// The key `numbers`: how many stand on the line, or the announcement of each.
fn numbers(value: Option<Value>, line: Option<AnswerLine>) -> Result<Option<Place>> {
    const EXAMPLE: &str = "write `verdict: {numbers: 2, line: first}`, or `verdict: {numbers: [\"Score A: *\", \"Score B: *\"]}`";
    let place = match value {
        None => return Ok(None),
        Some(Value::Array(list)) => {
            let patterns: Option<Vec<String>> =
                list.iter().map(|pattern| pattern.as_str().map(ToOwned::to_owned)).collect();
            patterns.filter(|_| line.is_none()).map(Place::Several)
        }
        Some(value) => {
            let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
            count.map(|count| Place::Numbers { count, line: line.unwrap_or(AnswerLine::First) })
        }
    };
    place.map(Some).ok_or_else(|| {
        wrong("`numbers` under `verdict` must be how many numbers there are on the line, or a list of announcements")
            .hint(EXAMPLE)
    })
}

/// The key `values`: words and what they mean. Numbers and booleans without quotes are read as texts.
fn values(value: Option<Value>) -> Result<Words> {
    let map = match value {
        None | Some(Value::Null) => return Ok(Words::default()),
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

/// Refuses a place that could never be found, or that every answer would have.
fn check(place: &Place) -> Result<()> {
    let refused = |message: String| Err(wrong(message));
    match place {
        Place::Announced(pattern) => check_announcement(pattern),
        Place::Several(patterns) if patterns.len() < 2 => {
            refused("`numbers` must list 2 announcements or more".into())
        }
        Place::Several(patterns) => {
            patterns.iter().try_for_each(|pattern| check_announcement(pattern))
        }
        Place::Json(pointer) if !pointer.starts_with('/') => {
            refused(format!("the JSON pointer `{pointer}` does not begin with `/`"))
        }
        Place::Numbers { count, .. } if *count < 2 => Err(wrong("`numbers` must be 2 or more").hint("a bare number is read by `{choose: NAME}` or by a regex; better ask for a line such as `Score: 7`")),
        Place::Regex(pattern) => {
            let compiled = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
            match compiled {
                Err(cause) => {
                    // The last line of the message is the reason; those before it draw the place.
                    let cause = cause.to_string();
                    let what = cause.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    refused(format!("the regex under `verdict` cannot be used: {what}"))
                }
                Ok(regex) if !regex.capture_names().flatten().any(|name| name == "verdict") => {
                    refused(format!("the regex `{pattern}` has no group `(?<verdict>…)`"))
                }
                Ok(_) => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Refuses an announcement that could never be found, or that every answer would have.
fn check_announcement(pattern: &str) -> Result<()> {
    match pattern.split('*').collect::<Vec<_>>().as_slice() {
        [before, _] if before.chars().any(|c| !c.is_whitespace()) => Ok(()),
        [_, _] => Err(wrong(format!("the announcement `{pattern}` has no words before its `*`"))
            .hint("ask for a line such as `Score: 7` and read it by \"Score: *\"; a bare number is read by `{choose: NAME}` or by a regex")),
        _ => Err(wrong(format!("the announcement `{pattern}` needs exactly one `*`"))),
    }
}

impl Rule {
    /// The name of this rule in results: the announcement itself, `json /score`, `mark`, `regex` …
    pub fn name(&self) -> String {
        match &self.place {
            Place::Announced(pattern) => pattern.clone(),
            Place::Json(pointer) => format!("json {pointer}"),
            Place::Choose(name) => format!("choose {name}"),
            Place::Mark => "mark".into(),
            Place::Numbers { count, .. } => format!("{count} numbers"),
            Place::Several(patterns) => patterns.join(" "),
            Place::Regex(_) => "regex".into(),
        }
    }
}

/// What kind of verdict a prompt asks for, and all that is needed to read it.
///
/// [`Prompt::verdict_spec`](crate::Prompt::verdict_spec) gives that of a prompt, [`from_json`](Self::from_json) makes
/// one by hand, and a [`Reader`](super::Reader) reads by it.
#[derive(Clone, Debug, PartialEq)]
pub struct VerdictSpec {
    /// The kind of verdict.
    pub kind: Kind,
    /// The rules, tried in this order: the first that finds an announcement decides.
    pub rules: Vec<Rule>,
    /// The numbers, levels or sides that were offered.
    pub scale: Option<Scale>,
    /// The labels that were offered, in the order of the prompt file; empty if any word may come.
    pub labels: Vec<String>,
    /// The label whose probability is `p`, where the prompt names it; see [`VerdictSpec::positive`].
    pub positive: Option<String>,
    /// The least probability, 0 to 1, that the values must hold together. With less, the model was about to write
    /// something else, and the verdict is unreadable.
    pub mass: f64,
    /// Whether the text decides, or the probabilities of the values.
    pub from: VerdictFrom,
}

/// Words for a good outcome. A label that is one of them is the positive one unless the prompt names another.
const POSITIVE: [&str; 5] = ["correct", "yes", "pass", "true", "good"];

/// Words for a bad outcome. A step with such a label is wrong.
const NEGATIVE: [&str; 6] = ["incorrect", "no", "fail", "false", "bad", "wrong"];

/// Whether a label is one of these words, in any case.
fn is_one_of(words: &[&str], label: &str) -> bool {
    words.contains(&label.to_lowercase().as_str())
}

/// The labels that rules and scale offer, in the order of the prompt file.
fn labels(kind: Kind, rules: &[Rule], scale: Option<&Scale>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let is_named = matches!(kind, Kind::Label | Kind::Steps);
    let levels = scale.filter(|_| is_named).into_iter().flat_map(Scale::levels);
    let values = rules.iter().flat_map(|rule| rule.values.meanings().map(str::to_owned));
    for label in levels.map(|(name, _)| name.to_owned()).chain(values) {
        if !all.contains(&label) {
            all.push(label);
        }
    }
    all
}

impl VerdictSpec {
    /// The default of [`mass`](Self::mass): 5 %.
    pub const MASS: f64 = 0.05;

    /// A specification with these rules, and defaults for everything else.
    pub fn new(kind: Kind, rules: Vec<Rule>, scale: Option<Scale>) -> Self {
        let labels = labels(kind, &rules, scale.as_ref());
        let from = VerdictFrom::default();
        Self { kind, rules, scale, labels, positive: None, mass: Self::MASS, from }
    }

    /// The label whose probability is `p`: the one that the prompt names, or otherwise the only label that is
    /// `correct`, `yes`, `pass`, `true` or `good`, in any case. `None` if there is none or several.
    pub fn positive(&self) -> Option<&str> {
        let mut good = self.labels.iter().filter(|label| is_one_of(&POSITIVE, label));
        let only = || good.next().filter(|_| good.next().is_none());
        self.positive.as_ref().or_else(only).map(String::as_str)
    }

    /// Whether a step with this label is wrong: where the labels have a word for that (`incorrect`, `no`, `fail`,
    /// `false`, `bad`, `wrong`), a step with that word; otherwise any step whose label is not the positive one.
    pub fn is_error(&self, label: &str) -> bool {
        let has_a_word = self.labels.iter().any(|label| is_one_of(&NEGATIVE, label));
        match (has_a_word, self.positive()) {
            (_, Some(positive)) if label == positive => false,
            (true, _) => is_one_of(&NEGATIVE, label),
            (false, Some(_)) => true,
            (false, None) => label != CORRECT,
        }
    }

    /// Whether the labels distinguish right steps from wrong ones.
    pub(crate) fn distinguishes_errors(&self) -> bool {
        self.labels.is_empty()
            || self.positive().is_some()
            || self.labels.iter().any(|label| is_one_of(&NEGATIVE, label))
    }

    /// A specification as front matter writes it: the keys `kind`, `scale` and `verdict`.
    ///
    /// # Errors
    /// The kind is unknown, or one of the rules or the scale is malformed ([`ErrorKind::Prompt`]).
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
