//! Tests in the forms in which data sets have them.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};

/// The tests of a record.
#[derive(Debug, PartialEq)]
pub(super) enum UnitTests {
    /// Python that runs in the namespace of the answer's code; each passes if it raises nothing.
    Python {
        /// Code that the answer's continues, such as the head of a function.
        before: Option<String>,
        tests: Vec<String>,
    },
    /// Inputs with what should come of them.
    Cases(Vec<Case>),
}

/// One input with what should come of it.
#[derive(Debug, PartialEq)]
pub(super) struct Case {
    /// What stands in standard input.
    pub(super) input: String,
    pub(super) expected: Expected,
}

/// What should come of an input.
#[derive(Debug, PartialEq)]
pub(super) enum Expected {
    /// A program prints this.
    Printed(String),
    /// A function returns this value for these arguments.
    Returned { function: String, arguments: Vec<Value>, value: Value },
}

/// Functions of a file of tests.
#[expect(clippy::unwrap_used, reason = "the pattern is a constant")]
static FUNCTIONS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^def\s+(test_?\w*)\s*\(\s*\)").unwrap());

/// What stands beside tests, and is needed to run them.
#[derive(Clone, Copy, Default)]
struct Beside<'v> {
    /// The function that is called.
    function: Option<&'v str>,
    /// Code that the answer's continues.
    before: Option<&'v str>,
    /// Code that runs before each test.
    setup: &'v str,
}

impl UnitTests {
    /// Reads tests: see [`TestsCheck`](super::TestsCheck).
    ///
    /// # Errors
    /// They have none of the known forms, or there are none.
    pub(super) fn read(text: &str) -> Result<Self> {
        let tests = Self::of_text(text, Beside::default())?;
        match &tests {
            Self::Python { tests, .. } if tests.is_empty() => Err(unfit("there are none")),
            Self::Cases(cases) if cases.is_empty() => Err(unfit("there are none")),
            _ => Ok(tests),
        }
    }

    /// Tests in JSON, or in Python.
    fn of_text(text: &str, beside: Beside) -> Result<Self> {
        match serde_json::from_str(text.trim()) {
            Ok(Value::Array(list)) => Self::of_list(&list, beside),
            Ok(Value::Object(table)) => Self::of_table(&table),
            Ok(Value::String(code)) => Ok(Self::of_code(&code, beside)),
            _ => Ok(Self::of_code(text, beside)),
        }
    }

    /// Lines with `assert` one by one, functions `test_…` one by one, anything else as one test.
    fn of_code(code: &str, beside: Beside) -> Self {
        if let Some(function) = beside.function.filter(|_| code.contains("def check(")) {
            let tests = vec![format!("{code}\ncheck({function})\n")];
            return Self::Python { before: beside.before.map(ToOwned::to_owned), tests };
        }
        let lines = || code.lines().map(str::trim_end).filter(|line| !line.is_empty());
        let asserts = |line: &str| line.starts_with("assert ") || line.starts_with("assert(");
        let tests: Vec<String> = if lines().all(asserts) {
            lines().map(ToOwned::to_owned).collect()
        } else {
            let found = FUNCTIONS.captures_iter(code).filter_map(|found| found.get(1));
            let names: Vec<&str> = found.map(|name| name.as_str()).collect();
            match names.as_slice() {
                [] => vec![code.to_owned()],
                // The first one defines all of them.
                [first, rest @ ..] => std::iter::once(format!("{code}\n{first}()\n"))
                    .chain(rest.iter().map(|name| format!("{name}()")))
                    .collect(),
            }
        };
        let setup = beside.setup.trim();
        let with_setup =
            |test: String| if setup.is_empty() { test } else { format!("{setup}\n{test}") };
        Self::Python { before: None, tests: tests.into_iter().map(with_setup).collect() }
    }

    /// A list of lines with `assert`, or of inputs with outputs.
    fn of_list(list: &[Value], beside: Beside) -> Result<Self> {
        if list.iter().all(Value::is_string) {
            let setup = beside.setup.trim();
            let test = |test: &Value| {
                let test = test.as_str().unwrap_or_default();
                if setup.is_empty() { test.to_owned() } else { format!("{setup}\n{test}") }
            };
            return Ok(Self::Python { before: None, tests: list.iter().map(test).collect() });
        }
        let case = |value: &Value| {
            let table = value
                .as_object()
                .ok_or_else(|| unfit("a list holds texts, or objects with `input` and `output`"))?;
            let part = |name: &str| {
                table.get(name).ok_or_else(|| unfit(&format!("a case has no `{name}`")))
            };
            let function = table.get("function").and_then(Value::as_str).or(beside.function);
            let calls = table.get("testtype").is_none_or(|kind| kind == "functional");
            case_of(part("input")?, part("output")?, function.filter(|_| calls))
        };
        list.iter().map(case).collect::<Result<_>>().map(Self::Cases)
    }

    /// The forms that are objects: tests with what stands beside them, or inputs and outputs.
    fn of_table(table: &Map<String, Value>) -> Result<Self> {
        let text = |name: &str| table.get(name).and_then(Value::as_str);
        let beside = Beside {
            function: text("entry_point").or(text("fn_name")),
            before: text("prompt"),
            setup: text("test_setup_code").unwrap_or_default(),
        };
        match ["tests", "test_list", "test"].into_iter().find_map(|name| table.get(name)) {
            Some(Value::Array(list)) => return Self::of_list(list, beside),
            Some(Value::Object(inner)) => return Self::of_table(inner),
            Some(Value::String(text)) => return Self::of_text(text, beside),
            _ => (),
        }
        let list = |name: &str| table.get(name).and_then(Value::as_array);
        let (Some(inputs), Some(outputs)) = (list("inputs"), list("outputs")) else {
            return Err(unfit("an object has `tests`, or `inputs` and `outputs`"));
        };
        if inputs.len() != outputs.len() {
            return Err(unfit("there are not as many `outputs` as `inputs`"));
        }
        let both = inputs.iter().zip(outputs);
        let cases = both.map(|(input, output)| case_of(input, output, beside.function));
        cases.collect::<Result<_>>().map(Self::Cases)
    }
}

/// A case of an input and an output, which are texts or values.
fn case_of(input: &Value, output: &Value, function: Option<&str>) -> Result<Case> {
    let Some(function) = function else {
        return Ok(Case { input: printed(input), expected: Expected::Printed(printed(output)) });
    };
    let json = |text: &str| {
        serde_json::from_str::<Value>(text.trim())
            .map_err(|cause| unfit("a call of a function needs JSON").because(cause))
    };
    let arguments = match input {
        Value::Array(arguments) => arguments.clone(),
        Value::String(lines) => {
            let lines = lines.lines().filter(|line| !line.trim().is_empty());
            lines.map(json).collect::<Result<_>>()?
        }
        other => vec![other.clone()],
    };
    let value = match output {
        Value::String(text) => json(text)?,
        other => other.clone(),
    };
    let function = function.to_owned();
    Ok(Case { input: String::new(), expected: Expected::Returned { function, arguments, value } })
}

/// The text of an input or an output: a list has one line for each entry.
fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().map(printed).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

/// Code with what it continues. Code that defines the same function by itself continues nothing.
pub(super) fn completed(code: &str, before: Option<&str>) -> String {
    let begins = code.starts_with([' ', '\t']);
    match before {
        Some(before) if begins => format!("{before}{code}"),
        // What it imports is needed all the same.
        Some(before) => format!("{}\n{code}", imports(before)),
        None => code.to_owned(),
    }
}

/// The lines of imports at the beginning of code.
fn imports(code: &str) -> String {
    let is_import = |line: &&str| line.starts_with("import ") || line.starts_with("from ");
    code.lines().filter(is_import).collect::<Vec<_>>().join("\n")
}

/// The error of tests that cannot be used.
fn unfit(why: &str) -> Error {
    Error::new(ErrorKind::Record, format!("the tests cannot be read: {why}"))
        .hint("tests are Python with `assert`, a list of such lines, or a list of objects with `input` and `output`")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn python(tests: &[&str]) -> UnitTests {
        UnitTests::Python {
            before: None,
            tests: tests.iter().map(|test| (*test).to_owned()).collect(),
        }
    }

    #[test]
    fn lines_lists_and_functions_are_tests_one_by_one() {
        for (text, tests) in [
            ("assert f(1) == 2\nassert f(2) == 3\n", &["assert f(1) == 2", "assert f(2) == 3"][..]),
            (
                r#"["assert f(1) == 2", "assert f(2) == 3"]"#,
                &["assert f(1) == 2", "assert f(2) == 3"],
            ),
            ("x = f(1)\nassert x == 2", &["x = f(1)\nassert x == 2"]),
            (
                "def test_a():\n    assert f(1)\ndef test_b():\n    assert f(2)\n",
                &[
                    "def test_a():\n    assert f(1)\ndef test_b():\n    assert f(2)\n\ntest_a()\n",
                    "test_b()",
                ],
            ),
        ] {
            assert_eq!(UnitTests::read(text).unwrap(), python(tests), "{text}");
        }
        let mbpp = json!({"test_list": ["assert f(1)"], "test_setup_code": "import math"});
        assert_eq!(
            UnitTests::read(&mbpp.to_string()).unwrap(),
            python(&["import math\nassert f(1)"])
        );
    }

    #[test]
    fn a_function_that_checks_is_called_with_the_entry_point() {
        let human = json!({"test": "def check(candidate):\n    assert candidate(1) == 2\n", "entry_point": "f", "prompt": "import math\ndef f(x):\n"});
        let UnitTests::Python { before, tests } = UnitTests::read(&human.to_string()).unwrap()
        else {
            panic!("it is Python")
        };
        assert!(tests[0].ends_with("\ncheck(f)\n") && tests.len() == 1, "{tests:?}");
        assert_eq!(
            completed("    return x + 1", before.as_deref()),
            "import math\ndef f(x):\n    return x + 1"
        );
        assert_eq!(
            completed("def f(x): return 2", before.as_deref()),
            "import math\ndef f(x): return 2"
        );
    }

    #[test]
    fn inputs_are_read_with_their_outputs() {
        let printed = |input: &str, output: &str| Case {
            input: input.to_owned(),
            expected: Expected::Printed(output.to_owned()),
        };
        let live = json!([{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]);
        let apps = json!({"inputs": ["1 2\n"], "outputs": ["3\n"]});
        let lines = json!({"inputs": [["1", "2"]], "outputs": [["3"]]});
        assert_eq!(
            UnitTests::read(&live.to_string()).unwrap(),
            UnitTests::Cases(vec![printed("1 2\n", "3\n")])
        );
        assert_eq!(
            UnitTests::read(&apps.to_string()).unwrap(),
            UnitTests::Cases(vec![printed("1 2\n", "3\n")])
        );
        assert_eq!(
            UnitTests::read(&lines.to_string()).unwrap(),
            UnitTests::Cases(vec![printed("1\n2", "3")])
        );
        let expected = Expected::Returned {
            function: "add".into(),
            arguments: vec![json!([1]), json!(2)],
            value: json!(3),
        };
        let called = UnitTests::Cases(vec![Case { input: String::new(), expected }]);
        let live = json!([{"input": "[1]\n2", "output": "3", "testtype": "functional", "function": "add"}]);
        let taco = json!({"inputs": [[[1], 2]], "outputs": [3], "fn_name": "add"});
        assert_eq!(UnitTests::read(&live.to_string()).unwrap(), called);
        assert_eq!(UnitTests::read(&taco.to_string()).unwrap(), called);
    }

    #[test]
    fn tests_of_no_known_form_are_an_error_of_the_record() {
        for text in [
            "",
            "[]",
            r#"{"inputs": []}"#,
            r#"[{"input": "1"}]"#,
            r#"{"inputs": ["1"], "outputs": []}"#,
            "[1, 2]",
        ] {
            assert_eq!(UnitTests::read(text).unwrap_err().kind(), ErrorKind::Record, "{text}");
        }
    }
}
