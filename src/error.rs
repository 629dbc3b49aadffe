//! The error type of the whole crate: what happened, why, and what to do next.

use core::time::Duration;
use std::{fmt, sync::Arc};

use crate::hint::Hint;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be done.
///
/// It is opaque and cheap to clone: all callers that wait for the same answer may share one failure. An
/// unreadable answer is not an error: see [`Unreadable`](crate::Unreadable).
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hints: Vec<Hint>,
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
    facts: ErrorFacts,
}

/// The facts about a failure besides its kind, for code that reacts to it.
#[derive(Clone, Copy, Debug, Default)]
struct ErrorFacts {
    status: Option<u16>,
    retry_after: Option<Duration>,
    /// The requests that were sent; `None` if they were not counted.
    attempts: Option<u32>,
    retry: TryAgain,
    fatal: bool,
    interrupted: bool,
}

/// Whether the same request should be tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum TryAgain {
    /// The kind of the error decides.
    #[default]
    ByKind,
    /// One more try, whatever the kind is.
    Once,
    /// No: it would fail again, although most errors of this kind are temporary.
    Never,
}

/// The kinds of failures that a program may want to distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The prompt file is wrong, or does not fit the record.
    Prompt,
    /// The record lacks what the prompt needs, or is not a record.
    Record,
    /// A setting contradicts another one, or refers to something that does not exist.
    Config,
    /// The model could not be loaded, or failed during evaluation.
    Model,
    /// The model or its API cannot do what the judge needs.
    Unsupported,
    /// The request was refused: malformed, or against a policy.
    Refused,
    /// The request is longer than the model's context.
    TooLong,
    /// The key was refused: no request of this run can succeed.
    Unauthorized,
    /// The account is empty, or its quota is used up: no request of this run can succeed.
    Quota,
    /// The model or the address does not exist: no request of this run can succeed.
    NotFound,
    /// The server received more requests than it currently accepts.
    RateLimited,
    /// The server is temporarily busy or broken.
    Overloaded,
    /// No answer arrived in time.
    TimedOut,
    /// No connection to the server could be established, or it broke.
    Unreachable,
    /// A recording or a script contains no answer to this request.
    NotRecorded,
    /// The budget of the run is spent; nothing more was sent.
    Budget,
    /// A file could not be read or written.
    Io,
}

impl ErrorKind {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::Prompt,
        Self::Record,
        Self::Config,
        Self::Model,
        Self::Unsupported,
        Self::Refused,
        Self::TooLong,
        Self::Unauthorized,
        Self::Quota,
        Self::NotFound,
        Self::RateLimited,
        Self::Overloaded,
        Self::TimedOut,
        Self::Unreachable,
        Self::NotRecorded,
        Self::Budget,
        Self::Io,
    ];

    /// The word in files, which never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Record => "record",
            Self::Config => "config",
            Self::Model => "model",
            Self::Unsupported => "unsupported",
            Self::Refused => "refused",
            Self::TooLong => "too_long",
            Self::Unauthorized => "unauthorized",
            Self::Quota => "quota",
            Self::NotFound => "not_found",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::NotRecorded => "not_recorded",
            Self::Budget => "budget",
            Self::Io => "io",
        }
    }

    /// The kind for this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == word)
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::RateLimited | Self::Overloaded | Self::TimedOut | Self::Unreachable)
    }

    /// Whether every later request of this run would fail in the same way.
    pub fn is_fatal(self) -> bool {
        matches!(self, Self::Unauthorized | Self::Quota | Self::NotFound)
    }
}

impl Error {
    /// An error of this kind with this message, in lower case and without a final full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            hints: Vec::new(),
            cause: None,
            facts: ErrorFacts::default(),
        }))
    }

    /// An error from other code, such as the client of an agent framework. It is not transient: use
    /// [`Error::new`] with [`ErrorKind::Overloaded`] or [`ErrorKind::TimedOut`] if the same request may
    /// succeed later.
    ///
    /// Errors of files and sockets, of JSON and of `reqwest` (feature `openai`) convert automatically, and
    /// stay transient if they are. All others need this function, because any type may be an error.
    ///
    /// ```
    /// use tribunal::{Error, Result};
    ///
    /// fn read(path: &str) -> Result<u32> {
    ///     let text = std::fs::read_to_string(path)?;
    ///     text.trim().parse().map_err(Error::other)
    /// }
    /// assert!(!read("/nowhere").unwrap_err().is_transient());
    /// ```
    pub fn other(cause: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>) -> Self {
        Self::new(ErrorKind::Model, "the model's client failed").because(cause)
    }

    /// Adds a hint about what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Hint>) -> Self {
        Arc::make_mut(&mut self.0).hints.push(hint.into());
        self
    }

    /// The error of a request for a reference model where none is set.
    pub(crate) fn no_reference() -> Self {
        Self::new(ErrorKind::Unsupported, "log-ratios need a reference model, and none is set")
            .hint(
                Hint::from("name the model that this one was trained from: ")
                    .setting("reference_model", "FILE.gguf"),
            )
    }

    /// Adds a hint, in place of earlier ones that begin with the same words `start`.
    pub(crate) fn hint_in_place(mut self, start: &str, hint: String) -> Self {
        let is_other = |hint: &Hint| !hint.to_string().starts_with(start);
        Arc::make_mut(&mut self.0).hints.retain(is_other);
        self.hint(hint)
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(
        mut self,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
    ) -> Self {
        Arc::make_mut(&mut self.0).cause = Some(Arc::from(cause.into()));
        self
    }

    /// The same error with its place in front: `place: message`.
    #[must_use]
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.message = format!("{place}: {}", inner.message);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut ErrorFacts)) -> Self {
        change(&mut Arc::make_mut(&mut self.0).facts);
        self
    }

    /// Sets the HTTP status of the response.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        self.with(|facts| facts.status = Some(status))
    }

    /// Sets how long the server asks to wait before the next request.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Self {
        self.with(|facts| facts.retry_after = Some(wait))
    }

    /// Adds this many attempts: requests that were sent to the server for this answer.
    #[must_use]
    pub fn after_attempts(self, attempts: u32) -> Self {
        self.with(|facts| {
            facts.attempts = Some(facts.attempts.unwrap_or(0).saturating_add(attempts));
        })
    }

    /// The error of one request for another that was not sent because of it.
    pub(crate) fn unsent(self) -> Self {
        self.with(|facts| facts.attempts = Some(0))
    }

    /// Marks that the same request would fail again, although most errors of this kind are temporary.
    #[must_use]
    pub fn permanent(self) -> Self {
        self.with(|facts| facts.retry = TryAgain::Never)
    }

    /// Marks that the same request should be sent exactly once more: an unreadable response is an accident
    /// the first time, but not the second.
    #[must_use]
    pub fn worth_one_retry(self) -> Self {
        self.with(|facts| facts.retry = TryAgain::Once)
    }

    /// Marks that every later request of this run would fail in the same way, although most errors of this
    /// kind concern one record.
    #[must_use]
    pub fn fatal(self) -> Self {
        self.with(|facts| facts.fatal = true)
    }

    /// Marks that nothing more was tried because the run is to stop.
    #[must_use]
    pub fn interrupted(self) -> Self {
        self.with(|facts| facts.interrupted = true)
    }

    /// The kind of the failure, for programs.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message, without hints and causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The hints about what to do next, in the order in which they were added.
    pub fn hints(&self) -> &[Hint] {
        &self.0.hints
    }

    /// The HTTP status of the response; `None` if there was no response, or the model is not on a server.
    pub fn status(&self) -> Option<u16> {
        self.0.facts.status
    }

    /// How long the server asks to wait before the next request, in a header or in its message.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.facts.retry_after
    }

    /// The number of requests that were sent to a server for this answer.
    pub fn attempts(&self) -> u32 {
        self.0.facts.attempts.unwrap_or(0)
    }

    /// The same number, and 1 if they were not counted: a backend that fails has usually sent a request.
    pub(crate) fn attempts_or_one(&self) -> u32 {
        self.0.facts.attempts.unwrap_or(1)
    }

    /// Whether the stop of the run prevented further tries.
    pub fn is_interrupted(&self) -> bool {
        self.0.facts.interrupted
    }

    /// Whether the same request should be sent exactly once more, whatever
    /// [`is_transient`](Self::is_transient) returns: the answer was damaged, or a page arrived that may not
    /// come from the server itself.
    pub fn is_worth_one_retry(&self) -> bool {
        self.0.facts.retry == TryAgain::Once
    }

    /// Whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        self.0.kind.is_transient() && self.0.facts.retry != TryAgain::Never
    }

    /// Whether every later request of this run would fail in the same way.
    pub fn is_fatal(&self) -> bool {
        self.0.kind.is_fatal() || self.0.facts.fatal
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.cause {
            Some(cause) => write!(f, ": {}", without_codes(&cause.to_string())),
            None => Ok(()),
        }
    }
}

/// The text of a cause without the numbers of operating system errors, wherever they are:
/// `cannot connect: Connection refused (os error 111)`.
pub(crate) fn without_codes(cause: &str) -> String {
    const CODE: &str = " (os error ";
    let mut parts = cause.split(CODE);
    let mut words = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((code, rest)) if code.bytes().all(|digit| digit.is_ascii_digit()) => {
                words.push_str(rest);
            }
            _ => words.extend([CODE, part]),
        }
    }
    words
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        self.0.hints.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

/// Two errors are equal if their kinds, messages and hints are.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.kind() == other.kind()
            && self.to_string() == other.to_string()
            && self.hints() == other.hints()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}

/// The error of a file or a socket. Timeouts and broken connections are transient.
///
/// ```
/// use std::io::{Error as IoError, ErrorKind::TimedOut};
/// use tribunal::{Error, ErrorKind};
///
/// let error = Error::from(IoError::from(TimedOut));
/// assert_eq!((error.kind(), error.is_transient()), (ErrorKind::TimedOut, true));
/// ```
impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let (kind, message) = match cause.kind() {
            Io::TimedOut | Io::WouldBlock => (ErrorKind::TimedOut, "no answer came in time"),
            Io::ConnectionRefused
            | Io::ConnectionReset
            | Io::ConnectionAborted
            | Io::NotConnected
            | Io::BrokenPipe
            | Io::HostUnreachable
            | Io::NetworkUnreachable
            | Io::NetworkDown => (ErrorKind::Unreachable, "the connection failed"),
            _ => (ErrorKind::Io, "reading or writing failed"),
        };
        Self::new(kind, message).because(cause)
    }
}

/// The error of a client that received something other than the expected JSON. It is not transient.
impl From<serde_json::Error> for Error {
    fn from(cause: serde_json::Error) -> Self {
        if cause.is_io() {
            return std::io::Error::from(cause).into();
        }
        Self::new(ErrorKind::Model, "the answer is not the JSON that was expected").because(cause)
    }
}

/// The name in `known` that is most similar to `typed`, if one is similar.
pub fn near<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    const ALIKE: f64 = 0.75;
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&typed.to_lowercase(), &name.to_lowercase()), name))
        .filter(|&(likeness, _)| likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// How many names an error lists at most.
const MOST_NAMED: usize = 30;

/// The error `unknown thing`, with a similar name or with all names.
pub(crate) fn unknown<'k>(
    kind: ErrorKind,
    what: &str,
    typed: &str,
    known: impl IntoIterator<Item = &'k str> + Clone,
) -> Error {
    let error = Error::new(kind, format!("unknown {what} `{typed}`"));
    if let Some(name) = near(typed, known.clone()) {
        return error.hint(format!("did you mean `{name}`?"));
    }
    let names: Vec<_> = known.into_iter().map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(MOST_NAMED);
    let end = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = names.iter().take(MOST_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    error.hint(format!("there are {shown}{end}"))
}

/// A description of what is wrong with a line that should be JSON of a certain shape.
pub fn json_fault(cause: &serde_json::Error) -> String {
    match cause.classify() {
        serde_json::error::Category::Data => "its fields are not those of such a line".into(),
        _ => format!("it is not valid JSON at column {}: {}", cause.column(), json_mistake(cause)),
    }
}

/// A description of the syntax error in a JSON text.
pub(crate) fn json_mistake(cause: &serde_json::Error) -> &'static str {
    // The messages of `serde_json` begin with these words.
    const MISTAKES: [(&str, &str); 14] = [
        ("EOF", "it breaks off"),
        ("key must be a string", "a name stands without double quotes"),
        ("expected `:`", "a colon is missing after a name"),
        ("expected `,` or `}`", "a comma or a closing brace is missing"),
        ("expected `,` or `]`", "a comma or a closing bracket is missing"),
        ("trailing comma", "a comma stands before the closing bracket"),
        ("trailing characters", "something follows its end"),
        ("expected ident", "a word is not true, false or null"),
        ("expected value", "a value is missing, or stands without double quotes"),
        ("invalid escape", "a backslash begins nothing that JSON knows"),
        ("control character", "a string holds a raw control character, such as a tab"),
        ("invalid number", "a number is malformed"),
        ("number out of range", "a number is too large"),
        ("recursion limit", "it is nested too deeply"),
    ];
    let said = cause.to_string();
    let known = MISTAKES.iter().find(|(words, _)| said.starts_with(words));
    known.map_or("a string holds what is not Unicode", |(_, plain)| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_offered_and_a_far_one_is_not() {
        assert_eq!(near("sumary", ["summary", "source"]), Some("summary"));
        assert_eq!(near("zebra", ["summary", "source"]), None);
    }

    #[test]
    fn the_number_of_a_system_error_is_left_out() {
        let absent = std::fs::read("/absent/file").unwrap_err();
        let error = Error::new(ErrorKind::Io, "cannot read `x`").because(absent);
        assert_eq!(error.to_string(), "cannot read `x`: No such file or directory");
        let deep = "sending failed: cannot connect: refused (os error 111): gave up (os error 4)";
        let error = Error::new(ErrorKind::Unreachable, "no answer").because(deep);
        assert_eq!(
            error.to_string(),
            "no answer: sending failed: cannot connect: refused: gave up"
        );
        assert_eq!(without_codes("a (os error b) (os error 2"), "a (os error b) (os error 2");
    }

    #[test]
    fn a_clone_keeps_kind_hints_and_cause() {
        let error = Error::new(ErrorKind::Io, "cannot read `x`")
            .because(std::io::Error::other("disk on fire"))
            .hint("buy another disk")
            .within("line 3");
        assert_eq!(error.clone().to_string(), "line 3: cannot read `x`: disk on fire");
        assert_eq!(error.hints(), [Hint::from("buy another disk")]);
    }
}
