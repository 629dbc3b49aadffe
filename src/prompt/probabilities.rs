//! Whether the verdicts of a prompt have probabilities, and of what.

use super::{Prompt, sample::SAMPLE_MARK};
use crate::{
    error::{Error, ErrorKind, Result},
    parse::{ItemShape, Kind, MenuValue, Place, Scoring, VerdictFrom},
};

/// The menu of a prompt's verdict, as it is evaluated.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EvaluatedMenu {
    /// What stands before a value; `<mark>` stands for the record's own marker. Empty where a label opens the
    /// answer.
    pub announcement: String,
    /// The values as they are written there, with what they mean. Of steps these are the first few.
    pub values: Vec<MenuValue>,
    /// Whether a `choose` of the body asks for it.
    pub chosen: bool,
    /// Whether there is a value for every step of a record.
    pub each_step: bool,
}

/// Steps of a sample record.
const STEPS: usize = 3;

impl Prompt {
    /// The menu of the verdict, as it is evaluated.
    ///
    /// # Errors
    /// The verdict has no finite menu, or no known place: why, as the end of a sentence.
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

    /// Refuses a verdict from probabilities that it cannot have.
    pub(super) fn check_verdict_from(&self) -> Result<()> {
        if self.front.verdict_from != VerdictFrom::Probabilities {
            return Ok(());
        }
        self.evaluated().map(drop).map_err(|why| {
            let message = format!("`verdict_from: probabilities` cannot be had: {why}");
            Error::new(ErrorKind::Prompt, message)
                .hint("leave it out: the verdict is then read from the text")
        })
    }

    /// Whether a `choose` gives the verdict, or its values can be evaluated where the text announces it.
    pub fn has_probabilities(&self) -> bool {
        self.front.picks() || self.evaluated().is_ok()
    }
}

fn unmarked(text: &str) -> String {
    text.replace(SAMPLE_MARK, "<mark>")
}
