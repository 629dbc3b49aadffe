//! What a verdict may be: the scale, the labels and the item itself decide, and nothing else is read.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use serde_json::{Value, json};
use tribunal::{
    Completion, Item, Judge, Judgment, Prompt, Verdict,
    backend::Script,
    verdict::{Preference, Reason},
};

fn prompt(keys: &str, body: &str) -> Prompt {
    Prompt::parse("p", &format!("---\n{keys}\n---\n{body}")).unwrap()
}

fn item(record: Value) -> Item {
    Item::from(record)
}

async fn judged(prompt: Prompt, item: &Item, text: &str) -> Judgment {
    let judge =
        Judge::builder().backend(Script::always(text)).with_prompt(prompt).reasks(0).build();
    judge.await.unwrap().judge(item).await.unwrap()
}

fn reason(judgment: &Judgment) -> Option<Reason> {
    judgment.unreadable().map(|why| why.reason)
}

const FIRST_ERROR: &str = "kind: steps\nverdict: '\\boxed{*}'";

#[tokio::test]
async fn a_first_error_is_one_of_the_items_steps_or_none() {
    let by_steps = || prompt(FIRST_ERROR, "user:\n{{ steps }}");
    let record = item(json!({"steps": ["a", "b", "c"]}));
    for (said, first_error) in [("-1", None), ("0", Some(0)), ("2", Some(2))] {
        let judgment = judged(by_steps(), &record, &format!("Well: \\boxed{{{said}}}")).await;
        assert_eq!(judgment.first_error(), Some(first_error), "{said}");
    }
    for said in ["3", "57", "4294967294", "-2"] {
        let judgment = judged(by_steps(), &record, &format!("Well: \\boxed{{{said}}}")).await;
        assert_eq!(reason(&judgment), Some(Reason::OffScale), "{said}");
    }
    // Steps that are cut out of the answer count too, and a body that cuts an answer in its own way may
    // count its lines.
    let text = item(json!({"answer": "a\nb\n\nc"}));
    assert_eq!(reason(&judged(by_steps(), &text, "\\boxed{2}").await), Some(Reason::OffScale));
    let by_lines = || prompt(FIRST_ERROR, "user:\n{{ answer }}");
    assert_eq!(judged(by_lines(), &text, "\\boxed{3}").await.first_error(), Some(Some(3)));
    assert_eq!(reason(&judged(by_lines(), &text, "\\boxed{4}").await), Some(Reason::OffScale));
    // What the prompt does not show as steps or as an answer is not counted.
    let talk = item(json!({"messages": [{"role": "user", "content": "a"}], "answer": "a"}));
    let by_talk = prompt(FIRST_ERROR, "user:\n{{ messages | transcript }}");
    assert_eq!(judged(by_talk, &talk, "\\boxed{7}").await.first_error(), Some(Some(7)));
}

/// Judges write the box of `first-error` in many ways; none of them loses the step or makes another one of it.
#[tokio::test]
async fn the_box_of_a_first_error_is_read_however_it_is_written() {
    let prompt = tribunal::prompt::named("first-error").unwrap().unwrap();
    let record = item(json!({"problem": "Add.", "steps": ["a", "b", "c"]}));
    let mark = prompt.mark(&record, None).unwrap();
    for (said, first_error) in [
        ("\\boxed{1}", Some(1)),
        ("1", Some(1)),
        ("$\\boxed{1}$.", Some(1)),
        ("\\(\\boxed{1}\\)", Some(1)),
        ("**\\boxed{1}**", Some(1)),
        ("\\boxed{ 1 }", Some(1)),
        ("\\boxed{\\text{1}}", Some(1)),
        ("\\boxed{Step 1}", Some(1)),
        ("\\boxed{\\text{Step 1}}", Some(1)),
        ("\\\\boxed{1}", Some(1)),
        ("boxed{1}", Some(1)),
        ("\\fbox{1}", Some(1)),
        ("\\boxed{-1}", None),
        ("\\boxed{\u{2212}1}", None),
        ("\\boxed{0} (the first step)", Some(0)),
    ] {
        let text = format!("Step 2 looks right.\nFirst error {mark}: {said}");
        let judge = Judge::builder().backend(Script::always(text)).with_prompt(prompt.clone());
        let judgment = judge.reasks(0).build().await.unwrap().judge(&record).await.unwrap();
        assert_eq!(judgment.first_error(), Some(first_error), "{said}: {:?}", judgment.verdict);
    }
    for said in
        ["\\boxed{}", "\\boxed{1, 2}", "\\boxed{1.5}", "\\boxed{3}", "\\boxed{1} or \\boxed{2}"]
    {
        let text = format!("Step 2 looks right.\nFirst error {mark}: {said}");
        let judge = Judge::builder().backend(Script::always(text)).with_prompt(prompt.clone());
        let judgment = judge.reasks(0).build().await.unwrap().judge(&record).await.unwrap();
        assert!(judgment.verdict.is_err(), "{said}: {:?}", judgment.verdict);
    }
}

#[tokio::test]
async fn a_ranking_holds_every_answer_of_the_item_once() {
    let ranking = || prompt("kind: ranking\nverdict: 'Ranking: *'", "user:\n{{ answers }}");
    let four = Item::new().answers(["a", "b", "c", "d"]);
    for said in ["2 > 1", "1 > 2 > 3 > 4 > 5", "1 > 2 = 3", "[2, 1]", "B > A"] {
        let judgment = judged(ranking(), &four, &format!("Ranking: {said}")).await;
        assert_eq!(reason(&judgment), Some(Reason::OffScale), "{said}");
    }
    let whole = judged(ranking(), &four, "Ranking: 4 > 2 = 1 > 3").await;
    assert_eq!(whole.verdict, Ok(Verdict::Ranking(vec![vec![3], vec![0, 1], vec![2]])));
    let pair = item(json!({"response_a": "a", "response_b": "b"}));
    let three = judged(ranking(), &pair, "Ranking: 1 > 2 > 3").await;
    assert_eq!(reason(&three), Some(Reason::OffScale));
}

#[tokio::test]
async fn there_is_one_score_for_each_answer_in_every_order() {
    for order in ["given", "rotate", "both", "shuffle"] {
        let keys = format!(
            "kind: scores\nscale: {{min: 1, max: 5}}\norder: {order}\nverdict: 'Scores: *'"
        );
        let scores = || prompt(&keys, "user:\n{{ completions }}");
        let record = item(json!({"completions": ["a", "b", "c"]}));
        for said in ["4, 5", "4, 5, 3, 2", "4"] {
            let judgment = judged(scores(), &record, &format!("Scores: {said}")).await;
            assert_eq!(reason(&judgment), Some(Reason::OffScale), "{order}: {said}");
        }
        let judgment = judged(scores(), &record, "Scores: 3, 3, 3").await;
        assert_eq!(judgment.verdict, Ok(Verdict::Scores(vec![3.0; 3])), "{order}");
    }
    let numbers = prompt(
        "kind: scores\nverdict: {numbers: 2, line: first}",
        "user:\n{% for a in answers %}{{ a }}{% endfor %}",
    );
    let three = Item::new().answers(["a", "b", "c"]);
    assert_eq!(reason(&judged(numbers, &three, "4 5").await), Some(Reason::OffScale));
}

#[tokio::test]
async fn criteria_are_those_of_the_item_by_name() {
    let criteria = || {
        prompt(
            "kind: criteria\nscale: {min: 1, max: 5}\nverdict: {json: /scores}",
            "user:\n{{ answer }} {{ criteria }}",
        )
    };
    let record = item(json!({"answer": "a", "criteria": {"tone": "kind", "facts": "right"}}));
    for said in
        [r#"{"tone": 4}"#, r#"{"tone": 4, "facts": 5, "style": 3}"#, r#"{"tone": 4, "fact": 5}"#]
    {
        let judgment = judged(criteria(), &record, &format!("{{\"scores\": {said}}}")).await;
        assert_eq!(reason(&judgment), Some(Reason::OffScale), "{said}");
    }
    let twice = r#"{"scores": {"tone": 4, "facts": 5, "Tone": 1}}"#;
    assert_eq!(reason(&judged(criteria(), &record, twice).await), Some(Reason::Ambiguous));
    let judgment = judged(criteria(), &record, r#"{"scores": {"Tone": 4, "facts": "5"}}"#).await;
    let Ok(Verdict::Criteria(all)) = &judgment.verdict else { panic!("{judgment:?}") };
    assert_eq!((all["tone"], all["facts"]), (4.0, 5.0));
    let equal = item(json!({"answer": "a", "criteria": ["kind", "right", "kind"]}));
    let judge = Judge::builder().backend(Script::always("x")).with_prompt(criteria());
    let error = judge.build().await.unwrap().judge(&equal).await.unwrap_err();
    assert!(error.to_string().contains("the criterion `kind` twice"), "{error}");
    // Criteria that the prompt writes itself have the names that the judge gives them.
    let own = prompt(
        "kind: criteria\nscale: {min: 1, max: 5}\nverdict: {json: /scores}",
        "user:\n{{ answer }}: judge style and wit",
    );
    assert!(judged(own, &record, r#"{"scores": {"style": 4, "wit": 2}}"#).await.verdict.is_ok());
}

#[tokio::test]
async fn a_repair_turn_is_asked_for_what_the_item_cannot_have() {
    let body = "user:\n{{ steps }}\nassistant:\n{{ gen('a') }}\n{% if not read() %}user:\nAgain.\nassistant:\n{{ gen('b') }}{% endif %}";
    let script = Script::once([Ok("\\boxed{9}"), Ok("\\boxed{1}")]);
    let judge = Judge::builder().backend(script).with_prompt(prompt(FIRST_ERROR, body));
    let judgment = judge.build().await.unwrap().judge(&item(json!({"steps": ["a", "b"]}))).await;
    assert_eq!(judgment.unwrap().first_error(), Some(Some(1)));
}

#[tokio::test]
async fn a_repair_turn_is_asked_where_the_verdict_was_only_a_quotation() {
    let keys = "kind: score\nscale: {min: 1, max: 10}\nverdict: 'Score: *'";
    let body = "user:\n{{ answer }}\nassistant:\n{{ gen('a') }}\n{% if not read() %}user:\nAgain.\nassistant:\n{{ gen('b') }}{% endif %}";
    let script = Script::once([Ok("It boasts of Score: 10 and no more."), Ok("Score: 2")]);
    let judge = Judge::builder().backend(script).with_prompt(prompt(keys, body));
    let record = item(json!({"answer": "Score: 10 and no less"}));
    assert_eq!(judge.build().await.unwrap().judge(&record).await.unwrap().score(), Some(2.0));
}

#[tokio::test]
async fn every_text_of_the_last_turn_counts_whatever_stands_between_them() {
    let cut = |text: &str| Completion::text(text).finish(tribunal::completion::Finish::Length);
    let keys = "kind: score\nscale: {min: 1, max: 10}\nverdict: 'Score: *'";
    for body in [
        "user:\n{{ answer }}\nassistant:\n{{ gen('a') }}{{ gen('b') }}",
        "user:\n{{ answer }}\nassistant:\n{{ gen('a') }}{{ choose('c', ['x', 'y']) }}{{ gen('b') }}",
        "user:\n{{ answer }}\nassistant:\n{{ gen('a') }}{% set v = gen('b') %}",
    ] {
        let script = || {
            Script::answering(move |request| {
                let begun = request.open;
                Ok(if begun { Completion::text("Score: 7") } else { cut("It is") })
            })
        };
        let judge = Judge::builder().backend(script()).with_prompt(prompt(keys, body)).reasks(0);
        let judgment =
            judge.build().await.unwrap().judge(&item(json!({"answer": "x"}))).await.unwrap();
        assert_eq!(reason(&judgment), Some(Reason::Truncated), "{body}");
    }
    let both = "user:\n{{ answer }}\nassistant:\n{{ gen('a') }}{{ gen('b') }}";
    let script = Script::once([Ok("Score: 7"), Ok(" is what I say.")]);
    let judge = Judge::builder().backend(script).with_prompt(prompt(keys, both));
    let judgment = judge.build().await.unwrap().judge(&item(json!({"answer": "x"}))).await;
    assert_eq!(judgment.unwrap().score(), Some(7.0));
}

#[tokio::test]
async fn a_comparison_of_two_is_refused_for_more() {
    let keys = "kind: preference\nverdict: {pattern: '[[*]]', values: {'A': first, 'B': second}}";
    let judge = Judge::builder()
        .backend(Script::always("[[A]]"))
        .with_prompt(prompt(keys, "user:\n{{ answers[0] }} or {{ answers[1] }}"));
    let judge = judge.build().await.unwrap();
    let error = judge.judge(&Item::new().answers(["a", "b", "c"])).await.unwrap_err();
    assert!(error.to_string().contains("3 answers"), "{error}");
    let two = judge.judge(&Item::new().answers(["a", "b"])).await.unwrap();
    assert_eq!(two.preference(), Some(Preference::Tie));
}

/// What a prompt reads out of a text.
async fn read(keys: &str, text: &str) -> Judgment {
    judged(prompt(keys, "user:\n{{ answer }}"), &Item::new().answer("x"), text).await
}

#[tokio::test]
async fn words_that_differ_by_case_alone_are_two_words() {
    let pair =
        "kind: preference\nverdict: {pattern: 'Better: *', values: {'m': first, 'M': second}}";
    for (said, side) in [
        ("m", Some(Preference::First)),
        ("M", Some(Preference::Second)),
        ("**M**.", Some(Preference::Second)),
        ("m (it is shorter)", Some(Preference::First)),
        ("M - by far", Some(Preference::Second)),
        ("m or M", None),
    ] {
        let judgment = read(pair, &format!("Better: {said}")).await;
        assert_eq!(judgment.preference(), side, "{said}");
    }
    let levels = "kind: score\nscale: {labels: {Pass: 1, PASS: 0}}\nverdict: 'V: *'";
    assert_eq!(read(levels, "V: Pass").await.score(), Some(1.0));
    assert_eq!(read(levels, "V: PASS").await.score(), Some(0.0));
    assert_eq!(reason(&read(levels, "V: pass").await), Some(Reason::Ambiguous));
    let labels = "kind: label\nscale: {labels: {Pass: 1, PASS: 0, fail: 2}}\nverdict: 'V: *'";
    assert_eq!(read(labels, "V: PASS").await.label(), Some("PASS"));
    assert_eq!(read(labels, "V: Fail").await.label(), Some("fail"), "any case where it is clear");
    // In JSON too.
    let json = "kind: label\nscale: {labels: {Pass: 1, PASS: 0}}\nverdict: {json: /v}";
    assert_eq!(read(json, "{\"v\": \"PASS\"}").await.label(), Some("PASS"));
    // Two words of one meaning may differ by case.
    let same =
        "kind: label\nverdict: {pattern: 'V: *', values: {'Ok': fine, 'OK': fine, 'no': bad}}";
    assert_eq!(read(same, "V: ok").await.label(), Some("fine"));
}

#[tokio::test]
async fn a_choice_between_words_that_differ_by_case_alone_is_read_as_it_is_written() {
    let keys = "kind: preference\nverdict: {choose: v, values: {'m': first, 'M': second}}";
    let body = "user:\n{{ answers[0] }} {{ answers[1] }}\nassistant:\n{{ gen('why', stop=['Better:']) }}\nBetter: {{ choose('v', ['m', 'M']) }}";
    let two = Item::new().answers(["a", "b"]);
    for (picked, side) in [("m", Preference::First), ("M", Preference::Second)] {
        let script = Script::answering(move |request| {
            let chooses = matches!(request.ask, tribunal::request::Ask::Choose { .. });
            Ok(Completion::text(if chooses { picked } else { "Hm." }))
        });
        let judge = Judge::builder().backend(script).with_prompt(prompt(keys, body));
        let judge = judge.order(tribunal::prompt::Order::Given).build().await.unwrap();
        assert_eq!(judge.judge(&two).await.unwrap().preference(), Some(side), "in process");
        let written = judge.parse(&format!("It depends.\nBetter: {picked}"));
        assert_eq!(written.preference(), Some(side), "behind its words");
    }
}

#[tokio::test]
async fn a_label_is_read_by_its_own_name_too() {
    let keys = "kind: label\nverdict: {pattern: 'GRADE: *', values: {C: correct, I: incorrect, P: partial}}";
    for (said, label) in [
        ("C", Some("correct")),
        ("correct", Some("correct")),
        ("incorrect.", Some("incorrect")),
        // As it is written: a word of the judge's own that begins like a grade is none.
        ("Correct", None),
        ("**partial** (it is short)", Some("partial")),
        ("C (correct)", Some("correct")),
        ("C. Incorrect", None),
        ("correct or incorrect", None),
        ("correctness matters", None),
        ("D", None),
    ] {
        assert_eq!(read(keys, &format!("GRADE: {said}")).await.label(), label, "{said}");
    }
    // The word that was offered wins over the name of another label.
    let crossed = "kind: label\nverdict: {pattern: 'V: *', values: {'yes': 'no', 'no': 'yes'}}";
    assert_eq!(read(crossed, "V: yes").await.label(), Some("no"));
}

#[tokio::test]
async fn a_score_may_be_followed_by_its_unit() {
    let scale = |ends: &str| format!("kind: score\nscale: {ends}\nverdict: 'Score: *'");
    let hundred = scale("{min: 0, max: 100}");
    let ten = scale("{min: 1, max: 10}");
    let five = scale("{min: 1, max: 5}");
    for (keys, said, score) in [
        (&hundred, "80%", Some(80.0)),
        (&hundred, "80 %", Some(80.0)),
        (&hundred, "80 percent.", Some(80.0)),
        (&hundred, "80/100", Some(80.0)),
        (&hundred, "**80%** (good)", Some(80.0)),
        (&hundred, "180%", None),
        (&hundred, "80% of 90", None),
        (&ten, "8%", None),
        (&ten, "80%", None),
        (&ten, "8/10", Some(8.0)),
        (&ten, "8 out of 10 points", Some(8.0)),
        (&ten, "8 points", Some(8.0)),
        (&ten, "8 pointers", None),
        (&five, "4 stars", Some(4.0)),
        (&five, "4 stars out of 10", None),
        (&five, "4 out of 5 stars!", Some(4.0)),
        (&five, "4 ⭐", Some(4.0)),
        (&five, "4 apples", None),
    ] {
        assert_eq!(read(keys, &format!("Score: {said}")).await.score(), score, "{said}");
    }
    let json = "kind: score\nscale: {min: 0, max: 100}\nverdict: {json: /score}";
    assert_eq!(read(json, "{\"score\": \"80%\"}").await.score(), Some(80.0));
}

#[tokio::test]
async fn labels_of_steps_mean_the_same_in_one_conversation_and_in_several() {
    let rule = |values: &str| format!("kind: steps\nverdict: {{choose: v, values: {values}}}");
    let together = "user:\n{{ steps }}\nassistant:\n{% for s in steps %}{{ choose('v', ['+', '0', '-'], at=loop.index0) }}\n{% endfor %}";
    let apart = "user:\n{{ step }}\nassistant:\n{{ choose('v', ['+', '0', '-']) }}";
    let labels = |values: &str| {
        let values = values.to_owned();
        async move {
            let mut all = Vec::new();
            for (keys, body) in
                [(rule(&values), together), (format!("{}\neach: steps", rule(&values)), apart)]
            {
                // The steps are "+", "0" and "-", and judged so.
                let script = Script::answering(|request| {
                    let asked = request
                        .messages
                        .iter()
                        .map(tribunal::request::Message::text)
                        .collect::<String>();
                    let place = request.messages.last().map_or(0, |m| m.text().lines().count());
                    let tri = ["+", "0", "-"];
                    let label = match asked.trim() {
                        one @ ("+" | "0" | "-") => one.to_owned(),
                        _ if request.open => tri[place.min(2)].to_owned(),
                        _ => "+".to_owned(),
                    };
                    let labels = ["+", "0", "-"]
                        .map(|own| (own.to_owned(), if own == label { 0.5 } else { 0.25 }));
                    let distribution = tribunal::completion::Distribution::new(labels.into());
                    Ok(Completion::text(label).distribution(distribution))
                });
                let judge = Judge::builder().backend(script).with_prompt(prompt(&keys, body));
                let judgment = judge.build().await.unwrap();
                let judgment =
                    judgment.judge(&item(json!({"steps": ["+", "0", "-"]}))).await.unwrap();
                let Ok(Verdict::Steps(steps)) = judgment.verdict else { panic!("{judgment:?}") };
                all.push(steps);
            }
            all
        }
    };
    // A neutral step is no error where another label is.
    let all = labels("{'+': correct, '0': neutral, '-': incorrect}").await;
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0].first_error, Some(2));
    let chances: Vec<Option<f64>> = all[0].steps.iter().map(|step| step.p).collect();
    assert_eq!(chances, [Some(0.5), Some(0.25), Some(0.25)]);
    // Where no label says that a step is wrong, all but the positive one do.
    let all = labels("{'+': correct, '0': minor, '-': major}").await;
    assert_eq!((all[0].first_error, &all[0]), (Some(1), &all[1]));
    let unnamed = format!("---\n{}\n---\n{together}", rule("{'+': sound, '0': shaky, '-': poor}"));
    let error = format!("{:?}", Prompt::parse("p", &unnamed).unwrap_err());
    assert!(error.contains("`positive: sound`"), "{error}");
}

#[tokio::test]
async fn exact_probabilities_alone_make_no_model_deterministic() {
    use tribunal::request::Capabilities;
    let keys = "kind: score\nscale: {min: 1, max: 10}\nverdict: 'Score: *'";
    for (deterministic, score) in [(false, Some(4.0)), (true, None)] {
        let script = Script::answering(|request| {
            Ok(Completion::text(if request.reask == 0 { "Hm." } else { "Score: 4" }))
        });
        let able = Capabilities::ALL.deterministic(deterministic);
        let judge = Judge::builder()
            .backend(script.capable(able))
            .with_prompt(prompt(keys, "user:\n{{ answer }}"))
            .reasks(1);
        let judgment = judge.build().await.unwrap().judge(&Item::new().answer("a")).await.unwrap();
        assert_eq!(judgment.score(), score, "deterministic: {deterministic}");
    }
}

#[tokio::test]
async fn asking_afresh_as_often_as_numbers_go_is_no_overflow() {
    let keys = "kind: score\nscale: {min: 1, max: 10}\ndraws: 3\nverdict: 'Score: *'";
    let judge = Judge::builder()
        .backend(Script::always("Score: 4"))
        .with_prompt(prompt(keys, "user:\n{{ answer }}"));
    let judge = judge.build().await.unwrap().redrawn(u32::MAX);
    assert!(judge.judge(&Item::new().answer("a")).await.is_ok());
}
