//! What settings may reach outside of themselves: variables, files and addresses.
//!
//! This is the edge of the library. Front ends and the loader of configuration files look values up here,
//! once, and pass on their contents; all other code works on contents. A definition of a judge from a network
//! is resolved with [`Environment::closed`], in which nothing can be looked up.

use std::{collections::BTreeMap, fmt, path::Path};

use crate::error::{Error, ErrorKind, Result};

/// Variables, files and addresses that settings may name.
///
/// ```
/// use tribunal::environment::Environment;
///
/// let own = Environment::of([("OPENAI_API_KEY", "sk-0123456789")]);
/// assert_eq!(own.variable("OPENAI_API_KEY").as_deref(), Some("sk-0123456789"));
/// assert_eq!(own.variable("HOME"), None);
///
/// let closed = Environment::closed();
/// assert_eq!(closed.variable("PATH"), None);
/// assert!(closed.text("criteria", "style.md").is_err());
/// assert!(closed.check_address("base_url", "http://127.0.0.1:8080/v1").is_err());
/// ```
#[derive(Clone, Default)]
pub struct Environment(Reach);

#[derive(Clone, Default)]
enum Reach {
    /// Everything that this process can reach.
    #[default]
    Process,
    /// Only these variables; files and addresses as for the process.
    Given(BTreeMap<String, String>),
    /// Nothing.
    Closed,
}

/// Prints the names of variables, never their values.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Reach::Process => f.write_str("Environment(process)"),
            Reach::Given(variables) => {
                f.debug_tuple("Environment").field(&variables.keys()).finish()
            }
            Reach::Closed => f.write_str("Environment(closed)"),
        }
    }
}

impl Environment {
    /// The variables, files and network of this process.
    pub fn process() -> Self {
        Self(Reach::Process)
    }

    /// Only these variables; files and addresses are allowed.
    pub fn of<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self(Reach::Given(variables.collect()))
    }

    /// An environment in which nothing can be read and no address is allowed: for definitions from another
    /// machine.
    pub fn closed() -> Self {
        Self(Reach::Closed)
    }

    /// Whether nothing can be reached.
    pub fn is_closed(&self) -> bool {
        matches!(self.0, Reach::Closed)
    }

    /// The value of a variable; `None` if it is not set, is not Unicode, or may not be read.
    pub fn variable(&self, name: &str) -> Option<String> {
        match &self.0 {
            Reach::Process => std::env::var(name).ok(),
            Reach::Given(variables) => variables.get(name).cloned(),
            Reach::Closed => None,
        }
    }

    /// The content of the file that the setting `setting` names, without trailing whitespace.
    ///
    /// # Errors
    /// Files may not be named, or this one cannot be read.
    pub fn text(&self, setting: &str, path: &str) -> Result<String> {
        self.check_file(setting, path)?;
        let text = crate::files::text(Path::new(path)).map_err(|cause| {
            Error::new(ErrorKind::Config, format!("cannot read `{path}`")).because(cause)
        })?;
        Ok(text.trim_end().to_owned())
    }

    /// The value itself, or the content of a file if the value is `@` and a path.
    ///
    /// # Errors
    /// Files may not be named, or this one cannot be read.
    pub fn text_or_file(&self, setting: &str, value: &str) -> Result<String> {
        let Some(path) = value.strip_prefix('@') else { return Ok(value.to_owned()) };
        self.text(setting, path).map_err(|error| {
            error.hint("@ is followed by the name of a file; a text of your own begins without it")
        })
    }

    /// Refuses a setting with a file, if files are not allowed.
    ///
    /// # Errors
    /// Files are not allowed.
    pub fn check_file(&self, setting: &str, path: &str) -> Result<()> {
        self.check(
            setting,
            "a file",
            path,
            "write the text itself, or the name of a built-in prompt",
        )
    }

    /// Refuses a setting with an address, if addresses are not allowed.
    ///
    /// # Errors
    /// Addresses are not allowed.
    pub fn check_address(&self, setting: &str, url: &str) -> Result<()> {
        self.check(setting, "an address", url, "name a model that is defined where the judge runs")
    }

    /// Refuses a setting with a variable, if variables are not allowed.
    ///
    /// # Errors
    /// Variables are not allowed.
    pub fn check_variable(&self, setting: &str, name: &str) -> Result<()> {
        self.check(setting, "a variable", name, "keys are set where the judge runs")
    }

    /// Refuses a setting with a program, if programs are not allowed.
    ///
    /// # Errors
    /// Programs are not allowed.
    pub fn check_program(&self, setting: &str, line: &str) -> Result<()> {
        self.check(setting, "a program", line, "name a model that is defined where the judge runs")
    }

    fn check(&self, setting: &str, what: &str, value: &str, hint: &'static str) -> Result<()> {
        if !self.is_closed() {
            return Ok(());
        }
        let message = format!("`{setting}` may not name {what} here: `{value}`");
        Err(Error::new(ErrorKind::Config, message).hint(hint))
    }

    /// The values of all variables with secrets, which must not appear in recordings or on screens.
    pub fn secrets(&self) -> Vec<String> {
        let values: Vec<(String, String)> = match &self.0 {
            // `vars` panics if a variable is not Unicode.
            Reach::Process => std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            Reach::Given(variables) => variables.clone().into_iter().collect(),
            Reach::Closed => Vec::new(),
        };
        let secret = values.into_iter().filter(|(name, value)| is_secret(name, value));
        secret.map(|(_, value)| value.trim().to_owned()).collect()
    }
}

/// Whether a variable contains a secret: `KEYBOARD` and `SSH_KEY_PATH` do not.
fn is_secret(name: &str, value: &str) -> bool {
    const NAMES: [&str; 8] =
        ["KEY", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL"];
    const SHORTEST: usize = 8;
    let is_path = value.starts_with(['/', '~', '.']);
    let is_variable = value.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let value = value.trim();
    let is_phrase = name.to_uppercase().contains("PASS");
    name.to_uppercase().split('_').any(|word| NAMES.contains(&word))
        && value.len() >= SHORTEST
        && !is_path
        && !is_variable
        && (is_phrase || !value.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_and_looks_like_a_secret_is_one() {
        for (name, value) in [
            ("OPENAI_API_KEY", "sk-0123456789"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG"),
            ("GITHUB_TOKEN", "ghp_abcdefgh"),
            ("DB_PASSWORD", "correct horse battery"),
            ("OPENAI_API_KEY_2", "abcdefgh"),
        ] {
            assert!(is_secret(name, value), "{name}");
        }
        for (name, value) in [
            ("KEYBOARD", "us-intl-altgr"),
            ("TOKENIZERS_PARALLELISM", "false-false"),
            ("SSH_KEY_PATH", "/home/me/.ssh/id"),
            ("TRIBUNAL_KEY_VARIABLE", "OPENAI_API_KEY"),
            ("SECRETARY", "Mrs Robinson"),
            ("API_KEY", "EMPTY"),
            ("KEY_HINT", "it lies under the mat"),
        ] {
            assert!(!is_secret(name, value), "{name}");
        }
    }

    #[test]
    fn debugging_shows_no_value_of_a_variable() {
        let environment = Environment::of([("DEEP_KEY", "sk-0123456789")]);
        assert!(!format!("{environment:?}").contains("sk-"), "{environment:?}");
        assert_eq!(environment.secrets(), ["sk-0123456789"]);
    }

    #[test]
    fn a_closed_environment_reads_nothing_and_says_which_setting_asked() {
        let closed = Environment::closed();
        assert_eq!((closed.variable("PATH"), closed.secrets().len()), (None, 0));
        let refused = [
            closed.text("criteria", "Cargo.toml").unwrap_err(),
            closed.check_address("base_url", "http://h/v1").unwrap_err(),
            closed.check_variable("key_variable", "HOME").unwrap_err(),
            closed.check_program("model", "./judge.py").unwrap_err(),
        ];
        let settings = ["criteria", "base_url", "key_variable", "model"];
        for (error, setting) in refused.iter().zip(settings) {
            assert!(error.to_string().contains(setting), "{error}");
        }
    }
}
