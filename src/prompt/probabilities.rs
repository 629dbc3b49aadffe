//! Whether the verdicts of a prompt have probabilities, and over which values.

use super::{Prompt, sample::SAMPLE_MARK};
use crate::{
    error::{Error, ErrorKind, Result},
    parse::{ItemShape, Kind, MenuValue, Place, Scoring, VerdictFrom},
};

/// The menu of a prompt's verdict as it is evaluated: the announcement, and every value that may follow it.
///
/// `tribunal prompts check` prints it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EvaluatedMenu {
    /// The text before a value, in which `<mark>` stands for the record's own mark. Empty where a label opens the answer.
    pub announcement: String,
    /// The values as they are written there, with what they mean. Of steps only the first few.
    pub values: Vec<MenuValue>,
    /// Whether a `choose` of the body asks for the value.
    pub chosen: bool,
    /// Whether there is one value for every step of a record.
    pub each_step: bool,
}

/// The number of steps of the sample record.
const STEPS: usize = 3;

impl Prompt {
    /// The menu of the verdict as it is evaluated.
    ///
    /// # Errors
    /// The verdict has no finite menu, or no known place. The error text is the reason, and completes a sentence after a colon.
    pub fn evaluated(&self) -> Result<EvaluatedMenu, String> {
        if self.front.verdict_from == VerdictFrom::Text && !self.front.picks() {
            return Err("`verdict_from` is text".into());
        }
        let picks = self.front.rules.iter().find_map(|rule| match &rule.place {
            Place::Choose(name) => self.choice(name),
            _ => None,
        });
        if let Some((words, labels)) = picks {
            let value =
                |text: &String| MenuValue { text: text.clone(), meaning: text.trim().to_owned() };
            return Ok(EvaluatedMenu {
                announcement: unmarked(words.trim()),
                values: labels.iter().map(value).collect(),
                chosen: true,
                each_step: false,
            });
        }
        if self.front.weighs_texts() {
            return Err("the verdict is made of the log-probabilities of given texts".into());
        }
        if self.front.picks() {
            return Err("the labels of its `choose` are known only beside a record".into());
        }
        let each_step = self.element_verdict_spec().kind == Kind::Steps;
        let shape = ItemShape { steps: Some(STEPS), ..ItemShape::default() };
        let line = self.sample_line();
        let Scoring { ending, values } = self.element_reader.scoring(line.as_deref(), &shape)?;
        Ok(EvaluatedMenu {
            announcement: unmarked(&ending.before),
            values,
            chosen: false,
            each_step,
        })
    }

    /// Refuses `verdict_from: probabilities` for a verdict without a menu.
    pub(super) fn check_verdict_from(&self) -> Result<()> {
        if self.front.verdict_from != VerdictFrom::Probabilities {
            return Ok(());
        }
        self.evaluated().map(drop).map_err(|why| {
            let message = format!("`verdict_from: probabilities` cannot be used: {why}");
            Error::new(ErrorKind::Prompt, message)
                .hint("leave it out: the verdict is then read from the text")
        })
    }

    /// Whether verdicts may have probabilities: a `choose` picks them, or their values can be evaluated where the text
    /// announces them. Whether a model reports them is another question.
    pub fn has_probabilities(&self) -> bool {
        self.front.picks() || self.front.weighs_texts() || self.evaluated().is_ok()
    }
}

/// A text with `<mark>` in the place of the sample record's mark.
fn unmarked(text: &str) -> String {
    text.replace(SAMPLE_MARK, "<mark>")
}
