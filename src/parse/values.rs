//! The menu of a finite verdict: every value, how it is written after its announcement, and what it means.
//!
//! Whole scores, named levels, labels, two sides and steps are finite menus. Where the model runs in this process,
//! each value is evaluated at the place where the verdict stands. Values must then be written as the model would
//! write them: after `Score:` comes ` 7` with a blank, after `[[` comes `7]]`.

use super::{
    Finder, ItemShape, Kind, Place, Reader, Rule, Words,
    bare::bare,
    rule::{NO_ERROR, value_place},
};
use crate::{
    completion::Distribution,
    scale::{Numbers, Scale, StepSize, without_noise},
    verdict::Verdict,
};

/// A value of a finite verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct MenuValue {
    /// The value as it is written after its announcement, with the blank before it and the text that closes it.
    pub text: String,
    /// What it means; see [`Verdict::meaning`].
    pub meaning: String,
}

/// A word of the menu, and the verdict that it is read as.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MenuWord {
    /// The word as the rule writes it.
    text: String,
    pub(super) verdict: Verdict,
}

/// The text before and after the values of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ValueFrame {
    /// The words that announce the value, with the opening of its form.
    pub(super) before: String,
    /// Whether a blank stands between these words and the value.
    pub(super) blank: bool,
    /// The text that closes the value; empty if the line ends it.
    pub(super) after: String,
}

/// How many values are evaluated at one place at most: enough for 0 to 100. A verdict with more has no finite menu.
const MOST: usize = 101;

impl Reader {
    /// The text before and after the values of a rule; `None` if that is not known.
    ///
    /// `marked` is the line of the prompt that shows the mark, up to and including it.
    pub(super) fn around(rule: &Rule, finder: &Finder, marked: Option<&str>) -> Option<ValueFrame> {
        match finder {
            Finder::Mark => {
                let line = marked?.trim_start();
                Some(match &rule.form {
                    None => {
                        ValueFrame { before: format!("{line}:"), blank: true, after: String::new() }
                    }
                    Some(form) => ValueFrame {
                        before: format!("{line}: {}", form.open),
                        blank: form.open.is_empty(),
                        after: form.close.clone(),
                    },
                })
            }
            Finder::Announced(_) => {
                let name = rule.name();
                let (before, after) = value_place(&name)?;
                Some(ValueFrame {
                    before: before.trim_end().to_owned(),
                    blank: before.ends_with(char::is_whitespace),
                    after: after.trim().to_owned(),
                })
            }
            Finder::Json(_)
            | Finder::Choose(_)
            | Finder::Logprobs { .. }
            | Finder::Numbers(..)
            | Finder::Several(_)
            | Finder::Numbered(_)
            | Finder::Regex(_) => None,
        }
    }

    /// The values as they are written after a rule's announcement.
    ///
    /// # Errors
    /// The rule has no finite menu; the error text is the reason.
    pub(super) fn values_of(
        &self,
        rule: &Rule,
        around: &ValueFrame,
        shape: &ItemShape,
    ) -> Result<Vec<MenuValue>, String> {
        let close = close_of(rule);
        let blank = if around.blank { " " } else { "" };
        let text = |word: &MenuWord| {
            let own = if close.is_empty() { word.text.trim() } else { bare(&word.text) };
            format!("{blank}{own}{close}")
        };
        Ok(listed(&self.words(rule, shape)?, text))
    }

    /// The same at a place that the model itself announced: `blank` and `close` describe how it wrote there.
    pub(super) fn values_written(
        &self,
        rule: &Rule,
        shape: &ItemShape,
        blank: bool,
        close: &str,
    ) -> Option<Vec<MenuValue>> {
        let blank = if blank { " " } else { "" };
        let text = |word: &MenuWord| format!("{blank}{}{close}", bare(&word.text));
        Some(listed(&self.words(rule, shape).ok()?, text))
    }

    /// Every word that the verdict of a rule may be, in the order of the prompt file or the scale.
    ///
    /// # Errors
    /// There is no such list; the error text is the reason.
    pub(super) fn words(&self, rule: &Rule, shape: &ItemShape) -> Result<Vec<MenuWord>, String> {
        let texts: Vec<String> = match (self.spec.kind, &self.spec.scale) {
            (Kind::Score, _) if !rule.values.is_empty() => owned(&rule.values),
            (Kind::Score, Some(Scale::Numbers(numbers))) => numbers_of(numbers)?,
            (Kind::Score, Some(scale)) => scale.levels().map(|(name, _)| name.to_owned()).collect(),
            (Kind::Label | Kind::Preference, _) => owned(&rule.values),
            (Kind::Steps, _) if rule.labelling.is_some() => {
                return Err("every step has a label of its own".into());
            }
            (Kind::Steps, _) => steps_of(rule, shape)?,
            (Kind::Score, None) => return Err("the prompt has no scale".into()),
            (Kind::Ranking, _) => return Err("a ranking is not one of a few values".into()),
            (Kind::Scores | Kind::Criteria, _) => {
                return Err("several numbers stand in one place".into());
            }
            (Kind::Critique | Kind::Revision, _) => {
                return Err("the text itself is the result".into());
            }
        };
        if texts.is_empty() {
            let what = match self.spec.kind {
                Kind::Preference => "`values` has no words for the sides",
                _ => "any word may be the label: name them under `values` or `scale`",
            };
            return Err(what.into());
        }
        let value_reader = self.value_reader(rule, shape);
        let word = |text: String| {
            let verdict = value_reader.read(&text).ok()?;
            Some(MenuWord { text, verdict })
        };
        let mut words: Vec<MenuWord> = texts.into_iter().filter_map(word).collect();
        if self.spec.kind == Kind::Preference {
            // Sides in the order in which they are shown; the words of one side in the file's order.
            words.sort_by_key(|word| {
                ["first", "second", "tie"]
                    .iter()
                    .position(|side| word.verdict.meaning().as_deref() == Some(side))
            });
        }
        match words.len() {
            0 | 1 => Err("fewer than two of its words can be read".into()),
            2..=MOST => Ok(words),
            many => Err(format!("it has {many} values, and at most {MOST} are evaluated")),
        }
    }

    /// The verdicts that scored values mean, with their probabilities, in the order of the values; those of equal
    /// verdicts are added up. `None` if one of the values does not belong to this rule.
    pub(super) fn meanings(
        &self,
        rule: &Rule,
        shape: &ItemShape,
        seen: &Distribution,
    ) -> Option<Vec<(Verdict, f64)>> {
        let words = self.words(rule, shape).ok()?;
        let close = close_of(rule);
        let mut all: Vec<(Verdict, f64)> = Vec::new();
        for (label, p) in &seen.labels {
            let label = label.trim();
            let is = |word: &&MenuWord| {
                let own = [word.text.trim(), bare(&word.text)];
                own.into_iter().any(|own| {
                    label.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest == close)
                })
            };
            let word = words.iter().find(is)?;
            match all.iter_mut().find(|(verdict, _)| *verdict == word.verdict) {
                Some((_, sum)) => *sum += p,
                None => all.push((word.verdict.clone(), *p)),
            }
        }
        Some(all)
    }
}

/// The words of a rule as texts.
fn owned(words: &Words) -> Vec<String> {
    words.words().map(str::to_owned).collect()
}

/// The text that is written after every value of a rule.
pub(super) fn close_of(rule: &Rule) -> &str {
    closing(match (&rule.place, &rule.form) {
        (Place::Announced(pattern), _) => {
            value_place(pattern).map_or("", |(_, after)| after.trim())
        }
        (_, Some(form)) => &form.close,
        _ => "",
    })
}

/// The values of a menu, each text once.
fn listed(words: &[MenuWord], text: impl Fn(&MenuWord) -> String) -> Vec<MenuValue> {
    let mut values: Vec<MenuValue> = Vec::new();
    for word in words {
        let text = text(word);
        let Some(meaning) = word.verdict.meaning() else { continue };
        if !values.iter().any(|value| value.text == text) {
            values.push(MenuValue { text, meaning });
        }
    }
    values
}

/// The part of the closing text that is scored with every value: all of it if it is short, otherwise its first signs.
fn closing(after: &str) -> &str {
    const LONGEST: usize = 16;
    if after.len() <= LONGEST && !after.contains(char::is_whitespace) {
        return after;
    }
    let end = after.find(|c: char| c.is_alphanumeric() || c.is_whitespace()).unwrap_or(after.len());
    &after[..end]
}

/// The numbers of a scale as texts, from the lowest to the highest.
///
/// # Errors
/// There are too many, or the scale allows any decimal.
fn numbers_of(numbers: &Numbers) -> Result<Vec<String>, String> {
    let Numbers { min, max, step } = *numbers;
    let StepSize::Of(step) = step else { return Err("its scale allows any decimal".into()) };
    let count = ((max - min) / step + 1e-9).floor() + 1.0;
    #[expect(clippy::cast_precision_loss, reason = "a hundred or so")]
    let most = MOST as f64;
    if count > most {
        return Err(format!("its scale has {count} values, and at most {MOST} are evaluated"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 1, and a hundred or so at most"
    )]
    let count = count as u32;
    Ok((0..count).map(|n| without_noise(min + f64::from(n) * step).to_string()).collect())
}

/// The indexes of steps as the judge writes them, after the word for no error.
///
/// # Errors
/// The number of steps is not known, or too large.
fn steps_of(rule: &Rule, shape: &ItemShape) -> Result<Vec<String>, String> {
    let count = shape.steps.ok_or("it is not known how many steps a record has")?;
    if count >= MOST {
        return Err(format!(
            "the record has {count} steps, and at most {MOST} values are evaluated"
        ));
    }
    let steps = (0..count).map(|index| (index + rule.first_step).to_string());
    let none = rule.values.iter().find(|(_, meaning)| *meaning == NO_ERROR);
    let none = none.map_or(NO_ERROR, |(word, _)| word).to_owned();
    Ok(std::iter::once(none).chain(steps).collect())
}
