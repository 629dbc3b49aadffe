//! Voting@k (Liu et al. 2025, SPCT): the scores of all draws are added up, on a scale of their own.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::{
    aggregation::{draws, failed, missing, said, shares, vote},
    judging::{answer, prompt, score},
};
use tribunal::{
    Completion, Error, Item, Judge, Prompt, Verdict,
    aggregate::{Aggregate, Decision, Rules, decide},
    backend::{Script, from_fn},
    error::ErrorKind,
    judge::JudgeBuilder,
    report::{Labels, Summary},
    request::{Message, Request},
    verdict::Vote,
};

fn sum(votes: &[Vote]) -> Decision {
    decide(votes, &Rules::new(Some(Aggregate::Sum)))
}

fn score_of(number: f64) -> tribunal::verdict::Outcome {
    said(Verdict::Score(number))
}

#[test]
fn the_scores_of_all_draws_are_added_up() {
    let decision = sum(&draws([7.0, 7.0, 8.0].map(score_of)));
    assert_eq!((decision.verdict, decision.summed), (Ok(Verdict::Score(22.0)), 3));
    let rows = [[9.0, 2.0, 9.0], [8.0, 3.0, 9.0]].map(|row| said(Verdict::Scores(row.into())));
    assert_eq!(sum(&draws(rows)).verdict, Ok(Verdict::Scores(vec![17.0, 5.0, 18.0])));
    assert_eq!(sum(&draws([score_of(6.0)])).verdict, Ok(Verdict::Score(6.0)));
}

/// The plain sum of what is left would rank this record below one with worse scores.
#[test]
fn a_draw_without_a_verdict_counts_as_the_mean_of_the_others() {
    for lost in [missing(), failed()] {
        let decision = sum(&draws([score_of(8.0), lost, score_of(6.0), score_of(7.0)]));
        assert_eq!((decision.verdict, decision.summed), (Ok(Verdict::Score(28.0)), 4));
        assert_eq!(decision.votes.readable, 3);
    }
    assert!(sum(&draws([missing(), failed()])).verdict.is_err());
}

#[test]
fn a_draw_counts_once_in_however_many_orders_it_was_shown() {
    let row = |scores: [f64; 2]| said(Verdict::Scores(scores.into()));
    let both = |draw, given, swapped| {
        [vote("judge", draw, &[0, 1], row(given)), vote("judge", draw, &[1, 0], row(swapped))]
    };
    let votes = [both(0, [8.0, 4.0], [6.0, 6.0]), both(1, [9.0, 1.0], [9.0, 3.0])].concat();
    assert_eq!(sum(&votes).verdict, Ok(Verdict::Scores(vec![16.0, 7.0])));
}

#[test]
fn other_verdicts_than_scores_stay_as_they_are() {
    let text = |text: &str| said(Verdict::Text(text.into()));
    let decision = sum(&draws(["a", "a", "b"].map(text)));
    assert_eq!((decision.verdict, decision.summed), (Ok(Verdict::Text("a".into())), 1));
}

#[test]
fn the_expected_score_lies_on_the_scale_of_the_sum() {
    let mut votes = draws([score_of(4.0), score_of(5.0)]);
    for vote in &mut votes {
        vote.distribution = Some(shares(&[("4", 0.5), ("5", 0.5)]));
    }
    assert_eq!(sum(&votes).expected_score, Some(9.0));
}

#[test]
fn the_sums_of_members_are_averaged_or_added_up_too() {
    let of = |by: &str, scores: [f64; 2]| {
        (0..).zip(scores).map(|(draw, n)| vote(by, draw, &[0], score_of(n))).collect::<Vec<_>>()
    };
    let votes = [of("a", [7.0, 8.0]), of("b", [4.0, 6.0])].concat();
    let own = [("a".into(), Some(Aggregate::Sum)), ("b".into(), Some(Aggregate::Sum))];
    let by = |how| {
        let decision = decide(&votes, &Rules::new(how).members(&own));
        (decision.verdict, decision.summed)
    };
    assert_eq!(by(None), (Ok(Verdict::Score(12.5)), 2));
    assert_eq!(by(Some(Aggregate::Sum)), (Ok(Verdict::Score(25.0)), 4));
}

/// A judge on a scale from 1 to 9 that writes one of these texts in each draw.
fn drawing(texts: &'static [&'static str]) -> JudgeBuilder {
    let script = Script::answering(|request: &Request| {
        Ok(Completion::text(texts[request.draw as usize % texts.len()]))
    });
    let draws = u32::try_from(texts.len()).unwrap();
    let judge = Judge::builder().backend(script).with_prompt(score("{{ answer }}")).reasks(0);
    judge.draws(draws).aggregate(Aggregate::Sum)
}

#[tokio::test]
async fn pass_rules_and_normalized_scores_are_those_of_the_sum() {
    let judge = drawing(&["Score: 9", "Score: 8", "Score: 7"]).pass("score >= 24");
    let judgment = judge.build().await.unwrap().judge(&answer()).await.unwrap();
    assert_eq!((judgment.score(), judgment.pass), (Some(24.0), Some(true)));
    assert_eq!(judgment.normalized, Some(7.0 / 8.0));
    let error = drawing(&["Score: 9"; 3]).pass("score >= 28").build().await.unwrap_err();
    assert!(error.to_string().contains("28 is off the scale: `score` is 3 to 27"), "{error}");
    let error = drawing(&["Score: 9"; 3]).pass("score >= 2").build().await.unwrap_err();
    assert!(error.to_string().contains("`score` is 3 to 27"), "{error}");
    // A lost draw passes no worse record and fails no better one.
    let judge = drawing(&["Score: 9", "Hm.", "Score: 7"]).pass("score >= 24");
    let judgment = judge.build().await.unwrap().judge(&answer()).await.unwrap();
    assert_eq!((judgment.score(), judgment.pass), (Some(24.0), Some(true)));
}

#[tokio::test]
async fn the_bounds_of_a_summary_are_those_of_the_sum() {
    let judge = drawing(&["Score: 9", "Score: 8"]).build().await.unwrap();
    let judgment = judge.judge(&answer()).await.unwrap();
    let mut summary = Summary::new(&judge, Labels::default());
    summary.count("1", None, Ok(&judgment));
    summary.count("2", None, Err(&Error::new(ErrorKind::TimedOut, "too late")));
    let bounds = summary.bounds().unwrap();
    assert_eq!((bounds.lowest, bounds.mean, bounds.highest), (9.5, 17.0, 17.5));
}

/// Whoever stands where in a draw, the sums belong to the record's own answers.
#[tokio::test]
async fn spct_adds_up_eight_draws_of_shuffled_answers() {
    let script = Script::answering(|request: &Request| {
        let shown: String = request.messages.iter().map(Message::text).collect();
        let of = |n: usize| {
            let begin = format!("[The Begin of Response {n}]\n");
            let rest = shown.split(&begin).nth(1).unwrap_or_default();
            // In each draw, the second answer gets another score.
            let unsteady = if request.draw.is_multiple_of(2) { "3" } else { "2" };
            match rest.lines().next() {
                Some("eleven") => "9",
                Some("nine") => unsteady,
                _ => "1",
            }
        };
        let scores = [1, 2, 3].map(of).join(", ");
        Ok(Completion::text(format!("Scores: \\boxed{{{scores}}}")))
    });
    let judge = Judge::builder().backend(script).prompt("spct").build().await.unwrap();
    let item = Item::new().question("Name a prime.").answers(["eleven", "nine", "ten"]);
    let judgment = judge.judge(&item).await.unwrap();
    assert_eq!(judgment.scores(), Some(&[72.0, 20.0, 8.0][..]));
    assert_eq!(judgment.votes.len(), 8);
    let orders: std::collections::BTreeSet<_> =
        judgment.votes.iter().map(|vote| vote.order.clone()).collect();
    assert!(orders.len() > 1, "each draw shows another order");
}

#[tokio::test]
async fn members_whose_sums_lie_on_different_scales_are_refused() {
    let two = drawing(&["Score: 9", "Score: 8"]).build().await.unwrap();
    let three = drawing(&["Score: 9", "Score: 8", "Score: 8"]).build().await.unwrap();
    let jury = Judge::panel([("two", two.clone()), ("three", three)]);
    let error = jury.build().await.unwrap_err().to_string();
    assert!(
        error.contains("their scores are sums, those of 2 draws and those of 3 draws"),
        "{error}"
    );
    let jury = Judge::panel([("one", two.clone()), ("other", two)]).aggregate(Aggregate::Sum);
    let jury = jury.pass("score >= 34").build().await.unwrap();
    let judgment = jury.judge(&answer()).await.unwrap();
    assert_eq!((judgment.score(), judgment.pass), (Some(34.0), Some(true)));
    assert_eq!(judgment.normalized, Some(7.5 / 8.0));
}

#[tokio::test]
async fn only_scores_can_be_added_up() {
    const LABEL: &str =
        "kind: label\nverdict: {pattern: 'Verdict: *', values: {'yes': good, 'no': bad}}";
    let source = format!("---\n{LABEL}\naggregate: sum\n---\n{{{{ answer }}}} Verdict:");
    let error = Prompt::parse("mine", &source).unwrap_err().to_string();
    assert!(
        error.contains("`sum` adds scores up, and verdicts of kind `label` have none"),
        "{error}"
    );
    let judge = || Judge::builder().backend(Script::always("Verdict: yes"));
    let label = || judge().with_prompt(prompt(LABEL, "{{ answer }} Verdict:"));
    let error = label().aggregate(Aggregate::Sum).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(label().usual(None, Some(Aggregate::Sum)).build().await.is_ok());
}

/// A default is for judges of any kind, so that it counts where it can, as that of `order` does.
#[tokio::test]
async fn a_default_that_the_model_cannot_have_is_left_out() {
    let judge = || {
        let mute = from_fn("mute", |_: Request| async { Ok(Completion::text("Score: 4")) });
        Judge::builder().backend(mute).with_prompt(score("{{ answer }} Score:"))
    };
    let usual = judge().usual(None, Some(Aggregate::Expected)).build().await.unwrap();
    assert_eq!(usual.judge(&answer()).await.unwrap().score(), Some(4.0));
    let error = judge().aggregate(Aggregate::Expected).build().await.unwrap_err();
    assert!(error.to_string().contains("`mute` reports none"), "{error}");
    // Then the rule of the prompt counts, and the pass rule is one about its sum.
    let keys =
        "kind: score\nscale: {min: 1, max: 9}\nverdict: 'Score: *'\ndraws: 3\naggregate: sum";
    let mute = from_fn("mute", |_: Request| async { Ok(Completion::text("Score: 4")) });
    let summed = Judge::builder().backend(mute).with_prompt(prompt(keys, "{{ answer }} Score:"));
    let summed = summed.usual(None, Some(Aggregate::Expected)).pass("score >= 12");
    let judgment = summed.build().await.unwrap().judge(&answer()).await.unwrap();
    assert_eq!((judgment.score(), judgment.pass), (Some(12.0), Some(true)));
}

/// The command line and the file have the same words, and a summary shows the scale of the sum.
#[cfg(all(feature = "cli", feature = "openai"))]
#[test]
fn a_run_reports_sums_on_their_own_scale() {
    let place = crate::support::Place::new("voting");
    place.file("r.jsonl", "{\"id\": \"a\", \"answer\": \"x\", \"label\": 20}\n{\"id\": \"b\"}\n");
    place.file("tribunal.toml", "[defaults]\naggregate = 'sum'\n[judge.mine]\nprompt = 'score'\n");
    let judge = ["judge", "r.jsonl", "-m", "script:Score: 7", "-n", "3", "--pass", "score >= 20"];
    for way in [&["-p", "score", "--aggregate", "sum"][..], &["--judge", "mine"]] {
        let ran = place.run(&[&judge[..], way].concat());
        let line = &ran.lines()[0];
        assert_eq!((&line["score"], &line["pass"]), (&21.into(), &true.into()), "{}", ran.err);
        assert!(ran.err.contains("mean 21.000"), "{}", ran.err);
        assert!(ran.err.contains("between 12.000 and 25.500"), "{}", ran.err);
    }
    let strict =
        [&judge[..6], &["-p", "score", "--aggregate", "sum", "--pass", "score >= 2"]].concat();
    let ran = place.run(&strict);
    assert!(ran.code == 2 && ran.err.contains("`score` is 3 to 30"), "{}", ran.err);
}
