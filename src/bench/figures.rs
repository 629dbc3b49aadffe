//! The figures of a benchmark, from its cases and their judgments.

use std::{collections::HashMap, fmt};

use serde_json::{Value, json};

use super::{
    about::Benchmark,
    convention::Convention,
    judged::Judged,
    row::{FigureRow, Row},
};
use crate::metrics::{Figure, Interval, clustered_bootstrap, ratio, real, wilson};

/// How many records are drawn at most for an interval, over all resamples.
const MOST_DRAWN: usize = 5_000_000;

/// How many resamples there are at least.
const FEWEST_RESAMPLES: u32 = 200;

/// The figures of one judge on a benchmark.
///
/// Every figure has four values: that of the official convention for verdicts that could not be read, that over what
/// could be read, and its bounds, if all such verdicts were wrong or right.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Figures {
    /// The benchmark.
    pub benchmark: &'static Benchmark,
    /// The number of records that were judged.
    pub records: usize,
    /// The number of judgments: a record may need several.
    pub judgments: usize,
    /// Judgments without an answer: those that failed, and those that are missing.
    pub failed: usize,
    /// Judgments that are missing: no result is about them.
    pub missing: usize,
    /// Judgments whose verdict could not be read.
    pub unreadable: usize,
    /// The number of votes, and of those that could not be read.
    pub votes: (usize, usize),
    /// Comparisons with a winner of which the strength is not known, where strong ones count more: they count as weak.
    pub without_strength: usize,
    /// The headline and the figures below it.
    pub rows: Vec<FigureRow>,
    /// The 95 % interval of the headline under the official convention.
    pub interval: Option<Interval>,
    /// The number of different questions: records that share one are resampled together.
    pub questions: usize,
}

impl Figures {
    /// Counts everything, with the interval of the headline. It depends on nothing but its arguments.
    pub fn of(benchmark: &'static Benchmark, judged: &[Judged]) -> Self {
        let headline = |drawn: &[usize]| {
            let drawn: Vec<&Judged> = drawn.iter().map(|place| &judged[*place]).collect();
            match benchmark.headline {
                Some(headline) => headline(&drawn, Convention::Official).value,
                None => (benchmark.score)(&drawn, Convention::Official).first()?.value,
            }
        };
        // The end of an interval needs fewer resamples where there are many records.
        let most = u32::try_from(MOST_DRAWN / judged.len().max(1)).unwrap_or(u32::MAX);
        let resamples = benchmark.resamples.min(most.max(FEWEST_RESAMPLES));
        let interval = (judged.len() > 1)
            .then(|| clustered_bootstrap(&clusters(judged), resamples, 0, headline));
        let figures = Self::counted(benchmark, judged);
        let interval = interval.flatten().map(|interval| figures.widened(interval));
        Self { interval, ..figures }
    }

    /// The interval; where all resamples are equal, as when everything is right, that of Wilson (1927) over the questions.
    fn widened(&self, interval: Interval) -> Interval {
        let share = self.rows.first().filter(|row| row.is_share);
        let share = share.and_then(|row| row.value(Convention::Official));
        match share {
            Some(share) if interval.width() < f64::EPSILON => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a number of questions"
                )]
                let part = (share * real(self.questions)).round() as usize;
                wilson(part, self.questions)
            }
            _ => interval,
        }
    }

    /// The same without an interval, which takes most of the time.
    pub fn counted(benchmark: &'static Benchmark, judged: &[Judged]) -> Self {
        let all: Vec<&Judged> = judged.iter().collect();
        let rows = Convention::ALL.map(|convention| (benchmark.score)(&all, convention));
        let mut figures = Self {
            benchmark,
            records: judged.len(),
            judgments: 0,
            failed: 0,
            missing: 0,
            unreadable: 0,
            votes: (0, 0),
            without_strength: 0,
            rows: together(rows),
            interval: None,
            questions: clusters(judged).iter().max().map_or(0, |last| last + 1),
        };
        for one in judged {
            let (parts, failed, unreadable) = one.counts();
            let (votes, unread) = one.vote_counts();
            figures.judgments += parts;
            figures.failed += failed;
            figures.missing += one.missing().count();
            figures.unreadable += unreadable;
            if benchmark.has_strength {
                figures.without_strength += one.without_words();
            }
            figures.votes = (figures.votes.0 + votes, figures.votes.1 + unread);
        }
        figures
    }

    /// The row of this name, without its indentation.
    pub fn row(&self, name: &str) -> Option<&FigureRow> {
        self.rows.iter().find(|row| row.name.trim_start() == name)
    }

    /// The headline under the official convention.
    pub fn headline(&self) -> Option<f64> {
        self.rows.first()?.value(Convention::Official)
    }

    /// What rules call the first figure.
    pub const HEADLINE: &str = "headline";

    /// What rules call the share of judgments whose verdict could not be read.
    pub const UNREADABLE: &str = "unreadable_rate";

    /// The figures that rules are about: the rows by their names, under the official convention. The first one is there under
    /// [`HEADLINE`](Self::HEADLINE) too.
    pub fn figures(&self) -> Vec<Figure> {
        let of = |row: &FigureRow, name: &str, interval| {
            let value = row.value(Convention::Official);
            let figure = Figure::new(name, row.name.trim(), value, interval, row.count);
            if row.is_share { figure.between(0.0, 1.0) } else { figure }
        };
        let first = self.rows.first().into_iter().flat_map(|first| {
            [Self::HEADLINE, first.name.trim()].map(|name| of(first, name, self.interval))
        });
        let others = self.rows.iter().skip(1).map(|row| {
            of(row, row.name.trim(), None).without_interval("only the first figure has one")
        });
        let rate = ratio(self.unreadable, self.judgments);
        let unread =
            Figure::new(Self::UNREADABLE, "unreadable judgments", Some(rate), None, self.judgments)
                .between(0.0, 1.0)
                .without_interval("it is counted, and not estimated");
        first.chain(others).chain([unread]).collect()
    }

    /// The figures for programs; shares are 0 to 1.
    pub fn to_json(&self) -> Value {
        let row = |row: &FigureRow| {
            json!({
                "name": row.name.trim_start(),
                "count": row.count,
                "official": row.value(Convention::Official),
                "readable": row.value(Convention::Readable),
                "worst": row.value(Convention::Worst),
                "best": row.value(Convention::Best),
            })
        };
        json!({
            "benchmark": self.benchmark.name,
            "schema_verified": self.benchmark.is_verified,
            "records": self.records,
            "questions": self.questions,
            "judgments": self.judgments,
            "failed": self.failed,
            "missing": self.missing,
            "unreadable": self.unreadable,
            "votes": self.votes.0,
            "unreadable_votes": self.votes.1,
            "without_strength": self.without_strength,
            "headline": self.rows.first().map(row),
            "interval": self.interval,
            "figures": self.rows.iter().map(row).collect::<Vec<_>>(),
            "failure": self.benchmark.failure,
        })
    }
}

/// The number of the question of each case, in the order of their first occurrence.
fn clusters(judged: &[Judged]) -> Vec<usize> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut clusters = Vec::new();
    for question in judged.iter().map(|one| one.case.question.as_str()) {
        let next = seen.len();
        clusters.push(*seen.entry(question).or_insert(next));
    }
    clusters
}

/// The rows of all conventions as one list: their names are equal.
fn together(rows: [Vec<Row>; 4]) -> Vec<FigureRow> {
    let [official, readable, worst, best] = rows;
    let others = readable.into_iter().zip(worst).zip(best);
    let both = official.into_iter().zip(others);
    let row = |(official, ((readable, worst), best)): (Row, ((Row, Row), Row))| FigureRow {
        values: [official.value, readable.value, worst.value, best.value],
        name: official.name,
        count: official.count,
        is_share: official.is_share,
    };
    both.map(row).collect()
}

/// The table with lines of any length.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table(None))
    }
}
