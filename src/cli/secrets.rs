//! Settings without secrets, for screens and manifests.
//!
//! Two rules decide what is a secret: the name of a setting (`api_key`, `token`, `authorization`, …), and the parts of an
//! address that carry credentials (user, password, query). Both apply at any depth of tables and lists.

use serde_json::Value;

/// What stands for a secret.
const HIDDEN: &str = "***";

/// The value of a setting, with `***` for everything that is a secret by its name, also in tables and addresses.
pub(super) fn redacted(key: &str, value: &Value) -> Value {
    match value {
        _ if is_secret(key) => HIDDEN.into(),
        Value::String(text) => address(text).into(),
        Value::Array(list) => list.iter().map(|value| redacted(key, value)).collect(),
        Value::Object(table) => {
            table.iter().map(|(key, value)| (key.clone(), redacted(key, value))).collect()
        }
        value => value.clone(),
    }
}

/// An address without its user, password and query; any other text unchanged.
pub(super) fn address(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    if scheme.contains(char::is_whitespace) {
        return text.to_owned();
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{HIDDEN}@{host}"),
        None => authority.to_owned(),
    };
    let path =
        path.split_once(['?', '#']).map_or(path.to_owned(), |(path, _)| format!("{path}?{HIDDEN}"));
    format!("{scheme}://{host}{path}")
}

/// A word of a command line, with `***` for what is a secret by its name, also in tables and addresses.
pub(super) fn word(word: &str) -> String {
    if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(word) {
        return redacted("", &value).to_string();
    }
    match word.split_once('=') {
        // A part of an address, and no key.
        Some((key, _)) if key.contains("://") => address(word),
        Some((key, _)) if is_secret(key) => format!("{key}={HIDDEN}"),
        Some((key, value)) => format!("{key}={}", self::word(value)),
        None => address(word),
    }
}

/// Whether a key names a secret.
fn is_secret(key: &str) -> bool {
    const NAMES: [&str; 6] = ["key", "token", "secret", "password", "authorization", "cookie"];
    let key = key.trim_start_matches('-').to_lowercase().replace('-', "_");
    key != "key_variable" && !key.ends_with("tokens") && NAMES.iter().any(|name| key.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_words_of_a_command_hide_the_same() {
        for (text, shown) in [
            ("judge", "judge"),
            ("--pass=score >= 7", "--pass=score >= 7"),
            ("--base-url=http://u:p@h/v1?k=v", "--base-url=http://***@h/v1?***"),
            ("http://u:p@h/v1?key=x", "http://***@h/v1?***"),
            ("headers.Authorization=Bearer x", "headers.Authorization=***"),
            (r#"extra={"api_key":"x","top_k":3}"#, r#"extra={"api_key":"***","top_k":3}"#),
        ] {
            assert_eq!(word(text), shown);
        }
    }

    #[test]
    fn secrets_are_hidden_by_name_and_in_addresses() {
        let extra = json!({"headers": {"Authorization": "Bearer x"}, "max_tokens": 3, "list": [{"api_key": 1}]});
        assert_eq!(
            redacted("extra", &extra),
            json!({"headers": {"Authorization": "***"}, "max_tokens": 3, "list": [{"api_key": "***"}]})
        );
        for (text, shown) in [
            ("http://u:p@h:1/v1?key=x#y", "http://***@h:1/v1?***"),
            ("https://h/v1", "https://h/v1"),
            ("https://h/v1/a@b", "https://h/v1/a@b"),
            ("http://u:p@@h", "http://***@h"),
            ("say http://u:p@h", "say http://u:p@h"),
            ("score >= 7", "score >= 7"),
        ] {
            assert_eq!(address(text), shown);
        }
    }
}
