//! What of a prompt no cache of beginnings can reuse, because a text that differs from record to record stands before
//! it.
//!
//! Providers and engines keep the beginnings of prompts that they have read. What follows the first difference is read,
//! and paid for, again for every record.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::{Prompt, check::compiled};
use crate::item::Item;

/// The tokens of the prompt's own text after a field that are worth a warning: more than published prompts have there.
const MOST_TEXT: usize = 512;

/// The same for the value of a field: a quarter of what most providers keep at least.
const MOST_VALUE: usize = 256;

/// The usual bytes of a token.
const BYTES: usize = 4;

/// A tag or a comment of a template.
static TAG: LazyLock<Regex> = LazyLock::new(|| compiled(r"(?s)\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}"));

/// A name within a tag.
static NAME: LazyLock<Regex> = LazyLock::new(|| compiled(r"\b[a-z_][a-z0-9_]*\b"));

/// Where a field is first used.
struct FieldPlace<'p> {
    name: &'p str,
    line: usize,
    /// The bytes of the prompt's own text before it.
    before: usize,
}

impl Prompt {
    /// Warnings about long texts that are the same for every record and stand after a field that differs, one line
    /// each.
    ///
    /// Which fields differ is seen from `items`; without any, all count as different. A prompt for certain models is
    /// exempt: they were trained on its form.
    ///
    /// ```
    /// use tribunal::{Item, Prompt};
    ///
    /// let file = "---\nkind: label\nfields: {answer: required, policy: required}\nverdict: 'Label: *'\n---\n\
    ///     user:\n{{ answer }}\n{{ policy }}\nLabel:\n";
    /// let prompt = Prompt::parse("mine.jinja", file)?;
    /// let items = ["a", "b"].map(|answer| Item::new().answer(answer).set("policy", "No insults. ".repeat(100)));
    /// let warnings = prompt.late_texts(&items);
    /// assert!(warnings[0].starts_with("line 7: `answer` differs from record to record"), "{warnings:?}");
    /// # Ok::<_, tribunal::Error>(())
    /// ```
    #[doc(hidden)]
    pub fn late_texts(&self, items: &[Item]) -> Vec<String> {
        if !self.front.models.is_empty() {
            return Vec::new();
        }
        let (places, all) = self.places();
        let values = |name: &str| {
            let of = |item: &Item| self.bound(item, name).map(|value| value.to_string());
            items.iter().map(of).collect::<BTreeSet<_>>()
        };
        // Records come in groups, so that a field of a few values is neither.
        let differs =
            |place: &&FieldPlace<'_>| items.len() < 2 || 2 * values(place.name).len() > items.len();
        let mut places = places.iter();
        let Some(first) = places.find(differs) else { return Vec::new() };
        let mut warnings = Vec::new();
        let FieldPlace { name, line, before } = first;
        let text = (all - before) / BYTES;
        if text >= MOST_TEXT {
            warnings.push(format!(
                "line {line}: `{name}` differs from record to record and stands before about {text} tokens of text that \
                 are always the same, so that no prompt cache can reuse them: move them before it, such as into a turn `system:`"
            ));
        }
        for late in places {
            let values = values(late.name);
            let length = match values.first() {
                Some(Some(value)) if values.len() == 1 && items.len() > 1 => value.len() / BYTES,
                _ => 0,
            };
            if length >= MOST_VALUE {
                warnings.push(format!(
                    "line {line}: `{name}` differs from record to record and stands before `{}`, which is the same in \
                     all: no prompt cache can reuse about {length} tokens of it; print it before `{name}`",
                    late.name
                ));
            }
        }
        warnings
    }

    /// Where each field is first used before the first answer, and the bytes of the prompt's own text up to there.
    fn places(&self) -> (Vec<FieldPlace<'_>>, usize) {
        let mut places: Vec<FieldPlace<'_>> = Vec::new();
        let (mut text, mut end) = (0, 0);
        for tag in TAG.find_iter(&self.body) {
            text += self.body[end..tag.start()].trim().len();
            end = tag.end();
            let names: BTreeSet<&str> =
                NAME.find_iter(tag.as_str()).map(|name| name.as_str()).collect();
            if ["gen", "choose", "probe"].iter().any(|ask| names.contains(ask)) {
                return (places, text);
            }
            let line = self.lines_before + self.body[..tag.start()].matches('\n').count() + 1;
            for field in self.fields.iter().filter(|field| names.contains(field.name.as_str())) {
                if places.iter().all(|place| place.name != field.name) {
                    places.push(FieldPlace { name: &field.name, line, before: text });
                }
            }
        }
        (places, text + self.body[end..].trim().len())
    }
}
