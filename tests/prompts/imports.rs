//! Prompt files made from the graders of other tools, in the shapes that these tools publish, and files to begin with.

#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::support::Place;
use serde_json::{Value, json};
use tribunal::{
    Item, Judge, Prompt,
    backend::{Check, Script},
    parse::Kind,
    prompt::{Import, ImportOptions, Source, import, start_of},
};

fn imported(text: &str) -> Import {
    import("mine", text, &ImportOptions::default()).unwrap()
}

fn whole(text: &str) -> (Prompt, String) {
    let found = imported(text);
    assert_eq!((found.prompts.len(), found.left_out.len()), (1, 0), "{found:?}");
    assert_eq!(found.prompts[0].lost, Vec::<String>::new());
    let text = found.prompts[0].text.clone();
    let prompt = Prompt::parse("mine.jinja", &text).unwrap();
    assert_eq!(prompt.warnings(), Vec::<String>::new(), "{text}");
    (prompt, text)
}

/// What a judge of this prompt file makes of an answer of its model, in which MARK stands for the mark.
async fn judged(text: &str, record: Value, answer: &str) -> tribunal::Judgment {
    let prompt = std::sync::Arc::new(Prompt::parse("mine.jinja", text).unwrap());
    let item = Item::from(record);
    let mark = prompt.mark(&item, None).unwrap_or_default();
    let script = Script::always(answer.replace("MARK", &mark));
    let judge = Judge::builder().backend(script).with_prompt(prompt).build().await.unwrap();
    judge.judge(&item).await.unwrap()
}

fn template(text: &str, verdict: &str) -> Import {
    let options = ImportOptions {
        source: Some(Source::Python),
        scale: Some("1-5".into()),
        verdict: Some(verdict.into()),
        ..ImportOptions::default()
    };
    import("mine", text, &options).unwrap()
}

#[tokio::test]
async fn a_python_template_keeps_its_words_and_gets_jinja_fields() {
    let found = template(
        "Rate {answer} to {question}.\nReply as {{\"score\": n}}, and leave {{{{x}}}} alone.\n",
        "{json: /score}",
    );
    let text = &found.prompts[0].text;
    assert!(text.contains("Rate {{ answer }} to {{ question }}.\nReply as {\"score\": n}, and leave {{ \"{{\" }}x}} alone."), "{text}");
    let judgment = judged(text, json!({ "question": "q", "answer": "a" }), "{\"score\": 4}").await;
    assert_eq!(judgment.score(), Some(4.0));
}

#[test]
fn what_python_formats_is_reported() {
    let found = template("{answer:>10} {} {item.text} {rows[0][name]} {scale}", "Score: *");
    let prompt = &found.prompts[0];
    assert!(prompt.text.contains("{{ item.text }} {{ rows[0][\"name\"] }}"), "{}", prompt.text);
    assert_eq!(prompt.lost.len(), 3, "{:?}", prompt.lost);
    let wrong = |text: &str| {
        import(
            "mine",
            text,
            &ImportOptions { verdict: Some("Score: *".into()), ..ImportOptions::default() },
        )
        .unwrap_err()
        .to_string()
    };
    assert!(wrong("{answer}\n}").contains("line 2: `}` closes nothing"));
    assert!(wrong("a {answer").contains("line 1: `{` is not closed"));
    assert!(wrong("a {{answer}}").contains("the template has no fields"));
    let bare = import("mine", "Rate {answer}.", &ImportOptions::default()).unwrap_err();
    assert!(bare.to_string().contains("does not say how its verdict is read"), "{bare}");
}

#[tokio::test]
async fn an_openai_score_model_judges_on_its_range_and_threshold() {
    let grader = json!({
        "type": "score_model", "name": "Helpful Answer", "model": "gpt-4o-2024-08-06",
        "input": [
            { "role": "developer", "content": "You grade answers." },
            { "role": "user", "content": [{ "type": "input_text", "text": "Q: {{ item.question }}\nGold: {{item.answer}}\nA: {{ sample.output_text }}" }] },
        ],
        "range": [1, 7], "pass_threshold": 5.5,
        "sampling_params": { "temperature": 0, "max_completions_tokens": 512, "seed": 42 },
    });
    let (prompt, text) = whole(&grader.to_string());
    assert_eq!(prompt.front().kind, Kind::Score);
    assert!(text.contains("system:\nYou grade answers.\nuser:\nQ: {{ question }}\nGold: {{ answer }}\nA: {{ output }}"), "{text}");
    assert!(text.contains("# the model `gpt-4o-2024-08-06` is not part of a prompt"), "{text}");
    let record = json!({ "question": "q", "answer": "gold", "output": "a" });
    let judgment = judged(&text, record.clone(), "Good.\nScore MARK: 5.5").await;
    assert_eq!((judgment.score(), judgment.passed()), (Some(5.5), true));
    assert!(judged(&text, record, "Score MARK: 8").await.verdict.is_err());
}

#[tokio::test]
async fn an_openai_label_model_passes_with_its_passing_labels() {
    let grader = json!([{
        "type": "label_model", "name": "tone", "model": "o3-mini",
        "input": [{ "role": "user", "content": "Classify {{item.text}}" }],
        "labels": ["positive", "neutral", "negative"], "passing_labels": ["positive", "neutral"],
    }]);
    let (_, text) = whole(&grader.to_string());
    let judgment = judged(&text, json!({ "text": "fine" }), "Label MARK: neutral").await;
    assert_eq!((judgment.label(), judgment.passed()), (Some("neutral"), true));
    let judgment = judged(&text, json!({ "text": "bad" }), "Label MARK: negative").await;
    assert_eq!((judgment.label(), judgment.passed()), (Some("negative"), false));
}

#[tokio::test]
async fn an_openai_string_check_needs_no_model() {
    let check = |operation: &str, reference: &str| {
        let grader = json!({ "type": "string_check", "name": "same", "input": "{{ sample.output_text }}", "reference": reference, "operation": operation });
        std::sync::Arc::new(whole(&grader.to_string()).0)
    };
    let passed = async |check: &str, prompt, record: Value| {
        let judge = Judge::builder()
            .backend(Check::named(check).unwrap())
            .with_prompt(prompt)
            .build()
            .await
            .unwrap();
        judge.judge(&Item::from(record)).await.unwrap().passed()
    };
    let equal = check("eq", "{{ item.target }}");
    assert!(passed("exact", equal.clone(), json!({ "answer": "7", "target": "7" })).await);
    assert!(!passed("exact", equal, json!({ "answer": "8", "target": "7" })).await);
    let other = check("ne", "{{ item.target }}");
    assert!(passed("exact", other, json!({ "answer": "8", "target": "7" })).await);
    let holds = check("ilike", "Sorry.");
    assert!(passed("regex", holds.clone(), json!({ "answer": "I am SORRY." })).await);
    assert!(!passed("regex", holds, json!({ "answer": "I am sorry!" })).await);
}

#[test]
fn what_openai_graders_do_beyond_a_prompt_is_reported() {
    let grader = json!({
        "type": "multi", "name": "both", "calculate_output": "0.5 * a + 0.5 * b",
        "graders": {
            "a": { "type": "python", "name": "a", "source": "def grade(sample, item): return 1" },
            "b": { "type": "score_model", "name": "b", "model": "m", "input": [{ "role": "user", "content": "{{ sample.output_json.x }} {{ item.y }}" }], "sampling_params": { "reasoning_effort": "high" } },
        },
    });
    let found = imported(&grader.to_string());
    assert_eq!(found.prompts.len(), 1);
    assert_eq!(
        found.left_out,
        [
            "`both`: its formula `0.5 * a + 0.5 * b` over several graders",
            "`a`: it runs Python code"
        ]
    );
    assert_eq!(found.prompts[0].lost.len(), 2, "{:?}", found.prompts[0].lost);
    let nothing = json!({ "type": "text_similarity", "name": "near", "input": "a", "reference": "b", "evaluation_metric": "bleu" });
    let error = import("mine", &nothing.to_string(), &ImportOptions::default()).unwrap_err();
    assert!(error.to_string().contains("it measures the similarity of texts"), "{error}");
}

#[tokio::test]
async fn an_autoevals_file_scores_by_its_choices() {
    let file = "prompt: |-\n  Compare.\n  [Question]: {{input}}\n  [Expert]: {{{expected}}}\n  [Submission]: {{output}}\nchoice_scores:\n  \"A\": 0.4\n  \"B\": 0.6\n  \"C\": 1\n  \"D\": 0\n  \"E\": 1\n";
    let (prompt, text) = whole(file);
    assert_eq!(
        prompt.fields().iter().map(|field| field.name.as_str()).collect::<Vec<_>>(),
        ["input", "expected", "output"]
    );
    let record = json!({ "input": "q", "expected": "x", "output": "y" });
    assert_eq!(judged(&text, record.clone(), "Same.\nChoice MARK: B").await.score(), Some(0.6));
    assert!(judged(&text, record, "Choice MARK: F").await.verdict.is_err());
    let (_, direct) = whole(&format!("{file}use_cot: false\ntemperature: 0\n"));
    assert!(direct.contains("choose(\"choice\", [\"A\",\"B\",\"C\",\"D\",\"E\"])"), "{direct}");
    let sections =
        imported("prompt: '{{#rows}}{{name}}{{/rows}}'\nchoice_scores: {\"Y\": 1, \"N\": 0}\n");
    assert_eq!(sections.prompts[0].lost.len(), 2, "{:?}", sections.prompts[0].lost);
}

const PROMPTFOO: &str = r#"
prompts: ["Answer {{question}}"]
providers: [openai:gpt-4o]
defaultTest:
  assert:
    - type: llm-rubric
      value: Does not describe itself as an AI, and answers {{question}}
tests:
  - vars: {question: "Who are you?"}
    assert:
      - type: llm-rubric
        value: Is polite
        threshold: 0.8
        provider: openai:gpt-4o-mini
        metric: Tone
      - type: factuality
        value: Paris is the capital of {{country}}.
      - type: g-eval
        value: [Is coherent, Is short]
      - type: llm-rubric
        value: Does not describe itself as an AI, and answers {{question}}
"#;

#[tokio::test]
async fn promptfoo_assertions_become_prompts() {
    let found = imported(PROMPTFOO);
    let names: Vec<&str> = found.prompts.iter().map(|prompt| prompt.name.as_str()).collect();
    assert_eq!(
        names,
        ["mine-llm-rubric", "tone", "mine-factuality", "mine-g-eval", "mine-g-eval-2"]
    );
    assert_eq!(found.left_out, Vec::<String>::new());
    let text = |n: usize| found.prompts[n].text.as_str();
    let record = json!({ "question": "Who?", "country": "France", "input": "q", "output": "a" });
    let judgment = judged(text(0), record.clone(), "Verdict MARK: pass").await;
    assert_eq!((judgment.label(), judgment.passed()), (Some("pass"), true));
    let judgment = judged(text(1), record.clone(), "Score MARK: 0.75").await;
    assert_eq!((judgment.score(), judgment.passed()), (Some(0.75), false));
    let judgment = judged(text(2), record.clone(), "Category MARK: D").await;
    assert_eq!((judgment.score(), judgment.passed()), (Some(0.0), false));
    let judgment = judged(text(3), record, "Score MARK: 7").await;
    assert_eq!((judgment.score(), judgment.passed()), (Some(7.0), true));
    for prompt in &found.prompts {
        let read = Prompt::parse("mine.jinja", &prompt.text).unwrap();
        assert_eq!(read.warnings(), Vec::<String>::new(), "{}", prompt.text);
    }
}

#[test]
fn promptfoo_assertions_without_a_model_are_reported() {
    let found = imported(
        "- {type: llm-rubric, value: Is polite, weight: 2}\n- {type: contains, value: x}\n",
    );
    assert_eq!(found.prompts[0].lost, ["the key `weight` of an assertion"]);
    assert_eq!(found.left_out.len(), 1);
    assert!(
        found.left_out[0].contains("`contains` is not one of llm-rubric"),
        "{:?}",
        found.left_out
    );
}

#[test]
fn a_file_to_begin_with_is_whole_for_every_kind() {
    let kinds = [
        Kind::Score,
        Kind::Label,
        Kind::Steps,
        Kind::Preference,
        Kind::Ranking,
        Kind::Scores,
        Kind::Criteria,
        Kind::Critique,
        Kind::Revision,
    ];
    for kind in kinds {
        let prompt = Prompt::parse("new.jinja", start_of(kind)).unwrap();
        assert_eq!(prompt.front().kind, kind);
        assert_eq!(prompt.warnings(), Vec::<String>::new(), "{}", kind.name());
    }
}

#[test]
fn a_new_file_is_written_once() {
    let place = Place::new("prompts-new");
    let first = place.run(&["prompts", "new", "mine/tone.jinja", "--kind", "label"]);
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(first.err.contains("next: tribunal prompts check mine/tone.jinja"), "{}", first.err);
    assert_eq!(place.run(&["prompts", "check", "mine/tone.jinja", "--strict"]).code, 0);
    let again = place.run(&["prompts", "new", "mine/tone.jinja"]);
    assert_eq!(again.code, 2, "{}", again.err);
    assert!(again.err.contains("`mine/tone.jinja` exists already"), "{}", again.err);
}

#[test]
fn an_import_stops_at_what_it_would_lose() {
    let place = Place::new("prompts-import");
    place.file("config.yaml", PROMPTFOO.replace("type: factuality", "type: similar"));
    let stopped = place.run(&["prompts", "import", "config.yaml", "-o", "judges"]);
    assert_eq!(stopped.code, 2, "{}", stopped.err);
    assert!(stopped.err.contains("`similar` is not one of"), "{}", stopped.err);
    let partial = place.run(&["prompts", "import", "config.yaml", "-o", "judges", "--partial"]);
    assert_eq!(partial.code, 0, "{}", partial.err);
    assert!(
        partial.err.contains("warning: not carried over: an assertion: `similar`"),
        "{}",
        partial.err
    );
    assert_eq!(
        place
            .run(&[
                "prompts",
                "check",
                "judges/tone.jinja",
                "judges/config-g-eval-2.jinja",
                "--strict"
            ])
            .code,
        0
    );
    let again = place.run(&["prompts", "import", "config.yaml", "-o", "judges", "--partial"]);
    assert_eq!(again.code, 2, "{}", again.err);

    place.file("rate.txt", "Rate {answer} from 1 to 5.\nScore: <n>\n");
    let printed =
        place.run(&["prompts", "import", "rate.txt", "--scale", "1-5", "--verdict", "Score: *"]);
    assert_eq!(printed.code, 0, "{}", printed.err);
    assert!(printed.out.contains("Rate {{ answer }} from 1 to 5."), "{}", printed.out);
}
