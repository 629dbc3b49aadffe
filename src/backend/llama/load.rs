//! Loads weights, and decides the shape of the context.

use std::{sync::Arc, time::Instant};

use llama_cpp_2::model::{LlamaModel, params::LlamaModelParams};

use super::{
    LlamaOptions,
    curve::{Curve, WIDTHS},
    evaluator::{Adapter, Context, Evaluator, Row, Shape},
    file::Source,
    process::{backend, default_threads},
};
use crate::error::{Error, ErrorKind, Result};

/// Loads the weights, and the LoRA adapter if there is one.
///
/// # Errors
/// llama.cpp cannot load one of the files, or the adapter belongs to a different model.
pub(super) fn weights(
    source: &Source,
    options: &LlamaOptions,
) -> Result<(Arc<LlamaModel>, Option<Adapter>)> {
    let mut params = LlamaModelParams::default();
    if let Some(layers) = options.gpu_layers {
        params = params.with_n_gpu_layers(layers);
    }
    let mut model = LlamaModel::load_from_file(backend()?, source.path(), &params).map_err(|cause| {
        Error::new(ErrorKind::Model, format!("llama.cpp cannot load {}", source.name())).because(cause)
            .hint("the file may be truncated or of an architecture that is too new; RUST_LOG=llama-cpp-2=info tells more")
    })?;
    let lora = options.lora.as_ref();
    let adapter = lora.map(|lora| Adapter::load(&mut model, lora)).transpose()?;
    Ok((Arc::new(model), adapter))
}

/// The longest context that is chosen by default, in tokens: memory grows with the length.
const LARGEST_CONTEXT: u32 = 8_192;

/// For smaller models, in bytes of weights, a call with several sequences gains nothing.
const NARROW: u64 = 8 << 20;

/// The share of the available memory that sequences beyond the first may take by default.
const SHARE_OF_MEMORY: u64 = 8;

/// The most memory that sequences take by default, in bytes.
const MOST_MEMORY: u64 = 2 << 30;

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
        None => trained.min(LARGEST_CONTEXT),
    };
    let threads = options.threads.unwrap_or_else(|| default_threads(model.size()));
    let one = Shape { limit, sequences: 1, threads };
    // A recurrent model cannot be rewound, so its sequences share nothing.
    let is_narrow = model.size() < NARROW || model.is_recurrent() || model.is_hybrid();
    let most = match options.width {
        Some(width) => width.clamp(1, 256),
        None if is_narrow => 1,
        None => sequences_in_memory(model, limit),
    };
    if most == 1 {
        return Ok((one, Curve::flat()));
    }
    let curve = match source.curve(threads) {
        Some(known) => known,
        None if is_narrow => Curve::flat(),
        None => {
            let curve = measured(model, threads)?;
            source.remember_curve(threads, &curve);
            curve
        }
    };
    let width = options.width.map_or_else(|| curve.width(most), |_| most);
    Ok((Shape { sequences: u32::try_from(width).unwrap_or(1), ..one }, curve))
}

/// The number of sequences of this length for which there is memory.
fn sequences_in_memory(model: &LlamaModel, limit: u32) -> usize {
    let heads = u64::from(model.n_head().max(1));
    let per_head = u64::try_from(model.n_embd()).unwrap_or(0) / heads;
    // A key and a value of two bytes per element, in every layer.
    let token = 4 * u64::from(model.n_layer()) * u64::from(model.n_head_kv()) * per_head;
    let sequence = (token * u64::from(limit)).max(1);
    let memory = available_memory().map_or(MOST_MEMORY, |all| all / SHARE_OF_MEMORY);
    let count = memory.min(MOST_MEMORY) / sequence;
    usize::try_from(count).unwrap_or(1).clamp(1, WIDTHS[WIDTHS.len() - 1])
}

/// The available memory of this machine in bytes, if the system reports it.
fn available_memory() -> Option<u64> {
    let report = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = report.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Measures calls of every width, in a small context of its own.
///
/// # Errors
/// There is not enough memory, or llama.cpp fails.
fn measured(model: &LlamaModel, threads: i32) -> Result<Curve> {
    let widest = WIDTHS[WIDTHS.len() - 1];
    let sequences = u32::try_from(widest).unwrap_or(1);
    let mut context = Context::new(model, None, Shape { limit: MEASURED, sequences, threads })?;
    let token = model.vocab().tokenize(b"a", false, false).first().copied();
    let token = token.unwrap_or(model.vocab().bos());
    let mut seconds = |width: usize, position: usize| -> Result<f64> {
        let row = |sequence| Row { token, position, sequence, wanted: true };
        let rows: Vec<Row> = (0..width).map(row).collect();
        let started = Instant::now();
        context.evaluate(&rows)?;
        Ok(started.elapsed().as_secs_f64())
    };
    // The first call also prepares buffers and reads the weights from disk.
    seconds(widest, 0)?;
    let mut position = 1;
    let mut points = Vec::new();
    // From wide to narrow, so that every sequence stays without gaps.
    for width in WIDTHS.into_iter().rev() {
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            best = best.min(seconds(width, position)?);
            position += 1;
        }
        points.push((width, best));
    }
    Ok(Curve::new(points))
}
