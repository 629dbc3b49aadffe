//! The requests of `rank`: those that wrote candidates, and those that measured them.

use serde_json::Value;

use tribunal::{
    config::Resolved,
    error::Result,
    item::{FieldMap, Item},
    records::RankLine,
    report::SentRequests,
    strategy::best_of,
};

use super::{
    member::{Asked, Member, Members, check_prompt, leave_check, part, settings},
    record,
};

/// The judge and the policy of a ranking.
pub(super) struct Ranked {
    judge: Option<Members>,
    policy: Option<Member>,
    fields: FieldMap,
    manifest: Value,
}

impl Ranked {
    /// Those of a manifest.
    ///
    /// # Errors
    /// The manifest lacks a part, or a prompt runs code.
    pub(super) async fn new(manifest: &Value) -> Result<Self> {
        let policy = part(manifest, "policy")?;
        let own = settings(&manifest["judge"]["settings"])?;
        let judge = match manifest.get("prompt") {
            Some(_) => Some(Members::new(manifest).await?),
            None => None,
        };
        // A policy reads the fields that the judge reads; those of a jury are the first member's.
        let fields = match judge.as_ref().and_then(|judge| judge.all.first()) {
            Some(first) => first.judge.field_map().clone(),
            None => Resolved::fields_of(&own),
        };
        let policy = match policy {
            Some(policy) => Some(Member::of_writer(policy, fields.clone()).await?),
            None => None,
        };
        Ok(Self { judge, policy, fields, manifest: manifest.clone() })
    }

    /// The requests for the record of a line.
    ///
    /// # Errors
    /// The line holds no record, or is one of another prompt.
    pub(super) async fn of_line(&self, line: &RankLine) -> Result<SentRequests> {
        let item = record(line.item.as_ref())?;
        let writes = if self.judge.is_some() { &self.manifest } else { &self.manifest["policy"] };
        if self.judge.is_some() || self.policy.is_some() {
            check_prompt(&line.prompt, writes)?;
        }
        let mut asked = Asked::default();
        let item = match &self.judge {
            Some(judge) => judge.seen(&item)?,
            None => self.fields.apply(&item)?,
        };
        if let Some(policy) = &self.policy {
            asked.by(policy, "writes an answer", &item).await?;
        }
        if line.error.is_some() {
            asked.leave("The record failed, and what was asked after its candidates is not kept.");
            return Ok(asked.done());
        }
        let texts = || line.candidates.iter().map(|one| one.text.clone()).collect();
        let (item, written) =
            best_of::shown_candidates(&item, self.policy.as_ref().map(|_| texts()))?;
        if let Some(judge) = &self.judge {
            measured(&mut asked, judge, line, &item, &written).await?;
        }
        if line.candidates.iter().any(|one| one.truth().is_some()) {
            leave_check(&mut asked, part(&self.manifest, "check")?);
        }
        Ok(asked.done())
    }
}

/// Adds the requests that measured candidates: in pairs, in windows, all at once, or each alone.
async fn measured(
    asked: &mut Asked,
    judge: &Members,
    line: &RankLine,
    item: &Item,
    written: &[usize],
) -> Result<()> {
    for one in &line.comparisons {
        let (first, second) = one.pair;
        let what = format!("candidate {first} against candidate {second}");
        asked.by_all(judge, &what, &item.picked(&[first, second])).await?;
    }
    for window in &line.windows {
        let what = format!("ranks candidates {}", listed(&window.shown));
        asked.by_all(judge, &what, &item.picked(&window.shown)).await?;
    }
    if line.listwise.is_some() {
        let what = format!("ranks candidates {}", listed(written));
        asked.by_all(judge, &what, &item.picked(written)).await?;
    }
    for one in line.candidates.iter().filter(|one| one.judged.is_some()) {
        let what = format!("candidate {}", one.index);
        asked.by_all(judge, &what, &item.alone(one.index)).await?;
    }
    Ok(())
}

/// Numbers with commas between them.
fn listed(all: &[usize]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
