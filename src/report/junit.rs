//! JUnit XML, which most CI systems show.
//!
//! | record | test case |
//! |---|---|
//! | passes, or has a verdict and there is no pass rule | passed |
//! | fails the pass rule | failure |
//! | has an unreadable answer, or no answer | error |
//!
//! The criteria of a rubric are properties of the test case.

use std::{io::Write, time::Duration};

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::terminal::escaped;
use crate::{
    error::{Error, ErrorKind, Result},
    line::ResultLine,
    verdict::{CriterionVerdict, Rubric},
};

/// Records as test cases of one test suite.
///
/// A record that fails the pass rule is a failure. A record with an unreadable answer, or without one, is
/// an error. Critiques are in the output of the test case, so that CI shows why a record failed.
#[derive(Debug)]
pub struct Junit {
    /// The test suite; its name is that of the prompt.
    suite: TestSuite,
    /// The pass rule as text.
    rule: Option<String>,
}

impl Junit {
    /// A report without records. `name` is the name of the prompt, and `rule` is the pass rule as text.
    pub fn new(name: &str, rule: Option<String>) -> Self {
        Self { suite: TestSuite::new(shown(name)), rule }
    }

    /// Adds the result of the record called `name`. Its time is the latency of the judgment, in seconds.
    pub fn add(&mut self, name: &str, line: &ResultLine) {
        let mut case = TestCase::new(shown(name), self.status(line));
        case.set_classname(self.suite.name.to_string());
        for one in line.verdict.rubric.iter().flatten() {
            let name = shown(&format!("criteria.{}", one.name));
            case.add_property(Property::new(name, of_criterion(one)));
        }
        if let Some(latency) = line.latency_ms {
            case.set_time(Duration::from_millis(latency));
        }
        if let Some(critique) = &line.critique {
            let lines: Vec<String> = critique.lines().map(shown).collect();
            case.set_system_out(lines.join("\n"));
        }
        self.suite.add_test_case(case);
    }

    /// Writes the report as XML.
    ///
    /// # Errors
    /// Writing to `out` fails.
    pub fn write(self, out: impl Write) -> Result<()> {
        let mut report = Report::new("tribunal");
        report.add_test_suite(self.suite);
        report.serialize(out).map_err(|cause| {
            Error::new(ErrorKind::Io, "cannot write the JUnit report").because(cause)
        })
    }
}

impl Junit {
    /// The status of the test case of one record.
    fn status(&self, line: &ResultLine) -> TestCaseStatus {
        let non_success = |kind, kind_name: &str, message: String| {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_type(kind_name).set_message(shown(&message));
            status
        };
        if let Some(error) = &line.error {
            return non_success(NonSuccessKind::Error, "failed", error.message.clone());
        }
        match (&line.unreadable, line.pass) {
            (Some(why), _) => {
                non_success(NonSuccessKind::Error, "unreadable", format!("unreadable: {why}"))
            }
            (None, Some(false)) => non_success(NonSuccessKind::Failure, "fail", self.missed(line)),
            (None, _) => TestCaseStatus::success(),
        }
    }

    /// The message of a failure: the verdict, and the rule that it does not meet.
    fn missed(&self, line: &ResultLine) -> String {
        let verdict = line.verdict.verdict.as_deref().unwrap_or_default();
        let criteria = line.verdict.rubric.clone().unwrap_or_default();
        let rubric = Rubric::new(criteria);
        let lacking = match rubric.lacking().as_slice() {
            [] => String::new(),
            names => format!("; required and not met: `{}`", names.join("`, `")),
        };
        match &self.rule {
            Some(rule) => format!("{verdict} does not meet `{rule}`{lacking}"),
            None => format!("{verdict} does not pass{lacking}"),
        }
    }
}

/// The verdict on one criterion of a rubric, with what it counts: `unmet (weight 3, required)`.
fn of_criterion(one: &CriterionVerdict) -> String {
    let required = if one.required { ", required" } else { "" };
    format!("{} (weight {}{required})", one.shown(), one.weight)
}

/// A text that is valid in XML and safe to print.
///
/// Control characters are shown as escapes, and so are U+FFFE and U+FFFF, which XML forbids.
fn shown(text: &str) -> String {
    escaped(text).replace('\u{FFFE}', "\\u{fffe}").replace('\u{FFFF}', "\\u{ffff}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Assessment, Judgment, Reason, Unreadable, Verdict};

    #[test]
    fn the_criteria_of_a_rubric_are_properties_and_what_is_required_is_named() {
        let facts = CriterionVerdict {
            weight: 3.0,
            required: true,
            ..CriterionVerdict::assessed("facts", Assessment::Unmet)
        };
        let rubric = Rubric::new(vec![CriterionVerdict::assessed("tone", Assessment::Met), facts]);
        let judgment = Judgment { pass: Some(false), ..Judgment::new(Ok(Verdict::Rubric(rubric))) };
        let mut junit = Junit::new("rubric-items", Some("score >= 0.2".into()));
        junit.add("a", &ResultLine::of(Ok(&judgment)));
        let mut xml = Vec::new();
        junit.write(&mut xml).unwrap();
        let xml = String::from_utf8(xml).unwrap();
        assert!(
            xml.contains("name=\"criteria.facts\" value=\"unmet (weight 3, required)\""),
            "{xml}"
        );
        assert!(xml.contains("required and not met: `facts`"), "{xml}");
    }

    #[test]
    fn failing_is_a_failure_and_what_says_nothing_an_error() {
        let line = |verdict, pass| {
            let judgment = Judgment { pass, latency_ms: 1500, ..Judgment::new(verdict) };
            ResultLine::of(Ok(&judgment))
        };
        let mut junit = Junit::new("score\u{fffe}", Some("score >= 7".into()));
        junit.add("good", &line(Ok(Verdict::Score(9.0)), Some(true)));
        junit.add("<bad \u{1b}>\u{ffff}\u{b}", &line(Ok(Verdict::Score(2.0)), Some(false)));
        let unreadable = Unreadable::new(Reason::Missing, "no `mark`");
        junit.add("odd", &line(Err(unreadable), Some(false)));
        let error = Error::new(ErrorKind::Overloaded, "no server");
        junit.add("gone", &ResultLine::of(Err(&error)));
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
