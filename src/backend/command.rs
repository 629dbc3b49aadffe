//! A program as the judge: the request on its standard input, the verdict's text on its standard output.
//!
//! A script, an agent or a grader of another framework judges behind the same prompts, layers and result lines
//! as a model. One request is one process:
//!
//! | what the program does | what becomes of it |
//! |---|---|
//! | ends with 0 | its standard output is the answer, which the prompt's rules read |
//! | ends with 75 (`EX_TEMPFAIL`) | a temporary failure, which is tried again |
//! | ends with 77 (`EX_NOPERM`) or 78 (`EX_CONFIG`) | a failure that ends the run |
//! | ends with anything else, or by a signal | a failure of this record |
//! | writes more than the limit | a failure of this record; it is killed |
//! | needs longer than the limit | a temporary failure; it is killed |
//!
//! The program is started without a shell, in a process group of its own, with a few harmless variables of the
//! environment and those that were named. Its group is killed when the request ends, however it ends.
//!
//! # The request
//!
//! One JSON object, and then the end of the input:
//!
//! ```json
//! {
//!   "v": 1,
//!   "ask": "generate",
//!   "messages": [
//!     {"role": "user", "content": "Is it right?\n4", "parts": [
//!       {"origin": "prompt", "text": "Is it right?\n"}, {"origin": "data", "text": "4"}
//!     ]}
//!   ],
//!   "record": ["4"],
//!   "sampling": {"temperature": 0.0, "max_tokens": 2048},
//!   "draw": 0,
//!   "reask": 0
//! }
//! ```
//!
//! `content` is the whole turn. `parts` says which pieces of it the author of the prompt wrote (`prompt`), which
//! come from the record (`data`), and which a model wrote before (`model`). `record` holds the pieces from the
//! record alone, each once. `draw` counts the samples of one question, and `reask` how often an unreadable answer was
//! asked for again.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use async_trait::async_trait;
use serde::Serialize;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin},
};

use super::{Backend, Capabilities, TRY_TIMEOUT};
use crate::{
    completion::Completion,
    environment::Environment,
    error::{Error, ErrorKind, Result},
    request::{Ask, Message, Origin, Request, Sampling},
};

/// The longest standard output that is read where nothing is set: more than any critique has.
const OUTPUT_LIMIT: usize = 4 << 20;

/// How much of the end of standard error is kept for messages.
const ERROR_TAIL: usize = 2000;

/// How many of its last lines an error quotes.
const ERROR_LINES: usize = 5;

/// Files up to this size count in the identity by their content, larger ones by their size and time of change.
const HASHED: u64 = 256 << 20;

/// Variables that every program gets: where it finds programs and files, and how it writes text. None of them
/// holds a secret.
const USUAL: [&str; 20] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "PATHEXT",
    "COMSPEC",
    "VIRTUAL_ENV",
];

/// Asks a program for each verdict: see the [scheme](crate::models::schemes) `command:`.
///
/// ```
/// # #[cfg(unix)]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tribunal::Result<()> {
/// use tribunal::{Item, Judge, backend::Command, environment::Environment};
///
/// let program = Command::new("sh -c 'echo Short and right.; echo Score: 8'", &Environment::process())?;
/// let judge = Judge::builder().backend(program).prompt("score").build().await?;
/// let judgment = judge.judge(&Item::new().question("2 + 2").answer("4")).await?;
/// assert_eq!(judgment.score(), Some(8.0));
/// # Ok(())
/// # }
/// # #[cfg(not(unix))]
/// # fn main() {}
/// ```
///
/// # Errors
/// - [`ErrorKind::Overloaded`]: the program ended with 75, or the system has no room for one more process.
/// - [`ErrorKind::TimedOut`]: it needed longer than its [time limit](Self::timeout).
/// - [`ErrorKind::Unauthorized`]: it ended with 77; [`ErrorKind::Config`]: with 78. Both end the run.
/// - [`ErrorKind::NotFound`]: it cannot be started.
/// - [`ErrorKind::Model`]: it failed in another way, or wrote too much.
/// - [`ErrorKind::Unsupported`]: the prompt asks for something other than a text.
///
/// The message ends with the last lines of standard error, without control characters.
///
/// # Cancellation
/// Dropping the future kills the program and its process group (on Windows the program alone).
#[derive(Clone)]
pub struct Command {
    name: String,
    identity: String,
    program: PathBuf,
    arguments: Vec<String>,
    /// The variables that it gets; values of `passed` are secrets.
    usual: BTreeMap<String, String>,
    passed: BTreeMap<String, String>,
    timeout: Duration,
    output_limit: usize,
}

/// Prints no value of a variable.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let passed: Vec<&String> = self.passed.keys().collect();
        f.debug_struct("Command")
            .field("name", &self.name)
            .field("passed", &passed)
            .finish_non_exhaustive()
    }
}

impl Command {
    /// The program of a line such as `python3 judge.py --strict`, which is split into words as a shell does:
    /// quotation marks and backslashes keep words together, and nothing else has a meaning. A program without a
    /// slash is looked for in the folders of `PATH`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: the line is empty or has an open quotation mark, there is no such program, or
    /// programs may not be named in this environment.
    pub fn new(line: &str, environment: &Environment) -> Result<Self> {
        environment.check_program("model", line)?;
        let mut words = words(line)?.into_iter();
        let typed = words.next().unwrap_or_default();
        let arguments: Vec<String> = words.collect();
        let program = located(&typed, environment)?;
        let variable = |name: &&str| Some(((*name).to_owned(), environment.variable(name)?));
        Ok(Self {
            name: format!("command:{line}"),
            identity: identity(&program, &arguments)?,
            program,
            arguments,
            usual: USUAL.iter().filter_map(variable).collect(),
            passed: BTreeMap::new(),
            timeout: TRY_TIMEOUT,
            output_limit: OUTPUT_LIMIT,
        })
    }

    /// Passes these variables of the environment to the program, such as the key of an agent. All others but a few
    /// harmless ones, such as `PATH` and `HOME`, are kept from it. The values are no part of the identity.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]: one of them is not set.
    pub fn passing(mut self, environment: &Environment, names: &[String]) -> Result<Self> {
        for name in names {
            environment.check_variable("pass_env", name)?;
            let value = environment.variable(name).ok_or_else(|| {
                Error::new(ErrorKind::Config, format!("`pass_env`: the variable {name} is not set"))
            })?;
            self.passed.insert(name.clone(), value);
        }
        Ok(self)
    }

    /// Sets how long one request may take; 10 minutes by default.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets how many bytes of standard output are read; 4 MiB by default. A program that writes more is killed.
    #[must_use]
    pub fn output_limit(self, output_limit: usize) -> Self {
        Self { output_limit, ..self }
    }
}

#[async_trait]
impl Backend for Command {
    fn name(&self) -> &str {
        &self.name
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    async fn capabilities(&self) -> Capabilities {
        Capabilities::TEXT
    }

    fn concurrency(&self) -> usize {
        4
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        let Ask::Generate { .. } = request.ask else {
            return Err(request.ask.unsupported_by(&self.name));
        };
        let input = serde_json::to_vec(&Asked::new(request)).map_err(Error::other)?;
        let mut said = Tail::default();
        let run = tokio::time::timeout(self.timeout, self.run(&input, &mut said)).await;
        let output = match run {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => return Err(self.quoting(error, &said)),
            Err(_) => {
                let limit = humantime::format_duration(self.timeout);
                let error = self.failed(ErrorKind::TimedOut, &format!("was killed after {limit}"));
                return Err(self.quoting(error, &said));
            }
        };
        Ok(Completion::text(String::from_utf8_lossy(&output).trim_end()))
    }
}

impl Command {
    /// Runs the program once, and returns its standard output. Dropping the future kills it.
    async fn run(&self, input: &[u8], said: &mut Tail) -> Result<Vec<u8>> {
        let mut child = self.spawn()?;
        // Declared after the child, so that it is dropped before it: the whole group is killed first.
        let group = Group::of(&child);
        let (input_of, output, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let ended = async {
            let status = child.wait().await;
            let status =
                status.map_err(|cause| self.failed(ErrorKind::Model, LOST).because(cause))?;
            // What it left behind would hold its output open.
            drop(group);
            Ok(status)
        };
        let (status, (), output, ()) =
            tokio::try_join!(ended, write(input_of, input), self.read(output), said.read(errors))?;
        self.checked(status)?;
        Ok(output)
    }

    /// Starts the program.
    fn spawn(&self) -> Result<Child> {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(&self.usual)
            .envs(&self.passed)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        command.spawn().map_err(|cause| {
            let kind = match cause.kind() {
                // Many programs at once, or one that is being written at this moment.
                io::ErrorKind::WouldBlock
                | io::ErrorKind::OutOfMemory
                | io::ErrorKind::ExecutableFileBusy => ErrorKind::Overloaded,
                _ => ErrorKind::NotFound,
            };
            self.failed(kind, "cannot be started").because(cause)
        })
    }

    /// The whole standard output.
    ///
    /// # Errors
    /// It is longer than the limit, or cannot be read.
    async fn read(&self, output: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let Some(output) = output else { return Ok(bytes) };
        let most = u64::try_from(self.output_limit).unwrap_or(u64::MAX);
        let read = output.take(most.saturating_add(1)).read_to_end(&mut bytes).await;
        read.map_err(|cause| self.failed(ErrorKind::Model, LOST).because(cause))?;
        if bytes.len() > self.output_limit {
            let what = format!("wrote more than {} bytes, and was killed", self.output_limit);
            return Err(self.failed(ErrorKind::Model, &what));
        }
        Ok(bytes)
    }

    /// What the exit code means: see the table of the [module](self).
    fn checked(&self, status: ExitStatus) -> Result<()> {
        let error = |kind, meaning: &str| {
            Err(self.failed(kind, &format!("ended with {}{meaning}", ending(status))))
        };
        match status.code() {
            Some(0) => Ok(()),
            Some(75) => error(ErrorKind::Overloaded, " (try again)"),
            Some(77) => error(ErrorKind::Unauthorized, " (not permitted)"),
            Some(78) => error(ErrorKind::Config, " (wrong configuration)").map_err(Error::fatal),
            _ => error(ErrorKind::Model, ""),
        }
    }

    /// The error of a request that has no answer.
    fn failed(&self, kind: ErrorKind, what: &str) -> Error {
        let name: String = self.name.chars().take(100).collect();
        Error::new(kind, format!("`{name}` {what}"))
    }

    /// The same error with the last lines of standard error, without the values of passed variables.
    fn quoting(&self, error: Error, said: &Tail) -> Error {
        let secrets = self.passed.values().filter(|value| value.len() >= SHORTEST_SECRET);
        let said = secrets.fold(said.text(), |text, secret| text.replace(secret.as_str(), "***"));
        let lines: Vec<&str> =
            said.lines().map(str::trim_end).filter(|it| !it.is_empty()).collect();
        let last = lines.get(lines.len().saturating_sub(ERROR_LINES)..).unwrap_or_default();
        if last.is_empty() {
            return error;
        }
        let quoted: String = last.join(" / ").chars().flat_map(printable).collect();
        error.because(format!("its standard error ends with: {quoted}"))
    }
}

/// The message where the system loses a process or its output.
const LOST: &str = "ran, and its end is not known";

/// Values shorter than this are not replaced in messages: they are no secrets, and parts of ordinary words.
const SHORTEST_SECRET: usize = 6;

/// A character as messages can hold it: control characters are written as escapes.
fn printable(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_debug());
    let plain = escaped.is_none().then_some(c);
    escaped.into_iter().flatten().chain(plain)
}

/// How a program ended, in words.
fn ending(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    status.code().map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"))
}

/// Writes the request. A program that does not read all of it may still answer.
async fn write(input_of: Option<ChildStdin>, input: &[u8]) -> Result<()> {
    if let Some(mut to) = input_of {
        // A broken pipe is the program's right, and its exit code says whether it minds.
        let _ = to.write_all(input).await;
    }
    Ok(())
}

/// The end of standard error.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    /// Reads to the end, and keeps the last part.
    async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) -> Result<()> {
        let Some(mut from) = from else { return Ok(()) };
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut piece).await {
            self.0.extend_from_slice(&piece[..read]);
            let surplus = self.0.len().saturating_sub(ERROR_TAIL);
            self.0.drain(..surplus);
        }
        Ok(())
    }

    /// What is kept, as text.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

/// Kills the process group of a program when it is dropped. The group lives as long as one of its processes does.
#[cfg(unix)]
struct Group(Option<nix::unistd::Pid>);

#[cfg(unix)]
impl Group {
    /// The group of a child that was started as the first of its own group.
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.map(nix::unistd::Pid::from_raw))
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails where all have ended already.
            let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        }
    }
}

/// On other systems the child alone is killed.
#[cfg(not(unix))]
struct Group;

#[cfg(not(unix))]
impl Group {
    const fn of(_: &Child) -> Self {
        Self
    }
}

/// The request as the program reads it.
#[derive(Serialize)]
struct Asked<'r> {
    v: u32,
    ask: &'static str,
    messages: Vec<Turn<'r>>,
    record: Vec<&'r str>,
    sampling: &'r Sampling,
    draw: u32,
    reask: u32,
}

/// A turn as the program reads it.
#[derive(Serialize)]
struct Turn<'r> {
    role: &'r str,
    content: String,
    parts: Vec<Piece<'r>>,
}

/// A piece of a turn, and who wrote it.
#[derive(Serialize)]
struct Piece<'r> {
    origin: &'static str,
    text: &'r str,
}

impl<'r> Asked<'r> {
    fn new(request: &'r Request) -> Self {
        let mut record: Vec<&str> = Vec::new();
        for part in request.messages.iter().flat_map(|message| &message.parts) {
            let is_new = part.origin == Origin::Data && !record.contains(&part.as_text());
            record.extend(is_new.then(|| part.as_text()));
        }
        Self {
            v: 1,
            ask: request.ask.name(),
            messages: request.messages.iter().map(Turn::new).collect(),
            record,
            sampling: &request.sampling,
            draw: request.draw,
            reask: request.reask,
        }
    }
}

impl<'r> Turn<'r> {
    fn new(message: &'r Message) -> Self {
        let parts = message.parts.iter();
        let piece = |part: &'r crate::request::Part| Piece {
            origin: part.origin.name(),
            text: part.as_text(),
        };
        Self {
            role: message.role.name(),
            content: message.text(),
            parts: parts.map(piece).collect(),
        }
    }
}

/// The line with its files at their new places: `place` returns that of a word, or `None` where it stays. A program
/// without a slash is one of `PATH`, and stays.
pub(crate) fn with_files(line: &str, place: impl Fn(&Path) -> Option<PathBuf>) -> Option<String> {
    let words = shlex::split(line)?.into_iter().enumerate().map(|(n, word)| {
        let is_name = n == 0 && !word.contains(['/', '\\']);
        let moved = place(Path::new(&word)).filter(|_| !is_name);
        moved.map_or(word, |path| path.display().to_string())
    });
    let words: Vec<String> = words.collect();
    shlex::try_join(words.iter().map(String::as_str)).ok()
}

/// The words of a line, as a shell splits it; nothing is expanded.
///
/// # Errors
/// It has no word, or a quotation mark is not closed.
fn words(line: &str) -> Result<Vec<String>> {
    let malformed = |what: &str| {
        Error::new(ErrorKind::Config, format!("`command:{line}` {what}"))
            .hint("write the program and its arguments: command:./judge.py --strict 'two words'")
    };
    match shlex::split(line) {
        Some(words) if words.is_empty() => Err(malformed("names no program")),
        Some(words) => Ok(words),
        None => Err(malformed("has a quotation mark that is not closed")),
    }
}

/// The file of a program: a path as it stands, or a name in one of the folders of `PATH`.
///
/// # Errors
/// There is no such program.
fn located(typed: &str, environment: &Environment) -> Result<PathBuf> {
    let folders = environment.variable("PATH").unwrap_or_default();
    let is_path = Path::new(typed).components().count() > 1;
    let places: Vec<PathBuf> = if is_path {
        vec![typed.into()]
    } else {
        let folders = env::split_paths(OsStr::new(&folders));
        // An empty entry would mean the working directory.
        folders.filter(|it| it.is_absolute()).map(|folder| folder.join(typed)).collect()
    };
    let ending = Some(env::consts::EXE_EXTENSION).filter(|ending| !ending.is_empty());
    let found = places.into_iter().find_map(|path| {
        let with_ending = ending.map(|ending| path.with_extension(ending));
        std::iter::once(path).chain(with_ending).find(|path| is_program(path))
    });
    let absolute = found.and_then(|path| std::path::absolute(path).ok());
    absolute.ok_or_else(|| {
        let error = Error::new(ErrorKind::Config, format!("there is no program `{typed}`"));
        if is_path && Path::new(typed).is_file() {
            return error
                .hint(format!("`{typed}` is a file that may not be run: chmod +x {typed}"));
        }
        if !is_path && is_program(Path::new(typed)) {
            return error.hint(format!("for the file in this folder write ./{typed}"));
        }
        error.hint("name a program of PATH, or the path of a file that can be run")
    })
}

/// Whether a file can be run.
fn is_program(path: &Path) -> bool {
    let Ok(found) = fs::metadata(path) else { return false };
    #[cfg(unix)]
    let may_run = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may_run = true;
    found.is_file() && may_run
}

/// The name of a program in cache keys: its path, its arguments, and the contents of those of them that are files.
///
/// # Errors
/// A file cannot be read.
fn identity(program: &Path, arguments: &[String]) -> Result<String> {
    let mut content = blake3::Hasher::new();
    let files = arguments.iter().map(Path::new).filter(|path| path.is_file());
    for path in std::iter::once(program).chain(files) {
        let cannot = |cause| {
            Error::new(ErrorKind::Io, format!("cannot read `{}`", path.display())).because(cause)
        };
        let found = fs::metadata(path).map_err(cannot)?;
        content.update(&found.len().to_le_bytes());
        if found.len() <= HASHED {
            // A program that may be run and not read counts by its size and time.
            match fs::File::open(path) {
                Ok(file) => drop(content.update_reader(file).map_err(cannot)?),
                Err(_) => drop(content.update(&changed(&found))),
            }
        } else {
            content.update(&changed(&found));
        }
    }
    let (digest, arguments) = (content.finalize().to_hex(), serde_json::json!(arguments));
    Ok(format!("command|v1|{}|{arguments}|{}", program.display(), &digest[..16]))
}

/// The time when a file was changed, for keys; empty where the system has none.
fn changed(found: &fs::Metadata) -> Vec<u8> {
    let since = found.modified().ok().and_then(|it| it.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or_else(Vec::new, |since| since.as_nanos().to_le_bytes().to_vec())
}
