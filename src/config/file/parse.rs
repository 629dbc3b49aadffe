//! Reading the text of a file strictly: the syntax, the names and types of keys, and the line of each.

use std::{collections::BTreeMap, path::Path};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    super::{ModelSettings, Settings, check::Checker, jury::Juries},
    Config,
};
use crate::error::{Error, ErrorKind, Result};

/// The whole file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct File {
    /// Settings for all judges that do not set them.
    defaults: Defaults,
    /// Judges by name, for `--judge NAME`.
    judge: BTreeMap<String, Settings>,
    /// Models by name, for `--model NAME` and for `model` of judges.
    model: BTreeMap<String, ModelSettings>,
}

/// Settings for all judges, and the name of the judge that is used when none is named.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Defaults {
    /// The judge that is used when none is named.
    judge: Option<String>,
    #[expect(dead_code, reason = "it is read from the table; here types are checked")]
    #[serde(flatten)]
    settings: Settings,
}

/// The JSON schema of the file, for editors.
pub fn schema() -> Value {
    schemars::schema_for!(File).to_value()
}

impl Config {
    /// Reads the text of a file, in steps that each keep the line of what is wrong: the syntax, the schema, the
    /// juries, and whatever only the types know.
    pub(in crate::config) fn parse(path: &Path, text: &str) -> Result<Self> {
        let wrong = |cause: &toml::de::Error| malformed(path, text, cause);
        let (spanned, mut mistakes) = DeTable::parse_recoverable(text);
        mistakes.sort_by_key(|cause| cause.span().map_or(0, |span| span.start));
        if let Some(first) = mistakes.first() {
            return Err(wrong(first));
        }
        let mut lines = BTreeMap::new();
        note_lines(text, "", spanned.get_ref(), &mut lines);
        let tables: Map<String, Value> = toml::from_str(text).map_err(|cause| wrong(&cause))?;
        let config = Self { path: path.to_owned(), tables, lines, ..Self::default() };
        let (schema, file) = (schema(), path.display().to_string());
        Checker { schema: &schema, file: &file, lines: &config.lines }.check(&config.tables)?;
        Juries { tables: &config.tables, lines: &config.lines, file: &file }.check()?;
        // Whatever the schema does not cover is refused here, while its line is still known.
        toml::from_str::<File>(text).map_err(|cause| {
            let line = cause.span().map_or(1, |span| line_of(text, span.start));
            Error::new(ErrorKind::Config, format!("{file}:{line}: the key cannot have this value"))
        })?;
        Ok(config)
    }
}

/// Notes the line of every key, by its path.
fn note_lines(text: &str, place: &str, table: &DeTable<'_>, lines: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let name = key.get_ref();
        let path = if place.is_empty() { name.to_string() } else { format!("{place}.{name}") };
        lines.insert(path.clone(), line_of(text, Spanned::span(key).start));
        note_inner_lines(text, &path, value.get_ref(), lines);
    }
}

/// Notes the lines of what is inside of a value: the keys of a table, and the entries of a list.
fn note_inner_lines(
    text: &str,
    path: &str,
    value: &DeValue<'_>,
    lines: &mut BTreeMap<String, usize>,
) {
    match value {
        DeValue::Table(inner) => note_lines(text, path, inner, lines),
        DeValue::Array(list) => {
            for (place, entry) in list.iter().enumerate() {
                let path = format!("{path}[{place}]");
                lines.insert(path.clone(), line_of(text, Spanned::span(entry).start));
                note_inner_lines(text, &path, entry.get_ref(), lines);
            }
        }
        _ => (),
    }
}

/// What is wrong with the syntax of a file, in plain words.
fn malformed(path: &Path, text: &str, cause: &toml::de::Error) -> Error {
    let span = cause.span().unwrap_or_default();
    let said = cause.message();
    let twice = said.contains("duplicate key").then(|| text.get(span.clone())).flatten();
    let says = |words: &str| said.contains(words);
    let what = match twice.map(str::trim).filter(|name| !name.contains('\n')) {
        Some(name) => format!("`{name}` is set twice"),
        None if says("duplicate key") => "a key or a table is set twice".into(),
        None if says("must be quoted") => "a text must stand in quotes".into(),
        None if says("missing value") => "the key has no value".into(),
        None if says("missing comma") => "a comma is missing in a list".into(),
        None if says("unclosed") => "a list or a table in braces is not closed".into(),
        None if says("escape") => "a backslash must be written twice in double quotes".into(),
        None if says("string") || says("quote") => "a text is not closed by its quote".into(),
        None => "this is not valid TOML".into(),
    };
    let place = format!("{}:{}", path.display(), line_of(text, span.start));
    Error::new(ErrorKind::Config, what).within(place).hint(
        "write key = \"text\", key = 3 or key = [\"a\", \"b\"] below a table such as [judge.NAME]",
    )
}

/// The line of a place in the text, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).map_or(1, |before| before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config> {
        Config::parse(Path::new("tribunal.toml"), text)
    }

    fn refusal(text: &str) -> String {
        format!("{:?}", config(text).unwrap_err())
    }

    #[test]
    fn a_mistake_names_its_line_and_the_near_word() {
        assert!(
            refusal("[judge.x]\npromt = 'a'")
                .contains("tribunal.toml:2: unknown key `promt` in [judge.x]")
        );
        assert!(refusal("[judge.x]\npromt = 'a'").contains("did you mean `prompt`?"));
        assert!(refusal("[judge.x]\nsampling = {temprature = 0}").contains("`temperature`?"));
        assert!(refusal("[models.x]\nname = 'a'").contains("did you mean `model`?"));
        assert!(refusal("[model.x]\nprice = {promt = 1}").contains("`prompt`?"));
        assert!(refusal("\n[judge.x]\ndraws = 'three'").contains("tribunal.toml:3"));
        assert!(refusal("[judge.x\n").contains("tribunal.toml:1"));
        for (text, words) in [
            ("\n[judge.x]\ndraws = 'three'", "toml:3: `draws` must be a whole number"),
            ("[judge.x]\ndraws = -1", "toml:2: `draws` must be a whole number"),
            ("[judge.x]\ndraws = 1.5", "not a fraction"),
            ("[judge.x]\ndraws = 99999999999", "that is not too large"),
            (
                "[judge.x]\nfail_under = 90",
                "a share between 0 and 1, such as 0.9 or \"90%\", or a rule, such as \"kappa>=0.6\", not 90",
            ),
            ("[judge.x]\nfail_under = '900%'", "must be a share"),
            (
                "[judge.x]\nfail_under = [\n'kappa>=0.6',\n'most']",
                "toml:4: entry 2 of `fail_under`, \"most\", must be a share between 0 and 1",
            ),
            ("[judge.x]\nfail_under = [0.9, 90]", "entry 2 of `fail_under`, 90, must be a share"),
            ("[judge.x]\nfail_under = ['kappa=>0.6']", "write 'kappa>=0.6'"),
            ("[judge.x]\nfail_under = [['kappa>=0.6']]", "entry 1 of `fail_under`"),
            ("[judge.x]\nmax_unreadable = 'some'", "must be a share"),
            ("[judge.x]\n\ncriteria = 3", "toml:3: `criteria` must be a text in quotes or a list"),
            (
                "[judge.x]\nlabels = ['a', 2]",
                "toml:2: entry 2 of `labels`, 2, must be a text in quotes, not a number",
            ),
            (
                "[judge.x]\nmembers = ['a',\n['b']]",
                "toml:3: entry 2 of `members`, [\"b\"], must be a text in quotes, not a list",
            ),
            ("[judge.x]\naggregate = 'avg'", "must be one of `mean`, `median`"),
            ("[judge.x]\norder = 'bth'", "did you mean `both`?"),
            ("[judge.x]\nscale = [1, 5]", "must be a text in quotes, not a list"),
            ("[judge.x]\nscale = 1979-05-27", "not a date"),
            (
                "[judge.x]\nsampling = {temperature = 'hot'}",
                "`temperature` must be a number, not a text",
            ),
            ("[judge.x]\nsampling = {temperature = nan}", "not infinite"),
            ("[judge.x]\nsampling = 0", "toml:2: `sampling` must be a table, not a number"),
            ("judge = 'x'", "toml:1: `judge` must be a table, not a text"),
            ("[[judge.x]]\nprompt = 'a'", "must be a table, not a list"),
            ("[model.x]\nprice = {prompt = 1}", "[model.x.price] lacks `completion`"),
            ("[model.x]\nconcurrency = 0", "a whole number, 1 or more"),
            ("[model.x]\nkey_variable = 'sk-proj-abc'", "is not the name of a variable"),
            ("[model.x]\napi_key = 'sk-abc'", "stay out of this file"),
            ("[judge.x]\nprompt = 'a'\nprompt = 'b'", "toml:3: `prompt` is set twice"),
            ("[judge.x]\n[judge.x]\n", "is set twice"),
            ("[judge.x]\nprompt = 'a\n", "toml:2: a text is not closed by its quote"),
            ("[judge.x]\nprompt = \"a\nb\"", "toml:2: a text is not closed by its quote"),
            ("[judge.x]\nprompt = a", "toml:2: a text must stand in quotes"),
            ("[judge.x]\nprompt", "toml:2: this is not valid TOML"),
            ("[judge.x]\nlabels = ['a'", "is not closed"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.contains(words), "{text}: {refusal}");
            for word in ["invalid type", "expected `", "serde", "sk-", "u32", "f64", "variant"] {
                assert!(!refusal.contains(word), "{text}: {refusal}");
            }
        }
    }

    #[test]
    fn keys_of_ones_own_are_free_where_names_are() {
        assert!(config("[judge.x]\nset = {rubric = 'r'}\nmap = {answer = 'a.b'}\ncriterion = {tone = 'kind'}").is_ok());
        let refusal = refusal("[judge.x]\nset = {rubric = 3}");
        assert!(refusal.contains("`rubric` must be a text in quotes, not a number"), "{refusal}");
    }

    #[test]
    fn the_schema_describes_every_key() {
        let schema = schema().to_string();
        for key in [
            "prompt",
            "criterion",
            "fail_under",
            "temperature",
            "key_variable",
            "price",
            "additionalProperties",
        ] {
            assert!(schema.contains(&format!("\"{key}\"")), "{key}");
        }
    }
}
