//! Settings of a prompt that a user changes: sampling and scale.

use std::num::NonZeroUsize;

use super::{Each, Prompt, engine::scale_value};
use crate::{
    aggregate::Reduce, error::Result, hint::Hint, item::Splitting, parse::Kind, request::Sampling,
    scale::Scale,
};

impl Prompt {
    /// Overrides the sampling settings of the file with those that are set in `over`; stop texts are added.
    pub fn set_sampling(&mut self, over: &Sampling) {
        let own = &mut self.front.sampling;
        own.temperature = over.temperature.or(own.temperature);
        own.top_p = over.top_p.or(own.top_p);
        own.top_k = over.top_k.or(own.top_k);
        own.min_p = over.min_p.or(own.min_p);
        own.max_tokens = over.max_tokens.or(own.max_tokens);
        own.seed = over.seed.or(own.seed);
        own.repeat_penalty = over.repeat_penalty.or(own.repeat_penalty);
        own.presence_penalty = over.presence_penalty.or(own.presence_penalty);
        own.frequency_penalty = over.frequency_penalty.or(own.frequency_penalty);
        own.thinking_tokens = over.thinking_tokens.or(own.thinking_tokens);
        own.stop.extend(over.stop.iter().cloned());
    }

    /// Sets how many criteria each conversation is about, in place of the key `per_call`.
    ///
    /// # Errors
    /// The prompt runs over no criteria, or its body is about one criterion and the number is not 1.
    pub fn set_per_call(&mut self, count: NonZeroUsize) -> Result<()> {
        let Some(own) = &mut self.front.per_call else {
            if self.front.each == Some(Each::Criteria) && count.get() == 1 {
                return Ok(());
            }
            let message = match self.front.each {
                Some(Each::Criteria) => format!(
                    "each conversation is about one criterion, and {count} were asked for in one request"
                ),
                _ => "it runs over no criteria, so that they cannot be grouped".to_owned(),
            };
            let hint = Hint::default().setting("prompt", "rubric-items-grouped");
            return Err(self.error(message).hint(hint.text(" judges several criteria at once")));
        };
        *own = count;
        Ok(())
    }

    /// Sets how the elements become one number, in place of the key `reduce`.
    ///
    /// # Errors
    /// The prompt gives no probabilities or scores of elements, or `reduce` cannot be used for them.
    pub fn set_reduce(&mut self, reduce: Reduce) -> Result<()> {
        let before = self.front.reduce.replace(reduce);
        if let Some(error) = self.front.reduce_problem() {
            self.front.reduce = before;
            return Err(error.within(&self.name));
        }
        self.set_readers()
    }

    /// Sets how answers are cut into steps, in place of the key `split_steps`.
    ///
    /// # Errors
    /// The prompt reads no steps, or the rule cannot be used for it.
    pub fn set_split(&mut self, rule: Splitting) -> Result<()> {
        if !self.reads("steps") {
            let error = self.error("it reads no steps, so that none can be split".to_owned());
            return Err(error.hint(Hint::default().setting("prompt", "first-error").text(" does")));
        }
        let before = self.front.split.replace(rule);
        if let Some(error) = self.front.split_problem() {
            self.front.split = before;
            return Err(error.within(&self.name));
        }
        Ok(())
    }

    /// Sets another scale, which is printed into the prompt and which verdicts are checked against. Scores may have
    /// numbers or named levels, labels only names.
    ///
    /// # Errors
    /// Verdicts of this kind cannot have such a scale, the body does not print `scale`, or the scale has no values.
    pub fn set_scale(&mut self, scale: Scale) -> Result<()> {
        let fits = match self.front.kind {
            Kind::Criteria => scale.ends().is_some(),
            Kind::Score | Kind::Scores => scale.ends().is_some() && scale.assessments().is_none(),
            Kind::Label => matches!(scale, Scale::Labels { .. }),
            _ => false,
        };
        if !fits {
            let kind = self.front.kind.name();
            let error =
                self.error(format!("verdicts of kind `{kind}` cannot have the scale `{scale}`"));
            let hint = Hint::default().setting("scale", "1-5").text(" is for scores, ");
            return Err(error.hint(hint.setting("labels", "good,bad").text(" for labels")));
        }
        scale.check()?;
        if !self.prints("scale") {
            let message =
                "its body does not print its scale, so that another one would not reach the model";
            return Err(self
                .error(message.into())
                .hint("print it where the verdict is asked for: {{ scale }}"));
        }
        self.environment.add_global("scale", scale_value(&scale));
        self.front.scale = Some(scale);
        let labels = self.front.verdict_spec().labels;
        // The old labels are gone, and with them the one that was positive.
        let kept = |own: &String| labels.is_empty() || labels.contains(own);
        self.front.positive = self.front.positive.take().filter(kept);
        self.set_readers()
    }
}
