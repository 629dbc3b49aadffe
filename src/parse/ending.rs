//! The line that is appended to a judge's text so that only its verdict is missing.
//!
//! A judge that forgot its last line, or ran out of tokens before it, need not write everything again. Its turn is
//! continued with the words that announce the verdict, and the model adds the verdict alone, or the values are
//! scored there. This is budget forcing (Muennighoff et al. 2025, s1) for verdicts.

use super::{Finder, ItemShape, Kind, MenuValue, Reader, Rule, values::ValueFrame};
use crate::text::{JudgedTexts, unfinished_thought};

/// The closing line of a judge's text, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClosingLine {
    /// The words that announce the verdict: `Score 3fa2:`.
    pub(crate) before: String,
    /// The text that closes it; empty if the line ends it.
    pub(crate) after: String,
}

/// A closing line, and every value that may follow it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scoring {
    /// The line that announces the verdict.
    pub(crate) ending: ClosingLine,
    /// The values, as they are written after it.
    pub(crate) values: Vec<MenuValue>,
}

impl Reader {
    /// The closing line that this prompt's rules would read, by the first rule that has one.
    ///
    /// `marked` is the line of the prompt that shows the mark, up to and including it.
    pub(crate) fn ending(&self, marked: Option<&str>) -> Option<ClosingLine> {
        self.own_rules().find_map(|(rule, finder)| match finder {
            Finder::Json(pointer) => {
                // Only a key of the object itself: what stands around deeper ones is not known.
                let key = pointer.strip_prefix('/').filter(|key| !key.contains(['/', '~']))?;
                let key = serde_json::Value::from(key);
                Some(ClosingLine { before: format!("{{{key}:"), after: "}".into() })
            }
            _ => Self::around(rule, finder, marked).map(ClosingLine::from),
        })
    }

    /// How the verdict is announced where the text lacks it, and every value that may follow, by the first rule
    /// whose values are known.
    ///
    /// # Errors
    /// No rule has both. The error text is the reason of the first one, and completes "… cannot be used: ".
    pub(crate) fn scoring(
        &self,
        marked: Option<&str>,
        shape: &ItemShape,
    ) -> Result<Scoring, String> {
        let mut why = None;
        for (rule, finder) in self.own_rules() {
            let scoring = match Self::around(rule, finder, marked) {
                Some(around) => self
                    .values_of(rule, &around, shape)
                    .map(|values| Scoring { ending: around.into(), values }),
                None => Err(unannounced(rule, finder)),
            };
            match scoring {
                Ok(scoring) => return Ok(scoring),
                Err(cannot) => drop(why.get_or_insert(cannot)),
            }
        }
        Err(why.unwrap_or_else(|| {
            let why = if self.is_draft() {
                "the text itself is the result"
            } else {
                "no rule reads the whole answer"
            };
            why.into()
        }))
    }

    /// Whether there is a [`scoring`](Self::scoring). It is looked for once where the values are the same for all items.
    pub(crate) fn can_score(&self, marked: Option<&str>, shape: &ItemShape) -> bool {
        let found = || self.scoring(marked, shape).is_ok();
        match self.spec.kind {
            Kind::Score | Kind::Label | Kind::Preference => {
                *self.can_score[usize::from(marked.is_some())].get_or_init(found)
            }
            _ => found(),
        }
    }

    /// The rules that read the last turn, not an earlier result.
    fn own_rules(&self) -> impl Iterator<Item = (&Rule, &Finder)> {
        let rules = self.spec.rules.iter().zip(&self.finders);
        rules.filter(|(rule, _)| rule.within.is_none())
    }
}

/// Why no closing line can be written for a rule.
fn unannounced(rule: &Rule, finder: &Finder) -> String {
    match finder {
        Finder::Mark => "the body does not print the mark".into(),
        Finder::Choose(name) => {
            format!("`choose(\"{name}\")` picks it, with probabilities of its own")
        }
        Finder::Logprobs { .. } => "it is made of log-probabilities".into(),
        Finder::Several(_) | Finder::Numbered(_) => "its numbers stand in several places".into(),
        _ => format!("`{}` has no words before its value", rule.name()),
    }
}

impl From<ValueFrame> for ClosingLine {
    fn from(ValueFrame { before, after, .. }: ValueFrame) -> Self {
        Self { before, after }
    }
}

impl ClosingLine {
    /// The byte at which the judge began the announcement itself without finishing it; the length of the text where
    /// it did not.
    pub(crate) fn begun(&self, text: &str) -> usize {
        let start = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
        let line = text[start..].trim().to_lowercase();
        let before = self.before.to_lowercase();
        let begun = !line.is_empty() && (before.starts_with(&line) || line.starts_with(&before));
        if begun { start } else { text.len() }
    }

    /// What is appended to a judge's text: the end of its thinking if it is unfinished, then the announcement.
    pub(crate) fn after(&self, text: &str, judged: &[String]) -> String {
        let thought = unfinished_thought(text, &JudgedTexts::new(judged));
        let close = thought.map_or_else(String::new, |close| format!("\n{close}"));
        let between = if text.trim().is_empty() && close.is_empty() { "" } else { "\n\n" };
        format!("{close}{between}{}", self.before)
    }

    /// The whole closing line with the value that the model wrote, on one line.
    pub(crate) fn with_value(&self, written: &str) -> String {
        let Self { before, after } = self;
        let line = written.trim().lines().next().unwrap_or_default();
        let value = match after.as_str() {
            "" => line,
            after => line.split(after).next().unwrap_or_default(),
        };
        format!("{before} {}{after}", value.trim())
    }

    /// The texts at which the model must stop: the end of the line, and what closes the value.
    pub(crate) fn stop(&self) -> Vec<String> {
        let after = Some(self.after.clone()).filter(|after| !after.is_empty());
        ["\n".to_owned()].into_iter().chain(after).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::parse::VerdictSpec;

    fn ending(verdict: Value) -> Option<ClosingLine> {
        let spec = VerdictSpec::from_json("score", None, verdict).unwrap();
        Reader::new(&spec).unwrap().ending(Some("Score 3fa2"))
    }

    #[test]
    fn the_first_rule_that_has_words_gives_the_ending() {
        let around = |verdict| ending(verdict).map(|ending| ending.with_value(" 7 because\nof it"));
        assert_eq!(around(json!("Rating: [[*]]")).unwrap(), "Rating: [[ 7 because]]");
        assert_eq!(around(json!("**Result:** *")).unwrap(), "**Result:** 7 because");
        assert_eq!(around(json!([{"mark": true}, "Score: *"])).unwrap(), "Score 3fa2: 7 because");
        assert_eq!(around(json!({"json": "/score"})).unwrap(), "{\"score\": 7 because}");
        for none in
            [json!({"json": "/a/b"}), json!({"regex": "(?<verdict>.)"}), json!({"numbers": 2})]
        {
            assert_eq!(around(none), None);
        }
        let both = ending(json!([{"numbers": 2}, "Score: *"])).unwrap();
        assert_eq!((both.before.as_str(), both.stop()), ("Score:", vec!["\n".to_owned()]));
    }

    #[test]
    fn an_announcement_that_was_begun_is_begun_again() {
        let ending = ending(json!("Score: *")).unwrap();
        for (text, kept) in [
            ("Fine.\nSco", "Fine.\n"),
            ("Fine.\nscore: 5\n", "Fine.\n"),
            ("Fine.\nScoring is hard", "Fine.\nScoring is hard"),
            ("Fine.\n", "Fine.\n"),
            ("", ""),
        ] {
            assert_eq!(&text[..ending.begun(text)], kept, "{text:?}");
        }
    }

    #[test]
    fn an_unfinished_thought_is_closed_first() {
        let ending = ending(json!("Score: *")).unwrap();
        let after = |text: &str| ending.after(text, &["[THINK]".into()]);
        assert_eq!(after("Fine."), "\n\nScore:");
        assert_eq!(after("<think>hm"), "\n</think>\n\nScore:");
        assert_eq!(after("[THINK]hm"), "\n[/THINK]\n\nScore:");
        assert_eq!(after("It says [THINK]"), "\n\nScore:");
        assert_eq!(after("<think>hm</think>Fine."), "\n\nScore:");
        assert_eq!(after(" "), "Score:");
    }
}
