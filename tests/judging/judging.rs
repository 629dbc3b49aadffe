//! A judgment as a machine: driven by hand, in any order, by several members, with failures.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use proptest::prelude::*;
use tribunal::{
    Completion, Error, Item, Judgment, Prompt,
    backend::Capabilities,
    error::ErrorKind,
    judging::{AskId, Facts, Judging, Member, Panel},
    request::{Ask, Logprobs, Request},
    verdict::{Preference, Reason},
};

type Said = Result<Completion, Error>;

pub(crate) fn prompt(keys: &str, body: &str) -> Prompt {
    Prompt::parse("p", &format!("---\n{keys}\n---\n{body}")).unwrap()
}

const SCORE: &str =
    "kind: score\nscale: {min: 1, max: 9}\nverdict: 'Score: *'\nsampling: {temperature: 1}";

pub(crate) fn score(body: &str) -> Prompt {
    prompt(SCORE, body)
}

fn pair() -> Prompt {
    let keys = "kind: preference\nverdict: {pattern: '[[*]]', values: {'A': first, 'B': second, 'C': tie}}\nsampling: {temperature: 1}";
    prompt(keys, "user:\n{{ question }}\nA: {{ answers[0] }}\nB: {{ answers[1] }}\n")
}

fn steps(keys: &str) -> Prompt {
    let keys = format!(
        "kind: steps\neach: steps\nsampling: {{temperature: 1}}\nverdict: {{choose: v, values: {{'Yes': correct, 'No': incorrect}}}}\n{keys}"
    );
    let body = "user:\n{{ previous }} | {{ step }}\nassistant:\n{{ gen('analysis') }}\nRight? {{ choose('v', ['Yes', 'No']) }}";
    prompt(&keys, body)
}

fn single(prompt: Prompt) -> Member {
    Member::new("me", prompt).unwrap()
}

/// A model behind an API that writes differently each time, and weighs labels.
fn served() -> Facts {
    let mut able = Capabilities::ALL;
    able.deterministic = false.into();
    able.logprobs = Logprobs::Top;
    Facts::all(able)
}

fn begun(member: Member, item: &Item) -> Judging {
    Arc::new(Panel::single(member)).judging(item, &served()).unwrap()
}

pub(crate) fn answer() -> Item {
    Item::new().question("q").answer("a")
}

fn broken() -> Error {
    Error::new(ErrorKind::TimedOut, "no answer came in time").after_attempts(3)
}

/// Answers whatever is asked, the request that `pick` names first.
pub(crate) fn driven(
    mut judging: Judging,
    mut pick: impl FnMut(usize) -> usize,
    mut answer: impl FnMut(&AskId, &Request) -> Said,
) -> Result<Judgment, Error> {
    let mut asks = judging.start();
    while !asks.is_empty() {
        let (id, request) = asks.swap_remove(pick(asks.len()));
        asks.extend(judging.answer(&id, answer(&id, &request)));
    }
    assert!(judging.is_over());
    judging.judgment()
}

#[test]
fn a_judgment_is_driven_by_hand_with_answers_from_a_list() {
    let item = Item::new().question("q").set("steps", vec!["fine".to_owned(), "wrong".into()]);
    let mut judging = begun(single(steps("")), &item);
    let list = ["Well.", "Yes", "Hm.", "No"].map(Completion::text);
    let names =
        ["d0.o0.r0.e0.s0:me", "d0.o0.r0.e0.s1:me", "d0.o0.r0.e1.s0:me", "d0.o0.r0.e1.s1:me"];
    let answers: BTreeMap<AskId, Completion> =
        names.map(|name| name.parse().unwrap()).into_iter().zip(list).collect();

    let mut asks = judging.start();
    assert_eq!(asks.len(), 2, "both steps may be asked about at once");
    assert!(judging.start().is_empty());
    let mut asked = Vec::new();
    while let Some((id, request)) = asks.pop() {
        assert_eq!(matches!(request.ask, Ask::Choose { .. }), id.step == 1);
        asks.extend(judging.answer(&id, Ok(answers[&id].clone())));
        asked.push(id.to_string());
    }
    asked.sort();
    assert_eq!(asked, names);
    let judgment = judging.judgment().unwrap();
    assert_eq!(judgment.first_error(), Some(Some(1)));
    assert_eq!((judgment.attempts, judgment.votes[0].calls.len()), (4, 4));
    assert_eq!(&*judgment.votes[0].by, "me");
}

#[test]
fn answers_may_come_from_a_file_and_in_any_order() {
    let member = Member::new("batch", tribunal::judge::load("score").unwrap()).unwrap().drawing(2);
    let panel = Arc::new(Panel::single(member));
    let item = Item::new().question("What is 2 + 2?").answer("4");
    let file = include_str!("../data/judging-answers.json");
    let mut answers: BTreeMap<AskId, Completion> = serde_json::from_str(file).unwrap();
    let mut judging = panel.judging(&item, &Facts::all(Capabilities::TEXT)).unwrap();
    let mut asks = judging.start();
    while let Some((id, _)) = asks.pop() {
        let answer = answers.remove(&id).ok_or_else(|| Error::other(format!("no answer to {id}")));
        asks.extend(judging.answer(&id, answer));
    }
    let judgment = judging.judgment().unwrap();
    assert_eq!((judgment.score(), judgment.votes.len()), (Some(8.5), 2));
}

#[test]
fn a_machine_is_owned_and_travels() {
    fn travels<T: Send + 'static>() {}
    travels::<Judging>();
    travels::<Panel>();
}

#[test]
fn answers_are_missing_until_all_are_there_and_strangers_change_nothing() {
    let mut judging = begun(single(score("{{ answer }}")).drawing(2), &answer());
    let asks = judging.start();
    let [(one, _), (two, _)] = asks.as_slice() else { panic!("{asks:?}") };
    assert_eq!(judging.waiting(), [one.clone(), two.clone()]);
    assert!(judging.answer(&"d7.o0.r0.s0:me".parse().unwrap(), Ok("x".into_said())).is_empty());
    assert!(judging.answer(one, Ok("Score: 3".into_said())).is_empty());
    assert!(judging.answer(one, Ok("Score: 9".into_said())).is_empty(), "the first answer counts");
    assert!(!judging.is_over());
    let mut early = begun(single(score("{{ answer }}")), &answer());
    early.start();
    let error = early.judgment().unwrap_err();
    assert_eq!(error.to_string(), "still missing: 1 answer");
    judging.answer(two, Ok("Score: 5".into_said()));
    assert_eq!(judging.judgment().unwrap().score(), Some(4.0));
}

trait IntoSaid {
    fn into_said(self) -> Completion;
}

impl IntoSaid for &str {
    fn into_said(self) -> Completion {
        Completion::text(self)
    }
}

#[test]
fn requests_have_the_same_names_in_every_process() {
    const FILE: &str = "TRIBUNAL_TEST_NAMES";
    let jury = Arc::new(
        Panel::of(vec![
            Member::new("plain", steps("")).unwrap().drawing(2),
            Member::new("until", steps("until: incorrect")).unwrap(),
        ])
        .unwrap(),
    );
    let item = Item::new().set("steps", vec!["1".to_owned(), "2".into(), "3".into()]);
    let mut judging = jury.judging(&item, &served()).unwrap();
    let mut asked = BTreeMap::new();
    judging.answer_all(|id, request| {
        asked.insert(id.clone(), request.key("model").to_string());
        Ok(said(&id.to_string(), request))
    });
    if let Ok(path) = std::env::var(FILE) {
        std::fs::write(path, serde_json::to_string(&asked).unwrap()).unwrap();
        return;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = concat!(module_path!(), "::requests_have_the_same_names_in_every_process");
    let name = name.split_once("::").unwrap().1;
    let other = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(FILE, file.path())
        .output()
        .unwrap();
    assert!(other.status.success());
    let written = std::fs::read_to_string(file.path()).unwrap();
    let theirs: BTreeMap<AskId, String> = serde_json::from_str(&written).unwrap();
    assert!(asked.len() >= 8, "{asked:?}");
    assert_eq!(theirs, asked);
}

/// What a judge of little constancy says: readable, unreadable or nothing, as the name of the request has it.
fn said(name: &str, request: &Request) -> Completion {
    let chance = chance(name);
    let text = match (&request.ask, chance % 5) {
        (Ask::Choose { labels }, n) => labels[usize::from(n == 0)].clone(),
        (_, 0) => "I wonder.".into(),
        (_, n) => format!("[[{}]]\nScore: {n}", ["A", "B", "C"][usize::try_from(n % 3).unwrap()]),
    };
    Completion::text(text)
}

fn chance(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

fn jury(members: Vec<Member>) -> Panel {
    Panel::of(members).unwrap()
}

/// Judges of every shape, with an item for each.
fn shapes() -> Vec<(Panel, Item)> {
    let stepwise = Item::new().set("steps", (0..4).map(|n| n.to_string()).collect::<Vec<_>>());
    let two = Item::new().question("q").answers(["one", "two"]);
    let member = |name: &str, body: &str| Member::new(name, score(body)).unwrap();
    vec![
        (Panel::single(single(score("{{ answer }}")).drawing(4)), answer()),
        (Panel::single(single(pair()).drawing(3)), two),
        (Panel::single(single(steps("")).drawing(2)), stepwise.clone()),
        (Panel::single(single(steps("until: incorrect")).drawing(3)), stepwise),
        (
            jury(vec![
                member("strict", "Be strict: {{ answer }}").drawing(3),
                member("kind", "Be kind: {{ answer }}"),
                member("third", "{{ question }} {{ answer }}").drawing(2).reasking(0),
            ]),
            answer(),
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn the_order_in_which_answers_come_changes_nothing(
        salt in any::<u64>(),
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 64),
    ) {
        let answer = |id: &AskId, request: &Request| {
            if chance(&format!("{salt} {id}")).is_multiple_of(7) {
                return Err(broken().within(id));
            }
            Ok(said(&format!("{salt} said {id}"), request))
        };
        for (panel, item) in shapes() {
            let panel = Arc::new(panel);
            let begin = || panel.judging(&item, &served()).unwrap();
            let mut picks = picks.iter().cycle();
            let shuffled = driven(begin(), |count| picks.next().unwrap().index(count), answer);
            prop_assert_eq!(&driven(begin(), |_| 0, answer), &shuffled);
            prop_assert_eq!(&driven(begin(), |count| count - 1, answer), &shuffled);
        }
    }
}

#[test]
fn one_failed_vote_of_ten_leaves_nine() {
    let item = Item::new().question("q").answers(["good", "bad"]);
    let judging = begun(single(pair()).drawing(5), &item);
    let judgment = driven(
        judging,
        |_| 0,
        |id, request| {
            if (id.draw, id.order) == (3, 1) {
                return Err(broken());
            }
            let first = request.messages[0].text().contains("A: good");
            Ok(Completion::text(if first { "[[A]]" } else { "[[B]]" }))
        },
    )
    .unwrap();
    assert_eq!(judgment.preference(), Some(Preference::First));
    let failed: Vec<_> = judgment.votes.iter().filter_map(|vote| vote.outcome.failed()).collect();
    assert_eq!((judgment.votes.len(), failed.as_slice()), (10, [&broken()].as_slice()));
    assert_eq!(judgment.attempts, 9 + 3, "what a failed answer took is counted too");
    assert!(judgment.one_order_unreadable());
    assert_eq!(judgment.consistent, None, "of one draw it is not known");
    assert_eq!(judgment.speaker().unwrap().draw, 0);
}

#[test]
fn where_every_vote_failed_the_judgment_is_the_first_error_with_the_requests_of_all() {
    let judging = begun(single(score("{{ answer }}")).drawing(3), &answer());
    let last_first = |count: usize| count - 1;
    let error = driven(judging, last_first, |id, _| Err(broken().within(id))).unwrap_err();
    assert!(error.to_string().starts_with("d0.o0.r0.s0:me: no answer"), "{error}");
    assert_eq!(error.attempts(), 9);
}

#[test]
fn an_unreadable_vote_says_more_than_a_failed_one() {
    let judging = begun(single(score("{{ answer }}")).drawing(2).reasking(0), &answer());
    let judgment = driven(
        judging,
        |_| 0,
        |id, _| match id.draw {
            0 => Err(broken()),
            _ => Ok(Completion::text("I wonder.")),
        },
    );
    let judgment = judgment.unwrap();
    assert_eq!(judgment.unreadable().unwrap().reason, Reason::Missing);
    assert_eq!(judgment.critique(), "I wonder.");
}

#[test]
fn an_error_that_every_request_would_meet_ends_the_judgment_at_once() {
    let mut judging = begun(single(score("{{ answer }}")).drawing(3), &answer());
    let asks = judging.start();
    judging.answer(&asks[0].0, Ok(Completion::text("Score: 7")));
    judging.answer(&asks[2].0, Err(Error::new(ErrorKind::Unauthorized, "the key was refused")));
    assert!(judging.is_over(), "nothing more is worth asking");
    let error = judging.judgment().unwrap_err();
    assert!(error.is_fatal());
    assert_eq!(error.attempts(), 1, "the answer that came was paid for");
}

#[test]
fn until_stops_each_draw_on_its_own() {
    let item = Item::new().set("steps", ["1", "2", "3"].map(ToOwned::to_owned).to_vec());
    let mut asked = BTreeSet::new();
    let judging = begun(single(steps("until: incorrect")).drawing(2), &item);
    let judgment = driven(
        judging,
        |count| count - 1,
        |id, request| {
            asked.insert((id.draw, id.element.unwrap()));
            let wrong = (id.draw, id.element) == (1, Some(0));
            Ok(Completion::text(match request.ask {
                Ask::Choose { .. } if wrong => "No",
                Ask::Choose { .. } => "Yes",
                _ => "Let me see.",
            }))
        },
    );
    let judgment = judgment.unwrap();
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), [(0, 0), (0, 1), (0, 2), (1, 0)]);
    assert_eq!(judgment.votes[1].calls.len(), 2);
}

#[test]
fn an_unreadable_answer_is_asked_again_under_another_name() {
    let run = |answer: &dyn Fn(u32) -> Said| {
        let mut asked = Vec::new();
        let judging = begun(single(score("{{ answer }}")), &self::answer());
        let judgment = driven(
            judging,
            |_| 0,
            |id, request| {
                asked.push((id.reask, request.reask));
                answer(id.reask)
            },
        );
        (judgment.unwrap(), asked)
    };
    let (judgment, asked) = run(&|reask| Ok(Completion::text(["Hm.", "Score: 8"][reask as usize])));
    assert_eq!((judgment.score(), judgment.votes[0].reask), (Some(8.0), 1));
    assert_eq!((asked, judgment.attempts), (vec![(0, 0), (1, 1)], 2));

    let (judgment, asked) = run(&|_| Ok(Completion::text("Hm.")));
    assert_eq!((asked.len(), judgment.votes.len()), (3, 1));
    assert!(judgment.verdict.is_err());

    // Where no other answer can be had, the one that came stays, unreadable as it is.
    let (judgment, _) =
        run(&|reask| if reask == 0 { Ok("Hm.".into_said()) } else { Err(broken()) });
    let why = judgment.unreadable().unwrap();
    assert_eq!((why.reason, judgment.critique()), (Reason::Missing, "Hm.".to_owned()));
    assert!(why.detail.contains("the re-ask failed: no answer came in time"), "{why}");
    assert_eq!(judgment.attempts, 4);
}

#[test]
fn a_record_that_no_member_can_judge_is_refused_before_anything_is_asked() {
    let panel = Arc::new(Panel::single(single(score("{{ answer }} {{ rubric }}"))));
    let error = panel.judging(&answer(), &served()).unwrap_err();
    assert!(error.to_string().contains("the record has no field `rubric`"), "{error}");
    let all = ["a", "b"].map(|name| Member::new(name, score("{{ rubric }}")).unwrap()).to_vec();
    assert!(Arc::new(jury(all)).judging(&answer(), &served()).is_err());
    // A member that can judge it is heard, if it is enough.
    let some = vec![
        Member::new("a", score("{{ rubric }}")).unwrap(),
        Member::new("b", score("{{ answer }}")).unwrap(),
        Member::new("c", score("{{ question }}")).unwrap(),
    ];
    let judging = Arc::new(jury(some)).judging(&answer(), &served()).unwrap();
    let judgment = driven(judging, |_| 0, |_, _| Ok("Score: 4".into_said())).unwrap();
    assert_eq!(judgment.score(), Some(4.0));
    assert_eq!(judgment.votes[0].outcome.failed().unwrap().kind(), ErrorKind::Record);
}
