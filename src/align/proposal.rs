//! What the writer is shown, and whether what it wrote may be used.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{marks::Marks, outcome::Candidate, parts::Case};
use crate::{
    item::{Item, text_of},
    prompt::{About, Field, FrontMatter, Prompt},
    request::Hasher,
};

/// The longest part of one field that the writer is shown, in characters.
const LONGEST: usize = 4_000;

/// Marks from which on a verdict agrees with its label.
const AGREES: f64 = 0.999;

/// The record from which the writer's prompt is rendered: the judge's prompt, some disagreements, some agreements, and
/// why earlier proposals were rejected. `None` if the judge agrees with every label.
pub(super) fn material(
    prompt: &Prompt,
    cases: &[Case],
    marks: &Marks,
    earlier: &[Candidate],
    shown: usize,
    seed: u64,
) -> Option<Item> {
    let mut places: Vec<usize> = (0..cases.len()).collect();
    places.sort_by_key(|place| chance(seed, &cases[*place].id));
    let agrees = |place: &usize| marks.values.get(*place).is_some_and(|value| *value >= AGREES);
    let (right, wrong): (Vec<usize>, Vec<usize>) = places.into_iter().partition(agrees);
    if wrong.is_empty() {
        return None;
    }
    let example = |place: usize| example(prompt, &cases[place], &marks.said[place]);
    let wrong: Vec<Value> = wrong.into_iter().take(shown).map(example).collect();
    let right: Vec<Value> = right.into_iter().take(shown.div_ceil(4)).map(example).collect();
    let rejected: Vec<&str> =
        earlier.iter().rev().filter_map(Candidate::rejection).take(3).collect();
    Some(
        Item::new()
            .set("judge_prompt", prompt.source())
            .set("disagreements", wrong)
            .set("agreements", right)
            .set("rejections", json!(rejected)),
    )
}

/// A record as the judge's prompt sees it, with what the judge said and what people say.
fn example(prompt: &Prompt, case: &Case, (verdict, critique): &(String, String)) -> Value {
    let fields = prompt
        .fields()
        .iter()
        .filter_map(|Field { name, .. }| Some(format!("{name}:\n{}", cut(&case.item.text(name)?))));
    let record = fields.collect::<Vec<_>>().join("\n\n");
    json!({"record": record, "verdict": verdict, "critique": cut(critique), "label": text_of(&case.label)})
}

/// The beginning of a text, with a remark if something is left out.
fn cut(text: &str) -> String {
    let mut cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        cut.push_str("\n[the rest is left out]");
    }
    cut
}

/// A random key of a record.
fn chance(seed: u64, id: &str) -> [u8; 32] {
    let mut hasher = Hasher::new("align-examples-v1");
    hasher.json(&(seed, id));
    hasher.finish()
}

/// The prompt file in an answer: the answer itself, or what stands between fences in it.
pub(super) fn file_in(answer: &str) -> Option<String> {
    let lines: Vec<&str> = answer.lines().collect();
    let start = lines.iter().position(|line| line.trim_end() == "---")?;
    let fence = lines[..start].iter().rev().find(|line| !line.trim().is_empty());
    let fence = fence.map(|line| line.trim()).filter(|line| line.starts_with("```"));
    let ticks = fence.map(|line| line.chars().take_while(|c| *c == '`').collect::<String>());
    let rest = &lines[start..];
    let end = ticks.and_then(|ticks| rest.iter().rposition(|line| line.trim_end() == ticks));
    Some(rest[..end.unwrap_or(rest.len())].join("\n").trim_end().to_owned() + "\n")
}

/// The calls of a prompt that ask a model for a text or a choice. Every other call runs something else.
const OTHER_CALLS: [&str; 5] = ["run", "probe", "compare", "reward", "logprobs"];

/// The proposed prompt, if it may take the place of the original.
///
/// # Errors
/// Why not: the file cannot be read, or it changes more than the text.
pub(super) fn accepted(original: &Prompt, text: &str) -> Result<Arc<Prompt>, String> {
    let prompt = Prompt::parse(original.name(), text).map_err(|error| error.to_string())?;
    let (before, after) = (original.front(), prompt.front());
    if before.kind != after.kind {
        return Err(format!("it changes `kind` to `{}`", after.kind.name()));
    }
    if before.scale != after.scale {
        return Err("it changes `scale`".to_owned());
    }
    if settings(before) != settings(after) {
        return Err("it changes the settings of the front matter".to_owned());
    }
    if let Some(call) = OTHER_CALLS.iter().find(|name| prompt.reads(name) && !original.reads(name))
    {
        return Err(format!("it calls `{call}`"));
    }
    let names = |prompt: &Prompt| -> BTreeSet<String> {
        prompt.fields().iter().map(|field| field.name.clone()).collect()
    };
    if let Some(more) = names(&prompt).difference(&names(original)).next() {
        return Err(format!("it reads the field `{more}`"));
    }
    if prompt.hash() == original.hash() {
        return Err("it asks the same as the original".to_owned());
    }
    Ok(Arc::new(prompt))
}

/// Every setting of a front matter apart from what describes the prompt.
fn settings(front: &FrontMatter) -> String {
    let front =
        FrontMatter { summary: None, source: None, about: About::default(), ..front.clone() };
    format!("{front:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINAL: &str = "---\nkind: label\nscale: {labels: {good: 1, bad: 0}}\nverdict: \"Verdict: *\"\n---\nIs it good?\n{{ answer }}\n\nEnd with `Verdict: good` or `Verdict: bad`.\n";

    fn rejection(text: &str) -> String {
        accepted(&Prompt::parse("x", ORIGINAL).unwrap(), text).unwrap_err()
    }

    #[test]
    fn a_proposal_changes_the_text_and_nothing_else() {
        let better = ORIGINAL.replace("Is it good?", "Is it good? Check every number.");
        assert!(accepted(&Prompt::parse("x", ORIGINAL).unwrap(), &better).is_ok());
        let summary = better.replace("kind: label", "kind: label\nsummary: better");
        assert!(accepted(&Prompt::parse("x", ORIGINAL).unwrap(), &summary).is_ok());
        assert_eq!(rejection(ORIGINAL), "it asks the same as the original");
        let scale = better.replace("bad: 0}", "bad: 0, fine: 2}");
        assert!(rejection(&scale).starts_with("it changes"), "{}", rejection(&scale));
        let draws = better.replace("kind: label", "kind: label\ndraws: 64");
        assert_eq!(rejection(&draws), "it changes the settings of the front matter");
        assert_eq!(
            rejection(&better.replace("{{ answer }}", "{{ answer }} {{ label }}")),
            "it reads the field `label`"
        );
        assert!(rejection("---\nkind: [\n---\n").contains('x'));
        assert!(rejection("Is it good?").contains("no front matter"));
    }

    #[test]
    fn a_file_is_found_between_fences_and_without() {
        assert_eq!(
            file_in("Here it is:\n```jinja\n---\nkind: score\n---\ntext\n```\nDone.").unwrap(),
            "---\nkind: score\n---\ntext\n"
        );
        assert_eq!(
            file_in("---\nkind: score\n---\ntext\n\n").unwrap(),
            "---\nkind: score\n---\ntext\n"
        );
        assert_eq!(file_in("I cannot do that."), None);
    }
}
