//! A folder for one test, and an ear for what is logged.

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
    sync::{Arc, Mutex},
};

/// A folder that is gone when the test is over.
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder whose name holds `name`.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tribunal-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// Everything that is logged on this thread, at every level.
pub struct Log {
    text: Arc<Mutex<String>>,
    _guard: tracing::subscriber::DefaultGuard,
}

struct Listener(Arc<Mutex<String>>);

impl Log {
    /// Listens until it is dropped.
    pub fn start() -> Self {
        let text = Arc::new(Mutex::default());
        let guard = tracing::subscriber::set_default(Listener(Arc::clone(&text)));
        Self { text, _guard: guard }
    }

    /// What was logged so far.
    pub fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }
}

impl tracing::Subscriber for Listener {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut |_: &tracing::field::Field, value: &dyn fmt::Debug| self.note(value));
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut |_: &tracing::field::Field, value: &dyn fmt::Debug| self.note(value));
    }

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut |_: &tracing::field::Field, value: &dyn fmt::Debug| self.note(value));
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

impl Listener {
    fn note(&self, value: &dyn fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{value:?}").unwrap();
    }
}
