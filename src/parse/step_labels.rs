//! A label for every step of a solution, read from one answer.
//!
//! ```text
//! above     = number { "," number }                        one number for each step
//! listed    = range { ("," | ";" | "and" | "&") range }    the steps that have the first label; or a word for none
//! range     = step [ ("-" | "–" | "to") step ]
//! per_step  = word { line break word }                     the words of the announcements, in their order
//! ```
//!
//! Numbers and words must be as many as the item has steps. Words may end early at a step that is wrong: what follows
//! an error need not be judged.

use super::{
    StepLabelling,
    bare::bare,
    unreadable::{ReadResult, ambiguous, off_scale_because},
    value::{ValueReader, step_index},
};
use crate::verdict::{StepLabel, Steps};

impl ValueReader<'_> {
    /// The labels of all steps, and the first of them that means an error.
    pub(super) fn labelled_steps(&self, how: &StepLabelling, text: &str) -> ReadResult<Steps> {
        let mut values = Vec::new();
        let labels = match how {
            StepLabelling::Above { threshold, labels: [above, other] } => {
                values = self.numbers(text)?;
                let label = |number: &f64| if number > threshold { above } else { other };
                values.iter().map(|number| label(number).clone()).collect()
            }
            StepLabelling::Listed { labels: [listed, other] } => {
                let named = self.listed(text)?;
                let count = named.iter().max().map_or(0, |last| last + 1);
                let label = |at: usize| if named.contains(&at) { listed } else { other };
                (0..self.shape.steps.unwrap_or(count)).map(|at| label(at).clone()).collect()
            }
            StepLabelling::PerStep => {
                text.lines().map(|word| self.word(word)).collect::<ReadResult<Vec<String>>>()?
            }
        };
        let first_error = labels.iter().position(|label: &String| self.spec.is_error(label));
        let ends_early = *how == StepLabelling::PerStep && first_error == Some(labels.len() - 1);
        match self.shape.steps {
            Some(count) if labels.len() > count || (labels.len() < count && !ends_early) => {
                let many = labels.len();
                return off_scale_because(format!("{many} of the {count} steps have a verdict"));
            }
            _ => (),
        }
        let step = |(at, label): (usize, String)| StepLabel {
            value: values.get(at).copied(),
            ..StepLabel::new(at, label)
        };
        let steps = labels.into_iter().enumerate().map(step).collect();
        Ok(Steps { first_error, steps, ..Steps::default() })
    }

    /// The 0-based indexes of the steps that a text lists.
    fn listed(&self, text: &str) -> ReadResult<Vec<usize>> {
        if self.says_no_error(text) {
            return Ok(Vec::new());
        }
        let text = text.to_lowercase().replace(" and ", ",").replace(['&', ';'], ",");
        let text = text.strip_prefix("steps").unwrap_or(&text);
        let mut all = Vec::new();
        for part in text.split(',').map(bare).filter(|part| !part.is_empty()) {
            let part = part.strip_prefix("and ").unwrap_or(part);
            let ends = [" to ", "-", "–"].iter().find_map(|sign| part.split_once(sign));
            let (first, last) = ends.unwrap_or((part, part));
            let step = |text: &str| match step_index(bare(text))? {
                Some(named) => self.index_of_step(named),
                None => ambiguous(text),
            };
            match (step(first)?, step(last)?) {
                (first, last) if first <= last => all.extend(first..=last),
                _ => return ambiguous(text),
            }
        }
        if all.is_empty() { ambiguous(text) } else { Ok(all) }
    }
}
