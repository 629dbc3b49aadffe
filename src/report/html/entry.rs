//! One record of a report: its outcome in the common form, and what is remarkable about it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    item::{Item, text_of},
    line::{Consistent, ResultLine, VoteLine},
    records::{AnyLine, LabelLine, RankLine, RevisionLine, SearchLine, TreeLine},
    report::{
        histogram::figure,
        labels::{Compared, Labels},
        record_verdict::bare,
    },
    verdict::{Judgment, Label, Preference, Rubric, Steps, Unreadable, Verdict, VerdictKind},
};

/// A conversation that was sent to a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentRequest {
    /// Who was asked, of which draw and order.
    pub name: String,
    /// The role and the text of each message.
    pub messages: Vec<(String, String)>,
}

/// What was sent about a record, as far as it could be made again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentRequests {
    /// The conversations.
    pub shown: Vec<SentRequest>,
    /// What is left out, and why, in whole sentences; empty if nothing is.
    pub note: String,
}

/// One record of a report.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// The address of the record in the page: its id, and which one it is where several have the same.
    pub(super) slug: String,
    pub(super) result: ResultLine,
    pub(super) more: More,
    pub(super) item: Option<Item>,
    /// The record's own label, and how it compares.
    pub(super) label: Option<OwnLabel>,
    pub(super) group: Option<String>,
    /// The tree of a search.
    pub(super) tree: Vec<TreeLine>,
    /// What was sent, made again; `None` if that was not tried.
    pub(super) sent: Option<SentRequests>,
    /// Where other files have the same record: its place among all records of the report.
    pub(super) peers: Vec<usize>,
    /// Whether those files have another verdict.
    pub(super) differs: bool,
}

/// What a line holds beside the outcome.
#[derive(Clone, Debug)]
pub(super) enum More {
    Nothing,
    Revised(Box<RevisionLine>),
    Ranked(Box<RankLine>),
    Searched(Box<SearchLine>),
    Labelled(Box<LabelLine>),
}

/// The label of a record.
#[derive(Clone, Debug)]
pub(super) struct OwnLabel {
    /// As the record has it.
    pub(super) text: String,
    /// The verdict that it means, where that is known.
    pub(super) meant: Option<String>,
    /// How far the verdict is from it: 0 where they agree, 1 for another word; `None` if they cannot be compared.
    pub(super) distance: Option<f64>,
}

impl OwnLabel {
    /// The verdict that it means, or its own text; of a number at most three decimals.
    pub(super) fn shown(&self) -> String {
        let number = || self.text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        self.meant.clone().or_else(|| number().map(figure)).unwrap_or_else(|| self.text.clone())
    }
}

/// What is remarkable about a record. Records are filtered by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flag {
    Unreadable,
    Abstained,
    Failed,
    Flipped,
    Disagrees,
    Passed,
    NotPassed,
    LowMass,
    Required,
    Changed,
    Differs,
}

/// A distribution with less probability on the values that were offered is remarkable.
pub(super) const LOW_MASS: f64 = 0.9;

impl Flag {
    pub(super) const ALL: [Self; 11] = [
        Self::Unreadable,
        Self::Abstained,
        Self::Failed,
        Self::Flipped,
        Self::Disagrees,
        Self::Passed,
        Self::NotPassed,
        Self::LowMass,
        Self::Required,
        Self::Changed,
        Self::Differs,
    ];

    /// The word on the page.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Abstained => "abstained",
            Self::Failed => "failed",
            Self::Flipped => "flipped",
            Self::Disagrees => "disagrees",
            Self::Passed => "passed",
            Self::NotPassed => "did not pass",
            Self::LowMass => "low mass",
            Self::Required => "required unmet",
            Self::Changed => "changed",
            Self::Differs => "differs",
        }
    }
}

impl Entry {
    /// The record of a line; `None` for a node of a tree.
    pub(super) fn of(line: AnyLine) -> Option<Self> {
        let result = line.result()?;
        let more = match line {
            AnyLine::Judged(_) | AnyLine::Node(_) => More::Nothing,
            AnyLine::Revised(line) => More::Revised(line),
            AnyLine::Ranked(line) => More::Ranked(line),
            AnyLine::Searched(line) => More::Searched(line),
            AnyLine::Labelled(line) => More::Labelled(line),
        };
        let item = result.item.clone().map(Item::from);
        let slug = result.id.clone();
        Some(Self {
            slug,
            result,
            more,
            item,
            label: None,
            group: None,
            tree: Vec::new(),
            sent: None,
            peers: Vec::new(),
            differs: false,
        })
    }

    /// The verdict in one word, under which records are counted together; `None` without a verdict.
    pub(super) fn word(&self) -> Option<String> {
        word(&self.result)
    }

    /// The answer in the first place of a ranking, by its number; `None` without one.
    pub(super) fn first_place(&self) -> Option<String> {
        let one = |at: usize| format!("answer {at}");
        if let More::Ranked(line) = &self.more {
            return line.chosen.map(one);
        }
        match self.result.verdict.ranking.as_ref()?.first()?.as_slice() {
            [only] => Some(one(*only)),
            _ => Some("several".into()),
        }
    }

    /// How a loop ended, or which answer came first: what records are counted by where verdicts are too many.
    pub(super) fn outcome(&self) -> Option<String> {
        match &self.more {
            More::Revised(line) => Some(line.outcome.name().into()),
            _ => self.first_place(),
        }
    }

    /// The score of the verdict, where it has one.
    pub(super) fn score(&self) -> Option<f64> {
        match &self.more {
            More::Revised(line) => line.score_best,
            More::Searched(line) => line.value,
            _ => self.result.verdict.score,
        }
    }

    /// Whether the verdict contradicts itself: with the order of the answers, from draw to draw, or in the final
    /// judgment of a revision.
    pub(super) fn flipped(&self) -> bool {
        let by_order = self.result.consistent == Some(Consistent::No);
        let at_last = match &self.more {
            More::Revised(line) => line.final_check.as_ref().is_some_and(|check| check.flipped),
            More::Ranked(line) => line.comparisons.iter().any(|one| one.consistent == Some(false)),
            _ => false,
        };
        by_order || at_last || self.retested() == Some(false)
    }

    /// Whether all draws of one member in one order gave the same verdict; `None` if none was drawn twice.
    pub(super) fn retested(&self) -> Option<bool> {
        let mut draws: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
        for vote in self.votes() {
            let Some(words) = &vote.verdict.verdict else { continue };
            let order = format!("{:?}", vote.order);
            // The words of labels hold probabilities, which differ from draw to draw.
            draws.entry((&vote.by, order)).or_default().push(bare(words));
        }
        let mut repeated = draws.values().filter(|draws| draws.len() > 1).peekable();
        repeated.peek()?;
        Some(repeated.all(|draws| draws.iter().all(|draw| draw == &draws[0])))
    }

    pub(super) fn votes(&self) -> &[VoteLine] {
        self.result.votes.as_deref().unwrap_or_default()
    }

    /// The names of required criteria that are not met.
    pub(super) fn lacking(&self) -> Vec<String> {
        let rubric = Rubric::new(self.result.verdict.rubric.clone().unwrap_or_default());
        rubric.lacking().into_iter().map(ToOwned::to_owned).collect()
    }

    /// How much a revision changed the score; `None` if that is not known.
    pub(super) fn change(&self) -> Option<f64> {
        let More::Revised(line) = &self.more else { return None };
        Some(line.score_best? - line.score_first?)
    }

    /// Whether the verdict is far from the record's own label: another word, or at least `1` point.
    pub(super) fn disagrees(&self) -> bool {
        let distance = self.label.as_ref().and_then(|label| label.distance);
        let is_share = self.result.verdict.rubric.is_some();
        distance.is_some_and(|distance| distance >= if is_share { 0.5 } else { 1.0 - 1e-9 })
    }

    /// What is remarkable about the record.
    pub(super) fn flags(&self) -> Vec<Flag> {
        let result = &self.result;
        let abstained = result.unreadable.as_ref().is_some_and(Unreadable::is_abstention);
        let low = result.mass.is_some_and(|mass| mass < LOW_MASS);
        let is = |flag: Flag| match flag {
            Flag::Unreadable => result.unreadable.is_some() && !abstained,
            Flag::Abstained => abstained,
            Flag::Failed => result.error.is_some(),
            Flag::Flipped => self.flipped(),
            Flag::Disagrees => self.disagrees(),
            Flag::Passed => result.pass == Some(true),
            Flag::NotPassed => result.pass == Some(false),
            Flag::LowMass => low,
            Flag::Required => !self.lacking().is_empty(),
            Flag::Changed => self.change().is_some_and(|change| change.abs() > 1e-9),
            Flag::Differs => self.differs,
        };
        Flag::ALL.into_iter().filter(|flag| is(*flag)).collect()
    }
}

/// The verdict of a line in one word; `None` without a verdict.
pub(super) fn word(result: &ResultLine) -> Option<String> {
    let verdict = &result.verdict;
    match verdict.to_verdict() {
        Some(Verdict::Label(label)) => Some(label.label),
        Some(Verdict::Preference(side)) => Some(side.name().into()),
        Some(Verdict::Steps(Steps { first_error, .. })) => {
            Some(first_error.map_or("no error".into(), |at| format!("first error at {at}")))
        }
        Some(Verdict::Score(score)) => Some(figure(score)),
        Some(Verdict::Rubric(rubric)) => rubric.score().map(figure),
        _ => verdict.verdict.clone(),
    }
}

/// Reads the labels of the records of one run.
pub(super) struct LabelReader {
    labels: Labels,
    /// The verdicts that a label may mean.
    menu: Vec<Verdict>,
}

impl LabelReader {
    /// A reader for the verdicts of these records.
    pub(super) fn new(labels: Labels, entries: &[Entry]) -> Self {
        let all: Vec<Value> =
            entries.iter().filter_map(|entry| labels.find(entry.item.as_ref()?)).collect();
        let labels = labels.of_results(entries.iter().map(|entry| &entry.result)).seeing(&all);
        let mut menu: Vec<Verdict> = Vec::new();
        let kind = entries.iter().find_map(|entry| entry.result.verdict.kind);
        match kind {
            Some(VerdictKind::Label) => {
                let words = labels.words().map(|word| Verdict::Label(Label::new(word)));
                menu.extend(words);
            }
            Some(VerdictKind::Preference) => {
                let sides = [Preference::First, Preference::Second, Preference::Tie];
                menu.extend(sides.map(Verdict::Preference));
            }
            Some(VerdictKind::Steps) => {
                let at = |first_error| Verdict::Steps(Steps { first_error, ..Steps::default() });
                menu.extend(std::iter::once(None).chain((0..32).map(Some)).map(at));
            }
            _ => (),
        }
        Self { labels, menu }
    }

    /// The labels by which a summary compares.
    pub(super) fn labels(&self) -> Labels {
        self.labels.clone()
    }

    /// The label of a record; `None` without one, and for results of which a label says nothing.
    pub(super) fn read(&self, entry: &Entry) -> Option<OwnLabel> {
        if matches!(entry.more, More::Ranked(_) | More::Searched(_) | More::Revised(_)) {
            return None;
        }
        let item = entry.item.as_ref()?;
        let label = self.labels.find(item).or_else(|| self.labels.winner(item))?;
        let verdict = entry.result.verdict.to_verdict();
        let distance = verdict.and_then(|verdict| self.distance(&label, item, verdict));
        let meant = || {
            let agrees =
                |verdict: &&Verdict| self.distance(&label, item, (*verdict).clone()) == Some(0.0);
            let mut meant = self.menu.iter().filter(agrees);
            let one = meant.next()?;
            let line = ResultLine { verdict: one.into(), ..ResultLine::default() };
            meant.next().is_none().then(|| word(&line)).flatten()
        };
        Some(OwnLabel { text: text_of(&label), meant: meant(), distance })
    }

    /// How far a verdict is from a label.
    fn distance(&self, label: &Value, item: &Item, verdict: Verdict) -> Option<f64> {
        match self.labels.compare(label, item, &Judgment::new(Ok(verdict)))? {
            Compared::Outcome { agrees, .. } => Some(if agrees { 0.0 } else { 1.0 }),
            Compared::Numbers(pairs) => {
                pairs.iter().map(|(_, (label, verdict))| (label - verdict).abs()).reduce(f64::max)
            }
            Compared::Zero | Compared::No => None,
        }
    }
}
