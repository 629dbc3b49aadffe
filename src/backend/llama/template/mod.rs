//! Converts conversations to the format that a model was trained on, using its own chat template.
//!
//! A template is a Jinja program in the model's file. It is rendered with placeholder words instead of the
//! texts, so judged text can never act as template code. The output is split at the placeholders, and the
//! texts are inserted between the pieces and tokenized with special tokens disabled. Templates are untrusted
//! too: they are rendered within limits on steps, depth and size.

mod pieces;
#[cfg(test)]
mod tests;

pub(super) use pieces::{Piece, ends_in_thought, turn, up_to};

use std::sync::LazyLock;

use minijinja::{
    Environment, ErrorKind as JinjaErrorKind, Value, context, syntax::SyntaxConfig, value::Serde,
};

use self::pieces::{closed, content, data, folded, plain, raw};
use crate::{
    error::{Error, ErrorKind, Result},
    prompt::limits::{LimitExceeded, meter, metered},
    request::{Ask, Chat, Message, Origin, Request, Role, TemplateVariables, check_variables},
    text::JudgedTexts,
};

/// A chat template from a GGUF file.
#[derive(Clone, Debug)]
pub(super) struct ChatTemplate {
    /// The Jinja source in the file; `None` if there is no usable one.
    source: Option<String>,
    /// The source as it is rendered, within the limits for untrusted templates.
    rendered: Result<String, LimitExceeded>,
    /// The text of the begin-of-sequence token, for templates that print it.
    bos: String,
    /// The text of the end-of-turn token.
    eos: String,
    /// The variables of every conversation.
    variables: TemplateVariables,
}

/// The most text that a template may print around the turns, in bytes.
const LARGEST: usize = 4 << 20;

/// How a template expects the content of turns.
#[derive(Clone, Copy)]
enum Form {
    /// As a string.
    Text,
    /// As a list with one text part, as templates of models with image input expect.
    Parts,
}

impl ChatTemplate {
    /// A template from a model's file, with the texts of its begin and end tokens. A source without `{` is
    /// the name of a built-in template of llama.cpp, and is ignored.
    pub(super) fn new(source: Option<String>, bos: String, eos: String) -> Self {
        let source = source.filter(|source| source.contains('{'));
        let rendered = metered(&without_marks(source.as_deref().unwrap_or_default()));
        Self { source, rendered, bos, eos, variables: TemplateVariables::new() }
    }

    /// The template with these variables, which take precedence over those of a request.
    pub(super) fn with(self, variables: TemplateVariables) -> Self {
        Self { variables, ..self }
    }

    /// The digest of the template and its variables, which is part of the model's identity.
    pub(super) fn digest(&self) -> String {
        let source = self.source.as_deref().unwrap_or("no template");
        let mut hasher = blake3::Hasher::new();
        hasher.update(source.as_bytes());
        if !self.variables.is_empty() {
            hasher.update(serde_json::to_string(&self.variables).unwrap_or_default().as_bytes());
        }
        hasher.finalize().to_hex()[..8].to_owned()
    }

    /// Whether an answer begins inside a thinking block that the template opens.
    pub(super) fn opens_thinking(&self) -> bool {
        let question = Message::new(Role::User, "?", Origin::Prompt);
        let pieces = self.pieces(&Request::generate(vec![question]));
        pieces.is_ok_and(|pieces| ends_in_thought(&pieces))
    }

    /// The model's input for a request, in order: pieces of the template, with the contents of the turns
    /// between them. For a raw request or a model without a template, these are the texts with blank lines
    /// between the turns.
    ///
    /// # Errors
    /// The template refuses the conversation, or exceeds its limits.
    pub(super) fn pieces(&self, request: &Request) -> Result<Vec<Piece>> {
        let (turns, opened) = match (request.open, request.messages.split_last()) {
            (true, Some((last, turns))) if request.chat == Chat::Model => (turns, Some(last)),
            _ => (request.messages.as_slice(), None),
        };
        let data = data(&request.messages);
        let judged = JudgedTexts::new(&data);
        let mut pieces = match (&self.source, request.chat) {
            (Some(_), Chat::Model) => {
                // A reward head reads the turns as they are, and no start of an answer.
                let begins = opened.is_some() || !matches!(request.ask, Ask::Reward);
                self.fold(turns, &request.template, begins)?
            }
            (None, Chat::Model) => closed(plain(turns), "", &judged),
            (_, Chat::Raw) => raw(closed(plain(turns), "", &judged)),
        };
        if let Some(message) = opened {
            // The template may have opened the thinking block.
            let before = match pieces.last() {
                Some(Piece::Template(text)) => text.clone(),
                _ => String::new(),
            };
            pieces.extend(closed(message.parts.clone(), &before, &judged));
        }
        Ok(pieces)
    }

    /// Inserts the turns into the template, in the first of four forms that it accepts.
    ///
    /// The turns are tried unchanged first. Then the system text is moved into the first user turn and
    /// adjacent turns of one role are joined, for templates without a system role or with strictly
    /// alternating roles. Each form is tried with contents as strings, and then as lists of parts.
    /// `begins` is whether the start of an answer follows.
    fn fold(
        &self,
        turns: &[Message],
        variables: &TemplateVariables,
        begins: bool,
    ) -> Result<Vec<Piece>> {
        check_variables(variables, ErrorKind::Config)?;
        let mut all = variables.clone();
        all.extend(self.variables.clone());
        let variables = &all;
        let folded = folded(turns);
        let tries = [turns, &folded];
        let tries = if folded == turns { &tries[..1] } else { &tries[..] };
        let mut refusal = None;
        for turns in tries {
            for form in [Form::Text, Form::Parts] {
                match self.render(turns, form, (variables, begins)) {
                    Ok(pieces) => return Ok(pieces),
                    // The first refusal is about the conversation as it was requested.
                    Err(error) => _ = refusal.get_or_insert(error),
                }
            }
        }
        Err(refusal.unwrap_or_else(|| refused("the chat template of this model prints nothing")))
    }

    /// Renders the template twice, once with blanks around the contents, to find out whether it trims them.
    /// Then replaces the placeholders by the turns.
    ///
    /// # Errors
    /// The template refuses the conversation, or prints a turn twice or not at all.
    fn render(
        &self,
        turns: &[Message],
        form: Form,
        variables: (&TemplateVariables, bool),
    ) -> Result<Vec<Piece>> {
        let bare = self.render_words(turns, form, variables, "")?;
        let padded = self.render_words(turns, form, variables, "  ")?;
        let data = data(turns);
        let judged = JudgedTexts::new(&data);
        let mut pieces = Vec::new();
        let mut rest = bare.as_str();
        for (n, turn) in turns.iter().enumerate() {
            let word = word(n);
            let (Some((before, after)), None) = (rest.split_once(&word), rest.split(&word).nth(2))
            else {
                let role = turn.role.name();
                return Err(refused(&format!(
                    "the chat template of this model does not print turn {} ({role}) exactly once",
                    n + 1
                )));
            };
            pieces.push(Piece::Template(before.to_owned()));
            let trims = !padded.contains(&format!("  {word}"));
            pieces.push(Piece::Content(content(turn, trims, &judged)));
            rest = after;
        }
        pieces.push(Piece::Template(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Template(String::new()));
        Ok(pieces)
    }

    /// The template rendered with placeholder words instead of the turns; it never receives the text of a
    /// turn.
    ///
    /// Templates are rendered with the start of an answer (`add_generation_prompt`) unless a reward head reads the
    /// conversation, without tools, and with the variables from the settings. `around` is put on both sides of every placeholder.
    ///
    /// # Errors
    /// The template has a syntax error, raises an exception, or exceeds its limits.
    fn render_words(
        &self,
        turns: &[Message],
        form: Form,
        (variables, begins): (&TemplateVariables, bool),
        around: &str,
    ) -> Result<String> {
        let content = |n: usize| {
            let text = format!("{around}{}{around}", word(n));
            match form {
                Form::Text => Value::from(text),
                Form::Parts => Value::from(vec![context! { type => "text", text }]),
            }
        };
        let messages: Vec<Value> = turns
            .iter()
            .enumerate()
            .map(|(n, turn)| context! { role => turn.role.name(), content => content(n) })
            .collect();
        let exceeded = |LimitExceeded { line, message }: &LimitExceeded| {
            refused(&format!("the chat template of this model is refused: line {line}: {message}"))
        };
        let source = self.rendered.as_ref().map_err(exceeded)?;
        let values = context! {
            messages,
            add_generation_prompt => begins,
            bos_token => self.bos.clone(),
            eos_token => self.eos.clone(),
            tools => Value::from(()),
            ..Value::from(Serde(variables)),
        };
        let refuses = "the chat template of this model refuses the conversation";
        match environment().render_str(source, values) {
            Ok(text) if text.len() > LARGEST => {
                Err(refused("the chat template of this model prints more than 4 MiB"))
            }
            rendered => rendered.map_err(|cause| refused(refuses).because(cause)),
        }
    }
}

/// The error for a template that cannot be used, with a hint at a workaround.
fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Unsupported, message)
        .hint("give the prompt the key `chat: raw` to send plain text")
}

/// The template without the tags that mark training text (`{% generation %}` of the library transformers).
/// They print nothing, and minijinja does not support them.
fn without_marks(source: &str) -> String {
    static MARKS: LazyLock<regex::Regex> = LazyLock::new(|| {
        #[expect(clippy::unwrap_used, reason = "the pattern is a constant")]
        regex::Regex::new(r"(\{%[-+]?\s*)(end)?generation(\s*[-+]?%\})").unwrap()
    });
    let same = |found: &regex::Captures<'_>| {
        let tag = if found.get(2).is_some() { "endif" } else { "if true" };
        format!("{}{tag}{}", &found[1], &found[3])
    };
    MARKS.replace_all(source, same).into_owned()
}

/// The placeholder for a turn: letters and digits only, so that `trim`, `split` and `startswith` do not
/// change it.
fn word(n: usize) -> String {
    format!("Zq{n}xKvWmTjRbUd{n}qZ")
}

/// An environment for the Jinja dialect of chat templates.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    if let Ok(syntax) = syntax.build() {
        environment.set_syntax(syntax);
    }
    meter(&mut environment);
    // As in Python, `none` is not iterable.
    environment.add_test("iterable", |value: &Value| !value.is_none() && value.try_iter().is_ok());
    environment.add_function(
        "raise_exception",
        |message: String| -> Result<(), minijinja::Error> {
            Err(minijinja::Error::new(JinjaErrorKind::InvalidOperation, message))
        },
    );
    // A template that prints today's date would change the model every day.
    environment.add_function("strftime_now", |_: String| "1 January 2025".to_owned());
    environment
}
