//! The figures for programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Bounds, Summary};
use crate::{metrics::ratio, verdict::CORRECT};

impl Summary {
    /// The figures as JSON. Shares are between 0 and 1, and figures that do not apply are left out.
    pub fn to_json(&self) -> Value {
        let scores = self.scores.values.counted(self.ends);
        let verdicts: BTreeMap<String, usize> =
            self.verdicts.clone().into_iter().chain(scores).collect();
        let mut all = json!({
            "records": self.records,
            "judged": self.judged,
            "abstained": self.abstained,
            "unreadable": self.unreadable,
            "reasked": {"answers": self.reasked.asked, "read": self.reasked.read},
            "failed": self.failed,
            "end": self.ending.end.name(),
            "not_tried": self.ending.not_tried_json(),
            "kept": self.kept,
            "kept_failed": self.kept_failed,
            "kept_unreadable": self.kept_unreadable,
            "verdicts": verdicts,
            "coverage": self.coverage(),
            "requests": self.requests,
            "usage": self.usage,
            "cost": self.cost,
            "discount": self.discount,
            "cached": {"answers": self.cached, "usage": self.saved, "cost": self.saved_cost},
            "seconds": self.time.as_secs_f64(),
        });
        if let Some(passed) = self.passed {
            all["passed"] = passed.into();
            all["pass_rate"] = self.pass_rate().into();
        }
        if let Some(Bounds { mean, lowest, highest }) = self.bounds() {
            let figures = json!({"value": mean, "lowest": lowest, "highest": highest});
            match self.correct() {
                None => all["mean"] = figures,
                Some(_) if self.right() == CORRECT => all["share_correct"] = figures,
                Some(_) => {
                    all["share_positive"] = figures;
                    all["positive"] = self.right().into();
                }
            }
        }
        for (name, scores) in &self.criteria {
            all["criteria"][name] = json!({"mean": scores.mean(), "records": scores.count});
        }
        if !self.assessed.is_empty() {
            all["assessed"] = json!(self.assessed);
        }
        if !self.finishes.is_empty() {
            all["finish_reasons"] = json!(self.finishes);
        }
        if self.orders.both > 0 {
            all["consistent"] = ratio(self.orders.consistent, self.orders.both).into();
        }
        if self.votes.planned > 0 {
            all["votes"] = json!({"asked": self.votes.asked, "planned": self.votes.planned});
        }
        if !self.stages.is_empty() {
            all["stages"] = json!(self.stages);
        }
        if self.orders.half > 0 {
            all["one_order_unreadable"] = self.orders.half.into();
        }
        if let Some(menus) = self.menus.to_json() {
            all["probabilities"] = menus;
        }
        if self.independence.records() > 0 {
            let (records, families) = (self.independence.records(), self.independence.families());
            all["same_family"] = json!({"records": records, "families": families});
        }
        if let Some(jury) = &self.jury {
            all["jury"] = jury.to_json();
        }
        if let Some(agreement) = self.agreement.to_json() {
            all["agreement"] = agreement;
        }
        all
    }
}
