//! The rows of prompts for which code runs. What it prints is one of the answers here.

use serde_json::{Value, json};
use tribunal::verdict::Reason;

use super::Row;

/// The rows of this group.
pub(super) fn rows() -> Vec<Row> {
    let tested = || -> Value {
        json!({"answer": "```python\ndef double(n):\n    return 2 * n\n```", "tests": ["assert double(2) == 4"]})
    };
    vec![
        Row::new("gen-prm", json!({"problem": "What is 17 + 25?", "steps": ["17 + 25 = 42"]}))
            .said(["The sum is right.\n", "print(17 + 25 == 42)", "</verify>\n<output>\n", "Yes"])
            .gives("no error")
            .unreadable("Perhaps", Reason::OffScale),
        Row::new("check-tests", tested())
            .said(["Passed 1 of 1 tests.\nShare: 1\nVerdict: correct"])
            .gives("correct")
            .unreadable("The answer holds no code.", Reason::Missing),
        Row::new("check-tests-share", tested())
            .said(["Passed 1 of 2 tests. Test 2 fails: AssertionError.\nShare: 0.5\nVerdict: incorrect"])
            .gives("0.5")
            .unreadable("The answer holds no code.", Reason::Missing),
    ]
}
