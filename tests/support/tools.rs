//! A folder for one test, and an ear for what is logged.

use std::{
    cell::RefCell,
    fmt::{self, Write as _},
    path::PathBuf,
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

/// Hears what every thread logs, at every level: what listens to one thread only may miss a message that
/// another thread met first, because whether there is a listener is stored for each message.
struct Listener;

thread_local! {
    static HEARD: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Hears from now on what this thread logs.
pub fn listen() {
    tracing::subscriber::set_global_default(Listener).ok();
    HEARD.take();
}

/// What this thread logged since it is listened to.
pub fn logged() -> String {
    HEARD.with_borrow(String::clone)
}

impl tracing::Subscriber for Listener {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        span.record(&mut |_: &tracing::field::Field, value: &dyn fmt::Debug| note(value));
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        values.record(&mut |_: &tracing::field::Field, value: &dyn fmt::Debug| note(value));
    }

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut |_: &tracing::field::Field, value: &dyn fmt::Debug| note(value));
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

fn note(value: &dyn fmt::Debug) {
    HEARD.with_borrow_mut(|heard| writeln!(heard, "{value:?}").unwrap());
}

/// The instruct model for tests that need a real one: the file that `TRIBUNAL_TEST_GGUF` names, or what `make models`
/// fetched.
pub fn instruct_model() -> PathBuf {
    if let Some(path) = std::env::var_os("TRIBUNAL_TEST_GGUF") {
        return path.into();
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/models/downloaded");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
    let mut models = files.filter(|path| path.extension().is_some_and(|end| end == "gguf"));
    models.next().ok_or("set TRIBUNAL_TEST_GGUF, or run `make models`").unwrap()
}
