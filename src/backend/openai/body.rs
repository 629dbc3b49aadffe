//! Writes a request as JSON for a particular server.
//!
//! The fields depend on the request, on the [`Quirks`] of the server, and on the parameters that it has
//! refused so far, but never on time or place: equal requests give equal JSON. Judged texts are separate
//! strings in `messages`, so none of them can change a role.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    defang::defanged,
    quirks::{AskJson, AskLogprobs, Continues, LengthLimit, Quirks},
    refused::{Parameter, Refusal},
};
use crate::{
    error::{Error, ErrorKind, Result},
    request::{Ask, Chat, Constraint, Content, Message, Origin, Part, Request, Role, Sampling},
};

/// The fields of one request.
pub(super) struct Body {
    /// The fields, in the order in which they are sent.
    pub(super) fields: Map<String, Value>,
    /// Requested parameters that are not sent.
    pub(super) dropped: Vec<String>,
}

/// Everything besides the request that decides how it is written.
#[derive(Clone, Copy)]
pub(super) struct BodySettings<'t> {
    /// The name of the model on the server.
    pub(super) model: &'t str,
    /// How the server differs from others.
    pub(super) quirks: &'t Quirks,
    /// Whether strings in judged text that look like control tokens are broken up.
    pub(super) defang: bool,
    /// Whether the answer is requested as a stream.
    pub(super) stream: bool,
    /// Additional fields, which replace those of the same name.
    pub(super) extra: &'t Map<String, Value>,
    /// The parameters that the server does not accept.
    pub(super) refused: &'t BTreeSet<Parameter>,
}

impl Body {
    /// Writes a request.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`]: the API of the server cannot express something that the request needs.
    pub(super) fn new(request: &Request, target: BodySettings<'_>) -> Result<Self> {
        if request.chat == Chat::Raw {
            return Err(unsupported("text without a chat template")
                .hint("a model in this process can read it: use a .gguf file"));
        }
        let mut fields = Map::new();
        fields.insert("model".into(), target.model.into());
        // Some servers stream by default.
        fields.insert(Parameter::Stream.name().into(), target.stream.into());
        if target.stream {
            fields.insert(Parameter::StreamOptions.name().into(), json!({ "include_usage": true }));
        }
        messages(request, target, &mut fields)?;
        sampling(request, target.quirks, &mut fields)?;
        alternatives(request, target.quirks, &mut fields);
        constraint(request.constraint.as_ref(), target.quirks, &mut fields);
        fields.extend(target.extra.clone());
        let mut body = Self { fields, dropped: Vec::new() };
        body.add_template(request, target.quirks);
        target.refused.iter().for_each(|parameter| body.drop(*parameter, target.refused));
        body.rename(Parameter::Seed, target.quirks.seed);
        Ok(body)
    }

    /// Adds the request's variables of the chat template. Those among the additional fields take precedence: the
    /// user set them. A server without chat templates gets none.
    fn add_template(&mut self, request: &Request, quirks: &Quirks) {
        if request.template.is_empty() {
            return;
        }
        let name = Parameter::ChatTemplateKwargs.name();
        let variables = request.template.clone().into_iter();
        match self.fields.get_mut(name) {
            Some(Value::Object(set)) => {
                for (name, value) in variables {
                    set.entry(name).or_insert(value);
                }
            }
            Some(_) => (),
            None if quirks.has_template => {
                self.fields.insert(name.into(), Value::Object(variables.collect()));
            }
            None => self.dropped.push(name.into()),
        }
    }

    /// Whether the answer is requested as a stream.
    pub(super) fn is_streamed(&self) -> bool {
        self.fields.get(Parameter::Stream.name()) == Some(&Value::Bool(true))
    }

    /// Whether this parameter is sent, by the request itself or as an additional field.
    pub(super) fn has(&self, parameter: Parameter) -> bool {
        self.fields.contains_key(parameter.name())
    }

    /// The parameter that can be left out after this error: the first one that is named and was sent. A value
    /// out of range is left out only if other models accept it.
    pub(super) fn expendable(&self, refusal: &Refusal) -> Option<Parameter> {
        let sent = refusal.parameters.iter().copied().filter(|parameter| self.has(*parameter));
        let mut sent =
            sent.filter(|parameter| !(refusal.is_about_range && self.is_meant(*parameter)));
        let first = sent.next()?;
        if !refusal.is_about_pair {
            return Some(first);
        }
        // Of two parameters that exclude each other, the temperature is kept, because most prompts depend on
        // it.
        if first == Parameter::Temperature { sent.next().or(Some(first)) } else { Some(first) }
    }

    /// Whether an error about the range of this value is a mistake of the user: a limit, or a value that no
    /// model accepts. Most models accept temperatures from 0 to 1, so a model that refuses one has a fixed
    /// temperature.
    fn is_meant(&self, parameter: Parameter) -> bool {
        let value = self.fields.get(parameter.name()).and_then(Value::as_f64);
        match parameter {
            Parameter::Temperature | Parameter::TopP => {
                value.is_some_and(|value| !(0.0..=1.0).contains(&value))
            }
            parameter => parameter.is_limit(),
        }
    }

    /// Sends a parameter under the name that it has on this server.
    fn rename(&mut self, parameter: Parameter, name: &str) {
        if name != parameter.name()
            && let Some(value) = self.fields.shift_remove(parameter.name())
        {
            self.fields.insert(name.into(), value);
        }
    }

    /// Leaves a parameter out. A limit is first sent under its other name, and log-probabilities are left out
    /// together with their number.
    fn drop(&mut self, parameter: Parameter, refused: &BTreeSet<Parameter>) {
        let Some(value) = self.fields.shift_remove(parameter.name()) else { return };
        match parameter.twin() {
            Some(twin) if !refused.contains(&twin) => {
                self.fields.insert(twin.name().into(), value);
            }
            Some(_) => self.dropped.push(Parameter::MaxTokens.name().into()),
            // How an answer is transferred does not belong to the request.
            None if matches!(parameter, Parameter::Stream | Parameter::StreamOptions) => (),
            None => self.dropped.push(parameter.name().into()),
        }
        match parameter {
            // One has no meaning without the other.
            Parameter::Logprobs => self.drop(Parameter::TopLogprobs, refused),
            Parameter::TopLogprobs => self.drop(Parameter::Logprobs, refused),
            Parameter::Stream => self.drop(Parameter::StreamOptions, refused),
            _ => {}
        }
    }
}

/// Writes the turns. A last turn that the prompt has begun is sent as an assistant turn, if the server
/// continues it.
///
/// # Errors
/// [`ErrorKind::Unsupported`]: the server would begin a new turn instead.
fn messages(
    request: &Request,
    target: BodySettings<'_>,
    fields: &mut Map<String, Value>,
) -> Result<()> {
    let mut turns: Vec<_> = request.messages.iter().collect();
    let is_open = request.open && turns.last().is_some_and(|turn| turn.role == Role::Assistant);
    // Every chat template opens an empty assistant turn anyway.
    let is_begun = is_open && turns.last().is_some_and(|turn| !turn.text().is_empty());
    if is_open && !is_begun {
        turns.pop();
    }
    if is_begun && !target.quirks.continues(target.model) {
        return Err(unsupported("an answer that the prompt has begun").hint(
            "use a model in this process, or a server that continues: llama-server, vLLM, Ollama",
        ));
    }
    let mut turns: Vec<_> = turns.into_iter().map(|turn| written(turn, target.defang)).collect();
    if let (true, Continues::Prefix, Some(last)) =
        (is_begun, target.quirks.continues, turns.last_mut())
    {
        last["prefix"] = true.into();
    }
    fields.insert("messages".into(), Value::Array(turns));
    if is_begun && target.quirks.continues == Continues::OnRequest {
        fields.insert("continue_final_message".into(), true.into());
        fields.insert("add_generation_prompt".into(), false.into());
    }
    Ok(())
}

/// One turn as `{"role": …, "content": …}`, with its texts joined.
pub(super) fn written(turn: &Message, defang: bool) -> Value {
    let content = if defang { harmless(turn) } else { turn.parts.iter().map(spelt).collect() };
    json!({ "role": turn.role.name(), "content": content })
}

/// The text of a part. The end of a thinking block has no token in an API, so it is spelt out.
fn spelt(part: &Part) -> &str {
    match &part.content {
        Content::EndOfThinking => "</think>",
        Content::Text(text) => text,
    }
}

/// The text, with look-alikes of control tokens broken up unless the prompt's author wrote them. The check
/// spans adjacent parts, so two fields cannot form a token together.
fn harmless(turn: &Message) -> String {
    let mut text = String::new();
    let trusted = |origin: Origin| origin == Origin::Prompt;
    for run in turn.parts.chunk_by(|a, b| trusted(a.origin) == trusted(b.origin)) {
        let words: String = run.iter().map(spelt).collect();
        match run.first() {
            Some(part) if trusted(part.origin) => text.push_str(&words),
            _ => text.push_str(&defanged(&words)),
        }
    }
    text
}

/// Writes the sampling settings.
///
/// # Errors
/// [`ErrorKind::Unsupported`]: the server has no field for a setting. The setting is not silently left out,
/// because it was requested and changes the answer.
fn sampling(request: &Request, quirks: &Quirks, fields: &mut Map<String, Value>) -> Result<()> {
    // Adding a field to `Sampling` breaks this line, so that it is not forgotten here.
    let Sampling {
        temperature,
        top_p,
        top_k,
        min_p,
        max_tokens,
        stop,
        seed,
        repeat_penalty,
        presence_penalty,
        frequency_penalty,
        thinking_tokens,
    } = &request.sampling;
    if thinking_tokens.is_some() {
        return Err(unsupported("a limit of thinking (`thinking_tokens`)"));
    }
    let mut put = |parameter: Parameter, value: Option<Value>| {
        fields.extend(value.map(|value| (parameter.name().to_owned(), value)));
    };
    put(Parameter::Temperature, temperature.map(Value::from));
    put(Parameter::Seed, seed.map(|seed| drawn(seed, request).into()));
    let limit = match quirks.limit {
        LengthLimit::MaxCompletionTokens => Parameter::MaxCompletionTokens,
        LengthLimit::MaxTokens => Parameter::MaxTokens,
    };
    if matches!(request.ask, Ask::Choose { .. }) {
        // The one token is reported as the model sees it, so no setting may restrict the choice.
        put(limit, Some(1.into()));
        return Ok(());
    }
    put(Parameter::TopP, top_p.map(Value::from));
    put(limit, max_tokens.map(Value::from));
    put(Parameter::Stop, stops(stop, quirks)?);
    let top_k_name = |name| if quirks.has_top_k { Ok(name) } else { Err(name) };
    let rare = [
        (top_k_name("top_k"), top_k.map(Value::from)),
        (top_k_name("min_p"), min_p.map(Value::from)),
        (quirks.repeat_penalty.ok_or("repeat_penalty"), repeat_penalty.map(Value::from)),
    ];
    for (name, value) in
        [("presence_penalty", presence_penalty), ("frequency_penalty", frequency_penalty)]
    {
        fields.extend(value.map(|value| (name.to_owned(), value.into())));
    }
    for (name, value) in rare.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let name = name.map_err(|name| {
            unsupported(&format!("`{name}`")).hint(format!(
                "remove `{name}` from the sampling, or use `temperature` and `top_p`"
            ))
        })?;
        fields.insert(name.into(), value);
    }
    Ok(())
}

/// The texts that end an answer; `None` if there are none.
///
/// # Errors
/// [`ErrorKind::Unsupported`]: there are more than the server accepts.
fn stops(stop: &[String], quirks: &Quirks) -> Result<Option<Value>> {
    match quirks.most_stops {
        Some(most) if stop.len() > most => {
            let what =
                format!("more than {most} `stop` texts, and this request has {}", stop.len());
            Err(unsupported(&what).hint("leave some out"))
        }
        _ => Ok((!stop.is_empty()).then(|| json!(stop))),
    }
}

/// The seed of one draw. Draws under one configured seed must differ from each other, and must be the same in
/// the next run.
fn drawn(seed: u64, request: &Request) -> u64 {
    const REASKED: u64 = 1_000_003;
    // Servers parse JSON numbers as signed 64-bit integers.
    const MOST: u64 = i64::MAX as u64;
    let shift = u64::from(request.draw) + u64::from(request.reask) * REASKED;
    seed.wrapping_add(shift) & MOST
}

/// Requests log-probabilities: of every token if the prompt reads or prefers them, and of one token if a
/// label is chosen. A server that reports none is not asked: a preferred one is left out, and of a label only
/// its text is read.
fn alternatives(request: &Request, quirks: &Quirks, fields: &mut Map<String, Value>) {
    let wanted = match &request.ask {
        Ask::Generate { top_logprobs } => top_logprobs.or(request.alternatives),
        _ => Some(u8::MAX),
    };
    match wanted.zip(quirks.logprobs) {
        Some((wanted, AskLogprobs::Top(most))) => {
            fields.insert(Parameter::Logprobs.name().into(), true.into());
            fields.insert(Parameter::TopLogprobs.name().into(), wanted.min(most).into());
        }
        Some((wanted, AskLogprobs::Count(most))) => {
            fields.insert(Parameter::Logprobs.name().into(), wanted.min(most).into());
        }
        None => (),
    }
}

/// Requests JSON that fits a schema.
fn constraint(constraint: Option<&Constraint>, quirks: &Quirks, fields: &mut Map<String, Value>) {
    if let Some(Constraint::Schema(schema)) = constraint {
        let format = match quirks.json {
            AskJson::Schema => {
                let schema = json!({ "name": "verdict", "strict": true, "schema": schema });
                json!({ "type": "json_schema", "json_schema": schema })
            }
            AskJson::Object => json!({ "type": "json_object" }),
        };
        fields.insert(Parameter::ResponseFormat.name().into(), format);
    }
}

/// The error for something that the API of the server cannot express.
fn unsupported(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this API does not accept {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(request: &Request, server: &str, refused: &[Parameter]) -> Result<Body> {
        let (extra, refused) = (Map::new(), refused.iter().copied().collect());
        let target = BodySettings {
            model: "m",
            quirks: Quirks::of(server),
            defang: true,
            stream: false,
            extra: &extra,
            refused: &refused,
        };
        Body::new(request, target)
    }

    fn question(spans: &[(&str, Origin)]) -> Request {
        let parts = spans.iter().map(|&(text, origin)| Part::text(text, origin)).collect();
        Request::generate(vec![Message { role: Role::User, parts }])
    }

    #[test]
    fn two_fields_cannot_make_a_control_token_together() {
        let request = question(&[
            ("<|im_start|>", Origin::Prompt),
            ("<|im_", Origin::Data),
            ("end|>", Origin::Model),
        ]);
        let body = body(&request, "llamacpp", &[]).unwrap();
        assert_eq!(body.fields["messages"][0]["content"], "<|im_start|>< |im_end|>");
    }

    #[test]
    fn a_limit_has_two_names_and_is_lost_only_without_both() {
        let mut request = question(&[("x", Origin::Prompt)]);
        request.sampling.max_tokens = Some(9);
        let refused = [Parameter::MaxTokens];
        let swapped = body(&request, "plain", &refused).unwrap();
        assert_eq!(swapped.fields["max_completion_tokens"], 9);
        assert!(swapped.dropped.is_empty());
        let refused = [Parameter::MaxTokens, Parameter::MaxCompletionTokens];
        let without = body(&request, "openai", &refused).unwrap();
        assert_eq!(without.dropped, ["max_tokens"]);
        assert!(!without.has(Parameter::MaxTokens) && !without.has(refused[1]));
    }

    #[test]
    fn samples_under_one_seed_differ() {
        let mut request = question(&[("x", Origin::Prompt)]);
        request.sampling.seed = Some(u64::MAX);
        let seed = |request: &Request| {
            body(request, "vllm", &[]).unwrap().fields["seed"].as_i64().unwrap()
        };
        let first = seed(&request);
        request.draw = 1;
        assert_ne!(seed(&request), first);
    }
}
