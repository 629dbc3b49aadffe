//! The thread that owns a model: it takes a job, evaluates it, answers, and takes the next.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, Sender},
    },
};

use llama_cpp_2::{
    LogOptions,
    context::{LlamaContext, params::LlamaContextParams},
    llama_backend::LlamaBackend,
    llama_batch::LlamaBatch,
    model::{LlamaModel, params::LlamaModelParams},
    send_logs_to_tracing,
    token::LlamaToken,
};
use tokio::sync::oneshot;

use super::{
    Settings, failed,
    file::Source,
    sampler,
    template::ChatTemplate,
    tokens::{Decoder, Vocabulary},
};
use crate::{
    completion::{Completion, Distribution, Finish, Usage},
    error::{Error, ErrorKind, Result},
    request::Sampling,
};

/// One request on its way through the queue.
pub(super) struct Job {
    pub(super) work: Work,
    /// Closed when the asker has given up.
    pub(super) reply: oneshot::Sender<Result<Completion>>,
}

/// What a request comes to in tokens.
pub(super) enum Work {
    /// Write on behind the prompt.
    Generate { prompt: Vec<LlamaToken>, sampling: Sampling, seed: [u8; 32] },
    /// Compare whole texts that differ in their last tokens only.
    Choose { labels: Vec<String>, texts: Vec<Vec<LlamaToken>> },
}

impl Work {
    /// How many tokens the model sees before it must say something.
    pub(super) fn shortest(&self) -> usize {
        match self {
            Self::Generate { prompt, .. } => prompt.len(),
            Self::Choose { texts, .. } => common_prefix(texts),
        }
    }

    /// The most tokens that one of its texts has.
    pub(super) fn longest(&self) -> usize {
        match self {
            Self::Generate { prompt, .. } => prompt.len(),
            Self::Choose { texts, .. } => texts.iter().map(Vec::len).max().unwrap_or(0),
        }
    }
}

/// What the rest of the program may know of a loaded model.
pub(super) struct Loaded {
    pub(super) title: String,
    pub(super) template: ChatTemplate,
    pub(super) vocabulary: Arc<Vocabulary>,
    pub(super) context: usize,
}

/// llama.cpp itself, for the life of the process: dropping it would free it for every model.
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

/// The longest context that is taken without asking: memory grows with it.
const LARGEST_CONTEXT: u32 = 8_192;

/// Tokens per call; prefixes and chunks are cut at multiples of [`GRAIN`], which leaves texts bitwise
/// the same as when they are evaluated whole.
const CHUNK: usize = 512;
const GRAIN: usize = 4;

/// Below this many bytes a second thread costs more than it brings.
const SMALL: u64 = 64 << 20;

/// The one sequence that is used.
const SEQUENCE: i32 = 0;

/// A context at work.
pub(super) struct Engine<'m> {
    model: &'m LlamaModel,
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    /// The tokens in the cache.
    held: Vec<LlamaToken>,
    limit: usize,
}

impl Engine<'_> {
    /// Loads the weights.
    pub(super) fn load(source: &Source, settings: &Settings) -> Result<Arc<LlamaModel>> {
        let mut params = LlamaModelParams::default();
        if let Some(layers) = settings.gpu_layers {
            params = params.with_n_gpu_layers(layers);
        }
        let model = LlamaModel::load_from_file(backend()?, source.path(), &params).map_err(|cause| {
            Error::new(ErrorKind::Model, format!("llama.cpp cannot load {}", source.name())).because(cause)
                .hint("the file may be truncated or of an architecture that is too new; RUST_LOG=llama-cpp-2=info tells more")
        })?;
        Ok(Arc::new(model))
    }
}

/// Makes a context, says that it is ready, and works until nobody can ask any more.
pub(super) fn serve(
    model: &Arc<LlamaModel>,
    settings: &Settings,
    jobs: &Receiver<Job>,
    loaded: &Sender<Result<Loaded>>,
) {
    let mut engine = match Engine::new(model, settings) {
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
        vocabulary: Arc::new(Vocabulary::new(model.clone())),
        context: engine.limit,
    };
    if loaded.send(Ok(ready)).is_err() {
        return;
    }
    while let Ok(job) = jobs.recv() {
        engine.serve(job);
    }
}

impl<'m> Engine<'m> {
    fn new(model: &'m LlamaModel, settings: &Settings) -> Result<Self> {
        let trained = model.n_ctx_train().max(1);
        let wanted = settings.context.unwrap_or(trained.min(LARGEST_CONTEXT));
        let threads = settings.threads.unwrap_or_else(|| default_threads(model.size()));
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
        let context = model.new_context(backend()?, params).map_err(|cause| {
            Error::new(
                ErrorKind::Model,
                format!("there is no memory for a context of {wanted} tokens"),
            )
            .because(cause)
        })?;
        // llama.cpp may clamp both; exceeding what it settled on would abort the process.
        let room = usize::try_from(context.n_batch()).unwrap_or(CHUNK).min(CHUNK);
        let limit = usize::try_from(context.n_ctx()).unwrap_or(0);
        Ok(Self { model, context, batch: LlamaBatch::new(room.max(1), 1), held: Vec::new(), limit })
    }

    fn serve(&mut self, job: Job) {
        let Job { work, reply } = job;
        let gone = || reply.is_closed();
        let answer = match work {
            Work::Generate { prompt, sampling, seed } => {
                self.generate(&prompt, &sampling, &seed, &gone)
            }
            Work::Choose { labels, texts } => self.choose(labels, &texts, &gone),
        };
        if answer.is_err() {
            self.forget();
        }
        // Nobody may be waiting any more, and that is fine.
        drop(reply.send(answer));
    }

    fn generate(
        &mut self,
        prompt: &[LlamaToken],
        sampling: &Sampling,
        seed: &[u8; 32],
        gone: &impl Fn() -> bool,
    ) -> Result<Completion> {
        let cached = self.advance(prompt, gone)?;
        let limit = sampling.max_tokens.map_or(usize::MAX, |most| most as usize);
        let mut decoder = Decoder::default();
        let mut written = 0;
        let finish = loop {
            if written >= limit || self.held.len() >= self.limit {
                break Finish::Length;
            }
            let token = sampler::pick(self.logits(), sampling, seed, written);
            written += 1;
            if self.model.vocab().is_eog(token) {
                break Finish::Stop;
            }
            let read = decoder.text().len();
            decoder.push(&self.model.vocab().token_to_piece(token, false, None));
            if decoder.cut_at(&sampling.stop, read) {
                break Finish::Stop;
            }
            if written < limit && self.held.len() < self.limit {
                stop_if(gone())?;
                self.decode(&[token])?;
            }
        };
        let usage = usage(prompt.len(), cached, written);
        Ok(Completion { finish, usage, in_process: true, ..Completion::text(decoder.finish()) })
    }

    /// The probability of every label by teacher forcing: its tokens are put behind the prompt, and
    /// each is looked up in the distribution that the model gave before it.
    fn choose(
        &mut self,
        labels: Vec<String>,
        texts: &[Vec<LlamaToken>],
        gone: &impl Fn() -> bool,
    ) -> Result<Completion> {
        let shared = common_prefix(texts);
        let first = texts.first().map(Vec::as_slice).unwrap_or_default();
        let cached = self.advance(&first[..shared.min(first.len())], gone)?;
        // The caches are cut again for every label, so the row that all of them start from is kept.
        let start: Vec<f32> = self.logits().to_vec();
        let mut weights = Vec::with_capacity(texts.len());
        for text in texts {
            let mut sum = 0.0;
            for (n, &token) in text.iter().enumerate().skip(shared) {
                let row = if n == shared { &start } else { self.logits() };
                sum += sampler::log_probability(row, token);
                if n + 1 < text.len() {
                    self.decode(&[token])?;
                }
            }
            weights.push(sum.exp());
            if self.cut(shared) < shared {
                self.advance(&first[..shared], gone)?;
            }
            stop_if(gone())?;
        }
        let best = weights.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
        let text = best.and_then(|(index, _)| labels.get(index)).cloned().unwrap_or_default();
        let distribution = Distribution::new(labels.into_iter().zip(weights).collect());
        let usage = usage(shared, cached, 0);
        // The row at the end belongs to the last label's tokens: the next request must not read it.
        self.cut(shared - 1);
        Ok(Completion { usage, distribution: Some(distribution), ..Completion::text(text) })
    }

    /// Brings the cache to exactly these tokens and the logits to the last of them; says how many were
    /// there already.
    fn advance(&mut self, tokens: &[LlamaToken], gone: &impl Fn() -> bool) -> Result<usize> {
        let same = self.held.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        // At least the last token must be evaluated, for its logits.
        let keep = self.cut(same.min(tokens.len().saturating_sub(1)) / GRAIN * GRAIN);
        let mut at = keep;
        while at < tokens.len() {
            stop_if(gone())?;
            let end = ((at / CHUNK + 1) * CHUNK).min(tokens.len());
            self.decode(&tokens[at..end])?;
            at = end;
        }
        Ok(keep)
    }

    fn decode(&mut self, tokens: &[LlamaToken]) -> Result<()> {
        self.batch.clear();
        for (n, &token) in tokens.iter().enumerate() {
            let position = i32::try_from(self.held.len() + n).unwrap_or(i32::MAX);
            self.batch
                .add(token, position, &[SEQUENCE], n + 1 == tokens.len())
                .map_err(|cause| failed("a batch is too long").because(cause))?;
        }
        self.context
            .decode(&mut self.batch)
            .map_err(|cause| failed("llama.cpp failed to evaluate").because(cause))?;
        self.held.extend_from_slice(tokens);
        Ok(())
    }

    fn logits(&self) -> &[f32] {
        self.context.get_logits_ith(self.batch.n_tokens() - 1)
    }

    /// Drops everything behind the first `keep` tokens, and says how many are left: recurrent memories
    /// cannot be rewound and start again.
    fn cut(&mut self, keep: usize) -> usize {
        if keep < self.held.len() {
            let from = u32::try_from(keep).unwrap_or(u32::MAX);
            match self.context.kv_cache_seq_rm(SEQUENCE, Some(from), None) {
                Ok(()) => self.held.truncate(keep),
                Err(_) => self.forget(),
            }
        }
        self.held.len()
    }

    fn forget(&mut self) {
        self.context.clear_kv_cache();
        self.held.clear();
    }
}

/// One for small models; else half of what the machine has, since two threads of one core share its
/// arithmetic, and threads beyond the free cores spin while they wait.
fn default_threads(bytes: u64) -> i32 {
    let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if bytes < SMALL { 1 } else { i32::try_from(all / 2).unwrap_or(i32::MAX).max(1) }
}

fn usage(prompt: usize, cached: usize, written: usize) -> Usage {
    Usage { cached: Some(cached as u64), ..Usage::new(prompt as u64, written as u64) }
}

fn stop_if(gone: bool) -> Result<()> {
    if gone { Err(failed("the request was given up")) } else { Ok(()) }
}

/// How many tokens all texts begin with, always leaving one of each.
fn common_prefix(texts: &[Vec<LlamaToken>]) -> usize {
    let Some((first, rest)) = texts.split_first() else { return 0 };
    let same = |text: &Vec<LlamaToken>| first.iter().zip(text).take_while(|(a, b)| a == b).count();
    let shared = rest.iter().map(same).min().unwrap_or(first.len());
    texts.iter().map(|text| text.len().saturating_sub(1)).min().unwrap_or(0).min(shared)
}
