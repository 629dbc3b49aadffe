//! The front matter of a prompt file: strict YAML in which every key is known.
//!
//! A misspelt key is an error that names the near one, with the line of the file. Values are checked one by one, then
//! against each other: a score needs a scale, `until` needs `each: steps`, and so on. Nothing is ignored, because a
//! setting that is silently ignored changes every verdict.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    about::About,
    yaml::{Keys, number, shown, text, texts, whole, wrong},
};
use crate::{
    aggregate::Aggregate,
    error::{Error, ErrorKind, Result, unknown},
    item::{Criteria, kind_of},
    parse::{self, Kind, Rule, VerdictFrom, VerdictSpec},
    pass::Pass,
    request::{Chat, Role, Sampling, TemplateVariables, check_variables},
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
}

impl Each {
    /// The field of the record that holds these elements.
    pub fn field(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Answers => "answers",
            Self::Criteria => "criteria",
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
        each: keys.word("each", &["steps", "answers", "criteria"])?,
        until: keys.text("until")?,
        criteria: keys.read("criteria", criteria)?,
        per_call: keys.read("per_call", |value| per_call(&value))?.filter(|count| count.get() > 1),
        fields: keys.read("fields", fields)?,
        models: keys.read("models", |value| texts("`models`", value))?.unwrap_or_default(),
        chat: keys.word("chat", &["model", "raw"])?.unwrap_or_default(),
        template: keys.read("template", template)?.unwrap_or_default(),
        roles: keys.read("roles", roles)?.unwrap_or_default(),
        scale: keys.read("scale", Scale::from_json)?,
        rules: keys.read("verdict", parse::rules)?.unwrap_or_default(),
        sampling: keys.read("sampling", sampling)?.unwrap_or_default(),
        draws: keys.read("draws", |value| draws(&value))?.unwrap_or(1),
        aggregate: keys.word("aggregate", &AGGREGATES)?,
        order: keys.word("order", &ORDERS)?,
        pass: keys.read("pass", |value| text("`pass`", value)?.parse())?,
        positive: keys.text("positive")?,
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
const AGGREGATES: [&str; 6] = ["mean", "median", "majority", "min", "max", "expected"];

/// The words of the key `verdict_from`.
const FROM: [&str; 3] = ["auto", "text", "probabilities"];

/// The words of the key `order`.
const ORDERS: [&str; 5] = ["both", "given", "hash", "rotate", "shuffle"];

impl FrontMatter {
    /// Every key of front matter, in the order of the documentation.
    pub const KEYS: [&'static str; 26] = [
        "summary",
        "source",
        "kind",
        "each",
        "until",
        "criteria",
        "per_call",
        "fields",
        "models",
        "chat",
        "template",
        "roles",
        "scale",
        "verdict",
        "verdict_from",
        "sampling",
        "draws",
        "aggregate",
        "order",
        "pass",
        "positive",
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
            ..VerdictSpec::new(self.kind, self.rules.clone(), self.scale.clone())
        }
    }

    /// The kind of the verdict about a record: with `each`, that over all elements.
    pub fn verdict_kind(&self) -> Kind {
        match self.each {
            None => self.kind,
            Some(Each::Steps) => Kind::Steps,
            Some(Each::Answers) => Kind::Scores,
            Some(Each::Criteria) => Kind::Criteria,
        }
    }

    /// Whether the verdict is a label that a `choose` picks.
    pub fn picks(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.place, parse::Place::Choose(_)))
    }

    /// Contradictions between keys, each with the key to blame.
    fn problems(&self) -> Vec<(&'static str, Error)> {
        let text = matches!(self.kind, Kind::Critique | Kind::Revision);
        let mut problems = Vec::new();
        if self.rules.is_empty() && !text {
            let error = wrong("the prompt has no rule that reads its verdict".into());
            problems.push(("kind", error.hint("add a key such as `verdict: \"Score: *\"`")));
        }
        if !self.roles.is_empty() && self.chat == Chat::Raw {
            let error = wrong("`roles` need turns, and `chat: raw` has none".into());
            problems.push(("roles", error.hint("leave one of the two keys out")));
        }
        if !self.template.is_empty() && self.chat == Chat::Raw {
            let error = wrong(
                "`template` sets variables of the chat template, and `chat: raw` uses none".into(),
            );
            problems.push(("template", error.hint("leave one of the two keys out")));
        }
        if self.until.is_some() && self.each != Some(Each::Steps) {
            problems.push(("until", wrong("`until` needs `each: steps`".into())));
        }
        if self.criteria.is_some() && self.verdict_kind() != Kind::Criteria {
            let error = wrong("`criteria` needs `kind: criteria`".into());
            problems.push(("criteria", error.hint("write them into the body, or under `fields`")));
        }
        if self.per_call.is_some() && self.each != Some(Each::Criteria) {
            problems.push(("per_call", wrong("`per_call` needs `each: criteria`".into())));
        }
        problems.extend(self.scale_problem().map(|error| ("scale", error)));
        problems.extend(
            self.rules
                .iter()
                .filter_map(|rule| self.value_problem(rule))
                .map(|error| ("verdict", error)),
        );
        problems
    }

    /// What is wrong with the scale for this kind of verdict.
    fn scale_problem(&self) -> Option<Error> {
        let kind = self.kind.name();
        let Some(scale) = &self.scale else {
            let needed = self.kind == Kind::Score;
            return needed.then(|| wrong("a score needs its `scale`: {min: 1, max: 10}".into()));
        };
        let (fits, other) = match self.kind {
            Kind::Score | Kind::Scores => (
                !matches!(scale, Scale::Preference(_) | Scale::Assessment(_)),
                "numbers such as {min: 1, max: 10}, or {labels: {Good: 1, Bad: 0}}",
            ),
            Kind::Criteria => (
                !matches!(scale, Scale::Preference(_)),
                "[met, unmet, cannot assess], numbers such as {min: 1, max: 5}, or {labels: {Good: 1, Bad: 0}}",
            ),
            Kind::Label => (matches!(scale, Scale::Labels { .. }), "{labels: {Good: 1, Bad: 0}}"),
            Kind::Preference => {
                (matches!(scale, Scale::Preference(_)), "[first, second] or [first, second, tie]")
            }
            Kind::Steps | Kind::Ranking | Kind::Critique | Kind::Revision => (false, ""),
        };
        if fits {
            return scale.check().err();
        }
        let error = wrong(format!("`kind: {kind}` has no scale {scale}"));
        Some(match other {
            "" => error.hint("leave `scale` out"),
            other => error.hint(format!("its scale is {other}")),
        })
    }

    /// What is wrong with a meaning under `values` of a rule for this kind of verdict.
    fn value_problem(&self, rule: &Rule) -> Option<Error> {
        if rule.best && self.kind != Kind::Ranking {
            return Some(wrong("`best` under `verdict` belongs to `kind: ranking`".into()));
        }
        let lists = matches!(self.kind, Kind::Preference | Kind::Scores);
        if matches!(rule.place, parse::Place::Several(_)) && !lists {
            let kind = self.kind.name();
            return Some(
                wrong(format!("`kind: {kind}` cannot be read from several numbers"))
                    .hint("use `kind: scores`, or `kind: preference` for the larger of two"),
            );
        }
        let offered: Vec<&str> = match (self.kind, &self.scale) {
            (Kind::Preference, Some(scale)) if !scale.allows_tie() => vec!["first", "second"],
            (Kind::Preference, _) => vec!["first", "second", "tie"],
            (Kind::Label, Some(scale)) => scale.levels().map(|(name, _)| name).collect(),
            (Kind::Criteria, Some(Scale::Assessment(words))) => {
                words.iter().map(|word| word.name()).collect()
            }
            _ => return None,
        };
        let meaning = rule.values.meanings().find(|meaning| !offered.contains(meaning))?;
        Some(unknown(ErrorKind::Prompt, "meaning under `values`:", meaning, offered))
    }
}

/// The error of front matter without the key `kind`.
fn no_kind() -> Error {
    wrong("the front matter lacks `kind`".into())
        .hint(format!("it names the kind of verdict: {}", KINDS.join(", ")))
}

/// The key `roles`: names as chat templates write them. A longer word, or one with other signs, is more likely text.
fn roles(value: Value) -> Result<Vec<String>> {
    const LONGEST: usize = 32;
    let names = texts("`roles`", value)?;
    let fits = |name: &str| {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(word)
    };
    for (n, name) in names.iter().enumerate() {
        if Role::COMMON.iter().any(|role| role.name() == name) {
            return Err(wrong(format!("`{name}` under `roles` begins turns in every prompt"))
                .hint("leave it out"));
        }
        if !fits(name) || name.len() > LONGEST {
            return Err(wrong(format!("`{name}` under `roles` cannot be the name of a role"))
                .hint("write it as the chat template does: lower-case letters, digits and `_`, such as response_1"));
        }
        if names[..n].contains(name) {
            return Err(wrong(format!("`{name}` stands twice under `roles`")));
        }
    }
    Ok(names)
}

/// The key `template`: variables by name, with any values.
fn template(value: Value) -> Result<TemplateVariables> {
    let Value::Object(map) = value else {
        let error = wrong(format!("`template` is {}, and must name variables", kind_of(&value)));
        return Err(error.hint("write `template: {enable_thinking: false}`"));
    };
    let variables = TemplateVariables::from_iter(map);
    check_variables(&variables, ErrorKind::Prompt)?;
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits =
        |name: &str| !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(word);
    match variables.keys().find(|name| name.is_empty() || !fits(name)) {
        Some(name) => Err(wrong(format!(
            "`{name}` under `template` cannot be the name of a variable"
        ))
        .hint(
            "write it as the chat template does: letters, digits and `_`, such as enable_thinking",
        )),
        None => Ok(variables),
    }
}

/// The key `criteria`: a list or an object that can be read as a rubric.
fn criteria(value: Value) -> Result<Value> {
    if !value.is_array() && !value.is_object() {
        let error = wrong(format!("`criteria` is {}, and must list criteria", kind_of(&value)));
        return Err(error.hint(
            "write `criteria: {tone: \"Is kind.\"}`, or a list of {requirement: …, weight: 2}",
        ));
    }
    Criteria::read(&value, ErrorKind::Prompt).map(|_| value)
}

/// The key `per_call`.
fn per_call(value: &Value) -> Result<NonZeroUsize> {
    let count = usize::try_from(whole("`per_call`", value)?).ok().and_then(NonZeroUsize::new);
    count.ok_or_else(|| wrong("`per_call` must be 1 or more criteria".into()))
}

/// The key `draws`.
fn draws(value: &Value) -> Result<u32> {
    match whole("`draws`", value)? {
        0 => Err(wrong("`draws` must be 1 or more".into())),
        draws => Ok(draws),
    }
}

/// The key `mass`.
fn mass(value: &Value) -> Result<f64> {
    let mass = number("`mass`", value)?;
    if (0.0..1.0).contains(&mass) {
        return Ok(mass);
    }
    Err(wrong("`mass` must be a share of the probability: 0 or more, and less than 1".into()))
}

/// The keys of the key `sampling`.
const SAMPLING: [&str; 11] = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "max_tokens",
    "stop",
    "seed",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
    "thinking_tokens",
];

/// The key `sampling`, each of its values checked by its own name.
fn sampling(value: Value) -> Result<Sampling> {
    let Value::Object(mut map) = value else {
        return Err(wrong(format!("`sampling` is {}, and must hold keys", kind_of(&value)))
            .hint("write `sampling: {temperature: 0, max_tokens: 1024}`"));
    };
    if let Some(key) = map.keys().find(|key| !SAMPLING.contains(&key.as_str())) {
        return Err(unknown(ErrorKind::Prompt, "key of `sampling`", key, SAMPLING));
    }
    map.retain(|_, value| !value.is_null());
    for (key, value) in &mut map {
        let what = format!("`{key}` of `sampling`");
        match key.as_str() {
            "stop" => *value = texts(&what, value.take())?.into(),
            "temperature" | "top_p" | "min_p" | "presence_penalty" | "frequency_penalty" => {
                number(&what, value)?;
            }
            "repeat_penalty" => drop(above_zero(&what, value)?),
            "seed" if value.is_u64() => (),
            _ => drop(whole(&what, value)?),
        }
    }
    serde_json::from_value(map.into())
        .map_err(|_| wrong("`sampling` holds a number that is too large".into()))
}

/// A number above 0, such as a penalty that divides the odds of a token.
fn above_zero(what: &str, value: &Value) -> Result<f64> {
    let number = number(what, value)?;
    if number > 0.0 {
        return Ok(number);
    }
    Err(wrong(format!("{what} must be above 0; 1 changes nothing")))
}

/// The key `fields`: names with their needs, or a list of names that are all required.
fn fields(value: Value) -> Result<Vec<Field>> {
    match value {
        Value::Object(map) => map.into_iter().map(|(name, need)| field(name, need)).collect(),
        // A list names fields that are all required.
        Value::Array(list) => {
            let required = |name: String| Field { name, need: Need::Required };
            Ok(texts("`fields`", list.into())?.into_iter().map(required).collect())
        }
        other => Err(wrong(format!("`fields` is {}, and must name fields", kind_of(&other)))
            .hint("write `fields: {question: optional, answer: required}`")),
    }
}

/// One field of the key `fields`.
fn field(name: String, need: Value) -> Result<Field> {
    let need = match need {
        Value::String(word) if word == "required" => Need::Required,
        Value::String(word) if word == "optional" => Need::Optional,
        Value::Object(map) if map.len() == 1 && map.contains_key("default") => {
            Need::Default(map.into_values().next().unwrap_or_default())
        }
        other => {
            let message = format!("the field `{name}` is {}", shown(&other));
            return Err(wrong(message).hint("write required, optional or {default: …}"));
        }
    };
    Ok(Field { name, need })
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
