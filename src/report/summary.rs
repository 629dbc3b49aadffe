//! The figures of a run: the verdicts, how many records have one, and the tokens and costs.
//!
//! Coverage, pass rate and bounds are shares of all records, including those that failed, could not be
//! read or were never tried: leaving them out would make a judge look better the more often it fails.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::{Value, json};

use super::{
    agreement::Agreement,
    histogram::Histogram,
    labels::Labels,
    menus::Menus,
    statistics::{ratio, real},
    terminal::escaped,
};
use crate::{
    completion::Finish,
    completion::UsageTotal,
    error::Error,
    item::Item,
    judge::Judge,
    records::Ending,
    verdict::{CORRECT, INCORRECT, Judgment, Preference, Verdict},
};

/// The figures of a run of `judge`. Unreadable answers are counted, and never become a number.
///
/// Its `Display` output is a few lines for people; [`Summary::to_json`] returns the same figures for
/// programs.
///
/// ```
/// use tribunal::report::Summary;
///
/// let summary = Summary::default();
/// assert_eq!((summary.records, summary.coverage(), summary.pass_rate()), (0, 0.0, None));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Records that were tried, in this run or an earlier one.
    pub records: usize,
    /// Records whose result is kept from an earlier run.
    pub kept: usize,
    /// Kept records that failed in the earlier run.
    pub kept_failed: usize,
    /// Kept records whose answer is still unreadable.
    pub kept_unreadable: usize,
    /// How the run ended, and how many records were not tried.
    pub ending: Ending,
    /// Records with a verdict.
    pub judged: usize,
    /// The number of records with an unreadable answer, by the name of the reason.
    pub unreadable: BTreeMap<&'static str, usize>,
    /// Answers that were requested again because they could not be read.
    pub reasked: Reasked,
    /// Records without an answer: a request failed, or the record itself is invalid.
    pub failed: usize,
    /// The number of records that pass; `None` without a pass rule.
    pub passed: Option<usize>,
    /// The number of records by verdict. Scores are not included: they have a histogram of their own.
    pub verdicts: BTreeMap<String, usize>,
    /// The verdicts compared with the records' own labels.
    pub agreement: Agreement,
    /// Tokens over all records, without those of cached answers.
    pub usage: UsageTotal,
    /// Requests that were sent, retries included.
    pub requests: u64,
    /// The cost of the requests; `None` unless the prices and all numbers of tokens are known.
    pub cost: Option<f64>,
    /// Whether the prices of the models are known.
    pub priced: bool,
    /// The number of answers by finish reason, for reasons that are not known to mean a complete answer.
    pub finishes: BTreeMap<String, usize>,
    /// Answers that came from the cache.
    pub cached: u64,
    /// The tokens of cached answers, which cost nothing in this run.
    pub saved: UsageTotal,
    /// What the cached answers would have cost; `None` unless prices are known.
    pub saved_cost: Option<f64>,
    /// The duration of the run.
    pub time: Duration,
    /// The lowest and the highest score of the scale.
    ends: Option<(f64, f64)>,
    /// The label that means correct, if the prompt names one or one of its labels does by itself.
    positive: Option<String>,
    /// The scores, if verdicts are scores.
    scores: Scores,
    /// Counts of labels and of verdicts about steps.
    shares: Shares,
    /// The scores of each criterion by its name.
    criteria: BTreeMap<String, Scores>,
    /// Whether preferences depend on the order of the answers.
    orders: Orders,
    /// Verdicts compared with the probabilities of their values.
    menus: Menus,
    /// Whether the temperature is 0, so that every token is the most probable one.
    greedy: bool,
}

/// Answers that were requested again because they could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasked {
    /// The number of answers that were requested again.
    pub asked: usize,
    /// The number of those that could be read in the end.
    pub read: usize,
}

/// Numbers: their count, sum and histogram.
#[derive(Clone, Debug, Default)]
struct Scores {
    count: usize,
    sum: f64,
    values: Histogram,
}

impl Scores {
    /// Counts a number.
    fn add(&mut self, score: f64) {
        self.count += 1;
        self.sum += score;
        self.values.add(score);
    }

    /// The mean of the numbers.
    fn mean(&self) -> f64 {
        self.sum / real(self.count)
    }
}

/// Counts of verdicts that are a label or about steps.
#[derive(Clone, Debug, Default)]
struct Shares {
    /// Verdicts that are a label.
    labels: usize,
    /// Verdicts about steps.
    steps: usize,
    /// Verdicts about steps that found no error.
    without_error: usize,
}

/// Preferences by the position in which the answers were shown.
///
/// A judge that often prefers one position is biased (Wang et al. 2023, arXiv:2305.17926).
#[derive(Clone, Debug, Default)]
struct Orders {
    /// Records that were judged in both orders.
    both: usize,
    /// Records with the same verdict in both orders.
    consistent: usize,
    /// Records for which only one of the two orders could be read.
    half: usize,
    /// Votes for the answer that was shown first.
    first: usize,
    /// Votes for the answer that was shown second.
    second: usize,
}

/// A mean, and its bounds if all records without a verdict had the lowest or the highest value.
///
/// These are the worst-case bounds for missing data (Manski 1989, Journal of Human Resources 24): they
/// need no assumption about why a record has no verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The mean over the records with a verdict.
    pub mean: f64,
    /// The mean over all records if those without a verdict had the lowest value.
    pub lowest: f64,
    /// The mean over all records if those without a verdict had the highest value.
    pub highest: f64,
}

impl Summary {
    /// An empty summary for the verdicts of this judge and the records' own labels.
    pub fn new(judge: &Judge, labels: Labels) -> Self {
        let ends = judge.prompt().front().scale.as_ref().and_then(crate::scale::Scale::ends);
        let positive = judge.prompt().verdict_profile().positive;
        let temperature = judge.prompt().front().sampling.temperature;
        let greedy = temperature.is_some_and(|temperature| temperature <= 0.0);
        Self { ends, positive, greedy, agreement: Agreement::new(labels, judge), ..Self::default() }
    }

    /// Counts one record. `name` is shown in messages about its label.
    ///
    /// `item` is `None` if the input could not be read as a record; then there is no label to compare
    /// with.
    pub fn count(&mut self, name: &str, item: Option<&Item>, outcome: Result<&Judgment, &Error>) {
        self.records += 1;
        if let Some(item) = item {
            self.agreement.count(name, item, outcome.ok());
        }
        let judgment = match outcome {
            Ok(judgment) => judgment,
            Err(error) => {
                self.failed += 1;
                self.requests += u64::from(error.attempts());
                return;
            }
        };
        self.usage += judgment.usage;
        self.saved += judgment.saved;
        self.cached += u64::from(judgment.cached);
        self.requests += u64::from(judgment.attempts);
        self.count_finishes(judgment);
        if let Some(pass) = judgment.pass {
            *self.passed.get_or_insert(0) += usize::from(pass);
        }
        for vote in judgment.votes.iter().filter(|vote| vote.reask > 0) {
            self.reasked.asked += 1;
            self.reasked.read += usize::from(vote.outcome.is_verdict());
        }
        self.count_orders(judgment);
        judgment.votes.iter().for_each(|vote| self.menus.count(vote, self.greedy));
        match &judgment.verdict {
            Ok(verdict) => self.count_verdict(verdict),
            Err(why) => *self.unreadable.entry(why.reason.name()).or_default() += 1,
        }
    }

    /// Marks the record that was counted last as kept from an earlier run.
    pub fn count_kept(&mut self, outcome: Result<&Judgment, &Error>) {
        self.kept += 1;
        match outcome {
            Ok(judgment) => self.kept_unreadable += usize::from(judgment.verdict.is_err()),
            Err(_) => self.kept_failed += 1,
        }
    }

    /// Counts a verdict by its kind. Scores and criteria go into histograms, other verdicts are counted
    /// by name.
    fn count_verdict(&mut self, verdict: &Verdict) {
        self.judged += 1;
        match verdict {
            Verdict::Score(score) => return self.scores.add(*score),
            Verdict::Label(_) => self.shares.labels += 1,
            Verdict::Steps(steps) => {
                self.shares.steps += 1;
                self.shares.without_error += usize::from(steps.first_error.is_none());
            }
            Verdict::Criteria(criteria) => {
                for (name, number) in criteria {
                    self.criteria.entry(name.clone()).or_default().add(*number);
                }
            }
            _ => (),
        }
        *self.verdicts.entry(heading(verdict)).or_default() += 1;
    }

    /// Counts finish reasons that are not known to mean a complete answer.
    fn count_finishes(&mut self, judgment: &Judgment) {
        for call in judgment.votes.iter().flat_map(|vote| &vote.calls) {
            if let Finish::Other(word) = &call.finish {
                *self.finishes.entry(word.clone()).or_default() += 1;
            }
        }
    }

    /// Counts whether both orders give the same verdict, and which position won.
    fn count_orders(&mut self, judgment: &Judgment) {
        self.orders.half += usize::from(judgment.one_order_unreadable());
        if let Some(consistent) = judgment.consistent {
            self.orders.both += 1;
            self.orders.consistent += usize::from(consistent);
        }
        for vote in &judgment.votes {
            let Some(Verdict::Preference(side)) = vote.outcome.verdict() else { continue };
            let shown = if vote.order == [1, 0] { side.swapped() } else { *side };
            self.orders.first += usize::from(shown == Preference::First);
            self.orders.second += usize::from(shown == Preference::Second);
        }
    }

    /// The number of records with an unreadable answer.
    pub fn unread(&self) -> usize {
        self.unreadable.values().sum()
    }

    /// The number of records that were never tried; 0 if that is not known.
    pub fn not_tried(&self) -> usize {
        self.ending.not_tried().unwrap_or(0)
    }

    /// The number of all records: those that were tried, and those that were never tried.
    fn all(&self) -> usize {
        self.records + self.not_tried()
    }

    /// The share of all records that have a verdict, 0 to 1.
    pub fn coverage(&self) -> f64 {
        ratio(self.judged, self.all())
    }

    /// The share of all records that passed, 0 to 1; `None` without a pass rule.
    ///
    /// A record that failed, is unreadable or was never tried does not pass.
    pub fn pass_rate(&self) -> Option<f64> {
        Some(ratio(self.passed?, self.all()))
    }

    /// The share of the answers that are unreadable, 0 to 1. Records without an answer are not counted.
    pub fn unreadable_rate(&self) -> f64 {
        ratio(self.unread(), self.judged + self.unread())
    }

    /// The number of verdicts that mean correct; `None` if verdicts are not about correctness.
    fn correct(&self) -> Option<usize> {
        if self.shares.steps > 0 {
            return Some(self.shares.without_error);
        }
        let given = |label: &str| self.verdicts.contains_key(label);
        let says = self.positive.is_some() || given(CORRECT) || given(INCORRECT);
        let count = || self.verdicts.get(self.right()).copied().unwrap_or(0);
        (says && self.shares.labels > 0).then(count)
    }

    /// The label that means correct.
    fn right(&self) -> &str {
        let labels = self.positive.as_deref().filter(|_| self.shares.steps == 0);
        labels.unwrap_or(CORRECT)
    }

    /// The mean score, or the share of correct answers, with its bounds.
    ///
    /// `None` if verdicts are neither, or if the scale of the scores is not known.
    pub fn bounds(&self) -> Option<Bounds> {
        let (sum, (low, high)) = match self.correct() {
            Some(correct) => (real(correct), (0.0, 1.0)),
            None => (self.scores.sum, self.ends.filter(|_| self.scores.count > 0)?),
        };
        let [judged, others] = [self.judged, self.all() - self.judged].map(real);
        let with = |value: f64| (sum + others * value) / (judged + others);
        Some(Bounds { mean: sum / judged, lowest: with(low), highest: with(high) })
    }

    /// The figures as JSON. Shares are between 0 and 1, and figures that do not apply are left out.
    pub fn to_json(&self) -> Value {
        let scores = self.scores.values.counted(self.ends);
        let verdicts: BTreeMap<String, usize> =
            self.verdicts.clone().into_iter().chain(scores).collect();
        let mut all = json!({
            "records": self.records,
            "judged": self.judged,
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
        if !self.finishes.is_empty() {
            all["finish_reasons"] = json!(self.finishes);
        }
        if self.orders.both > 0 {
            all["consistent"] = ratio(self.orders.consistent, self.orders.both).into();
        }
        if self.orders.half > 0 {
            all["one_order_unreadable"] = self.orders.half.into();
        }
        if let Some(menus) = self.menus.to_json() {
            all["probabilities"] = menus;
        }
        if let Some(agreement) = self.agreement.to_json() {
            all["agreement"] = agreement;
        }
        all
    }
}

/// The name under which a verdict is counted.
fn heading(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Label(label) => label.label.clone(),
        Verdict::Preference(side) => side.name().into(),
        Verdict::Score(_) | Verdict::Steps(_) | Verdict::Ranking(_) => verdict.to_string(),
        Verdict::Scores(_) | Verdict::Criteria(_) | Verdict::Text(_) => {
            verdict.kind().name().into()
        }
    }
}

/// A few lines for people: the verdicts, what could not be read, the requests and their cost.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_records(f)?;
        self.write_verdicts(f)?;
        self.write_bounds(f)?;
        if let Some(passed) = self.passed {
            let share = 100.0 * ratio(passed, self.all());
            write!(f, "\n{passed} of {} passed ({share:.1} %)", self.all())?;
        }
        self.write_orders(f)?;
        self.menus.lines().iter().try_for_each(|line| write!(f, "\n{line}"))?;
        self.agreement.fmt(f)?;
        if let Reasked { asked: asked @ 1.., read } = self.reasked {
            write!(f, "\nunreadable and asked again: {asked}, readable then: {read}")?;
        }
        let UsageTotal { prompt, cached, completion, .. } = self.usage;
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
    /// Writes how many records were judged, are unreadable, failed or were kept.
    fn write_records(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} records judged", self.judged, self.all())?;
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

    /// Writes how often each verdict was given: at most a dozen, words by name and then numbers by value.
    fn write_verdicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 12;
        let mut counts: Vec<(String, usize)> = self
            .verdicts
            .iter()
            .filter(|(name, _)| self.criteria.is_empty() || *name != "criteria")
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

    /// Writes the mean or the share of correct answers, with its bounds if records have no verdict.
    fn write_bounds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Bounds { mean, lowest, highest }) = self.bounds() else { return Ok(()) };
        let what = match self.correct() {
            Some(_) => format!("share {}", escaped(self.right())),
            None => "mean".to_owned(),
        };
        write!(f, "\n{what} {mean:.3}, coverage {:.1} %", 100.0 * self.coverage())?;
        let others: Vec<&str> =
            [("unreadable", self.unread()), ("failed", self.failed), ("untried", self.not_tried())]
                .into_iter()
                .filter_map(|(what, count)| (count > 0).then_some(what))
                .collect();
        if others.is_empty() {
            return Ok(());
        }
        let others = others.join(" and ");
        write!(f, "; between {lowest:.3} and {highest:.3} if the {others} were worst or best")
    }

    /// Writes what servers did not report, and finish reasons that are not known.
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

    /// Writes the tokens of cached answers.
    fn write_saved(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cached == 0 {
            return Ok(());
        }
        let UsageTotal { prompt, completion, .. } = self.saved;
        write!(
            f,
            "\n{} answers were remembered: {prompt} prompt and {completion} written tokens saved",
            self.cached
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
            write!(f, "\nread in one order only, which counts as half: {half}")?;
        }
        if first + second > 0 {
            let lean = 100.0 * ratio(first, first + second);
            write!(f, "\nthe answer shown first wins {lean:.1} % of decided comparisons")?;
        }
        Ok(())
    }
}

/// The sort key of a verdict's name: verdicts without a step by name, then first errors by step.
fn place(name: &str) -> (Option<usize>, String) {
    let step = name.strip_prefix("first error at ").and_then(|step| step.parse().ok());
    (step, name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::ErrorKind,
        records::End,
        verdict::{Label, Reason, Steps, Unreadable},
    };

    fn judgment(verdict: Result<Verdict, Unreadable>) -> Judgment {
        Judgment { calls: 1, attempts: 1, ..Judgment::new(verdict) }
    }

    fn unreadable() -> Judgment {
        judgment(Err(Unreadable::new(Reason::Refused, "")))
    }

    fn label(label: &str) -> Judgment {
        judgment(Ok(Verdict::Label(Label::new(label))))
    }

    fn named(summary: &mut Summary, names: &[&str]) {
        names.iter().for_each(|name| summary.count("r", None, Ok(&label(name))));
    }

    fn scale(ends: (f64, f64)) -> Summary {
        Summary { ends: Some(ends), ..Summary::default() }
    }

    #[test]
    fn the_mean_skips_what_could_not_be_read_and_says_how_much_that_could_change() {
        let mut summary = scale((1.0, 5.0));
        for verdict in [Ok(Verdict::Score(5.0)), Ok(Verdict::Score(3.0))] {
            summary.count("r", None, Ok(&judgment(verdict)));
        }
        summary.count("r", None, Ok(&unreadable()));
        let bounds = summary.bounds().unwrap();
        assert_eq!((bounds.mean, bounds.lowest, bounds.highest), (4.0, 3.0, 13.0 / 3.0));
        assert!((summary.unreadable_rate() - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(summary.pass_rate(), None);
    }

    #[test]
    fn what_failed_and_what_was_never_tried_is_not_covered_and_could_be_worst_or_best() {
        let mut summary = scale((1.0, 5.0));
        summary.count("a", None, Ok(&judgment(Ok(Verdict::Score(4.0)))));
        summary.count("b", None, Err(&Error::new(ErrorKind::Overloaded, "gone")));
        assert_eq!((summary.not_tried(), summary.coverage()), (0, 0.5), "the run is not over");
        let refused = End::GaveUp(Error::new(ErrorKind::Unauthorized, "no"));
        summary.ending = Ending { end: refused, left: Some(2) };
        assert_eq!((summary.not_tried(), summary.coverage()), (2, 0.25));
        let bounds = summary.bounds().unwrap();
        assert_eq!((bounds.mean, bounds.lowest, bounds.highest), (4.0, 1.75, 4.75));
        let text = summary.to_string();
        assert!(
            text.starts_with("1 of 4 records judged, 1 failed; 2 records were never tried\n"),
            "{text}"
        );
        assert!(text.contains("if the failed and untried were worst or best"), "{text}");
        assert_eq!(summary.to_json()["not_tried"], 2);
        assert_eq!(summary.to_json()["end"], "gave_up");
        summary.ending.left = None;
        let text = summary.to_string();
        assert!(text.contains("1 failed; the rest of the input was never tried\n"), "{text}");
        assert_eq!(summary.to_json()["not_tried"], Value::Null);
    }

    #[test]
    fn only_labels_that_say_correct_or_incorrect_have_a_share_that_is_correct() {
        let mut summary = Summary::default();
        named(&mut summary, &["kind", "unkind", "unkind"]);
        assert_eq!(summary.bounds(), None);
        assert!(summary.to_string().contains("\nkind: 1 (33.3 %)  unkind: 2 (66.7 %)\n"));
        let mut summary = Summary::default();
        named(&mut summary, &["incorrect", "incorrect"]);
        assert!(summary.to_string().contains("share correct 0.000, coverage 100.0 %"));
        let mut summary = Summary::default();
        named(&mut summary, &["correct", "partly", "correct"]);
        assert!(summary.to_string().contains("share correct 0.667"));
    }

    #[test]
    fn criteria_have_a_mean_each() {
        let mut summary = Summary::default();
        for (tone, facts) in [(3.0, 5.0), (4.0, 5.0)] {
            let criteria = [("tone".to_owned(), tone), ("facts".to_owned(), facts)];
            let verdict = Verdict::Criteria(criteria.into_iter().collect());
            summary.count("r", None, Ok(&judgment(Ok(verdict))));
        }
        assert!(summary.to_string().contains("\nfacts: mean 5.000  tone: mean 3.500\n"));
        assert_eq!(summary.to_json()["criteria"]["tone"], json!({"mean": 3.5, "records": 2}));
    }

    #[test]
    fn any_name_may_be_listed_in_its_place() {
        let mut summary = Summary::default();
        for name in ["nan", "NaN 3", "inf", "-1", "first error at x"].iter().cycle().take(40) {
            summary.count("r", None, Ok(&label(&format!("{name}{}", summary.records))));
        }
        for index in [Some(10), Some(2), None] {
            let steps = Steps { first_error: index, steps: Vec::new() };
            summary.count("r", None, Ok(&judgment(Ok(Verdict::Steps(steps)))));
        }
        assert!(summary.to_string().contains("more"));
        assert!(place("first error at 2") < place("first error at 10"));
        assert!(place("no error") < place("first error at 0"));
    }

    #[test]
    fn scores_are_shown_beside_the_records_own_labels() {
        let mut summary = Summary::default();
        let item = Item::new().set("label", "4.0");
        for score in [4.0, 5.0] {
            summary.count("r", Some(&item), Ok(&judgment(Ok(Verdict::Score(score)))));
        }
        summary.count("r", Some(&item), Ok(&unreadable()));
        assert_eq!(summary.agreement.labelled(), 3);
        assert_eq!(summary.agreement.numbers()[""].within(0.0), 1);
        let text = summary.to_string();
        assert!(text.contains("1 of 2 agree with the records' own label (50.0 %)"), "{text}");
        assert!(text.contains("without a verdict to be compared"), "{text}");
    }
}
