//! Judgments beside the case that they are about.

use std::collections::HashMap;

use super::{
    case::{Case, FirstError},
    shape::{Part, Shape, larger},
};
use crate::{
    line::{ResultLine, VerdictLine},
    verdict::{Judgment, Outcome, Preference, Steps, Verdict, Vote},
};

/// What is kept of a judgment: the verdict of all votes, and that of each.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Ballots {
    /// The verdict; `None` if it could not be read, or there is no answer.
    pub verdict: Option<Verdict>,
    /// Whether there is no answer.
    pub has_failed: bool,
    /// The probability that the second of two answers is better, where it is known.
    pub second: Option<f64>,
    /// Every vote.
    pub votes: Vec<Ballot>,
    /// Whether a verdict was left out because it is of another kind than what was judged, such as a score of two answers.
    pub is_of_other_kind: bool,
}

/// What is kept of one vote.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Ballot {
    /// Whether two answers were shown in the opposite order.
    pub is_swapped: bool,
    /// The verdict in the order of the record; `None` if it could not be read, or there is no answer.
    pub verdict: Option<Verdict>,
    /// The words of the verdict, such as `A>>B`.
    pub words: String,
}

impl From<&Judgment> for Ballots {
    fn from(judgment: &Judgment) -> Self {
        let votes: Vec<Ballot> = judgment.votes.iter().map(Ballot::from).collect();
        let verdict = judgment.verdict.as_ref().ok().cloned();
        // A line that another program wrote may hold its verdict alone.
        let lone = Ballot { verdict: verdict.clone(), ..Ballot::default() };
        let all_failed = |votes: &[Vote]| {
            !votes.is_empty() && votes.iter().all(|vote| vote.outcome.failed().is_some())
        };
        Self {
            has_failed: all_failed(&judgment.votes),
            second: second(judgment),
            votes: if votes.is_empty() { vec![lone] } else { votes },
            is_of_other_kind: false,
            verdict,
        }
    }
}

impl Ballots {
    /// The same without verdicts that say nothing about this part of a case: they count like those that could not be read.
    fn about(mut self, case: &Case, part: Part) -> Self {
        let votes = self.votes.iter_mut().map(|vote| &mut vote.verdict);
        for verdict in std::iter::once(&mut self.verdict).chain(votes) {
            if verdict.as_ref().is_some_and(|verdict| !is_about(verdict, case, part)) {
                (*verdict, self.is_of_other_kind) = (None, true);
            }
        }
        self
    }

    /// The votes with these words, where there is no text to take them from.
    fn said(mut self, words: Vec<String>) -> Self {
        for (vote, words) in self.votes.iter_mut().zip(words) {
            if vote.words.is_empty() {
                vote.words = words;
            }
        }
        self
    }
}

/// The words of the verdicts of all votes as a line holds them, such as `A>>B`; that of the line, if it has no votes. A line
/// of a run holds the name of the verdict there, such as `first`, which has no strength.
fn words_of(line: &ResultLine) -> Vec<String> {
    let words = |verdict: &VerdictLine| {
        let words = verdict.verdict.clone().unwrap_or_default();
        if words.contains(['>', '<']) { words } else { String::new() }
    };
    match line.votes.as_deref() {
        Some(votes @ [_, ..]) => votes.iter().map(|vote| words(&vote.verdict)).collect(),
        _ => vec![words(&line.verdict)],
    }
}

impl From<&Vote> for Ballot {
    fn from(vote: &Vote) -> Self {
        let words = vote.span.map(|(start, end)| {
            let last = vote.calls.iter().rev().find(|call| !call.chosen);
            let shown = last.map(|call| call.shown().to_owned()).unwrap_or_default();
            shown.chars().skip(start).take(end.saturating_sub(start)).collect()
        });
        let verdict = match &vote.outcome {
            Outcome::Verdict(verdict) => Some(verdict.clone()),
            _ => None,
        };
        Self { is_swapped: vote.order == [1, 0], verdict, words: words.unwrap_or_default() }
    }
}

/// The probability of the second answer among both; a side that was not reported has none.
fn second(judgment: &Judgment) -> Option<f64> {
    let seen = judgment.distribution.as_ref()?;
    let first = seen.of(Preference::First.name()).unwrap_or(0.0);
    let second = seen.of(Preference::Second.name()).unwrap_or(0.0);
    (first + second > 0.0).then(|| second / (first + second))
}

/// The judgments of a run by the names of their records.
#[derive(Clone, Debug, Default)]
pub struct Judgments(HashMap<String, Ballots>);

impl Judgments {
    /// Adds what a result line holds, in place of an earlier one of the same name. A line that is no longer current
    /// counts like any other: the caller leaves it out.
    pub fn add(&mut self, line: ResultLine) {
        let id = line.id.clone();
        let words = words_of(&line);
        let ballots = match Judgment::try_from(line) {
            Ok(judgment) => Ballots::from(&judgment),
            Err(_) => Ballots { has_failed: true, ..Ballots::default() },
        };
        self.0.insert(id, ballots.said(words));
    }

    /// The number of judgments.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The shape whose parts these judgments are about: the one of which most are there.
    pub fn shape(&self, cases: &[Case]) -> Shape {
        let found = |shape: Shape| {
            let parts = cases
                .iter()
                .flat_map(|case| case.parts(shape).into_iter().map(|part| case.part_id(part)));
            parts.filter(|id| self.0.contains_key(id)).count()
        };
        let best = Shape::ALL.into_iter().rev().max_by_key(|shape| found(*shape));
        best.unwrap_or(Shape::Pairs)
    }

    /// What is known about a part of a case.
    fn of(&self, case: &Case, part: Part) -> Option<Ballots> {
        Some(self.0.get(&case.part_id(part))?.clone().about(case, part))
    }

    /// The cases with their judgments in this shape. A case of which no part can be judged in it is left out, but not one
    /// answer alone, which needs no comparison.
    pub fn beside(&self, cases: &[Case], shape: Shape) -> Vec<Judged> {
        let judged = |case: &Case| {
            let parts = case.parts(shape).into_iter();
            let parts: Vec<_> = parts.map(|part| (part, self.of(case, part))).collect();
            (!parts.is_empty() || case.is_settled()).then(|| Judged { case: case.clone(), parts })
        };
        cases.iter().filter_map(judged).collect()
    }
}

/// A case with everything that was judged about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The case.
    pub case: Case,
    parts: Vec<(Part, Option<Ballots>)>,
}

/// One comparison of two answers, in one order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Game {
    /// Whether the answers were shown in the opposite order.
    pub(super) is_swapped: bool,
    /// Which is better, in the order of the record.
    pub(super) side: Option<Preference>,
    /// The words of the verdict.
    pub(super) words: String,
}

impl Judged {
    /// The numbers of parts, of those without an answer, and of those whose verdict could not be read.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let failed = |one: &Option<Ballots>| one.as_ref().is_none_or(|one| one.has_failed);
        let count = |is: &dyn Fn(&Option<Ballots>) -> bool| {
            self.parts.iter().filter(|(_, one)| is(one)).count()
        };
        let unread = |one: &Option<Ballots>| {
            !failed(one) && one.as_ref().is_some_and(|one| one.verdict.is_none())
        };
        (self.parts.len(), count(&failed), count(&unread))
    }

    /// The names of what no judgment is about.
    pub fn missing(&self) -> impl Iterator<Item = String> {
        let missing = self.parts.iter().filter(|(_, one)| one.is_none());
        missing.map(|(part, _)| self.case.part_id(*part))
    }

    /// The names of what has a verdict of another kind.
    pub fn of_other_kind(&self) -> impl Iterator<Item = String> {
        let is_other = |one: &Ballots| one.is_of_other_kind;
        let other = self.parts.iter().filter(move |(_, one)| one.as_ref().is_some_and(is_other));
        other.map(|(part, _)| self.case.part_id(*part))
    }

    /// Whether its answers were rated.
    pub(super) fn is_rated(&self) -> bool {
        self.parts.iter().any(|(part, _)| matches!(part, Part::One(_)))
            || self.scores().iter().any(Option::is_some)
    }

    /// The numbers of votes, and of those that could not be read.
    pub(super) fn vote_counts(&self) -> (usize, usize) {
        let votes = || self.parts.iter().flat_map(|(_, one)| one.iter().flat_map(|one| &one.votes));
        (votes().count(), votes().filter(|vote| vote.verdict.is_none()).count())
    }

    fn part(&self, part: Part) -> Option<&Ballots> {
        self.parts.iter().find(|(one, _)| *one == part)?.1.as_ref()
    }

    fn whole(&self) -> Option<&Ballots> {
        self.part(Part::Whole)
    }

    /// The number that each answer got; `None` where there is none.
    pub(super) fn scores(&self) -> Vec<Option<f64>> {
        let whole = self.whole().and_then(|one| one.verdict.as_ref()?.scores());
        let of = |place: usize| match (self.part(Part::One(place)), whole) {
            (Some(one), _) => one.verdict.as_ref().and_then(number),
            (None, Some(scores)) => scores.get(place).copied(),
            (None, None) => None,
        };
        (0..self.case.answers.len()).map(of).collect()
    }

    /// The places of the best answers, where a judge ranked or rated all; with pairs, the one that beats every other.
    /// Answers without a number take no part.
    pub(super) fn best(&self) -> Option<Vec<usize>> {
        if let Some(Verdict::Ranking(groups)) = self.whole().and_then(|one| one.verdict.as_ref()) {
            return groups.first().cloned();
        }
        let scores = self.scores();
        let most = scores.iter().flatten().copied().reduce(f64::max)?;
        let is_best = |score: &Option<f64>| *score == Some(most);
        Some((0..scores.len()).filter(|place| is_best(&scores[*place])).collect())
    }

    /// Which of two answers is better, by all votes.
    pub(super) fn duel(&self, one: usize, two: usize) -> Option<Preference> {
        if let Some(pair) = self.part(Part::Pair(one, two)) {
            return pair.verdict.as_ref().and_then(|verdict| side(verdict, 0, 1));
        }
        if let Some(whole) = self.whole() {
            return whole.verdict.as_ref().and_then(|verdict| side(verdict, one, two));
        }
        let scores = self.scores();
        Some(larger((*scores.get(one)?)?, (*scores.get(two)?)?))
    }

    /// The comparisons of two answers, each by itself. A judge that rates makes one, in the order of the record.
    pub(super) fn games(&self, one: usize, two: usize) -> Vec<Game> {
        let (ballots, places) = match (self.part(Part::Pair(one, two)), self.whole()) {
            (Some(pair), _) => (Some(pair), (0, 1)),
            (None, Some(whole)) => (Some(whole), (one, two)),
            (None, None) => (None, (one, two)),
        };
        let Some(ballots) = ballots else {
            let side = self.duel(one, two);
            return vec![Game { is_swapped: false, side, words: String::new() }];
        };
        let game = |vote: &Ballot| Game {
            is_swapped: vote.is_swapped,
            side: vote.verdict.as_ref().and_then(|verdict| side(verdict, places.0, places.1)),
            words: vote.words.clone(),
        };
        ballots.votes.iter().map(game).collect()
    }

    /// The number of comparisons with a winner whose words are not known, and so not how strong they are.
    pub(super) fn without_words(&self) -> usize {
        let pairs = self.parts.iter().filter(|(part, _)| matches!(part, Part::Pair(..)));
        let votes = pairs.flat_map(|(_, one)| one.iter().flat_map(|one| &one.votes));
        let has_winner = |vote: &&Ballot| {
            let side = vote.verdict.as_ref().and_then(|verdict| side(verdict, 0, 1));
            matches!(side, Some(Preference::First | Preference::Second))
        };
        votes.filter(has_winner).filter(|vote| vote.words.is_empty()).count()
    }

    /// The probability that the second of two answers is better.
    pub(super) fn second(&self) -> Option<f64> {
        self.part(Part::Pair(0, 1)).and_then(|one| one.second)
    }

    /// The verdict on the steps.
    pub(super) fn steps(&self) -> Option<&Steps> {
        self.whole()?.verdict.as_ref()?.steps()
    }

    /// The first wrong step that the judge named, inside of `Some`.
    pub(super) fn first_error(&self) -> Option<FirstError> {
        Some(self.steps()?.first_error)
    }

    /// The first wrong step of every vote.
    pub(super) fn first_errors(&self) -> Vec<Option<FirstError>> {
        let votes = self.whole().map(|one| one.votes.as_slice()).unwrap_or_default();
        let of = |vote: &Ballot| vote.verdict.as_ref().and_then(Verdict::first_error);
        votes.iter().map(of).collect()
    }
}

/// Whether a verdict says something about this part of a case.
fn is_about(verdict: &Verdict, case: &Case, part: Part) -> bool {
    let count = case.answers.len();
    match (part, verdict) {
        (Part::Pair(..), verdict) => side(verdict, 0, 1).is_some(),
        (Part::One(_), verdict) => number(verdict).is_some(),
        (Part::Whole, verdict) if count == 0 => verdict.steps().is_some(),
        (Part::Whole, Verdict::Scores(scores)) => scores.len() == count,
        (Part::Whole, Verdict::Ranking(groups)) => {
            groups.iter().flatten().all(|place| *place < count)
        }
        (Part::Whole, verdict) => count == 2 && side(verdict, 0, 1).is_some(),
    }
}

/// The side of two answers in a verdict about several; `None` if the verdict does not compare them.
fn side(verdict: &Verdict, one: usize, two: usize) -> Option<Preference> {
    match verdict {
        Verdict::Preference(side) => Some(*side),
        Verdict::Scores(scores) => Some(larger(*scores.get(one)?, *scores.get(two)?)),
        Verdict::Ranking(groups) => {
            let place = |answer: usize| groups.iter().position(|group| group.contains(&answer));
            let (one, two) = (place(one)?, place(two)?);
            // The first group is the best.
            Some(match one.cmp(&two) {
                std::cmp::Ordering::Less => Preference::First,
                std::cmp::Ordering::Greater => Preference::Second,
                std::cmp::Ordering::Equal => Preference::Tie,
            })
        }
        _ => None,
    }
}

/// A verdict about one answer as a number: its score, or the probability of the positive label.
fn number(verdict: &Verdict) -> Option<f64> {
    let single = verdict.scores().filter(|scores| scores.len() == 1).map(|scores| scores[0]);
    verdict.score().or_else(|| verdict.p()).or(single)
}
