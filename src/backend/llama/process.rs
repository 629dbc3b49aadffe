//! llama.cpp in this process: its global state, which all models share.

use std::sync::OnceLock;

use llama_cpp_2::{LogOptions, llama_backend::LlamaBackend, send_logs_to_tracing};

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
