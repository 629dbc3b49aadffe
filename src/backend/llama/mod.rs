//! Models in this process: any GGUF file through llama.cpp, on the CPU or a GPU.
//!
//! # How a request is answered
//! One engine thread per model owns the weights and the context. It answers as many requests at once as pay on this
//! machine, each in a sequence of its own; tokens that prompts share are evaluated once. Other requests wait in its
//! queue; the next one is the one that shares most tokens with what the model has read. Judged text is tokenized with special tokens disabled, so `<|im_end|>` in an answer is ten characters and never a control
//! token.
//!
//! # What the identity contains
//! `gguf|DIGEST|TEMPLATE|ENGINE`, and `|lora:DIGEST:SCALE` if there is an adapter: the blake3 digests of the
//! weights and of the chat template with its variables, and the version of this engine's answers. Settings that
//! change texts follow where they are not the default: `|kv:q8_0`, `|flash:on`, `|deterministic`. The length of the
//! context is not part of it, because an answer that was cut off by the context is not cached.
//!
//! # Modules
//! `options` is what callers set, and `fit` how much memory it needs. `header`, `file` and `trial` check a file before
//! it can crash the process. `template` and `tokens` convert a conversation to tokens, `grammar` a schema to rules, and
//! `work` a request. `sampler` and `circle` choose tokens; `score`, `write`
//! and `task` answer a request step by step. `evaluator` is llama.cpp, `memory` what it has read, `curve` how
//! many sequences it extends best at once, `branches` how labels share its calls, and `queue` what waits; `turns` shares the machine with other models.
//! `head` is the reward head of models that have one. `scheduler` runs all of these on the thread that `load` and `engine` start.

mod options;
mod process;
mod fit;
mod header;
mod curve;
mod branches;
mod file;
mod template;
mod step;
mod grammar;
mod tokens;
mod work;
mod sampler;
mod circle;
mod score;
mod write;
mod task;
mod queue;
mod evaluator;
mod head;
mod memory;
mod known;
mod turns;
mod scheduler;
mod load;
mod engine;
#[doc(hidden)]
pub mod trial;

pub use super::{EngineFigures, FlashAttention, KvType, Split};
#[doc(hidden)]
pub use file::{Info, inspect};
pub use options::{LlamaOptions, Lora, Weights};

use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use async_trait::async_trait;
use tokio::sync::oneshot;

use self::{
    template::{ChatTemplate, Piece},
    tokens::Vocabulary,
    work::{Choice, Job, Work, Writing},
};
use super::{Backend, Capabilities, SHORTEN, choice::shared};
use crate::{
    completion::{Completion, Usage},
    error::{Error, ErrorKind, Result},
    hint::Hint,
    request::{Ability, Ask, Chat, Constraint, Origin, Part, Request, Sampling, check_variables},
    verdict::step_reward,
};

/// A model in this process.
///
/// It is a [`Backend`] that can choose labels exactly, weigh texts token by token, and continue an assistant
/// turn.
///
/// ```
/// # #[cfg(feature = "tiny")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Backend, models::Models};
///
/// let tiny = Models::default().open("tiny").await?;
/// assert!(tiny.is_in_process() && tiny.identity().starts_with("gguf|"));
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "tiny"))]
/// # fn main() {}
/// ```
///
/// # Cancellation
/// Dropping the future of an answer stops its evaluation at the next token, and the engine continues with the
/// next request. Dropping the model ends its thread and frees the weights.
#[derive(Debug)]
pub struct Llama {
    /// The name in results.
    name: String,
    /// The identity in cache keys: see the [module](self).
    identity: String,
    /// The names by which prompts may recognize the model.
    aliases: Vec<String>,
    /// The chat template.
    template: ChatTemplate,
    /// Whether answers begin inside a thinking block.
    opens_thinking: bool,
    /// The tokenizer, used on the callers' threads.
    vocabulary: Arc<Vocabulary>,
    /// The length of the context, in tokens.
    context: usize,
    /// The length of the context in training, in tokens.
    trained: usize,
    /// How many requests are answered at once.
    width: usize,
    /// Whether every request is evaluated in calls of its own.
    deterministic: bool,
    /// Why the model gives no rewards; `None` if it has a reward head.
    no_head: Option<String>,
    /// Whether its reward head has one output, which is a logit.
    has_one_output: bool,
    /// What the engine has done.
    figures: Arc<Mutex<EngineFigures>>,
    /// The channel to the engine thread; `None` once the model is being dropped.
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    /// The engine thread, which is joined when the model is dropped.
    thread: Option<thread::JoinHandle<()>>,
}

/// The version of this engine's answers. It is raised when the same request may get a different answer than
/// before, so that cached answers of an older engine are not used.
const ANSWERS: &str = "engine-6";

/// The same for vocabularies with a space before every text: labels at the start of a turn have it too since then.
const SPACED_ANSWERS: &str = "engine-7";

/// The memory of this machine that is free, in bytes; all there can be if the system does not report it.
pub(crate) fn available_memory() -> u64 {
    fit::available_memory().unwrap_or(u64::MAX)
}

impl Llama {
    /// Loads a model and starts its engine thread.
    ///
    /// # Errors
    /// The file of the weights or of the adapter is missing, is not a GGUF file, is truncated, or does not
    /// fit into memory.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the loading, which ends on its own thread.
    pub async fn load(options: LlamaOptions) -> Result<Self> {
        let work = tokio::task::spawn_blocking(move || Self::load_blocking(options));
        work.await.unwrap_or_else(|cause| Err(failed("the loading thread died").because(cause)))
    }

    /// Loads on this thread, which blocks and may take minutes.
    fn load_blocking(options: LlamaOptions) -> Result<Self> {
        check_variables(&options.template, ErrorKind::Config)?;
        let source = file::Source::open(&options.weights)?;
        let name = options.name.clone().unwrap_or_else(|| source.name());
        let adapter = options.lora.as_ref().map(file::adapter).transpose()?.unwrap_or_default();
        let settings = options.identity()?;
        let deterministic = options.deterministic;
        let identity = source.identity()?;
        let (queue, jobs) = mpsc::channel();
        let (loaded, ready) = mpsc::channel();
        let thread = thread::Builder::new()
            .name(format!("llama {name}"))
            .spawn(move || engine::run(source, &options, jobs, &loaded))
            .map_err(|cause| failed("the engine thread did not start").because(cause))?;
        let loaded = ready.recv().map_err(|_| failed("the engine thread died while loading"))??;
        Ok(Self {
            aliases: vec![name.clone(), loaded.title],
            name,
            identity: format!(
                "gguf|{identity}|{}|{}{adapter}{settings}",
                loaded.template.digest(),
                if loaded.vocabulary.is_spaced() { SPACED_ANSWERS } else { ANSWERS },
            ),
            opens_thinking: loaded.template.opens_thinking(),
            template: loaded.template,
            vocabulary: loaded.vocabulary,
            context: loaded.context,
            trained: loaded.trained as usize,
            width: loaded.width,
            deterministic,
            no_head: loaded.no_head,
            has_one_output: loaded.has_one_output,
            figures: loaded.figures,
            queue: Mutex::new(Some(queue)),
            thread: Some(thread),
        })
    }

    /// The tokens of a request, exactly as the model receives them.
    ///
    /// # Errors
    /// The chat template refuses the conversation.
    pub fn tokenize(&self, request: &Request) -> Result<Vec<i32>> {
        let pieces = self.template.pieces(request)?;
        Ok(self.vocabulary.tokens(&pieces)?.into_iter().map(|token| token.0).collect())
    }

    /// What the engine has done since the model was loaded.
    pub fn figures(&self) -> EngineFigures {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a token is a control token, which does not stand for text.
    pub fn is_control(&self, token: i32) -> bool {
        self.vocabulary.is_control(token)
    }

    /// Converts a request to tokens.
    ///
    /// # Errors
    /// The template refuses the conversation, or the model cannot answer this kind of question.
    fn work(&self, request: &Request) -> Result<Work> {
        let pieces = self.template.pieces(request)?;
        let work = match &request.ask {
            Ask::Generate { .. } => {
                check(&request.sampling)?;
                Work::Write(Writing {
                    prompt: self.vocabulary.tokens(&pieces)?,
                    sampling: request.sampling.clone(),
                    seed: sampler::seed(request, &self.identity),
                    turn: template::turn(&pieces),
                    grammar: request.constraint.as_ref().map(grammar_of).transpose()?,
                })
            }
            Ask::Choose { labels } => {
                check_choice(request, &pieces)?;
                let choice = self.choice(&pieces, labels)?;
                Work::Choose(Choice { normalize: request.normalize, ..choice })
            }
            Ask::ChooseAt { labels, places, turns } if !turns.is_empty() => {
                let at = |(turn, place): (&usize, &usize)| {
                    let pieces = self.template.pieces(&request.up_to(*turn, *place))?;
                    check_choice(request, &pieces)?;
                    self.choice(&pieces, labels)
                };
                Work::ChooseAt(turns.iter().zip(places).map(at).collect::<Result<_>>()?)
            }
            Ask::ChooseAt { labels, places, .. } => {
                let is_one_text = request.chat == Chat::Raw && request.messages.len() == 1;
                if !(request.open && (request.chat == Chat::Model || is_one_text)) {
                    return Err(Error::new(
                        ErrorKind::Unsupported,
                        "labels are weighed at places of an open turn only",
                    )
                    .hint("put the text into an assistant turn that the prompt leaves open"));
                }
                let at = |place: &usize| self.choice(&template::up_to(&pieces, *place), labels);
                Work::ChooseAt(places.iter().map(at).collect::<Result<_>>()?)
            }
            Ask::Logprobs { reference: true, .. } => return Err(Error::no_reference()),
            Ask::Logprobs { of, .. } => {
                let (mut prompt, tail, texts) =
                    self.vocabulary.continued(&pieces, std::slice::from_ref(of))?;
                let whole = texts.concat();
                // A token that spans the end of the prompt and the start of the text counts as a token of
                // the text.
                let sure = shared(&tail, &whole);
                prompt.extend_from_slice(&tail[..sure]);
                Work::Weigh { prompt, text: whole[sure..].to_vec(), of: of.clone() }
            }
            Ask::Reward => match &self.no_head {
                Some(why) => return Err(without_head(&self.name, why)),
                None => Work::Reward(self.vocabulary.tokens(&pieces)?),
            },
            // The text up to the last step is the longest one.
            Ask::RewardAt { places } => {
                return self.work(&ending_at(request, places.last().copied().unwrap_or(0)));
            }
            other @ (Ask::Compare { .. } | Ask::Run { .. }) => {
                return Err(other.unsupported_by(&self.name));
            }
        };
        self.check_length(&work)?;
        Ok(work)
    }

    /// The rewards at the ends of steps: llama.cpp reads a head at the end of a text only, so each step is a text that ends
    /// with it. A head with one output gives a logit, as that of Skywork-PRM does (He et al. 2024).
    async fn rewards(&self, request: &Request, places: &[usize]) -> Result<Completion> {
        let mut read = Some(0);
        let mut distributions = Vec::with_capacity(places.len());
        for place in places {
            let answer = self.complete(&ending_at(request, *place)).await?;
            read = read.zip(answer.usage.prompt).map(|(sum, more)| sum + more);
            let Some(reward) = answer.reward else {
                return Err(failed("the reward head returns nothing"));
            };
            let is_logit = self.has_one_output;
            let p = if is_logit { 1.0 / (1.0 + (-reward).exp()) } else { reward };
            distributions.push(step_reward(p));
        }
        let usage = Usage { prompt: read, ..Usage::new(0, 0) };
        Ok(Completion {
            usage,
            distributions,
            attempts: 1,
            in_process: true,
            ..Completion::default()
        })
    }

    /// Labels in tokens, each as it follows these pieces.
    fn choice(&self, pieces: &[Piece], labels: &[String]) -> Result<Choice> {
        let (prompt, tail, endings) = self.vocabulary.continued(pieces, labels)?;
        Ok(Choice::new(labels.to_vec(), prompt, &tail, endings))
    }

    /// Refuses requests that are empty, or longer than the context.
    ///
    /// llama.cpp would abort the process if a batch exceeded the context.
    fn check_length(&self, work: &Work) -> Result<()> {
        if work.prompt().is_empty() {
            return Err(Error::new(ErrorKind::Refused, "the request is empty")
                .hint("the prompt renders to nothing for this record"));
        }
        let needed = work.longest();
        if needed >= self.context {
            let message = format!(
                "the request has {needed} tokens, and the context of {} holds {}",
                self.name, self.context
            );
            // Memory grows with the context, so it is not always as long as the model allows.
            let hint = if self.trained > needed {
                let longer = (needed + 1).next_power_of_two().min(self.trained);
                Hint::from("open the model with a longer context: ")
                    .setting("context", longer.to_string())
            } else {
                Hint::from(SHORTEN)
            };
            return Err(Error::new(ErrorKind::TooLong, message).hint(hint));
        }
        Ok(())
    }

    /// Sends a job to the engine thread.
    ///
    /// # Errors
    /// The thread has ended.
    fn submit(&self, job: Job) -> Result<()> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = queue.as_ref().is_some_and(|queue| queue.send(job).is_ok());
        if sent { Ok(()) } else { Err(failed("the engine thread has ended")) }
    }
}

#[async_trait]
impl Backend for Llama {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    fn aliases(&self) -> Vec<String> {
        self.aliases.clone()
    }

    async fn capabilities(&self) -> Capabilities {
        Capabilities {
            score_verdict: Ability::Yes,
            choose_at: Ability::Yes,
            text_logprobs: Ability::Yes,
            reference: Ability::No,
            reward: Ability::known(self.no_head.is_none()),
            reward_at: Ability::known(self.no_head.is_none()),
            compare: Ability::No,
            opens_thinking: self.opens_thinking.into(),
            context: u32::try_from(self.context).ok(),
            ..Capabilities::ALL
        }
    }

    fn prompt_tokens(&self, request: &Request) -> Option<usize> {
        self.tokenize(request).ok().map(|tokens| tokens.len())
    }

    fn fits(&self, request: &Request) -> Result<()> {
        self.work(request).map(drop)
    }

    fn concurrency(&self) -> usize {
        self.width
    }

    fn is_in_process(&self) -> bool {
        true
    }

    fn keeps_prompts(&self) -> bool {
        true
    }

    fn engine(&self) -> Option<EngineFigures> {
        Some(self.figures())
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        if let Ask::RewardAt { places } = &request.ask {
            return self.rewards(request, places).await;
        }
        let work = self.work(request)?;
        let (reply, answer) = oneshot::channel();
        let alone = self.deterministic || request.deterministic == Some(true);
        self.submit(Job { work, goes_on: goes_on(request), alone, reply })?;
        answer.await.map_err(|_| failed("the engine thread died at this request"))?
    }
}

/// Ends the engine thread after its current call and waits for it, so that the weights are freed before the
/// process exits.
impl Drop for Llama {
    fn drop(&mut self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// A request for the reward of the last turn up to this place.
fn ending_at(request: &Request, place: usize) -> Request {
    request.up_to(request.messages.len().saturating_sub(1), place).ask(Ask::Reward)
}

/// The error of a request for a reward that the model cannot give.
fn without_head(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("`{name}` gives no reward: {why}"))
        .hint("use a GGUF with a head of two outputs, such as yes and no, of Qwen3 or Qwen3.5")
        .hint("or serve the reward model with vLLM or SGLang, and name it `vllm/MODEL` or `sglang/MODEL`")
}

/// Whether the request continues a text in the same tokens in which the model wrote it.
fn goes_on(request: &Request) -> bool {
    let last = request.messages.last().filter(|_| request.open);
    let written = |part: &Part| part.origin == Origin::Model && !part.token_ids.is_empty();
    last.is_some_and(|turn| turn.parts.iter().any(written))
}

/// Refuses a choice at the start of an answer that the chat template begins with thinking.
fn check_choice(request: &Request, pieces: &[Piece]) -> Result<()> {
    let is_first = request.chat == Chat::Model && !request.open;
    if !(is_first && template::ends_in_thought(pieces)) {
        return Ok(());
    }
    let message = "a label is chosen before the model has thought, and its chat template makes it think first";
    Err(Error::new(ErrorKind::Unsupported, message).hint(
        "let it write before it chooses, or set the variable of its template that turns thinking off",
    ))
}

/// The grammar of a required format.
///
/// # Errors
/// The schema cannot be converted.
fn grammar_of(constraint: &Constraint) -> Result<String> {
    let Constraint::Schema(schema) = constraint;
    grammar::of_schema(schema)
}

/// Refuses penalties that are not finite numbers or not in their range.
fn check(sampling: &Sampling) -> Result<()> {
    let Sampling { repeat_penalty, presence_penalty, frequency_penalty, .. } = sampling;
    let positive = repeat_penalty.is_none_or(|penalty| penalty > 0.0 && penalty.is_finite());
    let finite = [presence_penalty, frequency_penalty].into_iter().flatten().all(|p| p.is_finite());
    if positive && finite {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Config, "a penalty is not a number that can be used").hint(
        "`repeat_penalty` is above 0, where 1 changes nothing; the others change nothing at 0",
    ))
}

/// An error of the model itself, which would affect every other request too.
fn failed(message: &str) -> Error {
    Error::new(ErrorKind::Model, message)
}
