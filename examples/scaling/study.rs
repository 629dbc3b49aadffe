//! The methods that are compared: each is a judge and a policy, spending more and more.

use std::{fs, sync::Arc};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tribunal::{
    Backend, Error, Item, Judge, Result,
    backend::{
        Check,
        cache::{Cache, Mode},
    },
    completion::UsageTotal,
    metrics::wilson,
    models::Models,
    report::{PlanCandidate, PlanRule, PlanSample},
    request::Sampling,
    strategy::{
        best_of::{RankOptions, Ranked, Ranker},
        revise::{FinalCheck, ReviseLimits, ReviseOptions, Writer},
        search::{SearchLimits, SearchMethod, SearchOptions, Searcher},
    },
};

use super::erring::Erring;

/// At this temperature the policy is right in about a quarter of its tries; at 1 it is hardly ever wrong.
const TEMPERATURE: f64 = 1.9;
/// What is longer than twice the usual is no solution.
const LONGEST: u32 = 320;
const CANDIDATES: u32 = 8;
/// Verdicts on each candidate: errors of one draw are not those of another.
const VERDICTS: u32 = 4;
const ROUNDS: [u32; 3] = [1, 2, 4];
const BEAMS: [(u32, u32); 2] = [(2, 2), (4, 2)];

/// The questions, the model, and what tells right from wrong.
pub(crate) struct Study {
    items: Vec<Item>,
    tiny: Arc<dyn Backend>,
    check: Judge,
}

/// What a method comes to with one setting.
pub(crate) struct Outcome {
    pub(crate) setting: String,
    /// The mean number of tokens that policy and judge write for a question.
    pub(crate) tokens: f64,
    pub(crate) accuracy: f64,
    pub(crate) interval: (f64, f64),
}

/// The outcomes of a method, as it spends more.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<Outcome>,
}

impl Study {
    /// Reads the questions, and opens the shipped model. Its answers are kept: no request is repeated.
    pub(crate) async fn open() -> Result<Self> {
        let file = "examples/arithmetic-hard.jsonl";
        let text = fs::read_to_string(file).map_err(Error::other)?;
        let items: Result<Vec<Item>> = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).map(Item::from).map_err(Error::other))
            .collect();
        let models = Models::default().cached(Cache::in_memory(Mode::On));
        let check = Judge::builder().backend(Check::named("number")?).prompt("check");
        Ok(Self { items: items?, tiny: models.open("tiny").await?, check: check.build().await? })
    }

    /// The number of questions.
    pub(crate) fn questions(&self) -> usize {
        self.items.len()
    }

    /// A judge that is wrong in this share of its verdicts.
    async fn judge(&self, share: f64, draws: u32) -> Result<Judge> {
        let model = Erring::new(self.tiny.clone(), share);
        let judge = Judge::builder().backend(model).prompt("tiny-correct").draws(draws);
        judge.sampling(Sampling::default().temperature(1.0)).build().await
    }

    /// The policy with this prompt.
    async fn policy(&self, prompt: &str, draws: u32) -> Result<Judge> {
        let sampling = Sampling::default().temperature(TEMPERATURE).max_tokens(LONGEST);
        let policy = Judge::builder().backend(self.tiny.clone()).prompt(prompt);
        policy.sampling(sampling).draws(draws).build().await
    }

    /// Votes and best-of-N over more and more candidates, without verdicts, with one and with several on each.
    pub(crate) async fn selection(&self, share: f64) -> Result<Vec<Curve>> {
        let judge = self.judge(share, VERDICTS).await?;
        let selector = Ranker::new(Some(judge), RankOptions::default())?
            .writing(self.policy("tiny-solve", CANDIDATES).await?)?
            .checked(self.check.clone())?;
        let ranked = self.each(async |item| selector.rank(item).await).await?;
        let mut sample = PlanSample::default();
        let candidates =
            |ranked: &Ranked| ranked.candidates.iter().map(PlanCandidate::from).collect();
        ranked.iter().for_each(|ranked| sample.add(candidates(ranked)));
        let splits = sample.plan().splits;
        let lines = [
            ("majority", PlanRule::Majority, 0),
            ("best-of-N", PlanRule::Best, 1),
            ("weighted vote", PlanRule::Weighted, 1),
            ("best-of-N, 4 verdicts", PlanRule::Best, VERDICTS as usize),
            ("weighted, 4 verdicts", PlanRule::Weighted, VERDICTS as usize),
        ];
        let curves = lines.map(|(name, rule, verdicts)| Curve {
            name: name.to_owned(),
            points: splits
                .iter()
                .filter(|split| (split.rule, split.verdicts) == (rule, verdicts))
                .map(|split| Outcome {
                    setting: format!("{} candidates", split.candidates),
                    tokens: split.tokens,
                    accuracy: split.accuracy,
                    interval: split.interval,
                })
                .collect(),
        });
        Ok(curves.into())
    }

    /// Beam search, wider and wider.
    pub(crate) async fn beams(&self, share: f64) -> Result<Curve> {
        let judge = self.judge(share, 1).await?;
        let mut points = Vec::new();
        for (width, expand) in BEAMS {
            let limits = SearchLimits { depth: 6, ..SearchLimits::default() };
            let options = SearchOptions::default().method(SearchMethod::Beam);
            let options = options.width(width).expand(expand).limits(limits);
            let beam = Searcher::new(self.policy("tiny-step", 1).await?, judge.clone(), options)?
                .finishing(self.policy("tiny-complete", 1).await?)?
                .checking(self.check.clone())?;
            let searched = self.each(async |item| beam.search(item).await).await?;
            let ends = searched.iter().map(|searched| {
                let written = [searched.policy, searched.judge]
                    .iter()
                    .map(|spent| written(spent.usage, spent.saved))
                    .sum();
                (searched.chosen().and_then(|path| path.right) == Some(true), written)
            });
            points.push(Outcome::of(
                format!("width {width}, expand {expand}"),
                &ends.collect::<Vec<_>>(),
            ));
        }
        Ok(Curve { name: "beam search".into(), points })
    }

    /// Revision of a first draft, for more and more rounds.
    pub(crate) async fn revisions(&self, share: f64) -> Result<Curve> {
        let judge = self.judge(share, 1).await?;
        let writer = Writer::new(self.policy("tiny-revise", 1).await?)?
            .drafting(self.policy("tiny-solve", 1).await?)?;
        let mut points = Vec::new();
        for rounds in ROUNDS {
            let options = ReviseOptions {
                limits: ReviseLimits { rounds, ..ReviseLimits::default() },
                patience: None,
                final_check: FinalCheck::None,
                ..ReviseOptions::default()
            };
            let revised = self.each(async |item| {
                let revision = writer.revise(&judge, item, &options).await?;
                let checked = self.check.judge(&item.revised(revision.text())).await?;
                Ok((checked.passed(), written(revision.spent.usage, revision.spent.saved)))
            });
            let plural = if rounds == 1 { "" } else { "s" };
            points.push(Outcome::of(format!("{rounds} round{plural}"), &revised.await?));
        }
        Ok(Curve { name: "revise".into(), points })
    }

    /// What the work comes to for every question, several at a time.
    async fn each<T>(&self, work: impl AsyncFn(&Item) -> Result<T>) -> Result<Vec<T>> {
        stream::iter(&self.items).map(|item| work(item)).buffered(16).try_collect().await
    }
}

impl Outcome {
    /// The mean of a method over questions: whether each was right, and the tokens that were written.
    #[expect(clippy::cast_precision_loss, reason = "no question has 2^52 tokens")]
    fn of(setting: String, ends: &[(bool, u64)]) -> Self {
        let right = ends.iter().filter(|(right, _)| *right).count();
        let tokens: u64 = ends.iter().map(|(_, tokens)| tokens).sum();
        let count = ends.len() as f64;
        Self {
            setting,
            tokens: tokens as f64 / count,
            accuracy: right as f64 / count,
            interval: wilson(right, ends.len()).into(),
        }
    }
}

/// The tokens that were written, for cached answers too.
fn written(usage: UsageTotal, saved: UsageTotal) -> u64 {
    usage.completion + saved.completion
}
