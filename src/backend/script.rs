//! A backend that returns fixed answers.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::{Backend, pause::pause};
use crate::{
    completion::Completion,
    completion::Distribution,
    error::{Error, ErrorKind, Result},
    request::{Ask, Capabilities, Request},
};

/// A backend with fixed answers instead of a model: for tests, examples and dry runs.
///
/// An [`Ask::Choose`] is answered with the label that the line consists of, or with the first label, at
/// probability 1. ScriptedAnswers with a distribution of their own, and those of [`Script::answering`], are returned
/// unchanged.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Error, ErrorKind, backend::{Backend, Script}, request::Request};
///
/// let busy = Error::new(ErrorKind::Overloaded, "busy");
/// let script = Script::once([Ok("Score: 7"), Err(busy)]);
/// let request = Request::generate(Vec::new());
/// assert_eq!(script.complete(&request).await?.text, "Score: 7");
/// assert!(script.complete(&request).await.unwrap_err().is_transient());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those in the script, and [`ErrorKind::NotRecorded`] after the last line of [`Script::once`].
pub struct Script {
    /// Where answers come from.
    lines: ScriptedAnswers,
    /// The pause before each answer.
    pause: Duration,
    /// The capabilities that it reports.
    capabilities: Capabilities,
    /// The number of requests so far.
    calls: AtomicUsize,
    /// The requests so far, if they are kept.
    memory: Option<Mutex<Vec<Request>>>,
}

/// A function that answers requests.
type Answering = dyn Fn(&Request) -> Result<Completion> + Send + Sync;

/// Where the answers of a script come from.
enum ScriptedAnswers {
    /// One line for every request.
    Always(Box<Completion>),
    /// One line for each request, in order.
    Once(Mutex<VecDeque<Result<Completion>>>),
    /// A function of the request.
    Answering(Box<Answering>),
}

impl Script {
    /// The capabilities that a script reports by default: all of them.
    const ABLE: Capabilities = Capabilities::ALL;

    /// Answers every request with `line`.
    pub fn always(line: impl Into<Completion>) -> Self {
        Self::of(ScriptedAnswers::Always(Box::new(line.into())))
    }

    /// Answers with each of `lines` once, in order. After the last one, every request fails with
    /// [`ErrorKind::NotRecorded`].
    pub fn once<L: Into<Completion>>(lines: impl IntoIterator<Item = Result<L>>) -> Self {
        let lines = lines.into_iter().map(|line| line.map(Into::into));
        Self::of(ScriptedAnswers::Once(Mutex::new(lines.collect())))
    }

    /// Answers each request with the result of `answer`.
    pub fn answering(
        answer: impl Fn(&Request) -> Result<Completion> + Send + Sync + 'static,
    ) -> Self {
        Self::of(ScriptedAnswers::Answering(Box::new(answer)))
    }

    /// Waits this long before every answer.
    #[must_use]
    pub fn slowly(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Sets the reported capabilities; by default all.
    #[must_use]
    pub fn capable(self, capabilities: Capabilities) -> Self {
        Self { capabilities, ..self }
    }

    /// Keeps every request for [`Script::asked`]; memory grows with each request.
    #[must_use]
    pub fn remembering(self) -> Self {
        Self { memory: Some(Mutex::default()), ..self }
    }

    /// The requests so far, in order of arrival; empty unless the script is [`Script::remembering`].
    pub fn asked(&self) -> Vec<Request> {
        let Some(memory) = &self.memory else { return Vec::new() };
        memory.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of requests so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn of(lines: ScriptedAnswers) -> Self {
        Self {
            lines,
            pause: Duration::ZERO,
            capabilities: Self::ABLE,
            calls: AtomicUsize::new(0),
            memory: None,
        }
    }

    /// Counts a request, and keeps it if requests are kept.
    fn note(&self, request: &Request) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(memory) = &self.memory {
            memory.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        }
    }

    /// The next line for this request.
    ///
    /// # Errors
    /// The error in the script, or that no line is left.
    fn line(&self, request: &Request) -> Result<Completion> {
        match &self.lines {
            ScriptedAnswers::Always(line) => Ok(chosen((**line).clone(), &request.ask)),
            ScriptedAnswers::Answering(answer) => answer(request),
            ScriptedAnswers::Once(lines) => {
                let line = lines.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let line = line.unwrap_or_else(|| Err(no_more_lines()))?;
                Ok(chosen(line, &request.ask))
            }
        }
    }
}

#[async_trait]
impl Backend for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    fn identity(&self) -> &'static str {
        "script"
    }

    async fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn concurrency(&self) -> usize {
        64
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        self.note(request);
        if !self.pause.is_zero() {
            pause(self.pause).await;
        }
        self.line(request)
    }
}

/// The line as an answer to this question: if labels are offered, one of them.
fn chosen(line: Completion, ask: &Ask) -> Completion {
    let Ask::Choose { labels } = ask else { return line };
    if line.distribution.is_some() {
        return line;
    }
    let named = labels.iter().find(|label| label.trim() == line.text.trim());
    let Some(label) = named.or_else(|| labels.first()).cloned() else { return line };
    let mass = |other: &String| (other.clone(), if *other == label { 1.0 } else { 0.0 });
    let distribution = Distribution::new(labels.iter().map(mass).collect());
    Completion { text: label, distribution: Some(distribution), ..line }
}

/// The error after the last line.
fn no_more_lines() -> Error {
    Error::new(ErrorKind::NotRecorded, "the script has no more lines")
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.lines {
            ScriptedAnswers::Always(_) => "always",
            ScriptedAnswers::Once(_) => "once",
            ScriptedAnswers::Answering(_) => "answering",
        };
        f.debug_struct("Script")
            .field("lines", &kind)
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

impl From<&str> for Completion {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Completion {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Message, Origin, Role};

    fn question(ask: Ask) -> Request {
        let messages = vec![Message::new(Role::User, "2 + 2 = 4?", Origin::Prompt)];
        Request { ask, ..Request::generate(messages) }
    }

    #[tokio::test]
    async fn lines_are_said_in_turn_and_then_no_more_lines() {
        let busy = Error::new(ErrorKind::Overloaded, "busy");
        let script = Script::once([Ok("one"), Err(busy)]).remembering();
        let request = question(Ask::Generate { top_logprobs: None });
        assert_eq!(script.complete(&request).await.unwrap().text, "one");
        assert_eq!(script.complete(&request).await.unwrap_err().kind(), ErrorKind::Overloaded);
        assert_eq!(script.complete(&request).await.unwrap_err().kind(), ErrorKind::NotRecorded);
        assert_eq!((script.calls(), script.asked().len()), (3, 3));
    }

    #[tokio::test]
    async fn a_choice_is_the_label_that_the_line_names_else_the_first() {
        let request = question(Ask::Choose { labels: vec![" Yes".into(), " No".into()] });
        let said = Script::always("No").complete(&request).await.unwrap();
        assert_eq!(said.text, " No");
        assert_eq!(said.distribution.unwrap().labels, [(" Yes".into(), 0.0), (" No".into(), 1.0)]);
        assert_eq!(Script::always("Perhaps").complete(&request).await.unwrap().text, " Yes");
    }

    #[tokio::test]
    async fn nothing_is_remembered_unless_asked_for() {
        let script = Script::always("x");
        script.complete(&question(Ask::Generate { top_logprobs: None })).await.unwrap();
        assert_eq!((script.calls(), script.asked().len()), (1, 0));
    }
}
