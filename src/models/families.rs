//! The families of models, by the words of their names.
//!
//! Judges prefer answers of their own family (Panickssery et al. 2024, "LLM Evaluators Recognize and Favor Their Own
//! Generations"). Nothing but names tells a family, so they are compared word by word: `recommand` is not `command-r`,
//! and `mistralai/Qwen` would be Qwen. A model that was made of another one may have both names
//! (`DeepSeek-R1-Distill-Qwen-7B`), and belongs to both families.

use std::collections::BTreeSet;

/// A family, and the words in the names of its models. A word may be followed by a version (`qwen2`, `gpt4o`); words
/// with dashes must follow each other.
struct Family {
    name: &'static str,
    words: &'static [&'static str],
}

/// Words that are whole names, and mean nothing with another version.
const EXACT: [&str; 3] = ["o1", "o3", "o4"];

/// The families. Of words that begin at the same place, the longest sequence counts.
const FAMILIES: [Family; 30] = [
    Family { name: "GPT", words: &["gpt", "chatgpt", "o1", "o3", "o4", "davinci"] },
    Family { name: "GPT-Neo", words: &["gpt-j", "gpt-neo", "gpt-neox", "pythia"] },
    Family { name: "Claude", words: &["claude"] },
    Family { name: "Gemini", words: &["gemini", "gemma", "codegemma", "palm"] },
    Family { name: "Llama", words: &["llama", "codellama", "vicuna", "alpaca"] },
    Family { name: "Qwen", words: &["qwen", "qwq", "qvq"] },
    Family {
        name: "Mistral",
        words: &[
            "mistral",
            "mixtral",
            "ministral",
            "magistral",
            "codestral",
            "devstral",
            "pixtral",
            "zephyr",
        ],
    },
    Family { name: "DeepSeek", words: &["deepseek"] },
    Family { name: "Phi", words: &["phi"] },
    Family { name: "Grok", words: &["grok"] },
    Family {
        name: "Command",
        words: &[
            "command-r",
            "command-a",
            "command-light",
            "command-nightly",
            "command-xlarge",
            "c4ai",
            "aya",
        ],
    },
    Family { name: "Nemotron", words: &["nemotron"] },
    Family { name: "GLM", words: &["glm", "chatglm"] },
    Family { name: "Kimi", words: &["kimi", "moonshot"] },
    Family { name: "Yi", words: &["yi"] },
    Family { name: "MiniMax", words: &["minimax"] },
    Family { name: "Granite", words: &["granite"] },
    Family { name: "Falcon", words: &["falcon"] },
    Family { name: "OLMo", words: &["olmo", "olmoe"] },
    Family { name: "InternLM", words: &["internlm"] },
    Family { name: "ERNIE", words: &["ernie"] },
    Family { name: "Hunyuan", words: &["hunyuan"] },
    Family { name: "Nova", words: &["nova-pro", "nova-lite", "nova-micro", "nova-premier"] },
    Family { name: "Jamba", words: &["jamba"] },
    Family { name: "DBRX", words: &["dbrx"] },
    Family { name: "SmolLM", words: &["smollm"] },
    Family { name: "EXAONE", words: &["exaone"] },
    Family { name: "SOLAR", words: &["solar"] },
    Family { name: "Baichuan", words: &["baichuan"] },
    Family { name: "Seed", words: &["seed-oss", "doubao"] },
];

/// What the names of judges that are no models begin with.
const NO_MODEL: [&str; 4] = ["check:", "command:", "script:", "replay:"];

/// The families that a model belongs to by its name; empty if the name tells none.
///
/// ```
/// use tribunal::models::families;
///
/// assert_eq!(Vec::from_iter(families("openrouter/meta-llama/Llama-3.1-70B")), ["Llama"]);
/// assert_eq!(Vec::from_iter(families("gpt-4o-mini")), ["GPT"]);
/// assert!(families("recommand-v2").is_empty());
/// ```
pub fn families(name: &str) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    if NO_MODEL.iter().any(|prefix| name.starts_with(prefix)) {
        return found;
    }
    let low = name.to_lowercase();
    let words: Vec<&str> =
        low.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut at = 0;
    while let Some(rest) = words.get(at..).filter(|rest| !rest.is_empty()) {
        let here = FAMILIES.iter().flat_map(|family| {
            family.words.iter().map(move |known| (length(known, rest), family.name))
        });
        match here.filter_map(|(length, name)| Some((length?, name))).max_by_key(|(n, _)| *n) {
            Some((length, name)) => {
                found.insert(name);
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

/// How many words of a name these known words are; `None` if the name does not begin with them.
fn length(known: &str, words: &[&str]) -> Option<usize> {
    let known: Vec<&str> = known.split('-').collect();
    let (last, first) = known.split_last()?;
    let begins = words.len() >= known.len() && first.iter().eq(&words[..first.len()]);
    let word = words.get(first.len()).filter(|_| begins)?;
    let version = word.strip_prefix(last)?;
    let is_version = version.is_empty() || version.starts_with(|c: char| c.is_ascii_digit());
    (is_version && (version.is_empty() || !EXACT.contains(last))).then_some(known.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Vec<&'static str> {
        families(name).into_iter().collect()
    }

    #[test]
    fn models_of_one_family_are_known_under_all_their_names() {
        for (family, names) in [
            (
                "GPT",
                &[
                    "gpt-4o",
                    "openai/gpt-5-mini",
                    "chatgpt-4o-latest",
                    "o3",
                    "o1-preview",
                    "o4-mini",
                    "gpt4o",
                    "azure/my-gpt-4.1",
                    "openai/gpt-oss-20b",
                    "text-davinci-003",
                ][..],
            ),
            (
                "Claude",
                &["claude-3-5-sonnet", "anthropic/claude-opus-4", "us.anthropic.claude-v2:1"],
            ),
            ("Gemini", &["gemini-2.5-pro", "google/gemma-3-27b-it", "gemma2:9b", "GEMMA-7B.gguf"]),
            (
                "Llama",
                &["Llama-3-8B", "llama3.1:8b", "meta.llama3-70b-instruct-v1:0", "vicuna-13b"],
            ),
            (
                "Qwen",
                &[
                    "qwen2.5-7b-instruct-q4_k_m.gguf",
                    "Qwen/QwQ-32B",
                    "qwen3",
                    "hf:Qwen/Qwen3-8B-GGUF",
                ],
            ),
            ("Mistral", &["mixtral-8x7b", "open-mistral-nemo", "ministral-8b", "zephyr-7b-beta"]),
            (
                "Command",
                &[
                    "command-r",
                    "command-r-plus",
                    "command-r7b-12-2024",
                    "cohere/command-a",
                    "c4ai-aya-23",
                ],
            ),
            ("Phi", &["phi-4", "microsoft/Phi-3.5-mini-instruct", "phi3:mini"]),
        ] {
            names.iter().for_each(|name| assert_eq!(of(name), [family], "{name}"));
        }
    }

    #[test]
    fn a_word_inside_of_another_one_is_no_family() {
        for name in [
            "recommand",
            "recommand-r",
            "commander",
            "sophia-7b",
            "philosopher",
            "ollama/mine",
            "llamacpp/mine",
            "mistralai/mine",
            "gptq-mine",
            "o35",
            "o1x",
            "foo3",
            "yilmaz-7b",
            "tiny",
            "script",
            "",
            "novant",
            "command:./judge.sh",
            "command:r",
            "check:exact",
            "nova",
        ] {
            assert!(of(name).is_empty(), "{name}: {:?}", of(name));
        }
    }

    #[test]
    fn a_model_that_was_made_of_another_one_belongs_to_both() {
        assert_eq!(of("DeepSeek-R1-Distill-Qwen-7B"), ["DeepSeek", "Qwen"]);
        assert_eq!(of("nvidia/Llama-3.1-Nemotron-70B-Instruct"), ["Llama", "Nemotron"]);
        assert_eq!(of("EleutherAI/gpt-neo-2.7B"), ["GPT-Neo"]);
    }
}
