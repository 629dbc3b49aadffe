//! Prompt files made from the graders of other tools.
//!
//! | source | what is read |
//! |---|---|
//! | [`Source::Python`] | a template of `str.format`: `{field}`, `{{` and `}}` |
//! | [`Source::OpenAi`] | grader objects: `score_model`, `label_model`, `string_check`, and those inside of `multi` |
//! | [`Source::Autoevals`] | a YAML file with `prompt` (mustache) and `choice_scores` |
//! | [`Source::Promptfoo`] | the assertions `llm-rubric`, `factuality` and `g-eval` of a configuration |
//!
//! The words of the grader stay as they are. What it leaves to its service (how the verdict is written) becomes a
//! verdict line with the mark. Nothing is dropped silently: what a prompt file has no place for is a
//! [note](Imported::notes) where it belongs elsewhere (the model), and a [loss](Imported::lost) where the meaning of the
//! grader would change.
//!
//! | module | what it does |
//! |---|---|
//! | `template` | templates of other tools as bodies |
//! | `draft` | a prompt file in the making |
//! | `python`, `openai`, `autoevals`, `promptfoo` | one source each |

mod autoevals;
mod draft;
mod openai;
mod promptfoo;
mod python;
mod template;

use serde_json::Value;

use super::Prompt;
use crate::error::{Error, ErrorKind, Result, unknown};

/// A tool whose graders can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A Python template: `{field}`.
    Python,
    /// Grader objects of the OpenAI API, as JSON.
    OpenAi,
    /// A YAML file of autoevals.
    Autoevals,
    /// A configuration of promptfoo, as YAML or JSON.
    Promptfoo,
}

/// Every source with its name in settings.
const SOURCES: [(&str, Source); 4] = [
    ("python", Source::Python),
    ("openai", Source::OpenAi),
    ("autoevals", Source::Autoevals),
    ("promptfoo", Source::Promptfoo),
];

impl std::str::FromStr for Source {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = SOURCES.into_iter().find(|(known, _)| *known == name);
        let names = SOURCES.map(|(name, _)| name);
        found
            .map(|(_, source)| source)
            .ok_or_else(|| unknown(ErrorKind::Config, "source", name, names))
    }
}

/// What the text of a grader does not say.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The tool that it comes from; `None` to see it by the text.
    pub source: Option<Source>,
    /// The kind of verdict of a Python template; `score` by default.
    pub kind: Option<String>,
    /// The scale of a Python template, such as `1-5`.
    pub scale: Option<String>,
    /// The rule by which the verdict of a Python template is read, such as `Score: *`, or as YAML.
    pub verdict: Option<String>,
}

/// A prompt file made from a grader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// A name for the file, without an ending.
    pub name: String,
    /// The text of the file.
    pub text: String,
    /// What belongs elsewhere, such as the model, or is done in another way.
    pub notes: Vec<String>,
    /// What could not be carried over, so that verdicts may differ from those of the grader.
    pub lost: Vec<String>,
}

/// Everything that was found in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// The prompt files, in the order of the graders.
    pub prompts: Vec<Imported>,
    /// Graders that cannot become a prompt file, each with the reason.
    pub left_out: Vec<String>,
}

/// Makes prompt files from the text of another tool's file. `name` is that of the file, without its ending.
///
/// # Errors
/// The text is not a grader of this source, or nothing in it can become a prompt file ([`ErrorKind::Prompt`]).
///
/// ```
/// use tribunal::prompt::{ImportOptions, import};
///
/// let options = ImportOptions { scale: Some("1-5".into()), verdict: Some("Score: *".into()), ..Default::default() };
/// let template = "Rate {answer} for this question: {question}\nEnd with a line \"Score: <1 to 5>\".\n";
/// let found = import("mine", template, &options)?;
/// assert!(found.prompts[0].text.contains("Rate {{ answer }} for this question: {{ question }}"));
/// # Ok::<_, tribunal::Error>(())
/// ```
pub fn import(name: &str, text: &str, options: &ImportOptions) -> Result<Import> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let parsed: Option<Value> = serde_saphyr::from_str(text).ok();
    let value = parsed.filter(|value| value.is_object() || value.is_array());
    let source = options.source.or_else(|| source_of(value.as_ref())).unwrap_or(Source::Python);
    let found = match (source, value) {
        (Source::Python, _) => python::import(name, text, options)?,
        (Source::OpenAi, Some(value)) => openai::import(name, &value),
        (Source::Autoevals, Some(value)) => autoevals::import(name, &value)?,
        (Source::Promptfoo, Some(value)) => promptfoo::import(name, &value),
        (_, None) => {
            return Err(Error::new(
                ErrorKind::Prompt,
                format!("`{name}` is not valid YAML or JSON"),
            ));
        }
    };
    if found.prompts.is_empty() {
        let why = if found.left_out.is_empty() {
            "no grader was found".into()
        } else {
            found.left_out.join("; ")
        };
        return Err(Error::new(ErrorKind::Prompt, format!("nothing in `{name}` can become a prompt file: {why}"))
            .hint("Python templates, OpenAI graders, autoevals files and promptfoo assertions can be imported"));
    }
    for prompt in &found.prompts {
        Prompt::parse(&prompt.name, &prompt.text)?;
    }
    Ok(Import { prompts: distinct(found.prompts), ..found })
}

/// The source that a document looks like.
fn source_of(value: Option<&Value>) -> Option<Source> {
    let value = value?;
    let has = |key: &str| value.get(key).is_some();
    if has("choice_scores") {
        return Some(Source::Autoevals);
    }
    if has("tests") || has("assert") || has("defaultTest") || promptfoo::is_assertions(value) {
        return Some(Source::Promptfoo);
    }
    (has("testing_criteria") || has("grader") || openai::is_graders(value))
        .then_some(Source::OpenAi)
}

/// The same prompts; of equal names all but the first get a number.
fn distinct(mut prompts: Vec<Imported>) -> Vec<Imported> {
    for at in 1..prompts.len() {
        let (before, rest) = prompts.split_at_mut(at);
        let taken = |name: &str| before.iter().any(|other| other.name == name);
        let Some(prompt) = rest.first_mut() else { continue };
        if taken(&prompt.name) {
            // Among one name more than there are prompts, one is free.
            let free =
                (2..=at + 2).map(|n| format!("{}-{n}", prompt.name)).find(|name| !taken(name));
            prompt.name = free.unwrap_or_default();
        }
    }
    prompts
}
