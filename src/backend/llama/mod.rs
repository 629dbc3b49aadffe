//! Models in this process: any GGUF through llama.cpp, on the CPU or a GPU.
//!
//! # How a request is answered
//! One engine thread per model owns the weights and the context, and evaluates one request at a time;
//! requests wait in its queue, and the one that shares most tokens with the cache is next. What is judged is
//! tokenized with special tokens off, so that `<|im_end|>` in an answer is ten characters and never a control
//! token.
//!
//! # What the identity holds
//! `gguf|DIGEST|TEMPLATE|ENGINE`, and `|lora:DIGEST:SCALE` where there is an adapter: blake3 of the weights, of
//! the chat template, and the version of this engine's answers. The length of the context is not part of it: an
//! answer that the context cut is not remembered.
//!
//! # Modules
//! `header`, `file` and `trial` check a file before it can end the process; `template` and `tokens` make tokens
//! of a conversation; `work` and `queue` order requests; `sampler`, `tree` and `circle` decide tokens; `engine`,
//! `score` and `write` run the model.

mod header;
mod file;
mod template;
mod tokens;
mod work;
mod queue;
mod sampler;
mod tree;
mod circle;
mod engine;
mod score;
mod write;
#[doc(hidden)]
pub mod trial;

#[doc(hidden)]
pub use file::{Info, inspect};

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use async_trait::async_trait;
use tokio::sync::oneshot;

use self::{
    engine::Engine,
    template::{ChatTemplate, Piece},
    tokens::Vocabulary,
    work::{Choice, Job, Work, Writing},
};
use super::{Backend, Capabilities};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    request::{Ability, Ask, Chat, Origin, Part, Request, Sampling},
};

/// How a model is loaded.
///
/// ```no_run
/// # async fn example() -> tribunal::Result<()> {
/// use tribunal::backend::llama::{Llama, LlamaOptions};
///
/// let mut options = LlamaOptions::file("qwen3-8b-q4_k_m.gguf");
/// options.context = Some(32_768);
/// options.gpu_layers = Some(20);
/// let model = Llama::load(options).await?;
/// # drop(model);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct LlamaOptions {
    /// Where the weights are.
    pub weights: Weights,
    /// The name of the model in results; the file's name by default.
    pub name: Option<String>,
    /// Tokens of context; by default what the model was trained with, at most 8,192. 0 is all that it was
    /// trained with. llama.cpp rounds it up to a multiple of 256.
    pub context: Option<u32>,
    /// Threads; by default 1 for small models and half of what the machine has for others.
    pub threads: Option<i32>,
    /// Layers on the GPU; all by default, where the program was built for one.
    pub gpu_layers: Option<u32>,
    /// A LoRA adapter on top of the weights.
    pub lora: Option<Lora>,
}

/// A LoRA adapter in a GGUF file of its own, and how strongly it counts (Hu et al. 2021).
///
/// llama-cpp-2 sets one adapter at a time, so a model has one at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Lora {
    /// The adapter's file; llama.cpp's `convert_lora_to_gguf.py` makes it.
    pub file: PathBuf,
    /// The factor of its changes: 1 as it was trained, 0 as if it were not there.
    pub scale: f32,
}

/// Where weights are.
#[derive(Clone)]
pub enum Weights {
    /// In a GGUF file.
    File(PathBuf),
    /// In this program.
    Embedded(&'static [u8]),
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Embedded(bytes) => write!(f, "{} embedded bytes", bytes.len()),
        }
    }
}

impl LlamaOptions {
    /// The weights in a file, everything else by default.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(Weights::File(path.into()))
    }

    /// These weights, everything else by default.
    pub fn new(weights: Weights) -> Self {
        Self { weights, name: None, context: None, threads: None, gpu_layers: None, lora: None }
    }
}

/// A model in this process.
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
/// Dropping the future of an answer stops its evaluation at the next token, and the engine goes on with the next
/// request. Dropping the model ends its thread and frees the weights.
#[derive(Debug)]
pub struct Llama {
    name: String,
    identity: String,
    aliases: Vec<String>,
    template: ChatTemplate,
    /// Whether answers begin inside of a thinking block.
    opens_thinking: bool,
    /// What turns texts into tokens on the caller's thread.
    vocabulary: Arc<Vocabulary>,
    /// The tokens that the context holds.
    context: usize,
    /// The way to the engine thread; `None` once the model is being dropped.
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    /// The engine thread, joined when the model is dropped.
    thread: Option<thread::JoinHandle<()>>,
}

/// Names how this engine answers: raised when the same request may get another answer than before, so
/// that remembered answers are not taken for those of another engine.
const ANSWERS: &str = "engine-3";

impl Llama {
    /// Loads a model and starts its engine thread.
    ///
    /// # Errors
    /// The file is missing, not a GGUF, truncated, or too large for the memory; or the LoRA adapter is.
    pub async fn load(options: LlamaOptions) -> Result<Self> {
        let work = tokio::task::spawn_blocking(move || Self::load_blocking(options));
        work.await.unwrap_or_else(|cause| Err(failed("the loading thread died").because(cause)))
    }

    /// Loads on this thread: reading weights blocks, and may take minutes.
    fn load_blocking(options: LlamaOptions) -> Result<Self> {
        let source = file::Source::open(&options.weights)?;
        let name = options.name.clone().unwrap_or_else(|| source.name());
        let adapter = options.lora.as_ref().map(file::adapter).transpose()?.unwrap_or_default();
        let identity = source.identity()?;
        let (queue, jobs) = mpsc::channel();
        let (loaded, ready) = mpsc::channel();
        let thread = thread::Builder::new()
            .name(format!("llama {name}"))
            .spawn(move || match Engine::load(&source, &options) {
                Ok((model, adapter)) => {
                    drop(source);
                    engine::serve(&model, adapter, &options, jobs, &loaded);
                }
                Err(error) => drop(loaded.send(Err(error))),
            })
            .map_err(|cause| failed("the engine thread did not start").because(cause))?;
        let loaded = ready.recv().map_err(|_| failed("the engine thread died while loading"))??;
        Ok(Self {
            aliases: vec![name.clone(), loaded.title],
            name,
            identity: format!("gguf|{identity}|{}|{ANSWERS}{adapter}", loaded.template.digest()),
            opens_thinking: loaded.template.opens_thinking(),
            template: loaded.template,
            vocabulary: loaded.vocabulary,
            context: loaded.context,
            queue: Mutex::new(Some(queue)),
            thread: Some(thread),
        })
    }

    /// The tokens of a request, exactly as the model will see them.
    ///
    /// # Errors
    /// The chat template refuses the conversation.
    pub fn tokenize(&self, request: &Request) -> Result<Vec<i32>> {
        let pieces = self.template.pieces(request)?;
        Ok(self.vocabulary.tokens(&pieces)?.into_iter().map(|token| token.0).collect())
    }

    /// Whether a token steers the model instead of standing for text.
    pub fn is_control(&self, token: i32) -> bool {
        self.vocabulary.is_control(token)
    }

    /// What a request comes to in tokens.
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
                })
            }
            Ask::Choose { labels } => Work::Choose(self.choice(&pieces, labels)?),
            Ask::ChooseAt { labels, places } => {
                if !(request.open && request.chat == Chat::Model) {
                    return Err(Error::new(
                        ErrorKind::Unsupported,
                        "labels are weighed at places of an open turn only",
                    )
                    .hint("put the text into an assistant turn that the prompt leaves open"));
                }
                let at = |place: &usize| self.choice(&template::up_to(&pieces, *place), labels);
                Work::ChooseAt(places.iter().map(at).collect::<Result<_>>()?)
            }
            Ask::Logprobs { of } => {
                let (mut prompt, tail, texts) =
                    self.vocabulary.continued(&pieces, std::slice::from_ref(of))?;
                let whole = texts.concat();
                // A token that joins the prompt's end to the text is one of the text.
                let sure = work::shared(&tail, &whole);
                prompt.extend_from_slice(&tail[..sure]);
                Work::Weigh { prompt, text: whole[sure..].to_vec(), of: of.clone() }
            }
            other @ (Ask::Reward | Ask::Compare { .. }) => {
                return Err(other.unsupported_by(&self.name));
            }
        };
        self.check_length(&work)?;
        Ok(work)
    }

    /// Labels in tokens, each as it follows these pieces.
    fn choice(&self, pieces: &[Piece], labels: &[String]) -> Result<Choice> {
        let (prompt, tail, endings) = self.vocabulary.continued(pieces, labels)?;
        Ok(Choice::new(labels.to_vec(), prompt, &tail, endings))
    }

    /// Refuses requests that are empty, or longer than the context.
    ///
    /// llama.cpp would end the process where a batch exceeds the context.
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
            return Err(Error::new(ErrorKind::TooLong, message)
                .hint("shorten the record, or take a model with a longer context"));
        }
        Ok(())
    }

    /// Puts a job into the queue of the engine thread.
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
            schema: Ability::No,
            score_verdict: Ability::Yes,
            choose_at: Ability::Yes,
            text_logprobs: Ability::Yes,
            compare: Ability::No,
            opens_thinking: self.opens_thinking.into(),
            ..Capabilities::ALL
        }
    }

    fn prompt_tokens(&self, request: &Request) -> Option<usize> {
        self.tokenize(request).ok().map(|tokens| tokens.len())
    }

    fn is_in_process(&self) -> bool {
        true
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        if request.constraint.is_some() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "JSON schemas are not held to in process yet",
            )
            .hint("ask for a verdict line instead, and read it by a rule"));
        }
        let work = self.work(request)?;
        let (reply, answer) = oneshot::channel();
        self.submit(Job { work, goes_on: goes_on(request), reply })?;
        answer.await.map_err(|_| failed("the engine thread died at this request"))?
    }
}

/// Ends the engine thread after its current call, and waits for it: weights are freed before the
/// process goes on to its end.
impl Drop for Llama {
    fn drop(&mut self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Whether the request goes on with a text in the tokens in which the model wrote it.
fn goes_on(request: &Request) -> bool {
    let last = request.messages.last().filter(|_| request.open);
    let written = |part: &Part| part.origin == Origin::Model && !part.token_ids.is_empty();
    last.is_some_and(|turn| turn.parts.iter().any(written))
}

/// Refuses penalties that are no numbers to count with.
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

/// An error of the model itself, which no other request can mend.
fn failed(message: &str) -> Error {
    Error::new(ErrorKind::Model, message)
}
