//! The line of a record whose candidates were ranked.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::revised::SpentLine;
use crate::{
    completion::UsageTotal,
    error::{Error, Result},
    line::{self, ErrorLine, PromptLine, VerdictLine, unlike},
    strategy::{
        answers::AnswerGroup,
        best_of::{Candidate, ChosenBy, Compared, DrawnValue, Ranked, Ranker, Windowed},
        tournament::{Pairing, Rating},
    },
    verdict::{Judgment, Unreadable},
};

/// One line of a ranking.
///
/// ```text
/// {"v": 1, "id": "q7", "index": 6, "rule": "weighted", "chosen": 2, "chosen_by": "rule", "text": "…", "right": true,
///  "ranking": [[0, 2], [1]], "rewards": [0.8, 0.1, 0.9],
///  "candidates": [{"index": 0, "value": 0.8, "worth": 1.7, "answer": "37", "right": true, "verdict": …, "judged": …}, …],
///  "groups": [{"answer": "37", "members": [0, 2]}, …], "comparisons": […], "model": …, "prompt": …, …}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RankLine {
    /// The version of the line.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub v: u32,
    /// The record's id, or its place in the run if it has none; for input that is not a record, its place.
    #[serde(deserialize_with = "line::text")]
    pub id: String,
    /// The record's place in the input, from 0.
    #[serde(default)]
    pub index: usize,
    /// The rule that chose, such as `best` or `weighted:max`.
    #[serde(default)]
    pub rule: String,
    /// Which number of a judgment is the value of a candidate that is judged alone.
    #[serde(default)]
    pub measure: String,
    /// Which pairs were compared, if answers were compared in pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Pairing>,
    /// How the results of comparisons became values, if answers were compared in pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Rating>,
    /// How many answers were ranked at once, and by how many the window moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Candidates with a smaller value were rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The 0-based index of the chosen candidate; null if all were rejected, none was written, or the record failed.
    #[serde(default)]
    pub chosen: Option<usize>,
    /// How it came to be chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen_by: Option<ChosenBy>,
    /// The text of the chosen candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether the chosen candidate is right; null if that is not known.
    #[serde(default)]
    pub right: Option<bool>,
    /// The candidates by their worth, best first; equally good ones share a group. Those that the rule could not compare
    /// are left out.
    #[serde(default)]
    pub ranking: Vec<Vec<usize>>,
    /// The value of each candidate, in their order: the rewards of a group of roll-outs. Null for each candidate that
    /// could not be measured.
    #[serde(default)]
    pub rewards: Vec<Option<f64>>,
    /// The candidates, in their order.
    #[serde(default)]
    pub candidates: Vec<CandidateLine>,
    /// The candidates by their final answers, in the order in which the answers were first seen.
    #[serde(default)]
    pub groups: Vec<AnswerGroup>,
    /// The comparisons of two candidates, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comparisons: Vec<ComparisonLine>,
    /// The judgment of all candidates at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listwise: Option<JudgedLine>,
    /// The rankings of windows of candidates, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<WindowLine>,
    /// The judge's model, or else the policy's.
    #[serde(default)]
    pub model: String,
    /// Its prompt.
    #[serde(default)]
    pub prompt: PromptLine,
    /// The model that wrote the candidates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Milliseconds from the first request to the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// The tokens, requests and costs of everything.
    #[serde(flatten)]
    pub spent: SpentLine,
    /// Why the record was not ranked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorLine>,
    /// The key of the record and of everything that the ranking depends on.
    #[serde(default)]
    pub key: String,
    /// The record itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Map<String, Value>>,
    /// Whether the line belongs to an earlier input or another judge, so that it does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}

/// One candidate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct CandidateLine {
    /// Its 0-based index.
    pub index: usize,
    /// Its text, if a policy wrote it; otherwise the record holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Why the policy wrote nothing usable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unwritten: Option<String>,
    /// Its value; null if it could not be measured.
    #[serde(serialize_with = "line::whole_or_none")]
    pub value: Option<f64>,
    /// Whether the value stands for an unreadable verdict, by the rules of a preset.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub filled_in: bool,
    /// The value of each draw and member.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub draws: Vec<DrawnValue>,
    /// The standard deviation of the value over draws.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviation: Option<f64>,
    /// The 95 % interval of a rating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// The number that the rule compared; null if the candidate took no part.
    #[serde(serialize_with = "line::whole_or_none")]
    pub worth: Option<f64>,
    /// Its final answer in canonical form; null if it gives none, or several.
    pub answer: Option<String>,
    /// Whether it is right; null if that is not known.
    pub right: Option<bool>,
    /// What the record says about it where that is neither right nor wrong: the score of its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<f64>,
    /// Its judgment, if it was judged alone.
    #[serde(flatten)]
    pub judgment: JudgedLine,
    /// Why there is no judgment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorLine>,
    /// The tokens of writing it, those of cached answers included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<UsageTotal>,
    /// What judging it alone cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<SpentLine>,
}

/// A judgment in a few fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct JudgedLine {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: VerdictLine,
    /// Why the verdict could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Unreadable>,
    /// Whether the pass rule holds, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<bool>,
    /// What the judge wrote, without thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critique: Option<String>,
}

/// A ranking of some of the candidates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct WindowLine {
    /// The 0-based indexes of the candidates, in the order in which they were shown.
    pub shown: Vec<usize>,
    /// The judgment; its verdict counts the shown candidates from 0.
    #[serde(flatten)]
    pub judgment: JudgedLine,
}

impl From<&Windowed> for WindowLine {
    fn from(window: &Windowed) -> Self {
        Self { shown: window.shown.clone(), judgment: JudgedLine::from(&window.judgment) }
    }
}

/// A comparison of two candidates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
#[non_exhaustive]
pub struct ComparisonLine {
    /// The 0-based indexes of the candidates.
    pub pair: (usize, usize),
    /// The first one's share of the win: 1, 0.5 for a tie, 0, or the mean over orders of a preset; null without a result.
    #[serde(serialize_with = "line::whole_or_none")]
    pub share: Option<f64>,
    /// Whether both orders gave the same verdict, if both could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistent: Option<bool>,
    /// Why the verdict could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Unreadable>,
    /// Why there is no judgment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorLine>,
    /// What it cost.
    pub spent: SpentLine,
}

impl From<&Judgment> for JudgedLine {
    fn from(judgment: &Judgment) -> Self {
        Self {
            verdict: judgment.verdict.as_ref().map(VerdictLine::from).unwrap_or_default(),
            unreadable: judgment.verdict.clone().err(),
            pass: judgment.pass,
            critique: Some(judgment.critique()).filter(|critique| !critique.is_empty()),
        }
    }
}

impl RankLine {
    /// The line of a record with this outcome.
    pub(crate) fn new(ranker: &Ranker, outcome: Result<&Ranked, &Error>) -> Self {
        let options = ranker.options();
        let writes = ranker.judge().or(ranker.policy());
        let prompt = writes.map(|judge| {
            PromptLine::new(judge.prompt().name(), judge.prompt_hash(), judge.reading())
        });
        let compares = ranker.compares();
        let line = Self {
            v: line::VERSION,
            rule: options.rule.to_string(),
            measure: options.measure.to_string(),
            pairs: compares.then(|| options.pairing.unwrap_or_default()),
            rating: compares.then_some(options.rating),
            window: ranker.judge().and(options.window).map(|window| window.to_string()),
            threshold: options.threshold,
            model: writes.map(|judge| judge.name().to_owned()).unwrap_or_default(),
            prompt: prompt.unwrap_or_default(),
            policy: ranker.policy().map(|policy| policy.name().to_owned()),
            ..Self::default()
        };
        match outcome {
            Ok(done) => line.ranked(done, ranker.is_priced()),
            Err(error) => Self { error: Some(error.into()), ..line },
        }
    }

    /// The line with what was found.
    fn ranked(self, ranked: &Ranked, priced: bool) -> Self {
        let selection = &ranked.selection;
        let candidates = ranked.candidates.iter().zip(&selection.worth).enumerate();
        let chosen = ranked.chosen();
        Self {
            chosen: selection.chosen,
            chosen_by: Some(selection.by),
            text: chosen.and_then(|one| one.text.clone()),
            right: chosen.and_then(Candidate::is_right),
            ranking: selection.ranking.clone(),
            rewards: ranked.values(),
            candidates: candidates
                .map(|(index, (one, worth))| CandidateLine::new(index, one, *worth, priced))
                .collect(),
            groups: ranked.groups.groups().to_vec(),
            comparisons: ranked
                .compared
                .iter()
                .map(|one| ComparisonLine::new(one, priced))
                .collect(),
            listwise: ranked.listwise.as_ref().map(JudgedLine::from),
            windows: ranked.windows.iter().map(WindowLine::from).collect(),
            latency_ms: Some(u64::try_from(ranked.time.as_millis()).unwrap_or(u64::MAX)),
            spent: SpentLine::of(&ranked.spent, priced),
            ..self
        }
    }

    /// Reads a line. Fields of a newer version are ignored if the rest can be read.
    ///
    /// # Errors
    /// The text is not a line of a ranking. The error tells if the line is of a newer version.
    pub fn read(line: impl AsRef<[u8]>) -> Result<Self> {
        let line = line.as_ref();
        let hint = "name a file that `tribunal rank -o` wrote as .jsonl";
        serde_json::from_slice(line).map_err(|cause| unlike(line, &cause, "a ranking", hint))
    }

    /// The JSON schema of lines that this version writes (draft 2020-12).
    #[cfg(feature = "schema")]
    pub fn schema() -> Value {
        line::schema_of::<Self>()
    }
}

impl CandidateLine {
    fn new(index: usize, one: &Candidate, worth: Option<f64>, priced: bool) -> Self {
        let judged = one.judgment.as_ref();
        Self {
            index,
            text: one.text.clone().filter(|_| one.written.is_some()),
            unwritten: one.unwritten.clone(),
            value: one.value,
            filled_in: one.is_filled_in,
            draws: one.draws.clone(),
            deviation: one.deviation,
            interval: one.interval,
            worth,
            answer: one.answer.clone(),
            right: one.is_right(),
            truth: one.truth.filter(|_| one.is_right().is_none()),
            judgment: judged.map(JudgedLine::from).unwrap_or_default(),
            error: one.error.as_ref().map(ErrorLine::from),
            written: one.written,
            judged: judged.map(|_| SpentLine::of(&one.judged, priced)),
        }
    }

    /// What is known about it as a number: 1 for right, 0 for wrong, or the score of its source.
    pub fn truth(&self) -> Option<f64> {
        self.truth.or_else(|| self.right.map(|right| if right { 1.0 } else { 0.0 }))
    }
}

impl ComparisonLine {
    fn new(one: &Compared, priced: bool) -> Self {
        let pair = one.played.pair;
        Self {
            pair: (pair.first, pair.second),
            share: one.played.share,
            consistent: one.consistent,
            unreadable: one.unreadable.clone(),
            error: one.error.as_ref().map(ErrorLine::from),
            spent: SpentLine::of(&one.spent, priced),
        }
    }
}

/// The line as JSON, without a line break; `{:#}` indents it.
impl fmt::Display for RankLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line::written(self, f)
    }
}
