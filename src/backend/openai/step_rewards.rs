//! Rewards at the ends of steps, of process reward models behind vLLM's `/pooling`.
//!
//! ```text
//! POST /pooling   {"messages": […], "add_generation_prompt": false, "task": "token_classify", "use_activation": false}
//!     → {"data": [{"data": [[-2.1, 3.4], …]}], "usage": {"prompt_tokens": 57}}
//! POST /tokenize  {"messages": […], "continue_final_message": true, "add_generation_prompt": false}
//!     → {"tokens": [1, 520, …]}
//! ```
//!
//! A model whose step token vLLM knows (pooling type `STEP`, as for `Qwen2ForProcessRewardModel`) has one list of outputs
//! for each step. Any other has one for each token of the prompt; the tokens up to the end of each step then tell which
//! of them are meant.
//!
//! | outputs | the probability that the step is right |
//! |---|---|
//! | two | that of the second one: vLLM divides them already (softmax), or reports logits that are divided here |
//! | one | its sigmoid, as for Skywork-PRM |
//!
//! Versions of vLLM before 0.12 do not know `task` or `use_activation`; the first is left out if it is refused, and whether
//! the outputs are probabilities is seen from their sums.

use serde_json::{Map, Value, json};

use super::{
    labels::{Miss, Server, tokens_in},
    reward::Scored,
};
use crate::{
    completion::{Completion, Usage},
    error::{Error, ErrorKind, Result},
    units::counted,
    verdict::step_reward,
};

/// A conversation whose steps are scored.
pub(super) struct Steps {
    /// The whole conversation.
    pub(super) whole: Scored,
    /// The conversation up to the end of each step.
    pub(super) beginnings: Vec<Scored>,
}

/// The outputs of a head: one list for each step or token.
type Outputs = Vec<Vec<f64>>;

/// The reward of each step.
///
/// # Errors
/// [`ErrorKind::Unsupported`]: the server has no such route, or its model no such head. [`ErrorKind::Model`]: the outputs
/// do not belong to the steps, or are not numbers.
pub(super) async fn ask(server: Server<'_>, model: &str, steps: &Steps) -> Result<Completion> {
    match rewards(server, model, steps).await {
        Ok(completion) => Ok(completion),
        Err(Miss::Failed(error)) => Err(error),
        Err(Miss::Absent(why) | Miss::NotThis(why)) => Err(without_head(server.name, &why)),
    }
}

/// The error for a server that gives no rewards of steps.
pub(super) fn without_head(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("`{name}` gives no rewards of steps: {why}"))
        .hint("serve a process reward model with vLLM (`vllm serve MODEL --runner pooling`), and name it `vllm/MODEL`")
        .hint("or use a prompt that asks for the probability of a sign after each step, such as `math-shepherd`")
}

/// Asks for the outputs, and reads those of the steps.
async fn rewards(server: Server<'_>, model: &str, steps: &Steps) -> Result<Completion, Miss> {
    let answer = pooled(server, model, &steps.whole).await?;
    let count = steps.beginnings.len();
    let outputs =
        outputs(&answer["data"][0]["data"], count).map_err(|why| strange(server, &why))?;
    let read = answer["usage"]["prompt_tokens"].as_u64();
    let are_shares = are_shares(&outputs);
    let places: Vec<usize> = if outputs.len() == count {
        (0..count).collect()
    } else if read == u64::try_from(outputs.len()).ok() {
        places(server, model, steps, outputs.len()).await?
    } else {
        let seen = outputs.len();
        return Err(strange(
            server,
            &format!("it reports {} for {}", counted(seen, "reward"), counted(count, "step")),
        ));
    };
    let reward = |place: usize| probability(&outputs[place], are_shares);
    let rewards: Option<Vec<f64>> = places.into_iter().map(reward).collect();
    let rewards = rewards.ok_or_else(|| {
        let outputs = outputs.first().map_or(0, Vec::len);
        Miss::Absent(format!("its head has {outputs} outputs, and a step has one or two"))
    })?;
    let usage = read.map_or_else(Usage::default, |read| Usage::new(read, 0));
    let distributions = rewards.into_iter().map(step_reward).collect();
    Ok(Completion { usage, distributions, ..Completion::default() })
}

/// The answer of `/pooling`. A version that refuses the task has only one.
async fn pooled(server: Server<'_>, model: &str, scored: &Scored) -> Result<Value, Miss> {
    let mut body = scored.fields(model);
    if body.contains_key("messages") {
        body.insert("add_generation_prompt".into(), false.into());
    }
    body.insert("use_activation".into(), false.into());
    body.insert("activation".into(), false.into());
    let plain = Value::Object(body.clone());
    body.insert("task".into(), "token_classify".into());
    match server.counted().native("/pooling", &Value::Object(body)).await {
        Err(Miss::Absent(_)) => server.counted().native("/pooling", &plain).await,
        answer => answer,
    }
}

/// The outputs in an answer. Heads with one output may have a flat list.
///
/// # Errors
/// They are no numbers, or of different lengths.
fn outputs(data: &Value, steps: usize) -> Result<Outputs, String> {
    let none = || "it reports no outputs of a reward head".to_owned();
    let rows = data.as_array().filter(|rows| !rows.is_empty()).ok_or_else(none)?;
    let number = |(n, value): (usize, &Value)| {
        let finite = value.as_f64().filter(|number| number.is_finite());
        finite.ok_or_else(|| format!("output {} is {value}, which is not a finite number", n + 1))
    };
    if rows.iter().all(|row| !row.is_array()) {
        let flat: Vec<f64> = rows.iter().enumerate().map(number).collect::<Result<_, _>>()?;
        // The only step of a head with two outputs.
        return Ok(if steps == 1 && flat.len() == 2 {
            vec![flat]
        } else {
            flat.into_iter().map(|output| vec![output]).collect()
        });
    }
    let row = |(n, row): (usize, &Value)| -> Result<Vec<f64>, String> {
        let values = row.as_array().ok_or_else(none)?;
        values.iter().map(|value| number((n, value))).collect()
    };
    let outputs: Outputs = rows.iter().enumerate().map(row).collect::<Result<_, _>>()?;
    let width = outputs[0].len();
    if width == 0 || outputs.iter().any(|row| row.len() != width) {
        return Err(none());
    }
    Ok(outputs)
}

/// Whether two outputs were divided by their sum already, as far as half precision shows.
fn are_shares(outputs: &Outputs) -> bool {
    const ROUNDED: f64 = 1e-2;
    outputs.iter().all(|row| {
        let in_range = row.iter().all(|output| (0.0..=1.0).contains(output));
        row.len() == 2 && in_range && (row.iter().sum::<f64>() - 1.0).abs() < ROUNDED
    })
}

/// The probability that a step is right; `None` for a head with more than two outputs.
fn probability(row: &[f64], are_shares: bool) -> Option<f64> {
    match *row {
        [logit] => Some(sigmoid(logit)),
        [_, good] if are_shares => Some(good),
        [bad, good] => Some(sigmoid(good - bad)),
        _ => None,
    }
}

/// 1 / (1 + exp(−x)); of a difference of two logits, softmax.
fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The 0-based tokens with which the steps end.
async fn places(
    server: Server<'_>,
    model: &str,
    steps: &Steps,
    count: usize,
) -> Result<Vec<usize>, Miss> {
    let tokens = |scored: &Scored, is_open: bool| {
        let mut body = scored.fields(model);
        if let Some(text) = body.remove("input") {
            body.insert("prompt".into(), text);
        } else {
            body.insert("continue_final_message".into(), is_open.into());
            body.insert("add_generation_prompt".into(), false.into());
        }
        async move { tokens_in(&server.native("/tokenize", &Value::Object(body)).await?, "tokens") }
    };
    let whole = tokens(&steps.whole, false).await?;
    if whole.len() != count {
        let seen = whole.len();
        return Err(strange(
            server,
            &format!("it reports {} for {}", counted(count, "reward"), counted(seen, "token")),
        ));
    }
    let mut places = Vec::with_capacity(steps.beginnings.len());
    for (n, beginning) in steps.beginnings.iter().enumerate() {
        let tokens = tokens(beginning, true).await?;
        if tokens.is_empty() || !whole.starts_with(&tokens) {
            let why = format!("no token ends where step {} does", n + 1);
            return Err(strange(server, &why));
        }
        places.push(tokens.len() - 1);
    }
    Ok(places)
}

/// The error of outputs that do not belong to the steps.
fn strange(server: Server<'_>, why: &str) -> Miss {
    let error = Error::new(ErrorKind::Model, format!("{}: {why}", server.name)).permanent();
    Miss::Failed(error.hint(
        "does the prompt show the sign of a step that this model was trained with, once after each step? `tribunal prompts render` shows the text",
    ))
}

impl Scored {
    /// The fields of a request about this conversation.
    fn fields(&self, model: &str) -> Map<String, Value> {
        let mut fields = match self {
            Self::Turns(fields) => fields.clone(),
            Self::Text(text) => Map::from_iter([("input".to_owned(), json!(text))]),
        };
        fields.insert("model".into(), model.into());
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &Value, steps: usize) -> Vec<f64> {
        let outputs = outputs(data, steps).unwrap();
        let shares = are_shares(&outputs);
        outputs.iter().map(|row| probability(row, shares).unwrap()).collect()
    }

    fn near(seen: &[f64], expected: &[f64]) -> bool {
        seen.len() == expected.len() && seen.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn the_second_of_two_outputs_is_the_good_one_divided_here_or_there() {
        assert!(near(&read(&json!([[0.25, 0.75], [0.9, 0.1]]), 2), &[0.75, 0.1]));
        // Half precision.
        assert!(near(&read(&json!([[0.000_636_1, 0.999_511_7]]), 1), &[0.999_511_7]));
        let logits = json!([[-1.0, 1.0], [0.4, 0.6]]);
        let expected = [2.0_f64, 0.2].map(sigmoid);
        assert!(near(&read(&logits, 2), &expected), "one pair that adds up to 1 is a coincidence");
    }

    #[test]
    fn one_output_is_a_logit_in_a_list_of_its_own_or_not() {
        let expected = [2.0_f64, -3.0].map(sigmoid);
        assert!(near(&read(&json!([[2.0], [-3.0]]), 2), &expected));
        assert!(near(&read(&json!([2.0, -3.0]), 2), &expected));
        assert!(near(&read(&json!([0.2, 0.8]), 1), &[0.8]), "the only step has two outputs");
    }

    #[test]
    fn what_is_no_finite_number_is_refused_with_its_place() {
        for data in [json!([[0.2, 0.8], [null, 0.5]]), json!([[0.2, 0.8], ["NaN", 0.5]])] {
            assert!(outputs(&data, 2).unwrap_err().contains("output 2"), "{data}");
        }
        for data in [json!(null), json!([]), json!([[0.1], [0.1, 0.9]]), json!("AAAA"), json!([[]])]
        {
            assert!(outputs(&data, 2).is_err(), "{data}");
        }
    }
}
