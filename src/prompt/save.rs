//! Writing a prompt file with the settings that it was used with.
//!
//! Settings from the command line or the configuration become keys of the front matter; everything else stays as its
//! author wrote it, comments included. No YAML library keeps comments, so that keys are replaced line by line. The result
//! is read again, and refused unless it holds what was asked for.

use serde_json::{Map, Value, json};

use super::{Field, Need, Prompt, front};
use crate::error::{Error, ErrorKind, Result};

impl Prompt {
    /// The text of this prompt file with the current scale, sampling, `per_call`, `reduce` and `split_steps`, and other front matter. Keys with other values
    /// get a new line; everything else stays as its author wrote it.
    ///
    /// - `filled`: fields of every record with their values; they become defaults of the prompt's fields.
    /// - `set`: any other keys.
    ///
    /// # Errors
    /// The front matter is written in a way that cannot be changed line by line ([`ErrorKind::Prompt`]).
    ///
    /// ```
    /// use tribunal::{Prompt, Scale};
    ///
    /// let file = "---\n# Mine.\nkind: score\nscale: {min: 1, max: 10}\nverdict: 'Score: *'\n---\n\
    ///     user:\nRate {{ scale }}: {{ answer }}. Score: <n>\n";
    /// let mut prompt = Prompt::parse("mine.jinja", file)?;
    /// prompt.set_scale(Scale::one_to(5))?;
    /// let saved = prompt.saved(&Default::default(), Default::default())?;
    /// assert_eq!(saved, file.replace("{min: 1, max: 10}", "{min: 1, max: 5, step: 1}"));
    /// # Ok::<_, tribunal::Error>(())
    /// ```
    pub fn saved(&self, filled: &Map<String, Value>, set: Map<String, Value>) -> Result<String> {
        let (yaml, body, _) = front::cut(&self.source)?;
        let mut keys = Map::new();
        if !filled.is_empty() {
            keys.insert("fields".into(), fields(&self.fields, filled));
        }
        if let Some(scale) = &self.front.scale {
            keys.insert("scale".into(), json!(scale));
        }
        if let Some(per_call) = &self.front.per_call {
            keys.insert("per_call".into(), json!(per_call));
        }
        if let Some(reduce) = &self.front.reduce {
            keys.insert("reduce".into(), json!(reduce));
        }
        if let Some(split) = &self.front.split {
            keys.insert("split_steps".into(), json!(split));
        }
        keys.insert("sampling".into(), json!(self.front.sampling));
        keys.extend(set);
        let original = plain(yaml)?;
        keys.retain(|key, value| {
            let was = original.get(key).unwrap_or(&Value::Null);
            let unset = was.is_null() && is_empty(value);
            !same(was, value) && !unset
        });
        let rewritten = rewritten(yaml, &keys);
        let mut wanted = original;
        wanted.extend(keys);
        let came_out = plain(&rewritten).ok().map(Value::Object);
        if !came_out.is_some_and(|out| equal(&out, &wanted.into())) {
            return Err(Error::new(
                ErrorKind::Prompt,
                format!("the front matter of `{}` cannot be rewritten with the new settings", self.name),
            )
            .hint("write each key on a line of its own, without anchors, or change the settings in the file by hand"));
        }
        Ok(format!("---\n{rewritten}---\n{body}"))
    }
}

/// The keys of front matter with their values, unchecked.
fn plain(yaml: &str) -> Result<Map<String, Value>> {
    let keys: Option<Map<String, Value>> = serde_saphyr::from_str(yaml).ok();
    keys.ok_or_else(|| Error::new(ErrorKind::Prompt, "the front matter holds no keys"))
}

/// Whether two values are equal, where 1 and 1.0 are the same number.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let found = |(key, value): (&String, &Value)| {
                other.get(key).is_some_and(|found| equal(value, found))
            };
            one.len() == other.len() && one.iter().all(found)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        _ => same(one, other),
    }
}

/// The same for a value of the file and one of the program, where a scale of the file may leave out its step.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Object(one), Value::Object(other)) => {
            // The file may leave out a default: the step of a scale.
            one.iter().all(|(key, value)| other.get(key).is_some_and(|found| same(value, found)))
                && other.keys().all(|key| one.contains_key(key) || key == "step")
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        _ => one == other,
    }
}

/// Whether a value is an object without keys.
fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

/// The value of the key `fields`, in which filled fields have defaults.
fn fields(fields: &[Field], filled: &Map<String, Value>) -> Value {
    let need = |field: &Field| match (filled.get(&field.name), &field.need) {
        (Some(value), _) | (None, Need::Default(value)) => json!({"default": value}),
        (None, Need::Required) => json!("required"),
        (None, Need::Optional) => json!("optional"),
    };
    fields.iter().map(|field| (field.name.clone(), need(field))).collect::<Map<_, _>>().into()
}

/// The YAML with new lines for these keys. The value of a key ends before the next line that is not indented.
fn rewritten(yaml: &str, keys: &Map<String, Value>) -> String {
    let mut text = String::new();
    let mut written = Vec::new();
    let mut dropping = false;
    for line in yaml.split_inclusive('\n') {
        let begins = !line.starts_with([' ', '\t', '#', '-', '\n', '\r', '}', ']']);
        let key = line.split(':').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        if begins {
            dropping = keys.contains_key(key);
            if let Some(value) = keys.get(key) {
                text.push_str(&format!("{key}: {}\n", flow(value)));
                written.push(key.to_owned());
            }
        }
        if !dropping {
            text.push_str(line);
        }
    }
    for (key, value) in keys.iter().filter(|(key, _)| !written.contains(key)) {
        text.push_str(&format!("{key}: {}\n", flow(value)));
    }
    text
}

/// A value on one line of YAML: plain words without quotes, all other texts with them.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let pairs =
                map.iter().map(|(key, value)| format!("{}: {}", flow(&json!(key)), flow(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) if is_word(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(whole) if whole.fract() == 0.0 && whole.abs() < 1e15 => format!("{whole:.0}"),
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}

/// Whether YAML reads a text without quotes as that text.
fn is_word(text: &str) -> bool {
    const OTHERS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !OTHERS.contains(&text.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "---\n# Mine.\nsummary: x\nkind: score\nfields:\n  answer: required\n  criteria: optional\nscale: {min: 1, max: 10}\nverdict: 'Score: *'\n---\nuser:\n{{ criteria }} {{ answer }} {{ scale }}\n";

    #[test]
    fn what_changed_is_written_and_all_else_stays() {
        let mut prompt = Prompt::parse("mine", FILE).unwrap();
        assert_eq!(prompt.saved(&Map::new(), Map::new()).unwrap(), FILE);
        prompt.set_scale("1-5".parse().unwrap()).unwrap();
        let filled = Map::from_iter([("criteria".to_owned(), json!("Kind: \"yes\"\nand true"))]);
        let saved =
            prompt.saved(&filled, Map::from_iter([("draws".to_owned(), json!(3))])).unwrap();
        let expected = FILE
            .replace("fields:\n  answer: required\n  criteria: optional\n", "fields: {answer: required, criteria: {default: \"Kind: \\\"yes\\\"\\nand true\"}}\n")
            .replace("scale: {min: 1, max: 10}", "scale: {min: 1, max: 5, step: 1}")
            .replace("verdict: 'Score: *'\n", "verdict: 'Score: *'\ndraws: 3\n");
        assert_eq!(saved, expected);
        let again = Prompt::parse("mine", &saved).unwrap();
        assert_eq!(again.front().scale, prompt.front().scale);
        assert_eq!(again.fields()[1].need, Need::Default(filled["criteria"].clone()));
    }

    #[test]
    fn every_built_in_prompt_is_saved_as_it_is_when_nothing_changed() {
        for prompt in crate::prompt::built_in().unwrap() {
            let saved = prompt.saved(&Map::new(), Map::new()).unwrap();
            assert_eq!(saved, prompt.source(), "{}", prompt.name());
        }
    }

    #[test]
    fn front_matter_that_cannot_be_rewritten_is_refused_and_never_written_wrong() {
        let body = "user:\n{{ answer }} {{ scale }}\n";
        let fronts = [
            "{kind: score, scale: {min: 1, max: 10}, verdict: 'Score: *'}\n",
            "scale: &s {min: 1, max: 10}\nkind: score\nverdict: 'Score: *'\nsampling: {}\nsummary: *s\n",
            "kind: score\n? scale\n: {min: 1, max: 10}\nverdict: 'Score: *'\n",
            "kind: score\nscale: {min: 1,\nmax: 10}\nverdict: 'Score: *'\n",
        ];
        let mut refused = 0;
        for front in fronts {
            let Ok(mut prompt) = Prompt::parse("mine", &format!("---\n{front}---\n{body}")) else {
                continue;
            };
            prompt.set_scale("1-5".parse().unwrap()).unwrap();
            match prompt.saved(&Map::new(), Map::new()) {
                Ok(saved) => {
                    let again = Prompt::parse("mine", &saved).unwrap();
                    assert_eq!(again.front().scale, prompt.front().scale, "{saved}");
                }
                Err(error) => {
                    assert!(error.to_string().contains("cannot be rewritten"), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 0);
    }
}
