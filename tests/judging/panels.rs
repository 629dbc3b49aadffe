//! Juries in a program: members with prompts of their own, quorums, and judgments in tasks.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::Arc;

use crate::judging::{answer, prompt, score};
use serde_json::json;
use tribunal::{
    Completion, Judge, Prompt,
    aggregate::Aggregate,
    backend::Script,
    error::ErrorKind,
    line::VoteLine,
    request::{Request, Sampling},
    verdict::Reason,
};

/// A member that says this, whatever it is asked, and the script behind it.
async fn member(body: &str, says: &'static str) -> (Judge, Arc<Script>) {
    let script = Arc::new(Script::always(says).remembering());
    let judge = Judge::builder().backend(script.clone()).with_prompt(score(body));
    (judge.build().await.unwrap(), script)
}

#[tokio::test]
async fn a_jury_asks_each_member_with_its_own_prompt_and_signs_its_votes() {
    let (strict, one) = member("Be strict.\n{{ answer }}\nScore {{ mark }}", "Score: 4").await;
    let (kind, other) = member("Be kind. {{ question }} {{ answer }}", "Score: 8").await;
    let jury = Judge::panel([("strict", strict.clone()), ("kind", kind.clone())]);
    let jury = jury.name("jury").pass("score >= 6").build().await.unwrap();
    let judgment = jury.judge(&answer()).await.unwrap();
    assert_eq!((judgment.score(), judgment.pass), (Some(6.0), Some(true)));
    let by: Vec<&str> = judgment.votes.iter().map(|vote| &*vote.by).collect();
    assert_eq!(by, ["strict", "kind"]);
    assert!(judgment.votes[0].mark.is_some() && judgment.votes[1].mark.is_none());
    let said = |script: &Script| script.asked()[0].messages[0].text();
    assert!(said(&one).contains("Be strict") && said(&other).contains("Be kind"));
    assert_eq!((one.calls(), other.calls()), (1, 1));
    assert_eq!((jury.name(), strict.name()), ("jury", "script"));

    // A member asks in a jury what it asks alone, so that a cache knows it.
    strict.judge(&answer()).await.unwrap();
    assert_eq!(one.asked()[0], one.asked()[1]);

    // Members may be named in any order: the questions are the same, and so are the keys of lines.
    let turned = Judge::panel([("kind", kind.clone()), ("strict", strict)]).name("jury");
    let turned = turned.pass("score >= 6").build().await.unwrap();
    assert_eq!(turned.line_key(&answer()), jury.line_key(&answer()));
    assert_eq!((turned.identity(), turned.reading()), (jury.identity(), jury.reading()));
    assert_ne!(jury.line_key(&answer()), kind.line_key(&answer()));
    assert_ne!(jury.reading(), turned.passing(&"score >= 2".parse().unwrap()).unwrap().reading());
}

#[tokio::test]
async fn a_jury_stands_while_its_quorum_does() {
    let jury = async |quorum: Option<usize>, says: [&'static str; 3]| {
        let mut members = Vec::new();
        for (name, says) in ["a", "b", "c"].into_iter().zip(says) {
            members.push((name, member("{{ answer }}", says).await.0));
        }
        let builder = Judge::panel(members).aggregate(Aggregate::Median);
        let builder = match quorum {
            Some(members) => builder.quorum(members),
            None => builder,
        };
        builder.build().await.unwrap().judge(&answer()).await.unwrap()
    };
    assert_eq!(jury(None, ["Score: 3", "Score: 4", "Score: 9"]).await.score(), Some(4.0));
    let two = jury(None, ["Score: 3", "Hm.", "Score: 9"]).await;
    assert_eq!(two.score(), Some(6.0), "more than half is enough");
    let one = jury(None, ["Score: 3", "Hm.", "Well."]).await;
    let why = one.unreadable().unwrap();
    assert_eq!(why.reason, Reason::Quorum);
    assert!(why.detail.contains("1 of 3 members gave a verdict, and 2 are needed"), "{why}");
    assert_eq!(jury(Some(1), ["Score: 3", "Hm.", "Well."]).await.score(), Some(3.0));
    assert!(jury(Some(3), ["Score: 3", "Hm.", "Score: 9"]).await.verdict.is_err());
}

#[tokio::test]
async fn members_that_cannot_vote_together_are_refused_by_name() {
    let of = async |prompt: Prompt| {
        Judge::builder().backend(Script::always("x")).with_prompt(prompt).build().await.unwrap()
    };
    let label = |bad: &str| {
        let values = format!("{{'Good': good, 'Bad': {bad}}}");
        let verdict = format!("verdict: {{pattern: 'Verdict: *', values: {values}}}");
        prompt(&format!("kind: label\n{verdict}"), "{{ answer }}")
    };
    let ten = "kind: score\nscale: {min: 1, max: 10}\nverdict: 'Score: *'";
    let cases = [
        (score("{{ answer }}"), label("bad"), "they judge score and label"),
        (
            score("{{ answer }}"),
            prompt(ten, "{{ answer }}"),
            "their scales are from 1 to 9 and from 1 to 10",
        ),
        (label("bad"), label("poor"), "their labels are bad, good and good, poor"),
    ];
    for (one, other, why) in cases {
        let members = [("x", of(one).await), ("y", of(other).await)];
        let error = Judge::panel(members).build().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let all = error.to_string();
        assert!(all.contains("the members `x` and `y` cannot vote together"), "{all}");
        assert!(all.contains(why), "{all}");
    }
    let plain = of(score("{{ answer }}")).await;
    let refused = async |members: &[(&'static str, Judge)], quorum| {
        let builder = Judge::panel(members.to_vec()).quorum(quorum);
        builder.build().await.unwrap_err().to_string()
    };
    let twice = [("x", plain.clone()), ("x", plain.clone())];
    assert_eq!(refused(&twice, 1).await, "two members are called `x`");
    let both = [("x", plain.clone()), ("y", plain.clone())];
    assert_eq!(refused(&both, 3).await, "a quorum of 3 is impossible");
    assert_eq!(refused(&[], 1).await, "a judge needs at least one member");
    let jury = Judge::panel(both).build().await.unwrap();
    let nested = [("jury", jury), ("x", plain)];
    assert_eq!(refused(&nested, 1).await, "the member `jury` has members of its own");
}

#[tokio::test]
async fn each_member_combines_its_own_draws_in_its_own_way() {
    let drawing = async |aggregate: Aggregate| {
        let script = Script::answering(|request| {
            Ok(Completion::text(format!("Score: {}", [2, 3, 7][request.draw as usize])))
        });
        let judge = Judge::builder().backend(script).with_prompt(score("{{ answer }}"));
        let mut warm = Sampling::default();
        warm.temperature = Some(1.0);
        judge.sampling(warm).draws(3).aggregate(aggregate).build().await.unwrap()
    };
    let members =
        [("low", drawing(Aggregate::Min).await), ("middle", drawing(Aggregate::Median).await)];
    let jury = Judge::panel(members).aggregate(Aggregate::Max).build().await.unwrap();
    let judgment = jury.judge(&answer()).await.unwrap();
    assert_eq!((judgment.score(), judgment.votes.len()), (Some(3.0), 6));
}

#[tokio::test]
async fn a_jury_is_read_again_by_the_votes_of_its_members() {
    let (one, _) = member("{{ answer }}\nEnd with: Score {{ mark }}: N", "Score: 2").await;
    let (other, _) = member("{{ answer }} {{ question }}", "Fine.\nScore: 6").await;
    let jury = Judge::panel([("one", one.clone()), ("other", other)]).build().await.unwrap();
    let first = jury.judge(&answer()).await.unwrap();
    let lines: Vec<VoteLine> = first.votes.iter().map(VoteLine::from).collect();
    let again = jury.reread(&answer(), &lines, None).unwrap();
    assert_eq!((again.score(), &again.votes), (Some(4.0), &first.votes));
    assert_eq!(again.attempts, 0);

    // A vote that failed stays so, and the others are read.
    let mut broken_line = lines.clone();
    broken_line[0] = serde_json::from_value(json!({
        "by": "one", "draw": 0, "order": "given", "calls": [],
        "error": {"kind": "timed_out", "message": "no answer came in time"},
    }))
    .unwrap();
    let one_left = jury.reread(&answer(), &broken_line, None).unwrap();
    assert_eq!(one_left.unreadable().unwrap().reason, Reason::Quorum);
    assert_eq!(one_left.votes[0].outcome.failed().unwrap().kind(), ErrorKind::TimedOut);

    let mut foreign = lines.clone();
    foreign[0].by = "nobody".into();
    assert!(jury.reread(&answer(), &foreign, None).is_err());
    // Votes of a judge of one member are its own, whatever they are signed with.
    assert_eq!(one.reread(&answer(), &foreign[..1], None).unwrap().score(), Some(2.0));
    foreign[0].calls.clear();
    assert!(one.reread(&answer(), &foreign[..1], None).is_err());
}

#[tokio::test]
async fn a_dry_run_asks_what_a_run_would_ask_first() {
    let (strict, one) = member("Be strict. {{ answer }}", "Score: 4").await;
    let (kind, _) = member("Be kind. {{ answer }}", "Score: 8").await;
    let jury = Judge::panel([("strict", strict), ("kind", kind)]).build().await.unwrap();
    let planned = jury.rehearse(&answer()).await.unwrap();
    assert_eq!((planned.len(), one.calls()), (2, 0));
    jury.judge(&answer()).await.unwrap();
    assert_eq!(planned[0].1, one.asked()[0]);
    assert_eq!(&*planned[1].0.member, "kind");
}

#[tokio::test]
async fn many_items_are_judged_in_a_task_of_their_own() {
    use futures_util::{StreamExt, stream};
    let (judge, _) = member("{{ answer }}", "Score: 4").await;
    let judged = judge.judge_all(stream::iter(vec![answer(); 5]));
    drop(judge);
    let count = tokio::spawn(judged.filter(|one| std::future::ready(one.judgment.is_ok())).count());
    assert_eq!(count.await.unwrap(), 5);
}

#[cfg(feature = "store")]
#[tokio::test]
async fn a_judgment_that_is_dropped_leaves_its_requests_to_those_who_wait_for_them() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tribunal::backend::{
        cache::{Cache, Mode},
        from_fn,
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let (counted, gate) = (asked.clone(), Arc::new(tokio::sync::Semaphore::new(0)));
    let opened = gate.clone();
    let model = from_fn("slow", move |_: Request| {
        counted.fetch_add(1, Ordering::SeqCst);
        let gate = gate.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            Ok(Completion::text("Score: 7"))
        }
    });
    let cached = Cache::in_memory(Mode::On).over(Arc::new(model));
    let judge = Judge::builder().backend(cached).with_prompt(score("{{ answer }}"));
    let judge = judge.build().await.unwrap();
    let task = |judge: Judge| tokio::spawn(async move { judge.judge(&answer()).await });
    let (leader, waiter) = (task(judge.clone()), task(judge.clone()));
    while asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    opened.add_permits(10);
    assert_eq!(waiter.await.unwrap().unwrap().score(), Some(7.0));
    assert!(asked.load(Ordering::SeqCst) <= 2, "at most one more request");
}

#[test]
fn programs_without_async_have_juries_too() {
    use tribunal::blocking;
    let member = |says: &'static str| {
        let builder = Judge::builder().backend(Script::always(says)).prompt("score");
        blocking::Judge::new(builder).unwrap()
    };
    let (strict, kind) = (member("Score: 4"), member("Score: 8"));
    let members = [("strict", strict.inner().clone()), ("kind", kind.inner().clone())];
    let jury = blocking::Judge::panel(Judge::panel(members)).unwrap();
    assert_eq!(jury.judge(&answer()).unwrap().score(), Some(6.0));
}
