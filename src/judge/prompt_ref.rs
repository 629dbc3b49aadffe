//! The source of a prompt.

use std::{path::Path, sync::Arc};

use crate::{
    Hint,
    environment::Environment,
    error::{Error, ErrorKind, Result, unknown},
    prompt::{self, Prompt},
};

/// A prompt that has not been read yet.
///
/// A definition that came over a network is loaded in a closed [`Environment`], which allows built-in and
/// inline prompts only.
///
/// ```
/// use tribunal::{environment::Environment, judge::PromptRef};
///
/// let closed = Environment::closed();
/// assert!(PromptRef::named("score").load(&closed).is_ok());
/// assert!(PromptRef::named("../secret.jinja").load(&closed).is_err());
///
/// let text = "---\nkind: label\nverdict: 'Verdict: *'\n---\nIs this kind? {{ answer }}";
/// let inline = PromptRef::Inline { name: "kindness".into(), text: text.into() };
/// assert_eq!(inline.load(&closed)?.name(), "kindness");
/// # Ok::<(), tribunal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PromptRef {
    /// A prompt of the catalogue, by its name.
    BuiltIn(String),
    /// A prompt file, by its path.
    File(String),
    /// The text of a prompt file, with a name for errors and results.
    Inline {
        /// What the prompt is called.
        name: String,
        /// Front matter and body.
        text: String,
    },
}

impl PromptRef {
    /// The prompt that a name refers to: a built-in one, or a file if the name is that of a file.
    pub fn named(name: &str) -> Self {
        let exists = || Path::new(name).exists();
        let is_path = || {
            let is_named_as_path = name.contains(['/', '\\', '.']) && !is_in_catalogue_folder(name);
            is_named_as_path || exists()
        };
        if !is_built_in(name) && is_path() {
            Self::File(name.to_owned())
        } else {
            Self::BuiltIn(name.to_owned())
        }
    }

    /// Whether it is a built-in prompt.
    pub fn is_built_in(&self) -> bool {
        matches!(self, Self::BuiltIn(name) if is_built_in(name))
    }

    /// Reads the prompt.
    ///
    /// # Errors
    /// The prompt does not exist or is wrong, or the file may not be named or cannot be read.
    pub fn load(&self, environment: &Environment) -> Result<Arc<Prompt>> {
        match self {
            Self::BuiltIn(name) => built_in(name),
            Self::File(path) => {
                environment.check_file("prompt", path)?;
                let text = crate::files::text(Path::new(path)).map_err(|cause| {
                    Error::new(ErrorKind::Config, format!("cannot read the prompt `{path}`"))
                        .because(cause)
                })?;
                Prompt::parse(path, &text).map(Arc::new)
            }
            Self::Inline { name, text } => Prompt::parse(name, text).map(Arc::new),
        }
    }
}

fn is_built_in(name: &str) -> bool {
    prompt::names().any(|known| known == name)
}

/// Whether the name has the form of those in a folder of the catalogue, such as `metrics/NAME`.
fn is_in_catalogue_folder(name: &str) -> bool {
    let Some((folder, own)) = name.split_once('/') else { return false };
    let is_of_folder = |known: &str| known.split_once('/').is_some_and(|(of, _)| of == folder);
    !own.contains(['/', '\\', '.']) && prompt::names().any(is_of_folder)
}

fn built_in(name: &str) -> Result<Arc<Prompt>> {
    if let Some(prompt) = prompt::named(name)? {
        return Ok(prompt);
    }
    let names: Vec<&str> = prompt::names().collect();
    let own = |known: &&str| known.rsplit_once('/').is_some_and(|(_, own)| own == name);
    let error = match names.iter().copied().find(own) {
        Some(whole) => Error::new(ErrorKind::Config, format!("unknown prompt `{name}`"))
            .hint(format!("did you mean `{whole}`?")),
        None => unknown(ErrorKind::Config, "prompt", name, names),
    };
    let hint = Hint::from("name your own prompt by its file: ").setting("prompt", "my.jinja");
    Err(error.hint(hint))
}

/// Whether a prompt with this name is read from a file.
#[doc(hidden)]
pub fn is_file(name: &str) -> bool {
    matches!(PromptRef::named(name), PromptRef::File(_))
}

/// The built-in prompt with this name, or the prompt in this file. For names from the user of this process:
/// every file is allowed.
///
/// # Errors
/// Neither exists, or the file is wrong.
pub fn load(name: &str) -> Result<Arc<Prompt>> {
    PromptRef::named(name).load(&Environment::process())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_catalogue_may_hold_a_folder() {
        assert!(PromptRef::named("metrics/faithfulness").is_built_in());
        let refused = |name: &str| format!("{:?}", load(name).unwrap_err());
        for typed in ["faithfulness", "metrics/faithfulnes"] {
            let text = refused(typed);
            assert!(text.contains("unknown prompt"), "{text}");
            assert!(text.contains("did you mean `metrics/faithfulness`?"), "{text}");
        }
        for path in ["metrics/mine.jinja", "own/faithfulness", "./metrics/faithfulness"] {
            assert!(is_file(path), "{path}");
        }
    }
}
