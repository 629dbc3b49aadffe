//! Mistakes in a prompt file that are refused when it is loaded, and warnings about it.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use tribunal::{Item, Prompt, Result, prompt};

fn loaded(front: &str, body: &str) -> Result<Prompt> {
    Prompt::parse("mine", &format!("---\n{front}\n---\n{body}"))
}

fn refusal(front: &str, body: &str) -> String {
    format!("{:?}", loaded(front, body).unwrap_err())
}

fn warnings(front: &str, body: &str) -> String {
    loaded(front, body).unwrap().warnings().join("\n")
}

const YES_NO: &str =
    "user:\n{{ answer }}\nassistant:\n{{ choose(\"verdict\", [\"Yes\", \"No\"]) }}";

#[test]
fn a_choice_that_nothing_asks_for_is_refused() {
    let message = refusal("kind: label\nverdict: {choose: verdit}", YES_NO);
    assert!(
        message.contains("reads the choice `verdit`, and nothing")
            && message.contains("did you mean `verdict`?"),
        "{message}"
    );
    let message = refusal("kind: label\nverdict: {choose: v}", "user:\n{{ answer }}");
    assert!(message.contains("{{ choose(\"v\""), "{message}");
    let message = refusal("kind: label\nverdict: {pattern: 'Label: *', in: nobody}", YES_NO);
    assert!(message.contains("reads the result `nobody`"), "{message}");
    // A choice behind a condition that the sample does not meet is asked for all the same.
    let behind = "user:\n{{ answer }}\nassistant:\n{% if answer == 'x' %}{{ choose('v', ['Yes', 'No']) }}{% else %}{{ gen('g') }}{% endif %}";
    assert!(loaded("kind: label\nverdict: {choose: v}", behind).is_ok());
}

#[test]
fn a_label_without_a_meaning_is_refused() {
    let message =
        refusal("kind: label\nverdict: {choose: verdict, values: {\"Yes\": correct}}", YES_NO);
    assert!(message.contains("offers `No`, which is not a verdict"), "{message}");
    let message = refusal("kind: score\nscale: 1-5\nverdict: {choose: verdict}", YES_NO);
    assert!(message.contains("offers `Yes`, which is not a verdict"), "{message}");
    let message = warnings(
        "kind: label\nverdict: {choose: verdict, values: {\"Yes\": y, \"No\": n, \"Maybe\": m}}",
        YES_NO,
    );
    assert!(message.contains("`Maybe`"), "{message}");
    assert_eq!(warnings("kind: label\nverdict: {choose: verdict}", YES_NO), "");
}

#[test]
fn a_mark_that_is_never_printed_is_refused_or_reported() {
    let body = "user:\n{{ answer }} Score: <n>";
    assert!(
        refusal("kind: score\nscale: 1-5\nverdict: {mark: true}", body).contains("never prints it")
    );
    let message = warnings("kind: score\nscale: 1-5\nverdict: [{mark: true}, 'Score: *']", body);
    assert!(message.contains("never prints `{{ mark }}`"), "{message}");
}

#[test]
fn lines_that_only_look_like_turns_are_reported_with_their_line() {
    for (line, role) in [
        ("User:", "user:"),
        ("human:", "user:"),
        ("### user", "user:"),
        ("Assistant:", "assistant:"),
        ("**Assistant**:", "assistant:"),
        ("[system]", "system:"),
    ] {
        let message = warnings(
            "kind: label\nverdict: 'Label: *'",
            &format!("{line}\nLabel: {{{{ answer }}}}"),
        );
        assert!(
            message.contains(&format!("line 5: `{}` begins no turn", line.trim())),
            "{line}: {message}"
        );
        assert!(message.contains(&format!("`{role}` begins one")), "{line}: {message}");
    }
    let headings = "user:\n[Question]\n{{ question }}\n\n[System]\nLabel: {{ answer }}";
    assert_eq!(warnings("kind: label\nverdict: 'Label: *'", headings), "");
    let unused = warnings(
        "kind: label\nroles: [response_1]\nverdict: 'Label: *'",
        "user:\nLabel: {{ answer }}",
    );
    assert!(unused.contains("no line `response_1:` begins a turn"), "{unused}");
    for text in ["Human reply", "User: {{ answer }}", "Assistant", "The user:"] {
        let message = warnings(
            "kind: label\nverdict: 'Label: *'",
            &format!("user:\n{text}\nLabel: {{{{ answer }}}}"),
        );
        assert_eq!(message, "", "{text}");
    }
    let message = warnings(
        "kind: label\nverdict: 'Label: *'",
        "user:\nHi.\n  assistant:\nLabel: {{ answer }}",
    );
    assert!(message.contains("line 7: `assistant:` begins no turn"), "{message}");
    let message = warnings(
        "kind: label\nverdict: 'Label: *'",
        "user:\n<|im_start|>system\nLabel: {{ answer }}",
    );
    assert!(message.contains("control token"), "{message}");
}

#[test]
fn fields_and_words_that_are_probably_not_meant_are_reported() {
    let message = warnings(
        "kind: label\nfields: {answer: required, question: required}\nverdict: 'Label: *'",
        "user:\nLabel: {{ answer }}",
    );
    assert_eq!(message, "the field `question` is required, and the body never uses it");
    let message = warnings(
        "kind: preference\nverdict: {pattern: 'Best: *', values: {\"m\": first, \"M\": second}}",
        "user:\nBest: {{ answers }}",
    );
    assert!(message.contains("`m` and `M` under `values` differ only by case"), "{message}");
    let message = warnings(
        "kind: score\nscale: {labels: {Pass: 1, PASS: 0}}\nverdict: 'V: *'",
        "user:\nV: {{ answer }}",
    );
    assert!(message.contains("`Pass` and `PASS` differ only by case"), "{message}");
}

#[test]
fn a_pattern_that_the_body_never_asks_for_is_reported() {
    let message = warnings(
        "kind: score\nscale: 1-5\nverdict: 'RESULT: *'",
        "user:\nRate {{ answer }} from 1 to 5.",
    );
    assert_eq!(message, "`verdict` reads `RESULT: *`, and the body never asks for it");
    assert_eq!(
        warnings(
            "kind: score\nscale: 1-5\nverdict: '[RESULT] *'",
            "user:\nRate {{ answer }}. End with [RESULT] (1 to 5)."
        ),
        ""
    );
}

#[test]
fn scales_and_meanings_that_the_verdict_cannot_have_are_refused() {
    let body = "user:\nV: {{ answers }}";
    for (front, part) in [
        ("kind: preference\nscale: {min: 1, max: 5}\nverdict: 'V: *'", "has no scale from 1 to 5"),
        ("kind: score\nscale: [first, second]\nverdict: 'V: *'", "has no scale first or second"),
        ("kind: label\nscale: {min: 1, max: 5}\nverdict: 'V: *'", "has no scale"),
        ("kind: ranking\nscale: 1-5\nverdict: 'V: *'", "leave `scale` out"),
        (
            "kind: preference\nverdict: {pattern: 'V: *', values: {A: frist, B: second}}",
            "did you mean `first`?",
        ),
        (
            "kind: preference\nscale: [first, second]\nverdict: {pattern: 'V: *', values: {C: tie}}",
            "`tie`",
        ),
        (
            "kind: label\nscale: {labels: {Good: 1, Bad: 0}}\nverdict: {pattern: 'V: *', values: {g: Goood}}",
            "did you mean `Good`?",
        ),
    ] {
        let message = refusal(front, body);
        assert!(message.contains(part), "{front}: {message}");
    }
}

#[test]
fn tags_that_no_chat_template_has_are_not_taken_for_control_tokens() {
    let front = "kind: label\nverdict: 'Label: *'";
    for line in ["<|begin_of_history|>", "<|User Prompt|>"] {
        let body = format!("user:\n{line}\nLabel: {{{{ answer }}}}");
        assert_eq!(warnings(front, &body), "", "{line}");
    }
}

#[test]
fn words_of_a_choice_may_differ_by_case_alone() {
    let front = "kind: preference\nverdict: {choose: v, values: {\"m\": first, \"M\": second}}";
    let body = "user:\n{{ answers }}\nassistant:\n{{ choose(\"v\", [\"m\", \"M\"]) }}";
    assert_eq!(warnings(front, body), "");
}

#[test]
fn several_numbers_and_a_best_answer_are_read_for_lists_only() {
    let body = "user:\nA: {{ answers }} B:";
    let message = refusal("kind: score\nscale: 1-5\nverdict: {numbers: ['A: *', 'B: *']}", body);
    assert!(message.contains("`kind: score` cannot be read from several numbers"), "{message}");
    let message = refusal("kind: scores\nverdict: {numbers: ['A: *']}", body);
    assert!(message.contains("must list 2 announcements or more"), "{message}");
    let message = refusal("kind: preference\nverdict: {pattern: 'A: *', best: true}", body);
    assert!(message.contains("`best` under `verdict` belongs to `kind: ranking`"), "{message}");
    let message = warnings("kind: scores\nverdict: {numbers: ['A: *', 'Z: *']}", body);
    assert!(message.contains("reads `A: * Z: *`, and the body never asks"), "{message}");
}

#[test]
fn the_prompts_that_the_documents_show_have_no_warnings() {
    let page = include_str!("../../docs/prompts.md");
    let shown: Vec<&str> = page.split("```jinja\n").skip(1).collect();
    assert!(shown.len() >= 3, "{} prompts are shown", shown.len());
    for text in shown {
        let text = text.split("```").next().unwrap_or_default();
        let prompt = Prompt::parse("docs/prompts.md", text).unwrap();
        assert_eq!(prompt.warnings(), [""; 0], "{text}");
    }
}

#[test]
fn no_built_in_prompt_has_a_warning() {
    for prompt in prompt::built_in().unwrap() {
        assert_eq!(prompt.warnings(), [""; 0], "{}", prompt.name());
    }
}

/// What is said about a body whose records are these.
fn late(body: &str, items: &[Item]) -> String {
    let front = "kind: score\nscale: 1-5\nfields: {answer: required, policy: optional}\nverdict: 'Score: *'";
    loaded(front, body).unwrap().late_texts(items).join("\n")
}

#[test]
fn texts_that_no_prompt_cache_can_reuse_are_named_with_what_stands_before_them() {
    let rules = "Be strict with every claim of the answer. ".repeat(60);
    let policy = "No insults and no threats. ".repeat(60);
    let items = |policies: [&str; 3]| {
        policies.map(|policy| Item::new().answer(policy.len().to_string()).set("policy", policy))
    };
    let end = "Score:\n";
    let lost = late(&format!("user:\n{{{{ answer }}}}\n{rules}{end}"), &[]);
    assert!(
        lost.contains("`answer` differs from record to record and stands before about 6"),
        "{lost}"
    );
    assert_eq!(late(&format!("system:\n{rules}\nuser:\n{{{{ answer }}}}\n{end}"), &[]), "");

    let body = format!("user:\n{{{{ answer }}}}\n{{{{ policy }}}}\n{end}");
    let turned = format!("user:\n{{{{ policy }}}}\n{{{{ answer }}}}\n{end}");
    let answers =
        ["1", "2", "3"].map(|answer| Item::new().answer(answer).set("policy", policy.as_str()));
    let lost = late(&body, &answers);
    assert!(lost.contains("stands before `policy`, which is the same in all"), "{lost}");
    assert_eq!((late(&turned, &answers), late(&body, &[])), (String::new(), String::new()));
    // Policies that differ cannot be reused anyway.
    assert_eq!(late(&body, &items(["a", "bb", "ccc"])), "");
}

#[test]
fn built_in_prompts_lose_no_long_text() {
    for name in tribunal::prompt::names() {
        let prompt = tribunal::prompt::named(name).unwrap().unwrap();
        assert_eq!(prompt.late_texts(&[]), [""; 0], "{name}");
    }
}
