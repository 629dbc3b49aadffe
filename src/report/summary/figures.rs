//! The figures that rules may be about.

use super::Summary;
use crate::metrics::{Correlation, Figure, Interval, correlation_interval, share, wilson};

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
            Figure::new(name, name, share(part, whole), Some(wilson(part, whole)), whole)
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
            ),
            of("coverage", self.judged, all),
            of("unreadable_rate", self.unread(), self.judged + self.unread()),
            of("share_correct", correct.unwrap_or(0), correct.map_or(0, |_| self.judged)),
            Figure::new(
                "mean",
                "mean",
                (self.scores.count > 0).then(|| self.scores.mean()),
                self.scores.interval(),
                self.scores.count,
            ),
            of("consistency", self.orders.consistent, self.orders.both),
            of("first_wins", self.orders.first, self.orders.first + self.orders.second),
        ];
        figures.extend(self.agreement.figures());
        let jury = self.jury.as_ref();
        let units = jury.map_or(0, super::Jury::units);
        let alpha = jury.and_then(super::Jury::alpha);
        figures.push(Figure::new("alpha", "alpha", alpha, None, units));
        figures.push(Figure::new("cost", "cost", self.cost, None, all));
        figures
    }
}

impl super::Agreement {
    /// The figures of the agreement with the records' own labels.
    fn figures(&self) -> Vec<Figure> {
        let scores = self.numbers().get("");
        let count = scores.map_or(0, crate::report::Paired::len);
        let equal = scores.filter(|pairs| pairs.is_whole()).map(|pairs| (pairs.within(0.0), count));
        let (agree, compared) = self.agree().or(equal).unwrap_or((0, 0));
        let interval = |of, value: Option<f64>| -> Option<Interval> {
            correlation_interval(of, value?, count)
        };
        let pearson = scores.and_then(crate::report::Paired::pearson);
        let spearman = scores.and_then(crate::report::Paired::spearman);
        let number = |name: &str, value, interval| Figure::new(name, name, value, interval, count);
        vec![
            Figure::new(
                "agreement",
                "agreement",
                share(agree, compared),
                Some(wilson(agree, compared)),
                compared,
            ),
            number("pearson", pearson, interval(Correlation::Pearson, pearson)),
            number("spearman", spearman, interval(Correlation::Spearman, spearman)),
            number("quadratic_kappa", scores.and_then(crate::report::Paired::weighted_kappa), None),
            number(
                "mean_absolute_error",
                scores.and_then(crate::report::Paired::mean_absolute_error),
                None,
            ),
        ]
    }
}
