//! Pass rules: the condition under which a verdict passes.
//!
//! ```text
//! rule      = part { "or" part }                          `and` binds more tightly than `or`
//! part      = test { "and" test }
//! test      = "(" rule ")" | subject operator operand
//! subject   = "score" | "raw" | "normalized" | "p" | "confidence" | "label" | "first_error" | "preference"
//!           | "criteria." NAME | "all criteria" | "any criterion"
//! operator  = ">=" | "<=" | "!=" | "==" | ">" | "<" | "=" | "≥" | "≤" | "≠" | "=>" | "=<"
//! operand   = number | word | quoted text
//! ```
//!
//! A rule is checked against the prompt before anything is judged: a threshold off the scale, an unknown label or
//! criterion, and a subject that the verdict does not have are errors, because such a rule would pass everything or
//! nothing. An unreadable verdict never passes.

mod read;

use std::fmt;

use crate::{
    error::{Error, ErrorKind, Result, unknown},
    hint::Hint,
    parse::{Kind, by_name},
    scale::{Scale, nearly_equal},
    verdict::{CriterionVerdict, Verdict},
};

/// A pass rule such as `score >= 7`, `label = correct and p >= 0.9` or `all criteria >= 3`.
///
/// `and` binds more tightly than `or`; parentheses group. Cache keys do not contain it: changing the rule asks no
/// model again.
///
/// ```
/// use tribunal::{Verdict, pass::Pass};
///
/// let rule: Pass = "score >= 7 and normalized > 0.5".parse()?;
/// assert!(rule.holds(&Verdict::Score(8.0), Some(0.78)));
/// assert!(!rule.holds(&Verdict::Score(6.0), Some(0.56)));
/// assert_eq!(rule.to_string(), "score >= 7 and normalized > 0.5");
/// assert!("score => high".parse::<Pass>().is_err());
/// # Ok::<_, tribunal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pass(Condition);

/// A test, or several of them joined.
#[derive(Clone, Debug, PartialEq)]
enum Condition {
    /// A single test.
    Test(Test),
    /// All of them must hold.
    And(Vec<Condition>),
    /// At least one of them must hold.
    Or(Vec<Condition>),
}

/// One comparison: `score >= 7`.
#[derive(Clone, Debug, PartialEq)]
struct Test {
    /// The part of the verdict that is compared.
    subject: Subject,
    /// How it is compared.
    operator: Operator,
    /// What it is compared with.
    value: Operand,
}

/// The part of a verdict that a test compares.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    /// The score, on the prompt's scale; of a rubric and of steps, 0 to 1.
    Score,
    /// The score of a rubric before it is limited to 0 to 1.
    Raw,
    /// The position of the score on its scale, 0 to 1.
    Normalized,
    /// The probability of the positive label, 0 to 1.
    P,
    /// The probability of the label that was chosen, 0 to 1.
    Confidence,
    /// The label.
    Label,
    /// The 0-based index of the first wrong step; -1 for none.
    FirstError,
    /// The better one of two answers.
    Preference,
    /// The score or the assessment of one criterion, by its name.
    Criterion(String),
    /// Those of every criterion.
    AllCriteria,
    /// Those of at least one criterion.
    AnyCriterion,
}

/// How a test compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `=`, for words without case
    Is,
    /// `!=`
    IsNot,
}

/// What a test compares with.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    /// A threshold.
    Number(f64),
    /// A label, a side, or the assessment of a criterion.
    Word {
        /// The word as the rule, or the prompt, writes it.
        text: String,
        /// Whether it was matched with a word of the prompt, so that case matters.
        exact: bool,
    },
}

/// The subjects with a fixed name; `criteria.NAME` is read apart.
const SUBJECTS: [(&str, Subject); 10] = [
    ("score", Subject::Score),
    ("raw", Subject::Raw),
    ("normalized", Subject::Normalized),
    ("p", Subject::P),
    ("confidence", Subject::Confidence),
    ("label", Subject::Label),
    ("first_error", Subject::FirstError),
    ("preference", Subject::Preference),
    ("all criteria", Subject::AllCriteria),
    ("any criterion", Subject::AnyCriterion),
];

/// The text before the name of a criterion.
const CRITERION: &str = "criteria.";

/// The operators as they may be written; the first one of each kind is the one that is printed.
const OPERATORS: [(&str, Operator); 12] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("!=", Operator::IsNot),
    ("==", Operator::Is),
    (">", Operator::Above),
    ("<", Operator::Below),
    ("=", Operator::Is),
    ("≥", Operator::AtLeast),
    ("≤", Operator::AtMost),
    ("≠", Operator::IsNot),
    ("=>", Operator::AtLeast),
    ("=<", Operator::AtMost),
];

/// The properties of the verdicts of a judge. A rule is checked against them before anything is judged.
#[derive(Clone, Debug)]
pub struct VerdictProfile<'o> {
    /// The kind of the verdicts; it decides which subjects a rule may name.
    pub kind: Kind,
    /// The scale of scores and of criteria, on which thresholds must lie.
    pub scale: Option<&'o Scale>,
    /// The labels; empty if any word may come.
    pub labels: Vec<String>,
    /// The label whose probability is `p`; `None` if the prompt has no positive label.
    pub positive: Option<String>,
    /// Whether verdicts may have probabilities: a `choose` picks them, or their values can be evaluated.
    pub picks: bool,
    /// The names of the criteria, where all records have the same ones; `None` if each record has its own.
    pub criteria: Option<Vec<String>>,
    /// Whether the criteria, or the steps, come to a score; `None` if each record has its own criteria.
    pub scored: Option<bool>,
    /// How many numbers are added up to one score (`aggregate: sum`), 1 otherwise. The ends of the scale of a score are
    /// as many times those of `scale`.
    pub summed: u32,
}

impl VerdictProfile<'_> {
    /// The lowest and the highest score or number of a criterion; `None` if the scale has no numbers.
    pub(crate) fn ends(&self) -> Option<(f64, f64)> {
        let times = f64::from(self.summed);
        self.scale.and_then(Scale::ends).map(|(low, high)| (low * times, high * times))
    }
}

impl Pass {
    /// Whether a verdict passes. `normalized` is the position of its score on the scale, 0 to 1.
    ///
    /// A verdict without the subject of a test, such as a score for a rule about labels, fails the test; so does a
    /// probability that the model did not report.
    pub fn holds(&self, verdict: &Verdict, normalized: Option<f64>) -> bool {
        self.0.holds(verdict, normalized)
    }

    /// The same rule in the words of the prompt, so that labels are compared exactly.
    ///
    /// # Errors
    /// Verdicts of this kind lack a subject of the rule, or a threshold or word was never offered. The error has the
    /// kind `kind`: that of the place where the rule was written.
    pub(crate) fn fitted(
        &self,
        verdict_profile: &VerdictProfile<'_>,
        kind: ErrorKind,
    ) -> Result<Self> {
        let fitted = self.0.fitted(verdict_profile, kind);
        fitted.map(Self).map_err(|error| error.within(format!("the pass rule `{self}`")))
    }

    /// Refuses a rule about a criterion that is not one of `names`. The error has the kind `kind`.
    pub(crate) fn check_criteria(&self, names: &[String], kind: ErrorKind) -> Result<()> {
        let tests = self.0.tests();
        let checked = tests.into_iter().try_for_each(|test| test.check_criterion(names, kind));
        checked.map_err(|error| error.within(format!("the pass rule `{self}`")))
    }

    /// Whether the rule compares the score of a rubric.
    pub(crate) fn needs_score(&self) -> bool {
        self.0.tests().iter().any(|test| matches!(test.subject, Subject::Score | Subject::Raw))
    }

    /// Whether a higher number can only turn the result in one direction: all comparisons with numbers are of the same
    /// direction. A rule such as `score >= 3 and score <= 7` passes only in between.
    pub(crate) fn is_monotone(&self) -> bool {
        let tests = self.0.tests();
        let all =
            |operators: [Operator; 2]| tests.iter().all(|test| operators.contains(&test.operator));
        all([Operator::AtLeast, Operator::Above]) || all([Operator::AtMost, Operator::Below])
    }

    /// Whether the rule compares probabilities of labels.
    pub(crate) fn needs_probabilities(&self) -> bool {
        self.0.tests().iter().any(|test| matches!(test.subject, Subject::P | Subject::Confidence))
    }
}

impl Condition {
    /// See [`Pass::holds`].
    fn holds(&self, verdict: &Verdict, normalized: Option<f64>) -> bool {
        match self {
            Self::Test(test) => test.holds(verdict, normalized),
            Self::And(all) => all.iter().all(|rule| rule.holds(verdict, normalized)),
            Self::Or(any) => any.iter().any(|rule| rule.holds(verdict, normalized)),
        }
    }

    /// See [`Pass::fitted`].
    fn fitted(&self, verdict_profile: &VerdictProfile<'_>, kind: ErrorKind) -> Result<Self> {
        let all = |rules: &[Self]| {
            let fitted = rules.iter().map(|rule| rule.fitted(verdict_profile, kind));
            fitted.collect::<Result<Vec<Self>>>()
        };
        match self {
            Self::Test(test) => test.fitted(verdict_profile, kind).map(Self::Test),
            Self::And(rules) => all(rules).map(Self::And),
            Self::Or(rules) => all(rules).map(Self::Or),
        }
    }

    /// All tests of the rule.
    fn tests(&self) -> Vec<&Test> {
        match self {
            Self::Test(test) => vec![test],
            Self::And(rules) | Self::Or(rules) => rules.iter().flat_map(Self::tests).collect(),
        }
    }
}

impl Test {
    /// Whether the subject of a verdict passes; a verdict without it does not.
    fn holds(&self, verdict: &Verdict, normalized: Option<f64>) -> bool {
        match (&self.subject, verdict) {
            (Subject::Score, Verdict::Score(score)) => self.allows(*score),
            (Subject::Score, Verdict::Rubric(rubric)) => {
                rubric.score().is_some_and(|score| self.allows(score))
            }
            (Subject::Score, Verdict::Steps(steps)) => {
                steps.score.is_some_and(|score| self.allows(score))
            }
            (Subject::Raw, Verdict::Rubric(rubric)) => {
                rubric.raw().is_some_and(|raw| self.allows(raw))
            }
            (Subject::Normalized, _) => normalized.is_some_and(|n| self.allows(n)),
            (Subject::P, Verdict::Label(label)) => label.p.is_some_and(|p| self.allows(p)),
            (Subject::Confidence, Verdict::Label(label)) => {
                label.confidence.is_some_and(|p| self.allows(p))
            }
            (Subject::Label, Verdict::Label(label)) => self.is(&label.label),
            (Subject::FirstError, Verdict::Steps(steps)) => {
                let index = steps.first_error.and_then(|index| u32::try_from(index).ok());
                self.allows(index.map_or(-1.0, f64::from))
            }
            (Subject::Preference, Verdict::Preference(side)) => self.is(side.name()),
            (Subject::Criterion(name), Verdict::Criteria(all)) => {
                let found = by_name(name, all.keys().map(String::as_str));
                found.and_then(|name| all.get(name)).is_some_and(|n| self.allows(*n))
            }
            (Subject::AllCriteria, Verdict::Criteria(all)) => {
                !all.is_empty() && all.values().all(|n| self.allows(*n))
            }
            (Subject::AnyCriterion, Verdict::Criteria(all)) => {
                all.values().any(|n| self.allows(*n))
            }
            (Subject::Criterion(name), Verdict::Rubric(rubric)) => {
                let names = rubric.criteria().iter().map(|one| one.name.as_str());
                let found = by_name(name, names).and_then(|name| rubric.get(name));
                found.is_some_and(|one| self.holds_for(one))
            }
            (Subject::AllCriteria, Verdict::Rubric(rubric)) => {
                let mut all = rubric.criteria().iter();
                all.len() > 0 && all.all(|one| self.holds_for(one))
            }
            (Subject::AnyCriterion, Verdict::Rubric(rubric)) => {
                rubric.criteria().iter().any(|one| self.holds_for(one))
            }
            _ => false,
        }
    }

    /// Whether the verdict on one criterion passes: its word, or its number. One that could not be assessed has no
    /// number.
    fn holds_for(&self, one: &CriterionVerdict) -> bool {
        match (&self.value, one.verdict) {
            (Operand::Word { .. }, Some(verdict)) => self.is(verdict.name()),
            (Operand::Word { .. }, None) => false,
            (Operand::Number(_), _) => one.value.is_some_and(|value| self.allows(value)),
        }
    }

    /// Whether a number passes. Infinite and undefined numbers never pass a comparison with `!=`. Numbers that differ only by the noise of floating point are equal.
    fn allows(&self, left: f64) -> bool {
        let Operand::Number(right) = self.value else { return false };
        let equal = nearly_equal(left, right);
        match self.operator {
            Operator::AtLeast => equal || left > right,
            Operator::Above => !equal && left > right,
            Operator::AtMost => equal || left < right,
            Operator::Below => !equal && left < right,
            Operator::Is => equal,
            Operator::IsNot => !equal && left.is_finite(),
        }
    }

    /// Whether a word passes: in any case, unless the operand was matched with a word of the prompt.
    fn is(&self, left: &str) -> bool {
        let Operand::Word { text, exact } = &self.value else { return false };
        let equal = left == text || (!exact && left.to_lowercase() == text.to_lowercase());
        match self.operator {
            Operator::Is => equal,
            Operator::IsNot => !equal,
            _ => false,
        }
    }

    fn fitted(&self, verdict_profile: &VerdictProfile<'_>, kind: ErrorKind) -> Result<Self> {
        let offered = offered(verdict_profile);
        if !offered.iter().any(|(name, _)| *name == self.subject.offered_as()) {
            return Err(self.not_offered(verdict_profile, &offered, kind));
        }
        self.check_number(verdict_profile, kind)?;
        let assessments = verdict_profile.scale.and_then(Scale::assessments);
        let words = match (&self.subject, assessments) {
            (Subject::Label, _) => verdict_profile.labels.clone(),
            (Subject::Preference, _) => ["first", "second", "tie"].map(ToOwned::to_owned).into(),
            (subject, Some(words)) if subject.is_criteria() => {
                words.iter().map(|word| word.name().to_owned()).collect()
            }
            _ => Vec::new(),
        };
        let Operand::Word { text, .. } = &self.value else { return Ok(self.clone()) };
        if words.is_empty() && self.subject.is_criteria() {
            let message =
                format!("`{}` is compared with a number, and `{text}` is not one", self.subject);
            return Err(Error::new(kind, message)
                .hint("words such as `met` need a prompt with `scale: [met, unmet]`"));
        }
        if words.is_empty() {
            return Ok(self.clone());
        }
        let names = || words.iter().map(String::as_str);
        let text = by_name(text, names())
            .ok_or_else(|| unknown(kind, &self.subject.to_string(), text, names()))?;
        Ok(Self { value: Operand::Word { text: text.to_owned(), exact: true }, ..self.clone() })
    }

    /// Refuses a threshold that could not be reached or missed, and a criterion that does not exist.
    fn check_number(&self, verdict_profile: &VerdictProfile<'_>, kind: ErrorKind) -> Result<()> {
        match &self.subject {
            Subject::Score if matches!(verdict_profile.kind, Kind::Criteria | Kind::Steps) => {
                self.check_ends(Some((0.0, 1.0)), kind)
            }
            Subject::Score | Subject::AllCriteria | Subject::AnyCriterion => {
                self.check_ends(verdict_profile.ends(), kind)
            }
            Subject::Criterion(_) => {
                if let Some(names) = &verdict_profile.criteria {
                    self.check_criterion(names, kind)?;
                }
                self.check_ends(verdict_profile.ends(), kind)
            }
            Subject::Normalized | Subject::P | Subject::Confidence => {
                self.check_ends(Some((0.0, 1.0)), kind)
            }
            Subject::FirstError => match self.value {
                Operand::Number(n) if n.fract() == 0.0 && n >= -1.0 => Ok(()),
                _ => Err(Error::new(kind, format!("{} is not the index of a step", self.value))
                    .hint("steps are counted from 0, and -1 means that all of them are right")),
            },
            Subject::Raw | Subject::Label | Subject::Preference => Ok(()),
        }
    }

    /// Refuses a criterion that is not one of `names`. Case matters only where two names differ by nothing else.
    fn check_criterion(&self, names: &[String], kind: ErrorKind) -> Result<()> {
        let Subject::Criterion(name) = &self.subject else { return Ok(()) };
        let names = || names.iter().map(String::as_str);
        let known = by_name(name, names()).is_some();
        if known { Ok(()) } else { Err(unknown(kind, "criterion", name, names())) }
    }

    /// Refuses a threshold off the scale: it would pass everything or nothing. `ends` are the lowest and the highest
    /// value of the scale.
    fn check_ends(&self, ends: Option<(f64, f64)>, kind: ErrorKind) -> Result<()> {
        let (Operand::Number(value), Some((low, high))) = (&self.value, ends) else {
            return Ok(());
        };
        if *value >= low && *value <= high {
            return Ok(());
        }
        let subject = &self.subject;
        Err(Error::new(kind, format!("{value} is off the scale: `{subject}` is {low} to {high}"))
            .hint("use a threshold on the scale"))
    }

    /// The error of a test whose subject these verdicts do not have, with examples of those that they have.
    fn not_offered(
        &self,
        verdict_profile: &VerdictProfile<'_>,
        offered: &[(&'static str, &'static str)],
        kind: ErrorKind,
    ) -> Error {
        let (subject, judges) = (&self.subject, verdict_profile.kind.name());
        let message = match (&self.subject, verdict_profile.kind) {
            (Subject::P, Kind::Label) if verdict_profile.picks => {
                "`p` is the probability of the positive label, and this prompt names none"
                    .to_owned()
            }
            (Subject::P | Subject::Confidence, Kind::Label) => {
                format!("`{subject}` needs labels with probabilities, and these have none")
            }
            _ => format!("a verdict of kind `{judges}` has no `{subject}`"),
        };
        let is_number = matches!(self.subject, Subject::Score | Subject::Normalized);
        let error = Error::new(kind, message);
        let error = match (&self.subject, verdict_profile.kind, verdict_profile.picks) {
            (Subject::P, Kind::Label, true) => error.hint(format!(
                "name it in the prompt: `positive: LABEL`, one of {}",
                verdict_profile.labels.join(", ")
            )),
            _ => error,
        };
        let error = match verdict_profile.kind {
            Kind::Steps if is_number => error.hint(
                Hint::from("steps come to one number with ")
                    .setting("reduce", "min")
                    .text(" (last, min, product, mean, soft-min, max)"),
            ),
            _ => error,
        };
        let shown: Vec<&str> = offered.iter().map(|(_, example)| *example).collect();
        match shown.as_slice() {
            [] => error.hint("verdicts of this kind have nothing that a rule could compare"),
            shown => error.hint(format!("write it like `{}`", shown.join("` or `"))),
        }
    }
}

/// The subjects that such verdicts have, each with an example of a rule.
fn offered(verdict_profile: &VerdictProfile<'_>) -> Vec<(&'static str, &'static str)> {
    match verdict_profile.kind {
        Kind::Score => vec![("score", "score >= 4"), ("normalized", "normalized >= 0.8")],
        Kind::Label => {
            let p = (verdict_profile.picks && verdict_profile.positive.is_some())
                .then_some(("p", "p >= 0.9"));
            let sure = verdict_profile.picks.then_some(("confidence", "confidence >= 0.9"));
            [("label", "label = correct")].into_iter().chain(p).chain(sure).collect()
        }
        Kind::Steps => {
            let scored = [("score", "score >= 0.5"), ("normalized", "normalized >= 0.5")];
            let scored = scored.into_iter().filter(|_| verdict_profile.scored == Some(true));
            [("first_error", "first_error = -1")].into_iter().chain(scored).collect()
        }
        Kind::Preference => vec![("preference", "preference = first")],
        Kind::Criteria => {
            let has_words =
                verdict_profile.scale.is_some_and(|scale| scale.assessments().is_some());
            let (one, all) = if has_words {
                ("criteria.NAME = met", "all criteria = met")
            } else {
                ("criteria.NAME >= 3", "all criteria >= 3")
            };
            let scored = [("score", "score >= 0.7"), ("raw", "raw >= 0")];
            let scored = scored.into_iter().filter(|_| verdict_profile.scored != Some(false));
            scored.chain([("criteria.", one), ("all criteria", all)]).collect()
        }
        Kind::Ranking | Kind::Scores | Kind::Critique | Kind::Revision => Vec::new(),
    }
}

impl Subject {
    /// The entry of [`offered`] that this subject belongs to.
    fn offered_as(&self) -> &'static str {
        match self {
            Self::Criterion(_) => CRITERION,
            Self::AnyCriterion => "all criteria",
            named => {
                SUBJECTS.iter().find(|(_, subject)| subject == named).map_or("", |(name, _)| name)
            }
        }
    }

    /// Whether it is about criteria, which are compared with a number or with a word.
    fn is_criteria(&self) -> bool {
        matches!(self, Self::Criterion(_) | Self::AllCriteria | Self::AnyCriterion)
    }

    /// Whether it is compared with a word rather than a number.
    fn is_word(&self) -> bool {
        matches!(self, Self::Label | Self::Preference)
    }
}

/// The subject as a rule writes it.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Criterion(name) => write!(f, "{CRITERION}{}", quoted(name)),
            named => f.write_str(
                SUBJECTS.iter().find(|(_, subject)| subject == named).map_or("", |(name, _)| name),
            ),
        }
    }
}

/// The operand as a rule writes it: words that need quotation marks get them.
impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Word { text, .. } => f.write_str(&quoted(text)),
        }
    }
}

/// A word in quotation marks where it would otherwise be read as something else.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty()
        && word.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c))
        && !["and", "or"].iter().any(|joint| joint.eq_ignore_ascii_case(word));
    match (plain, word.contains('"')) {
        (true, _) => word.to_owned(),
        (false, true) => format!("'{word}'"),
        (false, false) => format!("\"{word}\""),
    }
}

/// The rule as it would be written: reading it back gives the same rule.
impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The condition as a rule writes it, with parentheses around joined parts.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |rules: &[Self], joint: &str| {
            let part = |rule: &Self| match rule {
                Self::Test(test) => test.to_string(),
                group => format!("({group})"),
            };
            rules.iter().map(part).collect::<Vec<_>>().join(joint)
        };
        match self {
            Self::Test(test) => write!(f, "{test}"),
            Self::And(rules) => f.write_str(&joined(rules, " and ")),
            Self::Or(rules) => f.write_str(&joined(rules, " or ")),
        }
    }
}

/// The test as a rule writes it.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = OPERATORS
            .iter()
            .find(|(_, operator)| *operator == self.operator)
            .map_or("", |(text, _)| text);
        write!(f, "{} {operator} {}", self.subject, self.value)
    }
}
