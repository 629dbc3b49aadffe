//! The rules of JETTS (Zhou et al. 2025): recomputed on made-up verdicts, and on recorded comparisons against numbers that
//! `tests/data/rerank/reference.py` computes by itself.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use serde::Deserialize;
use tribunal::{
    Backend, Completion, Item, Judge, Request,
    backend::from_fn,
    request::Message,
    strategy::best_of::{Preset, Ranked, Ranker},
};

/// What one question comes to, in `reference.json`.
#[derive(Clone, Debug, Deserialize)]
struct Question {
    group: String,
    given: String,
    turned: String,
    share: Vec<u32>,
    sums: Vec<u32>,
    best: Vec<usize>,
    knockout: Vec<usize>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    brackets: Vec<Vec<usize>>,
    questions: Vec<Question>,
}

fn reference() -> Reference {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/rerank/reference.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The number of answers of each question.
const ANSWERS: usize = 8;

/// The place of a pair in the list (0, 1), (0, 2) … (6, 7).
fn place(first: usize, second: usize) -> usize {
    (0..first).map(|at| ANSWERS - 1 - at).sum::<usize>() + second - first - 1
}

/// The recorded judge: it says 1, 2 or 3 about the two answers that it is shown, or nothing that can be read.
fn recorded(question: &Question) -> impl Backend + use<> {
    let results = [question.given.clone(), question.turned.clone()];
    from_fn("recorded", move |request: Request| {
        let text: String = request.messages.iter().map(Message::text).collect();
        let mut shown = text.split("Answer of system ").skip(1);
        let mut next = || usize::from(shown.next().unwrap().as_bytes()[0] - b'0');
        let (first, second) = (next(), next());
        let turned = usize::from(second < first);
        let at = place(first.min(second), first.max(second));
        let said = match &results[turned][at..=at] {
            "x" => "I cannot say.".to_owned(),
            number => format!("Here is why.\n{number}"),
        };
        async move { Ok(Completion::text(said)) }
    })
}

/// Ranks the answers of these systems by a preset.
async fn ranked(preset: &str, question: &Question, systems: &[usize]) -> Ranked {
    let judge = Judge::builder().backend(recorded(question)).prompt("qlora-three-class").reasks(0);
    let judge = judge.build().await.unwrap();
    let answers = systems.iter().map(|system| format!("Answer of system {system}."));
    let item = Item::new().with_id(question.group.clone()).question("Which?").answers(answers);
    let options = Preset::named(preset).unwrap().options();
    Ranker::new(Some(judge), options).unwrap().rank(&item).await.unwrap()
}

const IN_ORDER: [usize; ANSWERS] = [0, 1, 2, 3, 4, 5, 6, 7];

/// 2,800 verdicts of GPT-4 between eight systems (Dettmers et al. 2023, QLoRA).
#[tokio::test]
async fn a_round_robin_of_jetts_has_the_shares_sums_and_best_answers_of_the_reference() {
    let (mut unread, mut one_order) = (0, 0);
    for question in reference().questions {
        let ranked = ranked("jetts-round-robin", &question, &IN_ORDER).await;
        assert_eq!(ranked.compared.len(), 28);
        for one in &ranked.compared {
            let pair = one.played.pair;
            let at = place(pair.first, pair.second);
            let quarters = f64::from(question.share[at]) / 4.0;
            assert_eq!(one.played.share, Some(quarters), "{} {pair:?}", question.group);
            let lost = [&question.given, &question.turned].map(|all| &all[at..=at] == "x");
            one_order += usize::from(lost[0] != lost[1]);
            unread += usize::from(lost == [true, true]);
            assert_eq!(one.unreadable.is_some(), lost == [true, true]);
        }
        // The mean of seven comparisons, of which each is up to four quarters.
        let sums = question.sums.iter().map(|sum| Some(f64::from(*sum) / 28.0));
        for (value, sum) in ranked.values().into_iter().zip(sums) {
            assert!((value.unwrap() - sum.unwrap()).abs() < 1e-12, "{}", question.group);
        }
        assert_eq!(ranked.selection.ranking[0], question.best, "{}", question.group);
        assert!(question.best.contains(&ranked.selection.chosen.unwrap()));
    }
    assert!(one_order > 0 && unread == 0, "{one_order} {unread}");
}

#[tokio::test]
async fn a_knockout_of_jetts_has_the_winners_of_the_reference() {
    let Reference { brackets, questions } = reference();
    let (mut same, mut all) = (0, 0);
    for question in questions {
        // The places that the shuffle of this record puts together.
        let first = ranked("jetts-knockout", &question, &IN_ORDER).await;
        let places: Vec<usize> = first.compared[..ANSWERS / 2]
            .iter()
            .flat_map(|one| [one.played.pair.first, one.played.pair.second])
            .collect();
        for (bracket, wanted) in brackets.iter().zip(&question.knockout) {
            let mut systems = [0; ANSWERS];
            places.iter().zip(bracket).for_each(|(place, system)| systems[*place] = *system);
            let ranked = ranked("jetts-knockout", &question, &systems).await;
            assert_eq!(ranked.compared.len(), ANSWERS - 1);
            let winner = systems[ranked.selection.chosen.unwrap()];
            assert_eq!(winner, *wanted, "{} in {bracket:?}", question.group);
            same += usize::from(question.best.contains(&winner));
            all += 1;
        }
    }
    // What `docs/selection.md` says of a quarter of the comparisons.
    assert_eq!((same, all), (248, 300));
}

/// Answers that say what they are worth.
fn worth(all: &[u32]) -> Vec<String> {
    all.iter().map(|one| format!("This is worth {one}.")).collect()
}

/// The numbers of the answers that a prompt shows, in their order.
fn shown(text: &str) -> Vec<u32> {
    let after = text.split("worth ").skip(1);
    after.filter_map(|rest| rest.split('.').next()?.parse().ok()).collect()
}

/// The rules of JETTS, recomputed: scores of pairs are the mean over both orders, one-sided if one order cannot be read,
/// and one half if both cannot.
#[tokio::test]
async fn the_presets_of_jetts_count_as_published() {
    // 0 beats 1; 0 against 2 depends on the order; 1 against 2 cannot be read where 1 is shown first, and not at all
    // against 3.
    let judge = from_fn("judge", |request: Request| async move {
        let text: String = request.messages.iter().map(Message::text).collect();
        let verdict = match shown(&text)[..] {
            [10 | 12, 11] | [13, 10] | [10, 12] | [12, 10 | 13] => "A",
            [11, 10] | [10, 13] | [13, 12] => "B",
            _ => "?",
        };
        let line =
            text.lines().rev().find(|line| line.contains("[[A]], [[B]]")).unwrap().to_owned();
        let announced = line.split_once(':').unwrap().0.to_owned();
        Ok(Completion::text(format!("{announced}: [[{verdict}]]")))
    });
    let judge = Judge::builder().backend(judge).prompt("pair").reasks(0).build().await.unwrap();
    let item = Item::new().question("?").answers(worth(&[10, 11, 12, 13]));
    let options = Preset::named("jetts-round-robin").unwrap().options();
    let ranked = Ranker::new(Some(judge.clone()), options).unwrap().rank(&item).await.unwrap();
    let share = |a: usize, b: usize| {
        let pair = ranked
            .compared
            .iter()
            .find(|one| (one.played.pair.first, one.played.pair.second) == (a, b));
        pair.unwrap().played.share.unwrap()
    };
    let shares = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)].map(|(a, b)| Some(share(a, b)));
    assert_eq!(shares, [1.0, 0.5, 0.0, 0.0, 0.5, 1.0].map(Some));
    // The sums that JETTS ranks by, as shares of three comparisons.
    let sums = [1.5, 0.5, 2.5, 1.5].map(|sum: f64| Some(sum / 3.0));
    assert_eq!(ranked.values(), sums);
    assert_eq!(ranked.selection.chosen, Some(2));
    assert_eq!(ranked.compared.iter().filter(|one| one.unreadable.is_some()).count(), 1);
    // Equally good answers are drawn: both of the middle come first if the best is not there.
    let options = Preset::named("jetts-single").unwrap().options();
    let always = from_fn("five", |_: Request| async { Ok(Completion::text("Score: 5")) });
    let always = Judge::builder().backend(always).prompt("score").build().await.unwrap();
    let mut chosen = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let drawn = Ranker::new(Some(always.clone()), options.seed(seed)).unwrap();
        chosen.insert(drawn.rank(&item).await.unwrap().selection.chosen.unwrap());
    }
    assert_eq!(chosen.len(), 4);
    // A rating that cannot be read is a whole number of the scale, and is counted as unreadable.
    let never = from_fn("silent", |_: Request| async { Ok(Completion::text("No.")) });
    let never = Judge::builder().backend(never).prompt("score").reasks(0).build().await.unwrap();
    let ranked = Ranker::new(Some(never), options).unwrap().rank(&item).await.unwrap();
    for one in &ranked.candidates {
        let value = one.value.unwrap();
        assert!(one.is_filled_in && (1.0..=10.0).contains(&value) && value.fract() == 0.0);
        assert!(one.judgment.as_ref().unwrap().verdict.is_err());
    }
}
