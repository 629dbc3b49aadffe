//! The end of a conversation: the values of the verdict are scored, or the verdict alone is asked for.
//!
//! | the model | the text | what is asked |
//! |---|---|---|
//! | scores verdicts | announces a verdict | every value, at the place of the text's own value |
//! | scores verdicts | lacks only its verdict | every value, after an appended announcement |
//! | any | was cut by its limit of tokens, and has no verdict | the text again, with twice the tokens |
//! | continues its turns | has no verdict, and asking again is of no use | the verdict alone |
//! | anything else | | nothing |
//!
//! None of this happens inside of a thinking block: it is ended first.

use super::{
    MOST_ALTERNATIVES, Program, ProgramStage, ProgramStep, line_of,
    turns::{Turns, end_of_thought, stands_in_thought},
};
use crate::{
    completion::{Completion, Finish, Token},
    error::Result,
    parse::{Chosen, ClosingLine, Parser, Reply, Scoring, Slot, Transcript, VerdictFrom},
    prompt::taint,
    request::{Ask, Message, Origin, Part, Request, Sampling},
    verdict::Reason,
};

/// The limit of tokens for a verdict alone.
const LONGEST_VERDICT: u32 = 24;

/// The slot of a scoring among the calls of a vote.
const VERDICT: &str = "verdict";

/// The slot of a verdict that was asked for alone.
const ENDING: &str = "ending";

impl Program {
    /// Whether the last request may remain without an answer: it scores the values of a verdict, and if that fails only
    /// the probabilities are lost.
    pub fn is_optional(&self) -> bool {
        matches!(self.stage, ProgramStage::Scoring { .. })
    }

    /// The next step once all replies of the body are there.
    pub(super) fn close(&mut self) -> Result<ProgramStep> {
        let mut transcript = self.whole();
        self.stage = ProgramStage::Over;
        let mut request = self.score(&transcript)?;
        if request.is_none() {
            if self.lengthen(&mut transcript) {
                return self.run();
            }
            request = self.force(&transcript)?;
        }
        Ok(request
            .map_or(ProgramStep::Done(transcript), |request| ProgramStep::Ask(Box::new(request))))
    }

    /// The finished conversation, with the answer to the last request.
    pub(super) fn closed(&mut self, answer: Option<Completion>) -> Transcript {
        let mut transcript = self.whole();
        let stage = std::mem::replace(&mut self.stage, ProgramStage::Over);
        let Some(completion) = answer else { return transcript };
        match stage {
            ProgramStage::Scoring { announcement, labels } => {
                transcript.results.push(scored(announcement, &labels, completion));
            }
            ProgramStage::Forcing(ending) => {
                // That the text before ran into its limit is mended now.
                transcript.results.iter_mut().for_each(|answer| answer.may_be_cut = true);
                transcript.results.push(forced(&ending, completion));
            }
            ProgramStage::Body | ProgramStage::Over => (),
        }
        transcript
    }

    /// All replies of the body.
    fn whole(&self) -> Transcript {
        self.state.transcript(&self.sent, |_| true)
    }

    /// The closing line that may be appended to a text, where asking again would be of no use.
    pub(super) fn ending(&self, marked: &str) -> Option<ClosingLine> {
        if !(self.repeats && self.context.capabilities.prefill.is_yes()) {
            return None;
        }
        self.reader().ending(self.marked_line(marked).as_deref())
    }

    /// The line of the author that shows the mark, in what was sent.
    pub(in crate::prompt) fn line_with_mark(&self) -> Option<String> {
        self.marked_line(&self.sent)
    }

    /// The line of the author that shows the mark, in a marked text.
    fn marked_line(&self, marked: &str) -> Option<String> {
        self.state.mark.as_deref().and_then(|mark| line_of(marked, mark))
    }

    /// The prompt's `verdict_from`.
    fn from(&self) -> VerdictFrom {
        self.prompt.front.verdict_from
    }

    /// The closing line and the values of the verdict, where they are known and may be scored.
    fn scoring(&self, marked: &str) -> Option<Scoring> {
        if self.from() == VerdictFrom::Text {
            return None;
        }
        let line = self.marked_line(marked);
        self.reader().scoring(line.as_deref(), &self.state.shape).ok()
    }

    /// Whether a server is asked to report the alternatives of every token for this slot, so that the distribution can
    /// be read where the verdict stands.
    pub(super) fn reports_at_value(&self, slot: &Slot, marked: &str) -> bool {
        self.context.capabilities.logprobs.may_be_top()
            && !self.context.capabilities.score_verdict.is_yes()
            && self.prompt.writes_last(slot)
            && self.can_score(marked)
    }

    /// Whether the values of the verdict are known and may be scored.
    fn can_score(&self, marked: &str) -> bool {
        let line = self.marked_line(marked);
        self.from() != VerdictFrom::Text
            && self.reader().can_score(line.as_deref(), &self.state.shape)
    }

    /// The request for the probability of each value of the verdict, where the text announces it or after an appended
    /// announcement; `None` if that cannot be asked.
    fn score(&mut self, transcript: &Transcript) -> Result<Option<Request>> {
        if !self.context.capabilities.score_verdict.is_yes() {
            return Ok(None);
        }
        let Some(Scoring { ending, values }) = self.scoring(&self.sent) else { return Ok(None) };
        let Some(mut turns) = self.open_turns()? else { return Ok(None) };
        let Some(turn) = turns.messages.last_mut() else { return Ok(None) };
        let values = if let Some(stand) = self.reader().stand(transcript) {
            let Some(answer) = transcript.results.get(stand.answer) else { return Ok(None) };
            if !cut(turn, &answer.completion.text, stand.at) {
                return Ok(None);
            }
            stand.values
        } else if self.reader().lacks_verdict_only(transcript) {
            let opened = self.context.capabilities.opens_thinking.is_yes();
            announce(turn, &ending, &taint::data(&self.sent), opened);
            values
        } else {
            return Ok(None);
        };
        let announcement = last_line(&turn.text()).to_owned();
        let labels: Vec<String> = values.into_iter().map(|value| value.text).collect();
        self.stage = ProgramStage::Scoring { announcement, labels: labels.clone() };
        let request = self.request(turns, Ask::Choose { labels }, Sampling::default(), None);
        // The same text has the same probabilities, whichever draw it was.
        Ok(Some(Request { draw: 0, reask: 0, ..request }))
    }

    /// The request for the verdict alone after a conversation without one; `None` unless asking again is of no use, the
    /// model can continue its text, and cannot score the values.
    fn force(&mut self, transcript: &Transcript) -> Result<Option<Request>> {
        let capabilities = self.context.capabilities;
        let has_values = || self.can_score(&self.sent);
        if !self.context.force || (capabilities.score_verdict.is_yes() && has_values()) {
            return Ok(None);
        }
        let Some(ending) = self.ending(&self.sent) else { return Ok(None) };
        let read = self.reader().parse(transcript);
        let silent = read.verdict.as_ref().is_err_and(|why| match why.reason {
            Reason::Refused | Reason::Abstained => false,
            // What the probabilities do not bear out is not asked for once more.
            Reason::Unsure => read.distribution.is_none() && self.from() == VerdictFrom::Auto,
            _ => true,
        });
        if !silent {
            return Ok(None);
        }
        let Some(mut turns) = self.open_turns()? else { return Ok(None) };
        let Some(turn) = turns.messages.last_mut() else { return Ok(None) };
        leave_begun(turn, &ending);
        let text = ending.after(&turn.text(), &taint::data(&self.sent));
        turn.parts.push(Part::text(text, Origin::Prompt));
        let sampling = Sampling {
            max_tokens: Some(LONGEST_VERDICT),
            stop: ending.stop(),
            ..self.prompt.front.sampling.clone()
        };
        let reports = capabilities.logprobs.may_be_top() && self.can_score(&self.sent);
        self.stage = ProgramStage::Forcing(ending);
        let ask = Ask::Generate { top_logprobs: None };
        let request = self.request(turns, ask, sampling, None);
        Ok(Some(Request { alternatives: reports.then_some(MOST_ALTERNATIVES), ..request }))
    }

    /// The turns up to the end of the last reply, where the model can continue it.
    fn open_turns(&self) -> Result<Option<Turns>> {
        let Some(last) = self.state.results.last() else { return Ok(None) };
        let mut turns = self.turns(&self.sent, &last.slot)?;
        if let Some(turn) = turns.messages.last_mut() {
            taint::trim(turn, false);
        }
        Ok(Some(turns).filter(|turns| turns.open))
    }

    /// Attaches to the model's own text in the open turn the tokens that it was written with: other tokens for the same
    /// text would be another question.
    pub(super) fn add_tokens(&self, turns: &mut Turns) {
        let Some(turn) = turns.messages.last_mut().filter(|_| turns.open) else { return };
        for part in turn.parts.iter_mut().filter(|part| part.origin == Origin::Model) {
            let text = part.as_text();
            let own = |answer: &&Reply| {
                answer.chosen.is_none() && answer.completion.text.starts_with(text)
            };
            let written = self.state.results.iter().rfind(own);
            part.token_ids =
                written.map(|answer| answer.completion.token_ids.clone()).unwrap_or_default();
        }
    }
}

/// The probabilities of values as a reply. A distribution over other labels is dropped.
fn scored(announcement: String, labels: &[String], mut completion: Completion) -> Reply {
    let asked = |(label, _): &(String, f64)| labels.contains(label);
    completion.distribution = completion
        .distribution
        .filter(|seen| seen.labels.len() == labels.len() && seen.labels.iter().all(asked));
    let slot = Slot { name: VERDICT.into(), at: None };
    Reply { slot, chosen: Some(Chosen::Scored { announcement }), may_be_cut: true, completion }
}

/// A verdict that was asked for alone, as a reply that holds its whole line.
fn forced(ending: &ClosingLine, mut completion: Completion) -> Reply {
    // Results that are read again hold the whole ending.
    if completion.finish != Finish::Forced {
        // A text that a filter or an accident ended is not a verdict.
        if !matches!(completion.finish, Finish::Stop | Finish::Length) {
            completion.text.clear();
        }
        let written = std::mem::take(&mut completion.text);
        completion.text = ending.with_value(&written);
        completion.finish = Finish::Forced;
        // The tokens go on where the words end that were written for the model.
        let blanks = written.len() - written.trim_start().len();
        let before = completion.text.get(..ending.before.len() + 1 - blanks.min(1));
        if let Some(before) = before.filter(|_| !completion.tokens.is_empty()) {
            completion.tokens.insert(0, Token::new(before, Vec::new()));
        }
    }
    let slot = Slot { name: ENDING.into(), at: None };
    Reply { slot, chosen: None, may_be_cut: true, completion }
}

/// Cuts a turn inside of this text of the model, at the byte `at`; `false` where the text is not a part of its own.
fn cut(turn: &mut Message, text: &str, at: usize) -> bool {
    let own = |part: &Part| part.origin == Origin::Model && part.as_text() == text;
    let Some(place) = turn.parts.iter().rposition(own) else { return false };
    turn.parts.truncate(place + 1);
    if let Some(written) = turn.parts.last_mut().and_then(Part::text_mut) {
        written.truncate(at);
    }
    true
}

/// Appends the announcement of the verdict to a turn, after ending any thinking block.
fn announce(turn: &mut Message, ending: &ClosingLine, judged: &[String], opened: bool) {
    leave_begun(turn, ending);
    let text = turn.text();
    let thinks = stands_in_thought(&text, judged, opened);
    if thinks {
        turn.parts.extend(end_of_thought());
    }
    let between = if text.trim().is_empty() && !thinks { "" } else { "\n\n" };
    turn.parts.push(Part::text(format!("{between}{}", ending.before), Origin::Prompt));
}

/// Removes an announcement that the model began and did not finish: it is written anew.
fn leave_begun(turn: &mut Message, ending: &ClosingLine) {
    let written = turn.parts.last_mut().filter(|part| part.origin == Origin::Model);
    if let Some(written) = written.and_then(Part::text_mut) {
        written.truncate(ending.begun(written));
        written.truncate(written.trim_end().len());
    }
}

/// The last line of a text that is not blank, with what follows it.
fn last_line(text: &str) -> &str {
    let end = text.trim_end().len();
    &text[text[..end].rfind('\n').map_or(0, |at| at + 1)..]
}
