//! Votes that are left out: draws that stop early, second orders only where the first is close, cascades.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::judging::{answer, prompt, score};
use proptest::{collection::vec, prelude::*, sample::select};
use tribunal::{
    Completion, Error, Item, Judge, Judgment, Prompt, Verdict,
    aggregate::Aggregate,
    backend::{Capabilities, Script, from_fn},
    completion::Distribution,
    judge::JudgeBuilder,
    judging::{AskId, Facts, Member, Panel, StopDraws},
    line::ResultLine,
    prompt::Order,
    report::{Labels, Summary},
    request::{Logprobs, Request},
    verdict::{CascadeThresholds, Preference, Reason},
};

/// A score that passes from 5 on.
fn passing_score() -> Prompt {
    prompt(
        "kind: score\nscale: {min: 1, max: 9}\nverdict: 'Score: *'\npass: score >= 5\nsampling: {temperature: 1}",
        "user:\n{{ answer }}\n",
    )
}

const NAMES: [&str; 3] = ["good", "fair", "bad"];

/// A label that is read from a text.
fn bare_label() -> Prompt {
    prompt(
        "kind: label\nverdict: {pattern: 'Verdict: *', values: {good: good, fair: fair, bad: bad}}\nsampling: {temperature: 1}",
        "user:\n{{ answer }}\n",
    )
}

/// A label that is chosen, with its probabilities.
fn chosen_label() -> Prompt {
    prompt(
        "kind: label\nverdict: {choose: v}\nsampling: {temperature: 1}",
        "user:\n{{ answer }}\nassistant:\n{{ choose('v', ['good', 'fair', 'bad']) }}",
    )
}

fn pair() -> Prompt {
    prompt(
        "kind: preference\nverdict: {pattern: '[[*]]', values: {'A': first, 'B': second, 'C': tie}}\nsampling: {temperature: 1}",
        "user:\n{{ answers[0] }} or {{ answers[1] }}?\n",
    )
}

fn first_error() -> Prompt {
    prompt(
        "kind: steps\nverdict: 'First error: *'\nsampling: {temperature: 1}",
        "user:\n{% for step in steps %}{{ step }}\n{% endfor %}",
    )
}

fn two() -> Item {
    Item::new().question("q").answers(["one", "two"])
}

/// A model that writes texts, and reports the probabilities of labels that it chooses.
fn facts() -> Facts {
    let mut able = Capabilities::TEXT;
    able.logprobs = Logprobs::Top;
    Facts::all(able)
}

/// The judgment of a panel if this is answered, and the names of all requests.
fn judged(
    panel: &Arc<Panel>,
    item: &Item,
    mut said: impl FnMut(&AskId, &Request) -> Result<Completion, Error>,
) -> (Judgment, Vec<AskId>) {
    let mut asked = Vec::new();
    let mut judging = panel.judging(item, &facts()).unwrap();
    judging.answer_all(|id, request| {
        asked.push(id.clone());
        said(id, request)
    });
    (judging.judgment().unwrap(), asked)
}

fn single(prompt: Prompt, draws: u32, stop: StopDraws) -> Arc<Panel> {
    let member = Member::new("me", prompt).unwrap().drawing(draws).reasking(0);
    Arc::new(Panel::single(member.ordering(Order::Given).stopping(stop)))
}

fn scores_of(scores: &[f64], stop: StopDraws) -> (Judgment, Vec<AskId>) {
    let draws = u32::try_from(scores.len()).unwrap();
    judged(&single(passing_score(), draws, stop), &answer(), |id, _| {
        Ok(Completion::text(format!("Score: {}", scores[id.draw as usize])))
    })
}

#[test]
fn draws_stop_once_the_score_passes_or_fails_whatever_comes() {
    // The mean of 9, 9 and two ones is 5, which passes.
    let (judgment, asked) = scores_of(&[9.0, 9.0, 1.0, 1.0], StopDraws::Decided);
    assert_eq!((judgment.pass, judgment.votes.len(), asked.len()), (Some(true), 2, 2));
    assert_eq!(judgment.planned_votes, Some(4));
    // After 9 and 8 it could be 4.75.
    let (judgment, _) = scores_of(&[9.0, 8.0, 1.0, 1.0], StopDraws::Decided);
    assert_eq!((judgment.pass, judgment.votes.len()), (Some(false), 4));
    let (judgment, _) = scores_of(&[9.0, 9.0, 1.0, 1.0], StopDraws::Never);
    assert_eq!((judgment.votes.len(), judgment.planned_votes), (4, None));
}

#[test]
fn a_label_is_decided_by_more_than_half_of_the_draws_which_are_asked_at_once() {
    let panel = single(bare_label(), 5, StopDraws::Decided);
    let mut judging = panel.judging(&answer(), &facts()).unwrap();
    let first = judging.start();
    let draws: Vec<u32> = first.iter().map(|(id, _)| id.draw).collect();
    assert_eq!(draws, [0, 1, 2]);
    // In whatever order the answers arrive, nothing more is asked before the last of them.
    let says = |text: &str| Ok(Completion::text(format!("Verdict: {text}")));
    assert!(judging.answer(&first[2].0, says("good")).is_empty());
    assert!(judging.answer(&first[0].0, says("good")).is_empty());
    let more = judging.answer(&first[1].0, says("bad"));
    assert_eq!(more.iter().map(|(id, _)| id.draw).collect::<Vec<_>>(), [3]);
    assert!(judging.answer(&more[0].0, says("good")).is_empty());
    assert!(judging.is_over());
    let judgment = judging.judgment().unwrap();
    assert_eq!((judgment.label(), judgment.votes.len()), (Some("good"), 4));
    assert!(judgment.votes.is_sorted_by_key(|vote| vote.draw));
}

#[test]
fn the_beta_rule_and_windows_stop_earlier_than_a_certain_verdict() {
    let seen = |stop, words: &str| {
        let panel = single(bare_label(), 20, stop);
        let words: Vec<char> = words.chars().collect();
        let (judgment, _) = judged(&panel, &answer(), |id, _| {
            let word = match words.get(id.draw as usize).unwrap_or(&'g') {
                'g' => "Verdict: good",
                'b' => "Verdict: bad",
                _ => "Hm.",
            };
            Ok(Completion::text(word))
        });
        (judgment.label().unwrap().to_owned(), judgment.votes.len())
    };
    let beta = StopDraws::Confidence(0.95);
    assert_eq!(seen(beta, "gggg"), ("good".into(), 4));
    assert_eq!(seen(beta, "gbgggggg"), ("good".into(), 7));
    assert_eq!(seen(beta, "g?ggg"), ("good".into(), 5));
    assert_eq!(seen(StopDraws::Window(3), "gbgbbb"), ("bad".into(), 6));
    // Of equally frequent labels the first on the menu is the verdict, so that half of the draws are enough.
    assert_eq!(seen(StopDraws::Decided, "gggg"), ("good".into(), 10));
    assert_eq!(seen(StopDraws::Decided, "bbbbbbbbbbbbb"), ("bad".into(), 11));
}

#[test]
fn a_failed_draw_is_no_vote_and_the_others_go_on() {
    let panel = single(bare_label(), 3, StopDraws::Decided);
    let (judgment, asked) = judged(&panel, &answer(), |id, _| match id.draw {
        0 => Err(Error::new(tribunal::error::ErrorKind::TimedOut, "late")),
        _ => Ok(Completion::text("Verdict: bad")),
    });
    assert_eq!((judgment.label(), asked.len()), (Some("bad"), 3));
    assert!(judgment.votes[0].outcome.failed().is_some());
}

/// What is kept of a verdict: the word, or whether it passes.
fn kept(judgment: &Judgment) -> String {
    match (&judgment.verdict, judgment.pass) {
        (Ok(Verdict::Label(label)), _) => label.label.clone(),
        (Ok(Verdict::Steps(steps)), _) => format!("{:?}", steps.first_error),
        (Ok(Verdict::Score(_)), Some(pass)) => pass.to_string(),
        (Ok(verdict), _) => verdict.to_string(),
        (Err(why), _) => why.reason.name().into(),
    }
}

/// One kind of judge, with what it may answer: the number says which answer it is.
fn says(kind: usize, number: u32) -> Completion {
    let text = match (kind, number) {
        (_, 0) if kind != 2 => "Hm.".to_owned(),
        (0, n) => format!("Score: {n}"),
        (1, n) => format!("Verdict: {}", NAMES[n as usize % 3]),
        (3, n) => format!("[[{}]]", ["A", "B", "C"][n as usize % 3]),
        (4, n) => format!("First error: {}", [-1, 0, 1, 2][n as usize % 4]),
        (_, n) => {
            let best = n as usize % 3;
            let mut chosen = Completion::text(NAMES[best]);
            let p = |place: usize| match (place == best, n % 2) {
                (true, 0) => 0.5,
                (true, _) => 0.9,
                (false, 0) => 0.25,
                (false, _) => 0.05,
            };
            let all = (0..3).map(|place| (NAMES[place].to_owned(), p(place))).collect();
            chosen.distribution = Some(Distribution::new(all));
            return chosen;
        }
    };
    Completion::text(text)
}

fn judge_of(kind: usize, draws: u32, how: Option<Aggregate>, stop: StopDraws) -> Arc<Panel> {
    let prompt = [passing_score, bare_label, chosen_label, pair, first_error][kind]();
    let how = how.map(|how| serde_json::to_value(how).unwrap().as_str().unwrap().to_owned());
    let prompt = match how {
        Some(how) => {
            let source = prompt.source().replacen("kind:", &format!("aggregate: {how}\nkind:"), 1);
            Prompt::parse("p", &source).unwrap()
        }
        None => prompt,
    };
    let member = Member::new("me", prompt).unwrap().drawing(draws).reasking(0).stopping(stop);
    Arc::new(Panel::single(member))
}

fn item_of(kind: usize) -> Item {
    match kind {
        3 => two(),
        4 => Item::from(serde_json::json!({"question": "q", "steps": ["a", "b", "c"]})),
        _ => answer(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The answers of a draw are the same whether draws stop or not.
    #[test]
    fn a_decided_verdict_is_that_of_all_draws(
        kind in 0_usize..5,
        numbers in vec(0_u32..10, 2..9),
        turned in vec(0_u32..10, 9),
        how in select(&[None, Some(Aggregate::Median), Some(Aggregate::Majority), Some(Aggregate::Min), Some(Aggregate::Max)][..]),
        rule in select(&[StopDraws::Decided, StopDraws::Confidence(0.95), StopDraws::Window(2)][..]),
    ) {
        let draws = u32::try_from(numbers.len()).unwrap();
        let said = |id: &AskId, _: &Request| {
            let of = if id.order == 0 { &numbers } else { &turned };
            Ok(says(kind, of[id.draw as usize]))
        };
        let item = item_of(kind);
        let (full, all) = judged(&judge_of(kind, draws, how, StopDraws::Never), &item, said);
        let (stopped, asked) = judged(&judge_of(kind, draws, how, rule), &item, said);
        prop_assert!(asked.len() <= all.len());
        prop_assert!(asked.iter().all(|id| all.contains(id)));
        prop_assert_eq!(stopped.planned_votes, Some(u32::try_from(full.votes.len()).unwrap()));
        if rule == StopDraws::Decided {
            prop_assert_eq!(kept(&stopped), kept(&full));
            prop_assert_eq!(stopped.pass, full.pass);
        }
    }
}

/// A comparison whose first order prefers the first answer with this probability.
fn compared(p: f64, turned: &str, close: f64) -> (Judgment, usize) {
    let prompt = prompt(
        "kind: preference\nverdict: {choose: v, values: {'A': first, 'B': second}}",
        "user:\n{{ answers[0] }} or {{ answers[1] }}?\nassistant:\n{{ choose('v', ['A', 'B']) }}",
    );
    let member = Member::new("me", prompt).unwrap().ordering(Order::BothIfClose).close(close, 1.0);
    let (judgment, asked) = judged(&Arc::new(Panel::single(member)), &two(), |id, _| {
        let mut chosen = Completion::text(if id.order == 0 { "A" } else { turned });
        let p = if chosen.text == "A" { p } else { 1.0 - p };
        let all = vec![("A".to_owned(), p), ("B".to_owned(), 1.0 - p)];
        chosen.distribution = Some(Distribution::new(all));
        Ok(chosen)
    });
    (judgment, asked.len())
}

#[test]
fn the_second_order_is_asked_only_where_the_first_is_close() {
    let (sure, asked) = compared(0.95, "B", 0.9);
    assert_eq!((sure.preference(), sure.consistent, asked), (Some(Preference::First), None, 1));
    assert_eq!(sure.planned_votes, Some(2));
    // In the other order, `B` is the first answer.
    let (close, asked) = compared(0.85, "B", 0.9);
    assert_eq!(
        (close.preference(), close.consistent, asked),
        (Some(Preference::First), Some(true), 2)
    );
    let (biased, asked) = compared(0.85, "A", 0.9);
    assert_eq!(
        (biased.preference(), biased.consistent, asked),
        (Some(Preference::Tie), Some(false), 2)
    );
}

#[test]
fn an_unreadable_first_order_asks_the_second_one() {
    let member = Member::new("me", pair()).unwrap().ordering(Order::BothIfClose).reasking(0);
    let panel = Arc::new(Panel::single(member));
    let (judgment, asked) = judged(&panel, &two(), |id, _| {
        Ok(Completion::text(if id.order == 0 { "Hm." } else { "[[A]]" }))
    });
    assert_eq!((judgment.preference(), asked.len()), (Some(Preference::Second), 2));
}

/// A judge of three draws that writes these labels, and the number of its requests.
async fn judge(name: &str, labels: [&'static str; 3]) -> (Judge, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let own = count.clone();
    let backend = from_fn(name, move |request: Request| {
        own.fetch_add(1, Ordering::Relaxed);
        let label = labels[request.draw as usize % 3];
        async move { Ok(Completion::text(format!("Because.\nVerdict: {label}"))) }
    });
    let builder = Judge::builder().backend(backend).with_prompt(bare_label());
    (builder.draws(3).reasks(0).build().await.unwrap(), count)
}

/// The judgment of a small and a large judge in a row, and how often each was asked.
async fn cascade(
    small: [&'static str; 3],
    large: [&'static str; 3],
    least: &[f64],
) -> (Judge, Judgment, [usize; 2]) {
    let ((small, of_small), (large, of_large)) = (judge("s", small).await, judge("l", large).await);
    let both = Judge::cascade([("small", small), ("large", large)]);
    let both = both.certainty(least.iter().copied()).build().await.unwrap();
    let judgment = both.judge(&answer()).await.unwrap();
    let asked = [of_small, of_large].map(|count| count.load(Ordering::Relaxed));
    (both, judgment, asked)
}

#[tokio::test]
async fn the_first_judge_that_is_sure_decides() {
    let (_, judgment, asked) = cascade(["good"; 3], ["bad"; 3], &[0.9]).await;
    assert_eq!((judgment.label(), asked), (Some("good"), [3, 0]));
    assert_eq!((judgment.votes.len(), judgment.planned_votes), (3, Some(6)));
    let stage = judgment.stage.unwrap();
    assert_eq!((stage.judge.as_str(), stage.certainty), ("small", Some(1.0)));
}

#[tokio::test]
async fn a_judge_that_is_not_sure_asks_the_next_one_and_every_vote_says_whose_it_is() {
    let (_, judgment, asked) = cascade(["good", "good", "bad"], ["bad"; 3], &[0.9]).await;
    assert_eq!((judgment.label(), asked), (Some("bad"), [3, 3]));
    assert_eq!(judgment.stage.as_ref().unwrap().judge, "large");
    let by: Vec<&str> = judgment.votes.iter().map(|vote| &*vote.by).collect();
    assert_eq!(by, ["small", "small", "small", "large", "large", "large"]);
    assert_eq!(judgment.speaker().unwrap().by.as_ref(), "large");
    let (_, judgment, _) = cascade(["good", "good", "bad"], ["bad"; 3], &[0.6]).await;
    assert_eq!(judgment.label(), Some("good"), "two of three are enough");
}

#[tokio::test]
async fn an_unreadable_verdict_is_passed_on_however_low_the_threshold_is() {
    let (_, judgment, asked) = cascade(["hm"; 3], ["fair"; 3], &[0.0]).await;
    assert_eq!((judgment.label(), asked), (Some("fair"), [3, 3]));
}

#[tokio::test]
async fn the_last_judge_decides_or_abstains_below_a_threshold_of_its_own() {
    let (unsure, torn) = (["good", "good", "bad"], ["bad", "bad", "fair"]);
    let (_, judgment, _) = cascade(unsure, torn, &[0.9]).await;
    assert_eq!(judgment.label(), Some("bad"));
    let (_, judgment, _) = cascade(unsure, torn, &[0.9, 0.8]).await;
    let why = judgment.unreadable().unwrap();
    assert_eq!(why.reason, Reason::Unsure);
    assert!(why.detail.contains("`large` is 0.667, and 0.800"), "{}", why.detail);
    assert_eq!(judgment.stage.unwrap().judge, "large");
}

#[tokio::test]
async fn a_line_of_a_cascade_is_read_again_without_the_judges_it_did_not_need() {
    for small in [["good"; 3], ["good", "good", "bad"]] {
        let (both, judgment, asked) = cascade(small, ["bad"; 3], &[0.9]).await;
        let line = ResultLine::of(Ok(&judgment));
        let again = both.reread(&answer(), line.votes.as_deref().unwrap(), None).unwrap();
        assert_eq!((&again.verdict, &again.stage), (&judgment.verdict, &judgment.stage));
        assert_eq!(again.planned_votes, Some(6));
        assert_eq!(asked.iter().sum::<usize>(), again.votes.len());
        let back = Judgment::try_from(line).unwrap();
        assert_eq!((back.stage, back.planned_votes), (judgment.stage, Some(6)));
    }
    // With a stricter threshold the large judge would be needed, and was not asked.
    let (_, judgment, _) = cascade(["good", "good", "bad"], ["bad"; 3], &[0.5]).await;
    let (strict, ..) = cascade(["good", "good", "bad"], ["bad"; 3], &[0.9]).await;
    let line = ResultLine::of(Ok(&judgment));
    let error = strict.reread(&answer(), line.votes.as_deref().unwrap(), None).unwrap_err();
    assert!(format!("{error:?}").contains("no answer of `large`"), "{error:?}");
}

#[tokio::test]
async fn stopped_draws_are_read_again_as_they_are() {
    let panel = single(bare_label(), 5, StopDraws::Decided);
    let (judgment, asked) = judged(&panel, &answer(), |_, _| Ok(Completion::text("Verdict: good")));
    let line = ResultLine::of(Ok(&judgment));
    let again = panel.reread(&answer(), line.votes.as_deref().unwrap(), None).unwrap();
    assert_eq!((asked.len(), again.label(), again.votes.len()), (3, Some("good"), 3));
    assert!(again.votes.iter().all(|vote| vote.outcome.is_verdict()), "none failed");
    assert_eq!(again.planned_votes, Some(5));
}

#[tokio::test]
async fn the_plan_has_every_request_and_says_which_are_certain() {
    let (both, ..) = cascade(["good"; 3], ["bad"; 3], &[0.9]).await;
    let all = both.rehearse(&answer()).await.unwrap();
    let certain = all.iter().filter(|(id, _)| both.is_certain(id)).count();
    assert_eq!((all.len(), certain), (6, 3));
    let judge: JudgeBuilder =
        Judge::builder().backend(Script::always("")).with_prompt(bare_label());
    let judge = judge.draws(5).stop_draws(StopDraws::Decided).build().await.unwrap();
    let all = judge.rehearse(&answer()).await.unwrap();
    assert_eq!((all.len(), all.iter().filter(|(id, _)| judge.is_certain(id)).count()), (5, 3));
}

#[tokio::test]
async fn the_summary_counts_what_was_saved_and_who_decided() {
    let (both, sure, _) = cascade(["good"; 3], ["bad"; 3], &[0.9]).await;
    let (_, torn, _) = cascade(["good", "good", "bad"], ["bad"; 3], &[0.9]).await;
    let mut summary = Summary::new(&both, Labels::default());
    for judgment in [&sure, &torn] {
        summary.count("r", None, Ok(judgment));
    }
    let text = summary.to_string();
    assert!(text.contains("votes: 9 of 12 asked, 3 saved (25.0 %)"), "{text}");
    assert!(text.contains("decided by large: 1, small: 1"), "{text}");
    assert_eq!(summary.to_json()["votes"]["asked"], 9);
}

#[tokio::test]
async fn what_cannot_work_is_refused_before_the_first_request() {
    let one = |draws| {
        Judge::builder()
            .backend(Script::always("Verdict: good"))
            .with_prompt(bare_label())
            .draws(draws)
    };
    let silent = || async { one(1).build().await.unwrap() };
    let refused = |result: Result<Judge, Error>, words: &str| {
        let error = format!("{:?}", result.unwrap_err());
        assert!(error.contains(words), "{error}");
    };
    let both = Judge::cascade([("a", silent().await), ("b", silent().await)]);
    refused(both.build().await, "how sure `a` is cannot be known");
    refused(Judge::cascade([("a", silent().await)]).build().await, "two judges or more");
    let both = Judge::cascade([("a", silent().await), ("b", silent().await)]);
    refused(both.certainty([0.5, 0.5, 0.5]).build().await, "3 thresholds for 2 judges");
    let fitted = CascadeThresholds::read(
        r#"{"v":1,"agree":0.9,"delta":0.1,"judges":[{"threshold":0.9,"model":"x"},{"threshold":0}]}"#,
    );
    let both = Judge::cascade([("a", one(3).build().await.unwrap()), ("b", silent().await)]);
    refused(both.thresholds(&fitted.unwrap()).build().await, "fitted for the model `x`");
    let sum = Judge::builder().backend(Script::always("")).with_prompt(score("{{ answer }}"));
    let sum = sum.draws(4).aggregate(Aggregate::Sum).stop_draws(StopDraws::Decided);
    refused(sum.build().await, "a sum needs every draw");
}

/// Equal settings keep the keys of earlier lines; a rule that leaves votes out has keys of its own.
#[tokio::test]
async fn judges_that_ask_differently_have_other_identities() {
    let judge = |stop| {
        let judge = Judge::builder().backend(Script::always("")).with_prompt(bare_label()).draws(3);
        async move { judge.stop_draws(stop).build().await.unwrap().identity().to_owned() }
    };
    let plain = Judge::builder().backend(Script::always("")).with_prompt(bare_label()).draws(3);
    let plain = plain.build().await.unwrap().identity().to_owned();
    assert_eq!(judge(StopDraws::Never).await, plain);
    assert_ne!(judge(StopDraws::Decided).await, plain);
}
