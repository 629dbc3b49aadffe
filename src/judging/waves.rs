//! How many draws are asked next.
//!
//! Draws are asked in waves. A wave is as large as the fewest draws after which the rule could stop, if all of them
//! agreed: so no wave asks for more than draws that were asked one by one, except where a draw cannot be read. Which
//! draws are asked depends only on the answers of complete waves, and not on the order in which answers arrive.
//!
//! Whether the draws that are left can change the verdict is not decided by formulas for each way of combining votes:
//! the votes are combined with made-up ones in place of the missing draws, all of them with the same extreme verdict,
//! once for each verdict that is possible. Every way of combining votes by counting, by a mean or by an order of numbers
//! is furthest from the present verdict in one of these cases.

use std::collections::BTreeMap;

use super::{Member, Panel, decide::of_votes, stop::Answer};
use crate::{
    aggregate::Aggregate,
    completion::Distribution,
    item::Item,
    parse::Kind,
    verdict::{Judgment, Label, Outcome, Preference, StepLabel, Steps, Verdict, Vote},
};

/// The most verdicts that are tried as the answer of the next wave.
const TRIED: usize = 8;

/// How many draws of a member are asked next, of `left` that are not asked yet; 0 if the member's draws stop here.
///
/// `votes` are all votes of the member so far. `item` is the record as the member sees it; without it, verdicts on
/// steps count as unlimited.
pub(super) fn next_wave(
    panel: &Panel,
    member: &Member,
    item: Option<&Item>,
    votes: &[&Vote],
    left: u32,
) -> u32 {
    if member.spending.stop.is_never() || left == 0 {
        return left;
    }
    let drawn = Drawn::new(panel, member, item, votes, left);
    if drawn.stops() { 0 } else { drawn.fewest() }
}

/// The draws of a member so far.
struct Drawn<'p> {
    panel: &'p Panel,
    member: &'p Member,
    item: Option<&'p Item>,
    /// The votes without their texts.
    votes: Vec<Vote>,
    /// The answers of the draws, in their order.
    answers: Vec<Answer>,
    /// The number of draws that are not asked yet.
    left: u32,
}

impl<'p> Drawn<'p> {
    fn new(
        panel: &'p Panel,
        member: &'p Member,
        item: Option<&'p Item>,
        votes: &[&Vote],
        left: u32,
    ) -> Self {
        let votes = votes.iter().map(|vote| without_texts(vote)).collect();
        let drawn = Self { panel, member, item, votes, answers: Vec::new(), left };
        let mut by_draw: BTreeMap<u32, Vec<Vote>> = BTreeMap::new();
        for vote in &drawn.votes {
            by_draw.entry(vote.draw).or_default().push(vote.clone());
        }
        let answers = by_draw.values().map(|votes| drawn.answer(votes)).collect();
        Self { answers, ..drawn }
    }

    /// Whether the draws stop here.
    fn stops(&self) -> bool {
        let is_read = self.answers.iter().any(Option::is_some);
        is_read && (self.member.spending.stop.is_met(&self.answers) || self.is_decided())
    }

    /// The fewest draws after which they could stop, at least 1.
    fn fewest(&self) -> u32 {
        let tried = match self.answer(&self.votes) {
            Some(_) => {
                self.judged(&self.votes).verdict.ok().map(|verdict| vec![self.vote(verdict)])
            }
            None => self.possible(),
        };
        let Some(tried) = tried else {
            // A verdict by votes is decided by more than half of them.
            return self.member.spending.stop.fewest(self.left).min(self.left / 2 + 1);
        };
        let could_stop = |count: u32| {
            let mut tried = tried.iter().take(TRIED);
            tried.any(|vote| self.after(vote, count).stops())
        };
        (1..self.left).find(|count| could_stop(*count)).unwrap_or(self.left)
    }

    /// These draws and `count` more, all with this vote.
    fn after(&self, vote: &Vote, count: u32) -> Self {
        let answer = self.answer(std::slice::from_ref(vote));
        let more = std::iter::repeat_n(answer, count as usize);
        Self {
            votes: self.with(vote, count),
            answers: self.answers.iter().cloned().chain(more).collect(),
            left: self.left - count,
            ..*self
        }
    }

    /// The votes, and `count` more draws with this vote.
    fn with(&self, vote: &Vote, count: u32) -> Vec<Vote> {
        let first = self.votes.iter().map(|vote| vote.draw + 1).max().unwrap_or(0);
        let more = (first..first + count).map(|draw| Vote { draw, ..vote.clone() });
        self.votes.iter().cloned().chain(more).collect()
    }

    /// Whether the draws that are left cannot change the answer.
    fn is_decided(&self) -> bool {
        let Some(now) = self.answer(&self.votes) else { return false };
        let Some(possible) = self.possible() else { return self.left == 0 };
        possible.iter().all(|vote| self.answer(&self.with(vote, self.left)).as_ref() == Some(&now))
    }

    /// The judgment of some votes of the member alone. Its pass rule is that of the judge, unless other members vote
    /// too.
    fn judged(&self, votes: &[Vote]) -> Judgment {
        let judgment = self.panel.judgment(of_votes(self.member, votes), Vec::new());
        if self.panel.votes_together() { Judgment { pass: None, ..judgment } } else { judgment }
    }

    /// What is compared of the verdict of some votes: a word, and whether it passes; of numbers with a pass rule only
    /// whether they pass. `None` without a verdict.
    fn answer(&self, votes: &[Vote]) -> Answer {
        let Judgment { verdict, pass, .. } = self.judged(votes);
        let passes = pass.map(|pass| if pass { "passes" } else { "fails" });
        let word = match verdict.ok()? {
            Verdict::Score(_) | Verdict::Scores(_) | Verdict::Criteria(_) if pass.is_some() => {
                String::new()
            }
            Verdict::Score(score) => score.to_string(),
            Verdict::Label(label) => label.label,
            Verdict::Steps(steps) => format!("{:?}", steps.first_error),
            Verdict::Rubric(rubric) => {
                let all = rubric.criteria().iter();
                all.map(|one| format!("{} {}\n", one.name, one.shown())).collect()
            }
            verdict => verdict.to_string(),
        };
        Some([word.as_str(), passes.unwrap_or_default()].join("\0"))
    }

    /// Votes with every verdict that may be extreme, with and without probabilities; `None` if they are not known.
    fn possible(&self) -> Option<Vec<Vote>> {
        match self.member.prompt.front().verdict_kind() {
            Kind::Label => Some(self.labels()),
            Kind::Preference => Some(self.sides()),
            Kind::Steps => self.steps(),
            Kind::Score => self.scores(),
            // Their menu is not known, and with `draws` they are rare.
            Kind::Ranking | Kind::Scores | Kind::Criteria | Kind::Critique | Kind::Revision => None,
        }
    }

    /// A vote of the member.
    fn vote(&self, verdict: Verdict) -> Vote {
        Vote { by: self.member.name.clone(), ..Vote::new(Outcome::Verdict(verdict)) }
    }

    /// The labels of the prompt; without such a list those that were given, and another one.
    fn labels(&self) -> Vec<Vote> {
        let spec = self.member.reader().spec();
        let mut names = spec.labels.clone();
        if names.is_empty() {
            let given = self.votes.iter().filter_map(|vote| match vote.outcome.verdict() {
                Some(Verdict::Label(label)) => Some(label.label.clone()),
                _ => None,
            });
            names.extend(given);
            names.sort_unstable();
            names.dedup();
            names.push("\0".into());
        }
        let sure = |name: &String| {
            let seen = Distribution::new(
                names.iter().map(|one| (one.clone(), f64::from(u8::from(one == name)))).collect(),
            );
            let p = spec.positive().map(|positive| f64::from(u8::from(positive == name)));
            let distribution = Some(seen.clone());
            let label = Label { p, confidence: Some(1.0), distribution, ..Label::new(name) };
            Vote { distribution: Some(seen), ..self.vote(Verdict::Label(label)) }
        };
        let mut all: Vec<Vote> = names.iter().map(sure).collect();
        // A rule about probabilities expects them from every draw.
        if !self.panel.pass.as_ref().is_some_and(crate::pass::Pass::needs_probabilities) {
            all.extend(names.iter().map(|name| self.vote(Verdict::Label(Label::new(name)))));
        }
        all
    }

    /// The sides of a comparison.
    fn sides(&self) -> Vec<Vote> {
        const SIDES: [Preference; 3] = [Preference::First, Preference::Second, Preference::Tie];
        let bare = SIDES.map(|side| self.vote(Verdict::Preference(side)));
        let sure = |vote: &Vote, side: Preference| {
            let p = |one: Preference| f64::from(u8::from(one == side));
            let all = SIDES.map(|one| (one.name().to_owned(), p(one))).to_vec();
            Vote { distribution: Some(Distribution::new(all)), ..vote.clone() }
        };
        let sure: Vec<Vote> = bare.iter().zip(SIDES).map(|(vote, side)| sure(vote, side)).collect();
        [bare.to_vec(), sure].concat()
    }

    /// Every first error, and none; `None` if the number of steps is not known, or if steps come to a number that the
    /// pass rule compares.
    fn steps(&self) -> Option<Vec<Vote>> {
        let front = self.member.prompt.front();
        if front.reduce.is_some() && self.panel.pass.is_some() {
            return None;
        }
        let count = self.member.prompt.shape(self.item?).steps?;
        let first_errors: Vec<Option<usize>> =
            std::iter::once(None).chain((0..count).map(Some)).collect();
        let bare = |first_error: &Option<usize>| {
            self.vote(Verdict::Steps(Steps { first_error: *first_error, ..Steps::default() }))
        };
        let sure = |first_error: &Option<usize>| {
            let last = first_error.unwrap_or(count.saturating_sub(1));
            let step = |index: usize| StepLabel {
                p: Some(f64::from(u8::from(Some(index) != *first_error))),
                ..StepLabel::new(index, "")
            };
            let steps = (0..=last).map(step).collect();
            self.vote(Verdict::Steps(Steps { first_error: *first_error, steps, score: None }))
        };
        Some(first_errors.iter().flat_map(|first| [sure(first), bare(first)]).collect())
    }

    /// The ends of the scale, and under `majority` the numbers that were given; `None` without ends, or if the pass
    /// rule has no direction, so that a number between the ends may pass alone.
    fn scores(&self) -> Option<Vec<Vote>> {
        let (low, high) = self.member.prompt.front().scale.as_ref()?.ends()?;
        let rule = self.panel.pass.as_ref().filter(|_| !self.panel.votes_together());
        if rule.is_some_and(|rule| !rule.is_monotone()) || !low.is_finite() || !high.is_finite() {
            return None;
        }
        let given = self.votes.iter().filter_map(|vote| vote.outcome.verdict()?.score());
        let counts = self.member.aggregate == Some(Aggregate::Majority);
        let given: Vec<f64> = given.filter(|_| counts).collect();
        let all = [low, high].into_iter().chain(given);
        Some(all.map(|score| self.vote(Verdict::Score(score))).collect())
    }
}

/// The vote without its texts, which may be long.
fn without_texts(vote: &Vote) -> Vote {
    Vote {
        by: vote.by.clone(),
        draw: vote.draw,
        order: vote.order.clone(),
        reask: vote.reask,
        distribution: vote.distribution.clone(),
        ..Vote::new(vote.outcome.clone())
    }
}
