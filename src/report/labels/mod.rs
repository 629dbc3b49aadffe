//! The records' own labels, in the words that data sets use for verdicts.
//!
//! A label is compared with a verdict only if it has exactly one meaning as such a verdict. Any other
//! label is reported as not comparable, and counts neither for nor against the judge. An ambiguous label
//! is never guessed: a bare `0` for a preference is a tie in some data sets and the first answer in
//! others.
//!
//! | verdict | labels that are understood |
//! |---|---|
//! | score, criteria | a number, or the name of a level of the scale |
//! | rubric | an object with `met`, `unmet`, true, false, 1 or 0 for each criterion; a number for the score |
//! | label | its name, in any case; a word for correct or incorrect (`yes`, `false`, `1`) |
//! | first error | an index from 0, −1, a list of indexes, a list with a word for each step, `none` |
//! | preference, two scores, ranking of two | `A`, `first`, `model_a`, `A>B`, `tie`, 1, 2, the name of a model |

mod joined;
mod positive;
mod sides;
mod steps;
mod words;

use std::collections::BTreeMap;

use serde_json::Value;

use self::{
    sides::{higher, preferred},
    steps::{First, first_error, named_error},
    words::{equal_words, equals, number, same_letters, unique},
};

pub use self::{joined::consensus, positive::LabelRule};
pub(super) use self::{
    joined::{GivenLabel, JoinedLabels, majority},
    positive::add_names,
    words::{correctness, one_of},
};
#[cfg(feature = "cli")]
use crate::line::ResultLine;
use crate::{
    error::Result,
    item::{Item, text_of},
    judge::Judge,
    metrics::mean,
    parse::Kind,
    scale::Scale,
    verdict::{Assessment, Judgment, Preference, Verdict, VerdictKind},
};

/// The field with the record's own label, unless another one is named.
const FIELD: &str = "label";

/// The field of a preference record that contains the better answer.
const WINNER: &str = "chosen";

/// Where the records' own labels are, and what their words mean.
///
/// ```
/// use tribunal::{Item, report::Labels};
///
/// let labels = Labels::new(Some("gold.human".into()), [("Good".into(), "correct".into())]);
/// let item = Item::from(serde_json::json!({"answer": "42", "gold": {"human": "Good"}}));
/// assert!(labels.check(&item).is_ok() && labels.check(&Item::new()).is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// The field or dotted path that was named; `None` for [`FIELD`].
    field: Option<String>,
    /// Words of labels, each with the word of a verdict that it means.
    meanings: Vec<(String, String)>,
    /// The names that the judge's verdicts can have; levels of a scale with their number.
    menu: Vec<(String, Option<f64>)>,
    /// Whether the judge's verdicts compare answers.
    compares: bool,
    /// Whether they name the first wrong step.
    names_steps: bool,
    /// Whether a label of a comparison is a bare 0, so that no bare number says which answer is better.
    counts_from_zero: bool,
}

/// How a verdict compares with the record's own label.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Compared {
    /// Both name one of a few outcomes.
    Outcome {
        /// Whether they are equal.
        agrees: bool,
        /// Whether the label is a bare 1 or 2, which means another answer if labels count from 0.
        bare: bool,
        /// Whether they would be equal if the label counted steps from 1.
        shifted: bool,
    },
    /// Both are numbers: pairs of (label, verdict) by the name of the criterion, which is empty for a
    /// score.
    Numbers(Vec<(String, (f64, f64))>),
    /// The label is a bare 0 for a preference: a tie, or the first answer.
    Zero,
    /// The label is not one of the values that the verdict can have.
    No,
}

impl Compared {
    /// An unambiguous outcome.
    fn outcome(agrees: bool) -> Self {
        Self::Outcome { agrees, bare: false, shifted: false }
    }
}

impl Labels {
    /// Labels in the field or at the dotted path `field`; `label` if it is `None`.
    ///
    /// `meanings` translates words of the labels into words of verdicts, for example `Good` into
    /// `correct`.
    pub fn new(
        field: Option<String>,
        meanings: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let meanings = meanings.into_iter().collect();
        Self { field, meanings, ..Self::default() }
    }

    /// The same labels, with the names that this judge's verdicts can have.
    #[must_use]
    pub(crate) fn of(self, judge: &Judge) -> Self {
        let verdict_profile = judge.verdict_profile();
        let times = f64::from(verdict_profile.summed);
        let levels = verdict_profile.scale.into_iter().flat_map(Scale::levels);
        let levels = levels.map(|(name, worth)| (name.to_owned(), Some(worth * times)));
        let mut menu: Vec<_> = levels.collect();
        menu.extend(verdict_profile.labels.into_iter().map(|label| (label, None)));
        let mut seen = std::collections::BTreeSet::new();
        menu.retain(|(name, _)| seen.insert(name.clone()));
        let compares =
            matches!(verdict_profile.kind, Kind::Preference | Kind::Ranking | Kind::Scores);
        let names_steps = verdict_profile.kind == Kind::Steps;
        Self { menu, compares, names_steps, ..self }
    }

    /// The same labels, with these names of verdicts.
    #[must_use]
    pub(super) fn naming(self, names: impl IntoIterator<Item = String>) -> Self {
        Self { menu: names.into_iter().map(|name| (name, None)).collect(), ..self }
    }

    /// The same labels, with the names that the verdicts of these results have, or could have.
    #[cfg(feature = "cli")]
    #[must_use]
    pub(super) fn of_results<'r>(self, results: impl Iterator<Item = &'r ResultLine>) -> Self {
        let mut all = Self { menu: Vec::new(), ..self };
        let mut names = std::collections::BTreeSet::new();
        for result in results {
            let kind = result.verdict.kind;
            let compared = [VerdictKind::Preference, VerdictKind::Ranking, VerdictKind::Scores];
            all.compares |= kind.is_some_and(|kind| compared.contains(&kind));
            all.names_steps |= kind == Some(VerdictKind::Steps);
            if kind == Some(VerdictKind::Label) {
                let shares = result.distribution.iter().flat_map(|shares| &shares.values);
                names.extend(shares.map(|(name, _)| name.trim().to_owned()));
                names.extend(result.verdict.label.clone());
            }
        }
        all.menu = names.into_iter().map(|name| (name, None)).collect();
        all
    }

    /// The same labels, of which these are all: if one of a comparison is a bare 0, labels may count from 0 or from 1, and
    /// no bare number is used.
    #[must_use]
    pub(super) fn seeing<'v>(self, all: impl IntoIterator<Item = &'v Value>) -> Self {
        let is_zero =
            |label: &Value| number(&self.meaning(label)).is_some_and(|it| equals(it, 0.0));
        let counts_from_zero = all.into_iter().any(is_zero);
        Self { counts_from_zero, ..self }
    }

    /// The names that verdicts can have.
    #[cfg(feature = "cli")]
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.menu.iter().map(|(name, _)| name.as_str())
    }

    /// The same labels, for verdicts of this kind.
    #[must_use]
    pub(super) fn about(self, kind: VerdictKind) -> Self {
        use VerdictKind::{Preference, Ranking, Scores, Steps};
        let compares = matches!(kind, Preference | Ranking | Scores);
        Self { compares, names_steps: kind == Steps, ..self }
    }

    /// The words that were given as meanings.
    pub(super) fn meanings(&self) -> impl Iterator<Item = &str> {
        self.meanings.iter().map(|(_, meaning)| meaning.as_str())
    }

    /// The name or the path of the field.
    pub fn name(&self) -> &str {
        self.field.as_deref().unwrap_or(FIELD)
    }

    /// Whether the field was named explicitly, so that a record without it is worth a warning.
    pub fn is_named(&self) -> bool {
        self.field.is_some()
    }

    /// Checks that the record has the field that was named. Without a named field every record is fine.
    ///
    /// # Errors
    /// The record does not have the field; the error suggests a field with a similar name.
    pub fn check(&self, item: &Item) -> Result<()> {
        match &self.field {
            Some(path) => item.clone().mapped(FIELD, path).map(drop),
            None => Ok(()),
        }
    }

    /// The record's own label; `None` if there is none or it is blank.
    pub fn find(&self, item: &Item) -> Option<Value> {
        let found = match &self.field {
            // A path is followed in the same way as in `--map`.
            Some(path) => item.clone().mapped(FIELD, path).ok()?.field(FIELD)?.into_owned(),
            None => item.field(FIELD)?.into_owned(),
        };
        let blank = found.as_str().is_some_and(|text| text.trim().is_empty());
        (!blank).then_some(found)
    }

    /// The label of a record whose answers are named `chosen` and `rejected`: the first one is better.
    pub(super) fn winner(&self, item: &Item) -> Option<Value> {
        (self.compares && item.names_the_winner()).then(|| WINNER.into())
    }

    /// The first wrong step that a label names, for a judge that names it too.
    pub(super) fn first_error(&self, label: &Value) -> Option<First> {
        named_error(&self.meaning(label)).filter(|_| self.names_steps)
    }

    /// How far a verdict agrees with a label: 1 or 0; for numbers, 1 minus their mean distance as a share of `width`. `None`
    /// if they cannot be compared, or there is no verdict.
    pub(crate) fn closeness(
        &self,
        label: &Value,
        item: &Item,
        judgment: &Judgment,
        width: f64,
    ) -> Option<f64> {
        match self.compare(label, item, judgment)? {
            Compared::Outcome { agrees, .. } => Some(f64::from(u8::from(agrees))),
            Compared::Numbers(pairs) => {
                let close =
                    pairs.iter().map(|(_, (label, given))| 1.0 - (label - given).abs() / width);
                mean(&close.map(|close| close.clamp(0.0, 1.0)).collect::<Vec<_>>())
            }
            Compared::Zero | Compared::No => None,
        }
    }

    /// Compares a verdict with a label; `None` for texts, which are never compared, and without a verdict.
    pub(super) fn compare(
        &self,
        label: &Value,
        item: &Item,
        judgment: &Judgment,
    ) -> Option<Compared> {
        let label = self.meaning(label);
        Some(match judgment.verdict.as_ref().ok()? {
            Verdict::Score(score) => match self.number(&label) {
                Some(number) => Compared::Numbers(vec![(String::new(), (number, *score))]),
                None => Compared::No,
            },
            Verdict::Criteria(criteria) => self.by_criterion(&label, criteria),
            Verdict::Rubric(rubric) => match (self.number(&label), rubric.score()) {
                (Some(number), Some(score)) => {
                    Compared::Numbers(vec![(String::new(), (number, score))])
                }
                _ => self.by_criterion(&label, rubric.numbers()),
            },
            Verdict::Label(found) => self.named(&found.label, &text_of(&label)),
            Verdict::Steps(steps) => first_error(steps.first_error, &label),
            Verdict::Preference(_) | Verdict::Scores(_) | Verdict::Ranking(_) => {
                match side_of(judgment.verdict.as_ref().ok()?) {
                    Some(_) if self.counts_from_zero && number(&label).is_some() => Compared::Zero,
                    Some(side) => preferred(side, &label, item),
                    None => Compared::No,
                }
            }
            Verdict::Text(_) => return None,
        })
    }

    /// Compares the number of each criterion with that of the label.
    fn by_criterion(&self, label: &Value, criteria: &BTreeMap<String, f64>) -> Compared {
        let own = |name: &String| {
            let label = label.get(name)?;
            let assessed = || Assessment::of(text_of(label).trim())?.value();
            label.as_bool().map(f64::from).or_else(|| self.number(label)).or_else(assessed)
        };
        let pairs =
            criteria.iter().filter_map(|(name, given)| Some((name.clone(), (own(name)?, *given))));
        let pairs: Vec<_> = pairs.collect();
        if pairs.is_empty() { Compared::No } else { Compared::Numbers(pairs) }
    }

    /// The label in the words of verdicts; unchanged if its word has no other meaning.
    fn meaning(&self, label: &Value) -> Value {
        let text = text_of(label);
        let exact = self.meanings.iter().find(|(word, _)| equal_words(word, text.trim()));
        let near = || unique(self.meanings.iter(), |(word, _)| same_letters(word, &text));
        exact.or_else(near).map_or_else(|| label.clone(), |(_, meaning)| meaning.clone().into())
    }

    /// The number of a label: the label itself, or the number of the level that it names.
    fn number(&self, label: &Value) -> Option<f64> {
        let text = text_of(label);
        let exact = || self.menu.iter().find(|(name, _)| name == text.trim());
        let near = || unique(self.menu.iter(), |(name, _)| same_letters(name, &text));
        number(label).or_else(|| exact().or_else(near)?.1)
    }

    /// Compares a verdict that is a word with a label.
    ///
    /// The meaning of the label is the first of these that exists: the same name; an equal number; the
    /// same name in another case, if only one fits; the only name that is as correct or incorrect as the
    /// label.
    fn named(&self, found: &str, label: &str) -> Compared {
        let label = label.trim();
        let names = || self.menu.iter().map(|(name, _)| name.as_str());
        let exact = (label == found).then_some(found);
        let meant = exact
            .or_else(|| names().find(|name| equal_words(name, label)))
            .or_else(|| unique(names(), |name| same_letters(name, label)))
            .or_else(|| {
                let right = correctness(label)?;
                let alike = |name: &&str| correctness(name) == Some(right);
                let of_found = || correctness(found).map(|is| if is == right { found } else { "" });
                unique(names(), alike).or_else(|| of_found().filter(|_| self.menu.is_empty()))
            });
        match meant {
            Some(meant) => Compared::outcome(meant == found),
            // Without a list of names, every word is a possible verdict.
            None if self.menu.is_empty() => Compared::outcome(same_letters(found, label)),
            None => Compared::No,
        }
    }
}

/// The answer of two that a verdict prefers; `None` for other verdicts, and for more answers.
pub(super) fn side_of(verdict: &Verdict) -> Option<Preference> {
    match verdict {
        Verdict::Preference(side) => Some(*side),
        Verdict::Scores(scores) => match scores.as_slice() {
            [one, other] => Some(higher(*one, *other)),
            _ => None,
        },
        Verdict::Ranking(groups) => match groups.as_slice() {
            [tied] if tied.len() == 2 => Some(Preference::Tie),
            [best, rest] if best.len() == 1 && rest.len() == 1 => {
                Some(if best == &[0] { Preference::First } else { Preference::Second })
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn menu(names: &[&str]) -> Labels {
        let menu = names.iter().map(|name| ((*name).to_owned(), None)).collect();
        Labels { menu, ..Labels::default() }
    }

    #[test]
    fn a_label_is_compared_by_its_own_word_by_correctness_or_not_at_all() {
        let check = menu(&["correct", "incorrect"]);
        for (label, agrees) in
            [("Yes", true), ("true", true), ("1", true), ("Incorrect", false), ("0", false)]
        {
            assert_eq!(check.named("correct", label), Compared::outcome(agrees), "{label}");
        }
        assert_eq!(check.named("correct", "helpful"), Compared::No);
        let kind = menu(&["kind", "unkind", "Kind of"]);
        assert_eq!(kind.named("kind", "Kind"), Compared::outcome(true));
        assert_eq!(kind.named("unkind", "kind"), Compared::outcome(false));
        assert_eq!(kind.named("kind", "Yes"), Compared::No);
        let levels = menu(&["1", "2", "3"]);
        assert_eq!(levels.named("2", "2.0"), Compared::outcome(true));
        assert_eq!(levels.named("2", "4"), Compared::No);
        let yes = menu(&["Yes", "No"]);
        assert_eq!(yes.named("No", "false"), Compared::outcome(true));
        let cases = menu(&["Pass", "PASS", "fail"]);
        assert_eq!(cases.named("Pass", "PASS"), Compared::outcome(false));
        assert_eq!(cases.named("Pass", "pass"), Compared::No);
    }

    #[test]
    fn without_a_menu_any_word_could_have_been_said() {
        let open = menu(&[]);
        assert_eq!(open.named("Calm", "calm"), Compared::outcome(true));
        assert_eq!(open.named("calm", "angry"), Compared::outcome(false));
        assert_eq!(open.named("right", "Yes"), Compared::outcome(true));
        assert_eq!(open.named("right", "no"), Compared::outcome(false));
    }

    #[test]
    fn a_word_has_the_meaning_that_was_set() {
        let meanings = [("Good", "correct"), ("0", "first"), ("-", "2")];
        let meanings = meanings.map(|(word, meaning)| (word.to_owned(), meaning.to_owned()));
        let labels = Labels::new(Some("gold.human".into()), meanings);
        assert_eq!(labels.meaning(&json!("Good")), json!("correct"));
        assert_eq!(labels.meaning(&json!("good")), json!("correct"));
        assert_eq!(labels.meaning(&json!(0)), json!("first"));
        assert_eq!(labels.meaning(&json!("0.0")), json!("first"));
        assert_eq!(labels.meaning(&json!("other")), json!("other"));
        let item = Item::from(json!({"gold": {"human": "Good"}, "label": "x"}));
        assert_eq!(labels.find(&item), Some(json!("Good")));
        assert_eq!(Labels::default().find(&item), Some(json!("x")));
        assert_eq!(labels.find(&Item::new()), None);
        assert_eq!(Labels::default().find(&Item::new().set("label", " ")), None);
    }
}
