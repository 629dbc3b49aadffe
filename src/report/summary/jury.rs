//! The members of a jury: how far they agree with each other and with the verdict, and which have none.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::Arc,
};

use serde_json::{Value, json};

use crate::{
    aggregate::{Aggregate, Counts, MemberVerdict},
    judging::Panel,
    metrics::{Interval, RatedUnits, RatingLevel, Ratings, ratio, real},
    parse::Kind,
    report::terminal::escaped,
    scale::{Scale, nearly_equal},
    units::counted,
    verdict::{Judgment, Preference, Steps, Verdict, alike},
};

/// The figures of a jury over all records; empty for a judge with one member.
#[derive(Clone, Debug)]
pub struct Jury {
    panel: Arc<Panel>,
    /// What the differences between the verdicts of members mean.
    level: RatingLevel,
    /// The verdicts of members: the unit is a record, or an answer or a criterion of one.
    ratings: Ratings,
    /// The same unit by unit, with the number of the record of each: an interval draws records.
    rated: Vec<Vec<f64>>,
    records: Vec<usize>,
    /// The numbers that stand for verdicts which are words.
    words: BTreeMap<String, f64>,
    members: BTreeMap<Arc<str>, Member>,
    /// Records of which a member was replaced.
    replaced: usize,
}

/// The figures of one member.
#[derive(Clone, Copy, Debug, Default)]
struct Member {
    /// Records that it was asked about, by what came of it.
    records: Counts,
    /// Records of which it and the jury have a verdict.
    compared: usize,
    /// Those of them whose verdicts differ.
    differs: usize,
    /// The sum of the mean distances, for verdicts that are numbers.
    distance: f64,
}

/// A verdict on one unit.
enum Rating {
    Number(f64),
    Word(String),
}

impl Jury {
    /// Empty figures; `None` for a judge with one member, which agrees with itself, and for a cascade, whose members
    /// judge different records.
    pub(super) fn new(panel: &Arc<Panel>) -> Option<Self> {
        let front = panel.first().prompt().front();
        let level = match front.verdict_kind() {
            Kind::Score if front.scale.as_ref().is_some_and(has_names) => RatingLevel::Ordinal,
            Kind::Score | Kind::Scores | Kind::Criteria => RatingLevel::Interval,
            _ => RatingLevel::Nominal,
        };
        (panel.members().len() > 1 && !panel.is_cascade()).then(|| Self {
            panel: panel.clone(),
            level,
            ratings: Ratings::default(),
            rated: Vec::new(),
            records: Vec::new(),
            words: BTreeMap::new(),
            members: BTreeMap::new(),
            replaced: 0,
        })
    }

    /// Counts one judgment.
    pub(super) fn count(&mut self, judgment: &Judgment) {
        let panel = self.panel.clone();
        let members = panel.member_verdicts(&judgment.votes);
        let is_spare = |by: &str| panel.replacements().iter().any(|member| member.name() == by);
        self.replaced += usize::from(members.iter().any(|member| is_spare(&member.by)));
        let mut units: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for member in &members {
            for (unit, rating) in member.verdict.iter().flat_map(units_of) {
                let number = self.number(rating);
                units.entry(unit).or_default().push(number);
            }
            self.count_member(member, judgment);
        }
        let record = self.records.last().map_or(0, |last| last + 1);
        for unit in units.into_values().filter(|unit| unit.len() > 1) {
            self.ratings.add(unit.iter().copied());
            self.rated.push(unit);
            self.records.push(record);
        }
    }

    /// A rating as a number; words get one each.
    fn number(&mut self, rating: Rating) -> f64 {
        match rating {
            Rating::Number(number) => number,
            Rating::Word(word) => {
                let next = real(self.words.len());
                *self.words.entry(word).or_insert(next)
            }
        }
    }

    /// Counts what came of one member, and how far it is from the verdict.
    fn count_member(&mut self, member: &MemberVerdict, judgment: &Judgment) {
        let MemberVerdict { by, verdict, counted, .. } = member;
        let figures = self.members.entry(by.clone()).or_default();
        figures.records = [figures.records, *counted].into_iter().sum();
        // A sum over members lies on another scale than theirs.
        let is_sum = self.panel.aggregate == Some(Aggregate::Sum);
        let (Some(own), Ok(whole), false) = (verdict, &judgment.verdict, is_sum) else { return };
        figures.compared += 1;
        let distance = distance(own, whole);
        figures.distance += distance.unwrap_or(0.0);
        figures.differs += usize::from(match distance {
            Some(distance) => !nearly_equal(distance, 0.0),
            None => !alike(own, whole),
        });
    }

    /// Krippendorff's alpha of the verdicts of members; `None` if all are equal, or no record has two.
    pub fn alpha(&self) -> Option<f64> {
        self.ratings.alpha(self.level)
    }

    /// The 95 % interval of the alpha, by a bootstrap of records; `None` if all verdicts are equal.
    pub fn alpha_interval(&self) -> Option<Interval> {
        RatedUnits::new(self.rated.clone(), self.level).interval(Some(&self.records))
    }

    /// The number of units with two verdicts or more: records, or answers or criteria of them.
    pub fn units(&self) -> usize {
        self.ratings.units()
    }

    /// Whether verdicts are numbers, of which a distance can be told.
    fn has_numbers(&self) -> bool {
        self.level != RatingLevel::Nominal
    }

    /// The figures as JSON.
    pub(super) fn to_json(&self) -> Value {
        let member = |(name, figures): (&Arc<str>, &Member)| {
            let Member { records, compared, differs, distance } = *figures;
            let mut all = json!({
                "verdicts": records.readable,
                "abstained": records.abstained,
                "unreadable": records.unreadable,
                "failed": records.failed,
                "compared": compared,
                "differs": differs,
            });
            if self.has_numbers() && compared > 0 {
                all["distance"] = (distance / real(compared)).into();
            }
            (name.to_string(), all)
        };
        let mut all = json!({
            "alpha": self.alpha(),
            "level": self.level.name(),
            "units": self.units(),
            "members": self.members.iter().map(member).collect::<serde_json::Map<_, _>>(),
        });
        if !self.panel.replacements().is_empty() {
            all["replaced"] = self.replaced.into();
        }
        all
    }
}

/// A line on the agreement, and one for each member.
impl fmt::Display for Jury {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, units) = (self.level.name(), counted(self.units(), "unit"));
        match self.alpha() {
            Some(alpha) => {
                write!(
                    f,
                    "\nagreement of the members: alpha {alpha:.3} (Krippendorff, {level}, {units})"
                )?;
            }
            None if self.units() > 0 => {
                write!(f, "\nagreement of the members: all verdicts are equal ({units})")?;
            }
            None => f.write_str("\nagreement of the members: no record has two verdicts")?,
        }
        for (name, member) in &self.members {
            write!(f, "\nmember {}: {}", escaped(name), self.described(member))?;
        }
        if self.replaced > 0 {
            write!(f, "\nrecords with a replacement: {}", self.replaced)?;
        }
        Ok(())
    }
}

impl Jury {
    /// The figures of one member in words.
    fn described(&self, member: &Member) -> String {
        let Member { records, compared, differs, distance } = *member;
        let mut words = if compared == 0 {
            counted(records.readable, "verdict")
        } else {
            let share = 100.0 * ratio(differs, compared);
            format!("differs from the verdict in {differs} of {compared} ({share:.1} %)")
        };
        if self.has_numbers() && compared > 0 {
            let _ = write!(words, ", by {:.3} on average", distance / real(compared));
        }
        for (what, count) in [
            ("abstained", records.abstained),
            ("unreadable", records.unreadable),
            ("failed", records.failed),
        ] {
            if count > 0 {
                let _ = write!(words, ", {count} {what}");
            }
        }
        words
    }
}

/// Whether a scale has names for its numbers, so that only their order is known to matter.
fn has_names(scale: &Scale) -> bool {
    scale.levels().next().is_some()
}

/// The verdict as ratings, each with the name of its unit inside the record.
fn units_of(verdict: &Verdict) -> Vec<(String, Rating)> {
    let one = |rating| vec![(String::new(), rating)];
    let named = |(name, number): (&String, &f64)| (name.clone(), Rating::Number(*number));
    match verdict {
        Verdict::Score(score) => one(Rating::Number(*score)),
        Verdict::Label(label) => one(Rating::Word(label.label.clone())),
        Verdict::Preference(side) => one(Rating::Word(side.name().into())),
        Verdict::Steps(steps) => {
            let first_error = Steps { first_error: steps.first_error, ..Steps::default() };
            one(Rating::Word(Verdict::Steps(first_error).to_string()))
        }
        Verdict::Ranking(groups) => pairs_of(groups),
        Verdict::Scores(scores) => {
            let scores = scores.iter().enumerate();
            scores.map(|(n, score)| (n.to_string(), Rating::Number(*score))).collect()
        }
        Verdict::Criteria(criteria) => criteria.iter().map(named).collect(),
        Verdict::Rubric(rubric) => rubric.numbers().iter().map(named).collect(),
        Verdict::Text(_) => Vec::new(),
    }
}

/// A ranking as the better answer of every pair.
fn pairs_of(groups: &[Vec<usize>]) -> Vec<(String, Rating)> {
    let places: BTreeMap<usize, usize> = groups
        .iter()
        .enumerate()
        .flat_map(|(place, group)| group.iter().map(move |answer| (*answer, place)))
        .collect();
    let pairs =
        places.iter().flat_map(|one| places.range(one.0 + 1..).map(move |other| (one, other)));
    let better = |((one, a), (other, b)): ((&usize, &usize), (&usize, &usize))| {
        let side = match a.cmp(b) {
            std::cmp::Ordering::Less => Preference::First,
            std::cmp::Ordering::Equal => Preference::Tie,
            std::cmp::Ordering::Greater => Preference::Second,
        };
        (format!("{one} {other}"), Rating::Word(side.name().into()))
    };
    pairs.map(better).collect()
}

/// The mean distance of the numbers of two verdicts; `None` if they are not numbers, or none belong together.
fn distance(one: &Verdict, other: &Verdict) -> Option<f64> {
    let other: BTreeMap<String, Rating> = units_of(other).into_iter().collect();
    let distances =
        units_of(one).into_iter().map(|(unit, rating)| match (rating, other.get(&unit)) {
            (Rating::Number(one), Some(Rating::Number(other))) => Some((one - other).abs()),
            _ => None,
        });
    let distances: Vec<f64> = distances.flatten().collect();
    (!distances.is_empty()).then(|| distances.iter().sum::<f64>() / real(distances.len()))
}
