//! The thread that owns a model: it loads the weights, creates the context, and answers requests.

use std::sync::{
    Arc, Mutex,
    mpsc::{Receiver, Sender},
};

use llama_cpp_2::model::LlamaModel;

use super::{
    EngineFigures, LlamaOptions,
    curve::Curve,
    evaluator::{Adapter, Evaluator, Shape},
    file::Source,
    fit,
    head::{Head, HeadPlan},
    load,
    memory::Memory,
    queue::Queue,
    scheduler::Scheduler,
    template::ChatTemplate,
    tokens::Vocabulary,
    turns::Turns,
    work::Job,
};
use crate::error::Result;

/// The facts about a loaded model that callers need.
pub(super) struct Loaded {
    /// The title in the file, `general.name`.
    pub(super) title: String,
    /// The chat template of the file.
    pub(super) template: ChatTemplate,
    /// The tokenizer, shared with the callers' threads.
    pub(super) vocabulary: Arc<Vocabulary>,
    /// The most tokens of a request.
    pub(super) context: usize,
    /// The length of the context in training, in tokens.
    pub(super) trained: u32,
    /// How many requests are answered at once.
    pub(super) width: usize,
    /// Why the model gives no rewards; `None` if it has a reward head.
    pub(super) no_head: Option<String>,
    /// Whether the reward head has one output.
    pub(super) has_one_output: bool,
    /// What the engine has done.
    pub(super) figures: Arc<Mutex<EngineFigures>>,
}

/// Copies of earlier sequences take at most as much memory as this number of tokens in the cache.
const PARKED: u64 = 1024;

/// With so many sequences nothing is copied: what was read stays in those that wait for their next request.
const KEEPS_ENOUGH: usize = 8;

/// Loads a model, reports that it is ready or why it is not, and answers requests until the channel is closed.
pub(super) fn run(
    source: Source,
    options: &LlamaOptions,
    jobs: Receiver<Job>,
    loaded: &Sender<Result<Loaded>>,
) {
    let served = load::weights(&source, options).and_then(|(model, adapter)| {
        let (shape, curve) = load::shape(&model, options, &source)?;
        let plan = HeadPlan::of(source.classifier().as_ref());
        drop(source);
        serve(&model, (adapter, plan), options, (shape, curve), jobs, loaded)
    });
    if let Err(error) = served {
        drop(loaded.send(Err(error)));
    }
}

/// Creates a context, reports that it is ready, and answers requests until the channel is closed.
///
/// # Errors
/// There is not enough memory for the context, or llama.cpp refuses the adapter. Nothing was reported then.
fn serve(
    model: &Arc<LlamaModel>,
    (adapter, plan): (Option<Adapter>, Result<HeadPlan, String>),
    options: &LlamaOptions,
    (shape, curve): (Shape, Curve),
    jobs: Receiver<Job>,
    loaded: &Sender<Result<Loaded>>,
) -> Result<()> {
    // A model on a GPU computes beside one on the CPU.
    let (threads, weights) =
        if options.uses_gpu() { (0, 0) } else { (shape.threads, model.size()) };
    let turns = Turns::new(threads, weights);
    let vocabulary = Arc::new(Vocabulary::new(model.clone()));
    let mut context = load::context(model, options, shape)?;
    if let Some(adapter) = adapter {
        context.apply(adapter)?;
    }
    let token = fit::bytes_per_token(model, shape.kv);
    let parked = if context.sequences() < KEEPS_ENOUGH { PARKED } else { 0 };
    let parked = usize::try_from(token.saturating_mul(parked)).unwrap_or(usize::MAX);
    let memory = Memory::new(context, parked);
    let kv_bytes = token.saturating_mul((memory.sequences() * memory.limit()) as u64);
    let figures = EngineFigures { width: memory.sequences(), kv_bytes, ..EngineFigures::default() };
    load::report(options, shape, memory.limit(), &figures);
    let figures = Arc::new(Mutex::new(figures));
    let meta = |key: &str| model.meta_val_str(key).unwrap_or_default();
    let text = |token| {
        String::from_utf8_lossy(&model.vocab().token_to_piece(token, true, None)).into_owned()
    };
    let template = model.chat_template(None).ok().and_then(|template| template.to_string().ok());
    let has_one_output = plan.as_ref().is_ok_and(HeadPlan::has_one_output);
    let (head, no_head) = match plan {
        Ok(plan) => (Some(Head::new(model, shape, plan)?), None),
        Err(why) => (None, Some(why)),
    };
    let ready = Loaded {
        title: meta("general.name"),
        template: ChatTemplate::new(template, text(model.vocab().bos()), text(model.vocab().eos()))
            .with(options.template.clone()),
        vocabulary: vocabulary.clone(),
        context: memory.limit(),
        trained: model.n_ctx_train(),
        width: memory.sequences(),
        no_head,
        has_one_output,
        figures: figures.clone(),
    };
    if loaded.send(Ok(ready)).is_ok() {
        let scheduler = Scheduler::new(memory, Queue::new(jobs), vocabulary, curve, figures, turns);
        scheduler.with_head(head).run();
    }
    Ok(())
}
