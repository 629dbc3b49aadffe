//! The few characters behind an announcement, read strictly as what is judged.

use std::collections::{BTreeMap, BTreeSet};

use super::{ItemShape, Kind};
use crate::{
    completion::Distribution,
    scale::{Scale, nearly_equal},
    verdict::{Label, Preference, Reason, Steps, Unreadable, Verdict},
};

/// What a value may be.
#[derive(Clone, Copy)]
pub(super) struct ValueReader<'a> {
    pub(super) kind: Kind,
    pub(super) scale: Option<&'a Scale>,
    pub(super) values: &'a BTreeMap<String, String>,
    /// What the item leaves to be said.
    pub(super) shape: &'a ItemShape,
}

type VerdictSpec<T> = Result<T, Unreadable>;

fn ambiguous<T>(text: &str) -> VerdictSpec<T> {
    Err(Unreadable::new(Reason::Ambiguous, format!("`{}` is no clear verdict", excerpt(text))))
}

fn off_scale<T>(text: &str) -> VerdictSpec<T> {
    Err(Unreadable::new(Reason::OffScale, format!("`{}` was never offered", excerpt(text))))
}

fn off_scale_because<T>(detail: String) -> VerdictSpec<T> {
    Err(Unreadable::new(Reason::OffScale, detail))
}

/// One clean word was meant, and is not on the menu; anything else is no clear word.
fn off_menu<T>(text: &str) -> VerdictSpec<T> {
    const LONGEST: usize = 20;
    let clean = text.chars().count() <= LONGEST && text.chars().all(char::is_alphanumeric);
    if clean { off_scale(text) } else { ambiguous(text) }
}

fn excerpt(text: &str) -> String {
    text.trim().chars().take(60).collect()
}

impl ValueReader<'_> {
    /// Reads the text of a value.
    pub(super) fn read(&self, text: &str) -> VerdictSpec<Verdict> {
        let text = bare(text);
        if text.is_empty() {
            return Err(Unreadable::new(Reason::Ambiguous, "the announcement is empty"));
        }
        match self.kind {
            Kind::Score => self.score(text).map(Verdict::Score),
            Kind::Label => {
                let label = self.word(text)?;
                Ok(Verdict::Label(Label::new(label)))
            }
            Kind::Preference => self.preference(text).map(Verdict::Preference),
            Kind::Steps => self.first_error(text).map(Verdict::Steps),
            Kind::Ranking => self.ranking(text).map(Verdict::Ranking),
            Kind::Scores => self.scores(text).map(Verdict::Scores),
            Kind::Criteria => self.criteria(text),
            Kind::Critique | Kind::Revision => Ok(Verdict::Text(text.to_owned())),
        }
    }

    fn score(&self, text: &str) -> VerdictSpec<f64> {
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

    /// The value of a named level, where levels have names; a bare number may stand for its level.
    fn level(&self, text: &str) -> Option<VerdictSpec<f64>> {
        let scale = self.scale.filter(|scale| scale.levels().next().is_some())?;
        if let Some(value) = scale.level(text) {
            return Some(Ok(value));
        }
        let names = scale.levels().map(|(name, _)| (name.to_owned(), name.to_owned())).collect();
        let named = ValueReader { values: &names, ..*self }.word(text);
        match named {
            Err(_) if leading_number(text).is_some() => None,
            named => {
                Some(named.and_then(|name| scale.level(&name).map_or_else(|| ambiguous(text), Ok)))
            }
        }
    }

    /// One of the words that were offered, as what it means; where none of them is there, a meaning by its
    /// own name, as it is written.
    fn word(&self, text: &str) -> VerdictSpec<String> {
        if self.values.is_empty() {
            const LONGEST: usize = 40;
            let short = text.chars().count() <= LONGEST && !text.contains('\n');
            return if short { Ok(text.to_owned()) } else { ambiguous(text) };
        }
        let pair = |(word, meaning): (&String, &String)| (bare(word).to_owned(), meaning.clone());
        let words: Vec<Word> = self.values.iter().map(pair).collect();
        let own: Vec<Word> = self.values.values().map(|meaning| pair((meaning, meaning))).collect();
        let own_name = || {
            let exact = own.iter().filter(|(name, _)| text.starts_with(name.as_str()));
            one_of(&exact.cloned().collect::<Vec<_>>(), &[&words[..], &own].concat(), text)
        };
        let found = one_of(&words, &own, text).or_else(own_name);
        found.unwrap_or_else(|| off_menu(text))
    }

    /// The probabilities of what the labels mean, among the labels offered and in their order: labels of one
    /// meaning are added up, and those that mean nothing here are `missing`. `None` where no label has any.
    pub(super) fn meanings(&self, seen: &Distribution) -> Option<Distribution> {
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
        Some(Distribution::new(shares))
    }

    /// What labels mean with their probabilities, as they are: labels of one meaning are added up.
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
        Distribution::new(all)
    }

    fn preference(&self, text: &str) -> VerdictSpec<Preference> {
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

    fn numbers(&self, text: &str) -> VerdictSpec<Vec<f64>> {
        let parts = text.split([',', ' ', ';', '\t']).filter(|part| !part.is_empty());
        let numbers: Option<Vec<f64>> = parts.map(plain_number).collect();
        let numbers = numbers.filter(|all| !all.is_empty()).map_or_else(|| ambiguous(text), Ok)?;
        let accept = |number: f64| match self.scale {
            Some(scale @ Scale::Numbers(_)) => {
                scale.accept(number).or_else(|off| off_scale(&off.0.to_string()))
            }
            _ => Ok(number),
        };
        numbers.into_iter().map(accept).collect()
    }

    /// One number for each of the item's answers.
    fn scores(&self, text: &str) -> VerdictSpec<Vec<f64>> {
        let numbers = self.numbers(text)?;
        match self.shape.answers {
            Some(count) if count != numbers.len() => {
                let many = numbers.len();
                off_scale_because(format!("{many} scores were given for {count} answers"))
            }
            _ => Ok(numbers),
        }
    }

    /// The first error is one of the item's steps, or none.
    fn first_error(&self, text: &str) -> VerdictSpec<Steps> {
        let steps = first_error(text)?;
        match (steps.first_error, self.shape.steps) {
            (Some(index), Some(count)) if index >= count => off_scale_because(format!(
                "step {index} is named, and the {count} steps are counted from 0"
            )),
            _ => Ok(steps),
        }
    }

    /// Every one of the item's answers has its place.
    fn ranking(&self, text: &str) -> VerdictSpec<Vec<Vec<usize>>> {
        let groups = ranking(text)?;
        let ranked: usize = groups.iter().map(Vec::len).sum();
        match self.shape.answers {
            Some(count) if count != ranked => {
                off_scale_because(format!("{ranked} answers are ranked, and there are {count}"))
            }
            _ => Ok(groups),
        }
    }

    fn criteria(&self, text: &str) -> VerdictSpec<Verdict> {
        let Ok(serde_json::Value::Object(map)) = serde_json::from_str(text) else {
            return ambiguous(text);
        };
        let mut scores = BTreeMap::new();
        for (written, value) in map {
            let name = self.criterion(&written)?;
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            if scores.insert(name, self.score(bare(&text))?).is_some() {
                return ambiguous(&written);
            }
        }
        let names = self.shape.criteria.iter().flatten();
        match names.into_iter().find(|name| !scores.contains_key(*name)) {
            Some(name) => off_scale_because(format!("the criterion `{name}` has no score")),
            None => Ok(Verdict::Criteria(scores)),
        }
    }

    /// The item's own name for a criterion; case matters only where two names differ by nothing else.
    fn criterion(&self, written: &str) -> VerdictSpec<String> {
        let Some(names) = &self.shape.criteria else { return Ok(written.to_owned()) };
        match by_name(written, names.iter().map(String::as_str)) {
            Some(name) => Ok(name.to_owned()),
            None => off_scale_because(format!("`{}` is no criterion here", excerpt(written))),
        }
    }

    /// Two numbers compared, the higher one better.
    pub(super) fn compared(&self, text: &str) -> VerdictSpec<Verdict> {
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

/// The text without a tag at its end that closes what was opened before the announcement: `8</answer>`,
/// `8<|end_of_solution|>`.
fn without_closing_tag(text: &str) -> &str {
    const LONGEST: usize = 40;
    let tag = |open: &str, close: &str| {
        let (before, name) = text.strip_suffix(close)?.rsplit_once(open)?;
        let is_name = !name.is_empty()
            && name.len() <= LONGEST
            && name.chars().all(|c| c.is_alphanumeric() || "_- ".contains(c));
        is_name.then_some(before)
    };
    tag("</", ">").or_else(|| tag("<|", "|>")).unwrap_or(text)
}

/// A value without emphasis (of Markdown or HTML), quotation marks, brackets and LaTeX wrappers around it.
pub(super) fn bare(text: &str) -> &str {
    const HTML: [&str; 8] =
        ["<b>", "</b>", "<i>", "</i>", "<em>", "</em>", "<strong>", "</strong>"];
    const PAIRS: [(&str, &str); 11] = [
        ("\\(", "\\)"),
        ("[[", "]]"),
        ("\\boxed{", "}"),
        ("\\text{", "}"),
        ("\\textbf{", "}"),
        ("[", "]"),
        ("(", ")"),
        ("{", "}"),
        ("\"", "\""),
        ("“", "”"),
        ("'", "'"),
    ];
    let mut text = text;
    loop {
        let before = text;
        text = text.trim_matches(|c: char| c.is_whitespace() || "*_`$#".contains(c));
        text = text.trim_end_matches(['.', '!', ',', ';']);
        for tag in HTML {
            text = text.strip_prefix(tag).or_else(|| text.strip_suffix(tag)).unwrap_or(text);
        }
        text = without_closing_tag(text);
        for (open, close) in PAIRS {
            let inner = text.strip_prefix(open).and_then(|text| text.strip_suffix(close));
            // `{"a": 1}` is a value, and `[2, 1]` may be one whose brackets do not matter.
            if let Some(inner) =
                inner.filter(|inner| !inner.contains(close) && !inner.contains(':'))
            {
                text = inner;
            }
        }
        if text == before {
            return text;
        }
    }
}

/// A word and what it means.
type Word = (String, String);

/// The meaning of the one of `words` that a text is, or begins with; `None` where it begins with none. No word
/// of another meaning may be offered beside it.
fn one_of(words: &[Word], others: &[Word], text: &str) -> Option<VerdictSpec<String>> {
    let low = text.to_lowercase();
    let clear = |meaning: Option<&str>| {
        meaning.map_or_else(|| ambiguous(text), |meaning| Ok(meaning.to_owned()))
    };
    let is = |word: &str| dense(&word.to_lowercase()) == dense(&low);
    if let Some((_, meaning)) = fitting(words, is, |word| dense(word) == dense(text)) {
        return Some(clear(meaning));
    }
    let after = |word: &str| {
        let rest = low.strip_prefix(&word.to_lowercase())?;
        (!rest.starts_with(char::is_alphanumeric)).then_some(rest)
    };
    let (word, meaning) =
        fitting(words, |word| after(word).is_some(), |word| text.starts_with(word))?;
    let rest = after(word)?;
    let others = others.iter().filter(|(_, other)| Some(other.as_str()) != meaning);
    let others: Vec<String> =
        words.iter().chain(others).map(|(word, _)| word.to_lowercase()).collect();
    let is_clear = is_comment(rest, word.chars().count() == 1)
        && !offers_another(rest, others.iter().map(String::as_str));
    Some(if is_clear { clear(meaning) } else { ambiguous(text) })
}

/// The longest word that fits in any case, and what it means. Words that differ by case alone are told apart
/// by which of them fits exactly; where none does and they mean several things, it means nothing.
fn fitting(
    words: &[Word],
    fits: impl Fn(&str) -> bool,
    exactly: impl Fn(&str) -> bool,
) -> Option<(&str, Option<&str>)> {
    let all: Vec<&Word> = words.iter().filter(|(word, _)| fits(word)).collect();
    let longest = all.iter().map(|(word, _)| word.chars().count()).max()?;
    let mut best = all.into_iter().filter(|(word, _)| word.chars().count() == longest);
    let (word, meaning) = best.clone().find(|(word, _)| exactly(word)).or_else(|| best.next())?;
    let clear = exactly(word) || best.all(|(_, other)| other == meaning);
    Some((word, clear.then_some(meaning)))
}

/// The one of `names` that is meant: the same word, or the only one that differs by case alone.
pub(crate) fn by_name<'n>(
    written: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Option<&'n str> {
    let written = bare(written);
    let low = written.to_lowercase();
    let exact = names.clone().find(|name| bare(name) == written);
    let mut alike = names.filter(|name| bare(name).to_lowercase() == low);
    let only = || alike.next().filter(|_| alike.next().is_none());
    exact.or_else(only)
}

/// `A > B` and `A>B` are one word.
fn dense(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// A whole text that is one number.
pub(super) fn plain_number(text: &str) -> Option<f64> {
    leading_number(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// The number that a text begins with, and what follows it.
fn leading_number(text: &str) -> Option<(f64, &str)> {
    let unsigned = text.strip_prefix(['+', '-', '−']).unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let fraction = unsigned[digits..]
        .strip_prefix('.')
        .map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let length = if fraction > 0 { digits + 1 + fraction } else { digits };
    let number: f64 = unsigned.get(..length).filter(|_| digits > 0)?.parse().ok()?;
    let negative = text.starts_with(['-', '−']);
    Some((if negative { -number } else { number }, &unsigned[length..]))
}

/// Words behind a score that change nothing.
const UNITS: [&str; 7] = ["stars", "star", "points", "point", "pts", "★", "⭐"];

/// Words behind a score of 100.
const PERCENT: [&str; 3] = ["%", "percent", "per cent"];

/// Whether what follows a number leaves it alone: nothing, the scale's own maximum, a unit, or a comment.
fn ends_a_number(rest: &str, highest: Option<f64>, units: &[&str]) -> bool {
    let rest = rest.trim_start_matches(['*', '_', '`', '$', '}', ']', ')']);
    let of = ["/", "out of", "of"].iter().find_map(|word| rest.trim_start().strip_prefix(word));
    let rest = match of {
        Some(denominator) => match leading_number(denominator.trim_start()) {
            Some((number, rest))
                if highest.is_some_and(|highest| (highest - number).abs() < 1e-9) =>
            {
                rest
            }
            _ => return false,
        },
        None => rest,
    };
    let low = rest.trim_start().to_lowercase();
    let after = |unit: &&str| {
        let rest = low.strip_prefix(unit)?;
        (!rest.starts_with(char::is_alphanumeric)).then(|| rest.trim_start_matches('\u{fe0f}'))
    };
    let rest = units.iter().find_map(after).unwrap_or(rest);
    is_comment(rest, true)
        && !rest.chars().any(char::is_numeric)
        && !rest.trim_start().starts_with('%')
}

/// Whether this is prose set apart from the word before it; behind a single letter a blank alone does
/// not set apart ("A better one").
fn is_comment(rest: &str, strict: bool) -> bool {
    let rest = rest.trim_start_matches(['*', '_', '`', '"', '\'', ']', ')']);
    let mut signs = rest.chars();
    match signs.next() {
        None => true,
        Some(c) if ".,;:!(–—\n".contains(c) => {
            signs.next().is_none_or(|next| !next.is_alphanumeric() || c != '.')
        }
        Some(c) if c.is_whitespace() => {
            let next = rest.trim_start().chars().next();
            next.is_none_or(|next| !strict || "([{-–—:;.,!*_\"'".contains(next))
        }
        Some('-') => rest.starts_with("- ") || rest.starts_with("--"),
        Some(_) => false,
    }
}

/// Whether another word of the menu is offered beside the first: `A or B`, `Yes/No`.
fn offers_another<'w>(rest: &str, mut words: impl Iterator<Item = &'w str>) -> bool {
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || ".,;:*_`\"'])".contains(c));
    let joined = ["or ", "and ", "/", "|", "&"].iter().find_map(|word| rest.strip_prefix(word));
    let behind = bare(joined.unwrap_or(rest));
    words.any(|word| {
        behind.strip_prefix(word).is_some_and(|rest| match joined {
            Some(_) => !rest.starts_with(char::is_alphanumeric),
            // Another word alone behind the first is another verdict: `Yes. No.`
            None => rest.is_empty(),
        })
    })
}

/// The sides as judges call them without being told.
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

/// 0-based; −1 for none (Zheng et al. 2024, ProcessBench).
fn first_error(text: &str) -> VerdictSpec<Steps> {
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
    let first_error = (index >= 0.0).then_some(index as usize);
    Ok(Steps { first_error, steps: Vec::new() })
}

/// `2 > 1 = 3`, `B > A`, `[2, 1, 3]`: every candidate once, best first.
fn ranking(text: &str) -> VerdictSpec<Vec<Vec<usize>>> {
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

/// `Reply 2`, `[B]`, `3`: counted from 1 or from A, as judges do.
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
