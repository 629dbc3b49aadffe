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
//! | label | its name, in any case; a word for correct or incorrect (`yes`, `false`, `1`) |
//! | first error | an index from 0, −1, a list of indexes, a list with a word for each step, `none` |
//! | preference, two scores, ranking of two | `A`, `first`, `model_a`, `A>B`, `tie`, 1, 2, the name of a model |

use serde_json::Value;

use super::statistics::NOISE;
use crate::{
    error::Result,
    item::{Item, text_of},
    judge::Judge,
    parse::Kind,
    scale::Scale,
    verdict::{Judgment, Preference, Verdict},
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
    /// Words of labels, each with the word of a verdict that it stands for.
    meanings: Vec<(String, String)>,
    /// The names that the judge's verdicts can have; levels of a scale with their number.
    menu: Vec<(String, Option<f64>)>,
    /// Whether the judge's verdicts compare answers.
    compares: bool,
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
    pub(super) fn of(self, judge: &Judge) -> Self {
        let verdict_profile = judge.prompt().verdict_profile();
        let levels = verdict_profile.scale.into_iter().flat_map(Scale::levels);
        let levels = levels.map(|(name, worth)| (name.to_owned(), Some(worth)));
        let mut menu: Vec<_> = levels.collect();
        menu.extend(verdict_profile.labels.into_iter().map(|label| (label, None)));
        let mut seen = std::collections::BTreeSet::new();
        menu.retain(|(name, _)| seen.insert(name.clone()));
        let compares =
            matches!(verdict_profile.kind, Kind::Preference | Kind::Ranking | Kind::Scores);
        Self { menu, compares, ..self }
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
    pub(super) fn find(&self, item: &Item) -> Option<Value> {
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
            Verdict::Criteria(criteria) => {
                let own = |name: &String| self.number(label.get(name)?);
                let pairs = criteria
                    .iter()
                    .filter_map(|(name, given)| Some((name.clone(), (own(name)?, *given))));
                let pairs: Vec<_> = pairs.collect();
                if pairs.is_empty() { Compared::No } else { Compared::Numbers(pairs) }
            }
            Verdict::Label(found) => self.named(&found.label, &text_of(&label)),
            Verdict::Steps(steps) => first_error(steps.first_error, &label),
            Verdict::Preference(side) => preferred(*side, &label, item),
            Verdict::Scores(scores) => match scores.as_slice() {
                [one, other] => preferred(higher(*one, *other), &label, item),
                _ => Compared::No,
            },
            Verdict::Ranking(groups) => match groups.as_slice() {
                [tied] if tied.len() == 2 => preferred(Preference::Tie, &label, item),
                [best, rest] if best.len() == 1 && rest.len() == 1 => {
                    let side = if best == &[0] { Preference::First } else { Preference::Second };
                    preferred(side, &label, item)
                }
                _ => Compared::No,
            },
            Verdict::Text(_) => return None,
        })
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

/// The only element that fits; `None` if several or none do.
fn unique<T>(all: impl IntoIterator<Item = T>, fits: impl Fn(&T) -> bool) -> Option<T> {
    let mut fitting = all.into_iter().filter(|one| fits(one));
    fitting.next().filter(|_| fitting.next().is_none())
}

/// Whether both are equal as texts or as numbers, such as `1` and `1.0`.
fn equal_words(one: &str, other: &str) -> bool {
    let numbers = one.trim().parse::<f64>().ok().zip(other.trim().parse::<f64>().ok());
    one == other || numbers.is_some_and(|(one, other)| (one - other).abs() < NOISE)
}

/// Whether both are equal without case and surrounding blanks.
fn same_letters(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// A finite number, or a text that is one: in a table every label is text.
fn number(label: &Value) -> Option<f64> {
    let number = match label {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// Words for a right answer, in any case.
const RIGHT: [&str; 12] = [
    "correct", "right", "yes", "true", "good", "pass", "passed", "valid", "accurate", "y", "1", "+",
];
/// Words for a wrong answer, in any case.
const WRONG: [&str; 12] = [
    "incorrect",
    "wrong",
    "no",
    "false",
    "bad",
    "fail",
    "failed",
    "invalid",
    "inaccurate",
    "n",
    "0",
    "-",
];

/// Whether a word means correct (`true`) or incorrect (`false`), in any case; `None` for any other word.
fn correctness(word: &str) -> Option<bool> {
    let is =
        |words: &[&str]| words.iter().any(|one| same_letters(one, word) || equal_words(one, word));
    if is(&RIGHT) { Some(true) } else { is(&WRONG).then_some(false) }
}

/// Words for a solution without an error.
const NO_ERROR: [&str; 4] = ["none", "n/a", "no error", "no errors"];

/// Compares the index of the first wrong step, counted from 0, with a label.
///
/// The label can be an index, −1 for no error, a list of the wrong steps, a list with a word for each
/// step, or a word for correctness, which is compared only with whether there is an error at all.
fn first_error(found: Option<usize>, label: &Value) -> Compared {
    let text = text_of(label);
    let list = match label {
        Value::Array(list) => Some(list.clone()),
        _ => serde_json::from_str(&text).ok(),
    };
    let index = match &list {
        Some(list) => first_of(list),
        None if NO_ERROR.iter().any(|word| same_letters(word, &text)) => Some(First(None)),
        None => number(label).and_then(step),
    };
    match index {
        Some(First(index)) => Compared::Outcome {
            agrees: index == found,
            bare: false,
            shifted: index.map(|n| n.wrapping_sub(1)) == found,
        },
        None => match correctness(&text).filter(|_| number(label).is_none()) {
            Some(right) => Compared::outcome(right == found.is_none()),
            None => Compared::No,
        },
    }
}

/// The first wrong step of a list: the lowest index, or the first step whose word means incorrect.
fn first_of(list: &[Value]) -> Option<First> {
    let indexes: Option<Vec<usize>> = list.iter().map(|n| number(n).and_then(step)?.0).collect();
    if let Some(indexes) = indexes {
        let mut distinct = indexes.clone();
        distinct.sort_unstable();
        distinct.dedup();
        // A list with equal entries is not a list of steps.
        return (distinct.len() == indexes.len()).then(|| First(distinct.first().copied()));
    }
    let words =
        list.iter().filter(|word| !word.is_number()).map(|word| correctness(&text_of(word)));
    let words: Vec<bool> = words.collect::<Option<_>>()?;
    (words.len() == list.len()).then(|| First(words.iter().position(|right| !right)))
}

/// The index of the first wrong step; `None` inside if all steps are correct.
struct First(Option<usize>);

/// The step that a number stands for: −1 is no wrong step. `None` if the number is not an index.
fn step(number: f64) -> Option<First> {
    #[expect(clippy::cast_possible_truncation, reason = "checked against its own rounding")]
    let whole = number.round() as i64;
    let is_whole = (number - number.round()).abs() < NOISE;
    match whole {
        _ if !is_whole => None,
        -1 => Some(First(None)),
        _ => usize::try_from(whole).ok().map(|index| First(Some(index))),
    }
}

/// The answer with the higher score; a tie if the scores are equal up to rounding noise.
fn higher(one: f64, other: f64) -> Preference {
    match one - other {
        difference if difference > NOISE => Preference::First,
        difference if difference < -NOISE => Preference::Second,
        _ => Preference::Tie,
    }
}

/// Compares a preference with a label: a number, a word, a comparison such as `A>B`, or the name of a
/// model.
fn preferred(found: Preference, label: &Value, item: &Item) -> Compared {
    let bare = |side| Compared::Outcome { agrees: side == found, bare: true, shifted: false };
    let text = text_of(label);
    match number(label) {
        Some(number) if equals(number, 0.0) => Compared::Zero,
        Some(number) if equals(number, 1.0) => bare(Preference::First),
        Some(number) if equals(number, 2.0) => bare(Preference::Second),
        Some(_) => Compared::No,
        None => match side(&text).or_else(|| side_named(&text, item)) {
            Some(side) => Compared::outcome(side == found),
            None => Compared::No,
        },
    }
}

/// Whether two numbers are equal up to rounding noise.
fn equals(one: f64, other: f64) -> bool {
    (one - other).abs() < NOISE
}

/// Paths of the names of the two models whose answers are compared, as data sets call them.
const MODELS: [(&str, &str); 4] = [
    ("model_a", "model_b"),
    ("model_A", "model_B"),
    ("model_1", "model_2"),
    ("models.0", "models.1"),
];

/// The answer whose model has the name in the label; `None` if no name fits, or both.
fn side_named(label: &str, item: &Item) -> Option<Preference> {
    let named = |path: &str| {
        item.clone().mapped(FIELD, path).ok()?.text(FIELD).filter(|name| !name.trim().is_empty())
    };
    let (one, other) = MODELS.iter().find_map(|(a, b)| named(a).zip(named(b)))?;
    match (same_letters(&one, label), same_letters(&other, label)) {
        (true, false) => Some(Preference::First),
        (false, true) => Some(Preference::Second),
        _ => None,
    }
}

/// Words that may accompany the name of an answer: `model_a`, `Response 1 is better`.
const BESIDE: [&str; 21] = [
    "the",
    "model",
    "response",
    "answer",
    "output",
    "assistant",
    "candidate",
    "completion",
    "option",
    "solution",
    "reply",
    "text",
    "summary",
    "generation",
    "system",
    "is",
    "better",
    "wins",
    "win",
    "won",
    "winner",
];
/// Words for the first answer.
const FIRST: [&str; 6] = ["a", "1", "first", "1st", "one", WINNER];
/// Words for the second answer.
const SECOND: [&str; 7] = ["b", "2", "second", "2nd", "two", "rejected", "reject"];
/// Words for a tie.
const TIE: [&str; 10] =
    ["tie", "ties", "tied", "draw", "equal", "same", "both", "neither", "bothbad", "bothgood"];
/// Words that may accompany a word for a tie: `tie (both bad)`, `equally good`.
const BESIDE_TIE: [&str; 7] = ["bad", "good", "are", "equally", "no", "a", "it"];

/// The answer that a word or a comparison such as `A>B` prefers.
fn side(label: &str) -> Option<Preference> {
    let plain: String = label.to_lowercase().chars().map(plain).collect();
    let Some(at) = plain.find(['>', '<', '=', '≻', '≺']) else { return named_side(&plain) };
    let sign = plain[at..].chars().next()?;
    let rest = plain[at..].trim_start_matches(['>', '<', '=', '≻', '≺']);
    let (left, right) = (named_side(&plain[..at])?, named_side(rest)?);
    match sign {
        _ if left == right || left == Preference::Tie || right == Preference::Tie => None,
        '=' => Some(Preference::Tie),
        '>' | '≻' => Some(left),
        _ => Some(right),
    }
}

/// The character if it is a letter, a digit or a sign of comparison; otherwise a blank.
fn plain(c: char) -> char {
    if c.is_alphanumeric() || matches!(c, '>' | '<' | '=' | '≻' | '≺') { c } else { ' ' }
}

/// The answer that a text names, if every other word of it may accompany such a name.
fn named_side(plain: &str) -> Option<Preference> {
    let words: Vec<&str> = plain.split_whitespace().collect();
    let ties = |word: &&str| TIE.contains(word);
    if words.iter().any(ties) && words.iter().all(|word| ties(word) || BESIDE_TIE.contains(word)) {
        return Some(Preference::Tie);
    }
    let mut left = words.iter().filter(|word| !BESIDE.contains(word));
    match (left.next(), left.next()) {
        (Some(word), None) if FIRST.contains(word) => Some(Preference::First),
        (Some(word), None) if SECOND.contains(word) => Some(Preference::Second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_word_of_a_preference_names_its_side() {
        for (words, right) in [
            (
                &[
                    "A",
                    "a",
                    "A>B",
                    "A > B",
                    "A>>B",
                    "[[A]]",
                    "[[A>B]]",
                    "B<A",
                    "first",
                    "First",
                    "model_a",
                    "Model A",
                    "response_a",
                    "response_1",
                    "answer_1",
                    "output_1",
                    "A is better",
                    "the first answer wins",
                    "chosen",
                    "assistant A",
                    "response_a > response_b",
                ][..],
                Some(Preference::First),
            ),
            (
                &[
                    "B",
                    "b",
                    "B>A",
                    "A<B",
                    "A<<B",
                    "second",
                    "model_b",
                    "response_2",
                    "answer_B",
                    "rejected",
                    "reject",
                    "[[B]]",
                    "Response 2",
                ],
                Some(Preference::Second),
            ),
            (
                &[
                    "tie",
                    "Tie",
                    "TIE",
                    "A=B",
                    "B=A",
                    "tie (bothbad)",
                    "both_bad",
                    "both good",
                    "draw",
                    "equal",
                    "equally good: tie",
                    "neither",
                    "same",
                ],
                Some(Preference::Tie),
            ),
            (&["C", "A>C", "A>A", "good", "", "=", "left of a", "a b", "tie of A"], None),
        ] {
            words.iter().for_each(|word| assert_eq!(side(word), right, "{word}"));
        }
    }

    #[test]
    fn a_bare_number_names_a_side_and_zero_does_not() {
        let compare = |label: Value| preferred(Preference::First, &label, &Item::new());
        let bare = |agrees| Compared::Outcome { agrees, bare: true, shifted: false };
        assert_eq!(compare(json!(1)), bare(true));
        assert_eq!(compare(json!("1")), bare(true));
        assert_eq!(compare(json!(2.0)), bare(false));
        assert_eq!(compare(json!(0)), Compared::Zero);
        assert_eq!(compare(json!("0")), Compared::Zero);
        assert_eq!(compare(json!(3)), Compared::No);
        assert_eq!(compare(json!(true)), Compared::No);
    }

    #[test]
    fn a_models_own_name_names_its_side() {
        let item = Item::new().set("model_a", "GPT-4").set("model_b", "vicuna");
        assert_eq!(side_named("gpt-4", &item), Some(Preference::First));
        assert_eq!(side_named("Vicuna", &item), Some(Preference::Second));
        assert_eq!(side_named("claude", &item), None);
        let list = Item::new().set("models", json!(["x", "y"]));
        assert_eq!(side_named("y", &list), Some(Preference::Second));
    }

    #[test]
    fn words_of_correctness_are_those_of_many_data_sets() {
        for word in
            ["correct", "Correct", "RIGHT", "Yes", "true", "True", "1", "1.0", "pass", "good"]
        {
            assert_eq!(correctness(word), Some(true), "{word}");
        }
        for word in ["incorrect", "wrong", "No", "false", "0", "0.0", "FAIL", "bad"] {
            assert_eq!(correctness(word), Some(false), "{word}");
        }
        for word in ["maybe", "2", "-1", "", "not sure"] {
            assert_eq!(correctness(word), None, "{word}");
        }
    }

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
    fn first_errors_are_indexes_lists_and_words() {
        let agrees = |found, label: Value| match first_error(found, &label) {
            Compared::Outcome { agrees, .. } => Some(agrees),
            _ => None,
        };
        for (found, label) in [
            (Some(2), json!(2)),
            (Some(2), json!("2")),
            (Some(2), json!(2.0)),
            (None, json!(-1)),
            (None, json!("-1.0")),
            (Some(4), json!([4, 5])),
            (Some(4), json!("[4, 5]")),
            (None, json!([])),
            (Some(1), json!([true, false, true])),
            (None, json!(["correct", "Right"])),
            (None, json!("N/A")),
            (None, json!("correct")),
            (Some(7), json!(false)),
        ] {
            assert_eq!(agrees(found, label.clone()), Some(true), "{label}");
        }
        assert_eq!(agrees(Some(3), json!(2)), Some(false));
        assert_eq!(agrees(Some(3), json!(true)), Some(false));
        for label in [json!(1.5), json!(-2), json!("step two"), json!([1, 1, 0]), json!({"a": 1})] {
            assert_eq!(agrees(Some(1), label.clone()), None, "{label}");
        }
    }

    #[test]
    fn a_label_that_counts_steps_from_one_is_noticed() {
        let shifted = |found, label| match first_error(found, &json!(label)) {
            Compared::Outcome { shifted, .. } => shifted,
            _ => false,
        };
        assert!(shifted(Some(2), 3) && !shifted(Some(2), 2) && shifted(None, -1));
    }

    #[test]
    fn a_word_means_what_it_is_told_to() {
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
