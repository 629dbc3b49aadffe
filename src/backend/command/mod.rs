//! A program as the judge: the request on its standard input, the verdict's text on its standard output.
//!
//! A script, an agent or a grader of another framework judges with the same prompts, layers and result lines
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

mod asked;
mod naming;
mod program;

pub(crate) use naming::with_files;

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;

use self::{
    asked::Asked,
    naming::{identity, located, words},
    program::Program,
};
use super::{Backend, Capabilities, TRY_TIMEOUT, secrets::Secrets};
use crate::{
    completion::Completion,
    environment::Environment,
    error::{Error, ErrorKind, Result},
    request::{Ask, Request},
};

/// The longest standard output that is read where nothing is set: more than any critique has.
const OUTPUT_LIMIT: usize = 4 << 20;

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
    identity: String,
    program: Program,
}

/// Prints no value of a variable.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let passed: Vec<&String> = self.program.passed.keys().collect();
        f.debug_struct("Command")
            .field("name", &self.program.name)
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
        let file = located(&typed, environment)?;
        let variable = |name: &&str| Some(((*name).to_owned(), environment.variable(name)?));
        Ok(Self {
            identity: identity(&file, &arguments)?,
            program: Program {
                name: format!("command:{line}"),
                file,
                arguments,
                usual: USUAL.iter().filter_map(variable).collect(),
                passed: BTreeMap::new(),
                secrets: Secrets::default(),
                timeout: TRY_TIMEOUT,
                output_limit: OUTPUT_LIMIT,
            },
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
            self.program.passed.insert(name.clone(), value);
        }
        let values = self.program.passed.values().map(|value| value.trim());
        self.program.secrets = Secrets::new(values.map(SecretString::from));
        Ok(self)
    }

    /// Sets how long one request may take; 10 minutes by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.program.timeout = timeout;
        self
    }

    /// Sets how many bytes of standard output are read; 4 MiB by default. A program that writes more is killed.
    #[must_use]
    pub fn output_limit(mut self, output_limit: usize) -> Self {
        self.program.output_limit = output_limit;
        self
    }
}

#[async_trait]
impl Backend for Command {
    fn name(&self) -> &str {
        &self.program.name
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
            return Err(request.ask.unsupported_by(&self.program.name));
        };
        let input = serde_json::to_vec(&Asked::new(request)).map_err(Error::other)?;
        let output = self.program.run(&input).await?;
        let output = String::from_utf8_lossy(&output);
        // A program may print its environment, and answers are cached, recorded and shown.
        Ok(Completion::text(self.program.secrets.redact(output.trim_end())))
    }
}
