//! The candidates of a sample, and what subsets of them come to.

use super::{Plan, PlanRule, Split};
use crate::{
    records::CandidateLine,
    report::significance::{mean_interval, mean_of},
    strategy::{
        answers::{AnswerGroups, Weighing, first_best},
        best_of::{Candidate, DrawnValue},
    },
};

/// A candidate of a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanCandidate {
    answer: Option<String>,
    is_right: bool,
    tokens: u64,
    verdicts: Vec<DrawnValue>,
}

impl PlanCandidate {
    /// A candidate with the canonical form of its answer, if it gives one; whether that is right; the tokens that the
    /// policy wrote; and the verdicts of several draws.
    pub fn new(
        answer: Option<String>,
        is_right: bool,
        tokens: u64,
        verdicts: Vec<DrawnValue>,
    ) -> Self {
        Self { answer, is_right, tokens, verdicts }
    }
}

/// A candidate of which it is not known whether it is right counts as wrong.
impl From<&Candidate> for PlanCandidate {
    fn from(one: &Candidate) -> Self {
        let tokens = one.written.map_or(0, |written| written.completion);
        Self::new(one.answer.clone(), one.is_right() == Some(true), tokens, one.draws.clone())
    }
}

/// A candidate of which it is not known whether it is right counts as wrong.
impl From<&CandidateLine> for PlanCandidate {
    fn from(one: &CandidateLine) -> Self {
        let tokens = one.written.map_or(0, |written| written.completion);
        Self::new(one.answer.clone(), one.right == Some(true), tokens, one.draws.clone())
    }
}

/// Candidates of several questions.
#[derive(Clone, Debug, Default)]
pub struct PlanSample {
    questions: Vec<Question>,
}

impl PlanSample {
    /// Adds the candidates of a question. A question without candidates is left out.
    pub fn add(&mut self, candidates: Vec<PlanCandidate>) {
        if !candidates.is_empty() {
            self.questions.push(Question(candidates));
        }
    }

    /// The number of questions.
    pub fn len(&self) -> usize {
        self.questions.len()
    }

    /// Whether no question has candidates.
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }

    /// What fewer candidates and verdicts would have come to. The subsets are chosen by fixed seeds: equal samples give
    /// equal plans. Questions with fewer candidates than a split has count with those that they have.
    pub fn plan(&self) -> Plan {
        let most = |of: fn(&Question) -> usize| self.questions.iter().map(of).max().unwrap_or(0);
        let (candidates, verdicts) = (most(Question::candidates), most(Question::verdicts));
        let mut splits = Vec::new();
        for size in powers(candidates) {
            splits.push(self.split(size, 0, PlanRule::Majority));
            for draws in powers(verdicts) {
                splits.push(self.split(size, draws, PlanRule::Best));
                splits.push(self.split(size, draws, PlanRule::Weighted));
            }
        }
        Plan::of(self.len(), splits)
    }

    fn split(&self, candidates: usize, verdicts: usize, rule: PlanRule) -> Split {
        let tried = self.questions.iter().zip(0..);
        let (by_question, tokens): (Vec<f64>, Vec<f64>) =
            tried.map(|(question, seed)| question.tried(candidates, verdicts, rule, seed)).unzip();
        Split {
            candidates,
            verdicts,
            rule,
            tokens: mean_of(&tokens),
            accuracy: mean_of(&by_question),
            interval: mean_interval(&by_question, (0.0, 1.0)),
            by_question,
        }
    }
}

/// 1, 2, 4, … below `most`, and `most`; empty for 0.
pub(super) fn powers(most: usize) -> Vec<usize> {
    let powers = std::iter::successors(Some(1_usize), |power| power.checked_mul(2));
    powers.take_while(|power| *power < most).chain((most > 0).then_some(most)).collect()
}

/// The candidates of one question.
#[derive(Clone, Debug)]
struct Question(Vec<PlanCandidate>);

/// A candidate of a subset, with the mean value of some of its verdicts.
struct Drawn<'c> {
    candidate: &'c PlanCandidate,
    value: Option<f64>,
}

/// The number of subsets of each question: the intervals are over questions, which vary far more.
const SUBSETS: u32 = 64;

impl Question {
    fn candidates(&self) -> usize {
        self.0.len()
    }

    /// The largest number of verdicts on a candidate.
    fn verdicts(&self) -> usize {
        self.0.iter().map(|candidate| candidate.verdicts.len()).max().unwrap_or(0)
    }

    /// The share of subsets with so many candidates and verdicts whose pick is right, and their mean tokens.
    fn tried(&self, candidates: usize, verdicts: usize, rule: PlanRule, seed: u64) -> (f64, f64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut right, mut tokens) = (0, 0);
        for _ in 0..SUBSETS {
            let (drawn, cost) = self.subset(candidates, verdicts, &mut random);
            right += u32::from(pick(&drawn, rule));
            tokens += cost;
        }
        #[expect(clippy::cast_precision_loss, reason = "no question has 2^52 tokens")]
        let tokens = tokens as f64 / f64::from(SUBSETS);
        (f64::from(right) / f64::from(SUBSETS), tokens)
    }

    /// Some candidates in an order by chance, each with some of its verdicts, and the tokens of both.
    fn subset(
        &self,
        candidates: usize,
        verdicts: usize,
        random: &mut fastrand::Rng,
    ) -> (Vec<Drawn<'_>>, u64) {
        let mut tokens = 0;
        let chosen = random.choose_multiple(&self.0, candidates);
        let drawn = shuffled(chosen, random).into_iter().map(|candidate| {
            let verdicts = random.choose_multiple(&candidate.verdicts, verdicts);
            tokens += candidate.tokens + verdicts.iter().map(|verdict| verdict.tokens).sum::<u64>();
            Drawn { candidate, value: mean(verdicts.iter().filter_map(|verdict| verdict.value)) }
        });
        let drawn = drawn.collect();
        (drawn, tokens)
    }
}

fn shuffled<T>(mut all: Vec<T>, random: &mut fastrand::Rng) -> Vec<T> {
    random.shuffle(&mut all);
    all
}

#[expect(clippy::cast_precision_loss, reason = "no candidate has 2^52 verdicts")]
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_usize, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}

/// Whether what the rule picks from these candidates is right. If no candidate has a value, the most frequent answer
/// is picked; if none gives an answer, nothing is.
fn pick(drawn: &[Drawn<'_>], rule: PlanRule) -> bool {
    let forms = || AnswerGroups::of(drawn.iter().map(|drawn| drawn.candidate.answer.clone()));
    let first =
        |groups: &AnswerGroups| groups.majority().and_then(|group| group.members.first().copied());
    let values: Vec<Option<f64>> = drawn.iter().map(|drawn| drawn.value).collect();
    let has_values = values.iter().any(Option::is_some);
    let picked = match rule {
        PlanRule::Best if has_values => first_best(values.iter().copied().enumerate()),
        PlanRule::Weighted if has_values => {
            let groups = forms();
            let best = groups.best(&values, Weighing::Sum);
            best.and_then(|group| group.members.first().copied()).or_else(|| first(&groups))
        }
        _ => first(&forms()),
    };
    picked.is_some_and(|index| drawn[index].candidate.is_right)
}
