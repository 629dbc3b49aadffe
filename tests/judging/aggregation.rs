//! How votes become one verdict: orders, draws and members.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]

use serde_json::json;
use tribunal::{
    Completion, Error, Judgment, Unreadable, Verdict,
    aggregate::{Aggregate, Decision, Rules, decide},
    completion::Distribution,
    error::ErrorKind,
    parse::{Chosen, Parser, Reader, Reply, Slot, Transcript, VerdictSpec},
    verdict::{Label, Outcome, Preference, Reason, StepLabel, Steps, Vote},
};

pub(crate) const ALL: [Option<Aggregate>; 7] = [
    None,
    Some(Aggregate::Mean),
    Some(Aggregate::Median),
    Some(Aggregate::Majority),
    Some(Aggregate::Min),
    Some(Aggregate::Max),
    Some(Aggregate::Expected),
];

pub(crate) fn vote(by: &str, draw: u32, order: &[usize], outcome: impl Into<Outcome>) -> Vote {
    let mut vote = Vote::new(outcome);
    (vote.by, vote.draw, vote.order) = (by.into(), draw, order.to_vec());
    vote
}

/// Votes of one member, a draw each.
pub(crate) fn draws(outcomes: impl IntoIterator<Item = Outcome>) -> Vec<Vote> {
    (0..).zip(outcomes).map(|(draw, outcome)| vote("judge", draw, &[0], outcome)).collect()
}

/// Votes of several members, one each.
fn members(outcomes: impl IntoIterator<Item = Outcome>) -> Vec<Vote> {
    let name = |n: usize| format!("member {n}");
    let votes = outcomes.into_iter().enumerate();
    votes.map(|(n, outcome)| vote(&name(n), 0, &[0], outcome)).collect()
}

pub(crate) fn said(verdict: Verdict) -> Outcome {
    Outcome::Verdict(verdict)
}

fn score(score: f64) -> Outcome {
    said(Verdict::Score(score))
}

pub(crate) fn missing() -> Outcome {
    Outcome::Unreadable(Unreadable::new(Reason::Missing, "nothing"))
}

pub(crate) fn abstained() -> Outcome {
    Outcome::Unreadable(Unreadable::new(Reason::Abstained, "`cannot assess`"))
}

pub(crate) fn failed() -> Outcome {
    Outcome::Failed(Error::new(ErrorKind::TimedOut, "too late"))
}

pub(crate) fn shares(labels: &[(&str, f64)]) -> Distribution {
    Distribution::new(labels.iter().map(|(label, p)| ((*label).to_owned(), *p)).collect())
}

/// A label that was picked: the likeliest of these.
pub(crate) fn picked(labels: &[(&str, f64)]) -> Outcome {
    let best = labels.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    let mut label = Label::new(best.0);
    label.confidence = Some(best.1);
    label.distribution = Some(shares(labels));
    said(Verdict::Label(label))
}

fn named(label: &str, confidence: Option<f64>) -> Outcome {
    let mut named = Label::new(label);
    named.p = confidence.map(|sure| if label == "correct" { sure } else { 1.0 - sure });
    named.confidence = confidence;
    said(Verdict::Label(named))
}

fn prefers(side: Preference) -> Outcome {
    said(Verdict::Preference(side))
}

pub(crate) fn steps(first_error: Option<usize>, labels: &[(&str, Option<f64>)]) -> Verdict {
    let label = |(n, (label, p)): (usize, &(&str, Option<f64>))| {
        let mut step = StepLabel::new(n, *label);
        step.p = *p;
        step
    };
    let mut steps = Steps::default();
    steps.first_error = first_error;
    steps.steps = labels.iter().enumerate().map(label).collect();
    Verdict::Steps(steps)
}

/// Steps that were judged one by one, up to the first that is likelier wrong than right.
pub(crate) fn judged_until_wrong(p: &[f64]) -> Outcome {
    let word = |p: f64| if p < 0.5 { "incorrect" } else { "correct" };
    let first_error = p.iter().position(|p| *p < 0.5);
    let end = first_error.map_or(p.len(), |error| error + 1);
    let labels: Vec<_> = p[..end].iter().map(|p| (word(*p), Some(*p))).collect();
    said(steps(first_error, &labels))
}

pub(crate) fn decided(votes: &[Vote]) -> Decision {
    decide(votes, &Rules::default())
}

fn by(votes: &[Vote], how: Aggregate) -> Result<Verdict, Unreadable> {
    decide(votes, &Rules::new(Some(how))).verdict
}

pub(crate) fn label_of(decision: &Decision) -> Label {
    match &decision.verdict {
        Ok(Verdict::Label(label)) => label.clone(),
        other => panic!("a label, not {other:?}"),
    }
}

pub(crate) fn first_error(verdict: &Result<Verdict, Unreadable>) -> Option<usize> {
    match verdict {
        Ok(Verdict::Steps(steps)) => steps.first_error,
        other => panic!("steps, not {other:?}"),
    }
}

#[test]
fn votes_without_a_verdict_are_skipped_and_counted() {
    let decision = decided(&draws([score(4.0), missing(), failed(), score(5.0)]));
    assert_eq!(decision.verdict, Ok(Verdict::Score(4.5)));
    let counts = decision.votes;
    assert_eq!((counts.readable, counts.unreadable, counts.failed), (2, 1, 1));
}

#[test]
fn without_any_verdict_the_first_unreadable_answer_says_why() {
    let votes = draws([failed(), missing(), missing()]);
    assert_eq!(decided(&votes).verdict.unwrap_err().to_string(), "missing: nothing");
    let why = decided(&draws([failed()])).verdict.unwrap_err();
    assert_eq!(why.to_string(), "empty: no answer: too late");
    assert!(decided(&[]).verdict.is_err());
}

#[test]
fn of_three_labels_the_one_with_most_probability_wins() {
    let b: &[(&str, f64)] = &[("A", 0.3), ("B", 0.4), ("C", 0.3)];
    let votes = draws([picked(&[("A", 0.4), ("B", 0.3), ("C", 0.3)]), picked(b), picked(b)]);
    let label = label_of(&decided(&votes));
    assert_eq!(label.label, "B");
    assert!((label.confidence.unwrap() - 1.1 / 3.0).abs() < 1e-9);
    assert_eq!(label.distribution.unwrap().labels[0].0, "A");
}

#[test]
fn a_label_that_nobody_picked_can_be_the_likeliest() {
    let votes = draws([
        picked(&[("A", 0.55), ("B", 0.45), ("C", 0.0)]),
        picked(&[("A", 0.0), ("B", 0.45), ("C", 0.55)]),
    ]);
    assert_eq!(label_of(&decided(&votes)).label, "B");
    let counted = decide(&votes, &Rules::new(Some(Aggregate::Majority)));
    assert_eq!(label_of(&counted).label, "A");
}

#[test]
fn labels_are_counted_where_one_vote_has_no_distribution() {
    let all: &[(&str, f64)] = &[("A", 0.99), ("B", 0.01), ("C", 0.0)];
    let votes = draws([picked(all), named("B", None), named("B", None)]);
    let label = label_of(&decided(&votes));
    assert_eq!((label.label.as_str(), label.confidence, label.distribution), ("B", None, None));
}

#[test]
fn of_two_labels_the_confidence_is_a_distribution() {
    let votes = draws([
        named("correct", Some(0.55)),
        named("correct", Some(0.55)),
        named("incorrect", Some(0.99)),
    ]);
    let mean = label_of(&decided(&votes));
    assert_eq!(mean.label, "incorrect");
    assert!((mean.confidence.unwrap() - (0.45 + 0.45 + 0.99) / 3.0).abs() < 1e-12);
    assert!((mean.p.unwrap() - (0.55 + 0.55 + 0.01) / 3.0).abs() < 1e-12);
    let most = label_of(&decide(&votes, &Rules::new(Some(Aggregate::Majority))));
    assert_eq!(most.label, "correct");
    let menu = ["correct", "neutral", "incorrect"].map(str::to_owned);
    let three = label_of(&decide(&votes, &Rules::new(None).menu(&menu, None)));
    assert_eq!((three.label.as_str(), three.confidence), ("correct", None));
}

#[test]
fn of_equally_frequent_labels_the_first_on_the_menu_wins() {
    let votes = draws([named("bad", None), named("good", None)]);
    assert_eq!(label_of(&decided(&votes)).label, "bad");
    let menu = ["good", "bad"].map(str::to_owned);
    assert_eq!(label_of(&decide(&votes, &Rules::new(None).menu(&menu, None))).label, "good");
}

#[test]
fn a_preference_that_changes_with_the_order_is_a_tie() {
    let pair = |given: Outcome, swapped: Outcome| {
        let decision =
            decided(&[vote("judge", 0, &[0, 1], given), vote("judge", 0, &[1, 0], swapped)]);
        (decision.verdict, decision.consistent)
    };
    let (first, second, tie) = (Preference::First, Preference::Second, Preference::Tie);
    let of = |side| Ok(Verdict::Preference(side));
    assert_eq!(pair(prefers(first), prefers(first)), (of(first), Some(true)));
    assert_eq!(pair(prefers(first), prefers(second)), (of(tie), Some(false)));
    assert_eq!(pair(prefers(first), prefers(tie)), (of(tie), Some(false)));
    assert_eq!(pair(prefers(first), missing()), (of(first), None));
    assert_eq!(pair(failed(), prefers(second)), (of(second), None));
}

#[test]
fn a_draw_with_one_unreadable_or_failed_order_counts_as_half() {
    let both = |draw, given: Outcome, swapped: Outcome| {
        vec![vote("judge", draw, &[0, 1], given), vote("judge", draw, &[1, 0], swapped)]
    };
    let (first, second) = (Preference::First, Preference::Second);
    let whole = |side, draw| both(draw, prefers(side), prefers(side));
    let half = |side, draw| both(draw, prefers(side), failed());
    let of = |votes: &[Vec<Vote>]| decided(&votes.concat()).verdict.unwrap().to_string();
    assert_eq!(of(&[whole(first, 0), half(second, 1)]), "first is better");
    assert_eq!(of(&[whole(first, 0), half(second, 1), half(second, 2)]), "tie");
    assert_eq!(of(&[half(first, 0), half(second, 1)]), "tie");
    assert_eq!(of(&[half(first, 0)]), "first is better");
}

#[test]
fn draws_are_never_taken_for_orders() {
    // Three draws of a judge that compares nothing, whatever its setting for the order was.
    let decision = decided(&draws([named("A", None), named("B", None), named("B", None)]));
    assert_eq!((label_of(&decision).label.as_str(), decision.consistent), ("B", None));
}

#[test]
fn two_votes_that_find_an_error_do_not_make_a_solution_right() {
    let votes =
        draws([judged_until_wrong(&[0.9, 0.45]), judged_until_wrong(&[0.9, 0.9, 0.9, 0.9, 0.1])]);
    let verdict = decided(&votes).verdict;
    assert_eq!(first_error(&verdict), Some(4));
    let Ok(Verdict::Steps(steps)) = verdict else { panic!("steps") };
    let words: Vec<&str> = steps.steps.iter().map(|step| step.label.as_str()).collect();
    assert_eq!(words, ["correct", "correct", "correct", "correct", "incorrect"]);
    assert!((steps.steps[1].p.unwrap() - 0.675).abs() < 1e-12);
}

#[test]
fn steps_keep_the_labels_of_the_prompt() {
    let vote = |p| steps(Some(1), &[("sound", Some(0.8)), ("flawed", Some(p))]);
    let verdict = decided(&draws([said(vote(0.1)), said(vote(0.3))])).verdict;
    let expected = steps(Some(1), &[("sound", Some(0.8)), ("flawed", Some(0.2))]);
    assert_eq!(verdict, Ok(expected));
}

#[test]
fn bare_first_errors_are_counted_and_an_error_wins_over_none() {
    let named = |first_error| said(steps(first_error, &[]));
    let of = |errors: &[Option<usize>]| {
        first_error(&decided(&draws(errors.iter().map(|error| named(*error)))).verdict)
    };
    assert_eq!(of(&[None, Some(3), None]), None);
    assert_eq!(of(&[Some(3), Some(1), Some(3)]), Some(3));
    assert_eq!(of(&[None, Some(3)]), Some(3));
    assert_eq!(of(&[Some(3), Some(1)]), Some(1));
}

#[test]
fn rankings_are_merged_by_mean_place() {
    let ranked = |groups: &[&[usize]]| {
        said(Verdict::Ranking(groups.iter().map(|group| group.to_vec()).collect()))
    };
    let votes = draws([ranked(&[&[0], &[1], &[2]]), ranked(&[&[1], &[0], &[2]])]);
    assert_eq!(decided(&votes).verdict.unwrap().to_string(), "0 = 1 > 2");
    // What a vote leaves out shares its last places.
    let votes = draws([ranked(&[&[0], &[1], &[2]]), ranked(&[&[2]])]);
    assert_eq!(decided(&votes).verdict.unwrap().to_string(), "0 > 2 > 1");
}

#[test]
fn numbers_of_unlike_length_are_taken_where_they_are() {
    let votes =
        draws([said(Verdict::Scores(vec![1.0, 2.0, 3.0])), said(Verdict::Scores(vec![3.0]))]);
    assert_eq!(decided(&votes).verdict, Ok(Verdict::Scores(vec![2.0, 2.0, 3.0])));
    let row = |name: &str, n: f64| said(Verdict::Criteria([(name.to_owned(), n)].into()));
    let votes = draws([row("a", 1.0), row("a", 2.0), row("b", 5.0)]);
    let all = [("a".to_owned(), 1.5), ("b".to_owned(), 5.0)];
    assert_eq!(decided(&votes).verdict, Ok(Verdict::Criteria(all.into())));
}

#[test]
fn each_way_to_combine_numbers_does_what_it_says() {
    let votes = draws([7.0, 1.0, 1.0, 4.0, 7.0, 10.0].map(score));
    let of = |how| by(&votes, how).unwrap().to_string();
    assert_eq!(of(Aggregate::Mean), "5");
    assert_eq!(of(Aggregate::Median), "5.5");
    assert_eq!(of(Aggregate::Majority), "1");
    assert_eq!(of(Aggregate::Min), "1");
    assert_eq!(of(Aggregate::Max), "10");
}

#[test]
fn members_count_alike_however_many_draws_they_have() {
    let mut votes = draws([2.0, 2.0, 2.0, 2.0].map(score));
    votes.push(vote("other", 0, &[0], score(8.0)));
    let decision = decided(&votes);
    assert_eq!(decision.verdict, Ok(Verdict::Score(5.0)));
    assert_eq!(decision.members.readable, 2);
}

#[test]
fn members_may_combine_their_draws_in_ways_of_their_own() {
    let mut votes = draws([1.0, 2.0, 9.0].map(score));
    votes.extend([vote("other", 0, &[0], score(6.0)), vote("other", 1, &[0], score(8.0))]);
    let own = [("judge".into(), Some(Aggregate::Median)), ("other".into(), None)];
    let of = |how| decide(&votes, &Rules::new(Some(how)).members(&own)).verdict;
    assert_eq!(of(Aggregate::Mean), Ok(Verdict::Score(4.5)));
    assert_eq!(of(Aggregate::Max), Ok(Verdict::Score(7.0)));
}

#[test]
fn a_member_that_changes_with_the_order_is_one_tie_among_the_members() {
    let pair = |by, given, swapped| {
        [vote(by, 0, &[0, 1], prefers(given)), vote(by, 0, &[1, 0], prefers(swapped))]
    };
    let (first, second) = (Preference::First, Preference::Second);
    let votes = [pair("a", first, second), pair("b", first, first)].concat();
    let decision = decided(&votes);
    assert_eq!(decision.verdict.unwrap().to_string(), "first is better");
    assert_eq!(decision.consistent, Some(false));
}

#[test]
fn below_its_quorum_a_jury_has_no_verdict_and_says_why() {
    let votes = members([score(7.0), missing(), failed()]);
    let of = |quorum| decide(&votes, &Rules::new(None).quorum(Some(quorum)));
    assert_eq!(of(1).verdict, Ok(Verdict::Score(7.0)));
    let decision = of(2);
    let why = decision.verdict.unwrap_err();
    assert_eq!(why.reason, Reason::Quorum);
    assert_eq!(
        why.to_string(),
        "quorum: 1 of 3 members gave a verdict, and 2 are needed; `member 1`: missing: nothing; `member 2`: \
         empty: no answer: too late"
    );
    let counts = decision.members;
    assert_eq!((counts.readable, counts.unreadable, counts.failed), (1, 1, 1));
    let alone = decide(&draws([missing()]), &Rules::new(None).quorum(Some(1)));
    assert_eq!(alone.verdict.unwrap_err().reason, Reason::Missing);
}

#[test]
fn distributions_stand_beside_the_score_and_decide_where_they_are_asked_to() {
    let mut votes = draws([score(4.0), score(4.0)]);
    votes[0].distribution = Some(shares(&[("4", 0.6), ("5", 0.3)]));
    votes[1].distribution = Some(shares(&[("4", 0.9), ("5", 0.1)]));
    let decision = decided(&votes);
    assert_eq!(decision.verdict, Ok(Verdict::Score(4.0)));
    assert!((decision.expected_score.unwrap() - (4.0 * 0.75 + 5.0 * 0.2) / 0.95).abs() < 1e-6);
    let seen = decision.distribution.unwrap();
    assert!((seen.of("4").unwrap() - 0.75).abs() < 1e-12 && (seen.missing - 0.05).abs() < 1e-12);
    // The mean of 4.33 (without what is missing) and 4.1.
    let Ok(Verdict::Score(mean)) = by(&votes, Aggregate::Expected) else { panic!("a score") };
    assert!((mean - f64::midpoint(13.0 / 3.0, 4.1)).abs() < 1e-6, "{mean}");
    votes[1].distribution = None;
    let decision = decided(&votes);
    assert_eq!((decision.distribution, decision.expected_score), (None, None));
}

#[test]
fn under_expected_the_likeliest_side_of_both_orders_wins() {
    let pair = |p: &[f64]| {
        let mut votes = vec![
            vote("judge", 0, &[0, 1], prefers(Preference::First)),
            vote("judge", 0, &[1, 0], prefers(Preference::Second)),
        ];
        for (vote, p) in votes.iter_mut().zip(p) {
            vote.distribution = Some(shares(&[("first", *p), ("second", 1.0 - p)]));
        }
        votes
    };
    let votes = pair(&[0.9, 0.45]);
    assert_eq!(by(&votes, Aggregate::Expected).unwrap().to_string(), "first is better");
    let decision = decided(&votes);
    assert_eq!(
        (decision.verdict.unwrap().to_string().as_str(), decision.consistent),
        ("tie", Some(false))
    );
    assert_eq!(by(&pair(&[0.75, 0.25]), Aggregate::Expected).unwrap().to_string(), "tie");
}

#[test]
fn what_is_not_a_number_is_no_verdict() {
    let votes = draws([score(f64::NAN), score(3.0), score(f64::INFINITY)]);
    let decision = decided(&votes);
    assert_eq!(decision.verdict, Ok(Verdict::Score(3.0)));
    assert_eq!(decision.votes.unreadable, 2);
    let why = decided(&draws([score(f64::NAN)])).verdict.unwrap_err();
    assert_eq!(why.reason, Reason::OffScale);
}

#[test]
fn labels_of_one_meaning_are_added_up() {
    let verdict = json!({"choose": "v", "values": {"Yes": "good", "Sure": "good", "No": "bad", "Maybe": "unclear"}});
    let reader = Reader::new(&VerdictSpec::from_json("label", None, verdict).unwrap()).unwrap();
    let mut completion = Completion::text("No");
    let offered = [("Yes", 0.2), ("No", 0.3), ("Sure", 0.2), ("Maybe", 0.1)];
    completion.distribution = Some(shares(&offered));
    let slot = Slot { name: "v".into(), at: None };
    let answer = Reply { slot, chosen: Some(Chosen::Asked), may_be_cut: true, completion };
    let transcript = Transcript { results: vec![answer], ..Transcript::default() };
    let read = Judgment::new(reader.parse(&transcript).verdict);
    let Ok(Verdict::Label(label)) = read.verdict else { panic!("a label") };
    let seen = label.distribution.unwrap();
    let names: Vec<&str> = seen.labels.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["good", "bad", "unclear"]);
    assert_eq!((label.label.as_str(), label.confidence), ("bad", Some(0.375)));
    assert!((label.p.unwrap() - 0.5).abs() < 1e-12);
    assert!((seen.mass() - 1.0).abs() < 1e-12);
}
