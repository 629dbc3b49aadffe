//! The requests of `label`: those that complete the beginnings of a solution.

use serde_json::Value;

use tribunal::{
    error::Result,
    records::LabelLine,
    report::SentRequests,
    strategy::label::{LabelOptions, joined},
};

use super::{
    member::{Asked, Member, check_prompt, leave_check, part, settings},
    no, record,
};

/// The policy that completes solutions.
pub(super) struct Labelled {
    policy: Member,
    options: LabelOptions,
    manifest: Value,
}

impl Labelled {
    /// That of a manifest.
    ///
    /// # Errors
    /// The manifest lacks a part.
    pub(super) async fn new(manifest: &Value) -> Result<Self> {
        let none = || no("the manifest has no policy");
        let policy = part(manifest, "policy")?.ok_or_else(none)?;
        let mut own = settings(&policy["settings"])?;
        let options = LabelOptions::default().split(own.split_steps.take().unwrap_or_default());
        let policy = Member::of_policy(policy, own).await?;
        Ok(Self { policy, options, manifest: manifest.clone() })
    }

    /// The requests for the record of a line.
    ///
    /// # Errors
    /// The line holds no record, or is one of another prompt.
    pub(super) async fn of_line(&self, line: &LabelLine) -> Result<SentRequests> {
        let item = record(line.result.item.as_ref())?;
        check_prompt(&line.result.prompt, &self.manifest["policy"])?;
        let item = self.policy.judge.seen(&item)?;
        let steps = self.options.steps(&item);
        let mut asked = Asked::default();
        for rollouts in line.rollouts.iter().filter(|one| one.steps < steps.len()) {
            let what = match rollouts.steps {
                0 => "solves the problem".to_owned(),
                1 => "continues after the first step".to_owned(),
                kept => format!("continues after the first {kept} steps"),
            };
            let beginning = item.clone().filled("prefix", joined(&steps[..rollouts.steps]));
            asked.by(&self.policy, &what, &beginning).await?;
        }
        if line.result.error.is_some() {
            asked.leave("The record failed, and what was asked before that is not kept.");
        }
        leave_check(&mut asked, part(&self.manifest, "check")?);
        Ok(asked.done())
    }
}
