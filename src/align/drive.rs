//! The rounds: propose, check, judge, choose; and the test at the end.

use std::sync::Arc;

use super::{
    marks::{Marks, incomparable, is_comparable},
    outcome::{Alignment, Candidate, CandidateOutcome, Decision},
    parts::{Case, Parts},
    proposal::{accepted, file_in, material},
};
use crate::{
    error::{Error, ErrorKind, Result},
    judge::Judge,
    parse::Kind,
    prompt::Prompt,
    report::Labels,
    request::Hasher,
    verdict::Verdict,
};

/// How long a prompt is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlignOptions {
    /// The number of rounds. Each starts from the best prompt so far.
    pub rounds: u32,
    /// Candidates of each round.
    pub candidates: u32,
    /// Disagreements that the writer is shown for each candidate.
    pub shown: usize,
    /// Decides which records are in which part, and which are shown.
    pub seed: u64,
}

impl Default for AlignOptions {
    fn default() -> Self {
        Self { rounds: 3, candidates: 3, shown: 6, seed: 0 }
    }
}

/// Repairs the prompt of one judge.
#[derive(Debug)]
pub struct Aligner<O> {
    /// Builds the judge with a prompt: its model and its settings.
    open: O,
    writer: Judge,
    labels: Labels,
    options: AlignOptions,
}

/// The best prompt so far.
struct Best {
    candidate: Option<u32>,
    prompt: Arc<Prompt>,
    /// Its agreement on the validation part.
    agreement: f64,
    training: Marks,
}

impl<O: AsyncFn(Arc<Prompt>) -> Result<Judge>> Aligner<O> {
    /// An aligner that opens judges with `open`, and asks `writer` for prompts. The writer has a prompt of the kind
    /// `revision` that reads `judge_prompt` and `disagreements`, such as the built-in `align`.
    ///
    /// # Errors
    /// The prompt of the writer writes no text.
    pub fn new(open: O, writer: Judge, labels: Labels, options: AlignOptions) -> Result<Self> {
        if writer.prompt().front().kind != Kind::Revision {
            let message = format!("`{}` judges, and writes no prompt", writer.prompt().name());
            return Err(Error::new(ErrorKind::Config, message)
                .hint("the writer needs a prompt with `kind: revision`, such as `align`"));
        }
        Ok(Self { open, writer, labels, options })
    }

    /// What tells the candidates of one alignment from those of another one: a hash of the prompt, the labelled records,
    /// the models and the seed. `judge` is the name of the judge's model.
    pub fn fingerprint(&self, judge: &str, original: &Prompt, cases: &[Case]) -> String {
        let mut hasher = Hasher::new("align-run-v1");
        hasher.json(&(original.source(), judge, self.writer.name(), self.options.seed));
        let labelled = cases.iter().map(|case| (&case.id, case.item.record(), &case.label));
        hasher.json(&labelled.collect::<Vec<_>>());
        hasher.hex::<6>()
    }

    /// Repairs a prompt. `on_candidate` is given each candidate as soon as its outcome is known.
    ///
    /// # Errors
    /// There are too few records, no label can be compared, a model gives no answer, or `on_candidate` fails.
    pub async fn align(
        &self,
        original: Arc<Prompt>,
        cases: Vec<Case>,
        mut on_candidate: impl FnMut(&Candidate) -> Result<()>,
    ) -> Result<Alignment> {
        let judge = (self.open)(original.clone()).await?;
        // A label that means nothing costs its record, and not what was paid until it is met.
        let (cases, left_out): (Vec<Case>, Vec<Case>) =
            cases.into_iter().partition(|case| is_comparable(case, &self.labels, &judge));
        if let (true, Some(first)) = (cases.is_empty(), left_out.first()) {
            return Err(incomparable(first));
        }
        let parts = Parts::new(&cases, self.options.seed)?;
        let validation = Marks::of(&judge, &parts.validation, &self.labels).await?.agreement();
        let training = Marks::of(&judge, &parts.training, &self.labels).await?;
        let mut best =
            Best { candidate: None, prompt: original.clone(), agreement: validation, training };
        let mut candidates: Vec<Candidate> = Vec::new();
        for round in 1..=self.options.rounds {
            let Some(found) = self
                .round(round, &original, &best, &parts, &mut candidates, &mut on_candidate)
                .await?
            else {
                break;
            };
            if let Some((number, prompt, agreement)) = found {
                let judge = (self.open)(prompt.clone()).await?;
                let training = Marks::of(&judge, &parts.training, &self.labels).await?;
                best = Best { candidate: Some(number), prompt, agreement, training };
            }
        }
        let before = Marks::of(&judge, &parts.held_out, &self.labels).await?;
        let decision = self.decided(&best, &before, &parts).await?;
        let is_better = decision.as_ref().is_some_and(|decision| decision.is_better);
        let chosen = if is_better { &best.prompt } else { &original };
        let prompt = chosen.source().to_owned();
        let counts = Alignment::counts(&parts);
        Ok(Alignment { counts, left_out, validation, before, candidates, decision, prompt })
    }

    /// One round: `None` if there is nothing left to repair, otherwise the best of its candidates, if it is better than
    /// the best so far.
    async fn round(
        &self,
        round: u32,
        original: &Prompt,
        best: &Best,
        parts: &Parts,
        candidates: &mut Vec<Candidate>,
        on_candidate: &mut impl FnMut(&Candidate) -> Result<()>,
    ) -> Result<Option<Option<(u32, Arc<Prompt>, f64)>>> {
        let mut found: Option<(u32, Arc<Prompt>, f64)> = None;
        for _ in 0..self.options.candidates {
            let number = u32::try_from(candidates.len()).unwrap_or(u32::MAX) + 1;
            let seed = self.options.seed.wrapping_mul(1_000).wrapping_add(u64::from(number));
            let shown = self.options.shown;
            let (prompt, marks) = (&best.prompt, &best.training);
            let Some(item) = material(prompt, &parts.training, marks, candidates, shown, seed)
            else {
                return Ok(None);
            };
            let (text, accepted) = match self.written(&item, number).await? {
                Ok(text) => match file_in(&text) {
                    Some(file) => {
                        let accepted = accepted(original, &file);
                        (file, accepted)
                    }
                    None => (text, Err("it is no prompt file: it has no line `---`".to_owned())),
                },
                Err(why) => (String::new(), Err(why)),
            };
            let is_known = candidates.iter().any(|known| known.prompt == text);
            let outcome = match accepted {
                Ok(_) if is_known => {
                    CandidateOutcome::Rejected { reason: "it is an earlier candidate".to_owned() }
                }
                Ok(prompt) => match self.judged(&prompt, &parts.validation).await? {
                    Ok(marks) => {
                        let agreement = marks.agreement();
                        let least = found.as_ref().map_or(best.agreement, |(_, _, least)| *least);
                        if agreement > least {
                            found = Some((number, prompt, agreement));
                        }
                        CandidateOutcome::Judged { agreement, unreadable: marks.unreadable }
                    }
                    Err(reason) => CandidateOutcome::Rejected { reason },
                },
                Err(reason) => CandidateOutcome::Rejected { reason },
            };
            let candidate = Candidate { number, round, outcome, prompt: text };
            on_candidate(&candidate)?;
            candidates.push(candidate);
        }
        Ok(Some(found))
    }

    /// What the writer writes for this candidate; or why it wrote nothing.
    async fn written(&self, item: &crate::Item, number: u32) -> Result<Result<String, String>> {
        // Every candidate is a draw of its own, so that a cache returns no earlier one.
        let judgment = self.writer.redrawn(number).judge(item).await?;
        Ok(match judgment.verdict {
            Ok(Verdict::Text(text)) => Ok(text),
            Ok(other) => Err(format!("the writer gave the verdict {other}")),
            Err(why) => Err(format!("the writer wrote nothing: {why}")),
        })
    }

    /// How far a candidate agrees with the labels of a part; or why its judge cannot be built.
    async fn judged(&self, prompt: &Arc<Prompt>, cases: &[Case]) -> Result<Result<Marks, String>> {
        match (self.open)(prompt.clone()).await {
            Ok(judge) => Marks::of(&judge, cases, &self.labels).await.map(Ok),
            Err(error) if matches!(error.kind(), ErrorKind::Prompt | ErrorKind::Config) => {
                Ok(Err(error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// The test on the held-out part; `None` if the original is the best.
    async fn decided(
        &self,
        best: &Best,
        before: &Marks,
        parts: &Parts,
    ) -> Result<Option<Decision>> {
        let Some(candidate) = best.candidate else { return Ok(None) };
        let judge = (self.open)(best.prompt.clone()).await?;
        let after = Marks::of(&judge, &parts.held_out, &self.labels).await?;
        let (is_better, p, difference) = before.is_beaten_by(&after, &parts.questions);
        Ok(Some(Decision { candidate, after, is_better, p, difference }))
    }
}
