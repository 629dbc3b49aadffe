//! The prompt for a model and a record where the user names none.

use std::sync::Arc;

use super::{
    Prompt,
    catalogue::{named, of_model},
};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    item::Item,
    parse::Kind,
};

/// What the user supplies beside the record, and the prompt must therefore show or use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Supplied {
    /// Nothing: any prompt will do.
    #[default]
    Nothing,
    /// Criteria in the user's own words.
    Criteria,
    /// Criteria by name, each of which gets its own score.
    NamedCriteria,
    /// Criteria with weights, each of which is met or unmet.
    Rubric,
    /// The labels to choose from.
    Labels,
}

/// The prompt for a model and a record if the user names none.
///
/// `model` holds the names under which the model is known: its specification, its file, its aliases. A prompt
/// whose `models` match one of them is used if the record has all fields that it requires. Otherwise it is the
/// generic prompt for what the record holds:
///
/// | the record holds | prompt |
/// |---|---|
/// | two answers (and a reference) | `pair` (`pair-reference`) |
/// | three answers or more | `rank` |
/// | `steps` | `first-error` |
/// | `messages` and no answer | `trajectory` |
/// | an answer and a rubric with weights, as in HealthBench | `rubric-items` |
/// | an answer and a rubric | `rubric` |
/// | an answer and a reference | `score-reference` |
/// | an answer | `score` |
///
/// Named criteria use `criteria`, criteria with weights `rubric-items`, labels `label`.
///
/// # Errors
/// The record holds no answer, or lacks a field that every prompt of the model requires; or the model's own
/// prompts cannot use what is supplied.
pub fn default_for(model: &[String], item: &Item, supplied: Supplied) -> Result<Arc<Prompt>> {
    let (kind, generic) = generic_for(item, supplied)?;
    let own = of_model(model)?;
    let can = |prompt: &&&Arc<Prompt>| supplied == Supplied::Nothing || prompt.reads("criteria");
    let of_kind = |kind: Kind| move |prompt: &&&Arc<Prompt>| prompt.front().kind == kind;
    let fitting =
        |kind| own.iter().filter(can).filter(of_kind(kind)).find(|prompt| prompt.fits(item));
    if let Some(prompt) = fitting(kind).or_else(|| fitting(Kind::Label)) {
        return Ok(Arc::clone(prompt));
    }
    let only = own.first().filter(|_| own.len() == 1);
    if let Some(closest) = own.iter().filter(can).find(of_kind(kind)).or(only.filter(can)) {
        let hint = Hint::from(format!("this model's own prompt is `{}`; ", closest.name()));
        return Err(closest
            .misfit(item)
            .hint(hint.setting("prompt", generic).text(" uses a general one")));
    }
    if let (Some(one), true) = (own.first(), supplied != Supplied::Nothing) {
        let all: Vec<&str> = own.iter().map(|prompt| prompt.name()).collect();
        let message =
            format!("the model of `{}` cannot use criteria or labels of yours", one.name());
        let hint = Hint::from(format!("its prompts are {}; name another ", all.join(", ")));
        return Err(Error::new(ErrorKind::Config, message).hint(hint.setting("model", "")));
    }
    named(generic)?.ok_or_else(|| item.lacks("answer"))
}

/// The kind of verdict that the record and the user ask for, and the generic prompt for it.
fn generic_for(item: &Item, supplied: Supplied) -> Result<(Kind, &'static str)> {
    let has = |name: &str| item.text(name).is_some_and(|text| !text.is_empty());
    match supplied {
        Supplied::NamedCriteria => return Ok((Kind::Criteria, "criteria")),
        Supplied::Rubric => return Ok((Kind::Criteria, "rubric-items")),
        Supplied::Labels => return Ok((Kind::Label, "label")),
        Supplied::Nothing | Supplied::Criteria => (),
    }
    Ok(match item.candidates().len() {
        2 if has("reference") => (Kind::Preference, "pair-reference"),
        2 => (Kind::Preference, "pair"),
        3.. => (Kind::Ranking, "rank"),
        _ if item.has("steps") => (Kind::Steps, "first-error"),
        0 if has("messages") => (Kind::Score, "trajectory"),
        0 => return Err(item.lacks("answer")),
        _ if item.has_rubric() => (Kind::Criteria, "rubric-items"),
        _ if has("rubric") => (Kind::Score, "rubric"),
        _ if has("reference") => (Kind::Score, "score-reference"),
        _ => (Kind::Score, "score"),
    })
}

/// The task of a policy, the model that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyTask {
    /// A first answer.
    Draft,
    /// A better answer, given a critique.
    Revision,
    /// The steps after those that are kept, because they are right.
    Continuation,
    /// The rest of a solution after a prefix that may be right or wrong.
    Completion,
    /// The next step of a solution after a prefix.
    Step,
}

/// The prompt with which a model writes if the user names none: its own, or the generic one.
///
/// # Errors
/// None in a program that passed its tests.
pub fn writer_for(model: &[String], task: PolicyTask) -> Result<Arc<Prompt>> {
    let writes = |prompt: &&Arc<Prompt>| {
        let fits = match task {
            PolicyTask::Draft => {
                !["critique", "kept", "prefix"].iter().any(|name| prompt.reads(name))
            }
            PolicyTask::Revision => prompt.reads("critique") && !prompt.reads("kept"),
            PolicyTask::Continuation => prompt.reads("kept"),
            PolicyTask::Completion => prompt.reads("prefix") && !is_of_steps(prompt.name()),
            PolicyTask::Step => prompt.reads("prefix") && is_of_steps(prompt.name()),
        };
        fits && prompt.front().kind == Kind::Revision
    };
    let generic = match task {
        PolicyTask::Draft => "draft",
        PolicyTask::Revision => "revise",
        PolicyTask::Continuation => "continue",
        PolicyTask::Completion => "complete",
        PolicyTask::Step => "step",
    };
    match of_model(model)?.into_iter().find(writes) {
        Some(own) => Ok(own.clone()),
        None => named(generic)?
            .ok_or_else(|| Error::new(ErrorKind::Prompt, "no built-in prompt writes this")),
    }
}

/// Whether a prompt of this name writes one step, and not the rest of a solution. Both read the same fields.
fn is_of_steps(name: &str) -> bool {
    name == "step" || name.ends_with("-step")
}

/// The model's own prompt of this kind that fits the record.
pub fn own_for(model: &[String], kind: Kind, item: &Item) -> Option<Arc<Prompt>> {
    let fits = |prompt: &&Arc<Prompt>| prompt.front().kind == kind && prompt.fits(item);
    of_model(model).ok()?.into_iter().find(fits).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chosen(model: &str, record: serde_json::Value) -> String {
        default_for(&[model.to_owned()], &Item::from(record), Supplied::Nothing)
            .unwrap()
            .name()
            .to_owned()
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
        assert!(
            default_for(&["tiny".into()], &Item::from(json!({"question": "q"})), Supplied::Nothing)
                .is_err()
        );
    }

    #[test]
    fn a_prompt_of_the_model_is_taken_only_where_the_record_fits() {
        let refusal = |model: &str, record: serde_json::Value| {
            let error = default_for(&[model.to_owned()], &Item::from(record), Supplied::Nothing)
                .unwrap_err();
            format!("{error} {:?}", error.hints())
        };
        let message = refusal("tiny", json!({"answer": "1 + 1 = 2"}));
        assert!(message.contains("tiny-score: the record has no field `problem`"), "{message}");
        assert!(message.contains("uses a general one"), "{message}");
    }

    #[test]
    fn what_is_mapped_decides_as_what_is_there() {
        let record = Item::from(json!({"question": "q", "process": ["a", "b"]}));
        let mapped = record.mapped("steps", "process").unwrap();
        let prompt = default_for(&["openai/x".to_owned()], &mapped, Supplied::Nothing).unwrap();
        assert_eq!(prompt.name(), "first-error");
    }

    #[test]
    fn a_wish_takes_a_prompt_that_can_do_it_or_says_that_the_model_cannot() {
        let chosen = |model: &str, record: serde_json::Value, supplied: Supplied| {
            default_for(&[model.to_owned()], &Item::from(record), supplied)
                .map(|prompt| prompt.name().to_owned())
        };
        let answer = || json!({"question": "q", "answer": "a"});
        assert_eq!(chosen("openai/x", answer(), Supplied::Criteria).unwrap(), "score");
        assert_eq!(chosen("openai/x", answer(), Supplied::NamedCriteria).unwrap(), "criteria");
        assert_eq!(chosen("openai/x", answer(), Supplied::Rubric).unwrap(), "rubric-items");
        let rubric = json!({"answer": "a", "rubrics": [{"criterion": "c", "points": 2}]});
        assert_eq!(chosen("openai/x", rubric, Supplied::Nothing).unwrap(), "rubric-items");
        assert_eq!(chosen("openai/x", answer(), Supplied::Labels).unwrap(), "label");
        assert_eq!(
            chosen("openai/x", json!({"chosen": "a", "rejected": "b"}), Supplied::Criteria)
                .unwrap(),
            "pair"
        );
        assert_eq!(
            chosen("openai/x", json!({"messages": [{"role": "user"}]}), Supplied::Nothing).unwrap(),
            "trajectory"
        );
        let refused = chosen("tiny", answer(), Supplied::Criteria).unwrap_err();
        assert!(refused.to_string().contains("cannot use criteria or labels"), "{refused}");
    }

    #[test]
    fn a_model_writes_with_its_own_prompts() {
        let name =
            |model: &str, task| writer_for(&[model.to_owned()], task).unwrap().name().to_owned();
        for (task, own, generic) in [
            (PolicyTask::Draft, "tiny-solve", "draft"),
            (PolicyTask::Revision, "tiny-revise", "revise"),
            (PolicyTask::Continuation, "tiny-continue", "continue"),
            (PolicyTask::Completion, "tiny-complete", "complete"),
            (PolicyTask::Step, "tiny-step", "step"),
        ] {
            assert_eq!(
                (name("tiny", task).as_str(), name("openai/x", task).as_str()),
                (own, generic)
            );
        }
    }

    #[test]
    fn a_check_takes_its_own_prompt_whatever_the_record_would_suggest() {
        assert_eq!(chosen("check:number", json!({"answer": "7", "reference": "7"})), "check");
    }

    #[test]
    fn a_trained_judge_gets_its_own_layout_where_the_record_has_its_fields() {
        let single =
            |more: serde_json::Value| joined(json!({"question": "q", "answer": "a"}), &more);
        let pair = |more: serde_json::Value| {
            joined(json!({"question": "q", "answers": ["a", "b"]}), &more)
        };
        let rubric = || json!({"rubric": "r"});
        let both = || json!({"rubric": "r", "reference": "f"});
        for (model, record, name) in [
            ("openai/prometheus-eval/prometheus-7b-v2.0", single(rubric()), "prometheus-absolute"),
            ("M-Prometheus-7B.Q4_K_M.gguf", single(both()), "prometheus-absolute-reference"),
            ("prometheus-bgb-8x7b-v2.0", pair(rubric()), "prometheus-relative"),
            ("prometheus-8x7b-v2.0", pair(both()), "prometheus-relative-reference"),
            ("GAIR/autoj-13b", single(json!({})), "auto-j-single"),
            ("BAAI/JudgeLM-7B-v1.0", pair(json!({})), "judge-lm"),
            ("nuojohnchen/JudgeLRM-7B", pair(json!({})), "judge-lrm"),
            ("WeOpenML/PandaLM-7B-v1", pair(json!({})), "panda-lm"),
            ("WeOpenML/PandaLM-Alpaca-7B-v1", pair(json!({})), "pair"),
            ("AtlaAI/Selene-1-Mini-Llama-3.1-8B", single(rubric()), "selene-score"),
            ("gaotang/RM-R1-Qwen2.5-Instruct-7B", pair(json!({})), "rm-r1"),
            ("gaotang/RM-R1-DeepSeek-Distilled-Qwen-7B", pair(json!({})), "rm-r1-distilled"),
            ("nvidia/Qwen3-Nemotron-235B-A22B-GenRM-2603", pair(json!({})), "nemotron-genrm"),
            ("wangclnlp/GRAM-Qwen3-8B-RewardModel", pair(json!({})), "gram"),
            ("wangclnlp/GRAM-RR-LLaMA-3.1-8B-RewardModel", pair(json!({})), "gram-r2"),
            ("ZiyiYe/Con-J-Qwen2-7B", pair(json!({})), "con-j"),
            ("sarosavo/Master-RM", single(json!({"reference": "f"})), "master-rm"),
        ] {
            assert_eq!(chosen(model, record), name, "{model}");
        }
        let item = Item::from(single(json!({})));
        let error = default_for(&["prometheus-7b-v2.0".into()], &item, Supplied::Nothing);
        assert!(error.unwrap_err().to_string().contains("the record has no field"));
    }

    /// A record with the fields of another one.
    fn joined(mut record: serde_json::Value, more: &serde_json::Value) -> serde_json::Value {
        for (name, value) in more.as_object().unwrap() {
            record[name] = value.clone();
        }
        record
    }
}
