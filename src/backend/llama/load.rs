//! Loads weights, and decides the shape of the context.

use std::{sync::Arc, time::Instant};

use llama_cpp_2::model::{
    LlamaModel,
    params::{LlamaModelParams, LlamaSplitMode},
};

use super::{
    EngineFigures, LlamaOptions, Split,
    curve::{self, Curve},
    evaluator::{Adapter, Context, Evaluator, Row, Shape},
    failed,
    file::Source,
    fit,
    process::{backend, default_threads, gpus},
};
use crate::{
    error::{Error, ErrorKind, Result},
    hint::Hint,
    units::counted,
};

/// Loads the weights, and the LoRA adapter if there is one.
///
/// # Errors
/// llama.cpp cannot load one of the files, or the adapter belongs to a different model.
pub(super) fn weights(
    source: &Source,
    options: &LlamaOptions,
) -> Result<(Arc<LlamaModel>, Option<Adapter>)> {
    let llama = backend()?;
    let params = placed(options)?;
    let mut model = LlamaModel::load_from_file(llama, source.path(), &params).map_err(|cause| {
        Error::new(ErrorKind::Model, format!("llama.cpp cannot load {}", source.name())).because(cause)
            .hint("the file may be truncated or of an architecture that is too new; RUST_LOG=llama-cpp-2=info tells more")
    })?;
    let lora = options.lora.as_ref();
    let adapter = lora.map(|lora| Adapter::load(&mut model, lora)).transpose()?;
    Ok((Arc::new(model), adapter))
}

/// Where the model is placed: on which devices, and how it is divided among them.
///
/// # Errors
/// There is no device of this name.
fn placed(options: &LlamaOptions) -> Result<LlamaModelParams> {
    let mut params = LlamaModelParams::default();
    if let Some(layers) = options.gpu_layers {
        params = params.with_n_gpu_layers(layers);
    }
    if let Some(split) = options.split {
        params = params.with_split_mode(match split {
            Split::None => LlamaSplitMode::None,
            Split::Layer => LlamaSplitMode::Layer,
            Split::Row => LlamaSplitMode::Row,
        });
    }
    let Some(device) = &options.device else { return Ok(params) };
    let mut numbers = Vec::new();
    if options.is_on_cpu() {
        params = params.with_n_gpu_layers(0);
    } else {
        numbers = devices(device)?;
    }
    params
        .with_devices(&numbers)
        .map_err(|cause| failed("llama.cpp refuses a device").because(cause))
}

/// The numbers of the GPUs with these names, separated by commas.
///
/// # Errors
/// There is no device of this name.
fn devices(names: &str) -> Result<Vec<usize>> {
    let gpus = gpus();
    let index = |name: &str| {
        let found = gpus.iter().find(|device| device.name.eq_ignore_ascii_case(name));
        found.map(|device| device.index).ok_or_else(|| {
            let known =
                gpus.iter().map(|device| format!(", `{}` ({})", device.name, device.description));
            Error::new(ErrorKind::Config, format!("there is no device `{name}`"))
                .hint(format!("devices are `cpu`{}", known.collect::<String>()))
        })
    };
    names.split(',').map(|name| index(name.trim())).collect()
}

/// For smaller models, in bytes of weights, a call with several sequences gains nothing.
const NARROW: u64 = 8 << 20;

/// The tokens per sequence of the context in which widths are measured.
const MEASURED: u32 = 256;

/// The shape of the context for a model, and what calls of several sequences cost with it. The cost is measured once
/// for every file, machine and number of threads.
///
/// # Errors
/// There is not enough memory to measure.
pub(super) fn shape(
    model: &LlamaModel,
    options: &LlamaOptions,
    source: &Source,
) -> Result<(Shape, Curve)> {
    let trained = model.n_ctx_train().max(1);
    let limit = match options.context {
        Some(0) => trained,
        Some(limit) => limit,
        None => trained.min(fit::LARGEST_CONTEXT),
    };
    let threads = options.threads.unwrap_or_else(|| default_threads(model.size()));
    let (kv, flash) = (options.kv_type, options.attention()?);
    // Only on a CPU do shorter calls cost nothing.
    let is_on_gpu = options.uses_gpu();
    let call = if is_on_gpu { fit::LONGEST_CALL } else { fit::longest_call(model, limit) };
    let one = Shape { limit, sequences: 1, call, threads, kv, flash, is_on_gpu };
    // A recurrent model cannot be rewound, so its sequences share nothing.
    let is_narrow = model.size() < NARROW || model.is_recurrent() || model.is_hybrid();
    let most = match options.width {
        Some(width) => width.clamp(1, 256),
        None if is_narrow => 1,
        None => fit::sequences(fit::bytes_per_token(model, kv), limit, options.gpu_memory()),
    };
    if most == 1 {
        return Ok((one, Curve::flat()));
    }
    let conditions = options.conditions(threads)?;
    let curve = match source.curve(&conditions) {
        Some(known) => known,
        None if is_narrow => Curve::flat(),
        None => {
            let (curve, is_calm) = measured(model, one)?;
            if is_calm {
                source.remember_curve(&conditions, &curve);
            }
            curve
        }
    };
    let width = options.width.map_or_else(|| curve.width(most), |_| most);
    let sequences = u32::try_from(width).unwrap_or(1);
    Ok((Shape { sequences, call: one.call.max(sequences.next_power_of_two()), ..one }, curve))
}

/// Creates a context of this shape; where there is no memory for it, a smaller one, with a warning.
///
/// # Errors
/// There is not enough memory for the smallest useful context.
pub(super) fn context<'m>(
    model: &'m LlamaModel,
    options: &LlamaOptions,
    shape: Shape,
) -> Result<Context<'m>> {
    let token = fit::bytes_per_token(model, shape.kv);
    let most = fit::available_memory().filter(|_| !options.uses_gpu()).unwrap_or(u64::MAX);
    let mut tried = shape;
    loop {
        let created = if bytes(tried, token) > most {
            Err(no_memory(tried))
        } else {
            Context::new(model, tried).map_err(|cause| no_memory(tried).because(cause))
        };
        let Err(error) = created else {
            if bytes(tried, token) < bytes(shape, token) {
                tracing::warn!(
                    "there is no memory for {} contexts of {} tokens: using {} of {}; set `width` and `context` to choose",
                    shape.sequences,
                    shape.limit,
                    tried.sequences,
                    tried.limit
                );
            }
            return created;
        };
        let (sequences, limit) = fit::smaller((tried.sequences, tried.limit)).ok_or(error)?;
        tried = Shape { limit, sequences, ..tried };
    }
}

/// Logs what was chosen: how many requests at once, and the length and the memory of their contexts.
pub(super) fn report(options: &LlamaOptions, shape: Shape, limit: usize, figures: &EngineFigures) {
    let layers = match (options.uses_gpu(), options.gpu_layers) {
        (false, _) => "no layers on a GPU".to_owned(),
        (true, Some(layers)) => format!("{} on a GPU", counted(layers, "layer")),
        (true, None) => "all layers on a GPU".to_owned(),
    };
    let name = options.name.clone().unwrap_or_else(|| format!("{:?}", options.weights));
    tracing::info!(
        "{name}: context {limit} tokens, width {}, threads {}, {layers}, cache {} MB ({})",
        figures.width,
        shape.threads,
        figures.kv_bytes >> 20,
        shape.kv.name(),
    );
}

/// The memory of the cache of this shape, in bytes.
fn bytes(shape: Shape, token: u64) -> u64 {
    token.saturating_mul(u64::from(shape.limit)).saturating_mul(u64::from(shape.sequences))
}

/// The error of a context for which there is no memory.
fn no_memory(shape: Shape) -> Error {
    let Shape { sequences, limit, .. } = shape;
    let message = format!("there is no memory for {sequences} contexts of {limit} tokens");
    let hint = Hint::from("choose a shorter one with ").setting("context", "1024");
    Error::new(ErrorKind::Model, message).hint(hint)
}

/// How often every width is measured.
const ROUNDS: usize = 5;

/// If the usual time of a call is more than this many times its shortest one, something else uses the machine.
const CALM: f64 = 1.5;

/// Measures calls of every width, in a small context of its own. Returns also whether the machine was calm enough to
/// rely on the result.
///
/// # Errors
/// There is not enough memory, or llama.cpp fails.
fn measured(model: &LlamaModel, shape: Shape) -> Result<(Curve, bool)> {
    let widths = curve::widths(shape.is_on_gpu);
    let widest = widths.last().copied().unwrap_or(1);
    let sequences = u32::try_from(widest).unwrap_or(1);
    let mut context = Context::new(model, Shape { limit: MEASURED, sequences, ..shape })?;
    let token = model.vocab().tokenize(b"a", false, false).first().copied();
    let token = token.unwrap_or(model.vocab().bos());
    let mut seconds = |width: usize| -> Result<f64> {
        (0..widest).for_each(|sequence| context.clear(sequence));
        let row = |sequence| Row { token, position: 0, sequence, wanted: true };
        let rows: Vec<Row> = (0..width).map(row).collect();
        let started = Instant::now();
        context.evaluate(&rows)?;
        // The call returns before its results are there.
        context.logits(width - 1);
        Ok(started.elapsed().as_secs_f64())
    };
    // The first call also prepares buffers and reads the weights from disk.
    seconds(widest)?;
    let mut times = vec![Vec::new(); widths.len()];
    // Every round measures all widths, so that a disturbance is not taken for a property of one of them.
    for _ in 0..ROUNDS {
        for (times, width) in times.iter_mut().zip(widths) {
            times.push(seconds(*width)?);
        }
    }
    times.iter_mut().for_each(|times| times.sort_unstable_by(f64::total_cmp));
    let is_calm = times.iter().all(|times| times[ROUNDS / 2] <= times[0] * CALM);
    let points = widths.iter().copied().zip(times.iter().map(|times| times[0])).collect();
    Ok((Curve::new(points), is_calm))
}
