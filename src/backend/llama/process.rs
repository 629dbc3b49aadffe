//! llama.cpp in this process: its global state, which all models share, and its share of the machine.

use std::sync::OnceLock;

use llama_cpp_2::{
    LlamaBackendDevice, LlamaBackendDeviceType, LogOptions, list_llama_ggml_backend_devices,
    llama_backend::LlamaBackend, send_logs_to_tracing,
};

use super::failed;
use crate::error::Result;

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

/// The GPUs that llama.cpp can use, with their free memory now.
pub(super) fn gpus() -> Vec<LlamaBackendDevice> {
    let is_gpu = |device: &LlamaBackendDevice| {
        let kind = device.device_type;
        matches!(kind, LlamaBackendDeviceType::Gpu | LlamaBackendDeviceType::IntegratedGpu)
    };
    list_llama_ggml_backend_devices().into_iter().filter(is_gpu).collect()
}

/// Whether there is a GPU. A program that was built for GPUs may run on a machine without one.
pub(super) fn has_gpu() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let is_built = cfg!(any(feature = "cuda", feature = "metal", feature = "vulkan"));
    is_built && *FOUND.get_or_init(|| !gpus().is_empty())
}

/// For smaller models, in bytes of weights, a second thread makes evaluation slower.
const SMALL: u64 = 64 << 20;

/// The default number of threads: one for small models, otherwise half of the machine's threads. Two threads
/// of one core share its arithmetic units, and further threads waste time waiting.
pub(super) fn default_threads(bytes: u64) -> i32 {
    let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if bytes < SMALL { 1 } else { i32::try_from(all / 2).unwrap_or(i32::MAX).max(1) }
}
