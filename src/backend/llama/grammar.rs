//! Texts that must fit a JSON schema.
//!
//! A schema becomes a grammar of llama.cpp (GBNF) on the caller's thread. The engine thread holds its state per text.
//! A grammar is asked about the one token that was chosen; the whole vocabulary is masked only if that token may not
//! follow, because masking costs more than evaluating a small model.

use std::sync::Arc;

use llama_cpp_2::{
    json_schema_to_grammar,
    model::LlamaModel,
    sampling::LlamaSampler,
    token::{LlamaToken, data::LlamaTokenData, data_array::LlamaTokenDataArray},
};
use serde_json::Value;

use super::step::Grammar;
use crate::{
    error::{Error, ErrorKind, Result},
    text::marks_thinking,
};

/// The rule that a text must fit: the schema's own `root`, after a few blanks, which models write before an answer.
const START: &str = "answer";

/// The longest schema that is converted, in bytes.
const LARGEST: usize = 64 << 10;

/// The largest number that may limit a length in a schema. llama.cpp repeats a rule that often, and refuses to do it
/// more often.
const MOST_REPEATED: u64 = 2_000;

/// The exponent of a number in llama.cpp's grammars. It may have 16 digits, and few programs read `1e400`.
const EXPONENT: &str = "([eE] [-+]? integral-part)?";

/// The grammar of a schema: GBNF, to be given to [`Rules::new`].
///
/// # Errors
/// The schema refers to another document, limits a length by a number above 2,000, is longer than 64 KiB, or has
/// something else that llama.cpp cannot convert.
pub(super) fn of_schema(schema: &Value) -> Result<String> {
    let text = schema.to_string();
    if text.len() > LARGEST {
        return Err(unfit(schema, "is longer than 64 KiB"));
    }
    if let Some(fault) = fault(schema, "#") {
        return Err(unfit(schema, &fault));
    }
    let rules = json_schema_to_grammar(&text)
        .map_err(|cause| unfit(schema, "cannot be converted to a grammar").because(cause))?;
    let rules = rules.replace(EXPONENT, "([eE] [-+]? [0-9]{1,2})?");
    Ok(format!("{START} ::= [ \n]{{0,3}} root\n{rules}"))
}

/// The first part of a schema that llama.cpp would refuse without saying where it stands; `at` is the place of `part`.
fn fault(part: &Value, at: &str) -> Option<String> {
    let inner = |(key, value): (String, &Value)| fault(value, &format!("{at}/{key}"));
    match part {
        Value::Object(table) => {
            let foreign = table.get("$ref").and_then(Value::as_str);
            if let Some(target) = foreign.filter(|target| !target.starts_with('#')) {
                return Some(format!("refers to another document, `{target}`, at {at}"));
            }
            for key in ["minLength", "maxLength", "minItems", "maxItems"] {
                let number = table.get(key).and_then(Value::as_u64);
                if let Some(number) = number.filter(|number| *number > MOST_REPEATED) {
                    return Some(format!("has `{key}`: {number} at {at}; 2,000 is the most"));
                }
            }
            table.iter().map(|(key, value)| (key.clone(), value)).find_map(inner)
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(n, item)| (n.to_string(), item)).find_map(inner)
        }
        _ => None,
    }
}

/// The error of a schema that models in this process cannot be held to; it names the schema by its title or its
/// beginning.
fn unfit(schema: &Value, fault: &str) -> Error {
    const SHOWN: usize = 60;
    let named = ["title", "$id"].iter().find_map(|key| schema.get(key).and_then(Value::as_str));
    let text = named.map_or_else(|| schema.to_string(), ToOwned::to_owned);
    let shown: String = text.chars().take(SHOWN).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    let message = format!("the JSON schema `{shown}{more}` {fault}");
    Error::new(ErrorKind::Unsupported, message)
        .hint("simplify the schema, or ask for a verdict line instead of JSON")
}

/// A grammar and how far a text has come in it.
pub(super) struct Rules {
    model: Arc<LlamaModel>,
    sampler: LlamaSampler,
    /// The bytes of a character that is not complete yet.
    pending: Vec<u8>,
}

impl Rules {
    /// The state of an empty text under a grammar of [`of_schema`].
    ///
    /// # Errors
    /// llama.cpp refuses the grammar, for example because it has too many rules.
    pub(super) fn new(model: Arc<LlamaModel>, rules: &str) -> Result<Self> {
        let sampler = LlamaSampler::grammar(&model, rules, START).map_err(|cause| {
            Error::new(ErrorKind::Unsupported, "llama.cpp refuses the grammar of the JSON schema")
                .because(cause)
                .hint("simplify the schema: fewer and shorter repetitions, no `pattern`")
        })?;
        Ok(Self { model, sampler, pending: Vec::new() })
    }

    /// Whether a token stands for text that readers see as the grammar does, and leaves no broken character.
    ///
    /// Control tokens have a spelling for the grammar, but none for readers. A token such as `<think>` inside a string
    /// would be read as thinking, and cut the JSON.
    fn is_text(&self, token: LlamaToken) -> bool {
        let vocab = self.model.vocab();
        if vocab.is_control(token) {
            return false;
        }
        let piece = vocab.token_to_piece(token, false, None);
        let whole = [self.pending.as_slice(), &piece].concat();
        let broken = std::str::from_utf8(&whole).err().and_then(|error| error.error_len());
        let thinks = std::str::from_utf8(&piece).is_ok_and(|text| marks_thinking(text, false));
        !piece.is_empty() && broken.is_none() && !thinks
    }
}

impl Grammar for Rules {
    fn allows(&mut self, token: LlamaToken) -> bool {
        if !self.model.vocab().is_eog(token) && !self.is_text(token) {
            return false;
        }
        let one = vec![LlamaTokenData::new(token, 0.0, 0.0)];
        let mut one = LlamaTokenDataArray::new(one, false);
        self.sampler.apply(&mut one);
        one.data.first().is_some_and(|data| data.logit() > f32::NEG_INFINITY)
    }

    fn mask(&mut self, logits: &mut [f32]) {
        let data = (0_i32..).zip(logits.iter());
        let data = data.map(|(id, logit)| LlamaTokenData::new(LlamaToken(id), *logit, 0.0));
        let mut all = LlamaTokenDataArray::new(data.collect(), false);
        self.sampler.apply(&mut all);
        for data in &all.data {
            let logit = usize::try_from(data.id().0).ok().and_then(|id| logits.get_mut(id));
            if let Some(logit) = logit {
                *logit = data.logit();
            }
        }
    }

    fn accept(&mut self, token: LlamaToken) -> Result<()> {
        self.sampler.try_accept(token).map_err(|cause| {
            super::failed("the grammar refuses a token that it allowed").because(cause)
        })?;
        self.pending.extend(self.model.vocab().token_to_piece(token, false, None));
        let whole = match std::str::from_utf8(&self.pending) {
            Ok(text) => text.len(),
            Err(cut) => cut.valid_up_to(),
        };
        self.pending.drain(..whole);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_becomes_a_grammar_with_its_keys_in_order() {
        let schema = json!({
            "type": "object",
            "properties": {"reason": {"type": "string", "maxLength": 80}, "grade": {"enum": [1, 2]}},
            "required": ["reason", "grade"],
        });
        let rules = of_schema(&schema).unwrap();
        assert!(rules.starts_with("answer ::= [ \n]{0,3} root\n"), "{rules}");
        let (reason, grade) = (rules.find("reason-kv \",\""), rules.find("grade-kv"));
        assert!(rules.contains("grade ::=") && reason.is_some() && grade.is_some(), "{rules}");
    }

    #[test]
    fn numbers_have_exponents_that_every_program_reads() {
        let rules = of_schema(&json!({"type": "number"})).unwrap();
        assert!(rules.contains("[0-9]{1,2}") && !rules.contains(EXPONENT), "{rules}");
    }

    #[test]
    fn what_cannot_be_converted_is_named_with_its_place() {
        let item = json!({"type": "string", "maxLength": 2_001});
        for (schema, expected) in [
            (json!({"title": "Grade", "$ref": "grade.json"}), "`Grade` refers to another document"),
            (
                json!({"properties": {"a": {"items": item}}}),
                "`maxLength`: 2001 at #/properties/a/items",
            ),
            (json!({"anyOf": [{}, {"minItems": 3_000}]}), "`minItems`: 3000 at #/anyOf/1"),
            (json!({"$ref": "#/definitions/none"}), "cannot be converted"),
            (json!({"const": "x".repeat(70_000)}), "longer than 64 KiB"),
        ] {
            let error = of_schema(&schema).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
