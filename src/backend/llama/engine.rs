//! The thread that owns a model: it evaluates one job at a time and sends the answers.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, Sender},
    },
    time::Instant,
};

use llama_cpp_2::{
    LogOptions,
    context::{LlamaContext, params::LlamaContextParams},
    llama_backend::LlamaBackend,
    llama_batch::LlamaBatch,
    model::{LlamaLoraAdapter, LlamaModel, params::LlamaModelParams},
    send_logs_to_tracing,
    token::LlamaToken,
};

use super::{
    LlamaOptions, Lora, failed,
    file::Source,
    queue::Queue,
    template::ChatTemplate,
    tokens::Vocabulary,
    work::{Job, Work, shared},
};
use crate::{
    completion::{Completion, Usage},
    error::{Error, ErrorKind, Result},
};

/// Reports whether the caller has stopped waiting for the answer.
pub(super) type Gone<'g> = &'g dyn Fn() -> bool;

/// The facts about a loaded model that callers need.
pub(super) struct Loaded {
    /// The title in the file, `general.name`.
    pub(super) title: String,
    /// The chat template of the file.
    pub(super) template: ChatTemplate,
    /// The tokenizer, shared with the callers' threads.
    pub(super) vocabulary: Arc<Vocabulary>,
    /// The length of the context, in tokens.
    pub(super) context: usize,
}

/// The global state of llama.cpp, kept for the life of the process: dropping it would free it for every
/// model.
pub(super) fn backend() -> Result<&'static LlamaBackend> {
    static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();
    let init = || {
        send_logs_to_tracing(LogOptions::default());
        LlamaBackend::init().map_err(|cause| cause.to_string())
    };
    BACKEND
        .get_or_init(init)
        .as_ref()
        .map_err(|cause| failed("llama.cpp does not start").because(cause.clone()))
}

/// The longest context that is chosen by default, in tokens: memory grows with the length.
const LARGEST_CONTEXT: u32 = 8_192;

/// The most tokens per call of llama.cpp.
///
/// Prefixes and chunks are cut at multiples of [`GRAIN`]. The logits are then bitwise the same as for a text
/// that is evaluated in one piece; otherwise an answer would depend on the previous content of the cache.
const CHUNK: usize = 512;
/// Prefixes and chunks are cut at multiples of this number of tokens.
const GRAIN: usize = 4;

/// For smaller models, in bytes of weights, a second thread makes evaluation slower.
const SMALL: u64 = 64 << 20;

/// The only sequence that is used.
const SEQUENCE: i32 = 0;

/// A context of llama.cpp with its state.
///
/// `held` lists the tokens in the key-value cache, and the logits belong to the last evaluated tokens. Every
/// evaluation goes through [`Engine::advance`], [`Engine::decode`] or [`Engine::decode_rows`], which maintain
/// both.
pub(super) struct Engine<'m> {
    /// The tokenizer of the model.
    pub(super) vocabulary: Arc<Vocabulary>,
    /// The weights.
    pub(super) model: &'m LlamaModel,
    /// The context of llama.cpp: its key-value cache and its buffers.
    context: LlamaContext<'m>,
    /// The batch of the last call; the logits belong to it.
    batch: LlamaBatch<'static>,
    /// The tokens in the cache.
    pub(super) held: Vec<LlamaToken>,
    /// The length of the context, in tokens.
    pub(super) limit: usize,
    /// The most tokens per call.
    chunk: usize,
}

impl Engine<'_> {
    /// Loads the weights, and the LoRA adapter if there is one.
    ///
    /// # Errors
    /// llama.cpp cannot load one of the files, or the adapter belongs to a different model.
    pub(super) fn load(
        source: &Source,
        options: &LlamaOptions,
    ) -> Result<(Arc<LlamaModel>, Option<Adapter>)> {
        let mut params = LlamaModelParams::default();
        if let Some(layers) = options.gpu_layers {
            params = params.with_n_gpu_layers(layers);
        }
        let model = LlamaModel::load_from_file(backend()?, source.path(), &params).map_err(|cause| {
            Error::new(ErrorKind::Model, format!("llama.cpp cannot load {}", source.name())).because(cause)
                .hint("the file may be truncated or of an architecture that is too new; RUST_LOG=llama-cpp-2=info tells more")
        })?;
        let mut model = model;
        let lora = options.lora.as_ref();
        let adapter = lora.map(|lora| Adapter::load(&mut model, lora)).transpose()?;
        Ok((Arc::new(model), adapter))
    }
}

/// A LoRA adapter that has been loaded for a model.
pub(super) struct Adapter {
    /// The adapter in llama.cpp.
    adapter: LlamaLoraAdapter,
    /// The factor of its changes.
    scale: f32,
}

impl Adapter {
    /// Reads the adapter from its file.
    ///
    /// # Errors
    /// llama.cpp cannot read the file, or its matrices do not fit those of the model.
    fn load(model: &mut LlamaModel, lora: &Lora) -> Result<Self> {
        let adapter = model.lora_adapter_init(&lora.file).map_err(|cause| {
            let message = format!("llama.cpp cannot load the adapter `{}`", lora.file.display());
            Error::new(ErrorKind::Config, message)
                .because(cause)
                .hint("it must be a LoRA adapter of this very model, converted to GGUF")
        })?;
        Ok(Self { adapter, scale: lora.scale })
    }
}

/// Creates a context, reports that it is ready, and answers jobs until the queue is closed.
pub(super) fn serve(
    model: &Arc<LlamaModel>,
    adapter: Option<Adapter>,
    options: &LlamaOptions,
    jobs: Receiver<Job>,
    loaded: &Sender<Result<Loaded>>,
) {
    let vocabulary = Arc::new(Vocabulary::new(model.clone()));
    let mut engine = match Engine::new(model, adapter, vocabulary.clone(), options) {
        Ok(engine) => engine,
        Err(error) => return drop(loaded.send(Err(error))),
    };
    let meta = |key: &str| model.meta_val_str(key).unwrap_or_default();
    let text = |token| {
        String::from_utf8_lossy(&model.vocab().token_to_piece(token, true, None)).into_owned()
    };
    let template = model.chat_template(None).ok().and_then(|template| template.to_string().ok());
    let ready = Loaded {
        title: meta("general.name"),
        template: ChatTemplate::new(template, text(model.vocab().bos()), text(model.vocab().eos())),
        vocabulary,
        context: engine.limit,
    };
    if loaded.send(Ok(ready)).is_err() {
        return;
    }
    let mut queue = Queue::new(jobs);
    while let Some(job) = queue.next(&engine.held) {
        let started = Instant::now();
        let written_after = match &job.work {
            Work::Write(writing) => Some(writing.prompt.len()),
            _ => None,
        };
        engine.serve(job);
        if let Some(prompt) = written_after {
            queue.wrote(prompt, &engine.held, started.elapsed());
        }
    }
}

impl<'m> Engine<'m> {
    /// Creates a context with the length, threads and adapter of the options.
    ///
    /// # Errors
    /// There is not enough memory, or llama.cpp refuses the adapter.
    fn new(
        model: &'m LlamaModel,
        adapter: Option<Adapter>,
        vocabulary: Arc<Vocabulary>,
        options: &LlamaOptions,
    ) -> Result<Self> {
        let trained = model.n_ctx_train().max(1);
        let wanted = options.context.unwrap_or(trained.min(LARGEST_CONTEXT));
        let threads = options.threads.unwrap_or_else(|| default_threads(model.size()));
        let chunk = u32::try_from(CHUNK).unwrap_or(u32::MAX);
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(wanted))
            .with_n_batch(chunk)
            .with_n_ubatch(chunk)
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_flash_attention_policy(i32::from(cfg!(any(
                feature = "cuda",
                feature = "metal",
                feature = "vulkan"
            ))))
            .with_no_perf(true);
        let mut context = model.new_context(backend()?, params).map_err(|cause| {
            Error::new(
                ErrorKind::Model,
                format!("there is no memory for a context of {wanted} tokens"),
            )
            .because(cause)
        })?;
        if let Some(Adapter { mut adapter, scale }) = adapter {
            // llama.cpp stores the adapter with its model.
            context
                .lora_adapter_set(&mut adapter, scale)
                .map_err(|cause| failed("llama.cpp refuses the LoRA adapter").because(cause))?;
        }
        // llama.cpp may reduce both values; exceeding the reduced ones would abort the process.
        let room = usize::try_from(context.n_batch()).unwrap_or(CHUNK).min(CHUNK);
        let limit = usize::try_from(context.n_ctx()).unwrap_or(0);
        let chunk = (room / GRAIN * GRAIN).max(1);
        let batch = LlamaBatch::new(chunk, 1);
        Ok(Self { vocabulary, model, context, batch, held: Vec::new(), limit, chunk })
    }

    /// Answers one job. Errors are sent to the caller too; they do not end the thread.
    fn serve(&mut self, job: Job) {
        let Job { work, reply, .. } = job;
        let gone = || reply.is_closed();
        let answer = match &work {
            Work::Write(writing) => self.write(writing, &gone),
            Work::Choose(choice) => self.choose(choice, &gone),
            Work::ChooseAt(choices) => self.choose_at(choices, &gone),
            Work::Weigh { prompt, text, of } => self.weigh(prompt, text, of, &gone),
        };
        // The caller may have stopped waiting, which is not an error.
        drop(reply.send(answer));
    }

    /// Evaluates what is missing, so that the cache holds exactly these tokens and the logits belong to the
    /// last one. Returns how many tokens were in the cache before.
    ///
    /// # Errors
    /// llama.cpp fails, or the caller has stopped waiting.
    pub(super) fn advance(&mut self, tokens: &[LlamaToken], gone: Gone<'_>) -> Result<usize> {
        let same = shared(&self.held, tokens);
        // The last token must be evaluated, because its logits are needed.
        let keep = self.cut(same.min(tokens.len().saturating_sub(1)) / GRAIN * GRAIN);
        let mut at = keep;
        while at < tokens.len() {
            stop_if(gone())?;
            let end = ((at / self.chunk + 1) * self.chunk).min(tokens.len());
            self.decode(&tokens[at..end])?;
            at = end;
        }
        Ok(keep)
    }

    /// Evaluates tokens and keeps the logits of the last one.
    pub(super) fn decode(&mut self, tokens: &[LlamaToken]) -> Result<()> {
        self.evaluate(tokens, |n| n + 1 == tokens.len())
    }

    /// Evaluates tokens and keeps the logits of each.
    pub(super) fn decode_rows(&mut self, tokens: &[LlamaToken]) -> Result<()> {
        self.evaluate(tokens, |_| true)
    }

    /// Evaluates tokens after those in the cache. Keeps the logits of the `wanted` ones, by their index in
    /// the call.
    ///
    /// # Errors
    /// llama.cpp fails. The cache is then emptied, because its content is no longer known.
    fn evaluate(&mut self, tokens: &[LlamaToken], wanted: impl Fn(usize) -> bool) -> Result<()> {
        self.batch.clear();
        for (n, &token) in tokens.iter().enumerate() {
            let position = i32::try_from(self.held.len() + n).unwrap_or(i32::MAX);
            self.batch
                .add(token, position, &[SEQUENCE], wanted(n))
                .map_err(|cause| failed("a batch is too long").because(cause))?;
        }
        if let Err(cause) = self.context.decode(&mut self.batch) {
            // All of the batch may be in the cache, or a part, or nothing.
            self.forget();
            return Err(failed("llama.cpp failed to evaluate").because(cause));
        }
        self.held.extend_from_slice(tokens);
        Ok(())
    }

    /// The logits for the token after the last one, one for each token of the vocabulary.
    pub(super) fn logits(&self) -> &[f32] {
        self.context.get_logits_ith(self.batch.n_tokens() - 1)
    }

    /// The logits for the token after the n-th token of the last call.
    pub(super) fn row(&self, n: usize) -> &[f32] {
        self.context.get_logits_ith(i32::try_from(n).unwrap_or(i32::MAX))
    }

    /// Removes everything after the first `keep` tokens, and returns how many tokens are left. A recurrent
    /// model cannot be rewound, so its cache is emptied.
    pub(super) fn cut(&mut self, keep: usize) -> usize {
        if keep < self.held.len() {
            let from = u32::try_from(keep).unwrap_or(u32::MAX);
            match self.context.kv_cache_seq_rm(SEQUENCE, Some(from), None) {
                Ok(()) => self.held.truncate(keep),
                Err(_) => self.forget(),
            }
        }
        self.held.len()
    }

    /// Empties the cache.
    fn forget(&mut self) {
        self.context.clear_kv_cache();
        self.held.clear();
    }
}

/// The default number of threads: one for small models, otherwise half of the machine's threads. Two threads
/// of one core share its arithmetic units, and further threads waste time waiting.
fn default_threads(bytes: u64) -> i32 {
    let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if bytes < SMALL { 1 } else { i32::try_from(all / 2).unwrap_or(i32::MAX).max(1) }
}

/// The usage of a request: tokens of the prompt, those of them that were in the cache, and written tokens.
pub(super) fn usage(prompt: usize, cached: usize, written: usize) -> Usage {
    Usage { cached: Some(cached as u64), ..Usage::new(prompt as u64, written as u64) }
}

/// An answer of an engine in this process.
pub(super) fn answer(text: String) -> Completion {
    Completion { in_process: true, ..Completion::text(text) }
}

/// Ends an evaluation whose caller has stopped waiting.
///
/// # Errors
/// The evaluation was given up, if `gone` is true.
pub(super) fn stop_if(gone: bool) -> Result<()> {
    if gone { Err(failed("the request was given up")) } else { Ok(()) }
}
