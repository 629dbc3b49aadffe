//! The requests of `search`: those that wrote steps, and those that judged solutions up to a step.
//!
//! A line holds the solutions that ended; the file of `--tree` holds all steps. Which step a method continued follows
//! from the tree where it continues one step at a time. Roll-outs and chains continue in ways that the tree does not
//! tell, and so does a judge that looks ahead.

use std::collections::BTreeMap;

use serde_json::Value;

use tribunal::{
    error::Result,
    item::Item,
    records::{SearchLine, TreeLine},
    report::SentRequests,
    strategy::search::SearchMethod,
};

use super::{
    member::{Asked, Member, check_prompt, leave_check, members, part},
    no, record,
};

/// The judge and the policy of a search.
pub(super) struct Searched {
    judge: Vec<Member>,
    step: Member,
    rest: Member,
    /// The most steps of a solution.
    depth: usize,
    lookahead: u64,
    /// What stands between steps.
    between: String,
    /// Words of a step that ends a solution.
    ends: Vec<String>,
    manifest: Value,
}

impl Searched {
    /// Those of a manifest.
    ///
    /// # Errors
    /// The manifest lacks a part, or a prompt runs code.
    pub(super) async fn new(manifest: &Value) -> Result<Self> {
        let none = || no("the manifest has no policy");
        let step = part(manifest, "policy")?.ok_or_else(none)?;
        let rest = part(manifest, "finish")?.ok_or_else(none)?;
        let options = &manifest["search"];
        let judge = members(manifest).await?;
        // The policy reads the fields that the judge reads; those of a jury are the first member's.
        let first = judge.first().map(|member| member.judge.field_map().clone());
        let fields = first.unwrap_or_default();
        let ends = options["ends"].as_array().into_iter().flatten();
        Ok(Self {
            judge,
            step: Member::of_writer(step, fields.clone()).await?,
            rest: Member::of_writer(rest, fields).await?,
            depth: options["depth"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
            lookahead: options["lookahead"].as_u64().unwrap_or(0),
            between: options["between"].as_str().unwrap_or("\n").to_owned(),
            ends: ends.filter_map(|end| Some(end.as_str()?.to_lowercase())).collect(),
            manifest: manifest.clone(),
        })
    }

    /// The requests for the record of a line with this tree.
    ///
    /// # Errors
    /// The line holds no record, or is one of another prompt.
    pub(super) async fn of_line(
        &self,
        line: &SearchLine,
        tree: &[TreeLine],
    ) -> Result<SentRequests> {
        let item = record(line.result.item.as_ref())?;
        check_prompt(&line.result.prompt, &self.manifest["policy"])?;
        check_prompt(&line.judge_prompt, &self.manifest)?;
        let item = self.step.judge.seen(&item)?;
        let mut asked = Asked::default();
        self.begun(&mut asked, line, &item).await?;
        if tree.is_empty() {
            self.ended(&mut asked, line, &item).await?;
            asked.leave(
                "Requests about unfinished solutions need the file that `--tree` writes: name it beside the results.",
            );
        } else {
            self.grown(&mut asked, line, &item, tree).await?;
        }
        leave_check(&mut asked, part(&self.manifest, "check")?);
        Ok(asked.done())
    }

    /// Adds the request for first steps.
    async fn begun(&self, asked: &mut Asked, line: &SearchLine, item: &Item) -> Result<()> {
        let is_whole = matches!(line.method, SearchMethod::Mcmc(_)) || self.depth <= 1;
        let (policy, what) = if is_whole {
            (&self.rest, "writes a solution")
        } else {
            (&self.step, "writes a first step")
        };
        asked.by(policy, what, &item.clone().filled("prefix", "")).await
    }

    /// Adds the requests that judged the solutions that ended.
    async fn ended(&self, asked: &mut Asked, line: &SearchLine, item: &Item) -> Result<()> {
        for path in line.paths.iter().filter(|path| path.value.is_some()) {
            let last = path.text.rsplit(&self.between).next().unwrap_or_default();
            let what = format!("judges the solution that ends with step {}", path.node);
            self.judged(asked, &what, item, (&path.text, last, true)).await?;
        }
        Ok(())
    }

    /// Adds the requests that a tree tells: those after each step that was continued, and those about each step with a
    /// value.
    async fn grown(
        &self,
        asked: &mut Asked,
        line: &SearchLine,
        item: &Item,
        tree: &[TreeLine],
    ) -> Result<()> {
        let jumps = matches!(
            line.method,
            SearchMethod::Mcmc(_) | SearchMethod::Mcts(_) | SearchMethod::Puct(_)
        );
        if jumps {
            asked.leave(
                "What this method asked for after the first steps is left out: its tree does not tell where each roll-out began.",
            );
        }
        let nodes: BTreeMap<usize, &TreeLine> = tree.iter().map(|node| (node.node, node)).collect();
        for node in tree {
            let text = self.text(&nodes, node.node);
            let what = format!("judges the solution up to step {}", node.node);
            if node.value.is_some() {
                self.judged(asked, &what, item, (&text, &node.step, node.end)).await?;
            }
            let is_continued = tree.iter().any(|other| other.parent == node.node);
            if !jumps && is_continued {
                let policy = if node.depth + 1 >= self.depth { &self.rest } else { &self.step };
                let what = format!("continues after step {}", node.node);
                asked.by(policy, &what, &item.clone().filled("prefix", text)).await?;
            }
        }
        Ok(())
    }

    /// Adds the request that judged a solution, if it can be told: its text, its last step, and whether it has ended.
    async fn judged(
        &self,
        asked: &mut Asked,
        what: &str,
        item: &Item,
        (text, last, is_end): (&str, &str, bool),
    ) -> Result<()> {
        if !is_end && self.lookahead > 0 {
            asked.leave(
                "Judgments of unfinished solutions are left out: the steps that were looked ahead are not kept.",
            );
            return Ok(());
        }
        let last = last.to_lowercase();
        let reads = self.judge.iter().any(|member| member.judge.prompt().reads("unfinished"));
        if is_end && reads && !self.ends.iter().any(|end| last.contains(end)) {
            asked.leave(
                "Judgments of solutions that end without words for it are left out: whether they were known to have ended is not kept.",
            );
            return Ok(());
        }
        let judged = item.revised(text);
        let judged = if is_end { judged } else { judged.filled("unfinished", true) };
        for member in &self.judge {
            if member.is_certain {
                asked.by(member, what, &judged).await?;
            } else {
                asked.leave_later();
            }
        }
        Ok(())
    }

    /// The solution up to a node.
    fn text(&self, nodes: &BTreeMap<usize, &TreeLine>, node: usize) -> String {
        let parent = |at: &usize| nodes.get(at).map(|node| node.parent).filter(|at| *at != 0);
        let path = std::iter::successors(Some(node), parent);
        let mut steps: Vec<&str> =
            path.filter_map(|at| nodes.get(&at).map(|node| node.step.as_str())).collect();
        steps.reverse();
        steps.join(&self.between)
    }
}
