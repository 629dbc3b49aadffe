//! The requests of `revise`: those that judged each draft, and those that wrote the next one.

use serde_json::{Value, json};

use tribunal::{
    error::Result,
    item::{FieldMap, Item},
    records::{RevisionLine, RoundLine},
    report::SentRequests,
};

use super::{
    member::{Asked, Member, Members, part},
    no, record,
};

/// Everyone who is asked in a loop.
pub(super) struct Revised {
    judge: Members,
    reviser: Member,
    drafter: Option<Member>,
    critic: Option<Member>,
    comparison: Option<Member>,
    options: Value,
}

impl Revised {
    /// Those of a manifest.
    ///
    /// # Errors
    /// The manifest lacks a part, or a prompt runs code.
    pub(super) async fn new(manifest: &Value) -> Result<Self> {
        let options = manifest.get("loop").ok_or_else(|| no("the manifest has no loop"))?;
        let judge = Members::new(manifest).await?;
        let members =
            manifest["members"].as_array().map_or(vec![manifest], |all| all.iter().collect());
        if members.iter().any(|one| one["prompt"].get("empty_mark").is_none()) {
            return Err(no(
                "the manifest was written by an earlier version, which does not tell by which secret marks were made",
            ));
        }
        let written = async |key: &str| match part(options, key)? {
            Some(part) => Member::of_writer(part, FieldMap::default()).await.map(Some),
            None => Ok(None),
        };
        let reviser = written("reviser").await?.ok_or_else(|| no("the manifest has no policy"))?;
        Ok(Self {
            judge,
            reviser,
            drafter: written("drafter").await?,
            critic: written("critic").await?,
            comparison: written("comparison").await?,
            options: options.clone(),
        })
    }

    /// The requests for the record of a line.
    ///
    /// # Errors
    /// The line holds no record.
    pub(super) async fn of_line(&self, line: &RevisionLine) -> Result<SentRequests> {
        let item = self.judge.seen(&record(line.item.as_ref())?)?;
        let story = Story::new(item, line.rounds.as_deref().unwrap_or_default(), &self.options);
        let mut asked = Asked::default();
        if let (None, Some(drafter)) = (&story.given, &self.drafter) {
            let item = story.item.clone().filled("critique", "");
            asked.by(drafter, "writes a first draft", &item).await?;
        }
        for (at, round) in story.rounds.iter().enumerate() {
            if at > 0 {
                let what = format!("round {at}, writes the draft");
                asked.by(&self.reviser, &what, &story.critique(at)).await?;
            }
            if round.verdict.is_some() || round.unreadable.is_some() {
                self.judged(&mut asked, &story, at).await?;
            }
        }
        if line.error.is_some() {
            asked.leave("The loop failed, and its last request is left out.");
        }
        self.checked(&mut asked, &story, line).await?;
        Ok(asked.done())
    }

    /// Adds what was asked about the draft of a round.
    async fn judged(&self, asked: &mut Asked, story: &Story<'_>, at: usize) -> Result<()> {
        let round = &story.rounds[at];
        let item = story.with(&round.draft);
        asked.by_all(&self.judge, &format!("round {at}, judges the draft"), &item).await?;
        if at > 0 && round.worth.is_some() && story.options["accept"] == "prefer" {
            let current = story.rounds[story.current(at)].draft.clone();
            match &self.comparison {
                Some(judge) => {
                    let pair = vec![current, round.draft.clone()];
                    let pair = story.item.clone().filled("answers", pair);
                    asked.by(judge, &format!("round {at}, compares two drafts"), &pair).await?;
                }
                None => {
                    asked.leave("Comparisons of drafts are left out: several members make them.");
                }
            }
        }
        if let (Some(critic), false) = (&self.critic, round.pass) {
            let principles = story.options["principles"].as_array().filter(|all| !all.is_empty());
            let item = match principles.and_then(|all| all[at % all.len()].as_str()) {
                Some(principle) => item.filled("principle", principle),
                None => item,
            };
            asked.by(critic, &format!("round {at}, writes the critique"), &item).await?;
        }
        Ok(())
    }

    /// Adds the fresh judgment of what was returned.
    async fn checked(
        &self,
        asked: &mut Asked,
        story: &Story<'_>,
        line: &RevisionLine,
    ) -> Result<()> {
        let best = line.best_round.and_then(|at| story.rounds.get(at));
        let Some(best) = best.filter(|_| line.final_check.is_some()) else { return Ok(()) };
        if story.options["final_judge"] == "fresh" {
            let item = story.with(&best.draft);
            return asked.by_all(&self.judge, "judges the returned draft afresh", &item).await;
        }
        asked.leave("What the final judge was asked is left out: its settings are not kept.");
        Ok(())
    }
}

/// A loop as its rounds tell it.
struct Story<'l> {
    /// The record as the judge saw it.
    item: Item,
    /// The draft that the record holds.
    given: Option<String>,
    rounds: &'l [RoundLine],
    options: &'l Value,
}

impl<'l> Story<'l> {
    fn new(item: Item, rounds: &'l [RoundLine], options: &'l Value) -> Self {
        let steps = || Some(item.steps().join("\n"));
        let given = item.text("answer").or_else(steps).filter(|text| !text.trim().is_empty());
        Self { item, given, rounds, options }
    }

    /// The record with this draft; unchanged if the record contained the draft.
    fn with(&self, draft: &str) -> Item {
        match &self.given {
            Some(given) if given == draft => self.item.clone(),
            _ => self.item.revised(draft),
        }
    }

    /// The round whose draft was the current one when the draft of a later round was written.
    fn current(&self, at: usize) -> usize {
        self.rounds[..at].iter().rposition(|round| round.accepted).unwrap_or(0)
    }

    /// What the policy read when it wrote the draft of a round.
    fn critique(&self, at: usize) -> Item {
        let current = &self.rounds[self.current(at)];
        let item = self.with(&current.draft);
        // A record with steps has no separate answer.
        let item = match item.text("answer") {
            Some(answer) if !answer.is_empty() => item,
            _ => item.filled("answer", current.draft.as_str()),
        };
        let memory = self.options["memory"].as_u64().and_then(|n| usize::try_from(n).ok());
        let others = self.rounds[..at].iter().filter(|round| round.round != current.round);
        let mut earlier: Vec<Value> = others
            .rev()
            .take(memory.unwrap_or(1).saturating_sub(1))
            .map(|one| json!({"draft": one.draft, "critique": one.critique, "verdict": said(one)}))
            .collect();
        earlier.reverse();
        let kept = self.kept(&item, current);
        let item = item.filled("critique", current.critique.as_str());
        let item = if earlier.is_empty() { item } else { item.filled("earlier", earlier) };
        match kept {
            Some(kept) => item.filled("kept", kept),
            None => item,
        }
    }

    /// The steps before the first error, if steps are kept.
    fn kept(&self, item: &Item, current: &RoundLine) -> Option<String> {
        let first = current.verdict.first_error.filter(|_| self.options["keep_steps"] == true)?;
        let first = usize::try_from(first).ok()?;
        let between = if current.draft.contains("\n\n") { "\n\n" } else { "\n" };
        let steps = item.steps();
        Some(steps[..first.min(steps.len())].join(between))
    }
}

/// The verdict of a round in words.
fn said(round: &RoundLine) -> String {
    match (&round.verdict.verdict, &round.unreadable) {
        (Some(verdict), _) => verdict.clone(),
        (None, Some(why)) => format!("unreadable: {}", why.reason.name()),
        (None, None) => "there before".into(),
    }
}
