//! Members that are asked in the place of others that have no verdict.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use crate::judging::{answer, driven, score};
use proptest::{collection::vec, prelude::*};
use tribunal::{
    Completion, Error, Item, Judge, Prompt,
    aggregate::Aggregate,
    backend::{Capabilities, Script},
    error::ErrorKind,
    judging::{Facts, Member, Panel},
    line::VoteLine,
    verdict::Reason,
};

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Scores,
    IsUnreadable,
    Fails,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![3 => Just(Fate::Scores), 1 => Just(Fate::IsUnreadable), 1 => Just(Fate::Fails)]
}

static PROMPT: LazyLock<Arc<Prompt>> = LazyLock::new(|| Arc::new(score("{{ answer }}")));

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}

/// A panel with these members and replacements, two draws each.
fn panel(members: usize, spares: usize) -> Arc<Panel> {
    let of = |names: Vec<String>| -> Vec<Member> {
        let member = |name: String| Member::new(name, PROMPT.clone()).unwrap();
        names.into_iter().map(|name| member(name).drawing(2).reasking(1)).collect()
    };
    let panel = Panel::with_replacements(of(names("m", members)), of(names("s", spares)));
    Arc::new(panel.unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_first_replacements_are_asked_in_whatever_order_answers_arrive(
        fates in vec(fate(), 1..5),
        spare_fates in vec(fate(), 0..4),
        picks in vec(any::<prop::sample::Index>(), 1..60),
    ) {
        let panel = panel(fates.len(), spare_fates.len());
        let fate_of = |name: &str| {
            let n: usize = name[1..].parse().unwrap();
            if name.starts_with('m') { fates[n] } else { spare_fates[n] }
        };
        let judging = || panel.judging(&answer(), &Facts::all(Capabilities::TEXT)).unwrap();
        let said = |name: &str| match fate_of(name) {
            Fate::Scores => Ok(Completion::text("Score: 5")),
            Fate::IsUnreadable => Ok(Completion::text("Hm.")),
            Fate::Fails => Err(Error::new(ErrorKind::TimedOut, "too late")),
        };
        let mut turns = picks.iter().cycle();
        let any_order = |waiting: usize| turns.next().unwrap().index(waiting);
        let one = driven(judging(), |_| 0, |id, _| said(&id.member));
        let other = driven(judging(), any_order, |id, _| said(&id.member));
        let lost = |fates: &[Fate]| fates.iter().filter(|fate| **fate != Fate::Scores).count();
        let used = (0..=spare_fates.len())
            .find(|used| *used >= lost(&fates) + lost(&spare_fates[..*used]))
            .unwrap_or(spare_fates.len());
        match (one, other) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!(&one.votes, &other.votes);
                prop_assert_eq!(&one.verdict, &other.verdict);
                let by: BTreeSet<String> = one.votes.iter().map(|vote| vote.by.to_string()).collect();
                let expected = names("m", fates.len()).into_iter().chain(names("s", used));
                prop_assert_eq!(by, expected.collect::<BTreeSet<_>>());
            }
            (one, other) => {
                prop_assert!(one.is_err() && other.is_err());
                prop_assert!(fates.iter().chain(&spare_fates[..used]).all(|fate| *fate == Fate::Fails));
            }
        }
    }
}

#[test]
fn a_dry_run_plans_no_replacements() {
    let panel = panel(2, 2);
    let planned = panel.rehearse(&answer(), &Facts::all(Capabilities::TEXT)).unwrap();
    let members: BTreeSet<String> = planned.iter().map(|(id, _)| id.member.to_string()).collect();
    assert_eq!(members, names("m", 2).into_iter().collect());
}

#[test]
fn a_member_that_cannot_judge_the_record_is_replaced_before_anything_is_asked() {
    let member = |name: &str, body: &str| Member::new(name, score(body)).unwrap();
    let members =
        vec![member("one", "{{ reference }} {{ answer }}"), member("two", "{{ answer }}")];
    let panel = Panel::with_replacements(members, vec![member("spare", "{{ answer }}!")]).unwrap();
    let item = Item::new().answer("a");
    let mut judging = Arc::new(panel).judging(&item, &Facts::all(Capabilities::TEXT)).unwrap();
    let asked: Vec<String> = judging.start().iter().map(|(id, _)| id.member.to_string()).collect();
    assert_eq!(asked, ["two", "spare"]);
}

async fn member(says: &'static str) -> (Judge, Arc<Script>) {
    let script = Arc::new(Script::always(says).remembering());
    let judge = Judge::builder().backend(script.clone()).with_prompt(score("{{ answer }}"));
    (judge.reasks(0).build().await.unwrap(), script)
}

#[tokio::test]
async fn a_replacement_votes_in_the_place_of_a_member_and_costs_nothing_while_none_is_needed() {
    let (four, _) = member("Score: 4").await;
    let (vague, _) = member("Hm.").await;
    let (eight, script) = member("Score: 8").await;
    let build = async |other: &Judge, aggregate| {
        let jury = Judge::panel([("four", four.clone()), ("other", other.clone())]);
        let jury = jury.replacements([("spare", eight.clone())]).aggregate(aggregate);
        jury.build().await.unwrap()
    };
    let whole = build(&four, Aggregate::Mean).await;
    assert_eq!(whole.judge(&answer()).await.unwrap().score(), Some(4.0));
    assert_eq!(script.calls(), 0);
    let lacking = build(&vague, Aggregate::Mean).await;
    let judgment = lacking.judge(&answer()).await.unwrap();
    assert_eq!((judgment.score(), script.calls()), (Some(6.0), 1));
    let by: Vec<&str> = judgment.votes.iter().map(|vote| &*vote.by).collect();
    assert_eq!(by, ["four", "other", "spare"]);
    // A sum is one over two members, whoever they are.
    assert_eq!(
        build(&vague, Aggregate::Sum).await.judge(&answer()).await.unwrap().score(),
        Some(12.0)
    );

    // Replacements belong to what a jury is, and their order too; its name is that of its members.
    let without =
        Judge::panel([("four", four.clone()), ("other", vague.clone())]).build().await.unwrap();
    assert_eq!((lacking.name(), without.name()), ("four+other", "four+other"));
    assert_ne!(lacking.line_key(&answer()), without.line_key(&answer()));
    let order = async |names: [&'static str; 2]| {
        let spares = names.map(|name| (name, eight.clone()));
        let jury = Judge::panel([("four", four.clone()), ("other", vague.clone())]);
        jury.replacements(spares).build().await.unwrap().line_key(&answer())
    };
    assert_ne!(order(["x", "y"]).await, order(["y", "x"]).await);
}

#[tokio::test]
async fn a_quorum_may_be_kept_by_replacements_and_is_missed_without_enough_of_them() {
    let (vague, _) = member("Hm.").await;
    let (eight, _) = member("Score: 8").await;
    let jury = async |spares: &[(&'static str, &Judge)]| {
        let members = ["a", "b", "c"].map(|name| (name, vague.clone()));
        let spares = spares.iter().map(|(name, judge)| (*name, (*judge).clone()));
        let jury = Judge::panel(members).replacements(spares).build().await.unwrap();
        jury.judge(&answer()).await.unwrap()
    };
    assert_eq!(jury(&[("x", &eight), ("y", &eight)]).await.score(), Some(8.0));
    let lost = jury(&[("x", &eight), ("y", &vague)]).await;
    assert_eq!(lost.unreadable().unwrap().reason, Reason::Quorum);
}

#[tokio::test]
async fn votes_of_a_replacement_count_only_while_the_rules_of_today_need_them() {
    let (four, _) = member("Score: 4").await;
    let (vague, _) = member("Hm.\nGrade: 2").await;
    let (eight, _) = member("Score: 8").await;
    let jury = async |other: Judge| {
        let jury = Judge::panel([("four", four.clone()), ("other", other)]);
        jury.replacements([("spare", eight.clone())]).build().await.unwrap()
    };
    let judgment = jury(vague).await.judge(&answer()).await.unwrap();
    assert_eq!(judgment.score(), Some(6.0));
    let lines: Vec<VoteLine> = judgment.votes.iter().map(VoteLine::from).collect();
    let keys = "kind: score\nscale: {min: 1, max: 9}\nverdict: [{pattern: 'Score: *'}, {pattern: 'Grade: *'}]\nsampling: {temperature: 1}";
    let reads_more = Judge::builder()
        .backend(Script::always(""))
        .with_prompt(crate::judging::prompt(keys, "{{ answer }}"));
    let again = jury(reads_more.build().await.unwrap()).await;
    let again = again.reread(&answer(), &lines, None).unwrap();
    assert_eq!((again.score(), again.votes.len()), (Some(3.0), 3), "of 4 and 2; the vote is kept");
}
