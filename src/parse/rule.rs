//! How a prompt says where its verdict stands.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    error::{Error, ErrorKind, Result, unknown},
    scale::Scale,
};

/// What a prompt's verdict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judges {
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

impl Judges {
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
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where the verdict stands.
    pub place: Place,
    /// The judge's words and what they mean; words are compared without case and markdown.
    pub values: BTreeMap<String, String>,
    /// The result that is read, by the name of its `gen`; `None` reads the whole last turn.
    pub within: Option<String>,
}

/// Where a verdict stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// At the `*` of an announcement such as `Rating: [[*]]`; the last one counts.
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
        line: Line,
    },
    /// In the group `verdict` of the last match of a regular expression.
    Regex(String),
}

/// A line of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
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

#[derive(Default, Deserialize)]
struct Written {
    pattern: Option<String>,
    json: Option<String>,
    choose: Option<String>,
    mark: Option<bool>,
    numbers: Option<usize>,
    line: Option<Line>,
    regex: Option<String>,
    #[serde(default)]
    values: BTreeMap<String, String>,
    #[serde(rename = "in")]
    within: Option<String>,
}

const KEYS: [&str; 9] =
    ["pattern", "json", "choose", "mark", "numbers", "line", "regex", "values", "in"];

fn rule(json: serde_json::Value) -> Result<Rule> {
    let written = match json {
        serde_json::Value::String(pattern) => {
            Written { pattern: Some(pattern), ..Written::default() }
        }
        serde_json::Value::Object(map) => {
            if let Some(key) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
                return Err(unknown(ErrorKind::Prompt, "key of `verdict`", key, KEYS));
            }
            serde_json::from_value(map.into()).map_err(|cause| {
                Error::new(ErrorKind::Prompt, "a rule under `verdict` is malformed")
                    .because(cause)
                    .hint("YAML reads bare Yes and No as text here, numbers as numbers: quote the words under `values`")
            })?
        }
        other => {
            return Err(Error::new(ErrorKind::Prompt, format!("`verdict` cannot be {other}"))
                .hint("write an announcement such as `verdict: \"Score: *\"`, or a rule such as `verdict: {json: /score}`"));
        }
    };
    let Written { pattern, json, choose, mark, numbers, line, regex, values, within } = written;
    let places: Vec<Place> = [
        pattern.map(Place::Announced),
        json.map(Place::Json),
        choose.map(Place::Choose),
        mark.filter(|&on| on).map(|_| Place::Mark),
        numbers.map(|count| Place::Numbers { count, line: line.unwrap_or(Line::First) }),
        regex.map(Place::Regex),
    ]
    .into_iter()
    .flatten()
    .collect();
    let [place] = <[Place; 1]>::try_from(places).map_err(|places| {
        let wrong = if places.is_empty() { "no place" } else { "several places" };
        Error::new(ErrorKind::Prompt, format!("a rule under `verdict` names {wrong} to read"))
            .hint("give exactly one of pattern, json, choose, mark, numbers, regex")
    })?;
    check(&place)?;
    Ok(Rule { place, values, within })
}

fn check(place: &Place) -> Result<()> {
    let wrong = |message: String| Err(Error::new(ErrorKind::Prompt, message));
    match place {
        Place::Announced(pattern) => match pattern.split('*').collect::<Vec<_>>().as_slice() {
            [before, _] if before.chars().any(|c| !c.is_whitespace()) => Ok(()),
            [_, _] => wrong(format!("the announcement `{pattern}` has no words before its `*`")),
            _ => wrong(format!("the announcement `{pattern}` needs exactly one `*`")),
        },
        Place::Json(pointer) if !pointer.starts_with('/') => {
            wrong(format!("the JSON pointer `{pointer}` does not begin with `/`"))
        }
        Place::Numbers { count, .. } if *count < 2 => wrong("`numbers` is 2 or more".into()),
        Place::Regex(pattern) => {
            let compiled = regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
            match compiled {
                Err(cause) => {
                    Err(Error::new(ErrorKind::Prompt, "the regex under `verdict` does not compile")
                        .because(cause))
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
pub struct Reading {
    /// What the verdict is about.
    pub judges: Judges,
    /// The rules, tried in this order.
    pub rules: Vec<Rule>,
    /// What values may be.
    pub scale: Option<Scale>,
}

impl Reading {
    /// A reading as a prompt's front matter writes it.
    ///
    /// # Errors
    /// One of the rules is malformed, or the scale is.
    pub fn from_json(
        judges: &str,
        scale: Option<serde_json::Value>,
        verdict: serde_json::Value,
    ) -> Result<Self> {
        let malformed =
            |cause| Error::new(ErrorKind::Prompt, "the reading is malformed").because(cause);
        let judges: Judges = serde_json::from_value(judges.into()).map_err(malformed)?;
        let scale: Option<Scale> =
            scale.map(serde_json::from_value).transpose().map_err(malformed)?;
        if let Some(scale) = &scale {
            scale.check()?;
        }
        let rules = if verdict.is_null() { Vec::new() } else { rules(verdict)? };
        Ok(Self { judges, rules, scale })
    }
}
