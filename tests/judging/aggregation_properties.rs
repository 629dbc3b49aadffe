//! What holds for any votes: properties of combining them.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use crate::aggregation::{
    ALL, abstained, decided, draws, failed, first_error, judged_until_wrong, label_of, missing,
    picked, said, shares, steps, vote,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use tribunal::{
    Verdict,
    aggregate::{Aggregate, Decision, Rules, decide},
    completion::Distribution,
    verdict::{Label, Preference, Vote},
};

/// Every way to combine votes: also the one that depends on their number.
fn any_way() -> impl Strategy<Value = Option<Aggregate>> {
    select(ALL.into_iter().chain([Some(Aggregate::Sum)]).collect::<Vec<_>>())
}

const LABELS: [&str; 4] = ["correct", "neutral", "incorrect", "unsure"];

fn distribution() -> impl Strategy<Value = Distribution> {
    vec(1_u32..100, 5).prop_map(|parts| {
        let total = f64::from(parts.iter().sum::<u32>());
        let labels =
            LABELS.iter().zip(&parts).map(|(label, part)| (*label, f64::from(*part) / total));
        shares(&labels.collect::<Vec<_>>())
    })
}

fn any_label() -> impl Strategy<Value = Verdict> {
    let bare = (select(&LABELS[..]), option::of(0.0..1.0)).prop_map(|(name, confidence)| {
        let mut label = Label::new(name);
        (label.p, label.confidence) = (confidence, confidence);
        Verdict::Label(label)
    });
    let picked = distribution().prop_map(|seen| {
        let best = seen.labels.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap().clone();
        let mut label = Label::new(best.0);
        (label.confidence, label.distribution) = (Some(best.1), Some(seen));
        Verdict::Label(label)
    });
    prop_oneof![bare, picked]
}

fn any_steps() -> impl Strategy<Value = Verdict> {
    let probable =
        vec(0.0..1.0, 1..7).prop_map(|p| judged_until_wrong(&p).verdict().unwrap().clone());
    let whole = vec(option::weighted(0.8, 0.0..1.0_f64), 1..7).prop_map(|p| {
        let word =
            |p: &Option<f64>| if p.is_some_and(|p| p < 0.5) { "incorrect" } else { "correct" };
        let labels: Vec<_> = p.iter().map(|p| (word(p), *p)).collect();
        steps(labels.iter().position(|(word, _)| *word == "incorrect"), &labels)
    });
    let bare = option::of(0_usize..7).prop_map(|error| steps(error, &[]));
    prop_oneof![probable, whole, bare]
}

fn any_ranking() -> impl Strategy<Value = Verdict> {
    let order = Just((0..4_usize).collect::<Vec<_>>()).prop_shuffle();
    (order, 1..5_usize, 1..3_usize).prop_map(|(order, length, size)| {
        let groups = order[..length].chunks(size).map(|group| {
            let mut group = group.to_vec();
            group.sort_unstable();
            group
        });
        Verdict::Ranking(groups.collect())
    })
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (0_i32..11).prop_map(f64::from),
        2 => -5.0..5.0,
        1 => select(vec![f64::MAX, f64::MIN, f64::MIN_POSITIVE, 1e300, -1e300, 0.1 + 0.2]),
    ]
}

fn any_side() -> impl Strategy<Value = Verdict> {
    select(vec![Preference::First, Preference::Second, Preference::Tie])
        .prop_map(Verdict::Preference)
}

/// Verdicts of one kind.
fn verdicts() -> impl Strategy<Value = Vec<Verdict>> {
    let criteria =
        proptest::collection::btree_map("[ab]", number(), 0..3).prop_map(Verdict::Criteria);
    prop_oneof![
        vec(number().prop_map(Verdict::Score), 1..8),
        vec(any_label(), 1..8),
        vec(any_steps(), 1..8),
        vec(any_side(), 1..8),
        vec(any_ranking(), 1..8),
        vec(vec(number(), 0..4).prop_map(Verdict::Scores), 1..8),
        vec(criteria, 1..8),
        vec("[ab]{0,2}".prop_map(Verdict::Text), 1..8),
    ]
}

/// Votes of several members, draws and orders, some of them without a verdict.
fn votes() -> impl Strategy<Value = Vec<Vote>> {
    let around = (0_usize..3, 0_u32..3, any::<bool>(), 0_u32..10, option::of(distribution()));
    (verdicts(), vec(around, 8), any::<bool>()).prop_map(|(verdicts, around, compared)| {
        let cast = |(verdict, (by, draw, swapped, fate, seen)): (Verdict, _)| {
            let (by, draw, fate): (usize, u32, u32) = (by, draw, fate);
            let order: &[usize] = match (compared, swapped) {
                (false, _) => &[0],
                (true, false) => &[0, 1],
                (true, true) => &[1, 0],
            };
            let outcome = match fate {
                0 => missing(),
                1 => failed(),
                2 => abstained(),
                _ => said(verdict),
            };
            let mut vote = vote(["a", "b", "c"][by], draw, order, outcome);
            vote.distribution = seen;
            vote
        };
        verdicts.into_iter().zip(around).map(cast).collect()
    })
}

/// Every number that a decision holds.
fn numbers(decision: &Decision) -> Vec<f64> {
    let of = |seen: &Option<Distribution>| {
        let labels = seen.iter().flat_map(|seen| seen.labels.iter().map(|(_, p)| *p));
        labels.chain(seen.iter().map(|seen| seen.missing)).collect::<Vec<_>>()
    };
    let mut all = of(&decision.distribution);
    all.extend(decision.expected_score);
    match &decision.verdict {
        Ok(Verdict::Score(score)) => all.push(*score),
        Ok(Verdict::Scores(scores)) => all.extend(scores),
        Ok(Verdict::Criteria(criteria)) => all.extend(criteria.values()),
        Ok(Verdict::Label(label)) => {
            all.extend(label.p.into_iter().chain(label.confidence));
            all.extend(of(&label.distribution));
        }
        Ok(Verdict::Steps(steps)) => {
            for step in &steps.steps {
                all.extend(step.p);
                all.extend(of(&step.distribution));
            }
        }
        _ => (),
    }
    all
}

/// The same decision, whatever else is known of it.
fn decision_of(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Label(label) => label.label.clone(),
        other => other.to_string(),
    }
}

fn is_whole(seen: &Distribution) -> bool {
    (seen.mass() + seen.missing - 1.0).abs() < 1e-9
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn if_every_vote_names_an_error_so_does_the_judgment(
        all in vec(any_steps(), 1..7),
        around in vec((0_usize..3, 0_u32..3), 7),
        how in select(&ALL[..]),
    ) {
        let names = |verdict: &Verdict| matches!(verdict, Verdict::Steps(steps) if steps.first_error.is_some());
        let wrong: Vec<Verdict> = all.into_iter().filter(names).collect();
        prop_assume!(!wrong.is_empty());
        let errors: Vec<_> = wrong.iter().map(|verdict| first_error(&Ok(verdict.clone()))).collect();
        let cast = |(verdict, (by, draw)): (Verdict, (usize, u32))| vote(["a", "b", "c"][by], draw, &[0], said(verdict));
        let votes: Vec<Vote> = wrong.into_iter().zip(around).map(cast).collect();
        let verdict = decide(&votes, &Rules::new(how)).verdict;
        prop_assert!(errors.contains(&first_error(&verdict)), "{verdict:?}");
        let Ok(Verdict::Steps(steps)) = verdict else { unreachable!() };
        let at = |n: usize| steps.steps.iter().find(|step| step.index == n);
        let error = at(steps.first_error.unwrap());
        prop_assert!(error.is_none_or(|step| step.label == "incorrect"));
        let before = steps.steps.iter().take_while(|step| step.index < steps.first_error.unwrap());
        prop_assert!(before.into_iter().all(|step| step.label == "correct"));
    }

    #[test]
    fn permuting_votes_changes_nothing(
        (votes, permuted) in votes().prop_flat_map(|votes| (Just(votes.clone()), Just(votes).prop_shuffle())),
        how in any_way(),
        quorum in option::of(0_usize..4),
    ) {
        let rules = Rules::new(how).quorum(quorum);
        prop_assert_eq!(decide(&votes, &rules), decide(&permuted, &rules));
    }

    #[test]
    fn votes_without_a_verdict_never_change_the_verdict_of_the_rest(
        votes in votes(),
        lost in vec((0_usize..4, 10_u32..13, any::<bool>()), 0..5),
        how in select(&ALL[..]),
    ) {
        // Of draws of their own: within a draw, a lost order makes it count as half.
        let cast = |(by, draw, fails): (usize, u32, bool)| {
            vote(["a", "b", "c", "d"][by], draw, &[0, 1], if fails { failed() } else { missing() })
        };
        let rules = Rules::new(how);
        let alone = decide(&votes, &rules);
        prop_assume!(alone.verdict.is_ok());
        let all: Vec<Vote> = votes.iter().cloned().chain(lost.into_iter().map(cast)).collect();
        let decision = decide(&all, &rules);
        prop_assert_eq!(&decision.verdict, &alone.verdict);
        prop_assert_eq!(decision.consistent, alone.consistent);
        prop_assert_eq!(decision.votes.readable, alone.votes.readable);
    }

    #[test]
    fn a_member_that_abstains_changes_nothing_and_is_counted_apart(
        votes in votes(),
        draws in 1_u32..4,
        how in select(&ALL[..]),
        weight in 0.1..9.0_f64,
        quorum in option::of(0_usize..4),
    ) {
        let idle = (0..draws).map(|draw| vote("d", draw, &[0], abstained()));
        let all: Vec<Vote> = votes.iter().cloned().chain(idle).collect();
        let weights = [("d".into(), weight)];
        let rules = Rules::new(how).quorum(quorum).weights(&weights);
        let (with, without) = (decide(&all, &rules), decide(&votes, &rules));
        prop_assert_eq!(with.verdict.as_ref().ok(), without.verdict.as_ref().ok());
        prop_assert_eq!((with.consistent, with.distribution), (without.consistent, without.distribution));
        prop_assert_eq!(with.votes.abstained, without.votes.abstained + draws as usize);
        prop_assert_eq!(with.members.abstained, without.members.abstained + 1);
        prop_assert_eq!((with.votes.failed, with.votes.unreadable), (without.votes.failed, without.votes.unreadable));
    }

    #[test]
    fn equal_weights_are_no_weights(votes in votes(), how in select(&ALL[..]), weight in 0.001..1e6_f64) {
        let weights: Vec<_> = ["a", "b", "c"].map(|name| (name.into(), weight)).into();
        let rules = Rules::new(how);
        prop_assert_eq!(decide(&votes, &rules.weights(&weights)), decide(&votes, &rules));
    }

    #[test]
    fn a_member_of_weight_two_is_two_members_of_the_same_opinion(
        (all, how) in (verdicts(), select(&ALL[..])).prop_filter("a text is the first of several", |(all, _)| {
            !matches!(all[0], Verdict::Text(_))
        }),
    ) {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let cast = |(name, verdict): (&&str, &Verdict)| vote(name, 0, &[0], said(verdict.clone()));
        let once: Vec<Vote> = names.iter().zip(&all).map(cast).collect();
        let mut twice = once.clone();
        twice.push(vote("h", 0, &[0], said(all[0].clone())));
        let weights = [("a".into(), 2.0)];
        let rules = Rules::new(how);
        let (weighed, doubled) = (decide(&once, &rules.weights(&weights)), decide(&twice, &rules));
        let close = numbers(&weighed).iter().zip(numbers(&doubled)).all(|(one, other)| {
            (one - other).abs() <= 1e-6 * one.abs().max(1.0)
        });
        prop_assert!(close, "{:?} {:?}", weighed.verdict, doubled.verdict);
        if !matches!(weighed.verdict, Ok(Verdict::Score(_) | Verdict::Scores(_) | Verdict::Criteria(_) | Verdict::Steps(_))) {
            let (one, other) = (weighed.verdict.unwrap(), doubled.verdict.unwrap());
            prop_assert_eq!(decision_of(&one), decision_of(&other));
        }
    }

    #[test]
    fn a_unanimous_vote_is_the_verdict_whatever_the_aggregate(
        verdict in verdicts().prop_map(|all| all[0].clone()),
        around in vec((0_usize..3, 0_u32..3, any::<bool>()), 1..7),
        how in select(&ALL[..]),
    ) {
        let cast = |(by, draw, swapped): (usize, u32, bool)| {
            vote(["a", "b", "c"][by], draw, if swapped { &[1, 0] } else { &[0, 1] }, said(verdict.clone()))
        };
        let votes: Vec<Vote> = around.into_iter().map(cast).collect();
        let decision = decide(&votes, &Rules::new(how));
        prop_assert_eq!(decision_of(&decision.verdict.unwrap()), decision_of(&verdict));
        prop_assert!(decision.consistent != Some(false));
    }

    #[test]
    fn averaged_distributions_add_up_to_one(
        all in vec((0_usize..3, 0_u32..3, distribution(), distribution()), 1..8),
        how in select(&ALL[..]),
    ) {
        let cast = |(by, draw, own, beside): (usize, u32, Distribution, Distribution)| {
            let mut label = Label::new("neutral");
            label.distribution = Some(own);
            let mut vote = vote(["a", "b", "c"][by], draw, &[0], said(Verdict::Label(label)));
            vote.distribution = Some(beside);
            vote
        };
        let votes: Vec<Vote> = all.into_iter().map(cast).collect();
        let decision = decide(&votes, &Rules::new(how));
        prop_assert!(is_whole(&decision.distribution.clone().unwrap()));
        prop_assert!(is_whole(&label_of(&decision).distribution.unwrap()));
    }

    #[test]
    fn of_many_labels_the_verdict_is_the_likeliest_of_the_mean(all in vec(distribution(), 2..8)) {
        let outcomes = all.iter().map(|seen| {
            let labels: Vec<_> = seen.labels.iter().map(|(label, p)| (label.as_str(), *p)).collect();
            picked(&labels)
        });
        let label = label_of(&decided(&draws(outcomes)));
        let given: Vec<_> = all.iter().map(picked_of).collect();
        let is_unanimous = given.iter().all(|one| *one == given[0]);
        let seen = label.distribution.unwrap();
        let most = seen.labels.iter().map(|(_, p)| *p).fold(0.0, f64::max);
        prop_assert!(is_unanimous || seen.of(&label.label).unwrap() > most - 1e-8);
        prop_assert_eq!(label.confidence, seen.of(&label.label));
    }

    #[test]
    fn no_decision_holds_what_is_not_a_number(votes in votes(), how in any_way(), quorum in option::of(0_usize..4)) {
        let decision = decide(&votes, &Rules::new(how).quorum(quorum));
        prop_assert!(numbers(&decision).iter().all(|n| n.is_finite()), "{decision:?}");
        let counts = decision.votes;
        let without = counts.unreadable + counts.failed + counts.abstained;
        prop_assert_eq!(counts.readable + without, votes.len());
    }
}

fn picked_of(seen: &Distribution) -> String {
    let best = seen.labels.iter().max_by(|a, b| a.1.total_cmp(&b.1));
    best.unwrap().0.clone()
}
