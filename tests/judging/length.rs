//! Answers that the limit of tokens cut off: asked for once more with twice the tokens, and then unreadable.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::Arc;

use serde_json::json;
use tribunal::{
    Completion, Error, Item, Judge, Judgment, Prompt,
    backend::{Capabilities, Script},
    completion::{Distribution, Finish, Usage},
    error::ErrorKind,
    line::VoteLine,
    report::{Labels, Summary},
    request::{Ask, Request},
    verdict::Reason,
};

const KEYS: &str = "kind: score\nscale: {min: 1, max: 9}\nsampling: {temperature: 1, max_tokens: 100}\nverdict: 'Score: *'";
const BODY: &str = "user:\nRate: {{ answer }}\nassistant:\n{{ gen('critique') }}\n";

fn prompt(keys: &str, body: &str) -> Prompt {
    Prompt::parse("p", &format!("---\n{keys}\n---\n{body}")).unwrap()
}

/// An answer that its limit cut off after so many tokens.
fn cut(text: &str, tokens: u64) -> Completion {
    Completion::text(text).finish(Finish::Length).usage(Usage::new(40, tokens))
}

/// A model that writes its verdict only where it has room for so many tokens.
fn wordy(needed: u32) -> Script {
    Script::answering(move |request| Ok(within(request, needed))).remembering()
}

fn within(request: &Request, needed: u32) -> Completion {
    let most = request.sampling.max_tokens.unwrap_or(100);
    if most < needed {
        return cut("It is long, and so", u64::from(most));
    }
    Completion::text("Fine.\nScore: 7").usage(Usage::new(40, u64::from(needed)))
}

async fn judged(script: &Arc<Script>, keys: &str, body: &str) -> Judgment {
    judge(script, keys, body).await.judge(&Item::new().answer("a")).await.unwrap()
}

async fn judge(script: &Arc<Script>, keys: &str, body: &str) -> Judge {
    let builder = Judge::builder().backend(script.clone()).with_prompt(prompt(keys, body));
    builder.build().await.unwrap()
}

fn limits(script: &Script) -> Vec<Option<u32>> {
    script.asked().iter().map(|request| request.sampling.max_tokens).collect()
}

fn truncated(judgment: &Judgment) -> &str {
    let why = judgment.unreadable().unwrap();
    assert_eq!(why.reason, Reason::Truncated, "{why}");
    &why.detail
}

#[tokio::test]
async fn a_cut_answer_is_asked_for_once_more_with_twice_the_tokens() {
    let script = Arc::new(wordy(150));
    let judgment = judged(&script, KEYS, BODY).await;
    assert_eq!(judgment.score(), Some(7.0));
    let asked = script.asked();
    assert_eq!(limits(&script), [Some(100), Some(200)]);
    // It is the same request but for its limit, and so another one for a cache.
    let mut second = asked[1].clone();
    second.sampling.max_tokens = Some(100);
    assert_eq!(second, asked[0]);
    assert_ne!(asked[0].key("m"), asked[1].key("m"));
    // Both answers were paid for; the vote holds the text that has a verdict.
    assert_eq!((judgment.calls, judgment.usage.prompt, judgment.usage.completion), (2, 80, 250));
    assert_eq!(judgment.votes[0].calls.len(), 1);
    assert_eq!(judgment.votes[0].calls[0].max_tokens, Some(200));
    assert_eq!(judgment.critique(), "Fine.\nScore: 7");
}

#[tokio::test]
async fn an_answer_that_is_cut_twice_is_unreadable_and_asked_for_no_more() {
    let script = Arc::new(wordy(1_000));
    let judgment = judged(&script, KEYS, BODY).await;
    let why = truncated(&judgment);
    assert_eq!(
        why,
        "`critique` ran into its limit of tokens; asked again with up to 200 tokens, which were too few as well"
    );
    assert_eq!(limits(&script), [Some(100), Some(200)]);
    // The texts give the same outcome again, without a model.
    let item = Item::new().answer("a");
    let votes: Vec<VoteLine> = judgment.votes.iter().map(VoteLine::from).collect();
    let votes: Vec<VoteLine> =
        serde_json::from_str(&serde_json::to_string(&votes).unwrap()).unwrap();
    let judge = judge(&script, KEYS, BODY).await;
    let mut summary = Summary::new(&judge, Labels::default());
    summary.count("r", None, Ok(&judgment));
    assert_eq!((summary.reasked.asked, summary.reasked.read), (1, 0));
    let again = judge.reread(&item, &votes, None).unwrap();
    assert_eq!(again.unreadable(), judgment.unreadable());
    assert_eq!(script.calls(), 2);
}

#[tokio::test]
async fn without_repeated_requests_a_cut_answer_is_unreadable_at_once() {
    let script = Arc::new(wordy(150));
    let builder = Judge::builder().backend(script.clone()).with_prompt(prompt(KEYS, BODY));
    let judge = builder.reasks(0).build().await.unwrap();
    let judgment = judge.judge(&Item::new().answer("a")).await.unwrap();
    assert_eq!(truncated(&judgment), "`critique` ran into its limit of tokens");
    assert_eq!(script.calls(), 1);
}

#[tokio::test]
async fn a_cut_answer_with_a_verdict_keeps_it() {
    // What follows the first line cannot change this verdict.
    let keys = "kind: preference\norder: given\nverdict: {numbers: 2, line: first}";
    let body = "user:\n{{ answers[0] }} or {{ answers[1] }}\nassistant:\n{{ gen('scores') }}\n";
    let item = Item::from(json!({"answers": ["a", "b"]}));
    let script = Arc::new(Script::always(cut("8 9\nThe second one is", 6)));
    let judgment = judge(&script, keys, body).await.judge(&item).await.unwrap();
    assert_eq!(judgment.preference().unwrap().name(), "second");
    assert_eq!(script.calls(), 1);
    // The line itself may be cut.
    let script = Arc::new(Script::always(cut("8 9", 6)));
    let judgment = judge(&script, keys, body).await.judge(&item).await.unwrap();
    truncated(&judgment);
    // A limit that is an expected end does not matter.
    let body = "user:\n{{ answer }}\nassistant:\n{{ gen('critique', cut='ok') }}\n";
    let script = Arc::new(Script::always(cut("Score: 3\nIt", 6)));
    assert_eq!(judged(&script, KEYS, body).await.score(), Some(3.0));
    assert_eq!(script.calls(), 1);
}

#[tokio::test]
async fn only_the_turn_that_was_cut_is_asked_again_and_what_follows_from_it() {
    let script = |needed: [u32; 2]| {
        Arc::new(
            Script::answering(move |request| {
                let turn = request.messages.len() / 2;
                Ok(within(request, needed[turn]))
            })
            .remembering(),
        )
    };
    let turns =
        |script: &Script| script.asked().iter().map(|r| r.messages.len() / 2).collect::<Vec<_>>();
    let body = "user:\n{{ answer }}\nassistant:\n{{ gen('one') }}\nuser:\nAnd now?\nassistant:\n{{ gen('two') }}\n";
    let second = script([50, 150]);
    assert_eq!(judged(&second, KEYS, body).await.score(), Some(7.0));
    assert_eq!(turns(&second), [0, 1, 1]);
    assert_eq!(limits(&second), [Some(100), Some(100), Some(200)]);
    // An earlier turn that no rule reads is only context.
    let first = script([150, 50]);
    assert_eq!(judged(&first, KEYS, body).await.score(), Some(7.0));
    assert_eq!(turns(&first), [0, 1]);
    // One that a rule reads is asked again, and the later turn is built on the new text.
    let keys = KEYS.replace("'Score: *'", "{pattern: 'Score: *', in: one}");
    let named = script([150, 50]);
    assert_eq!(judged(&named, &keys, body).await.score(), Some(7.0));
    assert_eq!(turns(&named), [0, 1, 0, 1]);
    assert_eq!(named.asked()[3].messages[1].text(), "Fine.\nScore: 7");
}

#[tokio::test]
async fn draws_and_elements_are_asked_again_each_on_its_own() {
    let of_draw =
        Script::answering(|request| Ok(within(request, if request.draw == 1 { 150 } else { 50 })));
    let script = Arc::new(of_draw.remembering());
    let keys = format!("{KEYS}\ndraws: 3");
    let judgment = judged(&script, &keys, BODY).await;
    assert_eq!((judgment.score(), judgment.calls), (Some(7.0), 4));
    let longer = script.asked().into_iter().filter(|r| r.sampling.max_tokens == Some(200));
    assert_eq!(longer.map(|request| request.draw).collect::<Vec<_>>(), [1]);

    let of_step = Script::answering(|request| {
        let is_second = request.messages[0].text().contains("Step b");
        let mut answer = within(request, if is_second { 150 } else { 50 });
        answer.text = answer.text.replace("Score: 7", "Verdict: yes");
        Ok(answer)
    });
    let script = Arc::new(of_step.remembering());
    let keys = "kind: steps\neach: steps\nsampling: {max_tokens: 100}\nverdict: {pattern: 'Verdict: *', values: {'yes': correct, 'no': incorrect}}";
    let body = "user:\nStep {{ step }}\nassistant:\n{{ gen('critique') }}\n";
    let judge = judge(&script, keys, body).await;
    let item = Item::from(json!({"steps": ["a", "b", "c"]}));
    let judgment = judge.judge(&item).await.unwrap();
    assert_eq!(judgment.calls, 4, "{:?}", judgment.verdict);
    assert_eq!(judgment.steps().unwrap().steps.len(), 3);
}

#[tokio::test]
async fn no_more_is_asked_for_than_the_context_holds() {
    // The prompt has 40 tokens, so there is room for 120.
    let script = |needed| Arc::new(wordy(needed).capable(Capabilities::TEXT.context(160)));
    let some = script(110);
    assert_eq!(judged(&some, KEYS, BODY).await.score(), Some(7.0));
    assert_eq!(limits(&some), [Some(100), Some(120)]);
    let full = Arc::new(wordy(110).capable(Capabilities::TEXT.context(140)));
    let judgment = judged(&full, KEYS, BODY).await;
    assert_eq!(
        truncated(&judgment),
        "`critique` ran into its limit of tokens; more cannot be asked for: the context holds 140 tokens, and the prompt has 40"
    );
    assert_eq!(full.calls(), 1);
}

#[tokio::test]
async fn a_limit_of_the_server_is_doubled_where_the_answer_shows_it() {
    let keys = KEYS.replace(", max_tokens: 100", "");
    let known = Arc::new(wordy(150));
    assert_eq!(judged(&known, &keys, BODY).await.score(), Some(7.0));
    assert_eq!(limits(&known), [None, Some(200)]);
    let unknown = Completion::text("It is").finish(Finish::Length);
    let unknown = Arc::new(Script::always(unknown));
    let judgment = judged(&unknown, &keys, BODY).await;
    assert!(truncated(&judgment).ends_with("set max_tokens"), "{:?}", judgment.unreadable());
    assert_eq!(unknown.calls(), 1);
}

#[tokio::test]
async fn where_the_second_request_fails_the_first_answer_and_the_reason_are_kept() {
    let script = |error: fn() -> Error| {
        Arc::new(Script::answering(move |request| match request.sampling.max_tokens {
            Some(200) => Err(error()),
            _ => Ok(cut("It is long", 100)),
        }))
    };
    let limit = script(|| Error::new(ErrorKind::Refused, "max_tokens is at most 128"));
    let judgment = judged(&limit, KEYS, BODY).await;
    assert_eq!(
        truncated(&judgment),
        "`critique` ran into its limit of tokens; asking again with up to 200 tokens failed: max_tokens is at most 128"
    );
    assert_eq!(judgment.critique(), "It is long");
    // An error that every later request would meet is not the fault of this record.
    let no_key = script(|| Error::new(ErrorKind::Unauthorized, "no such key"));
    let judge = judge(&no_key, KEYS, BODY).await;
    let error = judge.judge(&Item::new().answer("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn where_values_can_be_scored_a_cut_answer_is_scored_first() {
    let script = |p: f64| {
        let script = Script::answering(move |request| {
            let Ask::Choose { labels } = &request.ask else { return Ok(within(request, 150)) };
            let p = |label: &String| if label.trim() == "7" { p } else { p / 100.0 };
            let seen = labels.iter().map(|label| (label.clone(), p(label))).collect();
            Ok(Completion::text(labels[6].clone()).distribution(Distribution::new(seen)))
        });
        Arc::new(script.capable(Capabilities::ALL.score_verdict(true)).remembering())
    };
    let sure = script(0.8);
    assert_eq!(judged(&sure, KEYS, BODY).await.score(), Some(7.0));
    assert_eq!(limits(&sure), [Some(100), None]);
    // Where the model was about to write something else, it is given the room for it.
    let unsure = script(0.001);
    let judgment = judged(&unsure, KEYS, BODY).await;
    assert_eq!(limits(&unsure), [Some(100), None, Some(200), None]);
    assert_eq!((judgment.score(), judgment.calls), (Some(7.0), 4));
}

#[tokio::test]
async fn a_text_that_is_itself_the_result_is_asked_for_again_too() {
    let keys = "kind: revision\nsampling: {max_tokens: 100}";
    let script = Arc::new(wordy(150));
    let judgment = judged(&script, keys, BODY).await;
    assert_eq!(judgment.text(), Some("Fine.\nScore: 7"));
    assert_eq!(limits(&script), [Some(100), Some(200)]);
}

#[cfg(feature = "store")]
#[tokio::test]
async fn both_requests_are_remembered_even_if_thinking_used_up_the_first() {
    use tribunal::backend::cache::{Cache, Mode};
    let script = Arc::new(Script::answering(|request| {
        Ok(match request.sampling.max_tokens {
            Some(100) => cut("", 100),
            _ => Completion::text("Score: 7"),
        })
    }));
    let folder = tempfile::tempdir().unwrap();
    let item = Item::new().answer("a");
    for cached in [0, 2] {
        let cached_script = Cache::open(folder.path(), Mode::On).over(script.clone());
        let judge = Judge::builder()
            .backend(cached_script)
            .with_prompt(prompt(KEYS, BODY))
            .build()
            .await
            .unwrap();
        let judgment = judge.judge(&item).await.unwrap();
        assert_eq!((judgment.score(), judgment.cached), (Some(7.0), cached));
    }
    assert_eq!(script.calls(), 2);
}
