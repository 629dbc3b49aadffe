//! What a plan says about samples whose answers are known.

#![expect(clippy::float_cmp, clippy::cast_precision_loss, reason = "small sums are exact")]

use super::{sample::powers, *};
use crate::strategy::best_of::DrawnValue;

fn candidate(answer: &str, value: Option<f64>, draws: usize) -> PlanCandidate {
    let verdicts = vec![DrawnValue::new(value, 50); draws];
    PlanCandidate::new(Some(answer.to_owned()), answer == "right", 100, verdicts)
}

/// A question of which every fourth candidate is right, judged by a judge that knows it.
fn hard(draws: usize) -> Vec<PlanCandidate> {
    let wrong = || candidate("wrong", Some(0.1), draws);
    vec![candidate("right", Some(0.9), draws), wrong(), wrong(), wrong()]
}

/// A question of which three of four candidates are right.
fn easy(draws: usize) -> Vec<PlanCandidate> {
    let right = || candidate("right", Some(0.9), draws);
    vec![candidate("wrong", Some(0.1), draws), right(), right(), right()]
}

fn plan(questions: impl IntoIterator<Item = Vec<PlanCandidate>>) -> Plan {
    let mut sample = PlanSample::default();
    questions.into_iter().for_each(|question| sample.add(question));
    sample.plan()
}

fn find(splits: &[Split], candidates: usize, verdicts: usize, rule: PlanRule) -> &Split {
    let found = splits.iter().find(|split| {
        (split.candidates, split.verdicts, split.rule) == (candidates, verdicts, rule)
    });
    found.unwrap()
}

#[test]
fn tokens_are_counted_exactly() {
    let splits = plan([hard(2), easy(2)]).splits;
    // 100 tokens for each candidate, and 50 for each of its verdicts.
    for split in &splits {
        let each = 100 + 50 * split.verdicts;
        assert!((split.tokens - (split.candidates * each) as f64).abs() < 1e-9, "{split:?}");
    }
    let sizes: Vec<_> = splits.iter().map(|split| (split.candidates, split.verdicts)).collect();
    let each = |n| [(n, 0), (n, 1), (n, 1), (n, 2), (n, 2)];
    assert_eq!(sizes, [each(1), each(2), each(4)].concat());
}

#[test]
fn a_judge_that_knows_finds_what_the_majority_does_not() {
    let splits = plan((0..20).map(|_| hard(1))).splits;
    assert_eq!(find(&splits, 4, 0, PlanRule::Majority).accuracy, 0.0);
    assert_eq!(find(&splits, 4, 1, PlanRule::Best).accuracy, 1.0);
    assert_eq!(find(&splits, 4, 1, PlanRule::Weighted).accuracy, 1.0);
    // One candidate alone is right as often as a candidate is.
    let one = find(&splits, 1, 0, PlanRule::Majority);
    assert!((one.accuracy - 0.25).abs() < 0.04, "{one:?}");
    assert!(one.interval.0 < 0.25 && one.interval.1 > 0.25, "{one:?}");
}

#[test]
fn a_budget_is_compared_with_candidates_alone_at_the_same_tokens() {
    let budgets = plan((0..20).map(|_| hard(1))).budgets;
    // Four candidates cost 400 tokens alone; for them, two can be judged.
    let four = budgets.iter().find(|budget| budget.tokens == 400.0).unwrap();
    assert_eq!((four.best.candidates, four.best.verdicts), (2, 1));
    assert!(four.best.tokens <= 400.0 && four.gain.0 > 0.2, "{four:?}");
    let (low, high) = four.gain.1;
    assert!(low > 0.0 && low <= four.gain.0 && four.gain.0 <= high, "{four:?}");
    let last = budgets.last().unwrap();
    assert_eq!((last.tokens, last.best.accuracy), (600.0, 1.0));
}

#[test]
fn verdicts_that_cannot_be_read_leave_the_majority() {
    let unread = || candidate("right", None, 1);
    let question = || vec![unread(), unread(), candidate("wrong", None, 1)];
    let splits = plan([question()]).splits;
    assert_eq!(find(&splits, 3, 1, PlanRule::Best).accuracy, 1.0);
    assert_eq!(find(&splits, 3, 1, PlanRule::Weighted).accuracy, 1.0);
    // No answer at all is never right, whatever it is worth.
    let mute = PlanCandidate::new(None, false, 10, vec![DrawnValue::new(Some(1.0), 5)]);
    let splits = plan([vec![mute]]).splits;
    assert!(splits.iter().all(|split| split.accuracy == 0.0));
}

#[test]
fn one_question_is_no_certainty() {
    let splits = plan([hard(1)]).splits;
    let all = find(&splits, 4, 1, PlanRule::Best);
    assert!(all.accuracy == 1.0 && all.interval.0 < 0.5 && all.interval.1 == 1.0, "{all:?}");
    let budgets = plan([hard(1)]).budgets;
    let (gain, (low, high)) = budgets.last().unwrap().gain;
    assert!(low < gain && gain <= high && high <= 1.0, "{budgets:?}");
    // Many questions that are alike say much more.
    let splits = plan((0..200).map(|_| hard(1))).splits;
    assert!(find(&splits, 4, 1, PlanRule::Best).interval.0 > 0.95);
}

#[test]
fn equal_samples_give_equal_plans() {
    let sample = || plan([hard(3), easy(3), hard(3)]);
    assert_eq!(sample(), sample());
    assert_eq!(sample().to_string(), sample().to_string());
    assert!(plan([vec![]]).splits.is_empty());
    assert_eq!(powers(6), [1, 2, 4, 6]);
    assert_eq!(powers(0), [0_usize; 0]);
}
