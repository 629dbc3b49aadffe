//! What a chat template makes of conversations.

use super::*;
use crate::request::{GIVEN_VARIABLES, Origin, Part, Role};

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
    let without = compares.replace("{% elif m.role == 'response_2' %}@second {{ m.content }}", "");
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
    assert!(shown(&pieces).starts_with("⟨<|im_start|>system\n⟩⟨<|im_end|>\n<|im_start|>user\n⟩q"));
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
    assert_eq!(template(source).digest(), template(source).with(TemplateVariables::new()).digest());
    let mut request = asks(vec![Message::new(Role::User, "q", Origin::Data)], false);
    request.template = set(false);
    let asked = |template: &ChatTemplate| shown(&template.pieces(&request).unwrap());
    assert!(!asked(&template(source)).contains("<think>"), "the request's own hold");
    let thinks = template(source).with(set(true));
    assert!(asked(&thinks).ends_with("<think>\n⟩"), "those of the model take precedence");
    assert!(ends_in_thought(&thinks.pieces(&request).unwrap()));
    assert!(!ends_in_thought(&template(source).pieces(&request).unwrap()));
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
    for (place, text) in [(0, ""), (4, "Schö"), (6, "Schön."), (8, "Schön. J"), (99, "Schön. Ja")]
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
    let loops = "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}";
    let deep = &format!("{{{{ {}true }}}}{CHATML}", "not ".repeat(50_000));
    let long = &format!("{{{{ messages{} }}}}{CHATML}", ".a".repeat(50_000));
    let nested = "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}";
    for source in [grows, loops, deep, long, nested] {
        assert_eq!(asked(source).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn nothing_in_a_turn_is_a_template() {
    let request = asks(vec![Message::new(Role::User, "{{ 7 * 7 }}{% raw %}", Origin::Data)], false);
    assert!(shown(&template(CHATML).pieces(&request).unwrap()).contains("⟩{{ 7 * 7 }}{% raw %}⟨"));
}
