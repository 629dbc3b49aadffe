//! `tribunal prompts check`: what can be known of a prompt file is said, in words of our own.

#![cfg(feature = "cli")]

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Place, Ran};
use tribunal::{Prompt, prompt::FrontMatter};

const BODY: &str = "user:\nScore {{ answer }}: <number> Label: <label>\n";

fn file(front: &str, body: &str) -> String {
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

/// Front matter that is wrong, the line that is to be blamed, and words that are to be said.
const WRONG: &[(&str, &str, &str)] = &[
    ("kind: score\nscale: 5\nverdict: 'Score: *'", ":3:", "`scale` cannot be 5"),
    ("kind: score\nscale: [1, 5]\nverdict: 'Score: *'", ":3:", "`scale` cannot be [1,5]"),
    (
        "kind: score\nscale: {min: one, max: 5}\nverdict: 'Score: *'",
        ":3:",
        "`scale` needs a number as its `min`",
    ),
    ("kind: score\nscale: {mim: 1, max: 5}\nverdict: 'Score: *'", ":3:", "did you mean `min`?"),
    (
        "kind: score\nscale: {min: 1, max: 5, step: half}\nverdict: 'Score: *'",
        ":3:",
        "`step` of a scale",
    ),
    ("kind: score\nscale: {labels: 3}\nverdict: 'Score: *'", ":3:", "`scale` cannot be"),
    (
        "kind: score\nscale: {labels: {Good: well, Bad: 0}}\nverdict: 'Score: *'",
        ":3:",
        "needs a number",
    ),
    ("kind: score\nscale: 5-1\nverdict: 'Score: *'", ":3:", "scale"),
    ("kind: scroe\nverdict: 'Score: *'", ":2:", "did you mean `score`?"),
    ("kind: 3\nverdict: 'Score: *'", ":2:", "`kind` must be a text"),
    ("kind: [score]\nverdict: 'Score: *'", ":2:", "`kind` must be a text, and is a list"),
    ("kind: label\nverdict: 'Label: *'\naggregate: avg", ":4:", "`avg`"),
    ("kind: label\nverdict: 'Label: *'\norder: bth", ":4:", "did you mean `both`?"),
    ("kind: label\nverdict: 'Label: *'\nchat: modl", ":4:", "did you mean `model`?"),
    ("kind: label\nverdict: 'Label: *'\neach: step", ":4:", "did you mean `steps`?"),
    (
        "kind: label\nverdict: 'Label: *'\ndraws: many",
        ":4:",
        "`draws` must be a whole number, and is `many`",
    ),
    (
        "kind: label\nverdict: 'Label: *'\ndraws: -1",
        ":4:",
        "`draws` must be a whole number, and is `-1`",
    ),
    ("kind: label\nverdict: 'Label: *'\ndraws: 0", ":4:", "`draws` must be 1 or more"),
    ("kind: label\nverdict: 'Label: *'\nuntil: bad", ":4:", "`until` needs `each: steps`"),
    ("kind: label\nverdict: 'Label: *'\nmodels: 3", ":4:", "`models` must be a text"),
    (
        "kind: label\nverdict: 'Label: *'\nmodels: [{a: b}]",
        ":4:",
        "an entry of `models` must be a text",
    ),
    ("kind: label\nverdict: 'Label: *'\nsummary: 3", ":4:", "put it between quotes: \"3\""),
    ("kind: label\nverdict: 'Label: *'\npass: true", ":4:", "`pass` must be a text"),
    (
        "kind: label\nverdict: 'Label: *'\nsampling: cold",
        ":4:",
        "`sampling` is a text, and must hold keys",
    ),
    (
        "kind: label\nverdict: 'Label: *'\nsampling: {temperature: cold}",
        ":4:",
        "`temperature` of `sampling` must be a number, and is `cold`",
    ),
    (
        "kind: label\nverdict: 'Label: *'\nsampling: {max_tokens: 1.5}",
        ":4:",
        "must be a whole number, and is `1.5`",
    ),
    (
        "kind: label\nverdict: 'Label: *'\nsampling: {max_tokens: -5}",
        ":4:",
        "must be a whole number",
    ),
    (
        "kind: label\nverdict: 'Label: *'\nsampling: {stop: 3}",
        ":4:",
        "`stop` of `sampling` must be a text",
    ),
    (
        "kind: label\nverdict: 'Label: *'\nsampling: {temprature: 0}",
        ":4:",
        "did you mean `temperature`?",
    ),
    (
        "kind: label\nverdict: 'Label: *'\nfields: answer",
        ":4:",
        "`fields` is a text, and must name fields",
    ),
    (
        "kind: label\nverdict: 'Label: *'\nfields: {answer: needed}",
        ":4:",
        "the field `answer` is `needed`",
    ),
    ("kind: label\nverdict: 'Label: *'\nfields: {answer: }", ":4:", "the field `answer` is null"),
    (
        "kind: label\nverdict: 'Label: *'\nfields: {answer: {defualt: x}}",
        ":4:",
        "write required, optional or {default: …}",
    ),
    ("kind: label\nverdict: 3", ":3:", "`verdict` cannot be 3"),
    ("kind: label\nverdict: []", ":3:", "the list under `verdict` is empty"),
    ("kind: label\nverdict: {patern: 'Label: *'}", ":3:", "did you mean `pattern`?"),
    (
        "kind: label\nverdict: {pattern: 3}",
        ":3:",
        "`pattern` under `verdict` must be a text, and is a number",
    ),
    ("kind: label\nverdict: {pattern: [a]}", ":3:", "must be a text, and is a list"),
    ("kind: label\nverdict: {mark: 3}", ":3:", "`mark` under `verdict` must be true"),
    ("kind: label\nverdict: {numbers: two}", ":3:", "`numbers` under `verdict` must be how many"),
    (
        "kind: label\nverdict: {numbers: 1}",
        ":3:",
        "a bare number is read by `{choose: NAME}` or by a regex",
    ),
    ("kind: label\nverdict: '*'", ":3:", "has no words before its `*`"),
    ("kind: label\nverdict: {numbers: 2, line: middle}", ":3:", "must be first or last"),
    (
        "kind: label\nverdict: {pattern: 'Label: *', values: [a, b]}",
        ":3:",
        "`values` must give each word its meaning, and is a list",
    ),
    (
        "kind: label\nverdict: {pattern: 'Label: *', values: {A: [a]}}",
        ":3:",
        "the word `A` under `values` means a list",
    ),
    (
        "kind: label\nverdict: {regex: '(?<verdict>'}",
        ":3:",
        "the regex under `verdict` cannot be used",
    ),
    ("kind: label\nverdict: {json: score}", ":3:", "does not begin with `/`"),
    ("kind: label\nverdict: {pattern: 'Label: *', json: /x}", ":3:", "several places"),
    ("kind: label\nkind: score\nverdict: 'Label: *'", ":3:", "the key `kind` is repeated"),
    ("kind: label\nverdict: *x", ":3:", "needs quotes"),
    ("kind: label\nverdict: {a: b", ":3:", "not valid YAML"),
    ("kind: label\nverdict: 'Label: *", ":3:", ""),
    ("kind: label\nsummary: one: two\nverdict: 'Label: *'", ":3:", "not valid YAML"),
    ("kind: label\n\tsummary: x\nverdict: 'Label: *'", ":", "not valid YAML"),
    (
        "kind: label\nsampling: {temperature: .nan}\nverdict: 'Label: *'",
        ":3:",
        "`.nan` is not a usable number",
    ),
    ("- judges\n- label", "mine.jinja: ", "the front matter is a list, not keys with values"),
    ("just words", "mine.jinja: ", "the front matter is a text, not keys with values"),
    ("summary: x", "mine.jinja: ", "lacks `kind`"),
    ("kind: label", ":2:", "how its verdict is read"),
    ("knid: label", ":2:", "did you mean `kind`?"),
    ("judges: label", ":2:", "the key `judges` is now called `kind`"),
];

/// Words of the libraries that read files, which no user should meet.
const FOREIGN: &[&str] = &[
    "untagged enum",
    "did not match",
    "invalid type",
    "invalid value",
    "expected one of",
    "missing field",
    "unknown variant",
    "unknown field",
    "⏎",
    "at line",
    "column",
    "deserialize",
    "serde",
    "invalid length",
    "did not find",
    "while parsing",
    "simple key",
];

#[test]
fn what_is_wrong_with_front_matter_is_said_in_one_plain_line_with_its_place() {
    for (front, place, words) in WRONG {
        let error = Prompt::parse("mine.jinja", &file(front, BODY)).unwrap_err();
        let said = format!(
            "{error} {}",
            error.hints().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        );
        assert!(error.to_string().starts_with("mine.jinja"), "{front}\n{said}");
        assert!(said.contains(place), "{front}\n{said}");
        assert!(said.contains(words), "{front}\n{said}");
        assert!(!said.contains('\n'), "{front}\n{said}");
        for foreign in FOREIGN {
            assert!(!said.contains(foreign), "`{foreign}` of\n{front}\n{said}");
        }
    }
}

/// Values of every shape, in the place of every key.
#[test]
fn no_value_of_any_key_brings_words_of_a_library() {
    const VALUES: &[&str] = &[
        "",
        "3",
        "-1.5",
        "true",
        "~",
        "x",
        "''",
        "[]",
        "{}",
        "[1, 2]",
        "[a, [b]]",
        "{a: b}",
        "{a: {b: [c]}}",
        "|\n  x",
        "1e999",
        "!!int x",
        "!tag x",
        "&a [*a]",
        "2024-01-01",
        "{? [a] : b}",
        "{1: 2, true: 3, ~: 4}",
        "99999999999999999999",
        "{min: 1, max: 5}",
        "{labels: {a: 1}}",
        "[first]",
        "{default: x}",
        "\"unclosed",
        "}",
        "@x",
        "`x`",
        "%x",
        "- x",
    ];
    let base = [("kind", "score"), ("scale", "1-5"), ("verdict", "'Score: *'")];
    let mut fronts = Vec::new();
    for value in VALUES {
        for name in FrontMatter::KEYS {
            let rest = base
                .iter()
                .filter(|(key, _)| *key != name)
                .map(|(key, value)| format!("{key}: {value}\n"));
            fronts.push(format!("{}{name}: {value}", rest.collect::<String>()));
        }
        for (key, inner) in FrontMatter::NESTED {
            let rest = base
                .iter()
                .filter(|(other, _)| *other != key)
                .map(|(key, value)| format!("{key}: {value}\n"));
            let rest: String = rest.collect();
            fronts.extend(inner.iter().map(|inner| format!("{rest}{key}: {{{inner}: {value}}}")));
        }
    }
    for front in fronts {
        let Err(error) = Prompt::parse("mine.jinja", &file(&front, BODY)) else { continue };
        let said = format!(
            "{error} {}",
            error.hints().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        );
        assert!(!said.trim().contains('\n'), "{front}\n{said}");
        for foreign in FOREIGN {
            assert!(!said.contains(foreign), "`{foreign}` of\n{front}\n{said}");
        }
    }
}

#[test]
fn front_matter_that_would_grow_or_nest_without_bound_is_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let before = format!("*a{}, ", n - 1).repeat(10);
        bomb.push_str(&format!("a{n}: &a{n} [{before}]\n"));
    }
    for front in [
        bomb,
        format!("summary: {}", "[".repeat(100_000)),
        "- ".repeat(100_000),
        format!("a: {}x", "&a ".repeat(50_000)),
    ] {
        assert!(Prompt::parse("mine.jinja", &file(&front, BODY)).is_err());
    }
}

#[test]
fn the_scale_of_a_file_is_spelt_as_the_flag_spells_it() {
    let prompt = |scale: &str| {
        let front = format!("kind: score\nscale: {scale}\nverdict: 'Score: *'");
        Prompt::parse("mine.jinja", &file(&front, BODY))
            .unwrap()
            .front()
            .scale
            .clone()
            .unwrap()
            .to_string()
    };
    assert_eq!(prompt("1-5"), "from 1 to 5");
    assert_eq!(prompt("\"0-100\""), "from 0 to 100");
    assert_eq!(prompt("{labels: [Good, Fair, Bad]}"), "Good, Fair or Bad");
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
    assert!(ran.err.contains("--strict: 1 warnings"), "{}", ran.err);
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
