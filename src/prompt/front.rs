//! The front matter of a prompt file: strict YAML, every key known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    aggregate::{Aggregate, Pass},
    error::{Error, ErrorKind, Result, unknown},
    parse::{self, Judges, Reading, Rule},
    request::{Chat, Sampling},
    scale::Scale,
};

/// Everything that stands between the two `---` lines.
#[derive(Clone, Debug)]
pub struct FrontMatter {
    /// One line that says what the prompt does.
    pub summary: Option<String>,
    /// The paper or project whose protocol this is.
    pub source: Option<String>,
    /// What the verdict is about.
    pub judges: Judges,
    /// What the body is run for, one conversation each.
    pub each: Option<Each>,
    /// The label at which a run over steps stops.
    pub until: Option<String>,
    /// The fields that the body may name, in the order of the file; `None` takes them from the body.
    pub fields: Option<Vec<Field>>,
    /// Globs over names of models whose default prompt this is.
    pub models: Vec<String>,
    /// Whether the model's chat template is used.
    pub chat: Chat,
    /// What values may be.
    pub scale: Option<Scale>,
    /// How the verdict is read.
    pub rules: Vec<Rule>,
    /// How tokens are picked.
    pub sampling: Sampling,
    /// How many samples are taken.
    pub draws: u32,
    /// How several votes become one verdict.
    pub aggregate: Option<Aggregate>,
    /// In which orders answers are shown.
    pub order: Option<Order>,
    /// The rule that sets `pass`.
    pub pass: Option<Pass>,
}

/// What a body is run for, once each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Each {
    /// Every step of the solution: `step`, `index` and `previous` are in scope.
    Steps,
    /// Every answer: `answer` and `index` are in scope.
    Answers,
    /// Every criterion: `criterion` and `index` are in scope.
    Criteria,
}

impl Each {
    /// The field whose entries these are.
    pub fn field(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Answers => "answers",
            Self::Criteria => "criteria",
        }
    }
}

/// In which orders the answers of an item are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// As the item has them and reversed; a verdict that changes is a tie.
    Both,
    /// As the item has them.
    Given,
    /// One order, drawn from the item's content.
    Hash,
    /// Every rotation.
    Rotate,
    /// Another order for every draw, drawn from the item's content.
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
    /// What holds where a record lacks it.
    pub need: Need,
}

/// What holds where a record lacks a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Need {
    /// The record cannot be judged.
    Required,
    /// The body sees `none`.
    Optional,
    /// The body sees this.
    Default(Value),
}

const KEYS: [&str; 15] = [
    "summary",
    "source",
    "judges",
    "each",
    "until",
    "fields",
    "models",
    "chat",
    "scale",
    "verdict",
    "sampling",
    "draws",
    "aggregate",
    "order",
    "pass",
];

/// Cuts a file into front matter and body; the body keeps its place by the number of lines before it.
pub(super) fn cut(source: &str) -> Result<(&str, &str, usize)> {
    let missing = || {
        Error::new(ErrorKind::Prompt, "the prompt has no front matter")
            .hint("begin the file with a line `---`, keys such as `judges: score`, and another line `---`")
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

/// Reads the YAML.
pub(super) fn read(yaml: &str) -> Result<FrontMatter> {
    let malformed = |cause: String| {
        Error::new(ErrorKind::Prompt, format!("the front matter is malformed: {cause}"))
    };
    let value: Value = if yaml.trim().is_empty() {
        Value::Object(Map::new())
    } else {
        serde_saphyr::from_str(yaml).map_err(|cause| malformed(cause.to_string()))?
    };
    let Value::Object(mut map) = value else {
        return Err(malformed("it is no mapping of keys".into()));
    };
    if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown(ErrorKind::Prompt, "key", key, KEYS));
    }
    let judges: Judges = required(&mut map, "judges")?;
    let rules = map.remove("verdict").map(parse::rules).transpose()?.unwrap_or_default();
    let front = FrontMatter {
        summary: take(&mut map, "summary")?,
        source: take(&mut map, "source")?,
        judges,
        each: take(&mut map, "each")?,
        until: take(&mut map, "until")?,
        fields: map.remove("fields").map(fields).transpose()?,
        models: take(&mut map, "models")?.unwrap_or_default(),
        chat: take(&mut map, "chat")?.unwrap_or_default(),
        scale: take(&mut map, "scale")?,
        rules,
        sampling: sampling(map.remove("sampling"))?,
        draws: take(&mut map, "draws")?.unwrap_or(1),
        aggregate: take(&mut map, "aggregate")?,
        order: take(&mut map, "order")?,
        pass: take::<String>(&mut map, "pass")?.map(|rule| rule.parse()).transpose()?,
    };
    front.check()?;
    Ok(front)
}

impl FrontMatter {
    /// How the verdict is read.
    pub fn reading(&self) -> Reading {
        Reading { judges: self.judges, rules: self.rules.clone(), scale: self.scale.clone() }
    }

    fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Prompt, message));
        if let Some(scale) = &self.scale {
            scale.check()?;
        }
        let text = matches!(self.judges, Judges::Critique | Judges::Revision);
        match self {
            _ if self.rules.is_empty() && !text => {
                wrong("the prompt does not say how its verdict is read")
                    .map_err(|error| error.hint("add a key such as `verdict: \"Score: *\"`"))
            }
            _ if self.draws == 0 => wrong("`draws` is 1 or more"),
            Self { until: Some(_), each: None, .. } => wrong("`until` needs `each: steps`"),
            Self { judges: Judges::Score, scale: None, .. } => {
                wrong("a score needs its `scale`: {min: 1, max: 10}")
            }
            _ => Ok(()),
        }
    }
}

fn required<T: serde::de::DeserializeOwned>(map: &mut Map<String, Value>, key: &str) -> Result<T> {
    take(map, key)?.ok_or_else(|| {
        Error::new(ErrorKind::Prompt, format!("the front matter lacks `{key}`"))
            .hint("it says what the verdict is about: score, label, steps, preference, ranking, scores, criteria, critique or revision")
    })
}

fn take<T: serde::de::DeserializeOwned>(
    map: &mut Map<String, Value>,
    key: &str,
) -> Result<Option<T>> {
    let Some(value) = map.remove(key).filter(|value| !value.is_null()) else { return Ok(None) };
    let malformed =
        |cause| Error::new(ErrorKind::Prompt, format!("`{key}` is malformed")).because(cause);
    serde_json::from_value(value).map(Some).map_err(malformed)
}

fn sampling(value: Option<Value>) -> Result<Sampling> {
    const KNOWN: [&str; 7] =
        ["temperature", "top_p", "top_k", "min_p", "max_tokens", "stop", "seed"];
    let Some(Value::Object(mut map)) = value else {
        return match value {
            None => Ok(Sampling::default()),
            Some(_) => {
                Err(Error::new(ErrorKind::Prompt, "`sampling` is a mapping: {temperature: 0}"))
            }
        };
    };
    if let Some(key) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(unknown(ErrorKind::Prompt, "key of `sampling`", key, KNOWN));
    }
    if let Some(Value::String(one)) = map.get("stop") {
        map.insert("stop".into(), Value::from(vec![one.clone()]));
    }
    let malformed = |cause| Error::new(ErrorKind::Prompt, "`sampling` is malformed").because(cause);
    serde_json::from_value(map.into()).map_err(malformed)
}

fn fields(value: Value) -> Result<Vec<Field>> {
    let wrong = |name: &str| {
        Error::new(
            ErrorKind::Prompt,
            format!("the field `{name}` is `required`, `optional` or `{{default: …}}`"),
        )
    };
    let Value::Object(map) = value else { return Err(wrong("…")) };
    map.into_iter()
        .map(|(name, need)| {
            let need = match need {
                Value::String(word) if word == "required" => Need::Required,
                Value::String(word) if word == "optional" => Need::Optional,
                Value::Object(mut map) if map.len() == 1 => {
                    Need::Default(map.remove("default").ok_or_else(|| wrong(&name))?)
                }
                _ => return Err(wrong(&name)),
            };
            Ok(Field { name, need })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(yaml: &str) -> String {
        format!("{:?}", read(yaml).unwrap_err())
    }

    #[test]
    fn an_unknown_key_names_the_near_one() {
        assert!(refusal("judges: score\nsumary: x").contains("did you mean `summary`?"));
        assert!(refusal("judges: score\nsampling: {temprature: 0}").contains("`temperature`"));
    }

    #[test]
    fn a_duplicate_key_is_an_error() {
        assert!(refusal("judges: score\njudges: label").to_lowercase().contains("duplicate"));
    }

    #[test]
    fn a_prompt_says_what_it_judges_and_how_to_read_it() {
        assert!(refusal("summary: x").contains("lacks `judges`"));
        assert!(refusal("judges: label").contains("how its verdict is read"));
        assert!(refusal("judges: score\nverdict: 'Score: *'").contains("scale"));
    }

    #[test]
    fn fields_are_required_optional_or_have_a_default() {
        let front = read(
            "judges: label\nverdict: 'Grade: *'\nfields: {q: required, r: optional, s: {default: none given}}",
        );
        let needs: Vec<Need> = front.unwrap().fields.unwrap().into_iter().map(|f| f.need).collect();
        assert_eq!(needs, [Need::Required, Need::Optional, Need::Default("none given".into())]);
        assert!(refusal("judges: label\nverdict: 'G: *'\nfields: {q: needed}").contains("`q`"));
    }

    #[test]
    fn the_body_knows_its_line() {
        let (yaml, body, lines) = cut("---\njudges: score\n---\nuser:\nhi\n").unwrap();
        assert_eq!((yaml, body, lines), ("judges: score\n", "user:\nhi\n", 3));
        assert!(cut("user:\nhi").is_err());
    }
}
