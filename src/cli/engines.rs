//! What the engines of models in this process did in a run: for people, for `run.json` and for `--summary`.
//!
//! ```text
//! tiny: 380 prompt tokens evaluated (at least 371 needed), 96 tokens written, 120 calls of llama.cpp
//! ```

use serde_json::{Value, json};

use super::note;
use tribunal::{backend::EngineFigures, models::Models, report::escaped};

/// The figures as keys of a table: `engine`, the sums over all models in this process, and `engines`, those of each
/// where there are several. Empty if no model in this process was asked.
pub(super) fn keys(models: &Models) -> Vec<(&'static str, Value)> {
    let engines = models.engines();
    let each = || engines.iter().map(|(_, figures)| figures);
    let Some(total) = each().map(shown).reduce(|a, b| added(&a, &b)) else { return Vec::new() };
    let mut keys = vec![("engine", total)];
    if engines.len() > 1 {
        let named = engines.iter().map(|(name, figures)| {
            let mut table = shown(figures);
            table["model"] = name.as_str().into();
            table
        });
        keys.push(("engines", named.collect()));
    }
    keys
}

/// Prints what the engines did, a line for each.
pub(super) fn print(models: &Models) {
    for (name, figures) in models.engines() {
        note(&line(&name, &figures));
    }
    #[cfg(feature = "llama")]
    if let times @ 1.. = models.exchanges() {
        note(&format!(
            "the models in this process do not fit into memory together: {times} times one was unloaded and loaded again"
        ));
    }
}

/// The figures that results hold.
fn shown(figures: &EngineFigures) -> Value {
    json!({
        "prompt_tokens": figures.prompt_tokens,
        "prompt_tokens_evaluated": figures.prompt_tokens_evaluated,
        "prompt_tokens_minimum": figures.prompt_tokens_minimum,
        "generated_tokens": figures.generated_tokens,
        "decode_calls": figures.decode_calls,
        "width": figures.width,
        "kv_cells_peak": figures.kv_cells_peak,
        "kv_bytes": figures.kv_bytes,
    })
}

/// The sums of two tables of figures; unknown where one of them is.
fn added(a: &Value, b: &Value) -> Value {
    let sum = |(key, a): (&String, &Value)| {
        let sum = a.as_u64().zip(b[key].as_u64()).map(|(a, b)| a + b);
        (key.clone(), sum.into())
    };
    Value::Object(a.as_object().into_iter().flatten().map(sum).collect())
}

/// The figures of one model for people.
fn line(name: &str, figures: &EngineFigures) -> String {
    let EngineFigures { prompt_tokens_evaluated, generated_tokens, decode_calls, .. } = figures;
    let least = figures.prompt_tokens_minimum.map(|least| format!(" (at least {least} needed)"));
    let least = least.unwrap_or_default();
    format!(
        "{}: {prompt_tokens_evaluated} prompt tokens evaluated{least}, {generated_tokens} tokens written, {decode_calls} calls of llama.cpp",
        escaped(name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_models_are_summed_and_what_one_does_not_know_is_unknown() {
        let a = json!({"prompt_tokens": 3, "prompt_tokens_minimum": 2});
        let b = json!({"prompt_tokens": 4, "prompt_tokens_minimum": null});
        assert_eq!(added(&a, &b), json!({"prompt_tokens": 7, "prompt_tokens_minimum": null}));
    }

    #[test]
    fn a_line_says_how_much_was_shared() {
        let figures = EngineFigures::default();
        let line = line("tiny", &figures);
        let expected = "tiny: 0 prompt tokens evaluated, 0 tokens written, 0 calls of llama.cpp";
        assert_eq!(line, expected);
    }
}
