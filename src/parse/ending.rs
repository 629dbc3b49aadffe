//! The words with which a verdict is forced out of a judge that came to none.

use super::{Finder, ItemShape, MenuValue, Reader, Rule, values::ValueFrame};
use crate::text::{JudgedTexts, unfinished_thought};

/// What is written for a judge so that only the verdict is missing.
///
/// Budget forcing (Muennighoff et al. 2025, s1) for verdicts: a judge that forgot its last line, or ran
/// out of tokens before it, is not made to write everything again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClosingLine {
    /// The words that announce the verdict.
    pub(crate) before: String,
    /// What closes it; empty where the line does.
    pub(crate) after: String,
}

/// A place at the end of a text where the verdict is announced for the judge, and what may follow.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scoring {
    pub(crate) ending: ClosingLine,
    pub(crate) values: Vec<MenuValue>,
}

impl Reader {
    /// The ending that this prompt's rules would read, by the first rule that has one.
    ///
    /// `marked` is the author's line that shows the marker, up to and with it.
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
    /// No rule can: why the first one cannot, in words that go on after "because".
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

    /// The rules that read the last turn.
    fn own_rules(&self) -> impl Iterator<Item = (&Rule, &Finder)> {
        let rules = self.spec.rules.iter().zip(&self.finders);
        rules.filter(|(rule, _)| rule.within.is_none())
    }
}

/// Why nothing can be announced for a rule.
fn unannounced(rule: &Rule, finder: &Finder) -> String {
    match finder {
        Finder::Mark => "the body does not print the mark".into(),
        Finder::Choose(name) => {
            format!("`choose(\"{name}\")` picks it, with probabilities of its own")
        }
        _ => format!("`{}` does not say what stands before a value", rule.name()),
    }
}

impl From<ValueFrame> for ClosingLine {
    fn from(ValueFrame { before, after, .. }: ValueFrame) -> Self {
        Self { before, after }
    }
}

impl ClosingLine {
    /// Where the judge began the announcement itself, and did not come to its end.
    pub(crate) fn begun(&self, text: &str) -> usize {
        let start = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
        let line = text[start..].trim().to_lowercase();
        let before = self.before.to_lowercase();
        let begun = !line.is_empty() && (before.starts_with(&line) || line.starts_with(&before));
        if begun { start } else { text.len() }
    }

    /// What is put behind the text of a judge: its thinking is closed, the verdict announced.
    pub(crate) fn behind(&self, text: &str, judged: &[String]) -> String {
        let thought = unfinished_thought(text, &JudgedTexts::new(judged));
        let close = thought.map_or_else(String::new, |close| format!("\n{close}"));
        let between = if text.trim().is_empty() && close.is_empty() { "" } else { "\n\n" };
        format!("{close}{between}{}", self.before)
    }

    /// The whole ending with what the model wrote into it.
    pub(crate) fn around(&self, written: &str) -> String {
        let Self { before, after } = self;
        let line = written.trim().lines().next().unwrap_or_default();
        let value = match after.as_str() {
            "" => line,
            after => line.split(after).next().unwrap_or_default(),
        };
        format!("{before} {}{after}", value.trim())
    }

    /// Where the model is to stop.
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
        let around = |verdict| ending(verdict).map(|ending| ending.around(" 7 because\nof it"));
        assert_eq!(around(json!("Rating: [[*]]")).unwrap(), "Rating: [[ 7 because]]");
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
        let behind = |text: &str| ending.behind(text, &["[THINK]".into()]);
        assert_eq!(behind("Fine."), "\n\nScore:");
        assert_eq!(behind("<think>hm"), "\n</think>\n\nScore:");
        assert_eq!(behind("[THINK]hm"), "\n[/THINK]\n\nScore:");
        assert_eq!(behind("It says [THINK]"), "\n\nScore:");
        assert_eq!(behind("<think>hm</think>Fine."), "\n\nScore:");
        assert_eq!(behind(" "), "Score:");
    }
}
