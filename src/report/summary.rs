//! The figures of a run: what was decided, how much of it can be trusted, what it took.
//!
//! Coverage, pass rate and bounds have all records in their denominator, also those that failed, could not
//! be read, or were never tried: leaving them out would make a judge look better the more it fails.

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
/// Displayed, it is a few lines for people; [`Summary::to_json`] has the same figures for programs.
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
    /// Those of them that an earlier run had judged.
    pub kept: usize,
    /// Those of them that failed in the earlier run.
    pub kept_failed: usize,
    /// Those of them whose answer still cannot be read.
    pub kept_unreadable: usize,
    /// How the run ended, and what it left untried.
    pub ending: Ending,
    /// Records with a verdict.
    pub judged: usize,
    /// Records whose answer holds no verdict, by reason.
    pub unreadable: BTreeMap<&'static str, usize>,
    /// Answers that were asked again because they could not be read.
    pub reasked: Reasked,
    /// Records without an answer.
    pub failed: usize,
    /// Records whose verdict passes; `None` without a pass rule.
    pub passed: Option<usize>,
    /// How often each verdict was given; scores are not among them.
    pub verdicts: BTreeMap<String, usize>,
    /// Verdicts beside the records' own labels.
    pub agreement: Agreement,
    /// Tokens over all records.
    pub usage: UsageTotal,
    /// Requests that were sent, retries included.
    pub requests: u64,
    /// What they cost, where prices and all tokens are known.
    pub cost: Option<f64>,
    /// Whether prices are known.
    pub priced: bool,
    /// The number of answers with a finish reason that is not a known clean end, by the server's word.
    pub finishes: BTreeMap<String, usize>,
    /// Answers that came from the cache.
    pub cached: u64,
    /// Their tokens, which cost nothing now.
    pub saved: UsageTotal,
    /// What they would have cost, where prices are known.
    pub saved_cost: Option<f64>,
    /// How long the run took.
    pub time: Duration,
    ends: Option<(f64, f64)>,
    /// The label that says that all is right, where the prompt names it or one of its labels does.
    positive: Option<String>,
    scores: Scores,
    shares: Shares,
    criteria: BTreeMap<String, Scores>,
    orders: Orders,
    menus: Menus,
    /// Whether the likeliest token is taken at every place.
    greedy: bool,
}

/// Answers that were asked again because they could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasked {
    /// How many.
    pub asked: usize,
    /// How many of those could be read then.
    pub read: usize,
}

/// Numbers that were given: their count, sum and histogram.
#[derive(Clone, Debug, Default)]
struct Scores {
    count: usize,
    sum: f64,
    values: Histogram,
}

impl Scores {
    fn add(&mut self, score: f64) {
        self.count += 1;
        self.sum += score;
        self.values.add(score);
    }

    fn mean(&self) -> f64 {
        self.sum / real(self.count)
    }
}

/// Verdicts that call something right or wrong, or one of several names.
#[derive(Clone, Debug, Default)]
struct Shares {
    labels: usize,
    steps: usize,
    without_error: usize,
}

/// Preferences by the place in which the answers were shown: a judge that prefers a place is biased.
#[derive(Clone, Debug, Default)]
struct Orders {
    both: usize,
    consistent: usize,
    /// Records of which one order could not be read.
    half: usize,
    first: usize,
    second: usize,
}

/// A mean, and where it would lie if all records without a verdict were worst or best.
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
    /// A summary of this judge's verdicts beside the records' own labels.
    pub fn new(judge: &Judge, labels: Labels) -> Self {
        let ends = judge.prompt().front().scale.as_ref().and_then(crate::scale::Scale::ends);
        let positive = judge.prompt().verdict_profile().positive;
        let temperature = judge.prompt().front().sampling.temperature;
        let greedy = temperature.is_some_and(|temperature| temperature <= 0.0);
        Self { ends, positive, greedy, agreement: Agreement::new(labels, judge), ..Self::default() }
    }

    /// Counts one record by its name.
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

    /// Counts that an earlier run had left what was counted last.
    pub fn count_kept(&mut self, outcome: Result<&Judgment, &Error>) {
        self.kept += 1;
        match outcome {
            Ok(judgment) => self.kept_unreadable += usize::from(judgment.verdict.is_err()),
            Err(_) => self.kept_failed += 1,
        }
    }

    /// Counts a verdict by its kind.
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

    /// Counts finish reasons that are not known.
    fn count_finishes(&mut self, judgment: &Judgment) {
        for call in judgment.votes.iter().flat_map(|vote| &vote.calls) {
            if let Finish::Other(word) = &call.finish {
                *self.finishes.entry(word.clone()).or_default() += 1;
            }
        }
    }

    /// Counts whether both orders agree, and which place won.
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

    /// The number of records whose answer could not be read.
    pub fn unread(&self) -> usize {
        self.unreadable.values().sum()
    }

    /// Records that were never tried, as far as that is known.
    pub fn not_tried(&self) -> usize {
        self.ending.not_tried().unwrap_or(0)
    }

    /// All records: those that were tried, and those that were never tried.
    fn all(&self) -> usize {
        self.records + self.not_tried()
    }

    /// Share of all records that have a verdict, 0 to 1.
    pub fn coverage(&self) -> f64 {
        ratio(self.judged, self.all())
    }

    /// Share of all records that passed, 0 to 1; what could not be read or judged never does.
    pub fn pass_rate(&self) -> Option<f64> {
        Some(ratio(self.passed?, self.all()))
    }

    /// Share of the answers that could not be read, 0 to 1.
    pub fn unreadable_rate(&self) -> f64 {
        ratio(self.unread(), self.judged + self.unread())
    }

    /// How many verdicts say that all is right, where verdicts say that.
    fn correct(&self) -> Option<usize> {
        if self.shares.steps > 0 {
            return Some(self.shares.without_error);
        }
        let given = |label: &str| self.verdicts.contains_key(label);
        let says = self.positive.is_some() || given(CORRECT) || given(INCORRECT);
        let count = || self.verdicts.get(self.right()).copied().unwrap_or(0);
        (says && self.shares.labels > 0).then(count)
    }

    /// The label that says that all is right.
    fn right(&self) -> &str {
        let labels = self.positive.as_deref().filter(|_| self.shares.steps == 0);
        labels.unwrap_or(CORRECT)
    }

    /// The mean score, or the share of right answers, with what records without a verdict could change.
    pub fn bounds(&self) -> Option<Bounds> {
        let (sum, (low, high)) = match self.correct() {
            Some(correct) => (real(correct), (0.0, 1.0)),
            None => (self.scores.sum, self.ends.filter(|_| self.scores.count > 0)?),
        };
        let [judged, others] = [self.judged, self.all() - self.judged].map(real);
        let with = |value: f64| (sum + others * value) / (judged + others);
        Some(Bounds { mean: sum / judged, lowest: with(low), highest: with(high) })
    }

    /// The same figures for programs; shares lie between 0 and 1, absent ones are left out.
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

/// Under which name a verdict is counted.
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

/// A few lines for people: what was decided, what could not be read, what it took.
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
    /// How many records were judged, could not be read, failed or were kept.
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

    /// How often each verdict was given: the commonest dozen, numbers in their order.
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
        let UsageTotal { prompt, completion, .. } = self.saved;
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

/// Where a verdict is listed: first errors by their step, everything else by its name before them.
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
