//! Mistakes in front matter: each is reported in one plain line, with its place in the file.

#![cfg(feature = "cli")]

use crate::prompt_check::{BODY, file};
use tribunal::{Prompt, prompt::FrontMatter};

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
    ("kind: label\nverdict: '**Result:**'", ":3:", "needs exactly one `*`"),
    ("kind: label\nverdict: '** *'", ":3:", "has no words before its `*`"),
    ("kind: label\nverdict: 'A: * or *'", ":3:", "needs exactly one `*`"),
    ("kind: label\nverdict: {numbers: 2, line: middle}", ":3:", "must be first or last"),
    (
        "kind: steps\nverdict: {json: /validity, above: high}",
        ":3:",
        "`above` under `verdict` must be a number",
    ),
    (
        "kind: steps\nverdict: {pattern: 'Steps: *', above: 0, listed: true}",
        ":3:",
        "labels steps in several ways",
    ),
    (
        "kind: steps\nverdict: {pattern: 'Step: *', labels: [bad, good]}",
        ":3:",
        "`labels` under `verdict` belongs to `above` or `listed`",
    ),
    (
        "kind: steps\nverdict: {pattern: 'Steps: *', listed: true, labels: [bad]}",
        ":3:",
        "must be two different texts",
    ),
    (
        "kind: steps\nverdict: {pattern: 'Step: *', first_step: 2}",
        ":3:",
        "`first_step` under `verdict` must be 0 or 1",
    ),
    ("kind: label\nverdict: {pattern: 'A: *', tail: 0}", ":3:", "must be a number of characters"),
    (
        "kind: steps\nverdict: {json: /steps, per_step: true}",
        ":3:",
        "`per_step` under `verdict` belongs to `pattern`",
    ),
    (
        "kind: steps\nverdict: {pattern: 'Step: *', per_step: true}",
        ":3:",
        "`per_step` under `verdict` needs `values`",
    ),
    (
        "kind: label\nverdict: {pattern: 'Step: *', listed: true}",
        ":3:",
        "`listed` under `verdict` belongs to `kind: steps` without `each`",
    ),
    (
        "kind: steps\neach: steps\nverdict: {pattern: 'Step: *', first_step: 1}",
        ":4:",
        "`first_step` under `verdict` belongs to `kind: steps` without `each`",
    ),
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
    ("kind: label", ":2:", "no rule that reads its verdict"),
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
fn template_names_variables_that_are_not_given_anyway() {
    let refused = |template: &str| {
        let front = format!("kind: score\nscale: 1-5\nverdict: 'Score: *'\ntemplate: {template}");
        let error = Prompt::parse("mine.jinja", &file(&front, BODY)).unwrap_err();
        format!("{error} {:?}", error.hints())
    };
    for (template, said) in [
        ("enable_thinking", "must name variables"),
        ("[enable_thinking]", "write `template: {enable_thinking: false}`"),
        ("{messages: []}", "`messages` cannot be set"),
        ("{enable thinking: false}", "`enable thinking` under `template` cannot be the name"),
        ("{1st: 1}", "cannot be the name of a variable"),
    ] {
        let message = refused(template);
        assert!(message.contains(said) && message.contains("mine.jinja:5"), "{message}");
    }
    assert!(refused("{a: 1}\nchat: raw").contains("`chat: raw` uses none"));
}

#[test]
fn roles_are_words_that_do_not_begin_turns_anyway() {
    let refused = |roles: &str| {
        let front = format!("kind: score\nscale: 1-5\nverdict: 'Score: *'\nroles: {roles}");
        let error = Prompt::parse("mine.jinja", &file(&front, BODY)).unwrap_err();
        format!("{error} {:?}", error.hints())
    };
    for (roles, said) in [
        ("[user]", "`user` under `roles` begins turns in every prompt"),
        ("[Response 1]", "`Response 1` under `roles` cannot be the name of a role"),
        ("[1st]", "cannot be the name of a role"),
        ("[a, a]", "`a` stands twice under `roles`"),
        ("[[a]]", "must be a text"),
    ] {
        let message = refused(roles);
        assert!(message.contains(said) && message.contains("mine.jinja:5"), "{message}");
    }
    assert!(refused("[a]\nchat: raw").contains("`chat: raw` has none"));
}
