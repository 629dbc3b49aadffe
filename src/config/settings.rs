//! The keys of a judge and of a model, the same in files, flags and variables.

use std::{collections::BTreeMap, num::NonZeroUsize};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{
    aggregate::{Aggregate, Reduce},
    item::Splitting,
    judging::StopDraws,
    metrics::Gate,
    models::settings::{OneOrMany, Pair, one_or_many},
    prompt::Order,
};

/// What a judge is: the keys of `[judge.NAME]` and of `[defaults]`, and flags of the same names.
///
/// One definition serves the file, its schema, the flags and their help. The comment of a field is the help of its setting;
/// `None` and empty lists are settings that were not made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::Args), group(skip))]
#[serde(default)]
pub struct Settings {
    /// Built-in prompt or prompt file [default: by model and record].
    #[cfg_attr(
        feature = "cli",
        arg(short, long, value_name = "NAME|FILE", env = "TRIBUNAL_PROMPT")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Model: tiny, FILE.gguf, openai/MODEL, … [default: tiny].
    #[cfg_attr(feature = "cli", arg(short, long, value_name = "MODEL", env = "TRIBUNAL_MODEL"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Reference model of log-ratios: what the model was trained from.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "MODEL", env = "TRIBUNAL_REFERENCE_MODEL")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_model: Option<String>,
    /// The model that revises in `tribunal revise`; the judge's own where none is named.
    #[cfg_attr(feature = "cli", arg(skip))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Judges of this file whose verdicts come to one: a jury, without prompt or model of its own.
    #[cfg_attr(feature = "cli", arg(skip))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Least number of members that must give a verdict [default: more than half].
    #[cfg_attr(feature = "cli", arg(skip))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub quorum: Option<u16>,
    /// Weights of members by name, such as {strict = 2} [default: 1].
    #[cfg_attr(feature = "cli", arg(skip))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, f64>,
    /// Judges of this file that are asked if a member fails.
    #[cfg_attr(feature = "cli", arg(skip))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replacements: Vec<String>,
    /// Judges of this file that are asked one after another, until one is sure enough.
    #[cfg_attr(feature = "cli", arg(skip))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cascade: Vec<String>,
    /// Prompt to ask first; the other one follows where it is unsure.
    #[cfg_attr(feature = "cli", arg(hide_short_help = true, long, value_name = "NAME|FILE"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_prompt: Option<String>,
    /// Certainty with which each judge of a cascade decides [default: 0.9].
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "P,…", value_delimiter = ',')
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 0.0, max = 1.0)))]
    pub certainty: Vec<f64>,
    /// File of `tribunal calibrate` that sets when judges decide.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "FILE", env = "TRIBUNAL_THRESHOLDS")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<String>,
    /// Criteria of a good answer, in your own words.
    #[cfg_attr(feature = "cli", arg(long, value_name = "TEXT|@FILE", env = "TRIBUNAL_CRITERIA"))]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub criteria: Vec<String>,
    /// Criterion judged on its own, or a rubric file.
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME=TEXT|@FILE", value_parser = criterion))]
    #[serde(skip_serializing_if = "Vec::is_empty", with = "criteria_pairs")]
    #[schemars(with = "CriterionForm")]
    pub criterion: Vec<Pair>,
    /// Number of criteria in each request, for prompts that group them.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "K", env = "TRIBUNAL_PER_CALL")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_call: Option<NonZeroUsize>,
    /// Scale to use instead of the prompt's, such as 1-5.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "MIN-MAX", allow_hyphen_values = true, env = "TRIBUNAL_SCALE")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<String>,
    /// Labels to choose from, best first, such as good,bad.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "A,B,…", value_delimiter = ',', env = "TRIBUNAL_LABELS")
    )]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub labels: Vec<String>,
    /// Rule that decides what passes, such as 'score >= 7'.
    #[cfg_attr(feature = "cli", arg(long, value_name = "RULE", env = "TRIBUNAL_PASS"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<String>,
    /// File of `tribunal calibrate` that maps the probability p.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "FILE", env = "TRIBUNAL_CALIBRATION")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<String>,
    /// Exit 1 if fewer records pass, or a rule breaks.
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "SHARE|RULE", value_delimiter = ',', env = "TRIBUNAL_FAIL_UNDER")
    )]
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "gates")]
    #[schemars(with = "GateForms")]
    pub fail_under: Vec<Gate>,
    /// Exit 1 if a larger share of verdicts is unreadable.
    #[cfg_attr(feature = "cli", arg(hide_short_help = true, long, value_name = "SHARE", value_parser = share, env = "TRIBUNAL_MAX_UNREADABLE"))]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_share")]
    #[schemars(with = "ShareForm")]
    pub max_unreadable: Option<f64>,
    /// Number of independent samples per record [default: 1].
    #[cfg_attr(feature = "cli", arg(short = 'n', long, value_name = "N", env = "TRIBUNAL_DRAWS"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draws: Option<u32>,
    /// Rule that stops draws early: decided, 0.95, window:5.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "RULE", env = "TRIBUNAL_STOP_DRAWS")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "StopForm")]
    pub stop_draws: Option<StopDraws>,
    /// Order of answers: both, both-if-close, given, hash, rotate, shuffle.
    #[cfg_attr(
        feature = "cli",
        arg(
            hide_short_help = true,
            long,
            value_enum,
            hide_possible_values = true,
            value_name = "ORDER",
            env = "TRIBUNAL_ORDER"
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Probability below which a preference is close [default: 0.9].
    #[cfg_attr(feature = "cli", arg(hide_short_help = true, long, value_name = "P", value_parser = share, env = "TRIBUNAL_CLOSE_BELOW"))]
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "some_share")]
    #[schemars(with = "ShareForm")]
    pub close_below: Option<f64>,
    /// Difference up to which scores are close [default: 1].
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "N", value_parser = not_negative, env = "TRIBUNAL_CLOSE_WITHIN")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub close_within: Option<f64>,
    /// Rule that combines draws or members: mean, median, majority, …
    #[cfg_attr(
        feature = "cli",
        arg(
            hide_short_help = true,
            long,
            value_enum,
            hide_possible_values = true,
            value_name = "HOW",
            env = "TRIBUNAL_AGGREGATE"
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
    /// Rule that splits answers into steps: latex, sentences, …
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "RULE", env = "TRIBUNAL_SPLIT_STEPS")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub split_steps: Option<Splitting>,
    /// Rule that reduces steps to one number: min, product, …
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "HOW", env = "TRIBUNAL_REDUCE")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reduce: Option<Reduce>,
    /// Retry up to N times when the verdict cannot be read [default: 2].
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "N", env = "TRIBUNAL_REASK")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reask: Option<u32>,
    /// How tokens are picked.
    #[cfg_attr(feature = "cli", command(flatten))]
    #[serde(skip_serializing_if = "SamplingSettings::is_empty")]
    pub sampling: SamplingSettings,
    /// Read field NEW from field OLD, such as answer=meta.text.
    #[cfg_attr(feature = "cli", arg(long, value_name = "NEW=OLD", value_delimiter = ','))]
    #[serde(skip_serializing_if = "Vec::is_empty", with = "pairs")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub map: Vec<Pair>,
    /// Fill field NAME of every record with this text.
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME=TEXT|@FILE"))]
    #[serde(skip_serializing_if = "Vec::is_empty", with = "pairs")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub set: Vec<Pair>,
    /// Field with the expected verdict of a record [default: label].
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "FIELD", env = "TRIBUNAL_LABEL")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Meaning of a word in that field, such as Good=correct.
    #[cfg_attr(
        feature = "cli",
        arg(
            hide_short_help = true,
            long,
            value_name = "WORD=MEANING",
            value_delimiter = ',',
            allow_hyphen_values = true
        )
    )]
    #[serde(skip_serializing_if = "Vec::is_empty", with = "pairs")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub label_map: Vec<Pair>,
    /// Let code of models and answers run, in a sandbox.
    #[cfg_attr(feature = "cli", arg(hide_short_help = true, long))]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_code: bool,
    /// Python for such code [default: python3].
    #[cfg_attr(feature = "cli", arg(hide_short_help = true, long, value_name = "PROGRAM"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// CSV file of prices, used before the list prices.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "FILE", env = "TRIBUNAL_PRICES")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<String>,
}

/// How tokens are sampled, in place of the prompt's own settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "cli", derive(clap::Args), group(skip))]
#[serde(default)]
pub struct SamplingSettings {
    /// Sampling temperature; 0 always picks the likeliest token.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "T", value_parser = not_negative, env = "TRIBUNAL_TEMPERATURE")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Maximum number of tokens per answer.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "N", env = "TRIBUNAL_MAX_TOKENS")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Maximum number of tokens of thinking, for models in this process.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "N", env = "TRIBUNAL_THINKING_TOKENS")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_tokens: Option<u32>,
    /// Random seed of sampling.
    #[cfg_attr(
        feature = "cli",
        arg(hide_short_help = true, long, value_name = "N", env = "TRIBUNAL_SEED")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl SamplingSettings {
    /// Whether nothing is set.
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A number of 0 or above, and neither infinite nor NaN: JSON has no such numbers, and the setting would be lost.
#[cfg(feature = "cli")]
fn not_negative(text: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok();
    let number = number.filter(|number| *number >= 0.0 && number.is_finite());
    number.ok_or_else(|| "expected a number of 0 or above".into())
}

/// Reads a share of records: a number from 0 to 1, or a percentage such as `90%`.
///
/// # Errors
/// It is neither, or lies outside of 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim_end().parse().map(|percent: f64| percent / 100.0),
        None => text.parse(),
    };
    match number {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        Ok(_) => Err("a share lies between 0 and 1, such as 0.9 or 90%".into()),
        Err(_) => Err("not a share: write 0.9 or 90%".into()),
    }
}

/// Reads a criterion of the command line: `NAME=TEXT`, or `@FILE` for a file with a whole rubric.
///
/// # Errors
/// It is neither.
#[cfg(feature = "cli")]
fn criterion(text: &str) -> crate::error::Result<Pair> {
    match text.strip_prefix('@') {
        Some(path) if !path.is_empty() => Ok(Pair(String::new(), text.to_owned())),
        _ => text.parse(),
    }
}

/// Criteria as files write them: by name, as a list, or in a file of their own.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum CriterionForm {
    /// Each under its name.
    Named(std::collections::BTreeMap<String, CriterionValue>),
    /// In their order; without a name they are called by their number.
    Listed(Vec<CriterionValue>),
    /// `@` and the name of a file.
    File(String),
}

/// One criterion as files write it.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum CriterionValue {
    /// What is required.
    Text(String),
    /// What is required, and what it counts.
    Weighted {
        name: Option<String>,
        requirement: String,
        weight: Option<f64>,
        required: Option<bool>,
    },
}

/// A rule that stops draws, as files write it.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum StopForm {
    /// A word, or `window:N`.
    Rule(String),
    /// A probability.
    Confidence(#[schemars(range(min = 0.5, max = 1.0))] f64),
}

/// A share as files write it.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum ShareForm {
    Number(#[schemars(range(min = 0.0, max = 1.0))] f64),
    Percent(#[schemars(regex(pattern = r"^\s*[0-9.]+\s*%\s*$"))] String),
}

/// Rules on figures as files write them: one, or a list.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum GateForms {
    Share(#[schemars(range(min = 0.0, max = 1.0))] f64),
    Rule(#[schemars(extend("format" = "gate"))] String),
    List(Vec<GateForm>),
}

/// A rule, or the least share of records that pass.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum GateForm {
    Share(#[schemars(range(min = 0.0, max = 1.0))] f64),
    Rule(#[schemars(extend("format" = "gate"))] String),
}

/// Rules in any of their forms.
fn gates<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Gate>, D::Error> {
    let texts = match GateForms::deserialize(from)? {
        GateForms::Share(share) => vec![share.to_string()],
        GateForms::Rule(text) => vec![text],
        GateForms::List(all) => all
            .into_iter()
            .map(|one| match one {
                GateForm::Share(share) => share.to_string(),
                GateForm::Rule(text) => text,
            })
            .collect(),
    };
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

/// A share in either of its forms.
fn some_share<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let text = match ShareForm::deserialize(from)? {
        ShareForm::Number(number) => number.to_string(),
        ShareForm::Percent(text) => text,
    };
    share(&text).map(Some).map_err(serde::de::Error::custom)
}

/// Criteria are a table of texts or of criteria with weights, a list, or a file. As text, a criterion with a weight is
/// JSON; what has no name of its own has an empty one.
mod criteria_pairs {
    use serde::de::Error as _;

    use super::{Deserialize, Deserializer, Map, Pair, Serializer, Value, pairs};

    pub(super) fn serialize<S: Serializer>(pairs: &[Pair], to: S) -> Result<S::Ok, S::Error> {
        let has_name = |Pair(name, _): &Pair| !name.is_empty();
        if pairs.iter().all(has_name) {
            return pairs::serialize(pairs, to);
        }
        to.collect_seq(pairs.iter().map(|Pair(name, text)| match name.as_str() {
            "" => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())),
            name => format!("{name}={text}").into(),
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Pair>, D::Error> {
        let named = |name: String, value: Value| match value {
            Value::String(text) => Ok(Pair(name, text)),
            Value::Object(_) => Ok(Pair(name, value.to_string())),
            other => Err(D::Error::custom(format!("the criterion `{other}` is not a text"))),
        };
        match Value::deserialize(from)? {
            Value::Object(table) => {
                let table: Map<String, Value> = table;
                table.into_iter().map(|(name, value)| named(name, value)).collect()
            }
            Value::Array(list) => list.into_iter().map(|value| listed(value, named)).collect(),
            Value::String(text) if text.starts_with('@') => Ok(vec![Pair(String::new(), text)]),
            other => Err(D::Error::custom(format!(
                "`criterion` is `{other}`: write `criterion.tone = \"Is kind.\"`, or \"@rubric.yaml\""
            ))),
        }
    }

    /// An entry of a list: a criterion with its keys, a file, or `NAME=TEXT`.
    fn listed<E>(
        value: Value,
        named: impl Fn(String, Value) -> Result<Pair, E>,
    ) -> Result<Pair, E> {
        match &value {
            Value::String(text) if !text.starts_with('@') => match text.split_once('=') {
                Some((name, text)) => named(name.trim().to_owned(), text.into()),
                None => named(text.clone(), value),
            },
            _ => named(String::new(), value),
        }
    }
}

/// Pairs are a table of texts.
mod pairs {
    use super::{Deserialize, Deserializer, Map, Pair, Serialize, Serializer, Value};

    pub(super) fn serialize<S: Serializer>(pairs: &[Pair], to: S) -> Result<S::Ok, S::Error> {
        let table: Map<String, Value> =
            pairs.iter().map(|Pair(name, text)| (name.clone(), text.clone().into())).collect();
        table.serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Pair>, D::Error> {
        let table = Map::deserialize(from)?;
        let text = |value: Value| match value {
            Value::String(text) => Ok(text),
            other => Err(serde::de::Error::custom(format!("`{other}` is not a text"))),
        };
        table.into_iter().map(|(name, value)| Ok(Pair(name, text(value)?))).collect()
    }
}
