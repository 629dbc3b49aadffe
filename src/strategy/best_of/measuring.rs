//! The values of candidates: judged alone, in pairs, or all at once.

use futures_util::{StreamExt, stream};

use super::{
    RankOptions, WhenUnreadable, Window,
    candidate::{Candidate, Compared, DrawnValue},
};
use crate::{
    completion::Distribution,
    error::Result,
    item::Item,
    judge::Judge,
    strategy::{
        Measure, Spent, chance,
        tournament::{Pair, Pairing, Played, Tournament},
    },
    verdict::{Judgment, Preference, Verdict, Vote},
};

/// The most judgments about one record that are in flight at once.
const AT_ONCE: usize = 64;

/// The indexes of the candidates that were written.
pub(super) fn written(candidates: &[Candidate]) -> Vec<usize> {
    let written = candidates.iter().enumerate().filter(|(_, one)| one.text.is_some());
    written.map(|(at, _)| at).collect()
}

/// Judges these items, several at once.
///
/// # Errors
/// No judgment has an answer, or an error is one that every later request would meet.
async fn judged(judge: &Judge, items: Vec<Item>) -> Result<Vec<Result<Judgment>>> {
    let asked = items.into_iter().map(|item| async move { judge.judge_seen(&item, 0).await });
    let done: Vec<Result<Judgment>> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    let errors = || done.iter().filter_map(|one| one.as_ref().err());
    let ends = errors().find(|error| error.is_interrupted() || error.is_fatal());
    let failed = Some(errors()).filter(|_| done.iter().all(Result::is_err));
    match ends.or_else(|| failed.and_then(|mut errors| errors.next())) {
        Some(error) => Err(error.clone()),
        None => Ok(done),
    }
}

impl RankOptions {
    /// Judges each candidate alone, and returns the cost.
    ///
    /// # Errors
    /// The judge gave no answer about any of them.
    pub(super) async fn alone(
        &self,
        judge: &Judge,
        item: &Item,
        candidates: &mut [Candidate],
        seed: u64,
    ) -> Result<Spent> {
        let written = written(candidates);
        let items = written.iter().map(|&at| item.alone(at)).collect();
        let mut spent = Spent::default();
        for (&at, judgment) in written.iter().zip(judged(judge, items).await?) {
            let one = &mut candidates[at];
            let judgment = match judgment {
                Ok(judgment) => judgment,
                Err(error) => {
                    one.error = Some(error);
                    continue;
                }
            };
            one.judged = Spent::of(&judgment, judge.price());
            spent += one.judged;
            one.value = self.value_of(&judgment, &item.alone(at));
            one.draws = values_of_draws(self.measure, &judgment);
            let values = one.draws.iter().filter_map(|draw| draw.value);
            one.deviation = deviation(&values.collect::<Vec<_>>());
            if one.value.is_none() && self.unreadable == WhenUnreadable::FilledIn {
                one.value = drawn_of_scale(judge, chance::seed_for(seed, "value"), at);
                one.is_filled_in = one.value.is_some();
            }
            one.judgment = Some(judgment);
        }
        Ok(spent)
    }

    /// The value of a candidate by its judgment. A judge that only names the first wrong step gives, as its finest number,
    /// the share of steps before that.
    #[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 steps")]
    fn value_of(&self, judgment: &Judgment, alone: &Item) -> Option<f64> {
        let before = || {
            let first = judgment.first_error()?? as f64;
            let count = alone.steps().len() as f64;
            (self.measure == Measure::Auto && count > 0.0).then(|| (first / count).min(1.0))
        };
        self.measure.of(judgment).or_else(before)
    }

    /// Compares candidates in pairs, and returns the comparisons and the winner of a knockout.
    ///
    /// # Errors
    /// The judge gave no answer about any pair of a round.
    pub(super) async fn in_pairs(
        &self,
        judge: &Judge,
        item: &Item,
        candidates: &mut [Candidate],
        seed: u64,
    ) -> Result<(Vec<Compared>, Option<usize>)> {
        let written = written(candidates);
        let pairing = self.pairing.unwrap_or_default();
        let mut tournament = Tournament::new(pairing, written.len(), seed);
        let mut compared = Vec::new();
        loop {
            let pairs = tournament.next();
            if pairs.is_empty() {
                break;
            }
            let places = |pair: Pair| [written[pair.first], written[pair.second]];
            let items = pairs.iter().map(|&pair| item.picked(&places(pair))).collect();
            for (pair, judgment) in pairs.iter().zip(judged(judge, items).await?) {
                let one = self.compared(places(*pair), judgment, judge);
                tournament.take(*pair, one.played.share);
                compared.push(one);
            }
        }
        for (rated, &at) in self.rating.of(written.len(), tournament.played()).iter().zip(&written)
        {
            (candidates[at].value, candidates[at].interval) = (rated.value, rated.interval);
        }
        Ok((compared, tournament.winner().map(|winner| written[winner])))
    }

    /// The comparison of two candidates with its result.
    fn compared(
        &self,
        [first, second]: [usize; 2],
        judgment: Result<Judgment>,
        judge: &Judge,
    ) -> Compared {
        let known = judgment.as_ref().ok();
        let share = match self.unreadable {
            WhenUnreadable::LeftOut => known.and_then(share_of_first),
            WhenUnreadable::FilledIn => Some(known.and_then(mean_of_orders).unwrap_or(0.5)),
        };
        Compared {
            played: Played::new(first, second, share),
            consistent: known.and_then(|judgment| judgment.consistent),
            unreadable: known.and_then(|judgment| judgment.verdict.clone().err()),
            spent: known.map_or_else(Spent::default, |one| Spent::of(one, judge.price())),
            error: judgment.err(),
        }
    }
}

/// Judges all candidates at once. With fewer than two, nothing is asked.
///
/// # Errors
/// The judge gave no answer.
pub(super) async fn together(
    judge: &Judge,
    item: &Item,
    candidates: &mut [Candidate],
) -> Result<Option<Judgment>> {
    let written = written(candidates);
    if written.len() < 2 {
        return Ok(None);
    }
    let judgment = judge.judge_seen(&item.picked(&written), 0).await?;
    let values = values_of_all(&judgment, written.len());
    for (value, &at) in values.into_iter().zip(&written) {
        candidates[at].value = value;
    }
    Ok(Some(judgment))
}

/// The ranking of one window.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Windowed {
    /// The candidates that were shown, by their indexes, in the order before the ranking.
    pub shown: Vec<usize>,
    /// The judgment; its verdict counts the shown candidates from 0.
    pub judgment: Judgment,
}

/// Ranks the candidates in windows, and gives each a value by its place in the end: the share of the others after it. A
/// window that cannot be read leaves its order as it was; a candidate that no window could place has no value.
///
/// # Errors
/// The judge gave no answer about a window.
pub(super) async fn in_windows(
    judge: &Judge,
    item: &Item,
    candidates: &mut [Candidate],
    window: Window,
) -> Result<Vec<Windowed>> {
    let mut order = written(candidates);
    let mut is_placed = vec![false; candidates.len()];
    let mut all = Vec::new();
    for range in window.ranges(order.len()) {
        let shown = order[range.clone()].to_vec();
        let judgment = judge.judge_seen(&item.picked(&shown), 0).await?;
        if let Some(places) = places(&judgment, shown.len()) {
            shown.iter().for_each(|&at| is_placed[at] = true);
            for (to, from) in range.zip(places) {
                order[to] = shown[from];
            }
        }
        all.push(Windowed { shown, judgment });
    }
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 candidates")]
    let value = |place: usize| 1.0 - place as f64 / (order.len() - 1) as f64;
    for (place, &at) in order.iter().enumerate() {
        candidates[at].value = is_placed[at].then(|| value(place));
    }
    Ok(all)
}

/// The shown answers from the best to the worst, by their places; equally good ones keep their order. `None` without a
/// ranking of all of them.
fn places(judgment: &Judgment, count: usize) -> Option<Vec<usize>> {
    let Verdict::Ranking(groups) = judgment.verdict.as_ref().ok()? else { return None };
    let places: Vec<usize> = groups.iter().flatten().copied().collect();
    let mut sorted = places.clone();
    sorted.sort_unstable();
    sorted.iter().copied().eq(0..count).then_some(places)
}

/// The value of each of so many answers: its score, or the share of the others that it is ranked above, ties as half.
#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 candidates")]
fn values_of_all(judgment: &Judgment, count: usize) -> Vec<Option<f64>> {
    let mut values = vec![None; count];
    match &judgment.verdict {
        Ok(Verdict::Scores(scores)) => {
            scores.iter().zip(&mut values).for_each(|(score, value)| *value = Some(*score));
        }
        Ok(Verdict::Ranking(groups)) => {
            let mut before = 0;
            for group in groups {
                let place = before as f64 + (group.len() as f64 - 1.0) / 2.0;
                let value = 1.0 - place / (count as f64 - 1.0);
                group.iter().filter(|at| **at < count).for_each(|&at| values[at] = Some(value));
                before += group.len();
            }
        }
        _ => (),
    }
    values
}

/// The first answer's share of the win: 1, 0.5 or 0; `None` if the verdict does not compare two answers.
fn share_of_first(judgment: &Judgment) -> Option<f64> {
    let side = match judgment.verdict.as_ref().ok()? {
        Verdict::Preference(side) => *side,
        Verdict::Scores(_) | Verdict::Ranking(_) => {
            let [first, second] = values_of_all(judgment, 2)[..] else { return None };
            let (first, second) = (first?, second?);
            match first.total_cmp(&second) {
                std::cmp::Ordering::Greater => Preference::First,
                std::cmp::Ordering::Less => Preference::Second,
                std::cmp::Ordering::Equal => Preference::Tie,
            }
        }
        _ => return None,
    };
    Some(match side {
        Preference::First => 1.0,
        Preference::Tie => 0.5,
        Preference::Second => 0.0,
    })
}

/// The first answer's mean share of the win over the orders that could be read: a win in one order and a tie in the other
/// one are three quarters, as published rules count.
#[expect(clippy::cast_precision_loss, reason = "no judgment has 2^52 votes")]
fn mean_of_orders(judgment: &Judgment) -> Option<f64> {
    let verdicts = judgment.votes.iter().filter_map(|vote| vote.outcome.verdict());
    let shares = verdicts.filter_map(|one| share_of_first(&Judgment::new(Ok(one.clone()))));
    let shares: Vec<f64> = shares.collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

/// The value of each vote that could be read.
fn values_of_draws(measure: Measure, judgment: &Judgment) -> Vec<DrawnValue> {
    let value = |vote: &Vote| {
        let verdict = vote.outcome.verdict()?;
        let expected = vote.distribution.as_ref().and_then(expected);
        let one = Judgment::new(Ok(verdict.clone()));
        let is_score = matches!(verdict, Verdict::Score(_));
        measure.of(&Judgment { expected_score: expected.filter(|_| is_score), ..one })
    };
    let draw = |vote: &Vote| {
        let tokens = vote.calls.iter().filter_map(|call| call.usage.completion);
        DrawnValue::new(value(vote), tokens.sum())
    };
    judgment.votes.iter().map(draw).collect()
}

/// The mean of a menu of numbers by their probabilities.
fn expected(menu: &Distribution) -> Option<f64> {
    let parts = menu.labels.iter().map(|(label, p)| Some(label.parse::<f64>().ok()? * p));
    let sum = parts.sum::<Option<f64>>()?;
    let mass: f64 = menu.labels.iter().map(|(_, p)| p).sum();
    (mass > 0.0).then(|| sum / mass)
}

/// The standard deviation of a sample of two or more.
#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 draws")]
fn deviation(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt())
}

/// A whole number of the judge's scale at random; `None` without a scale.
fn drawn_of_scale(judge: &Judge, seed: u64, candidate: usize) -> Option<f64> {
    let (low, high) = judge.verdict_profile().ends()?;
    let drawn = chance::uniform(seed, candidate as u64);
    Some((low + (drawn * (high - low + 1.0)).floor()).min(high))
}

/// The pairs that a tournament would compare if the first answer won each time: as many as in any other course of it.
pub(super) fn rehearsed(pairing: Pairing, answers: usize, seed: u64) -> Vec<Pair> {
    let mut tournament = Tournament::new(pairing, answers, seed);
    let mut all = Vec::new();
    loop {
        let pairs = tournament.next();
        if pairs.is_empty() {
            return all;
        }
        for pair in pairs {
            tournament.take(pair, Some(1.0));
            all.push(pair);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judgment(verdict: Verdict) -> Judgment {
        Judgment::new(Ok(verdict))
    }

    #[test]
    fn a_ranking_gives_the_share_of_the_others_that_an_answer_is_above() {
        let ranking = judgment(Verdict::Ranking(vec![vec![2], vec![0, 1]]));
        assert_eq!(values_of_all(&ranking, 4), [Some(0.5), Some(0.5), Some(1.0), None]);
        let scores = judgment(Verdict::Scores(vec![3.0, 5.0]));
        assert_eq!(
            (values_of_all(&scores, 2), share_of_first(&scores)),
            (vec![Some(3.0), Some(5.0)], Some(0.0))
        );
    }

    #[test]
    fn a_deviation_needs_two_values() {
        assert_eq!(deviation(&[3.0]), None);
        assert_eq!(deviation(&[1.0, 3.0]), Some(2.0_f64.sqrt()));
        let menu = Distribution::new(vec![("1".into(), 0.25), ("5".into(), 0.75)]);
        assert_eq!(expected(&menu), Some(4.0));
    }
}
