//! The value after an announcement, read strictly as what the prompt asks for.
//!
//! An announcement is found loosely (in any case, through emphasis, over a line break); its value is read strictly.
//! The grammar by kind of verdict, after [`bare`] has removed what is wrapped around the value:
//!
//! ```text
//! score       = level | number rest                    rest: see `number::ends_a_number`
//! label       = word [ comment ]                       words: `values` of the rule, or the names of the scale
//! preference  = word of a side [ comment ]             without `values`: first, second, tie, A, B, 1, 2 …
//! steps       = [ "step" | "paragraph" | "index" ] number    0-based, -1 for no error, less than the item's steps;
//!               with `labelling` a label for each step, see `step_labels`
//! ranking     = group { (">" | ",") group }            group = answer { "=" answer }; each answer exactly once
//!             | answer                                 with `best`: the best one; the others are equal
//! scores      = number { ("," | " " | ";") number }    one for each answer
//! criteria    = JSON object: name of a criterion to score or assessment; every criterion of the item
//! critique, revision = the text itself
//! ```
//!
//! A value that does not match is [`Ambiguous`](Reason::Ambiguous); one that matches, but was never offered (a score
//! off the scale, a step that does not exist), is [`OffScale`](Reason::OffScale). Neither is ever mended.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    ItemShape, Kind, StepLabelling, VerdictSpec, Words,
    bare::{bare, opened},
    number::{PERCENT, UNITS, ends_a_number, leading_number, plain_number},
    rule::NO_ERROR,
    unreadable::{
        ReadResult, abstained, ambiguous, excerpt, off_menu, off_scale, off_scale_because,
    },
    words::{WordMeaning, by_name, one_of},
};
use crate::{
    completion::Distribution,
    scale::{Scale, nearly_equal},
    units::counted,
    verdict::{
        Assessment, CriterionVerdict, Label, Preference, Reason, Rubric, Steps, Unreadable, Verdict,
    },
};

/// Reads values of one rule for one item.
#[derive(Clone, Copy)]
pub(super) struct ValueReader<'a> {
    /// What the verdict is.
    pub(super) kind: Kind,
    /// The numbers or levels that were offered.
    pub(super) scale: Option<&'a Scale>,
    /// The words that were offered, and what they mean.
    pub(super) values: &'a Words,
    /// Whether a ranking names only the best answer.
    pub(super) best: bool,
    /// The index that the judge gives the first step.
    pub(super) first_step: usize,
    /// How the judge labels every step, where it does.
    pub(super) labelling: Option<&'a StepLabelling>,
    /// What is read, which knows the labels that mean an error.
    pub(super) spec: &'a VerdictSpec,
    /// The number of steps and answers and the names of criteria that the item has.
    pub(super) shape: &'a ItemShape,
}

impl ValueReader<'_> {
    /// Reads the text of a value as a verdict of this kind.
    ///
    /// # Errors
    /// The text is ambiguous, or a value that was never offered.
    pub(super) fn read(&self, text: &str) -> ReadResult<Verdict> {
        let text = bare(text);
        let opened = opened(text);
        let text = opened.as_deref().unwrap_or(text);
        if text.is_empty() {
            return Err(Unreadable::new(Reason::Ambiguous, "the announcement is empty"));
        }
        if self.abstains(text) {
            return abstained(text);
        }
        match self.kind {
            Kind::Score => self.score(text).map(Verdict::Score),
            Kind::Label => {
                let label = self.word(text)?;
                Ok(Verdict::Label(Label::new(label)))
            }
            Kind::Preference => self.preference(text).map(Verdict::Preference),
            Kind::Steps => match self.labelling {
                Some(labelling) => self.labelled_steps(labelling, text).map(Verdict::Steps),
                None => self.first_error(text).map(Verdict::Steps),
            },
            Kind::Ranking if self.best => self.best_answer(text).map(Verdict::Ranking),
            Kind::Ranking => self.ranking(text).map(Verdict::Ranking),
            Kind::Scores => self.scores(text).map(Verdict::Scores),
            Kind::Criteria => self.criteria(text),
            Kind::Critique | Kind::Revision => Ok(Verdict::Text(text.to_owned())),
        }
    }

    /// Whether a text says that the judge cannot judge: by one of the words for that, or by a word of the rule that
    /// means one of them.
    fn abstains(&self, text: &str) -> bool {
        let abstain = &self.spec.abstain;
        if abstain.is_empty() {
            return false;
        }
        let words: Vec<WordMeaning> =
            abstain.iter().map(|word| (word.clone(), word.clone())).collect();
        let said = || one_of(&words, &[], text).is_some_and(|read| read.is_ok());
        let means = || self.word(text).is_ok_and(|meaning| self.is_abstention(&meaning));
        said() || (!self.values.is_empty() && means())
    }

    /// Whether a meaning is that the judge cannot judge.
    fn is_abstention(&self, meaning: &str) -> bool {
        self.spec.abstain.iter().any(|word| word == meaning)
    }

    /// A number of the scale, or the value of one of its levels.
    fn score(&self, text: &str) -> ReadResult<f64> {
        let mapped = if self.values.is_empty() { None } else { self.word(text).ok() };
        let text = mapped.as_deref().unwrap_or(text);
        if let Some(value) = self.level(text) {
            return value;
        }
        let (number, rest) = leading_number(text).map_or_else(|| ambiguous(text), Ok)?;
        let ends = self.scale.and_then(Scale::ends);
        let of_a_hundred = ends.is_some_and(|(low, high)| low >= 0.0 && nearly_equal(high, 100.0));
        let percent: &[&str] = if of_a_hundred { &PERCENT } else { &[] };
        let highest = ends.map(|(_, highest)| highest);
        if !ends_a_number(rest, highest, &[&UNITS[..], percent].concat()) {
            return ambiguous(text);
        }
        match self.scale {
            Some(scale) => scale.accept(number).or_else(|off| off_scale(&off.0.to_string())),
            None => Ok(number),
        }
    }

    /// The value of a named level; `None` if the scale has no named levels, or a number stands there, which may
    /// be the value of a level.
    fn level(&self, text: &str) -> Option<ReadResult<f64>> {
        let scale = self.scale.filter(|scale| scale.levels().next().is_some())?;
        if let Some(value) = scale.level(text) {
            return Some(Ok(value));
        }
        let names = scale.levels().map(|(name, _)| (name.to_owned(), name.to_owned())).collect();
        let level = ValueReader { values: &names, ..*self }.word(text);
        match level {
            Err(_) if leading_number(text).is_some() => None,
            level => {
                Some(level.and_then(|name| scale.level(&name).map_or_else(|| ambiguous(text), Ok)))
            }
        }
    }

    /// The meaning of the word that a text begins with. Where none of the offered words is there, one of their
    /// meanings counts under its own name. Where no words were offered, the whole text does, up to 40 characters.
    pub(super) fn word(&self, text: &str) -> ReadResult<String> {
        if self.values.is_empty() {
            const LONGEST: usize = 40;
            let short = text.chars().count() <= LONGEST && !text.contains('\n');
            return if short { Ok(text.to_owned()) } else { ambiguous(text) };
        }
        let pair = |(word, meaning): (&str, &str)| (bare(word).to_owned(), meaning.to_owned());
        let words: Vec<WordMeaning> = self.values.iter().map(pair).collect();
        let own: Vec<WordMeaning> =
            self.values.meanings().map(|meaning| pair((meaning, meaning))).collect();
        let own_name = || {
            let exact = own.iter().filter(|(name, _)| text.starts_with(name.as_str()));
            one_of(&exact.cloned().collect::<Vec<_>>(), &[&words[..], &own].concat(), text)
        };
        let found = one_of(&words, &own, text).or_else(own_name);
        found.unwrap_or_else(|| off_menu(text))
    }

    /// The distribution over what labels mean, as shares of all that the labels hold together.
    ///
    /// Labels of one meaning are added up; labels without a meaning become `missing`. Labels of abstention are left
    /// out: the shares are those of a judge that judges. `None` if the labels hold no probability at all.
    pub(super) fn meanings(&self, seen: &Distribution) -> Option<Distribution> {
        let judges = |label: &str| {
            self.spec.abstain.is_empty()
                || !self.word(bare(label)).is_ok_and(|meaning| self.is_abstention(&meaning))
        };
        let labels = seen.labels.iter().filter(|(label, _)| judges(label));
        let seen = Distribution { labels: labels.cloned().collect(), ..seen.clone() };
        let total = seen.mass();
        if !(total > 0.0 && total.is_finite()) {
            return None;
        }
        let mut shares: Vec<(String, f64)> = Vec::new();
        for (label, p) in &seen.labels {
            let Ok(meaning) = self.word(bare(label)) else { continue };
            match shares.iter_mut().find(|(known, _)| *known == meaning) {
                Some((_, share)) => *share += p,
                None => shares.push((meaning, *p)),
            }
        }
        shares.iter_mut().for_each(|(_, share)| *share /= total);
        Some(Distribution { top: seen.top, ..Distribution::new(shares) })
    }

    /// The same with probabilities as they are, not as shares: what is missing stays missing.
    pub(super) fn by_meaning(&self, seen: &Distribution) -> Distribution {
        let mut all: Vec<(String, f64)> = Vec::new();
        for (label, p) in &seen.labels {
            let meaning = self.read(label).ok().and_then(|verdict| verdict.meaning());
            let Some(meaning) = meaning else { continue };
            match all.iter_mut().find(|(known, _)| *known == meaning) {
                Some((_, sum)) => *sum += p,
                None => all.push((meaning, *p)),
            }
        }
        Distribution { top: seen.top, ..Distribution::new(all) }
    }

    /// One of the sides of a comparison; a tie only where it was offered.
    fn preference(&self, text: &str) -> ReadResult<Preference> {
        let meaning = if self.values.is_empty() { usual_side(text) } else { self.word(text)? };
        let side = match meaning.as_str() {
            "first" => Preference::First,
            "second" => Preference::Second,
            "tie" => Preference::Tie,
            _ => return off_menu(text),
        };
        let tie_is_off = self.scale.is_some_and(|scale| !scale.allows_tie());
        if side == Preference::Tie && tie_is_off { off_scale("a tie") } else { Ok(side) }
    }

    /// One number or more, each on the scale.
    pub(super) fn numbers(&self, text: &str) -> ReadResult<Vec<f64>> {
        let parts: Vec<&str> =
            text.split([',', ' ', ';', '\t']).filter(|part| !part.is_empty()).collect();
        let highest = self.scale.and_then(Scale::ends).map(|(_, highest)| highest);
        let numbers: Option<Vec<f64>> = numbers_of(&parts, highest);
        let numbers = numbers.filter(|all| !all.is_empty()).map_or_else(|| ambiguous(text), Ok)?;
        let accept = |number: f64| match self.scale {
            Some(scale @ Scale::Numbers(_)) => {
                scale.accept(number).or_else(|off| off_scale(&off.0.to_string()))
            }
            _ => Ok(number),
        };
        numbers.into_iter().map(accept).collect()
    }

    /// One number for each of the item's answers, in the order in which they were shown.
    fn scores(&self, text: &str) -> ReadResult<Vec<f64>> {
        let numbers = self.numbers(text)?;
        match self.shape.answers {
            Some(count) if count != numbers.len() => {
                let many = numbers.len();
                off_scale_because(format!(
                    "found {} for {}",
                    counted(many, "score"),
                    counted(count, "answer")
                ))
            }
            _ => Ok(numbers),
        }
    }

    /// The first error, which must be one of the item's steps, or none.
    fn first_error(&self, text: &str) -> ReadResult<Steps> {
        if self.says_no_error(text) {
            return Ok(Steps::default());
        }
        let first_error = step_index(text)?.map(|index| self.index_of_step(index)).transpose()?;
        Ok(Steps { first_error, ..Steps::default() })
    }

    /// Whether a text is one of the words for a solution without an error.
    pub(super) fn says_no_error(&self, text: &str) -> bool {
        !self.values.is_empty() && self.word(text).is_ok_and(|meaning| meaning == NO_ERROR)
    }

    /// The 0-based index of a step that a judge names, which must be one of the item's.
    pub(super) fn index_of_step(&self, named: usize) -> ReadResult<usize> {
        let index = named.checked_sub(self.first_step);
        match (index, self.shape.steps) {
            (Some(index), None) => Ok(index),
            (Some(index), Some(count)) if index < count => Ok(index),
            (_, count) => {
                let first = self.first_step;
                let steps = count.map_or("steps".to_owned(), |count| format!("{count} steps"));
                off_scale_because(format!(
                    "step {named} is named, and the {steps} are counted from {first}"
                ))
            }
        }
    }

    /// A ranking, which must contain every one of the item's answers.
    fn ranking(&self, text: &str) -> ReadResult<Vec<Vec<usize>>> {
        let groups = ranking(text)?;
        let ranked: usize = groups.iter().map(Vec::len).sum();
        match self.shape.answers {
            Some(count) if count != ranked => off_scale_because(format!(
                "the ranking has {}, and there are {count}",
                counted(ranked, "answer")
            )),
            _ => Ok(groups),
        }
    }

    /// The best answer, before all others, which are equal.
    fn best_answer(&self, text: &str) -> ReadResult<Vec<Vec<usize>>> {
        let word = if self.values.is_empty() { text.to_owned() } else { self.word(text)? };
        let Some((best, count)) = candidate(&word).zip(self.shape.answers) else {
            return ambiguous(text);
        };
        if best >= count {
            let named = best + 1;
            return off_scale_because(format!("answer {named} is named, and there are {count}"));
        }
        let others = (0..count).filter(|answer| *answer != best).collect();
        Ok(vec![vec![best], others])
    }

    /// A score or an assessment for every criterion of the item, none twice.
    fn criteria(&self, text: &str) -> ReadResult<Verdict> {
        let Ok(serde_json::Value::Object(map)) = serde_json::from_str(text) else {
            return ambiguous(text);
        };
        let mut values = BTreeMap::new();
        for (written, value) in map {
            let name = self.criterion(&written)?;
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            if values.insert(name, text).is_some() {
                return ambiguous(&written);
            }
        }
        let names: Vec<String> = match &self.shape.criteria {
            Some(names) => names.clone(),
            None => values.keys().cloned().collect(),
        };
        if let Some(name) = names.iter().find(|name| !values.contains_key(*name)) {
            return off_scale_because(format!("the criterion `{name}` has no score"));
        }
        let value = |name: &String| values.get(name).map(|text| bare(text)).unwrap_or_default();
        if let Some(offered) = self.scale.and_then(Scale::assessments) {
            let one = |name: &String| {
                let verdict = self.assessment(value(name), offered)?;
                Ok(CriterionVerdict::assessed(name, verdict))
            };
            let all = names.iter().map(one).collect::<ReadResult<Vec<_>>>()?;
            return Ok(Verdict::Rubric(Rubric::new(all)));
        }
        let score = |name: String| Ok((name.clone(), self.score(value(&name))?));
        names.into_iter().map(score).collect::<ReadResult<_>>().map(Verdict::Criteria)
    }

    /// Whether a criterion is met, in the words of the rule or of the scale; an abstention only where it was offered.
    fn assessment(&self, text: &str, offered: &[Assessment]) -> ReadResult<Assessment> {
        let own = offered.iter().map(|one| (one.name().to_owned(), one.name().to_owned()));
        let own: Words = own.collect();
        let values = if self.values.is_empty() { &own } else { self.values };
        let meaning = ValueReader { values, ..*self }.word(text)?;
        match Assessment::of(&meaning).filter(|one| offered.contains(one)) {
            Some(assessment) => Ok(assessment),
            None => off_menu(text),
        }
    }

    /// The item's own name of a criterion. Case matters only where two names differ by nothing else.
    fn criterion(&self, written: &str) -> ReadResult<String> {
        let Some(names) = &self.shape.criteria else { return Ok(written.to_owned()) };
        match by_name(written, names.iter().map(String::as_str)) {
            Some(name) => Ok(name.to_owned()),
            None => off_scale_because(format!(
                "`{}` is not a criterion of this record",
                excerpt(written)
            )),
        }
    }

    /// Two scores as a preference: the answer with the higher score is better, equal scores are a tie (Vicuna,
    /// Chiang et al. 2023).
    pub(super) fn compared(&self, text: &str) -> ReadResult<Verdict> {
        let [first, second] = *self.numbers(text)? else { return ambiguous(text) };
        let side = match first.total_cmp(&second) {
            std::cmp::Ordering::Greater => Preference::First,
            std::cmp::Ordering::Less => Preference::Second,
            std::cmp::Ordering::Equal => Preference::Tie,
        };
        let tie_is_off = self.scale.is_some_and(|scale| !scale.allows_tie());
        if side == Preference::Tie && tie_is_off {
            return ambiguous("equal numbers where no tie was offered");
        }
        Ok(Verdict::Preference(side))
    }
}

/// The numbers of these texts, each of which may be followed by its maximum, as in `8/10`: the highest of the scale,
/// or on an unknown scale the same number for all.
fn numbers_of(parts: &[&str], highest: Option<f64>) -> Option<Vec<f64>> {
    let (numbers, rests): (Vec<f64>, Vec<&str>) = parts
        .iter()
        .map(|part| leading_number(part))
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .unzip();
    let maximum = |rest: &str| rest.strip_prefix('/').and_then(plain_number);
    let is_same = || {
        let first = rests.first().and_then(|rest| maximum(rest));
        first.is_some() && rests.iter().all(|rest| maximum(rest) == first)
    };
    let fits = |rest: &&str| match highest {
        Some(highest) => maximum(rest).is_some_and(|number| nearly_equal(number, highest)),
        None => false,
    };
    let clear = rests.iter().all(|rest| rest.is_empty() || fits(rest));
    (clear || (highest.is_none() && is_same())).then_some(numbers)
}

/// The side that a text names where the prompt offers no words: `A`, `answer 1`, `first`; empty for anything else.
fn usual_side(text: &str) -> String {
    const NOUNS: [&str; 6] = ["answer", "response", "assistant", "output", "solution", "model"];
    let low = text.to_lowercase();
    let name = NOUNS.iter().find_map(|noun| low.strip_prefix(noun)).unwrap_or(&low);
    match bare(name) {
        "first" | "a" | "1" => "first",
        "second" | "b" | "2" => "second",
        "tie" | "c" => "tie",
        _ => "",
    }
    .to_owned()
}

/// The index of a step as it is named; `None` for -1, which means no step (as in ProcessBench, Zheng et al. 2024).
pub(super) fn step_index(text: &str) -> ReadResult<Option<usize>> {
    const NOUNS: [&str; 3] = ["paragraph", "step", "index"];
    let low = text.to_lowercase();
    let number = NOUNS
        .iter()
        .find_map(|noun| low.strip_prefix(noun))
        .unwrap_or(&low)
        .trim_start_matches(|c: char| c == '_' || c.is_whitespace());
    let (number, rest) = leading_number(number).map_or_else(|| ambiguous(text), Ok)?;
    if !ends_a_number(rest, Some(f64::NAN), &[]) {
        return ambiguous(text);
    }
    let index =
        (number.fract() == 0.0 && number >= -1.0 && number < f64::from(u32::MAX)).then_some(number);
    let Some(index) = index else { return off_scale(text) };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and in range"
    )]
    Ok((index >= 0.0).then_some(index as usize))
}

/// A ranking such as `2 > 1 = 3`, `B > A` or `[2, 1, 3]`: groups of equally good answers, best first, as 0-based
/// indexes. Answers are counted from 1 or named from A, and each occurs exactly once.
fn ranking(text: &str) -> ReadResult<Vec<Vec<usize>>> {
    let groups: Vec<&str> =
        if text.contains('>') { text.split('>').collect() } else { text.split(',').collect() };
    let group = |group: &&str| group.split('=').map(candidate).collect::<Option<Vec<usize>>>();
    let groups: Option<Vec<Vec<usize>>> = groups.iter().map(group).collect();
    let Some(mut groups) = groups else { return ambiguous(text) };
    let all: BTreeSet<usize> = groups.iter().flatten().copied().collect();
    let count = groups.iter().map(Vec::len).sum::<usize>();
    let whole = count > 1 && all.len() == count && all.last() == Some(&(count - 1));
    if !whole {
        return ambiguous(text);
    }
    groups.iter_mut().for_each(|group| group.sort_unstable());
    Ok(groups)
}

/// The 0-based index of the answer that a text names: `Answer 2`, `[B]` and `3` are 1, 1 and 2.
fn candidate(text: &str) -> Option<usize> {
    const NOUNS: [&str; 6] = ["answer", "response", "assistant", "output", "candidate", "model"];
    let low = bare(text).to_lowercase();
    let name = NOUNS.iter().find_map(|noun| low.strip_prefix(noun)).unwrap_or(&low);
    let name = bare(name);
    match (name.parse::<usize>(), name.as_bytes()) {
        (Ok(number), _) => number.checked_sub(1),
        (Err(_), [letter @ b'a'..=b'z']) => Some(usize::from(letter - b'a')),
        _ => None,
    }
}
