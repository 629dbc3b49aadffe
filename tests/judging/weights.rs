//! Weights of members: what each aggregate makes of them, and which are refused.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]

use std::sync::Arc;

use crate::{
    aggregation::{missing, picked, said, vote},
    judging::{answer, score},
};
use tribunal::{
    Judge, Verdict,
    aggregate::{Aggregate, Rules, decide},
    backend::Script,
    verdict::{Label, Outcome, Preference, Vote},
};

/// The verdict of members with these weights and outcomes.
fn weighed(how: Option<Aggregate>, members: &[(f64, Outcome)]) -> Verdict {
    let name = |n: usize| -> Arc<str> { format!("m{n}").into() };
    let weights: Vec<(Arc<str>, f64)> =
        members.iter().enumerate().map(|(n, (weight, _))| (name(n), *weight)).collect();
    let votes: Vec<Vote> = members
        .iter()
        .enumerate()
        .map(|(n, (_, outcome))| vote(&name(n), 0, &[0], outcome.clone()))
        .collect();
    let labels = ["good".to_owned(), "bad".to_owned()];
    decide(&votes, &Rules::new(how).weights(&weights).menu(&labels, None)).verdict.unwrap()
}

fn scores(how: Aggregate, members: &[(f64, f64)]) -> f64 {
    let members: Vec<_> =
        members.iter().map(|(weight, score)| (*weight, said(Verdict::Score(*score)))).collect();
    let Verdict::Score(score) = weighed(Some(how), &members) else { panic!("a score") };
    score
}

#[test]
fn numbers_are_averaged_halved_and_counted_by_weight() {
    // (2·3 + 1·6 + 1·9) / 4
    assert_eq!(scores(Aggregate::Mean, &[(2.0, 3.0), (1.0, 6.0), (1.0, 9.0)]).to_string(), "5.25");
    // Half of the weight is 2.5: with 3 and 6 it is 2 and 5.
    assert_eq!(scores(Aggregate::Median, &[(2.0, 3.0), (3.0, 6.0)]).to_string(), "6");
    assert_eq!(scores(Aggregate::Median, &[(2.0, 3.0), (1.0, 6.0), (1.0, 9.0)]).to_string(), "4.5");
    // 3 has two votes, and 8 more weight.
    assert_eq!(scores(Aggregate::Majority, &[(1.0, 3.0), (1.0, 3.0), (2.5, 8.0)]).to_string(), "8");
    assert_eq!(scores(Aggregate::Majority, &[(1.0, 3.0), (1.0, 3.0), (1.5, 8.0)]).to_string(), "3");
}

#[test]
fn labels_and_sides_are_won_by_weight_and_tie_at_equal_weights() {
    let named = |label: &str| said(Verdict::Label(Label::new(label)));
    let votes = |heavy: f64| [(1.0, named("bad")), (1.0, named("bad")), (heavy, named("good"))];
    assert_eq!(weighed(None, &votes(2.5)).label(), Some("good"));
    assert_eq!(weighed(None, &votes(1.5)).label(), Some("bad"));
    // 3/4 · 0.6 + 1/4 · 0.1 is below a half: the first member alone would have won.
    let sure = |p: f64| picked(&[("good", p), ("bad", 1.0 - p)]);
    let Verdict::Label(label) = weighed(None, &[(3.0, sure(0.6)), (1.0, sure(0.1))]) else {
        panic!("a label")
    };
    assert_eq!(label.label, "bad");
    assert!((label.distribution.unwrap().of("good").unwrap() - 0.475).abs() < 1e-9);
    let side = |side| said(Verdict::Preference(side));
    let sides = |heavy: f64| {
        let (first, second) = (side(Preference::First), side(Preference::Second));
        weighed(None, &[(1.0, first.clone()), (1.0, first), (heavy, second)])
    };
    assert_eq!(sides(3.0), Verdict::Preference(Preference::Second));
    assert_eq!(sides(2.0), Verdict::Preference(Preference::Tie));
    assert_eq!(sides(1.9), Verdict::Preference(Preference::First));
}

#[test]
fn rankings_are_by_weighted_mean_place() {
    let ranked = |order: [usize; 3]| said(Verdict::Ranking(order.map(|one| vec![one]).into()));
    // Places of answer 0: 0 with the weight 3, and 2 with the weight 1; answer 1: 1 and 0; answer 2: 2 and 1.
    let verdict = weighed(None, &[(3.0, ranked([0, 1, 2])), (1.0, ranked([1, 2, 0]))]);
    assert_eq!(verdict, Verdict::Ranking(vec![vec![0], vec![1], vec![2]]));
    let verdict = weighed(None, &[(1.0, ranked([0, 1, 2])), (3.0, ranked([1, 2, 0]))]);
    assert_eq!(verdict, Verdict::Ranking(vec![vec![1], vec![2], vec![0]]));
}

#[test]
fn the_weight_of_a_member_without_a_verdict_does_not_count() {
    let votes =
        [(100.0, missing()), (1.0, said(Verdict::Score(4.0))), (3.0, said(Verdict::Score(8.0)))];
    assert_eq!(weighed(None, &votes), Verdict::Score(7.0));
}

#[tokio::test]
async fn a_jury_weighs_its_members_and_refuses_weights_that_mean_nothing() {
    let member = async |says: &'static str| {
        let judge =
            Judge::builder().backend(Script::always(says)).with_prompt(score("{{ answer }}"));
        judge.build().await.unwrap()
    };
    let (one, other) = (member("Score: 2").await, member("Score: 8").await);
    let jury = || Judge::panel([("one", one.clone()), ("other", other.clone())]);
    let plain = jury().build().await.unwrap();
    let heavy = jury().weights([("other", 2.0)]).build().await.unwrap();
    assert_eq!(plain.judge(&answer()).await.unwrap().score(), Some(5.0));
    assert_eq!(heavy.judge(&answer()).await.unwrap().score(), Some(6.0));
    // The same is asked, and another verdict is read of it.
    assert_eq!(plain.line_key(&answer()), heavy.line_key(&answer()));
    assert_ne!(plain.reading(), heavy.reading());
    for (weight, why) in [
        (("othr", 2.0), "did you mean `other`?"),
        (("other", 0.0), "the weight of `other` is 0, and must be above 0"),
        (("other", f64::NAN), "must be above 0"),
    ] {
        let error = jury().weights([weight]).build().await.unwrap_err();
        assert!(format!("{error:?}").contains(why), "{error:?}");
    }
    let error =
        jury().weights([("other", 2.0)]).aggregate(Aggregate::Max).build().await.unwrap_err();
    assert!(error.to_string().contains("knows no weights"), "{error}");
}
