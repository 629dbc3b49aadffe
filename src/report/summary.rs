//! The numbers of a run: what was decided, how much of it can be trusted, what it took.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::{Value, json};

use super::terminal::escaped;
use crate::{
    error::Error,
    item::Item,
    request::Finish,
    verdict::{CORRECT, Judgment, Preference, Usage, Verdict},
};

/// What a run came to. Unreadable answers are counted and never taken for a number.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Records that were taken.
    pub records: usize,
    /// Those that an earlier run had judged.
    pub kept: usize,
    /// Whether the run was stopped before its end.
    pub stopped: bool,
    /// Records with a verdict.
    pub judged: usize,
    /// Records with an answer that says nothing, by reason.
    pub unreadable: BTreeMap<&'static str, usize>,
    /// Answers that were asked again because they could not be read, and how many could be then.
    pub reasked: (usize, usize),
    /// Records without an answer.
    pub failed: usize,
    /// Records whose verdict passes; `None` without a pass rule.
    pub passed: Option<usize>,
    /// How often each verdict was given.
    pub verdicts: BTreeMap<String, usize>,
    /// Records whose own field `label` says what is right, and how many verdicts agree.
    pub labelled: (usize, usize),
    /// Tokens over all records.
    pub usage: Usage,
    /// Requests that were sent.
    pub requests: u64,
    /// What they cost, where prices and all tokens are known.
    pub cost: Option<f64>,
    /// Whether prices are known.
    pub priced: bool,
    /// How many answers ended with a finish reason that is no clean end, by the server's word.
    pub finishes: BTreeMap<String, usize>,
    /// Answers that were remembered.
    pub cached: u64,
    /// Their tokens, which cost nothing now.
    pub saved: Usage,
    /// What they would have cost, where prices are known.
    pub saved_cost: Option<f64>,
    /// How long the run took.
    pub time: Duration,
    worth: Worth,
    orders: Orders,
}

/// Sum of scores with the ends of their scale, or of right answers.
#[derive(Clone, Debug, Default)]
struct Worth {
    sum: f64,
    ends: Option<(f64, f64)>,
    share: bool,
}

/// How two answers fared by the place in which they were shown.
#[derive(Clone, Debug, Default)]
struct Orders {
    both: usize,
    consistent: usize,
    /// Records of which one order could not be read.
    half: usize,
    first: usize,
    second: usize,
}

/// A mean, and where it would lie if all that could not be read were worst or best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Over what could be read.
    pub mean: f64,
    /// If all others had the lowest value.
    pub lowest: f64,
    /// If all others had the highest value.
    pub highest: f64,
}

impl Summary {
    /// Counts one record; `ends` are those of the prompt's scale.
    pub fn count(
        &mut self,
        item: Option<&Item>,
        outcome: Result<&Judgment, &Error>,
        ends: Option<(f64, f64)>,
    ) {
        self.records += 1;
        let judgment = match outcome {
            Ok(judgment) => judgment,
            Err(error) => {
                self.failed += 1;
                self.requests += u64::from(error.requests());
                return;
            }
        };
        self.usage += judgment.usage;
        self.saved += judgment.saved;
        self.cached += u64::from(judgment.cached.0);
        self.requests += u64::from(judgment.attempts);
        self.count_finishes(judgment);
        if let Some(pass) = judgment.pass {
            *self.passed.get_or_insert(0) += usize::from(pass);
        }
        for vote in judgment.votes.iter().filter(|vote| vote.reask > 0) {
            self.reasked.0 += 1;
            self.reasked.1 += usize::from(vote.verdict.is_ok());
        }
        self.count_orders(judgment);
        match &judgment.verdict {
            Ok(verdict) => {
                self.judged += 1;
                *self.verdicts.entry(heading(verdict)).or_default() += 1;
                self.worth.add(verdict, ends);
            }
            Err(why) => *self.unreadable.entry(why.reason.name()).or_default() += 1,
        }
        if let Some(agrees) = item.and_then(|item| agrees(item, judgment)) {
            self.labelled.0 += 1;
            self.labelled.1 += usize::from(agrees);
        }
    }

    /// The number of records whose answer could not be read.
    pub fn unread(&self) -> usize {
        self.unreadable.values().sum()
    }

    /// Share of all records that passed, 0 to 1; what could not be read or judged never does.
    pub fn pass_rate(&self) -> Option<f64> {
        Some(ratio(self.passed?, self.records))
    }

    /// Share of the answers that could not be read, 0 to 1.
    pub fn unreadable_rate(&self) -> f64 {
        ratio(self.unread(), self.judged + self.unread())
    }

    /// The same figures for programs; shares lie between 0 and 1, absent ones are left out.
    pub fn to_json(&self) -> Value {
        let mut all = json!({
            "records": self.records,
            "judged": self.judged,
            "unreadable": self.unreadable,
            "reasked": {"answers": self.reasked.0, "read": self.reasked.1},
            "failed": self.failed,
            "kept": self.kept,
            "verdicts": self.verdicts,
            "coverage": ratio(self.judged, self.judged + self.unread()),
            "requests": self.requests,
            "usage": self.usage,
            "cost": self.cost,
            "cached": {"answers": self.cached, "usage": self.saved, "cost": self.saved_cost},
            "seconds": self.time.as_secs_f64(),
        });
        if let Some(passed) = self.passed {
            all["passed"] = passed.into();
            all["pass_rate"] = self.pass_rate().into();
        }
        if let Some(Bounds { mean, lowest, highest }) = self.bounds() {
            let name = if self.worth.share { "share_correct" } else { "mean" };
            all[name] = json!({"value": mean, "lowest": lowest, "highest": highest});
        }
        if !self.finishes.is_empty() {
            all["finish_reasons"] = json!(self.finishes);
        }
        if self.orders.both > 0 {
            all["consistent"] = ratio(self.orders.consistent, self.orders.both).into();
        }
        if self.orders.half > 0 {
            all["one_order_unreadable"] = self.orders.half.into();
        }
        if let (total @ 1.., agreeing) = self.labelled {
            all["agreement"] = json!({"labelled": total, "agree": agreeing});
        }
        all
    }

    /// The mean score, or the share of right answers, with what unread answers could change.
    pub fn bounds(&self) -> Option<Bounds> {
        let (low, high) = self.worth.ends.filter(|_| self.judged > 0)?;
        let [judged, unread] = [self.judged, self.unread()].map(real);
        let with = |value: f64| (self.worth.sum + unread * value) / (judged + unread);
        Some(Bounds { mean: self.worth.sum / judged, lowest: with(low), highest: with(high) })
    }

    fn count_finishes(&mut self, judgment: &Judgment) {
        for call in judgment.votes.iter().flat_map(|vote| &vote.calls) {
            if let Finish::Other(word) = Finish::from(call.finish.clone()) {
                *self.finishes.entry(word).or_default() += 1;
            }
        }
    }

    fn count_orders(&mut self, judgment: &Judgment) {
        self.orders.half += usize::from(judgment.one_order_unreadable());
        if let Some(consistent) = judgment.consistent {
            self.orders.both += 1;
            self.orders.consistent += usize::from(consistent);
        }
        for vote in &judgment.votes {
            let Ok(Verdict::Preference(side)) = &vote.verdict else { continue };
            let shown = if vote.order == [1, 0] { side.swapped() } else { *side };
            self.orders.first += usize::from(shown == Preference::First);
            self.orders.second += usize::from(shown == Preference::Second);
        }
    }
}

impl Worth {
    fn add(&mut self, verdict: &Verdict, ends: Option<(f64, f64)>) {
        let (value, ends) = match verdict {
            Verdict::Score(score) => (*score, ends),
            Verdict::Label(label) if label.label == CORRECT => (1.0, Some((0.0, 1.0))),
            Verdict::Label(_) => (0.0, Some((0.0, 1.0))),
            Verdict::Steps(steps) => {
                (f64::from(u8::from(steps.first_error.is_none())), Some((0.0, 1.0)))
            }
            _ => return,
        };
        self.share = !matches!(verdict, Verdict::Score(_));
        self.sum += value;
        self.ends = ends;
    }
}

/// Under which name a verdict is counted.
fn heading(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Label(label) => label.label.clone(),
        Verdict::Preference(side) => side.name().into(),
        Verdict::Score(_) | Verdict::Steps(_) | Verdict::Ranking(_) => verdict.to_string(),
        Verdict::Scores(_) | Verdict::Criteria(_) | Verdict::Text(_) => verdict.kind().into(),
    }
}

/// Whether a verdict is what the record's own field `label` says; `None` without one. In a table a label
/// is text, so that numbers are compared as numbers.
fn agrees(item: &Item, judgment: &Judgment) -> Option<bool> {
    let label = item.text("label").filter(|label| !label.is_empty())?;
    let number = || label.trim().parse::<f64>().ok();
    match judgment.verdict.as_ref() {
        Err(_) => Some(false),
        Ok(Verdict::Score(score)) => number().map(|right| same(right, *score)),
        Ok(Verdict::Steps(steps)) => {
            #[expect(clippy::cast_precision_loss, reason = "no solution has 2^52 steps")]
            let first_error = steps.first_error.map_or(-1.0, |index| index as f64);
            number().map(|right| same(right, first_error))
        }
        Ok(Verdict::Label(found)) => Some(found.label == label),
        Ok(Verdict::Preference(side)) => Some(side.name() == label),
        Ok(_) => None,
    }
}

fn same(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

/// A few lines for people: what was decided, what could not be read, what it took.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answered = self.judged + self.unread();
        write!(f, "{} of {} records judged", self.judged, self.records)?;
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
        self.write_verdicts(f)?;
        if let Some(Bounds { mean, lowest, highest }) = self.bounds() {
            let what = if self.worth.share { "share correct" } else { "mean" };
            write!(
                f,
                "\n{what} {mean:.3}, coverage {:.1} %",
                100.0 * ratio(self.judged, answered)
            )?;
            if self.unread() > 0 {
                write!(
                    f,
                    "; between {lowest:.3} and {highest:.3} if the unreadable were worst or best"
                )?;
            }
        }
        if let Some(passed) = self.passed {
            write!(
                f,
                "\n{passed} of {} passed ({:.1} %)",
                self.records,
                100.0 * ratio(passed, self.records)
            )?;
        }
        self.write_orders(f)?;
        if let (total @ 1.., agreeing) = self.labelled {
            write!(
                f,
                "\n{agreeing} of {total} agree with the records' own label ({:.1} %)",
                100.0 * ratio(agreeing, total)
            )?;
        }
        if let (asked @ 1.., read) = self.reasked {
            write!(f, "\nunreadable and asked again: {asked}, readable then: {read}")?;
        }
        let Usage { prompt, cached, completion, .. } = self.usage;
        let seconds = self.time.as_secs_f64();
        write!(
            f,
            "\n{} requests, {prompt} prompt tokens ({cached} reused), {completion} written, {seconds:.1} s",
            self.requests
        )?;
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
    fn write_verdicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 12;
        if self.verdicts.is_empty() {
            return Ok(());
        }
        let mut counts: Vec<(&String, &usize)> = self.verdicts.iter().collect();
        let by_number = |name: &str| name.rsplit(' ').next().and_then(|n| n.parse::<f64>().ok());
        counts.sort_by(|a, b| {
            by_number(a.0).partial_cmp(&by_number(b.0)).unwrap_or(std::cmp::Ordering::Equal)
        });
        let shown: Vec<String> =
            counts.iter().take(MOST).map(|(name, n)| format!("{name}: {n}")).collect();
        let more = if counts.len() > MOST {
            format!("  and {} more", counts.len() - MOST)
        } else {
            String::new()
        };
        write!(f, "\n{}{more}", shown.join("  "))
    }

    /// What servers left out, or said in words of their own.
    fn write_unknown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let unknown @ 1.. = self.usage.unknown {
            write!(f, "\nthe server did not report the tokens of {unknown} answers")?;
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

    fn write_saved(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cached == 0 {
            return Ok(());
        }
        let Usage { prompt, completion, .. } = self.saved;
        write!(
            f,
            "\n{} answers were remembered: {prompt} prompt and {completion} written tokens saved",
            self.cached
        )?;
        self.saved_cost.map_or(Ok(()), |cost| write!(f, ", cost {cost:.4}"))
    }

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
            write!(f, "\nread in one order only, which counts as half: {half}")?;
        }
        if first + second > 0 {
            let lean = 100.0 * ratio(first, first + second);
            write!(f, "\nthe answer shown first wins {lean:.1} % of decided comparisons")?;
        }
        Ok(())
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { real(part) / real(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "nobody judges 2^52 records")]
fn real(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Reason, Unreadable};

    fn judgment(verdict: Result<Verdict, Unreadable>) -> Judgment {
        Judgment {
            verdict,
            consistent: None,
            pass: None,
            normalized: None,
            votes: Vec::new(),
            mark: None,
            usage: Usage::default(),
            saved: Usage::default(),
            cached: (0, 1),
            attempts: 1,
            latency_ms: 0,
        }
    }

    #[test]
    fn the_mean_skips_what_could_not_be_read_and_says_how_much_that_could_change() {
        let mut summary = Summary::default();
        let ends = Some((1.0, 5.0));
        for verdict in [
            Ok(Verdict::Score(5.0)),
            Ok(Verdict::Score(3.0)),
            Err(Unreadable::new(Reason::Refused, "")),
        ] {
            summary.count(None, Ok(&judgment(verdict)), ends);
        }
        let bounds = summary.bounds().unwrap();
        assert_eq!((bounds.mean, bounds.lowest, bounds.highest), (4.0, 3.0, 13.0 / 3.0));
        assert!((summary.unreadable_rate() - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(summary.pass_rate(), None);
    }

    #[test]
    fn verdicts_are_held_against_the_records_own_labels() {
        let mut summary = Summary::default();
        let item = Item::new().set("label", "4.0");
        summary.count(Some(&item), Ok(&judgment(Ok(Verdict::Score(4.0)))), None);
        summary.count(Some(&item), Ok(&judgment(Ok(Verdict::Score(5.0)))), None);
        summary.count(Some(&item), Ok(&judgment(Err(Unreadable::new(Reason::Missing, "")))), None);
        assert_eq!(summary.labelled, (3, 1));
    }
}
