//! `check:tests`: the code of an answer runs against tests, in a sandbox.
//!
//! | module | what it does |
//! |---|---|
//! | `cases` | reads tests in the forms in which data sets have them |
//! | `code` | finds the code in an answer |
//! | `compared` | compares what a program prints, or a function returns, with what it should |

mod cases;
mod code;
mod compared;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use self::cases::{Case, Expected, UnitTests};
use super::{
    Ability, Backend, Capabilities,
    sandbox::{BlockEnd, Ended, Sandbox},
};
use crate::{
    completion::Completion,
    error::{Error, ErrorKind, Result},
    hint::Hint,
    request::{Ask, Request},
    verdict::{CORRECT, INCORRECT},
};

/// Runs the code of an answer against the tests of its record: correct if all of them pass.
///
/// The answer's code is its last fenced block, or the whole text if it has none. Tests have one of these forms, in JSON
/// where they are not plain Python:
///
/// | form | as in |
/// |---|---|
/// | a list of lines with `assert` | MBPP |
/// | Python with lines of `assert`, or with functions `test_…` | |
/// | `{"tests": PYTHON, "entry_point": NAME, "prompt": PYTHON}`, where `tests` defines `check`; `prompt` may be missing | HumanEval |
/// | a list of `{"input": TEXT, "output": TEXT}`: standard input and output | LiveCodeBench |
/// | the same with `"testtype": "functional"` and `"function": NAME`: an argument in each line, as JSON | LiveCodeBench |
/// | `{"inputs": […], "outputs": […], "fn_name": NAME}`, where `fn_name` may be missing | APPS, TACO |
///
/// Each test has the [time](super::sandbox::SandboxLimits::time) of the sandbox. An answer without code, or tests that are
/// no Python, have no verdict: they are unreadable, and never incorrect.
///
/// # Errors
/// - [`ErrorKind::Record`]: the tests have none of these forms.
/// - [`ErrorKind::Unsupported`]: the prompt asks for something other than a comparison.
#[derive(Clone, Debug)]
pub struct TestsCheck {
    sandbox: Sandbox,
    identity: String,
}

/// The result of all tests.
#[derive(Debug, PartialEq)]
struct Tested {
    passed: usize,
    all: usize,
    /// Why the first test that failed did, or the code itself.
    why: Option<String>,
}

/// What came of one test, or of the code before them, as the driver reports it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Outcome {
    error: Option<String>,
    stopped: bool,
    left: bool,
    returned: Option<Value>,
}

impl Outcome {
    /// Why it failed: the kind of error, without its text, which may show what was expected.
    fn failure(&self) -> Option<String> {
        let kind = |error: &String| error.split(':').next().unwrap_or_default().to_owned();
        match self {
            Self { stopped: true, .. } => Some("it takes too long".to_owned()),
            Self { left: true, .. } => Some("it ends the interpreter".to_owned()),
            Self { error, .. } => error.as_ref().map(kind),
        }
    }
}

impl TestsCheck {
    /// A check whose code runs in this sandbox.
    pub fn new(sandbox: Sandbox) -> Self {
        let identity = format!("check|tests|v1|{}", sandbox.identity());
        Self { sandbox, identity }
    }

    /// The critique, with the share and the verdict where there is one.
    async fn checked(&self, answer: &str, tests: &str) -> Result<String> {
        let tests = UnitTests::read(tests)?;
        let Some(code) = code::of(answer) else {
            return Ok("The answer holds no code.".to_owned());
        };
        if !code.is_marked && !self.compile(&[code.text]).await? {
            return Ok("The answer holds no code.".to_owned());
        }
        let Some(Tested { passed, all, why }) = self.tested(code.text, &tests).await? else {
            return Ok("The tests are not valid Python.".to_owned());
        };
        let holds = passed == all;
        let reason = why.map(|why| format!(" {why}")).unwrap_or_default();
        let verdict = if holds { CORRECT } else { INCORRECT };
        let share = share(passed, all);
        Ok(format!("Passed {passed} of {all} tests.{reason}\nShare: {share}\nVerdict: {verdict}"))
    }

    /// Whether all of these texts are Python.
    async fn compile(&self, texts: &[&str]) -> Result<bool> {
        // A text as JSON is also one of Python.
        let block = format!("for text in {}:\n    compile(text, 'text', 'exec')", json!(texts));
        Ok(self.sandbox.run(&[block]).await?.end == BlockEnd::Done)
    }

    /// Runs all tests; `None` if they are not Python.
    async fn tested(&self, code: &str, tests: &UnitTests) -> Result<Option<Tested>> {
        match tests {
            UnitTests::Python { before, tests } => {
                let written: Vec<&str> = tests.iter().map(String::as_str).collect();
                if !self.compile(&written).await? {
                    return Ok(None);
                }
                let code = cases::completed(code, before.as_deref());
                self.python(&code, tests).await.map(Some)
            }
            UnitTests::Cases(cases) => self.cases(code, cases).await.map(Some),
        }
    }

    /// Runs tests in the namespace of the code.
    async fn python(&self, code: &str, tests: &[String]) -> Result<Tested> {
        let nonce = nonce(code);
        let job = json!({"mode": "tests", "code": code, "tests": tests, "nonce": nonce});
        let count = u32::try_from(tests.len() + 1).unwrap_or(u32::MAX);
        let time = self.sandbox.limits().time.saturating_mul(count);
        let ended = self.sandbox.job(job, b"", time).await?;
        let mut outcomes = outcomes(&ended, &nonce);
        let first = outcomes.next().unwrap_or_default();
        if let Some(failure) = first.failure() {
            let why = Some(format!("The code fails: {failure}."));
            return Ok(Tested { passed: 0, all: tests.len(), why });
        }
        let mut tested = Tested { passed: 0, all: tests.len(), why: None };
        let outcomes = outcomes.map(Some).chain(std::iter::repeat_with(|| None));
        for (n, outcome) in outcomes.take(tests.len()).enumerate() {
            let lost = || Some("it ends the interpreter".to_owned());
            tested.count(n, outcome.map_or_else(lost, |outcome| outcome.failure()));
        }
        Ok(tested)
    }

    /// Runs cases, each in an interpreter of its own.
    async fn cases(&self, code: &str, cases: &[Case]) -> Result<Tested> {
        let runs: Vec<_> = cases.iter().map(|case| self.case(code, case)).collect();
        let runs = stream::iter(runs).buffered(self.sandbox.concurrency());
        let results: Vec<Result<Option<String>>> = runs.collect().await;
        let mut tested = Tested { passed: 0, all: cases.len(), why: None };
        for (n, failure) in results.into_iter().enumerate() {
            tested.count(n, failure?);
        }
        Ok(tested)
    }

    /// Runs a case; why it failed.
    async fn case(&self, code: &str, case: &Case) -> Result<Option<String>> {
        let time = self.sandbox.limits().time;
        match &case.expected {
            Expected::Printed(output) => {
                let job = json!({"mode": "program", "code": code});
                let ended = self.sandbox.job(job, case.input.as_bytes(), time).await?;
                Ok(program_failure(&ended, output))
            }
            Expected::Returned { function, arguments, value } => {
                let nonce = nonce(code);
                let job = json!({
                    "mode": "call",
                    "code": code,
                    "name": function,
                    "arguments": arguments,
                    "nonce": nonce,
                });
                let ended = self.sandbox.job(job, b"", time).await?;
                let outcome = outcomes(&ended, &nonce).next();
                Ok(outcome
                    .map_or_else(|| Some(lost(&ended)), |outcome| call_failure(&outcome, value)))
            }
        }
    }
}

impl Tested {
    /// Counts a test.
    fn count(&mut self, n: usize, failure: Option<String>) {
        match failure {
            None => self.passed += 1,
            Some(failure) if self.why.is_none() => {
                self.why = Some(format!("Test {} fails: {failure}.", n + 1));
            }
            Some(_) => (),
        }
    }
}

/// What begins each line of a report, so that nothing else that is printed is taken for one.
fn nonce(code: &str) -> String {
    let mut hasher = crate::request::Hasher::new("tribunal-tests");
    hasher.part(code.as_bytes());
    hasher.part(&fastrand::u128(..).to_le_bytes());
    hasher.hex::<16>()
}

/// The share of tests that passed, with a few digits more than any count of tests needs.
#[expect(clippy::cast_precision_loss, reason = "there are not that many tests")]
fn share(passed: usize, all: usize) -> f64 {
    const DIGITS: f64 = 1e6;
    (passed as f64 / all as f64 * DIGITS).round() / DIGITS
}

/// The reports of the driver.
fn outcomes(ended: &Ended, nonce: &str) -> impl Iterator<Item = Outcome> {
    let text = String::from_utf8_lossy(&ended.output).into_owned();
    let lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    let nonce = nonce.to_owned();
    lines.into_iter().filter_map(move |line| serde_json::from_str(line.strip_prefix(&nonce)?).ok())
}

/// Why a program failed.
fn program_failure(ended: &Ended, expected: &str) -> Option<String> {
    if !ended.is_clean() {
        let error = ended.errors.lines().next_back().filter(|_| ended.is_exit());
        let kind = error.and_then(|error| error.split(':').next());
        return Some(kind.map_or_else(|| lost(ended), ToOwned::to_owned));
    }
    let printed = String::from_utf8_lossy(&ended.output);
    (!compared::prints_the_same(&printed, expected)).then(|| "it prints something else".to_owned())
}

/// Why a call failed.
fn call_failure(outcome: &Outcome, expected: &Value) -> Option<String> {
    let wrong = || "it returns something else".to_owned();
    let returned = outcome.returned.as_ref().unwrap_or(&Value::Null);
    outcome.failure().or_else(|| (!compared::are_the_same(returned, expected)).then(wrong))
}

/// Why there is no report.
fn lost(ended: &Ended) -> String {
    if ended.is_out_of_time() { "it takes too long" } else { "it ends the interpreter" }.to_owned()
}

#[async_trait]
impl Backend for TestsCheck {
    fn name(&self) -> &'static str {
        "check:tests"
    }

    fn identity(&self) -> &str {
        &self.identity
    }

    async fn capabilities(&self) -> Capabilities {
        Capabilities { deterministic: Ability::Yes, compare: Ability::Yes, ..Capabilities::TEXT }
    }

    fn concurrency(&self) -> usize {
        self.sandbox.concurrency()
    }

    async fn complete(&self, request: &Request) -> Result<Completion> {
        let Ask::Compare { answer, reference } = &request.ask else {
            return Err(Error::new(ErrorKind::Unsupported, "a check cannot answer this prompt")
                .hint(Hint::from("use the prompt for tests: ").setting("prompt", "check-tests")));
        };
        let text = self.checked(answer, reference).await?;
        Ok(Completion { attempts: 0, ..Completion::text(text) })
    }
}
