//! Converts conversations to the format that a model was trained on, using its own chat template.
//!
//! A template is a Jinja program in the model's file. It is rendered with placeholder words instead of the
//! texts, so judged text can never act as template code. The output is split at the placeholders, and the
//! texts are inserted between the pieces and tokenized with special tokens disabled. Templates are untrusted
//! too: they are rendered within limits on steps, depth and size.

use std::sync::LazyLock;

use minijinja::{
    Environment, ErrorKind as JinjaErrorKind, Value, context, syntax::SyntaxConfig, value::Serde,
};

use crate::{
    error::{Error, ErrorKind, Result},
    prompt::limits::{LimitExceeded, meter, metered},
    request::{
        Chat, Content, Message, Origin, Part, Request, Role, TemplateVariables, check_variables,
    },
    text::{JudgedTexts, TurnEnd, unfinished_thought, visible_part},
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

/// A part of the model's input.
///
/// The variants differ in which special tokens the tokenizer may recognize in them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Text of the template, whose special tokens are recognized.
    Template(String),
    /// Text of a turn, in which no special token is recognized.
    Content(Vec<Part>),
    /// Text of a raw prompt: special tokens are recognized in the text of the prompt's author.
    Raw(Vec<Part>),
    /// The end of a thinking block in the middle of a turn: a special token if the vocabulary has one.
    Closing(String),
}

/// The most text that a template may print around the turns, in bytes.
const LARGEST: usize = 4 << 20;

/// The open turn that the model is to continue, including what the template prints before it.
pub(super) fn turn(pieces: &[Piece]) -> String {
    let is_template = |piece: &Piece| matches!(piece, Piece::Template(_));
    let start = pieces.iter().rposition(is_template).unwrap_or(0);
    pieces[start..].iter().map(Piece::text).collect()
}

/// Whether the open turn ends inside a thinking block.
pub(super) fn ends_in_thought(pieces: &[Piece]) -> bool {
    unfinished_thought(&turn(pieces), &JudgedTexts::default()).is_some()
}

/// The pieces of an open turn up to a place in it, given in characters from its start: the input of the model
/// before a label at that place.
pub(super) fn up_to(pieces: &[Piece], place: usize) -> Vec<Piece> {
    let is_template = |piece: &Piece| matches!(piece, Piece::Template(_));
    let start = pieces.iter().rposition(is_template).map_or(0, |at| at + 1);
    let mut cut = pieces[..start].to_vec();
    let mut left = place;
    for piece in &pieces[start..] {
        if let Piece::Content(parts) | Piece::Raw(parts) = piece {
            let mut kept = parts.clone();
            for text in kept.iter_mut().filter_map(Part::text_mut) {
                let end = text.char_indices().nth(left).map_or(text.len(), |(at, _)| at);
                text.truncate(end);
                left -= text.chars().count();
            }
            cut.push(match piece {
                Piece::Raw(_) => Piece::Raw(kept),
                _ => Piece::Content(kept),
            });
        } else if left > 0 {
            cut.push(piece.clone());
        }
    }
    cut
}

impl Piece {
    /// The text of the piece, as readers see it.
    fn text(&self) -> String {
        match self {
            Self::Template(text) | Self::Closing(text) => text.clone(),
            Self::Content(parts) | Self::Raw(parts) => parts.iter().map(Part::as_text).collect(),
        }
    }
}

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
            (Some(_), Chat::Model) => self.fold(turns, &request.template)?,
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
    fn fold(&self, turns: &[Message], variables: &TemplateVariables) -> Result<Vec<Piece>> {
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
                match self.render(turns, form, variables) {
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
        variables: &TemplateVariables,
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
    /// Templates are rendered with the start of an answer (`add_generation_prompt`), without tools, and with
    /// the variables from the settings. `around` is put on both sides of every placeholder.
    ///
    /// # Errors
    /// The template has a syntax error, raises an exception, or exceeds its limits.
    fn render_words(
        &self,
        turns: &[Message],
        form: Form,
        variables: &TemplateVariables,
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
            add_generation_prompt => true,
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

/// The texts of the turns that come from the record.
fn data(turns: &[Message]) -> Vec<String> {
    let parts = turns.iter().flat_map(|turn| &turn.parts);
    let data = parts.filter(|part| part.origin == Origin::Data);
    data.map(|part| part.as_text().to_owned()).collect()
}

/// The turns with a blank line between them, for models without a template: a base model continues a
/// document.
fn plain(turns: &[Message]) -> Vec<Part> {
    let between = || Part::text("\n\n", Origin::Prompt);
    let mut parts: Vec<Part> = Vec::new();
    for turn in turns {
        if !parts.is_empty() {
            parts.push(between());
        }
        parts.extend(turn.parts.iter().cloned());
    }
    // A single turn is a text that the model continues, so no blank line follows it.
    let ends_openly = matches!(turns, [_]);
    if !ends_openly {
        parts.push(between());
    }
    parts
}

/// The parts of a turn that follows `before`, split where the prompt's author ends a thinking block. The end
/// is written in the notation of the block that is open there.
fn closed(parts: Vec<Part>, before: &str, judged: &JudgedTexts) -> Vec<Piece> {
    // The notation if no block is open that has its own.
    const USUAL: &str = "</think>";
    let mut pieces = Vec::new();
    let mut text = before.to_owned();
    let mut content = Vec::new();
    for part in parts {
        if part.content == Content::EndOfThinking {
            let end = unfinished_thought(&text, judged).unwrap_or_else(|| USUAL.into());
            text.push_str(&end);
            pieces.push(Piece::Content(std::mem::take(&mut content)));
            pieces.push(Piece::Closing(end));
        } else {
            text.push_str(part.as_text());
            content.push(part);
        }
    }
    pieces.push(Piece::Content(content));
    pieces
}

/// The pieces of a raw prompt, whose author may write special tokens.
fn raw(pieces: Vec<Piece>) -> Vec<Piece> {
    let raw = |piece| match piece {
        Piece::Content(parts) => Piece::Raw(parts),
        other => other,
    };
    pieces.into_iter().map(raw).collect()
}

/// The visible part of a finished turn: models are trained on histories without earlier thinking.
///
/// `trims` is whether the template trims contents. It only trimmed the placeholder, so the text is trimmed
/// here as the template would do.
fn content(turn: &Message, trims: bool, judged: &JudgedTexts) -> Vec<Part> {
    let mut parts = turn.parts.clone();
    let models = parts.iter_mut().filter(|part| part.origin == Origin::Model);
    for text in models.filter_map(Part::text_mut) {
        *text = visible_part(text, judged, TurnEnd::Exact).to_owned();
    }
    parts.retain(|part| !part.is_empty() && part.content != Content::EndOfThinking);
    if trims {
        if let Some(first) = parts.first_mut().and_then(Part::text_mut) {
            *first = first.trim_start().to_owned();
        }
        if let Some(last) = parts.last_mut().and_then(Part::text_mut) {
            *last = last.trim_end().to_owned();
        }
    }
    parts
}

/// The turns with the system text in the first user turn, and adjacent turns of one role joined.
fn folded(turns: &[Message]) -> Vec<Message> {
    let mut folded: Vec<Message> = Vec::new();
    for turn in turns {
        let role = if turn.role == Role::System { Role::User } else { turn.role.clone() };
        match folded.last_mut() {
            Some(last) if last.role == role => {
                last.parts.push(Part::text("\n\n", Origin::Prompt));
                last.parts.extend(turn.parts.iter().cloned());
            }
            _ => folded.push(Message { role, parts: turn.parts.clone() }),
        }
    }
    folded
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::GIVEN_VARIABLES;

    const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    const STRICT: &str = "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] | trim }}[end]{% endfor %}";

    fn template(source: &str) -> ChatTemplate {
        ChatTemplate::new(Some(source.into()), "<bos>".into(), "<eos>".into())
    }

    fn shown(pieces: &[Piece]) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Template(text) | Piece::Closing(text) => format!("⟨{text}⟩"),
            Piece::Content(parts) | Piece::Raw(parts) => parts.iter().map(Part::as_text).collect(),
        };
        pieces.iter().map(text).collect()
    }

    fn asks(messages: Vec<Message>, open: bool) -> Request {
        Request { open, ..Request::generate(messages) }
    }

    #[test]
    fn turns_stand_between_the_templates_own_pieces() {
        let request = asks(vec![Message::new(Role::User, "<|im_end|>", Origin::Data)], false);
        let pieces = template(CHATML).pieces(&request).unwrap();
        assert_eq!(
            shown(&pieces),
            "⟨<|im_start|>user\n⟩<|im_end|>⟨<|im_end|>\n<|im_start|>assistant\n⟩"
        );
    }

    #[test]
    fn turns_of_further_roles_stand_where_the_template_prints_them() {
        let compares = "{% for m in messages %}{% if m.role == 'response_1' %}@first {{ m.content }}{% elif m.role == 'response_2' %}@second {{ m.content }}{% else %}{{ m.role }} {{ m.content }}{% endif %};{% endfor %}";
        let role = |name: &str| Role::from(name.to_owned());
        let turns = vec![
            Message::new(Role::User, "q", Origin::Data),
            Message::new(role("response_1"), "a", Origin::Data),
            Message::new(role("response_2"), "b", Origin::Data),
        ];
        let pieces = template(compares).pieces(&asks(turns.clone(), false)).unwrap();
        assert_eq!(shown(&pieces), "⟨user ⟩q⟨;@first ⟩a⟨;@second ⟩b⟨;⟩");
        let without =
            compares.replace("{% elif m.role == 'response_2' %}@second {{ m.content }}", "");
        let without = without.replace(
            "{% else %}{{ m.role }} {{ m.content }}",
            "{% elif m.role == 'user' %}{{ m.content }}",
        );
        let error = template(&without).pieces(&asks(turns, false)).unwrap_err();
        assert!(error.to_string().contains("turn 3 (response_2)"), "{error}");
    }

    #[test]
    fn an_empty_system_turn_stays_a_turn() {
        let turns = vec![
            Message { role: Role::System, parts: Vec::new() },
            Message::new(Role::User, "q", Origin::Data),
        ];
        let pieces = template(CHATML).pieces(&asks(turns, false)).unwrap();
        assert!(
            shown(&pieces).starts_with("⟨<|im_start|>system\n⟩⟨<|im_end|>\n<|im_start|>user\n⟩q")
        );
    }

    #[test]
    fn an_open_turn_is_continued_and_an_old_one_loses_its_thinking() {
        let turns = vec![
            Message::new(Role::User, "q", Origin::Data),
            Message::new(Role::Assistant, "<think>hm</think>yes", Origin::Model),
            Message::new(Role::User, "sure?", Origin::Prompt),
            Message::new(Role::Assistant, "<think>oh</think>I", Origin::Model),
        ];
        let pieces = template(CHATML).pieces(&asks(turns, true)).unwrap();
        let text = shown(&pieces);
        assert!(text.contains("⟩yes⟨"), "{text}");
        assert!(text.ends_with("assistant\n⟩<think>oh</think>I"), "{text}");
    }

    #[test]
    fn a_template_without_a_system_role_gets_it_in_the_first_user_turn() {
        let turns = vec![
            Message::new(Role::System, "Be fair.", Origin::Prompt),
            Message::new(Role::User, " q ", Origin::Data),
        ];
        let pieces = template(STRICT).pieces(&asks(turns, false)).unwrap();
        assert_eq!(shown(&pieces), "⟨<bos>[user]⟩Be fair.\n\n q⟨[end]⟩");
    }

    #[test]
    fn a_template_that_prints_a_turn_twice_is_refused() {
        let request = asks(vec![Message::new(Role::User, "q", Origin::Data)], false);
        let twice = template("{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}");
        assert_eq!(twice.pieces(&request).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    fn asked(source: &str) -> Result<String> {
        let turns = vec![
            Message::new(Role::System, "Be fair.", Origin::Prompt),
            Message::new(Role::User, "q", Origin::Data),
        ];
        template(source).pieces(&asks(turns, false)).map(|pieces| shown(&pieces))
    }

    #[test]
    fn settings_reach_the_template_and_never_what_the_engine_gives() {
        let source = "{% if enable_thinking is defined and not enable_thinking %}quick:{% endif %}{% for m in messages %}{{ m.content }};{% endfor %}";
        let with = |name: &str| {
            let mut request = asks(vec![Message::new(Role::User, "q", Origin::Data)], false);
            request.template.insert(name.into(), false.into());
            template(source).pieces(&request).map(|pieces| shown(&pieces))
        };
        assert_eq!(with("enable_thinking").unwrap(), "⟨quick:⟩q⟨;⟩");
        for name in GIVEN_VARIABLES {
            let error = with(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn variables_of_a_model_hold_for_every_request_and_change_its_identity() {
        let source = "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking | default(true) %}<think>\n{% endif %}{% endif %}";
        let set = |value: bool| TemplateVariables::from([("enable_thinking".into(), value.into())]);
        let quick = template(source).with(set(false));
        assert!(template(source).opens_thinking() && !quick.opens_thinking());
        assert_ne!(template(source).digest(), quick.digest());
        assert_eq!(
            template(source).digest(),
            template(source).with(TemplateVariables::new()).digest()
        );
        let mut request = asks(vec![Message::new(Role::User, "q", Origin::Data)], false);
        request.template = set(false);
        let asked = |template: &ChatTemplate| shown(&template.pieces(&request).unwrap());
        assert!(!asked(&template(source)).contains("<think>"), "the request's own hold");
        let thinks = template(source).with(set(true));
        assert!(asked(&thinks).ends_with("<think>\n⟩"), "those of the model take precedence");
    }

    /// The text of an open turn, after a template that may have begun it.
    fn ended(opened: &str, parts: Vec<Part>) -> String {
        let source = format!("{CHATML}{{% if add_generation_prompt %}}{opened}{{% endif %}}");
        let turn = Message { role: Role::Assistant, parts };
        let turns = vec![Message::new(Role::User, "Is `<think>` a tag?", Origin::Data), turn];
        let pieces = template(&source).pieces(&asks(turns, true)).unwrap();
        let at = pieces.iter().rposition(|piece| matches!(piece, Piece::Template(_))).unwrap();
        let text = |piece: &Piece| match piece {
            Piece::Closing(end) => format!("({end})"),
            piece => piece.text(),
        };
        pieces[at + 1..].iter().map(text).collect()
    }

    #[test]
    fn a_template_that_opens_thinking_says_so() {
        let opens = |end: &str| {
            let source = format!("{CHATML}{{% if add_generation_prompt %}}{end}{{% endif %}}");
            template(&source).opens_thinking()
        };
        assert!(opens("<|im_start|>assistant\n<think>\n"));
        assert!(!opens("<|im_start|>assistant\n<think>\n\n</think>\n\n"));
        assert!(!opens("<|im_start|>assistant\n"));
    }

    #[test]
    fn thinking_is_ended_in_the_notation_in_which_it_began() {
        let thought = |text: &str| {
            vec![
                Part::text(text, Origin::Model),
                Part::end_of_thinking(),
                Part::text("\n\nScore:", Origin::Prompt),
            ]
        };
        for (opened, text, end) in [
            ("", "<think>hm", "(</think>)"),
            ("", "[THINK]hm", "([/THINK])"),
            ("[THINK]", "hm", "([/THINK])"),
            ("<think>\n", "hm", "(</think>)"),
            (
                "",
                "<|channel|>analysis<|message|>hm",
                "(<|end|><|start|>assistant<|channel|>final<|message|>)",
            ),
        ] {
            assert_eq!(ended(opened, thought(text)), format!("{text}{end}\n\nScore:"));
        }
    }

    #[test]
    fn a_turn_that_is_over_loses_its_thinking_with_its_end() {
        let answer = Message {
            role: Role::Assistant,
            parts: vec![
                Part::text("<think>hm", Origin::Model),
                Part::end_of_thinking(),
                Part::text("7", Origin::Model),
            ],
        };
        let turns = vec![
            Message::new(Role::User, "q", Origin::Data),
            answer,
            Message::new(Role::User, "sure?", Origin::Prompt),
        ];
        let text = shown(&template(CHATML).pieces(&asks(turns, false)).unwrap());
        assert!(text.contains("assistant\n⟩7⟨"), "{text}");
    }

    #[test]
    fn an_open_turn_is_cut_at_a_place_in_characters() {
        let turns = vec![
            Message::new(Role::User, "q", Origin::Data),
            Message {
                role: Role::Assistant,
                parts: vec![Part::text("Schön.", Origin::Model), Part::text(" Ja", Origin::Prompt)],
            },
        ];
        let pieces = template(CHATML).pieces(&asks(turns, true)).unwrap();
        for (place, text) in
            [(0, ""), (4, "Schö"), (6, "Schön."), (8, "Schön. J"), (99, "Schön. Ja")]
        {
            let cut = shown(&up_to(&pieces, place));
            assert!(cut.ends_with(&format!("assistant\n⟩{text}")), "{place}: {cut}");
        }
    }

    #[test]
    fn templates_may_mark_what_is_trained_and_ask_for_tools_that_are_not_there() {
        let marked = "{% for m in messages %}{{ m.role }}:{%- generation -%}  {{ m.content }};{% endgeneration %}\n{% endfor %}";
        assert_eq!(asked(marked).unwrap(), "⟨system:⟩Be fair.⟨;user:⟩q⟨;⟩");
        let tools = "{% if tools is iterable and tools | length > 0 %}{{ tools | tojson(indent=4) }}{% endif %}{% if not tools is defined or tools is none %}-{% endif %}{% for m in messages %}{{ m.content }};{% endfor %}";
        assert_eq!(asked(tools).unwrap(), "⟨-⟩Be fair.⟨;⟩q⟨;⟩");
    }

    #[test]
    fn templates_may_read_contents_as_lists_of_parts() {
        let loops = "{% for m in messages %}[{{ m.role }}]{% for c in m.content %}{% if c.type == 'text' %}{{ c.text }}{% elif c.type == 'image' %}<image>{% endif %}{% endfor %}{% endfor %}";
        assert_eq!(asked(loops).unwrap(), "⟨[system]⟩Be fair.⟨[user]⟩q");
        let first =
            "{% for m in messages %}[{{ m.role }}]{{ m['content'][0]['text'] | trim }}{% endfor %}";
        assert_eq!(asked(first).unwrap(), "⟨[system]⟩Be fair.⟨[user]⟩q");
        let strict = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}[{{ m.role }}]{% for c in m.content %}{{ c['text'] }}{% endfor %}{% endfor %}";
        assert_eq!(asked(strict).unwrap(), "⟨[user]⟩Be fair.\n\nq");
        let both = "{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for c in m.content %}!{{ c.text }}{% endfor %}{% endif %};{% endfor %}";
        assert_eq!(asked(both).unwrap(), "Be fair.⟨;⟩q⟨;⟩");
    }

    #[test]
    fn a_template_without_end_is_refused() {
        let grows = "{% set ns = namespace(l=[1]) %}{% for i in range(99) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{% for m in messages %}{{ m.content }}{% endfor %}";
        let loops =
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}";
        let deep = &format!("{{{{ {}true }}}}{CHATML}", "not ".repeat(50_000));
        let long = &format!("{{{{ messages{} }}}}{CHATML}", ".a".repeat(50_000));
        let nested = "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}";
        for source in [grows, loops, deep, long, nested] {
            assert_eq!(asked(source).unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }

    #[test]
    fn nothing_in_a_turn_is_a_template() {
        let request =
            asks(vec![Message::new(Role::User, "{{ 7 * 7 }}{% raw %}", Origin::Data)], false);
        assert!(
            shown(&template(CHATML).pieces(&request).unwrap()).contains("⟩{{ 7 * 7 }}{% raw %}⟨")
        );
    }
}
