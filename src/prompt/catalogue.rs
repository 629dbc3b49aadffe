//! The prompts that come with the program: the files under `prompts/`, embedded in it.
//!
//! A prompt is parsed when it is first used. The models that it is for are read from one line of its text, without
//! parsing anything. So the start of the program does not slow down as the catalogue grows.

use std::sync::{Arc, LazyLock, OnceLock};

use glob::{MatchOptions, Pattern};

use super::Prompt;
use crate::error::Result;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every built-in prompt, the most common first.
        const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../prompts/", $name, ".jinja")))),*];
    };
}

embedded![
    "score",
    "score-reference",
    "rubric",
    "criteria",
    "rubric-items",
    "rubric-items-grouped",
    "health-bench",
    "label",
    "correct",
    "correct-direct",
    "pair",
    "pair-reference",
    "rank",
    "first-error",
    "steps",
    "trajectory",
    "draft",
    "revise",
    "continue",
    "complete",
    "step",
    "feedback",
    "reflection",
    "align",
    "constitution",
    "tiny-steps",
    "tiny-score",
    "tiny-correct",
    "tiny-pair",
    "tiny-solve",
    "tiny-revise",
    "tiny-patch",
    "tiny-continue",
    "tiny-complete",
    "tiny-step",
    "check-tests",
    "check",
    "check-tests-share",
    // Published protocols for judges that were not trained for them.
    "mt-bench-single",
    "mt-bench-single-reference",
    "mt-bench-pair",
    "mt-bench-pair-reference",
    "mt-bench-single-multi-turn",
    "mt-bench-pair-multi-turn",
    "arena-hard",
    "alpaca-eval",
    "g-eval",
    "g-eval-fluency",
    "fair-eval",
    "vicuna-pair",
    "reward-bench-pair",
    "reward-bench-ratings",
    "reward-bench-2-four-way",
    "reward-bench-2-ties",
    "judge-bench",
    "llmbar-vanilla",
    "llmbar-metrics",
    "llmbar-cot",
    "chat-eval",
    "wild-bench",
    "wild-bench-pair",
    "llmzoo-rank",
    "summ-eval-rts",
    "self-refine-feedback",
    "constitutional-critique",
    "spct",
    "checklist",
    "rubric-chain",
    // Verifiers, and critics of steps.
    "gen-rm",
    "gen-rm-cot",
    "sc-gen-rm",
    "cloud-choose",
    "process-bench",
    "prm-bench",
    "prm-bench-redundancy",
    "mr-gsm8k",
    "mr-gsm8k-solution",
    "mr-gsm8k-reason",
    "reason-eval",
    "reason-eval-redundancy",
    "reason-eval-classes",
    "step-wiser",
    // Metrics of evaluation libraries, and of what agents did.
    "metrics/faithfulness",
    "metrics/groundedness",
    "metrics/hallucination",
    "metrics/answer-relevance",
    "metrics/context-precision",
    "metrics/context-recall",
    "metrics/context-relevance",
    "metrics/correctness",
    "metrics/factuality",
    "metrics/closed-qa",
    "metrics/instruction-following",
    "metrics/helpfulness",
    "metrics/conciseness",
    "metrics/coherence",
    "metrics/summary",
    "metrics/translation",
    "metrics/code-correctness",
    "metrics/code-review",
    "metrics/safety",
    "metrics/refusal",
    "metrics/toxicity",
    "metrics/bias",
    "metrics/prompt-injection",
    "metrics/pii-leakage",
    "metrics/task-completion",
    "metrics/tool-calls",
    "metrics/step-efficiency",
    "metrics/action-claims",
    "metrics/trajectory-accuracy",
    "metrics/plan-adherence",
    "metrics/knowledge-retention",
    "metrics/role-adherence",
    // Process rewards, and rewards without words.
    "math-shepherd",
    "qwen-prm",
    "rlhflow-prm",
    "implicit-prm",
    "implicit-preference",
    // Judges that were trained for their layout; of two for one model, the one that needs more of a record comes first.
    "prometheus-absolute-reference",
    "prometheus-absolute",
    "prometheus-relative-reference",
    "prometheus-relative",
    "auto-j-single",
    "auto-j-pair",
    "judge-lm-reference",
    "judge-lm",
    "panda-lm",
    "themis",
    "selene-score",
    "selene-classify",
    "selene-pair",
    "skywork-critic",
    "self-taught-evaluator",
    "rm-r1",
    "rm-r1-distilled",
    "judge-lrm",
    "compass-judger",
    "flow-judge",
    "nemotron-genrm",
    "j1-single",
    "j1-single-verifiable",
    "j1-pair",
    "j1-pair-verifiable",
    "j1-k-wise",
    "gram",
    "gram-r2",
    "con-j",
    "master-rm",
    "gen-prm",
    "qlora-three-class",
    "sc-gen-rm-tuned",
    "cloud",
    "r-prm",
    "think-prm",
    "think-prm-steps",
    "fapo",
];

/// One embedded file, with what was read of it so far.
struct BuiltIn {
    /// The name of the prompt, which is that of the file without its ending.
    name: &'static str,
    /// The whole file.
    text: &'static str,
    /// The whole prompt, parsed when it is first used.
    prompt: OnceLock<Result<Arc<Prompt>>>,
}

static BUILT_IN: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
    let entry = |(name, text): &(&'static str, &'static str)| BuiltIn {
        name,
        text,
        prompt: OnceLock::new(),
    };
    FILES.iter().map(entry).collect()
});

impl BuiltIn {
    /// Globs over the names of the models that it is for: the key `models`, which stands on one line in embedded files.
    fn models(&self) -> impl Iterator<Item = &'static str> {
        let front = self.text.split("\n---").next().unwrap_or_default();
        let list = front.lines().find_map(|line| line.strip_prefix("models: ["));
        let list = list.and_then(|line| line.trim_end().strip_suffix(']')).unwrap_or_default();
        let globs = list.split(',').map(|glob| glob.trim().trim_matches(['"', '\'']));
        globs.filter(|glob| !glob.is_empty())
    }

    fn prompt(&self) -> Result<&Arc<Prompt>> {
        let parse = || Prompt::parse(self.name, self.text).map(Arc::new);
        self.prompt.get_or_init(parse).as_ref().map_err(Clone::clone)
    }
}

/// The names of all built-in prompts, the most common first. Nothing is parsed.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// The built-in prompt of this name; `None` if there is none. Only this prompt is parsed.
///
/// # Errors
/// None in a program that passed its tests: they parse every file.
pub fn named(name: &str) -> Result<Option<Arc<Prompt>>> {
    BUILT_IN
        .iter()
        .find(|entry| entry.name == name)
        .map(|entry| entry.prompt().cloned())
        .transpose()
}

/// Every built-in prompt, the most common first. All of them are parsed: prefer [`named`] for one.
///
/// # Errors
/// None in a program that passed its tests: they parse every file.
pub fn built_in() -> Result<&'static [Arc<Prompt>]> {
    static ALL: LazyLock<Result<Vec<Arc<Prompt>>>> =
        LazyLock::new(|| BUILT_IN.iter().map(|entry| entry.prompt().cloned()).collect());
    ALL.as_ref().map(Vec::as_slice).map_err(Clone::clone)
}

/// The built-in prompts whose `models` match one of these names; only they are parsed.
pub(super) fn of_model(model: &[String]) -> Result<Vec<&'static Arc<Prompt>>> {
    let mut found = Vec::new();
    for entry in BUILT_IN.iter() {
        if entry.models().any(|glob| model.iter().any(|name| matches(glob, name))) {
            found.push(entry.prompt()?);
        }
    }
    Ok(found)
}

/// Whether a glob matches a whole name: `*` matches any text, and case does not matter.
fn matches(glob: &str, name: &str) -> bool {
    const ANY_CASE: MatchOptions = MatchOptions {
        case_sensitive: false,
        require_literal_separator: false,
        require_literal_leading_dot: false,
    };
    Pattern::new(glob).is_ok_and(|pattern| pattern.matches_with(name, ANY_CASE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_prompt_is_read_and_its_models_are_found_without_parsing_it() {
        assert_eq!(built_in().unwrap().len(), FILES.len());
        for entry in BUILT_IN.iter() {
            let models = &entry.prompt().unwrap().front().models;
            assert_eq!(entry.models().collect::<Vec<_>>(), *models, "{}", entry.name);
        }
    }

    #[test]
    fn a_glob_matches_whole_names() {
        assert!(matches("prometheus-*-v2*", "Prometheus-7b-v2.gguf"));
        assert!(matches("tiny", "tiny"));
        assert!(!matches("tiny", "tinyllama"));
        assert!(!matches("*judge", "judge-2"));
    }
}
