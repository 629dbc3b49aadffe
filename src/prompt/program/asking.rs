//! The request for a missing reply: of a `gen`, a `choose`, a `compare`, a `run` or a `reward`, as far as the model can answer it.

use super::{MOST_ALTERNATIVES, PendingReply, Program, ReplyKind, turns::Turns};
use crate::{
    completion::{Completion, Distribution},
    error::{Error, ErrorKind, Result},
    hint::Hint,
    parse::{Chosen, Reply, Slot, find_label},
    prompt::{
        rendering::{GenOptions, MissingReply, TemplateCall},
        state::AskedAt,
        taint,
    },
    request::{Ask, Chat, Logprobs, Normalize, Request, Sampling},
    text::{JudgedTexts, TurnEnd},
};

impl Program {
    /// The request for a missing reply; `None` if it could be read from an earlier reply.
    pub(super) fn ask(&mut self, marked: &str, missing: MissingReply) -> Result<Option<Request>> {
        let MissingReply { slot, what } = missing;
        match what {
            TemplateCall::Gen(settings) => {
                let turns = self.turns_at(marked, &slot)?;
                self.ask_text(marked, turns, slot, *settings).map(Some)
            }
            TemplateCall::Choose { labels, normalize } => {
                let turns = self.turns_at(marked, &slot)?;
                let request = self.ask_label(turns, slot, labels)?;
                if normalize == Normalize::Mean && request.is_none() {
                    self.drop_last_distribution();
                }
                Ok(request.map(|request| Request { normalize, ..request }))
            }
            TemplateCall::Compare { answer, reference } => {
                let turns = self.turns_at(marked, &slot)?;
                self.ask_check(turns, slot, answer, reference).map(Some)
            }
            TemplateCall::Reward => {
                let turns = self.turns_at(marked, &slot)?;
                self.ask_reward(turns, slot).map(Some)
            }
            TemplateCall::Run { code } => self.ask_run(marked, slot, code).map(Some),
            TemplateCall::Logprobs(text) => {
                let turns = self.turns_at(marked, &slot)?;
                self.ask_logprobs(turns, slot, text).map(Some)
            }
        }
    }

    /// The turns before a slot, noted as its place.
    fn turns_at(&mut self, marked: &str, slot: &Slot) -> Result<Turns> {
        let turns = self.turns(marked, slot)?;
        self.state.places.push(AskedAt { turn: turns.place(), shown: marked.len() });
        Ok(turns)
    }

    /// The request for a `gen`.
    fn ask_text(
        &mut self,
        marked: &str,
        turns: Turns,
        slot: Slot,
        settings: GenOptions,
    ) -> Result<Request> {
        let capabilities = self.context.capabilities;
        if turns.open && self.chat() == Chat::Model && !capabilities.prefill.is_yes() {
            return Err(self.cannot_continue(&slot));
        }
        if settings.constraint.is_some() && capabilities.schema.is_no() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "{}: gen(\"{}\") needs a JSON schema, which this model's API cannot hold to",
                    self.prompt.name(),
                    slot.name
                ),
            ));
        }
        let mut sampling = self.prompt.front.sampling.clone();
        let most = settings.max_tokens.or(sampling.max_tokens);
        sampling.max_tokens = self.lengthening.limit(&slot, most);
        sampling.temperature = settings.temperature.or(sampling.temperature);
        sampling.top_p = settings.top_p.or(sampling.top_p);
        sampling.stop.extend(settings.stop);
        // In process nothing but the draw of tokens makes another text.
        let greedy = |t: f64| t <= 0.0;
        self.repeats &= sampling.temperature.map_or(capabilities.deterministic.is_yes(), greedy);
        let read = !capabilities.prefill.is_yes() && self.prompt.chooses_after(&slot);
        let mut top_logprobs = None;
        if read {
            sampling.stop.clear();
            top_logprobs = (capabilities.logprobs != Logprobs::None).then_some(MOST_ALTERNATIVES);
        }
        let beside = self.reports_at_value(&slot, marked).then(|| beside(&sampling));
        self.asked =
            Some(PendingReply { slot, how: ReplyKind::Text, may_be_cut: settings.may_be_cut });
        let mut request =
            self.request(turns, Ask::Generate { top_logprobs }, sampling, settings.constraint);
        request.alternatives = beside.filter(|_| top_logprobs.is_none());
        if !self.varies() || self.ending(marked).is_some() {
            request.reask = 0;
        }
        Ok(request)
    }

    /// The request for a `reward`: of the turns as they are, so the last one is closed.
    fn ask_reward(&mut self, mut turns: Turns, slot: Slot) -> Result<Request> {
        if self.context.capabilities.reward.is_no() {
            let message = format!(
                "{}: reward(\"{}\") needs a model with a reward head",
                self.prompt.name(),
                slot.name
            );
            return Err(Error::new(ErrorKind::Unsupported, message).hint(
                "use a GGUF with a reward head of two outputs, or serve the reward model with vLLM or SGLang, and name it `vllm/MODEL` or `sglang/MODEL`; or use a prompt that asks the model itself for a score, such as `cloud-choose`",
            ));
        }
        if self.chat() == Chat::Model {
            if turns.open
                && let Some(turn) = turns.messages.last_mut()
            {
                taint::trim(turn, false);
            }
            turns.open = false;
        }
        self.asked = Some(PendingReply { slot, how: ReplyKind::Text, may_be_cut: true });
        Ok(self.request(turns, Ask::Reward, Sampling::default(), None))
    }

    /// The request for a `compare`, which only checks can answer.
    fn ask_check(
        &mut self,
        turns: Turns,
        slot: Slot,
        answer: String,
        reference: String,
    ) -> Result<Request> {
        if !self.context.capabilities.compare.is_yes() {
            let message = format!(
                "{}: `{}` compares by rule, which no model does",
                self.prompt.name(),
                slot.name
            );
            return Err(Error::new(ErrorKind::Unsupported, message).hint(
                Hint::from("use a check as the model, such as ")
                    .setting("model", "check:number")
                    .text(", or a prompt that asks a model"),
            ));
        }
        self.asked = Some(PendingReply { slot, how: ReplyKind::Text, may_be_cut: true });
        let ask = Ask::Compare { answer, reference };
        Ok(self.request(turns, ask, Sampling::default(), None))
    }

    /// The request for a `choose`; `None` if the label is read from the text before.
    ///
    /// A model that continues assistant turns is asked to choose. Another one has written the turn already, so the label
    /// is read after the words that announce it. A model without probabilities is asked for a text that begins with
    /// one of the labels.
    pub(super) fn ask_label(
        &mut self,
        turns: Turns,
        slot: Slot,
        labels: Vec<String>,
    ) -> Result<Option<Request>> {
        let capabilities = self.context.capabilities;
        if turns.open && self.chat() == Chat::Model && !capabilities.prefill.is_yes() {
            let Some(literal) = turns.since_result() else {
                return Err(self.cannot_continue(&slot));
            };
            let data = turns.data();
            self.read_label(&literal, slot, &labels, &data);
            return Ok(None);
        }
        if capabilities.logprobs == Logprobs::None {
            // No limit of our own: a model that thinks first would spend it on that.
            let mut sampling = self.prompt.front.sampling.clone();
            sampling.max_tokens = self.lengthening.limit(&slot, sampling.max_tokens);
            self.asked =
                Some(PendingReply { slot, how: ReplyKind::Opening(labels), may_be_cut: false });
            return Ok(Some(self.request(
                turns,
                Ask::Generate { top_logprobs: None },
                sampling,
                None,
            )));
        }
        if capabilities.opens_thinking.is_yes() && !turns.open && self.chat() == Chat::Model {
            return Err(self.label_in_thought(&slot));
        }
        let opened = capabilities.opens_thinking.is_yes();
        let turns = if capabilities.score_verdict.is_yes() {
            turns.with_thinking_ended(opened)
        } else {
            turns
        };
        self.asked = Some(PendingReply { slot, how: ReplyKind::Label, may_be_cut: true });
        Ok(Some(self.request(turns, Ask::Choose { labels }, Sampling::default(), None)))
    }

    /// Reads a label from the last text, after the words `literal` that announce it, and cuts the text there: so it
    /// becomes what it would have been if the choice had been asked for.
    fn read_label(&mut self, literal: &str, slot: Slot, labels: &[String], data: &[String]) {
        let mut completion = Completion::default();
        let mut distribution = None;
        let mark = self.state.mark.clone();
        let mark = mark.as_deref();
        if let Some(Reply { completion: before, .. }) = self.state.results.last_mut() {
            let end = if before.in_process { TurnEnd::Exact } else { TurnEnd::Token(mark) };
            let judged = JudgedTexts::new(data);
            let found = find_label(&before.text, literal, mark, labels, &judged, end);
            if let Some(found) = found {
                distribution = masses_at(before, found.place.start, labels);
                completion.text = found.label;
                before.text.truncate(found.start);
            }
            completion.finish = before.finish.clone();
        }
        if let Some(place) = self.state.places.last_mut() {
            place.shown = self.sent.len();
        }
        completion.distribution.clone_from(&distribution);
        let chosen = Some(Chosen::FromText(distribution));
        self.state.results.push(Reply { slot, chosen, may_be_cut: false, completion });
    }

    /// Forgets the probabilities of a label that was read from a text: those of first tokens are no means.
    fn drop_last_distribution(&mut self) {
        if let Some(Reply { chosen, completion, .. }) = self.state.results.last_mut() {
            *chosen = Some(Chosen::FromText(None));
            completion.distribution = None;
        }
    }

    /// The error of a `choose` that opens the turn of a model whose chat template makes it think first.
    fn label_in_thought(&self, slot: &Slot) -> Error {
        let message = format!(
            "{}: `{}` chooses before the model has thought, and this model's chat template makes it think first",
            self.prompt.name(),
            slot.name
        );
        Error::new(ErrorKind::Unsupported, message)
            .hint("let it write before it chooses, as the prompt `correct` does, or use a model that does not think")
    }

    /// The error of a `gen` or `choose` inside a turn for a model that cannot continue its turns.
    pub(super) fn cannot_continue(&self, slot: &Slot) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "{}: `{}` continues an assistant turn, which this model's API cannot do",
                self.prompt.name(),
                slot.name
            ),
        )
        .hint("use a local GGUF, a llama.cpp or vLLM server, or a prompt whose answer stands alone in its turn")
    }
}

/// How many alternatives of every token are asked for beside a text: fewer where the text may be long, since every
/// token of the answer carries them.
fn beside(sampling: &Sampling) -> u8 {
    const LEAST: u8 = 5;
    const TOKENS: u32 = 32_768;
    let most = sampling.max_tokens.map_or(0, |most| TOKENS / most.max(1));
    u8::try_from(most).unwrap_or(u8::MAX).clamp(LEAST, MOST_ALTERNATIVES)
}

/// The probabilities of labels at the byte `place` of a text, from the alternatives that the server reported there;
/// `None` if the reported tokens do not spell the text.
fn masses_at(completion: &Completion, place: usize, labels: &[String]) -> Option<Distribution> {
    let mut end = 0;
    let token = completion.tokens.iter().find(|token| {
        end += token.text.len();
        end > place
    })?;
    let is_label = Distribution::of_alternatives(&[(token.text.clone(), 0.0)], labels).mass() > 0.0;
    is_label.then(|| Distribution::of_alternatives(&token.top, labels))
}
