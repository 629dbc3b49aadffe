//! What of a record a prompt shows to the judge, and what it leaves out.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Each, Prompt};
use crate::hint::Hint;
#[cfg(feature = "cli")]
use crate::item::is_answer;
use crate::item::{
    FieldMap, FieldPurpose, Item, are_synonyms, holds_images, is_filled, is_id, looks_like,
    reads_as_text,
};

/// The fields of a record as one prompt uses them.
///
/// Its text form is one line: `shown to the judge: question, answer; not shown: gold`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordView {
    /// What is shown, by the prompt's own names.
    shown: Vec<ShownField>,
    /// Filled fields that are not shown.
    hidden: Vec<String>,
    /// The field that the verdict is compared with.
    label: Option<String>,
    /// The prompt can show a question, and the record has none.
    lacks_question: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct ShownField {
    /// The prompt's own name.
    name: String,
    /// The names of the record, or paths into it.
    fields: Vec<String>,
}

impl Prompt {
    /// What of this item, as the prompt sees it through `map`, is shown to the judge.
    pub fn view(&self, item: &Item, map: &FieldMap) -> RecordView {
        let mut view = RecordView::default();
        let mut used = BTreeSet::new();
        for name in self.read_names() {
            let mut fields: Vec<String> = Vec::new();
            for own in sources(item, name).into_iter().filter(|own| !map.fills(own)) {
                let path = map.path_of(own).unwrap_or(own);
                used.insert(root(item, path).to_owned());
                if !fields.iter().any(|field| field == path) {
                    fields.push(path.to_owned());
                }
            }
            if !fields.is_empty() {
                view.shown.push(ShownField { name: name.to_owned(), fields });
            }
        }
        let label = map.path_of(LABEL).unwrap_or(LABEL);
        let left = item.record().iter().filter(|(name, value)| {
            is_filled(value) && !is_id(name) && !used.contains(name.as_str())
        });
        view.hidden = left.map(|(name, _)| name.clone()).collect();
        view.label = view.hidden.iter().find(|name| *name == root(item, label)).cloned();
        view.lacks_question =
            self.reads_meaning(FieldPurpose::Question) && !view.shows(FieldPurpose::Question);
        view
    }

    /// The fields that reach the judge: those that the body names, and that it runs over.
    pub fn read_names(&self) -> Vec<&str> {
        let each = self.front.each;
        let of_element = |name: &str| each == Some(Each::Answers) && name == "answer";
        let fields = self.fields.iter().map(|field| field.name.as_str());
        let mut names: Vec<&str> =
            fields.filter(|name| self.prints(name) && !of_element(name)).collect();
        names.extend(each.map(Each::field).filter(|field| !names.contains(field)));
        names
    }

    /// Whether one of the answers that are shown is blank.
    #[cfg(feature = "cli")]
    pub fn shows_empty_answer(&self, item: &Item) -> bool {
        let names = self.read_names();
        if names.contains(&Each::Answers.field()) {
            return item.has_blank_answer();
        }
        let blank = |name: &&str| item.field(name).is_some_and(|value| !is_filled(&value));
        names.iter().any(|name| is_answer(name) && blank(name))
    }

    fn reads_meaning(&self, meaning: FieldPurpose) -> bool {
        self.read_names().iter().any(|name| looks_like(name) == Some(meaning))
    }

    /// What a user should know about fields that are left out or shown in an unexpected form.
    pub fn notices(&self, item: &Item, map: &FieldMap) -> Vec<Hint> {
        let view = self.view(item, map);
        let mut notices = view.rivals(item);
        notices.extend(self.telling(item, &view, &notices));
        notices.extend(self.read_names().iter().filter_map(|name| odd_shape(item, name)));
        if holds_pictures(item, &view) {
            notices.push("the record holds images, which the judge is not shown".into());
        }
        notices
    }

    /// The built-in prompt for verdicts of this kind that reads this.
    fn neighbour_for(&self, meaning: FieldPurpose) -> Option<&'static str> {
        let fits = |prompt: &&std::sync::Arc<Prompt>| {
            let front = prompt.front();
            front.kind == self.front.kind
                && front.models.is_empty()
                && prompt.reads_meaning(meaning)
        };
        super::built_in().ok()?.iter().find(fits).map(|prompt| prompt.name())
    }

    /// Fields that look like a question, a context or a reference, where the judge is shown none.
    fn telling(&self, item: &Item, view: &RecordView, earlier: &[Hint]) -> Vec<Hint> {
        let mut found: Vec<FieldPurpose> = Vec::new();
        let notice = |name: &String| {
            let meaning = looks_like(name).filter(|meaning| *meaning != FieldPurpose::Answer)?;
            let texts = item.record().get(name).is_some_and(|value| match value {
                Value::Number(_) => meaning == FieldPurpose::Reference,
                value => !value.is_boolean(),
            });
            if !texts {
                return None;
            }
            let news = !view.shows(meaning)
                && !found.contains(&meaning)
                && view.label.as_ref() != Some(name);
            if !news
                || earlier.iter().any(|notice| notice.to_string().contains(&format!("`{name}`")))
            {
                return None;
            }
            found.push(meaning);
            let new = meaning.name();
            let what = meaning.with_article();
            Some(if self.reads_meaning(meaning) {
                Hint::from(format!("`{name}` looks like {what}, and is not shown: "))
                    .setting("map", format!("{new}={name}"))
                    .text(" shows it")
            } else {
                let other =
                    self.neighbour_for(meaning).map(|other| format!("; `{other}` reads one"));
                let other = other.unwrap_or_default();
                let own = &self.name;
                format!("`{name}` looks like {what}, and the prompt `{own}` reads none{other}")
                    .into()
            })
        };
        view.hidden.iter().filter_map(notice).collect()
    }
}

const LABEL: &str = "label";

/// The item's own names for what a prompt reads; one answer where it reads a list of them.
fn sources<'n>(item: &Item, name: &'n str) -> Vec<&'n str> {
    match item.sources(name) {
        names if names.is_empty() && name == Each::Answers.field() => item.sources("answer"),
        names => names,
    }
}

/// The field of the record that a path leads into.
fn root<'p>(item: &Item, path: &'p str) -> &'p str {
    let whole = item.record().contains_key(path);
    if whole { path } else { path.split('.').next().unwrap_or(path) }
}

impl RecordView {
    /// The same where verdicts are compared with no label.
    #[must_use]
    pub fn uncompared(self) -> Self {
        Self { label: None, ..self }
    }

    fn shows(&self, meaning: FieldPurpose) -> bool {
        self.shown.iter().any(|shown| looks_like(&shown.name) == Some(meaning))
    }

    /// Filled fields that are left out.
    pub fn hidden(&self) -> &[String] {
        &self.hidden
    }

    /// Fields of one meaning of which only one is shown.
    fn rivals(&self, item: &Item) -> Vec<Hint> {
        let value = |name: &str| item.record().get(name);
        let mut rivals = Vec::new();
        for ShownField { name, fields } in self.shown.iter().filter(|shown| shown.name != "steps") {
            let Some(taken) = fields.first() else { continue };
            let other = self.hidden.iter().find(|other| {
                let same =
                    are_synonyms(name, other) && !["steps", "source"].contains(&other.as_str());
                same && self.label.as_ref() != Some(other) && value(other) != value(taken)
            });
            if let Some(other) = other {
                let taken = fields.join("` and `");
                let list = value(other).is_some_and(Value::is_array);
                let hint = Hint::from(format!(
                    "`{other}` and `{taken}` are both filled: `{taken}` is shown as the {name}; "
                ));
                rivals.push(if name == "answers" && !list {
                    hint.setting("prompt", "score").text(format!(" judges `{other}`"))
                } else {
                    hint.setting("map", format!("{name}={other}")).text(format!(" shows `{other}`"))
                });
            }
        }
        rivals
    }
}

/// Where an answer or a question is no text and no conversation.
fn odd_shape(item: &Item, name: &str) -> Option<Hint> {
    let meaning = looks_like(name)?;
    let own = item.sources(name).first().copied().unwrap_or(name);
    match (meaning, name) {
        (FieldPurpose::Answer, "answers") => {
            let answers = item.candidates();
            let object =
                answers.iter().find(|answer| answer.is_object() && !reads_as_text(answer))?;
            let list = item.sources(name).len() == 1;
            let way = object.as_object().filter(|_| !list).and_then(|map| inner(map, meaning));
            Some(as_json(own, own, way, list))
        }
        (FieldPurpose::Answer | FieldPurpose::Question, _) => {
            let value = item.field(name).filter(|value| !reads_as_text(value))?;
            match &*value {
                Value::Object(map) => Some(as_json(name, own, inner(map, meaning), false)),
                Value::Array(list) if meaning == FieldPurpose::Question => Some(
                    format!("`{own}` is a list of {}, and is shown as JSON", list.len()).into(),
                ),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The field of an object that seems to hold its text.
fn inner(map: &serde_json::Map<String, Value>, meaning: FieldPurpose) -> Option<&String> {
    map.keys().find(|key| looks_like(key) == Some(meaning) || *key == "text" || *key == "content")
}

fn as_json(name: &str, own: &str, inner: Option<&String>, list: bool) -> Hint {
    let what = if list { "holds objects, and each" } else { "is an object, and" };
    let hint = Hint::from(format!("`{own}` {what} is shown as JSON"));
    match inner {
        Some(key) => {
            hint.text("; ").setting("map", format!("{name}={own}.{key}")).text(" shows a part")
        }
        None => hint,
    }
}

fn holds_pictures(item: &Item, view: &RecordView) -> bool {
    let named = |name: &String| {
        let low = name.to_lowercase();
        low.starts_with("image") || low.ends_with("image") || low.ends_with("images")
    };
    let shown = view.shown.iter().flat_map(|shown| &shown.fields);
    let inside = |name: &String| item.record().get(root(item, name)).is_some_and(holds_images);
    view.hidden.iter().any(named) || shown.into_iter().any(inside)
}

/// One line for people.
impl std::fmt::Display for RecordView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const MOST: usize = 12;
        let shown = self.shown.iter().map(|ShownField { name, fields }| match fields.as_slice() {
            [one] if one == name => name.clone(),
            many => format!("{} ({name})", many.join(" and ")),
        });
        let shown: Vec<String> = shown.collect();
        let shown = if shown.is_empty() { "no field".into() } else { shown.join(", ") };
        write!(f, "shown to the judge: {shown}")?;
        if self.lacks_question {
            f.write_str("; no question")?;
        }
        let hidden = self.hidden.iter().map(|name| match &self.label {
            Some(label) if label == name => format!("{name} (compared with the verdict)"),
            _ => name.clone(),
        });
        let hidden: Vec<String> = hidden.take(MOST).collect();
        if hidden.is_empty() {
            return Ok(());
        }
        write!(f, "; not shown: {}", hidden.join(", "))?;
        match self.hidden.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn prompt(name: &str) -> &'static Prompt {
        super::super::built_in().unwrap().iter().find(|prompt| prompt.name() == name).unwrap()
    }

    fn line(name: &str, record: serde_json::Value, map: &str) -> String {
        let map = if map.is_empty() { FieldMap::default() } else { map.parse().unwrap() };
        let item = map.apply(&Item::from(record)).unwrap();
        prompt(name).view(&item, &map).to_string()
    }

    #[test]
    fn the_line_names_what_is_shown_and_what_is_not() {
        for (name, record, map, expected) in [
            (
                "score",
                json!({"id": 1, "question": "q", "answer": "a", "gold": "g", "label": 5}),
                "",
                "shown to the judge: question, answer; not shown: gold, label (compared with the verdict)",
            ),
            (
                "score",
                json!({"user_message": "q", "bot_reply": "r", "gold": "g", "empty": ""}),
                "answer=bot_reply",
                "shown to the judge: bot_reply (answer); no question; not shown: user_message, gold",
            ),
            (
                "score",
                json!({"instruction": "i", "input": "x", "output": "o"}),
                "",
                "shown to the judge: instruction and input (question), output (answer)",
            ),
            (
                "pair",
                json!({"prompt": "q", "chosen": "a", "rejected": "b", "source": "s"}),
                "",
                "shown to the judge: prompt (question), chosen and rejected (answers); not shown: source",
            ),
            (
                "steps",
                json!({"problem": "p", "steps": ["a"], "answer": "a"}),
                "",
                "shown to the judge: problem, steps; not shown: answer",
            ),
            (
                "first-error",
                json!({"problem": "p", "solution": "a"}),
                "",
                "shown to the judge: problem, solution (steps)",
            ),
            (
                "trajectory",
                json!({"conversation": [{"role": "user", "content": "x"}], "tools": [1]}),
                "",
                "shown to the judge: conversation (messages); not shown: tools",
            ),
            (
                "score",
                json!({"output": {"text": "t"}, "label": 1}),
                "answer=output.text,question=output.text",
                "shown to the judge: output.text (question), output.text (answer); not shown: label (compared with the verdict)",
            ),
            (
                "criteria",
                json!({"answer": "a", "criteria": ["kind"]}),
                "",
                "shown to the judge: answer, criteria; no question",
            ),
        ] {
            assert_eq!(line(name, record, map), expected);
        }
    }

    #[test]
    fn what_every_record_is_given_is_no_field_of_the_record() {
        let map = FieldMap::default().filling("criteria", "kind");
        let item = map
            .apply(&Item::from(json!({"answer": "a", "question": "q", "criteria": "own"})))
            .unwrap();
        let view = prompt("score").view(&item, &map);
        assert_eq!(view.to_string(), "shown to the judge: question, answer; not shown: criteria");
    }

    fn notices(name: &str, record: serde_json::Value) -> String {
        let notices = prompt(name).notices(&Item::from(record), &FieldMap::default());
        let flags = |notice: &Hint| notice.worded(|name, value| format!("--{name} {value}"));
        notices.iter().map(flags).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn fields_that_look_useful_are_named_with_the_way_to_show_them() {
        let message = notices("score", json!({"answer": "a", "user_message": "q", "gold": "g"}));
        assert!(message.contains("`user_message` looks like a question, and is not shown: --map question=user_message shows it"), "{message}");
        assert!(
            message.contains("`gold` looks like a reference, and the prompt `score` reads none; `score-reference` reads one"),
            "{message}"
        );
        let message = notices(
            "score",
            json!({"messages": [{"role": "user", "content": "q"}], "answer": "a"}),
        );
        assert!(message.contains("--map question=messages shows it"), "{message}");
        assert_eq!(
            notices(
                "score",
                json!({"question": "q", "answer": "a", "correct": true, "user_id": 3, "model_name": "m"})
            ),
            ""
        );
    }

    #[test]
    fn two_filled_names_of_one_meaning_are_reported() {
        let message = notices("score", json!({"question": "q", "answer": "gold", "response": "r"}));
        assert!(message.contains("`response` and `answer` are both filled"), "{message}");
        assert!(message.contains("--map answer=response"), "{message}");
        assert_eq!(notices("score", json!({"question": "q", "answer": "x", "response": "x"})), "");
        let message =
            notices("pair", json!({"question": "q", "answers": ["a", "b"], "response": "r"}));
        assert!(message.contains("`response` and `answers` are both filled"), "{message}");
        assert!(message.ends_with("--prompt score judges `response`"), "{message}");
    }

    #[test]
    fn shapes_that_are_no_text_and_images_are_reported() {
        let message =
            notices("score", json!({"question": "q", "answer": {"text": "a", "tokens": 3}}));
        assert!(
            message
                .contains("`answer` is an object, and is shown as JSON; --map answer=answer.text"),
            "{message}"
        );
        let message = notices("score", json!({"question": "q", "answer": "a", "image": "x.png"}));
        assert!(message.contains("images"), "{message}");
        let message = notices(
            "pair",
            json!({"question": "q", "chosen": {"answer": "a"}, "rejected": {"answer": "b"}}),
        );
        assert!(
            message.contains(
                "`chosen` is an object, and is shown as JSON; --map chosen=chosen.answer"
            ),
            "{message}"
        );
        let message = notices(
            "rank",
            json!({"question": "q", "answers": [{"text": "a", "rank": 1}, {"text": "b", "rank": 2}]}),
        );
        assert_eq!(message, "`answers` holds objects, and each is shown as JSON");
        let picture = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}]);
        assert!(notices("trajectory", json!({"messages": picture})).contains("images"));
    }
}
