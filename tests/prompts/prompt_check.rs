//! `tribunal prompts check`: what can be known of a prompt file is said, in words of our own.

#![cfg(feature = "cli")]

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Place, Ran};

pub(crate) const BODY: &str = "user:\nScore {{ answer }}: <number> Label: <label>\n";

pub(crate) fn file(front: &str, body: &str) -> String {
    format!("---\n{front}\n---\n{body}")
}

/// A folder of its own for each use.
fn place(name: &str) -> Place {
    static USED: AtomicUsize = AtomicUsize::new(0);
    Place::new(&format!("{name}-{}", USED.fetch_add(1, Ordering::Relaxed)))
}

fn check(text: &str, args: &[&str]) -> Ran {
    let place = place("prompt-check");
    let file = place.file("mine.jinja", text);
    place.run(&[&["prompts", "check", &file], args].concat())
}

#[test]
fn a_list_of_fields_names_required_ones() {
    let front = "kind: label\nverdict: 'Label: *'\nfields: [answer]";
    let ran = check(&file(front, BODY), &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.contains("gives a label, reads answer\n"), "{}", ran.out);
}

#[test]
fn an_unknown_filter_names_the_near_one() {
    let ran = check(
        &file("kind: label\nverdict: 'Label: *'", "user:\nLabel: {{ answer | fence }}\n"),
        &[],
    );
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("mine.jinja:6: unknown filter `fence`\nhint: did you mean `fenced`?"),
        "{}",
        ran.err
    );
    let ran = check(
        &file("kind: label\nverdict: 'Label: *'", "user:\nLabel: {{ answer | safe }}\n"),
        &[],
    );
    assert!(ran.err.contains("nothing in a prompt is escaped"), "{}", ran.err);
}

#[test]
fn what_is_wrong_with_a_body_is_said_in_plain_words() {
    for (body, words) in [
        (
            "user:\n{{ anwser }} Label:\n",
            "mine.jinja:7: `anwser` has no value\nhint: did you mean `answer`?",
        ),
        (
            "user:\n{{ answer }} Label:\nassistant:\n{{ gne(\"x\") }}\n",
            "mine.jinja:9: unknown function `gne`\nhint: there are `gen`",
        ),
        ("user:\n{{ answer.foo() }} Label:\n", ".foo` cannot be called"),
        (
            "user:\n{{ answer is strng }} Label:\n",
            "mine.jinja:7: unknown test `strng`\nhint: did you mean `string`?",
        ),
        (
            "user:\n{{ answer }} Label:\nassistant:\n{{ gen(\"x\", max_tokens=\"many\") }}",
            "mine.jinja:9: `gen(\"x\", max_tokens=\"many\")`: `max_tokens` must be a whole number",
        ),
        (
            "user:\n{{ answer }} Label:\nassistant:\n{{ gen(\"x\", stp=\"a\") }}",
            "unknown keyword argument 'stp'",
        ),
        (
            "user:\n{{ answer }} Label:\nassistant:\n{{ gen() }}",
            "mine.jinja:9: `gen()`: missing argument",
        ),
        ("user:\n{{ 1 + \"a\" }} Label:\n", "mine.jinja:7: "),
        ("user:\n{{ answer\n", "mine.jinja:"),
        ("Rate:\n{{ answr }}\n", "mine.jinja:7: `answr` has no value"),
    ] {
        let ran = check(&file("kind: label\nverdict: 'Label: *'\nfields: [answer]", body), &[]);
        assert_eq!(ran.code, 2, "{body}");
        assert!(ran.err.contains(words), "{body}: {}", ran.err);
        for foreign in ["u32", "f64", "&str", "not callable", "__kept", "__sum", "__held"] {
            assert!(!ran.err.contains(foreign), "{body}: {}", ran.err);
        }
    }
}

#[test]
fn warnings_leave_the_exit_code_and_strict_does_not() {
    let text = file("kind: label\nverdict: 'Label: *'", "Human:\nLabel: {{ answer }}\n");
    let ran = check(&text, &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.err.contains("warning: ")
            && ran.err.contains("line 5: `Human:` begins no turn, and is sent as text"),
        "{}",
        ran.err
    );
    let ran = check(&text, &["--strict"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--strict: 1 warning"), "{}", ran.err);
}

#[test]
fn every_file_is_checked_also_after_one_that_is_wrong() {
    let place = Place::new("prompt-check-all");
    let good = place.file("good.jinja", file("kind: label\nverdict: 'Label: *'", BODY));
    let one = place.file("one.jinja", file("kind: scroe", BODY));
    let two = place.file("two.jinja", "no front matter");
    let ran = place.run(&["prompts", "check", &one, &good, &two]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("one.jinja") && ran.err.contains("two.jinja"), "{}", ran.err);
    assert!(ran.out.contains("good.jinja: gives a label"), "{}", ran.out);
}

#[test]
fn mistakes_that_make_every_verdict_unreadable_are_errors() {
    let choice = "user:\n{{ answer }}\nassistant:\n{{ choose(\"verdict\", [\"Yes\", \"No\"]) }}\n";
    for (front, body, words) in [
        (
            "kind: label\nverdict: {choose: verdict}",
            BODY,
            "reads the choice `verdict`, and nothing in the body asks for it",
        ),
        (
            "kind: label\nverdict: {choose: verdict, values: {\"Yes\": correct}}",
            choice,
            "offers `No`, which is not a verdict",
        ),
        (
            "kind: preference\nscale: {min: 1, max: 5}\nverdict: 'Score: *'",
            BODY,
            "has no scale from 1 to 5",
        ),
        ("kind: score\nscale: 1-5\nverdict: {mark: true}", BODY, "the body never prints it"),
    ] {
        let ran = check(&file(front, body), &[]);
        assert_eq!(ran.code, 2, "{front}");
        assert!(ran.err.contains(words), "{front}: {}", ran.err);
    }
}

#[test]
fn every_built_in_prompt_passes_strictly() {
    let place = Place::new("prompt-check-built-in");
    let names: Vec<String> = tribunal::prompt::built_in()
        .unwrap()
        .iter()
        .map(|prompt| prompt.name().to_owned())
        .collect();
    let mut args = vec!["prompts", "check", "--strict"];
    args.extend(names.iter().map(String::as_str));
    let ran = place.run(&args);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn variables_that_a_prompt_sets_for_the_chat_template_are_shown() {
    let ran = place("prompt-check-template").run(&["prompts", "check", "gram", "gram-r2"]).passed();
    let shown = "variables of the chat template: enable_thinking=false";
    assert_eq!(ran.out.matches(shown).count(), 1, "{}", ran.out);
}

#[test]
fn a_prompt_whose_front_matter_cannot_be_rewritten_is_not_saved() {
    let place = Place::new("prompt-save");
    let prompt = place.file(
        "p.jinja",
        file(
            "{kind: score, scale: {min: 1, max: 10}, verdict: 'Score: *'}",
            "user:\nScore {{ answer }} {{ scale }}\n",
        ),
    );
    let records = place.file("r.jsonl", "{\"answer\": \"a\"}");
    let ran = place.run(&[
        "judge",
        &records,
        "-m",
        "script:Score: 3",
        "-p",
        &prompt,
        "--scale",
        "1-5",
        "--save",
        "out.jinja",
    ]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("cannot be rewritten"), "{}", ran.err);
    assert!(!place.folder.path("out.jinja").exists());
}

/// Bodies that would grow, run or nest without bound: each is refused, quickly and without a crash.
#[test]
fn a_body_that_would_grow_run_or_nest_without_bound_is_refused() {
    let nested = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let bodies = [
        "{% set ns = namespace(x=[1]) %}{% for i in range(100000) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}".to_owned(),
        "{% set ns = namespace(x=[1]) %}{% for i in range(100000) %}{% set ns.x = ns.x + [i] + ns.x %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x='x') %}{% for i in range(100000) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x=[]) %}{% for i in range(1000000) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}".to_owned(),
        "{{ 'x' * 10000000000 }}".to_owned(),
        "{% for i in range(10000000000) %}{% endfor %}".to_owned(),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned(),
        format!("{{{{ {}answer }}}}", "not ".repeat(50_000)),
        format!("{{{{ {}1 }}}}", "-".repeat(50_000)),
        format!("{{{{ answer{} }}}}", ".a".repeat(50_000)),
        format!("{{{{ answer{} }}}}", "[0]".repeat(50_000)),
        format!("{{{{ answer{} }}}}", "()".repeat(50_000)),
        format!("{{{{ answer{} }}}}", "|trim".repeat(50_000)),
        format!("{{{{ answer{} }}}}", " ~ answer".repeat(50_000)),
        format!("{{{{ answer{} }}}}", " + 1".repeat(50_000)),
        format!("{{{{ 2{} }}}}", " ** 2".repeat(50_000)),
        format!("{{{{ answer{} }}}}", " if answer else 1".repeat(50_000)),
        format!("{{{{ answer{} }}}}", " and answer".repeat(50_000)),
        format!("{{{{ {} }}}}", nested("(", "1", ")", 50_000)),
        format!("{{{{ {} }}}}", nested("[", "1", "]", 50_000)),
        format!("{{{{ {} }}}}", nested("{'a': ", "1", "}", 50_000)),
        format!("{{% set {} = 1 %}}", nested("(", "a", ")", 50_000)),
        nested("{% if answer %}", "x", "{% endif %}", 50_000),
        nested("{% for a in answer %}", "x", "{% endfor %}", 50_000),
        format!("{{% if answer %}}{}{{% endif %}}", "{% elif answer %}x".repeat(50_000)),
    ];
    for body in bodies {
        let front = "kind: label\nverdict: 'Label: *'\nfields: [answer]";
        let start: String = body.chars().take(60).collect();
        let ran = check(&file(front, &format!("user:\nLabel {{{{ answer }}}}\n{body}\n")), &[]);
        assert_eq!(ran.code, 2, "{start}: {}", ran.err);
        assert!(ran.err.starts_with("error: "), "{start}: {}", ran.err);
        assert!(ran.err.len() < 2_000, "{start}: {}", ran.err);
    }
}

#[test]
fn an_ordinary_long_body_stays_within_the_limits() {
    let body = format!(
        "user:\n{}{{% set parts = ['a'] + ['b'] %}}{{{{ parts | join(', ') }}}} {{{{ answer ~ '!' }}}}\nLabel: <label>\n",
        "{% if answer %}{% for a in [1, 2, 3] %}{{ a }} {% endfor %}{% endif %}\n".repeat(200)
    );
    let ran = check(&file("kind: label\nverdict: 'Label: *'\nfields: [answer]", &body), &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}
