//! JUnit XML, which every continuous integration shows.

use std::{io::Write, time::Duration};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::terminal::escaped;
use crate::{
    error::{Error, ErrorKind, Result},
    verdict::{Judgment, Verdict},
};

/// Records as test cases: a record that fails the pass rule is a failure, one whose answer cannot be
/// read or had is an error.
#[derive(Debug)]
pub struct Junit {
    suite: TestSuite,
    rule: Option<String>,
}

impl Junit {
    /// A report without records; `name` is the prompt's, `rule` says what passes.
    pub fn new(name: &str, rule: Option<String>) -> Self {
        Self { suite: TestSuite::new(shown(name)), rule }
    }

    /// Adds a record by its name.
    pub fn add(&mut self, name: &str, outcome: Result<&Judgment, &Error>) {
        let mut case = TestCase::new(shown(name), self.status(outcome));
        case.set_classname(self.suite.name.to_string());
        if let Ok(judgment) = outcome {
            case.set_time(Duration::from_millis(judgment.latency_ms));
            let critique = judgment.critique();
            let lines: Vec<String> = critique.lines().map(shown).collect();
            case.set_system_out(lines.join("\n"));
        }
        self.suite.add_test_case(case);
    }

    /// Writes the report.
    ///
    /// # Errors
    /// `out` takes no more.
    pub fn write(self, out: impl Write) -> Result<()> {
        let mut report = Report::new("tribunal");
        report.add_test_suite(self.suite);
        report.serialize(out).map_err(|cause| {
            Error::new(ErrorKind::Io, "cannot write the JUnit report").because(cause)
        })
    }
}

impl Junit {
    fn status(&self, outcome: Result<&Judgment, &Error>) -> TestCaseStatus {
        let non_success = |kind, kind_name: &str, message: String| {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(kind_name).set_message(shown(&message));
            status
        };
        match outcome {
            Ok(Judgment { verdict: Ok(verdict), pass: Some(false), .. }) => {
                non_success(NonSuccessKind::Failure, "fail", self.missed(verdict))
            }
            Ok(Judgment { verdict: Ok(_), .. }) => TestCaseStatus::success(),
            Ok(Judgment { verdict: Err(why), .. }) => {
                let message = format!("unreadable: {}: {}", why.reason.name(), why.detail);
                non_success(NonSuccessKind::Error, "unreadable", message)
            }
            Err(error) => non_success(NonSuccessKind::Error, "failed", error.to_string()),
        }
    }

    /// The verdict, and the rule that it does not meet.
    fn missed(&self, verdict: &Verdict) -> String {
        match &self.rule {
            Some(rule) => format!("{verdict} does not meet `{rule}`"),
            None => format!("{verdict} does not pass"),
        }
    }
}

/// Text that a report can hold: what could move a terminal is shown as an escape, and so are the two
/// characters that XML does not know.
fn shown(text: &str) -> String {
    escaped(text).replace('\u{FFFE}', "\\u{fffe}").replace('\u{FFFF}', "\\u{ffff}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Reason, Unreadable};

    #[test]
    fn failing_is_a_failure_and_what_says_nothing_an_error() {
        let judgment =
            |verdict, pass| Judgment { pass, latency_ms: 1500, ..Judgment::new(verdict) };
        let mut junit = Junit::new("score\u{fffe}", Some("score >= 7".into()));
        junit.add("good", Ok(&judgment(Ok(Verdict::Score(9.0)), Some(true))));
        junit.add("<bad \u{1b}>\u{ffff}\u{b}", Ok(&judgment(Ok(Verdict::Score(2.0)), Some(false))));
        junit.add(
            "odd",
            Ok(&judgment(Err(Unreadable::new(Reason::Missing, "no `mark`")), Some(false))),
        );
        junit.add("gone", Err(&Error::new(ErrorKind::Overloaded, "no server")));
        let mut xml = Vec::new();
        junit.write(&mut xml).unwrap();
        let xml = String::from_utf8(xml).unwrap();
        assert!(
            xml.contains("tests=\"4\"")
                && xml.contains("failures=\"1\"")
                && xml.contains("errors=\"2\""),
            "{xml}"
        );
        assert!(
            xml.contains("&lt;bad \\u{1b}&gt;\\u{ffff}\\u{b}")
                && xml.contains("message=\"2 does not meet `score &gt;= 7`\""),
            "{xml}"
        );
        assert!(xml.contains("time=\"1.500\""), "{xml}");
        assert!(!xml.contains(['\u{fffe}', '\u{ffff}', '\u{b}']), "{xml}");
    }
}
