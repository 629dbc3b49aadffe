//! The figures that rules may be about.

use super::{Summary, tally::Moments};
use crate::{
    metrics::{self, Figure, Interval, share, wilson},
    report::clusters::alike,
};

impl Summary {
    /// Every figure of a run of `judge`; those that do not apply are not defined.
    ///
    /// ```
    /// use tribunal::{metrics::Gate, report::Summary};
    ///
    /// let gate: Gate = "unreadable_rate<=0.05@upper".parse()?;
    /// let why = gate.failure(&Summary::default().figures())?;
    /// assert!(why.unwrap().contains("not defined"), "nothing was judged");
    /// # Ok::<_, tribunal::Error>(())
    /// ```
    pub fn figures(&self) -> Vec<Figure> {
        let of = |name: &str, part: usize, whole: usize| {
            let interval = Some(wilson(part, whole));
            Figure::new(name, name, share(part, whole), interval, whole).between(0.0, 1.0)
        };
        let all = self.all();
        let correct = self.correct();
        let mut figures = vec![
            // Where nothing was judged, nothing passed.
            Figure::new(
                "pass_rate",
                "pass_rate",
                Some(self.pass_rate().unwrap_or(0.0)),
                Some(wilson(self.passed.unwrap_or(0), all)),
                all,
            )
            .between(0.0, 1.0),
            of("coverage", self.judged, all),
            of("unreadable_rate", self.unread(), self.judged + self.unread()),
            of("share_correct", correct.unwrap_or(0), correct.map_or(0, |_| self.judged)),
            Figure::new(
                "mean",
                "mean",
                (self.scores.count > 0).then(|| self.scores.mean()),
                self.mean_interval(),
                self.scores.count,
            ),
            of("consistency", self.orders.consistent, self.orders.both),
            of("first_wins", self.orders.first, self.orders.first + self.orders.second),
        ];
        figures.push(self.agreement.figure());
        figures.push(self.alpha());
        figures.push(self.total_cost());
        figures.push(self.cost_per_record());
        figures
    }

    /// The interval of the mean score. Where all scores are equal, a share of records that were not seen may have others.
    fn mean_interval(&self) -> Option<Interval> {
        let found = self.scores.interval().filter(|interval| interval.width() > 0.0);
        let ends = self.ends.filter(|_| self.scores.count > 0);
        let unseen = metrics::unseen_share(self.scores.count, None);
        found.or_else(|| Some(alike(self.scores.mean(), unseen, ends?)))
    }

    /// The agreement of the members of a jury.
    fn alpha(&self) -> Figure {
        let jury = self.jury.as_ref();
        let units = jury.map_or(0, super::Jury::units);
        let alpha = jury.and_then(super::Jury::alpha);
        let interval = jury.and_then(super::Jury::alpha_interval);
        Figure::new("alpha", "alpha", alpha, interval, units).between(-1.0, 1.0)
    }

    fn total_cost(&self) -> Figure {
        Figure::new("cost", "cost", self.cost, None, self.all())
            .between(0.0, f64::INFINITY)
            .without_interval(
                "it is what was spent, and estimates nothing; `cost_per_record` has one",
            )
    }

    /// The mean cost of a record with a result, with its interval by Student's t. Cached answers cost nothing.
    fn cost_per_record(&self) -> Figure {
        let known = Some(&self.costs).filter(|costs| costs.count > 0 && self.cost.is_some());
        let value = known.map(Moments::mean);
        let interval = known.and_then(Moments::interval);
        let interval = interval.map(|interval| interval.within(0.0, f64::MAX));
        Figure::new("cost_per_record", "cost_per_record", value, interval, self.costs.count)
            .between(0.0, f64::INFINITY)
    }
}

impl super::Agreement {
    /// The agreement with the records' own labels.
    fn figure(&self) -> Figure {
        let scores = self.numbers().get("").filter(|pairs| pairs.is_whole());
        let equal = scores.map(|pairs| (pairs.within(0.0), pairs.len()));
        let (agree, compared) = self.agree().or(equal).unwrap_or((0, 0));
        let interval = Some(wilson(agree, compared));
        Figure::new("agreement", "agreement", share(agree, compared), interval, compared)
            .between(0.0, 1.0)
    }
}
