//! Conversations as a model was trained to read them: its own chat template, piece by piece.

use minijinja::{Environment, ErrorKind as JinjaErrorKind, Value, context, syntax::SyntaxConfig};

use crate::{
    error::{Error, ErrorKind, Result},
    request::{Chat, Message, Origin, Request, Role, Span},
    verdict::visible,
};

/// A chat template out of a GGUF.
#[derive(Clone, Debug)]
pub(super) struct ChatTemplate {
    source: Option<String>,
    bos: String,
    eos: String,
}

/// A part of the model's input.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Text of the template: its special tokens are tokens.
    Template(String),
    /// Text of a turn: nothing in it is special.
    Content(Vec<Span>),
}

/// A template that loops is stopped.
const FUEL: u64 = 1_000_000;

impl ChatTemplate {
    pub(super) fn new(source: Option<String>, bos: String, eos: String) -> Self {
        Self { source: source.filter(|source| source.contains('{')), bos, eos }
    }

    /// Names the template in the model's identity: another template is another model.
    pub(super) fn digest(&self) -> String {
        let source = self.source.as_deref().unwrap_or("no template");
        blake3::hash(source.as_bytes()).to_hex()[..8].to_owned()
    }

    /// The model's input for a request, in order.
    pub(super) fn pieces(&self, request: &Request) -> Result<Vec<Piece>> {
        let (turns, opened) = match (request.open, request.messages.split_last()) {
            (true, Some((last, turns))) if request.chat == Chat::Model => (turns, Some(last)),
            _ => (request.messages.as_slice(), None),
        };
        let mut pieces = match (&self.source, request.chat) {
            (Some(source), Chat::Model) => self.fold(source, turns)?,
            _ => plain(turns),
        };
        pieces.extend(opened.map(|message| Piece::Content(message.spans.clone())));
        Ok(pieces)
    }

    /// Tries the turns as they are; then with the system text in the first user turn and neighbours of
    /// one role joined, as templates without a system role and with strict alternation want it.
    fn fold(&self, source: &str, turns: &[Message]) -> Result<Vec<Piece>> {
        self.render(source, turns).or_else(|refusal| {
            let folded = folded(turns);
            if folded == turns { Err(refusal) } else { self.render(source, &folded) }
        })
    }

    fn render(&self, source: &str, turns: &[Message]) -> Result<Vec<Piece>> {
        let bare = self.render_words(source, turns, "")?;
        let padded = self.render_words(source, turns, "  ")?;
        let mut pieces = Vec::new();
        let mut rest = bare.as_str();
        for (n, turn) in turns.iter().enumerate() {
            let word = word(n);
            let (Some((before, after)), None) = (rest.split_once(&word), rest.split(&word).nth(2))
            else {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "the chat template of this model does not print turn {} exactly once",
                        n + 1
                    ),
                )
                .hint("give the prompt the key `chat: raw` to send plain text"));
            };
            pieces.push(Piece::Template(before.to_owned()));
            let trims = !padded.contains(&format!("  {word}"));
            pieces.push(Piece::Content(content(turn, trims)));
            rest = after;
        }
        pieces.push(Piece::Template(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Template(String::new()));
        Ok(pieces)
    }

    /// The template around words that stand for the turns; no text of a turn ever meets it.
    fn render_words(&self, source: &str, turns: &[Message], around: &str) -> Result<String> {
        let messages: Vec<Value> = turns
            .iter()
            .enumerate()
            .map(|(n, turn)| context! { role => turn.role.name(), content => format!("{around}{}{around}", word(n)) })
            .collect();
        let refused = |cause: minijinja::Error| {
            Error::new(
                ErrorKind::Unsupported,
                "the chat template of this model refuses the conversation",
            )
            .because(cause)
        };
        let values = context! {
            messages,
            add_generation_prompt => true,
            bos_token => self.bos.clone(),
            eos_token => self.eos.clone(),
            tools => Value::from(()),
        };
        environment().render_str(source, values).map_err(refused)
    }
}

/// Letters and digits only, so that `trim`, `split` and `startswith` leave it alone.
fn word(n: usize) -> String {
    format!("Zq{n}xKvWmTjRbUd{n}qZ")
}

/// Without a template, turns follow one another with a blank line between.
fn plain(turns: &[Message]) -> Vec<Piece> {
    let between = Span { text: "\n\n".into(), origin: Origin::Prompt };
    let mut spans: Vec<Span> = Vec::new();
    for turn in turns {
        if !spans.is_empty() {
            spans.push(between.clone());
        }
        spans.extend(turn.spans.iter().cloned());
    }
    let ends_openly = matches!(turns, [_]);
    if !ends_openly {
        spans.push(between);
    }
    vec![Piece::Content(spans)]
}

/// What is shown of a turn that is over: models are trained on histories without old thinking.
fn content(turn: &Message, trims: bool) -> Vec<Span> {
    let mut spans = turn.spans.clone();
    for span in spans.iter_mut().filter(|span| span.origin == Origin::Model) {
        span.text = visible(&span.text).to_owned();
    }
    spans.retain(|span| !span.text.is_empty());
    if trims {
        if let Some(first) = spans.first_mut() {
            first.text = first.text.trim_start().to_owned();
        }
        if let Some(last) = spans.last_mut() {
            last.text = last.text.trim_end().to_owned();
        }
    }
    spans
}

fn folded(turns: &[Message]) -> Vec<Message> {
    let mut folded: Vec<Message> = Vec::new();
    for turn in turns {
        let role = if turn.role == Role::System { Role::User } else { turn.role };
        match folded.last_mut() {
            Some(last) if last.role == role => {
                last.spans.push(Span { text: "\n\n".into(), origin: Origin::Prompt });
                last.spans.extend(turn.spans.iter().cloned());
            }
            _ => folded.push(Message { role, spans: turn.spans.clone() }),
        }
    }
    folded
}

/// The same input with more of the author's text at its end.
pub(super) fn continued(pieces: &[Piece], text: &str) -> Vec<Piece> {
    let mut pieces = pieces.to_vec();
    let span = Span { text: text.to_owned(), origin: Origin::Prompt };
    match pieces.last_mut() {
        Some(Piece::Content(spans)) => spans.push(span),
        _ => pieces.push(Piece::Content(vec![span])),
    }
    pieces
}

/// The dialect in which chat templates are written.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    if let Ok(syntax) = syntax.build() {
        environment.set_syntax(syntax);
    }
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function(
        "raise_exception",
        |message: String| -> Result<(), minijinja::Error> {
            Err(minijinja::Error::new(JinjaErrorKind::InvalidOperation, message))
        },
    );
    // A template that prints today's date would make every day another model.
    environment.add_function("strftime_now", |_: String| "1 January 2025".to_owned());
    environment
        .add_filter("tojson", |value: Value| serde_json::to_string(&value).unwrap_or_default());
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
    const STRICT: &str = "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}{% for m in messages %}[{{ m['role'] }}]{{ m['content'] | trim }}[end]{% endfor %}";

    fn template(source: &str) -> ChatTemplate {
        ChatTemplate::new(Some(source.into()), "<bos>".into(), "<eos>".into())
    }

    fn shown(pieces: &[Piece]) -> String {
        let text = |piece: &Piece| match piece {
            Piece::Template(text) => format!("⟨{text}⟩"),
            Piece::Content(spans) => spans.iter().map(|span| span.text.as_str()).collect(),
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

    #[test]
    fn nothing_in_a_turn_is_a_template() {
        let request =
            asks(vec![Message::new(Role::User, "{{ 7 * 7 }}{% raw %}", Origin::Data)], false);
        assert!(
            shown(&template(CHATML).pieces(&request).unwrap()).contains("⟩{{ 7 * 7 }}{% raw %}⟨")
        );
    }
}
