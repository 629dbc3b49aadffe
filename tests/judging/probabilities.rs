//! Verdicts of finite menus with their probabilities: where they are scored, when they decide, and what happens
//! where they cannot be had.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]

use proptest::prelude::*;
use serde_json::json;
use tribunal::{
    Completion, Error, Item, Judge, Judgment, Prompt, Verdict,
    backend::{Capabilities, Logprobs, Script},
    completion::{Distribution, Finish},
    error::ErrorKind,
    line::VoteLine,
    request::{Ask, Content, Origin, Request},
    verdict::{Preference, Reason},
};

/// A model in this process that scores the values of verdicts.
fn scoring() -> Capabilities {
    Capabilities::ALL.score_verdict(true)
}

/// A server that reports the likeliest tokens, and continues a turn or not.
pub(crate) fn server(prefill: bool) -> Capabilities {
    let mut able = Capabilities::TEXT;
    able.logprobs = Logprobs::Top;
    able.prefill = prefill.into();
    able
}

fn prompt(keys: &str, body: &str) -> Prompt {
    Prompt::parse("mine", &format!("---\n{keys}\n---\n{body}")).unwrap()
}

pub(crate) const FIVE: &str =
    "kind: score\nscale: 1-5\nsampling: {temperature: 0}\nverdict: 'Score: *'";
pub(crate) const RATE: &str = "user:\n{{ answer }}\nScore: <number>\n";

/// Writes `text`, and holds each value for as likely as `p` says.
fn model(text: &str, finish: Finish, p: impl Fn(&str) -> f64 + Send + Sync + 'static) -> Script {
    let text = text.to_owned();
    Script::answering(move |request| {
        Ok(match &request.ask {
            Ask::Choose { labels } => {
                let seen = labels.iter().map(|label| (label.clone(), p(label))).collect();
                Completion::text(labels[0].clone()).distribution(Distribution::new(seen))
            }
            _ => Completion::text(text.clone()).finish(finish.clone()),
        })
    })
    .capable(scoring())
    .remembering()
}

fn is(value: &'static str, p: f64, rest: f64) -> impl Fn(&str) -> f64 + Send + Sync + 'static {
    move |label| if label.trim() == value { p } else { rest }
}

pub(crate) async fn judged(script: Script, keys: &str, body: &str) -> (Judgment, Vec<Request>) {
    let script = std::sync::Arc::new(script);
    let judge = Judge::builder()
        .backend(script.clone())
        .with_prompt(prompt(keys, body))
        .build()
        .await
        .unwrap();
    let judgment = judge.judge(&Item::new().answer("An answer.").question("q")).await.unwrap();
    (judgment, script.asked())
}

/// The turn that a request goes on with.
fn turn(request: &Request) -> String {
    request.messages.last().unwrap().text()
}

fn labels(request: &Request) -> Vec<String> {
    match &request.ask {
        Ask::Choose { labels } => labels.clone(),
        other => panic!("{other:?} scores nothing"),
    }
}

#[tokio::test]
async fn a_readable_text_keeps_its_value_and_gets_its_distribution_beside_it() {
    let script = model("Fine.\nScore: 4", Finish::Stop, is("4", 0.6, 0.05));
    let (judgment, asked) = judged(script, FIVE, RATE).await;
    assert_eq!(judgment.score(), Some(4.0));
    assert_eq!(asked.len(), 2);
    // The text is cut where its value stands, and the blank belongs to the values.
    assert_eq!(turn(&asked[1]), "Fine.\nScore:");
    assert_eq!(labels(&asked[1]), [" 1", " 2", " 3", " 4", " 5"]);
    let vote = &judgment.votes[0];
    assert_eq!(vote.rule.as_deref(), Some("Score: *"));
    let seen = vote.distribution.as_ref().unwrap();
    assert_eq!(seen.labels[3], ("4".to_owned(), 0.6));
    assert!((seen.missing - 0.2).abs() < 1e-9);
    // The scoring is a call of the vote like any other.
    assert_eq!(vote.calls.len(), 2);
    assert_eq!(vote.calls[1].announcement.as_deref(), Some("Score:"));
    assert_eq!(judgment.calls, 2);
    assert_eq!(judgment.critique(), "Fine.\nScore: 4");
}

#[tokio::test]
async fn a_text_that_only_lacks_its_last_line_gets_its_verdict_from_the_values() {
    for (text, finish, before) in [
        ("Fine.", Finish::Stop, "Fine.\n\nScore:"),
        ("Fine, but", Finish::Length, "Fine, but\n\nScore:"),
        ("Fine. Fine.", Finish::Loop, "Fine. Fine.\n\nScore:"),
        // Announcements that were begun are begun anew.
        ("Fine.\nScore:", Finish::Stop, "Fine.\n\nScore:"),
        ("Fine.\nSco", Finish::Length, "Fine.\n\nScore:"),
        ("Fine.\nScore: 1", Finish::Length, "Fine.\n\nScore:"),
    ] {
        let script = model(text, finish, is("3", 0.5, 0.1));
        let (judgment, asked) = judged(script, FIVE, RATE).await;
        assert_eq!(judgment.score(), Some(3.0), "{text:?}: {:?}", judgment.verdict);
        assert_eq!(turn(&asked[1]), before);
        assert_eq!(judgment.votes[0].rule.as_deref(), Some("Score: * scored"));
        assert_eq!(judgment.votes[0].span, None);
    }
}

#[tokio::test]
async fn what_was_refused_filtered_or_said_badly_is_never_scored() {
    for (text, finish, reason) in [
        ("I'm sorry, but I cannot judge this.", Finish::Stop, Reason::Refused),
        ("Fine.", Finish::Filtered, Reason::Refused),
        ("Score: 9", Finish::Stop, Reason::OffScale),
        ("Score: 3 or 4", Finish::Stop, Reason::Ambiguous),
        ("", Finish::Stop, Reason::Empty),
        ("Fine.", Finish::ToolCalls, Reason::Truncated),
        ("Fine.", Finish::Other("weird".into()), Reason::Truncated),
    ] {
        let script = model(text, finish, is("3", 0.9, 0.01));
        let (judgment, asked) = judged(script, FIVE, RATE).await;
        assert_eq!(judgment.unreadable().map(|why| why.reason), Some(reason), "{text:?}");
        assert!(
            asked.iter().all(|request| matches!(request.ask, Ask::Generate { .. })),
            "{text:?}"
        );
    }
}

#[tokio::test]
async fn a_block_that_the_chat_template_opened_is_ended_first_unless_the_model_ended_it() {
    let ends = async |text: &str| {
        let script = model(text, Finish::Length, is("2", 0.9, 0.01));
        let thinks = script.capable(scoring().opens_thinking(true)).remembering();
        let (judgment, asked) = judged(thinks, FIVE, RATE).await;
        assert_eq!(judgment.score(), Some(2.0), "{text:?}");
        let parts = &asked[1].messages.last().unwrap().parts;
        parts.iter().filter(|part| part.content == Content::EndOfThinking).count()
    };
    assert_eq!(ends("Is it good? It may").await, 1);
    assert_eq!(ends("It is.</think>\nFine").await, 0);
}

#[tokio::test]
async fn a_choice_that_opens_the_answer_of_a_model_that_thinks_first_is_refused_at_once() {
    let build = async |name: &str, thinks: bool| {
        let able = scoring().opens_thinking(thinks);
        Judge::builder().backend(Script::always("x").capable(able)).prompt(name).build().await
    };
    let error = build("correct-direct", true).await.unwrap_err();
    assert_eq!(error.kind(), tribunal::error::ErrorKind::Unsupported);
    assert!(error.hints()[0].to_string().contains("`correct`"), "{error:?}");
    assert!(build("correct-direct", false).await.is_ok());
    assert!(build("correct", true).await.is_ok());
}

#[tokio::test]
async fn an_open_thinking_block_is_ended_first() {
    let script = model("<think>Is it good? It may", Finish::Length, is("2", 0.9, 0.01));
    let (judgment, asked) = judged(script, FIVE, RATE).await;
    let parts = &asked[1].messages.last().unwrap().parts;
    let kinds: Vec<(Origin, &Content)> =
        parts.iter().map(|part| (part.origin, &part.content)).collect();
    assert_eq!(kinds[0].0, Origin::Model);
    assert_eq!(kinds[2], (Origin::Prompt, &Content::EndOfThinking));
    assert_eq!(kinds[3], (Origin::Prompt, &Content::Text("\n\nScore:".into())));
    assert_eq!(judgment.score(), Some(2.0));
}

#[tokio::test]
async fn values_that_hold_next_to_no_probability_decide_nothing() {
    let (judgment, _) = judged(model("Fine.", Finish::Stop, |_| 0.009), FIVE, RATE).await;
    let why = judgment.unreadable().unwrap();
    assert_eq!(why.reason, Reason::Unsure);
    assert!(why.detail.contains("4.50 %"), "{why}");
    // A readable text keeps its value, and the mass is reported.
    let (judgment, _) = judged(model("Score: 2", Finish::Stop, |_| 0.009), FIVE, RATE).await;
    assert_eq!(judgment.score(), Some(2.0));
    let seen = judgment.votes[0].distribution.as_ref().unwrap();
    assert!((seen.missing - 0.955).abs() < 1e-9);
    // The prompt says how much is enough.
    let keys = format!("{FIVE}\nmass: 0.01");
    let (judgment, _) = judged(model("Fine.", Finish::Stop, |_| 0.009), &keys, RATE).await;
    assert!(judgment.score().is_some());
}

#[tokio::test]
async fn a_scoring_that_fails_costs_the_distribution_and_never_the_vote() {
    for (text, verdict) in [("Score: 4", Some(4.0)), ("Fine.", None)] {
        let script = Script::answering(move |request| match request.ask {
            Ask::Choose { .. } => Err(Error::new(ErrorKind::NotRecorded, "nothing was recorded")),
            _ => Ok(Completion::text(text)),
        });
        let (judgment, asked) = judged(script.capable(scoring()).remembering(), FIVE, RATE).await;
        assert_eq!(judgment.score(), verdict);
        assert_eq!(judgment.votes[0].distribution, None);
        assert_eq!(judgment.votes[0].calls.len(), 1);
        assert!(asked.len() >= 2);
    }
}

#[tokio::test]
async fn stored_probabilities_are_read_again_where_announcement_and_values_are_the_same() {
    let (first, _) = judged(model("Fine.", Finish::Stop, is("3", 0.5, 0.1)), FIVE, RATE).await;
    let votes: Vec<VoteLine> = first.votes.iter().map(VoteLine::from).collect();
    let item = Item::new().answer("An answer.").question("q");
    let again = async |keys: &str| {
        let builder = Judge::builder().backend(Script::always("nothing is asked"));
        let judge = builder.with_prompt(prompt(keys, RATE)).build().await.unwrap();
        judge.reread(&item, &votes, None).unwrap()
    };
    let same = again(FIVE).await;
    assert_eq!(same.score(), Some(3.0));
    assert_eq!(same.votes[0].distribution, first.votes[0].distribution);
    // Another mass is another reading of the same figures.
    let strict = again(&format!("{FIVE}\nmass: 0.95")).await;
    assert_eq!(strict.unreadable().map(|why| why.reason), Some(Reason::Unsure));
    for other in [
        FIVE.replace("'Score: *'", "'Grade: *'"),
        FIVE.replace("1-5", "1-7"),
        format!("{FIVE}\nverdict_from: text"),
    ] {
        let other = again(&other).await;
        assert_eq!(other.unreadable().map(|why| why.reason), Some(Reason::Missing));
        assert_eq!(other.votes[0].distribution, None);
    }
}

#[tokio::test]
async fn from_text_asks_for_no_more_than_the_text() {
    let keys = format!("{FIVE}\nverdict_from: text");
    let script = model("Score: 4", Finish::Stop, is("1", 0.9, 0.0));
    let (judgment, asked) = judged(script, &keys, RATE).await;
    assert_eq!((judgment.score(), asked.len()), (Some(4.0), 1));
    assert_eq!(judgment.votes[0].distribution, None);
}

#[tokio::test]
async fn from_probabilities_the_likeliest_value_decides_or_nothing_does() {
    let keys = format!("{FIVE}\nverdict_from: probabilities");
    let script = model("Score: 4", Finish::Stop, is("1", 0.9, 0.01));
    let (judgment, _) = judged(script, &keys, RATE).await;
    assert_eq!(judgment.score(), Some(1.0));
    assert_eq!(judgment.votes[0].rule.as_deref(), Some("Score: * scored"));
    let script = Script::answering(|request| match request.ask {
        Ask::Choose { .. } => Err(Error::new(ErrorKind::Model, "no")),
        _ => Ok(Completion::text("Score: 4")),
    });
    let (judgment, _) = judged(script.capable(scoring()).remembering(), &keys, RATE).await;
    assert_eq!(judgment.unreadable().map(|why| why.reason), Some(Reason::Unsure));
}

#[tokio::test]
async fn from_probabilities_is_refused_where_rules_or_model_have_none() {
    for (keys, why) in [
        ("kind: score\nscale: 1-5\nverdict: {json: /score}", "json /score"),
        ("kind: score\nscale: {min: 0, max: 1, step: any}\nverdict: 'Score: *'", "any decimal"),
        ("kind: score\nscale: 0-1000\nverdict: 'Score: *'", "1001 values"),
        ("kind: ranking\nverdict: 'Score: *'", "ranking"),
        ("kind: label\nverdict: 'Score: *'", "any word may be the label"),
        ("kind: preference\nverdict: 'Score: *'", "no words for the sides"),
    ] {
        let keys = format!("{keys}\nverdict_from: probabilities");
        let error = Prompt::parse("mine", &format!("---\n{keys}\n---\n{RATE}")).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    let judge = Judge::builder()
        .backend(Script::always("Score: 4").capable(Capabilities::TEXT))
        .with_prompt(prompt(&format!("{FIVE}\nverdict_from: probabilities"), RATE));
    let error = judge.build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_label_has_the_probability_of_the_positive_one_and_its_own() {
    let keys = "kind: label\nscale: {labels: {good: 1, bad: 0}}\nverdict: 'Label: *'";
    let script =
        model("Label: bad", Finish::Stop, |label| if label == " good" { 0.2 } else { 0.6 });
    let (judgment, _) = judged(script, keys, "user:\n{{ answer }}\nLabel: {{ scale }}\n").await;
    let Ok(Verdict::Label(label)) = &judgment.verdict else { panic!("a label") };
    assert_eq!(label.label, "bad");
    assert!((label.p.unwrap() - 0.25).abs() < 1e-9);
    assert!((label.confidence.unwrap() - 0.75).abs() < 1e-9);
}

#[tokio::test]
async fn sides_shown_in_the_other_order_are_mapped_back() {
    let script = model("Hm.", Finish::Stop, |label| match label {
        "A]]" => 0.7,
        "B]]" => 0.2,
        _ => 0.05,
    });
    let script = std::sync::Arc::new(script);
    let judge = Judge::builder().backend(script.clone()).prompt("pair").build().await.unwrap();
    let item = Item::from(json!({"question": "q", "answers": ["one", "two"]}));
    let judgment = judge.judge(&item).await.unwrap();
    let seen: Vec<Vec<(String, f64)>> =
        judgment.votes.iter().map(|vote| vote.distribution.clone().unwrap().labels).collect();
    let menu = |first, second| {
        vec![("first".to_owned(), first), ("second".into(), second), ("tie".into(), 0.05)]
    };
    assert_eq!(seen, [menu(0.7, 0.2), menu(0.2, 0.7)]);
    // The first answer that is shown is preferred in both orders: a tie.
    assert_eq!((judgment.preference(), judgment.consistent), (Some(Preference::Tie), Some(false)));
    let asked = script.asked();
    let scored = asked.iter().find(|request| matches!(request.ask, Ask::Choose { .. })).unwrap();
    assert!(turn(scored).ends_with(": [["), "{}", turn(scored));
}

#[tokio::test]
async fn the_first_error_is_one_of_the_steps_or_none() {
    let script =
        model(
            "Step 1 is wrong.",
            Finish::Stop,
            |label| {
                if label.starts_with('1') { 0.8 } else { 0.02 }
            },
        );
    let script = std::sync::Arc::new(script);
    let judge =
        Judge::builder().backend(script.clone()).prompt("first-error").build().await.unwrap();
    let item = Item::from(json!({"problem": "p", "steps": ["a", "b", "c"]}));
    let judgment = judge.judge(&item).await.unwrap();
    assert_eq!(judgment.first_error(), Some(Some(1)));
    assert_eq!(labels(&script.asked()[1]), ["-1}", "0}", "1}", "2}"]);
    let seen = judgment.votes[0].distribution.as_ref().unwrap();
    let meanings: Vec<&str> = seen.labels.iter().map(|(meaning, _)| meaning.as_str()).collect();
    assert_eq!(meanings, ["-1", "0", "1", "2"]);
}

#[tokio::test]
async fn the_text_goes_on_with_its_own_tokens() {
    let script = Script::answering(|request| {
        if let Ask::Choose { labels } = &request.ask {
            let seen = labels.iter().map(|label| (label.clone(), 0.2)).collect();
            return Ok(Completion::text(" 1").distribution(Distribution::new(seen)));
        }
        let mut said = Completion::text("Fine.\nScore: 4");
        said.token_ids = vec![3, 1, 4];
        Ok(said)
    });
    let (_, asked) = judged(script.capable(scoring()).remembering(), FIVE, RATE).await;
    let said = &asked[1].messages.last().unwrap().parts[0];
    assert_eq!(
        (said.as_text(), said.token_ids.as_slice()),
        ("Fine.\nScore:", [3, 1, 4].as_slice())
    );
}

#[tokio::test]
async fn a_choice_after_a_text_that_ran_out_of_tokens_still_counts() {
    let script = |label: f64| {
        Script::answering(move |request| {
            Ok(match &request.ask {
                Ask::Choose { labels } => {
                    let seen = vec![(labels[0].clone(), label), (labels[1].clone(), label / 4.0)];
                    Completion::text(labels[0].clone()).distribution(Distribution::new(seen))
                }
                _ => Completion::text("Let me see. First").finish(Finish::Length),
            })
        })
    };
    let judge = |script: Script| async {
        let judge = Judge::builder().backend(script.capable(scoring())).prompt("correct");
        let item = Item::new().question("q").answer("a");
        judge.build().await.unwrap().judge(&item).await.unwrap()
    };
    let judgment = judge(script(0.8)).await;
    assert_eq!(judgment.label(), Some("correct"));
    assert_eq!(judgment.votes[0].distribution.as_ref().unwrap().labels[1].0, "incorrect");
    let judgment = judge(script(0.001)).await;
    assert_eq!(judgment.unreadable().map(|why| why.reason), Some(Reason::Unsure));
}

#[test]
fn menus_are_shown_as_they_are_evaluated() {
    let menu = |name: &str| {
        let prompts = tribunal::prompt::built_in().unwrap();
        let prompt = prompts.iter().find(|prompt| prompt.name() == name).unwrap();
        prompt.evaluated().map(|menu| {
            let values: Vec<String> = menu.values.iter().map(|value| value.text.clone()).collect();
            (menu.announcement, values.join("|"))
        })
    };
    let of = |announcement: &str, values: &str| Ok((announcement.to_owned(), values.to_owned()));
    assert_eq!(menu("score"), of("Score <mark>:", " 1| 2| 3| 4| 5| 6| 7| 8| 9| 10"));
    assert_eq!(menu("pair"), of("Verdict <mark>: [[", "A]]|B]]|C]]"));
    assert_eq!(menu("label"), of("Label <mark>:", " good| bad"));
    assert_eq!(menu("criteria"), of("Score <mark>:", " 1| 2| 3| 4| 5"));
    assert_eq!(menu("correct"), of("Is the answer correct (Yes/No)? <mark>:", " Yes| No"));
    assert_eq!(menu("first-error"), of("First error <mark>: \\boxed{", "-1}|0}|1}|2}"));
    assert_eq!(menu("tiny-steps"), of("Verdict: \\boxed{", "-1}|0}|1}|2}"));
    assert!(menu("rank").unwrap_err().contains("ranking"));
    assert!(menu("draft").unwrap_err().contains("itself is the result"));
}

#[test]
fn a_form_stands_around_values_after_a_mark() {
    let read = |verdict: &str| {
        let keys = format!("kind: score\nscale: 1-5\nverdict: {verdict}");
        Prompt::parse("mine", &format!("---\n{keys}\n---\n{RATE}Score {{{{ mark }}}}: [[<n>]]\n"))
    };
    let menu = read("{mark: true, form: '[[*]]'}").unwrap().evaluated().unwrap();
    assert_eq!(menu.announcement, "Score <mark>: [[");
    assert_eq!(menu.values[0].text, "1]]");
    let error = read("{pattern: 'Score: *', form: '[[*]]'}").unwrap_err().to_string();
    assert!(error.contains("`form` under `verdict` belongs to `mark`"), "{error}");
    let error = read("{mark: true, form: '[[]]'}").unwrap_err().to_string();
    assert!(error.contains("exactly one `*`"), "{error}");
    let error = format!("{:?}", read("{mark: true, from: '[[*]]'}").unwrap_err());
    assert!(error.contains("did you mean `form`?"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the probabilities: under `auto` a text that can be read keeps its own value.
    #[test]
    fn a_readable_text_is_never_overruled(score in 1_u8..=5, weights in prop::array::uniform5(0.0_f64..=1.0)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let total = weights.iter().sum::<f64>().max(1.0);
        let script = Script::answering(move |request| Ok(match &request.ask {
            Ask::Choose { labels } => {
                let seen = labels.iter().cloned().zip(weights.map(|weight| weight / total)).collect();
                Completion::text(labels[0].clone()).distribution(Distribution::new(seen))
            }
            _ => Completion::text(format!("So.\n**Score: {score}/5**")),
        }));
        let (judgment, _) = runtime.block_on(judged(script.capable(scoring()).remembering(), FIVE, RATE));
        prop_assert_eq!(judgment.score(), Some(f64::from(score)));
        prop_assert!(judgment.votes[0].distribution.is_some());
        prop_assert_eq!(judgment.votes[0].rule.as_deref(), Some("Score: *"));
    }
}
