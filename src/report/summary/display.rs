//! The figures for people.

use std::fmt;

use super::{AskedVotes, Bounds, Reasked, Summary, tally::Scores};
use crate::{
    completion::UsageTotal,
    metrics::ratio,
    report::{histogram::bars, orders::Orders, terminal::escaped},
    units::counted,
    verdict::VerdictKind,
};

/// A few lines for people: the verdicts, what could not be read, the requests and their cost.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_records(f)?;
        self.write_verdicts(f)?;
        self.write_bounds(f)?;
        let assessed = self.assessed.iter().filter(|(_, count)| **count > 0);
        let assessed: Vec<String> =
            assessed.map(|(word, count)| format!("{count} {word}")).collect();
        if !assessed.is_empty() {
            write!(f, "\ncriteria: {}", assessed.join(", "))?;
        }
        if let Some(passed) = self.passed {
            let share = 100.0 * ratio(passed, self.all());
            write!(f, "\n{passed} of {} passed ({share:.1} %)", self.all())?;
        }
        self.write_orders(f)?;
        self.jury.as_ref().map_or(Ok(()), |jury| jury.fmt(f))?;
        self.write_votes(f)?;
        self.menus.lines().iter().try_for_each(|line| write!(f, "\n{line}"))?;
        self.agreement.fmt(f)?;
        self.write_independence(f)?;
        if let Reasked { asked: asked @ 1.., read } = self.reasked {
            write!(f, "\nunreadable answers requested again: {asked}, then readable: {read}")?;
        }
        let UsageTotal { prompt, cached, completion, .. } = self.usage;
        let seconds = self.time.as_secs_f64();
        write!(
            f,
            "\n{}, {} ({cached} cached",
            counted(self.requests, "request"),
            counted(prompt, "prompt token")
        )?;
        if let Some(discount) = self.discount.filter(|_| cached > 0) {
            write!(f, ", which saved {discount:.4}")?;
        }
        write!(f, "), {completion} written, {seconds:.1} s")?;
        match self.cost {
            Some(cost) => write!(f, ", cost {cost:.4}")?,
            None if self.priced => f.write_str(", cost unknown")?,
            None => (),
        }
        self.write_unknown(f)?;
        self.write_saved(f)
    }
}

impl Summary {
    /// Writes how many records were judged, are unreadable, failed or were kept.
    fn write_records(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} records judged", self.judged, self.all())?;
        if self.abstained > 0 {
            write!(f, ", {} abstained", self.abstained)?;
        }
        if self.unread() > 0 {
            let reasons: Vec<String> =
                self.unreadable.iter().map(|(why, n)| format!("{n} {why}")).collect();
            write!(f, ", {} unreadable ({})", self.unread(), reasons.join(", "))?;
        }
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        if self.kept > 0 {
            write!(f, "; {} of them by an earlier run", self.kept)?;
        }
        write!(f, "{}", self.ending)
    }

    /// How often each score or verdict was given, as lines with bars in so many columns; none for a few.
    pub fn bars(&self, columns: usize) -> Vec<String> {
        if self.scores.count > 0 && self.criteria.is_empty() && self.shares.steps == 0 {
            return bars(&self.scores.values.shown(self.ends), columns);
        }
        let mut counts: Vec<(String, usize)> =
            self.verdicts.iter().map(|(name, count)| (name.clone(), *count)).collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.truncate(12);
        bars(&counts, columns)
    }

    /// Writes how often each verdict was given: at most a dozen, words by name and then numbers by value.
    fn write_verdicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 12;
        let mut counts: Vec<(String, usize)> = self
            .verdicts
            .iter()
            .filter(|(name, _)| self.criteria.is_empty() || *name != "criteria")
            .filter(|(name, count)| !self.only_names_a_kind(name, **count))
            .map(|(name, count)| (name.clone(), *count))
            .collect();
        counts.sort_by_cached_key(|(name, _)| place(name));
        counts.extend(self.scores.values.shown(self.ends));
        let has_shares = self.shares.labels > 0 && self.correct().is_none();
        let shown = |(name, count): &(String, usize)| {
            if has_shares {
                format!("{name}: {count} ({:.1} %)", 100.0 * ratio(*count, self.judged))
            } else {
                format!("{name}: {count}")
            }
        };
        let mut shown: Vec<String> = counts.iter().take(MOST).map(shown).collect();
        let mean =
            |(name, scores): (&String, &Scores)| format!("{name}: mean {:.3}", scores.mean());
        shown.extend(self.criteria.iter().map(mean));
        if counts.len() > MOST {
            shown.push(format!("and {} more", counts.len() - MOST));
        }
        if shown.is_empty() { Ok(()) } else { write!(f, "\n{}", shown.join("  ")) }
    }

    /// Whether the name of a verdict says no more than that there is one: all are texts, or lists of scores.
    fn only_names_a_kind(&self, name: &str, count: usize) -> bool {
        let kinds = [VerdictKind::Text, VerdictKind::Scores].map(VerdictKind::name);
        count == self.judged && self.shares.labels == 0 && kinds.contains(&name)
    }

    /// Writes the mean or the share of correct answers, with its bounds if records have no verdict.
    fn write_bounds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Bounds { mean, lowest, highest }) = self.bounds() else { return Ok(()) };
        let what = match self.correct() {
            Some(_) => format!("share {}", escaped(self.right())),
            None => "mean".to_owned(),
        };
        write!(f, "\n{what} {mean:.3}, coverage {:.1} %", 100.0 * self.coverage())?;
        let others: Vec<&str> = [
            ("abstained", self.abstained),
            ("unreadable", self.unread()),
            ("failed", self.failed),
            ("untried", self.not_tried()),
        ]
        .into_iter()
        .filter_map(|(what, count)| (count > 0).then_some(what))
        .collect();
        if others.is_empty() {
            return Ok(());
        }
        let others = others.join(" and ");
        write!(f, "; between {lowest:.3} and {highest:.3} if the {others} were worst or best")
    }

    /// Writes how many answers are of the judge's own family of models.
    fn write_independence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (records, families) = (self.independence.records(), self.independence.families());
        if records == 0 {
            return Ok(());
        }
        let families = families.join(", ");
        write!(
            f,
            "\nwritten by a model of the judge's own family ({families}): {records} of {} records",
            self.records
        )
    }

    /// Writes how many votes were left out, and which judges of a cascade decided.
    fn write_votes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AskedVotes { asked, planned } = self.votes;
        if planned > 0 {
            let saved = planned.saturating_sub(asked);
            write!(
                f,
                "\nvotes: {asked} of {planned} asked, {saved} saved ({:.1} %)",
                100.0 * ratio(saved, planned)
            )?;
        }
        let stages: Vec<String> = self
            .stages
            .iter()
            .map(|(judge, count)| format!("{}: {count}", escaped(judge)))
            .collect();
        if stages.is_empty() { Ok(()) } else { write!(f, "\ndecided by {}", stages.join(", ")) }
    }

    /// Writes what servers did not report, and finish reasons that are not known.
    fn write_unknown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let unknown @ 1.. = self.usage.unknown {
            write!(f, "\nthe model did not report the tokens of {}", counted(unknown, "answer"))?;
        }
        let words: Vec<String> =
            self.finishes.iter().map(|(word, n)| format!("`{}`: {n}", escaped(word))).collect();
        match words.as_slice() {
            [] => Ok(()),
            words => {
                write!(f, "\nunknown finish reasons, counted as cut off: {}", words.join(", "))
            }
        }
    }

    /// Writes the tokens of cached answers.
    fn write_saved(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cached == 0 {
            return Ok(());
        }
        let UsageTotal { prompt, completion, .. } = self.saved;
        write!(
            f,
            "\n{} came from the cache: {prompt} prompt and {completion} written tokens saved",
            counted(self.cached, "answer")
        )?;
        self.saved_cost.map_or(Ok(()), |cost| write!(f, ", cost {cost:.4}"))
    }

    /// Writes how far preferences depend on the order of the answers.
    fn write_orders(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Orders { both, consistent, half, first, second } = self.orders;
        if both > 0 {
            write!(
                f,
                "\nconsistent in both orders: {consistent} of {both} ({:.1} %)",
                100.0 * ratio(consistent, both)
            )?;
        }
        if half > 0 {
            write!(f, "\nreadable in one order only, counted as half: {half}")?;
        }
        if first + second > 0 {
            let lean = 100.0 * ratio(first, first + second);
            write!(f, "\nthe answer shown first wins {lean:.1} % of decided comparisons")?;
        }
        Ok(())
    }
}

/// The sort key of a verdict's name: verdicts without a step by name, then first errors by step.
pub(super) fn place(name: &str) -> (Option<usize>, String) {
    let step = name.strip_prefix("first error at ").and_then(|step| step.parse().ok());
    (step, name.to_owned())
}
