//! The prompts that come with the program: the files under `prompts/`, embedded.

use std::sync::{Arc, LazyLock};

use super::Prompt;
use crate::{error::Result, item::Item, parse::Judges};

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every built-in prompt, in the order in which people meet them.
        const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../prompts/", $name, ".jinja")))),*];
    };
}

embedded![
    "score",
    "score-reference",
    "rubric",
    "correct",
    "correct-direct",
    "pair",
    "pair-reference",
    "rank",
    "first-error",
    "steps",
    "tiny-steps",
    "tiny-score",
    "tiny-correct",
    "tiny-pair",
    "tiny-solve",
    "tiny-revise",
    "tiny-patch",
    "check",
];

static PARSED: LazyLock<Result<Vec<Arc<Prompt>>>> = LazyLock::new(|| {
    FILES.iter().map(|(name, text)| Prompt::parse(name, text).map(Arc::new)).collect()
});

/// Every prompt that comes with the program.
///
/// # Errors
/// None in a program that passed its tests: they read every file.
pub fn built_in() -> Result<&'static [Arc<Prompt>]> {
    PARSED.as_ref().map(Vec::as_slice).map_err(Clone::clone)
}

/// The prompt for a model and a record when nobody names one.
///
/// A prompt that names the model is preferred; else the generic prompt that fits what the record
/// holds:
///
/// | the record holds | prompt |
/// |---|---|
/// | two answers (and a reference) | `pair` (`pair-reference`) |
/// | three answers or more | `rank` |
/// | `steps` | `first-error` |
/// | an answer and a rubric | `rubric` |
/// | an answer and a reference | `score-reference` |
/// | an answer | `score` |
///
/// # Errors
/// The record holds no answer.
pub fn default_for(model: &[String], item: &Item) -> Result<Arc<Prompt>> {
    let has = |name: &str| item.field(name).is_some();
    let answers = item.candidates().len();
    let (judges, generic) = match answers {
        2 if has("reference") => (Judges::Preference, "pair-reference"),
        2 => (Judges::Preference, "pair"),
        3.. => (Judges::Ranking, "rank"),
        _ if item.record().contains_key("steps") => (Judges::Steps, "first-error"),
        0 => return Err(item.lacks("answer")),
        _ if has("rubric") => (Judges::Score, "rubric"),
        _ if has("reference") => (Judges::Score, "score-reference"),
        _ => (Judges::Score, "score"),
    };
    let prompts = built_in()?;
    let knows = |glob: &String| model.iter().any(|name| matches(glob, name));
    let own = || prompts.iter().filter(|prompt| prompt.front().models.iter().any(knows));
    let named = own()
        .find(|prompt| prompt.front().judges == judges)
        .or_else(|| {
            own().find(|prompt| prompt.front().judges == Judges::Label && prompt.fits(item))
        })
        .or_else(|| prompts.iter().find(|prompt| prompt.name() == generic));
    named.cloned().ok_or_else(|| item.lacks("answer"))
}

/// `*` stands for any text; case does not matter.
fn matches(glob: &str, name: &str) -> bool {
    let (glob, name) = (glob.to_lowercase(), name.to_lowercase());
    let mut pieces = glob.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chosen(model: &str, record: serde_json::Value) -> String {
        default_for(&[model.to_owned()], &Item::from(record)).unwrap().name().to_owned()
    }

    #[test]
    fn every_embedded_prompt_is_read() {
        assert_eq!(built_in().unwrap().len(), FILES.len());
    }

    #[test]
    fn the_record_decides_and_the_model_is_preferred() {
        assert_eq!(chosen("openai/x", json!({"question": "q", "answer": "a"})), "score");
        assert_eq!(chosen("openai/x", json!({"answer": "a", "reference": "r"})), "score-reference");
        assert_eq!(chosen("openai/x", json!({"chosen": "a", "rejected": "b"})), "pair");
        assert_eq!(chosen("openai/x", json!({"responses": ["a", "b", "c"]})), "rank");
        assert_eq!(
            chosen("tiny", json!({"problem": "1 + 1", "steps": ["1 + 1 = 2"]})),
            "tiny-steps"
        );
        assert_eq!(chosen("tiny", json!({"question": "1 + 1", "answer": "2"})), "tiny-score");
        assert!(default_for(&["tiny".into()], &Item::from(json!({"question": "q"}))).is_err());
    }

    #[test]
    fn a_check_takes_its_own_prompt_whatever_the_record_would_suggest() {
        assert_eq!(chosen("check:number", json!({"answer": "7", "reference": "7"})), "check");
    }

    #[test]
    fn a_glob_matches_whole_names() {
        assert!(matches("prometheus-*-v2*", "Prometheus-7b-v2.gguf"));
        assert!(matches("tiny", "tiny"));
        assert!(!matches("tiny", "tinyllama"));
        assert!(!matches("*judge", "judge-2"));
    }
}
