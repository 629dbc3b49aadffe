//! What a prompt shows the judge of a record, and what it leaves out.
//!
//! The most common mistake is silent: the data call the question something else, and the judge scores answers without
//! ever seeing it. So the first record of a run is summarised in one line, and what looks wrong is reported with the
//! setting that would change it.

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

/// The fields of a record as one prompt uses them: shown, hidden, and compared with the verdict.
///
/// Its text form is one line:
///
/// ```
/// use serde_json::json;
/// use tribunal::{Item, item::FieldMap, prompt};
///
/// let score = prompt::named("score")?.expect("it is built in");
/// let item = Item::from(json!({"question": "2 + 2?", "output": "4", "gold": "4"}));
/// assert_eq!(
///     score.view(&item, &FieldMap::default()).to_string(),
///     "shown to the judge: question, output (answer); not shown: gold"
/// );
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordView {
    /// The fields that are shown, by the prompt's own names.
    shown: Vec<ShownField>,
    /// The record's filled fields that are not shown.
    hidden: Vec<String>,
    /// The hidden field that verdicts are compared with.
    label: Option<String>,
    /// Whether the prompt can show a question and the record has none.
    lacks_question: bool,
}

#[derive(Clone, Debug, PartialEq)]
/// One field of the prompt, and where its value comes from.
struct ShownField {
    /// The prompt's own name.
    name: String,
    /// The record's fields, or paths into it, that it is read from.
    fields: Vec<String>,
}

impl Prompt {
    /// What the judge is shown of an item, which was mapped by `map`.
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

    /// The fields that reach the judge: those that the body uses, and the one whose elements it is run for.
    pub fn read_names(&self) -> Vec<&str> {
        let each = self.front.each;
        let of_element = |name: &str| each.and_then(Each::shadowed) == Some(name);
        let fields = self.fields.iter().map(|field| field.name.as_str());
        let mut names: Vec<&str> =
            fields.filter(|name| self.prints(name) && !of_element(name)).collect();
        names.extend(each.map(Each::field).filter(|field| !names.contains(field)));
        names
    }

    /// Whether one of the answers that the judge is shown is blank.
    #[cfg(feature = "cli")]
    pub fn shows_empty_answer(&self, item: &Item) -> bool {
        let names = self.read_names();
        if names.contains(&Each::Answers.field()) {
            return item.has_blank_answer();
        }
        let blank = |name: &&str| item.field(name).is_some_and(|value| !is_filled(&value));
        names.iter().any(|name| is_answer(name) && blank(name))
    }

    /// Whether the prompt shows a field for this purpose.
    fn reads_meaning(&self, meaning: FieldPurpose) -> bool {
        self.read_names().iter().any(|name| looks_like(name) == Some(meaning))
    }

    /// Warnings about fields that are left out or shown in an unexpected form, each with the setting that would change
    /// it.
    pub fn notices(&self, item: &Item, map: &FieldMap) -> Vec<Hint> {
        let view = self.view(item, map);
        let mut notices = view.rivals(item);
        notices.extend(self.overlooked(item, &view, &notices));
        notices.extend(self.read_names().iter().filter_map(|name| odd_shape(item, name)));
        if holds_pictures(item, &view) {
            notices.push("the record holds images, which the judge is not shown".into());
        }
        notices
    }

    /// The built-in prompt for verdicts of the same kind that shows a field for this purpose.
    fn neighbour_for(&self, meaning: FieldPurpose) -> Option<&'static str> {
        let fits = |prompt: &&std::sync::Arc<Prompt>| {
            let front = prompt.front();
            front.kind == self.front.kind
                && front.models.is_empty()
                && prompt.reads_meaning(meaning)
        };
        super::built_in().ok()?.iter().find(fits).map(|prompt| prompt.name())
    }

    /// Warnings about hidden fields that look like a question, a context or a reference, where the judge is shown none.
    /// Fields that `earlier` warnings name are left out.
    fn overlooked(&self, item: &Item, view: &RecordView, earlier: &[Hint]) -> Vec<Hint> {
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

/// The field that verdicts are compared with.
const LABEL: &str = "label";

/// The item's own fields for a prompt's field; for a list of answers also a single answer.
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
    /// The same view for a run that compares verdicts with no label.
    #[must_use]
    pub fn uncompared(self) -> Self {
        Self { label: None, ..self }
    }

    /// Whether a field for this purpose is shown.
    fn shows(&self, meaning: FieldPurpose) -> bool {
        self.shown.iter().any(|shown| looks_like(&shown.name) == Some(meaning))
    }

    /// The record's filled fields that are not shown, in the order of the record.
    pub fn hidden(&self) -> &[String] {
        &self.hidden
    }

    /// Warnings about filled synonyms of which only one is shown.
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

/// A warning about an answer or a question that is neither a text nor a conversation.
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

/// The key of an object that seems to hold its text.
fn inner(map: &serde_json::Map<String, Value>, meaning: FieldPurpose) -> Option<&String> {
    map.keys().find(|key| looks_like(key) == Some(meaning) || *key == "text" || *key == "content")
}

/// The warning about a value that is shown as JSON, with the setting that shows a part of it.
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

/// Whether the record holds images, which judges of text are not shown.
fn holds_pictures(item: &Item, view: &RecordView) -> bool {
    let named = |name: &String| {
        let low = name.to_lowercase();
        low.starts_with("image") || low.ends_with("image") || low.ends_with("images")
    };
    let shown = view.shown.iter().flat_map(|shown| &shown.fields);
    let inside = |name: &String| item.record().get(root(item, name)).is_some_and(holds_images);
    view.hidden.iter().any(named) || shown.into_iter().any(inside)
}

/// One line: `shown to the judge: question, output (answer); not shown: gold`.
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
