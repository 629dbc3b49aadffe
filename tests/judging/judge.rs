//! A judge as a library: votes, orders, draws, elements, and what fails before the first call.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};
use serde_json::json;
use tribunal::{
    Completion, Item, Judge, Prompt, Verdict,
    backend::{Capabilities, Script, from_fn},
    blocking,
    completion::Distribution,
    error::ErrorKind,
    prompt::Order,
    request::{Ask, Request, Sampling},
    verdict::{Preference, Reason},
};

fn prompt(keys: &str, body: &str) -> Prompt {
    Prompt::parse("p", &format!("---\n{keys}\n---\n{body}")).unwrap()
}

fn pair() -> Item {
    Item::from(json!({"question": "q", "response_a": "good", "response_b": "bad"}))
}

const PAIR: &str =
    "kind: preference\nverdict: {pattern: '[[*]]', values: {'A': first, 'B': second, 'C': tie}}";
const PAIR_BODY: &str = "user:\n{{ question }}\nA: {{ answers[0] }}\nB: {{ answers[1] }}\n";

/// Prefers the answer `good`, wherever it stands.
fn fair() -> Script {
    Script::answering(|request| {
        let first = request.messages[0].text().contains("A: good");
        Ok(Completion::text(if first { "[[A]]" } else { "[[B]]" }))
    })
}

#[tokio::test]
async fn a_fair_judge_is_consistent_in_both_orders() {
    let judge = Judge::builder()
        .backend(fair())
        .with_prompt(prompt(PAIR, PAIR_BODY))
        .build()
        .await
        .unwrap();
    let judgment = judge.judge(&pair()).await.unwrap();
    assert_eq!(judgment.preference(), Some(Preference::First));
    assert_eq!(judgment.consistent, Some(true));
    assert_eq!(
        judgment.votes.iter().map(|vote| vote.order.clone()).collect::<Vec<_>>(),
        [vec![0, 1], vec![1, 0]]
    );
    assert!(
        judgment
            .votes
            .iter()
            .all(|vote| vote.outcome.verdict() == Some(&Verdict::Preference(Preference::First)))
    );
}

#[tokio::test]
async fn one_order_can_be_asked_for_and_a_hashed_one_is_the_same_every_time() {
    for (order, calls) in [(Order::Given, 1), (Order::Hash, 1), (Order::Both, 2)] {
        let script = Arc::new(fair());
        let build = || {
            Judge::builder()
                .backend(script.clone())
                .with_prompt(prompt(PAIR, PAIR_BODY))
                .order(order)
                .build()
        };
        let first = build().await.unwrap().judge(&pair()).await.unwrap();
        assert_eq!(script.calls(), calls, "{order:?}");
        let second = build().await.unwrap().judge(&pair()).await.unwrap();
        assert_eq!(first.votes[0].order, second.votes[0].order);
        assert_eq!(first.preference(), Some(Preference::First), "{order:?}");
    }
}

#[tokio::test]
async fn rankings_and_scores_come_back_in_the_items_own_order() {
    let keys = "kind: ranking\norder: rotate\nverdict: 'Ranking: *'";
    let body = "user:\n{% for a in answers %}{{ loop.index }}={{ a }} {% endfor %}";
    let script = Script::answering(|request| {
        let text = request.messages[0].text();
        let place = |name: &str| text.split(' ').position(|part| part.ends_with(name)).unwrap() + 1;
        Ok(Completion::text(format!(
            "Ranking: {} > {} > {}",
            place("=b"),
            place("=c"),
            place("=a")
        )))
    });
    let judge =
        Judge::builder().backend(script).with_prompt(prompt(keys, body)).build().await.unwrap();
    let judgment = judge.judge(&Item::new().answers(["a", "b", "c"])).await.unwrap();
    assert_eq!(judgment.votes.len(), 3);
    assert_eq!(judgment.verdict, Ok(Verdict::Ranking(vec![vec![1], vec![2], vec![0]])));
}

#[tokio::test]
async fn draws_are_questions_of_their_own_and_are_averaged() {
    let script = Arc::new(
        Script::answering(|request| Ok(Completion::text(format!("Score: {}", 4 + request.draw))))
            .remembering(),
    );
    let judge = Judge::builder()
        .backend(script.clone())
        .prompt("score")
        .sampling(Sampling::default().temperature(1.0))
        .draws(3)
        .build()
        .await
        .unwrap();
    let item = Item::new().question("q").answer("a");
    let judgment = judge.judge(&item).await.unwrap();
    assert_eq!(judgment.score(), Some(5.0));
    assert_eq!((judgment.votes.len(), judgment.attempts), (3, 3));
    let keys: std::collections::BTreeSet<_> =
        script.asked().iter().map(|r| r.key("m").to_string()).collect();
    assert_eq!(keys.len(), 3);
}

#[tokio::test]
async fn draws_at_temperature_zero_are_asked_once_and_unset_ones_at_one() {
    let script = Arc::new(Script::always("Score: 5").remembering());
    let item = Item::new().question("q").answer("a");
    let named = || Judge::builder().backend(script.clone()).prompt("score").draws(5);
    let cold = Sampling::default().temperature(0.0);
    let greedy = named().sampling(cold).build().await.unwrap();
    greedy.judge(&item).await.unwrap();
    assert_eq!(script.calls(), 1);
    // Whoever asks for several draws wants them to differ, whatever the prompt says.
    named().build().await.unwrap().judge(&item).await.unwrap();
    assert_eq!(script.calls(), 6);
    assert_eq!(script.asked().last().unwrap().sampling.temperature, Some(1.0));
    let keys = "kind: score\nscale: {min: 1, max: 9}\nverdict: 'Score: *'\ndraws: 2";
    let warm = Judge::builder()
        .backend(script.clone())
        .with_prompt(prompt(keys, "{{ answer }}"))
        .build()
        .await
        .unwrap();
    warm.judge(&item).await.unwrap();
    assert_eq!(script.asked().last().unwrap().sampling.temperature, Some(1.0));
    assert_eq!(script.calls(), 8);
}

const STEPS: &str =
    "kind: steps\neach: steps\nverdict: {choose: v, values: {'Yes': correct, 'No': incorrect}}";
const STEPS_BODY: &str = "user:\n{{ previous }} | {{ step }}\nassistant:\n{{ gen('analysis') }}\nRight? {{ choose('v', ['Yes', 'No']) }}";

fn careful() -> Script {
    Script::answering(|request| {
        Ok(Completion::text(match request.ask {
            Ask::Choose { .. } if request.messages[0].text().ends_with("| wrong") => "No",
            Ask::Choose { .. } => "Yes",
            _ => "Let me see.",
        }))
    })
}

#[tokio::test]
async fn each_step_is_a_conversation_and_the_first_error_is_found() {
    let item = Item::new()
        .question("q")
        .set("steps", vec!["fine".to_owned(), "wrong".into(), "wrong".into()]);
    let script = Arc::new(careful());
    let judge = Judge::builder()
        .backend(script.clone())
        .with_prompt(prompt(STEPS, STEPS_BODY))
        .build()
        .await
        .unwrap();
    let judgment = judge.judge(&item).await.unwrap();
    assert_eq!(judgment.first_error(), Some(Some(1)));
    let Ok(Verdict::Steps(steps)) = &judgment.verdict else { panic!("steps") };
    assert_eq!(
        steps.steps.iter().map(|s| s.label.as_str()).collect::<Vec<_>>(),
        ["correct", "incorrect", "incorrect"]
    );
    assert_eq!(script.calls(), 6);

    let early = Arc::new(careful());
    let keys = format!("{STEPS}\nuntil: incorrect");
    let judge = Judge::builder()
        .backend(early.clone())
        .with_prompt(prompt(&keys, STEPS_BODY))
        .build()
        .await
        .unwrap();
    assert_eq!(judge.judge(&item).await.unwrap().first_error(), Some(Some(1)));
    assert_eq!(early.calls(), 4, "nothing is asked behind the first error");
}

#[tokio::test]
async fn answers_and_criteria_are_rated_one_by_one() {
    let scale = "scale: {min: 1, max: 5}\nverdict: 'Score: *'";
    let script = || {
        Script::answering(|request| {
            let good = request.messages[0].text().contains("good");
            Ok(Completion::text(if good { "Score: 5" } else { "Score: 2" }))
        })
    };
    let answers = prompt(&format!("kind: scores\neach: answers\n{scale}"), "user:\n{{ answer }}\n");
    let judge = Judge::builder().backend(script()).with_prompt(answers).build().await.unwrap();
    let item = Item::new().answers(["good", "poor"]);
    assert_eq!(judge.judge(&item).await.unwrap().verdict, Ok(Verdict::Scores(vec![5.0, 2.0])));

    let criteria = prompt(
        &format!("kind: criteria\neach: criteria\n{scale}\nfields: {{answer: required}}"),
        "user:\n{{ answer }}: {{ criterion }}\n",
    );
    let judge = Judge::builder().backend(script()).with_prompt(criteria).build().await.unwrap();
    let item = Item::new()
        .answer("a")
        .set("criteria", json!({"style": "a good style", "facts": "right facts"}));
    let Ok(Verdict::Criteria(all)) = judge.judge(&item).await.unwrap().verdict else {
        panic!("criteria")
    };
    assert_eq!((all["style"], all["facts"]), (5.0, 2.0));
}

#[tokio::test]
async fn the_expected_score_is_the_mean_over_what_could_have_been_picked() {
    let keys = "kind: score\nscale: {min: 1, max: 3}\naggregate: expected\nverdict: {choose: s}";
    let body = "user:\n{{ answer }}\nassistant:\n{{ choose('s', ['1', '2', '3']) }}";
    let script = Script::answering(|_| {
        let labels = vec![("1".into(), 0.1), ("2".into(), 0.3), ("3".into(), 0.4)];
        let distribution = Distribution::new(labels);
        Ok(Completion::text("3").distribution(distribution))
    });
    let judge =
        Judge::builder().backend(script).with_prompt(prompt(keys, body)).build().await.unwrap();
    let judgment = judge.judge(&Item::new().answer("a")).await.unwrap();
    assert!((judgment.score().unwrap() - 1.9 / 0.8).abs() < 1e-9);
}

#[tokio::test]
async fn what_could_not_be_read_is_no_number_and_never_passes() {
    let item = Item::new().question("q").answer("a");
    for (text, reason) in [
        ("I wonder.", Reason::Missing),
        ("Score: 11", Reason::OffScale),
        ("Score: 7 or 8", Reason::Ambiguous),
        ("", Reason::Empty),
        ("I'm sorry, but no.", Reason::Refused),
    ] {
        let judge = Judge::builder()
            .backend(Script::always(text))
            .prompt("score")
            .pass("score >= 1")
            .reasks(0)
            .build()
            .await
            .unwrap();
        let judgment = judge.judge(&item).await.unwrap();
        assert_eq!(judgment.unreadable().map(|why| why.reason), Some(reason), "{text:?}");
        assert_eq!((judgment.score(), judgment.pass), (None, Some(false)));
    }
}

#[tokio::test]
async fn the_span_shows_the_verdict_in_the_critique() {
    let said = "<think>3?</think>\n\nÄ fine answer.\nScore: 7\n";
    let judge =
        Judge::builder().backend(Script::always(said)).prompt("score").build().await.unwrap();
    let judgment = judge.judge(&Item::new().question("q").answer("a")).await.unwrap();
    let (start, end) = judgment.votes[0].span.unwrap();
    let critique = judgment.critique();
    assert_eq!(critique, "Ä fine answer.\nScore: 7");
    assert_eq!(critique.chars().skip(start).take(end - start).collect::<String>(), "7");
}

#[tokio::test]
async fn a_prompt_that_the_model_cannot_follow_fails_before_the_first_call() {
    let mine = from_fn("mine", |_: Request| async { panic!("nothing may be asked") });
    let forced =
        prompt("kind: label\nverdict: 'V: *'", "user:\n{{ q }}\nassistant:\nV: {{ gen('v') }}");
    let refused = Judge::builder().backend(mine).with_prompt(forced).build().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(!refused.hints().is_empty());
}

#[tokio::test]
async fn a_missing_field_is_an_error_that_names_what_is_there() {
    let judge =
        Judge::builder().backend(Script::always("x")).prompt("rubric").build().await.unwrap();
    let error = judge.judge(&Item::new().question("q").answer("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Record);
    assert!(error.to_string().contains("rubric: the record has no field `rubric`"), "{error}");
}

#[tokio::test]
async fn streams_are_judged_as_they_come_and_may_be_dropped() {
    let judge =
        Judge::builder().backend(Script::always("Score: 3")).prompt("score").build().await.unwrap();
    let items = (0..100).map(|n| Item::new().question("q").answer(format!("{n}")));
    let judged: Vec<_> = judge.judge_all(stream::iter(items.clone())).collect().await;
    let mut places: Vec<_> =
        judged.iter().map(|one| (one.index, one.item.text("answer"))).collect();
    places.sort();
    let expected: Vec<_> = (0..100).map(|n| (n, Some(n.to_string()))).collect();
    assert_eq!(places, expected);
    let mut some = judge.judge_all(stream::iter(items)).take(3);
    assert!(some.next().await.is_some());
}

#[tokio::test]
async fn keys_of_lines_follow_content_and_judge() {
    let judge = |text: &str| Judge::builder().backend(Script::always(text)).prompt("score").build();
    let (one, other) = (judge("Score: 1").await.unwrap(), judge("Score: 1").await.unwrap());
    let item = Item::from(json!({"id": "a", "question": "q", "answer": "x", "note": 1}));
    assert_eq!(one.line_key(&item), other.line_key(&item));
    let noted = Item::from(json!({"id": "a", "question": "q", "answer": "x", "note": 2}));
    assert_eq!(
        one.line_key(&item),
        one.line_key(&noted),
        "what the prompt does not name is no content"
    );
    let changed = Item::from(json!({"id": "a", "question": "q", "answer": "y"}));
    assert_ne!(one.line_key(&item), one.line_key(&changed));
    let pair =
        Judge::builder().backend(Script::always("")).prompt("correct").build().await.unwrap();
    assert_ne!(one.line_key(&item), pair.line_key(&item));
}

#[test]
fn programs_without_async_have_a_judge_that_waits() {
    let judge =
        blocking::Judge::new(Judge::builder().backend(Script::always("Score: 9")).prompt("score"))
            .unwrap();
    assert_eq!(judge.judge(&Item::new().question("q").answer("a")).unwrap().score(), Some(9.0));
}

#[test]
fn judges_travel_between_threads() {
    fn travels<T: Send + Sync + 'static>() {}
    travels::<Judge>();
    travels::<Item>();
    travels::<tribunal::Judgment>();
    travels::<tribunal::Error>();
    travels::<Capabilities>();
}

/// A model in this process, which says the same whenever it is asked the same.
const IN_PROCESS: Capabilities = Capabilities::ALL.schema(false);

#[tokio::test]
async fn a_judge_that_would_say_the_same_again_is_asked_for_the_verdict_alone() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let forgetful = from_fn("forgetful", move |request: Request| {
        seen.lock().unwrap().push(request.clone());
        let text = if request.open { " 7/10\nor so" } else { "Plain and right." };
        async move { Ok(Completion::text(text)) }
    });
    let score = "kind: score\nscale: {min: 1, max: 10}\nsampling: {temperature: 0, max_tokens: 99}\nverdict: [{mark: true}, 'Score: *']";
    let body = "user:\n{{ answer }}\nEnd with\nScore {{ mark }}: <number>\nassistant:\n{{ gen('critique') }}\n";
    let judge = Judge::builder()
        .backend(forgetful.capable(IN_PROCESS))
        .with_prompt(prompt(score, body))
        .reasks(2);
    let judge = judge.build().await.unwrap();
    let judgment = judge.judge(&Item::from(json!({"answer": "42"}))).await.unwrap();
    assert_eq!(judgment.verdict, Ok(Verdict::Score(7.0)), "{judgment:?}");
    let vote = &judgment.votes[0];
    assert!(vote.is_forced() && vote.reask == 1);
    let mark = judgment.mark.clone().unwrap();
    assert_eq!(vote.calls[1].text, format!("Score {mark}: 7/10"));
    assert_eq!(vote.critique(), format!("Plain and right.\nScore {mark}: 7/10"));

    let asked = asked.lock().unwrap();
    let [text, verdict] = asked.as_slice() else { panic!("{} calls", asked.len()) };
    assert!(!text.open && verdict.open);
    assert_eq!(
        verdict.messages.last().unwrap().text(),
        format!("Plain and right.\n\nScore {mark}:")
    );
    assert_eq!(verdict.sampling.stop, ["\n"]);
    assert!(verdict.sampling.max_tokens.unwrap() < 99);
}

#[tokio::test]
async fn nothing_is_forced_where_another_text_may_come_or_the_judge_refuses() {
    for (says, temperature, capable, calls) in [
        ("Well.", 1.0, IN_PROCESS, 3),
        ("Well.", 0.0, Capabilities::TEXT, 3),
        ("I'm sorry, I cannot judge this.", 0.0, IN_PROCESS, 1),
        ("I'm sorry, I cannot judge this.", 1.0, IN_PROCESS, 3),
        ("Well.", 0.0, IN_PROCESS, 2),
    ] {
        let count = Arc::new(Mutex::new(0));
        let counter = count.clone();
        let model = from_fn("model", move |_| {
            *counter.lock().unwrap() += 1;
            async move { Ok(Completion::text(says)) }
        });
        let score = format!(
            "kind: score\nscale: {{min: 1, max: 10}}\nsampling: {{temperature: {temperature}}}\nverdict: 'Score: *'"
        );
        let builder = Judge::builder().backend(model.capable(capable)).reasks(2);
        let judge = builder.with_prompt(prompt(&score, "Rate {{ answer }}")).build().await.unwrap();
        let judgment = judge.judge(&Item::from(json!({"answer": "42"}))).await.unwrap();
        assert!(judgment.verdict.is_err());
        assert_eq!(*count.lock().unwrap(), calls, "{says} at {temperature}");
    }
}
